/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

#include "common/test-certs.h"
#include "common/test-client.h"
#include "common/test-listener.h"
#include "common/test-peer.h"
#include "common/test-program.h"

#define WELCOME(head, messages) \
  "{\"USERNAME_ACCEPTED\": true, \"FEATURES\": [\"message-ids\", \"history\"]," \
  " \"LOG\": {\"id\": \"0123456789abcdef0123456789abcdef\", \"head\": " head "}, \"USER_LIST\": [\"ada\"]," \
  " \"MESSAGES\": [" messages "]}"

/* A server that does what the test says: it loses links when it likes. */
typedef struct
{
  TestCerts    *certs;
  TestListener *listener;
} Fixture;

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  self->certs = test_certs_new ();
  self->listener = test_listener_new ("127.0.0.1", self->certs->cert, self->certs->key);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  test_listener_free (self->listener);
  test_certs_free (self->certs);
}

static TestProgram *
spawn (Fixture    *self,
       const char *option)
{
  return test_client_spawn_with (test_listener_get_address (self->listener), self->certs->ca, "ada", option);
}

static void
expect_joined (Fixture     *self,
               TestProgram *client)
{
  g_autofree char *joined = g_strdup_printf ("* Joined %s as ada\n* Online: ada",
                                             test_listener_get_address (self->listener));

  test_client_expect (client, joined);
}

/* Takes the next message; its token is the caller's. */
static char *
expect_sent (TestPeer   *peer,
             const char *content)
{
  g_autoptr (JsonObject) object = test_peer_receive (peer);
  JsonArray *message = json_array_get_array_element (json_object_get_array_member (object, "MESSAGES"), 0);

  g_assert_cmpstr (json_array_get_string_element (message, 3), ==, content);
  return g_strdup (json_object_get_string_member (json_array_get_object_element (message, 4), "token"));
}

static void
echo (TestPeer   *peer,
      const char *content,
      int         id,
      const char *token)
{
  g_autofree char *json = g_strdup_printf ("{\"MESSAGES\": [[\"ada\", \"ALL\", 7, \"%s\","
                                           " {\"id\": %d, \"token\": \"%s\"}]]}", content, id, token);

  test_peer_send (peer, json);
}

static void
expect_lost (TestProgram *client)
{
  g_autofree char *line = test_program_read_line (client);

  g_assert_true (g_regex_match_simple ("^\\* Connection lost; trying again in [01] s$", line, 0, 0));
}

/* What was said before the link broke, and what was missed, is shown once. */
static void
test_back (Fixture      *fixture,
           gconstpointer data)
{
  g_autoptr (TestProgram) ada = spawn (fixture, NULL);
  g_autoptr (TestPeer) peer = test_listener_accept_login (fixture->listener,
                                                          WELCOME ("3", "[\"bob\", \"ALL\", 1, \"one\", {\"id\": 2}]"));
  g_autofree char *token = NULL;
  g_autofree char *again = NULL;

  expect_joined (fixture, ada);
  test_client_expect (ada, "[TIME] bob: one");
  test_program_write (ada, "hi\n");
  token = expect_sent (peer, "hi");
  g_clear_pointer (&peer, test_peer_free);
  expect_lost (ada);

  peer = test_listener_accept_login (fixture->listener,
                                     WELCOME ("6", "[\"bob\", \"ALL\", 1, \"one\", {\"id\": 2}],"
                                              " [\"ada\", \"ALL\", 7, \"hi\", {\"id\": 4}],"
                                              " [\"bob\", \"ALL\", 1, \"two\", {\"id\": 5}]"));
  test_client_expect (ada, "* Back online\n[TIME] ada: hi\n[TIME] bob: two");
  again = expect_sent (peer, "hi");
  g_assert_cmpstr (again, ==, token);
  echo (peer, "hi", 4, token);
  test_program_end_input (ada);
  test_client_expect_end (ada, 0);
  g_assert_cmpstr (test_program_get_errors (ada), ==, "");
}

