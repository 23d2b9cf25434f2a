/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <signal.h>
#include <string.h>

#include "common/test-peer.h"
#include "common/test-program.h"

#define ALL_FEATURES \
  "[\"message-ids\",\"history\",\"search\",\"users\",\"blocks\",\"read-markers\",\"identity\",\"utf8\"]"

/* How often a name is asked for that its last connection may still hold. */
#define MAX_TRIES 100000

static TestPeer *
connect_peer (TestServer *server)
{
  return test_peer_connect (server->address, server->certs->ca);
}

static TestPeer *
join (TestServer *server,
      const char *name)
{
  TestPeer *peer = connect_peer (server);

  json_object_unref (test_peer_join (peer, name));
  return peer;
}

/* Joins with features, as soon as the name is free; hands the answer out, too. */
static TestPeer *
enter (TestServer  *server,
       const char  *name,
       const char  *features,
       const char  *members,
       JsonObject **out_welcome)
{
  TestPeer *peer = connect_peer (server);

  for (guint i = 0; i < MAX_TRIES; i++)
    {
      g_autoptr (JsonObject) answer = test_peer_log_in (peer, name, features, members);

      if (json_object_get_boolean_member (answer, "USERNAME_ACCEPTED"))
        {
          if (out_welcome != NULL)
            *out_welcome = g_steal_pointer (&answer);
          return peer;
        }
      g_assert_nonnull (strstr (json_object_get_string_member (answer, "INFO"), "in use"));
    }

  g_error ("“%s” does not become free", name);
  return NULL;
}

static char *
member_to_json (JsonObject *object,
                const char *name)
{
  return json_object_has_member (object, name)
         ? json_to_string (json_object_get_member (object, name), FALSE) : g_strdup ("none");
}

/* The contents of an answer's messages, with spaces between. */
static char *
list_contents (JsonObject *object)
{
  JsonArray *messages = json_object_get_array_member (object, "MESSAGES");
  g_autoptr (GPtrArray) contents = g_ptr_array_new ();

  for (guint i = 0; i < json_array_get_length (messages); i++)
    g_ptr_array_add (contents, (gpointer) json_array_get_string_element (
                       json_array_get_array_element (messages, i), 3));
  g_ptr_array_add (contents, NULL);
  return g_strjoinv (" ", (GStrv) contents->pdata);
}

static void
assert_contents (JsonObject *object,
                 const char *expected)
{
  g_autofree char *contents = list_contents (object);

  g_assert_cmpstr (contents, ==, expected);
}

/* The next message: what it says, and the token that it has, or NULL; returns its id. */
static gint64
expect_message (TestPeer   *peer,
                const char *content,
                const char *token)
{
  g_autoptr (JsonArray) message = test_peer_receive_message (peer);
  JsonObject *extension = NULL;

  g_assert_cmpuint (json_array_get_length (message), ==, 5);
  g_assert_cmpstr (json_array_get_string_element (message, 3), ==, content);
  extension = json_array_get_object_element (message, 4);
  g_assert_cmpuint (json_object_get_size (extension), ==, token != NULL ? 2 : 1);
  g_assert_cmpstr (json_object_get_string_member_with_default (extension, "token", NULL), ==, token);
  return json_object_get_int_member (extension, "id");
}

static gint64
say (TestPeer   *peer,
     const char *destination,
     const char *content)
{
  test_peer_say_token (peer, destination, content, NULL);
  return expect_message (peer, content, NULL);
}

static void
expect_plain (TestPeer   *peer,
              const char *content)
{
  g_autoptr (JsonArray) message = test_peer_receive_message (peer);

  g_assert_cmpuint (json_array_get_length (message), ==, 4);
  g_assert_cmpstr (json_array_get_string_element (message, 3), ==, content);
}

static void
finish (TestServer *server)
{
  g_assert_cmpint (test_server_stop (server), ==, 0);
  test_server_free (server);
}

