/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "libchatterbox/cb-request.h"

G_BEGIN_DECLS

/* Private to the library: not installed. */

/**
 * CbTimelinePage:
 * @with: (nullable): conversation that was asked for; %NULL: all of them
 * @direction: what was asked for
 * @id: likewise; not for %CB_HISTORY_NEWEST
 * @known: newest id that was known when it was asked
 * @first: id of the oldest message of the answer; 0: it has none
 * @last: id of its newest message
 * @more: there are more in the direction that was asked for
 *
 * A page of history that has come.
 */
typedef struct
{
  const char        *with;
  CbHistoryDirection direction;
  gint64             id;
  gint64             known;
  gint64             first;
  gint64             last;
  gboolean           more;
} CbTimelinePage;

/**
 * CbTimeline:
 *
 * Which messages of a server's log an account has got, and which are missing.
 *
 * Pure: it is told what came. What a user may see of the log comes in order
 * of its ids on one connection, so that between two messages nothing is
 * missing, unless it is told that something was lost there.
 */
typedef struct _CbTimeline CbTimeline;

CbTimeline *cb_timeline_new (void);
void        cb_timeline_free (CbTimeline *self);
void        cb_timeline_set_position (CbTimeline *self,
                                      const char *log_id,
                                      gint64      id);
const char *cb_timeline_get_log_id (CbTimeline *self);
gint64      cb_timeline_get_position (CbTimeline *self);
gint64      cb_timeline_get_newest (CbTimeline *self);
gboolean    cb_timeline_begin (CbTimeline *self,
                               const char *log_id,
                               gint64      head,
                               gboolean    is_resumed);
gboolean    cb_timeline_receive (CbTimeline *self,
                                 gint64      id);
void        cb_timeline_break (CbTimeline *self);
void        cb_timeline_add_page (CbTimeline           *self,
                                  const CbTimelinePage *page);
gboolean    cb_timeline_get_hole (CbTimeline *self,
                                  gint64     *out_after,
                                  gint64     *out_until);
void        cb_timeline_fill (CbTimeline *self,
                              gint64      after,
                              gint64      until);
gint64      cb_timeline_get_complete (CbTimeline *self,
                                      const char *conversation);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbTimeline, cb_timeline_free)

G_END_DECLS
