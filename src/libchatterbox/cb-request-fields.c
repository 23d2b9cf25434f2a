/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-request-fields-private.h"

#include <string.h>

#include "libchatterbox/cb-error-private.h"

/* What an ERROR repeats of a peer's text, in characters. */
#define MAX_QUOTED 32

/* The beginning of a peer's text, to be named in a message. */
static char *
dup_quoted (const char *text)
{
  g_autofree char *beginning = NULL;

  if (g_utf8_strlen (text, -1) <= MAX_QUOTED)
    return g_strdup (text);

  beginning = g_utf8_substring (text, 0, MAX_QUOTED);
  return g_strconcat (beginning, "…", NULL);
}

static gboolean
check_length (const char *what,
              const char *text,
              gint64      max,
              GError    **error)
{
  const glong len = g_utf8_strlen (text, -1);

  if (len == 0)
    return cb_error_set_malformed (error, "%s is empty", what);
  if (len > max)
    return cb_error_set_malformed (error, "%s has %ld characters, but may have %" G_GINT64_FORMAT, what, len, max);

  return TRUE;
}

/* Whether @name may be sent to be looked up; that somebody is called so is not checked here. */
gboolean
cb_request_check_name (const char *what,
                       const char *name,
                       GError    **error)
{
  return check_length (what, name, CB_REQUEST_MAX_NAME, error);
}

