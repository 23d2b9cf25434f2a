/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <sys/socket.h>

#include "tls-stage.h"

/* What a record holds at most. */
#define RECORD_LEN 16384

/* More than the kernel holds of a connection within the machine. */
#define PLENTY (8u * 1024 * 1024)

/* Bytes that tell of a hole, and of a piece that came twice. */
static GBytes *
make_pattern (gsize len)
{
  guint32 *words = g_malloc (len);

  for (gsize i = 0; i < len / sizeof *words; i++)
    words[i] = (guint32) i;
  return g_bytes_new_take (words, len);
}

/* Takes what comes from the client, without running its loop: what is in the socket already. */
static GPollableReturn
read_some (Stage  *stage,
           guint8 *buffer,
           gsize   size,
           gsize  *out_n_read)
{
  g_autoptr (GError) error = NULL;
  const GPollableReturn result = cbs_tls_connection_read (stage->tls, buffer, size, out_n_read, &error);

  g_assert_no_error (error);
  return result;
}

/* A record that is larger than the buffer stays inside, and the connection knows. */
static void
test_read_small_buffer (Stage        *stage,
                        gconstpointer user_data)
{
  g_autoptr (GBytes) pattern = make_pattern (RECORD_LEN);
  g_autofree guint8 *received = g_malloc (RECORD_LEN);
  gsize n_received = 0;
  gsize n_read = 0;

  stage_establish (stage, "NORMAL");
  stage_talk (stage);
  stage_pause (stage);
  g_assert_cmpint (test_tls_client_send (stage->client, g_bytes_get_data (pattern, NULL), RECORD_LEN), ==, 0);

  g_assert_false (cbs_tls_connection_is_readable (stage->tls));
  while (n_received == 0)
    {
      stage_wait_for_input (stage);
      if (read_some (stage, received, 1000, &n_read) == G_POLLABLE_RETURN_OK)
        n_received += n_read;
    }

  /* The socket has nothing more to say. */
  g_assert_false (g_socket_condition_check (stage_get_socket (stage), G_IO_IN));
  while (n_received < RECORD_LEN)
    {
      g_assert_true (cbs_tls_connection_is_readable (stage->tls));
      g_assert_cmpint (read_some (stage, received + n_received, MIN (1000, RECORD_LEN - n_received), &n_read), ==,
                       G_POLLABLE_RETURN_OK);
      n_received += n_read;
    }
  g_assert_false (cbs_tls_connection_is_readable (stage->tls));
  test_tls_assert_same (received, n_received, g_bytes_get_data (pattern, NULL), RECORD_LEN);
}

/* Several records that are here together are read together. */
static void
test_read_many_records (Stage        *stage,
                        gconstpointer user_data)
{
  guint8 received[100] = { 0 };
  gsize n_received = 0;

  stage_establish (stage, "NORMAL");
  stage_pause (stage);
  for (guint i = 0; i < 10; i++)
    g_assert_cmpint (test_tls_client_send (stage->client, "0123456789", 10), ==, 0);

  while (n_received < sizeof received)
    {
      gsize n_read = 0;

      stage_wait_for_input (stage);
      if (read_some (stage, received + n_received, sizeof received - n_received, &n_read) == G_POLLABLE_RETURN_OK)
        n_received += n_read;
    }
  g_assert_true (memcmp (received + 90, "0123456789", 10) == 0);
}

/* Sends everything a byte at a time, and lets the server look at each. */
typedef struct
{
  Stage *stage;
  int    fd;
} Drip;

static ssize_t
drip_cb (gnutls_transport_ptr_t user_data,
         const void            *data,
         size_t                 len)
{
  Drip *drip = user_data;

  for (gsize i = 0; i < len; i++)
    {
      g_assert_cmpint (send (drip->fd, (const guint8 *) data + i, 1, MSG_NOSIGNAL), ==, 1);
      stage_wait_for_input (drip->stage);
      stage_step (drip->stage);
    }
  return (ssize_t) len;
}

static void
test_read_dripping (Stage        *stage,
                    gconstpointer user_data)
{
  const char *priorities = user_data;
  Drip drip = { .stage = stage };

  stage_connect (stage, priorities);
  drip.fd = g_socket_get_fd (g_socket_connection_get_socket (stage->client_base));
  gnutls_transport_set_ptr2 (test_tls_client_get_session (stage->client), GINT_TO_POINTER (drip.fd), &drip);
  gnutls_transport_set_push_function (test_tls_client_get_session (stage->client), drip_cb);

  g_assert_cmpint (test_tls_client_handshake (stage->client), ==, 0);
  g_assert_cmpint (test_tls_client_send (stage->client, "hello", 5), ==, 0);
  g_assert_no_error (stage->error);
  test_tls_assert_same (stage->received->data, stage->received->len, "hello", 5);
  stage_write (stage, "hello yourself");
  stage_expect (stage, "hello yourself");
}

