/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "terminal/cbt-lines.h"

#define MAX_LEN 8

static void
feed (CbtLines   *lines,
      const char *text)
{
  cbt_lines_feed (lines, text, strlen (text));
}

static void
assert_line (CbtLines   *lines,
             const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *line = cbt_lines_take (lines, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (line, ==, expected);
}

static void
assert_refused (CbtLines   *lines,
                int         code,
                const char *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (cbt_lines_take (lines, &error));
  g_assert_error (error, G_IO_ERROR, code);
  g_assert_cmpstr (error->message, ==, message);
}

static void
test_split (void)
{
  static const struct
  {
    const char *text;
    const char *lines[4];
  } cases[] = {
    { "", { NULL } },
    { "a\nb\n", { "a", "b" } },
    { "a\r\nb\r\n", { "a", "b" } },
    { "\n\r\n\n", { "", "", "" } },
    { "a\n\nb", { "a", "", "b" } },
    { "last", { "last" } },
    { "a\nlast\r", { "a", "last" } },
    { "a\rb\n", { "a\rb" } },
    { "a\r\r\n", { "a\r" } },
    { "12345678\n12345678\r\n12345678", { "12345678", "12345678", "12345678" } },
    { "äöü\n\xe2\x82\xac\n", { "äöü", "€" } },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbtLines) lines = cbt_lines_new (MAX_LEN);

      feed (lines, cases[i].text);
      cbt_lines_finish (lines);
      for (gsize j = 0; j < G_N_ELEMENTS (cases[i].lines) && cases[i].lines[j] != NULL; j++)
        assert_line (lines, cases[i].lines[j]);
      assert_line (lines, NULL);
      assert_line (lines, NULL);
    }
}

/* However the bytes come, the lines are the same. */
static void
test_split_byte_by_byte (void)
{
  static const char text[] = "a\r\n\xe2\x82\xac\n\n12345678\r\n123456789\r\nz";
  g_autoptr (CbtLines) lines = cbt_lines_new (MAX_LEN);
  g_autoptr (GString) taken = g_string_new (NULL);

  for (gsize i = 0; i < strlen (text) + 1; i++)
    {
      if (i < strlen (text))
        cbt_lines_feed (lines, text + i, 1);
      else
        cbt_lines_finish (lines);

      for (;;)
        {
          g_autoptr (GError) error = NULL;
          g_autofree char *line = cbt_lines_take (lines, &error);

          if (line == NULL && error == NULL)
            break;
          g_string_append_printf (taken, "(%s)", line != NULL ? line : error->message);
        }
    }

  g_assert_cmpstr (taken->str, ==,
                   "(a)(€)()(12345678)(Line 5 has 9 bytes, and was not sent; the limit is 8)(z)");
}

static void
test_incomplete (void)
{
  g_autoptr (CbtLines) lines = cbt_lines_new (MAX_LEN);

  feed (lines, "he");
  assert_line (lines, NULL);
  feed (lines, "llo\nwor");
  assert_line (lines, "hello");
  assert_line (lines, NULL);
  feed (lines, "ld\n");
  assert_line (lines, "world");
}

static void
test_too_long (void)
{
  static const struct
  {
    const char *text;
    gsize       len;
  } cases[] = {
    { "123456789\nnext\n", 9 },
    { "123456789\r\nnext\n", 9 },
    { "1234567890123456789012345678901234567890\nnext\n", 40 },
    { "12345678\r\r\nnext", 9 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbtLines) lines = cbt_lines_new (MAX_LEN);
      g_autofree char *message = g_strdup_printf ("Line 1 has %u bytes, and was not sent; the limit is 8",
                                                  (guint) cases[i].len);

      feed (lines, cases[i].text);
      cbt_lines_finish (lines);
      assert_refused (lines, G_IO_ERROR_MESSAGE_TOO_LARGE, message);
      assert_line (lines, "next");
      assert_line (lines, NULL);
    }
}

/* A line that comes in pieces is refused once, when it ends, and told with its whole length. */
static void
test_too_long_in_pieces (void)
{
  g_autoptr (CbtLines) lines = cbt_lines_new (MAX_LEN);

  feed (lines, "short\n");
  assert_line (lines, "short");
  for (guint i = 0; i < 1000; i++)
    {
      feed (lines, "0123456789");
      assert_line (lines, NULL);
    }
  feed (lines, "\r\nnext\n");
  assert_refused (lines, G_IO_ERROR_MESSAGE_TOO_LARGE,
                  "Line 2 has 10000 bytes, and was not sent; the limit is 8");
  assert_line (lines, "next");
}

static void
test_too_long_at_end (void)
{
  g_autoptr (CbtLines) lines = cbt_lines_new (MAX_LEN);

  feed (lines, "0123456789");
  assert_line (lines, NULL);
  cbt_lines_finish (lines);
  assert_refused (lines, G_IO_ERROR_MESSAGE_TOO_LARGE,
                  "Line 1 has 10 bytes, and was not sent; the limit is 8");
  assert_line (lines, NULL);
}

static void
test_no_text (void)
{
  static const struct
  {
    const char *bytes;
    gsize       len;
  } cases[] = {
    { "a\0b\nnext\n", 9 },
    { "\0\nnext\n", 7 },
    { "\xff\nnext\n", 7 },
    { "\xc3\nnext\n", 7 },
    { "\xed\xa0\x80\nnext\n", 9 },
    { "a\0\r\nnext\n", 9 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbtLines) lines = cbt_lines_new (MAX_LEN);

      cbt_lines_feed (lines, cases[i].bytes, cases[i].len);
      assert_refused (lines, G_IO_ERROR_INVALID_DATA, "Line 1 is not valid UTF-8, and was not sent");
      assert_line (lines, "next");
      assert_line (lines, NULL);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/terminal/lines/split", test_split);
  g_test_add_func ("/terminal/lines/split/byte-by-byte", test_split_byte_by_byte);
  g_test_add_func ("/terminal/lines/incomplete", test_incomplete);
  g_test_add_func ("/terminal/lines/too-long", test_too_long);
  g_test_add_func ("/terminal/lines/too-long/in-pieces", test_too_long_in_pieces);
  g_test_add_func ("/terminal/lines/too-long/at-end", test_too_long_at_end);
  g_test_add_func ("/terminal/lines/no-text", test_no_text);

  return g_test_run ();
}
