/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

/* What chatterboxd is held against: the least that a chat server over TLS can do. One epoll loop
 * over GnuTLS: no log, no check, no objects, no look into what is said. It is no server to use. */

#include <errno.h>
#include <glib.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAX_EVENTS 256
#define BACKLOG 1024
#define HEADER_LEN 4
#define READ_SIZE 16384

#define ANSWER "{\"USERNAME_ACCEPTED\":true,\"INFO\":\"\",\"USER_LIST\":[],\"MESSAGES\":[]}"

typedef enum
{
  PEER_HANDSHAKE,
  PEER_LOGIN,
  PEER_ONLINE,
  PEER_CLOSED,
} PeerState;

typedef struct
{
  int              fd;
  PeerState        state;
  guint            index;  /* its place among the peers */
  gnutls_session_t session;
  GByteArray      *input;  /* a frame that was begun; NULL: none */
  GByteArray      *output; /* what the socket did not take; NULL: none */
  gboolean         held;   /* GnuTLS holds a record of the output */
} Peer;

typedef struct
{
  char                            *certificate;
  char                            *private_key;
  gboolean                         coalesce;
  gboolean                         partner;

  int                              epoll_fd;
  int                              listener;
  gnutls_certificate_credentials_t credentials;
  gnutls_priority_t                priority;
  GPtrArray                       *peers;  /* of Peer, none of them closed; NULL where one was */
  GPtrArray                       *closed; /* of Peer: freed at the end of the turn */
  GByteArray                      *said;   /* in this turn, if it coalesces */
  guint8                           plain[READ_SIZE];
} Loop;

static void
peer_free (Peer *peer)
{
  gnutls_deinit (peer->session);
  close (peer->fd);
  g_clear_pointer (&peer->input, g_byte_array_unref);
  g_clear_pointer (&peer->output, g_byte_array_unref);
  g_free (peer);
}

static void
drop (Loop *self,
      Peer *peer)
{
  if (peer->state == PEER_CLOSED)
    return;

  peer->state = PEER_CLOSED;
  g_ptr_array_index (self->peers, peer->index) = NULL;
  g_ptr_array_add (self->closed, peer);
}

static void
set_interest (Loop   *self,
              Peer   *peer,
              guint32 events)
{
  struct epoll_event event = { .events = events, .data.ptr = peer };

  epoll_ctl (self->epoll_fd, EPOLL_CTL_MOD, peer->fd, &event);
}

static gboolean
is_again (gssize result)
{
  return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED;
}

/* Writes what waits. */
static void
flush (Loop *self,
       Peer *peer)
{
  while (peer->output != NULL)
    {
      const gssize n = peer->held
                       ? gnutls_record_send (peer->session, NULL, 0)
                       : gnutls_record_send (peer->session, peer->output->data, peer->output->len);

      peer->held = is_again (n);
      if (peer->held)
        {
          set_interest (self, peer, EPOLLIN | EPOLLOUT);
          return;
        }
      if (n < 0)
        {
          drop (self, peer);
          return;
        }
      g_byte_array_remove_range (peer->output, 0, (guint) n);
      if (peer->output->len == 0)
        g_clear_pointer (&peer->output, g_byte_array_unref);
    }
}

/* Straight from the shared bytes if the socket takes them. */
static void
send_to (Loop         *self,
         Peer         *peer,
         const guint8 *data,
         gsize         len)
{
  while (peer->output == NULL && len > 0)
    {
      const gssize n = gnutls_record_send (peer->session, data, len);

      peer->held = is_again (n);
      if (peer->held)
        {
          set_interest (self, peer, EPOLLIN | EPOLLOUT);
          break;
        }
      if (n < 0)
        {
          drop (self, peer);
          return;
        }
      data += n;
      len -= (gsize) n;
    }

  if (len == 0)
    return;
  if (peer->output == NULL)
    peer->output = g_byte_array_new ();
  g_byte_array_append (peer->output, data, (guint) len);
}

static void
send_to_all (Loop         *self,
             const guint8 *data,
             gsize         len)
{
  for (guint i = 0; i < self->peers->len; i++)
    {
      Peer *peer = g_ptr_array_index (self->peers, i);

      if (peer != NULL && peer->state == PEER_ONLINE)
        send_to (self, peer, data, len);
    }
}

static void
handle_frame (Loop         *self,
              Peer         *peer,
              const guint8 *frame,
              gsize         len)
{
  if (peer->state == PEER_LOGIN)
    {
      static const guint8 header[HEADER_LEN] = { 0, 0, 0, sizeof ANSWER - 1 };
      static const char answer[] = ANSWER;
      guint8 reply[HEADER_LEN + sizeof ANSWER - 1];

      memcpy (reply, header, HEADER_LEN);
      memcpy (reply + HEADER_LEN, answer, sizeof ANSWER - 1);
      peer->state = PEER_ONLINE;
      send_to (self, peer, reply, sizeof reply);
    }
  else if (self->coalesce)
    g_byte_array_append (self->said, frame, (guint) len);
  else if (!self->partner)
    send_to_all (self, frame, len);
  else if ((peer->index ^ 1) < self->peers->len)
    {
      Peer *other = g_ptr_array_index (self->peers, peer->index ^ 1);

      if (other != NULL && other->state == PEER_ONLINE)
        send_to (self, other, frame, len);
    }
}

