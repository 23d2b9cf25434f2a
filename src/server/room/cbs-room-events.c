/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/room/cbs-room-private.h"

#include <string.h>

static void
append_user_names (CbsRoom *self,
                   GString *json)
{
  for (guint i = 0; i < self->online->len; i++)
    {
      const CbsUser *user = g_ptr_array_index (self->online, i);

      if (i > 0)
        g_string_append_c (json, ',');
      cb_json_append_string (json, user->name, CB_JSON_ASCII);
    }
}

static void
append_user_objects (CbsRoom *self,
                     GString *json)
{
  for (guint i = 0; i < self->everyone->len; i++)
    {
      const CbsUser *user = g_ptr_array_index (self->everyone, i);

      g_string_append (json, i > 0 ? ",{\"name\":" : "{\"name\":");
      cb_json_append_string (json, user->name, CB_JSON_ASCII);
      g_string_append (json, user->members != NULL ? ",\"active\":true}" : ",\"active\":false}");
    }
}

/* Written once for all who join before it changes. */
static GBytes *
get_user_list (CbsRoom *self)
{
  if (self->user_list == NULL)
    {
      GString *json = g_string_new ("[");

      if (self->settings.user_list == CBS_USER_LIST_OBJECTS)
        append_user_objects (self, json);
      else
        append_user_names (self, json);
      g_string_append_c (json, ']');
      self->user_list = g_string_free_to_bytes (json);
    }

  return self->user_list;
}

static GHashTable *
peer_set_new (void)
{
  return g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
}

static void
peer_set_add (GHashTable *set,
              guint64     peer)
{
  g_hash_table_add (set, g_memdup2 (&peer, sizeof peer));
}

/* One more peer of a user; the last one stands last. */
static void
add_member (CbsUser   *user,
            CbsMember *member)
{
  CbsMember **end = &user->members;

  while (*end != NULL)
    end = &(*end)->next;
  *end = member;
  member->user = user;
}

static void
remove_member (CbsMember *member)
{
  CbsMember **link = &member->user->members;

  while (*link != member)
    link = &(*link)->next;
  *link = member->next;
}

/* The user who has joined. While it is online, its name stays as all others have been told it. */
static CbsUser *
find_joined (CbsRoom        *self,
             const CbsEntry *entry)
{
  CbsUser *user = g_hash_table_lookup (self->users, entry->src);

  if (user == NULL || user->members == NULL)
    user = cbs_room_ensure_user (self, entry->src, cb_name_get_text (entry->name));
  return user;
}

/* What the log has decided about whose the name is. */
static void
take_hold (CbsUser         *user,
           const CbsMember *member,
           const CbsEntry  *entry)
{
  if (entry->passed)
    cbs_user_forget_holder (user);
  user->since = entry->since;
  if (entry->owned && member->key_id != NULL)
    cbs_user_add_key (user, member->key_id, entry->time_us);
}

static void
come_online (CbsRoom    *self,
             CbsUser    *user,
             CbsMember  *member,
             CbsEffects *effects)
{
  GHashTable *except = peer_set_new ();

  g_ptr_array_add (self->online, user);
  g_clear_pointer (&self->user_list, g_bytes_unref);
  peer_set_add (except, member->peer);
  cbs_effects_broadcast (effects, cbs_fragment_new_text (CBS_FRAGMENT_JOINED, user->name), except);
}

static void
accept (CbsRoom    *self,
        CbsMember  *member,
        CbsEntry   *entry,
        CbsEffects *effects)
{
  g_autoptr (GBytes) markers = NULL;

  if ((member->features & CB_FEATURE_READ_MARKERS) != 0)
    {
      g_autoptr (GPtrArray) others = cbs_user_list_marked (member->user);
      GString *json = g_string_new (NULL);

      cbs_room_append_markers (json, member, others);
      markers = g_string_free_to_bytes (json);
    }

  member->state = CBS_MEMBER_HERE;
  cbs_effects_accept (effects, member->peer, entry, get_user_list (self), markers);
}

static void
commit_join (CbsRoom    *self,
             CbsEntry   *entry,
             CbsEffects *effects)
{
  CbsMember *member = g_hash_table_lookup (self->members, &entry->origin);
  CbsUser *user = find_joined (self, entry);

  /* Only this process's peers join here, and none is forgotten while its join is on the way. */
  g_assert (member != NULL);

  take_hold (user, member, entry);
  if (user->members == NULL)
    come_online (self, user, member, effects);
  add_member (user, member);

  if (member->state == CBS_MEMBER_ABANDONED)
    cbs_room_append_leave (member, effects);
  else
    accept (self, member, entry, effects);
}

