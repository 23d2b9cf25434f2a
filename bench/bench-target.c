/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "bench/bench-target.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long a server may take until it accepts. */
#define START_MS 20000

#define ACCEPTS_AT "Listening on 127.0.0.1:"

struct _BenchTarget
{
  GPid      pid;
  clockid_t clock;     /* of the processor time of all its threads, also of those that ended */
  int       output;    /* read end of its standard output */
  guint16   port;
  char     *directory; /* its state and what it says on standard error */
  char     *errors;
};

/* What the child sets up for itself before it becomes the server. */
typedef struct
{
  guint    max_descriptors;
  gboolean pinned;
} ChildSetup;

G_DEFINE_QUARK (bench-error-quark, bench_error)

static void
child_setup (gpointer user_data)
{
  const ChildSetup *setup = user_data;
  const struct rlimit limit = { setup->max_descriptors, setup->max_descriptors };

  /* A bench that is stopped leaves no server behind. */
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  if (setup->max_descriptors > 0)
    setrlimit (RLIMIT_NOFILE, &limit);
  if (setup->pinned)
    {
      cpu_set_t processors;

      CPU_ZERO (&processors);
      CPU_SET (0, &processors);
      sched_setaffinity (0, sizeof processors, &processors);
    }
}

static GStrv
make_argv (const BenchTarget   *self,
           const BenchSettings *settings,
           BenchTargetKind      kind)
{
  g_autoptr (GStrvBuilder) argv = g_strv_builder_new ();
  g_autofree char *certificate = g_strconcat ("--certificate=", settings->certificate, NULL);
  g_autofree char *private_key = g_strconcat ("--private-key=", settings->private_key, NULL);
  g_autofree char *state = g_strconcat ("--state-directory=", self->directory, NULL);

  if (kind == BENCH_TARGET_OURS)
    {
      g_strv_builder_add_many (argv, settings->server, "--listen=127.0.0.1:0", state, NULL);
      if (settings->ephemeral)
        g_strv_builder_add (argv, "--ephemeral");
    }
  else
    g_strv_builder_add (argv, settings->bare);

  if (kind == BENCH_TARGET_BARE_COALESCING)
    g_strv_builder_add (argv, "--coalesce");
  else if (kind == BENCH_TARGET_BARE_PARTNER)
    g_strv_builder_add (argv, "--partner");
  g_strv_builder_add_many (argv, certificate, private_key, NULL);
  return g_strv_builder_end (argv);
}

