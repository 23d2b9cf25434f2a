/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/cbs-server-private.h"

#include <string.h>

#include "libchatterbox/cb-error.h"

/* Longest name of a client's program, in bytes. */
#define MAX_CLIENT 64

/* Reads the value of CLIENT: a string that only the log of the server is for. */
static char *
parse_client (const char *json,
              GError    **error)
{
  g_autoptr (CbJsonScanner) scanner = cb_json_scanner_new (json, strlen (json));
  g_autofree char *client = NULL;
  CbJsonToken token = CB_JSON_END;

  if (!cb_json_scanner_next (scanner, &token, error))
    return NULL;
  if (token == CB_JSON_STRING)
    client = cb_json_scanner_dup_string (scanner);
  if (client == NULL || strlen (client) > MAX_CLIENT)
    {
      g_set_error (error, CB_ERROR, CB_ERROR_MALFORMED,
                   "CLIENT is not a string of at most %d bytes", MAX_CLIENT);
      return NULL;
    }

  return g_steal_pointer (&client);
}

/* Whatever a peer calls itself must not look like lines of ours. */
static void
log_client (CbsPeer *peer,
            char    *client)
{
  g_autofree char *number = g_strdup_printf ("%" G_GUINT64_FORMAT, peer->number);

  for (char *c = client; *c != '\0'; c++)
    {
      if (!g_ascii_isprint (*c))
        *c = '?';
    }
  g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_INFO,
                    "CHATTERBOX_PEER", number,
                    "MESSAGE", "Connection %s is one of %s", number, client);
}

/**
 * cbs_login_read:
 * @self: a server
 * @peer: a peer whose packet asks for a name
 * @error: return location for a #GError
 *
 * Reads what a login announces besides the name. What it announces counts
 * for what comes behind its answer. A login without FEATURES is that of a
 * plain peer: to it all those keys are unknown ones.
 *
 * Returns: %TRUE; %FALSE with [error@Cb.Error.MALFORMED] if one of them is
 *   of another kind
 */
gboolean
cbs_login_read (CbsServer *self,
                CbsPeer   *peer,
                GError   **error)
{
  const char *features_json = cb_packet_get_extra (peer->packet, "FEATURES");
  const char *client_json = cb_packet_get_extra (peer->packet, "CLIENT");
  const char *history_json = cb_packet_get_extra (peer->packet, "HISTORY");
  g_autofree char *client = NULL;
  CbFeatures features = 0;

  peer->features = 0;
  peer->announcing = features_json != NULL;
  g_clear_pointer (&peer->resume, cb_resume_free);
  if (features_json == NULL)
    return TRUE;

  if (!cb_features_parse (features_json, &features, error))
    return FALSE;
  if (client_json != NULL)
    {
      client = parse_client (client_json, error);
      if (client == NULL)
        return FALSE;
    }
  if (history_json != NULL && (features & CB_FEATURE_HISTORY) != 0)
    {
      peer->resume = cb_resume_parse (history_json, error);
      if (peer->resume == NULL)
        return FALSE;
    }

  if (client != NULL)
    log_client (peer, client);
  if (cbs_tls_connection_get_peer_key_id (peer->tls) == NULL)
    features &= ~(guint) CB_FEATURE_IDENTITY;
  peer->features = features;
  return TRUE;
}

/* Writes a key as lower-case hexadecimal digits. */
static char *
dup_key_id (CbsPeer *peer)
{
  GBytes *id = cbs_tls_connection_get_peer_key_id (peer->tls);
  GString *text = g_string_new (NULL);
  gsize len = 0;
  const guint8 *bytes = g_bytes_get_data (id, &len);

  for (gsize i = 0; i < len; i++)
    g_string_append_printf (text, "%02x", bytes[i]);
  return g_string_free (text, FALSE);
}

/* Where a peer comes from, as the gate counts addresses: who has a network of IPv6 changes its address
 * within that all the time. NULL if the peer has gone already. */
static char *
dup_address (CbsPeer *peer)
{
  g_autoptr (GSocketAddress) remote = NULL;

  remote = g_socket_connection_get_remote_address (G_SOCKET_CONNECTION (peer->base), NULL);
  if (!G_IS_INET_SOCKET_ADDRESS (remote))
    return NULL;

  return g_strdup_printf ("%016" G_GINT64_MODIFIER "x",
                          cbs_gate_get_key (g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (remote))));
}

