/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-account-private.h"

#include <string.h>

#include "libchatterbox/cb-error.h"

/* Messages that a hole is filled with at a time. */
#define FILL_LIMIT 500u

/* Most requests that may wait for their answers. */
#define MAX_REQUESTS 256u

typedef struct _Request Request;

/* Makes the result of an answer; NULL with an error if it is none. */
typedef gpointer (*Reader) (Request  *request,
                            CbPacket *packet,
                            GError  **error);

/* What was asked, and is not answered yet. */
struct _Request
{
  CbAccount         *account; /* holds the request */
  gint64             number;
  GTask             *task;
  GSource           *timeout;
  Reader             read;
  GDestroyNotify     free_result;

  /* Of a page of history, so that the timeline knows what it is. */
  char              *with;
  CbHistoryDirection direction;
  gint64             id;
  gint64             known;
};

/* The answer to what asks for messages. */
typedef struct
{
  GPtrArray *messages;
  gboolean   more;
} Page;

static void
page_free (Page *page)
{
  g_ptr_array_unref (page->messages);
  g_free (page);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Page, page_free)

void
cb_account_request_free (gpointer data)
{
  Request *request = data;

  cb_account_clear_source (&request->timeout);
  g_clear_object (&request->task);
  g_free (request->with);
  g_free (request);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Request, cb_account_request_free)

gint64
cb_account_next_request (CbAccount *self)
{
  return ++self->last_request;
}

static Request *
take_request (CbAccount *self,
              gint64     number)
{
  gpointer request = NULL;

  g_hash_table_steal_extended (self->requests, &number, NULL, &request);
  return request;
}

/* Of a request that was cancelled the task says so itself. */
static gboolean
timeout_cb (gpointer user_data)
{
  Request *waiting = user_data;
  g_autoptr (Request) request = take_request (waiting->account, waiting->number);

  g_task_return_new_error (request->task, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                           "The server has not answered within %u seconds",
                           request->account->request_timeout_ms / 1000);
  return G_SOURCE_REMOVE;
}

static void
send_request (CbAccount  *self,
              Request    *request,
              const char *key,
              const char *json)
{
  g_autoptr (CbPacket) packet = cb_packet_new ();
  g_autofree char *number = g_strdup_printf ("%" G_GINT64_FORMAT, request->number);

  cb_packet_set_extra (packet, key, json, NULL);
  cb_packet_set_extra (packet, "REQUEST", number, NULL);
  /* What breaks a send breaks the receive, too, which ends the request. */
  cb_session_send_async (self->session, packet, NULL, NULL);
}

/* Asks the server, if it has announced to answer that. The request is the account's then, or gone. */
static void
ask (CbAccount  *self,
     Request    *given,
     CbFeatures  feature,
     const char *key,
     const char *json)
{
  g_autoptr (Request) request = given;
  GCancellable *cancellable = g_task_get_cancellable (request->task);

  if (g_task_return_error_if_cancelled (request->task))
    return;
  if (self->session == NULL || self->state != CB_ACCOUNT_ONLINE)
    {
      g_task_return_new_error (request->task, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED, "Not connected");
      return;
    }
  if (!(self->negotiated & feature))
    {
      g_task_return_new_error (request->task, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                               "The server does not answer %s", key);
      return;
    }
  if (g_hash_table_size (self->requests) >= MAX_REQUESTS)
    {
      g_task_return_new_error (request->task, G_IO_ERROR, G_IO_ERROR_BUSY,
                               "%u requests wait for their answers", MAX_REQUESTS);
      return;
    }

  request->account = self;
  request->number = cb_account_next_request (self);
  request->timeout = g_timeout_source_new (self->request_timeout_ms);
  g_source_set_static_name (request->timeout, "chatterbox-request");
  g_source_set_callback (request->timeout, timeout_cb, request, NULL);
  if (cancellable != NULL)
    {
      g_autoptr (GSource) cancelled = g_cancellable_source_new (cancellable);

      g_source_set_dummy_callback (cancelled);
      g_source_add_child_source (request->timeout, cancelled);
    }
  g_source_attach (request->timeout, g_main_context_get_thread_default ());
  send_request (self, request, key, json);
  g_hash_table_insert (self->requests, &request->number, request);
  g_steal_pointer (&request);
}

