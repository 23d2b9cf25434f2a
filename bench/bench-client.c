/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "bench/bench-client.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/bench-settings.h"

#define HEADER_LEN 4

#define PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM:-GROUP-ALL:+GROUP-X25519"

/* How a server accepts a login: nobody writes a space there. */
#define ACCEPTED "\"USERNAME_ACCEPTED\":true"

/* How a client asks for the ids of messages. */
#define IDS ",\"FEATURES\":[\"message-ids\"]"

/**
 * bench_wire_new:
 * @port: where the server accepts
 *
 * Makes what clients share.
 *
 * Returns: (transfer full): it
 */
BenchWire *
bench_wire_new (guint16 port)
{
  BenchWire *self = g_new0 (BenchWire, 1);

  self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  self->server.sin_family = AF_INET;
  self->server.sin_port = g_htons (port);
  self->server.sin_addr.s_addr = g_htonl (INADDR_LOOPBACK);
  if (self->epoll_fd < 0 ||
      gnutls_certificate_allocate_credentials (&self->credentials) < 0 ||
      gnutls_priority_init (&self->priority, PRIORITY, NULL) < 0)
    g_error ("GnuTLS or epoll does not work here");
  return self;
}

/**
 * bench_wire_free:
 * @self: (transfer full): what clients shared, all freed
 *
 * Frees it.
 */
void
bench_wire_free (BenchWire *self)
{
  gnutls_certificate_free_credentials (self->credentials);
  gnutls_priority_deinit (self->priority);
  close (self->epoll_fd);
  g_free (self);
}

static gboolean
fail (const BenchClient *self,
      const char        *what,
      const char        *why,
      GError           **error)
{
  g_set_error (error, BENCH_ERROR, BENCH_ERROR_FAILED, "Client %u, %s: %s", self->number, what, why);
  return FALSE;
}

/**
 * bench_connect:
 * @server: where to
 * @source: where from, in network byte order; INADDR_ANY: the system's choice
 * @error: return location for a #GError
 *
 * Begins to connect without waiting.
 *
 * Returns: a descriptor, or -1 with %BENCH_ERROR_FAILED
 */
