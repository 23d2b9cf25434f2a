/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/cbs-server.h"

#include <string.h>

#include "common/test-certs.h"
#include "common/test-log.h"
#include "common/test-peer.h"

typedef struct
{
  TestCerts *certs;
  CbsConfig *config;
  TestLog   *log;
  CbsServer *server;
  char      *address;
} Fixture;

static void
store_result_cb (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  GAsyncResult **out_result = user_data;

  *out_result = g_object_ref (result);
}

static gboolean
start (CbsServer *server,
       GError   **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  cbs_server_start_async (server, store_result_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return cbs_server_start_finish (server, result, error);
}

static gboolean
stop (CbsServer *server,
      GError   **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  cbs_server_stop_async (server, store_result_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return cbs_server_stop_finish (server, result, error);
}

static CbsServer *
make_server (Fixture *fixture)
{
  g_autoptr (CbsTlsCredentials) credentials = NULL;
  g_autoptr (GError) error = NULL;

  credentials = cbs_tls_credentials_new_from_files (fixture->certs->cert, fixture->certs->key, &error);
  g_assert_no_error (error);
  return cbs_server_new (fixture->config, credentials, CBS_LOG (fixture->log));
}

static void
fixture_set_up (Fixture      *fixture,
                gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) addresses = NULL;

  fixture->certs = test_certs_new ();
  fixture->config = cbs_config_new ();
  fixture->config->listen = g_strsplit ("127.0.0.1:0", ",", -1);
  fixture->log = test_log_new ();
  fixture->server = make_server (fixture);
  start (fixture->server, &error);
  g_assert_no_error (error);
  addresses = cbs_server_dup_addresses (fixture->server);
  fixture->address = g_strdup (addresses[0]);
}

static void
fixture_tear_down (Fixture      *fixture,
                   gconstpointer user_data)
{
  if (fixture->server != NULL)
    stop (fixture->server, NULL);
  g_clear_object (&fixture->server);
  /* What was on its way when the server went holds it for some turns. */
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_finalize_object (fixture->log);
  cbs_config_free (fixture->config);
  test_certs_free (fixture->certs);
  g_free (fixture->address);
}

static TestPeer *
join (Fixture    *fixture,
      const char *name)
{
  TestPeer *peer = test_peer_connect (fixture->address, fixture->certs->ca);

  json_object_unref (test_peer_join (peer, name));
  return peer;
}

static void
expect_content (TestPeer   *peer,
                const char *content)
{
  g_autoptr (JsonArray) message = test_peer_receive_message (peer);

  g_assert_cmpstr (json_array_get_string_element (message, 3), ==, content);
}

static void
wait_for_held (Fixture *fixture,
               guint    n_held)
{
  while (test_log_count_held (fixture->log) < n_held)
    g_main_context_iteration (NULL, TRUE);
}

/* What is not committed is not delivered: a later command's answer comes first only if it overtook. */
static void
test_nothing_before_commit (Fixture      *fixture,
                            gconstpointer user_data)
{
  g_autoptr (TestPeer) ada = join (fixture, "ada");
  g_autoptr (TestPeer) bob = join (fixture, "bob");

  json_object_unref (test_peer_receive_with (ada, "USERS_JOINED"));
  test_log_hold (fixture->log);
  test_peer_say (ada, "ALL", "stored");
  wait_for_held (fixture, 1);
  test_peer_say (bob, "bob", "/Name");
  expect_content (bob, "Your username is bob");

  test_log_release (fixture->log);
  expect_content (bob, "stored");
  expect_content (ada, "stored");
}

/* A command's answer comes behind all that its sender said before it. */
static void
test_answer_in_order (Fixture      *fixture,
                      gconstpointer user_data)
{
  g_autoptr (TestPeer) ada = join (fixture, "ada");

  test_log_hold (fixture->log);
  test_peer_say (ada, "ALL", "first");
  test_peer_say (ada, "ada", "/Name");
  wait_for_held (fixture, 1);
  test_log_release (fixture->log);
  expect_content (ada, "first");
  expect_content (ada, "Your username is ada");
}

/* The sender is told, and the room goes on. */
static void
test_full_log (Fixture      *fixture,
               gconstpointer user_data)
{
  g_autoptr (TestPeer) ada = join (fixture, "ada");

  test_log_refuse (fixture->log, CBS_LOG_ERROR_FULL, "The disk is full: nothing was stored");
  test_peer_say (ada, "ALL", "lost");
  test_peer_expect_error (ada, "disk is full");
  test_peer_say (ada, "ada", "/Block bob");
  test_peer_say (ada, "ada", "/Name");
  expect_content (ada, "The following users will now be blocked: \nNot known here, or yourself: bob");
  expect_content (ada, "Your username is ada");

  test_log_refuse (fixture->log, 0, NULL);
  test_peer_say (ada, "ALL", "kept");
  expect_content (ada, "kept");
}

/* A login that can't be stored is refused, and may be tried again. */
static void
test_full_log_login (Fixture      *fixture,
                     gconstpointer user_data)
{
  g_autoptr (TestPeer) ada = test_peer_connect (fixture->address, fixture->certs->ca);
  g_autoptr (JsonObject) answer = NULL;

  test_log_refuse (fixture->log, CBS_LOG_ERROR_FULL, "The disk is full: nothing was stored");
  test_peer_send (ada, "{\"USERNAME\": \"ada\"}");
  answer = test_peer_receive (ada);
  g_assert_false (json_object_get_boolean_member (answer, "USERNAME_ACCEPTED"));
  test_log_refuse (fixture->log, 0, NULL);
  json_object_unref (test_peer_join (ada, "ada"));
}

/* Who goes while its login is on the way to the log leaves no ghost. */
static void
test_gone_while_joining (Fixture      *fixture,
                         gconstpointer user_data)
{
  g_autoptr (TestPeer) bob = join (fixture, "bob");
  TestPeer *ada = test_peer_connect (fixture->address, fixture->certs->ca);
  g_autoptr (JsonObject) left = NULL;

  test_log_hold (fixture->log);
  test_peer_send (ada, "{\"USERNAME\": \"ada\"}");
  wait_for_held (fixture, 1);
  test_peer_reset (ada);
  test_peer_free (ada);
  test_peer_say (bob, "bob", "/Name");
  expect_content (bob, "Your username is bob");
  test_log_release (fixture->log);

  test_peer_say (bob, "ALL", "who is here?");
  expect_content (bob, "who is here?");
  test_peer_free (join (fixture, "ada"));
  left = test_peer_receive_with (bob, "USERS_LEFT");
}

static TestPeer *
join_with_ids (Fixture    *fixture,
               const char *name)
{
  TestPeer *peer = test_peer_connect (fixture->address, fixture->certs->ca);
  g_autoptr (JsonObject) welcome = test_peer_log_in (peer, name, "[\"message-ids\",\"history\"]", NULL);

  g_assert_true (json_object_get_boolean_member (welcome, "USERNAME_ACCEPTED"));
  return peer;
}

static gint64
expect_receipt (TestPeer   *peer,
                const char *content,
                const char *token)
{
  g_autoptr (JsonArray) message = test_peer_receive_message (peer);
  JsonObject *extension = json_array_get_object_element (message, 4);

  g_assert_cmpstr (json_array_get_string_element (message, 3), ==, content);
  g_assert_cmpstr (json_object_get_string_member_with_default (extension, "token", NULL), ==, token);
  return json_object_get_int_member (extension, "id");
}

static GByteArray *
make_frame (GByteArray *frames,
            const char *json)
{
  const gsize len = strlen (json);
  const guint32 prefix = GUINT32_TO_BE ((guint32) len);

  g_byte_array_append (frames, (const guint8 *) &prefix, sizeof prefix);
  return g_byte_array_append (frames, (const guint8 *) json, (guint) len);
}

/* What is said right behind a login is answered by its receipt: its past, which would tell it without
 * the token, has to be over by then. */
static void
test_receipt_behind_replay (Fixture      *fixture,
                            gconstpointer user_data)
{
  g_autoptr (TestPeer) bob = join (fixture, "bob");
  g_autoptr (TestPeer) ada = test_peer_connect (fixture->address, fixture->certs->ca);
  g_autoptr (GByteArray) frames = g_byte_array_new ();
  g_autoptr (JsonObject) welcome = NULL;

  test_peer_say (bob, "ALL", "before");
  expect_content (bob, "before");
  make_frame (frames, "{\"USERNAME\": \"ada\", \"FEATURES\": [\"message-ids\"]}");
  make_frame (frames, "{\"MESSAGES\": [[\"ada\", \"ALL\", 1, \"first\", {\"token\": \"t\"}]]}");
  test_peer_send_bytes (ada, frames->data, frames->len);

  welcome = test_peer_receive (ada);
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (welcome, "MESSAGES")), ==, 1);
  expect_receipt (ada, "first", "t");
  expect_content (bob, "first");
}

