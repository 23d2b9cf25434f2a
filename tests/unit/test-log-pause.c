/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>

#include "server/log/cbs-log-pause.h"

/* Pauses that a busy reader is made to take. */
#define N_PAUSES 1000

typedef struct
{
  CbsLogPause pause;
  GThread    *reader;
  int         n_queries; /* atomic, as is what follows */
  int         in_query;
  int         stop;
} Fixture;

/* Reads without a gap, as the reader does that many wait for. */
static gpointer
reader_thread (gpointer user_data)
{
  Fixture *fixture = user_data;

  while (g_atomic_int_get (&fixture->stop) == 0)
    {
      cbs_log_pause_enter (&fixture->pause);
      g_atomic_int_set (&fixture->in_query, 1);
      g_atomic_int_inc (&fixture->n_queries);
      g_atomic_int_set (&fixture->in_query, 0);
      cbs_log_pause_leave (&fixture->pause);
    }
  return NULL;
}

static void
set_up (Fixture      *fixture,
        gconstpointer user_data)
{
  cbs_log_pause_init (&fixture->pause);
  fixture->reader = g_thread_new ("reader", reader_thread, fixture);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer user_data)
{
  g_atomic_int_set (&fixture->stop, 1);
  g_thread_join (fixture->reader);
  cbs_log_pause_clear (&fixture->pause);
}

static void
wait_for_queries (Fixture *fixture,
                  int      n_queries)
{
  while (g_atomic_int_get (&fixture->n_queries) < n_queries)
    g_thread_yield ();
}

/* Nobody reads in a pause, and each one is had, however busy the reader is. */
static void
test_log_pause_nobody_reads (Fixture      *fixture,
                             gconstpointer user_data)
{
  for (guint i = 0; i < N_PAUSES; i++)
    {
      int n_queries = 0;

      cbs_log_pause_begin (&fixture->pause);
      n_queries = g_atomic_int_get (&fixture->n_queries);
      for (guint j = 0; j < 10; j++)
        {
          g_assert_cmpint (g_atomic_int_get (&fixture->in_query), ==, 0);
          g_thread_yield ();
        }
      g_assert_cmpint (g_atomic_int_get (&fixture->n_queries), ==, n_queries);
      cbs_log_pause_end (&fixture->pause);
    }
}

static void
test_log_pause_reader_goes_on (Fixture      *fixture,
                               gconstpointer user_data)
{
  for (guint i = 0; i < 10; i++)
    {
      cbs_log_pause_begin (&fixture->pause);
      cbs_log_pause_end (&fixture->pause);
      wait_for_queries (fixture, g_atomic_int_get (&fixture->n_queries) + 2);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add ("/log-pause/nobody-reads", Fixture, NULL,
              set_up, test_log_pause_nobody_reads, tear_down);
  g_test_add ("/log-pause/reader-goes-on", Fixture, NULL,
              set_up, test_log_pause_reader_goes_on, tear_down);

  return g_test_run ();
}
