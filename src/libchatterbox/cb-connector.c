/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-connector.h"

#include <glib/gi18n-lib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "libchatterbox/cb-error.h"

#define DEFAULT_TIMEOUT_S 30
#define DEFAULT_MAX_FRAME (64u * 1024 * 1024)

/* Seconds of silence after which a dead connection is looked for. */
#define KEEPALIVE_S 60

/**
 * CbConnector:
 *
 * Makes sessions with one server: resolves all its addresses, connects to the
 * first that answers, sets up TLS, logs in.
 *
 * A certificate that does not verify ends the attempt before a byte of the
 * conversation was sent.
 *
 * A connector belongs to the thread-default main context it is used in.
 */
struct _CbConnector
{
  GObject          parent_instance;
  char            *server;
  char            *ca_file;
  guint            timeout_s;
  guint            max_frame;
  GTlsCertificate *identity;
};

G_DEFINE_FINAL_TYPE (CbConnector, cb_connector, G_TYPE_OBJECT)

enum
{
  PROP_SERVER = 1,
  PROP_CA_FILE,
  PROP_TIMEOUT_S,
  PROP_MAX_FRAME,
  PROP_IDENTITY,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

/* A program may translate nothing itself, and not know of the library's texts. Those that bind the
 * same domain to another place do it in main(): later, so that theirs counts. */
static void __attribute__ ((constructor))
bind_text_domain (void)
{
  bindtextdomain (GETTEXT_PACKAGE, LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
}

/* One attempt to connect; owned by its task. */
typedef struct
{
  GSocketConnectable  *address;
  GTlsDatabase        *database; /* NULL: the system's */
  GTlsCertificateFlags problems; /* of the server's certificate */
} ConnectData;

static void
connect_data_free (ConnectData *data)
{
  g_clear_object (&data->address);
  g_clear_object (&data->database);
  g_free (data);
}

/* A login that waits for its answer; owned by its task. */
typedef struct
{
  char      *username;
  CbFeatures announced;
} LogInData;

static void
log_in_data_free (LogInData *data)
{
  g_free (data->username);
  g_free (data);
}

static void
cb_connector_dispose (GObject *object)
{
  CbConnector *self = CB_CONNECTOR (object);

  g_clear_object (&self->identity);

  G_OBJECT_CLASS (cb_connector_parent_class)->dispose (object);
}

static void
cb_connector_finalize (GObject *object)
{
  CbConnector *self = CB_CONNECTOR (object);

  g_free (self->server);
  g_free (self->ca_file);

  G_OBJECT_CLASS (cb_connector_parent_class)->finalize (object);
}

static void
cb_connector_get_property (GObject    *object,
                           guint       prop_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  CbConnector *self = CB_CONNECTOR (object);

  switch (prop_id)
    {
    case PROP_SERVER:
      g_value_set_string (value, self->server);
      break;
    case PROP_CA_FILE:
      g_value_set_string (value, self->ca_file);
      break;
    case PROP_TIMEOUT_S:
      g_value_set_uint (value, self->timeout_s);
      break;
    case PROP_MAX_FRAME:
      g_value_set_uint (value, self->max_frame);
      break;
    case PROP_IDENTITY:
      g_value_set_object (value, self->identity);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
cb_connector_set_property (GObject      *object,
                           guint         prop_id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  CbConnector *self = CB_CONNECTOR (object);

  switch (prop_id)
    {
    case PROP_SERVER:
      self->server = g_value_dup_string (value);
      break;
    case PROP_CA_FILE:
      cb_connector_set_ca_file (self, g_value_get_string (value));
      break;
    case PROP_TIMEOUT_S:
      cb_connector_set_timeout_s (self, g_value_get_uint (value));
      break;
    case PROP_MAX_FRAME:
      cb_connector_set_max_frame (self, g_value_get_uint (value));
      break;
    case PROP_IDENTITY:
      cb_connector_set_identity (self, g_value_get_object (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
cb_connector_class_init (CbConnectorClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = cb_connector_dispose;
  object_class->finalize = cb_connector_finalize;
  object_class->get_property = cb_connector_get_property;
  object_class->set_property = cb_connector_set_property;

  /**
   * CbConnector:server: (getter get_server)
   *
   * Where the server is: `HOST`, `HOST:PORT`, `[IPv6]` or `[IPv6]:PORT`; the
   * port is [const@Cb.DEFAULT_PORT] if none is named.
   */
  properties[PROP_SERVER] =
    g_param_spec_string ("server", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * CbConnector:ca-file: (getter get_ca_file) (setter set_ca_file)
   *
   * A PEM file with the only authorities that are trusted; %NULL: the system's.
   */
  properties[PROP_CA_FILE] =
    g_param_spec_string ("ca-file", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT |
                         G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * CbConnector:timeout-s: (getter get_timeout_s) (setter set_timeout_s)
   *
   * How long the server may say nothing while a connection is made and while
   * it is asked for a name, in seconds.
   */
  properties[PROP_TIMEOUT_S] =
    g_param_spec_uint ("timeout-s", NULL, NULL, 1, 3600, DEFAULT_TIMEOUT_S,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT |
                       G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * CbConnector:max-frame: (getter get_max_frame) (setter set_max_frame)
   *
   * Largest payload accepted from the server, in bytes.
   */
  properties[PROP_MAX_FRAME] =
    g_param_spec_uint ("max-frame", NULL, NULL, 1, G_MAXUINT, DEFAULT_MAX_FRAME,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT |
                       G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * CbConnector:identity: (getter get_identity) (setter set_identity)
   *
   * The certificate, with its key, that is shown to the server; %NULL: none.
   */
  properties[PROP_IDENTITY] =
    g_param_spec_object ("identity", NULL, NULL, G_TYPE_TLS_CERTIFICATE,
                         G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
cb_connector_init (CbConnector *self)
{
}

/**
 * cb_connector_new:
 * @server: where the server is, see [property@Cb.Connector:server]
 *
 * Creates a connector; nothing is looked up until asked.
 *
 * Returns: (transfer full): a connector
 */
CbConnector *
cb_connector_new (const char *server)
{
  g_return_val_if_fail (server != NULL, NULL);

  return g_object_new (CB_TYPE_CONNECTOR, "server", server, NULL);
}

/**
 * cb_connector_get_server:
 * @self: a connector
 *
 * Gets where the server is.
 *
 * Returns: the address, as it was given
 */
const char *
cb_connector_get_server (CbConnector *self)
{
  g_return_val_if_fail (CB_IS_CONNECTOR (self), NULL);

  return self->server;
}

/**
 * cb_connector_get_ca_file:
 * @self: a connector
 *
 * Gets the file of the authorities that are trusted.
 *
 * Returns: (nullable) (type filename): a path, or %NULL for the system's
 */
const char *
cb_connector_get_ca_file (CbConnector *self)
{
  g_return_val_if_fail (CB_IS_CONNECTOR (self), NULL);

  return self->ca_file;
}

/**
 * cb_connector_set_ca_file:
 * @self: a connector
 * @ca_file: (nullable) (type filename): a PEM file, or %NULL for the system's
 *
 * Sets which authorities are trusted, from the next connection on.
 */
void
cb_connector_set_ca_file (CbConnector *self,
                          const char  *ca_file)
{
  g_return_if_fail (CB_IS_CONNECTOR (self));

  if (g_strcmp0 (self->ca_file, ca_file) == 0)
    return;

  g_free (self->ca_file);
  self->ca_file = g_strdup (ca_file);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_CA_FILE]);
}

/**
 * cb_connector_get_timeout_s:
 * @self: a connector
 *
 * Gets how long the server may say nothing before the login is answered.
 *
 * Returns: seconds
 */
guint
cb_connector_get_timeout_s (CbConnector *self)
{
  g_return_val_if_fail (CB_IS_CONNECTOR (self), 0);

  return self->timeout_s;
}

/**
 * cb_connector_set_timeout_s:
 * @self: a connector
 * @timeout_s: 1 to 3600 seconds
 *
 * Sets how long the server may say nothing before the login is answered, from
 * the next connection on.
 */
void
cb_connector_set_timeout_s (CbConnector *self,
                            guint        timeout_s)
{
  g_return_if_fail (CB_IS_CONNECTOR (self));
  g_return_if_fail (timeout_s >= 1 && timeout_s <= 3600);

  if (self->timeout_s == timeout_s)
    return;

  self->timeout_s = timeout_s;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_TIMEOUT_S]);
}

/**
 * cb_connector_get_max_frame:
 * @self: a connector
 *
 * Gets the largest payload accepted from the server.
 *
 * Returns: bytes
 */
guint
cb_connector_get_max_frame (CbConnector *self)
{
  g_return_val_if_fail (CB_IS_CONNECTOR (self), 0);

  return self->max_frame;
}

/**
 * cb_connector_set_max_frame:
 * @self: a connector
 * @max_frame: a limit in bytes, at least 1
 *
 * Sets the largest payload accepted, from the next session on.
 */
void
cb_connector_set_max_frame (CbConnector *self,
                            guint        max_frame)
{
  g_return_if_fail (CB_IS_CONNECTOR (self));
  g_return_if_fail (max_frame > 0);

  if (self->max_frame == max_frame)
    return;

  self->max_frame = max_frame;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_MAX_FRAME]);
}

/**
 * cb_connector_get_identity:
 * @self: a connector
 *
 * Gets the certificate that is shown to the server.
 *
 * Returns: (transfer none) (nullable): the certificate, or %NULL
 */
GTlsCertificate *
cb_connector_get_identity (CbConnector *self)
{
  g_return_val_if_fail (CB_IS_CONNECTOR (self), NULL);

  return self->identity;
}

/**
 * cb_connector_set_identity:
 * @self: a connector
 * @identity: (nullable): a certificate with its key, or %NULL
 *
 * Sets which certificate is shown to the server, from the next connection on.
 */
void
cb_connector_set_identity (CbConnector     *self,
                           GTlsCertificate *identity)
{
  g_return_if_fail (CB_IS_CONNECTOR (self));
  g_return_if_fail (identity == NULL || G_IS_TLS_CERTIFICATE (identity));

  if (g_set_object (&self->identity, identity))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_IDENTITY]);
}

static char *
describe_problems (GTlsCertificateFlags problems,
                   const char          *server)
{
  g_autoptr (GStrvBuilder) reasons = g_strv_builder_new ();
  g_auto (GStrv) texts = NULL;

  if (problems & G_TLS_CERTIFICATE_UNKNOWN_CA)
    g_strv_builder_add (reasons, _ ("it is not signed by a trusted authority"));
  if (problems & G_TLS_CERTIFICATE_BAD_IDENTITY)
    {
      /* Translators: %s is the address of a server */
      g_autofree char *identity = g_strdup_printf (_ ("it was not issued for %s"), server);

      g_strv_builder_add (reasons, identity);
    }
  if (problems & G_TLS_CERTIFICATE_NOT_ACTIVATED)
    g_strv_builder_add (reasons, _ ("it is not valid yet"));
  if (problems & G_TLS_CERTIFICATE_EXPIRED)
    g_strv_builder_add (reasons, _ ("it has expired"));
  if (problems & G_TLS_CERTIFICATE_REVOKED)
    g_strv_builder_add (reasons, _ ("it was revoked"));
  if (problems & G_TLS_CERTIFICATE_INSECURE)
    g_strv_builder_add (reasons, _ ("its algorithm is not secure"));
  if (problems & G_TLS_CERTIFICATE_GENERIC_ERROR)
    g_strv_builder_add (reasons, _ ("it could not be checked"));

  texts = g_strv_builder_end (reasons);
  return g_strjoinv ("; ", texts);
}

static gboolean
accept_certificate_cb (GTlsConnection      *connection,
                       GTlsCertificate     *certificate,
                       GTlsCertificateFlags problems,
                       gpointer             user_data)
{
  ConnectData *data = user_data;

  data->problems = problems;
  return FALSE;
}

static void
handshake_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  CbConnector *self = g_task_get_source_object (task);
  ConnectData *data = g_task_get_task_data (task);
  GTlsConnection *tls = G_TLS_CONNECTION (source);
  CbSession *session = NULL;

  g_signal_handlers_disconnect_by_func (tls, accept_certificate_cb, data);
  if (!g_tls_connection_handshake_finish (tls, result, &error))
    {
      if (data->problems != G_TLS_CERTIFICATE_NO_FLAGS)
        {
          g_autofree char *reasons = describe_problems (data->problems, self->server);

          /* Translators: the second %s is one or more reasons, such as “it has expired” */
          g_task_return_new_error (task, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE,
                                   _ ("The certificate of %s does not verify: %s"),
                                   self->server, reasons);
        }
      else
        g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  session = cb_session_new (G_IO_STREAM (tls));
  cb_session_set_max_frame (session, self->max_frame);
  g_task_return_pointer (task, session, g_object_unref);
}

static void
tune_socket (GSocket *socket)
{
  g_socket_set_keepalive (socket, TRUE);
  /* Both only make it better: a socket that knows neither still serves. */
  g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
  g_socket_set_option (socket, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S, NULL);
}

/* Without a database of its own from the start a connection loads all of the system's authorities. */
static GIOStream *
new_tls (GIOStream   *base,
         ConnectData *data,
         GError     **error)
{
  const GType type = g_tls_backend_get_client_connection_type (g_tls_backend_get_default ());

  return g_initable_new (type, NULL, error,
                         "base-io-stream", base,
                         "server-identity", data->address,
                         data->database != NULL ? "database" : NULL, data->database,
                         NULL);
}

static void
connect_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (GIOStream) tls = NULL;
  CbConnector *self = g_task_get_source_object (task);
  ConnectData *data = g_task_get_task_data (task);

  connection = g_socket_client_connect_finish (G_SOCKET_CLIENT (source), result, &error);
  if (connection == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  tune_socket (g_socket_connection_get_socket (connection));

  tls = new_tls (G_IO_STREAM (connection), data, &error);
  if (tls == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  /* Frames tell where they end; servers of this family leave without a close_notify. */
  g_tls_connection_set_require_close_notify (G_TLS_CONNECTION (tls), FALSE);
  if (self->identity != NULL)
    g_tls_connection_set_certificate (G_TLS_CONNECTION (tls), self->identity);
  g_signal_connect (tls, "accept-certificate", G_CALLBACK (accept_certificate_cb), data);
  g_tls_connection_handshake_async (G_TLS_CONNECTION (tls), g_task_get_priority (task),
                                    g_task_get_cancellable (task),
                                    handshake_cb, g_object_ref (task));
}

/* The database alone would tell neither what is wrong with the file, nor that it is empty. */
static GTlsDatabase *
load_authorities (const char *file,
                  GError    **error)
{
  g_autolist (GTlsCertificate) authorities = NULL;
  g_autoptr (GError) local_error = NULL;
  g_autofree char *path = NULL;

  authorities = g_tls_certificate_list_new_from_file (file, &local_error);
  if (authorities != NULL)
    {
      /* The platform's database takes only an absolute name. */
      path = g_canonicalize_filename (file, NULL);
      return g_tls_file_database_new (path, error);
    }

  if (local_error != NULL && local_error->domain == G_FILE_ERROR)
    g_propagate_error (error, g_steal_pointer (&local_error));
  else
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                 /* Translators: %s is the name of a file */
                 _ ("%s holds no certificate that can be read"), file);
  return NULL;
}

/**
 * cb_connector_connect_async:
 * @self: a connector
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the session stands
 * @user_data: data for @callback
 *
 * Resolves the server's name, tries its addresses, and sets up TLS.
 */
void
cb_connector_connect_async (CbConnector        *self,
                            GCancellable       *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer            user_data)
{
  g_autoptr (GTask) task = NULL;
  g_autoptr (GSocketClient) client = NULL;
  GError *error = NULL;
  ConnectData *data = NULL;

  g_return_if_fail (CB_IS_CONNECTOR (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cb_connector_connect_async);
  data = g_new0 (ConnectData, 1);
  g_task_set_task_data (task, data, (GDestroyNotify) connect_data_free);

  data->address = g_network_address_parse (self->server, CB_DEFAULT_PORT, &error);
  if (data->address != NULL && self->ca_file != NULL)
    data->database = load_authorities (self->ca_file, &error);
  if (error != NULL)
    {
      g_task_return_error (task, error);
      return;
    }

  client = g_socket_client_new ();
  g_socket_client_set_timeout (client, self->timeout_s);
  g_socket_client_connect_async (client, data->address, cancellable,
                                 connect_cb, g_steal_pointer (&task));
}

/**
 * cb_connector_connect_finish:
 * @self: a connector
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Completes [method@Cb.Connector.connect_async].
 *
 * Returns: (transfer full): a session that is not logged in; or %NULL with
 *   %G_TLS_ERROR_BAD_CERTIFICATE, whose message says which checks failed, a
 *   #GFileError of the authorities' file, %G_IO_ERROR_INVALID_ARGUMENT if the
 *   server is no address, or an error of the resolver, the socket or TLS
 */
CbSession *
cb_connector_connect_finish (CbConnector  *self,
                             GAsyncResult *result,
                             GError      **error)
{
  g_return_val_if_fail (CB_IS_CONNECTOR (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, cb_connector_connect_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/* Answers the task if @packet answers the login. */
static gboolean
log_in_answer (GTask    *task,
               CbPacket *packet)
{
  const LogInData *data = g_task_get_task_data (task);
  const char *info = cb_packet_get_info (packet);
  gboolean accepted = FALSE;

  if (!cb_packet_get_accepted (packet, &accepted))
    {
      if (cb_packet_get_error (packet) == NULL)
        return FALSE;
      g_task_return_new_error (task, CB_ERROR, CB_ERROR_UNEXPECTED,
                               /* Translators: %s is what the server said, in its language */
                               _ ("The server refused the login: %s"), cb_packet_get_error (packet));
    }
  else if (accepted)
    g_task_return_pointer (task, cb_packet_ref (packet), (GDestroyNotify) cb_packet_unref);
  else if (info != NULL)
    g_task_return_new_error (task, CB_ERROR, CB_ERROR_NAME_TAKEN,
                             /* Translators: a user name, and why the server refused it */
                             _ ("The name “%s” was refused: %s"), data->username, info);
  else
    g_task_return_new_error (task, CB_ERROR, CB_ERROR_NAME_TAKEN,
                             _ ("The name “%s” was refused"), data->username);

  return TRUE;
}

/* The socket's timeout was for connecting; a quiet room is no error. */
static void
lift_timeout (CbSession *session)
{
  GIOStream *stream = cb_session_get_stream (session);
  g_autoptr (GIOStream) base = NULL;

  if (!G_IS_TLS_CONNECTION (stream))
    return;

  g_object_get (stream, "base-io-stream", &base, NULL);
  if (G_IS_SOCKET_CONNECTION (base))
    g_socket_set_timeout (g_socket_connection_get_socket (G_SOCKET_CONNECTION (base)), 0);
}

/* From now on both ends speak what both have announced. */
static void
settle_features (CbSession *session,
                 CbPacket  *welcome,
                 CbFeatures announced)
{
  const char *json = cb_packet_get_extra (welcome, "FEATURES");
  g_autoptr (GError) error = NULL;
  CbFeatures answered = (CbFeatures) 0;

  if (json != NULL && !cb_features_parse (json, &answered, &error))
    g_debug ("The server's features can't be read: %s", error->message);
  cb_session_set_features (session, (CbFeatures) (answered & announced));
}

static void
log_in_receive_cb (GObject      *source,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (CbPacket) packet = NULL;
  g_autoptr (GError) error = NULL;
  const LogInData *data = g_task_get_task_data (task);
  gboolean accepted = FALSE;

  packet = cb_session_receive_finish (CB_SESSION (source), result, &error);
  if (packet == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  if (cb_packet_get_accepted (packet, &accepted) && accepted)
    {
      lift_timeout (CB_SESSION (source));
      settle_features (CB_SESSION (source), packet, data->announced);
    }
  if (!log_in_answer (task, packet))
    cb_session_receive_async (CB_SESSION (source), g_task_get_cancellable (task),
                              log_in_receive_cb, g_object_ref (task));
}

/**
 * cb_connector_log_in_with_async:
 * @self: a connector
 * @session: a session made by it
 * @login: what to say: USERNAME, and what else there is, such as FEATURES
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the server has answered
 * @user_data: data for @callback
 *
 * Asks the server for a name, as [method@Cb.Connector.log_in_async] does. Of
 * the features that the packet announces, those that the server answers are
 * [property@Cb.Session:features] after it.
 */
void
cb_connector_log_in_with_async (CbConnector        *self,
                                CbSession          *session,
                                CbPacket           *login,
                                GCancellable       *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer            user_data)
{
  g_autoptr (GTask) task = NULL;
  const char *features = NULL;
  LogInData *data = NULL;

  g_return_if_fail (CB_IS_CONNECTOR (self));
  g_return_if_fail (CB_IS_SESSION (session));
  g_return_if_fail (login != NULL && cb_packet_get_username (login) != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cb_connector_log_in_with_async);
  data = g_new0 (LogInData, 1);
  data->username = g_strdup (cb_packet_get_username (login));
  g_task_set_task_data (task, data, (GDestroyNotify) log_in_data_free);
  features = cb_packet_get_extra (login, "FEATURES");
  if (features != NULL)
    cb_features_parse (features, &data->announced, NULL);

  /* The answer itself may hold ids; what this end writes stays plain until the answer is here. */
  cb_session_set_features (session, (CbFeatures) (data->announced & CB_FEATURE_MESSAGE_IDS));
  /* A send that fails breaks the receive, too. */
  cb_session_send_async (session, login, NULL, NULL);
  cb_session_receive_async (session, cancellable, log_in_receive_cb, g_steal_pointer (&task));
}

/**
 * cb_connector_log_in_async:
 * @self: a connector
 * @session: a session made by it
 * @username: the name to ask for, in UTF-8
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the server has answered
 * @user_data: data for @callback
 *
 * Asks the server for a name. A refusal leaves the session open: another name
 * can be tried on it.
 */
void
cb_connector_log_in_async (CbConnector        *self,
                           CbSession          *session,
                           const char         *username,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data)
{
  g_autoptr (CbPacket) login = NULL;

  g_return_if_fail (username != NULL);

  login = cb_packet_new ();
  cb_packet_set_username (login, username);
  cb_connector_log_in_with_async (self, session, login, cancellable, callback, user_data);
}

/**
 * cb_connector_log_in_finish:
 * @self: a connector
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Completes [method@Cb.Connector.log_in_async] and
 * [method@Cb.Connector.log_in_with_async].
 *
 * Returns: (transfer full): the accepting answer, with the users who are
 *   online and the messages so far; or %NULL with
 *   [error@Cb.Error.NAME_TAKEN], [error@Cb.Error.UNEXPECTED], or an error of
 *   [method@Cb.Session.receive_async]
 */
CbPacket *
cb_connector_log_in_finish (CbConnector  *self,
                            GAsyncResult *result,
                            GError      **error)
{
  g_return_val_if_fail (CB_IS_CONNECTOR (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, cb_connector_log_in_with_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
