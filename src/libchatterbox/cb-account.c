/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-account.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "libchatterbox/cb-error.h"
#include "libchatterbox/cb-outgoing.h"

/* How long a frame waits for a sign that the one before it was read. Servers of the family read one
 * frame and drop what came with it; most answer at once, but a private message is answered by nothing. */
#define PACE_MS 250

/* How long a leave waits for the server to have seen all that was said. */
#define SETTLE_MS 5000

/**
 * CbAccount:
 *
 * A user in a server's room, without a face: it joins, says, tells what
 * comes, and leaves so that nothing said is lost. Terminals, services and bots
 * are built on it.
 *
 * An account belongs to the thread-default main context it was created in. It
 * keeps itself alive while it is connected: [method@Cb.Account.leave_async]
 * ends that.
 */
struct _CbAccount
{
  GObject        parent_instance;
  CbConnector   *connector;
  CbAccountState state;
  char          *username;
  CbSession     *session;
  GHashTable    *users; /* set of names: who is online */
  CbOutgoing    *outgoing;
  GCancellable  *join_cancellable; /* ours: follows the caller's, and a leave */
  gulong         join_cancelled_id;
  GTask         *leave_task;
  GSource       *pace_source;    /* while a frame waits for its sign */
  GSource       *settle_source;  /* while a leave waits for the server */
  guint          is_sending : 1; /* the stream has not taken the last frame yet */
  guint          is_read : 1;    /* but the server has told that it was read */
};

G_DEFINE_FINAL_TYPE (CbAccount, cb_account, G_TYPE_OBJECT)

G_DEFINE_ENUM_TYPE (CbAccountState, cb_account_state,
                    G_DEFINE_ENUM_VALUE (CB_ACCOUNT_OFFLINE, "offline"),
                    G_DEFINE_ENUM_VALUE (CB_ACCOUNT_CONNECTING, "connecting"),
                    G_DEFINE_ENUM_VALUE (CB_ACCOUNT_LOGGING_IN, "logging-in"),
                    G_DEFINE_ENUM_VALUE (CB_ACCOUNT_ONLINE, "online"),
                    G_DEFINE_ENUM_VALUE (CB_ACCOUNT_LEAVING, "leaving"))

enum
{
  PROP_CONNECTOR = 1,
  PROP_STATE,
  PROP_USERNAME,
  PROP_QUEUED,
  N_PROPS
};

enum
{
  SIGNAL_MESSAGE,
  SIGNAL_ANSWER,
  SIGNAL_USER_JOINED,
  SIGNAL_USER_LEFT,
  SIGNAL_SERVER_ERROR,
  SIGNAL_DISCONNECTED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

static void
set_state (CbAccount     *self,
           CbAccountState state)
{
  if (self->state == state)
    return;

  self->state = state;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATE]);
}