static ssize_t
collect_cb (gnutls_transport_ptr_t user_data,
            const void            *data,
            size_t                 len)
{
  g_byte_array_append (user_data, data, (guint) len);
  return (ssize_t) len;
}

/* GnuTLS stops after each key update: what stands behind it must not be left inside. */
static void
test_read_behind_key_update (Stage        *stage,
                             gconstpointer user_data)
{
  g_autoptr (GByteArray) flight = g_byte_array_new ();
  guint8 received[5];
  gsize n_read = 0;
  int fd = -1;

  stage_establish (stage, TEST_TLS_1_3);
  stage_talk (stage);
  stage_pause (stage);
  fd = g_socket_get_fd (g_socket_connection_get_socket (stage->client_base));
  gnutls_transport_set_ptr2 (test_tls_client_get_session (stage->client), GINT_TO_POINTER (fd), flight);
  gnutls_transport_set_push_function (test_tls_client_get_session (stage->client), collect_cb);
  g_assert_cmpint (test_tls_client_update_keys (stage->client), ==, 0);
  g_assert_cmpint (test_tls_client_update_keys (stage->client), ==, 0);
  g_assert_cmpint (test_tls_client_send (stage->client, "hello", 5), ==, 0);

  stage_send_bytes (stage, flight->data, flight->len);
  stage_wait_for_input (stage);
  g_assert_cmpint (read_some (stage, received, sizeof received, &n_read), ==, G_POLLABLE_RETURN_OK);
  test_tls_assert_same (received, n_read, "hello", 5);
}

static void
test_read_end (Stage        *stage,
               gconstpointer user_data)
{
  guint8 byte = 0;
  gsize n_read = 42;

  stage_establish (stage, "NORMAL");
  test_tls_client_bye (stage->client);
  stage_wait_for_end (stage);
  g_assert_no_error (stage->error);
  g_assert_cmpint (read_some (stage, &byte, 1, &n_read), ==, G_POLLABLE_RETURN_OK);
  g_assert_cmpuint (n_read, ==, 0);

  /* The other direction stays open. */
  stage_write (stage, "last words");
  stage_expect (stage, "last words");
}

/* A client that just shuts its side may still read, too. */
static void
test_read_end_unannounced (Stage        *stage,
                           gconstpointer user_data)
{
  stage_establish (stage, "NORMAL");
  g_socket_shutdown (g_socket_connection_get_socket (stage->client_base), FALSE, TRUE, NULL);
  stage_wait_for_end (stage);
  g_assert_no_error (stage->error);
  stage_write (stage, "last words");
  stage_expect (stage, "last words");
}

/* What came whole before the connection broke is not lost. */
static void
test_read_before_garbage (Stage        *stage,
                          gconstpointer user_data)
{
  const guint8 garbage[] = { 23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 };

  stage_establish (stage, "NORMAL");
  stage_pause (stage);
  g_assert_cmpint (test_tls_client_send (stage->client, "hello", 5), ==, 0);
  stage_send_bytes (stage, garbage, sizeof garbage);

  while (!stage->ended)
    {
      if (!cbs_tls_connection_is_readable (stage->tls))
        stage_wait_for_input (stage);
      stage_step (stage);
    }
  test_tls_assert_same (stage->received->data, stage->received->len, "hello", 5);
  g_assert_error (stage->error, G_TLS_ERROR, G_TLS_ERROR_MISC);
}

static void
test_write_record (Stage        *stage,
                   gconstpointer user_data)
{
  g_autoptr (GBytes) pattern = make_pattern (RECORD_LEN);
  g_autofree guint8 *received = g_malloc (RECORD_LEN + 1);
  gsize n_written = 0;
  gssize ret = 0;

  stage_establish (stage, "NORMAL");
  stage_talk (stage);
  g_assert_cmpint (cbs_tls_connection_write (stage->tls, g_bytes_get_data (pattern, NULL), RECORD_LEN,
                                             &n_written, NULL), ==, G_POLLABLE_RETURN_OK);
  g_assert_cmpuint (n_written, ==, RECORD_LEN);
  g_assert_false (cbs_tls_connection_wants_write (stage->tls));

  /* GnuTLS gives out no more than a record at a time. */
  do
    {
      g_assert_true (g_socket_condition_wait (g_socket_connection_get_socket (stage->client_base), G_IO_IN,
                                              NULL, NULL));
      ret = gnutls_record_recv (test_tls_client_get_session (stage->client), received, RECORD_LEN + 1);
    }
  while (ret == GNUTLS_E_AGAIN);
  g_assert_cmpint (ret, ==, RECORD_LEN);
}