static void
commit_leave (CbsRoom    *self,
              CbsEntry   *entry,
              CbsEffects *effects)
{
  CbsMember *member = g_hash_table_lookup (self->members, &entry->origin);
  CbsUser *user = NULL;

  /* What an earlier run left behind is reaped before anybody is here. */
  if (member == NULL || member->user == NULL)
    return;

  user = member->user;
  remove_member (member);
  g_hash_table_remove (self->members, &entry->origin);
  if (user->members != NULL)
    return;

  g_ptr_array_remove (self->online, user);
  g_clear_pointer (&self->user_list, g_bytes_unref);
  cbs_effects_broadcast (effects, cbs_fragment_new_text (CBS_FRAGMENT_LEFT, user->name), NULL);
}

/* The peers that do not get what @src says; NULL: nobody is hidden from it. */
static GHashTable *
list_hidden_peers (CbsUser *src)
{
  g_autoptr (GPtrArray) hidden = cbs_user_list_hidden (src);
  GHashTable *peers = NULL;

  for (guint i = 0; i < hidden->len; i++)
    {
      const CbsUser *user = g_ptr_array_index (hidden, i);

      for (const CbsMember *member = user->members; member != NULL; member = member->next)
        {
          if (peers == NULL)
            peers = peer_set_new ();
          peer_set_add (peers, member->peer);
        }
    }

  return peers;
}

/* The peer that gets its token back; NULL: it sent none, or is gone. While a server stops, peers are
 * leaving that still get all that was said: without a gap, so that they know where to go on. */
static CbsMember *
find_echo (CbsRoom        *self,
           const CbsEntry *entry)
{
  CbsMember *member = entry->token != NULL ? g_hash_table_lookup (self->members, &entry->origin) : NULL;

  return member != NULL && member->user != NULL && !member->is_closed ? member : NULL;
}

static void
commit_public (CbsRoom    *self,
               CbsUser    *src,
               CbsEntry   *entry,
               CbsEffects *effects)
{
  const CbsMember *echo = find_echo (self, entry);
  GHashTable *except = list_hidden_peers (src);

  if (echo == NULL)
    {
      cbs_effects_broadcast_message (effects, entry, except);
      return;
    }

  if (except == NULL)
    except = peer_set_new ();
  peer_set_add (except, echo->peer);
  cbs_effects_broadcast_message (effects, entry, except);
  cbs_effects_deliver (effects, echo->peer, entry, TRUE);
}

static void
deliver_to_addressee (CbsUser         *dest,
                      const CbsMember *echo,
                      CbsEntry        *entry,
                      CbsEffects      *effects)
{
  for (const CbsMember *member = dest->members; member != NULL; member = member->next)
    {
      if (!member->is_closed)
        cbs_effects_deliver (effects, member->peer, entry, member == echo);
    }
}

/* Plain peers know what they have said; who asked for ids learns those of its own messages as well. */
static void
deliver_to_sender (CbsUser         *src,
                   const CbsMember *echo,
                   CbsEntry        *entry,
                   CbsEffects      *effects)
{
  for (const CbsMember *member = src->members; member != NULL; member = member->next)
    {
      if (!member->is_closed && (member->features & CB_FEATURE_MESSAGE_IDS) != 0)
        cbs_effects_deliver (effects, member->peer, entry, member == echo);
    }
}

static void
commit_private (CbsRoom    *self,
                CbsUser    *src,
                CbsEntry   *entry,
                CbsEffects *effects)
{
  const CbsMember *echo = find_echo (self, entry);
  CbsUser *dest = g_hash_table_lookup (self->users, entry->dest);

  if (dest != NULL && !cbs_user_is_hidden (src, dest))
    deliver_to_addressee (dest, echo, entry, effects);
  if (src != dest)
    deliver_to_sender (src, echo, entry, effects);
}

static void
commit_message (CbsRoom    *self,
                CbsEntry   *entry,
                CbsEffects *effects)
{
  CbsUser *src = g_hash_table_lookup (self->users, entry->src);

  if (src == NULL)
    return;

  if (entry->dest == NULL)
    commit_public (self, src, entry, effects);
  else
    commit_private (self, src, entry, effects);
}

static void
commit_relation (CbsRoom    *self,
                 CbsEntry   *entry,
                 CbsEffects *effects)
{
  CbsUser *src = g_hash_table_lookup (self->users, entry->src);
  CbsUser *dest = g_hash_table_lookup (self->users, entry->dest);
  CbsMember *member = g_hash_table_lookup (self->members, &entry->origin);

  if (src != NULL && dest != NULL)
    {
      if (entry->kind == CBS_ENTRY_BLOCK)
        cbs_user_block (src, dest);
      else
        cbs_user_unblock (src, dest);
    }
  if (member != NULL)
    cbs_room_settle (member, entry, NULL, effects);
}

/**
 * cbs_room_committed:
 * @self: a room
 * @entry: an entry, in the log's order
 * @effects: where to add what has to be done
 *
 * The log has committed something: now it has happened.
 */
