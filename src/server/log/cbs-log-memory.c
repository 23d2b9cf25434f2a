/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-log-memory.h"

#include <string.h>

#include "server/log/cbs-append.h"
#include "server/log/cbs-log-private.h"
#include "server/log/cbs-mailbox.h"
#include "server/log/cbs-query.h"
#include "server/log/cbs-registry.h"

/**
 * CbsLogMemory:
 *
 * A log that ends with its object. It can be closed and opened again, and
 * then finds what it held.
 */
struct _CbsLogMemory
{
  GObject      parent_instance;
  CbsMailbox  *mailbox; /* of GTask: what was asked and is not done */
  GPtrArray   *entries; /* of CbsEntry: the one of sequence n stands at n - 1 */
  GHashTable  *tokens;  /* of CbsEntry, by token */
  CbsRegistry *registry;
  gint64       time_us; /* of the newest entry */
  CbsLogState  state;
  guint        closing : 1;
};

enum
{
  PROP_STATE = 1,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void cbs_log_memory_iface_init (CbsLogInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (CbsLogMemory, cbs_log_memory, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (CBS_TYPE_LOG, cbs_log_memory_iface_init))

static void
set_state (CbsLogMemory *self,
           CbsLogState   state)
{
  if (self->state == state)
    return;

  self->state = state;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATE]);
}

static void
store (CbsLogMemory *self,
       CbsEntry     *entry)
{
  self->time_us = MAX (self->time_us, g_get_real_time ());
  entry->seq = (gint64) self->entries->len + 1;
  entry->time_us = self->time_us;
  g_ptr_array_add (self->entries, cbs_entry_ref (entry));
  if (entry->token != NULL)
    g_hash_table_insert (self->tokens, entry->token, entry);
}

/* Stores an entry, or finds why not. */
static void
apply (CbsLogMemory *self,
       CbsAppend    *append)
{
  CbsEntry *entry = append->entry;
  const CbsEntry *earlier = NULL;

  if (entry->token != NULL)
    earlier = g_hash_table_lookup (self->tokens, entry->token);
  if (earlier != NULL)
    {
      append->seq = earlier->seq;
      return;
    }

  if (entry->kind == CBS_ENTRY_JOIN && !cbs_registry_claim (self->registry, entry->name))
    {
      append->error = cbs_log_new_name_taken_error ();
      return;
    }
  if (entry->kind == CBS_ENTRY_LEAVE)
    cbs_registry_release (self->registry, entry->src);
  cbs_registry_settle (self->registry);

  store (self, entry);
  append->seq = entry->seq;
  append->is_new = TRUE;
}

static void
commit (CbsLogMemory *self,
        GPtrArray    *appends)
{
  g_autoptr (GPtrArray) committed = g_ptr_array_new_with_free_func ((GDestroyNotify) cbs_entry_unref);

  for (guint i = 0; i < appends->len; i++)
    {
      CbsAppend *append = g_ptr_array_index (appends, i);

      apply (self, append);
      if (append->is_new)
        g_ptr_array_add (committed, cbs_entry_ref (append->entry));
    }

  cbs_log_emit_committed (CBS_LOG (self), committed);
  for (guint i = 0; i < appends->len; i++)
    cbs_append_answer (g_ptr_array_index (appends, i));
}

static void
drop_block (CbsLogSnapshot *snapshot,
            const CbsEntry *entry)
{
  for (guint i = 0; i < snapshot->blocks->len; i++)
    {
      const CbsLogBlock *block = g_ptr_array_index (snapshot->blocks, i);

      if (strcmp (block->src, entry->src) == 0 && strcmp (block->dest, entry->dest) == 0)
        {
          g_ptr_array_remove_index (snapshot->blocks, i);
          return;
        }
    }
}

