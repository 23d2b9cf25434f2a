/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/cbs-server-private.h"

/* Entries of one peer that may be on the way to the log; more wait unread. */
#define MAX_APPENDS 64
#define MAX_APPEND_BYTES (256u * 1024)

/* What a handler leaves behind. */
typedef enum
{
  HANDLED,
  WAITING, /* goes on with the next key when what it asked for is done */
  AGAIN,   /* goes on with the same key when what is under way is done */
} Handled;

static void
reply_error (CbsServer  *self,
             CbsPeer    *peer,
             const char *message)
{
  g_autoptr (CbsFragment) fragment = cbs_fragment_new_text (CBS_FRAGMENT_ERROR, message);

  cbs_engine_send (self->engine, peer, fragment);
}

static gboolean
has_username (CbPacket *packet)
{
  return cb_packet_get_username (packet) != NULL;
}

/* The login is decided by the log, so what comes behind it waits. */
static Handled
handle_username (CbsServer *self,
                 CbsPeer   *peer)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  const guint n_appends = peer->n_appends;

  cbs_room_log_in (self->room, peer->number, cb_packet_get_username (peer->packet), effects);
  cbs_server_apply (self, effects);
  return peer->n_appends > n_appends ? WAITING : HANDLED;
}

static gboolean
has_messages (CbPacket *packet)
{
  return cb_packet_get_messages (packet) != NULL;
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

static Handled
handle_messages (CbsServer *self,
                 CbsPeer   *peer)
{
  GPtrArray *messages = cb_packet_get_messages (peer->packet);

  while (peer->next_message < messages->len)
    {
      g_autoptr (CbsEffects) effects = NULL;
      CbMessage *message = g_ptr_array_index (messages, peer->next_message);

      if (has_to_wait (self, peer, message))
        return AGAIN;

      effects = cbs_effects_new ();
      peer->next_message++;
      cbs_room_say (self->room, peer->number, message, effects);
      cbs_server_apply (self, effects);
    }

  return HANDLED;
}

/* The keys that a client may send, in the order in which they are handled. */
static const struct
{
  const char *key;
  guint       states; /* in which it is legal: a set of CbsPeerState */
  const char *illegal; /* what to say elsewhere */
  gboolean    (*is_present) (CbPacket *packet);
  Handled     (*handle)     (CbsServer *self,
                             CbsPeer   *peer);
} keys[] = {
  { "USERNAME", CBS_PEER_LOGIN | CBS_PEER_ONLINE, NULL, has_username, handle_username },
  { "MESSAGES", CBS_PEER_ONLINE, "Log in before you send messages", has_messages, handle_messages },
};

/* Handles what is left of the peer's packet. */
static void
run (CbsServer *self,
     CbsPeer   *peer)
{
  while (peer->next_key < G_N_ELEMENTS (keys))
    {
      const guint i = peer->next_key;
      Handled handled = HANDLED;

      if (keys[i].is_present (peer->packet))
        {
          if ((peer->state & keys[i].states) != 0)
            handled = keys[i].handle (self, peer);
          else
            reply_error (self, peer, keys[i].illegal);
        }

      if (handled != AGAIN)
        peer->next_key++;
      if (handled != HANDLED)
        {
          cbs_engine_hold (self->engine, peer);
          return;
        }
    }

  g_clear_pointer (&peer->packet, cb_packet_unref);
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

  peer->packet = cb_packet_parse (payload, len, &error);
  if (peer->packet == NULL)
    {
      reply_error (self, peer, error->message);
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
  if (!peer->held || peer->n_appends > 0)
    return;

  peer->held = FALSE;
  if (peer->packet != NULL)
    run (self, peer);
  if (!peer->held)
    cbs_engine_release (self->engine, peer);
}
