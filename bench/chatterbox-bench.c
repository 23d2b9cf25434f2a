/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "bench/bench-certificate.h"
#include "bench/bench-report.h"
#include "bench/bench-scenarios.h"

static const struct
{
  const char *name;
  gboolean    (*run) (const BenchSettings *settings,
                      GError             **error);
  const char *summary;
} scenarios[] = {
  { "idle", bench_idle, "memory of users who are logged in and silent" },
  { "fan-out", bench_fan_out, "messages to 100 users, at a fixed rate" },
  { "ids", bench_ids, "the same with the ids of messages, held against without" },
  { "saturated", bench_saturated, "messages to 100 users, as fast as they go" },
  { "crowd", bench_crowd, "messages to 1000 users, at a fixed rate" },
  { "private", bench_private, "private messages, at a fixed rate" },
  { "joins", bench_joins, "users who join" },
  { "stall", bench_stall, "logins beside connections that stall in the handshake" },
  { "slow-reader", bench_slow_reader, "a user who stops reading" },
  { "descriptors", bench_descriptors, "more connections than descriptors" },
};

static void
settings_clear (BenchSettings *settings)
{
  g_free (settings->server);
  g_free (settings->bare);
  g_free (settings->directory);
  g_free (settings->certificate);
  g_free (settings->private_key);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BenchSettings, settings_clear)

static char *
describe_scenarios (void)
{
  GString *text = g_string_new ("Scenarios (all, if none is named):\n");

  for (gsize i = 0; i < G_N_ELEMENTS (scenarios); i++)
    g_string_append_printf (text, "  %-12s %s\n", scenarios[i].name, scenarios[i].summary);
  g_string_append (text, "\nchatterboxd and the bare loop are run side by side; see docs/performance.md.");
  return g_string_free (text, FALSE);
}

static gboolean
is_sane (const BenchSettings *settings,
         GError             **error)
{
  if (settings->clients >= 1 && settings->clients <= 100000 && settings->rounds >= 1 &&
      settings->rounds <= 1000 && settings->seconds > 0 && settings->content <= 32 * 1024)
    return TRUE;

  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "A number is out of its range");
  return FALSE;
}

static gboolean
parse_options (BenchSettings *settings,
               int           *argc,
               char        ***argv,
               GError       **error)
{
  const GOptionEntry entries[] = {
    { "server", 0, 0, G_OPTION_ARG_FILENAME, &settings->server,
      "Measure this chatterboxd (default: the one that was built with the bench)", "FILE" },
    { "bare-loop", 0, 0, G_OPTION_ARG_FILENAME, &settings->bare,
      "Hold it against this program", "FILE" },
    { "directory", 0, 0, G_OPTION_ARG_FILENAME, &settings->directory,
      "Keep the log below DIR: its disk is part of what is measured (default: $TMPDIR)", "DIR" },
    { "ephemeral", 0, 0, G_OPTION_ARG_NONE, &settings->ephemeral,
      "Have chatterboxd keep its log in memory", NULL },
    { "self", 0, 0, G_OPTION_ARG_NONE, &settings->self,
      "Hold the bare loop against itself: shows how much of a ratio is noise", NULL },
    { "pin", 0, 0, G_OPTION_ARG_NONE, &settings->pinned,
      "Give servers the first processor, and the load the others", NULL },
    { "clients", 0, 0, G_OPTION_ARG_INT, &settings->clients,
      "Clients of the scenarios idle and crowd (default: 1000)", "N" },
    { "rate", 0, 0, G_OPTION_ARG_INT, &settings->rate,
      "Deliveries a second of the scenarios with a fixed rate", "N" },
    { "content", 0, 0, G_OPTION_ARG_INT, &settings->content,
      "Bytes of a message's content (default: 64)", "N" },
    { "rounds", 0, 0, G_OPTION_ARG_INT, &settings->rounds,
      "Take each figure N times of both, those with many logins at most 3 times (default: 11)", "N" },
    { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &settings->seconds,
      "Measure for so long each time (default: 0.5)", "S" },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("[SCENARIO...]");
  g_autofree char *description = describe_scenarios ();

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_summary (context, "Measures chatterboxd.");
  g_option_context_set_description (context, description);
  return g_option_context_parse (context, argc, argv, error) && is_sane (settings, error);
}

/* The programs of the build directory that this one is in. */
static void
find_programs (BenchSettings *settings)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *directory = g_path_get_dirname (self != NULL ? self : ".");

  if (settings->server == NULL)
    settings->server = g_build_filename (directory, "..", "src", "server", "chatterboxd", NULL);
  if (settings->bare == NULL)
    settings->bare = g_build_filename (directory, "bare-loop", NULL);
}

