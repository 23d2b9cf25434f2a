/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "libchatterbox/cb-error.h"
#include "libchatterbox/cb-frame.h"
#include "libchatterbox/cb-outgoing.h"

/* What a server accepts in one frame. */
#define SERVER_FRAME (64u * 1024)

static void
push (CbOutgoing *outgoing,
      const char *destination,
      gint64      time_s,
      const char *content)
{
  g_autoptr (CbMessage) message = cb_message_new ("ada", destination, time_s, content);
  g_autoptr (GError) error = NULL;

  g_assert_true (cb_outgoing_push (outgoing, message, &error));
  g_assert_no_error (error);
}

static CbReply
match (CbOutgoing *outgoing,
       const char *source,
       const char *destination,
       gint64      time_s)
{
  g_autoptr (CbMessage) message = cb_message_new (source, destination, time_s, "whatever");

  return cb_outgoing_match (outgoing, message);
}

/* Takes all that waits, and drops it. */
static guint
take_all (CbOutgoing *outgoing)
{
  guint n_messages = 0;

  for (;;)
    {
      g_autoptr (CbPacket) packet = cb_outgoing_take (outgoing);

      if (packet == NULL)
        return n_messages;
      n_messages += cb_packet_get_messages (packet)->len;
    }
}

static void
test_outgoing_empty (void)
{
  g_autoptr (CbOutgoing) outgoing = cb_outgoing_new ("ada");

  g_assert_null (cb_outgoing_take (outgoing));
  g_assert_cmpuint (cb_outgoing_get_queued (outgoing), ==, 0);
  g_assert_true (cb_outgoing_is_settled (outgoing));
}

/* Servers of the family read one frame at a time: what waits leaves in one. */
static void
test_outgoing_coalesces (void)
{
  static const char *contents[] = { "one", "two", "three" };
  g_autoptr (CbOutgoing) outgoing = cb_outgoing_new ("ada");
  g_autoptr (CbPacket) packet = NULL;
  GPtrArray *messages = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (contents); i++)
    push (outgoing, "ALL", 1, contents[i]);
  packet = cb_outgoing_take (outgoing);
  messages = cb_packet_get_messages (packet);

  g_assert_cmpuint (messages->len, ==, G_N_ELEMENTS (contents));
  for (gsize i = 0; i < G_N_ELEMENTS (contents); i++)
    g_assert_cmpstr (cb_message_get_content (g_ptr_array_index (messages, i)), ==, contents[i]);
  g_assert_null (cb_outgoing_take (outgoing));
}

static void
test_outgoing_queued (void)
{
  g_autoptr (CbOutgoing) outgoing = cb_outgoing_new ("ada");

  push (outgoing, "ALL", 1, "é");
  g_assert_cmpuint (cb_outgoing_get_queued (outgoing), ==, strlen ("[\"ada\",\"ALL\",1,\"\\u00e9\"]"));
  take_all (outgoing);
  g_assert_cmpuint (cb_outgoing_get_queued (outgoing), ==, 0);
}

/* Frames are as full as servers allow, and no fuller. */
static void
test_outgoing_splits (void)
{
  static const gsize sizes[] = { 1, 100, 10000, 21820, 21830, 32700, 32740, 40000, 65000 };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (CbOutgoing) outgoing = cb_outgoing_new ("ada");
      g_autofree char *content = g_strnfill (sizes[i], 'x');
      const gsize wire_size = strlen ("[\"ada\",\"ALL\",1,\"\"],") + sizes[i];
      const guint n_messages = (guint) MIN (3 * SERVER_FRAME / wire_size + 3, 5000);
      guint n_taken = 0;

      for (guint n = 0; n < n_messages; n++)
        push (outgoing, "ALL", 1, content);

      g_test_message ("%u messages of %" G_GSIZE_FORMAT " bytes", n_messages, sizes[i]);
      while (n_taken < n_messages)
        {
          g_autoptr (CbPacket) packet = cb_outgoing_take (outgoing);
          g_autoptr (GBytes) frame = NULL;

          g_assert_nonnull (packet);
          n_taken += cb_packet_get_messages (packet)->len;
          frame = cb_packet_to_frame (packet, CB_JSON_ASCII);
          g_assert_cmpuint (g_bytes_get_size (frame), <=, CB_FRAME_HEADER_LEN + SERVER_FRAME);
          if (n_taken < n_messages)
            g_assert_cmpuint (g_bytes_get_size (frame) + wire_size + 100, >, SERVER_FRAME);
        }
      g_assert_cmpuint (n_taken, ==, n_messages);
      g_assert_null (cb_outgoing_take (outgoing));
    }
}

