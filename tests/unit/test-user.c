/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>

#include "libchatterbox/cb-user.h"

static void
test_user_new (void)
{
  g_autofree char *name = g_strdup ("žofie");
  g_autoptr (CbUser) user = cb_user_new (name, TRUE);

  g_assert_cmpstr (user->name, ==, "žofie");
  g_assert_true (user->name != name);
  g_assert_true (user->active);
}

static void
test_user_copy (void)
{
  g_autoptr (CbUser) user = cb_user_new ("ada", TRUE);
  g_autoptr (CbUser) copy = cb_user_copy (user);

  user->name[0] = 'A';
  user->active = FALSE;

  g_assert_cmpstr (copy->name, ==, "ada");
  g_assert_true (copy->active);
}

/* Bindings handle it as a value. */
static void
test_user_boxed (void)
{
  g_auto (GValue) value = G_VALUE_INIT;
  g_autoptr (CbUser) user = cb_user_new ("ada", FALSE);
  const CbUser *held = NULL;

  g_value_init (&value, CB_TYPE_USER);
  g_value_set_boxed (&value, user);
  held = g_value_get_boxed (&value);

  g_assert_true (held != user);
  g_assert_cmpstr (held->name, ==, "ada");
  g_assert_false (held->active);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/user/new", test_user_new);
  g_test_add_func ("/user/copy", test_user_copy);
  g_test_add_func ("/user/boxed", test_user_boxed);

  return g_test_run ();
}
