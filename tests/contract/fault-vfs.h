/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A disk for SQLite that fills up, fails and hesitates as a test wants it to.
 * All else is the real one. A process has one, and any thread may set it. */

/**
 * FaultFile:
 * @FAULT_WAL: the write-ahead log
 * @FAULT_DATABASE: the database itself
 * @FAULT_SEARCH: the write-ahead log of the index for searches
 *
 * Where something goes wrong.
 */
typedef enum
{
  FAULT_WAL,
  FAULT_DATABASE,
  FAULT_SEARCH,
  N_FAULT_FILES
} FaultFile;

void   fault_vfs_install (void);
void   fault_vfs_reset (void);
void   fault_vfs_set_room (FaultFile file,
                           gint64    bytes);
void   fault_vfs_fail_syncs (FaultFile file);
void   fault_vfs_hold_syncs (void);
void   fault_vfs_wait_for_sync (void);
void   fault_vfs_release_syncs (void);
void   fault_vfs_die_at (guint    step,
                         gboolean torn);
guint  fault_vfs_count_syncs (FaultFile file);
gint64 fault_vfs_get_end (FaultFile file);

G_END_DECLS
