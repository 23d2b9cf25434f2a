/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "server/log/cbs-entry.h"

static GBytes *
bytes_new_text (const char *text)
{
  return g_bytes_new (text, strlen (text));
}

static void
assert_body (const CbsEntry *entry,
             const char     *expected)
{
  g_autoptr (GBytes) bytes = bytes_new_text (expected);

  g_assert_true (g_bytes_equal (entry->body, bytes));
}

static void
assert_uncommitted (const CbsEntry *entry,
                    CbsEntryKind    kind)
{
  g_assert_cmpint (entry->kind, ==, kind);
  g_assert_cmpint (entry->seq, ==, 0);
  g_assert_cmpint (entry->time_us, ==, 0);
  g_assert_null (entry->token);
  g_assert_cmpuint (entry->origin, ==, 0);
}

static void
test_entry_message (void)
{
  g_autoptr (GBytes) body = bytes_new_text ("[\"Ada\",\"ALL\",1,\"hi\"]");
  g_autoptr (CbsEntry) public = cbs_entry_new_message ("ada", NULL, body);
  g_autoptr (CbsEntry) private = cbs_entry_new_message ("ada", "eve", body);

  assert_uncommitted (public, CBS_ENTRY_MESSAGE);
  g_assert_cmpstr (public->src, ==, "ada");
  g_assert_null (public->dest);
  g_assert_true (public->body == body);
  g_assert_cmpstr (private->dest, ==, "eve");
}

static void
test_entry_wire_size (void)
{
  static const struct
  {
    const char *body;
    gsize       wire_size;
  } cases[] = {
    { "[\"a\",\"ALL\",1,\"hi\"]", 18 },
    { "[\"a\",\"ALL\",1,\"\"]", 16 },
    /* \u00e9, and a pair of surrogates. */
    { "[\"a\",\"ALL\",1,\"é\"]", 16 + 6 },
    { "[\"a\",\"ALL\",1,\"🙂\"]", 16 + 12 },
    { "[\"a\",\"ALL\",1,\"\\n\"]", 18 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GBytes) body = bytes_new_text (cases[i].body);
      g_autoptr (CbsEntry) entry = cbs_entry_new_message ("a", NULL, body);

      g_assert_cmpuint (entry->wire_size, ==, cases[i].wire_size);
    }
}

static void
test_entry_join (void)
{
  g_autoptr (CbName) name = cb_name_new ("Émile", NULL);
  g_autoptr (CbsEntry) entry = cbs_entry_new_join (name);

  assert_uncommitted (entry, CBS_ENTRY_JOIN);
  g_assert_cmpstr (entry->src, ==, "émile");
  g_assert_null (entry->dest);
  assert_body (entry, "Émile");
  g_assert_true (entry->name == name);
}

static void
test_entry_leave (void)
{
  g_autoptr (CbsEntry) entry = cbs_entry_new_leave ("ada", "Ada");

  assert_uncommitted (entry, CBS_ENTRY_LEAVE);
  g_assert_cmpstr (entry->src, ==, "ada");
  assert_body (entry, "Ada");
  g_assert_null (entry->name);
}

static void
test_entry_node_up (void)
{
  g_autoptr (CbsEntry) entry = cbs_entry_new_node_up ("main");

  assert_uncommitted (entry, CBS_ENTRY_NODE_UP);
  g_assert_cmpstr (entry->src, ==, "main");
  assert_body (entry, "");
  g_assert_cmpuint (entry->wire_size, ==, 0);
}

static void
test_entry_relation (void)
{
  g_autoptr (CbsEntry) block = cbs_entry_new_relation (CBS_ENTRY_BLOCK, "ada", "eve");
  g_autoptr (CbsEntry) unblock = cbs_entry_new_relation (CBS_ENTRY_UNBLOCK, "eve", "ada");

  assert_uncommitted (block, CBS_ENTRY_BLOCK);
  g_assert_cmpstr (block->src, ==, "ada");
  g_assert_cmpstr (block->dest, ==, "eve");
  assert_body (block, "");
  assert_uncommitted (unblock, CBS_ENTRY_UNBLOCK);
}

