/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "server/log/cbs-holders.h"
#include "server/log/cbs-log.h"
#include "server/room/cbs-room.h"

/**
 * Stage:
 * @room: what is tested
 * @is_held: entries wait for stage_commit(); else they are committed at once
 * @is_full: the log takes nothing
 *
 * A room between a log that is a queue and peers that are texts: what the
 * server does around it, without a socket. What a peer is sent is written down
 * as `accepted ['ada']`, `refused 'why'`, `+'bob'` and `-'bob'` for joins and
 * leaves, `!'text'` for errors, `closed 'why'`, and messages and whole objects
 * as they are, a line each, with simple quotes.
 *
 * Peers are plain, unless stage_announce() says otherwise.
 */
typedef struct
{
  CbsRoom    *room;
  gboolean    is_held;
  gboolean    is_full;

  GQueue      log;     /* of CbsEntry, appended and not committed */
  GPtrArray  *entries; /* of CbsEntry, committed */
  GHashTable *tokens;  /* of CbsEntry, committed, by token; owns nothing */
  CbsHolders *holders;
  gint64      time_us;
  GHashTable *logins;  /* of CbsLogin, by peer number: what is not its name */
  GHashTable *online;  /* set of peer numbers */
  GHashTable *seen;    /* of GString, by peer number */
} Stage;

static inline void
free_text (gpointer data)
{
  g_string_free (data, TRUE);
}

static inline Stage *
stage_new (CbsUserListForm form,
           gsize           max_content)
{
  const CbsRoomSettings settings = { .max_content = max_content, .user_list = form };
  Stage *stage = g_new0 (Stage, 1);

  stage->room = cbs_room_new (&settings);
  g_queue_init (&stage->log);
  stage->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) cbs_entry_unref);
  stage->tokens = g_hash_table_new (g_str_hash, g_str_equal);
  stage->holders = cbs_holders_new ();
  stage->time_us = G_GINT64_CONSTANT (1700000000) * G_USEC_PER_SEC;
  stage->logins = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, g_free);
  stage->online = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  stage->seen = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, free_text);
  return stage;
}

static inline void
stage_free (Stage *stage)
{
  cbs_room_free (stage->room);
  g_queue_clear_full (&stage->log, (GDestroyNotify) cbs_entry_unref);
  g_ptr_array_unref (stage->entries);
  g_hash_table_unref (stage->tokens);
  cbs_holders_free (stage->holders);
  g_hash_table_unref (stage->logins);
  g_hash_table_unref (stage->online);
  g_hash_table_unref (stage->seen);
  g_free (stage);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Stage, stage_free)

/* What a peer will log in with; the texts have to stay. */
static inline void
stage_announce (Stage      *stage,
                guint64     peer,
                CbFeatures  features,
                const char *key_id)
{
  CbsLogin *login = g_new0 (CbsLogin, 1);

  login->peer = peer;
  login->features = features;
  login->key_id = key_id;
  g_hash_table_replace (stage->logins, &login->peer, login);
}

static inline CbFeatures
stage_get_features (Stage  *stage,
                    guint64 peer)
{
  const CbsLogin *login = g_hash_table_lookup (stage->logins, &peer);

  return login != NULL ? login->features : 0;
}

/* Writes a line into a peer's text. */
static inline void
stage_write (Stage      *stage,
             guint64     peer,
             const char *prefix,
             const char *json,
             gsize       len)
{
  GString *text = g_hash_table_lookup (stage->seen, &peer);
  gsize start = 0;

  if (text == NULL)
    {
      text = g_string_new (NULL);
      g_hash_table_insert (stage->seen, g_memdup2 (&peer, sizeof peer), text);
    }

  g_string_append_printf (text, "%s%s", text->len > 0 ? "\n" : "", prefix);
  start = text->len;
  g_string_append_len (text, json, (gssize) len);
  for (gsize i = start; i < text->len; i++)
    {
      if (text->str[i] == '"')
        text->str[i] = '\'';
    }
}

static inline void
stage_send (Stage     *stage,
            guint64    peer,
            CbsEffect *effect)
{
  static const char *const prefixes[] = {
    [CBS_FRAGMENT_REFUSED] = "refused ",
    [CBS_FRAGMENT_MESSAGE] = "",
    [CBS_FRAGMENT_JOINED] = "+",
    [CBS_FRAGMENT_LEFT] = "-",
    [CBS_FRAGMENT_ERROR] = "!",
    [CBS_FRAGMENT_OBJECT] = "",
  };
  const CbsFragment *fragment = cbs_effect_get_fragment (effect, stage_get_features (stage, peer));
  const gboolean closes = effect->kind == CBS_EFFECT_CLOSE;

  stage_write (stage, peer, closes ? "closed " : prefixes[fragment->kind], fragment->json, fragment->len);
}

