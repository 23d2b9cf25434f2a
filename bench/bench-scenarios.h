/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "bench/bench-settings.h"

G_BEGIN_DECLS

gboolean bench_idle (const BenchSettings *settings,
                     GError             **error);
gboolean bench_fan_out (const BenchSettings *settings,
                        GError             **error);
gboolean bench_ids (const BenchSettings *settings,
                    GError             **error);
gboolean bench_crowd (const BenchSettings *settings,
                      GError             **error);
gboolean bench_saturated (const BenchSettings *settings,
                          GError             **error);
gboolean bench_private (const BenchSettings *settings,
                        GError             **error);
gboolean bench_joins (const BenchSettings *settings,
                      GError             **error);
gboolean bench_stall (const BenchSettings *settings,
                      GError             **error);
gboolean bench_slow_reader (const BenchSettings *settings,
                            GError             **error);
gboolean bench_descriptors (const BenchSettings *settings,
                            GError             **error);

G_END_DECLS
