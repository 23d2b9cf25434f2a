/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-log-pause.h"
#include "server/log/cbs-log-reader.h"
#include "server/log/cbs-mailbox.h"

G_BEGIN_DECLS

/**
 * CbsLogIndexReport:
 * @indexed: sequence up to which search has seen the log
 * @read: (nullable): a search that is done
 * @ended: the indexer has ended
 *
 * What an indexer tells.
 */
typedef struct
{
  gint64      indexed;
  CbsLogRead *read;
  gboolean    ended;
} CbsLogIndexReport;

void           cbs_log_index_report_free (CbsLogIndexReport *self);

/**
 * CbsLogIndexer:
 *
 * The thread that follows the log, puts the words of its messages into an
 * index of their own, and searches them. The writer knows nothing of it.
 */
typedef struct _CbsLogIndexer CbsLogIndexer;

CbsLogIndexer *cbs_log_indexer_new (const char  *directory,
                                    const char  *log_id,
                                    gint64       head,
                                    CbsLogPause *pause,
                                    CbsMailbox  *mailbox);
void           cbs_log_indexer_follow (CbsLogIndexer *self,
                                       gint64         head);
void           cbs_log_indexer_push (CbsLogIndexer *self,
                                     CbsLogRead    *read);
void           cbs_log_indexer_stop (CbsLogIndexer *self);
void           cbs_log_indexer_free (CbsLogIndexer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsLogIndexReport, cbs_log_index_report_free)

G_END_DECLS
