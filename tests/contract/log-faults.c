/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <sqlite3.h>

#include "contract/fault-vfs.h"
#include "contract/log-fixture.h"

static void
tear_down (LogFixture   *fixture,
           gconstpointer user_data)
{
  fault_vfs_reset ();
  log_fixture_tear_down (fixture, user_data);
}

static void
add (const char *path,
     void (     *test ) (LogFixture   *fixture,
                         gconstpointer user_data))
{
  g_test_add (path, LogFixture, NULL, log_fixture_set_up, test, tear_down);
}

static CbsEntry *
large_message (gsize len)
{
  g_autofree char *content = g_strnfill (len, 'x');

  return log_fixture_message ("ada", NULL, content);
}

static void
test_sync_before_answer (LogFixture   *fixture,
                         gconstpointer user_data)
{
  log_fixture_open (fixture);
  for (guint i = 0; i < 5; i++)
    {
      const guint n_syncs = fault_vfs_count_syncs (FAULT_WAL);

      log_fixture_store (fixture, log_fixture_message ("ada", NULL, "hello"));
      g_assert_cmpuint (fault_vfs_count_syncs (FAULT_WAL), >, n_syncs);
    }
}

/* Occupies the writer: what is appended until the syncs are released is one batch. */
static void
occupy_writer (LogFixture *fixture)
{
  fault_vfs_hold_syncs ();
  log_fixture_append (fixture, log_fixture_message ("ada", NULL, "hello"));
  fault_vfs_wait_for_sync ();
}

static void
test_sync_grouped (LogFixture   *fixture,
                   gconstpointer user_data)
{
  guint n_syncs = 0;

  log_fixture_open (fixture);
  log_fixture_wait_indexed (fixture);
  n_syncs = fault_vfs_count_syncs (FAULT_WAL);
  occupy_writer (fixture);
  for (guint i = 0; i < 500; i++)
    log_fixture_append (fixture, log_fixture_message ("ada", NULL, "hello"));
  g_assert_false (g_main_context_iteration (fixture->context, FALSE));
  fault_vfs_release_syncs ();
  log_fixture_wait (fixture);

  g_assert_cmpuint (fixture->n_batches, ==, 2);
  g_assert_cmpuint (fault_vfs_count_syncs (FAULT_WAL) - n_syncs, ==, 2);
}

static void
test_sync_reader (LogFixture   *fixture,
                  gconstpointer user_data)
{
  log_fixture_open (fixture);
  log_fixture_store (fixture, log_fixture_message ("ada", NULL, "hello"));
  occupy_writer (fixture);

  /* The writer waits for the disk; readers do not wait for the writer. */
  g_assert_cmpuint (log_fixture_count_messages (fixture), ==, 1);
  g_assert_cmpuint (fixture->committed->len, ==, 1);
  fault_vfs_release_syncs ();
  log_fixture_wait (fixture);
  g_assert_cmpuint (log_fixture_count_messages (fixture), ==, 2);
}

static void
test_full_refused (LogFixture   *fixture,
                   gconstpointer user_data)
{
  gint64 seq = 0;

  log_fixture_open (fixture);
  seq = log_fixture_store (fixture, log_fixture_message ("ada", NULL, "hello"));
  fault_vfs_set_room (FAULT_WAL, fault_vfs_get_end (FAULT_WAL));

  for (guint i = 0; i < 3; i++)
    {
      log_fixture_refuse (fixture, log_fixture_message ("ada", NULL, "hello"), CBS_LOG_ERROR_FULL);
      g_assert_cmpint (cbs_log_get_state (fixture->log), ==, CBS_LOG_STATE_STALLED);
      g_assert_cmpuint (log_fixture_count_messages (fixture), ==, 1);
    }
  g_assert_null (fixture->failure);

  fault_vfs_set_room (FAULT_WAL, -1);
  g_assert_cmpint (log_fixture_store (fixture, log_fixture_message ("ada", NULL, "hello")), ==, seq + 1);
  g_assert_cmpint (cbs_log_get_state (fixture->log), ==, CBS_LOG_STATE_CONNECTED);
  g_assert_cmpuint (log_fixture_count_messages (fixture), ==, 2);
}

