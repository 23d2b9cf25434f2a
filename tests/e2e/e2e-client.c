/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <signal.h>
#include <string.h>

#include "common/test-certs.h"
#include "common/test-client.h"
#include "common/test-listener.h"
#include "common/test-peer.h"
#include "common/test-program.h"
#include "common/test-terminal.h"
#include "common/test-wait.h"

static TestPeer *
join_peer (TestServer *server,
           const char *name)
{
  TestPeer *peer = test_peer_connect (server->address, server->certs->ca);

  json_object_unref (test_peer_join (peer, name));
  return peer;
}

static TestProgram *
spawn (TestServer *server,
       const char *name)
{
  return test_client_spawn (server->address, server->certs->ca, name);
}

static void
expect_joined (TestProgram *client,
               const char  *address,
               const char  *name,
               const char  *online)
{
  g_autofree char *expected = g_strdup_printf ("* Joined %s as %s\n* Online: %s", address, name, online);

  test_client_expect (client, expected);
}

/* The next message that @peer receives. */
static void
expect_message (TestPeer   *peer,
                const char *source,
                const char *destination,
                const char *content)
{
  g_autoptr (JsonArray) message = test_peer_receive_message (peer);

  g_assert_cmpuint (json_array_get_length (message), ==, 4);
  g_assert_cmpstr (json_array_get_string_element (message, 0), ==, source);
  g_assert_cmpstr (json_array_get_string_element (message, 1), ==, destination);
  g_assert_cmpstr (json_array_get_string_element (message, 3), ==, content);
}

/* Waits for the end, and checks the whole of what was written to standard error. */
static void
expect_end (TestProgram *client,
            int          status,
            const char  *errors)
{
  test_client_expect_end (client, status);
  g_assert_cmpstr (test_program_get_errors (client), ==, errors);
}

typedef struct
{
  const char *path;
  const char *arguments; /* words */
  int         status;
  const char *errors;    /* a part of them */
} UsageCase;

static const UsageCase usage_cases[] = {
  { "/client/usage/nothing", "", 1, "Both --server=HOST[:PORT] and --user=NAME are needed" },
  { "/client/usage/no-user", "--server=localhost", 1, "Both --server" },
  { "/client/usage/no-server", "--user=ada", 1, "Both --server" },
  { "/client/usage/option", "--nonsense", 1, "Unknown option --nonsense" },
  { "/client/usage/argument", "--server=localhost --user=ada more", 1, "“more” is not an option" },
  { "/client/usage/port", "--server=localhost:99999 --user=ada", 1, "Invalid numeric port '99999'" },
  { "/client/usage/address", "--server=[::1 --user=ada", 1, "contains “[” but not “]”" },
  { "/client/usage/ca-file", "--server=127.0.0.1:1 --user=ada --ca-file=/nonexistent/ca", 1, "“/nonexistent/ca”" },
  { "/client/usage/identity", "--server=localhost --user=ada --identity=x", 1, "exclude each other" },
  { "/client/usage/utf8", "--server=127.0.0.1:1 --user=ad\xff", 3, "The name is not valid UTF-8" },
};

/* What can't work is told on standard error, and nothing else happens. */
static void
test_usage (gconstpointer data)
{
  const UsageCase *c = data;
  g_autofree char *command = g_strconcat (g_getenv ("CHATTERBOX_TEST_CHATTERBOX"), " --no-identity ",
                                          c->arguments, NULL);
  g_auto (GStrv) argv = g_strsplit (g_strchomp (command), " ", -1);
  g_autoptr (TestProgram) client = test_program_spawn ((const char *const *) argv);

  test_client_expect_end (client, c->status);
  g_assert_true (g_str_has_prefix (test_program_get_errors (client), "chatterbox: "));
  g_assert_nonnull (strstr (test_program_get_errors (client), c->errors));
}

static void
test_version (void)
{
  const char *const argv[] = { g_getenv ("CHATTERBOX_TEST_CHATTERBOX"), "--version", NULL };
  g_autoptr (TestProgram) client = test_program_spawn (argv);

  test_client_expect (client, "chatterbox " PACKAGE_VERSION);
  expect_end (client, 0, "");
}

