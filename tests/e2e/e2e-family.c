/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "common/test-certs.h"
#include "common/test-client.h"
#include "common/test-family.h"
#include "common/test-original-client.h"
#include "common/test-original-server.h"
#include "common/test-peer.h"
#include "common/test-program.h"
#include "common/test-wait.h"

#define ADA "\033[36mada\033[0m"
#define BOB "\033[35mbob\033[0m"

/* What the server must be told for the original's client. */
#define OBJECTS "[compatibility]\nuser-list=objects\n"

static TestServer *
start_server (void)
{
  return test_server_start (OBJECTS);
}

static TestPeer *
join_peer (TestServer *server,
           const char *name)
{
  TestPeer *peer = test_peer_connect (server->address, server->certs->ca);

  json_object_unref (test_peer_join (peer, name));
  return peer;
}

static TestOriginalClient *
connect_original (TestServer *server)
{
  return test_original_client_connect (server->address, server->certs->ca);
}

/* The next message that @peer receives. */
static void
expect_message (TestPeer   *peer,
                const char *source,
                const char *destination,
                const char *content)
{
  g_autoptr (JsonArray) message = test_peer_receive_message (peer);

  g_assert_cmpuint (json_array_get_length (message), ==, 4);
  g_assert_cmpstr (json_array_get_string_element (message, 0), ==, source);
  g_assert_cmpstr (json_array_get_string_element (message, 1), ==, destination);
  g_assert_cmpstr (json_array_get_string_element (message, 3), ==, content);
}

/* What the original's client shows next is @expected, where “[TIME]” stands for a message's time. */
static void
expect_screen (TestOriginalClient *client,
               const char         *expected)
{
  g_autoptr (GRegex) time = g_regex_new ("\\[\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\]", 0, 0, NULL);
  const char *last = strrchr (expected, ']');
  g_autofree char *text = test_original_client_read_until (client, last != NULL ? last : expected);
  g_autofree char *neutral = g_regex_replace_literal (time, text, -1, 0, "[TIME]", 0, NULL);

  g_assert_cmpstr (neutral, ==, expected);
}

/* Message for message: what the original's client does and shows on our server. */
static void
test_original_client_session (void)
{
  g_autoptr (TestServer) server = start_server ();
  g_autoptr (TestPeer) bob = join_peer (server, "bob");
  g_autoptr (TestOriginalClient) ada = NULL;
  g_autoptr (JsonObject) left = NULL;

  test_peer_say (bob, "ALL", "früher 😀");
  expect_message (bob, "bob", "ALL", "früher 😀");
  ada = connect_original (server);
  test_original_client_type (ada, "ada");
  expect_screen (ada, "\nSuccessfully Logged In\nWelcome!\n\nUSERS ONLINE:\nbob\nada\n\n"
                 "[TIME] " BOB " : früher 😀\n");

  test_original_client_type (ada, "hello, wörld");
  expect_screen (ada, "[TIME] " ADA " : hello, wörld\n");
  expect_message (bob, "ada", "ALL", "hello, wörld");
  test_original_client_type (ada, "@bob psst");
  expect_message (bob, "ada", "bob", "psst");
  test_peer_say (bob, "ada", "yes?");
  expect_screen (ada, "[TIME] " BOB " : yes?\n");
  /* An empty line is a message there. */
  test_original_client_type (ada, "");
  expect_screen (ada, "[TIME] " ADA " : \n");
  expect_message (bob, "ada", "ALL", "");
  test_original_client_type (ada, "@nobody hi");
  expect_screen (ada, "UNEXPECTED RESP FROM SERVERERROR: No user “nobody” has ever been here\n");

  test_original_client_assert_alive (ada);
  g_clear_pointer (&ada, test_original_client_free);
  left = test_peer_receive_with (bob, "USERS_LEFT");
  g_assert_cmpstr (json_array_get_string_element (json_object_get_array_member (left, "USERS_LEFT"), 0), ==, "ada");
}

