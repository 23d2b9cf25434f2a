/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * CbtAction:
 * @CBT_ACTION_NOTHING: an empty line
 * @CBT_ACTION_SAY: say something to everybody
 * @CBT_ACTION_TELL: say something to somebody
 * @CBT_ACTION_COMMAND: a command of the server
 * @CBT_ACTION_HELP: show what can be typed
 * @CBT_ACTION_QUIT: leave
 *
 * What a line asks for.
 */
typedef enum
{
  CBT_ACTION_NOTHING,
  CBT_ACTION_SAY,
  CBT_ACTION_TELL,
  CBT_ACTION_COMMAND,
  CBT_ACTION_HELP,
  CBT_ACTION_QUIT,
} CbtAction;

/**
 * CbtCommand:
 * @action: what the line asks for
 * @destination: (nullable): TELL: to whom
 * @text: (nullable): SAY, TELL: what; COMMAND: as servers spell it
 */
typedef struct
{
  CbtAction action;
  char     *destination;
  char     *text;
} CbtCommand;

gboolean cbt_command_parse (const char *line,
                            CbtCommand *out_command,
                            GError    **error);
void     cbt_command_clear (CbtCommand *command);
char    *cbt_command_help (void);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CbtCommand, cbt_command_clear)

G_END_DECLS
