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
  g_clear_pointer (&self->keys, g_ptr_array_unref);
  g_clear_pointer (&self->markers, g_hash_table_unref);
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

static void
user_key_free (CbsUserKey *key)
{
  g_free (key->id);
  g_free (key);
}

/* G_MAXUINT: it is none of the user's. */
static guint
find_key (CbsUser    *self,
          const char *id)
{
  for (guint i = 0; self->keys != NULL && i < self->keys->len; i++)
    {
      if (strcmp (((const CbsUserKey *) g_ptr_array_index (self->keys, i))->id, id) == 0)
        return i;
    }

  return G_MAXUINT;
}

/**
 * cbs_user_add_key:
 * @self: a user
 * @id: SHA-256 of a public key, 64 lower-case hexadecimal digits
 * @added_us: when it came to the name, microseconds since the epoch, UTC
 *
 * Makes a key one of those that own the name.
 *
 * Returns: %FALSE if it was one already
 */
gboolean
cbs_user_add_key (CbsUser    *self,
                  const char *id,
                  gint64      added_us)
{
  CbsUserKey *key = NULL;

  if (cbs_user_has_key (self, id))
    return FALSE;

  key = g_new0 (CbsUserKey, 1);
  key->id = g_strdup (id);
  key->added_us = added_us;
  if (self->keys == NULL)
    self->keys = g_ptr_array_new_with_free_func ((GDestroyNotify) user_key_free);
  g_ptr_array_add (self->keys, key);
  return TRUE;
}

/**
 * cbs_user_remove_key:
 * @self: a user
 * @id: SHA-256 of a public key
 *
 * Takes a key from the name.
 *
 * Returns: %FALSE if it was none of its keys
 */
gboolean
cbs_user_remove_key (CbsUser    *self,
                     const char *id)
{
  const guint i = find_key (self, id);

  if (i == G_MAXUINT)
    return FALSE;

  g_ptr_array_remove_index (self->keys, i);
  if (self->keys->len == 0)
    g_clear_pointer (&self->keys, g_ptr_array_unref);
  return TRUE;
}

/**
 * cbs_user_has_key:
 * @self: a user
 * @id: SHA-256 of a public key
 *
 * Tells whether a key owns the name.
 *
 * Returns: %TRUE if so
 */
gboolean
cbs_user_has_key (CbsUser    *self,
                  const char *id)
{
  return find_key (self, id) != G_MAXUINT;
}

/**
 * cbs_user_count_keys:
 * @self: a user
 *
 * Counts the keys that own the name.
 *
 * Returns: how many; 0: nobody owns it
 */
guint
cbs_user_count_keys (CbsUser *self)
{
  return self->keys != NULL ? self->keys->len : 0;
}

/**
 * cbs_user_mark_read:
 * @self: who has read
 * @other: (nullable): what was said with whom; %NULL: to everybody
 * @seq: sequence up to which it was read
 *
 * Moves a read marker; it never goes back.
 *
 * Returns: %TRUE if it has moved
 */
gboolean
cbs_user_mark_read (CbsUser *self,
                    CbsUser *other,
                    gint64   seq)
{
  if (seq <= cbs_user_get_marker (self, other))
    return FALSE;

  if (self->markers == NULL)
    self->markers = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  g_hash_table_insert (self->markers, other, g_memdup2 (&seq, sizeof seq));
  return TRUE;
}

/**
 * cbs_user_get_marker:
 * @self: who has read
 * @other: (nullable): what was said with whom; %NULL: to everybody
 *
 * Tells how far the user has read.
 *
 * Returns: a sequence; 0: nothing
 */
gint64
cbs_user_get_marker (CbsUser *self,
                     CbsUser *other)
{
  const gint64 *seq = self->markers != NULL ? g_hash_table_lookup (self->markers, other) : NULL;

  return seq != NULL ? *seq : 0;
}

/* NULL, everybody, comes first. */
static int
compare_indices (gconstpointer a,
                 gconstpointer b)
{
  const CbsUser *left = *(const CbsUser *const *) a;
  const CbsUser *right = *(const CbsUser *const *) b;

  if (left == NULL || right == NULL)
    return (right == NULL) - (left == NULL);
  return left->index < right->index ? -1 : left->index > right->index;
}

/**
 * cbs_user_list_marked:
 * @self: a user
 *
 * Lists with whom the user has read what was said, in the order of their
 * first joins; %NULL among them, as the first: with everybody.
 *
 * Returns: (transfer container) (element-type CbsUser): the users
 */
GPtrArray *
cbs_user_list_marked (CbsUser *self)
{
  GPtrArray *users = g_ptr_array_new ();

  add_all (users, self->markers);
  g_ptr_array_sort (users, compare_indices);
  return users;
}

/**
 * cbs_user_forget_holder:
 * @self: a user whose name comes to another holder
 *
 * Forgets what the former one had: its own blocks, its read markers and its
 * keys. The blocks of others against the name stay.
 */
void
cbs_user_forget_holder (CbsUser *self)
{
  g_autoptr (GPtrArray) blocked = g_ptr_array_new ();

  add_all (blocked, self->blocks);
  for (guint i = 0; i < blocked->len; i++)
    cbs_user_unblock (self, g_ptr_array_index (blocked, i));
  g_clear_pointer (&self->keys, g_ptr_array_unref);
  g_clear_pointer (&self->markers, g_hash_table_unref);
}
