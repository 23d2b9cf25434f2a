/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "common/test-peer.h"
#include "common/test-program.h"

static TestServer *server;

static TestPeer *
connect_peer (void)
{
  return test_peer_connect (server->address, server->certs->ca);
}

static TestPeer *
join (const char *name)
{
  TestPeer *peer = connect_peer ();
  JsonObject *welcome = test_peer_join (peer, name);

  json_object_unref (welcome);
  return peer;
}

static void
assert_message (JsonArray  *message,
                const char *source,
                const char *destination,
                const char *content)
{
  g_assert_cmpuint (json_array_get_length (message), ==, 4);
  g_assert_cmpstr (json_array_get_string_element (message, 0), ==, source);
  g_assert_cmpstr (json_array_get_string_element (message, 1), ==, destination);
  g_assert_cmpstr (json_array_get_string_element (message, 3), ==, content);
}

static void
expect_message (TestPeer   *peer,
                const char *source,
                const char *destination,
                const char *content)
{
  g_autoptr (JsonArray) message = test_peer_receive_message (peer);

  assert_message (message, source, destination, content);
}

static gboolean
holds_name (JsonObject *object,
            const char *key,
            const char *name)
{
  JsonArray *names = json_object_get_array_member (object, key);

  for (guint i = 0; i < json_array_get_length (names); i++)
    {
      if (g_str_equal (json_array_get_string_element (names, i), name))
        return TRUE;
    }
  return FALSE;
}

static void
expect_name (TestPeer   *peer,
             const char *key,
             const char *name)
{
  g_autoptr (JsonObject) object = test_peer_receive_with (peer, key);

  g_assert_true (holds_name (object, key, name));
}

static void
test_login (void)
{
  g_autoptr (TestPeer) ada = connect_peer ();
  g_autoptr (JsonObject) welcome = test_peer_join (ada, "login-ada");

  g_assert_true (json_object_has_member (welcome, "INFO"));
  g_assert_true (holds_name (welcome, "USER_LIST", "login-ada"));
  g_assert_true (json_object_has_member (welcome, "MESSAGES"));
  g_assert_cmpuint (json_object_get_size (welcome), ==, 4);
}

/* A refusal says why and leaks nothing else; the next name may be tried on the same connection. */
static void
test_refusal (void)
{
  static const char *const refused[] = {
    "{\"USERNAME\": \"refusal-ada\"}", "{\"USERNAME\": \"REFUSAL-Ada\"}",
    "{\"USERNAME\": \"ALL\"}", "{\"USERNAME\": \"server\"}",
    "{\"USERNAME\": \"\"}", "{\"USERNAME\": \"a b\"}", "{\"USERNAME\": \"@ada\"}",
    "{\"USERNAME\": \"123456789012345678901234567890123\"}",
    "{\"USERNAME\": \"refus\\u0430l-ada\"}",
  };
  TestPeer *ada = join ("refusal-ada");
  g_autoptr (TestPeer) other = connect_peer ();
  g_autoptr (JsonObject) welcome = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autoptr (JsonObject) answer = NULL;

      g_test_message ("%s", refused[i]);
      test_peer_send (other, refused[i]);
      answer = test_peer_receive (other);
      g_assert_false (json_object_get_boolean_member (answer, "USERNAME_ACCEPTED"));
      g_assert_cmpuint (strlen (json_object_get_string_member (answer, "INFO")), >, 0);
      g_assert_cmpuint (json_object_get_size (answer), ==, 2);
    }

  welcome = test_peer_join (other, "refusal-bob");
  g_assert_true (holds_name (welcome, "USER_LIST", "refusal-ada"));
  test_peer_free (ada);
}

/* `barn` and `bam` may both be here. */
static void
test_similar_ascii_names (void)
{
  g_autoptr (TestPeer) barn = join ("barn");
  TestPeer *bam = join ("bam");

  expect_name (barn, "USERS_JOINED", "bam");
  test_peer_free (bam);
}

