/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/room/cbs-effects.h"

#include <string.h>

/* Bytes of a joined fragment: about one TLS record. */
#define MAX_JOINED (16u * 1024)

static void
effect_clear (gpointer data)
{
  CbsEffect *effect = data;

  g_clear_pointer (&effect->entry, cbs_entry_unref);
  g_clear_pointer (&effect->users, g_bytes_unref);
  g_clear_pointer (&effect->markers, g_bytes_unref);
  g_clear_pointer (&effect->except, g_hash_table_unref);
  g_clear_pointer (&effect->fragment, cbs_fragment_unref);
  g_clear_pointer (&effect->joined, g_ptr_array_unref);
  for (guint i = 0; i < CBS_EFFECT_N_FORMS; i++)
    g_clear_pointer (&effect->forms[i], cbs_fragment_unref);
}

/**
 * cbs_effect_is_message:
 * @self: an effect
 *
 * Tells whether it sends messages of the log, which a peer that still gets the
 * past finds there.
 *
 * Returns: %TRUE if so; %FALSE for a reply, whatever it holds
 */
gboolean
cbs_effect_is_message (const CbsEffect *self)
{
  return self->fragment == NULL &&
         (self->kind == CBS_EFFECT_DELIVER || self->kind == CBS_EFFECT_BROADCAST);
}

/* The messages that an effect sends. */
static CbsEntry *const *
get_messages (const CbsEffect *self,
              guint           *out_n_messages)
{
  *out_n_messages = self->joined != NULL ? self->joined->len : 1;
  return self->joined != NULL ? (CbsEntry *const *) self->joined->pdata : &self->entry;
}

static gboolean
is_ascii (CbsEntry *const *messages,
          guint            n_messages)
{
  for (guint i = 0; i < n_messages; i++)
    {
      if (g_bytes_get_size (messages[i]->body) != messages[i]->wire_size)
        return FALSE;
    }

  return TRUE;
}

/**
 * cbs_effect_get_fragment:
 * @self: an effect that sends something
 * @features: what the peer that it is for has announced
 *
 * Gets what is to be sent. Messages are written when the first peer needs
 * them in that form, once for all that do.
 *
 * Returns: (transfer none): a fragment, valid as long as the effect
 */
