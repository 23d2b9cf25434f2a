/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-log-directory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "server/log/cbs-log-copy.h"
#include "server/log/cbs-log.h"

#define DATABASE "log.sqlite"
#define LOCK "lock"

/* What each version of the database adds to the one before. Those that a
 * database lacks are one transaction; none may ever be changed once it was released.
 *
 * Version 1. The numbers of `kind` are those of CbsEntryKind. Messages are
 * found by three indexes, each in the order of the log. The first two hold
 * what it takes to measure a history, so that no body is touched for that.
 *
 * Version 2. Names have holders: `online` counts, `keys` own a name for its
 * user, and what `released` names is another's with the next join. A marker
 * of what was said to everybody has the dest ''. The log has an id. */
static const char *const migrations[] = {
  "CREATE TABLE entries ("
  "  seq INTEGER PRIMARY KEY,"
  "  time_us INTEGER NOT NULL,"
  "  kind INTEGER NOT NULL,"
  "  src TEXT NOT NULL,"
  "  dest TEXT,"
  "  token TEXT,"
  "  wire_size INTEGER NOT NULL,"
  "  body BLOB NOT NULL"
  ") STRICT;"
  "CREATE UNIQUE INDEX entries_by_token ON entries (token) WHERE token IS NOT NULL;"
  "CREATE INDEX messages_public ON entries (seq, src, wire_size)"
  "  WHERE kind = 1 AND dest IS NULL;"
  "CREATE INDEX messages_by_addressee ON entries (dest, seq, src, wire_size)"
  "  WHERE kind = 1 AND dest IS NOT NULL;"
  "CREATE INDEX messages_by_sender ON entries (src, seq)"
  "  WHERE kind = 1 AND dest IS NOT NULL;"
  /* In the order of the first join; the name is the one that was last shown. */
  "CREATE TABLE users ("
  "  id INTEGER PRIMARY KEY,"
  "  key TEXT NOT NULL UNIQUE,"
  "  name TEXT NOT NULL,"
  "  online INTEGER NOT NULL"
  ") STRICT;"
  "CREATE TABLE blocks ("
  "  src TEXT NOT NULL,"
  "  dest TEXT NOT NULL,"
  "  PRIMARY KEY (src, dest)"
  ") STRICT, WITHOUT ROWID;",

  "ALTER TABLE users ADD COLUMN since INTEGER NOT NULL DEFAULT 0;"
  "ALTER TABLE users ADD COLUMN address TEXT;"
  "ALTER TABLE users ADD COLUMN used_us INTEGER;"
  "ALTER TABLE users ADD COLUMN released INTEGER NOT NULL DEFAULT 0;"
  /* In the order in which they came. */
  "CREATE TABLE keys ("
  "  id INTEGER PRIMARY KEY,"
  "  user TEXT NOT NULL,"
  "  key TEXT NOT NULL,"
  "  added_us INTEGER NOT NULL,"
  "  UNIQUE (user, key)"
  ") STRICT;"
  "CREATE TABLE read_markers ("
  "  src TEXT NOT NULL,"
  "  dest TEXT NOT NULL,"
  "  seq INTEGER NOT NULL,"
  "  PRIMARY KEY (src, dest)"
  ") STRICT, WITHOUT ROWID;"
  "CREATE TABLE meta ("
  "  name TEXT PRIMARY KEY,"
  "  value TEXT NOT NULL"
  ") STRICT, WITHOUT ROWID;"
  "INSERT INTO meta (name, value) VALUES ('id', lower (hex (randomblob (16))));"
  /* It holds now what it takes to measure what somebody has sent. */
  "DROP INDEX messages_by_sender;"
  "CREATE INDEX messages_by_sender ON entries (src, seq, dest, wire_size)"
  "  WHERE kind = 1 AND dest IS NOT NULL;",
};

static void
set_errno_error (GError    **error,
                 const char *what,
                 const char *path,
                 int         code)
{
  g_set_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_FAILED, "%s “%s”: %s",
               what, path, g_strerror (code));
}

/**
 * cbs_log_directory_has_log:
 * @directory: the state directory
 *
 * Tells whether there is a database in it.
 *
 * Returns: %TRUE or %FALSE
 */
gboolean
cbs_log_directory_has_log (const char *directory)
{
  g_autofree char *path = g_build_filename (directory, DATABASE, NULL);

  return g_file_test (path, G_FILE_TEST_IS_REGULAR);
}

/**
 * cbs_log_directory_lock:
 * @directory: the state directory; made with mode 0700 if it is missing
 * @error: return location for a #GError
 *
 * Takes the directory for this process. The lock ends when the descriptor is
 * closed, or with the process, however that ends.
 *
 * Returns: a descriptor; -1 with %CBS_LOG_ERROR_BUSY or %CBS_LOG_ERROR_FAILED
 */
