/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-frame.h"

#include <string.h>

#include "libchatterbox/cb-error.h"

/* Deployed peers find the payload by its first “{”: no prefix may hold that byte. */
#define FORBIDDEN_BYTE 0x7b

/* A payload's buffer starts with this and doubles as bytes arrive, so that a
 * peer pays in bytes for the memory that it makes us use. */
#define FIRST_ALLOCATION 512u

/**
 * cb_frame_parse_header:
 * @header: (array fixed-size=4): the first four bytes of a frame
 * @max_len: largest payload accepted, in bytes
 * @out_len: (out): length of the payload that follows, in bytes
 * @error: return location for a #GError
 *
 * Reads the length prefix of one frame: an unsigned 32-bit integer in network
 * byte order that counts the payload only.
 *
 * Source: `docs/protocol.md`, “Framing”.
 *
 * Returns: %TRUE with @out_len in `0..max_len`; %FALSE with
 *   [error@Cb.Error.TOO_LARGE] and @out_len untouched
 */
gboolean
cb_frame_parse_header (const guint8 header[CB_FRAME_HEADER_LEN],
                       gsize        max_len,
                       gsize       *out_len,
                       GError     **error)
{
  guint32 len = 0;

  g_return_val_if_fail (header != NULL, FALSE);
  g_return_val_if_fail (out_len != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  memcpy (&len, header, sizeof len);
  len = GUINT32_FROM_BE (len);

  if (len > max_len)
    {
      g_set_error (error, CB_ERROR, CB_ERROR_TOO_LARGE,
                   "The frame has %" G_GUINT32_FORMAT " bytes; the limit is %" G_GSIZE_FORMAT,
                   len, max_len);
      return FALSE;
    }

  *out_len = len;
  return TRUE;
}

/**
 * cb_frame_write_header:
 * @header: (out caller-allocates) (array fixed-size=4): where to write
 * @len: length of the payload, at most 2^32 - 1
 *
 * Writes the length prefix of a frame.
 */
void
cb_frame_write_header (guint8 header[CB_FRAME_HEADER_LEN],
                       gsize  len)
{
  const guint32 prefix = GUINT32_TO_BE ((guint32) len);

  g_return_if_fail (header != NULL);
  g_return_if_fail (len <= G_MAXUINT32);

  memcpy (header, &prefix, sizeof prefix);
}

/**
 * cb_frame_get_padded_length:
 * @len: length of a payload, in bytes
 *
 * Finds the length up to which a payload has to be padded with spaces so that
 * no byte of its prefix is 0x7B, which deployed peers take for the beginning
 * of the JSON text.
 *
 * Source: `docs/protocol.md`, “Framing”.
 *
 * Returns: the smallest such length that is at least @len
 */
gsize
cb_frame_get_padded_length (gsize len)
{
  for (guint shift = 32; shift > 0; shift -= 8)
    {
      const guint low = shift - 8;

      /* Adding one to that byte zeroes what stands below it. */
      if ((len >> low & 0xff) == FORBIDDEN_BYTE)
        return ((len >> low) + 1) << low;
    }

  return len;
}

/**
 * cb_frame_new:
 * @payload: (array length=len): a JSON object
 * @len: its length, in bytes
 *
 * Makes one frame: prefix, payload, and the padding that deployed peers need.
 *
 * Returns: (transfer full): the frame
 */
GBytes *
cb_frame_new (const char *payload,
              gsize       len)
{
  const gsize padded_len = cb_frame_get_padded_length (len);
  guint8 *frame = NULL;

  g_return_val_if_fail (payload != NULL, NULL);

  frame = g_malloc (CB_FRAME_HEADER_LEN + padded_len);
  cb_frame_write_header (frame, padded_len);
  memcpy (frame + CB_FRAME_HEADER_LEN, payload, len);
  memset (frame + CB_FRAME_HEADER_LEN + len, ' ', padded_len - len);

  return g_bytes_new_take (frame, CB_FRAME_HEADER_LEN + padded_len);
}

/* Moves up to @wanted bytes of the input to @target. */
static gsize
take_bytes (const guint8 **data,
            gsize         *len,
            guint8        *target,
            gsize          wanted)
{
  const gsize n = MIN (*len, wanted);

  memcpy (target, *data, n);
  *data += n;
  *len -= n;
  return n;
}

static void
take_payload (CbFrameReader *reader,
              const guint8 **data,
              gsize         *len)
{
  const gsize needed = reader->received + MIN (*len, reader->payload_len - reader->received);

  /* Nothing is allocated yet that could be pointed at. */
  if (*len == 0)
    return;

  if (needed > reader->allocated)
    {
      gsize allocated = MAX (reader->allocated, FIRST_ALLOCATION);

      while (allocated < needed)
        allocated *= 2;
      reader->allocated = MIN (allocated, reader->payload_len);
      reader->payload = g_realloc (reader->payload, reader->allocated);
    }

  reader->received += take_bytes (data, len, reader->payload + reader->received,
                                  reader->payload_len - reader->received);
}

/* The frame that was returned last is no longer needed. */
static void
forget_frame (CbFrameReader *reader)
{
  g_clear_pointer (&reader->payload, g_free);
  reader->allocated = 0;
  reader->received = 0;
  reader->payload_len = 0;
  reader->header_len = 0;
}

static gboolean
take_header (CbFrameReader *reader,
             const guint8 **data,
             gsize         *len,
             GError       **error)
{
  reader->header_len = (guint8) (reader->header_len +
                                 take_bytes (data, len, reader->header + reader->header_len,
                                             CB_FRAME_HEADER_LEN - reader->header_len));
  if (reader->header_len < CB_FRAME_HEADER_LEN)
    return TRUE;

  if (cb_frame_parse_header (reader->header, reader->max_len, &reader->payload_len, error))
    return TRUE;

  forget_frame (reader);
  return FALSE;
}

/**
 * cb_frame_reader_take: (skip)
 * @reader: a reader
 * @data: (inout): the bytes that came; stepped on
 * @len: (inout): how many are left; stepped on
 * @out_payload: (out) (transfer none): the next payload, or %NULL if none is complete yet
 * @out_payload_len: (out): its length, in bytes
 * @error: return location for a #GError
 *
 * Takes bytes until one frame is complete or none are left. The payload lies
 * in @data where the frame is whole there, else in the reader; it is valid
 * until the next call.
 *
 * Memory is taken as bytes arrive: a prefix alone costs none.
 *
 * Returns: %TRUE; %FALSE with [error@Cb.Error.TOO_LARGE]: what follows can't
 *   be resynchronised
 */
gboolean
cb_frame_reader_take (CbFrameReader *reader,
                      const guint8 **data,
                      gsize         *len,
                      const char   **out_payload,
                      gsize         *out_payload_len,
                      GError       **error)
{
  g_return_val_if_fail (reader != NULL, FALSE);
  g_return_val_if_fail (data != NULL && len != NULL, FALSE);
  g_return_val_if_fail (out_payload != NULL && out_payload_len != NULL, FALSE);

  *out_payload = NULL;
  *out_payload_len = 0;

  if (reader->header_len == CB_FRAME_HEADER_LEN && reader->received == reader->payload_len)
    forget_frame (reader);
  if (reader->header_len < CB_FRAME_HEADER_LEN)
    {
      if (!take_header (reader, data, len, error))
        return FALSE;
      if (reader->header_len < CB_FRAME_HEADER_LEN)
        return TRUE;
    }

  if (reader->received == 0 && *len >= reader->payload_len)
    {
      *out_payload = (const char *) *data;
      *out_payload_len = reader->payload_len;
      *data += reader->payload_len;
      *len -= reader->payload_len;
      forget_frame (reader);
      return TRUE;
    }

  take_payload (reader, data, len);
  if (reader->received == reader->payload_len)
    {
      *out_payload = (const char *) reader->payload;
      *out_payload_len = reader->payload_len;
    }
  return TRUE;
}

/**
 * cb_frame_reader_is_started: (skip)
 * @reader: a reader
 *
 * Tells whether a frame has begun and is not complete.
 *
 * Returns: %TRUE if so
 */
gboolean
cb_frame_reader_is_started (const CbFrameReader *reader)
{
  g_return_val_if_fail (reader != NULL, FALSE);

  return reader->header_len > 0 &&
         (reader->header_len < CB_FRAME_HEADER_LEN || reader->received < reader->payload_len);
}

/**
 * cb_frame_reader_clear: (skip)
 * @reader: a reader
 *
 * Drops an incomplete frame and frees what it held; the limit stays.
 */
void
cb_frame_reader_clear (CbFrameReader *reader)
{
  g_return_if_fail (reader != NULL);

  forget_frame (reader);
}
