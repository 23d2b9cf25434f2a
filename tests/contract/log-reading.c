/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "contract/log-fixture.h"

/* Users of the randomised tests, and what they say. */
#define N_USERS 5
#define N_RANDOM 300
#define N_QUERIES 60

static GPtrArray *
read_all (LogFixture        *fixture,
          const CbsLogQuery *query)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *entries = log_fixture_read (fixture, query, NULL, &error);

  g_assert_no_error (error);
  return entries;
}

static CbsLogExtent
measure (LogFixture        *fixture,
         const CbsLogQuery *query)
{
  g_autoptr (GError) error = NULL;
  CbsLogExtent extent = { 0, };

  g_assert_true (log_fixture_measure (fixture, query, NULL, &extent, &error));
  g_assert_no_error (error);
  return extent;
}

static gint64
get_seq (GPtrArray *entries,
         guint      i)
{
  g_assert_cmpuint (i, <, entries->len);
  return ((const CbsEntry *) g_ptr_array_index (entries, i))->seq;
}

/* Sequences of what was read, separated by spaces. */
static char *
describe (GPtrArray *entries)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < entries->len; i++)
    g_string_append_printf (text, "%s%" G_GINT64_FORMAT, i > 0 ? " " : "", get_seq (entries, i));
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
assert_reads (LogFixture        *fixture,
              const CbsLogQuery *query,
              const char        *expected)
{
  g_autoptr (GPtrArray) entries = read_all (fixture, query);
  g_autofree char *found = describe (entries);

  g_assert_cmpstr (found, ==, expected);
}

static void
test_read_entry (LogFixture   *fixture,
                 gconstpointer user_data)
{
  const CbsLogQuery query = { .until = G_MAXINT64, .viewer = "eve" };
  g_autoptr (GPtrArray) entries = NULL;

  log_fixture_open (fixture);
  log_fixture_store (fixture, log_fixture_message ("ada", NULL, "pläsir 🙂"));
  log_fixture_store (fixture, log_fixture_message ("ada", "eve", ""));
  entries = read_all (fixture, &query);

  g_assert_cmpuint (entries->len, ==, 2);
  for (guint i = 0; i < entries->len; i++)
    {
      const CbsEntry *entry = g_ptr_array_index (entries, i);
      const CbsEntry *stored = g_ptr_array_index (fixture->committed, i);

      g_assert_cmpint (entry->seq, ==, stored->seq);
      g_assert_cmpint (entry->time_us, ==, stored->time_us);
      g_assert_cmpint (entry->kind, ==, CBS_ENTRY_MESSAGE);
      g_assert_cmpstr (entry->src, ==, stored->src);
      g_assert_cmpstr (entry->dest, ==, stored->dest);
      g_assert_true (g_bytes_equal (entry->body, stored->body));
      g_assert_cmpuint (entry->wire_size, ==, stored->wire_size);
    }
}

/* From sequence 2: public of ada, to eve, of eve to ada, to bob, public of bob, and what is no message. */
static void
store_conversation (LogFixture *fixture)
{
  log_fixture_open (fixture);
  log_fixture_store (fixture, log_fixture_message ("ada", NULL, "to all"));
  log_fixture_store (fixture, log_fixture_message ("ada", "eve", "to eve"));
  log_fixture_store (fixture, log_fixture_message ("eve", "ada", "to ada"));
  log_fixture_store (fixture, log_fixture_message ("ada", "bob", "to bob"));
  log_fixture_store (fixture, log_fixture_message ("bob", NULL, "to all"));
  log_fixture_store (fixture, log_fixture_join ("eve"));
  log_fixture_store (fixture, cbs_entry_new_relation (CBS_ENTRY_BLOCK, "bob", "eve"));
  log_fixture_store (fixture, log_fixture_message ("bob", "eve", "to eve"));
}

static void
test_read_visible (LogFixture   *fixture,
                   gconstpointer user_data)
{
  static const struct
  {
    const char *viewer;
    const char *blocked[3];
    const char *expected;
  } cases[] = {
    { "eve", { NULL }, "2 3 6 9" },
    { "ada", { NULL }, "2 4 6" },
    { "bob", { NULL }, "2 5 6" },
    { "zoe", { NULL }, "2 6" },
    { "eve", { "bob" }, "2 3" },
    { "eve", { "ada" }, "6 9" },
    { "eve", { "bob", "ada" }, "" },
    { "eve", { "zoe" }, "2 3 6 9" },
    /* The viewer need not be somebody. */
    { "", { NULL }, "2 6" },
  };

  store_conversation (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const CbsLogQuery query = {
        .until = G_MAXINT64,
        .viewer = cases[i].viewer,
        .blocked = (GStrv) cases[i].blocked,
      };

      assert_reads (fixture, &query, cases[i].expected);
    }
}

