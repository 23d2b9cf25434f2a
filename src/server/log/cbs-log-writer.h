/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-append.h"
#include "server/log/cbs-log-pause.h"
#include "server/log/cbs-mailbox.h"

G_BEGIN_DECLS

/**
 * CbsLogReport:
 * @state: whether entries can be stored
 * @snapshot: (nullable): the log has been opened
 * @appends: (nullable) (element-type CbsAppend): appends with their outcomes, in order
 * @committed: (nullable) (element-type CbsEntry): what of them is new in the log
 * @error: (nullable): the log could not be opened, or the storage has failed
 * @ended: the thread does nothing more
 *
 * What the writer has done.
 */
typedef struct
{
  CbsLogState     state;
  CbsLogSnapshot *snapshot;
  GPtrArray      *appends;
  GPtrArray      *committed;
  GError         *error;
  gboolean        ended;
} CbsLogReport;

void          cbs_log_report_free (CbsLogReport *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsLogReport, cbs_log_report_free)

/**
 * CbsLogWriter:
 *
 * The thread that writes the log. It opens it, then commits in one
 * transaction whatever has gathered while the last commit ran, and reports
 * each in one piece.
 */
typedef struct _CbsLogWriter CbsLogWriter;

CbsLogWriter *cbs_log_writer_new (const char  *directory,
                                  const char  *node,
                                  CbsLogPause *pause,
                                  CbsMailbox  *mailbox);
void          cbs_log_writer_push (CbsLogWriter *self,
                                   CbsAppend    *append);
void          cbs_log_writer_stop (CbsLogWriter *self);
void          cbs_log_writer_free (CbsLogWriter *self);

G_END_DECLS
