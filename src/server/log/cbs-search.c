/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-search.h"

#include <string.h>

#include "libchatterbox/cb-json.h"

/* Canonical combining classes from here on are those of accents, points and vowel signs that are
 * left out in writing; below are the signs that make up a word in the scripts of India. */
#define MIN_ACCENT_CLASS 10

typedef struct
{
  char    *words; /* folded, but without the space behind them */
  gboolean is_prefix;
} Term;

struct _CbsSearch
{
  GPtrArray *terms; /* of Term */
};

static void
term_free (Term *self)
{
  g_free (self->words);
  g_free (self);
}

/* Whether a word stays the same without it. */
static gboolean
is_accent (gunichar c)
{
  /* U+FE00 to U+FE0F choose between the looks of a character. */
  return g_unichar_ismark (c) &&
         (g_unichar_combining_class (c) >= MIN_ACCENT_CLASS || (c >= 0xfe00 && c <= 0xfe0f) ||
          g_unichar_type (c) == G_UNICODE_ENCLOSING_MARK);
}

static void
end_word (GString *folded)
{
  if (folded->str[folded->len - 1] != ' ')
    g_string_append_c (folded, ' ');
}

static void
fold_ascii (GString    *folded,
            const char *text)
{
  for (const char *p = text; *p != '\0'; p++)
    {
      if (g_ascii_isalnum (*p))
        g_string_append_c (folded, g_ascii_tolower (*p));
      else
        end_word (folded);
    }
}

/* Folding the case may leave what can be taken apart again. */
static void
fold_unicode (GString    *folded,
              const char *text)
{
  g_autofree char *apart = g_utf8_normalize (text, -1, G_NORMALIZE_ALL);
  g_autofree char *lower = g_utf8_casefold (apart, -1);
  g_autofree char *normal = g_utf8_normalize (lower, -1, G_NORMALIZE_ALL);

  for (const char *p = normal; *p != '\0'; p = g_utf8_next_char (p))
    {
      const gunichar c = g_utf8_get_char (p);
      const gboolean within_word = folded->str[folded->len - 1] != ' ';

      if (is_accent (c))
        continue;
      if (g_unichar_isalnum (c) || (within_word && g_unichar_ismark (c)))
        g_string_append_unichar (folded, c);
      else
        end_word (folded);
    }
}

/**
 * cbs_search_fold:
 * @text: a text, in UTF-8
 *
 * Brings a text into the form in which it is looked at: the letters, digits
 * and marks of each word, folded, between single spaces.
 *
 * Returns: (transfer full): the folded text; a single space if it has no words
 */
char *
cbs_search_fold (const char *text)
{
  GString *folded = NULL;

  g_return_val_if_fail (text != NULL, NULL);

  folded = g_string_new (" ");
  if (g_str_is_ascii (text))
    fold_ascii (folded, text);
  else
    fold_unicode (folded, text);
  end_word (folded);
  return g_string_free (folded, FALSE);
}

/* The fourth element of a tuple. */
static char *
dup_content (GBytes *body)
{
  static const CbJsonToken before[] = { CB_JSON_ARRAY_OPEN, CB_JSON_STRING, CB_JSON_STRING, CB_JSON_INTEGER };
  gsize len = 0;
  const char *text = g_bytes_get_data (body, &len);
  g_autoptr (CbJsonScanner) scanner = cb_json_scanner_new (len > 0 ? text : "", len);
  CbJsonToken token = CB_JSON_END;

  for (guint i = 0; i < G_N_ELEMENTS (before); i++)
    {
      if (!cb_json_scanner_next (scanner, &token, NULL) || token != before[i])
        return NULL;
    }
  if (!cb_json_scanner_next (scanner, &token, NULL) || token != CB_JSON_STRING)
    return NULL;

  return cb_json_scanner_dup_string (scanner);
}

/**
 * cbs_search_fold_body:
 * @body: what a message is stored as: the wire tuple in JSON
 *
 * Folds what a message says.
 *
 * Returns: (transfer full): the folded content; a single space if there is none
 */
char *
cbs_search_fold_body (GBytes *body)
{
  g_autofree char *content = NULL;

  g_return_val_if_fail (body != NULL, NULL);

  content = dup_content (body);
  return cbs_search_fold (content != NULL ? content : "");
}

/* Adds a term, unless nothing of it is part of a word. */
static void
add_term (CbsSearch  *self,
          const char *start,
          const char *end,
          gboolean    is_prefix)
{
  g_autofree char *text = g_strndup (start, (gsize) (end - start));
  g_autofree char *words = cbs_search_fold (text);
  Term *term = NULL;

  if (strcmp (words, " ") == 0)
    return;

  g_strchomp (words);
  term = g_new0 (Term, 1);
  term->words = g_steal_pointer (&words);
  term->is_prefix = is_prefix;
  g_ptr_array_add (self->terms, term);
}

/* Takes what stands between quotation marks, the second of which may be missing. */
static const char *
parse_phrase (CbsSearch  *self,
              const char *start)
{
  const char *end = strchr (start, '"');
  const gboolean is_prefix = end != NULL && end[1] == '*';

  if (end == NULL)
    end = start + strlen (start);
  add_term (self, start, end, is_prefix);
  if (*end == '"')
    end++;
  return end + (is_prefix ? 1 : 0);
}

