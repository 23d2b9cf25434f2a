/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-log.h"

G_BEGIN_DECLS

#define CBS_TYPE_LOG_MEMORY (cbs_log_memory_get_type ())
G_DECLARE_FINAL_TYPE (CbsLogMemory, cbs_log_memory, CBS, LOG_MEMORY, GObject)

CbsLog *cbs_log_memory_new (void);

G_END_DECLS
