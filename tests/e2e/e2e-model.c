/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <sqlite3.h>
#include <string.h>

#include "common/test-history.h"
#include "common/test-peer.h"
#include "common/test-program.h"
#include "common/test-proxy.h"
#include "common/test-wait.h"
#include "libchatterbox/cb-account-private.h"
#include "libchatterbox/cb-identity.h"

/* How many histories a run checks, unless CHATTERBOX_TEST_HISTORIES says otherwise; under a sanitizer
 * each takes ten seconds. CHATTERBOX_TEST_HISTORY has them all begin from that seed. */
#define N_HISTORIES (TEST_MEASURES_MEMORY ? 40u : 6u)

#define MAX_SHRINKING_RUNS 200

/* How long all may take until they agree. */
#define CONVERGENCE_S 20

/* A wait ends after that even if nothing is told. */
#define WAIT_MS 20

#define N_IDENTITIES 12

typedef struct
{
  gint64 id;
  char  *source;
  char  *destination;
  char  *content;
} Seen;

/* What somebody said. */
typedef struct
{
  char    *token;
  char    *destination;
  char    *content;
  gint64   time_s;
  guint    client;
  guint    generation;
  gint64   id;      /* of the acknowledgement; 0: none has come */
  gboolean refused; /* or given up by somebody who is gone */
} Said;

typedef struct _World World;

/* Somebody who has a name, and a client that dies and comes back. */
typedef struct
{
  World           *world;
  guint            index;
  guint            generation;
  char            *name;
  GTlsCertificate *identity;
  TestProxy       *proxy;
  CbAccount       *account;
  GPtrArray       *seen;
  char            *log_id; /* what the client keeps beyond its death */
  gint64           position;
  gint64           first; /* of the log: what came before is not asked for */
  gint64           since; /* what came before was somebody else's */
  guint            n_told;
} Client;

struct _World
{
  TestServer *server;
  GPtrArray  *identities;
  guint       n_identities;
  guint       n_histories;
  guint       n_said;
  guint       n_clients;
  Client      clients[3];
  GPtrArray  *said;   /* of Said, by all of them, in order */
  GPtrArray  *former; /* of Seen lists: of who had a name before */
  sqlite3    *db;
  gint64      start;  /* end of the log when the history began */
};

/* An entry of the log. */
typedef struct
{
  gint64 seq;
  int    kind;
  char  *src;
  char  *dest;
  char  *content;
} Entry;

static void
seen_free (Seen *self)
{
  g_free (self->source);
  g_free (self->destination);
  g_free (self->content);
  g_free (self);
}

static void
said_free (Said *self)
{
  g_free (self->token);
  g_free (self->destination);
  g_free (self->content);
  g_free (self);
}

static void
entry_free (Entry *self)
{
  g_free (self->src);
  g_free (self->dest);
  g_free (self->content);
  g_free (self);
}

static Said *
find_said (World      *world,
           const char *token)
{
  for (guint i = 0; i < world->said->len; i++)
    {
      Said *said = g_ptr_array_index (world->said, i);

      if (g_strcmp0 (said->token, token) == 0)
        return said;
    }
  return NULL;
}

static void
message_cb (CbAccount *account,
            CbMessage *message,
            gboolean   is_history,
            gpointer   user_data)
{
  Client *client = user_data;
  Seen *seen = g_new0 (Seen, 1);

  seen->id = cb_message_get_id (message);
  seen->source = g_strdup (cb_message_get_source (message));
  seen->destination = g_strdup (cb_message_get_destination (message));
  seen->content = g_strdup (cb_message_get_content (message));
  g_ptr_array_add (client->seen, seen);
  client->n_told++;
}

static void
acknowledged_cb (CbAccount  *account,
                 const char *token,
                 CbMessage  *message,
                 gpointer    user_data)
{
  Client *client = user_data;
  Said *said = find_said (client->world, token);

  if (said != NULL)
    said->id = message != NULL ? cb_message_get_id (message) : -1;
  client->n_told++;
}

static void
refused_cb (CbAccount    *account,
            const char   *token,
            const GError *error,
            gpointer      user_data)
{
  Client *client = user_data;
  Said *said = find_said (client->world, token);

  if (said != NULL)
    said->refused = TRUE;
  client->n_told++;
}

static gboolean
timed_out_cb (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
  return G_SOURCE_REMOVE;
}

