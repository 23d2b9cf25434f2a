/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-features.h"
#include "server/log/cbs-log.h"

G_BEGIN_DECLS

/**
 * CbsReplayHandler:
 * @list_hidden: whose messages the viewer must not see now
 * @get_head: sequence of the newest entry that has been delivered
 * @ready: it is worth taking again
 * @failed: the log can't be read
 *
 * What a replay asks of its owner, and tells it; neither while it is called.
 */
typedef struct
{
  GStrv (*list_hidden)(gpointer user_data);
  gint64 (*get_head)(gpointer user_data);
  void (*ready)(gpointer user_data);
  void (*failed)(const GError *error,
                 gpointer      user_data);
} CbsReplayHandler;

/**
 * CbsReplayStart:
 * @users: the USER_LIST as the wire has it
 * @members: (nullable): what else the accepting object holds, as JSON:
 *   `"LOG":…,"READ":…`
 * @features: what the viewer has announced: with `message-ids` its messages carry
 *   their ids, and its own private ones are among them
 * @since: private messages up to and with this sequence are not the viewer's
 * @after: only what stands behind this sequence
 * @newest: how many of the newest messages are wanted; -1: all
 * @joined: sequence of the viewer's join: the history of the first frame ends there
 *
 * What a replay begins with.
 */
typedef struct
{
  GBytes     *users;
  const char *members;
  CbFeatures  features;
  gint64      since;
  gint64      after;
  gint64      newest;
  gint64      joined;
} CbsReplayStart;

/**
 * CbsReplay:
 *
 * The past on its way to one peer: the frame that accepts its login, with the
 * history, then what was said while that was under way, until the peer has
 * caught up with the log and can be told what is new as it comes.
 *
 * It holds one page, and reads the next when that was taken: it costs the
 * same however long the history is, and goes as fast as the peer.
 */
typedef struct _CbsReplay CbsReplay;

CbsReplay *cbs_replay_new (CbsLog                 *log,
                           const char             *viewer,
                           const CbsReplayHandler *handler,
                           gpointer                user_data);
void       cbs_replay_free (CbsReplay *self);
void       cbs_replay_start (CbsReplay            *self,
                             const CbsReplayStart *start);
GBytes    *cbs_replay_take (CbsReplay *self);
gboolean   cbs_replay_is_caught_up (CbsReplay *self);

G_END_DECLS
