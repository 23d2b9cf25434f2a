/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fuzz/fuzz.h"

#include "libchatterbox/cb-frame.h"
#include "libchatterbox/cb-packet.h"
#include "server/log/cbs-holders.h"
#include "server/log/cbs-log.h"
#include "server/room/cbs-room.h"

#define N_PEERS 4
#define MAX_FRAME 4096u

/* What a frame's first byte says besides whose it is. */
#define KEY_SHIFT 2 /* two bits: which key the peer shows at a login; 0: none */
#define IS_FULL 0x10 /* the log takes nothing meanwhile */
#define IS_LEAVE 0x80 /* the peer goes */

/* A room with a log that stores at once, as far as a log decides anything. */
typedef struct
{
  CbsRoom    *room;
  CbsHolders *holders;
  GHashTable *tokens; /* of CbsEntry, by token */
  gint64      seq;
  gboolean    is_full;
} Stage;

/* Whatever peers send, what they are sent is JSON, and ASCII unless they know better. */
static void
check_fragment (const CbsFragment *fragment,
                CbFeatures         features)
{
  g_autoptr (GString) json = g_string_new (NULL);

  if (fragment->kind != CBS_FRAGMENT_OBJECT)
    g_string_append_c (json, '[');
  g_string_append_len (json, fragment->json, fragment->len);
  if (fragment->kind != CBS_FRAGMENT_OBJECT)
    g_string_append_c (json, ']');
  g_assert (cb_json_check (json->str, json->len, NULL));

  for (gsize i = 0; i < json->len && (features & CB_FEATURE_UTF8) == 0; i++)
    g_assert ((guchar) json->str[i] < 0x80);
}

static void
check (Stage     *stage,
       CbsEffect *effect)
{
  static const CbFeatures all_forms[] = {
    0, CB_FEATURE_MESSAGE_IDS, CB_FEATURE_UTF8, CB_FEATURE_MESSAGE_IDS | CB_FEATURE_UTF8,
  };

  if (effect->kind == CBS_EFFECT_APPEND)
    return;
  if (effect->kind == CBS_EFFECT_ACCEPT)
    {
      g_assert (cb_json_check (g_bytes_get_data (effect->users, NULL), g_bytes_get_size (effect->users), NULL));
      g_assert (effect->markers == NULL ||
                cb_json_check (g_bytes_get_data (effect->markers, NULL), g_bytes_get_size (effect->markers), NULL));
      return;
    }
  if (!cbs_effect_is_message (effect))
    {
      check_fragment (cbs_effect_get_fragment (effect, 0), cbs_room_get_features (stage->room, effect->peer));
      return;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (all_forms); i++)
    check_fragment (cbs_effect_get_fragment (effect, all_forms[i]), all_forms[i]);
}

/* FALSE with an error if the log does not take it. */
static gboolean
store (Stage    *stage,
       CbsEntry *entry,
       GError  **error)
{
  CbsHolding holding = { 0, };

  if (stage->is_full)
    {
      g_set_error (error, CBS_LOG_ERROR, CBS_LOG_ERROR_FULL, "Full");
      return FALSE;
    }
  if (!cbs_holders_apply (stage->holders, entry, stage->seq + 1, &holding, error))
    return FALSE;

  cbs_holders_settle (stage->holders);
  entry->since = holding.since;
  entry->passed = holding.passed;
  entry->owned = holding.owned;
  if (entry->kind == CBS_ENTRY_READ)
    return TRUE;

  entry->seq = ++stage->seq;
  if (entry->token != NULL)
    g_hash_table_insert (stage->tokens, entry->token, cbs_entry_ref (entry));
  return TRUE;
}

/* What the room says when the log has answered. */
static void
append (Stage      *stage,
        CbsEntry   *entry,
        CbsEffects *further)
{
  CbsEntry *earlier = entry->token != NULL ? g_hash_table_lookup (stage->tokens, entry->token) : NULL;
  g_autoptr (GError) error = NULL;

  if (earlier != NULL)
    cbs_room_repeated (stage->room, entry, earlier, further);
  else if (!store (stage, entry, &error))
    cbs_room_append_failed (stage->room, entry, error, further);
  else if (entry->kind == CBS_ENTRY_READ)
    cbs_room_noted (stage->room, entry, further);
  else
    cbs_room_committed (stage->room, entry, further);
}

/* Carries the effects out, as the server does: what is appended comes back committed, or refused. */
static void
play (Stage      *stage,
      CbsEffects *effects)
{
  cbs_effects_join_broadcasts (effects);
  for (guint i = 0; i < effects->len; i++)
    {
      CbsEffect *effect = cbs_effects_get (effects, i);
      g_autoptr (CbsEffects) further = cbs_effects_new ();

      check (stage, effect);
      if (effect->kind == CBS_EFFECT_APPEND)
        append (stage, effect->entry, further);
      else if (effect->kind == CBS_EFFECT_CLOSE)
        cbs_room_leave (stage->room, effect->peer, further);
      if (further->len > 0)
        play (stage, further);
    }
}

static gint64
get_request (CbPacket *packet)
{
  const char *json = cb_packet_get_extra (packet, "REQUEST");
  gint64 number = CBS_NO_REQUEST;

  if (json != NULL)
    cb_request_number_parse (json, &number, NULL);
  return number;
}

