/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * BenchGoalKind:
 * @BENCH_GOAL_NONE: the figure is only told
 * @BENCH_GOAL_RATIO_AT_MOST: so many times the bare loop's figure at most
 * @BENCH_GOAL_RATIO_AT_LEAST: so many times the bare loop's figure at least
 * @BENCH_GOAL_AT_MOST: the figure itself at most
 * @BENCH_GOAL_AT_LEAST: the figure itself at least
 * @BENCH_GOAL_WORST_AT_MOST: each single value at most
 *
 * What a goal is about.
 */
typedef enum
{
  BENCH_GOAL_NONE,
  BENCH_GOAL_RATIO_AT_MOST,
  BENCH_GOAL_RATIO_AT_LEAST,
  BENCH_GOAL_AT_MOST,
  BENCH_GOAL_AT_LEAST,
  BENCH_GOAL_WORST_AT_MOST,
} BenchGoalKind;

/**
 * BenchGoal:
 * @kind: what it is about
 * @limit: the number
 *
 * What a figure has to reach.
 */
typedef struct
{
  BenchGoalKind kind;
  double        limit;
} BenchGoal;

/**
 * BenchFigure:
 * @ours: (element-type double): what chatterboxd showed, round by round
 * @bare: (element-type double): what the bare loop showed in the same rounds
 *
 * One figure, taken several times of both servers in turn.
 */
typedef struct
{
  GArray *ours;
  GArray *bare;
} BenchFigure;

void bench_figure_init (BenchFigure *self);
void bench_figure_clear (BenchFigure *self);
void bench_figure_add (BenchFigure *self,
                       gboolean     is_bare,
                       double       value);

void bench_report_head (void);
void bench_report_figure (const char        *what,
                          const BenchFigure *figure,
                          BenchGoal          goal);
void bench_report_value (const char *what,
                         double      value,
                         BenchGoal   goal);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BenchFigure, bench_figure_clear)

G_END_DECLS
