/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-packet-private.h"

#include <string.h>

#include "libchatterbox/cb-error-private.h"

/* Reads the next token, which has to be of one kind. */
static gboolean
expect (CbJsonScanner *scanner,
        CbJsonToken    wanted,
        const char    *what,
        GError       **error)
{
  CbJsonToken token = CB_JSON_END;

  if (!cb_json_scanner_next (scanner, &token, error))
    return FALSE;

  return token == wanted || cb_error_set_malformed (error, "%s", what);
}

static gboolean
parse_text (CbJsonScanner *scanner,
            const char    *what,
            char         **target,
            GError       **error)
{
  if (!expect (scanner, CB_JSON_STRING, what, error))
    return FALSE;

  g_free (*target);
  *target = cb_json_scanner_dup_string (scanner);
  return TRUE;
}

static gboolean
parse_username (CbPacket      *self,
                CbJsonScanner *scanner,
                GError       **error)
{
  return parse_text (scanner, "USERNAME is not a string", &self->username, error);
}

static gboolean
parse_info (CbPacket      *self,
            CbJsonScanner *scanner,
            GError       **error)
{
  return parse_text (scanner, "INFO is not a string", &self->info, error);
}

static gboolean
parse_error (CbPacket      *self,
             CbJsonScanner *scanner,
             GError       **error)
{
  return parse_text (scanner, "ERROR is not a string", &self->error, error);
}

static gboolean
parse_accepted (CbPacket      *self,
                CbJsonScanner *scanner,
                GError       **error)
{
  CbJsonToken token = CB_JSON_END;

  if (!cb_json_scanner_next (scanner, &token, error))
    return FALSE;
  if (token != CB_JSON_TRUE && token != CB_JSON_FALSE)
    return cb_error_set_malformed (error, "USERNAME_ACCEPTED is neither true nor false");

  self->accepted = token == CB_JSON_TRUE ? CB_PACKET_ACCEPTED_TRUE : CB_PACKET_ACCEPTED_FALSE;
  return TRUE;
}

/* An item of a user list in the form of the original's server: an object with “name” and “active”. */
static gboolean
parse_user_object (CbPacket      *self,
                   CbJsonScanner *scanner,
                   GError       **error)
{
  g_autoptr (CbUser) user = g_new0 (CbUser, 1);
  CbJsonToken token = CB_JSON_END;

  for (;;)
    {
      if (!cb_json_scanner_next (scanner, &token, error))
        return FALSE;
      if (token == CB_JSON_OBJECT_CLOSE)
        break;

      if (cb_json_scanner_equals (scanner, "name"))
        {
          if (!parse_text (scanner, "A name in USER_LIST is not a string", &user->name, error))
            return FALSE;
        }
      else if (cb_json_scanner_equals (scanner, "active"))
        {
          if (!cb_json_scanner_next (scanner, &token, error))
            return FALSE;
          user->active = token == CB_JSON_TRUE;
          if (token != CB_JSON_TRUE && token != CB_JSON_FALSE)
            return cb_error_set_malformed (error, "“active” in USER_LIST is neither true nor false");
        }
      else if (!cb_json_scanner_skip_value (scanner, NULL, NULL, error))
        return FALSE;
    }

  if (user->name == NULL)
    return cb_error_set_malformed (error, "An object in USER_LIST has no name");
  g_ptr_array_add (self->users, g_steal_pointer (&user));
  return TRUE;
}

static gboolean
parse_users (CbPacket      *self,
             CbJsonScanner *scanner,
             GError       **error)
{
  CbJsonToken token = CB_JSON_END;

  if (!expect (scanner, CB_JSON_ARRAY_OPEN, "USER_LIST is not a list", error))
    return FALSE;

  self->users = g_ptr_array_new_with_free_func ((GDestroyNotify) cb_user_free);
  for (;;)
    {
      if (!cb_json_scanner_next (scanner, &token, error))
        return FALSE;

      if (token == CB_JSON_ARRAY_CLOSE)
        return TRUE;
      if (token == CB_JSON_STRING)
        {
          g_autofree char *name = cb_json_scanner_dup_string (scanner);

          cb_packet_add_user (self, name, TRUE);
        }
      else if (token != CB_JSON_OBJECT_OPEN)
        return cb_error_set_malformed (error, "USER_LIST holds something that is neither a name nor an object");
      else if (!parse_user_object (self, scanner, error))
        return FALSE;
    }
}

static gboolean
parse_id (CbJsonScanner *scanner,
          gint64        *target,
          GError       **error)
{
  if (!expect (scanner, CB_JSON_INTEGER, "A message's id is not an integer from 1 to 2^53", error))
    return FALSE;

  *target = cb_json_scanner_get_integer (scanner);
  return *target > 0 ||
         cb_error_set_malformed (error, "A message's id is %" G_GINT64_FORMAT ", but has to be from 1 to 2^53",
                                 *target);
}

