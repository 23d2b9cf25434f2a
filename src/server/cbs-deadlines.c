/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/cbs-deadlines.h"

/**
 * cbs_deadlines_set:
 * @self: the deadlines
 * @deadline: one of them, set or not
 * @kind: what has to be done
 * @now_us: the time, in microseconds
 *
 * Sets a deadline from now, instead of what it was set to.
 */
void
cbs_deadlines_set (CbsDeadlines   *self,
                   CbsDeadline    *deadline,
                   CbsDeadlineKind kind,
                   gint64          now_us)
{
  cbs_deadlines_clear (self, deadline);

  deadline->kind = kind;
  deadline->time_us = now_us + self->allowed_us[kind];
  deadline->is_set = TRUE;
  deadline->link.data = deadline;
  g_queue_push_tail_link (&self->queues[kind], &deadline->link);
}

/**
 * cbs_deadlines_clear:
 * @self: the deadlines
 * @deadline: one of them, set or not
 *
 * Lifts a deadline.
 */
void
cbs_deadlines_clear (CbsDeadlines *self,
                     CbsDeadline  *deadline)
{
  if (!deadline->is_set)
    return;

  g_queue_unlink (&self->queues[deadline->kind], &deadline->link);
  deadline->is_set = FALSE;
}

/**
 * cbs_deadlines_has:
 * @deadline: a deadline
 * @kind: a kind
 *
 * Tells whether a deadline is set to that kind.
 *
 * Returns: %TRUE if so
 */
gboolean
cbs_deadlines_has (const CbsDeadline *deadline,
                   CbsDeadlineKind    kind)
{
  return deadline->is_set && deadline->kind == kind;
}

/**
 * cbs_deadlines_get_next_us:
 * @self: the deadlines
 *
 * Finds when the next one is due.
 *
 * Returns: the time in microseconds, or -1 if none is set
 */
gint64
cbs_deadlines_get_next_us (const CbsDeadlines *self)
{
  gint64 next_us = -1;

  for (guint i = 0; i < CBS_N_DEADLINES; i++)
    {
      const CbsDeadline *head = self->queues[i].head != NULL ? self->queues[i].head->data : NULL;

      if (head != NULL && (next_us < 0 || head->time_us < next_us))
        next_us = head->time_us;
    }

  return next_us;
}

/**
 * cbs_deadlines_pop_expired:
 * @self: the deadlines
 * @now_us: the time, in microseconds
 *
 * Takes out one that is over; its kind stays readable.
 *
 * Returns: (nullable): the deadline, or %NULL if none is over
 */
CbsDeadline *
cbs_deadlines_pop_expired (CbsDeadlines *self,
                           gint64        now_us)
{
  for (guint i = 0; i < CBS_N_DEADLINES; i++)
    {
      CbsDeadline *head = self->queues[i].head != NULL ? self->queues[i].head->data : NULL;

      if (head != NULL && head->time_us <= now_us)
        {
          cbs_deadlines_clear (self, head);
          return head;
        }
    }

  return NULL;
}