/* A token that is known is answered by what was stored, though the same message is still on its way. */
static void
test_repeated (Fixture      *fixture,
               gconstpointer user_data)
{
  g_autoptr (TestPeer) ada = join_with_ids (fixture, "ada");
  gint64 id = 0;

  test_log_hold (fixture->log);
  for (guint i = 0; i < 3; i++)
    test_peer_say_token (ada, "ALL", "once", "t");
  wait_for_held (fixture, 3);
  test_log_release (fixture->log);
  id = expect_receipt (ada, "once", "t");
  g_assert_cmpint (expect_receipt (ada, "once", "t"), ==, id);
  g_assert_cmpint (expect_receipt (ada, "once", "t"), ==, id);
  test_peer_say_token (ada, "ALL", "next", "u");
  g_assert_cmpint (expect_receipt (ada, "next", "u"), ==, id + 1);
}

/* Who goes while it is being read to costs the others nothing. */
static void
test_gone_while_reading (Fixture      *fixture,
                         gconstpointer user_data)
{
  g_autoptr (TestPeer) bob = join (fixture, "bob");

  for (guint i = 0; i < 20; i++)
    {
      TestPeer *ada = join_with_ids (fixture, "ada");

      json_object_unref (test_peer_receive_with (bob, "USERS_JOINED"));
      for (guint j = 0; j <= i; j++)
        test_peer_send (ada, "{\"HISTORY\": {\"limit\": 500}}");
      test_peer_reset (ada);
      test_peer_free (ada);
      json_object_unref (test_peer_receive_with (bob, "USERS_LEFT"));
    }
  test_peer_say (bob, "ALL", "still here");
  expect_content (bob, "still here");
}