/* What fits no frame is refused, whatever it takes in memory: the wire is ASCII. */
static void
test_outgoing_too_large (void)
{
  static const struct
  {
    const char *unit;
    gsize       wire_size;
  } cases[] = { { "x", 1 }, { "\"", 2 }, { "é", 6 }, { "😀", 12 } };
  const gsize room = SERVER_FRAME - 64 - strlen ("[\"ada\",\"ALL\",1,\"\"]");

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbOutgoing) outgoing = cb_outgoing_new ("ada");
      g_autoptr (GString) content = g_string_new (NULL);
      g_autoptr (CbPacket) packet = NULL;
      g_autoptr (GBytes) frame = NULL;
      g_autoptr (CbMessage) message = NULL;
      g_autoptr (GError) error = NULL;

      for (gsize n = 0; n < room / cases[i].wire_size; n++)
        g_string_append (content, cases[i].unit);
      push (outgoing, "ALL", 1, content->str);
      packet = cb_outgoing_take (outgoing);
      frame = cb_packet_to_frame (packet, CB_JSON_ASCII);
      g_assert_cmpuint (g_bytes_get_size (frame), <=, CB_FRAME_HEADER_LEN + SERVER_FRAME);

      g_string_append (content, cases[i].unit);
      message = cb_message_new ("ada", "ALL", 1, content->str);
      g_assert_false (cb_outgoing_push (outgoing, message, &error));
      g_assert_error (error, CB_ERROR, CB_ERROR_TOO_LARGE);
      g_assert_null (cb_outgoing_take (outgoing));
    }
}

static void
test_outgoing_queue_full (void)
{
  g_autoptr (CbOutgoing) outgoing = cb_outgoing_new ("ada");
  g_autofree char *content = g_strnfill (60000, 'x');
  g_autoptr (CbMessage) message = cb_message_new ("ada", "ALL", 1, content);
  g_autoptr (GError) error = NULL;
  guint n_queued = 0;

  while (cb_outgoing_push (outgoing, message, &error))
    n_queued++;
  g_assert_error (error, CB_ERROR, CB_ERROR_TOO_LARGE);
  g_assert_cmpuint (n_queued, ==, 4 * 1024 * 1024 / 60018);

  /* There is room again, and the refused one is not waited for. */
  g_assert_cmpuint (take_all (outgoing), ==, n_queued);
  for (guint i = 0; i < n_queued; i++)
    g_assert_cmpint (match (outgoing, "ada", "ALL", 1), ==, CB_REPLY_ECHO);
  g_assert_true (cb_outgoing_is_settled (outgoing));
  g_assert_true (cb_outgoing_push (outgoing, message, NULL));
}

static void
test_outgoing_match_none (void)
{
  g_autoptr (CbOutgoing) outgoing = cb_outgoing_new ("ada");

  push (outgoing, "ALL", 1, "hi");
  push (outgoing, "ada", 2, "/Name");

  g_assert_cmpint (match (outgoing, "bob", "ALL", 1), ==, CB_REPLY_NONE);
  g_assert_cmpint (match (outgoing, "bob", "ada", 2), ==, CB_REPLY_NONE);
  g_assert_cmpint (match (outgoing, "ada", "bob", 1), ==, CB_REPLY_NONE);
  g_assert_cmpint (match (outgoing, "Ada", "ALL", 1), ==, CB_REPLY_NONE);
  g_assert_cmpint (match (outgoing, "ada", "all", 1), ==, CB_REPLY_NONE);
}

/* One's own name on a message that was not sent here. */
static void
test_outgoing_match_unexpected (void)
{
  g_autoptr (CbOutgoing) outgoing = cb_outgoing_new ("ada");

  g_assert_cmpint (match (outgoing, "ada", "ALL", 1), ==, CB_REPLY_NONE);
  g_assert_cmpint (match (outgoing, "ada", "ada", 1), ==, CB_REPLY_NONE);

  push (outgoing, "ALL", 1, "hi");
  g_assert_cmpint (match (outgoing, "ada", "ALL", 1), ==, CB_REPLY_ECHO);
  g_assert_cmpint (match (outgoing, "ada", "ALL", 1), ==, CB_REPLY_NONE);
}

