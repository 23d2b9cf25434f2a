/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "server/room/cbs-fragment.h"

static void
assert_json (CbsFragment *fragment,
             const char  *expected)
{
  g_autofree char *json = g_strndup (fragment->json, fragment->len);

  g_assert_cmpuint (fragment->len, ==, strlen (expected));
  g_assert_cmpstr (json, ==, expected);
}

static void
test_bytes (void)
{
  const char json[] = "[1]garbage";
  g_autoptr (CbsFragment) fragment = cbs_fragment_new (CBS_FRAGMENT_MESSAGE, json, 3);
  g_autoptr (CbsFragment) empty = cbs_fragment_new (CBS_FRAGMENT_LEFT, "", 0);

  g_assert_cmpint (fragment->kind, ==, CBS_FRAGMENT_MESSAGE);
  assert_json (fragment, "[1]");
  g_assert_cmpint (empty->kind, ==, CBS_FRAGMENT_LEFT);
  g_assert_cmpuint (empty->len, ==, 0);
}

static void
test_text (void)
{
  static const struct
  {
    const char *text;
    const char *expected;
  } cases[] = {
    { "", "\"\"" },
    { "ada", "\"ada\"" },
    { "a\"b\\c\n\x01\x7f", "\"a\\\"b\\\\c\\n\\u0001\\u007f\"" },
    { "Zoë", "\"Zo\\u00eb\"" },
    { "北京", "\"\\u5317\\u4eac\"" },
    { "👍", "\"\\ud83d\\udc4d\"" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbsFragment) fragment = cbs_fragment_new_text (CBS_FRAGMENT_ERROR, cases[i].text);

      g_assert_cmpint (fragment->kind, ==, CBS_FRAGMENT_ERROR);
      assert_json (fragment, cases[i].expected);
    }
}

/* A message is stored as UTF-8; peers get it as they have asked for. */
static void
test_message (void)
{
  static const struct
  {
    const char *body;
    CbFeatures  features;
    const char *expected;
  } cases[] = {
    { "[\"ada\",\"ALL\",1,\"a\\nb\"]", 0, "[\"ada\",\"ALL\",1,\"a\\nb\"]" },
    { "[\"ada\",\"ALL\",1,\"a\\nb\"]", CB_FEATURE_UTF8, "[\"ada\",\"ALL\",1,\"a\\nb\"]" },
    { "[\"ada\",\"ALL\",1,\"a\\nb\"]", CB_FEATURE_MESSAGE_IDS,
      "[\"ada\",\"ALL\",1,\"a\\nb\",{\"id\":9007199254740992}]" },
    { "[\"Zoë\",\"ALL\",-1,\"€ 👍\"]", 0, "[\"Zo\\u00eb\",\"ALL\",-1,\"\\u20ac \\ud83d\\udc4d\"]" },
    { "[\"Zoë\",\"ALL\",-1,\"€ 👍\"]", CB_FEATURE_UTF8, "[\"Zoë\",\"ALL\",-1,\"€ 👍\"]" },
    { "[\"Zoë\",\"ALL\",-1,\"€ 👍\"]", CB_FEATURE_MESSAGE_IDS,
      "[\"Zo\\u00eb\",\"ALL\",-1,\"\\u20ac \\ud83d\\udc4d\",{\"id\":9007199254740992}]" },
    { "[\"Zoë\",\"ALL\",-1,\"€ 👍\"]", CB_FEATURES_ALL,
      "[\"Zoë\",\"ALL\",-1,\"€ 👍\",{\"id\":9007199254740992}]" },
    /* Not what a log holds; but it is not made worse. */
    { "", CB_FEATURES_ALL, "" },
    { "x", CB_FEATURES_ALL, "x" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GBytes) body = g_bytes_new (cases[i].body, strlen (cases[i].body));
      g_autoptr (CbsEntry) entry = cbs_entry_new_message ("ada", NULL, body);
      g_autoptr (CbsFragment) fragment = NULL;

      entry->seq = CB_JSON_MAX_INTEGER;
      fragment = cbs_fragment_new_messages (&entry, 1, cases[i].features, FALSE);
      g_assert_cmpint (fragment->kind, ==, CBS_FRAGMENT_MESSAGE);
      assert_json (fragment, cases[i].expected);
    }
}

/* The answer to a request is a frame of its own; other errors are texts of one ERROR. */
static void
test_error (void)
{
  static const struct
  {
    const char     *text;
    gint64          request;
    CbsFragmentKind kind;
    const char     *expected;
  } cases[] = {
    { "no “x”", CBS_NO_REQUEST, CBS_FRAGMENT_ERROR, "\"no \\u201cx\\u201d\"" },
    { "no “x”", 0, CBS_FRAGMENT_OBJECT, "{\"ERROR\":\"no \\u201cx\\u201d\",\"REQUEST\":0}" },
    { "no", CB_JSON_MAX_INTEGER, CBS_FRAGMENT_OBJECT, "{\"ERROR\":\"no\",\"REQUEST\":9007199254740992}" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbsFragment) fragment = cbs_fragment_new_error (cases[i].text, cases[i].request);

      g_assert_cmpint (fragment->kind, ==, cases[i].kind);
      assert_json (fragment, cases[i].expected);
    }
}

static void
test_ref (void)
{
  CbsFragment *fragment = cbs_fragment_new_text (CBS_FRAGMENT_JOINED, "ada");

  g_assert_true (cbs_fragment_ref (fragment) == fragment);
  cbs_fragment_unref (fragment);
  assert_json (fragment, "\"ada\"");
  cbs_fragment_unref (fragment);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/fragment/bytes", test_bytes);
  g_test_add_func ("/fragment/text", test_text);
  g_test_add_func ("/fragment/message", test_message);
  g_test_add_func ("/fragment/error", test_error);
  g_test_add_func ("/fragment/ref", test_ref);

  return g_test_run ();
}
