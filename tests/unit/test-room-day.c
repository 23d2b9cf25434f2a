/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "room-stage.h"

/* A day of chat, beside a model that walks through all users for everything: who is here, who hides
 * from whom, and so what each peer has to be sent, line for line. */

#define N_USERS 6
#define N_STEPS 3000
#define MAX_CONNECTED 9

static const char *const spellings[N_USERS][3] = {
  { "ada", "Ada", "ADA" }, { "bob", "Bob", "BOB" }, { "cid", "Cid", "CID" },
  { "dan", "Dan", "DAN" }, { "eve", "Eve", "EVE" }, { "fay", "Fay", "FAY" },
};

typedef enum
{
  OUT, /* connected, without a name */
  JOINING,
  HERE,
  GONE,
} State;

typedef struct
{
  guint64     number;
  State       state;
  guint       user;
  const char *name; /* as it asked for it */
  guint       n_pending;
} Peer;

typedef struct
{
  guint64     peer; /* 0: offline */
  const char *shown; /* NULL: never here */
  gboolean    blocks[N_USERS];
} User;

/* What is on the way to the log. */
typedef struct
{
  CbsEntryKind kind;
  Peer        *peer;
  guint        user;
  int          target; /* a user; -1: everybody */
  char        *line;   /* MESSAGE: the tuple; BLOCK, UNBLOCK: the answer */
} Pending;

typedef struct
{
  Stage     *stage;
  Stage     *expected; /* only its texts */
  User       users[N_USERS];
  GPtrArray *peers;     /* of Peer, all that ever were */
  GPtrArray *connected; /* of Peer */
  GPtrArray *online;    /* of User */
  GQueue     pending;
} Day;

static void
pending_free (Pending *pending)
{
  g_free (pending->line);
  g_free (pending);
}

G_GNUC_PRINTF (3, 4)
static void
expect (Day        *day,
        guint64     peer,
        const char *format,
        ...)
{
  g_autofree char *line = NULL;
  va_list args;

  va_start (args, format);
  line = g_strdup_vprintf (format, args);
  va_end (args);
  stage_write (day->expected, peer, "", line, strlen (line));
}

/* To all who are here but one, and but those hidden from a user, if any. */
static void
expect_all (Day        *day,
            guint64     except,
            int         hidden_from,
            const char *line)
{
  for (guint i = 0; i < day->peers->len; i++)
    {
      const Peer *peer = day->peers->pdata[i];

      if (peer->state != HERE || peer->number == except)
        continue;
      if (hidden_from >= 0 && (day->users[hidden_from].blocks[peer->user] ||
                               day->users[peer->user].blocks[hidden_from]))
        continue;
      expect (day, peer->number, "%s", line);
    }
}

static void
push (Day         *day,
      CbsEntryKind kind,
      Peer        *peer,
      int          target,
      char        *line)
{
  Pending *pending = g_new0 (Pending, 1);

  pending->kind = kind;
  pending->peer = peer;
  pending->user = peer->user;
  pending->target = target;
  pending->line = line;
  peer->n_pending++;
  g_queue_push_tail (&day->pending, pending);
}

static void
commit_join (Day  *day,
             Peer *peer)
{
  User *user = &day->users[peer->user];
  g_autofree char *line = g_strdup_printf ("+'%s'", peer->name);
  g_autoptr (GString) names = g_string_new (NULL);

  if (user->peer != 0)
    {
      if (peer->state == JOINING)
        expect (day, peer->number, "refused 'The name is in use'");
      peer->state = peer->state == JOINING ? OUT : GONE;
      return;
    }

  user->peer = peer->number;
  user->shown = peer->name;
  g_ptr_array_add (day->online, user);
  expect_all (day, 0, -1, line);
  if (peer->state == GONE)
    {
      push (day, CBS_ENTRY_LEAVE, peer, -1, NULL);
      return;
    }

  peer->state = HERE;
  for (guint i = 0; i < day->online->len; i++)
    g_string_append_printf (names, "%s'%s'", i > 0 ? "," : "", ((User *) day->online->pdata[i])->shown);
  expect (day, peer->number, "accepted [%s]", names->str);
}

