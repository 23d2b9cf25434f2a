/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/cbs-server-private.h"

#include <string.h>
#include <sys/resource.h>

#include "server/cbs-listeners.h"
#include "server/cbs-replay.h"

/* The only node of a server without a cluster. */
#define NODE "main"

/* Descriptors that connections must leave free: for the log, the resolver and what comes up. */
#define SPARE_DESCRIPTORS 16

/* How long a stop waits for what is under way to reach the peers. */
#define DRAIN_MS 5000

/* At most one line about a lack of descriptors in that time. */
#define PAUSE_LOG_US (10 * G_USEC_PER_SEC)

/**
 * CbsServer:
 *
 * Brings the parts together: accepts connections, hands the engine's frames
 * to the room, the room's entries to the log, and what the log has committed
 * back through the room to the engine.
 *
 * A server belongs to the thread-default main context it was created in.
 */
G_DEFINE_FINAL_TYPE (CbsServer, cbs_server, G_TYPE_OBJECT)

/* An append on its way: the room is told if it fails. */
typedef struct
{
  CbsServer *server;
  CbsEntry  *entry;
} AppendData;

static void
append_data_free (AppendData *data)
{
  cbs_entry_unref (data->entry);
  g_object_unref (data->server);
  g_free (data);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AppendData, append_data_free)

static gsize
get_entry_size (const CbsEntry *entry)
{
  return entry->body != NULL ? g_bytes_get_size (entry->body) : 0;
}

/* What became of an append is known: its peer may go on. */
static void
finish_append (AppendData   *data,
               const GError *error)
{
  CbsServer *self = data->server;
  CbsPeer *peer = cbs_engine_find (self->engine, data->entry->origin);

  if (error != NULL)
    {
      g_autoptr (CbsEffects) effects = cbs_effects_new ();

      cbs_room_append_failed (self->room, data->entry, error, effects);
      cbs_server_apply (self, effects);
    }

  if (peer == NULL)
    return;
  peer->n_appends--;
  peer->append_bytes -= get_entry_size (data->entry);
  cbs_dispatch_resume (self, peer);
}

static void
read_stored_cb (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  g_autoptr (AppendData) data = user_data;
  g_autoptr (GPtrArray) entries = NULL;
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  g_autoptr (GError) error = NULL;
  CbsServer *self = data->server;

  entries = cbs_log_read_finish (CBS_LOG (source), result, &error);
  if (self->disposed)
    return;

  if (entries != NULL && entries->len == 0)
    g_set_error (&error, CBS_LOG_ERROR, CBS_LOG_ERROR_FAILED,
                 "The message of that token is not there any more");
  else if (entries != NULL)
    {
      cbs_room_repeated (self->room, data->entry, g_ptr_array_index (entries, 0), effects);
      cbs_server_apply (self, effects);
    }
  finish_append (data, error);
}

/* A message whose token is known was stored before: its sender is told so, with what was stored. */
static void
read_stored (AppendData *data,
             gint64      seq)
{
  const CbsLogQuery query = {
    .after = seq - 1,
    .until = seq,
    .viewer = data->entry->src,
    .own = TRUE,
  };

  cbs_log_read_async (data->server->log, &query, NULL, read_stored_cb, data);
}

static void
append_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr (AppendData) data = user_data;
  g_autoptr (GError) error = NULL;
  CbsServer *self = data->server;
  const gint64 seq = cbs_log_append_finish (CBS_LOG (source), result, &error);

  if (self->disposed)
    return;

  if (seq > 0 && data->entry->kind == CBS_ENTRY_MESSAGE && data->entry->seq != seq)
    {
      read_stored (g_steal_pointer (&data), seq);
      return;
    }
  if (seq >= 0 && data->entry->kind == CBS_ENTRY_READ)
    {
      g_autoptr (CbsEffects) effects = cbs_effects_new ();

      cbs_room_noted (self->room, data->entry, effects);
      cbs_server_apply (self, effects);
    }
  finish_append (data, error);
}

