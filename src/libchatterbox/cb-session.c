/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-session.h"

#include "libchatterbox/cb-error.h"
#include "libchatterbox/cb-frame.h"

#define READ_SIZE (32 * 1024)
#define DEFAULT_MAX_FRAME (64u * 1024 * 1024)
#define DEFAULT_MAX_QUEUE (4u * 1024 * 1024)

/* A read in flight: it may outlive the receive that began it, and the session. */
typedef struct
{
  GWeakRef session;
  guint8   bytes[READ_SIZE];
} Read;

/**
 * CbSession:
 *
 * One end of a Chatterbox conversation: packets over a byte stream.
 *
 * What is sent is queued and leaves in order; a send completes when the stream
 * has taken its frame, so who waits for it goes as fast as the peer reads. One
 * receive may be in flight beside any number of sends.
 *
 * A session belongs to the thread-default main context it was created in.
 */
struct _CbSession
{
  GObject       parent_instance;
  GIOStream    *stream;
  guint         max_queue; /* bytes */
  CbFeatures    features;  /* what both ends have announced */

  CbFrameReader reader;
  Read         *input;     /* what was read last, until all of it is taken */
  const guint8 *unread;    /* within input */
  gsize         n_unread;
  GCancellable *read_cancellable; /* only closing cancels a read */
  GTask        *receive_task;
  GSource      *receive_cancel_source;
  GError       *receive_error; /* why nothing that comes can be read any more */

  GQueue        queue;  /* of GTask with its frame: not yet handed to the stream */
  gsize         queued; /* bytes in the queue and in flight */
  GPtrArray    *flight; /* of GTask: being written, or NULL */
  GByteArray   *output; /* the frames of the flight */
  GCancellable *send_cancellable;
  GError       *send_error; /* why the stream takes nothing any more */

  GTask        *close_task;
  gulong        close_cancelled_id;
  guint         reading : 1; /* a read is in flight */
  guint         closed  : 1; /* the stream is closing or closed */
};

G_DEFINE_FINAL_TYPE (CbSession, cb_session, G_TYPE_OBJECT)

