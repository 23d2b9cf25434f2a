/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "tls/cbs-tls-private.h"

#include <errno.h>

/* Both streams belong to the connection, and hold no reference to it: who keeps one of them for
 * longer finds it closed. */

#define CBS_TYPE_TLS_INPUT_STREAM (cbs_tls_input_stream_get_type ())
G_DECLARE_FINAL_TYPE (CbsTlsInputStream, cbs_tls_input_stream, CBS, TLS_INPUT_STREAM, GInputStream)

#define CBS_TYPE_TLS_OUTPUT_STREAM (cbs_tls_output_stream_get_type ())
G_DECLARE_FINAL_TYPE (CbsTlsOutputStream, cbs_tls_output_stream, CBS, TLS_OUTPUT_STREAM, GOutputStream)

struct _CbsTlsInputStream
{
  GInputStream      parent_instance;
  CbsTlsConnection *connection; /* weak */
};

struct _CbsTlsOutputStream
{
  GOutputStream     parent_instance;
  CbsTlsConnection *connection; /* weak */
};

static void cbs_tls_input_stream_iface_init (GPollableInputStreamInterface *iface);
static void cbs_tls_output_stream_iface_init (GPollableOutputStreamInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (CbsTlsInputStream, cbs_tls_input_stream, G_TYPE_INPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_INPUT_STREAM,
                                                      cbs_tls_input_stream_iface_init))
G_DEFINE_FINAL_TYPE_WITH_CODE (CbsTlsOutputStream, cbs_tls_output_stream, G_TYPE_OUTPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_OUTPUT_STREAM,
                                                      cbs_tls_output_stream_iface_init))

/* Holds the connection during a call; NULL with an error if it is gone. */
static CbsTlsConnection *
hold_connection (CbsTlsConnection *connection,
                 GError          **error)
{
  if (connection != NULL)
    return g_object_ref (connection);

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "The connection is closed");
  return NULL;
}

/* Turns the result of the connection's way to that of a stream's. */
static gssize
to_stream_result (GPollableReturn result,
                  gsize           n_bytes,
                  GError        **error)
{
  if (result == G_POLLABLE_RETURN_OK)
    return (gssize) n_bytes;

  if (result == G_POLLABLE_RETURN_WOULD_BLOCK)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, g_strerror (EAGAIN));
  return -1;
}

static GSource *
create_source (gpointer          stream,
               CbsTlsConnection *connection,
               GIOCondition      condition,
               GCancellable     *cancellable)
{
  g_autoptr (GSource) at_once = NULL;

  if (connection != NULL)
    return cbs_tls_source_new (connection, stream, condition, cancellable);

  at_once = g_timeout_source_new (0);
  return g_pollable_source_new_full (stream, at_once, cancellable);
}

static void
cbs_tls_input_stream_dispose (GObject *object)
{
  CbsTlsInputStream *self = CBS_TLS_INPUT_STREAM (object);

  g_clear_weak_pointer (&self->connection);

  G_OBJECT_CLASS (cbs_tls_input_stream_parent_class)->dispose (object);
}

static gssize
cbs_tls_input_stream_read (GInputStream *stream,
                           void         *buffer,
                           gsize         size,
                           GCancellable *cancellable,
                           GError      **error)
{
  g_autoptr (CbsTlsConnection) connection =
    hold_connection (CBS_TLS_INPUT_STREAM (stream)->connection, error);
  GPollableReturn result = G_POLLABLE_RETURN_OK;
  gsize n_read = 0;

  if (connection == NULL)
    return -1;

  for (;;)
    {
      result = cbs_tls_connection_read (connection, buffer, size, &n_read, error);
      if (result != G_POLLABLE_RETURN_WOULD_BLOCK)
        return to_stream_result (result, n_read, error);
      if (!cbs_tls_transport_wait (connection, cancellable, error))
        return -1;
    }
}

/* The connection goes on until it is closed as a whole. */
static gboolean
cbs_tls_input_stream_close (GInputStream *stream,
                            GCancellable *cancellable,
                            GError      **error)
{
  return TRUE;
}

/* Without it GIO would close in a thread. */
static void
cbs_tls_input_stream_close_async (GInputStream       *stream,
                                  int                 io_priority,
                                  GCancellable       *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (stream, cancellable, callback, user_data);

  g_task_set_source_tag (task, cbs_tls_input_stream_close_async);
  g_task_set_priority (task, io_priority);
  g_task_return_boolean (task, TRUE);
}

static gboolean
cbs_tls_input_stream_close_finish (GInputStream *stream,
                                   GAsyncResult *result,
                                   GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, stream), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_tls_input_stream_close_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static gboolean
cbs_tls_input_stream_is_readable (GPollableInputStream *stream)
{
  CbsTlsConnection *connection = CBS_TLS_INPUT_STREAM (stream)->connection;

  return connection == NULL || cbs_tls_connection_is_readable (connection) ||
         g_pollable_input_stream_is_readable (cbs_tls_transport_get_input (connection));
}

