/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "server/room/cbs-effects.h"

static CbsEntry *
message_new (const char *body,
             gint64      seq)
{
  g_autoptr (GBytes) bytes = g_bytes_new (body, strlen (body));
  CbsEntry *entry = cbs_entry_new_message ("ada", NULL, bytes);

  entry->seq = seq;
  return entry;
}

/* Effects keep their order, and each holds what it was made with. */
static void
test_order (void)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autoptr (GBytes) users = g_bytes_new_static ("[]", 2);
  g_autoptr (GBytes) markers = g_bytes_new_static ("{}", 2);
  CbsEntry *entry = message_new ("[]", 1);
  CbsFragment *reply = cbs_fragment_new_text (CBS_FRAGMENT_ERROR, "no");
  CbsFragment *broadcast = cbs_fragment_new_text (CBS_FRAGMENT_JOINED, "ada");
  GHashTable *except = g_hash_table_new (g_int64_hash, g_int64_equal);
  const struct
  {
    CbsEffectKind kind;
    guint64       peer;
    CbsEntry     *entry;
    CbsFragment  *fragment; /* NULL: not asked for */
    GBytes       *users;
    GBytes       *markers;
    GHashTable   *except;
    gboolean      is_message;
  } expected[] = {
    { CBS_EFFECT_APPEND, 7, entry, NULL, NULL, NULL, NULL, FALSE },
    { CBS_EFFECT_ACCEPT, 8, entry, NULL, users, markers, NULL, FALSE },
    { CBS_EFFECT_ACCEPT, 8, entry, NULL, users, NULL, NULL, FALSE },
    { CBS_EFFECT_REPLY, 9, NULL, reply, NULL, NULL, NULL, FALSE },
    { CBS_EFFECT_DELIVER, 10, entry, NULL, NULL, NULL, NULL, TRUE },
    { CBS_EFFECT_BROADCAST, 0, NULL, broadcast, NULL, NULL, except, FALSE },
    { CBS_EFFECT_BROADCAST, 0, entry, NULL, NULL, NULL, NULL, TRUE },
    { CBS_EFFECT_CLOSE, 11, NULL, NULL, NULL, NULL, NULL, FALSE },
  };

  entry->origin = 7;
  cbs_effects_append (effects, entry);
  cbs_effects_accept (effects, 8, entry, users, markers);
  cbs_effects_accept (effects, 8, entry, users, NULL);
  cbs_effects_reply (effects, 9, reply);
  cbs_effects_deliver (effects, 10, entry, FALSE);
  cbs_effects_broadcast (effects, broadcast, except);
  cbs_effects_broadcast_message (effects, entry, NULL);
  cbs_effects_close (effects, 11, "why");

  g_assert_cmpuint (effects->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < effects->len; i++)
    {
      CbsEffect *effect = cbs_effects_get (effects, i);

      g_assert_cmpint (effect->kind, ==, expected[i].kind);
      g_assert_cmpuint (effect->peer, ==, expected[i].peer);
      g_assert_true (effect->entry == expected[i].entry);
      g_assert_true (effect->users == expected[i].users);
      g_assert_true (effect->markers == expected[i].markers);
      g_assert_true (effect->except == expected[i].except);
      g_assert_cmpint (cbs_effect_is_message (effect), ==, expected[i].is_message);
      if (expected[i].fragment != NULL)
        g_assert_true (cbs_effect_get_fragment (effect, CB_FEATURES_ALL) == expected[i].fragment);
    }
  g_assert_cmpint (cbs_effect_get_fragment (cbs_effects_get (effects, 7), 0)->kind, ==, CBS_FRAGMENT_ERROR);
}

/* The list owns what was given to it, and no more than that. */
static void
test_ownership (void)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autoptr (GBytes) users = g_bytes_new_static ("[]", 2);
  g_autoptr (CbsEntry) entry = message_new ("[]", 1);
  g_autoptr (CbsFragment) fragment = cbs_fragment_new_text (CBS_FRAGMENT_LEFT, "Ada");

  cbs_effects_append (effects, cbs_entry_ref (entry));
  cbs_effects_accept (effects, 1, entry, users, users);
  cbs_effects_broadcast (effects, cbs_fragment_ref (fragment), NULL);
  cbs_effects_deliver (effects, 1, entry, FALSE);
  for (guint i = 0; i < 3; i++)
    cbs_effects_broadcast_message (effects, entry, NULL);
  cbs_effects_join_broadcasts (effects);
  cbs_effect_get_fragment (cbs_effects_get (effects, 4), CB_FEATURES_ALL);
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

static void
broadcast_message (CbsEffects *effects,
                   const char *text,
                   GHashTable *except)
{
  g_autoptr (GString) body = g_string_new (NULL);
  g_autoptr (CbsEntry) entry = NULL;

  cb_json_append_string (body, text, CB_JSON_UTF8);
  entry = message_new (body->str, 1);
  cbs_effects_broadcast_message (effects, entry, except);
}

