/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <glib-unix.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "server/cbs-config.h"
#include "server/cbs-server.h"
#include "server/log/cbs-log-memory.h"
#include "server/log/cbs-log-release.h"
#include "server/log/cbs-log-sqlite.h"

/* What the command line says; it goes before the file. */
typedef struct
{
  GStrv    listen;
  char    *certificate;
  char    *private_key;
  char    *state_directory;
  char    *config_file;
  char    *release_name;
  gboolean ephemeral;
  gboolean check_config;
  gboolean version;
} Options;

/* The running program. */
typedef struct
{
  GMainLoop *loop;
  CbsServer *server;
  int        status;
} Program;

static void
options_clear (Options *options)
{
  g_strfreev (options->listen);
  g_free (options->certificate);
  g_free (options->private_key);
  g_free (options->state_directory);
  g_free (options->config_file);
  g_free (options->release_name);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static gboolean
parse_options (Options *options,
               int     *argc,
               char  ***argv,
               GError **error)
{
  const GOptionEntry entries[] = {
    { "listen", 'l', 0, G_OPTION_ARG_STRING_ARRAY, &options->listen,
      "Listen on every address of HOST (repeatable; port 0: any)", "HOST:PORT" },
    { "certificate", 0, 0, G_OPTION_ARG_FILENAME, &options->certificate,
      "PEM file with the certificate and its chain", "FILE" },
    { "private-key", 0, 0, G_OPTION_ARG_FILENAME, &options->private_key,
      "PEM file with the certificate's key", "FILE" },
    { "state-directory", 0, 0, G_OPTION_ARG_FILENAME, &options->state_directory,
      "Keep the log in DIR", "DIR" },
    { "ephemeral", 0, 0, G_OPTION_ARG_NONE, &options->ephemeral,
      "Keep the log in memory: it ends with the server", NULL },
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &options->config_file,
      "Read settings from FILE", "FILE" },
    { "release-name", 0, 0, G_OPTION_ARG_STRING, &options->release_name,
      "Take NAME from its holder in the log of --state-directory, and exit", "NAME" },
    { "check-config", 0, 0, G_OPTION_ARG_NONE, &options->check_config,
      "Check the settings and the certificate, and exit", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &options->version,
      "Print the version, and exit", NULL },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_summary (context, "The Chatterbox server: a chat room over TLS, on a durable log.");
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (*argc > 1)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "“%s” is not an option", (*argv)[1]);
      return FALSE;
    }

  return TRUE;
}

static void
override (char **target,
          char **value)
{
  if (*value == NULL)
    return;

  g_free (*target);
  *target = g_steal_pointer (value);
}

static CbsConfig *
make_config (Options *options,
             GError **error)
{
  g_autoptr (CbsConfig) config = cbs_config_new ();

  if (options->config_file != NULL &&
      !cbs_config_load_file (config, options->config_file, error))
    return NULL;

  if (options->listen != NULL)
    {
      g_strfreev (config->listen);
      config->listen = g_steal_pointer (&options->listen);
    }
  override (&config->certificate, &options->certificate);
  override (&config->private_key, &options->private_key);
  override (&config->state_directory, &options->state_directory);
  config->ephemeral |= options->ephemeral;

  return cbs_config_check (config, error) ? g_steal_pointer (&config) : NULL;
}

/* Many systems allow more descriptors than they give at first. */
static void
raise_descriptor_limit (void)
{
  struct rlimit limit = { 0, };

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
    return;

  limit.rlim_cur = limit.rlim_max;
  if (setrlimit (RLIMIT_NOFILE, &limit) != 0)
    g_debug ("The limit of descriptors can't be raised");
}

static void
start_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  Program *program = user_data;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) addresses = NULL;

  if (!cbs_server_start_finish (CBS_SERVER (source), result, &error))
    {
      g_printerr ("chatterboxd: %s\n", error->message);
      program->status = EXIT_FAILURE;
      g_main_loop_quit (program->loop);
      return;
    }

  addresses = cbs_server_dup_addresses (CBS_SERVER (source));
  for (guint i = 0; addresses[i] != NULL; i++)
    g_print ("Listening on %s\n", addresses[i]);
  fflush (stdout);
}

