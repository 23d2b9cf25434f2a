/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/cbs-replay.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "common/test-log.h"

#define HEADER_LEN 4

typedef struct
{
  TestLog   *log;
  gint64     head;
  GStrv      hidden;
  CbsReplay *replay;
  gboolean   is_ready;
  GError    *error;
  gsize      largest; /* bytes taken at a time */
} Fixture;

static void
committed_cb (CbsLog    *log,
              GPtrArray *entries,
              gpointer   user_data)
{
  Fixture *fixture = user_data;

  fixture->head = ((CbsEntry *) g_ptr_array_index (entries, entries->len - 1))->seq;
}

static void
store_result_cb (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  GAsyncResult **out_result = user_data;

  *out_result = g_object_ref (result);
}

static GStrv
list_hidden (gpointer user_data)
{
  return g_strdupv (((Fixture *) user_data)->hidden);
}

static gint64
get_head (gpointer user_data)
{
  return ((Fixture *) user_data)->head;
}

static void
ready (gpointer user_data)
{
  ((Fixture *) user_data)->is_ready = TRUE;
}

static void
failed (const GError *error,
        gpointer      user_data)
{
  ((Fixture *) user_data)->error = g_error_copy (error);
}

static const CbsReplayHandler handler = {
  .list_hidden = list_hidden,
  .get_head = get_head,
  .ready = ready,
  .failed = failed,
};

static void
append (Fixture  *fixture,
        CbsEntry *entry)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (CbsEntry) owned = entry;
  g_autoptr (GError) error = NULL;

  cbs_log_append_async (CBS_LOG (fixture->log), owned, store_result_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  cbs_log_append_finish (CBS_LOG (fixture->log), result, &error);
  g_assert_no_error (error);
}

static void
say (Fixture    *fixture,
     const char *src,
     const char *dest,
     const char *content)
{
  g_autofree char *body = g_strdup_printf ("[\"%s\",\"%s\",1,\"%s\"]", src, dest != NULL ? dest : "ALL", content);
  g_autoptr (GBytes) bytes = g_bytes_new (body, strlen (body));

  append (fixture, cbs_entry_new_message (src, dest, bytes));
}

