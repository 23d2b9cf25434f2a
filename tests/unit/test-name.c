/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "libchatterbox/cb-error.h"
#include "libchatterbox/cb-name.h"

/* A name of the greatest length. */
#define X32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static CbName *
make (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CbName) name = cb_name_new (text, &error);

  g_assert_no_error (error);
  g_assert_nonnull (name);
  return g_steal_pointer (&name);
}

static const struct
{
  const char *name;
  const char *text;
  const char *shown; /* NULL: as it was given */
  const char *key;
} accepted[] = {
  { "one-character", "a", NULL, "a" },
  { "longest", X32, NULL, X32 },
  { "case", "AdA", NULL, "ada" },
  { "digits", "007", NULL, "007" },
  { "punctuation", "a.b-c_d!", NULL, "a.b-c_d!" },
  { "markers-within", "a@b/c#d", NULL, "a@b/c#d" },
  { "longer-than-reserved", "allserver", NULL, "allserver" },
  { "part-of-reserved", "serve", NULL, "serve" },
  { "like-reserved-in-ascii", "A11", NULL, "a11" },
  { "nfc", "\xc3\xa9", "\xc3\xa9", "\xc3\xa9" },
  { "nfd", "e\xcc\x81", "\xc3\xa9", "\xc3\xa9" },
  { "nfd-upper", "E\xcc\x81", "\xc3\x89", "\xc3\xa9" },
  { "nfd-order", "a\xcc\xa3\xcc\x82", "\xe1\xba\xad", "\xe1\xba\xad" },
  { "nfd-reordered", "a\xcc\x82\xcc\xa3", "\xe1\xba\xad", "\xe1\xba\xad" },
  { "mark-without-composition", "x\xcc\x81", NULL, "x\xcc\x81" },
  { "angstrom-sign", "\xe2\x84\xab", "\xc3\x85", "\xc3\xa5" },
  { "kelvin-sign", "\xe2\x84\xaa", "K", "k" },
  { "no-nfkc", "\xef\xac\x81n", "\xef\xac\x81n", "fin" },
  { "sharp-s", "straße", NULL, "strasse" },
  { "capital-sharp-s", "STRAẞE", NULL, "strasse" },
  { "dotted-capital-i", "İ", NULL, "i\xcc\x87" },
  { "dotless-i", "ı", NULL, "ı" },
  { "final-sigma", "Σίσυφος", NULL, "σίσυφοσ" },
  { "long-s", "ſon", NULL, "son" },
  { "han", "王小明", NULL, "王小明" },
  { "hangul-decomposed", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "한", "한" },
  { "right-to-left", "نور", NULL, "نور" },
  { "emoji", "😀", NULL, "😀" },
};

static void
test_name_accepted (gconstpointer user_data)
{
  const gsize i = GPOINTER_TO_SIZE (user_data);
  const char *shown = accepted[i].shown != NULL ? accepted[i].shown : accepted[i].text;
  g_autoptr (CbName) name = make (accepted[i].text);

  g_assert_cmpstr (cb_name_get_text (name), ==, shown);
  g_assert_cmpstr (cb_name_get_key (name), ==, accepted[i].key);
  g_assert_true (cb_name_is_ascii (name) == g_str_is_ascii (shown));
}

