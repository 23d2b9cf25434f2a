/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "common/test-program.h"

#include <gio/gunixinputstream.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#define TIMEOUT_S 60

struct _TestProgram
{
  GSubprocess *process;
  GString     *output; /* what was read and not taken */
  GString     *errors; /* all of standard error */
  char         output_buffer[4096];
  char         errors_buffer[4096];
  gboolean     output_ended;
  gboolean     errors_ended;
  gboolean     has_exited;
};

static gboolean
timeout_cb (gpointer user_data)
{
  TestProgram *self = user_data;

  g_error ("The program did nothing for %d seconds; it printed “%s” and the errors “%s”",
           TIMEOUT_S, self->output->str, self->errors->str);
  return G_SOURCE_REMOVE;
}

static void
read_errors_cb (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  TestProgram *self = user_data;
  const gssize n_read = g_input_stream_read_finish (G_INPUT_STREAM (source), result, NULL);

  if (n_read <= 0)
    {
      self->errors_ended = TRUE;
      return;
    }
  g_string_append_len (self->errors, self->errors_buffer, n_read);
  g_input_stream_read_async (G_INPUT_STREAM (source), self->errors_buffer, sizeof self->errors_buffer,
                             G_PRIORITY_DEFAULT, NULL, read_errors_cb, self);
}

static void
read_output_cb (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  TestProgram *self = user_data;
  const gssize n_read = g_input_stream_read_finish (G_INPUT_STREAM (source), result, NULL);

  if (n_read <= 0)
    {
      self->output_ended = TRUE;
      return;
    }
  g_string_append_len (self->output, self->output_buffer, n_read);
  g_input_stream_read_async (G_INPUT_STREAM (source), self->output_buffer, sizeof self->output_buffer,
                             G_PRIORITY_DEFAULT, NULL, read_output_cb, self);
}

static void
exited_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  TestProgram *self = user_data;

  g_subprocess_wait_finish (G_SUBPROCESS (source), result, NULL);
  self->has_exited = TRUE;
}

/* Starts a program; its input, output and errors are pipes. */
TestProgram *
test_program_spawn (const char *const *argv)
{
  TestProgram *self = g_new0 (TestProgram, 1);
  g_autoptr (GError) error = NULL;

  /* Writing to a program that has ended is an error to see, not a death. */
  signal (SIGPIPE, SIG_IGN);

  self->output = g_string_new (NULL);
  self->errors = g_string_new (NULL);
  self->process = g_subprocess_newv (argv,
                                     G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                     G_SUBPROCESS_FLAGS_STDERR_PIPE, &error);
  g_assert_no_error (error);

  g_subprocess_wait_async (self->process, NULL, exited_cb, self);
  g_input_stream_read_async (g_subprocess_get_stdout_pipe (self->process),
                             self->output_buffer, sizeof self->output_buffer,
                             G_PRIORITY_DEFAULT, NULL, read_output_cb, self);
  g_input_stream_read_async (g_subprocess_get_stderr_pipe (self->process),
                             self->errors_buffer, sizeof self->errors_buffer,
                             G_PRIORITY_DEFAULT, NULL, read_errors_cb, self);
  return self;
}

/* Until @done says so. */
static void
run_until (TestProgram *self,
           gboolean (  *done ) (TestProgram *self))
{
  const guint timeout = g_timeout_add_seconds (TIMEOUT_S, timeout_cb, self);

  while (!done (self))
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (timeout);
}

static gboolean
has_line (TestProgram *self)
{
  return self->output_ended || memchr (self->output->str, '\n', self->output->len) != NULL;
}

/* Reads the next line of standard output; NULL at its end. */
char *
test_program_read_line (TestProgram *self)
{
  char *line = NULL;
  gsize len = 0;

  run_until (self, has_line);
  if (self->output->len == 0)
    return NULL;

  len = strcspn (self->output->str, "\n");
  line = g_strndup (self->output->str, len);
  g_string_erase (self->output, 0, (gssize) MIN (len + 1, self->output->len));
  g_test_message ("program prints: %s", line);
  return line;
}

/* Reads lines until one holds @part, and returns it. */
char *
test_program_wait_for (TestProgram *self,
                       const char  *part)
{
  for (;;)
    {
      g_autofree char *line = test_program_read_line (self);

      if (line == NULL)
        g_error ("The program ended without printing “%s”; its errors: “%s”", part, self->errors->str);
      if (strstr (line, part) != NULL)
        return g_steal_pointer (&line);
    }
}

void
test_program_write (TestProgram *self,
                    const char  *text)
{
  g_autoptr (GError) error = NULL;

  g_output_stream_write_all (g_subprocess_get_stdin_pipe (self->process),
                             text, strlen (text), NULL, NULL, &error);
  g_assert_no_error (error);
}

