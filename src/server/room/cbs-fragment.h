/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "libchatterbox/cb-json.h"

G_BEGIN_DECLS

/**
 * CbsFragmentKind:
 * @CBS_FRAGMENT_REFUSED: the INFO of a refused login
 * @CBS_FRAGMENT_MESSAGE: a message's tuple
 * @CBS_FRAGMENT_JOINED: a name for USERS_JOINED
 * @CBS_FRAGMENT_LEFT: a name for USERS_LEFT
 * @CBS_FRAGMENT_ERROR: the text of an ERROR
 *
 * Which key of a packet a fragment goes under.
 */
typedef enum
{
  CBS_FRAGMENT_REFUSED,
  CBS_FRAGMENT_MESSAGE,
  CBS_FRAGMENT_JOINED,
  CBS_FRAGMENT_LEFT,
  CBS_FRAGMENT_ERROR,
} CbsFragmentKind;

/**
 * CbsFragment:
 * @kind: which key it goes under
 * @len: bytes of @json
 * @json: one JSON value in the wire's bytes: ASCII. Of messages there may be
 *   several, with commas between them. Not nul-terminated
 *
 * A piece of a frame, encoded once and shared by all outboxes that carry it.
 *
 * Immutable; may be shared by threads.
 */
typedef struct
{
  /*< private >*/
  gatomicrefcount ref_count;
  /*< public >*/
  CbsFragmentKind kind;
  guint           len;
  char            json[];
} CbsFragment;

CbsFragment *cbs_fragment_new (CbsFragmentKind kind,
                               const char     *json,
                               gsize           len);
CbsFragment *cbs_fragment_new_text (CbsFragmentKind kind,
                                    const char     *text);
CbsFragment *cbs_fragment_new_message (GBytes *body,
                                       gsize   wire_size);
CbsFragment *cbs_fragment_ref (CbsFragment *self);
void         cbs_fragment_unref (CbsFragment *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsFragment, cbs_fragment_unref)

G_END_DECLS
