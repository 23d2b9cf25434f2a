/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>

#include "server/log/cbs-holders.h"

/* Steps of the randomised test. */
#define N_STEPS 3000

#define DAY_US G_TIME_SPAN_DAY
#define START_US (G_GINT64_CONSTANT (1700000000) * G_TIME_SPAN_SECOND)

/* Key ids are as long as that, but nothing here looks into them. */
#define KEY_1 "1111111111111111111111111111111111111111111111111111111111111111"
#define KEY_2 "2222222222222222222222222222222222222222222222222222222222222222"
#define KEY_3 "3333333333333333333333333333333333333333333333333333333333333333"

static CbName *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  CbName *name = cb_name_new (text, &error);

  g_assert_no_error (error);
  return name;
}

static CbsEntry *
new_join (const char *text,
          const char *key_id,
          const char *address,
          gint64      hold_us)
{
  g_autoptr (CbName) name = parse (text);
  CbsEntry *entry = cbs_entry_new_join (name);

  entry->key_id = g_strdup (key_id);
  entry->address = g_strdup (address);
  entry->hold_us = hold_us;
  return entry;
}

static CbsEntry *
new_leave (const char *text)
{
  g_autoptr (CbName) name = parse (text);

  return cbs_entry_new_leave (cb_name_get_key (name), text);
}

/* Applies; takes @entry over. */
static gboolean
apply (CbsHolders *holders,
       CbsEntry   *entry,
       gint64      seq,
       CbsHolding *out_holding,
       GError    **error)
{
  g_autoptr (CbsEntry) owned = entry;

  return cbs_holders_apply (holders, owned, seq, out_holding, error);
}

/* What has to be accepted; takes @entry over. */
static CbsHolding
accept (CbsHolders *holders,
        CbsEntry   *entry,
        gint64      seq)
{
  g_autoptr (GError) error = NULL;
  CbsHolding holding = { 0, };

  g_assert_true (apply (holders, entry, seq, &holding, &error));
  g_assert_no_error (error);
  return holding;
}

/* What has to be refused; takes @entry over. */
static void
refuse (CbsHolders *holders,
        CbsEntry   *entry,
        int         code,
        const char *message)
{
  g_autoptr (GError) error = NULL;
  CbsHolding holding = { .since = 42 };

  g_assert_false (apply (holders, entry, 99, &holding, &error));
  g_assert_error (error, CBS_LOG_ERROR, code);
  if (message != NULL)
    g_assert_cmpstr (error->message, ==, message);
  g_assert_cmpint (holding.since, ==, 42);
}

static CbsHolders *
new_holders (void)
{
  CbsHolders *holders = cbs_holders_new ();

  cbs_holders_begin (holders, START_US);
  return holders;
}

static void
test_join_plain (void)
{
  g_autoptr (CbsHolders) holders = new_holders ();
  const CbsHolding holding = accept (holders, new_join ("Ada", NULL, "1.2.3.4", 0), 7);
  const CbsHolder *holder = cbs_holders_lookup (holders, "ada");

  g_assert_cmpint (holding.since, ==, 0);
  g_assert_false (holding.passed);
  g_assert_false (holding.owned);
  g_assert_false (holding.is_first_key);
  g_assert_cmpuint (holder->n_online, ==, 1);
  g_assert_cmpstr (holder->address, ==, "1.2.3.4");
  g_assert_cmpint (holder->used_us, ==, START_US);
  g_assert_null (cbs_holders_lookup (holders, "eve"));
}

static void
test_join_taken (void)
{
  static const char *const wanted[] = { "ada", "ADA" };
  g_autoptr (CbsHolders) holders = new_holders ();

  accept (holders, new_join ("ada", NULL, "1.2.3.4", DAY_US), 1);
  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++)
    {
      refuse (holders, new_join (wanted[i], NULL, "1.2.3.4", DAY_US), CBS_LOG_ERROR_NAME_TAKEN,
              "The provided username is already in use.");
      refuse (holders, new_join (wanted[i], KEY_1, "5.6.7.8", DAY_US), CBS_LOG_ERROR_NAME_TAKEN, NULL);
    }
  g_assert_cmpuint (cbs_holders_lookup (holders, "ada")->n_online, ==, 1);

  accept (holders, new_leave ("ada"), 2);
  accept (holders, new_join ("ada", NULL, "1.2.3.4", DAY_US), 3);
}