/* The message has to name the rule. */
static const struct
{
  const char *name;
  const char *text;
  const char *reason;
} refused[] = {
  { "empty", "", "at least one" },
  { "33-characters", X32 "a", "33 characters; the limit is 32" },
  { "513-bytes", X32 X32 X32 X32 X32 X32 X32 X32 X32 X32 X32 X32 X32 X32 X32 X32 "a", "513 bytes" },
  { "leading-at", "@ada", "begin with “@”" },
  { "leading-solidus", "/ada", "begin with “/”" },
  { "leading-hash", "#ada", "begin with “#”" },
  { "leading-mark", "\xcc\x81" "e", "combining mark U+0301" },
  { "leading-enclosing-mark", "\xe2\x83\x9d" "e", "combining mark U+20DD" },
  { "all", "all", "reserved" },
  { "all-upper", "ALL", "reserved" },
  { "all-mixed", "aLl", "reserved" },
  { "server", "server", "reserved" },
  { "server-upper", "SERVER", "reserved" },
  { "server-mixed", "Server", "reserved" },
  { "all-cyrillic", "\xd0\x90LL", "reserved" },
  { "all-greek", "\xce\x91LL", "reserved" },
  { "all-cyrillic-lower", "\xd0\xb0ll", "reserved" },
  { "all-full-width", "ＡＬＬ", "reserved" },
  { "server-cyrillic", "s\xd0\xb5rver", "reserved" },
  { "server-long-s", "\xc5\xbf" "erver", "reserved" },
  { "space", "a b", "U+0020" },
  { "space-leading", " a", "U+0020" },
  { "space-trailing", "a ", "U+0020" },
  { "space-only", " ", "U+0020" },
  { "tabulator", "a\tb", "U+0009" },
  { "newline", "a\n", "U+000A" },
  { "next-line", "a\xc2\x85", "U+0085" },
  { "no-break-space", "a\xc2\xa0" "b", "U+00A0" },
  { "ogham-space", "\xe1\x9a\x80", "U+1680" },
  { "em-space", "a\xe2\x80\x83", "U+2003" },
  { "line-separator", "a\xe2\x80\xa8", "U+2028" },
  { "ideographic-space", "a\xe3\x80\x80", "U+3000" },
  { "control", "a\x01", "U+0001" },
  { "escape", "\x1b[31m", "U+001B" },
  { "delete", "a\x7f", "U+007F" },
  { "control-c1", "a\xc2\x9b", "U+009B" },
  { "soft-hyphen", "a\xc2\xad" "b", "U+00AD" },
  { "zero-width-space", "a\xe2\x80\x8b", "U+200B" },
  { "zero-width-joiner", "a\xe2\x80\x8d" "b", "U+200D" },
  { "word-joiner", "a\xe2\x81\xa0", "U+2060" },
  { "byte-order-mark", "\xef\xbb\xbf" "a", "U+FEFF" },
  { "tag", "a\xf3\xa0\x81\xa1", "U+E0061" },
  { "bidi-left-to-right-mark", "a\xe2\x80\x8e", "U+200E" },
  { "bidi-arabic-letter-mark", "a\xd8\x9c", "U+061C" },
  { "bidi-override", "a\xe2\x80\xae", "U+202E" },
  { "bidi-isolate", "a\xe2\x81\xa7", "U+2067" },
  { "invisible-grapheme-joiner", "a\xcd\x8f", "U+034F" },
  { "invisible-variation-selector", "a\xef\xb8\x8f", "U+FE0F" },
  { "invisible-hangul-filler", "\xe3\x85\xa4", "U+3164" },
  { "private-use", "\xee\x80\x80", "U+E000" },
  { "private-use-plane-16", "a\xf4\x80\x80\x80", "U+100000" },
  { "unassigned", "a\xcd\xb8", "U+0378" },
  { "noncharacter", "a\xef\xbf\xbf", "U+FFFF" },
  { "utf8-invalid", "a\xff", "UTF-8" },
  { "utf8-cut", "a\xc3", "UTF-8" },
  { "utf8-overlong", "\xc1\xa1", "UTF-8" },
  { "utf8-surrogate", "\xed\xa0\x80", "UTF-8" },
  { "utf8-beyond", "\xf4\x90\x80\x80", "UTF-8" },
};

static void
test_name_refused (gconstpointer user_data)
{
  const gsize i = GPOINTER_TO_SIZE (user_data);
  g_autoptr (GError) error = NULL;

  g_assert_null (cb_name_new (refused[i].text, &error));
  g_assert_error (error, CB_ERROR, CB_ERROR_INVALID_NAME);
  if (strstr (error->message, refused[i].reason) == NULL)
    g_error ("“%s” does not say “%s”", error->message, refused[i].reason);
}

