/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-holders.h"

#include <string.h>

#include "server/log/cbs-log-private.h"
#include "server/log/cbs-registry.h"

struct _CbsHolders
{
  CbsRegistry *registry; /* the names in use */
  GHashTable  *holders;  /* of CbsHolder, by key of the name */
  GHashTable  *saved;    /* what changed ones were when all was settled: CbsHolder, or NULL, by key */
  gint64       time_us;  /* of what is applied */
};

static void
key_free (CbsLogKey *self)
{
  g_free (self->id);
  g_free (self);
}

static CbsHolder *
holder_new (void)
{
  CbsHolder *self = g_new0 (CbsHolder, 1);

  self->keys = g_ptr_array_new_with_free_func ((GDestroyNotify) key_free);
  return self;
}

static void
holder_free (CbsHolder *self)
{
  if (self == NULL)
    return;

  g_ptr_array_unref (self->keys);
  g_free (self->address);
  g_free (self);
}

static void
holder_add_key (CbsHolder  *self,
                const char *id,
                gint64      added_us)
{
  CbsLogKey *key = g_new0 (CbsLogKey, 1);

  key->id = g_strdup (id);
  key->added_us = added_us;
  g_ptr_array_add (self->keys, key);
}

static CbsHolder *
holder_copy (const CbsHolder *self)
{
  CbsHolder *copy = holder_new ();

  copy->since = self->since;
  copy->address = g_strdup (self->address);
  copy->used_us = self->used_us;
  copy->n_online = self->n_online;
  copy->released = self->released;
  for (guint i = 0; i < self->keys->len; i++)
    {
      const CbsLogKey *key = g_ptr_array_index (self->keys, i);

      holder_add_key (copy, key->id, key->added_us);
    }

  return copy;
}

static gboolean
holder_find_key (const CbsHolder *self,
                 const char      *id,
                 guint           *out_index)
{
  for (guint i = 0; i < self->keys->len; i++)
    {
      const CbsLogKey *key = g_ptr_array_index (self->keys, i);

      if (strcmp (key->id, id) == 0)
        {
          *out_index = i;
          return TRUE;
        }
    }

  return FALSE;
}

/**
 * cbs_holders_new:
 *
 * Makes the holders of a log in which nobody has joined.
 *
 * Returns: (transfer full): holders
 */
CbsHolders *
cbs_holders_new (void)
{
  CbsHolders *self = g_new0 (CbsHolders, 1);

  self->registry = cbs_registry_new ();
  self->holders = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) holder_free);
  self->saved = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) holder_free);
  return self;
}

/**
 * cbs_holders_free:
 * @self: (transfer full): holders
 *
 * Frees holders.
 */
void
cbs_holders_free (CbsHolders *self)
{
  g_return_if_fail (self != NULL);

  g_hash_table_unref (self->saved);
  g_hash_table_unref (self->holders);
  cbs_registry_free (self->registry);
  g_free (self);
}

/**
 * cbs_holders_add:
 * @self: holders of which nothing was changed
 * @key: key of a name that is not there yet
 *
 * Adds what is stored of a name, to be filled in by the caller at once. Its
 * keys come by [method@Cbs.Holders.add_key].
 *
 * Returns: (transfer none): its holder: nobody is online, and it is not owned
 */
CbsHolder *
cbs_holders_add (CbsHolders *self,
                 const char *key)
{
  CbsHolder *holder = NULL;

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (key != NULL, NULL);

  holder = holder_new ();
  g_hash_table_replace (self->holders, g_strdup (key), holder);
  return holder;
}

/**
 * cbs_holders_add_key:
 * @self: holders of which nothing was changed
 * @key: key of a name that was added
 * @id: SHA-256 of the public key, 64 hexadecimal digits
 * @added_us: when it came to the name, microseconds since the epoch, UTC
 *
 * Adds a stored key to a name. The name has to be reserved, too.
 */
void
cbs_holders_add_key (CbsHolders *self,
                     const char *key,
                     const char *id,
                     gint64      added_us)
{
  CbsHolder *holder = NULL;

  g_return_if_fail (self != NULL);
  g_return_if_fail (id != NULL);

  holder = g_hash_table_lookup (self->holders, key);
  g_return_if_fail (holder != NULL);
  holder_add_key (holder, id, added_us);
}

/**
 * cbs_holders_reserve:
 * @self: holders of which nothing was changed
 * @name: a name that is owned
 *
 * Takes a name into use though nobody is online.
 *
 * Returns: %TRUE; %FALSE if it clashes with one that is in use
 */
gboolean
cbs_holders_reserve (CbsHolders *self,
                     CbName     *name)
{
  gboolean is_reserved = FALSE;

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (name != NULL, FALSE);

  is_reserved = cbs_registry_lookup (self->registry, cb_name_get_key (name)) != NULL ||
                cbs_registry_claim (self->registry, name);
  cbs_registry_settle (self->registry);
  return is_reserved;
}

/**
 * cbs_holders_lookup:
 * @self: holders
 * @key: key of a name
 *
 * Finds who holds a name.
 *
 * Returns: (transfer none) (nullable): its holder, until something is
 *   changed; %NULL: nobody has ever joined by it
 */
