/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-json.h"

G_BEGIN_DECLS

/* Longest name in a request, in characters: what 32 characters in NFC are when they are decomposed. */
#define CB_REQUEST_MAX_NAME 128

/* Characters of an id of a key: SHA-256 in hexadecimal. */
#define CB_REQUEST_KEY_ID_LEN 64

/* What a member of a request is. */
typedef enum
{
  CB_FIELD_TEXT, /* char *: 1 to @max characters */
  CB_FIELD_INTEGER, /* gint64: @min to @max */
  CB_FIELD_COUNT, /* guint: @min to @max */
  CB_FIELD_FLAG, /* gboolean */
  CB_FIELD_CHOICE, /* gboolean: FALSE for the first of @choices, TRUE for the second */
  CB_FIELD_NAMES, /* GStrv: at most @max names */
  CB_FIELD_KEY_IDS, /* GStrv: at most @max ids of keys */
} CbFieldKind;

typedef struct
{
  const char *name;
  CbFieldKind kind;
  gsize       offset; /* of the value in the request's struct */
  gint64      min;
  gint64      max;
  const char *choices[2];
} CbField;

gboolean cb_request_parse_fields (const char    *key,
                                  const char    *json,
                                  const CbField *fields,
                                  gpointer       request,
                                  guint         *out_seen,
                                  GError       **error);
gboolean cb_request_parse_integer (CbJsonScanner *scanner,
                                   const char    *what,
                                   gint64         min,
                                   gint64         max,
                                   gint64        *out_value,
                                   GError       **error);
gboolean cb_request_check_name (const char *what,
                                const char *name,
                                GError    **error);

G_END_DECLS
