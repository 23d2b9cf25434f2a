/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <gnutls/x509.h>

#include "tls-stage.h"

#define KEY_ID_LEN 32

static GPollableReturn
advance (Stage   *stage,
         GError **error)
{
  return cbs_tls_connection_advance (stage->tls, error);
}

static void
test_not_tls (Stage        *stage,
              gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) again = NULL;

  stage_connect (stage, "NORMAL");
  g_assert_cmpint (advance (stage, NULL), ==, G_POLLABLE_RETURN_WOULD_BLOCK);
  stage_send_bytes (stage, "G", 1);
  stage_wait_for_input (stage);

  g_assert_cmpint (advance (stage, &error), ==, G_POLLABLE_RETURN_FAILED);
  g_assert_error (error, G_TLS_ERROR, G_TLS_ERROR_NOT_TLS);
  g_assert_false (cbs_tls_connection_is_started (stage->tls));
  g_assert_false (cbs_tls_connection_wants_write (stage->tls));
  g_assert_cmpint (advance (stage, &again), ==, G_POLLABLE_RETURN_FAILED);
  g_assert_cmpstr (again->message, ==, error->message);
}

static void
test_closed_at_once (Stage        *stage,
                     gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;

  stage_connect (stage, "NORMAL");
  g_socket_close (g_socket_connection_get_socket (stage->client_base), NULL);
  stage_wait_for_input (stage);
  g_assert_cmpint (advance (stage, &error), ==, G_POLLABLE_RETURN_FAILED);
  g_assert_error (error, G_TLS_ERROR, G_TLS_ERROR_EOF);
}

/* However slowly it comes, a hello is only waited for until its last byte is there. */
static void
test_hello_bytewise (Stage        *stage,
                     gconstpointer user_data)
{
  g_autoptr (GBytes) hello = test_tls_make_hello ();
  const guint8 *bytes = g_bytes_get_data (hello, NULL);

  stage_connect (stage, "NORMAL");
  g_assert_false (cbs_tls_connection_is_started (stage->tls));
  for (gsize i = 0; i < g_bytes_get_size (hello); i++)
    {
      g_assert_false (g_socket_condition_check (g_socket_connection_get_socket (stage->client_base), G_IO_IN));
      stage_send_bytes (stage, bytes + i, 1);
      stage_wait_for_input (stage);
      g_assert_cmpint (advance (stage, NULL), ==, G_POLLABLE_RETURN_WOULD_BLOCK);
      g_assert_true (cbs_tls_connection_is_started (stage->tls));
      g_assert_false (cbs_tls_connection_is_readable (stage->tls));
    }

  g_assert_true (g_socket_condition_wait (g_socket_connection_get_socket (stage->client_base), G_IO_IN, NULL, NULL));
}

/* The sizes that a record and a message claim to have. */
typedef struct
{
  guint16 record_len;
  guint32 message_len;
} SizeCase;

static const SizeCase record_too_large = { 0xffff, 100 };
static const SizeCase message_too_large = { 16384, 10 * 1000 * 1000 };

static void
test_hello_too_large (Stage        *stage,
                      gconstpointer user_data)
{
  const SizeCase *size = user_data;
  const guint8 header[9] = {
    0x16, 3, 1, (guint8) (size->record_len >> 8), (guint8) size->record_len,
    1, (guint8) (size->message_len >> 16), (guint8) (size->message_len >> 8), (guint8) size->message_len
  };
  g_autofree guint8 *record = g_malloc0 (5 + 16384);

  stage_connect (stage, "NORMAL");
  stage_run (stage);
  memcpy (record, header, sizeof header);
  for (guint i = 0; i < 10 && !stage->ended; i++)
    {
      stage_send_bytes (stage, record, 5 + 16384);
      while (!stage->ended && g_main_context_iteration (NULL, FALSE))
        ;
    }
  stage_wait_for_end (stage);
  g_assert_error (stage->error, G_TLS_ERROR, G_TLS_ERROR_MISC);
}

static void
test_refused (Stage        *stage,
              gconstpointer user_data)
{
  const char *priorities = user_data;

  stage_connect (stage, priorities);
  stage_run (stage);
  g_assert_cmpint (test_tls_client_handshake (stage->client), ==, GNUTLS_E_FATAL_ALERT_RECEIVED);
  stage_wait_for_end (stage);
  g_assert_error (stage->error, G_TLS_ERROR, G_TLS_ERROR_MISC);
}

