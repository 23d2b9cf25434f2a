/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "room-stage.h"

/* Users that are here with several peers, and what peers get that have announced extensions. */

#define KEY_1 "1111111111111111111111111111111111111111111111111111111111111111"
#define KEY_2 "2222222222222222222222222222222222222222222222222222222222222222"

#define OWNER (CB_FEATURE_IDENTITY | CB_FEATURE_MESSAGE_IDS)

enum
{
  ADA = 1, /* owns her name */
  TWO,     /* so does she here, and has not asked for ids */
  BOB,     /* plain */
  CID,     /* asked for ids */
};

/* Ada is here twice. */
static Stage *
stage_new_twice (void)
{
  Stage *stage = stage_new (CBS_USER_LIST_NAMES, 1000);

  stage_announce (stage, ADA, OWNER, KEY_1);
  stage_announce (stage, TWO, CB_FEATURE_IDENTITY, KEY_1);
  stage_announce (stage, CID, CB_FEATURE_MESSAGE_IDS, NULL);
  stage_log_in (stage, ADA, "ada");
  stage_log_in (stage, TWO, "ada");
  stage_log_in (stage, BOB, "bob");
  stage_log_in (stage, CID, "cid");
  stage_forget (stage);
  return stage;
}

/* What the log is asked for: an owner's key counts only if the peer has announced it. */
static void
test_login (void)
{
  static const struct
  {
    CbFeatures  features;
    const char *key_id;
  } cases[] = {
    { 0, NULL },
    { CB_FEATURE_MESSAGE_IDS, NULL },
    { CB_FEATURE_IDENTITY, KEY_1 },
    { CB_FEATURES_ALL, KEY_1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (Stage) stage = stage_new (CBS_USER_LIST_NAMES, 1000);
      g_autoptr (CbsEffects) effects = cbs_effects_new ();
      const CbsEntry *entry = NULL;

      cbs_room_log_in (stage->room, &(const CbsLogin) {
      .peer = 5, .username = "Ada", .features = cases[i].features, .key_id = KEY_1,
      .address = "192.0.2.1", .hold_us = 77,
    }, effects);
      g_assert_cmpuint (effects->len, ==, 1);
      entry = cbs_effects_get (effects, 0)->entry;
      g_assert_cmpstr (entry->key_id, ==, cases[i].key_id);
      g_assert_cmpstr (entry->address, ==, "192.0.2.1");
      g_assert_cmpint (entry->hold_us, ==, 77);
      g_assert_cmpuint (entry->origin, ==, 5);
    }
}

/* Others learn of the first peer and of the last; the list holds the name once. */
static void
test_joined_left (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage_announce (stage, 9, CB_FEATURE_IDENTITY, KEY_1);
  stage_log_in (stage, 9, "ADA");
  stage_assert_seen (stage, 9, "accepted ['ada','bob','cid']");
  stage_assert_silence (stage);
  g_assert_cmpuint (cbs_room_count_online (stage->room), ==, 3);

  stage_leave (stage, ADA);
  stage_leave (stage, 9);
  stage_assert_silence (stage);
  g_assert_cmpuint (cbs_room_count_online (stage->room), ==, 3);
  stage_leave (stage, TWO);
  stage_assert_seen (stage, BOB, "-'ada'");
  g_assert_cmpuint (cbs_room_count_online (stage->room), ==, 2);
}

/* The name stays as it was told to all while its user is here, however later peers spell it. */
static void
test_spelling (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage_announce (stage, 9, OWNER, KEY_1);
  stage_log_in (stage, 9, "ADA");
  stage_forget (stage);
  stage_say (stage, 9, "ADA", "bob", "x");
  stage_assert_seen (stage, BOB, "['ADA','bob',1,'x']");
  for (guint64 peer = ADA; peer <= TWO; peer++)
    stage_leave (stage, peer);
  stage_leave (stage, 9);
  stage_assert_seen (stage, BOB, "-'ada'");
  stage_log_in (stage, 9, "Ada");
  stage_assert_seen (stage, BOB, "+'Ada'");
}

/* Whoever shows none of the keys is refused, and harms nobody. */
static void
test_owned (void)
{
  static const struct
  {
    CbFeatures  features;
    const char *key_id;
  } cases[] = {
    { 0, NULL },
    { 0, KEY_1 },
    { CB_FEATURE_IDENTITY, NULL },
    { CB_FEATURE_IDENTITY, KEY_2 },
  };
  g_autoptr (Stage) stage = stage_new_twice ();

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      stage_announce (stage, 9, cases[i].features, cases[i].key_id);
      stage_log_in (stage, 9, "ada");
      g_assert_true (g_str_has_prefix (stage_get_seen (stage, 9), "refused '"));
      stage_forget (stage);
      stage_leave (stage, 9);
      stage_assert_silence (stage);
    }
  stage_say (stage, TWO, "ada", "bob", "x");
  stage_assert_seen (stage, BOB, "['ada','bob',1,'x']");
}

