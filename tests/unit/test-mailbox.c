/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>

#include "server/log/cbs-mailbox.h"

#define N_ITEMS 10000

typedef struct
{
  GMainContext *context;
  CbsMailbox   *mailbox;
  GArray       *received; /* of guint */
  guint         n_calls;
  gboolean      frees_mailbox;
  guint         n_freed;
} Fixture;

static void
receive_cb (GQueue  *items,
            gpointer user_data)
{
  Fixture *fixture = user_data;

  g_assert_cmpuint (items->length, >, 0);
  fixture->n_calls++;
  while (items->length > 0)
    {
      const guint item = GPOINTER_TO_UINT (g_queue_pop_head (items));

      g_array_append_val (fixture->received, item);
    }
  if (fixture->frees_mailbox)
    g_clear_pointer (&fixture->mailbox, cbs_mailbox_free);
}

static Fixture *current;

static void
free_item (gpointer item)
{
  current->n_freed++;
}

static void
set_up (Fixture      *fixture,
        gconstpointer user_data)
{
  current = fixture;
  fixture->context = g_main_context_new ();
  g_main_context_push_thread_default (fixture->context);
  fixture->received = g_array_new (FALSE, FALSE, sizeof (guint));
  fixture->mailbox = cbs_mailbox_new (receive_cb, fixture, free_item);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer user_data)
{
  g_clear_pointer (&fixture->mailbox, cbs_mailbox_free);
  g_array_unref (fixture->received);
  g_main_context_pop_thread_default (fixture->context);
  g_main_context_unref (fixture->context);
}

static void
put (Fixture *fixture,
     guint    item)
{
  cbs_mailbox_put (fixture->mailbox, GUINT_TO_POINTER (item));
}

static void
assert_received (Fixture *fixture,
                 guint    n_items)
{
  g_assert_cmpuint (fixture->received->len, ==, n_items);
  for (guint i = 0; i < n_items; i++)
    g_assert_cmpuint (g_array_index (fixture->received, guint, i), ==, i + 1);
}

static void
test_mailbox_gathered (Fixture      *fixture,
                       gconstpointer user_data)
{
  for (guint i = 1; i <= 3; i++)
    put (fixture, i);
  assert_received (fixture, 0);

  g_assert_true (g_main_context_iteration (fixture->context, FALSE));
  assert_received (fixture, 3);
  g_assert_cmpuint (fixture->n_calls, ==, 1);
  g_assert_false (g_main_context_iteration (fixture->context, FALSE));
}

static gpointer
put_thread (gpointer user_data)
{
  for (guint i = 1; i <= N_ITEMS; i++)
    put (user_data, i);
  return NULL;
}

/* The context sleeps until something comes, and misses nothing. */
static void
test_mailbox_other_thread (Fixture      *fixture,
                           gconstpointer user_data)
{
  GThread *thread = g_thread_new ("put", put_thread, fixture);

  while (fixture->received->len < N_ITEMS)
    g_main_context_iteration (fixture->context, TRUE);
  g_thread_join (thread);
  assert_received (fixture, N_ITEMS);
}

static gboolean
put_cb (gpointer user_data)
{
  put (user_data, 2);
  return G_SOURCE_REMOVE;
}

/* What another source puts in waits for the next turn, even if the mailbox is due in this one. */
static void
test_mailbox_same_turn (Fixture      *fixture,
                        gconstpointer user_data)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  /* Dispatched before the mailbox: it is of the same priority, and was attached first. */
  g_clear_pointer (&fixture->mailbox, cbs_mailbox_free);
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, put_cb, fixture, NULL);
  g_source_attach (source, fixture->context);
  fixture->mailbox = cbs_mailbox_new (receive_cb, fixture, free_item);
  put (fixture, 1);

  g_main_context_iteration (fixture->context, FALSE);
  assert_received (fixture, 1);
  g_main_context_iteration (fixture->context, FALSE);
  assert_received (fixture, 2);
}

static void
test_mailbox_freed_inside (Fixture      *fixture,
                           gconstpointer user_data)
{
  fixture->frees_mailbox = TRUE;
  put (fixture, 1);
  g_main_context_iteration (fixture->context, FALSE);
  assert_received (fixture, 1);
  g_assert_null (fixture->mailbox);
}

static void
test_mailbox_not_handed_over (Fixture      *fixture,
                              gconstpointer user_data)
{
  put (fixture, 1);
  put (fixture, 2);
  g_clear_pointer (&fixture->mailbox, cbs_mailbox_free);

  g_assert_cmpuint (fixture->n_freed, ==, 2);
  g_assert_false (g_main_context_iteration (fixture->context, FALSE));
  assert_received (fixture, 0);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add ("/mailbox/gathered", Fixture, NULL, set_up, test_mailbox_gathered, tear_down);
  g_test_add ("/mailbox/other-thread", Fixture, NULL, set_up, test_mailbox_other_thread, tear_down);
  g_test_add ("/mailbox/same-turn", Fixture, NULL, set_up, test_mailbox_same_turn, tear_down);
  g_test_add ("/mailbox/freed-inside", Fixture, NULL, set_up, test_mailbox_freed_inside, tear_down);
  g_test_add ("/mailbox/not-handed-over", Fixture, NULL, set_up, test_mailbox_not_handed_over, tear_down);

  return g_test_run ();
}
