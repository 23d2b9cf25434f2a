/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-features.h"
#include "libchatterbox/cb-frame.h"
#include "libchatterbox/cb-packet.h"
#include "libchatterbox/cb-request.h"
#include "server/cbs-deadlines.h"
#include "server/cbs-gate.h"
#include "server/cbs-outbox.h"
#include "server/cbs-replay.h"
#include "tls/cbs-tls-connection.h"

G_BEGIN_DECLS

/**
 * CbsPeerState:
 * @CBS_PEER_HANDSHAKE: TLS is not complete
 * @CBS_PEER_LOGIN: a name is awaited
 * @CBS_PEER_ONLINE: logged in
 * @CBS_PEER_CLOSING: what waits is sent, then the connection ends; what comes is dropped
 * @CBS_PEER_LINGERING: our side is closed, the peer's is awaited
 * @CBS_PEER_CLOSED: the connection has ended
 *
 * Where a connection stands. The numbers are bits, for sets of states.
 */
typedef enum
{
  CBS_PEER_HANDSHAKE = 1 << 0,
  CBS_PEER_LOGIN = 1 << 1,
  CBS_PEER_ONLINE = 1 << 2,
  CBS_PEER_CLOSING = 1 << 3,
  CBS_PEER_LINGERING = 1 << 4,
  CBS_PEER_CLOSED = 1 << 5,
} CbsPeerState;

/**
 * CbsPeer:
 *
 * One connection. A plain struct, and its parts embedded: it is what an idle
 * user costs. Its first part is the engine's, its second the server's.
 */
typedef struct
{
  guint64           number;
  CbsPeerState      state;
  CbsTlsConnection *tls;
  GIOStream        *base;
  int               fd;
  guint32           interest;     /* what epoll is asked for */
  guint             online_index; /* place among the engine's online peers */
  CbFrameReader     reader;
  GByteArray       *stash; /* input that came before the peer was held; NULL: none */
  CbsOutbox         outbox;
  CbsDeadline       deadline;
  GList             dirty_link;    /* data is NULL while in no list */
  GList             deferred_link; /* likewise */
  GList             doomed_link;   /* likewise */
  guint             held : 1;      /* its input waits for the server */
  guint             blocked : 1;   /* its socket takes nothing now */
  guint             started : 1;   /* its first byte came */
  guint             announcing : 1; /* its login had FEATURES, whatever they are */

  gpointer          owner;
  CbsGateTicket     ticket;
  CbPacket         *packet; /* being handled; NULL: none */
  guint             next_key;
  guint             next_message;
  guint             n_appends; /* entries of its that are on the way to the log */
  gsize             append_bytes;
  char             *user;     /* key of its user, once it is logged in */
  CbFeatures        features; /* of its login; they count once it is logged in */
  CbResume         *resume;   /* what its login wants of the past; NULL: all */
  gint64            request;  /* number that answers to its packet carry, or CBS_NO_REQUEST */
  GCancellable     *reading;  /* of what it is reading of the log; NULL: nothing */
  CbsReplay        *replay; /* while it gets the past; NULL: it gets what is new as it comes */
} CbsPeer;

/* The peer that a part belongs to. */
static inline CbsPeer *
cbs_peer_from_deadline (CbsDeadline *deadline)
{
  return (gpointer) ((char *) deadline - G_STRUCT_OFFSET (CbsPeer, deadline));
}

static inline CbsPeer *
cbs_peer_from_ticket (CbsGateTicket *ticket)
{
  return (gpointer) ((char *) ticket - G_STRUCT_OFFSET (CbsPeer, ticket));
}

G_END_DECLS
