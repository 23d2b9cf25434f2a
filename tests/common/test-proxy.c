/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "common/test-proxy.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define PIECE_SIZE 4096

struct _TestProxy
{
  GSocketService *service;
  char           *address;
  char           *target;
  GPtrArray      *links; /* of Link, those that are whole */
  guint64         n_left; /* bytes until the links are cut; G_MAXUINT64: never */
};

/* Two connections, each of which gets what the other says. Pending operations keep it. */
typedef struct
{
  grefcount          ref_count;
  TestProxy         *proxy; /* NULL: cut */
  GSocketConnection *ends[2];
  GCancellable      *cancellable;
  guint              n_ended; /* directions that have come to their end */
} Link;

/* One direction of a link. */
typedef struct
{
  Link          *link;
  guint          to; /* the end that is written to */
  GInputStream  *input;
  GOutputStream *output;
  guint8         piece[PIECE_SIZE];
} Pump;

static void
link_unref (Link *self)
{
  if (!g_ref_count_dec (&self->ref_count))
    return;

  g_clear_object (&self->ends[0]);
  g_clear_object (&self->ends[1]);
  g_object_unref (self->cancellable);
  g_free (self);
}

static void
pump_free (Pump *self)
{
  link_unref (self->link);
  g_free (self);
}

/* Ends both sides with a reset, as a link does that breaks. */
static void
link_cut (Link *self)
{
  const struct linger linger = { .l_onoff = 1, .l_linger = 0 };

  if (self->proxy == NULL)
    return;

  g_cancellable_cancel (self->cancellable);
  for (guint i = 0; i < G_N_ELEMENTS (self->ends); i++)
    {
      GSocket *socket = NULL;

      if (self->ends[i] == NULL)
        continue;
      socket = g_socket_connection_get_socket (self->ends[i]);
      setsockopt (g_socket_get_fd (socket), SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
      g_socket_close (socket, NULL);
    }
  /* The proxy's array held a reference, and that is the last thing that happens. */
  g_ptr_array_remove (g_steal_pointer (&self->proxy)->links, self);
}

/* How much of a piece still passes before the link breaks. */
static gsize
spend (TestProxy *proxy,
       gsize      len)
{
  gsize passed = len;

  if (proxy->n_left == G_MAXUINT64)
    return len;

  passed = (gsize) MIN (len, proxy->n_left);
  proxy->n_left -= passed;
  return passed;
}

/* The part of a frame that is on its way still arrives, as far as the socket takes it. */
static void
break_with (Pump *pump,
            gsize n_passed)
{
  TestProxy *proxy = pump->link->proxy;

  g_pollable_output_stream_write_nonblocking (G_POLLABLE_OUTPUT_STREAM (pump->output), pump->piece, n_passed,
                                              NULL, NULL);
  proxy->n_left = G_MAXUINT64;
  test_proxy_cut (proxy);
}

/* One side has ended: what the other one still says has to arrive. */
static void
end_output (Pump *pump)
{
  GSocketConnection *to = pump->link->ends[pump->to];

  g_socket_shutdown (g_socket_connection_get_socket (to), FALSE, TRUE, NULL);
  if (++pump->link->n_ended == G_N_ELEMENTS (pump->link->ends))
    link_cut (pump->link);
}

/* Reads a piece, then writes it, and so on until the link is cut. */
static void
pump_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  Pump *pump = user_data;
  TestProxy *proxy = pump->link->proxy;
  gssize n_read = -1;
  gsize n_passed = 0;

  if (G_IS_OUTPUT_STREAM (source))
    {
      if (g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, NULL) && proxy != NULL)
        {
          g_input_stream_read_async (pump->input, pump->piece, PIECE_SIZE, G_PRIORITY_DEFAULT,
                                     pump->link->cancellable, pump_cb, pump);
          return;
        }
    }
  else if ((n_read = g_input_stream_read_finish (G_INPUT_STREAM (source), result, NULL)) > 0 && proxy != NULL)
    {
      n_passed = spend (proxy, (gsize) n_read);
      if (proxy->n_left > 0)
        {
          g_output_stream_write_all_async (pump->output, pump->piece, n_passed, G_PRIORITY_DEFAULT,
                                           pump->link->cancellable, pump_cb, pump);
          return;
        }
      break_with (pump, n_passed);
    }

  if (n_read == 0 && proxy != NULL)
    end_output (pump);
  else
    link_cut (pump->link);
  pump_free (pump);
}

