/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-account-private.h"

/* Waits for the next attempt to connect. */
#define FIRST_WAIT_MS 1000
#define LONGEST_WAIT_MS (60 * 1000)

/* How long an answer is waited for. */
#define REQUEST_TIMEOUT_MS (30 * 1000)

/**
 * CbAccount:
 *
 * A user in a server's room, without a face: it joins, says, tells what
 * comes, and leaves so that nothing said is lost. Terminals, services and bots
 * are built on it.
 *
 * Where the server acknowledges messages nothing is lost, told twice or out of
 * order: what was said waits in an outbox until it is acknowledged, and an
 * account that [property@Cb.Account:reconnects] asks for what it has missed.
 *
 * An account belongs to the thread-default main context it was created in. It
 * keeps itself alive while it is connected, or waits to be again:
 * [method@Cb.Account.leave_async] ends that.
 */
G_DEFINE_FINAL_TYPE (CbAccount, cb_account, G_TYPE_OBJECT)

G_DEFINE_ENUM_TYPE (CbAccountState, cb_account_state,
                    G_DEFINE_ENUM_VALUE (CB_ACCOUNT_OFFLINE, "offline"),
                    G_DEFINE_ENUM_VALUE (CB_ACCOUNT_CONNECTING, "connecting"),
                    G_DEFINE_ENUM_VALUE (CB_ACCOUNT_LOGGING_IN, "logging-in"),
                    G_DEFINE_ENUM_VALUE (CB_ACCOUNT_ONLINE, "online"),
                    G_DEFINE_ENUM_VALUE (CB_ACCOUNT_LEAVING, "leaving"),
                    G_DEFINE_ENUM_VALUE (CB_ACCOUNT_WAITING, "waiting"))

GParamSpec *cb_account_properties[CB_ACCOUNT_N_PROPS];
guint cb_account_signals[CB_ACCOUNT_N_SIGNALS];

void
cb_account_set_state (CbAccount     *self,
                      CbAccountState state)
{
  if (self->state == state)
    return;

  self->state = state;
  cb_account_notify (self, CB_ACCOUNT_PROP_STATE);
}

void
cb_account_notify (CbAccount *self,
                   guint      prop_id)
{
  g_object_notify_by_pspec (G_OBJECT (self), cb_account_properties[prop_id]);
}

/* Whether the server acknowledges messages, and numbers them. */
gboolean
cb_account_has_ids (CbAccount *self)
{
  return (self->negotiated & CB_FEATURE_MESSAGE_IDS) != 0;
}

/* Tells of a position that has moved. */
void
cb_account_tell_position (CbAccount *self)
{
  const gint64 position = cb_timeline_get_position (self->timeline);

  if (position == self->told_position)
    return;

  self->told_position = position;
  cb_account_notify (self, CB_ACCOUNT_PROP_POSITION);
}

