/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/cbs-engine.h"

#include <string.h>

#include "common/test-certs.h"
#include "common/test-peer.h"

typedef struct
{
  TestCerts        *certs;
  CbsEngineSettings settings;
  CbsEngine        *engine;
  GSocketListener  *listener;
  char             *address;
  CbsPeer          *peer;      /* adopted last; NULL: ended */
  TestPeer         *far;
  GPtrArray        *frames;    /* of strings: what came */
  guint             n_progress;
  guint             n_closed;
  GError           *reason;
  gboolean          holds;     /* every frame holds its peer */
} Fixture;

static void
progress (CbsPeer *peer,
          gpointer user_data)
{
  ((Fixture *) user_data)->n_progress++;
}

static void
frame (CbsPeer    *peer,
       const char *payload,
       gsize       len,
       gpointer    user_data)
{
  Fixture *fixture = user_data;

  g_ptr_array_add (fixture->frames, g_strndup (payload, len));
  if (fixture->holds)
    cbs_engine_hold (fixture->engine, peer);
}

static GBytes *
more (CbsPeer *peer,
      gpointer user_data)
{
  return NULL;
}

static void
closed (CbsPeer      *peer,
        const GError *reason,
        gpointer      user_data)
{
  Fixture *fixture = user_data;

  fixture->n_closed++;
  g_clear_error (&fixture->reason);
  if (reason != NULL)
    fixture->reason = g_error_copy (reason);
  if (fixture->peer == peer)
    fixture->peer = NULL;
}

static const CbsEngineHandler handler = {
  .progress = progress,
  .frame = frame,
  .more = more,
  .closed = closed,
};

static void
accept_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Fixture *fixture = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketConnection) connection = NULL;

  connection = g_socket_listener_accept_finish (G_SOCKET_LISTENER (source), result, NULL, &error);
  g_assert_no_error (error);
  fixture->peer = cbs_engine_adopt (fixture->engine, connection, &error);
  g_assert_no_error (error);
}

static void
start_engine (Fixture *fixture)
{
  g_autoptr (CbsTlsCredentials) credentials = NULL;
  g_autoptr (GError) error = NULL;

  credentials = cbs_tls_credentials_new_from_files (fixture->certs->cert, fixture->certs->key, &error);
  g_assert_no_error (error);
  fixture->engine = cbs_engine_new (&fixture->settings, credentials, &handler, fixture, &error);
  g_assert_no_error (error);
}

static void
connect_far (Fixture *fixture)
{
  g_socket_listener_accept_async (fixture->listener, NULL, accept_cb, fixture);
  fixture->far = test_peer_connect (fixture->address, fixture->certs->ca);
  while (fixture->n_progress < 2)
    g_main_context_iteration (NULL, TRUE);
}

static void
fixture_set_up (Fixture      *fixture,
                gconstpointer user_data)
{
  static const CbsEngineSettings settings = {
    .frame_before_login = 1000,
    .frame = 2000,
    .outbox = 1024 * 1024,
    .tls_us = 60 * G_USEC_PER_SEC,
    .log_in_us = 60 * G_USEC_PER_SEC,
    .frame_us = 60 * G_USEC_PER_SEC,
  };
  guint16 port = 0;

  fixture->certs = test_certs_new ();
  fixture->settings = settings;
  fixture->frames = g_ptr_array_new_with_free_func (g_free);
  fixture->listener = g_socket_listener_new ();
  port = g_socket_listener_add_any_inet_port (fixture->listener, NULL, NULL);
  fixture->address = g_strdup_printf ("127.0.0.1:%u", port);
  start_engine (fixture);
}

static void
fixture_tear_down (Fixture      *fixture,
                   gconstpointer user_data)
{
  g_clear_pointer (&fixture->engine, cbs_engine_free);
  g_clear_pointer (&fixture->far, test_peer_free);
  g_socket_listener_close (fixture->listener);
  g_assert_finalize_object (fixture->listener);
  g_ptr_array_unref (fixture->frames);
  g_clear_error (&fixture->reason);
  test_certs_free (fixture->certs);
  g_free (fixture->address);
}

static void
wait_for_frames (Fixture *fixture,
                 guint    n_frames)
{
  while (fixture->frames->len < n_frames)
    g_main_context_iteration (NULL, TRUE);
}

