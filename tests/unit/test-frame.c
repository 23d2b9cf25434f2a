/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "libchatterbox/cb-error.h"
#include "libchatterbox/cb-frame.h"

static void
test_frame_header_edges (void)
{
  static const struct
  {
    guint8 header[CB_FRAME_HEADER_LEN];
    gsize  max_len;
    gsize  expected;
  } cases[] = {
    { { 0x00, 0x00, 0x00, 0x00 }, 0, 0 },
    { { 0x00, 0x00, 0x00, 0x01 }, 1, 1 },
    { { 0x00, 0x00, 0x00, 0xff }, 255, 255 },
    { { 0x00, 0x00, 0x01, 0x00 }, 256, 256 },
    { { 0x00, 0x01, 0x00, 0x00 }, 65536, 65536 },
    { { 0x01, 0x02, 0x03, 0x04 }, G_MAXUINT32, 0x01020304 },
    { { 0x80, 0x00, 0x00, 0x00 }, G_MAXUINT32, 0x80000000 },
    { { 0xff, 0xff, 0xff, 0xff }, G_MAXUINT32, G_MAXUINT32 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      guint8 written[CB_FRAME_HEADER_LEN] = { 0, };
      gsize len = 42;

      g_test_message ("case %" G_GSIZE_FORMAT, i);
      g_assert_true (cb_frame_parse_header (cases[i].header, cases[i].max_len, &len, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (len, ==, cases[i].expected);

      cb_frame_write_header (written, len);
      g_assert_cmpint (memcmp (written, cases[i].header, sizeof written), ==, 0);
    }
}

/* *out_len is not written: callers allocate from it. */
static void
test_frame_header_too_large (void)
{
  static const struct
  {
    guint8 header[CB_FRAME_HEADER_LEN];
    gsize  max_len;
  } cases[] = {
    { { 0xff, 0xff, 0xff, 0xff }, 65536 },
    { { 0x00, 0x01, 0x00, 0x01 }, 65536 },
    { { 0x80, 0x00, 0x00, 0x00 }, 65536 },
    { { 0x00, 0x00, 0x00, 0x01 }, 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      gsize len = 42;

      g_assert_false (cb_frame_parse_header (cases[i].header, cases[i].max_len, &len, &error));
      g_assert_error (error, CB_ERROR, CB_ERROR_TOO_LARGE);
      g_assert_cmpuint (len, ==, 42);
    }
}

static void
test_frame_header_error_names_limit (void)
{
  const guint8 header[CB_FRAME_HEADER_LEN] = { 0x00, 0x01, 0x00, 0x01 };
  g_autoptr (GError) error = NULL;
  gsize len = 0;

  g_assert_false (cb_frame_parse_header (header, 65536, &len, &error));
  g_assert_nonnull (strstr (error->message, "65537"));
  g_assert_nonnull (strstr (error->message, "65536"));
}

static gboolean
has_brace (gsize len)
{
  return (len & 0xff) == '{' || (len >> 8 & 0xff) == '{' ||
         (len >> 16 & 0xff) == '{' || (len >> 24 & 0xff) == '{';
}

/* From above, the right answer of each length follows from that of the next. */
static void
test_frame_padding_all (void)
{
  gsize expected = (1 << 17) + 1;

  for (gsize len = 1 << 17; len != G_MAXSIZE; len--)
    {
      expected = has_brace (len) ? expected : len;
      if (cb_frame_get_padded_length (len) != expected)
        g_error ("%" G_GSIZE_FORMAT " is padded to %" G_GSIZE_FORMAT, len, cb_frame_get_padded_length (len));
    }
}

static void
test_frame_padding_large (void)
{
  static const struct
  {
    gsize len;
    gsize expected;
  } cases[] = {
    { 0x007affff, 0x007affff },
    { 0x007b0000, 0x007c0000 },
    { 0x007b7b7b, 0x007c0000 },
    { 0x01007b00, 0x01007c00 },
    { 0x017bffff, 0x017c0000 },
    { 0x7a7a7b7b, 0x7a7a7c00 },
    { 0x7a7b7b7b, 0x7a7c0000 },
    { 0x7affff7b, 0x7affff7c },
    { 0x7affffff, 0x7affffff },
    { 0x7b000000, 0x7c000000 },
    { 0x7b7b7b7b, 0x7c000000 },
    { 0x7bffffff, 0x7c000000 },
    { 0x7c000000, 0x7c000000 },
    { 0x7c00007b, 0x7c00007c },
    { 0xffffffff, 0xffffffff },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      gsize smallest = cases[i].len;

      while (has_brace (smallest))
        smallest++;
      g_assert_cmphex (cb_frame_get_padded_length (cases[i].len), ==, cases[i].expected);
      g_assert_cmphex (smallest, ==, cases[i].expected);
    }
}

/* Deployed peers look for the first “{” of what they read. */
static void
test_frame_new (void)
{
  static const struct
  {
    gsize len;
    gsize padding;
  } cases[] = {
    { 2, 0 }, { 122, 0 }, { 123, 1 }, { 124, 0 }, { 379, 1 },
    { 31355, 1 }, { 31487, 0 }, { 31488, 256 }, { 31743, 1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const gsize padded_len = cases[i].len + cases[i].padding;
      g_autofree char *payload = g_strnfill (padded_len, ' ');
      g_autoptr (GBytes) frame = NULL;
      const char *data = NULL;
      gsize size = 0;

      memset (payload, 'x', cases[i].len);
      payload[0] = '{';
      frame = cb_frame_new (payload, cases[i].len);
      data = g_bytes_get_data (frame, &size);

      g_test_message ("%" G_GSIZE_FORMAT " bytes", cases[i].len);
      g_assert_cmpuint (size, ==, CB_FRAME_HEADER_LEN + padded_len);
      g_assert_true (memchr (data, '{', size) == data + CB_FRAME_HEADER_LEN);
      g_assert_cmpuint ((guint) (guint8) data[2] << 8 | (guint8) data[3], ==, padded_len);
      g_assert_cmpint (memcmp (data + CB_FRAME_HEADER_LEN, payload, padded_len), ==, 0);
    }
}

/* Appends a frame without padding, as a foreign peer writes it. */
static void
append_frame (GByteArray *wire,
              const char *payload,
              gsize       len)
{
  guint8 header[CB_FRAME_HEADER_LEN] = { 0, };

  cb_frame_write_header (header, len);
  g_byte_array_append (wire, header, sizeof header);
  g_byte_array_append (wire, (const guint8 *) payload, (guint) len);
}

/* Hands @len bytes to the reader; the payloads that come out are appended to @payloads. */
static void
feed (CbFrameReader *reader,
      const guint8  *bytes,
      gsize          len,
      GPtrArray     *payloads)
{
  while (len > 0)
    {
      g_autoptr (GError) error = NULL;
      const char *payload = NULL;
      gsize payload_len = 42;

      g_assert_true (cb_frame_reader_take (reader, &bytes, &len, &payload, &payload_len, &error));
      g_assert_no_error (error);
      if (payload != NULL)
        g_ptr_array_add (payloads, g_bytes_new (payload, payload_len));
      else
        g_assert_cmpuint (len + payload_len, ==, 0);
    }
}

/* However the stream is cut, the same frames come out; an empty one is a frame too. */
static void
test_frame_reader_chunks (void)
{
  static const gsize lengths[] = { 2, 0, 1, 511, 512, 513, 0, 0, 123, 3000 };
  g_autoptr (GByteArray) wire = g_byte_array_new ();
  g_autoptr (GPtrArray) expected = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autofree char *payload = g_strnfill (lengths[i], (char) ('a' + i));

      append_frame (wire, payload, lengths[i]);
      g_ptr_array_add (expected, g_bytes_new (payload, lengths[i]));
    }

  for (gsize chunk = 1; chunk <= wire->len; chunk = chunk < 20 ? chunk + 1 : chunk * 3)
    {
      g_autoptr (GPtrArray) payloads = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
      CbFrameReader reader = { .max_len = 3000 };

      g_test_message ("%" G_GSIZE_FORMAT " bytes at a time", chunk);
      for (gsize i = 0; i < wire->len; i += chunk)
        {
          /* A buffer of that very size: a sanitizer sees a read beyond it. */
          const gsize len = MIN (chunk, wire->len - i);
          g_autofree guint8 *bytes = g_memdup2 (wire->data + i, len);

          feed (&reader, bytes, len, payloads);
        }

      g_assert_false (cb_frame_reader_is_started (&reader));
      g_assert_cmpuint (payloads->len, ==, expected->len);
      for (guint i = 0; i < expected->len; i++)
        g_assert_true (g_bytes_equal (g_ptr_array_index (payloads, i), g_ptr_array_index (expected, i)));
      cb_frame_reader_clear (&reader);
    }
}

/* Takes once, from @bytes, and expects no error. */
static const char *
take (CbFrameReader *reader,
      const guint8  *bytes,
      gsize          len)
{
  g_autoptr (GError) error = NULL;
  const char *payload = NULL;
  gsize payload_len = 0;

  g_assert_true (cb_frame_reader_take (reader, &bytes, &len, &payload, &payload_len, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (len, ==, 0);
  return payload;
}

/* A frame that is whole in the input is neither copied nor kept. */
static void
test_frame_reader_no_copy (void)
{
  const guint8 wire[] = { 0, 0, 0, 2, '{', '}' };
  CbFrameReader reader = { .max_len = 2 };

  g_assert_true (take (&reader, wire, sizeof wire) == (const char *) wire + CB_FRAME_HEADER_LEN);
  g_assert_null (reader.payload);
}

/* A peer that announces much pays for it byte by byte. */
static void
test_frame_reader_memory (void)
{
  const gsize len = 1 << 20;
  const guint8 header[] = { 0x00, 0x10, 0x00, 0x00 };
  CbFrameReader reader = { .max_len = 1 << 20 };

  g_assert_null (take (&reader, header, sizeof header));
  g_assert_null (reader.payload);
  g_assert_cmpuint (reader.allocated, ==, 0);

  for (gsize i = 1; i <= len; i++)
    {
      const guint8 byte = 'x';
      const char *payload = take (&reader, &byte, 1);

      g_assert_true ((payload != NULL) == (i == len));
      if (reader.allocated > MAX (2 * i, 512))
        g_error ("%" G_GSIZE_FORMAT " bytes are allocated for %" G_GSIZE_FORMAT, reader.allocated, i);
    }
  g_assert_cmpuint (reader.allocated, ==, len);

  cb_frame_reader_clear (&reader);
}

static void
test_frame_reader_too_large (void)
{
  const guint8 wire[] = { 0, 0, 0, 2, '{', '}', 0, 0, 0, 3, '{', ' ', '}' };
  const guint8 *bytes = wire;
  gsize len = sizeof wire;
  CbFrameReader reader = { .max_len = 2 };
  g_autoptr (GError) error = NULL;
  const char *payload = NULL;
  gsize payload_len = 0;

  g_assert_true (cb_frame_reader_take (&reader, &bytes, &len, &payload, &payload_len, &error));
  g_assert_nonnull (payload);
  g_assert_false (cb_frame_reader_take (&reader, &bytes, &len, &payload, &payload_len, &error));
  g_assert_error (error, CB_ERROR, CB_ERROR_TOO_LARGE);
  g_assert_null (payload);
  g_assert_null (reader.payload);
  g_assert_cmpuint (reader.allocated, ==, 0);
}

/* Servers accept more once somebody is logged in. */
static void
test_frame_reader_limit_changes (void)
{
  const guint8 three[] = { 0, 0, 0, 3, 'a', 'b', 'c' };
  const guint8 *bytes = three;
  gsize len = sizeof three;
  CbFrameReader reader = { .max_len = 3 };
  g_autoptr (GError) error = NULL;
  const char *payload = NULL;
  gsize payload_len = 0;

  /* A frame that has been let in is not thrown out. */
  g_assert_null (take (&reader, three, 5));
  reader.max_len = 2;
  g_assert_nonnull (take (&reader, three + 5, 2));

  g_assert_false (cb_frame_reader_take (&reader, &bytes, &len, &payload, &payload_len, &error));
  g_assert_error (error, CB_ERROR, CB_ERROR_TOO_LARGE);

  cb_frame_reader_clear (&reader);
  reader.max_len = 3;
  g_assert_nonnull (take (&reader, three, sizeof three));
}

static void
test_frame_reader_is_started (void)
{
  const guint8 wire[] = { 0, 0, 0, 2, '{', '}', 0, 0, 0, 0 };
  const gboolean expected[] = { TRUE, TRUE, TRUE, TRUE, TRUE, FALSE, TRUE, TRUE, TRUE, FALSE };
  CbFrameReader reader = { .max_len = 2 };

  g_assert_false (cb_frame_reader_is_started (&reader));
  for (gsize i = 0; i < sizeof wire; i++)
    {
      take (&reader, wire + i, 1);
      g_test_message ("behind byte %" G_GSIZE_FORMAT, i);
      g_assert_true (cb_frame_reader_is_started (&reader) == expected[i]);
    }
}

static void
test_frame_reader_clear (void)
{
  const guint8 wire[] = { 0, 0, 0, 2, '{', '}' };
  CbFrameReader reader = { .max_len = 2 };

  for (gsize torn = 0; torn < sizeof wire; torn++)
    {
      g_assert_null (take (&reader, wire, torn));
      cb_frame_reader_clear (&reader);

      g_assert_false (cb_frame_reader_is_started (&reader));
      g_assert_cmpuint (reader.max_len, ==, 2);
      g_assert_nonnull (take (&reader, wire, sizeof wire));
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/frame/header/edges", test_frame_header_edges);
  g_test_add_func ("/frame/header/too-large", test_frame_header_too_large);
  g_test_add_func ("/frame/header/error-names-limit", test_frame_header_error_names_limit);
  g_test_add_func ("/frame/padding/all", test_frame_padding_all);
  g_test_add_func ("/frame/padding/large", test_frame_padding_large);
  g_test_add_func ("/frame/new", test_frame_new);
  g_test_add_func ("/frame/reader/chunks", test_frame_reader_chunks);
  g_test_add_func ("/frame/reader/no-copy", test_frame_reader_no_copy);
  g_test_add_func ("/frame/reader/memory", test_frame_reader_memory);
  g_test_add_func ("/frame/reader/too-large", test_frame_reader_too_large);
  g_test_add_func ("/frame/reader/limit-changes", test_frame_reader_limit_changes);
  g_test_add_func ("/frame/reader/is-started", test_frame_reader_is_started);
  g_test_add_func ("/frame/reader/clear", test_frame_reader_clear);

  return g_test_run ();
}
