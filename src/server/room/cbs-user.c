/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/room/cbs-user.h"

#include <string.h>

/**
 * cbs_user_new:
 * @key: who it is
 * @name: the name as shown
 *
 * Makes a user who is offline and has no blocks.
 *
 * Returns: (transfer full): a user
 */
CbsUser *
cbs_user_new (const char *key,
              const char *name)
{
  CbsUser *self = g_new0 (CbsUser, 1);

  self->key = g_strdup (key);
  self->name = g_strdup (name);
  return self;
}

/**
 * cbs_user_free:
 * @self: (transfer full): a user
 *
 * Frees a user; others that it is in a relation with must go at the same time.
 */
void
cbs_user_free (CbsUser *self)
{
  g_clear_pointer (&self->blocks, g_hash_table_unref);
  g_clear_pointer (&self->blocked_by, g_hash_table_unref);
  g_free (self->key);
  g_free (self->name);
  g_free (self);
}

static void
add (GHashTable **set,
     CbsUser     *user)
{
  if (*set == NULL)
    *set = g_hash_table_new (NULL, NULL);
  g_hash_table_add (*set, user);
}

static void
drop (GHashTable **set,
      CbsUser     *user)
{
  if (*set == NULL)
    return;

  g_hash_table_remove (*set, user);
  if (g_hash_table_size (*set) == 0)
    g_clear_pointer (set, g_hash_table_unref);
}

static gboolean
contains (GHashTable *set,
          CbsUser    *user)
{
  return set != NULL && g_hash_table_contains (set, user);
}

/**
 * cbs_user_block:
 * @self: who blocks
 * @other: who is blocked
 *
 * Makes a block.
 */
void
cbs_user_block (CbsUser *self,
                CbsUser *other)
{
  add (&self->blocks, other);
  add (&other->blocked_by, self);
}

/**
 * cbs_user_unblock:
 * @self: who blocked
 * @other: who was blocked
 *
 * Lifts one's own block.
 */
void
cbs_user_unblock (CbsUser *self,
                  CbsUser *other)
{
  drop (&self->blocks, other);
  drop (&other->blocked_by, self);
}

/**
 * cbs_user_has_blocked:
 * @self: a user
 * @other: another
 *
 * Tells whether @self blocks @other.
 *
 * Returns: %TRUE if so
 */
gboolean
cbs_user_has_blocked (CbsUser *self,
                      CbsUser *other)
{
  return contains (self->blocks, other);
}

/**
 * cbs_user_is_hidden:
 * @self: a user
 * @other: another
 *
 * Tells whether the two do not see each other: a block holds both ways.
 *
 * Returns: %TRUE if so
 */
gboolean
cbs_user_is_hidden (CbsUser *self,
                    CbsUser *other)
{
  return contains (self->blocks, other) || contains (self->blocked_by, other);
}

static int
compare_names (gconstpointer a,
               gconstpointer b)
{
  const CbsUser *left = *(const CbsUser *const *) a;
  const CbsUser *right = *(const CbsUser *const *) b;

  return strcmp (left->name, right->name);
}

static void
add_all (GPtrArray  *users,
         GHashTable *set)
{
  GHashTableIter iter;
  gpointer user = NULL;

  if (set == NULL)
    return;

  g_hash_table_iter_init (&iter, set);
  while (g_hash_table_iter_next (&iter, &user, NULL))
    g_ptr_array_add (users, user);
}

/**
 * cbs_user_list_blocks:
 * @self: a user
 *
 * Lists whom the user blocks, by name.
 *
 * Returns: (transfer container) (element-type CbsUser): the users
 */
GPtrArray *
cbs_user_list_blocks (CbsUser *self)
{
  GPtrArray *users = g_ptr_array_new ();

  add_all (users, self->blocks);
  g_ptr_array_sort (users, compare_names);
  return users;
}

/**
 * cbs_user_list_hidden:
 * @self: a user
 *
 * Lists whom the user does not see; who is in both relations stands twice.
 *
 * Returns: (transfer container) (element-type CbsUser): the users
 */
GPtrArray *
cbs_user_list_hidden (CbsUser *self)
{
  GPtrArray *users = g_ptr_array_new ();

  add_all (users, self->blocks);
  add_all (users, self->blocked_by);
  return users;
}
