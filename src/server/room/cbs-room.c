/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/room/cbs-room-private.h"

#include <string.h>

#include "server/room/cbs-command.h"

static void
member_free (CbsMember *member)
{
  g_clear_pointer (&member->name, cb_name_unref);
  g_list_free_full (member->waits, (GDestroyNotify) cbs_wait_free);
  g_free (member->key_id);
  g_free (member);
}

/**
 * cbs_room_new:
 * @settings: its settings; copied
 *
 * Makes a room that nobody has ever been in.
 *
 * Returns: (transfer full): a room
 */
CbsRoom *
cbs_room_new (const CbsRoomSettings *settings)
{
  CbsRoom *self = g_new0 (CbsRoom, 1);

  self->settings = *settings;
  self->users = g_hash_table_new_full (g_str_hash, g_str_equal,
                                       NULL, (GDestroyNotify) cbs_user_free);
  self->spelled = g_hash_table_new (g_str_hash, g_str_equal);
  self->everyone = g_ptr_array_new ();
  self->online = g_ptr_array_new ();
  self->members = g_hash_table_new_full (g_int64_hash, g_int64_equal,
                                         NULL, (GDestroyNotify) member_free);
  return self;
}

/**
 * cbs_room_free:
 * @self: (transfer full): a room
 *
 * Frees a room.
 */
void
cbs_room_free (CbsRoom *self)
{
  g_return_if_fail (self != NULL);

  g_hash_table_unref (self->members);
  g_hash_table_unref (self->spelled);
  g_ptr_array_unref (self->everyone);
  g_ptr_array_unref (self->online);
  g_hash_table_unref (self->users);
  g_clear_pointer (&self->user_list, g_bytes_unref);
  g_free (self);
}

/* Finds or makes the user of @key, whose name was last shown as @name. */
CbsUser *
cbs_room_ensure_user (CbsRoom    *self,
                      const char *key,
                      const char *name)
{
  CbsUser *user = g_hash_table_lookup (self->users, key);

  if (user == NULL)
    {
      user = cbs_user_new (key, name);
      user->index = self->everyone->len;
      g_hash_table_insert (self->users, user->key, user);
      g_ptr_array_add (self->everyone, user);
    }
  else
    {
      g_hash_table_remove (self->spelled, user->name);
      g_free (user->name);
      user->name = g_strdup (name);
    }

  g_hash_table_insert (self->spelled, user->name, user);
  g_clear_pointer (&self->user_list, g_bytes_unref);
  return user;
}

/**
 * cbs_room_add_user:
 * @self: a room
 * @key: who it is
 * @name: the name as it was last shown
 *
 * Tells of a user who has been here before.
 */
void
cbs_room_add_user (CbsRoom    *self,
                   const char *key,
                   const char *name)
{
  g_return_if_fail (self != NULL);

  cbs_room_ensure_user (self, key, name);
}

/**
 * cbs_room_add_block:
 * @self: a room
 * @src: key of the user who blocks
 * @dest: key of the user who is blocked
 *
 * Tells of a block in force. Of users who were never here it is ignored.
 */
void
cbs_room_add_block (CbsRoom    *self,
                    const char *src,
                    const char *dest)
{
  CbsUser *blocker = NULL;
  CbsUser *blocked = NULL;

  g_return_if_fail (self != NULL);

  blocker = g_hash_table_lookup (self->users, src);
  blocked = g_hash_table_lookup (self->users, dest);
  if (blocker != NULL && blocked != NULL)
    cbs_user_block (blocker, blocked);
}

static void
load_user (CbsRoom          *self,
           const CbsLogUser *stored)
{
  CbsUser *user = cbs_room_ensure_user (self, stored->key, stored->name);

  user->since = stored->since;
  for (guint i = 0; i < stored->keys->len; i++)
    {
      const CbsLogKey *key = g_ptr_array_index (stored->keys, i);

      cbs_user_add_key (user, key->id, key->added_us);
    }
}

static void
load_marker (CbsRoom            *self,
             const CbsLogMarker *marker)
{
  CbsUser *src = g_hash_table_lookup (self->users, marker->src);
  CbsUser *dest = marker->dest != NULL ? g_hash_table_lookup (self->users, marker->dest) : NULL;

  if (src != NULL && (marker->dest == NULL || dest != NULL))
    cbs_user_mark_read (src, dest, marker->seq);
}

/**
 * cbs_room_load:
 * @self: a room that nobody is in
 * @snapshot: what the log held when it was opened
 *
 * Tells of all who were here before, and of what they have left behind.
 */
