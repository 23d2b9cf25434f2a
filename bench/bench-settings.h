/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Rounds of a scenario that begins each with many logins. */
#define BENCH_MAX_COSTLY_ROUNDS 3u

#define BENCH_ERROR (bench_error_quark ())

/**
 * BenchError:
 * @BENCH_ERROR_FAILED: a server or a connection did not do what it had to
 * @BENCH_ERROR_TIMED_OUT: something that had to happen did not
 *
 * Why a figure could not be had.
 */
typedef enum
{
  BENCH_ERROR_FAILED,
  BENCH_ERROR_TIMED_OUT,
} BenchError;

/**
 * BenchSettings:
 * @server: the program chatterboxd
 * @bare: the program that chatterboxd is held against
 * @directory: where all files of this run lie
 * @certificate: the certificate that all servers show
 * @private_key: its key
 * @ephemeral: chatterboxd keeps its log in memory
 * @self: the bare loop takes chatterboxd's place, which shows the noise
 * @pinned: servers get the first processor for themselves, the load the others
 * @clients: clients of the crowded scenarios
 * @rate: deliveries a second of the scenarios with a fixed rate; 0: the scenario's own
 * @content: bytes of each message's content
 * @rounds: how often each figure is taken, if it does not take long
 * @seconds: how long each time
 *
 * What a run is asked for.
 */
typedef struct
{
  char    *server;
  char    *bare;
  char    *directory;
  char    *certificate;
  char    *private_key;
  gboolean ephemeral;
  gboolean self;
  gboolean pinned;
  guint    clients;
  guint    rate;
  guint    content;
  guint    rounds;
  double   seconds;
} BenchSettings;

GQuark bench_error_quark (void);

G_END_DECLS