static void
test_read_bounds (LogFixture   *fixture,
                  gconstpointer user_data)
{
  static const struct
  {
    CbsLogQuery query;
    const char *expected;
  } cases[] = {
    { { .after = 0, .until = 0 }, "" },
    { { .after = 0, .until = 1 }, "" },
    { { .after = 0, .until = 3 }, "2 3" },
    { { .after = 2, .until = 6 }, "3 6" },
    { { .after = 3, .until = 5 }, "" },
    { { .after = 6, .until = 6 }, "" },
    { { .after = 9, .until = G_MAXINT64 }, "" },
    { { .after = 7, .until = 3 }, "" },
    { { .until = G_MAXINT64, .max_entries = 1 }, "2" },
    { { .until = G_MAXINT64, .max_entries = 3 }, "2 3 6" },
    { { .until = G_MAXINT64, .max_entries = 4 }, "2 3 6 9" },
    { { .until = G_MAXINT64, .newest = 1 }, "9" },
    { { .until = G_MAXINT64, .newest = 2 }, "6 9" },
    { { .until = G_MAXINT64, .newest = 4 }, "2 3 6 9" },
    { { .until = G_MAXINT64, .newest = 100 }, "2 3 6 9" },
    { { .until = 6, .newest = 2 }, "3 6" },
    { { .after = 3, .until = G_MAXINT64, .newest = 3 }, "6 9" },
    { { .until = G_MAXINT64, .newest = 3, .max_entries = 2 }, "3 6" },
    { { .until = G_MAXINT64, .max_bytes = 1 }, "2" },
  };

  store_conversation (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      CbsLogQuery query = cases[i].query;

      query.viewer = "eve";
      assert_reads (fixture, &query, cases[i].expected);
    }
}

static void
test_read_bytes (LogFixture   *fixture,
                 gconstpointer user_data)
{
  CbsLogQuery query = { .until = G_MAXINT64, .viewer = "eve" };
  gsize size = 0;

  log_fixture_open (fixture);
  for (guint i = 0; i < 4; i++)
    log_fixture_store (fixture, log_fixture_message ("ada", i % 2 == 1 ? "eve" : NULL, "é"));
  size = ((const CbsEntry *) g_ptr_array_index (fixture->committed, 0))->wire_size;
  /* Each counts as it is on the wire, plus a comma. */
  g_assert_cmpuint (size, ==, strlen ("[\"ada\",\"ALL\",1700000000,\"\\u00e9\"]"));

  query.max_bytes = 2 * (size + 1);
  assert_reads (fixture, &query, "2 3");
  query.max_bytes = 2 * (size + 1) - 1;
  assert_reads (fixture, &query, "2");
  query.max_bytes = 3 * (size + 1) - 1;
  assert_reads (fixture, &query, "2 3");
  query.max_bytes = 4 * (size + 1);
  assert_reads (fixture, &query, "2 3 4 5");
}

/* Alone it is returned, else it waits for the next page. */
static void
test_read_oversized (LogFixture   *fixture,
                     gconstpointer user_data)
{
  g_autofree char *large = g_strnfill (5000, 'x');
  CbsLogQuery query = { .until = G_MAXINT64, .viewer = "eve", .max_bytes = 1000 };

  log_fixture_open (fixture);
  log_fixture_store (fixture, log_fixture_message ("ada", NULL, "small"));
  log_fixture_store (fixture, log_fixture_message ("ada", NULL, large));
  log_fixture_store (fixture, log_fixture_message ("ada", NULL, "small"));

  assert_reads (fixture, &query, "2");
  query.after = 2;
  assert_reads (fixture, &query, "3");
  query.after = 3;
  assert_reads (fixture, &query, "4");
}