void
cbs_room_load (CbsRoom              *self,
               const CbsLogSnapshot *snapshot)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (snapshot != NULL);

  for (guint i = 0; i < snapshot->users->len; i++)
    load_user (self, g_ptr_array_index (snapshot->users, i));
  for (guint i = 0; i < snapshot->blocks->len; i++)
    {
      const CbsLogBlock *block = g_ptr_array_index (snapshot->blocks, i);

      cbs_room_add_block (self, block->src, block->dest);
    }
  for (guint i = 0; i < snapshot->markers->len; i++)
    load_marker (self, g_ptr_array_index (snapshot->markers, i));
}

/* Finds a user by any spelling of the name. */
CbsUser *
cbs_room_find_user (CbsRoom    *self,
                    const char *name)
{
  CbsUser *user = g_hash_table_lookup (self->spelled, name);
  g_autoptr (CbName) parsed = NULL;

  if (user != NULL)
    return user;

  parsed = cb_name_new (name, NULL);
  return parsed != NULL ? g_hash_table_lookup (self->users, cb_name_get_key (parsed)) : NULL;
}

void
cbs_room_reply_error (CbsEffects *effects,
                      guint64     peer,
                      gint64      request,
                      const char *format,
                      ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  cbs_effects_reply (effects, peer, cbs_fragment_new_error (text, request));
}

/* As much of a peer's text as an answer should repeat. */
char *
cbs_room_excerpt (const char *text)
{
  const char *end = text;

  for (guint i = 0; i < CB_NAME_MAX_CHARACTERS && *end != '\0'; i++)
    end = g_utf8_next_char (end);

  return *end == '\0' ? g_strdup (text) : g_strdup_printf ("%.*s…", (int) (end - text), text);
}

/* The answer to a command: a message from oneself to oneself, with the command's time. */
void
cbs_room_answer (CbsMember  *member,
                 gint64      time_s,
                 const char *text,
                 CbsEffects *effects)
{
  const char *name = cb_name_get_text (member->name);
  g_autoptr (CbMessage) message = cb_message_new (name, name, time_s, text);
  g_autoptr (GString) json = g_string_new (NULL);

  cb_message_append_json (message, json, CB_JSON_ASCII);
  cbs_effects_reply (effects, member->peer,
                     cbs_fragment_new (CBS_FRAGMENT_MESSAGE, json->str, json->len));
}

void
cbs_room_refuse (CbsEffects *effects,
                 guint64     peer,
                 const char *info)
{
  cbs_effects_reply (effects, peer, cbs_fragment_new_text (CBS_FRAGMENT_REFUSED, info));
}

void
cbs_room_append_leave (CbsMember  *member,
                       CbsEffects *effects)
{
  CbsEntry *entry = cbs_entry_new_leave (cb_name_get_key (member->name),
                                         cb_name_get_text (member->name));

  entry->origin = member->peer;
  member->state = CBS_MEMBER_LEAVING;
  cbs_effects_append (effects, entry);
}

/* A leave that the log had no room for keeps the name in use until it is stored: it is tried again
 * as soon as there may be room, and before anybody asks for a name. */
void
cbs_room_retry_leaves (CbsRoom    *self,
                       CbsEffects *effects)
{
  GHashTableIter iter;
  gpointer member = NULL;

  if (self->n_stuck == 0)
    return;

  self->n_stuck = 0;
  g_hash_table_iter_init (&iter, self->members);
  while (g_hash_table_iter_next (&iter, NULL, &member))
    {
      if (((CbsMember *) member)->state == CBS_MEMBER_STUCK)
        cbs_room_append_leave (member, effects);
    }
}

static CbsMember *
member_new (const CbsLogin *login,
            CbName         *name)
{
  CbsMember *member = g_new0 (CbsMember, 1);

  member->peer = login->peer;
  member->state = CBS_MEMBER_JOINING;
  member->features = login->features;
  member->name = cb_name_ref (name);
  /* Whoever has not announced it has a certificate for reasons of its own. */
  if ((login->features & CB_FEATURE_IDENTITY) != 0)
    member->key_id = g_strdup (login->key_id);
  return member;
}

/**
 * cbs_room_log_in:
 * @self: a room
 * @login: what is asked for
 * @effects: where to add what has to be done
 *
 * A peer asks for a name. The log decides whether it gets it.
 */
void
cbs_room_log_in (CbsRoom        *self,
                 const CbsLogin *login,
                 CbsEffects     *effects)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CbName) name = NULL;
  CbsMember *member = g_hash_table_lookup (self->members, &login->peer);
  CbsEntry *entry = NULL;

  if (member != NULL)
    {
      g_autofree char *info = g_strdup_printf ("You are logged in as “%s”",
                                               cb_name_get_text (member->name));

      cbs_room_refuse (effects, login->peer, info);
      return;
    }
  name = cb_name_new (login->username, &error);
  if (name == NULL)
    {
      cbs_room_refuse (effects, login->peer, error->message);
      return;
    }

  cbs_room_retry_leaves (self, effects);
  member = member_new (login, name);
  g_hash_table_insert (self->members, &member->peer, member);

  entry = cbs_entry_new_join (name);
  entry->origin = login->peer;
  entry->key_id = g_strdup (member->key_id);
  entry->address = g_strdup (login->address);
  entry->hold_us = login->hold_us;
  cbs_effects_append (effects, entry);
}

