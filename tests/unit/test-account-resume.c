/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "libchatterbox/cb-account.h"

#include <string.h>

#include "common/test-account.h"
#include "common/test-wait.h"
#include "libchatterbox/cb-account-private.h"
#include "libchatterbox/cb-error.h"

#define LOG_ID "0123456789abcdef0123456789abcdef"
#define WELCOME_WITH(log, head, messages) \
  "{\"USERNAME_ACCEPTED\": true, \"FEATURES\": [\"message-ids\", \"history\", \"search\", \"users\", \"blocks\"," \
  " \"read-markers\", \"identity\", \"new\"], \"LOG\": {\"id\": \"" log "\", \"head\": " head "}," \
  " \"USER_LIST\": [\"ada\", \"bob\"], \"MESSAGES\": [" messages "]}"
#define WELCOME WELCOME_WITH (LOG_ID, "5", "[\"bob\", \"ALL\", 1, \"one\", {\"id\": 3}]")

static void
acknowledged_cb (CbAccount  *account,
                 const char *token,
                 CbMessage  *message,
                 gpointer    user_data)
{
  TestAccount *fixture = user_data;

  g_ptr_array_add (fixture->events,
                   g_strdup_printf ("acknowledged %s", message != NULL ? cb_message_get_content (message) : "-"));
}

static void
refused_cb (CbAccount    *account,
            const char   *token,
            const GError *error,
            gpointer      user_data)
{
  TestAccount *fixture = user_data;

  g_assert_true (g_error_matches (error, CB_ERROR, CB_ERROR_UNEXPECTED));
  g_ptr_array_add (fixture->events, g_strdup_printf ("refused %s", error->message));
}

static void
log_changed_cb (CbAccount *account,
                gpointer   user_data)
{
  TestAccount *fixture = user_data;

  g_ptr_array_add (fixture->events, g_strdup ("log-changed"));
}

static void
waiting_cb (CbAccount    *account,
            const GError *error,
            guint         delay_ms,
            gpointer      user_data)
{
  TestAccount *fixture = user_data;

  g_ptr_array_add (fixture->events,
                   g_strdup_printf ("next try: %s", delay_ms == G_MAXUINT ? "with a network" : "soon"));
}

static void
read_marker_cb (CbAccount  *account,
                const char *with,
                gint64      id,
                gpointer    user_data)
{
  TestAccount *fixture = user_data;

  g_ptr_array_add (fixture->events, g_strdup_printf ("read %s %" G_GINT64_FORMAT, with, id));
}

static void
blocks_changed_cb (CbAccount *account,
                   gpointer   user_data)
{
  TestAccount *fixture = user_data;

  g_ptr_array_add (fixture->events, g_strdup ("blocks-changed"));
}

/* An account that comes back at once, and tells more. */
static void
watch (TestAccount *fixture)
{
  cb_backoff_init (&fixture->account->backoff, 0, 0);
  cb_account_set_reconnects (fixture->account, TRUE);
  g_signal_connect (fixture->account, "acknowledged", G_CALLBACK (acknowledged_cb), fixture);
  g_signal_connect (fixture->account, "refused", G_CALLBACK (refused_cb), fixture);
  g_signal_connect (fixture->account, "log-changed", G_CALLBACK (log_changed_cb), fixture);
  g_signal_connect (fixture->account, "waiting", G_CALLBACK (waiting_cb), fixture);
  g_signal_connect (fixture->account, "read-marker", G_CALLBACK (read_marker_cb), fixture);
  g_signal_connect (fixture->account, "blocks-changed", G_CALLBACK (blocks_changed_cb), fixture);
}

static TestPeer *
join (TestAccount *fixture)
{
  watch (fixture);
  return test_account_join_with (fixture, WELCOME);
}

/* The next frame holds one message to @destination, and a request's number. Returns its token. */
static char *
expect_sent (TestPeer   *peer,
             const char *destination,
             const char *content,
             gint64     *out_request)
{
  g_autoptr (JsonObject) object = test_peer_receive (peer);
  JsonArray *messages = json_object_get_array_member (object, "MESSAGES");
  JsonArray *message = NULL;

  g_assert_cmpuint (json_object_get_size (object), ==, 2);
  g_assert_cmpuint (json_array_get_length (messages), ==, 1);
  message = json_array_get_array_element (messages, 0);
  g_assert_cmpuint (json_array_get_length (message), ==, 5);
  g_assert_cmpstr (json_array_get_string_element (message, 0), ==, "ada");
  g_assert_cmpstr (json_array_get_string_element (message, 1), ==, destination);
  g_assert_cmpstr (json_array_get_string_element (message, 3), ==, content);
  if (out_request != NULL)
    *out_request = json_object_get_int_member (object, "REQUEST");
  return g_strdup (json_object_get_string_member (json_array_get_object_element (message, 4), "token"));
}

static void
echo (TestPeer   *peer,
      const char *destination,
      const char *content,
      gint64      id,
      const char *token)
{
  g_autofree char *json = NULL;

  json = g_strdup_printf ("{\"MESSAGES\": [[\"ada\", \"%s\", 7, \"%s\","
                          " {\"id\": %" G_GINT64_FORMAT ", \"token\": \"%s\"}]]}", destination, content, id, token);
  test_peer_send (peer, json);
}