static void
fold_join (CbsLogSnapshot *snapshot,
           GHashTable     *users,
           const CbsEntry *entry)
{
  CbsLogUser *user = g_hash_table_lookup (users, entry->src);
  gsize len = 0;
  const char *text = g_bytes_get_data (entry->body, &len);
  g_autofree char *name = g_strndup (text, len);

  if (user != NULL)
    {
      g_free (user->name);
      user->name = g_steal_pointer (&name);
      return;
    }

  cbs_log_snapshot_add_user (snapshot, entry->src, name);
  g_hash_table_insert (users, entry->src, g_ptr_array_index (snapshot->users, snapshot->users->len - 1));
}

/* What all the entries together have led to; who has not left is added to @online. */
static CbsLogSnapshot *
fold (CbsLogMemory *self,
      GHashTable   *online)
{
  g_autoptr (GHashTable) users = g_hash_table_new (g_str_hash, g_str_equal);
  CbsLogSnapshot *snapshot = cbs_log_snapshot_new ();

  for (guint i = 0; i < self->entries->len; i++)
    {
      const CbsEntry *entry = g_ptr_array_index (self->entries, i);

      switch (entry->kind)
        {
        case CBS_ENTRY_JOIN:
          fold_join (snapshot, users, entry);
          g_hash_table_add (online, entry->src);
          break;
        case CBS_ENTRY_LEAVE:
          g_hash_table_remove (online, entry->src);
          break;
        case CBS_ENTRY_BLOCK:
          drop_block (snapshot, entry);
          cbs_log_snapshot_add_block (snapshot, entry->src, entry->dest);
          break;
        case CBS_ENTRY_UNBLOCK:
          drop_block (snapshot, entry);
          break;
        case CBS_ENTRY_MESSAGE:
        case CBS_ENTRY_NODE_UP:
        default:
          break;
        }
    }

  return snapshot;
}

static void
reap (CbsLogMemory   *self,
      CbsLogSnapshot *snapshot,
      GHashTable     *online)
{
  for (guint i = 0; i < snapshot->users->len; i++)
    {
      const CbsLogUser *user = g_ptr_array_index (snapshot->users, i);
      g_autoptr (CbsEntry) leave = NULL;

      if (!g_hash_table_contains (online, user->key))
        continue;
      leave = cbs_entry_new_leave (user->key, user->name);
      cbs_registry_release (self->registry, user->key);
      store (self, leave);
    }
  cbs_registry_settle (self->registry);
}

static void
open (CbsLogMemory *self,
      GTask        *task)
{
  g_autoptr (GHashTable) online = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (CbsEntry) node_up = cbs_entry_new_node_up (g_task_get_task_data (task));
  CbsLogSnapshot *snapshot = NULL;

  if (self->state != CBS_LOG_STATE_CLOSED)
    {
      g_task_return_new_error (task, CBS_LOG_ERROR, CBS_LOG_ERROR_BUSY, "The log is open already");
      return;
    }

  snapshot = fold (self, online);
  reap (self, snapshot, online);
  store (self, node_up);
  snapshot->head = node_up->seq;
  set_state (self, CBS_LOG_STATE_CONNECTED);
  g_task_return_pointer (task, snapshot, (GDestroyNotify) cbs_log_snapshot_free);
}

/* Does what was asked since the last turn of the main loop. */
static void
mailbox_cb (GQueue  *items,
            gpointer user_data)
{
  g_autoptr (CbsLogMemory) self = g_object_ref (user_data);
  g_autoptr (GPtrArray) appends = g_ptr_array_new ();

  while (items->length > 0)
    {
      GTask *task = g_queue_pop_head (items);
      const gpointer tag = g_task_get_source_tag (task);

      if (tag == cbs_log_append_async)
        {
          g_ptr_array_add (appends, g_task_get_task_data (task));
          continue;
        }

      commit (self, appends);
      g_ptr_array_set_size (appends, 0);
      if (tag == cbs_log_open_async)
        open (self, task);
      else
        {
          self->closing = FALSE;
          set_state (self, CBS_LOG_STATE_CLOSED);
          g_task_return_boolean (task, TRUE);
        }
      g_object_unref (task);
    }
  commit (self, appends);
}

