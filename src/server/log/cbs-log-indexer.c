/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-log-indexer.h"

#include "server/log/cbs-log-directory.h"
#include "server/log/cbs-log-rows.h"
#include "server/log/cbs-search-index.h"

/* Most entries, and bytes of messages, that one transaction puts into the index: a search does not wait for more. */
#define CHUNK_ENTRIES 1000
#define CHUNK_BYTES (1024 * 1024)

/* How long it waits for company when fewer entries than that are new: a transaction each would keep
 * the processor busy that the others need. A search does not wait for that. */
#define GATHER_US (100 * G_TIME_SPAN_MILLISECOND)

/* How long a search may take. */
#define SEARCH_US (2 * G_TIME_SPAN_SECOND)

/* After how many matches a search lets the writer have its pause. */
#define MATCHES_AT_ONCE 256u

#define SELECT_CHUNK "SELECT seq, kind, body FROM entries WHERE seq > ? ORDER BY seq LIMIT " \
  G_STRINGIFY (CHUNK_ENTRIES)
#define SELECT_MESSAGE "SELECT seq, src, dest, wire_size, time_us, body FROM entries WHERE seq = ?"

/* A message on its way into the index. */
typedef struct
{
  gint64  seq;
  GBytes *body;
} Document;

struct _CbsLogIndexer
{
  char           *directory;
  char           *log_id;
  CbsLogPause    *pause;   /* the owner's, as the mailbox is */
  CbsMailbox     *mailbox; /* of CbsLogIndexReport */
  GThread        *thread;

  GMutex          mutex;
  GCond           cond;
  GQueue          queue; /* of CbsLogRead; under the mutex, as is what follows */
  gint64          head;  /* of the log */
  gint64          wake_at; /* the head that it waits for */
  gboolean        stopping;

  /* The thread's own. */
  sqlite3        *log;
  sqlite3_stmt   *select_chunk;
  sqlite3_stmt   *select_message;
  CbsSearchIndex *index;      /* NULL: it can't be opened */
  gint64          reported;   /* what was told last */
  gboolean        is_reading; /* a transaction of the log is under way */
  gint64          failed;     /* the head at which indexing failed; 0: it works */
  gboolean        is_mending; /* the index was made anew since it last worked */
};

/* A search under way. */
typedef struct
{
  CbsLogIndexer *indexer;
  CbsLogRead    *read;
  GArray        *newest;    /* of gint64: the matches, newest first; NULL: they are taken as they come */
  guint          n_matches; /* since the last pause */
} Search;

/**
 * cbs_log_index_report_free:
 * @self: (transfer full): a report
 *
 * Frees a report; its read must have been answered.
 */
void
cbs_log_index_report_free (CbsLogIndexReport *self)
{
  g_free (self);
}

static void
document_clear (Document *self)
{
  g_bytes_unref (self->body);
}

/* Tells how far the index reaches, if that is new or there is something else to tell. */
static void
tell (CbsLogIndexer *self,
      CbsLogRead    *read,
      gboolean       ended)
{
  CbsLogIndexReport *report = NULL;
  const gint64 indexed = self->index != NULL ? cbs_search_index_get_seq (self->index) : 0;

  if (indexed == self->reported && read == NULL && !ended)
    return;

  self->reported = indexed;
  report = g_new0 (CbsLogIndexReport, 1);
  report->indexed = indexed;
  report->read = read;
  report->ended = ended;
  cbs_mailbox_put (self->mailbox, report);
}

static gboolean
open_log (CbsLogIndexer *self,
          GError       **error)
{
  self->log = cbs_log_directory_open_reader (self->directory, error);
  if (self->log == NULL)
    return FALSE;

  self->select_chunk = cbs_sqlite_prepare (self->log, SELECT_CHUNK, error);
  if (self->select_chunk == NULL)
    return FALSE;
  self->select_message = cbs_sqlite_prepare (self->log, SELECT_MESSAGE, error);
  return self->select_message != NULL;
}

static void
close_log (CbsLogIndexer *self)
{
  g_clear_pointer (&self->select_chunk, sqlite3_finalize);
  g_clear_pointer (&self->select_message, sqlite3_finalize);
  g_clear_pointer (&self->log, sqlite3_close);
}

static gint64
get_head (CbsLogIndexer *self)
{
  gint64 head = 0;

  g_mutex_lock (&self->mutex);
  head = self->head;
  g_mutex_unlock (&self->mutex);
  return head;
}

/* Opens what is not open: what failed before may work now. */
static gboolean
ensure_open (CbsLogIndexer *self,
             GError       **error)
{
  if (self->select_message == NULL)
    {
      close_log (self);
      if (!open_log (self, error))
        return FALSE;
    }
  if (self->index == NULL)
    self->index = cbs_search_index_open (self->directory, self->log_id, get_head (self), error);
  return self->index != NULL;
}

