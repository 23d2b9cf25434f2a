/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-features.h"
#include "libchatterbox/cb-packet.h"
#include "libchatterbox/cb-version-macros.h"

G_BEGIN_DECLS

#define CB_TYPE_SESSION (cb_session_get_type ())
CB_EXPORT
G_DECLARE_FINAL_TYPE (CbSession, cb_session, CB, SESSION, GObject)

CB_EXPORT
CbSession *cb_session_new (GIOStream *stream);
CB_EXPORT
GIOStream *cb_session_get_stream (CbSession *self);
CB_EXPORT
guint      cb_session_get_max_frame (CbSession *self);
CB_EXPORT
void       cb_session_set_max_frame (CbSession *self,
                                     guint      max_frame);
CB_EXPORT
guint      cb_session_get_max_queue (CbSession *self);
CB_EXPORT
void       cb_session_set_max_queue (CbSession *self,
                                     guint      max_queue);
CB_EXPORT
CbFeatures cb_session_get_features (CbSession *self);
CB_EXPORT
void       cb_session_set_features (CbSession *self,
                                    CbFeatures features);
CB_EXPORT
void       cb_session_receive_async (CbSession          *self,
                                     GCancellable       *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer            user_data);
CB_EXPORT
CbPacket  *cb_session_receive_finish (CbSession    *self,
                                      GAsyncResult *result,
                                      GError      **error);
CB_EXPORT
void       cb_session_send_async (CbSession          *self,
                                  CbPacket           *packet,
                                  GAsyncReadyCallback callback,
                                  gpointer            user_data);
CB_EXPORT
gboolean   cb_session_send_finish (CbSession    *self,
                                   GAsyncResult *result,
                                   GError      **error);
CB_EXPORT
void       cb_session_close_async (CbSession          *self,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data);
CB_EXPORT
gboolean   cb_session_close_finish (CbSession    *self,
                                    GAsyncResult *result,
                                    GError      **error);

G_END_DECLS
