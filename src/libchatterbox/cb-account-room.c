/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-account-private.h"

#include <string.h>

#include "libchatterbox/cb-error.h"

/* Emits ::message. The text may make its handlers leave. */
void
cb_account_deliver (CbAccount *self,
                    CbMessage *message,
                    gboolean   is_history)
{
  g_signal_emit (self, cb_account_signals[CB_ACCOUNT_SIGNAL_MESSAGE], 0, message, is_history);
}

static void
handle_plain_message (CbAccount *self,
                      CbMessage *message,
                      gboolean   is_history)
{
  const CbReply reply = is_history ? CB_REPLY_NONE : cb_outgoing_match (self->outgoing, message);

  if (reply == CB_REPLY_ANSWER)
    g_signal_emit (self, cb_account_signals[CB_ACCOUNT_SIGNAL_ANSWER], 0, message);
  else if (reply != CB_REPLY_BARRIER)
    cb_account_deliver (self, message, is_history);

  if (reply != CB_REPLY_NONE)
    cb_account_pace_release (self);
}

/* What was delivered before, on this connection or another, is not delivered again. */
static void
handle_message (CbAccount *self,
                CbMessage *message)
{
  g_autofree char *token = g_strdup (cb_message_get_token (message));
  const gint64 id = cb_message_get_id (message);

  if (id == 0)
    {
      cb_account_take_answer (self, message);
      return;
    }

  if (cb_timeline_receive (self->timeline, id))
    cb_account_deliver (self, message, id <= self->head);
  if (token != NULL)
    cb_account_take_acknowledgement (self, message, token);
}

static void
handle_messages (CbAccount *self,
                 GPtrArray *messages,
                 gboolean   is_history)
{
  if (messages == NULL)
    return;

  for (guint i = 0; self->session != NULL && i < messages->len; i++)
    {
      if (cb_account_has_ids (self))
        handle_message (self, g_ptr_array_index (messages, i));
      else
        handle_plain_message (self, g_ptr_array_index (messages, i), is_history);
    }

  /* The original's server says so that it has read a frame which had nothing for everybody. */
  if (messages->len == 0)
    cb_account_pace_release (self);
  cb_account_tell_position (self);
}

static void
handle_users (CbAccount *self,
              GPtrArray *users)
{
  if (users == NULL)
    return;

  g_hash_table_remove_all (self->users);
  for (guint i = 0; i < users->len; i++)
    {
      const CbUser *user = g_ptr_array_index (users, i);

      if (user->active)
        g_hash_table_add (self->users, g_strdup (user->name));
    }
}

/* The original's server tells everybody of a join, the one who joined included. */
static void
handle_joined (CbAccount *self,
               GPtrArray *names)
{
  for (guint i = 0; self->session != NULL && names != NULL && i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);

      g_hash_table_add (self->users, g_strdup (name));
      if (strcmp (name, self->username) != 0)
        g_signal_emit (self, cb_account_signals[CB_ACCOUNT_SIGNAL_USER_JOINED], 0, name);
    }
}

static void
handle_left (CbAccount *self,
             GPtrArray *names)
{
  for (guint i = 0; self->session != NULL && names != NULL && i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);

      g_hash_table_remove (self->users, name);
      g_signal_emit (self, cb_account_signals[CB_ACCOUNT_SIGNAL_USER_LEFT], 0, name);
    }
}

/* How far one has read, on another connection maybe. */
static void
handle_read (CbAccount  *self,
             const char *json)
{
  g_autoptr (GPtrArray) markers = NULL;
  g_autoptr (GError) error = NULL;

  if (json == NULL || !(self->negotiated & CB_FEATURE_READ_MARKERS))
    return;

  markers = cb_read_markers_parse (json, &error);
  if (markers == NULL)
    g_debug ("The server's READ can't be read: %s", error->message);
  for (guint i = 0; self->session != NULL && markers != NULL && i < markers->len; i++)
    {
      const CbReadMarker *marker = g_ptr_array_index (markers, i);

      g_signal_emit (self, cb_account_signals[CB_ACCOUNT_SIGNAL_READ_MARKER], 0, marker->with, marker->id);
    }
}

/* Another connection of this user, or a command, has changed what is blocked. */
static void
handle_blocks (CbAccount *self,
               CbPacket  *packet)
{
  if (self->session != NULL && self->negotiated & CB_FEATURE_BLOCKS &&
      cb_packet_get_extra (packet, "BLOCKS") != NULL)
    g_signal_emit (self, cb_account_signals[CB_ACCOUNT_SIGNAL_BLOCKS_CHANGED], 0);
}

/* TRUE if the packet answers, or refuses, something that was asked, and nothing more is to be said. */
static gboolean
handle_answer (CbAccount *self,
               CbPacket  *packet)
{
  const char *json = self->negotiated != 0 ? cb_packet_get_extra (packet, "REQUEST") : NULL;
  gint64 number = 0;

  if (json == NULL || !cb_request_number_parse (json, &number, NULL))
    return FALSE;
  if (cb_account_answer_request (self, number, packet))
    {
      handle_read (self, cb_packet_get_extra (packet, "READ"));
      handle_blocks (self, packet);
      return TRUE;
    }

  return cb_packet_get_error (packet) != NULL &&
         cb_account_take_refusal (self, number, cb_packet_get_error (packet));
}

