/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "common/test-peer.h"
#include "common/test-program.h"

#define NESTED 1000000

static TestServer *server;

static TestPeer *
connect_peer (TestServer *to)
{
  return test_peer_connect (to->address, to->certs->ca);
}

/* It is still in the room, and heard. */
static void
assert_alive (TestPeer *peer)
{
  g_autofree char *content = g_strdup_printf ("alive %u", g_test_rand_int ());
  g_autoptr (JsonArray) echo = NULL;

  test_peer_say (peer, "ALL", content);
  echo = test_peer_receive_message (peer);
  g_assert_cmpstr (json_array_get_string_element (echo, 3), ==, content);
}

static const struct
{
  const char *payload;
  gsize       len; /* 0: that of the string */
  const char *error; /* part of what is answered */
} invalid[] = {
  { "", 0, "" },
  { " ", 0, "" },
  { "nonsense", 0, "" },
  { "[]", 0, "object" },
  { "\"{}\"", 0, "object" },
  { "{", 0, "" },
  { "{}{}", 0, "follows" },
  { "{\"MESSAGES\": []} x", 0, "follows" },
  { "{\"MESSAGES\": null}", 0, "MESSAGES" },
  { "{\"MESSAGES\": {}}", 0, "MESSAGES" },
  { "{\"MESSAGES\": [1]}", 0, "MESSAGES" },
  { "{\"MESSAGES\": [[]]}", 0, "" },
  { "{\"MESSAGES\": [[\"hostile-ada\", \"ALL\", 1]]}", 0, "" },
  { "{\"MESSAGES\": [[\"hostile-ada\", \"ALL\", 1, \"x\", \"y\"]]}", 0, "four" },
  { "{\"MESSAGES\": [[\"hostile-ada\", \"ALL\", 1.5, \"x\"]]}", 0, "" },
  { "{\"MESSAGES\": [[\"hostile-ada\", \"ALL\", 1e3, \"x\"]]}", 0, "" },
  { "{\"MESSAGES\": [[\"hostile-ada\", \"ALL\", \"1\", \"x\"]]}", 0, "" },
  { "{\"MESSAGES\": [[\"hostile-ada\", \"ALL\", 9007199254740993, \"x\"]]}", 0, "" },
  { "{\"MESSAGES\": [[\"hostile-ada\", \"ALL\", true, \"x\"]]}", 0, "" },
  { "{\"MESSAGES\": [[null, \"ALL\", 1, \"x\"]]}", 0, "" },
  { "{\"MESSAGES\": [[\"hostile-ada\", \"ALL\", 1, \"\\u0000\"]]}", 0, "" },
  { "{\"MESSAGES\": [[\"hostile-ada\", \"ALL\", 1, \"\\ud800\"]]}", 0, "" },
  { "{\"MESSAGES\": [[\"hostile-ada\", \"ALL\", 1, \"\xff\"]]}", 0, "" },
  { "{\"MESSAGES\": [[\"hostile-ada\", \"ALL\", 1, \"\xc0\xaf\"]]}", 0, "" },
  { "{\"MESSAGES\": [[\"hostile-ada\", \"ALL\", 1, \"a\nb\"]]}", 0, "" },
  { "{\"a\": 1, \"a\": 2}", 0, "twice" },
  { "{\"USERNAME\": 1}", 0, "USERNAME" },
  { "{\"x\": [[[[[[[[[]]]]]]]]]}", 0, "deeper" },
  { "{\"x\0\": 1}", 9, "" },
};

/* Each is answered by an ERROR, nothing of it is served, and the connection lives on. */
static void
test_invalid (void)
{
  g_autoptr (TestPeer) ada = connect_peer (server);

  json_object_unref (test_peer_join (ada, "hostile-ada"));
  for (gsize i = 0; i < G_N_ELEMENTS (invalid); i++)
    {
      const gsize len = invalid[i].len > 0 ? invalid[i].len : strlen (invalid[i].payload);
      const guint32 prefix = GUINT32_TO_BE ((guint32) len);
      g_autoptr (GByteArray) frame = g_byte_array_new ();

      g_test_message ("case %" G_GSIZE_FORMAT, i);
      g_byte_array_append (frame, (const guint8 *) &prefix, sizeof prefix);
      g_byte_array_append (frame, (const guint8 *) invalid[i].payload, (guint) len);
      test_peer_send_bytes (ada, frame->data, frame->len);
      test_peer_expect_error (ada, invalid[i].error);
      assert_alive (ada);
    }
}

