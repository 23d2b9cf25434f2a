/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * CbsMailbox:
 *
 * The way from any thread into a main context: what was put in is handed over
 * there, in order, by one wake-up for all that has gathered.
 *
 * What is handed over in a turn of the main loop was put in before that turn
 * began to dispatch: a #GTask that is answered then completes at once, so
 * answers keep their order.
 */
typedef struct _CbsMailbox CbsMailbox;

/**
 * CbsMailboxFunc:
 * @items: what has gathered; to be emptied
 * @user_data: the owner's data
 *
 * Takes what is handed over. It may free the mailbox.
 */
typedef void (*CbsMailboxFunc) (GQueue  *items,
                                gpointer user_data);

CbsMailbox *cbs_mailbox_new (CbsMailboxFunc func,
                             gpointer       user_data,
                             GDestroyNotify item_free);
void        cbs_mailbox_free (CbsMailbox *self);
void        cbs_mailbox_put (CbsMailbox *self,
                             gpointer    item);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsMailbox, cbs_mailbox_free)

G_END_DECLS
