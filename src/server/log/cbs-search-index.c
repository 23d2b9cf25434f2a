/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-search-index.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "server/log/cbs-log.h"

#define DATABASE "search.sqlite"

/* Of the tables below, and of what cbs_search_fold() makes of a text. */
#define VERSION 1

/* After how many of its steps SQLite asks whether to go on. */
#define STEPS 1000

/* Texts come here folded, so all that FTS5 has to do is to split them at the spaces: its tokenizer
 * for ASCII takes whatever is not ASCII as part of a word. */
static const char creation_sql[] =
  "BEGIN IMMEDIATE;"
  "CREATE VIRTUAL TABLE messages USING fts5 (content, content = '', tokenize = 'ascii');"
  "CREATE TABLE position (id INTEGER PRIMARY KEY CHECK (id = 1), log TEXT NOT NULL, seq INTEGER NOT NULL) STRICT;"
  "PRAGMA user_version = " G_STRINGIFY (VERSION) ";";

typedef enum
{
  BEGIN,
  COMMIT,
  ADD,
  MOVE,
  FIND_OLDEST,
  FIND_NEWEST,
  FIND_BEST,
  N_STATEMENTS
} StatementId;

#define FIND "SELECT rowid FROM messages WHERE messages MATCH ? AND rowid > ? AND rowid <= ? ORDER BY "

static const char *const statement_sql[N_STATEMENTS] = {
  [BEGIN] = "BEGIN IMMEDIATE",
  [COMMIT] = "COMMIT",
  [ADD] = "INSERT INTO messages (rowid, content) VALUES (?, ?)",
  [MOVE] = "UPDATE position SET seq = ?",
  [FIND_OLDEST] = FIND "rowid",
  [FIND_NEWEST] = FIND "rowid DESC",
  [FIND_BEST] = FIND "bm25 (messages), rowid DESC",
};

static const char *const suffixes[] = { "", "-wal", "-shm" };

struct _CbsSearchIndex
{
  sqlite3      *db;
  sqlite3_stmt *statements[N_STATEMENTS];
  gint64        seq;     /* what is committed reaches up to here */
  gboolean      damaged; /* it has to be made anew */
};

/**
 * cbs_search_index_delete:
 * @directory: the state directory, where no index is open
 *
 * Deletes the index, if there is one.
 */
void
cbs_search_index_delete (const char *directory)
{
  for (guint i = 0; i < G_N_ELEMENTS (suffixes); i++)
    {
      g_autofree char *name = g_strconcat (DATABASE, suffixes[i], NULL);
      g_autofree char *path = g_build_filename (directory, name, NULL);

      unlink (path);
    }
}

/* SQLite would make a file that everybody can read. */
static gboolean
make_private (const char *path,
              GError    **error)
{
  const int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

  if (fd < 0)
    {
      const int code = errno;

      g_set_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_FAILED, "Can't open “%s”: %s", path, g_strerror (code));
      return FALSE;
    }

  close (fd);
  return TRUE;
}

static gboolean
prepare_statements (CbsSearchIndex *self,
                    GError        **error)
{
  for (guint i = 0; i < N_STATEMENTS; i++)
    {
      self->statements[i] = cbs_sqlite_prepare (self->db, statement_sql[i], error);
      if (self->statements[i] == NULL)
        return FALSE;
    }

  return TRUE;
}

/* NORMAL: a crash may take the end of the index away, which is then made again. */
static CbsSearchIndex *
connect_to (const char *directory,
            GError    **error)
{
  g_autoptr (CbsSearchIndex) self = g_new0 (CbsSearchIndex, 1);
  g_autofree char *path = g_build_filename (directory, DATABASE, NULL);

  if (!make_private (path, error))
    return NULL;
  self->db = cbs_sqlite_open (path, SQLITE_OPEN_READWRITE, error);
  if (self->db == NULL ||
      !cbs_sqlite_exec (self->db, "PRAGMA auto_vacuum = NONE; PRAGMA journal_mode = WAL;"
                        " PRAGMA synchronous = NORMAL", error))
    return NULL;

  return g_steal_pointer (&self);
}

static gboolean
create (CbsSearchIndex *self,
        const char     *log_id,
        GError        **error)
{
  char *position = sqlite3_mprintf ("INSERT INTO position VALUES (1, %Q, 0); COMMIT", log_id);
  const gboolean ok = cbs_sqlite_exec (self->db, creation_sql, error) &&
                      cbs_sqlite_exec (self->db, position, error) &&
                      prepare_statements (self, error);

  sqlite3_free (position);
  return ok;
}