const CbsHolder *
cbs_holders_lookup (CbsHolders *self,
                    const char *key)
{
  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (key != NULL, NULL);

  return g_hash_table_lookup (self->holders, key);
}

/* The holder of a name, to be changed: what it was is kept until that is settled. */
static CbsHolder *
edit (CbsHolders *self,
      const char *key)
{
  CbsHolder *holder = g_hash_table_lookup (self->holders, key);

  if (!g_hash_table_contains (self->saved, key))
    g_hash_table_insert (self->saved, g_strdup (key), holder != NULL ? holder_copy (holder) : NULL);
  if (holder == NULL)
    {
      holder = holder_new ();
      g_hash_table_insert (self->holders, g_strdup (key), holder);
    }

  return holder;
}

static void
set_owned_error (GError        **error,
                 const CbsEntry *entry)
{
  g_set_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_NAME_OWNED,
               "The name “%s” belongs to somebody else's key", cb_name_get_text (entry->name));
}

/* Rounded up: who waits that long gets it. */
static void
set_held_error (GError        **error,
                const CbsEntry *entry,
                gint64          left_us)
{
  const gboolean in_hours = left_us > G_TIME_SPAN_HOUR;
  const gint64 unit_us = in_hours ? G_TIME_SPAN_HOUR : G_TIME_SPAN_MINUTE;
  const gint64 n_units = (left_us - 1) / unit_us + 1;

  g_set_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_NAME_HELD,
               "The name “%s” is kept for another address for %" G_GINT64_FORMAT " %s%s",
               cb_name_get_text (entry->name), n_units,
               in_hours ? "hour" : "minute", n_units == 1 ? "" : "s");
}

/* How long the name is kept from who wants to join, in microseconds: 0 if it
 * is not, -1 if it never was or if it is the one that it was kept for. */
static gint64
measure_hold (CbsHolders      *self,
              const CbsHolder *holder,
              const CbsEntry  *entry)
{
  const gint64 unused_us = MAX (self->time_us - holder->used_us, 0);

  if (entry->hold_us <= 0 || holder->address == NULL ||
      g_strcmp0 (holder->address, entry->address) == 0)
    return -1;

  return unused_us < entry->hold_us ? entry->hold_us - unused_us : 0;
}

/* Takes a name into use in place of what its owner had it shown as before: only its cases may differ,
 * but those can be what makes it look like another. */
static gboolean
claim_again (CbsHolders *self,
             CbName     *name)
{
  CbName *shown = cbs_registry_lookup (self->registry, cb_name_get_key (name));
  g_autoptr (CbName) before = shown != NULL ? cb_name_ref (shown) : NULL;

  if (before == NULL)
    return cbs_registry_claim (self->registry, name);
  if (strcmp (cb_name_get_text (before), cb_name_get_text (name)) == 0)
    return TRUE;

  cbs_registry_release (self->registry, cb_name_get_key (before));
  if (cbs_registry_claim (self->registry, name))
    return TRUE;

  cbs_registry_claim (self->registry, before);
  return FALSE;
}

/* Whether somebody may join by that name, which is taken into use then. */
static gboolean
admit (CbsHolders      *self,
       const CbsEntry  *entry,
       const CbsHolder *holder,
       gboolean        *out_passes,
       GError         **error)
{
  const gboolean is_owned = holder != NULL && holder->keys->len > 0;
  const gint64 left_us = holder != NULL ? measure_hold (self, holder, entry) : -1;
  guint index = 0;

  if (is_owned && (entry->key_id == NULL || !holder_find_key (holder, entry->key_id, &index)))
    {
      set_owned_error (error, entry);
      return FALSE;
    }

  /* That it is in use is what counts as long as it is: then it is not only kept. */
  if (!is_owned && left_us > 0 && holder->n_online == 0)
    {
      set_held_error (error, entry, left_us);
      return FALSE;
    }

  if (is_owned ? !claim_again (self, entry->name) : !cbs_registry_claim (self->registry, entry->name))
    {
      g_propagate_error (error, cbs_log_new_name_taken_error ());
      return FALSE;
    }

  *out_passes = holder != NULL && !is_owned && (holder->released || left_us == 0);
  return TRUE;
}

static gboolean
join (CbsHolders     *self,
      const CbsEntry *entry,
      gint64          seq,
      CbsHolding     *out_holding,
      GError        **error)
{
  CbsHolding holding = { 0, };
  CbsHolder *holder = NULL;

  if (!admit (self, entry, cbs_holders_lookup (self, entry->src), &holding.passed, error))
    return FALSE;

  holder = edit (self, entry->src);
  if (holding.passed)
    holder->since = seq;
  if (holder->keys->len == 0 && entry->key_id != NULL)
    {
      holder_add_key (holder, entry->key_id, self->time_us);
      holding.is_first_key = TRUE;
    }
  g_free (holder->address);
  holder->address = g_strdup (entry->address);
  holder->used_us = self->time_us;
  holder->released = FALSE;
  holder->n_online++;

  holding.since = holder->since;
  holding.owned = holder->keys->len > 0;
  *out_holding = holding;
  return TRUE;
}