/* A peer that goes while its join is on the way leaves its user's other peers in peace. */
static void
test_abandoned (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage->is_held = TRUE;
  stage_announce (stage, 9, OWNER, KEY_1);
  stage_log_in (stage, 9, "ada");
  stage_leave (stage, 9);
  stage_commit (stage);
  stage_assert_silence (stage);
  g_assert_cmpint (stage->log.length, ==, 0);
  stage_say (stage, BOB, "bob", "ada", "x");
  stage_commit (stage);
  stage_assert_seen (stage, ADA, "['bob','ada',1,'x',{'id':7}]");
  stage_assert_seen (stage, TWO, "['bob','ada',1,'x']");
  stage_assert_seen (stage, 9, "");
}

/* A leave that the log has no room for is that of one peer. */
static void
test_stuck (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage->is_full = TRUE;
  stage_leave (stage, ADA);
  stage_leave (stage, TWO);
  stage->is_full = FALSE;
  stage_assert_silence (stage);
  stage_say (stage, BOB, "bob", "ALL", "x");
  stage_assert_seen (stage, BOB, "['bob','ALL',1,'x']\n-'ada'");
  g_assert_cmpuint (cbs_room_count_online (stage->room), ==, 2);
}

/* All peers of a user get what is public or for it, each in its form. */
static void
test_forms (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage_announce (stage, 9, CB_FEATURE_MESSAGE_IDS | CB_FEATURE_UTF8, NULL);
  stage_log_in (stage, 9, "dan");
  stage_announce (stage, 10, CB_FEATURE_UTF8, NULL);
  stage_log_in (stage, 10, "eve");
  stage_forget (stage);

  stage_say (stage, BOB, "bob", "ALL", "\xc3\xab");
  stage_assert_seen (stage, ADA, "['bob','ALL',1,'\\u00eb',{'id':7}]");
  stage_assert_seen (stage, TWO, "['bob','ALL',1,'\\u00eb']");
  stage_assert_seen (stage, BOB, "['bob','ALL',1,'\\u00eb']");
  stage_assert_seen (stage, CID, "['bob','ALL',1,'\\u00eb',{'id':7}]");
  stage_assert_seen (stage, 9, "['bob','ALL',1,'\xc3\xab',{'id':7}]");
  stage_assert_seen (stage, 10, "['bob','ALL',1,'\xc3\xab']");

  stage_say (stage, BOB, "bob", "ada", "x");
  stage_assert_seen (stage, ADA, "['bob','ada',1,'x',{'id':8}]");
  stage_assert_seen (stage, TWO, "['bob','ada',1,'x']");
  stage_assert_silence (stage);
}

/* Who has asked for ids gets its own private messages too, wherever it sent them; once each. */
static void
test_own_copies (void)
{
  static const struct
  {
    guint64     peer;
    const char *dest;
    const char *to_ada; /* what each gets */
    const char *to_two;
    const char *to_bob;
    const char *to_cid;
  } cases[] = {
    { ADA, "bob", "['ada','bob',1,'x',{'id':%u}]", "", "['ada','bob',1,'x']", "" },
    { TWO, "bob", "['ada','bob',1,'x',{'id':%u}]", "", "['ada','bob',1,'x']", "" },
    { ADA, "cid", "['ada','cid',1,'x',{'id':%u}]", "", "", "['ada','cid',1,'x',{'id':%u}]" },
    { ADA, "gone", "['ada','gone',1,'x',{'id':%u}]", "", "", "" },
    { TWO, "Ada", "['ada','Ada',1,'x',{'id':%u}]", "['ada','Ada',1,'x']", "", "" },
  };
  g_autoptr (Stage) stage = stage_new_twice ();

  cbs_room_add_user (stage->room, "gone", "gone");
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const char *expected[] = { NULL, cases[i].to_ada, cases[i].to_two, cases[i].to_bob, cases[i].to_cid };

      stage_say (stage, cases[i].peer, "ada", cases[i].dest, "x");
      for (guint64 peer = ADA; peer <= CID; peer++)
        {
          g_autofree char *id = g_strdup_printf ("%u", stage->entries->len);
          g_auto (GStrv) parts = g_strsplit (expected[peer], "%u", -1);
          g_autofree char *line = g_strjoinv (id, parts);

          stage_assert_seen (stage, peer, line);
        }
    }
  stage_say (stage, BOB, "bob", "gone", "x");
  stage_assert_silence (stage);
}

