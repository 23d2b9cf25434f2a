/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "libchatterbox/cb-error.h"
#include "libchatterbox/cb-frame.h"
#include "libchatterbox/cb-packet.h"

/* The payload of the packet's frame, without its padding. */
static char *
write_payload (CbPacket      *packet,
               CbJsonEncoding encoding)
{
  g_autoptr (GBytes) frame = cb_packet_to_frame (packet, encoding);
  g_autoptr (GError) error = NULL;
  gsize size = 0;
  gsize len = 0;
  const char *data = g_bytes_get_data (frame, &size);

  g_assert_cmpuint (size, >, CB_FRAME_HEADER_LEN);
  g_assert_true (cb_frame_parse_header ((const guint8 *) data, size, &len, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (len, ==, size - CB_FRAME_HEADER_LEN);
  g_assert_true (cb_json_check (data + CB_FRAME_HEADER_LEN, len, NULL));
  return g_strchomp (g_strndup (data + CB_FRAME_HEADER_LEN, len));
}

static void
assert_payload (CbPacket   *packet,
                const char *expected)
{
  g_autofree char *payload = write_payload (packet, CB_JSON_ASCII);

  g_assert_cmpstr (payload, ==, expected);
}

static CbPacket *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CbPacket) packet = cb_packet_parse (text, strlen (text), &error);

  g_assert_no_error (error);
  return g_steal_pointer (&packet);
}

static void
test_packet_empty (void)
{
  g_autoptr (CbPacket) packet = cb_packet_new ();
  g_autoptr (GPtrArray) keys = cb_packet_get_extra_keys (packet);
  gboolean accepted = TRUE;

  g_assert_null (cb_packet_get_username (packet));
  g_assert_false (cb_packet_get_accepted (packet, &accepted));
  g_assert_true (accepted);
  g_assert_null (cb_packet_get_info (packet));
  g_assert_null (cb_packet_get_error (packet));
  g_assert_null (cb_packet_get_users (packet));
  g_assert_null (cb_packet_get_messages (packet));
  g_assert_null (cb_packet_get_joined (packet));
  g_assert_null (cb_packet_get_left (packet));
  g_assert_cmpuint (keys->len, ==, 0);
  assert_payload (packet, "{}");
}

typedef struct
{
  const char *path;
  void (*set)(CbPacket   *packet,
              const char *text);
  const char *(*get)(CbPacket *packet);
  const char *payload;
} TextKey;

static const TextKey text_keys[] = {
  { "/packet/username", cb_packet_set_username, cb_packet_get_username, "{\"USERNAME\":\"a\\u017e\\\"\"}" },
  { "/packet/info", cb_packet_set_info, cb_packet_get_info, "{\"INFO\":\"a\\u017e\\\"\"}" },
  { "/packet/error", cb_packet_set_error, cb_packet_get_error, "{\"ERROR\":\"a\\u017e\\\"\"}" },
};

static void
test_packet_text_key (gconstpointer user_data)
{
  const TextKey *key = user_data;
  g_autoptr (CbPacket) packet = cb_packet_new ();

  key->set (packet, "first");
  key->set (packet, "až\"");
  g_assert_cmpstr (key->get (packet), ==, "až\"");
  assert_payload (packet, key->payload);

  /* Setting what it has already must not read what was freed. */
  key->set (packet, key->get (packet));
  assert_payload (packet, key->payload);

  key->set (packet, NULL);
  g_assert_null (key->get (packet));
  assert_payload (packet, "{}");
}

static void
test_packet_accepted (void)
{
  g_autoptr (CbPacket) packet = cb_packet_new ();
  gboolean accepted = FALSE;

  cb_packet_set_accepted (packet, 2);
  g_assert_true (cb_packet_get_accepted (packet, &accepted));
  g_assert_cmpint (accepted, ==, TRUE);
  assert_payload (packet, "{\"USERNAME_ACCEPTED\":true}");

  cb_packet_set_accepted (packet, FALSE);
  g_assert_true (cb_packet_get_accepted (packet, &accepted));
  g_assert_false (accepted);
  assert_payload (packet, "{\"USERNAME_ACCEPTED\":false}");
}