/* Takes the answer to a request. FALSE if there is no request of that number. */
gboolean
cb_account_answer_request (CbAccount *self,
                           gint64     number,
                           CbPacket  *packet)
{
  g_autoptr (Request) request = take_request (self, number);
  GError *error = NULL;
  gpointer result = NULL;

  if (request == NULL)
    return FALSE;

  cb_account_clear_source (&request->timeout);
  if (cb_packet_get_error (packet) != NULL)
    error = g_error_new_literal (CB_ERROR, CB_ERROR_UNEXPECTED, cb_packet_get_error (packet));
  else
    result = request->read (request, packet, &error);

  if (result != NULL)
    g_task_return_pointer (request->task, result, request->free_result);
  else
    g_task_return_error (request->task, error);
  return TRUE;
}

/* The connection is gone, and with it who would answer. */
void
cb_account_fail_requests (CbAccount *self)
{
  g_autoptr (GHashTable) requests = g_steal_pointer (&self->requests);
  GHashTableIter iter;
  gpointer request = NULL;

  /* A callback may ask again. */
  self->requests = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, cb_account_request_free);
  g_hash_table_iter_init (&iter, requests);
  while (g_hash_table_iter_next (&iter, NULL, &request))
    {
      cb_account_clear_source (&((Request *) request)->timeout);
      g_task_return_new_error (((Request *) request)->task, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED,
                               "The connection was lost before the answer came");
    }
}

static Request *
request_new (CbAccount          *self,
             gpointer            tag,
             GCancellable       *cancellable,
             GAsyncReadyCallback callback,
             gpointer            user_data)
{
  Request *request = g_new0 (Request, 1);

  request->task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (request->task, tag);
  return request;
}

static gpointer
set_malformed (const char *key,
               GError    **error)
{
  g_set_error (error, CB_ERROR, CB_ERROR_MALFORMED, "The server's answer to %s can't be read", key);
  return NULL;
}

/* A member of an object that is of a type; NULL if it is not. */
static JsonNode *
get_member (JsonNode   *node,
            const char *name,
            GType       type)
{
  JsonNode *member = NULL;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return NULL;

  member = json_object_get_member (json_node_get_object (node), name);
  if (member == NULL || (type == JSON_TYPE_ARRAY ? !JSON_NODE_HOLDS_ARRAY (member)
                                                 : json_node_get_value_type (member) != type))
    return NULL;
  return member;
}

/* The messages of an answer, and whether there are more. */
static Page *
read_page (CbPacket   *packet,
           const char *key,
           GError    **error)
{
  g_autoptr (JsonNode) answer = cb_packet_dup_extra_node (packet, key);
  JsonNode *more = get_member (answer, "more", G_TYPE_BOOLEAN);
  Page *page = NULL;

  if (more == NULL || cb_packet_get_messages (packet) == NULL)
    return set_malformed (key, error);

  page = g_new0 (Page, 1);
  page->messages = g_ptr_array_ref (cb_packet_get_messages (packet));
  page->more = json_node_get_boolean (more);
  return page;
}

static gpointer
read_search (Request  *request,
             CbPacket *packet,
             GError  **error)
{
  return read_page (packet, "SEARCH", error);
}

static gint64
get_id (GPtrArray *messages,
        guint      i)
{
  return i < messages->len ? cb_message_get_id (g_ptr_array_index (messages, i)) : 0;
}

static gpointer
read_history (Request  *request,
              CbPacket *packet,
              GError  **error)
{
  Page *page = read_page (packet, "HISTORY", error);

  if (page != NULL && cb_account_has_ids (request->account))
    {
      const CbTimelinePage what = {
        .with = request->with, .direction = request->direction, .id = request->id, .known = request->known,
        .first = get_id (page->messages, 0), .last = get_id (page->messages, page->messages->len - 1),
        .more = page->more,
      };

      cb_timeline_add_page (request->account->timeline, &what);
    }
  return page;
}

static void
ask_history (CbAccount              *self,
             Request                *request,
             const CbHistoryRequest *what)
{
  g_autoptr (GString) json = g_string_new (NULL);

  cb_history_request_append_json (what, json);
  request->with = g_strdup (what->with);
  request->direction = what->direction;
  request->id = what->id;
  request->known = cb_timeline_get_newest (self->timeline);
  request->read = read_history;
  request->free_result = (GDestroyNotify) page_free;
  ask (self, request, CB_FEATURE_HISTORY, "HISTORY", json->str);
}

