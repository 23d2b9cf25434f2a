/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-sqlite.h"

G_BEGIN_DECLS

/* The state directory: who may use it, and the database in it, brought up to date. */
gboolean cbs_log_directory_has_log (const char *directory);
int      cbs_log_directory_lock (const char *directory,
                                 GError    **error);
sqlite3 *cbs_log_directory_open_writer (const char *directory,
                                        GError    **error);
sqlite3 *cbs_log_directory_open_reader (const char *directory,
                                        GError    **error);

G_END_DECLS
