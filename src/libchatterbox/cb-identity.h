/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-version-macros.h"

G_BEGIN_DECLS

CB_EXPORT
GTlsCertificate *cb_identity_load (const char *path,
                                   GError    **error);
CB_EXPORT
char            *cb_identity_get_key_id (GTlsCertificate *certificate,
                                         GError         **error);

G_END_DECLS
