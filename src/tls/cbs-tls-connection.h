/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "tls/cbs-tls-credentials.h"

G_BEGIN_DECLS

#define CBS_TYPE_TLS_CONNECTION (cbs_tls_connection_get_type ())
G_DECLARE_FINAL_TYPE (CbsTlsConnection, cbs_tls_connection, CBS, TLS_CONNECTION, GTlsConnection)

CbsTlsConnection *cbs_tls_connection_new (GIOStream         *base,
                                          CbsTlsCredentials *credentials);

/* The loop's own way in, without a GSource, a stream object or a GTask per call. Each makes what
 * progress it can with what the base stream holds now, and never waits. */
GPollableReturn cbs_tls_connection_advance (CbsTlsConnection *self,
                                            GError          **error);
GPollableReturn cbs_tls_connection_read (CbsTlsConnection *self,
                                         void             *buffer,
                                         gsize             size,
                                         gsize            *out_n_read,
                                         GError          **error);
GPollableReturn cbs_tls_connection_write (CbsTlsConnection *self,
                                          const void       *data,
                                          gsize             size,
                                          gsize            *out_n_written,
                                          GError          **error);
GPollableReturn cbs_tls_connection_flush (CbsTlsConnection *self,
                                          GError          **error);
GPollableReturn cbs_tls_connection_bye (CbsTlsConnection *self,
                                        GError          **error);
gboolean        cbs_tls_connection_is_started (CbsTlsConnection *self);
gboolean        cbs_tls_connection_is_readable (CbsTlsConnection *self);
gboolean        cbs_tls_connection_wants_write (CbsTlsConnection *self);

GBytes         *cbs_tls_connection_get_peer_key_id (CbsTlsConnection *self);

G_END_DECLS
