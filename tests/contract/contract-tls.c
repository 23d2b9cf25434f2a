/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <gnutls/gnutls.h>

#include "common/test-certs.h"
#include "common/test-tls-client.h"
#include "common/test-wait.h"
#include "tls/cbs-tls-connection.h"

#define LARGE (4u * 1024 * 1024)

/* What both servers promise, ours and that of the platform. The client is the platform's, or
 * GnuTLS itself where it has to do what the platform's does not. */
typedef struct
{
  const char *name;
  GIOStream *(*new_server)(GIOStream  *base,
                           const char *cert,
                           const char *key);
  guint       n_resets; /* of connections in their handshake */
} Implementation;

static const Implementation *implementation;

typedef struct
{
  TestCerts         *certs;
  GSocketConnection *client; /* the client's end, before TLS */
  GSocketConnection *base;   /* the server's */
} Fixture;

/* A server that says what it is told: it shakes hands, then sends back what comes until the client
 * ends its side, then closes. */
typedef struct
{
  GIOStream    *tls;
  GCancellable *cancellable;
  guint8        buffer[64 * 1024];
  gsize         n_read;
  GError       *error;
  gboolean      established;
  gboolean      ended;
} Echo;

static GIOStream *
new_chatterbox_server (GIOStream  *base,
                       const char *cert,
                       const char *key)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CbsTlsCredentials) credentials = cbs_tls_credentials_new_from_files (cert, key, &error);

  g_assert_no_error (error);
  return G_IO_STREAM (cbs_tls_connection_new (base, credentials));
}

static GIOStream *
new_platform_server (GIOStream  *base,
                     const char *cert,
                     const char *key)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GTlsCertificate) certificate = g_tls_certificate_new_from_files (cert, key, &error);
  GIOStream *server = NULL;

  g_assert_no_error (error);
  server = g_initable_new (g_tls_backend_get_server_connection_type (g_tls_backend_get_default ()), NULL, &error,
                           "base-io-stream", base,
                           "certificate", certificate,
                           /* Else each connection would load the system's authorities. */
                           "database", NULL,
                           "require-close-notify", FALSE,
                           NULL);
  g_assert_no_error (error);
  return server;
}

static const Implementation implementations[] = {
  { "chatterbox", new_chatterbox_server, 300 },
  { "platform", new_platform_server, 20 },
};

static void
set_up (Fixture      *fixture,
        gconstpointer user_data)
{
  fixture->certs = test_certs_new ();
  test_tls_connect_pair (&fixture->client, &fixture->base);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer user_data)
{
  g_clear_object (&fixture->client);
  g_clear_object (&fixture->base);
  g_clear_pointer (&fixture->certs, test_certs_free);
}

static void
echo_end (Echo   *self,
          GError *error)
{
  self->error = error;
  self->ended = TRUE;
}

static void
echo_closed_cb (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  GError *error = NULL;

  g_io_stream_close_finish (G_IO_STREAM (source), result, &error);
  echo_end (user_data, error);
}

/* A read or a write is done: on to the next write or read. */
static void
echo_step_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  Echo *self = user_data;
  GError *error = NULL;
  gssize n_read = 0;

  if (G_IS_OUTPUT_STREAM (source))
    {
      if (g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, &error))
        g_input_stream_read_async (g_io_stream_get_input_stream (self->tls), self->buffer, sizeof self->buffer,
                                   G_PRIORITY_DEFAULT, self->cancellable, echo_step_cb, self);
      else
        echo_end (self, error);
      return;
    }

  n_read = g_input_stream_read_finish (G_INPUT_STREAM (source), result, &error);
  self->n_read += (gsize) MAX (n_read, 0);
  if (n_read > 0)
    g_output_stream_write_all_async (g_io_stream_get_output_stream (self->tls), self->buffer, (gsize) n_read,
                                     G_PRIORITY_DEFAULT, self->cancellable, echo_step_cb, self);
  else if (n_read == 0)
    g_io_stream_close_async (self->tls, G_PRIORITY_DEFAULT, self->cancellable, echo_closed_cb, self);
  else
    echo_end (self, error);
}

