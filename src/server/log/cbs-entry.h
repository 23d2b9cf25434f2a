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
 * @origin: who of this process appended it: a peer's number, or 0; not stored
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
  guint64         origin;
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