static void
clear_source (GSource **source)
{
  if (*source == NULL)
    return;

  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static GSource *
add_timeout (CbAccount  *self,
             guint       interval_ms,
             GSourceFunc callback,
             const char *name)
{
  GSource *source = g_timeout_source_new (interval_ms);

  g_source_set_static_name (source, name);
  g_source_set_callback (source, callback, self, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
  return source;
}

static void
cb_account_dispose (GObject *object)
{
  CbAccount *self = CB_ACCOUNT (object);

  clear_source (&self->pace_source);
  clear_source (&self->settle_source);
  g_clear_object (&self->join_cancellable);
  g_clear_object (&self->session);
  g_clear_object (&self->connector);

  G_OBJECT_CLASS (cb_account_parent_class)->dispose (object);
}

static void
cb_account_finalize (GObject *object)
{
  CbAccount *self = CB_ACCOUNT (object);

  g_clear_pointer (&self->outgoing, cb_outgoing_free);
  g_clear_pointer (&self->users, g_hash_table_unref);
  g_free (self->username);

  G_OBJECT_CLASS (cb_account_parent_class)->finalize (object);
}

static void
cb_account_get_property (GObject    *object,
                         guint       prop_id,
                         GValue     *value,
                         GParamSpec *pspec)
{
  CbAccount *self = CB_ACCOUNT (object);

  switch (prop_id)
    {
    case PROP_CONNECTOR:
      g_value_set_object (value, self->connector);
      break;
    case PROP_STATE:
      g_value_set_enum (value, (int) self->state);
      break;
    case PROP_USERNAME:
      g_value_set_string (value, self->username);
      break;
    case PROP_QUEUED:
      g_value_set_uint (value, cb_account_get_queued (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
cb_account_set_property (GObject      *object,
                         guint         prop_id,
                         const GValue *value,
                         GParamSpec   *pspec)
{
  CbAccount *self = CB_ACCOUNT (object);

  switch (prop_id)
    {
    case PROP_CONNECTOR:
      self->connector = g_value_dup_object (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
install_signals (GType type)
{
  /**
   * CbAccount::message:
   * @self: an account
   * @message: what was said
   * @is_history: it came with the login: it was said before this user joined
   *
   * A message is here, one's own public ones included. Its texts are as the
   * peer wrote them: hostile until made harmless.
   */
  signals[SIGNAL_MESSAGE] =
    g_signal_new ("message", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 2, CB_TYPE_MESSAGE, G_TYPE_BOOLEAN);

  /**
   * CbAccount::answer:
   * @self: an account
   * @message: the answer, a message from the user to the user
   *
   * The server has answered a command.
   */
  signals[SIGNAL_ANSWER] =
    g_signal_new ("answer", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, CB_TYPE_MESSAGE);

  /**
   * CbAccount::user-joined:
   * @self: an account
   * @name: who came
   *
   * Somebody else has joined the room.
   */
  signals[SIGNAL_USER_JOINED] =
    g_signal_new ("user-joined", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_STRING);

  /**
   * CbAccount::user-left:
   * @self: an account
   * @name: who went
   *
   * Somebody else has left the room.
   */
  signals[SIGNAL_USER_LEFT] =
    g_signal_new ("user-left", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_STRING);

  /**
   * CbAccount::server-error:
   * @self: an account
   * @text: what the server says was wrong, in its language
   *
   * The server refused something that was sent; the connection lives on.
   */
  signals[SIGNAL_SERVER_ERROR] =
    g_signal_new ("server-error", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_STRING);

  /**
   * CbAccount::disconnected:
   * @self: an account
   * @error: why
   *
   * The connection was lost; the account is offline.
   */
  signals[SIGNAL_DISCONNECTED] =
    g_signal_new ("disconnected", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
cb_account_class_init (CbAccountClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = cb_account_dispose;
  object_class->finalize = cb_account_finalize;
  object_class->get_property = cb_account_get_property;
  object_class->set_property = cb_account_set_property;

  /**
   * CbAccount:connector: (getter get_connector)
   *
   * How the server is reached.
   */
  properties[PROP_CONNECTOR] =
    g_param_spec_object ("connector", NULL, NULL, CB_TYPE_CONNECTOR,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * CbAccount:state: (getter get_state)
   *
   * Where the account stands.
   */
  properties[PROP_STATE] =
    g_param_spec_enum ("state", NULL, NULL, CB_TYPE_ACCOUNT_STATE, CB_ACCOUNT_OFFLINE,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * CbAccount:username: (getter get_username)
   *
   * The name in the room, in NFC; %NULL before the first login.
   */
  properties[PROP_USERNAME] =
    g_param_spec_string ("username", NULL, NULL, NULL,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * CbAccount:queued: (getter get_queued)
   *
   * Bytes that were said and wait to be sent.
   */
  properties[PROP_QUEUED] =
    g_param_spec_uint ("queued", NULL, NULL, 0, G_MAXUINT, 0,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
  install_signals (G_TYPE_FROM_CLASS (klass));
}

static void
cb_account_init (CbAccount *self)
{
  self->users = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

/**
 * cb_account_new:
 * @connector: how to reach the server
 *
 * Creates an account that is offline.
 *
 * Returns: (transfer full): an account
 */
CbAccount *
cb_account_new (CbConnector *connector)
{
  g_return_val_if_fail (CB_IS_CONNECTOR (connector), NULL);

  return g_object_new (CB_TYPE_ACCOUNT, "connector", connector, NULL);
}

/**
 * cb_account_get_connector:
 * @self: an account
 *
 * Gets how the server is reached.
 *
 * Returns: (transfer none): the connector
 */
CbConnector *
cb_account_get_connector (CbAccount *self)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), NULL);

  return self->connector;
}

/**
 * cb_account_get_state:
 * @self: an account
 *
 * Gets where the account stands.
 *
 * Returns: the state
 */
CbAccountState
cb_account_get_state (CbAccount *self)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), CB_ACCOUNT_OFFLINE);

  return self->state;
}

/**
 * cb_account_get_username:
 * @self: an account
 *
 * Gets the name in the room.
 *
 * Returns: (nullable): the name, in NFC, or %NULL before the first login
 */
const char *
cb_account_get_username (CbAccount *self)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), NULL);

  return self->username;
}

/**
 * cb_account_get_queued:
 * @self: an account
 *
 * Tells how much was said and waits to be sent; who says much looks at it, or
 * at its notifications, to go as fast as the server reads.
 *
 * Returns: bytes
 */
guint
cb_account_get_queued (CbAccount *self)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), 0);

  return self->outgoing != NULL ? (guint) cb_outgoing_get_queued (self->outgoing) : 0;
}

static int
compare_names (gconstpointer a,
               gconstpointer b)
{
  return g_utf8_collate (*(const char *const *) a, *(const char *const *) b);
}

/**
 * cb_account_dup_users:
 * @self: an account
 *
 * Lists who is online, this user included, in the locale's order.
 *
 * Returns: (transfer full): their names
 */
GStrv
cb_account_dup_users (CbAccount *self)
{
  g_autoptr (GPtrArray) names = NULL;
  GHashTableIter iter;
  gpointer name = NULL;

  g_return_val_if_fail (CB_IS_ACCOUNT (self), NULL);

  names = g_ptr_array_new_null_terminated (g_hash_table_size (self->users) + 1, g_free, TRUE);
  g_hash_table_iter_init (&iter, self->users);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);

  return (GStrv) g_ptr_array_steal (names, NULL);
}

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
static void
end_session (CbAccount *self,
             GTask     *leave_task,
             gboolean   at_once)
{
  g_autoptr (CbSession) session = g_steal_pointer (&self->session);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  clear_source (&self->pace_source);
  clear_source (&self->settle_source);
  g_hash_table_remove_all (self->users);
  set_state (self, CB_ACCOUNT_OFFLINE);

  if (at_once)
    g_cancellable_cancel (cancellable);
  if (session != NULL)
    cb_session_close_async (session, cancellable, session_closed_cb, leave_task);
  else if (leave_task != NULL)
    {
      g_task_return_boolean (leave_task, TRUE);
      g_object_unref (leave_task);
    }
}

static void
send_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (CbAccount) self = user_data;
  g_autoptr (GError) error = NULL;

  /* What breaks a send breaks the receive, too, which tells about it. */
  if (!cb_session_send_finish (CB_SESSION (source), result, &error))
    g_debug ("Sending failed: %s", error->message);
  if (self->session != CB_SESSION (source))
    return;

  self->is_sending = FALSE;
  if (self->is_read && self->pace_source != NULL)
    g_source_set_ready_time (self->pace_source, 0);
}

/* Sends what waits unless a frame is still unread, as far as we know. */
static void
flush (CbAccount  *self,
       GSourceFunc pace_callback)
{
  g_autoptr (CbPacket) packet = NULL;

  if (self->session == NULL || self->pace_source != NULL)
    return;

  packet = cb_outgoing_take (self->outgoing);
  if (packet == NULL)
    return;

  self->pace_source = add_timeout (self, PACE_MS, pace_callback, "chatterbox-pace");
  self->is_sending = TRUE;
  self->is_read = FALSE;
  cb_session_send_async (self->session, packet, send_cb, g_object_ref (self));
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_QUEUED]);
}

