/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * CbsDeadlineKind:
 * @CBS_DEADLINE_TLS: TLS has to be complete
 * @CBS_DEADLINE_LOG_IN: the peer has to be logged in
 * @CBS_DEADLINE_FRAME: a frame that was begun has to be complete
 * @CBS_DEADLINE_LINGER: the peer has to have closed
 * @CBS_N_DEADLINES: how many kinds there are
 *
 * What a peer has to have done in time.
 */
typedef enum
{
  CBS_DEADLINE_TLS,
  CBS_DEADLINE_LOG_IN,
  CBS_DEADLINE_FRAME,
  CBS_DEADLINE_LINGER,
  CBS_N_DEADLINES,
} CbsDeadlineKind;

/**
 * CbsDeadlines:
 *
 * The deadlines of many peers. All of a kind have the same time from when
 * they are set, so each kind is a queue in order, and every operation takes
 * constant time. All zero but @allowed_us is one without deadlines.
 *
 * Pure: it is told the time.
 */
typedef struct
{
  gint64 allowed_us[CBS_N_DEADLINES];
  /*< private >*/
  GQueue queues[CBS_N_DEADLINES];
} CbsDeadlines;

/**
 * CbsDeadline:
 *
 * One peer's deadline; part of whatever stands for the peer. All zero is one
 * that is not set.
 */
typedef struct
{
  /*< private >*/
  GList           link;
  gint64          time_us;
  CbsDeadlineKind kind;
  gboolean        is_set;
} CbsDeadline;

void         cbs_deadlines_set (CbsDeadlines   *self,
                                CbsDeadline    *deadline,
                                CbsDeadlineKind kind,
                                gint64          now_us);
void         cbs_deadlines_clear (CbsDeadlines *self,
                                  CbsDeadline  *deadline);
gboolean     cbs_deadlines_has (const CbsDeadline *deadline,
                                CbsDeadlineKind    kind);
gint64       cbs_deadlines_get_next_us (const CbsDeadlines *self);
CbsDeadline *cbs_deadlines_pop_expired (CbsDeadlines *self,
                                        gint64        now_us);

G_END_DECLS
