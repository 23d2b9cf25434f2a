/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/fault-vfs.h"
#include "contract/log-fixture.h"
#include "server/log/cbs-log-directory.h"

#define LOG_COPY_PART LOG_COPY ".part"
#define CHECKED "checked.sqlite"

#define N_MESSAGES 60
#define N_ENTRIES (5 + N_MESSAGES)

/* As version 1 was released. */
static const char version_1[] =
  "PRAGMA journal_mode = WAL;"
  "BEGIN;"
  "CREATE TABLE entries (seq INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, kind INTEGER NOT NULL,"
  "  src TEXT NOT NULL, dest TEXT, token TEXT, wire_size INTEGER NOT NULL, body BLOB NOT NULL) STRICT;"
  "CREATE UNIQUE INDEX entries_by_token ON entries (token) WHERE token IS NOT NULL;"
  "CREATE INDEX messages_public ON entries (seq, src, wire_size) WHERE kind = 1 AND dest IS NULL;"
  "CREATE INDEX messages_by_addressee ON entries (dest, seq, src, wire_size)"
  "  WHERE kind = 1 AND dest IS NOT NULL;"
  "CREATE INDEX messages_by_sender ON entries (src, seq) WHERE kind = 1 AND dest IS NOT NULL;"
  "CREATE TABLE users (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL,"
  "  online INTEGER NOT NULL) STRICT;"
  "CREATE TABLE blocks (src TEXT NOT NULL, dest TEXT NOT NULL, PRIMARY KEY (src, dest))"
  "  STRICT, WITHOUT ROWID;"
  "INSERT INTO entries VALUES (1, 1000001, 4, 'node', NULL, NULL, 0, x''),"
  "  (2, 1000002, 2, 'ada', NULL, NULL, 3, CAST ('Ada' AS BLOB)),"
  "  (3, 1000003, 2, 'eve', NULL, NULL, 3, CAST ('Eve' AS BLOB)),"
  "  (4, 1000004, 5, 'ada', 'eve', NULL, 0, x''),"
  "  (5, 1000005, 3, 'ada', NULL, NULL, 3, CAST ('Ada' AS BLOB));"
  "INSERT INTO users VALUES (1, 'ada', 'Ada', 0), (2, 'eve', 'Eve', 1);"
  "INSERT INTO blocks VALUES ('ada', 'eve');"
  "PRAGMA user_version = 1;"
  "COMMIT;"
  /* Half of it is in the write-ahead log still. */
  "PRAGMA wal_checkpoint (TRUNCATE);"
  "WITH RECURSIVE n (i) AS (SELECT 6 UNION ALL SELECT i + 1 FROM n WHERE i < " G_STRINGIFY (N_ENTRIES) ")"
  "  INSERT INTO entries SELECT i, 2000000 + i, 1, 'ada', NULL, 'token-' || i, 400, zeroblob (400) FROM n;";