int
cbs_log_directory_lock (const char *directory,
                        GError    **error)
{
  g_autofree char *path = g_build_filename (directory, LOCK, NULL);
  int fd = -1;

  if (g_mkdir_with_parents (directory, 0700) != 0)
    {
      set_errno_error (error, "Can't make the directory", directory, errno);
      return -1;
    }

  fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    {
      set_errno_error (error, "Can't open", path, errno);
      return -1;
    }

  if (flock (fd, LOCK_EX | LOCK_NB) != 0)
    {
      const int code = errno;

      if (code == EWOULDBLOCK)
        g_set_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_BUSY,
                     "Another process uses the directory “%s”", directory);
      else
        set_errno_error (error, "Can't lock", path, code);
      close (fd);
      return -1;
    }

  return fd;
}

/* SQLite would make a file that everybody can read, and gives the files beside it the same mode. */
static gboolean
make_private (const char *path,
              GError    **error)
{
  const int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

  if (fd < 0)
    {
      set_errno_error (error, "Can't open", path, errno);
      return FALSE;
    }

  close (fd);
  return TRUE;
}

/* WAL with FULL: what is committed is on disk, and readers do not wait for the writer. Only blocks are ever
 * deleted, so the page of pointers that a vacuum needs, and Debian's SQLite keeps unless told
 * otherwise, would be written for nothing; that has to be said before anything is in the file. */
static gboolean
set_up (sqlite3 *db,
        GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;
  const char *mode = NULL;

  if (!cbs_sqlite_exec (db, "PRAGMA auto_vacuum = NONE", error))
    return FALSE;
  statement = cbs_sqlite_prepare (db, "PRAGMA journal_mode = WAL", error);
  if (statement == NULL)
    return FALSE;
  if (sqlite3_step (statement) != SQLITE_ROW)
    {
      cbs_sqlite_set_error (db, error);
      return FALSE;
    }

  mode = (const char *) sqlite3_column_text (statement, 0);
  if (g_strcmp0 (mode, "wal") != 0)
    {
      g_set_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_FAILED,
                   "The file system allows no write-ahead log: SQLite uses the mode “%s”", mode);
      return FALSE;
    }

  return cbs_sqlite_exec (db, "PRAGMA synchronous = FULL", error);
}

/* Brings the database of that path up to date; of an older one a copy is kept. */
static gboolean
migrate (sqlite3    *db,
         const char *path,
         gint64      version,
         GError    **error)
{
  g_autofree char *copy = g_strdup_printf ("%s.v%" G_GINT64_FORMAT, path, version);
  g_autoptr (GString) sql = g_string_new ("BEGIN IMMEDIATE;");

  if (version == (gint64) G_N_ELEMENTS (migrations))
    return TRUE;
  if (version > 0 && !cbs_log_copy_keep (db, copy, error))
    return FALSE;

  for (guint i = (guint) version; i < G_N_ELEMENTS (migrations); i++)
    g_string_append (sql, migrations[i]);
  g_string_append_printf (sql, "PRAGMA user_version = %u; COMMIT", (guint) G_N_ELEMENTS (migrations));
  return cbs_sqlite_exec (db, sql->str, error);
}

/**
 * cbs_log_directory_open_writer:
 * @directory: the state directory, locked
 * @error: return location for a #GError
 *
 * Opens the database for the one who writes. A new one is made with mode
 * 0600; an older one is brought up to date, and a copy of it kept beside it.
 *
 * Returns: (transfer full): a connection, which leaves the files as they are
 *   when it is closed; %NULL with %CBS_LOG_ERROR_NEWER, %CBS_LOG_ERROR_FULL
 *   or %CBS_LOG_ERROR_FAILED
 */
sqlite3 *
cbs_log_directory_open_writer (const char *directory,
                               GError    **error)
{
  g_autofree char *path = g_build_filename (directory, DATABASE, NULL);
  g_autoptr (sqlite3) db = NULL;
  gint64 version = 0;

  if (!make_private (path, error))
    return NULL;
  db = cbs_sqlite_open (path, SQLITE_OPEN_READWRITE, error);
  if (db == NULL)
    return NULL;
  sqlite3_db_config (db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);

  if (!cbs_sqlite_get_int (db, "PRAGMA user_version", &version, error))
    return NULL;
  /* Before anything is written. */
  if (version < 0 || version > (gint64) G_N_ELEMENTS (migrations))
    {
      g_set_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_NEWER,
                   "The log “%s” has version %" G_GINT64_FORMAT "; this program knows version %u and older",
                   path, version, (guint) G_N_ELEMENTS (migrations));
      return NULL;
    }

  if (!set_up (db, error) || !migrate (db, path, version, error))
    return NULL;
  return g_steal_pointer (&db);
}

/**
 * cbs_log_directory_open_reader:
 * @directory: the state directory, where the writer's connection is open
 * @error: return location for a #GError
 *
 * Opens a connection that only reads; it never waits for the one that writes.
 *
 * Returns: (transfer full): a connection; %NULL with an error of SQLite
 */
sqlite3 *
cbs_log_directory_open_reader (const char *directory,
                               GError    **error)
{
  g_autofree char *path = g_build_filename (directory, DATABASE, NULL);

  return cbs_sqlite_open (path, SQLITE_OPEN_READONLY, error);
}
