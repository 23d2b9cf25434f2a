/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "libchatterbox/cb-session.h"

#include <string.h>
#include <sys/socket.h>

#include "common/test-pair.h"
#include "common/test-wait.h"
#include "libchatterbox/cb-error.h"
#include "libchatterbox/cb-frame.h"

static void
count_notify_cb (GObject    *object,
                 GParamSpec *pspec,
                 gpointer    user_data)
{
  guint *n_notified = user_data;

  (*n_notified)++;
}

static void
test_session_properties (TestPair     *fixture,
                         gconstpointer user_data)
{
  CbSession *session = fixture->session;
  g_autoptr (GIOStream) stream = NULL;
  guint max_frame = 0;
  guint max_queue = 0;
  guint n_notified = 0;

  g_object_get (session, "stream", &stream, "max-frame", &max_frame, "max-queue", &max_queue, NULL);
  g_assert_true (stream == cb_session_get_stream (session));
  g_assert_true (G_IS_SOCKET_CONNECTION (stream));
  g_assert_cmpuint (max_frame, ==, 64 * 1024 * 1024);
  g_assert_cmpuint (max_queue, ==, 4 * 1024 * 1024);

  g_signal_connect (session, "notify", G_CALLBACK (count_notify_cb), &n_notified);
  cb_session_set_max_frame (session, max_frame);
  cb_session_set_max_queue (session, max_queue);
  g_assert_cmpuint (n_notified, ==, 0);
  cb_session_set_max_frame (session, 7);
  g_object_set (session, "max-queue", 8, NULL);
  g_assert_cmpuint (n_notified, ==, 2);
  g_assert_cmpuint (cb_session_get_max_frame (session), ==, 7);
  g_assert_cmpuint (cb_session_get_max_queue (session), ==, 8);
}

