/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-json.h"

#include <string.h>

#include "libchatterbox/cb-error.h"

/* Where the scanner stands in the grammar of RFC 8259. */
typedef enum
{
  WANT_VALUE,
  WANT_VALUE_OR_CLOSE, /* behind “[” */
  WANT_KEY,            /* behind “,” in an object */
  WANT_KEY_OR_CLOSE,   /* behind “{” */
  WANT_COLON,
  WANT_COMMA_OR_CLOSE,
  WANT_END,
} Want;

/* A member's name, to find duplicates. */
typedef struct
{
  const char *text;
  gsize       len;
  char       *decoded; /* owned; set where the name was written with escapes */
} Key;

typedef struct
{
  gboolean is_object;
  guint    first_key; /* index in the scanner's keys */
} Level;

/**
 * CbJsonScanner: (skip)
 *
 * A strict, iterative reader of one JSON document of RFC 8259: nesting of at
 * most [const@Cb.JSON_MAX_DEPTH], no duplicate members, valid UTF-8, paired
 * surrogates, no U+0000.
 *
 * It needs no stack and no memory that grows with the nesting, so no document
 * can exhaust either. The document must outlive it.
 */
struct _CbJsonScanner
{
  const char *text;
  gsize       len;
  gsize       pos;

  Want        want;
  guint       depth;
  Level       levels[CB_JSON_MAX_DEPTH];
  GArray     *keys; /* of the open objects; NULL until the first one is met */

  gsize       token_start;
  gsize       string_start; /* without the quotes */
  gsize       string_len;
  gboolean    string_escaped;
  gint64      integer;
};

G_GNUC_PRINTF (3, 4)
static gboolean
fail (CbJsonScanner *self,
      GError       **error,
      const char    *format,
      ...)
{
  g_autofree char *reason = NULL;
  va_list args;

  va_start (args, format);
  reason = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, CB_ERROR, CB_ERROR_MALFORMED,
               "Not valid JSON at byte %" G_GSIZE_FORMAT ": %s", self->pos, reason);
  return FALSE;
}

static void
key_clear (gpointer data)
{
  Key *key = data;

  g_free (key->decoded);
}

/**
 * cb_json_scanner_new:
 * @text: (array length=len): a document; need not be nul-terminated
 * @len: its length, in bytes
 *
 * Makes a scanner that stands in front of the document.
 *
 * Returns: (transfer full): a scanner
 */
CbJsonScanner *
cb_json_scanner_new (const char *text,
                     gsize       len)
{
  CbJsonScanner *self = NULL;

  g_return_val_if_fail (text != NULL || len == 0, NULL);

  self = g_new0 (CbJsonScanner, 1);
  self->text = text;
  self->len = len;
  return self;
}

/**
 * cb_json_scanner_free:
 * @self: (transfer full): a scanner
 *
 * Frees a scanner; the document stays the caller's.
 */
void
cb_json_scanner_free (CbJsonScanner *self)
{
  g_return_if_fail (self != NULL);

  g_clear_pointer (&self->keys, g_array_unref);
  g_free (self);
}

static void
skip_white_space (CbJsonScanner *self)
{
  while (self->pos < self->len &&
         (self->text[self->pos] == ' ' || self->text[self->pos] == '\n' ||
          self->text[self->pos] == '\r' || self->text[self->pos] == '\t'))
    self->pos++;
}

/* Reads the four digits behind “\u”. */
static gboolean
scan_hex4 (CbJsonScanner *self,
           guint32       *out_unit,
           GError       **error)
{
  guint32 unit = 0;

  for (guint i = 0; i < 4; i++)
    {
      const int digit = self->pos < self->len ? g_ascii_xdigit_value (self->text[self->pos]) : -1;

      if (digit < 0)
        return fail (self, error, "“\\u” needs four hexadecimal digits");
      unit = unit << 4 | (guint32) digit;
      self->pos++;
    }

  *out_unit = unit;
  return TRUE;
}