static void
test_measure_bounds (LogFixture   *fixture,
                     gconstpointer user_data)
{
  static const struct
  {
    CbsLogQuery  query;
    CbsLogExtent expected;
  } cases[] = {
    { { .until = 0 }, { .after = 0, .until = 0 } },
    { { .after = 3, .until = 5 }, { .after = 3, .until = 3 } },
    { { .until = G_MAXINT64 }, { .after = 0, .until = 9, .n_entries = 4 } },
    { { .until = 8 }, { .after = 0, .until = 6, .n_entries = 3 } },
    { { .until = G_MAXINT64, .max_entries = 4 }, { .after = 0, .until = 9, .n_entries = 4 } },
    { { .until = G_MAXINT64, .max_entries = 3 }, { .after = 0, .until = 6, .n_entries = 3, .more = TRUE } },
    { { .until = 8, .max_entries = 3 }, { .after = 0, .until = 6, .n_entries = 3 } },
    { { .until = G_MAXINT64, .max_bytes = 1 }, { .after = 0, .until = 2, .n_entries = 1, .more = TRUE } },
    { { .until = G_MAXINT64, .newest = 2 }, { .after = 5, .until = 9, .n_entries = 2 } },
    { { .until = G_MAXINT64, .newest = 3, .max_entries = 1 },
      { .after = 2, .until = 3, .n_entries = 1, .more = TRUE } },
    { { .after = 4, .until = G_MAXINT64, .newest = 3 }, { .after = 4, .until = 9, .n_entries = 2 } },
  };

  store_conversation (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      CbsLogQuery query = cases[i].query;
      CbsLogExtent extent = { 0, };

      query.viewer = "eve";
      extent = measure (fixture, &query);
      g_assert_cmpint (extent.after, ==, cases[i].expected.after);
      g_assert_cmpint (extent.until, ==, cases[i].expected.until);
      g_assert_cmpuint (extent.n_entries, ==, cases[i].expected.n_entries);
      g_assert_cmpint (extent.more, ==, cases[i].expected.more);
    }
}

static CbsEntry *
random_entry (void)
{
  g_autofree char *src = g_strdup_printf ("u%d", g_test_rand_int_range (0, N_USERS));
  g_autofree char *dest = g_strdup_printf ("u%d", g_test_rand_int_range (0, N_USERS));
  g_autofree char *content = g_strnfill ((gsize) g_test_rand_int_range (0, 120), 'x');
  const int kind = g_test_rand_int_range (0, 10);

  if (kind == 0)
    return cbs_entry_new_relation (CBS_ENTRY_UNBLOCK, src, dest);
  if (kind == 1)
    return cbs_entry_new_leave (src, src);
  return log_fixture_message (src, kind < 5 ? dest : NULL, content);
}

static gboolean
is_visible (const CbsEntry    *entry,
            const CbsLogQuery *query)
{
  return entry->kind == CBS_ENTRY_MESSAGE && entry->seq > query->after && entry->seq <= query->until &&
         (entry->dest == NULL || g_str_equal (entry->dest, query->viewer)) &&
         !g_strv_contains ((const char *const *) query->blocked, entry->src);
}

/* What a query has to return, without a bound on its size. */
static GPtrArray *
list_expected (LogFixture        *fixture,
               const CbsLogQuery *query)
{
  GPtrArray *expected = g_ptr_array_new ();

  for (guint i = 0; i < fixture->committed->len; i++)
    {
      CbsEntry *entry = g_ptr_array_index (fixture->committed, i);

      if (is_visible (entry, query))
        g_ptr_array_add (expected, entry);
    }
  if (query->newest > 0 && expected->len > query->newest)
    g_ptr_array_remove_range (expected, 0, expected->len - (guint) query->newest);

  return expected;
}

static void
assert_measures (LogFixture        *fixture,
                 const CbsLogQuery *query,
                 GPtrArray         *expected)
{
  const CbsLogExtent extent = measure (fixture, query);
  guint64 wire_bytes = 0;

  for (guint i = 0; i < expected->len; i++)
    wire_bytes += ((const CbsEntry *) g_ptr_array_index (expected, i))->wire_size;

  g_assert_cmpuint (extent.n_entries, ==, expected->len);
  g_assert_cmpuint (extent.wire_bytes, ==, wire_bytes);
  g_assert_false (extent.more);
  if (expected->len > 0)
    g_assert_cmpint (extent.until, ==, get_seq (expected, expected->len - 1));
  else
    g_assert_cmpint (extent.until, ==, extent.after);
}

/* Reads page by page what was measured; each page must agree with its own measure. */
static void
assert_pages (LogFixture        *fixture,
              const CbsLogQuery *query,
              GPtrArray         *expected)
{
  const CbsLogExtent whole = measure (fixture, query);
  CbsLogQuery page_query = *query;
  guint n_read = 0;

  page_query.after = whole.after;
  page_query.until = whole.until;
  page_query.newest = 0;
  if (g_test_rand_bit ())
    page_query.max_entries = (guint64) g_test_rand_int_range (1, 20);
  else
    page_query.max_bytes = (guint64) g_test_rand_int_range (1, 1000);

  while (n_read < expected->len)
    {
      const CbsLogExtent extent = measure (fixture, &page_query);
      g_autoptr (GPtrArray) page = read_all (fixture, &page_query);

      g_assert_cmpuint (page->len, ==, extent.n_entries);
      g_assert_cmpuint (page->len, >, 0);
      g_assert_cmpuint (n_read + page->len, <=, expected->len);
      for (guint i = 0; i < page->len; i++)
        g_assert_cmpint (get_seq (page, i), ==, get_seq (expected, n_read + i));
      n_read += page->len;
      g_assert_cmpint (extent.more, ==, n_read < expected->len);
      page_query.after = extent.until;
    }
  assert_reads (fixture, &page_query, "");
}

