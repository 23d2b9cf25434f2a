/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "tls/cbs-tls-connection.h"

#include "tls/cbs-tls-private.h"

/* How long an asynchronous close tries to get rid of what was written before. */
#define CLOSE_US (2 * G_USEC_PER_SEC)

/**
 * CbsTlsConnection:
 *
 * The server's end of a TLS connection over any pollable stream, which it
 * closes with itself. Nothing in it waits, or is done in another thread, but
 * what a caller asks to wait for ([method@Gio.TlsConnection.handshake], reads
 * and writes that block).
 *
 * It can be used in two ways, one at a time: as a #GIOStream with streams of
 * its own, made when they are asked for; or, by a loop that watches the base
 * itself, with the calls of this class.
 *
 * The client is asked for a certificate, but needs none, and any will do: it
 * is its key that counts, see [method@Cbs.TlsConnection.get_peer_key_id]. Who
 * wants to be strict sets [property@Gio.TlsConnection:database], or connects
 * to [signal@Gio.TlsConnection::accept-certificate].
 *
 * A connection is used by one thread at a time.
 */
G_DEFINE_FINAL_TYPE_WITH_CODE (CbsTlsConnection, cbs_tls_connection, G_TYPE_TLS_CONNECTION,
                               G_IMPLEMENT_INTERFACE (G_TYPE_TLS_SERVER_CONNECTION, NULL))

enum
{
  PROP_CREDENTIALS = 1,
  N_PROPS,
  PROP_ADVERTISED_PROTOCOLS,
  PROP_AUTHENTICATION_MODE,
  PROP_BASE_IO_STREAM,
  PROP_CERTIFICATE,
  PROP_CIPHERSUITE_NAME,
  PROP_DATABASE,
  PROP_INTERACTION,
  PROP_NEGOTIATED_PROTOCOL,
  PROP_PEER_CERTIFICATE,
  PROP_PEER_CERTIFICATE_ERRORS,
  PROP_PROTOCOL_VERSION,
  PROP_REHANDSHAKE_MODE,
  PROP_REQUIRE_CLOSE_NOTIFY,
  PROP_USE_SYSTEM_CERTDB,
  N_ALL_PROPS
};

static GParamSpec *properties[N_ALL_PROPS];

static const char *const overridden[N_ALL_PROPS] = {
  [PROP_ADVERTISED_PROTOCOLS] = "advertised-protocols",
  [PROP_AUTHENTICATION_MODE] = "authentication-mode",
  [PROP_BASE_IO_STREAM] = "base-io-stream",
  [PROP_CERTIFICATE] = "certificate",
  [PROP_CIPHERSUITE_NAME] = "ciphersuite-name",
  [PROP_DATABASE] = "database",
  [PROP_INTERACTION] = "interaction",
  [PROP_NEGOTIATED_PROTOCOL] = "negotiated-protocol",
  [PROP_PEER_CERTIFICATE] = "peer-certificate",
  [PROP_PEER_CERTIFICATE_ERRORS] = "peer-certificate-errors",
  [PROP_PROTOCOL_VERSION] = "protocol-version",
  [PROP_REHANDSHAKE_MODE] = "rehandshake-mode",
  [PROP_REQUIRE_CLOSE_NOTIFY] = "require-close-notify",
  [PROP_USE_SYSTEM_CERTDB] = "use-system-certdb",
};

/* What has become known when the handshake is done. */
static const guint established_properties[] = {
  PROP_CIPHERSUITE_NAME,
  PROP_NEGOTIATED_PROTOCOL,
  PROP_PEER_CERTIFICATE,
  PROP_PEER_CERTIFICATE_ERRORS,
  PROP_PROTOCOL_VERSION,
};

/* An asynchronous close; owned by its task. */
typedef struct
{
  gint64   deadline_us;
  gboolean is_owed; /* there is more to send than the close_notify, which is a courtesy */
  GError  *error;   /* why that did not leave */
} CloseData;

static void
close_data_free (CloseData *data)
{
  g_clear_error (&data->error);
  g_free (data);
}

/* Makes a certificate of the platform's kind; NULL if it has none, or can't read it. */
static GTlsCertificate *
new_certificate (const gnutls_datum_t *der,
                 GTlsCertificate      *issuer)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  g_byte_array_append (bytes, der->data, der->size);
  return g_initable_new (g_tls_backend_get_certificate_type (g_tls_backend_get_default ()), NULL, NULL,
                         "certificate", bytes, "issuer", issuer, NULL);
}

