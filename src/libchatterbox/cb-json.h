/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-version-macros.h"

G_BEGIN_DECLS

/**
 * CB_JSON_MAX_DEPTH:
 *
 * Deepest nesting of arrays and objects that the scanner accepts.
 */
#define CB_JSON_MAX_DEPTH 8u

/**
 * CB_JSON_MAX_INTEGER:
 *
 * Largest magnitude of an integer: 2^53, what every JSON peer keeps exactly.
 */
#define CB_JSON_MAX_INTEGER (G_GINT64_CONSTANT (1) << 53)

/**
 * CbJsonEncoding:
 * @CB_JSON_ASCII: every character beyond U+007E is written `\uXXXX`, those
 *   beyond U+FFFF as a surrogate pair
 * @CB_JSON_UTF8: only what JSON obliges to be escaped, and U+007F, is escaped
 *
 * How characters outside ASCII are written.
 */
typedef enum
{
  CB_JSON_ASCII,
  CB_JSON_UTF8,
} CbJsonEncoding;

/**
 * CbJsonToken:
 * @CB_JSON_END: the document is complete; nothing follows
 * @CB_JSON_OBJECT_OPEN: `{`
 * @CB_JSON_OBJECT_CLOSE: `}`
 * @CB_JSON_ARRAY_OPEN: `[`
 * @CB_JSON_ARRAY_CLOSE: `]`
 * @CB_JSON_KEY: the name of an object's member
 * @CB_JSON_STRING: a string value
 * @CB_JSON_INTEGER: a number without fraction and exponent, within
 *   ±[const@Cb.JSON_MAX_INTEGER]
 * @CB_JSON_NUMBER: any other number; its value is not computed
 * @CB_JSON_TRUE: `true`
 * @CB_JSON_FALSE: `false`
 * @CB_JSON_NULL: `null`
 *
 * What [func@Cb.json_scanner_next] found.
 */
typedef enum
{
  CB_JSON_END,
  CB_JSON_OBJECT_OPEN,
  CB_JSON_OBJECT_CLOSE,
  CB_JSON_ARRAY_OPEN,
  CB_JSON_ARRAY_CLOSE,
  CB_JSON_KEY,
  CB_JSON_STRING,
  CB_JSON_INTEGER,
  CB_JSON_NUMBER,
  CB_JSON_TRUE,
  CB_JSON_FALSE,
  CB_JSON_NULL,
} CbJsonToken;

typedef struct _CbJsonScanner CbJsonScanner;

CB_EXPORT
CbJsonScanner *cb_json_scanner_new (const char *text,
                                    gsize       len);
CB_EXPORT
void           cb_json_scanner_free (CbJsonScanner *self);
CB_EXPORT
gboolean       cb_json_scanner_next (CbJsonScanner *self,
                                     CbJsonToken   *out_token,
                                     GError       **error);
CB_EXPORT
gboolean       cb_json_scanner_skip_value (CbJsonScanner *self,
                                           const char   **out_start,
                                           gsize         *out_len,
                                           GError       **error);
CB_EXPORT
gboolean       cb_json_scanner_equals (CbJsonScanner *self,
                                       const char    *literal);
CB_EXPORT
char          *cb_json_scanner_dup_string (CbJsonScanner *self);
CB_EXPORT
gint64         cb_json_scanner_get_integer (CbJsonScanner *self);
CB_EXPORT
gsize          cb_json_scanner_get_position (CbJsonScanner *self);
CB_EXPORT
gboolean       cb_json_check (const char *text,
                              gsize       len,
                              GError    **error);
CB_EXPORT
void           cb_json_append_string (GString       *out,
                                      const char    *text,
                                      CbJsonEncoding encoding);
CB_EXPORT
void           cb_json_append_ascii (GString    *out,
                                     const char *json,
                                     gsize       len);
CB_EXPORT
gsize          cb_json_get_ascii_length (const char *json,
                                         gsize       len);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbJsonScanner, cb_json_scanner_free)

G_END_DECLS
