/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-request.h"

#include <string.h>

#include "libchatterbox/cb-error-private.h"
#include "libchatterbox/cb-request-fields-private.h"

#define HISTORY_MAX 500
#define HISTORY_DEFAULT 100u
#define SEARCH_MAX 500
#define SEARCH_DEFAULT 50u
#define SEARCH_MAX_TEXT 256
#define USERS_MAX 1000
#define USERS_DEFAULT 1000u
#define BLOCKS_MAX 64
#define KEYS_MAX 16
#define MARKERS_MAX 64u
#define LOG_ID_MAX 64

/* End of the year 9999: as microseconds it still is a number that every part can hold. */
#define TIME_MAX_S G_GINT64_CONSTANT (253402300799)

static void
append_key (GString    *out,
            const char *name)
{
  g_string_append_printf (out, "%s\"%s\":", out->str[out->len - 1] == '{' ? "" : ",", name);
}

static void
append_text (GString    *out,
             const char *name,
             const char *text)
{
  if (text == NULL)
    return;

  append_key (out, name);
  cb_json_append_string (out, text, CB_JSON_ASCII);
}

static void
append_integer (GString    *out,
                const char *name,
                gint64      value)
{
  append_key (out, name);
  g_string_append_printf (out, "%" G_GINT64_FORMAT, value);
}

static void
append_strings (GString           *out,
                const char        *name,
                const char *const *strings)
{
  if (strings == NULL)
    return;

  append_key (out, name);
  g_string_append_c (out, '[');
  for (gsize i = 0; strings[i] != NULL; i++)
    {
      if (i > 0)
        g_string_append_c (out, ',');
      cb_json_append_string (out, strings[i], CB_JSON_ASCII);
    }
  g_string_append_c (out, ']');
}

static const CbField history_fields[] = {
  /* The first three in the order of CbHistoryDirection. */
  { "before", CB_FIELD_INTEGER, G_STRUCT_OFFSET (CbHistoryRequest, id), 0, CB_JSON_MAX_INTEGER, { NULL, } },
  { "after", CB_FIELD_INTEGER, G_STRUCT_OFFSET (CbHistoryRequest, id), 0, CB_JSON_MAX_INTEGER, { NULL, } },
  { "around", CB_FIELD_INTEGER, G_STRUCT_OFFSET (CbHistoryRequest, id), 0, CB_JSON_MAX_INTEGER, { NULL, } },
  { "with", CB_FIELD_TEXT, G_STRUCT_OFFSET (CbHistoryRequest, with), 1, CB_REQUEST_MAX_NAME, { NULL, } },
  { "limit", CB_FIELD_COUNT, G_STRUCT_OFFSET (CbHistoryRequest, limit), 1, HISTORY_MAX, { NULL, } },
  { NULL, },
};

/**
 * cb_history_request_parse: (skip)
 * @json: the value of HISTORY, in UTF-8
 * @error: return location for a #GError
 *
 * Reads a request for a page of what was said. Its limit is 100 if it names
 * none.
 *
 * Source: `docs/protocol.md`, “HISTORY”.
 *
 * Returns: (transfer full): the request, or %NULL with
 *   [error@Cb.Error.MALFORMED]
 */
CbHistoryRequest *
cb_history_request_parse (const char *json,
                          GError    **error)
{
  g_autoptr (CbHistoryRequest) self = NULL;
  guint seen = 0;

  g_return_val_if_fail (json != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  self = g_new0 (CbHistoryRequest, 1);
  self->limit = HISTORY_DEFAULT;
  if (!cb_request_parse_fields ("HISTORY", json, history_fields, self, &seen, error))
    return NULL;

  seen &= 7u;
  if ((seen & (seen - 1u)) != 0)
    {
      cb_error_set_malformed (error, "HISTORY names more than one of “before”, “after” and “around”");
      return NULL;
    }

  self->direction = seen == 0 ? CB_HISTORY_NEWEST
                  : seen == 1u ? CB_HISTORY_BEFORE
                  : seen == 2u ? CB_HISTORY_AFTER : CB_HISTORY_AROUND;
  return g_steal_pointer (&self);
}

/**
 * cb_history_request_append_json: (skip)
 * @self: a request
 * @out: where to append
 *
 * Appends the request as the wire has it, in ASCII.
 */
void
cb_history_request_append_json (const CbHistoryRequest *self,
                                GString                *out)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (out != NULL);

  g_string_append_c (out, '{');
  append_text (out, "with", self->with);
  if (self->direction != CB_HISTORY_NEWEST)
    append_integer (out, history_fields[self->direction - CB_HISTORY_BEFORE].name, self->id);
  append_integer (out, "limit", self->limit);
  g_string_append_c (out, '}');
}

