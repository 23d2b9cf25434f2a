/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "bench/bench-report.h"

#include <stdio.h>

static const guint widths[] = { 62, 24, 24, 20, 10, 5 };

/**
 * bench_figure_init:
 * @self: a figure
 *
 * Makes a figure without values.
 */
void
bench_figure_init (BenchFigure *self)
{
  self->ours = g_array_new (FALSE, FALSE, sizeof (double));
  self->bare = g_array_new (FALSE, FALSE, sizeof (double));
}

/**
 * bench_figure_clear:
 * @self: a figure
 *
 * Frees its values.
 */
void
bench_figure_clear (BenchFigure *self)
{
  g_clear_pointer (&self->ours, g_array_unref);
  g_clear_pointer (&self->bare, g_array_unref);
}

/**
 * bench_figure_add:
 * @self: a figure
 * @is_bare: whose value it is
 * @value: the value of one round
 *
 * Adds a value.
 */
void
bench_figure_add (BenchFigure *self,
                  gboolean     is_bare,
                  double       value)
{
  GArray *values = is_bare ? self->bare : self->ours;

  g_array_append_val (values, value);
}

static int
compare_doubles (gconstpointer a,
                 gconstpointer b)
{
  const double difference = *(const double *) a - *(const double *) b;

  return difference < 0 ? -1 : difference > 0;
}

static double
get_median (GArray *sorted)
{
  const guint half = sorted->len / 2;

  return sorted->len % 2 == 1
         ? g_array_index (sorted, double, half)
         : (g_array_index (sorted, double, half - 1) + g_array_index (sorted, double, half)) / 2;
}

/* Three digits say all that such a figure is worth. */
static char *
format_number (double value)
{
  const int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;

  return g_strdup_printf ("%.*f", decimals, value);
}

typedef struct
{
  double least;
  double median;
  double most;
} Span;

/* The median, and between which values it lies. */
static char *
describe (GArray *values,
          Span   *out_span)
{
  g_autoptr (GArray) sorted = g_array_copy (values);
  g_autofree char *median = NULL;
  g_autofree char *least = NULL;
  g_autofree char *most = NULL;

  if (sorted->len == 0)
    return g_strdup ("");

  g_array_sort (sorted, compare_doubles);
  out_span->least = g_array_index (sorted, double, 0);
  out_span->median = get_median (sorted);
  out_span->most = g_array_index (sorted, double, sorted->len - 1);
  median = format_number (out_span->median);
  if (sorted->len == 1)
    return g_steal_pointer (&median);

  least = format_number (out_span->least);
  most = format_number (out_span->most);
  return g_strdup_printf ("%s (%s–%s)", median, least, most);
}

/* Neighbouring rounds saw the same noise: each is held against its own. */
static GArray *
get_ratios (const BenchFigure *figure)
{
  GArray *ratios = g_array_new (FALSE, FALSE, sizeof (double));

  for (guint i = 0; i < MIN (figure->ours->len, figure->bare->len); i++)
    {
      const double bare = g_array_index (figure->bare, double, i);
      const double ratio = bare > 0 ? g_array_index (figure->ours, double, i) / bare : 0;

      g_array_append_val (ratios, ratio);
    }

  return ratios;
}

static void
print_row (const char *const cells[G_N_ELEMENTS (widths)])
{
  for (gsize i = 0; i < G_N_ELEMENTS (widths); i++)
    {
      const glong len = g_utf8_strlen (cells[i], -1);
      const int missing = (int) MAX ((glong) widths[i] - len, 0);

      if (i == 0)
        printf ("| %s%*s |", cells[i], missing, "");
      else
        printf (" %*s%s |", missing, "", cells[i]);
    }
  printf ("\n");
  fflush (stdout);
}

/**
 * bench_report_head:
 *
 * Prints the head of the table.
 */
void
bench_report_head (void)
{
  static const char *const titles[] = { "figure", "chatterboxd", "bare loop", "ratio", "goal", "met" };
  static const char *const lines[] = { ":---", "---:", "---:", "---:", "---:", "---:" };

  print_row (titles);
  print_row (lines);
}

static gboolean
is_met (BenchGoal   goal,
        const Span *values,
        double      ratio)
{
  switch (goal.kind)
    {
    case BENCH_GOAL_RATIO_AT_MOST:
      return ratio <= goal.limit;
    case BENCH_GOAL_RATIO_AT_LEAST:
      return ratio >= goal.limit;
    case BENCH_GOAL_AT_MOST:
      return values->median <= goal.limit;
    case BENCH_GOAL_AT_LEAST:
      return values->median >= goal.limit;
    case BENCH_GOAL_WORST_AT_MOST:
      return values->most <= goal.limit;
    case BENCH_GOAL_NONE:
    default:
      return TRUE;
    }
}

static char *
describe_goal (BenchGoal goal)
{
  switch (goal.kind)
    {
    case BENCH_GOAL_RATIO_AT_MOST:
      return g_strdup_printf ("≤ %gx", goal.limit);
    case BENCH_GOAL_RATIO_AT_LEAST:
      return g_strdup_printf ("≥ %gx", goal.limit);
    case BENCH_GOAL_AT_MOST:
      return g_strdup_printf ("≤ %g", goal.limit);
    case BENCH_GOAL_AT_LEAST:
      return g_strdup_printf ("≥ %g", goal.limit);
    case BENCH_GOAL_WORST_AT_MOST:
      return g_strdup_printf ("all ≤ %g", goal.limit);
    case BENCH_GOAL_NONE:
    default:
      return g_strdup ("");
    }
}

/**
 * bench_report_figure:
 * @what: what it is, with its unit
 * @figure: its values
 * @goal: what it has to reach
 *
 * Prints a row: medians, the span of the values, the median of the ratios of
 * each round, and whether the goal is met.
 */
void
bench_report_figure (const char        *what,
                     const BenchFigure *figure,
                     BenchGoal          goal)
{
  Span ours = { 0, 0, 0 };
  Span bare = { 0, 0, 0 };
  Span ratio = { 0, 0, 0 };
  g_autoptr (GArray) ratios = get_ratios (figure);
  g_autofree char *ours_text = describe (figure->ours, &ours);
  g_autofree char *bare_text = describe (figure->bare, &bare);
  g_autofree char *ratio_text = describe (ratios, &ratio);
  g_autofree char *goal_text = describe_goal (goal);
  const char *verdict = goal.kind == BENCH_GOAL_NONE ? "" : is_met (goal, &ours, ratio.median) ? "yes" : "NO";
  const char *const cells[] = { what, ours_text, bare_text, ratio_text, goal_text, verdict };

  print_row (cells);
}

/**
 * bench_report_value:
 * @what: what it is, with its unit
 * @value: what chatterboxd showed
 * @goal: what it has to reach
 *
 * Prints the row of a figure that is taken once and of chatterboxd alone.
 */
void
bench_report_value (const char *what,
                    double      value,
                    BenchGoal   goal)
{
  g_auto (BenchFigure) figure = { NULL, NULL };

  bench_figure_init (&figure);
  bench_figure_add (&figure, FALSE, value);
  bench_report_figure (what, &figure, goal);
}