/**
 * cbs_room_leave:
 * @self: a room
 * @peer: number of the peer who has gone
 * @effects: where to add what has to be done
 *
 * A peer has gone, logged in or not.
 */
void
cbs_room_leave (CbsRoom    *self,
                guint64     peer,
                CbsEffects *effects)
{
  CbsMember *member = g_hash_table_lookup (self->members, &peer);

  if (member == NULL)
    return;

  if (member->state == CBS_MEMBER_JOINING)
    member->state = CBS_MEMBER_ABANDONED;
  else if (member->state == CBS_MEMBER_HERE)
    cbs_room_append_leave (member, effects);
}

/* NFC may differ in bytes and be the same name. */
static gboolean
is_own_name (CbsMember  *member,
             const char *name)
{
  const char *own = cb_name_get_text (member->name);
  g_autofree char *normalized = NULL;

  if (strcmp (name, own) == 0)
    return TRUE;
  if (strlen (name) > 4 * strlen (own))
    return FALSE;

  normalized = g_utf8_normalize (name, -1, G_NORMALIZE_NFC);
  return g_strcmp0 (normalized, own) == 0;
}

/* NULL: it has no name, or not any more. */
CbsMember *
cbs_room_find_here (CbsRoom *self,
                    guint64  peer)
{
  CbsMember *member = g_hash_table_lookup (self->members, &peer);

  return member != NULL && member->state == CBS_MEMBER_HERE ? member : NULL;
}

/**
 * cbs_room_is_command:
 * @self: a room
 * @peer: number of the peer who sent it
 * @message: what it sent
 *
 * Tells whether a message is a command: a message to oneself, in any spelling
 * of the name, that begins with “/”. Its answer has to come behind those of all that was said before.
 *
 * Returns: %TRUE if so
 */
gboolean
cbs_room_is_command (CbsRoom   *self,
                     guint64    peer,
                     CbMessage *message)
{
  CbsMember *member = cbs_room_find_here (self, peer);

  return member != NULL &&
         cbs_command_is_one (cb_message_get_content (message)) &&
         cbs_room_find_user (self, cb_message_get_destination (message)) == member->user;
}

/* A token counts for one holder of a name. None of the three parts can hold the separator. */
static char *
make_token (const CbsMember *member,
            CbMessage       *message)
{
  const char *token = cb_message_get_token (message);

  if (token == NULL || (member->features & CB_FEATURE_MESSAGE_IDS) == 0)
    return NULL;

  return g_strdup_printf ("%s\n%" G_GINT64_FORMAT "\n%s", member->user->key, member->user->since, token);
}

static void
append_message (CbsMember  *member,
                CbsUser    *addressee,
                CbMessage  *message,
                gint64      request,
                CbsEffects *effects)
{
  g_autoptr (CbMessage) stored = NULL;
  g_autoptr (GBytes) body = NULL;
  GString *json = g_string_new (NULL);
  CbsEntry *entry = NULL;

  /* Peers know the sender by the name in NFC; all else passes unchanged. */
  stored = cb_message_new (cb_name_get_text (member->name),
                           cb_message_get_destination (message),
                           cb_message_get_time_s (message),
                           cb_message_get_content (message));
  cb_message_append_json (stored, json, CB_JSON_UTF8);
  body = g_string_free_to_bytes (json);

  entry = cbs_entry_new_message (member->user->key,
                                 addressee != NULL ? addressee->key : NULL, body);
  entry->origin = member->peer;
  entry->request = request;
  entry->token = make_token (member, message);
  cbs_effects_append (effects, entry);
}

static void
say_private (CbsRoom    *self,
             CbsMember  *member,
             CbMessage  *message,
             gint64      request,
             CbsEffects *effects)
{
  const char *destination = cb_message_get_destination (message);
  g_autofree char *excerpt = cbs_room_excerpt (destination);
  CbsUser *addressee = cbs_room_find_user (self, destination);

  if (addressee == NULL)
    cbs_room_reply_error (effects, member->peer, request, "No user “%s” has ever been here", excerpt);
  else if (cbs_user_has_blocked (member->user, addressee))
    cbs_room_reply_error (effects, member->peer, request,
                          "You have blocked “%s”: nothing was sent", addressee->name);
  else
    append_message (member, addressee, message, request, effects);
}

