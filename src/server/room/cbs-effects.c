/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/room/cbs-effects.h"

static void
effect_clear (gpointer data)
{
  CbsEffect *effect = data;

  g_clear_pointer (&effect->entry, cbs_entry_unref);
  g_clear_pointer (&effect->fragment, cbs_fragment_unref);
  g_clear_pointer (&effect->users, g_bytes_unref);
  g_clear_pointer (&effect->except, g_hash_table_unref);
}

/**
 * cbs_effects_new:
 *
 * Makes an empty list of effects, which are carried out in its order.
 *
 * Returns: (transfer full): a list, freed by g_array_unref()
 */
CbsEffects *
cbs_effects_new (void)
{
  GArray *self = g_array_new (FALSE, FALSE, sizeof (CbsEffect));

  g_array_set_clear_func (self, effect_clear);
  return self;
}

/**
 * cbs_effects_get:
 * @self: a list
 * @index: a place in it
 *
 * Gets one effect.
 *
 * Returns: (transfer none): the effect, valid until the list changes
 */
const CbsEffect *
cbs_effects_get (CbsEffects *self,
                 guint       index)
{
  g_return_val_if_fail (index < self->len, NULL);

  return &g_array_index (self, CbsEffect, index);
}

/**
 * cbs_effects_append:
 * @self: a list
 * @entry: (transfer full): what the log should take
 *
 * Adds [enum@CbsEffectKind.APPEND].
 */
void
cbs_effects_append (CbsEffects *self,
                    CbsEntry   *entry)
{
  const CbsEffect effect = { .kind = CBS_EFFECT_APPEND, .peer = entry->origin, .entry = entry };

  g_array_append_val (self, effect);
}

/**
 * cbs_effects_accept:
 * @self: a list
 * @peer: who is let in
 * @entry: the join
 * @users: the USER_LIST as the wire has it
 *
 * Adds [enum@CbsEffectKind.ACCEPT].
 */
void
cbs_effects_accept (CbsEffects *self,
                    guint64     peer,
                    CbsEntry   *entry,
                    GBytes     *users)
{
  const CbsEffect effect = {
    .kind = CBS_EFFECT_ACCEPT,
    .peer = peer,
    .entry = cbs_entry_ref (entry),
    .users = g_bytes_ref (users),
  };

  g_array_append_val (self, effect);
}

/**
 * cbs_effects_reply:
 * @self: a list
 * @peer: whom it is for
 * @fragment: (transfer full): what to send
 *
 * Adds [enum@CbsEffectKind.REPLY].
 */
void
cbs_effects_reply (CbsEffects  *self,
                   guint64      peer,
                   CbsFragment *fragment)
{
  const CbsEffect effect = { .kind = CBS_EFFECT_REPLY, .peer = peer, .fragment = fragment };

  g_array_append_val (self, effect);
}

/**
 * cbs_effects_deliver:
 * @self: a list
 * @peer: whom it is for
 * @fragment: (transfer full): what to send
 *
 * Adds [enum@CbsEffectKind.DELIVER].
 */
void
cbs_effects_deliver (CbsEffects  *self,
                     guint64      peer,
                     CbsFragment *fragment)
{
  const CbsEffect effect = { .kind = CBS_EFFECT_DELIVER, .peer = peer, .fragment = fragment };

  g_array_append_val (self, effect);
}

/**
 * cbs_effects_broadcast:
 * @self: a list
 * @fragment: (transfer full): what to send
 * @except: (transfer full) (nullable): set of peer numbers that do not get it
 *
 * Adds [enum@CbsEffectKind.BROADCAST].
 */
void
cbs_effects_broadcast (CbsEffects  *self,
                       CbsFragment *fragment,
                       GHashTable  *except)
{
  const CbsEffect effect = { .kind = CBS_EFFECT_BROADCAST, .fragment = fragment, .except = except };

  g_array_append_val (self, effect);
}