static const struct
{
  const char *typed;
  const char *shown;
} commands[] = {
  { "/Name", "Your username is ada" },
  { "/Blocked", "You have no users blocked" },
  { "/Block bob", "The following users will now be blocked: bob" },
  { "/Blocked", "You currently have these users blocked: bob" },
  { "/DisplayUsers", "\n\nCURRENT USER(S) ONLINE\n----------------------\nbob\nada" },
  { "/DisplayAllUsers", "\n\n   ALL USER(S)\n----------------------\n\neve : OFFLINE\nbob : ONLINE\nada : ONLINE" },
  /* Its own help misspells this one, so that its users type it so. */
  { "/Unblock bob", "The following users will now be un-blocked: bob" },
  { "/UnBlock bob", "The following users will now be un-blocked: \nNot blocked by you: bob" },
  { "/Blocked", "You have no users blocked" },
};

/* Its commands are messages to itself; nobody else sees them. */
static void
test_original_client_commands (void)
{
  g_autoptr (TestServer) server = start_server ();
  g_autoptr (TestPeer) eve = join_peer (server, "eve");
  g_autoptr (TestPeer) bob = NULL;
  g_autoptr (TestOriginalClient) ada = NULL;
  g_autoptr (JsonObject) left = NULL;
  g_autofree char *welcome = NULL;

  bob = join_peer (server, "bob");
  g_clear_pointer (&eve, test_peer_free);
  left = test_peer_receive_with (bob, "USERS_LEFT");
  ada = connect_original (server);
  test_original_client_type (ada, "ada");
  welcome = test_original_client_read_until (ada, "USERS ONLINE:\nbob\nada\n\n");

  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      g_autofree char *expected = g_strconcat ("[TIME] " ADA " : ", commands[i].shown, "\n", NULL);

      test_original_client_type (ada, commands[i].typed);
      expect_screen (ada, expected);
    }

  test_original_client_type (ada, "done");
  expect_message (bob, "ada", "ALL", "done");
  test_original_client_assert_alive (ada);
}

static void
test_original_client_others (void)
{
  g_autoptr (TestServer) server = start_server ();
  g_autoptr (TestOriginalClient) ada = connect_original (server);
  g_autoptr (TestPeer) bob = NULL;

  test_original_client_type (ada, "ada");
  expect_screen (ada, "\nSuccessfully Logged In\nWelcome!\n\nUSERS ONLINE:\nada\n\n");
  bob = join_peer (server, "bob");
  expect_screen (ada, "New User(s) Joined:\nbob\n\n");
  g_clear_pointer (&bob, test_peer_free);
  expect_screen (ada, "User(s) Left:\nbob\n\n");
  test_original_client_assert_alive (ada);
}

/* It asks again on the same connection. */
static void
test_original_client_taken (void)
{
  g_autoptr (TestServer) server = start_server ();
  g_autoptr (TestPeer) bob = join_peer (server, "bob");
  g_autoptr (TestOriginalClient) ada = connect_original (server);
  g_autofree char *refusal = NULL;

  test_original_client_type (ada, "bob");
  refusal = test_original_client_read_until (ada, "\n\n");
  g_assert_nonnull (strstr (refusal, "in use"));
  g_assert_false (test_original_client_is_logged_in (ada));
  test_original_client_type (ada, "ada");
  expect_screen (ada, "\nSuccessfully Logged In\nWelcome!\n\nUSERS ONLINE:\nbob\nada\n\n");
  g_clear_pointer (&bob, test_peer_free);
  expect_screen (ada, "User(s) Left:\nbob\n\n");
}

/* Why there is the setting; and this shows that the emulation is as frail as what it emulates. */
static void
test_original_client_names (void)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestOriginalClient) ada = connect_original (server);

  test_original_client_type (ada, "ada");
  g_assert_nonnull (strstr (test_original_client_wait_death (ada), "USER_LIST"));
}

