/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-account-private.h"

/* Messages that a hole is filled with at a time. */
#define FILL_LIMIT 500u

/* What was asked for, so that the timeline knows what the page is. */
typedef struct
{
  char              *with;
  CbHistoryDirection direction;
  gint64             id;
  gint64             known;
} Wanted;

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

static void
wanted_free (Wanted *wanted)
{
  g_free (wanted->with);
  g_free (wanted);
}

/* The messages of an answer, and whether there are more. */
static Page *
read_page (CbPacket   *packet,
           const char *key,
           GError    **error)
{
  g_autoptr (JsonNode) answer = cb_packet_dup_extra_node (packet, key);
  JsonNode *more = cb_account_get_member (answer, "more", G_TYPE_BOOLEAN);
  Page *page = NULL;

  if (more == NULL || cb_packet_get_messages (packet) == NULL)
    return cb_account_set_malformed (key, error);

  page = g_new0 (Page, 1);
  page->messages = g_ptr_array_ref (cb_packet_get_messages (packet));
  page->more = json_node_get_boolean (more);
  return page;
}

static gint64
get_id (GPtrArray *messages,
        guint      i)
{
  return i < messages->len ? cb_message_get_id (g_ptr_array_index (messages, i)) : 0;
}

static gpointer
read_history (CbAccount *self,
              CbPacket  *packet,
              gpointer   data,
              GError   **error)
{
  const Wanted *wanted = data;
  Page *page = read_page (packet, "HISTORY", error);

  if (page != NULL && cb_account_has_ids (self))
    {
      const CbTimelinePage what = {
        .with = wanted->with, .direction = wanted->direction, .id = wanted->id, .known = wanted->known,
        .first = get_id (page->messages, 0), .last = get_id (page->messages, page->messages->len - 1),
        .more = page->more,
      };

      cb_timeline_add_page (self->timeline, &what);
    }
  return page;
}

static const CbQuestion history_question = {
  .feature = CB_FEATURE_HISTORY,
  .key = "HISTORY",
  .read = read_history,
  .free_result = (GDestroyNotify) page_free,
  .free_data = (GDestroyNotify) wanted_free,
};

static void
ask_history (CbAccount              *self,
             const CbHistoryRequest *what,
             GTask                  *task)
{
  g_autoptr (GString) json = g_string_new (NULL);
  Wanted *wanted = g_new0 (Wanted, 1);

  cb_history_request_append_json (what, json);
  wanted->with = g_strdup (what->with);
  wanted->direction = what->direction;
  wanted->id = what->id;
  wanted->known = cb_timeline_get_newest (self->timeline);
  cb_account_ask (self, &history_question, json->str, wanted, task);
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
  ask_history (self, &what,
               cb_account_new_task (self, cb_account_fill_hole, NULL, fill_cb, g_object_ref (self->session)));
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

  ask_history (self, &what, cb_account_new_task (self, cb_account_history_async, cancellable, callback, user_data));
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

static gpointer
read_search (CbAccount *self,
             CbPacket  *packet,
             gpointer   data,
             GError   **error)
{
  return read_page (packet, "SEARCH", error);
}

static const CbQuestion search_question = {
  .feature = CB_FEATURE_SEARCH,
  .key = "SEARCH",
  .read = read_search,
  .free_result = (GDestroyNotify) page_free,
};

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

  g_return_if_fail (CB_IS_ACCOUNT (self));
  g_return_if_fail (what != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  cb_search_request_append_json (what, json);
  cb_account_ask (self, &search_question, json->str, NULL,
                  cb_account_new_task (self, cb_account_search_async, cancellable, callback, user_data));
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