/* A private message to a wrong name, a content over the limit: refused with the value and the limit. */
static void
test_content_limit (void)
{
  g_autoptr (TestPeer) ada = connect_peer (server);
  g_autofree char *largest = g_strnfill (32 * 1024, 'x');
  g_autofree char *larger = g_strnfill (32 * 1024 + 1, 'x');
  g_autoptr (JsonArray) echo = NULL;

  json_object_unref (test_peer_join (ada, "content-ada"));
  test_peer_say (ada, "ALL", larger);
  test_peer_expect_error (ada, "32769 bytes; the limit is 32768");
  test_peer_say (ada, "ALL", largest);
  echo = test_peer_receive_message (ada);
  g_assert_cmpstr (json_array_get_string_element (echo, 3), ==, largest);
}

static guint64
get_anonymous_kib (TestServer *of)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/smaps_rollup", test_program_get_pid (of->program));
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  return g_ascii_strtoull (strstr (text, "Anonymous:") + strlen ("Anonymous:"), NULL, 10);
}

/* Can't be resynchronised: an ERROR, then the end. It costs no memory, before the login and after. */
static void
test_length_limit (void)
{
  static const guint8 lengths[][4] = { { 0xff, 0xff, 0xff, 0xff }, { 0, 1, 0, 1 } };
  const guint64 before = get_anonymous_kib (server);

  for (gsize i = 0; i < 2 * G_N_ELEMENTS (lengths); i++)
    {
      g_autoptr (TestPeer) ada = connect_peer (server);

      if (i % 2 == 0)
        json_object_unref (test_peer_join (ada, "length-ada"));
      test_peer_send_bytes (ada, lengths[i / 2], sizeof lengths[0]);
      test_peer_expect_error (ada, "limit");
      test_peer_expect_end (ada);
    }
  if (TEST_MEASURES_MEMORY)
    g_assert_cmpuint (get_anonymous_kib (server), <, before + 4096);
}

static void
test_limit_before_login (void)
{
  static const guint8 prefix[] = { 0, 0, 0x10, 1 };
  g_autoptr (TestPeer) ada = connect_peer (server);

  test_peer_send_bytes (ada, prefix, sizeof prefix);
  test_peer_expect_error (ada, "4097 bytes; the limit is 4096");
  test_peer_expect_end (ada);
}

/* The scanner is iterative: its depth is a number, not the stack's. */
static void
test_nested (void)
{
  TestServer *own = test_server_start_limited ("[limits]\nframe=2097152\n", "-s 256");
  g_autoptr (TestPeer) ada = test_peer_connect (own->address, own->certs->ca);
  g_autofree char *payload = g_strnfill (NESTED, '[');

  json_object_unref (test_peer_join (ada, "ada"));
  test_peer_send (ada, payload);
  test_peer_expect_error (ada, "");
  assert_alive (ada);
  g_clear_pointer (&ada, test_peer_free);
  g_assert_cmpint (test_server_stop (own), ==, 0);
  test_server_free (own);
}

static TestPeer *
connect_without_tls (void)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketConnection) connection = NULL;

  connection = g_socket_client_connect_to_host (client, server->address, 0, NULL, &error);
  g_assert_no_error (error);
  return test_peer_new (G_IO_STREAM (connection));
}

static void
test_no_tls (void)
{
  g_autoptr (TestPeer) peer = connect_without_tls ();

  test_peer_send_bytes (peer, "GET / HTTP/1.0\r\n\r\n", 18);
  test_peer_expect_end (peer);
}

