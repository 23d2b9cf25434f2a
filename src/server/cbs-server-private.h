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
  char              *log_id;    /* what tells the log from all others */
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

/**
 * CbsHandled:
 * @CBS_HANDLED: done
 * @CBS_HANDLED_WAITING: what it asked for has to be done before the next key is handled
 * @CBS_HANDLED_AGAIN: what is under way has to be done before it can be handled
 * @CBS_HANDLED_DROPPED: nothing else of the packet is to be handled
 *
 * What the handler of a key leaves behind.
 */
typedef enum
{
  CBS_HANDLED,
  CBS_HANDLED_WAITING,
  CBS_HANDLED_AGAIN,
  CBS_HANDLED_DROPPED,
} CbsHandled;

gboolean   cbs_login_read (CbsServer *self,
                           CbsPeer   *peer,
                           GError   **error);
void       cbs_login_ask (CbsServer  *self,
                          CbsPeer    *peer,
                          CbsEffects *effects);
void       cbs_login_accept (CbsServer       *self,
                             CbsPeer         *peer,
                             const CbsEffect *effect);

void       cbs_request_reply_error (CbsServer  *self,
                                    CbsPeer    *peer,
                                    const char *message);
CbsHandled cbs_request_history (CbsServer  *self,
                                CbsPeer    *peer,
                                const char *json);
CbsHandled cbs_request_search (CbsServer  *self,
                               CbsPeer    *peer,
                               const char *json);
CbsHandled cbs_request_users (CbsServer  *self,
                              CbsPeer    *peer,
                              const char *json);
CbsHandled cbs_request_blocks (CbsServer  *self,
                               CbsPeer    *peer,
                               const char *json);
CbsHandled cbs_request_read (CbsServer  *self,
                             CbsPeer    *peer,
                             const char *json);
CbsHandled cbs_request_keys (CbsServer  *self,
                             CbsPeer    *peer,
                             const char *json);

G_END_DECLS
