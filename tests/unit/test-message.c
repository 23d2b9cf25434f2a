/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "libchatterbox/cb-message.h"

static void
test_message_new (void)
{
  g_autoptr (CbMessage) message = cb_message_new ("ada", "bob", 1700000000, "hello");

  g_assert_cmpstr (cb_message_get_source (message), ==, "ada");
  g_assert_cmpstr (cb_message_get_destination (message), ==, "bob");
  g_assert_cmpint (cb_message_get_time_s (message), ==, 1700000000);
  g_assert_cmpstr (cb_message_get_content (message), ==, "hello");
}

static void
test_message_is_public (void)
{
  static const struct
  {
    const char *destination;
    gboolean    expected;
  } cases[] = {
    { "ALL", TRUE },
    { "all", FALSE },
    { "All", FALSE },
    { "ALLY", FALSE },
    { "AL", FALSE },
    { "", FALSE },
    { "bob", FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbMessage) message = cb_message_new ("ada", cases[i].destination, 0, "");

      g_test_message ("“%s”", cases[i].destination);
      g_assert_true (cb_message_is_public (message) == cases[i].expected);
    }
}

static void
test_message_json (void)
{
  static const struct
  {
    const char *source;
    const char *destination;
    gint64      time_s;
    const char *content;
    const char *ascii;
    const char *utf8;
  } cases[] = {
    { "ada", "ALL", 1700000000, "hello",
      "[\"ada\",\"ALL\",1700000000,\"hello\"]", "[\"ada\",\"ALL\",1700000000,\"hello\"]" },
    { "žofie", "bob", 0, "😀",
      "[\"\\u017eofie\",\"bob\",0,\"\\ud83d\\ude00\"]", "[\"žofie\",\"bob\",0,\"😀\"]" },
    { "a", "b", -CB_JSON_MAX_INTEGER, "\n\"\\",
      "[\"a\",\"b\",-9007199254740992,\"\\n\\\"\\\\\"]", "[\"a\",\"b\",-9007199254740992,\"\\n\\\"\\\\\"]" },
    { "", "", CB_JSON_MAX_INTEGER, "",
      "[\"\",\"\",9007199254740992,\"\"]", "[\"\",\"\",9007199254740992,\"\"]" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbMessage) message = cb_message_new (cases[i].source, cases[i].destination,
                                                      cases[i].time_s, cases[i].content);
      g_autoptr (GString) ascii = g_string_new (NULL);
      g_autoptr (GString) utf8 = g_string_new ("kept");

      cb_message_append_json (message, ascii, CB_JSON_ASCII);
      cb_message_append_json (message, utf8, CB_JSON_UTF8);

      g_assert_cmpstr (ascii->str, ==, cases[i].ascii);
      g_assert_true (g_str_has_prefix (utf8->str, "kept"));
      g_assert_cmpstr (utf8->str + strlen ("kept"), ==, cases[i].utf8);
    }
}

static void
test_message_new_full (void)
{
  g_autoptr (CbMessage) plain = cb_message_new ("ada", "bob", 1700000000, "hello");
  g_autoptr (CbMessage) full = cb_message_new_full ("ada", "bob", 1700000000, "hello", 7, "t-1");

  g_assert_cmpint (cb_message_get_id (plain), ==, 0);
  g_assert_null (cb_message_get_token (plain));
  g_assert_cmpstr (cb_message_get_source (full), ==, "ada");
  g_assert_cmpstr (cb_message_get_destination (full), ==, "bob");
  g_assert_cmpint (cb_message_get_time_s (full), ==, 1700000000);
  g_assert_cmpstr (cb_message_get_content (full), ==, "hello");
  g_assert_cmpint (cb_message_get_id (full), ==, 7);
  g_assert_cmpstr (cb_message_get_token (full), ==, "t-1");
}

/* Without an id and a token a message is written as it always was. */
static void
test_message_json_full (void)
{
  static const struct
  {
    gint64      id;
    const char *token;
    const char *expected;
  } cases[] = {
    { 0, NULL, "[\"a\",\"b\",1,\"c\"]" },
    { 1, NULL, "[\"a\",\"b\",1,\"c\",{\"id\":1}]" },
    { CB_JSON_MAX_INTEGER, NULL, "[\"a\",\"b\",1,\"c\",{\"id\":9007199254740992}]" },
    { 0, "t", "[\"a\",\"b\",1,\"c\",{\"token\":\"t\"}]" },
    { 7, "\"\\{~!", "[\"a\",\"b\",1,\"c\",{\"id\":7,\"token\":\"\\\"\\\\{~!\"}]" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      for (CbJsonEncoding encoding = CB_JSON_ASCII; encoding <= CB_JSON_UTF8; encoding++)
        {
          g_autoptr (CbMessage) message = cb_message_new_full ("a", "b", 1, "c", cases[i].id, cases[i].token);
          g_autoptr (GString) json = g_string_new (NULL);

          cb_message_append_json (message, json, encoding);
          g_assert_cmpstr (json->str, ==, cases[i].expected);
        }
    }
}

static void
test_message_is_token (void)
{
  static const struct
  {
    const char *text;
    gboolean    expected;
  } cases[] = {
    { "a", TRUE },
    { "!\"~", TRUE },
    { "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", TRUE },
    { "", FALSE },
    { "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0", FALSE },
    { "a b", FALSE },
    { " ", FALSE },
    { "a\n", FALSE },
    { "\x7f", FALSE },
    { "ž", FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_test_message ("“%s”", cases[i].text);
      g_assert_true (cb_message_is_token (cases[i].text) == cases[i].expected);
    }
}

/* A time that no JSON peer keeps exactly is a mistake of the caller. */
static void
test_message_time_range (void)
{
  static const gint64 times_s[] = { CB_JSON_MAX_INTEGER + 1, -CB_JSON_MAX_INTEGER - 1, G_MAXINT64, G_MININT64 };

  for (gsize i = 0; i < G_N_ELEMENTS (times_s); i++)
    {
      g_test_expect_message ("Chatterbox", G_LOG_LEVEL_CRITICAL, "*time_s*");
      g_assert_null (cb_message_new ("ada", "ALL", times_s[i], ""));
      g_test_assert_expected_messages ();
    }
}

/* The same message lies in many outboxes at once: a copy is a reference. */
static void
test_message_boxed (void)
{
  g_auto (GValue) value = G_VALUE_INIT;
  g_autoptr (CbMessage) message = cb_message_new ("ada", "ALL", 1, "hello");
  CbMessage *original = message;

  g_value_init (&value, CB_TYPE_MESSAGE);
  g_value_set_boxed (&value, message);
  g_assert_true (g_value_get_boxed (&value) == original);

  g_clear_pointer (&message, cb_message_unref);
  g_assert_cmpstr (cb_message_get_content (g_value_get_boxed (&value)), ==, "hello");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/message/new", test_message_new);
  g_test_add_func ("/message/is-public", test_message_is_public);
  g_test_add_func ("/message/json", test_message_json);
  g_test_add_func ("/message/new-full", test_message_new_full);
  g_test_add_func ("/message/json-full", test_message_json_full);
  g_test_add_func ("/message/is-token", test_message_is_token);
  g_test_add_func ("/message/time-range", test_message_time_range);
  g_test_add_func ("/message/boxed", test_message_boxed);

  return g_test_run ();
}
