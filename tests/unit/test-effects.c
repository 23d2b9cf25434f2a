/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>

#include "server/room/cbs-effects.h"

/* Effects keep their order, and each holds what it was made with. */
static void
test_order (void)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autoptr (GBytes) body = g_bytes_new_static ("[]", 2);
  g_autoptr (GBytes) users = g_bytes_new_static ("[]", 2);
  CbsEntry *entry = cbs_entry_new_message ("ada", NULL, body);
  CbsFragment *reply = cbs_fragment_new_text (CBS_FRAGMENT_ERROR, "no");
  CbsFragment *deliver = cbs_fragment_new_text (CBS_FRAGMENT_MESSAGE, "x");
  CbsFragment *broadcast = cbs_fragment_new_text (CBS_FRAGMENT_JOINED, "ada");
  GHashTable *except = g_hash_table_new (g_int64_hash, g_int64_equal);
  const struct
  {
    CbsEffectKind kind;
    guint64       peer;
    CbsEntry     *entry;
    CbsFragment  *fragment;
    GBytes       *users;
    GHashTable   *except;
  } expected[] = {
    { CBS_EFFECT_APPEND, 7, entry, NULL, NULL, NULL },
    { CBS_EFFECT_ACCEPT, 8, entry, NULL, users, NULL },
    { CBS_EFFECT_REPLY, 9, NULL, reply, NULL, NULL },
    { CBS_EFFECT_DELIVER, 10, NULL, deliver, NULL, NULL },
    { CBS_EFFECT_BROADCAST, 0, NULL, broadcast, NULL, except },
  };

  entry->origin = 7;
  cbs_effects_append (effects, entry);
  cbs_effects_accept (effects, 8, entry, users);
  cbs_effects_reply (effects, 9, reply);
  cbs_effects_deliver (effects, 10, deliver);
  cbs_effects_broadcast (effects, broadcast, except);

  g_assert_cmpuint (effects->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < effects->len; i++)
    {
      const CbsEffect *effect = cbs_effects_get (effects, i);

      g_assert_cmpint (effect->kind, ==, expected[i].kind);
      g_assert_cmpuint (effect->peer, ==, expected[i].peer);
      g_assert_true (effect->entry == expected[i].entry);
      g_assert_true (effect->fragment == expected[i].fragment);
      g_assert_true (effect->users == expected[i].users);
      g_assert_true (effect->except == expected[i].except);
    }
}

/* The list owns what was given to it, and no more than that. */
static void
test_ownership (void)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autoptr (GBytes) users = g_bytes_new_static ("[]", 2);
  g_autoptr (CbsEntry) entry = cbs_entry_new_leave ("ada", "Ada");
  g_autoptr (CbsFragment) fragment = cbs_fragment_new_text (CBS_FRAGMENT_LEFT, "Ada");

  cbs_effects_append (effects, cbs_entry_ref (entry));
  cbs_effects_accept (effects, 1, entry, users);
  cbs_effects_broadcast (effects, cbs_fragment_ref (fragment), NULL);
  g_array_set_size (effects, 0);

  g_assert_cmpint (g_atomic_int_get (&entry->ref_count), ==, 1);
  g_assert_cmpint (g_atomic_int_get (&fragment->ref_count), ==, 1);
  g_assert_cmpstr (entry->src, ==, "ada");
}

static void
broadcast_text (CbsEffects     *effects,
                CbsFragmentKind kind,
                const char     *text)
{
  cbs_effects_broadcast (effects, cbs_fragment_new_text (kind, text), NULL);
}

/* Writes the list as `kind:json` words. */
static char *
describe (CbsEffects *effects)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < effects->len; i++)
    {
      const CbsEffect *effect = cbs_effects_get (effects, i);

      g_string_append_printf (text, "%s%u:%.*s", i > 0 ? " " : "", effect->fragment->kind,
                              (int) effect->fragment->len, effect->fragment->json);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* Only messages that go to everybody one behind the other may stand in one fragment. */
static void
test_join_broadcasts (void)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autofree char *text = NULL;

  broadcast_text (effects, CBS_FRAGMENT_MESSAGE, "a");
  broadcast_text (effects, CBS_FRAGMENT_MESSAGE, "b");
  broadcast_text (effects, CBS_FRAGMENT_MESSAGE, "c");
  broadcast_text (effects, CBS_FRAGMENT_JOINED, "x");
  broadcast_text (effects, CBS_FRAGMENT_JOINED, "y");
  broadcast_text (effects, CBS_FRAGMENT_MESSAGE, "d");
  cbs_effects_broadcast (effects, cbs_fragment_new_text (CBS_FRAGMENT_MESSAGE, "e"),
                         g_hash_table_new (g_int64_hash, g_int64_equal));
  cbs_effects_deliver (effects, 1, cbs_fragment_new_text (CBS_FRAGMENT_MESSAGE, "f"));
  broadcast_text (effects, CBS_FRAGMENT_MESSAGE, "g");
  broadcast_text (effects, CBS_FRAGMENT_MESSAGE, "h");
  cbs_effects_join_broadcasts (effects);

  text = describe (effects);
  g_assert_cmpstr (text, ==, "1:\"a\",\"b\",\"c\" 2:\"x\" 2:\"y\" 1:\"d\" 1:\"e\" 1:\"f\" 1:\"g\",\"h\"");
}

/* Joined fragments stay small, so that an outbox is counted and freed in small pieces. */
static void
test_join_broadcasts_limit (void)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autofree char *large = g_strnfill (10000, 'x');
  g_autofree char *largest = g_strnfill (30000, 'x');

  for (guint i = 0; i < 4; i++)
    broadcast_text (effects, CBS_FRAGMENT_MESSAGE, i < 2 ? large : largest);
  broadcast_text (effects, CBS_FRAGMENT_MESSAGE, "y");
  broadcast_text (effects, CBS_FRAGMENT_MESSAGE, "z");
  cbs_effects_join_broadcasts (effects);

  g_assert_cmpuint (effects->len, ==, 5);
  for (guint i = 0; i < 4; i++)
    g_assert_cmpuint (cbs_effects_get (effects, i)->fragment->len, ==, i < 2 ? 10002 : 30002);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/effects/order", test_order);
  g_test_add_func ("/effects/ownership", test_ownership);
  g_test_add_func ("/effects/join-broadcasts", test_join_broadcasts);
  g_test_add_func ("/effects/join-broadcasts/limit", test_join_broadcasts_limit);

  return g_test_run ();
}
