/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-account-private.h"

#include <glib/gi18n-lib.h>

#include "libchatterbox/cb-error.h"

/* How long a leave waits for the server to have seen all that was said, or a part of it. */
#define SETTLE_MS 5000

/* A message is known by it: 128 bits in hexadecimal digits. */
static char *
make_token (void)
{
  return g_strdup_printf ("%08x%08x%08x%08x", g_random_int (), g_random_int (), g_random_int (), g_random_int ());
}

/* Sends what waits, each in a frame of its own, so that each can be refused by itself. */
void
cb_account_flush_outbox (CbAccount *self)
{
  gboolean has_sent = FALSE;

  if (self->session == NULL || !cb_account_has_ids (self) || self->state == CB_ACCOUNT_LOGGING_IN)
    return;

  for (;;)
    {
      const gint64 request = self->last_request + 1;
      g_autoptr (CbMessage) message = cb_outbox_take (self->outbox, self->username, request);
      g_autoptr (CbPacket) packet = NULL;
      g_autofree char *number = NULL;

      if (message == NULL)
        break;

      self->last_request = request;
      number = g_strdup_printf ("%" G_GINT64_FORMAT, request);
      packet = cb_packet_new ();
      cb_packet_add_message (packet, message);
      cb_packet_set_extra (packet, "REQUEST", number, NULL);
      /* What breaks a send breaks the receive, too, which tells about it. */
      cb_session_send_async (self->session, packet, NULL, NULL);
      has_sent = TRUE;
    }

  if (has_sent)
    cb_account_notify (self, CB_ACCOUNT_PROP_QUEUED);
}

/* Something has left the outbox: there is room for more, and a leave sees that it is worth waiting. */
static void
outbox_shrank (CbAccount *self)
{
  cb_account_notify (self, CB_ACCOUNT_PROP_UNACKNOWLEDGED);
  if (self->settle_source != NULL)
    g_source_set_ready_time (self->settle_source,
                             g_get_monotonic_time () + SETTLE_MS * G_TIME_SPAN_MILLISECOND);
  cb_account_flush_outbox (self);
}

static void
emit_acknowledged (CbAccount  *self,
                   const char *token,
                   CbMessage  *message)
{
  g_signal_emit (self, cb_account_signals[CB_ACCOUNT_SIGNAL_ACKNOWLEDGED], 0, token, message);
}

/* The server has stored @message, which was sent with @token. */
void
cb_account_take_acknowledgement (CbAccount  *self,
                                 CbMessage  *message,
                                 const char *token)
{
  for (;;)
    {
      g_autofree char *overtaken = cb_outbox_pop_overtaken (self->outbox, token);

      if (overtaken == NULL)
        break;
      emit_acknowledged (self, overtaken, NULL);
    }

  if (!cb_outbox_acknowledge (self->outbox, token))
    return;
  emit_acknowledged (self, token, message);
  outbox_shrank (self);
}

/* A message without an id answers a command. */
void
cb_account_take_answer (CbAccount *self,
                        CbMessage *message)
{
  g_autofree char *token = cb_outbox_answer (self->outbox, cb_message_get_time_s (message));

  g_signal_emit (self, cb_account_signals[CB_ACCOUNT_SIGNAL_ANSWER], 0, message);
  if (token == NULL)
    return;

  emit_acknowledged (self, token, message);
  outbox_shrank (self);
}

static void
emit_refused (CbAccount  *self,
              const char *token,
              const char *text)
{
  g_autoptr (GError) error = g_error_new_literal (CB_ERROR, CB_ERROR_UNEXPECTED, text);

  g_signal_emit (self, cb_account_signals[CB_ACCOUNT_SIGNAL_REFUSED], 0, token, error);
}

