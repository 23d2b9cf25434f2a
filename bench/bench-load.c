/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "bench/bench-load.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#define MAX_EVENTS 512

/* What does not happen within that time does not happen. */
#define TIMEOUT_US (30 * G_USEC_PER_SEC)

/* Traffic before each measured window, so that caches and buffers are as they stay. */
#define WARM_UP_S 0.2

/* A server that was silent for so long has said all. */
#define QUIET_MS 200

/* How often the server's memory is looked at while it is watched. */
#define WATCH_US (20 * 1000)

/* A content begins with its number between two of these, which stand nowhere else. */
#define MARK '#'
#define NUMBER_LEN 8

typedef struct
{
  gint64 sent_us;
  guint  sender;
  guint  left; /* clients that have not got it yet */
} Message;

struct _BenchLoad
{
  BenchTarget        *target;
  BenchWire          *wire;
  GPtrArray          *clients; /* of BenchClient */
  guint               next_number;
  guint               n_deaf;  /* the last of them do not read */

  const BenchTraffic *traffic; /* NULL: none */
  gboolean            spins;
  GArray             *messages; /* of Message: those of the traffic, in the order in which they were sent */
  guint               n_outstanding;
  gboolean            resend;   /* who has heard its own message everywhere sends again */
  GString            *text;     /* the message being sent */
  guint64             deliveries;
  GArray             *latencies; /* of double, in microseconds */
  GError             *error;     /* the first that a callback met */

  double             *peak_kib; /* NULL: nobody watches */
  gint64              watched_us;
};

G_GNUC_PRINTF (2, 3)
static void
fail (BenchLoad  *self,
      const char *format,
      ...)
{
  va_list arguments;

  if (self->error != NULL)
    return;

  va_start (arguments, format);
  self->error = g_error_new_valist (BENCH_ERROR, BENCH_ERROR_FAILED, format, arguments);
  va_end (arguments);
}

/* The next message, from the client that stands at @sender. */
static void
say (BenchLoad *self,
     guint      sender)
{
  const BenchTraffic *traffic = self->traffic;
  BenchClient *client = g_ptr_array_index (self->clients, sender);
  const guint n_listeners = self->clients->len - self->n_deaf;
  const Message message = {
    g_get_monotonic_time (), sender, traffic->private ? 1 : n_listeners,
  };
  const guint filler = MAX (traffic->content, NUMBER_LEN + 2) - (NUMBER_LEN + 2);

  g_string_printf (self->text, "{\"MESSAGES\":[[\"b%u\",\"", client->number);
  if (traffic->private)
    g_string_append_printf (self->text, "b%u",
                            ((BenchClient *) g_ptr_array_index (self->clients, sender ^ 1))->number);
  else
    g_string_append (self->text, "ALL");
  g_string_append_printf (self->text, "\",%" G_GINT64_FORMAT ",\"%c%0*u%c",
                          g_get_real_time () / G_USEC_PER_SEC, MARK, NUMBER_LEN, self->messages->len, MARK);
  g_string_set_size (self->text, self->text->len + filler);
  memset (self->text->str + self->text->len - filler, 'x', filler);
  g_string_append_c (self->text, '"');
  if (self->wire->announces_ids)
    g_string_append_printf (self->text, ",{\"token\":\"%08x%08x%08x%08x\"}",
                            g_random_int (), g_random_int (), g_random_int (), g_random_int ());
  g_string_append (self->text, "]]}");

  g_array_append_val (self->messages, message);
  self->n_outstanding++;
  bench_client_send (client, self->text->str, self->text->len,
                     self->error == NULL ? &self->error : NULL);
}

static gboolean
is_at_end (const BenchLoad *self)
{
  return self->traffic->messages > 0 && self->messages->len >= self->traffic->messages;
}

