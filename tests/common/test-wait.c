/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "common/test-wait.h"

#define TIMEOUT_S 60

static gboolean
timeout_cb (gpointer user_data)
{
  g_error ("Nothing happened for %d seconds (%s)", TIMEOUT_S, (const char *) user_data);
  return G_SOURCE_REMOVE;
}

/* Until @condition holds; it is asked after each turn of the main loop. */
void
test_wait_until (TestCondition condition,
                 gpointer      data,
                 const char   *what)
{
  const guint timeout = g_timeout_add_seconds (TIMEOUT_S, timeout_cb, (gpointer) what);

  while (!condition (data))
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (timeout);
}

/* A callback that keeps the result: @user_data is where, a `GAsyncResult **` that is NULL so far. */
void
test_wait_store_cb (GObject      *source,
                    GAsyncResult *result,
                    gpointer      user_data)
{
  GAsyncResult **out_result = user_data;

  g_assert_null (*out_result);
  *out_result = g_object_ref (result);
}

static gboolean
is_set (gpointer data)
{
  return *(gpointer *) data != NULL;
}

/* Until test_wait_store_cb() has stored a result. */
void
test_wait_for (GAsyncResult **result,
               const char    *what)
{
  test_wait_until (is_set, result, what);
}

static gboolean
is_null (gpointer data)
{
  return *(gpointer *) data == NULL;
}

/* Until the object that a weak pointer points at is gone. */
void
test_wait_gone (gpointer   *weak_pointer,
                const char *what)
{
  test_wait_until (is_null, weak_pointer, what);
}
