/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls-stage.h"

/* More than the kernel holds of a connection within the machine. */
#define PLENTY (8u * 1024 * 1024)

#define LARGE (1024u * 1024)
#define CHUNK (64u * 1024)

static GInputStream *
get_input (Stage *stage)
{
  return g_io_stream_get_input_stream (G_IO_STREAM (stage->tls));
}

static GOutputStream *
get_output (Stage *stage)
{
  return g_io_stream_get_output_stream (G_IO_STREAM (stage->tls));
}

static void
shake_hands_async (Stage *stage)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_tls_connection_handshake_async (G_TLS_CONNECTION (stage->tls), G_PRIORITY_DEFAULT, NULL,
                                    test_wait_store_cb, &result);
  g_assert_cmpint (test_tls_client_handshake (stage->client), ==, 0);
  test_wait_for (&result, "the server's handshake");
  g_tls_connection_handshake_finish (G_TLS_CONNECTION (stage->tls), result, &error);
  g_assert_no_error (error);
}

static void
close_async (Stage   *stage,
             GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  g_io_stream_close_async (G_IO_STREAM (stage->tls), G_PRIORITY_DEFAULT, NULL, test_wait_store_cb, &result);
  test_wait_for (&result, "the server's close");
  g_io_stream_close_finish (G_IO_STREAM (stage->tls), result, error);
  g_assert_true (g_io_stream_is_closed (G_IO_STREAM (stage->tls)));
}

static void
receive_zeros (Stage *stage,
               gsize  len)
{
  g_autofree guint8 *received = g_malloc (len);

  g_assert_cmpint (test_tls_client_receive (stage->client, received, len), ==, (gssize) len);
}

/* Takes a few bytes at each turn. */
static gboolean
nibble_cb (GObject *object,
           gpointer user_data)
{
  Stage *stage = user_data;
  guint8 buffer[10];
  g_autoptr (GError) error = NULL;
  const gssize n_read = g_pollable_input_stream_read_nonblocking (G_POLLABLE_INPUT_STREAM (object), buffer,
                                                                  sizeof buffer, NULL, &error);

  if (n_read > 0)
    g_byte_array_append (stage->received, buffer, (guint) n_read);
  else
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  return G_SOURCE_CONTINUE;
}

static gboolean
has_5000 (gpointer data)
{
  return ((Stage *) data)->received->len >= 5000;
}

/* A source stays ready as long as there is something inside, however quiet the socket is. */
static void
test_source_nibbles (Stage        *stage,
                     gconstpointer user_data)
{
  g_autofree guint8 *zeros = g_malloc0 (5000);
  g_autoptr (GSource) source = NULL;

  stage_connect (stage, "NORMAL");
  shake_hands_async (stage);
  source = g_pollable_input_stream_create_source (G_POLLABLE_INPUT_STREAM (get_input (stage)), NULL);
  g_source_set_callback (source, G_SOURCE_FUNC (nibble_cb), stage, NULL);
  g_source_attach (source, NULL);
  g_assert_cmpint (test_tls_client_send (stage->client, zeros, 5000), ==, 0);
  test_wait_until (has_5000, stage, "the rest of the record");
  g_source_destroy (source);
  g_assert_cmpuint (stage->received->len, ==, 5000);
}

/* Who waits for input sends what is still to be sent, though it was written after the wait began. */
static void
test_source_flushes (Stage        *stage,
                     gconstpointer user_data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  gsize n_taken = 0;
  char received[5] = "";

  stage_connect_locally (stage);
  shake_hands_async (stage);
  g_input_stream_read_async (get_input (stage), received, 4, G_PRIORITY_DEFAULT, NULL, test_wait_store_cb, &result);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  n_taken = stage_fill (stage);
  receive_zeros (stage, n_taken);
  g_assert_null (result);

  g_assert_cmpint (test_tls_client_send (stage->client, "ping", 4), ==, 0);
  test_wait_for (&result, "the client's word");
  g_assert_cmpint (g_input_stream_read_finish (get_input (stage), result, &error), ==, 4);
  g_assert_no_error (error);
}

