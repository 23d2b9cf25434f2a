/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * CbsUser:
 * @key: who it is, see [method@Cb.Name.get_key]
 * @name: the name as it was last shown
 * @peer: number of the peer that the user is here with; 0: offline
 *
 * A user that has been here at least once.
 */
typedef struct
{
  char       *key;
  char       *name;
  guint64     peer;
  /*< private >*/
  GHashTable *blocks;     /* set of CbsUser: whom this one blocks; NULL: nobody */
  GHashTable *blocked_by; /* set of CbsUser: who blocks this one; NULL: nobody */
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

G_END_DECLS