static void
test_renegotiation (Stage        *stage,
                    gconstpointer user_data)
{
  stage_establish (stage, TEST_TLS_1_2);
  stage_talk (stage);
  g_assert_cmpint (test_tls_client_handshake (stage->client), ==, GNUTLS_E_WARNING_ALERT_RECEIVED);
  g_assert_cmpint (gnutls_alert_get (test_tls_client_get_session (stage->client)), ==, GNUTLS_A_NO_RENEGOTIATION);
  stage_wait_for_end (stage);
  g_assert_error (stage->error, G_TLS_ERROR, G_TLS_ERROR_MISC);
}

/* Ends a connection, and makes the next one with its session. */
static void
resume (Stage      *stage,
        const char *priorities)
{
  g_autoptr (GBytes) session = test_tls_client_save_session (stage->client);

  stage_connect (stage, priorities);
  test_tls_client_resume (stage->client, session);
}

static gboolean
is_resumed (Stage *stage)
{
  return gnutls_session_is_resumed (test_tls_client_get_session (stage->client)) != 0;
}

static void
test_resumption (Stage        *stage,
                 gconstpointer user_data)
{
  const char *priorities = user_data;

  stage_establish (stage, priorities);
  stage_talk (stage);
  g_assert_false (is_resumed (stage));
  g_assert_cmpuint (test_tls_client_get_n_tickets (stage->client), ==, 1);

  resume (stage, priorities);
  stage_shake_hands (stage);
  stage_talk (stage);
  g_assert_true (is_resumed (stage));
  g_assert_cmpuint (test_tls_client_get_n_tickets (stage->client), <=, 1);
}

/* A ticket is worth something only to who made it. */
static void
test_resumption_elsewhere (Stage        *stage,
                           gconstpointer user_data)
{
  const char *priorities = user_data;

  stage_establish (stage, priorities);
  stage_talk (stage);
  g_clear_object (&stage->credentials);
  stage->credentials = cbs_tls_credentials_new_from_files (stage->certs->cert, stage->certs->key, NULL);
  resume (stage, priorities);
  stage_shake_hands (stage);
  stage_talk (stage);
  g_assert_false (is_resumed (stage));
}

/* The hash of the client's key, by another way. */
static void
get_expected_key_id (Stage *stage,
                     guint8 id[KEY_ID_LEN])
{
  g_autofree char *pem = NULL;
  gsize pem_len = 0;
  gsize id_len = KEY_ID_LEN;
  gnutls_datum_t datum = { 0 };
  gnutls_x509_privkey_t key = NULL;

  g_assert_true (g_file_get_contents (stage->certs->client_key, &pem, &pem_len, NULL));
  datum.data = (guint8 *) pem;
  datum.size = (guint) pem_len;
  g_assert_cmpint (gnutls_x509_privkey_init (&key), ==, 0);
  g_assert_cmpint (gnutls_x509_privkey_import (key, &datum, GNUTLS_X509_FMT_PEM), ==, 0);
  g_assert_cmpint (gnutls_x509_privkey_get_key_id (key, GNUTLS_KEYID_USE_SHA256, id, &id_len), ==, 0);
  gnutls_x509_privkey_deinit (key);
}

static void
check_key_id (Stage *stage)
{
  guint8 expected[KEY_ID_LEN] = { 0 };
  gsize len = 0;
  const guint8 *id = NULL;

  get_expected_key_id (stage, expected);
  g_assert_nonnull (cbs_tls_connection_get_peer_key_id (stage->tls));
  id = g_bytes_get_data (cbs_tls_connection_get_peer_key_id (stage->tls), &len);
  test_tls_assert_same (id, len, expected, sizeof expected);
}

static void
test_certificate_key_id (Stage        *stage,
                         gconstpointer user_data)
{
  const char *priorities = user_data;

  stage_connect (stage, priorities);
  test_tls_client_show_certificate (stage->client, stage->certs);
  g_assert_null (cbs_tls_connection_get_peer_key_id (stage->tls));
  stage_shake_hands (stage);
  stage_talk (stage);
  check_key_id (stage);
}

