/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

/* The scenarios that hold chatterboxd against the bare loop. */

#include "bench/bench-scenarios.h"

#include "bench/bench-load.h"
#include "bench/bench-report.h"

/* Logins that are on their way at once. */
#define IN_FLIGHT 32

#define USERS 100
#define DELIVERY_RATE 5000
#define CROWD_DELIVERY_RATE 10000
#define SATURATING_SENDERS 32
#define PRIVATE_RATE 1000
#define JOINS 500

/* Messages, each committed by itself, after which the log is what it is for the rest of a server's
 * life: its write-ahead file grows no more, but is written anew from its beginning. */
#define SETTLING_MESSAGES 700

static const BenchGoal no_goal = { BENCH_GOAL_NONE, 0 };

/* Two servers and their clients. */
typedef struct
{
  BenchTarget *targets[2]; /* the second is the bare loop */
  BenchLoad   *loads[2];
} Pair;

static void
pair_clear (Pair *self)
{
  for (guint i = 0; i < 2; i++)
    {
      g_clear_pointer (&self->loads[i], bench_load_free);
      g_clear_pointer (&self->targets[i], bench_target_free);
    }
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pair, pair_clear)

static gboolean
pair_start (Pair                *self,
            const BenchSettings *settings,
            BenchTargetKind      bare,
            GError             **error)
{
  for (guint i = 0; i < 2; i++)
    {
      self->targets[i] = bench_target_start (settings, i == 0 && !settings->self ? BENCH_TARGET_OURS : bare,
                                             0, error);
      if (self->targets[i] == NULL)
        return FALSE;
      self->loads[i] = bench_load_new (self->targets[i]);
    }

  return TRUE;
}

static gboolean
pair_fill (Pair    *self,
           guint    n_clients,
           GError **error)
{
  for (guint i = 0; i < 2; i++)
    {
      if (!bench_load_connect (self->loads[i], n_clients, IN_FLIGHT, error) ||
          !bench_load_settle (self->loads[i], error))
        return FALSE;
    }

  return TRUE;
}

/* What traffic shows, round by round. */
typedef struct
{
  BenchFigure cost;       /* µs of processor time a delivery */
  BenchFigure rate;       /* deliveries a second */
  BenchFigure latency;    /* ms */
  BenchFigure coalescing; /* messages a record */
} Traffic;

static void
traffic_init (Traffic *self)
{
  bench_figure_init (&self->cost);
  bench_figure_init (&self->rate);
  bench_figure_init (&self->latency);
  bench_figure_init (&self->coalescing);
}

static void
traffic_clear (Traffic *self)
{
  bench_figure_clear (&self->cost);
  bench_figure_clear (&self->rate);
  bench_figure_clear (&self->latency);
  bench_figure_clear (&self->coalescing);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Traffic, traffic_clear)

static void
traffic_add (Traffic           *self,
             gboolean           is_bare,
             const BenchSample *sample)
{
  const double deliveries = (double) sample->deliveries;

  bench_figure_add (&self->cost, is_bare, sample->cpu_us / deliveries);
  bench_figure_add (&self->rate, is_bare, deliveries / sample->seconds);
  bench_figure_add (&self->latency, is_bare, sample->latency_us / 1000);
  bench_figure_add (&self->coalescing, is_bare, deliveries / (double) sample->records);
}

static gboolean
settle_log (BenchLoad *load,
            GError   **error)
{
  const BenchTraffic traffic = {
    .seconds = G_MAXINT32, .senders = 1, .private = TRUE, .messages = SETTLING_MESSAGES,
  };
  BenchSample sample = { 0, };

  return bench_load_measure (load, &traffic, &sample, error);
}

/* Both servers are up all the time, and each is measured first in every other
 * round: noise that comes and goes meets both. */
static gboolean
compare_traffic (const BenchSettings *settings,
                 BenchTargetKind      bare,
                 guint                n_clients,
                 const BenchTraffic  *traffic,
                 Traffic             *out_seen,
                 GError             **error)
{
  g_auto (Pair) pair = { { NULL, NULL }, { NULL, NULL } };

  if (!pair_start (&pair, settings, bare, error) || !pair_fill (&pair, n_clients, error) ||
      (!settings->self && !settle_log (pair.loads[0], error)))
    return FALSE;

  for (guint i = 0; i < 2 * settings->rounds; i++)
    {
      const guint side = (i + i / 2) % 2;
      BenchSample sample = { 0, };

      if (!bench_load_measure (pair.loads[side], traffic, &sample, error))
        return FALSE;
      traffic_add (out_seen, side == 1, &sample);
    }

  return TRUE;
}

G_GNUC_PRINTF (3, 4)
static void
report (const BenchFigure *figure,
        BenchGoal          goal,
        const char        *format,
        ...)
{
  g_autofree char *what = NULL;
  va_list arguments;

  va_start (arguments, format);
  what = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  bench_report_figure (what, figure, goal);
}

