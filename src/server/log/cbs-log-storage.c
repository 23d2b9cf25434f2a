/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-log-storage.h"

#include <unistd.h>

#include "server/log/cbs-log-directory.h"
#include "server/log/cbs-log-load.h"

/* Pages in the write-ahead log after which they are copied into the database (4 MiB). If that has
 * found no moment without readers, so that the file could begin anew, the reader has to pause (64 MiB). */
#define CHECKPOINT_FRAMES 1024
#define RESTART_FRAMES (16 * 1024)

/* Bytes of a write-ahead log as long as that: pages of 4 KiB, each with a header. */
#define WAL_SIZE ((sqlite3_int64) CHECKPOINT_FRAMES * (4096 + 24) + WAL_STEP)
#define WAL_STEP (64 * 1024)

typedef enum
{
  BEGIN,
  COMMIT,
  INSERT,
  FIND_TOKEN,
  JOIN,
  LEAVE,
  BLOCK,
  UNBLOCK,
  DROP_BLOCKS,
  DROP_MARKERS,
  ADD_KEY,
  REVOKE_KEY,
  READ,
  N_STATEMENTS
} StatementId;

static const char *const statement_sql[N_STATEMENTS] = {
  [BEGIN] = "BEGIN IMMEDIATE",
  [COMMIT] = "COMMIT",
  [INSERT] = "INSERT INTO entries (seq, time_us, kind, src, dest, token, wire_size, body)"
             " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  [FIND_TOKEN] = "SELECT seq FROM entries WHERE token = ?",
  [JOIN] = "INSERT INTO users (key, name, online, since, address, used_us) VALUES (?, ?, 1, ?, ?, ?)"
           " ON CONFLICT (key) DO UPDATE SET name = excluded.name, online = online + 1,"
           " since = excluded.since, address = excluded.address, used_us = excluded.used_us, released = 0",
  [LEAVE] = "UPDATE users SET online = max(online - 1, 0), used_us = ?2 WHERE key = ?1",
  [BLOCK] = "INSERT OR IGNORE INTO blocks (src, dest) VALUES (?, ?)",
  [UNBLOCK] = "DELETE FROM blocks WHERE src = ? AND dest = ?",
  [DROP_BLOCKS] = "DELETE FROM blocks WHERE src = ?",
  [DROP_MARKERS] = "DELETE FROM read_markers WHERE src = ?",
  [ADD_KEY] = "INSERT OR IGNORE INTO keys (user, key, added_us) VALUES (?, ?, ?)",
  [REVOKE_KEY] = "DELETE FROM keys WHERE user = ? AND key = ?",
  [READ] = "INSERT INTO read_markers (src, dest, seq) VALUES (?, ?, ?)"
           " ON CONFLICT (src, dest) DO UPDATE SET seq = max(seq, excluded.seq)",
};

struct _CbsLogStorage
{
  int           lock_fd;
  sqlite3      *db;
  sqlite3_stmt *statements[N_STATEMENTS];
  gint64        head;           /* of the transaction under way, too */
  gint64        committed_head; /* without it */
  gint64        time_us;        /* of the transaction; never goes back */
  int           n_frames;       /* pages in the write-ahead log */
  int           n_checkpointed; /* pages that were there at the last checkpoint */
};

/* The write-ahead log has grown, or begun anew. */
static int
wal_cb (gpointer    user_data,
        sqlite3    *db,
        const char *name,
        int         n_frames)
{
  CbsLogStorage *self = user_data;

  if (n_frames < self->n_frames)
    self->n_checkpointed = 0;
  self->n_frames = n_frames;
  return SQLITE_OK;
}

/* Fills the file of the write-ahead log with zeros up to where a checkpoint is due: when a commit
 * makes a file longer its file system has to log that, which is dearer than the commit itself. To
 * SQLite the zeros are what a longer log left behind, no frames. Where there is no room for them it
 * is as good without. */