static void
count_delivery (BenchLoad *self,
                guint64    number)
{
  Message *message = NULL;
  double latency_us = 0;

  if (number >= self->messages->len ||
      (message = &g_array_index (self->messages, Message, number))->left == 0)
    {
      fail (self, "Message %" G_GUINT64_FORMAT " was delivered too often", number);
      return;
    }

  self->deliveries++;
  if (--message->left > 0)
    return;

  latency_us = (double) (g_get_monotonic_time () - message->sent_us);
  g_array_append_val (self->latencies, latency_us);
  self->n_outstanding--;
  if (self->resend && !is_at_end (self))
    say (self, message->sender);
}

static void
frame_cb (BenchClient *client,
          const char  *payload,
          gsize        len,
          gpointer     user_data)
{
  BenchLoad *self = user_data;
  const char *const end = payload + len;
  const char *p = memchr (payload, MARK, len);

  if (p == NULL && memmem (payload, len, "\"ERROR\"", 7) != NULL)
    {
      g_autofree char *text = g_strndup (payload, MIN (len, 200));

      fail (self, "The server answers: %s", text);
      return;
    }

  while (p != NULL && end - p > NUMBER_LEN + 1)
    {
      guint64 number = 0;

      for (guint i = 1; i <= NUMBER_LEN; i++)
        number = number * 10 + (guint64) (p[i] - '0');
      count_delivery (self, number);
      p += NUMBER_LEN + 2;
      p = memchr (p, MARK, (gsize) (end - p));
    }
}

/**
 * bench_load_new:
 * @target: a server; has to outlive the load
 *
 * Makes a load without clients.
 *
 * Returns: (transfer full): a load
 */
BenchLoad *
bench_load_new (BenchTarget *target)
{
  BenchLoad *self = g_new0 (BenchLoad, 1);

  self->target = target;
  self->wire = bench_wire_new (bench_target_get_port (target));
  self->wire->frame = frame_cb;
  self->wire->user_data = self;
  self->clients = g_ptr_array_new_with_free_func ((GDestroyNotify) bench_client_free);
  self->messages = g_array_new (FALSE, FALSE, sizeof (Message));
  self->latencies = g_array_new (FALSE, FALSE, sizeof (double));
  self->text = g_string_new (NULL);
  return self;
}

/**
 * bench_load_announce_ids:
 * @self: a load without clients
 *
 * Has its clients ask for the ids of messages, and give what they send a token.
 */
void
bench_load_announce_ids (BenchLoad *self)
{
  self->wire->announces_ids = TRUE;
}

/**
 * bench_load_free:
 * @self: (transfer full): a load
 *
 * Closes all connections.
 */
void
bench_load_free (BenchLoad *self)
{
  g_ptr_array_unref (self->clients);
  bench_wire_free (self->wire);
  g_array_unref (self->messages);
  g_array_unref (self->latencies);
  g_string_free (self->text, TRUE);
  g_clear_error (&self->error);
  g_free (self);
}

static void
watch (BenchLoad *self)
{
  const gint64 now_us = g_get_monotonic_time ();

  if (self->peak_kib == NULL || now_us - self->watched_us < WATCH_US)
    return;

  self->watched_us = now_us;
  *self->peak_kib = MAX (*self->peak_kib, bench_target_get_anonymous_kib (self->target));
}

/* Handles what happens within @timeout_ms; returns the number of events, or -1. While there is traffic
 * it does not wait: who sends to a sleeping process pays for waking it, and clients are elsewhere
 * otherwise. */
static int
turn (BenchLoad *self,
      int        timeout_ms,
      GError   **error)
{
  struct epoll_event events[MAX_EVENTS];
  const int n_events = epoll_wait (self->wire->epoll_fd, events, MAX_EVENTS, self->spins ? 0 : timeout_ms);

  for (int i = 0; i < n_events && self->error == NULL; i++)
    {
      g_autoptr (GError) local_error = NULL;

      if (!bench_client_handle (events[i].data.ptr, events[i].events, &local_error) && self->error == NULL)
        self->error = g_steal_pointer (&local_error);
    }

  watch (self);
  if (self->error == NULL)
    return MAX (n_events, 0);

  g_propagate_error (error, g_steal_pointer (&self->error));
  return -1;
}

