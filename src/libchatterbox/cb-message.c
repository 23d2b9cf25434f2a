/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-message.h"

#include <string.h>

/**
 * CbMessage: (ref-func cb_message_ref) (unref-func cb_message_unref)
 *
 * One message: the wire's tuple of source, destination, time and content.
 *
 * Immutable; may be shared by threads.
 *
 * Source: `docs/protocol.md`, “Messages”.
 */
struct _CbMessage
{
  gatomicrefcount ref_count;
  char           *source;
  char           *destination;
  gint64          time_s;
  char           *content;
  gint64          id; /* the log's sequence; 0: not known */
  char           *token; /* of its sender; NULL: none */
};

G_DEFINE_BOXED_TYPE (CbMessage, cb_message, cb_message_ref, cb_message_unref)

/**
 * cb_message_new:
 * @source: name of the sender, in UTF-8
 * @destination: [const@Cb.MESSAGE_TO_ALL] or the addressee's name, in UTF-8
 * @time_s: when it was said: seconds since the epoch, UTC, within
 *   ±[const@Cb.JSON_MAX_INTEGER]
 * @content: what is said, in UTF-8
 *
 * Makes a message.
 *
 * Returns: (transfer full): a message
 */
CbMessage *
cb_message_new (const char *source,
                const char *destination,
                gint64 time_s,
                const char *content)
{
  return cb_message_new_full (source, destination, time_s, content, 0, NULL);
}

/**
 * cb_message_new_full:
 * @source: name of the sender, in UTF-8
 * @destination: [const@Cb.MESSAGE_TO_ALL] or the addressee's name, in UTF-8
 * @time_s: when it was said: seconds since the epoch, UTC, within
 *   ±[const@Cb.JSON_MAX_INTEGER]
 * @content: what is said, in UTF-8
 * @id: its place in the server's log, 1 to [const@Cb.JSON_MAX_INTEGER], or 0
 * @token: (nullable): its sender's mark, as [func@Cb.Message.is_token] has it
 *
 * Makes a message that carries what the feature `message-ids` adds.
 *
 * Source: `docs/protocol.md`, “Ids and tokens”.
 *
 * Returns: (transfer full): a message
 */
