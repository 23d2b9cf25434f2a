/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * CbsGate:
 *
 * Accounts for connections that are not logged in yet, each address and all
 * together, and names the one that has to go when there are too many: the one
 * that has made no progress for longest.
 *
 * Pure: it knows no socket and no clock.
 */
typedef struct _CbsGate CbsGate;
typedef struct _CbsGateAddress CbsGateAddress;

/**
 * CbsGateTicket:
 *
 * One connection's place; part of whatever stands for the connection. All
 * zero is one that is not inside.
 */
typedef struct
{
  /*< private >*/
  GList           in_all;
  GList           in_address;
  CbsGateAddress *address;
} CbsGateTicket;

CbsGate       *cbs_gate_new (guint max_each,
                             guint max_all);
void           cbs_gate_free (CbsGate *self);
guint64        cbs_gate_get_key (GInetAddress *address);
CbsGateTicket *cbs_gate_enter (CbsGate       *self,
                               CbsGateTicket *ticket,
                               guint64        key);
void           cbs_gate_progress (CbsGate       *self,
                                  CbsGateTicket *ticket);
void           cbs_gate_leave (CbsGate       *self,
                               CbsGateTicket *ticket);
guint          cbs_gate_count (CbsGate *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsGate, cbs_gate_free)

G_END_DECLS