static void
test_entry_key (void)
{
  g_autoptr (CbsEntry) add = cbs_entry_new_key (CBS_ENTRY_KEY_ADD, "ada", "0123abcd");
  g_autoptr (CbsEntry) revoke = cbs_entry_new_key (CBS_ENTRY_KEY_REVOKE, "ada", "0123abcd");

  assert_uncommitted (add, CBS_ENTRY_KEY_ADD);
  g_assert_cmpstr (add->src, ==, "ada");
  g_assert_null (add->dest);
  g_assert_cmpstr (add->key_id, ==, "0123abcd");
  assert_body (add, "0123abcd");
  assert_uncommitted (revoke, CBS_ENTRY_KEY_REVOKE);
}

static void
test_entry_read (void)
{
  g_autoptr (CbsEntry) all = cbs_entry_new_read ("ada", NULL, 42);
  g_autoptr (CbsEntry) with_eve = cbs_entry_new_read ("ada", "eve", 0);

  assert_uncommitted (all, CBS_ENTRY_READ);
  g_assert_cmpstr (all->src, ==, "ada");
  g_assert_null (all->dest);
  g_assert_cmpint (all->marker, ==, 42);
  assert_body (all, "");
  g_assert_cmpstr (with_eve->dest, ==, "eve");
}

static void
test_entry_stored (void)
{
  g_autoptr (GBytes) body = bytes_new_text ("[]");
  g_autoptr (CbsEntry) entry = cbs_entry_new_stored (42, 1700000000000000, CBS_ENTRY_MESSAGE,
                                                     "ada", "eve", body, 4711);

  g_assert_cmpint (entry->seq, ==, 42);
  g_assert_cmpint (entry->time_us, ==, 1700000000000000);
  g_assert_cmpint (entry->kind, ==, CBS_ENTRY_MESSAGE);
  g_assert_cmpstr (entry->src, ==, "ada");
  g_assert_cmpstr (entry->dest, ==, "eve");
  g_assert_true (entry->body == body);
  /* Measured once, when it was new. */
  g_assert_cmpuint (entry->wire_size, ==, 4711);
}

/* The numbers are stored. */
static void
test_entry_kinds (void)
{
  static const CbsEntryKind kinds[] = {
    CBS_ENTRY_MESSAGE, CBS_ENTRY_JOIN, CBS_ENTRY_LEAVE,
    CBS_ENTRY_NODE_UP, CBS_ENTRY_BLOCK, CBS_ENTRY_UNBLOCK,
    CBS_ENTRY_KEY_ADD, CBS_ENTRY_KEY_REVOKE, CBS_ENTRY_READ,
  };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    g_assert_cmpint (kinds[i], ==, i + 1);
}

static void
free_cb (gpointer data)
{
  ++*(guint *) data;
}

static void
test_entry_references (void)
{
  guint n_freed = 0;
  g_autoptr (GBytes) body = g_bytes_new_with_free_func ("[]", 2, free_cb, &n_freed);
  g_autoptr (CbsEntry) entry = cbs_entry_new_message ("ada", NULL, body);
  CbsEntry *second = cbs_entry_ref (entry);

  g_assert_true (second == entry);
  g_clear_pointer (&body, g_bytes_unref);
  g_clear_pointer (&entry, cbs_entry_unref);
  g_assert_cmpuint (n_freed, ==, 0);
  cbs_entry_unref (second);
  g_assert_cmpuint (n_freed, ==, 1);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/entry/message", test_entry_message);
  g_test_add_func ("/entry/wire-size", test_entry_wire_size);
  g_test_add_func ("/entry/join", test_entry_join);
  g_test_add_func ("/entry/leave", test_entry_leave);
  g_test_add_func ("/entry/node-up", test_entry_node_up);
  g_test_add_func ("/entry/relation", test_entry_relation);
  g_test_add_func ("/entry/key", test_entry_key);
  g_test_add_func ("/entry/read", test_entry_read);
  g_test_add_func ("/entry/stored", test_entry_stored);
  g_test_add_func ("/entry/kinds", test_entry_kinds);
  g_test_add_func ("/entry/references", test_entry_references);

  return g_test_run ();
}