/* Waits for the account that comes back; its login is the caller's. */
static TestPeer *
accept_back (TestAccount *fixture,
             const char  *welcome,
             JsonObject **out_login)
{
  TestPeer *peer = test_listener_accept (fixture->listener);
  g_autoptr (JsonObject) login = test_peer_receive (peer);

  test_peer_send (peer, welcome);
  if (out_login != NULL)
    *out_login = g_steal_pointer (&login);
  return peer;
}

static void
test_login (TestAccount  *fixture,
            gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (JsonObject) login = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (GError) error = NULL;

  cb_account_join_async (fixture->account, "ada", NULL, test_wait_store_cb, &result);
  peer = accept_back (fixture, WELCOME, &login);
  g_assert_true (test_account_finish_join (fixture, &result, &error));
  g_assert_cmpuint (json_object_get_size (login), ==, 3);
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (login, "FEATURES")), ==, 8);
  g_assert_cmpstr (json_object_get_string_member (login, "CLIENT"), ==, "chatterbox/" PACKAGE_VERSION);
  g_assert_cmpuint ((guint) cb_account_get_negotiated (fixture->account), ==,
                    (guint) CB_FEATURES_ALL - CB_FEATURE_UTF8);
  g_assert_cmpstr (cb_account_get_log_id (fixture->account), ==, LOG_ID);
  g_assert_cmpint (cb_account_get_position (fixture->account), ==, 3);
  test_account_assert_events (fixture, "connecting\nlogging-in\nonline\nhistory bob>ALL one");
  test_account_leave (fixture, peer);
}

/* Who announces nothing says what it always said. */
static void
test_login_plain (TestAccount  *fixture,
                  gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (JsonObject) login = NULL;
  g_autoptr (TestPeer) peer = NULL;

  cb_account_set_features (fixture->account, (CbFeatures) 0);
  cb_account_join_async (fixture->account, "ada", NULL, test_wait_store_cb, &result);
  peer = accept_back (fixture, TEST_ACCOUNT_WELCOME, &login);
  g_assert_true (test_account_finish_join (fixture, &result, NULL));
  g_assert_cmpuint (json_object_get_size (login), ==, 1);
  test_account_leave (fixture, peer);
}

static void
test_login_no_log (TestAccount  *fixture,
                   gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (GError) error = NULL;

  cb_account_join_async (fixture->account, "ada", NULL, test_wait_store_cb, &result);
  peer = accept_back (fixture, "{\"USERNAME_ACCEPTED\": true, \"FEATURES\": [\"message-ids\"], \"LOG\": [1]}", NULL);
  g_assert_false (test_account_finish_join (fixture, &result, &error));
  g_assert_error (error, CB_ERROR, CB_ERROR_MALFORMED);
  test_account_assert_events (fixture, "connecting\nlogging-in\noffline");
  test_peer_expect_end (peer);
}

/* Only the echo acknowledges, a private message's, too. */
static void
test_acknowledged (TestAccount  *fixture,
                   gconstpointer data)
{
  g_autoptr (TestPeer) peer = join (fixture);
  g_autofree char *token = cb_account_send (fixture->account, "bob", "hi", NULL);
  g_autofree char *sent = expect_sent (peer, "bob", "hi", NULL);

  g_assert_cmpstr (sent, ==, token);
  g_assert_cmpuint (strlen (token), ==, 32);
  g_assert_cmpuint (cb_account_get_unacknowledged (fixture->account), ==, 1);
  test_peer_send (peer, "{\"MESSAGES\": [[\"ada\", \"bob\", 7, \"hi\", {\"id\": 8, \"token\": \"another\"}]]}");
  test_account_wait_event (fixture, "message ada>bob hi");
  g_assert_cmpuint (cb_account_get_unacknowledged (fixture->account), ==, 1);

  echo (peer, "bob", "hi", 9, token);
  test_account_wait_event (fixture, "acknowledged hi");
  test_account_assert_events (fixture, "message ada>bob hi\nmessage ada>bob hi\nacknowledged hi");
  g_assert_cmpuint (cb_account_get_unacknowledged (fixture->account), ==, 0);
  g_assert_cmpint (cb_account_get_position (fixture->account), ==, 9);
  test_account_leave (fixture, peer);
}

/* Each message can be refused by itself. */
static void
test_refused (TestAccount  *fixture,
              gconstpointer data)
{
  g_autoptr (TestPeer) peer = join (fixture);
  g_autofree char *one = NULL;
  g_autofree char *two = NULL;
  g_autofree char *error = NULL;
  gint64 request = 0;

  test_account_say (fixture, "eve", "one");
  test_account_say (fixture, "bob", "two");
  one = expect_sent (peer, "eve", "one", &request);
  two = expect_sent (peer, "bob", "two", NULL);
  error = g_strdup_printf ("{\"ERROR\": \"No user eve\", \"REQUEST\": %" G_GINT64_FORMAT "}", request);
  test_peer_send (peer, error);
  test_account_wait_event (fixture, "refused No user eve");
  g_assert_cmpuint (cb_account_get_unacknowledged (fixture->account), ==, 1);
  echo (peer, "bob", "two", 9, two);
  test_account_wait_event (fixture, "acknowledged two");
  test_account_assert_events (fixture, "refused No user eve\nmessage ada>bob two\nacknowledged two");

  /* The same number again, or none, is about something else. */
  test_peer_send (peer, error);
  test_peer_send (peer, "{\"ERROR\": \"bad\"}");
  test_account_wait_event (fixture, "error bad");
  test_account_assert_events (fixture, "error No user eve\nerror bad");
  test_account_leave (fixture, peer);
}

