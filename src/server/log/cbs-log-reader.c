/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-log-reader.h"

#include "server/log/cbs-log-directory.h"

#define PUBLIC " FROM entries INDEXED BY messages_public" \
  " WHERE kind = 1 AND dest IS NULL AND seq > ? AND seq <= ? ORDER BY seq"
#define PRIVATE " FROM entries INDEXED BY messages_by_addressee" \
  " WHERE kind = 1 AND seq > ? AND seq <= ? AND dest = ? ORDER BY seq"
#define SELECT_EXTENT "SELECT seq, src, wire_size"
#define SELECT_ENTRY "SELECT seq, src, wire_size, time_us, dest, body"

/* Public and private messages are two statements, merged here. As the arms of
 * one UNION ALL each would be sorted as a whole before it gives a row, unless
 * a LIMIT of its own stops it; two cursors read no row too many, whichever
 * bound it is that ends the query. */
typedef enum
{
  PUBLIC_ARM,
  PRIVATE_ARM,
  N_ARMS
} Arm;

typedef enum
{
  MEASURE,
  READ,
  BACKWARDS,
  N_MODES
} Mode;

static const char *const statement_sql[N_MODES][N_ARMS] = {
  [MEASURE] = { SELECT_EXTENT PUBLIC, SELECT_EXTENT PRIVATE },
  [READ] = { SELECT_ENTRY PUBLIC, SELECT_ENTRY PRIVATE },
  [BACKWARDS] = { SELECT_EXTENT PUBLIC " DESC", SELECT_EXTENT PRIVATE " DESC" },
};

enum
{
  COLUMN_SEQ,
  COLUMN_SRC,
  COLUMN_WIRE_SIZE,
  COLUMN_TIME_US,
  COLUMN_DEST,
  COLUMN_BODY,
};

struct _CbsLogReader
{
  char         *directory;
  CbsLogPause  *pause;   /* the owner's, as the mailbox is */
  CbsMailbox   *mailbox; /* of CbsLogRead */
  GThread      *thread;
  GAsyncQueue  *queue; /* of CbsLogRead */
  gboolean      stopped;

  /* The thread's own. */
  sqlite3      *db;
  sqlite3_stmt *statements[N_MODES][N_ARMS];
};

/* The messages that a viewer may see, in order; both arms merged. */
typedef struct
{
  sqlite3_stmt  **arms;
  const CbsQuery *query;
  GCancellable   *cancellable;
  gint64          seqs[N_ARMS]; /* of the row that each arm stands on; 0: it has no more */
  gboolean        backwards;
} Cursor;

/**
 * cbs_log_read_free:
 * @self: (transfer full): a read that was answered
 *
 * Frees a read.
 */
void
cbs_log_read_free (CbsLogRead *self)
{
  g_return_if_fail (self != NULL);

  g_clear_pointer (&self->query, cbs_query_free);
  g_clear_pointer (&self->entries, g_ptr_array_unref);
  g_clear_error (&self->error);
  g_free (self);
}

/* Moves an arm to its next row whose sender is not hidden. */
static gboolean
advance (Cursor  *cursor,
         Arm      arm,
         GError **error)
{
  sqlite3_stmt *statement = cursor->arms[arm];
  int code = SQLITE_OK;

  while ((code = sqlite3_step (statement)) == SQLITE_ROW)
    {
      if (g_cancellable_set_error_if_cancelled (cursor->cancellable, error))
        return FALSE;
      if (cbs_query_hides (cursor->query, (const char *) sqlite3_column_text (statement, COLUMN_SRC)))
        continue;
      cursor->seqs[arm] = sqlite3_column_int64 (statement, COLUMN_SEQ);
      return TRUE;
    }

  cursor->seqs[arm] = 0;
  if (code == SQLITE_DONE)
    return TRUE;
  cbs_sqlite_set_error (sqlite3_db_handle (statement), error);
  return FALSE;
}

