/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "room-stage.h"
#include "server/room/cbs-command.h"

enum
{
  ADA = 1,
  BOB,
  ZOE,
};

#define ZOE_NFC "Zo\xc3\xab"

static const char *const three[] = { "Ada", "bob", ZOE_NFC, NULL };

static void
command (Stage      *stage,
         guint64     peer,
         const char *name,
         const char *content)
{
  stage_say_at (stage, peer, name, name, 1700000000, content);
}

/* Each answer is a message from oneself to oneself with the command's time; nobody else sees it, and
 * neither it nor the command is stored. */
static void
test_answers (void)
{
  static const struct
  {
    const char *content;
    const char *answer;
  } cases[] = {
    { "/Name", "Your username is Ada" },
    { "/name", "Your username is Ada" },
    { "/NAME please", "Your username is Ada" },
    { "/Blocked", "You have no users blocked" },
    { "/bLOCKED", "You have no users blocked" },
    { "/DisplayUsers", "\\n\\nCURRENT USER(S) ONLINE\\n----------------------\\nAda\\nbob" },
    { "/displayusers ", "\\n\\nCURRENT USER(S) ONLINE\\n----------------------\\nAda\\nbob" },
    { "/DisplayAllUsers",
      "\\n\\n   ALL USER(S)\\n----------------------\\n\\nAda : ONLINE\\nbob : ONLINE\\nZo\\u00eb : OFFLINE" },
    { "/Help",
      "Commands:"
      "\\n/Name - tells your user name"
      "\\n/Block <username>... - hides you and these users from each other"
      "\\n/UnBlock <username>... - lifts your block; the other side's, if any, stays"
      "\\n/Blocked - lists the users whom you have blocked"
      "\\n/DisplayUsers - lists the users who are online"
      "\\n/DisplayAllUsers - lists all users who have ever been here"
      "\\n/Help - lists these commands"
      "\\n@<username> <message> - sends a private message" },
  };
  g_autoptr (Stage) stage = stage_new_with (three);

  stage_leave (stage, ZOE);
  stage_forget (stage);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *expected = g_strdup_printf ("['Ada','Ada',1700000000,'%s']", cases[i].answer);

      command (stage, ADA, "Ada", cases[i].content);
      stage_assert_seen (stage, ADA, expected);
      stage_assert_silence (stage);
    }
  g_assert_cmpuint (stage->entries->len, ==, 4);
}

static void
test_refused (void)
{
  static const struct
  {
    const char *content;
    const char *expected;
  } cases[] = {
    { "/Name, please", "!'Unknown command \\u201c/Name, please\\u201d; /Help lists the commands'" },
    { "/", "!'Unknown command \\u201c/\\u201d; /Help lists the commands'" },
    { "/Quit", "!'Unknown command \\u201c/Quit\\u201d; /Help lists the commands'" },
    { "//Name", "!'Unknown command \\u201c//Name\\u201d; /Help lists the commands'" },
    { "/12345678901234567890123456789012345",
      "!'Unknown command \\u201c/1234567890123456789012345678901\\u2026\\u201d; /Help lists the commands'" },
    { "/Block", "!'Whom? Usage: /Block <username>...'" },
    { "/block \t\n ", "!'Whom? Usage: /Block <username>...'" },
    { "/UnBlock", "!'Whom? Usage: /UnBlock <username>...'" },
  };
  g_autoptr (Stage) stage = stage_new_with (three);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      command (stage, ADA, "Ada", cases[i].content);
      stage_assert_seen (stage, ADA, cases[i].expected);
      stage_assert_silence (stage);
    }
  g_assert_cmpuint (stage->entries->len, ==, 3);
}