CbsFragment *
cbs_effect_get_fragment (CbsEffect *self,
                         CbFeatures features)
{
  CbsEntry *const *messages = NULL;
  guint n_messages = 0;
  guint form = 0;

  if (!cbs_effect_is_message (self))
    return self->fragment;

  if ((features & CB_FEATURE_MESSAGE_IDS) != 0)
    form |= 1;
  if ((features & CB_FEATURE_UTF8) != 0)
    form |= 2;
  if (self->forms[form] != NULL)
    return self->forms[form];

  messages = get_messages (self, &n_messages);
  /* Both encodings are the same then: those who wish the one share it with those who wish the other. */
  if ((form & 2) != 0 && is_ascii (messages, n_messages))
    self->forms[form] = cbs_fragment_ref (cbs_effect_get_fragment (self, features & CB_FEATURE_MESSAGE_IDS));
  else
    self->forms[form] = cbs_fragment_new_messages (messages, n_messages, features, self->with_token);
  return self->forms[form];
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
CbsEffect *
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
 * @markers: (nullable): READ as the wire has it
 *
 * Adds [enum@CbsEffectKind.ACCEPT].
 */
void
cbs_effects_accept (CbsEffects *self,
                    guint64     peer,
                    CbsEntry   *entry,
                    GBytes     *users,
                    GBytes     *markers)
{
  const CbsEffect effect = {
    .kind = CBS_EFFECT_ACCEPT,
    .peer = peer,
    .entry = cbs_entry_ref (entry),
    .users = g_bytes_ref (users),
    .markers = markers != NULL ? g_bytes_ref (markers) : NULL,
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
 * @entry: a message that is committed
 * @with_token: the peer is who sent it, and gets its token back
 *
 * Adds [enum@CbsEffectKind.DELIVER].
 */
void
cbs_effects_deliver (CbsEffects *self,
                     guint64     peer,
                     CbsEntry   *entry,
                     gboolean    with_token)
{
  const CbsEffect effect = {
    .kind = CBS_EFFECT_DELIVER,
    .peer = peer,
    .entry = cbs_entry_ref (entry),
    .with_token = with_token,
  };

  g_array_append_val (self, effect);
}

/**
 * cbs_effects_broadcast:
 * @self: a list
 * @fragment: (transfer full): what to send
 * @except: (transfer full) (nullable): set of peer numbers that do not get it
 *
 * Adds [enum@CbsEffectKind.BROADCAST] of what is no message.
 */
void
cbs_effects_broadcast (CbsEffects  *self,
                       CbsFragment *fragment,
                       GHashTable  *except)
{
  const CbsEffect effect = { .kind = CBS_EFFECT_BROADCAST, .fragment = fragment, .except = except };

  g_array_append_val (self, effect);
}

/**
 * cbs_effects_broadcast_message:
 * @self: a list
 * @entry: a message that is committed
 * @except: (transfer full) (nullable): set of peer numbers that do not get it
 *
 * Adds [enum@CbsEffectKind.BROADCAST] of a message.
 */
void
cbs_effects_broadcast_message (CbsEffects *self,
                               CbsEntry   *entry,
                               GHashTable *except)
{
  const CbsEffect effect = {
    .kind = CBS_EFFECT_BROADCAST,
    .entry = cbs_entry_ref (entry),
    .except = except,
  };

  g_array_append_val (self, effect);
}

/**
 * cbs_effects_close:
 * @self: a list
 * @peer: whose connection ends
 * @text: why, in UTF-8
 *
 * Adds [enum@CbsEffectKind.CLOSE].
 */
void
cbs_effects_close (CbsEffects *self,
                   guint64     peer,
                   const char *text)
{
  const CbsEffect effect = {
    .kind = CBS_EFFECT_CLOSE,
    .peer = peer,
    .fragment = cbs_fragment_new_text (CBS_FRAGMENT_ERROR, text),
  };

  g_array_append_val (self, effect);
}

/* Whether an effect tells everybody of one message, so that the next one may go with it. */
static gboolean
is_for_all (const CbsEffect *effect)
{
  return effect->kind == CBS_EFFECT_BROADCAST && effect->except == NULL &&
         effect->fragment == NULL && effect->joined == NULL;
}

/* Counts the effects from @first on whose messages fit one fragment, measured as plain peers get them. */
static guint
count_joinable (CbsEffects *self,
                guint       first)
{
  gsize sum = 0;
  guint n = 0;

  for (guint i = first; i < self->len && is_for_all (&g_array_index (self, CbsEffect, i)); i++)
    {
      const gsize len = g_array_index (self, CbsEffect, i).entry->wire_size + (n > 0 ? 1 : 0);

      if (n > 0 && sum + len > MAX_JOINED)
        break;
      sum += len;
      n++;
    }

  return n;
}

/* Puts the messages of @n effects into one. */
static void
join (CbsEffects *self,
      guint       first,
      guint       n,
      CbsEffect  *target)
{
  target->joined = g_ptr_array_new_full (n, (GDestroyNotify) cbs_entry_unref);
  for (guint i = first; i < first + n; i++)
    g_ptr_array_add (target->joined, g_steal_pointer (&g_array_index (self, CbsEffect, i).entry));
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
  guint n_kept = 0;
  guint n = 0;

  /* What is kept moves up over what has been emptied, in one pass however long the batch is. */
  for (guint i = 0; i < self->len; i += n)
    {
      CbsEffect *first = &g_array_index (self, CbsEffect, i);
      CbsEffect kept = { 0, };

      n = count_joinable (self, i);
      if (n > 1)
        join (self, i, n, first);
      else
        n = 1;

      kept = *first;
      memset (first, 0, sizeof *first);
      g_array_index (self, CbsEffect, n_kept) = kept;
      n_kept++;
    }

  g_array_set_size (self, n_kept);
}