static gboolean
quit_cb (GObject *object,
         gpointer user_data)
{
  gpointer *called = user_data;

  *called = object;
  return G_SOURCE_REMOVE;
}

static void
test_source_cancelled (Stage        *stage,
                       gconstpointer user_data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GSource) source = NULL;
  gpointer called = NULL;

  stage_connect (stage, "NORMAL");
  source = g_pollable_input_stream_create_source (G_POLLABLE_INPUT_STREAM (get_input (stage)), cancellable);
  g_source_set_callback (source, G_SOURCE_FUNC (quit_cb), &called, NULL);
  g_source_attach (source, NULL);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (called);
  g_cancellable_cancel (cancellable);
  while (called == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_true (called == get_input (stage));
}

/* Who holds a stream for longer than its connection finds it closed. */
static void
test_stream_orphaned (Stage        *stage,
                      gconstpointer user_data)
{
  g_autoptr (GInputStream) input = NULL;
  g_autoptr (GOutputStream) output = NULL;
  g_autoptr (GError) error = NULL;
  guint8 byte = 0;

  stage_connect (stage, "NORMAL");
  shake_hands_async (stage);
  input = g_object_ref (get_input (stage));
  output = g_object_ref (get_output (stage));
  g_assert_finalize_object (g_steal_pointer (&stage->tls));

  g_assert_cmpint (g_input_stream_read (input, &byte, 1, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_cmpint (g_output_stream_write (output, &byte, 1, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

/* The first read or write shakes hands by itself. */
static void
test_stream_implicit_handshake (Stage        *stage,
                                gconstpointer user_data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  stage_connect (stage, "NORMAL");
  g_output_stream_write_all_async (get_output (stage), "hello", 5, G_PRIORITY_DEFAULT, NULL,
                                   test_wait_store_cb, &result);
  g_assert_cmpint (test_tls_client_handshake (stage->client), ==, 0);
  stage_expect (stage, "hello");
  test_wait_for (&result, "the server's write");
  g_output_stream_write_all_finish (get_output (stage), result, NULL, &error);
  g_assert_no_error (error);
}

/* A flush waits for the client to take what was written. */
static void
test_stream_flush (Stage        *stage,
                   gconstpointer user_data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  gsize n_taken = 0;

  stage_connect_locally (stage);
  shake_hands_async (stage);
  n_taken = stage_fill (stage);
  g_output_stream_flush_async (get_output (stage), G_PRIORITY_DEFAULT, NULL, test_wait_store_cb, &result);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (result);

  receive_zeros (stage, n_taken);
  test_wait_for (&result, "the server's flush");
  g_output_stream_flush_finish (get_output (stage), result, &error);
  g_assert_no_error (error);
  g_assert_false (cbs_tls_connection_wants_write (stage->tls));
}

/* Half a close: the client may go on. */
static void
test_stream_close_output (Stage        *stage,
                          gconstpointer user_data)
{
  g_autoptr (GAsyncResult) closed = NULL;
  g_autoptr (GAsyncResult) read = NULL;
  g_autoptr (GError) error = NULL;
  char received[5] = "";
  char byte = 0;

  stage_connect (stage, "NORMAL");
  shake_hands_async (stage);
  g_output_stream_close_async (get_output (stage), G_PRIORITY_DEFAULT, NULL, test_wait_store_cb, &closed);
  test_wait_for (&closed, "the close of the output");
  g_output_stream_close_finish (get_output (stage), closed, &error);
  g_assert_no_error (error);
  g_assert_cmpint (test_tls_client_receive (stage->client, &byte, 1), ==, 0);

  g_assert_cmpint (test_tls_client_send (stage->client, "ping", 4), ==, 0);
  g_input_stream_read_async (get_input (stage), received, 4, G_PRIORITY_DEFAULT, NULL, test_wait_store_cb, &read);
  test_wait_for (&read, "the client's word");
  g_assert_cmpint (g_input_stream_read_finish (get_input (stage), read, &error), ==, 4);
  g_assert_no_error (error);
  g_assert_cmpstr (received, ==, "ping");
}

/* What was reported as written is delivered, though it was still in our own hands. */
static void
test_close_delivers (Stage        *stage,
                     gconstpointer user_data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  gsize n_taken = 0;
  char byte = 0;

  stage_connect_locally (stage);
  shake_hands_async (stage);
  n_taken = stage_fill (stage);
  g_io_stream_close_async (G_IO_STREAM (stage->tls), G_PRIORITY_DEFAULT, NULL, test_wait_store_cb, &result);
  receive_zeros (stage, n_taken);
  g_assert_cmpint (test_tls_client_receive (stage->client, &byte, 1), ==, 0);
  test_wait_for (&result, "the server's close");
  g_io_stream_close_finish (G_IO_STREAM (stage->tls), result, &error);
  g_assert_no_error (error);
}

/* But not for ever. */
static void
test_close_deadline (Stage        *stage,
                     gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;

  stage_connect_locally (stage);
  shake_hands_async (stage);
  stage_fill (stage);
  close_async (stage, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_true (g_io_stream_is_closed (G_IO_STREAM (stage->base)));
}

static void
test_close_cancelled (Stage        *stage,
                      gconstpointer user_data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  stage_connect_locally (stage);
  shake_hands_async (stage);
  stage_fill (stage);
  g_io_stream_close_async (G_IO_STREAM (stage->tls), G_PRIORITY_DEFAULT, cancellable, test_wait_store_cb, &result);
  g_cancellable_cancel (cancellable);
  test_wait_for (&result, "the server's close");
  g_io_stream_close_finish (G_IO_STREAM (stage->tls), result, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (g_io_stream_is_closed (G_IO_STREAM (stage->base)));
}

/* A client that is gone is no reason to complain, if it was owed nothing. */
static void
test_close_after_reset (Stage        *stage,
                        gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;

  stage_connect (stage, "NORMAL");
  shake_hands_async (stage);
  test_tls_reset (stage->client_base);
  stage_wait_for_input (stage);
  close_async (stage, &error);
  g_assert_no_error (error);
}

/* A close that blocks its caller does not wait for the client either. */
static void
test_close_sync (Stage        *stage,
                 gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;

  stage_connect_locally (stage);
  shake_hands_async (stage);
  stage_fill (stage);
  g_assert_true (g_io_stream_close (G_IO_STREAM (stage->tls), NULL, &error));
  g_assert_no_error (error);
  g_assert_true (g_io_stream_is_closed (G_IO_STREAM (stage->base)));
}

static void
test_closed (Stage        *stage,
             gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;
  guint8 byte = 0;

  stage_connect (stage, "NORMAL");
  shake_hands_async (stage);
  close_async (stage, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_input_stream_read (get_input (stage), &byte, 1, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_cmpint (g_output_stream_write (get_output (stage), &byte, 1, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

/* What a server does that knows nothing but calls that block. */
static gpointer
serve_thread (gpointer user_data)
{
  Stage *stage = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *zeros = g_malloc0 (CHUNK);
  char received[5] = "";

  g_tls_connection_handshake (G_TLS_CONNECTION (stage->tls), NULL, &error);
  g_assert_no_error (error);
  g_input_stream_read_all (get_input (stage), received, 4, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (received, ==, "ping");
  for (gsize i = 0; i < LARGE; i += CHUNK)
    {
      g_output_stream_write_all (get_output (stage), zeros, CHUNK, NULL, NULL, &error);
      g_assert_no_error (error);
      g_assert_false (cbs_tls_connection_wants_write (stage->tls));
    }
  g_output_stream_close (get_output (stage), NULL, &error);
  g_assert_no_error (error);
  g_io_stream_close (G_IO_STREAM (stage->tls), NULL, &error);
  g_assert_no_error (error);
  return NULL;
}

/* With so little room in the kernel most of a write is in our own hands at first: it must not be
 * left there, since who was blocked may close without waiting. */
static void
test_sync (Stage        *stage,
           gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;
  GThread *thread = NULL;
  char byte = 0;

  stage_connect_locally (stage);
  g_socket_set_option (stage_get_socket (stage), SOL_SOCKET, SO_SNDBUF, 1, &error);
  g_assert_no_error (error);
  thread = g_thread_new ("server", serve_thread, stage);
  g_assert_cmpint (test_tls_client_handshake (stage->client), ==, 0);
  g_assert_cmpint (test_tls_client_send (stage->client, "ping", 4), ==, 0);
  receive_zeros (stage, LARGE);
  g_assert_cmpint (test_tls_client_receive (stage->client, &byte, 1), ==, 0);
  g_thread_join (thread);
}

static void
test_sync_cancelled (Stage        *stage,
                     gconstpointer user_data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  stage_connect (stage, "NORMAL");
  g_cancellable_cancel (cancellable);
  g_assert_false (g_tls_connection_handshake (G_TLS_CONNECTION (stage->tls), cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  /* Which is no end. */
  stage_shake_hands (stage);
  stage_talk (stage);
}

static guint
count_threads (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, &error);
  guint n_threads = 0;

  g_assert_no_error (error);
  while (g_dir_read_name (dir) != NULL)
    n_threads++;
  return n_threads;
}

/* Nothing asynchronous is done by another thread: not even a close. */
static void
test_threads (Stage        *stage,
              gconstpointer user_data)
{
  const guint n_threads = count_threads ();
  g_autoptr (GAsyncResult) flushed = NULL;
  g_autoptr (GAsyncResult) closed_input = NULL;
  g_autoptr (GAsyncResult) closed_output = NULL;
  g_autoptr (GAsyncResult) read = NULL;
  g_autoptr (GError) error = NULL;
  guint8 byte = 0;

  stage_connect (stage, "NORMAL");
  shake_hands_async (stage);
  g_input_stream_read_async (get_input (stage), &byte, 1, G_PRIORITY_DEFAULT, NULL, test_wait_store_cb, &read);
  g_assert_cmpint (test_tls_client_send (stage->client, "!", 1), ==, 0);
  test_wait_for (&read, "a read");
  g_output_stream_flush_async (get_output (stage), G_PRIORITY_DEFAULT, NULL, test_wait_store_cb, &flushed);
  test_wait_for (&flushed, "a flush");
  g_input_stream_close_async (get_input (stage), G_PRIORITY_DEFAULT, NULL, test_wait_store_cb, &closed_input);
  test_wait_for (&closed_input, "the close of the input");
  g_output_stream_close_async (get_output (stage), G_PRIORITY_DEFAULT, NULL, test_wait_store_cb, &closed_output);
  test_wait_for (&closed_output, "the close of the output");
  close_async (stage, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (count_threads (), ==, n_threads);
}

/* Writes until nothing is taken any more; how much was taken. */
static gsize
write_until_blocked (Stage *stage)
{
  GPollableOutputStream *output = G_POLLABLE_OUTPUT_STREAM (get_output (stage));
  g_autofree guint8 *zeros = g_malloc0 (64 * 1024);
  g_autoptr (GError) error = NULL;
  gsize n_taken = 0;

  while (n_taken < PLENTY)
    {
      const gssize n_written = g_pollable_output_stream_write_nonblocking (output, zeros, 64 * 1024, NULL, &error);

      if (n_written < 0)
        {
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
          return n_taken;
        }
      n_taken += (gsize) n_written;
    }

  g_assert_not_reached ();
}

/* A stream that is no socket to GIO. */
static GIOStream *
wrap_fd (int fd)
{
  const int copy = dup (fd);
  g_autoptr (GInputStream) input = g_unix_input_stream_new (fd, TRUE);
  g_autoptr (GOutputStream) output = g_unix_output_stream_new (copy, TRUE);

  g_assert_cmpint (copy, >=, 0);
  g_assert_no_errno (fcntl (fd, F_SETFL, O_NONBLOCK));
  return g_simple_io_stream_new (input, output);
}

static void
test_any_base (Stage        *stage,
               gconstpointer user_data)
{
  g_autoptr (GIOStream) base = NULL;
  g_autoptr (GAsyncResult) closed = NULL;
  g_autoptr (GAsyncResult) read = NULL;
  g_autoptr (GError) error = NULL;
  gsize n_taken = 0;
  char received[5] = "";
  char byte = 0;

  stage_connect_locally (stage);
  base = wrap_fd (dup (g_socket_get_fd (stage_get_socket (stage))));
  g_clear_object (&stage->tls);
  stage->tls = cbs_tls_connection_new (base, stage->credentials);

  shake_hands_async (stage);
  g_assert_cmpint (test_tls_client_send (stage->client, "ping", 4), ==, 0);
  g_input_stream_read_async (get_input (stage), received, 4, G_PRIORITY_DEFAULT, NULL, test_wait_store_cb, &read);
  test_wait_for (&read, "the client's word");
  g_assert_cmpint (g_input_stream_read_finish (get_input (stage), read, &error), ==, 4);
  g_assert_no_error (error);
  g_assert_cmpstr (received, ==, "ping");

  n_taken = write_until_blocked (stage);
  g_assert_true (cbs_tls_connection_wants_write (stage->tls));
  g_io_stream_close_async (G_IO_STREAM (stage->tls), G_PRIORITY_DEFAULT, NULL, test_wait_store_cb, &closed);
  receive_zeros (stage, n_taken);
  g_assert_cmpint (test_tls_client_receive (stage->client, &byte, 1), ==, 0);
  test_wait_for (&closed, "the server's close");
  g_io_stream_close_finish (G_IO_STREAM (stage->tls), closed, &error);
  g_assert_no_error (error);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  stage_add_test ("/tls-streams/source/nibbles", NULL, test_source_nibbles);
  stage_add_test ("/tls-streams/source/flushes", NULL, test_source_flushes);
  stage_add_test ("/tls-streams/source/cancelled", NULL, test_source_cancelled);
  stage_add_test ("/tls-streams/stream/orphaned", NULL, test_stream_orphaned);
  stage_add_test ("/tls-streams/stream/implicit-handshake", NULL, test_stream_implicit_handshake);
  stage_add_test ("/tls-streams/stream/flush", NULL, test_stream_flush);
  stage_add_test ("/tls-streams/stream/close-output", NULL, test_stream_close_output);
  stage_add_test ("/tls-streams/close/delivers", NULL, test_close_delivers);
  stage_add_test ("/tls-streams/close/deadline", NULL, test_close_deadline);
  stage_add_test ("/tls-streams/close/cancelled", NULL, test_close_cancelled);
  stage_add_test ("/tls-streams/close/after-reset", NULL, test_close_after_reset);
  stage_add_test ("/tls-streams/close/sync", NULL, test_close_sync);
  stage_add_test ("/tls-streams/closed", NULL, test_closed);
  stage_add_test ("/tls-streams/sync/conversation", NULL, test_sync);
  stage_add_test ("/tls-streams/sync/cancelled", NULL, test_sync_cancelled);
  stage_add_test ("/tls-streams/threads", NULL, test_threads);
  stage_add_test ("/tls-streams/any-base", NULL, test_any_base);

  return g_test_run ();
}
