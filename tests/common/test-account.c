/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "common/test-account.h"

#include <string.h>

#include "common/test-wait.h"

G_GNUC_PRINTF (2, 3)
static void
add_event (TestAccount *self,
           const char  *format,
           ...)
{
  char *event = NULL;
  va_list args;

  va_start (args, format);
  event = g_strdup_vprintf (format, args);
  va_end (args);
  g_test_message ("event: %s", event);
  g_ptr_array_add (self->events, event);

  if (g_strcmp0 (self->leave_at, event) == 0)
    cb_account_leave_async (self->account, NULL, test_wait_store_cb, &self->left);
}

static void
state_cb (CbAccount  *account,
          GParamSpec *pspec,
          gpointer    user_data)
{
  static const char *const names[] = { "offline", "connecting", "logging-in", "online", "leaving", "waiting" };

  add_event (user_data, "%s", names[cb_account_get_state (account)]);
}

static void
message_cb (CbAccount *account,
            CbMessage *message,
            gboolean   is_history,
            gpointer   user_data)
{
  add_event (user_data, "%s %s>%s %s", is_history ? "history" : "message", cb_message_get_source (message),
             cb_message_get_destination (message), cb_message_get_content (message));
}

static void
answer_cb (CbAccount *account,
           CbMessage *message,
           gpointer   user_data)
{
  add_event (user_data, "answer %s", cb_message_get_content (message));
}

static void
joined_cb (CbAccount  *account,
           const char *name,
           gpointer    user_data)
{
  add_event (user_data, "joined %s", name);
}

static void
left_cb (CbAccount  *account,
         const char *name,
         gpointer    user_data)
{
  add_event (user_data, "left %s", name);
}

static void
server_error_cb (CbAccount  *account,
                 const char *text,
                 gpointer    user_data)
{
  add_event (user_data, "error %s", text);
}

static void
disconnected_cb (CbAccount    *account,
                 const GError *error,
                 gpointer      user_data)
{
  add_event (user_data, "disconnected %s %d", g_quark_to_string (error->domain), error->code);
}

static void
connect_signals (TestAccount *self)
{
  g_signal_connect (self->account, "notify::state", G_CALLBACK (state_cb), self);
  g_signal_connect (self->account, "message", G_CALLBACK (message_cb), self);
  g_signal_connect (self->account, "answer", G_CALLBACK (answer_cb), self);
  g_signal_connect (self->account, "user-joined", G_CALLBACK (joined_cb), self);
  g_signal_connect (self->account, "user-left", G_CALLBACK (left_cb), self);
  g_signal_connect (self->account, "server-error", G_CALLBACK (server_error_cb), self);
  g_signal_connect (self->account, "disconnected", G_CALLBACK (disconnected_cb), self);
}

static void
set_up (TestAccount  *self,
        gconstpointer data)
{
  g_autoptr (CbConnector) connector = NULL;

  self->certs = test_certs_new ();
  self->listener = test_listener_new ("127.0.0.1", self->certs->cert, self->certs->key);
  self->events = g_ptr_array_new_with_free_func (g_free);
  connector = cb_connector_new (test_listener_get_address (self->listener));
  cb_connector_set_ca_file (connector, self->certs->ca);
  self->account = cb_account_new (connector);
  connect_signals (self);
}

/* Whatever a test has done with it, an account that everybody has left hold of goes. */
static void
tear_down (TestAccount  *self,
           gconstpointer data)
{
  CbAccount *account = self->account;

  if (account != NULL)
    {
      g_signal_handlers_disconnect_by_data (account, self);
      g_object_add_weak_pointer (G_OBJECT (account), (gpointer *) &self->account);
      cb_account_leave_async (account, NULL, NULL, NULL);
      g_clear_object (&self->left);
      g_object_unref (account);
      test_wait_gone ((gpointer *) &self->account, "the account goes");
    }

  g_clear_object (&self->left);
  g_ptr_array_unref (self->events);
  test_listener_free (self->listener);
  test_certs_free (self->certs);
}

/* What has happened since the last call is @expected, one event a line. */
void
test_account_assert_events (TestAccount *self,
                            const char  *expected)
{
  g_autofree char *events = NULL;

  g_ptr_array_add (self->events, NULL);
  events = g_strjoinv ("\n", (GStrv) self->events->pdata);
  g_assert_cmpstr (events, ==, expected);
  g_ptr_array_set_size (self->events, 0);
}

