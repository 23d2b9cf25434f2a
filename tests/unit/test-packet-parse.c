/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "libchatterbox/cb-error.h"
#include "libchatterbox/cb-packet-private.h"

static CbPacket *
parse (const char *text)
{
  /* A buffer of that very size: a sanitizer sees a read beyond it. */
  g_autofree char *exact = g_memdup2 (text, strlen (text));
  g_autoptr (GError) error = NULL;
  g_autoptr (CbPacket) packet = cb_packet_parse (exact, strlen (text), &error);

  g_test_message ("%s", text);
  g_assert_no_error (error);
  g_assert_nonnull (packet);
  return g_steal_pointer (&packet);
}

/* The names of a list, joined by spaces; “(absent)” where there is none. */
static char *
join (GPtrArray *names)
{
  g_autoptr (GPtrArray) strings = g_ptr_array_new ();

  for (guint i = 0; names != NULL && i < names->len; i++)
    g_ptr_array_add (strings, g_ptr_array_index (names, i));
  g_ptr_array_add (strings, NULL);
  return names == NULL ? g_strdup ("(absent)") : g_strjoinv (" ", (char **) strings->pdata);
}

static char *
join_users (GPtrArray *users)
{
  g_autoptr (GPtrArray) strings = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; users != NULL && i < users->len; i++)
    {
      const CbUser *user = g_ptr_array_index (users, i);

      g_ptr_array_add (strings, g_strconcat (user->active ? "+" : "-", user->name, NULL));
    }
  return join (users != NULL ? strings : NULL);
}

static char *
join_messages (GPtrArray *messages)
{
  g_autoptr (GPtrArray) strings = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; messages != NULL && i < messages->len; i++)
    {
      CbMessage *message = g_ptr_array_index (messages, i);

      g_ptr_array_add (strings, g_strdup_printf ("%s>%s@%" G_GINT64_FORMAT ":%s",
                                                 cb_message_get_source (message),
                                                 cb_message_get_destination (message),
                                                 cb_message_get_time_s (message),
                                                 cb_message_get_content (message)));
    }
  return join (messages != NULL ? strings : NULL);
}

/* All that a packet says, key by key. */
static char *
describe (CbPacket *packet)
{
  g_autofree char *users = join_users (cb_packet_get_users (packet));
  g_autofree char *messages = join_messages (cb_packet_get_messages (packet));
  g_autofree char *joined = join (cb_packet_get_joined (packet));
  g_autofree char *left = join (cb_packet_get_left (packet));
  g_autoptr (GPtrArray) keys = cb_packet_get_extra_keys (packet);
  g_autofree char *extras = join (keys);
  gboolean accepted = FALSE;
  const gboolean answered = cb_packet_get_accepted (packet, &accepted);

  return g_strjoin ("|",
                    cb_packet_get_username (packet) != NULL ? cb_packet_get_username (packet) : "(absent)",
                    !answered ? "(absent)" : accepted ? "yes" : "no",
                    cb_packet_get_info (packet) != NULL ? cb_packet_get_info (packet) : "(absent)",
                    users, messages, joined, left,
                    cb_packet_get_error (packet) != NULL ? cb_packet_get_error (packet) : "(absent)",
                    extras, NULL);
}

