/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <locale.h>

#include "cli/cbt-plain.h"
#include "libchatterbox/cb-account.h"
#include "libchatterbox/cb-connector.h"
#include "libchatterbox/cb-identity.h"

typedef struct
{
  char    *server;
  char    *user;
  char    *ca_file;
  char    *identity;
  gboolean no_identity;
  gboolean no_reconnect;
  gboolean no_features;
  gboolean plain;
  gboolean version;
} Options;

static void
options_clear (Options *options)
{
  g_free (options->server);
  g_free (options->user);
  g_free (options->ca_file);
  g_free (options->identity);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static gboolean
parse_options (Options *options,
               int     *argc,
               char  ***argv,
               GError **error)
{
  const GOptionEntry entries[] = {
    { "server", 's', 0, G_OPTION_ARG_STRING, &options->server,
      N_ ("Connect to HOST (port 9000 if none is named)"), N_ ("HOST[:PORT]") },
    /* As it was typed: a name is UTF-8 even where the locale is not, as lines are. */
    { "user", 'u', 0, G_OPTION_ARG_FILENAME, &options->user,
      N_ ("Join as NAME"), N_ ("NAME") },
    { "ca-file", 0, 0, G_OPTION_ARG_FILENAME, &options->ca_file,
      N_ ("Trust the authorities in FILE (PEM), and no others"), N_ ("FILE") },
    { "identity", 0, 0, G_OPTION_ARG_FILENAME, &options->identity,
      N_ ("Own the name by the key in FILE (PEM), which is made if it is not there"), N_ ("FILE") },
    { "no-identity", 0, 0, G_OPTION_ARG_NONE, &options->no_identity,
      N_ ("Own no name: show no key"), NULL },
    { "no-reconnect", 0, 0, G_OPTION_ARG_NONE, &options->no_reconnect,
      N_ ("End when the connection is lost"), NULL },
    { "no-features", 0, 0, G_OPTION_ARG_NONE, &options->no_features,
      N_ ("Announce no extensions: for servers that do not bear it"), NULL },
    { "plain", 0, 0, G_OPTION_ARG_NONE, &options->plain,
      N_ ("Talk in lines, fit for pipes and screen readers"), NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &options->version,
      N_ ("Print the version, and exit"), NULL },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_set_translation_domain (context, GETTEXT_PACKAGE);
  g_option_context_set_summary (context, N_ ("Joins a Chatterbox room: lines of standard input are said there, "
                                             "what is said is printed."));
  g_option_context_set_description (context, N_ ("/Help, once joined, tells what can be typed."));
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (*argc > 1)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   _ ("“%s” is not an option"), (*argv)[1]);
      return FALSE;
    }
  if (options->identity != NULL && options->no_identity)
    {
      g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                           _ ("--identity=FILE and --no-identity exclude each other"));
      return FALSE;
    }
  if (!options->version && (options->server == NULL || options->user == NULL))
    {
      g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                           _ ("Both --server=HOST[:PORT] and --user=NAME are needed; see --help"));
      return FALSE;
    }

  return TRUE;
}

/* Without the key the name would be nobody's, or somebody else's: what is wrong with it ends the program. */
static gboolean
load_identity (CbAccount     *account,
               const Options *options,
               GError       **error)
{
  g_autofree char *file = g_strdup (options->identity);
  g_autoptr (GTlsCertificate) identity = NULL;

  if (options->no_identity)
    return TRUE;

  if (file == NULL)
    file = g_build_filename (g_get_user_data_dir (), "chatterbox", "identity.pem", NULL);
  identity = cb_identity_load (file, error);
  if (identity == NULL)
    return FALSE;

  cb_account_set_identity (account, identity);
  return TRUE;
}

static void
set_up_locale (void)
{
  const char *localedir = g_getenv ("CHATTERBOX_LOCALEDIR");

  setlocale (LC_ALL, "");
  /* In the build directory the catalogues are not where they will be installed. */
  bindtextdomain (GETTEXT_PACKAGE, localedir != NULL ? localedir : LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
}

int
main (int   argc,
      char *argv[])
{
  g_auto (Options) options = { 0, };
  g_autoptr (GError) error = NULL;
  g_autoptr (CbConnector) connector = NULL;
  g_autoptr (CbAccount) account = NULL;

  set_up_locale ();
  /* Standard output is the conversation's. */
  g_log_writer_default_set_use_stderr (TRUE);
  if (!parse_options (&options, &argc, &argv, &error))
    {
      g_printerr ("%s: %s\n", g_get_prgname (), error->message);
      return CBT_STATUS_USAGE;
    }
  if (options.version)
    {
      g_print ("chatterbox %s\n", PACKAGE_VERSION);
      return CBT_STATUS_OK;
    }

  connector = cb_connector_new (options.server);
  cb_connector_set_ca_file (connector, options.ca_file);
  account = cb_account_new (connector);
  cb_account_set_reconnects (account, !options.no_reconnect);
  if (options.no_features)
    cb_account_set_features (account, (CbFeatures) 0);
  if (!load_identity (account, &options, &error))
    {
      g_printerr ("%s: %s\n", g_get_prgname (), error->message);
      return CBT_STATUS_USAGE;
    }
  return (int) cbt_plain_run (account, options.user);
}
