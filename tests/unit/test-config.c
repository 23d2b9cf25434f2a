/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "server/cbs-config.h"

static gboolean
load (CbsConfig  *config,
      const char *text,
      GError    **error)
{
  return cbs_config_load_data (config, text, strlen (text), error);
}

static void
test_defaults (void)
{
  g_autoptr (CbsConfig) config = cbs_config_new ();

  g_assert_null (config->listen);
  g_assert_null (config->certificate);
  g_assert_null (config->private_key);
  g_assert_null (config->state_directory);
  g_assert_false (config->ephemeral);
  g_assert_cmpint (config->history_limit, ==, -1);
  g_assert_cmpint (config->hold_us, ==, G_GINT64_CONSTANT (86400) * G_USEC_PER_SEC);
  g_assert_cmpuint (config->unfinished_each, ==, 128);
  g_assert_cmpuint (config->unfinished_all, ==, 1024);
  g_assert_cmpuint (config->engine.frame_before_login, ==, 4096);
  g_assert_cmpuint (config->engine.frame, ==, 65536);
  g_assert_cmpuint (config->engine.outbox, ==, 4194304);
  g_assert_cmpint (config->engine.tls_us, ==, 5000000);
  g_assert_cmpint (config->engine.log_in_us, ==, 10000000);
  g_assert_cmpint (config->engine.frame_us, ==, 15000000);
  g_assert_cmpuint (config->room.max_content, ==, 32768);
  g_assert_cmpint (config->room.user_list, ==, CBS_USER_LIST_NAMES);
}

static void
test_every_setting (void)
{
  static const char text[] =
    "# a comment\n"
    "[server]\n"
    "listen=localhost:9000;[::1]:9001\n"
    "certificate=/etc/cert.pem\n"
    "private-key=/etc/key.pem\n"
    "state-directory=/var/lib/chatterbox\n"
    "ephemeral=true\n"
    "[limits]\n"
    "frame-before-login=101\n"
    "frame=202\n"
    "content=103\n"
    "outbox=5000\n"
    "tls-timeout=6\n"
    "login-timeout=7\n"
    "frame-timeout=8\n"
    "unfinished-per-address=9\n"
    "unfinished=10\n"
    "[history]\n"
    "login-limit=11\n"
    "[names]\n"
    "hold=12\n"
    "[compatibility]\n"
    "user-list=objects\n";
  static const char *const listen[] = { "localhost:9000", "[::1]:9001", NULL };
  g_autoptr (CbsConfig) config = cbs_config_new ();
  g_autoptr (GError) error = NULL;

  g_assert_true (load (config, text, &error));
  g_assert_no_error (error);
  g_assert_cmpstrv (config->listen, listen);
  g_assert_cmpstr (config->certificate, ==, "/etc/cert.pem");
  g_assert_cmpstr (config->private_key, ==, "/etc/key.pem");
  g_assert_cmpstr (config->state_directory, ==, "/var/lib/chatterbox");
  g_assert_true (config->ephemeral);
  g_assert_cmpuint (config->engine.frame_before_login, ==, 101);
  g_assert_cmpuint (config->engine.frame, ==, 202);
  g_assert_cmpuint (config->room.max_content, ==, 103);
  g_assert_cmpuint (config->engine.outbox, ==, 5000);
  g_assert_cmpint (config->engine.tls_us, ==, 6000000);
  g_assert_cmpint (config->engine.log_in_us, ==, 7000000);
  g_assert_cmpint (config->engine.frame_us, ==, 8000000);
  g_assert_cmpuint (config->unfinished_each, ==, 9);
  g_assert_cmpuint (config->unfinished_all, ==, 10);
  g_assert_cmpint (config->history_limit, ==, 11);
  g_assert_cmpint (config->hold_us, ==, 12000000);
  g_assert_cmpint (config->room.user_list, ==, CBS_USER_LIST_OBJECTS);
  g_assert_true (cbs_config_check (config, &error));
}

