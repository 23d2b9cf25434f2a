/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/cbs-page.h"

/* Messages that are in memory at a time besides those of the page: the log hands out whole ones,
 * and a peer may ask for the largest. */
#define CHUNK 32u

/* What an id adds to a message: `,{"id":9007199254740992}`, and the comma behind the message. */
#define ID_BYTES 25u

/* A page that is being read, owned by its task: first what stands before its middle, newest first,
 * then what stands behind it. */
typedef struct
{
  CbsLogQuery query;
  char       *viewer;
  char       *with;
  char       *from;
  char       *text;
  GPtrArray  *entries;
  gsize       bytes;
  gint64      until;       /* the end of the whole range */
  guint       limit;
  gsize       max_bytes;
  gint64      middle;      /* what has a smaller id stands before it */
  guint       limit_before; /* 0: that is not wanted, or all here */
  gsize       max_bytes_before;
  gboolean    behind;      /* what stands behind is wanted, too */
  guint       asked;       /* for how many the read under way has asked */
  gboolean    more;
} PageData;

static void
page_data_free (PageData *data)
{
  g_ptr_array_unref (data->entries);
  g_strfreev (data->query.blocked);
  g_free (data->viewer);
  g_free (data->with);
  g_free (data->from);
  g_free (data->text);
  g_free (data);
}

static PageData *
page_data_new (const CbsLogQuery   *query,
               const CbsPageBounds *bounds)
{
  PageData *data = g_new0 (PageData, 1);

  data->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) cbs_entry_unref);
  data->viewer = g_strdup (query->viewer);
  data->with = g_strdup (query->with);
  data->from = g_strdup (query->from);
  data->text = g_strdup (query->text);
  data->query = *query;
  data->query.viewer = data->viewer;
  data->query.with = data->with;
  data->query.from = data->from;
  data->query.text = data->text;
  data->query.blocked = g_strdupv (query->blocked);

  data->until = query->until;
  data->limit = bounds->limit;
  data->max_bytes = bounds->max_bytes;
  switch (bounds->direction)
    {
    case CB_HISTORY_AFTER:
      data->middle = MIN (bounds->id, query->until) + 1;
      data->behind = TRUE;
      break;
    case CB_HISTORY_AROUND:
      data->middle = MIN (bounds->id, query->until + 1);
      data->limit_before = bounds->limit / 2;
      data->max_bytes_before = bounds->max_bytes / 2;
      data->behind = TRUE;
      break;
    case CB_HISTORY_BEFORE:
    case CB_HISTORY_NEWEST:
    default:
      data->middle = bounds->direction == CB_HISTORY_BEFORE ? MIN (bounds->id, query->until + 1) : query->until + 1;
      data->limit_before = bounds->limit;
      data->max_bytes_before = bounds->max_bytes;
      break;
    }

  return data;
}

/* Takes one message into the page; FALSE if it does not fit. */
static gboolean
take (PageData *data,
      CbsEntry *entry,
      guint     limit,
      gsize     max_bytes)
{
  const gsize size = entry->wire_size + ID_BYTES;

  if (data->entries->len >= limit || (data->entries->len > 0 && data->bytes + size > max_bytes))
    {
      data->more = TRUE;
      return FALSE;
    }

  g_ptr_array_add (data->entries, cbs_entry_ref (entry));
  data->bytes += size;
  return TRUE;
}

static void
reverse (GPtrArray *entries)
{
  for (guint i = 0; i < entries->len / 2; i++)
    {
      gpointer *other = &entries->pdata[entries->len - 1 - i];
      gpointer entry = entries->pdata[i];

      entries->pdata[i] = *other;
      *other = entry;
    }
}

/* What stands before the middle is complete: turns to what stands behind it. */
static void
end_before (PageData *data)
{
  reverse (data->entries);
  data->limit_before = 0;
  data->query.newest = 0;
  data->query.after = MAX (data->query.after, data->middle - 1);
  data->query.until = data->until;
}

/* A chunk of what stands before the middle has come. */
static void
take_before (PageData  *data,
             GPtrArray *chunk)
{
  gboolean taken = TRUE;

  for (guint i = chunk->len; i > 0 && taken; i--)
    taken = take (data, g_ptr_array_index (chunk, i - 1), data->limit_before, data->max_bytes_before);

  if (!taken || chunk->len < data->asked)
    end_before (data);
  else
    data->query.until = ((const CbsEntry *) g_ptr_array_index (chunk, 0))->seq - 1;
}

