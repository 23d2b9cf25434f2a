/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/room/cbs-room-private.h"

#include <string.h>

/* The member that may ask; NULL if nobody is here by that number, and then it was told so. */
static CbsMember *
find_asking (CbsRoom    *self,
             guint64     peer,
             gint64      request,
             CbsEffects *effects)
{
  CbsMember *member = cbs_room_find_here (self, peer);

  if (member == NULL)
    cbs_room_reply_error (effects, peer, request, "Log in before you ask for anything");
  return member;
}

/* A user by name; NULL if nobody of that name was ever here, and then the peer was told so. */
static CbsUser *
find_named (CbsRoom    *self,
            guint64     peer,
            const char *name,
            gint64      request,
            CbsEffects *effects)
{
  CbsUser *user = cbs_room_find_user (self, name);
  g_autofree char *excerpt = NULL;

  if (user != NULL)
    return user;

  excerpt = cbs_room_excerpt (name);
  cbs_room_reply_error (effects, peer, request, "No user “%s” has ever been here", excerpt);
  return NULL;
}

static void
append_user (GString         *json,
             const CbsMember *member,
             CbsUser         *user)
{
  g_string_append (json, "{\"name\":");
  cbs_room_append_text (json, member, user->name);
  g_string_append_printf (json, ",\"online\":%s,\"owned\":%s}",
                          user->members != NULL ? "true" : "false",
                          cbs_user_count_keys (user) > 0 ? "true" : "false");
}

/**
 * cbs_room_list_users:
 * @self: a room
 * @peer: number of the peer who asks
 * @wanted: what it asks for
 * @request: number of the request, or %CBS_NO_REQUEST
 * @effects: where to add what has to be done
 *
 * A peer asks who is here, or ever was.
 *
 * Source: `docs/protocol.md`, “USERS”.
 */
void
cbs_room_list_users (CbsRoom              *self,
                     guint64               peer,
                     const CbUsersRequest *wanted,
                     gint64                request,
                     CbsEffects           *effects)
{
  CbsMember *member = find_asking (self, peer, request, effects);
  const CbsUser *after = NULL;
  GString *json = NULL;
  guint n_listed = 0;
  gboolean more = FALSE;

  if (member == NULL)
    return;
  if (wanted->after != NULL)
    {
      after = find_named (self, peer, wanted->after, request, effects);
      if (after == NULL)
        return;
    }

  json = cbs_room_begin_object (request);
  g_string_append (json, "\"USERS\":{\"users\":[");
  for (guint i = after != NULL ? after->index + 1 : 0; i < self->everyone->len && !more; i++)
    {
      CbsUser *user = g_ptr_array_index (self->everyone, i);

      if (wanted->online && user->members == NULL)
        continue;
      more = n_listed == wanted->limit;
      if (more)
        continue;
      if (n_listed++ > 0)
        g_string_append_c (json, ',');
      append_user (json, member, user);
    }
  g_string_append (json, more ? "],\"more\":true}" : "],\"more\":false}");
  cbs_room_reply_object (effects, member, json);
}

/* Appends `"BLOCKS":[…]`: whom the member's user blocks now. */
void
cbs_room_append_blocks (GString         *json,
                        const CbsMember *member)
{
  g_autoptr (GPtrArray) users = cbs_user_list_blocks (member->user);

  g_string_append (json, "\"BLOCKS\":[");
  for (guint i = 0; i < users->len; i++)
    {
      if (i > 0)
        g_string_append_c (json, ',');
      cbs_room_append_text (json, member, ((const CbsUser *) g_ptr_array_index (users, i))->name);
    }
  g_string_append_c (json, ']');
}

/* Finds the users of all names, each once; FALSE if that can't be, and then it was answered. */
static gboolean
find_all (CbsRoom    *self,
          CbsMember  *member,
          GStrv       names,
          GPtrArray  *users,
          gint64      request,
          CbsEffects *effects)
{
  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    {
      CbsUser *user = find_named (self, member->peer, names[i], request, effects);

      if (user == NULL)
        return FALSE;
      if (user == member->user)
        {
          cbs_room_reply_error (effects, member->peer, request, "“%s” is you", user->name);
          return FALSE;
        }
      if (!g_ptr_array_find (users, user, NULL))
        g_ptr_array_add (users, user);
    }

  return TRUE;
}

/* FALSE if a user stands in both lists; then it was answered. */
static gboolean
check_disjoint (CbsMember  *member,
                GPtrArray  *block,
                GPtrArray  *unblock,
                gint64      request,
                CbsEffects *effects)
{
  for (guint i = 0; i < block->len; i++)
    {
      const CbsUser *user = g_ptr_array_index (block, i);

      if (!g_ptr_array_find (unblock, user, NULL))
        continue;
      cbs_room_reply_error (effects, member->peer, request,
                            "“%s” can't be blocked and unblocked at once", user->name);
      return FALSE;
    }

  return TRUE;
}

static void
append_relations (CbsWait     *wait,
                  CbsMember   *member,
                  CbsEntryKind kind,
                  GPtrArray   *users,
                  CbsEffects  *effects)
{
  for (guint i = 0; i < users->len; i++)
    {
      CbsUser *user = g_ptr_array_index (users, i);

      if (cbs_user_has_blocked (member->user, user) != (kind == CBS_ENTRY_BLOCK))
        cbs_wait_append (wait, member, cbs_entry_new_relation (kind, member->user->key, user->key), effects);
    }
}

