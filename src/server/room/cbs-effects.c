/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/room/cbs-effects.h"

/* Bytes of a joined fragment: about one TLS record. */
#define MAX_JOINED (16u * 1024)

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

/* Whether an effect tells everybody of a message, so that the next one may go with it. */
static gboolean
is_for_all (const CbsEffect *effect)
{
  return effect->kind == CBS_EFFECT_BROADCAST && effect->except == NULL &&
         effect->fragment->kind == CBS_FRAGMENT_MESSAGE;
}

/* Counts the effects from @first on that fit one fragment, and adds up its length. */
static guint
count_joinable (CbsEffects *self,
                guint       first,
                gsize      *out_len)
{
  guint n = 0;

  *out_len = 0;
  for (guint i = first; i < self->len && is_for_all (&g_array_index (self, CbsEffect, i)); i++)
    {
      const gsize len = g_array_index (self, CbsEffect, i).fragment->len + (n > 0 ? 1 : 0);

      if (n > 0 && *out_len + len > MAX_JOINED)
        break;
      *out_len += len;
      n++;
    }

  return n;
}

/* Puts the messages of @n effects into the first one, and drops the others. */
static void
join (CbsEffects *self,
      guint       first,
      guint       n,
      gsize       len)
{
  CbsEffect *target = &g_array_index (self, CbsEffect, first);
  g_autoptr (GString) json = g_string_sized_new (len);

  for (guint i = first; i < first + n; i++)
    {
      const CbsFragment *fragment = g_array_index (self, CbsEffect, i).fragment;

      if (i > first)
        g_string_append_c (json, ',');
      g_string_append_len (json, fragment->json, (gssize) fragment->len);
    }

  cbs_fragment_unref (target->fragment);
  target->fragment = cbs_fragment_new (CBS_FRAGMENT_MESSAGE, json->str, json->len);
  g_array_remove_range (self, first + 1, n - 1);
}

/**
 * cbs_effects_join_broadcasts:
 * @self: a list
 *
 * Makes one broadcast of messages that go to everybody one behind the other.
 * Their tuples stand in one list on the wire in any case; so each outbox gets
 * one fragment a batch, not one a message.
 */
void
cbs_effects_join_broadcasts (CbsEffects *self)
{
  for (guint i = 0; i < self->len; i++)
    {
      gsize len = 0;
      const guint n = count_joinable (self, i, &len);

      if (n > 1)
        join (self, i, n, len);
    }
}
