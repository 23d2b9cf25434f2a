/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fuzz/fuzz.h"

#include "libchatterbox/cb-frame.h"
#include "libchatterbox/cb-packet.h"
#include "server/log/cbs-log.h"
#include "server/log/cbs-registry.h"
#include "server/room/cbs-room.h"

#define N_PEERS 4
#define MAX_FRAME 4096u

/* A room with a log that stores at once, as far as a log decides anything. */
typedef struct
{
  CbsRoom     *room;
  CbsRegistry *names;
  gint64       seq;
} Stage;

static gboolean
is_taken (Stage    *stage,
          CbsEntry *entry)
{
  if (entry->kind == CBS_ENTRY_LEAVE)
    cbs_registry_release (stage->names, entry->src);
  return entry->kind == CBS_ENTRY_JOIN && !cbs_registry_claim (stage->names, entry->name);
}

/* Carries the effects out, as the server does: what is appended comes back committed, or refused. */
static void
play (Stage      *stage,
      CbsEffects *effects)
{
  for (guint i = 0; i < effects->len; i++)
    {
      const CbsEffect *effect = cbs_effects_get (effects, i);

      if (effect->fragment != NULL)
        {
          for (gsize j = 0; j < effect->fragment->len; j++)
            g_assert ((guchar) effect->fragment->json[j] < 0x80);
        }
      if (effect->kind == CBS_EFFECT_APPEND)
        {
          g_autoptr (CbsEntry) entry = cbs_entry_ref (effect->entry);
          g_autoptr (CbsEffects) further = cbs_effects_new ();

          if (is_taken (stage, entry))
            {
              g_autoptr (GError) error = g_error_new_literal (CBS_LOG_ERROR, CBS_LOG_ERROR_NAME_TAKEN, "Taken");

              cbs_room_append_failed (stage->room, entry, error, further);
            }
          else
            {
              entry->seq = ++stage->seq;
              cbs_room_committed (stage->room, entry, further);
            }
          cbs_registry_settle (stage->names);
          play (stage, further);
        }
    }
}

static void
handle (Stage      *stage,
        guint64     peer,
        const char *payload,
        gsize       len)
{
  g_autoptr (CbPacket) packet = cb_packet_parse (payload, len, NULL);
  GPtrArray *messages = NULL;

  if (packet == NULL)
    return;

  if (cb_packet_get_username (packet) != NULL)
    {
      g_autoptr (CbsEffects) effects = cbs_effects_new ();

      cbs_room_log_in (stage->room, peer, cb_packet_get_username (packet), effects);
      play (stage, effects);
    }
  messages = cb_packet_get_messages (packet);
  for (guint i = 0; messages != NULL && i < messages->len; i++)
    {
      g_autoptr (CbsEffects) effects = cbs_effects_new ();

      cbs_room_say (stage->room, peer, g_ptr_array_index (messages, i), effects);
      play (stage, effects);
    }
}

/* The server's side of some connections: each frame's first byte tells whose it is, and whether that
 * peer goes. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  static const CbsRoomSettings settings = { .max_content = 1024 };
  CbFrameReader reader = { .max_len = MAX_FRAME };
  Stage stage = { cbs_room_new (&settings), cbs_registry_new (), 0 };

  while (size > 0)
    {
      const char *payload = NULL;
      gsize len = 0;
      guint64 peer = 0;

      if (!cb_frame_reader_take (&reader, &data, &size, &payload, &len, NULL))
        break;
      if (payload == NULL || len < 1)
        continue;

      peer = 1 + (guchar) payload[0] % N_PEERS;
      if ((payload[0] & 0x80) == 0)
        handle (&stage, peer, payload + 1, len - 1);
      else
        {
          g_autoptr (CbsEffects) effects = cbs_effects_new ();

          cbs_room_leave (stage.room, peer, effects);
          play (&stage, effects);
        }
    }

  cb_frame_reader_clear (&reader);
  cbs_room_free (stage.room);
  cbs_registry_free (stage.names);
  return 0;
}
