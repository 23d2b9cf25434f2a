/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "libchatterbox/cb-account.h"

#include <string.h>

#include "common/test-account.h"
#include "common/test-family.h"
#include "common/test-wait.h"
#include "libchatterbox/cb-error.h"

static void
test_new (TestAccount  *fixture,
          gconstpointer data)
{
  g_auto (GStrv) users = cb_account_dup_users (fixture->account);

  g_assert_cmpint (cb_account_get_state (fixture->account), ==, CB_ACCOUNT_OFFLINE);
  g_assert_null (cb_account_get_username (fixture->account));
  g_assert_cmpuint (cb_account_get_queued (fixture->account), ==, 0);
  g_assert_cmpuint (g_strv_length (users), ==, 0);
  g_assert_cmpstr (cb_connector_get_server (cb_account_get_connector (fixture->account)), ==,
                   test_listener_get_address (fixture->listener));
}

/* The room as it stands is told before the join is done, in the order of the protocol. */
static void
test_join_order (TestAccount  *fixture,
                 gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (GError) error = NULL;

  cb_account_join_async (fixture->account, "ada", NULL, test_wait_store_cb, &result);
  peer = test_listener_accept_login (fixture->listener,
                                     "{\"USERNAME_ACCEPTED\": true, \"USER_LIST\": [\"ada\"],"
                                     " \"USERS_LEFT\": [\"eve\"],"
                                     " \"USERS_JOINED\": [\"bob\", \"ada\"],"
                                     " \"MESSAGES\": [[\"eve\", \"ALL\", 1, \"one\"],"
                                     " [\"eve\", \"ada\", 2, \"two\"]]}");
  g_assert_true (test_account_finish_join (fixture, &result, &error));
  test_account_assert_events (fixture, "connecting\nlogging-in\nonline\nhistory eve>ALL one\nhistory eve>ada two\n"
                              "joined bob\nleft eve");
  g_assert_cmpint (cb_account_get_state (fixture->account), ==, CB_ACCOUNT_ONLINE);
  g_assert_cmpstr (cb_account_get_username (fixture->account), ==, "ada");
  test_account_leave (fixture, peer);
}

typedef struct
{
  const char *path;
  const char *list;
  const char *users;
} UsersCase;

static const UsersCase users_cases[] = {
  { "/account/users/names", "[\"eve\", \"bob\", \"ada\"]", "ada bob eve" },
  { "/account/users/objects",
    "[{\"name\": \"eve\", \"active\": true}, {\"name\": \"bob\", \"active\": false}]", "ada eve" },
  { "/account/users/empty", "[]", "ada" },
};

/* Who is online; oneself, too, whom the original's server does not list at the first visit. */
static void
test_users (TestAccount  *fixture,
            gconstpointer data)
{
  const UsersCase *c = data;
  g_autofree char *welcome = g_strdup_printf ("{\"USERNAME_ACCEPTED\": true, \"USER_LIST\": %s}", c->list);
  g_autoptr (TestPeer) peer = test_account_join_with (fixture, welcome);
  g_auto (GStrv) users = cb_account_dup_users (fixture->account);
  g_auto (GStrv) none = NULL;
  g_autofree char *text = g_strjoinv (" ", users);

  g_assert_cmpstr (text, ==, c->users);
  test_account_leave (fixture, peer);
  none = cb_account_dup_users (fixture->account);
  g_assert_cmpuint (g_strv_length (none), ==, 0);
}

static void
test_users_change (TestAccount  *fixture,
                   gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  g_auto (GStrv) users = NULL;
  g_autofree char *text = NULL;

  test_peer_send (peer, "{\"USERS_JOINED\": [\"eve\", \"fay\"], \"USERS_LEFT\": [\"bob\"]}");
  test_account_wait_event (fixture, "left bob");
  test_account_assert_events (fixture, "joined eve\njoined fay\nleft bob");
  users = cb_account_dup_users (fixture->account);
  text = g_strjoinv (" ", users);
  g_assert_cmpstr (text, ==, "ada eve fay");
  test_account_leave (fixture, peer);
}