static gboolean
pace_cb (gpointer user_data)
{
  CbAccount *self = user_data;

  /* The server reads slower than this user talks: two frames in one write would be one read there. */
  if (self->is_sending)
    return G_SOURCE_CONTINUE;

  clear_source (&self->pace_source);
  flush (self, pace_cb);
  return G_SOURCE_REMOVE;
}

/* The server has read the frame in flight, as far as we know: the sign may be another user's, or come
 * before we are told that the frame has gone. */
static void
release_pace (CbAccount *self)
{
  self->is_read = TRUE;
  if (self->is_sending)
    return;

  clear_source (&self->pace_source);
  flush (self, pace_cb);
}

static void
handle_message (CbAccount *self,
                CbMessage *message,
                gboolean   is_history)
{
  const CbReply reply = is_history ? CB_REPLY_NONE : cb_outgoing_match (self->outgoing, message);

  if (reply == CB_REPLY_ANSWER)
    g_signal_emit (self, signals[SIGNAL_ANSWER], 0, message);
  else if (reply != CB_REPLY_BARRIER)
    g_signal_emit (self, signals[SIGNAL_MESSAGE], 0, message, is_history);

  if (reply != CB_REPLY_NONE)
    release_pace (self);
}

static void
handle_messages (CbAccount *self,
                 GPtrArray *messages,
                 gboolean   is_history)
{
  if (messages == NULL)
    return;

  for (guint i = 0; self->session != NULL && i < messages->len; i++)
    handle_message (self, g_ptr_array_index (messages, i), is_history);

  /* The original's server says so that it has read a frame which had nothing for everybody. */
  if (messages->len == 0)
    release_pace (self);
}