/* The server has refused what was sent with that number. FALSE if nothing was. */
gboolean
cb_account_take_refusal (CbAccount  *self,
                         gint64      request,
                         const char *text)
{
  g_autofree char *token = cb_outbox_refuse (self->outbox, request);

  if (token == NULL)
    return FALSE;

  emit_refused (self, token, text);
  outbox_shrank (self);
  return TRUE;
}

/* Nobody will acknowledge what is in the outbox. */
void
cb_account_refuse_all (CbAccount  *self,
                       const char *text)
{
  if (cb_outbox_get_length (self->outbox) == 0)
    return;

  /* What a handler says now is not among them. */
  for (guint n = cb_outbox_get_length (self->outbox); n > 0; n--)
    {
      g_autofree char *token = cb_outbox_pop (self->outbox);

      if (token != NULL)
        emit_refused (self, token, text);
    }
  cb_account_notify (self, CB_ACCOUNT_PROP_QUEUED);
  cb_account_notify (self, CB_ACCOUNT_PROP_UNACKNOWLEDGED);
}

/* Whether the server is known to have seen all that was said. */
gboolean
cb_account_is_settled (CbAccount *self)
{
  return (self->outgoing == NULL || cb_outgoing_is_settled (self->outgoing)) &&
         cb_outbox_get_length (self->outbox) == 0;
}

/* Waits until all that was said has been confirmed: for a while, and until the leave is cancelled. */
void
cb_account_settle (CbAccount  *self,
                   GSourceFunc give_up)
{
  GCancellable *cancellable = g_task_get_cancellable (self->leave_task);

  if (self->outgoing != NULL)
    cb_outgoing_push_barrier (self->outgoing, g_get_real_time () / G_USEC_PER_SEC);
  self->settle_source = cb_account_add_timeout (self, SETTLE_MS, give_up, "chatterbox-settle");
  if (cancellable != NULL)
    {
      g_autoptr (GSource) cancelled = g_cancellable_source_new (cancellable);

      g_source_set_dummy_callback (cancelled);
      g_source_add_child_source (self->settle_source, cancelled);
    }
  cb_account_pace_flush (self);
}

/* Whether the account comes back by itself, and sends then what was said. */
static gboolean
is_coming_back (CbAccount *self)
{
  return self->state == CB_ACCOUNT_WAITING ||
         (self->join_task == NULL && self->leave_task == NULL &&
          (self->state == CB_ACCOUNT_CONNECTING || self->state == CB_ACCOUNT_LOGGING_IN));
}

static gboolean
push_to_outbox (CbAccount  *self,
                const char *token,
                const char *destination,
                const char *content,
                gint64      time_s,
                GError    **error)
{
  const char *username = self->username != NULL ? self->username : "";
  g_autoptr (CbMessage) message = NULL;

  message = cb_message_new_full (username, destination, time_s, content, 0, token);
  if (!cb_outbox_push (self->outbox, username, message, error))
    return FALSE;

  cb_account_notify (self, CB_ACCOUNT_PROP_QUEUED);
  cb_account_notify (self, CB_ACCOUNT_PROP_UNACKNOWLEDGED);
  cb_account_flush_outbox (self);
  return TRUE;
}

static gboolean
push_to_outgoing (CbAccount  *self,
                  const char *destination,
                  const char *content,
                  GError    **error)
{
  g_autoptr (CbMessage) message = cb_message_new (self->username, destination,
                                                  g_get_real_time () / G_USEC_PER_SEC, content);

  if (!cb_outgoing_push (self->outgoing, message, error))
    return FALSE;

  cb_account_notify (self, CB_ACCOUNT_PROP_QUEUED);
  cb_account_pace_flush (self);
  return TRUE;
}