void
test_program_end_input (TestProgram *self)
{
  g_output_stream_close (g_subprocess_get_stdin_pipe (self->process), NULL, NULL);
}

void
test_program_signal (TestProgram *self,
                     int          signal_number)
{
  g_subprocess_send_signal (self->process, signal_number);
}

GPid
test_program_get_pid (TestProgram *self)
{
  return (GPid) g_ascii_strtoll (g_subprocess_get_identifier (self->process), NULL, 10);
}

static gboolean
has_ended (TestProgram *self)
{
  return self->output_ended && self->errors_ended && self->has_exited;
}

/* Waits for the end; returns the exit status, or the negative number of the signal that ended it. */
int
test_program_wait (TestProgram *self)
{
  run_until (self, has_ended);
  return g_subprocess_get_if_exited (self->process)
         ? g_subprocess_get_exit_status (self->process)
         : -g_subprocess_get_term_sig (self->process);
}

/* All that it has written on standard error; whole once it has ended. */
const char *
test_program_get_errors (TestProgram *self)
{
  return self->errors->str;
}

/* Kills it if it still runs. */
void
test_program_free (TestProgram *self)
{
  g_subprocess_force_exit (self->process);
  run_until (self, has_ended);
  g_object_unref (self->process);
  g_string_free (self->output, TRUE);
  g_string_free (self->errors, TRUE);
  g_free (self);
}

static void
spawn_server (TestServer *self)
{
  g_autoptr (GStrvBuilder) argv = g_strv_builder_new ();
  g_auto (GStrv) words = NULL;
  g_autofree char *certificate = g_strconcat ("--certificate=", self->certs->cert, NULL);
  g_autofree char *private_key = g_strconcat ("--private-key=", self->certs->key, NULL);
  g_autofree char *state = g_strconcat ("--state-directory=", self->state_directory, NULL);
  g_autofree char *line = NULL;

  if (self->limits != NULL)
    {
      g_autofree char *script = g_strdup_printf ("ulimit %s && exec \"$@\"", self->limits);

      g_strv_builder_add_many (argv, "sh", "-c", script, "sh", NULL);
    }
  g_strv_builder_add_many (argv, g_getenv ("CHATTERBOX_TEST_CHATTERBOXD"), "--listen=127.0.0.1:0",
                           certificate, private_key, state, NULL);
  if (self->config != NULL)
    {
      g_autofree char *file = g_build_filename (self->state_directory, "test.conf", NULL);
      g_autofree char *config = g_strconcat ("--config=", file, NULL);
      g_autoptr (GError) error = NULL;

      g_file_set_contents (file, self->config, -1, &error);
      g_assert_no_error (error);
      g_strv_builder_add (argv, config);
    }

  words = g_strv_builder_end (argv);
  self->program = test_program_spawn ((const char *const *) words);
  line = test_program_wait_for (self->program, "Listening on ");
  g_free (self->address);
  self->address = g_strdup (line + strlen ("Listening on "));
}

/* Starts a server with fresh certificates and an empty state directory, under limits of ulimit. */
TestServer *
test_server_start_limited (const char *config,
                           const char *limits)
{
  TestServer *self = g_new0 (TestServer, 1);
  g_autoptr (GError) error = NULL;

  self->certs = test_certs_new ();
  self->state_directory = g_dir_make_tmp ("chatterbox-state-XXXXXX", &error);
  g_assert_no_error (error);
  self->config = g_strdup (config);
  self->limits = g_strdup (limits);
  spawn_server (self);
  return self;
}

/* Likewise, without limits; @config may be NULL. */
TestServer *
test_server_start (const char *config)
{
  return test_server_start_limited (config, NULL);
}

/* As a power cut would. */
void
test_server_kill (TestServer *self)
{
  test_program_signal (self->program, SIGKILL);
  g_assert_cmpint (test_program_wait (self->program), ==, -SIGKILL);
  g_clear_pointer (&self->program, test_program_free);
}

/* Starts it again, on the same state and another port. */
void
test_server_restart (TestServer *self)
{
  g_assert_null (self->program);
  spawn_server (self);
}

/* As the administrator does; returns the exit status. It must have had nothing to complain about. */
int
test_server_stop (TestServer *self)
{
  int status = 0;

  test_program_signal (self->program, SIGTERM);
  status = test_program_wait (self->program);
  g_assert_null (strstr (test_program_get_errors (self->program), "CRITICAL"));
  g_assert_null (strstr (test_program_get_errors (self->program), "WARNING"));
  g_clear_pointer (&self->program, test_program_free);
  return status;
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name = NULL;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  g_remove (path);
}

void
test_server_free (TestServer *self)
{
  g_clear_pointer (&self->program, test_program_free);
  remove_tree (self->state_directory);
  test_certs_free (self->certs);
  g_free (self->state_directory);
  g_free (self->config);
  g_free (self->limits);
  g_free (self->address);
  g_free (self);
}
