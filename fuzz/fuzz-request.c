/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fuzz/fuzz.h"

#include <string.h>

#include "libchatterbox/cb-features.h"
#include "libchatterbox/cb-request.h"

/* Each parses a text and writes what it has read; NULL with an error if it refuses the text. */
typedef GString *(*Rewrite) (const char *json,
                             GError    **error);

#define DEFINE_REWRITE(name, Type) \
  static GString * \
  rewrite_ ## name (const char *json, \
                    GError    **error) \
  { \
    g_autoptr (Type) value = cb_ ## name ## _parse (json, error); \
    g_autoptr (GString) out = g_string_new (NULL); \
 \
    if (value == NULL) \
    return NULL; \
    cb_ ## name ## _append_json (value, out); \
    return g_steal_pointer (&out); \
  }

DEFINE_REWRITE (history_request, CbHistoryRequest)
DEFINE_REWRITE (resume, CbResume)
DEFINE_REWRITE (search_request, CbSearchRequest)
DEFINE_REWRITE (users_request, CbUsersRequest)
DEFINE_REWRITE (blocks_request, CbChangeRequest)
DEFINE_REWRITE (keys_request, CbChangeRequest)
DEFINE_REWRITE (read_markers, GPtrArray)

static GString *
rewrite_features (const char *json,
                  GError    **error)
{
  g_autoptr (GString) out = g_string_new (NULL);
  CbFeatures features = 0;

  if (!cb_features_parse (json, &features, error))
    return NULL;
  cb_features_append_json (features, out);
  return g_steal_pointer (&out);
}

static GString *
rewrite_number (const char *json,
                GError    **error)
{
  g_autoptr (GString) out = g_string_new (NULL);
  gint64 number = 0;

  if (!cb_request_number_parse (json, &number, error))
    return NULL;
  g_string_append_printf (out, "%" G_GINT64_FORMAT, number);
  return g_steal_pointer (&out);
}

static void
run (Rewrite     rewrite,
     const char *json)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) first = rewrite (json, &error);
  g_autoptr (GString) second = NULL;

  if (first == NULL)
    {
      g_assert (error != NULL && *error->message != '\0' && g_utf8_validate (error->message, -1, NULL));
      return;
    }

  g_assert (error == NULL);
  g_assert (g_str_is_ascii (first->str));
  second = rewrite (first->str, &error);
  g_assert (second != NULL);
  g_assert (g_string_equal (first, second));
}

/* Whatever a request's parser takes, it writes in a form that means the same to it. The first byte
 * chooses the parser: a corpus can be grown for each. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  static const Rewrite rewrites[] = {
    rewrite_history_request, rewrite_resume, rewrite_search_request, rewrite_users_request,
    rewrite_blocks_request, rewrite_keys_request, rewrite_read_markers, rewrite_features, rewrite_number,
  };
  g_autofree char *json = NULL;

  if (size == 0)
    return 0;

  json = g_strndup ((const char *) data + 1, size - 1);
  run (rewrites[data[0] % G_N_ELEMENTS (rewrites)], json);
  return 0;
}