/* Delivers what was missing; FALSE if the answer does not lead on. */
static gboolean
take_filling (CbAccount *self,
              Page      *page,
              gint64     after,
              gint64     until)
{
  const gint64 last = get_id (page->messages, page->messages->len - 1);
  const gint64 end = page->more ? MIN (last, until) : until;

  if (end <= after)
    return FALSE;

  for (guint i = 0; self->session != NULL && i < page->messages->len; i++)
    {
      CbMessage *message = g_ptr_array_index (page->messages, i);
      const gint64 id = cb_message_get_id (message);

      if (id > after && id <= end && cb_timeline_receive (self->timeline, id))
        cb_account_deliver (self, message, TRUE);
    }
  cb_timeline_fill (self->timeline, after, end);
  cb_account_tell_position (self);
  return TRUE;
}

static void
fill_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  CbAccount *self = CB_ACCOUNT (source);
  g_autoptr (CbSession) session = user_data;
  g_autoptr (Page) page = g_task_propagate_pointer (G_TASK (result), NULL);
  gint64 after = 0;
  gint64 until = 0;

  /* Another connection asks for itself. */
  if (self->session != session)
    return;

  /* What fails, or leads nowhere, is not tried again on this connection. */
  if (page == NULL || !cb_timeline_get_hole (self->timeline, &after, &until) ||
      !take_filling (self, page, after, until))
    return;

  self->is_filling = FALSE;
  cb_account_fill_hole (self);
}

/* Asks for what is missing, if something is. */
void
cb_account_fill_hole (CbAccount *self)
{
  CbHistoryRequest what = { .direction = CB_HISTORY_AFTER, .limit = FILL_LIMIT };
  gint64 until = 0;

  if (self->is_filling || self->session == NULL || self->state != CB_ACCOUNT_ONLINE ||
      !cb_account_has_ids (self) || !(self->negotiated & CB_FEATURE_HISTORY) ||
      !cb_timeline_get_hole (self->timeline, &what.id, &until))
    return;

  self->is_filling = TRUE;
  ask_history (self, request_new (self, cb_account_fill_hole, NULL, fill_cb, g_object_ref (self->session)), &what);
}

static GPtrArray *
finish_page (CbAccount    *self,
             GAsyncResult *result,
             gboolean     *out_more,
             GError      **error)
{
  g_autoptr (Page) page = g_task_propagate_pointer (G_TASK (result), error);

  if (page == NULL)
    return NULL;

  if (out_more != NULL)
    *out_more = page->more;
  return g_ptr_array_ref (page->messages);
}

/**
 * cb_account_history_async:
 * @self: an account that is online
 * @with: (nullable): conversation: [const@Cb.MESSAGE_TO_ALL] or a user's
 *   name; %NULL: all of them
 * @direction: which messages
 * @id: an id; it is not looked at for %CB_HISTORY_NEWEST
 * @limit: how many, 1 to 500
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the server has answered
 * @user_data: data for @callback
 *
 * Asks for a page of what was said. The messages are not told by
 * [signal@Cb.Account::message].
 */
void
cb_account_history_async (CbAccount          *self,
                          const char         *with,
                          CbHistoryDirection  direction,
                          gint64              id,
                          guint               limit,
                          GCancellable       *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer            user_data)
{
  const CbHistoryRequest what = { .with = (char *) with, .direction = direction, .id = id, .limit = limit };

  g_return_if_fail (CB_IS_ACCOUNT (self));
  g_return_if_fail (limit >= 1 && limit <= 500);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  ask_history (self, request_new (self, cb_account_history_async, cancellable, callback, user_data), &what);
}

/**
 * cb_account_history_finish:
 * @self: an account
 * @result: the result given to the callback
 * @out_more: (out) (optional): whether there are more in that direction
 * @error: return location for a #GError
 *
 * Completes [method@Cb.Account.history_async].
 *
 * Returns: (transfer full) (element-type CbMessage): messages, oldest first;
 *   or %NULL with %G_IO_ERROR_NOT_CONNECTED, %G_IO_ERROR_NOT_SUPPORTED,
 *   %G_IO_ERROR_BUSY, %G_IO_ERROR_TIMED_OUT, %G_IO_ERROR_CONNECTION_CLOSED,
 *   %G_IO_ERROR_CANCELLED, [error@Cb.Error.MALFORMED], or
 *   [error@Cb.Error.UNEXPECTED] with what the server says
 */