/**
 * cb_history_request_free: (skip)
 * @self: (transfer full): a request
 *
 * Frees the request.
 */
void
cb_history_request_free (CbHistoryRequest *self)
{
  g_return_if_fail (self != NULL);

  g_free (self->with);
  g_free (self);
}

static const CbField resume_fields[] = {
  { "after", CB_FIELD_INTEGER, G_STRUCT_OFFSET (CbResume, after), 0, CB_JSON_MAX_INTEGER, { NULL, } },
  { "limit", CB_FIELD_INTEGER, G_STRUCT_OFFSET (CbResume, limit), 0, CB_JSON_MAX_INTEGER, { NULL, } },
  { "log", CB_FIELD_TEXT, G_STRUCT_OFFSET (CbResume, log), 1, LOG_ID_MAX, { NULL, } },
  { NULL, },
};

/**
 * cb_resume_parse: (skip)
 * @json: the value of HISTORY in a login, in UTF-8
 * @error: return location for a #GError
 *
 * Reads what a client that logs in has not seen yet.
 *
 * Source: `docs/protocol.md`, “Resuming”.
 *
 * Returns: (transfer full): the request, or %NULL with
 *   [error@Cb.Error.MALFORMED]
 */
CbResume *
cb_resume_parse (const char *json,
                 GError    **error)
{
  g_autoptr (CbResume) self = NULL;
  guint seen = 0;

  g_return_val_if_fail (json != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  self = g_new0 (CbResume, 1);
  self->after = -1;
  self->limit = -1;
  if (!cb_request_parse_fields ("HISTORY", json, resume_fields, self, &seen, error))
    return NULL;

  if (self->after >= 0 && self->limit >= 0)
    {
      cb_error_set_malformed (error, "HISTORY of a login names both “after” and “limit”");
      return NULL;
    }

  return g_steal_pointer (&self);
}

/**
 * cb_resume_append_json: (skip)
 * @self: a request
 * @out: where to append
 *
 * Appends the request as the wire has it, in ASCII.
 */
void
cb_resume_append_json (const CbResume *self,
                       GString        *out)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (out != NULL);

  g_string_append_c (out, '{');
  if (self->after >= 0)
    append_integer (out, "after", self->after);
  append_text (out, "log", self->log);
  if (self->limit >= 0)
    append_integer (out, "limit", self->limit);
  g_string_append_c (out, '}');
}

/**
 * cb_resume_free: (skip)
 * @self: (transfer full): a request
 *
 * Frees the request.
 */
void
cb_resume_free (CbResume *self)
{
  g_return_if_fail (self != NULL);

  g_free (self->log);
  g_free (self);
}

static const CbField search_fields[] = {
  { "text", CB_FIELD_TEXT, G_STRUCT_OFFSET (CbSearchRequest, text), 1, SEARCH_MAX_TEXT, { NULL, } },
  { "with", CB_FIELD_TEXT, G_STRUCT_OFFSET (CbSearchRequest, with), 1, CB_REQUEST_MAX_NAME, { NULL, } },
  { "from", CB_FIELD_TEXT, G_STRUCT_OFFSET (CbSearchRequest, from), 1, CB_REQUEST_MAX_NAME, { NULL, } },
  { "since", CB_FIELD_INTEGER, G_STRUCT_OFFSET (CbSearchRequest, since_s), 0, TIME_MAX_S, { NULL, } },
  { "until", CB_FIELD_INTEGER, G_STRUCT_OFFSET (CbSearchRequest, until_s), 0, TIME_MAX_S, { NULL, } },
  { "before", CB_FIELD_INTEGER, G_STRUCT_OFFSET (CbSearchRequest, before), 0, CB_JSON_MAX_INTEGER, { NULL, } },
  { "limit", CB_FIELD_COUNT, G_STRUCT_OFFSET (CbSearchRequest, limit), 1, SEARCH_MAX, { NULL, } },
  { "order", CB_FIELD_CHOICE, G_STRUCT_OFFSET (CbSearchRequest, ranked), 0, 0, { "newest", "rank" } },
  { NULL, },
};