static void
test_login (void)
{
  static const struct
  {
    const char *features;
    const char *accepted;
    gboolean    has_log;
    gboolean    has_read;
  } cases[] = {
    { "[]", "[]", FALSE, FALSE },
    { "[\"teleport\"]", "[]", FALSE, FALSE },
    { "[\"utf8\",\"teleport\",\"message-ids\"]", "[\"message-ids\",\"utf8\"]", TRUE, FALSE },
    { "[\"read-markers\"]", "[\"read-markers\"]", FALSE, TRUE },
    /* There is no identity without a certificate. */
    { ALL_FEATURES, "[\"message-ids\",\"history\",\"search\",\"users\",\"blocks\",\"read-markers\",\"utf8\"]",
      TRUE, TRUE },
  };
  TestServer *server = test_server_start (NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *name = g_strdup_printf ("user%u", (guint) i);
      g_autoptr (JsonObject) welcome = NULL;
      g_autoptr (TestPeer) peer = enter (server, name, cases[i].features, "\"CLIENT\": \"test/1\"", &welcome);
      g_autofree char *accepted = member_to_json (welcome, "FEATURES");

      g_assert_nonnull (peer);
      g_assert_cmpstr (accepted, ==, cases[i].accepted);
      g_assert_cmpint (json_object_has_member (welcome, "LOG"), ==, cases[i].has_log);
      g_assert_cmpint (json_object_has_member (welcome, "READ"), ==, cases[i].has_read);
      if (cases[i].has_log)
        {
          JsonObject *log = json_object_get_object_member (welcome, "LOG");

          g_assert_cmpuint (strlen (json_object_get_string_member (log, "id")), ==, 32);
          g_assert_cmpint (json_object_get_int_member (log, "head"), >, 0);
        }
    }
  finish (server);
}

/* Nothing of such an object is handled; the next one may be better. */
static void
test_bad_login (void)
{
  static const char *const members[] = {
    "\"FEATURES\": \"message-ids\"",
    "\"FEATURES\": [1]",
    "\"FEATURES\": [\"utf8\"], \"CLIENT\": 1",
    "\"FEATURES\": [\"utf8\"], \"CLIENT\": \"0123456789012345678901234567890123456789012345678901234567890123456789\"",
    "\"FEATURES\": [\"history\"], \"HISTORY\": 7",
    "\"FEATURES\": [\"history\"], \"HISTORY\": {\"after\": -1}",
  };
  TestServer *server = test_server_start (NULL);
  g_autoptr (TestPeer) ada = connect_peer (server);

  for (gsize i = 0; i < G_N_ELEMENTS (members); i++)
    {
      g_autofree char *json = g_strdup_printf ("{\"USERNAME\": \"ada\", %s}", members[i]);
      g_autoptr (JsonObject) answer = NULL;

      test_peer_send (ada, json);
      answer = test_peer_receive (ada);
      g_assert_true (json_object_has_member (answer, "ERROR"));
      g_assert_cmpuint (json_object_get_size (answer), ==, 1);
    }
  json_object_unref (test_peer_join (ada, "ada"));
  g_clear_pointer (&ada, test_peer_free);
  finish (server);
}

/* To a plain peer all of it are unknown keys. */
static void
test_plain_peer (void)
{
  TestServer *server = test_server_start (NULL);
  g_autoptr (TestPeer) ada = connect_peer (server);

  test_peer_send (ada, "{\"USERNAME\": \"ada\", \"CLIENT\": 7, \"HISTORY\": 8}");
  json_object_unref (test_peer_receive_with (ada, "USER_LIST"));
  test_peer_send (ada, "{\"HISTORY\": {}, \"SEARCH\": 1, \"USERS\": {}, \"BLOCKS\": {}, \"READ\": {}, \"KEYS\": {},"
                  "\"FEATURES\": [\"history\"], \"REQUEST\": -5}");
  test_peer_send (ada, "{\"MESSAGES\": [[\"ada\", \"ada\", 1, \"/Name\", {}]], \"REQUEST\": 1}");
  {
    g_autoptr (JsonObject) answer = test_peer_receive (ada);

    g_assert_cmpstr (json_object_get_string_member_with_default (answer, "ERROR", NULL), ==,
                     "A message has more than four parts");
    g_assert_cmpuint (json_object_get_size (answer), ==, 1);
  }
  g_clear_pointer (&ada, test_peer_free);
  finish (server);
}

