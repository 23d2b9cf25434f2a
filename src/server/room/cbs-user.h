/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * CbsMember:
 *
 * A peer that is here, or is about to be.
 */
typedef struct _CbsMember CbsMember;

/**
 * CbsUserKey:
 * @id: SHA-256 of the public key, 64 lower-case hexadecimal digits
 * @added_us: when it came to the name, microseconds since the epoch, UTC
 *
 * A key that owns a name.
 */
typedef struct
{
  char  *id;
  gint64 added_us;
} CbsUserKey;

/**
 * CbsUser:
 * @key: who it is, see [method@Cb.Name.get_key]
 * @name: the name as it was last shown
 * @index: its place in the order of the first joins, from 0
 * @since: sequence of the join with which the name came to its holder; 0: it has had no other
 * @members: (nullable): the peers that the user is here with, oldest first; %NULL: offline
 *
 * A user that has been here at least once.
 */
typedef struct
{
  char       *key;
  char       *name;
  guint       index;
  gint64      since;
  CbsMember  *members;
  /*< private >*/
  GHashTable *blocks;     /* set of CbsUser: whom this one blocks; NULL: nobody */
  GHashTable *blocked_by; /* set of CbsUser: who blocks this one; NULL: nobody */
  GPtrArray  *keys;       /* of CbsUserKey, in the order in which they came; NULL: none */
  GHashTable *markers;    /* of gint64, by CbsUser, or by NULL for everybody; NULL: none */
} CbsUser;

CbsUser   *cbs_user_new (const char *key,
                         const char *name);
void       cbs_user_free (CbsUser *self);
void       cbs_user_block (CbsUser *self,
                           CbsUser *other);
void       cbs_user_unblock (CbsUser *self,
                             CbsUser *other);
gboolean   cbs_user_has_blocked (CbsUser *self,
                                 CbsUser *other);
gboolean   cbs_user_is_hidden (CbsUser *self,
                               CbsUser *other);
GPtrArray *cbs_user_list_blocks (CbsUser *self);
GPtrArray *cbs_user_list_hidden (CbsUser *self);
gboolean   cbs_user_add_key (CbsUser    *self,
                             const char *id,
                             gint64      added_us);
gboolean   cbs_user_remove_key (CbsUser    *self,
                                const char *id);
gboolean   cbs_user_has_key (CbsUser    *self,
                             const char *id);
guint      cbs_user_count_keys (CbsUser *self);
gboolean   cbs_user_mark_read (CbsUser *self,
                               CbsUser *other,
                               gint64   seq);
gint64     cbs_user_get_marker (CbsUser *self,
                                CbsUser *other);
GPtrArray *cbs_user_list_marked (CbsUser *self);
void       cbs_user_forget_holder (CbsUser *self);

G_END_DECLS
