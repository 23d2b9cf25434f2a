/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-log-memory.h"

#include "server/log/cbs-append.h"
#include "server/log/cbs-fold.h"
#include "server/log/cbs-log-memory-search.h"
#include "server/log/cbs-log-private.h"
#include "server/log/cbs-mailbox.h"
#include "server/log/cbs-query.h"

/**
 * CbsLogMemory:
 *
 * A log that ends with its object. It can be closed and opened again, and
 * then finds what it held.
 */
struct _CbsLogMemory
{
  GObject     parent_instance;
  CbsMailbox *mailbox;  /* of GTask: what was asked and is not done */
  GPtrArray  *entries;  /* of CbsEntry: the one of sequence n stands at n - 1 */
  GHashTable *tokens;   /* of CbsEntry, by token */
  GHashTable *markers;  /* of GHashTable of gint64, by who has read, by the other end or "" */
  CbsHolders *holders;
  char       *id;
  gint64      time_us;  /* of the newest entry */
  CbsLogState state;
  guint       closing : 1;
};

enum
{
  PROP_STATE = 1,
  PROP_INDEXED,
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

/* Puts an entry behind the head, at the time that was begun. */
static void
store (CbsLogMemory *self,
       CbsEntry     *entry)
{
  entry->seq = (gint64) self->entries->len + 1;
  entry->time_us = self->time_us;
  g_ptr_array_add (self->entries, cbs_entry_ref (entry));
  if (entry->token != NULL)
    g_hash_table_insert (self->tokens, entry->token, entry);
}

/* What happens now happens at one time, which never goes back. */
static void
begin (CbsLogMemory *self)
{
  self->time_us = MAX (self->time_us, g_get_real_time ());
  cbs_holders_begin (self->holders, self->time_us);
}

static void
move_marker (CbsLogMemory   *self,
             const CbsEntry *entry)
{
  const char *dest = entry->dest != NULL ? entry->dest : "";
  GHashTable *markers = g_hash_table_lookup (self->markers, entry->src);
  gint64 *seq = NULL;

  if (markers == NULL)
    {
      markers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
      g_hash_table_insert (self->markers, g_strdup (entry->src), markers);
    }

  seq = g_hash_table_lookup (markers, dest);
  if (seq != NULL)
    *seq = MAX (*seq, entry->marker);
  else
    g_hash_table_insert (markers, g_strdup (dest), g_memdup2 (&entry->marker, sizeof entry->marker));
}

static void
add_markers (CbsLogMemory   *self,
             CbsLogSnapshot *snapshot)
{
  GHashTableIter sources;
  gpointer src = NULL;
  gpointer markers = NULL;

  g_hash_table_iter_init (&sources, self->markers);
  while (g_hash_table_iter_next (&sources, &src, &markers))
    {
      GHashTableIter iter;
      gpointer dest = NULL;
      gpointer seq = NULL;

      g_hash_table_iter_init (&iter, markers);
      while (g_hash_table_iter_next (&iter, &dest, &seq))
        cbs_log_snapshot_add_marker (snapshot, src, *(const char *) dest != '\0' ? dest : NULL,
                                     *(const gint64 *) seq);
    }
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

  if (entry->kind == CBS_ENTRY_READ)
    {
      move_marker (self, entry);
      append->seq = (gint64) self->entries->len;
      return;
    }

  begin (self);
  if (!cbs_holders_apply (self->holders, entry, (gint64) self->entries->len + 1,
                          &append->holding, &append->error))
    return;
  cbs_holders_settle (self->holders);

  store (self, entry);
  append->seq = entry->seq;
  append->is_new = TRUE;
  cbs_append_tell_holding (append);
  if (append->holding.passed)
    g_hash_table_remove (self->markers, entry->src);
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
  if (committed->len > 0)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_INDEXED]);
  for (guint i = 0; i < appends->len; i++)
    cbs_append_answer (g_ptr_array_index (appends, i));
}