/* Only a message to oneself is a command, however one spells oneself. */
static void
test_is_command (void)
{
  static const struct
  {
    guint64     peer;
    const char *dest;
    const char *content;
    gboolean    is_command;
  } cases[] = {
    { ADA, "Ada", "/Name", TRUE },
    { ADA, "ADA", "/Name", TRUE },
    { ADA, "ada", "/nonsense", TRUE },
    { ZOE, "zoe\xcc\x88", "/Name", TRUE },
    { ADA, "Ada", "Name", FALSE },
    { ADA, "Ada", " /Name", FALSE },
    { ADA, "bob", "/Name", FALSE },
    { ADA, "ALL", "/Name", FALSE },
    { ADA, "eve", "/Name", FALSE },
    { 9, "Ada", "/Name", FALSE },
  };
  g_autoptr (Stage) stage = stage_new_with (three);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbMessage) message = cb_message_new ("Ada", cases[i].dest, 1, cases[i].content);

      g_assert_cmpint (cbs_room_is_command (stage->room, cases[i].peer, message), ==, cases[i].is_command);
    }

  stage_say (stage, ADA, "Ada", "ADA", "/Name");
  stage_assert_seen (stage, ADA, "['Ada','Ada',1,'Your username is Ada']");
  stage_say (stage, ADA, "Ada", "bob", "/Name");
  stage_assert_seen (stage, BOB, "['Ada','bob',1,'/Name']");
}

/* What blocks and their lifting answer, and what stands in the log for them. */
static void
test_relations (void)
{
  static const struct
  {
    const char *content;
    const char *answer;
    guint       n_stored;
    const char *blocked; /* the answer to /Blocked then */
  } cases[] = {
    { "/Block bob", "The following users will now be blocked: bob", 1,
      "You currently have these users blocked: bob" },
    { "/block BOB", "The following users will now be blocked: bob", 0,
      "You currently have these users blocked: bob" },
    { "/Block eve Ada bob ADA", "The following users will now be blocked: bob"
      "\\nNot known here, or yourself: eve Ada ADA", 0, "You currently have these users blocked: bob" },
    { "/Block zoe\xcc\x88 ZO\xc3\x8b bob", "The following users will now be blocked: Zo\\u00eb bob", 1,
      "You currently have these users blocked: Zo\\u00eb bob" },
    { "/Block eve", "The following users will now be blocked: \\nNot known here, or yourself: eve", 0,
      "You currently have these users blocked: Zo\\u00eb bob" },
    { "/UnBlock bob eve", "The following users will now be un-blocked: bob\\nNot blocked by you: eve", 1,
      "You currently have these users blocked: Zo\\u00eb" },
    { "/UnBlock bob", "The following users will now be un-blocked: \\nNot blocked by you: bob", 0,
      "You currently have these users blocked: Zo\\u00eb" },
    { "/unblock " ZOE_NFC " " ZOE_NFC, "The following users will now be un-blocked: Zo\\u00eb", 1,
      "You have no users blocked" },
  };
  g_autoptr (Stage) stage = stage_new_with (three);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const guint n_before = stage->entries->len;
      g_autofree char *answer = g_strdup_printf ("['Ada','Ada',1700000000,'%s']", cases[i].answer);
      g_autofree char *blocked = g_strdup_printf ("['Ada','Ada',1700000000,'%s']", cases[i].blocked);

      command (stage, ADA, "Ada", cases[i].content);
      stage_assert_seen (stage, ADA, answer);
      g_assert_cmpuint (stage->entries->len - n_before, ==, cases[i].n_stored);
      command (stage, ADA, "Ada", "/Blocked");
      stage_assert_seen (stage, ADA, blocked);
      stage_assert_silence (stage);
    }
}

/* An answer that claims something comes when all of it is stored. */
static void
test_answer_waits (void)
{
  g_autoptr (Stage) stage = stage_new_with (three);

  stage->is_held = TRUE;
  command (stage, ADA, "Ada", "/Block bob " ZOE_NFC);
  g_assert_cmpuint (stage->log.length, ==, 2);
  stage_assert_silence (stage);
  stage_commit_one (stage);
  stage_assert_silence (stage);
  stage_commit_one (stage);
  stage_assert_seen (stage, ADA, "['Ada','Ada',1700000000,'The following users will now be blocked: bob Zo\\u00eb']");
  g_assert_cmpint (((CbsEntry *) stage->entries->pdata[3])->kind, ==, CBS_ENTRY_BLOCK);
  g_assert_cmpstr (((CbsEntry *) stage->entries->pdata[3])->src, ==, "ada");
  g_assert_cmpstr (((CbsEntry *) stage->entries->pdata[3])->dest, ==, "bob");
}