/* Behind the last “|” the keys of the extras; a “*” stands for an absent key. */
static const struct
{
  const char *name;
  const char *text;
  const char *expected;
} accepted[] = {
  { "empty", "{}", "*|*|*|*|*|*|*|*|" },
  { "white-space", " {\n} \t", "*|*|*|*|*|*|*|*|" },
  { "username", "{\"USERNAME\": \"ada\"}", "ada|*|*|*|*|*|*|*|" },
  { "username-escaped", "{\"\\u0055SERNAME\": \"\\u017eofie\"}", "žofie|*|*|*|*|*|*|*|" },
  { "accepted-true", "{\"USERNAME_ACCEPTED\":true}", "*|yes|*|*|*|*|*|*|" },
  { "accepted-false", "{\"USERNAME_ACCEPTED\":false,\"INFO\":\"why\"}", "*|no|why|*|*|*|*|*|" },
  { "info-empty", "{\"INFO\":\"\"}", "*|*||*|*|*|*|*|" },
  { "error", "{\"ERROR\":\"details\"}", "*|*|*|*|*|*|*|details|" },
  { "users-empty", "{\"USER_LIST\":[]}", "*|*|*||*|*|*|*|" },
  { "users-names", "{\"USER_LIST\":[\"ada\",\"b\\u00f6b\"]}", "*|*|*|+ada +böb|*|*|*|*|" },
  { "users-objects", "{\"USER_LIST\":[{\"name\":\"ada\",\"active\":true},{\"active\":false,\"name\":\"bob\"}]}",
    "*|*|*|+ada -bob|*|*|*|*|" },
  { "users-objects-more", "{\"USER_LIST\":[{\"since\":[1,{\"name\":2}],\"name\":\"ada\",\"active\":true,\"x\":null}]}",
    "*|*|*|+ada|*|*|*|*|" },
  { "users-object-name-only", "{\"USER_LIST\":[{\"name\":\"ada\"}]}", "*|*|*|-ada|*|*|*|*|" },
  { "users-mixed", "{\"USER_LIST\":[\"ada\",{\"name\":\"bob\",\"active\":false}]}", "*|*|*|+ada -bob|*|*|*|*|" },
  { "messages-empty", "{\"MESSAGES\":[]}", "*|*|*|*||*|*|*|" },
  { "messages-one", "{\"MESSAGES\":[[\"ada\",\"ALL\",1700000000,\"hi\"]]}", "*|*|*|*|ada>ALL@1700000000:hi|*|*|*|" },
  { "messages-order", "{\"MESSAGES\":[[\"a\",\"b\",9,\"x\"],[\"c\",\"d\",1,\"y\"]]}",
    "*|*|*|*|a>b@9:x c>d@1:y|*|*|*|" },
  { "messages-empty-texts", "{\"MESSAGES\":[[\"\",\"\",-0,\"\"]]}", "*|*|*|*|>@0:|*|*|*|" },
  { "messages-time-edges", "{\"MESSAGES\":[[\"a\",\"b\",9007199254740992,\"\"],[\"a\",\"b\",-9007199254740992,\"\"]]}",
    "*|*|*|*|a>b@9007199254740992: a>b@-9007199254740992:|*|*|*|" },
  { "joined", "{\"USERS_JOINED\":[\"ada\",\"bob\"]}", "*|*|*|*|*|ada bob|*|*|" },
  { "joined-empty", "{\"USERS_JOINED\":[]}", "*|*|*|*|*||*|*|" },
  { "left", "{\"USERS_LEFT\":[\"ada\"]}", "*|*|*|*|*|*|ada|*|" },
  { "unknown", "{\"x\":1,\"FEATURES\":[\"utf8\"],\"USERNAME\":\"ada\",\"y\":null}", "ada|*|*|*|*|*|*|*|x FEATURES y" },
  { "unknown-case", "{\"username\":\"ada\",\"Messages\":1}", "*|*|*|*|*|*|*|*|username Messages" },
  { "unknown-empty-key", "{\"\":1}", "*|*|*|*|*|*|*|*|" },
  { "known-within-unknown", "{\"x\":{\"USERNAME\":1,\"MESSAGES\":2}}", "*|*|*|*|*|*|*|*|x" },
  { "piggy-back",
    "{\"ERROR\":\"e\",\"x\":0,\"USERS_LEFT\":[\"l\"],\"USERS_JOINED\":[\"j\"],\"MESSAGES\":[[\"a\",\"b\",1,\"c\"]],"
    "\"USER_LIST\":[\"u\"],\"INFO\":\"i\",\"USERNAME_ACCEPTED\":true,\"USERNAME\":\"n\"}",
    "n|yes|i|+u|a>b@1:c|j|l|e|x" },
};

static void
test_packet_parse_accepted (gconstpointer user_data)
{
  const gsize i = GPOINTER_TO_SIZE (user_data);
  g_autoptr (CbPacket) packet = parse (accepted[i].text);
  g_autofree char *description = describe (packet);
  g_autoptr (GString) expected = g_string_new (accepted[i].expected);

  g_string_replace (expected, "*", "(absent)", 0);
  g_assert_cmpstr (description, ==, expected->str);
}