/* A private message that its addressee hides from is told to its sender all the same, and only once it is stored. */
static void
test_own_copy_hidden (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage_say (stage, BOB, "bob", "bob", "/Block cid");
  stage_forget (stage);
  stage->is_held = TRUE;
  stage_say (stage, CID, "cid", "bob", "x");
  stage_assert_silence (stage);
  stage_commit (stage);
  stage_assert_seen (stage, CID, "['cid','bob',1,'x',{'id':6}]");
  stage_assert_silence (stage);
}

/* The token comes back to the very peer that sent it, once, where the message has its place. */
static void
test_token (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage_announce (stage, 9, OWNER, KEY_1);
  stage_log_in (stage, 9, "ada");
  stage_forget (stage);

  stage_say_token (stage, ADA, "ada", "ALL", "x", "t1");
  stage_assert_seen (stage, ADA, "['ada','ALL',1,'x',{'id':6,'token':'t1'}]");
  stage_assert_seen (stage, 9, "['ada','ALL',1,'x',{'id':6}]");
  stage_assert_seen (stage, CID, "['ada','ALL',1,'x',{'id':6}]");
  stage_assert_seen (stage, TWO, "['ada','ALL',1,'x']");
  stage_assert_seen (stage, BOB, "['ada','ALL',1,'x']");

  stage_say_token (stage, ADA, "ada", "cid", "x", "t2");
  stage_assert_seen (stage, ADA, "['ada','cid',1,'x',{'id':7,'token':'t2'}]");
  stage_assert_seen (stage, 9, "['ada','cid',1,'x',{'id':7}]");
  stage_assert_seen (stage, CID, "['ada','cid',1,'x',{'id':7}]");
  stage_assert_silence (stage);

  stage_say_token (stage, ADA, "ada", "ada", "x", "t3");
  stage_assert_seen (stage, ADA, "['ada','ada',1,'x',{'id':8,'token':'t3'}]");
  stage_assert_seen (stage, 9, "['ada','ada',1,'x',{'id':8}]");
  stage_assert_seen (stage, TWO, "['ada','ada',1,'x']");
  stage_assert_silence (stage);
}

/* A server that stops has all leave, who still get what was on its way to the log: all of it. */
static void
test_token_leaving (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage->is_held = TRUE;
  stage_say_token (stage, ADA, "ada", "bob", "x", "t1");
  stage_say_token (stage, ADA, "ada", "ALL", "y", "t2");
  stage_see_off (stage, ADA);
  stage_commit (stage);
  stage_assert_seen (stage, ADA,
                     "['ada','bob',1,'x',{'id':5,'token':'t1'}]\n['ada','ALL',1,'y',{'id':6,'token':'t2'}]");
}

/* What was sent again is not stored again: its sender gets what is, as it was. */
static void
test_token_repeated (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage_say_token (stage, ADA, "ada", "bob", "first", "t");
  stage_forget (stage);
  stage_say_token (stage, ADA, "ada", "ALL", "second", "t");
  stage_assert_seen (stage, ADA, "['ada','bob',1,'first',{'id':5,'token':'t'}]");
  stage_assert_silence (stage);
  g_assert_cmpuint (stage->entries->len, ==, 5);

  /* It may come from another of the user's peers. */
  stage_announce (stage, 9, OWNER | CB_FEATURE_UTF8, KEY_1);
  stage_log_in (stage, 9, "ada");
  stage_forget (stage);
  stage_say_token (stage, 9, "ada", "ALL", "third", "t");
  stage_assert_seen (stage, 9, "['ada','bob',1,'first',{'id':5,'token':'t'}]");
  stage_assert_silence (stage);

  /* Another user's token is another one. */
  stage_say_token (stage, CID, "cid", "cid", "x", "t");
  stage_assert_seen (stage, CID, "['cid','cid',1,'x',{'id':7,'token':'t'}]");
}