static void
append (CbsServer *self,
        CbsEntry  *entry)
{
  AppendData *data = g_new0 (AppendData, 1);
  CbsPeer *peer = cbs_engine_find (self->engine, entry->origin);

  data->server = g_object_ref (self);
  data->entry = cbs_entry_ref (entry);
  if (peer != NULL)
    {
      peer->n_appends++;
      peer->append_bytes += get_entry_size (entry);
    }
  cbs_log_append_async (self->log, entry, append_cb, data);
}

static void
accept_peer (CbsServer       *self,
             const CbsEffect *effect)
{
  CbsPeer *peer = cbs_engine_find (self->engine, effect->peer);
  g_autofree char *number = NULL;

  if (peer == NULL || peer->state != CBS_PEER_LOGIN)
    return;

  /* Only MESSAGE has a format; all other fields are strings as they are. */
  number = g_strdup_printf ("%" G_GUINT64_FORMAT, peer->number);
  g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_INFO,
                    "CHATTERBOX_PEER", number,
                    "CHATTERBOX_USER", effect->entry->src,
                    "MESSAGE", "Connection %s is logged in", number);
  cbs_gate_leave (self->gate, &peer->ticket);
  cbs_engine_set_online (self->engine, peer);
  g_free (peer->user);
  peer->user = g_strdup (effect->entry->src);
  cbs_login_accept (self, peer, effect);
}

/* What a peer gets from its replay it must not get twice. */
static gboolean
comes_by_replay (const CbsPeer   *peer,
                 const CbsEffect *effect)
{
  return peer->replay != NULL && cbs_effect_is_message (effect);
}

static void
send_effect (CbsServer *self,
             CbsPeer   *peer,
             CbsEffect *effect)
{
  cbs_engine_send (self->engine, peer, cbs_effect_get_fragment (effect, peer->features));
}

static void
broadcast (CbsServer *self,
           CbsEffect *effect)
{
  GPtrArray *online = cbs_engine_get_online (self->engine);

  if (self->draining && !cbs_effect_is_message (effect))
    return;

  for (guint i = 0; i < online->len; i++)
    {
      CbsPeer *peer = g_ptr_array_index (online, i);

      if (!comes_by_replay (peer, effect) &&
          (effect->except == NULL || !g_hash_table_contains (effect->except, &peer->number)))
        send_effect (self, peer, effect);
    }
}

/* Carries out what the room has decided. */
void
cbs_server_apply (CbsServer  *self,
                  CbsEffects *effects)
{
  for (guint i = 0; i < effects->len; i++)
    {
      CbsEffect *effect = cbs_effects_get (effects, i);
      CbsPeer *peer = cbs_engine_find (self->engine, effect->peer);

      switch (effect->kind)
        {
        case CBS_EFFECT_APPEND:
          append (self, effect->entry);
          break;
        case CBS_EFFECT_ACCEPT:
          accept_peer (self, effect);
          break;
        case CBS_EFFECT_REPLY:
          if (peer != NULL)
            send_effect (self, peer, effect);
          break;
        case CBS_EFFECT_DELIVER:
          if (peer != NULL && !comes_by_replay (peer, effect))
            send_effect (self, peer, effect);
          break;
        case CBS_EFFECT_CLOSE:
          if (peer != NULL)
            {
              send_effect (self, peer, effect);
              cbs_engine_close (self->engine, peer, NULL);
            }
          break;
        case CBS_EFFECT_BROADCAST:
        default:
          broadcast (self, effect);
          break;
        }
    }
}

static void
committed_cb (CbsLog    *log,
              GPtrArray *entries,
              gpointer   user_data)
{
  CbsServer *self = user_data;
  g_autoptr (CbsEffects) effects = cbs_effects_new ();

  for (guint i = 0; i < entries->len; i++)
    {
      CbsEntry *entry = g_ptr_array_index (entries, i);

      cbs_room_committed (self->room, entry, effects);
      self->head = entry->seq;
    }
  cbs_effects_join_broadcasts (effects);
  cbs_server_apply (self, effects);
}

static void
engine_progress (CbsPeer *peer,
                 gpointer user_data)
{
  cbs_gate_progress (((CbsServer *) user_data)->gate, &peer->ticket);
}

static void
engine_frame (CbsPeer    *peer,
              const char *payload,
              gsize       len,
              gpointer    user_data)
{
  cbs_dispatch_frame (user_data, peer, payload, len);
}

