/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

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
 * leaves, `!'text'` for errors, and messages as they are, a line each, with
 * simple quotes.
 */
typedef struct
{
  CbsRoom    *room;
  gboolean    is_held;
  gboolean    is_full;

  GQueue      log;     /* of CbsEntry, appended and not committed */
  GPtrArray  *entries; /* of CbsEntry, committed */
  GHashTable *names;   /* set of keys in use */
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
  stage->names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
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
  g_hash_table_unref (stage->names);
  g_hash_table_unref (stage->online);
  g_hash_table_unref (stage->seen);
  g_free (stage);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Stage, stage_free)

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
stage_send (Stage             *stage,
            guint64            peer,
            const CbsFragment *fragment)
{
  static const char *const prefixes[] = {
    [CBS_FRAGMENT_REFUSED] = "refused ",
    [CBS_FRAGMENT_MESSAGE] = "",
    [CBS_FRAGMENT_JOINED] = "+",
    [CBS_FRAGMENT_LEFT] = "-",
    [CBS_FRAGMENT_ERROR] = "!",
  };

  stage_write (stage, peer, prefixes[fragment->kind], fragment->json, fragment->len);
}

static inline void
stage_broadcast (Stage           *stage,
                 const CbsEffect *effect)
{
  GHashTableIter iter;
  gpointer peer = NULL;

  g_hash_table_iter_init (&iter, stage->online);
  while (g_hash_table_iter_next (&iter, &peer, NULL))
    {
      if (effect->except == NULL || !g_hash_table_contains (effect->except, peer))
        stage_send (stage, *(const guint64 *) peer, effect->fragment);
    }
}

static inline void
stage_apply (Stage      *stage,
             CbsEffects *effects)
{
  for (guint i = 0; i < effects->len; i++)
    {
      const CbsEffect *effect = cbs_effects_get (effects, i);

      switch (effect->kind)
        {
        case CBS_EFFECT_APPEND:
          g_assert_cmpint (effect->entry->seq, ==, 0);
          g_queue_push_tail (&stage->log, cbs_entry_ref (effect->entry));
          break;
        case CBS_EFFECT_ACCEPT:
          g_assert_cmpint (effect->entry->seq, >, 0);
          g_hash_table_add (stage->online, g_memdup2 (&effect->peer, sizeof effect->peer));
          stage_write (stage, effect->peer, "accepted ", g_bytes_get_data (effect->users, NULL),
                       g_bytes_get_size (effect->users));
          break;
        case CBS_EFFECT_REPLY:
        case CBS_EFFECT_DELIVER:
          stage_send (stage, effect->peer, effect->fragment);
          break;
        case CBS_EFFECT_BROADCAST:
        default:
          stage_broadcast (stage, effect);
          break;
        }
    }
}

/* Commits the oldest entry, or refuses it as logs do. FALSE if there is none. */
static inline gboolean
stage_commit_one (Stage *stage)
{
  g_autoptr (CbsEntry) entry = g_queue_pop_head (&stage->log);
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autoptr (GError) error = NULL;

  if (entry == NULL)
    return FALSE;

  if (stage->is_full)
    error = g_error_new_literal (CBS_LOG_ERROR, CBS_LOG_ERROR_FULL, "The disk is full");
  else if (entry->kind == CBS_ENTRY_JOIN && !g_hash_table_add (stage->names, g_strdup (entry->src)))
    error = g_error_new_literal (CBS_LOG_ERROR, CBS_LOG_ERROR_NAME_TAKEN, "The name is in use");

  if (error != NULL)
    cbs_room_append_failed (stage->room, entry, error, effects);
  else
    {
      if (entry->kind == CBS_ENTRY_LEAVE)
        g_assert_true (g_hash_table_remove (stage->names, entry->src));
      entry->seq = (gint64) stage->entries->len + 1;
      g_ptr_array_add (stage->entries, cbs_entry_ref (entry));
      cbs_room_committed (stage->room, entry, effects);
    }
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

  cbs_room_log_in (stage->room, peer, username, effects);
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
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autoptr (CbMessage) message = cb_message_new (src, dest, time_s, content);

  cbs_room_say (stage->room, peer, message, effects);
  stage_settle (stage, effects);
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
stage_leave (Stage  *stage,
             guint64 peer)
{
  g_autoptr (CbsEffects) effects = cbs_effects_new ();

  g_hash_table_remove (stage->online, &peer);
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