/**
 * cb_search_request_parse: (skip)
 * @json: the value of SEARCH, in UTF-8
 * @error: return location for a #GError
 *
 * Reads a request for messages that hold words. Its limit is 50 if it names
 * none. That its text holds at least one term, and not too many, is for those
 * who search to check.
 *
 * Source: `docs/protocol.md`, “SEARCH”.
 *
 * Returns: (transfer full): the request, or %NULL with
 *   [error@Cb.Error.MALFORMED]
 */
CbSearchRequest *
cb_search_request_parse (const char *json,
                         GError    **error)
{
  g_autoptr (CbSearchRequest) self = NULL;
  guint seen = 0;

  g_return_val_if_fail (json != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  self = g_new0 (CbSearchRequest, 1);
  self->limit = SEARCH_DEFAULT;
  if (!cb_request_parse_fields ("SEARCH", json, search_fields, self, &seen, error))
    return NULL;

  if (self->text == NULL)
    {
      cb_error_set_malformed (error, "SEARCH has no “text”");
      return NULL;
    }

  return g_steal_pointer (&self);
}

/**
 * cb_search_request_append_json: (skip)
 * @self: a request
 * @out: where to append
 *
 * Appends the request as the wire has it, in ASCII.
 */
void
cb_search_request_append_json (const CbSearchRequest *self,
                               GString               *out)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (out != NULL);

  g_string_append_c (out, '{');
  append_text (out, "text", self->text);
  append_text (out, "with", self->with);
  append_text (out, "from", self->from);
  if (self->since_s != 0)
    append_integer (out, "since", self->since_s);
  if (self->until_s != 0)
    append_integer (out, "until", self->until_s);
  if (self->ranked)
    append_text (out, "order", "rank");
  if (self->before != 0)
    append_integer (out, "before", self->before);
  append_integer (out, "limit", self->limit);
  g_string_append_c (out, '}');
}

/**
 * cb_search_request_free: (skip)
 * @self: (transfer full): a request
 *
 * Frees the request.
 */
void
cb_search_request_free (CbSearchRequest *self)
{
  g_return_if_fail (self != NULL);

  g_free (self->text);
  g_free (self->with);
  g_free (self->from);
  g_free (self);
}

static const CbField users_fields[] = {
  { "online", CB_FIELD_FLAG, G_STRUCT_OFFSET (CbUsersRequest, online), 0, 0, { NULL, } },
  { "after", CB_FIELD_TEXT, G_STRUCT_OFFSET (CbUsersRequest, after), 1, CB_REQUEST_MAX_NAME, { NULL, } },
  { "limit", CB_FIELD_COUNT, G_STRUCT_OFFSET (CbUsersRequest, limit), 1, USERS_MAX, { NULL, } },
  { NULL, },
};

/**
 * cb_users_request_parse: (skip)
 * @json: the value of USERS, in UTF-8
 * @error: return location for a #GError
 *
 * Reads a request for a list of users. Its limit is 1000 if it names none.
 *
 * Source: `docs/protocol.md`, “USERS”.
 *
 * Returns: (transfer full): the request, or %NULL with
 *   [error@Cb.Error.MALFORMED]
 */
CbUsersRequest *
cb_users_request_parse (const char *json,
                        GError    **error)
{
  g_autoptr (CbUsersRequest) self = NULL;
  guint seen = 0;

  g_return_val_if_fail (json != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  self = g_new0 (CbUsersRequest, 1);
  self->limit = USERS_DEFAULT;
  if (!cb_request_parse_fields ("USERS", json, users_fields, self, &seen, error))
    return NULL;

  return g_steal_pointer (&self);
}

/**
 * cb_users_request_append_json: (skip)
 * @self: a request
 * @out: where to append
 *
 * Appends the request as the wire has it, in ASCII.
 */
void
cb_users_request_append_json (const CbUsersRequest *self,
                              GString              *out)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (out != NULL);

  g_string_append_c (out, '{');
  append_key (out, "online");
  g_string_append (out, self->online ? "true" : "false");
  append_text (out, "after", self->after);
  append_integer (out, "limit", self->limit);
  g_string_append_c (out, '}');
}

/**
 * cb_users_request_free: (skip)
 * @self: (transfer full): a request
 *
 * Frees the request.
 */
void
cb_users_request_free (CbUsersRequest *self)
{
  g_return_if_fail (self != NULL);

  g_free (self->after);
  g_free (self);
}