/* Writes the list as `kind:json` words. */
static char *
describe (CbsEffects *effects)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < effects->len; i++)
    {
      const CbsFragment *fragment = cbs_effect_get_fragment (cbs_effects_get (effects, i), 0);

      g_string_append_printf (text, "%s%u:%.*s", i > 0 ? " " : "", fragment->kind,
                              (int) fragment->len, fragment->json);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* Only messages that go to everybody one behind the other may stand in one fragment. */
static void
test_join_broadcasts (void)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autoptr (CbsEntry) delivered = message_new ("\"f\"", 1);
  g_autofree char *text = NULL;

  broadcast_message (effects, "a", NULL);
  broadcast_message (effects, "b", NULL);
  broadcast_message (effects, "c", NULL);
  broadcast_text (effects, CBS_FRAGMENT_JOINED, "x");
  broadcast_text (effects, CBS_FRAGMENT_JOINED, "y");
  broadcast_message (effects, "d", NULL);
  broadcast_message (effects, "e", g_hash_table_new (g_int64_hash, g_int64_equal));
  cbs_effects_deliver (effects, 1, delivered, FALSE);
  broadcast_message (effects, "g", NULL);
  broadcast_message (effects, "h", NULL);
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
    broadcast_message (effects, i < 2 ? large : largest, NULL);
  broadcast_message (effects, "y", NULL);
  broadcast_message (effects, "z", NULL);
  cbs_effects_join_broadcasts (effects);

  g_assert_cmpuint (effects->len, ==, 5);
  for (guint i = 0; i < 4; i++)
    g_assert_cmpuint (cbs_effect_get_fragment (cbs_effects_get (effects, i), 0)->len, ==,
                      i < 2 ? 10002 : 30002);
}

static void
assert_json (const CbsFragment *fragment,
             const char        *expected)
{
  g_autofree char *json = g_strndup (fragment->json, fragment->len);

  g_assert_cmpstr (json, ==, expected);
}

/* Joined or alone, a message has four forms. */
static void
test_forms (void)
{
  static const struct
  {
    CbFeatures  features;
    const char *first;
    const char *second;
  } cases[] = {
    { 0, "[\"Zo\\u00eb\"]", "[\"b\"]" },
    { CB_FEATURE_MESSAGE_IDS, "[\"Zo\\u00eb\",{\"id\":7}]", "[\"b\",{\"id\":8}]" },
    { CB_FEATURE_UTF8, "[\"Zo\xc3\xab\"]", "[\"b\"]" },
    { CB_FEATURE_UTF8 | CB_FEATURE_MESSAGE_IDS, "[\"Zo\xc3\xab\",{\"id\":7}]", "[\"b\",{\"id\":8}]" },
  };
  g_autoptr (CbsEffects) joined = cbs_effects_new ();
  g_autoptr (CbsEffects) alone = cbs_effects_new ();
  g_autoptr (CbsEntry) first = message_new ("[\"Zo\xc3\xab\"]", 7);
  g_autoptr (CbsEntry) second = message_new ("[\"b\"]", 8);

  cbs_effects_broadcast_message (joined, first, NULL);
  cbs_effects_broadcast_message (joined, second, NULL);
  cbs_effects_join_broadcasts (joined);
  g_assert_cmpuint (joined->len, ==, 1);
  cbs_effects_deliver (alone, 1, first, FALSE);
  cbs_effects_broadcast_message (alone, second, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *both = g_strdup_printf ("%s,%s", cases[i].first, cases[i].second);

      assert_json (cbs_effect_get_fragment (cbs_effects_get (joined, 0), cases[i].features), both);
      assert_json (cbs_effect_get_fragment (cbs_effects_get (alone, 0), cases[i].features), cases[i].first);
      assert_json (cbs_effect_get_fragment (cbs_effects_get (alone, 1), cases[i].features), cases[i].second);
    }
}

/* Peers share a form: other features do not matter, nor the encoding of what is ASCII. */
static void
test_forms_shared (void)
{
  static const CbFeatures others = CB_FEATURE_HISTORY | CB_FEATURE_USERS | CB_FEATURE_IDENTITY;
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autoptr (CbsEntry) ascii = message_new ("[\"a\"]", 7);
  g_autoptr (CbsEntry) beyond = message_new ("[\"\xc3\xab\"]", 8);

  cbs_effects_broadcast_message (effects, ascii, g_hash_table_new (g_int64_hash, g_int64_equal));
  cbs_effects_broadcast_message (effects, beyond, g_hash_table_new (g_int64_hash, g_int64_equal));
  for (guint i = 0; i < 4; i++)
    {
      const CbFeatures ids = i % 2 == 1 ? CB_FEATURE_MESSAGE_IDS : 0;
      CbsEffect *effect = cbs_effects_get (effects, i / 2);
      const CbsFragment *fragment = cbs_effect_get_fragment (effect, ids);

      g_assert_true (cbs_effect_get_fragment (effect, ids | others) == fragment);
      g_assert_cmpint (cbs_effect_get_fragment (effect, ids | CB_FEATURE_UTF8) == fragment, ==, i < 2);
      g_assert_true (cbs_effect_get_fragment (effect, ids ^ CB_FEATURE_MESSAGE_IDS) != fragment);
    }
}

/* The sender's token is told to the sender, and only if it knows what to do with it. */
static void
test_token (void)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autoptr (CbsEntry) entry = message_new ("[\"a\"]", 7);

  entry->token = g_strdup ("ada\n0\nt\"1");
  cbs_effects_deliver (effects, 1, entry, TRUE);
  cbs_effects_deliver (effects, 2, entry, FALSE);
  assert_json (cbs_effect_get_fragment (cbs_effects_get (effects, 0), CB_FEATURE_MESSAGE_IDS),
               "[\"a\",{\"id\":7,\"token\":\"t\\\"1\"}]");
  assert_json (cbs_effect_get_fragment (cbs_effects_get (effects, 1), CB_FEATURE_MESSAGE_IDS),
               "[\"a\",{\"id\":7}]");
  assert_json (cbs_effect_get_fragment (cbs_effects_get (effects, 0), 0), "[\"a\"]");
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
  g_test_add_func ("/effects/forms", test_forms);
  g_test_add_func ("/effects/forms/shared", test_forms_shared);
  g_test_add_func ("/effects/token", test_token);

  return g_test_run ();
}