static const char *
parse_word (CbsSearch  *self,
            const char *start)
{
  const char *end = start;

  while (*end != '\0' && *end != '"' && !g_unichar_isspace (g_utf8_get_char (end)))
    end = g_utf8_next_char (end);
  add_term (self, start, end, end > start && end[-1] == '*');
  return end;
}

static void
parse (CbsSearch  *self,
       const char *text)
{
  const char *p = text;

  while (*p != '\0')
    {
      if (*p == '"')
        p = parse_phrase (self, p + 1);
      else if (g_unichar_isspace (g_utf8_get_char (p)))
        p = g_utf8_next_char (p);
      else
        p = parse_word (self, p);
    }
}

static gboolean
check_text (const char *text,
            GError    **error)
{
  if (!g_utf8_validate (text, -1, NULL))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "The text to look for is no UTF-8");
      return FALSE;
    }
  if (g_utf8_strlen (text, -1) > CBS_SEARCH_MAX_CHARACTERS)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "The text to look for has more than %d characters", CBS_SEARCH_MAX_CHARACTERS);
      return FALSE;
    }

  return TRUE;
}

/**
 * cbs_search_new:
 * @text: what to look for: words, “"phrases"” and “prefixes*”; at most
 *   %CBS_SEARCH_MAX_CHARACTERS characters and %CBS_SEARCH_MAX_TERMS terms
 * @error: return location for a #GError
 *
 * Reads a text to look for. What is no part of a word only separates words,
 * as in the texts that are looked at: “foo-bar” is the phrase “foo bar”.
 *
 * Returns: (transfer full): what is looked for; %NULL with
 *   %G_IO_ERROR_INVALID_ARGUMENT if that is too much, or nothing
 */
CbsSearch *
cbs_search_new (const char *text,
                GError    **error)
{
  g_autoptr (CbsSearch) self = NULL;

  g_return_val_if_fail (text != NULL, NULL);

  if (!check_text (text, error))
    return NULL;

  self = g_new0 (CbsSearch, 1);
  self->terms = g_ptr_array_new_with_free_func ((GDestroyNotify) term_free);
  parse (self, text);
  if (self->terms->len > 0 && self->terms->len <= CBS_SEARCH_MAX_TERMS)
    return g_steal_pointer (&self);

  if (self->terms->len == 0)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "There is no word to look for");
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 "There are %u words and phrases to look for; %u are allowed",
                 self->terms->len, CBS_SEARCH_MAX_TERMS);
  return NULL;
}

/**
 * cbs_search_free:
 * @self: (transfer full): what was looked for
 *
 * Frees it.
 */
void
cbs_search_free (CbsSearch *self)
{
  g_return_if_fail (self != NULL);

  g_ptr_array_unref (self->terms);
  g_free (self);
}

/**
 * cbs_search_get_n_terms:
 * @self: what is looked for
 *
 * Gets how many words, phrases and prefixes it has.
 *
 * Returns: a number in 1..%CBS_SEARCH_MAX_TERMS
 */
guint
cbs_search_get_n_terms (const CbsSearch *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->terms->len;
}

/**
 * cbs_search_dup_expression:
 * @self: what is looked for
 *
 * Writes it down for FTS5. Every term is a string in quotation marks; a folded
 * word holds none, and nothing else that would be an operator.
 *
 * Returns: (transfer full): an expression
 */
char *
cbs_search_dup_expression (const CbsSearch *self)
{
  GString *expression = NULL;

  g_return_val_if_fail (self != NULL, NULL);

  expression = g_string_new (NULL);
  for (guint i = 0; i < self->terms->len; i++)
    {
      const Term *term = g_ptr_array_index (self->terms, i);

      g_string_append_printf (expression, "%s\"%s\"%s", i > 0 ? " AND " : "",
                              term->words + 1, term->is_prefix ? " *" : "");
    }
  return g_string_free (expression, FALSE);
}

/* The next place behind @from where the term stands; NULL: there is none. */
static const char *
find (const Term *term,
      const char *from)
{
  const gsize len = strlen (term->words);
  const char *place = strstr (from, term->words);

  while (place != NULL && !term->is_prefix && place[len] != ' ')
    place = strstr (place + 1, term->words);
  return place;
}

/**
 * cbs_search_matches:
 * @self: what is looked for
 * @folded: a folded text
 *
 * Tells whether the text holds all that is looked for.
 *
 * Returns: %TRUE if so
 */
gboolean
cbs_search_matches (const CbsSearch *self,
                    const char      *folded)
{
  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (folded != NULL, FALSE);

  for (guint i = 0; i < self->terms->len; i++)
    {
      if (find (g_ptr_array_index (self->terms, i), folded) == NULL)
        return FALSE;
    }
  return TRUE;
}

/**
 * cbs_search_count:
 * @self: what is looked for
 * @term: number of a term, from 0
 * @folded: a folded text
 *
 * Counts how often a term stands in the text.
 *
 * Returns: a number
 */
guint
cbs_search_count (const CbsSearch *self,
                  guint            term,
                  const char      *folded)
{
  guint n_found = 0;

  g_return_val_if_fail (self != NULL, 0);
  g_return_val_if_fail (term < self->terms->len, 0);

  for (const char *p = find (g_ptr_array_index (self->terms, term), folded);
       p != NULL;
       p = find (g_ptr_array_index (self->terms, term), p + 1))
    n_found++;
  return n_found;
}
