/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-log-copy.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "server/log/cbs-log.h"

static gboolean
fail_errno (GError    **error,
            const char *what,
            const char *path,
            int         code)
{
  const gboolean is_full = code == ENOSPC || code == EDQUOT;

  g_set_error (error, CBS_LOG_ERROR, is_full ? CBS_LOG_ERROR_FULL : CBS_LOG_ERROR_FAILED,
               "%s “%s”: %s", what, path, g_strerror (code));
  return FALSE;
}

static gboolean
remove_file (const char *path,
             GError    **error)
{
  return g_unlink (path) == 0 || errno == ENOENT || fail_errno (error, "Can't remove", path, errno);
}

/* An empty file that nobody else can read, in place of what an attempt that was cut off
 * has left: SQLite would make one that everybody can. */
static gboolean
make_empty (const char *path,
            GError    **error)
{
  g_autofree char *journal = g_strconcat (path, "-journal", NULL);
  int fd = -1;

  if (!remove_file (journal, error) || !remove_file (path, error))
    return FALSE;

  fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail_errno (error, "Can't make", path, errno);

  close (fd);
  return TRUE;
}

static gboolean
sync_path (const char *path,
           int         flags,
           GError    **error)
{
  const int fd = open (path, flags | O_RDONLY | O_CLOEXEC);
  int code = 0;

  if (fd < 0)
    return fail_errno (error, "Can't open", path, errno);

  if (fsync (fd) != 0)
    code = errno;
  close (fd);
  return code == 0 || fail_errno (error, "Can't bring to the disk", path, code);
}

static gboolean
write_copy (sqlite3    *db,
            const char *path,
            GError    **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;

  if (!make_empty (path, error))
    return FALSE;
  statement = cbs_sqlite_prepare (db, "VACUUM INTO ?", error);
  if (statement == NULL)
    return FALSE;

  cbs_sqlite_bind_text (statement, 1, path);
  return cbs_sqlite_run (statement, error) && sync_path (path, 0, error);
}

/**
 * cbs_log_copy_keep:
 * @db: the database
 * @path: where its copy goes
 * @error: return location for a #GError
 *
 * Copies a database into a file of mode 0600, unless that is there: then it is
 * whole, and from before an attempt that was cut off. It appears in one piece,
 * once it is on the disk.
 *
 * Returns: %TRUE; %FALSE with %CBS_LOG_ERROR_FULL or %CBS_LOG_ERROR_FAILED
 */
gboolean
cbs_log_copy_keep (sqlite3    *db,
                   const char *path,
                   GError    **error)
{
  g_autofree char *unfinished = g_strconcat (path, ".part", NULL);
  g_autofree char *directory = g_path_get_dirname (path);

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;

  if (!write_copy (db, unfinished, error))
    {
      g_unlink (unfinished);
      return FALSE;
    }

  if (g_rename (unfinished, path) != 0)
    return fail_errno (error, "Can't make", path, errno);
  return sync_path (directory, O_DIRECTORY, error);
}