static void
test_join_refused (TestAccount  *fixture,
                   gconstpointer data)
{
  g_autoptr (GAsyncResult) first = NULL;
  g_autoptr (GAsyncResult) second = NULL;
  g_autoptr (TestPeer) refusing = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (GError) error = NULL;

  cb_account_join_async (fixture->account, "bob", NULL, test_wait_store_cb, &first);
  refusing = test_listener_accept_login (fixture->listener, "{\"USERNAME_ACCEPTED\": false, \"INFO\": \"In use\"}");
  g_assert_false (test_account_finish_join (fixture, &first, &error));
  g_assert_error (error, CB_ERROR, CB_ERROR_NAME_TAKEN);
  test_account_assert_events (fixture, "connecting\nlogging-in\noffline");

  /* A person may think about another name for longer than servers keep a connection without one. */
  test_peer_expect_end (refusing);
  g_clear_error (&error);
  cb_account_join_async (fixture->account, "ada", NULL, test_wait_store_cb, &second);
  peer = test_listener_accept_login (fixture->listener, TEST_ACCOUNT_WELCOME);
  g_assert_true (test_account_finish_join (fixture, &second, &error));
  g_assert_cmpstr (cb_account_get_username (fixture->account), ==, "ada");
  test_account_leave (fixture, peer);
}

static void
test_join_no_utf8 (TestAccount  *fixture,
                   gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  cb_account_join_async (fixture->account, "ad\xff", NULL, test_wait_store_cb, &result);
  g_assert_false (test_account_finish_join (fixture, &result, &error));
  g_assert_error (error, CB_ERROR, CB_ERROR_INVALID_NAME);
  test_account_assert_events (fixture, "");
}

/* Servers know a name in NFC, so that messages to oneself are known by it, too. */
static void
test_join_nfc (TestAccount  *fixture,
               gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (JsonObject) login = NULL;
  g_autoptr (GError) error = NULL;

  cb_account_join_async (fixture->account, "Zoe\xcc\x88", NULL, test_wait_store_cb, &result);
  peer = test_listener_accept (fixture->listener);
  login = test_peer_receive (peer);
  g_assert_cmpstr (json_object_get_string_member (login, "USERNAME"), ==, "Zoë");
  test_peer_send (peer, TEST_ACCOUNT_WELCOME);
  g_assert_true (test_account_finish_join (fixture, &result, &error));
  g_assert_cmpstr (cb_account_get_username (fixture->account), ==, "Zoë");
  test_account_leave (fixture, peer);
}