static void
test_help (void)
{
  const char *const options[] = { "--server=HOST[:PORT]", "--user=NAME", "--ca-file=FILE", "--identity=FILE",
                                  "--no-identity", "--no-reconnect", "--no-features", "--plain", "--version" };
  const char *const argv[] = { g_getenv ("CHATTERBOX_TEST_CHATTERBOX"), "--help", NULL };
  g_autoptr (TestProgram) client = test_program_spawn (argv);

  for (gsize i = 0; i < G_N_ELEMENTS (options); i++)
    g_free (test_program_wait_for (client, options[i]));
  g_free (test_program_wait_for (client, "/Help"));
  expect_end (client, 0, "");
}

/* Lines are messages; “@name” begins a private one; doubled signs are texts; empty lines are nothing. */
static void
test_talk (void)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = join_peer (server, "bob");
  g_autoptr (TestProgram) ada = spawn (server, "ada");

  expect_joined (ada, server->address, "ada", "ada, bob");
  test_program_write (ada, "hello, wörld 😀\n\n");
  expect_message (bob, "ada", "ALL", "hello, wörld 😀");
  test_client_expect (ada, "[TIME] ada: hello, wörld 😀");
  test_program_write (ada, "@bob psst  you\n");
  expect_message (bob, "ada", "bob", "psst  you");
  test_program_write (ada, "@@home\n//usr\n");
  expect_message (bob, "ada", "ALL", "@home");
  expect_message (bob, "ada", "ALL", "/usr");
  test_client_expect (ada, "[TIME] ada: @home\n[TIME] ada: /usr");
  test_peer_say (bob, "ada", "yes?");
  test_client_expect (ada, "[TIME] bob (private): yes?");
  test_peer_say (bob, "ALL", "good bye");
  test_client_expect (ada, "[TIME] bob: good bye");
  g_clear_pointer (&bob, test_peer_free);
  test_client_expect (ada, "* bob has left");
  test_program_end_input (ada);
  expect_end (ada, 0, "");
}

/* Two of our own clients. */
static void
test_two (void)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestProgram) ada = spawn (server, "ada");
  g_autoptr (TestProgram) bob = NULL;

  expect_joined (ada, server->address, "ada", "ada");
  bob = spawn (server, "bob");
  expect_joined (bob, server->address, "bob", "ada, bob");
  test_client_expect (ada, "* bob has joined");
  test_program_write (ada, "hi bob\n@bob really\n");
  test_client_expect (bob, "[TIME] ada: hi bob\n[TIME] ada (private): really");
  test_program_write (bob, "bye\n/quit\n");
  test_client_expect (ada, "[TIME] ada: hi bob\n[TIME] bob: bye\n* bob has left");
  test_program_end_input (ada);
  expect_end (ada, 0, "");
  g_assert_cmpint (test_program_wait (bob), ==, 0);
}

static const struct
{
  const char *typed;
  const char *printed;
} commands[] = {
  { "/name", "* Your username is ada" },
  { "/BLOCKED", "* You have no users blocked" },
  { "/block bob", "* The following users will now be blocked: bob" },
  { "/Blocked", "* You currently have these users blocked: bob" },
  { "@bob hi", "* Error: You have blocked “bob”: nothing was sent" },
  { "/DisplayUsers", "* CURRENT USER(S) ONLINE\n* ----------------------\n* bob\n* ada" },
  { "/displayallusers", "* ALL USER(S)\n* ----------------------\n* \n* bob : ONLINE\n* ada : ONLINE" },
  { "/unBlock bob", "* The following users will now be un-blocked: bob" },
  { "/Block", "* Error: Whom? Usage: /Block <username>..." },
  { "@nobody hi", "* Error: No user “nobody” has ever been here" },
};

