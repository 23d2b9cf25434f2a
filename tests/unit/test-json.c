/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <pthread.h>
#include <string.h>

#include "libchatterbox/cb-error.h"
#include "libchatterbox/cb-json.h"

/* A row of a table: its name and a document, which may hold U+0000. */
#define DOCUMENT(name, text) { name, text, sizeof text - 1 }

typedef struct
{
  const char *name;
  const char *text;
  gsize       len;
} Document;

/* In the manner of JSONTestSuite's y_ cases. */
static const Document valid[] = {
  DOCUMENT ("array-empty", "[]"),
  DOCUMENT ("array-spaces", "[[]   ]"),
  DOCUMENT ("array-mixed", "[null, 1, \"1\", {}]"),
  DOCUMENT ("array-several-null", "[1,null,null,null,2]"),
  DOCUMENT ("object-empty", "{}"),
  DOCUMENT ("object-empty-key", "{\"\":0}"),
  DOCUMENT ("object-prefix-keys", "{\"a\":1,\"ab\":2,\"\":3}"),
  DOCUMENT ("object-key-case", "{\"a\":1,\"A\":2}"),
  DOCUMENT ("object-key-of-parent", "{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":2}}"),
  DOCUMENT ("object-newlines", "{\n\"a\": \"b\"\r\n}\n"),
  DOCUMENT ("object-in-arrays", "{\"a\":[{\"a\":1},{\"a\":1}],\"b\":[]}"),
  DOCUMENT ("white-space-around", " \t\r\n[ \t\r\n1 \t\r\n, \t\r\n2 \t\r\n] \t\r\n"),
  DOCUMENT ("scalar-string", "\"asd\""),
  DOCUMENT ("scalar-string-empty", "\"\""),
  DOCUMENT ("scalar-integer", "42"),
  DOCUMENT ("scalar-zero", "0"),
  DOCUMENT ("scalar-negative", "-1"),
  DOCUMENT ("scalar-true", "true"),
  DOCUMENT ("scalar-false", "false"),
  DOCUMENT ("scalar-null", "null"),
  DOCUMENT ("number-fraction", "[123.456789]"),
  DOCUMENT ("number-exponent", "[1e5,1E5,1e+2,1e-2,1E+2,1E-2]"),
  DOCUMENT ("number-all-parts", "[-123.456e+78]"),
  DOCUMENT ("number-0e1", "[0e1,0e+1,0.0]"),
  DOCUMENT ("number-minus-zero", "[-0,-0.0,-0e1]"),
  DOCUMENT ("number-close-to-zero", "[-0.000000000000000000000000000000000000000000000000000000000000000000000001]"),
  DOCUMENT ("number-long", "[123123123123123123123123123123]"),
  DOCUMENT ("number-huge-exponent", "[1e400,-1e400,1e-400]"),
  DOCUMENT ("string-escapes", "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"),
  DOCUMENT ("string-escape-of-escape", "[\"\\\\u0061\\\\n\\\\\"]"),
  DOCUMENT ("string-unicode-escape", "[\"\\u0060\\u012a\\u12AB\\uabcd\\uABCD\"]"),
  DOCUMENT ("string-escaped-control", "[\"\\u0001\\u001f\\u0012\"]"),
  DOCUMENT ("string-surrogate-pair", "[\"\\ud801\\udc37\",\"\\uD83D\\uDE39\\ud83d\\ude39\"]"),
  DOCUMENT ("string-surrogate-edges", "[\"\\ud800\\udc00\\udbff\\udfff\\ud7ff\\ue000\"]"),
  DOCUMENT ("string-noncharacters", "[\"\\uffff\\ufdd0\\ud83f\\udffe\"]"),
  DOCUMENT ("string-space", "[\" a b \"]"),
  DOCUMENT ("string-delete", "[\"a\177a\"]"),
  DOCUMENT ("string-brackets", "[\"}{][,:\"]"),
  DOCUMENT ("string-comment", "[\"a/*b*/c/*d//e\"]"),
  DOCUMENT ("string-line-separators", "[\"\xe2\x80\xa8\xe2\x80\xa9\"]"),
  DOCUMENT ("utf8-edges-2", "[\"\xc2\x80\xdf\xbf\"]"),
  DOCUMENT ("utf8-edges-3", "[\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"]"),
  DOCUMENT ("utf8-edges-4", "[\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"]"),
  DOCUMENT ("utf8-bom-in-string", "[\"\xef\xbb\xbf\"]"),
  DOCUMENT ("depth-8-arrays", "[[[[[[[[]]]]]]]]"),
  DOCUMENT ("depth-8-objects", "{\"\":{\"\":{\"\":{\"\":{\"\":{\"\":{\"\":{}}}}}}}}"),
  DOCUMENT ("depth-8-again", "[[[[[[[[1],[2]]]]]]],[[[[[[[3]]]]]]]]"),
};

