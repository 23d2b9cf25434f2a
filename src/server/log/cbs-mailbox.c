/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-mailbox.h"

typedef struct
{
  GSource     source;
  CbsMailbox *mailbox;
} MailboxSource;

struct _CbsMailbox
{
  GMainContext  *context;
  GSource       *source;
  CbsMailboxFunc func;
  gpointer       user_data;
  GDestroyNotify item_free;
  GQueue         ready; /* handed over in this turn; the context's own */
  GMutex         mutex;
  GQueue         arrived; /* under the mutex */
};

/* Runs before the turn's dispatches, so nothing that they do gets in. */
static gboolean
collect (GSource *source)
{
  CbsMailbox *self = ((MailboxSource *) source)->mailbox;

  g_mutex_lock (&self->mutex);
  while (self->arrived.length > 0)
    g_queue_push_tail_link (&self->ready, g_queue_pop_head_link (&self->arrived));
  g_mutex_unlock (&self->mutex);

  return self->ready.length > 0;
}

static gboolean
mailbox_prepare (GSource *source,
                 int     *timeout)
{
  *timeout = -1;
  return collect (source);
}

static gboolean
mailbox_dispatch (GSource    *source,
                  GSourceFunc callback,
                  gpointer    user_data)
{
  CbsMailbox *self = ((MailboxSource *) source)->mailbox;
  GQueue items = self->ready;

  g_queue_init (&self->ready);
  self->func (&items, self->user_data);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs mailbox_funcs = {
  .prepare = mailbox_prepare,
  .check = collect,
  .dispatch = mailbox_dispatch,
};

/**
 * cbs_mailbox_new:
 * @func: what takes the items
 * @user_data: data for @func
 * @item_free: frees an item that was never handed over
 *
 * Makes an empty mailbox that hands over in the thread-default main context.
 *
 * Returns: (transfer full): a mailbox
 */
CbsMailbox *
cbs_mailbox_new (CbsMailboxFunc func,
                 gpointer       user_data,
                 GDestroyNotify item_free)
{
  CbsMailbox *self = g_new0 (CbsMailbox, 1);

  self->context = g_main_context_ref_thread_default ();
  self->func = func;
  self->user_data = user_data;
  self->item_free = item_free;
  g_queue_init (&self->ready);
  g_mutex_init (&self->mutex);
  g_queue_init (&self->arrived);

  self->source = g_source_new (&mailbox_funcs, sizeof (MailboxSource));
  ((MailboxSource *) self->source)->mailbox = self;
  g_source_set_static_name (self->source, "chatterbox-mailbox");
  g_source_attach (self->source, self->context);
  return self;
}

/**
 * cbs_mailbox_free:
 * @self: (transfer full): a mailbox
 *
 * Frees a mailbox, in its context, when no thread puts anything in any more.
 */
void
cbs_mailbox_free (CbsMailbox *self)
{
  g_return_if_fail (self != NULL);

  g_source_destroy (self->source);
  g_source_unref (self->source);
  g_queue_clear_full (&self->ready, self->item_free);
  g_queue_clear_full (&self->arrived, self->item_free);
  g_mutex_clear (&self->mutex);
  g_main_context_unref (self->context);
  g_free (self);
}

/**
 * cbs_mailbox_put:
 * @self: a mailbox
 * @item: (transfer full): what to hand over
 *
 * Puts something in, from any thread.
 */
void
cbs_mailbox_put (CbsMailbox *self,
                 gpointer    item)
{
  gboolean was_empty = FALSE;

  g_return_if_fail (self != NULL);
  g_return_if_fail (item != NULL);

  g_mutex_lock (&self->mutex);
  was_empty = self->arrived.length == 0;
  g_queue_push_tail (&self->arrived, item);
  g_mutex_unlock (&self->mutex);

  /* What waits already has woken it. */
  if (was_empty)
    g_main_context_wakeup (self->context);
}
