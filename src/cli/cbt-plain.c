/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cbt-plain.h"

#include <gio/gunixinputstream.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libchatterbox/cb-error.h"
#include "terminal/cbt-command.h"
#include "terminal/cbt-format.h"
#include "terminal/cbt-lines.h"
#include "terminal/cbt-text.h"

/* Longest line: the content that servers accept. */
#define MAX_LINE (32u * 1024)

#define READ_SIZE 4096

/* Reading pauses while more than this waits to be sent, so that a pipe goes
 * as fast as the server. */
#define MAX_QUEUED (256u * 1024)

/* How long the end of the input waits for the next acknowledgement, in seconds:
 * long enough to come back to a server that was started again. */
#define MAX_END_WAIT_S 60

/* A conversation in lines: no cursor, no colours, fit for pipes and screen readers. */
typedef struct
{
  GMainLoop          *loop;
  CbAccount          *account;
  CbtLines           *lines;
  GInputStream       *input;
  GCancellable       *cancellable;
  gboolean            is_terminal;
  gboolean            is_reading;
  gboolean            is_at_end;
  gboolean            is_leaving;
  gboolean            is_handling; /* lines */
  gboolean            asks_name; /* the next line is a name */
  gboolean            was_online;
  gboolean            is_lost;   /* and said so */
  guint               end_id;    /* while the end waits for acknowledgements */
  char                buffer[READ_SIZE];
  CbtStatus           status;

  /* The steps go round in a circle: a line may join, and a join that was refused reads a line. */
  GAsyncReadyCallback joined;
  GAsyncReadyCallback was_read;
} Plain;

/* A pipe gets UTF-8; a terminal what its locale can show: the bytes of other characters could be
 * control sequences there. */
static void
print_line (Plain      *plain,
            const char *line)
{
  if (plain->is_terminal)
    g_print ("%s\n", line);
  else
    printf ("%s\n", line);
  fflush (stdout);
}

static void
print_notice (Plain      *plain,
              const char *text)
{
  g_autofree char *notice = cbt_format_notice (text);

  print_line (plain, notice);
}

static void
print_problem (const char *text)
{
  g_autofree char *visible = cbt_text_make_block (text, "  ");

  g_printerr ("%s: %s\n", g_get_prgname (), visible);
}

static void
print_lost (Plain        *plain,
            const GError *error)
{
  CbConnector *connector = cb_account_get_connector (plain->account);
  g_autofree char *text = NULL;

  /* Translators: the address of a server, and why the connection was lost, in English maybe */
  text = g_strdup_printf (_ ("The connection to %s was lost: %s"),
                          cb_connector_get_server (connector), error->message);
  print_problem (text);
}

static void
end (Plain    *plain,
     CbtStatus status)
{
  plain->status = status;
  g_cancellable_cancel (plain->cancellable);
  g_main_loop_quit (plain->loop);
}

static void
leave_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  Plain *plain = user_data;
  g_autoptr (GError) error = NULL;

  /* What was said last may not have arrived. */
  if (!cb_account_leave_finish (CB_ACCOUNT (source), result, &error))
    {
      if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
        print_problem (error->message);
      else
        print_lost (plain, error);
      plain->status = CBT_STATUS_CONNECTION;
    }
  end (plain, plain->status);
}

static void
leave (Plain *plain)
{
  if (plain->is_leaving)
    return;

  plain->is_leaving = TRUE;
  cb_account_leave_async (plain->account, NULL, leave_cb, plain);
}

/* The server says why a name is no good; what else went wrong has its own exit status. */
static CbtStatus
get_status (const GError *error)
{
  if (g_error_matches (error, CB_ERROR, CB_ERROR_NAME_TAKEN) ||
      g_error_matches (error, CB_ERROR, CB_ERROR_INVALID_NAME))
    return CBT_STATUS_NAME;
  if (g_error_matches (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE))
    return CBT_STATUS_CERTIFICATE;
  if (error->domain == G_FILE_ERROR || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT))
    return CBT_STATUS_USAGE;
  return CBT_STATUS_CONNECTION;
}