static void
reply_wrong_source (CbsMember  *member,
                    CbMessage  *message,
                    gint64      request,
                    CbsEffects *effects)
{
  g_autofree char *excerpt = cbs_room_excerpt (cb_message_get_source (message));

  cbs_room_reply_error (effects, member->peer, request, "SRC is “%s”, but you are “%s”",
                        excerpt, cb_name_get_text (member->name));
}

/**
 * cbs_room_say:
 * @self: a room
 * @peer: number of the peer who sent it
 * @message: what it sent
 * @request: number of the request that it came with, or %CBS_NO_REQUEST
 * @effects: where to add what has to be done
 *
 * A peer says something to everybody, to somebody, or commands something.
 */
void
cbs_room_say (CbsRoom    *self,
              guint64     peer,
              CbMessage  *message,
              gint64      request,
              CbsEffects *effects)
{
  CbsMember *member = cbs_room_find_here (self, peer);
  const gsize len = strlen (cb_message_get_content (message));

  if (member == NULL)
    cbs_room_reply_error (effects, peer, request, "Log in before you send messages");
  else if (!is_own_name (member, cb_message_get_source (message)))
    reply_wrong_source (member, message, request, effects);
  else if (len > self->settings.max_content)
    cbs_room_reply_error (effects, peer, request,
                          "The message has %" G_GSIZE_FORMAT " bytes; the limit is %" G_GSIZE_FORMAT,
                          len, self->settings.max_content);
  else if (cb_message_is_public (message))
    append_message (member, NULL, message, request, effects);
  else if (cbs_room_is_command (self, peer, message))
    cbs_room_run_command (self, member, message, request, effects);
  else
    say_private (self, member, message, request, effects);
}

/**
 * cbs_room_find_conversation:
 * @self: a room
 * @peer: number of the peer who asks
 * @with: `ALL` or a name, in any spelling
 * @out_key: (out): %CBS_LOG_WITH_ALL, or the user's key
 * @error: return location for a #GError
 *
 * Finds the other end of a conversation.
 *
 * Returns: %TRUE; %FALSE with %G_IO_ERROR_NOT_FOUND if nobody of that name was ever here
 */
gboolean
cbs_room_find_conversation (CbsRoom    *self,
                            guint64     peer,
                            const char *with,
                            char      **out_key,
                            GError    **error)
{
  const gboolean is_all = strcmp (with, CB_MESSAGE_TO_ALL) == 0;
  CbsUser *user = is_all ? NULL : cbs_room_find_user (self, with);

  if (!is_all && user == NULL)
    {
      g_autofree char *excerpt = cbs_room_excerpt (with);

      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "No user “%s” has ever been here", excerpt);
      return FALSE;
    }

  *out_key = g_strdup (is_all ? CBS_LOG_WITH_ALL : user->key);
  return TRUE;
}

/**
 * cbs_room_get_features:
 * @self: a room
 * @peer: number of a peer
 *
 * Gets what both ends have announced.
 *
 * Returns: features; 0 for a peer that is not here
 */
CbFeatures
cbs_room_get_features (CbsRoom *self,
                       guint64  peer)
{
  const CbsMember *member = cbs_room_find_here (self, peer);

  return member != NULL ? member->features : 0;
}

/**
 * cbs_room_get_since:
 * @self: a room
 * @peer: number of a peer
 *
 * Tells up to where private messages of the peer's name are those of another
 * holder, whom they are nobody else's business than.
 *
 * Returns: sequence of the join with which the name came to its holder; 0: it
 *   has had no other, or the peer is not here
 */
gint64
cbs_room_get_since (CbsRoom *self,
                    guint64  peer)
{
  const CbsMember *member = cbs_room_find_here (self, peer);

  return member != NULL ? member->user->since : 0;
}

/**
 * cbs_room_dup_hidden:
 * @self: a room
 * @peer: number of a peer who is here
 *
 * Lists whose messages the peer must not see.
 *
 * Returns: (transfer full): keys of users
 */
GStrv
cbs_room_dup_hidden (CbsRoom *self,
                     guint64  peer)
{
  CbsMember *member = cbs_room_find_here (self, peer);
  g_autoptr (GStrvBuilder) keys = g_strv_builder_new ();

  if (member != NULL)
    {
      g_autoptr (GPtrArray) hidden = cbs_user_list_hidden (member->user);

      for (guint i = 0; i < hidden->len; i++)
        g_strv_builder_add (keys, ((const CbsUser *) g_ptr_array_index (hidden, i))->key);
    }

  return g_strv_builder_end (keys);
}

/**
 * cbs_room_count_online:
 * @self: a room
 *
 * Counts who is online.
 *
 * Returns: how many users
 */
guint
cbs_room_count_online (CbsRoom *self)
{
  return self->online->len;
}