/* At most 32 are on their way; the queue tells of the rest. */
static void
test_window (TestAccount  *fixture,
             gconstpointer data)
{
  g_autoptr (TestPeer) peer = join (fixture);
  g_autofree char *first = NULL;
  g_autofree char *last = NULL;

  for (guint i = 0; i < 33; i++)
    test_account_say (fixture, "ALL", "hi");
  g_assert_cmpuint (cb_account_get_queued (fixture->account), >, 0);
  first = expect_sent (peer, "ALL", "hi", NULL);
  for (guint i = 1; i < 32; i++)
    g_free (expect_sent (peer, "ALL", "hi", NULL));

  test_peer_send (peer, "{\"USERS_JOINED\": [\"eve\"]}");
  test_account_wait_event (fixture, "joined eve");
  g_assert_cmpuint (cb_account_get_queued (fixture->account), >, 0);
  echo (peer, "ALL", "hi", 6, first);
  last = expect_sent (peer, "ALL", "hi", NULL);
  g_assert_cmpuint (cb_account_get_queued (fixture->account), ==, 0);
  g_assert_cmpuint (cb_account_get_unacknowledged (fixture->account), ==, 32);
}

/* The link is lost before the echoes: the same tokens, in order, and what came meanwhile once. */
static void
test_resent (TestAccount  *fixture,
             gconstpointer data)
{
  g_autoptr (TestPeer) peer = join (fixture);
  g_autoptr (TestPeer) back = NULL;
  g_autoptr (JsonObject) login = NULL;
  g_autofree char *one = NULL;
  g_autofree char *two = NULL;
  g_autofree char *one_again = NULL;
  g_autofree char *two_again = NULL;
  JsonObject *history = NULL;

  test_account_say (fixture, "ALL", "one");
  test_account_say (fixture, "bob", "two");
  one = expect_sent (peer, "ALL", "one", NULL);
  two = expect_sent (peer, "bob", "two", NULL);
  g_clear_pointer (&peer, test_peer_free);

  back = accept_back (fixture, WELCOME_WITH (LOG_ID, "8", "[\"ada\", \"ALL\", 7, \"one\", {\"id\": 6}]"), &login);
  history = json_object_get_object_member (login, "HISTORY");
  g_assert_cmpint (json_object_get_int_member (history, "after"), ==, 3);
  g_assert_cmpstr (json_object_get_string_member (history, "log"), ==, LOG_ID);
  one_again = expect_sent (back, "ALL", "one", NULL);
  two_again = expect_sent (back, "bob", "two", NULL);
  g_assert_cmpstr (one_again, ==, one);
  g_assert_cmpstr (two_again, ==, two);

  echo (back, "ALL", "one", 6, one);
  echo (back, "bob", "two", 9, two);
  test_account_wait_event (fixture, "acknowledged two");
  test_account_assert_events (fixture, "waiting\nnext try: soon\nconnecting\nlogging-in\nonline\nhistory ada>ALL one\n"
                              "acknowledged one\nmessage ada>bob two\nacknowledged two");
  test_account_leave (fixture, back);
}

/* What is said while there is no connection goes out with the next one, behind the rest. */
static void
test_said_while_waiting (TestAccount  *fixture,
                         gconstpointer data)
{
  g_autoptr (TestPeer) peer = join (fixture);
  g_autoptr (TestPeer) back = NULL;
  g_autofree char *one = NULL;
  g_autofree char *two = NULL;

  test_account_say (fixture, "ALL", "one");
  g_free (expect_sent (peer, "ALL", "one", NULL));
  g_clear_pointer (&peer, test_peer_free);
  test_account_wait_event (fixture, "waiting");
  test_account_say (fixture, "ALL", "two");
  back = accept_back (fixture, WELCOME, NULL);
  one = expect_sent (back, "ALL", "one", NULL);
  two = expect_sent (back, "ALL", "two", NULL);
  echo (back, "ALL", "one", 6, one);
  echo (back, "ALL", "two", 7, two);
  test_account_wait_event (fixture, "acknowledged two");
  test_account_leave (fixture, back);
}