/* A history of many TLS records is one frame, and comes to its end with one. */
static void
test_original_client_history (void)
{
  g_autoptr (TestServer) server = start_server ();
  g_autoptr (TestPeer) bob = join_peer (server, "bob");
  g_autoptr (TestOriginalClient) ada = NULL;
  GPtrArray *messages = NULL;

  for (guint i = 0; i < 500; i++)
    {
      g_autofree char *content = g_strdup_printf ("%u %0*u", i, (int) (i % 600) + 1, 0u);

      test_peer_say (bob, "ALL", content);
      expect_message (bob, "bob", "ALL", content);
    }

  ada = connect_original (server);
  test_original_client_type (ada, "ada");
  g_free (test_original_client_read_until (ada, " : 499 "));
  messages = test_original_client_get_messages (ada);
  g_assert_cmpuint (messages->len, ==, 500);
  for (guint i = 0; i < messages->len; i++)
    {
      const char *content = json_array_get_string_element (g_ptr_array_index (messages, i), 3);

      g_assert_cmpuint (g_ascii_strtoull (content, NULL, 10), ==, i);
      g_assert_cmpuint (strlen (strchr (content, ' ') + 1), ==, i % 600 + 1);
    }

  /* And what follows is not lost. */
  test_peer_say (bob, "ALL", "after");
  g_free (test_original_client_read_until (ada, " : after\n"));
  test_original_client_assert_alive (ada);
}

/* Single messages whose frames have every length around those that would put a “{” into the prefix. */
static void
test_original_client_prefixes (void)
{
  static const struct
  {
    guint first;
    guint last;
    guint step;
  } ranges[] = { { 1, 130, 1 }, { 31400, 31760, 4 } };
  g_autoptr (TestServer) server = start_server ();
  g_autoptr (TestPeer) bob = join_peer (server, "bob");
  g_autoptr (TestOriginalClient) ada = connect_original (server);
  GPtrArray *messages = test_original_client_get_messages (ada);
  guint n_said = 0;

  test_original_client_type (ada, "ada");
  g_free (test_original_client_read_until (ada, "USERS ONLINE:\nbob\nada\n\n"));
  for (gsize i = 0; i < G_N_ELEMENTS (ranges); i++)
    {
      for (guint len = ranges[i].first; len <= ranges[i].last; len += ranges[i].step)
        {
          g_autofree char *content = g_strnfill (len, 'x');

          test_peer_say (bob, "ALL", content);
          expect_message (bob, "bob", "ALL", content);
          g_free (test_original_client_read_until (ada, "x\n"));
          n_said++;
        }
    }
  g_assert_cmpuint (messages->len, ==, n_said);
  test_original_client_assert_alive (ada);
}

static gunichar
random_character (void)
{
  static const char special[] = "{}[]\",:\\/ \n\r\t\b\f\x7f\x01";

  switch (g_test_rand_int_range (0, 8))
    {
    case 0:
      return (gunichar) special[g_test_rand_int_range (0, sizeof special - 1)];
    case 1:
      return (gunichar) g_test_rand_int_range (0x80, 0xd800);
    case 2:
      return (gunichar) g_test_rand_int_range (0xe000, 0x10000);
    case 3:
      return (gunichar) g_test_rand_int_range (0x10000, 0x110000);
    default:
      return (gunichar) g_test_rand_int_range (0x20, 0x7f);
    }
}

/* Most are short; some are longer than a TLS record. */
static char *
random_content (void)
{
  const int kind = g_test_rand_int_range (0, 100);
  const int len = kind < 85 ? g_test_rand_int_range (0, 200)
                            : kind < 98 ? g_test_rand_int_range (200, 1500) : g_test_rand_int_range (2000, 4000);
  GString *content = g_string_new (NULL);

  for (int i = 0; i < len; i++)
    g_string_append_unichar (content, random_character ());
  return g_string_free (content, FALSE);
}

#define N_SENDERS 3
#define N_MESSAGES 10000u

