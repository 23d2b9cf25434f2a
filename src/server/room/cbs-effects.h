/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "libchatterbox/cb-features.h"
#include "server/log/cbs-entry.h"
#include "server/room/cbs-fragment.h"

G_BEGIN_DECLS

/**
 * CbsEffectKind:
 * @CBS_EFFECT_APPEND: append @entry to the log
 * @CBS_EFFECT_ACCEPT: let @peer in: it gets @users and @markers, then the
 *   history up to @entry, its join
 * @CBS_EFFECT_REPLY: send the fragment to @peer, whatever it has seen of the log
 * @CBS_EFFECT_DELIVER: the message, a committed entry, goes to @peer
 * @CBS_EFFECT_BROADCAST: the fragment, of committed entries, goes to everybody
 *   but those in @except
 * @CBS_EFFECT_CLOSE: send the fragment, an ERROR, to @peer, and close the connection
 *
 * What has to be done about an event.
 */
typedef enum
{
  CBS_EFFECT_APPEND,
  CBS_EFFECT_ACCEPT,
  CBS_EFFECT_REPLY,
  CBS_EFFECT_DELIVER,
  CBS_EFFECT_BROADCAST,
  CBS_EFFECT_CLOSE,
} CbsEffectKind;

/**
 * CBS_EFFECT_N_FORMS:
 *
 * How differently the same message may be written: with its id or without,
 * as ASCII or as UTF-8.
 */
#define CBS_EFFECT_N_FORMS 4u

/**
 * CbsEffect:
 * @kind: what has to be done
 * @peer: number of the peer it is for; 0: none
 * @entry: (nullable): an entry of the log: APPEND, ACCEPT
 * @users: (nullable): the USER_LIST as the wire has it
 * @markers: (nullable): the READ of the answer to a login, as JSON: an object;
 *   %NULL: the peer has not announced `read-markers`
 * @except: (nullable): set of peer numbers
 *
 * What is to be sent is got by [method@CbsEffect.get_fragment].
 */
typedef struct
{
  CbsEffectKind kind;
  guint64       peer;
  CbsEntry     *entry;
  GBytes       *users;
  GBytes       *markers;
  GHashTable   *except;
  /*< private >*/
  CbsFragment  *fragment; /* NULL: messages are sent */
  GPtrArray    *joined;   /* of CbsEntry: the messages; NULL: only the entry */
  gboolean      with_token;
  CbsFragment  *forms[CBS_EFFECT_N_FORMS]; /* of the messages, as far as somebody needed them */
} CbsEffect;

typedef GArray CbsEffects;

gboolean     cbs_effect_is_message (const CbsEffect *self);
CbsFragment *cbs_effect_get_fragment (CbsEffect *self,
                                      CbFeatures features);

CbsEffects  *cbs_effects_new (void);
CbsEffect   *cbs_effects_get (CbsEffects *self,
                              guint       index);
void         cbs_effects_append (CbsEffects *self,
                                 CbsEntry   *entry);
void         cbs_effects_accept (CbsEffects *self,
                                 guint64     peer,
                                 CbsEntry   *entry,
                                 GBytes     *users,
                                 GBytes     *markers);
void         cbs_effects_reply (CbsEffects  *self,
                                guint64      peer,
                                CbsFragment *fragment);
void         cbs_effects_deliver (CbsEffects *self,
                                  guint64     peer,
                                  CbsEntry   *entry,
                                  gboolean    with_token);
void         cbs_effects_broadcast (CbsEffects  *self,
                                    CbsFragment *fragment,
                                    GHashTable  *except);
void         cbs_effects_broadcast_message (CbsEffects *self,
                                            CbsEntry   *entry,
                                            GHashTable *except);
void         cbs_effects_close (CbsEffects *self,
                                guint64     peer,
                                const char *text);
void         cbs_effects_join_broadcasts (CbsEffects *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsEffects, g_array_unref)

G_END_DECLS
