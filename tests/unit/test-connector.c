/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "libchatterbox/cb-connector.h"

#include <libintl.h>
#include <string.h>

#include "common/test-certs.h"
#include "common/test-listener.h"
#include "common/test-wait.h"
#include "libchatterbox/cb-error.h"

/* A resolver that knows no name. */
#define TEST_TYPE_RESOLVER (test_resolver_get_type ())
G_DECLARE_FINAL_TYPE (TestResolver, test_resolver, TEST, RESOLVER, GResolver)

struct _TestResolver
{
  GResolver parent_instance;
};

G_DEFINE_FINAL_TYPE (TestResolver, test_resolver, G_TYPE_RESOLVER)

static void
test_resolver_lookup_async (GResolver               *resolver,
                            const char              *hostname,
                            GResolverNameLookupFlags flags,
                            GCancellable            *cancellable,
                            GAsyncReadyCallback      callback,
                            gpointer                 user_data)
{
  g_autoptr (GTask) task = g_task_new (resolver, cancellable, callback, user_data);

  g_task_return_new_error (task, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "No host “%s”", hostname);
}

static GList *
test_resolver_lookup_finish (GResolver    *resolver,
                             GAsyncResult *result,
                             GError      **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
test_resolver_class_init (TestResolverClass *klass)
{
  GResolverClass *resolver_class = G_RESOLVER_CLASS (klass);

  resolver_class->lookup_by_name_with_flags_async = test_resolver_lookup_async;
  resolver_class->lookup_by_name_with_flags_finish = test_resolver_lookup_finish;
}

static void
test_resolver_init (TestResolver *self)
{
}

typedef struct
{
  TestCerts    *certs;
  TestListener *listener; /* on 127.0.0.1 */
  CbConnector  *connector; /* to it */
} Fixture;

static void
set_up (Fixture      *fixture,
        gconstpointer data)
{
  fixture->certs = test_certs_new ();
  fixture->listener = test_listener_new ("127.0.0.1", fixture->certs->cert, fixture->certs->key);
  fixture->connector = cb_connector_new (test_listener_get_address (fixture->listener));
  cb_connector_set_ca_file (fixture->connector, fixture->certs->ca);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer data)
{
  g_object_unref (fixture->connector);
  test_listener_free (fixture->listener);
  test_certs_free (fixture->certs);
}

/* Waits for a connection that is under way. */
static CbSession *
finish_connect (CbConnector   *connector,
                GAsyncResult **result,
                GError       **error)
{
  test_wait_for (result, "connect");
  return cb_connector_connect_finish (connector, *result, error);
}

/* Connects to a server that does nothing. */
static CbSession *
connect_alone (CbConnector *connector,
               GError     **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  cb_connector_connect_async (connector, NULL, test_wait_store_cb, &result);
  return finish_connect (connector, &result, error);
}

/* Connects to the fixture's server; @out_peer is the server's end. */
static CbSession *
connect_session (Fixture   *fixture,
                 TestPeer **out_peer)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  CbSession *session = NULL;

  cb_connector_connect_async (fixture->connector, NULL, test_wait_store_cb, &result);
  *out_peer = test_listener_accept (fixture->listener);
  session = finish_connect (fixture->connector, &result, &error);
  g_assert_no_error (error);
  return session;
}

static void
close_session (CbSession *session)
{
  g_autoptr (GAsyncResult) result = NULL;

  cb_session_close_async (session, NULL, test_wait_store_cb, &result);
  test_wait_for (&result, "close");
  cb_session_close_finish (session, result, NULL);
}

static CbPacket *
finish_log_in (CbConnector   *connector,
               GAsyncResult **result,
               GError       **error)
{
  test_wait_for (result, "log in");
  return cb_connector_log_in_finish (connector, *result, error);
}

static void
count_cb (GObject    *object,
          GParamSpec *pspec,
          gpointer    user_data)
{
  guint *count = user_data;

  (*count)++;
}

static void
test_defaults (void)
{
  g_autoptr (CbConnector) connector = cb_connector_new ("chat.example.org");

  g_assert_cmpstr (cb_connector_get_server (connector), ==, "chat.example.org");
  g_assert_null (cb_connector_get_ca_file (connector));
  g_assert_cmpuint (cb_connector_get_timeout_s (connector), ==, 30);
  g_assert_cmpuint (cb_connector_get_max_frame (connector), ==, 64 * 1024 * 1024);
}

