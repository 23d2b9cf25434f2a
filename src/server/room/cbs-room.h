/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-features.h"
#include "libchatterbox/cb-message.h"
#include "libchatterbox/cb-request.h"
#include "server/log/cbs-log.h"
#include "server/room/cbs-effects.h"

G_BEGIN_DECLS

/**
 * CbsUserListForm:
 * @CBS_USER_LIST_NAMES: the names of those who are online, as the assignment says
 * @CBS_USER_LIST_OBJECTS: an object for every user ever seen, as the original's client needs it
 *
 * How USER_LIST is written.
 */
typedef enum
{
  CBS_USER_LIST_NAMES,
  CBS_USER_LIST_OBJECTS,
} CbsUserListForm;

/**
 * CbsRoomSettings:
 * @max_content: longest content of a message, in bytes of UTF-8
 * @user_list: how USER_LIST is written
 */
typedef struct
{
  gsize           max_content;
  CbsUserListForm user_list;
} CbsRoomSettings;

/**
 * CbsLogin:
 * @peer: number of the peer who asks
 * @username: the name it asks for, in UTF-8, as it sent it
 * @features: what both ends have announced
 * @key_id: (nullable): the key that it has shown, and may own the name with
 * @address: (nullable): where it comes from
 * @hold_us: how long a name without a key is kept for an address, in microseconds
 *
 * A login that is asked for.
 */
typedef struct
{
  guint64     peer;
  const char *username;
  CbFeatures  features;
  const char *key_id;
  const char *address;
  gint64      hold_us;
} CbsLogin;

/**
 * CbsRoom:
 *
 * Who is here, who may see what, and what each event sends to whom.
 *
 * Pure: it is told events and says what has to be done about them; it knows
 * no socket, no clock and no file. What was appended counts only once it
 * comes back committed.
 */
typedef struct _CbsRoom CbsRoom;

CbsRoom   *cbs_room_new (const CbsRoomSettings *settings);
void       cbs_room_free (CbsRoom *self);
void       cbs_room_load (CbsRoom              *self,
                          const CbsLogSnapshot *snapshot);
void       cbs_room_add_user (CbsRoom    *self,
                              const char *key,
                              const char *name);
void       cbs_room_add_block (CbsRoom    *self,
                               const char *src,
                               const char *dest);
void       cbs_room_log_in (CbsRoom        *self,
                            const CbsLogin *login,
                            CbsEffects     *effects);
void       cbs_room_say (CbsRoom    *self,
                         guint64     peer,
                         CbMessage  *message,
                         gint64      request,
                         CbsEffects *effects);
void       cbs_room_list_users (CbsRoom              *self,
                                guint64               peer,
                                const CbUsersRequest *wanted,
                                gint64                request,
                                CbsEffects           *effects);
void       cbs_room_change_blocks (CbsRoom               *self,
                                   guint64                peer,
                                   const CbChangeRequest *change,
                                   gint64                 request,
                                   CbsEffects            *effects);
void       cbs_room_change_keys (CbsRoom               *self,
                                 guint64                peer,
                                 const CbChangeRequest *change,
                                 gint64                 request,
                                 CbsEffects            *effects);
void       cbs_room_read (CbsRoom    *self,
                          guint64     peer,
                          GPtrArray  *markers,
                          gint64      head,
                          gint64      request,
                          CbsEffects *effects);
void       cbs_room_leave (CbsRoom    *self,
                           guint64     peer,
                           CbsEffects *effects);
void       cbs_room_committed (CbsRoom    *self,
                               CbsEntry   *entry,
                               CbsEffects *effects);
void       cbs_room_noted (CbsRoom    *self,
                           CbsEntry   *entry,
                           CbsEffects *effects);
void       cbs_room_repeated (CbsRoom    *self,
                              CbsEntry   *entry,
                              CbsEntry   *stored,
                              CbsEffects *effects);
void       cbs_room_append_failed (CbsRoom      *self,
                                   CbsEntry     *entry,
                                   const GError *error,
                                   CbsEffects   *effects);
gboolean   cbs_room_is_command (CbsRoom   *self,
                                guint64    peer,
                                CbMessage *message);
gboolean   cbs_room_find_conversation (CbsRoom    *self,
                                       guint64     peer,
                                       const char *with,
                                       char      **out_key,
                                       GError    **error);
CbFeatures cbs_room_get_features (CbsRoom *self,
                                  guint64  peer);
gint64     cbs_room_get_since (CbsRoom *self,
                               guint64  peer);
GStrv      cbs_room_dup_hidden (CbsRoom *self,
                                guint64  peer);
guint      cbs_room_count_online (CbsRoom *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsRoom, cbs_room_free)

G_END_DECLS