/* The end of the input waits for what was said, over a connection that was lost. */
static void
test_end_of_input (Fixture      *fixture,
                   gconstpointer data)
{
  g_autoptr (TestProgram) ada = spawn (fixture, NULL);
  g_autoptr (TestPeer) peer = test_listener_accept_login (fixture->listener, WELCOME ("3", ""));
  g_autofree char *first = NULL;
  g_autofree char *last = NULL;

  test_program_write (ada, "one\ntwo\n");
  test_program_end_input (ada);
  g_free (expect_sent (peer, "one"));
  g_free (expect_sent (peer, "two"));
  g_clear_pointer (&peer, test_peer_free);

  peer = test_listener_accept_login (fixture->listener, WELCOME ("3", ""));
  first = expect_sent (peer, "one");
  last = expect_sent (peer, "two");
  echo (peer, "one", 4, first);
  echo (peer, "two", 5, last);
  test_peer_expect_end (peer);
  expect_joined (fixture, ada);
  expect_lost (ada);
  test_client_expect (ada, "* Back online\n[TIME] ada: one\n[TIME] ada: two");
  test_client_expect_end (ada, 0);
}

static void
test_no_reconnect (Fixture      *fixture,
                   gconstpointer data)
{
  g_autoptr (TestProgram) ada = spawn (fixture, "--no-reconnect");
  g_autoptr (TestPeer) peer = test_listener_accept_login (fixture->listener, WELCOME ("3", ""));

  expect_joined (fixture, ada);
  g_clear_pointer (&peer, test_peer_free);
  test_client_expect_end (ada, 2);
}

/* One's own private messages come back, too: they are shown only where they were not typed. */
static void
test_own_private (Fixture      *fixture,
                  gconstpointer data)
{
  g_autoptr (TestProgram) ada = spawn (fixture, NULL);
  g_autoptr (TestPeer) peer = test_listener_accept_login (fixture->listener,
                                                          WELCOME ("3", "[\"ada\", \"bob\", 1, \"one\", {\"id\": 2}]"));
  g_autofree char *token = NULL;
  g_autofree char *json = NULL;

  expect_joined (fixture, ada);
  test_client_expect (ada, "[TIME] to bob (private): one");
  test_program_write (ada, "@bob two\n");
  token = expect_sent (peer, "two");
  json = g_strdup_printf ("{\"MESSAGES\": [[\"ada\", \"bob\", 7, \"two\", {\"id\": 4, \"token\": \"%s\"}]]}", token);
  test_peer_send (peer, json);
  test_program_end_input (ada);
  test_client_expect_end (ada, 0);
}

/* The key is made at the first use, for nobody else to read; one that others can read is refused. */
static void
test_identity (Fixture      *fixture,
               gconstpointer data)
{
  g_autofree char *dir = g_dir_make_tmp ("chatterbox-identity-XXXXXX", NULL);
  g_autofree char *file = g_build_filename (dir, "key.pem", NULL);
  g_autofree char *server = g_strconcat ("--server=", test_listener_get_address (fixture->listener), NULL);
  g_autofree char *ca = g_strconcat ("--ca-file=", fixture->certs->ca, NULL);
  g_autofree char *identity = g_strconcat ("--identity=", file, NULL);
  const char *const argv[] = { g_getenv ("CHATTERBOX_TEST_CHATTERBOX"), server, "--user=ada", ca, identity, NULL };
  g_autoptr (TestProgram) ada = test_program_spawn (argv);
  g_autoptr (TestProgram) again = NULL;
  g_autoptr (TestPeer) peer = test_listener_accept_login (fixture->listener, WELCOME ("3", ""));
  GStatBuf status = { 0 };

  g_assert_nonnull (peer);
  expect_joined (fixture, ada);
  g_assert_cmpint (g_stat (file, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 0777, ==, 0600);
  test_program_end_input (ada);
  test_client_expect_end (ada, 0);

  g_assert_cmpint (g_chmod (file, 0640), ==, 0);
  again = test_program_spawn (argv);
  test_client_expect_end (again, 1);
  g_assert_nonnull (strstr (test_program_get_errors (again), file));
  g_remove (file);
  g_rmdir (dir);
}

static void
add (const char *path,
     void (     *test ) (Fixture      *fixture,
                         gconstpointer data))
{
  g_test_add (path, Fixture, NULL, set_up, test, tear_down);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  add ("/reconnect/back", test_back);
  add ("/reconnect/end-of-input", test_end_of_input);
  add ("/reconnect/no-reconnect", test_no_reconnect);
  add ("/reconnect/own-private", test_own_private);
  add ("/reconnect/identity", test_identity);

  return g_test_run ();
}
