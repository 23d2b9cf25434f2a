/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "common/test-peer.h"
#include "common/test-program.h"

/* The beginning of a ClientHello, and a whole one whose sender then says nothing more: a TLS 1.2
 * hello with one cipher suite, curve P-256 and ECDSA. */
static const guint8 half_hello[] = { 0x16, 3, 1, 0, 0x80, 1, 0, 0, 0x7c, 3, 3 };
static const guint8 whole_hello[] = {
  0x16, 3, 1, 0, 0x49, 1, 0, 0, 0x45, 3, 3,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
  0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 0x1a,
  0, 10, 0, 4, 0, 2, 0, 23,
  0, 11, 0, 2, 1, 0,
  0, 13, 0, 4, 0, 2, 4, 3,
  0, 23, 0, 0,
};

static GSocketConnection *
connect_from (TestServer *server,
              guint       host)
{
  g_autofree char *from = g_strdup_printf ("127.0.%u.%u", 1 + host / 200, 1 + host % 200);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketAddress) local = g_inet_socket_address_new_from_string (from, 0);
  g_autoptr (GError) error = NULL;
  GSocketConnection *connection = NULL;

  g_socket_client_set_local_address (client, local);
  connection = g_socket_client_connect_to_host (client, server->address, 0, NULL, &error);
  g_assert_no_error (error);
  return connection;
}

/* A connection that gets stuck in the handshake, in one of three ways. */
static GSocketConnection *
connect_stalled (TestServer *server,
                 guint       i,
                 guint       n_hosts)
{
  GSocketConnection *connection = connect_from (server, i % n_hosts);
  GOutputStream *output = g_io_stream_get_output_stream (G_IO_STREAM (connection));
  g_autoptr (GError) error = NULL;

  if (i % 3 == 1)
    g_output_stream_write_all (output, half_hello, sizeof half_hello, NULL, NULL, &error);
  else if (i % 3 == 2)
    g_output_stream_write_all (output, whole_hello, sizeof whole_hello, NULL, NULL, &error);
  g_assert_no_error (error);
  return connection;
}

static TestPeer *
join (TestServer *server,
      const char *name)
{
  TestPeer *peer = test_peer_connect (server->address, server->certs->ca);

  json_object_unref (test_peer_join (peer, name));
  return peer;
}

static void
assert_alive (TestPeer *peer)
{
  g_autoptr (JsonArray) echo = NULL;

  test_peer_say (peer, "ALL", "alive");
  echo = test_peer_receive_message (peer);
}

/* Reads a number of a line of /proc/PID/@file that begins with @field. */
static guint64
read_proc (TestServer *server,
           const char *file,
           const char *field)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/%s", test_program_get_pid (server->program), file);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  return g_ascii_strtoull (strstr (text, field) + strlen (field), NULL, 10);
}

static guint64
get_cpu_ns (TestServer *server)
{
  return read_proc (server, "schedstat", "");
}

/* Whoever is stuck costs little memory and no thread, and keeps nobody out. */
static void
test_stalled_handshakes (void)
{
  TestServer *server = test_server_start (NULL);
  g_autoptr (GPtrArray) stalled = g_ptr_array_new_with_free_func (g_object_unref);
  TestPeer *ada = join (server, "ada");
  const guint64 memory_kib = read_proc (server, "smaps_rollup", "Anonymous:");
  const guint64 n_threads = read_proc (server, "status", "Threads:");
  TestPeer *bob = NULL;

  for (guint i = 0; i < 600; i++)
    g_ptr_array_add (stalled, connect_stalled (server, i, 150));
  bob = join (server, "bob");
  assert_alive (bob);
  if (TEST_MEASURES_MEMORY)
    g_assert_cmpuint (read_proc (server, "smaps_rollup", "Anonymous:"), <, memory_kib + 32 * 1024);
  g_assert_cmpuint (read_proc (server, "status", "Threads:"), <=, n_threads);

  g_ptr_array_set_size (stalled, 0);
  test_peer_free (ada);
  test_peer_free (bob);
  g_assert_cmpint (test_server_stop (server), ==, 0);
  test_server_free (server);
}

static gboolean
is_closed (GSocketConnection *connection)
{
  GSocket *socket = g_socket_connection_get_socket (connection);
  char byte = 0;

  g_socket_set_blocking (socket, FALSE);
  return g_socket_receive (socket, &byte, 1, NULL, NULL) == 0;
}

