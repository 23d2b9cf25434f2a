/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-features.h"

#include <string.h>

#include "libchatterbox/cb-error.h"
#include "libchatterbox/cb-json.h"

/* What counts of an announcement; the rest is checked for its type and otherwise ignored. */
#define MAX_FEATURES 32u

/* In the order in which they are written. */
static const struct
{
  const char *name;
  CbFeatures  feature;
} known_features[] = {
  { "message-ids", CB_FEATURE_MESSAGE_IDS },
  { "history", CB_FEATURE_HISTORY },
  { "search", CB_FEATURE_SEARCH },
  { "users", CB_FEATURE_USERS },
  { "blocks", CB_FEATURE_BLOCKS },
  { "read-markers", CB_FEATURE_READ_MARKERS },
  { "identity", CB_FEATURE_IDENTITY },
  { "utf8", CB_FEATURE_UTF8 },
};

static CbFeatures
find_feature (CbJsonScanner *scanner)
{
  for (gsize i = 0; i < G_N_ELEMENTS (known_features); i++)
    {
      if (cb_json_scanner_equals (scanner, known_features[i].name))
        return known_features[i].feature;
    }

  return 0;
}

static gboolean
fail (GError    **error,
      const char *reason)
{
  g_set_error_literal (error, CB_ERROR, CB_ERROR_MALFORMED, reason);
  return FALSE;
}

/**
 * cb_features_parse:
 * @json: the value of FEATURES, in UTF-8
 * @out_features: (out): the features of this version that it names
 * @error: return location for a #GError
 *
 * Reads an announcement: a list of strings. Names that this version does not
 * know are ignored; so is all behind the first 32.
 *
 * Source: `docs/protocol.md`, “Extensions”.
 *
 * Returns: %TRUE with @out_features; %FALSE with [error@Cb.Error.MALFORMED] if
 *   @json is not a list of strings
 */
gboolean
cb_features_parse (const char *json,
                   CbFeatures *out_features,
                   GError    **error)
{
  g_autoptr (CbJsonScanner) scanner = NULL;
  CbJsonToken token = CB_JSON_END;
  CbFeatures features = 0;

  g_return_val_if_fail (json != NULL, FALSE);
  g_return_val_if_fail (out_features != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  scanner = cb_json_scanner_new (json, strlen (json));
  if (!cb_json_scanner_next (scanner, &token, error))
    return FALSE;
  if (token != CB_JSON_ARRAY_OPEN)
    return fail (error, "FEATURES is not a list of strings");

  for (guint n = 0;; n++)
    {
      if (!cb_json_scanner_next (scanner, &token, error))
        return FALSE;
      if (token == CB_JSON_ARRAY_CLOSE)
        break;
      if (token != CB_JSON_STRING)
        return fail (error, "FEATURES is not a list of strings");
      if (n < MAX_FEATURES)
        features |= find_feature (scanner);
    }

  if (!cb_json_scanner_next (scanner, &token, error))
    return FALSE;

  *out_features = features;
  return TRUE;
}

/**
 * cb_features_append_json:
 * @self: features
 * @out: where to append
 *
 * Appends the features as the wire has them: `["message-ids","utf8"]`.
 */
void
cb_features_append_json (CbFeatures self,
                         GString   *out)
{
  const char *separator = "";

  g_return_if_fail (out != NULL);

  g_string_append_c (out, '[');
  for (gsize i = 0; i < G_N_ELEMENTS (known_features); i++)
    {
      if ((self & known_features[i].feature) == 0)
        continue;

      g_string_append_printf (out, "%s\"%s\"", separator, known_features[i].name);
      separator = ",";
    }
  g_string_append_c (out, ']');
}
