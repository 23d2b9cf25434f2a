/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fuzz/fuzz.h"

#include <string.h>

#include "libchatterbox/cb-frame.h"

#define MAX_FRAME 4096u

/* The stream is cut into reads of a length that the first byte tells; how it is cut must not matter. */
static guint
count_frames (const guint8 *data,
              gsize         size,
              gsize         step,
              GChecksum    *checksum)
{
  CbFrameReader reader = { .max_len = MAX_FRAME };
  guint n_frames = 0;

  for (gsize i = 0; i < size; i += step)
    {
      const guint8 *next = data + i;
      gsize len = MIN (step, size - i);

      while (len > 0)
        {
          const char *payload = NULL;
          gsize payload_len = 0;

          if (!cb_frame_reader_take (&reader, &next, &len, &payload, &payload_len, NULL))
            {
              cb_frame_reader_clear (&reader);
              return n_frames;
            }
          if (payload == NULL)
            continue;
          g_assert (payload_len <= MAX_FRAME);
          g_checksum_update (checksum, (const guchar *) payload, (gssize) payload_len);
          n_frames++;
        }
    }

  cb_frame_reader_clear (&reader);
  return n_frames;
}

int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  g_autoptr (GChecksum) whole = g_checksum_new (G_CHECKSUM_MD5);
  g_autoptr (GChecksum) cut = g_checksum_new (G_CHECKSUM_MD5);

  if (size < 1)
    return 0;

  g_assert (count_frames (data + 1, size - 1, size, whole) ==
            count_frames (data + 1, size - 1, 1 + data[0] % 64, cut));
  g_assert (strcmp (g_checksum_get_string (whole), g_checksum_get_string (cut)) == 0);
  return 0;
}