GPtrArray *
cb_account_history_finish (CbAccount    *self,
                           GAsyncResult *result,
                           gboolean     *out_more,
                           GError      **error)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, cb_account_history_async), NULL);

  return finish_page (self, result, out_more, error);
}

/**
 * cb_account_search_async: (skip)
 * @self: an account that is online
 * @what: what to look for
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the server has answered
 * @user_data: data for @callback
 *
 * Searches what was said.
 */
void
cb_account_search_async (CbAccount             *self,
                         const CbSearchRequest *what,
                         GCancellable          *cancellable,
                         GAsyncReadyCallback    callback,
                         gpointer               user_data)
{
  g_autoptr (GString) json = g_string_new (NULL);
  Request *request = NULL;

  g_return_if_fail (CB_IS_ACCOUNT (self));
  g_return_if_fail (what != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  cb_search_request_append_json (what, json);
  request = request_new (self, cb_account_search_async, cancellable, callback, user_data);
  request->read = read_search;
  request->free_result = (GDestroyNotify) page_free;
  ask (self, request, CB_FEATURE_SEARCH, "SEARCH", json->str);
}

/**
 * cb_account_search_finish: (skip)
 * @self: an account
 * @result: the result given to the callback
 * @out_more: (out) (optional): whether there are more matches
 * @error: return location for a #GError
 *
 * Completes [method@Cb.Account.search_async].
 *
 * Returns: (transfer full) (element-type CbMessage): messages, oldest first,
 *   or best first; or %NULL with an error of
 *   [method@Cb.Account.history_finish]
 */
GPtrArray *
cb_account_search_finish (CbAccount    *self,
                          GAsyncResult *result,
                          gboolean     *out_more,
                          GError      **error)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, cb_account_search_async), NULL);

  return finish_page (self, result, out_more, error);
}

/* An array of strings. */
static GStrv
read_strings (JsonNode   *node,
              const char *key,
              GError    **error)
{
  JsonArray *array = node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  g_autoptr (GStrvBuilder) strings = g_strv_builder_new ();

  if (array == NULL)
    return set_malformed (key, error);

  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *item = json_array_get_element (array, i);

      if (json_node_get_value_type (item) != G_TYPE_STRING)
        return set_malformed (key, error);
      g_strv_builder_add (strings, json_node_get_string (item));
    }
  return g_strv_builder_end (strings);
}

static gpointer
read_blocks (Request  *request,
             CbPacket *packet,
             GError  **error)
{
  g_autoptr (JsonNode) node = cb_packet_dup_extra_node (packet, "BLOCKS");

  return read_strings (node, "BLOCKS", error);
}

/**
 * cb_account_change_blocks_async:
 * @self: an account that is online
 * @block: (nullable) (array zero-terminated=1): names to block, at most 64
 * @unblock: (nullable) (array zero-terminated=1): names to block no more, likewise
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the server has answered
 * @user_data: data for @callback
 *
 * Changes whom the user blocks, or just asks for it.
 */
