/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "tls/cbs-tls-private.h"

/* Waits until it is worth to go on with a connection. What has to happen for that may change with
 * each step: a read may have to wait for room to send an answer, a write for the handshake. So it
 * is looked at anew in each turn of the loop, and the base's own sources come and go with it. */
typedef struct
{
  GSource           source;
  CbsTlsConnection *connection;
  GObject          *object;      /* what the callback is given */
  GSource          *base_input;  /* NULL: not awaited */
  GSource          *base_output; /* likewise */
  GIOCondition      condition;   /* G_IO_IN or G_IO_OUT */
} TlsSource;

static void
await_child (GSource  *source,
             GSource **child,
             GSource  *new_child)
{
  g_source_set_dummy_callback (new_child);
  g_source_add_child_source (source, new_child);
  *child = new_child;
}

static void
forget_child (GSource  *source,
              GSource **child)
{
  g_source_remove_child_source (source, *child);
  g_clear_pointer (child, g_source_unref);
}

/* Awaits of the base what the connection awaits; TRUE if that has changed. */
static gboolean
update_children (TlsSource *self)
{
  GSource *source = &self->source;
  CbsTlsConnection *connection = self->connection;
  const gboolean needs_input = self->condition == G_IO_IN || !connection->established;
  const gboolean needs_output = connection->output != NULL || !needs_input;
  const gboolean input_changes = needs_input != (self->base_input != NULL);
  const gboolean output_changes = needs_output != (self->base_output != NULL);

  if (input_changes && needs_input)
    await_child (source, &self->base_input,
                 g_pollable_input_stream_create_source (cbs_tls_transport_get_input (connection), NULL));
  else if (input_changes)
    forget_child (source, &self->base_input);

  if (output_changes && needs_output)
    await_child (source, &self->base_output,
                 g_pollable_output_stream_create_source (cbs_tls_transport_get_output (connection), NULL));
  else if (output_changes)
    forget_child (source, &self->base_output);

  return input_changes || output_changes;
}

static gboolean
is_ready (TlsSource *self)
{
  return self->connection->failure != NULL ||
         (self->condition == G_IO_IN && cbs_tls_connection_is_readable (self->connection));
}

static gboolean
tls_source_prepare (GSource *source,
                    int     *timeout)
{
  TlsSource *self = (TlsSource *) source;

  /* A child that is added now may not be prepared any more in this turn: let it be a short one. */
  *timeout = -1;
  if (is_ready (self))
    return TRUE;
  if (update_children (self))
    *timeout = 0;
  return FALSE;
}

static gboolean
tls_source_check (GSource *source)
{
  return is_ready ((TlsSource *) source);
}

static gboolean
tls_source_dispatch (GSource    *source,
                     GSourceFunc callback,
                     gpointer    user_data)
{
  return ((GPollableSourceFunc) G_CALLBACK (callback))(((TlsSource *) source)->object, user_data);
}

static void
tls_source_finalize (GSource *source)
{
  TlsSource *self = (TlsSource *) source;

  g_clear_pointer (&self->base_input, g_source_unref);
  g_clear_pointer (&self->base_output, g_source_unref);
  g_clear_object (&self->connection);
  g_clear_object (&self->object);
}

static GSourceFuncs tls_source_funcs = {
  .prepare = tls_source_prepare,
  .check = tls_source_check,
  .dispatch = tls_source_dispatch,
  .finalize = tls_source_finalize,
};

/* Makes a source that is ready when to go on with reading (G_IO_IN), or with the handshake, a
 * flush or a write (G_IO_OUT), and when @cancellable is cancelled. It may be ready in vain. Its
 * callback is a GPollableSourceFunc, which is given @object. */
GSource *
cbs_tls_source_new (CbsTlsConnection *connection,
                    gpointer          object,
                    GIOCondition      condition,
                    GCancellable     *cancellable)
{
  GSource *source = g_source_new (&tls_source_funcs, sizeof (TlsSource));
  TlsSource *self = (TlsSource *) source;

  g_source_set_static_name (source, "chatterbox-tls");
  self->connection = g_object_ref (connection);
  self->object = g_object_ref (object);
  self->condition = condition;
  update_children (self);

  if (cancellable != NULL)
    {
      g_autoptr (GSource) child = g_cancellable_source_new (cancellable);

      g_source_set_dummy_callback (child);
      g_source_add_child_source (source, child);
    }
  return source;
}
