/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/room/cbs-fragment.h"

G_BEGIN_DECLS

/**
 * CbsOutbox:
 *
 * What waits to be sent to one peer: fragments that no frame holds yet, and
 * the rest of the bytes that were begun. All zero is an empty one; while
 * nothing waits it owns a short list at most.
 *
 * Pure: it knows no socket.
 */
typedef struct
{
  /*< private >*/
  GPtrArray *pending;       /* of CbsFragment, oldest first */
  gsize      pending_bytes;
  GBytes    *rest;          /* what has been begun and is not written yet */
} CbsOutbox;

/**
 * CbsFrames:
 * @bytes: frames, as they go out
 *
 * The frames that were made last, and of what. Most peers are owed the same
 * in a turn: it is written once for all of them.
 */
typedef struct
{
  GByteArray *bytes;
  /*< private >*/
  GPtrArray  *fragments; /* of CbsFragment: what they were made of; NULL: nothing */
} CbsFrames;

void     cbs_frames_init (CbsFrames *self);
void     cbs_frames_forget (CbsFrames *self);
void     cbs_frames_clear (CbsFrames *self);

void     cbs_outbox_push (CbsOutbox   *self,
                          CbsFragment *fragment);
gboolean cbs_outbox_take_frames (CbsOutbox  *self,
                                 GByteArray *out);
gboolean cbs_outbox_take_shared_frames (CbsOutbox *self,
                                        CbsFrames *frames);
void     cbs_outbox_seal (CbsOutbox *self);
void     cbs_outbox_set_rest (CbsOutbox *self,
                              GBytes    *rest);
GBytes  *cbs_outbox_get_rest (const CbsOutbox *self);
void     cbs_outbox_skip_rest (CbsOutbox *self,
                               gsize      len);
gsize    cbs_outbox_get_size (const CbsOutbox *self);
gboolean cbs_outbox_is_empty (const CbsOutbox *self);
void     cbs_outbox_clear (CbsOutbox *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CbsOutbox, cbs_outbox_clear)

G_END_DECLS
