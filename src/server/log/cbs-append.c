/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-append.h"

static void
append_free (CbsAppend *self)
{
  cbs_entry_unref (self->entry);
  g_clear_error (&self->error);
  g_free (self);
}

/**
 * cbs_append_new:
 * @log: the log
 * @entry: what has to be stored
 * @source_tag: tag of the asynchronous call
 * @callback: called when it is answered
 * @user_data: data for @callback
 *
 * Makes an append; it keeps @log alive until it is answered.
 *
 * Returns: (transfer full): an append, freed when it is answered
 */
CbsAppend *
cbs_append_new (CbsLog             *log,
                CbsEntry           *entry,
                gpointer            source_tag,
                GAsyncReadyCallback callback,
                gpointer            user_data)
{
  CbsAppend *self = g_new0 (CbsAppend, 1);

  self->entry = cbs_entry_ref (entry);
  self->task = g_task_new (log, NULL, callback, user_data);
  g_task_set_source_tag (self->task, source_tag);
  g_task_set_task_data (self->task, self, (GDestroyNotify) append_free);
  return self;
}

/**
 * cbs_append_reset:
 * @self: an append
 *
 * Takes its outcome back.
 */
void
cbs_append_reset (CbsAppend *self)
{
  self->seq = 0;
  self->is_new = FALSE;
  self->holding = (CbsHolding) { 0, };
  g_clear_error (&self->error);
}

/**
 * cbs_append_tell_holding:
 * @self: an append that is new, and final
 *
 * Has the entry tell what it has led to, if it is a JOIN.
 */
void
cbs_append_tell_holding (CbsAppend *self)
{
  self->entry->since = self->holding.since;
  self->entry->passed = self->holding.passed;
  self->entry->owned = self->holding.owned;
}

/**
 * cbs_append_answer:
 * @self: (transfer full): an append with its outcome
 *
 * Answers an append, in the log's main context.
 */
void
cbs_append_answer (CbsAppend *self)
{
  g_autoptr (GTask) task = g_steal_pointer (&self->task);

  if (self->error != NULL)
    g_task_return_error (task, g_steal_pointer (&self->error));
  else
    g_task_return_boolean (task, TRUE);
}

/**
 * cbs_append_finish:
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Takes the outcome of an append that was answered.
 *
 * Returns: the sequence; -1 with the error
 */
gint64
cbs_append_finish (GAsyncResult *result,
                   GError      **error)
{
  GTask *task = G_TASK (result);

  /* A task's own integer is a gssize: too small on 32-bit machines. */
  if (!g_task_propagate_boolean (task, error))
    return -1;
  return ((const CbsAppend *) g_task_get_task_data (task))->seq;
}
