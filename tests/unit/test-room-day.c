/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "room-stage.h"

/* A day of chat, beside a model that walks through all users for everything: who is here, who hides
 * from whom, and so what each peer has to be sent, line for line. Once all peers are plain; once they
 * have announced this or that, and users own their names and are here several times. */

#define N_USERS 6
#define N_STEPS 3000
#define MAX_CONNECTED 9
#define N_TOKENS 40
#define OWNED "The name \\u201c%s\\u201d belongs to somebody else's key"

static const char *const spellings[N_USERS][3] = {
  { "ada", "Ada", "ADA" }, { "bob", "Bob", "BOB" }, { "cid", "Cid", "CID" },
  { "dan", "Dan", "DAN" }, { "eve", "Eve", "EVE" }, { "fay", "Fay", "FAY" },
};

static const char *const keys[N_USERS] = {
  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
  "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
  "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
  "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
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
  CbFeatures  features;
  gboolean    has_key; /* its user's */
} Peer;

typedef struct
{
  GPtrArray  *peers; /* of Peer, in the order of their joins */
  const char *shown; /* NULL: never here */
  gboolean    is_owned;
  gboolean    blocks[N_USERS];
} User;

/* What is on the way to the log. */
typedef struct
{
  CbsEntryKind kind;
  Peer        *peer;
  guint        user;
  int          target; /* a user; -1: everybody */
  char        *line;   /* MESSAGE: the tuple without its end; BLOCK, UNBLOCK: the answer */
  char        *token;  /* MESSAGE: NULL: none */
} Pending;

/* What has a token. */
typedef struct
{
  char *line;
  guint seq;
} Stored;

typedef struct
{
  Stage      *stage;
  Stage      *expected; /* only its texts */
  User        users[N_USERS];
  GPtrArray  *peers;    /* of Peer, all that ever were */
  GPtrArray  *connected; /* of Peer */
  GPtrArray  *online;   /* of User */
  GQueue      pending;
  gboolean    is_plain;
  guint       seq;   /* of what was committed last */
  GHashTable *tokens; /* of Stored, by token */
} Day;

static void
pending_free (Pending *pending)
{
  g_free (pending->line);
  g_free (pending->token);
  g_free (pending);
}

static void
stored_free (gpointer data)
{
  Stored *stored = data;

  g_free (stored->line);
  g_free (stored);
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

/* A message in the form that a peer has asked for. */
static void
expect_message (Day        *day,
                const Peer *peer,
                const char *line,
                guint       seq,
                const char *token)
{
  if ((peer->features & CB_FEATURE_MESSAGE_IDS) == 0)
    expect (day, peer->number, "%s]", line);
  else if (token == NULL)
    expect (day, peer->number, "%s,{'id':%u}]", line, seq);
  else
    expect (day, peer->number, "%s,{'id':%u,'token':'%s'}]", line, seq, strchr (token, ' ') + 1);
}

static gboolean
is_hidden (Day  *day,
           guint user,
           guint other)
{
  return day->users[user].blocks[other] || day->users[other].blocks[user];
}

/* To all who are here but one. */
static void
expect_all (Day        *day,
            guint64     except,
            const char *line)
{
  for (guint i = 0; i < day->peers->len; i++)
    {
      const Peer *peer = day->peers->pdata[i];

      if (peer->state == HERE && peer->number != except)
        expect (day, peer->number, "%s", line);
    }
}

static Pending *
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
  return pending;
}

/* Why a peer does not get the name that it has asked for; NULL: it does. */
static char *
find_refusal (const User *user,
              const Peer *peer)
{
  if (user->is_owned && !peer->has_key)
    return g_strdup_printf (OWNED, peer->name);
  if (!user->is_owned && user->peers->len > 0)
    return g_strdup ("The name is in use");

  return NULL;
}

