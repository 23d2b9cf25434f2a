/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "libchatterbox/cb-timeline.h"

#define LOG "0123456789abcdef0123456789abcdef"
#define OTHER_LOG "ffffffffffffffffffffffffffffffff"

static void
assert_no_hole (CbTimeline *timeline)
{
  gint64 after = -7;
  gint64 until = -7;

  g_assert_false (cb_timeline_get_hole (timeline, &after, &until));
  g_assert_cmpint (after, ==, -7);
  g_assert_cmpint (until, ==, -7);
}

static void
assert_hole (CbTimeline *timeline,
             gint64      expected_after,
             gint64      expected_until)
{
  gint64 after = 0;
  gint64 until = 0;

  g_assert_true (cb_timeline_get_hole (timeline, &after, &until));
  g_assert_cmpint (after, ==, expected_after);
  g_assert_cmpint (until, ==, expected_until);
}

static void
test_new (void)
{
  g_autoptr (CbTimeline) timeline = cb_timeline_new ();

  g_assert_null (cb_timeline_get_log_id (timeline));
  g_assert_cmpint (cb_timeline_get_position (timeline), ==, 0);
  g_assert_cmpint (cb_timeline_get_complete (timeline, "ALL"), ==, 0);
  assert_no_hole (timeline);
}

/* What lies between two messages of a connection is others': nothing is missing there. */
static void
test_receive (void)
{
  g_autoptr (CbTimeline) timeline = cb_timeline_new ();

  g_assert_false (cb_timeline_begin (timeline, LOG, 9, FALSE));
  g_assert_true (cb_timeline_receive (timeline, 3));
  g_assert_true (cb_timeline_receive (timeline, 9));
  g_assert_true (cb_timeline_receive (timeline, 12));
  g_assert_cmpint (cb_timeline_get_position (timeline), ==, 12);
  g_assert_cmpint (cb_timeline_get_newest (timeline), ==, 12);
  g_assert_cmpint (cb_timeline_get_complete (timeline, "ALL"), ==, 12);
  g_assert_cmpint (cb_timeline_get_complete (timeline, "bob"), ==, 12);
  assert_no_hole (timeline);
}

static void
test_resume (void)
{
  g_autoptr (CbTimeline) timeline = cb_timeline_new ();

  cb_timeline_set_position (timeline, LOG, 7);
  g_assert_false (cb_timeline_begin (timeline, LOG, 9, TRUE));
  g_assert_false (cb_timeline_receive (timeline, 7));
  g_assert_true (cb_timeline_receive (timeline, 8));
  g_assert_cmpint (cb_timeline_get_position (timeline), ==, 8);
  assert_no_hole (timeline);
}

/* A server that can't resume tells all again. */
static void
test_replayed (void)
{
  g_autoptr (CbTimeline) timeline = cb_timeline_new ();

  cb_timeline_set_position (timeline, LOG, 7);
  g_assert_false (cb_timeline_begin (timeline, LOG, 9, FALSE));
  g_assert_false (cb_timeline_receive (timeline, 2));
  g_assert_false (cb_timeline_receive (timeline, 7));
  g_assert_true (cb_timeline_receive (timeline, 9));
  g_assert_cmpint (cb_timeline_get_position (timeline), ==, 9);
}

/* The connection broke in the middle of the replay: what has come counts. */
static void
test_torn (void)
{
  g_autoptr (CbTimeline) timeline = cb_timeline_new ();

  cb_timeline_begin (timeline, LOG, 9, FALSE);
  cb_timeline_receive (timeline, 3);
  cb_timeline_receive (timeline, 5);
  g_assert_false (cb_timeline_begin (timeline, LOG, 11, TRUE));
  g_assert_true (cb_timeline_receive (timeline, 6));
  g_assert_cmpint (cb_timeline_get_position (timeline), ==, 6);
}

typedef struct
{
  const char *path;
  const char *log_id;
  gint64      head;
  gboolean    is_resumed;
  gint64      position;
} NewLogCase;

static const NewLogCase new_log_cases[] = {
  { "/timeline/new-log/other", OTHER_LOG, 100, TRUE, 0 },
  /* It was restored from a copy: ids that were delivered will be other messages'. */
  { "/timeline/new-log/shorter", LOG, 5, TRUE, 5 },
  { "/timeline/new-log/shorter-replayed", LOG, 5, FALSE, 0 },
};

