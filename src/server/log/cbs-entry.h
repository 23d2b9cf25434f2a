/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "libchatterbox/cb-name.h"

G_BEGIN_DECLS

/**
 * CbsEntryKind:
 * @CBS_ENTRY_MESSAGE: something said
 * @CBS_ENTRY_JOIN: a user came in
 * @CBS_ENTRY_LEAVE: a user went
 * @CBS_ENTRY_NODE_UP: a server node opened the log
 * @CBS_ENTRY_BLOCK: `src` blocked `dest`
 * @CBS_ENTRY_UNBLOCK: `src` lifted its block of `dest`
 * @CBS_ENTRY_KEY_ADD: `src` gave its name one more key
 * @CBS_ENTRY_KEY_REVOKE: `src` took a key from its name
 * @CBS_ENTRY_READ: `src` has read what `dest` said. It is kept, but no entry of
 *   the log: it has no sequence, and nobody is told that it is committed
 *
 * What happened. The numbers are stored: they never change.
 */
typedef enum
{
  CBS_ENTRY_MESSAGE = 1,
  CBS_ENTRY_JOIN = 2,
  CBS_ENTRY_LEAVE = 3,
  CBS_ENTRY_NODE_UP = 4,
  CBS_ENTRY_BLOCK = 5,
  CBS_ENTRY_UNBLOCK = 6,
  CBS_ENTRY_KEY_ADD = 7,
  CBS_ENTRY_KEY_REVOKE = 8,
  CBS_ENTRY_READ = 9,
} CbsEntryKind;

/**
 * CbsEntry:
 * @seq: place in the total order, from 1; 0 until it is committed
 * @time_us: when the log took it, microseconds since the epoch, UTC; 0 until then
 * @kind: what happened
 * @src: key of the user who did it (see [method@Cb.Name.get_key]); the node's id for NODE_UP
 * @dest: key of the user it is meant for; %NULL: everybody
 * @token: (nullable): makes the append idempotent: unique among all entries
 * @body: MESSAGE: the wire tuple as UTF-8 JSON. JOIN and LEAVE: the user's
 *   name as shown. Otherwise empty. Not nul-terminated
 * @wire_size: bytes of @body once it is written as ASCII JSON
 * @name: (nullable): JOIN: the name that is claimed; not stored as such
 * @key_id: (nullable): JOIN: the key that is shown; KEY_ADD and KEY_REVOKE: the
 *   key. SHA-256 of the public key, 64 hexadecimal digits
 * @address: (nullable): JOIN: where it comes from
 * @hold_us: JOIN: how long a name without a key is kept for the address that
 *   used it last, in microseconds; 0: not at all
 * @since: JOIN, set by the log: sequence of the join with which the name came
 *   to its holder; 0: it has had no other
 * @passed: JOIN, set by the log: it is this join with which the name came to another holder
 * @owned: JOIN, set by the log: the name belongs to the key that was shown
 * @marker: READ: sequence up to which it has been read
 * @origin: who of this process appended it: a peer's number, or 0; not stored
 * @request: number of the request that brought it, or -1; only with @origin; not stored
 *
 * One thing that happened. Its fields are set before it is appended, @seq and
 * @time_us by the log; from then on it is immutable and may cross threads.
 */
typedef struct
{
  /*< private >*/
  gatomicrefcount ref_count;
  /*< public >*/
  gint64          seq;
  gint64          time_us;
  CbsEntryKind    kind;
  char           *src;
  char           *dest;
  char           *token;
  GBytes         *body;
  gsize           wire_size;
  CbName         *name;
  char           *key_id;
  char           *address;
  gint64          hold_us;
  gint64          since;
  gboolean        passed;
  gboolean        owned;
  gint64          marker;
  guint64         origin;
  gint64          request;
} CbsEntry;

CbsEntry *cbs_entry_new_message (const char *src,
                                 const char *dest,
                                 GBytes     *body);
CbsEntry *cbs_entry_new_join (CbName *name);
CbsEntry *cbs_entry_new_leave (const char *src,
                               const char *shown);
CbsEntry *cbs_entry_new_node_up (const char *node);
CbsEntry *cbs_entry_new_relation (CbsEntryKind kind,
                                  const char  *src,
                                  const char  *dest);
CbsEntry *cbs_entry_new_key (CbsEntryKind kind,
                             const char  *src,
                             const char  *key_id);
CbsEntry *cbs_entry_new_read (const char *src,
                              const char *dest,
                              gint64      marker);
CbsEntry *cbs_entry_new_stored (gint64       seq,
                                gint64       time_us,
                                CbsEntryKind kind,
                                const char  *src,
                                const char  *dest,
                                GBytes      *body,
                                gsize        wire_size);
CbsEntry *cbs_entry_ref (CbsEntry *self);
void      cbs_entry_unref (CbsEntry *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsEntry, cbs_entry_unref)

G_END_DECLS