/* Reads an integer within bounds; on failure @out_value is left alone. */
gboolean
cb_request_parse_integer (CbJsonScanner *scanner,
                          const char    *what,
                          gint64         min,
                          gint64         max,
                          gint64        *out_value,
                          GError       **error)
{
  CbJsonToken token = CB_JSON_END;
  gint64 value = 0;

  if (!cb_json_scanner_next (scanner, &token, error))
    return FALSE;
  if (token != CB_JSON_INTEGER)
    return cb_error_set_malformed (error, "%s is not an integer from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                                   what, min, max);

  value = cb_json_scanner_get_integer (scanner);
  if (value < min || value > max)
    return cb_error_set_malformed (error, "%s is %" G_GINT64_FORMAT ", but has to be from %" G_GINT64_FORMAT
                                   " to %" G_GINT64_FORMAT, what, value, min, max);

  *out_value = value;
  return TRUE;
}

static gboolean
parse_text (CbJsonScanner *scanner,
            const char    *what,
            gint64         max,
            char         **target,
            GError       **error)
{
  g_autofree char *text = NULL;
  CbJsonToken token = CB_JSON_END;

  if (!cb_json_scanner_next (scanner, &token, error))
    return FALSE;
  if (token != CB_JSON_STRING)
    return cb_error_set_malformed (error, "%s is not a string", what);

  text = cb_json_scanner_dup_string (scanner);
  if (!check_length (what, text, max, error))
    return FALSE;

  /* A member that comes twice is refused where its object closes: until then the last one stands. */
  g_free (*target);
  *target = g_steal_pointer (&text);
  return TRUE;
}

static gboolean
parse_flag (CbJsonScanner *scanner,
            const char    *what,
            gboolean      *target,
            GError       **error)
{
  CbJsonToken token = CB_JSON_END;

  if (!cb_json_scanner_next (scanner, &token, error))
    return FALSE;
  if (token != CB_JSON_TRUE && token != CB_JSON_FALSE)
    return cb_error_set_malformed (error, "%s is neither true nor false", what);

  *target = token == CB_JSON_TRUE;
  return TRUE;
}

static gboolean
parse_choice (CbJsonScanner     *scanner,
              const char        *what,
              const char *const *choices,
              gboolean          *target,
              GError           **error)
{
  g_autofree char *text = NULL;
  g_autofree char *quoted = NULL;
  CbJsonToken token = CB_JSON_END;

  if (!cb_json_scanner_next (scanner, &token, error))
    return FALSE;
  if (token != CB_JSON_STRING)
    return cb_error_set_malformed (error, "%s is not a string", what);

  for (guint i = 0; i < 2; i++)
    {
      if (cb_json_scanner_equals (scanner, choices[i]))
        {
          *target = i == 1;
          return TRUE;
        }
    }

  text = cb_json_scanner_dup_string (scanner);
  quoted = dup_quoted (text);
  return cb_error_set_malformed (error, "%s is “%s”, but has to be “%s” or “%s”", what, quoted, choices[0], choices[1]);
}

static gboolean
check_key_id (const char *what,
              char       *id,
              GError    **error)
{
  g_autofree char *quoted = NULL;

  if (strlen (id) != CB_REQUEST_KEY_ID_LEN || strspn (id, "0123456789abcdefABCDEF") != CB_REQUEST_KEY_ID_LEN)
    {
      quoted = dup_quoted (id);
      return cb_error_set_malformed (error, "%s holds “%s”, which is not %d hexadecimal digits",
                                     what, quoted, CB_REQUEST_KEY_ID_LEN);
    }

  for (char *digit = id; *digit != '\0'; digit++)
    *digit = g_ascii_tolower (*digit);
  return TRUE;
}

static gboolean
parse_strings (CbJsonScanner *scanner,
               const char    *what,
               const CbField *field,
               GStrv         *target,
               GError       **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  CbJsonToken token = CB_JSON_END;

  if (!cb_json_scanner_next (scanner, &token, error))
    return FALSE;
  if (token != CB_JSON_ARRAY_OPEN)
    return cb_error_set_malformed (error, "%s is not a list of strings", what);

  for (gint64 n = 0;; n++)
    {
      g_autofree char *text = NULL;

      if (!cb_json_scanner_next (scanner, &token, error))
        return FALSE;
      if (token == CB_JSON_ARRAY_CLOSE)
        break;
      if (token != CB_JSON_STRING)
        return cb_error_set_malformed (error, "%s is not a list of strings", what);
      if (n == field->max)
        return cb_error_set_malformed (error, "%s has more than %" G_GINT64_FORMAT " entries", what, field->max);

      text = cb_json_scanner_dup_string (scanner);
      if (field->kind == CB_FIELD_NAMES ? !cb_request_check_name (what, text, error)
                                        : !check_key_id (what, text, error))
        return FALSE;
      g_strv_builder_add (builder, text);
    }

  g_strfreev (*target);
  *target = g_strv_builder_end (builder);
  return TRUE;
}

static gboolean
parse_count (CbJsonScanner *scanner,
             const char    *what,
             const CbField *field,
             guint         *target,
             GError       **error)
{
  gint64 value = 0;

  if (!cb_request_parse_integer (scanner, what, field->min, field->max, &value, error))
    return FALSE;

  *target = (guint) value;
  return TRUE;
}

static gboolean
parse_field (CbJsonScanner *scanner,
             const char    *key,
             const CbField *field,
             gpointer       request,
             GError       **error)
{
  g_autofree char *what = g_strdup_printf ("“%s” of %s", field->name, key);
  gpointer target = G_STRUCT_MEMBER_P (request, field->offset);

  switch (field->kind)
    {
    case CB_FIELD_TEXT:
      return parse_text (scanner, what, field->max, target, error);
    case CB_FIELD_INTEGER:
      return cb_request_parse_integer (scanner, what, field->min, field->max, target, error);
    case CB_FIELD_COUNT:
      return parse_count (scanner, what, field, target, error);
    case CB_FIELD_FLAG:
      return parse_flag (scanner, what, target, error);
    case CB_FIELD_CHOICE:
      return parse_choice (scanner, what, field->choices, target, error);
    case CB_FIELD_NAMES:
    case CB_FIELD_KEY_IDS:
    default:
      return parse_strings (scanner, what, field, target, error);
    }
}

/* Behind a member's name: reads its value, or steps over it if @fields does not have it. */
static gboolean
parse_member (CbJsonScanner *scanner,
              const char    *key,
              const CbField *fields,
              gpointer       request,
              guint         *seen,
              GError       **error)
{
  for (guint i = 0; fields[i].name != NULL; i++)
    {
      if (!cb_json_scanner_equals (scanner, fields[i].name))
        continue;

      *seen |= 1u << i;
      return parse_field (scanner, key, &fields[i], request, error);
    }

  return cb_json_scanner_skip_value (scanner, NULL, NULL, error);
}

/* Reads the object that is the value of @key into @request. @fields ends with one without a name;
 * bit i of @out_seen tells that field i was there. On failure @request holds what was read so far. */
gboolean
cb_request_parse_fields (const char    *key,
                         const char    *json,
                         const CbField *fields,
                         gpointer       request,
                         guint         *out_seen,
                         GError       **error)
{
  g_autoptr (CbJsonScanner) scanner = cb_json_scanner_new (json, strlen (json));
  CbJsonToken token = CB_JSON_END;

  *out_seen = 0;
  if (!cb_json_scanner_next (scanner, &token, error))
    return FALSE;
  if (token != CB_JSON_OBJECT_OPEN)
    return cb_error_set_malformed (error, "%s is not an object", key);

  for (;;)
    {
      if (!cb_json_scanner_next (scanner, &token, error))
        return FALSE;
      if (token == CB_JSON_OBJECT_CLOSE)
        break;
      if (!parse_member (scanner, key, fields, request, out_seen, error))
        return FALSE;
    }

  return cb_json_scanner_next (scanner, &token, error);
}