/* Who has gone before it could be told is not told. */
static void
test_token_repeated_gone (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage_say_token (stage, ADA, "ada", "bob", "x", "t");
  stage_forget (stage);
  stage->is_held = TRUE;
  stage_say_token (stage, ADA, "ada", "bob", "x", "t");
  stage_leave (stage, ADA);
  stage_commit (stage);
  stage_assert_silence (stage);
}

/* What is stored for a token; a peer without ids has none. */
static void
test_token_stored (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();
  const CbsEntry *entry = NULL;

  stage_say_token (stage, ADA, "ada", "ALL", "x", "t");
  entry = stage->entries->pdata[stage->entries->len - 1];
  g_assert_cmpstr (entry->token, ==, "ada\n0\nt");
  stage_forget (stage);

  stage_say_token (stage, BOB, "bob", "ALL", "x", "t");
  entry = stage->entries->pdata[stage->entries->len - 1];
  g_assert_cmpstr (entry->token, ==, NULL);
  stage_assert_seen (stage, BOB, "['bob','ALL',1,'x']");
}

/* ERRORs about a message repeat the number that it came with; an answer to a command has none. */
static void
test_request_of_message (void)
{
  static const struct
  {
    const char *src;
    const char *dest;
    const char *content;
    const char *expected;
  } cases[] = {
    { "bob", "ALL", "x", "{'ERROR':'SRC is \\u201cbob\\u201d, but you are \\u201cada\\u201d','REQUEST':7}" },
    { "ada", "eve", "x", "{'ERROR':'No user \\u201ceve\\u201d has ever been here','REQUEST':7}" },
    { "ada", "cid", "x", "{'ERROR':'You have blocked \\u201ccid\\u201d: nothing was sent','REQUEST':7}" },
    { "ada", "ada", "/What", "{'ERROR':'Unknown command \\u201c/What\\u201d; /Help lists the commands','REQUEST':7}" },
    { "ada", "ada", "/Block", "{'ERROR':'Whom? Usage: /Block <username>...','REQUEST':7}" },
    { "ada", "ada", "/Name", "['ada','ada',1,'Your username is ada']" },
  };
  g_autoptr (Stage) stage = stage_new_twice ();
  g_autofree char *long_content = g_strnfill (1001, 'x');
  g_autoptr (CbMessage) too_long = cb_message_new ("ada", "ALL", 1, long_content);
  g_autoptr (CbMessage) refused = cb_message_new ("ada", "ALL", 1, "x");
  g_autoptr (CbMessage) block = cb_message_new ("ada", "ada", 1, "/Block bob");

  stage_say (stage, ADA, "ada", "ada", "/Block cid");
  stage_forget (stage);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbMessage) message = cb_message_new (cases[i].src, cases[i].dest, 1, cases[i].content);

      stage_say_full (stage, ADA, message, 7);
      stage_assert_seen (stage, ADA, cases[i].expected);
      stage_assert_silence (stage);
    }

  stage_say_full (stage, ADA, too_long, 0);
  stage_assert_seen (stage, ADA, "{'ERROR':'The message has 1001 bytes; the limit is 1000','REQUEST':0}");
  stage_say_full (stage, 99, refused, 8);
  stage_assert_seen (stage, 99, "{'ERROR':'Log in before you send messages','REQUEST':8}");
  stage->is_full = TRUE;
  stage_say_full (stage, ADA, refused, 9);
  stage_assert_seen (stage, ADA, "{'ERROR':'The disk is full','REQUEST':9}");
  stage_say_full (stage, ADA, block, 10);
  stage_assert_seen (stage, ADA, "{'ERROR':'The disk is full','REQUEST':10}");
}

/* A block counts for all peers of both. */
static void
test_hidden (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  stage_say (stage, BOB, "bob", "bob", "/Block ada");
  stage_forget (stage);
  stage_say (stage, BOB, "bob", "ALL", "x");
  stage_assert_seen (stage, BOB, "['bob','ALL',1,'x']");
  stage_assert_seen (stage, CID, "['bob','ALL',1,'x',{'id':6}]");
  stage_assert_silence (stage);
  stage_say_token (stage, ADA, "ada", "ALL", "x", "t");
  stage_assert_seen (stage, ADA, "['ada','ALL',1,'x',{'id':7,'token':'t'}]");
  stage_assert_seen (stage, TWO, "['ada','ALL',1,'x']");
  stage_assert_seen (stage, BOB, "");
}

