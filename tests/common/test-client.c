/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "common/test-client.h"

/* Starts the built client in its plain face, with a further option or NULL; it owns no name, so that names
 * are as they always were. */
TestProgram *
test_client_spawn_with (const char *address,
                        const char *ca_file,
                        const char *username,
                        const char *option)
{
  g_autofree char *server = g_strconcat ("--server=", address, NULL);
  g_autofree char *user = g_strconcat ("--user=", username, NULL);
  g_autofree char *ca = g_strconcat ("--ca-file=", ca_file, NULL);
  const char *const argv[] = { g_getenv ("CHATTERBOX_TEST_CHATTERBOX"), "--plain", "--no-identity", server, user, ca,
                               option, NULL };

  return test_program_spawn (argv);
}

/* Starts the built client in its plain face. */
TestProgram *
test_client_spawn (const char *address,
                   const char *ca_file,
                   const char *username)
{
  return test_client_spawn_with (address, ca_file, username, NULL);
}

/* Reads the next lines: they are those of @expected, where “[TIME]” stands for a message's time. */
void
test_client_expect (TestProgram *self,
                    const char  *expected)
{
  g_autoptr (GRegex) time = g_regex_new ("^\\[(\\d{4}-\\d\\d-\\d\\d )?\\d\\d:\\d\\d\\]", 0, 0, NULL);
  g_auto (GStrv) lines = g_strsplit (expected, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_autofree char *line = test_program_read_line (self);
      g_autofree char *neutral = NULL;

      if (line == NULL)
        g_error ("The client ended instead of printing “%s”; its errors: “%s”", lines[i],
                 test_program_get_errors (self));
      neutral = g_regex_replace_literal (time, line, -1, 0, "[TIME]", 0, NULL);
      g_assert_cmpstr (neutral, ==, lines[i]);
    }
}

/* It prints nothing more, and exits with @status. */
void
test_client_expect_end (TestProgram *self,
                        int          status)
{
  g_autofree char *line = test_program_read_line (self);
  int actual = 0;

  g_assert_cmpstr (line, ==, NULL);
  actual = test_program_wait (self);
  if (actual != status)
    g_error ("The client ended with %d instead of %d; its errors: “%s”", actual, status,
             test_program_get_errors (self));
}
