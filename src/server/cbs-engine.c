/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/cbs-engine-private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Events taken from epoll a turn; what is left keeps its place in the kernel's queue. */
#define MAX_EVENTS 256

#define INPUT_SIZE (64u * 1024)

/* Time that handshakes may take of a turn: each is a millisecond of arithmetic, and a class
 * that starts at once must not make those wait who talk already. */
#define HANDSHAKE_US 2000

/* How long a peer may take to end its side after we ended ours. */
#define LINGER_US (2 * G_USEC_PER_SEC)

/* Silence after which the kernel looks whether a peer is still there, and how long it may fail
 * to take what is sent. */
#define KEEPALIVE_S 60
#define USER_TIMEOUT_MS (5 * 60 * 1000)

typedef struct
{
  GSource    source;
  CbsEngine *engine;
} EngineSource;

static void
peer_free (CbsPeer *peer)
{
  cb_frame_reader_clear (&peer->reader);
  cbs_outbox_clear (&peer->outbox);
  g_clear_pointer (&peer->stash, g_byte_array_unref);
  g_clear_pointer (&peer->packet, cb_packet_unref);
  g_clear_pointer (&peer->resume, cb_resume_free);
  g_clear_object (&peer->reading);
  g_free (peer->user);
  g_clear_object (&peer->tls);
  g_clear_object (&peer->base);
  g_free (peer);
}

static void
unqueue (GQueue *queue,
         GList  *link)
{
  if (link->data == NULL)
    return;

  g_queue_unlink (queue, link);
  link->data = NULL;
}

/* Takes the first peer out of one of the engine's queues. */
static CbsPeer *
pop (GQueue *queue)
{
  GList *link = g_queue_pop_head_link (queue);

  return link != NULL ? g_steal_pointer (&link->data) : NULL;
}

static void
remove_online (CbsEngine *self,
               CbsPeer   *peer)
{
  CbsPeer *moved = NULL;

  if (peer->online_index >= self->online->len ||
      g_ptr_array_index (self->online, peer->online_index) != peer)
    return;

  g_ptr_array_remove_index_fast (self->online, peer->online_index);
  if (peer->online_index < self->online->len)
    {
      moved = g_ptr_array_index (self->online, peer->online_index);
      moved->online_index = peer->online_index;
    }
}

/* Ends a connection at once. The peer stays valid until the end of the turn. */
void
cbs_engine_drop (CbsEngine    *self,
                 CbsPeer      *peer,
                 const GError *reason)
{
  if (peer->state == CBS_PEER_CLOSED)
    return;

  /* A close_notify is a courtesy; nobody waits for it to leave. */
  if (peer->state & (CBS_PEER_LOGIN | CBS_PEER_ONLINE | CBS_PEER_CLOSING) && reason == NULL)
    cbs_tls_connection_bye (peer->tls, NULL);

  peer->state = CBS_PEER_CLOSED;
  cbs_deadlines_clear (&self->deadlines, &peer->deadline);
  unqueue (&self->dirty, &peer->dirty_link);
  unqueue (&self->deferred, &peer->deferred_link);
  unqueue (&self->doomed, &peer->doomed_link);
  remove_online (self, peer);
  epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, peer->fd, NULL);

  g_hash_table_remove (self->peers, &peer->number);
  g_ptr_array_add (self->closed, peer);
  self->handler.closed (peer, reason, self->user_data);
  g_io_stream_close (peer->base, NULL, NULL);
}

/* Asks epoll for what the peer's state calls for. Errors and hang-ups can't be masked. */
void
cbs_engine_set_interest (CbsEngine *self,
                         CbsPeer   *peer)
{
  struct epoll_event event = { .data.ptr = peer };

  if (peer->state == CBS_PEER_CLOSED)
    return;

  event.events = (peer->held ? 0u : EPOLLIN) | (peer->blocked ? EPOLLOUT : 0u);
  if (event.events == peer->interest)
    return;

  peer->interest = event.events;
  epoll_ctl (self->epoll_fd, EPOLL_CTL_MOD, peer->fd, &event);
}

