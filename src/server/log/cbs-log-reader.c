/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-log-reader.h"

#include "server/log/cbs-log-directory.h"
#include "server/log/cbs-log-rows.h"

#define PUBLIC " FROM entries INDEXED BY messages_public" \
  " WHERE kind = 1 AND dest IS NULL AND seq > ? AND seq <= ? ORDER BY seq"
#define RECEIVED " FROM entries INDEXED BY messages_by_addressee" \
  " WHERE kind = 1 AND dest IS NOT NULL AND seq > ? AND seq <= ? AND dest = ? ORDER BY seq"
/* What somebody says to oneself is received. */
#define SENT " FROM entries INDEXED BY messages_by_sender" \
  " WHERE kind = 1 AND dest IS NOT NULL AND seq > ? AND seq <= ? AND src = ? AND dest <> src ORDER BY seq"
/* The index of public messages does not hold their empty addressee. */
#define SELECT_PUBLIC "SELECT seq, src, NULL, wire_size"
#define SELECT_PRIVATE "SELECT seq, src, dest, wire_size"
#define REST ", time_us, body"

/* Public messages, private ones to the viewer and private ones of the viewer's own are a statement
 * each, merged here. As the arms of one UNION ALL each would be sorted as a whole before it gives
 * a row, unless a LIMIT of its own stops it; cursors read no row too many, whichever bound it is
 * that ends the query. */
typedef enum
{
  PUBLIC_ARM,
  RECEIVED_ARM,
  SENT_ARM,
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
  [MEASURE] = {
    SELECT_PUBLIC PUBLIC,
    SELECT_PRIVATE RECEIVED,
    SELECT_PRIVATE SENT,
  },
  [READ] = {
    SELECT_PUBLIC REST PUBLIC,
    SELECT_PRIVATE REST RECEIVED,
    SELECT_PRIVATE REST SENT,
  },
  [BACKWARDS] = {
    SELECT_PUBLIC PUBLIC " DESC",
    SELECT_PRIVATE RECEIVED " DESC",
    SELECT_PRIVATE SENT " DESC",
  },
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

/* The messages that a query shows, in order; the arms merged. */
typedef struct
{
  sqlite3_stmt  **arms;
  const CbsQuery *query;
  GCancellable   *cancellable;
  gint64          after;
  gint64          until;
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

/* Moves an arm to its next row that is shown. */
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
      if (!cbs_log_row_is_shown (statement, cursor->query))
        continue;
      cursor->seqs[arm] = sqlite3_column_int64 (statement, CBS_LOG_COLUMN_SEQ);
      return TRUE;
    }

  cursor->seqs[arm] = 0;
  if (code == SQLITE_DONE)
    return TRUE;
  cbs_sqlite_set_error (sqlite3_db_handle (statement), error);
  return FALSE;
}

static gboolean
is_wanted (const CbsQuery *query,
           Arm             arm)
{
  switch (arm)
    {
    case PUBLIC_ARM:
      return cbs_query_wants_public (query);
    case RECEIVED_ARM:
      return cbs_query_wants_received (query);
    case SENT_ARM:
      return cbs_query_wants_sent (query);
    case N_ARMS:
    default:
      g_return_val_if_reached (FALSE);
    }
}

/* Puts all arms on their first rows. */
static gboolean
cursor_open (Cursor  *cursor,
             GError **error)
{
  for (Arm arm = PUBLIC_ARM; arm < N_ARMS; arm++)
    {
      const gint64 since = arm == PUBLIC_ARM ? 0 : cursor->query->since;

      if (!is_wanted (cursor->query, arm))
        continue;
      sqlite3_bind_int64 (cursor->arms[arm], 1, MAX (cursor->after, since));
      sqlite3_bind_int64 (cursor->arms[arm], 2, cursor->until);
      if (arm != PUBLIC_ARM)
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
  Arm next = N_ARMS;

  for (Arm arm = PUBLIC_ARM; arm < N_ARMS; arm++)
    {
      if (seqs[arm] != 0 &&
          (next == N_ARMS || (seqs[arm] < seqs[next]) != cursor->backwards))
        next = arm;
    }
  return next;
}

/* Finds where the newest messages begin that the query is limited to. If there are not as many
* they still begin where the oldest was found: what lies before need not be looked at again. */
static gboolean
find_start (CbsLogReader *self,
            CbsLogRead   *read,
            gint64       *after,
            gint64        until,
            GError      **error)
{
  Cursor cursor = {
    .arms = self->statements[BACKWARDS],
    .query = read->query,
    .cancellable = g_task_get_cancellable (read->task),
    .after = *after,
    .until = until,
    .backwards = TRUE,
  };
  guint64 n_found = 0;
  gboolean ok = cursor_open (&cursor, error);

  *after = MAX (*after, until);
  while (ok && cursor_get_arm (&cursor) != N_ARMS)
    {
      const Arm arm = cursor_get_arm (&cursor);

      *after = cursor.seqs[arm] - 1;
      if (++n_found == read->query->newest)
        {
          read->extent.after = *after;
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
         gint64        until,
         GError      **error)
{
  Cursor cursor = {
    .arms = self->statements[read->entries != NULL ? READ : MEASURE],
    .query = read->query,
    .cancellable = g_task_get_cancellable (read->task),
    .after = after,
    .until = until,
  };
  gboolean ok = cursor_open (&cursor, error);

  read->extent.until = read->extent.after;
  while (ok && cursor_get_arm (&cursor) != N_ARMS)
    {
      const Arm arm = cursor_get_arm (&cursor);
      sqlite3_stmt *statement = cursor.arms[arm];

      if (!cbs_query_take (read->query, &read->extent, cursor.seqs[arm],
                           (gsize) sqlite3_column_int64 (statement, CBS_LOG_COLUMN_WIRE_SIZE)))
        break;
      if (read->entries != NULL)
        g_ptr_array_add (read->entries, cbs_log_row_dup_message (statement));
      ok = advance (&cursor, arm, error);
    }

  cursor_close (&cursor);
  return ok;
}

/* One transaction: all arms have to see the same end of the log. */
static gboolean
run_read (CbsLogReader *self,
          CbsLogRead   *read,
          GError      **error)
{
  gint64 after = 0;
  gint64 until = 0;
  gboolean ok = FALSE;

  if (g_cancellable_set_error_if_cancelled (g_task_get_cancellable (read->task), error))
    return FALSE;
  if (!cbs_sqlite_exec (self->db, "BEGIN", error))
    return FALSE;

  read->extent.after = read->query->after;
  ok = cbs_log_rows_find_bounds (self->db, read->query, &after, &until, error) &&
       (read->query->newest == 0 || find_start (self, read, &after, until, error)) &&
       collect (self, read, after, until, error);
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
