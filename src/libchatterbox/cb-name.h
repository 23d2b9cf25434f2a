/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-version-macros.h"

G_BEGIN_DECLS

/**
 * CB_NAME_MAX_CHARACTERS:
 *
 * Longest user name, in characters after NFC.
 */
#define CB_NAME_MAX_CHARACTERS 32u

#define CB_TYPE_NAME (cb_name_get_type ())

typedef struct _CbName CbName;

CB_EXPORT
GType       cb_name_get_type (void) G_GNUC_CONST;
CB_EXPORT
CbName     *cb_name_new (const char *text,
                         GError    **error);
CB_EXPORT
CbName     *cb_name_ref (CbName *self);
CB_EXPORT
void        cb_name_unref (CbName *self);
CB_EXPORT
const char *cb_name_get_text (CbName *self);
CB_EXPORT
const char *cb_name_get_key (CbName *self);
CB_EXPORT
const char *cb_name_get_skeleton (CbName *self);
CB_EXPORT
const char *cb_name_get_folded_skeleton (CbName *self);
CB_EXPORT
gboolean    cb_name_is_ascii (CbName *self);
CB_EXPORT
gboolean    cb_name_clashes (CbName *self,
                             CbName *other);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbName, cb_name_unref)

G_END_DECLS
