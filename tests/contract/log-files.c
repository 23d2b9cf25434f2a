/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/log-fixture.h"

static int
get_mode (const char *path)
{
  struct stat status = { 0, };

  g_assert_no_errno (stat (path, &status));
  return (int) (status.st_mode & 07777);
}

static void
close_log (LogFixture *fixture)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (log_fixture_try_close (fixture, &error));
  g_assert_no_error (error);
}

static void
test_files_modes (LogFixture   *fixture,
                  gconstpointer user_data)
{
  const mode_t mask = umask (0);
  g_autoptr (GDir) dir = NULL;
  const char *name = NULL;
  guint n_files = 0;

  log_fixture_open (fixture);
  log_fixture_store (fixture, log_fixture_message ("ada", NULL, "hello"));
  /* Until then the files of the search index come and go. */
  log_fixture_wait_indexed (fixture);
  umask (mask);

  g_assert_cmpint (get_mode (fixture->directory), ==, 0700);
  dir = g_dir_open (fixture->directory, 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = log_fixture_get_path (fixture, name);

      g_assert_cmpint (get_mode (path), ==, 0600);
      n_files++;
    }
  /* Two databases, their logs, the indexes of those, and the lock. */
  g_assert_cmpuint (n_files, ==, 7);
}

static void
test_files_impossible (LogFixture   *fixture,
                       gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (fixture->directory, "", 0, NULL));

  g_assert_null (log_fixture_try_open (fixture, &error));
  g_assert_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, fixture->directory));
  g_assert_no_errno (g_unlink (fixture->directory));
}

static void
test_files_garbage (LogFixture   *fixture,
                    gconstpointer user_data)
{
  g_autofree char *path = log_fixture_get_path (fixture, LOG_DATABASE);
  g_autofree char *garbage = g_strnfill (8192, 'g');
  g_autoptr (GError) error = NULL;

  g_assert_no_errno (g_mkdir (fixture->directory, 0700));
  g_assert_true (g_file_set_contents (path, garbage, 8192, NULL));

  g_assert_null (log_fixture_try_open (fixture, &error));
  g_assert_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_FAILED);
  g_assert_cmpint (log_fixture_get_size (fixture, LOG_DATABASE), ==, 8192);
}

static void
set_version (LogFixture *fixture,
             int         version)
{
  g_autofree char *path = log_fixture_get_path (fixture, LOG_DATABASE);
  g_autofree char *sql = g_strdup_printf ("PRAGMA user_version = %d", version);
  sqlite3 *db = NULL;

  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_close (db), ==, SQLITE_OK);
}

static void
test_version_newer (LogFixture   *fixture,
                    gconstpointer user_data)
{
  g_autoptr (CbsLogSnapshot) snapshot = NULL;
  g_autoptr (GError) error = NULL;

  log_fixture_open (fixture);
  close_log (fixture);
  set_version (fixture, 4711);

  g_assert_null (log_fixture_try_open (fixture, &error));
  g_assert_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_NEWER);
  g_assert_nonnull (strstr (error->message, "version 4711"));
  g_assert_nonnull (strstr (error->message, "version 2 "));
  g_clear_error (&error);

  /* It was left as it was. */
  set_version (fixture, 2);
  snapshot = log_fixture_try_open (fixture, &error);
  g_assert_no_error (error);
  g_assert_cmpint (snapshot->head, ==, 2);
}

static gint64
get_used_us (LogFixture *fixture)
{
  g_autofree char *path = log_fixture_get_path (fixture, LOG_DATABASE);
  sqlite3_stmt *statement = NULL;
  sqlite3 *db = NULL;
  gint64 used_us = 0;

  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_prepare_v2 (db, "SELECT used_us FROM users", -1, &statement, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_step (statement), ==, SQLITE_ROW);
  used_us = sqlite3_column_int64 (statement, 0);
  g_assert_cmpint (sqlite3_finalize (statement), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_close (db), ==, SQLITE_OK);
  return used_us;
}

/* A name is kept from when it was left, not from when it was taken. */
static void
test_names_used (LogFixture   *fixture,
                 gconstpointer user_data)
{
  CbsEntry *entries[] = { log_fixture_join ("ada"), log_fixture_leave ("ada"), log_fixture_join ("ada") };

  log_fixture_open (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    {
      log_fixture_let_time_pass ();
      log_fixture_store (fixture, entries[i]);
      g_assert_cmpint (get_used_us (fixture), ==, entries[i]->time_us);
    }
}

static void
test_lock_second_log (LogFixture   *fixture,
                      gconstpointer user_data)
{
  LogFixture other = { .context = fixture->context, .directory = fixture->directory };
  g_autoptr (GError) error = NULL;

  log_fixture_open (fixture);
  log_fixture_renew (&other);
  g_assert_null (log_fixture_try_open (&other, &error));
  g_assert_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_BUSY);
  g_assert_nonnull (strstr (error->message, fixture->directory));

  close_log (fixture);
  log_fixture_open (&other);
  g_assert_finalize_object (other.log);
}