/* Reads what follows in the log, and no more: the write-ahead log can only begin anew while nobody reads. */
static gboolean
read_chunk (CbsLogIndexer *self,
            GArray        *documents,
            gint64        *out_seq,
            GError       **error)
{
  sqlite3_stmt *statement = self->select_chunk;
  gsize n_bytes = 0;
  int code = SQLITE_OK;

  *out_seq = cbs_search_index_get_seq (self->index);
  sqlite3_bind_int64 (statement, 1, *out_seq);
  while (n_bytes < CHUNK_BYTES && (code = sqlite3_step (statement)) == SQLITE_ROW)
    {
      const gsize len = (gsize) sqlite3_column_bytes (statement, 2);
      Document document = { .seq = sqlite3_column_int64 (statement, 0) };

      *out_seq = document.seq;
      n_bytes += len;
      if (sqlite3_column_int (statement, 1) == CBS_ENTRY_MESSAGE)
        {
          document.body = g_bytes_new (sqlite3_column_blob (statement, 2), len);
          g_array_append_val (documents, document);
        }
    }

  if (code != SQLITE_ROW && code != SQLITE_DONE)
    cbs_sqlite_set_error (self->log, error);
  sqlite3_reset (statement);
  return code == SQLITE_ROW || code == SQLITE_DONE;
}

static gboolean
add_chunk (CbsLogIndexer *self,
           GArray        *documents,
           gint64         seq,
           GError       **error)
{
  if (!cbs_search_index_begin (self->index, error))
    return FALSE;
  for (guint i = 0; i < documents->len; i++)
    {
      const Document *document = &g_array_index (documents, Document, i);
      g_autofree char *folded = cbs_search_fold_body (document->body);

      if (!cbs_search_index_add (self->index, document->seq, folded, error))
        return FALSE;
    }

  return cbs_search_index_commit (self->index, seq, error);
}

/* Follows the log by one chunk. */
static gboolean
follow (CbsLogIndexer *self,
        GError       **error)
{
  g_autoptr (GArray) documents = g_array_new (FALSE, FALSE, sizeof (Document));
  gint64 seq = 0;
  gboolean ok = FALSE;

  if (!ensure_open (self, error))
    return FALSE;

  g_array_set_clear_func (documents, (GDestroyNotify) document_clear);
  cbs_log_pause_enter (self->pause);
  ok = read_chunk (self, documents, &seq, error);
  cbs_log_pause_leave (self->pause);
  if (!ok || seq == cbs_search_index_get_seq (self->index))
    return ok;

  if (add_chunk (self, documents, seq, error))
    {
      self->is_mending = FALSE;
      return TRUE;
    }
  cbs_search_index_roll_back (self->index);
  return FALSE;
}

/* A damaged index is made anew; but one that is damaged again before it was of use waits for the next run. */
static void
mend (CbsLogIndexer *self)
{
  if (self->index == NULL || !cbs_search_index_is_damaged (self->index) || self->is_mending)
    return;

  g_message ("The search index is damaged and is made anew");
  self->is_mending = TRUE;
  self->failed = 0;
  g_clear_pointer (&self->index, cbs_search_index_free);
  cbs_search_index_delete (self->directory);
}

/* Follows the log by one chunk. If it can't, it tries again when the log has grown: there may be room by then. */
static gboolean
try_to_follow (CbsLogIndexer *self,
               GError       **error)
{
  const gint64 head = get_head (self);
  GError *local_error = NULL;

  if (follow (self, &local_error))
    {
      self->failed = 0;
      tell (self, NULL, FALSE);
      return TRUE;
    }

  if (self->failed == 0)
    g_message ("The search index can't be written: %s", local_error->message);
  self->failed = head;
  mend (self);
  tell (self, NULL, FALSE);
  g_propagate_error (error, local_error);
  return FALSE;
}

/* Takes a match if the bounds allow. The statement stands on it. */
static gboolean
take (Search       *self,
      sqlite3_stmt *row)
{
  CbsLogRead *read = self->read;

  if (!cbs_query_take (read->query, &read->extent, sqlite3_column_int64 (row, CBS_LOG_COLUMN_SEQ),
                       (gsize) sqlite3_column_int64 (row, CBS_LOG_COLUMN_WIRE_SIZE)))
    return FALSE;

  if (read->entries != NULL)
    g_ptr_array_add (read->entries, cbs_log_row_dup_message (row));
  return TRUE;
}

/* What is read belongs to one transaction, which costs less than one for each row. It begins with
 * the first row that is needed: the writer need not wait for what goes on in the index. */
static gboolean
begin_reading (CbsLogIndexer *self,
               GError       **error)
{
  if (self->is_reading)
    return TRUE;

  cbs_log_pause_enter (self->pause);
  self->is_reading = cbs_sqlite_exec (self->log, "BEGIN", error);
  if (!self->is_reading)
    cbs_log_pause_leave (self->pause);
  return self->is_reading;
}

