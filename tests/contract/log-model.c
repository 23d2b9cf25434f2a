/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "contract/log-fixture.h"
#include "server/log/cbs-holders.h"

/* Steps of the test. */
#define N_STEPS 400

#define ADDRESS_1 "192.0.2.1"
#define ADDRESS_2 "2001:db8::2"

/* What has to come out, kept by the test itself. */
typedef struct
{
  CbsHolders *holders;
  GPtrArray  *users;     /* keys, in the order of the first join */
  GHashTable *relations; /* sequence, by “kind src dest” */
  gint64      time_us;
} Model;

static CbsEntry *
random_entry (void)
{
  static const char *const names[] = { "ada", "bob", "paypal", "раураl" };
  static const char *const ids[] = { NULL, LOG_KEY_1, LOG_KEY_2 };
  static const char *const addresses[] = { ADDRESS_1, ADDRESS_2, NULL };
  static const gint64 holds_us[] = { 0, 1, LOG_HOLD_US };
  const char *name = names[g_test_rand_int_range (0, G_N_ELEMENTS (names))];
  const char *other = names[g_test_rand_int_range (0, G_N_ELEMENTS (names))];
  const char *id = ids[g_test_rand_int_range (0, G_N_ELEMENTS (ids))];

  switch (g_test_rand_int_range (0, 12))
    {
    case 0:
      return cbs_entry_new_key (CBS_ENTRY_KEY_ADD, name, id != NULL ? id : LOG_KEY_1);
    case 1:
      return cbs_entry_new_key (CBS_ENTRY_KEY_REVOKE, name, id != NULL ? id : LOG_KEY_1);
    case 2:
      return cbs_entry_new_relation (CBS_ENTRY_BLOCK, name, other);
    case 3:
      return cbs_entry_new_relation (CBS_ENTRY_UNBLOCK, name, other);
    case 4:
      return cbs_entry_new_read (name, g_test_rand_bit () ? other : NULL, g_test_rand_int_range (0, 9));
    case 5:
    case 6:
    case 7:
      return log_fixture_leave (name);
    default:
      return log_fixture_join_as (name, g_test_rand_int_range (0, 4) == 0 ? id : NULL,
                                  addresses[g_test_rand_int_range (0, G_N_ELEMENTS (addresses))],
                                  holds_us[g_test_rand_int_range (0, G_N_ELEMENTS (holds_us))]);
    }
}

static gboolean
is_of_source (gpointer key,
              gpointer value,
              gpointer src)
{
  g_auto (GStrv) parts = g_strsplit (key, " ", 3);

  return g_str_equal (parts[1], src);
}

static void
model_relate (Model          *model,
              const CbsEntry *entry)
{
  const gboolean is_read = entry->kind == CBS_ENTRY_READ;
  const char *dest = entry->dest != NULL ? entry->dest : "";
  g_autofree char *relation = g_strdup_printf ("%s %s %s", is_read ? "read" : "block", entry->src, dest);
  const gint64 before = GPOINTER_TO_INT (g_hash_table_lookup (model->relations, relation));

  if (entry->kind == CBS_ENTRY_UNBLOCK)
    g_hash_table_remove (model->relations, relation);
  else if (entry->kind == CBS_ENTRY_BLOCK || is_read)
    g_hash_table_replace (model->relations, g_steal_pointer (&relation),
                          GINT_TO_POINTER ((int) MAX (before, entry->marker)));
}

/* -1, or the code of the error. */
static int
model_apply (Model          *model,
             const CbsEntry *entry,
             gint64          seq,
             CbsHolding     *out_holding)
{
  g_autoptr (GError) error = NULL;

  model->time_us += 10;
  cbs_holders_begin (model->holders, model->time_us);
  if (!cbs_holders_apply (model->holders, entry, seq, out_holding, &error))
    return error->code;

  cbs_holders_settle (model->holders);
  if (entry->kind == CBS_ENTRY_JOIN &&
      !g_ptr_array_find_with_equal_func (model->users, entry->src, g_str_equal, NULL))
    g_ptr_array_add (model->users, g_strdup (entry->src));
  if (out_holding->passed)
    g_hash_table_foreach_remove (model->relations, is_of_source, entry->src);
  model_relate (model, entry);
  return -1;
}

