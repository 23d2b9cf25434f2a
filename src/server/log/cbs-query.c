/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-query.h"

#include <string.h>

/**
 * cbs_query_new:
 * @query: which messages are wanted
 *
 * Copies a query.
 *
 * Returns: (transfer full): a query
 */
CbsQuery *
cbs_query_new (const CbsLogQuery *query)
{
  CbsQuery *self = g_new0 (CbsQuery, 1);

  self->viewer = g_strdup (query->viewer);
  self->after = MAX (query->after, 0);
  self->until = query->until;
  self->newest = query->newest;
  self->max_entries = query->max_entries;
  self->max_bytes = query->max_bytes;
  if (query->blocked != NULL && query->blocked[0] != NULL)
    {
      self->blocked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      for (guint i = 0; query->blocked[i] != NULL; i++)
        g_hash_table_add (self->blocked, g_strdup (query->blocked[i]));
    }
  return self;
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

  g_clear_pointer (&self->blocked, g_hash_table_unref);
  g_free (self->viewer);
  g_free (self);
}

/**
 * cbs_query_hides:
 * @self: a query
 * @src: key of a sender
 *
 * Tells whether the viewer must not see what @src says.
 *
 * Returns: %TRUE if so
 */
gboolean
cbs_query_hides (const CbsQuery *self,
                 const char     *src)
{
  return self->blocked != NULL && g_hash_table_contains (self->blocked, src);
}

/**
 * cbs_query_shows:
 * @self: a query
 * @entry: any entry
 *
 * Tells whether the viewer may see the entry: it is a message to everybody or
 * to the viewer, of somebody who is not hidden.
 *
 * Returns: %TRUE if so
 */
gboolean
cbs_query_shows (const CbsQuery *self,
                 const CbsEntry *entry)
{
  return entry->kind == CBS_ENTRY_MESSAGE &&
         (entry->dest == NULL || strcmp (entry->dest, self->viewer) == 0) &&
         !cbs_query_hides (self, entry->src);
}

/**
 * cbs_query_take:
 * @self: a query
 * @extent: what was taken so far; to begin with, @after and @until alike
 * @seq: sequence of the next message that the viewer may see
 * @wire_size: its size on the wire, in bytes
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
  const guint64 commas = extent->n_entries + 1;

  if ((self->max_entries > 0 && extent->n_entries >= self->max_entries) ||
      (self->max_bytes > 0 && extent->n_entries > 0 &&
       extent->wire_bytes + wire_size + commas > self->max_bytes))
    {
      extent->more = TRUE;
      return FALSE;
    }

  extent->n_entries++;
  extent->wire_bytes += wire_size;
  extent->until = seq;
  return TRUE;
}