static void
test_ids (void)
{
  TestServer *server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = join (server, "bob");
  g_autoptr (JsonObject) welcome = NULL;
  g_autoptr (TestPeer) ada = enter (server, "ada", ALL_FEATURES, NULL, &welcome);
  gint64 id = json_object_get_int_member (json_object_get_object_member (welcome, "LOG"), "head");

  for (guint i = 0; i < 20; i++)
    {
      g_autofree char *content = g_strdup_printf ("%u", i);

      test_peer_say (bob, i % 2 == 0 ? "ALL" : "ada", content);
      g_assert_cmpint (expect_message (ada, content, NULL), ==, ++id);
      if (i % 2 == 0)
        expect_plain (bob, content);
    }
  /* The answer to a command is no message of the log. */
  test_peer_say (ada, "ada", "/Name");
  expect_plain (ada, "Your username is ada");

  g_clear_pointer (&ada, test_peer_free);
  g_clear_pointer (&bob, test_peer_free);
  finish (server);
}

/* The token comes back to its sender, with the copy that says that it is stored, and to nobody else. */
static void
test_tokens (void)
{
  TestServer *server = test_server_start (NULL);
  g_autoptr (TestPeer) ada = enter (server, "ada", ALL_FEATURES, NULL, NULL);
  g_autoptr (TestPeer) eve = enter (server, "eve", ALL_FEATURES, NULL, NULL);
  g_autoptr (TestPeer) bob = join (server, "bob");
  gint64 public_id = 0;
  gint64 private_id = 0;

  test_peer_say_token (ada, "ALL", "public", "t1");
  public_id = expect_message (ada, "public", "t1");
  g_assert_cmpint (expect_message (eve, "public", NULL), ==, public_id);
  expect_plain (bob, "public");

  test_peer_say_token (ada, "bob", "private", "t2");
  private_id = expect_message (ada, "private", "t2");
  g_assert_cmpint (private_id, ==, public_id + 1);
  expect_plain (bob, "private");

  /* Its token is known: whatever it says now, what was stored is the answer. */
  test_peer_say_token (ada, "ALL", "public again", "t1");
  g_assert_cmpint (expect_message (ada, "public", "t1"), ==, public_id);
  /* Somebody else's token is another one. */
  test_peer_say_token (eve, "ALL", "mine", "t1");
  g_assert_cmpint (expect_message (eve, "mine", "t1"), ==, private_id + 1);
  g_assert_cmpint (expect_message (ada, "mine", NULL), ==, private_id + 1);
  expect_plain (bob, "mine");

  g_clear_pointer (&ada, test_peer_free);
  g_clear_pointer (&bob, test_peer_free);
  g_clear_pointer (&eve, test_peer_free);
  finish (server);
}

/* A link or a server that dies in between makes a sender send again: it is stored once. */
static void
test_token_again (void)
{
  TestServer *server = test_server_start (NULL);
  g_autoptr (TestPeer) ada = enter (server, "ada", ALL_FEATURES, NULL, NULL);
  g_autoptr (JsonObject) page = NULL;
  gint64 id = 0;

  test_peer_say_token (ada, "ALL", "once", "t");
  id = expect_message (ada, "once", "t");

  test_peer_reset (ada);
  test_peer_free (ada);
  ada = enter (server, "ada", ALL_FEATURES, "\"HISTORY\": {\"limit\": 0}", NULL);
  test_peer_say_token (ada, "ALL", "once", "t");
  g_assert_cmpint (expect_message (ada, "once", "t"), ==, id);

  test_server_kill (server);
  test_server_restart (server);
  test_peer_free (ada);
  ada = enter (server, "ada", ALL_FEATURES, "\"HISTORY\": {\"limit\": 0}", NULL);
  test_peer_say_token (ada, "ALL", "once", "t");
  g_assert_cmpint (expect_message (ada, "once", "t"), ==, id);

  page = test_peer_request (ada, "\"HISTORY\": {}");
  assert_contents (page, "once");
  g_clear_pointer (&ada, test_peer_free);
  finish (server);
}