enum
{
  PROP_STREAM = 1,
  PROP_MAX_FRAME,
  PROP_MAX_QUEUE,
  PROP_FEATURES,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void
read_free (Read *read)
{
  g_weak_ref_clear (&read->session);
  g_free (read);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Read, read_free)

static void
clear_source (GSource **source)
{
  if (*source != NULL)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
cb_session_dispose (GObject *object)
{
  CbSession *self = CB_SESSION (object);

  if (self->read_cancellable != NULL)
    g_cancellable_cancel (self->read_cancellable);
  g_clear_object (&self->stream);
  g_clear_object (&self->read_cancellable);
  g_clear_object (&self->send_cancellable);
  clear_source (&self->receive_cancel_source);
  g_queue_clear_full (&self->queue, g_object_unref);

  G_OBJECT_CLASS (cb_session_parent_class)->dispose (object);
}

static void
cb_session_finalize (GObject *object)
{
  CbSession *self = CB_SESSION (object);

  cb_frame_reader_clear (&self->reader);
  g_clear_pointer (&self->input, read_free);
  g_clear_pointer (&self->output, g_byte_array_unref);
  g_clear_error (&self->receive_error);
  g_clear_error (&self->send_error);

  G_OBJECT_CLASS (cb_session_parent_class)->finalize (object);
}

static void
cb_session_get_property (GObject    *object,
                         guint       prop_id,
                         GValue     *value,
                         GParamSpec *pspec)
{
  CbSession *self = CB_SESSION (object);

  switch (prop_id)
    {
    case PROP_STREAM:
      g_value_set_object (value, self->stream);
      break;
    case PROP_MAX_FRAME:
      g_value_set_uint (value, cb_session_get_max_frame (self));
      break;
    case PROP_MAX_QUEUE:
      g_value_set_uint (value, cb_session_get_max_queue (self));
      break;
    case PROP_FEATURES:
      g_value_set_uint (value, cb_session_get_features (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
cb_session_set_property (GObject      *object,
                         guint         prop_id,
                         const GValue *value,
                         GParamSpec   *pspec)
{
  CbSession *self = CB_SESSION (object);

  switch (prop_id)
    {
    case PROP_STREAM:
      self->stream = g_value_dup_object (value);
      break;
    case PROP_MAX_FRAME:
      cb_session_set_max_frame (self, g_value_get_uint (value));
      break;
    case PROP_MAX_QUEUE:
      cb_session_set_max_queue (self, g_value_get_uint (value));
      break;
    case PROP_FEATURES:
      cb_session_set_features (self, (CbFeatures) g_value_get_uint (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
cb_session_class_init (CbSessionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = cb_session_dispose;
  object_class->finalize = cb_session_finalize;
  object_class->get_property = cb_session_get_property;
  object_class->set_property = cb_session_set_property;

  /**
   * CbSession:stream: (getter get_stream)
   *
   * The byte stream that the session speaks over; it closes the stream.
   */
  properties[PROP_STREAM] =
    g_param_spec_object ("stream", NULL, NULL,
                         G_TYPE_IO_STREAM,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * CbSession:max-frame: (getter get_max_frame) (setter set_max_frame)
   *
   * Largest payload accepted from the peer, in bytes.
   */
  properties[PROP_MAX_FRAME] =
    g_param_spec_uint ("max-frame", NULL, NULL,
                       1, G_MAXUINT, DEFAULT_MAX_FRAME,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT |
                       G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * CbSession:max-queue: (getter get_max_queue) (setter set_max_queue)
   *
   * Most bytes that may wait to be sent; a send beyond that fails.
   */
  properties[PROP_MAX_QUEUE] =
    g_param_spec_uint ("max-queue", NULL, NULL,
                       1, G_MAXUINT, DEFAULT_MAX_QUEUE,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT |
                       G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * CbSession:features: (getter get_features) (setter set_features)
   *
   * What both ends have announced to each other, of [flags@Cb.Features]: what
   * comes is read, and what goes is written, by it.
   */
  properties[PROP_FEATURES] =
    g_param_spec_uint ("features", NULL, NULL,
                       0, CB_FEATURES_ALL, 0,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT |
                       G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
cb_session_init (CbSession *self)
{
  g_queue_init (&self->queue);
  self->read_cancellable = g_cancellable_new ();
  self->send_cancellable = g_cancellable_new ();
}

/**
 * cb_session_new:
 * @stream: a connected stream
 *
 * Creates a session; nothing is read or written until asked.
 *
 * Returns: (transfer full): a new session over @stream
 */
CbSession *
cb_session_new (GIOStream *stream)
{
  g_return_val_if_fail (G_IS_IO_STREAM (stream), NULL);

  return g_object_new (CB_TYPE_SESSION, "stream", stream, NULL);
}

/**
 * cb_session_get_stream:
 * @self: a session
 *
 * Gets the stream that the session speaks over.
 *
 * Returns: (transfer none): the stream
 */
GIOStream *
cb_session_get_stream (CbSession *self)
{
  g_return_val_if_fail (CB_IS_SESSION (self), NULL);

  return self->stream;
}

/**
 * cb_session_get_max_frame:
 * @self: a session
 *
 * Gets the limit set with [method@Cb.Session.set_max_frame].
 *
 * Returns: the largest accepted payload, in bytes
 */
guint
cb_session_get_max_frame (CbSession *self)
{
  g_return_val_if_fail (CB_IS_SESSION (self), 0);

  return (guint) self->reader.max_len;
}

/**
 * cb_session_set_max_frame:
 * @self: a session
 * @max_frame: a limit in bytes, at least 1
 *
 * Takes effect with the next frame.
 */
void
cb_session_set_max_frame (CbSession *self,
                          guint      max_frame)
{
  g_return_if_fail (CB_IS_SESSION (self));
  g_return_if_fail (max_frame > 0);

  if (self->reader.max_len == max_frame)
    return;

  self->reader.max_len = max_frame;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_MAX_FRAME]);
}

/**
 * cb_session_get_max_queue:
 * @self: a session
 *
 * Gets the limit set with [method@Cb.Session.set_max_queue].
 *
 * Returns: most bytes that may wait to be sent
 */
guint
cb_session_get_max_queue (CbSession *self)
{
  g_return_val_if_fail (CB_IS_SESSION (self), 0);

  return self->max_queue;
}

/**
 * cb_session_set_max_queue:
 * @self: a session
 * @max_queue: a limit in bytes, at least 1
 *
 * Takes effect with the next send; what waits already is kept.
 */
void
cb_session_set_max_queue (CbSession *self,
                          guint      max_queue)
{
  g_return_if_fail (CB_IS_SESSION (self));
  g_return_if_fail (max_queue > 0);

  if (self->max_queue == max_queue)
    return;

  self->max_queue = max_queue;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_MAX_QUEUE]);
}

/**
 * cb_session_get_features:
 * @self: a session
 *
 * Gets what both ends have announced.
 *
 * Returns: the features; 0 for the base protocol
 */
CbFeatures
cb_session_get_features (CbSession *self)
{
  g_return_val_if_fail (CB_IS_SESSION (self), (CbFeatures) 0);

  return self->features;
}

/**
 * cb_session_set_features:
 * @self: a session
 * @features: what both ends have announced
 *
 * Takes effect with the next packet in either direction.
 */
void
cb_session_set_features (CbSession *self,
                         CbFeatures features)
{
  g_return_if_fail (CB_IS_SESSION (self));

  if (self->features == features)
    return;

  self->features = features;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_FEATURES]);
}

static void
close_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;

  /* Cancelled, it is closed all the same, without the farewell that the peer might not read. */
  if (g_io_stream_close_finish (G_IO_STREAM (source), result, &error) ||
      g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

/* Closes the stream once nothing is under way on it. */
static void
close_when_idle (CbSession *self)
{
  GTask *task = self->close_task;

  if (task == NULL || self->closed || self->flight != NULL || self->queue.length > 0)
    return;
  if (self->reading)
    {
      g_cancellable_cancel (self->read_cancellable);
      return;
    }

  self->closed = TRUE;
  self->close_task = NULL;
  g_cancellable_disconnect (g_task_get_cancellable (task), self->close_cancelled_id);
  /* TLS says good-bye, and would wait for ever for a peer that reads nothing. */
  g_io_stream_close_async (self->stream, g_task_get_priority (task), g_task_get_cancellable (task),
                           close_cb, task);
}

static void
receive_return (CbSession *self,
                CbPacket  *packet,
                GError    *error)
{
  g_autoptr (GTask) task = g_steal_pointer (&self->receive_task);

  clear_source (&self->receive_cancel_source);
  if (packet != NULL)
    g_task_return_pointer (task, packet, (GDestroyNotify) cb_packet_unref);
  else
    g_task_return_error (task, error);
}

/* Takes a packet out of the input; TRUE if the receive in flight was answered. */
static gboolean
receive_from_input (CbSession *self)
{
  CbPacket *packet = NULL;
  GError *error = NULL;
  const char *payload = NULL;
  gsize len = 0;

  if (!cb_frame_reader_take (&self->reader, &self->unread, &self->n_unread, &payload, &len, &error))
    {
      self->receive_error = g_error_copy (error);
      self->n_unread = 0;
    }
  else if (payload != NULL)
    packet = cb_packet_parse_with (payload, len, self->features, &error);

  /* The payload may lie in the input; what is left of it stays for the next receive. */
  if (self->n_unread == 0)
    g_clear_pointer (&self->input, read_free);
  if (packet == NULL && error == NULL)
    return FALSE;

  receive_return (self, packet, error);
  return TRUE;
}

static void
read_input (CbSession          *self,
            GAsyncReadyCallback callback)
{
  Read *read = NULL;

  if (self->reading)
    return;

  read = g_new (Read, 1);
  g_weak_ref_init (&read->session, self);
  self->reading = TRUE;
  g_input_stream_read_async (g_io_stream_get_input_stream (self->stream),
                             read->bytes, sizeof read->bytes,
                             g_task_get_priority (self->receive_task),
                             self->read_cancellable,
                             callback, read);
}

static GError *
make_end_error (CbSession *self)
{
  return cb_frame_reader_is_started (&self->reader)
         ? g_error_new_literal (G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                                "The peer closed the connection within a frame")
         : g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED,
                                "The peer closed the connection");
}

static void
read_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (Read) read = user_data;
  g_autoptr (CbSession) self = g_weak_ref_get (&read->session);
  GError *error = NULL;
  const gssize n_read = g_input_stream_read_finish (G_INPUT_STREAM (source), result, &error);

  if (self == NULL)
    {
      g_clear_error (&error);
      return;
    }

  self->reading = FALSE;
  if (n_read == 0)
    error = make_end_error (self);

  if (n_read > 0)
    {
      self->unread = read->bytes;
      self->n_unread = (gsize) n_read;
      self->input = g_steal_pointer (&read);
      if (self->receive_task != NULL && !receive_from_input (self))
        read_input (self, read_cb);
    }
  else if (self->receive_task != NULL)
    receive_return (self, NULL, error);
  else
    self->receive_error = error;

  close_when_idle (self);
}

/* The read goes on: GIO drops what a cancelled one brings. */
static gboolean
receive_cancelled_cb (GCancellable *cancellable,
                      gpointer      user_data)
{
  receive_return (user_data, NULL,
                  g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The receive was cancelled"));
  return G_SOURCE_REMOVE;
}

static void
watch_receive_cancellable (CbSession *self)
{
  GCancellable *cancellable = g_task_get_cancellable (self->receive_task);

  if (cancellable == NULL)
    return;

  self->receive_cancel_source = g_cancellable_source_new (cancellable);
  g_source_set_static_name (self->receive_cancel_source, "chatterbox-receive-cancel");
  g_source_set_priority (self->receive_cancel_source, g_task_get_priority (self->receive_task));
  g_source_set_callback (self->receive_cancel_source, G_SOURCE_FUNC (receive_cancelled_cb), self, NULL);
  g_source_attach (self->receive_cancel_source, g_task_get_context (self->receive_task));
}

/**
 * cb_session_receive_async:
 * @self: a session
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when a packet is complete
 * @user_data: data for @callback
 *
 * Reads one packet. A receive that was cancelled loses nothing: the next one
 * goes on where it stood.
 */
void
cb_session_receive_async (CbSession          *self,
                          GCancellable       *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer            user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (CB_IS_SESSION (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cb_session_receive_async);

  if (self->receive_task != NULL)
    {
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_PENDING,
                               "A receive is already in flight");
      return;
    }
  if (self->closed || self->close_task != NULL)
    {
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CLOSED, "The session is closed");
      return;
    }
  if (g_task_return_error_if_cancelled (task))
    return;
  if (self->receive_error != NULL)
    {
      g_task_return_error (task, g_error_copy (self->receive_error));
      return;
    }

  /* A packet that was taken is returned even if the receive was cancelled meanwhile. */
  g_task_set_check_cancellable (task, FALSE);
  self->receive_task = g_steal_pointer (&task);
  watch_receive_cancellable (self);
  if (self->n_unread == 0 || !receive_from_input (self))
    read_input (self, read_cb);
}

/**
 * cb_session_receive_finish:
 * @self: a session
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Completes [method@Cb.Session.receive_async].
 *
 * Returns: (transfer full): a packet; or %NULL with
 *   [error@Cb.Error.MALFORMED] (the next receive goes on behind that frame),
 *   [error@Cb.Error.TOO_LARGE], %G_IO_ERROR_CONNECTION_CLOSED (the peer left),
 *   %G_IO_ERROR_PARTIAL_INPUT (it left within a frame), %G_IO_ERROR_PENDING,
 *   %G_IO_ERROR_CLOSED, %G_IO_ERROR_CANCELLED, or an error of the stream
 */
CbPacket *
cb_session_receive_finish (CbSession    *self,
                           GAsyncResult *result,
                           GError      **error)
{
  g_return_val_if_fail (CB_IS_SESSION (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, cb_session_receive_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
fail_queue (CbSession *self)
{
  GTask *task = NULL;

  while ((task = g_queue_pop_head (&self->queue)) != NULL)
    {
      g_task_return_error (task, g_error_copy (self->send_error));
      g_object_unref (task);
    }
  self->queued = 0;
}

/* All that waits leaves in one write: small frames share a TLS record and a packet. */
static void
write_queue (CbSession          *self,
             GAsyncReadyCallback callback)
{
  GTask *task = NULL;

  if (self->flight != NULL || self->queue.length == 0)
    return;

  self->flight = g_ptr_array_new_with_free_func (g_object_unref);
  self->output = g_byte_array_new ();
  while ((task = g_queue_pop_head (&self->queue)) != NULL)
    {
      gsize len = 0;
      const guint8 *frame = g_bytes_get_data (g_task_get_task_data (task), &len);

      g_byte_array_append (self->output, frame, (guint) len);
      g_ptr_array_add (self->flight, task);
    }

  g_output_stream_write_all_async (g_io_stream_get_output_stream (self->stream),
                                   self->output->data, self->output->len,
                                   G_PRIORITY_DEFAULT, self->send_cancellable,
                                   callback, g_object_ref (self));
}

static void
write_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_autoptr (CbSession) self = user_data;
  g_autoptr (GPtrArray) flight = g_steal_pointer (&self->flight);

  g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, &self->send_error);
  self->queued -= self->output->len;
  g_clear_pointer (&self->output, g_byte_array_unref);

  for (guint i = 0; i < flight->len; i++)
    {
      GTask *task = g_ptr_array_index (flight, i);

      if (self->send_error == NULL)
        g_task_return_boolean (task, TRUE);
      else
        g_task_return_error (task, g_error_copy (self->send_error));
    }

  if (self->send_error != NULL)
    fail_queue (self);
  write_queue (self, write_cb);
  close_when_idle (self);
}

/**
 * cb_session_send_async:
 * @self: a session
 * @packet: a packet; it is written at once, later changes do not matter
 * @callback: (scope async) (nullable): called when the stream has taken it
 * @user_data: data for @callback
 *
 * Queues a packet behind those that were sent before.
 */
void
cb_session_send_async (CbSession          *self,
                       CbPacket           *packet,
                       GAsyncReadyCallback callback,
                       gpointer            user_data)
{
  g_autoptr (GTask) task = NULL;
  GBytes *frame = NULL;
  gsize len = 0;

  g_return_if_fail (CB_IS_SESSION (self));
  g_return_if_fail (packet != NULL);

  task = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (task, cb_session_send_async);

  if (self->send_error != NULL)
    {
      g_task_return_error (task, g_error_copy (self->send_error));
      return;
    }
  if (self->closed || self->close_task != NULL)
    {
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CLOSED, "The session is closed");
      return;
    }

  frame = cb_packet_to_frame (packet, self->features & CB_FEATURE_UTF8 ? CB_JSON_UTF8 : CB_JSON_ASCII);
  g_task_set_task_data (task, frame, (GDestroyNotify) g_bytes_unref);
  len = g_bytes_get_size (frame);
  if (len > self->max_queue || self->queued > self->max_queue - len)
    {
      g_task_return_new_error (task, CB_ERROR, CB_ERROR_TOO_LARGE,
                               "%" G_GSIZE_FORMAT " bytes wait to be sent; "
                               "%" G_GSIZE_FORMAT " more are over the limit of %u",
                               self->queued, len, self->max_queue);
      return;
    }

  self->queued += len;
  g_queue_push_tail (&self->queue, g_steal_pointer (&task));
  write_queue (self, write_cb);
}

/**
 * cb_session_send_finish:
 * @self: a session
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Completes [method@Cb.Session.send_async].
 *
 * Returns: %TRUE once the stream has taken the packet; %FALSE with
 *   [error@Cb.Error.TOO_LARGE] (the queue is full), %G_IO_ERROR_CLOSED, or an
 *   error of the stream
 */
gboolean
cb_session_send_finish (CbSession    *self,
                        GAsyncResult *result,
                        GError      **error)
{
  g_return_val_if_fail (CB_IS_SESSION (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, cb_session_send_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
follow_cancellable_cb (GCancellable *cancellable,
                       gpointer      user_data)
{
  g_cancellable_cancel (user_data);
}

/* Makes @follower be cancelled with the caller's @cancellable, which others may share. */
static gulong
follow_cancellable (GCancellable *cancellable,
                    GCancellable *follower)
{
  return cancellable == NULL ? 0 : g_cancellable_connect (cancellable, G_CALLBACK (follow_cancellable_cb),
                                                          g_object_ref (follower), g_object_unref);
}

/**
 * cb_session_close_async:
 * @self: a session
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the stream is closed
 * @user_data: data for @callback
 *
 * Leaves properly: what is queued goes out first, a receive in flight ends
 * with %G_IO_ERROR_CANCELLED, then the stream is closed. Cancelling gives up
 * what is still queued, and closes at once.
 */
void
cb_session_close_async (CbSession          *self,
                        GCancellable       *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer            user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (CB_IS_SESSION (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cb_session_close_async);
  g_task_set_check_cancellable (task, FALSE);

  if (self->closed || self->close_task != NULL)
    {
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CLOSED, "The session is closed");
      return;
    }

  self->close_task = g_steal_pointer (&task);
  self->close_cancelled_id = follow_cancellable (cancellable, self->send_cancellable);
  close_when_idle (self);
}

/**
 * cb_session_close_finish:
 * @self: a session
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Completes [method@Cb.Session.close_async].
 *
 * Returns: %TRUE; %FALSE with %G_IO_ERROR_CLOSED if it was closed before, or
 *   an error of the stream
 */
gboolean
cb_session_close_finish (CbSession    *self,
                         GAsyncResult *result,
                         GError      **error)
{
  g_return_val_if_fail (CB_IS_SESSION (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, cb_session_close_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