/* What counts is what is left after NFC: even of four characters each, of which NFC makes one. */
static void
test_name_length_after_nfc (void)
{
  static const char *units[] = {
    "e\xcc\x81", "\xce\xb1\xcc\x93\xcc\x80\xcd\x85", "\xf0\x91\x82\xa5\xf0\x91\x82\xba", "😀",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (units); i++)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      g_autoptr (CbName) name = NULL;
      g_autoptr (GError) error = NULL;

      for (guint n = 0; n < CB_NAME_MAX_CHARACTERS; n++)
        g_string_append (text, units[i]);
      name = make (text->str);
      g_assert_cmpint (g_utf8_strlen (cb_name_get_text (name), -1), ==, CB_NAME_MAX_CHARACTERS);

      g_string_append (text, units[i]);
      g_assert_null (cb_name_new (text->str, &error));
      g_assert_error (error, CB_ERROR, CB_ERROR_INVALID_NAME);
      g_assert_nonnull (strstr (error->message, "33 characters"));
    }
}

/* The error of a text of any size is short, and it is found without reading the text as Unicode. */
static void
test_name_huge (void)
{
  g_autofree char *text = g_strnfill (16 * 1024 * 1024, 'a');
  g_autoptr (GError) error = NULL;

  g_assert_null (cb_name_new (text, &error));
  g_assert_error (error, CB_ERROR, CB_ERROR_INVALID_NAME);
  g_assert_cmpuint (strlen (error->message), <, 200);
}

/* The characters that casefolding and the confusables make most of still fit. */
static void
test_name_longest_skeletons (void)
{
  static const gunichar most[] = { 0xfdfa, 0xfdfb, 0x0390, 0x1fb7, 0xfb03, 0x1f8f, 0x2a74, 0x33ff, 0x1f16a };

  for (gsize i = 0; i < G_N_ELEMENTS (most); i++)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      g_autoptr (CbName) one = NULL;
      g_autoptr (CbName) name = NULL;

      g_string_append_unichar (text, most[i]);
      one = make (text->str);
      for (guint n = 1; n < CB_NAME_MAX_CHARACTERS; n++)
        g_string_append_unichar (text, most[i]);
      name = make (text->str);

      g_test_message ("U+%04X", most[i]);
      g_assert_cmpuint (strlen (cb_name_get_folded_skeleton (name)), >=, 32);
      g_assert_true (g_str_has_prefix (cb_name_get_key (name), cb_name_get_key (one)));
    }
}

/* Of every character: what identifies a user is itself a name, and identifies the same user. */
static void
test_name_key_is_stable (void)
{
  guint n_names = 0;

  for (gunichar c = 1; c < 0x20000; c++)
    {
      char text[7] = { '\0', };
      g_autoptr (CbName) name = NULL;
      g_autoptr (CbName) again = NULL;

      /* Han and Hangul have no case. */
      if ((c >= 0x3400 && c < 0xa000) || (c >= 0xac00 && c < 0xe000))
        continue;
      text[g_unichar_to_utf8 (c, text)] = '\0';
      name = cb_name_new (text, NULL);
      if (name == NULL)
        continue;

      n_names++;
      again = make (cb_name_get_key (name));
      if (strcmp (cb_name_get_key (again), cb_name_get_key (name)) != 0 || !cb_name_clashes (name, again))
        g_error ("The key of U+%04X is not stable", c);
    }

  g_assert_cmpuint (n_names, >, 20000);
}