static void
model_reap (Model *model)
{
  for (guint i = 0; i < model->users->len; i++)
    {
      const char *key = g_ptr_array_index (model->users, i);

      while (cbs_holders_lookup (model->holders, key)->n_online > 0)
        {
          g_autoptr (CbsEntry) leave = log_fixture_leave (key);
          CbsHolding holding = { 0, };

          model_apply (model, leave, 1, &holding);
        }
    }
}

static void
assert_user (const CbsLogUser *user,
             const CbsHolder  *expected)
{
  g_assert_cmpint (user->since, ==, expected->since);
  g_assert_cmpuint (user->keys->len, ==, expected->keys->len);
  for (guint i = 0; i < user->keys->len; i++)
    g_assert_cmpstr (((const CbsLogKey *) g_ptr_array_index (user->keys, i))->id, ==,
                     ((const CbsLogKey *) g_ptr_array_index (expected->keys, i))->id);
}

static void
assert_snapshot (Model          *model,
                 CbsLogSnapshot *snapshot)
{
  g_assert_cmpuint (snapshot->users->len, ==, model->users->len);
  for (guint i = 0; i < snapshot->users->len; i++)
    {
      const CbsLogUser *user = g_ptr_array_index (snapshot->users, i);

      g_assert_cmpstr (user->key, ==, g_ptr_array_index (model->users, i));
      assert_user (user, cbs_holders_lookup (model->holders, user->key));
    }

  g_assert_cmpuint (snapshot->blocks->len + snapshot->markers->len, ==, g_hash_table_size (model->relations));
  for (guint i = 0; i < snapshot->blocks->len; i++)
    {
      const CbsLogBlock *block = g_ptr_array_index (snapshot->blocks, i);
      g_autofree char *relation = g_strdup_printf ("block %s %s", block->src, block->dest);

      g_assert_true (g_hash_table_contains (model->relations, relation));
    }
  for (guint i = 0; i < snapshot->markers->len; i++)
    {
      const CbsLogMarker *marker = g_ptr_array_index (snapshot->markers, i);
      g_autofree char *relation = g_strdup_printf ("read %s %s", marker->src,
                                                   marker->dest != NULL ? marker->dest : "");

      g_assert_true (g_hash_table_contains (model->relations, relation));
      g_assert_cmpint (marker->seq, ==, GPOINTER_TO_INT (g_hash_table_lookup (model->relations, relation)));
    }
}

static void
append_random (LogFixture *fixture,
               Model      *model)
{
  CbsEntry *entry = random_entry ();
  CbsHolding holding = { 0, };
  const int code = model_apply (model, entry, fixture->head + 1, &holding);
  const LogAppend *append = NULL;

  log_fixture_let_time_pass ();
  append = log_fixture_append (fixture, entry);
  log_fixture_wait (fixture);
  g_assert_cmpint (append->error != NULL ? append->error->code : -1, ==, code);
  g_assert_cmpint (entry->since, ==, holding.since);
  g_assert_cmpint (entry->passed, ==, holding.passed);
  g_assert_cmpint (entry->owned, ==, holding.owned);
}

/* However often it is opened anew, it decides as what never was closed. */
static void
test_identity_random (LogFixture   *fixture,
                      gconstpointer user_data)
{
  g_autoptr (CbsHolders) holders = cbs_holders_new ();
  g_autoptr (GPtrArray) users = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GHashTable) relations = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Model model = { .holders = holders, .users = users, .relations = relations, .time_us = 1 };

  log_fixture_open (fixture);
  for (guint i = 0; i < N_STEPS; i++)
    {
      append_random (fixture, &model);
      if (g_test_rand_int_range (0, 15) == 0)
        {
          g_autoptr (CbsLogSnapshot) snapshot = log_fixture_reopen (fixture);

          model_reap (&model);
          assert_snapshot (&model, snapshot);
        }
    }
}

/* A log that is opened again and again, next to holders that never are. */
void
log_model_add_tests (void)
{
  log_fixture_add ("/log/identity/random", test_identity_random);
}