/* Puts both arms on their first rows. */
static gboolean
cursor_open (Cursor  *cursor,
             gint64   after,
             GError **error)
{
  for (Arm arm = PUBLIC_ARM; arm < N_ARMS; arm++)
    {
      sqlite3_bind_int64 (cursor->arms[arm], 1, after);
      sqlite3_bind_int64 (cursor->arms[arm], 2, cursor->query->until);
      if (arm == PRIVATE_ARM)
        cbs_sqlite_bind_text (cursor->arms[arm], 3, cursor->query->viewer);
      if (!advance (cursor, arm, error))
        return FALSE;
    }

  return TRUE;
}

static void
cursor_close (Cursor *cursor)
{
  for (Arm arm = PUBLIC_ARM; arm < N_ARMS; arm++)
    sqlite3_reset (cursor->arms[arm]);
}

/* The arm whose row is next; N_ARMS: there are no more. */
static Arm
cursor_get_arm (const Cursor *cursor)
{
  const gint64 *seqs = cursor->seqs;

  if (seqs[PUBLIC_ARM] == 0 && seqs[PRIVATE_ARM] == 0)
    return N_ARMS;
  if (seqs[PUBLIC_ARM] == 0 || seqs[PRIVATE_ARM] == 0)
    return seqs[PUBLIC_ARM] == 0 ? PRIVATE_ARM : PUBLIC_ARM;

  return (seqs[PUBLIC_ARM] < seqs[PRIVATE_ARM]) != cursor->backwards ? PUBLIC_ARM : PRIVATE_ARM;
}

static CbsEntry *
make_entry (sqlite3_stmt *statement)
{
  const int len = sqlite3_column_bytes (statement, COLUMN_BODY);
  g_autoptr (GBytes) body = g_bytes_new (sqlite3_column_blob (statement, COLUMN_BODY), (gsize) len);

  return cbs_entry_new_stored (sqlite3_column_int64 (statement, COLUMN_SEQ),
                               sqlite3_column_int64 (statement, COLUMN_TIME_US),
                               CBS_ENTRY_MESSAGE,
                               (const char *) sqlite3_column_text (statement, COLUMN_SRC),
                               (const char *) sqlite3_column_text (statement, COLUMN_DEST),
                               body,
                               (gsize) sqlite3_column_int64 (statement, COLUMN_WIRE_SIZE));
}

/* Finds where the newest messages begin that the query is limited to. */
static gboolean
find_start (CbsLogReader *self,
            CbsLogRead   *read,
            gint64       *out_after,
            GError      **error)
{
  Cursor cursor = {
    .arms = self->statements[BACKWARDS],
    .query = read->query,
    .cancellable = g_task_get_cancellable (read->task),
    .backwards = TRUE,
  };
  guint64 n_found = 0;
  gboolean ok = cursor_open (&cursor, read->query->after, error);

  *out_after = read->query->after;
  while (ok && cursor_get_arm (&cursor) != N_ARMS)
    {
      const Arm arm = cursor_get_arm (&cursor);

      if (++n_found == read->query->newest)
        {
          *out_after = cursor.seqs[arm] - 1;
          break;
        }
      ok = advance (&cursor, arm, error);
    }

  cursor_close (&cursor);
  return ok;
}

/* Takes messages as long as the bounds allow. */
static gboolean
collect (CbsLogReader *self,
         CbsLogRead   *read,
         gint64        after,
         GError      **error)
{
  Cursor cursor = {
    .arms = self->statements[read->entries != NULL ? READ : MEASURE],
    .query = read->query,
    .cancellable = g_task_get_cancellable (read->task),
  };
  gboolean ok = cursor_open (&cursor, after, error);

  read->extent = (CbsLogExtent) { .after = after, .until = after };
  while (ok && cursor_get_arm (&cursor) != N_ARMS)
    {
      const Arm arm = cursor_get_arm (&cursor);
      sqlite3_stmt *statement = cursor.arms[arm];

      if (!cbs_query_take (read->query, &read->extent, cursor.seqs[arm],
                           (gsize) sqlite3_column_int64 (statement, COLUMN_WIRE_SIZE)))
        break;
      if (read->entries != NULL)
        g_ptr_array_add (read->entries, make_entry (statement));
      ok = advance (&cursor, arm, error);
    }

  cursor_close (&cursor);
  return ok;
}

