/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

void       cbs_listeners_bind_async (const char *const  *addresses,
                                     GCancellable       *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer            user_data);
GPtrArray *cbs_listeners_bind_finish (GAsyncResult *result,
                                      GError      **error);
char      *cbs_listeners_describe (GSocket *socket,
                                   GError **error);

G_END_DECLS