static GTlsCertificate *
new_chain (const gnutls_datum_t *ders,
           guint                 n_ders)
{
  g_autoptr (GTlsCertificate) certificate = NULL;

  for (guint i = n_ders; i > 0; i--)
    {
      GTlsCertificate *issued = new_certificate (&ders[i - 1], certificate);

      if (issued == NULL)
        return NULL;
      g_clear_object (&certificate);
      certificate = issued;
    }

  return g_steal_pointer (&certificate);
}

static GTlsCertificate *
new_own_certificate (CbsTlsConnection *self)
{
  g_autoptr (GArray) ders = g_array_new (FALSE, FALSE, sizeof (gnutls_datum_t));
  gnutls_datum_t der = { 0 };

  while (cbs_tls_credentials_get_certificate (self->credentials, ders->len, &der))
    g_array_append_val (ders, der);
  return new_chain ((const gnutls_datum_t *) (gpointer) ders->data, ders->len);
}

static GTlsCertificate *
new_peer_certificate (CbsTlsConnection *self)
{
  guint n_ders = 0;
  const gnutls_datum_t *ders = NULL;

  if (self->session != NULL)
    ders = gnutls_certificate_get_peers (self->session, &n_ders);
  return ders != NULL ? new_chain (ders, n_ders) : NULL;
}

/* Decides about the client's certificate. There is a GTlsCertificate of it during the call only,
 * and only if somebody wants to see it. */
gboolean
cbs_tls_connection_judge_peer (CbsTlsConnection *self)
{
  const guint signal_id = g_signal_lookup ("accept-certificate", G_TYPE_TLS_CONNECTION);
  const gboolean has_judge = g_signal_has_handler_pending (self, signal_id, 0, FALSE);
  g_autoptr (GTlsCertificate) certificate = NULL;

  self->peer_certificate_errors = G_TLS_CERTIFICATE_UNKNOWN_CA;
  if (self->database == NULL && !has_judge)
    return TRUE;

  certificate = new_peer_certificate (self);
  if (certificate == NULL)
    return FALSE;
  if (self->database != NULL)
    self->peer_certificate_errors =
      g_tls_database_verify_chain (self->database, certificate,
                                   G_TLS_DATABASE_PURPOSE_AUTHENTICATE_CLIENT, NULL,
                                   self->interaction, G_TLS_DATABASE_VERIFY_NONE, NULL, NULL);

  return self->peer_certificate_errors == 0 ||
         g_tls_connection_emit_accept_certificate (G_TLS_CONNECTION (self), certificate,
                                                   self->peer_certificate_errors);
}

/* Tells of the properties that have their values now. */
void
cbs_tls_connection_notify_established (CbsTlsConnection *self)
{
  for (gsize i = 0; i < G_N_ELEMENTS (established_properties); i++)
    g_object_notify_by_pspec (G_OBJECT (self), properties[established_properties[i]]);
}

static void
cbs_tls_connection_constructed (GObject *object)
{
  CbsTlsConnection *self = CBS_TLS_CONNECTION (object);

  G_OBJECT_CLASS (cbs_tls_connection_parent_class)->constructed (object);

  /* A wrapper's socket is not what its streams are. */
  if (G_IS_SOCKET_CONNECTION (self->base) && !G_IS_TCP_WRAPPER_CONNECTION (self->base))
    self->socket = g_socket_connection_get_socket (G_SOCKET_CONNECTION (self->base));
}

static void
cbs_tls_connection_dispose (GObject *object)
{
  CbsTlsConnection *self = CBS_TLS_CONNECTION (object);

  /* The parent's closes the stream if nobody has. */
  self->disposing = TRUE;
  G_OBJECT_CLASS (cbs_tls_connection_parent_class)->dispose (object);

  g_clear_object (&self->input_stream);
  g_clear_object (&self->output_stream);
  g_clear_object (&self->certificate);
  g_clear_object (&self->peer_certificate);
  g_clear_object (&self->database);
  g_clear_object (&self->interaction);
  self->socket = NULL;
  g_clear_object (&self->base);
}