/* In the manner of JSONTestSuite's n_ cases, and what our rules refuse beyond RFC 8259. */
static const Document invalid[] = {
  DOCUMENT ("empty", ""),
  DOCUMENT ("white-space-only", " \n"),
  DOCUMENT ("nul-only", "\0"),
  DOCUMENT ("nul-behind", "[]\0"),
  DOCUMENT ("nul-between", "[1,\0" "2]"),
  DOCUMENT ("bom", "\xef\xbb\xbf{}"),
  DOCUMENT ("bom-only", "\xef\xbb\xbf"),
  DOCUMENT ("utf16", "\xff\xfe[\0]\0"),
  DOCUMENT ("no-break-space", "[\xc2\xa0]"),
  DOCUMENT ("form-feed", "[\f]"),
  DOCUMENT ("vertical-tab", "[\v]"),
  DOCUMENT ("trailing-document", "{} {}"),
  DOCUMENT ("trailing-bracket", "[]]"),
  DOCUMENT ("trailing-brace", "{}}"),
  DOCUMENT ("trailing-comma", "{},"),
  DOCUMENT ("trailing-scalar", "1 2"),
  DOCUMENT ("trailing-letter", "[1]x"),
  DOCUMENT ("comment-block", "[1]/* */"),
  DOCUMENT ("comment-line", "[1]// "),
  DOCUMENT ("comment-within", "[1,/**/2]"),
  DOCUMENT ("comment-hash", "[1]# "),
  DOCUMENT ("array-unclosed", "["),
  DOCUMENT ("array-unclosed-value", "[1"),
  DOCUMENT ("array-unclosed-comma", "[1,"),
  DOCUMENT ("array-comma-only", "[,]"),
  DOCUMENT ("array-comma-first", "[,1]"),
  DOCUMENT ("array-comma-last", "[1,]"),
  DOCUMENT ("array-comma-twice", "[1,,2]"),
  DOCUMENT ("array-comma-missing", "[1 true]"),
  DOCUMENT ("array-colon", "[\"a\":1]"),
  DOCUMENT ("array-closed-by-brace", "[1}"),
  DOCUMENT ("array-empty-closed-by-brace", "[}"),
  DOCUMENT ("bracket-closing-first", "]"),
  DOCUMENT ("object-unclosed", "{"),
  DOCUMENT ("object-unclosed-key", "{\"a\""),
  DOCUMENT ("object-unclosed-colon", "{\"a\":"),
  DOCUMENT ("object-unclosed-value", "{\"a\":1"),
  DOCUMENT ("object-unclosed-comma", "{\"a\":1,"),
  DOCUMENT ("object-no-value", "{\"a\"}"),
  DOCUMENT ("object-no-value-colon", "{\"a\":}"),
  DOCUMENT ("object-no-colon", "{\"a\" 1}"),
  DOCUMENT ("object-comma-for-colon", "{\"a\",1}"),
  DOCUMENT ("object-colon-twice", "{\"a\"::1}"),
  DOCUMENT ("object-colon-only", "{:1}"),
  DOCUMENT ("object-comma-first", "{,\"a\":1}"),
  DOCUMENT ("object-comma-last", "{\"a\":1,}"),
  DOCUMENT ("object-comma-twice", "{\"a\":1,,\"b\":2}"),
  DOCUMENT ("object-comma-missing", "{\"a\":1 \"b\":2}"),
  DOCUMENT ("object-key-bare", "{a:1}"),
  DOCUMENT ("object-key-number", "{1:1}"),
  DOCUMENT ("object-key-null", "{null:1}"),
  DOCUMENT ("object-key-single-quotes", "{'a':1}"),
  DOCUMENT ("object-closed-by-bracket", "{\"a\":1]"),
  DOCUMENT ("object-key-invalid-utf8", "{\"\xff\":1}"),
  DOCUMENT ("object-key-lone-surrogate", "{\"\\ud800\":1}"),
  DOCUMENT ("key-twice", "{\"a\":1,\"a\":2}"),
  DOCUMENT ("key-twice-same-value", "{\"a\":1,\"b\":2,\"a\":1}"),
  DOCUMENT ("key-twice-empty", "{\"\":1,\"\":1}"),
  DOCUMENT ("key-twice-escaped", "{\"ab\":1,\"\\u0061b\":2}"),
  DOCUMENT ("key-twice-both-escaped", "{\"\\u006A\":1,\"\\u006a\":2}"),
  DOCUMENT ("key-twice-solidus", "{\"/\":1,\"\\/\":2}"),
  DOCUMENT ("key-twice-surrogates", "{\"\xf0\x9f\x98\x80\":1,\"\\uD83D\\ude00\":2}"),
  DOCUMENT ("key-twice-nested", "{\"x\":[{\"a\":1},{\"a\":1,\"a\":2}]}"),
  DOCUMENT ("key-twice-behind-object", "{\"a\":{\"b\":1,\"c\":2},\"a\":3}"),
  DOCUMENT ("literal-true-short", "[tru]"),
  DOCUMENT ("literal-true-end", "tru"),
  DOCUMENT ("literal-true-case", "[True]"),
  DOCUMENT ("literal-false-short", "[fals]"),
  DOCUMENT ("literal-null-short", "[nul]"),
  DOCUMENT ("literal-null-long", "[nulll]"),
  DOCUMENT ("literal-joined", "[truefalse]"),
  DOCUMENT ("literal-nan", "[NaN]"),
  DOCUMENT ("literal-nan-negative", "[-NaN]"),
  DOCUMENT ("literal-infinity", "[Infinity]"),
  DOCUMENT ("literal-infinity-negative", "[-Infinity]"),
  DOCUMENT ("literal-inf", "[inf]"),
  DOCUMENT ("literal-undefined", "[undefined]"),
  DOCUMENT ("number-leading-zero", "[012]"),
  DOCUMENT ("number-leading-zeros", "[00]"),
  DOCUMENT ("number-leading-zero-negative", "[-01]"),
  DOCUMENT ("number-leading-plus", "[+1]"),
  DOCUMENT ("number-minus-only", "[-]"),
  DOCUMENT ("number-minus-end", "-"),
  DOCUMENT ("number-minus-twice", "[--1]"),
  DOCUMENT ("number-minus-space", "[- 1]"),
  DOCUMENT ("number-dot-first", "[.5]"),
  DOCUMENT ("number-dot-first-negative", "[-.5]"),
  DOCUMENT ("number-dot-last", "[1.]"),
  DOCUMENT ("number-dot-end", "1."),
  DOCUMENT ("number-dot-exponent", "[1.e1]"),
  DOCUMENT ("number-dot-twice", "[1.2.3]"),
  DOCUMENT ("number-exponent-empty", "[1e]"),
  DOCUMENT ("number-exponent-sign-only", "[1e+]"),
  DOCUMENT ("number-exponent-end", "1E-"),
  DOCUMENT ("number-exponent-signs", "[1e+-2]"),
  DOCUMENT ("number-exponent-twice", "[1e2e3]"),
  DOCUMENT ("number-exponent-fraction", "[1e1.5]"),
  DOCUMENT ("number-hexadecimal", "[0x42]"),
  DOCUMENT ("number-underscore", "[1_000]"),
  DOCUMENT ("number-letter", "[1a]"),
  DOCUMENT ("number-expression", "[1+2]"),
  DOCUMENT ("number-fullwidth", "[\xef\xbc\x91]"),
  DOCUMENT ("number-space", "[1 000]"),
  DOCUMENT ("string-unclosed", "[\"a]"),
  DOCUMENT ("string-unclosed-end", "\""),
  DOCUMENT ("string-unclosed-backslash", "[\"\\"),
  DOCUMENT ("string-unclosed-escape", "[\"\\\"]"),
  DOCUMENT ("string-single-quotes", "['a']"),
  DOCUMENT ("string-bare", "[a]"),
  DOCUMENT ("string-newline", "[\"a\nb\"]"),
  DOCUMENT ("string-tabulator", "[\"a\tb\"]"),
  DOCUMENT ("string-nul", "[\"a\0b\"]"),
  DOCUMENT ("string-unit-separator", "[\"\x1f\"]"),
  DOCUMENT ("string-escaped-nul", "[\"\\u0000\"]"),
  DOCUMENT ("string-escape-a", "[\"\\a\"]"),
  DOCUMENT ("string-escape-x", "[\"\\x00\"]"),
  DOCUMENT ("string-escape-upper-u", "[\"\\U0061\"]"),
  DOCUMENT ("string-escape-quote", "[\"\\'\"]"),
  DOCUMENT ("string-escape-nul", "[\"\\\0\"]"),
  DOCUMENT ("string-escape-utf8", "[\"\\\xc3\xa5\"]"),
  DOCUMENT ("string-unicode-short", "[\"\\u00A\"]"),
  DOCUMENT ("string-unicode-end", "[\"\\u00"),
  DOCUMENT ("string-unicode-no-digits", "[\"\\u\"]"),
  DOCUMENT ("string-unicode-letter", "[\"\\u00G0\"]"),
  DOCUMENT ("string-unicode-sign", "[\"\\u+123\"]"),
  DOCUMENT ("string-high-surrogate", "[\"\\uD800\"]"),
  DOCUMENT ("string-high-surrogate-end", "[\"\\udbff"),
  DOCUMENT ("string-high-surrogate-letter", "[\"\\uD800a\"]"),
  DOCUMENT ("string-high-surrogate-newline", "[\"\\uD800\\n\"]"),
  DOCUMENT ("string-high-surrogate-short", "[\"\\uD800\\u\"]"),
  DOCUMENT ("string-high-surrogate-scalar", "[\"\\uD800\\u0061\"]"),
  DOCUMENT ("string-high-surrogate-twice", "[\"\\uD800\\uD800\\uDC00\"]"),
  DOCUMENT ("string-high-surrogate-no-backslash", "[\"\\uD800xuDC00\"]"),
  DOCUMENT ("string-high-surrogate-no-u", "[\"\\uD800\\nDC00\"]"),
  DOCUMENT ("string-low-surrogate", "[\"\\uDC00\"]"),
  DOCUMENT ("string-low-surrogate-last", "[\"\\uDFFF\"]"),
  DOCUMENT ("string-surrogates-swapped", "[\"\\uDd1e\\uD834\"]"),
  DOCUMENT ("string-surrogates-one-raw", "[\"\\ud83d\xed\xb8\x80\"]"),
  DOCUMENT ("utf8-continuation", "[\"\x80\"]"),
  DOCUMENT ("utf8-continuation-behind", "[\"\xc3\xa9\xa9\"]"),
  DOCUMENT ("utf8-latin1", "[\"\xe9\"]"),
  DOCUMENT ("utf8-cut-2", "[\"\xc3\"]"),
  DOCUMENT ("utf8-cut-3", "[\"\xe2\x82\"]"),
  DOCUMENT ("utf8-cut-4", "[\"\xf0\x9f\x98\"]"),
  DOCUMENT ("utf8-cut-at-end", "[\"\xe2\x82"),
  DOCUMENT ("utf8-lead-then-ascii", "[\"\xc3(\"]"),
  DOCUMENT ("utf8-lead-then-lead", "[\"\xc3\xc3\xa9\"]"),
  DOCUMENT ("utf8-overlong-2-nul", "[\"\xc0\x80\"]"),
  DOCUMENT ("utf8-overlong-2", "[\"\xc1\xbf\"]"),
  DOCUMENT ("utf8-overlong-2-quote", "[\"\xc0\xa2\"]"),
  DOCUMENT ("utf8-overlong-3", "[\"\xe0\x80\x80\"]"),
  DOCUMENT ("utf8-overlong-3-last", "[\"\xe0\x9f\xbf\"]"),
  DOCUMENT ("utf8-overlong-4", "[\"\xf0\x80\x80\x80\"]"),
  DOCUMENT ("utf8-overlong-4-last", "[\"\xf0\x8f\xbf\xbf\"]"),
  DOCUMENT ("utf8-overlong-5", "[\"\xf8\x80\x80\x80\x80\"]"),
  DOCUMENT ("utf8-overlong-6", "[\"\xfc\x80\x80\x80\x80\x80\"]"),
  DOCUMENT ("utf8-surrogate-high", "[\"\xed\xa0\x80\"]"),
  DOCUMENT ("utf8-surrogate-low", "[\"\xed\xbf\xbf\"]"),
  DOCUMENT ("utf8-cesu", "[\"\xed\xa0\xbd\xed\xb8\x80\"]"),
  DOCUMENT ("utf8-beyond", "[\"\xf4\x90\x80\x80\"]"),
  DOCUMENT ("utf8-lead-f5", "[\"\xf5\x80\x80\x80\"]"),
  DOCUMENT ("utf8-fe", "[\"\xfe\"]"),
  DOCUMENT ("utf8-ff", "[\"\xff\"]"),
  DOCUMENT ("utf8-outside-string", "[\xc3\xa9]"),
  DOCUMENT ("depth-9-arrays", "[[[[[[[[[]]]]]]]]]"),
  DOCUMENT ("depth-9-objects", "{\"\":{\"\":{\"\":{\"\":{\"\":{\"\":{\"\":{\"\":{}}}}}}}}}"),
  DOCUMENT ("depth-9-late", "[[[[[[[[1],[[2]]]]]]]]]"),
};