static void
wait_for_end (Fixture *fixture)
{
  while (fixture->n_closed == 0)
    g_main_context_iteration (NULL, TRUE);
}

static void
send_text (Fixture        *fixture,
           CbsFragmentKind kind,
           const char     *text)
{
  g_autoptr (CbsFragment) fragment = cbs_fragment_new_text (kind, text);

  cbs_engine_send (fixture->engine, fixture->peer, fragment);
}

static void
assert_frame (Fixture    *fixture,
              const char *expected)
{
  g_autoptr (GBytes) payload = test_peer_receive_frame (fixture->far);
  g_autofree char *text = NULL;

  g_assert_nonnull (payload);
  text = g_strndup (g_bytes_get_data (payload, NULL), g_bytes_get_size (payload));
  g_assert_cmpstr (g_strchomp (text), ==, expected);
}

static void
test_progress (Fixture      *fixture,
               gconstpointer user_data)
{
  connect_far (fixture);
  g_assert_cmpint (fixture->peer->state, ==, CBS_PEER_LOGIN);
  g_assert_true (cbs_engine_find (fixture->engine, fixture->peer->number) == fixture->peer);
  g_assert_cmpuint (cbs_engine_count (fixture->engine), ==, 1);
  g_assert_cmpuint (cbs_engine_get_online (fixture->engine)->len, ==, 0);

  cbs_engine_set_online (fixture->engine, fixture->peer);
  g_assert_cmpuint (cbs_engine_get_online (fixture->engine)->len, ==, 1);
}

static void
test_receive (Fixture      *fixture,
              gconstpointer user_data)
{
  connect_far (fixture);
  test_peer_send_bytes (fixture->far, "\0\0\0\1a\0\0\0\0\0\0\0\2bc\0", 16);
  test_peer_send_bytes (fixture->far, "\0\0\1d", 4);
  wait_for_frames (fixture, 4);
  g_assert_cmpstr (g_ptr_array_index (fixture->frames, 0), ==, "a");
  g_assert_cmpstr (g_ptr_array_index (fixture->frames, 1), ==, "");
  g_assert_cmpstr (g_ptr_array_index (fixture->frames, 2), ==, "bc");
  g_assert_cmpstr (g_ptr_array_index (fixture->frames, 3), ==, "d");
}

/* All of a turn leaves in one frame. */
static void
test_one_frame (Fixture      *fixture,
                gconstpointer user_data)
{
  connect_far (fixture);
  cbs_engine_set_online (fixture->engine, fixture->peer);
  send_text (fixture, CBS_FRAGMENT_JOINED, "bob");
  send_text (fixture, CBS_FRAGMENT_JOINED, "eve");
  send_text (fixture, CBS_FRAGMENT_ERROR, "no");
  assert_frame (fixture, "{\"USERS_JOINED\":[\"bob\",\"eve\"],\"ERROR\":\"no\"}");
}

/* A held peer's input waits, in order, and nothing of it is lost. */
static void
test_hold (Fixture      *fixture,
           gconstpointer user_data)
{
  fixture->holds = TRUE;
  connect_far (fixture);
  test_peer_send_bytes (fixture->far, "\0\0\0\1a\0\0\0\1b\0\0\0\1c", 15);
  for (guint i = 1; i <= 3; i++)
    {
      wait_for_frames (fixture, i);
      g_assert_cmpuint (fixture->frames->len, ==, i);
      g_assert_true (fixture->peer->held);
      cbs_engine_release (fixture->engine, fixture->peer);
    }
  g_assert_cmpstr (g_ptr_array_index (fixture->frames, 2), ==, "c");
}

/* Its last words arrive, then the end; what it sends meanwhile is not handed on. */
static void
test_close (Fixture      *fixture,
            gconstpointer user_data)
{
  connect_far (fixture);
  cbs_engine_set_online (fixture->engine, fixture->peer);
  cbs_engine_close (fixture->engine, fixture->peer, "good bye");
  test_peer_send (fixture->far, "{}");
  assert_frame (fixture, "{\"ERROR\":\"good bye\"}");
  test_peer_expect_end (fixture->far);
  g_assert_cmpuint (fixture->frames->len, ==, 0);
  g_clear_pointer (&fixture->far, test_peer_free);
  wait_for_end (fixture);
  g_assert_cmpuint (cbs_engine_count (fixture->engine), ==, 0);
}

