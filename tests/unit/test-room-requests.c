/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "room-stage.h"

/* What peers ask the room for: users, blocks and read markers. */

#define KEY_1 "1111111111111111111111111111111111111111111111111111111111111111"

#define OWNER (CB_FEATURE_IDENTITY | CB_FEATURE_BLOCKS | CB_FEATURE_READ_MARKERS)

enum
{
  ADA = 1, /* she owns her name */
  TWO,     /* here she is again */
  BOB,
  ZOE,
};

#define ZOE_NFC "Zo\xc3\xab"
#define NOT_YET "{'ERROR':'Log in before you ask for anything','REQUEST':7}"

static Stage *
stage_new_twice (void)
{
  Stage *stage = stage_new (CBS_USER_LIST_NAMES, 1000);

  stage_announce (stage, ADA, OWNER, KEY_1);
  stage_announce (stage, TWO, OWNER | CB_FEATURE_UTF8, KEY_1);
  stage_announce (stage, BOB, CB_FEATURE_USERS | CB_FEATURE_BLOCKS | CB_FEATURE_READ_MARKERS, NULL);
  stage_log_in (stage, ADA, "Ada");
  stage_log_in (stage, TWO, "Ada");
  stage_log_in (stage, BOB, "bob");
  stage_log_in (stage, ZOE, ZOE_NFC);
  stage_leave (stage, ZOE);
  cbs_room_add_user (stage->room, "eve", "eve");
  stage_forget (stage);
  return stage;
}

#define USERS(list, more) "{'REQUEST':7,'USERS':{'users':[" list "],'more':" more "}}"
#define USER_ADA "{'name':'Ada','online':true,'owned':true}"
#define USER_BOB "{'name':'bob','online':true,'owned':false}"
#define USER_ZOE "{'name':'Zo\\u00eb','online':false,'owned':false}"
#define USER_EVE "{'name':'eve','online':false,'owned':false}"

/* Pages of users, in the order of their first joins. */
static void
test_users (void)
{
  static const struct
  {
    const char *wanted;
    const char *expected;
  } cases[] = {
    { "{}", USERS (USER_ADA "," USER_BOB "," USER_ZOE "," USER_EVE, "false") },
    { "{\"limit\":4}", USERS (USER_ADA "," USER_BOB "," USER_ZOE "," USER_EVE, "false") },
    { "{\"limit\":3}", USERS (USER_ADA "," USER_BOB "," USER_ZOE, "true") },
    { "{\"limit\":1}", USERS (USER_ADA, "true") },
    { "{\"online\":true}", USERS (USER_ADA "," USER_BOB, "false") },
    { "{\"online\":true,\"limit\":1}", USERS (USER_ADA, "true") },
    { "{\"online\":true,\"limit\":2}", USERS (USER_ADA "," USER_BOB, "false") },
    { "{\"online\":true,\"after\":\"ada\"}", USERS (USER_BOB, "false") },
    { "{\"after\":\"BOB\",\"limit\":1}", USERS (USER_ZOE, "true") },
    { "{\"after\":\"zoe\xcc\x88\"}", USERS (USER_EVE, "false") },
    { "{\"after\":\"eve\"}", USERS ("", "false") },
    { "{\"after\":\"max\"}", "{'ERROR':'No user \\u201cmax\\u201d has ever been here','REQUEST':7}" },
  };
  g_autoptr (Stage) stage = stage_new_twice ();

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      stage_ask_users (stage, BOB, cases[i].wanted, 7);
      stage_assert_seen (stage, BOB, cases[i].expected);
      stage_assert_silence (stage);
    }
}

/* An answer has the number of its request, if it had one, and the encoding that its peer has asked for. */
static void
test_users_form (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage_ask_users (stage, TWO, "{\"after\":\"bob\",\"limit\":1}", CBS_NO_REQUEST);
  stage_assert_seen (stage, TWO, "{'USERS':{'users':[{'name':'" ZOE_NFC "','online':false,'owned':false}],"
                     "'more':true}}");
  stage_ask_users (stage, BOB, "{\"after\":\"bob\",\"limit\":1}", 0);
  stage_assert_seen (stage, BOB, "{'REQUEST':0,'USERS':{'users':[" USER_ZOE "],'more':true}}");
}