/* The assignment's form has no place for those who are not online. */
static void
test_packet_users (void)
{
  g_autoptr (CbPacket) packet = cb_packet_new ();

  cb_packet_add_user (packet, "ada", TRUE);
  cb_packet_add_user (packet, "bob", FALSE);
  cb_packet_add_user (packet, "žofie", TRUE);

  g_assert_cmpuint (cb_packet_get_users (packet)->len, ==, 3);
  assert_payload (packet, "{\"USER_LIST\":[\"ada\",\"\\u017eofie\"]}");
}

static void
test_packet_users_all_offline (void)
{
  g_autoptr (CbPacket) packet = cb_packet_new ();

  cb_packet_add_user (packet, "bob", FALSE);
  assert_payload (packet, "{\"USER_LIST\":[]}");
}

static void
test_packet_messages (void)
{
  g_autoptr (CbPacket) packet = cb_packet_new ();
  g_autoptr (CbMessage) first = cb_message_new ("ada", "ALL", 9, "hi");
  g_autoptr (CbMessage) second = cb_message_new ("bob", "ada", 1, "😀");

  cb_packet_add_message (packet, first);
  cb_packet_add_message (packet, second);
  g_assert_true (g_ptr_array_index (cb_packet_get_messages (packet), 0) == first);
  assert_payload (packet, "{\"MESSAGES\":[[\"ada\",\"ALL\",9,\"hi\"],[\"bob\",\"ada\",1,\"\\ud83d\\ude00\"]]}");
}

static void
test_packet_joined_left (void)
{
  g_autoptr (CbPacket) packet = cb_packet_new ();

  cb_packet_add_joined (packet, "ada");
  cb_packet_add_joined (packet, "bob");
  cb_packet_add_left (packet, "eve");
  assert_payload (packet, "{\"USERS_JOINED\":[\"ada\",\"bob\"],\"USERS_LEFT\":[\"eve\"]}");
}

/* Reading and writing again gives the same text: the known keys in our order, the others as they came. */
static void
test_packet_round_trip (void)
{
  static const char *texts[] = {
    "{}",
    "{\"MESSAGES\":[]}",
    "{\"USER_LIST\":[],\"USERS_JOINED\":[],\"USERS_LEFT\":[]}",
    "{\"x\":1,\"USERNAME\":\"n\",\"USERNAME_ACCEPTED\":true,\"MESSAGES\":[[\"a\",\"b\",-1,\"\\u00e9\"]]}",
    "{\"INFO\":\"i\",\"USER_LIST\":[\"u\"],\"USERS_JOINED\":[\"j\"],\"USERS_LEFT\":[\"l\"],\"ERROR\":\"e\",\"x\":1}",
    "{\"x\":[ 1.50,\t{\"b\":123456789012345678901234567890,\"a\":\"\\u00e9\\/\"}, null ],\"a\":-0}",
    "{\"\":{},\"FEATURES\":[\"utf8\"],\"k\\u00e9y\":\"\\ud83d\\ude00\"}",
    "{\"x\":[[[[[[[]]]]]]]}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (CbPacket) packet = parse (texts[i]);

      assert_payload (packet, texts[i]);
    }
}

/* What a message carries besides is written, and read where both ends want it. */
static void
test_packet_message_ids (void)
{
  static const char text[] =
    "{\"MESSAGES\":[[\"a\",\"ALL\",1,\"x\"],[\"a\",\"b\",2,\"y\",{\"id\":7,\"token\":\"t\"}]]}";
  g_autoptr (CbPacket) packet = cb_packet_new ();
  g_autoptr (CbMessage) plain = cb_message_new ("a", "ALL", 1, "x");
  g_autoptr (CbMessage) full = cb_message_new_full ("a", "b", 2, "y", 7, "t");
  g_autoptr (CbPacket) again = NULL;
  g_autoptr (GError) error = NULL;

  cb_packet_add_message (packet, plain);
  cb_packet_add_message (packet, full);
  assert_payload (packet, text);

  again = cb_packet_parse_with (text, strlen (text), CB_FEATURE_MESSAGE_IDS, &error);
  g_assert_no_error (error);
  assert_payload (again, text);
}

