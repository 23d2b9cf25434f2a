/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-name.h"

#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uspoof.h>
#include <unicode/ustring.h>

#include "libchatterbox/cb-error.h"

/* NFC makes at most four code points into one, and UTF-8 spends at most four
 * bytes on each: a longer text cannot be a name, whatever it holds. */
#define MAX_BYTES (CB_NAME_MAX_CHARACTERS * 4u * 4u)

/* Casefolding makes at most three characters of one, a skeleton at most
 * eighteen of one (Unicode 15); in UTF-16 units. */
#define MAX_UNITS 4096

/**
 * CbName: (ref-func cb_name_ref) (unref-func cb_name_unref)
 *
 * A user name that has passed the rules, with what it is compared by.
 *
 * Immutable; may be shared by threads.
 *
 * Source: `docs/protocol.md`, “Names”.
 */
struct _CbName
{
  gatomicrefcount ref_count;
  char           *text;            /* NFC, as shown */
  char           *key;             /* casefolded, NFC: who it is */
  char           *skeleton;        /* UTS #39, of the text */
  char           *folded_skeleton; /* UTS #39, of the key */
  gboolean        ascii;
};

G_DEFINE_BOXED_TYPE (CbName, cb_name, cb_name_ref, cb_name_unref)

static const UNormalizer2 *
nfc (void)
{
  UErrorCode status = U_ZERO_ERROR;
  const UNormalizer2 *normalizer = unorm2_getNFCInstance (&status);

  /* Only an ICU without its data fails here. */
  if (U_FAILURE (status))
    g_error ("ICU has no NFC data: %s", u_errorName (status));
  return normalizer;
}

static const USpoofChecker *
spoof_checker (void)
{
  static gsize checker = 0;

  if (g_once_init_enter (&checker))
    {
      UErrorCode status = U_ZERO_ERROR;
      USpoofChecker *opened = uspoof_open (&status);

      if (U_FAILURE (status))
        g_error ("ICU has no confusables data: %s", u_errorName (status));
      g_once_init_leave (&checker, (gsize) opened);
    }

  return (const USpoofChecker *) checker;
}

static char *
units_to_utf8 (const UChar *units,
               int32_t      len)
{
  return g_utf16_to_utf8 ((const gunichar2 *) units, len, NULL, NULL, NULL);
}

/* NFC of @text; NULL where it is too long to be a name. */
static char *
normalize (const char *text)
{
  UChar units[MAX_UNITS];
  UChar composed[MAX_UNITS];
  UErrorCode status = U_ZERO_ERROR;
  int32_t len = 0;

  u_strFromUTF8 (units, MAX_UNITS, &len, text, -1, &status);
  len = unorm2_normalize (nfc (), units, len, composed, MAX_UNITS, &status);
  return U_SUCCESS (status) ? units_to_utf8 (composed, len) : NULL;
}

static char *
fold (const char *text)
{
  UChar units[MAX_UNITS];
  UChar folded[MAX_UNITS];
  UErrorCode status = U_ZERO_ERROR;
  int32_t len = 0;

  u_strFromUTF8 (units, MAX_UNITS, &len, text, -1, &status);
  len = u_strFoldCase (folded, MAX_UNITS, units, len, U_FOLD_CASE_DEFAULT, &status);
  len = unorm2_normalize (nfc (), folded, len, units, MAX_UNITS, &status);
  g_assert (U_SUCCESS (status));
  return units_to_utf8 (units, len);
}

static char *
make_skeleton (const char *text)
{
  char skeleton[MAX_UNITS];
  UErrorCode status = U_ZERO_ERROR;

  /* The type is ignored since ICU 58: there is one skeleton now. */
  uspoof_getSkeletonUTF8 (spoof_checker (), 0, text, -1, skeleton, sizeof skeleton, &status);
  g_assert (U_SUCCESS (status));
  return g_strdup (skeleton);
}