typedef struct
{
  TestPeer  *peers[N_SENDERS];
  GQueue     said[N_SENDERS]; /* of contents: not yet found in the order */
  guint      received[N_SENDERS];
  guint      n_said;
  GPtrArray *order;           /* of JsonArray: as the first sender received them */
} Crowd;

/* One frame with some messages. */
static void
say_some (Crowd *crowd,
          guint  sender)
{
  g_autoptr (GString) json = g_string_new ("{\"MESSAGES\": [");
  g_autofree char *name = g_strdup_printf ("sender%u", sender);
  guint n_left = (guint) g_test_rand_int_range (1, 30);

  while (n_left > 0 && json->len < 30000 && crowd->n_said < N_MESSAGES)
    {
      char *content = random_content ();

      if (json->str[json->len - 1] == ']')
        g_string_append (json, ", ");
      g_string_append_printf (json, "[\"%s\", \"ALL\", 1700000000, ", name);
      test_family_append_string (json, content);
      g_string_append_c (json, ']');
      g_queue_push_tail (&crowd->said[sender], content);
      crowd->n_said++;
      n_left--;
    }
  g_string_append (json, "]}");
  test_peer_send (crowd->peers[sender], json->str);
}

/* Everybody has received all that was said. */
static void
catch_up (Crowd *crowd)
{
  for (guint sender = 0; sender < N_SENDERS; sender++)
    {
      for (; crowd->received[sender] < crowd->n_said; crowd->received[sender]++)
        {
          g_autoptr (JsonArray) message = test_peer_receive_message (crowd->peers[sender]);

          if (sender == 0)
            g_ptr_array_add (crowd->order, g_steal_pointer (&message));
        }
    }
}

static gboolean
has_all (gpointer data)
{
  TestOriginalClient *client = data;

  test_original_client_assert_alive (client);
  return test_original_client_get_messages (client)->len == N_MESSAGES;
}

/* What the frail reader has is what a sound one has, in the same order, and what was said. */
static void
check_messages (Crowd     *crowd,
                GPtrArray *messages)
{
  for (guint i = 0; i < N_MESSAGES; i++)
    {
      JsonArray *message = g_ptr_array_index (messages, i);
      JsonArray *other = g_ptr_array_index (crowd->order, i);
      const char *name = json_array_get_string_element (message, 0);
      const guint64 sender = g_ascii_strtoull (name + strlen ("sender"), NULL, 10);
      g_autofree char *said = NULL;

      g_assert_cmpuint (sender, <, N_SENDERS);
      said = g_queue_pop_head (&crowd->said[sender]);
      g_assert_cmpstr (json_array_get_string_element (message, 3), ==, said);
      g_assert_cmpstr (json_array_get_string_element (other, 0), ==, name);
      g_assert_cmpstr (json_array_get_string_element (other, 3), ==, said);
    }
}

/* 10,000 random messages: each frame is one that such a reader takes whole. */
static void
test_original_client_random (void)
{
  g_autoptr (TestServer) server = start_server ();
  g_autoptr (TestOriginalClient) ada = connect_original (server);
  Crowd crowd = { 0, };

  test_original_client_type (ada, "ada");
  g_free (test_original_client_read_until (ada, "USERS ONLINE:\nada\n\n"));
  crowd.order = g_ptr_array_new_with_free_func ((GDestroyNotify) json_array_unref);
  for (guint sender = 0; sender < N_SENDERS; sender++)
    {
      g_autofree char *name = g_strdup_printf ("sender%u", sender);

      crowd.peers[sender] = join_peer (server, name);
      g_queue_init (&crowd.said[sender]);
    }

  while (crowd.n_said < N_MESSAGES)
    {
      for (guint sender = 0; sender < N_SENDERS; sender++)
        say_some (&crowd, sender);
      if (g_test_rand_int_range (0, 4) == 0)
        catch_up (&crowd);
    }
  catch_up (&crowd);
  test_wait_until (has_all, ada, "the original client has all messages");
  check_messages (&crowd, test_original_client_get_messages (ada));

  for (guint sender = 0; sender < N_SENDERS; sender++)
    test_peer_free (crowd.peers[sender]);
  g_ptr_array_unref (crowd.order);
}

