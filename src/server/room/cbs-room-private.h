/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "libchatterbox/cb-name.h"
#include "server/room/cbs-room.h"
#include "server/room/cbs-user.h"

G_BEGIN_DECLS

typedef enum
{
  CBS_MEMBER_JOINING,   /* its join is on the way to the log */
  CBS_MEMBER_ABANDONED, /* so, and the peer has gone meanwhile */
  CBS_MEMBER_HERE,
  CBS_MEMBER_LEAVING, /* its leave is on the way to the log */
  CBS_MEMBER_STUCK,   /* the log had no room for its leave */
} CbsMemberState;

/* A peer that has asked for a name. */
typedef struct
{
  guint64        peer;
  CbsMemberState state;
  CbName        *name;
  CbsUser       *user; /* once it is here */

  /* The answer to the command under way: it is due when all its entries are committed. */
  guint          n_uncommitted;
  char          *answer;
  gint64         answer_time_s;
} CbsMember;

struct _CbsRoom
{
  CbsRoomSettings settings;
  GHashTable     *users;    /* of CbsUser, by key */
  GHashTable     *spelled;  /* the same, by name as last shown; owns nothing */
  GPtrArray      *everyone; /* the same, in the order of their first join */
  GPtrArray      *online;   /* of CbsUser, in the order of their joins */
  GHashTable     *members;  /* of CbsMember, by peer */
  guint           n_stuck;  /* how many of them are stuck */
  GBytes         *user_list; /* the USER_LIST as the wire has it; NULL: has to be written */
};

CbsUser *cbs_room_find_user (CbsRoom    *self,
                             const char *name);
char    *cbs_room_excerpt (const char *text);
void     cbs_room_reply_error (CbsEffects *effects,
                               guint64     peer,
                               const char *format,
                               ...) G_GNUC_PRINTF (3, 4);
void     cbs_room_answer (CbsMember  *member,
                          gint64      time_s,
                          const char *text,
                          CbsEffects *effects);
void     cbs_room_run_command (CbsRoom    *self,
                               CbsMember  *member,
                               CbMessage  *message,
                               CbsEffects *effects);

G_END_DECLS