static void
test_certificate_none (Stage        *stage,
                       gconstpointer user_data)
{
  stage_establish (stage, "NORMAL");
  g_assert_null (cbs_tls_connection_get_peer_key_id (stage->tls));
  g_assert_null (g_tls_connection_get_peer_certificate (G_TLS_CONNECTION (stage->tls)));
  g_assert_cmpuint (g_tls_connection_get_peer_certificate_errors (G_TLS_CONNECTION (stage->tls)), ==, 0);
}

/* Who has shown a key is never without it after a resumption. */
static void
test_certificate_resumed (Stage        *stage,
                          gconstpointer user_data)
{
  stage_connect (stage, TEST_TLS_1_2);
  test_tls_client_show_certificate (stage->client, stage->certs);
  stage_shake_hands (stage);
  stage_talk (stage);

  resume (stage, TEST_TLS_1_2);
  stage_shake_hands (stage);
  g_assert_true (is_resumed (stage));
  check_key_id (stage);
}

static void
test_certificate_no_ticket (Stage        *stage,
                            gconstpointer user_data)
{
  stage_connect (stage, TEST_TLS_1_3);
  test_tls_client_show_certificate (stage->client, stage->certs);
  stage_shake_hands (stage);
  stage_talk (stage);
  g_assert_cmpuint (test_tls_client_get_n_tickets (stage->client), ==, 0);
}

static void
test_certificate_property (Stage        *stage,
                           gconstpointer user_data)
{
  g_autoptr (GTlsCertificate) expected = NULL;
  g_autoptr (GError) error = NULL;
  GTlsCertificate *certificate = NULL;

  stage_connect (stage, "NORMAL");
  test_tls_client_show_certificate (stage->client, stage->certs);
  stage_shake_hands (stage);
  expected = g_tls_certificate_new_from_file (stage->certs->client_cert, &error);
  g_assert_no_error (error);
  certificate = g_tls_connection_get_peer_certificate (G_TLS_CONNECTION (stage->tls));
  g_assert_true (g_tls_certificate_is_same (certificate, expected));
  g_assert_cmpuint (g_tls_connection_get_peer_certificate_errors (G_TLS_CONNECTION (stage->tls)), ==,
                    G_TLS_CERTIFICATE_UNKNOWN_CA);
}

static gboolean
accept_cb (GTlsConnection      *connection,
           GTlsCertificate     *certificate,
           GTlsCertificateFlags errors,
           gpointer             user_data)
{
  g_assert_true (G_IS_TLS_CERTIFICATE (certificate));
  g_assert_cmpuint (errors, ==, G_TLS_CERTIFICATE_UNKNOWN_CA);
  return GPOINTER_TO_INT (user_data);
}

static void
test_certificate_accepted (Stage        *stage,
                           gconstpointer user_data)
{
  stage_connect (stage, "NORMAL");
  test_tls_client_show_certificate (stage->client, stage->certs);
  g_signal_connect (stage->tls, "accept-certificate", G_CALLBACK (accept_cb), GINT_TO_POINTER (TRUE));
  stage_shake_hands (stage);
  stage_talk (stage);
}

static void
expect_refusal (Stage    *stage,
                GTlsError code)
{
  char byte = 0;

  stage_run (stage);
  test_tls_client_handshake (stage->client);
  stage_wait_for_end (stage);
  g_assert_error (stage->error, G_TLS_ERROR, (int) code);
  g_assert_false (stage->established);
  g_assert_cmpint (test_tls_client_receive (stage->client, &byte, 1), ==, GNUTLS_E_FATAL_ALERT_RECEIVED);
}

static void
test_certificate_refused (Stage        *stage,
                          gconstpointer user_data)
{
  stage_connect (stage, TEST_TLS_1_3);
  test_tls_client_show_certificate (stage->client, stage->certs);
  g_signal_connect (stage->tls, "accept-certificate", G_CALLBACK (accept_cb), GINT_TO_POINTER (FALSE));
  expect_refusal (stage, G_TLS_ERROR_BAD_CERTIFICATE);
}