static void
test_commands (void)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = join_peer (server, "bob");
  g_autoptr (TestProgram) ada = spawn (server, "ada");
  g_autoptr (JsonObject) left = NULL;

  expect_joined (ada, server->address, "ada", "ada, bob");
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      g_autofree char *line = g_strconcat (commands[i].typed, "\n", NULL);

      test_program_write (ada, line);
      test_client_expect (ada, commands[i].printed);
    }

  test_program_write (ada, "/qUIT\n");
  expect_end (ada, 0, "");
  /* Nobody else has seen any of it. */
  left = test_peer_receive (bob);
  g_assert_true (json_object_has_member (left, "USERS_JOINED"));
  json_object_unref (left);
  left = test_peer_receive (bob);
  g_assert_true (json_object_has_member (left, "USERS_LEFT"));
  g_assert_cmpuint (json_object_get_size (left), ==, 1);
}

/* Help is the client's own, and names every command; what there is not is told, and nothing is sent. */
static void
test_own_commands (void)
{
  static const char *const names[] = {
    "@USER TEXT", "/Name", "/Block USER…", "/UnBlock USER…", "/Blocked", "/DisplayUsers", "/DisplayAllUsers",
    "/Help", "/Quit",
  };
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestProgram) ada = spawn (server, "ada");

  expect_joined (ada, server->address, "ada", "ada");
  test_program_write (ada, "/help\n");
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *line = test_program_wait_for (ada, names[i]);

      g_assert_true (g_str_has_prefix (line, "*   "));
    }

  test_program_write (ada, "/Dance\n@bob\nstill here\n");
  test_client_expect (ada, "[TIME] ada: still here");
  test_program_end_input (ada);
  expect_end (ada, 0,
              "chatterbox: There is no command “/Dance”; /Help lists those there are,"
              " and “//” begins a text with “/”\n"
              "chatterbox: A private message is written “@USER TEXT”\n");
}

static void
test_history (void)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = join_peer (server, "bob");
  g_autoptr (TestProgram) ada = spawn (server, "ada");

  expect_joined (ada, server->address, "ada", "ada, bob");
  test_program_write (ada, "/quit\n");
  expect_end (ada, 0, "");
  test_program_free (g_steal_pointer (&ada));

  test_peer_say (bob, "ALL", "one");
  test_peer_say (bob, "ada", "two");
  test_peer_send (bob, "{\"MESSAGES\": [[\"bob\", \"ALL\", 86400, \"long ago\"]]}");
  expect_message (bob, "bob", "ALL", "one");
  expect_message (bob, "bob", "ALL", "long ago");
  ada = spawn (server, "ada");
  expect_joined (ada, server->address, "ada", "ada, bob");
  test_client_expect (ada, "[TIME] bob: one\n[TIME] bob (private): two");
  g_free (test_program_wait_for (ada, "[1970-01-0"));
  test_program_end_input (ada);
  expect_end (ada, 0, "");
}

static const struct
{
  const char *content; /* as JSON */
  const char *printed;
} hostile_texts[] = {
  { "\\u001b[31mred", "␛[31mred" },
  { "\\u001b]0;title\\u0007", "␛]0;title␇" },
  { "\\u009b31m \\u0085 \\u0090", "<U+009B>31m <U+0085> <U+0090>" },
  { "\\u202eesrever\\u202c \\u2066x\\u2069", "<U+202E>esrever<U+202C> <U+2066>x<U+2069>" },
  { "\\u007f\\b\\f\\u200b\\ufeff", "␡␈␌<U+200B><U+FEFF>" },
  { "a\\n[10:03] eve: forged", "a\n        [10:03] eve: forged" },
  { "a\\r[10:03] eve: forged", "a␍[10:03] eve: forged" },
};

/* Nothing that comes from others can act on the terminal, or pass for what it is not. */
static void
test_hostile_messages (void)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = join_peer (server, "bob");
  g_autoptr (TestProgram) ada = spawn (server, "ada");

  expect_joined (ada, server->address, "ada", "ada, bob");
  for (gsize i = 0; i < G_N_ELEMENTS (hostile_texts); i++)
    {
      g_autofree char *json = g_strdup_printf ("{\"MESSAGES\": [[\"bob\", \"ALL\", %" G_GINT64_FORMAT ", \"%s\"]]}",
                                               g_get_real_time () / G_USEC_PER_SEC, hostile_texts[i].content);
      g_autofree char *expected = g_strconcat ("[TIME] bob: ", hostile_texts[i].printed, NULL);

      test_peer_send (bob, json);
      test_client_expect (ada, expected);
    }
  test_program_end_input (ada);
  expect_end (ada, 0, "");
}

