/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "room-stage.h"

enum
{
  ADA = 1,
  BOB,
  ZOE,
};

#define ZOE_NFC "Zo\xc3\xab"
#define ZOE_NFD "Zoe\xcc\x88"

static const char *const three[] = { "ada", "bob", ZOE_NFC, NULL };

static Stage *
stage_new_three (void)
{
  return stage_new_with (three);
}

static void
test_log_in (void)
{
  g_autoptr (Stage) stage = stage_new (CBS_USER_LIST_NAMES, 1000);

  stage_log_in (stage, ADA, "ada");
  stage_assert_seen (stage, ADA, "accepted ['ada']");
  g_assert_cmpuint (cbs_room_count_online (stage->room), ==, 1);

  stage_log_in (stage, ZOE, ZOE_NFD);
  stage_assert_seen (stage, ADA, "+'Zo\\u00eb'");
  stage_assert_seen (stage, ZOE, "accepted ['ada','Zo\\u00eb']");
  g_assert_cmpuint (cbs_room_count_online (stage->room), ==, 2);
}

/* Nothing is told before it is committed. */
static void
test_log_in_waits (void)
{
  g_autoptr (Stage) stage = stage_new_three ();

  stage->is_held = TRUE;
  stage_log_in (stage, 9, "eve");
  stage_assert_silence (stage);
  g_assert_cmpuint (cbs_room_count_online (stage->room), ==, 3);
  stage_log_in (stage, 9, "mallory");
  stage_assert_seen (stage, 9, "refused 'You are logged in as \\u201ceve\\u201d'");
  stage_say (stage, 9, "eve", "ALL", "early");
  stage_assert_seen (stage, 9, "!'Log in before you send messages'");

  g_assert_cmpuint (stage->log.length, ==, 1);
  stage_commit (stage);
  stage_assert_seen (stage, 9, "accepted ['ada','bob','Zo\\u00eb','eve']");
  stage_assert_seen (stage, ADA, "+'eve'");
}

/* Whoever joins is not told of it, should it count among the others already. */
static void
test_log_in_effects (void)
{
  g_autoptr (Stage) stage = stage_new_three ();
  g_autoptr (CbsEffects) asked = cbs_effects_new ();
  g_autoptr (CbsEffects) committed = cbs_effects_new ();
  const guint64 peer = 9;

  cbs_room_log_in (stage->room, &(const CbsLogin) { .peer = peer, .username = "eve" }, asked);
  cbs_room_committed (stage->room, cbs_effects_get (asked, 0)->entry, committed);
  g_assert_cmpuint (committed->len, ==, 2);
  g_assert_cmpint (cbs_effects_get (committed, 0)->kind, ==, CBS_EFFECT_BROADCAST);
  g_assert_cmpuint (g_hash_table_size (cbs_effects_get (committed, 0)->except), ==, 1);
  g_assert_true (g_hash_table_contains (cbs_effects_get (committed, 0)->except, &peer));
  g_assert_cmpint (cbs_effects_get (committed, 1)->kind, ==, CBS_EFFECT_ACCEPT);
  g_assert_cmpuint (cbs_effects_get (committed, 1)->peer, ==, peer);
}

/* A refusal leaks nothing, stores nothing, and leaves room for another try. */
static void
test_refused (void)
{
  static const char *const names[] = { "", " ", "a b", "@ada", "/ada", "#ada", "ALL", "server", "a\n" };
  g_autoptr (Stage) stage = stage_new_three ();

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      stage_log_in (stage, 9, names[i]);
      g_assert_true (g_str_has_prefix (stage_get_seen (stage, 9), "refused '"));
      g_assert_null (strstr (stage_get_seen (stage, 9), "bob"));
      stage_forget (stage);
    }
  g_assert_cmpuint (stage->entries->len, ==, 3);

  stage_log_in (stage, 9, "eve");
  stage_assert_seen (stage, 9, "accepted ['ada','bob','Zo\\u00eb','eve']");
}

static void
test_taken (void)
{
  g_autoptr (Stage) stage = stage_new_three ();

  stage_log_in (stage, 9, "ADA");
  stage_assert_seen (stage, 9, "refused 'The name is in use'");
  stage_leave (stage, 9);
  stage_assert_silence (stage);

  stage_log_in (stage, 9, "eve");
  stage_assert_seen (stage, 9, "accepted ['ada','bob','Zo\\u00eb','eve']");
}