static void
resume (TestServer *server,
        gint64      after,
        const char *log,
        const char *expected)
{
  g_autofree char *members = log == NULL
                             ? g_strdup_printf ("\"HISTORY\": {\"after\": %" G_GINT64_FORMAT "}", after)
                             : g_strdup_printf ("\"HISTORY\": {\"after\": %" G_GINT64_FORMAT ", \"log\": \"%s\"}",
                                                after, log);
  g_autoptr (JsonObject) welcome = NULL;
  g_autoptr (TestPeer) ada = enter (server, "ada", ALL_FEATURES, members, &welcome);

  g_assert_nonnull (ada);
  assert_contents (welcome, expected);
}

/* Exactly what was missed comes, whatever else happened meanwhile. */
static void
test_resume (void)
{
  TestServer *server = test_server_start (NULL);
  g_autoptr (JsonObject) welcome = NULL;
  g_autoptr (TestPeer) ada = enter (server, "ada", ALL_FEATURES, NULL, &welcome);
  g_autoptr (TestPeer) bob = enter (server, "bob", ALL_FEATURES, NULL, NULL);
  TestPeer *eve = join (server, "eve");
  const char *log = json_object_get_string_member (json_object_get_object_member (welcome, "LOG"), "id");
  gint64 id = 0;

  say (ada, "bob", "own");
  id = say (ada, "ALL", "known");
  g_clear_pointer (&ada, test_peer_free);
  g_assert_cmpint (expect_message (bob, "own", NULL), <, expect_message (bob, "known", NULL));

  say (bob, "ALL", "one");
  test_peer_say (eve, "ALL", "two");
  expect_message (bob, "two", NULL);
  test_peer_free (eve);
  json_object_unref (test_peer_receive_with (bob, "USERS_LEFT"));
  say (bob, "ada", "three");
  say (bob, "eve", "hidden");
  json_object_unref (test_peer_request (bob, "\"BLOCKS\": {\"block\": [\"eve\"]}"));
  say (bob, "ALL", "four");

  resume (server, id, NULL, "one two three four");
  resume (server, id, log, "one two three four");
  resume (server, id + 1000000, NULL, "");
  resume (server, 0, NULL, "own known one two three four");
  resume (server, id, "00000000000000000000000000000000", "own known one two three four");

  g_clear_pointer (&bob, test_peer_free);
  finish (server);
}

static void
test_login_limit (void)
{
  TestServer *server = test_server_start ("[history]\nlogin-limit=2\n");
  g_autoptr (TestPeer) bob = enter (server, "bob", ALL_FEATURES, NULL, NULL);
  const gint64 id = say (bob, "ALL", "one");
  static const struct
  {
    const char *limit;
    const char *expected;
  } cases[] = {
    { "0", "" },
    { "1", "four" },
    { "3", "three four" },
  };

  say (bob, "ALL", "two");
  say (bob, "ALL", "three");
  say (bob, "ALL", "four");
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *members = g_strdup_printf ("\"HISTORY\": {\"limit\": %s}", cases[i].limit);
      g_autoptr (JsonObject) welcome = NULL;
      g_autoptr (TestPeer) ada = enter (server, "ada", ALL_FEATURES, members, &welcome);

      g_assert_nonnull (ada);
      assert_contents (welcome, cases[i].expected);
    }
  /* The limit is not for what somebody has missed. */
  resume (server, id, NULL, "two three four");
  g_clear_pointer (&bob, test_peer_free);
  finish (server);
}

static void
assert_page (TestPeer   *peer,
             const char *key,
             const char *request,
             const char *expected,
             gboolean    more)
{
  g_autoptr (JsonObject) page = test_peer_request (peer, "\"%s\": %s", key, request);

  g_assert_true (json_object_has_member (page, key));
  assert_contents (page, expected);
  g_assert_cmpint (json_object_get_boolean_member (json_object_get_object_member (page, key), "more"), ==, more);
}

static void
assert_error (TestPeer   *peer,
              const char *key,
              const char *request)
{
  g_autoptr (JsonObject) answer = test_peer_request (peer, "\"%s\": %s", key, request);

  g_assert_true (json_object_has_member (answer, "ERROR"));
  g_assert_cmpuint (json_object_get_size (answer), ==, 2);
}