static void
handle_users (CbAccount *self,
              GPtrArray *users)
{
  if (users == NULL)
    return;

  g_hash_table_remove_all (self->users);
  for (guint i = 0; i < users->len; i++)
    {
      const CbUser *user = g_ptr_array_index (users, i);

      if (user->active)
        g_hash_table_add (self->users, g_strdup (user->name));
    }
}

/* The original's server tells everybody of a join, the one who joined included. */
static void
handle_joined (CbAccount *self,
               GPtrArray *names)
{
  for (guint i = 0; self->session != NULL && names != NULL && i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);

      g_hash_table_add (self->users, g_strdup (name));
      if (strcmp (name, self->username) != 0)
        g_signal_emit (self, signals[SIGNAL_USER_JOINED], 0, name);
    }
}

static void
handle_left (CbAccount *self,
             GPtrArray *names)
{
  for (guint i = 0; self->session != NULL && names != NULL && i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);

      g_hash_table_remove (self->users, name);
      g_signal_emit (self, signals[SIGNAL_USER_LEFT], 0, name);
    }
}

/* A handler of a signal may leave: then the session is gone, and the rest of the packet is nobody's. */
static void
handle_packet (CbAccount *self,
               CbPacket  *packet)
{
  handle_messages (self, cb_packet_get_messages (packet), FALSE);
  handle_joined (self, cb_packet_get_joined (packet));
  handle_left (self, cb_packet_get_left (packet));

  if (self->session != NULL && cb_packet_get_error (packet) != NULL)
    {
      g_signal_emit (self, signals[SIGNAL_SERVER_ERROR], 0, cb_packet_get_error (packet));
      release_pace (self);
    }
  if (self->leave_task != NULL && cb_outgoing_is_settled (self->outgoing))
    end_session (self, g_steal_pointer (&self->leave_task), FALSE);
}

static void
lose_session (CbAccount *self,
              GError    *error)
{
  g_autoptr (GTask) leave_task = g_steal_pointer (&self->leave_task);

  end_session (self, NULL, TRUE);
  /* Who leaves wants to know whether all that was said has arrived. */
  if (leave_task != NULL)
    g_task_return_error (leave_task, g_error_copy (error));
  else
    g_signal_emit (self, signals[SIGNAL_DISCONNECTED], 0, error);
}