/**
 * cb_account_send:
 * @self: an account that is online, or on its way back
 * @destination: [const@Cb.MESSAGE_TO_ALL] or a user's name, in UTF-8
 * @content: what to say, in UTF-8
 * @error: return location for a #GError
 *
 * Queues a message, as [method@Cb.Account.say] does. Where the server
 * acknowledges messages, [signal@Cb.Account::acknowledged] or
 * [signal@Cb.Account::refused] follows with the token that is returned, after
 * any number of connections that were lost.
 *
 * Returns: (transfer full): the message's token; %NULL with
 *   %G_IO_ERROR_NOT_CONNECTED, or [error@Cb.Error.TOO_LARGE] if the message
 *   fits no frame or too much waits
 */
char *
cb_account_send (CbAccount  *self,
                 const char *destination,
                 const char *content,
                 GError    **error)
{
  g_autofree char *token = NULL;
  gboolean is_queued = FALSE;

  g_return_val_if_fail (CB_IS_ACCOUNT (self), NULL);
  g_return_val_if_fail (destination != NULL, NULL);
  g_return_val_if_fail (content != NULL, NULL);

  if (self->state != CB_ACCOUNT_ONLINE && !is_coming_back (self))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED, _ ("Not connected"));
      return NULL;
    }

  token = make_token ();
  if (self->state == CB_ACCOUNT_ONLINE && self->outgoing != NULL)
    is_queued = push_to_outgoing (self, destination, content, error);
  else
    is_queued = push_to_outbox (self, token, destination, content, g_get_real_time () / G_USEC_PER_SEC, error);
  return is_queued ? g_steal_pointer (&token) : NULL;
}

/**
 * cb_account_say:
 * @self: an account that is online, or on its way back
 * @destination: [const@Cb.MESSAGE_TO_ALL] or a user's name, in UTF-8
 * @content: what to say, in UTF-8
 * @error: return location for a #GError
 *
 * Queues a message. A command of the server is a message to oneself that
 * begins with “/”.
 *
 * Returns: %TRUE; %FALSE with %G_IO_ERROR_NOT_CONNECTED, or
 *   [error@Cb.Error.TOO_LARGE] if the message fits no frame or too much waits
 */
gboolean
cb_account_say (CbAccount  *self,
                const char *destination,
                const char *content,
                GError    **error)
{
  g_autofree char *token = cb_account_send (self, destination, content, error);

  return token != NULL;
}

/**
 * cb_account_resend:
 * @self: an account
 * @token: what [method@Cb.Account.send] returned, in an earlier run maybe
 * @destination: to whom it was sent, in UTF-8
 * @content: what was said, in UTF-8
 * @time_s: when, in seconds since the epoch, UTC
 * @error: return location for a #GError
 *
 * Puts a message that was not acknowledged into the outbox again, behind what
 * is there: now, or before the account joins. If the server has stored it
 * after all, it is acknowledged, and not stored twice.
 *
 * Returns: %TRUE; %FALSE with %G_IO_ERROR_NOT_SUPPORTED if the account is in
 *   the room of a server that acknowledges nothing,
 *   %G_IO_ERROR_INVALID_ARGUMENT if @token is none, %G_IO_ERROR_EXISTS, or
 *   [error@Cb.Error.TOO_LARGE]
 */
gboolean
cb_account_resend (CbAccount  *self,
                   const char *token,
                   const char *destination,
                   const char *content,
                   gint64      time_s,
                   GError    **error)
{
  gsize len = 0;

  g_return_val_if_fail (CB_IS_ACCOUNT (self), FALSE);
  g_return_val_if_fail (token != NULL, FALSE);
  g_return_val_if_fail (destination != NULL, FALSE);
  g_return_val_if_fail (content != NULL, FALSE);

  while (len <= 64 && token[len] > ' ' && token[len] < 0x7f)
    len++;
  if (len == 0 || len > 64 || token[len] != '\0')
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "A token is 1 to 64 characters of ASCII, without spaces");
      return FALSE;
    }
  if (self->state == CB_ACCOUNT_ONLINE && self->outgoing != NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "The server does not acknowledge messages");
      return FALSE;
    }

  return push_to_outbox (self, token, destination, content, time_s, error);
}