static void
test_name_clashes (void)
{
  static const struct
  {
    const char *left;
    const char *right;
    gboolean    expected;
  } cases[] = {
    { "ada", "ada", TRUE },
    { "ada", "ADA", TRUE },
    { "ada", "adb", FALSE },
    { "ada", "adaa", FALSE },
    /* Two ASCII names clash by case only, however alike they look. */
    { "barn", "bam", FALSE },
    { "paypal", "paypa1", FALSE },
    { "Ida", "lda", FALSE },
    { "0o0", "OoO", FALSE },
    { "modern", "modem", FALSE },
    /* Case beyond ASCII. */
    { "straße", "STRASSE", TRUE },
    { "straße", "STRAẞE", TRUE },
    { "straße", "strase", FALSE },
    { "ΣΊΣΥΦΟΣ", "σίσυφος", TRUE },
    { "σίσυφος", "σίσυφοσ", TRUE },
    { "İda", "i\xcc\x87" "da", TRUE },
    { "İda", "İDA", TRUE },
    { "\xef\xac\x81n", "FIN", TRUE },
    { "ÉVE", "e\xcc\x81ve", TRUE },
    { "éve", "eve", FALSE },
    /* Confusables, with one end at least beyond ASCII: Cyrillic, Greek, Latin. */
    { "\xd0\xb0" "d\xd0\xb0", "ada", TRUE },
    { "\xd0\xb0" "d\xd0\xb0", "ADA", TRUE },
    { "\xd0\x90" "D\xd0\x90", "ada", TRUE },
    { "\xd0\x90" "D\xd0\x90", "ADA", TRUE },
    { "\xce\x91" "da", "Ada", TRUE },
    { "\xd1\x80\xd0\xb0ypal", "paypal", TRUE },
    { "\xd1\x80\xd0\xb0ypal", "раураl", TRUE },
    { "b\xce\xbf" "b", "bob", TRUE },
    { "ıda", "ida", TRUE },
    { "ɑda", "ada", TRUE },
    { "b\xd0\xb0rn", "barn", TRUE },
    { "b\xd0\xb0rn", "bam", TRUE },
    { "b\xd0\xb0m", "barn", TRUE },
    { "\xd0\xb0" "d\xd0\xb0", "adb", FALSE },
    { "дима", "dima", FALSE },
    { "王", "玉", FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbName) left = make (cases[i].left);
      g_autoptr (CbName) right = make (cases[i].right);

      g_test_message ("%s, %s", cases[i].left, cases[i].right);
      g_assert_true (cb_name_clashes (left, right) == cases[i].expected);
      g_assert_true (cb_name_clashes (right, left) == cases[i].expected);
      g_assert_true (cb_name_clashes (left, left));
    }
}

/* A registry looks clashes up by these; they have to agree with cb_name_clashes(). */
static void
test_name_skeletons (void)
{
  g_autoptr (CbName) latin = make ("Ada");
  g_autoptr (CbName) mixed = make ("\xd0\x90" "da");

  g_assert_cmpstr (cb_name_get_skeleton (latin), ==, cb_name_get_skeleton (mixed));
  g_assert_cmpstr (cb_name_get_folded_skeleton (latin), ==, cb_name_get_folded_skeleton (mixed));
  g_assert_cmpstr (cb_name_get_skeleton (latin), !=, cb_name_get_folded_skeleton (latin));
  g_assert_cmpstr (cb_name_get_key (latin), !=, cb_name_get_key (mixed));
}

static void
test_name_boxed (void)
{
  g_auto (GValue) value = G_VALUE_INIT;
  g_autoptr (CbName) name = make ("ada");

  g_value_init (&value, CB_TYPE_NAME);
  g_value_set_boxed (&value, name);
  g_clear_pointer (&name, cb_name_unref);
  g_assert_cmpstr (cb_name_get_text (g_value_get_boxed (&value)), ==, "ada");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (accepted); i++)
    {
      g_autofree char *path = g_strconcat ("/name/accepted/", accepted[i].name, NULL);

      g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_name_accepted);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autofree char *path = g_strconcat ("/name/refused/", refused[i].name, NULL);

      g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_name_refused);
    }
  g_test_add_func ("/name/length-after-nfc", test_name_length_after_nfc);
  g_test_add_func ("/name/huge", test_name_huge);
  g_test_add_func ("/name/longest-skeletons", test_name_longest_skeletons);
  g_test_add_func ("/name/key-is-stable", test_name_key_is_stable);
  g_test_add_func ("/name/clashes", test_name_clashes);
  g_test_add_func ("/name/skeletons", test_name_skeletons);
  g_test_add_func ("/name/boxed", test_name_boxed);

  return g_test_run ();
}
