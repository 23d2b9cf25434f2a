/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-message.h"

G_BEGIN_DECLS

/* Private to the library: not installed. */

/**
 * CbOutbox:
 *
 * What was said to a server that acknowledges, and has not been acknowledged:
 * it outlives connections, and is sent again on the next one in its order.
 *
 * Pure: it neither sends nor waits. A message is acknowledged by its token, a
 * command by an answer that has its time, both refused by the number of the
 * request that they were sent with.
 */
typedef struct _CbOutbox CbOutbox;

CbOutbox  *cb_outbox_new (void);
void       cb_outbox_free (CbOutbox *self);
gboolean   cb_outbox_push (CbOutbox   *self,
                           const char *username,
                           CbMessage  *message,
                           GError    **error);
CbMessage *cb_outbox_take (CbOutbox   *self,
                           const char *username,
                           gint64      request);
gboolean   cb_outbox_acknowledge (CbOutbox   *self,
                                  const char *token);
char      *cb_outbox_pop_overtaken (CbOutbox   *self,
                                    const char *token);
char      *cb_outbox_answer (CbOutbox *self,
                             gint64    time_s);
char      *cb_outbox_refuse (CbOutbox *self,
                             gint64    request);
char      *cb_outbox_pop (CbOutbox *self);
void       cb_outbox_rewind (CbOutbox *self);
gsize      cb_outbox_get_queued (CbOutbox *self);
guint      cb_outbox_get_length (CbOutbox *self);
guint      cb_outbox_count_messages (CbOutbox *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbOutbox, cb_outbox_free)

G_END_DECLS