static inline void
stage_broadcast (Stage     *stage,
                 CbsEffect *effect)
{
  GHashTableIter iter;
  gpointer peer = NULL;

  g_hash_table_iter_init (&iter, stage->online);
  while (g_hash_table_iter_next (&iter, &peer, NULL))
    {
      if (effect->except == NULL || !g_hash_table_contains (effect->except, peer))
        stage_send (stage, *(const guint64 *) peer, effect);
    }
}

static inline void
stage_accept (Stage           *stage,
              const CbsEffect *effect)
{
  g_autoptr (GString) text = g_string_new ("accepted ");

  g_assert_cmpint (effect->entry->seq, >, 0);
  g_hash_table_add (stage->online, g_memdup2 (&effect->peer, sizeof effect->peer));
  if (effect->markers != NULL)
    g_string_append_printf (text, "%.*s ", (int) g_bytes_get_size (effect->markers),
                            (const char *) g_bytes_get_data (effect->markers, NULL));
  g_strdelimit (text->str, "\"", '\'');
  stage_write (stage, effect->peer, text->str, g_bytes_get_data (effect->users, NULL),
               g_bytes_get_size (effect->users));
}

static inline void
stage_apply (Stage      *stage,
             CbsEffects *effects)
{
  for (guint i = 0; i < effects->len; i++)
    {
      CbsEffect *effect = cbs_effects_get (effects, i);

      switch (effect->kind)
        {
        case CBS_EFFECT_APPEND:
          g_assert_cmpint (effect->entry->seq, ==, 0);
          g_queue_push_tail (&stage->log, cbs_entry_ref (effect->entry));
          break;
        case CBS_EFFECT_ACCEPT:
          stage_accept (stage, effect);
          break;
        case CBS_EFFECT_CLOSE:
          g_hash_table_remove (stage->online, &effect->peer);
          stage_send (stage, effect->peer, effect);
          break;
        case CBS_EFFECT_REPLY:
        case CBS_EFFECT_DELIVER:
          stage_send (stage, effect->peer, effect);
          break;
        case CBS_EFFECT_BROADCAST:
        default:
          stage_broadcast (stage, effect);
          break;
        }
    }
}

/* What a log would store. FALSE with an error if it would not. */
static inline gboolean
stage_store (Stage    *stage,
             CbsEntry *entry,
             GError  **error)
{
  const gint64 seq = (gint64) stage->entries->len + 1;
  g_autoptr (GError) refusal = NULL;
  CbsHolding holding = { 0, };

  if (stage->is_full)
    {
      g_set_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_FULL, "The disk is full");
      return FALSE;
    }
  if (entry->kind == CBS_ENTRY_LEAVE)
    g_assert_cmpuint (cbs_holders_lookup (stage->holders, entry->src)->n_online, >, 0);

  cbs_holders_begin (stage->holders, stage->time_us);
  if (!cbs_holders_apply (stage->holders, entry, seq, &holding, &refusal))
    {
      /* The text is the log's affair. */
      if (g_error_matches (refusal, CBS_LOG_ERROR, CBS_LOG_ERROR_NAME_TAKEN))
        g_set_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_NAME_TAKEN, "The name is in use");
      else
        g_propagate_error (error, g_steal_pointer (&refusal));
      return FALSE;
    }

  cbs_holders_settle (stage->holders);
  entry->since = holding.since;
  entry->passed = holding.passed;
  entry->owned = holding.owned;
  entry->time_us = stage->time_us;
  if (entry->kind == CBS_ENTRY_READ)
    return TRUE;

  entry->seq = seq;
  g_ptr_array_add (stage->entries, cbs_entry_ref (entry));
  if (entry->token != NULL)
    g_hash_table_insert (stage->tokens, entry->token, entry);
  return TRUE;
}

/* Commits the oldest entry, or refuses it as logs do. FALSE if there is none. */
static inline gboolean
stage_commit_one (Stage *stage)
{
  g_autoptr (CbsEntry) entry = g_queue_pop_head (&stage->log);
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autoptr (GError) error = NULL;
  CbsEntry *earlier = NULL;

  if (entry == NULL)
    return FALSE;

  if (entry->token != NULL)
    earlier = g_hash_table_lookup (stage->tokens, entry->token);
  if (earlier != NULL)
    cbs_room_repeated (stage->room, entry, earlier, effects);
  else if (!stage_store (stage, entry, &error))
    cbs_room_append_failed (stage->room, entry, error, effects);
  else if (entry->kind == CBS_ENTRY_READ)
    cbs_room_noted (stage->room, entry, effects);
  else
    cbs_room_committed (stage->room, entry, effects);
  stage_apply (stage, effects);
  return TRUE;
}

static inline void
stage_commit (Stage *stage)
{
  while (stage_commit_one (stage))
    ;
}

