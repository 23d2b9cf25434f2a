/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fuzz/fuzz.h"

#include <string.h>

#include "libchatterbox/cb-frame.h"
#include "libchatterbox/cb-packet.h"

static CbPacket *
write_and_read (CbPacket      *packet,
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

  again = cb_packet_parse (frame + CB_FRAME_HEADER_LEN, len - CB_FRAME_HEADER_LEN, NULL);
  g_assert (again != NULL);
  return again;
}

/* What was read and is written says the same: reading and writing it once more changes nothing. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CbPacket) packet = cb_packet_parse ((const char *) data, size, &error);

  if (packet == NULL)
    {
      g_assert (error != NULL && *error->message != '\0');
      return 0;
    }

  for (CbJsonEncoding encoding = CB_JSON_ASCII; encoding <= CB_JSON_UTF8; encoding++)
    {
      g_autoptr (GBytes) first = NULL;
      g_autoptr (GBytes) second = NULL;
      g_autoptr (CbPacket) again = write_and_read (packet, encoding, &first);
      g_autoptr (CbPacket) once_more = write_and_read (again, encoding, &second);

      g_assert (once_more != NULL);
      g_assert (g_bytes_equal (first, second));
    }
  return 0;
}