static void
test_full_text (LogFixture   *fixture,
                gconstpointer user_data)
{
  const LogAppend *append = NULL;

  log_fixture_open (fixture);
  fault_vfs_set_room (FAULT_WAL, 0);
  append = log_fixture_append (fixture, log_fixture_message ("ada", NULL, "hello"));
  log_fixture_wait (fixture);

  g_assert_cmpstr (append->error->message, ==, "The server's disk is full: nothing was stored");
}

/* What is too large for the room that is left does not take the others with it. */
static void
test_full_one_of_many (LogFixture   *fixture,
                       gconstpointer user_data)
{
  log_fixture_open (fixture);
  occupy_writer (fixture);
  for (guint i = 1; i <= 20; i++)
    log_fixture_append (fixture, i == 7 ? large_message (500000) : large_message (100));
  fault_vfs_set_room (FAULT_WAL, fault_vfs_get_end (FAULT_WAL) + 400000);
  fault_vfs_release_syncs ();
  log_fixture_wait (fixture);

  for (guint i = 0; i <= 20; i++)
    {
      const LogAppend *append = g_ptr_array_index (fixture->appends, i);

      if (i == 7)
        g_assert_error (append->error, CBS_LOG_ERROR, CBS_LOG_ERROR_FULL);
      else
        g_assert_cmpint (append->seq, ==, i < 7 ? i + 2 : i + 1);
      g_assert_cmpuint (append->number, ==, i + 1);
    }
  g_assert_cmpint (cbs_log_get_state (fixture->log), ==, CBS_LOG_STATE_CONNECTED);
  g_assert_cmpuint (log_fixture_count_messages (fixture), ==, 20);
}