/* The message has to name what is wrong. */
static const struct
{
  const char *name;
  const char *text;
  const char *reason;
} refused[] = {
  { "nothing", "", "ends early" },
  { "array", "[]", "not a JSON object" },
  { "string", "\"USERNAME\"", "not a JSON object" },
  { "number", "1", "not a JSON object" },
  { "null", "null", "not a JSON object" },
  { "no-json", "hello", "A value is expected" },
  { "cut", "{\"USERNAME\":\"ada\"", "ends early" },
  { "trailing-object", "{}{}", "follows the document" },
  { "trailing-letter", "{\"USERNAME\":\"ada\"}x", "follows the document" },
  { "username-number", "{\"USERNAME\":1}", "USERNAME is" },
  { "username-null", "{\"USERNAME\":null}", "USERNAME is" },
  { "username-list", "{\"USERNAME\":[\"ada\"]}", "USERNAME is" },
  { "username-invalid-utf8", "{\"USERNAME\":\"\xff\"}", "not valid UTF-8" },
  { "username-nul", "{\"USERNAME\":\"a\\u0000b\"}", "U+0000" },
  { "username-twice", "{\"USERNAME\":\"a\",\"USERNAME\":\"b\"}", "names USERNAME twice" },
  { "accepted-string", "{\"USERNAME_ACCEPTED\":\"true\"}", "USERNAME_ACCEPTED" },
  { "accepted-number", "{\"USERNAME_ACCEPTED\":1}", "USERNAME_ACCEPTED" },
  { "accepted-null", "{\"USERNAME_ACCEPTED\":null}", "USERNAME_ACCEPTED" },
  { "info-object", "{\"INFO\":{}}", "INFO is" },
  { "error-list", "{\"ERROR\":[]}", "ERROR is" },
  { "error-true", "{\"ERROR\":true}", "ERROR is" },
  { "users-string", "{\"USER_LIST\":\"ada\"}", "USER_LIST is" },
  { "users-object", "{\"USER_LIST\":{\"name\":\"ada\"}}", "USER_LIST is" },
  { "users-number", "{\"USER_LIST\":[\"ada\",1]}", "USER_LIST holds" },
  { "users-list", "{\"USER_LIST\":[\"ada\",[\"bob\"]]}", "USER_LIST holds" },
  { "users-object-no-name", "{\"USER_LIST\":[{\"active\":true}]}", "USER_LIST has no name" },
  { "users-object-empty", "{\"USER_LIST\":[{}]}", "USER_LIST has no name" },
  { "users-object-name-null", "{\"USER_LIST\":[{\"name\":null}]}", "name in USER_LIST" },
  { "users-object-active-number", "{\"USER_LIST\":[{\"name\":\"a\",\"active\":1}]}", "“active” in USER_LIST" },
  { "users-object-name-twice", "{\"USER_LIST\":[{\"name\":\"a\",\"name\":\"b\"}]}", "twice" },
  { "users-twice", "{\"USER_LIST\":[\"a\"],\"USER_LIST\":[\"b\"]}", "names USER_LIST twice" },
  { "messages-object", "{\"MESSAGES\":{}}", "MESSAGES is" },
  { "messages-null", "{\"MESSAGES\":null}", "MESSAGES is" },
  { "messages-bare-tuple", "{\"MESSAGES\":[\"a\",\"b\",1,\"c\"]}", "MESSAGES holds" },
  { "messages-object-within", "{\"MESSAGES\":[{\"SRC\":\"a\"}]}", "MESSAGES holds" },
  { "messages-null-within", "{\"MESSAGES\":[null]}", "MESSAGES holds" },
  { "messages-twice", "{\"MESSAGES\":[[\"a\",\"b\",1,\"c\"]],\"MESSAGES\":[]}", "names MESSAGES twice" },
  { "tuple-of-0", "{\"MESSAGES\":[[]]}", "SRC" },
  { "tuple-of-1", "{\"MESSAGES\":[[\"a\"]]}", "DEST" },
  { "tuple-of-2", "{\"MESSAGES\":[[\"a\",\"b\"]]}", "TIMESTAMP" },
  { "tuple-of-3", "{\"MESSAGES\":[[\"a\",\"b\",1]]}", "CONTENT" },
  { "tuple-of-5", "{\"MESSAGES\":[[\"a\",\"b\",1,\"c\",{}]]}", "more than four parts" },
  { "tuple-of-5-second", "{\"MESSAGES\":[[\"a\",\"b\",1,\"c\"],[\"a\",\"b\",1,\"c\",2]]}", "more than four parts" },
  { "source-number", "{\"MESSAGES\":[[1,\"b\",1,\"c\"]]}", "SRC" },
  { "destination-null", "{\"MESSAGES\":[[\"a\",null,1,\"c\"]]}", "DEST" },
  { "destination-list", "{\"MESSAGES\":[[\"a\",[\"b\",\"c\"],1,\"c\"]]}", "DEST" },
  { "time-fraction", "{\"MESSAGES\":[[\"a\",\"b\",1.0,\"c\"]]}", "TIMESTAMP" },
  { "time-exponent", "{\"MESSAGES\":[[\"a\",\"b\",1e5,\"c\"]]}", "TIMESTAMP" },
  { "time-string", "{\"MESSAGES\":[[\"a\",\"b\",\"1\",\"c\"]]}", "TIMESTAMP" },
  { "time-null", "{\"MESSAGES\":[[\"a\",\"b\",null,\"c\"]]}", "TIMESTAMP" },
  { "time-too-large", "{\"MESSAGES\":[[\"a\",\"b\",9007199254740993,\"c\"]]}", "TIMESTAMP" },
  { "time-too-small", "{\"MESSAGES\":[[\"a\",\"b\",-9007199254740993,\"c\"]]}", "TIMESTAMP" },
  { "content-number", "{\"MESSAGES\":[[\"a\",\"b\",1,2]]}", "CONTENT" },
  { "content-object", "{\"MESSAGES\":[[\"a\",\"b\",1,{\"a\":1}]]}", "CONTENT" },
  { "content-overlong", "{\"MESSAGES\":[[\"a\",\"b\",1,\"\xc0\xaf\"]]}", "not valid UTF-8" },
  { "joined-string", "{\"USERS_JOINED\":\"ada\"}", "USERS_JOINED" },
  { "joined-number", "{\"USERS_JOINED\":[\"ada\",1]}", "USERS_JOINED" },
  { "joined-objects", "{\"USERS_JOINED\":[{\"name\":\"ada\"}]}", "USERS_JOINED" },
  { "left-null", "{\"USERS_LEFT\":null}", "USERS_LEFT" },
  { "left-list", "{\"USERS_LEFT\":[[]]}", "USERS_LEFT" },
  { "left-twice", "{\"USERS_LEFT\":[\"a\"],\"USERS_LEFT\":[\"b\"]}", "names USERS_LEFT twice" },
  { "joined-twice-escaped", "{\"USERS_JOINED\":[\"a\"],\"\\u0055SERS_JOINED\":[\"b\"]}", "names USERS_JOINED twice" },
  { "unknown-twice", "{\"x\":1,\"x\":2}", "twice" },
  { "unknown-invalid", "{\"x\":[1,]}", "A value is expected" },
  { "unknown-too-deep", "{\"x\":[[[[[[[[]]]]]]]]}", "deeper than 8" },
  /* One wrong key spoils what stands in front of it, too: a packet is served as a whole. */
  { "late", "{\"USERNAME\":\"a\",\"USER_LIST\":[\"a\"],\"MESSAGES\":[[\"a\",\"b\",1,\"c\"]],\"USERS_LEFT\":[\"l\"],"
    "\"x\":1,\"ERROR\":\"e\",\"INFO\":1}", "INFO is" },
};