static void
test_second_login (void)
{
  g_autoptr (TestPeer) ada = join ("second-ada");
  g_autoptr (JsonObject) answer = NULL;

  test_peer_send (ada, "{\"USERNAME\": \"second-bob\"}");
  answer = test_peer_receive_with (ada, "USERNAME_ACCEPTED");
  g_assert_false (json_object_get_boolean_member (answer, "USERNAME_ACCEPTED"));

  test_peer_say (ada, "ALL", "still me");
  expect_message (ada, "second-ada", "ALL", "still me");
}

static void
test_broadcast (void)
{
  g_autoptr (TestPeer) ada = join ("cast-ada");
  g_autoptr (TestPeer) bob = join ("cast-bob");

  test_peer_say (ada, "ALL", "hello, r\u00f6\u00f6m \U0001f98a");
  expect_message (ada, "cast-ada", "ALL", "hello, r\u00f6\u00f6m \U0001f98a");
  expect_message (bob, "cast-ada", "ALL", "hello, r\u00f6\u00f6m \U0001f98a");
}

/* To its addressee alone: what the others get next is the public one behind it. */
static void
test_private (void)
{
  g_autoptr (TestPeer) ada = join ("private-ada");
  g_autoptr (TestPeer) bob = join ("private-bob");
  g_autoptr (TestPeer) eve = join ("private-eve");

  test_peer_say (ada, "private-bob", "between us");
  test_peer_say (ada, "ALL", "for all");
  expect_message (bob, "private-ada", "private-bob", "between us");
  expect_message (bob, "private-ada", "ALL", "for all");
  expect_message (eve, "private-ada", "ALL", "for all");
  expect_message (ada, "private-ada", "ALL", "for all");
}

/* Kept for who is offline; an ERROR for who was never here. */
static void
test_private_offline (void)
{
  g_autoptr (TestPeer) ada = join ("offline-ada");
  g_autoptr (TestPeer) bob = NULL;
  g_autoptr (JsonObject) welcome = NULL;
  JsonArray *messages = NULL;
  guint n_found = 0;

  test_peer_free (join ("offline-bob"));
  expect_name (ada, "USERS_LEFT", "offline-bob");
  test_peer_say (ada, "offline-bob", "read me later");
  test_peer_say (ada, "offline-nobody", "read me never");
  test_peer_expect_error (ada, "offline-nobody");

  bob = connect_peer ();
  welcome = test_peer_join (bob, "offline-bob");
  messages = json_object_get_array_member (welcome, "MESSAGES");
  for (guint i = 0; i < json_array_get_length (messages); i++)
    {
      JsonArray *message = json_array_get_array_element (messages, i);
      const char *destination = json_array_get_string_element (message, 1);

      if (g_str_equal (destination, "ALL"))
        continue;
      assert_message (message, "offline-ada", "offline-bob", "read me later");
      n_found++;
    }
  g_assert_cmpuint (n_found, ==, 1);
}

static void
test_joins_and_leaves (void)
{
  g_autoptr (TestPeer) ada = join ("here-ada");
  TestPeer *bob = join ("here-bob");

  expect_name (ada, "USERS_JOINED", "here-bob");
  test_peer_free (bob);
  expect_name (ada, "USERS_LEFT", "here-bob");

  bob = join ("here-bob");
  expect_name (ada, "USERS_JOINED", "here-bob");
  test_peer_reset (bob);
  expect_name (ada, "USERS_LEFT", "here-bob");
  test_peer_free (bob);
}

static void
test_wrong_source (void)
{
  g_autoptr (TestPeer) ada = join ("source-ada");
  g_autoptr (TestPeer) bob = join ("source-bob");

  test_peer_send (ada, "{\"MESSAGES\": [[\"source-bob\", \"ALL\", 1, \"forged\"]]}");
  test_peer_expect_error (ada, "SRC");
  test_peer_say (ada, "ALL", "genuine");
  expect_message (bob, "source-ada", "ALL", "genuine");
}

