/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/cbs-page.h"

#include <string.h>

#include "common/test-log.h"
#include "libchatterbox/cb-json.h"

#define N_MESSAGES 150

typedef struct
{
  TestLog *log;
  GArray  *seen; /* of gint64: the messages that the viewer may see */
  gint64   head;
} Fixture;

static void
store_result_cb (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  GAsyncResult **out_result = user_data;

  *out_result = g_object_ref (result);
}

static gint64
say (Fixture    *fixture,
     const char *dest,
     gsize       len)
{
  g_autofree char *content = g_strnfill (len, 'x');
  g_autofree char *json = g_strdup_printf ("[\"ada\",\"%s\",1,\"%s\"]", dest != NULL ? dest : "ALL", content);
  g_autoptr (GBytes) body = g_bytes_new (json, strlen (json));
  g_autoptr (CbsEntry) entry = cbs_entry_new_message ("ada", dest, body);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  cbs_log_append_async (CBS_LOG (fixture->log), entry, store_result_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  fixture->head = cbs_log_append_finish (CBS_LOG (fixture->log), result, &error);
  g_assert_no_error (error);
  return fixture->head;
}

static void
fixture_set_up (Fixture      *fixture,
                gconstpointer user_data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (CbsLogSnapshot) snapshot = NULL;

  fixture->log = test_log_new ();
  fixture->seen = g_array_new (FALSE, FALSE, sizeof (gint64));
  cbs_log_open_async (CBS_LOG (fixture->log), "main", store_result_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  snapshot = cbs_log_open_finish (CBS_LOG (fixture->log), result, NULL);
  for (guint i = 0; i < N_MESSAGES; i++)
    {
      const gint64 seq = say (fixture, i % 3 == 0 ? "other" : NULL, 10);

      if (i % 3 != 0)
        g_array_append_val (fixture->seen, seq);
    }
}

static void
fixture_tear_down (Fixture      *fixture,
                   gconstpointer user_data)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_finalize_object (fixture->log);
  g_array_unref (fixture->seen);
}

static GPtrArray *
read_page (Fixture           *fixture,
           CbHistoryDirection direction,
           gint64             id,
           guint              limit,
           gsize              max_bytes,
           gboolean          *out_more)
{
  const CbsLogQuery query = { .until = fixture->head, .viewer = "viewer" };
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  GPtrArray *entries = NULL;

  cbs_page_read_async (CBS_LOG (fixture->log), &query,
                       &(const CbsPageBounds) { direction, id, limit, max_bytes },
                       NULL, store_result_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  entries = cbs_page_read_finish (CBS_LOG (fixture->log), result, out_more, &error);
  g_assert_no_error (error);
  return entries;
}

/* How many of the messages that may be seen stand before an id. */
static guint
count_before (Fixture *fixture,
              gint64   id)
{
  guint n = 0;

  while (n < fixture->seen->len && g_array_index (fixture->seen, gint64, n) < id)
    n++;
  return n;
}

/* Every page, held against a list of what may be seen. */
static void
check_page (Fixture           *fixture,
            CbHistoryDirection direction,
            gint64             id,
            guint              limit)
{
  const guint middle = direction == CB_HISTORY_NEWEST ? fixture->seen->len
                       : count_before (fixture, direction == CB_HISTORY_AFTER ? id + 1 : id);
  guint first = middle;
  guint end = middle;
  gboolean more = FALSE;
  g_autoptr (GPtrArray) entries = read_page (fixture, direction, id, limit, G_MAXINT32, &more);

  if (direction == CB_HISTORY_NEWEST || direction == CB_HISTORY_BEFORE)
    first = middle - MIN (middle, limit);
  else if (direction == CB_HISTORY_AROUND)
    first = middle - MIN (middle, limit / 2);
  if (direction == CB_HISTORY_AFTER || direction == CB_HISTORY_AROUND)
    end = MIN (fixture->seen->len, first + limit);

  g_assert_cmpuint (entries->len, ==, end - first);
  for (guint i = first; i < end; i++)
    g_assert_cmpint (((const CbsEntry *) g_ptr_array_index (entries, i - first))->seq, ==,
                     g_array_index (fixture->seen, gint64, i));
  if (direction == CB_HISTORY_AFTER)
    g_assert_cmpint (more, ==, end < fixture->seen->len);
  else if (direction != CB_HISTORY_AROUND)
    g_assert_cmpint (more, ==, first > 0);
  else if (limit > 1)
    g_assert_cmpint (more, ==, first > 0 || end < fixture->seen->len);
}

static void
test_pages (Fixture      *fixture,
            gconstpointer user_data)
{
  static const guint limits[] = { 1, 2, 3, 31, 32, 33, 64, 99, 100, 101, 500 };

  for (gsize i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      check_page (fixture, CB_HISTORY_NEWEST, 0, limits[i]);
      for (gint64 id = 0; id <= fixture->head + 2; id += 7)
        {
          check_page (fixture, CB_HISTORY_BEFORE, id, limits[i]);
          check_page (fixture, CB_HISTORY_AFTER, id, limits[i]);
          check_page (fixture, CB_HISTORY_AROUND, id, limits[i]);
        }
      check_page (fixture, CB_HISTORY_BEFORE, CB_JSON_MAX_INTEGER, limits[i]);
      check_page (fixture, CB_HISTORY_AFTER, CB_JSON_MAX_INTEGER, limits[i]);
      check_page (fixture, CB_HISTORY_AROUND, CB_JSON_MAX_INTEGER, limits[i]);
    }
}

/* What does not fit is left out, on the side that is farther away; one message always fits. */
static void
test_bytes (Fixture      *fixture,
            gconstpointer user_data)
{
  const gint64 before = fixture->head;
  g_autoptr (GPtrArray) newest = NULL;
  g_autoptr (GPtrArray) oldest = NULL;
  g_autoptr (GPtrArray) one = NULL;
  gboolean more = FALSE;

  for (guint i = 0; i < 40; i++)
    say (fixture, NULL, 1000);
  newest = read_page (fixture, CB_HISTORY_NEWEST, 0, 500, 5500, &more);
  g_assert_true (more);
  g_assert_cmpuint (newest->len, ==, 5);
  g_assert_cmpint (((const CbsEntry *) g_ptr_array_index (newest, 4))->seq, ==, fixture->head);

  more = FALSE;
  oldest = read_page (fixture, CB_HISTORY_AFTER, before, 500, 5500, &more);
  g_assert_true (more);
  g_assert_cmpuint (oldest->len, ==, 5);
  g_assert_cmpint (((const CbsEntry *) g_ptr_array_index (oldest, 0))->seq, ==, before + 1);

  one = read_page (fixture, CB_HISTORY_NEWEST, 0, 500, 1, &more);
  g_assert_cmpuint (one->len, ==, 1);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add ("/page/all", Fixture, NULL, fixture_set_up, test_pages, fixture_tear_down);
  g_test_add ("/page/bytes", Fixture, NULL, fixture_set_up, test_bytes, fixture_tear_down);

  return g_test_run ();
}
