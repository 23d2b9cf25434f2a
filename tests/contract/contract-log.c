/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/fault-vfs.h"
#include "contract/log-fixture.h"

/* Entries that are appended at once, and one because of another. */
#define BURST 10000
#define CHAIN 2000

static void
test_open_empty (LogFixture   *fixture,
                 gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CbsLogSnapshot) snapshot = log_fixture_try_open (fixture, &error);

  g_assert_no_error (error);
  /* The NODE_UP. */
  g_assert_cmpint (snapshot->head, ==, 1);
  g_assert_cmpuint (snapshot->users->len, ==, 0);
  g_assert_cmpuint (snapshot->blocks->len, ==, 0);
}

static void
test_open_tells_nothing (LogFixture   *fixture,
                         gconstpointer user_data)
{
  log_fixture_open (fixture);
  log_fixture_store (fixture, log_fixture_join ("ada"));
  g_assert_cmpuint (fixture->committed->len, ==, 1);

  /* The LEAVE that is reaped and the NODE_UP are part of the snapshot. */
  cbs_log_snapshot_free (log_fixture_reopen (fixture));
  log_fixture_store (fixture, log_fixture_join ("eve"));
  g_assert_cmpuint (fixture->committed->len, ==, 1);
}

static void
test_open_twice (LogFixture   *fixture,
                 gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;

  log_fixture_open (fixture);

  g_assert_null (log_fixture_try_open (fixture, &error));
  g_assert_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_BUSY);
  log_fixture_store (fixture, log_fixture_message ("ada", NULL, "still open"));
}

static void
assert_closed (LogFixture *fixture)
{
  const CbsLogQuery query = { .until = G_MAXINT64, .viewer = "ada" };
  g_autoptr (GError) measure_error = NULL;
  g_autoptr (GError) read_error = NULL;
  g_autoptr (GError) close_error = NULL;
  CbsLogExtent extent = { .n_entries = 42 };

  g_assert_cmpint (cbs_log_get_state (fixture->log), ==, CBS_LOG_STATE_CLOSED);
  log_fixture_refuse (fixture, log_fixture_message ("ada", NULL, "hello"), CBS_LOG_ERROR_CLOSED);
  g_assert_false (log_fixture_measure (fixture, &query, NULL, &extent, &measure_error));
  g_assert_error (measure_error, CBS_LOG_ERROR, CBS_LOG_ERROR_CLOSED);
  g_assert_cmpuint (extent.n_entries, ==, 42);
  g_assert_null (log_fixture_read (fixture, &query, NULL, &read_error));
  g_assert_error (read_error, CBS_LOG_ERROR, CBS_LOG_ERROR_CLOSED);
  g_assert_false (log_fixture_try_close (fixture, &close_error));
  g_assert_error (close_error, CBS_LOG_ERROR, CBS_LOG_ERROR_CLOSED);
}

static void
test_open_not_yet (LogFixture   *fixture,
                   gconstpointer user_data)
{
  assert_closed (fixture);
}

static void
notify_state_cb (GObject    *log,
                 GParamSpec *pspec,
                 gpointer    user_data)
{
  g_array_append_vals (user_data, &(const CbsLogState) { cbs_log_get_state (CBS_LOG (log)) }, 1);
}

static void
test_open_state (LogFixture   *fixture,
                 gconstpointer user_data)
{
  g_autoptr (GArray) states = g_array_new (FALSE, FALSE, sizeof (CbsLogState));
  const gulong id = g_signal_connect (fixture->log, "notify::state",
                                      G_CALLBACK (notify_state_cb), states);

  g_assert_cmpint (cbs_log_get_state (fixture->log), ==, CBS_LOG_STATE_CLOSED);
  log_fixture_open (fixture);
  g_assert_cmpint (cbs_log_get_state (fixture->log), ==, CBS_LOG_STATE_CONNECTED);
  log_fixture_store (fixture, log_fixture_message ("ada", NULL, "hello"));
  g_assert_true (log_fixture_try_close (fixture, NULL));

  g_assert_cmpuint (states->len, ==, 2);
  g_assert_cmpint (g_array_index (states, CbsLogState, 0), ==, CBS_LOG_STATE_CONNECTED);
  g_assert_cmpint (g_array_index (states, CbsLogState, 1), ==, CBS_LOG_STATE_CLOSED);
  g_signal_handler_disconnect (fixture->log, id);
}