static void
log_in (Stage      *stage,
        guint64     peer,
        CbPacket   *packet,
        guint       key,
        CbsEffects *effects)
{
  static const char *const key_ids[] = {
    NULL,
    "1111111111111111111111111111111111111111111111111111111111111111",
    "2222222222222222222222222222222222222222222222222222222222222222",
    "3333333333333333333333333333333333333333333333333333333333333333",
  };
  const char *features = cb_packet_get_extra (packet, "FEATURES");
  CbsLogin login = { .peer = peer, .username = cb_packet_get_username (packet), .key_id = key_ids[key] };

  if (features != NULL)
    cb_features_parse (features, &login.features, NULL);
  cbs_room_log_in (stage->room, &login, effects);
}

static void
ask_for_blocks (Stage      *stage,
                guint64     peer,
                const char *json,
                gint64      request,
                CbsEffects *effects)
{
  g_autoptr (CbChangeRequest) change = cb_blocks_request_parse (json, NULL);

  if (change != NULL)
    cbs_room_change_blocks (stage->room, peer, change, request, effects);
}

static void
ask_for_keys (Stage      *stage,
              guint64     peer,
              const char *json,
              gint64      request,
              CbsEffects *effects)
{
  g_autoptr (CbChangeRequest) change = cb_keys_request_parse (json, NULL);

  if (change != NULL)
    cbs_room_change_keys (stage->room, peer, change, request, effects);
}

static void
ask_for_users (Stage      *stage,
               guint64     peer,
               const char *json,
               gint64      request,
               CbsEffects *effects)
{
  g_autoptr (CbUsersRequest) wanted = cb_users_request_parse (json, NULL);

  if (wanted != NULL)
    cbs_room_list_users (stage->room, peer, wanted, request, effects);
}

static void
read_up_to (Stage      *stage,
            guint64     peer,
            const char *json,
            gint64      request,
            CbsEffects *effects)
{
  g_autoptr (GPtrArray) markers = cb_read_markers_parse (json, NULL);

  if (markers != NULL)
    cbs_room_read (stage->room, peer, markers, stage->seq, request, effects);
}

static const struct
{
  const char *key;
  void        (*ask) (Stage      *stage,
                      guint64     peer,
                      const char *json,
                      gint64      request,
                      CbsEffects *effects);
} requests[] = {
  { "USERS", ask_for_users },
  { "BLOCKS", ask_for_blocks },
  { "READ", read_up_to },
  { "KEYS", ask_for_keys },
};

static void
handle (Stage      *stage,
        guint64     peer,
        guint       key,
        const char *payload,
        gsize       len)
{
  const CbFeatures features = cbs_room_get_features (stage->room, peer);
  g_autoptr (CbPacket) packet = cb_packet_parse_with (payload, len, features, NULL);
  GPtrArray *messages = NULL;

  if (packet == NULL)
    return;

  if (cb_packet_get_username (packet) != NULL)
    {
      g_autoptr (CbsEffects) effects = cbs_effects_new ();

      log_in (stage, peer, packet, key, effects);
      play (stage, effects);
    }
  messages = cb_packet_get_messages (packet);
  for (guint i = 0; messages != NULL && i < messages->len; i++)
    {
      g_autoptr (CbsEffects) effects = cbs_effects_new ();

      cbs_room_say (stage->room, peer, g_ptr_array_index (messages, i), get_request (packet), effects);
      play (stage, effects);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (requests); i++)
    {
      g_autoptr (CbsEffects) effects = cbs_effects_new ();
      const char *json = cb_packet_get_extra (packet, requests[i].key);

      if (json != NULL)
        requests[i].ask (stage, peer, json, get_request (packet), effects);
      play (stage, effects);
    }
}

static void
free_entry (gpointer data)
{
  cbs_entry_unref (data);
}

/* The server's side of some connections: each frame's first byte tells whose it is, and what befalls
 * that peer. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  static const CbsRoomSettings settings = { .max_content = 1024 };
  CbFrameReader reader = { .max_len = MAX_FRAME };
  Stage stage = { .room = cbs_room_new (&settings), .holders = cbs_holders_new () };

  stage.tokens = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_entry);
  while (size > 0)
    {
      const char *payload = NULL;
      gsize len = 0;
      guint64 peer = 0;
      guint head = 0;

      if (!cb_frame_reader_take (&reader, &data, &size, &payload, &len, NULL))
        break;
      if (payload == NULL || len < 1)
        continue;

      head = (guchar) payload[0];
      peer = 1 + head % N_PEERS;
      stage.is_full = (head & IS_FULL) != 0;
      if ((head & IS_LEAVE) == 0)
        handle (&stage, peer, head >> KEY_SHIFT & 3, payload + 1, len - 1);
      else
        {
          g_autoptr (CbsEffects) effects = cbs_effects_new ();

          cbs_room_leave (stage.room, peer, effects);
          play (&stage, effects);
        }
    }

  cb_frame_reader_clear (&reader);
  cbs_room_free (stage.room);
  g_hash_table_unref (stage.tokens);
  cbs_holders_free (stage.holders);
  return 0;
}