/* Nor can anything that comes from the server. */
static void
test_hostile_server (void)
{
  g_autoptr (TestCerts) certs = test_certs_new ();
  g_autoptr (TestListener) listener = test_listener_new ("127.0.0.1", certs->cert, certs->key);
  const char *address = test_listener_get_address (listener);
  g_autoptr (TestProgram) ada = test_client_spawn (address, certs->ca, "ada");
  g_autoptr (TestPeer) peer = NULL;

  peer = test_listener_accept_login (listener,
                                     "{\"USERNAME_ACCEPTED\": true, \"USER_LIST\": [\"\\u001b[2Jx\", \"a\\nb\"],"
                                     " \"MESSAGES\": [[\"e\\u001bv\\ne\", \"ALL\", 9007199254740991, \"hi\"]]}");
  expect_joined (ada, address, "ada", "␛[2Jx, a\n* b, ada");
  test_client_expect (ada, "[9007199254740991] e␛v␊e: hi");
  test_peer_send (peer, "{\"USERS_JOINED\": [\"\\u001b\"], \"USERS_LEFT\": [\"\\u202e\"], \"ERROR\": \"\\u009b\\nx\"}");
  test_client_expect (ada, "* ␛ has joined\n* <U+202E> has left\n* Error: <U+009B>\n* x");
  test_program_end_input (ada);
  expect_end (ada, 0, "");
}

static void
test_hostile_refusal (void)
{
  g_autoptr (TestCerts) certs = test_certs_new ();
  g_autoptr (TestListener) listener = test_listener_new ("127.0.0.1", certs->cert, certs->key);
  g_autoptr (TestProgram) ada = test_client_spawn (test_listener_get_address (listener), certs->ca, "ada");
  g_autoptr (TestPeer) peer = NULL;

  peer = test_listener_accept_login (listener, "{\"USERNAME_ACCEPTED\": false, \"INFO\": \"\\u001b[31mno\\nroot: \"}");
  expect_end (ada, 3, "chatterbox: The name “ada” was refused: ␛[31mno\n  root: \n");
}

/* Nobody is there to ask. */
static void
test_name_pipe (void)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = join_peer (server, "bob");
  g_autoptr (TestProgram) second = spawn (server, "bob");

  test_client_expect_end (second, 3);
  g_assert_true (g_str_has_prefix (test_program_get_errors (second), "chatterbox: The name “bob” was refused: "));
  g_assert_nonnull (strstr (test_program_get_errors (second), "in use"));
  /* The first one is still here. */
  test_peer_say (bob, "ALL", "hello");
  expect_message (bob, "bob", "ALL", "hello");
}

static TestTerminal *
spawn_on_terminal (TestServer *server,
                   const char *name,
                   const char *locale)
{
  g_autofree char *address = g_strconcat ("--server=", server->address, NULL);
  g_autofree char *user = g_strconcat ("--user=", name, NULL);
  g_autofree char *ca = g_strconcat ("--ca-file=", server->certs->ca, NULL);
  const char *const argv[] = { g_getenv ("CHATTERBOX_TEST_CHATTERBOX"), "--plain", "--no-identity", address, user, ca,
                               NULL };

  return test_terminal_spawn (argv, locale);
}