/* Another process: opens the log, lets ada join and say something, and stays. */
static void G_GNUC_NORETURN
run_child (LogFixture *fixture,
           int         ready_fd,
           int         end_fd)
{
  char byte = 0;

  /* The context of the parent shares its descriptors. */
  fixture->context = g_main_context_new ();
  g_main_context_push_thread_default (fixture->context);
  log_fixture_renew (fixture);
  log_fixture_open (fixture);
  log_fixture_store (fixture, log_fixture_join ("Ada"));
  log_fixture_store (fixture, log_fixture_message ("ada", NULL, "my last words"));

  g_assert_cmpint (write (ready_fd, "", 1), ==, 1);
  /* Should the test end before it kills this. */
  g_assert_cmpint (read (end_fd, &byte, 1), ==, 0);
  _exit (1);
}

/* Starts that process. It lives until the log of this one was tried, as long as @out_end_fd is open. */
static pid_t
start_child (LogFixture *fixture,
             int        *out_end_fd)
{
  int ready[2] = { -1, -1 };
  int end[2] = { -1, -1 };
  char byte = 0;
  pid_t pid = 0;

  g_assert_no_errno (pipe (ready));
  g_assert_no_errno (pipe (end));
  pid = fork ();
  g_assert_no_errno (pid);
  if (pid == 0)
    {
      close (end[1]);
      run_child (fixture, ready[1], end[0]);
    }

  close (ready[1]);
  close (end[0]);
  g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
  close (ready[0]);
  *out_end_fd = end[1];
  return pid;
}

static void
kill_child (pid_t pid,
            int   end_fd)
{
  int status = 0;

  g_assert_no_errno (kill (pid, SIGKILL));
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFSIGNALED (status));
  close (end_fd);
}

static void
test_lock_other_process (LogFixture   *fixture,
                         gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;
  int end_fd = -1;
  const pid_t pid = start_child (fixture, &end_fd);

  g_assert_null (log_fixture_try_open (fixture, &error));
  g_assert_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_BUSY);

  /* The kernel gives the lock back. */
  kill_child (pid, end_fd);
  log_fixture_open (fixture);
}

static void
test_crash_reaped (LogFixture   *fixture,
                   gconstpointer user_data)
{
  g_autoptr (CbsLogSnapshot) snapshot = NULL;
  g_autoptr (GError) error = NULL;
  const CbsLogUser *user = NULL;
  int end_fd = -1;

  kill_child (start_child (fixture, &end_fd), end_fd);
  snapshot = log_fixture_try_open (fixture, &error);
  g_assert_no_error (error);

  /* NODE_UP, JOIN, MESSAGE; LEAVE, NODE_UP. */
  g_assert_cmpint (snapshot->head, ==, 5);
  g_assert_cmpuint (snapshot->users->len, ==, 1);
  user = g_ptr_array_index (snapshot->users, 0);
  g_assert_cmpstr (user->key, ==, "ada");
  g_assert_cmpstr (user->name, ==, "Ada");
  g_assert_cmpuint (log_fixture_count_messages (fixture), ==, 1);
  log_fixture_store (fixture, log_fixture_join ("ada"));
}

static void
test_crash_dropped (LogFixture   *fixture,
                    gconstpointer user_data)
{
  g_autoptr (CbsLogSnapshot) snapshot = NULL;
  g_autoptr (GError) error = NULL;

  log_fixture_open (fixture);
  log_fixture_store (fixture, log_fixture_join ("ada"));
  log_fixture_store (fixture, log_fixture_message ("ada", NULL, "hello"));
  log_fixture_renew (fixture);

  snapshot = log_fixture_try_open (fixture, &error);
  g_assert_no_error (error);
  g_assert_cmpint (snapshot->head, ==, 5);
  g_assert_cmpuint (log_fixture_count_messages (fixture), ==, 1);
}

/* What the SQLite log does with its files, and who may use them. */
void
log_files_add_tests (void)
{
  log_fixture_add ("/log/sqlite/files/modes", test_files_modes);
  log_fixture_add ("/log/sqlite/files/impossible", test_files_impossible);
  log_fixture_add ("/log/sqlite/files/garbage", test_files_garbage);
  log_fixture_add ("/log/sqlite/version/newer", test_version_newer);
  log_fixture_add ("/log/sqlite/names/used", test_names_used);
  log_fixture_add ("/log/sqlite/lock/second-log", test_lock_second_log);
  log_fixture_add ("/log/sqlite/lock/other-process", test_lock_other_process);
  log_fixture_add ("/log/sqlite/crash/reaped", test_crash_reaped);
  log_fixture_add ("/log/sqlite/crash/dropped", test_crash_dropped);
}
