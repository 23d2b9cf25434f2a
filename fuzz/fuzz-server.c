/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fuzz/fuzz.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/test-certs.h"
#include "server/cbs-server.h"
#include "server/log/cbs-log-memory.h"

/* Inputs after which the server is made anew: its log remembers all that was said. */
#define MAX_RUNS 256

/* Ends a frame in the input: UTF-8 has no such byte. */
#define SEPARATOR 0xff

#define LOGIN "{\"USERNAME\":\"n%u\",\"FEATURES\":[\"message-ids\",\"history\",\"search\",\"users\",\"blocks\"," \
  "\"read-markers\",\"identity\",\"utf8\"]}"

static TestCerts *certs;
static CbsConfig *config;
static CbsServer *server;
static guint16 port;
static guint n_runs;

/* A peer of the server, as plain as can be. */
typedef struct
{
  int                              fd;
  gnutls_session_t                 session;
  gnutls_certificate_credentials_t credentials;
} Peer;

static void
start_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_autoptr (GError) error = NULL;

  cbs_server_start_finish (CBS_SERVER (source), result, &error);
  g_assert_no_error (error);
  *(gboolean *) user_data = TRUE;
}

static void
stop_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  cbs_server_stop_finish (CBS_SERVER (source), result, NULL);
  *(gboolean *) user_data = TRUE;
}

static void
set_up (void)
{
  if (certs != NULL)
    return;

  certs = test_certs_new ();
  config = cbs_config_new ();
  config->certificate = g_strdup (certs->cert);
  config->private_key = g_strdup (certs->key);
  config->ephemeral = TRUE;
  g_strfreev (config->listen);
  config->listen = g_strdupv ((char **) (const char *const[]) { "127.0.0.1:0", NULL });
}

static void
stop_server (void)
{
  gboolean stopped = FALSE;

  if (server == NULL)
    return;

  cbs_server_stop_async (server, stop_cb, &stopped);
  while (!stopped)
    g_main_context_iteration (NULL, TRUE);
  g_clear_object (&server);
}

static void
start_server (void)
{
  g_autoptr (CbsLog) log = cbs_log_memory_new ();
  g_autoptr (CbsTlsCredentials) credentials = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) addresses = NULL;
  gboolean started = FALSE;

  credentials = cbs_tls_credentials_new_from_files (config->certificate, config->private_key, &error);
  g_assert_no_error (error);
  server = cbs_server_new (config, credentials, log);
  cbs_server_start_async (server, start_cb, &started);
  while (!started)
    g_main_context_iteration (NULL, TRUE);
  addresses = cbs_server_dup_addresses (server);
  port = (guint16) g_ascii_strtoull (strrchr (addresses[0], ':') + 1, NULL, 10);
}

static void
peer_open (Peer *self)
{
  const struct sockaddr_in address = {
    .sin_family = AF_INET, .sin_port = g_htons (port), .sin_addr.s_addr = g_htonl (INADDR_LOOPBACK),
  };
  const int on = 1;

  self->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_no_errno (connect (self->fd, (const struct sockaddr *) &address, sizeof address));
  g_assert_no_errno (fcntl (self->fd, F_SETFL, O_NONBLOCK));
  g_assert_no_errno (setsockopt (self->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
  gnutls_certificate_allocate_credentials (&self->credentials);
  gnutls_init (&self->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
  gnutls_priority_set_direct (self->session, "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL);
  gnutls_credentials_set (self->session, GNUTLS_CRD_CERTIFICATE, self->credentials);
  gnutls_transport_set_int (self->session, self->fd);
}

static void
peer_close (Peer *self)
{
  gnutls_deinit (self->session);
  gnutls_certificate_free_credentials (self->credentials);
  close (self->fd);
}

/* GnuTLS waits by poll(): here it is the server that has to do something. */
static gboolean
goes_on (ssize_t result)
{
  if (result != GNUTLS_E_AGAIN && result != GNUTLS_E_INTERRUPTED)
    return FALSE;

  g_main_context_iteration (NULL, FALSE);
  return TRUE;
}

static void
peer_send (Peer       *self,
           const void *data,
           gsize       len)
{
  const guint32 prefix = GUINT32_TO_BE ((guint32) len);
  g_autofree guint8 *frame = g_malloc (sizeof prefix + len);
  ssize_t result = 0;

  memcpy (frame, &prefix, sizeof prefix);
  memcpy (frame + sizeof prefix, data, len);
  do
    result = gnutls_record_send (self->session, frame, sizeof prefix + len);
  while (goes_on (result));
}

/* Says each part of the input as a frame, and nothing more; then reads to the end. */
static void
peer_talk (Peer         *self,
           const guint8 *data,
           gsize         size)
{
  guint8 buffer[16384];
  ssize_t result = 0;

  while (size > 0)
    {
      const guint8 *end = memchr (data, SEPARATOR, size);
      const gsize len = end != NULL ? (gsize) (end - data) : size;

      peer_send (self, data, len);
      data += MIN (size, len + 1);
      size -= MIN (size, len + 1);
    }

  do
    result = gnutls_bye (self->session, GNUTLS_SHUT_WR);
  while (goes_on (result));
  do
    result = gnutls_record_recv (self->session, buffer, sizeof buffer);
  while (result > 0 || goes_on (result) || (result < 0 && !gnutls_error_is_fatal ((int) result)));
}

/* A session of the server: somebody logs in with all features, or not, and says this. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  Peer peer = { 0, };
  int result = 0;

  if (size < 1 || size > 16384)
    return 0;

  set_up ();
  if (n_runs++ % MAX_RUNS == 0)
    {
      stop_server ();
      start_server ();
    }

  peer_open (&peer);
  do
    result = gnutls_handshake (peer.session);
  while (goes_on (result));
  g_assert_cmpint (result, ==, GNUTLS_E_SUCCESS);
  if (data[0] % 2 == 1)
    {
      g_autofree char *login = g_strdup_printf (LOGIN, n_runs);

      peer_send (&peer, login, strlen (login));
    }
  peer_talk (&peer, data + 1, size - 1);
  peer_close (&peer);
  return 0;
}