static void
commit_message (Day           *day,
                const Pending *pending)
{
  const User *src = &day->users[pending->user];
  const User *dest = pending->target >= 0 ? &day->users[pending->target] : NULL;

  if (dest == NULL)
    expect_all (day, 0, (int) pending->user, pending->line);
  else if (dest->peer != 0 && !src->blocks[pending->target] && !dest->blocks[pending->user])
    expect (day, dest->peer, "%s", pending->line);
}

static void
commit_one (Day *day)
{
  Pending *pending = g_queue_pop_head (&day->pending);
  g_autofree char *line = NULL;
  User *user = NULL;

  g_assert_cmpint (stage_commit_one (day->stage), ==, pending != NULL);
  if (pending == NULL)
    return;

  user = &day->users[pending->user];
  pending->peer->n_pending--;
  switch ((int) pending->kind)
    {
    case CBS_ENTRY_JOIN:
      commit_join (day, pending->peer);
      break;
    case CBS_ENTRY_LEAVE:
      user->peer = 0;
      g_ptr_array_remove (day->online, user);
      line = g_strdup_printf ("-'%s'", user->shown);
      expect_all (day, 0, -1, line);
      break;
    case CBS_ENTRY_MESSAGE:
      commit_message (day, pending);
      break;
    default:
      user->blocks[pending->target] = pending->kind == CBS_ENTRY_BLOCK;
      if (pending->peer->state == HERE)
        expect (day, pending->peer->number, "%s", pending->line);
      break;
    }
  pending_free (pending);
}

/* Somebody who is connected. */
static Peer *
pick_peer (Day *day)
{
  const guint i = (guint) g_test_rand_int_range (0, MAX_CONNECTED);
  Peer *peer = NULL;

  if (i < day->connected->len)
    return day->connected->pdata[i];

  peer = g_new0 (Peer, 1);
  peer->number = day->peers->len + 1;
  g_ptr_array_add (day->peers, peer);
  g_ptr_array_add (day->connected, peer);
  return peer;
}

static const char *
pick_spelling (guint user)
{
  return spellings[user][g_test_rand_int_range (0, 3)];
}

static void
log_in (Day  *day,
        Peer *peer)
{
  const guint user = (guint) g_test_rand_int_range (0, N_USERS);
  const char *name = pick_spelling (user);

  if (peer->state == OUT)
    {
      peer->user = user;
      peer->name = name;
      peer->state = JOINING;
      push (day, CBS_ENTRY_JOIN, peer, -1, NULL);
    }
  else
    expect (day, peer->number, "refused 'You are logged in as \\u201c%s\\u201d'", peer->name);
  stage_log_in (day->stage, peer->number, name);
}

static void
leave (Day  *day,
       Peer *peer)
{
  if (peer->state == HERE)
    push (day, CBS_ENTRY_LEAVE, peer, -1, NULL);
  peer->state = GONE;
  g_ptr_array_remove (day->connected, peer);
  stage_leave (day->stage, peer->number);
}

static void
say_public (Day   *day,
            Peer  *peer,
            gint64 now)
{
  const char *src = peer->state == HERE ? peer->name : "ada";

  if (peer->state == HERE)
    push (day, CBS_ENTRY_MESSAGE, peer, -1, g_strdup_printf ("['%s','ALL',%d,'hi']", src, (int) now));
  else
    expect (day, peer->number, "!'Log in before you send messages'");
  stage_say_at (day->stage, peer->number, src, "ALL", now, "hi");
}

static void
say_private (Day   *day,
             Peer  *peer,
             gint64 now)
{
  const guint target = (guint) g_test_rand_int_range (0, N_USERS);
  const char *dest = pick_spelling (target);

  if (day->users[target].shown == NULL)
    expect (day, peer->number, "!'No user \\u201c%s\\u201d has ever been here'", dest);
  else if (day->users[peer->user].blocks[target])
    expect (day, peer->number, "!'You have blocked \\u201c%s\\u201d: nothing was sent'",
            day->users[target].shown);
  else
    push (day, CBS_ENTRY_MESSAGE, peer, (int) target,
          g_strdup_printf ("['%s','%s',%d,'psst']", peer->name, dest, (int) now));
  stage_say_at (day->stage, peer->number, peer->name, dest, now, "psst");
}

