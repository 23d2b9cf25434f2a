/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/cbs-engine.h"
#include "server/cbs-gate.h"
#include "server/cbs-server.h"
#include "server/room/cbs-room.h"

G_BEGIN_DECLS

struct _CbsServer
{
  GObject            parent_instance;
  const CbsConfig   *config;
  CbsTlsCredentials *credentials;
  CbsLog            *log;
  CbsRoom           *room;
  CbsEngine         *engine;
  CbsGate           *gate;
  GSocketService    *service;
  GPtrArray         *listeners; /* of GSocket */
  gint64             head;      /* sequence of the newest entry that was delivered */
  guint              max_peers; /* what the descriptors allow */
  gint64             pause_logged_us;
  GSource           *drain_source;
  GTask             *stop_task;
  guint              paused : 1;   /* no descriptors: nothing is accepted */
  guint              draining : 1; /* on the way down: nobody is told who leaves */
  guint              disposed : 1;
};

void cbs_server_apply (CbsServer  *self,
                       CbsEffects *effects);
void cbs_dispatch_frame (CbsServer  *self,
                         CbsPeer    *peer,
                         const char *payload,
                         gsize       len);
void cbs_dispatch_resume (CbsServer *self,
                          CbsPeer   *peer);

G_END_DECLS
