/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "server/log/cbs-query.h"

static CbsQuery *
make_query (const CbsLogQuery *original)
{
  g_autoptr (GError) error = NULL;
  CbsQuery *query = cbs_query_new (original, &error);

  g_assert_no_error (error);
  return query;
}

static void
test_query_copied (void)
{
  g_auto (GStrv) blocked = g_strsplit ("eve bob", " ", -1);
  g_autofree char *viewer = g_strdup ("ada");
  g_autofree char *with = g_strdup (CBS_LOG_WITH_ALL);
  CbsLogQuery original = {
    .after = 3, .until = 9, .viewer = viewer, .blocked = blocked, .newest = 7, .with = with,
  };
  g_autoptr (CbsQuery) query = make_query (&original);

  viewer[0] = 'x';
  blocked[0][0] = 'x';
  with[0] = 'x';
  original.after = 0;

  g_assert_cmpstr (query->viewer, ==, "ada");
  g_assert_cmpint (query->after, ==, 3);
  g_assert_cmpint (query->until, ==, 9);
  g_assert_cmpuint (query->newest, ==, 7);
  g_assert_false (cbs_query_shows_message (query, 5, "eve", NULL));
  g_assert_false (cbs_query_shows_message (query, 5, "bob", NULL));
  g_assert_true (cbs_query_shows_message (query, 5, "xve", NULL));
  g_assert_false (cbs_query_shows_message (query, 5, "xve", "ada"));
}

static void
test_query_before_first (void)
{
  const CbsLogQuery original = { .after = -5, .until = 9, .viewer = "ada" };
  g_autoptr (CbsQuery) query = make_query (&original);

  g_assert_cmpint (query->after, ==, 0);
}

static void
test_query_no_words (void)
{
  const CbsLogQuery original = { .until = 9, .viewer = "ada", .text = "?!" };
  g_autoptr (GError) error = NULL;

  g_assert_null (cbs_query_new (&original, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

static void
test_query_kinds (void)
{
  static const struct
  {
    CbsEntryKind kind;
    const char  *src;
    const char  *dest;
    gboolean     shown;
  } cases[] = {
    { CBS_ENTRY_MESSAGE, "bob", NULL, TRUE },
    { CBS_ENTRY_MESSAGE, "bob", "ada", TRUE },
    { CBS_ENTRY_JOIN, "bob", NULL, FALSE },
    { CBS_ENTRY_BLOCK, "bob", "ada", FALSE },
    { CBS_ENTRY_KEY_ADD, "bob", NULL, FALSE },
  };
  const CbsLogQuery original = { .until = 9, .viewer = "ada" };
  g_autoptr (CbsQuery) query = make_query (&original);
  g_autoptr (GBytes) body = g_bytes_new_static ("[]", 2);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbsEntry) entry = cbs_entry_new_stored (i + 1, 1, cases[i].kind, cases[i].src,
                                                         cases[i].dest, body, 2);

      g_assert_cmpint (cbs_query_shows (query, entry), ==, cases[i].shown);
    }
}

/* Sequences, senders and addressees; NULL: everybody. The viewer is ada, who has blocked eve. */
static const struct
{
  gint64      seq;
  const char *src;
  const char *dest;
} messages[] = {
  { 1, "bob", NULL },
  { 2, "bob", "ada" },
  { 3, "bob", "zoe" },
  { 4, "ada", "bob" },
  { 5, "ada", NULL },
  { 6, "ada", "ada" },
  { 7, "eve", NULL },
  { 8, "eve", "ada" },
  { 9, "ada", "eve" },
  { 10, "zoe", "ada" },
};

static void
test_query_shows (void)
{
  static const struct
  {
    CbsLogQuery query;
    const char *shown;
  } cases[] = {
    { { 0, }, " 1 2 5 6 10" },
    { { .own = TRUE }, " 1 2 4 5 6 9 10" },
    { { .since = 4 }, " 1 5 6 10" },
    { { .since = 10 }, " 1 5" },
    { { .own = TRUE, .since = 4 }, " 1 5 6 9 10" },
    { { .with = CBS_LOG_WITH_ALL }, " 1 5" },
    { { .own = TRUE, .with = CBS_LOG_WITH_ALL }, " 1 5" },
    { { .with = "bob" }, " 2" },
    { { .own = TRUE, .with = "bob" }, " 2 4" },
    { { .own = TRUE, .with = "bob", .since = 2 }, " 4" },
    { { .own = TRUE, .with = "ada" }, " 6" },
    { { .own = TRUE, .with = "eve" }, " 9" },
    { { .own = TRUE, .with = "nobody" }, "" },
    { { .from = "bob" }, " 1 2" },
    { { .own = TRUE, .from = "ada" }, " 4 5 6 9" },
    { { .from = "ada" }, " 5 6" },
    { { .own = TRUE, .from = "ada", .with = "bob" }, " 4" },
    { { .own = TRUE, .from = "bob", .with = "bob" }, " 2" },
    { { .own = TRUE, .from = "bob", .with = "zoe" }, "" },
    { { .own = TRUE, .from = "eve" }, "" },
  };
  const char *blocked[] = { "eve", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      CbsLogQuery original = cases[i].query;
      g_autoptr (CbsQuery) query = NULL;
      g_autoptr (GString) shown = g_string_new (NULL);

      original.viewer = "ada";
      original.blocked = (GStrv) blocked;
      query = make_query (&original);
      for (guint j = 0; j < G_N_ELEMENTS (messages); j++)
        {
          if (cbs_query_shows_message (query, messages[j].seq, messages[j].src, messages[j].dest))
            g_string_append_printf (shown, " %d", (int) messages[j].seq);
        }
      g_assert_cmpstr (shown->str, ==, cases[i].shown);
    }
}

static void
test_query_times (void)
{
  static const struct
  {
    gint64   since_us;
    gint64   until_us;
    gboolean shown;
  } cases[] = {
    { 0, 0, TRUE },
    { 100, 0, TRUE },
    { 101, 0, FALSE },
    { 0, 100, FALSE },
    { 0, 101, TRUE },
    { 100, 101, TRUE },
    { 100, 100, FALSE },
  };
  g_autoptr (GBytes) body = g_bytes_new_static ("[]", 2);
  g_autoptr (CbsEntry) entry = cbs_entry_new_stored (1, 100, CBS_ENTRY_MESSAGE, "bob", NULL, body, 2);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const CbsLogQuery original = {
        .viewer = "ada", .since_us = cases[i].since_us, .until_us = cases[i].until_us,
      };
      g_autoptr (CbsQuery) query = make_query (&original);

      g_assert_cmpint (cbs_query_shows (query, entry), ==, cases[i].shown);
    }
}

