/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-account-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "libchatterbox/cb-error.h"

static void
session_closed_cb (GObject      *source,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  g_autoptr (GTask) leave_task = user_data;
  g_autoptr (GError) error = NULL;

  /* The peer may be gone already; for whoever leaves that is no failure. */
  if (!cb_session_close_finish (CB_SESSION (source), result, &error))
    g_debug ("Closing the session failed: %s", error->message);
  if (leave_task != NULL)
    g_task_return_boolean (leave_task, TRUE);
}

/* Ends the connection; @leave_task, if any, completes when it has ended. What is on its way out is
 * waited for, or given up @at_once. */
void
cb_account_close_session (CbAccount     *self,
                          CbAccountState state,
                          GTask         *leave_task,
                          gboolean       at_once)
{
  g_autoptr (CbSession) session = g_steal_pointer (&self->session);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  cb_account_clear_source (&self->pace_source);
  cb_account_clear_source (&self->settle_source);
  cb_account_clear_source (&self->wait_source);
  g_hash_table_remove_all (self->users);
  cb_outbox_rewind (self->outbox);
  cb_account_set_state (self, state);
  cb_account_notify (self, CB_ACCOUNT_PROP_QUEUED);

  if (at_once)
    g_cancellable_cancel (cancellable);
  if (session != NULL)
    cb_session_close_async (session, cancellable, session_closed_cb, leave_task);
  else if (leave_task != NULL)
    {
      g_task_return_boolean (leave_task, TRUE);
      g_object_unref (leave_task);
    }
  cb_account_fail_requests (self);
}

/* As above; the account is offline then. */
void
cb_account_end_session (CbAccount *self,
                        GTask     *leave_task,
                        gboolean   at_once)
{
  cb_account_close_session (self, CB_ACCOUNT_OFFLINE, leave_task, at_once);
}

static void
stop_following (CbAccount *self)
{
  if (self->join_task != NULL)
    g_cancellable_disconnect (g_task_get_cancellable (self->join_task), self->join_cancelled_id);
  self->join_cancelled_id = 0;
  g_clear_object (&self->attempt_cancellable);
}

static GError *
new_left_error (void)
{
  return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The account left meanwhile");
}

/* Who leaves wants to know whether all that was said has arrived. */
static void
return_unconfirmed (CbAccount *self,
                    GTask     *leave_task)
{
  if (cb_outbox_count_messages (self->outbox) > 0 && self->lost_error != NULL)
    g_task_return_error (leave_task, g_error_copy (self->lost_error));
  else
    g_task_return_boolean (leave_task, TRUE);
}

/* The connection was lost. */
void
cb_account_lose_session (CbAccount *self,
                         GError    *error)
{
  g_autoptr (GTask) leave_task = g_steal_pointer (&self->leave_task);

  self->lost_us = g_get_monotonic_time ();
  cb_backoff_connected (&self->backoff, self->lost_us - self->online_us);
  if (leave_task == NULL && cb_account_can_come_back (self))
    {
      cb_account_come_back (self, error);
      return;
    }

  cb_account_end_session (self, NULL, TRUE);
  /* Who leaves wants to know whether all that was said has arrived. */
  if (leave_task != NULL)
    g_task_return_error (leave_task, g_error_copy (error));
  else
    g_signal_emit (self, cb_account_signals[CB_ACCOUNT_SIGNAL_DISCONNECTED], 0, error);
}

/* The attempt has failed, or the account was told to leave meanwhile: then there is no error, maybe. */
static void
fail_attempt (CbAccount *self,
              GError    *error)
{
  g_autoptr (GTask) join_task = NULL;
  g_autoptr (GTask) leave_task = g_steal_pointer (&self->leave_task);
  g_autoptr (GError) reason = error != NULL ? error : new_left_error ();

  stop_following (self);
  join_task = g_steal_pointer (&self->join_task);
  if (join_task == NULL && leave_task == NULL && cb_account_is_worth_retrying (self, reason))
    {
      cb_account_come_back (self, reason);
      return;
    }

  if (join_task != NULL)
    {
      cb_account_end_session (self, g_steal_pointer (&leave_task), TRUE);
      g_task_return_error (join_task, g_steal_pointer (&reason));
      return;
    }

  cb_account_end_session (self, NULL, TRUE);
  if (leave_task != NULL)
    return_unconfirmed (self, leave_task);
  else
    g_signal_emit (self, cb_account_signals[CB_ACCOUNT_SIGNAL_DISCONNECTED], 0, reason);
}

/* Some old servers break off at keys that they do not know. One that has announced something before
 * is none of them. */
static gboolean
is_worth_trying_plain (CbAccount    *self,
                       const GError *error)
{
  return self->join_task != NULL && self->features != 0 && !self->is_plain &&
         cb_timeline_get_log_id (self->timeline) == NULL &&
         (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED) ||
          g_error_matches (error, G_TLS_ERROR, G_TLS_ERROR_EOF));
}

