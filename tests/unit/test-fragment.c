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

/* A message is stored as UTF-8 and sent as ASCII. */
static void
test_message (void)
{
  static const struct
  {
    const char *body;
    const char *expected;
  } cases[] = {
    { "[\"ada\",\"ALL\",1,\"a\\nb\"]", "[\"ada\",\"ALL\",1,\"a\\nb\"]" },
    { "[\"Zoë\",\"ALL\",-1,\"€ 👍\"]", "[\"Zo\\u00eb\",\"ALL\",-1,\"\\u20ac \\ud83d\\udc4d\"]" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GBytes) body = g_bytes_new (cases[i].body, strlen (cases[i].body));
      g_autoptr (CbsFragment) fragment = cbs_fragment_new_message (body, strlen (cases[i].expected));

      g_assert_cmpint (fragment->kind, ==, CBS_FRAGMENT_MESSAGE);
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
  g_test_add_func ("/fragment/ref", test_ref);

  return g_test_run ();
}
