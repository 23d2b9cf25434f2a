/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-version-macros.h"

G_BEGIN_DECLS

#define CB_TYPE_USER (cb_user_get_type ())

/**
 * CbUser:
 * @name: the user's name, in UTF-8
 * @active: whether the user is online
 *
 * An item of a user list.
 */
typedef struct
{
  char    *name;
  gboolean active;
} CbUser;

CB_EXPORT
GType   cb_user_get_type (void) G_GNUC_CONST;
CB_EXPORT
CbUser *cb_user_new (const char *name,
                     gboolean    active);
CB_EXPORT
CbUser *cb_user_copy (const CbUser *self);
CB_EXPORT
void    cb_user_free (CbUser *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbUser, cb_user_free)

G_END_DECLS
