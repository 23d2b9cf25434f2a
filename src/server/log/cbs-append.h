/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-holders.h"

G_BEGIN_DECLS

/**
 * CbsAppend:
 * @entry: what has to be stored
 * @seq: where it is stored; READ: the head when it was; 0: not yet, or not at all
 * @is_new: it is stored by this append, not by an earlier one of the same token
 * @holding: JOIN that is new: what it has led to
 * @error: (nullable): why it can't be stored
 *
 * An append on its way. Whoever has it may set its outcome; it is made and
 * answered in the log's main context.
 */
typedef struct
{
  /*< private >*/
  GTask     *task;
  /*< public >*/
  CbsEntry  *entry;
  gint64     seq;
  gboolean   is_new;
  CbsHolding holding;
  GError    *error;
} CbsAppend;

CbsAppend *cbs_append_new (CbsLog             *log,
                           CbsEntry           *entry,
                           gpointer            source_tag,
                           GAsyncReadyCallback callback,
                           gpointer            user_data);
void       cbs_append_reset (CbsAppend *self);
void       cbs_append_tell_holding (CbsAppend *self);
void       cbs_append_answer (CbsAppend *self);
gint64     cbs_append_finish (GAsyncResult *result,
                              GError      **error);

G_END_DECLS