static void
leave (CbsHolders     *self,
       const CbsEntry *entry)
{
  CbsHolder *holder = NULL;

  if (cbs_holders_lookup (self, entry->src) == NULL)
    return;

  holder = edit (self, entry->src);
  holder->used_us = self->time_us;
  if (holder->n_online > 0)
    holder->n_online--;
  if (holder->n_online == 0 && holder->keys->len == 0)
    cbs_registry_release (self->registry, entry->src);
}

static gboolean
add_key (CbsHolders     *self,
         const CbsEntry *entry,
         GError        **error)
{
  const CbsHolder *holder = cbs_holders_lookup (self, entry->src);
  guint index = 0;

  if (holder == NULL || holder->keys->len == 0)
    {
      g_set_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_KEYS,
                   "The name “%s” belongs to no key", entry->src);
      return FALSE;
    }

  if (holder_find_key (holder, entry->key_id, &index))
    return TRUE;

  if (holder->keys->len >= CBS_HOLDERS_MAX_KEYS)
    {
      g_set_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_KEYS,
                   "A name can have %u keys, and “%s” has them", CBS_HOLDERS_MAX_KEYS, entry->src);
      return FALSE;
    }

  holder_add_key (edit (self, entry->src), entry->key_id, self->time_us);
  return TRUE;
}

static gboolean
revoke_key (CbsHolders     *self,
            const CbsEntry *entry,
            GError        **error)
{
  const CbsHolder *holder = cbs_holders_lookup (self, entry->src);
  guint index = 0;

  if (holder == NULL || !holder_find_key (holder, entry->key_id, &index))
    {
      g_set_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_KEYS,
                   "The name “%s” has no key “%s”", entry->src, entry->key_id);
      return FALSE;
    }

  if (holder->keys->len == 1)
    {
      g_set_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_KEYS,
                   "The last key of the name “%s” can't be revoked", entry->src);
      return FALSE;
    }

  g_ptr_array_remove_index (edit (self, entry->src)->keys, index);
  return TRUE;
}

/**
 * cbs_holders_begin:
 * @self: holders
 * @time_us: when that happens which is applied from now on, microseconds
 *   since the epoch, UTC; it never goes back
 *
 * Sets the time.
 */
void
cbs_holders_begin (CbsHolders *self,
                   gint64      time_us)
{
  g_return_if_fail (self != NULL);

  self->time_us = time_us;
}

/**
 * cbs_holders_apply:
 * @self: holders
 * @entry: something that somebody wants to do
 * @seq: the sequence that it would get, from 1
 * @out_holding: (out): JOIN: what it has led to
 * @error: return location for a #GError
 *
 * Decides whether an entry may be stored, and notes what it changes.
 *
 * Returns: %TRUE; %FALSE, with all and @out_holding untouched: JOIN with
 *   %CBS_LOG_ERROR_NAME_TAKEN, %CBS_LOG_ERROR_NAME_OWNED or
 *   %CBS_LOG_ERROR_NAME_HELD, KEY_ADD and KEY_REVOKE with %CBS_LOG_ERROR_KEYS
 */
gboolean
cbs_holders_apply (CbsHolders     *self,
                   const CbsEntry *entry,
                   gint64          seq,
                   CbsHolding     *out_holding,
                   GError        **error)
{
  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (entry != NULL, FALSE);
  g_return_val_if_fail (out_holding != NULL, FALSE);

  switch (entry->kind)
    {
    case CBS_ENTRY_JOIN:
      return join (self, entry, seq, out_holding, error);
    case CBS_ENTRY_KEY_ADD:
      return add_key (self, entry, error);
    case CBS_ENTRY_KEY_REVOKE:
      return revoke_key (self, entry, error);
    case CBS_ENTRY_LEAVE:
      leave (self, entry);
      return TRUE;
    case CBS_ENTRY_MESSAGE:
    case CBS_ENTRY_NODE_UP:
    case CBS_ENTRY_BLOCK:
    case CBS_ENTRY_UNBLOCK:
    case CBS_ENTRY_READ:
    default:
      return TRUE;
    }
}

/**
 * cbs_holders_settle:
 * @self: holders
 *
 * Makes all that was changed final.
 */
void
cbs_holders_settle (CbsHolders *self)
{
  g_return_if_fail (self != NULL);

  g_hash_table_remove_all (self->saved);
  cbs_registry_settle (self->registry);
}

/**
 * cbs_holders_revert:
 * @self: holders
 *
 * Takes back all that was changed since the last settling.
 */
void
cbs_holders_revert (CbsHolders *self)
{
  GHashTableIter iter;
  gpointer key = NULL;
  gpointer holder = NULL;

  g_return_if_fail (self != NULL);

  g_hash_table_iter_init (&iter, self->saved);
  while (g_hash_table_iter_next (&iter, &key, &holder))
    {
      g_hash_table_iter_steal (&iter);
      if (holder != NULL)
        g_hash_table_replace (self->holders, key, holder);
      else
        {
          g_hash_table_remove (self->holders, key);
          g_free (key);
        }
    }
  cbs_registry_revert (self->registry);
}