static void
cbs_log_memory_open_async (CbsLog             *log,
                           const char         *node,
                           GAsyncReadyCallback callback,
                           gpointer            user_data)
{
  GTask *task = g_task_new (log, NULL, callback, user_data);

  g_task_set_source_tag (task, cbs_log_open_async);
  g_task_set_task_data (task, g_strdup (node), g_free);
  cbs_mailbox_put (CBS_LOG_MEMORY (log)->mailbox, task);
}

static CbsLogSnapshot *
cbs_log_memory_open_finish (CbsLog       *log,
                            GAsyncResult *result,
                            GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, log), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_log_open_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

static gboolean
is_open (CbsLogMemory *self)
{
  return self->state == CBS_LOG_STATE_CONNECTED && !self->closing;
}

static void
cbs_log_memory_append_async (CbsLog             *log,
                             CbsEntry           *entry,
                             GAsyncReadyCallback callback,
                             gpointer            user_data)
{
  CbsLogMemory *self = CBS_LOG_MEMORY (log);
  CbsAppend *append = cbs_append_new (log, entry, cbs_log_append_async, callback, user_data);

  if (is_open (self))
    {
      cbs_mailbox_put (self->mailbox, append->task);
      return;
    }

  append->error = cbs_log_new_closed_error ();
  cbs_append_answer (append);
}

static gint64
cbs_log_memory_append_finish (CbsLog       *log,
                              GAsyncResult *result,
                              GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, log), -1);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_log_append_async), -1);

  return cbs_append_finish (result, error);
}

/* Where the newest messages begin that the query is limited to. */
static gint64
find_start (CbsLogMemory   *self,
            const CbsQuery *query,
            gint64          until)
{
  guint64 n_found = 0;

  if (query->newest == 0)
    return query->after;

  for (gint64 seq = until; seq > query->after; seq--)
    {
      const CbsEntry *entry = g_ptr_array_index (self->entries, seq - 1);

      if (cbs_query_shows (query, entry) && ++n_found == query->newest)
        return seq - 1;
    }

  return query->after;
}

/* Measures, and collects the messages in @entries if it is given. */
static CbsLogExtent
run_query (CbsLogMemory      *self,
           const CbsLogQuery *log_query,
           GPtrArray         *entries)
{
  g_autoptr (CbsQuery) query = cbs_query_new (log_query);
  const gint64 until = MIN (query->until, (gint64) self->entries->len);
  const gint64 after = find_start (self, query, until);
  CbsLogExtent extent = { .after = after, .until = after };

  for (gint64 seq = after + 1; seq <= until; seq++)
    {
      CbsEntry *entry = g_ptr_array_index (self->entries, seq - 1);

      if (!cbs_query_shows (query, entry))
        continue;
      if (!cbs_query_take (query, &extent, seq, entry->wire_size))
        break;
      if (entries != NULL)
        g_ptr_array_add (entries, cbs_entry_ref (entry));
    }

  return extent;
}

static void
cbs_log_memory_measure_async (CbsLog             *log,
                              const CbsLogQuery  *query,
                              GCancellable       *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer            user_data)
{
  CbsLogMemory *self = CBS_LOG_MEMORY (log);
  g_autoptr (GTask) task = g_task_new (log, cancellable, callback, user_data);
  CbsLogExtent extent = { 0, };

  g_task_set_source_tag (task, cbs_log_measure_async);
  if (!is_open (self))
    {
      g_task_return_error (task, cbs_log_new_closed_error ());
      return;
    }

  extent = run_query (self, query, NULL);
  g_task_set_task_data (task, g_memdup2 (&extent, sizeof extent), g_free);
  g_task_return_boolean (task, TRUE);
}

static gboolean
cbs_log_memory_measure_finish (CbsLog       *log,
                               GAsyncResult *result,
                               CbsLogExtent *out_extent,
                               GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, log), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_log_measure_async), FALSE);

  if (!g_task_propagate_boolean (G_TASK (result), error))
    return FALSE;
  *out_extent = *(const CbsLogExtent *) g_task_get_task_data (G_TASK (result));
  return TRUE;
}