/* A handler of a signal may leave: then the session is gone, and the rest of the packet is nobody's. */
static void
handle_packet (CbAccount *self,
               CbPacket  *packet)
{
  if (!handle_answer (self, packet))
    {
      handle_messages (self, cb_packet_get_messages (packet), FALSE);
      handle_joined (self, cb_packet_get_joined (packet));
      handle_left (self, cb_packet_get_left (packet));
      handle_read (self, cb_packet_get_extra (packet, "READ"));
      handle_blocks (self, packet);
      if (self->session != NULL && cb_packet_get_error (packet) != NULL)
        {
          g_signal_emit (self, cb_account_signals[CB_ACCOUNT_SIGNAL_SERVER_ERROR], 0, cb_packet_get_error (packet));
          cb_account_pace_release (self);
        }
    }

  if (self->leave_task != NULL && self->session != NULL && cb_account_is_settled (self))
    cb_account_end_session (self, g_steal_pointer (&self->leave_task), FALSE);
  else if (self->session != NULL)
    cb_account_fill_hole (self);
}

static void
receive_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (CbAccount) self = user_data;
  g_autoptr (CbPacket) packet = NULL;
  g_autoptr (GError) error = NULL;

  packet = cb_session_receive_finish (CB_SESSION (source), result, &error);
  /* A leave has closed the session meanwhile. */
  if (self->session != CB_SESSION (source))
    return;

  if (packet != NULL)
    handle_packet (self, packet);
  else if (g_error_matches (error, CB_ERROR, CB_ERROR_MALFORMED))
    {
      cb_timeline_break (self->timeline);
      g_signal_emit (self, cb_account_signals[CB_ACCOUNT_SIGNAL_SERVER_ERROR], 0, error->message);
    }
  else
    cb_account_lose_session (self, error);

  if (self->session == CB_SESSION (source))
    cb_session_receive_async (self->session, NULL, receive_cb, g_object_ref (self));
}

/* LOG of an accepting answer. */
static gboolean
parse_log (CbPacket *welcome,
           char    **out_id,
           gint64   *out_head,
           GError  **error)
{
  g_autoptr (JsonNode) node = cb_packet_dup_extra_node (welcome, "LOG");
  JsonObject *log = node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  JsonNode *id = log != NULL ? json_object_get_member (log, "id") : NULL;
  JsonNode *head = log != NULL ? json_object_get_member (log, "head") : NULL;

  if (id == NULL || json_node_get_value_type (id) != G_TYPE_STRING ||
      head == NULL || json_node_get_value_type (head) != G_TYPE_INT64 ||
      json_node_get_int (head) < 0 || json_node_get_int (head) > CB_JSON_MAX_INTEGER)
    {
      g_set_error_literal (error, CB_ERROR, CB_ERROR_MALFORMED, "The server does not name its log");
      return FALSE;
    }

  *out_id = json_node_dup_string (id);
  *out_head = json_node_get_int (head);
  return TRUE;
}

static gboolean
begin_timeline (CbAccount *self,
                CbPacket  *welcome,
                gboolean  *out_is_new,
                GError   **error)
{
  g_autofree char *log_id = NULL;
  const gboolean was_known = cb_timeline_get_log_id (self->timeline) != NULL;

  if (!cb_account_has_ids (self))
    return TRUE;
  if (!parse_log (welcome, &log_id, &self->head, error))
    return FALSE;

  *out_is_new = cb_timeline_begin (self->timeline, log_id, self->head,
                                   was_known && self->negotiated & CB_FEATURE_HISTORY);
  if (*out_is_new || !was_known)
    cb_account_notify (self, CB_ACCOUNT_PROP_LOG_ID);
  return TRUE;
}

/* Takes the accepting answer. FALSE if it lacks what was announced. */
gboolean
cb_account_enter_room (CbAccount *self,
                       CbPacket  *welcome,
                       GError   **error)
{
  gboolean is_new_log = FALSE;

  self->negotiated = cb_session_get_features (self->session);
  if (!begin_timeline (self, welcome, &is_new_log, error))
    return FALSE;

  self->is_sending = FALSE;
  self->is_filling = FALSE;
  self->online_us = g_get_monotonic_time ();
  g_clear_pointer (&self->outgoing, cb_outgoing_free);
  if (!cb_account_has_ids (self))
    self->outgoing = cb_outgoing_new (self->username);

  handle_users (self, cb_packet_get_users (welcome));
  g_hash_table_add (self->users, g_strdup (self->username));
  cb_account_set_state (self, CB_ACCOUNT_ONLINE);
  if (is_new_log && self->session != NULL)
    g_signal_emit (self, cb_account_signals[CB_ACCOUNT_SIGNAL_LOG_CHANGED], 0);
  handle_messages (self, cb_packet_get_messages (welcome), TRUE);
  handle_joined (self, cb_packet_get_joined (welcome));
  handle_left (self, cb_packet_get_left (welcome));
  handle_read (self, cb_packet_get_extra (welcome, "READ"));

  /* As above: a handler may have left. */
  if (self->session != NULL)
    cb_session_receive_async (self->session, NULL, receive_cb, g_object_ref (self));
  if (self->session != NULL && !cb_account_has_ids (self))
    cb_account_refuse_all (self, "The server does not acknowledge messages");
  if (self->session != NULL)
    cb_account_flush_outbox (self);
  return TRUE;
}