static gboolean
is_late (gint64      since_us,
         const char *what,
         GError    **error)
{
  if (g_get_monotonic_time () - since_us < TIMEOUT_US)
    return FALSE;

  g_set_error (error, BENCH_ERROR, BENCH_ERROR_TIMED_OUT, "%s", what);
  return TRUE;
}

/**
 * bench_load_connect:
 * @self: a load
 * @n_clients: clients to add
 * @in_flight: how many may be on their way at once
 * @error: return location for a #GError
 *
 * Adds clients, and returns when all are logged in.
 *
 * Returns: %TRUE, or %FALSE with a #BenchError
 */
gboolean
bench_load_connect (BenchLoad *self,
                    guint      n_clients,
                    guint      in_flight,
                    GError   **error)
{
  const guint wanted = self->wire->n_online + n_clients;
  const gint64 start_us = g_get_monotonic_time ();

  while (self->wire->n_online < wanted)
    {
      while (self->clients->len < wanted &&
             self->clients->len - self->wire->n_online < in_flight)
        {
          BenchClient *client = bench_client_new (self->wire, self->next_number++, error);

          if (client == NULL)
            return FALSE;
          g_ptr_array_add (self->clients, client);
        }

      if (turn (self, 1000, error) < 0 || is_late (start_us, "The logins take too long", error))
        return FALSE;
    }

  return TRUE;
}

/**
 * bench_load_disconnect:
 * @self: a load
 * @n_clients: how many, at most as many as there are
 *
 * Closes the connections that were made last.
 */
void
bench_load_disconnect (BenchLoad *self,
                       guint      n_clients)
{
  g_return_if_fail (n_clients <= self->clients->len);

  g_ptr_array_set_size (self->clients, (int) (self->clients->len - n_clients));
  self->n_deaf -= MIN (self->n_deaf, n_clients);
}

/**
 * bench_load_stop_reading:
 * @self: a load
 *
 * Has the client that was made last read nothing any more; it is no sender.
 */
void
bench_load_stop_reading (BenchLoad *self)
{
  bench_client_stop_reading (g_ptr_array_index (self->clients, self->clients->len - 1));
  self->n_deaf++;
}

/**
 * bench_load_settle:
 * @self: a load without traffic
 * @error: return location for a #GError
 *
 * Reads until the server is silent.
 *
 * Returns: %TRUE, or %FALSE with a #BenchError
 */
gboolean
bench_load_settle (BenchLoad *self,
                   GError   **error)
{
  const gint64 start_us = g_get_monotonic_time ();
  int n_events = 0;

  while ((n_events = turn (self, QUIET_MS, error)) > 0)
    {
      if (is_late (start_us, "The server does not fall silent", error))
        return FALSE;
    }

  return n_events == 0;
}

static void
reset (BenchLoad *self)
{
  self->deliveries = 0;
  self->wire->n_records = 0;
  g_array_set_size (self->latencies, 0);
}

/* Lets clients talk for @seconds. */
static gboolean
talk (BenchLoad *self,
      double     seconds,
      GError   **error)
{
  const BenchTraffic *traffic = self->traffic;
  const gint64 start_us = g_get_monotonic_time ();
  const gint64 end_us = start_us + (gint64) (seconds * G_USEC_PER_SEC);
  const guint n_before = self->messages->len;

  for (gint64 now_us = start_us; now_us < end_us && !is_at_end (self); now_us = g_get_monotonic_time ())
    {
      gint64 next_us = end_us;

      if (traffic->rate > 0)
        {
          const double due = (double) (now_us - start_us) * traffic->rate / G_USEC_PER_SEC;

          while (self->messages->len - n_before <= (guint) due)
            say (self, self->messages->len % traffic->senders);
          next_us = start_us + (gint64) ((self->messages->len - n_before) * G_USEC_PER_SEC / traffic->rate);
        }

      if (turn (self, (int) ((MAX (next_us - now_us, 0) + 999) / 1000), error) < 0)
        return FALSE;
    }

  return TRUE;
}

