/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

char *cbt_text_make_visible (const char *text);
char *cbt_text_make_block (const char *text,
                           const char *indent);

G_END_DECLS