static void
end_reading (CbsLogIndexer *self)
{
  if (!self->is_reading)
    return;

  sqlite3_reset (self->select_message);
  cbs_sqlite_exec (self->log, "COMMIT", NULL);
  self->is_reading = FALSE;
  cbs_log_pause_leave (self->pause);
}

/* Puts the statement on the message. FALSE without an error: there is none. */
static gboolean
look_up (CbsLogIndexer *self,
         gint64         seq,
         GError       **error)
{
  int code = SQLITE_OK;

  if (!begin_reading (self, error))
    return FALSE;
  sqlite3_reset (self->select_message);
  sqlite3_bind_int64 (self->select_message, 1, seq);
  code = sqlite3_step (self->select_message);
  if (code != SQLITE_ROW && code != SQLITE_DONE)
    cbs_sqlite_set_error (self->log, error);
  return code == SQLITE_ROW;
}

/* Decides on a match: what was found may be anybody's. */
static gboolean
match_cb (gint64    seq,
          gboolean *out_more,
          gpointer  user_data,
          GError  **error)
{
  Search *self = user_data;
  sqlite3_stmt *row = self->indexer->select_message;
  GError *local_error = NULL;

  if (++self->n_matches % MATCHES_AT_ONCE == 0)
    end_reading (self->indexer);
  if (!look_up (self->indexer, seq, &local_error))
    {
      if (local_error == NULL)
        return TRUE;
      g_propagate_error (error, local_error);
      return FALSE;
    }
  if (!cbs_log_row_is_shown (row, self->read->query))
    return TRUE;

  if (self->newest == NULL)
    *out_more = take (self, row);
  else
    {
      g_array_append_val (self->newest, seq);
      *out_more = self->newest->len < self->read->query->newest;
    }
  return TRUE;
}

/* Takes the newest matches, the oldest of them first. */
static gboolean
take_newest (Search  *self,
             GError **error)
{
  GError *local_error = NULL;

  if (self->newest->len > 0 && self->newest->len == self->read->query->newest)
    {
      self->read->extent.after = g_array_index (self->newest, gint64, self->newest->len - 1) - 1;
      self->read->extent.until = self->read->extent.after;
    }

  for (guint i = self->newest->len; i > 0; i--)
    {
      if (!look_up (self->indexer, g_array_index (self->newest, gint64, i - 1), &local_error))
        {
          if (local_error == NULL)
            continue;
          g_propagate_error (error, local_error);
          return FALSE;
        }
      if (!take (self, self->indexer->select_message))
        return TRUE;
    }
  return TRUE;
}

static gboolean
find_bounds (CbsLogIndexer  *self,
             const CbsQuery *query,
             CbsSearchRun   *run,
             GError        **error)
{
  gboolean ok = begin_reading (self, error) &&
                cbs_log_rows_find_bounds (self->log, query, &run->after, &run->until, error);

  end_reading (self);
  return ok;
}

static gboolean
run_search (CbsLogIndexer *self,
            CbsLogRead    *read,
            GError       **error)
{
  const CbsQuery *query = read->query;
  g_autoptr (GArray) newest = g_array_new (FALSE, FALSE, sizeof (gint64));
  Search search = { .indexer = self, .read = read };
  CbsSearchRun run = {
    .search = query->search,
    .order = query->ranked ? CBS_SEARCH_BEST_FIRST : CBS_SEARCH_OLDEST_FIRST,
    .cancellable = g_task_get_cancellable (read->task),
    .end_us = g_get_monotonic_time () + SEARCH_US,
  };

  if (query->newest > 0 && !query->ranked)
    {
      search.newest = newest;
      run.order = CBS_SEARCH_NEWEST_FIRST;
    }
  read->extent = (CbsLogExtent) { .after = query->after, .until = query->after };
  return find_bounds (self, query, &run, error) &&
         cbs_search_index_run (self->index, &run, match_cb, &search, error) &&
         (search.newest == NULL || take_newest (&search, error));
}

/* First it looks at what is new, so that one finds what one has just said. */
static gboolean
answer (CbsLogIndexer *self,
        CbsLogRead    *read,
        GError       **error)
{
  gboolean ok = FALSE;

  if (g_cancellable_set_error_if_cancelled (g_task_get_cancellable (read->task), error))
    return FALSE;
  if (!try_to_follow (self, error))
    return FALSE;

  ok = run_search (self, read, error);
  end_reading (self);
  return ok;
}

/* Whether there is something to index: at once, or after some time. */
static gboolean
is_behind (CbsLogIndexer *self,
           gint64         n_entries)
{
  return self->head - MAX (self->reported, self->failed) >= n_entries;
}