/* Each byte in a TLS record of its own. */
static void
send_bytewise (TestPeer   *peer,
               const char *json)
{
  const gsize len = strlen (json);
  const guint8 prefix[] = { 0, 0, (guint8) (len >> 8), (guint8) len };

  for (gsize i = 0; i < sizeof prefix; i++)
    test_peer_send_bytes (peer, &prefix[i], 1);
  for (gsize i = 0; i < len; i++)
    test_peer_send_bytes (peer, &json[i], 1);
}

static void
test_byte_by_byte (void)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = join_peer (server, "bob");
  g_autoptr (TestPeer) slow = test_peer_connect (server->address, server->certs->ca);
  g_autoptr (JsonObject) welcome = NULL;

  send_bytewise (slow, "{\"USERNAME\": \"slow\"}");
  welcome = test_peer_receive (slow);
  g_assert_true (json_object_get_boolean_member (welcome, "USERNAME_ACCEPTED"));
  send_bytewise (slow, "{\"MESSAGES\": [[\"slow\", \"ALL\", 1, \"h\303\251llo\"], [\"slow\", \"bob\", 2, \"psst\"]]}");
  expect_message (bob, "slow", "ALL", "héllo");
  expect_message (bob, "slow", "bob", "psst");
  expect_message (slow, "slow", "ALL", "héllo");
  send_bytewise (slow, "{\"MESSAGES\": [[\"bob\", \"ALL\", 1, \"forged\"]]}");
  test_peer_expect_error (slow, "SRC is “bob”");
}

typedef struct
{
  TestCerts          *certs;
  TestOriginalServer *server;
} OriginalFixture;

static void
set_up (OriginalFixture *fixture,
        gconstpointer    data)
{
  fixture->certs = test_certs_new ();
  fixture->server = test_original_server_new (fixture->certs->cert, fixture->certs->key);
}

static void
tear_down (OriginalFixture *fixture,
           gconstpointer    data)
{
  test_original_server_free (fixture->server);
  test_certs_free (fixture->certs);
}

/* Our client, on the original's server. */
static TestProgram *
join_client (OriginalFixture *fixture,
             const char      *name)
{
  return test_client_spawn (test_original_server_get_address (fixture->server), fixture->certs->ca, name);
}

/* The original's client, on its own server. */
static TestOriginalClient *
join_bob (OriginalFixture *fixture)
{
  TestOriginalClient *bob = test_original_client_connect (test_original_server_get_address (fixture->server),
                                                          fixture->certs->ca);

  test_original_client_type (bob, "bob");
  g_free (test_original_client_read_until (bob, "New User(s) Joined:\nbob\n\n"));
  return bob;
}

static gboolean
is_empty (gpointer data)
{
  return test_original_server_count_online (data) == 0;
}

/* Its server forgets what came since somebody last left, users included: bob says something, leaves, and
 * comes back, and is known from then on. */
static TestOriginalClient *
join_known_bob (OriginalFixture *fixture,
                const char      *words)
{
  TestOriginalClient *bob = join_bob (fixture);

  test_original_client_type (bob, words);
  g_free (test_original_client_read_until (bob, words));
  test_original_client_free (bob);
  test_wait_until (is_empty, fixture->server, "bob leaves");
  return join_bob (fixture);
}

static void
expect_joined (OriginalFixture *fixture,
               TestProgram     *client,
               const char      *name,
               const char      *online)
{
  g_autofree char *expected = g_strdup_printf ("* Joined %s as %s\n* Online: %s",
                                               test_original_server_get_address (fixture->server), name, online);

  test_client_expect (client, expected);
}