/* On a terminal somebody can be asked, as often as it takes. */
static void
test_name_terminal (void)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = join_peer (server, "bob");
  g_autoptr (TestTerminal) terminal = spawn_on_terminal (server, "bob", "C.UTF-8");
  g_autofree char *refused = test_terminal_read_until (terminal, "User name: ");

  g_assert_nonnull (strstr (refused, "The name “bob” was refused: "));
  test_terminal_type (terminal, "BOB\n");
  g_free (test_terminal_read_until (terminal, "The name “BOB” was refused: "));
  g_free (test_terminal_read_until (terminal, "User name: "));
  test_terminal_type (terminal, " ada \n");
  g_free (test_terminal_read_until (terminal, " as ada\r\n"));
  test_terminal_type (terminal, "hello\n");
  expect_message (bob, "ada", "ALL", "hello");
  g_free (test_terminal_read_until (terminal, "ada: hello\r\n"));
  test_terminal_type (terminal, "\004");
  g_assert_cmpint (test_terminal_wait (terminal), ==, 0);
}

/* Who gives up was refused all the same. */
static void
test_name_given_up (void)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = join_peer (server, "bob");
  g_autoptr (TestTerminal) terminal = spawn_on_terminal (server, "bob", "C.UTF-8");

  g_free (test_terminal_read_until (terminal, "User name: "));
  test_terminal_type (terminal, "\004");
  g_assert_cmpint (test_terminal_wait (terminal), ==, 3);
  test_peer_say (bob, "ALL", "hello");
  expect_message (bob, "bob", "ALL", "hello");
}

typedef struct
{
  const char *path;
  gsize       cert; /* what the server shows: a member of TestCerts */
  gsize       ca;   /* what the client trusts, likewise */
  const char *reason;
} CertificateCase;

static const CertificateCase certificate_cases[] = {
  { "/client/certificate/expired",
    G_STRUCT_OFFSET (TestCerts, expired_cert), G_STRUCT_OFFSET (TestCerts, ca),
    "it has expired" },
  { "/client/certificate/wrong-host",
    G_STRUCT_OFFSET (TestCerts, wrong_host_cert), G_STRUCT_OFFSET (TestCerts, ca),
    "it was not issued for 127.0.0.1:" },
  { "/client/certificate/wrong-authority",
    G_STRUCT_OFFSET (TestCerts, cert), G_STRUCT_OFFSET (TestCerts, other_ca),
    "it is not signed by a trusted authority" },
  { "/client/certificate/self-signed",
    G_STRUCT_OFFSET (TestCerts, self_signed_cert), G_STRUCT_OFFSET (TestCerts, ca),
    "it is not signed by a trusted authority" },
};

static void
test_certificate (gconstpointer data)
{
  const CertificateCase *c = data;
  g_autoptr (TestCerts) certs = test_certs_new ();
  const char *cert = G_STRUCT_MEMBER (char *, certs, c->cert);
  g_autoptr (TestListener) listener = test_listener_new ("127.0.0.1", cert, certs->key);
  const char *address = test_listener_get_address (listener);
  g_autofree char *message = g_strdup_printf ("chatterbox: The certificate of %s does not verify: %s",
                                              address, c->reason);
  g_autoptr (TestProgram) ada = test_client_spawn (address, G_STRUCT_MEMBER (char *, certs, c->ca), "ada");
  g_autoptr (GError) error = NULL;

  g_assert_null (test_listener_accept_tls (listener, &error));
  test_client_expect_end (ada, 4);
  g_assert_true (g_str_has_prefix (test_program_get_errors (ada), message));
}

#define N_LINES 2000u

static char *
make_lines (void)
{
  g_autoptr (GString) lines = g_string_new (NULL);

  for (guint i = 0; i < N_LINES; i++)
    g_string_append_printf (lines, "line %u\n", i);
  return g_string_free (g_steal_pointer (&lines), FALSE);
}

static void
expect_lines (TestPeer *peer)
{
  for (guint i = 0; i < N_LINES; i++)
    {
      g_autofree char *line = g_strdup_printf ("line %u", i);

      expect_message (peer, "ada", "ALL", line);
    }
}

/* Input that ends at once: all that was said arrives, in order. */
static void
test_lines_pipe (void)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = join_peer (server, "bob");
  g_autoptr (TestProgram) ada = spawn (server, "ada");
  g_autofree char *lines = make_lines ();

  test_program_write (ada, lines);
  test_program_end_input (ada);
  expect_lines (bob);
  g_assert_cmpint (test_program_wait (ada), ==, 0);
  g_assert_cmpstr (test_program_get_errors (ada), ==, "");
}

