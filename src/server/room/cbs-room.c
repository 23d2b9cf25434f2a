/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/room/cbs-room-private.h"

#include <string.h>

#include "server/room/cbs-command.h"

static void
member_free (CbsMember *member)
{
  g_clear_pointer (&member->name, cb_name_unref);
  g_free (member->answer);
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
static CbsUser *
ensure_user (CbsRoom    *self,
             const char *key,
             const char *name)
{
  CbsUser *user = g_hash_table_lookup (self->users, key);

  if (user == NULL)
    {
      user = cbs_user_new (key, name);
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

  ensure_user (self, key, name);
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
                      const char *format,
                      ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  cbs_effects_reply (effects, peer, cbs_fragment_new_text (CBS_FRAGMENT_ERROR, text));
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

static void
refuse (CbsEffects *effects,
        guint64     peer,
        const char *info)
{
  cbs_effects_reply (effects, peer, cbs_fragment_new_text (CBS_FRAGMENT_REFUSED, info));
}

static void
append_leave (CbsMember  *member,
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
static void
retry_leaves (CbsRoom    *self,
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
        append_leave (member, effects);
    }
}

/**
 * cbs_room_log_in:
 * @self: a room
 * @peer: number of the peer who asks
 * @username: the name it asks for, in UTF-8, as it sent it
 * @effects: where to add what has to be done
 *
 * A peer asks for a name.
 */
void
cbs_room_log_in (CbsRoom    *self,
                 guint64     peer,
                 const char *username,
                 CbsEffects *effects)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CbName) name = NULL;
  CbsMember *member = NULL;
  CbsEntry *entry = NULL;

  member = g_hash_table_lookup (self->members, &peer);
  if (member != NULL)
    {
      g_autofree char *info = g_strdup_printf ("You are logged in as “%s”",
                                               cb_name_get_text (member->name));

      refuse (effects, peer, info);
      return;
    }
  name = cb_name_new (username, &error);
  if (name == NULL)
    {
      refuse (effects, peer, error->message);
      return;
    }

  retry_leaves (self, effects);
  member = g_new0 (CbsMember, 1);
  member->peer = peer;
  member->state = CBS_MEMBER_JOINING;
  member->name = g_steal_pointer (&name);
  g_hash_table_insert (self->members, &member->peer, member);

  entry = cbs_entry_new_join (member->name);
  entry->origin = peer;
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
    append_leave (member, effects);
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

static CbsMember *
find_here (CbsRoom *self,
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
  CbsMember *member = find_here (self, peer);

  return member != NULL &&
         cbs_command_is_one (cb_message_get_content (message)) &&
         cbs_room_find_user (self, cb_message_get_destination (message)) == member->user;
}

static void
append_message (CbsMember  *member,
                CbsUser    *addressee,
                CbMessage  *message,
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
  cbs_effects_append (effects, entry);
}

static void
say_private (CbsRoom    *self,
             CbsMember  *member,
             CbMessage  *message,
             CbsEffects *effects)
{
  const char *destination = cb_message_get_destination (message);
  g_autofree char *excerpt = cbs_room_excerpt (destination);
  CbsUser *addressee = cbs_room_find_user (self, destination);

  if (addressee == NULL)
    cbs_room_reply_error (effects, member->peer, "No user “%s” has ever been here", excerpt);
  else if (cbs_user_has_blocked (member->user, addressee))
    cbs_room_reply_error (effects, member->peer, "You have blocked “%s”: nothing was sent",
                          addressee->name);
  else
    append_message (member, addressee, message, effects);
}

static void
reply_wrong_source (CbsMember  *member,
                    CbMessage  *message,
                    CbsEffects *effects)
{
  g_autofree char *excerpt = cbs_room_excerpt (cb_message_get_source (message));

  cbs_room_reply_error (effects, member->peer, "SRC is “%s”, but you are “%s”",
                        excerpt, cb_name_get_text (member->name));
}

/**
 * cbs_room_say:
 * @self: a room
 * @peer: number of the peer who sent it
 * @message: what it sent
 * @effects: where to add what has to be done
 *
 * A peer says something to everybody, to somebody, or commands something.
 */
void
cbs_room_say (CbsRoom    *self,
              guint64     peer,
              CbMessage  *message,
              CbsEffects *effects)
{
  CbsMember *member = find_here (self, peer);
  const gsize len = strlen (cb_message_get_content (message));

  if (member == NULL)
    cbs_room_reply_error (effects, peer, "Log in before you send messages");
  else if (!is_own_name (member, cb_message_get_source (message)))
    reply_wrong_source (member, message, effects);
  else if (len > self->settings.max_content)
    cbs_room_reply_error (effects, peer,
                          "The message has %" G_GSIZE_FORMAT " bytes; the limit is %" G_GSIZE_FORMAT,
                          len, self->settings.max_content);
  else if (cb_message_is_public (message))
    append_message (member, NULL, message, effects);
  else if (cbs_room_is_command (self, peer, message))
    cbs_room_run_command (self, member, message, effects);
  else
    say_private (self, member, message, effects);
}

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
      g_string_append (json, user->peer != 0 ? ",\"active\":true}" : ",\"active\":false}");
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

static void
commit_join (CbsRoom    *self,
             CbsEntry   *entry,
             CbsEffects *effects)
{
  CbsMember *member = g_hash_table_lookup (self->members, &entry->origin);
  const char *name = cb_name_get_text (entry->name);
  CbsUser *user = ensure_user (self, entry->src, name);
  GHashTable *except = peer_set_new ();

  /* Only this process's peers join here, and none is forgotten while its join is on the way. */
  g_assert (member != NULL);

  user->peer = member->peer;
  member->user = user;
  g_ptr_array_add (self->online, user);
  g_clear_pointer (&self->user_list, g_bytes_unref);

  peer_set_add (except, member->peer);
  cbs_effects_broadcast (effects, cbs_fragment_new_text (CBS_FRAGMENT_JOINED, name), except);

  if (member->state == CBS_MEMBER_ABANDONED)
    {
      append_leave (member, effects);
      return;
    }
  member->state = CBS_MEMBER_HERE;
  cbs_effects_accept (effects, member->peer, entry, get_user_list (self));
}

static void
commit_leave (CbsRoom    *self,
              CbsEntry   *entry,
              CbsEffects *effects)
{
  CbsUser *user = g_hash_table_lookup (self->users, entry->src);

  /* What an earlier run left behind is reaped before anybody is here. */
  if (user == NULL || user->peer == 0)
    return;

  g_ptr_array_remove (self->online, user);
  g_clear_pointer (&self->user_list, g_bytes_unref);
  g_hash_table_remove (self->members, &user->peer);
  user->peer = 0;
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

      if (user->peer == 0)
        continue;
      if (peers == NULL)
        peers = peer_set_new ();
      peer_set_add (peers, user->peer);
    }

  return peers;
}

static void
commit_message (CbsRoom    *self,
                CbsEntry   *entry,
                CbsEffects *effects)
{
  CbsUser *src = g_hash_table_lookup (self->users, entry->src);
  CbsUser *dest = NULL;

  if (src == NULL)
    return;
  if (entry->dest == NULL)
    {
      cbs_effects_broadcast (effects, cbs_fragment_new_message (entry->body, entry->wire_size),
                             list_hidden_peers (src));
      return;
    }

  dest = g_hash_table_lookup (self->users, entry->dest);
  if (dest != NULL && dest->peer != 0 && !cbs_user_is_hidden (src, dest))
    cbs_effects_deliver (effects, dest->peer,
                         cbs_fragment_new_message (entry->body, entry->wire_size));
}

/* One entry less that the command under way waits for. */
static void
settle_command (CbsMember  *member,
                CbsEffects *effects)
{
  if (member->n_uncommitted == 0 || --member->n_uncommitted > 0)
    return;

  if (member->answer != NULL)
    cbs_room_answer (member, member->answer_time_s, member->answer, effects);
  g_clear_pointer (&member->answer, g_free);
}

static void
commit_relation (CbsRoom    *self,
                 CbsEntry   *entry,
                 CbsEffects *effects)
{
  CbsUser *src = g_hash_table_lookup (self->users, entry->src);
  CbsUser *dest = g_hash_table_lookup (self->users, entry->dest);
  CbsMember *member = find_here (self, entry->origin);

  if (src != NULL && dest != NULL)
    {
      if (entry->kind == CBS_ENTRY_BLOCK)
        cbs_user_block (src, dest);
      else
        cbs_user_unblock (src, dest);
    }
  if (member != NULL)
    settle_command (member, effects);
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
    case CBS_ENTRY_NODE_UP:
    default:
      break;
    }

  retry_leaves (self, effects);
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
    refuse (effects, member->peer, error->message);
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
  CbsMember *member = find_here (self, entry->origin);

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
  if (member == NULL)
    return;

  cbs_room_reply_error (effects, entry->origin, "%s", error->message);
  if (entry->kind == CBS_ENTRY_BLOCK || entry->kind == CBS_ENTRY_UNBLOCK)
    {
      /* The answer would claim what has not happened. */
      g_clear_pointer (&member->answer, g_free);
      settle_command (member, effects);
    }
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
  CbsMember *member = find_here (self, peer);
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
