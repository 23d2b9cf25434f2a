/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "tls/cbs-tls-private.h"

/* Longest plain text of a record: RFC 5246, 6.2.1. */
#define MAX_PLAINTEXT 16384u

/* Ciphertext after which a write takes no more: with one more record it still fits in the 64 KiB
 * to which the array has grown by then. */
#define ENOUGH_OUTPUT (47u * 1024)

/* Notes that the peer sends nothing more, whether it said so or just stopped. */
static GPollableReturn
end_input (CbsTlsConnection *self,
           gboolean          announced,
           GError          **error)
{
  if (!announced && self->require_close_notify)
    return cbs_tls_transport_fail_with_code (self, GNUTLS_E_PREMATURE_TERMINATION, error);

  self->peer_ended = TRUE;
  return G_POLLABLE_RETURN_OK;
}

/* Decrypts what is here already; WOULD_BLOCK if no record is whole. After each message of its own
 * protocol, a key update for instance, GnuTLS says AGAIN, and there may be more records behind it. */
static GPollableReturn
decrypt (CbsTlsConnection *self,
         void             *buffer,
         gsize             size,
         gsize            *out_n_read,
         GError          **error)
{
  for (;;)
    {
      const gssize ret = gnutls_record_recv (self->session, buffer, size);

      if (ret > 0)
        {
          self->n_barren = 0;
          *out_n_read = (gsize) ret;
          return G_POLLABLE_RETURN_OK;
        }
      if (ret == 0)
        return end_input (self, TRUE, error);
      /* GnuTLS can't go on after a refusal: its alert, then the end. */
      if (ret == GNUTLS_E_REHANDSHAKE || gnutls_error_is_fatal ((int) ret))
        return cbs_tls_transport_fail_with_code (self, (int) ret, error);
      if (cbs_tls_transport_is_barren (self))
        return cbs_tls_transport_fail_with_code (self, GNUTLS_E_HANDSHAKE_TOO_LARGE, error);
      if (cbs_tls_transport_measure_record (self) == 0)
        return self->ended ? end_input (self, FALSE, error) : G_POLLABLE_RETURN_WOULD_BLOCK;
    }
}

/* Fills the buffer with what is here already, or else with what the base holds now. */
static GPollableReturn
fill (CbsTlsConnection *self,
      guint8           *buffer,
      gsize             size,
      gsize            *out_n_read,
      GError          **error)
{
  GPollableReturn result = G_POLLABLE_RETURN_OK;
  gboolean received = FALSE;
  gsize n_read = 0;

  do
    {
      gsize n_decrypted = 0;

      result = decrypt (self, buffer + n_read, size - n_read, &n_decrypted, error);
      n_read += n_decrypted;
      if (result == G_POLLABLE_RETURN_WOULD_BLOCK && n_read == 0 && !received)
        {
          result = cbs_tls_transport_receive (self, error);
          received = TRUE;
        }
    }
  while (result == G_POLLABLE_RETURN_OK && !self->peer_ended && n_read < size);

  *out_n_read = n_read;
  return result;
}

/**
 * cbs_tls_connection_read:
 * @self: a connection
 * @buffer: (out caller-allocates) (array length=size): where to write
 * @size: room in it, in bytes, at least 1
 * @out_n_read: (out): how many bytes came; 0: the peer has ended its side
 * @error: return location for a #GError
 *
 * Reads what the peer has sent, as much as there is room for: what the
 * connection holds already, or else what one take from the base brings. If
 * the handshake is not done, it is advanced.
 *
 * What does not fit stays inside, where epoll can't see it: ask
 * [method@Cbs.TlsConnection.is_readable].
 *
 * Returns: %G_POLLABLE_RETURN_OK; %G_POLLABLE_RETURN_WOULD_BLOCK if nothing
 *   whole came; %G_POLLABLE_RETURN_FAILED with a #GTlsError or #GIOErrorEnum.
 *   @out_n_read is left alone unless %G_POLLABLE_RETURN_OK is returned
 */
