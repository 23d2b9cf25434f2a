/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/room/cbs-fragment.h"

#include <string.h>

/**
 * cbs_fragment_new:
 * @kind: which key it goes under
 * @json: (array length=len): one JSON value, in ASCII
 * @len: its length, in bytes
 *
 * Makes a fragment of what is encoded already.
 *
 * Returns: (transfer full): a fragment
 */
CbsFragment *
cbs_fragment_new (CbsFragmentKind kind,
                  const char     *json,
                  gsize           len)
{
  CbsFragment *self = NULL;

  g_return_val_if_fail (json != NULL, NULL);
  g_return_val_if_fail (len <= G_MAXUINT, NULL);

  self = g_malloc (sizeof *self + len);
  g_atomic_ref_count_init (&self->ref_count);
  self->kind = kind;
  self->len = (guint) len;
  memcpy (self->json, json, len);
  return self;
}

/**
 * cbs_fragment_new_text:
 * @kind: which key it goes under
 * @text: a text, in UTF-8
 *
 * Makes a fragment that is one JSON string.
 *
 * Returns: (transfer full): a fragment
 */
CbsFragment *
cbs_fragment_new_text (CbsFragmentKind kind,
                       const char     *text)
{
  g_autoptr (GString) json = NULL;

  g_return_val_if_fail (text != NULL, NULL);

  json = g_string_new (NULL);
  cb_json_append_string (json, text, CB_JSON_ASCII);
  return cbs_fragment_new (kind, json->str, json->len);
}

/**
 * cbs_fragment_new_object:
 * @json: a JSON object
 *
 * Makes a fragment that goes out as a frame of its own.
 *
 * Returns: (transfer full): a fragment
 */
CbsFragment *
cbs_fragment_new_object (const GString *json)
{
  g_return_val_if_fail (json != NULL, NULL);

  return cbs_fragment_new (CBS_FRAGMENT_OBJECT, json->str, json->len);
}

/**
 * cbs_fragment_new_error:
 * @text: what is wrong, in UTF-8
 * @request: number of the request that it answers, or %CBS_NO_REQUEST
 *
 * Makes the fragment of an ERROR. That of a request goes out as a frame of
 * its own, so that nothing else can be taken for its answer.
 *
 * Returns: (transfer full): a fragment
 */
CbsFragment *
cbs_fragment_new_error (const char *text,
                        gint64      request)
{
  g_autoptr (GString) json = NULL;

  g_return_val_if_fail (text != NULL, NULL);

  if (request == CBS_NO_REQUEST)
    return cbs_fragment_new_text (CBS_FRAGMENT_ERROR, text);

  json = g_string_new ("{\"ERROR\":");
  cb_json_append_string (json, text, CB_JSON_ASCII);
  g_string_append_printf (json, ",\"REQUEST\":%" G_GINT64_FORMAT "}", request);
  return cbs_fragment_new_object (json);
}

/**
 * cbs_fragment_append_message:
 * @json: where to append
 * @entry: a message; with `message-ids` it has to be committed
 * @features: what the peer that it is for has announced
 * @token: (nullable): the token that goes with it; only with `message-ids`
 *
 * Appends a message's tuple as a peer with these features gets it.
 *
 * Source: `docs/protocol.md`, “Ids and tokens”.
 */
void
cbs_fragment_append_message (GString        *json,
                             const CbsEntry *entry,
                             CbFeatures      features,
                             const char     *token)
{
  gsize len = 0;
  const char *body = g_bytes_get_data (entry->body, &len);
  const gboolean with_id = (features & CB_FEATURE_MESSAGE_IDS) != 0 && len > 0 && body[len - 1] == ']';

  /* The tuple gets its fifth element in the place of its end. */
  if (with_id)
    len--;
  if ((features & CB_FEATURE_UTF8) != 0 || g_bytes_get_size (entry->body) == entry->wire_size)
    g_string_append_len (json, body, (gssize) len);
  else
    cb_json_append_ascii (json, body, len);
  if (!with_id)
    return;

  g_string_append_printf (json, ",{\"id\":%" G_GINT64_FORMAT, entry->seq);
  if (token != NULL)
    {
      g_string_append (json, ",\"token\":");
      cb_json_append_string (json, token, CB_JSON_ASCII);
    }
  g_string_append (json, "}]");
}

/* The sender's token is the last line of the entry's: see the room. */
static const char *
get_token (const CbsEntry *entry)
{
  const char *end = entry->token != NULL ? strrchr (entry->token, '\n') : NULL;

  return end != NULL ? end + 1 : NULL;
}

/**
 * cbs_fragment_new_messages:
 * @entries: (array length=n_entries): messages
 * @n_entries: how many
 * @features: what the peers that it is for have announced
 * @with_token: with the tokens of their sender
 *
 * Makes one fragment of messages.
 *
 * Returns: (transfer full): a fragment
 */
CbsFragment *
cbs_fragment_new_messages (CbsEntry *const *entries,
                           guint            n_entries,
                           CbFeatures       features,
                           gboolean         with_token)
{
  g_autoptr (GString) json = NULL;
  gsize size = 0;

  g_return_val_if_fail (entries != NULL && n_entries > 0, NULL);

  /* What most messages are to most peers: the bytes as they are stored. */
  if (n_entries == 1 && (features & CB_FEATURE_MESSAGE_IDS) == 0 &&
      g_bytes_get_size (entries[0]->body) == entries[0]->wire_size)
    return cbs_fragment_new (CBS_FRAGMENT_MESSAGE, g_bytes_get_data (entries[0]->body, NULL),
                             entries[0]->wire_size);

  for (guint i = 0; i < n_entries; i++)
    size += entries[i]->wire_size + 1;
  json = g_string_sized_new (size);
  for (guint i = 0; i < n_entries; i++)
    {
      if (i > 0)
        g_string_append_c (json, ',');
      cbs_fragment_append_message (json, entries[i], features, with_token ? get_token (entries[i]) : NULL);
    }

  return cbs_fragment_new (CBS_FRAGMENT_MESSAGE, json->str, json->len);
}

/**
 * cbs_fragment_ref:
 * @self: a fragment
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self
 */
CbsFragment *
cbs_fragment_ref (CbsFragment *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * cbs_fragment_unref:
 * @self: (transfer full): a fragment
 *
 * Drops a reference; the last one frees the fragment.
 */
void
cbs_fragment_unref (CbsFragment *self)
{
  g_return_if_fail (self != NULL);

  if (g_atomic_ref_count_dec (&self->ref_count))
    g_free (self);
}