static void
handle_event (CbsEngine *self,
              CbsPeer   *peer,
              guint32    events,
              gint64     handshakes_until_us)
{
  if (peer->state == CBS_PEER_CLOSED)
    return;

  if (peer->state == CBS_PEER_HANDSHAKE)
    {
      if (g_get_monotonic_time () < handshakes_until_us)
        cbs_engine_shake_hands (self, peer);
      return;
    }

  if (events & EPOLLOUT)
    cbs_engine_wake (self, peer);
  if (!peer->held)
    cbs_engine_receive (self, peer);
  else if (events & (EPOLLHUP | EPOLLERR))
    cbs_engine_drop (self, peer, NULL);
}

static void
handle_events (CbsEngine *self)
{
  struct epoll_event events[MAX_EVENTS];
  const gint64 handshakes_until_us = g_get_monotonic_time () + HANDSHAKE_US;
  const int n_events = epoll_wait (self->epoll_fd, events, MAX_EVENTS, 0);

  for (int i = 0; i < n_events; i++)
    handle_event (self, events[i].data.ptr, events[i].events, handshakes_until_us);
}

/* Input that TLS holds already: epoll does not tell of it. */
static void
handle_deferred (CbsEngine *self)
{
  for (guint n = self->deferred.length; n > 0; n--)
    {
      CbsPeer *peer = pop (&self->deferred);

      if (peer != NULL && !peer->held)
        cbs_engine_receive (self, peer);
    }
}

static void
handle_doomed (CbsEngine *self)
{
  g_autoptr (GError) error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                                                  "It did not take what was sent to it");
  CbsPeer *peer = NULL;

  while ((peer = pop (&self->doomed)) != NULL)
    cbs_engine_drop (self, peer, error);
}

static void
handle_deadline (CbsEngine *self,
                 CbsPeer   *peer)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *message = NULL;

  switch (peer->deadline.kind)
    {
    case CBS_DEADLINE_LOG_IN:
      message = g_strdup_printf ("You did not log in within %g seconds",
                                 (double) self->settings.log_in_us / G_USEC_PER_SEC);
      cbs_engine_close (self, peer, message);
      break;
    case CBS_DEADLINE_FRAME:
      message = g_strdup_printf ("A frame was not complete after %g seconds",
                                 (double) self->settings.frame_us / G_USEC_PER_SEC);
      cbs_engine_close (self, peer, message);
      break;
    case CBS_DEADLINE_TLS:
    case CBS_DEADLINE_LINGER:
    case CBS_N_DEADLINES:
    default:
      error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "It took too long");
      cbs_engine_drop (self, peer, error);
      break;
    }
}

static void
handle_deadlines (CbsEngine *self)
{
  const gint64 now_us = g_source_get_time (self->source);
  CbsDeadline *deadline = NULL;

  while ((deadline = cbs_deadlines_pop_expired (&self->deadlines, now_us)) != NULL)
    handle_deadline (self, cbs_peer_from_deadline (deadline));
}

/* One flush a peer and turn: all that a turn brought leaves in one frame. */
static void
flush_dirty (CbsEngine *self)
{
  for (guint n = self->dirty.length; n > 0; n--)
    {
      CbsPeer *peer = pop (&self->dirty);

      if (peer != NULL)
        cbs_engine_flush (self, peer);
    }
  cbs_frames_forget (&self->frames);
}

static gboolean
has_work (CbsEngine *self)
{
  return self->dirty.length > 0 || self->deferred.length > 0 || self->doomed.length > 0;
}

static gboolean
engine_prepare (GSource *source,
                int     *timeout)
{
  *timeout = -1;
  return has_work (((EngineSource *) source)->engine);
}

static gboolean
engine_check (GSource *source)
{
  CbsEngine *self = ((EngineSource *) source)->engine;

  return has_work (self) || g_source_query_unix_fd (source, self->epoll_tag) != 0;
}

