/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-log.h"

G_BEGIN_DECLS

#define CBS_TYPE_LOG_SQLITE (cbs_log_sqlite_get_type ())
G_DECLARE_FINAL_TYPE (CbsLogSqlite, cbs_log_sqlite, CBS, LOG_SQLITE, GObject)

CbsLog *cbs_log_sqlite_new (const char *directory);

G_END_DECLS