static gboolean
scan_unicode_escape (CbJsonScanner *self,
                     GError       **error)
{
  guint32 unit = 0;

  if (!scan_hex4 (self, &unit, error))
    return FALSE;
  /* It would end every C string on the way. */
  if (unit == 0)
    return fail (self, error, "U+0000 is not allowed");
  if (unit >= 0xdc00 && unit <= 0xdfff)
    return fail (self, error, "A low surrogate stands alone");
  if (unit < 0xd800 || unit > 0xdbff)
    return TRUE;

  if (self->len - self->pos < 2 ||
      self->text[self->pos] != '\\' || self->text[self->pos + 1] != 'u')
    return fail (self, error, "A high surrogate stands alone");
  self->pos += 2;
  if (!scan_hex4 (self, &unit, error))
    return FALSE;
  if (unit < 0xdc00 || unit > 0xdfff)
    return fail (self, error, "A high surrogate stands alone");

  return TRUE;
}

static gboolean
scan_escape (CbJsonScanner *self,
             GError       **error)
{
  const char c = self->pos < self->len ? self->text[self->pos] : '\0';

  if (c == '\0' || strchr ("\"\\/bfnrtu", c) == NULL)
    return fail (self, error, "A backslash needs one of “\"\\/bfnrtu” behind it");

  self->pos++;
  self->string_escaped = TRUE;
  return c != 'u' || scan_unicode_escape (self, error);
}

static gboolean
scan_string (CbJsonScanner *self,
             GError       **error)
{
  gboolean ascii = TRUE;

  self->pos++;
  self->string_start = self->pos;
  self->string_escaped = FALSE;

  for (;;)
    {
      const guchar c = self->pos < self->len ? (guchar) self->text[self->pos] : '\0';

      if (self->pos == self->len)
        return fail (self, error, "A string does not end");
      if (c == '"')
        break;
      if (c < 0x20)
        return fail (self, error, "A string holds the control character U+%04X", c);

      ascii = ascii && c < 0x80;
      self->pos++;
      if (c == '\\' && !scan_escape (self, error))
        return FALSE;
    }

  self->string_len = self->pos - self->string_start;
  if (!ascii && !g_utf8_validate_len (self->text + self->string_start, self->string_len, NULL))
    return fail (self, error, "A string is not valid UTF-8");

  self->pos++;
  return TRUE;
}

static gboolean
scan_digits (CbJsonScanner *self,
             GError       **error)
{
  const gsize start = self->pos;

  while (self->pos < self->len && g_ascii_isdigit (self->text[self->pos]))
    self->pos++;

  return self->pos > start || fail (self, error, "A number lacks a digit");
}

/* The value of the digits from @start to here; FALSE if it is out of range. */
static gboolean
read_integer (CbJsonScanner *self,
              gsize          start)
{
  const gboolean negative = self->text[start] == '-';
  gint64 value = 0;

  for (gsize i = start + (negative ? 1 : 0); i < self->pos; i++)
    {
      value = value * 10 + (self->text[i] - '0');
      if (value > CB_JSON_MAX_INTEGER)
        return FALSE;
    }

  self->integer = negative ? -value : value;
  return TRUE;
}

static gboolean
scan_number (CbJsonScanner *self,
             CbJsonToken   *out_token,
             GError       **error)
{
  const gsize start = self->pos;
  gboolean is_integer = TRUE;

  if (self->text[self->pos] == '-')
    self->pos++;
  if (self->pos < self->len && self->text[self->pos] == '0')
    self->pos++;
  else if (!scan_digits (self, error))
    return FALSE;
  is_integer = read_integer (self, start);

  if (self->pos < self->len && self->text[self->pos] == '.')
    {
      is_integer = FALSE;
      self->pos++;
      if (!scan_digits (self, error))
        return FALSE;
    }
  if (self->pos < self->len && (self->text[self->pos] == 'e' || self->text[self->pos] == 'E'))
    {
      is_integer = FALSE;
      self->pos++;
      if (self->pos < self->len && (self->text[self->pos] == '+' || self->text[self->pos] == '-'))
        self->pos++;
      if (!scan_digits (self, error))
        return FALSE;
    }

  *out_token = is_integer ? CB_JSON_INTEGER : CB_JSON_NUMBER;
  return TRUE;
}

