/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-search.h"
#include "server/log/cbs-sqlite.h"

G_BEGIN_DECLS

/**
 * CbsSearchOrder:
 * @CBS_SEARCH_OLDEST_FIRST: in the order of the log
 * @CBS_SEARCH_NEWEST_FIRST: in the opposite order
 * @CBS_SEARCH_BEST_FIRST: by how well they match
 *
 * In which order matches are found.
 */
typedef enum
{
  CBS_SEARCH_OLDEST_FIRST,
  CBS_SEARCH_NEWEST_FIRST,
  CBS_SEARCH_BEST_FIRST,
} CbsSearchOrder;

/**
 * CbsSearchRun:
 * @search: what is looked for
 * @after: messages behind this sequence
 * @until: up to and with this sequence
 * @order: the order
 * @cancellable: (nullable): to give up
 * @end_us: monotonic time at which it has taken too long, in microseconds
 *
 * One search, and its bounds.
 */
typedef struct
{
  const CbsSearch *search;
  gint64           after;
  gint64           until;
  CbsSearchOrder   order;
  GCancellable    *cancellable;
  gint64           end_us;
} CbsSearchRun;

/**
 * CbsSearchFunc:
 * @seq: sequence of a message that matches
 * @out_more: (out): whether to go on
 * @user_data: the caller's data
 * @error: return location for a #GError
 *
 * Takes what was found.
 *
 * Returns: %TRUE; %FALSE with an error that ends the search
 */
typedef gboolean (*CbsSearchFunc) (gint64    seq,
                                   gboolean *out_more,
                                   gpointer  user_data,
                                   GError  **error);

/**
 * CbsSearchIndex:
 *
 * The words of all messages, in a database beside that of the log. It can be
 * made anew at any time. It belongs to one thread.
 */
typedef struct _CbsSearchIndex CbsSearchIndex;

CbsSearchIndex *cbs_search_index_open (const char *directory,
                                       const char *log_id,
                                       gint64      head,
                                       GError    **error);
void            cbs_search_index_free (CbsSearchIndex *self);
void            cbs_search_index_delete (const char *directory);
gint64          cbs_search_index_get_seq (CbsSearchIndex *self);
gboolean        cbs_search_index_is_damaged (CbsSearchIndex *self);
gboolean        cbs_search_index_begin (CbsSearchIndex *self,
                                        GError        **error);
gboolean        cbs_search_index_add (CbsSearchIndex *self,
                                      gint64          seq,
                                      const char     *folded,
                                      GError        **error);
gboolean        cbs_search_index_commit (CbsSearchIndex *self,
                                         gint64          seq,
                                         GError        **error);
void            cbs_search_index_roll_back (CbsSearchIndex *self);
gboolean        cbs_search_index_run (CbsSearchIndex     *self,
                                      const CbsSearchRun *run,
                                      CbsSearchFunc       func,
                                      gpointer            user_data,
                                      GError            **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsSearchIndex, cbs_search_index_free)

G_END_DECLS
