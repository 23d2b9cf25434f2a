/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-packet-private.h"

#include <string.h>

#include "libchatterbox/cb-error.h"
#include "libchatterbox/cb-frame.h"

/**
 * CbPacket: (ref-func cb_packet_ref) (unref-func cb_packet_unref)
 *
 * What one frame says: any number of keys that piggy-back on each other.
 *
 * Members that this version does not know survive being read and written.
 *
 * Source: `docs/protocol.md`, “Packets”.
 */
G_DEFINE_BOXED_TYPE (CbPacket, cb_packet, cb_packet_ref, cb_packet_unref)

static void
extra_free (CbPacketExtra *extra)
{
  g_free (extra->key);
  g_free (extra->json);
  g_free (extra);
}

/**
 * cb_packet_new:
 *
 * Makes a packet that says nothing yet.
 *
 * Returns: (transfer full): a packet
 */
CbPacket *
cb_packet_new (void)
{
  CbPacket *self = g_new0 (CbPacket, 1);

  g_ref_count_init (&self->ref_count);
  self->extras = g_ptr_array_new_with_free_func ((GDestroyNotify) extra_free);
  return self;
}

/**
 * cb_packet_ref:
 * @self: a packet
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self
 */
CbPacket *
cb_packet_ref (CbPacket *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * cb_packet_unref:
 * @self: (transfer full): a packet
 *
 * Drops a reference; the last one frees the packet.
 */
void
cb_packet_unref (CbPacket *self)
{
  g_return_if_fail (self != NULL);

  if (!g_ref_count_dec (&self->ref_count))
    return;

  g_free (self->username);
  g_free (self->info);
  g_free (self->error);
  g_clear_pointer (&self->users, g_ptr_array_unref);
  g_clear_pointer (&self->messages, g_ptr_array_unref);
  g_clear_pointer (&self->joined, g_ptr_array_unref);
  g_clear_pointer (&self->left, g_ptr_array_unref);
  g_clear_pointer (&self->extras, g_ptr_array_unref);
  g_free (self);
}

static void
append_key (GString    *out,
            const char *key)
{
  if (out->len > 1)
    g_string_append_c (out, ',');
  cb_json_append_string (out, key, CB_JSON_ASCII);
  g_string_append_c (out, ':');
}

static void
append_text (GString       *out,
             const char    *key,
             const char    *text,
             CbJsonEncoding encoding)
{
  if (text == NULL)
    return;

  append_key (out, key);
  cb_json_append_string (out, text, encoding);
}

static void
append_names (GString       *out,
              const char    *key,
              GPtrArray     *names,
              CbJsonEncoding encoding)
{
  if (names == NULL)
    return;

  append_key (out, key);
  g_string_append_c (out, '[');
  for (guint i = 0; i < names->len; i++)
    {
      if (i > 0)
        g_string_append_c (out, ',');
      cb_json_append_string (out, g_ptr_array_index (names, i), encoding);
    }
  g_string_append_c (out, ']');
}

/* The assignment's form: the names of those who are online. */
static void
append_users (GString       *out,
              GPtrArray     *users,
              CbJsonEncoding encoding)
{
  g_autoptr (GPtrArray) names = NULL;

  if (users == NULL)
    return;

  names = g_ptr_array_new ();
  for (guint i = 0; i < users->len; i++)
    {
      const CbUser *user = g_ptr_array_index (users, i);

      if (user->active)
        g_ptr_array_add (names, user->name);
    }
  append_names (out, "USER_LIST", names, encoding);
}

static void
append_messages (GString       *out,
                 GPtrArray     *messages,
                 CbJsonEncoding encoding)
{
  if (messages == NULL)
    return;

  append_key (out, "MESSAGES");
  g_string_append_c (out, '[');
  for (guint i = 0; i < messages->len; i++)
    {
      if (i > 0)
        g_string_append_c (out, ',');
      cb_message_append_json (g_ptr_array_index (messages, i), out, encoding);
    }
  g_string_append_c (out, ']');
}

static void
append_extras (GString       *out,
               GPtrArray     *extras,
               CbJsonEncoding encoding)
{
  for (guint i = 0; i < extras->len; i++)
    {
      const CbPacketExtra *extra = g_ptr_array_index (extras, i);

      if (out->len > 1)
        g_string_append_c (out, ',');
      cb_json_append_string (out, extra->key, encoding);
      g_string_append_c (out, ':');
      if (encoding == CB_JSON_ASCII)
        cb_json_append_ascii (out, extra->json, strlen (extra->json));
      else
        g_string_append (out, extra->json);
    }
}

/**
 * cb_packet_to_frame:
 * @self: a packet
 * @encoding: how characters beyond ASCII are written
 *
 * Writes the packet as one frame. A user list is written in the assignment's
 * form: the names of those who are active.
 *
 * Returns: (transfer full): the frame, its prefix and padding included
 */
GBytes *
cb_packet_to_frame (CbPacket      *self,
                    CbJsonEncoding encoding)
{
  g_autoptr (GString) out = NULL;

  g_return_val_if_fail (self != NULL, NULL);

  out = g_string_new ("{");
  /* A server that stumbles over what it does not know had better do so before it has taken the name. */
  if (self->username != NULL)
    append_extras (out, self->extras, encoding);
  append_text (out, "USERNAME", self->username, encoding);
  if (self->accepted != CB_PACKET_ACCEPTED_ABSENT)
    {
      append_key (out, "USERNAME_ACCEPTED");
      g_string_append (out, self->accepted == CB_PACKET_ACCEPTED_TRUE ? "true" : "false");
    }
  append_text (out, "INFO", self->info, encoding);
  append_users (out, self->users, encoding);
  append_messages (out, self->messages, encoding);
  append_names (out, "USERS_JOINED", self->joined, encoding);
  append_names (out, "USERS_LEFT", self->left, encoding);
  append_text (out, "ERROR", self->error, encoding);
  if (self->username == NULL)
    append_extras (out, self->extras, encoding);
  g_string_append_c (out, '}');

  return cb_frame_new (out->str, out->len);
}

/* The new text may be the old one. */
static void
replace_text (char      **target,
              const char *text)
{
  char *old = *target;

  *target = g_strdup (text);
  g_free (old);
}

/**
 * cb_packet_get_username:
 * @self: a packet
 *
 * Gets USERNAME: the name that a client asks for.
 *
 * Returns: (nullable): the name as the peer wrote it, or %NULL if absent
 */
const char *
cb_packet_get_username (CbPacket *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->username;
}

/**
 * cb_packet_set_username:
 * @self: a packet
 * @username: (nullable): a name, in UTF-8, or %NULL to remove the key
 *
 * Sets USERNAME.
 */
void
cb_packet_set_username (CbPacket   *self,
                        const char *username)
{
  g_return_if_fail (self != NULL);

  replace_text (&self->username, username);
}

/**
 * cb_packet_get_accepted:
 * @self: a packet
 * @out_accepted: (out): the answer to a login
 *
 * Gets USERNAME_ACCEPTED.
 *
 * Returns: %TRUE with @out_accepted; %FALSE if the key is absent
 */
gboolean
cb_packet_get_accepted (CbPacket *self,
                        gboolean *out_accepted)
{
  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (out_accepted != NULL, FALSE);

  if (self->accepted == CB_PACKET_ACCEPTED_ABSENT)
    return FALSE;

  *out_accepted = self->accepted == CB_PACKET_ACCEPTED_TRUE;
  return TRUE;
}

/**
 * cb_packet_set_accepted:
 * @self: a packet
 * @accepted: the answer to a login
 *
 * Sets USERNAME_ACCEPTED.
 */
void
cb_packet_set_accepted (CbPacket *self,
                        gboolean  accepted)
{
  g_return_if_fail (self != NULL);

  self->accepted = accepted ? CB_PACKET_ACCEPTED_TRUE : CB_PACKET_ACCEPTED_FALSE;
}

/**
 * cb_packet_get_info:
 * @self: a packet
 *
 * Gets INFO: what the server says about a login.
 *
 * Returns: (nullable): the text, in UTF-8, or %NULL if absent
 */
const char *
cb_packet_get_info (CbPacket *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->info;
}

/**
 * cb_packet_set_info:
 * @self: a packet
 * @info: (nullable): a text, in UTF-8, or %NULL to remove the key
 *
 * Sets INFO.
 */
void
cb_packet_set_info (CbPacket   *self,
                    const char *info)
{
  g_return_if_fail (self != NULL);

  replace_text (&self->info, info);
}

/**
 * cb_packet_get_error:
 * @self: a packet
 *
 * Gets ERROR: what was wrong with something that the other end sent.
 *
 * Returns: (nullable): the text, in UTF-8, or %NULL if absent
 */
const char *
cb_packet_get_error (CbPacket *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->error;
}

/**
 * cb_packet_set_error:
 * @self: a packet
 * @message: (nullable): a text, in UTF-8, or %NULL to remove the key
 *
 * Sets ERROR.
 */
void
cb_packet_set_error (CbPacket   *self,
                     const char *message)
{
  g_return_if_fail (self != NULL);

  replace_text (&self->error, message);
}

/**
 * cb_packet_get_users:
 * @self: a packet
 *
 * Gets USER_LIST, in either form that servers send: names of those who are
 * online, or objects with all users ever seen.
 *
 * Returns: (transfer none) (nullable) (element-type CbUser): the users, or
 *   %NULL if absent
 */
GPtrArray *
cb_packet_get_users (CbPacket *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->users;
}

/**
 * cb_packet_add_user:
 * @self: a packet
 * @name: a name, in UTF-8
 * @active: whether that user is online
 *
 * Adds to USER_LIST.
 */
void
cb_packet_add_user (CbPacket   *self,
                    const char *name,
                    gboolean    active)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (name != NULL);

  if (self->users == NULL)
    self->users = g_ptr_array_new_with_free_func ((GDestroyNotify) cb_user_free);
  g_ptr_array_add (self->users, cb_user_new (name, active));
}