static void
test_join_owned (void)
{
  g_autoptr (CbsHolders) holders = new_holders ();
  CbsHolding holding = accept (holders, new_join ("ada", KEY_1, "1.2.3.4", DAY_US), 1);

  g_assert_true (holding.owned);
  g_assert_true (holding.is_first_key);
  g_assert_false (holding.passed);

  /* Online or not, years later, from anywhere. */
  for (guint i = 0; i < 2; i++)
    {
      refuse (holders, new_join ("Ada", KEY_2, "1.2.3.4", DAY_US), CBS_LOG_ERROR_NAME_OWNED,
              "The name “Ada” belongs to somebody else's key");
      refuse (holders, new_join ("ada", NULL, "1.2.3.4", 0), CBS_LOG_ERROR_NAME_OWNED, NULL);
      accept (holders, new_leave ("ada"), 2);
      cbs_holders_begin (holders, START_US + 1000 * DAY_US);
    }

  holding = accept (holders, new_join ("ada", KEY_1, "5.6.7.8", DAY_US), 3);
  g_assert_true (holding.owned);
  g_assert_false (holding.is_first_key);
  g_assert_false (holding.passed);
  g_assert_cmpint (holding.since, ==, 0);
}

static void
test_join_owned_lookalike (void)
{
  g_autoptr (CbsHolders) holders = new_holders ();

  accept (holders, new_join ("paypal", KEY_1, NULL, 0), 1);
  accept (holders, new_leave ("paypal"), 2);
  refuse (holders, new_join ("раураl", KEY_2, NULL, 0), CBS_LOG_ERROR_NAME_TAKEN, NULL);

  /* Without a key it is free when nobody is online. */
  accept (holders, new_join ("сосо", NULL, NULL, DAY_US), 3);
  accept (holders, new_leave ("сосо"), 4);
  accept (holders, new_join ("coco", NULL, NULL, DAY_US), 5);
}

static void
test_join_several (void)
{
  g_autoptr (CbsHolders) holders = new_holders ();

  accept (holders, new_join ("ada", KEY_1, "1.2.3.4", DAY_US), 1);
  for (guint i = 0; i < 3; i++)
    g_assert_false (accept (holders, new_join ("ada", KEY_1, "5.6.7.8", DAY_US), 2).is_first_key);
  g_assert_cmpuint (cbs_holders_lookup (holders, "ada")->n_online, ==, 4);

  for (guint i = 0; i < 5; i++)
    accept (holders, new_leave ("ada"), 3);
  g_assert_cmpuint (cbs_holders_lookup (holders, "ada")->n_online, ==, 0);
  g_assert_cmpuint (cbs_holders_lookup (holders, "ada")->keys->len, ==, 1);
}

/* Only in capitals does the one look like the other. */
static void
test_join_other_case (void)
{
  g_autoptr (CbsHolders) holders = new_holders ();

  accept (holders, new_join ("ηβκ", KEY_1, NULL, 0), 1);
  accept (holders, new_join ("HBK", NULL, NULL, 0), 2);
  refuse (holders, new_join ("ΗΒΚ", KEY_1, NULL, 0), CBS_LOG_ERROR_NAME_TAKEN, NULL);
  accept (holders, new_join ("Ηβκ", KEY_1, NULL, 0), 3);
  accept (holders, new_leave ("HBK"), 4);
  accept (holders, new_join ("ΗΒΚ", KEY_1, NULL, 0), 5);
  refuse (holders, new_join ("HBK", NULL, NULL, 0), CBS_LOG_ERROR_NAME_TAKEN, NULL);
}

typedef enum
{
  SAME,
  PASSED,
  HELD,
} Outcome;

