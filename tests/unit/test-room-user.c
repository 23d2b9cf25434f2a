/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>

#include "server/room/cbs-user.h"

typedef struct
{
  CbsUser *ada;
  CbsUser *bob;
  CbsUser *zoe;
} Fixture;

static void
fixture_set_up (Fixture      *fixture,
                gconstpointer user_data)
{
  fixture->ada = cbs_user_new ("ada", "Ada");
  fixture->bob = cbs_user_new ("bob", "Bob");
  fixture->zoe = cbs_user_new ("zoë", "Zoë");
}

static void
fixture_tear_down (Fixture      *fixture,
                   gconstpointer user_data)
{
  cbs_user_free (fixture->ada);
  cbs_user_free (fixture->bob);
  cbs_user_free (fixture->zoe);
}

/* Who is in a list, as names joined by blanks. */
static char *
join (GPtrArray *users)
{
  g_autoptr (GString) names = g_string_new (NULL);

  for (guint i = 0; i < users->len; i++)
    g_string_append_printf (names, "%s%s", i > 0 ? " " : "", ((CbsUser *) users->pdata[i])->name);
  return g_string_free (g_steal_pointer (&names), FALSE);
}

static void
assert_blocks (CbsUser    *user,
               const char *expected)
{
  g_autoptr (GPtrArray) users = cbs_user_list_blocks (user);
  g_autofree char *names = join (users);

  g_assert_cmpstr (names, ==, expected);
}

static guint
count_hidden (CbsUser *user)
{
  g_autoptr (GPtrArray) users = cbs_user_list_hidden (user);

  return users->len;
}

static void
test_new (Fixture      *fixture,
          gconstpointer user_data)
{
  g_assert_cmpstr (fixture->ada->key, ==, "ada");
  g_assert_cmpstr (fixture->ada->name, ==, "Ada");
  g_assert_null (fixture->ada->members);
  g_assert_false (cbs_user_has_blocked (fixture->ada, fixture->bob));
  g_assert_false (cbs_user_is_hidden (fixture->ada, fixture->bob));
  assert_blocks (fixture->ada, "");
  g_assert_cmpuint (count_hidden (fixture->ada), ==, 0);
}

/* One blocks, neither sees the other; a third sees both. */
static void
test_block (Fixture      *fixture,
            gconstpointer user_data)
{
  cbs_user_block (fixture->ada, fixture->bob);
  cbs_user_block (fixture->ada, fixture->bob);

  g_assert_true (cbs_user_has_blocked (fixture->ada, fixture->bob));
  g_assert_false (cbs_user_has_blocked (fixture->bob, fixture->ada));
  g_assert_true (cbs_user_is_hidden (fixture->ada, fixture->bob));
  g_assert_true (cbs_user_is_hidden (fixture->bob, fixture->ada));
  g_assert_false (cbs_user_is_hidden (fixture->zoe, fixture->ada));
  g_assert_false (cbs_user_is_hidden (fixture->zoe, fixture->bob));
  assert_blocks (fixture->ada, "Bob");
  assert_blocks (fixture->bob, "");
  g_assert_cmpuint (count_hidden (fixture->ada), ==, 1);
  g_assert_cmpuint (count_hidden (fixture->bob), ==, 1);
  g_assert_cmpuint (count_hidden (fixture->zoe), ==, 0);
}

/* Both block: each has to lift its own. */
static void
test_unblock (Fixture      *fixture,
              gconstpointer user_data)
{
  cbs_user_block (fixture->ada, fixture->bob);
  cbs_user_block (fixture->bob, fixture->ada);
  cbs_user_unblock (fixture->ada, fixture->bob);

  g_assert_false (cbs_user_has_blocked (fixture->ada, fixture->bob));
  g_assert_true (cbs_user_has_blocked (fixture->bob, fixture->ada));
  g_assert_true (cbs_user_is_hidden (fixture->ada, fixture->bob));

  cbs_user_unblock (fixture->ada, fixture->zoe);
  cbs_user_unblock (fixture->bob, fixture->ada);
  g_assert_false (cbs_user_is_hidden (fixture->ada, fixture->bob));
  g_assert_false (cbs_user_is_hidden (fixture->bob, fixture->ada));
  g_assert_cmpuint (count_hidden (fixture->ada), ==, 0);
}

static void
test_list_sorted (Fixture      *fixture,
                  gconstpointer user_data)
{
  cbs_user_block (fixture->ada, fixture->zoe);
  cbs_user_block (fixture->ada, fixture->bob);
  assert_blocks (fixture->ada, "Bob Zoë");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add ("/room/user/new", Fixture, NULL, fixture_set_up, test_new, fixture_tear_down);
  g_test_add ("/room/user/block", Fixture, NULL, fixture_set_up, test_block, fixture_tear_down);
  g_test_add ("/room/user/unblock", Fixture, NULL, fixture_set_up, test_unblock, fixture_tear_down);
  g_test_add ("/room/user/list-sorted", Fixture, NULL,
              fixture_set_up, test_list_sorted, fixture_tear_down);

  return g_test_run ();
}
