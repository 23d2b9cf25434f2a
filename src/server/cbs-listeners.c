/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/cbs-listeners.h"

#include <netinet/in.h>

#include "libchatterbox/cb-connector.h"

/* Connections that the kernel keeps while we do not accept: a class that starts at once fits. */
#define BACKLOG 1024

/* A port that the first address of a host got may be taken at the second: how often to try others. */
#define MAX_TRIES 16

/* The addresses that are left to resolve, and the sockets that are bound; owned by its task. */
typedef struct
{
  GStrv      addresses;
  guint      next;
  GPtrArray *sockets; /* of GSocket */
} BindData;

static void
bind_data_free (BindData *data)
{
  g_strfreev (data->addresses);
  g_ptr_array_unref (data->sockets);
  g_free (data);
}

static GSocket *
listen_on (GInetAddress *address,
           guint16       port,
           GError      **error)
{
  g_autoptr (GSocketAddress) socket_address = g_inet_socket_address_new (address, port);
  g_autoptr (GSocket) socket = NULL;

  socket = g_socket_new (g_inet_address_get_family (address), G_SOCKET_TYPE_STREAM,
                         G_SOCKET_PROTOCOL_TCP, error);
  if (socket == NULL)
    return NULL;

  /* A host of both families gets a socket of each: they must not claim the other's port. */
  if (g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6 &&
      !g_socket_set_option (socket, IPPROTO_IPV6, IPV6_V6ONLY, 1, error))
    return NULL;

  g_socket_set_listen_backlog (socket, BACKLOG);
  if (!g_socket_bind (socket, socket_address, TRUE, error) || !g_socket_listen (socket, error))
    {
      g_autofree char *text = g_inet_address_to_string (address);

      g_prefix_error (error, "%s, port %u: ", text, port);
      return NULL;
    }

  return g_steal_pointer (&socket);
}

static guint16
get_port (GSocket *socket)
{
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (socket, NULL);

  return address != NULL ? g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address)) : 0;
}

/* Binds all addresses of a host to one port. A family that this machine lacks is passed over
 * as long as there is another. */
static GPtrArray *
bind_host (GList   *addresses,
           guint16  port,
           GError **error)
{
  g_autoptr (GPtrArray) sockets = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GError) last_error = NULL;

  for (GList *l = addresses; l != NULL; l = l->next)
    {
      g_autoptr (GError) local_error = NULL;
      GSocket *socket = listen_on (l->data, port, &local_error);

      if (socket != NULL)
        {
          g_ptr_array_add (sockets, socket);
          port = get_port (socket);
          continue;
        }
      if (!g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED) &&
          !g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_FAILED))
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return NULL;
        }
      g_clear_error (&last_error);
      last_error = g_steal_pointer (&local_error);
    }

  if (sockets->len == 0)
    {
      g_propagate_error (error, g_steal_pointer (&last_error));
      return NULL;
    }
  return g_steal_pointer (&sockets);
}

static GPtrArray *
bind_host_to_any_port (GList   *addresses,
                       GError **error)
{
  for (guint i = 0;; i++)
    {
      g_autoptr (GError) local_error = NULL;
      GPtrArray *sockets = bind_host (addresses, 0, &local_error);

      if (sockets != NULL)
        return sockets;
      if (i == MAX_TRIES || !g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE))
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return NULL;
        }
    }
}

/* Starts to resolve the next address; FALSE if there is none, or it can't be read. */
static gboolean
resolve_next (GTask              *task,
              GAsyncReadyCallback callback)
{
  BindData *data = g_task_get_task_data (task);
  const char *address = data->addresses[data->next];
  g_autoptr (GResolver) resolver = g_resolver_get_default ();
  g_autoptr (GSocketConnectable) parsed = NULL;
  GError *error = NULL;

  if (address == NULL)
    {
      g_task_return_pointer (task, g_ptr_array_ref (data->sockets), (GDestroyNotify) g_ptr_array_unref);
      return FALSE;
    }

  parsed = g_network_address_parse (address, CB_DEFAULT_PORT, &error);
  if (parsed == NULL)
    {
      g_prefix_error (&error, "%s: ", address);
      g_task_return_error (task, error);
      return FALSE;
    }

  g_resolver_lookup_by_name_async (resolver,
                                   g_network_address_get_hostname (G_NETWORK_ADDRESS (parsed)),
                                   g_task_get_cancellable (task), callback, task);
  return TRUE;
}

static void
resolve_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  BindData *data = g_task_get_task_data (task);
  const char *address = data->addresses[data->next];
  g_autoptr (GSocketConnectable) parsed = g_network_address_parse (address, CB_DEFAULT_PORT, NULL);
  const guint16 port = g_network_address_get_port (G_NETWORK_ADDRESS (parsed));
  g_autolist (GInetAddress) found = NULL;
  g_autoptr (GPtrArray) sockets = NULL;
  GError *error = NULL;

  found = g_resolver_lookup_by_name_finish (G_RESOLVER (source), result, &error);
  if (found != NULL)
    sockets = port != 0 ? bind_host (found, port, &error) : bind_host_to_any_port (found, &error);
  if (sockets == NULL)
    {
      g_prefix_error (&error, "%s: ", address);
      g_task_return_error (task, error);
      return;
    }

  g_ptr_array_extend_and_steal (data->sockets, g_steal_pointer (&sockets));
  data->next++;
  if (resolve_next (task, resolve_cb))
    g_steal_pointer (&task);
}

/**
 * cbs_listeners_bind_async:
 * @addresses: (array zero-terminated=1): `HOST[:PORT]` each; port 0: any
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when all are bound
 * @user_data: data for @callback
 *
 * Binds and listens on every address that getaddrinfo() returns for each
 * host. All addresses of a host get the same port.
 */
void
cbs_listeners_bind_async (const char *const  *addresses,
                          GCancellable       *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  BindData *data = g_new0 (BindData, 1);

  g_task_set_source_tag (task, cbs_listeners_bind_async);
  data->addresses = g_strdupv ((GStrv) addresses);
  data->sockets = g_ptr_array_new_with_free_func (g_object_unref);
  g_task_set_task_data (task, data, (GDestroyNotify) bind_data_free);

  if (resolve_next (task, resolve_cb))
    g_steal_pointer (&task);
}

/**
 * cbs_listeners_bind_finish:
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Completes [func@cbs_listeners_bind_async].
 *
 * Returns: (transfer full) (element-type GSocket): sockets that listen, or
 *   %NULL with an error whose message names the address
 */
GPtrArray *
cbs_listeners_bind_finish (GAsyncResult *result,
                           GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_listeners_bind_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * cbs_listeners_describe:
 * @socket: a socket that listens
 * @error: return location for a #GError
 *
 * Writes where a socket listens: `127.0.0.1:9000`, `[::1]:9000`.
 *
 * Returns: (transfer full): the text, or %NULL with a #GIOErrorEnum
 */
char *
cbs_listeners_describe (GSocket *socket,
                        GError **error)
{
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (socket, error);

  return address != NULL ? g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (address)) : NULL;
}