static void
test_hold_rules (void)
{
  static const struct
  {
    const char *first;
    const char *second;
    const char *key_id;
    gint64      hold_us;
    gint64      unused_us;
    Outcome     outcome;
  } cases[] = {
    { "1.2.3.4", "1.2.3.4", NULL, DAY_US, 0, SAME },
    { "1.2.3.4", "1.2.3.4", NULL, DAY_US, 9 * DAY_US, SAME },
    { "1.2.3.4", "5.6.7.8", NULL, DAY_US, 0, HELD },
    { "1.2.3.4", "5.6.7.8", NULL, DAY_US, DAY_US - 1, HELD },
    { "1.2.3.4", "5.6.7.8", NULL, DAY_US, DAY_US, PASSED },
    { "1.2.3.4", NULL, NULL, DAY_US, 0, HELD },
    { "1.2.3.4", NULL, NULL, DAY_US, 9 * DAY_US, PASSED },
    /* No hold: whoever uses it is the holder. */
    { "1.2.3.4", "5.6.7.8", NULL, 0, 0, SAME },
    { "1.2.3.4", "5.6.7.8", NULL, 0, 9 * DAY_US, SAME },
    { "1.2.3.4", "5.6.7.8", KEY_1, 0, 0, SAME },
    /* Nor can a name be kept for an address that is not known. */
    { NULL, "5.6.7.8", NULL, DAY_US, 0, SAME },
    /* A key makes it owned, and changes nothing else. */
    { "1.2.3.4", "1.2.3.4", KEY_1, DAY_US, 0, SAME },
    { "1.2.3.4", "5.6.7.8", KEY_1, DAY_US, 0, HELD },
    { "1.2.3.4", "5.6.7.8", KEY_1, DAY_US, DAY_US, PASSED },
    { "1.2.3.4", "5.6.7.8", NULL, G_MAXINT64, DAY_US, HELD },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbsHolders) holders = new_holders ();
      CbsEntry *again = new_join ("ada", cases[i].key_id, cases[i].second, cases[i].hold_us);
      CbsHolding holding = { 0, };

      accept (holders, new_join ("ada", NULL, cases[i].first, cases[i].hold_us), 1);
      cbs_holders_begin (holders, START_US + 3 * DAY_US);
      accept (holders, new_leave ("ada"), 2);
      cbs_holders_begin (holders, START_US + 3 * DAY_US + cases[i].unused_us);
      if (cases[i].outcome == HELD)
        {
          refuse (holders, again, CBS_LOG_ERROR_NAME_HELD, NULL);
          continue;
        }

      holding = accept (holders, again, 3);
      g_assert_cmpint (holding.passed, ==, cases[i].outcome == PASSED);
      g_assert_cmpint (holding.since, ==, cases[i].outcome == PASSED ? 3 : 0);
      g_assert_cmpint (holding.owned, ==, cases[i].key_id != NULL);
      g_assert_cmpint (holding.is_first_key, ==, cases[i].key_id != NULL);
    }
}

static void
test_hold_text (void)
{
  static const struct
  {
    gint64      left_us;
    const char *left;
  } cases[] = {
    { DAY_US, "24 hours" },
    { 23 * G_TIME_SPAN_HOUR, "23 hours" },
    { 22 * G_TIME_SPAN_HOUR + 1, "23 hours" },
    { G_TIME_SPAN_HOUR + 1, "2 hours" },
    { G_TIME_SPAN_HOUR, "60 minutes" },
    { 90 * G_TIME_SPAN_SECOND, "2 minutes" },
    { G_TIME_SPAN_MINUTE, "1 minute" },
    { 1, "1 minute" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbsHolders) holders = new_holders ();
      g_autofree char *message = g_strdup_printf ("The name “Ada” is kept for another address for %s",
                                                  cases[i].left);

      accept (holders, new_join ("ada", NULL, "1.2.3.4", DAY_US), 1);
      accept (holders, new_leave ("ada"), 2);
      cbs_holders_begin (holders, START_US + DAY_US - cases[i].left_us);
      refuse (holders, new_join ("Ada", NULL, "5.6.7.8", DAY_US), CBS_LOG_ERROR_NAME_HELD, message);
    }
}