static void
test_history (void)
{
  static const struct
  {
    const char *format; /* with one id: of “5” */
    const char *expected;
    gboolean    more;
  } cases[] = {
    { "{}", "0 1 2 3 4 5 6 7 8 9 private", FALSE },
    { "{\"limit\": 3}", "8 9 private", TRUE },
    { "{\"limit\": 11}", "0 1 2 3 4 5 6 7 8 9 private", FALSE },
    { "{\"with\": \"ALL\", \"limit\": 2}", "8 9", TRUE },
    { "{\"with\": \"bob\"}", "private", FALSE },
    { "{\"with\": \"eve\"}", "", FALSE },
    { "{\"before\": %d, \"limit\": 2}", "3 4", TRUE },
    { "{\"before\": %d, \"limit\": 5}", "0 1 2 3 4", FALSE },
    { "{\"before\": 0}", "", FALSE },
    { "{\"after\": %d, \"limit\": 2}", "6 7", TRUE },
    { "{\"after\": %d, \"limit\": 5}", "6 7 8 9 private", FALSE },
    { "{\"after\": 9007199254740992}", "", FALSE },
    { "{\"around\": %d, \"limit\": 4}", "3 4 5 6", TRUE },
    { "{\"around\": %d, \"limit\": 500}", "0 1 2 3 4 5 6 7 8 9 private", FALSE },
  };
  static const char *const bad[] = {
    "7", "[]", "{\"limit\": 0}", "{\"limit\": 501}", "{\"limit\": 1.5}", "{\"before\": -1}", "{\"with\": \"nobody\"}",
    "{\"with\": 1}", "{\"before\": 1, \"after\": 2}",
  };
  TestServer *server = test_server_start (NULL);
  g_autoptr (TestPeer) eve = enter (server, "eve", ALL_FEATURES, NULL, NULL);
  g_autoptr (TestPeer) bob = enter (server, "bob", ALL_FEATURES, NULL, NULL);
  g_autoptr (TestPeer) ada = enter (server, "ada", ALL_FEATURES, NULL, NULL);
  gint64 id = 0;

  for (guint i = 0; i < 10; i++)
    {
      g_autofree char *content = g_strdup_printf ("%u", i);
      const gint64 said = say (ada, "ALL", content);

      id = i == 5 ? said : id;
    }
  say (ada, "bob", "private");
  assert_page (eve, "HISTORY", "{\"limit\": 2}", "8 9", TRUE);
  assert_page (bob, "HISTORY", "{\"limit\": 1, \"with\": \"ada\"}", "private", FALSE);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *number = g_strdup_printf ("%" G_GINT64_FORMAT, id);
      g_auto (GStrv) parts = g_strsplit (cases[i].format, "%d", 2);
      g_autofree char *request = g_strjoinv (number, parts);

      assert_page (ada, "HISTORY", request, cases[i].expected, cases[i].more);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_error (ada, "HISTORY", bad[i]);

  g_clear_pointer (&ada, test_peer_free);
  g_clear_pointer (&bob, test_peer_free);
  g_clear_pointer (&eve, test_peer_free);
  finish (server);
}

/* A page is bounded in bytes, too: one goes on behind it until nothing is left. */
static void
test_large_pages (void)
{
  TestServer *server = test_server_start (NULL);
  g_autoptr (TestPeer) ada = enter (server, "ada", ALL_FEATURES, NULL, NULL);
  g_autofree char *filling = g_strnfill (30000, 'x');
  gint64 before = G_GINT64_CONSTANT (1) << 53;
  guint n_messages = 0;
  gboolean more = TRUE;

  for (guint i = 0; i < 60; i++)
    say (ada, "ALL", filling);
  while (more)
    {
      g_autoptr (JsonObject) page = test_peer_request (ada, "\"HISTORY\": {\"before\": %" G_GINT64_FORMAT
                                                       ", \"limit\": 500}", before);
      JsonArray *messages = json_object_get_array_member (page, "MESSAGES");

      g_assert_cmpuint (json_array_get_length (messages), >, 0);
      g_assert_cmpuint (json_array_get_length (messages), <=, 512 * 1024 / 30000);
      n_messages += json_array_get_length (messages);
      before = json_object_get_int_member (json_array_get_object_element (
                                             json_array_get_array_element (messages, 0), 4), "id");
      more = json_object_get_boolean_member (json_object_get_object_member (page, "HISTORY"), "more");
    }
  g_assert_cmpuint (n_messages, ==, 60);
  g_clear_pointer (&ada, test_peer_free);
  finish (server);
}

