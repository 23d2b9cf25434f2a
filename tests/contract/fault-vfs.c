/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "contract/fault-vfs.h"

#include <sqlite3.h>

/* What happens to the files of one kind; under the mutex. */
typedef struct
{
  const sqlite3_io_methods *real;
  sqlite3_io_methods        methods;
  gint64                    room; /* bytes that such a file may have; -1: no bound */
  gint64                    end;  /* of what was written last */
  gboolean                  fails_syncs;
  guint                     n_syncs;
} Fault;

static sqlite3_vfs *unix_vfs;
static sqlite3_vfs vfs;

static GMutex mutex;
static GCond cond;
static Fault faults[N_FAULT_FILES];
static gboolean holds_syncs;
static guint n_held;

static int
write_to (FaultFile     kind,
          sqlite3_file *file,
          const void   *data,
          int           len,
          sqlite3_int64 offset)
{
  gint64 room = 0;

  g_mutex_lock (&mutex);
  room = faults[kind].room;
  if (room < 0 || offset + len <= room)
    faults[kind].end = offset + len;
  g_mutex_unlock (&mutex);

  if (room >= 0 && offset + len > room)
    return SQLITE_FULL;
  return faults[kind].real->xWrite (file, data, len, offset);
}

static int
write_wal (sqlite3_file *file,
           const void   *data,
           int           len,
           sqlite3_int64 offset)
{
  return write_to (FAULT_WAL, file, data, len, offset);
}

static int
write_database (sqlite3_file *file,
                const void   *data,
                int           len,
                sqlite3_int64 offset)
{
  return write_to (FAULT_DATABASE, file, data, len, offset);
}

static int
sync_to (FaultFile     kind,
         sqlite3_file *file,
         int           flags)
{
  gboolean fails = FALSE;

  g_mutex_lock (&mutex);
  n_held++;
  g_cond_broadcast (&cond);
  while (holds_syncs)
    g_cond_wait (&cond, &mutex);
  n_held--;
  faults[kind].n_syncs++;
  fails = faults[kind].fails_syncs;
  g_mutex_unlock (&mutex);

  return fails ? SQLITE_IOERR_FSYNC : faults[kind].real->xSync (file, flags);
}

static int
sync_wal (sqlite3_file *file,
          int           flags)
{
  return sync_to (FAULT_WAL, file, flags);
}

static int
sync_database (sqlite3_file *file,
               int           flags)
{
  return sync_to (FAULT_DATABASE, file, flags);
}

/* The file is the real one's, with two of its methods replaced. */
static int
open_file (sqlite3_vfs  *self,
           const char   *name,
           sqlite3_file *file,
           int           flags,
           int          *out_flags)
{
  const int code = unix_vfs->xOpen (unix_vfs, name, file, flags, out_flags);
  const FaultFile kind = (flags & SQLITE_OPEN_WAL) != 0 ? FAULT_WAL : FAULT_DATABASE;
  Fault *fault = &faults[kind];

  if (code != SQLITE_OK || (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_DB)) == 0)
    return code;

  g_mutex_lock (&mutex);
  if (fault->real == NULL)
    {
      fault->real = file->pMethods;
      fault->methods = *file->pMethods;
      fault->methods.xWrite = kind == FAULT_WAL ? write_wal : write_database;
      fault->methods.xSync = kind == FAULT_WAL ? sync_wal : sync_database;
    }
  g_assert_true (file->pMethods == fault->real);
  file->pMethods = &fault->methods;
  g_mutex_unlock (&mutex);
  return SQLITE_OK;
}

/* Makes it the disk of every database that is opened from now on. */
void
fault_vfs_install (void)
{
  unix_vfs = sqlite3_vfs_find ("unix");
  g_assert_nonnull (unix_vfs);

  vfs = *unix_vfs;
  vfs.zName = "fault";
  vfs.pNext = NULL;
  vfs.xOpen = open_file;
  g_assert_cmpint (sqlite3_vfs_register (&vfs, 1), ==, SQLITE_OK);
  fault_vfs_reset ();
}

/* Makes the disk work again. */
void
fault_vfs_reset (void)
{
  g_mutex_lock (&mutex);
  for (guint i = 0; i < N_FAULT_FILES; i++)
    {
      faults[i].room = -1;
      faults[i].fails_syncs = FALSE;
      faults[i].n_syncs = 0;
    }
  holds_syncs = FALSE;
  g_cond_broadcast (&cond);
  g_mutex_unlock (&mutex);
}

/* Lets no file of the kind grow beyond that size; -1: there is room again. */
void
fault_vfs_set_room (FaultFile kind,
                    gint64    bytes)
{
  g_mutex_lock (&mutex);
  faults[kind].room = bytes;
  g_mutex_unlock (&mutex);
}

/* Has every fsync of the kind fail from now on. */
void
fault_vfs_fail_syncs (FaultFile kind)
{
  g_mutex_lock (&mutex);
  faults[kind].fails_syncs = TRUE;
  g_mutex_unlock (&mutex);
}

/* Has every fsync wait from now on. */
void
fault_vfs_hold_syncs (void)
{
  g_mutex_lock (&mutex);
  holds_syncs = TRUE;
  g_mutex_unlock (&mutex);
}

/* Waits until an fsync is held. */
void
fault_vfs_wait_for_sync (void)
{
  g_mutex_lock (&mutex);
  while (n_held == 0)
    g_cond_wait (&cond, &mutex);
  g_mutex_unlock (&mutex);
}

/* Lets what waits go on. */
void
fault_vfs_release_syncs (void)
{
  g_mutex_lock (&mutex);
  holds_syncs = FALSE;
  g_cond_broadcast (&cond);
  g_mutex_unlock (&mutex);
}

guint
fault_vfs_count_syncs (FaultFile kind)
{
  guint n_syncs = 0;

  g_mutex_lock (&mutex);
  n_syncs = faults[kind].n_syncs;
  g_mutex_unlock (&mutex);
  return n_syncs;
}

/* Where the write ended that was the last one: the file itself may be longer. */
gint64
fault_vfs_get_end (FaultFile kind)
{
  gint64 end = 0;

  g_mutex_lock (&mutex);
  end = faults[kind].end;
  g_mutex_unlock (&mutex);
  return end;
}
