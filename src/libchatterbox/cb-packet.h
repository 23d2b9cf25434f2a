/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

#include "libchatterbox/cb-features.h"
#include "libchatterbox/cb-json.h"
#include "libchatterbox/cb-message.h"
#include "libchatterbox/cb-user.h"
#include "libchatterbox/cb-version-macros.h"

G_BEGIN_DECLS

#define CB_TYPE_PACKET (cb_packet_get_type ())

typedef struct _CbPacket CbPacket;

CB_EXPORT
GType       cb_packet_get_type (void) G_GNUC_CONST;
CB_EXPORT
CbPacket   *cb_packet_new (void);
CB_EXPORT
CbPacket   *cb_packet_parse (const char *text,
                             gsize       len,
                             GError    **error);
CB_EXPORT
CbPacket   *cb_packet_parse_with (const char *text,
                                  gsize       len,
                                  CbFeatures  features,
                                  GError    **error);
CB_EXPORT
CbPacket   *cb_packet_ref (CbPacket *self);
CB_EXPORT
void        cb_packet_unref (CbPacket *self);
CB_EXPORT
GBytes     *cb_packet_to_frame (CbPacket      *self,
                                CbJsonEncoding encoding);
CB_EXPORT
const char *cb_packet_get_username (CbPacket *self);
CB_EXPORT
void        cb_packet_set_username (CbPacket   *self,
                                    const char *username);
CB_EXPORT
gboolean    cb_packet_get_accepted (CbPacket *self,
                                    gboolean *out_accepted);
CB_EXPORT
void        cb_packet_set_accepted (CbPacket *self,
                                    gboolean  accepted);
CB_EXPORT
const char *cb_packet_get_info (CbPacket *self);
CB_EXPORT
void        cb_packet_set_info (CbPacket   *self,
                                const char *info);
CB_EXPORT
const char *cb_packet_get_error (CbPacket *self);
CB_EXPORT
void        cb_packet_set_error (CbPacket   *self,
                                 const char *message);
CB_EXPORT
GPtrArray  *cb_packet_get_users (CbPacket *self);
CB_EXPORT
void        cb_packet_add_user (CbPacket   *self,
                                const char *name,
                                gboolean    active);
CB_EXPORT
GPtrArray  *cb_packet_get_messages (CbPacket *self);
CB_EXPORT
void        cb_packet_add_message (CbPacket  *self,
                                   CbMessage *message);
CB_EXPORT
GPtrArray  *cb_packet_get_joined (CbPacket *self);
CB_EXPORT
void        cb_packet_add_joined (CbPacket   *self,
                                  const char *name);
CB_EXPORT
GPtrArray  *cb_packet_get_left (CbPacket *self);
CB_EXPORT
void        cb_packet_add_left (CbPacket   *self,
                                const char *name);
CB_EXPORT
GPtrArray  *cb_packet_get_extra_keys (CbPacket *self);
CB_EXPORT
const char *cb_packet_get_extra (CbPacket   *self,
                                 const char *key);
CB_EXPORT
JsonNode   *cb_packet_dup_extra_node (CbPacket   *self,
                                      const char *key);
CB_EXPORT
gboolean    cb_packet_set_extra (CbPacket   *self,
                                 const char *key,
                                 const char *json,
                                 GError    **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbPacket, cb_packet_unref)

G_END_DECLS