/* Waits until there is something to do. Gives a search, or NULL: there is
 * something to index, or else the indexer was stopped and all is done. */
static CbsLogRead *
take_work (CbsLogIndexer *self,
           gboolean      *out_stopped)
{
  CbsLogRead *read = NULL;
  gint64 end_us = 0;

  g_mutex_lock (&self->mutex);
  while (self->queue.length == 0 && !self->stopping && !is_behind (self, CHUNK_ENTRIES))
    {
      self->wake_at = MAX (self->reported, self->failed) + (is_behind (self, 1) ? CHUNK_ENTRIES : 1);
      if (!is_behind (self, 1))
        g_cond_wait (&self->cond, &self->mutex);
      else if (end_us == 0)
        end_us = g_get_monotonic_time () + GATHER_US;
      else if (!g_cond_wait_until (&self->cond, &self->mutex, end_us))
        break;
    }
  read = g_queue_pop_head (&self->queue);
  *out_stopped = read == NULL && self->stopping;
  g_mutex_unlock (&self->mutex);
  return read;
}

static gpointer
indexer_thread (gpointer user_data)
{
  CbsLogIndexer *self = user_data;
  gboolean stopped = FALSE;

  /* Tells how far it reaches before it waits for anything. */
  try_to_follow (self, NULL);
  while (!stopped)
    {
      CbsLogRead *read = take_work (self, &stopped);

      if (read != NULL)
        {
          answer (self, read, &read->error);
          if (self->index != NULL && cbs_search_index_is_damaged (self->index))
            mend (self);
          tell (self, read, FALSE);
        }
      else if (!stopped)
        try_to_follow (self, NULL);
    }

  g_clear_pointer (&self->index, cbs_search_index_free);
  close_log (self);
  tell (self, NULL, TRUE);
  return NULL;
}

/**
 * cbs_log_indexer_new:
 * @directory: the state directory of a log that is open
 * @log_id: what tells the log from all others
 * @head: sequence of the log's newest entry
 * @pause: when the writer needs a moment without readers; has to outlive the indexer
 * @mailbox: where its reports go; has to outlive the indexer
 *
 * Starts an indexer. It first looks at what is in the log and not in the
 * index. If that is not possible searches fail, and nothing else.
 *
 * Returns: (transfer full): an indexer
 */
CbsLogIndexer *
cbs_log_indexer_new (const char  *directory,
                     const char  *log_id,
                     gint64       head,
                     CbsLogPause *pause,
                     CbsMailbox  *mailbox)
{
  CbsLogIndexer *self = g_new0 (CbsLogIndexer, 1);

  self->directory = g_strdup (directory);
  self->log_id = g_strdup (log_id);
  self->head = head;
  self->pause = pause;
  self->mailbox = mailbox;
  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);
  g_queue_init (&self->queue);
  self->thread = g_thread_new ("log-indexer", indexer_thread, self);
  return self;
}

/**
 * cbs_log_indexer_follow:
 * @self: an indexer that was not stopped
 * @head: sequence of the log's newest entry
 *
 * Tells that the log has grown.
 */
void
cbs_log_indexer_follow (CbsLogIndexer *self,
                        gint64         head)
{
  gboolean is_wanted = FALSE;

  g_mutex_lock (&self->mutex);
  is_wanted = self->head < self->wake_at && head >= self->wake_at;
  self->head = head;
  g_mutex_unlock (&self->mutex);

  /* It costs the processor too much to wake a thread for every commit. */
  if (is_wanted)
    g_cond_signal (&self->cond);
}

/**
 * cbs_log_indexer_push:
 * @self: an indexer that was not stopped
 * @read: (transfer full): what is looked for
 *
 * Queues a search; it comes back in a report.
 */
void
cbs_log_indexer_push (CbsLogIndexer *self,
                      CbsLogRead    *read)
{
  g_mutex_lock (&self->mutex);
  g_queue_push_tail (&self->queue, read);
  g_mutex_unlock (&self->mutex);
  g_cond_signal (&self->cond);
}

/**
 * cbs_log_indexer_stop:
 * @self: an indexer
 *
 * Has the indexer end when all searches are done. Its last report says so.
 */
void
cbs_log_indexer_stop (CbsLogIndexer *self)
{
  g_mutex_lock (&self->mutex);
  self->stopping = TRUE;
  g_mutex_unlock (&self->mutex);
  g_cond_signal (&self->cond);
}

/**
 * cbs_log_indexer_free:
 * @self: (transfer full): an indexer
 *
 * Stops an indexer, and waits until it has ended.
 */
void
cbs_log_indexer_free (CbsLogIndexer *self)
{
  g_return_if_fail (self != NULL);

  cbs_log_indexer_stop (self);
  g_thread_join (self->thread);
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->cond);
  g_free (self->directory);
  g_free (self->log_id);
  g_free (self);
}