/* Joins, as often as it takes: its link may break at any time. */
static gboolean
join (Client *client)
{
  for (guint i = 0; i < 50; i++)
    {
      g_autoptr (GAsyncResult) result = NULL;
      g_autoptr (GError) error = NULL;

      cb_account_join_async (client->account, client->name, NULL, test_wait_store_cb, &result);
      test_wait_for (&result, "join");
      if (cb_account_join_finish (client->account, result, &error))
        return TRUE;
      g_test_message ("%s did not get in: %s", client->name, error->message);
    }
  return FALSE;
}

static gint64
ask (World      *world,
     const char *sql,
     const char *text)
{
  sqlite3_stmt *statement = NULL;
  gint64 value = 0;

  g_assert_cmpint (sqlite3_prepare_v2 (world->db, sql, -1, &statement, NULL), ==, SQLITE_OK);
  if (text != NULL)
    sqlite3_bind_text (statement, 1, text, -1, SQLITE_STATIC);
  if (sqlite3_step (statement) == SQLITE_ROW)
    value = sqlite3_column_int64 (statement, 0);
  sqlite3_finalize (statement);
  return value;
}

/* Whoever comes knows the log already, up to there. */
static void
set_first (Client *client,
           gint64  first)
{
  World *world = client->world;
  sqlite3_stmt *statement = NULL;

  g_assert_cmpint (sqlite3_prepare_v2 (world->db, "SELECT value FROM meta WHERE name = 'id'", -1, &statement, NULL),
                   ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_step (statement), ==, SQLITE_ROW);
  g_free (client->log_id);
  client->log_id = g_strdup ((const char *) sqlite3_column_text (statement, 0));
  sqlite3_finalize (statement);
  client->first = first;
  client->position = first;
}

/* Starts a client with what its last life has kept. */
static gboolean
start_client (Client *client)
{
  World *world = client->world;
  g_autoptr (CbConnector) connector = NULL;

  client->proxy = test_proxy_new (world->server->address);
  connector = cb_connector_new (test_proxy_get_address (client->proxy));
  cb_connector_set_ca_file (connector, world->server->certs->ca);
  client->account = cb_account_new (connector);
  g_object_set (client->account, "reconnects", TRUE, "identity", client->identity, NULL);
  cb_backoff_init (&client->account->backoff, 1, 8);
  if (client->log_id != NULL)
    cb_account_set_position (client->account, client->log_id, client->position);
  g_signal_connect (client->account, "message", G_CALLBACK (message_cb), client);
  g_signal_connect (client->account, "acknowledged", G_CALLBACK (acknowledged_cb), client);
  g_signal_connect (client->account, "refused", G_CALLBACK (refused_cb), client);

  for (guint i = 0; i < world->said->len; i++)
    {
      const Said *said = g_ptr_array_index (world->said, i);
      g_autoptr (GError) error = NULL;

      if (said->client != client->index || said->generation != client->generation || said->id != 0 || said->refused)
        continue;
      cb_account_resend (client->account, said->token, said->destination, said->content, said->time_s, &error);
      g_assert_no_error (error);
    }
  return join (client);
}

/* As a crash does: nothing is said, and nothing more is kept. */
static void
kill_client (Client *client)
{
  if (client->account == NULL)
    return;

  g_signal_handlers_disconnect_by_data (client->account, client);
  g_free (client->log_id);
  client->log_id = g_strdup (cb_account_get_log_id (client->account));
  client->position = cb_account_get_position (client->account);
  g_clear_pointer (&client->proxy, test_proxy_free);
  g_clear_object (&client->account);
}

/* New links lead nowhere while the server is away: its port may be somebody else's already. */
static void
set_links (World      *world,
           const char *target)
{
  for (guint i = 0; i < world->n_clients; i++)
    {
      if (world->clients[i].proxy != NULL)
        test_proxy_set_target (world->clients[i].proxy, target);
    }
}

static void
kill_server (World *world)
{
  set_links (world, NULL);
  test_server_kill (world->server);
  test_server_restart (world->server);
  set_links (world, world->server->address);
}

static GTlsCertificate *
take_identity (World *world)
{
  return g_object_ref (g_ptr_array_index (world->identities, world->n_identities++ % world->identities->len));
}

