/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "libchatterbox/cb-name.h"

G_BEGIN_DECLS

gboolean cbs_log_release_name (const char *directory,
                               CbName     *name,
                               GError    **error);

G_END_DECLS
