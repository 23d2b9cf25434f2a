/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Private to the library: not installed. */

/* A connection that has lasted this long was a good one. */
#define CB_BACKOFF_LASTING_US (60 * G_TIME_SPAN_SECOND)

/**
 * CbBackoff:
 * @first_ms: longest first wait, in milliseconds
 * @longest_ms: longest wait of all, in milliseconds
 * @ceiling_ms: longest wait before the next attempt, in milliseconds
 *
 * How long to wait before the next attempt to connect.
 *
 * Pure: it is given its random numbers. Waits are drawn from the whole of 0
 * to the ceiling, so that a thousand clients that lost one server do not come
 * back at once.
 */
typedef struct
{
  guint first_ms;
  guint longest_ms;
  guint ceiling_ms;
} CbBackoff;

void  cb_backoff_init (CbBackoff *self,
                       guint      first_ms,
                       guint      longest_ms);
guint cb_backoff_next (CbBackoff *self,
                       guint32    random);
void  cb_backoff_connected (CbBackoff *self,
                            gint64     lasted_us);

G_END_DECLS
