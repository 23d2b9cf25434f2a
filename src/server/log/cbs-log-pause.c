/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-log-pause.h"

/**
 * cbs_log_pause_init:
 * @self: memory for it
 *
 * Prepares it.
 */
void
cbs_log_pause_init (CbsLogPause *self)
{
  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);
  self->n_reading = 0;
  self->paused = FALSE;
}

/**
 * cbs_log_pause_clear:
 * @self: what was prepared
 *
 * Gives up what it holds; no thread may use it any more.
 */
void
cbs_log_pause_clear (CbsLogPause *self)
{
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->cond);
}

/**
 * cbs_log_pause_enter:
 * @self: a pause
 *
 * Begins a query, behind the pause if there is one now.
 */
void
cbs_log_pause_enter (CbsLogPause *self)
{
  g_mutex_lock (&self->mutex);
  while (self->paused)
    g_cond_wait (&self->cond, &self->mutex);
  self->n_reading++;
  g_mutex_unlock (&self->mutex);
}

/**
 * cbs_log_pause_leave:
 * @self: a pause
 *
 * Ends a query.
 */
void
cbs_log_pause_leave (CbsLogPause *self)
{
  g_mutex_lock (&self->mutex);
  self->n_reading--;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->mutex);
}

/**
 * cbs_log_pause_begin:
 * @self: a pause
 *
 * Begins a pause: waits for the queries under way, and holds up the next ones.
 */
void
cbs_log_pause_begin (CbsLogPause *self)
{
  g_mutex_lock (&self->mutex);
  self->paused = TRUE;
  while (self->n_reading > 0)
    g_cond_wait (&self->cond, &self->mutex);
  g_mutex_unlock (&self->mutex);
}

/**
 * cbs_log_pause_end:
 * @self: a pause
 *
 * Ends a pause.
 */
void
cbs_log_pause_end (CbsLogPause *self)
{
  g_mutex_lock (&self->mutex);
  self->paused = FALSE;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->mutex);
}