/**
 * cbs_login_ask:
 * @self: a server
 * @peer: a peer whose packet asks for a name
 * @effects: what has to be done about it is added here
 *
 * Asks the room for the name.
 */
void
cbs_login_ask (CbsServer  *self,
               CbsPeer    *peer,
               CbsEffects *effects)
{
  g_autofree char *address = dup_address (peer);
  g_autofree char *key_id = NULL;

  if ((peer->features & CB_FEATURE_IDENTITY) != 0)
    key_id = dup_key_id (peer);
  cbs_room_log_in (self->room,
                   &(const CbsLogin) {
    .peer = peer->number,
    .username = cb_packet_get_username (peer->packet),
    .features = peer->features,
    .key_id = key_id,
    .address = address,
    .hold_us = self->config->hold_us,
  },
                   effects);
}

/* Writes what the accepting object holds for a peer that has announced features. */
static char *
write_members (CbsServer       *self,
               CbsPeer         *peer,
               const CbsEffect *effect)
{
  GString *json = g_string_new ("\"FEATURES\":");

  cb_features_append_json (peer->features, json);
  if ((peer->features & CB_FEATURE_MESSAGE_IDS) != 0)
    g_string_append_printf (json, ",\"LOG\":{\"id\":\"%s\",\"head\":%" G_GINT64_FORMAT "}",
                            self->log_id, effect->entry->seq);
  if (effect->markers != NULL)
    {
      gsize len = 0;
      const char *markers = g_bytes_get_data (effect->markers, &len);

      g_string_append (json, ",\"READ\":");
      g_string_append_len (json, markers, (gssize) len);
    }

  return g_string_free (json, FALSE);
}

/* What a peer has already it gets no more, and less than all if it wants so. The limit of logins
 * is for those who would get everything again each time. */
static void
apply_resume (CbsServer      *self,
              const CbResume *resume,
              CbsReplayStart *start)
{
  if (resume->after >= 0 && (resume->log == NULL || strcmp (resume->log, self->log_id) == 0))
    {
      start->after = resume->after;
      start->newest = resume->limit;
    }
  else if (resume->limit >= 0 && (start->newest < 0 || resume->limit < start->newest))
    start->newest = resume->limit;
}

static void
replay_ready (gpointer user_data)
{
  CbsPeer *peer = user_data;

  cbs_engine_wake (((CbsServer *) peer->owner)->engine, peer);
}

static void
replay_failed (const GError *error,
               gpointer      user_data)
{
  CbsPeer *peer = user_data;

  g_message ("The history can't be read: %s", error->message);
  cbs_engine_doom (((CbsServer *) peer->owner)->engine, peer);
}

static GStrv
replay_list_hidden (gpointer user_data)
{
  const CbsPeer *peer = user_data;

  return cbs_room_dup_hidden (((CbsServer *) peer->owner)->room, peer->number);
}

static gint64
replay_get_head (gpointer user_data)
{
  return ((CbsServer *) ((CbsPeer *) user_data)->owner)->head;
}

static const CbsReplayHandler replay_handler = {
  .list_hidden = replay_list_hidden,
  .get_head = replay_get_head,
  .ready = replay_ready,
  .failed = replay_failed,
};

/**
 * cbs_login_accept:
 * @self: a server
 * @peer: a peer whose name the log has accepted
 * @effect: what the room says about it
 *
 * Begins to give a peer what it is owed: that it is accepted, who is here,
 * and the past.
 */
void
cbs_login_accept (CbsServer       *self,
                  CbsPeer         *peer,
                  const CbsEffect *effect)
{
  g_autofree char *members = peer->announcing ? write_members (self, peer, effect) : NULL;
  CbsReplayStart start = {
    .users = effect->users,
    .members = members,
    .features = peer->features,
    .since = cbs_room_get_since (self->room, peer->number),
    .newest = self->config->history_limit,
    .joined = effect->entry->seq,
  };

  if (peer->resume != NULL)
    apply_resume (self, peer->resume, &start);
  g_clear_pointer (&peer->resume, cb_resume_free);
  peer->replay = cbs_replay_new (self->log, effect->entry->src, &replay_handler, peer);
  cbs_replay_start (peer->replay, &start);
}
