/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "libchatterbox/cb-packet.h"
#include "server/cbs-outbox.h"

static void
push (CbsOutbox      *outbox,
      CbsFragmentKind kind,
      const char     *json)
{
  g_autoptr (CbsFragment) fragment = cbs_fragment_new (kind, json, strlen (json));

  cbs_outbox_push (outbox, fragment);
}

/* Cuts the next frame off and checks what holds for all: the prefix counts the payload and holds no
 * 0x7B, all is ASCII. Returns the payload without the padding. */
static char *
cut_frame (const guint8 *data,
           gsize         len,
           gsize        *offset)
{
  const guint8 *frame = data + *offset;
  gsize payload_len = 0;
  g_autofree char *payload = NULL;

  g_assert_cmpuint (len - *offset, >, 4);
  for (guint i = 0; i < 4; i++)
    {
      g_assert_cmpuint (frame[i], !=, 0x7b);
      payload_len = payload_len << 8 | frame[i];
    }
  g_assert_cmpuint (payload_len, <=, len - *offset - 4);
  for (gsize i = 4; i < 4 + payload_len; i++)
    g_assert_cmpuint (frame[i], <, 0x80);

  payload = g_strndup ((const char *) frame + 4, payload_len);
  g_strchomp (payload);
  *offset += 4 + payload_len;
  return g_steal_pointer (&payload);
}

/* Takes all frames, as their payloads joined by “|”. */
static char *
take (CbsOutbox *outbox)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autoptr (GString) text = g_string_new (NULL);

  g_assert_cmpint (cbs_outbox_take_frames (outbox, out), ==, out->len > 0);
  for (gsize offset = 0; offset < out->len;)
    {
      g_autofree char *payload = cut_frame (out->data, out->len, &offset);

      g_string_append_printf (text, "%s%s", text->len > 0 ? "|" : "", payload);
    }

  return g_string_free (g_steal_pointer (&text), FALSE);
}

static CbPacket *
take_packet (CbsOutbox *outbox)
{
  g_autofree char *payload = take (outbox);
  g_autoptr (GError) error = NULL;
  CbPacket *packet = cb_packet_parse (payload, strlen (payload), &error);

  g_assert_no_error (error);
  return packet;
}

static void
test_empty (void)
{
  g_auto (CbsOutbox) outbox = { 0, };
  g_autoptr (GByteArray) out = g_byte_array_new ();

  g_assert_true (cbs_outbox_is_empty (&outbox));
  g_assert_cmpuint (cbs_outbox_get_size (&outbox), ==, 0);
  g_assert_null (cbs_outbox_get_rest (&outbox));
  g_assert_false (cbs_outbox_take_frames (&outbox, out));
  g_assert_cmpuint (out->len, ==, 0);
  cbs_outbox_seal (&outbox);
  g_assert_null (cbs_outbox_get_rest (&outbox));
  cbs_outbox_clear (&outbox);
}

typedef struct
{
  CbsFragmentKind kind;
  const char     *json;
} Push;

