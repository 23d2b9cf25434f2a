/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "server/log/cbs-search.h"

static CbsSearch *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  CbsSearch *search = cbs_search_new (text, &error);

  g_assert_no_error (error);
  g_assert_nonnull (search);
  return search;
}

static void
assert_refused (const char *text,
                const char *reason)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (cbs_search_new (text, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, reason));
}

static void
test_search_fold (void)
{
  static const struct
  {
    const char *text;
    const char *folded;
  } cases[] = {
    { "", " " },
    { " .,; ", " " },
    { "Hello", " hello " },
    { "  Hello,   World! ", " hello world " },
    { "don't foo_bar a-b 4.2", " don t foo bar a b 4 2 " },
    { "Crème BRÛLÉE", " creme brulee " },
    /* The same, taken apart. */
    { "Cre\u0300me", " creme " },
    { "Straße STRASSE", " strasse strasse " },
    { "ÅNGSTRÖM", " angstrom " },
    { "ﬁn Ⅳ １２", " fin iv 12 " },
    { "Ελλάδα", " ελλαδα " },
    { "ЁЖ", " еж " },
    { "שָׁלוֹם", " שלום " },
    /* Signs that make up a word stay in it. */
    { "हिन्दी", " हिन्दी " },
    { "漢字。かな", " 漢字 かな " },
    /* Neither the sign nor what chooses its looks is a word. */
    { "a ❤\ufe0f b", " a b " },
    { "1\ufe0f\u20e3", " 1 " },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *folded = cbs_search_fold (cases[i].text);
      g_autofree char *again = cbs_search_fold (folded);

      g_assert_cmpstr (folded, ==, cases[i].folded);
      g_assert_cmpstr (again, ==, folded);
    }
}

static void
test_search_fold_body (void)
{
  static const struct
  {
    const char *body;
    const char *folded;
  } cases[] = {
    { "[\"Ada\",\"ALL\",1700000000,\"What's up\"]", " what s up " },
    { "[\"Ada\",\"ALL\",1700000000,\"caf\\u00e9\\nbar\"]", " cafe bar " },
    { "[\"Ada\",\"ALL\",1700000000,\"\"]", " " },
    /* Whatever else is stored has no words. */
    { "", " " },
    { "[]", " " },
    { "[\"Ada\",\"ALL\",1700000000]", " " },
    { "[\"Ada\",\"ALL\",\"x\",\"y\"]", " " },
    { "[\"Ada\",\"ALL\",17", " " },
    { "garbage", " " },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GBytes) body = g_bytes_new_static (cases[i].body, strlen (cases[i].body));
      g_autofree char *folded = cbs_search_fold_body (body);

      g_assert_cmpstr (folded, ==, cases[i].folded);
    }
}

static void
test_search_expression (void)
{
  static const struct
  {
    const char *text;
    const char *expression;
  } cases[] = {
    { "hello", "\"hello\"" },
    { "Hello World", "\"hello\" AND \"world\"" },
    { "\"Hello World\"", "\"hello world\"" },
    { "hel*", "\"hel\" *" },
    { "\"hello wor\"*", "\"hello wor\" *" },
    { "\"hello\"world", "\"hello\" AND \"world\"" },
    { "hello\"big world\"", "\"hello\" AND \"big world\"" },
    { "foo-bar", "\"foo bar\"" },
    /* The second quotation mark is missing. */
    { "a \"b c", "\"a\" AND \"b c\"" },
    { "\"\" a \" \" * ?", "\"a\"" },
    { "*a a*b", "\"a\" AND \"a b\"" },
    /* What FTS5 would take for its own. */
    { "a OR b", "\"a\" AND \"or\" AND \"b\"" },
    { "NOT NEAR(a b)", "\"not\" AND \"near a\" AND \"b\"" },
    { "content:x ^y {z}", "\"content x\" AND \"y\" AND \"z\"" },
    { "x'; DROP TABLE y", "\"x\" AND \"drop\" AND \"table\" AND \"y\"" },
    { "a\u3000b", "\"a\" AND \"b\"" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbsSearch) search = parse (cases[i].text);
      g_autofree char *expression = cbs_search_dup_expression (search);

      g_assert_cmpstr (expression, ==, cases[i].expression);
    }
}

