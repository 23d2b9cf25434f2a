/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "room-stage.h"

/* The keys that own a name. */

#define KEY_1 "1111111111111111111111111111111111111111111111111111111111111111"
#define KEY_2 "2222222222222222222222222222222222222222222222222222222222222222"
#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_UPPER_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

enum
{
  ADA = 1, /* by KEY_1 */
  TWO,     /* Ada by KEY_2 */
  BOB,     /* shows no key */
  EVE,     /* shows a key, but has not announced that it is hers */
};

#define OLD(id, current) "{'id':'" id "','added':1700000000,'current':" current "}"
#define NEW(id, current) "{'id':'" id "','added':1700000060,'current':" current "}"
#define REVOKED "closed 'The key that you are logged in with was revoked'"

/* Ada is here by two keys. */
static Stage *
stage_new_twice (void)
{
  Stage *stage = stage_new (CBS_USER_LIST_NAMES, 1000);

  stage_announce (stage, ADA, CB_FEATURE_IDENTITY, KEY_1);
  stage_announce (stage, TWO, CB_FEATURE_IDENTITY, KEY_2);
  stage_announce (stage, EVE, CB_FEATURE_MESSAGE_IDS, KEY_A);
  stage_log_in (stage, ADA, "ada");
  stage_log_in (stage, BOB, "bob");
  stage_log_in (stage, EVE, "eve");
  stage->time_us += 60 * G_USEC_PER_SEC;
  stage_ask_keys (stage, ADA, "{\"add\":[\"" KEY_2 "\"]}", CBS_NO_REQUEST);
  stage_log_in (stage, TWO, "ada");
  stage_forget (stage);
  return stage;
}

static void
test_list (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();
  const guint n_before = stage->entries->len;

  stage_ask_keys (stage, ADA, "{}", 7);
  stage_assert_seen (stage, ADA, "{'REQUEST':7,'KEYS':[" OLD (KEY_1, "true") "," NEW (KEY_2, "false") "]}");
  stage_ask_keys (stage, TWO, "{}", 7);
  stage_assert_seen (stage, TWO, "{'REQUEST':7,'KEYS':[" OLD (KEY_1, "false") "," NEW (KEY_2, "true") "]}");
  stage_assert_silence (stage);
  g_assert_cmpuint (stage->entries->len, ==, n_before);
}

/* An id is one in any case; a key that the name has already is not stored again. */
static void
test_add (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();
  const CbsEntry *entry = NULL;
  const guint n_before = stage->entries->len;

  stage_ask_keys (stage, ADA, "{\"add\":[\"" KEY_1 "\",\"" KEY_UPPER_A "\",\"" KEY_A "\"]}", 7);
  stage_assert_seen (stage, ADA, "{'REQUEST':7,'KEYS':[" OLD (KEY_1, "true") "," NEW (KEY_2, "false") ","
                     NEW (KEY_A, "false") "]}");
  stage_assert_silence (stage);
  g_assert_cmpuint (stage->entries->len, ==, n_before + 1);
  entry = stage->entries->pdata[n_before];
  g_assert_cmpint (entry->kind, ==, CBS_ENTRY_KEY_ADD);
  g_assert_cmpstr (entry->src, ==, "ada");
  g_assert_cmpstr (entry->key_id, ==, KEY_A);
}

static void
test_refused (void)
{
  static const struct
  {
    guint64     peer;
    const char *change;
    const char *error;
  } cases[] = {
    { BOB, "{}", "Log in by a key that owns your name before you see its keys" },
    { BOB, "{\"add\":[\"" KEY_A "\"]}", "Log in by a key that owns your name before you see its keys" },
    { EVE, "{\"add\":[\"" KEY_A "\"]}", "Log in by a key that owns your name before you see its keys" },
    { 99, "{}", "Log in by a key that owns your name before you see its keys" },
    { ADA, "{\"revoke\":[\"" KEY_2 "\",\"" KEY_A "\"]}", "Key " KEY_A " is none of yours" },
    { ADA, "{\"revoke\":[\"" KEY_1 "\",\"" KEY_2 "\"]}", "The last key of a name can't be revoked" },
    { ADA, "{\"add\":[\"" KEY_UPPER_A "\"],\"revoke\":[\"" KEY_A "\"]}",
      "Key " KEY_A " can't be added and revoked at once" },
  };
  g_autoptr (Stage) stage = stage_new_twice ();
  const guint n_before = stage->entries->len;

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *expected = g_strdup_printf ("{'ERROR':'%s','REQUEST':7}", cases[i].error);

      stage_ask_keys (stage, cases[i].peer, cases[i].change, 7);
      stage_assert_seen (stage, cases[i].peer, expected);
      stage_assert_silence (stage);
    }
  g_assert_cmpuint (stage->entries->len, ==, n_before);
}