static gboolean
is_allowed (gunichar c)
{
  const UChar32 code = (UChar32) c;

  if (u_hasBinaryProperty (code, UCHAR_WHITE_SPACE) ||
      u_hasBinaryProperty (code, UCHAR_DEFAULT_IGNORABLE_CODE_POINT))
    return FALSE;

  return (U_GET_GC_MASK (code) & (U_GC_C_MASK | U_GC_Z_MASK)) == 0;
}

static gboolean
is_combining (gunichar c)
{
  return (U_GET_GC_MASK ((UChar32) c) & U_GC_M_MASK) != 0;
}

static gboolean
check_characters (const char *text,
                  GError    **error)
{
  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    {
      const gunichar c = g_utf8_get_char (p);

      if (!is_allowed (c))
        {
          g_set_error (error, CB_ERROR, CB_ERROR_INVALID_NAME,
                       "A name may not hold U+%04X: white space, control, format and "
                       "unassigned characters are not allowed",
                       c);
          return FALSE;
        }
    }

  return TRUE;
}

static gboolean
check_start (const char *text,
             GError    **error)
{
  const gunichar first = g_utf8_get_char (text);

  if (first == '@' || first == '/' || first == '#')
    {
      g_set_error (error, CB_ERROR, CB_ERROR_INVALID_NAME,
                   "A name may not begin with “%c”", (char) first);
      return FALSE;
    }
  /* It would be drawn onto whatever stands in front of the name. */
  if (is_combining (first))
    {
      g_set_error (error, CB_ERROR, CB_ERROR_INVALID_NAME,
                   "A name may not begin with the combining mark U+%04X", first);
      return FALSE;
    }

  return TRUE;
}

static gboolean
check_length (const char *text,
              GError    **error)
{
  const glong characters = g_utf8_strlen (text, -1);

  if (characters == 0)
    {
      g_set_error_literal (error, CB_ERROR, CB_ERROR_INVALID_NAME,
                           "A name needs at least one character");
      return FALSE;
    }
  if (characters > (glong) CB_NAME_MAX_CHARACTERS)
    {
      g_set_error (error, CB_ERROR, CB_ERROR_INVALID_NAME,
                   "The name has %ld characters; the limit is %u",
                   characters, CB_NAME_MAX_CHARACTERS);
      return FALSE;
    }

  return TRUE;
}

/* Whether people could take the name for @word, as two users' names may not be taken for each other. */
static gboolean
looks_like (CbName     *self,
            const char *word)
{
  g_autofree char *upper = NULL;
  g_autofree char *skeleton = NULL;
  g_autofree char *upper_skeleton = NULL;

  if (strcmp (self->key, word) == 0)
    return TRUE;
  if (self->ascii)
    return FALSE;

  upper = g_ascii_strup (word, -1);
  skeleton = make_skeleton (word);
  upper_skeleton = make_skeleton (upper);
  return strcmp (self->skeleton, skeleton) == 0 || strcmp (self->skeleton, upper_skeleton) == 0 ||
         strcmp (self->folded_skeleton, skeleton) == 0;
}

static gboolean
check_reserved (CbName  *self,
                GError **error)
{
  static const char *const words[] = { "all", "server" };

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    {
      if (!looks_like (self, words[i]))
        continue;

      g_set_error (error, CB_ERROR, CB_ERROR_INVALID_NAME,
                   "The name “%s” is reserved, or looks like one that is", self->text);
      return FALSE;
    }

  return TRUE;
}

/**
 * cb_name_new:
 * @text: a name as somebody typed or sent it
 * @error: return location for a #GError
 *
 * Normalises @text to NFC and checks it: 1 to [const@Cb.NAME_MAX_CHARACTERS]
 * characters; no white space, control, format, bidi, invisible, private-use
 * or unassigned ones; no leading `@`, `/`, `#` or combining mark; not `ALL`
 * or `SERVER` in any case, nor what people could take for them.
 *
 * Source: `docs/protocol.md`, “Names”.
 *
 * Returns: (transfer full): the name, or %NULL with
 *   [error@Cb.Error.INVALID_NAME], whose message names the rule
 */