/* The index follows the log: asks until it has come to @id. */
static void
wait_for_index (TestPeer *peer,
                gint64    id)
{
  gint64 indexed = 0;

  while (indexed < id)
    {
      g_autoptr (JsonObject) page = test_peer_request (peer, "\"SEARCH\": {\"text\": \"x\"}");

      indexed = json_object_get_int_member (json_object_get_object_member (page, "SEARCH"), "indexed");
    }
}

static void
test_search (void)
{
  static const struct
  {
    const char *request;
    const char *expected;
    gboolean    more;
  } cases[] = {
    { "{\"text\": \"tea\"}", "tea green-tea tea-party", FALSE },
    { "{\"text\": \"TEA\", \"limit\": 1}", "tea-party", TRUE },
    { "{\"text\": \"par*\"}", "tea-party", FALSE },
    { "{\"text\": \"\\\"green tea\\\"\"}", "green-tea", FALSE },
    { "{\"text\": \"tea\", \"from\": \"bob\"}", "green-tea", FALSE },
    { "{\"text\": \"secret\", \"with\": \"bob\"}", "secret", FALSE },
    { "{\"text\": \"tea\", \"with\": \"bob\"}", "", FALSE },
    { "{\"text\": \"tea\", \"until\": 1}", "", FALSE },
    { "{\"text\": \"tea\", \"since\": 1, \"until\": 253402300799, \"limit\": 500}",
      "tea green-tea tea-party", FALSE },
    { "{\"text\": \"tea\", \"before\": 1}", "", FALSE },
  };
  static const char *const bad[] = {
    "7", "{}", "{\"text\": \"\"}", "{\"text\": \"...\"}", "{\"text\": \"a\", \"limit\": 501}",
    "{\"text\": \"a\", \"from\": \"nobody\"}", "{\"text\": \"a\", \"from\": \"ALL\"}",
    "{\"text\": \"a\", \"order\": \"x\"}",
    "{\"text\": \"a b c d e f g h i j k l m n o p q\"}",
  };
  TestServer *server = test_server_start (NULL);
  g_autoptr (TestPeer) ada = enter (server, "ada", ALL_FEATURES, NULL, NULL);
  g_autoptr (TestPeer) bob = enter (server, "bob", ALL_FEATURES, NULL, NULL);
  g_autoptr (TestPeer) eve = enter (server, "eve", ALL_FEATURES, NULL, NULL);
  gint64 id = 0;

  say (ada, "ALL", "tea");
  expect_message (bob, "tea", NULL);
  say (bob, "ALL", "green-tea");
  expect_message (ada, "green-tea", NULL);
  say (ada, "ALL", "tea-party");
  id = say (ada, "bob", "secret");
  wait_for_index (ada, id);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_page (ada, "SEARCH", cases[i].request, cases[i].expected, cases[i].more);
  assert_page (eve, "SEARCH", "{\"text\": \"secret\"}", "", FALSE);
  {
    g_autoptr (JsonObject) ranked = test_peer_request (ada, "\"SEARCH\": {\"text\": \"tea\", \"order\": \"rank\"}");
    g_autofree char *contents = list_contents (ranked);

    g_assert_cmpuint (strlen (contents), ==, strlen ("tea green-tea tea-party"));
    g_assert_true (g_str_has_prefix (contents, "tea "));
  }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_error (ada, "SEARCH", bad[i]);

  g_clear_pointer (&ada, test_peer_free);
  g_clear_pointer (&bob, test_peer_free);
  g_clear_pointer (&eve, test_peer_free);
  finish (server);
}

static void
assert_member (TestPeer   *peer,
               const char *request,
               const char *key,
               const char *expected)
{
  g_autoptr (JsonObject) answer = test_peer_request (peer, "%s", request);
  g_autofree char *json = member_to_json (answer, key);

  g_assert_cmpstr (json, ==, expected);
}