/* json-glib reads the same document after us. */
static gboolean
is_read_by_json_glib (const char *text,
                      gsize       len)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;

  if (!json_parser_load_from_data (parser, text, (gssize) len, &error))
    g_test_message ("json-glib: %s", error->message);
  return error == NULL && json_parser_get_root (parser) != NULL;
}

static void
test_json_valid (gconstpointer user_data)
{
  const Document *document = user_data;
  /* A buffer of that very size: a sanitizer sees a read beyond it. */
  g_autofree char *text = g_memdup2 (document->text, document->len);
  g_autoptr (GError) error = NULL;

  g_assert_true (cb_json_check (text, document->len, &error));
  g_assert_no_error (error);
  g_assert_true (is_read_by_json_glib (text, document->len));
}

static void
test_json_invalid (gconstpointer user_data)
{
  const Document *document = user_data;
  g_autofree char *text = g_memdup2 (document->text, document->len);
  g_autoptr (GError) error = NULL;

  g_assert_false (cb_json_check (text, document->len, &error));
  g_assert_error (error, CB_ERROR, CB_ERROR_MALFORMED);
  g_assert_true (g_str_has_prefix (error->message, "Not valid JSON at byte "));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

/* A document that is cut anywhere is refused. */
static void
test_json_cut (void)
{
  static const char text[] = "{\"a\":[1,-2.5e+3,true,null,\"\\ud83d\\ude00\xc3\xa9\\n\"],\"\\u0062\":{\"c\":[]}}";

  g_assert_true (cb_json_check (text, sizeof text - 1, NULL));
  for (gsize len = 0; len < sizeof text - 1; len++)
    {
      g_autofree char *cut = g_memdup2 (text, len);
      g_autoptr (GError) error = NULL;

      g_assert_false (cb_json_check (cut, len, &error));
      g_assert_error (error, CB_ERROR, CB_ERROR_MALFORMED);
    }
}

/* What we let through after any change of some bytes is no trap for the parser behind us. */
static void
test_json_mutations (void)
{
  static const char text[] = "{\"a\":[1,-2.5e+3,true,null,\"\\ud83d\\ude00\xc3\xa9\\n\"],\"\\u0062\":{\"c\":[]}}";
  static const char bytes[] = "{}[]\",:\\u0123eE+-. \tntf\xc3\xa9";
  guint n_valid = 0;

  for (guint i = 0; i < 5000; i++)
    {
      g_autofree char *mutated = g_memdup2 (text, sizeof text - 1);

      for (int n = g_test_rand_int_range (1, 4); n > 0; n--)
        mutated[g_test_rand_int_range (0, sizeof text - 1)] = bytes[g_test_rand_int_range (0, sizeof bytes)];
      if (cb_json_check (mutated, sizeof text - 1, NULL))
        {
          n_valid++;
          g_assert_true (is_read_by_json_glib (mutated, sizeof text - 1));
        }
    }

  g_test_message ("%u valid", n_valid);
  g_assert_cmpuint (n_valid, >, 50);
}

static void
test_json_integers (void)
{
  static const struct
  {
    const char *text;
    CbJsonToken token;
    gint64      value;
  } cases[] = {
    { "0", CB_JSON_INTEGER, 0 },
    { "-0", CB_JSON_INTEGER, 0 },
    { "7", CB_JSON_INTEGER, 7 },
    { "-7", CB_JSON_INTEGER, -7 },
    { "1700000000", CB_JSON_INTEGER, 1700000000 },
    { "9007199254740991", CB_JSON_INTEGER, G_GINT64_CONSTANT (9007199254740991) },
    { "9007199254740992", CB_JSON_INTEGER, G_GINT64_CONSTANT (9007199254740992) },
    { "-9007199254740992", CB_JSON_INTEGER, -G_GINT64_CONSTANT (9007199254740992) },
    { "9007199254740993", CB_JSON_NUMBER, 0 },
    { "-9007199254740993", CB_JSON_NUMBER, 0 },
    { "9223372036854775808", CB_JSON_NUMBER, 0 },
    { "18446744073709551617", CB_JSON_NUMBER, 0 },
    { "100000000000000000000000000000000000000000", CB_JSON_NUMBER, 0 },
    { "1.0", CB_JSON_NUMBER, 0 },
    { "1e5", CB_JSON_NUMBER, 0 },
    { "1E0", CB_JSON_NUMBER, 0 },
    { "0.0", CB_JSON_NUMBER, 0 },
    { "0e0", CB_JSON_NUMBER, 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbJsonScanner) scanner = cb_json_scanner_new (cases[i].text, strlen (cases[i].text));
      g_autoptr (GError) error = NULL;
      CbJsonToken token = CB_JSON_END;

      g_test_message ("%s", cases[i].text);
      g_assert_true (cb_json_scanner_next (scanner, &token, &error));
      g_assert_no_error (error);
      g_assert_cmpint (token, ==, cases[i].token);
      if (token == CB_JSON_INTEGER)
        g_assert_cmpint (cb_json_scanner_get_integer (scanner), ==, cases[i].value);
    }
}

static void
test_json_tokens (void)
{
  static const char text[] = " {\"a\" : [1, 1.5, \"s\"], \"b\":true,\"c\":false,\"d\":null} ";
  static const CbJsonToken expected[] = {
    CB_JSON_OBJECT_OPEN,
    CB_JSON_KEY, CB_JSON_ARRAY_OPEN, CB_JSON_INTEGER, CB_JSON_NUMBER, CB_JSON_STRING, CB_JSON_ARRAY_CLOSE,
    CB_JSON_KEY, CB_JSON_TRUE, CB_JSON_KEY, CB_JSON_FALSE, CB_JSON_KEY, CB_JSON_NULL,
    CB_JSON_OBJECT_CLOSE, CB_JSON_END, CB_JSON_END,
  };
  g_autoptr (CbJsonScanner) scanner = cb_json_scanner_new (text, sizeof text - 1);

  for (gsize i = 0; i < G_N_ELEMENTS (expected); i++)
    {
      CbJsonToken token = CB_JSON_END;

      g_test_message ("token %" G_GSIZE_FORMAT, i);
      g_assert_true (cb_json_scanner_next (scanner, &token, NULL));
      g_assert_cmpint (token, ==, expected[i]);
    }
  g_assert_cmpuint (cb_json_scanner_get_position (scanner), ==, sizeof text - 1);
}

static void
test_json_strings (void)
{
  static const struct
  {
    const char *json;
    const char *text;
  } cases[] = {
    { "\"\"", "" },
    { "\"plain\"", "plain" },
    { "\"ž😀\"", "ž😀" },
    { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
    { "\"\\u0061\\u00e9\\u20AC\\uFFFF\"", "aé€\xef\xbf\xbf" },
    { "\"x\\ud800\\udc00y\\uDBFF\\uDFFFz\"", "x\xf0\x90\x80\x80y\xf4\x8f\xbf\xbfz" },
    { "\"\\\\u0061\"", "\\u0061" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbJsonScanner) scanner = cb_json_scanner_new (cases[i].json, strlen (cases[i].json));
      g_autofree char *longer = g_strconcat (cases[i].text, "x", NULL);
      g_autofree char *decoded = NULL;
      CbJsonToken token = CB_JSON_END;

      g_assert_true (cb_json_scanner_next (scanner, &token, NULL));
      decoded = cb_json_scanner_dup_string (scanner);
      g_assert_cmpstr (decoded, ==, cases[i].text);
      g_assert_true (cb_json_scanner_equals (scanner, cases[i].text));
      g_assert_false (cb_json_scanner_equals (scanner, longer));
      g_assert_false (cb_json_scanner_equals (scanner, "other"));
    }
}

static void
test_json_skip_value (void)
{
  static const char *values[] = { "1", "-1.5e3", "\"a\\\"]\"", "true", "[]", "[ [1, {\"k\": [2]}], 3 ]", "{\"k\":{}}" };

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autofree char *text = g_strdup_printf ("{\"a\": %s , \"b\":2}", values[i]);
      g_autoptr (CbJsonScanner) scanner = cb_json_scanner_new (text, strlen (text));
      g_autofree char *skipped = NULL;
      const char *start = NULL;
      gsize len = 0;
      CbJsonToken token = CB_JSON_END;

      g_assert_true (cb_json_scanner_next (scanner, &token, NULL));
      g_assert_true (cb_json_scanner_next (scanner, &token, NULL));
      g_assert_true (cb_json_scanner_skip_value (scanner, &start, &len, NULL));
      skipped = g_strndup (start, len);
      g_assert_cmpstr (skipped, ==, values[i]);

      g_assert_true (cb_json_scanner_next (scanner, &token, NULL));
      g_assert_cmpint (token, ==, CB_JSON_KEY);
      g_assert_true (cb_json_scanner_equals (scanner, "b"));
    }
}

/* In front of a key, a closing bracket or the end there is no value to skip. */
static void
test_json_skip_no_value (void)
{
  static const char *texts[] = { "[]", "{\"a\":1}", "{}" };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (CbJsonScanner) scanner = cb_json_scanner_new (texts[i], strlen (texts[i]));
      g_autoptr (GError) error = NULL;
      CbJsonToken token = CB_JSON_END;

      g_assert_true (cb_json_scanner_next (scanner, &token, NULL));
      g_assert_false (cb_json_scanner_skip_value (scanner, NULL, NULL, &error));
      g_assert_error (error, CB_ERROR, CB_ERROR_MALFORMED);
    }
}

