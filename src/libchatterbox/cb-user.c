/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-user.h"

G_DEFINE_BOXED_TYPE (CbUser, cb_user, cb_user_copy, cb_user_free)

/**
 * cb_user_new:
 * @name: a name, in UTF-8
 * @active: whether that user is online
 *
 * Makes an item of a user list.
 *
 * Returns: (transfer full): the item
 */
CbUser *
cb_user_new (const char *name,
             gboolean active)
{
  CbUser *self = NULL;

  g_return_val_if_fail (name != NULL, NULL);

  self = g_new0 (CbUser, 1);
  self->name = g_strdup (name);
  self->active = active;
  return self;
}

/**
 * cb_user_copy:
 * @self: an item
 *
 * Copies an item.
 *
 * Returns: (transfer full): the copy
 */
CbUser *
cb_user_copy (const CbUser *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return cb_user_new (self->name, self->active);
}

/**
 * cb_user_free:
 * @self: (transfer full): an item
 *
 * Frees an item.
 */
void
cb_user_free (CbUser *self)
{
  g_return_if_fail (self != NULL);

  g_free (self->name);
  g_free (self);
}
