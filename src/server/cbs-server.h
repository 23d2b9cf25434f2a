/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "server/cbs-config.h"
#include "server/log/cbs-log.h"

G_BEGIN_DECLS

#define CBS_TYPE_SERVER (cbs_server_get_type ())
G_DECLARE_FINAL_TYPE (CbsServer, cbs_server, CBS, SERVER, GObject)

CbsServer *cbs_server_new (const CbsConfig   *config,
                           CbsTlsCredentials *credentials,
                           CbsLog            *log);
void     cbs_server_start_async (CbsServer          *self,
                                 GAsyncReadyCallback callback,
                                 gpointer            user_data);
gboolean cbs_server_start_finish (CbsServer    *self,
                                  GAsyncResult *result,
                                  GError      **error);
GStrv    cbs_server_dup_addresses (CbsServer *self);
void     cbs_server_stop_async (CbsServer          *self,
                                GAsyncReadyCallback callback,
                                gpointer            user_data);
gboolean cbs_server_stop_finish (CbsServer    *self,
                                 GAsyncResult *result,
                                 GError      **error);

G_END_DECLS
