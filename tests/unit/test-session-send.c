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
send_info (TestPair      *fixture,
           const char    *info,
           GAsyncResult **result)
{
  g_autoptr (CbPacket) packet = cb_packet_new ();

  cb_packet_set_info (packet, info);
  cb_session_send_async (fixture->session, packet, result != NULL ? test_wait_store_cb : NULL, result);
}

static void
assert_sent (TestPair      *fixture,
             GAsyncResult **result)
{
  g_autoptr (GError) error = NULL;

  test_wait_for (result, "the session");
  g_assert_true (cb_session_send_finish (fixture->session, *result, &error));
  g_assert_no_error (error);
  g_clear_object (result);
}

static void
assert_send_fails (TestPair      *fixture,
                   GAsyncResult **result,
                   GQuark         domain,
                   int            code)
{
  g_autoptr (GError) error = NULL;

  test_wait_for (result, "the session");
  g_assert_false (cb_session_send_finish (fixture->session, *result, &error));
  g_assert_error (error, domain, code);
  g_clear_object (result);
}

static void
assert_closed (TestPair      *fixture,
               GAsyncResult **result)
{
  g_autoptr (GError) error = NULL;

  test_wait_for (result, "the session");
  g_assert_true (cb_session_close_finish (fixture->session, *result, &error));
  g_assert_no_error (error);
  g_clear_object (result);
}