static void
test_append_order (LogFixture   *fixture,
                   gconstpointer user_data)
{
  log_fixture_open (fixture);
  for (guint i = 0; i < 100; i++)
    log_fixture_append (fixture, log_fixture_message ("ada", i % 3 == 0 ? "eve" : NULL, "hello"));
  log_fixture_wait (fixture);

  g_assert_cmpuint (fixture->committed->len, ==, 100);
  for (guint i = 0; i < 100; i++)
    {
      const LogAppend *append = g_ptr_array_index (fixture->appends, i);

      g_assert_true (g_ptr_array_index (fixture->committed, i) == append->entry);
      g_assert_cmpint (append->seq, ==, i + 2);
      g_assert_cmpint (append->entry->seq, ==, append->seq);
      g_assert_cmpuint (append->number, ==, i + 1);
    }
}

static void
test_append_committed_first (LogFixture   *fixture,
                             gconstpointer user_data)
{
  log_fixture_open (fixture);
  for (guint i = 0; i < 100; i++)
    log_fixture_append (fixture, log_fixture_message ("ada", NULL, "hello"));
  log_fixture_wait (fixture);

  for (guint i = 0; i < 100; i++)
    {
      const LogAppend *append = g_ptr_array_index (fixture->appends, i);

      g_assert_cmpuint (append->n_committed, >, i);
    }
}

static void
test_append_not_within (LogFixture   *fixture,
                        gconstpointer user_data)
{
  const LogAppend *append = NULL;

  log_fixture_open (fixture);
  append = log_fixture_append (fixture, log_fixture_message ("ada", NULL, "hello"));
  g_assert_cmpint (append->seq, ==, 0);
  g_assert_cmpuint (fixture->committed->len, ==, 0);
  log_fixture_wait (fixture);

  /* Nor does a refusal: the fixture has an eye on that. */
  g_assert_true (log_fixture_try_close (fixture, NULL));
  append = log_fixture_append (fixture, log_fixture_message ("ada", NULL, "hello"));
  g_assert_cmpint (append->seq, ==, 0);
  log_fixture_wait (fixture);
}

static void
test_append_time (LogFixture   *fixture,
                  gconstpointer user_data)
{
  const gint64 before_us = g_get_real_time ();
  gint64 last_us = 0;

  log_fixture_open (fixture);
  for (guint i = 0; i < 20; i++)
    log_fixture_store (fixture, log_fixture_message ("ada", NULL, "hello"));

  for (guint i = 0; i < fixture->committed->len; i++)
    {
      const CbsEntry *entry = g_ptr_array_index (fixture->committed, i);

      g_assert_cmpint (entry->time_us, >=, MAX (last_us, before_us));
      last_us = entry->time_us;
    }
  g_assert_cmpint (last_us, <=, g_get_real_time ());
}

static void
test_append_burst (LogFixture   *fixture,
                   gconstpointer user_data)
{
  log_fixture_open (fixture);
  for (guint i = 0; i < BURST; i++)
    log_fixture_append (fixture, log_fixture_message ("ada", NULL, "hello"));
  log_fixture_wait (fixture);

  g_assert_cmpuint (fixture->committed->len, ==, BURST);
  for (guint i = 0; i < BURST; i++)
    {
      const LogAppend *append = g_ptr_array_index (fixture->appends, i);

      g_assert_true (g_ptr_array_index (fixture->committed, i) == append->entry);
      g_assert_cmpuint (append->number, ==, i + 1);
    }
  /* They are committed in groups. */
  g_assert_cmpuint (fixture->n_batches, <, BURST / 2);
}

/* What keeps a log busy: every entry that is committed leads to another one. */
static void
append_more_cb (CbsLog    *log,
                GPtrArray *entries,
                gpointer   user_data)
{
  LogFixture *fixture = user_data;

  for (guint i = 0; i < entries->len && fixture->appends->len < CHAIN; i++)
    log_fixture_append (fixture, log_fixture_message ("ada", NULL, "hello"));
}

static void
test_append_from_callback (LogFixture   *fixture,
                           gconstpointer user_data)
{
  gulong id = 0;

  log_fixture_open (fixture);
  id = g_signal_connect (fixture->log, "committed", G_CALLBACK (append_more_cb), fixture);
  for (guint i = 0; i < 64; i++)
    log_fixture_append (fixture, log_fixture_message ("ada", NULL, "hello"));
  log_fixture_wait (fixture);

  g_assert_cmpuint (fixture->committed->len, ==, CHAIN);
  for (guint i = 0; i < CHAIN; i++)
    {
      const LogAppend *append = g_ptr_array_index (fixture->appends, i);

      g_assert_cmpint (append->seq, ==, i + 2);
      g_assert_cmpuint (append->number, ==, i + 1);
    }
  g_signal_handler_disconnect (fixture->log, id);
}