/* A server that tells all again is shown once. */
static void
test_delivered_once (TestAccount  *fixture,
                     gconstpointer data)
{
  g_autoptr (TestPeer) peer = join (fixture);
  g_autoptr (TestPeer) back = NULL;

  test_peer_send (peer, "{\"MESSAGES\": [[\"bob\", \"ALL\", 2, \"two\", {\"id\": 6}]]}");
  test_account_wait_event (fixture, "message bob>ALL two");
  g_clear_pointer (&peer, test_peer_free);
  back = accept_back (fixture, WELCOME_WITH (LOG_ID, "9", "[\"bob\", \"ALL\", 1, \"one\", {\"id\": 3}],"
                                             "[\"bob\", \"ALL\", 2, \"two\", {\"id\": 6}],"
                                             "[\"bob\", \"ALL\", 3, \"three\", {\"id\": 9}]"), NULL);
  test_account_wait_event (fixture, "history bob>ALL three");
  test_account_assert_events (fixture, "message bob>ALL two\nwaiting\nnext try: soon\nconnecting\nlogging-in\nonline\n"
                              "history bob>ALL three");
  test_account_leave (fixture, back);
}

/* Ids of another log are other messages'. */
static void
test_other_log (TestAccount  *fixture,
                gconstpointer data)
{
  g_autoptr (TestPeer) peer = join (fixture);
  g_autoptr (TestPeer) back = NULL;

  g_clear_pointer (&peer, test_peer_free);
  back = accept_back (fixture, WELCOME_WITH ("ffffffffffffffffffffffffffffffff", "3",
                                             "[\"bob\", \"ALL\", 1, \"new\", {\"id\": 2}]"), NULL);
  test_account_wait_event (fixture, "history bob>ALL new");
  test_account_assert_events (fixture, "waiting\nnext try: soon\nconnecting\nlogging-in\nonline\nlog-changed\n"
                              "history bob>ALL new");
  g_assert_cmpstr (cb_account_get_log_id (fixture->account), ==, "ffffffffffffffffffffffffffffffff");
  g_assert_cmpint (cb_account_get_position (fixture->account), ==, 2);
  test_account_leave (fixture, back);
}

