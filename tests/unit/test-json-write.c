/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "libchatterbox/cb-json.h"

static const CbJsonEncoding encodings[] = { CB_JSON_ASCII, CB_JSON_UTF8 };

static void
test_json_write_string (void)
{
  static const struct
  {
    const char *text;
    const char *ascii;
    const char *utf8;
  } cases[] = {
    { "", "\"\"", "\"\"" },
    { "plain ~!{}[]/'", "\"plain ~!{}[]/'\"", "\"plain ~!{}[]/'\"" },
    { "\"\\", "\"\\\"\\\\\"", "\"\\\"\\\\\"" },
    { "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"", "\"\\b\\f\\n\\r\\t\"" },
    { "\x01\x1b\x1f\x7f", "\"\\u0001\\u001b\\u001f\\u007f\"", "\"\\u0001\\u001b\\u001f\\u007f\"" },
    { "\xc2\x80", "\"\\u0080\"", "\"\xc2\x80\"" },
    { "žofie", "\"\\u017eofie\"", "\"žofie\"" },
    { "€uro", "\"\\u20acuro\"", "\"€uro\"" },
    { "\xef\xbf\xbf", "\"\\uffff\"", "\"\xef\xbf\xbf\"" },
    { "\xf0\x90\x80\x80", "\"\\ud800\\udc00\"", "\"\xf0\x90\x80\x80\"" },
    { "a😀b", "\"a\\ud83d\\ude00b\"", "\"a😀b\"" },
    { "\xf4\x8f\xbf\xbf", "\"\\udbff\\udfff\"", "\"\xf4\x8f\xbf\xbf\"" },
    { "é\n😀", "\"\\u00e9\\n\\ud83d\\ude00\"", "\"é\\n😀\"" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GString) ascii = g_string_new (NULL);
      g_autoptr (GString) utf8 = g_string_new (NULL);

      cb_json_append_string (ascii, cases[i].text, CB_JSON_ASCII);
      cb_json_append_string (utf8, cases[i].text, CB_JSON_UTF8);
      g_assert_cmpstr (ascii->str, ==, cases[i].ascii);
      g_assert_cmpstr (utf8->str, ==, cases[i].utf8);
    }
}

static void
test_json_write_string_appends (void)
{
  g_autoptr (GString) out = g_string_new ("[");

  cb_json_append_string (out, "a", CB_JSON_ASCII);
  g_assert_cmpstr (out->str, ==, "[\"a\"");
}

/* A string of up to 40 characters from all of Unicode's planes; those that need escapes are frequent. */
static char *
make_random_string (void)
{
  static const gunichar limits[] = { 0x20, 0x80, 0x800, 0x10000, 0x110000 };
  g_autoptr (GString) text = g_string_new (NULL);

  for (int n = g_test_rand_int_range (0, 40); n > 0; n--)
    {
      const gunichar limit = limits[g_test_rand_int_range (0, G_N_ELEMENTS (limits))];
      const gunichar c = (gunichar) g_test_rand_int_range (1, (gint32) limit);

      if (c < 0xd800 || c > 0xdfff)
        g_string_append_unichar (text, c);
    }

  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
assert_scanner_reads (const char *json,
                      gsize       len,
                      const char *expected)
{
  g_autoptr (CbJsonScanner) scanner = cb_json_scanner_new (json, len);
  g_autoptr (GError) error = NULL;
  g_autofree char *decoded = NULL;
  CbJsonToken token = CB_JSON_END;

  g_assert_true (cb_json_scanner_next (scanner, &token, &error));
  g_assert_no_error (error);
  g_assert_cmpint (token, ==, CB_JSON_STRING);
  decoded = cb_json_scanner_dup_string (scanner);
  g_assert_cmpstr (decoded, ==, expected);
  g_assert_true (cb_json_check (json, len, NULL));
}

static void
test_json_write_round_trip (void)
{
  for (guint i = 0; i < 4000; i++)
    {
      g_autofree char *text = make_random_string ();

      for (gsize j = 0; j < G_N_ELEMENTS (encodings); j++)
        {
          g_autoptr (GString) json = g_string_new (NULL);
          g_autoptr (JsonNode) node = NULL;

          cb_json_append_string (json, text, encodings[j]);
          assert_scanner_reads (json->str, json->len, text);
          node = json_from_string (json->str, NULL);
          g_assert_cmpstr (json_node_get_string (node), ==, text);
        }
    }
}

/* What goes to a peer that announced nothing: printable ASCII only. */
static void
test_json_write_ascii_only (void)
{
  for (guint i = 0; i < 4000; i++)
    {
      g_autofree char *text = make_random_string ();
      g_autoptr (GString) json = g_string_new (NULL);

      cb_json_append_string (json, text, CB_JSON_ASCII);
      for (gsize j = 0; j < json->len; j++)
        g_assert_true (g_ascii_isprint (json->str[j]));
    }
}

/* Whether a text is escaped as it is written or afterwards makes no difference. */
static void
test_json_write_append_ascii (void)
{
  for (guint i = 0; i < 4000; i++)
    {
      g_autofree char *text = make_random_string ();
      g_autoptr (GString) utf8 = g_string_new (NULL);
      g_autoptr (GString) expected = g_string_new (NULL);
      g_autoptr (GString) ascii = g_string_new (NULL);
      g_autofree char *exact = NULL;

      cb_json_append_string (expected, text, CB_JSON_ASCII);
      cb_json_append_string (utf8, text, CB_JSON_UTF8);
      /* A buffer of that very size: a sanitizer sees a read beyond it. */
      exact = g_memdup2 (utf8->str, utf8->len);
      cb_json_append_ascii (ascii, exact, utf8->len);

      g_assert_cmpstr (ascii->str, ==, expected->str);
      g_assert_cmpuint (cb_json_get_ascii_length (exact, utf8->len), ==, ascii->len);
    }
}

static void
test_json_write_append_ascii_document (void)
{
  static const char json[] = "{\"ž\": [1.50, \"a\\n\\u00e9😀\", null ] }";
  g_autoptr (GString) out = g_string_new ("x");

  cb_json_append_ascii (out, json, sizeof json - 1);
  g_assert_cmpstr (out->str, ==, "x{\"\\u017e\": [1.50, \"a\\n\\u00e9\\ud83d\\ude00\", null ] }");
}

static void
test_json_write_append_ascii_nothing (void)
{
  g_autoptr (GString) out = g_string_new ("x");

  cb_json_append_ascii (out, NULL, 0);
  g_assert_cmpstr (out->str, ==, "x");
  g_assert_cmpuint (cb_json_get_ascii_length (NULL, 0), ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/json-write/string", test_json_write_string);
  g_test_add_func ("/json-write/string-appends", test_json_write_string_appends);
  g_test_add_func ("/json-write/round-trip", test_json_write_round_trip);
  g_test_add_func ("/json-write/ascii-only", test_json_write_ascii_only);
  g_test_add_func ("/json-write/append-ascii", test_json_write_append_ascii);
  g_test_add_func ("/json-write/append-ascii-document", test_json_write_append_ascii_document);
  g_test_add_func ("/json-write/append-ascii-nothing", test_json_write_append_ascii_nothing);

  return g_test_run ();
}