/* Whoever it passed to is the one that it is kept for, from the join with which it did. */
static void
test_hold_passes_on (void)
{
  static const char *const addresses[] = { "1.1.1.1", "2.2.2.2", "3.3.3.3" };
  g_autoptr (CbsHolders) holders = new_holders ();

  for (guint i = 0; i < G_N_ELEMENTS (addresses); i++)
    {
      const gint64 since = i == 0 ? 0 : 10 * (gint64) i + 1;

      cbs_holders_begin (holders, START_US + 2 * DAY_US * i);
      g_assert_cmpint (accept (holders, new_join ("ada", NULL, addresses[i], DAY_US), 10 * (gint64) i + 1).since,
                       ==, since);
      accept (holders, new_leave ("ada"), 10 * (gint64) i + 2);
      g_assert_cmpint (accept (holders, new_join ("ada", NULL, addresses[i], DAY_US), 10 * (gint64) i + 3).since,
                       ==, since);
      accept (holders, new_leave ("ada"), 10 * (gint64) i + 4);
      if (i > 0)
        refuse (holders, new_join ("ada", NULL, addresses[i - 1], DAY_US), CBS_LOG_ERROR_NAME_HELD, NULL);
    }
}

static void
test_released (void)
{
  g_autoptr (CbsHolders) holders = new_holders ();
  CbsHolding holding = { 0, };

  cbs_holders_add (holders, "ada")->released = TRUE;
  holding = accept (holders, new_join ("ada", KEY_1, "1.2.3.4", 0), 5);
  g_assert_true (holding.passed);
  g_assert_true (holding.owned);
  g_assert_cmpint (holding.since, ==, 5);

  accept (holders, new_leave ("ada"), 6);
  holding = accept (holders, new_join ("ada", KEY_1, "1.2.3.4", 0), 7);
  g_assert_false (holding.passed);
  g_assert_cmpint (holding.since, ==, 5);
}

static void
test_loaded (void)
{
  g_autoptr (CbsHolders) holders = new_holders ();
  g_autoptr (CbName) name = parse ("paypal");

  cbs_holders_add (holders, "paypal")->since = 3;
  cbs_holders_add_key (holders, "paypal", KEY_1, 1);
  g_assert_true (cbs_holders_reserve (holders, name));
  g_assert_true (cbs_holders_reserve (holders, name));

  refuse (holders, new_join ("раураl", NULL, NULL, 0), CBS_LOG_ERROR_NAME_TAKEN, NULL);
  refuse (holders, new_join ("paypal", NULL, NULL, 0), CBS_LOG_ERROR_NAME_OWNED, NULL);
  g_assert_cmpint (accept (holders, new_join ("PayPal", KEY_1, NULL, 0), 9).since, ==, 3);
}

static CbsEntry *
new_key (CbsEntryKind kind,
         const char  *id)
{
  return cbs_entry_new_key (kind, "ada", id);
}

static void
test_keys_add (void)
{
  g_autoptr (CbsHolders) holders = new_holders ();
  const CbsLogKey *key = NULL;

  accept (holders, new_join ("ada", KEY_1, NULL, 0), 1);
  cbs_holders_begin (holders, START_US + 5);
  accept (holders, new_key (CBS_ENTRY_KEY_ADD, KEY_2), 2);
  accept (holders, new_key (CBS_ENTRY_KEY_ADD, KEY_2), 3);

  g_assert_cmpuint (cbs_holders_lookup (holders, "ada")->keys->len, ==, 2);
  key = g_ptr_array_index (cbs_holders_lookup (holders, "ada")->keys, 1);
  g_assert_cmpstr (key->id, ==, KEY_2);
  g_assert_cmpint (key->added_us, ==, START_US + 5);
  accept (holders, new_join ("ada", KEY_2, NULL, 0), 4);
}

static void
test_keys_too_many (void)
{
  g_autoptr (CbsHolders) holders = new_holders ();

  accept (holders, new_join ("ada", KEY_1, NULL, 0), 1);
  for (guint i = 1; i < CBS_HOLDERS_MAX_KEYS; i++)
    {
      g_autofree char *id = g_strdup_printf ("%064x", i);

      accept (holders, new_key (CBS_ENTRY_KEY_ADD, id), 1 + i);
    }
  refuse (holders, new_key (CBS_ENTRY_KEY_ADD, KEY_2), CBS_LOG_ERROR_KEYS, NULL);

  /* One that it has is not one more. */
  accept (holders, new_key (CBS_ENTRY_KEY_ADD, KEY_1), 20);
  accept (holders, new_key (CBS_ENTRY_KEY_REVOKE, KEY_1), 21);
  accept (holders, new_key (CBS_ENTRY_KEY_ADD, KEY_2), 22);
}