static void
test_peer_closes (Fixture      *fixture,
                  gconstpointer user_data)
{
  connect_far (fixture);
  g_clear_pointer (&fixture->far, test_peer_free);
  wait_for_end (fixture);
  g_assert_no_error (fixture->reason);
}

static void
test_peer_resets (Fixture      *fixture,
                  gconstpointer user_data)
{
  connect_far (fixture);
  cbs_engine_set_online (fixture->engine, fixture->peer);
  test_peer_reset (fixture->far);
  wait_for_end (fixture);
  g_assert_cmpuint (cbs_engine_get_online (fixture->engine)->len, ==, 0);
}

static void
test_too_large (Fixture      *fixture,
                gconstpointer user_data)
{
  connect_far (fixture);
  test_peer_send_bytes (fixture->far, "\0\0\x03\xe9", 4);
  test_peer_expect_error (fixture->far, "1001 bytes; the limit is 1000");
  test_peer_expect_end (fixture->far);
}

/* Who takes nothing is dropped once its outbox is full; the memory it held is free at once. */
static void
test_outbox_limit (Fixture      *fixture,
                   gconstpointer user_data)
{
  g_autofree char *text = g_strnfill (64 * 1024, 'x');

  connect_far (fixture);
  cbs_engine_set_online (fixture->engine, fixture->peer);
  while (fixture->n_closed == 0)
    {
      send_text (fixture, CBS_FRAGMENT_MESSAGE, text);
      g_main_context_iteration (NULL, FALSE);
    }
  g_assert_error (fixture->reason, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
}

/* What TLS has taken and the socket has not is sent as soon as there is room, though nothing comes
 * behind it. */
static void
test_end_of_output (Fixture      *fixture,
                    gconstpointer user_data)
{
  g_autofree char *text = g_strnfill (20 * 1024, 'x');
  g_autofree char *expected = g_strdup_printf ("{\"MESSAGES\":[\"%s\"]}", text);
  guint n_sent = 0;

  connect_far (fixture);
  cbs_engine_set_online (fixture->engine, fixture->peer);
  do
    {
      send_text (fixture, CBS_FRAGMENT_MESSAGE, text);
      n_sent++;
      while (!cbs_outbox_is_empty (&fixture->peer->outbox))
        g_main_context_iteration (NULL, FALSE);
    }
  while (!cbs_tls_connection_wants_write (fixture->peer->tls));

  for (guint i = 0; i < n_sent; i++)
    assert_frame (fixture, expected);
}

static void
test_deadline (Fixture      *fixture,
               gconstpointer user_data)
{
  cbs_engine_free (fixture->engine);
  fixture->settings.log_in_us = 1000;
  start_engine (fixture);
  connect_far (fixture);
  test_peer_expect_error (fixture->far, "0.001 seconds");
  test_peer_expect_end (fixture->far);
}

/* Peers in any state may still be there. */
static void
test_free (Fixture      *fixture,
           gconstpointer user_data)
{
  connect_far (fixture);
  send_text (fixture, CBS_FRAGMENT_ERROR, "never sent");
  g_clear_pointer (&fixture->engine, cbs_engine_free);
  g_assert_cmpuint (fixture->n_closed, ==, 1);
  test_peer_expect_end (fixture->far);
}

int
main (int   argc,
      char *argv[])
{
  static const struct
  {
    const char *path;
    void        (*run) (Fixture      *fixture,
                        gconstpointer user_data);
  } cases[] = {
    { "/engine/progress", test_progress },
    { "/engine/receive", test_receive },
    { "/engine/one-frame", test_one_frame },
    { "/engine/hold", test_hold },
    { "/engine/close", test_close },
    { "/engine/peer-closes", test_peer_closes },
    { "/engine/peer-resets", test_peer_resets },
    { "/engine/too-large", test_too_large },
    { "/engine/outbox-limit", test_outbox_limit },
    { "/engine/end-of-output", test_end_of_output },
    { "/engine/deadline", test_deadline },
    { "/engine/free", test_free },
  };

  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    g_test_add (cases[i].path, Fixture, NULL, fixture_set_up, cases[i].run, fixture_tear_down);

  return g_test_run ();
}