/* Message for message: what our client does and shows on the original's server. */
static void
test_original_server_session (OriginalFixture *fixture,
                              gconstpointer    data)
{
  g_autoptr (TestOriginalClient) bob = join_known_bob (fixture, "earlier");
  g_autoptr (TestOriginalClient) again = NULL;
  g_autoptr (TestProgram) ada = join_client (fixture, "ada");

  expect_joined (fixture, ada, "ada", "ada, bob");
  test_client_expect (ada, "[TIME] bob: earlier");
  g_free (test_original_client_read_until (bob, "New User(s) Joined:\nada\n\n"));

  test_program_write (ada, "hello, wörld\n");
  test_client_expect (ada, "[TIME] ada: hello, wörld");
  expect_screen (bob, "[TIME] \033[35mada\033[0m : hello, wörld\n");
  test_program_write (ada, "@bob psst\n");
  expect_screen (bob, "[TIME] \033[35mada\033[0m : psst\n");
  test_original_client_type (bob, "@ada yes?");
  test_client_expect (ada, "[TIME] bob (private): yes?");
  test_program_write (ada, "@nobody hi\n");
  test_client_expect (ada, "* Error: Specified username does not exist (or at least is not online)");

  test_original_client_free (g_steal_pointer (&bob));
  test_client_expect (ada, "* bob has left");
  again = join_bob (fixture);
  test_client_expect (ada, "* bob has joined");
  test_program_end_input (ada);
  test_client_expect_end (ada, 0);
  g_free (test_original_client_read_until (again, "User(s) Left:\nada\n\n"));
  g_assert_cmpstr (test_original_server_get_death (fixture->server), ==, NULL);
}

static const struct
{
  const char *typed;
  const char *printed;
} client_commands[] = {
  { "/name", "* Your username is ada" },
  { "/BLOCKED", "* You have no users blocked" },
  { "/block bob", "* The following users will now be blocked:  bob" },
  { "/Blocked", "* You currently have these users blocked: bob" },
  { "/displayusers", "* CURRENT USER(S) ONLINE\n* ----------------------\n* bob\n* ada" },
  { "/displayallusers", "* ALL USER(S)\n* ----------------------\n* \n* bob : ONLINE\n* ada : ONLINE" },
  { "/unblock bob", "* The following users will now be un-blocked:  bob" },
  { "/blocked", "* You have no users blocked" },
};

static void
test_original_server_commands (OriginalFixture *fixture,
                               gconstpointer    data)
{
  g_autoptr (TestOriginalClient) bob = join_known_bob (fixture, "earlier");
  g_autoptr (TestProgram) ada = join_client (fixture, "ada");

  expect_joined (fixture, ada, "ada", "ada, bob");
  test_client_expect (ada, "[TIME] bob: earlier");
  for (gsize i = 0; i < G_N_ELEMENTS (client_commands); i++)
    {
      g_autofree char *line = g_strconcat (client_commands[i].typed, "\n", NULL);

      test_program_write (ada, line);
      test_client_expect (ada, client_commands[i].printed);
    }

  test_program_write (ada, "done\n");
  test_client_expect (ada, "[TIME] ada: done");
  test_original_client_assert_alive (bob);
  test_program_write (ada, "/Quit\n");
  test_client_expect_end (ada, 0);
  g_assert_cmpstr (test_program_get_errors (ada), ==, "");
  g_assert_cmpstr (test_original_server_get_death (fixture->server), ==, NULL);
}

/* Who has no block gets no answer there to /UnBlock: nothing is mistaken for it, and nobody waits. */
static void
test_original_server_unanswered (OriginalFixture *fixture,
                                 gconstpointer    data)
{
  const gint64 start_us = g_get_monotonic_time ();
  g_autoptr (TestProgram) ada = join_client (fixture, "ada");
  GPtrArray *messages = NULL;
  char *line = NULL;

  test_program_write (ada, "/UnBlock bob\nbye\n");
  test_program_end_input (ada);
  expect_joined (fixture, ada, "ada", "ada");
  while ((line = test_program_read_line (ada)) != NULL)
    {
      g_assert_null (strstr (line, "Your username"));
      g_free (line);
    }
  g_assert_cmpint (test_program_wait (ada), ==, 0);
  /* A leave that is not confirmed takes five seconds longer. */
  g_assert_cmpint (g_get_monotonic_time () - start_us, <, 4 * G_TIME_SPAN_SECOND);

  messages = test_original_server_get_messages (fixture->server);
  g_assert_cmpuint (messages->len, ==, 1);
  g_assert_cmpstr (json_array_get_string_element (g_ptr_array_index (messages, 0), 3), ==, "bye");
}

