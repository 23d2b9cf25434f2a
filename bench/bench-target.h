/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "bench/bench-settings.h"

G_BEGIN_DECLS

/**
 * BenchTargetKind:
 * @BENCH_TARGET_OURS: chatterboxd
 * @BENCH_TARGET_BARE: the bare loop, a record for each message
 * @BENCH_TARGET_BARE_COALESCING: the bare loop, a record a peer and turn
 * @BENCH_TARGET_BARE_PARTNER: the bare loop, each message to one other peer
 *
 * What is measured.
 */
typedef enum
{
  BENCH_TARGET_OURS,
  BENCH_TARGET_BARE,
  BENCH_TARGET_BARE_COALESCING,
  BENCH_TARGET_BARE_PARTNER,
} BenchTargetKind;

/**
 * BenchTarget:
 *
 * A server process that is measured from outside.
 */
typedef struct _BenchTarget BenchTarget;

BenchTarget *bench_target_start (const BenchSettings *settings,
                                 BenchTargetKind      kind,
                                 guint                max_descriptors,
                                 GError             **error);
void         bench_target_free (BenchTarget *self);
guint16      bench_target_get_port (BenchTarget *self);
double       bench_target_get_cpu_us (BenchTarget *self);
double       bench_target_get_anonymous_kib (BenchTarget *self);
guint        bench_target_count_threads (BenchTarget *self);
guint        bench_target_count_log_lines (BenchTarget *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchTarget, bench_target_free)

G_END_DECLS
