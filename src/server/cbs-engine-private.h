/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/cbs-engine.h"

G_BEGIN_DECLS

struct _CbsEngine
{
  GSource           *source;
  CbsTlsCredentials *credentials;
  CbsEngineSettings  settings;
  CbsEngineHandler   handler;
  gpointer           user_data;
  int                epoll_fd;
  gpointer           epoll_tag;
  guint64            last_number;
  GHashTable        *peers;    /* of CbsPeer, by number */
  GPtrArray         *online;   /* of CbsPeer */
  GPtrArray         *closed;   /* of CbsPeer: freed at the end of the turn */
  GQueue             dirty;    /* of CbsPeer: have something to send */
  GQueue             deferred; /* of CbsPeer: have input that epoll can't see */
  GQueue             doomed;   /* of CbsPeer: will be dropped */
  CbsDeadlines       deadlines;
  guint8            *input;    /* one read's plain text */
  CbsFrames          frames;   /* that are being written */
};

void cbs_engine_drop (CbsEngine    *self,
                      CbsPeer      *peer,
                      const GError *reason);
void cbs_engine_set_interest (CbsEngine *self,
                              CbsPeer   *peer);
void cbs_engine_receive (CbsEngine *self,
                         CbsPeer   *peer);
void cbs_engine_process_stash (CbsEngine *self,
                               CbsPeer   *peer);
void cbs_engine_flush (CbsEngine *self,
                       CbsPeer   *peer);
void cbs_engine_shake_hands (CbsEngine *self,
                             CbsPeer   *peer);

G_END_DECLS