static void
start_pump (Link *link,
            guint from)
{
  Pump *pump = g_new0 (Pump, 1);

  g_ref_count_inc (&link->ref_count);
  pump->link = link;
  pump->to = 1 - from;
  pump->input = g_io_stream_get_input_stream (G_IO_STREAM (link->ends[from]));
  pump->output = g_io_stream_get_output_stream (G_IO_STREAM (link->ends[pump->to]));
  g_input_stream_read_async (pump->input, pump->piece, PIECE_SIZE, G_PRIORITY_DEFAULT,
                             link->cancellable, pump_cb, pump);
}

static void
connect_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  Link *link = user_data;

  link->ends[1] = g_socket_client_connect_to_host_finish (G_SOCKET_CLIENT (source), result, NULL);
  if (link->ends[1] != NULL && link->proxy != NULL)
    {
      g_socket_set_option (g_socket_connection_get_socket (link->ends[1]), IPPROTO_TCP, TCP_NODELAY, 1, NULL);
      start_pump (link, 0);
      start_pump (link, 1);
    }
  else
    link_cut (link);
  link_unref (link);
}

static gboolean
incoming_cb (GSocketService    *service,
             GSocketConnection *connection,
             GObject           *source_object,
             gpointer           user_data)
{
  TestProxy *self = user_data;
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  Link *link = g_new0 (Link, 1);

  g_ref_count_init (&link->ref_count);
  link->proxy = self;
  link->ends[0] = g_object_ref (connection);
  link->cancellable = g_cancellable_new ();
  g_ptr_array_add (self->links, link);
  if (self->target == NULL)
    {
      link_cut (link);
      return TRUE;
    }

  g_socket_set_option (g_socket_connection_get_socket (connection), IPPROTO_TCP, TCP_NODELAY, 1, NULL);
  g_ref_count_inc (&link->ref_count);
  g_socket_client_set_enable_proxy (client, FALSE);
  g_socket_client_connect_to_host_async (client, self->target, 0, link->cancellable, connect_cb, link);
  return TRUE;
}

/* Accepts on a port of its own, and passes on to @target, `HOST:PORT`. */
TestProxy *
test_proxy_new (const char *target)
{
  TestProxy *self = g_new0 (TestProxy, 1);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GError) error = NULL;

  self->service = g_socket_service_new ();
  self->target = g_strdup (target);
  self->links = g_ptr_array_new_with_free_func ((GDestroyNotify) link_unref);
  self->n_left = G_MAXUINT64;
  g_socket_listener_add_address (G_SOCKET_LISTENER (self->service), any, G_SOCKET_TYPE_STREAM,
                                 G_SOCKET_PROTOCOL_TCP, NULL, &bound, &error);
  g_assert_no_error (error);
  self->address = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (bound));
  g_signal_connect (self->service, "incoming", G_CALLBACK (incoming_cb), self);
  g_socket_service_start (self->service);
  return self;
}

void
test_proxy_free (TestProxy *self)
{
  g_signal_handlers_disconnect_by_data (self->service, self);
  g_socket_service_stop (self->service);
  g_socket_listener_close (G_SOCKET_LISTENER (self->service));
  test_proxy_cut (self);
  g_object_unref (self->service);
  g_ptr_array_unref (self->links);
  g_free (self->address);
  g_free (self->target);
  g_free (self);
}

/* Gets where it accepts: `127.0.0.1:PORT`. */
const char *
test_proxy_get_address (TestProxy *self)
{
  return self->address;
}

/* New links go there, as to a server that was started again on another port; NULL: they are reset. */
void
test_proxy_set_target (TestProxy  *self,
                       const char *target)
{
  g_free (self->target);
  self->target = g_strdup (target);
}

/* Breaks all links now. */
void
test_proxy_cut (TestProxy *self)
{
  while (self->links->len > 0)
    link_cut (g_ptr_array_index (self->links, 0));
}

/* Breaks all links when that many bytes more have passed, in both directions together. */
void
test_proxy_cut_after (TestProxy *self,
                      guint64    n_bytes)
{
  self->n_left = n_bytes;
}

guint
test_proxy_count_links (TestProxy *self)
{
  return self->links->len;
}