static gboolean
extend_wal (sqlite3 *db,
            GError **error)
{
  g_autofree char *zeros = g_malloc0 (WAL_STEP);
  sqlite3_file *file = NULL;
  sqlite3_int64 size = 0;

  if (sqlite3_file_control (db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) != SQLITE_OK ||
      file == NULL || file->pMethods == NULL || file->pMethods->xFileSize (file, &size) != SQLITE_OK)
    return TRUE;

  while (size < WAL_SIZE && file->pMethods->xWrite (file, zeros, WAL_STEP, size) == SQLITE_OK)
    size += WAL_STEP;
  if (file->pMethods->xSync (file, SQLITE_SYNC_NORMAL) == SQLITE_OK)
    return TRUE;

  g_set_error_literal (error, CBS_LOG_ERROR, CBS_LOG_ERROR_FAILED,
                       "The write-ahead log can't be brought to the disk");
  return FALSE;
}

static gboolean
prepare_statements (CbsLogStorage *self,
                    GError       **error)
{
  for (guint i = 0; i < N_STATEMENTS; i++)
    {
      self->statements[i] = cbs_sqlite_prepare (self->db, statement_sql[i], error);
      if (self->statements[i] == NULL)
        return FALSE;
    }

  return TRUE;
}

/**
 * cbs_log_storage_open:
 * @directory: the state directory; made with mode 0700 if it is missing
 * @error: return location for a #GError
 *
 * Takes the directory for this process, and opens the database in it: a new
 * one is made with mode 0600, an older one is brought up to date.
 *
 * Returns: (transfer full): the storage; %NULL with %CBS_LOG_ERROR_BUSY,
 *   %CBS_LOG_ERROR_NEWER, %CBS_LOG_ERROR_FULL or %CBS_LOG_ERROR_FAILED
 */
CbsLogStorage *
cbs_log_storage_open (const char *directory,
                      GError    **error)
{
  g_autoptr (CbsLogStorage) self = g_new0 (CbsLogStorage, 1);

  self->lock_fd = cbs_log_directory_lock (directory, error);
  if (self->lock_fd < 0)
    return NULL;
  self->db = cbs_log_directory_open_writer (directory, error);
  if (self->db == NULL)
    return NULL;

  /* It takes the place of SQLite's own checkpoints, which would run inside of commits. */
  sqlite3_wal_hook (self->db, wal_cb, self);
  if (!prepare_statements (self, error) ||
      !cbs_sqlite_get_int (self->db, "SELECT max(seq) FROM entries", &self->head, error) ||
      !cbs_sqlite_get_int (self->db, "SELECT time_us FROM entries ORDER BY seq DESC LIMIT 1",
                           &self->time_us, error) ||
      !extend_wal (self->db, error))
    return NULL;

  self->committed_head = self->head;
  return g_steal_pointer (&self);
}

/**
 * cbs_log_storage_free:
 * @self: (transfer full): a storage
 *
 * Closes the database and gives the directory back. A transaction under way
 * is rolled back.
 */
void
cbs_log_storage_free (CbsLogStorage *self)
{
  g_return_if_fail (self != NULL);

  for (guint i = 0; i < N_STATEMENTS; i++)
    g_clear_pointer (&self->statements[i], sqlite3_finalize);
  g_clear_pointer (&self->db, sqlite3_close);
  if (self->lock_fd >= 0)
    close (self->lock_fd);
  g_free (self);
}

/**
 * cbs_log_storage_tidy_up:
 * @self: a storage that works
 *
 * Has the write-ahead log copied into the database when that is closed. It is
 * for an orderly end alone: it syncs, and an fsync that fails once may succeed
 * the next time without anything being on the disk.
 */