/* Its refusal gives no reason. */
static void
test_original_server_taken (OriginalFixture *fixture,
                            gconstpointer    data)
{
  g_autoptr (TestOriginalClient) bob = join_bob (fixture);
  g_autoptr (TestProgram) second = join_client (fixture, "bob");

  test_client_expect_end (second, 3);
  g_assert_cmpstr (test_program_get_errors (second), ==, "chatterbox: The name “bob” was refused\n");
  test_original_client_assert_alive (bob);
}

#define N_LINES 300u

static char *
make_lines (void)
{
  g_autoptr (GString) lines = g_string_new (NULL);

  for (guint i = 0; i < N_LINES; i++)
    g_string_append_printf (lines, "line %u\n", i);
  return g_string_free (g_steal_pointer (&lines), FALSE);
}

/* The server has all lines, in order. */
static void
check_lines (OriginalFixture *fixture)
{
  GPtrArray *messages = test_original_server_get_messages (fixture->server);

  g_assert_cmpuint (messages->len, ==, N_LINES);
  for (guint i = 0; i < N_LINES; i++)
    {
      g_autofree char *line = g_strdup_printf ("line %u", i);

      g_assert_cmpstr (json_array_get_string_element (g_ptr_array_index (messages, i), 3), ==, line);
    }
  g_assert_cmpstr (test_original_server_get_death (fixture->server), ==, NULL);
}

/* Lines that come at once: a server that takes one frame a read loses none. */
static void
test_original_server_lines (OriginalFixture *fixture,
                            gconstpointer    data)
{
  g_autoptr (TestOriginalClient) bob = join_bob (fixture);
  g_autoptr (TestProgram) ada = join_client (fixture, "ada");
  g_autofree char *lines = make_lines ();

  test_program_write (ada, lines);
  test_program_end_input (ada);
  g_free (test_original_client_read_until (bob, "line 299\n"));
  g_free (test_original_client_read_until (bob, "User(s) Left:\nada\n\n"));
  g_assert_cmpint (test_program_wait (ada), ==, 0);
  check_lines (fixture);
}

static void
add_original (const char *path,
              void (     *test ) (OriginalFixture *fixture,
                                  gconstpointer    data))
{
  g_test_add (path, OriginalFixture, NULL, set_up, test, tear_down);
}

int
main (int   argc,
      char *argv[])
{
  /* glib-networking 2.74 looks for a desktop's proxies, and aborts in directories without its schemas. */
  g_setenv ("GIO_USE_PROXY_RESOLVER", "dummy", TRUE);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/family/original-client/session", test_original_client_session);
  g_test_add_func ("/family/original-client/commands", test_original_client_commands);
  g_test_add_func ("/family/original-client/others", test_original_client_others);
  g_test_add_func ("/family/original-client/taken", test_original_client_taken);
  g_test_add_func ("/family/original-client/names", test_original_client_names);
  g_test_add_func ("/family/original-client/history", test_original_client_history);
  g_test_add_func ("/family/original-client/prefixes", test_original_client_prefixes);
  g_test_add_func ("/family/original-client/random", test_original_client_random);
  g_test_add_func ("/family/byte-by-byte", test_byte_by_byte);
  add_original ("/family/original-server/session", test_original_server_session);
  add_original ("/family/original-server/commands", test_original_server_commands);
  add_original ("/family/original-server/unanswered", test_original_server_unanswered);
  add_original ("/family/original-server/taken", test_original_server_taken);
  add_original ("/family/original-server/lines", test_original_server_lines);

  return g_test_run ();
}
