/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * TestTerminal:
 *
 * A pseudo-terminal with a program on it. Calls run the default main context.
 */
typedef struct _TestTerminal TestTerminal;

TestTerminal *test_terminal_spawn (const char *const *argv,
                                   const char        *locale);
void          test_terminal_free (TestTerminal *self);
void          test_terminal_type (TestTerminal *self,
                                  const char   *text);
char         *test_terminal_read_until (TestTerminal *self,
                                        const char   *end);
int           test_terminal_wait (TestTerminal *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestTerminal, test_terminal_free)

G_END_DECLS