typedef struct
{
  TestAccount *self;
  const char  *event;
} EventWait;

static gboolean
has_event (gpointer data)
{
  EventWait *wait = data;

  return g_ptr_array_find_with_equal_func (wait->self->events, wait->event, g_str_equal, NULL);
}

void
test_account_wait_event (TestAccount *self,
                         const char  *event)
{
  EventWait wait = { self, event };

  test_wait_until (has_event, &wait, event);
}

gboolean
test_account_finish_join (TestAccount   *self,
                          GAsyncResult **result,
                          GError       **error)
{
  test_wait_for (result, "join");
  return cb_account_join_finish (self->account, *result, error);
}

gboolean
test_account_finish_leave (TestAccount   *self,
                           GAsyncResult **result,
                           GError       **error)
{
  test_wait_for (result, "leave");
  return cb_account_leave_finish (self->account, *result, error);
}

/* Joins as “ada”, is welcomed by @welcome, and forgets the events. */
TestPeer *
test_account_join_with (TestAccount *self,
                        const char  *welcome)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  TestPeer *peer = NULL;

  cb_account_join_async (self->account, "ada", NULL, test_wait_store_cb, &result);
  peer = test_listener_accept_login (self->listener, welcome);
  test_account_finish_join (self, &result, &error);
  g_assert_no_error (error);
  g_ptr_array_set_size (self->events, 0);
  return peer;
}

TestPeer *
test_account_join (TestAccount *self)
{
  return test_account_join_with (self, TEST_ACCOUNT_WELCOME);
}

/* Leaves; the server sees the end. */
void
test_account_leave (TestAccount *self,
                    TestPeer    *peer)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  cb_account_leave_async (self->account, NULL, test_wait_store_cb, &result);
  test_peer_expect_end (peer);
  g_assert_true (test_account_finish_leave (self, &result, &error));
  g_assert_no_error (error);
}

void
test_account_say (TestAccount *self,
                  const char  *destination,
                  const char  *content)
{
  g_autoptr (GError) error = NULL;

  cb_account_say (self->account, destination, content, &error);
  g_assert_no_error (error);
}

/* The next frame from the account holds messages from “ada” to @destination, and nothing else: their
 * contents are @contents, one a line. Returns the last one's time. */
gint64
test_account_expect (TestPeer   *peer,
                     const char *destination,
                     const char *contents)
{
  g_autoptr (JsonObject) object = test_peer_receive (peer);
  g_auto (GStrv) lines = g_strsplit (contents, "\n", -1);
  JsonArray *messages = NULL;
  gint64 time_s = 0;

  g_assert_cmpuint (json_object_get_size (object), ==, 1);
  messages = json_object_get_array_member (object, "MESSAGES");
  g_assert_cmpuint (json_array_get_length (messages), ==, g_strv_length (lines));
  for (guint i = 0; i < json_array_get_length (messages); i++)
    {
      JsonArray *message = json_array_get_array_element (messages, i);

      g_assert_cmpuint (json_array_get_length (message), ==, 4);
      g_assert_cmpstr (json_array_get_string_element (message, 0), ==, "ada");
      g_assert_cmpstr (json_array_get_string_element (message, 1), ==, destination);
      g_assert_cmpstr (json_array_get_string_element (message, 3), ==, lines[i]);
      time_s = json_array_get_int_element (message, 2);
    }

  return time_s;
}

/* The server delivers a message from “ada”. */
void
test_account_deliver (TestPeer   *peer,
                      const char *destination,
                      gint64      time_s,
                      const char *content)
{
  g_autofree char *json = g_strdup_printf ("{\"MESSAGES\": [[\"ada\", \"%s\", %" G_GINT64_FORMAT ", \"%s\"]]}",
                                           destination, time_s, content);

  test_peer_send (peer, json);
}

/* Adds a test that has an account and a server. */
void
test_account_add (const char   *path,
                  void (       *test ) (TestAccount  *self,
                                        gconstpointer data),
                  gconstpointer data)
{
  g_test_add (path, TestAccount, data, set_up, test, tear_down);
}