/* Messages to oneself come back in the order in which they were sent; public ones are apart. */
static void
test_outgoing_match_order (void)
{
  g_autoptr (CbOutgoing) outgoing = cb_outgoing_new ("ada");

  push (outgoing, "ada", 1, "a note");
  push (outgoing, "ada", 1, "/DisplayUsers");
  push (outgoing, "ALL", 1, "hi");
  push (outgoing, "bob", 1, "private");
  cb_outgoing_push_barrier (outgoing, 2);
  push (outgoing, "ada", 2, "a note/");
  g_assert_cmpuint (take_all (outgoing), ==, 6);

  g_assert_cmpint (match (outgoing, "ada", "ada", 1), ==, CB_REPLY_NOTE);
  g_assert_cmpint (match (outgoing, "ada", "ALL", 1), ==, CB_REPLY_ECHO);
  g_assert_cmpint (match (outgoing, "ada", "ada", 1), ==, CB_REPLY_ANSWER);
  g_assert_cmpint (match (outgoing, "ada", "ada", 2), ==, CB_REPLY_BARRIER);
  g_assert_cmpint (match (outgoing, "ada", "ada", 2), ==, CB_REPLY_NOTE);
  g_assert_cmpint (match (outgoing, "ada", "ada", 2), ==, CB_REPLY_NONE);
}

/* An answer tells by its time that those before it will not come. */
static void
test_outgoing_match_unanswered (void)
{
  g_autoptr (CbOutgoing) outgoing = cb_outgoing_new ("ada");

  push (outgoing, "ada", 1, "/Block nobody");
  push (outgoing, "ada", 2, "a note");
  push (outgoing, "ada", 3, "/Blocked");
  take_all (outgoing);

  g_assert_cmpint (match (outgoing, "ada", "ada", 2), ==, CB_REPLY_NOTE);
  g_assert_cmpint (match (outgoing, "ada", "ada", 3), ==, CB_REPLY_ANSWER);
  g_assert_true (cb_outgoing_is_settled (outgoing));
}

/* A server that sets a time of its own answers in order. */
static void
test_outgoing_match_other_time (void)
{
  g_autoptr (CbOutgoing) outgoing = cb_outgoing_new ("ada");

  push (outgoing, "ada", 1, "a note");
  push (outgoing, "ada", 2, "/Blocked");

  g_assert_cmpint (match (outgoing, "ada", "ada", 77), ==, CB_REPLY_NOTE);
  g_assert_cmpint (match (outgoing, "ada", "ada", 77), ==, CB_REPLY_ANSWER);
  g_assert_cmpint (match (outgoing, "ada", "ada", 77), ==, CB_REPLY_NONE);
}

/* Its answer is not taken for that of a command in the same second, nor of one before the clock was set back. */
static void
test_outgoing_barrier_time (void)
{
  g_autoptr (CbOutgoing) outgoing = cb_outgoing_new ("ada");
  g_autoptr (CbPacket) packet = NULL;
  CbMessage *barrier = NULL;

  push (outgoing, "ada", 9, "/Block nobody");
  push (outgoing, "ada", 5, "/Block nobody");
  cb_outgoing_push_barrier (outgoing, 5);
  packet = cb_outgoing_take (outgoing);
  barrier = g_ptr_array_index (cb_packet_get_messages (packet), 2);

  g_assert_cmpint (cb_outgoing_match (outgoing, barrier), ==, CB_REPLY_BARRIER);
  g_assert_true (cb_outgoing_is_settled (outgoing));
}

/* A barrier is a command that any server of the family answers. */
static void
test_outgoing_barrier_message (void)
{
  g_autoptr (CbOutgoing) outgoing = cb_outgoing_new ("ada");
  g_autoptr (CbPacket) packet = NULL;
  CbMessage *message = NULL;

  cb_outgoing_push_barrier (outgoing, 1700000000);
  packet = cb_outgoing_take (outgoing);
  g_assert_cmpuint (cb_packet_get_messages (packet)->len, ==, 1);
  message = g_ptr_array_index (cb_packet_get_messages (packet), 0);
  g_assert_cmpstr (cb_message_get_source (message), ==, "ada");
  g_assert_cmpstr (cb_message_get_destination (message), ==, "ada");
  g_assert_cmpint (cb_message_get_time_s (message), ==, 1700000000);
  g_assert_cmpstr (cb_message_get_content (message), ==, "/Name");
}