static void
receive_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (CbAccount) self = user_data;
  g_autoptr (CbPacket) packet = NULL;
  g_autoptr (GError) error = NULL;

  packet = cb_session_receive_finish (CB_SESSION (source), result, &error);
  /* A leave has closed the session meanwhile. */
  if (self->session != CB_SESSION (source))
    return;

  if (packet != NULL)
    handle_packet (self, packet);
  else if (g_error_matches (error, CB_ERROR, CB_ERROR_MALFORMED))
    g_signal_emit (self, signals[SIGNAL_SERVER_ERROR], 0, error->message);
  else
    lose_session (self, error);

  if (self->session == CB_SESSION (source))
    cb_session_receive_async (self->session, NULL, receive_cb, g_object_ref (self));
}

static void
enter_room (CbAccount *self,
            CbPacket  *welcome)
{
  g_clear_pointer (&self->outgoing, cb_outgoing_free);
  self->outgoing = cb_outgoing_new (self->username);
  self->is_sending = FALSE;

  handle_users (self, cb_packet_get_users (welcome));
  g_hash_table_add (self->users, g_strdup (self->username));
  set_state (self, CB_ACCOUNT_ONLINE);
  handle_messages (self, cb_packet_get_messages (welcome), TRUE);
  handle_joined (self, cb_packet_get_joined (welcome));
  handle_left (self, cb_packet_get_left (welcome));

  /* As above: a handler may have left. */
  if (self->session != NULL)
    cb_session_receive_async (self->session, NULL, receive_cb, g_object_ref (self));
}

static void
stop_following (CbAccount *self,
                GTask     *join_task)
{
  g_cancellable_disconnect (g_task_get_cancellable (join_task), self->join_cancelled_id);
  self->join_cancelled_id = 0;
  g_clear_object (&self->join_cancellable);
}

static GError *
new_left_error (void)
{
  return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The account left meanwhile");
}

/* The attempt has failed, or the account was told to leave meanwhile. */
static void
fail_join (CbAccount *self,
           GTask     *join_task,
           GError    *error)
{
  stop_following (self, join_task);
  end_session (self, g_steal_pointer (&self->leave_task), TRUE);
  g_task_return_error (join_task, error != NULL ? error : new_left_error ());
}

static void
log_in_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (CbPacket) welcome = NULL;
  GError *error = NULL;
  CbAccount *self = g_task_get_source_object (task);

  welcome = cb_connector_log_in_finish (CB_CONNECTOR (source), result, &error);
  if (welcome == NULL || self->leave_task != NULL)
    {
      fail_join (self, task, error);
      return;
    }

  stop_following (self, task);
  enter_room (self, welcome);
  if (self->session != NULL)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, new_left_error ());
}

static void
connect_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  CbAccount *self = g_task_get_source_object (task);

  self->session = cb_connector_connect_finish (CB_CONNECTOR (source), result, &error);
  if (self->session == NULL || self->leave_task != NULL)
    {
      fail_join (self, task, error);
      return;
    }

  set_state (self, CB_ACCOUNT_LOGGING_IN);
  cb_connector_log_in_async (self->connector, self->session, self->username, self->join_cancellable,
                             log_in_cb, g_steal_pointer (&task));
}

static void
follow_cancellable_cb (GCancellable *cancellable,
                       gpointer      user_data)
{
  g_cancellable_cancel (user_data);
}

/**
 * cb_account_join_async:
 * @self: an account that is offline
 * @username: the name to ask for, in UTF-8
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when in the room, or not
 * @user_data: data for @callback
 *
 * Connects and logs in. The messages so far come by
 * [signal@Cb.Account::message] before @callback is called. After a refusal of
 * the name another one can be tried, on a new connection: servers do not keep
 * one for as long as a person may think.
 */