void
cb_account_change_blocks_async (CbAccount          *self,
                                const char *const  *block,
                                const char *const  *unblock,
                                GCancellable       *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer            user_data)
{
  const CbChangeRequest what = { .add = (GStrv) block, .remove = (GStrv) unblock };
  g_autoptr (GString) json = g_string_new (NULL);
  Request *request = NULL;

  g_return_if_fail (CB_IS_ACCOUNT (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  cb_blocks_request_append_json (&what, json);
  request = request_new (self, cb_account_change_blocks_async, cancellable, callback, user_data);
  request->read = read_blocks;
  request->free_result = (GDestroyNotify) g_strfreev;
  ask (self, request, CB_FEATURE_BLOCKS, "BLOCKS", json->str);
}

/**
 * cb_account_change_blocks_finish:
 * @self: an account
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Completes [method@Cb.Account.change_blocks_async].
 *
 * Returns: (transfer full): whom the user blocks now; or %NULL with an error
 *   of [method@Cb.Account.history_finish]
 */
GStrv
cb_account_change_blocks_finish (CbAccount    *self,
                                 GAsyncResult *result,
                                 GError      **error)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, cb_account_change_blocks_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/* The users of an answer: a page, too. */
static gpointer
read_users (Request  *request,
            CbPacket *packet,
            GError  **error)
{
  g_autoptr (JsonNode) answer = cb_packet_dup_extra_node (packet, "USERS");
  g_autoptr (GPtrArray) users = g_ptr_array_new_with_free_func ((GDestroyNotify) cb_user_free);
  JsonNode *list = get_member (answer, "users", JSON_TYPE_ARRAY);
  JsonNode *more = get_member (answer, "more", G_TYPE_BOOLEAN);
  Page *page = NULL;

  if (list == NULL || more == NULL)
    return set_malformed ("USERS", error);

  for (guint i = 0; i < json_array_get_length (json_node_get_array (list)); i++)
    {
      JsonNode *user = json_array_get_element (json_node_get_array (list), i);
      JsonNode *name = get_member (user, "name", G_TYPE_STRING);
      JsonNode *online = get_member (user, "online", G_TYPE_BOOLEAN);

      if (name == NULL || online == NULL)
        return set_malformed ("USERS", error);
      g_ptr_array_add (users, cb_user_new (json_node_get_string (name), json_node_get_boolean (online)));
    }

  page = g_new0 (Page, 1);
  page->messages = g_steal_pointer (&users);
  page->more = json_node_get_boolean (more);
  return page;
}

/**
 * cb_account_list_users_async: (skip)
 * @self: an account that is online
 * @what: who is asked for
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the server has answered
 * @user_data: data for @callback
 *
 * Asks who is, or was ever, in the room.
 */
void
cb_account_list_users_async (CbAccount            *self,
                             const CbUsersRequest *what,
                             GCancellable         *cancellable,
                             GAsyncReadyCallback   callback,
                             gpointer              user_data)
{
  g_autoptr (GString) json = g_string_new (NULL);
  Request *request = NULL;

  g_return_if_fail (CB_IS_ACCOUNT (self));
  g_return_if_fail (what != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  cb_users_request_append_json (what, json);
  request = request_new (self, cb_account_list_users_async, cancellable, callback, user_data);
  request->read = read_users;
  request->free_result = (GDestroyNotify) page_free;
  ask (self, request, CB_FEATURE_USERS, "USERS", json->str);
}

/**
 * cb_account_list_users_finish: (skip)
 * @self: an account
 * @result: the result given to the callback
 * @out_more: (out) (optional): whether there are more behind the last one
 * @error: return location for a #GError
 *
 * Completes [method@Cb.Account.list_users_async].
 *
 * Returns: (transfer full) (element-type CbUser): users, in the order of their
 *   first joins; or %NULL with an error of
 *   [method@Cb.Account.history_finish]
 */
GPtrArray *
cb_account_list_users_finish (CbAccount    *self,
                              GAsyncResult *result,
                              gboolean     *out_more,
                              GError      **error)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, cb_account_list_users_async), NULL);

  return finish_page (self, result, out_more, error);
}

/* That it was answered is all; what it says is told by ::read-marker. */
static gpointer
read_marked (Request  *request,
             CbPacket *packet,
             GError  **error)
{
  if (cb_packet_get_extra (packet, "READ") == NULL)
    return set_malformed ("READ", error);

  return GINT_TO_POINTER (TRUE);
}

/**
 * cb_account_mark_read_async:
 * @self: an account that is online
 * @with: conversation: [const@Cb.MESSAGE_TO_ALL] or a user's name
 * @id: id of the message up to which it has been read
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the server has answered
 * @user_data: data for @callback
 *
 * Tells the server how far a conversation has been read, which only goes
 * forward; it tells the user's other connections. Only the owner of a name
 * can.
 */
