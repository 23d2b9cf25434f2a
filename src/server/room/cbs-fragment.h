/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "libchatterbox/cb-features.h"
#include "libchatterbox/cb-json.h"
#include "server/log/cbs-entry.h"

G_BEGIN_DECLS

/**
 * CBS_NO_REQUEST:
 *
 * Number of a request that has none.
 */
#define CBS_NO_REQUEST (-1)

/**
 * CbsFragmentKind:
 * @CBS_FRAGMENT_REFUSED: the INFO of a refused login
 * @CBS_FRAGMENT_MESSAGE: a message's tuple
 * @CBS_FRAGMENT_JOINED: a name for USERS_JOINED
 * @CBS_FRAGMENT_LEFT: a name for USERS_LEFT
 * @CBS_FRAGMENT_ERROR: the text of an ERROR
 * @CBS_FRAGMENT_OBJECT: none: it is a whole object, and goes out as a frame of its own, behind what
 *   was pushed before it and ahead of what is pushed after it
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
  CBS_FRAGMENT_OBJECT,
} CbsFragmentKind;

/**
 * CbsFragment:
 * @kind: which key it goes under
 * @len: bytes of @json
 * @json: one JSON value in the wire's bytes: ASCII, unless all peers that it
 *   is for have announced `utf8`. Of messages there may be several, with commas
 *   between them. Not nul-terminated
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
CbsFragment *cbs_fragment_new_error (const char *text,
                                     gint64      request);
CbsFragment *cbs_fragment_new_object (const GString *json);
CbsFragment *cbs_fragment_new_messages (CbsEntry *const *entries,
                                        guint            n_entries,
                                        CbFeatures       features,
                                        gboolean         with_token);
void         cbs_fragment_append_message (GString        *json,
                                          const CbsEntry *entry,
                                          CbFeatures      features,
                                          const char     *token);
CbsFragment *cbs_fragment_ref (CbsFragment *self);
void         cbs_fragment_unref (CbsFragment *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsFragment, cbs_fragment_unref)

G_END_DECLS