/* One transaction: both arms have to see the same end of the log. */
static gboolean
run_read (CbsLogReader *self,
          CbsLogRead   *read,
          GError      **error)
{
  gint64 after = read->query->after;
  gboolean ok = FALSE;

  if (g_cancellable_set_error_if_cancelled (g_task_get_cancellable (read->task), error))
    return FALSE;
  if (!cbs_sqlite_exec (self->db, "BEGIN", error))
    return FALSE;

  ok = (read->query->newest == 0 || find_start (self, read, &after, error)) &&
       collect (self, read, after, error);
  return cbs_sqlite_exec (self->db, "COMMIT", ok ? error : NULL) && ok;
}

static gboolean
open_database (CbsLogReader *self,
               GError      **error)
{
  self->db = cbs_log_directory_open_reader (self->directory, error);
  if (self->db == NULL)
    return FALSE;

  for (Mode mode = MEASURE; mode < N_MODES; mode++)
    {
      for (Arm arm = PUBLIC_ARM; arm < N_ARMS; arm++)
        {
          self->statements[mode][arm] = cbs_sqlite_prepare (self->db, statement_sql[mode][arm], error);
          if (self->statements[mode][arm] == NULL)
            return FALSE;
        }
    }

  return TRUE;
}

static void
close_database (CbsLogReader *self)
{
  for (Mode mode = MEASURE; mode < N_MODES; mode++)
    {
      for (Arm arm = PUBLIC_ARM; arm < N_ARMS; arm++)
        g_clear_pointer (&self->statements[mode][arm], sqlite3_finalize);
    }
  g_clear_pointer (&self->db, sqlite3_close);
}

static gpointer
reader_thread (gpointer user_data)
{
  CbsLogReader *self = user_data;
  g_autoptr (GError) error = NULL;
  const gboolean is_open = open_database (self, &error);

  for (;;)
    {
      CbsLogRead *read = g_async_queue_pop (self->queue);

      if (read->task == NULL)
        {
          close_database (self);
          cbs_mailbox_put (self->mailbox, read);
          return NULL;
        }
      cbs_log_pause_enter (self->pause);
      if (is_open)
        run_read (self, read, &read->error);
      else
        read->error = g_error_copy (error);
      cbs_log_pause_leave (self->pause);
      cbs_mailbox_put (self->mailbox, read);
    }
}

/**
 * cbs_log_reader_new:
 * @directory: the state directory of a log that is open
 * @pause: when the writer needs a moment without readers; has to outlive the reader
 * @mailbox: where reads come back; has to outlive the reader
 *
 * Starts a reader. If it can't open the database every read fails.
 *
 * Returns: (transfer full): a reader
 */
CbsLogReader *
cbs_log_reader_new (const char  *directory,
                    CbsLogPause *pause,
                    CbsMailbox  *mailbox)
{
  CbsLogReader *self = g_new0 (CbsLogReader, 1);

  self->directory = g_strdup (directory);
  self->pause = pause;
  self->mailbox = mailbox;
  self->queue = g_async_queue_new ();
  self->thread = g_thread_new ("log-reader", reader_thread, self);
  return self;
}

/**
 * cbs_log_reader_push:
 * @self: a reader that was not stopped
 * @read: (transfer full): what is wanted
 *
 * Queues a read; it comes back with what was found.
 */
void
cbs_log_reader_push (CbsLogReader *self,
                     CbsLogRead   *read)
{
  g_async_queue_push (self->queue, read);
}

/**
 * cbs_log_reader_stop:
 * @self: a reader
 *
 * Has the reader end when all that is queued is done. Then a read without a
 * task comes back.
 */
void
cbs_log_reader_stop (CbsLogReader *self)
{
  if (self->stopped)
    return;

  self->stopped = TRUE;
  g_async_queue_push (self->queue, g_new0 (CbsLogRead, 1));
}

/**
 * cbs_log_reader_free:
 * @self: (transfer full): a reader
 *
 * Stops a reader, and waits until it has ended.
 */
void
cbs_log_reader_free (CbsLogReader *self)
{
  g_return_if_fail (self != NULL);

  cbs_log_reader_stop (self);
  g_thread_join (self->thread);
  g_async_queue_unref (self->queue);
  g_free (self->directory);
  g_free (self);
}
