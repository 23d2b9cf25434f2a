/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-fold.h"

#include <string.h>

/* Lifts the blocks of a user: that of @dest, or all. */
static void
drop_blocks (CbsLogSnapshot *snapshot,
             const char     *src,
             const char     *dest)
{
  for (guint i = snapshot->blocks->len; i > 0; i--)
    {
      const CbsLogBlock *block = g_ptr_array_index (snapshot->blocks, i - 1);

      if (strcmp (block->src, src) == 0 && (dest == NULL || strcmp (block->dest, dest) == 0))
        g_ptr_array_remove_index (snapshot->blocks, i - 1);
    }
}

static void
fold_join (CbsLogSnapshot *snapshot,
           GHashTable     *users,
           const CbsEntry *entry)
{
  CbsLogUser *user = g_hash_table_lookup (users, entry->src);
  gsize len = 0;
  const char *text = g_bytes_get_data (entry->body, &len);
  g_autofree char *name = g_strndup (text, len);

  if (entry->passed)
    drop_blocks (snapshot, entry->src, NULL);

  if (user == NULL)
    {
      user = cbs_log_snapshot_add_user (snapshot, entry->src, name);
      g_hash_table_insert (users, user->key, user);
      return;
    }

  g_free (user->name);
  user->name = g_steal_pointer (&name);
}

static void
fold_entry (CbsLogSnapshot *snapshot,
            GHashTable     *users,
            const CbsEntry *entry)
{
  switch (entry->kind)
    {
    case CBS_ENTRY_JOIN:
      fold_join (snapshot, users, entry);
      break;
    case CBS_ENTRY_BLOCK:
      drop_blocks (snapshot, entry->src, entry->dest);
      cbs_log_snapshot_add_block (snapshot, entry->src, entry->dest);
      break;
    case CBS_ENTRY_UNBLOCK:
      drop_blocks (snapshot, entry->src, entry->dest);
      break;
    case CBS_ENTRY_MESSAGE:
    case CBS_ENTRY_LEAVE:
    case CBS_ENTRY_NODE_UP:
    case CBS_ENTRY_KEY_ADD:
    case CBS_ENTRY_KEY_REVOKE:
    case CBS_ENTRY_READ:
    default:
      break;
    }
}

static void
add_holder (CbsLogUser      *user,
            const CbsHolder *holder)
{
  user->since = holder->since;
  for (guint i = 0; i < holder->keys->len; i++)
    {
      const CbsLogKey *key = g_ptr_array_index (holder->keys, i);

      cbs_log_user_add_key (user, key->id, key->added_us);
    }
}

/**
 * cbs_fold_entries:
 * @entries: (element-type CbsEntry): all the entries of a log, in order
 * @holders: who holds its names
 *
 * Finds what all the entries together have led to.
 *
 * Returns: (transfer full): a snapshot without head, markers and id
 */
CbsLogSnapshot *
cbs_fold_entries (GPtrArray  *entries,
                  CbsHolders *holders)
{
  g_autoptr (GHashTable) users = g_hash_table_new (g_str_hash, g_str_equal);
  CbsLogSnapshot *snapshot = cbs_log_snapshot_new ();

  for (guint i = 0; i < entries->len; i++)
    fold_entry (snapshot, users, g_ptr_array_index (entries, i));
  for (guint i = 0; i < snapshot->users->len; i++)
    {
      CbsLogUser *user = g_ptr_array_index (snapshot->users, i);
      const CbsHolder *holder = cbs_holders_lookup (holders, user->key);

      if (holder != NULL)
        add_holder (user, holder);
    }

  return snapshot;
}
