/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "common/test-peer.h"
#include "common/test-program.h"

static TestServer *server;

static TestPeer *
join (const char *name)
{
  TestPeer *peer = test_peer_connect (server->address, server->certs->ca);
  JsonObject *welcome = test_peer_join (peer, name);

  json_object_unref (welcome);
  return peer;
}

/* Sends a command as deployed clients do, and returns its answer. */
static char *
run_command (TestPeer   *peer,
             const char *name,
             const char *command)
{
  g_autofree char *json = g_strdup_printf ("{\"MESSAGES\": [[\"%s\", \"%s\", 1234567890, \"%s\"]]}",
                                           name, name, command);
  g_autoptr (JsonArray) answer = NULL;

  test_peer_send (peer, json);
  answer = test_peer_receive_message (peer);
  g_assert_cmpstr (json_array_get_string_element (answer, 0), ==, name);
  g_assert_cmpstr (json_array_get_string_element (answer, 1), ==, name);
  g_assert_cmpint (json_array_get_int_element (answer, 2), ==, 1234567890);
  return g_strdup (json_array_get_string_element (answer, 3));
}

static void
expect_content (TestPeer   *peer,
                const char *content)
{
  g_autoptr (JsonArray) message = test_peer_receive_message (peer);

  g_assert_cmpstr (json_array_get_string_element (message, 3), ==, content);
}

static void
test_name (void)
{
  g_autoptr (TestPeer) ada = join ("name-ada");
  g_autofree char *answer = run_command (ada, "name-ada", "/Name");
  g_autofree char *lower = run_command (ada, "name-ada", "/nAME");

  g_assert_nonnull (strstr (answer, "name-ada"));
  g_assert_cmpstr (lower, ==, answer);
}

static void
test_lists (void)
{
  g_autoptr (TestPeer) ada = join ("list-ada");
  g_autofree char *online = NULL;
  g_autofree char *all = NULL;
  g_autofree char *help = NULL;
  TestPeer *bob = join ("list-bob");
  g_autoptr (JsonObject) left = NULL;

  test_peer_free (bob);
  left = test_peer_receive_with (ada, "USERS_LEFT");

  online = run_command (ada, "list-ada", "/DisplayUsers");
  g_assert_nonnull (strstr (online, "list-ada"));
  g_assert_null (strstr (online, "list-bob"));
  all = run_command (ada, "list-ada", "/DisplayAllUsers");
  g_assert_nonnull (strstr (all, "list-ada : ONLINE"));
  g_assert_nonnull (strstr (all, "list-bob : OFFLINE"));
  help = run_command (ada, "list-ada", "/Help");
  g_assert_nonnull (strstr (help, "/UnBlock"));
}

static void
test_unknown (void)
{
  g_autoptr (TestPeer) ada = join ("unknown-ada");

  test_peer_say (ada, "unknown-ada", "/Frobnicate");
  test_peer_expect_error (ada, "/Frobnicate");
  test_peer_say (ada, "unknown-ada", "/Block");
  test_peer_expect_error (ada, "/Block");
}

/* Both ways, public and private; one's own unblock does not lift the other side's. */
static void
test_block (void)
{
  g_autoptr (TestPeer) ada = join ("block-ada");
  g_autoptr (TestPeer) bob = join ("block-bob");
  g_autofree char *blocked = run_command (ada, "block-ada", "/Block block-bob");
  g_autofree char *list = run_command (ada, "block-ada", "/Blocked");
  g_autofree char *counter = NULL;
  g_autofree char *unblocked = NULL;
  g_autofree char *last = NULL;

  g_assert_nonnull (strstr (blocked, "block-bob"));
  g_assert_nonnull (strstr (list, "block-bob"));

  test_peer_say (ada, "ALL", "bob must not see this");
  expect_content (ada, "bob must not see this");
  test_peer_say (bob, "ALL", "ada must not see this");
  expect_content (bob, "ada must not see this");
  test_peer_say (bob, "block-ada", "nor this");
  counter = run_command (bob, "block-bob", "/Block block-ada");

  unblocked = run_command (ada, "block-ada", "/UnBlock block-bob");
  g_assert_nonnull (strstr (unblocked, "block-bob"));
  test_peer_say (ada, "ALL", "bob still blocks me");
  expect_content (ada, "bob still blocks me");

  last = run_command (bob, "block-bob", "/UnBlock block-ada");
  test_peer_say (ada, "ALL", "bob sees this");
  expect_content (bob, "bob sees this");
  expect_content (ada, "bob sees this");
}

static guint
count_from (JsonObject *welcome,
            const char *source)
{
  JsonArray *messages = json_object_get_array_member (welcome, "MESSAGES");
  guint n_found = 0;

  for (guint i = 0; i < json_array_get_length (messages); i++)
    n_found += g_str_equal (json_array_get_string_element (json_array_get_array_element (messages, i), 0),
                            source);
  return n_found;
}

/* Holds in the replay, and in that after a restart; commands and answers are not in it. */
static void
test_block_replay (void)
{
  TestServer *own = test_server_start (NULL);
  TestPeer *ada = test_peer_connect (own->address, own->certs->ca);
  TestPeer *bob = test_peer_connect (own->address, own->certs->ca);

  json_object_unref (test_peer_join (ada, "ada"));
  json_object_unref (test_peer_join (bob, "bob"));
  test_peer_say (bob, "ALL", "one");
  expect_content (ada, "one");
  test_peer_say (bob, "ada", "two");
  expect_content (ada, "two");
  g_free (run_command (ada, "ada", "/Block bob"));
  test_peer_free (ada);
  test_peer_free (bob);
  test_server_kill (own);

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (JsonObject) before = NULL;
      g_autofree char *list = NULL;

      test_server_restart (own);
      ada = test_peer_connect (own->address, own->certs->ca);
      before = test_peer_join (ada, "ada");
      g_assert_cmpuint (count_from (before, "bob"), ==, i == 0 ? 0 : 2);
      g_assert_cmpuint (count_from (before, "ada"), ==, 0);
      list = run_command (ada, "ada", "/Blocked");
      g_assert_true ((strstr (list, "bob") != NULL) == (i == 0));
      g_free (i == 0 ? run_command (ada, "ada", "/UnBlock bob") : NULL);
      test_peer_free (ada);
      g_assert_cmpint (test_server_stop (own), ==, 0);
    }
  test_server_free (own);
}

int
main (int   argc,
      char *argv[])
{
  int status = 0;

  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  server = test_server_start (NULL);
  g_test_add_func ("/commands/name", test_name);
  g_test_add_func ("/commands/lists", test_lists);
  g_test_add_func ("/commands/unknown", test_unknown);
  g_test_add_func ("/commands/block", test_block);
  g_test_add_func ("/commands/block/replay", test_block_replay);
  status = g_test_run ();

  g_assert_cmpint (test_server_stop (server), ==, 0);
  test_server_free (server);
  return status;
}
