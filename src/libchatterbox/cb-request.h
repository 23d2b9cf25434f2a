/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-version-macros.h"

G_BEGIN_DECLS

/* Requests of the protocol's extensions, as values. Each is parsed from the JSON text of its key's
 * value, and written as that. */

/**
 * CbHistoryDirection:
 * @CB_HISTORY_NEWEST: the newest messages
 * @CB_HISTORY_BEFORE: the newest before an id
 * @CB_HISTORY_AFTER: the oldest behind an id
 * @CB_HISTORY_AROUND: some before an id, it, and some behind it
 */
typedef enum
{
  CB_HISTORY_NEWEST,
  CB_HISTORY_BEFORE,
  CB_HISTORY_AFTER,
  CB_HISTORY_AROUND,
} CbHistoryDirection;

/**
 * CbHistoryRequest:
 * @with: (nullable): conversation: `ALL` or a name; %NULL: all of them
 * @direction: which messages
 * @id: an id, 0 to 2^53; not for %CB_HISTORY_NEWEST
 * @limit: how many, 1 to 500
 *
 * The value of HISTORY.
 */
typedef struct
{
  char              *with;
  CbHistoryDirection direction;
  gint64             id;
  guint              limit;
} CbHistoryRequest;

/**
 * CbResume:
 * @after: id behind which messages are missing, 0 to 2^53; -1: not said
 * @log: (nullable): id of the log that @after comes from
 * @limit: how many of the newest messages are wanted, 0 to 2^53; -1: not said
 *
 * The value of HISTORY in a login.
 */
typedef struct
{
  gint64 after;
  char  *log;
  gint64 limit;
} CbResume;

/**
 * CbSearchRequest:
 * @text: words, “"phrases"” and “prefixes*” that must all be there, 1 to 256 characters
 * @with: (nullable): only of that conversation: `ALL` or a name
 * @from: (nullable): only from that user
 * @since_s: only from this time on, seconds since the epoch, UTC; 0: not said
 * @until_s: only before this time, seconds since the epoch, UTC; 0: not said
 * @before: only before this id; 0: not said
 * @limit: how many, 1 to 500
 * @ranked: the best matches, not the newest
 *
 * The value of SEARCH.
 */
typedef struct
{
  char    *text;
  char    *with;
  char    *from;
  gint64   since_s;
  gint64   until_s;
  gint64   before;
  guint    limit;
  gboolean ranked;
} CbSearchRequest;

/**
 * CbUsersRequest:
 * @online: only those who are online
 * @after: (nullable): only those behind this one
 * @limit: how many, 1 to 1000
 *
 * The value of USERS.
 */
typedef struct
{
  gboolean online;
  char    *after;
  guint    limit;
} CbUsersRequest;

/**
 * CbChangeRequest:
 * @add: what to add: names to block, or ids of keys
 * @remove: what to take away
 *
 * The value of BLOCKS (members `block` and `unblock`, at most 64 names each)
 * and of KEYS (members `add` and `revoke`, at most 16 ids of 64 hexadecimal
 * digits each).
 */
typedef struct
{
  GStrv add;
  GStrv remove;
} CbChangeRequest;

/**
 * CbReadMarker:
 * @with: conversation: `ALL` or a name
 * @id: id up to which it has been read, 0 to 2^53
 */
typedef struct
{
  char  *with;
  gint64 id;
} CbReadMarker;

CB_EXPORT
CbHistoryRequest *cb_history_request_parse (const char *json,
                                            GError    **error);
CB_EXPORT
void              cb_history_request_append_json (const CbHistoryRequest *self,
                                                  GString                *out);
CB_EXPORT
void              cb_history_request_free (CbHistoryRequest *self);

CB_EXPORT
CbResume         *cb_resume_parse (const char *json,
                                   GError    **error);
CB_EXPORT
void              cb_resume_append_json (const CbResume *self,
                                         GString        *out);
CB_EXPORT
void              cb_resume_free (CbResume *self);

CB_EXPORT
CbSearchRequest  *cb_search_request_parse (const char *json,
                                           GError    **error);
CB_EXPORT
void              cb_search_request_append_json (const CbSearchRequest *self,
                                                 GString               *out);
CB_EXPORT
void              cb_search_request_free (CbSearchRequest *self);

CB_EXPORT
CbUsersRequest   *cb_users_request_parse (const char *json,
                                          GError    **error);
CB_EXPORT
void              cb_users_request_append_json (const CbUsersRequest *self,
                                                GString              *out);
CB_EXPORT
void              cb_users_request_free (CbUsersRequest *self);

CB_EXPORT
CbChangeRequest  *cb_blocks_request_parse (const char *json,
                                           GError    **error);
CB_EXPORT
void              cb_blocks_request_append_json (const CbChangeRequest *self,
                                                 GString               *out);
CB_EXPORT
CbChangeRequest  *cb_keys_request_parse (const char *json,
                                         GError    **error);
CB_EXPORT
void              cb_keys_request_append_json (const CbChangeRequest *self,
                                               GString               *out);
CB_EXPORT
void              cb_change_request_free (CbChangeRequest *self);

CB_EXPORT
GPtrArray        *cb_read_markers_parse (const char *json,
                                         GError    **error);
CB_EXPORT
void              cb_read_markers_append_json (GPtrArray *markers,
                                               GString   *out);
CB_EXPORT
CbReadMarker     *cb_read_marker_new (const char *with,
                                      gint64      id);
CB_EXPORT
void              cb_read_marker_free (CbReadMarker *self);

CB_EXPORT
gboolean          cb_request_number_parse (const char *json,
                                           gint64     *out_number,
                                           GError    **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbHistoryRequest, cb_history_request_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbResume, cb_resume_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbSearchRequest, cb_search_request_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbUsersRequest, cb_users_request_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbChangeRequest, cb_change_request_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbReadMarker, cb_read_marker_free)

G_END_DECLS