/* What several records hold leaves in one go. */
static void
test_write_several_records (Stage        *stage,
                            gconstpointer user_data)
{
  const gsize len = 2 * RECORD_LEN + 1;
  g_autoptr (GBytes) pattern = make_pattern (3 * RECORD_LEN);
  g_autofree guint8 *received = g_malloc (len);
  gsize n_written = 0;

  stage_establish (stage, "NORMAL");
  stage_talk (stage);
  g_assert_cmpint (cbs_tls_connection_write (stage->tls, g_bytes_get_data (pattern, NULL), len, &n_written, NULL), ==,
                   G_POLLABLE_RETURN_OK);
  g_assert_cmpuint (n_written, ==, len);
  g_assert_cmpint (test_tls_client_receive (stage->client, received, len), ==, (gssize) len);
  test_tls_assert_same (received, len, g_bytes_get_data (pattern, NULL), len);
}

/* Writes until nothing is taken any more; how much was taken. */
static gsize
write_until_blocked (Stage  *stage,
                     GBytes *data)
{
  gsize size = 0;
  const guint8 *bytes = g_bytes_get_data (data, &size);
  gsize n_taken = 0;
  g_autoptr (GError) error = NULL;

  while (n_taken < size)
    {
      gsize n_written = 0;
      const GPollableReturn result = cbs_tls_connection_write (stage->tls, bytes + n_taken, size - n_taken,
                                                               &n_written, &error);

      g_assert_no_error (error);
      if (result == G_POLLABLE_RETURN_WOULD_BLOCK)
        return n_taken;
      g_assert_cmpint (result, ==, G_POLLABLE_RETURN_OK);
      g_assert_cmpuint (n_written, >, 0);
      /* Two turns' worth of the kernel's and ours. */
      g_assert_cmpuint (n_written, <=, 64 * 1024);
      n_taken += n_written;
    }

  g_assert_not_reached ();
}

/* A client that does not read costs one buffer, and gets all in the end. */
static void
test_write_blocked (Stage        *stage,
                    gconstpointer user_data)
{
  g_autoptr (GBytes) pattern = make_pattern (PLENTY);
  g_autofree guint8 *received = NULL;
  const guint8 *bytes = g_bytes_get_data (pattern, NULL);
  gsize n_taken = 0;

  stage_connect_locally (stage);
  stage_shake_hands (stage);
  n_taken = write_until_blocked (stage, pattern);
  g_assert_true (cbs_tls_connection_wants_write (stage->tls));

  for (guint i = 0; i < 1000; i++)
    {
      gsize n_written = 42;

      g_assert_cmpint (cbs_tls_connection_write (stage->tls, "more", 4, &n_written, NULL), ==,
                       G_POLLABLE_RETURN_WOULD_BLOCK);
      g_assert_cmpuint (n_written, ==, 42);
      g_assert_cmpint (cbs_tls_connection_flush (stage->tls, NULL), ==, G_POLLABLE_RETURN_WOULD_BLOCK);
    }

  received = g_malloc (n_taken);
  for (gsize n_received = 0; n_received < n_taken;)
    {
      const gsize len = MIN (100000, n_taken - n_received);

      g_assert_cmpint (cbs_tls_connection_flush (stage->tls, NULL), !=, G_POLLABLE_RETURN_FAILED);
      g_assert_cmpint (test_tls_client_receive (stage->client, received + n_received, len), ==, (gssize) len);
      n_received += len;
    }
  g_assert_false (cbs_tls_connection_wants_write (stage->tls));
  test_tls_assert_same (received, n_taken, bytes, n_taken);
}

/* A failing send takes the socket's error with it: it has to count. */
static void
test_write_reset (Stage        *stage,
                  gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) again = NULL;
  gsize n_written = 0;
  guint8 byte = 0;

  stage_establish (stage, "NORMAL");
  stage_talk (stage);
  stage_pause (stage);
  test_tls_reset (stage->client_base);
  stage_wait_for_input (stage);

  g_assert_cmpint (cbs_tls_connection_write (stage->tls, "hello", 5, &n_written, &error), ==,
                   G_POLLABLE_RETURN_FAILED);
  g_assert_cmpuint (error->domain, ==, G_IO_ERROR);
  g_assert_false (cbs_tls_connection_wants_write (stage->tls));
  g_assert_true (cbs_tls_connection_is_readable (stage->tls));
  g_assert_cmpint (cbs_tls_connection_read (stage->tls, &byte, 1, &n_written, &again), ==, G_POLLABLE_RETURN_FAILED);
  g_assert_cmpstr (again->message, ==, error->message);
}