/* A name that passes to somebody else takes none of the former holder's affairs along. */
static void
test_passed (void)
{
  g_autoptr (Stage) stage = stage_new (CBS_USER_LIST_NAMES, 1000);
  g_auto (GStrv) hidden = NULL;
  const gint64 hold_us = G_TIME_SPAN_DAY;
  CbsLogin *login = NULL;

  stage_announce (stage, ADA, CB_FEATURE_MESSAGE_IDS, NULL);
  login = g_hash_table_lookup (stage->logins, &(const guint64) { ADA });
  login->address = "192.0.2.1";
  login->hold_us = hold_us;
  stage_log_in (stage, BOB, "bob");
  stage_log_in (stage, CID, "cid");
  stage_log_in (stage, ADA, "ada");
  g_assert_cmpint (cbs_room_get_since (stage->room, ADA), ==, 0);
  stage_say (stage, ADA, "ada", "ada", "/Block bob");
  stage_say (stage, CID, "cid", "cid", "/Block ada");
  stage_say_token (stage, ADA, "ada", "ALL", "x", "t");
  stage_leave (stage, ADA);

  login->address = "192.0.2.2";
  stage_forget (stage);
  stage_log_in (stage, ADA, "ada");
  g_assert_true (g_str_has_prefix (stage_get_seen (stage, ADA), "refused 'The name \\u201cada\\u201d is kept"));

  stage->time_us += hold_us;
  stage_log_in (stage, ADA, "ada");
  g_assert_cmpint (cbs_room_get_since (stage->room, ADA), ==, 8);
  hidden = cbs_room_dup_hidden (stage->room, ADA);
  g_assert_cmpuint (g_strv_length (hidden), ==, 1);
  g_assert_cmpstr (hidden[0], ==, "cid");

  /* Nor can it find out what that one has said. */
  stage_forget (stage);
  stage_say_token (stage, ADA, "ada", "ALL", "mine", "t");
  stage_assert_seen (stage, ADA, "['ada','ALL',1,'mine',{'id':9,'token':'t'}]");
  stage_assert_seen (stage, BOB, "['ada','ALL',1,'mine']");
}

static void
test_find_conversation (void)
{
  static const struct
  {
    const char *with;
    const char *key;
  } cases[] = {
    { "ALL", "" },
    { "bob", "bob" },
    { "BOB", "bob" },
    { "all", NULL },
    { "eve", NULL },
    { "", NULL },
    { "b b", NULL },
  };
  g_autoptr (Stage) stage = stage_new_twice ();

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *key = NULL;
      const gboolean found = cbs_room_find_conversation (stage->room, ADA, cases[i].with, &key, &error);

      g_assert_cmpint (found, ==, cases[i].key != NULL);
      g_assert_cmpstr (key, ==, cases[i].key);
      if (!found)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
    }
}

static void
test_get_features (void)
{
  g_autoptr (Stage) stage = stage_new_twice ();

  g_assert_cmpint (cbs_room_get_features (stage->room, ADA), ==, OWNER);
  g_assert_cmpint (cbs_room_get_features (stage->room, BOB), ==, 0);
  g_assert_cmpint (cbs_room_get_features (stage->room, 99), ==, 0);
  g_assert_cmpint (cbs_room_get_since (stage->room, 99), ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/room/peers/login", test_login);
  g_test_add_func ("/room/peers/joined-left", test_joined_left);
  g_test_add_func ("/room/peers/spelling", test_spelling);
  g_test_add_func ("/room/peers/owned", test_owned);
  g_test_add_func ("/room/peers/abandoned", test_abandoned);
  g_test_add_func ("/room/peers/stuck", test_stuck);
  g_test_add_func ("/room/peers/forms", test_forms);
  g_test_add_func ("/room/peers/own-copies", test_own_copies);
  g_test_add_func ("/room/peers/own-copies/hidden", test_own_copy_hidden);
  g_test_add_func ("/room/peers/token", test_token);
  g_test_add_func ("/room/peers/token/leaving", test_token_leaving);
  g_test_add_func ("/room/peers/token/repeated", test_token_repeated);
  g_test_add_func ("/room/peers/token/repeated-gone", test_token_repeated_gone);
  g_test_add_func ("/room/peers/token/stored", test_token_stored);
  g_test_add_func ("/room/peers/request", test_request_of_message);
  g_test_add_func ("/room/peers/hidden", test_hidden);
  g_test_add_func ("/room/peers/passed", test_passed);
  g_test_add_func ("/room/peers/find-conversation", test_find_conversation);
  g_test_add_func ("/room/peers/get-features", test_get_features);

  return g_test_run ();
}
