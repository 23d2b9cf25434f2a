/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "server/cbs-peer.h"
#include "tls/cbs-tls-credentials.h"

G_BEGIN_DECLS

/**
 * CbsEngineSettings:
 * @frame_before_login: largest payload before the login, in bytes
 * @frame: largest payload after it, in bytes
 * @outbox: most bytes of memory that what waits for a peer may take
 * @tls_us: time to complete TLS, in microseconds
 * @log_in_us: time to log in after that, in microseconds
 * @frame_us: time to complete a frame that was begun, in microseconds
 */
typedef struct
{
  gsize  frame_before_login;
  gsize  frame;
  gsize  outbox;
  gint64 tls_us;
  gint64 log_in_us;
  gint64 frame_us;
} CbsEngineSettings;

/**
 * CbsEngineHandler:
 * @progress: the peer has reached the next step on its way to a login
 * @frame: a frame is complete; the payload is valid only during the call
 * @more: the peer has room for more of its replay: returns the bytes that go
 *   out next, or %NULL if there are none now
 * @closed: the connection has ended; the peer is freed after the call
 *
 * What the engine tells its owner. All are called from the engine's loop.
 */
typedef struct
{
  void (*progress)(CbsPeer *peer,
                   gpointer user_data);
  void (*frame)(CbsPeer    *peer,
                const char *payload,
                gsize       len,
                gpointer    user_data);
  GBytes *(*more)(CbsPeer *peer,
                  gpointer user_data);
  void (*closed)(CbsPeer      *peer,
                 const GError *reason,
                 gpointer      user_data);
} CbsEngineHandler;

/**
 * CbsEngine:
 *
 * All input and output of the peers of one loop: one GSource over one epoll
 * descriptor, however many peers there are.
 *
 * An engine belongs to the thread of its main context.
 */
typedef struct _CbsEngine CbsEngine;

CbsEngine *cbs_engine_new (const CbsEngineSettings *settings,
                           CbsTlsCredentials       *credentials,
                           const CbsEngineHandler  *handler,
                           gpointer                 user_data,
                           GError                 **error);
void       cbs_engine_free (CbsEngine *self);
CbsPeer   *cbs_engine_adopt (CbsEngine         *self,
                             GSocketConnection *connection,
                             GError           **error);
CbsPeer   *cbs_engine_find (CbsEngine *self,
                            guint64    number);
GPtrArray *cbs_engine_get_online (CbsEngine *self);
guint      cbs_engine_count (CbsEngine *self);
void       cbs_engine_set_online (CbsEngine *self,
                                  CbsPeer   *peer);
void       cbs_engine_send (CbsEngine   *self,
                            CbsPeer     *peer,
                            CbsFragment *fragment);
void       cbs_engine_wake (CbsEngine *self,
                            CbsPeer   *peer);
void       cbs_engine_hold (CbsEngine *self,
                            CbsPeer   *peer);
void       cbs_engine_release (CbsEngine *self,
                               CbsPeer   *peer);
void       cbs_engine_close (CbsEngine  *self,
                             CbsPeer    *peer,
                             const char *message);
void       cbs_engine_doom (CbsEngine *self,
                            CbsPeer   *peer);
void       cbs_engine_close_all (CbsEngine *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsEngine, cbs_engine_free)

G_END_DECLS