static GBytes *
engine_more (CbsPeer *peer,
             gpointer user_data)
{
  GBytes *bytes = cbs_replay_take (peer->replay);

  if (bytes == NULL && cbs_replay_is_caught_up (peer->replay))
    {
      g_clear_pointer (&peer->replay, cbs_replay_free);
      /* What it said meanwhile has waited for that. */
      cbs_dispatch_resume (user_data, peer);
    }
  return bytes;
}

/* All peers are gone, or had time enough. */
static void
finish_stop (CbsServer *self)
{
  g_autoptr (GTask) task = g_steal_pointer (&self->stop_task);

  if (self->drain_source != NULL)
    g_source_destroy (self->drain_source);
  g_clear_pointer (&self->drain_source, g_source_unref);
  g_task_return_boolean (task, TRUE);
}

static void
engine_closed (CbsPeer      *peer,
               const GError *reason,
               gpointer      user_data)
{
  CbsServer *self = user_data;
  g_autoptr (CbsEffects) effects = NULL;
  g_autofree char *number = g_strdup_printf ("%" G_GUINT64_FORMAT, peer->number);

  g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_INFO,
                    "CHATTERBOX_PEER", number,
                    "MESSAGE", "Connection %s has ended: %s", number,
                    reason != NULL ? reason->message : "closed");
  cbs_gate_leave (self->gate, &peer->ticket);
  g_cancellable_cancel (peer->reading);
  g_clear_pointer (&peer->replay, cbs_replay_free);
  if (self->disposed)
    return;

  effects = cbs_effects_new ();
  cbs_room_leave (self->room, peer->number, effects);
  cbs_server_apply (self, effects);

  if (self->paused && !self->draining)
    {
      self->paused = FALSE;
      g_socket_service_start (self->service);
    }
  if (self->drain_source != NULL && cbs_engine_count (self->engine) == 0)
    finish_stop (self);
}

static const CbsEngineHandler engine_handler = {
  .progress = engine_progress,
  .frame = engine_frame,
  .more = engine_more,
  .closed = engine_closed,
};

/* At the limit of descriptors accept() would fail again and again: stop before that. */
static void
pause_when_full (CbsServer *self)
{
  const gint64 now_us = g_get_monotonic_time ();

  if (cbs_engine_count (self->engine) < self->max_peers)
    return;

  g_socket_service_stop (self->service);
  self->paused = TRUE;
  if (self->pause_logged_us == 0 || now_us - self->pause_logged_us > PAUSE_LOG_US)
    {
      self->pause_logged_us = now_us;
      g_message ("There are descriptors for %u connections and no more: new ones wait "
                 "(the limit is that of RLIMIT_NOFILE)", self->max_peers);
    }
}

static gboolean
incoming_cb (GSocketService    *service,
             GSocketConnection *connection,
             GObject           *source_object,
             gpointer           user_data)
{
  CbsServer *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketAddress) remote = NULL;
  CbsGateTicket *victim = NULL;
  CbsPeer *peer = NULL;
  guint64 key = 0;

  /* Who was reset before we looked has no address any more. */
  remote = g_socket_connection_get_remote_address (connection, NULL);
  if (remote == NULL || self->draining)
    return TRUE;

  peer = cbs_engine_adopt (self->engine, connection, &error);
  if (peer == NULL)
    {
      g_message ("A connection was refused: %s", error->message);
      return TRUE;
    }

  peer->owner = self;
  key = cbs_gate_get_key (g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (remote)));
  victim = cbs_gate_enter (self->gate, &peer->ticket, key);
  if (victim != NULL)
    {
      cbs_gate_leave (self->gate, victim);
      cbs_engine_doom (self->engine, cbs_peer_from_ticket (victim));
    }
  pause_when_full (self);
  return TRUE;
}