void
cb_account_mark_read_async (CbAccount          *self,
                            const char         *with,
                            gint64              id,
                            GCancellable       *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer            user_data)
{
  g_autoptr (GPtrArray) markers = g_ptr_array_new_with_free_func ((GDestroyNotify) cb_read_marker_free);
  g_autoptr (GString) json = g_string_new (NULL);
  Request *request = NULL;

  g_return_if_fail (CB_IS_ACCOUNT (self));
  g_return_if_fail (with != NULL);
  g_return_if_fail (id >= 0 && id <= CB_JSON_MAX_INTEGER);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  g_ptr_array_add (markers, cb_read_marker_new (with, id));
  cb_read_markers_append_json (markers, json);
  request = request_new (self, cb_account_mark_read_async, cancellable, callback, user_data);
  request->read = read_marked;
  ask (self, request, CB_FEATURE_READ_MARKERS, "READ", json->str);
}

/**
 * cb_account_mark_read_finish:
 * @self: an account
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Completes [method@Cb.Account.mark_read_async].
 *
 * Returns: %TRUE; %FALSE with an error of [method@Cb.Account.history_finish]
 */
gboolean
cb_account_mark_read_finish (CbAccount    *self,
                             GAsyncResult *result,
                             GError      **error)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, cb_account_mark_read_async), FALSE);

  return g_task_propagate_pointer (G_TASK (result), error) != NULL;
}

/**
 * cb_key_free: (skip)
 * @self: (transfer full): a key
 *
 * Frees what is known of a key.
 */
void
cb_key_free (CbKey *self)
{
  g_return_if_fail (self != NULL);

  g_free (self->id);
  g_free (self);
}

static gpointer
read_keys (Request  *request,
           CbPacket *packet,
           GError  **error)
{
  g_autoptr (JsonNode) answer = cb_packet_dup_extra_node (packet, "KEYS");
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func ((GDestroyNotify) cb_key_free);
  JsonArray *list = answer != NULL && JSON_NODE_HOLDS_ARRAY (answer) ? json_node_get_array (answer) : NULL;

  if (list == NULL)
    return set_malformed ("KEYS", error);

  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      JsonNode *item = json_array_get_element (list, i);
      JsonNode *id = get_member (item, "id", G_TYPE_STRING);
      JsonNode *added = get_member (item, "added", G_TYPE_INT64);
      JsonNode *current = get_member (item, "current", G_TYPE_BOOLEAN);
      CbKey *key = NULL;

      if (id == NULL || added == NULL || current == NULL)
        return set_malformed ("KEYS", error);
      key = g_new0 (CbKey, 1);
      key->id = json_node_dup_string (id);
      key->added_s = json_node_get_int (added);
      key->is_current = json_node_get_boolean (current);
      g_ptr_array_add (keys, key);
    }

  return g_steal_pointer (&keys);
}

/**
 * cb_account_change_keys_async: (skip)
 * @self: an account that is online
 * @add: (nullable) (array zero-terminated=1): ids of keys that may use the name, too, at most 16
 * @revoke: (nullable) (array zero-terminated=1): ids of those that may no more, likewise
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the server has answered
 * @user_data: data for @callback
 *
 * Changes which keys own the user's name, or just asks for it. Only a
 * connection that has shown one of them can.
 */
void
cb_account_change_keys_async (CbAccount          *self,
                              const char *const  *add,
                              const char *const  *revoke,
                              GCancellable       *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer            user_data)
{
  const CbChangeRequest what = { .add = (GStrv) add, .remove = (GStrv) revoke };
  g_autoptr (GString) json = g_string_new (NULL);
  Request *request = NULL;

  g_return_if_fail (CB_IS_ACCOUNT (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  cb_keys_request_append_json (&what, json);
  request = request_new (self, cb_account_change_keys_async, cancellable, callback, user_data);
  request->read = read_keys;
  request->free_result = (GDestroyNotify) g_ptr_array_unref;
  ask (self, request, CB_FEATURE_IDENTITY, "KEYS", json->str);
}

/**
 * cb_account_change_keys_finish: (skip)
 * @self: an account
 * @result: the result given to the callback
 * @error: return location for a #GError
 *
 * Completes [method@Cb.Account.change_keys_async].
 *
 * Returns: (transfer full) (element-type CbKey): the keys that own the name
 *   now; or %NULL with an error of [method@Cb.Account.history_finish]
 */
GPtrArray *
cb_account_change_keys_finish (CbAccount    *self,
                               GAsyncResult *result,
                               GError      **error)
{
  g_return_val_if_fail (CB_IS_ACCOUNT (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, cb_account_change_keys_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