static void
test_new_log (gconstpointer data)
{
  const NewLogCase *c = data;
  g_autoptr (CbTimeline) timeline = cb_timeline_new ();

  cb_timeline_set_position (timeline, LOG, 7);
  g_assert_true (cb_timeline_begin (timeline, c->log_id, c->head, c->is_resumed));
  g_assert_cmpstr (cb_timeline_get_log_id (timeline), ==, c->log_id);
  g_assert_cmpint (cb_timeline_get_position (timeline), ==, c->position);
  g_assert_true (cb_timeline_receive (timeline, c->position + 1));
}

/* The answer to a token that was sent before is no news, and no step of the stream. */
static void
test_repeated (void)
{
  g_autoptr (CbTimeline) timeline = cb_timeline_new ();

  cb_timeline_begin (timeline, LOG, 9, FALSE);
  cb_timeline_receive (timeline, 9);
  g_assert_false (cb_timeline_receive (timeline, 4));
  g_assert_cmpint (cb_timeline_get_newest (timeline), ==, 9);
  g_assert_false (cb_timeline_receive (timeline, 9));
  assert_no_hole (timeline);
}

/* Something that could not be read may have been messages. */
static void
test_hole (void)
{
  g_autoptr (CbTimeline) timeline = cb_timeline_new ();

  cb_timeline_begin (timeline, LOG, 0, FALSE);
  cb_timeline_receive (timeline, 3);
  cb_timeline_break (timeline);
  assert_no_hole (timeline);
  g_assert_true (cb_timeline_receive (timeline, 8));
  g_assert_true (cb_timeline_receive (timeline, 9));
  assert_hole (timeline, 3, 7);
  g_assert_cmpint (cb_timeline_get_position (timeline), ==, 3);
  g_assert_cmpint (cb_timeline_get_complete (timeline, "ALL"), ==, 3);

  cb_timeline_fill (timeline, 3, 5);
  assert_hole (timeline, 5, 7);
  g_assert_true (cb_timeline_receive (timeline, 6));
  cb_timeline_fill (timeline, 5, 7);
  assert_no_hole (timeline);
  g_assert_cmpint (cb_timeline_get_position (timeline), ==, 9);
}

/* Resuming goes over a hole, and brings nothing twice. */
static void
test_hole_resumed (void)
{
  g_autoptr (CbTimeline) timeline = cb_timeline_new ();

  cb_timeline_begin (timeline, LOG, 0, FALSE);
  cb_timeline_receive (timeline, 3);
  cb_timeline_break (timeline);
  cb_timeline_receive (timeline, 8);
  g_assert_false (cb_timeline_begin (timeline, LOG, 10, TRUE));
  g_assert_true (cb_timeline_receive (timeline, 5));
  g_assert_cmpint (cb_timeline_get_position (timeline), ==, 5);
  g_assert_false (cb_timeline_receive (timeline, 8));
  g_assert_true (cb_timeline_receive (timeline, 10));
  g_assert_cmpint (cb_timeline_get_position (timeline), ==, 10);
  assert_no_hole (timeline);
}

/* A peer that sends nothing but garbage costs no memory, and hides nothing. */
static void
test_holes_bounded (void)
{
  g_autoptr (CbTimeline) timeline = cb_timeline_new ();
  gint64 after = 0;
  gint64 until = 0;
  guint n_holes = 0;

  cb_timeline_begin (timeline, LOG, 0, FALSE);
  for (gint64 id = 2; id < 20000; id += 2)
    {
      cb_timeline_break (timeline);
      g_assert_true (cb_timeline_receive (timeline, id));
    }
  while (cb_timeline_get_hole (timeline, &after, &until))
    {
      n_holes++;
      cb_timeline_fill (timeline, after, until);
    }
  g_assert_cmpuint (n_holes, >, 32);
  g_assert_cmpuint (n_holes, <=, 64);
  g_assert_cmpint (cb_timeline_get_position (timeline), ==, 19998);
}

typedef struct
{
  const char    *path;
  CbTimelinePage page;
  gint64         complete; /* of “bob”; 3 was delivered, and 100 */
} PageCase;