static void
test_bye_once (Stage        *stage,
               gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;
  gsize n_written = 0;
  char byte = 0;

  stage_establish (stage, "NORMAL");
  stage_talk (stage);
  stage_write (stage, "last words");
  g_assert_cmpint (cbs_tls_connection_bye (stage->tls, NULL), ==, G_POLLABLE_RETURN_OK);
  g_assert_cmpint (cbs_tls_connection_bye (stage->tls, NULL), ==, G_POLLABLE_RETURN_OK);
  g_assert_cmpint (cbs_tls_connection_write (stage->tls, "more", 4, &n_written, &error), ==, G_POLLABLE_RETURN_FAILED);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);

  stage_expect (stage, "last words");
  g_assert_cmpint (test_tls_client_receive (stage->client, &byte, 1), ==, 0);
  /* A second close_notify would be there to be read. */
  g_assert_false (g_socket_condition_check (g_socket_connection_get_socket (stage->client_base), G_IO_IN));

  /* The client may go on. */
  g_byte_array_set_size (stage->received, 0);
  g_assert_cmpint (test_tls_client_send (stage->client, "ping", 4), ==, 0);
  test_wait_until (stage_has_received, stage, "the client's word");
  test_tls_assert_same (stage->received->data, stage->received->len, "ping", 4);
}

/* Without a handshake there is nothing to end. */
static void
test_bye_early (Stage        *stage,
                gconstpointer user_data)
{
  stage_connect (stage, "NORMAL");
  g_assert_cmpint (cbs_tls_connection_bye (stage->tls, NULL), ==, G_POLLABLE_RETURN_OK);
  g_assert_false (g_socket_condition_check (g_socket_connection_get_socket (stage->client_base), G_IO_IN));
  stage_shake_hands (stage);
  stage_talk (stage);
}

static void
test_bye_blocked (Stage        *stage,
                  gconstpointer user_data)
{
  g_autofree guint8 *received = NULL;
  gsize n_taken = 0;
  char byte = 0;

  stage_connect_locally (stage);
  stage_shake_hands (stage);
  n_taken = stage_fill (stage);
  g_assert_cmpint (cbs_tls_connection_bye (stage->tls, NULL), ==, G_POLLABLE_RETURN_WOULD_BLOCK);

  received = g_malloc (n_taken);
  for (gsize n_received = 0; n_received < n_taken;)
    {
      const gsize len = MIN (100000, n_taken - n_received);

      g_assert_cmpint (cbs_tls_connection_bye (stage->tls, NULL), !=, G_POLLABLE_RETURN_FAILED);
      g_assert_cmpint (test_tls_client_receive (stage->client, received + n_received, len), ==, (gssize) len);
      n_received += len;
    }
  g_assert_cmpint (cbs_tls_connection_bye (stage->tls, NULL), ==, G_POLLABLE_RETURN_OK);
  g_assert_cmpint (test_tls_client_receive (stage->client, &byte, 1), ==, 0);
}

/* How far a connection has got when it is dropped. */
typedef enum
{
  DROP_NEW,
  DROP_NOT_TLS,
  DROP_HALF_HELLO,
  DROP_HANDSHAKE,
  DROP_ESTABLISHED,
  DROP_RECORD_INSIDE,
  DROP_BLOCKED,
  DROP_ENDED,
  DROP_RESET,
  DROP_CLOSED,
} DropState;