/* All that was taken from a peer before a stop is stored and delivered before the end. */
static void
test_stop_delivers (Fixture      *fixture,
                    gconstpointer user_data)
{
  g_autoptr (TestPeer) ada = join (fixture, "ada");
  g_autoptr (GAsyncResult) result = NULL;

  test_log_hold (fixture->log);
  test_peer_say (ada, "ALL", "last words");
  wait_for_held (fixture, 1);
  test_log_release (fixture->log);
  cbs_server_stop_async (fixture->server, store_result_cb, &result);
  expect_content (ada, "last words");
  test_peer_expect_end (ada);
  g_clear_pointer (&ada, test_peer_free);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_true (cbs_server_stop_finish (fixture->server, result, NULL));
}

static void
test_stop_twice (Fixture      *fixture,
                 gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (stop (fixture->server, NULL));
  g_assert_false (stop (fixture->server, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

static void
test_address_in_use (Fixture      *fixture,
                     gconstpointer user_data)
{
  g_autoptr (CbsServer) second = NULL;
  g_autoptr (GError) error = NULL;

  g_strfreev (fixture->config->listen);
  fixture->config->listen = g_strsplit (fixture->address, ",", -1);
  second = make_server (fixture);
  g_assert_false (start (second, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  g_assert_nonnull (strstr (error->message, fixture->address));
}

/* Dropping the last reference ends what is left, whatever state it is in. */
static void
test_dropped (Fixture      *fixture,
              gconstpointer user_data)
{
  g_autoptr (TestPeer) ada = join (fixture, "ada");
  g_autoptr (TestPeer) nameless = test_peer_connect (fixture->address, fixture->certs->ca);

  g_object_run_dispose (G_OBJECT (fixture->server));
  test_peer_expect_end (ada);
  test_peer_expect_end (nameless);
  g_clear_object (&fixture->server);
}

int
main (int   argc,
      char *argv[])
{
  static const struct
  {
    const char *path;
    void        (*run) (Fixture      *fixture,
                        gconstpointer user_data);
  } cases[] = {
    { "/server/nothing-before-commit", test_nothing_before_commit },
    { "/server/answer-in-order", test_answer_in_order },
    { "/server/full-log", test_full_log },
    { "/server/full-log/login", test_full_log_login },
    { "/server/gone-while-joining", test_gone_while_joining },
    { "/server/receipt-behind-replay", test_receipt_behind_replay },
    { "/server/repeated", test_repeated },
    { "/server/gone-while-reading", test_gone_while_reading },
    { "/server/stop/delivers", test_stop_delivers },
    { "/server/stop/twice", test_stop_twice },
    { "/server/address-in-use", test_address_in_use },
    { "/server/dropped", test_dropped },
  };

  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    g_test_add (cases[i].path, Fixture, NULL, fixture_set_up, cases[i].run, fixture_tear_down);

  return g_test_run ();
}
