/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <glib/gstdio.h>

#include "contract/log-fixture.h"

#define ADDRESS_1 "192.0.2.1"
#define ADDRESS_2 "2001:db8::2"

/* Stores a join, and checks what it has led to; takes @entry over. */
static gint64
join (LogFixture *fixture,
      CbsEntry   *entry,
      gboolean    passed,
      gboolean    owned)
{
  const gint64 seq = log_fixture_store (fixture, entry);

  g_assert_cmpint (entry->passed, ==, passed);
  g_assert_cmpint (entry->owned, ==, owned);
  if (passed)
    g_assert_cmpint (entry->since, ==, seq);
  return entry->since;
}

static void
visit (LogFixture *fixture,
       const char *name,
       const char *key_id,
       const char *address)
{
  join (fixture, log_fixture_join_as (name, key_id, address, LOG_HOLD_US), FALSE, key_id != NULL);
  log_fixture_store (fixture, log_fixture_leave (name));
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

static void
test_id (LogFixture   *fixture,
         gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CbsLogSnapshot) first = log_fixture_try_open (fixture, &error);
  g_autoptr (CbsLogSnapshot) again = log_fixture_reopen (fixture);
  g_autoptr (CbsLogSnapshot) other = NULL;

  g_assert_true (g_regex_match_simple ("^[0-9a-f]{32}$", first->id, G_REGEX_DEFAULT, G_REGEX_MATCH_DEFAULT));
  g_assert_cmpstr (again->id, ==, first->id);

  g_assert_true (log_fixture_try_close (fixture, NULL));
  remove_files (fixture);
  log_fixture_renew (fixture);
  other = log_fixture_try_open (fixture, &error);
  g_assert_no_error (error);
  g_assert_true (g_regex_match_simple ("^[0-9a-f]{32}$", other->id, G_REGEX_DEFAULT, G_REGEX_MATCH_DEFAULT));
  g_assert_cmpstr (other->id, !=, first->id);
}

static void
check_owned_cb (CbsLog    *log,
                GPtrArray *entries,
                gpointer   user_data)
{
  const CbsEntry *entry = g_ptr_array_index (entries, 0);

  *(gboolean *) user_data = entry->owned;
}

static void
test_owned_told (LogFixture   *fixture,
                 gconstpointer user_data)
{
  gboolean told = FALSE;
  gulong id = 0;

  log_fixture_open (fixture);
  id = g_signal_connect (fixture->log, "committed", G_CALLBACK (check_owned_cb), &told);
  join (fixture, log_fixture_join_as ("ada", LOG_KEY_1, ADDRESS_1, LOG_HOLD_US), FALSE, TRUE);
  g_assert_true (told);
  g_signal_handler_disconnect (fixture->log, id);
}

static void
refuse_others (LogFixture *fixture)
{
  log_fixture_refuse (fixture, log_fixture_join_as ("Ada", LOG_KEY_2, ADDRESS_1, LOG_HOLD_US),
                      CBS_LOG_ERROR_NAME_OWNED);
  log_fixture_refuse (fixture, log_fixture_join_as ("ada", NULL, ADDRESS_1, 0), CBS_LOG_ERROR_NAME_OWNED);
}

static void
test_owned_others (LogFixture   *fixture,
                   gconstpointer user_data)
{
  log_fixture_open (fixture);
  join (fixture, log_fixture_join_as ("ada", LOG_KEY_1, ADDRESS_1, 1), FALSE, TRUE);
  refuse_others (fixture);
  log_fixture_store (fixture, log_fixture_leave ("ada"));
  log_fixture_let_time_pass ();
  refuse_others (fixture);
  cbs_log_snapshot_free (log_fixture_reopen (fixture));
  refuse_others (fixture);
  join (fixture, log_fixture_join_as ("ada", LOG_KEY_1, ADDRESS_2, 1), FALSE, TRUE);
}

static void
test_owned_text (LogFixture   *fixture,
                 gconstpointer user_data)
{
  const LogAppend *append = NULL;

  log_fixture_open (fixture);
  visit (fixture, "ada", LOG_KEY_1, ADDRESS_1);
  append = log_fixture_append (fixture, log_fixture_join_as ("ada", NULL, ADDRESS_1, LOG_HOLD_US));
  log_fixture_wait (fixture);
  g_assert_cmpstr (append->error->message, ==, "The name “ada” belongs to somebody else's key");
}

