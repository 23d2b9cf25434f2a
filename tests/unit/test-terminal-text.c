/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>

#include "terminal/cbt-text.h"

typedef struct
{
  const char *text;
  const char *expected;
} Case;

static void
test_line (void)
{
  static const Case cases[] = {
    { "", "" },
    { "ada", "ada" },
    { "Zoë Ωμέγα 北京 👍", "Zoë Ωμέγα 北京 👍" },
    { "e\xcc\x81", "e\xcc\x81" },
    { "\x1b[2J", "␛[2J" },
    { "a\tb\nc\r\nd\re", "a␉b␊c␍␊d␍e" },
    { "\x01\x07\x08\x1f\x7f", "␁␇␈␟␡" },
    { "\xc2\x80\xc2\x9b" "0m\xc2\x85\xc2\x9f", "<U+0080><U+009B>0m<U+0085><U+009F>" },
    { "\xe2\x80\xae" "evil\xe2\x81\xa6", "<U+202E>evil<U+2066>" },
    { "a\xe2\x80\x8b\xe2\x80\x8c\xe2\x80\x8d\xef\xbb\xbf" "b", "a<U+200B><U+200C><U+200D><U+FEFF>b" },
    { "a\xef\xb8\x8f\xf3\xa0\x84\x80" "b", "a<U+FE0F><U+E0100>b" },
    { "\xe2\x80\xa8\xe2\x80\xa9", "<U+2028><U+2029>" },
    { "\xe3\x85\xa4\xcd\x8f", "<U+3164><U+034F>" },
    { "\xf3\xa0\x81\xa1", "<U+E0061>" },
    { "\xef\xbf\xbe\xcd\xb8", "<U+FFFE><U+0378>" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *visible = cbt_text_make_visible (cases[i].text);

      g_assert_cmpstr (visible, ==, cases[i].expected);
    }
}

static void
test_block (void)
{
  static const Case cases[] = {
    { "", "" },
    { "one", "one" },
    { "one\ntwo\r\nthree", "one\n> two\n> three" },
    { "\n\n", "\n> \n> " },
    { "a\rb", "a␍b" },
    { "a\r", "a␍" },
    { "a\tb", "a\tb" },
    { "\x1b]0;title\x07", "␛]0;title␇" },
    { "a\xe2\x80\xa8" "b\xc2\x85" "c\x0b" "d\x0c" "e", "a<U+2028>b<U+0085>c␋d␌e" },
    { "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb \xe2\x9d\xa4\xef\xb8\x8f",
      "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb \xe2\x9d\xa4\xef\xb8\x8f" },
    { "a\xe2\x80\x8b" "b", "a<U+200B>b" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *block = cbt_text_make_block (cases[i].text, "> ");

      g_assert_cmpstr (block, ==, cases[i].expected);
    }
}

static void
test_invalid (void)
{
  static const Case cases[] = {
    { "a\xff" "b", "a<FF>b" },
    { "\x9b" "31m", "<9B>31m" },
    { "\xc3", "<C3>" },
    { "\xe2\x82", "<E2><82>" },
    { "\xc0\x8a", "<C0><8A>" },             /* an overlong line end */
    { "\xed\xa0\x80", "<ED><A0><80>" },     /* a surrogate */
    { "\xf4\x90\x80\x80", "<F4><90><80><80>" },
    { "\xe2\x82\xac\x80", "€<80>" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *line = cbt_text_make_visible (cases[i].text);
      g_autofree char *block = cbt_text_make_block (cases[i].text, "");

      g_assert_cmpstr (line, ==, cases[i].expected);
      g_assert_cmpstr (block, ==, cases[i].expected);
    }
}

/* Default_Ignorable_Code_Point of Unicode 15: nothing is drawn for any of them. */
static gboolean
is_ignorable (gunichar c)
{
  static const gunichar ranges[][2] = {
    { 0xad, 0xad }, { 0x34f, 0x34f }, { 0x61c, 0x61c }, { 0x115f, 0x1160 }, { 0x17b4, 0x17b5 },
    { 0x180b, 0x180f }, { 0x200b, 0x200f }, { 0x202a, 0x202e }, { 0x2060, 0x206f }, { 0x3164, 0x3164 },
    { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xfff8 },
    { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (ranges); i++)
    {
      if (c >= ranges[i][0] && c <= ranges[i][1])
        return TRUE;
    }

  return FALSE;
}

static gboolean
is_drawn (gunichar c)
{
  switch ((int) g_unichar_type (c))
    {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_UNASSIGNED:
    case G_UNICODE_SURROGATE:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
      return FALSE;
    default:
      return !is_ignorable (c);
    }
}

static void
check_character (gunichar c)
{
  char text[8] = { 0, };
  g_autofree char *visible = NULL;

  g_unichar_to_utf8 (c, text);
  visible = cbt_text_make_visible (text);

  if (is_drawn (c))
    {
      g_assert_cmpstr (visible, ==, text);
      return;
    }
  g_assert_cmpstr (visible, !=, text);
  for (const char *p = visible; *p != '\0'; p = g_utf8_next_char (p))
    g_assert_true (is_drawn (g_utf8_get_char (p)));
}

/* A name is drawn as it is, or what can't be drawn is told. */
static void
test_every_character (void)
{
  for (gunichar c = 1; c < 0x20000; c++)
    {
      if (c < 0xd800 || c > 0xdfff)
        check_character (c);
    }
  for (gunichar c = 0xe0000; c < 0xe0200; c++)
    check_character (c);
  for (gunichar c = 0x20000; c <= 0x10ffff; c += 251)
    check_character (c);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/terminal/text/line", test_line);
  g_test_add_func ("/terminal/text/block", test_block);
  g_test_add_func ("/terminal/text/invalid", test_invalid);
  g_test_add_func ("/terminal/text/every-character", test_every_character);

  return g_test_run ();
}