static void
log_in_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr (CbAccount) self = user_data;
  g_autoptr (CbPacket) welcome = NULL;
  g_autoptr (GTask) join_task = NULL;
  GError *error = NULL;

  welcome = cb_connector_log_in_finish (CB_CONNECTOR (source), result, &error);
  if (welcome == NULL && self->leave_task == NULL && is_worth_trying_plain (self, error))
    {
      g_debug ("The server has hung up (%s): nothing is announced to it", error->message);
      g_clear_error (&error);
      self->is_plain = TRUE;
      cb_account_close_session (self, CB_ACCOUNT_CONNECTING, NULL, TRUE);
      cb_account_begin_attempt (self);
      return;
    }
  if (welcome == NULL || self->leave_task != NULL)
    {
      fail_attempt (self, error);
      return;
    }

  stop_following (self);
  join_task = g_steal_pointer (&self->join_task);
  if (!cb_account_enter_room (self, welcome, &error))
    {
      self->join_task = g_steal_pointer (&join_task);
      fail_attempt (self, error);
      return;
    }

  if (join_task == NULL)
    return;
  if (self->session != NULL)
    g_task_return_boolean (join_task, TRUE);
  else
    g_task_return_error (join_task, new_left_error ());
}

/* What is asked for: a name, and what came since the position. */
static CbPacket *
make_login (CbAccount *self)
{
  CbPacket *login = cb_packet_new ();
  g_autoptr (GString) features = g_string_new (NULL);
  g_autoptr (GString) resume = g_string_new (NULL);
  CbResume position = { .after = cb_timeline_get_position (self->timeline),
                        .log = (char *) cb_timeline_get_log_id (self->timeline), .limit = -1 };

  cb_packet_set_username (login, self->username);
  if (self->features == 0 || self->is_plain)
    return login;

  cb_features_append_json (self->features, features);
  cb_packet_set_extra (login, "FEATURES", features->str, NULL);
  cb_packet_set_extra (login, "CLIENT", "\"chatterbox/" PACKAGE_VERSION "\"", NULL);
  if (self->features & CB_FEATURE_MESSAGE_IDS && self->features & CB_FEATURE_HISTORY && position.log != NULL)
    {
      cb_resume_append_json (&position, resume);
      cb_packet_set_extra (login, "HISTORY", resume->str, NULL);
    }
  return login;
}

static void
connect_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (CbAccount) self = user_data;
  g_autoptr (CbPacket) login = NULL;
  GError *error = NULL;

  self->session = cb_connector_connect_finish (CB_CONNECTOR (source), result, &error);
  if (self->session == NULL || self->leave_task != NULL)
    {
      fail_attempt (self, error);
      return;
    }

  cb_account_set_state (self, CB_ACCOUNT_LOGGING_IN);
  login = make_login (self);
  cb_connector_log_in_with_async (self->connector, self->session, login, self->attempt_cancellable,
                                  log_in_cb, g_object_ref (self));
}

/* The connector resolves the server's name anew each time. */
void
cb_account_begin_attempt (CbAccount *self)
{
  cb_account_clear_source (&self->wait_source);
  if (self->attempt_cancellable == NULL)
    self->attempt_cancellable = g_cancellable_new ();
  cb_account_set_state (self, CB_ACCOUNT_CONNECTING);
  cb_connector_connect_async (self->connector, self->attempt_cancellable, connect_cb, g_object_ref (self));
}

static void
follow_cancellable_cb (GCancellable *cancellable,
                       gpointer      user_data)
{
  g_cancellable_cancel (user_data);
}

/* Another user does not say what this one has said. */
static gboolean
set_username (CbAccount  *self,
              const char *username,
              GError    **error)
{
  g_autofree char *name = g_utf8_normalize (username, -1, G_NORMALIZE_NFC);

  if (name == NULL)
    {
      g_set_error_literal (error, CB_ERROR, CB_ERROR_INVALID_NAME, _ ("The name is not valid UTF-8"));
      return FALSE;
    }
  if (self->username != NULL && strcmp (self->username, name) != 0)
    {
      cb_account_refuse_all (self, "The account has another name now");
      if (cb_timeline_get_log_id (self->timeline) != NULL)
        {
          cb_timeline_set_position (self->timeline, NULL, 0);
          cb_account_notify (self, CB_ACCOUNT_PROP_LOG_ID);
          cb_account_tell_position (self);
        }
    }

  g_free (self->username);
  self->username = g_steal_pointer (&name);
  cb_account_notify (self, CB_ACCOUNT_PROP_USERNAME);
  return TRUE;
}