/* A file is no pipe; and its last line may lack its end. */
static void
test_lines_file (void)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = join_peer (server, "bob");
  g_autofree char *file = g_build_filename (server->certs->dir, "lines", NULL);
  g_autofree char *command = NULL;
  g_autofree char *lines = make_lines ();
  g_autofree char *text = g_strconcat (lines, "the last", NULL);
  g_autoptr (TestProgram) ada = NULL;
  g_autoptr (GError) error = NULL;

  g_file_set_contents (file, text, -1, &error);
  g_assert_no_error (error);
  command = g_strdup_printf ("exec %s --no-identity --server=%s --user=ada --ca-file=%s <%s",
                             g_getenv ("CHATTERBOX_TEST_CHATTERBOX"), server->address, server->certs->ca, file);
  ada = test_program_spawn ((const char *const[]) { "sh", "-c", command, NULL });
  expect_lines (bob);
  expect_message (bob, "ada", "ALL", "the last");
  g_assert_cmpint (test_program_wait (ada), ==, 0);
  g_assert_cmpstr (test_program_get_errors (ada), ==, "");
}

/* What nothing comes back for is not lost either. */
static void
test_lines_private (void)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = join_peer (server, "bob");
  g_autoptr (TestProgram) ada = spawn (server, "ada");

  test_program_write (ada, "@bob one\n@bob two\n/Block\n@bob three\n");
  test_program_end_input (ada);
  expect_message (bob, "ada", "bob", "one");
  expect_message (bob, "ada", "bob", "two");
  expect_message (bob, "ada", "bob", "three");
  expect_joined (ada, server->address, "ada", "ada, bob");
  test_client_expect (ada, "* Error: Whom? Usage: /Block <username>...");
  expect_end (ada, 0, "");
}

/* What can't be sent is refused with its size and the limit, and the rest goes on. */
static void
test_too_large (void)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestProgram) ada = spawn (server, "ada");
  g_autofree char *line = g_strnfill (40000, 'x');
  g_autoptr (GString) accents = g_string_new (NULL);
  g_autofree char *largest = g_strnfill (32 * 1024, 'y');
  g_autofree char *text = NULL;
  g_autofree char *echo = g_strconcat ("[TIME] ada: ", largest, NULL);

  /* Each takes two bytes in UTF-8, and six in the ASCII of the wire. */
  for (guint i = 0; i < 16000; i++)
    g_string_append (accents, "é");

  expect_joined (ada, server->address, "ada", "ada");
  text = g_strconcat (line, "\n", accents->str, "\nad\xff\n", NULL);
  test_program_write (ada, text);
  test_program_write (ada, largest);
  test_program_write (ada, "\nstill here\n");
  test_client_expect (ada, echo);
  test_client_expect (ada, "[TIME] ada: still here");
  test_program_end_input (ada);
  test_client_expect_end (ada, 0);
  g_assert_nonnull (strstr (test_program_get_errors (ada),
                            "Line 1 has 40000 bytes, and was not sent; the limit is 32768\n"));
  g_assert_nonnull (strstr (test_program_get_errors (ada), "The message takes 960"));
  g_assert_nonnull (strstr (test_program_get_errors (ada), "bytes on the wire; the limit is 65472\n"));
  g_assert_nonnull (strstr (test_program_get_errors (ada), "Line 3 is not valid UTF-8, and was not sent\n"));
}

/* Nobody accepts there any more. */
static void
test_server_gone (void)
{
  g_autoptr (TestCerts) certs = test_certs_new ();
  g_autoptr (TestListener) listener = test_listener_new ("127.0.0.1", certs->cert, certs->key);
  g_autofree char *address = g_strdup (test_listener_get_address (listener));
  g_autoptr (TestProgram) ada = NULL;

  g_clear_pointer (&listener, test_listener_free);
  ada = test_client_spawn (address, certs->ca, "ada");
  expect_end (ada, 2, "chatterbox: Could not connect to 127.0.0.1: Connection refused\n");
}