/* A second is the shortest that can be set. */
static void
test_deadlines (void)
{
  TestServer *own = test_server_start ("[limits]\ntls-timeout=1\nlogin-timeout=1\nframe-timeout=1\n");
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (TestPeer) silent = NULL;
  g_autoptr (TestPeer) nameless = NULL;
  g_autoptr (TestPeer) slow = NULL;
  g_autoptr (TestPeer) idle = NULL;

  connection = g_socket_client_connect_to_host (client, own->address, 0, NULL, NULL);
  silent = test_peer_new (G_IO_STREAM (connection));
  test_peer_expect_end (silent);

  idle = test_peer_connect (own->address, own->certs->ca);
  json_object_unref (test_peer_join (idle, "idle"));
  nameless = test_peer_connect (own->address, own->certs->ca);
  test_peer_expect_error (nameless, "log in");
  test_peer_expect_end (nameless);

  slow = test_peer_connect (own->address, own->certs->ca);
  json_object_unref (test_peer_join (slow, "slow"));
  test_peer_send_bytes (slow, "\0\0\0\x20{", 5);
  test_peer_expect_error (slow, "complete");
  test_peer_expect_end (slow);

  /* Who only listens has all the time. */
  assert_alive (idle);
  g_clear_pointer (&idle, test_peer_free);
  g_assert_cmpint (test_server_stop (own), ==, 0);
  test_server_free (own);
}

/* Valid frames with bytes changed: whatever comes of it, the next valid one is served. */
static void
test_mutations (void)
{
  static const char *const seeds[] = {
    "{\"USERNAME\": \"mutant\"}",
    "{\"MESSAGES\": [[\"mutant\", \"ALL\", 1700000000, \"hello \\ud83e\\udd8a\"], [\"mutant\", \"ALL\", 2, \"x\"]]}",
    "{\"MESSAGES\": [[\"mutant\", \"mutant\", 1, \"/Block x\"]]}",
    "{\"MESSAGES\": [[\"mutant\", \"mutant\", 5, \"/DisplayAllUsers\"]], \"x\": {\"y\": [1.5e-3, null]}}",
  };
  g_autoptr (TestPeer) mutant = connect_peer (server);
  g_autoptr (GByteArray) frames = g_byte_array_new ();
  g_autoptr (JsonArray) message = NULL;

  json_object_unref (test_peer_join (mutant, "mutant"));
  for (guint i = 0; i < 3000; i++)
    {
      const char *seed = seeds[g_test_rand_int_range (0, G_N_ELEMENTS (seeds))];
      const gsize len = strlen (seed);
      const guint32 prefix = GUINT32_TO_BE ((guint32) len);
      guint start = 0;

      g_byte_array_append (frames, (const guint8 *) &prefix, sizeof prefix);
      start = frames->len;
      g_byte_array_append (frames, (const guint8 *) seed, (guint) len);
      for (int n = g_test_rand_int_range (1, 4); n > 0; n--)
        frames->data[start + (guint) g_test_rand_int_range (0, (int) len)] = (guint8) g_test_rand_int_range (0, 256);
    }

  test_peer_send_bytes (mutant, frames->data, frames->len);
  test_peer_say (mutant, "ALL", "the end");
  do
    {
      g_clear_pointer (&message, json_array_unref);
      message = test_peer_receive_message (mutant);
    }
  while (!g_str_equal (json_array_get_string_element (message, 3), "the end"));
}

int
main (int   argc,
      char *argv[])
{
  int status = 0;

  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  server = test_server_start (NULL);
  g_test_add_func ("/hostile/invalid", test_invalid);
  g_test_add_func ("/hostile/content-limit", test_content_limit);
  g_test_add_func ("/hostile/length-limit", test_length_limit);
  g_test_add_func ("/hostile/length-limit/before-login", test_limit_before_login);
  g_test_add_func ("/hostile/nested", test_nested);
  g_test_add_func ("/hostile/no-tls", test_no_tls);
  g_test_add_func ("/hostile/deadlines", test_deadlines);
  g_test_add_func ("/hostile/mutations", test_mutations);
  status = g_test_run ();

  g_assert_cmpint (test_server_stop (server), ==, 0);
  test_server_free (server);
  return status;
}
