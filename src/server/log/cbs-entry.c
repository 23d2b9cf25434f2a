/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-entry.h"

#include <string.h>

#include "libchatterbox/cb-json.h"

/* Takes @body over. */
static CbsEntry *
entry_new (CbsEntryKind kind,
           const char  *src,
           const char  *dest,
           GBytes      *body)
{
  CbsEntry *self = g_new0 (CbsEntry, 1);
  gsize len = 0;
  const char *text = g_bytes_get_data (body, &len);

  g_atomic_ref_count_init (&self->ref_count);
  self->kind = kind;
  self->src = g_strdup (src);
  self->dest = g_strdup (dest);
  self->body = body;
  self->wire_size = cb_json_get_ascii_length (text, len);
  return self;
}

static GBytes *
bytes_new_text (const char *text)
{
  return g_bytes_new (text, strlen (text));
}

/**
 * cbs_entry_new_message:
 * @src: key of the sender
 * @dest: (nullable): key of the addressee; %NULL: everybody
 * @body: the wire tuple, as UTF-8 JSON
 *
 * Makes the entry of something said.
 *
 * Returns: (transfer full): an entry that is not committed
 */
CbsEntry *
cbs_entry_new_message (const char *src,
                       const char *dest,
                       GBytes     *body)
{
  g_return_val_if_fail (src != NULL, NULL);
  g_return_val_if_fail (body != NULL, NULL);

  return entry_new (CBS_ENTRY_MESSAGE, src, dest, g_bytes_ref (body));
}

/**
 * cbs_entry_new_join:
 * @name: the name that is claimed
 *
 * Makes the entry of a user who comes in.
 *
 * Returns: (transfer full): an entry that is not committed
 */
CbsEntry *
cbs_entry_new_join (CbName *name)
{
  CbsEntry *self = NULL;

  g_return_val_if_fail (name != NULL, NULL);

  self = entry_new (CBS_ENTRY_JOIN, cb_name_get_key (name), NULL,
                    bytes_new_text (cb_name_get_text (name)));
  self->name = cb_name_ref (name);
  return self;
}

/**
 * cbs_entry_new_leave:
 * @src: key of the user
 * @shown: its name as shown
 *
 * Makes the entry of a user who goes.
 *
 * Returns: (transfer full): an entry that is not committed
 */
CbsEntry *
cbs_entry_new_leave (const char *src,
                     const char *shown)
{
  g_return_val_if_fail (src != NULL, NULL);
  g_return_val_if_fail (shown != NULL, NULL);

  return entry_new (CBS_ENTRY_LEAVE, src, NULL, bytes_new_text (shown));
}

/**
 * cbs_entry_new_node_up:
 * @node: id of the node
 *
 * Makes the entry of a server node that has opened the log.
 *
 * Returns: (transfer full): an entry that is not committed
 */
CbsEntry *
cbs_entry_new_node_up (const char *node)
{
  g_return_val_if_fail (node != NULL, NULL);

  return entry_new (CBS_ENTRY_NODE_UP, node, NULL, bytes_new_text (""));
}

/**
 * cbs_entry_new_relation:
 * @kind: %CBS_ENTRY_BLOCK or %CBS_ENTRY_UNBLOCK
 * @src: key of the user who blocks
 * @dest: key of the user who is blocked
 *
 * Makes the entry of a block that is made or lifted.
 *
 * Returns: (transfer full): an entry that is not committed
 */
CbsEntry *
cbs_entry_new_relation (CbsEntryKind kind,
                        const char  *src,
                        const char  *dest)
{
  g_return_val_if_fail (kind == CBS_ENTRY_BLOCK || kind == CBS_ENTRY_UNBLOCK, NULL);
  g_return_val_if_fail (src != NULL, NULL);
  g_return_val_if_fail (dest != NULL, NULL);

  return entry_new (kind, src, dest, bytes_new_text (""));
}

/**
 * cbs_entry_new_key:
 * @kind: %CBS_ENTRY_KEY_ADD or %CBS_ENTRY_KEY_REVOKE
 * @src: key of the user whose name it is
 * @key_id: SHA-256 of the public key, 64 hexadecimal digits
 *
 * Makes the entry of a key that comes to a name or is taken from it.
 *
 * Returns: (transfer full): an entry that is not committed
 */
CbsEntry *
cbs_entry_new_key (CbsEntryKind kind,
                   const char  *src,
                   const char  *key_id)
{
  CbsEntry *self = NULL;

  g_return_val_if_fail (kind == CBS_ENTRY_KEY_ADD || kind == CBS_ENTRY_KEY_REVOKE, NULL);
  g_return_val_if_fail (src != NULL && key_id != NULL, NULL);

  self = entry_new (kind, src, NULL, bytes_new_text (key_id));
  self->key_id = g_strdup (key_id);
  return self;
}

/**
 * cbs_entry_new_read:
 * @src: key of the user who has read
 * @dest: (nullable): key of the user at the other end; %NULL: what was said to everybody
 * @marker: sequence up to which it has read
 *
 * Makes what moves a read marker.
 *
 * Returns: (transfer full): an entry that is not committed
 */
CbsEntry *
cbs_entry_new_read (const char *src,
                    const char *dest,
                    gint64      marker)
{
  CbsEntry *self = NULL;

  g_return_val_if_fail (src != NULL, NULL);
  g_return_val_if_fail (marker >= 0, NULL);

  self = entry_new (CBS_ENTRY_READ, src, dest, bytes_new_text (""));
  self->marker = marker;
  return self;
}

/**
 * cbs_entry_new_stored:
 * @seq: its place in the order, from 1
 * @time_us: when the log took it, microseconds since the epoch, UTC
 * @kind: what happened
 * @src: key of the user who did it
 * @dest: (nullable): key of the user it is meant for
 * @body: its body
 * @wire_size: bytes of @body in ASCII, as measured when it was new
 *
 * Makes an entry of what a log has stored.
 *
 * Returns: (transfer full): a committed entry
 */
CbsEntry *
cbs_entry_new_stored (gint64       seq,
                      gint64       time_us,
                      CbsEntryKind kind,
                      const char  *src,
                      const char  *dest,
                      GBytes      *body,
                      gsize        wire_size)
{
  CbsEntry *self = NULL;

  g_return_val_if_fail (seq > 0, NULL);
  g_return_val_if_fail (src != NULL, NULL);
  g_return_val_if_fail (body != NULL, NULL);

  self = g_new0 (CbsEntry, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->seq = seq;
  self->time_us = time_us;
  self->kind = kind;
  self->src = g_strdup (src);
  self->dest = g_strdup (dest);
  self->body = g_bytes_ref (body);
  self->wire_size = wire_size;
  return self;
}

/**
 * cbs_entry_ref:
 * @self: an entry
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self
 */
CbsEntry *
cbs_entry_ref (CbsEntry *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * cbs_entry_unref:
 * @self: (transfer full): an entry
 *
 * Drops a reference; the last one frees the entry.
 */
void
cbs_entry_unref (CbsEntry *self)
{
  g_return_if_fail (self != NULL);

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_clear_pointer (&self->name, cb_name_unref);
  g_bytes_unref (self->body);
  g_free (self->token);
  g_free (self->key_id);
  g_free (self->address);
  g_free (self->dest);
  g_free (self->src);
  g_free (self);
}