static void
test_packet_encodings (void)
{
  static const char text[] =
    "{\"INFO\":\"é\\u00e9\\u007f\",\"MESSAGES\":[[\"ž\",\"ALL\",1,\"😀\"]],\"ké\":[\"\\u00e9é\"]}";
  g_autoptr (CbPacket) packet = parse (text);
  g_autofree char *ascii = write_payload (packet, CB_JSON_ASCII);
  g_autofree char *utf8 = write_payload (packet, CB_JSON_UTF8);

  g_assert_cmpstr (ascii, ==,
                   "{\"INFO\":\"\\u00e9\\u00e9\\u007f\",\"MESSAGES\":[[\"\\u017e\",\"ALL\",1,\"\\ud83d\\ude00\"]],"
                   "\"k\\u00e9\":[\"\\u00e9\\u00e9\"]}");
  g_assert_cmpstr (utf8, ==,
                   "{\"INFO\":\"éé\\u007f\",\"MESSAGES\":[[\"ž\",\"ALL\",1,\"😀\"]],\"ké\":[\"\\u00e9é\"]}");
}

/* The original's peers look for the first “{” of a frame: whatever its length, that is the payload's. */
static void
test_packet_padding (void)
{
  for (gsize len = 0; len < 600; len++)
    {
      g_autoptr (CbPacket) packet = cb_packet_new ();
      g_autofree char *info = g_strnfill (len, 'x');
      g_autoptr (GBytes) frame = NULL;
      const char *data = NULL;
      gsize size = 0;

      cb_packet_set_info (packet, info);
      frame = cb_packet_to_frame (packet, CB_JSON_ASCII);
      data = g_bytes_get_data (frame, &size);
      g_assert_true (memchr (data, '{', size) == data + CB_FRAME_HEADER_LEN);
    }
}

static void
test_packet_extra (void)
{
  g_autoptr (CbPacket) packet = cb_packet_new ();
  g_autoptr (GPtrArray) keys = NULL;

  g_assert_true (cb_packet_set_extra (packet, "b", "[1]", NULL));
  g_assert_true (cb_packet_set_extra (packet, "a\"é", " \"é\" ", NULL));
  g_assert_cmpstr (cb_packet_get_extra (packet, "b"), ==, "[1]");
  g_assert_null (cb_packet_get_extra (packet, "c"));
  g_assert_null (cb_packet_get_extra (packet, "USERNAME"));

  keys = cb_packet_get_extra_keys (packet);
  g_assert_cmpuint (keys->len, ==, 2);
  g_assert_cmpstr (g_ptr_array_index (keys, 0), ==, "b");
  g_assert_cmpstr (g_ptr_array_index (keys, 1), ==, "a\"é");
  assert_payload (packet, "{\"b\":[1],\"a\\\"\\u00e9\": \"\\u00e9\" }");
}

static void
test_packet_extra_replace (void)
{
  g_autoptr (CbPacket) packet = parse ("{\"a\":1,\"b\":2}");

  g_assert_true (cb_packet_set_extra (packet, "a", "3", NULL));
  assert_payload (packet, "{\"b\":2,\"a\":3}");

  /* Setting what it has already must not read what was freed. */
  g_assert_true (cb_packet_set_extra (packet, "b", cb_packet_get_extra (packet, "b"), NULL));
  assert_payload (packet, "{\"a\":3,\"b\":2}");
}

