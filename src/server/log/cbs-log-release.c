/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-log-release.h"

#include <unistd.h>

#include "server/log/cbs-log-directory.h"
#include "server/log/cbs-log.h"

/* Asks for a number that depends on the name. */
static gboolean
ask (sqlite3    *db,
     const char *sql,
     CbName     *name,
     gint64     *out_value,
     GError    **error)
{
  g_autoptr (sqlite3_stmt) statement = cbs_sqlite_prepare (db, sql, error);

  if (statement == NULL)
    return FALSE;

  cbs_sqlite_bind_text (statement, 1, cb_name_get_key (name));
  if (sqlite3_step (statement) != SQLITE_ROW)
    {
      cbs_sqlite_set_error (db, error);
      return FALSE;
    }

  *out_value = sqlite3_column_int64 (statement, 0);
  return TRUE;
}

static gboolean
check_held (sqlite3 *db,
            CbName  *name,
            GError **error)
{
  gint64 is_known = 0;
  gint64 is_held = 0;

  if (!ask (db, "SELECT EXISTS (SELECT 1 FROM users WHERE key = ?)", name, &is_known, error) ||
      !ask (db,
            "SELECT EXISTS (SELECT 1 FROM keys WHERE user = ?1) OR"
            " EXISTS (SELECT 1 FROM users WHERE key = ?1 AND address IS NOT NULL)",
            name, &is_held, error))
    return FALSE;

  if (is_held)
    return TRUE;

  g_set_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_FAILED,
               is_known ? "Nobody holds the name “%s”" : "Nobody has ever used the name “%s”",
               cb_name_get_text (name));
  return FALSE;
}

static gboolean
change (sqlite3    *db,
        const char *sql,
        CbName     *name,
        GError    **error)
{
  g_autoptr (sqlite3_stmt) statement = cbs_sqlite_prepare (db, sql, error);

  if (statement == NULL)
    return FALSE;

  cbs_sqlite_bind_text (statement, 1, cb_name_get_key (name));
  return cbs_sqlite_run (statement, error);
}

static gboolean
release (sqlite3 *db,
         CbName  *name,
         GError **error)
{
  return check_held (db, name, error) &&
         cbs_sqlite_exec (db, "BEGIN IMMEDIATE", error) &&
         change (db, "DELETE FROM keys WHERE user = ?", name, error) &&
         change (db, "UPDATE users SET address = NULL, released = 1 WHERE key = ?", name, error) &&
         cbs_sqlite_exec (db, "COMMIT", error);
}

/**
 * cbs_log_release_name:
 * @directory: the state directory of a server that does not run
 * @name: the name
 * @error: return location for a #GError
 *
 * Takes a name from who holds it, by keys or by an address: who uses it next
 * is another holder. A log of an older version is brought up to date.
 *
 * Returns: %TRUE; %FALSE with %CBS_LOG_ERROR_BUSY if the server runs,
 *   %CBS_LOG_ERROR_FAILED if nobody holds the name or there is no log,
 *   %CBS_LOG_ERROR_NEWER or %CBS_LOG_ERROR_FULL
 */
gboolean
cbs_log_release_name (const char *directory,
                      CbName     *name,
                      GError    **error)
{
  g_autoptr (sqlite3) db = NULL;
  gboolean is_released = FALSE;
  int lock_fd = -1;

  g_return_val_if_fail (directory != NULL, FALSE);
  g_return_val_if_fail (name != NULL, FALSE);

  /* A directory that was mistyped is not to be made. */
  if (!cbs_log_directory_has_log (directory))
    {
      g_set_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_FAILED,
                   "There is no log in the directory “%s”", directory);
      return FALSE;
    }

  lock_fd = cbs_log_directory_lock (directory, error);
  if (lock_fd < 0)
    return FALSE;

  db = cbs_log_directory_open_writer (directory, error);
  is_released = db != NULL && release (db, name, error);
  /* The lock has to outlive the connection: to close that may change files. */
  g_clear_pointer (&db, sqlite3_close);
  close (lock_fd);
  return is_released;
}
