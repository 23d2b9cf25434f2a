/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-account-private.h"

/* An array of strings. */
static GStrv
read_strings (JsonNode   *node,
              const char *key,
              GError    **error)
{
  JsonArray *array = node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  g_autoptr (GStrvBuilder) strings = g_strv_builder_new ();

  if (array == NULL)
    return cb_account_set_malformed (key, error);

  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *item = json_array_get_element (array, i);

      if (json_node_get_value_type (item) != G_TYPE_STRING)
        return cb_account_set_malformed (key, error);
      g_strv_builder_add (strings, json_node_get_string (item));
    }
  return g_strv_builder_end (strings);
}

static gpointer
read_blocks (CbAccount *self,
             CbPacket  *packet,
             gpointer   data,
             GError   **error)
{
  g_autoptr (JsonNode) node = cb_packet_dup_extra_node (packet, "BLOCKS");

  return read_strings (node, "BLOCKS", error);
}

static const CbQuestion blocks_question = {
  .feature = CB_FEATURE_BLOCKS,
  .key = "BLOCKS",
  .read = read_blocks,
  .free_result = (GDestroyNotify) g_strfreev,
};

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

  g_return_if_fail (CB_IS_ACCOUNT (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  cb_blocks_request_append_json (&what, json);
  cb_account_ask (self, &blocks_question, json->str, NULL,
                  cb_account_new_task (self, cb_account_change_blocks_async, cancellable, callback, user_data));
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

/* The users of an answer, and whether there are more. */
typedef struct
{
  GPtrArray *users;
  gboolean   more;
} UserPage;

static void
user_page_free (UserPage *page)
{
  g_ptr_array_unref (page->users);
  g_free (page);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (UserPage, user_page_free)

static gpointer
read_users (CbAccount *self,
            CbPacket  *packet,
            gpointer   data,
            GError   **error)
{
  g_autoptr (JsonNode) answer = cb_packet_dup_extra_node (packet, "USERS");
  g_autoptr (GPtrArray) users = g_ptr_array_new_with_free_func ((GDestroyNotify) cb_user_free);
  JsonNode *list = cb_account_get_member (answer, "users", JSON_TYPE_ARRAY);
  JsonNode *more = cb_account_get_member (answer, "more", G_TYPE_BOOLEAN);
  UserPage *page = NULL;

  if (list == NULL || more == NULL)
    return cb_account_set_malformed ("USERS", error);

  for (guint i = 0; i < json_array_get_length (json_node_get_array (list)); i++)
    {
      JsonNode *user = json_array_get_element (json_node_get_array (list), i);
      JsonNode *name = cb_account_get_member (user, "name", G_TYPE_STRING);
      JsonNode *online = cb_account_get_member (user, "online", G_TYPE_BOOLEAN);

      if (name == NULL || online == NULL)
        return cb_account_set_malformed ("USERS", error);
      g_ptr_array_add (users, cb_user_new (json_node_get_string (name), json_node_get_boolean (online)));
    }

  page = g_new0 (UserPage, 1);
  page->users = g_steal_pointer (&users);
  page->more = json_node_get_boolean (more);
  return page;
}

static const CbQuestion users_question = {
  .feature = CB_FEATURE_USERS,
  .key = "USERS",
  .read = read_users,
  .free_result = (GDestroyNotify) user_page_free,
};

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

  g_return_if_fail (CB_IS_ACCOUNT (self));
  g_return_if_fail (what != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  cb_users_request_append_json (what, json);
  cb_account_ask (self, &users_question, json->str, NULL,
                  cb_account_new_task (self, cb_account_list_users_async, cancellable, callback, user_data));
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
  g_autoptr (UserPage) page = NULL;

  g_return_val_if_fail (CB_IS_ACCOUNT (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, cb_account_list_users_async), NULL);

  page = g_task_propagate_pointer (G_TASK (result), error);
  if (page == NULL)
    return NULL;

  if (out_more != NULL)
    *out_more = page->more;
  return g_ptr_array_ref (page->users);
}

/* That it was answered is all; what it says is told by ::read-marker. */
static gpointer
read_marked (CbAccount *self,
             CbPacket  *packet,
             gpointer   data,
             GError   **error)
{
  if (cb_packet_get_extra (packet, "READ") == NULL)
    return cb_account_set_malformed ("READ", error);

  return GINT_TO_POINTER (TRUE);
}

static const CbQuestion read_question = {
  .feature = CB_FEATURE_READ_MARKERS,
  .key = "READ",
  .read = read_marked,
};

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

  g_return_if_fail (CB_IS_ACCOUNT (self));
  g_return_if_fail (with != NULL);
  g_return_if_fail (id >= 0 && id <= CB_JSON_MAX_INTEGER);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  g_ptr_array_add (markers, cb_read_marker_new (with, id));
  cb_read_markers_append_json (markers, json);
  cb_account_ask (self, &read_question, json->str, NULL,
                  cb_account_new_task (self, cb_account_mark_read_async, cancellable, callback, user_data));
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
read_keys (CbAccount *self,
           CbPacket  *packet,
           gpointer   data,
           GError   **error)
{
  g_autoptr (JsonNode) answer = cb_packet_dup_extra_node (packet, "KEYS");
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func ((GDestroyNotify) cb_key_free);
  JsonArray *list = answer != NULL && JSON_NODE_HOLDS_ARRAY (answer) ? json_node_get_array (answer) : NULL;

  if (list == NULL)
    return cb_account_set_malformed ("KEYS", error);

  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      JsonNode *item = json_array_get_element (list, i);
      JsonNode *id = cb_account_get_member (item, "id", G_TYPE_STRING);
      JsonNode *added = cb_account_get_member (item, "added", G_TYPE_INT64);
      JsonNode *current = cb_account_get_member (item, "current", G_TYPE_BOOLEAN);
      CbKey *key = NULL;

      if (id == NULL || added == NULL || current == NULL)
        return cb_account_set_malformed ("KEYS", error);
      key = g_new0 (CbKey, 1);
      key->id = json_node_dup_string (id);
      key->added_s = json_node_get_int (added);
      key->is_current = json_node_get_boolean (current);
      g_ptr_array_add (keys, key);
    }

  return g_steal_pointer (&keys);
}

static const CbQuestion keys_question = {
  .feature = CB_FEATURE_IDENTITY,
  .key = "KEYS",
  .read = read_keys,
  .free_result = (GDestroyNotify) g_ptr_array_unref,
};

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

  g_return_if_fail (CB_IS_ACCOUNT (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  cb_keys_request_append_json (&what, json);
  cb_account_ask (self, &keys_question, json->str, NULL,
                  cb_account_new_task (self, cb_account_change_keys_async, cancellable, callback, user_data));
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