static void
take_plain (Loop *self,
            Peer *peer,
            gsize len)
{
  gsize done = 0;

  if (peer->input == NULL)
    peer->input = g_byte_array_new ();
  g_byte_array_append (peer->input, self->plain, (guint) len);

  while (peer->state != PEER_CLOSED && peer->input->len - done >= HEADER_LEN)
    {
      guint32 prefix = 0;

      memcpy (&prefix, peer->input->data + done, HEADER_LEN);
      prefix = GUINT32_FROM_BE (prefix);
      if (peer->input->len - done - HEADER_LEN < prefix)
        break;
      handle_frame (self, peer, peer->input->data + done, HEADER_LEN + prefix);
      done += HEADER_LEN + prefix;
    }

  if (done == peer->input->len)
    g_clear_pointer (&peer->input, g_byte_array_unref);
  else
    g_byte_array_remove_range (peer->input, 0, (guint) done);
}

static void
receive (Loop *self,
         Peer *peer)
{
  if (peer->state == PEER_HANDSHAKE)
    {
      const int result = gnutls_handshake (peer->session);

      if (result < 0 && gnutls_error_is_fatal (result))
        drop (self, peer);
      if (result < 0)
        return;
      peer->state = PEER_LOGIN;
    }

  while (peer->state != PEER_CLOSED)
    {
      const gssize n = gnutls_record_recv (peer->session, self->plain, READ_SIZE);

      if (is_again (n))
        return;
      if (n > 0)
        take_plain (self, peer, (gsize) n);
      else
        drop (self, peer);
    }
}

static void
accept_peer (Loop *self)
{
  const int on = 1;
  const int fd = accept4 (self->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  struct epoll_event event = { .events = EPOLLIN };
  Peer *peer = NULL;

  if (fd < 0)
    return;

  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  peer = g_new0 (Peer, 1);
  peer->fd = fd;
  gnutls_init (&peer->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
  gnutls_priority_set (peer->session, self->priority);
  gnutls_credentials_set (peer->session, GNUTLS_CRD_CERTIFICATE, self->credentials);
  gnutls_transport_set_int (peer->session, fd);

  event.data.ptr = peer;
  peer->index = self->peers->len;
  g_ptr_array_add (self->peers, peer);
  epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void
turn (Loop *self)
{
  struct epoll_event events[MAX_EVENTS];
  const int n_events = epoll_wait (self->epoll_fd, events, MAX_EVENTS, -1);

  for (int i = 0; i < n_events; i++)
    {
      Peer *peer = events[i].data.ptr;

      if (peer == NULL)
        accept_peer (self);
      else if (peer->state != PEER_CLOSED)
        {
          if (events[i].events & EPOLLOUT)
            {
              set_interest (self, peer, EPOLLIN);
              flush (self, peer);
            }
          receive (self, peer);
        }
    }

  if (self->said->len > 0)
    send_to_all (self, self->said->data, self->said->len);
  g_byte_array_set_size (self->said, 0);
  g_ptr_array_set_size (self->closed, 0);
}

static void
listen_on_any_port (Loop *self)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = g_htonl (INADDR_LOOPBACK) };
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
  socklen_t size = sizeof address;

  self->listener = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  if (self->listener < 0 || self->epoll_fd < 0 ||
      bind (self->listener, (struct sockaddr *) &address, size) != 0 ||
      listen (self->listener, BACKLOG) != 0 ||
      getsockname (self->listener, (struct sockaddr *) &address, &size) != 0 ||
      epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, self->listener, &event) != 0)
    g_error ("No socket can be had: %s", g_strerror (errno));

  printf ("Listening on 127.0.0.1:%u\n", g_ntohs (address.sin_port));
  fflush (stdout);
}

static void
set_up (Loop *self)
{
  struct rlimit limit = { 0, 0 };

  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);

  if (gnutls_certificate_allocate_credentials (&self->credentials) < 0 ||
      gnutls_certificate_set_x509_key_file (self->credentials, self->certificate, self->private_key,
                                            GNUTLS_X509_FMT_PEM) < 0 ||
      gnutls_priority_init (&self->priority, "NORMAL", NULL) < 0)
    g_error ("The certificate can't be used");
  self->peers = g_ptr_array_new ();
  self->closed = g_ptr_array_new_with_free_func ((GDestroyNotify) peer_free);
  self->said = g_byte_array_new ();
}

int
main (int   argc,
      char *argv[])
{
  static Loop loop;
  const GOptionEntry entries[] = {
    { "certificate", 0, 0, G_OPTION_ARG_FILENAME, &loop.certificate, "PEM file with the certificate", "FILE" },
    { "private-key", 0, 0, G_OPTION_ARG_FILENAME, &loop.private_key, "PEM file with its key", "FILE" },
    { "coalesce", 0, 0, G_OPTION_ARG_NONE, &loop.coalesce, "Write one record a peer and turn", NULL },
    { "partner", 0, 0, G_OPTION_ARG_NONE, &loop.partner, "Pass messages on to one other peer", NULL },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) ||
      loop.certificate == NULL || loop.private_key == NULL)
    {
      g_printerr ("bare-loop: %s\n", error != NULL ? error->message : "--certificate and --private-key are needed");
      return 1;
    }

  set_up (&loop);
  listen_on_any_port (&loop);
  for (;;)
    turn (&loop);
}