static gboolean
parse_token (CbJsonScanner *scanner,
             char         **target,
             GError       **error)
{
  if (!parse_text (scanner, "A message's token is not a string", target, error))
    return FALSE;

  return cb_message_is_token (*target) ||
         cb_error_set_malformed (error, "A message's token has to be 1 to %u characters from “!” to “~”, all ASCII",
                                 CB_MESSAGE_MAX_TOKEN);
}

/* Behind the “{” that is a message's fifth part. */
static gboolean
parse_extension (CbJsonScanner *scanner,
                 gint64        *out_id,
                 char         **out_token,
                 GError       **error)
{
  CbJsonToken token = CB_JSON_END;

  for (;;)
    {
      gboolean parsed = FALSE;

      if (!cb_json_scanner_next (scanner, &token, error))
        return FALSE;
      if (token == CB_JSON_OBJECT_CLOSE)
        return TRUE;

      if (cb_json_scanner_equals (scanner, "id"))
        parsed = parse_id (scanner, out_id, error);
      else if (cb_json_scanner_equals (scanner, "token"))
        parsed = parse_token (scanner, out_token, error);
      else
        parsed = cb_json_scanner_skip_value (scanner, NULL, NULL, error);
      if (!parsed)
        return FALSE;
    }
}

/* Behind a message's CONTENT: the end, or one more part between peers that agreed on it. */
static gboolean
parse_message_end (CbPacket      *self,
                   CbJsonScanner *scanner,
                   gint64        *out_id,
                   char         **out_token,
                   GError       **error)
{
  CbJsonToken token = CB_JSON_END;

  if ((self->features & CB_FEATURE_MESSAGE_IDS) == 0)
    return expect (scanner, CB_JSON_ARRAY_CLOSE, "A message has more than four parts", error);

  if (!cb_json_scanner_next (scanner, &token, error))
    return FALSE;
  if (token == CB_JSON_ARRAY_CLOSE)
    return TRUE;
  if (token != CB_JSON_OBJECT_OPEN)
    return cb_error_set_malformed (error, "A message's fifth part is not an object");

  return parse_extension (scanner, out_id, out_token, error) &&
         expect (scanner, CB_JSON_ARRAY_CLOSE, "A message has more than five parts", error);
}

/* Behind the “[” of a message's tuple. */
static gboolean
parse_message (CbPacket      *self,
               CbJsonScanner *scanner,
               GError       **error)
{
  g_autofree char *source = NULL;
  g_autofree char *destination = NULL;
  g_autofree char *content = NULL;
  g_autofree char *token = NULL;
  gint64 time_s = 0;
  gint64 id = 0;

  if (!parse_text (scanner, "A message's SRC is not a string", &source, error) ||
      !parse_text (scanner, "A message's DEST is not a string", &destination, error) ||
      !expect (scanner, CB_JSON_INTEGER,
               "A message's TIMESTAMP is not an integer within 2^53", error))
    return FALSE;
  time_s = cb_json_scanner_get_integer (scanner);
  if (!parse_text (scanner, "A message's CONTENT is not a string", &content, error) ||
      !parse_message_end (self, scanner, &id, &token, error))
    return FALSE;

  g_ptr_array_add (self->messages, cb_message_new_full (source, destination, time_s, content, id, token));
  return TRUE;
}

static gboolean
parse_messages (CbPacket      *self,
                CbJsonScanner *scanner,
                GError       **error)
{
  CbJsonToken token = CB_JSON_END;

  if (!expect (scanner, CB_JSON_ARRAY_OPEN, "MESSAGES is not a list", error))
    return FALSE;

  self->messages = g_ptr_array_new_with_free_func ((GDestroyNotify) cb_message_unref);
  for (;;)
    {
      if (!cb_json_scanner_next (scanner, &token, error))
        return FALSE;

      if (token == CB_JSON_ARRAY_CLOSE)
        return TRUE;
      if (token != CB_JSON_ARRAY_OPEN)
        return cb_error_set_malformed (error, "MESSAGES holds something that is not a message");
      if (!parse_message (self, scanner, error))
        return FALSE;
    }
}

static gboolean
parse_names (CbJsonScanner *scanner,
             const char    *what,
             GPtrArray    **target,
             GError       **error)
{
  CbJsonToken token = CB_JSON_END;

  if (!expect (scanner, CB_JSON_ARRAY_OPEN, what, error))
    return FALSE;

  *target = g_ptr_array_new_with_free_func (g_free);
  for (;;)
    {
      if (!cb_json_scanner_next (scanner, &token, error))
        return FALSE;

      if (token == CB_JSON_ARRAY_CLOSE)
        return TRUE;
      if (token != CB_JSON_STRING)
        return cb_error_set_malformed (error, "%s", what);
      g_ptr_array_add (*target, cb_json_scanner_dup_string (scanner));
    }
}

