/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-outgoing.h"

#include <string.h>

#include "libchatterbox/cb-error.h"

/* What servers accept in one frame, less the packet's own brackets and the number of a request. */
#define MAX_FRAME_BYTES (64u * 1024 - 64)

/* Most bytes that may wait. */
#define MAX_QUEUED_BYTES (4u * 1024 * 1024)

/* Any server of the family answers it with one message to oneself. */
#define BARRIER_COMMAND "/Name"

typedef struct
{
  CbMessage *message;
  gsize      wire_size;
} Waiting;

/* What a message to oneself will be; its time comes back with it. */
typedef struct
{
  CbReply reply;
  gint64  time_s;
} Expected;

/**
 * CbOutgoing: (skip)
 *
 * What was said and has not been confirmed: messages that wait to be sent,
 * and what is expected back for those that were.
 *
 * Pure: it neither sends nor waits. The base protocol has no
 * acknowledgements, but a public message comes back to its sender, and a
 * command is answered by a message to oneself, in order and with its time;
 * one that a server does not know, or finds nothing to do for, by nothing.
 */
struct _CbOutgoing
{
  char    *username;
  GQueue   waiting;      /* of Waiting */
  gsize    queued;       /* bytes of the waiting */
  GQueue   expected;     /* of Expected: messages to oneself */
  guint    n_echoes;     /* public messages that have not come back */
  gboolean unanswerable; /* something was sent that nothing comes back for */
  guint    n_echoes_behind_barrier; /* of those, what the latest barrier does not settle */
  gboolean unanswerable_behind_barrier;
};

static void
waiting_free (Waiting *waiting)
{
  cb_message_unref (waiting->message);
  g_free (waiting);
}

CbOutgoing *
cb_outgoing_new (const char *username)
{
  CbOutgoing *self = NULL;

  g_return_val_if_fail (username != NULL, NULL);

  self = g_new0 (CbOutgoing, 1);
  self->username = g_strdup (username);
  g_queue_init (&self->waiting);
  g_queue_init (&self->expected);
  return self;
}

void
cb_outgoing_free (CbOutgoing *self)
{
  g_return_if_fail (self != NULL);

  g_queue_clear_full (&self->waiting, (GDestroyNotify) waiting_free);
  g_queue_clear_full (&self->expected, g_free);
  g_free (self->username);
  g_free (self);
}

static gboolean
is_to_self (CbOutgoing *self,
            CbMessage  *message)
{
  return strcmp (cb_message_get_source (message), self->username) == 0 &&
         strcmp (cb_message_get_destination (message), self->username) == 0;
}

static gsize
get_wire_size (CbMessage *message)
{
  g_autoptr (GString) json = g_string_new (NULL);

  cb_message_append_json (message, json, CB_JSON_ASCII);
  return json->len;
}

/* Tells what a message takes on the wire, in bytes. FALSE with CB_ERROR_TOO_LARGE if it fits no frame. */
gboolean
cb_outgoing_measure (CbMessage *message,
                     gsize     *out_size,
                     GError   **error)
{
  const gsize size = get_wire_size (message);

  if (size > MAX_FRAME_BYTES)
    {
      g_set_error (error, CB_ERROR, CB_ERROR_TOO_LARGE,
                   "The message takes %" G_GSIZE_FORMAT " bytes on the wire; the limit is %u",
                   size, MAX_FRAME_BYTES);
      return FALSE;
    }

  *out_size = size;
  return TRUE;
}

static void
push (CbOutgoing *self,
      CbMessage  *message,
      gsize       wire_size)
{
  Waiting *waiting = g_new0 (Waiting, 1);

  waiting->message = cb_message_ref (message);
  waiting->wire_size = wire_size;
  self->queued += wire_size;
  g_queue_push_tail (&self->waiting, waiting);
}

static void
expect (CbOutgoing *self,
        CbReply     reply,
        gint64      time_s)
{
  Expected *expected = g_new0 (Expected, 1);

  expected->reply = reply;
  expected->time_s = time_s;
  g_queue_push_tail (&self->expected, expected);
}

