/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "terminal/cbt-text.h"

#include <string.h>

#define CONTROL_PICTURES 0x2400
#define PICTURE_OF_DELETE 0x2421

/* Joiners and variation selectors: they only shape the letters and emoji beside them. Within a name
 * they would make two of what looks like one. */
static gboolean
is_shaping (gunichar c)
{
  return c == 0x200c || c == 0x200d || (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xe0100 && c <= 0xe01ef);
}

/* Letters and marks that nothing is drawn for, and the two line ends beyond ASCII: GLib takes them
 * for printable. */
static gboolean
is_blank (gunichar c)
{
  static const gunichar blanks[] = {
    0x034f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180b, 0x180c, 0x180d, 0x180f, 0x2028, 0x2029, 0x3164, 0xffa0,
  };

  for (gsize i = 0; i < G_N_ELEMENTS (blanks); i++)
    {
      if (c == blanks[i])
        return TRUE;
    }

  return FALSE;
}

/* Whether a character may reach a terminal as it is: others can hide, reorder or forge text. */
static gboolean
is_harmless (gunichar c,
             gboolean is_block)
{
  if (is_shaping (c))
    return is_block;

  return g_unichar_isprint (c) && !is_blank (c);
}

static void
append_visible (GString *out,
                gunichar c)
{
  if (c < 0x20)
    g_string_append_unichar (out, CONTROL_PICTURES + c);
  else if (c == 0x7f)
    g_string_append_unichar (out, PICTURE_OF_DELETE);
  else
    g_string_append_printf (out, "<U+%04X>", c);
}

static char *
make_visible (const char *text,
              const char *newline)
{
  GString *out = g_string_sized_new (strlen (text));

  for (const char *p = text; *p != '\0';)
    {
      const gunichar c = g_utf8_get_char_validated (p, -1);

      /* Both kinds of error of that function are larger than any character. */
      if (c > 0x10ffff)
        {
          g_string_append_printf (out, "<%02X>", (guchar) *p);
          p++;
          continue;
        }

      if (c == '\r' && p[1] == '\n' && newline != NULL)
        ;
      else if (c == '\n' && newline != NULL)
        g_string_append (out, newline);
      else if (is_harmless (c, newline != NULL) || (c == '\t' && newline != NULL))
        g_string_append_unichar (out, c);
      else
        append_visible (out, c);
      p = g_utf8_next_char (p);
    }

  return g_string_free (out, FALSE);
}

/**
 * cbt_text_make_visible:
 * @text: whatever a peer sent
 *
 * Makes one line of a text, a name above all, fit for a terminal: controls
 * become pictures of themselves, bidi overrides and other invisible characters
 * their code points, bytes that are no UTF-8 their values.
 *
 * Returns: (transfer full): valid UTF-8 without any control character
 */
char *
cbt_text_make_visible (const char *text)
{
  g_return_val_if_fail (text != NULL, NULL);

  return make_visible (text, NULL);
}

/**
 * cbt_text_make_block:
 * @text: whatever a peer sent
 * @indent: what to begin all lines with but the first
 *
 * Makes a text of several lines fit for a terminal. Of what is invisible only
 * line ends, tabulators, joiners and variation selectors stay what they are;
 * the indent keeps a line from passing for somebody else's.
 *
 * Returns: (transfer full): valid UTF-8
 */
char *
cbt_text_make_block (const char *text,
                     const char *indent)
{
  g_autofree char *newline = NULL;

  g_return_val_if_fail (text != NULL, NULL);
  g_return_val_if_fail (indent != NULL, NULL);

  newline = g_strconcat ("\n", indent, NULL);
  return make_visible (text, newline);
}
