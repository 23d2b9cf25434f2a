/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-packet.h"
#include "libchatterbox/cb-session.h"
#include "libchatterbox/cb-version-macros.h"

G_BEGIN_DECLS

/**
 * CB_DEFAULT_PORT:
 *
 * TCP port of a server whose address names none.
 */
#define CB_DEFAULT_PORT 9000

#define CB_TYPE_CONNECTOR (cb_connector_get_type ())
CB_EXPORT
G_DECLARE_FINAL_TYPE (CbConnector, cb_connector, CB, CONNECTOR, GObject)

CB_EXPORT
CbConnector     *cb_connector_new (const char *server);
CB_EXPORT
const char      *cb_connector_get_server (CbConnector *self);
CB_EXPORT
const char      *cb_connector_get_ca_file (CbConnector *self);
CB_EXPORT
void             cb_connector_set_ca_file (CbConnector *self,
                                           const char  *ca_file);
CB_EXPORT
guint            cb_connector_get_timeout_s (CbConnector *self);
CB_EXPORT
void             cb_connector_set_timeout_s (CbConnector *self,
                                             guint        timeout_s);
CB_EXPORT
guint            cb_connector_get_max_frame (CbConnector *self);
CB_EXPORT
void             cb_connector_set_max_frame (CbConnector *self,
                                             guint        max_frame);
CB_EXPORT
GTlsCertificate *cb_connector_get_identity (CbConnector *self);
CB_EXPORT
void             cb_connector_set_identity (CbConnector     *self,
                                            GTlsCertificate *identity);
CB_EXPORT
void             cb_connector_connect_async (CbConnector        *self,
                                             GCancellable       *cancellable,
                                             GAsyncReadyCallback callback,
                                             gpointer            user_data);
CB_EXPORT
CbSession       *cb_connector_connect_finish (CbConnector  *self,
                                              GAsyncResult *result,
                                              GError      **error);
CB_EXPORT
void             cb_connector_log_in_async (CbConnector        *self,
                                            CbSession          *session,
                                            const char         *username,
                                            GCancellable       *cancellable,
                                            GAsyncReadyCallback callback,
                                            gpointer            user_data);
CB_EXPORT
void             cb_connector_log_in_with_async (CbConnector        *self,
                                                 CbSession          *session,
                                                 CbPacket           *login,
                                                 GCancellable       *cancellable,
                                                 GAsyncReadyCallback callback,
                                                 gpointer            user_data);
CB_EXPORT
CbPacket        *cb_connector_log_in_finish (CbConnector  *self,
                                             GAsyncResult *result,
                                             GError      **error);

G_END_DECLS