static void
test_packet_parse_refused (gconstpointer user_data)
{
  const gsize i = GPOINTER_TO_SIZE (user_data);
  g_autofree char *exact = g_memdup2 (refused[i].text, strlen (refused[i].text));
  g_autoptr (GError) error = NULL;

  g_assert_null (cb_packet_parse (exact, strlen (refused[i].text), &error));
  g_assert_error (error, CB_ERROR, CB_ERROR_MALFORMED);
  if (strstr (error->message, refused[i].reason) == NULL)
    g_error ("“%s” does not say “%s”", error->message, refused[i].reason);
}

#define TUPLE(part) "{\"MESSAGES\":[[\"a\",\"b\",1,\"c\"" part "]]}"

static const struct
{
  const char *name;
  const char *text;
  gint64      id;
  const char *token;
} full[] = {
  { "absent", TUPLE (""), 0, NULL },
  { "empty", TUPLE (",{}"), 0, NULL },
  { "id", TUPLE (",{\"id\":7}"), 7, NULL },
  { "id-largest", TUPLE (",{\"id\":9007199254740992}"), CB_JSON_MAX_INTEGER, NULL },
  { "token", TUPLE (",{\"token\":\"t\\u007e\"}"), 0, "t~" },
  { "both", TUPLE (", { \"token\" : \"t\" , \"id\" : 1 } "), 1, "t" },
  { "unknown-member", TUPLE (",{\"x\":[{\"id\":0}],\"id\":2,\"Token\":1}"), 2, NULL },
};

