/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

/* The scenarios of clients that do what they should not. */

#include "bench/bench-scenarios.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench/bench-load.h"
#include "bench/bench-report.h"

#define LOGINS 20
#define STALLED 200
#define STALLED_CROWD 600
#define STALLED_ADDRESSES 150
#define WATCHED_MS 1500

#define READERS 10
#define PASSING_BYTES (24 * 1024 * 1024)
#define PASSING_CONTENT (8 * 1024)
#define PASSING_SENDERS 4

#define MAX_DESCRIPTORS 64
#define ASKING 300
#define ASKING_MS 3000

static const BenchGoal no_goal = { BENCH_GOAL_NONE, 0 };

/* Connections that do not complete their handshake. */
typedef struct
{
  GArray     *fds; /* of int */
  GByteArray *hello;
} Stall;

static void
stall_clear (Stall *self)
{
  for (guint i = 0; i < self->fds->len; i++)
    close (g_array_index (self->fds, int, i));
  g_array_unref (self->fds);
  g_byte_array_unref (self->hello);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Stall, stall_clear)

static ssize_t
keep_cb (gnutls_transport_ptr_t transport,
         const void            *data,
         size_t                 size)
{
  g_byte_array_append (transport, data, (guint) size);
  return (ssize_t) size;
}

static ssize_t
nothing_cb (gnutls_transport_ptr_t transport,
            void                  *data,
            size_t                 size)
{
  return 0;
}

static void
stall_init (Stall *self)
{
  g_autoptr (BenchWire) wire = bench_wire_new (0);
  gnutls_session_t session = NULL;

  self->fds = g_array_new (FALSE, FALSE, sizeof (int));
  self->hello = g_byte_array_new ();

  /* A server that hangs up at once leaves the first flight of a handshake behind. */
  gnutls_init (&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
  gnutls_priority_set (session, wire->priority);
  gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE, wire->credentials);
  gnutls_transport_set_ptr (session, self->hello);
  gnutls_transport_set_push_function (session, keep_cb);
  gnutls_transport_set_pull_function (session, nothing_cb);
  gnutls_handshake (session);
  gnutls_deinit (session);
}

/* Opens connections in turn from @n_sources addresses, beginning with @first: one is silent, one
 * sends half a ClientHello, one a whole one. */
static gboolean
stall_open (Stall   *self,
            guint16  port,
            guint    n_connections,
            guint32  first,
            guint    n_sources,
            GError **error)
{
  const struct sockaddr_in server = {
    .sin_family = AF_INET, .sin_port = g_htons (port), .sin_addr.s_addr = g_htonl (INADDR_LOOPBACK),
  };

  for (guint i = 0; i < n_connections; i++)
    {
      const int fd = bench_connect (&server, g_htonl (first + i % n_sources), error);
      const gsize len = i % 3 * self->hello->len / 2;

      if (fd < 0)
        return FALSE;
      g_array_append_val (self->fds, fd);
      if (len > 0 && send (fd, self->hello->data, len, MSG_NOSIGNAL) != (gssize) len)
        {
          g_set_error (error, BENCH_ERROR, BENCH_ERROR_FAILED, "A ClientHello can't be sent");
          return FALSE;
        }
    }

  return TRUE;
}

/* Logs in one after the other, and leaves again. */
static gboolean
measure_logins (BenchLoad   *load,
                guint        n_logins,
                BenchFigure *figure,
                GError     **error)
{
  for (guint i = 0; i < n_logins; i++)
    {
      const gint64 start_us = g_get_monotonic_time ();

      if (!bench_load_connect (load, 1, 1, error))
        return FALSE;
      bench_figure_add (figure, FALSE, (double) (g_get_monotonic_time () - start_us) / 1000);
      bench_load_disconnect (load, 1);
    }

  return TRUE;
}