/* Messages to all at a fixed rate of deliveries. */
static gboolean
compare_fan_out (const BenchSettings *settings,
                 guint                n_clients,
                 guint                rate,
                 BenchGoal            goal,
                 GError             **error)
{
  const BenchTraffic traffic = {
    .rate = (double) rate / n_clients, .seconds = settings->seconds,
    .senders = n_clients, .content = settings->content,
  };
  g_auto (Traffic) seen = { { NULL, NULL }, };

  traffic_init (&seen);
  if (!compare_traffic (settings, BENCH_TARGET_BARE, n_clients, &traffic, &seen, error))
    return FALSE;

  report (&seen.cost, goal, "%u users, %u deliveries/s: CPU µs a delivery", n_clients, rate);
  report (&seen.latency, no_goal, "%u users, %u deliveries/s: ms until all have a message", n_clients, rate);
  return TRUE;
}

/**
 * bench_fan_out:
 * @settings: what the run is asked for
 * @error: return location for a #GError
 *
 * Prints what a delivery costs at a low, fixed rate, where each message goes
 * out by itself.
 *
 * Returns: %TRUE, or %FALSE with an error
 */
gboolean
bench_fan_out (const BenchSettings *settings,
               GError             **error)
{
  const BenchGoal goal = { BENCH_GOAL_RATIO_AT_MOST, 1.3 };

  return compare_fan_out (settings, USERS, settings->rate > 0 ? settings->rate : DELIVERY_RATE, goal, error);
}

/* What is said to everybody leaves the log in the same state on both sides. */
static gboolean
settle_logs (Pair    *pair,
             GError **error)
{
  const BenchTraffic traffic = {
    .seconds = G_MAXINT32, .senders = 1, .messages = SETTLING_MESSAGES,
  };
  BenchSample sample = { 0, };

  return bench_load_measure (pair->loads[0], &traffic, &sample, error) &&
         bench_load_measure (pair->loads[1], &traffic, &sample, error);
}

/**
 * bench_ids:
 * @settings: what the run is asked for
 * @error: return location for a #GError
 *
 * Prints what it costs that messages carry ids, and their senders' tokens: a
 * room in which all have asked for them is held against one in which nobody
 * has.
 *
 * Returns: %TRUE, or %FALSE with an error
 */
gboolean
bench_ids (const BenchSettings *settings,
           GError             **error)
{
  const BenchGoal goal = { BENCH_GOAL_RATIO_AT_MOST, 1.03 };
  const guint rate = settings->rate > 0 ? settings->rate : DELIVERY_RATE;
  const BenchTraffic traffic = {
    .rate = (double) rate / USERS, .seconds = settings->seconds,
    .senders = USERS, .content = settings->content,
  };
  g_auto (Pair) pair = { { NULL, NULL }, { NULL, NULL } };
  g_auto (Traffic) seen = { { NULL, NULL }, };

  traffic_init (&seen);
  if (!pair_start (&pair, settings, BENCH_TARGET_OURS, error))
    return FALSE;
  if (!settings->self)
    bench_load_announce_ids (pair.loads[0]);
  if (!pair_fill (&pair, USERS, error) || !settle_logs (&pair, error))
    return FALSE;

  for (guint i = 0; i < 2 * settings->rounds; i++)
    {
      const guint side = (i + i / 2) % 2;
      BenchSample sample = { 0, };

      if (!bench_load_measure (pair.loads[side], &traffic, &sample, error))
        return FALSE;
      traffic_add (&seen, side == 1, &sample);
    }

  report (&seen.cost, goal, "%u users with ids / without, %u deliveries/s: CPU µs a delivery", USERS, rate);
  return TRUE;
}

/**
 * bench_crowd:
 * @settings: what the run is asked for
 * @error: return location for a #GError
 *
 * Prints what a delivery costs in a crowded room.
 *
 * Returns: %TRUE, or %FALSE with an error
 */
gboolean
bench_crowd (const BenchSettings *settings,
             GError             **error)
{
  return compare_fan_out (settings, settings->clients,
                          settings->rate > 0 ? settings->rate : CROWD_DELIVERY_RATE, no_goal, error);
}

/**
 * bench_saturated:
 * @settings: what the run is asked for
 * @error: return location for a #GError
 *
 * Prints what a delivery costs, and how many there are, when clients talk as
 * fast as they can.
 *
 * Returns: %TRUE, or %FALSE with an error
 */
gboolean
bench_saturated (const BenchSettings *settings,
                 GError             **error)
{
  const BenchGoal cost_goal = { BENCH_GOAL_RATIO_AT_MOST, 1.8 };
  const BenchGoal rate_goal = { BENCH_GOAL_RATIO_AT_LEAST, 0.5 };
  const BenchTraffic traffic = {
    .seconds = settings->seconds, .senders = SATURATING_SENDERS, .content = settings->content,
  };
  g_auto (Traffic) seen = { { NULL, NULL }, };

  traffic_init (&seen);
  if (!compare_traffic (settings, BENCH_TARGET_BARE_COALESCING, USERS, &traffic, &seen, error))
    return FALSE;

  report (&seen.cost, cost_goal, "%u users, saturated: CPU µs a delivery", USERS);
  report (&seen.rate, rate_goal, "%u users, saturated: deliveries/s", USERS);
  report (&seen.coalescing, no_goal, "%u users, saturated: messages a record", USERS);
  return TRUE;
}