/* An application that was restarted goes on where it was, and with what was not acknowledged. */
static void
test_restored (TestAccount  *fixture,
               gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (JsonObject) login = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autofree char *token = NULL;
  g_autoptr (GError) error = NULL;

  watch (fixture);
  cb_account_set_position (fixture->account, LOG_ID, 4);
  g_assert_true (cb_account_resend (fixture->account, "t-1", "ALL", "before", 77, &error));
  g_assert_false (cb_account_resend (fixture->account, "t-1", "ALL", "before", 77, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS);
  g_clear_error (&error);
  g_assert_false (cb_account_resend (fixture->account, "t 2", "ALL", "before", 77, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);

  cb_account_join_async (fixture->account, "ada", NULL, test_wait_store_cb, &result);
  peer = accept_back (fixture, WELCOME_WITH (LOG_ID, "5", ""), &login);
  g_assert_true (test_account_finish_join (fixture, &result, NULL));
  g_assert_cmpint (json_object_get_int_member (json_object_get_object_member (login, "HISTORY"), "after"), ==, 4);
  token = expect_sent (peer, "ALL", "before", NULL);
  g_assert_cmpstr (token, ==, "t-1");
  echo (peer, "ALL", "before", 2, token);
  test_account_wait_event (fixture, "acknowledged before");
  test_account_assert_events (fixture, "connecting\nlogging-in\nonline\nacknowledged before");
  test_account_leave (fixture, peer);
}

/* The server is not there for a while. */
static void
test_tries_again (TestAccount  *fixture,
                  gconstpointer data)
{
  g_autoptr (TestPeer) peer = join (fixture);
  g_autoptr (TestPeer) back = NULL;

  g_clear_pointer (&peer, test_peer_free);
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (GIOStream) stream = test_listener_accept_socket (fixture->listener);

      g_io_stream_close (stream, NULL, NULL);
    }
  back = accept_back (fixture, WELCOME, NULL);
  test_account_wait_event (fixture, "online");
  test_account_assert_events (fixture, "waiting\nnext try: soon\nconnecting\nwaiting\nnext try: soon\nconnecting\n"
                              "waiting\nnext try: soon\nconnecting\nwaiting\nnext try: soon\nconnecting\n"
                              "logging-in\nonline");
  test_account_leave (fixture, back);
}

/* The server has not noticed yet that the old connection is gone; later a refusal is one. */
static void
test_name_in_use (TestAccount  *fixture,
                  gconstpointer data)
{
  g_autofree char *disconnected = g_strdup_printf ("disconnected cb-error-quark %d", CB_ERROR_NAME_TAKEN);
  g_autoptr (TestPeer) peer = join (fixture);
  g_autoptr (TestPeer) refusing = NULL;
  g_autoptr (TestPeer) refusing_again = NULL;

  g_clear_pointer (&peer, test_peer_free);
  refusing = accept_back (fixture, "{\"USERNAME_ACCEPTED\": false, \"INFO\": \"In use\"}", NULL);
  refusing_again = test_listener_accept (fixture->listener);
  fixture->account->lost_us = g_get_monotonic_time () - 200 * G_TIME_SPAN_SECOND;
  json_object_unref (test_peer_receive (refusing_again));
  test_peer_send (refusing_again, "{\"USERNAME_ACCEPTED\": false, \"INFO\": \"In use\"}");
  test_account_wait_event (fixture, disconnected);
  g_assert_cmpint (cb_account_get_state (fixture->account), ==, CB_ACCOUNT_OFFLINE);
}

/* Where coming back would tell all again the account does not. */
static void
test_plain_server (TestAccount  *fixture,
                   gconstpointer data)
{
  g_autofree char *event = g_strdup_printf ("disconnected g-io-error-quark %d", G_IO_ERROR_CONNECTION_CLOSED);
  g_autofree char *events = g_strconcat ("offline\n", event, NULL);
  g_autoptr (TestPeer) peer = NULL;

  watch (fixture);
  peer = test_account_join (fixture);
  g_clear_pointer (&peer, test_peer_free);
  test_account_wait_event (fixture, event);
  test_account_assert_events (fixture, events);
}

/* A server that has forgotten how to acknowledge is told nothing twice. */
static void
test_back_to_plain (TestAccount  *fixture,
                    gconstpointer data)
{
  g_autoptr (TestPeer) peer = join (fixture);
  g_autoptr (TestPeer) back = NULL;

  test_account_say (fixture, "ALL", "one");
  g_free (expect_sent (peer, "ALL", "one", NULL));
  g_clear_pointer (&peer, test_peer_free);
  back = accept_back (fixture, TEST_ACCOUNT_WELCOME, NULL);
  test_account_wait_event (fixture, "refused The server does not acknowledge messages");
  g_assert_cmpuint (cb_account_get_unacknowledged (fixture->account), ==, 0);
  test_account_leave (fixture, back);
}

/* What was wrong may have been the network: once there is one again no wait is worth its time. */
static void
test_network_back (TestAccount  *fixture,
                   gconstpointer data)
{
  g_autoptr (TestPeer) peer = join (fixture);
  g_autoptr (TestPeer) back = NULL;

  cb_backoff_init (&fixture->account->backoff, G_MAXINT, G_MAXINT);
  g_clear_pointer (&peer, test_peer_free);
  test_account_wait_event (fixture, "waiting");
  g_signal_emit_by_name (g_network_monitor_get_default (), "network-changed", TRUE);
  back = accept_back (fixture, WELCOME, NULL);
  test_account_wait_event (fixture, "online");
  test_account_leave (fixture, back);
}

/* Nobody is left whom it could come back for. */
static void
test_forgotten (TestAccount  *fixture,
                gconstpointer data)
{
  CbAccount *account = cb_account_new (cb_account_get_connector (fixture->account));
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (TestPeer) peer = NULL;

  g_object_set (account, "reconnects", TRUE, NULL);
  cb_account_join_async (account, "ada", NULL, test_wait_store_cb, &result);
  peer = test_listener_accept_login (fixture->listener, WELCOME);
  test_wait_for (&result, "join");
  g_assert_true (cb_account_join_finish (account, result, NULL));
  g_clear_object (&result);

  g_clear_pointer (&peer, test_peer_free);
  while (cb_account_get_state (account) != CB_ACCOUNT_WAITING)
    g_main_context_iteration (NULL, TRUE);
  g_object_add_weak_pointer (G_OBJECT (account), (gpointer *) &account);
  g_object_unref (account);
  while (account != NULL)
    g_main_context_iteration (NULL, FALSE);
}

/* Who leaves comes back no more, and is told what has not arrived. */
static void
test_leave_waiting (TestAccount  *fixture,
                    gconstpointer data)
{
  g_autoptr (TestPeer) peer = join (fixture);
  g_autoptr (GAsyncResult) left = NULL;
  g_autoptr (GError) error = NULL;

  cb_backoff_init (&fixture->account->backoff, G_MAXUINT, G_MAXUINT);
  test_account_say (fixture, "ALL", "one");
  g_clear_pointer (&peer, test_peer_free);
  test_account_wait_event (fixture, "waiting");
  cb_account_leave_async (fixture->account, NULL, test_wait_store_cb, &left);
  g_assert_false (test_account_finish_leave (fixture, &left, &error));
  g_assert_true (error->domain == G_IO_ERROR);
  g_assert_cmpint (cb_account_get_state (fixture->account), ==, CB_ACCOUNT_OFFLINE);
}

/* A leave waits for the acknowledgements, and asks for nothing else. */
static void
test_leave_settles (TestAccount  *fixture,
                    gconstpointer data)
{
  g_autoptr (TestPeer) peer = join (fixture);
  g_autoptr (GAsyncResult) left = NULL;
  g_autofree char *token = NULL;
  g_autoptr (GError) error = NULL;

  test_account_say (fixture, "bob", "bye");
  cb_account_leave_async (fixture->account, NULL, test_wait_store_cb, &left);
  token = expect_sent (peer, "bob", "bye", NULL);
  g_assert_null (left);
  echo (peer, "bob", "bye", 9, token);
  test_peer_expect_end (peer);
  g_assert_true (test_account_finish_leave (fixture, &left, &error));
  test_account_assert_events (fixture, "leaving\nmessage ada>bob bye\nacknowledged bye\noffline");
}

/* A command has an answer, which has no id; one that has none was handled before what came behind it. */
static void
test_commands (TestAccount  *fixture,
               gconstpointer data)
{
  g_autoptr (TestPeer) peer = join (fixture);
  g_autoptr (JsonObject) first = NULL;
  g_autoptr (JsonObject) second = NULL;
  g_autofree char *token = NULL;
  JsonArray *message = NULL;

  test_account_say (fixture, "ada", "/Name");
  test_account_say (fixture, "ada", "/Unknown");
  test_account_say (fixture, "ALL", "hi");
  first = test_peer_receive (peer);
  second = test_peer_receive (peer);
  token = expect_sent (peer, "ALL", "hi", NULL);
  message = json_array_get_array_element (json_object_get_array_member (first, "MESSAGES"), 0);
  g_assert_cmpuint (json_array_get_length (message), ==, 4);
  test_account_deliver (peer, "ada", json_array_get_int_element (message, 2), "Your username is: ada");
  echo (peer, "ALL", "hi", 9, token);
  test_account_wait_event (fixture, "acknowledged hi");
  test_account_assert_events (fixture, "answer Your username is: ada\nacknowledged Your username is: ada\n"
                              "message ada>ALL hi\nacknowledged -\nacknowledged hi");
  g_assert_cmpuint (cb_account_get_unacknowledged (fixture->account), ==, 0);
  test_account_leave (fixture, peer);
}

/* Something that could not be read may have been messages: they are asked for, page by page. */
static void
test_hole (TestAccount  *fixture,
           gconstpointer data)
{
  g_autoptr (TestPeer) peer = join (fixture);
  const char *answers[] = { "{\"HISTORY\": {\"more\": true}, \"REQUEST\": %" G_GINT64_FORMAT ","
                            " \"MESSAGES\": [[\"bob\", \"ALL\", 5, \"five\", {\"id\": 5}]]}",
                            "{\"HISTORY\": {\"more\": false}, \"REQUEST\": %" G_GINT64_FORMAT ","
                            " \"MESSAGES\": [[\"bob\", \"ALL\", 6, \"six\", {\"id\": 6}],"
                            " [\"bob\", \"ALL\", 8, \"eight\", {\"id\": 8}]]}" };
  const gint64 afters[] = { 3, 5 };

  test_peer_send (peer, "{\"MESSAGES\": 1}");
  test_peer_send (peer, "{\"MESSAGES\": [[\"bob\", \"ALL\", 8, \"eight\", {\"id\": 8}]]}");
  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    {
      g_autoptr (JsonObject) request = test_peer_receive (peer);
      JsonObject *history = json_object_get_object_member (request, "HISTORY");
      g_auto (GStrv) parts = g_strsplit (answers[i], "%" G_GINT64_FORMAT, 2);
      g_autofree char *answer = NULL;

      g_assert_cmpint (json_object_get_int_member (history, "after"), ==, afters[i]);
      g_assert_false (json_object_has_member (history, "with"));
      g_assert_cmpint (cb_account_get_complete (fixture->account, "ALL"), ==, afters[i]);
      answer = g_strdup_printf ("%s%" G_GINT64_FORMAT "%s", parts[0],
                                json_object_get_int_member (request, "REQUEST"), parts[1]);
      test_peer_send (peer, answer);
    }
  test_account_wait_event (fixture, "history bob>ALL six");
  g_ptr_array_remove_index (fixture->events, 0); /* the error, whose text is another test's */
  test_account_assert_events (fixture, "message bob>ALL eight\nhistory bob>ALL five\nhistory bob>ALL six");
  g_assert_cmpint (cb_account_get_complete (fixture->account, "ALL"), ==, 8);
  g_assert_cmpint (cb_account_get_position (fixture->account), ==, 8);
  test_account_leave (fixture, peer);
}

/* Sends the answer to the next request, which has @key. */
static void
answer_next (TestPeer   *peer,
             const char *key,
             const char *members)
{
  g_autoptr (JsonObject) request = test_peer_receive (peer);
  g_autofree char *answer = NULL;

  g_assert_cmpuint (json_object_get_size (request), ==, 2);
  g_assert_true (json_object_has_member (request, key));
  answer = g_strdup_printf ("{\"REQUEST\": %" G_GINT64_FORMAT ", %s}",
                            json_object_get_int_member (request, "REQUEST"), members);
  test_peer_send (peer, answer);
}

/* A page is its asker's alone. */
static void
test_history (TestAccount  *fixture,
              gconstpointer data)
{
  g_autoptr (TestPeer) peer = join (fixture);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GPtrArray) messages = NULL;
  g_autoptr (GError) error = NULL;
  gboolean more = FALSE;

  cb_account_history_async (fixture->account, "bob", CB_HISTORY_BEFORE, 4, 10, NULL, test_wait_store_cb, &result);
  answer_next (peer, "HISTORY", "\"HISTORY\": {\"more\": true},"
               " \"MESSAGES\": [[\"bob\", \"ada\", 1, \"zero\", {\"id\": 1}]]");
  test_wait_for (&result, "history");
  messages = cb_account_history_finish (fixture->account, result, &more, &error);
  g_assert_no_error (error);
  g_assert_true (more);
  g_assert_cmpuint (messages->len, ==, 1);
  g_assert_cmpint (cb_message_get_id (g_ptr_array_index (messages, 0)), ==, 1);
  test_account_assert_events (fixture, "");
  test_account_leave (fixture, peer);
}