/* One twin among many, wherever it stands, and without quadratic work. */
static void
test_json_many_keys (void)
{
  const guint n_keys = 20000;

  /* The last key is none of the others in the last turn. */
  for (guint twin = 0; twin <= n_keys; twin += n_keys / 4)
    {
      g_autoptr (GString) text = g_string_new ("{");

      for (guint i = 0; i < n_keys; i++)
        g_string_append_printf (text, "\"%u\":0,", (guint) (i * G_GUINT64_CONSTANT (7919) % n_keys));
      g_string_append_printf (text, "\"%u\":0}", twin);

      g_test_message ("%u", twin);
      g_assert_true (cb_json_check (text->str, text->len, NULL) == (twin == n_keys));
    }
}

static gpointer
check_nested (gpointer user_data)
{
  GString *text = user_data;
  g_autoptr (GError) error = NULL;

  g_assert_false (cb_json_check (text->str, text->len, &error));
  g_assert_error (error, CB_ERROR, CB_ERROR_MALFORMED);
  return NULL;
}

/* No nesting can exhaust a small stack. */
static void
test_json_nested_small_stack (void)
{
  static const char *units[] = { "[", "{\"a\":", "[{\"a\":" };

  for (gsize i = 0; i < G_N_ELEMENTS (units); i++)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      pthread_attr_t attributes;
      pthread_t thread = 0;

      for (guint n = 0; n < 1000000; n++)
        g_string_append (text, units[i]);
      g_assert_cmpint (pthread_attr_init (&attributes), ==, 0);
      g_assert_cmpint (pthread_attr_setstacksize (&attributes, 256 * 1024), ==, 0);
      g_assert_cmpint (pthread_create (&thread, &attributes, check_nested, text), ==, 0);
      g_assert_cmpint (pthread_join (thread, NULL), ==, 0);
      pthread_attr_destroy (&attributes);
    }
}

