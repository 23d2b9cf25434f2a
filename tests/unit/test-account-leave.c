/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "libchatterbox/cb-account.h"

#include <string.h>

#include "common/test-account.h"
#include "common/test-wait.h"
#include "libchatterbox/cb-error.h"

/* What any server of the family answers to the command that a leave sends. */
#define NAME_ANSWER "Your username is ada"

static void
test_leave_connecting (TestAccount  *fixture,
                       gconstpointer data)
{
  g_autoptr (GAsyncResult) joined = NULL;
  g_autoptr (GAsyncResult) left = NULL;
  g_autoptr (GIOStream) connection = NULL;
  g_autoptr (GError) error = NULL;

  cb_account_join_async (fixture->account, "ada", NULL, test_wait_store_cb, &joined);
  connection = test_listener_accept_socket (fixture->listener);
  cb_account_leave_async (fixture->account, NULL, test_wait_store_cb, &left);
  g_assert_true (test_account_finish_leave (fixture, &left, &error));
  g_assert_false (test_account_finish_join (fixture, &joined, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  test_account_assert_events (fixture, "connecting\nleaving\noffline");
}

static void
test_leave_logging_in (TestAccount  *fixture,
                       gconstpointer data)
{
  g_autoptr (GAsyncResult) joined = NULL;
  g_autoptr (GAsyncResult) left = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (JsonObject) login = NULL;
  g_autoptr (GError) error = NULL;

  cb_account_join_async (fixture->account, "ada", NULL, test_wait_store_cb, &joined);
  peer = test_listener_accept (fixture->listener);
  login = test_peer_receive (peer);
  cb_account_leave_async (fixture->account, NULL, test_wait_store_cb, &left);
  g_assert_true (test_account_finish_leave (fixture, &left, &error));
  g_assert_false (test_account_finish_join (fixture, &joined, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  test_account_assert_events (fixture, "connecting\nlogging-in\nleaving\noffline");
  test_peer_expect_end (peer);
}

/* A join that was given up does not end the next one. */
static void
test_leave_and_join (TestAccount  *fixture,
                     gconstpointer data)
{
  g_autoptr (GAsyncResult) given_up = NULL;
  g_autoptr (GAsyncResult) left = NULL;
  g_autoptr (GIOStream) connection = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (GError) error = NULL;

  cb_account_join_async (fixture->account, "eve", NULL, test_wait_store_cb, &given_up);
  connection = test_listener_accept_socket (fixture->listener);
  cb_account_leave_async (fixture->account, NULL, test_wait_store_cb, &left);
  g_assert_true (test_account_finish_leave (fixture, &left, &error));
  peer = test_account_join (fixture);
  g_assert_cmpstr (cb_account_get_username (fixture->account), ==, "ada");
  g_assert_false (test_account_finish_join (fixture, &given_up, NULL));
  test_account_leave (fixture, peer);
}

typedef struct
{
  const char *path;
  const char *leave_at;
  gboolean    is_welcomed; /* the server gets to answer the login */
  const char *events; /* all that may be told */
} HandlerCase;

static const HandlerCase login_handler_cases[] = {
  { "/account/leave/handler/connecting", "connecting", FALSE, "connecting\nleaving\noffline" },
  { "/account/leave/handler/logging-in", "logging-in", FALSE, "connecting\nlogging-in\nleaving\noffline" },
  { "/account/leave/handler/online", "online", TRUE, "connecting\nlogging-in\nonline\noffline" },
  { "/account/leave/handler/history", "history eve>ALL one", TRUE,
    "connecting\nlogging-in\nonline\nhistory eve>ALL one\noffline" },
  { "/account/leave/handler/login-joined", "joined bob", TRUE,
    "connecting\nlogging-in\nonline\nhistory eve>ALL one\nhistory eve>ALL two\njoined bob\noffline" },
};

/* A handler leaves while the account joins: nothing is told after that, and the join has failed. */
static void
test_leave_in_login (TestAccount  *fixture,
                     gconstpointer data)
{
  const HandlerCase *c = data;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (GError) error = NULL;

  fixture->leave_at = c->leave_at;
  cb_account_join_async (fixture->account, "ada", NULL, test_wait_store_cb, &result);
  if (c->is_welcomed)
    peer = test_listener_accept_login (fixture->listener,
                                       "{\"USERNAME_ACCEPTED\": true, \"USERS_JOINED\": [\"bob\", \"dan\"],"
                                       " \"MESSAGES\": [[\"eve\", \"ALL\", 1, \"one\"],"
                                       " [\"eve\", \"ALL\", 2, \"two\"]]}");
  else if (strcmp (c->leave_at, "connecting") != 0)
    peer = test_listener_accept (fixture->listener);

  g_assert_false (test_account_finish_join (fixture, &result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_true (test_account_finish_leave (fixture, &fixture->left, &error));
  test_account_assert_events (fixture, c->events);
  if (c->is_welcomed)
    test_peer_expect_end (peer);
}

static const HandlerCase room_handler_cases[] = {
  { "/account/leave/handler/message", "message bob>ALL one", TRUE, "message bob>ALL one\noffline" },
  { "/account/leave/handler/joined", "joined eve", TRUE,
    "message bob>ALL one\nmessage bob>ALL two\njoined eve\noffline" },
  { "/account/leave/handler/left", "left dan", TRUE,
    "message bob>ALL one\nmessage bob>ALL two\njoined eve\njoined fay\nleft dan\noffline" },
  { "/account/leave/handler/error", "error bad", TRUE,
    "message bob>ALL one\nmessage bob>ALL two\njoined eve\njoined fay\nleft dan\nleft bob\nerror bad\noffline" },
};

/* A handler leaves in the middle of a packet: nothing is told after that, and nobody is online. */
static void
test_leave_in_room (TestAccount  *fixture,
                    gconstpointer data)
{
  const HandlerCase *c = data;
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  g_auto (GStrv) users = NULL;
  g_autoptr (GError) error = NULL;

  fixture->leave_at = c->leave_at;
  test_peer_send (peer, "{\"MESSAGES\": [[\"bob\", \"ALL\", 1, \"one\"], [\"bob\", \"ALL\", 2, \"two\"]],"
                  " \"USERS_JOINED\": [\"eve\", \"fay\"], \"USERS_LEFT\": [\"dan\", \"bob\"], \"ERROR\": \"bad\"}");
  g_assert_true (test_account_finish_leave (fixture, &fixture->left, &error));
  test_peer_expect_end (peer);
  test_account_assert_events (fixture, c->events);
  users = cb_account_dup_users (fixture->account);
  g_assert_cmpuint (g_strv_length (users), ==, 0);
}

static void
test_leave_in_disconnected (TestAccount  *fixture,
                            gconstpointer data)
{
  g_autofree char *event = g_strdup_printf ("disconnected g-io-error-quark %d", G_IO_ERROR_CONNECTION_CLOSED);
  g_autofree char *events = g_strconcat ("offline\n", event, NULL);
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  g_autoptr (GError) error = NULL;

  fixture->leave_at = event;
  g_clear_pointer (&peer, test_peer_free);
  test_account_wait_event (fixture, event);
  g_assert_true (test_account_finish_leave (fixture, &fixture->left, &error));
  test_account_assert_events (fixture, events);
}

static void
test_leave_offline (TestAccount  *fixture,
                    gconstpointer data)
{
  g_autoptr (GAsyncResult) left = NULL;
  g_autoptr (GError) error = NULL;

  cb_account_leave_async (fixture->account, NULL, test_wait_store_cb, &left);
  g_assert_true (test_account_finish_leave (fixture, &left, &error));
  test_account_assert_events (fixture, "");
}

/* Who has said nothing asks for nothing. */
static void
test_leave_silent (TestAccount  *fixture,
                   gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);

  test_account_leave (fixture, peer);
  test_account_assert_events (fixture, "offline");
}

/* What nothing comes back for is followed by something that has an answer. The answer is not told. */
static void
test_leave_settles (TestAccount  *fixture,
                    gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  g_autoptr (GAsyncResult) left = NULL;
  g_autoptr (GError) error = NULL;
  gint64 time_s = 0;

  test_account_say (fixture, "bob", "bye");
  cb_account_leave_async (fixture->account, NULL, test_wait_store_cb, &left);
  test_account_expect (peer, "bob", "bye");
  time_s = test_account_expect (peer, "ada", "/Name");
  g_assert_null (left);
  g_assert_false (cb_account_say (fixture->account, "bob", "more", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED);
  g_clear_error (&error);

  test_peer_send (peer, "{\"USERS_JOINED\": [\"eve\"]}");
  test_account_wait_event (fixture, "joined eve");
  g_assert_null (left);
  test_account_deliver (peer, "ada", time_s, NAME_ANSWER);
  test_peer_expect_end (peer);
  g_assert_true (test_account_finish_leave (fixture, &left, &error));
  test_account_assert_events (fixture, "leaving\njoined eve\noffline");
}

/* A command that was refused, or that the server does not know, has no answer: that of what the leave
 * asks is not mistaken for it. */
static void
test_leave_after_unanswered (TestAccount  *fixture,
                             gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  g_autoptr (GAsyncResult) left = NULL;
  g_autoptr (GError) error = NULL;
  gint64 time_s = 0;

  test_account_say (fixture, "ada", "/Block");
  test_account_expect (peer, "ada", "/Block");
  test_peer_send (peer, "{\"ERROR\": \"Whom?\"}");
  test_account_wait_event (fixture, "error Whom?");

  cb_account_leave_async (fixture->account, NULL, test_wait_store_cb, &left);
  time_s = test_account_expect (peer, "ada", "/Name");
  test_account_deliver (peer, "ada", time_s, NAME_ANSWER);
  test_peer_expect_end (peer);
  g_assert_true (test_account_finish_leave (fixture, &left, &error));
  test_account_assert_events (fixture, "error Whom?\nleaving\noffline");
}

static void
test_leave_pending (TestAccount  *fixture,
                    gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  g_autoptr (GAsyncResult) left = NULL;
  g_autoptr (GAsyncResult) left_again = NULL;
  g_autoptr (GError) error = NULL;
  gint64 time_s = 0;

  test_account_say (fixture, "ada", "/Blocked");
  cb_account_leave_async (fixture->account, NULL, test_wait_store_cb, &left);
  cb_account_leave_async (fixture->account, NULL, test_wait_store_cb, &left_again);
  g_assert_false (test_account_finish_leave (fixture, &left_again, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);

  time_s = test_account_expect (peer, "ada", "/Blocked");
  test_account_deliver (peer, "ada", time_s, "You have no users blocked");
  time_s = test_account_expect (peer, "ada", "/Name");
  test_account_deliver (peer, "ada", time_s, NAME_ANSWER);
  g_assert_true (test_account_finish_leave (fixture, &left, &error));
}

/* What was said may not have arrived: who leaves is told so. */
static void
test_leave_lost (TestAccount  *fixture,
                 gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  g_autoptr (GAsyncResult) left = NULL;
  g_autoptr (GError) error = NULL;

  test_account_say (fixture, "bob", "bye");
  cb_account_leave_async (fixture->account, NULL, test_wait_store_cb, &left);
  test_account_expect (peer, "bob", "bye");
  g_clear_pointer (&peer, test_peer_free);
  g_assert_false (test_account_finish_leave (fixture, &left, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
  test_account_assert_events (fixture, "leaving\noffline");
}

static void
test_leave_cancel (TestAccount  *fixture,
                   gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) left = NULL;
  g_autoptr (GError) error = NULL;

  test_account_say (fixture, "bob", "bye");
  cb_account_leave_async (fixture->account, cancellable, test_wait_store_cb, &left);
  test_account_expect (peer, "bob", "bye");
  g_cancellable_cancel (cancellable);
  g_assert_false (test_account_finish_leave (fixture, &left, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  test_account_assert_events (fixture, "leaving\noffline");
}

/* A server that confirms nothing is waited for five seconds, no longer. */
static void
test_leave_timeout (TestAccount  *fixture,
                    gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  g_autoptr (GAsyncResult) left = NULL;
  g_autoptr (GError) error = NULL;
  const gint64 start_us = g_get_monotonic_time ();

  test_account_say (fixture, "bob", "bye");
  cb_account_leave_async (fixture->account, NULL, test_wait_store_cb, &left);
  g_assert_true (test_account_finish_leave (fixture, &left, &error));
  g_assert_cmpint (g_get_monotonic_time () - start_us, >=, 4900 * G_TIME_SPAN_MILLISECOND);
  test_account_expect (peer, "bob", "bye");
  test_account_expect (peer, "ada", "/Name");
  test_peer_expect_end (peer);
}

static gboolean
sign_cb (gpointer user_data)
{
  test_peer_send (user_data, "{\"MESSAGES\": []}");
  return G_SOURCE_CONTINUE;
}

/* Says as much as there is room for; FALSE if nothing of it goes out for a while, though the server
 * claims to read. */
static gboolean
push (TestAccount *fixture,
      TestPeer    *peer,
      const char  *content)
{
  const guint sign = g_timeout_add (10, sign_cb, peer);
  const gint64 end_us = g_get_monotonic_time () + 400 * G_TIME_SPAN_MILLISECOND;
  guint queued = 0;

  while (cb_account_say (fixture->account, CB_MESSAGE_TO_ALL, content, NULL))
    ;
  queued = cb_account_get_queued (fixture->account);
  while (cb_account_get_queued (fixture->account) == queued && g_get_monotonic_time () < end_us)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (sign);
  return cb_account_get_queued (fixture->account) < queued;
}

/* Nor is a server that reads nothing, so that what was said can't even be sent. */
static void
test_leave_stalled (TestAccount  *fixture,
                    gconstpointer data)
{
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) left = NULL;
  g_autofree char *content = g_strnfill (60 * 1024, 'x');

  test_listener_set_small_buffers (fixture->listener);
  peer = test_account_join (fixture);
  while (push (fixture, peer, content))
    ;

  g_cancellable_cancel (cancellable);
  cb_account_leave_async (fixture->account, cancellable, test_wait_store_cb, &left);
  g_assert_false (test_account_finish_leave (fixture, &left, NULL));
}

/* An account that nobody holds goes when its connection does. */
static void
test_drop_online (TestAccount  *fixture,
                  gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  CbAccount *account = fixture->account;

  g_object_add_weak_pointer (G_OBJECT (account), (gpointer *) &fixture->account);
  g_object_unref (account);
  test_peer_send (peer, "{\"USERS_LEFT\": [\"bob\"]}");
  test_account_wait_event (fixture, "left bob");
  g_clear_pointer (&peer, test_peer_free);
  test_wait_gone ((gpointer *) &fixture->account, "the account goes");
}

static void
test_drop_offline (TestAccount  *fixture,
                   gconstpointer data)
{
  CbAccount *account = fixture->account;

  g_object_add_weak_pointer (G_OBJECT (account), (gpointer *) &fixture->account);
  g_object_unref (account);
  g_assert_null (fixture->account);
}

static void
test_drop_connecting (TestAccount  *fixture,
                      gconstpointer data)
{
  CbAccount *account = fixture->account;
  g_autoptr (GIOStream) connection = NULL;

  g_object_add_weak_pointer (G_OBJECT (account), (gpointer *) &fixture->account);
  cb_account_join_async (account, "ada", NULL, NULL, NULL);
  g_object_unref (account);
  connection = test_listener_accept_socket (fixture->listener);
  g_assert_nonnull (fixture->account);
  g_io_stream_close (connection, NULL, NULL);
  test_wait_gone ((gpointer *) &fixture->account, "the account goes");
  test_account_assert_events (fixture, "connecting\noffline");
}

static void
test_drop_leaving (TestAccount  *fixture,
                   gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  CbAccount *account = fixture->account;
  gint64 time_s = 0;

  g_object_add_weak_pointer (G_OBJECT (account), (gpointer *) &fixture->account);
  test_account_say (fixture, "bob", "bye");
  cb_account_leave_async (account, NULL, NULL, NULL);
  g_object_unref (account);
  test_account_expect (peer, "bob", "bye");
  time_s = test_account_expect (peer, "ada", "/Name");
  test_account_deliver (peer, "ada", time_s, NAME_ANSWER);
  test_wait_gone ((gpointer *) &fixture->account, "the account goes");
  test_account_assert_events (fixture, "leaving\noffline");
}

int
main (int   argc,
      char *argv[])
{
  /* glib-networking 2.74 looks for a desktop's proxies, and aborts in directories without its schemas. */
  g_setenv ("GIO_USE_PROXY_RESOLVER", "dummy", TRUE);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  test_account_add ("/account/leave/offline", test_leave_offline, NULL);
  test_account_add ("/account/leave/connecting", test_leave_connecting, NULL);
  test_account_add ("/account/leave/logging-in", test_leave_logging_in, NULL);
  test_account_add ("/account/leave/and-join", test_leave_and_join, NULL);
  test_account_add ("/account/leave/silent", test_leave_silent, NULL);
  test_account_add ("/account/leave/settles", test_leave_settles, NULL);
  test_account_add ("/account/leave/after-unanswered", test_leave_after_unanswered, NULL);
  test_account_add ("/account/leave/pending", test_leave_pending, NULL);
  test_account_add ("/account/leave/lost", test_leave_lost, NULL);
  test_account_add ("/account/leave/cancel", test_leave_cancel, NULL);
  test_account_add ("/account/leave/timeout", test_leave_timeout, NULL);
  test_account_add ("/account/leave/stalled", test_leave_stalled, NULL);
  test_account_add ("/account/leave/handler/disconnected", test_leave_in_disconnected, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (login_handler_cases); i++)
    test_account_add (login_handler_cases[i].path, test_leave_in_login, &login_handler_cases[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (room_handler_cases); i++)
    test_account_add (room_handler_cases[i].path, test_leave_in_room, &room_handler_cases[i]);
  test_account_add ("/account/drop/offline", test_drop_offline, NULL);
  test_account_add ("/account/drop/connecting", test_drop_connecting, NULL);
  test_account_add ("/account/drop/online", test_drop_online, NULL);
  test_account_add ("/account/drop/leaving", test_drop_leaving, NULL);

  return g_test_run ();
}