/* As many LEAVEs as are online. */
static void
reap (CbsLogMemory   *self,
      CbsLogSnapshot *snapshot)
{
  for (guint i = 0; i < snapshot->users->len; i++)
    {
      const CbsLogUser *user = g_ptr_array_index (snapshot->users, i);
      const CbsHolder *holder = cbs_holders_lookup (self->holders, user->key);

      for (guint n = holder->n_online; n > 0; n--)
        {
          g_autoptr (CbsEntry) leave = cbs_entry_new_leave (user->key, user->name);
          CbsHolding holding = { 0, };

          cbs_holders_apply (self->holders, leave, (gint64) self->entries->len + 1, &holding, NULL);
          cbs_holders_settle (self->holders);
          store (self, leave);
        }
    }
}

static void
open (CbsLogMemory *self,
      GTask        *task)
{
  g_autoptr (CbsEntry) node_up = cbs_entry_new_node_up (g_task_get_task_data (task));
  CbsLogSnapshot *snapshot = NULL;

  if (self->state != CBS_LOG_STATE_CLOSED)
    {
      g_task_return_new_error (task, CBS_LOG_ERROR, CBS_LOG_ERROR_BUSY, "The log is open already");
      return;
    }

  begin (self);
  snapshot = cbs_fold_entries (self->entries, self->holders);
  reap (self, snapshot);
  store (self, node_up);
  add_markers (self, snapshot);
  snapshot->head = node_up->seq;
  snapshot->id = g_strdup (self->id);
  set_state (self, CBS_LOG_STATE_CONNECTED);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_INDEXED]);
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
          g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_INDEXED]);
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
run_query (CbsLogMemory   *self,
           const CbsQuery *query,
           GPtrArray      *entries)
{
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

static gboolean
run (CbsLogMemory      *self,
     const CbsLogQuery *log_query,
     CbsLogExtent      *out_extent,
     GPtrArray         *entries,
     GError           **error)
{
  g_autoptr (CbsQuery) query = NULL;

  if (!is_open (self))
    {
      g_propagate_error (error, cbs_log_new_closed_error ());
      return FALSE;
    }

  query = cbs_query_new (log_query, error);
  if (query == NULL)
    return FALSE;
  if (query->search != NULL)
    *out_extent = cbs_log_memory_search (self->entries, query, entries);
  else
    *out_extent = run_query (self, query, entries);
  return TRUE;
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
  GError *error = NULL;

  g_task_set_source_tag (task, cbs_log_measure_async);
  if (!run (self, query, &extent, NULL, &error))
    {
      g_task_return_error (task, error);
      return;
    }

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
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify) cbs_entry_unref);
  CbsLogExtent extent = { 0, };
  GError *error = NULL;

  g_task_set_source_tag (task, cbs_log_read_async);
  if (!run (self, query, &extent, entries, &error))
    {
      g_task_return_error (task, error);
      return;
    }

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
    case PROP_INDEXED:
      g_value_set_int64 (value, self->state != CBS_LOG_STATE_CLOSED ? (gint64) self->entries->len : 0);
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
  g_hash_table_unref (self->markers);
  cbs_holders_free (self->holders);
  g_free (self->id);

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
  g_object_class_override_property (object_class, PROP_INDEXED, "indexed");
  properties[PROP_INDEXED] = g_object_class_find_property (object_class, "indexed");
}

/* 32 hexadecimal digits. */
static char *
draw_id (void)
{
  GString *id = g_string_new (NULL);

  for (guint i = 0; i < 4; i++)
    g_string_append_printf (id, "%08x", g_random_int ());
  return g_string_free (id, FALSE);
}

static void
cbs_log_memory_init (CbsLogMemory *self)
{
  self->mailbox = cbs_mailbox_new (mailbox_cb, self, g_object_unref);
  self->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) cbs_entry_unref);
  self->tokens = g_hash_table_new (g_str_hash, g_str_equal);
  self->markers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_hash_table_unref);
  self->holders = cbs_holders_new ();
  self->id = draw_id ();
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