/* The best match may be an old one. */
static void
test_search (TestAccount  *fixture,
             gconstpointer data)
{
  const CbSearchRequest what = { .text = (char *) "tea", .with = (char *) "ALL", .limit = 10, .ranked = TRUE };
  g_autoptr (TestPeer) peer = join (fixture);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GPtrArray) messages = NULL;
  g_autoptr (GError) error = NULL;
  gboolean more = TRUE;

  cb_account_search_async (fixture->account, &what, NULL, test_wait_store_cb, &result);
  answer_next (peer, "SEARCH", "\"SEARCH\": {\"more\": false, \"indexed\": 5},"
               " \"MESSAGES\": [[\"bob\", \"ALL\", 1, \"tea\", {\"id\": 4}],"
               " [\"bob\", \"ALL\", 1, \"a tea\", {\"id\": 1}]]");
  test_wait_for (&result, "search");
  messages = cb_account_search_finish (fixture->account, result, &more, &error);
  g_assert_no_error (error);
  g_assert_false (more);
  g_assert_cmpuint (messages->len, ==, 2);
  g_assert_cmpint (cb_message_get_id (g_ptr_array_index (messages, 0)), ==, 4);
  g_assert_cmpstr (cb_message_get_content (g_ptr_array_index (messages, 1)), ==, "a tea");
  test_account_assert_events (fixture, "");
  test_account_leave (fixture, peer);
}