/* A second USERNAME is refused; the name stays. */
static void
test_second_username (void)
{
  g_autoptr (Stage) stage = stage_new_three ();

  stage_log_in (stage, ADA, "eve");
  stage_assert_seen (stage, ADA, "refused 'You are logged in as \\u201cada\\u201d'");
  stage_log_in (stage, ADA, "ada");
  stage_assert_seen (stage, ADA, "refused 'You are logged in as \\u201cada\\u201d'");
  stage_assert_silence (stage);
  g_assert_cmpuint (stage->entries->len, ==, 3);

  stage_say (stage, ADA, "ada", "bob", "still me");
  stage_assert_seen (stage, BOB, "['ada','bob',1,'still me']");
}

/* The original's clients need an object for everybody who was ever here, in the order of the first join. */
static void
test_user_list_objects (void)
{
  g_autoptr (Stage) stage = stage_new (CBS_USER_LIST_OBJECTS, 1000);

  cbs_room_add_user (stage->room, "ada", "ada");
  cbs_room_add_user (stage->room, "zo\xc3\xab", ZOE_NFC);
  stage_log_in (stage, BOB, "bob");
  stage_assert_seen (stage, BOB, "accepted [{'name':'ada','active':false},{'name':'Zo\\u00eb','active':false},"
                     "{'name':'bob','active':true}]");
  stage_log_in (stage, ADA, "Ada");
  stage_assert_seen (stage, ADA, "accepted [{'name':'Ada','active':true},{'name':'Zo\\u00eb','active':false},"
                     "{'name':'bob','active':true}]");
  stage_leave (stage, BOB);
  stage_log_in (stage, ZOE, ZOE_NFC);
  stage_assert_seen (stage, ZOE, "accepted [{'name':'Ada','active':true},{'name':'Zo\\u00eb','active':true},"
                     "{'name':'bob','active':false}]");
}

/* Names: only who is online, in the order of their joins, as last spelled. */
static void
test_user_list_names (void)
{
  g_autoptr (Stage) stage = stage_new_three ();

  stage_leave (stage, ADA);
  stage_log_in (stage, 9, "ADA");
  stage_assert_seen (stage, 9, "accepted ['bob','Zo\\u00eb','ADA']");
  stage_assert_seen (stage, BOB, "-'ada'\n+'ADA'");
}

/* A broadcast reaches everybody, its sender too, as it was sent. */
static void
test_public (void)
{
  static const struct
  {
    gint64      time_s;
    const char *content;
    const char *expected;
  } cases[] = {
    { 1700000000, "hello", "['ada','ALL',1700000000,'hello']" },
    { 0, "", "['ada','ALL',0,'']" },
    { -5, "/Name", "['ada','ALL',-5,'/Name']" },
    { CB_JSON_MAX_INTEGER, "a\nb\x01\x7f", "['ada','ALL',9007199254740992,'a\\nb\\u0001\\u007f']" },
    { 7, "\xe2\x82\xac\xf0\x9f\x91\x8d", "['ada','ALL',7,'\\u20ac\\ud83d\\udc4d']" },
  };
  g_autoptr (Stage) stage = stage_new_three ();

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      stage_say_at (stage, ADA, "ada", "ALL", cases[i].time_s, cases[i].content);
      for (guint64 peer = ADA; peer <= ZOE; peer++)
        stage_assert_seen (stage, peer, cases[i].expected);
    }
}

/* The order is the log's, whatever the senders' clocks say. */
static void
test_order (void)
{
  g_autoptr (Stage) stage = stage_new_three ();

  stage->is_held = TRUE;
  stage_say_at (stage, ADA, "ada", "ALL", 9, "first");
  stage_say_at (stage, BOB, "bob", "ALL", 3, "second");
  stage_say_at (stage, ADA, "ada", ZOE_NFC, 1, "third");
  stage_assert_silence (stage);
  stage_commit (stage);
  stage_assert_seen (stage, ZOE, "['ada','ALL',9,'first']\n['bob','ALL',3,'second']\n['ada','Zo\\u00eb',1,'third']");
  stage_assert_seen (stage, ADA, "['ada','ALL',9,'first']\n['bob','ALL',3,'second']");
}