static void
test_owned_at_once (LogFixture   *fixture,
                    gconstpointer user_data)
{
  const LogAppend *first = NULL;
  const LogAppend *second = NULL;

  log_fixture_open (fixture);
  first = log_fixture_append (fixture, log_fixture_join_as ("ada", LOG_KEY_1, ADDRESS_1, 0));
  second = log_fixture_append (fixture, log_fixture_join_as ("ada", LOG_KEY_2, ADDRESS_1, 0));
  log_fixture_wait (fixture);

  g_assert_no_error (first->error);
  g_assert_error (second->error, CBS_LOG_ERROR, CBS_LOG_ERROR_NAME_OWNED);
}

/* That nobody is there does not make a name free that belongs to somebody. */
static void
test_owned_lookalike (LogFixture   *fixture,
                      gconstpointer user_data)
{
  log_fixture_open (fixture);
  visit (fixture, "paypal", LOG_KEY_1, ADDRESS_1);
  log_fixture_refuse (fixture, log_fixture_join ("раураl"), CBS_LOG_ERROR_NAME_TAKEN);
  cbs_log_snapshot_free (log_fixture_reopen (fixture));
  log_fixture_refuse (fixture, log_fixture_join ("раураl"), CBS_LOG_ERROR_NAME_TAKEN);
  visit (fixture, "paypal", LOG_KEY_1, ADDRESS_1);
}

static void
test_owned_several (LogFixture   *fixture,
                    gconstpointer user_data)
{
  g_autoptr (CbsLogSnapshot) snapshot = NULL;

  log_fixture_open (fixture);
  for (guint i = 0; i < 4; i++)
    join (fixture, log_fixture_join_as ("ada", LOG_KEY_1, ADDRESS_1, LOG_HOLD_US), FALSE, TRUE);
  log_fixture_store (fixture, log_fixture_leave ("ada"));
  g_assert_cmpint (fixture->head, ==, 6);

  /* Three LEAVEs and the NODE_UP. */
  snapshot = log_fixture_reopen (fixture);
  g_assert_cmpint (snapshot->head, ==, 10);
  g_assert_cmpuint (snapshot->users->len, ==, 1);
}

/* A name that is not owned has one user, whatever that one shows. */
static void
test_unowned_several (LogFixture   *fixture,
                      gconstpointer user_data)
{
  log_fixture_open (fixture);
  join (fixture, log_fixture_join_as ("ada", NULL, ADDRESS_1, LOG_HOLD_US), FALSE, FALSE);
  log_fixture_refuse (fixture, log_fixture_join_as ("ada", NULL, ADDRESS_1, LOG_HOLD_US),
                      CBS_LOG_ERROR_NAME_TAKEN);
  log_fixture_refuse (fixture, log_fixture_join_as ("ada", LOG_KEY_1, ADDRESS_1, LOG_HOLD_US),
                      CBS_LOG_ERROR_NAME_TAKEN);
  log_fixture_refuse (fixture, log_fixture_join_as ("ada", NULL, ADDRESS_2, LOG_HOLD_US),
                      CBS_LOG_ERROR_NAME_TAKEN);
}

static void
test_hold_held (LogFixture   *fixture,
                gconstpointer user_data)
{
  const LogAppend *append = NULL;

  log_fixture_open (fixture);
  visit (fixture, "ada", NULL, ADDRESS_1);
  append = log_fixture_append (fixture, log_fixture_join_as ("ada", NULL, ADDRESS_2, LOG_HOLD_US));
  log_fixture_wait (fixture);
  g_assert_error (append->error, CBS_LOG_ERROR, CBS_LOG_ERROR_NAME_HELD);
  g_assert_cmpstr (append->error->message, ==, "The name “ada” is kept for another address for 24 hours");

  cbs_log_snapshot_free (log_fixture_reopen (fixture));
  log_fixture_refuse (fixture, log_fixture_join_as ("ada", LOG_KEY_1, ADDRESS_2, LOG_HOLD_US),
                      CBS_LOG_ERROR_NAME_HELD);
  join (fixture, log_fixture_join_as ("ada", NULL, ADDRESS_1, LOG_HOLD_US), FALSE, FALSE);
}

/* A name that was left behind by a crash, or a server that was stopped, is kept from then on. */
static void
test_hold_reaped (LogFixture   *fixture,
                  gconstpointer user_data)
{
  log_fixture_open (fixture);
  join (fixture, log_fixture_join_as ("ada", NULL, ADDRESS_1, LOG_HOLD_US), FALSE, FALSE);
  cbs_log_snapshot_free (log_fixture_reopen (fixture));
  log_fixture_refuse (fixture, log_fixture_join_as ("ada", NULL, ADDRESS_2, LOG_HOLD_US),
                      CBS_LOG_ERROR_NAME_HELD);
}