static void
cbs_server_dispose (GObject *object)
{
  CbsServer *self = CBS_SERVER (object);

  if (self->log != NULL)
    g_signal_handlers_disconnect_by_data (self->log, self);
  if (self->service != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->service, self);
      g_socket_service_stop (self->service);
      g_socket_listener_close (G_SOCKET_LISTENER (self->service));
    }
  if (self->drain_source != NULL)
    {
      g_source_destroy (self->drain_source);
      g_clear_pointer (&self->drain_source, g_source_unref);
    }
  self->disposed = TRUE;
  g_clear_pointer (&self->engine, cbs_engine_free);
  g_clear_object (&self->service);
  g_clear_object (&self->log);
  g_clear_object (&self->credentials);

  G_OBJECT_CLASS (cbs_server_parent_class)->dispose (object);
}

static void
cbs_server_finalize (GObject *object)
{
  CbsServer *self = CBS_SERVER (object);

  g_clear_pointer (&self->room, cbs_room_free);
  g_clear_pointer (&self->gate, cbs_gate_free);
  g_clear_pointer (&self->listeners, g_ptr_array_unref);
  g_free (self->log_id);

  G_OBJECT_CLASS (cbs_server_parent_class)->finalize (object);
}

static void
cbs_server_class_init (CbsServerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = cbs_server_dispose;
  object_class->finalize = cbs_server_finalize;
}

static void
cbs_server_init (CbsServer *self)
{
}

/**
 * cbs_server_new:
 * @config: how it runs; has to outlive the server
 * @credentials: what it shows
 * @log: where it stores; not open yet
 *
 * Creates a server that serves nobody until it is started.
 *
 * Returns: (transfer full): a server
 */
CbsServer *
cbs_server_new (const CbsConfig   *config,
                CbsTlsCredentials *credentials,
                CbsLog            *log)
{
  CbsServer *self = g_object_new (CBS_TYPE_SERVER, NULL);

  self->config = config;
  self->credentials = g_object_ref (credentials);
  self->log = g_object_ref (log);
  self->room = cbs_room_new (&config->room);
  self->gate = cbs_gate_new (config->unfinished_each, config->unfinished_all);
  return self;
}

static guint
count_descriptors (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n_descriptors = 0;

  while (dir != NULL && g_dir_read_name (dir) != NULL)
    n_descriptors++;
  return n_descriptors;
}

/* How many connections the descriptors allow beside what is open already. */
static guint
get_max_peers (void)
{
  struct rlimit limit = { 0, };
  const guint used = count_descriptors () + SPARE_DESCRIPTORS;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= G_MAXUINT)
    return G_MAXUINT;
  return limit.rlim_cur > used ? (guint) limit.rlim_cur - used : 1;
}

/* FALSE with an error if something can't be had. */
static gboolean
begin_to_accept (CbsServer *self,
                 GError   **error)
{
  self->engine = cbs_engine_new (&self->config->engine, self->credentials,
                                 &engine_handler, self, error);
  if (self->engine == NULL)
    return FALSE;

  self->service = g_socket_service_new ();
  g_signal_connect (self->service, "incoming", G_CALLBACK (incoming_cb), self);
  for (guint i = 0; i < self->listeners->len; i++)
    {
      if (!g_socket_listener_add_socket (G_SOCKET_LISTENER (self->service),
                                         g_ptr_array_index (self->listeners, i), NULL, error))
        return FALSE;
    }

  self->max_peers = get_max_peers ();
  g_socket_service_start (self->service);
  return TRUE;
}

static void
fill_room (CbsServer            *self,
           const CbsLogSnapshot *snapshot)
{
  self->head = snapshot->head;
  g_free (self->log_id);
  self->log_id = g_strdup (snapshot->id);
  cbs_room_load (self->room, snapshot);
}