/* SRC has to be the name: nothing is stored, nothing delivered. NFC spellings are one name. */
static void
test_source (void)
{
  static const char *const wrong[] = { "bob", "Ada", "ada ", "", "adaa", "SERVER" };
  g_autoptr (Stage) stage = stage_new_three ();

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autofree char *expected = g_strdup_printf ("!'SRC is \\u201c%s\\u201d, but you are \\u201cada\\u201d'",
                                                   wrong[i]);

      stage_say (stage, ADA, wrong[i], i % 2 == 0 ? "ALL" : "bob", "x");
      stage_assert_seen (stage, ADA, expected);
      stage_say (stage, ADA, wrong[i], "ada", "/Block bob");
      stage_assert_seen (stage, ADA, expected);
    }
  stage_assert_silence (stage);
  g_assert_cmpuint (stage->entries->len, ==, 3);

  stage_say (stage, ZOE, ZOE_NFD, "ada", "x");
  stage_assert_seen (stage, ADA, "['Zo\\u00eb','ada',1,'x']");
}

/* An answer repeats only so much of a text. */
static void
test_source_long (void)
{
  g_autoptr (Stage) stage = stage_new_three ();
  g_autofree char *source = g_strnfill (10000, 'x');

  stage_say (stage, ADA, source, "ALL", "x");
  stage_assert_seen (stage, ADA, "!'SRC is \\u201cxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\\u2026\\u201d, "
                     "but you are \\u201cada\\u201d'");
}

static void
test_strangers (void)
{
  g_autoptr (Stage) stage = stage_new_three ();

  stage_say (stage, 9, "ada", "ALL", "x");
  stage_assert_seen (stage, 9, "!'Log in before you send messages'");
  stage_leave (stage, 9);
  stage_leave (stage, ADA);
  stage_forget (stage);
  stage_say (stage, ADA, "ada", "ALL", "x");
  stage_assert_seen (stage, ADA, "!'Log in before you send messages'");
  stage_assert_silence (stage);
}

static const CbsEntry *
last_entry (Stage *stage)
{
  return stage->entries->pdata[stage->entries->len - 1];
}

static void
assert_stored (Stage      *stage,
               const char *src,
               const char *dest,
               const char *body)
{
  const CbsEntry *entry = last_entry (stage);
  gsize len = 0;
  const char *data = g_bytes_get_data (entry->body, &len);
  g_autofree char *text = g_strndup (data, len);

  g_assert_cmpint (entry->kind, ==, CBS_ENTRY_MESSAGE);
  g_assert_cmpstr (entry->src, ==, src);
  g_assert_cmpstr (entry->dest, ==, dest);
  g_assert_cmpstr (text, ==, body);
}

/* A private message goes to its addressee alone, however the name is spelled; the tuple stays as it was. */
static void
test_private (void)
{
  g_autoptr (Stage) stage = stage_new_three ();

  stage_say (stage, ADA, "ada", "bob", "x");
  stage_assert_seen (stage, BOB, "['ada','bob',1,'x']");
  assert_stored (stage, "ada", "bob", "[\"ada\",\"bob\",1,\"x\"]");
  stage_say (stage, ADA, "ada", "BOB", "x");
  stage_assert_seen (stage, BOB, "['ada','BOB',1,'x']");
  assert_stored (stage, "ada", "bob", "[\"ada\",\"BOB\",1,\"x\"]");
  stage_say (stage, ADA, "ada", "ZOE\xcc\x88", "\xc3\xab");
  stage_assert_seen (stage, ZOE, "['ada','ZOE\\u0308',1,'\\u00eb']");
  assert_stored (stage, "ada", "zo\xc3\xab", "[\"ada\",\"ZOE\xcc\x88\",1,\"\xc3\xab\"]");
  stage_say (stage, ADA, "ada", "ada", "note to self");
  stage_assert_seen (stage, ADA, "['ada','ada',1,'note to self']");
  stage_assert_silence (stage);
}