/* The administrator releases the name, and somebody else takes it. */
static gboolean
change_owner (Client *client)
{
  World *world = client->world;
  g_autofree char *release = g_strdup_printf ("--release-name=%s", client->name);
  g_autofree char *state = g_strdup_printf ("--state-directory=%s", world->server->state_directory);
  g_autoptr (TestProgram) program = NULL;

  kill_client (client);
  set_links (world, NULL);
  g_assert_cmpint (test_server_stop (world->server), ==, 0);
  program = test_program_spawn ((const char *const[]) {
    g_getenv ("CHATTERBOX_TEST_CHATTERBOXD"), release, state, NULL,
  });
  g_assert_cmpint (test_program_wait (program), ==, 0);
  test_server_restart (world->server);
  set_links (world, world->server->address);

  for (guint i = 0; i < world->said->len; i++)
    {
      Said *said = g_ptr_array_index (world->said, i);

      if (said->client == client->index && said->generation == client->generation && said->id == 0)
        said->refused = TRUE;
    }
  g_ptr_array_add (world->former, g_steal_pointer (&client->seen));
  client->seen = g_ptr_array_new_with_free_func ((GDestroyNotify) seen_free);
  client->generation++;
  /* The new owner asks for all of it. */
  set_first (client, world->start);
  g_clear_object (&client->identity);
  client->identity = take_identity (world);
  if (!start_client (client))
    return FALSE;
  client->since = ask (world, "SELECT since FROM users WHERE key = ?", client->name);
  return TRUE;
}

static void
say (Client     *client,
     const char *destination)
{
  World *world = client->world;
  Said *said = g_new0 (Said, 1);
  g_autoptr (GError) error = NULL;

  said->destination = g_strdup (destination);
  said->content = g_strdup_printf ("%u.%u", world->n_histories, world->n_said++);
  said->client = client->index;
  said->generation = client->generation;
  said->time_s = g_get_real_time () / G_USEC_PER_SEC;
  said->token = cb_account_send (client->account, destination, said->content, &error);
  g_assert_no_error (error);
  g_ptr_array_add (world->said, said);
}

static void
command (Client     *client,
         const char *command,
         const char *name)
{
  g_autofree char *text = g_strdup_printf ("/%s %s", command, name);
  g_autoptr (GError) error = NULL;

  cb_account_say (client->account, client->name, text, &error);
  g_assert_no_error (error);
}

/* Lets time pass until the client has been told more. */
static void
wait_for_news (Client *client,
               guint   n_news)
{
  const guint wanted = client->n_told + n_news;
  gboolean timed_out = FALSE;
  const guint timeout = g_timeout_add (WAIT_MS, timed_out_cb, &timed_out);

  while (client->n_told < wanted && !timed_out)
    g_main_context_iteration (NULL, TRUE);
  if (!timed_out)
    g_source_remove (timeout);
}

static gboolean
take_step (World          *world,
           const TestStep *step)
{
  Client *client = &world->clients[step->client];
  const char *other = world->clients[step->other].name;

  switch (step->kind)
    {
    case TEST_STEP_SAY:
      say (client, "ALL");
      return TRUE;
    case TEST_STEP_WHISPER:
      say (client, other);
      return TRUE;
    case TEST_STEP_WAIT:
      wait_for_news (client, step->amount);
      return TRUE;
    case TEST_STEP_CUT:
      test_proxy_cut_after (client->proxy, step->amount);
      return TRUE;
    case TEST_STEP_KILL_CLIENT:
      kill_client (client);
      return start_client (client);
    case TEST_STEP_KILL_SERVER:
      kill_server (world);
      return TRUE;
    case TEST_STEP_BLOCK:
      command (client, "block", other);
      return TRUE;
    case TEST_STEP_UNBLOCK:
      command (client, "unblock", other);
      return TRUE;
    case TEST_STEP_NEW_OWNER:
      return change_owner (client);
    case TEST_N_STEP_KINDS:
    default:
      g_assert_not_reached ();
    }
}

static gboolean
has_settled (const Client *client)
{
  guint unacknowledged = 0;

  if (cb_account_get_state (client->account) != CB_ACCOUNT_ONLINE)
    return FALSE;
  g_object_get (client->account, "unacknowledged", &unacknowledged, NULL);
  return unacknowledged == 0;
}

static gboolean
has_seen (const Client *client,
          const char   *content)
{
  for (guint i = client->seen->len; i > 0; i--)
    {
      if (strcmp (((const Seen *) g_ptr_array_index (client->seen, i - 1))->content, content) == 0)
        return TRUE;
    }
  return FALSE;
}

