/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-log-sqlite.h"

#include "server/log/cbs-append.h"
#include "server/log/cbs-log-indexer.h"
#include "server/log/cbs-log-private.h"
#include "server/log/cbs-log-reader.h"
#include "server/log/cbs-log-writer.h"

/**
 * CbsLogSqlite:
 *
 * A log in a SQLite database: one thread writes, one reads, one searches, and
 * this object hands them their work and their results back.
 */
struct _CbsLogSqlite
{
  GObject        parent_instance;
  char          *directory;
  CbsLogPause    pause;
  CbsMailbox    *reports; /* of CbsLogReport */
  CbsMailbox    *reads;   /* of CbsLogRead */
  CbsMailbox    *indexed_reports; /* of CbsLogIndexReport */
  CbsLogWriter  *writer;  /* NULL: closed */
  CbsLogReader  *reader;  /* NULL: not open, or it has ended */
  CbsLogIndexer *indexer; /* NULL: not open, or it has ended */
  GTask         *open_task;
  GTask         *close_task;
  CbsLogState    state;
  gint64         indexed;
};

enum
{
  PROP_STATE = 1,
  PROP_INDEXED,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void cbs_log_sqlite_iface_init (CbsLogInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (CbsLogSqlite, cbs_log_sqlite, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (CBS_TYPE_LOG, cbs_log_sqlite_iface_init))

static void
set_state (CbsLogSqlite *self,
           CbsLogState   state)
{
  if (self->state == state)
    return;

  self->state = state;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATE]);
}

static void
set_indexed (CbsLogSqlite *self,
             gint64        indexed)
{
  if (self->indexed == indexed)
    return;

  self->indexed = indexed;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_INDEXED]);
}

/* The writer has opened the log: now there is something to read. */
static void
finish_open (CbsLogSqlite *self,
             CbsLogReport *report)
{
  g_autoptr (GTask) task = g_steal_pointer (&self->open_task);

  self->reader = cbs_log_reader_new (self->directory, &self->pause, self->reads);
  self->indexer = cbs_log_indexer_new (self->directory, report->snapshot->id, report->snapshot->head,
                                       &self->pause, self->indexed_reports);
  set_state (self, report->state);
  g_task_return_pointer (task, g_steal_pointer (&report->snapshot),
                         (GDestroyNotify) cbs_log_snapshot_free);
}

/* The writer has ended: all that was queued is stored, or it could not open the log. */
static void
finish_end (CbsLogSqlite *self,
            CbsLogReport *report)
{
  g_autoptr (GTask) open_task = g_steal_pointer (&self->open_task);
  g_autoptr (GTask) close_task = g_steal_pointer (&self->close_task);

  g_clear_pointer (&self->writer, cbs_log_writer_free);
  if (open_task != NULL)
    g_task_return_error (open_task, g_steal_pointer (&report->error));
  if (close_task != NULL)
    g_task_return_boolean (close_task, TRUE);
}

static void
finish_appends (CbsLogSqlite *self,
                CbsLogReport *report)
{
  if (report->committed->len > 0 && self->indexer != NULL)
    {
      const CbsEntry *newest = g_ptr_array_index (report->committed, report->committed->len - 1);

      cbs_log_indexer_follow (self->indexer, newest->seq);
    }
  cbs_log_emit_committed (CBS_LOG (self), report->committed);
  for (guint i = 0; i < report->appends->len; i++)
    cbs_append_answer (g_ptr_array_index (report->appends, i));
}

static void
reports_cb (GQueue  *items,
            gpointer user_data)
{
  g_autoptr (CbsLogSqlite) self = g_object_ref (user_data);

  while (items->length > 0)
    {
      g_autoptr (CbsLogReport) report = g_queue_pop_head (items);

      if (report->snapshot != NULL)
        finish_open (self, report);
      else
        set_state (self, report->state);

      if (report->committed != NULL)
        finish_appends (self, report);
      if (report->ended)
        finish_end (self, report);
      else if (report->error != NULL)
        cbs_log_emit_failed (CBS_LOG (self), report->error);
    }
}

