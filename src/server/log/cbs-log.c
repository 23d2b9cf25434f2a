/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-log-private.h"

enum
{
  COMMITTED,
  FAILED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_QUARK (cbs-log-error-quark, cbs_log_error)

G_DEFINE_ENUM_TYPE (CbsLogState, cbs_log_state,
                    G_DEFINE_ENUM_VALUE (CBS_LOG_STATE_CLOSED, "closed"),
                    G_DEFINE_ENUM_VALUE (CBS_LOG_STATE_CONNECTED, "connected"),
                    G_DEFINE_ENUM_VALUE (CBS_LOG_STATE_STALLED, "stalled"),
                    G_DEFINE_ENUM_VALUE (CBS_LOG_STATE_FAILED, "failed"))

G_DEFINE_INTERFACE (CbsLog, cbs_log, G_TYPE_OBJECT)

static void
cbs_log_default_init (CbsLogInterface *iface)
{
  /**
   * CbsLog:state:
   *
   * Whether the log takes entries.
   */
  g_object_interface_install_property (iface,
                                       g_param_spec_enum ("state", NULL, NULL,
                                                          CBS_TYPE_LOG_STATE, CBS_LOG_STATE_CLOSED,
                                                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  /**
   * CbsLog:indexed:
   *
   * Sequence up to which a search has seen the log: what was stored later it
   * does not find yet. 0 while the log is not open.
   */
  g_object_interface_install_property (iface,
                                       g_param_spec_int64 ("indexed", NULL, NULL,
                                                           0, G_MAXINT64, 0,
                                                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  /**
   * CbsLog::committed:
   * @self: a log
   * @entries: (element-type CbsEntry): what was stored, at least one entry
   *
   * Entries are on disk: all that came since the log was opened, in order,
   * without a gap, each once. It precedes the answers to their appends.
   */
  signals[COMMITTED] =
    g_signal_new ("committed", CBS_TYPE_LOG, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_PTR_ARRAY | G_SIGNAL_TYPE_STATIC_SCOPE);

  /**
   * CbsLog::failed:
   * @self: a log
   * @error: what happened
   *
   * The storage has failed, and nothing can be promised any more: the process
   * has to end. All appends have been answered by an error before.
   */
  signals[FAILED] =
    g_signal_new ("failed", CBS_TYPE_LOG, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_ERROR | G_SIGNAL_TYPE_STATIC_SCOPE);
}

/* Tells what was stored. Nothing is emitted for an empty batch. */
void
cbs_log_emit_committed (CbsLog    *self,
                        GPtrArray *entries)
{
  if (entries->len > 0)
    g_signal_emit (self, signals[COMMITTED], 0, entries);
}

/* Tells that the storage has failed. */
void
cbs_log_emit_failed (CbsLog       *self,
                     const GError *error)
{
  g_signal_emit (self, signals[FAILED], 0, error);
}

GError *
cbs_log_new_closed_error (void)
{
  return g_error_new_literal (CBS_LOG_ERROR, CBS_LOG_ERROR_CLOSED, "The log is not open");
}

/* Who asked for the name reads this as INFO: it is the assignment's own text, full stop included. */
GError *
cbs_log_new_name_taken_error (void)
{
  return g_error_new_literal (CBS_LOG_ERROR, CBS_LOG_ERROR_NAME_TAKEN,
                              "The provided username is already in use.");
}

static void
key_free (CbsLogKey *self)
{
  g_free (self->id);
  g_free (self);
}

static void
user_free (CbsLogUser *user)
{
  g_free (user->key);
  g_free (user->name);
  g_ptr_array_unref (user->keys);
  g_free (user);
}

static void
marker_free (CbsLogMarker *self)
{
  g_free (self->src);
  g_free (self->dest);
  g_free (self);
}

static void
block_free (CbsLogBlock *block)
{
  g_free (block->src);
  g_free (block->dest);
  g_free (block);
}

/**
 * cbs_log_snapshot_new:
 *
 * Makes the snapshot of an empty log.
 *
 * Returns: (transfer full): a snapshot
 */
CbsLogSnapshot *
cbs_log_snapshot_new (void)
{
  CbsLogSnapshot *self = g_new0 (CbsLogSnapshot, 1);

  self->users = g_ptr_array_new_with_free_func ((GDestroyNotify) user_free);
  self->blocks = g_ptr_array_new_with_free_func ((GDestroyNotify) block_free);
  self->markers = g_ptr_array_new_with_free_func ((GDestroyNotify) marker_free);
  return self;
}

/**
 * cbs_log_snapshot_add_user:
 * @self: a snapshot
 * @key: who it is
 * @name: the name as it was last shown
 *
 * Adds a user who joined first after all that were added before.
 *
 * Returns: (transfer none): the user, with one holder and no keys
 */
CbsLogUser *
cbs_log_snapshot_add_user (CbsLogSnapshot *self,
                           const char     *key,
                           const char     *name)
{
  CbsLogUser *user = NULL;

  g_return_val_if_fail (self != NULL, NULL);

  user = g_new0 (CbsLogUser, 1);
  user->key = g_strdup (key);
  user->name = g_strdup (name);
  user->keys = g_ptr_array_new_with_free_func ((GDestroyNotify) key_free);
  g_ptr_array_add (self->users, user);
  return user;
}

/**
 * cbs_log_user_add_key:
 * @self: a user of a snapshot
 * @id: SHA-256 of the public key, 64 hexadecimal digits
 * @added_us: when it came to the name, microseconds since the epoch, UTC
 *
 * Adds a key that owns the name.
 */
void
cbs_log_user_add_key (CbsLogUser *self,
                      const char *id,
                      gint64      added_us)
{
  CbsLogKey *key = NULL;

  g_return_if_fail (self != NULL);

  key = g_new0 (CbsLogKey, 1);
  key->id = g_strdup (id);
  key->added_us = added_us;
  g_ptr_array_add (self->keys, key);
}

/**
 * cbs_log_snapshot_add_marker:
 * @self: a snapshot
 * @src: key of the user who has read
 * @dest: (nullable): key of the user at the other end; %NULL: what was said to everybody
 * @seq: sequence up to which it has read
 *
 * Adds a read marker.
 */
void
cbs_log_snapshot_add_marker (CbsLogSnapshot *self,
                             const char     *src,
                             const char     *dest,
                             gint64          seq)
{
  CbsLogMarker *marker = NULL;

  g_return_if_fail (self != NULL);

  marker = g_new0 (CbsLogMarker, 1);
  marker->src = g_strdup (src);
  marker->dest = g_strdup (dest);
  marker->seq = seq;
  g_ptr_array_add (self->markers, marker);
}

/**
 * cbs_log_snapshot_add_block:
 * @self: a snapshot
 * @src: key of the user who blocks
 * @dest: key of the user who is blocked
 *
 * Adds a block in force.
 */
void
cbs_log_snapshot_add_block (CbsLogSnapshot *self,
                            const char     *src,
                            const char     *dest)
{
  CbsLogBlock *block = NULL;

  g_return_if_fail (self != NULL);

  block = g_new0 (CbsLogBlock, 1);
  block->src = g_strdup (src);
  block->dest = g_strdup (dest);
  g_ptr_array_add (self->blocks, block);
}

/**
 * cbs_log_snapshot_free:
 * @self: (transfer full): a snapshot
 *
 * Frees a snapshot.
 */
void
cbs_log_snapshot_free (CbsLogSnapshot *self)
{
  g_return_if_fail (self != NULL);

  g_ptr_array_unref (self->users);
  g_ptr_array_unref (self->blocks);
  g_ptr_array_unref (self->markers);
  g_free (self->id);
  g_free (self);
}

/**
 * cbs_log_open_async:
 * @self: a log that is not open
 * @node: id of this server node
 * @callback: (scope async): called when it is open
 * @user_data: data for @callback
 *
 * Opens the log. What an earlier run left behind is reaped first: a LEAVE for
 * every name that it held; then comes a NODE_UP. The snapshot holds these
 * already; [signal@Cbs.Log::committed] tells what comes behind it.
 */
void
cbs_log_open_async (CbsLog             *self,
                    const char         *node,
                    GAsyncReadyCallback callback,
                    gpointer            user_data)
{
  g_return_if_fail (CBS_IS_LOG (self));
  g_return_if_fail (node != NULL);

  CBS_LOG_GET_IFACE (self)->open_async (self, node, callback, user_data);
}

/**
 * cbs_log_open_finish:
 * @self: a log
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Completes [method@Cbs.Log.open_async].
 *
 * Returns: (transfer full): what the log holds; %NULL with
 *   %CBS_LOG_ERROR_BUSY, %CBS_LOG_ERROR_NEWER, %CBS_LOG_ERROR_FULL or
 *   %CBS_LOG_ERROR_FAILED
 */
CbsLogSnapshot *
cbs_log_open_finish (CbsLog       *self,
                     GAsyncResult *result,
                     GError      **error)
{
  g_return_val_if_fail (CBS_IS_LOG (self), NULL);

  return CBS_LOG_GET_IFACE (self)->open_finish (self, result, error);
}

/**
 * cbs_log_append_async:
 * @self: an open log
 * @entry: an entry that was never appended; not to be changed any more
 * @callback: (scope async): called when it is stored, or can't be
 * @user_data: data for @callback
 *
 * Appends an entry. The order of calls is the order in the log. A JOIN is
 * conditional on its name being free, or its user's: the log says what it has
 * led to in the entry, before [signal@Cbs.Log::committed] tells of it. An
 * entry whose token is stored already is answered with the sequence of that
 * one and not stored again. A READ moves its marker if that is farther, and is
 * answered with the head; nobody else is told.
 */
void
cbs_log_append_async (CbsLog             *self,
                      CbsEntry           *entry,
                      GAsyncReadyCallback callback,
                      gpointer            user_data)
{
  g_return_if_fail (CBS_IS_LOG (self));
  g_return_if_fail (entry != NULL);
  g_return_if_fail (entry->seq == 0);
  g_return_if_fail (entry->kind != CBS_ENTRY_JOIN || entry->name != NULL);

  CBS_LOG_GET_IFACE (self)->append_async (self, entry, callback, user_data);
}

/**
 * cbs_log_append_finish:
 * @self: a log
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Completes [method@Cbs.Log.append_async].
 *
 * Returns: the sequence, from 1; -1 with nothing stored: JOIN with
 *   %CBS_LOG_ERROR_NAME_TAKEN, %CBS_LOG_ERROR_NAME_OWNED or
 *   %CBS_LOG_ERROR_NAME_HELD, KEY_ADD and KEY_REVOKE with %CBS_LOG_ERROR_KEYS,
 *   all with %CBS_LOG_ERROR_FULL, %CBS_LOG_ERROR_CLOSED or %CBS_LOG_ERROR_FAILED
 */
gint64
cbs_log_append_finish (CbsLog       *self,
                       GAsyncResult *result,
                       GError      **error)
{
  g_return_val_if_fail (CBS_IS_LOG (self), -1);

  return CBS_LOG_GET_IFACE (self)->append_finish (self, result, error);
}

/**
 * cbs_log_measure_async:
 * @self: an open log
 * @query: which messages; copied
 * @cancellable: (nullable): to give up
 * @callback: (scope async): called when it is known
 * @user_data: data for @callback
 *
 * Finds out how much a query would return.
 */
void
cbs_log_measure_async (CbsLog             *self,
                       const CbsLogQuery  *query,
                       GCancellable       *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer            user_data)
{
  g_return_if_fail (CBS_IS_LOG (self));
  g_return_if_fail (query != NULL);
  g_return_if_fail (query->viewer != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  CBS_LOG_GET_IFACE (self)->measure_async (self, query, cancellable, callback, user_data);
}

/**
 * cbs_log_measure_finish:
 * @self: a log
 * @result: the result given to the callback
 * @out_extent: (out): how much it is
 * @error: return location for a #GError
 *
 * Completes [method@Cbs.Log.measure_async].
 *
 * Returns: %TRUE; %FALSE with %CBS_LOG_ERROR_CLOSED, %CBS_LOG_ERROR_FAILED or
 *   %G_IO_ERROR_CANCELLED, and @out_extent untouched
 */
gboolean
cbs_log_measure_finish (CbsLog       *self,
                        GAsyncResult *result,
                        CbsLogExtent *out_extent,
                        GError      **error)
{
  g_return_val_if_fail (CBS_IS_LOG (self), FALSE);
  g_return_val_if_fail (out_extent != NULL, FALSE);

  return CBS_LOG_GET_IFACE (self)->measure_finish (self, result, out_extent, error);
}

/**
 * cbs_log_read_async:
 * @self: an open log
 * @query: which messages; copied
 * @cancellable: (nullable): to give up
 * @callback: (scope async): called when they are here
 * @user_data: data for @callback
 *
 * Reads messages.
 */
void
cbs_log_read_async (CbsLog             *self,
                    const CbsLogQuery  *query,
                    GCancellable       *cancellable,
                    GAsyncReadyCallback callback,
                    gpointer            user_data)
{
  g_return_if_fail (CBS_IS_LOG (self));
  g_return_if_fail (query != NULL);
  g_return_if_fail (query->viewer != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  CBS_LOG_GET_IFACE (self)->read_async (self, query, cancellable, callback, user_data);
}

/**
 * cbs_log_read_finish:
 * @self: a log
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Completes [method@Cbs.Log.read_async].
 *
 * Returns: (transfer full) (element-type CbsEntry): the messages, oldest
 *   first, or the best first if that was asked for; %NULL with
 *   %CBS_LOG_ERROR_CLOSED, %CBS_LOG_ERROR_FAILED, %G_IO_ERROR_CANCELLED, or of
 *   a search %G_IO_ERROR_INVALID_ARGUMENT if its text can't be looked for,
 *   %G_IO_ERROR_TIMED_OUT if it took too long, and %CBS_LOG_ERROR_FULL if
 *   there is no room for its index
 */
GPtrArray *
cbs_log_read_finish (CbsLog       *self,
                     GAsyncResult *result,
                     GError      **error)
{
  g_return_val_if_fail (CBS_IS_LOG (self), NULL);

  return CBS_LOG_GET_IFACE (self)->read_finish (self, result, error);
}

/**
 * cbs_log_close_async:
 * @self: an open log
 * @callback: (scope async): called when it is closed
 * @user_data: data for @callback
 *
 * Closes the log: what was asked of it before is done first; what is asked
 * later fails with %CBS_LOG_ERROR_CLOSED.
 */
void
cbs_log_close_async (CbsLog             *self,
                     GAsyncReadyCallback callback,
                     gpointer            user_data)
{
  g_return_if_fail (CBS_IS_LOG (self));

  CBS_LOG_GET_IFACE (self)->close_async (self, callback, user_data);
}

/**
 * cbs_log_close_finish:
 * @self: a log
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Completes [method@Cbs.Log.close_async].
 *
 * Returns: %TRUE; %FALSE with %CBS_LOG_ERROR_CLOSED if it was not open
 */
gboolean
cbs_log_close_finish (CbsLog       *self,
                      GAsyncResult *result,
                      GError      **error)
{
  g_return_val_if_fail (CBS_IS_LOG (self), FALSE);

  return CBS_LOG_GET_IFACE (self)->close_finish (self, result, error);
}

/**
 * cbs_log_get_state:
 * @self: a log
 *
 * Gets whether the log takes entries.
 *
 * Returns: the state
 */
CbsLogState
cbs_log_get_state (CbsLog *self)
{
  CbsLogState state = CBS_LOG_STATE_CLOSED;

  g_return_val_if_fail (CBS_IS_LOG (self), CBS_LOG_STATE_CLOSED);

  g_object_get (self, "state", &state, NULL);
  return state;
}

/**
 * cbs_log_get_indexed:
 * @self: a log
 *
 * Gets how far a search sees.
 *
 * Returns: sequence up to which a search has seen the log
 */
gint64
cbs_log_get_indexed (CbsLog *self)
{
  gint64 indexed = 0;

  g_return_val_if_fail (CBS_IS_LOG (self), 0);

  g_object_get (self, "indexed", &indexed, NULL);
  return indexed;
}