/* Nobody is told anything before it is logged in, nor once it is not any more. */
static void
test_strangers (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage->is_held = TRUE;
  stage_leave (stage, BOB);
  for (guint64 peer = BOB; peer <= ZOE; peer++)
    {
      stage_ask_users (stage, peer, "{}", 7);
      stage_assert_seen (stage, peer, NOT_YET);
      stage_ask_blocks (stage, peer, "{\"block\":[\"Ada\"]}", 7);
      stage_assert_seen (stage, peer, NOT_YET);
      stage_read (stage, peer, "{\"ALL\":1}", 7);
      stage_assert_seen (stage, peer, NOT_YET);
    }
  g_assert_cmpuint (stage->log.length, ==, 1);
}

/* Each answer tells whom one blocks now; what changes, one's other peers are told as well. */
static void
test_blocks (void)
{
  static const struct
  {
    const char *change;
    const char *answer;
    const char *pushed;
    guint       n_stored;
  } cases[] = {
    { "{}", "{'REQUEST':7,'BLOCKS':[]}", "", 0 },
    { "{\"block\":[\"BOB\"]}", "{'REQUEST':7,'BLOCKS':['bob']}", "{'BLOCKS':['bob']}", 1 },
    { "{\"block\":[\"bob\"]}", "{'REQUEST':7,'BLOCKS':['bob']}", "", 0 },
    { "{\"block\":[\"zo\xc3\xab\",\"bob\",\"ZOE\xcc\x88\"]}", "{'REQUEST':7,'BLOCKS':['Zo\\u00eb','bob']}",
      "{'BLOCKS':['" ZOE_NFC "','bob']}", 1 },
    { "{\"unblock\":[\"bob\"],\"block\":[\"eve\"]}", "{'REQUEST':7,'BLOCKS':['Zo\\u00eb','eve']}",
      "{'BLOCKS':['" ZOE_NFC "','eve']}", 2 },
    { "{\"unblock\":[\"bob\"]}", "{'REQUEST':7,'BLOCKS':['Zo\\u00eb','eve']}", "", 0 },
    { "{\"unblock\":[\"eve\",\"Eve\",\"zo\xc3\xab\"]}", "{'REQUEST':7,'BLOCKS':[]}", "{'BLOCKS':[]}", 2 },
  };
  g_autoptr (Stage) stage = stage_new_twice ();

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const guint n_before = stage->entries->len;

      stage_ask_blocks (stage, ADA, cases[i].change, 7);
      stage_assert_seen (stage, ADA, cases[i].answer);
      stage_assert_seen (stage, TWO, cases[i].pushed);
      stage_assert_silence (stage);
      g_assert_cmpuint (stage->entries->len - n_before, ==, cases[i].n_stored);
    }
}

/* A request that can't be done as a whole is not done. */
static void
test_blocks_refused (void)
{
  static const struct
  {
    const char *change;
    const char *error;
  } cases[] = {
    { "{\"block\":[\"bob\",\"max\"]}", "No user \\u201cmax\\u201d has ever been here" },
    { "{\"block\":[\"bob\"],\"unblock\":[\"max\"]}", "No user \\u201cmax\\u201d has ever been here" },
    { "{\"block\":[\"bob\",\"ALL\"]}", "No user \\u201cALL\\u201d has ever been here" },
    { "{\"block\":[\"bob\",\"ADA\"]}", "\\u201cAda\\u201d is you" },
    { "{\"unblock\":[\"ada\"]}", "\\u201cAda\\u201d is you" },
    { "{\"block\":[\"bob\"],\"unblock\":[\"BOB\"]}", "\\u201cbob\\u201d can't be blocked and unblocked at once" },
  };
  g_autoptr (Stage) stage = stage_new_twice ();
  const guint n_before = stage->entries->len;

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *expected = g_strdup_printf ("{'ERROR':'%s','REQUEST':7}", cases[i].error);
      g_auto (GStrv) hidden = NULL;

      stage_ask_blocks (stage, ADA, cases[i].change, 7);
      stage_assert_seen (stage, ADA, expected);
      stage_assert_silence (stage);
      hidden = cbs_room_dup_hidden (stage->room, ADA);
      g_assert_cmpuint (g_strv_length (hidden), ==, 0);
    }
  g_assert_cmpuint (stage->entries->len, ==, n_before);
}