static void
test_private_offline (void)
{
  g_autoptr (Stage) stage = stage_new_three ();

  stage_leave (stage, BOB);
  cbs_room_add_user (stage->room, "eve", "Eve");
  stage_forget (stage);
  stage_say (stage, ADA, "ada", "bob", "later");
  assert_stored (stage, "ada", "bob", "[\"ada\",\"bob\",1,\"later\"]");
  stage_say (stage, ADA, "ada", "eve", "later");
  assert_stored (stage, "ada", "eve", "[\"ada\",\"eve\",1,\"later\"]");
  stage_assert_silence (stage);
}

static void
test_private_unknown (void)
{
  static const char *const names[] = { "eve", "all", "All", "", "b ob", "SERVER", "bobb" };
  g_autoptr (Stage) stage = stage_new_three ();

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *expected = g_strdup_printf ("!'No user \\u201c%s\\u201d has ever been here'", names[i]);

      stage_say (stage, ADA, "ada", names[i], "/Name");
      stage_assert_seen (stage, ADA, expected);
    }
  stage_assert_silence (stage);
  g_assert_cmpuint (stage->entries->len, ==, 3);
}

/* The limit counts bytes of UTF-8. */
static void
test_content_limit (void)
{
  g_autoptr (Stage) stage = stage_new (CBS_USER_LIST_NAMES, 6);
  static const char *const dests[] = { "ALL", "ada" };

  stage_log_in (stage, ADA, "ada");
  stage_forget (stage);
  for (gsize i = 0; i < G_N_ELEMENTS (dests); i++)
    {
      stage_say (stage, ADA, "ada", dests[i], "\xe2\x82\xac\xe2\x82\xac");
      g_assert_nonnull (strstr (stage_get_seen (stage, ADA), "'\\u20ac\\u20ac'"));
      stage_forget (stage);
      stage_say (stage, ADA, "ada", dests[i], "1234567");
      stage_assert_seen (stage, ADA, "!'The message has 7 bytes; the limit is 6'");
    }
  g_assert_cmpuint (stage->entries->len, ==, 3);
}

static void
test_leave (void)
{
  g_autoptr (Stage) stage = stage_new_three ();

  stage->is_held = TRUE;
  stage_leave (stage, BOB);
  stage_leave (stage, BOB);
  g_assert_cmpuint (stage->log.length, ==, 1);
  stage_assert_silence (stage);
  stage_commit (stage);
  stage_assert_seen (stage, ADA, "-'bob'");
  stage_assert_seen (stage, ZOE, "-'bob'");
  stage_assert_silence (stage);
  g_assert_cmpstr (last_entry (stage)->src, ==, "bob");
  g_assert_cmpuint (cbs_room_count_online (stage->room), ==, 2);
}

/* Who goes while its join is on the way was here for a moment, and its name is free again. */
static void
test_leave_while_joining (void)
{
  g_autoptr (Stage) stage = stage_new_three ();

  stage->is_held = TRUE;
  stage_log_in (stage, 9, "eve");
  stage_leave (stage, 9);
  stage_leave (stage, 9);
  g_assert_cmpuint (stage->log.length, ==, 1);
  stage_commit (stage);
  stage_assert_seen (stage, ADA, "+'eve'\n-'eve'");
  stage_assert_seen (stage, 9, "");
  g_assert_cmpuint (cbs_room_count_online (stage->room), ==, 3);

  stage_log_in (stage, 10, "ada");
  stage_leave (stage, 10);
  stage_forget (stage);
  stage_commit (stage);
  stage_assert_silence (stage);

  stage_log_in (stage, 11, "eve");
  stage_commit (stage);
  stage_assert_seen (stage, 11, "accepted ['ada','bob','Zo\\u00eb','eve']");
}

/* The log decides: a name whose leave stands before the join is free. What was said before the leave counts. */
static void
test_rejoin (void)
{
  g_autoptr (Stage) stage = stage_new_three ();

  stage->is_held = TRUE;
  stage_say (stage, ADA, "ada", "ALL", "bye");
  stage_leave (stage, ADA);
  stage_log_in (stage, 9, "Ada");
  stage_say (stage, BOB, "bob", "ada", "hi");
  stage_commit (stage);
  stage_assert_seen (stage, BOB, "['ada','ALL',1,'bye']\n-'ada'\n+'Ada'");
  stage_assert_seen (stage, 9, "accepted ['bob','Zo\\u00eb','Ada']\n['bob','ada',1,'hi']");
  stage_assert_seen (stage, ADA, "");
}

