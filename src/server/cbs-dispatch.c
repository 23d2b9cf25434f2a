/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/cbs-server-private.h"

/* Entries of one peer that may be on the way to the log; more wait unread. */
#define MAX_APPENDS 64
#define MAX_APPEND_BYTES (256u * 1024)

/* The login is decided by the log, so what comes behind it waits. */
static CbsHandled
handle_username (CbsServer  *self,
                 CbsPeer    *peer,
                 const char *json)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autoptr (GError) error = NULL;
  const guint n_appends = peer->n_appends;

  /* Who is logged in already is refused, and has announced what it will. */
  if (peer->state == CBS_PEER_LOGIN && !cbs_login_read (self, peer, &error))
    {
      cbs_request_reply_error (self, peer, error->message);
      return CBS_HANDLED_DROPPED;
    }

  cbs_login_ask (self, peer, effects);
  cbs_server_apply (self, effects);
  return peer->n_appends > n_appends ? CBS_HANDLED_WAITING : CBS_HANDLED;
}

/* A command's answer comes behind all that was said before it; and a peer
 * that says more than the log takes has to wait. */
static gboolean
has_to_wait (CbsServer *self,
             CbsPeer   *peer,
             CbMessage *message)
{
  if (peer->n_appends == 0)
    return FALSE;

  return peer->n_appends >= MAX_APPENDS || peer->append_bytes >= MAX_APPEND_BYTES ||
         cbs_room_is_command (self->room, peer->number, message);
}

/* The echoes of a peer that gets them as receipts must not overtake its past. */
static gboolean
has_to_wait_for_replay (const CbsPeer *peer)
{
  return peer->replay != NULL && (peer->features & CB_FEATURE_MESSAGE_IDS) != 0;
}

static CbsHandled
handle_messages (CbsServer  *self,
                 CbsPeer    *peer,
                 const char *json)
{
  GPtrArray *messages = cb_packet_get_messages (peer->packet);

  if (has_to_wait_for_replay (peer))
    return CBS_HANDLED_AGAIN;

  while (peer->next_message < messages->len)
    {
      g_autoptr (CbsEffects) effects = NULL;
      CbMessage *message = g_ptr_array_index (messages, peer->next_message);

      if (has_to_wait (self, peer, message))
        return CBS_HANDLED_AGAIN;

      effects = cbs_effects_new ();
      peer->next_message++;
      cbs_room_say (self->room, peer->number, message, peer->request, effects);
      cbs_server_apply (self, effects);
    }

  return CBS_HANDLED;
}

/* The keys that a client may send, in the order in which they are handled. A key of a feature is an
 * unknown one to who has not announced that, and is ignored. */
static const struct
{
  const char *key;
  CbFeatures  feature; /* 0: of everybody */
  guint       states; /* in which it is legal: a set of CbsPeerState */
  const char *illegal; /* what to say elsewhere */
  CbsHandled  (*handle) (CbsServer  *self,
                         CbsPeer    *peer,
                         const char *json);
} keys[] = {
  { "USERNAME", 0, CBS_PEER_LOGIN | CBS_PEER_ONLINE, NULL, handle_username },
  { "MESSAGES", 0, CBS_PEER_ONLINE, "Log in before you send messages", handle_messages },
  { "HISTORY", CB_FEATURE_HISTORY, CBS_PEER_ONLINE, NULL, cbs_request_history },
  { "SEARCH", CB_FEATURE_SEARCH, CBS_PEER_ONLINE, NULL, cbs_request_search },
  { "USERS", CB_FEATURE_USERS, CBS_PEER_ONLINE, NULL, cbs_request_users },
  { "BLOCKS", CB_FEATURE_BLOCKS, CBS_PEER_ONLINE, NULL, cbs_request_blocks },
  { "READ", CB_FEATURE_READ_MARKERS, CBS_PEER_ONLINE, NULL, cbs_request_read },
  { "KEYS", CB_FEATURE_IDENTITY, CBS_PEER_ONLINE, NULL, cbs_request_keys },
};

/* What a peer has announced counts only once its login was accepted. */
static CbFeatures
get_features (const CbsPeer *peer)
{
  return peer->state == CBS_PEER_ONLINE ? peer->features : 0;
}

/* Tells whether the packet has a key; those of a feature have their value as JSON. */
static gboolean
has_key (CbsPeer     *peer,
         guint        i,
         const char **out_json)
{
  const gboolean is_login = cb_packet_get_username (peer->packet) != NULL;

  *out_json = NULL;
  if (keys[i].handle == handle_username)
    return is_login;
  if (keys[i].handle == handle_messages)
    return cb_packet_get_messages (peer->packet) != NULL;

  /* The HISTORY beside a name is the login's. */
  if ((get_features (peer) & keys[i].feature) == 0 || (is_login && keys[i].feature == CB_FEATURE_HISTORY))
    return FALSE;

  *out_json = cb_packet_get_extra (peer->packet, keys[i].key);
  return *out_json != NULL;
}

/* Handles what is left of the peer's packet. */
static void
run (CbsServer *self,
     CbsPeer   *peer)
{
  while (peer->next_key < G_N_ELEMENTS (keys))
    {
      const guint i = peer->next_key;
      const char *json = NULL;
      CbsHandled handled = CBS_HANDLED;

      if (has_key (peer, i, &json))
        {
          if ((peer->state & keys[i].states) != 0)
            handled = keys[i].handle (self, peer, json);
          else
            cbs_request_reply_error (self, peer, keys[i].illegal);
        }

      if (handled == CBS_HANDLED_DROPPED)
        break;
      if (handled != CBS_HANDLED_AGAIN)
        peer->next_key++;
      if (handled != CBS_HANDLED)
        {
          cbs_engine_hold (self->engine, peer);
          return;
        }
    }

  g_clear_pointer (&peer->packet, cb_packet_unref);
}

/* Reads the number that the answers to the packet carry. */
static gboolean
read_request (CbsPeer *peer,
              GError **error)
{
  const char *json = cb_packet_get_extra (peer->packet, "REQUEST");

  return get_features (peer) == 0 || json == NULL ||
         cb_request_number_parse (json, &peer->request, error);
}

/* A frame is complete: reads its packet as a whole, then handles it key by key. */
void
cbs_dispatch_frame (CbsServer  *self,
                    CbsPeer    *peer,
                    const char *payload,
                    gsize       len)
{
  g_autoptr (GError) error = NULL;

  g_assert (peer->packet == NULL);

  peer->request = CBS_NO_REQUEST;
  peer->packet = cb_packet_parse_with (payload, len, get_features (peer), &error);
  if (peer->packet == NULL || !read_request (peer, &error))
    {
      g_clear_pointer (&peer->packet, cb_packet_unref);
      cbs_request_reply_error (self, peer, error->message);
      return;
    }

  peer->next_key = 0;
  peer->next_message = 0;
  run (self, peer);
}

/* What the peer waited for is done: goes on where it was held. */
void
cbs_dispatch_resume (CbsServer *self,
                     CbsPeer   *peer)
{
  if (!peer->held || peer->n_appends > 0 || peer->reading != NULL || self->draining)
    return;

  peer->held = FALSE;
  if (peer->packet != NULL)
    run (self, peer);
  if (!peer->held)
    cbs_engine_release (self->engine, peer);
}