GPollableReturn
cbs_tls_connection_read (CbsTlsConnection *self,
                         void             *buffer,
                         gsize             size,
                         gsize            *out_n_read,
                         GError          **error)
{
  g_autoptr (GError) local_error = NULL;
  GPollableReturn result = G_POLLABLE_RETURN_OK;
  gsize n_read = 0;

  g_return_val_if_fail (CBS_IS_TLS_CONNECTION (self), G_POLLABLE_RETURN_FAILED);
  g_return_val_if_fail (buffer != NULL && size > 0, G_POLLABLE_RETURN_FAILED);
  g_return_val_if_fail (error == NULL || *error == NULL, G_POLLABLE_RETURN_FAILED);

  result = cbs_tls_connection_advance (self, error);
  if (result != G_POLLABLE_RETURN_OK)
    return result;

  if (!self->peer_ended)
    result = fill (self, buffer, size, &n_read, &local_error);
  if (result != G_POLLABLE_RETURN_FAILED && cbs_tls_transport_send (self, &local_error) == G_POLLABLE_RETURN_FAILED)
    result = G_POLLABLE_RETURN_FAILED;

  /* What came before a failure counts; the failure is kept for the next call. */
  if (n_read > 0 || result == G_POLLABLE_RETURN_OK)
    {
      *out_n_read = n_read;
      return G_POLLABLE_RETURN_OK;
    }
  if (local_error != NULL)
    g_propagate_error (error, g_steal_pointer (&local_error));
  return result;
}

/* Encrypts at most a turn's worth; 0 or an error code of GnuTLS. */
static int
encrypt (CbsTlsConnection *self,
         const guint8     *data,
         gsize             size,
         gsize            *out_n_taken)
{
  while (*out_n_taken < MIN (size, ENOUGH_OUTPUT) &&
         (self->output == NULL || self->output->len < ENOUGH_OUTPUT))
    {
      const gsize len = MIN (size - *out_n_taken, MAX_PLAINTEXT);
      const gssize ret = gnutls_record_send (self->session, data + *out_n_taken, len);

      if (ret < 0)
        return (int) ret;
      *out_n_taken += (gsize) ret;
    }

  return 0;
}

/**
 * cbs_tls_connection_write:
 * @self: a connection
 * @data: (array length=size): what to send
 * @size: its length, in bytes, at least 1
 * @out_n_written: (out): how many bytes were taken, from the first on
 * @error: return location for a #GError
 *
 * Encrypts and sends. If the handshake is not done, it is advanced.
 *
 * Bytes that were taken are the connection's to deliver: they may still wait
 * (see [method@Cbs.TlsConnection.wants_write]), and leave with the next write
 * or flush. While any wait nothing more is taken, so that no more than 64 KiB
 * of ciphertext are held. Up to 16384 bytes leave as one record.
 *
 * Returns: %G_POLLABLE_RETURN_OK if at least one byte was taken;
 *   %G_POLLABLE_RETURN_WOULD_BLOCK if none; %G_POLLABLE_RETURN_FAILED with a
 *   #GTlsError or #GIOErrorEnum. @out_n_written is left alone unless
 *   %G_POLLABLE_RETURN_OK is returned
 */
GPollableReturn
cbs_tls_connection_write (CbsTlsConnection *self,
                          const void       *data,
                          gsize             size,
                          gsize            *out_n_written,
                          GError          **error)
{
  GPollableReturn result = G_POLLABLE_RETURN_OK;
  gsize n_taken = 0;
  int ret = 0;

  g_return_val_if_fail (CBS_IS_TLS_CONNECTION (self), G_POLLABLE_RETURN_FAILED);
  g_return_val_if_fail (data != NULL && size > 0, G_POLLABLE_RETURN_FAILED);
  g_return_val_if_fail (error == NULL || *error == NULL, G_POLLABLE_RETURN_FAILED);

  result = cbs_tls_connection_advance (self, error);
  if (result == G_POLLABLE_RETURN_OK)
    result = cbs_tls_transport_send (self, error);
  if (result != G_POLLABLE_RETURN_OK)
    return result;
  if (self->bye_sent)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "The connection was closed for writing");
      return G_POLLABLE_RETURN_FAILED;
    }

  ret = encrypt (self, data, size, &n_taken);
  if (ret < 0)
    return cbs_tls_transport_fail_with_code (self, ret, error);
  if (cbs_tls_transport_send (self, error) == G_POLLABLE_RETURN_FAILED)
    return G_POLLABLE_RETURN_FAILED;

  *out_n_written = n_taken;
  return G_POLLABLE_RETURN_OK;
}