/* Whether it is an index of that log, which has not been set back since. */
static gboolean
check_position (CbsSearchIndex *self,
                const char     *log_id,
                gint64          head,
                GError        **error)
{
  g_autoptr (sqlite3_stmt) statement = cbs_sqlite_prepare (self->db, "SELECT log, seq FROM position", error);
  int code = SQLITE_OK;

  if (statement == NULL)
    return FALSE;
  code = sqlite3_step (statement);
  if (code != SQLITE_ROW && code != SQLITE_DONE)
    {
      cbs_sqlite_set_error (self->db, error);
      return FALSE;
    }

  if (code == SQLITE_ROW)
    self->seq = sqlite3_column_int64 (statement, 1);
  if (code == SQLITE_ROW && self->seq >= 0 && self->seq <= head &&
      g_strcmp0 ((const char *) sqlite3_column_text (statement, 0), log_id) == 0)
    return TRUE;

  g_set_error_literal (error, CBS_LOG_ERROR, CBS_LOG_ERROR_FAILED, "It does not belong to this log");
  return FALSE;
}

/* NULL without an error: there is none. */
static CbsSearchIndex *
open_existing (const char *directory,
               const char *log_id,
               gint64      head,
               GError    **error)
{
  g_autoptr (CbsSearchIndex) self = NULL;
  g_autofree char *path = g_build_filename (directory, DATABASE, NULL);
  gint64 version = 0;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return NULL;

  self = connect_to (directory, error);
  if (self == NULL || !cbs_sqlite_get_int (self->db, "PRAGMA user_version", &version, error))
    return NULL;
  if (version != VERSION)
    {
      g_set_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_NEWER, "It has version %" G_GINT64_FORMAT, version);
      return NULL;
    }
  if (!check_position (self, log_id, head, error) || !prepare_statements (self, error))
    return NULL;

  return g_steal_pointer (&self);
}

/**
 * cbs_search_index_open:
 * @directory: the state directory of a log that is open
 * @log_id: what tells the log from all others
 * @head: sequence of the log's newest entry
 * @error: return location for a #GError
 *
 * Opens the index. One that can't be used, for whatever reason, is deleted and
 * made anew, empty and with mode 0600.
 *
 * Returns: (transfer full): an index; %NULL with an error as
 *   [func@Cbs.sqlite_set_error] sets it
 */
CbsSearchIndex *
cbs_search_index_open (const char *directory,
                       const char *log_id,
                       gint64      head,
                       GError    **error)
{
  g_autoptr (CbsSearchIndex) self = NULL;
  g_autoptr (GError) local_error = NULL;

  self = open_existing (directory, log_id, head, &local_error);
  if (self != NULL)
    return g_steal_pointer (&self);

  /* Journals of a database that is gone must not be taken for those of the new one. */
  cbs_search_index_delete (directory);
  self = connect_to (directory, error);
  if (self == NULL || !create (self, log_id, error))
    return NULL;

  if (local_error != NULL)
    g_message ("The search index is made anew: %s", local_error->message);
  return g_steal_pointer (&self);
}

/**
 * cbs_search_index_free:
 * @self: (transfer full): an index
 *
 * Closes the index. A transaction under way is rolled back.
 */
void
cbs_search_index_free (CbsSearchIndex *self)
{
  g_return_if_fail (self != NULL);

  for (guint i = 0; i < N_STATEMENTS; i++)
    g_clear_pointer (&self->statements[i], sqlite3_finalize);
  g_clear_pointer (&self->db, sqlite3_close);
  g_free (self);
}

/**
 * cbs_search_index_get_seq:
 * @self: an index
 *
 * Gets how far the index reaches.
 *
 * Returns: sequence up to which the log was looked at
 */
gint64
cbs_search_index_get_seq (CbsSearchIndex *self)
{
  return self->seq;
}

/**
 * cbs_search_index_is_damaged:
 * @self: an index
 *
 * Tells whether an error was met that only making it anew will mend.
 *
 * Returns: %TRUE if so
 */
gboolean
cbs_search_index_is_damaged (CbsSearchIndex *self)
{
  return self->damaged;
}

static void
set_error (CbsSearchIndex *self,
           GError        **error)
{
  const int code = sqlite3_errcode (self->db) & 0xff;

  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
    self->damaged = TRUE;
  cbs_sqlite_set_error (self->db, error);
}

static gboolean
run_statement (CbsSearchIndex *self,
               StatementId     id,
               GError        **error)
{
  sqlite3_stmt *statement = self->statements[id];
  const int code = sqlite3_step (statement);

  if (code != SQLITE_DONE)
    set_error (self, error);
  sqlite3_reset (statement);
  return code == SQLITE_DONE;
}

/**
 * cbs_search_index_begin:
 * @self: an index
 * @error: return location for a #GError
 *
 * Begins a transaction.
 *
 * Returns: %TRUE; %FALSE with an error as [func@Cbs.sqlite_set_error] sets it
 */