static void
test_join_pending (TestAccount  *fixture,
                   gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  cb_account_join_async (fixture->account, "eve", NULL, test_wait_store_cb, &result);
  g_assert_false (test_account_finish_join (fixture, &result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_assert_cmpstr (cb_account_get_username (fixture->account), ==, "ada");
  test_account_assert_events (fixture, "");
  test_account_leave (fixture, peer);
}

static void
test_join_unreachable (TestAccount  *fixture,
                       gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_clear_pointer (&fixture->listener, test_listener_free);
  cb_account_join_async (fixture->account, "ada", NULL, test_wait_store_cb, &result);
  g_assert_false (test_account_finish_join (fixture, &result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
  test_account_assert_events (fixture, "connecting\noffline");
  fixture->listener = test_listener_new ("127.0.0.1", fixture->certs->cert, fixture->certs->key);
}

static void
test_cancel_connecting (TestAccount  *fixture,
                        gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GIOStream) connection = NULL;
  g_autoptr (GError) error = NULL;

  cb_account_join_async (fixture->account, "ada", cancellable, test_wait_store_cb, &result);
  connection = test_listener_accept_socket (fixture->listener);
  g_cancellable_cancel (cancellable);
  g_assert_false (test_account_finish_join (fixture, &result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  test_account_assert_events (fixture, "connecting\noffline");
}

static void
test_cancel_logging_in (TestAccount  *fixture,
                        gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (JsonObject) login = NULL;
  g_autoptr (GError) error = NULL;

  cb_account_join_async (fixture->account, "ada", cancellable, test_wait_store_cb, &result);
  peer = test_listener_accept (fixture->listener);
  login = test_peer_receive (peer);
  g_cancellable_cancel (cancellable);
  g_assert_false (test_account_finish_join (fixture, &result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  test_account_assert_events (fixture, "connecting\nlogging-in\noffline");
  test_peer_expect_end (peer);
}

/* A cancellable is for the join: later it ends nothing. */
static void
test_cancel_joined (TestAccount  *fixture,
                    gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (TestPeer) peer = NULL;
  g_autoptr (GError) error = NULL;

  cb_account_join_async (fixture->account, "ada", cancellable, test_wait_store_cb, &result);
  peer = test_listener_accept_login (fixture->listener, TEST_ACCOUNT_WELCOME);
  test_wait_for (&result, "join");
  g_cancellable_cancel (cancellable);
  g_assert_true (test_account_finish_join (fixture, &result, &error));
  g_ptr_array_set_size (fixture->events, 0);
  test_peer_send (peer, "{\"USERS_JOINED\": [\"eve\"]}");
  test_account_wait_event (fixture, "joined eve");
  test_account_assert_events (fixture, "joined eve");
  test_account_leave (fixture, peer);
}

/* One packet may hold all keys; they are told in the order of the protocol. */
static void
test_packet_order (TestAccount  *fixture,
                   gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);

  test_peer_send (peer, "{\"ERROR\": \"bad\", \"USERS_LEFT\": [\"bob\"], \"USERS_JOINED\": [\"eve\", \"ada\"],"
                  " \"NEW\": 1,"
                  " \"MESSAGES\": [[\"bob\", \"ALL\", 1, \"one\"], [\"bob\", \"ada\", 2, \"two\"]]}");
  test_account_wait_event (fixture, "error bad");
  test_account_assert_events (fixture, "message bob>ALL one\nmessage bob>ada two\njoined eve\nleft bob\nerror bad");
  test_account_leave (fixture, peer);
}

/* One packet that is no good costs no more than itself. */
static void
test_malformed (TestAccount  *fixture,
                gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  const char *event = NULL;

  test_peer_send (peer, "{\"MESSAGES\": 1}");
  test_peer_send (peer, "{\"USERS_JOINED\": [\"eve\"]}");
  test_account_wait_event (fixture, "joined eve");
  g_assert_cmpuint (fixture->events->len, ==, 2);
  event = g_ptr_array_index (fixture->events, 0);
  g_assert_true (g_str_has_prefix (event, "error MESSAGES is not a list"));
  test_account_leave (fixture, peer);
}

typedef struct
{
  const char *path;
  const char *bytes; /* what the server sends last */
  gsize       len;
  GQuark (*domain)(void);
  int         code;
} LossCase;

static const LossCase loss_cases[] = {
  { "/account/lost/closed", "", 0, g_io_error_quark, G_IO_ERROR_CONNECTION_CLOSED },
  { "/account/lost/torn", "\0\0", 2, g_io_error_quark, G_IO_ERROR_PARTIAL_INPUT },
  { "/account/lost/too-large", "\377\377\377\377", 4, cb_error_quark, CB_ERROR_TOO_LARGE },
};

/* The account is offline, says why, and can join again. */
static void
test_lost (TestAccount  *fixture,
           gconstpointer data)
{
  const LossCase *c = data;
  g_autofree char *event = g_strdup_printf ("disconnected %s %d", g_quark_to_string (c->domain ()), c->code);
  g_autofree char *events = g_strconcat ("left bob\noffline\n", event, NULL);
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  g_autoptr (TestPeer) again = NULL;

  test_peer_send (peer, "{\"USERS_LEFT\": [\"bob\"]}");
  test_peer_send_bytes (peer, c->bytes, c->len);
  g_clear_pointer (&peer, test_peer_free);
  test_account_wait_event (fixture, event);
  test_account_assert_events (fixture, events);

  again = test_account_join (fixture);
  test_account_leave (fixture, again);
}

static void
test_lost_reset (TestAccount  *fixture,
                 gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  const char *event = NULL;

  test_peer_reset (peer);
  test_account_wait_event (fixture, "offline");
  g_assert_cmpuint (fixture->events->len, ==, 2);
  event = g_ptr_array_index (fixture->events, 1);
  g_assert_true (g_str_has_prefix (event, "disconnected "));
}

static void
test_say_offline (TestAccount  *fixture,
                  gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (cb_account_say (fixture->account, CB_MESSAGE_TO_ALL, "hi", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED);
}

/* The time is this second's; the rest is what was given. */
static void
test_say_wire (TestAccount  *fixture,
               gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  const gint64 before_s = g_get_real_time () / G_USEC_PER_SEC;
  gint64 time_s = 0;

  test_account_say (fixture, CB_MESSAGE_TO_ALL, "héllo 😀");
  time_s = test_account_expect (peer, "ALL", "héllo 😀");
  g_assert_cmpint (time_s, >=, before_s);
  g_assert_cmpint (time_s, <=, g_get_real_time () / G_USEC_PER_SEC);
  test_account_deliver (peer, "ALL", time_s, "héllo 😀");
  test_account_wait_event (fixture, "message ada>ALL héllo 😀");
  test_account_leave (fixture, peer);
}

static void
test_say_too_large (TestAccount  *fixture,
                    gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  g_autofree char *large = g_strnfill (65 * 1024, 'x');
  g_autoptr (GError) error = NULL;

  g_assert_false (cb_account_say (fixture->account, CB_MESSAGE_TO_ALL, large, &error));
  g_assert_error (error, CB_ERROR, CB_ERROR_TOO_LARGE);
  /* Nothing of it was sent. */
  test_account_leave (fixture, peer);
}

static void
count_cb (GObject    *object,
          GParamSpec *pspec,
          gpointer    user_data)
{
  guint *count = user_data;

  (*count)++;
}

/* What waits is bounded, and who says much can see how much waits. */
static void
test_say_queue_full (TestAccount  *fixture,
                     gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  g_autofree char *large = g_strnfill (60 * 1024, 'x');
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) left = NULL;
  g_autoptr (GError) error = NULL;
  guint n_said = 0;
  guint n_changes = 0;

  g_signal_connect (fixture->account, "notify::queued", G_CALLBACK (count_cb), &n_changes);
  while (cb_account_say (fixture->account, CB_MESSAGE_TO_ALL, large, &error))
    n_said++;
  g_assert_error (error, CB_ERROR, CB_ERROR_TOO_LARGE);
  g_assert_cmpuint (n_said, >, 60);
  g_assert_cmpuint (n_said, <, 70);
  g_assert_cmpuint (n_changes, >=, n_said);
  /* The first one is on its way already. */
  g_assert_cmpuint (cb_account_get_queued (fixture->account), >=, (n_said - 1) * strlen (large));
  g_assert_cmpuint (cb_account_get_queued (fixture->account), <=, 4 * 1024 * 1024);

  g_signal_handlers_disconnect_by_data (fixture->account, &n_changes);
  g_cancellable_cancel (cancellable);
  cb_account_leave_async (fixture->account, cancellable, test_wait_store_cb, &left);
  g_assert_false (test_account_finish_leave (fixture, &left, NULL));
  g_clear_pointer (&peer, test_peer_free);
}

/* Servers of the family read one frame and drop what came with it: one is sent, and the next one, with
 * all that was said meanwhile, when the first was seen. */
static void
test_pace_echo (TestAccount  *fixture,
                gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  gint64 time_s = 0;

  test_account_say (fixture, CB_MESSAGE_TO_ALL, "one");
  time_s = test_account_expect (peer, "ALL", "one");
  test_account_say (fixture, CB_MESSAGE_TO_ALL, "two");
  test_account_say (fixture, CB_MESSAGE_TO_ALL, "three");
  test_account_deliver (peer, "ALL", time_s, "one");
  time_s = test_account_expect (peer, "ALL", "two\nthree");
  test_account_deliver (peer, "ALL", time_s, "two");
  test_account_deliver (peer, "ALL", time_s, "three");
  test_account_wait_event (fixture, "message ada>ALL three");
  test_account_assert_events (fixture, "message ada>ALL one\nmessage ada>ALL two\nmessage ada>ALL three");
  test_account_leave (fixture, peer);
}

static void
test_pace_timeout (TestAccount  *fixture,
                   gconstpointer data)
{
  const gint64 start_us = g_get_monotonic_time ();
  g_autoptr (TestPeer) peer = test_account_join (fixture);

  /* Nothing comes back for a private message. */
  test_account_say (fixture, "bob", "one");
  test_account_say (fixture, "bob", "two");
  test_account_expect (peer, "bob", "one");
  test_account_expect (peer, "bob", "two");
  g_assert_cmpint (g_get_monotonic_time () - start_us, >=, 200 * G_TIME_SPAN_MILLISECOND);
}

/* Each of these tells that the frame was read: many rounds take no time. */
static void
test_pace_signs (TestAccount  *fixture,
                 gconstpointer data)
{
  const char *sign = data;
  const gint64 start_us = g_get_monotonic_time ();
  g_autoptr (TestPeer) peer = test_account_join (fixture);

  test_account_say (fixture, "bob", "hi");
  for (guint i = 0; i < 40; i++)
    {
      test_account_expect (peer, "bob", "hi");
      test_account_say (fixture, "bob", "hi");
      test_peer_send (peer, sign);
    }
  test_account_expect (peer, "bob", "hi");
  /* Without the signs each round would take 250 ms. */
  g_assert_cmpint (g_get_monotonic_time () - start_us, <, 8 * G_TIME_SPAN_SECOND);
}

static gboolean
sign_cb (gpointer user_data)
{
  test_peer_send (user_data, "{\"MESSAGES\": []}");
  return G_SOURCE_CONTINUE;
}

/* Says things until nothing goes out for a while, though the server claims to read; returns how many. */
static guint
say_until_stalled (TestAccount *fixture,
                   TestPeer    *peer)
{
  g_autofree char *content = g_strnfill (60 * 1024, 'x');
  const guint sign = g_timeout_add (10, sign_cb, peer);
  gint64 end_us = 0;
  guint queued = 0;
  guint n_said = 0;

  do
    {
      while (cb_account_say (fixture->account, "bob", content, NULL))
        n_said++;
      /* More than any system's buffers, so that it would be the session that swallows it. */
      g_assert_cmpuint (n_said, <, 1000);
      queued = cb_account_get_queued (fixture->account);
      end_us = g_get_monotonic_time () + 600 * G_TIME_SPAN_MILLISECOND;
      while (cb_account_get_queued (fixture->account) == queued && g_get_monotonic_time () < end_us)
        g_main_context_iteration (NULL, TRUE);
    }
  while (cb_account_get_queued (fixture->account) < queued);
  g_source_remove (sign);
  return n_said;
}

/* A server that was busy elsewhere for a while finds no two frames in one read, and all that was said. */
static void
test_pace_stalled (TestAccount  *fixture,
                   gconstpointer data)
{
  g_autofree guint8 *input = g_malloc (64 * 1024);
  g_autoptr (TestPeer) peer = NULL;
  GInputStream *stream = NULL;
  TestFamilyReader reader = { 0, };
  guint n_left = 0;

  test_listener_set_small_buffers (fixture->listener);
  peer = test_account_join (fixture);
  n_left = say_until_stalled (fixture, peer);
  test_family_reader_init (&reader);
  stream = g_io_stream_get_input_stream (test_peer_get_stream (peer));
  while (n_left > 0)
    {
      g_autoptr (GAsyncResult) result = NULL;
      g_autoptr (JsonObject) object = NULL;
      g_autoptr (GError) error = NULL;
      gssize n_read = 0;

      g_input_stream_read_async (stream, input, 64 * 1024, G_PRIORITY_DEFAULT, NULL, test_wait_store_cb, &result);
      test_wait_for (&result, "read");
      n_read = g_input_stream_read_finish (stream, result, &error);
      g_assert_no_error (error);
      object = test_family_reader_take (&reader, input, (gsize) n_read, &error);
      g_assert_no_error (error);
      if (object != NULL)
        {
          n_left -= json_array_get_length (json_object_get_array_member (object, "MESSAGES"));
          test_peer_send (peer, "{\"MESSAGES\": []}");
        }
    }
  test_family_reader_clear (&reader);
}

/* What the server answers to a command is told apart from what somebody said. */
static void
test_answer (TestAccount  *fixture,
             gconstpointer data)
{
  g_autoptr (TestPeer) peer = test_account_join (fixture);
  gint64 time_s = 0;

  test_account_say (fixture, "ada", "/Blocked");
  time_s = test_account_expect (peer, "ada", "/Blocked");
  test_account_deliver (peer, "ada", time_s, "You have no users blocked");
  test_account_wait_event (fixture, "answer You have no users blocked");
  test_account_say (fixture, "ada", "a note");
  time_s = test_account_expect (peer, "ada", "a note");
  test_account_deliver (peer, "ada", time_s, "a note");
  test_account_wait_event (fixture, "message ada>ada a note");
  test_account_assert_events (fixture, "answer You have no users blocked\nmessage ada>ada a note");
  /* All that was said has come back: there is nothing to wait for. */
  test_account_leave (fixture, peer);
}

int
main (int   argc,
      char *argv[])
{
  /* glib-networking 2.74 looks for a desktop's proxies, and aborts in directories without its schemas. */
  g_setenv ("GIO_USE_PROXY_RESOLVER", "dummy", TRUE);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  test_account_add ("/account/new", test_new, NULL);
  test_account_add ("/account/join/order", test_join_order, NULL);
  test_account_add ("/account/join/refused", test_join_refused, NULL);
  test_account_add ("/account/join/no-utf8", test_join_no_utf8, NULL);
  test_account_add ("/account/join/nfc", test_join_nfc, NULL);
  test_account_add ("/account/join/pending", test_join_pending, NULL);
  test_account_add ("/account/join/unreachable", test_join_unreachable, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (users_cases); i++)
    test_account_add (users_cases[i].path, test_users, &users_cases[i]);
  test_account_add ("/account/users/change", test_users_change, NULL);
  test_account_add ("/account/cancel/connecting", test_cancel_connecting, NULL);
  test_account_add ("/account/cancel/logging-in", test_cancel_logging_in, NULL);
  test_account_add ("/account/cancel/joined", test_cancel_joined, NULL);
  test_account_add ("/account/packet/order", test_packet_order, NULL);
  test_account_add ("/account/packet/malformed", test_malformed, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (loss_cases); i++)
    test_account_add (loss_cases[i].path, test_lost, &loss_cases[i]);
  test_account_add ("/account/lost/reset", test_lost_reset, NULL);
  test_account_add ("/account/say/offline", test_say_offline, NULL);
  test_account_add ("/account/say/wire", test_say_wire, NULL);
  test_account_add ("/account/say/too-large", test_say_too_large, NULL);
  test_account_add ("/account/say/queue-full", test_say_queue_full, NULL);
  test_account_add ("/account/pace/echo", test_pace_echo, NULL);
  test_account_add ("/account/pace/timeout", test_pace_timeout, NULL);
  test_account_add ("/account/pace/empty-list", test_pace_signs, "{\"MESSAGES\": []}");
  test_account_add ("/account/pace/stalled", test_pace_stalled, NULL);
  test_account_add ("/account/pace/error", test_pace_signs, "{\"ERROR\": \"bad\"}");
  test_account_add ("/account/answer", test_answer, NULL);

  return g_test_run ();
}