static void
test_server_killed (void)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestProgram) ada = test_client_spawn_with (server->address, server->certs->ca, "ada",
                                                        "--no-reconnect");
  g_autofree char *message = g_strdup_printf ("chatterbox: The connection to %s was lost: ", server->address);

  expect_joined (ada, server->address, "ada", "ada");
  test_server_kill (server);
  test_client_expect_end (ada, 2);
  g_assert_true (g_str_has_prefix (test_program_get_errors (ada), message));
}

static void
test_server_stopped (void)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestProgram) ada = test_client_spawn_with (server->address, server->certs->ca, "ada",
                                                        "--no-reconnect");
  g_autofree char *message = g_strdup_printf ("chatterbox: The connection to %s was lost: ", server->address);

  expect_joined (ada, server->address, "ada", "ada");
  g_assert_cmpint (test_server_stop (server), ==, 0);
  test_client_expect_end (ada, 2);
  g_assert_true (g_str_has_prefix (test_program_get_errors (ada), message));
}

/* A server that ends in the middle of a leave may not have what was said. */
static void
test_server_unconfirmed (void)
{
  g_autoptr (TestCerts) certs = test_certs_new ();
  g_autoptr (TestListener) listener = test_listener_new ("127.0.0.1", certs->cert, certs->key);
  const char *address = test_listener_get_address (listener);
  g_autoptr (TestProgram) ada = test_client_spawn (address, certs->ca, "ada");
  g_autofree char *message = g_strdup_printf ("chatterbox: The connection to %s was lost: ", address);
  g_autoptr (TestPeer) peer = NULL;

  peer = test_listener_accept_login (listener, "{\"USERNAME_ACCEPTED\": true}");
  expect_joined (ada, address, "ada", "ada");
  test_program_write (ada, "@bob hi\n");
  test_program_end_input (ada);
  json_object_unref (test_peer_receive (peer));
  g_clear_pointer (&peer, test_peer_free);
  test_client_expect_end (ada, 2);
  g_assert_true (g_str_has_prefix (test_program_get_errors (ada), message));
}

/* What was typed is said, then the client leaves, as at the end of its input. */
static void
test_signal (gconstpointer data)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = join_peer (server, "bob");
  g_autoptr (TestProgram) ada = spawn (server, "ada");

  expect_joined (ada, server->address, "ada", "ada, bob");
  test_program_write (ada, "good bye\n");
  expect_message (bob, "ada", "ALL", "good bye");
  test_program_signal (ada, GPOINTER_TO_INT (data));
  g_assert_cmpint (test_program_wait (ada), ==, 0);
  g_assert_cmpstr (test_program_get_errors (ada), ==, "");
  json_object_unref (test_peer_receive_with (bob, "USERS_LEFT"));
}

/* A server that is silent does not keep the client from ending. */
static void
test_signal_connecting (void)
{
  g_autoptr (TestCerts) certs = test_certs_new ();
  g_autoptr (TestListener) listener = test_listener_new ("127.0.0.1", certs->cert, certs->key);
  g_autoptr (TestProgram) ada = test_client_spawn (test_listener_get_address (listener), certs->ca, "ada");
  g_autoptr (GIOStream) silent = test_listener_accept_socket (listener);

  test_program_signal (ada, SIGTERM);
  expect_end (ada, 0, "");
  g_io_stream_close (silent, NULL, NULL);
}