void
cb_account_clear_source (GSource **source)
{
  if (*source == NULL)
    return;

  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

GSource *
cb_account_add_timeout (CbAccount  *self,
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

  cb_account_clear_source (&self->pace_source);
  cb_account_clear_source (&self->settle_source);
  cb_account_clear_source (&self->wait_source);
  g_clear_object (&self->attempt_cancellable);
  g_clear_object (&self->monitor);
  g_clear_object (&self->session);
  g_clear_object (&self->connector);

  G_OBJECT_CLASS (cb_account_parent_class)->dispose (object);
}

static void
cb_account_finalize (GObject *object)
{
  CbAccount *self = CB_ACCOUNT (object);

  g_clear_pointer (&self->outgoing, cb_outgoing_free);
  g_clear_pointer (&self->outbox, cb_outbox_free);
  g_clear_pointer (&self->timeline, cb_timeline_free);
  g_clear_pointer (&self->requests, g_hash_table_unref);
  g_clear_pointer (&self->users, g_hash_table_unref);
  g_clear_error (&self->lost_error);
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
    case CB_ACCOUNT_PROP_CONNECTOR:
      g_value_set_object (value, self->connector);
      break;
    case CB_ACCOUNT_PROP_STATE:
      g_value_set_enum (value, (int) self->state);
      break;
    case CB_ACCOUNT_PROP_USERNAME:
      g_value_set_string (value, self->username);
      break;
    case CB_ACCOUNT_PROP_QUEUED:
      g_value_set_uint (value, cb_account_get_queued (self));
      break;
    case CB_ACCOUNT_PROP_UNACKNOWLEDGED:
      g_value_set_uint (value, cb_account_get_unacknowledged (self));
      break;
    case CB_ACCOUNT_PROP_FEATURES:
      g_value_set_uint (value, self->features);
      break;
    case CB_ACCOUNT_PROP_RECONNECTS:
      g_value_set_boolean (value, self->reconnects);
      break;
    case CB_ACCOUNT_PROP_IDENTITY:
      g_value_set_object (value, cb_connector_get_identity (self->connector));
      break;
    case CB_ACCOUNT_PROP_LOG_ID:
      g_value_set_string (value, cb_account_get_log_id (self));
      break;
    case CB_ACCOUNT_PROP_POSITION:
      g_value_set_int64 (value, cb_account_get_position (self));
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
    case CB_ACCOUNT_PROP_CONNECTOR:
      self->connector = g_value_dup_object (value);
      break;
    case CB_ACCOUNT_PROP_FEATURES:
      cb_account_set_features (self, (CbFeatures) g_value_get_uint (value));
      break;
    case CB_ACCOUNT_PROP_RECONNECTS:
      cb_account_set_reconnects (self, g_value_get_boolean (value));
      break;
    case CB_ACCOUNT_PROP_IDENTITY:
      cb_account_set_identity (self, g_value_get_object (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

/* Of servers that acknowledge. */
static void
install_extended_signals (GType type)
{
  /**
   * CbAccount::waiting:
   * @self: an account
   * @error: why the connection was lost, or the latest attempt has failed
   * @delay_ms: time until the next attempt, in milliseconds; %G_MAXUINT: when
   *   there is a network again
   *
   * The connection was lost, and the account tries to come back.
   */
  cb_account_signals[CB_ACCOUNT_SIGNAL_WAITING] =
    g_signal_new ("waiting", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 2, G_TYPE_ERROR, G_TYPE_UINT);

  /**
   * CbAccount::acknowledged:
   * @self: an account
   * @token: what [method@Cb.Account.send] returned
   * @message: (nullable): what the server has stored, with its id, or the
   *   answer to a command; %NULL for a command without an answer
   *
   * The server has stored what was said: it is not lost any more.
   */
  cb_account_signals[CB_ACCOUNT_SIGNAL_ACKNOWLEDGED] =
    g_signal_new ("acknowledged", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 2, G_TYPE_STRING, CB_TYPE_MESSAGE);

  /**
   * CbAccount::refused:
   * @self: an account
   * @token: what [method@Cb.Account.send] returned
   * @error: why: [error@Cb.Error.UNEXPECTED] with what the server says
   *
   * The server has not stored what was said, nor will it.
   */
  cb_account_signals[CB_ACCOUNT_SIGNAL_REFUSED] =
    g_signal_new ("refused", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_ERROR);

  /**
   * CbAccount::log-changed:
   * @self: an account
   *
   * The server's log is another one than before: its ids mean other messages,
   * all of which come anew.
   */
  cb_account_signals[CB_ACCOUNT_SIGNAL_LOG_CHANGED] =
    g_signal_new ("log-changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 0);

  /**
   * CbAccount::read-marker:
   * @self: an account
   * @with: conversation: [const@Cb.MESSAGE_TO_ALL] or a user's name
   * @id: id of the message up to which it has been read
   *
   * The user has read a conversation, on another connection maybe.
   */
  cb_account_signals[CB_ACCOUNT_SIGNAL_READ_MARKER] =
    g_signal_new ("read-marker", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_INT64);

  /**
   * CbAccount::blocks-changed:
   * @self: an account
   *
   * Whom the user blocks has changed, on another connection maybe.
   */
  cb_account_signals[CB_ACCOUNT_SIGNAL_BLOCKS_CHANGED] =
    g_signal_new ("blocks-changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 0);
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
   * A message is here, one's own public ones included; where messages have
   * ids one's own private ones, too, and each once. Its texts are as the peer
   * wrote them: hostile until made harmless.
   *
   * What was missed comes when it is found: then its id is lower than that of
   * messages that came before it.
   */
  cb_account_signals[CB_ACCOUNT_SIGNAL_MESSAGE] =
    g_signal_new ("message", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 2, CB_TYPE_MESSAGE, G_TYPE_BOOLEAN);

  /**
   * CbAccount::answer:
   * @self: an account
   * @message: the answer, a message from the user to the user
   *
   * The server has answered a command.
   */
  cb_account_signals[CB_ACCOUNT_SIGNAL_ANSWER] =
    g_signal_new ("answer", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, CB_TYPE_MESSAGE);

  /**
   * CbAccount::user-joined:
   * @self: an account
   * @name: who came
   *
   * Somebody else has joined the room.
   */
  cb_account_signals[CB_ACCOUNT_SIGNAL_USER_JOINED] =
    g_signal_new ("user-joined", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_STRING);

  /**
   * CbAccount::user-left:
   * @self: an account
   * @name: who went
   *
   * Somebody else has left the room.
   */
  cb_account_signals[CB_ACCOUNT_SIGNAL_USER_LEFT] =
    g_signal_new ("user-left", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_STRING);

  /**
   * CbAccount::server-error:
   * @self: an account
   * @text: what the server says was wrong, in its language
   *
   * The server refused something that was sent; the connection lives on.
   */
  cb_account_signals[CB_ACCOUNT_SIGNAL_SERVER_ERROR] =
    g_signal_new ("server-error", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_STRING);

  /**
   * CbAccount::disconnected:
   * @self: an account
   * @error: why
   *
   * The connection was lost; the account is offline.
   */
  cb_account_signals[CB_ACCOUNT_SIGNAL_DISCONNECTED] =
    g_signal_new ("disconnected", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_ERROR);
  install_extended_signals (type);
}

/* Of servers that acknowledge. */
static void
install_extended_properties (void)
{
  /**
   * CbAccount:unacknowledged: (getter get_unacknowledged)
   *
   * How many messages the server has not acknowledged, nor refused.
   */
  cb_account_properties[CB_ACCOUNT_PROP_UNACKNOWLEDGED] =
    g_param_spec_uint ("unacknowledged", NULL, NULL, 0, G_MAXUINT, 0,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * CbAccount:features: (getter get_features) (setter set_features)
   *
   * What is announced at the next login, of [flags@Cb.Features]; 0: nothing.
   */
  cb_account_properties[CB_ACCOUNT_PROP_FEATURES] =
    g_param_spec_uint ("features", NULL, NULL, 0, CB_FEATURES_ALL, CB_FEATURES_ALL,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT |
                       G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * CbAccount:reconnects: (getter get_reconnects) (setter set_reconnects)
   *
   * Whether the account comes back by itself when its connection is lost, with
   * waits that grow from 1 to 60 seconds. It does so only to servers that
   * acknowledge messages and can tell what was missed.
   */
  cb_account_properties[CB_ACCOUNT_PROP_RECONNECTS] =
    g_param_spec_boolean ("reconnects", NULL, NULL, FALSE,
                          G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * CbAccount:identity: (getter get_identity) (setter set_identity)
   *
   * The certificate, with its key, that owns the user's name: the connector's
   * [property@Cb.Connector:identity].
   */
  cb_account_properties[CB_ACCOUNT_PROP_IDENTITY] =
    g_param_spec_object ("identity", NULL, NULL, G_TYPE_TLS_CERTIFICATE,
                         G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * CbAccount:log-id: (getter get_log_id)
   *
   * Which log the position is of; %NULL: of none yet.
   */
  cb_account_properties[CB_ACCOUNT_PROP_LOG_ID] =
    g_param_spec_string ("log-id", NULL, NULL, NULL,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * CbAccount:position: (getter get_position)
   *
   * Id of the message up to which all that the user may see was delivered.
   */
  cb_account_properties[CB_ACCOUNT_PROP_POSITION] =
    g_param_spec_int64 ("position", NULL, NULL, 0, G_MAXINT64, 0,
                        G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
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
  cb_account_properties[CB_ACCOUNT_PROP_CONNECTOR] =
    g_param_spec_object ("connector", NULL, NULL, CB_TYPE_CONNECTOR,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * CbAccount:state: (getter get_state)
   *
   * Where the account stands.
   */
  cb_account_properties[CB_ACCOUNT_PROP_STATE] =
    g_param_spec_enum ("state", NULL, NULL, CB_TYPE_ACCOUNT_STATE, CB_ACCOUNT_OFFLINE,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * CbAccount:username: (getter get_username)
   *
   * The name in the room, in NFC; %NULL before the first login.
   */
  cb_account_properties[CB_ACCOUNT_PROP_USERNAME] =
    g_param_spec_string ("username", NULL, NULL, NULL,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * CbAccount:queued: (getter get_queued)
   *
   * Bytes that were said and wait to be sent.
   */
  cb_account_properties[CB_ACCOUNT_PROP_QUEUED] =
    g_param_spec_uint ("queued", NULL, NULL, 0, G_MAXUINT, 0,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  install_extended_properties ();
  g_object_class_install_properties (object_class, CB_ACCOUNT_N_PROPS, cb_account_properties);
  install_signals (G_TYPE_FROM_CLASS (klass));
}

static void
cb_account_init (CbAccount *self)
{
  self->users = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->outbox = cb_outbox_new ();
  self->timeline = cb_timeline_new ();
  self->requests = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, cb_account_request_free);
  self->request_timeout_ms = REQUEST_TIMEOUT_MS;
  cb_backoff_init (&self->backoff, FIRST_WAIT_MS, LONGEST_WAIT_MS);
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

  return (guint) cb_outbox_get_queued (self->outbox) +
         (self->outgoing != NULL ? (guint) cb_outgoing_get_queued (self->outgoing) : 0);
}

/**
 * cb_account_get_unacknowledged:
 * @self: an account
 *
 * Tells how many messages the server has not acknowledged, nor refused: those
 * that wait included. It is 0 where servers acknowledge nothing.
 *
 * Returns: how many
 */
guint
cb_account_get_unacknowledged (CbAccount *self)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), 0);

  return cb_outbox_get_length (self->outbox);
}

/**
 * cb_account_get_features:
 * @self: an account
 *
 * Gets what is announced at a login.
 *
 * Returns: the features; 0: none
 */
CbFeatures
cb_account_get_features (CbAccount *self)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), (CbFeatures) 0);

  return self->features;
}

/**
 * cb_account_set_features:
 * @self: an account
 * @features: what to announce; 0: nothing
 *
 * Sets what is announced, from the next login on.
 */
void
cb_account_set_features (CbAccount *self,
                         CbFeatures features)
{
  g_return_if_fail (CB_IS_ACCOUNT (self));

  if (self->features == features)
    return;

  self->features = features;
  cb_account_notify (self, CB_ACCOUNT_PROP_FEATURES);
}

/**
 * cb_account_get_negotiated:
 * @self: an account
 *
 * Gets what the server has announced, too, at the latest login.
 *
 * Returns: the features; 0: none, or there was no login
 */
CbFeatures
cb_account_get_negotiated (CbAccount *self)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), (CbFeatures) 0);

  return self->negotiated;
}

/**
 * cb_account_get_reconnects:
 * @self: an account
 *
 * Gets whether the account comes back by itself.
 *
 * Returns: %TRUE if it does
 */
gboolean
cb_account_get_reconnects (CbAccount *self)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), FALSE);

  return self->reconnects;
}

/**
 * cb_account_set_reconnects:
 * @self: an account
 * @reconnects: whether it comes back by itself
 *
 * Sets what happens when a connection is lost the next time.
 */
void
cb_account_set_reconnects (CbAccount *self,
                           gboolean   reconnects)
{
  g_return_if_fail (CB_IS_ACCOUNT (self));

  if (self->reconnects == !!reconnects)
    return;

  self->reconnects = !!reconnects;
  cb_account_notify (self, CB_ACCOUNT_PROP_RECONNECTS);
}

/**
 * cb_account_set_identity:
 * @self: an account
 * @identity: (nullable): a certificate with its key, or %NULL
 *
 * Sets which certificate the connector shows, from the next connection on.
 */
void
cb_account_set_identity (CbAccount       *self,
                         GTlsCertificate *identity)
{
  g_return_if_fail (CB_IS_ACCOUNT (self));

  if (cb_connector_get_identity (self->connector) == identity)
    return;

  cb_connector_set_identity (self->connector, identity);
  cb_account_notify (self, CB_ACCOUNT_PROP_IDENTITY);
}

/**
 * cb_account_get_identity:
 * @self: an account
 *
 * Gets which certificate the connector shows.
 *
 * Returns: (transfer none) (nullable): the certificate, or %NULL
 */
GTlsCertificate *
cb_account_get_identity (CbAccount *self)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), NULL);

  return cb_connector_get_identity (self->connector);
}

