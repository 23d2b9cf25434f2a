/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * CBS_COMMAND_MAX_USERS:
 *
 * Most user names that one command may name.
 */
#define CBS_COMMAND_MAX_USERS 100u

/**
 * CbsCommandKind:
 * @CBS_COMMAND_UNKNOWN: none that the server knows
 * @CBS_COMMAND_NAME: `/Name`
 * @CBS_COMMAND_BLOCK: `/Block u…`
 * @CBS_COMMAND_UNBLOCK: `/UnBlock u…`
 * @CBS_COMMAND_BLOCKED: `/Blocked`
 * @CBS_COMMAND_DISPLAY_USERS: `/DisplayUsers`
 * @CBS_COMMAND_DISPLAY_ALL_USERS: `/DisplayAllUsers`
 * @CBS_COMMAND_HELP: `/Help`
 *
 * The commands of a plain client.
 */
typedef enum
{
  CBS_COMMAND_UNKNOWN,
  CBS_COMMAND_NAME,
  CBS_COMMAND_BLOCK,
  CBS_COMMAND_UNBLOCK,
  CBS_COMMAND_BLOCKED,
  CBS_COMMAND_DISPLAY_USERS,
  CBS_COMMAND_DISPLAY_ALL_USERS,
  CBS_COMMAND_HELP,
} CbsCommandKind;

gboolean       cbs_command_is_one (const char *content);
CbsCommandKind cbs_command_parse (const char *content,
                                  GStrv      *out_arguments);
char          *cbs_command_help (void);

G_END_DECLS