/* A join that was rolled back does not hold its name. */
static void
test_full_join (LogFixture   *fixture,
                gconstpointer user_data)
{
  static const char *const names[] = { "bob", "eve", "BOB" };

  log_fixture_open (fixture);
  occupy_writer (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    log_fixture_append (fixture, log_fixture_join (names[i]));
  fault_vfs_set_room (FAULT_WAL, fault_vfs_get_end (FAULT_WAL));
  fault_vfs_release_syncs ();
  log_fixture_wait (fixture);
  for (guint i = 1; i < fixture->appends->len; i++)
    g_assert_error (((const LogAppend *) g_ptr_array_index (fixture->appends, i))->error,
                    CBS_LOG_ERROR, CBS_LOG_ERROR_FULL);

  fault_vfs_set_room (FAULT_WAL, -1);
  log_fixture_store (fixture, log_fixture_join ("Bob"));
  log_fixture_refuse (fixture, log_fixture_join ("bob"), CBS_LOG_ERROR_NAME_TAKEN);
}

/* A leave that was rolled back does not free its name. */
static void
test_full_leave (LogFixture   *fixture,
                 gconstpointer user_data)
{
  log_fixture_open (fixture);
  log_fixture_store (fixture, log_fixture_join ("ada"));
  fault_vfs_set_room (FAULT_WAL, fault_vfs_get_end (FAULT_WAL));
  log_fixture_refuse (fixture, log_fixture_leave ("ada"), CBS_LOG_ERROR_FULL);

  fault_vfs_set_room (FAULT_WAL, -1);
  log_fixture_refuse (fixture, log_fixture_join ("ada"), CBS_LOG_ERROR_NAME_TAKEN);
  log_fixture_store (fixture, log_fixture_leave ("ada"));
  log_fixture_store (fixture, log_fixture_join ("ada"));
}

/* A token that was rolled back was not used. */
static void
test_full_token (LogFixture   *fixture,
                 gconstpointer user_data)
{
  CbsEntry *first = log_fixture_message ("ada", NULL, "hello");
  CbsEntry *second = log_fixture_message ("ada", NULL, "hello");

  first->token = g_strdup ("one");
  second->token = g_strdup ("one");
  log_fixture_open (fixture);
  fault_vfs_set_room (FAULT_WAL, fault_vfs_get_end (FAULT_WAL));
  log_fixture_refuse (fixture, first, CBS_LOG_ERROR_FULL);

  fault_vfs_set_room (FAULT_WAL, -1);
  log_fixture_store (fixture, second);
  g_assert_cmpuint (fixture->committed->len, ==, 1);
}

static void
fill_disk (LogFixture *fixture)
{
  fault_vfs_set_room (FAULT_WAL, fault_vfs_get_end (FAULT_WAL));
}

/* A key that was rolled back owns nothing, and one whose revocation was still does. */
static void
test_full_keys (LogFixture   *fixture,
                gconstpointer user_data)
{
  log_fixture_open (fixture);
  log_fixture_store (fixture, log_fixture_message ("ada", NULL, "hello"));
  fill_disk (fixture);
  log_fixture_refuse (fixture, log_fixture_join_as ("ada", LOG_KEY_1, NULL, 0), CBS_LOG_ERROR_FULL);
  fault_vfs_set_room (FAULT_WAL, -1);
  log_fixture_store (fixture, log_fixture_join_as ("ada", LOG_KEY_2, NULL, 0));

  fill_disk (fixture);
  log_fixture_refuse (fixture, cbs_entry_new_key (CBS_ENTRY_KEY_ADD, "ada", LOG_KEY_1), CBS_LOG_ERROR_FULL);
  fault_vfs_set_room (FAULT_WAL, -1);
  log_fixture_refuse (fixture, log_fixture_join_as ("ada", LOG_KEY_1, NULL, 0), CBS_LOG_ERROR_NAME_OWNED);
  log_fixture_store (fixture, cbs_entry_new_key (CBS_ENTRY_KEY_ADD, "ada", LOG_KEY_1));

  fill_disk (fixture);
  log_fixture_refuse (fixture, cbs_entry_new_key (CBS_ENTRY_KEY_REVOKE, "ada", LOG_KEY_1), CBS_LOG_ERROR_FULL);
  fault_vfs_set_room (FAULT_WAL, -1);
  log_fixture_store (fixture, log_fixture_join_as ("ada", LOG_KEY_1, NULL, 0));
}

/* A name whose passing was rolled back is its holder's still. */
static void
test_full_passing (LogFixture   *fixture,
                   gconstpointer user_data)
{
  CbsEntry *back = log_fixture_join_as ("ada", NULL, "192.0.2.1", 1);
  g_autoptr (CbsLogSnapshot) snapshot = NULL;

  log_fixture_open (fixture);
  log_fixture_store (fixture, log_fixture_join_as ("ada", NULL, "192.0.2.1", 1));
  log_fixture_store (fixture, log_fixture_leave ("ada"));
  log_fixture_store (fixture, cbs_entry_new_relation (CBS_ENTRY_BLOCK, "ada", "eve"));
  fill_disk (fixture);
  log_fixture_refuse (fixture, log_fixture_join_as ("ada", LOG_KEY_1, "192.0.2.2", 1), CBS_LOG_ERROR_FULL);
  fault_vfs_set_room (FAULT_WAL, -1);

  log_fixture_store (fixture, back);
  g_assert_false (back->passed);
  g_assert_false (back->owned);
  snapshot = log_fixture_reopen (fixture);
  g_assert_cmpuint (snapshot->blocks->len, ==, 1);
}

static void
test_full_read_marker (LogFixture   *fixture,
                       gconstpointer user_data)
{
  g_autoptr (CbsLogSnapshot) snapshot = NULL;

  log_fixture_open (fixture);
  log_fixture_store (fixture, cbs_entry_new_read ("ada", "eve", 1));
  fill_disk (fixture);
  log_fixture_refuse (fixture, cbs_entry_new_read ("ada", "eve", 3), CBS_LOG_ERROR_FULL);
  g_assert_cmpint (cbs_log_get_state (fixture->log), ==, CBS_LOG_STATE_STALLED);

  fault_vfs_set_room (FAULT_WAL, -1);
  log_fixture_store (fixture, cbs_entry_new_read ("ada", "eve", 2));
  g_assert_cmpint (cbs_log_get_state (fixture->log), ==, CBS_LOG_STATE_CONNECTED);
  snapshot = log_fixture_reopen (fixture);
  g_assert_cmpint (((const CbsLogMarker *) g_ptr_array_index (snapshot->markers, 0))->seq, ==, 2);
}

/* What is tried again in halves is decided anew, and as if it had been tried once. */
static void
test_full_decided_again (LogFixture   *fixture,
                         gconstpointer user_data)
{
  const int codes[] = { -1, CBS_LOG_ERROR_FULL, -1, -1, CBS_LOG_ERROR_NAME_OWNED, -1, -1, -1 };

  log_fixture_open (fixture);
  occupy_writer (fixture);
  log_fixture_append (fixture, large_message (500000));
  log_fixture_append (fixture, log_fixture_join_as ("ada", LOG_KEY_1, NULL, 0));
  log_fixture_append (fixture, log_fixture_leave ("ada"));
  log_fixture_append (fixture, log_fixture_join_as ("ada", LOG_KEY_2, NULL, 0));
  log_fixture_append (fixture, cbs_entry_new_key (CBS_ENTRY_KEY_ADD, "ada", LOG_KEY_2));
  log_fixture_append (fixture, log_fixture_join_as ("ada", LOG_KEY_2, NULL, 0));
  log_fixture_append (fixture, cbs_entry_new_read ("ada", NULL, 1));
  fault_vfs_set_room (FAULT_WAL, fault_vfs_get_end (FAULT_WAL) + 400000);
  fault_vfs_release_syncs ();
  log_fixture_wait (fixture);

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    {
      const LogAppend *append = g_ptr_array_index (fixture->appends, i);

      g_assert_cmpint (append->error != NULL ? append->error->code : -1, ==, codes[i]);
      if (append->entry->kind == CBS_ENTRY_JOIN && append->error == NULL)
        g_assert_true (append->entry->owned);
    }
  g_assert_cmpuint (fixture->committed->len, ==, 5);
}

static void
test_full_open (LogFixture   *fixture,
                gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;

  fault_vfs_set_room (FAULT_WAL, 0);
  g_assert_null (log_fixture_try_open (fixture, &error));
  g_assert_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_FULL);

  fault_vfs_set_room (FAULT_WAL, -1);
  log_fixture_open (fixture);
}

