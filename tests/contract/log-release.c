/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "contract/log-fixture.h"
#include "server/log/cbs-log-release.h"

#define ADDRESS "192.0.2.1"

static gboolean
release (LogFixture *fixture,
         const char *text,
         GError    **error)
{
  g_autoptr (CbName) name = cb_name_new (text, NULL);

  return cbs_log_release_name (fixture->directory, name, error);
}

static void
assert_released (LogFixture *fixture,
                 const char *text)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (release (fixture, text, &error));
  g_assert_no_error (error);
}

static void
assert_failed (LogFixture *fixture,
               const char *text,
               int         code,
               const char *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (release (fixture, text, &error));
  g_assert_error (error, CBS_LOG_ERROR, code);
  if (message != NULL)
    g_assert_cmpstr (error->message, ==, message);
}

static void
visit (LogFixture *fixture,
       const char *name,
       const char *key_id)
{
  log_fixture_store (fixture, log_fixture_join_as (name, key_id, ADDRESS, LOG_HOLD_US));
  log_fixture_store (fixture, log_fixture_leave (name));
}

/* Lets somebody join by a name, and stops the server; it dies if it is not closed. */
static void
run (LogFixture *fixture,
     const char *name,
     const char *key_id,
     gboolean    closes)
{
  log_fixture_open (fixture);
  visit (fixture, name, key_id);
  log_fixture_store (fixture, cbs_entry_new_relation (CBS_ENTRY_BLOCK, name, "eve"));
  log_fixture_store (fixture, log_fixture_join_as (name, key_id, ADDRESS, LOG_HOLD_US));
  if (closes)
    g_assert_true (log_fixture_try_close (fixture, NULL));
  log_fixture_renew (fixture);
}

/* A name, owned or kept, passes to who uses it next, be that the former holder. */
static void
test_release_passes (LogFixture   *fixture,
                     gconstpointer user_data)
{
  static const struct
  {
    const char *former;
    const char *next;
    gboolean    closes;
  } cases[] = {
    { LOG_KEY_1, LOG_KEY_2, TRUE },
    { LOG_KEY_1, NULL, FALSE },
    { NULL, LOG_KEY_2, FALSE },
    { LOG_KEY_2, LOG_KEY_2, TRUE },
    { NULL, NULL, TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *name = g_strdup_printf ("ada%u", i);
      g_autoptr (CbsLogSnapshot) snapshot = NULL;
      CbsEntry *join = log_fixture_join_as (name, cases[i].next, ADDRESS, LOG_HOLD_US);
      gint64 seq = 0;

      run (fixture, name, cases[i].former, cases[i].closes);
      assert_released (fixture, name);
      log_fixture_open (fixture);
      seq = log_fixture_store (fixture, join);
      g_assert_true (join->passed);
      g_assert_cmpint (join->since, ==, seq);
      g_assert_cmpint (join->owned, ==, cases[i].next != NULL);

      snapshot = log_fixture_reopen (fixture);
      g_assert_cmpuint (snapshot->blocks->len, ==, 0);
      g_assert_true (log_fixture_try_close (fixture, NULL));
      log_fixture_renew (fixture);
    }
}

static void
test_release_lookalike (LogFixture   *fixture,
                        gconstpointer user_data)
{
  run (fixture, "paypal", LOG_KEY_1, TRUE);
  assert_released (fixture, "PayPal");
  log_fixture_open (fixture);
  log_fixture_store (fixture, log_fixture_join ("раураl"));
}

static void
test_release_unknown (LogFixture   *fixture,
                      gconstpointer user_data)
{
  run (fixture, "ada", NULL, TRUE);
  assert_failed (fixture, "Eve", CBS_LOG_ERROR_FAILED, "Nobody has ever used the name “Eve”");
}

static void
test_release_twice (LogFixture   *fixture,
                    gconstpointer user_data)
{
  run (fixture, "ada", LOG_KEY_1, TRUE);
  assert_released (fixture, "ada");
  assert_failed (fixture, "ada", CBS_LOG_ERROR_FAILED, "Nobody holds the name “ada”");
}

static void
test_release_running (LogFixture   *fixture,
                      gconstpointer user_data)
{
  log_fixture_open (fixture);
  visit (fixture, "ada", LOG_KEY_1);
  assert_failed (fixture, "ada", CBS_LOG_ERROR_BUSY, NULL);
  log_fixture_refuse (fixture, log_fixture_join ("ada"), CBS_LOG_ERROR_NAME_OWNED);
}

static void
test_release_no_log (LogFixture   *fixture,
                     gconstpointer user_data)
{
  assert_failed (fixture, "ada", CBS_LOG_ERROR_FAILED, NULL);
  g_assert_false (g_file_test (fixture->directory, G_FILE_TEST_EXISTS));
}

/* What the admin can do while the server is stopped. */
void
log_release_add_tests (void)
{
  log_fixture_add ("/log/sqlite/release/passes", test_release_passes);
  log_fixture_add ("/log/sqlite/release/lookalike", test_release_lookalike);
  log_fixture_add ("/log/sqlite/release/unknown", test_release_unknown);
  log_fixture_add ("/log/sqlite/release/twice", test_release_twice);
  log_fixture_add ("/log/sqlite/release/running", test_release_running);
  log_fixture_add ("/log/sqlite/release/no-log", test_release_no_log);
}