static void
test_hold_over (LogFixture   *fixture,
                gconstpointer user_data)
{
  g_autoptr (CbsLogSnapshot) snapshot = NULL;
  gint64 since = 0;

  log_fixture_open (fixture);
  visit (fixture, "ada", NULL, ADDRESS_1);
  log_fixture_let_time_pass ();
  since = join (fixture, log_fixture_join_as ("ada", NULL, ADDRESS_2, 1), TRUE, FALSE);
  log_fixture_store (fixture, log_fixture_leave ("ada"));

  snapshot = log_fixture_reopen (fixture);
  g_assert_cmpint (((const CbsLogUser *) g_ptr_array_index (snapshot->users, 0))->since, ==, since);
  g_assert_cmpint (join (fixture, log_fixture_join_as ("ada", LOG_KEY_1, ADDRESS_2, 1), FALSE, TRUE),
                   ==, since);
}

static void
test_hold_off (LogFixture   *fixture,
               gconstpointer user_data)
{
  log_fixture_open (fixture);
  join (fixture, log_fixture_join_as ("ada", NULL, ADDRESS_1, 0), FALSE, FALSE);
  log_fixture_store (fixture, log_fixture_leave ("ada"));
  g_assert_cmpint (join (fixture, log_fixture_join_as ("ada", NULL, ADDRESS_2, 0), FALSE, FALSE), ==, 0);
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

/* -1: there is none. */
static gint64
get_marker (CbsLogSnapshot *snapshot,
            const char     *src,
            const char     *dest)
{
  for (guint i = 0; i < snapshot->markers->len; i++)
    {
      const CbsLogMarker *marker = g_ptr_array_index (snapshot->markers, i);

      if (g_str_equal (marker->src, src) && g_strcmp0 (marker->dest, dest) == 0)
        return marker->seq;
    }

  return -1;
}

/* What ada and eve have of each other. */
static void
store_relations (LogFixture *fixture)
{
  visit (fixture, "ada", NULL, ADDRESS_1);
  visit (fixture, "eve", LOG_KEY_2, ADDRESS_1);
  log_fixture_store (fixture, cbs_entry_new_relation (CBS_ENTRY_BLOCK, "ada", "eve"));
  log_fixture_store (fixture, cbs_entry_new_relation (CBS_ENTRY_BLOCK, "eve", "ada"));
  log_fixture_store (fixture, cbs_entry_new_read ("ada", NULL, 2));
  log_fixture_store (fixture, cbs_entry_new_read ("ada", "eve", 3));
  log_fixture_store (fixture, cbs_entry_new_read ("eve", "ada", 4));
  log_fixture_let_time_pass ();
}

static void
test_passing_forgets (LogFixture   *fixture,
                      gconstpointer user_data)
{
  g_autoptr (CbsLogSnapshot) snapshot = NULL;

  log_fixture_open (fixture);
  store_relations (fixture);
  join (fixture, log_fixture_join_as ("ada", LOG_KEY_1, ADDRESS_2, 1), TRUE, TRUE);

  snapshot = log_fixture_reopen (fixture);
  g_assert_cmpuint (snapshot->blocks->len, ==, 1);
  g_assert_true (has_block (snapshot, "eve", "ada"));
  g_assert_cmpuint (snapshot->markers->len, ==, 1);
  g_assert_cmpint (get_marker (snapshot, "eve", "ada"), ==, 4);
}

/* What the new holder does stays. */
static void
test_passing_once (LogFixture   *fixture,
                   gconstpointer user_data)
{
  g_autoptr (CbsLogSnapshot) snapshot = NULL;

  log_fixture_open (fixture);
  store_relations (fixture);
  join (fixture, log_fixture_join_as ("ada", LOG_KEY_1, ADDRESS_2, 1), TRUE, TRUE);
  log_fixture_store (fixture, cbs_entry_new_relation (CBS_ENTRY_BLOCK, "ada", "eve"));
  log_fixture_store (fixture, cbs_entry_new_read ("ada", "eve", 1));

  snapshot = log_fixture_reopen (fixture);
  g_assert_true (has_block (snapshot, "ada", "eve"));
  g_assert_cmpint (get_marker (snapshot, "ada", "eve"), ==, 1);
}

static void
test_passing_not (LogFixture   *fixture,
                  gconstpointer user_data)
{
  g_autoptr (CbsLogSnapshot) snapshot = NULL;

  log_fixture_open (fixture);
  store_relations (fixture);
  join (fixture, log_fixture_join_as ("ada", LOG_KEY_1, ADDRESS_1, 1), FALSE, TRUE);

  snapshot = log_fixture_reopen (fixture);
  g_assert_cmpuint (snapshot->blocks->len, ==, 2);
  g_assert_cmpuint (snapshot->markers->len, ==, 3);
}

static void
test_keys_kept (LogFixture   *fixture,
                gconstpointer user_data)
{
  g_autoptr (CbsLogSnapshot) snapshot = NULL;
  const CbsLogUser *user = NULL;
  const CbsEntry *first = NULL;
  const CbsEntry *second = NULL;

  log_fixture_open (fixture);
  visit (fixture, "eve", NULL, ADDRESS_1);
  /* Not in the order of their ids. */
  visit (fixture, "ada", LOG_KEY_2, ADDRESS_1);
  log_fixture_store (fixture, cbs_entry_new_key (CBS_ENTRY_KEY_ADD, "ada", LOG_KEY_1));
  log_fixture_store (fixture, cbs_entry_new_key (CBS_ENTRY_KEY_ADD, "ada", LOG_KEY_1));
  first = g_ptr_array_index (fixture->committed, 2);
  second = g_ptr_array_index (fixture->committed, 4);

  {
    const gint64 times[] = { first->time_us, second->time_us };
    static const char *const ids[] = { LOG_KEY_2, LOG_KEY_1 };

    snapshot = log_fixture_reopen (fixture);
    user = g_ptr_array_index (snapshot->users, 0);
    g_assert_cmpuint (user->keys->len, ==, 0);
    user = g_ptr_array_index (snapshot->users, 1);
    g_assert_cmpuint (user->keys->len, ==, 2);
    for (guint i = 0; i < user->keys->len; i++)
      {
        const CbsLogKey *key = g_ptr_array_index (user->keys, i);

        g_assert_cmpstr (key->id, ==, ids[i]);
        g_assert_cmpint (key->added_us, ==, times[i]);
      }
  }
  visit (fixture, "ada", LOG_KEY_1, ADDRESS_2);
  visit (fixture, "ada", LOG_KEY_2, ADDRESS_2);
}

static void
test_keys_revoked (LogFixture   *fixture,
                   gconstpointer user_data)
{
  log_fixture_open (fixture);
  visit (fixture, "ada", LOG_KEY_1, ADDRESS_1);
  log_fixture_refuse (fixture, cbs_entry_new_key (CBS_ENTRY_KEY_REVOKE, "ada", LOG_KEY_1), CBS_LOG_ERROR_KEYS);
  log_fixture_store (fixture, cbs_entry_new_key (CBS_ENTRY_KEY_ADD, "ada", LOG_KEY_2));
  log_fixture_store (fixture, cbs_entry_new_key (CBS_ENTRY_KEY_REVOKE, "ada", LOG_KEY_1));
  log_fixture_refuse (fixture, cbs_entry_new_key (CBS_ENTRY_KEY_REVOKE, "ada", LOG_KEY_2), CBS_LOG_ERROR_KEYS);

  for (guint i = 0; i < 2; i++)
    {
      log_fixture_refuse (fixture, log_fixture_join_as ("ada", LOG_KEY_1, ADDRESS_1, LOG_HOLD_US),
                          CBS_LOG_ERROR_NAME_OWNED);
      visit (fixture, "ada", LOG_KEY_2, ADDRESS_1);
      cbs_log_snapshot_free (log_fixture_reopen (fixture));
    }
}

static void
test_keys_limit (LogFixture   *fixture,
                 gconstpointer user_data)
{
  log_fixture_open (fixture);
  visit (fixture, "ada", LOG_KEY_1, ADDRESS_1);
  for (guint i = 2; i <= 16; i++)
    {
      g_autofree char *id = g_strdup_printf ("%064x", i);

      log_fixture_store (fixture, cbs_entry_new_key (CBS_ENTRY_KEY_ADD, "ada", id));
    }
  cbs_log_snapshot_free (log_fixture_reopen (fixture));
  log_fixture_refuse (fixture, cbs_entry_new_key (CBS_ENTRY_KEY_ADD, "ada", LOG_KEY_2), CBS_LOG_ERROR_KEYS);
}

static void
test_keys_unowned (LogFixture   *fixture,
                   gconstpointer user_data)
{
  log_fixture_open (fixture);
  visit (fixture, "ada", NULL, ADDRESS_1);
  log_fixture_refuse (fixture, cbs_entry_new_key (CBS_ENTRY_KEY_ADD, "ada", LOG_KEY_1), CBS_LOG_ERROR_KEYS);
  log_fixture_refuse (fixture, cbs_entry_new_key (CBS_ENTRY_KEY_ADD, "eve", LOG_KEY_1), CBS_LOG_ERROR_KEYS);
}

static void
test_read_no_entry (LogFixture   *fixture,
                    gconstpointer user_data)
{
  CbsEntry *read = cbs_entry_new_read ("ada", NULL, 1);
  gint64 seq = 0;

  log_fixture_open (fixture);
  seq = log_fixture_store (fixture, log_fixture_message ("ada", NULL, "hello"));
  g_assert_cmpint (log_fixture_store (fixture, read), ==, seq);
  g_assert_cmpint (read->seq, ==, 0);
  g_assert_cmpuint (fixture->committed->len, ==, 1);
  g_assert_cmpint (log_fixture_store (fixture, log_fixture_message ("ada", NULL, "hello")), ==, seq + 1);
}

static void
test_read_at_once (LogFixture   *fixture,
                   gconstpointer user_data)
{
  log_fixture_open (fixture);
  for (guint i = 0; i < 100; i++)
    log_fixture_append (fixture, i % 2 == 0 ? log_fixture_message ("ada", NULL, "hello")
                                            : cbs_entry_new_read ("ada", NULL, i));
  log_fixture_wait (fixture);

  g_assert_cmpuint (fixture->committed->len, ==, 50);
  for (guint i = 0; i < 100; i++)
    {
      const LogAppend *append = g_ptr_array_index (fixture->appends, i);

      g_assert_cmpint (append->seq, ==, 2 + i / 2);
      g_assert_cmpuint (append->number, ==, i + 1);
    }
}

static void
test_read_maximum (LogFixture   *fixture,
                   gconstpointer user_data)
{
  static const gint64 markers[] = { 5, 7, 6, 7, 0 };
  g_autoptr (CbsLogSnapshot) snapshot = NULL;

  log_fixture_open (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (markers); i++)
    log_fixture_store (fixture, cbs_entry_new_read ("ada", "eve", markers[i]));
  log_fixture_store (fixture, cbs_entry_new_read ("ada", NULL, 3));
  log_fixture_store (fixture, cbs_entry_new_read ("eve", "ada", 0));

  for (guint i = 0; i < 2; i++)
    {
      g_clear_pointer (&snapshot, cbs_log_snapshot_free);
      snapshot = log_fixture_reopen (fixture);
      g_assert_cmpuint (snapshot->markers->len, ==, 3);
      g_assert_cmpint (get_marker (snapshot, "ada", "eve"), ==, 7);
      g_assert_cmpint (get_marker (snapshot, "ada", NULL), ==, 3);
      g_assert_cmpint (get_marker (snapshot, "eve", "ada"), ==, 0);
    }
}

/* Who owns a name, whom it is kept for, and when it passes to another. */
void
log_identity_add_tests (void)
{
  log_fixture_add ("/log/id", test_id);
  log_fixture_add ("/log/owned/told", test_owned_told);
  log_fixture_add ("/log/owned/others", test_owned_others);
  log_fixture_add ("/log/owned/text", test_owned_text);
  log_fixture_add ("/log/owned/at-once", test_owned_at_once);
  log_fixture_add ("/log/owned/lookalike", test_owned_lookalike);
  log_fixture_add ("/log/owned/several", test_owned_several);
  log_fixture_add ("/log/unowned/several", test_unowned_several);
  log_fixture_add ("/log/hold/held", test_hold_held);
  log_fixture_add ("/log/hold/reaped", test_hold_reaped);
  log_fixture_add ("/log/hold/over", test_hold_over);
  log_fixture_add ("/log/hold/off", test_hold_off);
  log_fixture_add ("/log/passing/forgets", test_passing_forgets);
  log_fixture_add ("/log/passing/once", test_passing_once);
  log_fixture_add ("/log/passing/not", test_passing_not);
  log_fixture_add ("/log/keys/kept", test_keys_kept);
  log_fixture_add ("/log/keys/revoked", test_keys_revoked);
  log_fixture_add ("/log/keys/limit", test_keys_limit);
  log_fixture_add ("/log/keys/unowned", test_keys_unowned);
  log_fixture_add ("/log/read/no-entry", test_read_no_entry);
  log_fixture_add ("/log/read/at-once", test_read_at_once);
  log_fixture_add ("/log/read/maximum", test_read_maximum);
}
