/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-outbox.h"

#include "libchatterbox/cb-error.h"
#include "libchatterbox/cb-outgoing.h"

/* Most bytes that may be in it. */
#define MAX_BYTES (4u * 1024 * 1024)

/* Most that may be on their way at a time. */
#define MAX_FLIGHT 32u

typedef struct
{
  CbMessage *message;    /* with its token; from nobody until it is taken */
  gsize      wire_size;
  gint64     request;    /* number that it was sent with; -1: it was not */
  gboolean   is_command; /* of the user it was last sent for */
} Item;

struct _CbOutbox
{
  GQueue      items;    /* of Item, in order: those on their way come first */
  GHashTable *links;    /* token, of its item → link in the queue */
  guint       n_flight; /* on their way */
  gsize       waiting;  /* bytes that are not on their way */
  gsize       size;     /* bytes of all */
};

static void
item_free (Item *item)
{
  cb_message_unref (item->message);
  g_free (item);
}

CbOutbox *
cb_outbox_new (void)
{
  CbOutbox *self = g_new0 (CbOutbox, 1);

  g_queue_init (&self->items);
  self->links = g_hash_table_new (g_str_hash, g_str_equal);
  return self;
}

void
cb_outbox_free (CbOutbox *self)
{
  g_return_if_fail (self != NULL);

  g_hash_table_unref (self->links);
  g_queue_clear_full (&self->items, (GDestroyNotify) item_free);
  g_free (self);
}

/* Takes an item out; its token is the caller's. */
static char *
remove_item (CbOutbox *self,
             GList    *link)
{
  Item *item = link->data;
  char *token = g_strdup (cb_message_get_token (item->message));

  if (item->request >= 0)
    self->n_flight--;
  else
    self->waiting -= item->wire_size;
  self->size -= item->wire_size;
  g_hash_table_remove (self->links, token);
  g_queue_delete_link (&self->items, link);
  item_free (item);
  return token;
}

static gboolean
is_command (const char *username,
            CbMessage  *message)
{
  return g_strcmp0 (cb_message_get_destination (message), username) == 0 &&
         *cb_message_get_content (message) == '/';
}

/* A command is known by its time only: it gets one of its own. */
static gint64
choose_time (CbOutbox  *self,
             CbMessage *message)
{
  gint64 time_s = cb_message_get_time_s (message);

  for (const GList *link = self->items.head; link != NULL; link = link->next)
    {
      const Item *item = link->data;

      if (item->is_command)
        time_s = MAX (time_s, cb_message_get_time_s (item->message) + 1);
    }

  return time_s;
}

/* Adds a message with a token; who says it is not looked at, but a message to @username may be a command.
 * FALSE with CB_ERROR_TOO_LARGE if it fits no frame, or too much waits, and with G_IO_ERROR_EXISTS. */
gboolean
cb_outbox_push (CbOutbox   *self,
                const char *username,
                CbMessage  *message,
                GError    **error)
{
  Item *item = NULL;
  gsize wire_size = 0;

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (message != NULL && cb_message_get_token (message) != NULL, FALSE);

  if (!cb_outgoing_measure (message, &wire_size, error))
    return FALSE;
  if (self->size + wire_size > MAX_BYTES)
    {
      g_set_error (error, CB_ERROR, CB_ERROR_TOO_LARGE,
                   "%" G_GSIZE_FORMAT " bytes wait to be acknowledged; the limit is %u",
                   self->size, MAX_BYTES);
      return FALSE;
    }
  if (g_hash_table_contains (self->links, cb_message_get_token (message)))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "The token %s waits already",
                   cb_message_get_token (message));
      return FALSE;
    }

  item = g_new0 (Item, 1);
  item->is_command = is_command (username, message);
  item->message = cb_message_new_full ("", cb_message_get_destination (message),
                                       item->is_command ? choose_time (self, message)
                                                        : cb_message_get_time_s (message),
                                       cb_message_get_content (message), 0, cb_message_get_token (message));
  item->wire_size = wire_size;
  item->request = -1;
  self->size += wire_size;
  self->waiting += wire_size;
  g_queue_push_tail (&self->items, item);
  g_hash_table_insert (self->links, (gpointer) cb_message_get_token (item->message), self->items.tail);
  return TRUE;
}

