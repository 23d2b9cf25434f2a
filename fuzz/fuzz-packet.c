/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fuzz/fuzz.h"

#include <string.h>

#include "libchatterbox/cb-frame.h"
#include "libchatterbox/cb-packet.h"

static CbPacket *
write_and_read (CbPacket      *packet,
                CbFeatures     features,
                CbJsonEncoding encoding,
                GBytes       **out_frame)
{
  gsize len = 0;
  const char *frame = NULL;
  CbPacket *again = NULL;

  *out_frame = cb_packet_to_frame (packet, encoding);
  frame = g_bytes_get_data (*out_frame, &len);
  for (gsize i = 0; i < CB_FRAME_HEADER_LEN; i++)
    g_assert (frame[i] != '{');
  for (gsize i = CB_FRAME_HEADER_LEN; encoding == CB_JSON_ASCII && i < len; i++)
    g_assert ((guchar) frame[i] < 0x80);

  again = cb_packet_parse_with (frame + CB_FRAME_HEADER_LEN, len - CB_FRAME_HEADER_LEN, features, NULL);
  g_assert (again != NULL);
  return again;
}

static void
check_messages (CbPacket  *packet,
                CbFeatures features)
{
  GPtrArray *messages = cb_packet_get_messages (packet);

  for (guint i = 0; messages != NULL && i < messages->len; i++)
    {
      CbMessage *message = g_ptr_array_index (messages, i);
      const char *token = cb_message_get_token (message);

      g_assert (token == NULL || cb_message_is_token (token));
      g_assert (cb_message_get_id (message) >= 0 && cb_message_get_id (message) <= CB_JSON_MAX_INTEGER);
      g_assert (features != 0 || (token == NULL && cb_message_get_id (message) == 0));
    }
}

static gboolean
run (const char *text,
     gsize       len,
     CbFeatures  features)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CbPacket) packet = cb_packet_parse_with (text, len, features, &error);

  if (packet == NULL)
    {
      g_assert (error != NULL && *error->message != '\0');
      return FALSE;
    }

  check_messages (packet, features);
  for (CbJsonEncoding encoding = CB_JSON_ASCII; encoding <= CB_JSON_UTF8; encoding++)
    {
      g_autoptr (GBytes) first = NULL;
      g_autoptr (GBytes) second = NULL;
      g_autoptr (CbPacket) again = write_and_read (packet, features, encoding, &first);
      g_autoptr (CbPacket) once_more = write_and_read (again, features, encoding, &second);

      g_assert (once_more != NULL);
      g_assert (g_bytes_equal (first, second));
    }
  return TRUE;
}

/* What was read and is written says the same: reading and writing it once more changes nothing. What
 * a plain peer may say, a peer with features may say, too. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  const char *text = (const char *) data;
  const gboolean plain = run (text, size, 0);
  const gboolean featured = run (text, size, CB_FEATURES_ALL);

  g_assert (featured || !plain);
  return 0;
}