static void
test_users (void)
{
  TestServer *server = test_server_start (NULL);
  g_autoptr (TestPeer) ada = enter (server, "ada", ALL_FEATURES, NULL, NULL);
  TestPeer *bob = join (server, "bob");

  json_object_unref (test_peer_receive_with (ada, "USERS_JOINED"));
  test_peer_free (bob);
  json_object_unref (test_peer_receive_with (ada, "USERS_LEFT"));
  assert_member (ada, "\"USERS\": {}", "USERS",
                 "{\"users\":[{\"name\":\"ada\",\"online\":true,\"owned\":false},"
                 "{\"name\":\"bob\",\"online\":false,\"owned\":false}],\"more\":false}");
  assert_member (ada, "\"USERS\": {\"online\": true}", "USERS",
                 "{\"users\":[{\"name\":\"ada\",\"online\":true,\"owned\":false}],\"more\":false}");
  assert_member (ada, "\"USERS\": {\"limit\": 1}", "USERS",
                 "{\"users\":[{\"name\":\"ada\",\"online\":true,\"owned\":false}],\"more\":true}");
  assert_error (ada, "USERS", "{\"limit\": 1001}");
  g_clear_pointer (&ada, test_peer_free);
  finish (server);
}

static void
test_blocks (void)
{
  TestServer *server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = join (server, "bob");
  g_autoptr (TestPeer) ada = enter (server, "ada", ALL_FEATURES, NULL, NULL);

  assert_member (ada, "\"BLOCKS\": {}", "BLOCKS", "[]");
  assert_member (ada, "\"BLOCKS\": {\"block\": [\"bob\"]}", "BLOCKS", "[\"bob\"]");
  assert_error (ada, "BLOCKS", "{\"block\": [\"nobody\"]}");
  test_peer_say (bob, "ALL", "unheard");
  expect_plain (bob, "unheard");
  assert_page (ada, "HISTORY", "{}", "", FALSE);
  assert_member (ada, "\"BLOCKS\": {\"unblock\": [\"bob\"]}", "BLOCKS", "[]");
  assert_page (ada, "HISTORY", "{}", "unheard", FALSE);
  /* There are no read markers of a name that nobody owns. */
  assert_error (ada, "READ", "{\"ALL\": 1}");
  g_clear_pointer (&ada, test_peer_free);
  g_clear_pointer (&bob, test_peer_free);
  finish (server);
}

/* ERRORs about messages repeat the number, and a number that is none is one. */
static void
test_request_number (void)
{
  TestServer *server = test_server_start (NULL);
  g_autoptr (TestPeer) ada = enter (server, "ada", ALL_FEATURES, NULL, NULL);

  assert_error (ada, "MESSAGES", "[[\"bob\", \"ALL\", 1, \"forged\"]]");
  test_peer_send (ada, "{\"USERS\": {}, \"REQUEST\": -1}");
  {
    g_autoptr (JsonObject) answer = test_peer_receive (ada);

    g_assert_true (json_object_has_member (answer, "ERROR"));
    g_assert_cmpuint (json_object_get_size (answer), ==, 1);
  }
  test_peer_send (ada, "{\"USERS\": {}}");
  {
    g_autoptr (JsonObject) answer = test_peer_receive (ada);

    g_assert_true (json_object_has_member (answer, "USERS"));
    g_assert_false (json_object_has_member (answer, "REQUEST"));
  }
  g_clear_pointer (&ada, test_peer_free);
  finish (server);
}