/* Takes what @username says next, to be sent with the number @request; NULL if nothing waits, or enough
 * is on its way. */
CbMessage *
cb_outbox_take (CbOutbox   *self,
                const char *username,
                gint64      request)
{
  Item *item = NULL;

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (username != NULL, NULL);
  g_return_val_if_fail (request >= 0, NULL);

  if (self->n_flight >= MAX_FLIGHT)
    return NULL;
  item = g_queue_peek_nth (&self->items, self->n_flight);
  if (item == NULL)
    return NULL;

  item->request = request;
  item->is_command = is_command (username, item->message);
  self->n_flight++;
  self->waiting -= item->wire_size;
  /* Commands are stored nowhere, so that they have no use for a token. */
  return cb_message_new_full (username, cb_message_get_destination (item->message),
                              cb_message_get_time_s (item->message), cb_message_get_content (item->message),
                              0, item->is_command ? NULL : cb_message_get_token (item->message));
}

/* Takes the token of a command that was sent before the message @token was, and so was handled before it
 * was acknowledged, whether it had an answer or not; NULL if there is none. */
char *
cb_outbox_pop_overtaken (CbOutbox   *self,
                         const char *token)
{
  GList *acknowledged = NULL;

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (token != NULL, NULL);

  acknowledged = g_hash_table_lookup (self->links, token);
  for (GList *link = self->items.head; acknowledged != NULL && link != acknowledged; link = link->next)
    {
      const Item *item = link->data;

      if (item->request < 0)
        return NULL;
      if (item->is_command)
        return remove_item (self, link);
    }

  return NULL;
}

/* The server has stored the message @token. FALSE if that was not waited for. */
gboolean
cb_outbox_acknowledge (CbOutbox   *self,
                       const char *token)
{
  GList *link = NULL;

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (token != NULL, FALSE);

  link = g_hash_table_lookup (self->links, token);
  if (link == NULL)
    return FALSE;

  g_free (remove_item (self, link));
  return TRUE;
}

/* The server has answered the command of that time, or the oldest if it sets its own. Takes its token;
 * NULL if none is on its way. */
char *
cb_outbox_answer (CbOutbox *self,
                  gint64    time_s)
{
  GList *oldest = NULL;

  g_return_val_if_fail (self != NULL, NULL);

  for (GList *link = self->items.head; link != NULL; link = link->next)
    {
      const Item *item = link->data;

      if (item->request < 0)
        break;
      if (!item->is_command)
        continue;
      if (cb_message_get_time_s (item->message) == time_s)
        return remove_item (self, link);
      if (oldest == NULL)
        oldest = link;
    }

  return oldest != NULL ? remove_item (self, oldest) : NULL;
}

/* The server has refused what was sent with that number. Takes its token; NULL if nothing was. */
char *
cb_outbox_refuse (CbOutbox *self,
                  gint64    request)
{
  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (request >= 0, NULL);

  for (GList *link = self->items.head; link != NULL; link = link->next)
    {
      if (((const Item *) link->data)->request == request)
        return remove_item (self, link);
    }

  return NULL;
}

/* Takes the token of the oldest; NULL if there is none. */
char *
cb_outbox_pop (CbOutbox *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->items.head != NULL ? remove_item (self, self->items.head) : NULL;
}

/* The connection is gone: nothing is on its way any more. */
void
cb_outbox_rewind (CbOutbox *self)
{
  g_return_if_fail (self != NULL);

  for (const GList *link = self->items.head; link != NULL; link = link->next)
    ((Item *) link->data)->request = -1;
  self->n_flight = 0;
  self->waiting = self->size;
}

/* Bytes that wait to be sent. */
gsize
cb_outbox_get_queued (CbOutbox *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->waiting;
}

/* How many have not been acknowledged. */
guint
cb_outbox_get_length (CbOutbox *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->items.length;
}

/* How many of them are messages: it is no loss if a command finds no answer. */
guint
cb_outbox_count_messages (CbOutbox *self)
{
  guint n = 0;

  g_return_val_if_fail (self != NULL, 0);

  for (const GList *link = self->items.head; link != NULL; link = link->next)
    n += ((const Item *) link->data)->is_command ? 0 : 1;
  return n;
}