static void
test_certificate_required (Stage        *stage,
                           gconstpointer user_data)
{
  stage_connect (stage, TEST_TLS_1_3);
  g_object_set (stage->tls, "authentication-mode", G_TLS_AUTHENTICATION_REQUIRED, NULL);
  expect_refusal (stage, G_TLS_ERROR_CERTIFICATE_REQUIRED);
}

static void
test_certificate_not_asked (Stage        *stage,
                            gconstpointer user_data)
{
  stage_connect (stage, "NORMAL");
  test_tls_client_show_certificate (stage->client, stage->certs);
  g_object_set (stage->tls, "authentication-mode", G_TLS_AUTHENTICATION_NONE, NULL);
  stage_shake_hands (stage);
  g_assert_null (cbs_tls_connection_get_peer_key_id (stage->tls));
}

static void
set_database (Stage      *stage,
              const char *file)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GTlsDatabase) database = g_tls_file_database_new (file, &error);

  g_assert_no_error (error);
  g_tls_connection_set_database (G_TLS_CONNECTION (stage->tls), database);
}

static void
test_database_known (Stage        *stage,
                     gconstpointer user_data)
{
  stage_connect (stage, TEST_TLS_1_3);
  test_tls_client_show_certificate (stage->client, stage->certs);
  set_database (stage, stage->certs->client_cert);
  stage_shake_hands (stage);
  stage_talk (stage);
  g_assert_cmpuint (g_tls_connection_get_peer_certificate_errors (G_TLS_CONNECTION (stage->tls)), ==, 0);
}

static void
test_database_unknown (Stage        *stage,
                       gconstpointer user_data)
{
  stage_connect (stage, TEST_TLS_1_3);
  test_tls_client_show_certificate (stage->client, stage->certs);
  set_database (stage, stage->certs->ca);
  expect_refusal (stage, G_TLS_ERROR_BAD_CERTIFICATE);
}

static void
test_protocol (Stage        *stage,
               gconstpointer user_data)
{
  const char *const protocols[] = { "other", "chatterbox", NULL };
  const gnutls_datum_t offered = { (guint8 *) "chatterbox", 10 };

  stage_connect (stage, "NORMAL");
  g_tls_connection_set_advertised_protocols (G_TLS_CONNECTION (stage->tls), protocols);
  g_assert_cmpint (gnutls_alpn_set_protocols (test_tls_client_get_session (stage->client), &offered, 1, 0), ==, 0);
  stage_shake_hands (stage);
  g_assert_cmpstr (g_tls_connection_get_negotiated_protocol (G_TLS_CONNECTION (stage->tls)), ==, "chatterbox");
}

static void
count_cb (GObject    *object,
          GParamSpec *pspec,
          gpointer    user_data)
{
  guint *n_notified = user_data;

  (*n_notified)++;
}

static void
test_notify (Stage        *stage,
             gconstpointer user_data)
{
  guint n_notified = 0;

  stage_connect (stage, "NORMAL");
  g_signal_connect (stage->tls, "notify::protocol-version", G_CALLBACK (count_cb), &n_notified);
  g_assert_cmpint (g_tls_connection_get_protocol_version (G_TLS_CONNECTION (stage->tls)), ==,
                   G_TLS_PROTOCOL_VERSION_UNKNOWN);
  stage_shake_hands (stage);
  stage_talk (stage);
  g_assert_cmpuint (n_notified, ==, 1);
}

static void
test_binding_early (Stage        *stage,
                    gconstpointer user_data)
{
  g_autoptr (GByteArray) data = g_byte_array_new ();
  g_autoptr (GError) error = NULL;

  stage_connect (stage, "NORMAL");
  g_assert_false (g_tls_connection_get_channel_binding_data (G_TLS_CONNECTION (stage->tls),
                                                             G_TLS_CHANNEL_BINDING_TLS_EXPORTER, data, &error));
  g_assert_error (error, G_TLS_CHANNEL_BINDING_ERROR, G_TLS_CHANNEL_BINDING_ERROR_INVALID_STATE);
}

static void
test_binding_unique (Stage        *stage,
                     gconstpointer user_data)
{
  g_autoptr (GByteArray) data = g_byte_array_new ();
  g_autoptr (GError) error = NULL;

  stage_establish (stage, TEST_TLS_1_3);
  g_assert_false (g_tls_connection_get_channel_binding_data (G_TLS_CONNECTION (stage->tls),
                                                             G_TLS_CHANNEL_BINDING_TLS_UNIQUE, data, &error));
  g_assert_error (error, G_TLS_CHANNEL_BINDING_ERROR, G_TLS_CHANNEL_BINDING_ERROR_NOT_AVAILABLE);
}

