/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "common/test-family.h"

#include <string.h>

/* More than a TLS record, so that a read is never less than one. */
#define READ_SIZE (64 * 1024)

#define PREFIX_LEN 4

void
test_family_reader_init (TestFamilyReader *self)
{
  self->buffer = g_string_new (NULL);
  self->data_len = 0;
}

void
test_family_reader_clear (TestFamilyReader *self)
{
  g_string_free (g_steal_pointer (&self->buffer), TRUE);
}

static gboolean
die (GError    **error,
     const char *reason)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, reason);
  return FALSE;
}

static gboolean
append_ascii (TestFamilyReader *self,
              const guint8     *data,
              gsize             len,
              GError          **error)
{
  for (gsize i = 0; i < len; i++)
    {
      if (data[i] >= 0x80)
        return die (error, "UnicodeDecodeError: a byte is not ASCII");
    }

  g_string_append_len (self->buffer, (const char *) data, (gssize) len);
  return TRUE;
}

/* The first read of a frame: all in front of the first brace has to be the prefix. */
static gboolean
start_frame (TestFamilyReader *self,
             const guint8     *data,
             gsize             len,
             GError          **error)
{
  const guint8 *brace = memchr (data, '{', len);
  guint32 prefix = 0;

  if (brace == NULL || brace - data != PREFIX_LEN)
    return die (error, "struct.error: what is before the first brace is not a prefix");

  memcpy (&prefix, data, PREFIX_LEN);
  self->data_len = GUINT32_FROM_BE (prefix);
  return append_ascii (self, brace, MIN (len - PREFIX_LEN, self->data_len), error);
}

/* Takes what one read has brought. Returns the object of a frame that is complete; NULL without an
 * error: it is not complete yet; NULL with an error: what the original dies of. */
JsonObject *
test_family_reader_take (TestFamilyReader *self,
                         const guint8     *data,
                         gsize             len,
                         GError          **error)
{
  g_autoptr (JsonParser) parser = NULL;

  if (self->buffer->len == 0)
    {
      if (!start_frame (self, data, len, error))
        return NULL;
    }
  else if (!append_ascii (self, data, len, error))
    return NULL;

  /* The end of a frame and the start of the next one came in one read: the length never fits again. */
  if (self->buffer->len > self->data_len)
    {
      die (error, "Stuck: the buffer has outgrown its frame");
      return NULL;
    }
  if (self->buffer->len < self->data_len)
    return NULL;

  parser = json_parser_new ();
  if (!json_parser_load_from_data (parser, self->buffer->str, (gssize) self->buffer->len, error))
    return NULL;
  g_string_truncate (self->buffer, 0);
  g_assert_true (JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)));
  return json_object_ref (json_node_get_object (json_parser_get_root (parser)));
}

struct _TestFamilyTransport
{
  GIOStream                *stream;
  GCancellable             *cancellable;
  const TestFamilyProtocol *protocol; /* NULL: nobody is interested any more */
  gpointer                  user_data;
  TestFamilyReader          reader;
  guint8                    input[READ_SIZE];
  GQueue                    output; /* of GBytes: not yet written */
  gboolean                  is_writing;
  gboolean                  is_reading;
  gboolean                  is_paused;
};

static void
transport_clear (gpointer data)
{
  TestFamilyTransport *self = data;

  test_family_reader_clear (&self->reader);
  g_queue_clear_full (&self->output, (GDestroyNotify) g_bytes_unref);
  g_object_unref (self->stream);
  g_object_unref (self->cancellable);
}

static void
lose (TestFamilyTransport *self,
      const char          *death)
{
  const TestFamilyProtocol *protocol = g_steal_pointer (&self->protocol);

  if (protocol != NULL)
    protocol->lost (death, self->user_data);
}

static void
read_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  TestFamilyTransport *self = user_data;
  g_autoptr (GError) error = NULL;
  const gssize n_read = g_input_stream_read_finish (G_INPUT_STREAM (source), result, &error);
  g_autoptr (JsonObject) object = NULL;

  self->is_reading = FALSE;
  if (self->protocol == NULL)
    ;
  /* It notices an end, with a word or without, and a reset alike. */
  else if (n_read <= 0)
    lose (self, NULL);
  else
    {
      object = test_family_reader_take (&self->reader, self->input, (gsize) n_read, &error);
      if (error != NULL)
        lose (self, error->message);
      else if (object != NULL)
        self->protocol->received (object, self->user_data);
    }

  if (self->protocol != NULL && !self->is_paused)
    {
      self->is_reading = TRUE;
      g_input_stream_read_async (G_INPUT_STREAM (source), self->input, sizeof self->input,
                                 G_PRIORITY_DEFAULT, self->cancellable, read_cb, g_rc_box_acquire (self));
    }
  g_rc_box_release_full (self, transport_clear);
}

