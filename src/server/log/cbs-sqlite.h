/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <sqlite3.h>

G_BEGIN_DECLS

/* How long a connection waits for a lock: only a person who looks at the database with another
 * program can hold one for longer than an instant. */
#define CBS_SQLITE_BUSY_MS 5000

/* The parts of SQLite that the log needs, with GError. A connection is used by one thread. */
sqlite3      *cbs_sqlite_open (const char *path,
                               int         flags,
                               GError    **error);
void          cbs_sqlite_set_error (sqlite3 *db,
                                    GError **error);
gboolean      cbs_sqlite_exec (sqlite3    *db,
                               const char *sql,
                               GError    **error);
gboolean      cbs_sqlite_get_int (sqlite3    *db,
                                  const char *sql,
                                  gint64     *out_value,
                                  GError    **error);
sqlite3_stmt *cbs_sqlite_prepare (sqlite3    *db,
                                  const char *sql,
                                  GError    **error);
gboolean      cbs_sqlite_run (sqlite3_stmt *statement,
                              GError      **error);
void          cbs_sqlite_bind_text (sqlite3_stmt *statement,
                                    int           index,
                                    const char   *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (sqlite3, sqlite3_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (sqlite3_stmt, sqlite3_finalize)

G_END_DECLS