static void
assert_hidden (Stage      *stage,
               guint64     peer,
               const char *expected)
{
  g_auto (GStrv) keys = cbs_room_dup_hidden (stage->room, peer);
  g_autofree char *text = g_strjoinv (" ", keys);

  g_assert_cmpstr (text, ==, expected);
}

/* A block holds both ways, for public and private messages; a third sees all. */
static void
test_block (void)
{
  g_autoptr (Stage) stage = stage_new_three ();

  stage_say (stage, ADA, "ada", "ada", "/Block bob");
  stage_forget (stage);
  assert_hidden (stage, ADA, "bob");
  assert_hidden (stage, BOB, "ada");
  assert_hidden (stage, ZOE, "");
  assert_hidden (stage, 9, "");

  stage_say (stage, ADA, "ada", "ALL", "1");
  stage_assert_seen (stage, ADA, "['ada','ALL',1,'1']");
  stage_assert_seen (stage, ZOE, "['ada','ALL',1,'1']");
  stage_say (stage, BOB, "bob", "ALL", "2");
  stage_assert_seen (stage, BOB, "['bob','ALL',1,'2']");
  stage_assert_seen (stage, ZOE, "['bob','ALL',1,'2']");
  stage_assert_silence (stage);

  stage_say (stage, BOB, "bob", "ada", "3");
  stage_assert_silence (stage);
  stage_say (stage, ADA, "ada", "bob", "4");
  stage_assert_seen (stage, ADA, "!'You have blocked \\u201cbob\\u201d: nothing was sent'");
  stage_assert_silence (stage);

  stage_leave (stage, BOB);
  stage_assert_seen (stage, ADA, "-'bob'");
}

/* Each has to lift its own block. */
static void
test_unblock (void)
{
  g_autoptr (Stage) stage = stage_new_three ();

  stage_say (stage, ADA, "ada", "ada", "/Block bob");
  stage_say (stage, BOB, "bob", "bob", "/Block ada");
  stage_say (stage, ADA, "ada", "ada", "/UnBlock bob");
  stage_forget (stage);
  stage_say (stage, ADA, "ada", "bob", "1");
  stage_say (stage, BOB, "bob", "ALL", "2");
  stage_assert_seen (stage, ADA, "");
  stage_assert_seen (stage, BOB, "['bob','ALL',1,'2']");

  stage_say (stage, BOB, "bob", "bob", "/UnBlock ada");
  stage_forget (stage);
  assert_hidden (stage, ADA, "");
  stage_say (stage, ADA, "ada", "bob", "3");
  stage_assert_seen (stage, BOB, "['ada','bob',1,'3']");
}

/* A block counts from its place in the log. */
static void
test_block_order (void)
{
  g_autoptr (Stage) stage = stage_new_three ();

  stage->is_held = TRUE;
  stage_say (stage, ADA, "ada", "ALL", "before");
  stage_say (stage, ADA, "ada", "bob", "before");
  stage_say (stage, BOB, "bob", "bob", "/Block ada");
  stage_say (stage, ADA, "ada", "ALL", "after");
  stage_say (stage, ADA, "ada", "bob", "after");
  stage_commit (stage);
  stage_assert_seen (stage, BOB, "['ada','ALL',1,'before']\n['ada','bob',1,'before']\n"
                     "['bob','bob',1,'The following users will now be blocked: ada']");
}

/* What an earlier run has left: users, blocks in force. */
static void
test_restored (void)
{
  g_autoptr (Stage) stage = stage_new (CBS_USER_LIST_NAMES, 1000);

  cbs_room_add_user (stage->room, "ada", "Ada");
  cbs_room_add_user (stage->room, "bob", "Bob");
  cbs_room_add_block (stage->room, "ada", "bob");
  cbs_room_add_block (stage->room, "ada", "eve");
  cbs_room_add_block (stage->room, "eve", "ada");
  g_assert_cmpuint (cbs_room_count_online (stage->room), ==, 0);
  stage_log_in (stage, BOB, "bob");
  stage_log_in (stage, ADA, "ada");
  assert_hidden (stage, ADA, "bob");
  stage_forget (stage);
  stage_say (stage, BOB, "bob", "ALL", "x");
  stage_assert_seen (stage, ADA, "");
}