/* The tuple is passed on as it came, its time included. */
static void
test_tuple_unchanged (void)
{
  g_autoptr (TestPeer) ada = join ("tuple-ada");
  g_autoptr (JsonArray) message = NULL;

  test_peer_send (ada, "{\"MESSAGES\": [[\"tuple-ada\", \"ALL\", -86400, \" \\u202e \\u0007 \"]]}");
  message = test_peer_receive_message (ada);
  assert_message (message, "tuple-ada", "ALL", " \u202e \a ");
  g_assert_cmpint (json_array_get_int_element (message, 2), ==, -86400);
}

/* Many keys and messages in one frame: USERNAME first, then the messages, in order. */
static void
test_piggy_back (void)
{
  g_autoptr (TestPeer) bob = join ("piggy-bob");
  g_autoptr (TestPeer) ada = connect_peer ();
  g_autoptr (JsonObject) welcome = NULL;

  test_peer_send (ada,
                  "{\"X-UNKNOWN\": {\"a\": [1, 2.5]}, \"MESSAGES\": ["
                  "[\"piggy-ada\", \"ALL\", 1, \"one\"], [\"piggy-ada\", \"piggy-bob\", 2, \"two\"], "
                  "[\"piggy-ada\", \"ALL\", 3, \"three\"]], \"USERNAME\": \"piggy-ada\"}");
  welcome = test_peer_receive (ada);
  g_assert_true (json_object_get_boolean_member (welcome, "USERNAME_ACCEPTED"));
  expect_message (bob, "piggy-ada", "ALL", "one");
  expect_message (bob, "piggy-ada", "piggy-bob", "two");
  expect_message (bob, "piggy-ada", "ALL", "three");
  expect_message (ada, "piggy-ada", "ALL", "one");
  expect_message (ada, "piggy-ada", "ALL", "three");
}

static void
test_messages_before_login (void)
{
  g_autoptr (TestPeer) ada = connect_peer ();
  g_autoptr (JsonObject) welcome = NULL;

  test_peer_send (ada, "{\"MESSAGES\": [[\"early-ada\", \"ALL\", 1, \"too early\"]]}");
  test_peer_expect_error (ada, "Log in");
  welcome = test_peer_join (ada, "early-ada");
}

/* All that was said before a stop reaches who is here, and the program ends in order. */
static void
test_stop (void)
{
  TestServer *own = test_server_start (NULL);
  g_autoptr (TestPeer) ada = test_peer_connect (own->address, own->certs->ca);

  json_object_unref (test_peer_join (ada, "ada"));
  for (guint i = 0; i < 100; i++)
    test_peer_say (ada, "ALL", "last words");
  expect_message (ada, "ada", "ALL", "last words");
  g_assert_cmpint (test_server_stop (own), ==, 0);
  test_server_free (own);
}

int
main (int   argc,
      char *argv[])
{
  int status = 0;

  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  server = test_server_start (NULL);
  g_test_add_func ("/chat/login", test_login);
  g_test_add_func ("/chat/login/refusal", test_refusal);
  g_test_add_func ("/chat/login/similar-ascii-names", test_similar_ascii_names);
  g_test_add_func ("/chat/login/second", test_second_login);
  g_test_add_func ("/chat/broadcast", test_broadcast);
  g_test_add_func ("/chat/private", test_private);
  g_test_add_func ("/chat/private/offline", test_private_offline);
  g_test_add_func ("/chat/joins-and-leaves", test_joins_and_leaves);
  g_test_add_func ("/chat/wrong-source", test_wrong_source);
  g_test_add_func ("/chat/tuple-unchanged", test_tuple_unchanged);
  g_test_add_func ("/chat/piggy-back", test_piggy_back);
  g_test_add_func ("/chat/messages-before-login", test_messages_before_login);
  g_test_add_func ("/chat/stop", test_stop);
  status = g_test_run ();

  g_assert_cmpint (test_server_stop (server), ==, 0);
  test_server_free (server);
  return status;
}
