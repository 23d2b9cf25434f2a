/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/room/cbs-command.h"

static const struct
{
  const char    *name;
  CbsCommandKind kind;
  const char    *usage;
  const char    *help;
} commands[] = {
  { "/Name", CBS_COMMAND_NAME, "/Name", "tells your user name" },
  { "/Block", CBS_COMMAND_BLOCK, "/Block <username>...",
    "hides you and these users from each other" },
  { "/UnBlock", CBS_COMMAND_UNBLOCK, "/UnBlock <username>...",
    "lifts your block; the other side's, if any, stays" },
  { "/Blocked", CBS_COMMAND_BLOCKED, "/Blocked", "lists the users whom you have blocked" },
  { "/DisplayUsers", CBS_COMMAND_DISPLAY_USERS, "/DisplayUsers", "lists the users who are online" },
  { "/DisplayAllUsers", CBS_COMMAND_DISPLAY_ALL_USERS, "/DisplayAllUsers",
    "lists all users who have ever been here" },
  { "/Help", CBS_COMMAND_HELP, "/Help", "lists these commands" },
};

/**
 * cbs_command_is_one:
 * @content: content of a message to oneself
 *
 * Tells whether such a message is a command.
 *
 * Returns: %TRUE if it begins with “/”
 */
gboolean
cbs_command_is_one (const char *content)
{
  g_return_val_if_fail (content != NULL, FALSE);

  return content[0] == '/';
}

/**
 * cbs_command_parse:
 * @content: a command, in UTF-8
 * @out_arguments: (out): the words behind its name
 *
 * Reads a command; its name counts in any case.
 *
 * Source: `docs/protocol.md`, “Commands”.
 *
 * Returns: which command it is, [enum@CbsCommandKind.UNKNOWN] for none
 */
CbsCommandKind
cbs_command_parse (const char *content,
                   GStrv      *out_arguments)
{
  g_autoptr (GPtrArray) arguments = g_ptr_array_new_null_terminated (1, g_free, TRUE);
  g_auto (GStrv) words = g_strsplit_set (content, " \t\r\n", -1);
  CbsCommandKind kind = CBS_COMMAND_UNKNOWN;

  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      if (g_ascii_strcasecmp (words[0], commands[i].name) == 0)
        kind = commands[i].kind;
    }

  for (guint i = 1; words[i] != NULL; i++)
    {
      if (words[i][0] != '\0')
        g_ptr_array_add (arguments, g_strdup (words[i]));
    }

  *out_arguments = (GStrv) g_ptr_array_steal (arguments, NULL);
  return kind;
}

/**
 * cbs_command_help:
 *
 * Writes the answer to `/Help`.
 *
 * Returns: (transfer full): a text of several lines
 */
char *
cbs_command_help (void)
{
  g_autoptr (GString) help = g_string_new ("Commands:");

  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    g_string_append_printf (help, "\n%s - %s", commands[i].usage, commands[i].help);
  g_string_append (help, "\n@<username> <message> - sends a private message");

  return g_string_free (g_steal_pointer (&help), FALSE);
}