/* Waits until all that is under way has arrived: NULL, or who has not got there. */
static char *
converge (World *world)
{
  g_autoptr (TestPeer) observer = NULL;
  g_autofree char *end = g_strdup_printf ("end %u", world->n_histories);
  gboolean timed_out = FALSE;
  const guint timeout = g_timeout_add_seconds (CONVERGENCE_S, timed_out_cb, &timed_out);
  char *failure = NULL;

  for (guint i = 0; i < world->n_clients; i++)
    test_proxy_cut_after (world->clients[i].proxy, G_MAXUINT64);
  for (guint i = 0; i < world->n_clients; i++)
    {
      while (!has_settled (&world->clients[i]) && !timed_out)
        g_main_context_iteration (NULL, TRUE);
    }

  observer = test_peer_connect (world->server->address, world->server->certs->ca);
  json_object_unref (test_peer_join (observer, "observer"));
  test_peer_say (observer, "ALL", end);
  for (guint i = 0; i < world->n_clients && failure == NULL; i++)
    {
      while (!has_seen (&world->clients[i], end) && !timed_out)
        g_main_context_iteration (NULL, TRUE);
      if (timed_out)
        failure = g_strdup_printf ("%s is in state %d and has not got there", world->clients[i].name,
                                   (int) cb_account_get_state (world->clients[i].account));
    }
  if (!timed_out)
    g_source_remove (timeout);
  return failure;
}

static GPtrArray *
read_log (World *world)
{
  GPtrArray *entries = g_ptr_array_new_with_free_func ((GDestroyNotify) entry_free);
  sqlite3_stmt *statement = NULL;

  g_assert_cmpint (sqlite3_prepare_v2 (world->db,
                                       "SELECT seq, kind, src, dest, iif (kind = 1, json_extract (body, '$[3]'), NULL)"
                                       " FROM entries WHERE seq > ? AND kind IN (1, 5, 6) ORDER BY seq",
                                       -1, &statement, NULL), ==, SQLITE_OK);
  sqlite3_bind_int64 (statement, 1, world->start);
  while (sqlite3_step (statement) == SQLITE_ROW)
    {
      Entry *entry = g_new0 (Entry, 1);

      entry->seq = sqlite3_column_int64 (statement, 0);
      entry->kind = sqlite3_column_int (statement, 1);
      entry->src = g_strdup ((const char *) sqlite3_column_text (statement, 2));
      entry->dest = g_strdup ((const char *) sqlite3_column_text (statement, 3));
      entry->content = g_strdup ((const char *) sqlite3_column_text (statement, 4));
      g_ptr_array_add (entries, entry);
    }
  sqlite3_finalize (statement);
  return entries;
}

/* Whether @src blocked @dest just behind each entry from @from on: at every time, at any. */
static void
follow_block (World      *world,
              GPtrArray  *entries,
              gint64      from,
              const char *src,
              const char *dest,
              gboolean   *out_always,
              gboolean   *out_ever)
{
  gint64 forgotten = 0;
  gboolean in_force = FALSE;

  /* Who takes a name over takes no blocks over. */
  for (guint i = 0; i < world->n_clients; i++)
    {
      if (strcmp (world->clients[i].name, src) == 0)
        forgotten = world->clients[i].since;
    }

  *out_always = TRUE;
  *out_ever = FALSE;
  for (guint i = 0; i < entries->len; i++)
    {
      const Entry *entry = g_ptr_array_index (entries, i);

      if (forgotten > 0 && entry->seq > forgotten)
        {
          in_force = FALSE;
          *out_always = *out_always && forgotten <= from;
          forgotten = 0;
        }
      if (entry->kind != 1 && strcmp (entry->src, src) == 0 && g_strcmp0 (entry->dest, dest) == 0)
        in_force = entry->kind == 5;
      if (entry->seq < from)
        continue;
      *out_always = *out_always && in_force;
      *out_ever = *out_ever || in_force;
    }
  /* The name may have gone over when nothing was said any more. */
  if (forgotten > from)
    *out_always = FALSE;
}

static gboolean
may_see (const Client *client,
         const Entry  *entry)
{
  if (entry->dest == NULL)
    return TRUE;
  return entry->seq > client->since &&
         (strcmp (entry->dest, client->name) == 0 || strcmp (entry->src, client->name) == 0);
}

