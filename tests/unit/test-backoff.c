/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "libchatterbox/cb-backoff.h"

/* The largest random number draws the ceiling itself. */
static void
test_doubles (void)
{
  const guint expected[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
  CbBackoff backoff;

  cb_backoff_init (&backoff, 1000, 60000);
  for (gsize i = 0; i < G_N_ELEMENTS (expected); i++)
    g_assert_cmpuint (cb_backoff_next (&backoff, G_MAXUINT32), ==, expected[i]);
}

typedef struct
{
  guint32 random;
  guint   delay_ms;
} JitterCase;

/* Any part of the time to the ceiling, from none of it on. */
static void
test_jitter (void)
{
  const JitterCase cases[] = { { 0, 0 }, { G_MAXUINT32 / 4, 249 }, { G_MAXUINT32 / 2, 499 }, { G_MAXUINT32, 1000 } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      CbBackoff backoff;

      cb_backoff_init (&backoff, 1000, 60000);
      g_assert_cmpuint (cb_backoff_next (&backoff, cases[i].random), ==, cases[i].delay_ms);
    }
}

/* What is drawn does not change how the ceiling grows. */
static void
test_jitter_growth (void)
{
  CbBackoff backoff;

  cb_backoff_init (&backoff, 1000, 60000);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (cb_backoff_next (&backoff, 0), ==, 0);
  g_assert_cmpuint (cb_backoff_next (&backoff, G_MAXUINT32), ==, 8000);
}

static void
test_lasted (void)
{
  CbBackoff backoff;

  cb_backoff_init (&backoff, 1000, 60000);
  for (guint i = 0; i < 5; i++)
    cb_backoff_next (&backoff, 0);
  cb_backoff_connected (&backoff, CB_BACKOFF_LASTING_US);
  g_assert_cmpuint (cb_backoff_next (&backoff, G_MAXUINT32), ==, 1000);
}

/* Let in and thrown out again is no success. */
static void
test_not_lasted (void)
{
  CbBackoff backoff;

  cb_backoff_init (&backoff, 1000, 60000);
  cb_backoff_next (&backoff, 0);
  cb_backoff_connected (&backoff, CB_BACKOFF_LASTING_US - 1);
  g_assert_cmpuint (cb_backoff_next (&backoff, G_MAXUINT32), ==, 2000);
}

/* Neither sums nor products wrap. */
static void
test_extremes (void)
{
  CbBackoff backoff;

  cb_backoff_init (&backoff, G_MAXUINT, G_MAXUINT);
  g_assert_cmpuint (cb_backoff_next (&backoff, G_MAXUINT32), ==, G_MAXUINT);
  g_assert_cmpuint (cb_backoff_next (&backoff, G_MAXUINT32), ==, G_MAXUINT);
  cb_backoff_init (&backoff, 0, 0);
  g_assert_cmpuint (cb_backoff_next (&backoff, G_MAXUINT32), ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/backoff/doubles", test_doubles);
  g_test_add_func ("/backoff/jitter", test_jitter);
  g_test_add_func ("/backoff/jitter-growth", test_jitter_growth);
  g_test_add_func ("/backoff/lasted", test_lasted);
  g_test_add_func ("/backoff/not-lasted", test_not_lasted);
  g_test_add_func ("/backoff/extremes", test_extremes);

  return g_test_run ();
}
