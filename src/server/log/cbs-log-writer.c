/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-log-writer.h"

#include "server/log/cbs-log-private.h"
#include "server/log/cbs-log-storage.h"

/* Most entries of a transaction: what it costs the main loop to deliver them at once is bounded too. */
#define MAX_BATCH 1024u

struct _CbsLogWriter
{
  char          *directory;
  char          *node;
  CbsLogPause   *pause;   /* the owner's, as the mailbox is */
  CbsMailbox    *mailbox; /* of CbsLogReport */
  GThread       *thread;

  GMutex         mutex;
  GCond          cond;
  GQueue         queue;  /* of CbsAppend; under the mutex, as is what follows */
  gboolean       stopping;

  /* The thread's own. */
  CbsLogStorage *storage;
  CbsHolders    *holders;
  CbsLogState    state;
  GError        *failure; /* set: nothing is written any more */
};

/**
 * cbs_log_report_free:
 * @self: (transfer full): a report
 *
 * Frees a report; its appends must have been answered.
 */
void
cbs_log_report_free (CbsLogReport *self)
{
  g_return_if_fail (self != NULL);

  g_clear_pointer (&self->snapshot, cbs_log_snapshot_free);
  g_clear_pointer (&self->appends, g_ptr_array_unref);
  g_clear_pointer (&self->committed, g_ptr_array_unref);
  g_clear_error (&self->error);
  g_free (self);
}

/* Stores an entry, or finds why not: both are an outcome. FALSE with an error if SQLite fails. */
static gboolean
store_one (CbsLogWriter *self,
           CbsAppend    *append,
           GError      **error)
{
  const CbsEntry *entry = append->entry;

  if (entry->token != NULL && !cbs_log_storage_find_token (self->storage, entry->token, &append->seq, error))
    return FALSE;
  if (append->seq > 0)
    return TRUE;

  if (!cbs_holders_apply (self->holders, entry, cbs_log_storage_get_head (self->storage) + 1,
                          &append->holding, &append->error))
    return TRUE;

  if (!cbs_log_storage_write (self->storage, entry, &append->holding, error))
    return FALSE;
  append->seq = cbs_log_storage_get_head (self->storage);
  append->is_new = entry->kind != CBS_ENTRY_READ;
  return TRUE;
}

static gboolean
store_all (CbsLogWriter *self,
           CbsAppend   **appends,
           guint         n_appends,
           GError      **error)
{
  if (!cbs_log_storage_begin (self->storage, error))
    return FALSE;
  cbs_holders_begin (self->holders, cbs_log_storage_get_time_us (self->storage));
  for (guint i = 0; i < n_appends; i++)
    {
      if (!store_one (self, appends[i], error))
        return FALSE;
    }

  return cbs_log_storage_commit (self->storage, error);
}

/* What was stored is final: now the entries may tell where they are. */
static void
settle (CbsLogWriter *self,
        CbsAppend   **appends,
        guint         n_appends)
{
  cbs_holders_settle (self->holders);
  for (guint i = 0; i < n_appends; i++)
    {
      CbsEntry *entry = appends[i]->entry;

      if (appends[i]->is_new)
        {
          entry->seq = appends[i]->seq;
          entry->time_us = cbs_log_storage_get_time_us (self->storage);
          cbs_append_tell_holding (appends[i]);
        }
      if (appends[i]->is_new || (entry->kind == CBS_ENTRY_READ && appends[i]->seq > 0))
        self->state = CBS_LOG_STATE_CONNECTED;
    }
}

static void
revert (CbsLogWriter *self,
        CbsAppend   **appends,
        guint         n_appends)
{
  cbs_holders_revert (self->holders);
  for (guint i = 0; i < n_appends; i++)
    cbs_append_reset (appends[i]);
}

/* Stores a run of appends in one transaction; where there is no room for all
 * of them each half is tried by itself, so that only what does not fit fails.
 * FALSE with an error if the storage has failed. */
static gboolean
store (CbsLogWriter *self,
       CbsAppend   **appends,
       guint         n_appends,
       GError      **error)
{
  g_autoptr (GError) local_error = NULL;
  const guint half = n_appends / 2;

  if (store_all (self, appends, n_appends, &local_error))
    {
      settle (self, appends, n_appends);
      return TRUE;
    }

  revert (self, appends, n_appends);
  if (!g_error_matches (local_error, CBS_LOG_ERROR, CBS_LOG_ERROR_FULL))
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  if (!cbs_log_storage_roll_back (self->storage, error))
    return FALSE;

  if (n_appends > 1)
    return store (self, appends, half, error) &&
           store (self, appends + half, n_appends - half, error);

  self->state = CBS_LOG_STATE_STALLED;
  appends[0]->error = g_steal_pointer (&local_error);
  return TRUE;
}

/* From here on nothing is written. */
static void
fail (CbsLogWriter *self,
      CbsLogReport *report,
      GError       *error)
{
  self->failure = error;
  self->state = CBS_LOG_STATE_FAILED;
  report->error = g_error_copy (error);
}

