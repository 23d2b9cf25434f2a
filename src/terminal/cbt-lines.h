/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * CbtLines:
 *
 * Cuts what somebody types, or pipes in, into lines.
 *
 * Pure: it is fed bytes.
 */
typedef struct _CbtLines CbtLines;

CbtLines *cbt_lines_new (gsize max_len);
void      cbt_lines_free (CbtLines *self);
void      cbt_lines_feed (CbtLines   *self,
                          const char *data,
                          gsize       len);
void      cbt_lines_finish (CbtLines *self);
char     *cbt_lines_take (CbtLines *self,
                          GError  **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbtLines, cbt_lines_free)

G_END_DECLS
