/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "server/log/cbs-entry.h"

G_BEGIN_DECLS

/**
 * CbsLogError:
 * @CBS_LOG_ERROR_NAME_TAKEN: a join claims a name that is in use
 * @CBS_LOG_ERROR_FULL: there is no room to store it; later appends may succeed
 * @CBS_LOG_ERROR_CLOSED: the log is not open, or was closed before this was stored
 * @CBS_LOG_ERROR_FAILED: the storage failed: nothing can be promised any more
 * @CBS_LOG_ERROR_NEWER: the storage was written by a newer version
 * @CBS_LOG_ERROR_BUSY: another process holds the storage
 * @CBS_LOG_ERROR_NAME_OWNED: a join claims a name that belongs to a key that it does not show
 * @CBS_LOG_ERROR_NAME_HELD: a join claims a name that is kept for another address
 * @CBS_LOG_ERROR_KEYS: a name can't have more keys, or would be without any
 *
 * Errors of a log.
 */
typedef enum
{
  CBS_LOG_ERROR_NAME_TAKEN,
  CBS_LOG_ERROR_FULL,
  CBS_LOG_ERROR_CLOSED,
  CBS_LOG_ERROR_FAILED,
  CBS_LOG_ERROR_NEWER,
  CBS_LOG_ERROR_BUSY,
  CBS_LOG_ERROR_NAME_OWNED,
  CBS_LOG_ERROR_NAME_HELD,
  CBS_LOG_ERROR_KEYS,
} CbsLogError;

#define CBS_LOG_ERROR (cbs_log_error_quark ())
GQuark cbs_log_error_quark (void);

/**
 * CbsLogState:
 * @CBS_LOG_STATE_CLOSED: not open
 * @CBS_LOG_STATE_CONNECTED: appends are stored
 * @CBS_LOG_STATE_STALLED: there is no room: appends fail, reads go on
 * @CBS_LOG_STATE_FAILED: the storage failed; the process has to end
 *
 * Whether a log can take entries.
 */
typedef enum
{
  CBS_LOG_STATE_CLOSED,
  CBS_LOG_STATE_CONNECTED,
  CBS_LOG_STATE_STALLED,
  CBS_LOG_STATE_FAILED,
} CbsLogState;

#define CBS_TYPE_LOG_STATE (cbs_log_state_get_type ())
GType cbs_log_state_get_type (void) G_GNUC_CONST;

/**
 * CbsLogKey:
 * @id: SHA-256 of the public key, 64 hexadecimal digits
 * @added_us: when it came to the name, microseconds since the epoch, UTC
 */
typedef struct
{
  char  *id;
  gint64 added_us;
} CbsLogKey;

/**
 * CbsLogUser:
 * @key: who it is
 * @name: the name as it was last shown
 * @since: sequence of the join with which the name came to its holder; 0: it has had no other
 * @keys: (element-type CbsLogKey): the keys that own the name; empty: it is not owned
 *
 * A user that has joined at least once.
 */
typedef struct
{
  char      *key;
  char      *name;
  gint64     since;
  GPtrArray *keys;
} CbsLogUser;

/**
 * CbsLogMarker:
 * @src: key of the user who has read
 * @dest: (nullable): key of the user at the other end; %NULL: what was said to everybody
 * @seq: sequence up to which it has read
 */
typedef struct
{
  char  *src;
  char  *dest;
  gint64 seq;
} CbsLogMarker;

/**
 * CbsLogBlock:
 * @src: key of the user who blocks
 * @dest: key of the user who is blocked
 */
typedef struct
{
  char *src;
  char *dest;
} CbsLogBlock;

/**
 * CbsLogSnapshot:
 * @head: sequence of the newest entry; 0 if there is none
 * @users: (element-type CbsLogUser): all users ever seen, in the order of their first join
 * @blocks: (element-type CbsLogBlock): the blocks in force
 * @markers: (element-type CbsLogMarker): how far users have read
 * @id: what tells this log from all others: 32 hexadecimal digits, drawn when it was made
 *
 * What a log held when it was opened, this node's own leftovers reaped.
 */
typedef struct
{
  gint64     head;
  GPtrArray *users;
  GPtrArray *blocks;
  GPtrArray *markers;
  char      *id;
} CbsLogSnapshot;

CbsLogSnapshot *cbs_log_snapshot_new (void);
CbsLogUser     *cbs_log_snapshot_add_user (CbsLogSnapshot *self,
                                           const char     *key,
                                           const char     *name);
void            cbs_log_user_add_key (CbsLogUser *self,
                                      const char *id,
                                      gint64      added_us);
void            cbs_log_snapshot_add_marker (CbsLogSnapshot *self,
                                             const char     *src,
                                             const char     *dest,
                                             gint64          seq);
void            cbs_log_snapshot_add_block (CbsLogSnapshot *self,
                                            const char     *src,
                                            const char     *dest);
void            cbs_log_snapshot_free (CbsLogSnapshot *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsLogSnapshot, cbs_log_snapshot_free)

