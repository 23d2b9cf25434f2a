/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "common/test-log.h"

#include "server/log/cbs-log-memory.h"

/* An append that waits for the test. */
typedef struct
{
  CbsEntry *entry;
  GTask    *task;
} Held;

struct _TestLog
{
  GObject  parent_instance;
  CbsLog  *inner;
  GQueue   held; /* of Held */
  gboolean is_holding;
  GError  *refusal; /* what every append and read gets; NULL: they work */
};

static void test_log_iface_init (CbsLogInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (TestLog, test_log, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (CBS_TYPE_LOG, test_log_iface_init))

enum
{
  PROP_STATE = 1,
  PROP_INDEXED,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void
forward_committed_cb (CbsLog    *inner,
                      GPtrArray *entries,
                      gpointer   user_data)
{
  g_signal_emit_by_name (user_data, "committed", entries);
}

static void
forward_indexed_cb (CbsLog     *inner,
                    GParamSpec *pspec,
                    gpointer    user_data)
{
  g_object_notify_by_pspec (user_data, properties[PROP_INDEXED]);
}

static void
test_log_finalize (GObject *object)
{
  TestLog *self = TEST_LOG (object);

  g_assert_cmpuint (self->held.length, ==, 0);
  g_clear_object (&self->inner);
  g_clear_error (&self->refusal);

  G_OBJECT_CLASS (test_log_parent_class)->finalize (object);
}

static void
test_log_get_property (GObject    *object,
                       guint       prop_id,
                       GValue     *value,
                       GParamSpec *pspec)
{
  g_object_get_property (G_OBJECT (TEST_LOG (object)->inner), pspec->name, value);
}

static void
test_log_class_init (TestLogClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = test_log_finalize;
  object_class->get_property = test_log_get_property;
  g_object_class_override_property (object_class, PROP_STATE, "state");
  g_object_class_override_property (object_class, PROP_INDEXED, "indexed");
  properties[PROP_INDEXED] = g_object_class_find_property (object_class, "indexed");
}

static void
test_log_init (TestLog *self)
{
  g_queue_init (&self->held);
  self->inner = cbs_log_memory_new ();
  g_signal_connect_object (self->inner, "committed", G_CALLBACK (forward_committed_cb), self, 0);
  g_signal_connect_object (self->inner, "notify::indexed", G_CALLBACK (forward_indexed_cb), self, 0);
}

TestLog *
test_log_new (void)
{
  return g_object_new (TEST_TYPE_LOG, NULL);
}

static void
forward_result_cb (GObject      *source,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;

  g_task_return_pointer (task, g_object_ref (result), g_object_unref);
}

/* The inner log's own result, to be finished there. */
static GAsyncResult *
take_inner_result (GAsyncResult *result,
                   GError      **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
test_log_open_async (CbsLog             *log,
                     const char         *node,
                     GAsyncReadyCallback callback,
                     gpointer            user_data)
{
  cbs_log_open_async (TEST_LOG (log)->inner, node, forward_result_cb,
                      g_task_new (log, NULL, callback, user_data));
}

static CbsLogSnapshot *
test_log_open_finish (CbsLog       *log,
                      GAsyncResult *result,
                      GError      **error)
{
  g_autoptr (GAsyncResult) inner = take_inner_result (result, error);

  return inner != NULL ? cbs_log_open_finish (TEST_LOG (log)->inner, inner, error) : NULL;
}

static void
append (TestLog  *self,
        CbsEntry *entry,
        GTask    *task)
{
  if (self->refusal != NULL)
    {
      g_task_return_error (task, g_error_copy (self->refusal));
      g_object_unref (task);
    }
  else
    cbs_log_append_async (self->inner, entry, forward_result_cb, task);
}

static void
test_log_append_async (CbsLog             *log,
                       CbsEntry           *entry,
                       GAsyncReadyCallback callback,
                       gpointer            user_data)
{
  TestLog *self = TEST_LOG (log);
  GTask *task = g_task_new (log, NULL, callback, user_data);
  Held *held = NULL;

  if (!self->is_holding)
    {
      append (self, entry, task);
      return;
    }

  held = g_new0 (Held, 1);
  held->entry = cbs_entry_ref (entry);
  held->task = task;
  g_queue_push_tail (&self->held, held);
}

static gint64
test_log_append_finish (CbsLog       *log,
                        GAsyncResult *result,
                        GError      **error)
{
  g_autoptr (GAsyncResult) inner = take_inner_result (result, error);

  return inner != NULL ? cbs_log_append_finish (TEST_LOG (log)->inner, inner, error) : -1;
}

static void
test_log_measure_async (CbsLog             *log,
                        const CbsLogQuery  *query,
                        GCancellable       *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer            user_data)
{
  TestLog *self = TEST_LOG (log);
  GTask *task = g_task_new (log, NULL, callback, user_data);

  if (self->refusal == NULL)
    {
      cbs_log_measure_async (self->inner, query, cancellable, forward_result_cb, task);
      return;
    }
  g_task_return_error (task, g_error_copy (self->refusal));
  g_object_unref (task);
}

static gboolean
test_log_measure_finish (CbsLog       *log,
                         GAsyncResult *result,
                         CbsLogExtent *out_extent,
                         GError      **error)
{
  g_autoptr (GAsyncResult) inner = take_inner_result (result, error);

  return inner != NULL && cbs_log_measure_finish (TEST_LOG (log)->inner, inner, out_extent, error);
}

static void
test_log_read_async (CbsLog             *log,
                     const CbsLogQuery  *query,
                     GCancellable       *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer            user_data)
{
  cbs_log_read_async (TEST_LOG (log)->inner, query, cancellable, forward_result_cb,
                      g_task_new (log, NULL, callback, user_data));
}

static GPtrArray *
test_log_read_finish (CbsLog       *log,
                      GAsyncResult *result,
                      GError      **error)
{
  g_autoptr (GAsyncResult) inner = take_inner_result (result, error);

  return inner != NULL ? cbs_log_read_finish (TEST_LOG (log)->inner, inner, error) : NULL;
}

static void
test_log_close_async (CbsLog             *log,
                      GAsyncReadyCallback callback,
                      gpointer            user_data)
{
  cbs_log_close_async (TEST_LOG (log)->inner, forward_result_cb,
                       g_task_new (log, NULL, callback, user_data));
}

static gboolean
test_log_close_finish (CbsLog       *log,
                       GAsyncResult *result,
                       GError      **error)
{
  g_autoptr (GAsyncResult) inner = take_inner_result (result, error);

  return inner != NULL && cbs_log_close_finish (TEST_LOG (log)->inner, inner, error);
}

static void
test_log_iface_init (CbsLogInterface *iface)
{
  iface->open_async = test_log_open_async;
  iface->open_finish = test_log_open_finish;
  iface->append_async = test_log_append_async;
  iface->append_finish = test_log_append_finish;
  iface->measure_async = test_log_measure_async;
  iface->measure_finish = test_log_measure_finish;
  iface->read_async = test_log_read_async;
  iface->read_finish = test_log_read_finish;
  iface->close_async = test_log_close_async;
  iface->close_finish = test_log_close_finish;
}

/* From now on appends wait. */
void
test_log_hold (TestLog *self)
{
  self->is_holding = TRUE;
}

/* Those that waited go on, in order. */
void
test_log_release (TestLog *self)
{
  Held *held = NULL;

  self->is_holding = FALSE;
  while ((held = g_queue_pop_head (&self->held)) != NULL)
    {
      append (self, held->entry, held->task);
      cbs_entry_unref (held->entry);
      g_free (held);
    }
}

/* From now on appends and measures fail with a CbsLogError; NULL: they work again. */
void
test_log_refuse (TestLog    *self,
                 int         code,
                 const char *message)
{
  g_clear_error (&self->refusal);
  if (message != NULL)
    self->refusal = g_error_new_literal (CBS_LOG_ERROR, code, message);
}

guint
test_log_count_held (TestLog *self)
{
  return self->held.length;
}
