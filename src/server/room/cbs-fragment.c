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
 * cbs_fragment_new_message:
 * @body: a message's tuple, as UTF-8 JSON
 * @wire_size: its length in ASCII
 *
 * Makes the fragment of a message.
 *
 * Returns: (transfer full): a fragment
 */
CbsFragment *
cbs_fragment_new_message (GBytes *body,
                          gsize   wire_size)
{
  g_autoptr (GString) json = NULL;
  gsize len = 0;
  const char *text = NULL;

  g_return_val_if_fail (body != NULL, NULL);

  text = g_bytes_get_data (body, &len);
  if (len == wire_size)
    return cbs_fragment_new (CBS_FRAGMENT_MESSAGE, text, len);

  json = g_string_sized_new (wire_size);
  cb_json_append_ascii (json, text, len);
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
