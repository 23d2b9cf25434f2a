/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "common/test-peer.h"
#include "common/test-program.h"

#define N_KILLS 20
#define N_MESSAGES 300 /* that each of two users sends between two kills */

/* What somebody has seen: it was delivered, so it must never be lost. */
typedef struct
{
  GHashTable *contents; /* set of contents seen, echoes included */
  guint       round;
} Seen;

static TestPeer *
join (TestServer  *server,
      const char  *name,
      JsonObject **out_welcome)
{
  TestPeer *peer = test_peer_connect (server->address, server->certs->ca);

  *out_welcome = test_peer_join (peer, name);
  return peer;
}

static void
send_load (TestPeer   *peer,
           const char *name,
           const char *other,
           guint       round)
{
  g_autoptr (GString) frame = g_string_new (NULL);

  for (guint i = 0; i < N_MESSAGES; i++)
    {
      /* Every third one is private. */
      g_autofree char *json = g_strdup_printf ("{\"MESSAGES\": [[\"%s\", \"%s\", %u, \"%s %02u/%03u\"]]}",
                                               name, i % 3 == 0 ? other : "ALL", i, name, round, i);
      const guint32 prefix = GUINT32_TO_BE ((guint32) strlen (json));

      g_string_append_len (frame, (const char *) &prefix, sizeof prefix);
      g_string_append (frame, json);
    }
  test_peer_send_bytes (peer, frame->str, frame->len);
}

static void
see_some (Seen     *seen,
          TestPeer *peer,
          int       n_messages)
{
  for (int i = 0; i < n_messages; i++)
    {
      g_autoptr (JsonArray) message = test_peer_receive_message (peer);

      g_hash_table_add (seen->contents, g_strdup (json_array_get_string_element (message, 3)));
    }
}

/* The history holds each message once, those of a sender in order, and all that @name has seen. */
static void
check_history (Seen       *seen,
               JsonObject *welcome)
{
  JsonArray *messages = json_object_get_array_member (welcome, "MESSAGES");
  g_autoptr (GHashTable) stored = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) last = g_hash_table_new (g_str_hash, g_str_equal);
  GHashTableIter iter;
  gpointer content = NULL;

  for (guint i = 0; i < json_array_get_length (messages); i++)
    {
      JsonArray *message = json_array_get_array_element (messages, i);
      const char *source = json_array_get_string_element (message, 0);
      const char *text = json_array_get_string_element (message, 3);
      const char *before = g_hash_table_lookup (last, source);

      g_assert_cmpstr (before != NULL ? before : "", <, text);
      g_hash_table_insert (last, (gpointer) source, (gpointer) text);
      g_assert_true (g_hash_table_add (stored, (gpointer) text));
    }

  g_hash_table_iter_init (&iter, seen->contents);
  while (g_hash_table_iter_next (&iter, &content, NULL))
    {
      if (!g_hash_table_contains (stored, content))
        g_error ("“%s” was delivered and is lost after kill %u", (const char *) content, seen->round);
    }
}

/* Two users talk; the server is killed in the middle of it, again and again. */
static void
test_kill_under_load (void)
{
  TestServer *server = test_server_start (NULL);
  Seen ada_seen = { g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL), 0 };
  Seen bob_seen = { g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL), 0 };

  for (guint round = 0; round <= N_KILLS; round++)
    {
      g_autoptr (JsonObject) ada_welcome = NULL;
      g_autoptr (JsonObject) bob_welcome = NULL;
      TestPeer *ada = join (server, "ada", &ada_welcome);
      TestPeer *bob = join (server, "bob", &bob_welcome);

      ada_seen.round = bob_seen.round = round;
      check_history (&ada_seen, ada_welcome);
      check_history (&bob_seen, bob_welcome);
      if (round < N_KILLS)
        {
          send_load (ada, "ada", "bob", round);
          send_load (bob, "bob", "ada", round);
          see_some (&ada_seen, ada, g_test_rand_int_range (0, N_MESSAGES));
          see_some (&bob_seen, bob, g_test_rand_int_range (0, N_MESSAGES));
          test_server_kill (server);
        }
      test_peer_free (ada);
      test_peer_free (bob);
      if (round < N_KILLS)
        test_server_restart (server);
    }

  g_test_message ("ada had seen %u messages, bob %u",
                  g_hash_table_size (ada_seen.contents), g_hash_table_size (bob_seen.contents));
  g_hash_table_unref (ada_seen.contents);
  g_hash_table_unref (bob_seen.contents);
  g_assert_cmpint (test_server_stop (server), ==, 0);
  test_server_free (server);
}

/* Who was online when the server died is offline after it, known, and may come back. */
static void
test_names_after_kill (void)
{
  TestServer *server = test_server_start (NULL);
  g_autoptr (JsonObject) first = NULL;
  g_autoptr (JsonObject) second = NULL;
  g_autoptr (JsonObject) third = NULL;
  TestPeer *ada = join (server, "ada", &first);
  TestPeer *bob = NULL;
  JsonArray *messages = NULL;

  test_server_kill (server);
  test_peer_free (ada);
  test_server_restart (server);

  bob = join (server, "bob", &second);
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (second, "USER_LIST")), ==, 1);
  test_peer_say (bob, "ada", "are you there?");
  test_peer_say (bob, "ALL", "behind it");
  json_array_unref (test_peer_receive_message (bob));
  test_server_kill (server);
  test_peer_free (bob);
  test_server_restart (server);

  ada = join (server, "ada", &third);
  messages = json_object_get_array_member (third, "MESSAGES");
  g_assert_cmpuint (json_array_get_length (messages), ==, 2);
  g_assert_cmpstr (json_array_get_string_element (json_array_get_array_element (messages, 0), 3), ==,
                   "are you there?");
  test_peer_free (ada);
  g_assert_cmpint (test_server_stop (server), ==, 0);
  test_server_free (server);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/durability/kill-under-load", test_kill_under_load);
  g_test_add_func ("/durability/names-after-kill", test_names_after_kill);

  return g_test_run ();
}
