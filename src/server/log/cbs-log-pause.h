/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * CbsLogPause:
 *
 * Lets the thread that writes find a moment in which the threads that read
 * do not: the write-ahead log can begin anew only then, and queries that
 * follow one another without a gap would let it grow for ever.
 */
typedef struct
{
  /*< private >*/
  GMutex   mutex;
  GCond    cond;
  guint    n_reading;
  gboolean paused;
} CbsLogPause;

void cbs_log_pause_init (CbsLogPause *self);
void cbs_log_pause_clear (CbsLogPause *self);
void cbs_log_pause_enter (CbsLogPause *self);
void cbs_log_pause_leave (CbsLogPause *self);
void cbs_log_pause_begin (CbsLogPause *self);
void cbs_log_pause_end (CbsLogPause *self);

G_END_DECLS
