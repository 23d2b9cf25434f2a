/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/cbs-gate.h"

#include <string.h>

struct _CbsGateAddress
{
  guint64 key;
  GQueue  tickets; /* by progress, the longest idle first */
};

struct _CbsGate
{
  guint       max_each;
  guint       max_all;
  GQueue      tickets;   /* by progress, the longest idle first */
  GHashTable *addresses; /* of CbsGateAddress, by key */
};

/* No IPv6 prefix that a connection can come from lies there. */
#define V4_KEYS (G_GUINT64_CONSTANT (0xffff) << 32)

/**
 * cbs_gate_new:
 * @max_each: most unfinished connections of one address
 * @max_all: most unfinished connections together
 *
 * Makes a gate that nobody stands in.
 *
 * Returns: (transfer full): a gate
 */
CbsGate *
cbs_gate_new (guint max_each,
              guint max_all)
{
  CbsGate *self = g_new0 (CbsGate, 1);

  self->max_each = max_each;
  self->max_all = max_all;
  g_queue_init (&self->tickets);
  self->addresses = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, g_free);
  return self;
}

/**
 * cbs_gate_free:
 * @self: (transfer full): a gate
 *
 * Frees a gate; everybody must have left.
 */
void
cbs_gate_free (CbsGate *self)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (self->tickets.length == 0);

  g_hash_table_unref (self->addresses);
  g_free (self);
}

/**
 * cbs_gate_get_key:
 * @address: where a connection comes from
 *
 * Finds what counts as one address: all of an IPv4 address, also if it comes
 * mapped into IPv6, and the first 64 bits of an IPv6 address, which one host
 * usually has for itself.
 *
 * Returns: the key
 */
guint64
cbs_gate_get_key (GInetAddress *address)
{
  static const guint8 mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
  const guint8 *bytes = g_inet_address_to_bytes (address);
  guint64 prefix = 0;
  guint32 v4 = 0;

  if (g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV4)
    {
      memcpy (&v4, bytes, sizeof v4);
      return V4_KEYS | GUINT32_FROM_BE (v4);
    }
  if (memcmp (bytes, mapped, sizeof mapped) == 0)
    {
      memcpy (&v4, bytes + sizeof mapped, sizeof v4);
      return V4_KEYS | GUINT32_FROM_BE (v4);
    }

  memcpy (&prefix, bytes, sizeof prefix);
  return GUINT64_FROM_BE (prefix);
}

static CbsGateAddress *
ensure_address (CbsGate *self,
                guint64  key)
{
  CbsGateAddress *address = g_hash_table_lookup (self->addresses, &key);

  if (address == NULL)
    {
      address = g_new0 (CbsGateAddress, 1);
      address->key = key;
      g_queue_init (&address->tickets);
      g_hash_table_insert (self->addresses, &address->key, address);
    }

  return address;
}

/**
 * cbs_gate_enter:
 * @self: a gate
 * @ticket: a connection that has just been accepted
 * @key: its address, see [func@cbs_gate_get_key]
 *
 * Lets a connection in.
 *
 * Returns: (nullable): the connection that has to go for it, which its owner
 *   takes out with [func@cbs_gate_leave]; never @ticket itself
 */
CbsGateTicket *
cbs_gate_enter (CbsGate       *self,
                CbsGateTicket *ticket,
                guint64        key)
{
  CbsGateTicket *victim = NULL;

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (ticket != NULL && ticket->address == NULL, NULL);

  ticket->address = ensure_address (self, key);
  if (ticket->address->tickets.length >= self->max_each)
    victim = g_queue_peek_head (&ticket->address->tickets);
  else if (self->tickets.length >= self->max_all)
    victim = g_queue_peek_head (&self->tickets);

  ticket->in_all.data = ticket;
  ticket->in_address.data = ticket;
  g_queue_push_tail_link (&self->tickets, &ticket->in_all);
  g_queue_push_tail_link (&ticket->address->tickets, &ticket->in_address);
  return victim;
}

/**
 * cbs_gate_progress:
 * @self: a gate
 * @ticket: a connection
 *
 * Notes that a connection has reached the next step. One that is not inside
 * is left alone.
 */
void
cbs_gate_progress (CbsGate       *self,
                   CbsGateTicket *ticket)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (ticket != NULL);

  if (ticket->address == NULL)
    return;

  g_queue_unlink (&self->tickets, &ticket->in_all);
  g_queue_push_tail_link (&self->tickets, &ticket->in_all);
  g_queue_unlink (&ticket->address->tickets, &ticket->in_address);
  g_queue_push_tail_link (&ticket->address->tickets, &ticket->in_address);
}

/**
 * cbs_gate_leave:
 * @self: a gate
 * @ticket: a connection
 *
 * Takes out a connection that logged in or went. One that is not inside is
 * left alone.
 */
void
cbs_gate_leave (CbsGate       *self,
                CbsGateTicket *ticket)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (ticket != NULL);

  if (ticket->address == NULL)
    return;

  g_queue_unlink (&self->tickets, &ticket->in_all);
  g_queue_unlink (&ticket->address->tickets, &ticket->in_address);
  if (ticket->address->tickets.length == 0)
    g_hash_table_remove (self->addresses, &ticket->address->key);
  ticket->address = NULL;
}

/**
 * cbs_gate_count:
 * @self: a gate
 *
 * Counts the connections inside.
 *
 * Returns: how many are not logged in yet
 */
guint
cbs_gate_count (CbsGate *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->tickets.length;
}