static void
start_open_cb (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (CbsLogSnapshot) snapshot = NULL;
  CbsServer *self = g_task_get_source_object (task);

  snapshot = cbs_log_open_finish (CBS_LOG (source), result, &error);
  if (snapshot != NULL)
    fill_room (self, snapshot);

  if (snapshot != NULL && begin_to_accept (self, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
start_bind_cb (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  CbsServer *self = g_task_get_source_object (task);

  self->listeners = cbs_listeners_bind_finish (result, &error);
  if (self->listeners == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  g_signal_connect (self->log, "committed", G_CALLBACK (committed_cb), self);
  cbs_log_open_async (self->log, NODE, start_open_cb, g_steal_pointer (&task));
}

/**
 * cbs_server_start_async:
 * @self: a server
 * @callback: (scope async): called when it accepts
 * @user_data: data for @callback
 *
 * Binds the addresses, opens the log, and accepts. Who connects in between
 * waits.
 */
void
cbs_server_start_async (CbsServer          *self,
                        GAsyncReadyCallback callback,
                        gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

  g_task_set_source_tag (task, cbs_server_start_async);
  cbs_listeners_bind_async ((const char *const *) self->config->listen, NULL,
                            start_bind_cb, g_steal_pointer (&task));
}

/**
 * cbs_server_start_finish:
 * @self: a server
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Completes [method@Cbs.Server.start_async].
 *
 * Returns: %TRUE; %FALSE with an error of the resolver, the sockets or the log
 */
gboolean
cbs_server_start_finish (CbsServer    *self,
                         GAsyncResult *result,
                         GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_server_start_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * cbs_server_dup_addresses:
 * @self: a server that was started
 *
 * Lists where the server accepts: `127.0.0.1:9000`, `[::1]:9000`.
 *
 * Returns: (transfer full): the addresses
 */
GStrv
cbs_server_dup_addresses (CbsServer *self)
{
  g_autoptr (GStrvBuilder) addresses = g_strv_builder_new ();

  for (guint i = 0; self->listeners != NULL && i < self->listeners->len; i++)
    {
      g_autofree char *address = cbs_listeners_describe (g_ptr_array_index (self->listeners, i), NULL);

      if (address != NULL)
        g_strv_builder_add (addresses, address);
    }

  return g_strv_builder_end (addresses);
}

static gboolean
drain_timeout_cb (gpointer user_data)
{
  CbsServer *self = user_data;

  g_message ("%u connections did not take their last messages within %u ms",
             cbs_engine_count (self->engine), DRAIN_MS);
  finish_stop (self);
  return G_SOURCE_REMOVE;
}

/* All that was said is stored and queued for its readers: let it reach them. */
static void
stop_close_cb (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr (CbsServer) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!cbs_log_close_finish (CBS_LOG (source), result, &error))
    g_message ("The log could not be closed: %s", error->message);

  if (cbs_engine_count (self->engine) == 0)
    {
      finish_stop (self);
      return;
    }
  cbs_engine_close_all (self->engine);
  self->drain_source = g_timeout_source_new (DRAIN_MS);
  g_source_set_static_name (self->drain_source, "chatterbox-drain");
  g_source_set_callback (self->drain_source, drain_timeout_cb, self, NULL);
  g_source_attach (self->drain_source, g_main_context_get_thread_default ());
}

/**
 * cbs_server_stop_async:
 * @self: a server that was started
 * @callback: (scope async): called when it has stopped
 * @user_data: data for @callback
 *
 * Stops: nothing new is accepted or read; what was said is stored and sent;
 * then the connections are closed, and the log.
 */
void
cbs_server_stop_async (CbsServer          *self,
                       GAsyncReadyCallback callback,
                       gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  g_autoptr (CbsEffects) effects = cbs_effects_new ();
  GPtrArray *online = NULL;

  g_task_set_source_tag (task, cbs_server_stop_async);
  if (self->engine == NULL || self->draining)
    {
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CLOSED, "The server is not running");
      return;
    }

  self->stop_task = g_steal_pointer (&task);
  self->draining = TRUE;
  g_socket_service_stop (self->service);
  g_socket_listener_close (G_SOCKET_LISTENER (self->service));

  online = cbs_engine_get_online (self->engine);
  for (guint i = 0; i < online->len; i++)
    {
      CbsPeer *peer = g_ptr_array_index (online, i);

      cbs_engine_hold (self->engine, peer);
      cbs_room_leave (self->room, peer->number, effects);
    }
  cbs_server_apply (self, effects);
  cbs_log_close_async (self->log, stop_close_cb, g_object_ref (self));
}

/**
 * cbs_server_stop_finish:
 * @self: a server
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Completes [method@Cbs.Server.stop_async].
 *
 * Returns: %TRUE; %FALSE with %G_IO_ERROR_CLOSED if it was not running
 */
gboolean
cbs_server_stop_finish (CbsServer    *self,
                        GAsyncResult *result,
                        GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, cbs_server_stop_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