/* Stores several times what makes the writer copy its log into the database. */
static void
store_much (LogFixture *fixture)
{
  for (guint i = 0; i < 200; i++)
    log_fixture_append (fixture, large_message (100000));
  log_fixture_wait (fixture);
}

/* What is in the write-ahead log is safe there: it can be copied when there is room again. */
static void
test_full_checkpoint (LogFixture   *fixture,
                      gconstpointer user_data)
{
  gint64 size = 0;

  log_fixture_open (fixture);
  size = log_fixture_get_size (fixture, LOG_DATABASE);
  fault_vfs_set_room (FAULT_DATABASE, size);
  store_much (fixture);
  g_assert_cmpuint (fixture->committed->len, ==, 200);
  g_assert_cmpint (cbs_log_get_state (fixture->log), ==, CBS_LOG_STATE_CONNECTED);
  g_assert_cmpint (log_fixture_get_size (fixture, LOG_DATABASE), ==, size);

  fault_vfs_set_room (FAULT_DATABASE, -1);
  cbs_log_snapshot_free (log_fixture_reopen (fixture));
  g_assert_cmpuint (log_fixture_count_messages (fixture), ==, 200);
  g_assert_cmpint (log_fixture_get_size (fixture, LOG_DATABASE), >, 20000000);
}

static void
store_megabytes (LogFixture *fixture,
                 guint       n_megabytes)
{
  for (guint i = 0; i < n_megabytes; i++)
    {
      log_fixture_append (fixture, large_message (1000000));
      if (i % 2 == 0)
        continue;
      log_fixture_wait (fixture);
      /* While the indexer reads, the write-ahead log does not begin anew. */
      log_fixture_wait_indexed (fixture);
    }
  log_fixture_wait (fixture);
}

static void
test_checkpoint_bounds_wal (LogFixture   *fixture,
                            gconstpointer user_data)
{
  log_fixture_open (fixture);
  store_megabytes (fixture, 40);

  g_assert_cmpint (log_fixture_get_size (fixture, LOG_WAL), <, 12000000);
  g_assert_cmpint (log_fixture_get_size (fixture, LOG_DATABASE), >, 20000000);
}

/* As long as somebody looks at the database the write-ahead log can't begin
 * anew, but nobody waits for that; afterwards it does. */
static void
test_checkpoint_foreign_reader (LogFixture   *fixture,
                                gconstpointer user_data)
{
  g_autofree char *path = log_fixture_get_path (fixture, LOG_DATABASE);
  sqlite3 *db = NULL;
  gint64 size = 0;

  log_fixture_open (fixture);
  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, "BEGIN; SELECT count(*) FROM entries", NULL, NULL, NULL),
                   ==, SQLITE_OK);
  store_megabytes (fixture, 72);
  size = log_fixture_get_size (fixture, LOG_WAL);
  g_assert_cmpint (size, >, 72000000);

  g_assert_cmpint (sqlite3_exec (db, "COMMIT", NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_close (db), ==, SQLITE_OK);
  store_megabytes (fixture, 24);
  g_assert_cmpint (log_fixture_get_size (fixture, LOG_WAL), <, size + 12000000);
  g_assert_null (fixture->failure);
}