/* What ada does in the room, and waits until bob has got it. */
static void
act (TestServer *server,
     TestPeer   *bob,
     gboolean    announcing,
     guint       turn)
{
  static const char *const contents[] = { "hello", "Zo\303\253 \360\237\230\200", "\\u0041\\n{\\\"}" };
  TestPeer *ada = announcing ? enter (server, "ada", ALL_FEATURES, "\"HISTORY\": {\"limit\": 1}", NULL)
                             : join (server, "ada");

  json_object_unref (test_peer_receive_with (bob, "USERS_JOINED"));
  for (gsize i = 0; i < G_N_ELEMENTS (contents); i++)
    {
      for (guint j = 0; j < 2; j++)
        {
          g_autofree char *extension = announcing ? g_strdup_printf (", {\"token\": \"%u-%u-%u\"}", turn, (guint) i, j)
                                                  : g_strdup ("");
          g_autofree char *json = g_strdup_printf ("{\"MESSAGES\": [[\"ada\", \"%s\", 1700000000, \"%s\"%s]]}",
                                                   j == 0 ? "ALL" : "bob", contents[i], extension);

          test_peer_send (ada, json);
          json_array_unref (test_peer_receive_message (bob));
        }
    }
  test_peer_send (ada, "{\"MESSAGES\": [[\"ada\", \"nobody\", 1, \"lost\"], [\"ada\", \"ada\", 1, \"/Block bob\"],"
                  "[\"ada\", \"ALL\", 1, \"unseen\"], [\"ada\", \"ada\", 1, \"/UnBlock bob\"],"
                  "[\"ada\", \"ada\", 1, \"/Name\"]]}");
  /* To close before all is read would reset the connection, and what it has sent might be lost. */
  for (gboolean done = FALSE; !done;)
    {
      g_autoptr (JsonArray) answer = test_peer_receive_message (ada);

      done = strcmp (json_array_get_string_element (answer, 3), "Your username is ada") == 0;
    }
  test_peer_free (ada);
  json_object_unref (test_peer_receive_with (bob, "USERS_LEFT"));
}

static GByteArray *
record_plain_peer (gboolean announcing)
{
  TestServer *server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = connect_peer (server);
  g_autoptr (TestPeer) late = NULL;
  GByteArray *record = g_byte_array_new ();

  test_peer_record (bob);
  json_object_unref (test_peer_join (bob, "bob"));
  act (server, bob, announcing, 0);
  test_peer_send (bob, "{\"MESSAGES\": [[\"bob\", \"bob\", 1700000000, \"/DisplayAllUsers\"]]}");
  json_array_unref (test_peer_receive_message (bob));
  act (server, bob, announcing, 1);

  late = connect_peer (server);
  test_peer_record (late);
  json_object_unref (test_peer_join (late, "late"));
  json_object_unref (test_peer_receive_with (bob, "USERS_JOINED"));
  g_byte_array_append (record, test_peer_get_record (bob)->data, test_peer_get_record (bob)->len);
  g_byte_array_append (record, test_peer_get_record (late)->data, test_peer_get_record (late)->len);
  g_clear_pointer (&late, test_peer_free);
  g_clear_pointer (&bob, test_peer_free);
  finish (server);
  return record;
}

/* Whatever others have announced, a plain peer gets the same bytes. */
static void
test_differential (void)
{
  g_autoptr (GByteArray) among_plain = record_plain_peer (FALSE);
  g_autoptr (GByteArray) among_announcing = record_plain_peer (TRUE);

  g_assert_cmpuint (among_plain->len, >, 1000);
  g_assert_cmpuint (among_announcing->len, ==, among_plain->len);
  g_assert_true (memcmp (among_announcing->data, among_plain->data, among_plain->len) == 0);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/extensions/login", test_login);
  g_test_add_func ("/extensions/login/bad", test_bad_login);
  g_test_add_func ("/extensions/login/limit", test_login_limit);
  g_test_add_func ("/extensions/plain-peer", test_plain_peer);
  g_test_add_func ("/extensions/ids", test_ids);
  g_test_add_func ("/extensions/tokens", test_tokens);
  g_test_add_func ("/extensions/tokens/again", test_token_again);
  g_test_add_func ("/extensions/resume", test_resume);
  g_test_add_func ("/extensions/history", test_history);
  g_test_add_func ("/extensions/history/large", test_large_pages);
  g_test_add_func ("/extensions/search", test_search);
  g_test_add_func ("/extensions/users", test_users);
  g_test_add_func ("/extensions/blocks", test_blocks);
  g_test_add_func ("/extensions/request-number", test_request_number);
  g_test_add_func ("/extensions/differential", test_differential);

  return g_test_run ();
}