CbName *
cb_name_new (const char *text,
             GError    **error)
{
  g_autoptr (CbName) self = NULL;
  g_autofree char *normalized = NULL;

  g_return_val_if_fail (text != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (strlen (text) > MAX_BYTES)
    {
      g_set_error (error, CB_ERROR, CB_ERROR_INVALID_NAME,
                   "The name has %" G_GSIZE_FORMAT " bytes; no name of %u characters needs more than %u",
                   strlen (text), CB_NAME_MAX_CHARACTERS, MAX_BYTES);
      return NULL;
    }

  normalized = normalize (text);
  if (normalized == NULL)
    {
      g_set_error_literal (error, CB_ERROR, CB_ERROR_INVALID_NAME, "The name is not valid UTF-8");
      return NULL;
    }
  if (!check_length (normalized, error) ||
      !check_characters (normalized, error) ||
      !check_start (normalized, error))
    return NULL;

  self = g_new0 (CbName, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->text = g_steal_pointer (&normalized);
  self->key = fold (self->text);
  self->skeleton = make_skeleton (self->text);
  self->folded_skeleton = make_skeleton (self->key);
  self->ascii = g_str_is_ascii (self->text);
  if (!check_reserved (self, error))
    return NULL;

  return g_steal_pointer (&self);
}

/**
 * cb_name_ref:
 * @self: a name
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self
 */
CbName *
cb_name_ref (CbName *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * cb_name_unref:
 * @self: (transfer full): a name
 *
 * Drops a reference; the last one frees the name.
 */
void
cb_name_unref (CbName *self)
{
  g_return_if_fail (self != NULL);

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_free (self->text);
  g_free (self->key);
  g_free (self->skeleton);
  g_free (self->folded_skeleton);
  g_free (self);
}

/**
 * cb_name_get_text:
 * @self: a name
 *
 * Gets the name in NFC, as it is shown.
 *
 * Returns: 1 to [const@Cb.NAME_MAX_CHARACTERS] characters of UTF-8
 */
const char *
cb_name_get_text (CbName *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->text;
}

/**
 * cb_name_get_key:
 * @self: a name
 *
 * Gets what identifies the user: the name casefolded, in NFC. Names of equal
 * keys are spellings of one user.
 *
 * Returns: the key, in UTF-8
 */
const char *
cb_name_get_key (CbName *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->key;
}

/**
 * cb_name_get_skeleton:
 * @self: a name
 *
 * Gets the confusable skeleton of the name as shown.
 *
 * Source: Unicode Technical Standard #39, section 4.
 *
 * Returns: the skeleton, in UTF-8; only fit to be compared
 */
const char *
cb_name_get_skeleton (CbName *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->skeleton;
}

/**
 * cb_name_get_folded_skeleton:
 * @self: a name
 *
 * Gets the confusable skeleton of the key: it catches a name that looks like
 * another spelling of somebody's name.
 *
 * Returns: the skeleton, in UTF-8; only fit to be compared
 */
const char *
cb_name_get_folded_skeleton (CbName *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->folded_skeleton;
}

/**
 * cb_name_is_ascii:
 * @self: a name
 *
 * Tells whether every character of the name is ASCII.
 *
 * Returns: %TRUE if so
 */
gboolean
cb_name_is_ascii (CbName *self)
{
  g_return_val_if_fail (self != NULL, FALSE);

  return self->ascii;
}

/**
 * cb_name_clashes:
 * @self: a name
 * @other: another name
 *
 * Tells whether the two may not be in use at once: their keys are equal, or
 * one of them is not ASCII and people could take one for the other. Two ASCII
 * names clash only by case: `barn` and `bam` may both be here.
 *
 * Returns: %TRUE if they clash
 */
gboolean
cb_name_clashes (CbName *self,
                 CbName *other)
{
  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (other != NULL, FALSE);

  if (strcmp (self->key, other->key) == 0)
    return TRUE;
  if (self->ascii && other->ascii)
    return FALSE;

  return strcmp (self->skeleton, other->skeleton) == 0 ||
         strcmp (self->folded_skeleton, other->folded_skeleton) == 0;
}
