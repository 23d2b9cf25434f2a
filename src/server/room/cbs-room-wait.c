/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/room/cbs-room-private.h"

CbsWait *
cbs_wait_new (CbsWaitKind kind,
              gint64      request)
{
  CbsWait *self = g_new0 (CbsWait, 1);

  self->kind = kind;
  self->request = request;
  self->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) cbs_entry_unref);
  if (kind == CBS_WAIT_READ)
    self->markers = g_array_new (FALSE, FALSE, sizeof (CbsWaitMarker));
  return self;
}

void
cbs_wait_free (CbsWait *self)
{
  g_ptr_array_unref (self->entries);
  g_clear_pointer (&self->markers, g_array_unref);
  g_free (self->text);
  g_free (self);
}

/* Appends an entry that has to be stored before the answer; takes it over. */
void
cbs_wait_append (CbsWait    *self,
                 CbsMember  *member,
                 CbsEntry   *entry,
                 CbsEffects *effects)
{
  entry->origin = member->peer;
  entry->request = self->request;
  g_ptr_array_add (self->entries, cbs_entry_ref (entry));
  cbs_effects_append (effects, entry);
}

/* Begins an answer, or with %CBS_NO_REQUEST what nobody has asked for. */
GString *
cbs_room_begin_object (gint64 request)
{
  GString *json = g_string_new ("{");

  if (request != CBS_NO_REQUEST)
    g_string_append_printf (json, "\"REQUEST\":%" G_GINT64_FORMAT ",", request);
  return json;
}

void
cbs_room_append_text (GString         *json,
                      const CbsMember *member,
                      const char      *text)
{
  cb_json_append_string (json, text,
                         (member->features & CB_FEATURE_UTF8) != 0 ? CB_JSON_UTF8 : CB_JSON_ASCII);
}

/* Ends what was begun, and sends it; takes it over. */
void
cbs_room_reply_object (CbsEffects *effects,
                       CbsMember  *member,
                       GString    *json)
{
  g_autoptr (GString) object = json;

  g_string_append_c (object, '}');
  cbs_effects_reply (effects, member->peer, cbs_fragment_new_object (object));
}

static void
push_blocks (CbsUser         *user,
             const CbsMember *except,
             CbsEffects      *effects)
{
  for (CbsMember *member = user->members; member != NULL; member = member->next)
    {
      GString *json = NULL;

      if (member == except || member->state != CBS_MEMBER_HERE ||
          (member->features & CB_FEATURE_BLOCKS) == 0)
        continue;
      json = cbs_room_begin_object (CBS_NO_REQUEST);
      cbs_room_append_blocks (json, member);
      cbs_room_reply_object (effects, member, json);
    }
}

/* Tells the user's other peers of read markers; NULL among @others: everybody. */
void
cbs_room_push_markers (CbsUser         *user,
                       const CbsMember *except,
                       GPtrArray       *others,
                       CbsEffects      *effects)
{
  for (CbsMember *member = user->members; member != NULL; member = member->next)
    {
      GString *json = NULL;

      if (member == except || member->state != CBS_MEMBER_HERE ||
          (member->features & CB_FEATURE_READ_MARKERS) == 0)
        continue;
      json = cbs_room_begin_object (CBS_NO_REQUEST);
      g_string_append (json, "\"READ\":");
      cbs_room_append_markers (json, member, others);
      cbs_room_reply_object (effects, member, json);
    }
}

/* The markers that were asked for, or of these only those that have moved. */
static GPtrArray *
list_markers (const CbsWait *wait,
              gboolean       only_moved)
{
  GPtrArray *others = g_ptr_array_new ();

  for (guint i = 0; i < wait->markers->len; i++)
    {
      const CbsWaitMarker *marker = &g_array_index (wait->markers, CbsWaitMarker, i);

      if (!only_moved || marker->moved)
        g_ptr_array_add (others, marker->other);
    }

  return others;
}