/**
 * cb_account_get_log_id:
 * @self: an account
 *
 * Gets which log the position is of.
 *
 * Returns: (nullable): the log's id, or %NULL before a login
 */
const char *
cb_account_get_log_id (CbAccount *self)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), NULL);

  return cb_timeline_get_log_id (self->timeline);
}

/**
 * cb_account_get_position:
 * @self: an account
 *
 * Gets the id of the message up to which all was delivered. It moves behind
 * [signal@Cb.Account::message]: what is kept at its notifications, together
 * with the log's id, can be set after a restart, and nothing is missed.
 *
 * Returns: an id; 0: of none
 */
gint64
cb_account_get_position (CbAccount *self)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), 0);

  return cb_timeline_get_position (self->timeline);
}

/**
 * cb_account_set_position:
 * @self: an account that is offline
 * @log_id: (nullable): id of the log that @id is of, or %NULL for none
 * @id: id up to which all is here already
 *
 * Has the next login ask only for what came since.
 */
void
cb_account_set_position (CbAccount  *self,
                         const char *log_id,
                         gint64      id)
{
  g_return_if_fail (CB_IS_ACCOUNT (self));
  g_return_if_fail (self->state == CB_ACCOUNT_OFFLINE);
  g_return_if_fail (id >= 0 && id <= CB_JSON_MAX_INTEGER);

  cb_timeline_set_position (self->timeline, log_id, log_id != NULL ? id : 0);
  cb_account_notify (self, CB_ACCOUNT_PROP_LOG_ID);
  cb_account_tell_position (self);
}

/**
 * cb_account_get_complete:
 * @self: an account
 * @conversation: [const@Cb.MESSAGE_TO_ALL] or a user's name
 *
 * Promises that no message of a conversation is missing up to an id: all of
 * them were delivered, or came with a page of history.
 *
 * Returns: the id; 0: of none
 */
gint64
cb_account_get_complete (CbAccount  *self,
                         const char *conversation)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), 0);
  g_return_val_if_fail (conversation != NULL, 0);

  return cb_timeline_get_complete (self->timeline, conversation);
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
