/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-holders.h"

G_BEGIN_DECLS

/* What entries together have led to. Pure. */
CbsLogSnapshot *cbs_fold_entries (GPtrArray  *entries,
                                  CbsHolders *holders);

G_END_DECLS
