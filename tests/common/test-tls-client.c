/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "common/test-tls-client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "common/test-wait.h"

struct _TestTlsClient
{
  GSocketConnection               *connection;
  gnutls_session_t                 session;
  gnutls_certificate_credentials_t credentials;
  guint                            n_tickets;
};

static void
check (int ret)
{
  if (ret < 0)
    g_error ("GnuTLS: %s", gnutls_strerror (ret));
}

static int
count_ticket_cb (gnutls_session_t      session,
                 unsigned int          type,
                 unsigned int          when,
                 unsigned int          incoming,
                 const gnutls_datum_t *message)
{
  TestTlsClient *self = gnutls_session_get_ptr (session);

  self->n_tickets++;
  return 0;
}

static ssize_t
push_cb (gnutls_transport_ptr_t fd,
         const void            *data,
         size_t                 len)
{
  return send (GPOINTER_TO_INT (fd), data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t
pull_cb (gnutls_transport_ptr_t fd,
         void                  *buffer,
         size_t                 size)
{
  return recv (GPOINTER_TO_INT (fd), buffer, size, MSG_DONTWAIT);
}

/* Says nothing yet. */
TestTlsClient *
test_tls_client_new (GSocketConnection *connection,
                     const char        *priorities)
{
  TestTlsClient *self = g_new0 (TestTlsClient, 1);
  const int fd = g_socket_get_fd (g_socket_connection_get_socket (connection));

  self->connection = g_object_ref (connection);
  check (gnutls_certificate_allocate_credentials (&self->credentials));
  check (gnutls_init (&self->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK));
  check (gnutls_priority_set_direct (self->session, priorities, NULL));
  check (gnutls_credentials_set (self->session, GNUTLS_CRD_CERTIFICATE, self->credentials));
  gnutls_session_set_ptr (self->session, self);
  gnutls_handshake_set_hook_function (self->session, GNUTLS_HANDSHAKE_NEW_SESSION_TICKET,
                                      GNUTLS_HOOK_POST, count_ticket_cb);
  gnutls_transport_set_ptr (self->session, GINT_TO_POINTER (fd));
  gnutls_transport_set_push_function (self->session, push_cb);
  gnutls_transport_set_pull_function (self->session, pull_cb);
  return self;
}

/* Drops the connection without a word. */
void
test_tls_client_free (TestTlsClient *self)
{
  gnutls_deinit (self->session);
  gnutls_certificate_free_credentials (self->credentials);
  g_object_unref (self->connection);
  g_free (self);
}

/* Before the handshake. */
void
test_tls_client_show_certificate (TestTlsClient   *self,
                                  const TestCerts *certs)
{
  check (gnutls_certificate_set_x509_key_file (self->credentials, certs->client_cert, certs->client_key,
                                               GNUTLS_X509_FMT_PEM));
}

gnutls_session_t
test_tls_client_get_session (TestTlsClient *self)
{
  return self->session;
}

/* How many tickets have come; those that came after the handshake count when something was received. */
guint
test_tls_client_get_n_tickets (TestTlsClient *self)
{
  return self->n_tickets;
}

static gboolean
socket_ready_cb (GSocket     *socket,
                 GIOCondition condition,
                 gpointer     user_data)
{
  gpointer *ready = user_data;

  *ready = socket;
  return G_SOURCE_REMOVE;
}

static gboolean
is_set (gpointer data)
{
  return *(gpointer *) data != NULL;
}

/* Waits for what GnuTLS waits for. */
static void
wait_for_socket (TestTlsClient *self)
{
  const GIOCondition condition = gnutls_record_get_direction (self->session) ? G_IO_OUT : G_IO_IN;
  GSocket *socket = g_socket_connection_get_socket (self->connection);
  g_autoptr (GSource) source = g_socket_create_source (socket, condition, NULL);
  gpointer ready = NULL;

  g_source_set_callback (source, G_SOURCE_FUNC (socket_ready_cb), &ready, NULL);
  g_source_attach (source, NULL);
  test_wait_until (is_set, &ready, "the client's socket");
  g_source_destroy (source);
}

/* Whether to go on after a call of GnuTLS that returned @ret; waits before it says so. */
static gboolean
try_again (TestTlsClient *self,
           gssize         ret)
{
  if (ret >= 0 || gnutls_error_is_fatal ((int) ret))
    return FALSE;
  if (ret == GNUTLS_E_WARNING_ALERT_RECEIVED)
    return gnutls_alert_get (self->session) != GNUTLS_A_NO_RENEGOTIATION;
  if (ret == GNUTLS_E_AGAIN)
    wait_for_socket (self);
  return TRUE;
}

/* Shakes hands, again if it was done before; 0 or an error code of GnuTLS. */
int
test_tls_client_handshake (TestTlsClient *self)
{
  int ret = 0;

  do
    ret = gnutls_handshake (self->session);
  while (try_again (self, ret));
  return ret;
}

/* Sends all of @data; 0 or an error code of GnuTLS. */
int
test_tls_client_send (TestTlsClient *self,
                      const void    *data,
                      gsize          len)
{
  const guint8 *rest = data;

  while (len > 0)
    {
      gssize ret = 0;

      do
        ret = gnutls_record_send (self->session, rest, len);
      while (try_again (self, ret));
      if (ret < 0)
        return (int) ret;
      rest += ret;
      len -= (gsize) ret;
    }

  return 0;
}

/* Receives @len bytes, or fewer if the server ends its side before; or an error code of GnuTLS. */
gssize
test_tls_client_receive (TestTlsClient *self,
                         void          *buffer,
                         gsize          len)
{
  gsize n_received = 0;

  while (n_received < len)
    {
      gssize ret = 0;

      do
        ret = gnutls_record_recv (self->session, (guint8 *) buffer + n_received, len - n_received);
      while (try_again (self, ret));
      if (ret < 0)
        return ret;
      if (ret == 0)
        break;
      n_received += (gsize) ret;
    }

  return (gssize) n_received;
}

/* Changes the keys of both directions, under TLS 1.3; 0 or an error code of GnuTLS. */
int
test_tls_client_update_keys (TestTlsClient *self)
{
  int ret = 0;

  do
    ret = gnutls_session_key_update (self->session, GNUTLS_KU_PEER);
  while (try_again (self, ret));
  return ret;
}

/* Ends the client's side; the server may go on. */
void
test_tls_client_bye (TestTlsClient *self)
{
  int ret = 0;

  do
    ret = gnutls_bye (self->session, GNUTLS_SHUT_WR);
  while (try_again (self, ret));
  check (ret);
}

/* Keeps what another client can resume with; with TLS 1.3 a ticket has to have come. */
GBytes *
test_tls_client_save_session (TestTlsClient *self)
{
  gnutls_datum_t session = { 0 };
  GBytes *bytes = NULL;

  check (gnutls_session_get_data2 (self->session, &session));
  bytes = g_bytes_new (session.data, session.size);
  gnutls_free (session.data);
  return bytes;
}

/* Before the handshake: asks for the session that another client has had. */
void
test_tls_client_resume (TestTlsClient *self,
                        GBytes        *session)
{
  check (gnutls_session_set_data (self->session, g_bytes_get_data (session, NULL),
                                  g_bytes_get_size (session)));
}

static ssize_t
collect_cb (gnutls_transport_ptr_t user_data,
            const void            *data,
            size_t                 len)
{
  g_byte_array_append (user_data, data, (guint) len);
  return (ssize_t) len;
}

static ssize_t
nothing_cb (gnutls_transport_ptr_t user_data,
            void                  *buffer,
            size_t                 size)
{
  errno = EAGAIN;
  return -1;
}

/* Makes the first flight of a client: a whole ClientHello. */
GBytes *
test_tls_make_hello (void)
{
  GByteArray *hello = g_byte_array_new ();
  gnutls_certificate_credentials_t credentials = NULL;
  gnutls_session_t session = NULL;

  check (gnutls_certificate_allocate_credentials (&credentials));
  check (gnutls_init (&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK));
  check (gnutls_set_default_priority (session));
  check (gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE, credentials));
  gnutls_transport_set_ptr (session, hello);
  gnutls_transport_set_push_function (session, collect_cb);
  gnutls_transport_set_pull_function (session, nothing_cb);
  g_assert_cmpint (gnutls_handshake (session), ==, GNUTLS_E_AGAIN);
  gnutls_deinit (session);
  gnutls_certificate_free_credentials (credentials);
  return g_byte_array_free_to_bytes (hello);
}

/* Fails unless both are the same. */
void
test_tls_assert_same (gconstpointer a,
                      gsize         a_len,
                      gconstpointer b,
                      gsize         b_len)
{
  g_assert_cmpuint (a_len, ==, b_len);
  g_assert_true (memcmp (a, b, b_len) == 0);
}

static GSocket *
new_socket (void)
{
  g_autoptr (GError) error = NULL;
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);

  g_assert_no_error (error);
  return socket;
}