static void
echo_handshake_cb (GObject      *source,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  Echo *self = user_data;
  GError *error = NULL;

  if (!g_tls_connection_handshake_finish (G_TLS_CONNECTION (source), result, &error))
    {
      echo_end (self, error);
      return;
    }

  self->established = TRUE;
  g_input_stream_read_async (g_io_stream_get_input_stream (self->tls), self->buffer, sizeof self->buffer,
                             G_PRIORITY_DEFAULT, self->cancellable, echo_step_cb, self);
}

static Echo *
echo_new (GSocketConnection *base,
          const char        *cert,
          const char        *key)
{
  Echo *self = g_new0 (Echo, 1);

  self->cancellable = g_cancellable_new ();
  self->tls = implementation->new_server (G_IO_STREAM (base), cert, key);
  g_tls_connection_handshake_async (G_TLS_CONNECTION (self->tls), G_PRIORITY_DEFAULT, self->cancellable,
                                    echo_handshake_cb, self);
  return self;
}

static gboolean
echo_has_ended (gpointer data)
{
  return ((Echo *) data)->ended;
}

/* Breaks off what is under way. */
static void
echo_free (Echo *self)
{
  g_autoptr (GIOStream) base = NULL;

  g_cancellable_cancel (self->cancellable);
  test_wait_until (echo_has_ended, self, "the end of the server");
  /* The platform's would write to the client when it is disposed of, and wait for it. */
  g_object_get (self->tls, "base-io-stream", &base, NULL);
  g_io_stream_close (base, NULL, NULL);
  g_object_unref (self->tls);
  g_object_unref (self->cancellable);
  g_clear_error (&self->error);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Echo, echo_free)

static Echo *
echo_new_good (Fixture *fixture)
{
  return echo_new (fixture->base, fixture->certs->cert, fixture->certs->key);
}

static GIOStream *
new_client (Fixture    *fixture,
            const char *ca)
{
  g_autoptr (GSocketConnectable) identity = g_network_address_new ("localhost", 0);
  g_autoptr (GTlsDatabase) database = NULL;
  g_autoptr (GError) error = NULL;
  GIOStream *client = NULL;

  database = g_tls_file_database_new (ca, &error);
  g_assert_no_error (error);
  client = g_initable_new (g_tls_backend_get_client_connection_type (g_tls_backend_get_default ()), NULL, &error,
                           "base-io-stream", fixture->client,
                           "server-identity", identity,
                           "database", database,
                           NULL);
  g_assert_no_error (error);
  return client;
}

static gboolean
shake_hands (GIOStream *client,
             GError   **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  g_tls_connection_handshake_async (G_TLS_CONNECTION (client), G_PRIORITY_DEFAULT, NULL,
                                    test_wait_store_cb, &result);
  test_wait_for (&result, "the client's handshake");
  return g_tls_connection_handshake_finish (G_TLS_CONNECTION (client), result, error);
}

/* Closes the client, which makes the server close as well. */
static void
close_client (GIOStream *client,
              Echo      *echo)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_io_stream_close_async (client, G_PRIORITY_DEFAULT, NULL, test_wait_store_cb, &result);
  test_wait_for (&result, "the client's close");
  g_assert_true (g_io_stream_close_finish (client, result, &error));
  g_assert_no_error (error);

  test_wait_until (echo_has_ended, echo, "the server's close");
  g_assert_no_error (echo->error);
}

