/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-account-private.h"

/* How long a frame waits for a sign that the one before it was read. Servers of the family read one
 * frame and drop what came with it; most answer at once, but a private message is answered by nothing. */
#define PACE_MS 250

static void
send_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (CbAccount) self = user_data;
  g_autoptr (GError) error = NULL;

  /* What breaks a send breaks the receive, too, which tells about it. */
  if (!cb_session_send_finish (CB_SESSION (source), result, &error))
    g_debug ("Sending failed: %s", error->message);
  if (self->session != CB_SESSION (source))
    return;

  self->is_sending = FALSE;
  if (self->is_read && self->pace_source != NULL)
    g_source_set_ready_time (self->pace_source, 0);
}

/* Sends what waits unless a frame is still unread, as far as we know. */
static void
flush (CbAccount  *self,
       GSourceFunc pace_callback)
{
  g_autoptr (CbPacket) packet = NULL;

  if (self->session == NULL || self->outgoing == NULL || self->pace_source != NULL)
    return;

  packet = cb_outgoing_take (self->outgoing);
  if (packet == NULL)
    return;

  self->pace_source = cb_account_add_timeout (self, PACE_MS, pace_callback, "chatterbox-pace");
  self->is_sending = TRUE;
  self->is_read = FALSE;
  cb_session_send_async (self->session, packet, send_cb, g_object_ref (self));
  cb_account_notify (self, CB_ACCOUNT_PROP_QUEUED);
}

static gboolean
pace_cb (gpointer user_data)
{
  CbAccount *self = user_data;

  /* The server reads slower than this user talks: two frames in one write would be one read there. */
  if (self->is_sending)
    return G_SOURCE_CONTINUE;

  cb_account_clear_source (&self->pace_source);
  flush (self, pace_cb);
  return G_SOURCE_REMOVE;
}

/* The server has read the frame in flight, as far as we know: the sign may be another user's, or come
 * before we are told that the frame has gone. */
void
cb_account_pace_release (CbAccount *self)
{
  self->is_read = TRUE;
  if (self->is_sending)
    return;

  cb_account_clear_source (&self->pace_source);
  flush (self, pace_cb);
}

/* Sends what waits, as fast as the server reads. */
void
cb_account_pace_flush (CbAccount *self)
{
  flush (self, pace_cb);
}