/**
 * cb_packet_get_messages:
 * @self: a packet
 *
 * Gets MESSAGES, oldest first.
 *
 * Returns: (transfer none) (nullable) (element-type CbMessage): the messages,
 *   or %NULL if absent
 */
GPtrArray *
cb_packet_get_messages (CbPacket *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->messages;
}

/**
 * cb_packet_add_message:
 * @self: a packet
 * @message: a message
 *
 * Adds to MESSAGES.
 */
void
cb_packet_add_message (CbPacket  *self,
                       CbMessage *message)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (message != NULL);

  if (self->messages == NULL)
    self->messages = g_ptr_array_new_with_free_func ((GDestroyNotify) cb_message_unref);
  g_ptr_array_add (self->messages, cb_message_ref (message));
}

static void
add_name (GPtrArray **names,
          const char *name)
{
  if (*names == NULL)
    *names = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (*names, g_strdup (name));
}

/**
 * cb_packet_get_joined:
 * @self: a packet
 *
 * Gets USERS_JOINED.
 *
 * Returns: (transfer none) (nullable) (element-type utf8): names, or %NULL if absent
 */
GPtrArray *
cb_packet_get_joined (CbPacket *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->joined;
}

/**
 * cb_packet_add_joined:
 * @self: a packet
 * @name: a name, in UTF-8
 *
 * Adds to USERS_JOINED.
 */