static void
test_search_nothing (void)
{
  static const char *const texts[] = { "", " ", "*", "\"", "\"\"", "\" \"*", "?! ...", "🙂", "\u0301" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    assert_refused (texts[i], "no word");
}

static void
test_search_too_long (void)
{
  g_autofree char *longest = g_strnfill (CBS_SEARCH_MAX_CHARACTERS - 1, 'x');
  g_autofree char *most = g_strconcat (longest, "é", NULL);
  g_autofree char *too_long = g_strconcat (longest, "éé", NULL);
  g_autoptr (CbsSearch) search = parse (most);

  g_assert_cmpuint (cbs_search_get_n_terms (search), ==, 1);
  assert_refused (too_long, "256 characters");
}

static void
test_search_too_many (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (CbsSearch) search = NULL;

  for (guint i = 0; i < CBS_SEARCH_MAX_TERMS; i++)
    g_string_append (text, "a ? ");
  search = parse (text->str);
  g_assert_cmpuint (cbs_search_get_n_terms (search), ==, CBS_SEARCH_MAX_TERMS);

  g_string_append (text, "a");
  assert_refused (text->str, "17 words");
}

static void
test_search_no_utf8 (void)
{
  assert_refused ("a\xff", "UTF-8");
}

static void
test_search_matches (void)
{
  static const struct
  {
    const char *search;
    const char *text;
    gboolean    matches;
  } cases[] = {
    { "tea", "Tea for two", TRUE },
    { "tea", "steam", FALSE },
    { "tea", "teas", FALSE },
    { "tea*", "teas", TRUE },
    { "tea*", "steam", FALSE },
    { "tea two", "two teas", FALSE },
    { "two tea", "tea for two", TRUE },
    { "\"for two\"", "tea for two", TRUE },
    { "\"tea two\"", "tea for two", FALSE },
    { "\"for two\"", "for two hundred", TRUE },
    { "\"for two\"", "for twos", FALSE },
    { "\"for tw\"*", "for twos", TRUE },
    { "\"for two\"", "for twos, for two", TRUE },
    { "TÉA", "tea", TRUE },
    { "tea", "TÉA", TRUE },
    { "a b", "b c", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbsSearch) search = parse (cases[i].search);
      g_autofree char *folded = cbs_search_fold (cases[i].text);

      g_assert_cmpint (cbs_search_matches (search, folded), ==, cases[i].matches);
    }
}

static void
test_search_count (void)
{
  g_autoptr (CbsSearch) search = parse ("a ab* \"a a\" z");
  g_autofree char *folded = cbs_search_fold ("a a a ab abc b");

  g_assert_cmpuint (cbs_search_count (search, 0, folded), ==, 3);
  g_assert_cmpuint (cbs_search_count (search, 1, folded), ==, 2);
  g_assert_cmpuint (cbs_search_count (search, 2, folded), ==, 2);
  g_assert_cmpuint (cbs_search_count (search, 3, folded), ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/search/fold/text", test_search_fold);
  g_test_add_func ("/search/fold/body", test_search_fold_body);
  g_test_add_func ("/search/parse/expression", test_search_expression);
  g_test_add_func ("/search/parse/nothing", test_search_nothing);
  g_test_add_func ("/search/parse/too-long", test_search_too_long);
  g_test_add_func ("/search/parse/too-many", test_search_too_many);
  g_test_add_func ("/search/parse/no-utf8", test_search_no_utf8);
  g_test_add_func ("/search/matches", test_search_matches);
  g_test_add_func ("/search/count", test_search_count);

  return g_test_run ();
}
