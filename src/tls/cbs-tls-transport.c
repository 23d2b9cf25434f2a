/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "tls/cbs-tls-private.h"

#include <errno.h>
#include <sys/socket.h>

/* The content types of records, and the lengths of a record's header and of what follows it at
 * most: RFC 5246, 6.2. */
#define CONTENT_FIRST 20
#define CONTENT_HANDSHAKE 22
#define CONTENT_LAST 24
#define HEADER_LEN 5
#define MAX_CIPHERTEXT (16384u + 2048)

/* Ciphertext that is taken from the base at a time. */
#define RECEIVE_SIZE (32u * 1024)

/* Ciphertext that may wait in any case. Only a peer that makes GnuTLS answer, and never reads,
 * gets that far. */
#define MAX_OUTPUT (128u * 1024)

/* Ciphertext that may yield no plain text. GnuTLS collects the messages of TLS's own protocol in
 * memory, and believes lengths of up to 16 MiB; no honest peer comes near this. */
#define MAX_BARREN (64u * 1024)

/* Makes @reason, of which it takes ownership, the end of the connection: whatever is asked of it
 * from now on fails for the same reason. */
GPollableReturn
cbs_tls_transport_fail (CbsTlsConnection *self,
                        GError           *reason,
                        GError          **error)
{
  if (self->failure == NULL)
    self->failure = reason;
  else
    g_error_free (reason);

  self->record_left = 0;
  g_clear_pointer (&self->input, g_byte_array_unref);
  g_clear_pointer (&self->output, g_byte_array_unref);
  g_propagate_error (error, g_error_copy (self->failure));
  return G_POLLABLE_RETURN_FAILED;
}

/* Fails for the reason for which the connection has failed before. */
GPollableReturn
cbs_tls_transport_report_failure (CbsTlsConnection *self,
                                  GError          **error)
{
  g_propagate_error (error, g_error_copy (self->failure));
  return G_POLLABLE_RETURN_FAILED;
}

/* Gets what the base is read from when it is no socket, or to wait for it. */
GPollableInputStream *
cbs_tls_transport_get_input (CbsTlsConnection *self)
{
  return G_POLLABLE_INPUT_STREAM (g_io_stream_get_input_stream (self->base));
}

/* Gets what the base is written to when it is no socket, or to wait for it. */
GPollableOutputStream *
cbs_tls_transport_get_output (CbsTlsConnection *self)
{
  return G_POLLABLE_OUTPUT_STREAM (g_io_stream_get_output_stream (self->base));
}

static gsize
get_input_len (CbsTlsConnection *self)
{
  return self->input != NULL ? self->input->len - self->input_start : 0;
}

/* Tells how much GnuTLS may take: nothing before a record is whole, because it would set 16 KiB
 * aside for the part that came. What can't be a record is all for GnuTLS, to refuse it. */
gsize
cbs_tls_transport_measure_record (CbsTlsConnection *self)
{
  const gsize len = get_input_len (self);
  const guint8 *header = NULL;
  gsize record_len = 0;

  if (self->record_left > 0 || len < HEADER_LEN)
    return self->record_left;

  header = self->input->data + self->input_start;
  record_len = (gsize) header[3] << 8 | header[4];
  if (header[0] < CONTENT_FIRST || header[0] > CONTENT_LAST || record_len > MAX_CIPHERTEXT)
    return len;
  return len >= HEADER_LEN + record_len ? HEADER_LEN + record_len : 0;
}

/* Tells whether too much has come that was of no use to us. */
gboolean
cbs_tls_transport_is_barren (CbsTlsConnection *self)
{
  return self->n_barren > MAX_BARREN;
}

static ssize_t
pull_cb (gnutls_transport_ptr_t user_data,
         void                  *buffer,
         size_t                 size)
{
  CbsTlsConnection *self = user_data;

  self->record_left = cbs_tls_transport_measure_record (self);
  if (self->record_left == 0)
    {
      /* Told of the end, GnuTLS would not let us send any more, and the peer may still read. */
      if (self->ended && !self->established)
        return 0;
      gnutls_transport_set_errno (self->session, EAGAIN);
      return -1;
    }

  size = MIN (size, self->record_left);
  memcpy (buffer, self->input->data + self->input_start, size);
  self->record_left -= size;
  self->n_barren += size;
  self->input_start += size;
  if (self->input_start == self->input->len)
    g_clear_pointer (&self->input, g_byte_array_unref);
  return (ssize_t) size;
}

static int
pull_timeout_cb (gnutls_transport_ptr_t user_data,
                 unsigned int           timeout_ms)
{
  CbsTlsConnection *self = user_data;

  return cbs_tls_transport_measure_record (self) > 0 || self->ended ? 1 : 0;
}

static void
set_error_from_errno (GError    **error,
                      int         number,
                      const char *what)
{
  g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (number), "%s: %s", what, g_strerror (number));
}

