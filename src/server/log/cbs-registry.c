/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-registry.h"

/* How many of the names in use look alike. ASCII names do not clash by their
 * looks with one another, but with any other name. */
typedef struct
{
  guint n_ascii;
  guint n_others;
} Lookalikes;

/* What has been done since the last settling. */
typedef struct
{
  CbName  *name;
  gboolean claimed; /* else released */
} Change;

struct _CbsRegistry
{
  GHashTable *names;            /* of CbName, by key */
  GHashTable *skeletons;        /* of Lookalikes, by skeleton */
  GHashTable *folded_skeletons; /* of Lookalikes, by folded skeleton */
  GArray     *changes;          /* of Change */
};

static void
change_clear (gpointer data)
{
  cb_name_unref (((Change *) data)->name);
}

/**
 * cbs_registry_new:
 *
 * Makes a registry in which every name is free.
 *
 * Returns: (transfer full): a registry
 */
CbsRegistry *
cbs_registry_new (void)
{
  CbsRegistry *self = g_new0 (CbsRegistry, 1);

  self->names = g_hash_table_new_full (g_str_hash, g_str_equal,
                                       NULL, (GDestroyNotify) cb_name_unref);
  self->skeletons = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->folded_skeletons = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->changes = g_array_new (FALSE, FALSE, sizeof (Change));
  g_array_set_clear_func (self->changes, change_clear);
  return self;
}

/**
 * cbs_registry_free:
 * @self: (transfer full): a registry
 *
 * Frees a registry.
 */
void
cbs_registry_free (CbsRegistry *self)
{
  g_return_if_fail (self != NULL);

  g_array_unref (self->changes);
  g_hash_table_unref (self->folded_skeletons);
  g_hash_table_unref (self->skeletons);
  g_hash_table_unref (self->names);
  g_free (self);
}

static gboolean
looks_like_another (GHashTable *table,
                    const char *skeleton,
                    gboolean    ascii)
{
  const Lookalikes *found = g_hash_table_lookup (table, skeleton);

  return found != NULL && (found->n_others > 0 || !ascii);
}

static void
add_lookalike (GHashTable *table,
               const char *skeleton,
               gboolean    ascii)
{
  Lookalikes *found = g_hash_table_lookup (table, skeleton);

  if (found == NULL)
    {
      found = g_new0 (Lookalikes, 1);
      g_hash_table_insert (table, g_strdup (skeleton), found);
    }
  if (ascii)
    found->n_ascii++;
  else
    found->n_others++;
}

static void
remove_lookalike (GHashTable *table,
                  const char *skeleton,
                  gboolean    ascii)
{
  Lookalikes *found = g_hash_table_lookup (table, skeleton);

  if (ascii)
    found->n_ascii--;
  else
    found->n_others--;
  if (found->n_ascii == 0 && found->n_others == 0)
    g_hash_table_remove (table, skeleton);
}

static void
add (CbsRegistry *self,
     CbName      *name)
{
  const gboolean ascii = cb_name_is_ascii (name);

  g_hash_table_insert (self->names, (char *) cb_name_get_key (name), cb_name_ref (name));
  add_lookalike (self->skeletons, cb_name_get_skeleton (name), ascii);
  add_lookalike (self->folded_skeletons, cb_name_get_folded_skeleton (name), ascii);
}

static void
drop (CbsRegistry *self,
      CbName      *name)
{
  const gboolean ascii = cb_name_is_ascii (name);

  remove_lookalike (self->skeletons, cb_name_get_skeleton (name), ascii);
  remove_lookalike (self->folded_skeletons, cb_name_get_folded_skeleton (name), ascii);
  g_hash_table_remove (self->names, cb_name_get_key (name));
}

static void
note_change (CbsRegistry *self,
             CbName      *name,
             gboolean     claimed)
{
  const Change change = { .name = cb_name_ref (name), .claimed = claimed };

  g_array_append_val (self->changes, change);
}

/**
 * cbs_registry_claim:
 * @self: a registry
 * @name: the name that somebody wants
 *
 * Takes a name into use.
 *
 * Returns: %TRUE; %FALSE if it clashes with one that is in use
 */
gboolean
cbs_registry_claim (CbsRegistry *self,
                    CbName      *name)
{
  gboolean ascii = FALSE;

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (name != NULL, FALSE);

  ascii = cb_name_is_ascii (name);
  if (g_hash_table_contains (self->names, cb_name_get_key (name)) ||
      looks_like_another (self->skeletons, cb_name_get_skeleton (name), ascii) ||
      looks_like_another (self->folded_skeletons, cb_name_get_folded_skeleton (name), ascii))
    return FALSE;

  add (self, name);
  note_change (self, name, TRUE);
  return TRUE;
}

/**
 * cbs_registry_release:
 * @self: a registry
 * @key: key of a name
 *
 * Frees the name of that key for others. If it is not in use nothing is done.
 */
void
cbs_registry_release (CbsRegistry *self,
                      const char  *key)
{
  CbName *name = NULL;

  g_return_if_fail (self != NULL);
  g_return_if_fail (key != NULL);

  name = g_hash_table_lookup (self->names, key);
  if (name == NULL)
    return;

  note_change (self, name, FALSE);
  drop (self, name);
}

/**
 * cbs_registry_lookup:
 * @self: a registry
 * @key: key of a name
 *
 * Finds the name in use that has that key.
 *
 * Returns: (transfer none) (nullable): the name, as long as it is in use;
 *   %NULL: there is none
 */
CbName *
cbs_registry_lookup (CbsRegistry *self,
                     const char  *key)
{
  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (key != NULL, NULL);

  return g_hash_table_lookup (self->names, key);
}

/**
 * cbs_registry_settle:
 * @self: a registry
 *
 * Makes all that was changed final.
 */
void
cbs_registry_settle (CbsRegistry *self)
{
  g_return_if_fail (self != NULL);

  g_array_set_size (self->changes, 0);
}

/**
 * cbs_registry_revert:
 * @self: a registry
 *
 * Takes back all that was changed since the last settling.
 */
void
cbs_registry_revert (CbsRegistry *self)
{
  g_return_if_fail (self != NULL);

  for (guint i = self->changes->len; i > 0; i--)
    {
      const Change *change = &g_array_index (self->changes, Change, i - 1);

      if (change->claimed)
        drop (self, change->name);
      else
        add (self, change->name);
    }
  g_array_set_size (self->changes, 0);
}

/**
 * cbs_registry_count:
 * @self: a registry
 *
 * Counts the names in use.
 *
 * Returns: how many there are
 */
guint
cbs_registry_count (CbsRegistry *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return g_hash_table_size (self->names);
}
