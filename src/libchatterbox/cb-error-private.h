/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libchatterbox/cb-error.h"

G_BEGIN_DECLS

  G_GNUC_PRINTF (2, 3)
gboolean cb_error_set_malformed (GError    **error,
                                 const char *format,
                                 ...);

G_END_DECLS