/* In a pipe all is UTF-8, whatever the locale. */
static void
test_locale_pipe (void)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = join_peer (server, "bob");
  g_autofree char *address = g_strconcat ("--server=", server->address, NULL);
  g_autofree char *ca = g_strconcat ("--ca-file=", server->certs->ca, NULL);
  const char *const argv[] = { "env", "LC_ALL=C", "LANGUAGE=de:xx", g_getenv ("CHATTERBOX_TEST_CHATTERBOX"),
                               "--no-identity", address, "--user=Zoë", ca, NULL };
  g_autoptr (TestProgram) zoe = test_program_spawn (argv);

  expect_joined (zoe, server->address, "Zoë", "Zoë, bob");
  test_program_write (zoe, "grüße 😀\n");
  expect_message (bob, "Zoë", "ALL", "grüße 😀");
  test_client_expect (zoe, "[TIME] Zoë: grüße 😀");
  test_program_write (zoe, "/Dance\n");
  test_program_end_input (zoe);
  test_client_expect_end (zoe, 0);
  g_assert_true (g_str_is_ascii (test_program_get_errors (zoe)));
}

/* A terminal gets only what its locale can show: other bytes might be controls there. */
static void
test_locale_terminal (void)
{
  g_autoptr (TestServer) server = test_server_start (NULL);
  g_autoptr (TestPeer) bob = join_peer (server, "bob");
  g_autoptr (TestTerminal) terminal = spawn_on_terminal (server, "ada", "C");
  g_autofree char *joined = test_terminal_read_until (terminal, "Online: ");
  g_autofree char *shown = NULL;

  test_peer_say (bob, "ALL", "grüße 😀 end");
  shown = test_terminal_read_until (terminal, " end\r\n");
  g_assert_true (g_str_is_ascii (joined));
  g_assert_true (g_str_is_ascii (shown));
  g_assert_nonnull (strstr (shown, "bob: gr"));
  test_terminal_type (terminal, "/quit\n");
  g_assert_cmpint (test_terminal_wait (terminal), ==, 0);
}

static void
add_server_tests (void)
{
  g_test_add_func ("/client/server/gone", test_server_gone);
  g_test_add_func ("/client/server/killed", test_server_killed);
  g_test_add_func ("/client/server/stopped", test_server_stopped);
  g_test_add_func ("/client/server/unconfirmed", test_server_unconfirmed);
  g_test_add_data_func ("/client/signal/term", GINT_TO_POINTER (SIGTERM), test_signal);
  g_test_add_data_func ("/client/signal/int", GINT_TO_POINTER (SIGINT), test_signal);
  g_test_add_func ("/client/signal/connecting", test_signal_connecting);
  g_test_add_func ("/client/locale/pipe", test_locale_pipe);
  g_test_add_func ("/client/locale/terminal", test_locale_terminal);
}

int
main (int   argc,
      char *argv[])
{
  /* glib-networking 2.74 looks for a desktop's proxies, and aborts in directories without its schemas. */
  g_setenv ("GIO_USE_PROXY_RESOLVER", "dummy", TRUE);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (usage_cases); i++)
    g_test_add_data_func (usage_cases[i].path, &usage_cases[i], test_usage);
  g_test_add_func ("/client/version", test_version);
  g_test_add_func ("/client/help", test_help);
  g_test_add_func ("/client/talk", test_talk);
  g_test_add_func ("/client/two", test_two);
  g_test_add_func ("/client/commands/server", test_commands);
  g_test_add_func ("/client/commands/own", test_own_commands);
  g_test_add_func ("/client/history", test_history);
  g_test_add_func ("/client/hostile/messages", test_hostile_messages);
  g_test_add_func ("/client/hostile/server", test_hostile_server);
  g_test_add_func ("/client/hostile/refusal", test_hostile_refusal);
  g_test_add_func ("/client/name/pipe", test_name_pipe);
  g_test_add_func ("/client/name/terminal", test_name_terminal);
  g_test_add_func ("/client/name/given-up", test_name_given_up);
  for (gsize i = 0; i < G_N_ELEMENTS (certificate_cases); i++)
    g_test_add_data_func (certificate_cases[i].path, &certificate_cases[i], test_certificate);
  g_test_add_func ("/client/lines/pipe", test_lines_pipe);
  g_test_add_func ("/client/lines/file", test_lines_file);
  g_test_add_func ("/client/lines/private", test_lines_private);
  g_test_add_func ("/client/too-large", test_too_large);
  add_server_tests ();

  return g_test_run ();
}