static void
cbs_log_memory_read_async (CbsLog             *log,
                           const CbsLogQuery  *query,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data)
{
  CbsLogMemory *self = CBS_LOG_MEMORY (log);
  g_autoptr (GTask) task = g_task_new (log, cancellable, callback, user_data);
  g_autoptr (GPtrArray) entries = NULL;

  g_task_set_source_tag (task, cbs_log_read_async);
  if (!is_open (self))
    {
      g_task_return_error (task, cbs_log_new_closed_error ());
      return;
    }

  entries = g_ptr_array_new_with_free_func ((GDestroyNotify) cbs_entry_unref);
  run_query (self, query, entries);
  g_task_return_pointer (task, g_steal_pointer (&entries), (GDestroyNotify) g_ptr_array_unref);
}

static GPtrArray *
cbs_log_memory_read_finish (CbsLog       *log,
                            GAsyncResult *result,
                            GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, log), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_log_read_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
cbs_log_memory_close_async (CbsLog             *log,
                            GAsyncReadyCallback callback,
                            gpointer            user_data)
{
  CbsLogMemory *self = CBS_LOG_MEMORY (log);
  g_autoptr (GTask) task = g_task_new (log, NULL, callback, user_data);

  g_task_set_source_tag (task, cbs_log_close_async);
  if (!is_open (self))
    {
      g_task_return_error (task, cbs_log_new_closed_error ());
      return;
    }

  self->closing = TRUE;
  cbs_mailbox_put (self->mailbox, g_steal_pointer (&task));
}

static gboolean
cbs_log_memory_close_finish (CbsLog       *log,
                             GAsyncResult *result,
                             GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, log), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_log_close_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
cbs_log_memory_iface_init (CbsLogInterface *iface)
{
  iface->open_async = cbs_log_memory_open_async;
  iface->open_finish = cbs_log_memory_open_finish;
  iface->append_async = cbs_log_memory_append_async;
  iface->append_finish = cbs_log_memory_append_finish;
  iface->measure_async = cbs_log_memory_measure_async;
  iface->measure_finish = cbs_log_memory_measure_finish;
  iface->read_async = cbs_log_memory_read_async;
  iface->read_finish = cbs_log_memory_read_finish;
  iface->close_async = cbs_log_memory_close_async;
  iface->close_finish = cbs_log_memory_close_finish;
}

static void
cbs_log_memory_get_property (GObject    *object,
                             guint       prop_id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  CbsLogMemory *self = CBS_LOG_MEMORY (object);

  switch (prop_id)
    {
    case PROP_STATE:
      g_value_set_enum (value, (int) self->state);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
cbs_log_memory_finalize (GObject *object)
{
  CbsLogMemory *self = CBS_LOG_MEMORY (object);

  cbs_mailbox_free (self->mailbox);
  g_hash_table_unref (self->tokens);
  g_ptr_array_unref (self->entries);
  cbs_registry_free (self->registry);

  G_OBJECT_CLASS (cbs_log_memory_parent_class)->finalize (object);
}

static void
cbs_log_memory_class_init (CbsLogMemoryClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = cbs_log_memory_get_property;
  object_class->finalize = cbs_log_memory_finalize;

  g_object_class_override_property (object_class, PROP_STATE, "state");
  properties[PROP_STATE] = g_object_class_find_property (object_class, "state");
}

static void
cbs_log_memory_init (CbsLogMemory *self)
{
  self->mailbox = cbs_mailbox_new (mailbox_cb, self, g_object_unref);
  self->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) cbs_entry_unref);
  self->tokens = g_hash_table_new (g_str_hash, g_str_equal);
  self->registry = cbs_registry_new ();
}

/**
 * cbs_log_memory_new:
 *
 * Makes a log that holds its entries in memory, in the thread-default main
 * context.
 *
 * Returns: (transfer full): a log that is not open
 */
CbsLog *
cbs_log_memory_new (void)
{
  return g_object_new (CBS_TYPE_LOG_MEMORY, NULL);
}
