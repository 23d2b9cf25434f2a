/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libchatterbox/cb-packet.h"

G_BEGIN_DECLS

/* A member that this version does not know: kept as it was written. */
typedef struct
{
  char *key;
  char *json;
} CbPacketExtra;

typedef enum
{
  CB_PACKET_ACCEPTED_ABSENT,
  CB_PACKET_ACCEPTED_FALSE,
  CB_PACKET_ACCEPTED_TRUE,
} CbPacketAccepted;

struct _CbPacket
{
  grefcount        ref_count;
  char            *username;
  CbPacketAccepted accepted;
  char            *info;
  char            *error;
  GPtrArray       *users; /* of CbUser; NULL where the key is absent */
  GPtrArray       *messages; /* of CbMessage */
  GPtrArray       *joined; /* of names */
  GPtrArray       *left; /* of names */
  GPtrArray       *extras; /* of CbPacketExtra */
  CbFeatures       features; /* what a text may hold while it is read */
};

gboolean cb_packet_is_known_key (const char *key);

G_END_DECLS