static void
test_session_send_order (TestPair     *fixture,
                         gconstpointer user_data)
{
  GAsyncResult *results[200] = { NULL, };

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    {
      g_autofree char *info = g_strdup_printf ("%0*u", (int) (i * 7 % 500), i);

      send_info (fixture, info, &results[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    {
      g_autofree char *info = test_pair_read_info (fixture);

      g_assert_cmpuint (g_ascii_strtoull (info, NULL, 10), ==, i);
    }
  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    assert_sent (fixture, &results[i]);
}

/* These sockets keep the bounds of writes: what was queued during one leaves in the next. */
static void
test_session_send_coalesces (TestPair     *fixture,
                             gconstpointer user_data)
{
  static const char *infos[] = { "1", "2", "3", "4", "5" };
  GAsyncResult *results[G_N_ELEMENTS (infos)] = { NULL, };
  const gsize frame_len = CB_FRAME_HEADER_LEN + strlen ("{\"INFO\":\"1\"}");
  char bytes[1024];

  for (gsize i = 0; i < G_N_ELEMENTS (infos); i++)
    send_info (fixture, infos[i], &results[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (infos); i++)
    assert_sent (fixture, &results[i]);

  g_assert_cmpint (recv (fixture->peer, bytes, sizeof bytes, 0), ==, frame_len);
  g_assert_cmpint (recv (fixture->peer, bytes, sizeof bytes, 0), ==, 4 * frame_len);
}

/* What a packet says is settled when it is sent; the wire is ASCII. */
static void
test_session_send_snapshot (TestPair     *fixture,
                            gconstpointer user_data)
{
  static const char expected[] = "\0\0\0\x12{\"INFO\":\"\\u00e9x\"}";
  g_autoptr (CbPacket) packet = cb_packet_new ();
  g_autoptr (GAsyncResult) result = NULL;
  char bytes[sizeof expected - 1];

  send_info (fixture, "first", NULL);
  cb_packet_set_info (packet, "éx");
  cb_session_send_async (fixture->session, packet, test_wait_store_cb, &result);
  cb_packet_set_info (packet, "changed");
  assert_sent (fixture, &result);

  g_free (test_pair_read_info (fixture));
  g_assert_true (test_pair_read (fixture, bytes, sizeof bytes));
  g_assert_cmpint (memcmp (bytes, expected, sizeof bytes), ==, 0);
}

/* A peer that does not read: what waits is bounded, and there is room again when it reads. */
static void
test_session_send_back_pressure (TestPair     *fixture,
                                 gconstpointer user_data)
{
  g_autofree char *info = g_strnfill (50000, 'x');
  GAsyncResult *waiting[10] = { NULL, };
  g_autoptr (GAsyncResult) refused = NULL;

  cb_session_set_max_queue (fixture->session, 510000);
  for (guint i = 0; i < G_N_ELEMENTS (waiting); i++)
    send_info (fixture, info, &waiting[i]);
  send_info (fixture, info, &refused);
  assert_send_fails (fixture, &refused, CB_ERROR, CB_ERROR_TOO_LARGE);
  for (guint i = 0; i < 100; i++)
    g_main_context_iteration (NULL, FALSE);
  /* The first write holds one frame that is larger than the socket's buffer. */
  for (guint i = 0; i < G_N_ELEMENTS (waiting); i++)
    g_assert_null (waiting[i]);

  for (guint i = 0; i < G_N_ELEMENTS (waiting); i++)
    g_free (test_pair_read_info (fixture));
  for (guint i = 0; i < G_N_ELEMENTS (waiting); i++)
    assert_sent (fixture, &waiting[i]);
  send_info (fixture, "more", &refused);
  assert_sent (fixture, &refused);
}

static void
test_session_send_too_large (TestPair     *fixture,
                             gconstpointer user_data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autofree char *info = NULL;

  cb_session_set_max_queue (fixture->session, 4 + 14);
  send_info (fixture, "four", &result);
  assert_send_fails (fixture, &result, CB_ERROR, CB_ERROR_TOO_LARGE);
  send_info (fixture, "one", &result);
  assert_sent (fixture, &result);
  info = test_pair_read_info (fixture);
  g_assert_cmpstr (info, ==, "one");
}

/* Once the stream has failed, all that waits fails, and all that comes. */
static void
test_session_send_peer_gone (TestPair     *fixture,
                             gconstpointer user_data)
{
  g_autofree char *info = g_strnfill (50000, 'x');
  GAsyncResult *results[3] = { NULL, };

  send_info (fixture, info, &results[0]);
  send_info (fixture, info, &results[1]);
  test_pair_leave (fixture);
  for (guint i = 0; i < 2; i++)
    assert_send_fails (fixture, &results[i], G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  send_info (fixture, info, &results[2]);
  assert_send_fails (fixture, &results[2], G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
}

/* Sends back what it receives, and receives again, all from within the callback. */
static void
echo_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  CbSession *session = CB_SESSION (source);
  g_autoptr (GError) error = NULL;
  g_autoptr (CbPacket) packet = cb_session_receive_finish (session, result, &error);

  if (packet == NULL)
    {
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      return;
    }

  cb_session_send_async (session, packet, NULL, NULL);
  cb_session_receive_async (session, NULL, echo_cb, user_data);
}

static void
test_session_send_from_receive (TestPair     *fixture,
                                gconstpointer user_data)
{
  const guint n_frames = 200;
  g_autoptr (GString) wire = g_string_new (NULL);
  g_autoptr (GAsyncResult) closed = NULL;

  for (guint i = 0; i < n_frames; i++)
    {
      g_autofree char *json = g_strdup_printf ("{\"INFO\":\"%0*u\"}", (int) (i % 300), i);

      test_pair_append_frame (wire, json);
    }
  cb_session_receive_async (fixture->session, NULL, echo_cb, NULL);
  test_pair_write (fixture, wire->str, wire->len);

  for (guint i = 0; i < n_frames; i++)
    {
      g_autofree char *info = test_pair_read_info (fixture);

      g_assert_cmpuint (g_ascii_strtoull (info, NULL, 10), ==, i);
    }
  cb_session_close_async (fixture->session, NULL, test_wait_store_cb, &closed);
  assert_closed (fixture, &closed);
}

static void
test_session_close_flushes (TestPair     *fixture,
                            gconstpointer user_data)
{
  g_autofree char *info = g_strnfill (50000, 'x');
  GAsyncResult *results[3] = { NULL, };
  g_autoptr (GAsyncResult) closed = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    send_info (fixture, info, &results[i]);
  cb_session_close_async (fixture->session, NULL, test_wait_store_cb, &closed);
  for (guint i = 0; i < 100; i++)
    g_main_context_iteration (NULL, FALSE);
  g_assert_null (closed);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    {
      g_autofree char *read = test_pair_read_info (fixture);

      g_assert_cmpstr (read, ==, info);
    }
  g_assert_null (test_pair_read_info (fixture));
  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    assert_sent (fixture, &results[i]);
  assert_closed (fixture, &closed);
}

/* @cancel_before: whether the cancellable was cancelled already. */
static void
close_and_cancel (TestPair *fixture,
                  gboolean  cancel_before)
{
  g_autofree char *info = g_strnfill (50000, 'x');
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *results[3] = { NULL, };
  g_autoptr (GAsyncResult) closed = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    send_info (fixture, info, &results[i]);
  if (cancel_before)
    g_cancellable_cancel (cancellable);
  cb_session_close_async (fixture->session, cancellable, test_wait_store_cb, &closed);
  for (guint i = 0; i < 10; i++)
    g_main_context_iteration (NULL, FALSE);
  g_cancellable_cancel (cancellable);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    assert_send_fails (fixture, &results[i], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_closed (fixture, &closed);
  g_assert_null (test_pair_read_info (fixture));
}

static void
test_session_close_cancelled (TestPair     *fixture,
                              gconstpointer user_data)
{
  close_and_cancel (fixture, FALSE);
}

static void
test_session_close_cancelled_before (TestPair     *fixture,
                                     gconstpointer user_data)
{
  close_and_cancel (fixture, TRUE);
}

static void
test_session_close_ends_receive (TestPair     *fixture,
                                 gconstpointer user_data)
{
  g_autoptr (GAsyncResult) received = NULL;
  g_autoptr (GAsyncResult) closed = NULL;
  g_autoptr (GError) error = NULL;

  cb_session_receive_async (fixture->session, NULL, test_wait_store_cb, &received);
  cb_session_close_async (fixture->session, NULL, test_wait_store_cb, &closed);
  test_wait_for (&received, "the receive");
  g_assert_null (cb_session_receive_finish (fixture->session, received, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_closed (fixture, &closed);
  g_assert_null (test_pair_read_info (fixture));
}

/* A read that outlived its receive does not keep the session from closing. */
static void
test_session_close_behind_cancel (TestPair     *fixture,
                                  gconstpointer user_data)
{
  g_autoptr (GPtrArray) infos = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GAsyncResult) closed = NULL;

  test_pair_receive_and_cancel (fixture, 2, infos);
  cb_session_close_async (fixture->session, NULL, test_wait_store_cb, &closed);
  assert_closed (fixture, &closed);
}

/* From the moment it is asked to close, a session takes nothing new. */
static void
test_session_close_then_use (TestPair     *fixture,
                             gconstpointer user_data)
{
  g_autofree char *info = g_strnfill (50000, 'x');
  g_autoptr (GAsyncResult) closed = NULL;

  send_info (fixture, info, NULL);
  cb_session_close_async (fixture->session, NULL, test_wait_store_cb, &closed);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GAsyncResult) sent = NULL;
      g_autoptr (GAsyncResult) again = NULL;
      g_autoptr (GError) error = NULL;

      send_info (fixture, "late", &sent);
      assert_send_fails (fixture, &sent, G_IO_ERROR, G_IO_ERROR_CLOSED);
      test_pair_assert_receive_fails (fixture, G_IO_ERROR, G_IO_ERROR_CLOSED);
      cb_session_close_async (fixture->session, NULL, test_wait_store_cb, &again);
      test_wait_for (&again, "the close");
      g_assert_false (cb_session_close_finish (fixture->session, again, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);

      if (i == 0)
        {
          g_free (test_pair_read_info (fixture));
          assert_closed (fixture, &closed);
        }
    }
}

/* Who has asked for it need not keep the session: it closes, tells, and goes. */
static void
test_session_close_and_drop (TestPair     *fixture,
                             gconstpointer user_data)
{
  g_autofree char *info = g_strnfill (50000, 'x');
  g_autofree char *read = NULL;
  g_autoptr (GAsyncResult) closed = NULL;
  CbSession *session = fixture->session;

  g_object_add_weak_pointer (G_OBJECT (session), (gpointer *) &session);
  send_info (fixture, info, NULL);
  cb_session_close_async (fixture->session, NULL, test_wait_store_cb, &closed);
  g_clear_object (&fixture->session);

  read = test_pair_read_info (fixture);
  g_assert_cmpstr (read, ==, info);
  g_assert_null (test_pair_read_info (fixture));
  test_wait_for (&closed, "the close");
  g_clear_object (&closed);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_null (session);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  test_pair_add ("/session/send/order", SOCK_STREAM, test_session_send_order);
  test_pair_add ("/session/send/coalesces", SOCK_SEQPACKET, test_session_send_coalesces);
  test_pair_add ("/session/send/snapshot", SOCK_STREAM, test_session_send_snapshot);
  test_pair_add ("/session/send/back-pressure", SOCK_STREAM, test_session_send_back_pressure);
  test_pair_add ("/session/send/too-large", SOCK_STREAM, test_session_send_too_large);
  test_pair_add ("/session/send/peer-gone", SOCK_STREAM, test_session_send_peer_gone);
  test_pair_add ("/session/send/from-receive", SOCK_STREAM, test_session_send_from_receive);
  test_pair_add ("/session/close/flushes", SOCK_STREAM, test_session_close_flushes);
  test_pair_add ("/session/close/cancelled", SOCK_STREAM, test_session_close_cancelled);
  test_pair_add ("/session/close/cancelled-before", SOCK_STREAM, test_session_close_cancelled_before);
  test_pair_add ("/session/close/ends-receive", SOCK_STREAM, test_session_close_ends_receive);
  test_pair_add ("/session/close/behind-cancel", SOCK_STREAM, test_session_close_behind_cancel);
  test_pair_add ("/session/close/then-use", SOCK_STREAM, test_session_close_then_use);
  test_pair_add ("/session/close/and-drop", SOCK_STREAM, test_session_close_and_drop);

  return g_test_run ();
}