/* Sends @len random bytes, at most @chunk at a time, and checks that they all come back. */
static void
check_echo (GIOStream *client,
            gsize      len,
            gsize      chunk)
{
  g_autofree guint8 *sent = g_malloc (len);
  g_autofree guint8 *received = g_malloc0 (len);
  g_autoptr (GAsyncResult) read_result = NULL;
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < len; i++)
    sent[i] = (guint8) g_test_rand_int ();
  g_input_stream_read_all_async (g_io_stream_get_input_stream (client), received, len,
                                 G_PRIORITY_DEFAULT, NULL, test_wait_store_cb, &read_result);
  for (gsize i = 0; i < len; i += chunk)
    {
      g_autoptr (GAsyncResult) result = NULL;

      g_output_stream_write_all_async (g_io_stream_get_output_stream (client), sent + i, MIN (chunk, len - i),
                                       G_PRIORITY_DEFAULT, NULL, test_wait_store_cb, &result);
      test_wait_for (&result, "the client's write");
      g_assert_true (g_output_stream_write_all_finish (g_io_stream_get_output_stream (client), result, NULL, &error));
      g_assert_no_error (error);
    }

  test_wait_for (&read_result, "the echo");
  g_assert_true (g_input_stream_read_all_finish (g_io_stream_get_input_stream (client), read_result, NULL, &error));
  g_assert_no_error (error);
  test_tls_assert_same (received, len, sent, len);
}

/* The same over GnuTLS, a few bytes. */
static void
check_raw_echo (TestTlsClient *client,
                const char    *text)
{
  const gsize len = strlen (text);
  g_autofree char *received = g_malloc0 (len);

  g_assert_cmpint (test_tls_client_send (client, text, len), ==, 0);
  g_assert_cmpint (test_tls_client_receive (client, received, len), ==, (gssize) len);
  test_tls_assert_same (received, len, text, len);
}

typedef struct
{
  gsize len;
  gsize chunk;
} EchoCase;

static const EchoCase small_echo = { 5, 5 };
static const EchoCase bytewise_echo = { 300, 1 };
static const EchoCase large_echo = { LARGE, LARGE };

static void
test_echo (Fixture      *fixture,
           gconstpointer user_data)
{
  const EchoCase *echo_case = user_data;
  g_autoptr (Echo) echo = echo_new_good (fixture);
  g_autoptr (GIOStream) client = new_client (fixture, fixture->certs->ca);
  g_autoptr (GError) error = NULL;

  shake_hands (client, &error);
  g_assert_no_error (error);
  check_echo (client, echo_case->len, echo_case->chunk);
  g_assert_cmpuint (echo->n_read, ==, echo_case->len);
  close_client (client, echo);
}

typedef struct
{
  const char         *priorities;
  gnutls_protocol_t   raw_version;
  GTlsProtocolVersion version;
} VersionCase;

static const VersionCase tls_1_2 = { TEST_TLS_1_2, GNUTLS_TLS1_2, G_TLS_PROTOCOL_VERSION_TLS_1_2 };
static const VersionCase tls_1_3 = { TEST_TLS_1_3, GNUTLS_TLS1_3, G_TLS_PROTOCOL_VERSION_TLS_1_3 };

static void
test_version (Fixture      *fixture,
              gconstpointer user_data)
{
  const VersionCase *version_case = user_data;
  g_autoptr (Echo) echo = echo_new_good (fixture);
  g_autoptr (TestTlsClient) client = test_tls_client_new (fixture->client, version_case->priorities);
  g_autofree char *ciphersuite = NULL;

  g_assert_cmpint (test_tls_client_handshake (client), ==, 0);
  check_raw_echo (client, "hello");
  g_assert_cmpint (gnutls_protocol_get_version (test_tls_client_get_session (client)), ==,
                   version_case->raw_version);
  g_assert_cmpint (g_tls_connection_get_protocol_version (G_TLS_CONNECTION (echo->tls)), ==,
                   version_case->version);
  ciphersuite = g_tls_connection_get_ciphersuite_name (G_TLS_CONNECTION (echo->tls));
  g_assert_cmpstr (ciphersuite, ==, gnutls_ciphersuite_get (test_tls_client_get_session (client)));
}

/* What a client makes of a server's certificate; the offsets are those of the files in TestCerts. */
typedef struct
{
  gsize                cert;
  gsize                ca;
  GTlsCertificateFlags errors;
} CertificateCase;

