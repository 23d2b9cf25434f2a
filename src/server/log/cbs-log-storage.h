/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-holders.h"
#include "server/log/cbs-log-pause.h"

G_BEGIN_DECLS

/**
 * CbsLogStorage:
 *
 * A state directory that this process alone holds, and the connection that
 * writes the database in it: all of SQLite that writing the log takes. It
 * belongs to one thread.
 */
typedef struct _CbsLogStorage CbsLogStorage;

CbsLogStorage  *cbs_log_storage_open (const char *directory,
                                      GError    **error);
void            cbs_log_storage_free (CbsLogStorage *self);
void            cbs_log_storage_tidy_up (CbsLogStorage *self);
gboolean        cbs_log_storage_start_run (CbsLogStorage *self,
                                           const char    *node,
                                           GError       **error);
CbsLogSnapshot *cbs_log_storage_read_snapshot (CbsLogStorage *self,
                                               CbsHolders    *holders,
                                               GError       **error);
gint64          cbs_log_storage_get_head (CbsLogStorage *self);
gint64          cbs_log_storage_get_time_us (CbsLogStorage *self);
gboolean        cbs_log_storage_begin (CbsLogStorage *self,
                                       GError       **error);
gboolean        cbs_log_storage_commit (CbsLogStorage *self,
                                        GError       **error);
gboolean        cbs_log_storage_roll_back (CbsLogStorage *self,
                                           GError       **error);
gboolean        cbs_log_storage_write (CbsLogStorage    *self,
                                       const CbsEntry   *entry,
                                       const CbsHolding *holding,
                                       GError          **error);
gboolean        cbs_log_storage_find_token (CbsLogStorage *self,
                                            const char    *token,
                                            gint64        *out_seq,
                                            GError       **error);
gboolean        cbs_log_storage_checkpoint (CbsLogStorage *self,
                                            CbsLogPause   *pause,
                                            GError       **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsLogStorage, cbs_log_storage_free)

G_END_DECLS