/* A chunk of what stands behind the middle has come, or the best matches. */
static void
take_behind (PageData  *data,
             GPtrArray *chunk)
{
  gboolean taken = TRUE;

  for (guint i = 0; i < chunk->len && taken; i++)
    taken = take (data, g_ptr_array_index (chunk, i), data->limit, data->max_bytes);

  if (!taken || chunk->len < data->asked || data->query.ranked)
    data->behind = FALSE;
  else
    data->query.after = ((const CbsEntry *) g_ptr_array_index (chunk, chunk->len - 1))->seq;
}

/* Asks for one more than the page takes: then there is more. */
static void
prepare_read (PageData *data)
{
  const guint limit = data->limit_before > 0 ? data->limit_before : data->limit;

  data->asked = MIN (limit - data->entries->len + 1, CHUNK);
  if (data->query.ranked)
    {
      data->asked = limit + 1;
      data->query.max_entries = data->asked;
      data->query.max_bytes = 2 * data->max_bytes;
    }
  else if (data->limit_before > 0)
    data->query.newest = data->asked;
  else
    data->query.max_entries = data->asked;
}

static void
read_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GPtrArray) chunk = NULL;
  PageData *data = g_task_get_task_data (task);
  GCancellable *cancellable = g_task_get_cancellable (task);
  CbsLog *log = CBS_LOG (source);
  GError *error = NULL;

  chunk = cbs_log_read_finish (log, result, &error);
  if (chunk == NULL)
    {
      g_task_return_error (task, error);
      return;
    }

  if (data->limit_before > 0)
    take_before (data, chunk);
  else
    take_behind (data, chunk);

  if (data->limit_before == 0 && !data->behind)
    {
      g_task_return_pointer (task, g_ptr_array_ref (data->entries), (GDestroyNotify) g_ptr_array_unref);
      return;
    }
  prepare_read (data);
  cbs_log_read_async (log, &data->query, cancellable, read_cb, g_steal_pointer (&task));
}

/**
 * cbs_page_read_async:
 * @log: a log
 * @query: what is looked for: its range, and who looks; copied. A ranked one
 *   is answered with the best matches, whatever the direction
 * @bounds: which part of it
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the page is here
 * @user_data: data for @callback
 *
 * Reads one page, in small pieces: what is held at a time is not much more
 * than the page.
 */
void
cbs_page_read_async (CbsLog              *log,
                     const CbsLogQuery   *query,
                     const CbsPageBounds *bounds,
                     GCancellable        *cancellable,
                     GAsyncReadyCallback  callback,
                     gpointer             user_data)
{
  g_autoptr (GTask) task = g_task_new (log, cancellable, callback, user_data);
  PageData *data = page_data_new (query, bounds);

  g_task_set_source_tag (task, cbs_page_read_async);
  g_task_set_task_data (task, data, (GDestroyNotify) page_data_free);

  if (data->query.ranked)
    {
      data->limit_before = 0;
      data->behind = TRUE;
    }
  else if (data->limit_before > 0)
    data->query.until = CLAMP (data->middle - 1, 0, data->until);
  else
    end_before (data);
  prepare_read (data);
  cbs_log_read_async (log, &data->query, cancellable, read_cb, g_steal_pointer (&task));
}

/**
 * cbs_page_read_finish:
 * @log: a log
 * @result: the result given to the callback
 * @out_more: (out): whether the page left something out
 * @error: return location for a #GError
 *
 * Completes [func@cbs_page_read_async].
 *
 * Returns: (transfer full) (element-type CbsEntry): the messages, oldest first;
 *   ranked ones best first; %NULL with an error of the log
 */
GPtrArray *
cbs_page_read_finish (CbsLog       *log,
                      GAsyncResult *result,
                      gboolean     *out_more,
                      GError      **error)
{
  GPtrArray *entries = NULL;

  g_return_val_if_fail (g_task_is_valid (result, log), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_page_read_async), NULL);

  entries = g_task_propagate_pointer (G_TASK (result), error);
  if (entries != NULL)
    *out_more = ((const PageData *) g_task_get_task_data (G_TASK (result)))->more;
  return entries;
}