static gboolean
engine_dispatch (GSource    *source,
                 GSourceFunc callback,
                 gpointer    user_data)
{
  CbsEngine *self = ((EngineSource *) source)->engine;

  handle_deferred (self);
  handle_events (self);
  handle_deadlines (self);
  handle_doomed (self);
  flush_dirty (self);

  g_ptr_array_set_size (self->closed, 0);
  g_source_set_ready_time (source, cbs_deadlines_get_next_us (&self->deadlines));
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs engine_source_funcs = {
  .prepare = engine_prepare,
  .check = engine_check,
  .dispatch = engine_dispatch,
};

/**
 * cbs_engine_new:
 * @settings: its settings; copied
 * @credentials: what the server shows
 * @handler: what to tell the owner; copied
 * @user_data: data for @handler
 * @error: return location for a #GError
 *
 * Makes an engine in the thread-default main context.
 *
 * Returns: (transfer full): an engine, or %NULL with a #GIOErrorEnum
 */
CbsEngine *
cbs_engine_new (const CbsEngineSettings *settings,
                CbsTlsCredentials       *credentials,
                const CbsEngineHandler  *handler,
                gpointer                 user_data,
                GError                 **error)
{
  CbsEngine *self = NULL;
  const int epoll_fd = epoll_create1 (EPOLL_CLOEXEC);

  if (epoll_fd < 0)
    {
      const int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (saved_errno),
                   "No epoll descriptor can be had: %s", g_strerror (saved_errno));
      return NULL;
    }

  self = g_new0 (CbsEngine, 1);
  self->settings = *settings;
  self->credentials = g_object_ref (credentials);
  self->handler = *handler;
  self->user_data = user_data;
  self->epoll_fd = epoll_fd;
  self->peers = g_hash_table_new (g_int64_hash, g_int64_equal);
  self->online = g_ptr_array_new ();
  self->closed = g_ptr_array_new_with_free_func ((GDestroyNotify) peer_free);
  self->deadlines.allowed_us[CBS_DEADLINE_TLS] = settings->tls_us;
  self->deadlines.allowed_us[CBS_DEADLINE_LOG_IN] = settings->log_in_us;
  self->deadlines.allowed_us[CBS_DEADLINE_FRAME] = settings->frame_us;
  self->deadlines.allowed_us[CBS_DEADLINE_LINGER] = LINGER_US;
  self->input = g_malloc (INPUT_SIZE);
  cbs_frames_init (&self->frames);

  self->source = g_source_new (&engine_source_funcs, sizeof (EngineSource));
  ((EngineSource *) self->source)->engine = self;
  g_source_set_static_name (self->source, "chatterbox-engine");
  /* It never runs a main loop of its own. Otherwise GLib takes the descriptor out and puts it back
   * around every dispatch, at the price of some system calls a turn. */
  g_source_set_can_recurse (self->source, TRUE);
  self->epoll_tag = g_source_add_unix_fd (self->source, epoll_fd, G_IO_IN);
  g_source_attach (self->source, g_main_context_get_thread_default ());
  return self;
}

/**
 * cbs_engine_free:
 * @self: (transfer full): an engine, not from within its own calls
 *
 * Ends what connections are left, without a word, and frees the engine.
 */
void
cbs_engine_free (CbsEngine *self)
{
  GHashTableIter iter;
  gpointer peer = NULL;

  g_return_if_fail (self != NULL);

  for (;;)
    {
      g_hash_table_iter_init (&iter, self->peers);
      if (!g_hash_table_iter_next (&iter, NULL, &peer))
        break;
      cbs_engine_drop (self, peer, NULL);
    }

  g_source_destroy (self->source);
  g_source_unref (self->source);
  close (self->epoll_fd);
  g_ptr_array_unref (self->closed);
  g_ptr_array_unref (self->online);
  g_hash_table_unref (self->peers);
  g_object_unref (self->credentials);
  cbs_frames_clear (&self->frames);
  g_free (self->input);
  g_free (self);
}

static void
tune_socket (GSocket *socket)
{
  g_socket_set_keepalive (socket, TRUE);
  /* All of them only make it better: a socket that knows none of them still serves. */
  g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
  g_socket_set_option (socket, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S, NULL);
  g_socket_set_option (socket, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS, NULL);
}

