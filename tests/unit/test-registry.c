/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>

#include "server/log/cbs-registry.h"

/* Steps of the randomised test. */
#define N_STEPS 5000

static CbName *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  CbName *name = cb_name_new (text, &error);

  g_assert_no_error (error);
  return name;
}

static gboolean
claim (CbsRegistry *registry,
       const char  *text)
{
  g_autoptr (CbName) name = parse (text);

  return cbs_registry_claim (registry, name);
}

static void
test_registry_clash (void)
{
  static const struct
  {
    const char *first;
    const char *second;
    gboolean    clashes;
  } pairs[] = {
    { "ada", "ada", TRUE },
    { "Ada", "aDA", TRUE },
    { "ada", "adam", FALSE },
    { "barn", "bam", FALSE },
    { "Il", "ll", FALSE },
    { "paypal", "раураl", TRUE },
    /* Only the cases make them look alike. */
    { "coco", "СОСО", TRUE },
    { "сосо", "ϲоϲо", TRUE },
    { "émile", "ÉMILE", TRUE },
    { "émile", "emile", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      g_autoptr (CbsRegistry) registry = cbs_registry_new ();
      g_autoptr (CbsRegistry) reverse = cbs_registry_new ();

      g_assert_true (claim (registry, pairs[i].first));
      g_assert_cmpint (claim (registry, pairs[i].second), ==, !pairs[i].clashes);
      g_assert_true (claim (reverse, pairs[i].second));
      g_assert_cmpint (claim (reverse, pairs[i].first), ==, !pairs[i].clashes);
    }
}

static void
test_registry_release (void)
{
  g_autoptr (CbsRegistry) registry = cbs_registry_new ();

  g_assert_true (claim (registry, "Ada"));
  cbs_registry_release (registry, "ada");
  g_assert_cmpuint (cbs_registry_count (registry), ==, 0);
  g_assert_true (claim (registry, "ada"));

  /* What is not in use is left alone. */
  cbs_registry_release (registry, "eve");
  g_assert_cmpuint (cbs_registry_count (registry), ==, 1);
}

static void
test_registry_lookup (void)
{
  g_autoptr (CbsRegistry) registry = cbs_registry_new ();

  g_assert_true (claim (registry, "Ada"));
  g_assert_cmpstr (cb_name_get_text (cbs_registry_lookup (registry, "ada")), ==, "Ada");
  cbs_registry_release (registry, "ada");
  g_assert_null (cbs_registry_lookup (registry, "ada"));
}

/* Of several that look alike, all have to go before the look is free. */
static void
test_registry_lookalikes (void)
{
  g_autoptr (CbsRegistry) registry = cbs_registry_new ();

  g_assert_true (claim (registry, "barn"));
  g_assert_true (claim (registry, "bam"));
  cbs_registry_release (registry, "barn");
  g_assert_false (claim (registry, "bаm"));
  cbs_registry_release (registry, "bam");
  g_assert_true (claim (registry, "bаm"));
  g_assert_false (claim (registry, "barn"));
}

static void
test_registry_revert (void)
{
  g_autoptr (CbsRegistry) registry = cbs_registry_new ();

  g_assert_true (claim (registry, "ada"));
  g_assert_true (claim (registry, "eve"));
  cbs_registry_settle (registry);

  cbs_registry_release (registry, "ada");
  g_assert_true (claim (registry, "Ada"));
  cbs_registry_release (registry, "ada");
  g_assert_true (claim (registry, "bob"));
  cbs_registry_release (registry, "eve");
  cbs_registry_revert (registry);

  g_assert_cmpuint (cbs_registry_count (registry), ==, 2);
  g_assert_false (claim (registry, "ada"));
  g_assert_false (claim (registry, "eve"));
  g_assert_true (claim (registry, "bob"));
}

static void
test_registry_settle (void)
{
  g_autoptr (CbsRegistry) registry = cbs_registry_new ();

  g_assert_true (claim (registry, "ada"));
  cbs_registry_settle (registry);
  cbs_registry_revert (registry);
  g_assert_false (claim (registry, "ada"));
}

static gboolean
clashes_with_any (GPtrArray *names,
                  CbName    *name)
{
  for (guint i = 0; i < names->len; i++)
    {
      if (cb_name_clashes (g_ptr_array_index (names, i), name))
        return TRUE;
    }

  return FALSE;
}

static void
drop_key (GPtrArray  *names,
          const char *key)
{
  for (guint i = 0; i < names->len; i++)
    {
      if (g_str_equal (cb_name_get_key (g_ptr_array_index (names, i)), key))
        {
          g_ptr_array_remove_index (names, i);
          return;
        }
    }
}

static CbName *
random_name (void)
{
  static const char *const letters[] = { "o", "O", "о", "О", "c", "с", "rn", "m", "1", "I", "ⅼ" };
  g_autoptr (GString) text = g_string_new (NULL);
  CbName *name = NULL;

  /* Not every word is allowed: some look like “all”. */
  while (name == NULL)
    {
      const int n_letters = g_test_rand_int_range (1, 4);

      g_string_truncate (text, 0);
      for (int i = 0; i < n_letters; i++)
        g_string_append (text, letters[g_test_rand_int_range (0, G_N_ELEMENTS (letters))]);
      name = cb_name_new (text->str, NULL);
    }

  return name;
}

/* The indexes decide as a comparison with each name in use would. */
static void
test_registry_random (void)
{
  g_autoptr (CbsRegistry) registry = cbs_registry_new ();
  g_autoptr (GPtrArray) model = g_ptr_array_new_with_free_func ((GDestroyNotify) cb_name_unref);

  for (guint i = 0; i < N_STEPS; i++)
    {
      g_autoptr (CbName) name = random_name ();
      const gboolean is_free = !clashes_with_any (model, name);

      if (g_test_rand_int_range (0, 3) == 0)
        {
          cbs_registry_release (registry, cb_name_get_key (name));
          drop_key (model, cb_name_get_key (name));
          cbs_registry_settle (registry);
          continue;
        }

      g_assert_cmpint (cbs_registry_claim (registry, name), ==, is_free);
      if (g_test_rand_bit ())
        cbs_registry_revert (registry);
      else if (is_free)
        g_ptr_array_add (model, g_steal_pointer (&name));
      cbs_registry_settle (registry);
      g_assert_cmpuint (cbs_registry_count (registry), ==, model->len);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/registry/clash", test_registry_clash);
  g_test_add_func ("/registry/release", test_registry_release);
  g_test_add_func ("/registry/lookup", test_registry_lookup);
  g_test_add_func ("/registry/lookalikes", test_registry_lookalikes);
  g_test_add_func ("/registry/revert", test_registry_revert);
  g_test_add_func ("/registry/settle", test_registry_settle);
  g_test_add_func ("/registry/random", test_registry_random);

  return g_test_run ();
}
