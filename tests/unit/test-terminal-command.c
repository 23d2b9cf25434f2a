/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "terminal/cbt-command.h"

static void
test_parse (void)
{
  static const struct
  {
    const char *line;
    CbtAction   action;
    const char *destination;
    const char *text;
  } cases[] = {
    { "", CBT_ACTION_NOTHING, NULL, NULL },
    { "hello", CBT_ACTION_SAY, NULL, "hello" },
    { " /Help", CBT_ACTION_SAY, NULL, " /Help" },
    { "me@home", CBT_ACTION_SAY, NULL, "me@home" },
    { "@bob hi", CBT_ACTION_TELL, "bob", "hi" },
    { "@bob \t hi  there ", CBT_ACTION_TELL, "bob", "hi  there " },
    { "@Zoë /Name", CBT_ACTION_TELL, "Zoë", "/Name" },
    { "@@bob hi", CBT_ACTION_SAY, NULL, "@bob hi" },
    { "@@", CBT_ACTION_SAY, NULL, "@" },
    { "@@@", CBT_ACTION_SAY, NULL, "@@" },
    { "//Help", CBT_ACTION_SAY, NULL, "/Help" },
    { "//", CBT_ACTION_SAY, NULL, "/" },
    { "/Name", CBT_ACTION_COMMAND, NULL, "/Name" },
    { "/name", CBT_ACTION_COMMAND, NULL, "/Name" },
    { "/NAME \t", CBT_ACTION_COMMAND, NULL, "/Name" },
    { "/block bob", CBT_ACTION_COMMAND, NULL, "/Block bob" },
    { "/BLOCK\tBob   Zoë ", CBT_ACTION_COMMAND, NULL, "/Block Bob Zoë" },
    { "/unblock bob", CBT_ACTION_COMMAND, NULL, "/UnBlock bob" },
    { "/bLoCkEd", CBT_ACTION_COMMAND, NULL, "/Blocked" },
    { "/displayusers", CBT_ACTION_COMMAND, NULL, "/DisplayUsers" },
    { "/displayALLusers", CBT_ACTION_COMMAND, NULL, "/DisplayAllUsers" },
    { "/help", CBT_ACTION_HELP, NULL, NULL },
    { "/Help me", CBT_ACTION_HELP, NULL, NULL },
    { "/quit", CBT_ACTION_QUIT, NULL, NULL },
    { "/QUIT", CBT_ACTION_QUIT, NULL, NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (CbtCommand) command = { CBT_ACTION_QUIT, NULL, NULL };
      g_autoptr (GError) error = NULL;

      g_test_message ("“%s”", cases[i].line);
      g_assert_true (cbt_command_parse (cases[i].line, &command, &error));
      g_assert_no_error (error);
      g_assert_cmpint (command.action, ==, cases[i].action);
      g_assert_cmpstr (command.destination, ==, cases[i].destination);
      g_assert_cmpstr (command.text, ==, cases[i].text);
    }
}

static void
test_refused (void)
{
  static const struct
  {
    const char *line;
    const char *part; /* of the message */
  } cases[] = {
    { "@", "“@USER TEXT”" },
    { "@bob", "“@USER TEXT”" },
    { "@bob \t", "“@USER TEXT”" },
    { "@ bob hi", "“@USER TEXT”" },
    { "/", "“/”" },
    { "/Nam", "“/Nam”" },
    { "/Names", "“/Names”" },
    { "/Blockbob", "“/Blockbob”" },
    { "/shrug it off", "“/shrug”" },
    { "/%s%n x", "“/%s%n”" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (CbtCommand) command = { CBT_ACTION_QUIT, NULL, NULL };
      g_autoptr (GError) error = NULL;

      g_test_message ("“%s”", cases[i].line);
      g_assert_false (cbt_command_parse (cases[i].line, &command, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, cases[i].part));
      g_assert_null (command.destination);
      g_assert_null (command.text);
    }
}

/* Every command that the help names there is, and every one that there is it names. */
static void
test_help (void)
{
  static const char *const names[] = {
    "/Name", "/Block", "/UnBlock", "/Blocked", "/DisplayUsers", "/DisplayAllUsers", "/Help", "/Quit",
  };
  g_autofree char *help = cbt_command_help ();
  g_auto (GStrv) lines = g_strsplit (help, "\n", -1);
  guint n_commands = 0;

  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) words = g_strsplit (g_strchug (lines[i]), " ", 2);
      g_auto (CbtCommand) command = { CBT_ACTION_NOTHING, NULL, NULL };

      if (lines[i][0] != '/')
        continue;
      g_assert_cmpuint (n_commands, <, G_N_ELEMENTS (names));
      g_assert_cmpstr (words[0], ==, names[n_commands++]);
      g_assert_true (cbt_command_parse (words[0], &command, NULL));
    }

  g_assert_cmpuint (n_commands, ==, G_N_ELEMENTS (names));
  g_assert_nonnull (strstr (help, "\n  @USER TEXT  "));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/terminal/command/parse", test_parse);
  g_test_add_func ("/terminal/command/refused", test_refused);
  g_test_add_func ("/terminal/command/help", test_help);

  return g_test_run ();
}