static gboolean
parse_joined (CbPacket      *self,
              CbJsonScanner *scanner,
              GError       **error)
{
  return parse_names (scanner, "USERS_JOINED is not a list of strings", &self->joined, error);
}

static gboolean
parse_left (CbPacket      *self,
            CbJsonScanner *scanner,
            GError       **error)
{
  return parse_names (scanner, "USERS_LEFT is not a list of strings", &self->left, error);
}

static gboolean
parse_extra (CbPacket      *self,
             CbJsonScanner *scanner,
             GError       **error)
{
  g_autofree char *key = cb_json_scanner_dup_string (scanner);
  const char *start = NULL;
  gsize len = 0;
  CbPacketExtra *extra = NULL;

  if (!cb_json_scanner_skip_value (scanner, &start, &len, error))
    return FALSE;

  extra = g_new0 (CbPacketExtra, 1);
  extra->key = g_steal_pointer (&key);
  extra->json = g_strndup (start, len);
  g_ptr_array_add (self->extras, extra);
  return TRUE;
}

static const struct
{
  const char *key;
  gboolean    (*parse) (CbPacket      *self,
                        CbJsonScanner *scanner,
                        GError       **error);
} known_keys[] = {
  { "MESSAGES", parse_messages },
  { "USERNAME", parse_username },
  { "USERNAME_ACCEPTED", parse_accepted },
  { "INFO", parse_info },
  { "USER_LIST", parse_users },
  { "USERS_JOINED", parse_joined },
  { "USERS_LEFT", parse_left },
  { "ERROR", parse_error },
};

/* Behind a KEY: reads the member's value. @seen has a bit for each known key that was met. */
static gboolean
parse_member (CbPacket      *self,
              CbJsonScanner *scanner,
              guint         *seen,
              GError       **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (known_keys); i++)
    {
      if (!cb_json_scanner_equals (scanner, known_keys[i].key))
        continue;

      /* The scanner finds any duplicate where the object closes; here it would leak the first. */
      if (*seen & 1u << i)
        return cb_error_set_malformed (error, "The object names %s twice", known_keys[i].key);
      *seen |= 1u << i;
      return known_keys[i].parse (self, scanner, error);
    }

  return parse_extra (self, scanner, error);
}

/* Whether the protocol defines @key, so that it can't be an extra. */
gboolean
cb_packet_is_known_key (const char *key)
{
  for (guint i = 0; i < G_N_ELEMENTS (known_keys); i++)
    {
      if (strcmp (known_keys[i].key, key) == 0)
        return TRUE;
    }

  return FALSE;
}

/**
 * cb_packet_parse:
 * @text: (array length=len): the payload of a frame
 * @len: its length, in bytes
 * @error: return location for a #GError
 *
 * Reads a payload of a peer that has announced nothing: one JSON object, whose
 * known members have the types of the protocol. It is read as a whole or not at
 * all.
 *
 * Source: `docs/protocol.md`, “Packets”.
 *
 * Returns: (transfer full): the packet, or %NULL with
 *   [error@Cb.Error.MALFORMED]
 */
CbPacket *
cb_packet_parse (const char *text,
                 gsize       len,
                 GError    **error)
{
  return cb_packet_parse_with (text, len, 0, error);
}

/**
 * cb_packet_parse_with:
 * @text: (array length=len): the payload of a frame
 * @len: its length, in bytes
 * @features: what both ends have announced
 * @error: return location for a #GError
 *
 * Reads a payload as [func@Cb.Packet.parse] does, and what @features add to the
 * types of known members: with [flags@Cb.Features.MESSAGE_IDS] a message may have
 * a fifth part. Members that only extensions know are extras all the same.
 *
 * Source: `docs/protocol.md`, “Ids and tokens”.
 *
 * Returns: (transfer full): the packet, or %NULL with
 *   [error@Cb.Error.MALFORMED]
 */
CbPacket *
cb_packet_parse_with (const char *text,
                      gsize       len,
                      CbFeatures  features,
                      GError    **error)
{
  g_autoptr (CbPacket) self = NULL;
  g_autoptr (CbJsonScanner) scanner = NULL;
  CbJsonToken token = CB_JSON_END;
  guint seen = 0;

  g_return_val_if_fail (text != NULL || len == 0, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  self = cb_packet_new ();
  self->features = features;
  scanner = cb_json_scanner_new (text, len);
  if (!expect (scanner, CB_JSON_OBJECT_OPEN, "The payload is not a JSON object", error))
    return NULL;

  for (;;)
    {
      if (!cb_json_scanner_next (scanner, &token, error))
        return NULL;
      if (token == CB_JSON_OBJECT_CLOSE)
        break;
      if (!parse_member (self, scanner, &seen, error))
        return NULL;
    }

  if (!expect (scanner, CB_JSON_END, "Something follows the JSON object", error))
    return NULL;

  return g_steal_pointer (&self);
}