static const CbField blocks_fields[] = {
  { "block", CB_FIELD_NAMES, G_STRUCT_OFFSET (CbChangeRequest, add), 0, BLOCKS_MAX, { NULL, } },
  { "unblock", CB_FIELD_NAMES, G_STRUCT_OFFSET (CbChangeRequest, remove), 0, BLOCKS_MAX, { NULL, } },
  { NULL, },
};

static const CbField keys_fields[] = {
  { "add", CB_FIELD_KEY_IDS, G_STRUCT_OFFSET (CbChangeRequest, add), 0, KEYS_MAX, { NULL, } },
  { "revoke", CB_FIELD_KEY_IDS, G_STRUCT_OFFSET (CbChangeRequest, remove), 0, KEYS_MAX, { NULL, } },
  { NULL, },
};

static CbChangeRequest *
parse_change (const char    *key,
              const char    *json,
              const CbField *fields,
              GError       **error)
{
  g_autoptr (CbChangeRequest) self = g_new0 (CbChangeRequest, 1);
  guint seen = 0;

  if (!cb_request_parse_fields (key, json, fields, self, &seen, error))
    return NULL;

  /* Whoever reads a request need not ask whether a list is there. */
  if (self->add == NULL)
    self->add = g_new0 (char *, 1);
  if (self->remove == NULL)
    self->remove = g_new0 (char *, 1);
  return g_steal_pointer (&self);
}

static void
append_change (const CbChangeRequest *self,
               const CbField         *fields,
               GString               *out)
{
  g_string_append_c (out, '{');
  append_strings (out, fields[0].name, (const char *const *) self->add);
  append_strings (out, fields[1].name, (const char *const *) self->remove);
  g_string_append_c (out, '}');
}

/**
 * cb_blocks_request_parse: (skip)
 * @json: the value of BLOCKS, in UTF-8
 * @error: return location for a #GError
 *
 * Reads a request that changes whom its sender has blocked. Neither list of
 * the result is %NULL.
 *
 * Source: `docs/protocol.md`, “BLOCKS”.
 *
 * Returns: (transfer full): the request, or %NULL with
 *   [error@Cb.Error.MALFORMED]
 */
CbChangeRequest *
cb_blocks_request_parse (const char *json,
                         GError    **error)
{
  g_return_val_if_fail (json != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return parse_change ("BLOCKS", json, blocks_fields, error);
}

/**
 * cb_blocks_request_append_json: (skip)
 * @self: a request
 * @out: where to append
 *
 * Appends the request as BLOCKS has it, in ASCII.
 */
void
cb_blocks_request_append_json (const CbChangeRequest *self,
                               GString               *out)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (out != NULL);

  append_change (self, blocks_fields, out);
}

/**
 * cb_keys_request_parse: (skip)
 * @json: the value of KEYS, in UTF-8
 * @error: return location for a #GError
 *
 * Reads a request that changes the keys of a name. Neither list of the result
 * is %NULL, and its ids are written with lower-case digits.
 *
 * Source: `docs/protocol.md`, “KEYS”.
 *
 * Returns: (transfer full): the request, or %NULL with
 *   [error@Cb.Error.MALFORMED]
 */
CbChangeRequest *
cb_keys_request_parse (const char *json,
                       GError    **error)
{
  g_return_val_if_fail (json != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return parse_change ("KEYS", json, keys_fields, error);
}

/**
 * cb_keys_request_append_json: (skip)
 * @self: a request
 * @out: where to append
 *
 * Appends the request as KEYS has it, in ASCII.
 */
void
cb_keys_request_append_json (const CbChangeRequest *self,
                             GString               *out)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (out != NULL);

  append_change (self, keys_fields, out);
}

/**
 * cb_change_request_free: (skip)
 * @self: (transfer full): a request
 *
 * Frees the request.
 */
void
cb_change_request_free (CbChangeRequest *self)
{
  g_return_if_fail (self != NULL);

  g_strfreev (self->add);
  g_strfreev (self->remove);
  g_free (self);
}

/* Behind the key of a marker. */
static gboolean
parse_marker (CbJsonScanner *scanner,
              GPtrArray     *markers,
              GError       **error)
{
  g_autofree char *with = cb_json_scanner_dup_string (scanner);
  gint64 id = 0;

  if (markers->len == MARKERS_MAX)
    return cb_error_set_malformed (error, "READ has more than %u members", MARKERS_MAX);
  if (!cb_request_check_name ("A name in READ", with, error) ||
      !cb_request_parse_integer (scanner, "An id in READ", 0, CB_JSON_MAX_INTEGER, &id, error))
    return FALSE;

  g_ptr_array_add (markers, cb_read_marker_new (with, id));
  return TRUE;
}

