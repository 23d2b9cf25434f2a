/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>

#include "contract/fault-vfs.h"
#include "contract/log-fixture.h"

/* Users of the randomised tests, what they say, and how often it is asked for. */
#define N_USERS 4
#define N_WORDS 6
#define N_RANDOM 300
#define N_QUERIES 300

/* Entries of the log that is long. */
#define N_LONG 20000

#define SEARCH_DATABASE "search.sqlite"

typedef struct
{
  CbsLogQuery query;
  const char *expected;
} Case;

static char *
describe (GPtrArray *entries)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < entries->len; i++)
    {
      const CbsEntry *entry = g_ptr_array_index (entries, i);

      g_string_append_printf (text, "%s%" G_GINT64_FORMAT, i > 0 ? " " : "", entry->seq);
    }
  return g_string_free (text, FALSE);
}

static void
assert_reads (LogFixture        *fixture,
              const CbsLogQuery *query,
              const char        *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) entries = log_fixture_read (fixture, query, NULL, &error);
  g_autofree char *found = NULL;

  g_assert_no_error (error);
  found = describe (entries);
  g_assert_cmpstr (found, ==, expected);
}

/* What is measured is what is read. */
static void
assert_measures (LogFixture        *fixture,
                 const CbsLogQuery *query)
{
  g_autoptr (GPtrArray) entries = log_fixture_read (fixture, query, NULL, NULL);
  g_autoptr (GError) error = NULL;
  CbsLogExtent extent = { 0, };
  guint64 wire_bytes = 0;
  gint64 until = -1;

  g_assert_true (log_fixture_measure (fixture, query, NULL, &extent, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (extent.n_entries, ==, entries->len);
  for (guint i = 0; i < entries->len; i++)
    {
      const CbsEntry *entry = g_ptr_array_index (entries, i);
      g_autofree char *id = g_strdup_printf (",{\"id\":%" G_GINT64_FORMAT "}", entry->seq);

      wire_bytes += entry->wire_size + (query->with_ids ? strlen (id) : 0);
      until = MAX (until, entry->seq);
    }
  g_assert_cmpuint (extent.wire_bytes, ==, wire_bytes);
  g_assert_cmpint (extent.until, ==, entries->len > 0 ? until : extent.after);
}

/* The queries get a viewer, and an end unless they have one. */
static void
assert_cases (LogFixture  *fixture,
              const char  *viewer,
              const char **blocked,
              const Case  *cases,
              guint        n_cases)
{
  for (guint i = 0; i < n_cases; i++)
    {
      CbsLogQuery query = cases[i].query;

      query.viewer = viewer;
      query.blocked = (GStrv) blocked;
      if (query.until == 0)
        query.until = G_MAXINT64;
      assert_reads (fixture, &query, cases[i].expected);
      assert_measures (fixture, &query);
    }
}

/* From sequence 2. Nobody but ada and bob may see the canaries. */
static void
store_conversations (LogFixture *fixture)
{
  static const struct
  {
    const char *src;
    const char *dest;
    const char *content;
  } messages[] = {
    { "ada", NULL, "Good morning, everybody" },
    { "bob", NULL, "good Morning Ada" },
    { "ada", "bob", "the canary is green" },
    { "bob", "ada", "A canary? Green?" },
    { "eve", NULL, "good evening" },
    { "eve", "ada", "canary canary canary canary" },
    { "ada", "eve", "no canary for you" },
    { "ada", "ada", "note to self: feed canary" },
    { "zoe", "ada", "Crème brûlée" },
    { "zoe", NULL, "one two three four five six seven eight nine green" },
  };

  log_fixture_open (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (messages); i++)
    log_fixture_store (fixture, log_fixture_message (messages[i].src, messages[i].dest, messages[i].content));
}

static void
test_query_own (LogFixture   *fixture,
                gconstpointer user_data)
{
  static const Case cases[] = {
    { { 0, }, "2 3 5 6 7 9 10 11" },
    { { .own = TRUE }, "2 3 4 5 6 7 8 9 10 11" },
    { { .own = TRUE, .newest = 4 }, "8 9 10 11" },
    { { .own = TRUE, .newest = 3, .until = 8 }, "6 7 8" },
    { { .own = TRUE, .after = 3, .max_entries = 3 }, "4 5 6" },
  };

  store_conversations (fixture);
  assert_cases (fixture, "ada", NULL, cases, G_N_ELEMENTS (cases));
}

/* What the viewer said to who is hidden is still the viewer's. */
static void
test_query_blocked (LogFixture   *fixture,
                    gconstpointer user_data)
{
  static const Case cases[] = {
    { { .own = TRUE }, "2 3 4 5 8 9 10 11" },
    { { .own = TRUE, .with = "eve" }, "8" },
    { { .own = TRUE, .from = "eve" }, "" },
    { { .own = TRUE, .text = "canary" }, "4 5 8 9" },
    { { .own = TRUE, .text = "good" }, "2 3" },
  };
  const char *blocked[] = { "eve", NULL };

  store_conversations (fixture);
  assert_cases (fixture, "ada", blocked, cases, G_N_ELEMENTS (cases));
}

/* Private messages up to there are those of somebody who had the name before. */
static void
test_query_since (LogFixture   *fixture,
                  gconstpointer user_data)
{
  static const Case cases[] = {
    { { .own = TRUE, .since = 4 }, "2 3 5 6 7 8 9 10 11" },
    { { .own = TRUE, .since = 5 }, "2 3 6 7 8 9 10 11" },
    { { .own = TRUE, .since = 5, .with = "bob" }, "" },
    { { .own = TRUE, .since = 4, .with = "bob" }, "5" },
    { { .own = TRUE, .since = 5, .newest = 9 }, "2 3 6 7 8 9 10 11" },
    { { .own = TRUE, .since = 100 }, "2 3 6 11" },
    { { .own = TRUE, .since = 5, .text = "canary" }, "7 8 9" },
    { { .own = TRUE, .since = 9, .text = "canary", .newest = 5 }, "" },
  };

  store_conversations (fixture);
  assert_cases (fixture, "ada", NULL, cases, G_N_ELEMENTS (cases));
}

static void
test_query_with (LogFixture   *fixture,
                 gconstpointer user_data)
{
  static const Case cases[] = {
    { { .own = TRUE, .with = CBS_LOG_WITH_ALL }, "2 3 6 11" },
    { { .own = TRUE, .with = "bob" }, "4 5" },
    { { .with = "bob" }, "5" },
    { { .own = TRUE, .with = "eve" }, "7 8" },
    { { .own = TRUE, .with = "ada" }, "9" },
    { { .with = "ada" }, "9" },
    { { .own = TRUE, .with = "nobody" }, "" },
    { { .own = TRUE, .with = "eve", .newest = 1 }, "8" },
    { { .own = TRUE, .with = "eve", .until = 7, .newest = 1 }, "7" },
    { { .own = TRUE, .with = "eve", .after = 7 }, "8" },
    { { .own = TRUE, .with = CBS_LOG_WITH_ALL, .newest = 2 }, "6 11" },
    { { .own = TRUE, .with = "bob", .text = "green" }, "4 5" },
    { { .own = TRUE, .with = CBS_LOG_WITH_ALL, .text = "green" }, "11" },
  };

  store_conversations (fixture);
  assert_cases (fixture, "ada", NULL, cases, G_N_ELEMENTS (cases));
}

static void
test_query_from (LogFixture   *fixture,
                 gconstpointer user_data)
{
  static const Case cases[] = {
    { { .own = TRUE, .from = "ada" }, "2 4 8 9" },
    { { .from = "ada" }, "2 9" },
    { { .own = TRUE, .from = "bob" }, "3 5" },
    { { .own = TRUE, .from = "bob", .with = "bob" }, "5" },
    { { .own = TRUE, .from = "bob", .with = CBS_LOG_WITH_ALL }, "3" },
    { { .own = TRUE, .from = "bob", .with = "eve" }, "" },
    { { .own = TRUE, .from = "nobody" }, "" },
    { { .own = TRUE, .from = "ada", .newest = 2 }, "8 9" },
    { { .own = TRUE, .from = "zoe", .text = "creme" }, "10" },
    { { .own = TRUE, .from = "ada", .text = "canary", .newest = 2 }, "8 9" },
  };

  store_conversations (fixture);
  assert_cases (fixture, "ada", NULL, cases, G_N_ELEMENTS (cases));
}

static void
test_query_times (LogFixture   *fixture,
                  gconstpointer user_data)
{
  CbsLogQuery query = { .until = G_MAXINT64, .viewer = "ada", .own = TRUE };

  store_conversations (fixture);
  for (guint i = 0; i <= fixture->committed->len; i++)
    {
      const CbsEntry *limit = g_ptr_array_index (fixture->committed, MIN (i, fixture->committed->len - 1));
      g_autoptr (GPtrArray) before = g_ptr_array_new ();
      g_autoptr (GPtrArray) from = g_ptr_array_new ();
      g_autofree char *described_before = NULL;
      g_autofree char *described_from = NULL;
      /* Behind the last one, too. */
      const gint64 time_us = limit->time_us + (i == fixture->committed->len ? 1 : 0);

      for (guint j = 0; j < fixture->committed->len; j++)
        {
          CbsEntry *entry = g_ptr_array_index (fixture->committed, j);

          g_ptr_array_add (entry->time_us < time_us ? before : from, entry);
        }
      described_before = describe (before);
      described_from = describe (from);

      query.since_us = 0;
      query.until_us = time_us;
      assert_reads (fixture, &query, described_before);
      query.since_us = time_us;
      query.until_us = 0;
      assert_reads (fixture, &query, described_from);
      query.until_us = time_us;
      assert_reads (fixture, &query, "");
    }
}

static void
test_query_time_of_text (LogFixture   *fixture,
                         gconstpointer user_data)
{
  CbsLogQuery query = { .until = G_MAXINT64, .viewer = "ada", .text = "good" };

  store_conversations (fixture);
  query.since_us = 1;
  assert_reads (fixture, &query, "2 3 6");
  query.since_us = G_MAXINT64;
  assert_reads (fixture, &query, "");
  query.since_us = 0;
  query.until_us = 1;
  assert_reads (fixture, &query, "");
}

static void
test_query_ids (LogFixture   *fixture,
                gconstpointer user_data)
{
  CbsLogQuery query = { .until = G_MAXINT64, .viewer = "eve", .with_ids = TRUE };
  gsize size = 0;

  log_fixture_open (fixture);
  while (fixture->head < 12)
    log_fixture_store (fixture, log_fixture_message ("ada", NULL, "hello"));
  size = ((const CbsEntry *) g_ptr_array_index (fixture->committed, 0))->wire_size;

  query.after = 7;
  query.max_bytes = 2 * (size + strlen (",{\"id\":9},")) + size + strlen (",{\"id\":10},");
  assert_reads (fixture, &query, "8 9 10");
  assert_measures (fixture, &query);
  query.max_bytes--;
  assert_reads (fixture, &query, "8 9");
  query.newest = 3;
  query.after = 0;
  query.max_bytes = 3 * (size + strlen (",{\"id\":10},"));
  assert_reads (fixture, &query, "10 11 12");
  query.max_bytes--;
  assert_reads (fixture, &query, "10 11");
}

/* Whatever is looked for, what others say to each other is not found. */
static void
test_search_private (LogFixture   *fixture,
                     gconstpointer user_data)
{
  static const struct
  {
    const char *viewer;
    const char *found;
  } cases[] = {
    { "ada", "4 5 7 8 9" },
    { "bob", "4 5" },
    { "eve", "7 8" },
    { "zoe", "" },
    { "", "" },
  };
  static const char *const withs[] = { NULL, "ada", "bob", "eve" };

  store_conversations (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const CbsLogQuery query = {
        .until = G_MAXINT64, .viewer = cases[i].viewer, .own = TRUE, .text = "canary",
      };

      assert_reads (fixture, &query, cases[i].found);
    }
  for (guint i = 0; i < G_N_ELEMENTS (withs); i++)
    {
      const CbsLogQuery query = {
        .until = G_MAXINT64, .viewer = "zoe", .own = TRUE, .text = "can*", .with = withs[i],
        .max_entries = 10, .ranked = TRUE,
      };

      assert_reads (fixture, &query, "");
    }
}

static void
test_search_words (LogFixture   *fixture,
                   gconstpointer user_data)
{
  static const Case cases[] = {
    { { .text = "good" }, "2 3 6" },
    { { .text = "GOOD morning" }, "2 3" },
    { { .text = "morning good" }, "2 3" },
    { { .text = "good absent" }, "" },
    { { .text = "goo" }, "" },
    { { .text = "goo*" }, "2 3 6" },
    { { .text = "e*" }, "2 6 11" },
    { { .text = "m* e*" }, "2" },
    { { .text = "\"good morning\"" }, "2 3" },
    { { .text = "\"morning good\"" }, "" },
    { { .text = "\"morning ada\"" }, "3" },
    { { .text = "\"good ev\"*" }, "6" },
    { { .text = "\"two three\" \"eight nine\"" }, "11" },
    { { .text = "creme" }, "10" },
    { { .text = "CRÈME brulee" }, "10" },
    { { .text = "cre\u0300me" }, "10" },
    { { .text = "brûl*" }, "10" },
    { { .text = "green?" }, "5 11" },
    { { .text = "AND" }, "" },
    { { .text = "good OR canary" }, "" },
    { { .text = "ALL" }, "" },
    { { .text = "1700000000" }, "" },
  };

  store_conversations (fixture);
  assert_cases (fixture, "ada", NULL, cases, G_N_ELEMENTS (cases));
}

static void
test_search_bounds (LogFixture   *fixture,
                    gconstpointer user_data)
{
  static const Case cases[] = {
    { { .text = "good", .until = 5 }, "2 3" },
    { { .text = "good", .after = 2 }, "3 6" },
    { { .text = "good", .after = 2, .until = 5 }, "3" },
    { { .text = "good", .after = 6 }, "" },
    { { .text = "good", .newest = 1 }, "6" },
    { { .text = "good", .newest = 2 }, "3 6" },
    { { .text = "good", .newest = 2, .until = 5 }, "2 3" },
    { { .text = "good", .newest = 9 }, "2 3 6" },
    { { .text = "good", .max_entries = 2 }, "2 3" },
    { { .text = "good", .newest = 2, .max_entries = 1 }, "3" },
    { { .text = "good", .max_bytes = 1 }, "2" },
    { { .text = "good", .with_ids = TRUE }, "2 3 6" },
  };

  store_conversations (fixture);
  assert_cases (fixture, "ada", NULL, cases, G_N_ELEMENTS (cases));
}

/* The more often and the shorter, the better; where that is alike, the newer. */
static void
test_search_ranked (LogFixture   *fixture,
                    gconstpointer user_data)
{
  static const Case cases[] = {
    { { .own = TRUE, .ranked = TRUE, .text = "canary", .max_entries = 1 }, "7" },
    { { .own = TRUE, .ranked = TRUE, .text = "green", .max_entries = 9 }, "5 4 11" },
    { { .own = TRUE, .ranked = TRUE, .text = "good", .max_entries = 9 }, "6 3 2" },
    { { .own = TRUE, .ranked = TRUE, .text = "good", .max_entries = 2 }, "6 3" },
    { { .own = TRUE, .ranked = TRUE, .text = "good", .max_entries = 2, .until = 5 }, "3 2" },
    { { .own = TRUE, .ranked = TRUE, .text = "canary", .max_entries = 9, .with = "bob" }, "5 4" },
    /* Without a text it means nothing. */
    { { .ranked = TRUE, .max_entries = 2 }, "2 3" },
  };

  store_conversations (fixture);
  assert_cases (fixture, "ada", NULL, cases, G_N_ELEMENTS (cases));
}

static void
test_search_refused (LogFixture   *fixture,
                     gconstpointer user_data)
{
  static const char *const texts[] = { "", "?!", "a b c d e f g h i j k l m n o p q" };

  store_conversations (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      const CbsLogQuery query = { .until = G_MAXINT64, .viewer = "ada", .text = texts[i] };
      g_autoptr (GError) error = NULL;

      g_assert_null (log_fixture_read (fixture, &query, NULL, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_search_cancelled (LogFixture   *fixture,
                       gconstpointer user_data)
{
  const CbsLogQuery query = { .until = G_MAXINT64, .viewer = "ada", .text = "good" };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  store_conversations (fixture);
  g_cancellable_cancel (cancellable);

  g_assert_null (log_fixture_read (fixture, &query, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_reads (fixture, &query, "2 3 6");
}

/* One finds at once what one has just said. */
static void
test_search_at_once (LogFixture   *fixture,
                     gconstpointer user_data)
{
  CbsLogQuery query = { .until = G_MAXINT64, .viewer = "eve", .text = "hello" };

  log_fixture_open (fixture);
  for (guint i = 0; i < 20; i++)
    {
      g_autofree char *expected = NULL;

      query.after = fixture->head;
      log_fixture_store (fixture, log_fixture_message ("ada", NULL, "hello"));
      expected = g_strdup_printf ("%" G_GINT64_FORMAT, fixture->head);
      assert_reads (fixture, &query, expected);
      g_assert_cmpint (cbs_log_get_indexed (fixture->log), ==, fixture->head);
    }
}

static void
test_search_reopened (LogFixture   *fixture,
                      gconstpointer user_data)
{
  const CbsLogQuery query = { .until = G_MAXINT64, .viewer = "ada", .text = "good" };

  store_conversations (fixture);
  cbs_log_snapshot_free (log_fixture_reopen (fixture));
  log_fixture_store (fixture, log_fixture_message ("ada", NULL, "good bye"));

  assert_reads (fixture, &query, "2 3 6 13");
}

static void
indexed_cb (CbsLog     *log,
            GParamSpec *pspec,
            gpointer    user_data)
{
  gint64 *indexed = user_data;

  g_assert_cmpint (cbs_log_get_indexed (log), >, *indexed);
  *indexed = cbs_log_get_indexed (log);
}

static void
test_search_indexed (LogFixture   *fixture,
                     gconstpointer user_data)
{
  gint64 indexed = 0;
  gulong handler = 0;

  g_assert_cmpint (cbs_log_get_indexed (fixture->log), ==, 0);
  handler = g_signal_connect (fixture->log, "notify::indexed", G_CALLBACK (indexed_cb), &indexed);
  log_fixture_open (fixture);
  log_fixture_wait_indexed (fixture);
  for (guint i = 0; i < 5000; i++)
    log_fixture_append (fixture, log_fixture_message ("ada", NULL, "hello"));
  log_fixture_wait (fixture);
  log_fixture_wait_indexed (fixture);

  g_assert_cmpint (indexed, ==, 5001);
  g_signal_handler_disconnect (fixture->log, handler);
  g_assert_true (log_fixture_try_close (fixture, NULL));
  g_assert_cmpint (cbs_log_get_indexed (fixture->log), ==, 0);
}

static void
search_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr (GPtrArray) entries = cbs_log_read_finish (CBS_LOG (source), result, NULL);

  g_assert_nonnull (entries);
  g_assert_cmpuint (entries->len, ==, 3);
  ++*(guint *) user_data;
}

/* What was asked before the log is closed is still answered. */
static void
test_search_before_close (LogFixture   *fixture,
                          gconstpointer user_data)
{
  const CbsLogQuery query = { .until = G_MAXINT64, .viewer = "ada", .text = "good" };
  g_autoptr (GError) error = NULL;
  guint n_answers = 0;

  store_conversations (fixture);
  for (guint i = 0; i < 20; i++)
    cbs_log_read_async (fixture->log, &query, NULL, search_cb, &n_answers);
  g_assert_true (log_fixture_try_close (fixture, NULL));
  g_assert_cmpuint (n_answers, ==, 20);

  g_assert_null (log_fixture_read (fixture, &query, NULL, &error));
  g_assert_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_CLOSED);
}

static const char *
pick_user (void)
{
  static const char *const users[N_USERS] = { "u0", "u1", "u2", "u3" };

  return users[g_test_rand_int_range (0, N_USERS)];
}

static const char *
pick_word (void)
{
  static const char *const words[N_WORDS] = { "tea", "team", "Été", "for", "two", "x" };

  return words[g_test_rand_int_range (0, N_WORDS)];
}

static CbsEntry *
random_entry (char **out_content)
{
  GString *content = g_string_new (NULL);

  for (int n = g_test_rand_int_range (0, 5); n > 0; n--)
    g_string_append_printf (content, "%s ", pick_word ());
  *out_content = g_string_free (content, FALSE);
  if (g_test_rand_int_range (0, 10) == 0)
    return log_fixture_leave (pick_user ());
  return log_fixture_message (pick_user (), g_test_rand_bit () ? pick_user () : NULL, *out_content);
}

static CbsLogQuery
random_query (LogFixture *fixture)
{
  static const char *const texts[] = { NULL, "tea", "tea*", "ete for", "\"for two\"", "x" };
  const CbsEntry *entry = g_ptr_array_index (fixture->committed,
                                             (guint) g_test_rand_int_range (0, N_RANDOM));
  CbsLogQuery query = {
    .after = g_test_rand_bit () ? g_test_rand_int_range (0, N_RANDOM) : 0,
    .until = g_test_rand_bit () ? g_test_rand_int_range (0, N_RANDOM + 50) : G_MAXINT64,
    .viewer = pick_user (),
    .newest = g_test_rand_bit () ? (guint64) g_test_rand_int_range (1, 60) : 0,
    .with_ids = g_test_rand_bit (),
    .own = g_test_rand_bit (),
    .since = g_test_rand_bit () ? g_test_rand_int_range (0, N_RANDOM) : 0,
    .text = texts[g_test_rand_int_range (0, G_N_ELEMENTS (texts))],
  };

  if (g_test_rand_int_range (0, 4) == 0)
    query.since_us = entry->time_us;
  if (g_test_rand_int_range (0, 4) == 0)
    query.until_us = entry->time_us;
  if (g_test_rand_int_range (0, 3) == 0)
    query.with = g_test_rand_bit () ? pick_user () : CBS_LOG_WITH_ALL;
  if (g_test_rand_int_range (0, 3) == 0)
    query.from = pick_user ();
  return query;
}

/* The rules once more, word for word as cbs-log.h has them. */
static gboolean
is_wanted (const CbsEntry    *entry,
           const CbsLogQuery *query)
{
  const gboolean is_hidden = g_strv_contains ((const char *const *) query->blocked, entry->src);
  const gboolean is_sent = entry->dest != NULL && query->own && g_str_equal (entry->src, query->viewer);
  const gboolean is_received = entry->dest != NULL && g_str_equal (entry->dest, query->viewer) && !is_hidden;

  if (entry->kind != CBS_ENTRY_MESSAGE || entry->seq <= query->after || entry->seq > query->until ||
      entry->time_us < query->since_us || (query->until_us > 0 && entry->time_us >= query->until_us) ||
      (query->from != NULL && !g_str_equal (query->from, entry->src)))
    return FALSE;
  if (entry->dest == NULL)
    return !is_hidden && (query->with == NULL || g_str_equal (query->with, CBS_LOG_WITH_ALL));
  if (entry->seq <= query->since || !(is_sent || is_received))
    return FALSE;

  return query->with == NULL ||
         (is_received && g_str_equal (query->with, entry->src)) ||
         (is_sent && g_str_equal (query->with, entry->dest));
}

static gboolean
has_text (const char *content,
          const char *text)
{
  g_auto (GStrv) words = g_strsplit (content, " ", -1);
  const char *const *list = (const char *const *) words;

  if (text == NULL)
    return TRUE;
  if (g_str_equal (text, "tea*"))
    return g_strv_contains (list, "tea") || g_strv_contains (list, "team");
  if (g_str_equal (text, "ete for"))
    return g_strv_contains (list, "Été") && g_strv_contains (list, "for");
  if (g_str_equal (text, "\"for two\""))
    return strstr (content, "for two ") != NULL;
  return g_strv_contains (list, text);
}

static void
test_query_random (LogFixture   *fixture,
                   gconstpointer user_data)
{
  g_autoptr (GPtrArray) contents = g_ptr_array_new_with_free_func (g_free);

  log_fixture_open (fixture);
  for (guint i = 0; i < N_RANDOM; i++)
    {
      char *content = NULL;

      log_fixture_append (fixture, random_entry (&content));
      g_ptr_array_add (contents, content);
      if (i % 50 == 0)
        log_fixture_wait (fixture);
    }
  log_fixture_wait (fixture);

  for (guint i = 0; i < N_QUERIES; i++)
    {
      const char *blocked[] = { g_test_rand_bit () ? pick_user () : "nobody", NULL };
      CbsLogQuery query = random_query (fixture);
      g_autoptr (GPtrArray) expected = g_ptr_array_new ();
      g_autofree char *description = NULL;

      /* Nobody blocks oneself. */
      query.blocked = g_str_equal (blocked[0], query.viewer) ? NULL : (GStrv) blocked;
      if (query.blocked == NULL)
        query.blocked = (GStrv) blocked + 1;
      for (guint j = 0; j < fixture->committed->len; j++)
        {
          CbsEntry *entry = g_ptr_array_index (fixture->committed, j);

          if (is_wanted (entry, &query) && has_text (g_ptr_array_index (contents, j), query.text))
            g_ptr_array_add (expected, entry);
        }
      if (query.newest > 0 && expected->len > query.newest)
        g_ptr_array_remove_range (expected, 0, expected->len - (guint) query.newest);
      description = describe (expected);
      assert_reads (fixture, &query, description);
      assert_measures (fixture, &query);
    }
}

static void
remove_index (LogFixture *fixture)
{
  static const char *const names[] = { SEARCH_DATABASE, SEARCH_DATABASE "-wal", SEARCH_DATABASE "-shm" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = log_fixture_get_path (fixture, names[i]);

      g_unlink (path);
    }
}

static void
overwrite_start (LogFixture *fixture)
{
  g_autofree char *path = log_fixture_get_path (fixture, SEARCH_DATABASE);
  g_autofree char *garbage = g_strnfill (4096, 'g');

  g_assert_true (g_file_set_contents (path, garbage, 4096, NULL));
}

/* All but the first page. */
static void
overwrite_rest (LogFixture *fixture)
{
  g_autofree char *path = log_fixture_get_path (fixture, SEARCH_DATABASE);
  g_autofree char *data = NULL;
  gsize len = 0;

  g_assert_true (g_file_get_contents (path, &data, &len, NULL));
  g_assert_cmpuint (len, >, 4096);
  memset (data + 4096, 'g', len - 4096);
  g_assert_true (g_file_set_contents (path, data, (gssize) len, NULL));
}

static void
run_sql (LogFixture *fixture,
         const char *sql)
{
  g_autofree char *path = log_fixture_get_path (fixture, SEARCH_DATABASE);
  sqlite3 *db = NULL;

  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_close (db), ==, SQLITE_OK);
}

static void
make_newer (LogFixture *fixture)
{
  run_sql (fixture, "PRAGMA user_version = 4711");
}

/* Neither finds what it held. */
static void
make_foreign (LogFixture *fixture)
{
  run_sql (fixture, "UPDATE position SET log = 'other'; DROP TABLE messages;"
           "CREATE VIRTUAL TABLE messages USING fts5 (content, content = '', tokenize = 'ascii')");
}

static void
make_ahead (LogFixture *fixture)
{
  run_sql (fixture, "UPDATE position SET seq = 1000; DROP TABLE messages;"
           "CREATE VIRTUAL TABLE messages USING fts5 (content, content = '', tokenize = 'ascii')");
}

static void
test_index_rebuilt (LogFixture   *fixture,
                    gconstpointer user_data)
{
  static void (*const harms[]) (LogFixture *fixture) = {
    remove_index, overwrite_start, overwrite_rest, make_newer, make_foreign, make_ahead,
  };
  const CbsLogQuery query = { .until = G_MAXINT64, .viewer = "ada", .text = "good" };
  gint64 head = 0;

  store_conversations (fixture);
  log_fixture_wait_indexed (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (harms); i++)
    {
      g_autoptr (CbsLogSnapshot) snapshot = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_true (log_fixture_try_close (fixture, NULL));
      harms[i](fixture);
      log_fixture_renew (fixture);
      snapshot = log_fixture_try_open (fixture, &error);
      g_assert_no_error (error);
      g_assert_cmpint (snapshot->head, >, head);
      head = snapshot->head;

      log_fixture_wait_indexed (fixture);
      assert_reads (fixture, &query, "2 3 6");
    }
}

/* It goes on where it was when the log was closed. */
static void
test_index_catches_up (LogFixture   *fixture,
                       gconstpointer user_data)
{
  const CbsLogQuery query = { .until = G_MAXINT64, .viewer = "eve", .text = "hello" };
  g_autoptr (GPtrArray) entries = NULL;

  log_fixture_open (fixture);
  for (guint i = 0; i < 5000; i++)
    log_fixture_append (fixture, log_fixture_message ("ada", NULL, "hello"));
  log_fixture_wait (fixture);
  cbs_log_snapshot_free (log_fixture_reopen (fixture));
  log_fixture_wait_indexed (fixture);

  entries = log_fixture_read (fixture, &query, NULL, NULL);
  g_assert_cmpuint (entries->len, ==, 5000);
}

/* Without room for the index there is no search, and nothing else that goes wrong. */
static void
test_index_full (LogFixture   *fixture,
                 gconstpointer user_data)
{
  const CbsLogQuery query = { .until = G_MAXINT64, .viewer = "eve", .text = "hello" };

  log_fixture_open (fixture);
  log_fixture_wait_indexed (fixture);
  fault_vfs_set_room (FAULT_SEARCH, 0);
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (GError) error = NULL;

      log_fixture_store (fixture, log_fixture_message ("ada", NULL, "hello"));
      g_assert_null (log_fixture_read (fixture, &query, NULL, &error));
      g_assert_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_FULL);
      g_assert_cmpint (cbs_log_get_state (fixture->log), ==, CBS_LOG_STATE_CONNECTED);
      g_assert_cmpuint (log_fixture_count_messages (fixture), ==, i + 1);
    }
  g_assert_null (fixture->failure);

  fault_vfs_reset ();
  assert_reads (fixture, &query, "2 3 4");
  log_fixture_store (fixture, log_fixture_message ("ada", NULL, "hello"));
  log_fixture_wait_indexed (fixture);
  assert_reads (fixture, &query, "2 3 4 5");
}

static void
test_index_long (LogFixture   *fixture,
                 gconstpointer user_data)
{
  const CbsLogQuery common = { .until = G_MAXINT64, .viewer = "eve", .text = "common", .newest = 50 };
  const CbsLogQuery rare = { .until = G_MAXINT64, .viewer = "eve", .text = "rare common" };
  const CbsLogQuery hidden = { .until = G_MAXINT64, .viewer = "zoe", .text = "rare", .own = TRUE };
  const CbsLogQuery best = {
    .until = G_MAXINT64, .viewer = "eve", .text = "rare", .ranked = TRUE, .max_entries = 1,
  };
  g_autoptr (GPtrArray) entries = NULL;

  log_fixture_open (fixture);
  for (guint i = 0; i < N_LONG; i++)
    {
      const gboolean is_rare = i % 5000 == 4998;

      log_fixture_append (fixture, log_fixture_message ("ada", is_rare ? "eve" : NULL,
                                                        is_rare ? "common and rare" : "a common message"));
      if (i % 1000 == 0)
        log_fixture_wait (fixture);
    }
  log_fixture_wait (fixture);
  log_fixture_wait_indexed (fixture);
  g_assert_cmpint (cbs_log_get_indexed (fixture->log), ==, N_LONG + 1);

  entries = log_fixture_read (fixture, &common, NULL, NULL);
  g_assert_cmpuint (entries->len, ==, 50);
  g_assert_cmpint (((const CbsEntry *) g_ptr_array_index (entries, 49))->seq, ==, N_LONG + 1);
  assert_reads (fixture, &rare, "5000 10000 15000 20000");
  assert_reads (fixture, &best, "20000");
  assert_reads (fixture, &hidden, "");
}

/* What is asked of the log: every rule of a query, and search. */
void
log_queries_add_tests (void)
{
  log_fixture_add ("/log/query/own", test_query_own);
  log_fixture_add ("/log/query/blocked", test_query_blocked);
  log_fixture_add ("/log/query/since", test_query_since);
  log_fixture_add ("/log/query/with", test_query_with);
  log_fixture_add ("/log/query/from", test_query_from);
  log_fixture_add ("/log/query/times", test_query_times);
  log_fixture_add ("/log/query/time-of-text", test_query_time_of_text);
  log_fixture_add ("/log/query/ids", test_query_ids);
  log_fixture_add ("/log/query/random", test_query_random);
  log_fixture_add ("/log/search/private", test_search_private);
  log_fixture_add ("/log/search/words", test_search_words);
  log_fixture_add ("/log/search/bounds", test_search_bounds);
  log_fixture_add ("/log/search/ranked", test_search_ranked);
  log_fixture_add ("/log/search/refused", test_search_refused);
  log_fixture_add ("/log/search/cancelled", test_search_cancelled);
  log_fixture_add ("/log/search/at-once", test_search_at_once);
  log_fixture_add ("/log/search/reopened", test_search_reopened);
  log_fixture_add ("/log/search/indexed", test_search_indexed);
  log_fixture_add ("/log/search/before-close", test_search_before_close);
  log_fixture_add ("/log/search/long", test_index_long);
  if (!g_str_equal (log_implementation, "sqlite"))
    return;

  log_fixture_add ("/log/sqlite/index/rebuilt", test_index_rebuilt);
  log_fixture_add ("/log/sqlite/index/catches-up", test_index_catches_up);
  log_fixture_add ("/log/sqlite/index/full", test_index_full);
}