gboolean
cbs_search_index_begin (CbsSearchIndex *self,
                        GError        **error)
{
  return run_statement (self, BEGIN, error);
}

/**
 * cbs_search_index_add:
 * @self: an index with a transaction under way
 * @seq: sequence of a message behind all that were added before
 * @folded: what it says, folded
 * @error: return location for a #GError
 *
 * Adds a message.
 *
 * Returns: %TRUE; %FALSE with an error as [func@Cbs.sqlite_set_error] sets it
 */
gboolean
cbs_search_index_add (CbsSearchIndex *self,
                      gint64          seq,
                      const char     *folded,
                      GError        **error)
{
  sqlite3_bind_int64 (self->statements[ADD], 1, seq);
  cbs_sqlite_bind_text (self->statements[ADD], 2, folded);
  return run_statement (self, ADD, error);
}

/**
 * cbs_search_index_commit:
 * @self: an index with a transaction under way
 * @seq: sequence up to which the log was looked at
 * @error: return location for a #GError
 *
 * Commits the transaction.
 *
 * Returns: %TRUE; %FALSE with an error as [func@Cbs.sqlite_set_error] sets it
 */
gboolean
cbs_search_index_commit (CbsSearchIndex *self,
                         gint64          seq,
                         GError        **error)
{
  sqlite3_bind_int64 (self->statements[MOVE], 1, seq);
  if (!run_statement (self, MOVE, error) || !run_statement (self, COMMIT, error))
    return FALSE;

  self->seq = seq;
  return TRUE;
}

/**
 * cbs_search_index_roll_back:
 * @self: an index
 *
 * Takes back what the transaction under way has done, if there is one.
 */
void
cbs_search_index_roll_back (CbsSearchIndex *self)
{
  if (!sqlite3_get_autocommit (self->db))
    cbs_sqlite_exec (self->db, "ROLLBACK", NULL);
}

static gboolean
is_late (const CbsSearchRun *run)
{
  return g_get_monotonic_time () >= run->end_us;
}

/* Called by SQLite now and then: whether to give up. */
static int
progress_cb (void *user_data)
{
  const CbsSearchRun *run = user_data;

  return g_cancellable_is_cancelled (run->cancellable) || is_late (run) ? 1 : 0;
}

static gboolean
check_run (const CbsSearchRun *run,
           GError            **error)
{
  if (g_cancellable_set_error_if_cancelled (run->cancellable, error))
    return FALSE;
  if (!is_late (run))
    return TRUE;

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "The search took too long");
  return FALSE;
}

static sqlite3_stmt *
bind (CbsSearchIndex     *self,
      const CbsSearchRun *run,
      const char         *expression)
{
  static const StatementId ids[] = {
    [CBS_SEARCH_OLDEST_FIRST] = FIND_OLDEST,
    [CBS_SEARCH_NEWEST_FIRST] = FIND_NEWEST,
    [CBS_SEARCH_BEST_FIRST] = FIND_BEST,
  };
  sqlite3_stmt *statement = self->statements[ids[run->order]];

  cbs_sqlite_bind_text (statement, 1, expression);
  sqlite3_bind_int64 (statement, 2, run->after);
  sqlite3_bind_int64 (statement, 3, run->until);
  return statement;
}

/**
 * cbs_search_index_run:
 * @self: an index
 * @run: a search
 * @func: called for every match, in order
 * @user_data: data for @func
 * @error: return location for a #GError
 *
 * Searches.
 *
 * Returns: %TRUE; %FALSE with %G_IO_ERROR_CANCELLED, %G_IO_ERROR_TIMED_OUT, an
 *   error of @func, or one as [func@Cbs.sqlite_set_error] sets it
 */
gboolean
cbs_search_index_run (CbsSearchIndex     *self,
                      const CbsSearchRun *run,
                      CbsSearchFunc       func,
                      gpointer            user_data,
                      GError            **error)
{
  g_autofree char *expression = cbs_search_dup_expression (run->search);
  sqlite3_stmt *statement = bind (self, run, expression);
  gboolean more = TRUE;
  gboolean ok = check_run (run, error);
  int code = SQLITE_ROW;

  sqlite3_progress_handler (self->db, STEPS, progress_cb, (void *) run);
  while (ok && more && (code = sqlite3_step (statement)) == SQLITE_ROW)
    ok = check_run (run, error) && func (sqlite3_column_int64 (statement, 0), &more, user_data, error);
  sqlite3_progress_handler (self->db, 0, NULL, NULL);

  /* What SQLite was told to end by itself is no error of its own. */
  if (ok && code != SQLITE_ROW && code != SQLITE_DONE)
    {
      ok = FALSE;
      if (check_run (run, error))
        set_error (self, error);
    }
  sqlite3_reset (statement);
  sqlite3_clear_bindings (statement);
  return ok;
}