static void
answer (CbsMember     *member,
        const CbsWait *wait,
        CbsEffects    *effects)
{
  g_autoptr (GPtrArray) others = NULL;
  g_autoptr (GString) json = NULL;

  if (wait->kind == CBS_WAIT_COMMAND)
    {
      cbs_room_answer (member, wait->time_s, wait->text, effects);
      return;
    }

  json = cbs_room_begin_object (wait->request);
  if (wait->kind == CBS_WAIT_BLOCKS)
    cbs_room_append_blocks (json, member);
  else if (wait->kind == CBS_WAIT_KEYS)
    cbs_room_append_keys (json, member);
  else
    {
      others = list_markers (wait, FALSE);
      g_string_append (json, "\"READ\":");
      cbs_room_append_markers (json, member, others);
    }
  cbs_room_reply_object (effects, member, g_steal_pointer (&json));
}

/* Nothing is under way any more: the answer, and word of what has changed to the user's other peers. */
static void
complete (CbsMember     *member,
          const CbsWait *wait,
          CbsEffects    *effects)
{
  g_autoptr (GPtrArray) moved = NULL;

  if (!wait->failed && member->state == CBS_MEMBER_HERE)
    answer (member, wait, effects);
  if (!wait->stored)
    return;

  if (wait->kind == CBS_WAIT_COMMAND || wait->kind == CBS_WAIT_BLOCKS)
    push_blocks (member->user, member, effects);
  else if (wait->kind == CBS_WAIT_READ)
    {
      moved = list_markers (wait, TRUE);
      cbs_room_push_markers (member->user, member, moved, effects);
    }
}

/* Answers at once if nothing has to be stored, else when it is; takes @wait over. */
void
cbs_room_wait (CbsMember  *member,
               CbsWait    *wait,
               CbsEffects *effects)
{
  g_autoptr (CbsWait) owned = wait;

  if (owned->entries->len > 0)
    member->waits = g_list_append (member->waits, g_steal_pointer (&owned));
  else
    complete (member, owned, effects);
}

/* The wait that an entry was appended for, and the entry's place in it. */
static GList *
find_wait (CbsMember *member,
           CbsEntry  *entry,
           guint     *out_index)
{
  for (GList *l = member->waits; l != NULL; l = l->next)
    {
      if (g_ptr_array_find (((CbsWait *) l->data)->entries, entry, out_index))
        return l;
    }

  return NULL;
}

/* A marker of two that were asked for may have moved, and the other not. */
static void
note_moved (const CbsWait  *wait,
            const CbsEntry *entry)
{
  for (guint i = 0; i < wait->markers->len; i++)
    {
      CbsWaitMarker *marker = &g_array_index (wait->markers, CbsWaitMarker, i);

      if (g_strcmp0 (marker->other != NULL ? marker->other->key : NULL, entry->dest) == 0)
        marker->moved = TRUE;
    }
}

/* A request has one answer; a command's errors are one for each entry. */
static void
fail (CbsMember    *member,
      CbsWait      *wait,
      const GError *error,
      CbsEffects   *effects)
{
  const gboolean is_told = wait->failed && wait->kind != CBS_WAIT_COMMAND;

  wait->failed = TRUE;
  if (!is_told && member->state == CBS_MEMBER_HERE)
    cbs_room_reply_error (effects, member->peer, wait->request, "%s", error->message);
}

/* One entry less that something waits for: it was stored, or was not for @error. FALSE if nothing waits for it. */
gboolean
cbs_room_settle (CbsMember    *member,
                 CbsEntry     *entry,
                 const GError *error,
                 CbsEffects   *effects)
{
  guint index = 0;
  GList *link = find_wait (member, entry, &index);
  CbsWait *wait = link != NULL ? link->data : NULL;

  if (wait == NULL)
    return FALSE;

  if (error != NULL)
    fail (member, wait, error, effects);
  else
    {
      wait->stored = TRUE;
      if (wait->kind == CBS_WAIT_READ)
        note_moved (wait, entry);
    }

  g_ptr_array_remove_index (wait->entries, index);
  if (wait->entries->len == 0)
    {
      member->waits = g_list_delete_link (member->waits, link);
      complete (member, wait, effects);
      cbs_wait_free (wait);
    }
  return TRUE;
}