static gboolean
spawn (BenchTarget         *self,
       const BenchSettings *settings,
       BenchTargetKind      kind,
       guint                max_descriptors,
       GError             **error)
{
  g_auto (GStrv) argv = make_argv (self, settings, kind);
  ChildSetup setup = { max_descriptors, settings->pinned };
  gboolean spawned = FALSE;
  const int errors = g_open (self->errors, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

  if (errors < 0)
    {
      g_set_error (error, BENCH_ERROR, BENCH_ERROR_FAILED, "%s: %s", self->errors, g_strerror (errno));
      return FALSE;
    }

  spawned = g_spawn_async_with_pipes_and_fds (NULL, (const char *const *) argv, NULL,
                                              G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDIN_FROM_DEV_NULL,
                                              child_setup, &setup, -1, -1, errors, NULL, NULL, 0,
                                              &self->pid, NULL, &self->output, NULL, error);
  close (errors);
  return spawned;
}

/* Reads lines until one tells the port. */
static gboolean
read_port (BenchTarget *self,
           GError     **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *errors = NULL;
  const gint64 until_us = g_get_monotonic_time () + START_MS * 1000;

  for (;;)
    {
      struct pollfd wait = { self->output, POLLIN, 0 };
      const gint64 left_us = until_us - g_get_monotonic_time ();
      const char *line = strstr (text->str, ACCEPTS_AT);
      char byte = 0;

      if (line != NULL && strchr (line, '\n') != NULL)
        {
          self->port = (guint16) g_ascii_strtoull (line + strlen (ACCEPTS_AT), NULL, 10);
          return TRUE;
        }
      if (left_us <= 0 || poll (&wait, 1, (int) (left_us / 1000) + 1) < 0 ||
          (wait.revents != 0 && read (self->output, &byte, 1) <= 0))
        break;
      if (wait.revents != 0)
        g_string_append_c (text, byte);
    }

  g_file_get_contents (self->errors, &errors, NULL, NULL);
  g_set_error (error, BENCH_ERROR, BENCH_ERROR_FAILED,
               "A server did not start: “%s”", errors != NULL ? g_strstrip (errors) : "");
  return FALSE;
}

/**
 * bench_target_start:
 * @settings: what the run is asked for
 * @kind: which server
 * @max_descriptors: its RLIMIT_NOFILE, or 0 for that of the bench
 * @error: return location for a #GError
 *
 * Starts a server with an empty state on a port of its own, and waits until
 * it accepts.
 *
 * Returns: (transfer full): the server, or %NULL with a #GSpawnError or a #BenchError
 */
BenchTarget *
bench_target_start (const BenchSettings *settings,
                    BenchTargetKind      kind,
                    guint                max_descriptors,
                    GError             **error)
{
  g_autoptr (BenchTarget) self = g_new0 (BenchTarget, 1);
  g_autofree char *template = g_build_filename (settings->directory, "server-XXXXXX", NULL);

  self->output = -1;
  if (g_mkdtemp (template) == NULL)
    {
      g_set_error (error, BENCH_ERROR, BENCH_ERROR_FAILED, "%s: %s", template, g_strerror (errno));
      return NULL;
    }
  self->directory = g_steal_pointer (&template);
  self->errors = g_build_filename (self->directory, "errors", NULL);

  if (settings->self && kind == BENCH_TARGET_OURS)
    kind = BENCH_TARGET_BARE;
  if (!spawn (self, settings, kind, max_descriptors, error) || !read_port (self, error))
    return NULL;

  if (clock_getcpuclockid (self->pid, &self->clock) != 0)
    {
      g_set_error (error, BENCH_ERROR, BENCH_ERROR_FAILED, "The server's processor time can't be read");
      return NULL;
    }
  return g_steal_pointer (&self);
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

/**
 * bench_target_free:
 * @self: (transfer full): a server
 *
 * Kills a server, which has nothing left to lose, and removes its state.
 */
void
bench_target_free (BenchTarget *self)
{
  if (self->pid > 0)
    {
      kill (self->pid, SIGKILL);
      waitpid (self->pid, NULL, 0);
      g_spawn_close_pid (self->pid);
    }
  if (self->output >= 0)
    close (self->output);
  if (self->directory != NULL)
    remove_tree (self->directory);
  g_free (self->directory);
  g_free (self->errors);
  g_free (self);
}

/**
 * bench_target_get_port:
 * @self: a server
 *
 * Gets where it accepts, on 127.0.0.1.
 *
 * Returns: the port
 */
guint16
bench_target_get_port (BenchTarget *self)
{
  return self->port;
}

/**
 * bench_target_get_cpu_us:
 * @self: a server
 *
 * Gets the processor time that all its threads have used, in user and kernel
 * mode. What the kernel does for it elsewhere (interrupts) is not in it.
 *
 * Returns: microseconds
 */
double
bench_target_get_cpu_us (BenchTarget *self)
{
  struct timespec now = { 0, 0 };

  clock_gettime (self->clock, &now);
  return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

/* Finds “@key: NUMBER” in a file of the process; 0 if it is not there. */
static guint64
read_number (BenchTarget *self,
             const char  *file,
             const char  *key)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/%s", self->pid, file);
  g_autofree char *text = NULL;
  const char *line = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return 0;

  line = strstr (text, key);
  return line != NULL ? g_ascii_strtoull (line + strlen (key), NULL, 10) : 0;
}

/**
 * bench_target_get_anonymous_kib:
 * @self: a server
 *
 * Gets its anonymous memory: heap and stacks, not the program's files.
 *
 * Returns: KiB
 */
double
bench_target_get_anonymous_kib (BenchTarget *self)
{
  return (double) read_number (self, "smaps_rollup", "\nAnonymous:");
}

/**
 * bench_target_count_threads:
 * @self: a server
 *
 * Counts its threads.
 *
 * Returns: how many there are
 */
guint
bench_target_count_threads (BenchTarget *self)
{
  return (guint) read_number (self, "status", "\nThreads:");
}

/**
 * bench_target_count_log_lines:
 * @self: a server
 *
 * Counts what it has written on standard error.
 *
 * Returns: lines
 */
guint
bench_target_count_log_lines (BenchTarget *self)
{
  g_autofree char *text = NULL;
  guint n_lines = 0;

  if (!g_file_get_contents (self->errors, &text, NULL, NULL))
    return 0;

  for (const char *p = strchr (text, '\n'); p != NULL; p = strchr (p + 1, '\n'))
    n_lines++;
  return n_lines;
}
