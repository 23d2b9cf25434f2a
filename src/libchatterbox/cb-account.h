/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-connector.h"
#include "libchatterbox/cb-message.h"
#include "libchatterbox/cb-version-macros.h"

G_BEGIN_DECLS

/**
 * CbAccountState:
 * @CB_ACCOUNT_OFFLINE: there is no connection
 * @CB_ACCOUNT_CONNECTING: a connection is being made
 * @CB_ACCOUNT_LOGGING_IN: the server has been asked for a name
 * @CB_ACCOUNT_ONLINE: in the room
 * @CB_ACCOUNT_LEAVING: what was said is on its way out, then the connection ends
 *
 * Where an account stands.
 */
typedef enum
{
  CB_ACCOUNT_OFFLINE,
  CB_ACCOUNT_CONNECTING,
  CB_ACCOUNT_LOGGING_IN,
  CB_ACCOUNT_ONLINE,
  CB_ACCOUNT_LEAVING,
} CbAccountState;

#define CB_TYPE_ACCOUNT_STATE (cb_account_state_get_type ())
CB_EXPORT
GType          cb_account_state_get_type (void) G_GNUC_CONST;

#define CB_TYPE_ACCOUNT (cb_account_get_type ())
CB_EXPORT
G_DECLARE_FINAL_TYPE (CbAccount, cb_account, CB, ACCOUNT, GObject)

CB_EXPORT
CbAccount     *cb_account_new (CbConnector *connector);
CB_EXPORT
CbConnector   *cb_account_get_connector (CbAccount *self);
CB_EXPORT
CbAccountState cb_account_get_state (CbAccount *self);
CB_EXPORT
const char    *cb_account_get_username (CbAccount *self);
CB_EXPORT
guint          cb_account_get_queued (CbAccount *self);
CB_EXPORT
GStrv          cb_account_dup_users (CbAccount *self);
CB_EXPORT
void           cb_account_join_async (CbAccount          *self,
                                      const char         *username,
                                      GCancellable       *cancellable,
                                      GAsyncReadyCallback callback,
                                      gpointer            user_data);
CB_EXPORT
gboolean       cb_account_join_finish (CbAccount    *self,
                                       GAsyncResult *result,
                                       GError      **error);
CB_EXPORT
gboolean       cb_account_say (CbAccount  *self,
                               const char *destination,
                               const char *content,
                               GError    **error);
CB_EXPORT
void           cb_account_leave_async (CbAccount          *self,
                                       GCancellable       *cancellable,
                                       GAsyncReadyCallback callback,
                                       gpointer            user_data);
CB_EXPORT
gboolean       cb_account_leave_finish (CbAccount    *self,
                                        GAsyncResult *result,
                                        GError      **error);

G_END_DECLS