/**
 * CbsLogQuery:
 * @after: entries behind this sequence; 0: from the first
 * @until: up to and with this sequence
 * @viewer: key of the user who asks
 * @blocked: (nullable): keys of the users that are hidden from the viewer
 * @newest: only that many of the newest entries; 0: no such bound
 * @max_entries: at most that many entries, the oldest first; 0: no such bound
 * @max_bytes: at most that many wire bytes, each entry counted with one byte
 *   more for its comma; an entry that alone is larger is still returned;
 *   0: no such bound
 * @with_ids: each entry's wire size counts with its id: `,{"id":N}`
 * @own: private messages of the viewer's own are seen, too
 * @since: private messages up to and with this sequence are another holder's: not seen
 * @with: (nullable): only of that conversation: %CBS_LOG_WITH_ALL, or key of
 *   the user at the other end
 * @from: (nullable): only from the user of this key
 * @since_us: only what the log took at or after this time; 0: no such bound
 * @until_us: only what the log took before this time; 0: no such bound
 * @text: (nullable): only what holds all these words, “"phrases"” and “prefixes*”
 * @ranked: with @text and @max_entries: the best matches, the best first;
 *   otherwise @newest chooses, and what is returned stands in the log's order
 *
 * Which messages are wanted. Seen are the public ones and the private ones
 * to the viewer, but none whose sender stands in @blocked.
 */
typedef struct
{
  gint64      after;
  gint64      until;
  const char *viewer;
  GStrv       blocked;
  guint64     newest;
  guint64     max_entries;
  guint64     max_bytes;
  gboolean    with_ids;
  gboolean    own;
  gint64      since;
  const char *with;
  const char *from;
  gint64      since_us;
  gint64      until_us;
  const char *text;
  gboolean    ranked;
} CbsLogQuery;

/**
 * CBS_LOG_WITH_ALL:
 *
 * The conversation of what is said to everybody. No key of a user is empty.
 */
#define CBS_LOG_WITH_ALL ""

/**
 * CbsLogExtent:
 * @after: the query's @after, or where its @newest entries begin
 * @until: sequence of the last message within the query's bounds; @after if there is none
 * @n_entries: how many messages lie in between
 * @wire_bytes: the sum of their wire sizes, without commas
 * @more: messages follow that the bounds left out
 *
 * How much a query would return.
 */
typedef struct
{
  gint64   after;
  gint64   until;
  guint64  n_entries;
  guint64  wire_bytes;
  gboolean more;
} CbsLogExtent;

#define CBS_TYPE_LOG (cbs_log_get_type ())
G_DECLARE_INTERFACE (CbsLog, cbs_log, CBS, LOG, GObject)

/**
 * CbsLogInterface:
 *
 * The ordering authority and the only storage of the server.
 *
 * A log belongs to the thread-default main context it was made in: it is
 * called there, and calls back there, never from within a call.
 */
struct _CbsLogInterface
{
  GTypeInterface  parent_iface;

  void            (*open_async)     (CbsLog             *self,
                                     const char         *node,
                                     GAsyncReadyCallback callback,
                                     gpointer            user_data);
  CbsLogSnapshot *(*open_finish)    (CbsLog       *self,
                                     GAsyncResult *result,
                                     GError      **error);
  void            (*append_async)   (CbsLog             *self,
                                     CbsEntry           *entry,
                                     GAsyncReadyCallback callback,
                                     gpointer            user_data);
  gint64          (*append_finish)  (CbsLog       *self,
                                     GAsyncResult *result,
                                     GError      **error);
  void            (*measure_async)  (CbsLog             *self,
                                     const CbsLogQuery  *query,
                                     GCancellable       *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer            user_data);
  gboolean (*measure_finish) (CbsLog       *self,
                              GAsyncResult *result,
                              CbsLogExtent *out_extent,
                              GError      **error);
  void     (*read_async)     (CbsLog             *self,
                              const CbsLogQuery  *query,
                              GCancellable       *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer            user_data);
  GPtrArray *(*read_finish)    (CbsLog       *self,
                                GAsyncResult *result,
                                GError      **error);
  void       (*close_async)    (CbsLog             *self,
                                GAsyncReadyCallback callback,
                                gpointer            user_data);
  gboolean   (*close_finish)   (CbsLog       *self,
                                GAsyncResult *result,
                                GError      **error);
};

void            cbs_log_open_async (CbsLog             *self,
                                    const char         *node,
                                    GAsyncReadyCallback callback,
                                    gpointer            user_data);
CbsLogSnapshot *cbs_log_open_finish (CbsLog       *self,
                                     GAsyncResult *result,
                                     GError      **error);
void            cbs_log_append_async (CbsLog             *self,
                                      CbsEntry           *entry,
                                      GAsyncReadyCallback callback,
                                      gpointer            user_data);
gint64          cbs_log_append_finish (CbsLog       *self,
                                       GAsyncResult *result,
                                       GError      **error);
void            cbs_log_measure_async (CbsLog             *self,
                                       const CbsLogQuery  *query,
                                       GCancellable       *cancellable,
                                       GAsyncReadyCallback callback,
                                       gpointer            user_data);
gboolean        cbs_log_measure_finish (CbsLog       *self,
                                        GAsyncResult *result,
                                        CbsLogExtent *out_extent,
                                        GError      **error);
void            cbs_log_read_async (CbsLog             *self,
                                    const CbsLogQuery  *query,
                                    GCancellable       *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer            user_data);
GPtrArray      *cbs_log_read_finish (CbsLog       *self,
                                     GAsyncResult *result,
                                     GError      **error);
void            cbs_log_close_async (CbsLog             *self,
                                     GAsyncReadyCallback callback,
                                     gpointer            user_data);
gboolean        cbs_log_close_finish (CbsLog       *self,
                                      GAsyncResult *result,
                                      GError      **error);
CbsLogState     cbs_log_get_state (CbsLog *self);
gint64          cbs_log_get_indexed (CbsLog *self);

G_END_DECLS
