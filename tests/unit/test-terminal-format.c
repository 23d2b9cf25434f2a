/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>

#include "terminal/cbt-format.h"

/* 2026-11-24 10:03:30 UTC; the tests run in a zone that is an hour ahead of it. */
#define NOW_S G_GINT64_CONSTANT (1795514610)
#define DAY_S (24 * 60 * 60)

static void
test_time (void)
{
  static const struct
  {
    gint64      time_s;
    const char *expected;
  } cases[] = {
    { NOW_S, "11:03" },
    { NOW_S + 60, "11:04" },
    { NOW_S - NOW_S % DAY_S - 60 * 60, "00:00" },
    { NOW_S - NOW_S % DAY_S - 60 * 60 - 1, "2026-11-23 23:59" },
    { NOW_S - DAY_S, "2026-11-23 11:03" },
    { NOW_S - 365 * DAY_S, "2025-11-24 11:03" },
    { NOW_S + DAY_S, "2026-11-25 11:03" },
    { 0, "1970-01-01 01:00" },
    { -1, "1970-01-01 00:59" },
    { G_GINT64_CONSTANT (1) << 53, "9007199254740992" },
    { -(G_GINT64_CONSTANT (1) << 53), "-9007199254740992" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = cbt_format_time (cases[i].time_s, NOW_S);

      g_assert_cmpstr (text, ==, cases[i].expected);
    }
}

static void
test_message (void)
{
  static const struct
  {
    const char *source;
    const char *destination;
    const char *content;
    const char *expected;
  } cases[] = {
    { "ada", "ALL", "hello", "[11:03] ada: hello" },
    { "ada", "bob", "psst", "[11:03] ada (private): psst" },
    { "ada", "all", "psst", "[11:03] ada (private): psst" },
    { "ada", "ALL", "", "[11:03] ada: " },
    /* No line but the first begins as a message does. */
    { "ada", "ALL", "hi\n[11:03] bob: I quit\r\n* Error: gone",
      "[11:03] ada: hi\n        [11:03] bob: I quit\n        * Error: gone" },
    { "a\n[11:03] bob", "ALL", "hi", "[11:03] a␊[11:03] bob: hi" },
    { "ada\r\x1b[1A", "bob", "\x1b[2K\xe2\x80\xae", "[11:03] ada␍␛[1A (private): ␛[2K<U+202E>" },
    { "a\xe2\x80\x8d" "da", "ALL", "x", "[11:03] a<U+200D>da: x" },
    { "50%s%n", "ALL", "100%d", "[11:03] 50%s%n: 100%d" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbMessage) message = cb_message_new (cases[i].source, cases[i].destination,
                                                      NOW_S, cases[i].content);
      g_autofree char *text = cbt_format_message (message, NOW_S);

      g_assert_cmpstr (text, ==, cases[i].expected);
    }
}

/* One's own private message, from elsewhere: as harmless as others. */
static void
test_sent (void)
{
  g_autoptr (CbMessage) message = cb_message_new ("ada", "b\x1b" "ob", NOW_S, "one\n[11:03] eve: two");
  g_autofree char *text = cbt_format_sent (message, NOW_S);

  g_assert_cmpstr (text, ==, "[11:03] to b␛ob (private): one\n        [11:03] eve: two");
}

static void
test_notice (void)
{
  static const struct
  {
    const char *text;
    const char *expected;
  } cases[] = {
    { "bob has joined", "* bob has joined" },
    { "one\ntwo\r\nthree", "* one\n* two\n* three" },
    { "bob\n[11:03] ada: hi", "* bob\n* [11:03] ada: hi" },
    { "\x1b]52;c;\x07\xff", "* ␛]52;c;␇<FF>" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = cbt_format_notice (cases[i].text);

      g_assert_cmpstr (text, ==, cases[i].expected);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_setenv ("TZ", "TEST-1", TRUE);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/terminal/format/time", test_time);
  g_test_add_func ("/terminal/format/message", test_message);
  g_test_add_func ("/terminal/format/sent", test_sent);
  g_test_add_func ("/terminal/format/notice", test_notice);

  return g_test_run ();
}
