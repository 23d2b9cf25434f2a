/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-log.h"

G_BEGIN_DECLS

/* What implementations of a log have in common. */
void    cbs_log_emit_committed (CbsLog    *self,
                                GPtrArray *entries);
void    cbs_log_emit_failed (CbsLog       *self,
                             const GError *error);
GError *cbs_log_new_closed_error (void);
GError *cbs_log_new_name_taken_error (void);

G_END_DECLS