/**
 * cbs_engine_adopt:
 * @self: an engine
 * @connection: a connection that has just been accepted
 * @error: return location for a #GError
 *
 * Takes over a connection: from now on the engine owns it.
 *
 * Returns: (transfer none): its peer, or %NULL with a #GIOErrorEnum
 */
CbsPeer *
cbs_engine_adopt (CbsEngine         *self,
                  GSocketConnection *connection,
                  GError           **error)
{
  GSocket *socket = g_socket_connection_get_socket (connection);
  CbsPeer *peer = g_new0 (CbsPeer, 1);
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = peer };

  tune_socket (socket);
  peer->fd = g_socket_get_fd (socket);
  if (epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, peer->fd, &event) != 0)
    {
      const int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (saved_errno),
                   "The connection can't be watched: %s", g_strerror (saved_errno));
      g_free (peer);
      return NULL;
    }

  peer->number = ++self->last_number;
  peer->state = CBS_PEER_HANDSHAKE;
  peer->base = g_object_ref (G_IO_STREAM (connection));
  peer->tls = cbs_tls_connection_new (peer->base, self->credentials);
  peer->interest = event.events;
  peer->online_index = G_MAXUINT;
  peer->reader.max_len = self->settings.frame_before_login;
  g_hash_table_insert (self->peers, &peer->number, peer);
  cbs_deadlines_set (&self->deadlines, &peer->deadline, CBS_DEADLINE_TLS, g_get_monotonic_time ());
  g_source_set_ready_time (self->source, cbs_deadlines_get_next_us (&self->deadlines));
  return peer;
}

/**
 * cbs_engine_find:
 * @self: an engine
 * @number: number of a peer
 *
 * Finds a peer whose connection has not ended.
 *
 * Returns: (transfer none) (nullable): the peer
 */
CbsPeer *
cbs_engine_find (CbsEngine *self,
                 guint64    number)
{
  return g_hash_table_lookup (self->peers, &number);
}

/**
 * cbs_engine_get_online:
 * @self: an engine
 *
 * Gets the peers that are logged in.
 *
 * Returns: (transfer none) (element-type CbsPeer): the peers, in no order
 */
GPtrArray *
cbs_engine_get_online (CbsEngine *self)
{
  return self->online;
}

/**
 * cbs_engine_count:
 * @self: an engine
 *
 * Counts the connections.
 *
 * Returns: how many have not ended
 */
guint
cbs_engine_count (CbsEngine *self)
{
  return g_hash_table_size (self->peers);
}

/**
 * cbs_engine_set_online:
 * @self: an engine
 * @peer: a peer that awaits its login
 *
 * Notes that a peer is logged in: it may send larger frames, and take its time.
 */
void
cbs_engine_set_online (CbsEngine *self,
                       CbsPeer   *peer)
{
  /* What was answered before must not come behind the past. */
  cbs_outbox_seal (&peer->outbox);
  peer->state = CBS_PEER_ONLINE;
  peer->reader.max_len = self->settings.frame;
  peer->online_index = self->online->len;
  g_ptr_array_add (self->online, peer);
  cbs_deadlines_clear (&self->deadlines, &peer->deadline);
}

/**
 * cbs_engine_wake:
 * @self: an engine
 * @peer: a peer
 *
 * Sees to it that what waits for a peer is sent in this turn, or the next.
 */
void
cbs_engine_wake (CbsEngine *self,
                 CbsPeer   *peer)
{
  if (peer->dirty_link.data != NULL || peer->state == CBS_PEER_CLOSED)
    return;

  peer->dirty_link.data = peer;
  g_queue_push_tail_link (&self->dirty, &peer->dirty_link);
}

/**
 * cbs_engine_send:
 * @self: an engine
 * @peer: a peer
 * @fragment: what to send
 *
 * Adds to the peer's next frame. A peer whose outbox is over its limit is
 * doomed: it slows nobody.
 */