/**
 * cb_read_markers_parse: (skip)
 * @json: the value of READ, in UTF-8
 * @error: return location for a #GError
 *
 * Reads how far conversations have been read.
 *
 * Source: `docs/protocol.md`, “READ”.
 *
 * Returns: (transfer full) (element-type CbReadMarker): the markers, in their
 *   order, or %NULL with [error@Cb.Error.MALFORMED]
 */
GPtrArray *
cb_read_markers_parse (const char *json,
                       GError    **error)
{
  g_autoptr (GPtrArray) markers = NULL;
  g_autoptr (CbJsonScanner) scanner = NULL;
  CbJsonToken token = CB_JSON_END;

  g_return_val_if_fail (json != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  markers = g_ptr_array_new_with_free_func ((GDestroyNotify) cb_read_marker_free);
  scanner = cb_json_scanner_new (json, strlen (json));
  if (!cb_json_scanner_next (scanner, &token, error))
    return NULL;
  if (token != CB_JSON_OBJECT_OPEN)
    {
      cb_error_set_malformed (error, "READ is not an object");
      return NULL;
    }

  for (;;)
    {
      if (!cb_json_scanner_next (scanner, &token, error))
        return NULL;
      if (token == CB_JSON_OBJECT_CLOSE)
        break;
      if (!parse_marker (scanner, markers, error))
        return NULL;
    }

  return cb_json_scanner_next (scanner, &token, error) ? g_steal_pointer (&markers) : NULL;
}

/**
 * cb_read_markers_append_json: (skip)
 * @markers: (element-type CbReadMarker): markers
 * @out: where to append
 *
 * Appends markers as the wire has them, in ASCII: `{"ALL":12,"bob":9}`.
 */
void
cb_read_markers_append_json (GPtrArray *markers,
                             GString   *out)
{
  g_return_if_fail (markers != NULL);
  g_return_if_fail (out != NULL);

  g_string_append_c (out, '{');
  for (guint i = 0; i < markers->len; i++)
    {
      const CbReadMarker *marker = g_ptr_array_index (markers, i);

      if (i > 0)
        g_string_append_c (out, ',');
      cb_json_append_string (out, marker->with, CB_JSON_ASCII);
      g_string_append_printf (out, ":%" G_GINT64_FORMAT, marker->id);
    }
  g_string_append_c (out, '}');
}

/**
 * cb_read_marker_new: (skip)
 * @with: a conversation: [const@Cb.MESSAGE_TO_ALL] or a name
 * @id: id up to which it has been read, 0 to 2^53
 *
 * Makes a marker.
 *
 * Returns: (transfer full): a marker
 */
CbReadMarker *
cb_read_marker_new (const char *with,
                    gint64      id)
{
  CbReadMarker *self = NULL;

  g_return_val_if_fail (with != NULL, NULL);

  self = g_new0 (CbReadMarker, 1);
  self->with = g_strdup (with);
  self->id = id;
  return self;
}

/**
 * cb_read_marker_free: (skip)
 * @self: (transfer full): a marker
 *
 * Frees the marker.
 */
void
cb_read_marker_free (CbReadMarker *self)
{
  g_return_if_fail (self != NULL);

  g_free (self->with);
  g_free (self);
}

/**
 * cb_request_number_parse: (skip)
 * @json: the value of REQUEST, in UTF-8
 * @out_number: (out): the number, 0 to [const@Cb.JSON_MAX_INTEGER]
 * @error: return location for a #GError
 *
 * Reads the number by which an answer is told from others.
 *
 * Source: `docs/protocol.md`, “Requests”.
 *
 * Returns: %TRUE with @out_number; %FALSE with [error@Cb.Error.MALFORMED]
 */
gboolean
cb_request_number_parse (const char *json,
                         gint64     *out_number,
                         GError    **error)
{
  g_autoptr (CbJsonScanner) scanner = NULL;
  CbJsonToken token = CB_JSON_END;
  gint64 number = 0;

  g_return_val_if_fail (json != NULL, FALSE);
  g_return_val_if_fail (out_number != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  scanner = cb_json_scanner_new (json, strlen (json));
  if (!cb_request_parse_integer (scanner, "REQUEST", 0, CB_JSON_MAX_INTEGER, &number, error) ||
      !cb_json_scanner_next (scanner, &token, error))
    return FALSE;

  *out_number = number;
  return TRUE;
}