static void
answer_read (CbsLogRead *read)
{
  g_autoptr (GTask) task = g_steal_pointer (&read->task);

  if (read->error != NULL)
    g_task_return_error (task, g_steal_pointer (&read->error));
  else if (read->entries != NULL)
    g_task_return_pointer (task, g_steal_pointer (&read->entries), (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_boolean (task, TRUE);
}

static void
reads_cb (GQueue  *items,
          gpointer user_data)
{
  g_autoptr (CbsLogSqlite) self = g_object_ref (user_data);

  while (items->length > 0)
    {
      CbsLogRead *read = g_queue_pop_head (items);

      if (read->task != NULL)
        {
          answer_read (read);
          continue;
        }

      /* One after the other: the last connection to close tidies up, and only the writer's can. */
      cbs_log_read_free (read);
      g_clear_pointer (&self->reader, cbs_log_reader_free);
      cbs_log_indexer_stop (self->indexer);
    }
}

static void
indexed_reports_cb (GQueue  *items,
                    gpointer user_data)
{
  g_autoptr (CbsLogSqlite) self = g_object_ref (user_data);

  while (items->length > 0)
    {
      g_autoptr (CbsLogIndexReport) report = g_queue_pop_head (items);

      if (!report->ended)
        set_indexed (self, report->indexed);
      if (report->read != NULL)
        answer_read (g_steal_pointer (&report->read));
      if (!report->ended)
        continue;

      g_clear_pointer (&self->indexer, cbs_log_indexer_free);
      set_indexed (self, 0);
      cbs_log_writer_stop (self->writer);
    }
}

static void
cbs_log_sqlite_open_async (CbsLog             *log,
                           const char         *node,
                           GAsyncReadyCallback callback,
                           gpointer            user_data)
{
  CbsLogSqlite *self = CBS_LOG_SQLITE (log);
  g_autoptr (GTask) task = g_task_new (log, NULL, callback, user_data);

  g_task_set_source_tag (task, cbs_log_open_async);
  if (self->writer != NULL)
    {
      g_task_return_new_error (task, CBS_LOG_ERROR, CBS_LOG_ERROR_BUSY, "The log is open already");
      return;
    }

  self->open_task = g_steal_pointer (&task);
  self->writer = cbs_log_writer_new (self->directory, node, &self->pause, self->reports);
}

static CbsLogSnapshot *
cbs_log_sqlite_open_finish (CbsLog       *log,
                            GAsyncResult *result,
                            GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, log), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_log_open_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

static gboolean
is_open (CbsLogSqlite *self)
{
  return self->reader != NULL && self->close_task == NULL;
}

static void
cbs_log_sqlite_append_async (CbsLog             *log,
                             CbsEntry           *entry,
                             GAsyncReadyCallback callback,
                             gpointer            user_data)
{
  CbsLogSqlite *self = CBS_LOG_SQLITE (log);
  CbsAppend *append = cbs_append_new (log, entry, cbs_log_append_async, callback, user_data);

  if (is_open (self))
    {
      cbs_log_writer_push (self->writer, append);
      return;
    }

  append->error = cbs_log_new_closed_error ();
  cbs_append_answer (append);
}

static gint64
cbs_log_sqlite_append_finish (CbsLog       *log,
                              GAsyncResult *result,
                              GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, log), -1);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_log_append_async), -1);

  return cbs_append_finish (result, error);
}

/* Takes @entries over; NULL: only measures. */
static void
push_read (CbsLogSqlite      *self,
           GTask             *task,
           const CbsLogQuery *query,
           GPtrArray         *entries)
{
  CbsLogRead *read = g_new0 (CbsLogRead, 1);

  read->entries = entries;
  read->task = g_object_ref (task);
  g_task_set_task_data (task, read, (GDestroyNotify) cbs_log_read_free);

  if (is_open (self))
    read->query = cbs_query_new (query, &read->error);
  else
    read->error = cbs_log_new_closed_error ();

  if (read->error != NULL)
    answer_read (read);
  else if (read->query->search != NULL)
    cbs_log_indexer_push (self->indexer, read);
  else
    cbs_log_reader_push (self->reader, read);
}

static void
cbs_log_sqlite_measure_async (CbsLog             *log,
                              const CbsLogQuery  *query,
                              GCancellable       *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (log, cancellable, callback, user_data);

  g_task_set_source_tag (task, cbs_log_measure_async);
  push_read (CBS_LOG_SQLITE (log), task, query, NULL);
}

static gboolean
cbs_log_sqlite_measure_finish (CbsLog       *log,
                               GAsyncResult *result,
                               CbsLogExtent *out_extent,
                               GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, log), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_log_measure_async), FALSE);

  if (!g_task_propagate_boolean (G_TASK (result), error))
    return FALSE;
  *out_extent = ((const CbsLogRead *) g_task_get_task_data (G_TASK (result)))->extent;
  return TRUE;
}

static void
cbs_log_sqlite_read_async (CbsLog             *log,
                           const CbsLogQuery  *query,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (log, cancellable, callback, user_data);

  g_task_set_source_tag (task, cbs_log_read_async);
  push_read (CBS_LOG_SQLITE (log), task, query,
             g_ptr_array_new_with_free_func ((GDestroyNotify) cbs_entry_unref));
}