/* As the server does, a command waits until all that its peer said before is done. */
static void
run_command (Day   *day,
             Peer  *peer,
             gint64 now)
{
  const gboolean blocking = g_test_rand_bit ();
  const guint target = (guint) g_test_rand_int_range (0, N_USERS);
  const char *word = pick_spelling (target);
  const User *user = &day->users[peer->user];
  const gboolean is_sane = day->users[target].shown != NULL && target != peer->user &&
                           (blocking || user->blocks[target]);
  g_autofree char *content = g_strdup_printf ("%s %s", blocking ? "/Block" : "/UnBlock", word);
  g_autofree char *rejected = g_strdup_printf ("%s%s", blocking ? "\\nNot known here, or yourself: "
                                               : "\\nNot blocked by you: ", word);
  g_autofree char *answer = NULL;

  if (peer->n_pending > 0)
    return;

  answer = g_strdup_printf ("['%s','%s',%d,'The following users will now be %s: %s%s']",
                            peer->name, peer->name, (int) now, blocking ? "blocked" : "un-blocked",
                            is_sane ? day->users[target].shown : "", is_sane ? "" : rejected);
  if (is_sane && user->blocks[target] != blocking)
    push (day, blocking ? CBS_ENTRY_BLOCK : CBS_ENTRY_UNBLOCK, peer, (int) target, g_steal_pointer (&answer));
  else
    expect (day, peer->number, "%s", answer);
  stage_say_at (day->stage, peer->number, peer->name, pick_spelling (peer->user), now, content);
}

static void
lie (Day  *day,
     Peer *peer)
{
  expect (day, peer->number, "!'SRC is \\u201ceva\\u201d, but you are \\u201c%s\\u201d'", peer->name);
  stage_say (day->stage, peer->number, "eva", "ALL", "I am eva");
}

static void
do_something (Day   *day,
              gint64 now)
{
  Peer *peer = pick_peer (day);
  const int choice = g_test_rand_int_range (0, 20);

  if (choice < 2)
    leave (day, peer);
  else if (choice < 4 || (peer->state == OUT && choice < 19))
    log_in (day, peer);
  else if (peer->state != HERE || choice < 9)
    say_public (day, peer, now);
  else if (choice < 15)
    say_private (day, peer, now);
  else if (choice < 19)
    run_command (day, peer, now);
  else
    lie (day, peer);
}

static void
compare (Day *day)
{
  for (guint i = 0; i < day->peers->len; i++)
    {
      const Peer *peer = day->peers->pdata[i];
      g_auto (GStrv) hidden = NULL;

      stage_assert_seen (day->stage, peer->number, stage_get_seen (day->expected, peer->number));
      if (peer->state != HERE)
        continue;
      hidden = cbs_room_dup_hidden (day->stage->room, peer->number);
      for (guint j = 0; j < N_USERS; j++)
        g_assert_cmpint (g_strv_contains ((const char *const *) hidden, spellings[j][0]), ==,
                         day->users[peer->user].blocks[j] || day->users[j].blocks[peer->user]);
    }

  stage_forget (day->expected);
  stage_assert_silence (day->stage);
  g_assert_cmpuint (cbs_room_count_online (day->stage->room), ==, day->online->len);
}

static void
test_day (void)
{
  Day day = { 0, };

  day.stage = stage_new (CBS_USER_LIST_NAMES, 1000);
  day.stage->is_held = TRUE;
  day.expected = stage_new (CBS_USER_LIST_NAMES, 1000);
  day.peers = g_ptr_array_new_with_free_func (g_free);
  day.connected = g_ptr_array_new ();
  day.online = g_ptr_array_new ();
  g_queue_init (&day.pending);

  for (gint64 now = 0; now < N_STEPS; now++)
    {
      do_something (&day, now);
      for (int n = g_test_rand_int_range (0, 4); n > 0; n--)
        commit_one (&day);
      compare (&day);
    }
  while (day.pending.length > 0)
    commit_one (&day);
  compare (&day);
  g_assert_cmpuint (day.stage->log.length, ==, 0);
  g_assert_cmpuint (day.stage->entries->len, >, N_STEPS / 4);

  stage_free (day.stage);
  stage_free (day.expected);
  g_ptr_array_unref (day.peers);
  g_ptr_array_unref (day.connected);
  g_ptr_array_unref (day.online);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/room/day", test_day);

  return g_test_run ();
}