static void
fixture_set_up (Fixture      *fixture,
                gconstpointer user_data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (CbsLogSnapshot) snapshot = NULL;

  fixture->log = test_log_new ();
  g_signal_connect (fixture->log, "committed", G_CALLBACK (committed_cb), fixture);
  cbs_log_open_async (CBS_LOG (fixture->log), "main", store_result_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  snapshot = cbs_log_open_finish (CBS_LOG (fixture->log), result, NULL);
  fixture->head = snapshot->head;
  fixture->hidden = g_new0 (char *, 1);
  fixture->replay = cbs_replay_new (CBS_LOG (fixture->log), "viewer", &handler, fixture);
}

static void
fixture_tear_down (Fixture      *fixture,
                   gconstpointer user_data)
{
  g_clear_pointer (&fixture->replay, cbs_replay_free);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_signal_handlers_disconnect_by_data (fixture->log, fixture);
  g_assert_finalize_object (fixture->log);
  g_strfreev (fixture->hidden);
  g_clear_error (&fixture->error);
}

/* Joins, and starts with what is wanted; who is here and the join's sequence are filled in. */
static void
start_with (Fixture       *fixture,
            CbsReplayStart wanted)
{
  g_autoptr (CbName) name = cb_name_new ("viewer", NULL);
  g_autoptr (GBytes) users = g_bytes_new_static ("[\"viewer\"]", 10);

  append (fixture, cbs_entry_new_join (name));
  wanted.users = users;
  wanted.joined = fixture->head;
  cbs_replay_start (fixture->replay, &wanted);
}

/* Joins, and starts with the newest messages so far. */
static void
start (Fixture *fixture,
       gint64   newest)
{
  start_with (fixture, (CbsReplayStart) { .newest = newest });
}

/* Takes all there is until the viewer has caught up. */
static GByteArray *
take_all (Fixture *fixture)
{
  GByteArray *out = g_byte_array_new ();

  while (!cbs_replay_is_caught_up (fixture->replay) && fixture->error == NULL)
    {
      g_autoptr (GBytes) bytes = cbs_replay_take (fixture->replay);

      if (bytes == NULL)
        {
          if (!fixture->is_ready && !cbs_replay_is_caught_up (fixture->replay))
            g_main_context_iteration (NULL, TRUE);
          fixture->is_ready = FALSE;
          continue;
        }
      g_assert_cmpuint (g_bytes_get_size (bytes), >, 0);
      fixture->largest = MAX (fixture->largest, g_bytes_get_size (bytes));
      g_byte_array_append (out, g_bytes_get_data (bytes, NULL), (guint) g_bytes_get_size (bytes));
    }

  return out;
}

/* Cuts the bytes into frames, and lists the contents of all messages. */
static GPtrArray *
list_contents (GByteArray *bytes,
               guint      *out_frames)
{
  GPtrArray *contents = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (JsonParser) parser = json_parser_new ();
  gsize pos = 0;

  for (*out_frames = 0; pos < bytes->len; (*out_frames)++)
    {
      guint32 len = 0;
      g_autoptr (GError) error = NULL;
      JsonObject *object = NULL;
      JsonArray *messages = NULL;

      memcpy (&len, bytes->data + pos, HEADER_LEN);
      len = GUINT32_FROM_BE (len);
      g_assert_cmpuint (pos + HEADER_LEN + len, <=, bytes->len);
      json_parser_load_from_data (parser, (const char *) bytes->data + pos + HEADER_LEN, len, &error);
      g_assert_no_error (error);
      object = json_node_get_object (json_parser_get_root (parser));
      g_assert_true (json_object_has_member (object, "USERNAME_ACCEPTED") == (*out_frames == 0));
      messages = json_object_get_array_member (object, "MESSAGES");
      for (guint i = 0; i < json_array_get_length (messages); i++)
        g_ptr_array_add (contents, g_strdup (json_array_get_string_element (
                                               json_array_get_array_element (messages, i), 3)));
      pos += HEADER_LEN + len;
    }

  return contents;
}

/* What a replay gives must be exactly that, in that many frames. */
static void
assert_replay (Fixture    *fixture,
               const char *expected,
               guint       n_frames)
{
  g_autoptr (GByteArray) bytes = take_all (fixture);
  guint n_found = 0;
  g_autoptr (GPtrArray) contents = NULL;
  g_autofree char *joined = NULL;

  g_assert_no_error (fixture->error);
  contents = list_contents (bytes, &n_found);
  g_ptr_array_add (contents, NULL);
  joined = g_strjoinv (" ", (GStrv) contents->pdata);
  g_assert_cmpstr (joined, ==, expected);
  g_assert_cmpuint (n_found, ==, n_frames);
}

static void
test_empty (Fixture      *fixture,
            gconstpointer user_data)
{
  start (fixture, -1);
  assert_replay (fixture, "", 1);
}

static void
test_visible (Fixture      *fixture,
              gconstpointer user_data)
{
  say (fixture, "ada", NULL, "public");
  say (fixture, "ada", "viewer", "private");
  say (fixture, "ada", "bob", "other");
  say (fixture, "eve", NULL, "blocked");
  g_strfreev (fixture->hidden);
  fixture->hidden = g_strsplit ("eve", ",", -1);
  start (fixture, -1);
  assert_replay (fixture, "public private", 1);
}

static void
test_newest (Fixture      *fixture,
             gconstpointer user_data)
{
  say (fixture, "ada", NULL, "one");
  say (fixture, "ada", NULL, "two");
  say (fixture, "ada", NULL, "three");
  start (fixture, 2);
  assert_replay (fixture, "two three", 1);
}

static void
test_none (Fixture      *fixture,
           gconstpointer user_data)
{
  say (fixture, "ada", NULL, "one");
  start (fixture, 0);
  assert_replay (fixture, "", 1);
}

/* What is said while the history is under way follows, once, in a frame of its own. */
static void
test_meanwhile (Fixture      *fixture,
                gconstpointer user_data)
{
  say (fixture, "ada", NULL, "before");
  start (fixture, -1);
  say (fixture, "ada", NULL, "meanwhile");
  say (fixture, "ada", NULL, "too");
  assert_replay (fixture, "before meanwhile too", 2);
}

/* Long histories come in pages: what is held at a time does not grow with them. */
static void
test_pages (Fixture      *fixture,
            gconstpointer user_data)
{
  g_autofree char *filling = g_strnfill (1000, 'x');
  g_autoptr (GString) expected = g_string_new (NULL);

  for (guint i = 0; i < 1000; i++)
    {
      g_autofree char *content = g_strdup_printf ("%u%s", i, filling);

      say (fixture, "ada", NULL, content);
      g_string_append_printf (expected, "%s%s", i > 0 ? " " : "", content);
    }
  start (fixture, -1);
  assert_replay (fixture, expected->str, 1);
  g_assert_cmpuint (fixture->largest, <=, 40 * 1024);
}

/* What all frames of a replay hold, without their prefixes, joined by “|”. */
static char *
take_text (Fixture *fixture)
{
  g_autoptr (GByteArray) bytes = take_all (fixture);
  GString *text = g_string_new (NULL);

  g_assert_no_error (fixture->error);
  for (gsize pos = 0; pos < bytes->len;)
    {
      guint32 len = 0;

      memcpy (&len, bytes->data + pos, HEADER_LEN);
      len = GUINT32_FROM_BE (len);
      g_assert_cmpuint (pos + HEADER_LEN + len, <=, bytes->len);
      if (text->len > 0)
        g_string_append_c (text, '|');
      g_string_append_len (text, (const char *) bytes->data + pos + HEADER_LEN, len);
      g_strchomp (text->str);
      text->len = strlen (text->str);
      pos += HEADER_LEN + len;
    }

  return g_string_free (text, FALSE);
}

/* Who has announced nothing gets the bytes that the protocol has always had. */
static void
test_plain_bytes (Fixture      *fixture,
                  gconstpointer user_data)
{
  g_autofree char *text = NULL;

  say (fixture, "ada", NULL, "Zo\u00eb \303\253");
  say (fixture, "viewer", "ada", "own");
  say (fixture, "ada", "viewer", "private");
  start (fixture, -1);
  text = take_text (fixture);
  g_assert_cmpstr (text, ==,
                   "{\"USERNAME_ACCEPTED\":true,\"INFO\":\"Welcome!\",\"USER_LIST\":[\"viewer\"],"
                   "\"MESSAGES\":[[\"ada\",\"ALL\",1,\"Zo\\u00eb \\u00eb\"],[\"ada\",\"viewer\",1,\"private\"]]}");
}

/* Ids, one's own private messages, and what else the answer to the login says. */
static void
test_with_ids (Fixture      *fixture,
               gconstpointer user_data)
{
  g_autofree char *text = NULL;

  say (fixture, "ada", NULL, "\303\253");
  say (fixture, "viewer", "ada", "own");
  start_with (fixture, (CbsReplayStart) {
    .members = "\"LOG\":{\"head\":4}",
    .features = CB_FEATURE_MESSAGE_IDS | CB_FEATURE_UTF8,
    .newest = -1,
  });
  say (fixture, "ada", "viewer", "meanwhile");
  text = take_text (fixture);
  /* The node's own entry is the first. */
  g_assert_cmpstr (text, ==,
                   "{\"USERNAME_ACCEPTED\":true,\"INFO\":\"Welcome!\",\"LOG\":{\"head\":4},"
                   "\"USER_LIST\":[\"viewer\"],\"MESSAGES\":[[\"ada\",\"ALL\",1,\"\\u00eb\",{\"id\":2}],"
                   "[\"viewer\",\"ada\",1,\"own\",{\"id\":3}]]}|"
                   "{\"MESSAGES\":[[\"ada\",\"viewer\",1,\"meanwhile\",{\"id\":5}]]}");
}

/* Exactly what is behind an id, wherever that is; nothing twice. */
static void
test_resume (Fixture      *fixture,
             gconstpointer user_data)
{
  const gint64 before = fixture->head;
  const gint64 after = GPOINTER_TO_INT (user_data) < 0 ? G_MAXINT32 : before + GPOINTER_TO_INT (user_data);
  static const char *const expected[] = { "one two three four", "two three four", "three four", "four", "four" };

  say (fixture, "ada", NULL, "one");
  say (fixture, "ada", "viewer", "two");
  say (fixture, "ada", NULL, "three");
  start_with (fixture, (CbsReplayStart) { .after = after, .newest = -1 });
  say (fixture, "ada", NULL, "four");
  assert_replay (fixture, expected[MIN (after - before, 4)], 2);
}

/* Private messages of the one who had the name before are not the viewer's. */
static void
test_since (Fixture      *fixture,
            gconstpointer user_data)
{
  gint64 since = 0;

  say (fixture, "ada", "viewer", "former");
  say (fixture, "viewer", "ada", "former too");
  say (fixture, "ada", NULL, "public");
  since = fixture->head;
  say (fixture, "ada", "viewer", "latter");
  start_with (fixture, (CbsReplayStart) {
    .features = CB_FEATURE_MESSAGE_IDS, .newest = -1, .since = since
  });
  assert_replay (fixture, "public latter", 1);
}

/* The length in front holds for thousands of ids of all lengths. */
static void
test_pages_with_ids (Fixture      *fixture,
                     gconstpointer user_data)
{
  g_autoptr (GString) expected = g_string_new (NULL);

  for (guint i = 0; i < 1500; i++)
    {
      g_autofree char *content = g_strdup_printf ("%u", i);

      say (fixture, "ada", NULL, content);
      g_string_append_printf (expected, "%s%s", i > 0 ? " " : "", content);
    }
  start_with (fixture, (CbsReplayStart) { .features = CB_FEATURE_MESSAGE_IDS, .newest = -1 });
  assert_replay (fixture, expected->str, 1);
}

static void
test_failure (Fixture      *fixture,
              gconstpointer user_data)
{
  say (fixture, "ada", NULL, "one");
  start (fixture, 0);
  g_clear_pointer (&fixture->replay, cbs_replay_free);
  fixture->replay = cbs_replay_new (CBS_LOG (fixture->log), "viewer", &handler, fixture);
  test_log_refuse (fixture->log, CBS_LOG_ERROR_FAILED, "unreadable");
  {
    g_autoptr (GBytes) users = g_bytes_new_static ("[]", 2);

    cbs_replay_start (fixture->replay,
                      &(const CbsReplayStart) { .users = users, .newest = -1, .joined = fixture->head });
  }
  while (fixture->error == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (fixture->error, CBS_LOG_ERROR, CBS_LOG_ERROR_FAILED);
}

/* The owner is not called any more. */
static void
test_freed_while_reading (Fixture      *fixture,
                          gconstpointer user_data)
{
  say (fixture, "ada", NULL, "one");
  start (fixture, -1);
  g_clear_pointer (&fixture->replay, cbs_replay_free);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_false (fixture->is_ready);
  g_assert_no_error (fixture->error);
}

int
main (int   argc,
      char *argv[])
{
  static const struct
  {
    const char *path;
    void        (*run) (Fixture      *fixture,
                        gconstpointer user_data);
  } cases[] = {
    { "/replay/empty", test_empty },
    { "/replay/visible", test_visible },
    { "/replay/newest", test_newest },
    { "/replay/none", test_none },
    { "/replay/meanwhile", test_meanwhile },
    { "/replay/pages", test_pages },
    { "/replay/plain-bytes", test_plain_bytes },
    { "/replay/with-ids", test_with_ids },
    { "/replay/since", test_since },
    { "/replay/pages/with-ids", test_pages_with_ids },
    { "/replay/failure", test_failure },
    { "/replay/freed-while-reading", test_freed_while_reading },
  };

  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    g_test_add (cases[i].path, Fixture, NULL, fixture_set_up, cases[i].run, fixture_tear_down);

  for (int n_known = -1; n_known < 4; n_known++)
    {
      g_autofree char *path = n_known < 0 ? g_strdup ("/replay/resume/beyond")
                                          : g_strdup_printf ("/replay/resume/%d", n_known);

      g_test_add (path, Fixture, GINT_TO_POINTER (n_known), fixture_set_up, test_resume, fixture_tear_down);
    }

  return g_test_run ();
}