static void
test_keys_revoke (void)
{
  g_autoptr (CbsHolders) holders = new_holders ();

  accept (holders, new_join ("ada", KEY_1, NULL, 0), 1);
  refuse (holders, new_key (CBS_ENTRY_KEY_REVOKE, KEY_1), CBS_LOG_ERROR_KEYS, NULL);
  refuse (holders, new_key (CBS_ENTRY_KEY_REVOKE, KEY_2), CBS_LOG_ERROR_KEYS, NULL);

  accept (holders, new_key (CBS_ENTRY_KEY_ADD, KEY_2), 2);
  accept (holders, new_key (CBS_ENTRY_KEY_REVOKE, KEY_1), 3);
  refuse (holders, new_join ("ada", KEY_1, NULL, 0), CBS_LOG_ERROR_NAME_OWNED, NULL);
  accept (holders, new_join ("ada", KEY_2, NULL, 0), 4);
  refuse (holders, new_key (CBS_ENTRY_KEY_REVOKE, KEY_2), CBS_LOG_ERROR_KEYS, NULL);
}

static void
test_keys_unowned (void)
{
  g_autoptr (CbsHolders) holders = new_holders ();

  refuse (holders, new_key (CBS_ENTRY_KEY_ADD, KEY_1), CBS_LOG_ERROR_KEYS, NULL);
  accept (holders, new_join ("ada", NULL, NULL, 0), 1);
  refuse (holders, new_key (CBS_ENTRY_KEY_ADD, KEY_1), CBS_LOG_ERROR_KEYS, NULL);
  refuse (holders, new_key (CBS_ENTRY_KEY_REVOKE, KEY_1), CBS_LOG_ERROR_KEYS, NULL);
}

static void
test_revert_join (void)
{
  g_autoptr (CbsHolders) holders = new_holders ();

  accept (holders, new_join ("ada", KEY_1, NULL, 0), 1);
  cbs_holders_revert (holders);
  g_assert_null (cbs_holders_lookup (holders, "ada"));
  accept (holders, new_join ("Ada", KEY_2, NULL, 0), 1);
  cbs_holders_settle (holders);
  cbs_holders_revert (holders);
  refuse (holders, new_join ("ada", KEY_1, NULL, 0), CBS_LOG_ERROR_NAME_OWNED, NULL);
}

static void
test_revert_passing (void)
{
  g_autoptr (CbsHolders) holders = new_holders ();

  accept (holders, new_join ("ada", NULL, "1.2.3.4", 1), 1);
  accept (holders, new_leave ("ada"), 2);
  cbs_holders_settle (holders);
  cbs_holders_begin (holders, START_US + DAY_US);
  g_assert_true (accept (holders, new_join ("ada", KEY_1, "5.6.7.8", 1), 3).passed);
  accept (holders, new_key (CBS_ENTRY_KEY_ADD, KEY_2), 4);
  cbs_holders_revert (holders);

  g_assert_cmpstr (cbs_holders_lookup (holders, "ada")->address, ==, "1.2.3.4");
  g_assert_false (accept (holders, new_join ("ada", NULL, "1.2.3.4", 1), 3).passed);
}

static CbsEntry *
random_entry (void)
{
  static const char *const names[] = { "ada", "Ada", "coco", "сосо", "СОСО", "HBK", "ηβκ", "ΗΒΚ" };
  static const char *const addresses[] = { "1.1.1.1", "2.2.2.2", NULL };
  static const char *const ids[] = { KEY_1, KEY_2, KEY_3, NULL };
  const char *text = names[g_test_rand_int_range (0, G_N_ELEMENTS (names))];
  const char *id = ids[g_test_rand_int_range (0, G_N_ELEMENTS (ids))];
  g_autoptr (CbName) name = parse (text);
  const int what = g_test_rand_int_range (0, 8);

  if (what < 3)
    return new_join (text, g_test_rand_bit () ? id : NULL,
                     addresses[g_test_rand_int_range (0, G_N_ELEMENTS (addresses))],
                     g_test_rand_int_range (0, 3) * 20);
  if (what < 6 || id == NULL)
    return new_leave (text);

  return cbs_entry_new_key (what == 6 ? CBS_ENTRY_KEY_ADD : CBS_ENTRY_KEY_REVOKE, cb_name_get_key (name), id);
}