static void
test_packet_parse_full (gconstpointer user_data)
{
  const gsize i = GPOINTER_TO_SIZE (user_data);
  g_autofree char *exact = g_memdup2 (full[i].text, strlen (full[i].text));
  g_autoptr (GError) error = NULL;
  g_autoptr (CbPacket) packet = cb_packet_parse_with (exact, strlen (full[i].text), CB_FEATURE_MESSAGE_IDS, &error);
  CbMessage *message = NULL;

  g_assert_no_error (error);
  g_assert_cmpuint (cb_packet_get_messages (packet)->len, ==, 1);
  message = g_ptr_array_index (cb_packet_get_messages (packet), 0);
  g_assert_cmpstr (cb_message_get_content (message), ==, "c");
  g_assert_cmpint (cb_message_get_id (message), ==, full[i].id);
  g_assert_cmpstr (cb_message_get_token (message), ==, full[i].token);
}

/* Each needs the feature to get beyond “more than four parts”. */
static const struct
{
  const char *name;
  const char *text;
  const char *reason;
} full_refused[] = {
  { "number", TUPLE (",7"), "fifth part is not an object" },
  { "null", TUPLE (",null"), "fifth part is not an object" },
  { "list", TUPLE (",[]"), "fifth part is not an object" },
  { "sixth", TUPLE (",{},{}"), "more than five parts" },
  { "id-0", TUPLE (",{\"id\":0}"), "id is 0, but has to be from 1" },
  { "id-negative", TUPLE (",{\"id\":-7}"), "id is -7" },
  { "id-string", TUPLE (",{\"id\":\"7\"}"), "id is not an integer" },
  { "id-fraction", TUPLE (",{\"id\":7.0}"), "id is not an integer" },
  { "id-too-large", TUPLE (",{\"id\":9007199254740993}"), "id is not an integer" },
  { "id-twice", TUPLE (",{\"id\":1,\"id\":2}"), "twice" },
  { "token-number", TUPLE (",{\"token\":1}"), "token is not a string" },
  { "token-empty", TUPLE (",{\"token\":\"\"}"), "1 to 64 characters" },
  { "token-space", TUPLE (",{\"token\":\"a b\"}"), "1 to 64 characters" },
  { "token-control", TUPLE (",{\"token\":\"a\\n\"}"), "1 to 64 characters" },
  { "token-not-ascii", TUPLE (",{\"token\":\"\\u00e9\"}"), "1 to 64 characters" },
  { "token-twice", TUPLE (",{\"token\":\"a\",\"token\":\"b\"}"), "twice" },
  { "token-too-long",
    TUPLE (",{\"token\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0\"}"),
    "1 to 64 characters" },
  { "content-number", "{\"MESSAGES\":[[\"a\",\"b\",1,2,{}]]}", "CONTENT" },
};

static void
test_packet_parse_full_refused (gconstpointer user_data)
{
  const gsize i = GPOINTER_TO_SIZE (user_data);
  g_autofree char *exact = g_memdup2 (full_refused[i].text, strlen (full_refused[i].text));
  g_autoptr (GError) error = NULL;

  g_assert_null (cb_packet_parse_with (exact, strlen (full_refused[i].text), CB_FEATURES_ALL, &error));
  g_assert_error (error, CB_ERROR, CB_ERROR_MALFORMED);
  if (strstr (error->message, full_refused[i].reason) == NULL)
    g_error ("“%s” does not say “%s”", error->message, full_refused[i].reason);
}

/* Other features do not let a fifth part through. */
static void
test_packet_parse_other_features (void)
{
  static const char text[] = TUPLE (",{\"id\":7}");
  g_autoptr (GError) error = NULL;

  g_assert_null (cb_packet_parse_with (text, strlen (text), CB_FEATURES_ALL ^ CB_FEATURE_MESSAGE_IDS, &error));
  g_assert_error (error, CB_ERROR, CB_ERROR_MALFORMED);
  g_assert_cmpstr (error->message, ==, "A message has more than four parts");
}

/* With every feature all that a plain peer may say means the same. */
static void
test_packet_parse_plain_with_features (gconstpointer user_data)
{
  const gsize i = GPOINTER_TO_SIZE (user_data);
  g_autoptr (CbPacket) plain = parse (accepted[i].text);
  g_autoptr (CbPacket) packet = cb_packet_parse_with (accepted[i].text, strlen (accepted[i].text),
                                                      CB_FEATURES_ALL, NULL);
  g_autofree char *plain_description = describe (plain);
  g_autofree char *description = NULL;

  g_assert_nonnull (packet);
  description = describe (packet);
  g_assert_cmpstr (description, ==, plain_description);
}

