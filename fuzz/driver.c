/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fuzz/fuzz.h"

#include <gio/gio.h>

/* Runs a target on the files of its corpus, as a test: what was once found is never found again. */
static void
test_file (gconstpointer user_data)
{
  const char *path = user_data;
  g_autofree char *data = NULL;
  g_autoptr (GError) error = NULL;
  gsize len = 0;

  g_file_get_contents (path, &data, &len, &error);
  g_assert_no_error (error);
  g_assert_cmpint (LLVMFuzzerTestOneInput ((const guint8 *) data, len), ==, 0);
}

/* Beginnings of every file: most hostile input is what breaks off. */
static void
test_truncated (gconstpointer user_data)
{
  const char *path = user_data;
  g_autofree char *data = NULL;
  g_autoptr (GError) error = NULL;
  gsize len = 0;

  g_file_get_contents (path, &data, &len, &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < len; i += 1 + len / 200)
    {
      g_autofree char *part = g_memdup2 (data, i);

      g_assert_cmpint (LLVMFuzzerTestOneInput ((const guint8 *) part, i), ==, 0);
    }
}

static void
add_file (const char *dir,
          const char *name)
{
  char *path = g_build_filename (dir, name, NULL);
  g_autofree char *whole = g_strconcat ("/corpus/", name, "/whole", NULL);
  g_autofree char *truncated = g_strconcat ("/corpus/", name, "/truncated", NULL);

  g_test_add_data_func (whole, path, test_file);
  g_test_add_data_func_full (truncated, path, test_truncated, g_free);
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr (GDir) dir = NULL;
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  const char *name = NULL;

  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_assert_cmpint (argc, ==, 2);

  dir = g_dir_open (argv[1], 0, &error);
  g_assert_no_error (error);
  while ((name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_strdup (name));
  g_assert_cmpuint (names->len, >, 0);
  for (guint i = 0; i < names->len; i++)
    add_file (argv[1], g_ptr_array_index (names, i));

  return g_test_run ();
}