static void
test_json_nothing_at_all (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (cb_json_check (NULL, 0, &error));
  g_assert_error (error, CB_ERROR, CB_ERROR_MALFORMED);
}

static void
add_documents (const char     *folder,
               const Document *documents,
               gsize           n_documents,
               GTestDataFunc   test)
{
  for (gsize i = 0; i < n_documents; i++)
    {
      g_autofree char *path = g_strconcat (folder, documents[i].name, NULL);

      g_test_add_data_func (path, &documents[i], test);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  add_documents ("/json/valid/", valid, G_N_ELEMENTS (valid), test_json_valid);
  add_documents ("/json/invalid/", invalid, G_N_ELEMENTS (invalid), test_json_invalid);
  g_test_add_func ("/json/nothing-at-all", test_json_nothing_at_all);
  g_test_add_func ("/json/cut", test_json_cut);
  g_test_add_func ("/json/mutations", test_json_mutations);
  g_test_add_func ("/json/integers", test_json_integers);
  g_test_add_func ("/json/tokens", test_json_tokens);
  g_test_add_func ("/json/strings", test_json_strings);
  g_test_add_func ("/json/skip-value", test_json_skip_value);
  g_test_add_func ("/json/skip-no-value", test_json_skip_no_value);
  g_test_add_func ("/json/many-keys", test_json_many_keys);
  g_test_add_func ("/json/nested-small-stack", test_json_nested_small_stack);

  return g_test_run ();
}