/* Queues a message. FALSE with CB_ERROR_TOO_LARGE if it fits no frame, or the queue is full. */
gboolean
cb_outgoing_push (CbOutgoing *self,
                  CbMessage  *message,
                  GError    **error)
{
  gsize wire_size = 0;

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (message != NULL, FALSE);

  if (!cb_outgoing_measure (message, &wire_size, error))
    return FALSE;
  if (self->queued + wire_size > MAX_QUEUED_BYTES)
    {
      g_set_error (error, CB_ERROR, CB_ERROR_TOO_LARGE,
                   "%" G_GSIZE_FORMAT " bytes wait to be sent; the limit is %u",
                   self->queued, MAX_QUEUED_BYTES);
      return FALSE;
    }

  push (self, message, wire_size);
  if (cb_message_is_public (message))
    {
      self->n_echoes++;
      self->n_echoes_behind_barrier++;
    }
  else if (!is_to_self (self, message))
    self->unanswerable = self->unanswerable_behind_barrier = TRUE;
  else if (*cb_message_get_content (message) == '/')
    expect (self, CB_REPLY_ANSWER, cb_message_get_time_s (message));
  else
    expect (self, CB_REPLY_NOTE, cb_message_get_time_s (message));
  return TRUE;
}

/* Queues something whose answer tells that the server has seen all that went before. */
void
cb_outgoing_push_barrier (CbOutgoing *self,
                          gint64      time_s)
{
  g_autoptr (CbMessage) message = NULL;

  g_return_if_fail (self != NULL);

  /* A time of its own tells its answer from that of a command which was not answered. */
  for (const GList *link = self->expected.head; link != NULL; link = link->next)
    time_s = MAX (time_s, ((const Expected *) link->data)->time_s + 1);

  message = cb_message_new (self->username, self->username, time_s, BARRIER_COMMAND);
  push (self, message, get_wire_size (message));
  expect (self, CB_REPLY_BARRIER, time_s);
  self->n_echoes_behind_barrier = 0;
  self->unanswerable_behind_barrier = FALSE;
}

/* Takes what waits, as much as one frame holds; NULL if nothing waits. */
CbPacket *
cb_outgoing_take (CbOutgoing *self)
{
  CbPacket *packet = NULL;
  gsize size = 0;

  g_return_val_if_fail (self != NULL, NULL);

  for (;;)
    {
      Waiting *next = g_queue_peek_head (&self->waiting);

      /* One byte more for the comma. */
      if (next == NULL || (packet != NULL && size + next->wire_size + 1 > MAX_FRAME_BYTES))
        return packet;

      if (packet == NULL)
        packet = cb_packet_new ();
      cb_packet_add_message (packet, next->message);
      size += next->wire_size + 1;
      self->queued -= next->wire_size;
      waiting_free (g_queue_pop_head (&self->waiting));
    }
}

/* Takes what is expected for a time, and drops what was to come before it; with a time that nothing
 * was sent with, the server set its own: then it is the next. */
static CbReply
take_expected (CbOutgoing *self,
               gint64      time_s)
{
  g_autofree Expected *expected = NULL;
  guint n_before = 0;

  for (GList *link = self->expected.head; link != NULL; link = link->next, n_before++)
    {
      if (((const Expected *) link->data)->time_s == time_s)
        break;
    }
  if (n_before == self->expected.length)
    n_before = 0;

  while (n_before-- > 0)
    g_free (g_queue_pop_head (&self->expected));
  expected = g_queue_pop_head (&self->expected);
  return expected != NULL ? expected->reply : CB_REPLY_NONE;
}

/* Tells what a message from the server is to what was sent, and forgets that this was expected. */
CbReply
cb_outgoing_match (CbOutgoing *self,
                   CbMessage  *message)
{
  CbReply reply = CB_REPLY_NONE;

  g_return_val_if_fail (self != NULL, CB_REPLY_NONE);
  g_return_val_if_fail (message != NULL, CB_REPLY_NONE);

  if (strcmp (cb_message_get_source (message), self->username) != 0)
    return CB_REPLY_NONE;

  if (cb_message_is_public (message))
    {
      if (self->n_echoes == 0)
        return CB_REPLY_NONE;
      self->n_echoes--;
      return CB_REPLY_ECHO;
    }
  if (!is_to_self (self, message))
    return CB_REPLY_NONE;

  reply = take_expected (self, cb_message_get_time_s (message));
  if (reply == CB_REPLY_BARRIER)
    {
      self->n_echoes = MIN (self->n_echoes, self->n_echoes_behind_barrier);
      self->unanswerable = self->unanswerable_behind_barrier;
    }
  return reply;
}

/* Bytes that wait to be sent. */
gsize
cb_outgoing_get_queued (CbOutgoing *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->queued;
}

/* Whether the server is known to have seen all that was said. */
gboolean
cb_outgoing_is_settled (CbOutgoing *self)
{
  g_return_val_if_fail (self != NULL, FALSE);

  return self->waiting.length == 0 && self->expected.length == 0 &&
         self->n_echoes == 0 && !self->unanswerable;
}
