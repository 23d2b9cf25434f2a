/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/room/cbs-room-private.h"

#include <string.h>

/* Most keys that a name can have. */
#define MAX_KEYS 16u

#define REVOKED "The key that you are logged in with was revoked"

/* Appends `"KEYS":[…]`: the keys that own the name of the member. */
void
cbs_room_append_keys (GString         *json,
                      const CbsMember *member)
{
  const GPtrArray *keys = member->user->keys;

  g_string_append (json, "\"KEYS\":[");
  for (guint i = 0; keys != NULL && i < keys->len; i++)
    {
      const CbsUserKey *key = g_ptr_array_index (keys, i);

      g_string_append_printf (json, "%s{\"id\":\"%s\",\"added\":%" G_GINT64_FORMAT ",\"current\":%s}",
                              i > 0 ? "," : "", key->id, key->added_us / G_USEC_PER_SEC,
                              g_strcmp0 (key->id, member->key_id) == 0 ? "true" : "false");
    }
  g_string_append_c (json, ']');
}

/* Each id once, as it is stored. */
static GPtrArray *
collect_ids (GStrv ids)
{
  GPtrArray *collected = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; ids != NULL && ids[i] != NULL; i++)
    {
      g_autofree char *id = g_ascii_strdown (ids[i], -1);

      if (!g_ptr_array_find_with_equal_func (collected, id, g_str_equal, NULL))
        g_ptr_array_add (collected, g_steal_pointer (&id));
    }

  return collected;
}

static guint
count_new (CbsUser   *user,
           GPtrArray *ids)
{
  guint n_new = 0;

  for (guint i = 0; i < ids->len; i++)
    n_new += cbs_user_has_key (user, g_ptr_array_index (ids, i)) ? 0 : 1;
  return n_new;
}

/* Why the change can't be made; NULL: it can. */
static char *
find_fault (const CbsMember *member,
            GPtrArray       *add,
            GPtrArray       *revoke)
{
  const guint n_keys = cbs_user_count_keys (member->user) + count_new (member->user, add);

  for (guint i = 0; i < revoke->len; i++)
    {
      const char *id = g_ptr_array_index (revoke, i);

      if (g_ptr_array_find_with_equal_func (add, id, g_str_equal, NULL))
        return g_strdup_printf ("Key %s can't be added and revoked at once", id);
      if (!cbs_user_has_key (member->user, id))
        return g_strdup_printf ("Key %s is none of yours", id);
    }
  if (n_keys > MAX_KEYS)
    return g_strdup_printf ("The name would have %u keys; the limit is %u", n_keys, MAX_KEYS);
  if (revoke->len >= n_keys)
    return g_strdup ("The last key of a name can't be revoked");

  return NULL;
}

static void
append_change (CbsWait     *wait,
               CbsMember   *member,
               CbsEntryKind kind,
               const char  *id,
               CbsEffects  *effects)
{
  cbs_wait_append (wait, member, cbs_entry_new_key (kind, member->user->key, id), effects);
}

/* New keys first, so that the name always has one; the key that asks last, so that it hears of all. */
static void
append_changes (CbsWait    *wait,
                CbsMember  *member,
                GPtrArray  *add,
                GPtrArray  *revoke,
                CbsEffects *effects)
{
  const char *own = NULL;

  for (guint i = 0; i < add->len; i++)
    {
      const char *id = g_ptr_array_index (add, i);

      if (!cbs_user_has_key (member->user, id))
        append_change (wait, member, CBS_ENTRY_KEY_ADD, id, effects);
    }
  for (guint i = 0; i < revoke->len; i++)
    {
      const char *id = g_ptr_array_index (revoke, i);

      if (strcmp (id, member->key_id) == 0)
        own = id;
      else
        append_change (wait, member, CBS_ENTRY_KEY_REVOKE, id, effects);
    }
  if (own != NULL)
    append_change (wait, member, CBS_ENTRY_KEY_REVOKE, own, effects);
}

/**
 * cbs_room_change_keys:
 * @self: a room
 * @peer: number of the peer who asks
 * @change: ids of the keys it wants to add, and to revoke
 * @request: number of the request, or %CBS_NO_REQUEST
 * @effects: where to add what has to be done
 *
 * A peer changes the keys of its name, or only asks for them. Only who is
 * logged in by one of them may. It is all done, or nothing, unless the log
 * decides otherwise.
 *
 * Source: `docs/protocol.md`, “KEYS”.
 */
void
cbs_room_change_keys (CbsRoom               *self,
                      guint64                peer,
                      const CbChangeRequest *change,
                      gint64                 request,
                      CbsEffects            *effects)
{
  CbsMember *member = cbs_room_find_here (self, peer);
  g_autoptr (GPtrArray) add = collect_ids (change->add);
  g_autoptr (GPtrArray) revoke = collect_ids (change->remove);
  g_autofree char *fault = NULL;
  g_autoptr (CbsWait) wait = NULL;

  if (member == NULL || member->key_id == NULL || !cbs_user_has_key (member->user, member->key_id))
    {
      cbs_room_reply_error (effects, peer, request, "Log in by a key that owns your name before you see its keys");
      return;
    }
  fault = find_fault (member, add, revoke);
  if (fault != NULL)
    {
      cbs_room_reply_error (effects, peer, request, "%s", fault);
      return;
    }

  wait = cbs_wait_new (CBS_WAIT_KEYS, request);
  append_changes (wait, member, add, revoke, effects);
  cbs_room_wait (member, g_steal_pointer (&wait), effects);
}

/* Whoever is here by a key that is revoked has to go, and counts no more from now on. */
static void
close_revoked (CbsUser    *user,
               const char *key_id,
               CbsEffects *effects)
{
  for (CbsMember *member = user->members; member != NULL; member = member->next)
    {
      if (member->state != CBS_MEMBER_HERE || g_strcmp0 (member->key_id, key_id) != 0)
        continue;
      member->is_closed = TRUE;
      cbs_effects_close (effects, member->peer, REVOKED);
      cbs_room_append_leave (member, effects);
    }
}

/* The log has stored that a key has come to a name, or was revoked. */
void
cbs_room_commit_key (CbsRoom    *self,
                     CbsEntry   *entry,
                     CbsEffects *effects)
{
  CbsUser *user = g_hash_table_lookup (self->users, entry->src);
  CbsMember *member = g_hash_table_lookup (self->members, &entry->origin);

  if (user == NULL || entry->key_id == NULL)
    return;

  if (entry->kind == CBS_ENTRY_KEY_ADD)
    cbs_user_add_key (user, entry->key_id, entry->time_us);
  else
    cbs_user_remove_key (user, entry->key_id);
  if (member != NULL)
    cbs_room_settle (member, entry, NULL, effects);
  if (entry->kind == CBS_ENTRY_KEY_REVOKE)
    close_revoked (user, entry->key_id, effects);
}
