/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-query.h"

G_BEGIN_DECLS

/* Search in a log in memory: it looks at every message. */
CbsLogExtent cbs_log_memory_search (GPtrArray      *all,
                                    const CbsQuery *query,
                                    GPtrArray      *entries);

G_END_DECLS