CbMessage *
cb_message_new_full (const char *source,
                     const char *destination,
                     gint64      time_s,
                     const char *content,
                     gint64      id,
                     const char *token)
{
  CbMessage *self = NULL;

  g_return_val_if_fail (source != NULL, NULL);
  g_return_val_if_fail (destination != NULL, NULL);
  g_return_val_if_fail (content != NULL, NULL);
  g_return_val_if_fail (time_s >= -CB_JSON_MAX_INTEGER && time_s <= CB_JSON_MAX_INTEGER, NULL);
  g_return_val_if_fail (id >= 0 && id <= CB_JSON_MAX_INTEGER, NULL);
  g_return_val_if_fail (token == NULL || cb_message_is_token (token), NULL);

  self = g_new0 (CbMessage, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->source = g_strdup (source);
  self->destination = g_strdup (destination);
  self->time_s = time_s;
  self->content = g_strdup (content);
  self->id = id;
  self->token = g_strdup (token);
  return self;
}

/**
 * cb_message_ref:
 * @self: a message
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self
 */
CbMessage *
cb_message_ref (CbMessage *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * cb_message_unref:
 * @self: (transfer full): a message
 *
 * Drops a reference; the last one frees the message.
 */
void
cb_message_unref (CbMessage *self)
{
  g_return_if_fail (self != NULL);

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_free (self->source);
  g_free (self->destination);
  g_free (self->content);
  g_free (self->token);
  g_free (self);
}

/**
 * cb_message_get_source:
 * @self: a message
 *
 * Gets who said it.
 *
 * Returns: a name, in UTF-8, as the peer wrote it
 */
const char *
cb_message_get_source (CbMessage *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->source;
}

/**
 * cb_message_get_destination:
 * @self: a message
 *
 * Gets whom it is meant for.
 *
 * Returns: [const@Cb.MESSAGE_TO_ALL] or a name, in UTF-8, as the peer wrote it
 */
const char *
cb_message_get_destination (CbMessage *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->destination;
}

/**
 * cb_message_get_time_s:
 * @self: a message
 *
 * Gets when it was said, by the sender's clock.
 *
 * Returns: seconds since the epoch, UTC, within ±[const@Cb.JSON_MAX_INTEGER]
 */
gint64
cb_message_get_time_s (CbMessage *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->time_s;
}

/**
 * cb_message_get_content:
 * @self: a message
 *
 * Gets what was said. It may hold any character but U+0000: whoever shows it
 * has to make controls harmless.
 *
 * Returns: the content, in UTF-8
 */
const char *
cb_message_get_content (CbMessage *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->content;
}

/**
 * cb_message_get_id:
 * @self: a message
 *
 * Gets the message's place in the server's log.
 *
 * Returns: 1 to [const@Cb.JSON_MAX_INTEGER], or 0 if the peer did not tell
 */
gint64
cb_message_get_id (CbMessage *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->id;
}

/**
 * cb_message_get_token:
 * @self: a message
 *
 * Gets the mark by which its sender knows the message again.
 *
 * Returns: (nullable): the token, or %NULL if there is none
 */
const char *
cb_message_get_token (CbMessage *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->token;
}

/**
 * cb_message_is_public:
 * @self: a message
 *
 * Tells whether the message is meant for everybody.
 *
 * Returns: %TRUE if its destination is [const@Cb.MESSAGE_TO_ALL]
 */
gboolean
cb_message_is_public (CbMessage *self)
{
  g_return_val_if_fail (self != NULL, FALSE);

  return strcmp (self->destination, CB_MESSAGE_TO_ALL) == 0;
}

/**
 * cb_message_is_token:
 * @text: a text
 *
 * Tells whether a text may be a message's token: 1 to
 * [const@Cb.MESSAGE_MAX_TOKEN] characters from U+0021 to U+007E.
 *
 * Returns: %TRUE if it may
 */
gboolean
cb_message_is_token (const char *text)
{
  gsize len = 0;

  g_return_val_if_fail (text != NULL, FALSE);

  while (len <= CB_MESSAGE_MAX_TOKEN && g_ascii_isgraph (text[len]))
    len++;
  return len > 0 && len <= CB_MESSAGE_MAX_TOKEN && text[len] == '\0';
}

static void
append_extension (CbMessage *self,
                  GString   *out)
{
  g_string_append (out, ",{");
  if (self->id > 0)
    g_string_append_printf (out, "\"id\":%" G_GINT64_FORMAT, self->id);
  if (self->token != NULL)
    {
      g_string_append (out, self->id > 0 ? ",\"token\":" : "\"token\":");
      cb_json_append_string (out, self->token, CB_JSON_ASCII);
    }
  g_string_append_c (out, '}');
}

/**
 * cb_message_append_json:
 * @self: a message
 * @out: where to append
 * @encoding: how characters beyond ASCII are written
 *
 * Appends the message as the wire has it: `["ada","ALL",1700000000,"hello"]`,
 * and with an id or a token `["ada","ALL",1700000000,"hello",{"id":7}]`.
 */
void
cb_message_append_json (CbMessage     *self,
                        GString       *out,
                        CbJsonEncoding encoding)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (out != NULL);

  g_string_append_c (out, '[');
  cb_json_append_string (out, self->source, encoding);
  g_string_append_c (out, ',');
  cb_json_append_string (out, self->destination, encoding);
  g_string_append_printf (out, ",%" G_GINT64_FORMAT ",", self->time_s);
  cb_json_append_string (out, self->content, encoding);
  if (self->id > 0 || self->token != NULL)
    append_extension (self, out);
  g_string_append_c (out, ']');
}