static void
test_notify (void)
{
  g_autoptr (CbConnector) connector = cb_connector_new ("chat.example.org");
  guint count = 0;

  g_signal_connect (connector, "notify", G_CALLBACK (count_cb), &count);
  g_object_set (connector, "ca-file", "ca.crt", "timeout-s", 5, "max-frame", 1000, NULL);
  g_assert_cmpuint (count, ==, 3);
  g_assert_cmpstr (cb_connector_get_ca_file (connector), ==, "ca.crt");
  g_assert_cmpuint (cb_connector_get_timeout_s (connector), ==, 5);
  g_assert_cmpuint (cb_connector_get_max_frame (connector), ==, 1000);

  g_object_set (connector, "ca-file", "ca.crt", "timeout-s", 5, "max-frame", 1000, NULL);
  g_assert_cmpuint (count, ==, 3);
}

/* A program that translates nothing itself gets the library's texts all the same. */
static void
test_text_domain (void)
{
  g_assert_cmpstr (bindtextdomain (GETTEXT_PACKAGE, NULL), ==, LOCALEDIR);
  g_assert_cmpstr (bind_textdomain_codeset (GETTEXT_PACKAGE, NULL), ==, "UTF-8");
}

static void
test_connect (Fixture      *fixture,
              gconstpointer data)
{
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (CbSession) session = NULL;

  cb_connector_set_max_frame (fixture->connector, 12345);
  session = connect_session (fixture, &peer);
  g_assert_true (G_IS_TLS_CLIENT_CONNECTION (cb_session_get_stream (session)));
  g_assert_cmpuint (cb_session_get_max_frame (session), ==, 12345);
  close_session (session);
  test_peer_expect_end (peer);
}

/* “localhost” has two addresses; the server accepts on one of them. Whichever is tried first, in one of
 * the two tests the first one refuses. */
static void
test_all_addresses (Fixture      *fixture,
                    gconstpointer data)
{
  const char *host = data;
  g_autoptr (TestListener) listener = NULL;
  g_autoptr (CbConnector) connector = NULL;
  g_autofree char *server = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (CbSession) session = NULL;
  g_autoptr (GError) error = NULL;

  if (!test_listener_can_bind (host))
    {
      g_test_skip ("This machine has no such address");
      return;
    }

  listener = test_listener_new (host, fixture->certs->cert, fixture->certs->key);
  server = g_strdup_printf ("localhost:%u", test_listener_get_port (listener));
  connector = cb_connector_new (server);
  cb_connector_set_ca_file (connector, fixture->certs->ca);

  cb_connector_connect_async (connector, NULL, test_wait_store_cb, &result);
  peer = test_listener_accept (listener);
  session = finish_connect (connector, &result, &error);
  g_assert_no_error (error);
  close_session (session);
}

