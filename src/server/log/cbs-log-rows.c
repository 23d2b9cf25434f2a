/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-log-rows.h"

/* Finds the last entry that was taken before a time: sequences have no gap, and times never go back. */
static gboolean
find_before (sqlite3 *db,
             gint64   time_us,
             gint64   head,
             gint64  *out_seq,
             GError **error)
{
  g_autoptr (sqlite3_stmt) statement = cbs_sqlite_prepare (db, "SELECT time_us FROM entries WHERE seq = ?",
                                                           error);
  gint64 before = 0;
  gint64 not_before = head + 1;

  if (statement == NULL)
    return FALSE;

  while (not_before - before > 1)
    {
      const gint64 middle = before + (not_before - before) / 2;
      int code = SQLITE_OK;

      sqlite3_bind_int64 (statement, 1, middle);
      code = sqlite3_step (statement);
      if (code != SQLITE_ROW && code != SQLITE_DONE)
        {
          cbs_sqlite_set_error (db, error);
          return FALSE;
        }
      if (code == SQLITE_ROW && sqlite3_column_int64 (statement, 0) < time_us)
        before = middle;
      else
        not_before = middle;
      sqlite3_reset (statement);
    }

  *out_seq = before;
  return TRUE;
}

/**
 * cbs_log_rows_find_bounds:
 * @db: a connection to the log
 * @query: a query
 * @out_after: (out): messages behind this sequence are wanted
 * @out_until: (out): up to and with this one
 * @error: return location for a #GError
 *
 * Finds the query's bounds, those in time included.
 *
 * Returns: %TRUE; %FALSE with an error as [func@Cbs.sqlite_set_error] sets it
 */
gboolean
cbs_log_rows_find_bounds (sqlite3        *db,
                          const CbsQuery *query,
                          gint64         *out_after,
                          gint64         *out_until,
                          GError        **error)
{
  gint64 head = 0;
  gint64 since = 0;
  gint64 until = G_MAXINT64;

  if (query->since_us > 0 || query->until_us > 0)
    {
      if (!cbs_sqlite_get_int (db, "SELECT max(seq) FROM entries", &head, error) ||
          (query->since_us > 0 && !find_before (db, query->since_us, head, &since, error)) ||
          (query->until_us > 0 && !find_before (db, query->until_us, head, &until, error)))
        return FALSE;
    }

  *out_after = MAX (query->after, since);
  *out_until = MIN (query->until, until);
  return TRUE;
}

/**
 * cbs_log_row_is_shown:
 * @row: a statement that stands on a message within the query's bounds
 * @query: a query
 *
 * Tells whether the viewer may see the message, and wants to.
 *
 * Returns: %TRUE if so
 */
gboolean
cbs_log_row_is_shown (sqlite3_stmt   *row,
                      const CbsQuery *query)
{
  return cbs_query_shows_message (query, sqlite3_column_int64 (row, CBS_LOG_COLUMN_SEQ),
                                  (const char *) sqlite3_column_text (row, CBS_LOG_COLUMN_SRC),
                                  (const char *) sqlite3_column_text (row, CBS_LOG_COLUMN_DEST));
}

/**
 * cbs_log_row_dup_message:
 * @row: a statement with all columns that stands on a message
 *
 * Makes an entry of the message.
 *
 * Returns: (transfer full): the entry
 */
CbsEntry *
cbs_log_row_dup_message (sqlite3_stmt *row)
{
  const int len = sqlite3_column_bytes (row, CBS_LOG_COLUMN_BODY);
  g_autoptr (GBytes) body = g_bytes_new (sqlite3_column_blob (row, CBS_LOG_COLUMN_BODY), (gsize) len);

  return cbs_entry_new_stored (sqlite3_column_int64 (row, CBS_LOG_COLUMN_SEQ),
                               sqlite3_column_int64 (row, CBS_LOG_COLUMN_TIME_US),
                               CBS_ENTRY_MESSAGE,
                               (const char *) sqlite3_column_text (row, CBS_LOG_COLUMN_SRC),
                               (const char *) sqlite3_column_text (row, CBS_LOG_COLUMN_DEST),
                               body,
                               (gsize) sqlite3_column_int64 (row, CBS_LOG_COLUMN_WIRE_SIZE));
}