static void
test_session_receive_many (TestPair     *fixture,
                           gconstpointer user_data)
{
  g_autoptr (GString) wire = g_string_new (NULL);

  test_pair_append_frame (wire, "{\"INFO\":\"one\"}");
  test_pair_append_frame (wire, "{\"INFO\":\"two\"}   ");
  test_pair_append_frame (wire, "{\"INFO\":\"three\"}");
  test_pair_write (fixture, wire->str, wire->len);
  test_pair_leave (fixture);

  test_pair_assert_receives (fixture, "one");
  test_pair_assert_receives (fixture, "two");
  test_pair_assert_receives (fixture, "three");
  test_pair_assert_receive_fails (fixture, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
  test_pair_assert_receive_fails (fixture, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
}

static void
test_session_receive_byte_by_byte (TestPair     *fixture,
                                   gconstpointer user_data)
{
  g_autoptr (GString) wire = g_string_new (NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (CbPacket) packet = NULL;

  test_pair_append_frame (wire, "{\"INFO\":\"\\u00e9\"}");
  cb_session_receive_async (fixture->session, NULL, test_wait_store_cb, &result);
  for (gsize i = 0; i < wire->len; i++)
    {
      g_assert_null (result);
      test_pair_write (fixture, wire->str + i, 1);
      g_main_context_iteration (NULL, TRUE);
    }

  test_wait_for (&result, "the receive");
  packet = cb_session_receive_finish (fixture->session, result, NULL);
  g_assert_cmpstr (cb_packet_get_info (packet), ==, "é");
}

static void
test_session_receive_large (TestPair     *fixture,
                            gconstpointer user_data)
{
  g_autofree char *info = g_strnfill (1000000, 'x');
  g_autofree char *json = g_strdup_printf ("{\"INFO\":\"%s\"}", info);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (CbPacket) packet = NULL;

  cb_session_receive_async (fixture->session, NULL, test_wait_store_cb, &result);
  test_pair_write_frame (fixture, json);
  test_wait_for (&result, "the receive");
  packet = cb_session_receive_finish (fixture->session, result, NULL);
  g_assert_cmpstr (cb_packet_get_info (packet), ==, info);
}

/* Wherever a frame is torn, in its prefix as well. */
static void
test_session_receive_torn (TestPair     *fixture,
                           gconstpointer user_data)
{
  const guint8 wire[] = { 0, 0, 0, 9, '{' };

  for (gsize len = 1; len <= sizeof wire; len++)
    {
      TestPair torn = { NULL, -1 };

      test_pair_set_up (&torn, user_data);
      test_pair_write (&torn, wire, len);
      test_pair_leave (&torn);
      test_pair_assert_receive_fails (&torn, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT);
      test_pair_tear_down (&torn, user_data);
    }
}

/* A frame that can't be understood costs no connection. */
static void
test_session_receive_malformed (TestPair     *fixture,
                                gconstpointer user_data)
{
  static const char *payloads[] = { "", "[]", "hello", "{\"INFO\":1}", "{\"INFO\":\"\xff\"}", "{\"a\":1,\"a\":1}" };
  g_autoptr (GString) wire = g_string_new (NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (payloads); i++)
    test_pair_append_frame (wire, payloads[i]);
  test_pair_append_frame (wire, "{\"INFO\":\"fine\"}");
  test_pair_write (fixture, wire->str, wire->len);

  for (gsize i = 0; i < G_N_ELEMENTS (payloads); i++)
    test_pair_assert_receive_fails (fixture, CB_ERROR, CB_ERROR_MALFORMED);
  test_pair_assert_receives (fixture, "fine");
}

/* Nothing behind a frame that is too large can be read: it would be taken from within that frame. */
static void
test_session_receive_too_large (TestPair     *fixture,
                                gconstpointer user_data)
{
  cb_session_set_max_frame (fixture->session, 14);
  test_pair_write_frame (fixture, "{\"INFO\":\"one\"}");
  test_pair_write_frame (fixture, "{\"INFO\":\"more\"}");
  test_pair_write_frame (fixture, "{\"INFO\":\"two\"}");

  test_pair_assert_receives (fixture, "one");
  test_pair_assert_receive_fails (fixture, CB_ERROR, CB_ERROR_TOO_LARGE);
  test_pair_write_frame (fixture, "{\"INFO\":\"two\"}");
  test_pair_assert_receive_fails (fixture, CB_ERROR, CB_ERROR_TOO_LARGE);
}

static void
test_session_receive_limit_raised (TestPair     *fixture,
                                   gconstpointer user_data)
{
  cb_session_set_max_frame (fixture->session, 14);
  test_pair_write_frame (fixture, "{\"INFO\":\"one\"}");
  test_pair_write_frame (fixture, "{\"INFO\":\"more\"}");

  test_pair_assert_receives (fixture, "one");
  cb_session_set_max_frame (fixture->session, 15);
  test_pair_assert_receives (fixture, "more");
}

static void
test_session_receive_pending (TestPair     *fixture,
                              gconstpointer user_data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (CbPacket) packet = NULL;

  cb_session_receive_async (fixture->session, NULL, test_wait_store_cb, &result);
  test_pair_assert_receive_fails (fixture, G_IO_ERROR, G_IO_ERROR_PENDING);

  test_pair_write_frame (fixture, "{\"INFO\":\"one\"}");
  test_wait_for (&result, "the receive");
  packet = cb_session_receive_finish (fixture->session, result, NULL);
  g_assert_cmpstr (cb_packet_get_info (packet), ==, "one");
}

/* Whenever a receive is cancelled, wherever in a frame, with bytes read or about to be: nothing is lost. */
static void
test_session_receive_cancel (TestPair     *fixture,
                             gconstpointer user_data)
{
  const guint n_frames = 300;
  g_autoptr (GString) wire = g_string_new (NULL);
  g_autoptr (GPtrArray) infos = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < n_frames; i++)
    {
      g_autofree char *json = g_strdup_printf ("{\"INFO\":\"%u\"}", i);

      test_pair_append_frame (wire, json);
    }

  for (gsize pos = 0; pos < wire->len;)
    {
      const gsize most = (gsize) g_test_rand_int_range (1, 40);
      const gsize len = MIN (most, wire->len - pos);

      test_pair_write (fixture, wire->str + pos, len);
      pos += len;
      test_pair_receive_and_cancel (fixture, (guint) g_test_rand_int_range (0, 4), infos);
    }
  while (infos->len < n_frames)
    {
      g_autoptr (CbPacket) packet = test_pair_receive (fixture, NULL);

      g_ptr_array_add (infos, g_strdup (cb_packet_get_info (packet)));
    }

  for (guint i = 0; i < n_frames; i++)
    g_assert_cmpuint (g_ascii_strtoull (g_ptr_array_index (infos, i), NULL, 10), ==, i);
}

static void
test_session_receive_cancelled_before (TestPair     *fixture,
                                       gconstpointer user_data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  test_pair_write_frame (fixture, "{\"INFO\":\"one\"}");
  g_cancellable_cancel (cancellable);
  cb_session_receive_async (fixture->session, cancellable, test_wait_store_cb, &result);
  test_wait_for (&result, "the receive");
  g_assert_null (cb_session_receive_finish (fixture->session, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  test_pair_assert_receives (fixture, "one");
}

/* A cancelled receive keeps neither the session nor the connection. */
static void
test_session_receive_cancel_and_drop (TestPair     *fixture,
                                      gconstpointer user_data)
{
  g_autoptr (GPtrArray) infos = g_ptr_array_new_with_free_func (g_free);
  char byte = '\0';

  test_pair_receive_and_cancel (fixture, 2, infos);
  g_assert_finalize_object (g_steal_pointer (&fixture->session));
  g_assert_false (test_pair_read (fixture, &byte, 1));
}

/* The peer leaves between two receives: the next one tells. */
static void
test_session_receive_end_between (TestPair     *fixture,
                                  gconstpointer user_data)
{
  g_autoptr (GPtrArray) infos = g_ptr_array_new_with_free_func (g_free);

  test_pair_receive_and_cancel (fixture, 2, infos);
  test_pair_leave (fixture);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  test_pair_assert_receive_fails (fixture, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
}

/* Any stream will do, not only those that can be polled. */
static void
test_session_receive_not_pollable (TestPair     *fixture,
                                   gconstpointer user_data)
{
  GIOStream *socket = cb_session_get_stream (fixture->session);
  g_autoptr (GInputStream) input = g_buffered_input_stream_new (g_io_stream_get_input_stream (socket));
  g_autoptr (GIOStream) stream = g_simple_io_stream_new (input, g_io_stream_get_output_stream (socket));
  TestPair wrapped = { cb_session_new (stream), fixture->peer };

  test_pair_write_frame (&wrapped, "{\"INFO\":\"one\"}");
  test_pair_assert_receives (&wrapped, "one");
  g_assert_finalize_object (g_steal_pointer (&wrapped.session));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  test_pair_add ("/session/properties", SOCK_STREAM, test_session_properties);
  test_pair_add ("/session/receive/many", SOCK_STREAM, test_session_receive_many);
  test_pair_add ("/session/receive/byte-by-byte", SOCK_STREAM, test_session_receive_byte_by_byte);
  test_pair_add ("/session/receive/large", SOCK_STREAM, test_session_receive_large);
  test_pair_add ("/session/receive/torn", SOCK_STREAM, test_session_receive_torn);
  test_pair_add ("/session/receive/malformed", SOCK_STREAM, test_session_receive_malformed);
  test_pair_add ("/session/receive/too-large", SOCK_STREAM, test_session_receive_too_large);
  test_pair_add ("/session/receive/limit-raised", SOCK_STREAM, test_session_receive_limit_raised);
  test_pair_add ("/session/receive/pending", SOCK_STREAM, test_session_receive_pending);
  test_pair_add ("/session/receive/cancel", SOCK_STREAM, test_session_receive_cancel);
  test_pair_add ("/session/receive/cancelled-before", SOCK_STREAM, test_session_receive_cancelled_before);
  test_pair_add ("/session/receive/cancel-and-drop", SOCK_STREAM, test_session_receive_cancel_and_drop);
  test_pair_add ("/session/receive/end-between", SOCK_STREAM, test_session_receive_end_between);
  test_pair_add ("/session/receive/not-pollable", SOCK_STREAM, test_session_receive_not_pollable);

  return g_test_run ();
}