/* One of two is not stored: an error for it, and no answer that says otherwise; the other holds. */
static void
test_half_failed (void)
{
  for (guint failing = 0; failing < 2; failing++)
    {
      g_autoptr (Stage) stage = stage_new_with (three);
      g_auto (GStrv) hidden = NULL;

      stage->is_held = TRUE;
      command (stage, ADA, "Ada", "/Block bob " ZOE_NFC);
      for (guint i = 0; i < 2; i++)
        {
          stage->is_full = i == failing;
          stage_commit_one (stage);
        }
      stage_assert_seen (stage, ADA, "!'The disk is full'");
      hidden = cbs_room_dup_hidden (stage->room, ADA);
      g_assert_cmpuint (g_strv_length (hidden), ==, 1);
      g_assert_cmpstr (hidden[0], ==, failing == 0 ? "zo\xc3\xab" : "bob");

      stage->is_full = FALSE;
      command (stage, ADA, "Ada", failing == 0 ? "/Block bob" : "/Block " ZOE_NFC);
      stage_commit (stage);
      g_assert_true (g_str_has_prefix (stage_get_seen (stage, ADA), "['Ada','Ada',1700000000,'The following"));
    }
}

/* Who leaves before its command is done gets no answer; the block holds all the same. */
static void
test_leave_before_answer (void)
{
  g_autoptr (Stage) stage = stage_new_with (three);

  stage->is_held = TRUE;
  command (stage, ADA, "Ada", "/Block bob");
  stage_leave (stage, ADA);
  stage_commit (stage);
  stage_assert_seen (stage, ADA, "");
  stage_log_in (stage, 9, "ada");
  stage_commit (stage);
  stage_forget (stage);
  stage_say (stage, BOB, "bob", "ALL", "x");
  stage_commit (stage);
  stage_assert_seen (stage, 9, "");
}

static void
test_too_many_names (void)
{
  g_autoptr (Stage) stage = stage_new (CBS_USER_LIST_NAMES, 1000);
  g_autoptr (GString) content = g_string_new ("/Block");

  stage_log_in (stage, ADA, "Ada");
  stage_forget (stage);
  for (guint i = 0; i < CBS_COMMAND_MAX_USERS; i++)
    g_string_append (content, " u");
  command (stage, ADA, "Ada", content->str);
  g_assert_true (g_str_has_prefix (stage_get_seen (stage, ADA), "['Ada'"));
  stage_forget (stage);

  g_string_append (content, " u");
  command (stage, ADA, "Ada", content->str);
  stage_assert_seen (stage, ADA, "!'The command names 101 users; the limit is 100'");
}

/* Lists of a large room end with a count. */
static void
test_long_lists (void)
{
  static const char *const commands[] = { "/DisplayUsers", "/DisplayAllUsers" };
  g_autoptr (Stage) stage = stage_new (CBS_USER_LIST_NAMES, 1000);

  for (guint i = 1; i <= 1000; i++)
    {
      g_autofree char *name = g_strdup_printf ("u%u", i);

      stage_log_in (stage, i, name);
      /* Nobody has to be told of it. */
      g_hash_table_remove_all (stage->online);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      stage_forget (stage);
      command (stage, 1, "u1", commands[i]);
      g_assert_nonnull (strstr (stage_get_seen (stage, 1), "\\nu1000"));
      g_assert_null (strstr (stage_get_seen (stage, 1), "more"));
    }

  stage_log_in (stage, 1001, "v1");
  stage_log_in (stage, 1002, "v2");
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      stage_forget (stage);
      command (stage, 1, "u1", commands[i]);
      g_assert_null (strstr (stage_get_seen (stage, 1), "\\nv1"));
      g_assert_true (g_str_has_suffix (stage_get_seen (stage, 1), "\\n... and 2 more']"));
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/room/commands/answers", test_answers);
  g_test_add_func ("/room/commands/refused", test_refused);
  g_test_add_func ("/room/commands/is-command", test_is_command);
  g_test_add_func ("/room/commands/relations", test_relations);
  g_test_add_func ("/room/commands/answer-waits", test_answer_waits);
  g_test_add_func ("/room/commands/half-failed", test_half_failed);
  g_test_add_func ("/room/commands/leave-before-answer", test_leave_before_answer);
  g_test_add_func ("/room/commands/too-many-names", test_too_many_names);
  g_test_add_func ("/room/commands/long-lists", test_long_lists);

  return g_test_run ();
}