/**
 * cbs_tls_connection_flush:
 * @self: a connection
 * @error: return location for a #GError
 *
 * Sends what waits to be sent, once.
 *
 * Returns: %G_POLLABLE_RETURN_OK if nothing waits any more;
 *   %G_POLLABLE_RETURN_WOULD_BLOCK if the base did not take it all;
 *   %G_POLLABLE_RETURN_FAILED with a #GTlsError or #GIOErrorEnum
 */
GPollableReturn
cbs_tls_connection_flush (CbsTlsConnection *self,
                          GError          **error)
{
  g_return_val_if_fail (CBS_IS_TLS_CONNECTION (self), G_POLLABLE_RETURN_FAILED);
  g_return_val_if_fail (error == NULL || *error == NULL, G_POLLABLE_RETURN_FAILED);

  return self->failure != NULL ? cbs_tls_transport_report_failure (self, error) : cbs_tls_transport_send (self, error);
}

/**
 * cbs_tls_connection_bye:
 * @self: a connection
 * @error: return location for a #GError
 *
 * Ends our side: a close_notify leaves, once, behind what waits. Nothing can
 * be written any more; reading goes on. Without a handshake there is nothing
 * to end.
 *
 * Returns: %G_POLLABLE_RETURN_OK if all has left;
 *   %G_POLLABLE_RETURN_WOULD_BLOCK if it waits: call again, or flush;
 *   %G_POLLABLE_RETURN_FAILED with a #GTlsError or #GIOErrorEnum
 */
GPollableReturn
cbs_tls_connection_bye (CbsTlsConnection *self,
                        GError          **error)
{
  g_return_val_if_fail (CBS_IS_TLS_CONNECTION (self), G_POLLABLE_RETURN_FAILED);
  g_return_val_if_fail (error == NULL || *error == NULL, G_POLLABLE_RETURN_FAILED);

  if (self->failure != NULL)
    return cbs_tls_transport_report_failure (self, error);

  if (self->established && !self->bye_sent)
    {
      const int ret = gnutls_bye (self->session, GNUTLS_SHUT_WR);

      self->bye_sent = TRUE;
      if (ret < 0)
        return cbs_tls_transport_fail_with_code (self, ret, error);
    }
  return cbs_tls_transport_send (self, error);
}

/**
 * cbs_tls_connection_is_started:
 * @self: a connection
 *
 * Tells whether the peer has begun to speak TLS.
 *
 * Returns: whether its first byte came and is that of a handshake
 */
gboolean
cbs_tls_connection_is_started (CbsTlsConnection *self)
{
  g_return_val_if_fail (CBS_IS_TLS_CONNECTION (self), FALSE);

  return self->started;
}

/**
 * cbs_tls_connection_is_readable:
 * @self: a connection
 *
 * Tells whether a read would find something without the base: plain text, a
 * whole record, the end, or a failure. While it is so the base need not become
 * readable again.
 *
 * Returns: whether to read, without waiting for the base
 */
gboolean
cbs_tls_connection_is_readable (CbsTlsConnection *self)
{
  g_return_val_if_fail (CBS_IS_TLS_CONNECTION (self), FALSE);

  return self->failure != NULL || self->ended || self->peer_ended || cbs_tls_transport_measure_record (self) > 0 ||
         (self->session != NULL && gnutls_record_check_pending (self->session) > 0);
}

/**
 * cbs_tls_connection_wants_write:
 * @self: a connection
 *
 * Tells whether ciphertext waits to be sent.
 *
 * Returns: whether to flush when the base can be written to
 */
gboolean
cbs_tls_connection_wants_write (CbsTlsConnection *self)
{
  g_return_val_if_fail (CBS_IS_TLS_CONNECTION (self), FALSE);

  return self->output != NULL;
}

/**
 * cbs_tls_connection_get_peer_key_id:
 * @self: a connection
 *
 * Gets what identifies the key of the client's certificate: the SHA-256 of its
 * SubjectPublicKeyInfo. The client has proved that the key is its own; who
 * else vouches for the certificate plays no part in it.
 *
 * Returns: (transfer none) (nullable): 32 bytes; %NULL before the end of the
 *   handshake, or if the client showed no certificate
 */
GBytes *
cbs_tls_connection_get_peer_key_id (CbsTlsConnection *self)
{
  g_return_val_if_fail (CBS_IS_TLS_CONNECTION (self), NULL);

  return self->peer_key_id;
}
