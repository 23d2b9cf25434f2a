/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-backoff.h"

void
cb_backoff_init (CbBackoff *self,
                 guint      first_ms,
                 guint      longest_ms)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (first_ms <= longest_ms);

  self->first_ms = first_ms;
  self->longest_ms = longest_ms;
  self->ceiling_ms = first_ms;
}

/* Tells how long to wait, in milliseconds: a share of the ceiling as large as @random's of all numbers.
 * The ceiling doubles. */
guint
cb_backoff_next (CbBackoff *self,
                 guint32    random)
{
  guint delay_ms = 0;

  g_return_val_if_fail (self != NULL, 0);

  delay_ms = (guint) ((guint64) self->ceiling_ms * random / G_MAXUINT32);
  self->ceiling_ms = self->ceiling_ms > self->longest_ms / 2 ? self->longest_ms : self->ceiling_ms * 2;
  return delay_ms;
}

/* A connection has ended that had lasted for @lasted_us. A server that lets in and throws out at once is
 * no better than one that is not there. */
void
cb_backoff_connected (CbBackoff *self,
                      gint64     lasted_us)
{
  g_return_if_fail (self != NULL);

  if (lasted_us >= CB_BACKOFF_LASTING_US)
    self->ceiling_ms = self->first_ms;
}