static const PageCase page_cases[] = {
  { "/timeline/page/after", { "bob", CB_HISTORY_AFTER, 3, 100, 5, 60, TRUE }, 60 },
  { "/timeline/page/after-end", { "bob", CB_HISTORY_AFTER, 3, 100, 5, 60, FALSE }, 100 },
  { "/timeline/page/after-none", { "bob", CB_HISTORY_AFTER, 3, 100, 0, 0, FALSE }, 100 },
  { "/timeline/page/after-gap", { "bob", CB_HISTORY_AFTER, 4, 100, 5, 60, TRUE }, 3 },
  { "/timeline/page/before", { "bob", CB_HISTORY_BEFORE, 50, 100, 4, 40, TRUE }, 49 },
  { "/timeline/page/before-gap", { "bob", CB_HISTORY_BEFORE, 50, 100, 5, 40, TRUE }, 3 },
  { "/timeline/page/before-end", { "bob", CB_HISTORY_BEFORE, 50, 100, 30, 40, FALSE }, 49 },
  { "/timeline/page/newest", { "bob", CB_HISTORY_NEWEST, 0, 90, 4, 40, TRUE }, 90 },
  { "/timeline/page/around", { "bob", CB_HISTORY_AROUND, 20, 100, 2, 40, TRUE }, 40 },
  { "/timeline/page/all", { NULL, CB_HISTORY_AFTER, 3, 100, 5, 60, TRUE }, 60 },
  { "/timeline/page/other", { "eve", CB_HISTORY_AFTER, 3, 100, 5, 60, TRUE }, 3 },
  /* Answers that make no sense promise nothing. */
  { "/timeline/page/empty-more", { "bob", CB_HISTORY_AFTER, 3, 100, 0, 0, TRUE }, 3 },
  { "/timeline/page/backwards", { "bob", CB_HISTORY_AROUND, 20, 100, 40, 2, TRUE }, 3 },
};

/* A page completes its conversation, and no other; what it holds was not delivered. */
static void
test_page (gconstpointer data)
{
  const PageCase *c = data;
  g_autoptr (CbTimeline) timeline = cb_timeline_new ();

  cb_timeline_begin (timeline, LOG, 0, FALSE);
  cb_timeline_receive (timeline, 3);
  cb_timeline_break (timeline);
  cb_timeline_receive (timeline, 200);
  cb_timeline_add_page (timeline, &c->page);
  g_assert_cmpint (cb_timeline_get_complete (timeline, "bob"), ==, c->complete);
  g_assert_cmpint (cb_timeline_get_position (timeline), ==, 3);
  assert_hole (timeline, 3, 199);
}

/* Pages of a conversation, of all, and what was delivered complete each other. */
static void
test_page_chain (void)
{
  const CbTimelinePage pages[] = {
    { "bob", CB_HISTORY_AROUND, 0, 0, 30, 60, TRUE },
    { NULL, CB_HISTORY_AROUND, 0, 0, 61, 199, TRUE },
    { "bob", CB_HISTORY_AROUND, 0, 0, 4, 29, TRUE },
  };
  const gint64 complete[] = { 3, 3, 200 };
  g_autoptr (CbTimeline) timeline = cb_timeline_new ();

  cb_timeline_begin (timeline, LOG, 0, FALSE);
  cb_timeline_receive (timeline, 3);
  cb_timeline_break (timeline);
  cb_timeline_receive (timeline, 200);
  for (gsize i = 0; i < G_N_ELEMENTS (pages); i++)
    {
      cb_timeline_add_page (timeline, &pages[i]);
      g_assert_cmpint (cb_timeline_get_complete (timeline, "bob"), ==, complete[i]);
    }
  g_assert_cmpint (cb_timeline_get_complete (timeline, "eve"), ==, 3);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/timeline/new", test_new);
  g_test_add_func ("/timeline/receive", test_receive);
  g_test_add_func ("/timeline/resume", test_resume);
  g_test_add_func ("/timeline/replayed", test_replayed);
  g_test_add_func ("/timeline/torn", test_torn);
  for (gsize i = 0; i < G_N_ELEMENTS (new_log_cases); i++)
    g_test_add_data_func (new_log_cases[i].path, &new_log_cases[i], test_new_log);
  g_test_add_func ("/timeline/repeated", test_repeated);
  g_test_add_func ("/timeline/hole", test_hole);
  g_test_add_func ("/timeline/hole-resumed", test_hole_resumed);
  g_test_add_func ("/timeline/holes-bounded", test_holes_bounded);
  for (gsize i = 0; i < G_N_ELEMENTS (page_cases); i++)
    g_test_add_data_func (page_cases[i].path, &page_cases[i], test_page);
  g_test_add_func ("/timeline/page-chain", test_page_chain);

  return g_test_run ();
}