int
bench_connect (const struct sockaddr_in *server,
               in_addr_t                 source,
               GError                  **error)
{
  const struct sockaddr_in local = { .sin_family = AF_INET, .sin_addr.s_addr = source };
  const int on = 1;
  const int fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  if (fd >= 0)
    {
      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      setsockopt (fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    }
  if (fd < 0 || bind (fd, (const struct sockaddr *) &local, sizeof local) != 0 ||
      (connect (fd, (const struct sockaddr *) server, sizeof *server) != 0 && errno != EINPROGRESS))
    {
      g_set_error (error, BENCH_ERROR, BENCH_ERROR_FAILED, "Can't connect: %s", g_strerror (errno));
      if (fd >= 0)
        close (fd);
      return -1;
    }

  return fd;
}

/* GnuTLS takes its input from memory: by itself it would ask the socket twice for each record. */
static ssize_t
pull (gnutls_transport_ptr_t transport,
      void                  *data,
      size_t                 size)
{
  BenchClient *self = transport;
  const gsize n = MIN (size, self->cipher_len);

  if (n == 0)
    {
      gnutls_transport_set_errno (self->session, EAGAIN);
      return -1;
    }

  memcpy (data, self->cipher, n);
  self->cipher += n;
  self->cipher_len -= n;
  return (ssize_t) n;
}

static gboolean
set_interest (BenchClient *self,
              int          operation,
              guint32      events,
              GError     **error)
{
  struct epoll_event event = { .events = events, .data.ptr = self };

  if (epoll_ctl (self->wire->epoll_fd, operation, self->fd, &event) == 0)
    return TRUE;

  return fail (self, "epoll", g_strerror (errno), error);
}

/**
 * bench_client_new:
 * @wire: what clients share; has to outlive the client
 * @number: its number: no other client of the server has it
 * @error: return location for a #GError
 *
 * Makes a client that connects and logs in as its events are handled.
 *
 * Returns: (transfer full): a client, or %NULL with %BENCH_ERROR_FAILED
 */
BenchClient *
bench_client_new (BenchWire *wire,
                  guint      number,
                  GError   **error)
{
  g_autoptr (BenchClient) self = g_new0 (BenchClient, 1);

  self->wire = wire;
  self->number = number;
  self->fd = bench_connect (&wire->server, INADDR_ANY, error);
  if (self->fd < 0 || !set_interest (self, EPOLL_CTL_ADD, EPOLLOUT, error))
    return NULL;

  if (gnutls_init (&self->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0)
    {
      fail (self, "TLS", "no session", error);
      return NULL;
    }
  gnutls_priority_set (self->session, wire->priority);
  gnutls_credentials_set (self->session, GNUTLS_CRD_CERTIFICATE, wire->credentials);
  gnutls_transport_set_ptr2 (self->session, self, GINT_TO_POINTER (self->fd));
  gnutls_transport_set_pull_function (self->session, pull);
  return g_steal_pointer (&self);
}

/**
 * bench_client_free:
 * @self: (transfer full): a client
 *
 * Closes its connection.
 */
void
bench_client_free (BenchClient *self)
{
  if (self->state == BENCH_CLIENT_ONLINE)
    self->wire->n_online--;
  if (self->session != NULL)
    gnutls_deinit (self->session);
  if (self->fd >= 0)
    close (self->fd);
  g_clear_pointer (&self->input, g_byte_array_unref);
  g_clear_pointer (&self->output, g_byte_array_unref);
  g_free (self);
}

static gboolean
is_fatal (gssize result)
{
  return result != GNUTLS_E_AGAIN && result != GNUTLS_E_INTERRUPTED &&
         gnutls_error_is_fatal ((int) result);
}

/* Writes what waits; FALSE if the connection broke. */
static gboolean
flush (BenchClient *self,
       GError     **error)
{
  while (self->output != NULL)
    {
      const gssize n = self->held
                       ? gnutls_record_send (self->session, NULL, 0)
                       : gnutls_record_send (self->session, self->output->data, self->output->len);

      self->held = n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED;
      if (self->held)
        return set_interest (self, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT, error);
      if (n < 0)
        return fail (self, "sending", gnutls_strerror ((int) n), error);

      g_byte_array_remove_range (self->output, 0, (guint) n);
      if (self->output->len == 0)
        g_clear_pointer (&self->output, g_byte_array_unref);
    }

  return TRUE;
}

/**
 * bench_client_send:
 * @self: a client whose handshake is done
 * @payload: (array length=len): a JSON object
 * @len: its length, in bytes
 * @error: return location for a #GError
 *
 * Sends one frame; what the socket does not take follows when it can.
 *
 * Returns: %TRUE, or %FALSE with %BENCH_ERROR_FAILED
 */
gboolean
bench_client_send (BenchClient *self,
                   const char  *payload,
                   gsize        len,
                   GError     **error)
{
  const guint32 prefix = GUINT32_TO_BE ((guint32) len);
  const gboolean waits = self->output != NULL;

  if (!waits)
    self->output = g_byte_array_sized_new ((guint) len + HEADER_LEN);
  g_byte_array_append (self->output, (const guint8 *) &prefix, HEADER_LEN);
  g_byte_array_append (self->output, (const guint8 *) payload, (guint) len);
  return waits || flush (self, error);
}

static gboolean
handle_frame (BenchClient *self,
              const char  *payload,
              gsize        len,
              GError     **error)
{
  g_autofree char *text = NULL;

  if (self->state == BENCH_CLIENT_ONLINE)
    {
      self->wire->frame (self, payload, len, self->wire->user_data);
      return TRUE;
    }
  if (memmem (payload, len, ACCEPTED, strlen (ACCEPTED)) != NULL)
    {
      self->state = BENCH_CLIENT_ONLINE;
      self->wire->n_online++;
      return TRUE;
    }

  text = g_strndup (payload, MIN (len, 200));
  return fail (self, "login", text, error);
}

/* Handles the whole frames of @data; returns the bytes that they took, or -1. */
static gssize
take_frames (BenchClient  *self,
             const guint8 *data,
             gsize         len,
             GError      **error)
{
  gsize done = 0;

  while (len - done >= HEADER_LEN)
    {
      guint32 prefix = 0;

      memcpy (&prefix, data + done, HEADER_LEN);
      prefix = GUINT32_FROM_BE (prefix);
      if (len - done - HEADER_LEN < prefix)
        break;
      if (!handle_frame (self, (const char *) data + done + HEADER_LEN, prefix, error))
        return -1;
      done += HEADER_LEN + prefix;
    }

  return (gssize) done;
}

static gboolean
take_plain (BenchClient  *self,
            const guint8 *data,
            gsize         len,
            GError      **error)
{
  gssize done = 0;

  if (self->input != NULL)
    {
      g_byte_array_append (self->input, data, (guint) len);
      data = self->input->data;
      len = self->input->len;
    }

  done = take_frames (self, data, len, error);
  if (done < 0)
    return FALSE;

  if (self->input == NULL && (gsize) done < len)
    {
      self->input = g_byte_array_new ();
      g_byte_array_append (self->input, data + done, (guint) (len - (gsize) done));
    }
  else if (self->input != NULL && (gsize) done < len)
    g_byte_array_remove_range (self->input, 0, (guint) done);
  else
    g_clear_pointer (&self->input, g_byte_array_unref);
  return TRUE;
}

/* Goes on with the handshake, and logs in at its end. */
static gboolean
shake_hands (BenchClient *self,
             GError     **error)
{
  g_autofree char *login = g_strdup_printf ("{\"USERNAME\":\"b%u\"%s}", self->number,
                                            self->wire->announces_ids ? IDS : "");
  int result = 0;

  do
    result = gnutls_handshake (self->session);
  while (result < 0 && !is_fatal (result) && self->cipher_len > 0);

  if (is_fatal (result))
    return fail (self, "handshake", gnutls_strerror (result), error);
  if (result < 0)
    return TRUE;

  self->state = BENCH_CLIENT_LOGIN;
  return bench_client_send (self, login, strlen (login), error);
}

/* Has GnuTLS take all that was read. */
static gboolean
decrypt (BenchClient *self,
         GError     **error)
{
  if (self->state == BENCH_CLIENT_HANDSHAKE && !shake_hands (self, error))
    return FALSE;

  while (self->state != BENCH_CLIENT_HANDSHAKE)
    {
      const gssize n = gnutls_record_recv (self->session, self->wire->plain, BENCH_RECORD_SIZE);

      if (n == 0)
        return fail (self, "receiving", "the server has closed", error);
      if (is_fatal (n))
        return fail (self, "receiving", gnutls_strerror ((int) n), error);
      /* A session ticket says “again” too, with more behind it. */
      if (n < 0 && self->cipher_len == 0)
        break;
      self->wire->n_records += n > 0;
      if (n > 0 && !take_plain (self, self->wire->plain, (gsize) n, error))
        return FALSE;
    }

  return TRUE;
}

static gboolean
receive (BenchClient *self,
         GError     **error)
{
  const gssize n = recv (self->fd, self->wire->cipher, BENCH_READ_SIZE, 0);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return TRUE;
  if (n <= 0)
    return fail (self, "receiving", n < 0 ? g_strerror (errno) : "the connection has ended", error);

  self->cipher = self->wire->cipher;
  self->cipher_len = (gsize) n;
  return decrypt (self, error);
}

static gboolean
begin (BenchClient *self,
       GError     **error)
{
  int problem = 0;
  socklen_t size = sizeof problem;

  getsockopt (self->fd, SOL_SOCKET, SO_ERROR, &problem, &size);
  if (problem != 0)
    return fail (self, "connecting", g_strerror (problem), error);

  self->state = BENCH_CLIENT_HANDSHAKE;
  return set_interest (self, EPOLL_CTL_MOD, EPOLLIN, error) && shake_hands (self, error);
}

/**
 * bench_client_handle:
 * @self: a client
 * @events: what epoll tells of it
 * @error: return location for a #GError
 *
 * Does what can be done now.
 *
 * Returns: %TRUE; %FALSE with %BENCH_ERROR_FAILED if its conversation has ended
 */
gboolean
bench_client_handle (BenchClient *self,
                     guint32      events,
                     GError     **error)
{
  if (self->state == BENCH_CLIENT_CONNECTING)
    return begin (self, error);

  if ((events & EPOLLOUT) != 0 &&
      (!set_interest (self, EPOLL_CTL_MOD, EPOLLIN, error) || !flush (self, error)))
    return FALSE;

  return (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0 || receive (self, error);
}

/**
 * bench_client_stop_reading:
 * @self: a client that is logged in
 *
 * Takes nothing from the socket any more.
 */
void
bench_client_stop_reading (BenchClient *self)
{
  const int size = 4096;

  /* The kernel would take a good part of what is sent in the client's place. */
  setsockopt (self->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  epoll_ctl (self->wire->epoll_fd, EPOLL_CTL_DEL, self->fd, NULL);
}
