/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "terminal/cbt-lines.h"

#include <glib/gi18n.h>
#include <string.h>

struct _CbtLines
{
  gsize    max_len;
  GString *pending;  /* what was fed and not taken */
  gsize    n_lines;  /* taken so far, for messages */
  gsize    skipped;  /* bytes of a line that is too long; 0: none */
  gboolean finished; /* the last line may lack its end */
};

/**
 * cbt_lines_new:
 * @max_len: longest line, in bytes
 *
 * Makes a splitter that nothing was fed to.
 *
 * Returns: (transfer full): a splitter
 */
CbtLines *
cbt_lines_new (gsize max_len)
{
  CbtLines *self = g_new0 (CbtLines, 1);

  self->max_len = max_len;
  self->pending = g_string_new (NULL);
  return self;
}

/**
 * cbt_lines_free:
 * @self: (transfer full): a splitter
 *
 * Frees a splitter.
 */
void
cbt_lines_free (CbtLines *self)
{
  g_return_if_fail (self != NULL);

  g_string_free (self->pending, TRUE);
  g_free (self);
}

/**
 * cbt_lines_feed:
 * @self: a splitter
 * @data: (array length=len): bytes
 * @len: how many
 *
 * Takes more input. All lines should be taken before more is fed.
 */
void
cbt_lines_feed (CbtLines   *self,
                const char *data,
                gsize       len)
{
  g_return_if_fail (self != NULL);

  g_string_append_len (self->pending, data, (gssize) len);
}

/**
 * cbt_lines_finish:
 * @self: a splitter
 *
 * Notes that the input has ended: what is left is the last line.
 */
void
cbt_lines_finish (CbtLines *self)
{
  g_return_if_fail (self != NULL);

  self->finished = TRUE;
}

/* Drops the beginning of a line that can't be taken, so that it costs no memory. Its last byte stays:
 * it may belong to the line's end. */
static void
skip (CbtLines *self)
{
  const gsize len = self->pending->len - 1;

  self->skipped += len;
  g_string_erase (self->pending, 0, (gssize) len);
}

static char *
fail_too_long (CbtLines *self,
               gsize     len,
               GError  **error)
{
  /* Translators: number of a line, its length, and the longest that is allowed */
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
               _ ("Line %lu has %lu bytes, and was not sent; the limit is %lu"),
               (gulong) self->n_lines, (gulong) (self->skipped + len), (gulong) self->max_len);
  self->skipped = 0;
  return NULL;
}

/**
 * cbt_lines_take:
 * @self: a splitter
 * @error: return location for a #GError
 *
 * Takes the next line, without its end.
 *
 * Returns: (transfer full) (nullable): the line, in UTF-8; %NULL without
 *   @error if none is complete; %NULL with %G_IO_ERROR_MESSAGE_TOO_LARGE or
 *   %G_IO_ERROR_INVALID_DATA for a line that is no good, and was taken
 */
char *
cbt_lines_take (CbtLines *self,
                GError  **error)
{
  const char *end = NULL;
  g_autofree char *line = NULL;
  gsize taken = 0;
  gsize len = 0;

  g_return_val_if_fail (self != NULL, NULL);

  end = memchr (self->pending->str, '\n', self->pending->len);
  if (end == NULL && !self->finished)
    {
      if (self->pending->len > self->max_len + 1)
        skip (self);
      return NULL;
    }
  if (end == NULL && self->pending->len == 0)
    return NULL;

  len = end != NULL ? (gsize) (end - self->pending->str) : self->pending->len;
  taken = end != NULL ? len + 1 : len;
  if (len > 0 && self->pending->str[len - 1] == '\r')
    len--;

  line = g_strndup (self->pending->str, len);
  g_string_erase (self->pending, 0, (gssize) taken);
  self->n_lines++;
  if (self->skipped > 0 || len > self->max_len)
    return fail_too_long (self, len, error);
  if (strlen (line) != len || !g_utf8_validate (line, -1, NULL))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   _ ("Line %lu is not valid UTF-8, and was not sent"), (gulong) self->n_lines);
      return NULL;
    }

  return g_steal_pointer (&line);
}
