/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-sqlite.h"

#include <errno.h>
#include <string.h>

#include "server/log/cbs-log.h"

/**
 * cbs_sqlite_open:
 * @path: the database's file
 * @flags: as for sqlite3_open_v2()
 * @error: return location for a #GError
 *
 * Opens a connection for one thread.
 *
 * Returns: (transfer full): a connection; %NULL with %CBS_LOG_ERROR_FAILED or
 *   %CBS_LOG_ERROR_FULL
 */
sqlite3 *
cbs_sqlite_open (const char *path,
                 int         flags,
                 GError    **error)
{
  g_autoptr (sqlite3) db = NULL;

  if (sqlite3_open_v2 (path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
    {
      cbs_sqlite_set_error (db, error);
      return NULL;
    }

  sqlite3_extended_result_codes (db, 1);
  sqlite3_busy_timeout (db, CBS_SQLITE_BUSY_MS);
  return g_steal_pointer (&db);
}

/* SQLite knows ENOSPC of a write only. A quota is the same to us, and so is a
 * lack of room for the index of the WAL. A failed fsync never is: what the
 * disk holds then is not known, whatever the reason was. */
static gboolean
is_full (sqlite3 *db)
{
  const int code = sqlite3_extended_errcode (db);
  const int reason = sqlite3_system_errno (db);

  if ((code & 0xff) == SQLITE_FULL)
    return TRUE;

  return (code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE) &&
         (reason == ENOSPC || reason == EDQUOT);
}

/**
 * cbs_sqlite_set_error:
 * @db: (nullable): a connection on which the last call has failed
 * @error: return location for a #GError
 *
 * Sets %CBS_LOG_ERROR_FULL if there is no room, else %CBS_LOG_ERROR_FAILED.
 */
void
cbs_sqlite_set_error (sqlite3 *db,
                      GError **error)
{
  if (db == NULL)
    g_set_error_literal (error, CBS_LOG_ERROR, CBS_LOG_ERROR_FAILED, "There is no memory for SQLite");
  else if (is_full (db))
    g_set_error_literal (error, CBS_LOG_ERROR, CBS_LOG_ERROR_FULL,
                         "The server's disk is full: nothing was stored");
  else
    g_set_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_FAILED, "SQLite: %s (%d)",
                 sqlite3_errmsg (db), sqlite3_extended_errcode (db));
}

/**
 * cbs_sqlite_exec:
 * @db: a connection
 * @sql: statements without rows or parameters
 * @error: return location for a #GError
 *
 * Runs statements.
 *
 * Returns: %TRUE; %FALSE with an error as [func@Cbs.sqlite_set_error] sets it
 */
gboolean
cbs_sqlite_exec (sqlite3    *db,
                 const char *sql,
                 GError    **error)
{
  if (sqlite3_exec (db, sql, NULL, NULL, NULL) == SQLITE_OK)
    return TRUE;

  cbs_sqlite_set_error (db, error);
  return FALSE;
}

/**
 * cbs_sqlite_prepare:
 * @db: a connection
 * @sql: a statement
 * @error: return location for a #GError
 *
 * Prepares a statement that will be used often.
 *
 * Returns: (transfer full): a statement; %NULL with an error as
 *   [func@Cbs.sqlite_set_error] sets it
 */
sqlite3_stmt *
cbs_sqlite_prepare (sqlite3    *db,
                    const char *sql,
                    GError    **error)
{
  sqlite3_stmt *statement = NULL;

  if (sqlite3_prepare_v3 (db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK)
    cbs_sqlite_set_error (db, error);
  return statement;
}

/**
 * cbs_sqlite_get_int:
 * @db: a connection
 * @sql: a query whose first row and column is a number; no row or NULL count as 0
 * @out_value: (out): the number
 * @error: return location for a #GError
 *
 * Asks for a number.
 *
 * Returns: %TRUE; %FALSE with an error as [func@Cbs.sqlite_set_error] sets
 *   it, and @out_value untouched
 */
gboolean
cbs_sqlite_get_int (sqlite3    *db,
                    const char *sql,
                    gint64     *out_value,
                    GError    **error)
{
  g_autoptr (sqlite3_stmt) statement = cbs_sqlite_prepare (db, sql, error);
  int code = SQLITE_OK;

  if (statement == NULL)
    return FALSE;

  code = sqlite3_step (statement);
  if (code != SQLITE_ROW && code != SQLITE_DONE)
    {
      cbs_sqlite_set_error (db, error);
      return FALSE;
    }

  *out_value = code == SQLITE_ROW ? sqlite3_column_int64 (statement, 0) : 0;
  return TRUE;
}

/**
 * cbs_sqlite_run:
 * @statement: a statement without rows
 * @error: return location for a #GError
 *
 * Runs a prepared statement and makes it ready for the next time.
 *
 * Returns: %TRUE; %FALSE with an error as [func@Cbs.sqlite_set_error] sets it
 */
gboolean
cbs_sqlite_run (sqlite3_stmt *statement,
                GError      **error)
{
  const int code = sqlite3_step (statement);

  if (code != SQLITE_DONE)
    cbs_sqlite_set_error (sqlite3_db_handle (statement), error);
  sqlite3_reset (statement);
  return code == SQLITE_DONE;
}

/**
 * cbs_sqlite_bind_text:
 * @statement: a statement
 * @index: number of the parameter, from 1
 * @text: (nullable): a text that stays as it is until the statement was run
 *
 * Sets a parameter.
 */
void
cbs_sqlite_bind_text (sqlite3_stmt *statement,
                      int           index,
                      const char   *text)
{
  sqlite3_bind_text (statement, index, text, -1, SQLITE_STATIC);
}