static const CertificateCase good = {
  G_STRUCT_OFFSET (TestCerts, cert), G_STRUCT_OFFSET (TestCerts, ca), G_TLS_CERTIFICATE_NO_FLAGS
};
static const CertificateCase expired = {
  G_STRUCT_OFFSET (TestCerts, expired_cert), G_STRUCT_OFFSET (TestCerts, ca), G_TLS_CERTIFICATE_EXPIRED
};
static const CertificateCase wrong_host = {
  G_STRUCT_OFFSET (TestCerts, wrong_host_cert), G_STRUCT_OFFSET (TestCerts, ca), G_TLS_CERTIFICATE_BAD_IDENTITY
};
static const CertificateCase wrong_ca = {
  G_STRUCT_OFFSET (TestCerts, cert), G_STRUCT_OFFSET (TestCerts, other_ca), G_TLS_CERTIFICATE_UNKNOWN_CA
};
static const CertificateCase self_signed = {
  G_STRUCT_OFFSET (TestCerts, self_signed_cert), G_STRUCT_OFFSET (TestCerts, ca), G_TLS_CERTIFICATE_UNKNOWN_CA
};

static void
test_certificate (Fixture      *fixture,
                  gconstpointer user_data)
{
  const CertificateCase *certificate_case = user_data;
  const char *cert = G_STRUCT_MEMBER (const char *, fixture->certs, certificate_case->cert);
  const char *ca = G_STRUCT_MEMBER (const char *, fixture->certs, certificate_case->ca);
  g_autoptr (Echo) echo = echo_new (fixture->base, cert, fixture->certs->key);
  g_autoptr (GIOStream) client = new_client (fixture, ca);
  g_autoptr (GError) error = NULL;

  if (certificate_case->errors == 0)
    {
      shake_hands (client, &error);
      g_assert_no_error (error);
      close_client (client, echo);
      return;
    }

  g_assert_false (shake_hands (client, &error));
  g_assert_error (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE);
  g_assert_cmpuint (g_tls_connection_get_peer_certificate_errors (G_TLS_CONNECTION (client)), ==,
                    certificate_case->errors);
  g_io_stream_close (G_IO_STREAM (fixture->client), NULL, NULL);
  test_wait_until (echo_has_ended, echo, "the server's end");
  g_assert_nonnull (echo->error);
}

static void
send_bytes (GSocketConnection *connection,
            GBytes            *bytes,
            gsize              len)
{
  g_autoptr (GError) error = NULL;

  g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (connection)),
                             g_bytes_get_data (bytes, NULL), len, NULL, NULL, &error);
  g_assert_no_error (error);
}

/* Who says half a hello, and no more, keeps nobody else from being served. */
static void
test_stall (Fixture      *fixture,
            gconstpointer user_data)
{
  g_autoptr (GBytes) hello = test_tls_make_hello ();
  g_autoptr (GSocketConnection) stalled_client = NULL;
  g_autoptr (GSocketConnection) stalled_base = NULL;
  g_autoptr (Echo) stalled = NULL;
  g_autoptr (Echo) echo = NULL;
  g_autoptr (TestTlsClient) client = NULL;

  test_tls_connect_pair (&stalled_client, &stalled_base);
  stalled = echo_new (stalled_base, fixture->certs->cert, fixture->certs->key);
  send_bytes (stalled_client, hello, g_bytes_get_size (hello) / 2);

  echo = echo_new_good (fixture);
  client = test_tls_client_new (fixture->client, "NORMAL");
  g_assert_cmpint (test_tls_client_handshake (client), ==, 0);
  check_raw_echo (client, "hello");
  g_assert_false (stalled->established);
  g_assert_false (stalled->ended);
}

