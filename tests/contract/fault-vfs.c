/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "contract/fault-vfs.h"

#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

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
static guint steps_left; /* writes and syncs up to that at which the process dies; 0: it does not */
static gboolean dies_torn; /* within a write, not before it */

static gboolean
is_last_step (void)
{
  gboolean is_last = FALSE;

  g_mutex_lock (&mutex);
  is_last = steps_left > 0 && --steps_left == 0;
  g_mutex_unlock (&mutex);
  return is_last;
}

static void G_GNUC_NORETURN
die (void)
{
  kill (getpid (), SIGKILL);
  for (;;)
    pause ();
}

static int
write_to (FaultFile     kind,
          sqlite3_file *file,
          const void   *data,
          int           len,
          sqlite3_int64 offset)
{
  gint64 room = 0;

  if (is_last_step ())
    {
      if (dies_torn)
        faults[kind].real->xWrite (file, data, len / 2, offset);
      die ();
    }

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

  if (is_last_step ())
    die ();

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

/* All that happens to the write-ahead log of the index is that its room ends. */
static int
write_search (sqlite3_file *file,
              const void   *data,
              int           len,
              sqlite3_int64 offset)
{
  gint64 room = 0;

  g_mutex_lock (&mutex);
  room = faults[FAULT_SEARCH].room;
  g_mutex_unlock (&mutex);
  return room >= 0 && offset + len > room ? SQLITE_FULL : faults[FAULT_SEARCH].real->xWrite (file, data, len, offset);
}

/* Where the file belongs; N_FAULT_FILES: it is the real one. */
static FaultFile
get_kind (const char *name,
          int         flags)
{
  const gboolean is_search = name != NULL && strstr (name, "/search.sqlite") != NULL;

  if ((flags & SQLITE_OPEN_WAL) != 0)
    return is_search ? FAULT_SEARCH : FAULT_WAL;
  return (flags & SQLITE_OPEN_MAIN_DB) != 0 && !is_search ? FAULT_DATABASE : N_FAULT_FILES;
}

static void
replace_methods (FaultFile                 kind,
                 const sqlite3_io_methods *real)
{
  Fault *fault = &faults[kind];

  fault->real = real;
  fault->methods = *real;
  if (kind == FAULT_SEARCH)
    {
      fault->methods.xWrite = write_search;
      return;
    }
  fault->methods.xWrite = kind == FAULT_WAL ? write_wal : write_database;
  fault->methods.xSync = kind == FAULT_WAL ? sync_wal : sync_database;
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
  const FaultFile kind = get_kind (name, flags);
  Fault *fault = NULL;

  if (code != SQLITE_OK || kind == N_FAULT_FILES)
    return code;

  g_mutex_lock (&mutex);
  fault = &faults[kind];
  if (fault->real == NULL)
    replace_methods (kind, file->pMethods);
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

/* Has the process killed at that write or sync, counted from 1: before it, or in the middle of a write. */
void
fault_vfs_die_at (guint    step,
                  gboolean torn)
{
  g_mutex_lock (&mutex);
  steps_left = step;
  dies_torn = torn;
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
