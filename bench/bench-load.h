/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "bench/bench-client.h"
#include "bench/bench-target.h"

G_BEGIN_DECLS

/**
 * BenchTraffic:
 * @rate: messages a second; 0: as many as go
 * @seconds: for how long
 * @senders: clients that take turns at sending; without a rate each sends
 *   again when its last message has arrived everywhere
 * @private: to one other client each, not to all
 * @content: bytes of each message's content
 * @messages: ends after so many, if not 0
 *
 * What clients say to each other.
 */
typedef struct
{
  double rate;
  double seconds;
  guint  senders;
  gboolean private;
  guint  content;
  guint  messages;
} BenchTraffic;

/**
 * BenchSample:
 * @seconds: how long it was measured
 * @cpu_us: processor time of the server, in microseconds
 * @deliveries: messages that came out at clients
 * @records: TLS records that they came in
 * @latency_us: median of the time from sending a message to its last delivery
 *
 * What was seen.
 */
typedef struct
{
  double  seconds;
  double  cpu_us;
  guint64 deliveries;
  guint64 records;
  double  latency_us;
} BenchSample;

/**
 * BenchLoad:
 *
 * Clients of one server, driven by calls that return when they are done.
 */
typedef struct _BenchLoad BenchLoad;

BenchLoad *bench_load_new (BenchTarget *target);
void       bench_load_announce_ids (BenchLoad *self);
void       bench_load_free (BenchLoad *self);
gboolean   bench_load_connect (BenchLoad *self,
                               guint      n_clients,
                               guint      in_flight,
                               GError   **error);
void       bench_load_disconnect (BenchLoad *self,
                                  guint      n_clients);
void       bench_load_stop_reading (BenchLoad *self);
gboolean   bench_load_settle (BenchLoad *self,
                              GError   **error);
gboolean   bench_load_measure (BenchLoad          *self,
                               const BenchTraffic *traffic,
                               BenchSample        *out_sample,
                               GError            **error);
void       bench_load_watch (BenchLoad *self,
                             double    *peak_kib);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchLoad, bench_load_free)

G_END_DECLS