/* Each entry against what the client has seen: a cursor walks along. */
static char *
compare_seen (World        *world,
              const Client *client,
              GPtrArray    *entries)
{
  guint next = 0;

  for (guint i = 0; i < entries->len; i++)
    {
      const Entry *entry = g_ptr_array_index (entries, i);
      const gboolean is_own = strcmp (entry->src, client->name) == 0;
      gboolean always[2] = { FALSE, FALSE };
      gboolean ever[2] = { FALSE, FALSE };
      gboolean saw = FALSE;

      if (entry->kind != 1)
        continue;
      if (next < client->seen->len)
        saw = ((const Seen *) g_ptr_array_index (client->seen, next))->id == entry->seq;
      if (saw)
        {
          const Seen *seen = g_ptr_array_index (client->seen, next++);

          if (strcmp (seen->content, entry->content) != 0)
            return g_strdup_printf ("%s saw “%s” as #%" G_GINT64_FORMAT ", which is “%s”", client->name,
                                    seen->content, entry->seq, entry->content);
        }
      if (!is_own)
        {
          follow_block (world, entries, entry->seq, client->name, entry->src, &always[0], &ever[0]);
          follow_block (world, entries, entry->seq, entry->src, client->name, &always[1], &ever[1]);
        }
      if (saw && !may_see (client, entry))
        return g_strdup_printf ("%s saw #%" G_GINT64_FORMAT " of %s to %s", client->name, entry->seq,
                                entry->src, entry->dest);
      if (saw && (always[0] || always[1]))
        return g_strdup_printf ("%s saw #%" G_GINT64_FORMAT " of %s in spite of a block", client->name, entry->seq,
                                entry->src);
      if (!saw && may_see (client, entry) && entry->seq > client->first && !ever[0] && !ever[1])
        return g_strdup_printf ("%s has not seen #%" G_GINT64_FORMAT " “%s” of %s to %s", client->name, entry->seq,
                                entry->content, entry->src, entry->dest != NULL ? entry->dest : "ALL");
    }

  if (next < client->seen->len)
    {
      const Seen *seen = g_ptr_array_index (client->seen, next);

      return g_strdup_printf ("%s saw #%" G_GINT64_FORMAT " “%s” of %s out of place, or twice", client->name,
                              seen->id, seen->content, seen->source);
    }
  return NULL;
}

/* All that was said stands in the log once, each speaker's in order. */
static char *
compare_said (World     *world,
              GPtrArray *entries)
{
  gint64 newest[G_N_ELEMENTS (world->clients)] = { 0, };

  for (guint i = 0; i < world->said->len; i++)
    {
      const Said *said = g_ptr_array_index (world->said, i);
      gint64 seq = 0;
      guint n_found = 0;

      for (guint j = 0; j < entries->len; j++)
        {
          const Entry *entry = g_ptr_array_index (entries, j);

          if (entry->kind != 1 || g_strcmp0 (entry->content, said->content) != 0)
            continue;
          n_found++;
          seq = entry->seq;
        }
      if (n_found > 1 || (n_found == 0 && !said->refused))
        return g_strdup_printf ("“%s” stands in the log %u times", said->content, n_found);
      if (n_found == 1 && seq < newest[said->client])
        return g_strdup_printf ("“%s” stands in the log before what was said earlier", said->content);
      if (n_found == 1 && said->id > 0 && said->id != seq)
        return g_strdup_printf ("“%s” was acknowledged as another one", said->content);
      if (!said->refused && said->id == 0)
        return g_strdup_printf ("“%s” was never acknowledged", said->content);
      newest[said->client] = MAX (newest[said->client], seq);
    }
  return NULL;
}

/* What a client saw, in its order. */
static char *
describe_seen (const Client *client)
{
  GString *text = g_string_new (client->name);

  for (guint i = 0; i < client->seen->len; i++)
    {
      const Seen *seen = g_ptr_array_index (client->seen, i);

      g_string_append_printf (text, " #%" G_GINT64_FORMAT " %s", seen->id, seen->content);
    }
  return g_string_free (text, FALSE);
}

static char *
check (World *world)
{
  g_autoptr (GPtrArray) entries = read_log (world);
  char *failure = compare_said (world, entries);

  for (guint i = 0; i < world->n_clients && failure == NULL; i++)
    failure = compare_seen (world, &world->clients[i], entries);
  for (guint i = 0; i < world->n_clients && failure != NULL; i++)
    {
      g_autofree char *text = describe_seen (&world->clients[i]);

      g_test_message ("%s", text);
    }
  return failure;
}