static void
test_reset_in_handshake (Fixture      *fixture,
                         gconstpointer user_data)
{
  g_autoptr (GBytes) hello = test_tls_make_hello ();

  for (guint i = 0; i < implementation->n_resets; i++)
    {
      g_autoptr (GSocketConnection) client = NULL;
      g_autoptr (GSocketConnection) base = NULL;
      g_autoptr (Echo) echo = NULL;
      const gsize len = g_bytes_get_size (hello);

      /* A whole hello, half of one, nothing; before and after the server has seen it. */
      test_tls_connect_pair (&client, &base);
      if (i % 2 == 0)
        echo = echo_new (base, fixture->certs->cert, fixture->certs->key);
      send_bytes (client, hello, i % 3 == 0 ? len : i % 3 == 1 ? len / 2 : 0);
      if (i % 5 == 0)
        g_main_context_iteration (NULL, FALSE);
      test_tls_reset (client);
      if (echo == NULL)
        echo = echo_new (base, fixture->certs->cert, fixture->certs->key);

      test_wait_until (echo_has_ended, echo, "the server's end");
      g_assert_nonnull (echo->error);
    }
}

static void
test_reset_established (Fixture      *fixture,
                        gconstpointer user_data)
{
  g_autoptr (Echo) echo = echo_new_good (fixture);
  g_autoptr (TestTlsClient) client = test_tls_client_new (fixture->client, "NORMAL");

  g_assert_cmpint (test_tls_client_handshake (client), ==, 0);
  check_raw_echo (client, "hello");
  test_tls_reset (fixture->client);
  test_wait_until (echo_has_ended, echo, "the server's end");
  g_assert_nonnull (echo->error);
}

/* The client ends its side at once; the server's answer still comes, then the server's end. */
static void
test_close_half (Fixture      *fixture,
                 gconstpointer user_data)
{
  g_autoptr (Echo) echo = echo_new_good (fixture);
  g_autoptr (TestTlsClient) client = test_tls_client_new (fixture->client, "NORMAL");
  char received[6] = "";

  g_assert_cmpint (test_tls_client_handshake (client), ==, 0);
  g_assert_cmpint (test_tls_client_send (client, "hello", 5), ==, 0);
  test_tls_client_bye (client);
  g_assert_cmpint (test_tls_client_receive (client, received, 6), ==, 5);
  g_assert_cmpstr (received, ==, "hello");
  test_wait_until (echo_has_ended, echo, "the server's end");
  g_assert_no_error (echo->error);
}

/* An end without close_notify is an error to who wants to be sure, and the end to who does not. */
static void
check_truncation (Fixture *fixture,
                  gboolean require_close_notify)
{
  g_autoptr (Echo) echo = echo_new_good (fixture);
  g_autoptr (TestTlsClient) client = test_tls_client_new (fixture->client, "NORMAL");
  g_autoptr (GError) error = NULL;

  g_tls_connection_set_require_close_notify (G_TLS_CONNECTION (echo->tls), require_close_notify);
  g_assert_cmpint (test_tls_client_handshake (client), ==, 0);
  check_raw_echo (client, "hello");
  g_socket_shutdown (g_socket_connection_get_socket (fixture->client), FALSE, TRUE, &error);
  g_assert_no_error (error);

  test_wait_until (echo_has_ended, echo, "the server's end");
  if (require_close_notify)
    g_assert_error (echo->error, G_TLS_ERROR, G_TLS_ERROR_EOF);
  else
    g_assert_no_error (echo->error);
}

static void
test_close_truncated (Fixture      *fixture,
                      gconstpointer user_data)
{
  check_truncation (fixture, FALSE);
}

static void
test_close_truncated_strict (Fixture      *fixture,
                             gconstpointer user_data)
{
  check_truncation (fixture, TRUE);
}