/**
 * cbs_room_change_blocks:
 * @self: a room
 * @peer: number of the peer who asks
 * @change: whom it wants to block, and to see again
 * @request: number of the request, or %CBS_NO_REQUEST
 * @effects: where to add what has to be done
 *
 * A peer changes its user's blocks, or only asks for them. It is all done, or
 * nothing.
 *
 * Source: `docs/protocol.md`, “BLOCKS”.
 */
void
cbs_room_change_blocks (CbsRoom               *self,
                        guint64                peer,
                        const CbChangeRequest *change,
                        gint64                 request,
                        CbsEffects            *effects)
{
  CbsMember *member = find_asking (self, peer, request, effects);
  g_autoptr (GPtrArray) block = g_ptr_array_new ();
  g_autoptr (GPtrArray) unblock = g_ptr_array_new ();
  g_autoptr (CbsWait) wait = NULL;

  if (member == NULL ||
      !find_all (self, member, change->add, block, request, effects) ||
      !find_all (self, member, change->remove, unblock, request, effects) ||
      !check_disjoint (member, block, unblock, request, effects))
    return;

  wait = cbs_wait_new (CBS_WAIT_BLOCKS, request);
  append_relations (wait, member, CBS_ENTRY_BLOCK, block, effects);
  append_relations (wait, member, CBS_ENTRY_UNBLOCK, unblock, effects);
  cbs_room_wait (member, g_steal_pointer (&wait), effects);
}

/* Appends the read markers of the member's user; NULL among @others: everybody. */
void
cbs_room_append_markers (GString         *json,
                         const CbsMember *member,
                         GPtrArray       *others)
{
  g_string_append_c (json, '{');
  for (guint i = 0; i < others->len; i++)
    {
      CbsUser *other = g_ptr_array_index (others, i);

      if (i > 0)
        g_string_append_c (json, ',');
      cbs_room_append_text (json, member, other != NULL ? other->name : CB_MESSAGE_TO_ALL);
      g_string_append_printf (json, ":%" G_GINT64_FORMAT, cbs_user_get_marker (member->user, other));
    }
  g_string_append_c (json, '}');
}

/* Of two spellings of one name, what is farther counts. */
static void
merge_marker (GArray  *asked,
              CbsUser *other,
              gint64   id)
{
  const CbsWaitMarker new = { .other = other, .id = id };

  for (guint i = 0; i < asked->len; i++)
    {
      CbsWaitMarker *marker = &g_array_index (asked, CbsWaitMarker, i);

      if (marker->other != other)
        continue;
      marker->id = MAX (marker->id, id);
      return;
    }

  g_array_append_val (asked, new);
}

/* FALSE if one of the markers can't be; then it was answered. */
static gboolean
collect_markers (CbsRoom    *self,
                 CbsMember  *member,
                 GPtrArray  *markers,
                 gint64      head,
                 CbsWait    *wait,
                 CbsEffects *effects)
{
  for (guint i = 0; i < markers->len; i++)
    {
      const CbReadMarker *marker = g_ptr_array_index (markers, i);
      CbsUser *other = NULL;

      if (strcmp (marker->with, CB_MESSAGE_TO_ALL) != 0)
        {
          other = find_named (self, member->peer, marker->with, wait->request, effects);
          if (other == NULL)
            return FALSE;
        }
      if (marker->id < 0 || marker->id > head)
        {
          cbs_room_reply_error (effects, member->peer, wait->request,
                                "READ says %" G_GINT64_FORMAT "; the newest id is %" G_GINT64_FORMAT,
                                marker->id, head);
          return FALSE;
        }
      merge_marker (wait->markers, other, marker->id);
    }

  return TRUE;
}

/**
 * cbs_room_read:
 * @self: a room
 * @peer: number of the peer who tells
 * @markers: (element-type CbReadMarker): how far its user has read
 * @head: sequence of the newest entry of the log
 * @request: number of the request, or %CBS_NO_REQUEST
 * @effects: where to add what has to be done
 *
 * A peer moves its user's read markers; they never go back. Only an owned
 * name has any: for another one they could be somebody else's tomorrow.
 *
 * Source: `docs/protocol.md`, “READ”.
 */
void
cbs_room_read (CbsRoom    *self,
               guint64     peer,
               GPtrArray  *markers,
               gint64      head,
               gint64      request,
               CbsEffects *effects)
{
  CbsMember *member = find_asking (self, peer, request, effects);
  g_autoptr (CbsWait) wait = cbs_wait_new (CBS_WAIT_READ, request);

  if (member == NULL)
    return;
  if (cbs_user_count_keys (member->user) == 0)
    {
      cbs_room_reply_error (effects, peer, request, "Read markers are kept for names that a key owns");
      return;
    }
  if (!collect_markers (self, member, markers, head, wait, effects))
    return;

  for (guint i = 0; i < wait->markers->len; i++)
    {
      const CbsWaitMarker *marker = &g_array_index (wait->markers, CbsWaitMarker, i);

      if (marker->id > cbs_user_get_marker (member->user, marker->other))
        cbs_wait_append (wait, member,
                         cbs_entry_new_read (member->user->key,
                                             marker->other != NULL ? marker->other->key : NULL,
                                             marker->id),
                         effects);
    }
  cbs_room_wait (member, g_steal_pointer (&wait), effects);
}