static gboolean
scan_literal (CbJsonScanner *self,
              CbJsonToken   *out_token,
              GError       **error)
{
  static const struct
  {
    const char *text;
    CbJsonToken token;
  } literals[] = {
    { "true", CB_JSON_TRUE },
    { "false", CB_JSON_FALSE },
    { "null", CB_JSON_NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (literals); i++)
    {
      const gsize len = strlen (literals[i].text);

      if (self->len - self->pos >= len &&
          memcmp (self->text + self->pos, literals[i].text, len) == 0)
        {
          self->pos += len;
          *out_token = literals[i].token;
          return TRUE;
        }
    }

  return fail (self, error, "A value is expected");
}

static gboolean
open_level (CbJsonScanner *self,
            gboolean       is_object,
            GError       **error)
{
  if (self->depth == CB_JSON_MAX_DEPTH)
    return fail (self, error, "Nested deeper than %u", CB_JSON_MAX_DEPTH);

  if (is_object && self->keys == NULL)
    {
      self->keys = g_array_new (FALSE, FALSE, sizeof (Key));
      g_array_set_clear_func (self->keys, key_clear);
    }
  self->levels[self->depth].is_object = is_object;
  self->levels[self->depth].first_key = self->keys != NULL ? self->keys->len : 0;
  self->depth++;
  self->want = is_object ? WANT_KEY_OR_CLOSE : WANT_VALUE_OR_CLOSE;
  self->pos++;
  return TRUE;
}

static int
compare_keys (gconstpointer a,
              gconstpointer b,
              gpointer      user_data)
{
  const Key *left = a;
  const Key *right = b;
  const int order = memcmp (left->text, right->text, MIN (left->len, right->len));

  return order != 0 ? order : (left->len > right->len) - (left->len < right->len);
}

/* Sorting, not hashing: a peer can choose names that collide in any hash whose seed it knows. */
static gboolean
check_keys (CbJsonScanner *self,
            guint          first,
            GError       **error)
{
  const Key *keys = &g_array_index (self->keys, Key, 0);

  g_qsort_with_data (&g_array_index (self->keys, Key, first), (int) (self->keys->len - first),
                     sizeof (Key), compare_keys, NULL);
  for (guint i = first + 1; i < self->keys->len; i++)
    {
      if (compare_keys (&keys[i - 1], &keys[i], NULL) == 0)
        return fail (self, error, "An object names a member twice");
    }

  return TRUE;
}

static gboolean
close_level (CbJsonScanner *self,
             CbJsonToken   *out_token,
             GError       **error)
{
  const Level *level = &self->levels[self->depth - 1];

  if (level->is_object)
    {
      if (self->keys->len > level->first_key + 1 && !check_keys (self, level->first_key, error))
        return FALSE;
      g_array_set_size (self->keys, level->first_key);
    }

  *out_token = level->is_object ? CB_JSON_OBJECT_CLOSE : CB_JSON_ARRAY_CLOSE;
  self->depth--;
  self->want = self->depth == 0 ? WANT_END : WANT_COMMA_OR_CLOSE;
  self->pos++;
  return TRUE;
}

static gboolean
scan_value (CbJsonScanner *self,
            CbJsonToken   *out_token,
            GError       **error)
{
  const char c = self->text[self->pos];
  gboolean scanned = FALSE;

  if (c == '{' || c == '[')
    {
      *out_token = c == '{' ? CB_JSON_OBJECT_OPEN : CB_JSON_ARRAY_OPEN;
      return open_level (self, c == '{', error);
    }

  if (c == '"')
    {
      *out_token = CB_JSON_STRING;
      scanned = scan_string (self, error);
    }
  else if (c == '-' || g_ascii_isdigit (c))
    scanned = scan_number (self, out_token, error);
  else
    scanned = scan_literal (self, out_token, error);

  self->want = self->depth == 0 ? WANT_END : WANT_COMMA_OR_CLOSE;
  return scanned;
}

static gboolean
scan_key (CbJsonScanner *self,
          CbJsonToken   *out_token,
          GError       **error)
{
  Key key = { NULL, };

  if (self->text[self->pos] != '"')
    return fail (self, error, "A member's name is expected");
  if (!scan_string (self, error))
    return FALSE;

  key.text = self->text + self->string_start;
  key.len = self->string_len;
  if (self->string_escaped)
    {
      key.decoded = cb_json_scanner_dup_string (self);
      key.text = key.decoded;
      key.len = strlen (key.decoded);
    }
  g_array_append_val (self->keys, key);

  *out_token = CB_JSON_KEY;
  self->want = WANT_COLON;
  return TRUE;
}

static gboolean
is_close (CbJsonScanner *self)
{
  return self->depth > 0 &&
         self->text[self->pos] == (self->levels[self->depth - 1].is_object ? '}' : ']');
}

/* Steps over the punctuation in front of the next token. */
static gboolean
skip_punctuation (CbJsonScanner *self,
                  GError       **error)
{
  const char *missing = NULL;

  skip_white_space (self);
  if (self->pos == self->len || is_close (self))
    return TRUE;

  if (self->want == WANT_COLON)
    missing = self->text[self->pos] == ':' ? NULL : "“:”";
  else if (self->want == WANT_COMMA_OR_CLOSE)
    missing = self->text[self->pos] == ',' ? NULL : "“,” or a closing bracket";
  else
    return TRUE;

  if (missing != NULL)
    return fail (self, error, "Expected %s", missing);

  self->want = self->want == WANT_COMMA_OR_CLOSE && self->levels[self->depth - 1].is_object
               ? WANT_KEY : WANT_VALUE;
  self->pos++;
  skip_white_space (self);
  return TRUE;
}

static gboolean
scan_token (CbJsonScanner *self,
            CbJsonToken   *out_token,
            GError       **error)
{
  if (!skip_punctuation (self, error))
    return FALSE;

  self->token_start = self->pos;
  if (self->pos == self->len)
    {
      *out_token = CB_JSON_END;
      return self->want == WANT_END || fail (self, error, "The document ends early");
    }

  switch (self->want)
    {
    case WANT_END:
      return fail (self, error, "Something follows the document");
    case WANT_VALUE_OR_CLOSE:
    case WANT_COMMA_OR_CLOSE:
      return is_close (self) ? close_level (self, out_token, error)
                             : scan_value (self, out_token, error);
    case WANT_KEY_OR_CLOSE:
      return is_close (self) ? close_level (self, out_token, error)
                             : scan_key (self, out_token, error);
    case WANT_KEY:
      return scan_key (self, out_token, error);
    case WANT_VALUE:
      return scan_value (self, out_token, error);
    case WANT_COLON:
    default:
      return fail (self, error, "Expected “:”");
    }
}

/**
 * cb_json_scanner_next:
 * @self: a scanner
 * @out_token: (out): what was found
 * @error: return location for a #GError
 *
 * Steps to the next token. Behind [enum@Cb.JsonToken.END] it stays there; after
 * an error the scanner is only good to be freed.
 *
 * That an object names a member twice is found where the object closes, so a
 * document has been checked only once END has been seen.
 *
 * Source: RFC 8259.
 *
 * Returns: %TRUE with @out_token; %FALSE with [error@Cb.Error.MALFORMED], whose
 *   message tells the byte and the reason
 */
gboolean
cb_json_scanner_next (CbJsonScanner *self,
                      CbJsonToken   *out_token,
                      GError       **error)
{
  CbJsonToken token = CB_JSON_END;

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (out_token != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!scan_token (self, &token, error))
    return FALSE;

  *out_token = token;
  return TRUE;
}

/**
 * cb_json_scanner_skip_value:
 * @self: a scanner that stands in front of a value
 * @out_start: (out) (optional): where the value's text begins
 * @out_len: (out) (optional): its length, in bytes
 * @error: return location for a #GError
 *
 * Steps over one value, whatever it holds.
 *
 * Returns: %TRUE; %FALSE with [error@Cb.Error.MALFORMED]
 */
gboolean
cb_json_scanner_skip_value (CbJsonScanner *self,
                            const char   **out_start,
                            gsize         *out_len,
                            GError       **error)
{
  CbJsonToken token = CB_JSON_END;
  guint depth = 0;
  gsize start = 0;

  g_return_val_if_fail (self != NULL, FALSE);

  depth = self->depth;
  if (!cb_json_scanner_next (self, &token, error))
    return FALSE;
  if (self->depth < depth || token == CB_JSON_END || token == CB_JSON_KEY)
    return fail (self, error, "A value is expected");
  start = self->token_start;

  while (self->depth > depth)
    {
      if (!cb_json_scanner_next (self, &token, error))
        return FALSE;
    }

  if (out_start != NULL)
    *out_start = self->text + start;
  if (out_len != NULL)
    *out_len = self->pos - start;
  return TRUE;
}

/**
 * cb_json_scanner_equals:
 * @self: a scanner behind a KEY or a STRING
 * @literal: what to compare with, in UTF-8
 *
 * Compares the string just met, without a copy where it has no escapes.
 *
 * Returns: %TRUE if they are equal
 */
gboolean
cb_json_scanner_equals (CbJsonScanner *self,
                        const char    *literal)
{
  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (literal != NULL, FALSE);

  if (self->string_escaped)
    {
      g_autofree char *decoded = cb_json_scanner_dup_string (self);

      return strcmp (decoded, literal) == 0;
    }

  return strlen (literal) == self->string_len &&
         memcmp (self->text + self->string_start, literal, self->string_len) == 0;
}

static guint32
decode_hex4 (const char *digits)
{
  guint32 unit = 0;

  for (guint i = 0; i < 4; i++)
    unit = unit << 4 | (guint32) g_ascii_xdigit_value (digits[i]);
  return unit;
}

/* Decodes what stands behind a backslash and returns its length; the scanner has checked it. */
static gsize
decode_escape (const char *escape,
               GString    *out)
{
  static const char names[] = "\"\\/bfnrt";
  static const char values[] = "\"\\/\b\f\n\r\t";
  guint32 unit = 0;

  if (*escape != 'u')
    {
      g_string_append_c (out, values[strchr (names, *escape) - names]);
      return 1;
    }

  unit = decode_hex4 (escape + 1);
  if (unit < 0xd800 || unit > 0xdbff)
    {
      g_string_append_unichar (out, unit);
      return 5;
    }

  g_string_append_unichar (out, 0x10000 + ((unit - 0xd800) << 10) + (decode_hex4 (escape + 7) - 0xdc00));
  return 11;
}

/**
 * cb_json_scanner_dup_string:
 * @self: a scanner behind a KEY or a STRING
 *
 * Decodes the string just met.
 *
 * Returns: (transfer full): the string, in UTF-8
 */
char *
cb_json_scanner_dup_string (CbJsonScanner *self)
{
  GString *decoded = NULL;
  const char *raw = NULL;

  g_return_val_if_fail (self != NULL, NULL);

  raw = self->text + self->string_start;
  if (!self->string_escaped)
    return g_strndup (raw, self->string_len);

  decoded = g_string_sized_new (self->string_len);
  for (gsize i = 0; i < self->string_len;)
    {
      const char *escape = memchr (raw + i, '\\', self->string_len - i);
      const gsize run = escape != NULL ? (gsize) (escape - raw) - i : self->string_len - i;

      g_string_append_len (decoded, raw + i, (gssize) run);
      i += run;
      if (escape != NULL)
        i += 1 + decode_escape (escape + 1, decoded);
    }

  return g_string_free (decoded, FALSE);
}

/**
 * cb_json_scanner_get_integer:
 * @self: a scanner behind an INTEGER
 *
 * Gets the integer just met.
 *
 * Returns: its value, within ±[const@Cb.JSON_MAX_INTEGER]
 */
gint64
cb_json_scanner_get_integer (CbJsonScanner *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->integer;
}

/**
 * cb_json_scanner_get_position:
 * @self: a scanner
 *
 * Tells how far the scanner has come.
 *
 * Returns: bytes of the document behind it
 */
gsize
cb_json_scanner_get_position (CbJsonScanner *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->pos;
}

/**
 * cb_json_check:
 * @text: (array length=len): a document
 * @len: its length, in bytes
 * @error: return location for a #GError
 *
 * Checks a whole document by the scanner's rules.
 *
 * Returns: %TRUE; %FALSE with [error@Cb.Error.MALFORMED]
 */
gboolean
cb_json_check (const char *text,
               gsize       len,
               GError    **error)
{
  g_autoptr (CbJsonScanner) scanner = cb_json_scanner_new (text, len);
  CbJsonToken token = CB_JSON_NULL;

  do
    {
      if (!cb_json_scanner_next (scanner, &token, error))
        return FALSE;
    }
  while (token != CB_JSON_END);

  return TRUE;
}