/* The answer waits for all that it tells of, and so does what the others are told: once. */
static void
test_blocks_wait (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage->is_held = TRUE;
  stage_ask_blocks (stage, ADA, "{\"block\":[\"bob\",\"eve\"]}", 7);
  stage_commit_one (stage);
  stage_assert_silence (stage);
  stage_commit_one (stage);
  stage_assert_seen (stage, ADA, "{'REQUEST':7,'BLOCKS':['bob','eve']}");
  stage_assert_seen (stage, TWO, "{'BLOCKS':['bob','eve']}");
}

/* Two requests are under way: each gets its own answer. */
static void
test_blocks_two (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage->is_held = TRUE;
  stage_ask_blocks (stage, ADA, "{\"block\":[\"bob\"]}", 7);
  stage_ask_blocks (stage, ADA, "{\"block\":[\"eve\"]}", 8);
  stage_ask_blocks (stage, TWO, "{\"block\":[\"zo\xc3\xab\"]}", 7);
  stage_commit (stage);
  stage_assert_seen (stage, ADA, "{'REQUEST':7,'BLOCKS':['bob']}\n{'REQUEST':8,'BLOCKS':['bob','eve']}\n"
                     "{'BLOCKS':['Zo\\u00eb','bob','eve']}");
  stage_assert_seen (stage, TWO, "{'BLOCKS':['bob']}\n{'BLOCKS':['bob','eve']}\n"
                     "{'REQUEST':7,'BLOCKS':['" ZOE_NFC "','bob','eve']}");
}

/* One ERROR for a request, whatever fails of it; of what holds all the same the other peers hear. */
static void
test_blocks_failed (void)
{
  for (guint n_failing = 1; n_failing <= 2; n_failing++)
    {
      g_autoptr (Stage) stage = stage_new_twice ();

      stage->is_held = TRUE;
      stage->is_full = TRUE;
      stage_ask_blocks (stage, ADA, "{\"block\":[\"bob\",\"eve\"]}", 7);
      stage_commit_one (stage);
      stage->is_full = n_failing == 2;
      stage_commit_one (stage);
      stage_assert_seen (stage, ADA, "{'ERROR':'The disk is full','REQUEST':7}");
      stage_assert_seen (stage, TWO, n_failing == 2 ? "" : "{'BLOCKS':['eve']}");
    }
}

/* Whoever has gone gets no answer; its user's other peers hear of it. */
static void
test_blocks_gone (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage->is_held = TRUE;
  stage_ask_blocks (stage, ADA, "{\"block\":[\"bob\"]}", 7);
  stage_leave (stage, ADA);
  stage_commit (stage);
  stage_assert_seen (stage, TWO, "{'BLOCKS':['bob']}");
  stage_assert_silence (stage);
}

/* A plain client's command is told to its user's other peers, too, if it has changed anything. */
static void
test_blocks_by_command (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage_announce (stage, 9, CB_FEATURE_IDENTITY, KEY_1);
  stage_log_in (stage, 9, "Ada");
  stage_forget (stage);
  stage_say (stage, 9, "Ada", "Ada", "/Block bob eve");
  stage_assert_seen (stage, 9, "['Ada','Ada',1,'The following users will now be blocked: bob eve']");
  stage_assert_seen (stage, ADA, "{'BLOCKS':['bob','eve']}");
  stage_assert_seen (stage, TWO, "{'BLOCKS':['bob','eve']}");
  stage_say (stage, 9, "Ada", "Ada", "/Block bob");
  stage_forget (stage);
  stage_ask_blocks (stage, ADA, "{\"unblock\":[\"bob\"]}", 7);
  stage_assert_seen (stage, 9, "");
  stage_assert_seen (stage, TWO, "{'BLOCKS':['eve']}");
}