static gssize
cbs_tls_input_stream_read_nonblocking (GPollableInputStream *stream,
                                       void                 *buffer,
                                       gsize                 size,
                                       GError              **error)
{
  g_autoptr (CbsTlsConnection) connection =
    hold_connection (CBS_TLS_INPUT_STREAM (stream)->connection, error);
  GPollableReturn result = G_POLLABLE_RETURN_OK;
  gsize n_read = 0;

  if (connection == NULL)
    return -1;
  result = cbs_tls_connection_read (connection, buffer, size, &n_read, error);
  return to_stream_result (result, n_read, error);
}

static GSource *
cbs_tls_input_stream_create_source (GPollableInputStream *stream,
                                    GCancellable         *cancellable)
{
  return create_source (stream, CBS_TLS_INPUT_STREAM (stream)->connection, G_IO_IN, cancellable);
}

static void
cbs_tls_input_stream_iface_init (GPollableInputStreamInterface *iface)
{
  iface->is_readable = cbs_tls_input_stream_is_readable;
  iface->read_nonblocking = cbs_tls_input_stream_read_nonblocking;
  iface->create_source = cbs_tls_input_stream_create_source;
}

static void
cbs_tls_input_stream_class_init (CbsTlsInputStreamClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GInputStreamClass *stream_class = G_INPUT_STREAM_CLASS (klass);

  object_class->dispose = cbs_tls_input_stream_dispose;
  stream_class->read_fn = cbs_tls_input_stream_read;
  stream_class->close_fn = cbs_tls_input_stream_close;
  stream_class->close_async = cbs_tls_input_stream_close_async;
  stream_class->close_finish = cbs_tls_input_stream_close_finish;
}

static void
cbs_tls_input_stream_init (CbsTlsInputStream *self)
{
}

/* Makes the stream that reads from a connection. */
GInputStream *
cbs_tls_input_stream_new (CbsTlsConnection *connection)
{
  CbsTlsInputStream *self = g_object_new (CBS_TYPE_TLS_INPUT_STREAM, NULL);

  g_set_weak_pointer (&self->connection, connection);
  return G_INPUT_STREAM (self);
}

static void
cbs_tls_output_stream_dispose (GObject *object)
{
  CbsTlsOutputStream *self = CBS_TLS_OUTPUT_STREAM (object);

  /* First: GIO closes a stream that is disposed of, and there shall be no bye from there. */
  g_clear_weak_pointer (&self->connection);

  G_OBJECT_CLASS (cbs_tls_output_stream_parent_class)->dispose (object);
}

static gssize
cbs_tls_output_stream_write (GOutputStream *stream,
                             const void    *data,
                             gsize          size,
                             GCancellable  *cancellable,
                             GError       **error)
{
  g_autoptr (CbsTlsConnection) connection =
    hold_connection (CBS_TLS_OUTPUT_STREAM (stream)->connection, error);
  GPollableReturn result = G_POLLABLE_RETURN_OK;
  gsize n_written = 0;

  if (connection == NULL)
    return -1;

  for (;;)
    {
      result = cbs_tls_connection_write (connection, data, size, &n_written, error);
      if (result == G_POLLABLE_RETURN_FAILED)
        return -1;
      if (result == G_POLLABLE_RETURN_OK)
        break;
      if (!(connection->established ? cbs_tls_transport_drain (connection, cancellable, error) :
            cbs_tls_transport_wait (connection, cancellable, error)))
        return -1;
    }

  /* Who lets himself be blocked may close right after it, and close does not wait. */
  return cbs_tls_transport_drain (connection, cancellable, error) ? (gssize) n_written : -1;
}

static gboolean
cbs_tls_output_stream_flush (GOutputStream *stream,
                             GCancellable  *cancellable,
                             GError       **error)
{
  g_autoptr (CbsTlsConnection) connection =
    hold_connection (CBS_TLS_OUTPUT_STREAM (stream)->connection, error);

  return connection != NULL && cbs_tls_transport_drain (connection, cancellable, error);
}

/* Ends our side; the peer may go on. */
static gboolean
cbs_tls_output_stream_close (GOutputStream *stream,
                             GCancellable  *cancellable,
                             GError       **error)
{
  g_autoptr (CbsTlsConnection) connection = NULL;

  if (CBS_TLS_OUTPUT_STREAM (stream)->connection == NULL)
    return TRUE;

  connection = g_object_ref (CBS_TLS_OUTPUT_STREAM (stream)->connection);
  return cbs_tls_connection_bye (connection, error) != G_POLLABLE_RETURN_FAILED &&
         cbs_tls_transport_drain (connection, cancellable, error);
}