/* Gives all appends of the report their outcomes. */
static void
store_batch (CbsLogWriter *self,
             CbsLogReport *report)
{
  GError *error = NULL;

  if (self->failure == NULL &&
      !store (self, (CbsAppend **) report->appends->pdata, report->appends->len, &error))
    fail (self, report, error);

  report->committed = g_ptr_array_new_full (report->appends->len, (GDestroyNotify) cbs_entry_unref);
  for (guint i = 0; i < report->appends->len; i++)
    {
      CbsAppend *append = g_ptr_array_index (report->appends, i);

      if (append->is_new)
        g_ptr_array_add (report->committed, cbs_entry_ref (append->entry));
      else if (append->seq == 0 && append->error == NULL)
        append->error = g_error_copy (self->failure);
    }
}

static void
put_report (CbsLogWriter *self,
            CbsLogReport *report)
{
  report->state = self->state;
  cbs_mailbox_put (self->mailbox, report);
}

/* Copies what was stored to its final place now and then: behind the answers, so that nobody waits. */
static void
checkpoint (CbsLogWriter *self)
{
  GError *error = NULL;
  CbsLogReport *report = NULL;

  if (self->failure != NULL || cbs_log_storage_checkpoint (self->storage, self->pause, &error))
    return;

  report = g_new0 (CbsLogReport, 1);
  fail (self, report, error);
  put_report (self, report);
}

static CbsLogSnapshot *
open_log (CbsLogWriter *self,
          GError      **error)
{
  self->storage = cbs_log_storage_open (self->directory, error);
  if (self->storage == NULL || !cbs_log_storage_start_run (self->storage, self->node, error))
    return NULL;

  return cbs_log_storage_read_snapshot (self->storage, self->holders, error);
}

static void
close_log (CbsLogWriter *self)
{
  if (self->state == CBS_LOG_STATE_CONNECTED || self->state == CBS_LOG_STATE_STALLED)
    cbs_log_storage_tidy_up (self->storage);
  g_clear_pointer (&self->storage, cbs_log_storage_free);
}

/* Waits until something is asked. FALSE if the writer was stopped and all is done. */
static gboolean
take_appends (CbsLogWriter *self,
              GPtrArray    *appends)
{
  g_mutex_lock (&self->mutex);
  while (self->queue.length == 0 && !self->stopping)
    g_cond_wait (&self->cond, &self->mutex);
  while (self->queue.length > 0 && appends->len < MAX_BATCH)
    g_ptr_array_add (appends, g_queue_pop_head (&self->queue));
  g_mutex_unlock (&self->mutex);

  return appends->len > 0;
}

static gpointer
writer_thread (gpointer user_data)
{
  CbsLogWriter *self = user_data;
  CbsLogReport *report = g_new0 (CbsLogReport, 1);

  report->snapshot = open_log (self, &report->error);
  if (report->snapshot != NULL)
    {
      self->state = CBS_LOG_STATE_CONNECTED;
      do
        {
          put_report (self, report);
          checkpoint (self);
          report = g_new0 (CbsLogReport, 1);
          report->appends = g_ptr_array_new ();
          if (take_appends (self, report->appends))
            store_batch (self, report);
        }
      while (report->appends->len > 0);
    }

  close_log (self);
  self->state = CBS_LOG_STATE_CLOSED;
  report->ended = TRUE;
  put_report (self, report);
  return NULL;
}

/**
 * cbs_log_writer_new:
 * @directory: the state directory
 * @node: id of this server node
 * @pause: to get a moment without readers; has to outlive the writer
 * @mailbox: where the reports go; has to outlive the writer
 *
 * Starts a writer. It reports first that the log is open, or why it is not.
 *
 * Returns: (transfer full): a writer
 */
CbsLogWriter *
cbs_log_writer_new (const char  *directory,
                    const char  *node,
                    CbsLogPause *pause,
                    CbsMailbox  *mailbox)
{
  CbsLogWriter *self = g_new0 (CbsLogWriter, 1);

  self->directory = g_strdup (directory);
  self->node = g_strdup (node);
  self->pause = pause;
  self->mailbox = mailbox;
  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);
  g_queue_init (&self->queue);
  self->holders = cbs_holders_new ();
  self->thread = g_thread_new ("log-writer", writer_thread, self);
  return self;
}

/**
 * cbs_log_writer_push:
 * @self: a writer that was not stopped
 * @append: (transfer full): what has to be stored
 *
 * Queues an append; it comes back in a report.
 */
void
cbs_log_writer_push (CbsLogWriter *self,
                     CbsAppend    *append)
{
  gboolean was_empty = FALSE;

  g_mutex_lock (&self->mutex);
  was_empty = self->queue.length == 0;
  g_queue_push_tail (&self->queue, append);
  g_mutex_unlock (&self->mutex);

  if (was_empty)
    g_cond_signal (&self->cond);
}

/**
 * cbs_log_writer_stop:
 * @self: a writer
 *
 * Has the writer end when all that is queued is done. Its last report says so.
 */
void
cbs_log_writer_stop (CbsLogWriter *self)
{
  g_mutex_lock (&self->mutex);
  self->stopping = TRUE;
  g_mutex_unlock (&self->mutex);
  g_cond_signal (&self->cond);
}

/**
 * cbs_log_writer_free:
 * @self: (transfer full): a writer
 *
 * Stops a writer, and waits until it has ended.
 */
void
cbs_log_writer_free (CbsLogWriter *self)
{
  g_return_if_fail (self != NULL);

  cbs_log_writer_stop (self);
  g_thread_join (self->thread);
  cbs_holders_free (self->holders);
  g_clear_error (&self->failure);
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->cond);
  g_free (self->directory);
  g_free (self->node);
  g_free (self);
}