/**
 * bench_private:
 * @settings: what the run is asked for
 * @error: return location for a #GError
 *
 * Prints what a private message costs.
 *
 * Returns: %TRUE, or %FALSE with an error
 */
gboolean
bench_private (const BenchSettings *settings,
               GError             **error)
{
  const guint rate = settings->rate > 0 ? settings->rate : PRIVATE_RATE;
  const BenchTraffic traffic = {
    .rate = rate, .seconds = settings->seconds, .senders = USERS,
    .private = TRUE, .content = settings->content,
  };
  g_auto (Traffic) seen = { { NULL, NULL }, };

  traffic_init (&seen);
  if (!compare_traffic (settings, BENCH_TARGET_BARE_PARTNER, USERS, &traffic, &seen, error))
    return FALSE;

  report (&seen.cost, no_goal, "%u users, %u private/s: CPU µs a message", USERS, rate);
  report (&seen.latency, no_goal, "%u users, %u private/s: ms until it is there", USERS, rate);
  return TRUE;
}

/* One client first: what a server has only once is not counted. */
static gboolean
measure_idle (BenchTarget *target,
              BenchLoad   *load,
              guint        n_clients,
              double      *out_kib,
              GError     **error)
{
  double before = 0;

  if (!bench_load_connect (load, 1, 1, error) || !bench_load_settle (load, error))
    return FALSE;

  before = bench_target_get_anonymous_kib (target);
  if (!bench_load_connect (load, n_clients, IN_FLIGHT, error) || !bench_load_settle (load, error))
    return FALSE;

  *out_kib = (bench_target_get_anonymous_kib (target) - before) / n_clients;
  return TRUE;
}

/**
 * bench_idle:
 * @settings: what the run is asked for
 * @error: return location for a #GError
 *
 * Prints the anonymous memory that a client costs that is logged in and silent.
 *
 * Returns: %TRUE, or %FALSE with an error
 */
gboolean
bench_idle (const BenchSettings *settings,
            GError             **error)
{
  const BenchGoal goal = { BENCH_GOAL_AT_MOST, 14 };
  g_auto (BenchFigure) figure = { NULL, NULL };

  bench_figure_init (&figure);
  for (guint i = 0; i < MIN (settings->rounds, BENCH_MAX_COSTLY_ROUNDS); i++)
    {
      g_auto (Pair) pair = { { NULL, NULL }, { NULL, NULL } };

      if (!pair_start (&pair, settings, BENCH_TARGET_BARE, error))
        return FALSE;
      for (guint side = 0; side < 2; side++)
        {
          double kib = 0;

          if (!measure_idle (pair.targets[side], pair.loads[side], settings->clients, &kib, error))
            return FALSE;
          bench_figure_add (&figure, side == 1, kib);
        }
    }

  report (&figure, goal, "%u users, idle: anonymous KiB a user", settings->clients);
  return TRUE;
}

/**
 * bench_joins:
 * @settings: what the run is asked for
 * @error: return location for a #GError
 *
 * Prints what it costs to join, and how many can join in a second. The bare
 * loop tells nobody of it.
 *
 * Returns: %TRUE, or %FALSE with an error
 */
gboolean
bench_joins (const BenchSettings *settings,
             GError             **error)
{
  g_auto (BenchFigure) cost = { NULL, NULL };
  g_auto (BenchFigure) rate = { NULL, NULL };

  bench_figure_init (&cost);
  bench_figure_init (&rate);
  for (guint i = 0; i < MIN (settings->rounds, BENCH_MAX_COSTLY_ROUNDS); i++)
    {
      g_auto (Pair) pair = { { NULL, NULL }, { NULL, NULL } };

      if (!pair_start (&pair, settings, BENCH_TARGET_BARE, error))
        return FALSE;
      for (guint side = 0; side < 2; side++)
        {
          const gint64 start_us = g_get_monotonic_time ();
          const double cpu_us = bench_target_get_cpu_us (pair.targets[side]);

          if (!bench_load_connect (pair.loads[side], JOINS, IN_FLIGHT, error))
            return FALSE;
          bench_figure_add (&rate, side == 1,
                            JOINS * 1e6 / (double) (g_get_monotonic_time () - start_us));
          bench_figure_add (&cost, side == 1,
                            (bench_target_get_cpu_us (pair.targets[side]) - cpu_us) / JOINS);
        }
    }

  report (&cost, no_goal, "%u join an empty room: CPU µs a join", JOINS);
  report (&rate, no_goal, "%u join an empty room: joins/s", JOINS);
  return TRUE;
}
