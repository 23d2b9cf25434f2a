/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "common/test-history.h"

#define MIN_STEPS 4
#define MAX_STEPS 28

/* How often each kind comes up: what breaks links and processes is rare enough for something to
 * happen in between. */
static const struct
{
  guint       weight;
  guint       max_amount;
  const char *name;
} kinds[TEST_N_STEP_KINDS] = {
  [TEST_STEP_SAY] = { 30, 1, "say" },
  [TEST_STEP_WHISPER] = { 20, 1, "whisper" },
  [TEST_STEP_WAIT] = { 20, 6, "wait" },
  [TEST_STEP_CUT] = { 10, 1500, "cut" },
  [TEST_STEP_KILL_CLIENT] = { 6, 1, "kill-client" },
  [TEST_STEP_KILL_SERVER] = { 4, 1, "kill-server" },
  [TEST_STEP_BLOCK] = { 5, 1, "block" },
  [TEST_STEP_UNBLOCK] = { 4, 1, "unblock" },
  [TEST_STEP_NEW_OWNER] = { 3, 1, "new-owner" },
};

static TestStepKind
draw_kind (GRand *random)
{
  guint total = 0;
  guint drawn = 0;

  for (guint i = 0; i < TEST_N_STEP_KINDS; i++)
    total += kinds[i].weight;
  drawn = (guint) g_rand_int_range (random, 0, (gint32) total);
  for (guint i = 0; i < TEST_N_STEP_KINDS; i++)
    {
      if (drawn < kinds[i].weight)
        return (TestStepKind) i;
      drawn -= kinds[i].weight;
    }
  return TEST_STEP_SAY;
}

static TestHistory *
history_new (guint n_clients)
{
  TestHistory *self = g_new0 (TestHistory, 1);

  self->n_clients = n_clients;
  self->steps = g_array_new (FALSE, FALSE, sizeof (TestStep));
  return self;
}

/* The same seed gives the same history. */
TestHistory *
test_history_new_random (guint32 seed)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  TestHistory *self = history_new ((guint) g_rand_int_range (random, 2, 4));
  const gint32 n_steps = g_rand_int_range (random, MIN_STEPS, MAX_STEPS + 1);

  for (gint32 i = 0; i < n_steps; i++)
    {
      TestStep step = { .kind = draw_kind (random) };

      step.client = (guint) g_rand_int_range (random, 0, (gint32) self->n_clients);
      step.other = (step.client + (guint) g_rand_int_range (random, 1, (gint32) self->n_clients)) % self->n_clients;
      step.amount = (guint) g_rand_int_range (random, 1, (gint32) kinds[step.kind].max_amount + 1);
      g_array_append_val (self->steps, step);
    }

  return self;
}

void
test_history_free (TestHistory *self)
{
  g_array_unref (self->steps);
  g_free (self);
}

static TestHistory *
history_without (const TestHistory *history,
                 guint              start,
                 guint              n_steps)
{
  TestHistory *self = history_new (history->n_clients);

  for (guint i = 0; i < history->steps->len; i++)
    {
      if (i < start || i >= start + n_steps)
        g_array_append_val (self->steps, g_array_index (history->steps, TestStep, i));
    }
  return self;
}

/* Finds a shorter history that fails, too: takes runs of steps out, ever shorter ones, as long as it
 * fails without them. Stops after @max_runs runs. */
TestHistory *
test_history_shrink (const TestHistory *history,
                     guint              max_runs,
                     TestHistoryFunc    run,
                     gpointer           user_data)
{
  g_autoptr (TestHistory) best = history_without (history, 0, 0);
  guint n_runs = 0;

  for (guint size = MAX (best->steps->len / 2, 1); size > 0; size /= 2)
    {
      guint start = 0;

      while (start < best->steps->len && n_runs < max_runs)
        {
          g_autoptr (TestHistory) shorter = history_without (best, start, size);
          g_autofree char *failure = NULL;

          n_runs++;
          failure = run (shorter, user_data);
          if (failure == NULL)
            {
              start += size;
              continue;
            }
          test_history_free (best);
          best = g_steal_pointer (&shorter);
        }
    }

  return g_steal_pointer (&best);
}

/* A line for each step. */
char *
test_history_describe (const TestHistory *self)
{
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, "%u clients\n", self->n_clients);
  for (guint i = 0; i < self->steps->len; i++)
    {
      const TestStep *step = &g_array_index (self->steps, TestStep, i);

      g_string_append_printf (text, "%s client=%u other=%u amount=%u\n", kinds[step->kind].name,
                              step->client, step->other, step->amount);
    }

  return g_string_free (text, FALSE);
}