static GPtrArray *
cbs_log_sqlite_read_finish (CbsLog       *log,
                            GAsyncResult *result,
                            GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, log), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_log_read_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
cbs_log_sqlite_close_async (CbsLog             *log,
                            GAsyncReadyCallback callback,
                            gpointer            user_data)
{
  CbsLogSqlite *self = CBS_LOG_SQLITE (log);
  g_autoptr (GTask) task = g_task_new (log, NULL, callback, user_data);

  g_task_set_source_tag (task, cbs_log_close_async);
  if (!is_open (self))
    {
      g_task_return_error (task, cbs_log_new_closed_error ());
      return;
    }

  self->close_task = g_steal_pointer (&task);
  cbs_log_reader_stop (self->reader);
}

static gboolean
cbs_log_sqlite_close_finish (CbsLog       *log,
                             GAsyncResult *result,
                             GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, log), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_log_close_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
cbs_log_sqlite_iface_init (CbsLogInterface *iface)
{
  iface->open_async = cbs_log_sqlite_open_async;
  iface->open_finish = cbs_log_sqlite_open_finish;
  iface->append_async = cbs_log_sqlite_append_async;
  iface->append_finish = cbs_log_sqlite_append_finish;
  iface->measure_async = cbs_log_sqlite_measure_async;
  iface->measure_finish = cbs_log_sqlite_measure_finish;
  iface->read_async = cbs_log_sqlite_read_async;
  iface->read_finish = cbs_log_sqlite_read_finish;
  iface->close_async = cbs_log_sqlite_close_async;
  iface->close_finish = cbs_log_sqlite_close_finish;
}

static void
cbs_log_sqlite_get_property (GObject    *object,
                             guint       prop_id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  CbsLogSqlite *self = CBS_LOG_SQLITE (object);

  switch (prop_id)
    {
    case PROP_STATE:
      g_value_set_enum (value, (int) self->state);
      break;
    case PROP_INDEXED:
      g_value_set_int64 (value, self->indexed);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

/* Nothing is on its way: all that is asked keeps the log alive until it is answered. */
static void
cbs_log_sqlite_dispose (GObject *object)
{
  CbsLogSqlite *self = CBS_LOG_SQLITE (object);

  g_clear_pointer (&self->reader, cbs_log_reader_free);
  g_clear_pointer (&self->indexer, cbs_log_indexer_free);
  g_clear_pointer (&self->writer, cbs_log_writer_free);

  G_OBJECT_CLASS (cbs_log_sqlite_parent_class)->dispose (object);
}

static void
cbs_log_sqlite_finalize (GObject *object)
{
  CbsLogSqlite *self = CBS_LOG_SQLITE (object);

  cbs_mailbox_free (self->indexed_reports);
  cbs_mailbox_free (self->reads);
  cbs_mailbox_free (self->reports);
  cbs_log_pause_clear (&self->pause);
  g_free (self->directory);

  G_OBJECT_CLASS (cbs_log_sqlite_parent_class)->finalize (object);
}

static void
cbs_log_sqlite_class_init (CbsLogSqliteClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = cbs_log_sqlite_get_property;
  object_class->dispose = cbs_log_sqlite_dispose;
  object_class->finalize = cbs_log_sqlite_finalize;

  g_object_class_override_property (object_class, PROP_STATE, "state");
  properties[PROP_STATE] = g_object_class_find_property (object_class, "state");
  g_object_class_override_property (object_class, PROP_INDEXED, "indexed");
  properties[PROP_INDEXED] = g_object_class_find_property (object_class, "indexed");
}

static void
cbs_log_sqlite_init (CbsLogSqlite *self)
{
  cbs_log_pause_init (&self->pause);
  self->reports = cbs_mailbox_new (reports_cb, self, (GDestroyNotify) cbs_log_report_free);
  self->reads = cbs_mailbox_new (reads_cb, self, (GDestroyNotify) cbs_log_read_free);
  self->indexed_reports = cbs_mailbox_new (indexed_reports_cb, self, (GDestroyNotify) cbs_log_index_report_free);
}

/**
 * cbs_log_sqlite_new:
 * @directory: the state directory: made when the log is opened if it is missing
 *
 * Makes a log that is kept in a directory, in the thread-default main context.
 *
 * Returns: (transfer full): a log that is not open
 */
CbsLog *
cbs_log_sqlite_new (const char *directory)
{
  CbsLogSqlite *self = NULL;

  g_return_val_if_fail (directory != NULL, NULL);

  self = g_object_new (CBS_TYPE_LOG_SQLITE, NULL);
  self->directory = g_strdup (directory);
  return CBS_LOG (self);
}