void
cb_account_join_async (CbAccount          *self,
                       const char         *username,
                       GCancellable       *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer            user_data)
{
  g_autoptr (GTask) task = NULL;

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

  g_free (self->username);
  self->username = g_utf8_normalize (username, -1, G_NORMALIZE_NFC);
  if (self->username == NULL)
    {
      g_task_return_new_error (task, CB_ERROR, CB_ERROR_INVALID_NAME,
                               _ ("The name is not valid UTF-8"));
      return;
    }
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_USERNAME]);

  self->join_cancellable = g_cancellable_new ();
  if (cancellable != NULL)
    self->join_cancelled_id = g_cancellable_connect (cancellable, G_CALLBACK (follow_cancellable_cb),
                                                     g_object_ref (self->join_cancellable), g_object_unref);
  set_state (self, CB_ACCOUNT_CONNECTING);
  cb_connector_connect_async (self->connector, self->join_cancellable, connect_cb, g_steal_pointer (&task));
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

/**
 * cb_account_say:
 * @self: an account that is online
 * @destination: [const@Cb.MESSAGE_TO_ALL] or a user's name, in UTF-8
 * @content: what to say, in UTF-8
 * @error: return location for a #GError
 *
 * Queues a message. A command of the server is a message to oneself that
 * begins with “/”.
 *
 * Returns: %TRUE; %FALSE with %G_IO_ERROR_NOT_CONNECTED, or
 *   [error@Cb.Error.TOO_LARGE] if the message fits no frame or too much waits
 */
gboolean
cb_account_say (CbAccount  *self,
                const char *destination,
                const char *content,
                GError    **error)
{
  g_autoptr (CbMessage) message = NULL;

  g_return_val_if_fail (CB_IS_ACCOUNT (self), FALSE);
  g_return_val_if_fail (destination != NULL, FALSE);
  g_return_val_if_fail (content != NULL, FALSE);

  if (self->state != CB_ACCOUNT_ONLINE)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED, _ ("Not connected"));
      return FALSE;
    }

  message = cb_message_new (self->username, destination,
                            g_get_real_time () / G_USEC_PER_SEC, content);
  if (!cb_outgoing_push (self->outgoing, message, error))
    return FALSE;

  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_QUEUED]);
  flush (self, pace_cb);
  return TRUE;
}

static gboolean
give_up_cb (gpointer user_data)
{
  CbAccount *self = user_data;

  g_debug ("The server has not confirmed all that was said");
  end_session (self, g_steal_pointer (&self->leave_task), TRUE);
  return G_SOURCE_REMOVE;
}

/* Waits for the answer of a barrier: for a while, and until the leave is cancelled. */
static void
settle (CbAccount *self)
{
  GCancellable *cancellable = g_task_get_cancellable (self->leave_task);

  cb_outgoing_push_barrier (self->outgoing, g_get_real_time () / G_USEC_PER_SEC);
  self->settle_source = add_timeout (self, SETTLE_MS, give_up_cb, "chatterbox-settle");
  if (cancellable != NULL)
    {
      g_autoptr (GSource) cancelled = g_cancellable_source_new (cancellable);

      g_source_set_dummy_callback (cancelled);
      g_source_add_child_source (self->settle_source, cancelled);
    }
  flush (self, pace_cb);
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
 * given up. Cancelling ends the connection at once.
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
      (self->state == CB_ACCOUNT_ONLINE && cb_outgoing_is_settled (self->outgoing)))
    {
      end_session (self, g_steal_pointer (&task), FALSE);
      return;
    }

  self->leave_task = g_steal_pointer (&task);
  set_state (self, CB_ACCOUNT_LEAVING);
  if (self->join_cancellable != NULL)
    g_cancellable_cancel (self->join_cancellable);
  else
    settle (self);
}

/**
 * cb_account_leave_finish:
 * @self: an account
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Completes [method@Cb.Account.leave_async].
 *
 * Returns: %TRUE; %FALSE with %G_IO_ERROR_PENDING, %G_IO_ERROR_CANCELLED, or
 *   an error of [method@Cb.Session.receive_async] if the connection was lost
 *   before the server had confirmed all that was said
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
