/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-sqlite.h"

G_BEGIN_DECLS

/* What is kept of a database before it is changed for good. */
gboolean cbs_log_copy_keep (sqlite3    *db,
                            const char *path,
                            GError    **error);

G_END_DECLS