/* What the log does not take has not happened: who asked for it is told. */
static void
test_log_full (void)
{
  g_autoptr (Stage) stage = stage_new_three ();

  stage->is_full = TRUE;
  stage_say (stage, ADA, "ada", "ALL", "x");
  stage_assert_seen (stage, ADA, "!'The disk is full'");
  stage_say (stage, ADA, "ada", "ada", "/Block bob");
  stage_assert_seen (stage, ADA, "!'The disk is full'");
  assert_hidden (stage, ADA, "");
  stage_log_in (stage, 9, "eve");
  stage_assert_seen (stage, 9, "refused 'The disk is full'");
  stage_assert_silence (stage);

  stage->is_full = FALSE;
  stage_log_in (stage, 9, "eve");
  stage_assert_seen (stage, 9, "accepted ['ada','bob','Zo\\u00eb','eve']");
  stage_say (stage, ADA, "ada", "ada", "/Block bob");
  stage_assert_seen (stage, ADA, "+'eve'\n['ada','ada',1,'The following users will now be blocked: bob']");
}

/* A leave that found no room is told once there is some: the name is not lost for good. */
static void
test_log_full_leave (void)
{
  g_autoptr (Stage) stage = stage_new_three ();

  stage->is_full = TRUE;
  stage_leave (stage, BOB);
  stage_log_in (stage, 9, "bob");
  stage_assert_seen (stage, 9, "refused 'The disk is full'");
  stage_assert_silence (stage);
  g_assert_cmpuint (cbs_room_count_online (stage->room), ==, 3);

  stage->is_full = FALSE;
  stage_log_in (stage, 9, "bob");
  stage_assert_seen (stage, 9, "accepted ['ada','Zo\\u00eb','bob']");
  stage_assert_seen (stage, ADA, "-'bob'\n+'bob'");

  stage->is_full = TRUE;
  stage_leave (stage, 9);
  stage->is_full = FALSE;
  stage_forget (stage);
  stage_say (stage, ADA, "ada", "ALL", "x");
  stage_assert_seen (stage, ADA, "['ada','ALL',1,'x']\n-'bob'");
  g_assert_cmpuint (cbs_room_count_online (stage->room), ==, 2);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/room/log-in", test_log_in);
  g_test_add_func ("/room/log-in/waits", test_log_in_waits);
  g_test_add_func ("/room/log-in/effects", test_log_in_effects);
  g_test_add_func ("/room/log-in/refused", test_refused);
  g_test_add_func ("/room/log-in/taken", test_taken);
  g_test_add_func ("/room/log-in/second-username", test_second_username);
  g_test_add_func ("/room/user-list/objects", test_user_list_objects);
  g_test_add_func ("/room/user-list/names", test_user_list_names);
  g_test_add_func ("/room/public", test_public);
  g_test_add_func ("/room/order", test_order);
  g_test_add_func ("/room/source", test_source);
  g_test_add_func ("/room/source/long", test_source_long);
  g_test_add_func ("/room/strangers", test_strangers);
  g_test_add_func ("/room/private", test_private);
  g_test_add_func ("/room/private/offline", test_private_offline);
  g_test_add_func ("/room/private/unknown", test_private_unknown);
  g_test_add_func ("/room/content-limit", test_content_limit);
  g_test_add_func ("/room/leave", test_leave);
  g_test_add_func ("/room/leave/while-joining", test_leave_while_joining);
  g_test_add_func ("/room/leave/rejoin", test_rejoin);
  g_test_add_func ("/room/block", test_block);
  g_test_add_func ("/room/block/lifted", test_unblock);
  g_test_add_func ("/room/block/order", test_block_order);
  g_test_add_func ("/room/restored", test_restored);
  g_test_add_func ("/room/log-full", test_log_full);
  g_test_add_func ("/room/log-full/leave", test_log_full_leave);

  return g_test_run ();
}