static void
say (Plain      *plain,
     const char *destination,
     const char *text)
{
  g_autoptr (GError) error = NULL;

  if (!cb_account_say (plain->account, destination, text, &error))
    print_problem (error->message);
}

static void
run_command (Plain      *plain,
             const char *line)
{
  g_auto (CbtCommand) command = { CBT_ACTION_NOTHING, NULL, NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *help = NULL;

  if (!cbt_command_parse (line, &command, &error))
    {
      print_problem (error->message);
      return;
    }

  switch (command.action)
    {
    case CBT_ACTION_SAY:
      say (plain, CB_MESSAGE_TO_ALL, command.text);
      break;
    case CBT_ACTION_TELL:
      say (plain, command.destination, command.text);
      break;
    case CBT_ACTION_COMMAND:
      say (plain, cb_account_get_username (plain->account), command.text);
      break;
    case CBT_ACTION_HELP:
      help = cbt_command_help ();
      print_notice (plain, help);
      break;
    case CBT_ACTION_QUIT:
      leave (plain);
      break;
    case CBT_ACTION_NOTHING:
    default:
      break;
    }
}

static void
join (Plain      *plain,
      const char *username)
{
  g_autofree char *name = g_strstrip (g_strdup (username));

  plain->asks_name = FALSE;
  cb_account_join_async (plain->account, name, plain->cancellable, plain->joined, plain);
}

/* Whether another line may be handled now. What is said without a connection waits for the next one. */
static gboolean
wants_line (Plain *plain)
{
  const CbAccountState state = cb_account_get_state (plain->account);

  if (plain->is_leaving)
    return FALSE;
  if (plain->asks_name)
    return TRUE;

  return plain->was_online && state != CB_ACCOUNT_OFFLINE && state != CB_ACCOUNT_LEAVING &&
         cb_account_get_queued (plain->account) <= MAX_QUEUED;
}

static gboolean
end_cb (gpointer user_data)
{
  Plain *plain = user_data;

  plain->end_id = 0;
  leave (plain);
  return G_SOURCE_REMOVE;
}

/* Leaves once all that was said is acknowledged, over any number of connections. */
static void
leave_when_acknowledged (Plain *plain)
{
  if (plain->end_id != 0)
    g_source_remove (plain->end_id);
  plain->end_id = 0;

  if (cb_account_get_unacknowledged (plain->account) == 0)
    leave (plain);
  else
    plain->end_id = g_timeout_add_seconds (MAX_END_WAIT_S, end_cb, plain);
}

/* Handles the lines that are here, and reads on when all are done. */
static void
handle_lines (Plain *plain)
{
  plain->is_handling = TRUE;
  while (wants_line (plain))
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *line = cbt_lines_take (plain->lines, &error);

      if (error != NULL)
        print_problem (error->message);
      else if (line == NULL)
        break;
      else if (plain->asks_name)
        join (plain, line);
      else
        run_command (plain, line);
    }

  plain->is_handling = FALSE;
  if (!wants_line (plain) || plain->is_reading)
    return;
  if (plain->is_at_end)
    {
      if (plain->end_id == 0)
        leave_when_acknowledged (plain);
      return;
    }
  plain->is_reading = TRUE;
  g_input_stream_read_async (plain->input, plain->buffer, sizeof plain->buffer,
                             G_PRIORITY_DEFAULT, plain->cancellable, plain->was_read, plain);
}

static void
ask_name (Plain *plain)
{
  plain->asks_name = TRUE;
  g_print ("%s", _ ("User name: "));
  fflush (stdout);
}

static void
join_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  Plain *plain = user_data;
  g_autoptr (GError) error = NULL;

  if (cb_account_join_finish (CB_ACCOUNT (source), result, &error))
    {
      plain->status = CBT_STATUS_OK;
      handle_lines (plain);
      return;
    }
  if (plain->is_leaving)
    return;

  print_problem (error->message);
  plain->status = get_status (error);
  if (plain->status != CBT_STATUS_NAME || !plain->is_terminal || plain->is_at_end)
    {
      end (plain, plain->status);
      return;
    }

  ask_name (plain);
  handle_lines (plain);
}