/* A name has at most 16 keys. */
static void
test_limit (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();
  g_autoptr (GString) fourteen = g_string_new ("{\"add\":[");

  for (guint i = 0; i < 14; i++)
    g_string_append_printf (fourteen, "%s\"%064x\"", i > 0 ? "," : "", i);
  g_string_append (fourteen, "]}");
  stage_ask_keys (stage, ADA, fourteen->str, 7);
  g_assert_true (g_str_has_prefix (stage_get_seen (stage, ADA), "{'REQUEST':7,'KEYS':["));
  stage_forget (stage);

  stage_ask_keys (stage, ADA, "{\"add\":[\"" KEY_A "\"]}", 7);
  stage_assert_seen (stage, ADA, "{'ERROR':'The name would have 17 keys; the limit is 16','REQUEST':7}");
  stage_ask_keys (stage, ADA, "{\"add\":[\"" KEY_2 "\"]}", 7);
  g_assert_true (g_str_has_prefix (stage_get_seen (stage, ADA), "{'REQUEST':7,'KEYS':["));
}

/* Who is here by a revoked key has to go; the user stays with its other peers. */
static void
test_revoke (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage->is_held = TRUE;
  stage_ask_keys (stage, ADA, "{\"revoke\":[\"" KEY_2 "\"]}", 7);
  stage_assert_silence (stage);
  stage_commit_one (stage);
  stage_assert_seen (stage, ADA, "{'REQUEST':7,'KEYS':[" OLD (KEY_1, "true") "]}");
  stage_assert_seen (stage, TWO, REVOKED);
  stage_assert_silence (stage);

  /* It counts no more, although the server may still be sending what it owes it. */
  stage_say (stage, TWO, "ada", "ALL", "x");
  stage_assert_seen (stage, TWO, "!'Log in before you send messages'");
  stage_say (stage, BOB, "bob", "ada", "x");
  stage_leave (stage, TWO);
  stage_commit (stage);
  stage_assert_seen (stage, ADA, "['bob','ada',1,'x']");
  stage_assert_silence (stage);

  stage_log_in (stage, TWO, "ada");
  stage_commit (stage);
  g_assert_true (g_str_has_prefix (stage_get_seen (stage, TWO), "refused '"));
}

/* One may revoke the key that one is here by; the answer still comes, behind it nothing. */
static void
test_revoke_own (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage_ask_keys (stage, ADA, "{\"add\":[\"" KEY_A "\"],\"revoke\":[\"" KEY_1 "\",\"" KEY_2 "\"]}", 7);
  stage_assert_seen (stage, ADA, "{'REQUEST':7,'KEYS':[" NEW (KEY_A, "false") "]}\n" REVOKED);
  stage_assert_seen (stage, TWO, REVOKED);
  stage_assert_seen (stage, BOB, "-'ada'");
  g_assert_cmpuint (cbs_room_count_online (stage->room), ==, 2);
}

/* Whoever is still on the way in when its key is revoked does not get in. */
static void
test_revoke_joining (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage_leave (stage, TWO);
  stage->is_held = TRUE;
  stage_ask_keys (stage, ADA, "{\"revoke\":[\"" KEY_2 "\"]}", 7);
  stage_log_in (stage, TWO, "ada");
  stage_commit (stage);
  g_assert_true (g_str_has_prefix (stage_get_seen (stage, TWO), "refused '"));
  stage_forget (stage);

  /* The other way round it gets in, and out again. */
  stage_ask_keys (stage, ADA, "{\"add\":[\"" KEY_2 "\"]}", 7);
  stage_commit (stage);
  stage_forget (stage);
  stage_log_in (stage, TWO, "ada");
  stage_ask_keys (stage, ADA, "{\"revoke\":[\"" KEY_2 "\"]}", 7);
  stage_commit (stage);
  stage_assert_seen (stage, TWO, "accepted ['ada','bob','eve']\n" REVOKED);
}

/* Two peers revoke each other's key: the log decides, and one key is left. */
static void
test_revoke_each_other (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage->is_held = TRUE;
  stage_ask_keys (stage, ADA, "{\"revoke\":[\"" KEY_2 "\"]}", 7);
  stage_ask_keys (stage, TWO, "{\"revoke\":[\"" KEY_1 "\"]}", 7);
  stage_commit (stage);
  stage_assert_seen (stage, ADA, "{'REQUEST':7,'KEYS':[" OLD (KEY_1, "true") "]}");
  stage_assert_seen (stage, TWO, REVOKED);
  stage_assert_silence (stage);
}

/* What the log refuses is answered by an ERROR, and nothing has changed. */
static void
test_failed (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage->is_full = TRUE;
  stage_ask_keys (stage, ADA, "{\"add\":[\"" KEY_A "\"],\"revoke\":[\"" KEY_2 "\"]}", 7);
  stage_assert_seen (stage, ADA, "{'ERROR':'The disk is full','REQUEST':7}");
  stage_assert_silence (stage);
  stage->is_full = FALSE;
  stage_ask_keys (stage, ADA, "{}", 8);
  stage_assert_seen (stage, ADA, "{'REQUEST':8,'KEYS':[" OLD (KEY_1, "true") "," NEW (KEY_2, "false") "]}");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/room/keys/list", test_list);
  g_test_add_func ("/room/keys/add", test_add);
  g_test_add_func ("/room/keys/refused", test_refused);
  g_test_add_func ("/room/keys/limit", test_limit);
  g_test_add_func ("/room/keys/revoke", test_revoke);
  g_test_add_func ("/room/keys/revoke/own", test_revoke_own);
  g_test_add_func ("/room/keys/revoke/joining", test_revoke_joining);
  g_test_add_func ("/room/keys/revoke/each-other", test_revoke_each_other);
  g_test_add_func ("/room/keys/failed", test_failed);

  return g_test_run ();
}
