/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-log.h"

G_BEGIN_DECLS

/**
 * CbsQuery:
 * @viewer: key of the user who asks
 * @after: entries behind this sequence
 * @until: up to and with this sequence
 * @newest: only that many of the newest entries; 0: no such bound
 *
 * A copy of a [struct@Cbs.LogQuery], and its rules: who is hidden, and where
 * the bounds are.
 *
 * Pure. Immutable: it may be handed to another thread.
 */
typedef struct
{
  char       *viewer;
  gint64      after;
  gint64      until;
  guint64     newest;
  /*< private >*/
  GHashTable *blocked; /* keys; NULL: nobody */
  guint64     max_entries;
  guint64     max_bytes;
} CbsQuery;

CbsQuery *cbs_query_new (const CbsLogQuery *query);
void      cbs_query_free (CbsQuery *self);
gboolean  cbs_query_hides (const CbsQuery *self,
                           const char     *src);
gboolean  cbs_query_shows (const CbsQuery *self,
                           const CbsEntry *entry);
gboolean  cbs_query_take (const CbsQuery *self,
                          CbsLogExtent   *extent,
                          gint64          seq,
                          gsize           wire_size);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsQuery, cbs_query_free)

G_END_DECLS
