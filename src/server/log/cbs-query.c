/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-query.h"

#include <string.h>

/**
 * cbs_query_new:
 * @query: which messages are wanted
 * @error: return location for a #GError
 *
 * Copies a query.
 *
 * Returns: (transfer full): a query; %NULL with %G_IO_ERROR_INVALID_ARGUMENT
 *   if its text can't be looked for
 */
CbsQuery *
cbs_query_new (const CbsLogQuery *query,
               GError           **error)
{
  g_autoptr (CbsQuery) self = g_new0 (CbsQuery, 1);

  self->viewer = g_strdup (query->viewer);
  self->after = MAX (query->after, 0);
  self->until = query->until;
  self->newest = query->newest;
  self->since = query->since;
  self->since_us = query->since_us;
  self->until_us = query->until_us;
  self->with = g_strdup (query->with);
  self->from = g_strdup (query->from);
  self->max_entries = query->max_entries;
  self->max_bytes = query->max_bytes;
  self->with_ids = query->with_ids;
  self->own = query->own;
  if (query->blocked != NULL && query->blocked[0] != NULL)
    {
      self->blocked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      for (guint i = 0; query->blocked[i] != NULL; i++)
        g_hash_table_add (self->blocked, g_strdup (query->blocked[i]));
    }

  if (query->text != NULL)
    {
      self->ranked = query->ranked;
      self->search = cbs_search_new (query->text, error);
      if (self->search == NULL)
        return NULL;
    }
  return g_steal_pointer (&self);
}

/**
 * cbs_query_free:
 * @self: (transfer full): a query
 *
 * Frees a query.
 */
void
cbs_query_free (CbsQuery *self)
{
  g_return_if_fail (self != NULL);

  g_clear_pointer (&self->search, cbs_search_free);
  g_clear_pointer (&self->blocked, g_hash_table_unref);
  g_free (self->viewer);
  g_free (self->with);
  g_free (self->from);
  g_free (self);
}

static gboolean
wants_private (const CbsQuery *self)
{
  return self->with == NULL || strcmp (self->with, CBS_LOG_WITH_ALL) != 0;
}

/**
 * cbs_query_wants_public:
 * @self: a query
 *
 * Tells whether messages to everybody may be shown.
 *
 * Returns: %TRUE if so
 */
gboolean
cbs_query_wants_public (const CbsQuery *self)
{
  return self->with == NULL || !wants_private (self);
}

/**
 * cbs_query_wants_received:
 * @self: a query
 *
 * Tells whether messages to the viewer may be shown.
 *
 * Returns: %TRUE if so
 */
gboolean
cbs_query_wants_received (const CbsQuery *self)
{
  return wants_private (self);
}

/**
 * cbs_query_wants_sent:
 * @self: a query
 *
 * Tells whether messages of the viewer to somebody else may be shown.
 *
 * Returns: %TRUE if so
 */
gboolean
cbs_query_wants_sent (const CbsQuery *self)
{
  return self->own && wants_private (self) &&
         (self->from == NULL || strcmp (self->from, self->viewer) == 0);
}

static gboolean
hides (const CbsQuery *self,
       const char     *src)
{
  return self->blocked != NULL && g_hash_table_contains (self->blocked, src);
}

/**
 * cbs_query_shows_message:
 * @self: a query
 * @seq: sequence of a message within the query's bounds
 * @src: key of its sender
 * @dest: (nullable): key of its addressee; %NULL: everybody
 *
 * Tells whether the viewer may see the message, and wants to.
 *
 * Returns: %TRUE if so
 */
gboolean
cbs_query_shows_message (const CbsQuery *self,
                         gint64          seq,
                         const char     *src,
                         const char     *dest)
{
  const char *other = NULL;

  if (self->from != NULL && strcmp (self->from, src) != 0)
    return FALSE;
  if (dest == NULL)
    return cbs_query_wants_public (self) && !hides (self, src);

  if (strcmp (dest, self->viewer) == 0)
    other = hides (self, src) ? NULL : src;
  else if (self->own && strcmp (src, self->viewer) == 0)
    other = dest;

  return other != NULL && seq > self->since && (self->with == NULL || strcmp (self->with, other) == 0);
}

/**
 * cbs_query_shows:
 * @self: a query
 * @entry: any entry within the query's bounds @after and @until
 *
 * Tells whether the entry is a message that the viewer may see and wants to,
 * whatever it says.
 *
 * Returns: %TRUE if so
 */
gboolean
cbs_query_shows (const CbsQuery *self,
                 const CbsEntry *entry)
{
  return entry->kind == CBS_ENTRY_MESSAGE &&
         entry->time_us >= self->since_us &&
         (self->until_us == 0 || entry->time_us < self->until_us) &&
         cbs_query_shows_message (self, entry->seq, entry->src, entry->dest);
}

/* Bytes of `,{"id":N}`. */
static gsize
get_id_size (gint64 seq)
{
  gsize size = strlen (",{\"id\":}");

  do
    {
      size++;
      seq /= 10;
    }
  while (seq > 0);
  return size;
}

/**
 * cbs_query_take:
 * @self: a query
 * @extent: what was taken so far; to begin with, @after and @until alike
 * @seq: sequence of the next message that the viewer may see
 * @wire_size: its size on the wire without an id, in bytes
 *
 * Takes one more message, if the bounds allow.
 *
 * Returns: %TRUE; %FALSE if the message is left out, and all behind it
 */
gboolean
cbs_query_take (const CbsQuery *self,
                CbsLogExtent   *extent,
                gint64          seq,
                gsize           wire_size)
{
  const guint64 size = wire_size + (self->with_ids ? get_id_size (seq) : 0);
  const guint64 commas = extent->n_entries + 1;

  if ((self->max_entries > 0 && extent->n_entries >= self->max_entries) ||
      (self->max_bytes > 0 && extent->n_entries > 0 &&
       extent->wire_bytes + size + commas > self->max_bytes))
    {
      extent->more = TRUE;
      return FALSE;
    }

  extent->n_entries++;
  extent->wire_bytes += size;
  extent->until = MAX (extent->until, seq);
  return TRUE;
}