/* Like recv(); @error is left alone if there is just nothing now. */
static gssize
receive_bytes (CbsTlsConnection *self,
               guint8           *buffer,
               GError          **error)
{
  g_autoptr (GError) local_error = NULL;
  gssize n_read = -1;

  if (self->socket != NULL)
    {
      do
        n_read = recv (g_socket_get_fd (self->socket), buffer, RECEIVE_SIZE, MSG_DONTWAIT);
      while (n_read < 0 && errno == EINTR);

      if (n_read < 0 && errno != EAGAIN)
        set_error_from_errno (error, errno, "Nothing can be received");
      return n_read;
    }

  n_read = g_pollable_input_stream_read_nonblocking (cbs_tls_transport_get_input (self),
                                                     buffer, RECEIVE_SIZE, NULL, &local_error);
  if (n_read < 0 && !g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    g_propagate_error (error, g_steal_pointer (&local_error));
  return n_read;
}

/* Like send(); @error is left alone if nothing is taken now. */
static gssize
send_bytes (CbsTlsConnection *self,
            const guint8     *data,
            gsize             len,
            GError          **error)
{
  g_autoptr (GError) local_error = NULL;
  gssize n_written = -1;

  if (self->socket != NULL)
    {
      do
        n_written = send (g_socket_get_fd (self->socket), data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
      while (n_written < 0 && errno == EINTR);

      if (n_written < 0 && errno != EAGAIN)
        set_error_from_errno (error, errno, "Nothing can be sent");
      return n_written;
    }

  n_written = g_pollable_output_stream_write_nonblocking (cbs_tls_transport_get_output (self),
                                                          data, len, NULL, &local_error);
  if (n_written < 0 && !g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    g_propagate_error (error, g_steal_pointer (&local_error));
  return n_written;
}

/* A record that nothing waits before leaves at once, as far as the socket takes it: the number of
 * bytes that left. An error shows when the rest is sent. */
static gsize
push_at_once (CbsTlsConnection *self,
              const void       *data,
              gsize             size)
{
  gssize n_written = 0;

  /* The flights of a handshake leave in one go. */
  if (!self->established || self->socket == NULL || self->output != NULL)
    return 0;

  n_written = send (g_socket_get_fd (self->socket), data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  return n_written > 0 ? (gsize) n_written : 0;
}

/* Never returns EAGAIN: GnuTLS would want the same data again, and nobody could tell how much of
 * it was taken. */
static ssize_t
push_cb (gnutls_transport_ptr_t user_data,
         const void            *data,
         size_t                 size)
{
  CbsTlsConnection *self = user_data;
  const gsize n_gone = push_at_once (self, data, size);

  if (n_gone == size)
    return (ssize_t) size;
  if (self->output == NULL)
    {
      self->output = g_byte_array_new ();
      self->output_start = 0;
    }
  if (self->output->len + size - n_gone > MAX_OUTPUT)
    {
      gnutls_transport_set_errno (self->session, ENOBUFS);
      return -1;
    }

  g_byte_array_append (self->output, (const guint8 *) data + n_gone, (guint) (size - n_gone));
  return (ssize_t) size;
}

/* Makes a new session take from and add to the buffers. */
void
cbs_tls_transport_set_up (CbsTlsConnection *self)
{
  gnutls_transport_set_ptr (self->session, self);
  gnutls_transport_set_push_function (self->session, push_cb);
  gnutls_transport_set_pull_function (self->session, pull_cb);
  gnutls_transport_set_pull_timeout_function (self->session, pull_timeout_cb);
}

/* Adds what was received; 0 bytes are the end. */
static GPollableReturn
add_input (CbsTlsConnection *self,
           const guint8     *data,
           gsize             len,
           GError          **error)
{
  if (len == 0)
    {
      self->ended = TRUE;
      return G_POLLABLE_RETURN_OK;
    }
  if (!self->started && data[0] != CONTENT_HANDSHAKE)
    return cbs_tls_transport_fail (self, g_error_new (G_TLS_ERROR, G_TLS_ERROR_NOT_TLS,
                                                      "The peer does not speak TLS: its first byte is 0x%02x", data[0]),
                                   error);

  self->started = TRUE;
  if (self->input == NULL)
    self->input = g_byte_array_new ();
  else if (self->input_start > 0)
    g_byte_array_remove_range (self->input, 0, (guint) self->input_start);
  self->input_start = 0;
  g_byte_array_append (self->input, data, (guint) len);
  return G_POLLABLE_RETURN_OK;
}

/* Takes from the base what it holds now; OK as well when there is nothing more to come. */
GPollableReturn
cbs_tls_transport_receive (CbsTlsConnection *self,
                           GError          **error)
{
  guint8 buffer[RECEIVE_SIZE];
  GError *reason = NULL;
  gssize n_read = 0;

  if (self->ended)
    return G_POLLABLE_RETURN_OK;

  n_read = receive_bytes (self, buffer, &reason);
  if (reason != NULL)
    return cbs_tls_transport_fail (self, reason, error);
  if (n_read < 0)
    return G_POLLABLE_RETURN_WOULD_BLOCK;
  return add_input (self, buffer, (gsize) n_read, error);
}

static void
skip_output (CbsTlsConnection *self,
             gsize             len)
{
  self->output_start += len;
  if (self->output_start == self->output->len)
    g_clear_pointer (&self->output, g_byte_array_unref);
}

/* Sends what waits, as far as it is taken in one go. A failure ends the connection at once: the
 * socket has told of its error now, and will not tell the next receive() again. */
GPollableReturn
cbs_tls_transport_send (CbsTlsConnection *self,
                        GError          **error)
{
  GError *reason = NULL;
  gssize n_written = 0;

  if (self->output == NULL)
    return G_POLLABLE_RETURN_OK;

  n_written = send_bytes (self, self->output->data + self->output_start,
                          self->output->len - self->output_start, &reason);
  if (reason != NULL)
    return cbs_tls_transport_fail (self, reason, error);
  if (n_written > 0)
    skip_output (self, (gsize) n_written);
  return self->output == NULL ? G_POLLABLE_RETURN_OK : G_POLLABLE_RETURN_WOULD_BLOCK;
}

static GError *
describe_failure (CbsTlsConnection *self,
                  int               code)
{
  const char *stage = self->established ? "The TLS connection broke" : "The TLS handshake failed";

  switch (code)
    {
    case GNUTLS_E_PREMATURE_TERMINATION:
      return g_error_new (G_TLS_ERROR, G_TLS_ERROR_EOF, "%s: The peer closed the connection", stage);
    case GNUTLS_E_FATAL_ALERT_RECEIVED:
      return g_error_new (G_TLS_ERROR, G_TLS_ERROR_MISC, "%s: The peer sent the alert “%s”", stage,
                          gnutls_alert_get_name (gnutls_alert_get (self->session)));
    case GNUTLS_E_NO_CERTIFICATE_FOUND:
    case GNUTLS_E_CERTIFICATE_REQUIRED:
      return g_error_new (G_TLS_ERROR, G_TLS_ERROR_CERTIFICATE_REQUIRED,
                          "%s: The peer showed no certificate", stage);
    case GNUTLS_E_CERTIFICATE_ERROR:
      return g_error_new (G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE,
                          "%s: The peer's certificate is not accepted", stage);
    case GNUTLS_E_REHANDSHAKE:
      return g_error_new (G_TLS_ERROR, G_TLS_ERROR_MISC, "%s: The peer asked for a renegotiation", stage);
    case GNUTLS_E_INAPPROPRIATE_FALLBACK:
      return g_error_new (G_TLS_ERROR, G_TLS_ERROR_INAPPROPRIATE_FALLBACK, "%s: %s", stage,
                          gnutls_strerror (code));
    default:
      return g_error_new (G_TLS_ERROR, G_TLS_ERROR_MISC, "%s: %s", stage, gnutls_strerror (code));
    }
}

/* Ends the connection with an error of GnuTLS, and tries once to tell the peer. */
GPollableReturn
cbs_tls_transport_fail_with_code (CbsTlsConnection *self,
                                  int               code,
                                  GError          **error)
{
  GError *reason = describe_failure (self, code);

  if (self->session != NULL && code != GNUTLS_E_PREMATURE_TERMINATION)
    gnutls_alert_send_appropriate (self->session, code);
  if (self->output != NULL)
    send_bytes (self, self->output->data + self->output_start,
                self->output->len - self->output_start, NULL);
  return cbs_tls_transport_fail (self, reason, error);
}

/* Ends an attempt that did not work out; if it was only given up, the connection lives on. */
static gboolean
give_up (CbsTlsConnection *self,
         GError           *reason,
         GError          **error)
{
  if (g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
      g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    g_propagate_error (error, reason);
  else
    cbs_tls_transport_fail (self, reason, error);
  return FALSE;
}

/* Sends all that waits, however long it takes: for callers that asked to be blocked. */
gboolean
cbs_tls_transport_drain (CbsTlsConnection *self,
                         GCancellable     *cancellable,
                         GError          **error)
{
  if (self->failure != NULL)
    return cbs_tls_transport_report_failure (self, error) == G_POLLABLE_RETURN_OK;

  while (self->output != NULL)
    {
      GError *reason = NULL;
      const gssize n_written = g_output_stream_write (g_io_stream_get_output_stream (self->base),
                                                      self->output->data + self->output_start,
                                                      self->output->len - self->output_start,
                                                      cancellable, &reason);

      if (n_written < 0)
        return give_up (self, reason, error);
      skip_output (self, (gsize) n_written);
    }

  return TRUE;
}

/* Waits until the base has brought something: for callers that asked to be blocked. */
gboolean
cbs_tls_transport_wait (CbsTlsConnection *self,
                        GCancellable     *cancellable,
                        GError          **error)
{
  guint8 buffer[RECEIVE_SIZE];
  GError *reason = NULL;
  gssize n_read = 0;

  /* The peer may wait for us. */
  if (!cbs_tls_transport_drain (self, cancellable, error))
    return FALSE;

  n_read = g_input_stream_read (g_io_stream_get_input_stream (self->base), buffer, sizeof buffer,
                                cancellable, &reason);
  if (n_read < 0)
    return give_up (self, reason, error);
  return add_input (self, buffer, (gsize) n_read, error) == G_POLLABLE_RETURN_OK;
}