void
cb_packet_add_joined (CbPacket   *self,
                      const char *name)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (name != NULL);

  add_name (&self->joined, name);
}

/**
 * cb_packet_get_left:
 * @self: a packet
 *
 * Gets USERS_LEFT.
 *
 * Returns: (transfer none) (nullable) (element-type utf8): names, or %NULL if absent
 */
GPtrArray *
cb_packet_get_left (CbPacket *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->left;
}

/**
 * cb_packet_add_left:
 * @self: a packet
 * @name: a name, in UTF-8
 *
 * Adds to USERS_LEFT.
 */
void
cb_packet_add_left (CbPacket   *self,
                    const char *name)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (name != NULL);

  add_name (&self->left, name);
}

static const CbPacketExtra *
find_extra (CbPacket   *self,
            const char *key)
{
  for (guint i = 0; i < self->extras->len; i++)
    {
      const CbPacketExtra *extra = g_ptr_array_index (self->extras, i);

      if (strcmp (extra->key, key) == 0)
        return extra;
    }

  return NULL;
}

/**
 * cb_packet_get_extra_keys:
 * @self: a packet
 *
 * Lists the members that this version does not know, in the order in which
 * they were written.
 *
 * Returns: (transfer container) (element-type utf8): their keys
 */
GPtrArray *
cb_packet_get_extra_keys (CbPacket *self)
{
  GPtrArray *keys = NULL;

  g_return_val_if_fail (self != NULL, NULL);

  keys = g_ptr_array_new ();
  for (guint i = 0; i < self->extras->len; i++)
    g_ptr_array_add (keys, ((const CbPacketExtra *) g_ptr_array_index (self->extras, i))->key);
  return keys;
}