void
cbs_room_committed (CbsRoom    *self,
                    CbsEntry   *entry,
                    CbsEffects *effects)
{
  switch (entry->kind)
    {
    case CBS_ENTRY_MESSAGE:
      commit_message (self, entry, effects);
      break;
    case CBS_ENTRY_JOIN:
      commit_join (self, entry, effects);
      break;
    case CBS_ENTRY_LEAVE:
      commit_leave (self, entry, effects);
      break;
    case CBS_ENTRY_BLOCK:
    case CBS_ENTRY_UNBLOCK:
      commit_relation (self, entry, effects);
      break;
    case CBS_ENTRY_KEY_ADD:
    case CBS_ENTRY_KEY_REVOKE:
      cbs_room_commit_key (self, entry, effects);
      break;
    case CBS_ENTRY_NODE_UP:
    case CBS_ENTRY_READ:
    default:
      break;
    }

  cbs_room_retry_leaves (self, effects);
}

/**
 * cbs_room_noted:
 * @self: a room
 * @entry: a READ that the log has stored
 * @effects: where to add what has to be done
 *
 * A read marker has moved: it is stored, but no entry of the log.
 */
void
cbs_room_noted (CbsRoom    *self,
                CbsEntry   *entry,
                CbsEffects *effects)
{
  CbsMember *member = g_hash_table_lookup (self->members, &entry->origin);
  CbsUser *src = g_hash_table_lookup (self->users, entry->src);
  CbsUser *dest = entry->dest != NULL ? g_hash_table_lookup (self->users, entry->dest) : NULL;
  g_autoptr (GPtrArray) others = NULL;

  if (src == NULL || (entry->dest != NULL && dest == NULL))
    return;

  cbs_user_mark_read (src, dest, entry->marker);
  if (member != NULL && cbs_room_settle (member, entry, NULL, effects))
    return;

  /* Who asked for it has gone meanwhile, but its user may be here with others. */
  others = g_ptr_array_new ();
  g_ptr_array_add (others, dest);
  cbs_room_push_markers (src, NULL, others, effects);
}

/**
 * cbs_room_repeated:
 * @self: a room
 * @entry: a message with a token that the log did not store again
 * @stored: the message that has that token, as it was read back
 * @effects: where to add what has to be done
 *
 * A peer has sent something again: it, and nobody else, gets what was stored.
 */
void
cbs_room_repeated (CbsRoom    *self,
                   CbsEntry   *entry,
                   CbsEntry   *stored,
                   CbsEffects *effects)
{
  const CbsMember *member = cbs_room_find_here (self, entry->origin);
  const char *token = entry->token != NULL ? strrchr (entry->token, '\n') : NULL;
  g_autoptr (GString) json = g_string_new (NULL);

  if (member == NULL || token == NULL)
    return;

  cbs_fragment_append_message (json, stored, member->features, token + 1);
  cbs_effects_reply (effects, member->peer,
                     cbs_fragment_new (CBS_FRAGMENT_MESSAGE, json->str, json->len));
}

static void
fail_join (CbsRoom      *self,
           CbsEntry     *entry,
           const GError *error,
           CbsEffects   *effects)
{
  CbsMember *member = g_hash_table_lookup (self->members, &entry->origin);

  if (member == NULL)
    return;

  if (member->state == CBS_MEMBER_JOINING)
    cbs_room_refuse (effects, member->peer, error->message);
  g_hash_table_remove (self->members, &entry->origin);
}

static void
fail_leave (CbsRoom  *self,
            CbsEntry *entry)
{
  CbsMember *member = g_hash_table_lookup (self->members, &entry->origin);

  if (member == NULL || member->state != CBS_MEMBER_LEAVING)
    return;

  member->state = CBS_MEMBER_STUCK;
  self->n_stuck++;
}

/**
 * cbs_room_append_failed:
 * @self: a room
 * @entry: what the log did not take
 * @error: why
 * @effects: where to add what has to be done
 *
 * The log has refused something: it has not happened.
 */
void
cbs_room_append_failed (CbsRoom      *self,
                        CbsEntry     *entry,
                        const GError *error,
                        CbsEffects   *effects)
{
  CbsMember *member = NULL;

  if (entry->kind == CBS_ENTRY_JOIN)
    {
      fail_join (self, entry, error, effects);
      return;
    }
  if (entry->kind == CBS_ENTRY_LEAVE)
    {
      fail_leave (self, entry);
      return;
    }

  member = g_hash_table_lookup (self->members, &entry->origin);
  if (member == NULL || cbs_room_settle (member, entry, error, effects))
    return;
  if (member->state == CBS_MEMBER_HERE)
    cbs_room_reply_error (effects, entry->origin, entry->request, "%s", error->message);
}