static CbsEntry *
message_with_token (const char *token)
{
  CbsEntry *entry = log_fixture_message ("ada", NULL, "hello");

  entry->token = g_strdup (token);
  return entry;
}

static void
test_token_again (LogFixture   *fixture,
                  gconstpointer user_data)
{
  gint64 seq = 0;

  log_fixture_open (fixture);
  seq = log_fixture_store (fixture, message_with_token ("one"));
  log_fixture_store (fixture, message_with_token ("two"));

  g_assert_cmpint (log_fixture_store (fixture, message_with_token ("one")), ==, seq);
  g_assert_cmpuint (fixture->committed->len, ==, 2);
}

static void
test_token_at_once (LogFixture   *fixture,
                    gconstpointer user_data)
{
  const LogAppend *first = NULL;
  const LogAppend *second = NULL;

  log_fixture_open (fixture);
  first = log_fixture_append (fixture, message_with_token ("one"));
  second = log_fixture_append (fixture, message_with_token ("one"));
  log_fixture_append (fixture, message_with_token ("two"));
  log_fixture_wait (fixture);

  g_assert_cmpint (first->seq, ==, 2);
  g_assert_cmpint (second->seq, ==, 2);
  g_assert_cmpuint (fixture->committed->len, ==, 2);
  g_assert_true (g_ptr_array_index (fixture->committed, 0) == first->entry);
}

static void
test_token_reopened (LogFixture   *fixture,
                     gconstpointer user_data)
{
  gint64 seq = 0;

  log_fixture_open (fixture);
  seq = log_fixture_store (fixture, message_with_token ("one"));
  cbs_log_snapshot_free (log_fixture_reopen (fixture));

  g_assert_cmpint (log_fixture_store (fixture, message_with_token ("one")), ==, seq);
  g_assert_cmpuint (fixture->committed->len, ==, 0);
}

/* A join that is sent again is not in its own way. */
static void
test_token_of_join (LogFixture   *fixture,
                    gconstpointer user_data)
{
  CbsEntry *first = log_fixture_join ("ada");
  CbsEntry *second = log_fixture_join ("ada");
  gint64 seq = 0;

  first->token = g_strdup ("join");
  second->token = g_strdup ("join");
  log_fixture_open (fixture);
  seq = log_fixture_store (fixture, first);

  g_assert_cmpint (log_fixture_store (fixture, second), ==, seq);
}

static void
test_join_clash (LogFixture   *fixture,
                 gconstpointer user_data)
{
  static const struct
  {
    const char *present;
    const char *wanted;
    gboolean    taken;
  } pairs[] = {
    { "ada", "ada", TRUE },
    { "Bob", "bOB", TRUE },
    { "ÉMILE", "émile", TRUE },
    { "paypal", "раураl", TRUE },
    { "сосо", "coco", TRUE },
    { "barn", "bam", FALSE },
    { "eve", "eva", FALSE },
  };

  log_fixture_open (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      log_fixture_store (fixture, log_fixture_join (pairs[i].present));
      if (pairs[i].taken)
        log_fixture_refuse (fixture, log_fixture_join (pairs[i].wanted), CBS_LOG_ERROR_NAME_TAKEN);
      else
        log_fixture_store (fixture, log_fixture_join (pairs[i].wanted));
    }
}

static void
test_join_at_once (LogFixture   *fixture,
                   gconstpointer user_data)
{
  const LogAppend *first = NULL;
  const LogAppend *second = NULL;

  log_fixture_open (fixture);
  first = log_fixture_append (fixture, log_fixture_join ("ada"));
  second = log_fixture_append (fixture, log_fixture_join ("ADA"));
  log_fixture_wait (fixture);

  g_assert_no_error (first->error);
  g_assert_error (second->error, CBS_LOG_ERROR, CBS_LOG_ERROR_NAME_TAKEN);
  g_assert_cmpuint (fixture->committed->len, ==, 1);
}

static void
test_join_after_leave (LogFixture   *fixture,
                       gconstpointer user_data)
{
  log_fixture_open (fixture);
  log_fixture_store (fixture, log_fixture_join ("ada"));
  log_fixture_store (fixture, log_fixture_leave ("ada"));
  log_fixture_store (fixture, log_fixture_join ("Ada"));

  /* And all in a row. */
  log_fixture_append (fixture, log_fixture_leave ("ada"));
  log_fixture_append (fixture, log_fixture_join ("ada"));
  log_fixture_append (fixture, log_fixture_leave ("ada"));
  log_fixture_store (fixture, log_fixture_join ("ada"));
}

