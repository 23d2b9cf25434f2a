/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

#include "common/test-peer.h"
#include "common/test-program.h"

#define FEATURES "[\"message-ids\",\"history\",\"search\",\"users\",\"blocks\",\"read-markers\",\"identity\"]"

#define MAX_TRIES 100000

/* What must never reach who is not meant. */
#define CANARY "CANARY-7f3a91"

/* Connects, and records all that comes; plain without features. */
static TestPeer *
try_to_enter (TestServer      *server,
              const char      *name,
              GTlsCertificate *certificate,
              const char      *local_address,
              gboolean         plain,
              JsonObject     **out_answer)
{
  TestPeer *peer = test_peer_connect_as (server->address, server->certs->ca, certificate, local_address);

  test_peer_record (peer);
  for (guint i = 0; i < MAX_TRIES; i++)
    {
      g_autoptr (JsonObject) answer = NULL;

      if (plain)
        {
          g_autofree char *json = g_strdup_printf ("{\"USERNAME\": \"%s\"}", name);

          test_peer_send (peer, json);
          answer = test_peer_receive_with (peer, "USERNAME_ACCEPTED");
        }
      else
        answer = test_peer_log_in (peer, name, FEATURES, NULL);

      /* Its last connection may not have ended yet. */
      if (json_object_get_boolean_member (answer, "USERNAME_ACCEPTED") ||
          strstr (json_object_get_string_member (answer, "INFO"), "in use") == NULL)
        {
          *out_answer = g_steal_pointer (&answer);
          return peer;
        }
    }

  g_error ("“%s” does not become free", name);
  return NULL;
}

static TestPeer *
enter (TestServer      *server,
       const char      *name,
       GTlsCertificate *certificate)
{
  g_autoptr (JsonObject) answer = NULL;
  TestPeer *peer = try_to_enter (server, name, certificate, NULL, FALSE, &answer);

  g_assert_true (json_object_get_boolean_member (answer, "USERNAME_ACCEPTED"));
  return peer;
}

static void
expect_refusal (TestServer      *server,
                const char      *name,
                GTlsCertificate *certificate,
                const char      *local_address,
                gboolean         plain,
                const char      *part)
{
  g_autoptr (JsonObject) answer = NULL;
  g_autoptr (TestPeer) peer = try_to_enter (server, name, certificate, local_address, plain, &answer);

  g_assert_nonnull (peer);
  g_assert_false (json_object_get_boolean_member (answer, "USERNAME_ACCEPTED"));
  g_assert_nonnull (strstr (json_object_get_string_member (answer, "INFO"), part));
  g_assert_cmpuint (json_object_get_size (answer), ==, 2);
}

static void
expect_content (TestPeer   *peer,
                const char *content,
                gboolean    with_token)
{
  g_autoptr (JsonArray) message = test_peer_receive_message (peer);

  g_assert_cmpstr (json_array_get_string_element (message, 3), ==, content);
  g_assert_cmpint (json_object_has_member (json_array_get_object_element (message, 4), "token"), ==, with_token);
}

static char *
get_key_id (GTlsCertificate *certificate)
{
  g_autoptr (GByteArray) der = NULL;
  gnutls_x509_crt_t parsed = NULL;
  gnutls_datum_t datum = { 0 };
  guint8 id[32];
  gsize len = sizeof id;
  GString *text = g_string_new (NULL);

  g_object_get (certificate, "certificate", &der, NULL);
  datum.data = der->data;
  datum.size = der->len;
  g_assert_cmpint (gnutls_x509_crt_init (&parsed), ==, 0);
  g_assert_cmpint (gnutls_x509_crt_import (parsed, &datum, GNUTLS_X509_FMT_DER), ==, 0);
  g_assert_cmpint (gnutls_x509_crt_get_key_id (parsed, GNUTLS_KEYID_USE_SHA256, id, &len), ==, 0);
  gnutls_x509_crt_deinit (parsed);
  for (gsize i = 0; i < len; i++)
    g_string_append_printf (text, "%02x", id[i]);
  return g_string_free (text, FALSE);
}

static void
finish (TestServer *server)
{
  g_assert_cmpint (test_server_stop (server), ==, 0);
  test_server_free (server);
}