/**
 * cb_packet_get_extra:
 * @self: a packet
 * @key: a member's name, in UTF-8
 *
 * Gets a member that this version does not know, as it was written: numbers
 * beyond any type and the order of members survive.
 *
 * Returns: (nullable): JSON in UTF-8, or %NULL if absent
 */
const char *
cb_packet_get_extra (CbPacket   *self,
                     const char *key)
{
  const CbPacketExtra *extra = NULL;

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (key != NULL, NULL);

  extra = find_extra (self, key);
  return extra != NULL ? extra->json : NULL;
}

/**
 * cb_packet_dup_extra_node:
 * @self: a packet
 * @key: a member's name, in UTF-8
 *
 * Gets a member that this version does not know as a tree.
 *
 * Returns: (transfer full) (nullable): the tree, or %NULL if absent
 */
JsonNode *
cb_packet_dup_extra_node (CbPacket   *self,
                          const char *key)
{
  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (key != NULL, NULL);

  return find_extra (self, key) != NULL
         ? json_from_string (find_extra (self, key)->json, NULL)
         : NULL;
}

/* Within the packet a value is one level deeper than it is alone. */
static gboolean
check_extra (const char *json,
             GError    **error)
{
  g_autofree char *nested = g_strconcat ("[", json, "]", NULL);

  return cb_json_check (json, strlen (json), error) &&
         cb_json_check (nested, strlen (nested), error);
}

/**
 * cb_packet_set_extra:
 * @self: a packet
 * @key: a member's name, in UTF-8, that this version does not know
 * @json: its value: one JSON document, in UTF-8, nested at most
 *   [const@Cb.JSON_MAX_DEPTH] - 1 deep
 * @error: return location for a #GError
 *
 * Sets a member that this version does not know.
 *
 * Returns: %TRUE; %FALSE with [error@Cb.Error.MALFORMED] if @json is not
 *   valid or @key is one of the protocol's own
 */
gboolean
cb_packet_set_extra (CbPacket   *self,
                     const char *key,
                     const char *json,
                     GError    **error)
{
  const CbPacketExtra *old = NULL;
  CbPacketExtra *extra = NULL;

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (key != NULL, FALSE);
  g_return_val_if_fail (json != NULL, FALSE);

  if (cb_packet_is_known_key (key))
    {
      g_set_error (error, CB_ERROR, CB_ERROR_MALFORMED,
                   "%s is a key of the protocol and has a setter of its own", key);
      return FALSE;
    }
  if (!check_extra (json, error))
    return FALSE;

  old = find_extra (self, key);
  extra = g_new0 (CbPacketExtra, 1);
  extra->key = g_strdup (key);
  extra->json = g_strdup (json);
  g_ptr_array_add (self->extras, extra);
  /* Last: what was given may be the old one's. */
  if (old != NULL)
    g_ptr_array_remove (self->extras, (gpointer) old);
  return TRUE;
}