/* A close_notify leaves, and the client's is not waited for. */
static void
test_close_silent_client (Fixture      *fixture,
                          gconstpointer user_data)
{
  g_autoptr (GIOStream) server = implementation->new_server (G_IO_STREAM (fixture->base), fixture->certs->cert,
                                                             fixture->certs->key);
  g_autoptr (TestTlsClient) client = test_tls_client_new (fixture->client, "NORMAL");
  g_autoptr (GAsyncResult) handshake = NULL;
  g_autoptr (GAsyncResult) closed = NULL;
  g_autoptr (GError) error = NULL;
  char byte = 0;

  g_tls_connection_handshake_async (G_TLS_CONNECTION (server), G_PRIORITY_DEFAULT, NULL,
                                    test_wait_store_cb, &handshake);
  g_assert_cmpint (test_tls_client_handshake (client), ==, 0);
  test_wait_for (&handshake, "the server's handshake");
  g_tls_connection_handshake_finish (G_TLS_CONNECTION (server), handshake, &error);
  g_assert_no_error (error);

  g_io_stream_close_async (server, G_PRIORITY_DEFAULT, NULL, test_wait_store_cb, &closed);
  test_wait_for (&closed, "the server's close");
  g_io_stream_close_finish (server, closed, &error);
  g_assert_no_error (error);
  g_assert_true (g_io_stream_is_closed (G_IO_STREAM (fixture->base)));
  g_assert_cmpint (test_tls_client_receive (client, &byte, 1), ==, 0);
}

static void
test_key_update (Fixture      *fixture,
                 gconstpointer user_data)
{
  g_autoptr (Echo) echo = echo_new_good (fixture);
  g_autoptr (TestTlsClient) client = test_tls_client_new (fixture->client, TEST_TLS_1_3);

  g_assert_cmpint (test_tls_client_handshake (client), ==, 0);
  check_raw_echo (client, "before");
  g_assert_cmpint (test_tls_client_update_keys (client), ==, 0);
  check_raw_echo (client, "after");
  g_assert_cmpint (test_tls_client_update_keys (client), ==, 0);
  check_raw_echo (client, "and again");
  g_assert_cmpuint (echo->n_read, ==, strlen ("beforeafterand again"));
}

/* Each of them costs the server more than the client: a flood ends the connection. */
static void
test_key_update_flood (Fixture      *fixture,
                       gconstpointer user_data)
{
  g_autoptr (Echo) echo = echo_new_good (fixture);
  g_autoptr (TestTlsClient) client = test_tls_client_new (fixture->client, TEST_TLS_1_3);

  g_assert_cmpint (test_tls_client_handshake (client), ==, 0);
  check_raw_echo (client, "before");
  for (guint i = 0; i < 1000; i++)
    if (test_tls_client_update_keys (client) != 0)
      break;
  test_wait_until (echo_has_ended, echo, "the server's end");
  g_assert_nonnull (echo->error);
}

static void
test_exporter (Fixture      *fixture,
               gconstpointer user_data)
{
  g_autoptr (Echo) echo = echo_new_good (fixture);
  g_autoptr (TestTlsClient) client = test_tls_client_new (fixture->client, TEST_TLS_1_3);
  g_autoptr (GByteArray) data = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  gnutls_datum_t expected = { 0 };

  g_assert_cmpint (test_tls_client_handshake (client), ==, 0);
  check_raw_echo (client, "hello");
  g_tls_connection_get_channel_binding_data (G_TLS_CONNECTION (echo->tls), G_TLS_CHANNEL_BINDING_TLS_EXPORTER,
                                             data, &error);
  g_assert_no_error (error);
  g_assert_cmpint (gnutls_session_channel_binding (test_tls_client_get_session (client), GNUTLS_CB_TLS_EXPORTER,
                                                   &expected), ==, 0);
  g_assert_cmpuint (data->len, ==, 32);
  test_tls_assert_same (data->data, data->len, expected.data, expected.size);
  gnutls_free (expected.data);
}

static void
read_properties (GIOStream *tls)
{
  g_autofree GParamSpec **pspecs = NULL;
  guint n_pspecs = 0;
  guint n_read = 0;

  pspecs = g_object_class_list_properties (G_OBJECT_GET_CLASS (tls), &n_pspecs);
  for (guint i = 0; i < n_pspecs; i++)
    if (pspecs[i]->flags & G_PARAM_READABLE)
      {
        g_auto (GValue) value = G_VALUE_INIT;

        g_object_get_property (G_OBJECT (tls), pspecs[i]->name, &value);
        n_read++;
      }
  /* Those of GTlsConnection, GTlsServerConnection and GIOStream. */
  g_assert_cmpuint (n_read, >=, 17);
}