static void
read_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (GError) error = NULL;
  const gssize n_read = g_input_stream_read_finish (G_INPUT_STREAM (source), result, &error);
  Plain *plain = user_data;

  plain->is_reading = FALSE;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (error != NULL)
    print_problem (error->message);

  if (n_read > 0)
    cbt_lines_feed (plain->lines, plain->buffer, (gsize) n_read);
  else
    {
      plain->is_at_end = TRUE;
      cbt_lines_finish (plain->lines);
    }
  handle_lines (plain);
}

/* There may be room again. */
static void
queued_cb (CbAccount  *account,
           GParamSpec *pspec,
           gpointer    user_data)
{
  Plain *plain = user_data;

  /* Each line that is said changes it, too. */
  if (!plain->is_handling)
    handle_lines (plain);
}

/* The end of the input has waited for it. */
static void
unacknowledged_cb (CbAccount  *account,
                   GParamSpec *pspec,
                   gpointer    user_data)
{
  Plain *plain = user_data;

  if (plain->end_id != 0)
    leave_when_acknowledged (plain);
}

static void
print_online (Plain *plain)
{
  g_auto (GStrv) users = cb_account_dup_users (plain->account);
  g_autofree char *names = g_strjoinv (", ", users);
  g_autofree char *joined = NULL;
  g_autofree char *online = NULL;

  /* Translators: the address of a server, and the user's own name */
  joined = g_strdup_printf (_ ("Joined %s as %s"),
                            cb_connector_get_server (cb_account_get_connector (plain->account)),
                            cb_account_get_username (plain->account));
  print_notice (plain, joined);
  /* Translators: %s is a list of user names */
  online = g_strdup_printf (_ ("Online: %s"), names);
  print_notice (plain, online);
}

static void
state_cb (CbAccount  *account,
          GParamSpec *pspec,
          gpointer    user_data)
{
  Plain *plain = user_data;

  if (cb_account_get_state (account) != CB_ACCOUNT_ONLINE)
    return;

  if (plain->was_online)
    print_notice (plain, _ ("Back online"));
  else
    print_online (plain);
  plain->was_online = TRUE;
  plain->is_lost = FALSE;
}

/* A pipe is told once; a person sees that it is still tried. */
static void
waiting_cb (CbAccount    *account,
            const GError *error,
            guint         delay_ms,
            gpointer      user_data)
{
  Plain *plain = user_data;
  g_autofree char *text = NULL;

  if (plain->is_lost && !plain->is_terminal)
    return;

  if (delay_ms == G_MAXUINT)
    text = g_strdup (_ ("Connection lost; trying again when there is a network"));
  else
    /* Translators: %u is a number of seconds */
    text = g_strdup_printf (_ ("Connection lost; trying again in %u s"), (delay_ms + 999) / 1000);
  plain->is_lost = TRUE;
  print_notice (plain, text);
}

static void
message_cb (CbAccount *account,
            CbMessage *message,
            gboolean   is_history,
            gpointer   user_data)
{
  const char *username = cb_account_get_username (account);
  const gint64 now_s = g_get_real_time () / G_USEC_PER_SEC;
  g_autofree char *line = NULL;

  if (cb_message_is_public (message) || strcmp (cb_message_get_source (message), username) != 0 ||
      strcmp (cb_message_get_destination (message), username) == 0)
    line = cbt_format_message (message, now_s);
  else if (cb_message_get_token (message) == NULL)
    line = cbt_format_sent (message, now_s);

  /* Whoever has typed a private message here has seen it. */
  if (line != NULL)
    print_line (user_data, line);
}

static void
answer_cb (CbAccount *account,
           CbMessage *message,
           gpointer   user_data)
{
  g_autofree char *text = g_strstrip (g_strdup (cb_message_get_content (message)));

  print_notice (user_data, text);
}

static void
user_joined_cb (CbAccount  *account,
                const char *name,
                gpointer    user_data)
{
  /* Translators: %s is a user name */
  g_autofree char *text = g_strdup_printf (_ ("%s has joined"), name);

  print_notice (user_data, text);
}

