/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-json.h"

#include <string.h>

static void
append_unit (GString *out,
             guint32  unit)
{
  static const char digits[] = "0123456789abcdef";
  const char escape[] = {
    '\\', 'u', digits[unit >> 12 & 15], digits[unit >> 8 & 15], digits[unit >> 4 & 15], digits[unit & 15],
  };

  g_string_append_len (out, escape, sizeof escape);
}

static void
append_escaped (GString *out,
                gunichar c)
{
  if (c > 0xffff)
    {
      append_unit (out, 0xd800 + ((c - 0x10000) >> 10));
      append_unit (out, 0xdc00 + ((c - 0x10000) & 0x3ff));
    }
  else
    append_unit (out, c);
}

static gboolean
is_plain (guchar         c,
          CbJsonEncoding encoding)
{
  return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f &&
         (c < 0x80 || encoding == CB_JSON_UTF8);
}

/**
 * cb_json_append_string:
 * @out: where to append
 * @text: valid UTF-8
 * @encoding: how characters beyond ASCII are written
 *
 * Appends @text as a JSON string, quotes included.
 */
void
cb_json_append_string (GString       *out,
                       const char    *text,
                       CbJsonEncoding encoding)
{
  static const char values[] = "\"\\\b\f\n\r\t";
  static const char names[] = "\"\\bfnrt";

  g_return_if_fail (out != NULL);
  g_return_if_fail (text != NULL);

  g_string_append_c (out, '"');
  for (const char *p = text; *p != '\0';)
    {
      const char *run = p;
      const char *named = NULL;

      while (*p != '\0' && is_plain ((guchar) *p, encoding))
        p++;
      g_string_append_len (out, run, p - run);
      if (*p == '\0')
        break;

      named = strchr (values, *p);
      if (named != NULL)
        {
          g_string_append_c (out, '\\');
          g_string_append_c (out, names[named - values]);
        }
      else
        append_escaped (out, g_utf8_get_char (p));
      p = g_utf8_next_char (p);
    }
  g_string_append_c (out, '"');
}

/**
 * cb_json_append_ascii:
 * @out: where to append
 * @json: (array length=len): valid JSON in valid UTF-8
 * @len: its length, in bytes
 *
 * Appends the same JSON text with every character beyond ASCII escaped; those
 * stand only in strings, so nothing else changes.
 */
void
cb_json_append_ascii (GString    *out,
                      const char *json,
                      gsize       len)
{
  g_return_if_fail (out != NULL);
  g_return_if_fail (json != NULL || len == 0);

  for (gsize i = 0; i < len;)
    {
      const gsize start = i;

      while (i < len && (guchar) json[i] < 0x80)
        i++;
      g_string_append_len (out, json + start, (gssize) (i - start));
      for (; i < len && (guchar) json[i] >= 0x80; i += (gsize) g_utf8_skip[(guchar) json[i]])
        append_escaped (out, g_utf8_get_char (json + i));
    }
}

/**
 * cb_json_get_ascii_length:
 * @json: (array length=len): valid JSON in valid UTF-8
 * @len: its length, in bytes
 *
 * Tells how much [func@Cb.json_append_ascii] would append.
 *
 * Returns: a length in bytes, at least @len
 */
gsize
cb_json_get_ascii_length (const char *json,
                          gsize       len)
{
  gsize ascii_len = 0;

  g_return_val_if_fail (json != NULL || len == 0, 0);

  for (gsize i = 0; i < len; i++)
    {
      const guchar c = (guchar) json[i];

      if (c < 0x80)
        ascii_len++;
      else if (c >= 0xf0)
        ascii_len += 12;
      else if (c >= 0xc0)
        ascii_len += 6;
    }

  return ascii_len;
}
