/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-log-pause.h"
#include "server/log/cbs-log.h"
#include "server/log/cbs-mailbox.h"
#include "server/log/cbs-query.h"

G_BEGIN_DECLS

/**
 * CbsLogRead:
 * @task: (nullable): what is answered; %NULL: the reader has ended
 * @query: which messages
 * @extent: how much they are
 * @entries: (nullable) (element-type CbsEntry): where to collect them;
 *   %NULL: they are only measured
 * @error: (nullable): why they can't be read
 *
 * A read on its way. It is made and answered in the log's main context.
 */
typedef struct
{
  GTask       *task;
  CbsQuery    *query;
  CbsLogExtent extent;
  GPtrArray   *entries;
  GError      *error;
} CbsLogRead;

void          cbs_log_read_free (CbsLogRead *self);

/**
 * CbsLogReader:
 *
 * The thread that reads the log, one query after the other. It does not wait
 * for the writer, but for the rare pause between two queries.
 */
typedef struct _CbsLogReader CbsLogReader;

CbsLogReader *cbs_log_reader_new (const char  *directory,
                                  CbsLogPause *pause,
                                  CbsMailbox  *mailbox);
void          cbs_log_reader_push (CbsLogReader *self,
                                   CbsLogRead   *read);
void          cbs_log_reader_stop (CbsLogReader *self);
void          cbs_log_reader_free (CbsLogReader *self);

G_END_DECLS
