/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "server/room/cbs-command.h"

static void
test_is_one (void)
{
  g_assert_true (cbs_command_is_one ("/Name"));
  g_assert_true (cbs_command_is_one ("/"));
  g_assert_true (cbs_command_is_one ("//"));
  g_assert_false (cbs_command_is_one (""));
  g_assert_false (cbs_command_is_one (" /Name"));
  g_assert_false (cbs_command_is_one ("Name"));
}

static void
test_parse (void)
{
  static const struct
  {
    const char    *content;
    CbsCommandKind kind;
    const char    *arguments; /* joined by “|” */
  } cases[] = {
    { "/Name", CBS_COMMAND_NAME, "" },
    { "/name", CBS_COMMAND_NAME, "" },
    { "/NAME now", CBS_COMMAND_NAME, "now" },
    { "/Block bob", CBS_COMMAND_BLOCK, "bob" },
    { "/block  bob\tZoë\r\n \n carol ", CBS_COMMAND_BLOCK, "bob|Zoë|carol" },
    { "/Block", CBS_COMMAND_BLOCK, "" },
    { "/Block \t ", CBS_COMMAND_BLOCK, "" },
    { "/UnBlock bob", CBS_COMMAND_UNBLOCK, "bob" },
    { "/unBLOCK\nbob", CBS_COMMAND_UNBLOCK, "bob" },
    { "/Blocked", CBS_COMMAND_BLOCKED, "" },
    { "/DisplayUsers\n", CBS_COMMAND_DISPLAY_USERS, "" },
    { "/displayallusers", CBS_COMMAND_DISPLAY_ALL_USERS, "" },
    { "/HELP", CBS_COMMAND_HELP, "" },
    { "/", CBS_COMMAND_UNKNOWN, "" },
    { "//Name", CBS_COMMAND_UNKNOWN, "" },
    { "/ Name", CBS_COMMAND_UNKNOWN, "Name" },
    { "/Names", CBS_COMMAND_UNKNOWN, "" },
    { "/Nam", CBS_COMMAND_UNKNOWN, "" },
    { "/Blockbob", CBS_COMMAND_UNKNOWN, "" },
    { "/Näme", CBS_COMMAND_UNKNOWN, "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (GStrv) arguments = NULL;
      g_autofree char *joined = NULL;

      g_assert_cmpint (cbs_command_parse (cases[i].content, &arguments), ==, cases[i].kind);
      joined = g_strjoinv ("|", arguments);
      g_assert_cmpstr (joined, ==, cases[i].arguments);
    }
}

static void
test_parse_many (void)
{
  g_autoptr (GString) content = g_string_new ("/Block");
  g_auto (GStrv) arguments = NULL;

  for (guint i = 0; i < 10000; i++)
    g_string_append (content, "  u");
  g_assert_cmpint (cbs_command_parse (content->str, &arguments), ==, CBS_COMMAND_BLOCK);
  g_assert_cmpuint (g_strv_length (arguments), ==, 10000);
}

/* The help has a line for each command, and the command is one. */
static void
test_help (void)
{
  static const char *const names[] = {
    "/Name", "/Block", "/UnBlock", "/Blocked", "/DisplayUsers", "/DisplayAllUsers", "/Help",
  };
  g_autofree char *help = cbs_command_help ();
  g_auto (GStrv) lines = g_strsplit (help, "\n", -1);

  g_assert_cmpuint (g_strv_length (lines), ==, G_N_ELEMENTS (names) + 2);
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_auto (GStrv) words = g_strsplit (lines[i + 1], " ", 2);
      g_auto (GStrv) arguments = NULL;

      g_assert_cmpstr (words[0], ==, names[i]);
      g_assert_cmpint (cbs_command_parse (words[0], &arguments), !=, CBS_COMMAND_UNKNOWN);
    }
  g_assert_true (g_str_is_ascii (help));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/command/is-one", test_is_one);
  g_test_add_func ("/command/parse", test_parse);
  g_test_add_func ("/command/parse/many", test_parse_many);
  g_test_add_func ("/command/help", test_help);

  return g_test_run ();
}