static void
test_join_after_reopening (LogFixture   *fixture,
                           gconstpointer user_data)
{
  log_fixture_open (fixture);
  log_fixture_store (fixture, log_fixture_join ("ada"));
  cbs_log_snapshot_free (log_fixture_reopen (fixture));

  log_fixture_store (fixture, log_fixture_join ("ada"));
  log_fixture_refuse (fixture, log_fixture_join ("Ada"), CBS_LOG_ERROR_NAME_TAKEN);
}

static void
test_snapshot_reaped (LogFixture   *fixture,
                      gconstpointer user_data)
{
  g_autoptr (CbsLogSnapshot) again = NULL;
  g_autoptr (CbsLogSnapshot) third = NULL;

  log_fixture_open (fixture);
  log_fixture_store (fixture, log_fixture_join ("ada"));
  log_fixture_store (fixture, log_fixture_join ("eve"));
  log_fixture_store (fixture, log_fixture_leave ("ada"));
  log_fixture_store (fixture, log_fixture_join ("bob"));
  log_fixture_store (fixture, log_fixture_leave ("bob"));
  log_fixture_store (fixture, log_fixture_join ("bob"));
  g_assert_cmpint (fixture->head, ==, 7);

  /* LEAVE of eve and bob, NODE_UP; then NODE_UP alone. */
  again = log_fixture_reopen (fixture);
  g_assert_cmpint (again->head, ==, 10);
  third = log_fixture_reopen (fixture);
  g_assert_cmpint (third->head, ==, 11);
}

static void
test_snapshot_users (LogFixture   *fixture,
                     gconstpointer user_data)
{
  static const char *const joins[] = { "zoe", "ada", "bob", "zoe", "Ada" };
  static const char *const expected[][2] = { { "zoe", "zoe" }, { "ada", "Ada" }, { "bob", "bob" } };
  g_autoptr (CbsLogSnapshot) snapshot = NULL;

  log_fixture_open (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (joins); i++)
    {
      log_fixture_store (fixture, log_fixture_join (joins[i]));
      log_fixture_store (fixture, log_fixture_leave (joins[i]));
    }
  snapshot = log_fixture_reopen (fixture);

  g_assert_cmpuint (snapshot->users->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    {
      const CbsLogUser *user = g_ptr_array_index (snapshot->users, i);

      g_assert_cmpstr (user->key, ==, expected[i][0]);
      g_assert_cmpstr (user->name, ==, expected[i][1]);
    }
}

static gboolean
has_block (CbsLogSnapshot *snapshot,
           const char     *src,
           const char     *dest)
{
  for (guint i = 0; i < snapshot->blocks->len; i++)
    {
      const CbsLogBlock *block = g_ptr_array_index (snapshot->blocks, i);

      if (g_str_equal (block->src, src) && g_str_equal (block->dest, dest))
        return TRUE;
    }

  return FALSE;
}

static void
test_snapshot_blocks (LogFixture   *fixture,
                      gconstpointer user_data)
{
  g_autoptr (CbsLogSnapshot) blocked = NULL;
  g_autoptr (CbsLogSnapshot) unblocked = NULL;

  log_fixture_open (fixture);
  log_fixture_store (fixture, cbs_entry_new_relation (CBS_ENTRY_BLOCK, "ada", "eve"));
  log_fixture_store (fixture, cbs_entry_new_relation (CBS_ENTRY_BLOCK, "eve", "ada"));
  log_fixture_store (fixture, cbs_entry_new_relation (CBS_ENTRY_BLOCK, "ada", "eve"));
  log_fixture_store (fixture, cbs_entry_new_relation (CBS_ENTRY_BLOCK, "ada", "bob"));
  blocked = log_fixture_reopen (fixture);
  g_assert_cmpuint (blocked->blocks->len, ==, 3);
  g_assert_true (has_block (blocked, "ada", "eve"));
  g_assert_true (has_block (blocked, "eve", "ada"));
  g_assert_true (has_block (blocked, "ada", "bob"));

  log_fixture_store (fixture, cbs_entry_new_relation (CBS_ENTRY_UNBLOCK, "ada", "eve"));
  unblocked = log_fixture_reopen (fixture);
  g_assert_cmpuint (unblocked->blocks->len, ==, 2);
  g_assert_false (has_block (unblocked, "ada", "eve"));
}

static void
test_close_queued (LogFixture   *fixture,
                   gconstpointer user_data)
{
  log_fixture_open (fixture);
  for (guint i = 0; i < 100; i++)
    log_fixture_append (fixture, log_fixture_message ("ada", NULL, "hello"));

  g_assert_true (log_fixture_try_close (fixture, NULL));
  g_assert_cmpuint (fixture->committed->len, ==, 100);
  g_assert_cmpuint (fixture->n_answers, ==, 100);
}

static void
test_close_later_calls (LogFixture   *fixture,
                        gconstpointer user_data)
{
  log_fixture_open (fixture);
  g_assert_true (log_fixture_try_close (fixture, NULL));

  assert_closed (fixture);
}

static void
closed_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_assert_true (cbs_log_close_finish (CBS_LOG (source), result, NULL));
  *(gboolean *) user_data = TRUE;
}

