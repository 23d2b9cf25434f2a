/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "common/test-history.h"

#include <gio/gio.h>

static void
test_random (void)
{
  for (guint32 seed = 0; seed < 200; seed++)
    {
      g_autoptr (TestHistory) history = test_history_new_random (seed);
      g_autoptr (TestHistory) again = test_history_new_random (seed);
      g_autofree char *text = test_history_describe (history);
      g_autofree char *text_again = test_history_describe (again);

      g_assert_cmpstr (text, ==, text_again);
      g_assert_cmpuint (history->n_clients, >=, 2);
      g_assert_cmpuint (history->n_clients, <=, 3);
      for (guint i = 0; i < history->steps->len; i++)
        {
          const TestStep *step = &g_array_index (history->steps, TestStep, i);

          g_assert_cmpuint (step->client, <, history->n_clients);
          g_assert_cmpuint (step->other, <, history->n_clients);
          g_assert_cmpuint (step->client, !=, step->other);
          g_assert_cmpuint (step->amount, >, 0);
        }
    }
}

/* Fails if something is said behind the death of a server. */
static char *
run_until_said_after_death (const TestHistory *history,
                            gpointer           user_data)
{
  gboolean died = FALSE;

  for (guint i = 0; i < history->steps->len; i++)
    {
      const TestStep *step = &g_array_index (history->steps, TestStep, i);

      died = died || step->kind == TEST_STEP_KILL_SERVER;
      if (died && step->kind == TEST_STEP_SAY)
        return g_strdup ("said");
    }
  return NULL;
}

static void
test_shrink (void)
{
  guint n_failures = 0;

  for (guint32 seed = 0; seed < 500; seed++)
    {
      g_autoptr (TestHistory) history = test_history_new_random (seed);
      g_autoptr (TestHistory) shrunk = NULL;
      g_autofree char *failure = run_until_said_after_death (history, NULL);

      if (failure == NULL)
        continue;
      n_failures++;
      shrunk = test_history_shrink (history, 1000, run_until_said_after_death, NULL);
      g_assert_cmpuint (shrunk->steps->len, ==, 2);
      g_assert_cmpint (g_array_index (shrunk->steps, TestStep, 0).kind, ==, TEST_STEP_KILL_SERVER);
      g_assert_cmpint (g_array_index (shrunk->steps, TestStep, 1).kind, ==, TEST_STEP_SAY);
    }
  g_assert_cmpuint (n_failures, >, 50);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/history/random", test_random);
  g_test_add_func ("/history/shrink", test_shrink);

  return g_test_run ();
}