/* Each kind of message is settled by what the base protocol has for it. */
static void
test_outgoing_settled_by_reply (void)
{
  static const struct
  {
    const char *destination;
    const char *content;
  } cases[] = { { "ALL", "hi" }, { "ada", "a note" }, { "ada", "/Block eve" } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbOutgoing) outgoing = cb_outgoing_new ("ada");

      push (outgoing, cases[i].destination, 1, cases[i].content);
      g_assert_false (cb_outgoing_is_settled (outgoing));
      take_all (outgoing);
      g_assert_false (cb_outgoing_is_settled (outgoing));
      match (outgoing, "ada", cases[i].destination, 1);
      g_assert_true (cb_outgoing_is_settled (outgoing));
    }
}

/* Nothing comes back for a private message, nor for a public one that was an error. */
static void
test_outgoing_settled_by_barrier (void)
{
  g_autoptr (CbOutgoing) outgoing = cb_outgoing_new ("ada");

  push (outgoing, "bob", 1, "private");
  push (outgoing, "ALL", 1, "refused");
  push (outgoing, "ALL", 1, "echoed");
  take_all (outgoing);
  match (outgoing, "ada", "ALL", 1);
  g_assert_false (cb_outgoing_is_settled (outgoing));

  cb_outgoing_push_barrier (outgoing, 2);
  g_assert_false (cb_outgoing_is_settled (outgoing));
  take_all (outgoing);
  g_assert_false (cb_outgoing_is_settled (outgoing));
  g_assert_cmpint (match (outgoing, "ada", "ada", 2), ==, CB_REPLY_BARRIER);
  g_assert_true (cb_outgoing_is_settled (outgoing));
}

/* A barrier says nothing about what was said behind it. */
static void
test_outgoing_behind_barrier (void)
{
  static const char *destinations[] = { "ALL", "bob" };

  for (gsize i = 0; i < G_N_ELEMENTS (destinations); i++)
    {
      g_autoptr (CbOutgoing) outgoing = cb_outgoing_new ("ada");

      push (outgoing, "ALL", 1, "refused");
      cb_outgoing_push_barrier (outgoing, 2);
      push (outgoing, destinations[i], 2, "behind");
      take_all (outgoing);

      g_test_message ("to %s", destinations[i]);
      g_assert_cmpint (match (outgoing, "ada", "ada", 2), ==, CB_REPLY_BARRIER);
      g_assert_false (cb_outgoing_is_settled (outgoing));

      cb_outgoing_push_barrier (outgoing, 3);
      take_all (outgoing);
      g_assert_cmpint (match (outgoing, "ada", "ada", 3), ==, CB_REPLY_BARRIER);
      g_assert_true (cb_outgoing_is_settled (outgoing));
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/outgoing/empty", test_outgoing_empty);
  g_test_add_func ("/outgoing/coalesces", test_outgoing_coalesces);
  g_test_add_func ("/outgoing/queued", test_outgoing_queued);
  g_test_add_func ("/outgoing/splits", test_outgoing_splits);
  g_test_add_func ("/outgoing/too-large", test_outgoing_too_large);
  g_test_add_func ("/outgoing/queue-full", test_outgoing_queue_full);
  g_test_add_func ("/outgoing/match/none", test_outgoing_match_none);
  g_test_add_func ("/outgoing/match/unexpected", test_outgoing_match_unexpected);
  g_test_add_func ("/outgoing/match/order", test_outgoing_match_order);
  g_test_add_func ("/outgoing/match/unanswered", test_outgoing_match_unanswered);
  g_test_add_func ("/outgoing/match/other-time", test_outgoing_match_other_time);
  g_test_add_func ("/outgoing/barrier-time", test_outgoing_barrier_time);
  g_test_add_func ("/outgoing/barrier-message", test_outgoing_barrier_message);
  g_test_add_func ("/outgoing/settled-by-reply", test_outgoing_settled_by_reply);
  g_test_add_func ("/outgoing/settled-by-barrier", test_outgoing_settled_by_barrier);
  g_test_add_func ("/outgoing/behind-barrier", test_outgoing_behind_barrier);

  return g_test_run ();
}
