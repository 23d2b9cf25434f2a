/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "common/test-peer.h"
#include "common/test-program.h"

/* More than the 16 MiB that the first frame holds. */
#define N_LARGE 720
#define LARGE_LEN 30000
#define FIRST_FRAME (16 * 1024 * 1024)

#define N_SLOW 40

static TestPeer *
connect_peer (TestServer *server)
{
  return test_peer_connect (server->address, server->certs->ca);
}

static void
talk (TestPeer *peer,
      guint     from,
      guint     to)
{
  g_autofree char *filling = g_strnfill (LARGE_LEN, 'x');

  for (guint i = from; i < to; i++)
    {
      g_autofree char *content = g_strdup_printf ("%u %s", i, filling);
      g_autoptr (JsonArray) echo = NULL;

      test_peer_say (peer, "ALL", content);
      echo = test_peer_receive_message (peer);
      g_assert_cmpstr (json_array_get_string_element (echo, 3), ==, content);
    }
}

/* Checks that the messages go on with number @next; returns the number behind them. */
static guint
count_on (JsonObject *object,
          guint       next)
{
  JsonArray *messages = json_object_get_array_member (object, "MESSAGES");

  for (guint i = 0; i < json_array_get_length (messages); i++)
    {
      const char *content = json_array_get_string_element (json_array_get_array_element (messages, i), 3);

      g_assert_cmpuint (g_ascii_strtoull (content, NULL, 10), ==, next);
      next++;
    }
  return next;
}

static guint64
get_anonymous_kib (GPid pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/smaps_rollup", pid);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  return g_ascii_strtoull (strstr (text, "Anonymous:") + strlen ("Anonymous:"), NULL, 10);
}

/* A first frame up to its limit, the rest behind it, then what was said meanwhile: each once, in order. */
static void
test_long_history (void)
{
  TestServer *server = test_server_start (NULL);
  g_autoptr (TestPeer) ada = connect_peer (server);
  g_autoptr (TestPeer) bob = NULL;
  g_autoptr (GBytes) frame = NULL;
  g_autoptr (JsonParser) parser = json_parser_new ();
  guint next = 0;
  guint n_frames = 0;

  json_object_unref (test_peer_join (ada, "ada"));
  talk (ada, 0, N_LARGE);

  bob = connect_peer (server);
  test_peer_send (bob, "{\"USERNAME\": \"bob\"}");
  talk (ada, N_LARGE, N_LARGE + 50);

  frame = test_peer_receive_frame (bob);
  g_assert_cmpuint (g_bytes_get_size (frame), <=, FIRST_FRAME);
  g_assert_cmpuint (g_bytes_get_size (frame), >, FIRST_FRAME - 2 * LARGE_LEN);
  json_parser_load_from_data (parser, g_bytes_get_data (frame, NULL), (gssize) g_bytes_get_size (frame), NULL);
  next = count_on (json_node_get_object (json_parser_get_root (parser)), next);
  g_assert_cmpuint (next, <, N_LARGE);

  for (; next < N_LARGE + 50; n_frames++)
    {
      g_autoptr (JsonObject) object = test_peer_receive_with (bob, "MESSAGES");

      next = count_on (object, next);
    }
  g_assert_cmpuint (n_frames, >, 0);
  g_clear_pointer (&ada, test_peer_free);
  g_clear_pointer (&bob, test_peer_free);
  g_assert_cmpint (test_server_stop (server), ==, 0);
  test_server_free (server);
}

/* Peers that log in and do not read cost neither the history each, nor the others their time; and
 * what waits for them is no outbox: they are not dropped for it. */
static void
test_slow_readers (void)
{
  TestServer *server = test_server_start ("[limits]\noutbox=65536\n");
  g_autoptr (TestPeer) ada = connect_peer (server);
  g_autoptr (GPtrArray) slow = g_ptr_array_new_with_free_func ((GDestroyNotify) test_peer_free);
  g_autoptr (JsonObject) welcome = NULL;
  guint64 before = 0;
  guint next = 0;

  json_object_unref (test_peer_join (ada, "ada"));
  talk (ada, 0, 300);

  before = get_anonymous_kib (test_program_get_pid (server->program));
  for (guint i = 0; i < N_SLOW; i++)
    {
      g_autofree char *json = g_strdup_printf ("{\"USERNAME\": \"slow%u\"}", i);
      g_autoptr (JsonObject) joined = NULL;
      TestPeer *peer = connect_peer (server);

      g_ptr_array_add (slow, peer);
      test_peer_send (peer, json);
      joined = test_peer_receive_with (ada, "USERS_JOINED");
    }
  talk (ada, 300, 320);
  /* Ten messages of 30 kB each would be more than that. */
  if (TEST_MEASURES_MEMORY)
    g_assert_cmpuint (get_anonymous_kib (test_program_get_pid (server->program)) - before, <, N_SLOW * 300);

  welcome = test_peer_receive (g_ptr_array_index (slow, 0));
  next = count_on (welcome, 0);
  while (next < 320)
    {
      g_autoptr (JsonObject) object = test_peer_receive_with (g_ptr_array_index (slow, 0), "MESSAGES");

      next = count_on (object, next);
    }

  g_ptr_array_set_size (slow, 0);
  g_clear_pointer (&ada, test_peer_free);
  g_assert_cmpint (test_server_stop (server), ==, 0);
  test_server_free (server);
}

static void
test_login_limit (void)
{
  TestServer *server = test_server_start ("[history]\nlogin-limit=3\n");
  g_autoptr (TestPeer) ada = connect_peer (server);
  g_autoptr (TestPeer) bob = connect_peer (server);
  g_autoptr (JsonObject) welcome = NULL;

  json_object_unref (test_peer_join (ada, "ada"));
  talk (ada, 0, 10);
  welcome = test_peer_join (bob, "bob");
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (welcome, "MESSAGES")), ==, 3);
  g_assert_cmpuint (count_on (welcome, 7), ==, 10);

  g_clear_pointer (&ada, test_peer_free);
  g_clear_pointer (&bob, test_peer_free);
  g_assert_cmpint (test_server_stop (server), ==, 0);
  test_server_free (server);
}

/* A log in memory serves the same, and ends with the server. */
static void
test_ephemeral (void)
{
  TestServer *server = test_server_start ("[server]\nephemeral=true\n");
  TestPeer *ada = connect_peer (server);
  g_autoptr (JsonObject) first = NULL;
  g_autoptr (JsonObject) second = NULL;

  json_object_unref (test_peer_join (ada, "ada"));
  talk (ada, 0, 5);
  test_peer_free (ada);
  ada = connect_peer (server);
  first = test_peer_join (ada, "bob");
  g_assert_cmpuint (count_on (first, 0), ==, 5);
  test_peer_free (ada);
  g_assert_cmpint (test_server_stop (server), ==, 0);

  test_server_restart (server);
  ada = connect_peer (server);
  second = test_peer_join (ada, "bob");
  g_assert_cmpuint (count_on (second, 0), ==, 0);
  test_peer_free (ada);
  g_assert_cmpint (test_server_stop (server), ==, 0);
  test_server_free (server);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/replay/long-history", test_long_history);
  g_test_add_func ("/replay/slow-readers", test_slow_readers);
  g_test_add_func ("/replay/login-limit", test_login_limit);
  g_test_add_func ("/replay/ephemeral", test_ephemeral);

  return g_test_run ();
}
