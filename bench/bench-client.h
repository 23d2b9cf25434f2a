/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>

G_BEGIN_DECLS

/* What one record may hold, and what is taken from a socket at once. */
#define BENCH_RECORD_SIZE 16384
#define BENCH_READ_SIZE (64 * 1024)

/**
 * BenchClientState:
 * @BENCH_CLIENT_CONNECTING: TCP is not complete
 * @BENCH_CLIENT_HANDSHAKE: TLS is not complete
 * @BENCH_CLIENT_LOGIN: the answer to the login is awaited
 * @BENCH_CLIENT_ONLINE: logged in
 *
 * Where a client stands.
 */
typedef enum
{
  BENCH_CLIENT_CONNECTING,
  BENCH_CLIENT_HANDSHAKE,
  BENCH_CLIENT_LOGIN,
  BENCH_CLIENT_ONLINE,
} BenchClientState;

typedef struct _BenchClient BenchClient;

/**
 * BenchWire:
 * @epoll_fd: what all clients wait on; an event's data is the client
 * @server: where all clients connect to
 * @credentials: what all clients show: nothing
 * @priority: one version and cipher for all, so that servers differ in nothing but themselves
 * @announces_ids: clients ask for the ids of messages
 * @n_online: clients that are logged in
 * @n_records: TLS records that brought data
 * @frame: called with each frame that comes after the login
 * @user_data: data for @frame
 * @cipher: what was just read from a socket
 * @plain: what was just decrypted
 *
 * What clients share.
 */
typedef struct
{
  int                              epoll_fd;
  struct sockaddr_in               server;
  gnutls_certificate_credentials_t credentials;
  gnutls_priority_t                priority;
  gboolean                         announces_ids;
  guint                            n_online;
  guint64                          n_records;
  void (*frame)(BenchClient *client,
                const char  *payload,
                gsize        len,
                gpointer     user_data);
  gpointer user_data;
  guint8   cipher[BENCH_READ_SIZE];
  guint8   plain[BENCH_RECORD_SIZE];
} BenchWire;

/**
 * BenchClient:
 *
 * A client as light as can be, so that the load does not starve the server it
 * measures: a raw GnuTLS session fed from memory, one recv() a turn.
 */
struct _BenchClient
{
  BenchWire       *wire;
  BenchClientState state;
  guint            number; /* its name is the letter b and this number */
  int              fd;
  gnutls_session_t session;
  const guint8    *cipher; /* not yet taken by GnuTLS */
  gsize            cipher_len;
  GByteArray      *input;  /* a frame that was begun; NULL: none */
  GByteArray      *output; /* plain text that the socket did not take; NULL: none */
  gboolean         held;   /* GnuTLS holds a record of the output */
};

BenchWire   *bench_wire_new (guint16 port);
void         bench_wire_free (BenchWire *self);

BenchClient *bench_client_new (BenchWire *wire,
                               guint      number,
                               GError   **error);
void         bench_client_free (BenchClient *self);
gboolean     bench_client_handle (BenchClient *self,
                                  guint32      events,
                                  GError     **error);
gboolean     bench_client_send (BenchClient *self,
                                const char  *payload,
                                gsize        len,
                                GError     **error);
void         bench_client_stop_reading (BenchClient *self);
int          bench_connect (const struct sockaddr_in *server,
                            in_addr_t                 source,
                            GError                  **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchWire, bench_wire_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchClient, bench_client_free)

G_END_DECLS