static void
stop_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  Program *program = user_data;
  g_autoptr (GError) error = NULL;

  if (!cbs_server_stop_finish (CBS_SERVER (source), result, &error))
    g_debug ("%s", error->message);
  g_main_loop_quit (program->loop);
}

static gboolean
signal_cb (gpointer user_data)
{
  Program *program = user_data;

  cbs_server_stop_async (program->server, stop_cb, program);
  return G_SOURCE_CONTINUE;
}

/* What an fsync that failed has left on the disk nobody knows: only a new start reads it anew. */
static void
log_failed_cb (CbsLog       *log,
               const GError *error,
               gpointer      user_data)
{
  Program *program = user_data;

  g_printerr ("chatterboxd: the log failed: %s\n", error->message);
  program->status = EX_IOERR;
  g_main_loop_quit (program->loop);
}

static int
run (const CbsConfig   *config,
     CbsTlsCredentials *credentials)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (CbsLog) log = config->ephemeral ? cbs_log_memory_new ()
                                             : cbs_log_sqlite_new (config->state_directory);
  g_autoptr (CbsServer) server = cbs_server_new (config, credentials, log);
  Program program = { .loop = loop, .server = server, .status = EXIT_SUCCESS };
  const guint term_id = g_unix_signal_add (SIGTERM, signal_cb, &program);
  const guint int_id = g_unix_signal_add (SIGINT, signal_cb, &program);

  raise_descriptor_limit ();
  g_signal_connect (log, "failed", G_CALLBACK (log_failed_cb), &program);
  cbs_server_start_async (server, start_cb, &program);
  g_main_loop_run (loop);

  g_signal_handlers_disconnect_by_data (log, &program);
  g_source_remove (term_id);
  g_source_remove (int_id);
  return program.status;
}

/* Gives a name up in the log of a server that is not running. */
static int
release_name (const Options *options)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CbName) name = NULL;

  if (options->state_directory == NULL)
    {
      g_printerr ("chatterboxd: --release-name needs --state-directory\n");
      return EXIT_FAILURE;
    }

  name = cb_name_new (options->release_name, &error);
  if (name == NULL || !cbs_log_release_name (options->state_directory, name, &error))
    {
      g_printerr ("chatterboxd: %s\n", error->message);
      return EXIT_FAILURE;
    }

  g_print ("The name “%s” is released: it belongs to whoever uses it next\n", cb_name_get_text (name));
  return EXIT_SUCCESS;
}

int
main (int   argc,
      char *argv[])
{
  g_auto (Options) options = { 0, };
  g_autoptr (GError) error = NULL;
  g_autoptr (CbsConfig) config = NULL;
  g_autoptr (CbsTlsCredentials) credentials = NULL;

  setlocale (LC_ALL, "");
  /* Standard output is for what scripts read. */
  g_log_writer_default_set_use_stderr (TRUE);
  if (!parse_options (&options, &argc, &argv, &error))
    {
      g_printerr ("chatterboxd: %s\n", error->message);
      return EX_USAGE;
    }
  if (options.version)
    {
      g_print ("chatterboxd %s\n", PACKAGE_VERSION);
      return EXIT_SUCCESS;
    }

  if (options.release_name != NULL)
    return release_name (&options);

  config = make_config (&options, &error);
  if (config != NULL)
    credentials = cbs_tls_credentials_new_from_files (config->certificate, config->private_key, &error);
  if (credentials == NULL)
    {
      g_printerr ("chatterboxd: %s\n", error->message);
      return EX_CONFIG;
    }
  if (options.check_config)
    {
      g_print ("The configuration is valid\n");
      return EXIT_SUCCESS;
    }

  return run (config, credentials);
}