static void
test_read_random (LogFixture   *fixture,
                  gconstpointer user_data)
{
  log_fixture_open (fixture);
  for (guint i = 0; i < N_RANDOM; i++)
    log_fixture_append (fixture, random_entry ());
  log_fixture_wait (fixture);

  for (guint i = 0; i < N_QUERIES; i++)
    {
      g_autofree char *viewer = g_strdup_printf ("u%d", g_test_rand_int_range (0, N_USERS));
      g_autofree char *hidden = g_strdup_printf ("u%d", g_test_rand_int_range (0, 2 * N_USERS));
      const char *blocked[] = { hidden, NULL };
      const CbsLogQuery query = {
        .after = g_test_rand_int_range (0, N_RANDOM + 2),
        .until = g_test_rand_int_range (0, N_RANDOM + 50),
        .viewer = viewer,
        .blocked = (GStrv) blocked,
        .newest = g_test_rand_bit () ? (guint64) g_test_rand_int_range (1, N_RANDOM) : 0,
      };
      g_autoptr (GPtrArray) expected = list_expected (fixture, &query);
      g_autofree char *description = describe (expected);

      assert_reads (fixture, &query, description);
      assert_measures (fixture, &query, expected);
      assert_pages (fixture, &query, expected);
    }
}

static void
test_read_cancelled (LogFixture   *fixture,
                     gconstpointer user_data)
{
  const CbsLogQuery query = { .until = G_MAXINT64, .viewer = "eve" };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) read_error = NULL;
  g_autoptr (GError) measure_error = NULL;
  CbsLogExtent extent = { .n_entries = 42 };

  store_conversation (fixture);
  g_cancellable_cancel (cancellable);

  g_assert_null (log_fixture_read (fixture, &query, cancellable, &read_error));
  g_assert_error (read_error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (log_fixture_measure (fixture, &query, cancellable, &extent, &measure_error));
  g_assert_error (measure_error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (extent.n_entries, ==, 42);
  assert_reads (fixture, &query, "2 3 6 9");
}

static void
test_read_reopened (LogFixture   *fixture,
                    gconstpointer user_data)
{
  const CbsLogQuery query = { .until = G_MAXINT64, .viewer = "eve" };

  store_conversation (fixture);
  cbs_log_snapshot_free (log_fixture_reopen (fixture));

  assert_reads (fixture, &query, "2 3 6 9");
}

static void
read_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (GPtrArray) entries = cbs_log_read_finish (CBS_LOG (source), result, NULL);

  g_assert_nonnull (entries);
  g_assert_cmpuint (entries->len, ==, 4);
  ++*(guint *) user_data;
}

/* What was asked before the log is closed is still answered. */
static void
test_read_before_close (LogFixture   *fixture,
                        gconstpointer user_data)
{
  const CbsLogQuery query = { .until = G_MAXINT64, .viewer = "eve" };
  guint n_answers = 0;

  store_conversation (fixture);
  for (guint i = 0; i < 20; i++)
    cbs_log_read_async (fixture->log, &query, NULL, read_cb, &n_answers);

  g_assert_true (log_fixture_try_close (fixture, NULL));
  g_assert_cmpuint (n_answers, ==, 20);
}

void
log_reading_add_tests (void)
{
  log_fixture_add ("/log/read/entry", test_read_entry);
  log_fixture_add ("/log/read/visible", test_read_visible);
  log_fixture_add ("/log/read/bounds", test_read_bounds);
  log_fixture_add ("/log/read/bytes", test_read_bytes);
  log_fixture_add ("/log/read/oversized", test_read_oversized);
  log_fixture_add ("/log/read/random", test_read_random);
  log_fixture_add ("/log/read/cancelled", test_read_cancelled);
  log_fixture_add ("/log/read/reopened", test_read_reopened);
  log_fixture_add ("/log/read/before-close", test_read_before_close);
  log_fixture_add ("/log/measure/bounds", test_measure_bounds);
}