static void
cbs_tls_connection_finalize (GObject *object)
{
  CbsTlsConnection *self = CBS_TLS_CONNECTION (object);

  g_clear_pointer (&self->session, gnutls_deinit);
  g_clear_pointer (&self->input, g_byte_array_unref);
  g_clear_pointer (&self->output, g_byte_array_unref);
  g_clear_pointer (&self->peer_key_id, g_bytes_unref);
  g_clear_pointer (&self->advertised_protocols, g_strfreev);
  g_clear_pointer (&self->negotiated_protocol, g_free);
  g_clear_error (&self->failure);
  /* The session points into them. */
  g_clear_object (&self->credentials);

  G_OBJECT_CLASS (cbs_tls_connection_parent_class)->finalize (object);
}

static GTlsProtocolVersion
get_protocol_version (CbsTlsConnection *self)
{
  if (!self->established)
    return G_TLS_PROTOCOL_VERSION_UNKNOWN;
  return gnutls_protocol_get_version (self->session) == GNUTLS_TLS1_3 ?
         G_TLS_PROTOCOL_VERSION_TLS_1_3 : G_TLS_PROTOCOL_VERSION_TLS_1_2;
}

/* g_tls_connection_get_certificate() and the like hand out what the property gives without a
 * reference: so it has to be kept. */
static void
get_certificate (CbsTlsConnection *self,
                 GTlsCertificate **kept,
                 GTlsCertificate *(*make)(CbsTlsConnection *self),
                 GValue           *value)
{
  if (*kept == NULL)
    *kept = make (self);
  g_value_set_object (value, *kept);
}

