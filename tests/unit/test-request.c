/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "libchatterbox/cb-error.h"
#include "libchatterbox/cb-json.h"
#include "libchatterbox/cb-request.h"

#define KEY_A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define KEY_B "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define KEY_B_UPPER "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"

/* Parses one kind of request and writes it again, all members that are not at their default; NULL
 * with an error. */
typedef char *(*Rewrite) (const char *json,
                          GError    **error);

static char *
rewrite_history (const char *json,
                 GError    **error)
{
  g_autoptr (CbHistoryRequest) request = cb_history_request_parse (json, error);
  g_autoptr (GString) out = g_string_new (NULL);

  if (request == NULL)
    return NULL;
  cb_history_request_append_json (request, out);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static char *
rewrite_resume (const char *json,
                GError    **error)
{
  g_autoptr (CbResume) request = cb_resume_parse (json, error);
  g_autoptr (GString) out = g_string_new (NULL);

  if (request == NULL)
    return NULL;
  cb_resume_append_json (request, out);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static char *
rewrite_search (const char *json,
                GError    **error)
{
  g_autoptr (CbSearchRequest) request = cb_search_request_parse (json, error);
  g_autoptr (GString) out = g_string_new (NULL);

  if (request == NULL)
    return NULL;
  cb_search_request_append_json (request, out);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static char *
rewrite_users (const char *json,
               GError    **error)
{
  g_autoptr (CbUsersRequest) request = cb_users_request_parse (json, error);
  g_autoptr (GString) out = g_string_new (NULL);

  if (request == NULL)
    return NULL;
  cb_users_request_append_json (request, out);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static char *
rewrite_blocks (const char *json,
                GError    **error)
{
  g_autoptr (CbChangeRequest) request = cb_blocks_request_parse (json, error);
  g_autoptr (GString) out = g_string_new (NULL);

  if (request == NULL)
    return NULL;
  cb_blocks_request_append_json (request, out);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static char *
rewrite_keys (const char *json,
              GError    **error)
{
  g_autoptr (CbChangeRequest) request = cb_keys_request_parse (json, error);
  g_autoptr (GString) out = g_string_new (NULL);

  if (request == NULL)
    return NULL;
  cb_keys_request_append_json (request, out);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static char *
rewrite_markers (const char *json,
                 GError    **error)
{
  g_autoptr (GPtrArray) markers = cb_read_markers_parse (json, error);
  g_autoptr (GString) out = g_string_new (NULL);

  if (markers == NULL)
    return NULL;
  cb_read_markers_append_json (markers, out);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static char *
rewrite_number (const char *json,
                GError    **error)
{
  gint64 number = -42;

  if (!cb_request_number_parse (json, &number, error))
    {
      g_assert_cmpint (number, ==, -42);
      return NULL;
    }
  return g_strdup_printf ("%" G_GINT64_FORMAT, number);
}

static const struct
{
  const char *name;
  Rewrite     rewrite;
  const char *json;
  const char *expected;
} accepted[] = {
  { "history/empty", rewrite_history, "{}", "{\"limit\":100}" },
  { "history/newest", rewrite_history, "{\"with\":\"ALL\",\"limit\":1}", "{\"with\":\"ALL\",\"limit\":1}" },
  { "history/before", rewrite_history, "{\"before\":0}", "{\"before\":0,\"limit\":100}" },
  { "history/after", rewrite_history, " { \"limit\" : 500, \"after\" : 9007199254740992 } ",
    "{\"after\":9007199254740992,\"limit\":500}" },
  { "history/around", rewrite_history, "{\"around\":7,\"with\":\"\\u017eofie\"}",
    "{\"with\":\"\\u017eofie\",\"around\":7,\"limit\":100}" },
  { "history/unknown-member", rewrite_history, "{\"x\":{\"limit\":[0]},\"limit\":2,\"Before\":null}", "{\"limit\":2}" },
  { "resume/empty", rewrite_resume, "{}", "{}" },
  { "resume/after", rewrite_resume, "{\"after\":0}", "{\"after\":0}" },
  { "resume/after-log", rewrite_resume, "{\"log\":\"0123456789abcdef0123456789abcdef\",\"after\":12}",
    "{\"after\":12,\"log\":\"0123456789abcdef0123456789abcdef\"}" },
  { "resume/limit", rewrite_resume, "{\"limit\":9007199254740992}", "{\"limit\":9007199254740992}" },
  { "resume/limit-none", rewrite_resume, "{\"limit\":0}", "{\"limit\":0}" },
  { "search/text", rewrite_search, "{\"text\":\"tea\"}", "{\"text\":\"tea\",\"limit\":50}" },
  { "search/all", rewrite_search,
    "{\"limit\":500,\"before\":9,\"order\":\"rank\",\"until\":253402300799,"
    "\"since\":1,\"from\":\"bob\",\"with\":\"ada\","
    "\"text\":\"a \\\"b c\\\" d*\"}",
    "{\"text\":\"a \\\"b c\\\" d*\",\"with\":\"ada\",\"from\":\"bob\",\"since\":1,\"until\":253402300799,"
    "\"order\":\"rank\",\"before\":9,\"limit\":500}" },
  { "search/newest", rewrite_search, "{\"text\":\"x\",\"order\":\"newest\"}", "{\"text\":\"x\",\"limit\":50}" },
  { "search/zeros", rewrite_search, "{\"text\":\"x\",\"since\":0,\"until\":0,\"before\":0}",
    "{\"text\":\"x\",\"limit\":50}" },
  { "users/empty", rewrite_users, "{}", "{\"online\":false,\"limit\":1000}" },
  { "users/all", rewrite_users, "{\"after\":\"bob\",\"online\":true,\"limit\":1}",
    "{\"online\":true,\"after\":\"bob\",\"limit\":1}" },
  { "blocks/empty", rewrite_blocks, "{}", "{\"block\":[],\"unblock\":[]}" },
  { "blocks/both", rewrite_blocks, "{\"unblock\":[\"cy\"],\"block\":[\"ada\",\"b\\u00f6b\"]}",
    "{\"block\":[\"ada\",\"b\\u00f6b\"],\"unblock\":[\"cy\"]}" },
  { "keys/empty", rewrite_keys, "{\"add\":[]}", "{\"add\":[],\"revoke\":[]}" },
  { "keys/both", rewrite_keys, "{\"add\":[\"" KEY_A "\"],\"revoke\":[\"" KEY_B "\"]}",
    "{\"add\":[\"" KEY_A "\"],\"revoke\":[\"" KEY_B "\"]}" },
  { "keys/upper-case", rewrite_keys, "{\"add\":[\"" KEY_B_UPPER "\"]}", "{\"add\":[\"" KEY_B "\"],\"revoke\":[]}" },
  { "read/empty", rewrite_markers, "{}", "{}" },
  { "read/several", rewrite_markers, "{ \"bob\" : 9, \"ALL\" : 0, \"\\u017e\":9007199254740992 }",
    "{\"bob\":9,\"ALL\":0,\"\\u017e\":9007199254740992}" },
  { "number/zero", rewrite_number, "0", "0" },
  { "number/largest", rewrite_number, " 9007199254740992 ", "9007199254740992" },
};

static void
test_request_accepted (gconstpointer user_data)
{
  const gsize i = GPOINTER_TO_SIZE (user_data);
  g_autoptr (GError) error = NULL;
  g_autofree char *written = accepted[i].rewrite (accepted[i].json, &error);
  g_autofree char *again = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (written, ==, accepted[i].expected);

  again = accepted[i].rewrite (written, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (again, ==, written);
}

/* The message has to name the key, and the value or the limit. */
static const struct
{
  const char *name;
  Rewrite     rewrite;
  const char *json;
  const char *reason;
} refused[] = {
  { "history/list", rewrite_history, "[]", "HISTORY is not an object" },
  { "history/null", rewrite_history, "null", "HISTORY is not an object" },
  { "history/trailing", rewrite_history, "{}{}", "follows the document" },
  { "history/cut", rewrite_history, "{\"limit\":1", "ends early" },
  { "history/twice", rewrite_history, "{\"with\":\"a\",\"with\":\"b\"}", "twice" },
  { "history/unknown-invalid", rewrite_history, "{\"x\":01}", "" },
  { "history/two-directions", rewrite_history, "{\"before\":1,\"after\":1}", "more than one of “before”" },
  { "history/three-directions", rewrite_history, "{\"around\":1,\"before\":1,\"after\":1}",
    "more than one of “before”" },
  { "history/before-negative", rewrite_history, "{\"before\":-1}",
    "“before” of HISTORY is -1, but has to be from 0 to 9007199254740992" },
  { "history/before-too-large", rewrite_history, "{\"before\":9007199254740993}",
    "“before” of HISTORY is not an integer" },
  { "history/after-fraction", rewrite_history, "{\"after\":1.0}", "“after” of HISTORY is not an integer" },
  { "history/around-string", rewrite_history, "{\"around\":\"1\"}", "“around” of HISTORY is not an integer" },
  { "history/limit-0", rewrite_history, "{\"limit\":0}", "“limit” of HISTORY is 0, but has to be from 1 to 500" },
  { "history/limit-501", rewrite_history, "{\"limit\":501}", "“limit” of HISTORY is 501, but has to be from 1 to 500" },
  { "history/limit-wraps", rewrite_history, "{\"limit\":4294967297}", "“limit” of HISTORY is 4294967297" },
  { "history/limit-null", rewrite_history, "{\"limit\":null}", "“limit” of HISTORY is not an integer" },
  { "history/with-number", rewrite_history, "{\"with\":1}", "“with” of HISTORY is not a string" },
  { "history/with-empty", rewrite_history, "{\"with\":\"\"}", "“with” of HISTORY is empty" },
  { "history/with-nul", rewrite_history, "{\"with\":\"a\\u0000\"}", "U+0000" },
  { "resume/number", rewrite_resume, "12", "HISTORY is not an object" },
  { "resume/after-negative", rewrite_resume, "{\"after\":-1}", "“after” of HISTORY is -1" },
  { "resume/limit-negative", rewrite_resume, "{\"limit\":-1}", "“limit” of HISTORY is -1" },
  { "resume/both", rewrite_resume, "{\"after\":1,\"limit\":1}", "names both “after” and “limit”" },
  { "resume/log-number", rewrite_resume, "{\"log\":1}", "“log” of HISTORY is not a string" },
  { "search/no-text", rewrite_search, "{\"with\":\"ALL\"}", "SEARCH has no “text”" },
  { "search/text-empty", rewrite_search, "{\"text\":\"\"}", "“text” of SEARCH is empty" },
  { "search/text-list", rewrite_search, "{\"text\":[\"a\"]}", "“text” of SEARCH is not a string" },
  { "search/order-other", rewrite_search, "{\"text\":\"a\",\"order\":\"oldest\"}",
    "“order” of SEARCH is “oldest”, but has to be “newest” or “rank”" },
  { "search/order-long", rewrite_search, "{\"text\":\"a\",\"order\":\"newestnewestnewestnewestnewestnewest\"}",
    "is “newestnewestnewestnewestnewestne…”" },
  { "search/order-true", rewrite_search, "{\"text\":\"a\",\"order\":true}", "“order” of SEARCH is not a string" },
  { "search/since-negative", rewrite_search, "{\"text\":\"a\",\"since\":-1}", "“since” of SEARCH is -1" },
  { "search/until-too-late", rewrite_search, "{\"text\":\"a\",\"until\":253402300800}",
    "“until” of SEARCH is 253402300800" },
  { "search/limit-501", rewrite_search, "{\"text\":\"a\",\"limit\":501}", "“limit” of SEARCH is 501" },
  { "search/before-object", rewrite_search, "{\"text\":\"a\",\"before\":{}}", "“before” of SEARCH is not an integer" },
  { "search/from-empty", rewrite_search, "{\"text\":\"a\",\"from\":\"\"}", "“from” of SEARCH is empty" },
  { "users/true", rewrite_users, "true", "USERS is not an object" },
  { "users/online-number", rewrite_users, "{\"online\":1}", "“online” of USERS is neither true nor false" },
  { "users/limit-1001", rewrite_users, "{\"limit\":1001}", "“limit” of USERS is 1001, but has to be from 1 to 1000" },
  { "users/after-null", rewrite_users, "{\"after\":null}", "“after” of USERS is not a string" },
  { "blocks/list", rewrite_blocks, "[\"ada\"]", "BLOCKS is not an object" },
  { "blocks/string", rewrite_blocks, "{\"block\":\"ada\"}", "“block” of BLOCKS is not a list of strings" },
  { "blocks/number-within", rewrite_blocks, "{\"unblock\":[\"ada\",1]}",
    "“unblock” of BLOCKS is not a list of strings" },
  { "blocks/empty-name", rewrite_blocks, "{\"block\":[\"\"]}", "“block” of BLOCKS is empty" },
  { "blocks/twice", rewrite_blocks, "{\"block\":[\"a\"],\"block\":[\"b\"]}", "twice" },
  { "keys/string", rewrite_keys, "{\"add\":\"" KEY_A "\"}", "“add” of KEYS is not a list of strings" },
  { "keys/short", rewrite_keys, "{\"add\":[\"abc\"]}",
    "“add” of KEYS holds “abc”, which is not 64 hexadecimal digits" },
  { "keys/long", rewrite_keys, "{\"revoke\":[\"" KEY_A "0\"]}",
    "“revoke” of KEYS holds “0123456789abcdef0123456789abcdef…”" },
  { "keys/no-hex", rewrite_keys, "{\"add\":[\"g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"]}",
    "64 hexadecimal digits" },
  { "read/list", rewrite_markers, "[1]", "READ is not an object" },
  { "read/negative", rewrite_markers, "{\"ALL\":-1}", "An id in READ is -1" },
  { "read/string", rewrite_markers, "{\"ALL\":\"1\"}", "An id in READ is not an integer" },
  { "read/no-name", rewrite_markers, "{\"\":1}", "A name in READ is empty" },
  { "read/twice", rewrite_markers, "{\"ALL\":1,\"\\u0041LL\":2}", "twice" },
  { "read/trailing", rewrite_markers, "{\"ALL\":1},", "follows the document" },
  { "number/negative", rewrite_number, "-1", "REQUEST is -1, but has to be from 0 to 9007199254740992" },
  { "number/string", rewrite_number, "\"1\"", "REQUEST is not an integer" },
  { "number/fraction", rewrite_number, "1.5", "REQUEST is not an integer" },
  { "number/too-large", rewrite_number, "9007199254740993", "REQUEST is not an integer" },
  { "number/nothing", rewrite_number, "", "ends early" },
  { "number/trailing", rewrite_number, "1 2", "follows the document" },
};

static void
test_request_refused (gconstpointer user_data)
{
  const gsize i = GPOINTER_TO_SIZE (user_data);
  g_autoptr (GError) error = NULL;
  g_autofree char *written = refused[i].rewrite (refused[i].json, &error);

  g_assert_null (written);
  g_assert_error (error, CB_ERROR, CB_ERROR_MALFORMED);
  if (strstr (error->message, refused[i].reason) == NULL)
    g_error ("“%s” does not say “%s”", error->message, refused[i].reason);
}

/* Lists and texts: as much as is allowed, and one more. */
static const struct
{
  const char *name;
  Rewrite     rewrite;
  const char *begin;
  const char *item;
  const char *separator;
  const char *end;
  guint       max;
  const char *reason;
} limits[] = {
  { "name", rewrite_history, "{\"with\":\"", "ž", "", "\"}", 128,
    "“with” of HISTORY has 129 characters, but may have 128" },
  { "log", rewrite_resume, "{\"log\":\"", "a", "", "\"}", 64, "“log” of HISTORY has 65 characters, but may have 64" },
  { "text", rewrite_search, "{\"text\":\"", "😀", "", "\"}", 256,
    "“text” of SEARCH has 257 characters, but may have 256" },
  { "blocked-name", rewrite_blocks, "{\"block\":[\"", "a", "", "\"]}", 128, "has 129 characters" },
  { "block", rewrite_blocks, "{\"block\":[", "\"a\"", ",", "]}", 64,
    "“block” of BLOCKS has more than 64 entries" },
  { "unblock", rewrite_blocks, "{\"unblock\":[", "\"a\"", ",", "]}", 64,
    "“unblock” of BLOCKS has more than 64 entries" },
  { "add", rewrite_keys, "{\"add\":[", "\"" KEY_A "\"", ",", "]}", 16, "“add” of KEYS has more than 16 entries" },
  { "revoke", rewrite_keys, "{\"revoke\":[", "\"" KEY_A "\"", ",", "]}", 16,
    "“revoke” of KEYS has more than 16 entries" },
  { "marked-name", rewrite_markers, "{\"", "a", "", "\":1}", 128, "A name in READ has 129 characters" },
};

static void
test_request_limit (gconstpointer user_data)
{
  const gsize i = GPOINTER_TO_SIZE (user_data);

  for (guint n = limits[i].max; n <= limits[i].max + 1; n++)
    {
      g_autoptr (GString) json = g_string_new (limits[i].begin);
      g_autoptr (GError) error = NULL;
      g_autofree char *written = NULL;

      for (guint item = 0; item < n; item++)
        g_string_append_printf (json, "%s%s", item > 0 ? limits[i].separator : "", limits[i].item);
      g_string_append (json, limits[i].end);

      written = limits[i].rewrite (json->str, &error);
      if (n == limits[i].max)
        g_assert_no_error (error);
      else
        g_assert_error (error, CB_ERROR, CB_ERROR_MALFORMED);
      g_assert_true ((written != NULL) == (n == limits[i].max));
      if (error != NULL && strstr (error->message, limits[i].reason) == NULL)
        g_error ("“%s” does not say “%s”", error->message, limits[i].reason);
    }
}

static void
test_request_markers_many (void)
{
  g_autoptr (GString) json = g_string_new ("{\"ALL\":1");
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) markers = NULL;
  g_autoptr (GPtrArray) too_many = NULL;

  for (guint i = 1; i < 64; i++)
    g_string_append_printf (json, ",\"n%u\":%u", i, i);
  g_string_append_c (json, '}');
  markers = cb_read_markers_parse (json->str, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (markers->len, ==, 64);

  g_string_truncate (json, json->len - 1);
  g_string_append (json, ",\"one-more\":1}");
  too_many = cb_read_markers_parse (json->str, &error);
  g_assert_error (error, CB_ERROR, CB_ERROR_MALFORMED);
  g_assert_null (too_many);
  g_assert_nonnull (strstr (error->message, "READ has more than 64 members"));
}

/* Every direction is its own, and its id is where it belongs. */
static void
test_request_history_values (void)
{
  static const struct
  {
    const char        *json;
    CbHistoryDirection direction;
    gint64             id;
  } cases[] = {
    { "{\"with\":\"bob\",\"limit\":7}", CB_HISTORY_NEWEST, 0 },
    { "{\"with\":\"bob\",\"limit\":7,\"before\":3}", CB_HISTORY_BEFORE, 3 },
    { "{\"with\":\"bob\",\"limit\":7,\"after\":4}", CB_HISTORY_AFTER, 4 },
    { "{\"with\":\"bob\",\"limit\":7,\"around\":5}", CB_HISTORY_AROUND, 5 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CbHistoryRequest) request = cb_history_request_parse (cases[i].json, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (request->with, ==, "bob");
      g_assert_cmpint (request->direction, ==, cases[i].direction);
      g_assert_cmpint (request->id, ==, cases[i].id);
      g_assert_cmpuint (request->limit, ==, 7);
    }
}

static void
test_request_resume_values (void)
{
  g_autoptr (CbResume) nothing = cb_resume_parse ("{}", NULL);
  g_autoptr (CbResume) after = cb_resume_parse ("{\"after\":0,\"log\":\"ab\"}", NULL);
  g_autoptr (CbResume) limit = cb_resume_parse ("{\"limit\":5}", NULL);

  g_assert_cmpint (nothing->after, ==, -1);
  g_assert_cmpint (nothing->limit, ==, -1);
  g_assert_null (nothing->log);
  g_assert_cmpint (after->after, ==, 0);
  g_assert_cmpstr (after->log, ==, "ab");
  g_assert_cmpint (limit->after, ==, -1);
  g_assert_cmpint (limit->limit, ==, 5);
}

static void
test_request_search_values (void)
{
  g_autoptr (CbSearchRequest) request =
    cb_search_request_parse ("{\"text\":\"t\",\"with\":\"w\",\"from\":\"f\",\"since\":1,\"until\":2,\"before\":3,"
                             "\"limit\":4,\"order\":\"rank\"}", NULL);

  g_assert_cmpstr (request->text, ==, "t");
  g_assert_cmpstr (request->with, ==, "w");
  g_assert_cmpstr (request->from, ==, "f");
  g_assert_cmpint (request->since_s, ==, 1);
  g_assert_cmpint (request->until_s, ==, 2);
  g_assert_cmpint (request->before, ==, 3);
  g_assert_cmpuint (request->limit, ==, 4);
  g_assert_true (request->ranked);
}

static void
test_request_change_values (void)
{
  g_autoptr (CbChangeRequest) blocks = cb_blocks_request_parse ("{\"unblock\":[\"a\"]}", NULL);
  g_autoptr (CbChangeRequest) keys = cb_keys_request_parse ("{\"add\":[\"" KEY_A "\"]}", NULL);

  g_assert_cmpuint (g_strv_length (blocks->add), ==, 0);
  g_assert_cmpuint (g_strv_length (blocks->remove), ==, 1);
  g_assert_cmpstr (blocks->remove[0], ==, "a");
  g_assert_cmpuint (g_strv_length (keys->add), ==, 1);
  g_assert_cmpstr (keys->add[0], ==, KEY_A);
  g_assert_cmpuint (g_strv_length (keys->remove), ==, 0);
}

static char *
make_random_text (int max)
{
  static const gunichar limits_of[] = { 0x80, 0x800, 0xd800, 0x110000 };
  GString *text = g_string_new (NULL);

  for (int n = g_test_rand_int_range (1, max + 1); n > 0; n--)
    {
      const gunichar limit = limits_of[g_test_rand_int_range (0, G_N_ELEMENTS (limits_of))];
      const gunichar c = (gunichar) g_test_rand_int_range (1, (gint32) limit);

      g_string_append_unichar (text, g_unichar_validate (c) ? c : 'x');
    }
  return g_string_free (text, FALSE);
}

static char *
make_random_name (void)
{
  return g_test_rand_bit () ? make_random_text (128) : NULL;
}

static gint64
make_random_integer (gint64 max)
{
  const gint64 value = (gint64) g_test_rand_int_range (0, G_MAXINT32) << 22 | g_test_rand_int_range (0, 1 << 22);

  return g_test_rand_bit () ? value % (max + 1) : max - value % 2;
}

static void
test_request_random_history (void)
{
  for (guint i = 0; i < 500; i++)
    {
      g_autoptr (CbHistoryRequest) request = g_new0 (CbHistoryRequest, 1);
      g_autoptr (CbHistoryRequest) again = NULL;
      g_autoptr (GString) json = g_string_new (NULL);
      g_autoptr (GError) error = NULL;

      request->with = make_random_name ();
      request->direction = (CbHistoryDirection) g_test_rand_int_range (CB_HISTORY_NEWEST, CB_HISTORY_AROUND + 1);
      request->id = request->direction == CB_HISTORY_NEWEST ? 0 : make_random_integer (CB_JSON_MAX_INTEGER);
      request->limit = (guint) g_test_rand_int_range (1, 501);

      cb_history_request_append_json (request, json);
      g_assert_true (g_str_is_ascii (json->str));
      again = cb_history_request_parse (json->str, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (again->with, ==, request->with);
      g_assert_cmpint (again->direction, ==, request->direction);
      g_assert_cmpint (again->id, ==, request->id);
      g_assert_cmpuint (again->limit, ==, request->limit);
    }
}

static void
test_request_random_resume (void)
{
  for (guint i = 0; i < 500; i++)
    {
      g_autoptr (CbResume) resume = g_new0 (CbResume, 1);
      g_autoptr (CbResume) again = NULL;
      g_autoptr (GString) json = g_string_new (NULL);
      g_autoptr (GError) error = NULL;

      resume->after = g_test_rand_bit () ? make_random_integer (CB_JSON_MAX_INTEGER) : -1;
      resume->limit = resume->after < 0 && g_test_rand_bit () ? make_random_integer (CB_JSON_MAX_INTEGER) : -1;
      resume->log = g_test_rand_bit () ? make_random_text (64) : NULL;

      cb_resume_append_json (resume, json);
      again = cb_resume_parse (json->str, &error);
      g_assert_no_error (error);
      g_assert_cmpint (again->after, ==, resume->after);
      g_assert_cmpint (again->limit, ==, resume->limit);
      g_assert_cmpstr (again->log, ==, resume->log);
    }
}

static void
test_request_random_search (void)
{
  for (guint i = 0; i < 500; i++)
    {
      g_autoptr (CbSearchRequest) request = g_new0 (CbSearchRequest, 1);
      g_autoptr (CbSearchRequest) again = NULL;
      g_autoptr (GString) json = g_string_new (NULL);
      g_autoptr (GError) error = NULL;

      request->text = make_random_text (256);
      request->with = make_random_name ();
      request->from = make_random_name ();
      request->since_s = make_random_integer (G_GINT64_CONSTANT (253402300799));
      request->until_s = make_random_integer (G_GINT64_CONSTANT (253402300799));
      request->before = make_random_integer (CB_JSON_MAX_INTEGER);
      request->limit = (guint) g_test_rand_int_range (1, 501);
      request->ranked = g_test_rand_bit ();

      cb_search_request_append_json (request, json);
      again = cb_search_request_parse (json->str, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (again->text, ==, request->text);
      g_assert_cmpstr (again->with, ==, request->with);
      g_assert_cmpstr (again->from, ==, request->from);
      g_assert_cmpint (again->since_s, ==, request->since_s);
      g_assert_cmpint (again->until_s, ==, request->until_s);
      g_assert_cmpint (again->before, ==, request->before);
      g_assert_cmpuint (again->limit, ==, request->limit);
      g_assert_cmpint (again->ranked, ==, request->ranked);
    }
}

static GStrv
make_random_names (void)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (int n = g_test_rand_int_range (0, 65); n > 0; n--)
    {
      g_autofree char *name = make_random_text (8);

      g_strv_builder_add (builder, name);
    }
  return g_strv_builder_end (builder);
}

static void
test_request_random_blocks (void)
{
  for (guint i = 0; i < 100; i++)
    {
      g_autoptr (CbChangeRequest) request = g_new0 (CbChangeRequest, 1);
      g_autoptr (CbChangeRequest) again = NULL;
      g_autoptr (GString) json = g_string_new (NULL);
      g_autoptr (GError) error = NULL;

      request->add = make_random_names ();
      request->remove = make_random_names ();

      cb_blocks_request_append_json (request, json);
      again = cb_blocks_request_parse (json->str, &error);
      g_assert_no_error (error);
      g_assert_cmpstrv (again->add, request->add);
      g_assert_cmpstrv (again->remove, request->remove);
    }
}

static void
test_request_random_markers (void)
{
  for (guint i = 0; i < 100; i++)
    {
      g_autoptr (GPtrArray) markers = g_ptr_array_new_with_free_func ((GDestroyNotify) cb_read_marker_free);
      g_autoptr (GPtrArray) again = NULL;
      g_autoptr (GString) json = g_string_new (NULL);
      g_autoptr (GError) error = NULL;

      for (int n = g_test_rand_int_range (0, 65); n > 0; n--)
        {
          g_autofree char *text = make_random_text (8);
          g_autofree char *name = g_strdup_printf ("%d%s", n, text);

          g_ptr_array_add (markers, cb_read_marker_new (name, make_random_integer (CB_JSON_MAX_INTEGER)));
        }

      cb_read_markers_append_json (markers, json);
      again = cb_read_markers_parse (json->str, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (again->len, ==, markers->len);
      for (guint m = 0; m < markers->len; m++)
        {
          const CbReadMarker *expected = g_ptr_array_index (markers, m);
          const CbReadMarker *got = g_ptr_array_index (again, m);

          g_assert_cmpstr (got->with, ==, expected->with);
          g_assert_cmpint (got->id, ==, expected->id);
        }
    }
}

static void
add_tables (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (accepted); i++)
    {
      g_autofree char *path = g_strconcat ("/request/accepted/", accepted[i].name, NULL);

      g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_request_accepted);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autofree char *path = g_strconcat ("/request/refused/", refused[i].name, NULL);

      g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_request_refused);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      g_autofree char *path = g_strconcat ("/request/limit/", limits[i].name, NULL);

      g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_request_limit);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  add_tables ();
  g_test_add_func ("/request/limit/markers", test_request_markers_many);
  g_test_add_func ("/request/values/history", test_request_history_values);
  g_test_add_func ("/request/values/resume", test_request_resume_values);
  g_test_add_func ("/request/values/search", test_request_search_values);
  g_test_add_func ("/request/values/change", test_request_change_values);
  g_test_add_func ("/request/random/history", test_request_random_history);
  g_test_add_func ("/request/random/resume", test_request_random_resume);
  g_test_add_func ("/request/random/search", test_request_random_search);
  g_test_add_func ("/request/random/blocks", test_request_random_blocks);
  g_test_add_func ("/request/random/markers", test_request_random_markers);

  return g_test_run ();
}