static void
test_binding_end_point (Stage        *stage,
                        gconstpointer user_data)
{
  g_autoptr (GByteArray) data = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  gnutls_datum_t expected = { 0 };

  stage_establish (stage, "NORMAL");
  g_tls_connection_get_channel_binding_data (G_TLS_CONNECTION (stage->tls),
                                             G_TLS_CHANNEL_BINDING_TLS_SERVER_END_POINT, data, &error);
  g_assert_no_error (error);
  g_assert_cmpint (gnutls_session_channel_binding (test_tls_client_get_session (stage->client),
                                                   GNUTLS_CB_TLS_SERVER_END_POINT, &expected), ==, 0);
  test_tls_assert_same (data->data, data->len, expected.data, expected.size);
  gnutls_free (expected.data);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  stage_add_test ("/tls-handshake/not-tls", NULL, test_not_tls);
  stage_add_test ("/tls-handshake/closed-at-once", NULL, test_closed_at_once);
  stage_add_test ("/tls-handshake/hello/bytewise", NULL, test_hello_bytewise);
  stage_add_test ("/tls-handshake/hello/record-too-large", &record_too_large, test_hello_too_large);
  stage_add_test ("/tls-handshake/hello/message-too-large", &message_too_large, test_hello_too_large);
  stage_add_test ("/tls-handshake/refused/1.1", "NORMAL:-VERS-ALL:+VERS-TLS1.1", test_refused);
  stage_add_test ("/tls-handshake/refused/cbc",
                  "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC:+AES-256-CBC", test_refused);
  stage_add_test ("/tls-handshake/refused/finite-field",
                  "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+DHE-RSA", test_refused);
  stage_add_test ("/tls-handshake/refused/renegotiation", NULL, test_renegotiation);
  stage_add_test ("/tls-handshake/resumption/1.2", TEST_TLS_1_2, test_resumption);
  stage_add_test ("/tls-handshake/resumption/1.3", TEST_TLS_1_3, test_resumption);
  stage_add_test ("/tls-handshake/resumption/elsewhere/1.2", TEST_TLS_1_2, test_resumption_elsewhere);
  stage_add_test ("/tls-handshake/resumption/elsewhere/1.3", TEST_TLS_1_3, test_resumption_elsewhere);
  stage_add_test ("/tls-handshake/certificate/key-id/1.2", TEST_TLS_1_2, test_certificate_key_id);
  stage_add_test ("/tls-handshake/certificate/key-id/1.3", TEST_TLS_1_3, test_certificate_key_id);
  stage_add_test ("/tls-handshake/certificate/none", NULL, test_certificate_none);
  stage_add_test ("/tls-handshake/certificate/resumed", NULL, test_certificate_resumed);
  stage_add_test ("/tls-handshake/certificate/no-ticket", NULL, test_certificate_no_ticket);
  stage_add_test ("/tls-handshake/certificate/property", NULL, test_certificate_property);
  stage_add_test ("/tls-handshake/certificate/accepted", NULL, test_certificate_accepted);
  stage_add_test ("/tls-handshake/certificate/refused", NULL, test_certificate_refused);
  stage_add_test ("/tls-handshake/certificate/required", NULL, test_certificate_required);
  stage_add_test ("/tls-handshake/certificate/not-asked", NULL, test_certificate_not_asked);
  stage_add_test ("/tls-handshake/database/known", NULL, test_database_known);
  stage_add_test ("/tls-handshake/database/unknown", NULL, test_database_unknown);
  stage_add_test ("/tls-handshake/protocol", NULL, test_protocol);
  stage_add_test ("/tls-handshake/notify", NULL, test_notify);
  stage_add_test ("/tls-handshake/binding/early", NULL, test_binding_early);
  stage_add_test ("/tls-handshake/binding/unique", NULL, test_binding_unique);
  stage_add_test ("/tls-handshake/binding/end-point", NULL, test_binding_end_point);

  return g_test_run ();
}