static void
go_to_state (Stage    *stage,
             DropState state)
{
  g_autoptr (GBytes) hello = test_tls_make_hello ();
  guint8 byte = 0;
  gsize n_read = 0;

  if (state >= DROP_ESTABLISHED)
    stage_shake_hands (stage);
  stage_pause (stage);

  switch (state)
    {
    case DROP_NOT_TLS:
      stage_send_bytes (stage, "G", 1);
      stage_wait_for_input (stage);
      cbs_tls_connection_advance (stage->tls, NULL);
      break;
    case DROP_HALF_HELLO:
    case DROP_HANDSHAKE:
      stage_send_bytes (stage, g_bytes_get_data (hello, NULL),
                        g_bytes_get_size (hello) / (state == DROP_HANDSHAKE ? 1 : 2));
      stage_wait_for_input (stage);
      cbs_tls_connection_advance (stage->tls, NULL);
      break;
    case DROP_RECORD_INSIDE:
      g_assert_cmpint (test_tls_client_send (stage->client, "hello", 5), ==, 0);
      stage_wait_for_input (stage);
      g_assert_cmpint (read_some (stage, &byte, 1, &n_read), ==, G_POLLABLE_RETURN_OK);
      break;
    case DROP_BLOCKED:
      stage_fill (stage);
      break;
    case DROP_ENDED:
      cbs_tls_connection_bye (stage->tls, NULL);
      break;
    case DROP_RESET:
      test_tls_reset (stage->client_base);
      stage_wait_for_input (stage);
      cbs_tls_connection_read (stage->tls, &byte, 1, &n_read, NULL);
      break;
    case DROP_CLOSED:
      g_io_stream_close (G_IO_STREAM (stage->tls), NULL, NULL);
      break;
    case DROP_NEW:
    case DROP_ESTABLISHED:
    default:
      break;
    }
}

/* Whatever its state, a connection can be dropped, and closes its base. */
static void
test_drop (Stage        *stage,
           gconstpointer user_data)
{
  for (DropState state = DROP_NEW; state <= DROP_CLOSED; state++)
    {
      if (state == DROP_BLOCKED)
        stage_connect_locally (stage);
      else
        stage_connect (stage, "NORMAL");
      go_to_state (stage, state);
      g_assert_finalize_object (g_steal_pointer (&stage->tls));
      g_assert_true (g_io_stream_is_closed (G_IO_STREAM (stage->base)));
    }
}

/* Who is disposed of says no goodbye: it might have to wait. */
static void
test_drop_wordless (Stage        *stage,
                    gconstpointer user_data)
{
  char byte = 0;

  stage_establish (stage, TEST_TLS_1_2);
  stage_pause (stage);
  g_assert_finalize_object (g_steal_pointer (&stage->tls));
  g_assert_cmpint (test_tls_client_receive (stage->client, &byte, 1), ==, GNUTLS_E_PREMATURE_TERMINATION);
}

static void
test_drop_base_first (Stage        *stage,
                      gconstpointer user_data)
{
  gsize n_written = 0;

  stage_establish (stage, "NORMAL");
  stage_pause (stage);
  g_io_stream_close (G_IO_STREAM (stage->base), NULL, NULL);
  g_assert_cmpint (cbs_tls_connection_write (stage->tls, "hello", 5, &n_written, NULL), ==, G_POLLABLE_RETURN_FAILED);
  g_assert_finalize_object (g_steal_pointer (&stage->tls));
}

/* A connection that was constructed in part only. */
static void
test_drop_half_built (Stage        *stage,
                      gconstpointer user_data)
{
  CbsTlsConnection *tls = g_object_new (CBS_TYPE_TLS_CONNECTION, NULL);

  g_assert_finalize_object (tls);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  stage_add_test ("/tls-connection/read/small-buffer", NULL, test_read_small_buffer);
  stage_add_test ("/tls-connection/read/many-records", NULL, test_read_many_records);
  stage_add_test ("/tls-connection/read/dripping/1.2", TEST_TLS_1_2, test_read_dripping);
  stage_add_test ("/tls-connection/read/dripping/1.3", TEST_TLS_1_3, test_read_dripping);
  stage_add_test ("/tls-connection/read/behind-key-update", NULL, test_read_behind_key_update);
  stage_add_test ("/tls-connection/read/end", NULL, test_read_end);
  stage_add_test ("/tls-connection/read/end-unannounced", NULL, test_read_end_unannounced);
  stage_add_test ("/tls-connection/read/before-garbage", NULL, test_read_before_garbage);
  stage_add_test ("/tls-connection/write/record", NULL, test_write_record);
  stage_add_test ("/tls-connection/write/several-records", NULL, test_write_several_records);
  stage_add_test ("/tls-connection/write/blocked", NULL, test_write_blocked);
  stage_add_test ("/tls-connection/write/reset", NULL, test_write_reset);
  stage_add_test ("/tls-connection/bye/once", NULL, test_bye_once);
  stage_add_test ("/tls-connection/bye/early", NULL, test_bye_early);
  stage_add_test ("/tls-connection/bye/blocked", NULL, test_bye_blocked);
  stage_add_test ("/tls-connection/drop/any-state", NULL, test_drop);
  stage_add_test ("/tls-connection/drop/wordless", NULL, test_drop_wordless);
  stage_add_test ("/tls-connection/drop/base-first", NULL, test_drop_base_first);
  stage_add_test ("/tls-connection/drop/half-built", NULL, test_drop_half_built);

  return g_test_run ();
}