/* No property of the base class may make GObject complain, whenever it is read. */
static void
test_properties (Fixture      *fixture,
                 gconstpointer user_data)
{
  g_autoptr (Echo) echo = echo_new_good (fixture);
  g_autoptr (TestTlsClient) client = test_tls_client_new (fixture->client, "NORMAL");
  g_autoptr (GIOStream) base = NULL;
  GTlsCertificate *certificate = g_tls_connection_get_certificate (G_TLS_CONNECTION (echo->tls));

  read_properties (echo->tls);
  g_assert_cmpint (test_tls_client_handshake (client), ==, 0);
  check_raw_echo (client, "hello");
  read_properties (echo->tls);
  g_object_get (echo->tls, "base-io-stream", &base, NULL);
  g_assert_true (base == G_IO_STREAM (fixture->base));
  g_assert_true (G_IS_TLS_CERTIFICATE (certificate));
  g_assert_null (g_tls_connection_get_peer_certificate (G_TLS_CONNECTION (echo->tls)));

  test_tls_client_bye (client);
  test_wait_until (echo_has_ended, echo, "the server's end");
  read_properties (echo->tls);
}

/* Takes --implementation=NAME out of the arguments. */
static const Implementation *
choose_implementation (int  *argc,
                       char *argv[])
{
  const Implementation *chosen = NULL;
  int n_kept = 0;

  for (int i = 0; i < *argc; i++)
    {
      if (!g_str_has_prefix (argv[i], "--implementation="))
        {
          argv[n_kept++] = argv[i];
          continue;
        }
      for (gsize j = 0; j < G_N_ELEMENTS (implementations); j++)
        if (g_str_equal (argv[i] + strlen ("--implementation="), implementations[j].name))
          chosen = &implementations[j];
    }

  *argc = n_kept;
  argv[n_kept] = NULL;
  return chosen;
}

static void
add (const char   *path,
     gconstpointer data,
     void (       *test ) (Fixture      *fixture,
                           gconstpointer user_data))
{
  g_test_add (path, Fixture, data, set_up, test, tear_down);
}

int
main (int   argc,
      char *argv[])
{
  implementation = choose_implementation (&argc, argv);
  if (implementation == NULL)
    {
      g_printerr ("usage: %s --implementation=chatterbox|platform\n", argv[0]);
      return 2;
    }
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  add ("/tls/echo/small", &small_echo, test_echo);
  add ("/tls/echo/bytewise", &bytewise_echo, test_echo);
  add ("/tls/echo/large", &large_echo, test_echo);
  add ("/tls/version/1.2", &tls_1_2, test_version);
  add ("/tls/version/1.3", &tls_1_3, test_version);
  add ("/tls/certificate/good", &good, test_certificate);
  add ("/tls/certificate/expired", &expired, test_certificate);
  add ("/tls/certificate/wrong-host", &wrong_host, test_certificate);
  add ("/tls/certificate/wrong-ca", &wrong_ca, test_certificate);
  add ("/tls/certificate/self-signed", &self_signed, test_certificate);
  add ("/tls/stall/half-hello", NULL, test_stall);
  add ("/tls/reset/in-handshake", NULL, test_reset_in_handshake);
  add ("/tls/reset/established", NULL, test_reset_established);
  add ("/tls/close/half", NULL, test_close_half);
  add ("/tls/close/truncated", NULL, test_close_truncated);
  add ("/tls/close/truncated-strict", NULL, test_close_truncated_strict);
  add ("/tls/close/silent-client", NULL, test_close_silent_client);
  add ("/tls/key-update/some", NULL, test_key_update);
  add ("/tls/key-update/flood", NULL, test_key_update_flood);
  add ("/tls/binding/exporter", NULL, test_exporter);
  add ("/tls/properties", NULL, test_properties);

  return g_test_run ();
}