static void
cbs_tls_connection_get_property (GObject    *object,
                                 guint       prop_id,
                                 GValue     *value,
                                 GParamSpec *pspec)
{
  CbsTlsConnection *self = CBS_TLS_CONNECTION (object);

  switch (prop_id)
    {
    case PROP_CREDENTIALS:
      g_value_set_object (value, self->credentials);
      break;
    case PROP_ADVERTISED_PROTOCOLS:
      g_value_set_boxed (value, self->advertised_protocols);
      break;
    case PROP_AUTHENTICATION_MODE:
      g_value_set_enum (value, (int) self->authentication_mode);
      break;
    case PROP_BASE_IO_STREAM:
      g_value_set_object (value, self->base);
      break;
    case PROP_CERTIFICATE:
      get_certificate (self, &self->certificate, new_own_certificate, value);
      break;
    case PROP_CIPHERSUITE_NAME:
      g_value_set_string (value, self->established ? gnutls_ciphersuite_get (self->session) : NULL);
      break;
    case PROP_DATABASE:
      g_value_set_object (value, self->database);
      break;
    case PROP_INTERACTION:
      g_value_set_object (value, self->interaction);
      break;
    case PROP_NEGOTIATED_PROTOCOL:
      g_value_set_string (value, self->negotiated_protocol);
      break;
    case PROP_PEER_CERTIFICATE:
      get_certificate (self, &self->peer_certificate, new_peer_certificate, value);
      break;
    case PROP_PEER_CERTIFICATE_ERRORS:
      g_value_set_flags (value, self->peer_certificate_errors);
      break;
    case PROP_PROTOCOL_VERSION:
      g_value_set_enum (value, (int) get_protocol_version (self));
      break;
    case PROP_REQUIRE_CLOSE_NOTIFY:
      g_value_set_boolean (value, self->require_close_notify);
      break;
    case PROP_REHANDSHAKE_MODE:
    case PROP_USE_SYSTEM_CERTDB:
      /* Neither is ever done: the least of each is the truth. */
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
cbs_tls_connection_set_property (GObject      *object,
                                 guint         prop_id,
                                 const GValue *value,
                                 GParamSpec   *pspec)
{
  CbsTlsConnection *self = CBS_TLS_CONNECTION (object);

  switch (prop_id)
    {
    case PROP_CREDENTIALS:
      self->credentials = g_value_dup_object (value);
      break;
    case PROP_ADVERTISED_PROTOCOLS:
      g_strfreev (self->advertised_protocols);
      self->advertised_protocols = g_value_dup_boxed (value);
      break;
    case PROP_AUTHENTICATION_MODE:
      self->authentication_mode = (GTlsAuthenticationMode) g_value_get_enum (value);
      break;
    case PROP_BASE_IO_STREAM:
      self->base = g_value_dup_object (value);
      break;
    case PROP_CERTIFICATE:
      g_critical ("The certificate of a %s is that of its credentials", G_OBJECT_TYPE_NAME (self));
      break;
    case PROP_DATABASE:
      g_set_object (&self->database, g_value_get_object (value));
      break;
    case PROP_INTERACTION:
      g_set_object (&self->interaction, g_value_get_object (value));
      break;
    case PROP_REQUIRE_CLOSE_NOTIFY:
      self->require_close_notify = g_value_get_boolean (value) != FALSE;
      break;
    case PROP_REHANDSHAKE_MODE:
    case PROP_USE_SYSTEM_CERTDB:
      /* Both are deprecated, and set by each construction. */
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static GInputStream *
cbs_tls_connection_get_input_stream (GIOStream *stream)
{
  CbsTlsConnection *self = CBS_TLS_CONNECTION (stream);

  if (self->input_stream == NULL)
    self->input_stream = cbs_tls_input_stream_new (self);
  return self->input_stream;
}

static GOutputStream *
cbs_tls_connection_get_output_stream (GIOStream *stream)
{
  CbsTlsConnection *self = CBS_TLS_CONNECTION (stream);

  if (self->output_stream == NULL)
    self->output_stream = cbs_tls_output_stream_new (self);
  return self->output_stream;
}

/* From here on whatever is asked of the connection fails. */
static void
set_closed (CbsTlsConnection *self)
{
  cbs_tls_transport_fail (self, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED,
                                                     "The connection is closed"), NULL);
}

/* Does not wait: what the base does not take at once is lost. Who wants it delivered flushes
 * first, or closes asynchronously. */
static gboolean
cbs_tls_connection_close (GIOStream    *stream,
                          GCancellable *cancellable,
                          GError      **error)
{
  CbsTlsConnection *self = CBS_TLS_CONNECTION (stream);

  /* Disposed of before it was constructed. */
  if (self->base == NULL)
    return TRUE;

  if (!self->disposing)
    cbs_tls_connection_bye (self, NULL);
  set_closed (self);
  return g_io_stream_close (self->base, cancellable, error);
}

static void
close_base_cb (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  CloseData *data = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_io_stream_close_finish (G_IO_STREAM (source), result, &error) && data->error == NULL)
    data->error = g_steal_pointer (&error);
  g_clear_error (&error);

  if (data->error != NULL)
    g_task_return_error (task, g_steal_pointer (&data->error));
  else
    g_task_return_boolean (task, TRUE);
}

static void
close_base (GTask *task)
{
  CbsTlsConnection *self = g_task_get_source_object (task);

  set_closed (self);
  g_io_stream_close_async (self->base, g_task_get_priority (task), NULL, close_base_cb,
                           g_object_ref (task));
}

/* Closes as soon as all that was written is out, or there is no more hope for it. */
static gboolean
close_ready_cb (GObject *object,
                gpointer user_data)
{
  CbsTlsConnection *self = CBS_TLS_CONNECTION (object);
  GTask *task = user_data;
  CloseData *data = g_task_get_task_data (task);

  if (!g_cancellable_is_cancelled (g_task_get_cancellable (task)) &&
      cbs_tls_connection_flush (self, data->is_owed ? &data->error : NULL) == G_POLLABLE_RETURN_WOULD_BLOCK)
    {
      if (g_get_monotonic_time () < data->deadline_us)
        return G_SOURCE_CONTINUE;
      g_set_error_literal (data->is_owed ? &data->error : NULL, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                           "The peer does not take what was sent to it");
    }

  close_base (task);
  return G_SOURCE_REMOVE;
}

static void
cbs_tls_connection_close_async (GIOStream          *stream,
                                int                 io_priority,
                                GCancellable       *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer            user_data)
{
  CbsTlsConnection *self = CBS_TLS_CONNECTION (stream);
  g_autoptr (GTask) task = g_task_new (stream, cancellable, callback, user_data);
  g_autoptr (GSource) source = NULL;
  CloseData *data = g_new0 (CloseData, 1);

  g_task_set_source_tag (task, cbs_tls_connection_close_async);
  g_task_set_priority (task, io_priority);
  g_task_set_task_data (task, data, (GDestroyNotify) close_data_free);
  data->deadline_us = g_get_monotonic_time () + CLOSE_US;

  if (self->failure != NULL)
    {
      close_base (task);
      return;
    }
  data->is_owed = self->output != NULL;
  cbs_tls_connection_bye (self, NULL);
  if (close_ready_cb (G_OBJECT (self), task) == G_SOURCE_REMOVE)
    return;

  source = cbs_tls_source_new (self, self, G_IO_OUT, cancellable);
  g_source_set_ready_time (source, data->deadline_us);
  g_task_attach_source (task, source, G_SOURCE_FUNC (close_ready_cb));
}

static gboolean
cbs_tls_connection_close_finish (GIOStream    *stream,
                                 GAsyncResult *result,
                                 GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, stream), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_tls_connection_close_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static gboolean
cbs_tls_connection_handshake (GTlsConnection *connection,
                              GCancellable   *cancellable,
                              GError        **error)
{
  CbsTlsConnection *self = CBS_TLS_CONNECTION (connection);

  for (;;)
    {
      switch (cbs_tls_connection_advance (self, error))
        {
        case G_POLLABLE_RETURN_OK:
          return cbs_tls_transport_drain (self, cancellable, error);
        case G_POLLABLE_RETURN_WOULD_BLOCK:
          if (!cbs_tls_transport_wait (self, cancellable, error))
            return FALSE;
          break;
        case G_POLLABLE_RETURN_FAILED:
        default:
          return FALSE;
        }
    }
}

/* Done when the last flight is out as well: who only reads from now on need not see to it. */
static gboolean
handshake_ready_cb (GObject *object,
                    gpointer user_data)
{
  CbsTlsConnection *self = CBS_TLS_CONNECTION (object);
  GTask *task = user_data;
  GError *error = NULL;
  GPollableReturn result = G_POLLABLE_RETURN_OK;

  if (g_task_return_error_if_cancelled (task))
    return G_SOURCE_REMOVE;

  result = cbs_tls_connection_advance (self, &error);
  if (result == G_POLLABLE_RETURN_OK)
    result = cbs_tls_connection_flush (self, &error);

  switch (result)
    {
    case G_POLLABLE_RETURN_OK:
      g_task_return_boolean (task, TRUE);
      return G_SOURCE_REMOVE;
    case G_POLLABLE_RETURN_WOULD_BLOCK:
      return G_SOURCE_CONTINUE;
    case G_POLLABLE_RETURN_FAILED:
    default:
      g_task_return_error (task, error);
      return G_SOURCE_REMOVE;
    }
}

static void
cbs_tls_connection_handshake_async (GTlsConnection     *connection,
                                    int                 io_priority,
                                    GCancellable       *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer            user_data)
{
  CbsTlsConnection *self = CBS_TLS_CONNECTION (connection);
  g_autoptr (GTask) task = g_task_new (connection, cancellable, callback, user_data);
  g_autoptr (GSource) source = NULL;

  g_task_set_source_tag (task, cbs_tls_connection_handshake_async);
  g_task_set_priority (task, io_priority);
  if (handshake_ready_cb (G_OBJECT (self), task) == G_SOURCE_REMOVE)
    return;

  source = cbs_tls_source_new (self, self, G_IO_OUT, cancellable);
  g_task_attach_source (task, source, G_SOURCE_FUNC (handshake_ready_cb));
}

static gboolean
cbs_tls_connection_handshake_finish (GTlsConnection *connection,
                                     GAsyncResult   *result,
                                     GError        **error)
{
  g_return_val_if_fail (g_task_is_valid (result, connection), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_tls_connection_handshake_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static GTlsChannelBindingError
to_binding_error (int code)
{
  switch (code)
    {
    case GNUTLS_E_CHANNEL_BINDING_NOT_AVAILABLE:
      return G_TLS_CHANNEL_BINDING_ERROR_NOT_AVAILABLE;
    case GNUTLS_E_UNIMPLEMENTED_FEATURE:
      return G_TLS_CHANNEL_BINDING_ERROR_NOT_SUPPORTED;
    default:
      return G_TLS_CHANNEL_BINDING_ERROR_GENERAL_ERROR;
    }
}

/* Of tls-exporter, tls-server-end-point and tls-unique; the last does not exist in TLS 1.3. */
static gboolean
cbs_tls_connection_get_binding_data (GTlsConnection        *connection,
                                     GTlsChannelBindingType type,
                                     GByteArray            *data,
                                     GError               **error)
{
  static const gnutls_channel_binding_t types[] = {
    [G_TLS_CHANNEL_BINDING_TLS_UNIQUE] = GNUTLS_CB_TLS_UNIQUE,
    [G_TLS_CHANNEL_BINDING_TLS_SERVER_END_POINT] = GNUTLS_CB_TLS_SERVER_END_POINT,
    [G_TLS_CHANNEL_BINDING_TLS_EXPORTER] = GNUTLS_CB_TLS_EXPORTER,
  };
  CbsTlsConnection *self = CBS_TLS_CONNECTION (connection);
  gnutls_datum_t binding = { 0 };
  int ret = 0;

  g_return_val_if_fail ((guint) type < G_N_ELEMENTS (types), FALSE);

  if (!self->established)
    {
      g_set_error_literal (error, G_TLS_CHANNEL_BINDING_ERROR, G_TLS_CHANNEL_BINDING_ERROR_INVALID_STATE,
                           "The handshake is not done");
      return FALSE;
    }

  ret = gnutls_session_channel_binding (self->session, types[type], &binding);
  if (ret < 0)
    {
      g_set_error_literal (error, G_TLS_CHANNEL_BINDING_ERROR, (int) to_binding_error (ret),
                           gnutls_strerror (ret));
      return FALSE;
    }

  if (data != NULL)
    {
      g_byte_array_set_size (data, 0);
      g_byte_array_append (data, binding.data, binding.size);
    }
  gnutls_free (binding.data);
  return TRUE;
}

static const char *
cbs_tls_connection_get_negotiated_protocol (GTlsConnection *connection)
{
  return CBS_TLS_CONNECTION (connection)->negotiated_protocol;
}

static void
cbs_tls_connection_class_init (CbsTlsConnectionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GIOStreamClass *stream_class = G_IO_STREAM_CLASS (klass);
  GTlsConnectionClass *connection_class = G_TLS_CONNECTION_CLASS (klass);

  object_class->constructed = cbs_tls_connection_constructed;
  object_class->dispose = cbs_tls_connection_dispose;
  object_class->finalize = cbs_tls_connection_finalize;
  object_class->get_property = cbs_tls_connection_get_property;
  object_class->set_property = cbs_tls_connection_set_property;

  stream_class->get_input_stream = cbs_tls_connection_get_input_stream;
  stream_class->get_output_stream = cbs_tls_connection_get_output_stream;
  stream_class->close_fn = cbs_tls_connection_close;
  stream_class->close_async = cbs_tls_connection_close_async;
  stream_class->close_finish = cbs_tls_connection_close_finish;

  connection_class->handshake = cbs_tls_connection_handshake;
  connection_class->handshake_async = cbs_tls_connection_handshake_async;
  connection_class->handshake_finish = cbs_tls_connection_handshake_finish;
  connection_class->get_binding_data = cbs_tls_connection_get_binding_data;
  connection_class->get_negotiated_protocol = cbs_tls_connection_get_negotiated_protocol;

  /**
   * CbsTlsConnection:credentials:
   *
   * What the server shows to the client.
   */
  properties[PROP_CREDENTIALS] =
    g_param_spec_object ("credentials", NULL, NULL, CBS_TYPE_TLS_CREDENTIALS,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
  for (guint i = N_PROPS + 1; i < N_ALL_PROPS; i++)
    {
      g_object_class_override_property (object_class, i, overridden[i]);
      properties[i] = g_object_class_find_property (object_class, overridden[i]);
    }
}

static void
cbs_tls_connection_init (CbsTlsConnection *self)
{
  self->authentication_mode = G_TLS_AUTHENTICATION_REQUESTED;
}

/**
 * cbs_tls_connection_new:
 * @base: a stream, both sides of which can be polled; a #GSocketConnection is
 *   read and written without a detour
 * @credentials: what the server shows
 *
 * Creates the server's end of a connection. Nothing is read or written until
 * asked, and a peer that just breaks off needs no close_notify
 * ([property@Gio.TlsConnection:require-close-notify] is off).
 *
 * Returns: (transfer full): a connection
 */
CbsTlsConnection *
cbs_tls_connection_new (GIOStream         *base,
                        CbsTlsCredentials *credentials)
{
  g_return_val_if_fail (G_IS_IO_STREAM (base), NULL);
  g_return_val_if_fail (CBS_IS_TLS_CREDENTIALS (credentials), NULL);

  return g_object_new (CBS_TYPE_TLS_CONNECTION,
                       "base-io-stream", base,
                       "credentials", credentials,
                       "require-close-notify", FALSE,
                       NULL);
}