/* An id counts with all its digits. */
static void
test_query_ids (void)
{
  static const struct
  {
    gint64  seq;
    guint64 size;
  } cases[] = {
    { 1, 10 + 9 },
    { 9, 10 + 9 },
    { 10, 10 + 10 },
    { 999999, 10 + 14 },
    { 1000000, 10 + 15 },
    { G_GINT64_CONSTANT (9007199254740992), 10 + 24 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *id = g_strdup_printf (",{\"id\":%" G_GINT64_FORMAT "}", cases[i].seq);
      const CbsLogQuery original = { .viewer = "ada", .with_ids = TRUE };
      const CbsLogQuery bounded = { .viewer = "ada", .with_ids = TRUE, .max_bytes = 2 * cases[i].size + 1 };
      g_autoptr (CbsQuery) query = make_query (&original);
      g_autoptr (CbsQuery) bounded_query = make_query (&bounded);
      CbsLogExtent extent = { 0, };

      g_assert_true (cbs_query_take (query, &extent, cases[i].seq, 10));
      g_assert_cmpuint (extent.wire_bytes, ==, cases[i].size);
      g_assert_cmpuint (extent.wire_bytes, ==, 10 + strlen (id));
      /* Two and their commas are a byte too much. */
      g_assert_false (cbs_query_take (bounded_query, &extent, cases[i].seq, 10));
    }
}

/* Offers messages of ten bytes until one is left out, at most @n_messages. */
static CbsLogExtent
take_all (CbsLogQuery original,
          guint       n_messages)
{
  g_autoptr (CbsQuery) query = NULL;
  CbsLogExtent extent = { 0, };

  original.viewer = "ada";
  query = make_query (&original);
  for (guint i = 1; i <= n_messages && cbs_query_take (query, &extent, i, 10); i++)
    g_assert_cmpint (extent.until, ==, i);
  return extent;
}

static void
test_query_bounds (void)
{
  static const struct
  {
    CbsLogQuery query;
    guint       n_messages;
    guint       n_taken;
    gboolean    more;
  } cases[] = {
    { { 0, }, 0, 0, FALSE },
    { { 0, }, 100, 100, FALSE },
    { { .max_entries = 3 }, 3, 3, FALSE },
    { { .max_entries = 3 }, 4, 3, TRUE },
    /* With commas: 11 bytes each. */
    { { .max_bytes = 33 }, 3, 3, FALSE },
    { { .max_bytes = 33 }, 4, 3, TRUE },
    { { .max_bytes = 32 }, 4, 2, TRUE },
    { { .max_bytes = 1 }, 1, 1, FALSE },
    { { .max_bytes = 1 }, 2, 1, TRUE },
    { { .max_bytes = 33, .max_entries = 2 }, 4, 2, TRUE },
    { { .max_bytes = 22, .max_entries = 3 }, 4, 2, TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const CbsLogExtent extent = take_all (cases[i].query, cases[i].n_messages);

      g_assert_cmpuint (extent.n_entries, ==, cases[i].n_taken);
      g_assert_cmpuint (extent.wire_bytes, ==, 10 * cases[i].n_taken);
      g_assert_cmpint (extent.until, ==, cases[i].n_taken);
      g_assert_cmpint (extent.more, ==, cases[i].more);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/query/copied", test_query_copied);
  g_test_add_func ("/query/before-first", test_query_before_first);
  g_test_add_func ("/query/no-words", test_query_no_words);
  g_test_add_func ("/query/kinds", test_query_kinds);
  g_test_add_func ("/query/shows", test_query_shows);
  g_test_add_func ("/query/times", test_query_times);
  g_test_add_func ("/query/ids", test_query_ids);
  g_test_add_func ("/query/bounds", test_query_bounds);

  return g_test_run ();
}
