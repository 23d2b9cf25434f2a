/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-message.h"
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
 * CbsRoom:
 *
 * Who is here, who may see what, and what each event sends to whom.
 *
 * Pure: it is told events and says what has to be done about them; it knows
 * no socket, no clock and no file. What was appended counts only once it
 * comes back committed.
 */
typedef struct _CbsRoom CbsRoom;

CbsRoom *cbs_room_new (const CbsRoomSettings *settings);
void     cbs_room_free (CbsRoom *self);
void     cbs_room_add_user (CbsRoom    *self,
                            const char *key,
                            const char *name);
void     cbs_room_add_block (CbsRoom    *self,
                             const char *src,
                             const char *dest);
void     cbs_room_log_in (CbsRoom    *self,
                          guint64     peer,
                          const char *username,
                          CbsEffects *effects);
void     cbs_room_say (CbsRoom    *self,
                       guint64     peer,
                       CbMessage  *message,
                       CbsEffects *effects);
void     cbs_room_leave (CbsRoom    *self,
                         guint64     peer,
                         CbsEffects *effects);
void     cbs_room_committed (CbsRoom    *self,
                             CbsEntry   *entry,
                             CbsEffects *effects);
void     cbs_room_append_failed (CbsRoom      *self,
                                 CbsEntry     *entry,
                                 const GError *error,
                                 CbsEffects   *effects);
gboolean cbs_room_is_command (CbsRoom   *self,
                              guint64    peer,
                              CbMessage *message);
GStrv    cbs_room_dup_hidden (CbsRoom *self,
                              guint64  peer);
guint    cbs_room_count_online (CbsRoom *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsRoom, cbs_room_free)

G_END_DECLS