/* Logins right behind connections that stall, the first of them while these are being dealt with. */
static gboolean
measure_stalled_logins (const BenchSettings *settings,
                        guint                n_stalled,
                        guint32              first,
                        guint                n_sources,
                        GError             **error)
{
  const BenchGoal goal = { BENCH_GOAL_WORST_AT_MOST, 250 };
  g_autoptr (BenchTarget) target = bench_target_start (settings, BENCH_TARGET_OURS, 0, error);
  g_autoptr (BenchLoad) load = NULL;
  g_auto (BenchFigure) figure = { NULL, NULL };
  g_auto (Stall) stall = { NULL, NULL };
  g_autofree char *what = g_strdup_printf ("login beside %u stalled (addresses: %u): ms", n_stalled, n_sources);

  bench_figure_init (&figure);
  stall_init (&stall);
  if (target == NULL)
    return FALSE;

  load = bench_load_new (target);
  if (!stall_open (&stall, bench_target_get_port (target), n_stalled, first, n_sources, error) ||
      !measure_logins (load, LOGINS, &figure, error))
    return FALSE;

  bench_report_figure (what, &figure, n_stalled > 0 ? goal : no_goal);
  return TRUE;
}

static gboolean
measure_stalled_crowd (const BenchSettings *settings,
                       GError             **error)
{
  const BenchGoal memory_goal = { BENCH_GOAL_AT_MOST, 32 };
  const BenchGoal threads_goal = { BENCH_GOAL_AT_MOST, 0 };
  g_autoptr (BenchTarget) target = bench_target_start (settings, BENCH_TARGET_OURS, 0, error);
  g_autoptr (BenchLoad) load = NULL;
  g_auto (Stall) stall = { NULL, NULL };
  double before_kib = 0;
  double peak_kib = 0;
  guint threads_before = 0;
  guint threads = 0;

  stall_init (&stall);
  if (target == NULL)
    return FALSE;

  load = bench_load_new (target);
  if (!bench_load_connect (load, 1, 1, error))
    return FALSE;
  before_kib = bench_target_get_anonymous_kib (target);
  threads_before = bench_target_count_threads (target);
  if (!stall_open (&stall, bench_target_get_port (target), STALLED_CROWD, INADDR_LOOPBACK + 0x100,
                   STALLED_ADDRESSES, error))
    return FALSE;

  for (guint i = 0; i < WATCHED_MS / 50; i++)
    {
      g_usleep (50 * 1000);
      peak_kib = MAX (peak_kib, bench_target_get_anonymous_kib (target));
      threads = MAX (threads, bench_target_count_threads (target));
    }
  bench_report_value ("600 stalled from 150 addresses: anonymous MiB", (peak_kib - before_kib) / 1024, memory_goal);
  bench_report_value ("600 stalled from 150 addresses: threads more than before",
                      (double) threads - threads_before, threads_goal);
  return TRUE;
}

/**
 * bench_stall:
 * @settings: what the run is asked for
 * @error: return location for a #GError
 *
 * Prints how long logins take beside connections that stall in the TLS
 * handshake, and what such connections cost.
 *
 * Returns: %TRUE, or %FALSE with an error
 */
gboolean
bench_stall (const BenchSettings *settings,
             GError             **error)
{
  return measure_stalled_logins (settings, 0, INADDR_LOOPBACK, 0, error) &&
         measure_stalled_logins (settings, STALLED, INADDR_LOOPBACK, 1, error) &&
         measure_stalled_logins (settings, STALLED, INADDR_LOOPBACK + 1, 4, error) &&
         measure_stalled_logins (settings, STALLED_CROWD, INADDR_LOOPBACK + 0x100, STALLED_ADDRESSES, error) &&
         measure_stalled_crowd (settings, error);
}

/* Has a fixed amount of content pass by all who read. */
static gboolean
measure_passing (BenchLoad *load,
                 double    *out_peak_kib,
                 double    *out_mib_s,
                 GError   **error)
{
  const BenchTraffic traffic = {
    .seconds = G_MAXINT32, .senders = PASSING_SENDERS,
    .content = PASSING_CONTENT, .messages = PASSING_BYTES / PASSING_CONTENT,
  };
  BenchSample sample = { 0, };
  gboolean measured = FALSE;

  bench_load_watch (load, out_peak_kib);
  measured = bench_load_measure (load, &traffic, &sample, error);
  bench_load_watch (load, NULL);
  if (measured)
    *out_mib_s = PASSING_BYTES / (1024.0 * 1024) / sample.seconds;
  return measured;
}

