/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "common/test-terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/test-wait.h"

struct _TestTerminal
{
  GSubprocess *process;
  int          fd;     /* our end */
  GString     *screen; /* what the program has written, and what the terminal echoed */
  guint        watch;  /* 0: nobody is on the other end any more */
};

static gboolean
readable_cb (int          fd,
             GIOCondition condition,
             gpointer     user_data)
{
  TestTerminal *self = user_data;
  char buffer[4096];
  const gssize n_read = read (fd, buffer, sizeof buffer);

  /* The end of the other side is an error here. */
  if (n_read <= 0)
    {
      self->watch = 0;
      return G_SOURCE_REMOVE;
    }

  g_string_append_len (self->screen, buffer, n_read);
  return G_SOURCE_CONTINUE;
}

static int
open_terminal (int *out_program_fd)
{
  const int fd = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  g_assert_no_errno (grantpt (fd));
  g_assert_no_errno (unlockpt (fd));
  *out_program_fd = open (ptsname (fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
  g_assert_cmpint (*out_program_fd, >=, 0);
  return fd;
}

/* Starts a program whose input, output and errors are a terminal of @locale. */
TestTerminal *
test_terminal_spawn (const char *const *argv,
                     const char        *locale)
{
  TestTerminal *self = g_new0 (TestTerminal, 1);
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_autoptr (GError) error = NULL;
  int program_fd = -1;

  self->fd = open_terminal (&program_fd);
  self->screen = g_string_new (NULL);
  g_subprocess_launcher_setenv (launcher, "LC_ALL", locale, TRUE);
  g_subprocess_launcher_take_stdin_fd (launcher, fcntl (program_fd, F_DUPFD_CLOEXEC, 0));
  g_subprocess_launcher_take_stdout_fd (launcher, fcntl (program_fd, F_DUPFD_CLOEXEC, 0));
  g_subprocess_launcher_take_stderr_fd (launcher, program_fd);
  self->process = g_subprocess_launcher_spawnv (launcher, argv, &error);
  g_assert_no_error (error);

  self->watch = g_unix_fd_add (self->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, readable_cb, self);
  return self;
}

/* What is typed; “\004” on an empty line ends the input. */
void
test_terminal_type (TestTerminal *self,
                    const char   *text)
{
  g_assert_cmpint (write (self->fd, text, strlen (text)), ==, (gssize) strlen (text));
}

typedef struct
{
  TestTerminal *self;
  const char   *end;
} ScreenWait;

static gboolean
has_shown (gpointer data)
{
  ScreenWait *wait = data;

  return wait->self->watch == 0 || strstr (wait->self->screen->str, wait->end) != NULL;
}

/* Waits until @end is on the screen, and takes all that is there up to it. */
char *
test_terminal_read_until (TestTerminal *self,
                          const char   *end)
{
  ScreenWait wait = { self, end };
  const char *found = NULL;
  char *text = NULL;

  test_wait_until (has_shown, &wait, end);
  found = strstr (self->screen->str, end);
  if (found == NULL)
    g_error ("The terminal shows “%s” instead of “%s”", self->screen->str, end);

  text = g_strndup (self->screen->str, (gsize) (found - self->screen->str) + strlen (end));
  g_string_erase (self->screen, 0, (gssize) strlen (text));
  return text;
}

/* Waits for the program's end; returns its exit status. */
int
test_terminal_wait (TestTerminal *self)
{
  g_autoptr (GAsyncResult) result = NULL;

  g_subprocess_wait_async (self->process, NULL, test_wait_store_cb, &result);
  test_wait_for (&result, "the program on the terminal ends");
  g_assert_true (g_subprocess_get_if_exited (self->process));
  return g_subprocess_get_exit_status (self->process);
}

/* Kills the program if it still runs. */
void
test_terminal_free (TestTerminal *self)
{
  g_autoptr (GAsyncResult) result = NULL;

  g_subprocess_force_exit (self->process);
  g_subprocess_wait_async (self->process, NULL, test_wait_store_cb, &result);
  test_wait_for (&result, "the program on the terminal ends");
  if (self->watch != 0)
    g_source_remove (self->watch);
  close (self->fd);
  g_object_unref (self->process);
  g_string_free (self->screen, TRUE);
  g_free (self);
}
