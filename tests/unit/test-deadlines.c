/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>

#include "server/cbs-deadlines.h"

static const gint64 allowed_us[CBS_N_DEADLINES] = { 50, 100, 150, 20 };

static void
deadlines_init (CbsDeadlines *deadlines)
{
  const CbsDeadlines none = { { 0, }, };

  *deadlines = none;
  for (guint i = 0; i < CBS_N_DEADLINES; i++)
    deadlines->allowed_us[i] = allowed_us[i];
}

static void
test_none (void)
{
  CbsDeadlines deadlines;
  CbsDeadline deadline = { { 0, }, };

  deadlines_init (&deadlines);
  g_assert_cmpint (cbs_deadlines_get_next_us (&deadlines), ==, -1);
  g_assert_null (cbs_deadlines_pop_expired (&deadlines, G_MAXINT64));
  for (guint i = 0; i < CBS_N_DEADLINES; i++)
    g_assert_false (cbs_deadlines_has (&deadline, i));

  cbs_deadlines_clear (&deadlines, &deadline);
  g_assert_cmpint (cbs_deadlines_get_next_us (&deadlines), ==, -1);
}

static void
test_kinds (void)
{
  for (guint kind = 0; kind < CBS_N_DEADLINES; kind++)
    {
      CbsDeadlines deadlines;
      CbsDeadline deadline = { { 0, }, };

      deadlines_init (&deadlines);
      cbs_deadlines_set (&deadlines, &deadline, kind, 1000);
      for (guint other = 0; other < CBS_N_DEADLINES; other++)
        g_assert_cmpint (cbs_deadlines_has (&deadline, other), ==, other == kind);
      g_assert_cmpint (cbs_deadlines_get_next_us (&deadlines), ==, 1000 + allowed_us[kind]);

      g_assert_null (cbs_deadlines_pop_expired (&deadlines, 999 + allowed_us[kind]));
      g_assert_true (cbs_deadlines_pop_expired (&deadlines, 1000 + allowed_us[kind]) == &deadline);
      g_assert_cmpint (deadline.kind, ==, kind);
      g_assert_false (cbs_deadlines_has (&deadline, kind));
      g_assert_null (cbs_deadlines_pop_expired (&deadlines, G_MAXINT64));
      g_assert_cmpint (cbs_deadlines_get_next_us (&deadlines), ==, -1);
    }
}

/* The next is the earliest of all kinds, whatever was set first. */
static void
test_order (void)
{
  CbsDeadlines deadlines;
  CbsDeadline log_in = { { 0, }, };
  CbsDeadline tls[2] = { { { 0, }, }, };
  CbsDeadline linger = { { 0, }, };

  deadlines_init (&deadlines);
  cbs_deadlines_set (&deadlines, &log_in, CBS_DEADLINE_LOG_IN, 0);
  cbs_deadlines_set (&deadlines, &tls[0], CBS_DEADLINE_TLS, 10);
  cbs_deadlines_set (&deadlines, &tls[1], CBS_DEADLINE_TLS, 20);
  cbs_deadlines_set (&deadlines, &linger, CBS_DEADLINE_LINGER, 45);

  g_assert_cmpint (cbs_deadlines_get_next_us (&deadlines), ==, 60);
  g_assert_true (cbs_deadlines_pop_expired (&deadlines, 60) == &tls[0]);
  g_assert_cmpint (cbs_deadlines_get_next_us (&deadlines), ==, 65);
  g_assert_true (cbs_deadlines_pop_expired (&deadlines, 65) == &linger);
  g_assert_cmpint (cbs_deadlines_get_next_us (&deadlines), ==, 70);
  g_assert_true (cbs_deadlines_pop_expired (&deadlines, 70) == &tls[1]);
  g_assert_cmpint (cbs_deadlines_get_next_us (&deadlines), ==, 100);
  g_assert_null (cbs_deadlines_pop_expired (&deadlines, 99));
  g_assert_true (cbs_deadlines_pop_expired (&deadlines, 100) == &log_in);
}