/* Markers move forward only; answers tell where they are, other peers where they have moved. */
static void
test_read (void)
{
  static const struct
  {
    const char *markers;
    const char *answer;
    const char *pushed;
  } cases[] = {
    { "{}", "{'REQUEST':7,'READ':{}}", "" },
    { "{\"ALL\":2}", "{'REQUEST':7,'READ':{'ALL':2}}", "{'READ':{'ALL':2}}" },
    { "{\"ALL\":2}", "{'REQUEST':7,'READ':{'ALL':2}}", "" },
    { "{\"ALL\":1}", "{'REQUEST':7,'READ':{'ALL':2}}", "" },
    { "{\"bob\":0}", "{'REQUEST':7,'READ':{'bob':0}}", "" },
    { "{\"zoe\xcc\x88\":1,\"ALL\":3}", "{'REQUEST':7,'READ':{'Zo\\u00eb':1,'ALL':3}}",
      "{'READ':{'" ZOE_NFC "':1,'ALL':3}}" },
    { "{\"BOB\":4,\"ALL\":1,\"Ada\":5}", "{'REQUEST':7,'READ':{'bob':4,'ALL':3,'Ada':5}}",
      "{'READ':{'bob':4,'Ada':5}}" },
    { "{\"bob\":3,\"BOB\":5}", "{'REQUEST':7,'READ':{'bob':5}}", "{'READ':{'bob':5}}" },
  };
  g_autoptr (Stage) stage = stage_new_twice ();
  const guint n_before = stage->entries->len;

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      stage_read (stage, ADA, cases[i].markers, 7);
      stage_assert_seen (stage, ADA, cases[i].answer);
      stage_assert_seen (stage, TWO, cases[i].pushed);
      stage_assert_silence (stage);
    }
  g_assert_cmpuint (stage->entries->len, ==, n_before);
}

/* Who logs in is told all of its user's markers, everybody's first; who has not asked for them, none. */
static void
test_read_at_login (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage_read (stage, ADA, "{\"zo\xc3\xab\":1,\"bob\":2,\"ALL\":3,\"Ada\":4,\"eve\":0}", 7);
  stage_forget (stage);
  stage_announce (stage, 9, CB_FEATURE_IDENTITY | CB_FEATURE_READ_MARKERS, KEY_1);
  stage_log_in (stage, 9, "Ada");
  stage_assert_seen (stage, 9, "accepted {'ALL':3,'Ada':4,'bob':2,'Zo\\u00eb':1} ['Ada','bob']");
  stage_announce (stage, 10, CB_FEATURE_IDENTITY, KEY_1);
  stage_log_in (stage, 10, "Ada");
  stage_assert_seen (stage, 10, "accepted ['Ada','bob']");
  stage_announce (stage, 11, CB_FEATURE_READ_MARKERS, NULL);
  stage_log_in (stage, 11, "eve");
  stage_assert_seen (stage, 11, "accepted {} ['Ada','bob','eve']");
}

static void
test_read_refused (void)
{
  static const struct
  {
    guint64     peer;
    const char *markers;
    const char *error;
  } cases[] = {
    { BOB, "{\"ALL\":1}", "Read markers are kept for names that a key owns" },
    { BOB, "{}", "Read markers are kept for names that a key owns" },
    { ADA, "{\"ALL\":1,\"max\":1}", "No user \\u201cmax\\u201d has ever been here" },
    { ADA, "{\"bob\":1,\"ALL\":6}", "READ says 6; the newest id is 5" },
  };
  g_autoptr (Stage) stage = stage_new_twice ();

  g_assert_cmpuint (stage->entries->len, ==, 5);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *expected = g_strdup_printf ("{'ERROR':'%s','REQUEST':7}", cases[i].error);

      stage_read (stage, cases[i].peer, cases[i].markers, 7);
      stage_assert_seen (stage, cases[i].peer, expected);
      stage_assert_silence (stage);
    }
  stage_read (stage, ADA, "{\"ALL\":0,\"bob\":0}", 7);
  stage_assert_seen (stage, ADA, "{'REQUEST':7,'READ':{'ALL':0,'bob':0}}");
}

/* What is not stored has not moved. */
static void
test_read_failed (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage->is_held = TRUE;
  stage->is_full = TRUE;
  stage_read (stage, ADA, "{\"ALL\":2,\"bob\":3}", 7);
  stage_assert_silence (stage);
  stage_commit_one (stage);
  stage->is_full = FALSE;
  stage_commit_one (stage);
  stage_assert_seen (stage, ADA, "{'ERROR':'The disk is full','REQUEST':7}");
  stage_assert_seen (stage, TWO, "{'READ':{'bob':3}}");
  stage_read (stage, ADA, "{\"ALL\":0,\"bob\":0}", 8);
  stage_assert_seen (stage, ADA, "{'REQUEST':8,'READ':{'ALL':0,'bob':3}}");
}

