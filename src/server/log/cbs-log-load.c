/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-log-load.h"

#include <string.h>

/* Takes one row. */
typedef void (*RowFunc) (sqlite3_stmt *row,
                         gpointer      target);

/* Where users go. */
typedef struct
{
  CbsLogSnapshot *snapshot;
  CbsHolders     *holders;
  CbsLogUser     *user; /* the latest */
} UsersData;

static gboolean
read_rows (sqlite3    *db,
           const char *sql,
           RowFunc     func,
           gpointer    target,
           GError    **error)
{
  g_autoptr (sqlite3_stmt) statement = cbs_sqlite_prepare (db, sql, error);
  int code = SQLITE_OK;

  if (statement == NULL)
    return FALSE;

  while ((code = sqlite3_step (statement)) == SQLITE_ROW)
    func (statement, target);
  if (code == SQLITE_DONE)
    return TRUE;

  cbs_sqlite_set_error (db, error);
  return FALSE;
}

/* Stays until the next row. */
static const char *
get_text (sqlite3_stmt *row,
          int           column)
{
  return (const char *) sqlite3_column_text (row, column);
}

static void
add_leaves (sqlite3_stmt *row,
            gpointer      leaves)
{
  for (gint64 n = sqlite3_column_int64 (row, 2); n > 0; n--)
    g_ptr_array_add (leaves, cbs_entry_new_leave (get_text (row, 0), get_text (row, 1)));
}

/**
 * cbs_log_load_leaves:
 * @db: a database of this version
 * @error: return location for a #GError
 *
 * Makes the LEAVEs that those who are online in a log have not left there.
 *
 * Returns: (transfer full) (element-type CbsEntry): entries that are not
 *   committed; %NULL with an error as [func@Cbs.sqlite_set_error] sets it
 */
GPtrArray *
cbs_log_load_leaves (sqlite3 *db,
                     GError **error)
{
  g_autoptr (GPtrArray) leaves = g_ptr_array_new_with_free_func ((GDestroyNotify) cbs_entry_unref);

  if (!read_rows (db, "SELECT key, name, online FROM users WHERE online > 0 ORDER BY id",
                  add_leaves, leaves, error))
    return NULL;

  return g_steal_pointer (&leaves);
}

static void
add_user (sqlite3_stmt *row,
          UsersData    *data)
{
  const char *key = get_text (row, 0);
  CbsHolder *holder = cbs_holders_add (data->holders, key);

  data->user = cbs_log_snapshot_add_user (data->snapshot, key, get_text (row, 1));
  data->user->since = sqlite3_column_int64 (row, 2);
  holder->since = data->user->since;
  holder->address = g_strdup (get_text (row, 3));
  holder->used_us = sqlite3_column_int64 (row, 4);
  holder->released = sqlite3_column_int (row, 5) != 0;
}

/* That a name can't be reserved takes another edition of Unicode: its owner
 * still has it, but a name that looks like it can be taken meanwhile. */
static void
add_key (sqlite3_stmt *row,
         UsersData    *data)
{
  g_autoptr (CbName) name = cb_name_new (data->user->name, NULL);
  const char *id = get_text (row, 6);
  const gint64 added_us = sqlite3_column_int64 (row, 7);

  cbs_log_user_add_key (data->user, id, added_us);
  cbs_holders_add_key (data->holders, data->user->key, id, added_us);
  if (name != NULL)
    cbs_holders_reserve (data->holders, name);
}

/* A user comes once for each of its keys. */
static void
add_user_or_key (sqlite3_stmt *row,
                 gpointer      target)
{
  UsersData *data = target;

  if (data->user == NULL || strcmp (data->user->key, get_text (row, 0)) != 0)
    add_user (row, data);
  if (get_text (row, 6) != NULL)
    add_key (row, data);
}

static void
add_block (sqlite3_stmt *row,
           gpointer      snapshot)
{
  cbs_log_snapshot_add_block (snapshot, get_text (row, 0), get_text (row, 1));
}

static void
add_marker (sqlite3_stmt *row,
            gpointer      snapshot)
{
  const char *dest = get_text (row, 1);

  cbs_log_snapshot_add_marker (snapshot, get_text (row, 0), *dest != '\0' ? dest : NULL,
                               sqlite3_column_int64 (row, 2));
}

static void
set_id (sqlite3_stmt *row,
        gpointer      target)
{
  CbsLogSnapshot *snapshot = target;

  g_free (snapshot->id);
  snapshot->id = g_strdup (get_text (row, 0));
}

/**
 * cbs_log_load_snapshot:
 * @db: a database of this version in which nobody is online
 * @holders: new holders, to which those of the database are added
 * @error: return location for a #GError
 *
 * Reads what all the entries together have led to.
 *
 * Returns: (transfer full): a snapshot whose head is not set; %NULL with an
 *   error as [func@Cbs.sqlite_set_error] sets it
 */
CbsLogSnapshot *
cbs_log_load_snapshot (sqlite3    *db,
                       CbsHolders *holders,
                       GError    **error)
{
  g_autoptr (CbsLogSnapshot) snapshot = cbs_log_snapshot_new ();
  UsersData data = { .snapshot = snapshot, .holders = holders };

  if (!read_rows (db,
                  "SELECT users.key, name, since, address, used_us, released, keys.key, added_us"
                  " FROM users LEFT JOIN keys ON keys.user = users.key ORDER BY users.id, keys.id",
                  add_user_or_key, &data, error) ||
      !read_rows (db, "SELECT src, dest FROM blocks", add_block, snapshot, error) ||
      !read_rows (db, "SELECT src, dest, seq FROM read_markers", add_marker, snapshot, error) ||
      !read_rows (db, "SELECT value FROM meta WHERE name = 'id'", set_id, snapshot, error))
    return NULL;

  return g_steal_pointer (&snapshot);
}
