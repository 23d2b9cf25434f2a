/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-query.h"
#include "server/log/cbs-sqlite.h"

G_BEGIN_DECLS

/* What those who read messages from the database have in common. The columns of a row: a
 * statement that only measures has the first four. */
enum
{
  CBS_LOG_COLUMN_SEQ,
  CBS_LOG_COLUMN_SRC,
  CBS_LOG_COLUMN_DEST,
  CBS_LOG_COLUMN_WIRE_SIZE,
  CBS_LOG_COLUMN_TIME_US,
  CBS_LOG_COLUMN_BODY,
};

gboolean  cbs_log_rows_find_bounds (sqlite3        *db,
                                    const CbsQuery *query,
                                    gint64         *out_after,
                                    gint64         *out_until,
                                    GError        **error);
gboolean  cbs_log_row_is_shown (sqlite3_stmt   *row,
                                const CbsQuery *query);
CbsEntry *cbs_log_row_dup_message (sqlite3_stmt *row);

G_END_DECLS