/* All that waits stands in one frame, in the order in which peers handle the keys. */
static void
test_frame (void)
{
  static const struct
  {
    Push        pushes[8];
    const char *expected;
  } cases[] = {
    { { { CBS_FRAGMENT_MESSAGE, "[\"a\",\"ALL\",1,\"x\"]" } },
      "{\"MESSAGES\":[[\"a\",\"ALL\",1,\"x\"]]}" },
    { { { CBS_FRAGMENT_JOINED, "\"a\"" } }, "{\"USERS_JOINED\":[\"a\"]}" },
    { { { CBS_FRAGMENT_LEFT, "\"a\"" } }, "{\"USERS_LEFT\":[\"a\"]}" },
    { { { CBS_FRAGMENT_ERROR, "\"no\"" } }, "{\"ERROR\":\"no\"}" },
    { { { CBS_FRAGMENT_REFUSED, "\"taken\"" } }, "{\"USERNAME_ACCEPTED\":false,\"INFO\":\"taken\"}" },
    { { { CBS_FRAGMENT_ERROR, "\"no\"" }, { CBS_FRAGMENT_LEFT, "\"a\"" }, { CBS_FRAGMENT_JOINED, "\"b\"" },
        { CBS_FRAGMENT_MESSAGE, "[1]" }, { CBS_FRAGMENT_REFUSED, "\"taken\"" }, { CBS_FRAGMENT_MESSAGE, "[2]" },
        { CBS_FRAGMENT_JOINED, "\"c\"" }, { CBS_FRAGMENT_LEFT, "\"d\"" } },
      "{\"USERNAME_ACCEPTED\":false,\"INFO\":\"taken\",\"MESSAGES\":[[1],[2]],"
      "\"USERS_JOINED\":[\"b\",\"c\"],\"USERS_LEFT\":[\"a\",\"d\"],\"ERROR\":\"no\"}" },
    { { { CBS_FRAGMENT_ERROR, "\"\\u2026\"" }, { CBS_FRAGMENT_ERROR, "\"\"" }, { CBS_FRAGMENT_ERROR, "\"\\\"\"" } },
      "{\"ERROR\":\"\\u2026; ; \\\"\"}" },
    /* Each login gets an answer. */
    { { { CBS_FRAGMENT_REFUSED, "\"1\"" }, { CBS_FRAGMENT_ERROR, "\"e\"" }, { CBS_FRAGMENT_REFUSED, "\"2\"" },
        { CBS_FRAGMENT_REFUSED, "\"3\"" }, { CBS_FRAGMENT_MESSAGE, "[1]" } },
      "{\"USERNAME_ACCEPTED\":false,\"INFO\":\"1\",\"ERROR\":\"e\"}|"
      "{\"USERNAME_ACCEPTED\":false,\"INFO\":\"2\"}|"
      "{\"USERNAME_ACCEPTED\":false,\"INFO\":\"3\",\"MESSAGES\":[[1]]}" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (CbsOutbox) outbox = { 0, };
      g_autofree char *frames = NULL;

      for (gsize j = 0; j < G_N_ELEMENTS (cases[i].pushes) && cases[i].pushes[j].json != NULL; j++)
        push (&outbox, cases[i].pushes[j].kind, cases[i].pushes[j].json);
      frames = take (&outbox);
      g_assert_cmpstr (frames, ==, cases[i].expected);
      g_assert_true (cbs_outbox_is_empty (&outbox));
      g_assert_cmpuint (cbs_outbox_get_size (&outbox), ==, 0);
    }
}

/* What is an object already goes out in its place, as a frame of its own. */
static void
test_objects (void)
{
  static const struct
  {
    Push        pushes[8];
    const char *expected;
  } cases[] = {
    { { { CBS_FRAGMENT_OBJECT, "{\"REQUEST\":1}" } }, "{\"REQUEST\":1}" },
    { { { CBS_FRAGMENT_ERROR, "\"e\"" }, { CBS_FRAGMENT_MESSAGE, "[1]" }, { CBS_FRAGMENT_OBJECT, "{\"A\":1}" },
        { CBS_FRAGMENT_OBJECT, "{\"B\":2}" }, { CBS_FRAGMENT_MESSAGE, "[2]" }, { CBS_FRAGMENT_JOINED, "\"a\"" },
        { CBS_FRAGMENT_OBJECT, "{\"C\":3}" } },
      "{\"MESSAGES\":[[1]],\"ERROR\":\"e\"}|{\"A\":1}|{\"B\":2}|"
      "{\"MESSAGES\":[[2]],\"USERS_JOINED\":[\"a\"]}|{\"C\":3}" },
    { { { CBS_FRAGMENT_REFUSED, "\"1\"" }, { CBS_FRAGMENT_OBJECT, "{}" }, { CBS_FRAGMENT_REFUSED, "\"2\"" } },
      "{\"USERNAME_ACCEPTED\":false,\"INFO\":\"1\"}|{}|{\"USERNAME_ACCEPTED\":false,\"INFO\":\"2\"}" },
    /* It may tell who is here: a join before it is not taken back. */
    { { { CBS_FRAGMENT_JOINED, "\"a\"" }, { CBS_FRAGMENT_OBJECT, "{}" }, { CBS_FRAGMENT_LEFT, "\"a\"" } },
      "{\"USERS_JOINED\":[\"a\"]}|{}|{\"USERS_LEFT\":[\"a\"]}" },
    { { { CBS_FRAGMENT_JOINED, "\"a\"" }, { CBS_FRAGMENT_LEFT, "\"a\"" }, { CBS_FRAGMENT_OBJECT, "{}" } }, "{}" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (CbsOutbox) outbox = { 0, };
      g_autofree char *frames = NULL;

      for (gsize j = 0; j < G_N_ELEMENTS (cases[i].pushes) && cases[i].pushes[j].json != NULL; j++)
        push (&outbox, cases[i].pushes[j].kind, cases[i].pushes[j].json);
      frames = take (&outbox);
      g_assert_cmpstr (frames, ==, cases[i].expected);
      g_assert_true (cbs_outbox_is_empty (&outbox));
    }
}

/* A flood of errors makes one text of bounded length. */
static void
test_many_errors (void)
{
  g_auto (CbsOutbox) outbox = { 0, };
  g_autofree char *eight = NULL;
  g_autofree char *more = NULL;

  for (guint i = 0; i < 8; i++)
    push (&outbox, CBS_FRAGMENT_ERROR, "\"e\"");
  eight = take (&outbox);
  g_assert_cmpstr (eight, ==, "{\"ERROR\":\"e; e; e; e; e; e; e; e\"}");

  for (guint i = 0; i < 1000; i++)
    push (&outbox, CBS_FRAGMENT_ERROR, "\"e\"");
  more = take (&outbox);
  g_assert_cmpstr (more, ==, "{\"ERROR\":\"e; e; e; e; e; e; e; e; and 992 more\"}");
}

/* Joins (+) and leaves (-) of one frame have no order: who came and went again is in neither list. */
static void
test_contradictions (void)
{
  static const struct
  {
    const char *events;
    const char *expected;
  } cases[] = {
    { "+a -a", "" },
    { "-a +a", "" },
    { "+a -a +a", "{\"USERS_JOINED\":[\"a\"]}" },
    { "-a +a -a", "{\"USERS_LEFT\":[\"a\"]}" },
    { "-a +a -a +a", "" },
    { "+a +b -a", "{\"USERS_JOINED\":[\"b\"]}" },
    { "-a +b +a -c", "{\"USERS_JOINED\":[\"b\"],\"USERS_LEFT\":[\"c\"]}" },
    { "-a +A", "{\"USERS_JOINED\":[\"A\"],\"USERS_LEFT\":[\"a\"]}" },
    { "+a -ab", "{\"USERS_JOINED\":[\"a\"],\"USERS_LEFT\":[\"ab\"]}" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (CbsOutbox) outbox = { 0, };
      g_auto (GStrv) events = g_strsplit (cases[i].events, " ", -1);
      g_autofree char *frame = NULL;

      for (guint j = 0; events[j] != NULL; j++)
        {
          g_autofree char *json = g_strdup_printf ("\"%s\"", events[j] + 1);

          push (&outbox, events[j][0] == '+' ? CBS_FRAGMENT_JOINED : CBS_FRAGMENT_LEFT, json);
        }
      frame = take (&outbox);
      g_assert_cmpstr (frame, ==, cases[i].expected);
      g_assert_true (cbs_outbox_is_empty (&outbox));
    }
}

/* What was said by somebody who came and went is not lost with that. */
static void
test_contradictions_keep_messages (void)
{
  g_auto (CbsOutbox) outbox = { 0, };
  g_autofree char *frame = NULL;

  push (&outbox, CBS_FRAGMENT_JOINED, "\"a\"");
  push (&outbox, CBS_FRAGMENT_MESSAGE, "[1]");
  push (&outbox, CBS_FRAGMENT_LEFT, "\"a\"");
  push (&outbox, CBS_FRAGMENT_ERROR, "\"e\"");
  frame = take (&outbox);
  g_assert_cmpstr (frame, ==, "{\"MESSAGES\":[[1]],\"ERROR\":\"e\"}");
}

static void
apply (GHashTable *users,
       GPtrArray  *names,
       gboolean    joined)
{
  for (guint i = 0; names != NULL && i < names->len; i++)
    {
      if (joined)
        g_hash_table_add (users, g_strdup (names->pdata[i]));
      else
        g_hash_table_remove (users, names->pdata[i]);
    }
}

/* Whether a peer applies joins or leaves first, it has the right picture after each frame. */
static void
test_picture (void)
{
  static const char *const names[] = { "a", "b", "c", "d", "e" };
  g_autoptr (GHashTable) joins_first = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) leaves_first = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gboolean here[G_N_ELEMENTS (names)] = { FALSE, };

  for (guint turn = 0; turn < 500; turn++)
    {
      g_auto (CbsOutbox) outbox = { 0, };
      g_autoptr (CbPacket) packet = NULL;

      push (&outbox, CBS_FRAGMENT_MESSAGE, "[\"a\",\"ALL\",1,\"x\"]");
      for (int n = g_test_rand_int_range (0, 12); n > 0; n--)
        {
          const int i = g_test_rand_int_range (0, G_N_ELEMENTS (names));
          g_autofree char *json = g_strdup_printf ("\"%s\"", names[i]);

          here[i] = !here[i];
          push (&outbox, here[i] ? CBS_FRAGMENT_JOINED : CBS_FRAGMENT_LEFT, json);
        }

      packet = take_packet (&outbox);
      apply (joins_first, cb_packet_get_joined (packet), TRUE);
      apply (joins_first, cb_packet_get_left (packet), FALSE);
      apply (leaves_first, cb_packet_get_left (packet), FALSE);
      apply (leaves_first, cb_packet_get_joined (packet), TRUE);
      for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
        {
          g_assert_cmpint (g_hash_table_contains (joins_first, names[i]), ==, here[i]);
          g_assert_cmpint (g_hash_table_contains (leaves_first, names[i]), ==, here[i]);
        }
    }
}

static void
check_content_length (guint len)
{
  g_auto (CbsOutbox) outbox = { 0, };
  g_autofree char *content = g_strnfill (len, 'x');
  g_autofree char *json = g_strdup_printf ("[\"a\",\"ALL\",1,\"%s\"]", content);
  g_autoptr (CbPacket) packet = NULL;

  push (&outbox, CBS_FRAGMENT_MESSAGE, json);
  packet = take_packet (&outbox);
  g_assert_cmpstr (cb_message_get_content (cb_packet_get_messages (packet)->pdata[0]), ==, content);
}

/* Payloads around all lengths that would put 0x7B into a prefix. */
static void
test_padding (void)
{
  for (guint len = 0; len < 1300; len++)
    check_content_length (len);
  for (guint len = 0x7b00 - 60; len < 0x7c00 + 10; len += 7)
    check_content_length (len);
  check_content_length (0x7b0000);

  for (guint len = 90; len < 130; len++)
    {
      g_auto (CbsOutbox) outbox = { 0, };
      g_autofree char *filling = g_strnfill (len, ' ');
      g_autofree char *json = g_strdup_printf ("{\"A\":%s1}", filling);
      g_autofree char *frame = NULL;

      push (&outbox, CBS_FRAGMENT_OBJECT, json);
      frame = take (&outbox);
      g_assert_cmpstr (frame, ==, json);
    }
}

/* Frames are appended: what stands in the buffer already is left alone. */
static void
test_append (void)
{
  g_auto (CbsOutbox) outbox = { 0, };
  g_autoptr (GByteArray) out = g_byte_array_new ();
  gsize offset = 3;
  g_autofree char *payload = NULL;

  g_byte_array_append (out, (const guint8 *) "abc", 3);
  g_assert_false (cbs_outbox_take_frames (&outbox, out));
  g_assert_cmpuint (out->len, ==, 3);

  push (&outbox, CBS_FRAGMENT_JOINED, "\"a\"");
  push (&outbox, CBS_FRAGMENT_LEFT, "\"a\"");
  g_assert_false (cbs_outbox_take_frames (&outbox, out));
  g_assert_cmpuint (out->len, ==, 3);

  push (&outbox, CBS_FRAGMENT_ERROR, "\"e\"");
  g_assert_true (cbs_outbox_take_frames (&outbox, out));
  g_assert_true (memcmp (out->data, "abc", 3) == 0);
  payload = cut_frame (out->data, out->len, &offset);
  g_assert_cmpstr (payload, ==, "{\"ERROR\":\"e\"}");
  g_assert_cmpuint (offset, ==, out->len);
}

static void
test_ten_thousand (void)
{
  g_auto (CbsOutbox) outbox = { 0, };
  g_autoptr (CbPacket) packet = NULL;
  GPtrArray *messages = NULL;

  for (guint i = 0; i < 10000; i++)
    {
      g_autofree char *json = g_strdup_printf ("[\"a\",\"ALL\",%u,\"x\"]", i);

      push (&outbox, CBS_FRAGMENT_MESSAGE, json);
    }
  packet = take_packet (&outbox);
  messages = cb_packet_get_messages (packet);
  g_assert_cmpuint (messages->len, ==, 10000);
  for (guint i = 0; i < messages->len; i++)
    g_assert_cmpint (cb_message_get_time_s (messages->pdata[i]), ==, i);
}

/* Outboxes share a fragment; it lives as long as the last that holds it. */
static void
test_shared (void)
{
  CbsOutbox outboxes[3] = { { 0, }, };
  CbsFragment *fragment = cbs_fragment_new_text (CBS_FRAGMENT_LEFT, "Zoë");

  for (guint i = 0; i < 3; i++)
    cbs_outbox_push (&outboxes[i], fragment);
  cbs_fragment_unref (fragment);
  cbs_outbox_clear (&outboxes[0]);
  g_assert_true (cbs_outbox_is_empty (&outboxes[0]));
  g_assert_cmpuint (cbs_outbox_get_size (&outboxes[0]), ==, 0);
  for (guint i = 1; i < 3; i++)
    {
      g_autofree char *frame = take (&outboxes[i]);

      g_assert_cmpstr (frame, ==, "{\"USERS_LEFT\":[\"Zo\\u00eb\"]}");
      cbs_outbox_clear (&outboxes[i]);
    }
}

static void
assert_rest (const CbsOutbox *outbox,
             const char      *expected)
{
  g_autoptr (GBytes) bytes = g_bytes_new (expected, strlen (expected));

  g_assert_nonnull (cbs_outbox_get_rest (outbox));
  g_assert_true (g_bytes_equal (cbs_outbox_get_rest (outbox), bytes));
}

static void
test_rest (void)
{
  g_auto (CbsOutbox) outbox = { 0, };
  g_autoptr (GBytes) rest = g_bytes_new_static ("0123456789", 10);
  gsize fragment_size = 0;

  cbs_outbox_set_rest (&outbox, rest);
  g_assert_false (cbs_outbox_is_empty (&outbox));
  g_assert_cmpuint (cbs_outbox_get_size (&outbox), ==, 10);
  push (&outbox, CBS_FRAGMENT_ERROR, "\"e\"");
  fragment_size = cbs_outbox_get_size (&outbox) - 10;
  /* What a fragment costs besides its text counts. */
  g_assert_cmpuint (fragment_size, >, sizeof (CbsFragment) + 3);

  cbs_outbox_skip_rest (&outbox, 0);
  assert_rest (&outbox, "0123456789");
  cbs_outbox_skip_rest (&outbox, 4);
  assert_rest (&outbox, "456789");
  cbs_outbox_skip_rest (&outbox, 5);
  assert_rest (&outbox, "9");
  g_assert_cmpuint (cbs_outbox_get_size (&outbox), ==, fragment_size + 1);
  cbs_outbox_skip_rest (&outbox, 1);
  g_assert_null (cbs_outbox_get_rest (&outbox));
  g_assert_cmpuint (cbs_outbox_get_size (&outbox), ==, fragment_size);
  g_assert_false (cbs_outbox_is_empty (&outbox));

  cbs_outbox_set_rest (&outbox, rest);
  cbs_outbox_clear (&outbox);
  g_assert_true (cbs_outbox_is_empty (&outbox));
  g_assert_cmpuint (cbs_outbox_get_size (&outbox), ==, 0);
}

/* What is sealed goes out behind what was begun, and before what comes later. */
static void
test_seal (void)
{
  g_auto (CbsOutbox) outbox = { 0, };
  g_autoptr (GBytes) begun = g_bytes_new_static ("begun", 5);
  g_autofree char *later = NULL;

  cbs_outbox_set_rest (&outbox, begun);
  push (&outbox, CBS_FRAGMENT_REFUSED, "\"1\"");
  push (&outbox, CBS_FRAGMENT_REFUSED, "\"2\"");
  cbs_outbox_seal (&outbox);
  push (&outbox, CBS_FRAGMENT_ERROR, "\"e\"");

  cbs_outbox_skip_rest (&outbox, 5 + 4);
  g_assert_true (g_str_has_prefix (g_bytes_get_data (cbs_outbox_get_rest (&outbox), NULL),
                                   "{\"USERNAME_ACCEPTED\":false,\"INFO\":\"1\"}"));
  g_assert_cmpuint (g_bytes_get_size (cbs_outbox_get_rest (&outbox)), ==, 2 * 38 + 4);
  later = take (&outbox);
  g_assert_cmpstr (later, ==, "{\"ERROR\":\"e\"}");
  cbs_outbox_clear (&outbox);

  push (&outbox, CBS_FRAGMENT_JOINED, "\"a\"");
  push (&outbox, CBS_FRAGMENT_LEFT, "\"a\"");
  cbs_outbox_seal (&outbox);
  g_assert_true (cbs_outbox_is_empty (&outbox));
}

/* Takes by @frames, and holds that against an outbox that got the same fragments and none to share. */
static void
assert_same_frames (CbsFrames    *frames,
                    CbsFragment **fragments,
                    guint         n)
{
  g_auto (CbsOutbox) shared = { 0, };
  g_auto (CbsOutbox) alone = { 0, };
  g_autoptr (GByteArray) out = g_byte_array_new ();

  for (guint i = 0; i < n; i++)
    {
      cbs_outbox_push (&shared, fragments[i]);
      cbs_outbox_push (&alone, fragments[i]);
    }

  g_assert_cmpint (cbs_outbox_take_shared_frames (&shared, frames), ==, cbs_outbox_take_frames (&alone, out));
  if (out->len > 0)
    {
      g_assert_cmpuint (frames->bytes->len, ==, out->len);
      g_assert_cmpint (memcmp (frames->bytes->data, out->data, out->len), ==, 0);
    }
  g_assert_true (cbs_outbox_is_empty (&shared));
  g_assert_cmpuint (cbs_outbox_get_size (&shared), ==, 0);
}

/* Whoever was owed what before: each gets its own. */
static void
test_shared_frames (void)
{
  CbsFragment *fragments[] = {
    cbs_fragment_new_text (CBS_FRAGMENT_MESSAGE, "a"),
    cbs_fragment_new_text (CBS_FRAGMENT_MESSAGE, "a"),
    cbs_fragment_new_text (CBS_FRAGMENT_MESSAGE, "b"),
    cbs_fragment_new (CBS_FRAGMENT_OBJECT, "{}", 2),
    cbs_fragment_new_text (CBS_FRAGMENT_JOINED, "c"),
    cbs_fragment_new_text (CBS_FRAGMENT_LEFT, "c"),
  };
  CbsFrames frames;

  cbs_frames_init (&frames);
  for (guint first = 0; first < G_N_ELEMENTS (fragments); first++)
    {
      for (guint n = 0; n <= G_N_ELEMENTS (fragments) - first; n++)
        {
          assert_same_frames (&frames, fragments + first, n);
          assert_same_frames (&frames, fragments + first, n);
        }
      cbs_frames_forget (&frames);
    }
  cbs_frames_clear (&frames);

  for (guint i = 0; i < G_N_ELEMENTS (fragments); i++)
    {
      g_assert_cmpint (g_atomic_int_get (&fragments[i]->ref_count), ==, 1);
      cbs_fragment_unref (fragments[i]);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/outbox/empty", test_empty);
  g_test_add_func ("/outbox/frame", test_frame);
  g_test_add_func ("/outbox/objects", test_objects);
  g_test_add_func ("/outbox/many-errors", test_many_errors);
  g_test_add_func ("/outbox/contradictions", test_contradictions);
  g_test_add_func ("/outbox/contradictions/keep-messages", test_contradictions_keep_messages);
  g_test_add_func ("/outbox/picture", test_picture);
  g_test_add_func ("/outbox/padding", test_padding);
  g_test_add_func ("/outbox/append", test_append);
  g_test_add_func ("/outbox/ten-thousand", test_ten_thousand);
  g_test_add_func ("/outbox/shared", test_shared);
  g_test_add_func ("/outbox/shared-frames", test_shared_frames);
  g_test_add_func ("/outbox/rest", test_rest);
  g_test_add_func ("/outbox/seal", test_seal);

  return g_test_run ();
}