/* Waits for all that was said. */
static gboolean
drain (BenchLoad *self,
       GError   **error)
{
  const gint64 start_us = g_get_monotonic_time ();

  while (self->n_outstanding > 0)
    {
      if (turn (self, 1000, error) < 0)
        return FALSE;
      if (g_get_monotonic_time () - start_us > TIMEOUT_US)
        {
          g_set_error (error, BENCH_ERROR, BENCH_ERROR_TIMED_OUT,
                       "%u of %u messages were not delivered to all", self->n_outstanding, self->messages->len);
          return FALSE;
        }
    }

  return TRUE;
}

static int
compare_doubles (gconstpointer a,
                 gconstpointer b)
{
  const double difference = *(const double *) a - *(const double *) b;

  return difference < 0 ? -1 : difference > 0;
}

static double
get_median_latency (BenchLoad *self)
{
  if (self->latencies->len == 0)
    return 0;

  g_array_sort (self->latencies, compare_doubles);
  return g_array_index (self->latencies, double, self->latencies->len / 2);
}

/* At a fixed rate, and for a fixed number of messages, the window ends when all has arrived: what
 * was spent and what was delivered belong together to the last one. Without them it is cut out
 * of traffic that goes on. */
static gboolean
measure_window (BenchLoad   *self,
                BenchSample *out_sample,
                GError     **error)
{
  const gboolean whole = self->traffic->rate > 0 || self->traffic->messages > 0;
  const gint64 start_us = g_get_monotonic_time ();
  const double cpu_us = bench_target_get_cpu_us (self->target);

  reset (self);
  if (!talk (self, self->traffic->seconds, error))
    return FALSE;
  if (whole && !drain (self, error))
    return FALSE;

  out_sample->cpu_us = bench_target_get_cpu_us (self->target) - cpu_us;
  out_sample->seconds = (double) (g_get_monotonic_time () - start_us) / G_USEC_PER_SEC;
  out_sample->deliveries = self->deliveries;
  out_sample->records = self->wire->n_records;
  out_sample->latency_us = get_median_latency (self);
  return TRUE;
}

/**
 * bench_load_measure:
 * @self: a load
 * @traffic: what its clients say
 * @out_sample: (out caller-allocates): what was seen
 * @error: return location for a #GError
 *
 * Has the clients talk, measures, and waits until all has arrived.
 *
 * Returns: %TRUE, or %FALSE with a #BenchError: something was lost, doubled or refused
 */
gboolean
bench_load_measure (BenchLoad          *self,
                    const BenchTraffic *traffic,
                    BenchSample        *out_sample,
                    GError            **error)
{
  gboolean measured = FALSE;

  self->traffic = traffic;
  self->spins = traffic->rate > 0 && g_get_num_processors () > 1;
  g_array_set_size (self->messages, 0);
  self->resend = traffic->rate <= 0;
  for (guint i = 0; self->resend && i < traffic->senders; i++)
    say (self, i);

  if (traffic->messages > 0)
    measured = measure_window (self, out_sample, error);
  else
    measured = talk (self, WARM_UP_S, error) &&
               (self->resend || drain (self, error)) &&
               measure_window (self, out_sample, error);

  self->resend = FALSE;
  measured = measured && drain (self, error);
  self->traffic = NULL;
  self->spins = FALSE;
  return measured;
}

/**
 * bench_load_watch:
 * @self: a load
 * @peak_kib: (nullable): where to keep the largest anonymous memory of the
 *   server that is seen from now on; %NULL: watch no longer
 *
 * Has a look at the server's memory again and again while the load runs.
 */
void
bench_load_watch (BenchLoad *self,
                  double    *peak_kib)
{
  self->peak_kib = peak_kib;
}