static sqlite3 *
open_database (const char *path)
{
  sqlite3 *db = NULL;

  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  sqlite3_db_config (db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  return db;
}

static void
exec (sqlite3    *db,
      const char *sql)
{
  g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
}

static gint64
get_int (sqlite3    *db,
         const char *sql)
{
  sqlite3_stmt *statement = NULL;
  gint64 value = 0;

  g_assert_cmpint (sqlite3_prepare_v2 (db, sql, -1, &statement, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_step (statement), ==, SQLITE_ROW);
  value = sqlite3_column_int64 (statement, 0);
  sqlite3_finalize (statement);
  return value;
}

/* In the directory that a server of version 1 has left. */
static void
make_version_1 (LogFixture *fixture)
{
  g_autofree char *path = log_fixture_get_path (fixture, LOG_DATABASE);
  sqlite3 *db = NULL;

  g_assert_no_errno (g_mkdir_with_parents (fixture->directory, 0700));
  db = open_database (path);
  exec (db, version_1);
  g_assert_cmpint (sqlite3_close (db), ==, SQLITE_OK);
}

/* The data of version 1, whole; returns its version. */
static gint64
check_database (const char *path)
{
  sqlite3 *db = open_database (path);
  const gint64 version = get_int (db, "PRAGMA user_version");

  g_assert_cmpint (get_int (db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), ==, 1);
  g_assert_cmpint (get_int (db, "SELECT count(*) FROM entries WHERE seq <= " G_STRINGIFY (N_ENTRIES)),
                   ==, N_ENTRIES);
  g_assert_cmpint (get_int (db, "SELECT sum(length(body)) FROM entries WHERE kind = 1"), ==, 400 * N_MESSAGES);
  g_assert_cmpint (get_int (db, "SELECT count(*) FROM users"), ==, 2);
  g_assert_cmpint (get_int (db, "SELECT count(*) FROM blocks"), ==, 1);
  g_assert_cmpint (get_int (db, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"),
                   ==, version == 1 ? 3 : 6);
  if (version > 1)
    g_assert_cmpint (get_int (db, "SELECT length(value) FROM meta WHERE name = 'id'"), ==, 32);
  g_assert_cmpint (sqlite3_close (db), ==, SQLITE_OK);
  return version;
}

static void
copy_file (LogFixture *fixture,
           const char *from,
           const char *to)
{
  g_autofree char *from_path = log_fixture_get_path (fixture, from);
  g_autofree char *to_path = log_fixture_get_path (fixture, to);
  g_autofree char *contents = NULL;
  gsize len = 0;

  if (g_file_get_contents (from_path, &contents, &len, NULL))
    g_assert_true (g_file_set_contents (to_path, contents, (gssize) len, NULL));
}

/* What any program would find: in a copy, so that this one heals nothing. */
static gint64
check_as_left (LogFixture *fixture)
{
  g_autofree char *path = log_fixture_get_path (fixture, CHECKED);

  copy_file (fixture, LOG_DATABASE, CHECKED);
  copy_file (fixture, LOG_WAL, CHECKED "-wal");
  return check_database (path);
}

static void
check_copy (LogFixture *fixture)
{
  g_autofree char *path = log_fixture_get_path (fixture, LOG_COPY);
  struct stat status = { 0, };

  g_assert_no_errno (stat (path, &status));
  g_assert_cmpint (status.st_mode & 07777, ==, 0600);
  g_assert_cmpint (check_database (path), ==, 1);
}

static gboolean
has_file (LogFixture *fixture,
          const char *name)
{
  g_autofree char *path = log_fixture_get_path (fixture, name);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static void
remove_files (LogFixture *fixture)
{
  g_autoptr (GDir) dir = g_dir_open (fixture->directory, 0, NULL);
  const char *name = NULL;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = log_fixture_get_path (fixture, name);

      g_assert_no_errno (g_remove (path));
    }
}

/* Opens the log as a server would; all is there, and is of this version. */
static void
check_opened (LogFixture *fixture)
{
  g_autofree char *path = log_fixture_get_path (fixture, LOG_DATABASE);
  g_autoptr (GError) error = NULL;
  g_autoptr (CbsLogSnapshot) snapshot = log_fixture_try_open (fixture, &error);
  CbsEntry *again = log_fixture_message ("ada", NULL, "again");

  g_assert_no_error (error);
  /* LEAVE of eve, NODE_UP. */
  g_assert_cmpint (snapshot->head, ==, N_ENTRIES + 2);
  g_assert_cmpuint (snapshot->users->len, ==, 2);
  g_assert_cmpuint (snapshot->blocks->len, ==, 1);
  g_assert_cmpuint (snapshot->markers->len, ==, 0);
  g_assert_cmpuint (strlen (snapshot->id), ==, 32);
  for (guint i = 0; i < snapshot->users->len; i++)
    {
      const CbsLogUser *user = g_ptr_array_index (snapshot->users, i);

      g_assert_cmpstr (user->name, ==, i == 0 ? "Ada" : "Eve");
      g_assert_cmpint (user->since, ==, 0);
      g_assert_cmpuint (user->keys->len, ==, 0);
    }
  g_assert_cmpuint (log_fixture_count_messages (fixture), ==, N_MESSAGES);
  again->token = g_strdup ("token-7");
  g_assert_cmpint (log_fixture_store (fixture, again), ==, 7);

  g_assert_true (log_fixture_try_close (fixture, NULL));
  g_assert_cmpint (check_database (path), ==, 2);
  check_copy (fixture);
  g_assert_false (has_file (fixture, LOG_COPY_PART));
}

/* Another process: migrates, and is killed at a step, if there are as many. Returns whether it was. */
static gboolean
migrate_and_die (LogFixture *fixture,
                 guint       step,
                 gboolean    torn)
{
  int status = 0;
  const pid_t pid = fork ();

  g_assert_no_errno (pid);
  if (pid == 0)
    {
      sqlite3 *db = NULL;
      gboolean migrated = FALSE;

      fault_vfs_die_at (step, torn);
      db = cbs_log_directory_open_writer (fixture->directory, NULL);
      migrated = db != NULL;
      sqlite3_close (db);
      _exit (migrated ? 0 : 1);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  if (WIFSIGNALED (status))
    {
      g_assert_cmpint (WTERMSIG (status), ==, SIGKILL);
      return TRUE;
    }

  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  return FALSE;
}

/* Kills the migration at each write and sync in turn; the copy it makes first is part of it. */
static void
kill_at_each_step (LogFixture *fixture,
                   gboolean    torn)
{
  guint n_old = 0;
  guint n_new = 0;
  guint n_without_copy = 0;
  gboolean killed = TRUE;

  for (guint step = 1; killed; step++)
    {
      make_version_1 (fixture);
      killed = migrate_and_die (fixture, step, torn);
      if (check_as_left (fixture) == 1)
        n_old++;
      else
        n_new++;
      if (has_file (fixture, LOG_COPY))
        check_copy (fixture);
      else
        n_without_copy++;

      check_opened (fixture);
      log_fixture_renew (fixture);
      g_ptr_array_set_size (fixture->appends, 0);
      fixture->n_answers = 0;
      remove_files (fixture);
    }

  /* It was killed in the midst of the copy, in that of the migration, and not at all. */
  g_assert_cmpuint (n_without_copy, >, 5);
  g_assert_cmpuint (n_old, >, n_without_copy + 5);
  g_assert_cmpuint (n_new, >=, 1);
}

static void
test_migration_killed (LogFixture   *fixture,
                       gconstpointer user_data)
{
  kill_at_each_step (fixture, FALSE);
}

static void
test_migration_torn (LogFixture   *fixture,
                     gconstpointer user_data)
{
  kill_at_each_step (fixture, TRUE);
}

static void
test_migration_done (LogFixture   *fixture,
                     gconstpointer user_data)
{
  make_version_1 (fixture);
  check_opened (fixture);
}

/* Nobody has a key or an address of what version 1 knew of: whoever comes first has the name as it was. */
static void
test_migration_names (LogFixture   *fixture,
                      gconstpointer user_data)
{
  CbsEntry *first = log_fixture_join_as ("ada", NULL, "192.0.2.1", LOG_HOLD_US);
  CbsEntry *second = log_fixture_join_as ("eve", LOG_KEY_1, "192.0.2.1", LOG_HOLD_US);

  make_version_1 (fixture);
  log_fixture_open (fixture);
  log_fixture_store (fixture, first);
  g_assert_false (first->passed);
  log_fixture_store (fixture, second);
  g_assert_false (second->passed);
  g_assert_true (second->owned);

  log_fixture_store (fixture, log_fixture_leave ("ada"));
  log_fixture_refuse (fixture, log_fixture_join_as ("ada", NULL, "192.0.2.2", LOG_HOLD_US),
                      CBS_LOG_ERROR_NAME_HELD);
}

/* One that is there is from before an attempt that was cut off. */
static void
test_migration_copy_kept (LogFixture   *fixture,
                          gconstpointer user_data)
{
  g_autofree char *path = log_fixture_get_path (fixture, LOG_COPY);
  g_autofree char *contents = NULL;

  make_version_1 (fixture);
  g_assert_true (g_file_set_contents (path, "the copy", -1, NULL));
  log_fixture_open (fixture);
  g_assert_true (g_file_get_contents (path, &contents, NULL, NULL));
  g_assert_cmpstr (contents, ==, "the copy");
}

static void
test_migration_copy_unfinished (LogFixture   *fixture,
                                gconstpointer user_data)
{
  g_autofree char *path = log_fixture_get_path (fixture, LOG_COPY_PART);
  g_autofree char *journal_path = log_fixture_get_path (fixture, LOG_COPY_PART "-journal");
  g_autofree char *garbage = g_strnfill (8192, 'g');

  make_version_1 (fixture);
  g_assert_true (g_file_set_contents (path, garbage, 8192, NULL));
  g_assert_true (g_file_set_contents (journal_path, garbage, 8192, NULL));
  check_opened (fixture);
  g_assert_false (has_file (fixture, LOG_COPY_PART "-journal"));
}

/* Without room for a copy nothing is changed. */
static void
test_migration_copy_full (LogFixture   *fixture,
                          gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;

  make_version_1 (fixture);
  fault_vfs_set_room (FAULT_DATABASE, 8192);
  g_assert_null (log_fixture_try_open (fixture, &error));
  fault_vfs_reset ();
  g_assert_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_FULL);
  g_assert_cmpint (check_as_left (fixture), ==, 1);
  g_assert_false (has_file (fixture, LOG_COPY));
  g_assert_false (has_file (fixture, LOG_COPY_PART));

  check_opened (fixture);
}

/* Neither a new log nor one of this version is copied. */
static void
test_migration_no_copy (LogFixture   *fixture,
                        gconstpointer user_data)
{
  log_fixture_open (fixture);
  cbs_log_snapshot_free (log_fixture_reopen (fixture));
  g_assert_false (has_file (fixture, "log.sqlite.v0"));
  g_assert_false (has_file (fixture, LOG_COPY));
  g_assert_false (has_file (fixture, "log.sqlite.v2"));
}

/* How the database of an older version becomes one of this. */
void
log_migration_add_tests (void)
{
  log_fixture_add ("/log/sqlite/migration/done", test_migration_done);
  log_fixture_add ("/log/sqlite/migration/names", test_migration_names);
  log_fixture_add ("/log/sqlite/migration/killed", test_migration_killed);
  log_fixture_add ("/log/sqlite/migration/torn", test_migration_torn);
  log_fixture_add ("/log/sqlite/migration/copy/kept", test_migration_copy_kept);
  log_fixture_add ("/log/sqlite/migration/copy/unfinished", test_migration_copy_unfinished);
  log_fixture_add ("/log/sqlite/migration/copy/full", test_migration_copy_full);
  log_fixture_add ("/log/sqlite/migration/copy/none", test_migration_no_copy);
}