/* The first key to use a name owns it. */
static void
test_owned (void)
{
  g_autoptr (GTlsCertificate) key = test_certs_new_identity ();
  g_autoptr (GTlsCertificate) other_key = test_certs_new_identity ();
  TestServer *server = test_server_start ("[names]\nhold=0\n");
  TestPeer *ada = enter (server, "ada", key);

  for (guint i = 0; i < 2; i++)
    {
      expect_refusal (server, "ada", other_key, NULL, FALSE, "“ada” belongs to somebody else's key");
      expect_refusal (server, "ada", NULL, NULL, FALSE, "“ada” belongs to somebody else's key");
      expect_refusal (server, "ada", key, NULL, TRUE, "“ada” belongs to somebody else's key");
      /* While nobody is there, and after a start anew. */
      g_clear_pointer (&ada, test_peer_free);
      if (i == 0)
        {
          g_assert_cmpint (test_server_stop (server), ==, 0);
          test_server_restart (server);
        }
    }
  test_peer_free (enter (server, "ada", key));
  finish (server);
}

/* Several devices of one owner: each sees what the others do. */
static void
test_devices (void)
{
  g_autoptr (GTlsCertificate) key = test_certs_new_identity ();
  TestServer *server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = enter (server, "bob", NULL);
  g_autoptr (TestPeer) phone = enter (server, "ada", key);
  g_autoptr (TestPeer) desk = enter (server, "ada", key);
  g_autoptr (JsonObject) answer = NULL;
  g_autoptr (JsonObject) pushed = NULL;
  g_autoptr (JsonObject) users = NULL;

  test_peer_say_token (phone, "bob", "hello", "t");
  expect_content (phone, "hello", TRUE);
  expect_content (desk, "hello", FALSE);
  expect_content (bob, "hello", FALSE);
  test_peer_say (bob, "ada", "hi");
  expect_content (phone, "hi", FALSE);
  expect_content (desk, "hi", FALSE);

  answer = test_peer_request (phone, "\"BLOCKS\": {\"block\": [\"bob\"]}");
  pushed = test_peer_receive_with (desk, "BLOCKS");
  g_assert_false (json_object_has_member (pushed, "REQUEST"));
  g_assert_cmpstr (json_array_get_string_element (json_object_get_array_member (pushed, "BLOCKS"), 0), ==, "bob");

  users = test_peer_request (bob, "\"USERS\": {\"online\": true}");
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (
                                             json_object_get_object_member (users, "USERS"), "users")), ==, 2);
  /* It is gone with its last device. */
  g_clear_pointer (&phone, test_peer_free);
  test_peer_say_token (desk, "ALL", "still here", NULL);
  expect_content (desk, "still here", FALSE);
  g_clear_pointer (&desk, test_peer_free);
  {
    g_autoptr (JsonObject) left = test_peer_receive_with (bob, "USERS_LEFT");

    g_assert_cmpuint (json_array_get_length (json_object_get_array_member (left, "USERS_LEFT")), ==, 1);
  }
  g_clear_pointer (&bob, test_peer_free);
  finish (server);
}

static void
assert_marker (JsonObject *object,
               const char *with,
               gint64      expected)
{
  g_assert_cmpint (json_object_get_int_member_with_default (json_object_get_object_member (object, "READ"),
                                                            with, -1), ==, expected);
}

static void
test_read_markers (void)
{
  g_autoptr (GTlsCertificate) key = test_certs_new_identity ();
  TestServer *server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = enter (server, "bob", NULL);
  g_autoptr (TestPeer) phone = enter (server, "ada", key);
  g_autoptr (TestPeer) desk = enter (server, "ada", key);
  g_autoptr (JsonObject) answer = NULL;
  g_autoptr (JsonObject) pushed = NULL;
  g_autoptr (JsonObject) error = NULL;
  g_autoptr (JsonObject) welcome = NULL;

  answer = test_peer_request (phone, "\"READ\": {\"ALL\": 2, \"bob\": 1}");
  assert_marker (answer, "ALL", 2);
  assert_marker (answer, "bob", 1);
  /* Each has its own append, and may come in a frame of its own. */
  pushed = test_peer_receive_with (desk, "READ");
  error = test_peer_request (phone, "\"READ\": {\"nobody\": 1}");
  g_assert_true (json_object_has_member (error, "ERROR"));
  g_clear_pointer (&error, json_object_unref);
  error = test_peer_request (phone, "\"READ\": {\"ALL\": 1000000}");
  g_assert_true (json_object_has_member (error, "ERROR"));

  g_clear_pointer (&phone, test_peer_free);
  g_clear_pointer (&desk, test_peer_free);
  test_server_kill (server);
  test_server_restart (server);
  phone = try_to_enter (server, "ada", key, NULL, FALSE, &welcome);
  assert_marker (welcome, "ALL", 2);
  assert_marker (welcome, "bob", 1);
  g_clear_pointer (&phone, test_peer_free);
  g_clear_pointer (&bob, test_peer_free);
  finish (server);
}

