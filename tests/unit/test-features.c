/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "libchatterbox/cb-error.h"
#include "libchatterbox/cb-features.h"

#define ALL_NAMES \
  "[\"message-ids\",\"history\",\"search\",\"users\",\"blocks\",\"read-markers\",\"identity\",\"utf8\"]"

static const struct
{
  const char *name;
  const char *json;
  CbFeatures  expected;
} accepted[] = {
  { "empty", "[]", 0 },
  { "one", "[\"utf8\"]", CB_FEATURE_UTF8 },
  { "any-order", "[\"utf8\", \"history\" ,\"message-ids\"]",
    CB_FEATURE_UTF8 | CB_FEATURE_HISTORY | CB_FEATURE_MESSAGE_IDS },
  { "all", ALL_NAMES, CB_FEATURES_ALL },
  { "unknown", "[\"warp\",\"search\",\"\"]", CB_FEATURE_SEARCH },
  { "case", "[\"Search\",\"UTF8\"]", 0 },
  { "beginning", "[\"message-id\",\"utf\",\"users2\"]", 0 },
  { "twice", "[\"users\",\"users\"]", CB_FEATURE_USERS },
  { "escaped", "[\"\\u0075sers\"]", CB_FEATURE_USERS },
  { "white-space", " [ \"blocks\" ] ", CB_FEATURE_BLOCKS },
  { "long", "[\"message-ids-and-more-than-32-bytes-of-a-name\",\"identity\"]", CB_FEATURE_IDENTITY },
};

static void
test_features_accepted (gconstpointer user_data)
{
  const gsize i = GPOINTER_TO_SIZE (user_data);
  g_autoptr (GError) error = NULL;
  CbFeatures features = CB_FEATURES_ALL;

  g_assert_true (cb_features_parse (accepted[i].json, &features, &error));
  g_assert_no_error (error);
  g_assert_cmphex (features, ==, accepted[i].expected);
}

static const struct
{
  const char *name;
  const char *json;
  const char *reason;
} refused[] = {
  { "string", "\"utf8\"", "FEATURES is not a list of strings" },
  { "object", "{\"utf8\":true}", "FEATURES is not a list of strings" },
  { "null", "null", "FEATURES is not a list of strings" },
  { "number-within", "[\"utf8\",1]", "FEATURES is not a list of strings" },
  { "list-within", "[[\"utf8\"]]", "FEATURES is not a list of strings" },
  { "cut", "[\"utf8\"", "ends early" },
  { "nothing", "", "ends early" },
  { "trailing", "[\"utf8\"] 1", "follows the document" },
};

static void
test_features_refused (gconstpointer user_data)
{
  const gsize i = GPOINTER_TO_SIZE (user_data);
  g_autoptr (GError) error = NULL;
  CbFeatures features = CB_FEATURE_BLOCKS;

  g_assert_false (cb_features_parse (refused[i].json, &features, &error));
  g_assert_error (error, CB_ERROR, CB_ERROR_MALFORMED);
  if (strstr (error->message, refused[i].reason) == NULL)
    g_error ("“%s” does not say “%s”", error->message, refused[i].reason);
  g_assert_cmphex (features, ==, CB_FEATURE_BLOCKS);
}

/* What stands behind the 32nd name does not count, but still has to be a string. */
static void
test_features_many (void)
{
  g_autoptr (GString) json = g_string_new ("[\"history\"");
  g_autoptr (GError) error = NULL;
  CbFeatures features = 0;

  for (guint i = 0; i < 30; i++)
    g_string_append (json, ",\"x\"");
  g_string_append (json, ",\"users\",\"search\"");

  g_string_append_c (json, ']');
  g_assert_true (cb_features_parse (json->str, &features, &error));
  g_assert_no_error (error);
  g_assert_cmphex (features, ==, CB_FEATURE_HISTORY | CB_FEATURE_USERS);

  g_string_truncate (json, json->len - 1);
  g_string_append (json, ",1]");
  g_assert_false (cb_features_parse (json->str, &features, &error));
  g_assert_error (error, CB_ERROR, CB_ERROR_MALFORMED);
}

static void
test_features_append (void)
{
  g_autoptr (GString) out = g_string_new ("kept");

  cb_features_append_json (0, out);
  cb_features_append_json (CB_FEATURE_UTF8 | CB_FEATURE_HISTORY, out);
  cb_features_append_json (CB_FEATURES_ALL, out);
  g_assert_cmpstr (out->str, ==, "kept[][\"history\",\"utf8\"]" ALL_NAMES);
}

static void
test_features_round_trip (void)
{
  for (guint features = 0; features <= CB_FEATURES_ALL; features++)
    {
      g_autoptr (GString) json = g_string_new (NULL);
      CbFeatures again = 0;

      cb_features_append_json ((CbFeatures) features, json);
      g_assert_true (cb_features_parse (json->str, &again, NULL));
      g_assert_cmphex (again, ==, features);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (accepted); i++)
    {
      g_autofree char *path = g_strconcat ("/features/accepted/", accepted[i].name, NULL);

      g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_features_accepted);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autofree char *path = g_strconcat ("/features/refused/", refused[i].name, NULL);

      g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_features_refused);
    }
  g_test_add_func ("/features/many", test_features_many);
  g_test_add_func ("/features/append", test_features_append);
  g_test_add_func ("/features/round-trip", test_features_round_trip);

  return g_test_run ();
}