static GSocketConnection *
wrap (GSocket *socket)
{
  g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
  return g_socket_connection_factory_create_connection (socket);
}

/* Makes both ends of a TCP connection over the loopback. */
void
test_tls_connect_pair (GSocketConnection **out_client,
                       GSocketConnection **out_server)
{
  g_autoptr (GSocket) listener = new_socket ();
  g_autoptr (GSocket) client = new_socket ();
  g_autoptr (GSocket) server = NULL;
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GError) error = NULL;

  g_socket_bind (listener, any, FALSE, &error);
  g_assert_no_error (error);
  g_socket_listen (listener, &error);
  g_assert_no_error (error);
  address = g_socket_get_local_address (listener, &error);
  g_assert_no_error (error);
  g_socket_connect (client, address, NULL, &error);
  g_assert_no_error (error);
  server = g_socket_accept (listener, NULL, &error);
  g_assert_no_error (error);

  *out_client = wrap (client);
  *out_server = wrap (server);
}

static GSocketConnection *
wrap_fd (int fd)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, &error);

  g_assert_no_error (error);
  return g_socket_connection_factory_create_connection (socket);
}

/* Makes both ends of a connection that is full when it says so. TCP finds some more room after
 * that, for seconds. */
void
test_tls_connect_local_pair (GSocketConnection **out_client,
                             GSocketConnection **out_server)
{
  int fds[2] = { -1, -1 };

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  *out_client = wrap_fd (fds[0]);
  *out_server = wrap_fd (fds[1]);
}

/* Breaks a connection off: the other end gets a reset. */
void
test_tls_reset (GSocketConnection *connection)
{
  const struct linger linger = { .l_onoff = 1, .l_linger = 0 };
  GSocket *socket = g_socket_connection_get_socket (connection);

  g_assert_no_errno (setsockopt (g_socket_get_fd (socket), SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
  g_socket_close (socket, NULL);
}
