/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "common/test-listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "common/test-wait.h"

struct _TestListener
{
  GSocketListener *listener;
  GSocket         *socket;
  GTlsCertificate *certificate;
  guint16          port;
  char            *address;
};

/* Whether this machine has the address @host. */
gboolean
test_listener_can_bind (const char *host)
{
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new_from_string (host, 0);

  return g_socket_listener_add_address (listener, address, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP,
                                        NULL, NULL, NULL);
}

/* Accepts on @host, a numeric address; shows @cert to who connects. */
TestListener *
test_listener_new (const char *host,
                   const char *cert,
                   const char *key)
{
  TestListener *self = g_new0 (TestListener, 1);
  g_autoptr (GSocketAddress) wanted = g_inet_socket_address_new_from_string (host, 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GError) error = NULL;

  self->certificate = g_tls_certificate_new_from_files (cert, key, &error);
  g_assert_no_error (error);
  self->socket = g_socket_new (g_socket_address_get_family (wanted), G_SOCKET_TYPE_STREAM,
                               G_SOCKET_PROTOCOL_TCP, &error);
  g_assert_no_error (error);
  g_socket_bind (self->socket, wanted, TRUE, &error);
  g_assert_no_error (error);
  g_socket_listen (self->socket, &error);
  g_assert_no_error (error);
  bound = g_socket_get_local_address (self->socket, &error);
  g_assert_no_error (error);

  self->listener = g_socket_listener_new ();
  g_socket_listener_add_socket (self->listener, self->socket, NULL, &error);
  g_assert_no_error (error);
  self->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
  self->address = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (bound));
  return self;
}

/* Connections that are made from now on stall soon if the test does not read. */
void
test_listener_set_small_buffers (TestListener *self)
{
  g_autoptr (GError) error = NULL;

  g_socket_set_option (self->socket, SOL_SOCKET, SO_RCVBUF, 4096, &error);
  g_assert_no_error (error);
}

/* Accepts no more; connections live on. */
void
test_listener_free (TestListener *self)
{
  g_socket_listener_close (self->listener);
  g_object_unref (self->listener);
  g_object_unref (self->socket);
  g_object_unref (self->certificate);
  g_free (self->address);
  g_free (self);
}

guint16
test_listener_get_port (TestListener *self)
{
  return self->port;
}

/* Gets where it accepts: `127.0.0.1:PORT`, `[::1]:PORT`. */
const char *
test_listener_get_address (TestListener *self)
{
  return self->address;
}

/* Waits for who connects next, and says nothing. */
GIOStream *
test_listener_accept_socket (TestListener *self)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  GSocketConnection *connection = NULL;

  g_socket_listener_accept_async (self->listener, NULL, test_wait_store_cb, &result);
  test_wait_for (&result, "accept");
  connection = g_socket_listener_accept_finish (self->listener, result, NULL, &error);
  g_assert_no_error (error);
  g_socket_set_option (g_socket_connection_get_socket (connection), IPPROTO_TCP, TCP_NODELAY, 1, NULL);
  return G_IO_STREAM (connection);
}

/* Waits for who connects next, and sets up TLS; NULL with @error if the other end refuses that. */
GIOStream *
test_listener_accept_tls (TestListener *self,
                          GError      **error)
{
  g_autoptr (GIOStream) connection = test_listener_accept_socket (self);
  g_autoptr (GIOStream) tls = NULL;
  g_autoptr (GAsyncResult) result = NULL;

  /* It would load all of the system's authorities, for clients that show no certificate. */
  tls = g_initable_new (g_tls_backend_get_server_connection_type (g_tls_backend_get_default ()), NULL, error,
                        "base-io-stream", connection, "certificate", self->certificate, "database", NULL, NULL);
  g_assert_nonnull (tls);
  g_tls_connection_set_require_close_notify (G_TLS_CONNECTION (tls), FALSE);
  g_tls_connection_handshake_async (G_TLS_CONNECTION (tls), G_PRIORITY_DEFAULT, NULL,
                                    test_wait_store_cb, &result);
  test_wait_for (&result, "accept TLS");
  if (!g_tls_connection_handshake_finish (G_TLS_CONNECTION (tls), result, error))
    return NULL;
  return g_steal_pointer (&tls);
}

/* Waits for who connects next; TLS must succeed. */
TestPeer *
test_listener_accept (TestListener *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GIOStream) tls = test_listener_accept_tls (self, &error);

  g_assert_no_error (error);
  return test_peer_new (tls);
}

/* Waits for who connects and asks for a name, and answers that. */
TestPeer *
test_listener_accept_login (TestListener *self,
                            const char   *answer)
{
  TestPeer *peer = test_listener_accept (self);
  g_autoptr (JsonObject) login = test_peer_receive (peer);

  g_assert_true (json_object_has_member (login, "USERNAME"));
  test_peer_send (peer, answer);
  return peer;
}
