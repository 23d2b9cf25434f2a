/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "server/log/cbs-entry.h"
#include "server/room/cbs-fragment.h"

G_BEGIN_DECLS

/**
 * CbsEffectKind:
 * @CBS_EFFECT_APPEND: append @entry to the log
 * @CBS_EFFECT_ACCEPT: let @peer in: it gets @users, then the history up to
 *   @entry, its join
 * @CBS_EFFECT_REPLY: send @fragment to @peer, whatever it has seen of the log
 * @CBS_EFFECT_DELIVER: @fragment, of a committed entry, goes to @peer
 * @CBS_EFFECT_BROADCAST: @fragment, of a committed entry, goes to everybody
 *   but those in @except
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
} CbsEffectKind;

/**
 * CbsEffect:
 * @kind: what has to be done
 * @peer: number of the peer it is for; 0: none
 * @entry: (nullable): an entry of the log
 * @fragment: (nullable): what to send
 * @users: (nullable): the USER_LIST as the wire has it
 * @except: (nullable): set of peer numbers
 */
typedef struct
{
  CbsEffectKind kind;
  guint64       peer;
  CbsEntry     *entry;
  CbsFragment  *fragment;
  GBytes       *users;
  GHashTable   *except;
} CbsEffect;

typedef GArray CbsEffects;

CbsEffects      *cbs_effects_new (void);
const CbsEffect *cbs_effects_get (CbsEffects *self,
                                  guint       index);
void             cbs_effects_append (CbsEffects *self,
                                     CbsEntry   *entry);
void             cbs_effects_accept (CbsEffects *self,
                                     guint64     peer,
                                     CbsEntry   *entry,
                                     GBytes     *users);
void             cbs_effects_reply (CbsEffects  *self,
                                    guint64      peer,
                                    CbsFragment *fragment);
void             cbs_effects_deliver (CbsEffects  *self,
                                      guint64      peer,
                                      CbsFragment *fragment);
void             cbs_effects_broadcast (CbsEffects  *self,
                                        CbsFragment *fragment,
                                        GHashTable  *except);
void             cbs_effects_join_broadcasts (CbsEffects *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsEffects, g_array_unref)

G_END_DECLS
