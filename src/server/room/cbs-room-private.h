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

typedef enum
{
  CBS_WAIT_COMMAND, /* a plain client's command */
  CBS_WAIT_BLOCKS,
  CBS_WAIT_KEYS,
  CBS_WAIT_READ,
} CbsWaitKind;

/* A read marker that was asked for. */
typedef struct
{
  CbsUser *other; /* NULL: everybody */
  gint64   id;
  gboolean moved;
} CbsWaitMarker;

/* Something asked for that is answered once all its entries are stored. */
typedef struct
{
  CbsWaitKind kind;
  gint64      request;
  GPtrArray  *entries; /* of CbsEntry: those on the way to the log */
  gboolean    stored;  /* at least one of them has got there */
  gboolean    failed;  /* at least one has not: the answer would claim what has not happened */
  char       *text;    /* COMMAND: the answer */
  gint64      time_s;  /* COMMAND: its time */
  GArray     *markers; /* READ: of CbsWaitMarker */
} CbsWait;

struct _CbsMember
{
  guint64        peer;
  CbsMemberState state;
  gboolean       is_closed; /* its key was revoked */
  CbFeatures     features;
  CbName        *name;
  char          *key_id; /* the key that it has shown; NULL: none */
  CbsUser       *user;   /* once it is here */
  CbsMember     *next;   /* of the same user */
  GList         *waits;  /* of CbsWait */
};

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

CbsUser   *cbs_room_ensure_user (CbsRoom    *self,
                                 const char *key,
                                 const char *name);
CbsUser   *cbs_room_find_user (CbsRoom    *self,
                               const char *name);
CbsMember *cbs_room_find_here (CbsRoom *self,
                               guint64  peer);
char      *cbs_room_excerpt (const char *text);
void       cbs_room_reply_error (CbsEffects *effects,
                                 guint64     peer,
                                 gint64      request,
                                 const char *format,
                                 ...) G_GNUC_PRINTF (4, 5);
void       cbs_room_refuse (CbsEffects *effects,
                            guint64     peer,
                            const char *info);
void       cbs_room_append_leave (CbsMember  *member,
                                  CbsEffects *effects);
void       cbs_room_retry_leaves (CbsRoom    *self,
                                  CbsEffects *effects);
void       cbs_room_answer (CbsMember  *member,
                            gint64      time_s,
                            const char *text,
                            CbsEffects *effects);
void       cbs_room_run_command (CbsRoom    *self,
                                 CbsMember  *member,
                                 CbMessage  *message,
                                 gint64      request,
                                 CbsEffects *effects);

GString   *cbs_room_begin_object (gint64 request);
void       cbs_room_append_text (GString         *json,
                                 const CbsMember *member,
                                 const char      *text);
void       cbs_room_reply_object (CbsEffects *effects,
                                  CbsMember  *member,
                                  GString    *json);

CbsWait   *cbs_wait_new (CbsWaitKind kind,
                         gint64      request);
void       cbs_wait_free (CbsWait *self);
void       cbs_wait_append (CbsWait    *self,
                            CbsMember  *member,
                            CbsEntry   *entry,
                            CbsEffects *effects);
void       cbs_room_wait (CbsMember  *member,
                          CbsWait    *wait,
                          CbsEffects *effects);
gboolean   cbs_room_settle (CbsMember    *member,
                            CbsEntry     *entry,
                            const GError *error,
                            CbsEffects   *effects);

void       cbs_room_append_blocks (GString         *json,
                                   const CbsMember *member);
void       cbs_room_append_markers (GString         *json,
                                    const CbsMember *member,
                                    GPtrArray       *others);
void       cbs_room_append_keys (GString         *json,
                                 const CbsMember *member);
void       cbs_room_push_markers (CbsUser         *user,
                                  const CbsMember *except,
                                  GPtrArray       *others,
                                  CbsEffects      *effects);
void       cbs_room_commit_key (CbsRoom    *self,
                                CbsEntry   *entry,
                                CbsEffects *effects);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsWait, cbs_wait_free)

G_END_DECLS