/* Carries out what an event has brought. */
static inline void
stage_settle (Stage      *stage,
              CbsEffects *effects)
{
  stage_apply (stage, effects);
  if (!stage->is_held)
    stage_commit (stage);
}

static inline void
stage_log_in (Stage      *stage,
              guint64     peer,
              const char *username)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  const CbsLogin *announced = g_hash_table_lookup (stage->logins, &peer);
  CbsLogin login = { 0, };

  if (announced != NULL)
    login = *announced;
  login.peer = peer;
  login.username = username;
  cbs_room_log_in (stage->room, &login, effects);
  stage_settle (stage, effects);
}

/* Says something with a token, and a request's number. */
static inline void
stage_say_full (Stage     *stage,
                guint64    peer,
                CbMessage *message,
                gint64     request)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();

  cbs_room_say (stage->room, peer, message, request, effects);
  stage_settle (stage, effects);
}

static inline void
stage_say_at (Stage      *stage,
              guint64     peer,
              const char *src,
              const char *dest,
              gint64      time_s,
              const char *content)
{
  g_autoptr (CbMessage) message = cb_message_new (src, dest, time_s, content);

  stage_say_full (stage, peer, message, CBS_NO_REQUEST);
}

static inline void
stage_say (Stage      *stage,
           guint64     peer,
           const char *src,
           const char *dest,
           const char *content)
{
  stage_say_at (stage, peer, src, dest, 1, content);
}

static inline void
stage_say_token (Stage      *stage,
                 guint64     peer,
                 const char *src,
                 const char *dest,
                 const char *content,
                 const char *token)
{
  g_autoptr (CbMessage) message = cb_message_new_full (src, dest, 1, content, 0, token);

  stage_say_full (stage, peer, message, CBS_NO_REQUEST);
}

/* The requests, by their JSON. */
static inline void
stage_ask_users (Stage      *stage,
                 guint64     peer,
                 const char *json,
                 gint64      request)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autoptr (CbUsersRequest) wanted = cb_users_request_parse (json, NULL);

  g_assert_nonnull (wanted);
  cbs_room_list_users (stage->room, peer, wanted, request, effects);
  stage_settle (stage, effects);
}

static inline void
stage_ask_blocks (Stage      *stage,
                  guint64     peer,
                  const char *json,
                  gint64      request)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autoptr (CbChangeRequest) change = cb_blocks_request_parse (json, NULL);

  g_assert_nonnull (change);
  cbs_room_change_blocks (stage->room, peer, change, request, effects);
  stage_settle (stage, effects);
}

static inline void
stage_ask_keys (Stage      *stage,
                guint64     peer,
                const char *json,
                gint64      request)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autoptr (CbChangeRequest) change = cb_keys_request_parse (json, NULL);

  g_assert_nonnull (change);
  cbs_room_change_keys (stage->room, peer, change, request, effects);
  stage_settle (stage, effects);
}

static inline void
stage_read (Stage      *stage,
            guint64     peer,
            const char *json,
            gint64      request)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autoptr (GPtrArray) markers = cb_read_markers_parse (json, NULL);

  g_assert_nonnull (markers);
  cbs_room_read (stage->room, peer, markers, (gint64) stage->entries->len, request, effects);
  stage_settle (stage, effects);
}

static inline void
stage_leave (Stage  *stage,
             guint64 peer)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();

  g_hash_table_remove (stage->online, &peer);
  cbs_room_leave (stage->room, peer, effects);
  stage_settle (stage, effects);
}

/* A peer leaves that is there still, as all do when a server stops. */
static inline void
stage_see_off (Stage  *stage,
               guint64 peer)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();

  cbs_room_leave (stage->room, peer, effects);
  stage_settle (stage, effects);
}

static inline const char *
stage_get_seen (Stage  *stage,
                guint64 peer)
{
  const GString *text = g_hash_table_lookup (stage->seen, &peer);

  return text != NULL ? text->str : "";
}

/* Checks what a peer has been sent since the last look at it. */
static inline void
stage_assert_seen (Stage      *stage,
                   guint64     peer,
                   const char *expected)
{
  g_assert_cmpstr (stage_get_seen (stage, peer), ==, expected);
  g_hash_table_remove (stage->seen, &peer);
}

/* Checks that nobody has been sent anything. */
static inline void
stage_assert_silence (Stage *stage)
{
  g_assert_cmpuint (g_hash_table_size (stage->seen), ==, 0);
}

/* Forgets what all have been sent. */
static inline void
stage_forget (Stage *stage)
{
  g_hash_table_remove_all (stage->seen);
}

/* A stage with these names here, as peers 1, 2, 3 … */
static inline Stage *
stage_new_with (const char *const *names)
{
  Stage *stage = stage_new (CBS_USER_LIST_NAMES, 1000);

  for (guint i = 0; names[i] != NULL; i++)
    stage_log_in (stage, i + 1, names[i]);
  stage_forget (stage);
  return stage;
}