/* A deadline that is set anew moves behind those that were set meanwhile, or to another kind. */
static void
test_set_anew (void)
{
  CbsDeadlines deadlines;
  CbsDeadline first = { { 0, }, };
  CbsDeadline second = { { 0, }, };

  deadlines_init (&deadlines);
  cbs_deadlines_set (&deadlines, &first, CBS_DEADLINE_TLS, 0);
  cbs_deadlines_set (&deadlines, &second, CBS_DEADLINE_TLS, 10);
  cbs_deadlines_set (&deadlines, &first, CBS_DEADLINE_TLS, 20);
  g_assert_cmpint (cbs_deadlines_get_next_us (&deadlines), ==, 60);
  g_assert_true (cbs_deadlines_pop_expired (&deadlines, 60) == &second);
  g_assert_null (cbs_deadlines_pop_expired (&deadlines, 60));

  cbs_deadlines_set (&deadlines, &first, CBS_DEADLINE_LOG_IN, 60);
  g_assert_false (cbs_deadlines_has (&first, CBS_DEADLINE_TLS));
  g_assert_true (cbs_deadlines_has (&first, CBS_DEADLINE_LOG_IN));
  g_assert_cmpint (cbs_deadlines_get_next_us (&deadlines), ==, 160);
  g_assert_null (cbs_deadlines_pop_expired (&deadlines, 159));
}

static void
test_clear (void)
{
  CbsDeadlines deadlines;
  CbsDeadline items[3] = { { { 0, }, }, };

  deadlines_init (&deadlines);
  for (guint i = 0; i < 3; i++)
    cbs_deadlines_set (&deadlines, &items[i], CBS_DEADLINE_FRAME, i);

  cbs_deadlines_clear (&deadlines, &items[1]);
  cbs_deadlines_clear (&deadlines, &items[1]);
  cbs_deadlines_clear (&deadlines, &items[0]);
  g_assert_false (cbs_deadlines_has (&items[0], CBS_DEADLINE_FRAME));
  g_assert_cmpint (cbs_deadlines_get_next_us (&deadlines), ==, 152);
  g_assert_true (cbs_deadlines_pop_expired (&deadlines, 200) == &items[2]);
  g_assert_null (cbs_deadlines_pop_expired (&deadlines, 200));
}

/* All that are over come, each once, each kind in its order; the others stay. */
static void
test_many (void)
{
  CbsDeadlines deadlines;
  CbsDeadline items[400] = { { { 0, }, }, };
  gint64 last_us[CBS_N_DEADLINES] = { 0, };
  guint n_expected = 0;
  guint n_popped = 0;
  CbsDeadline *deadline = NULL;

  deadlines_init (&deadlines);
  for (guint i = 0; i < G_N_ELEMENTS (items); i++)
    {
      const CbsDeadlineKind kind = (CbsDeadlineKind) g_test_rand_int_range (0, CBS_N_DEADLINES);

      cbs_deadlines_set (&deadlines, &items[i], kind, i);
      if (g_test_rand_bit ())
        cbs_deadlines_clear (&deadlines, &items[i]);
      else if (i + allowed_us[kind] <= 200)
        n_expected++;
    }

  while ((deadline = cbs_deadlines_pop_expired (&deadlines, 200)) != NULL)
    {
      const gint64 set_us = deadline - items;

      g_assert_cmpint (set_us, >=, last_us[deadline->kind]);
      g_assert_cmpint (set_us + allowed_us[deadline->kind], <=, 200);
      last_us[deadline->kind] = set_us + 1;
      n_popped++;
    }
  g_assert_cmpuint (n_popped, ==, n_expected);
  g_assert_cmpint (cbs_deadlines_get_next_us (&deadlines), >, 200);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/deadlines/none", test_none);
  g_test_add_func ("/deadlines/kinds", test_kinds);
  g_test_add_func ("/deadlines/order", test_order);
  g_test_add_func ("/deadlines/set-anew", test_set_anew);
  g_test_add_func ("/deadlines/clear", test_clear);
  g_test_add_func ("/deadlines/many", test_many);

  return g_test_run ();
}
