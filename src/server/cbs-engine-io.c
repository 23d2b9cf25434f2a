/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/cbs-engine-private.h"

#include <sys/socket.h>

/* Most plain text that a turn takes from one peer. */
#define READ_SIZE (64u * 1024)

/* Most bytes that a turn writes to one peer. */
#define WRITE_SIZE (256u * 1024)

/* Notes whether a frame has begun, which has to end in time: from its own
 * first byte, however many were complete before. */
static void
watch_frame (CbsEngine *self,
             CbsPeer   *peer,
             gboolean   completed)
{
  if (peer->state != CBS_PEER_ONLINE)
    return;

  if (!cb_frame_reader_is_started (&peer->reader))
    cbs_deadlines_clear (&self->deadlines, &peer->deadline);
  else if (completed || !cbs_deadlines_has (&peer->deadline, CBS_DEADLINE_FRAME))
    cbs_deadlines_set (&self->deadlines, &peer->deadline, CBS_DEADLINE_FRAME,
                       g_source_get_time (self->source));
}

static gboolean
takes_input (const CbsPeer *peer)
{
  return !peer->held && (peer->state & (CBS_PEER_LOGIN | CBS_PEER_ONLINE)) != 0;
}

/* Hands frame by frame over; keeps what follows when the peer is held meanwhile. */
static void
process_input (CbsEngine    *self,
               CbsPeer      *peer,
               const guint8 *data,
               gsize         len)
{
  gboolean completed = FALSE;

  while (len > 0 && takes_input (peer))
    {
      g_autoptr (GError) error = NULL;
      const char *payload = NULL;
      gsize payload_len = 0;

      if (!cb_frame_reader_take (&peer->reader, &data, &len, &payload, &payload_len, &error))
        {
          cbs_engine_close (self, peer, error->message);
          return;
        }
      if (payload == NULL)
        break;

      completed = TRUE;
      self->handler.frame (peer, payload, payload_len, self->user_data);
    }

  watch_frame (self, peer, completed);
  if (len > 0 && peer->held)
    {
      if (peer->stash == NULL)
        peer->stash = g_byte_array_new ();
      g_byte_array_append (peer->stash, data, (guint) len);
    }
}

/* Goes on with what came before the peer was held. */
void
cbs_engine_process_stash (CbsEngine *self,
                          CbsPeer   *peer)
{
  g_autoptr (GByteArray) stash = g_steal_pointer (&peer->stash);

  if (stash != NULL)
    process_input (self, peer, stash->data, stash->len);
}

static void
defer (CbsEngine *self,
       CbsPeer   *peer)
{
  if (peer->deferred_link.data != NULL)
    return;

  peer->deferred_link.data = peer;
  g_queue_push_tail_link (&self->deferred, &peer->deferred_link);
}

/* Takes what came, at most one buffer a turn, so that no peer keeps the others waiting. */
void
cbs_engine_receive (CbsEngine *self,
                    CbsPeer   *peer)
{
  g_autoptr (GError) error = NULL;
  gsize n_read = 0;

  switch (cbs_tls_connection_read (peer->tls, self->input, READ_SIZE, &n_read, &error))
    {
    case G_POLLABLE_RETURN_WOULD_BLOCK:
      break;
    case G_POLLABLE_RETURN_OK:
      if (n_read == 0)
        {
          cbs_engine_drop (self, peer, NULL);
          return;
        }
      /* What comes after the end of the conversation is only drained. */
      process_input (self, peer, self->input, n_read);
      break;
    case G_POLLABLE_RETURN_FAILED:
    default:
      cbs_engine_drop (self, peer, error);
      return;
    }

  if (peer->state == CBS_PEER_CLOSED)
    return;
  if (!peer->held && cbs_tls_connection_is_readable (peer->tls))
    defer (self, peer);
  /* An answer to the peer's own TLS messages may wait. */
  if (cbs_tls_connection_wants_write (peer->tls))
    cbs_engine_wake (self, peer);
}

void
cbs_engine_shake_hands (CbsEngine *self,
                        CbsPeer   *peer)
{
  g_autoptr (GError) error = NULL;
  const GPollableReturn result = cbs_tls_connection_advance (peer->tls, &error);

  if (result == G_POLLABLE_RETURN_FAILED)
    {
      cbs_engine_drop (self, peer, error);
      return;
    }

  if (!peer->started && cbs_tls_connection_is_started (peer->tls))
    {
      peer->started = TRUE;
      self->handler.progress (peer, self->user_data);
    }
  peer->blocked = cbs_tls_connection_wants_write (peer->tls) != FALSE;
  cbs_engine_set_interest (self, peer);

  if (result == G_POLLABLE_RETURN_OK)
    {
      peer->state = CBS_PEER_LOGIN;
      cbs_deadlines_set (&self->deadlines, &peer->deadline, CBS_DEADLINE_LOG_IN,
                         g_source_get_time (self->source));
      self->handler.progress (peer, self->user_data);
      /* The first packet may have come with the last flight. */
      if (peer->state != CBS_PEER_CLOSED)
        cbs_engine_receive (self, peer);
    }
}

