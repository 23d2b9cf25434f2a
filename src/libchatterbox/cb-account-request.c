/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-account-private.h"

#include "libchatterbox/cb-error.h"

/* Most requests that may wait for their answers. */
#define MAX_REQUESTS 256u

/* What was asked, and is not answered yet. */
typedef struct
{
  CbAccount        *account;  /* holds the request */
  gint64            number;
  GTask            *task;
  GSource          *timeout;
  const CbQuestion *question;
  gpointer          data;
} Request;

void
cb_account_request_free (gpointer data)
{
  Request *request = data;

  cb_account_clear_source (&request->timeout);
  g_clear_object (&request->task);
  if (request->question->free_data != NULL)
    request->question->free_data (request->data);
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
              const char *json)
{
  g_autoptr (CbPacket) packet = cb_packet_new ();
  g_autofree char *number = g_strdup_printf ("%" G_GINT64_FORMAT, request->number);

  cb_packet_set_extra (packet, request->question->key, json, NULL);
  cb_packet_set_extra (packet, "REQUEST", number, NULL);
  /* What breaks a send breaks the receive, too, which ends the request. */
  cb_session_send_async (self->session, packet, NULL, NULL);
}

GTask *
cb_account_new_task (CbAccount          *self,
                     gpointer            tag,
                     GCancellable       *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer            user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, tag);
  return task;
}

/* Waits until the request is answered, cancelled or too old. */
static void
watch (Request      *request,
       GCancellable *cancellable)
{
  request->timeout = g_timeout_source_new (request->account->request_timeout_ms);
  g_source_set_static_name (request->timeout, "chatterbox-request");
  g_source_set_callback (request->timeout, timeout_cb, request, NULL);
  if (cancellable != NULL)
    {
      g_autoptr (GSource) cancelled = g_cancellable_source_new (cancellable);

      g_source_set_dummy_callback (cancelled);
      g_source_add_child_source (request->timeout, cancelled);
    }
  g_source_attach (request->timeout, g_main_context_get_thread_default ());
}

/* Asks the server, if it has announced to answer that. @json is the value of the question's key, @data
 * is for the reader of the answer. The task, of which it takes ownership, is given what that makes. */
void
cb_account_ask (CbAccount        *self,
                const CbQuestion *question,
                const char       *json,
                gpointer          data,
                GTask            *task)
{
  g_autoptr (Request) request = g_new0 (Request, 1);

  request->account = self;
  request->question = question;
  request->data = data;
  request->task = task;
  if (g_task_return_error_if_cancelled (task))
    return;
  if (self->session == NULL || self->state != CB_ACCOUNT_ONLINE)
    {
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED, "Not connected");
      return;
    }
  if (!(self->negotiated & question->feature))
    {
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                               "The server does not answer %s", question->key);
      return;
    }
  if (g_hash_table_size (self->requests) >= MAX_REQUESTS)
    {
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_BUSY,
                               "%u requests wait for their answers", MAX_REQUESTS);
      return;
    }

  request->number = cb_account_next_request (self);
  watch (request, g_task_get_cancellable (task));
  send_request (self, request, json);
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
    result = request->question->read (self, packet, request->data, &error);

  if (result != NULL)
    g_task_return_pointer (request->task, result, request->question->free_result);
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

/* Fails: an answer is none. Always NULL. */
gpointer
cb_account_set_malformed (const char *key,
                          GError    **error)
{
  g_set_error (error, CB_ERROR, CB_ERROR_MALFORMED, "The server's answer to %s can't be read", key);
  return NULL;
}

/* A member of an object that is of a type; NULL if it is not. */
JsonNode *
cb_account_get_member (JsonNode   *node,
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
