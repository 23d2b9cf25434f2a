/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-version-macros.h"

G_BEGIN_DECLS

/**
 * CB_FRAME_HEADER_LEN:
 *
 * Bytes of the length prefix in front of every payload.
 */
#define CB_FRAME_HEADER_LEN 4u

CB_EXPORT
gboolean cb_frame_parse_header (const guint8 header[CB_FRAME_HEADER_LEN],
                                gsize        max_len,
                                gsize       *out_len,
                                GError     **error);
CB_EXPORT
void     cb_frame_write_header (guint8 header[CB_FRAME_HEADER_LEN],
                                gsize  len);
CB_EXPORT
gsize    cb_frame_get_padded_length (gsize len);
CB_EXPORT
GBytes  *cb_frame_new (const char *payload,
                       gsize       len);

/**
 * CbFrameReader: (skip)
 * @max_len: largest payload accepted, in bytes; may change between frames
 *
 * Cuts a stream of bytes into frames. All zero but @max_len is a fresh one;
 * it owns memory only while a frame is incomplete.
 */
typedef struct
{
  gsize   max_len;
  /*< private >*/
  guint8  header[CB_FRAME_HEADER_LEN];
  guint8  header_len;
  gsize   payload_len;
  guint8 *payload;
  gsize   received;
  gsize   allocated;
} CbFrameReader;

CB_EXPORT
gboolean cb_frame_reader_take (CbFrameReader *reader,
                               const guint8 **data,
                               gsize         *len,
                               const char   **out_payload,
                               gsize         *out_payload_len,
                               GError       **error);
CB_EXPORT
gboolean cb_frame_reader_is_started (const CbFrameReader *reader);
CB_EXPORT
void     cb_frame_reader_clear (CbFrameReader *reader);

G_END_DECLS
