/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>

#include "server/log/cbs-query.h"

static void
test_query_copied (void)
{
  g_auto (GStrv) blocked = g_strsplit ("eve bob", " ", -1);
  g_autofree char *viewer = g_strdup ("ada");
  CbsLogQuery original = { .after = 3, .until = 9, .viewer = viewer, .blocked = blocked, .newest = 7 };
  g_autoptr (CbsQuery) query = cbs_query_new (&original);

  viewer[0] = 'x';
  blocked[0][0] = 'x';
  original.after = 0;

  g_assert_cmpstr (query->viewer, ==, "ada");
  g_assert_cmpint (query->after, ==, 3);
  g_assert_cmpint (query->until, ==, 9);
  g_assert_cmpuint (query->newest, ==, 7);
  g_assert_true (cbs_query_hides (query, "eve"));
  g_assert_true (cbs_query_hides (query, "bob"));
  g_assert_false (cbs_query_hides (query, "xve"));
}

static void
test_query_before_first (void)
{
  const CbsLogQuery original = { .after = -5, .until = 9, .viewer = "ada" };
  g_autoptr (CbsQuery) query = cbs_query_new (&original);

  g_assert_cmpint (query->after, ==, 0);
}

static void
test_query_shows (void)
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
    { CBS_ENTRY_MESSAGE, "bob", "zoe", FALSE },
    { CBS_ENTRY_MESSAGE, "ada", "bob", FALSE },
    { CBS_ENTRY_MESSAGE, "eve", NULL, FALSE },
    { CBS_ENTRY_MESSAGE, "eve", "ada", FALSE },
    { CBS_ENTRY_JOIN, "bob", NULL, FALSE },
    { CBS_ENTRY_BLOCK, "bob", "ada", FALSE },
  };
  const char *blocked[] = { "eve", NULL };
  const CbsLogQuery original = { .until = 9, .viewer = "ada", .blocked = (GStrv) blocked };
  g_autoptr (CbsQuery) query = cbs_query_new (&original);
  g_autoptr (GBytes) body = g_bytes_new_static ("[]", 2);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbsEntry) entry = cbs_entry_new_stored (i + 1, 1, cases[i].kind, cases[i].src,
                                                         cases[i].dest, body, 2);

      g_assert_cmpint (cbs_query_shows (query, entry), ==, cases[i].shown);
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
  query = cbs_query_new (&original);
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
  g_test_add_func ("/query/shows", test_query_shows);
  g_test_add_func ("/query/bounds", test_query_bounds);

  return g_test_run ();
}