static void
test_server_invalid (void)
{
  g_autoptr (CbConnector) connector = cb_connector_new ("[::1:9000");
  g_autoptr (GError) error = NULL;

  g_assert_null (connect_alone (connector, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

static void
test_server_unknown (void)
{
  g_autoptr (GResolver) old_resolver = g_resolver_get_default ();
  g_autoptr (GResolver) resolver = g_object_new (TEST_TYPE_RESOLVER, NULL);
  g_autoptr (CbConnector) connector = cb_connector_new ("chat.example.org");
  g_autoptr (GError) error = NULL;

  g_resolver_set_default (resolver);
  g_assert_null (connect_alone (connector, &error));
  g_assert_error (error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND);
  g_resolver_set_default (old_resolver);
}

static void
test_refused (Fixture      *fixture,
              gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  /* Nobody accepts on the port any more. */
  g_clear_pointer (&fixture->listener, test_listener_free);
  g_assert_null (connect_alone (fixture->connector, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
  fixture->listener = test_listener_new ("127.0.0.1", fixture->certs->cert, fixture->certs->key);
}

static void
test_ca_file_missing (Fixture      *fixture,
                      gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  cb_connector_set_ca_file (fixture->connector, "/nonexistent/ca.crt");
  g_assert_null (connect_alone (fixture->connector, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  g_assert_nonnull (strstr (error->message, "/nonexistent/ca.crt"));
}

/* A file with nothing to trust is a mistake, not a server that can't be trusted. */
static void
test_ca_file_useless (Fixture      *fixture,
                      gconstpointer data)
{
  const char *text = data;
  g_autofree char *file = g_build_filename (fixture->certs->dir, "useless.crt", NULL);
  g_autofree char *message = g_strconcat (file, " holds no certificate that can be read", NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (file, text, -1, &error);
  g_assert_no_error (error);
  cb_connector_set_ca_file (fixture->connector, file);
  g_assert_null (connect_alone (fixture->connector, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL);
  g_assert_cmpstr (error->message, ==, message);
}

typedef struct
{
  const char *path;
  gsize       cert; /* what the server shows: a member of TestCerts */
  gsize       ca;   /* what the client trusts, likewise */
  const char *reason;
} CertificateCase;

static const CertificateCase certificate_cases[] = {
  { "/connector/certificate/expired",
    G_STRUCT_OFFSET (TestCerts, expired_cert), G_STRUCT_OFFSET (TestCerts, ca),
    "it has expired" },
  { "/connector/certificate/wrong-host",
    G_STRUCT_OFFSET (TestCerts, wrong_host_cert), G_STRUCT_OFFSET (TestCerts, ca),
    "it was not issued for 127.0.0.1:%u" },
  { "/connector/certificate/wrong-authority",
    G_STRUCT_OFFSET (TestCerts, cert), G_STRUCT_OFFSET (TestCerts, other_ca),
    "it is not signed by a trusted authority" },
  { "/connector/certificate/self-signed",
    G_STRUCT_OFFSET (TestCerts, self_signed_cert), G_STRUCT_OFFSET (TestCerts, ca),
    "it is not signed by a trusted authority" },
  { "/connector/certificate/two-reasons",
    G_STRUCT_OFFSET (TestCerts, wrong_host_cert), G_STRUCT_OFFSET (TestCerts, other_ca),
    "it is not signed by a trusted authority; it was not issued for 127.0.0.1:%u" },
};

/* The message names every check that failed, and no other; the server gets nothing. */
static void
test_certificate (Fixture      *fixture,
                  gconstpointer data)
{
  const CertificateCase *c = data;
  const char *cert = G_STRUCT_MEMBER (char *, fixture->certs, c->cert);
  const char *ca = G_STRUCT_MEMBER (char *, fixture->certs, c->ca);
  g_autoptr (TestListener) listener = test_listener_new ("127.0.0.1", cert, fixture->certs->key);
  g_autoptr (CbConnector) connector = cb_connector_new (test_listener_get_address (listener));
  const guint port = test_listener_get_port (listener);
  g_auto (GStrv) parts = g_strsplit (c->reason, "%u", 2);
  g_autofree char *reason = NULL;
  g_autofree char *message = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) accept_error = NULL;

  reason = parts[1] == NULL ? g_strdup (c->reason) : g_strdup_printf ("%s%u%s", parts[0], port, parts[1]);
  message = g_strdup_printf ("The certificate of 127.0.0.1:%u does not verify: %s", port, reason);

  cb_connector_set_ca_file (connector, ca);
  cb_connector_connect_async (connector, NULL, test_wait_store_cb, &result);
  g_assert_null (test_listener_accept_tls (listener, &accept_error));
  g_assert_nonnull (accept_error);
  g_assert_null (finish_connect (connector, &result, &error));
  g_assert_error (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE);
  g_assert_cmpstr (error->message, ==, message);
}

static void
test_timeout_tls (Fixture      *fixture,
                  gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GIOStream) silent = NULL;
  g_autoptr (GError) error = NULL;

  cb_connector_set_timeout_s (fixture->connector, 1);
  cb_connector_connect_async (fixture->connector, NULL, test_wait_store_cb, &result);
  silent = test_listener_accept_socket (fixture->listener);
  g_assert_null (finish_connect (fixture->connector, &result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

static void
test_timeout_log_in (Fixture      *fixture,
                     gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (CbSession) session = NULL;
  g_autoptr (GError) error = NULL;

  cb_connector_set_timeout_s (fixture->connector, 1);
  session = connect_session (fixture, &peer);
  cb_connector_log_in_async (fixture->connector, session, "ada", NULL, test_wait_store_cb, &result);
  g_assert_null (finish_log_in (fixture->connector, &result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  close_session (session);
}

static gboolean
speak_cb (gpointer user_data)
{
  test_peer_send (user_data, "{\"USERS_LEFT\": [\"bob\"]}");
  return G_SOURCE_REMOVE;
}

/* The room may be quiet for as long as it likes: here, longer than the timeout. */
static void
test_timeout_lifted (Fixture      *fixture,
                     gconstpointer data)
{
  g_autoptr (GAsyncResult) log_in_result = NULL;
  g_autoptr (GAsyncResult) receive_result = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (CbSession) session = NULL;
  g_autoptr (CbPacket) welcome = NULL;
  g_autoptr (CbPacket) packet = NULL;
  g_autoptr (GError) error = NULL;

  cb_connector_set_timeout_s (fixture->connector, 1);
  session = connect_session (fixture, &peer);
  cb_connector_log_in_async (fixture->connector, session, "ada", NULL, test_wait_store_cb, &log_in_result);
  test_peer_send (peer, "{\"USERNAME_ACCEPTED\": true}");
  welcome = finish_log_in (fixture->connector, &log_in_result, &error);
  g_assert_no_error (error);

  cb_session_receive_async (session, NULL, test_wait_store_cb, &receive_result);
  g_timeout_add (1500, speak_cb, peer);
  test_wait_for (&receive_result, "receive");
  packet = cb_session_receive_finish (session, receive_result, &error);
  g_assert_no_error (error);
  g_assert_nonnull (cb_packet_get_left (packet));
  close_session (session);
}

/* An answer in clear, as a server gives that knows no TLS. */
static void
test_not_tls (Fixture      *fixture,
              gconstpointer data)
{
  static const char answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GIOStream) connection = NULL;
  g_autoptr (GError) error = NULL;

  cb_connector_connect_async (fixture->connector, NULL, test_wait_store_cb, &result);
  connection = test_listener_accept_socket (fixture->listener);
  g_output_stream_write_all (g_io_stream_get_output_stream (connection), answer, sizeof answer - 1,
                             NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (finish_connect (fixture->connector, &result, &error));
  g_assert_nonnull (error);
  g_assert_cmpuint (error->domain, ==, G_TLS_ERROR);
}

static void
test_end_in_handshake (Fixture      *fixture,
                       gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GIOStream) connection = NULL;
  g_autoptr (GError) error = NULL;

  cb_connector_connect_async (fixture->connector, NULL, test_wait_store_cb, &result);
  connection = test_listener_accept_socket (fixture->listener);
  g_io_stream_close (connection, NULL, NULL);
  g_assert_null (finish_connect (fixture->connector, &result, &error));
  /* The problem is not the certificate. */
  g_assert_nonnull (error);
  g_assert_false (g_error_matches (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE));
}

static void
test_cancel_before (Fixture      *fixture,
                    gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  cb_connector_connect_async (fixture->connector, cancellable, test_wait_store_cb, &result);
  g_assert_null (finish_connect (fixture->connector, &result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_cancel_in_handshake (Fixture      *fixture,
                          gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GIOStream) connection = NULL;
  g_autoptr (GError) error = NULL;

  cb_connector_connect_async (fixture->connector, cancellable, test_wait_store_cb, &result);
  connection = test_listener_accept_socket (fixture->listener);
  g_cancellable_cancel (cancellable);
  g_assert_null (finish_connect (fixture->connector, &result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_cancel_log_in (Fixture      *fixture,
                    gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (CbSession) session = NULL;
  g_autoptr (JsonObject) login = NULL;
  g_autoptr (GError) error = NULL;

  session = connect_session (fixture, &peer);
  cb_connector_log_in_async (fixture->connector, session, "ada", cancellable, test_wait_store_cb, &result);
  login = test_peer_receive (peer);
  g_cancellable_cancel (cancellable);
  g_assert_null (finish_log_in (fixture->connector, &result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  close_session (session);
}

/* What is sent is one frame of the base protocol, and nothing besides. */
static void
test_log_in_wire (Fixture      *fixture,
                  gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (CbSession) session = NULL;
  g_autoptr (CbPacket) welcome = NULL;
  g_autoptr (GBytes) frame = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  session = connect_session (fixture, &peer);
  cb_connector_log_in_async (fixture->connector, session, "Zoë", NULL, test_wait_store_cb, &result);
  frame = test_peer_receive_frame (peer);
  text = g_strndup (g_bytes_get_data (frame, NULL), g_bytes_get_size (frame));
  g_assert_cmpstr (text, ==, "{\"USERNAME\":\"Zo\\u00eb\"}");

  test_peer_send (peer, "{\"USERNAME_ACCEPTED\": true}");
  welcome = finish_log_in (fixture->connector, &result, &error);
  g_assert_no_error (error);
  close_session (session);
  test_peer_expect_end (peer);
}

static void
test_log_in_welcome (Fixture      *fixture,
                     gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (CbSession) session = NULL;
  g_autoptr (CbPacket) welcome = NULL;
  g_autoptr (GError) error = NULL;

  session = connect_session (fixture, &peer);
  cb_connector_log_in_async (fixture->connector, session, "ada", NULL, test_wait_store_cb, &result);
  test_peer_send (peer, "{\"USERNAME_ACCEPTED\": true, \"INFO\": \"Hello\", \"USER_LIST\": [\"ada\", \"bob\"],"
                  " \"MESSAGES\": [[\"bob\", \"ALL\", 7, \"hi\"]]}");
  welcome = finish_log_in (fixture->connector, &result, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (cb_packet_get_info (welcome), ==, "Hello");
  g_assert_cmpuint (cb_packet_get_users (welcome)->len, ==, 2);
  g_assert_cmpuint (cb_packet_get_messages (welcome)->len, ==, 1);
  close_session (session);
}

/* What the original's server tells others may overtake the answer. */
static void
test_log_in_overtaken (Fixture      *fixture,
                       gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (CbSession) session = NULL;
  g_autoptr (CbPacket) welcome = NULL;
  g_autoptr (GError) error = NULL;

  session = connect_session (fixture, &peer);
  cb_connector_log_in_async (fixture->connector, session, "ada", NULL, test_wait_store_cb, &result);
  test_peer_send (peer, "{\"USERS_JOINED\": [\"eve\"]}");
  test_peer_send (peer, "{\"MESSAGES\": []}");
  test_peer_send (peer, "{\"USERNAME_ACCEPTED\": true, \"INFO\": \"Hello\"}");
  welcome = finish_log_in (fixture->connector, &result, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (cb_packet_get_info (welcome), ==, "Hello");
  close_session (session);
}

/* A refusal leaves the session open: another name can be tried on it. */
static void
test_log_in_again (Fixture      *fixture,
                   gconstpointer data)
{
  g_autoptr (GAsyncResult) first_result = NULL;
  g_autoptr (GAsyncResult) second_result = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (CbSession) session = NULL;
  g_autoptr (CbPacket) welcome = NULL;
  g_autoptr (JsonObject) first = NULL;
  g_autoptr (JsonObject) second = NULL;
  g_autoptr (GError) error = NULL;

  session = connect_session (fixture, &peer);
  cb_connector_log_in_async (fixture->connector, session, "ada", NULL, test_wait_store_cb, &first_result);
  first = test_peer_receive (peer);
  test_peer_send (peer, "{\"USERNAME_ACCEPTED\": false, \"INFO\": \"It is in use\"}");
  g_assert_null (finish_log_in (fixture->connector, &first_result, &error));
  g_assert_error (error, CB_ERROR, CB_ERROR_NAME_TAKEN);
  g_assert_cmpstr (error->message, ==, "The name “ada” was refused: It is in use");

  g_clear_error (&error);
  cb_connector_log_in_async (fixture->connector, session, "bob", NULL, test_wait_store_cb, &second_result);
  second = test_peer_receive (peer);
  g_assert_cmpstr (json_object_get_string_member (second, "USERNAME"), ==, "bob");
  test_peer_send (peer, "{\"USERNAME_ACCEPTED\": true}");
  welcome = finish_log_in (fixture->connector, &second_result, &error);
  g_assert_no_error (error);
  close_session (session);
}

typedef struct
{
  const char *path;
  const char *bytes; /* what the server answers; NULL: it closes */
  gsize       len;
  GQuark (*domain)(void);
  int         code;
  const char *message; /* NULL: any */
} AnswerCase;

#define FRAME(prefix, json) prefix json, sizeof (prefix json) - 1

static const AnswerCase answer_cases[] = {
  { "/connector/log-in/refused", FRAME ("\0\0\0\034", "{\"USERNAME_ACCEPTED\": false}"),
    cb_error_quark, CB_ERROR_NAME_TAKEN, "The name “ada” was refused" },
  { "/connector/log-in/error", FRAME ("\0\0\0\021", "{\"ERROR\": \"full\"}"),
    cb_error_quark, CB_ERROR_UNEXPECTED, "The server refused the login: full" },
  { "/connector/log-in/malformed", FRAME ("\0\0\0\001", "{"), cb_error_quark, CB_ERROR_MALFORMED, NULL },
  { "/connector/log-in/too-large", FRAME ("\377\377\377\377", "{"), cb_error_quark, CB_ERROR_TOO_LARGE, NULL },
  { "/connector/log-in/torn", FRAME ("\0\0\0\034", "{\"USERNAME_"),
    g_io_error_quark, G_IO_ERROR_PARTIAL_INPUT, NULL },
  { "/connector/log-in/closed", NULL, 0, g_io_error_quark, G_IO_ERROR_CONNECTION_CLOSED, NULL },
};

/* The server answers, and closes. */
static void
test_log_in_answer (Fixture      *fixture,
                    gconstpointer data)
{
  const AnswerCase *c = data;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (CbSession) session = NULL;
  g_autoptr (JsonObject) login = NULL;
  g_autoptr (GError) error = NULL;

  session = connect_session (fixture, &peer);
  cb_connector_log_in_async (fixture->connector, session, "ada", NULL, test_wait_store_cb, &result);
  login = test_peer_receive (peer);
  if (c->bytes != NULL)
    test_peer_send_bytes (peer, c->bytes, c->len);
  g_clear_pointer (&peer, test_peer_free);

  g_assert_null (finish_log_in (fixture->connector, &result, &error));
  g_assert_error (error, c->domain (), c->code);
  if (c->message != NULL)
    g_assert_cmpstr (error->message, ==, c->message);
  close_session (session);
}

static void
add (const char   *path,
     void (       *test ) (Fixture      *fixture,
                           gconstpointer data),
     gconstpointer data)
{
  g_test_add (path, Fixture, data, set_up, test, tear_down);
}

int
main (int   argc,
      char *argv[])
{
  /* glib-networking 2.74 looks for a desktop's proxies, and aborts in directories without its schemas. */
  g_setenv ("GIO_USE_PROXY_RESOLVER", "dummy", TRUE);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/connector/defaults", test_defaults);
  g_test_add_func ("/connector/notify", test_notify);
  g_test_add_func ("/connector/text-domain", test_text_domain);
  g_test_add_func ("/connector/server/invalid", test_server_invalid);
  g_test_add_func ("/connector/server/unknown", test_server_unknown);
  add ("/connector/connect", test_connect, NULL);
  add ("/connector/all-addresses/ipv4", test_all_addresses, "127.0.0.1");
  add ("/connector/all-addresses/ipv6", test_all_addresses, "::1");
  add ("/connector/refused", test_refused, NULL);
  add ("/connector/ca-file/missing", test_ca_file_missing, NULL);
  add ("/connector/ca-file/empty", test_ca_file_useless, "");
  add ("/connector/ca-file/garbage", test_ca_file_useless,
       "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  for (gsize i = 0; i < G_N_ELEMENTS (certificate_cases); i++)
    add (certificate_cases[i].path, test_certificate, &certificate_cases[i]);
  add ("/connector/timeout/tls", test_timeout_tls, NULL);
  add ("/connector/timeout/log-in", test_timeout_log_in, NULL);
  add ("/connector/timeout/lifted", test_timeout_lifted, NULL);
  add ("/connector/not-tls", test_not_tls, NULL);
  add ("/connector/end-in-handshake", test_end_in_handshake, NULL);
  add ("/connector/cancel/before", test_cancel_before, NULL);
  add ("/connector/cancel/handshake", test_cancel_in_handshake, NULL);
  add ("/connector/cancel/log-in", test_cancel_log_in, NULL);
  add ("/connector/log-in/wire", test_log_in_wire, NULL);
  add ("/connector/log-in/welcome", test_log_in_welcome, NULL);
  add ("/connector/log-in/overtaken", test_log_in_overtaken, NULL);
  add ("/connector/log-in/again", test_log_in_again, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (answer_cases); i++)
    add (answer_cases[i].path, test_log_in_answer, &answer_cases[i]);

  return g_test_run ();
}