typedef struct
{
  const char *path;
  const char *members;
  int         code;
} AnswerCase;

static const AnswerCase answer_cases[] = {
  { "/account/request/refused", "\"ERROR\": \"No\"", CB_ERROR_UNEXPECTED },
  { "/account/request/no-messages", "\"HISTORY\": {\"more\": true}", CB_ERROR_MALFORMED },
  { "/account/request/no-object", "\"HISTORY\": 1, \"MESSAGES\": []", CB_ERROR_MALFORMED },
  { "/account/request/no-boolean", "\"HISTORY\": {\"more\": [true]}, \"MESSAGES\": []", CB_ERROR_MALFORMED },
  { "/account/request/absent", "\"MESSAGES\": []", CB_ERROR_MALFORMED },
};

static void
test_bad_answer (TestAccount  *fixture,
                 gconstpointer data)
{
  const AnswerCase *c = data;
  g_autoptr (TestPeer) peer = join (fixture);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  gboolean more = 7;

  cb_account_history_async (fixture->account, NULL, CB_HISTORY_NEWEST, 0, 10, NULL, test_wait_store_cb, &result);
  answer_next (peer, "HISTORY", c->members);
  test_wait_for (&result, "history");
  g_assert_null (cb_account_history_finish (fixture->account, result, &more, &error));
  g_assert_error (error, CB_ERROR, c->code);
  g_assert_cmpint (more, ==, 7);
  test_account_assert_events (fixture, "");
  test_account_leave (fixture, peer);
}

typedef enum { END_TIMEOUT, END_CANCEL, END_LOST, END_OFFLINE, END_UNSUPPORTED } EndCase;

static const int end_codes[] = { G_IO_ERROR_TIMED_OUT, G_IO_ERROR_CANCELLED, G_IO_ERROR_CONNECTION_CLOSED,
                                 G_IO_ERROR_NOT_CONNECTED, G_IO_ERROR_NOT_SUPPORTED };

/* A request that is not answered ends all the same. */
static void
test_request_end (TestAccount  *fixture,
                  gconstpointer data)
{
  const EndCase c = (EndCase) GPOINTER_TO_INT (data);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  if (c == END_UNSUPPORTED)
    peer = test_account_join (fixture);
  else if (c != END_OFFLINE)
    peer = join (fixture);
  cb_account_set_reconnects (fixture->account, FALSE);
  if (c == END_TIMEOUT)
    fixture->account->request_timeout_ms = 1;
  cb_account_change_blocks_async (fixture->account, NULL, NULL, cancellable, test_wait_store_cb, &result);
  if (c == END_CANCEL)
    g_cancellable_cancel (cancellable);
  else if (c == END_LOST)
    g_clear_pointer (&peer, test_peer_free);
  test_wait_for (&result, "request");
  g_assert_null (cb_account_change_blocks_finish (fixture->account, result, &error));
  g_assert_error (error, G_IO_ERROR, end_codes[c]);
}