void
cbs_log_storage_tidy_up (CbsLogStorage *self)
{
  sqlite3_db_config (self->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
}

/**
 * cbs_log_storage_get_head:
 * @self: a storage
 *
 * Gets the sequence of the newest entry, what the transaction under way has
 * written included.
 *
 * Returns: a sequence; 0 if there is no entry
 */
gint64
cbs_log_storage_get_head (CbsLogStorage *self)
{
  return self->head;
}

/**
 * cbs_log_storage_get_time_us:
 * @self: a storage
 *
 * Gets what the entries of the latest transaction are stamped with.
 *
 * Returns: microseconds since the epoch, UTC
 */
gint64
cbs_log_storage_get_time_us (CbsLogStorage *self)
{
  return self->time_us;
}

/**
 * cbs_log_storage_begin:
 * @self: a storage
 * @error: return location for a #GError
 *
 * Begins a transaction.
 *
 * Returns: %TRUE; %FALSE with an error as [func@Cbs.sqlite_set_error] sets it
 */
gboolean
cbs_log_storage_begin (CbsLogStorage *self,
                       GError       **error)
{
  self->time_us = MAX (self->time_us, g_get_real_time ());
  return cbs_sqlite_run (self->statements[BEGIN], error);
}

/**
 * cbs_log_storage_commit:
 * @self: a storage with a transaction under way
 * @error: return location for a #GError
 *
 * Commits the transaction: afterwards all of it is on the disk.
 *
 * Returns: %TRUE; %FALSE with an error as [func@Cbs.sqlite_set_error] sets it
 */
gboolean
cbs_log_storage_commit (CbsLogStorage *self,
                        GError       **error)
{
  if (!cbs_sqlite_run (self->statements[COMMIT], error))
    return FALSE;

  self->committed_head = self->head;
  return TRUE;
}

/**
 * cbs_log_storage_roll_back:
 * @self: a storage
 * @error: return location for a #GError
 *
 * Takes back all that the transaction under way has written, if there is one.
 *
 * Returns: %TRUE; %FALSE with an error as [func@Cbs.sqlite_set_error] sets it
 */
gboolean
cbs_log_storage_roll_back (CbsLogStorage *self,
                           GError       **error)
{
  self->head = self->committed_head;

  /* After some errors SQLite has done it by itself. */
  return sqlite3_get_autocommit (self->db) || cbs_sqlite_exec (self->db, "ROLLBACK", error);
}

static gboolean
insert (CbsLogStorage  *self,
        const CbsEntry *entry,
        GError        **error)
{
  sqlite3_stmt *statement = self->statements[INSERT];
  gsize len = 0;
  const void *body = g_bytes_get_data (entry->body, &len);

  sqlite3_bind_int64 (statement, 1, self->head + 1);
  sqlite3_bind_int64 (statement, 2, self->time_us);
  sqlite3_bind_int (statement, 3, (int) entry->kind);
  cbs_sqlite_bind_text (statement, 4, entry->src);
  cbs_sqlite_bind_text (statement, 5, entry->dest);
  cbs_sqlite_bind_text (statement, 6, entry->token);
  sqlite3_bind_int64 (statement, 7, (gint64) entry->wire_size);
  sqlite3_bind_blob64 (statement, 8, len > 0 ? body : "", len, SQLITE_STATIC);
  return cbs_sqlite_run (statement, error);
}

/* Runs a statement whose parameters are one text or two. */
static gboolean
change (CbsLogStorage *self,
        StatementId    id,
        const char    *first,
        const char    *second,
        GError       **error)
{
  cbs_sqlite_bind_text (self->statements[id], 1, first);
  if (second != NULL)
    cbs_sqlite_bind_text (self->statements[id], 2, second);
  return cbs_sqlite_run (self->statements[id], error);
}

static gboolean
apply_key (CbsLogStorage  *self,
           const CbsEntry *entry,
           GError        **error)
{
  sqlite3_bind_int64 (self->statements[ADD_KEY], 3, self->time_us);
  return change (self, ADD_KEY, entry->src, entry->key_id, error);
}

static gboolean
apply_join (CbsLogStorage    *self,
            const CbsEntry   *entry,
            const CbsHolding *holding,
            GError          **error)
{
  sqlite3_stmt *statement = self->statements[JOIN];

  sqlite3_bind_int64 (statement, 3, holding->since);
  cbs_sqlite_bind_text (statement, 4, entry->address);
  sqlite3_bind_int64 (statement, 5, self->time_us);
  if (!change (self, JOIN, entry->src, cb_name_get_text (entry->name), error))
    return FALSE;

  /* What the former holder has left behind. */
  if (holding->passed &&
      (!change (self, DROP_BLOCKS, entry->src, NULL, error) ||
       !change (self, DROP_MARKERS, entry->src, NULL, error)))
    return FALSE;

  return !holding->is_first_key || apply_key (self, entry, error);
}

static gboolean
apply_leave (CbsLogStorage  *self,
             const CbsEntry *entry,
             GError        **error)
{
  sqlite3_bind_int64 (self->statements[LEAVE], 2, self->time_us);
  return change (self, LEAVE, entry->src, NULL, error);
}

/* What the entry changes besides the log. */
static gboolean
apply (CbsLogStorage    *self,
       const CbsEntry   *entry,
       const CbsHolding *holding,
       GError          **error)
{
  switch (entry->kind)
    {
    case CBS_ENTRY_JOIN:
      return apply_join (self, entry, holding, error);
    case CBS_ENTRY_LEAVE:
      return apply_leave (self, entry, error);
    case CBS_ENTRY_BLOCK:
      return change (self, BLOCK, entry->src, entry->dest, error);
    case CBS_ENTRY_UNBLOCK:
      return change (self, UNBLOCK, entry->src, entry->dest, error);
    case CBS_ENTRY_KEY_ADD:
      return apply_key (self, entry, error);
    case CBS_ENTRY_KEY_REVOKE:
      return change (self, REVOKE_KEY, entry->src, entry->key_id, error);
    case CBS_ENTRY_MESSAGE:
    case CBS_ENTRY_NODE_UP:
    case CBS_ENTRY_READ:
    default:
      return TRUE;
    }
}

/**
 * cbs_log_storage_write:
 * @self: a storage with a transaction under way
 * @entry: what has to be stored
 * @holding: (nullable): JOIN: what it leads to; otherwise not used
 * @error: return location for a #GError
 *
 * Puts an entry behind the head; a READ moves its marker alone. Whether it
 * may be stored is not asked here.
 *
 * Returns: %TRUE; %FALSE with an error as [func@Cbs.sqlite_set_error] sets it
 */
gboolean
cbs_log_storage_write (CbsLogStorage    *self,
                       const CbsEntry   *entry,
                       const CbsHolding *holding,
                       GError          **error)
{
  if (entry->kind == CBS_ENTRY_READ)
    {
      sqlite3_bind_int64 (self->statements[READ], 3, entry->marker);
      return change (self, READ, entry->src, entry->dest != NULL ? entry->dest : "", error);
    }

  if (!insert (self, entry, error) || !apply (self, entry, holding, error))
    return FALSE;

  self->head++;
  return TRUE;
}

/**
 * cbs_log_storage_find_token:
 * @self: a storage
 * @token: a token
 * @out_seq: (out): sequence of the entry that has it; 0: there is none
 * @error: return location for a #GError
 *
 * Looks for a token, in what the transaction under way has written, too.
 *
 * Returns: %TRUE; %FALSE with an error as [func@Cbs.sqlite_set_error] sets
 *   it, and @out_seq untouched
 */
gboolean
cbs_log_storage_find_token (CbsLogStorage *self,
                            const char    *token,
                            gint64        *out_seq,
                            GError       **error)
{
  sqlite3_stmt *statement = self->statements[FIND_TOKEN];
  int code = SQLITE_OK;

  cbs_sqlite_bind_text (statement, 1, token);
  code = sqlite3_step (statement);
  if (code == SQLITE_ROW)
    *out_seq = sqlite3_column_int64 (statement, 0);
  else if (code == SQLITE_DONE)
    *out_seq = 0;
  else
    cbs_sqlite_set_error (self->db, error);
  sqlite3_reset (statement);
  return code == SQLITE_ROW || code == SQLITE_DONE;
}

/**
 * cbs_log_storage_start_run:
 * @self: a storage
 * @node: id of this server node
 * @error: return location for a #GError
 *
 * Writes what stands at the beginning of a run: as many LEAVEs as were online
 * in the log, and a NODE_UP. Only this process uses the log, so those were
 * left there by a run that ended.
 *
 * Returns: %TRUE; %FALSE with an error as [func@Cbs.sqlite_set_error] sets it
 */
gboolean
cbs_log_storage_start_run (CbsLogStorage *self,
                           const char    *node,
                           GError       **error)
{
  g_autoptr (CbsEntry) node_up = cbs_entry_new_node_up (node);
  g_autoptr (GPtrArray) leaves = cbs_log_load_leaves (self->db, error);

  if (leaves == NULL || !cbs_log_storage_begin (self, error))
    return FALSE;
  for (guint i = 0; i < leaves->len; i++)
    {
      if (!cbs_log_storage_write (self, g_ptr_array_index (leaves, i), NULL, error))
        return FALSE;
    }

  return cbs_log_storage_write (self, node_up, NULL, error) &&
         cbs_log_storage_commit (self, error);
}

/**
 * cbs_log_storage_read_snapshot:
 * @self: a storage whose run was started
 * @holders: new holders, to which the log's are added
 * @error: return location for a #GError
 *
 * Reads what all the entries together have led to.
 *
 * Returns: (transfer full): a snapshot; %NULL with an error as
 *   [func@Cbs.sqlite_set_error] sets it
 */
CbsLogSnapshot *
cbs_log_storage_read_snapshot (CbsLogStorage *self,
                               CbsHolders    *holders,
                               GError       **error)
{
  CbsLogSnapshot *snapshot = cbs_log_load_snapshot (self->db, holders, error);

  if (snapshot != NULL)
    snapshot->head = self->head;
  return snapshot;
}

/* Has the write-ahead log begin anew. No query of ours is in the way, and for
 * those of others (a person who looks at the database) nobody waits. */
static int
restart_wal (CbsLogStorage *self,
             CbsLogPause   *pause)
{
  int code = SQLITE_OK;

  cbs_log_pause_begin (pause);
  sqlite3_busy_timeout (self->db, 0);
  code = sqlite3_wal_checkpoint_v2 (self->db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
  sqlite3_busy_timeout (self->db, CBS_SQLITE_BUSY_MS);
  cbs_log_pause_end (pause);
  return code;
}

/**
 * cbs_log_storage_checkpoint:
 * @self: a storage without a transaction under way
 * @pause: to get a moment without readers
 * @error: return location for a #GError
 *
 * Copies the write-ahead log into the database, if it has grown by enough.
 * That there is no room, or a reader in the way, does no harm: it is tried
 * again when there is more to copy.
 *
 * Returns: %TRUE; %FALSE with %CBS_LOG_ERROR_FAILED
 */
gboolean
cbs_log_storage_checkpoint (CbsLogStorage *self,
                            CbsLogPause   *pause,
                            GError       **error)
{
  g_autoptr (GError) local_error = NULL;
  int code = SQLITE_OK;

  if (self->n_frames - self->n_checkpointed < CHECKPOINT_FRAMES)
    return TRUE;

  self->n_checkpointed = self->n_frames;
  if (self->n_frames < RESTART_FRAMES)
    code = sqlite3_wal_checkpoint_v2 (self->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
  else
    code = restart_wal (self, pause);
  if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY)
    return TRUE;

  cbs_sqlite_set_error (self->db, &local_error);
  if (g_error_matches (local_error, CBS_LOG_ERROR, CBS_LOG_ERROR_FULL))
    return TRUE;

  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}