static gboolean
set_up (World             *world,
        const TestHistory *history)
{
  world->n_histories++;
  world->n_said = 0;
  world->n_clients = history->n_clients;
  world->said = g_ptr_array_new_with_free_func ((GDestroyNotify) said_free);
  world->former = g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);
  world->start = ask (world, "SELECT max(seq) FROM entries", NULL);
  memset (world->clients, 0, sizeof world->clients);
  for (guint i = 0; i < world->n_clients; i++)
    {
      Client *client = &world->clients[i];

      client->world = world;
      client->index = i;
      client->name = g_strdup_printf ("u%u%c", world->n_histories, 'a' + (char) i);
      client->identity = take_identity (world);
      client->seen = g_ptr_array_new_with_free_func ((GDestroyNotify) seen_free);
      set_first (client, ask (world, "SELECT max(seq) FROM entries", NULL));
      if (!start_client (client))
        return FALSE;
    }
  return TRUE;
}

static void
tear_down (World *world)
{
  for (guint i = 0; i < world->n_clients; i++)
    {
      Client *client = &world->clients[i];

      kill_client (client);
      g_ptr_array_unref (client->seen);
      g_clear_object (&client->identity);
      g_free (client->log_id);
      g_free (client->name);
    }
  g_clear_pointer (&world->said, g_ptr_array_unref);
  g_clear_pointer (&world->former, g_ptr_array_unref);
}

/* Lives through a history: NULL, or what is wrong at its end. */
static char *
run_history (const TestHistory *history,
             gpointer           user_data)
{
  World *world = user_data;
  gboolean ok = set_up (world, history);
  char *failure = NULL;

  for (guint i = 0; i < history->steps->len && ok; i++)
    ok = take_step (world, &g_array_index (history->steps, TestStep, i));
  failure = ok ? converge (world) : g_strdup ("Somebody did not get in");
  if (failure == NULL)
    failure = check (world);
  tear_down (world);
  return failure;
}

static World *
world_new (void)
{
  World *world = g_new0 (World, 1);
  g_autofree char *path = NULL;

  world->server = test_server_start ("[history]\nlogin-limit=0\n");
  world->identities = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < N_IDENTITIES; i++)
    {
      g_autofree char *name = g_strdup_printf ("identity-%u.pem", i);
      g_autofree char *file = g_build_filename (world->server->certs->dir, name, NULL);
      g_autoptr (GError) error = NULL;

      g_ptr_array_add (world->identities, cb_identity_load (file, &error));
      g_assert_no_error (error);
    }
  path = g_build_filename (world->server->state_directory, "log.sqlite", NULL);
  g_assert_cmpint (sqlite3_open_v2 (path, &world->db, SQLITE_OPEN_READONLY, NULL), ==, SQLITE_OK);
  return world;
}

static void
world_free (World *world)
{
  sqlite3_close (world->db);
  g_assert_cmpint (test_server_stop (world->server), ==, 0);
  test_server_free (world->server);
  g_ptr_array_unref (world->identities);
  g_free (world);
}

/* Whatever breaks: in the end nothing is lost, doubled, out of order, or seen by who must not. */
static void
test_histories (void)
{
  const char *wanted = g_getenv ("CHATTERBOX_TEST_HISTORIES");
  const guint n_histories = wanted != NULL ? (guint) g_ascii_strtoull (wanted, NULL, 10) : N_HISTORIES;
  const char *repeated = g_getenv ("CHATTERBOX_TEST_HISTORY");
  World *world = world_new ();

  for (guint i = 0; i < n_histories; i++)
    {
      const guint32 seed = repeated != NULL ? (guint32) g_ascii_strtoull (repeated, NULL, 10)
                                            : (guint32) g_test_rand_int ();
      g_autoptr (TestHistory) history = test_history_new_random (seed);
      g_autofree char *failure = run_history (history, world);
      g_autoptr (TestHistory) shrunk = NULL;
      g_autofree char *text = NULL;
      g_autofree char *again = NULL;

      if (failure == NULL)
        continue;
      g_test_message ("History %u (seed %u) fails: %s", i, seed, failure);
      shrunk = test_history_shrink (history, MAX_SHRINKING_RUNS, run_history, world);
      text = test_history_describe (shrunk);
      again = run_history (shrunk, world);
      g_test_message ("The shortest that was found (%s):\n%s", again != NULL ? again : "not every time", text);
      g_test_fail_printf ("%s", failure);
      break;
    }

  world_free (world);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/model/histories", test_histories);

  return g_test_run ();
}