static void
commit_join (Day  *day,
             Peer *peer)
{
  User *user = &day->users[peer->user];
  g_autofree char *line = g_strdup_printf ("+'%s'", peer->name);
  g_autofree char *refusal = find_refusal (user, peer);
  g_autoptr (GString) names = g_string_new (NULL);

  if (refusal != NULL)
    {
      if (peer->state == JOINING)
        expect (day, peer->number, "refused '%s'", refusal);
      peer->state = peer->state == JOINING ? OUT : GONE;
      return;
    }

  day->seq++;
  user->is_owned |= peer->has_key;
  if (user->peers->len == 0)
    {
      user->shown = peer->name;
      g_ptr_array_add (day->online, user);
      expect_all (day, 0, line);
    }
  g_ptr_array_add (user->peers, peer);
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
commit_leave (Day  *day,
              Peer *peer)
{
  User *user = &day->users[peer->user];
  g_autofree char *line = g_strdup_printf ("-'%s'", user->shown);

  day->seq++;
  g_ptr_array_remove (user->peers, peer);
  if (user->peers->len > 0)
    return;

  g_ptr_array_remove (day->online, user);
  expect_all (day, 0, line);
}

/* Whether a peer is sent what another one has said. */
static gboolean
is_sent (Day           *day,
         const Peer    *peer,
         const Pending *pending)
{
  const gboolean is_own = peer->user == pending->user;

  if (pending->target < 0)
    return peer->state == HERE && !is_hidden (day, peer->user, pending->user);
  if (!g_ptr_array_find (day->users[peer->user].peers, peer, NULL))
    return FALSE;
  if (pending->target == (int) peer->user)
    return is_own || !is_hidden (day, peer->user, pending->user);

  return is_own && peer->state == HERE && (peer->features & CB_FEATURE_MESSAGE_IDS) != 0;
}

static void
commit_message (Day           *day,
                const Pending *pending)
{
  const gboolean is_here = pending->peer->state == HERE;
  Stored *stored = NULL;

  if (pending->token != NULL)
    stored = g_hash_table_lookup (day->tokens, pending->token);
  if (stored != NULL)
    {
      if (is_here)
        expect_message (day, pending->peer, stored->line, stored->seq, pending->token);
      return;
    }

  day->seq++;
  if (pending->token != NULL)
    {
      stored = g_new0 (Stored, 1);
      stored->line = g_strdup (pending->line);
      stored->seq = day->seq;
      g_hash_table_insert (day->tokens, g_strdup (pending->token), stored);
    }
  for (guint i = 0; i < day->peers->len; i++)
    {
      const Peer *peer = day->peers->pdata[i];

      if (is_sent (day, peer, pending))
        expect_message (day, peer, pending->line, day->seq,
                        peer == pending->peer && is_here ? pending->token : NULL);
    }
}

static int
compare_texts (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
commit_relation (Day           *day,
                 const Pending *pending)
{
  User *user = &day->users[pending->user];
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autoptr (GString) list = g_string_new (NULL);

  day->seq++;
  user->blocks[pending->target] = pending->kind == CBS_ENTRY_BLOCK;
  if (pending->peer->state == HERE)
    expect (day, pending->peer->number, "%s", pending->line);

  for (guint i = 0; i < N_USERS; i++)
    {
      if (user->blocks[i])
        g_ptr_array_add (names, (gpointer) day->users[i].shown);
    }
  g_ptr_array_sort (names, compare_texts);
  for (guint i = 0; i < names->len; i++)
    g_string_append_printf (list, "%s'%s'", i > 0 ? "," : "", (const char *) names->pdata[i]);
  for (guint i = 0; i < user->peers->len; i++)
    {
      const Peer *peer = user->peers->pdata[i];

      if (peer != pending->peer && peer->state == HERE && (peer->features & CB_FEATURE_BLOCKS) != 0)
        expect (day, peer->number, "{'BLOCKS':[%s]}", list->str);
    }
}

static void
commit_one (Day *day)
{
  Pending *pending = g_queue_pop_head (&day->pending);

  g_assert_cmpint (stage_commit_one (day->stage), ==, pending != NULL);
  if (pending == NULL)
    return;

  pending->peer->n_pending--;
  switch ((int) pending->kind)
    {
    case CBS_ENTRY_JOIN:
      commit_join (day, pending->peer);
      break;
    case CBS_ENTRY_LEAVE:
      commit_leave (day, pending->peer);
      break;
    case CBS_ENTRY_MESSAGE:
      commit_message (day, pending);
      break;
    default:
      commit_relation (day, pending);
      break;
    }
  pending_free (pending);
  g_assert_cmpuint (day->stage->entries->len, ==, day->seq);
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

/* What a peer announces, and whether it shows the key of its user. */
static void
announce (Day  *day,
          Peer *peer)
{
  if (day->is_plain)
    return;

  peer->features = g_test_rand_int_range (0, 4) > 0 ? CB_FEATURE_IDENTITY : 0;
  peer->features |= g_test_rand_bit () ? CB_FEATURE_MESSAGE_IDS : 0;
  peer->features |= g_test_rand_bit () ? CB_FEATURE_BLOCKS : 0;
  peer->has_key = (peer->features & CB_FEATURE_IDENTITY) != 0;
  stage_announce (day->stage, peer->number, peer->features, keys[peer->user]);
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
      announce (day, peer);
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

/* Says something, now and then with a token that may have been used before; it counts with ids only. */
static void
say (Day        *day,
     Peer       *peer,
     Pending    *pending,
     const char *dest,
     gint64      now,
     const char *content)
{
  const char *src = peer->state == HERE ? peer->name : "ada";
  g_autofree char *token = NULL;
  g_autoptr (CbMessage) message = NULL;

  if (!day->is_plain && g_test_rand_bit ())
    token = g_strdup_printf ("t%d", g_test_rand_int_range (0, N_TOKENS));
  if (token != NULL && pending != NULL && (peer->features & CB_FEATURE_MESSAGE_IDS) != 0)
    pending->token = g_strdup_printf ("%u %s", peer->user, token);
  message = cb_message_new_full (src, dest, now, content, 0, token);
  stage_say_full (day->stage, peer->number, message, CBS_NO_REQUEST);
}

static void
say_public (Day   *day,
            Peer  *peer,
            gint64 now)
{
  Pending *pending = NULL;

  if (peer->state == HERE)
    pending = push (day, CBS_ENTRY_MESSAGE, peer, -1,
                    g_strdup_printf ("['%s','ALL',%d,'hi'", peer->name, (int) now));
  else
    expect (day, peer->number, "!'Log in before you send messages'");
  say (day, peer, pending, "ALL", now, "hi");
}

static void
say_private (Day   *day,
             Peer  *peer,
             gint64 now)
{
  const guint target = (guint) g_test_rand_int_range (0, N_USERS);
  const char *dest = pick_spelling (target);
  Pending *pending = NULL;

  if (day->users[target].shown == NULL)
    expect (day, peer->number, "!'No user \\u201c%s\\u201d has ever been here'", dest);
  else if (day->users[peer->user].blocks[target])
    expect (day, peer->number, "!'You have blocked \\u201c%s\\u201d: nothing was sent'",
            day->users[target].shown);
  else
    pending = push (day, CBS_ENTRY_MESSAGE, peer, (int) target,
                    g_strdup_printf ("['%s','%s',%d,'psst'", peer->name, dest, (int) now));
  say (day, peer, pending, dest, now, "psst");
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

      /* There is nobody any more who could get what is still meant for it. */
      if (peer->state == GONE)
        g_hash_table_remove (day->stage->seen, &peer->number);
      else
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
test_day (gconstpointer data)
{
  Day day = { .is_plain = GPOINTER_TO_INT (data), };

  day.stage = stage_new (CBS_USER_LIST_NAMES, 1000);
  day.stage->is_held = TRUE;
  day.expected = stage_new (CBS_USER_LIST_NAMES, 1000);
  day.peers = g_ptr_array_new_with_free_func (g_free);
  day.connected = g_ptr_array_new ();
  day.online = g_ptr_array_new ();
  day.tokens = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, stored_free);
  for (guint i = 0; i < N_USERS; i++)
    day.users[i].peers = g_ptr_array_new ();
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
  for (guint i = 0; i < N_USERS; i++)
    g_ptr_array_unref (day.users[i].peers);
  g_hash_table_unref (day.tokens);
  g_ptr_array_unref (day.peers);
  g_ptr_array_unref (day.connected);
  g_ptr_array_unref (day.online);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_data_func ("/room/day/plain", GINT_TO_POINTER (TRUE), test_day);
  g_test_add_data_func ("/room/day/announced", GINT_TO_POINTER (FALSE), test_day);

  return g_test_run ();
}