static void
test_packet_extra_refused (void)
{
  static const struct
  {
    const char *key;
    const char *json;
  } cases[] = {
    { "USERNAME", "\"ada\"" },
    { "MESSAGES", "[]" },
    { "ERROR", "\"e\"" },
    { "x", "" },
    { "x", "{" },
    { "x", "1,2" },
    { "x", "1],[2" },
    { "x", "1}, \"y\":{" },
    { "x", "'a'" },
    { "x", "\"\xff\"" },
    { "x", "[[[[[[[[]]]]]]]]" },
  };
  g_autoptr (CbPacket) packet = parse ("{\"x\":0}");

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_test_message ("case %" G_GSIZE_FORMAT, i);
      g_assert_false (cb_packet_set_extra (packet, cases[i].key, cases[i].json, &error));
      g_assert_error (error, CB_ERROR, CB_ERROR_MALFORMED);
    }
  assert_payload (packet, "{\"x\":0}");
}

/* What fits into a packet can be read by the other end. */
static void
test_packet_extra_deepest (void)
{
  g_autoptr (CbPacket) packet = cb_packet_new ();
  g_autofree char *payload = NULL;
  g_autoptr (CbPacket) read = NULL;

  g_assert_true (cb_packet_set_extra (packet, "x", "[[[[[[[1]]]]]]]", NULL));
  payload = write_payload (packet, CB_JSON_ASCII);
  read = parse (payload);
  g_assert_cmpstr (cb_packet_get_extra (read, "x"), ==, "[[[[[[[1]]]]]]]");
}

static void
test_packet_extra_node (void)
{
  g_autoptr (CbPacket) packet = parse ("{\"x\":{\"a\":[1,\"\\u00e9\"]},\"n\":null,\"i\":9007199254740992}");
  g_autoptr (JsonNode) object = cb_packet_dup_extra_node (packet, "x");
  g_autoptr (JsonNode) null = cb_packet_dup_extra_node (packet, "n");
  g_autoptr (JsonNode) integer = cb_packet_dup_extra_node (packet, "i");
  JsonArray *array = json_object_get_array_member (json_node_get_object (object), "a");

  g_assert_cmpint (json_array_get_int_element (array, 0), ==, 1);
  g_assert_cmpstr (json_array_get_string_element (array, 1), ==, "é");
  g_assert_true (json_node_is_null (null));
  g_assert_cmpint (json_node_get_int (integer), ==, CB_JSON_MAX_INTEGER);
  g_assert_null (cb_packet_dup_extra_node (packet, "y"));
}

static void
test_packet_boxed (void)
{
  g_auto (GValue) value = G_VALUE_INIT;
  g_autoptr (CbPacket) packet = cb_packet_new ();

  cb_packet_set_username (packet, "ada");
  g_value_init (&value, CB_TYPE_PACKET);
  g_value_set_boxed (&value, packet);
  g_clear_pointer (&packet, cb_packet_unref);

  g_assert_cmpstr (cb_packet_get_username (g_value_get_boxed (&value)), ==, "ada");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (text_keys); i++)
    g_test_add_data_func (text_keys[i].path, &text_keys[i], test_packet_text_key);
  g_test_add_func ("/packet/empty", test_packet_empty);
  g_test_add_func ("/packet/accepted", test_packet_accepted);
  g_test_add_func ("/packet/users", test_packet_users);
  g_test_add_func ("/packet/users-all-offline", test_packet_users_all_offline);
  g_test_add_func ("/packet/messages", test_packet_messages);
  g_test_add_func ("/packet/joined-left", test_packet_joined_left);
  g_test_add_func ("/packet/round-trip", test_packet_round_trip);
  g_test_add_func ("/packet/message-ids", test_packet_message_ids);
  g_test_add_func ("/packet/encodings", test_packet_encodings);
  g_test_add_func ("/packet/padding", test_packet_padding);
  g_test_add_func ("/packet/extra/set", test_packet_extra);
  g_test_add_func ("/packet/extra/replace", test_packet_extra_replace);
  g_test_add_func ("/packet/extra/refused", test_packet_extra_refused);
  g_test_add_func ("/packet/extra/deepest", test_packet_extra_deepest);
  g_test_add_func ("/packet/extra/node", test_packet_extra_node);
  g_test_add_func ("/packet/boxed", test_packet_boxed);

  return g_test_run ();
}