/* One address gets 128 places; who has made no progress for longest makes room. */
static void
test_places_of_an_address (void)
{
  TestServer *server = test_server_start ("[limits]\ntls-timeout=3600\n");
  g_autoptr (GPtrArray) stalled = g_ptr_array_new_with_free_func (g_object_unref);
  TestPeer *ada = NULL;

  for (guint i = 0; i < 128; i++)
    g_ptr_array_add (stalled, connect_stalled (server, 0, 1));
  for (guint i = 0; i < 10; i++)
    g_ptr_array_add (stalled, connect_from (server, 0));
  /* Connections are taken in order: once this one is served, all before it were. */
  ada = join (server, "ada");

  for (guint i = 0; i < 10; i++)
    g_assert_true (is_closed (g_ptr_array_index (stalled, i)));
  for (guint i = 10; i < 138; i++)
    g_assert_false (is_closed (g_ptr_array_index (stalled, i)));

  g_ptr_array_set_size (stalled, 0);
  test_peer_free (ada);
  g_assert_cmpint (test_server_stop (server), ==, 0);
  test_server_free (server);
}

static gboolean
quit_cb (gpointer user_data)
{
  g_main_loop_quit (user_data);
  return G_SOURCE_REMOVE;
}

/* What the server spends in a time in which it has nothing to do. */
static guint64
measure_cpu_ns (TestServer *server,
                guint       seconds)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  const guint64 before = get_cpu_ns (server);

  g_timeout_add_seconds (seconds, quit_cb, loop);
  g_main_loop_run (loop);
  return get_cpu_ns (server) - before;
}

static guint
count_lines (const char *text)
{
  guint n_lines = 0;

  for (; (text = strchr (text, '\n')) != NULL; text++)
    n_lines++;
  return n_lines;
}

/* More ask than there are descriptors: no spinning, no flood of the log, and it serves again. */
static void
test_descriptors (void)
{
  TestServer *server = test_server_start_limited ("[limits]\ntls-timeout=3600\n", "-n 64");
  g_autoptr (GPtrArray) asking = g_ptr_array_new_with_free_func (g_object_unref);
  TestPeer *ada = NULL;
  gint64 gone_us = 0;

  for (guint i = 0; i < 300; i++)
    g_ptr_array_add (asking, connect_from (server, i));
  /* 5 % of a core. */
  g_assert_cmpuint (measure_cpu_ns (server, 3), <, 150 * 1000 * 1000);
  g_assert_cmpuint (count_lines (test_program_get_errors (server->program)), <=, 10);

  g_ptr_array_set_size (asking, 0);
  gone_us = g_get_monotonic_time ();
  ada = join (server, "ada");
  g_test_message ("A login %" G_GINT64_FORMAT " ms after they went",
                  (g_get_monotonic_time () - gone_us) / 1000);
  assert_alive (ada);
  test_peer_free (ada);
  g_assert_cmpint (test_server_stop (server), ==, 0);
  test_server_free (server);
}

/* 24 MB pass by somebody who does not read: that costs an outbox, then that peer is dropped. */
static void
test_who_does_not_read (void)
{
  TestServer *server = test_server_start (NULL);
  TestPeer *ada = join (server, "ada");
  TestPeer *deaf = join (server, "deaf");
  g_autofree char *content = g_strnfill (30000, 'x');
  const guint64 memory_kib = read_proc (server, "smaps_rollup", "Anonymous:");
  guint64 most_kib = 0;
  g_autoptr (JsonArray) users = NULL;

  for (guint i = 0; i < 800; i++)
    {
      g_autoptr (JsonArray) echo = NULL;

      test_peer_say (ada, "ALL", content);
      echo = test_peer_receive_message (ada);
      most_kib = MAX (most_kib, read_proc (server, "smaps_rollup", "Anonymous:"));
    }
  g_test_message ("%" G_GUINT64_FORMAT " KiB more", most_kib - memory_kib);
  /* The outbox, and what a log of 24 MB keeps in its caches. */
  if (TEST_MEASURES_MEMORY)
    g_assert_cmpuint (most_kib, <, memory_kib + 12 * 1024);
  test_peer_say (ada, "ada", "/DisplayUsers");
  users = test_peer_receive_message (ada);
  g_assert_null (strstr (json_array_get_string_element (users, 3), "deaf"));

  test_peer_free (ada);
  test_peer_free (deaf);
  g_assert_cmpint (test_server_stop (server), ==, 0);
  test_server_free (server);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/overload/stalled-handshakes", test_stalled_handshakes);
  g_test_add_func ("/overload/places-of-an-address", test_places_of_an_address);
  g_test_add_func ("/overload/descriptors", test_descriptors);
  g_test_add_func ("/overload/who-does-not-read", test_who_does_not_read);

  return g_test_run ();
}