/* A packet that is cut anywhere, or spoilt by a byte there, is refused. */
static void
test_packet_parse_cut (void)
{
  static const char text[] =
    "{\"ERROR\":\"e\",\"x\":[0],\"USERS_LEFT\":[\"l\"],\"USERS_JOINED\":[\"j\",\"k\"],"
    "\"MESSAGES\":[[\"a\",\"b\",1,\"c\"],[\"d\",\"e\",2,\"f\"]],\"INFO\":\"i\",\"USERNAME\":\"n\","
    "\"USER_LIST\":[\"u\",{\"name\":\"v\",\"active\":false,\"y\":[]}],\"USERNAME_ACCEPTED\":true}";
  g_autoptr (CbPacket) whole = parse (text);

  g_assert_nonnull (whole);
  for (gsize len = 0; len < sizeof text - 1; len++)
    {
      g_autofree char *cut = g_memdup2 (text, len + 1);
      g_autoptr (GError) cut_error = NULL;
      g_autoptr (GError) spoilt_error = NULL;

      g_assert_null (cb_packet_parse (cut, len, &cut_error));
      g_assert_error (cut_error, CB_ERROR, CB_ERROR_MALFORMED);

      cut[len] = '\x1f';
      g_assert_null (cb_packet_parse (cut, len + 1, &spoilt_error));
      g_assert_error (spoilt_error, CB_ERROR, CB_ERROR_MALFORMED);
    }
}

static void
test_packet_parse_extra_verbatim (void)
{
  static const char *values[] = {
    "1", "1.50e+3", "123456789012345678901234567890", "-0", "null", "\"\\u00e9é\\/\"", "[ 1,\n2 ]",
    "{\"b\" : 1, \"a\":{\"c\":[]}}", "[[[[[[[]]]]]]]",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autofree char *text = g_strdup_printf ("{ \"k\\u00e9y\" :  %s  , \"USERNAME\":\"ada\"}", values[i]);
      g_autoptr (CbPacket) packet = parse (text);

      g_assert_cmpstr (cb_packet_get_extra (packet, "kéy"), ==, values[i]);
      g_assert_cmpstr (cb_packet_get_username (packet), ==, "ada");
    }
}

static void
test_packet_parse_known_keys (void)
{
  static const char *known[] = {
    "USERNAME", "USERNAME_ACCEPTED", "INFO", "USER_LIST", "MESSAGES", "USERS_JOINED", "USERS_LEFT", "ERROR",
  };
  static const char *unknown[] = { "", "username", "USERNAMES", "USERNAM", "FEATURES", "REQUEST" };

  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    g_assert_true (cb_packet_is_known_key (known[i]));
  for (gsize i = 0; i < G_N_ELEMENTS (unknown); i++)
    g_assert_false (cb_packet_is_known_key (unknown[i]));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (accepted); i++)
    {
      g_autofree char *path = g_strconcat ("/packet-parse/accepted/", accepted[i].name, NULL);
      g_autofree char *plain_path = g_strconcat ("/packet-parse/plain-with-features/", accepted[i].name, NULL);

      g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_packet_parse_accepted);
      g_test_add_data_func (plain_path, GSIZE_TO_POINTER (i), test_packet_parse_plain_with_features);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (full); i++)
    {
      g_autofree char *path = g_strconcat ("/packet-parse/full/", full[i].name, NULL);

      g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_packet_parse_full);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (full_refused); i++)
    {
      g_autofree char *path = g_strconcat ("/packet-parse/full-refused/", full_refused[i].name, NULL);

      g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_packet_parse_full_refused);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autofree char *path = g_strconcat ("/packet-parse/refused/", refused[i].name, NULL);

      g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_packet_parse_refused);
    }
  g_test_add_func ("/packet-parse/other-features", test_packet_parse_other_features);
  g_test_add_func ("/packet-parse/cut", test_packet_parse_cut);
  g_test_add_func ("/packet-parse/extra-verbatim", test_packet_parse_extra_verbatim);
  g_test_add_func ("/packet-parse/known-keys", test_packet_parse_known_keys);

  return g_test_run ();
}
