/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "terminal/cbt-command.h"

#include <glib/gi18n.h>
#include <string.h>

/* The spelling is what the original's server insists on. */
static const struct
{
  const char *name;
  CbtAction   action;
  const char *arguments; /* translated */
  const char *help;      /* translated */
} commands[] = {
  { "/Name", CBT_ACTION_COMMAND, NULL, N_ ("tells your user name") },
  { "/Block", CBT_ACTION_COMMAND, N_ ("USER…"), N_ ("hides you and these users from each other") },
  { "/UnBlock", CBT_ACTION_COMMAND, N_ ("USER…"), N_ ("lifts your block of these users") },
  { "/Blocked", CBT_ACTION_COMMAND, NULL, N_ ("lists the users whom you have blocked") },
  { "/DisplayUsers", CBT_ACTION_COMMAND, NULL, N_ ("lists the users who are online") },
  { "/DisplayAllUsers", CBT_ACTION_COMMAND, NULL, N_ ("lists all users who have ever been here") },
  { "/Help", CBT_ACTION_HELP, NULL, N_ ("shows this help") },
  { "/Quit", CBT_ACTION_QUIT, NULL, N_ ("leaves the room") },
};

static gboolean
fail (GError    **error,
      const char *message)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, message);
  return FALSE;
}

/* “@name text” */
static gboolean
parse_private (const char *line,
               CbtCommand *out_command,
               GError    **error)
{
  const char *name = line + 1;
  const gsize name_len = strcspn (name, " \t");
  const char *text = name + name_len;

  text += strspn (text, " \t");
  if (name_len == 0 || *text == '\0')
    return fail (error, _ ("A private message is written “@USER TEXT”"));

  out_command->action = CBT_ACTION_TELL;
  out_command->destination = g_strndup (name, name_len);
  out_command->text = g_strdup (text);
  return TRUE;
}

/* A command as servers spell it, with one blank between its words: the original's server knows no
 * other form. */
static char *
spell (const char *name,
       const char *words)
{
  g_auto (GStrv) arguments = g_strsplit_set (words, " \t", -1);
  g_autoptr (GString) text = g_string_new (name);

  for (guint i = 0; arguments[i] != NULL; i++)
    {
      if (*arguments[i] != '\0')
        g_string_append_printf (text, " %s", arguments[i]);
    }

  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* “/command words” */
static gboolean
parse_slash (const char *line,
             CbtCommand *out_command,
             GError    **error)
{
  const gsize name_len = strcspn (line, " \t");
  g_autofree char *name = g_strndup (line, name_len);

  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      if (g_ascii_strcasecmp (name, commands[i].name) != 0)
        continue;

      out_command->action = commands[i].action;
      if (commands[i].action == CBT_ACTION_COMMAND)
        out_command->text = spell (commands[i].name, line + name_len);
      return TRUE;
    }

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               /* Translators: %s is a word that begins with “/” */
               _ ("There is no command “%s”; /Help lists those there are, and “//” begins a text with “/”"),
               name);
  return FALSE;
}

/**
 * cbt_command_parse:
 * @line: a line without its end, in UTF-8
 * @out_command: (out caller-allocates): what it asks for
 * @error: return location for a #GError
 *
 * Reads a line: a text for everybody; `@USER TEXT` for somebody; `/Command`
 * in any case; `@@` and `//` begin a text with `@` and `/`.
 *
 * Returns: %TRUE; %FALSE with %G_IO_ERROR_INVALID_ARGUMENT, whose message is
 *   for the person who typed it
 */
gboolean
cbt_command_parse (const char *line,
                   CbtCommand *out_command,
                   GError    **error)
{
  const CbtCommand nothing = { CBT_ACTION_NOTHING, NULL, NULL };
  gboolean doubled = FALSE;

  g_return_val_if_fail (line != NULL, FALSE);
  g_return_val_if_fail (out_command != NULL, FALSE);

  *out_command = nothing;
  if (*line == '\0')
    return TRUE;

  doubled = (line[0] == '@' || line[0] == '/') && line[1] == line[0];
  if (line[0] == '@' && !doubled)
    return parse_private (line, out_command, error);
  if (line[0] == '/' && !doubled)
    return parse_slash (line, out_command, error);

  out_command->action = CBT_ACTION_SAY;
  out_command->text = g_strdup (doubled ? line + 1 : line);
  return TRUE;
}

/**
 * cbt_command_clear:
 * @command: a command
 *
 * Frees what a command holds.
 */
void
cbt_command_clear (CbtCommand *command)
{
  g_clear_pointer (&command->destination, g_free);
  g_clear_pointer (&command->text, g_free);
}

/**
 * cbt_command_help:
 *
 * Writes what can be typed, in the user's language.
 *
 * Returns: (transfer full): a text of several lines
 */
char *
cbt_command_help (void)
{
  g_autoptr (GString) help = g_string_new (_ ("A line is a message to everybody. Others begin with a sign:"));

  g_string_append_printf (help, "\n  %s  %s", _ ("@USER TEXT"), _ ("sends a private message"));
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      const char *arguments = commands[i].arguments;

      g_string_append_printf (help, "\n  %s%s%s  %s", commands[i].name,
                              arguments != NULL ? " " : "",
                              arguments != NULL ? _ (arguments) : "", _ (commands[i].help));
    }

  return g_string_free (g_steal_pointer (&help), FALSE);
}