/* What a text does not name stays; what it names is replaced. */
static void
test_twice (void)
{
  static const char *const listen[] = { "b:1", NULL };
  g_autoptr (CbsConfig) config = cbs_config_new ();

  g_assert_true (load (config, "[server]\nlisten=a:1;c:1\ncertificate=one\nephemeral=true\n"
                       "[history]\nlogin-limit=0\n[compatibility]\nuser-list=objects\n", NULL));
  g_assert_true (load (config, "[server]\nlisten=b:1\ncertificate=two\n", NULL));
  g_assert_cmpstrv (config->listen, listen);
  g_assert_cmpstr (config->certificate, ==, "two");
  g_assert_true (config->ephemeral);
  g_assert_cmpint (config->history_limit, ==, 0);

  g_assert_true (load (config, "[server]\nephemeral=false \n[history]\nlogin-limit = all \n"
                       "[compatibility]\nuser-list = names \n", NULL));
  g_assert_false (config->ephemeral);
  g_assert_cmpint (config->history_limit, ==, -1);
  g_assert_cmpint (config->room.user_list, ==, CBS_USER_LIST_NAMES);
  g_assert_true (load (config, "", NULL));
}

static void
test_ranges (void)
{
  static const struct
  {
    const char *group;
    const char *key;
    gint64      min;
    gint64      max;
  } cases[] = {
    { "limits", "frame-before-login", 64, 16777216 },
    { "limits", "frame", 64, 67108864 },
    { "limits", "content", 1, 67108864 },
    { "limits", "outbox", 4096, 1073741824 },
    { "limits", "tls-timeout", 1, 3600 },
    { "limits", "login-timeout", 1, 3600 },
    { "limits", "frame-timeout", 1, 3600 },
    { "limits", "unfinished-per-address", 1, 1048576 },
    { "limits", "unfinished", 1, 1048576 },
    { "history", "login-limit", 0, 2147483647 },
    { "names", "hold", 0, 31536000 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const gint64 values[] = { cases[i].min, cases[i].max, cases[i].min - 1, cases[i].max + 1 };
      g_autofree char *range = g_strdup_printf ("from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                                                cases[i].min, cases[i].max);

      for (gsize j = 0; j < G_N_ELEMENTS (values); j++)
        {
          g_autoptr (CbsConfig) config = cbs_config_new ();
          g_autoptr (GError) error = NULL;
          g_autofree char *value = g_strdup_printf ("%" G_GINT64_FORMAT, values[j]);
          g_autofree char *quoted = g_strdup_printf ("“%s”", value);
          g_autofree char *prefix = g_strdup_printf ("[%s] %s: ", cases[i].group, cases[i].key);
          g_autofree char *text = g_strdup_printf ("[%s]\n%s=%s\n", cases[i].group, cases[i].key, value);

          g_assert_cmpint (load (config, text, &error), ==, j < 2);
          if (j < 2)
            continue;
          g_assert_error (error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE);
          g_assert_true (g_str_has_prefix (error->message, prefix));
          g_assert_nonnull (strstr (error->message, quoted));
          g_assert_nonnull (strstr (error->message, range));
        }
    }
}

static void
test_refused (void)
{
  static const struct
  {
    const char *text;
    int         code;
    const char *part; /* of the message */
  } cases[] = {
    { "[limits]\nframe=64k\n", G_KEY_FILE_ERROR_INVALID_VALUE, "[limits] frame: “64k”" },
    { "[limits]\nframe=\n", G_KEY_FILE_ERROR_INVALID_VALUE, "[limits] frame: “”" },
    { "[limits]\nframe=1e5\n", G_KEY_FILE_ERROR_INVALID_VALUE, "“1e5”" },
    { "[limits]\ntls-timeout=2.5\n", G_KEY_FILE_ERROR_INVALID_VALUE, "“2.5”" },
    { "[limits]\noutbox=99999999999999999999\n", G_KEY_FILE_ERROR_INVALID_VALUE, "“99999999999999999999”" },
    { "[history]\nlogin-limit=ALL\n", G_KEY_FILE_ERROR_INVALID_VALUE, "“ALL” is neither “all” nor" },
    { "[compatibility]\nuser-list=both\n", G_KEY_FILE_ERROR_INVALID_VALUE,
      "“both” is neither “names” nor “objects”" },
    { "[server]\nephemeral=maybe\n", G_KEY_FILE_ERROR_INVALID_VALUE, "[server] ephemeral: “maybe”" },
    { "[limits]\nfarme=100\n", G_KEY_FILE_ERROR_KEY_NOT_FOUND, "“farme” in a group “limits”" },
    { "[limit]\nframe=100\n", G_KEY_FILE_ERROR_KEY_NOT_FOUND, "“frame” in a group “limit”" },
    { "[server]\nframe=100\n", G_KEY_FILE_ERROR_KEY_NOT_FOUND, "“frame” in a group “server”" },
    { "[Server]\nlisten=a\n", G_KEY_FILE_ERROR_KEY_NOT_FOUND, "“listen” in a group “Server”" },
    { "[server]\nlisten[de]=a\n", G_KEY_FILE_ERROR_KEY_NOT_FOUND, "“listen[de]”" },
    { "listen=a\n", G_KEY_FILE_ERROR_GROUP_NOT_FOUND, "" },
    { "[server]\nlisten\n", G_KEY_FILE_ERROR_PARSE, "listen" },
    { "[server]\ncertificate=\xff\n", G_KEY_FILE_ERROR_UNKNOWN_ENCODING, "[server] certificate: " },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbsConfig) config = cbs_config_new ();
      g_autoptr (GError) error = NULL;

      g_assert_false (load (config, cases[i].text, &error));
      g_assert_error (error, G_KEY_FILE_ERROR, cases[i].code);
      g_assert_nonnull (strstr (error->message, cases[i].part));
    }
}

static void
test_file (void)
{
  g_autoptr (CbsConfig) config = cbs_config_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *file = g_build_filename (g_get_user_runtime_dir (), "server.conf", NULL);
  g_autofree char *large = g_strnfill (1024 * 1024 + 1, '#');

  g_assert_cmpint (g_mkdir_with_parents (g_get_user_runtime_dir (), 0700), ==, 0);
  g_assert_false (cbs_config_load_file (config, file, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  g_assert_nonnull (strstr (error->message, file));
  g_clear_error (&error);

  g_assert_true (g_file_set_contents (file, "[limits]\nframe=1\n", -1, NULL));
  g_assert_false (cbs_config_load_file (config, file, &error));
  g_assert_error (error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE);
  g_assert_true (g_str_has_prefix (error->message, file));
  g_assert_nonnull (strstr (error->message, "[limits] frame: “1”"));
  g_clear_error (&error);

  g_assert_true (g_file_set_contents (file, large, -1, NULL));
  g_assert_false (cbs_config_load_file (config, file, &error));
  g_assert_error (error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_PARSE);
  g_assert_nonnull (strstr (error->message, "1048577 bytes; the limit is 1048576"));
  g_clear_error (&error);

  g_assert_true (g_file_set_contents (file, "[limits]\nframe=100\n", -1, NULL));
  g_assert_true (cbs_config_load_file (config, file, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (config->engine.frame, ==, 100);
}

static void
test_check (void)
{
  static const struct
  {
    const char *text;
    const char *part; /* of the message; NULL: it is fine */
  } cases[] = {
    { "listen=a\ncertificate=c\nprivate-key=k\nstate-directory=s\n", NULL },
    { "listen=a\ncertificate=c\nprivate-key=k\nephemeral=true\n", NULL },
    { "certificate=c\nprivate-key=k\nstate-directory=s\n", "“listen”" },
    { "listen=\ncertificate=c\nprivate-key=k\nstate-directory=s\n", "“listen”" },
    { "listen=a\nprivate-key=k\nstate-directory=s\n", "“certificate”" },
    { "listen=a\ncertificate=c\nstate-directory=s\n", "“private-key”" },
    { "listen=a\ncertificate=c\nprivate-key=k\n", "“state-directory”" },
    { "listen=a\ncertificate=c\nprivate-key=k\nstate-directory=s\n[limits]\nframe=100\ncontent=101\n",
      "101 bytes do not fit frames of 100" },
    { "listen=a\ncertificate=c\nprivate-key=k\nstate-directory=s\n[limits]\nframe=100\ncontent=100\n", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CbsConfig) config = cbs_config_new ();
      g_autoptr (GError) error = NULL;
      g_autofree char *text = g_strconcat ("[server]\n", cases[i].text, NULL);

      g_assert_true (load (config, text, NULL));
      g_assert_cmpint (cbs_config_check (config, &error), ==, cases[i].part == NULL);
      if (cases[i].part != NULL)
        g_assert_nonnull (strstr (error->message, cases[i].part));
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/config/defaults", test_defaults);
  g_test_add_func ("/config/every-setting", test_every_setting);
  g_test_add_func ("/config/twice", test_twice);
  g_test_add_func ("/config/ranges", test_ranges);
  g_test_add_func ("/config/refused", test_refused);
  g_test_add_func ("/config/file", test_file);
  g_test_add_func ("/config/check", test_check);

  return g_test_run ();
}
