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
  CbMessage *self = NULL;

  g_return_val_if_fail (source != NULL, NULL);
  g_return_val_if_fail (destination != NULL, NULL);
  g_return_val_if_fail (content != NULL, NULL);
  g_return_val_if_fail (time_s >= -CB_JSON_MAX_INTEGER && time_s <= CB_JSON_MAX_INTEGER, NULL);

  self = g_new0 (CbMessage, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->source = g_strdup (source);
  self->destination = g_strdup (destination);
  self->time_s = time_s;
  self->content = g_strdup (content);
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
 * cb_message_append_json:
 * @self: a message
 * @out: where to append
 * @encoding: how characters beyond ASCII are written
 *
 * Appends the message as the wire has it: `["ada","ALL",1700000000,"hello"]`.
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
  g_string_append_c (out, ']');
}