static void
start_reading (TestFamilyTransport *self)
{
  self->is_reading = TRUE;
  g_input_stream_read_async (g_io_stream_get_input_stream (self->stream), self->input, sizeof self->input,
                             G_PRIORITY_DEFAULT, self->cancellable, read_cb, g_rc_box_acquire (self));
}

/* Reads from @stream from now on. */
TestFamilyTransport *
test_family_transport_new (GIOStream                *stream,
                           const TestFamilyProtocol *protocol,
                           gpointer                  user_data)
{
  TestFamilyTransport *self = g_rc_box_new0 (TestFamilyTransport);

  self->stream = g_object_ref (stream);
  self->cancellable = g_cancellable_new ();
  self->protocol = protocol;
  self->user_data = user_data;
  test_family_reader_init (&self->reader);
  g_queue_init (&self->output);
  start_reading (self);
  return self;
}

/* Ends the connection as a program does that exits: the socket goes, without a word. */
void
test_family_transport_free (TestFamilyTransport *self)
{
  g_autoptr (GIOStream) base = NULL;

  self->protocol = NULL;
  g_cancellable_cancel (self->cancellable);
  g_object_get (self->stream, "base-io-stream", &base, NULL);
  g_socket_close (g_socket_connection_get_socket (G_SOCKET_CONNECTION (base)), NULL);
  g_rc_box_release_full (self, transport_clear);
}

static void
write_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  TestFamilyTransport *self = user_data;

  self->is_writing = FALSE;
  g_bytes_unref (g_queue_pop_head (&self->output));
  /* A write that fails is followed by a read that does. */
  if (g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, NULL) &&
      self->output.length > 0)
    {
      GBytes *next = g_queue_peek_head (&self->output);

      self->is_writing = TRUE;
      g_output_stream_write_all_async (G_OUTPUT_STREAM (source), g_bytes_get_data (next, NULL),
                                       g_bytes_get_size (next), G_PRIORITY_DEFAULT, self->cancellable,
                                       write_cb, g_rc_box_acquire (self));
    }
  g_rc_box_release_full (self, transport_clear);
}

/* Writes a frame; this never waits. */
void
test_family_transport_write (TestFamilyTransport *self,
                             const char          *json)
{
  const gsize len = strlen (json);
  const guint32 prefix = GUINT32_TO_BE ((guint32) len);
  guint8 *frame = g_malloc (PREFIX_LEN + len);
  GBytes *bytes = NULL;

  memcpy (frame, &prefix, PREFIX_LEN);
  memcpy (frame + PREFIX_LEN, json, len);
  bytes = g_bytes_new_take (frame, PREFIX_LEN + len);
  g_queue_push_tail (&self->output, bytes);
  if (self->is_writing || g_cancellable_is_cancelled (self->cancellable))
    return;

  self->is_writing = TRUE;
  g_output_stream_write_all_async (g_io_stream_get_output_stream (self->stream), frame, PREFIX_LEN + len,
                                   G_PRIORITY_DEFAULT, self->cancellable,
                                   write_cb, g_rc_box_acquire (self));
}

/* A program that is busy elsewhere does not read. */
void
test_family_transport_set_paused (TestFamilyTransport *self,
                                  gboolean             paused)
{
  self->is_paused = paused;
  if (!paused && !self->is_reading && self->protocol != NULL)
    start_reading (self);
}

/* Writes a string as Python's json.dumps() does: in ASCII. */
void
test_family_append_string (GString    *out,
                           const char *text)
{
  static const char values[] = "\"\\\n\r\t\f\b";
  static const char names[] = "\"\\nrtfb";

  g_string_append_c (out, '"');
  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    {
      const gunichar c = g_utf8_get_char (p);
      const char *named = c < 0x80 ? strchr (values, (int) c) : NULL;

      if (named != NULL)
        g_string_append_printf (out, "\\%c", names[named - values]);
      else if (c >= 0x20 && c <= 0x7e)
        g_string_append_c (out, (char) c);
      else if (c <= 0xffff)
        g_string_append_printf (out, "\\u%04x", c);
      else
        g_string_append_printf (out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                                0xdc00 + ((c - 0x10000) & 0x3ff));
    }
  g_string_append_c (out, '"');
}

/* Writes the object that carries messages: @messages are arrays of four. */
char *
test_family_dump_messages (GPtrArray *messages)
{
  g_autoptr (GString) json = g_string_new ("{\"MESSAGES\": [");

  for (guint i = 0; i < messages->len; i++)
    {
      JsonArray *message = g_ptr_array_index (messages, i);

      g_string_append (json, i > 0 ? ", [" : "[");
      test_family_append_string (json, json_array_get_string_element (message, 0));
      g_string_append (json, ", ");
      test_family_append_string (json, json_array_get_string_element (message, 1));
      g_string_append_printf (json, ", %" G_GINT64_FORMAT ", ", json_array_get_int_element (message, 2));
      test_family_append_string (json, json_array_get_string_element (message, 3));
      g_string_append_c (json, ']');
    }
  g_string_append (json, "]}");
  return g_string_free (g_steal_pointer (&json), FALSE);
}