/* A new server each time: memory that was used once would hide what is used again. */
static gboolean
measure_slow_reader (const BenchSettings *settings,
                     BenchFigure         *memory,
                     BenchFigure         *rate,
                     BenchFigure         *share,
                     GError             **error)
{
  g_autoptr (BenchTarget) target = bench_target_start (settings, BENCH_TARGET_OURS, 0, error);
  g_autoptr (BenchLoad) load = NULL;
  double peak_kib[2] = { 0, 0 };
  double mib_s[2] = { 0, 0 };

  if (target == NULL)
    return FALSE;

  load = bench_load_new (target);
  if (!bench_load_connect (load, READERS + 1, READERS + 1, error) || !bench_load_settle (load, error) ||
      !measure_passing (load, &peak_kib[0], &mib_s[0], error))
    return FALSE;

  bench_load_stop_reading (load);
  if (!measure_passing (load, &peak_kib[1], &mib_s[1], error))
    return FALSE;

  bench_figure_add (memory, FALSE, MAX (peak_kib[1] - peak_kib[0], 0) / 1024);
  bench_figure_add (rate, FALSE, mib_s[1]);
  bench_figure_add (share, FALSE, mib_s[1] / mib_s[0]);
  return TRUE;
}

/**
 * bench_slow_reader:
 * @settings: what the run is asked for
 * @error: return location for a #GError
 *
 * Prints what a client costs that stops reading while others talk.
 *
 * Returns: %TRUE, or %FALSE with an error
 */
gboolean
bench_slow_reader (const BenchSettings *settings,
                   GError             **error)
{
  const BenchGoal memory_goal = { BENCH_GOAL_AT_MOST, 4 };
  const BenchGoal share_goal = { BENCH_GOAL_AT_LEAST, 0.9 };
  g_auto (BenchFigure) memory = { NULL, NULL };
  g_auto (BenchFigure) rate = { NULL, NULL };
  g_auto (BenchFigure) share = { NULL, NULL };

  bench_figure_init (&memory);
  bench_figure_init (&rate);
  bench_figure_init (&share);
  for (guint i = 0; i < MIN (settings->rounds, BENCH_MAX_COSTLY_ROUNDS); i++)
    {
      if (!measure_slow_reader (settings, &memory, &rate, &share, error))
        return FALSE;
    }

  bench_report_figure ("beside a slow reader: MiB/s that 10 others get", &rate, no_goal);
  bench_report_figure ("beside a slow reader: share of the rate while it read", &share, share_goal);
  /* A log in memory grows with what is said. */
  if (!settings->ephemeral)
    bench_report_figure ("a slow reader, while 24 MiB pass by: anonymous MiB", &memory, memory_goal);
  return TRUE;
}

/**
 * bench_descriptors:
 * @settings: what the run is asked for
 * @error: return location for a #GError
 *
 * Prints what a server does that has fewer descriptors than clients that ask.
 *
 * Returns: %TRUE, or %FALSE with an error
 */
gboolean
bench_descriptors (const BenchSettings *settings,
                   GError             **error)
{
  const BenchGoal cpu_goal = { BENCH_GOAL_AT_MOST, 5 };
  const BenchGoal lines_goal = { BENCH_GOAL_AT_MOST, 10 };
  const BenchGoal login_goal = { BENCH_GOAL_AT_MOST, 1000 };
  g_autoptr (BenchTarget) target = bench_target_start (settings, BENCH_TARGET_OURS, MAX_DESCRIPTORS, error);
  g_autoptr (BenchLoad) load = NULL;
  g_auto (BenchFigure) figure = { NULL, NULL };
  double cpu_us = 0;
  guint n_lines = 0;

  bench_figure_init (&figure);
  if (target == NULL)
    return FALSE;

  load = bench_load_new (target);
  cpu_us = bench_target_get_cpu_us (target);
  {
    g_auto (Stall) stall = { NULL, NULL };

    stall_init (&stall);
    if (!stall_open (&stall, bench_target_get_port (target), ASKING, INADDR_LOOPBACK, 1, error))
      return FALSE;
    g_usleep (ASKING_MS * 1000);
    cpu_us = bench_target_get_cpu_us (target) - cpu_us;
    n_lines = bench_target_count_log_lines (target);
  }
  if (!measure_logins (load, 1, &figure, error))
    return FALSE;

  bench_report_value ("64 descriptors, 300 ask: % of a processor in 3 s", cpu_us / (ASKING_MS * 10), cpu_goal);
  bench_report_value ("64 descriptors, 300 ask: lines logged in 3 s", n_lines, lines_goal);
  bench_report_figure ("64 descriptors, login once they are gone: ms", &figure, login_goal);
  return TRUE;
}
