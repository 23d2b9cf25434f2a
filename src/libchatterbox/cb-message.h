/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-json.h"
#include "libchatterbox/cb-version-macros.h"

G_BEGIN_DECLS

/**
 * CB_MESSAGE_TO_ALL:
 *
 * Destination of a message that is meant for everybody.
 */
#define CB_MESSAGE_TO_ALL "ALL"

/**
 * CB_MESSAGE_MAX_TOKEN:
 *
 * Longest token of a message, in characters, all of them ASCII.
 */
#define CB_MESSAGE_MAX_TOKEN 64u

#define CB_TYPE_MESSAGE (cb_message_get_type ())

typedef struct _CbMessage CbMessage;

CB_EXPORT
GType       cb_message_get_type (void) G_GNUC_CONST;
CB_EXPORT
CbMessage  *cb_message_new (const char *source,
                            const char *destination,
                            gint64      time_s,
                            const char *content);
CB_EXPORT
CbMessage  *cb_message_new_full (const char *source,
                                 const char *destination,
                                 gint64      time_s,
                                 const char *content,
                                 gint64      id,
                                 const char *token);
CB_EXPORT
CbMessage  *cb_message_ref (CbMessage *self);
CB_EXPORT
void        cb_message_unref (CbMessage *self);
CB_EXPORT
const char *cb_message_get_source (CbMessage *self);
CB_EXPORT
const char *cb_message_get_destination (CbMessage *self);
CB_EXPORT
gint64      cb_message_get_time_s (CbMessage *self);
CB_EXPORT
const char *cb_message_get_content (CbMessage *self);
CB_EXPORT
gint64      cb_message_get_id (CbMessage *self);
CB_EXPORT
const char *cb_message_get_token (CbMessage *self);
CB_EXPORT
gboolean    cb_message_is_token (const char *text);
CB_EXPORT
gboolean    cb_message_is_public (CbMessage *self);
CB_EXPORT
void        cb_message_append_json (CbMessage     *self,
                                    GString       *out,
                                    CbJsonEncoding encoding);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbMessage, cb_message_unref)

G_END_DECLS
