/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-holders.h"
#include "server/log/cbs-sqlite.h"

G_BEGIN_DECLS

/* What all the entries of a database together have led to. */
GPtrArray      *cbs_log_load_leaves (sqlite3 *db,
                                     GError **error);
CbsLogSnapshot *cbs_log_load_snapshot (sqlite3    *db,
                                       CbsHolders *holders,
                                       GError    **error);

G_END_DECLS