static gboolean
make_directory (BenchSettings *settings,
                GError       **error)
{
  g_autofree char *parent = g_steal_pointer (&settings->directory);
  g_autofree char *template = g_build_filename (parent != NULL ? parent : g_get_tmp_dir (),
                                                "chatterbox-bench-XXXXXX", NULL);

  if (g_mkdtemp (template) == NULL)
    {
      g_set_error (error, BENCH_ERROR, BENCH_ERROR_FAILED, "%s: %s", template, g_strerror (errno));
      return FALSE;
    }

  settings->directory = g_steal_pointer (&template);
  settings->certificate = g_build_filename (settings->directory, "certificate.pem", NULL);
  settings->private_key = g_build_filename (settings->directory, "key.pem", NULL);
  return bench_certificate_write (settings->certificate, settings->private_key, error);
}

static void
remove_directory (const BenchSettings *settings)
{
  if (settings->certificate == NULL)
    return;

  g_remove (settings->certificate);
  g_remove (settings->private_key);
  g_rmdir (settings->directory);
}

/* A server's processor is its own; the load takes the others. */
static void
pin_load (void)
{
  cpu_set_t processors;

  sched_getaffinity (0, sizeof processors, &processors);
  CPU_CLR (0, &processors);
  if (CPU_COUNT (&processors) > 0)
    sched_setaffinity (0, sizeof processors, &processors);
}

static void
raise_descriptor_limit (void)
{
  struct rlimit limit = { 0, };

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
    return;

  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);
}

static gboolean
is_wanted (const char        *name,
           const char *const *wanted)
{
  return wanted[0] == NULL || g_strv_contains (wanted, name);
}

static gboolean
check_names (const char *const *wanted)
{
  for (; *wanted != NULL; wanted++)
    {
      gboolean found = FALSE;

      for (gsize i = 0; i < G_N_ELEMENTS (scenarios); i++)
        found |= strcmp (scenarios[i].name, *wanted) == 0;
      if (found)
        continue;

      g_printerr ("chatterbox-bench: there is no scenario “%s”\n", *wanted);
      return FALSE;
    }

  return TRUE;
}

static int
run (const BenchSettings *settings,
     const char *const   *wanted)
{
  int status = EXIT_SUCCESS;

  printf ("%u processors; %s; %u rounds of %g s; median (least–most); ratios round by round\n\n",
          g_get_num_processors (), settings->ephemeral ? "log in memory" : "log on disk",
          settings->rounds, settings->seconds);
  bench_report_head ();
  for (gsize i = 0; i < G_N_ELEMENTS (scenarios); i++)
    {
      g_autoptr (GError) error = NULL;

      if (!is_wanted (scenarios[i].name, wanted) || scenarios[i].run (settings, &error))
        continue;

      g_printerr ("chatterbox-bench: %s: %s\n", scenarios[i].name, error->message);
      status = EXIT_FAILURE;
    }

  return status;
}

int
main (int   argc,
      char *argv[])
{
  g_auto (BenchSettings) settings = { .clients = 1000, .content = 64, .rounds = 11, .seconds = 0.5 };
  g_autoptr (GError) error = NULL;
  const char *const *wanted = NULL;
  int status = EXIT_FAILURE;

  /* Not the numbers: tables are compared. */
  setlocale (LC_CTYPE, "");
  if (!parse_options (&settings, &argc, &argv, &error))
    {
      g_printerr ("chatterbox-bench: %s\n", error->message);
      return EX_USAGE;
    }
  wanted = (const char *const *) argv + 1;
  if (!check_names (wanted))
    return EX_USAGE;

  signal (SIGPIPE, SIG_IGN);
  raise_descriptor_limit ();
  if (settings.pinned)
    pin_load ();
  find_programs (&settings);
  if (make_directory (&settings, &error))
    status = run (&settings, wanted);
  else
    g_printerr ("chatterbox-bench: %s\n", error->message);
  remove_directory (&settings);
  return status;
}