void
cbs_engine_send (CbsEngine   *self,
                 CbsPeer     *peer,
                 CbsFragment *fragment)
{
  if ((peer->state & (CBS_PEER_LOGIN | CBS_PEER_ONLINE | CBS_PEER_CLOSING)) == 0)
    return;

  cbs_outbox_push (&peer->outbox, fragment);
  if (cbs_outbox_get_size (&peer->outbox) > self->settings.outbox && peer->state == CBS_PEER_ONLINE)
    cbs_engine_doom (self, peer);
  else if (!peer->blocked)
    cbs_engine_wake (self, peer);
}

/**
 * cbs_engine_hold:
 * @self: an engine
 * @peer: a peer
 *
 * Stops reading from a peer until it is released: what it has asked for has
 * to be done first.
 */
void
cbs_engine_hold (CbsEngine *self,
                 CbsPeer   *peer)
{
  peer->held = TRUE;
  cbs_deadlines_clear (&self->deadlines, &peer->deadline);
  cbs_engine_set_interest (self, peer);
}

/**
 * cbs_engine_release:
 * @self: an engine
 * @peer: a peer that is held
 *
 * Goes on reading from a peer, at first what it had sent meanwhile.
 */
void
cbs_engine_release (CbsEngine *self,
                    CbsPeer   *peer)
{
  peer->held = FALSE;
  if (peer->state == CBS_PEER_LOGIN)
    cbs_deadlines_set (&self->deadlines, &peer->deadline, CBS_DEADLINE_LOG_IN,
                       g_get_monotonic_time ());
  cbs_engine_set_interest (self, peer);
  cbs_engine_process_stash (self, peer);

  if (!peer->held && peer->state != CBS_PEER_CLOSED && peer->deferred_link.data == NULL &&
      cbs_tls_connection_is_readable (peer->tls))
    {
      peer->deferred_link.data = peer;
      g_queue_push_tail_link (&self->deferred, &peer->deferred_link);
    }
}

/**
 * cbs_engine_close:
 * @self: an engine
 * @peer: a peer
 * @message: (nullable): what to tell it, in an ERROR
 *
 * Ends a conversation: what waits is sent, then the connection is closed;
 * what the peer still sends is not read.
 */
void
cbs_engine_close (CbsEngine  *self,
                  CbsPeer    *peer,
                  const char *message)
{
  if ((peer->state & (CBS_PEER_LOGIN | CBS_PEER_ONLINE)) == 0)
    return;

  if (message != NULL)
    {
      g_autoptr (CbsFragment) fragment = cbs_fragment_new_text (CBS_FRAGMENT_ERROR, message);

      cbs_outbox_push (&peer->outbox, fragment);
    }
  remove_online (self, peer);
  peer->state = CBS_PEER_CLOSING;
  peer->held = FALSE;
  g_clear_pointer (&peer->stash, g_byte_array_unref);
  cb_frame_reader_clear (&peer->reader);
  cbs_deadlines_set (&self->deadlines, &peer->deadline, CBS_DEADLINE_LINGER, g_get_monotonic_time ());
  cbs_engine_wake (self, peer);
}

/**
 * cbs_engine_doom:
 * @self: an engine
 * @peer: a peer
 *
 * Drops a peer at the end of the turn. Unlike the rest it may be called while
 * the peers are walked.
 */
void
cbs_engine_doom (CbsEngine *self,
                 CbsPeer   *peer)
{
  if (peer->doomed_link.data != NULL || peer->state == CBS_PEER_CLOSED)
    return;

  peer->doomed_link.data = peer;
  g_queue_push_tail_link (&self->doomed, &peer->doomed_link);
  cbs_outbox_clear (&peer->outbox);
}

/**
 * cbs_engine_close_all:
 * @self: an engine
 *
 * Ends all conversations. Who has not got so far as to log in is dropped.
 */
void
cbs_engine_close_all (CbsEngine *self)
{
  g_autoptr (GList) peers = g_hash_table_get_values (self->peers);

  for (GList *l = peers; l != NULL; l = l->next)
    {
      CbsPeer *peer = l->data;

      if (peer->state == CBS_PEER_HANDSHAKE)
        cbs_engine_doom (self, peer);
      else
        cbs_engine_close (self, peer, NULL);
    }
}