static void
test_keys (void)
{
  g_autoptr (GTlsCertificate) key = test_certs_new_identity ();
  g_autoptr (GTlsCertificate) new_key = test_certs_new_identity ();
  g_autofree char *key_id = get_key_id (key);
  g_autofree char *new_key_id = get_key_id (new_key);
  TestServer *server = test_server_start (NULL);
  g_autoptr (TestPeer) old = enter (server, "ada", key);
  g_autoptr (TestPeer) new = NULL;
  g_autoptr (TestPeer) bob = enter (server, "bob", NULL);
  g_autoptr (JsonObject) answer = NULL;
  JsonArray *keys = NULL;

  answer = test_peer_request (old, "\"KEYS\": {\"revoke\": [\"%s\"]}", key_id);
  g_assert_true (json_object_has_member (answer, "ERROR"));
  g_clear_pointer (&answer, json_object_unref);
  /* Without a key it has not announced that, whatever it asked for. */
  answer = test_peer_request (bob, "\"KEYS\": {}, \"USERS\": {}");
  g_assert_true (json_object_has_member (answer, "USERS"));
  g_clear_pointer (&answer, json_object_unref);

  answer = test_peer_request (old, "\"KEYS\": {\"add\": [\"%s\"]}", new_key_id);
  keys = json_object_get_array_member (answer, "KEYS");
  g_assert_cmpuint (json_array_get_length (keys), ==, 2);
  g_assert_cmpstr (json_object_get_string_member (json_array_get_object_element (keys, 0), "id"), ==, key_id);
  g_assert_true (json_object_get_boolean_member (json_array_get_object_element (keys, 0), "current"));
  g_assert_cmpstr (json_object_get_string_member (json_array_get_object_element (keys, 1), "id"), ==, new_key_id);
  g_assert_false (json_object_get_boolean_member (json_array_get_object_element (keys, 1), "current"));

  new = enter (server, "ada", new_key);
  g_clear_pointer (&answer, json_object_unref);
  answer = test_peer_request (new, "\"KEYS\": {\"revoke\": [\"%s\"]}", key_id);
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (answer, "KEYS")), ==, 1);
  test_peer_expect_error (old, "revoked");
  test_peer_expect_end (old);
  expect_refusal (server, "ada", key, NULL, FALSE, "belongs to somebody else's key");

  g_clear_pointer (&old, test_peer_free);
  g_clear_pointer (&new, test_peer_free);
  g_clear_pointer (&bob, test_peer_free);
  finish (server);
}

/* A name without a key is kept for the address that used it last, unless that is turned off. */
static void
test_hold (void)
{
  TestServer *server = test_server_start ("[names]\nhold=3600\n");
  g_autoptr (JsonObject) answer = NULL;

  test_peer_free (enter (server, "ada", NULL));
  expect_refusal (server, "ada", NULL, "127.0.0.2", FALSE, "“ada” is kept for another address");
  expect_refusal (server, "ada", NULL, "127.0.0.2", TRUE, "“ada” is kept for another address");
  test_server_kill (server);
  test_server_restart (server);
  expect_refusal (server, "ada", NULL, "127.0.0.2", TRUE, "“ada” is kept for another address");
  test_peer_free (enter (server, "ada", NULL));
  finish (server);

  server = test_server_start ("[names]\nhold=0\n");
  test_peer_free (enter (server, "ada", NULL));
  test_peer_free (try_to_enter (server, "ada", NULL, "127.0.0.2", FALSE, &answer));
  g_assert_true (json_object_get_boolean_member (answer, "USERNAME_ACCEPTED"));
  finish (server);
}

/* Runs chatterboxd --release-name on a server's directory; returns its status. */
static int
release_name (TestServer *server,
              const char *name)
{
  g_autofree char *option = g_strconcat ("--release-name=", name, NULL);
  g_autofree char *directory = g_strconcat ("--state-directory=", server->state_directory, NULL);
  const char *const argv[] = { g_getenv ("CHATTERBOX_TEST_CHATTERBOXD"), option, directory, NULL };
  g_autoptr (TestProgram) program = test_program_spawn (argv);

  return test_program_wait (program);
}