/* The thin calls: what they ask, and what they make of the answers. */
static void
test_typed (TestAccount  *fixture,
            gconstpointer data)
{
  const char *const names[] = { "bob", NULL };
  const CbUsersRequest who = { .online = TRUE, .after = NULL, .limit = 10 };
  g_autoptr (TestPeer) peer = join (fixture);
  g_autoptr (GAsyncResult) blocks = NULL;
  g_autoptr (GAsyncResult) users = NULL;
  g_autoptr (GAsyncResult) read = NULL;
  g_autoptr (GAsyncResult) keys = NULL;
  g_auto (GStrv) blocked = NULL;
  g_autoptr (GPtrArray) listed = NULL;
  g_autoptr (GPtrArray) owning = NULL;

  cb_account_change_blocks_async (fixture->account, names, NULL, NULL, test_wait_store_cb, &blocks);
  answer_next (peer, "BLOCKS", "\"BLOCKS\": [\"bob\"]");
  test_wait_for (&blocks, "blocks");
  blocked = cb_account_change_blocks_finish (fixture->account, blocks, NULL);
  g_assert_true (g_strv_equal ((const char *const *) blocked, names));

  cb_account_list_users_async (fixture->account, &who, NULL, test_wait_store_cb, &users);
  answer_next (peer, "USERS", "\"USERS\": {\"users\": [{\"name\": \"bob\", \"online\": true, \"owned\": false}],"
               " \"more\": false}");
  test_wait_for (&users, "users");
  listed = cb_account_list_users_finish (fixture->account, users, NULL, NULL);
  g_assert_cmpuint (listed->len, ==, 1);
  g_assert_cmpstr (((const CbUser *) g_ptr_array_index (listed, 0))->name, ==, "bob");

  cb_account_mark_read_async (fixture->account, "ALL", 3, NULL, test_wait_store_cb, &read);
  answer_next (peer, "READ", "\"READ\": {\"ALL\": 5}");
  test_wait_for (&read, "read");
  g_assert_true (cb_account_mark_read_finish (fixture->account, read, NULL));

  cb_account_change_keys_async (fixture->account, NULL, NULL, NULL, test_wait_store_cb, &keys);
  answer_next (peer, "KEYS", "\"KEYS\": [{\"id\": \"ab\", \"added\": 7, \"current\": true}]");
  test_wait_for (&keys, "keys");
  owning = cb_account_change_keys_finish (fixture->account, keys, NULL);
  g_assert_cmpuint (owning->len, ==, 1);
  g_assert_cmpint (((const CbKey *) g_ptr_array_index (owning, 0))->added_s, ==, 7);
  test_account_assert_events (fixture, "blocks-changed\nread ALL 5");
  test_account_leave (fixture, peer);
}

/* Another connection of the same user has done that. */
static void
test_told (TestAccount  *fixture,
           gconstpointer data)
{
  g_autoptr (TestPeer) peer = join (fixture);

  test_peer_send (peer, "{\"READ\": {\"ALL\": 4, \"bob\": 2}}");
  test_peer_send (peer, "{\"BLOCKS\": [\"bob\"]}");
  test_account_wait_event (fixture, "blocks-changed");
  test_account_assert_events (fixture, "read ALL 4\nread bob 2\nblocks-changed");
  test_account_leave (fixture, peer);
}

int
main (int   argc,
      char *argv[])
{
  static const char *const end_paths[] = { "/account/request/timeout", "/account/request/cancel",
                                           "/account/request/lost", "/account/request/offline",
                                           "/account/request/unsupported" };

  /* glib-networking 2.74 looks for a desktop's proxies, and aborts in directories without its schemas. */
  g_setenv ("GIO_USE_PROXY_RESOLVER", "dummy", TRUE);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  test_account_add ("/account/login/features", test_login, NULL);
  test_account_add ("/account/login/plain", test_login_plain, NULL);
  test_account_add ("/account/login/no-log", test_login_no_log, NULL);
  test_account_add ("/account/send/acknowledged", test_acknowledged, NULL);
  test_account_add ("/account/send/refused", test_refused, NULL);
  test_account_add ("/account/send/window", test_window, NULL);
  test_account_add ("/account/send/commands", test_commands, NULL);
  test_account_add ("/account/resume/resent", test_resent, NULL);
  test_account_add ("/account/resume/said-while-waiting", test_said_while_waiting, NULL);
  test_account_add ("/account/resume/delivered-once", test_delivered_once, NULL);
  test_account_add ("/account/resume/other-log", test_other_log, NULL);
  test_account_add ("/account/resume/restored", test_restored, NULL);
  test_account_add ("/account/resume/tries-again", test_tries_again, NULL);
  test_account_add ("/account/resume/name-in-use", test_name_in_use, NULL);
  test_account_add ("/account/resume/plain-server", test_plain_server, NULL);
  test_account_add ("/account/resume/back-to-plain", test_back_to_plain, NULL);
  test_account_add ("/account/resume/network-back", test_network_back, NULL);
  test_account_add ("/account/resume/forgotten", test_forgotten, NULL);
  test_account_add ("/account/resume/leave", test_leave_waiting, NULL);
  test_account_add ("/account/resume/leave-settles", test_leave_settles, NULL);
  test_account_add ("/account/resume/hole", test_hole, NULL);
  test_account_add ("/account/request/history", test_history, NULL);
  test_account_add ("/account/request/search", test_search, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (answer_cases); i++)
    test_account_add (answer_cases[i].path, test_bad_answer, &answer_cases[i]);
  for (int i = 0; i < (int) G_N_ELEMENTS (end_paths); i++)
    test_account_add (end_paths[i], test_request_end, GINT_TO_POINTER (i));
  test_account_add ("/account/request/typed", test_typed, NULL);
  test_account_add ("/account/told", test_told, NULL);

  return g_test_run ();
}