/* Goes on with a task that ends when no ciphertext waits; @object is the connection. */
static gboolean
flush_ready_cb (GObject *object,
                gpointer user_data)
{
  GTask *task = user_data;
  GError *error = NULL;

  if (g_task_return_error_if_cancelled (task))
    return G_SOURCE_REMOVE;

  switch (cbs_tls_connection_flush (CBS_TLS_CONNECTION (object), &error))
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
flush_in_task (GTask *task)
{
  CbsTlsConnection *connection = CBS_TLS_OUTPUT_STREAM (g_task_get_source_object (task))->connection;
  g_autoptr (GSource) source = NULL;

  if (connection == NULL)
    {
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CLOSED, "The connection is closed");
      return;
    }
  if (flush_ready_cb (G_OBJECT (connection), task) == G_SOURCE_REMOVE)
    return;

  source = cbs_tls_source_new (connection, connection, G_IO_OUT, g_task_get_cancellable (task));
  g_task_attach_source (task, source, G_SOURCE_FUNC (flush_ready_cb));
}

static void
cbs_tls_output_stream_flush_async (GOutputStream      *stream,
                                   int                 io_priority,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (stream, cancellable, callback, user_data);

  g_task_set_source_tag (task, cbs_tls_output_stream_flush_async);
  g_task_set_priority (task, io_priority);
  flush_in_task (task);
}

static gboolean
cbs_tls_output_stream_flush_finish (GOutputStream *stream,
                                    GAsyncResult  *result,
                                    GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, stream), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_tls_output_stream_flush_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
cbs_tls_output_stream_close_async (GOutputStream      *stream,
                                   int                 io_priority,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data)
{
  CbsTlsConnection *connection = CBS_TLS_OUTPUT_STREAM (stream)->connection;
  g_autoptr (GTask) task = g_task_new (stream, cancellable, callback, user_data);

  g_task_set_source_tag (task, cbs_tls_output_stream_close_async);
  g_task_set_priority (task, io_priority);
  if (connection != NULL)
    cbs_tls_connection_bye (connection, NULL);
  flush_in_task (task);
}

static gboolean
cbs_tls_output_stream_close_finish (GOutputStream *stream,
                                    GAsyncResult  *result,
                                    GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, stream), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_tls_output_stream_close_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* A write takes nothing while ciphertext waits, or the handshake does. */
static gboolean
cbs_tls_output_stream_is_writable (GPollableOutputStream *stream)
{
  CbsTlsConnection *connection = CBS_TLS_OUTPUT_STREAM (stream)->connection;

  return connection == NULL || connection->failure != NULL ||
         (connection->established ?
          g_pollable_output_stream_is_writable (cbs_tls_transport_get_output (connection)) :
          g_pollable_input_stream_is_readable (cbs_tls_transport_get_input (connection)));
}

static gssize
cbs_tls_output_stream_write_nonblocking (GPollableOutputStream *stream,
                                         const void            *data,
                                         gsize                  size,
                                         GError               **error)
{
  g_autoptr (CbsTlsConnection) connection =
    hold_connection (CBS_TLS_OUTPUT_STREAM (stream)->connection, error);
  GPollableReturn result = G_POLLABLE_RETURN_OK;
  gsize n_written = 0;

  if (connection == NULL)
    return -1;
  result = cbs_tls_connection_write (connection, data, size, &n_written, error);
  return to_stream_result (result, n_written, error);
}

static GSource *
cbs_tls_output_stream_create_source (GPollableOutputStream *stream,
                                     GCancellable          *cancellable)
{
  return create_source (stream, CBS_TLS_OUTPUT_STREAM (stream)->connection, G_IO_OUT, cancellable);
}

static void
cbs_tls_output_stream_iface_init (GPollableOutputStreamInterface *iface)
{
  iface->is_writable = cbs_tls_output_stream_is_writable;
  iface->write_nonblocking = cbs_tls_output_stream_write_nonblocking;
  iface->create_source = cbs_tls_output_stream_create_source;
}

static void
cbs_tls_output_stream_class_init (CbsTlsOutputStreamClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GOutputStreamClass *stream_class = G_OUTPUT_STREAM_CLASS (klass);

  object_class->dispose = cbs_tls_output_stream_dispose;
  stream_class->write_fn = cbs_tls_output_stream_write;
  stream_class->flush = cbs_tls_output_stream_flush;
  stream_class->flush_async = cbs_tls_output_stream_flush_async;
  stream_class->flush_finish = cbs_tls_output_stream_flush_finish;
  stream_class->close_fn = cbs_tls_output_stream_close;
  stream_class->close_async = cbs_tls_output_stream_close_async;
  stream_class->close_finish = cbs_tls_output_stream_close_finish;
}

static void
cbs_tls_output_stream_init (CbsTlsOutputStream *self)
{
}

/* Makes the stream that writes to a connection. */
GOutputStream *
cbs_tls_output_stream_new (CbsTlsConnection *connection)
{
  CbsTlsOutputStream *self = g_object_new (CBS_TYPE_TLS_OUTPUT_STREAM, NULL);

  g_set_weak_pointer (&self->connection, connection);
  return G_OUTPUT_STREAM (self);
}