/**
 * cb_account_join_async:
 * @self: an account that is offline
 * @username: the name to ask for, in UTF-8
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when in the room, or not
 * @user_data: data for @callback
 *
 * Connects and logs in. The messages so far, or those behind the position
 * that was set, come by [signal@Cb.Account::message] before @callback is
 * called. After a refusal of the name another one can be tried, on a new
 * connection: servers do not keep one for as long as a person may think.
 */
void
cb_account_join_async (CbAccount          *self,
                       const char         *username,
                       GCancellable       *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer            user_data)
{
  g_autoptr (GTask) task = NULL;
  GError *error = NULL;

  g_return_if_fail (CB_IS_ACCOUNT (self));
  g_return_if_fail (username != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cb_account_join_async);
  /* Who is in the room is told so, even if it was cancelled meanwhile. */
  g_task_set_check_cancellable (task, FALSE);

  if (self->state != CB_ACCOUNT_OFFLINE)
    {
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_PENDING,
                               "The account is online, or on its way");
      return;
    }
  if (!set_username (self, username, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  self->is_plain = FALSE;
  self->join_task = g_steal_pointer (&task);
  self->attempt_cancellable = g_cancellable_new ();
  if (cancellable != NULL)
    self->join_cancelled_id = g_cancellable_connect (cancellable, G_CALLBACK (follow_cancellable_cb),
                                                     g_object_ref (self->attempt_cancellable), g_object_unref);
  cb_account_begin_attempt (self);
}

/**
 * cb_account_join_finish:
 * @self: an account
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Completes [method@Cb.Account.join_async].
 *
 * Returns: %TRUE in the room; %FALSE with [error@Cb.Error.NAME_TAKEN],
 *   [error@Cb.Error.INVALID_NAME], %G_IO_ERROR_PENDING,
 *   %G_IO_ERROR_CANCELLED (also if the account was told to leave meanwhile),
 *   or an error of [method@Cb.Connector.connect_async] or
 *   [method@Cb.Connector.log_in_async]
 */
gboolean
cb_account_join_finish (CbAccount    *self,
                        GAsyncResult *result,
                        GError      **error)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, cb_account_join_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static gboolean
give_up_cb (gpointer user_data)
{
  CbAccount *self = user_data;
  g_autoptr (GTask) leave_task = g_steal_pointer (&self->leave_task);

  g_debug ("The server has not confirmed all that was said");
  if (cb_outbox_count_messages (self->outbox) == 0)
    {
      cb_account_end_session (self, g_steal_pointer (&leave_task), TRUE);
      return G_SOURCE_REMOVE;
    }

  cb_account_end_session (self, NULL, TRUE);
  g_task_return_new_error (leave_task, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                           _ ("The server has not acknowledged all that was said"));
  return G_SOURCE_REMOVE;
}

/**
 * cb_account_leave_async:
 * @self: an account
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the connection has ended
 * @user_data: data for @callback
 *
 * Leaves the room properly: waits, for some seconds at most, until the server
 * has seen all that was said, then ends the connection. A join under way is
 * given up, and so is coming back. Cancelling ends the connection at once.
 * What the server has not acknowledged stays in the outbox, for the next join
 * with the same name.
 */
void
cb_account_leave_async (CbAccount          *self,
                        GCancellable       *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer            user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (CB_IS_ACCOUNT (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cb_account_leave_async);

  if (self->leave_task != NULL)
    {
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_PENDING, "The account is leaving");
      return;
    }
  if (self->state == CB_ACCOUNT_OFFLINE ||
      (self->state == CB_ACCOUNT_ONLINE && cb_account_is_settled (self)))
    {
      cb_account_end_session (self, g_steal_pointer (&task), FALSE);
      return;
    }
  if (self->state == CB_ACCOUNT_WAITING)
    {
      cb_account_end_session (self, NULL, TRUE);
      return_unconfirmed (self, task);
      return;
    }

  self->leave_task = g_steal_pointer (&task);
  cb_account_set_state (self, CB_ACCOUNT_LEAVING);
  if (self->attempt_cancellable != NULL)
    g_cancellable_cancel (self->attempt_cancellable);
  else
    cb_account_settle (self, give_up_cb);
}

/**
 * cb_account_leave_finish:
 * @self: an account
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Completes [method@Cb.Account.leave_async].
 *
 * Returns: %TRUE; %FALSE with %G_IO_ERROR_PENDING, %G_IO_ERROR_CANCELLED,
 *   %G_IO_ERROR_TIMED_OUT if the server has not acknowledged all that was
 *   said, or an error of [method@Cb.Session.receive_async] or of coming back
 *   if the connection was lost before it had
 */
gboolean
cb_account_leave_finish (CbAccount    *self,
                         GAsyncResult *result,
                         GError      **error)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, cb_account_leave_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