/* What is appended between the close and its answer is not stored. */
static void
test_close_meanwhile (LogFixture   *fixture,
                      gconstpointer user_data)
{
  gboolean closed = FALSE;

  log_fixture_open (fixture);
  cbs_log_close_async (fixture->log, closed_cb, &closed);
  log_fixture_refuse (fixture, log_fixture_message ("ada", NULL, "late"), CBS_LOG_ERROR_CLOSED);

  while (!closed)
    g_main_context_iteration (fixture->context, TRUE);
}

static void
parse_options (int    *argc,
               char ***argv)
{
  static char *implementation = NULL;
  const GOptionEntry entries[] = {
    { "implementation", 0, 0, G_OPTION_ARG_STRING, &implementation, "Test NAME", "NAME" },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  g_option_context_set_ignore_unknown_options (context, TRUE);
  g_option_context_set_help_enabled (context, FALSE);
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, NULL) || implementation == NULL ||
      (strcmp (implementation, "memory") != 0 && strcmp (implementation, "sqlite") != 0))
    {
      g_printerr ("usage: contract-log --implementation=memory|sqlite\n");
      exit (2);
    }
  log_implementation = implementation;
}

int
main (int   argc,
      char *argv[])
{
  parse_options (&argc, &argv);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  log_fixture_add ("/log/open/empty", test_open_empty);
  log_fixture_add ("/log/open/tells-nothing", test_open_tells_nothing);
  log_fixture_add ("/log/open/twice", test_open_twice);
  log_fixture_add ("/log/open/not-yet", test_open_not_yet);
  log_fixture_add ("/log/open/state", test_open_state);
  log_fixture_add ("/log/append/order", test_append_order);
  log_fixture_add ("/log/append/committed-first", test_append_committed_first);
  log_fixture_add ("/log/append/not-within", test_append_not_within);
  log_fixture_add ("/log/append/time", test_append_time);
  log_fixture_add ("/log/append/burst", test_append_burst);
  log_fixture_add ("/log/append/from-callback", test_append_from_callback);
  log_fixture_add ("/log/token/again", test_token_again);
  log_fixture_add ("/log/token/at-once", test_token_at_once);
  log_fixture_add ("/log/token/reopened", test_token_reopened);
  log_fixture_add ("/log/token/of-join", test_token_of_join);
  log_fixture_add ("/log/join/clash", test_join_clash);
  log_fixture_add ("/log/join/at-once", test_join_at_once);
  log_fixture_add ("/log/join/after-leave", test_join_after_leave);
  log_fixture_add ("/log/join/after-reopening", test_join_after_reopening);
  log_fixture_add ("/log/snapshot/reaped", test_snapshot_reaped);
  log_fixture_add ("/log/snapshot/users", test_snapshot_users);
  log_fixture_add ("/log/snapshot/blocks", test_snapshot_blocks);
  log_fixture_add ("/log/close/queued", test_close_queued);
  log_fixture_add ("/log/close/later-calls", test_close_later_calls);
  log_fixture_add ("/log/close/meanwhile", test_close_meanwhile);
  log_identity_add_tests ();
  log_model_add_tests ();
  log_reading_add_tests ();
  log_queries_add_tests ();
  if (strcmp (log_implementation, "sqlite") == 0)
    {
      fault_vfs_install ();
      log_files_add_tests ();
      log_faults_add_tests ();
      log_migration_add_tests ();
      log_release_add_tests ();
    }

  return g_test_run ();
}