static void
test_failed_sync (LogFixture   *fixture,
                  gconstpointer user_data)
{
  guint n_syncs = 0;

  log_fixture_open (fixture);
  log_fixture_store (fixture, log_fixture_message ("ada", NULL, "hello"));
  n_syncs = fault_vfs_count_syncs (FAULT_WAL);
  fault_vfs_fail_syncs (FAULT_WAL);
  for (guint i = 0; i < 10; i++)
    log_fixture_append (fixture, log_fixture_message ("ada", NULL, "hello"));
  log_fixture_wait (fixture);

  for (guint i = 1; i <= 10; i++)
    g_assert_error (((const LogAppend *) g_ptr_array_index (fixture->appends, i))->error,
                    CBS_LOG_ERROR, CBS_LOG_ERROR_FAILED);
  g_assert_cmpuint (fixture->committed->len, ==, 1);
  g_assert_cmpint (cbs_log_get_state (fixture->log), ==, CBS_LOG_STATE_FAILED);
  while (fixture->failure == NULL)
    g_main_context_iteration (fixture->context, TRUE);
  g_assert_error (fixture->failure, CBS_LOG_ERROR, CBS_LOG_ERROR_FAILED);

  /* It is never tried again: not by another append, not at the end. */
  g_assert_cmpuint (fault_vfs_count_syncs (FAULT_WAL), ==, n_syncs + 1);
  log_fixture_refuse (fixture, log_fixture_message ("ada", NULL, "hello"), CBS_LOG_ERROR_FAILED);
  g_assert_true (log_fixture_try_close (fixture, NULL));
  g_assert_cmpuint (fault_vfs_count_syncs (FAULT_WAL), ==, n_syncs + 1);
}

static void
test_failed_checkpoint (LogFixture   *fixture,
                        gconstpointer user_data)
{
  guint n_syncs = 0;

  log_fixture_open (fixture);
  n_syncs = fault_vfs_count_syncs (FAULT_DATABASE);
  fault_vfs_fail_syncs (FAULT_DATABASE);
  store_much (fixture);
  while (fixture->failure == NULL)
    g_main_context_iteration (fixture->context, TRUE);

  g_assert_cmpint (cbs_log_get_state (fixture->log), ==, CBS_LOG_STATE_FAILED);
  g_assert_cmpuint (fault_vfs_count_syncs (FAULT_DATABASE), ==, n_syncs + 1);
  log_fixture_refuse (fixture, log_fixture_message ("ada", NULL, "hello"), CBS_LOG_ERROR_FAILED);
}

/* What the SQLite log does on a disk that fills up, fails or hesitates. */
void
log_faults_add_tests (void)
{
  add ("/log/sqlite/sync/before-answer", test_sync_before_answer);
  add ("/log/sqlite/sync/grouped", test_sync_grouped);
  add ("/log/sqlite/sync/reader", test_sync_reader);
  add ("/log/sqlite/full/refused", test_full_refused);
  add ("/log/sqlite/full/text", test_full_text);
  add ("/log/sqlite/full/one-of-many", test_full_one_of_many);
  add ("/log/sqlite/full/join", test_full_join);
  add ("/log/sqlite/full/leave", test_full_leave);
  add ("/log/sqlite/full/token", test_full_token);
  add ("/log/sqlite/full/keys", test_full_keys);
  add ("/log/sqlite/full/passing", test_full_passing);
  add ("/log/sqlite/full/read-marker", test_full_read_marker);
  add ("/log/sqlite/full/decided-again", test_full_decided_again);
  add ("/log/sqlite/full/open", test_full_open);
  add ("/log/sqlite/full/checkpoint", test_full_checkpoint);
  add ("/log/sqlite/checkpoint/bounds-wal", test_checkpoint_bounds_wal);
  add ("/log/sqlite/checkpoint/foreign-reader", test_checkpoint_foreign_reader);
  add ("/log/sqlite/failed/sync", test_failed_sync);
  add ("/log/sqlite/failed/checkpoint", test_failed_checkpoint);
}
