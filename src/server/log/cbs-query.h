/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-log.h"
#include "server/log/cbs-search.h"

G_BEGIN_DECLS

/**
 * CbsQuery:
 * @viewer: key of the user who asks
 * @after: entries behind this sequence
 * @until: up to and with this sequence
 * @newest: only that many of the newest entries; 0: no such bound
 * @since: private messages up to and with this sequence are not seen
 * @since_us: only what the log took at or after this time; 0: no such bound
 * @until_us: only what the log took before this time; 0: no such bound
 * @search: (nullable): only what holds this
 * @ranked: the best first
 *
 * A copy of a [struct@Cbs.LogQuery], and its rules: who is hidden, what is
 * part of a conversation, and where the bounds are.
 *
 * Pure. Immutable: it may be handed to another thread.
 */
typedef struct
{
  char       *viewer;
  gint64      after;
  gint64      until;
  guint64     newest;
  gint64      since;
  gint64      since_us;
  gint64      until_us;
  CbsSearch  *search;
  gboolean    ranked;
  /*< private >*/
  char       *with;
  char       *from;
  GHashTable *blocked; /* keys; NULL: nobody */
  guint64     max_entries;
  guint64     max_bytes;
  gboolean    with_ids;
  gboolean    own;
} CbsQuery;

CbsQuery *cbs_query_new (const CbsLogQuery *query,
                         GError           **error);
void      cbs_query_free (CbsQuery *self);
gboolean  cbs_query_wants_public (const CbsQuery *self);
gboolean  cbs_query_wants_received (const CbsQuery *self);
gboolean  cbs_query_wants_sent (const CbsQuery *self);
gboolean  cbs_query_shows_message (const CbsQuery *self,
                                   gint64          seq,
                                   const char     *src,
                                   const char     *dest);
gboolean  cbs_query_shows (const CbsQuery *self,
                           const CbsEntry *entry);
gboolean  cbs_query_take (const CbsQuery *self,
                          CbsLogExtent   *extent,
                          gint64          seq,
                          gsize           wire_size);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsQuery, cbs_query_free)

G_END_DECLS