static void
user_left_cb (CbAccount  *account,
              const char *name,
              gpointer    user_data)
{
  /* Translators: %s is a user name */
  g_autofree char *text = g_strdup_printf (_ ("%s has left"), name);

  print_notice (user_data, text);
}

static void
server_error_cb (CbAccount  *account,
                 const char *error,
                 gpointer    user_data)
{
  /* Translators: %s is what the server said, in its language */
  g_autofree char *text = g_strdup_printf (_ ("Error: %s"), error);

  print_notice (user_data, text);
}

/* One message was refused. */
static void
refused_cb (CbAccount    *account,
            const char   *token,
            const GError *error,
            gpointer      user_data)
{
  server_error_cb (account, error->message, user_data);
}

static void
disconnected_cb (CbAccount    *account,
                 const GError *error,
                 gpointer      user_data)
{
  print_lost (user_data, error);
  end (user_data, get_status (error));
}

static gboolean
signal_cb (gpointer user_data)
{
  leave (user_data);
  return G_SOURCE_CONTINUE;
}

static void
connect_signals (Plain *plain)
{
  g_signal_connect (plain->account, "notify::state", G_CALLBACK (state_cb), plain);
  g_signal_connect (plain->account, "notify::queued", G_CALLBACK (queued_cb), plain);
  g_signal_connect (plain->account, "notify::unacknowledged", G_CALLBACK (unacknowledged_cb), plain);
  g_signal_connect (plain->account, "message", G_CALLBACK (message_cb), plain);
  g_signal_connect (plain->account, "answer", G_CALLBACK (answer_cb), plain);
  g_signal_connect (plain->account, "user-joined", G_CALLBACK (user_joined_cb), plain);
  g_signal_connect (plain->account, "user-left", G_CALLBACK (user_left_cb), plain);
  g_signal_connect (plain->account, "server-error", G_CALLBACK (server_error_cb), plain);
  g_signal_connect (plain->account, "refused", G_CALLBACK (refused_cb), plain);
  g_signal_connect (plain->account, "waiting", G_CALLBACK (waiting_cb), plain);
  g_signal_connect (plain->account, "disconnected", G_CALLBACK (disconnected_cb), plain);
}

static void
plain_clear (Plain *plain)
{
  g_signal_handlers_disconnect_by_data (plain->account, plain);
  if (plain->end_id != 0)
    g_source_remove (plain->end_id);
  g_clear_object (&plain->input);
  g_clear_object (&plain->cancellable);
  g_clear_pointer (&plain->lines, cbt_lines_free);
  g_clear_pointer (&plain->loop, g_main_loop_unref);
}

/**
 * cbt_plain_run:
 * @account: an account that is offline
 * @username: the name to ask for, in UTF-8
 *
 * Talks in lines: those of standard input are said, what comes is printed on
 * standard output, problems on standard error. Returns when the input has
 * ended, or the conversation.
 *
 * Returns: the exit status
 */
CbtStatus
cbt_plain_run (CbAccount  *account,
               const char *username)
{
  Plain plain = { 0, };
  const guint term_id = g_unix_signal_add (SIGTERM, signal_cb, &plain);
  const guint int_id = g_unix_signal_add (SIGINT, signal_cb, &plain);

  plain.loop = g_main_loop_new (NULL, FALSE);
  plain.account = account;
  plain.lines = cbt_lines_new (MAX_LINE);
  plain.input = g_unix_input_stream_new (STDIN_FILENO, FALSE);
  plain.cancellable = g_cancellable_new ();
  plain.joined = join_cb;
  plain.was_read = read_cb;
  plain.is_terminal = isatty (STDIN_FILENO) && isatty (STDOUT_FILENO);

  connect_signals (&plain);
  join (&plain, username);
  g_main_loop_run (plain.loop);

  /* A read or a join that was cancelled still has to end before its buffer goes. */
  while (plain.is_reading)
    g_main_context_iteration (NULL, TRUE);
  plain_clear (&plain);
  g_source_remove (term_id);
  g_source_remove (int_id);
  return plain.status;
}
