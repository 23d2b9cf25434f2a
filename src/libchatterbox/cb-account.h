/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-connector.h"
#include "libchatterbox/cb-features.h"
#include "libchatterbox/cb-message.h"
#include "libchatterbox/cb-request.h"
#include "libchatterbox/cb-version-macros.h"

G_BEGIN_DECLS

/**
 * CbAccountState:
 * @CB_ACCOUNT_OFFLINE: there is no connection
 * @CB_ACCOUNT_CONNECTING: a connection is being made
 * @CB_ACCOUNT_LOGGING_IN: the server has been asked for a name
 * @CB_ACCOUNT_ONLINE: in the room
 * @CB_ACCOUNT_LEAVING: what was said is on its way out, then the connection ends
 * @CB_ACCOUNT_WAITING: the connection was lost, and the next attempt waits for its time
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
  CB_ACCOUNT_WAITING,
} CbAccountState;

#define CB_TYPE_ACCOUNT_STATE (cb_account_state_get_type ())
CB_EXPORT
GType cb_account_state_get_type (void) G_GNUC_CONST;

/**
 * CbKey:
 * @id: SHA-256 of the public key, in hexadecimal digits
 * @added_s: when it came to own the name, in seconds since the epoch, UTC
 * @is_current: this connection has shown it
 *
 * A key that owns a name.
 */
typedef struct
{
  char    *id;
  gint64   added_s;
  gboolean is_current;
} CbKey;

CB_EXPORT
void             cb_key_free (CbKey *self);

#define CB_TYPE_ACCOUNT (cb_account_get_type ())
CB_EXPORT
G_DECLARE_FINAL_TYPE (CbAccount, cb_account, CB, ACCOUNT, GObject)

CB_EXPORT
CbAccount       *cb_account_new (CbConnector *connector);
CB_EXPORT
CbConnector     *cb_account_get_connector (CbAccount *self);
CB_EXPORT
CbAccountState   cb_account_get_state (CbAccount *self);
CB_EXPORT
const char      *cb_account_get_username (CbAccount *self);
CB_EXPORT
guint            cb_account_get_queued (CbAccount *self);
CB_EXPORT
guint            cb_account_get_unacknowledged (CbAccount *self);
CB_EXPORT
CbFeatures       cb_account_get_features (CbAccount *self);
CB_EXPORT
void             cb_account_set_features (CbAccount *self,
                                          CbFeatures features);
CB_EXPORT
CbFeatures       cb_account_get_negotiated (CbAccount *self);
CB_EXPORT
gboolean         cb_account_get_reconnects (CbAccount *self);
CB_EXPORT
void             cb_account_set_reconnects (CbAccount *self,
                                            gboolean   reconnects);
CB_EXPORT
GTlsCertificate *cb_account_get_identity (CbAccount *self);
CB_EXPORT
void             cb_account_set_identity (CbAccount       *self,
                                          GTlsCertificate *identity);
CB_EXPORT
const char      *cb_account_get_log_id (CbAccount *self);
CB_EXPORT
gint64           cb_account_get_position (CbAccount *self);
CB_EXPORT
void             cb_account_set_position (CbAccount  *self,
                                          const char *log_id,
                                          gint64      id);
CB_EXPORT
gint64           cb_account_get_complete (CbAccount  *self,
                                          const char *conversation);
CB_EXPORT
GStrv            cb_account_dup_users (CbAccount *self);
CB_EXPORT
void             cb_account_join_async (CbAccount          *self,
                                        const char         *username,
                                        GCancellable       *cancellable,
                                        GAsyncReadyCallback callback,
                                        gpointer            user_data);
CB_EXPORT
gboolean         cb_account_join_finish (CbAccount    *self,
                                         GAsyncResult *result,
                                         GError      **error);
CB_EXPORT
gboolean         cb_account_say (CbAccount  *self,
                                 const char *destination,
                                 const char *content,
                                 GError    **error);
CB_EXPORT
char            *cb_account_send (CbAccount  *self,
                                  const char *destination,
                                  const char *content,
                                  GError    **error);
CB_EXPORT
gboolean         cb_account_resend (CbAccount  *self,
                                    const char *token,
                                    const char *destination,
                                    const char *content,
                                    gint64      time_s,
                                    GError    **error);
CB_EXPORT
void             cb_account_leave_async (CbAccount          *self,
                                         GCancellable       *cancellable,
                                         GAsyncReadyCallback callback,
                                         gpointer            user_data);
CB_EXPORT
gboolean         cb_account_leave_finish (CbAccount    *self,
                                          GAsyncResult *result,
                                          GError      **error);
CB_EXPORT
void             cb_account_history_async (CbAccount          *self,
                                           const char         *with,
                                           CbHistoryDirection  direction,
                                           gint64              id,
                                           guint               limit,
                                           GCancellable       *cancellable,
                                           GAsyncReadyCallback callback,
                                           gpointer            user_data);
CB_EXPORT
GPtrArray *cb_account_history_finish (CbAccount    *self,
                                      GAsyncResult *result,
                                      gboolean     *out_more,
                                      GError      **error);
CB_EXPORT
void       cb_account_search_async (CbAccount             *self,
                                    const CbSearchRequest *what,
                                    GCancellable          *cancellable,
                                    GAsyncReadyCallback    callback,
                                    gpointer               user_data);
CB_EXPORT
GPtrArray *cb_account_search_finish (CbAccount    *self,
                                     GAsyncResult *result,
                                     gboolean     *out_more,
                                     GError      **error);
CB_EXPORT
void       cb_account_list_users_async (CbAccount            *self,
                                        const CbUsersRequest *what,
                                        GCancellable         *cancellable,
                                        GAsyncReadyCallback   callback,
                                        gpointer              user_data);
CB_EXPORT
GPtrArray *cb_account_list_users_finish (CbAccount    *self,
                                         GAsyncResult *result,
                                         gboolean     *out_more,
                                         GError      **error);
CB_EXPORT
void       cb_account_change_blocks_async (CbAccount          *self,
                                           const char *const  *block,
                                           const char *const  *unblock,
                                           GCancellable       *cancellable,
                                           GAsyncReadyCallback callback,
                                           gpointer            user_data);
CB_EXPORT
GStrv      cb_account_change_blocks_finish (CbAccount    *self,
                                            GAsyncResult *result,
                                            GError      **error);
CB_EXPORT
void       cb_account_mark_read_async (CbAccount          *self,
                                       const char         *with,
                                       gint64              id,
                                       GCancellable       *cancellable,
                                       GAsyncReadyCallback callback,
                                       gpointer            user_data);
CB_EXPORT
gboolean   cb_account_mark_read_finish (CbAccount    *self,
                                        GAsyncResult *result,
                                        GError      **error);
CB_EXPORT
void       cb_account_change_keys_async (CbAccount          *self,
                                         const char *const  *add,
                                         const char *const  *revoke,
                                         GCancellable       *cancellable,
                                         GAsyncReadyCallback callback,
                                         gpointer            user_data);
CB_EXPORT
GPtrArray *cb_account_change_keys_finish (CbAccount    *self,
                                          GAsyncResult *result,
                                          GError      **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbKey, cb_key_free)

G_END_DECLS
