/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-message.h"
#include "libchatterbox/cb-packet.h"

G_BEGIN_DECLS

/* Private to the library: not installed. */

/**
 * CbReply:
 * @CB_REPLY_NONE: it answers nothing of ours
 * @CB_REPLY_ECHO: one of our public messages came back: the server has it
 * @CB_REPLY_NOTE: a message that we sent to ourselves
 * @CB_REPLY_ANSWER: the server's answer to a command
 * @CB_REPLY_BARRIER: the answer to a barrier: the server has seen all we sent
 *
 * What an incoming message is to what was sent.
 */
typedef enum
{
  CB_REPLY_NONE,
  CB_REPLY_ECHO,
  CB_REPLY_NOTE,
  CB_REPLY_ANSWER,
  CB_REPLY_BARRIER,
} CbReply;

typedef struct _CbOutgoing CbOutgoing;

CbOutgoing *cb_outgoing_new (const char *username);
void        cb_outgoing_free (CbOutgoing *self);
gboolean    cb_outgoing_measure (CbMessage *message,
                                 gsize     *out_size,
                                 GError   **error);
gboolean    cb_outgoing_push (CbOutgoing *self,
                              CbMessage  *message,
                              GError    **error);
void        cb_outgoing_push_barrier (CbOutgoing *self,
                                      gint64      time_s);
CbPacket   *cb_outgoing_take (CbOutgoing *self);
CbReply     cb_outgoing_match (CbOutgoing *self,
                               CbMessage  *message);
gsize       cb_outgoing_get_queued (CbOutgoing *self);
gboolean    cb_outgoing_is_settled (CbOutgoing *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbOutgoing, cb_outgoing_free)

G_END_DECLS