/* Logs in, and asks for all that can be asked for: the canary must not be in a single byte. */
static void
assert_no_canary (TestServer      *server,
                  const char      *name,
                  GTlsCertificate *certificate,
                  const char      *local_address,
                  gboolean         plain)
{
  g_autoptr (JsonObject) answer = NULL;
  g_autoptr (TestPeer) peer = try_to_enter (server, name, certificate, local_address, plain, &answer);
  const GByteArray *record = test_peer_get_record (peer);

  if (!plain && json_object_get_boolean_member (answer, "USERNAME_ACCEPTED"))
    {
      json_object_unref (test_peer_request (peer, "\"HISTORY\": {\"limit\": 500}"));
      json_object_unref (test_peer_request (peer, "\"HISTORY\": {\"after\": 0}"));
      json_object_unref (test_peer_request (peer, "\"HISTORY\": {\"with\": \"bob\"}"));
      json_object_unref (test_peer_request (peer, "\"SEARCH\": {\"text\": \"canary\"}"));
      json_object_unref (test_peer_request (peer, "\"SEARCH\": {\"text\": \"CANARY*\", \"order\": \"rank\"}"));
      json_object_unref (test_peer_request (peer, "\"BLOCKS\": {}"));
    }
  g_assert_null (memmem (record->data, record->len, CANARY, strlen (CANARY)));
}

/* Ada gets and sends a secret, in public and in private; then she goes. */
static void
whisper (TestServer      *server,
         GTlsCertificate *key)
{
  g_autoptr (TestPeer) ada = enter (server, "ada", key);
  g_autoptr (TestPeer) bob = enter (server, "bob", NULL);
  g_autoptr (JsonObject) page = NULL;

  test_peer_say (bob, "ada", "to ada " CANARY);
  expect_content (ada, "to ada " CANARY, FALSE);
  test_peer_say (ada, "bob", "from ada " CANARY);
  expect_content (ada, "from ada " CANARY, FALSE);
  /* The canary can be found by those whom it is for. */
  page = test_peer_request (ada, "\"HISTORY\": {}");
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (page, "MESSAGES")), ==, 2);
}

/* Another key, no key and another address get nothing; nor does the next holder. */
static void
test_canary_key (void)
{
  g_autoptr (GTlsCertificate) key = test_certs_new_identity ();
  g_autoptr (GTlsCertificate) other_key = test_certs_new_identity ();
  TestServer *server = test_server_start (NULL);

  whisper (server, key);
  for (guint i = 0; i < 2; i++)
    {
      assert_no_canary (server, "ada", other_key, NULL, FALSE);
      assert_no_canary (server, "ada", NULL, NULL, FALSE);
      assert_no_canary (server, "ada", NULL, "127.0.0.2", TRUE);
      assert_no_canary (server, "eve", other_key, NULL, FALSE);
      if (i > 0)
        break;

      g_assert_cmpint (release_name (server, "ada"), ==, 1);
      g_assert_cmpint (test_server_stop (server), ==, 0);
      g_assert_cmpint (release_name (server, "nobody"), ==, 1);
      g_assert_cmpint (release_name (server, "ada"), ==, 0);
      test_server_restart (server);
    }
  finish (server);
}

static void
test_canary_address (void)
{
  TestServer *server = test_server_start ("[names]\nhold=1000\n");

  whisper (server, NULL);
  assert_no_canary (server, "ada", NULL, "127.0.0.2", FALSE);
  assert_no_canary (server, "ada", NULL, "127.0.0.2", TRUE);
  g_assert_cmpint (test_server_stop (server), ==, 0);
  g_assert_cmpint (release_name (server, "ada"), ==, 0);
  test_server_restart (server);
  assert_no_canary (server, "ada", NULL, "127.0.0.2", FALSE);
  assert_no_canary (server, "ada", NULL, NULL, FALSE);
  finish (server);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/identity/owned", test_owned);
  g_test_add_func ("/identity/devices", test_devices);
  g_test_add_func ("/identity/read-markers", test_read_markers);
  g_test_add_func ("/identity/keys", test_keys);
  g_test_add_func ("/identity/hold", test_hold);
  g_test_add_func ("/identity/canary/key", test_canary_key);
  g_test_add_func ("/identity/canary/address", test_canary_address);

  return g_test_run ();
}