/* The peer that read has gone for good before the word of it comes: its user's others are told. */
static void
test_read_gone (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autoptr (CbsEntry) entry = NULL;

  stage->is_held = TRUE;
  stage_read (stage, ADA, "{\"bob\":2}", 7);
  entry = g_queue_pop_head (&stage->log);
  stage_leave (stage, ADA);
  stage_commit (stage);
  cbs_room_noted (stage->room, entry, effects);
  stage_apply (stage, effects);
  stage_assert_seen (stage, TWO, "{'READ':{'bob':2}}");
  stage_assert_silence (stage);
}

/* What an earlier run has left behind. */
static void
test_load (void)
{
  g_autoptr (CbsLogSnapshot) snapshot = cbs_log_snapshot_new ();
  g_autoptr (Stage) stage = stage_new (CBS_USER_LIST_NAMES, 1000);
  CbsLogUser *user = cbs_log_snapshot_add_user (snapshot, "ada", "Ada");

  user->since = 12;
  cbs_log_user_add_key (user, KEY_1, 34 * G_USEC_PER_SEC);
  cbs_log_snapshot_add_user (snapshot, "bob", "Bob");
  cbs_log_snapshot_add_block (snapshot, "ada", "bob");
  cbs_log_snapshot_add_marker (snapshot, "ada", NULL, 9);
  cbs_log_snapshot_add_marker (snapshot, "ada", "bob", 8);
  cbs_log_snapshot_add_marker (snapshot, "ada", "max", 7);
  cbs_log_snapshot_add_marker (snapshot, "max", "bob", 7);
  cbs_room_load (stage->room, snapshot);
  g_assert_cmpuint (cbs_room_count_online (stage->room), ==, 0);

  stage_log_in (stage, ZOE, "zoe");
  stage_ask_users (stage, ZOE, "{}", 7);
  stage_assert_seen (stage, ZOE, "accepted ['zoe']\n"
                     USERS ("{'name':'Ada','online':false,'owned':true},{'name':'Bob','online':false,'owned':false},"
                            "{'name':'zoe','online':true,'owned':false}", "false"));

  cbs_holders_add (stage->holders, "ada")->since = 12;
  cbs_holders_add_key (stage->holders, "ada", KEY_1, 34 * G_USEC_PER_SEC);
  stage_announce (stage, ADA, OWNER, KEY_1);
  stage_log_in (stage, ADA, "Ada");
  stage_assert_seen (stage, ADA, "accepted {'ALL':9,'Bob':8} ['zoe','Ada']");
  g_assert_cmpint (cbs_room_get_since (stage->room, ADA), ==, 12);
  stage_ask_blocks (stage, ADA, "{}", 7);
  stage_assert_seen (stage, ADA, "{'REQUEST':7,'BLOCKS':['Bob']}");
  stage_ask_keys (stage, ADA, "{}", 8);
  stage_assert_seen (stage, ADA, "{'REQUEST':8,'KEYS':[{'id':'" KEY_1 "','added':34,'current':true}]}");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/room/requests/users", test_users);
  g_test_add_func ("/room/requests/users/form", test_users_form);
  g_test_add_func ("/room/requests/strangers", test_strangers);
  g_test_add_func ("/room/requests/blocks", test_blocks);
  g_test_add_func ("/room/requests/blocks/refused", test_blocks_refused);
  g_test_add_func ("/room/requests/blocks/wait", test_blocks_wait);
  g_test_add_func ("/room/requests/blocks/two", test_blocks_two);
  g_test_add_func ("/room/requests/blocks/failed", test_blocks_failed);
  g_test_add_func ("/room/requests/blocks/gone", test_blocks_gone);
  g_test_add_func ("/room/requests/blocks/by-command", test_blocks_by_command);
  g_test_add_func ("/room/requests/read", test_read);
  g_test_add_func ("/room/requests/read/at-login", test_read_at_login);
  g_test_add_func ("/room/requests/read/refused", test_read_refused);
  g_test_add_func ("/room/requests/read/failed", test_read_failed);
  g_test_add_func ("/room/requests/read/gone", test_read_gone);
  g_test_add_func ("/room/requests/load", test_load);

  return g_test_run ();
}