static void
assert_same_holder (const CbsHolder *holder,
                    const CbsHolder *expected)
{
  if (expected == NULL)
    {
      g_assert_null (holder);
      return;
    }

  g_assert_cmpint (holder->since, ==, expected->since);
  g_assert_cmpstr (holder->address, ==, expected->address);
  g_assert_cmpint (holder->used_us, ==, expected->used_us);
  g_assert_cmpuint (holder->n_online, ==, expected->n_online);
  g_assert_cmpuint (holder->keys->len, ==, expected->keys->len);
  for (guint i = 0; i < holder->keys->len; i++)
    g_assert_cmpstr (((const CbsLogKey *) g_ptr_array_index (holder->keys, i))->id, ==,
                     ((const CbsLogKey *) g_ptr_array_index (expected->keys, i))->id);
}

/* Applies the same to both, the second of which never saw what was taken back. */
static void
apply_to_both (CbsHolders *holders,
               CbsHolders *expected,
               CbsEntry   *entry,
               gint64      seq)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) expected_error = NULL;
  CbsHolding holding = { 0, };
  CbsHolding expected_holding = { 0, };

  g_assert_cmpint (cbs_holders_apply (holders, entry, seq, &holding, &error), ==,
                   cbs_holders_apply (expected, entry, seq, &expected_holding, &expected_error));
  g_assert_cmpint (error != NULL ? error->code : -1, ==, expected_error != NULL ? expected_error->code : -1);
  g_assert_cmpint (holding.since, ==, expected_holding.since);
  g_assert_cmpint (holding.passed, ==, expected_holding.passed);
  g_assert_cmpint (holding.owned, ==, expected_holding.owned);
  assert_same_holder (cbs_holders_lookup (holders, entry->src), cbs_holders_lookup (expected, entry->src));
  cbs_holders_settle (holders);
  cbs_holders_settle (expected);
}

static void
test_revert_random (void)
{
  g_autoptr (CbsHolders) holders = new_holders ();
  g_autoptr (CbsHolders) expected = new_holders ();

  for (guint i = 1; i <= N_STEPS; i++)
    {
      g_autoptr (CbsEntry) entry = random_entry ();

      /* Now and then all begins anew: else one key would own each name soon. */
      if (i % 50 == 0)
        {
          g_clear_pointer (&holders, cbs_holders_free);
          g_clear_pointer (&expected, cbs_holders_free);
          holders = new_holders ();
          expected = new_holders ();
        }
      cbs_holders_begin (holders, START_US + 10 * i);
      cbs_holders_begin (expected, START_US + 10 * i);
      for (int n = g_test_rand_int_range (0, 6); n > 0; n--)
        {
          CbsHolding holding = { 0, };

          apply (holders, random_entry (), i, &holding, NULL);
        }
      cbs_holders_revert (holders);
      apply_to_both (holders, expected, entry, i);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/holders/join/plain", test_join_plain);
  g_test_add_func ("/holders/join/taken", test_join_taken);
  g_test_add_func ("/holders/join/owned", test_join_owned);
  g_test_add_func ("/holders/join/owned-lookalike", test_join_owned_lookalike);
  g_test_add_func ("/holders/join/several", test_join_several);
  g_test_add_func ("/holders/join/other-case", test_join_other_case);
  g_test_add_func ("/holders/hold/rules", test_hold_rules);
  g_test_add_func ("/holders/hold/text", test_hold_text);
  g_test_add_func ("/holders/hold/passes-on", test_hold_passes_on);
  g_test_add_func ("/holders/released", test_released);
  g_test_add_func ("/holders/loaded", test_loaded);
  g_test_add_func ("/holders/keys/add", test_keys_add);
  g_test_add_func ("/holders/keys/too-many", test_keys_too_many);
  g_test_add_func ("/holders/keys/revoke", test_keys_revoke);
  g_test_add_func ("/holders/keys/unowned", test_keys_unowned);
  g_test_add_func ("/holders/revert/join", test_revert_join);
  g_test_add_func ("/holders/revert/passing", test_revert_passing);
  g_test_add_func ("/holders/revert/random", test_revert_random);

  return g_test_run ();
}