/* Writes as much as the socket takes; FALSE if the connection broke. */
static gboolean
write_some (CbsEngine    *self,
            CbsPeer      *peer,
            const guint8 *data,
            gsize         len,
            gsize        *out_written)
{
  g_autoptr (GError) error = NULL;

  while (*out_written < len)
    {
      gsize n_written = 0;

      switch (cbs_tls_connection_write (peer->tls, data + *out_written, len - *out_written,
                                        &n_written, &error))
        {
        case G_POLLABLE_RETURN_OK:
          *out_written += n_written;
          break;
        case G_POLLABLE_RETURN_WOULD_BLOCK:
          peer->blocked = TRUE;
          return TRUE;
        case G_POLLABLE_RETURN_FAILED:
        default:
          cbs_engine_drop (self, peer, error);
          return FALSE;
        }
    }

  return TRUE;
}

static gboolean
flush_ciphertext (CbsEngine *self,
                  CbsPeer   *peer)
{
  g_autoptr (GError) error = NULL;

  if (!cbs_tls_connection_wants_write (peer->tls))
    return TRUE;

  switch (cbs_tls_connection_flush (peer->tls, &error))
    {
    case G_POLLABLE_RETURN_OK:
      return TRUE;
    case G_POLLABLE_RETURN_WOULD_BLOCK:
      peer->blocked = TRUE;
      return TRUE;
    case G_POLLABLE_RETURN_FAILED:
    default:
      cbs_engine_drop (self, peer, error);
      return FALSE;
    }
}

/* Writes what was begun, at most @budget bytes of it; FALSE if the connection broke. */
static gboolean
flush_rest (CbsEngine *self,
            CbsPeer   *peer,
            gsize     *budget)
{
  gsize size = 0;
  gsize n_written = 0;
  const guint8 *data = g_bytes_get_data (cbs_outbox_get_rest (&peer->outbox), &size);

  if (!write_some (self, peer, data, MIN (size, *budget), &n_written))
    return FALSE;

  cbs_outbox_skip_rest (&peer->outbox, n_written);
  *budget -= n_written;
  return TRUE;
}

/* Makes one frame of all that is new and writes it; FALSE if the connection broke. */
static gboolean
flush_frame (CbsEngine *self,
             CbsPeer   *peer,
             gsize     *budget)
{
  const GByteArray *bytes = NULL;
  gsize n_written = 0;

  if (!cbs_outbox_take_shared_frames (&peer->outbox, &self->frames))
    return TRUE;

  bytes = self->frames.bytes;
  if (!write_some (self, peer, bytes->data, MIN (bytes->len, *budget), &n_written))
    return FALSE;

  *budget -= n_written;
  if (n_written < bytes->len)
    {
      g_autoptr (GBytes) rest = g_bytes_new (bytes->data + n_written, bytes->len - n_written);

      cbs_outbox_set_rest (&peer->outbox, rest);
    }
  return TRUE;
}

/* All that the peer was owed is out: ends our side, and waits for the peer to end its own. Closing
 * at once would make the kernel send a reset for what the peer sent and we did not read, and a
 * reset can overtake the last words. */
static void
begin_to_linger (CbsEngine *self,
                 CbsPeer   *peer)
{
  if (cbs_tls_connection_bye (peer->tls, NULL) == G_POLLABLE_RETURN_WOULD_BLOCK)
    {
      peer->blocked = TRUE;
      return;
    }

  shutdown (peer->fd, SHUT_WR);
  peer->state = CBS_PEER_LINGERING;
  cbs_deadlines_set (&self->deadlines, &peer->deadline, CBS_DEADLINE_LINGER,
                     g_source_get_time (self->source));
}

/* Writes what waits for a peer, in this order: ciphertext, what was begun, the past, what is new. */
void
cbs_engine_flush (CbsEngine *self,
                  CbsPeer   *peer)
{
  gsize budget = WRITE_SIZE;

  peer->blocked = FALSE;
  if (!flush_ciphertext (self, peer))
    return;

  while (!peer->blocked && budget > 0)
    {
      g_autoptr (GBytes) past = NULL;

      if (cbs_outbox_get_rest (&peer->outbox) == NULL && peer->replay != NULL)
        {
          past = self->handler.more (peer, self->user_data);
          if (past != NULL)
            cbs_outbox_set_rest (&peer->outbox, past);
          else if (peer->replay != NULL)
            break;
        }

      if (cbs_outbox_get_rest (&peer->outbox) != NULL)
        {
          if (!flush_rest (self, peer, &budget))
            return;
        }
      else if (cbs_outbox_is_empty (&peer->outbox))
        break;
      else if (!flush_frame (self, peer, &budget))
        return;
    }

  /* What TLS has taken may wait even so, and nothing more might come to push it out. */
  if (cbs_tls_connection_wants_write (peer->tls))
    peer->blocked = TRUE;
  if (budget == 0 && !peer->blocked)
    cbs_engine_wake (self, peer);
  else if (!peer->blocked && peer->state == CBS_PEER_CLOSING)
    begin_to_linger (self, peer);
  cbs_engine_set_interest (self, peer);
}
