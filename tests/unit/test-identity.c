/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <gnutls/x509.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/test-certs.h"
#include "libchatterbox/cb-identity.h"

#define N_THREADS 8

typedef struct
{
  TestCerts *certs; /* of a server, and of other clients */
  char      *dir; /* where the identity goes; not there yet */
  char      *path;
} Fixture;

static void
set_up (Fixture      *fixture,
        gconstpointer user_data)
{
  fixture->certs = test_certs_new ();
  fixture->dir = g_build_filename (fixture->certs->dir, "data", "chatterbox", NULL);
  fixture->path = g_build_filename (fixture->dir, "identity.pem", NULL);
}

static void
clear_dir (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name = NULL;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);

      g_assert_cmpint (g_remove (file), ==, 0);
    }
  g_rmdir (path);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer user_data)
{
  g_autofree char *parent = g_path_get_dirname (fixture->dir);

  clear_dir (fixture->dir);
  g_rmdir (parent);
  g_free (fixture->dir);
  g_free (fixture->path);
  test_certs_free (fixture->certs);
}

static GTlsCertificate *
load (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GTlsCertificate) identity = cb_identity_load (fixture->path, &error);

  g_assert_no_error (error);
  g_assert_true (G_IS_TLS_CERTIFICATE (identity));
  return g_steal_pointer (&identity);
}

static char *
get_key_id (GTlsCertificate *identity)
{
  g_autoptr (GError) error = NULL;
  char *id = cb_identity_get_key_id (identity, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (strlen (id), ==, 64);
  g_assert_cmpuint (strspn (id, "0123456789abcdef"), ==, 64);
  return id;
}

static guint
get_mode (const char *path)
{
  GStatBuf st;

  g_assert_cmpint (g_lstat (path, &st), ==, 0);
  return st.st_mode & 07777;
}

static char *
read_pem (const char *path)
{
  g_autoptr (GError) error = NULL;
  char *pem = NULL;

  g_file_get_contents (path, &pem, NULL, &error);
  g_assert_no_error (error);
  return pem;
}

/* The certificate as GnuTLS has it. */
static gnutls_x509_crt_t
import (GTlsCertificate *identity)
{
  g_autoptr (GByteArray) der = NULL;
  gnutls_datum_t datum = { 0 };
  gnutls_x509_crt_t certificate = NULL;

  g_object_get (identity, "certificate", &der, NULL);
  datum.data = der->data;
  datum.size = der->len;
  g_assert_cmpint (gnutls_x509_crt_init (&certificate), ==, 0);
  g_assert_cmpint (gnutls_x509_crt_import (certificate, &datum, GNUTLS_X509_FMT_DER), ==, 0);
  return certificate;
}

static void
test_identity_make_modes (Fixture      *fixture,
                          gconstpointer user_data)
{
  g_autoptr (GTlsCertificate) identity = load (fixture);
  g_autoptr (GDir) dir = g_dir_open (fixture->dir, 0, NULL);

  g_assert_nonnull (identity);
  g_assert_cmphex (get_mode (fixture->path), ==, 0600);
  g_assert_cmphex (get_mode (fixture->dir), ==, 0700);
  /* Nothing but the identity was left behind. */
  g_assert_cmpstr (g_dir_read_name (dir), ==, "identity.pem");
  g_assert_null (g_dir_read_name (dir));
}

/* The certificate tells nothing of the person and of the time, and it does not end. */
static void
test_identity_make_certificate (Fixture      *fixture,
                                gconstpointer user_data)
{
  g_autoptr (GTlsCertificate) identity = load (fixture);
  g_autofree char *key_pem = NULL;
  gnutls_x509_crt_t certificate = import (identity);
  char name[256];
  gsize len = sizeof name;
  guint bits = 0;

  g_object_get (identity, "private-key-pem", &key_pem, NULL);
  g_assert_nonnull (key_pem);
  g_assert_cmpint (gnutls_x509_crt_get_dn (certificate, name, &len), ==, 0);
  g_assert_cmpstr (name, ==, "CN=Chatterbox");
  len = sizeof name;
  g_assert_cmpint (gnutls_x509_crt_get_issuer_dn (certificate, name, &len), ==, 0);
  g_assert_cmpstr (name, ==, "CN=Chatterbox");
  g_assert_cmpint (gnutls_x509_crt_get_activation_time (certificate), ==, 946684800);
  /* The last second of the year 9999. */
  g_assert_cmpint (gnutls_x509_crt_get_expiration_time (certificate), ==, GNUTLS_X509_NO_WELL_DEFINED_EXPIRATION);
  g_assert_cmpint (gnutls_x509_crt_get_pk_algorithm (certificate, &bits), ==, GNUTLS_PK_EDDSA_ED25519);
  g_assert_cmpint (gnutls_x509_crt_check_issuer (certificate, certificate), ==, 1);
  g_assert_cmpint (gnutls_x509_crt_get_ca_status (certificate, NULL), ==, 0);
  gnutls_x509_crt_deinit (certificate);
}

static void
test_identity_make_distinct (Fixture      *fixture,
                             gconstpointer user_data)
{
  g_autofree char *other_path = g_build_filename (fixture->dir, "other.pem", NULL);
  g_autoptr (GTlsCertificate) identity = load (fixture);
  g_autoptr (GTlsCertificate) other = cb_identity_load (other_path, NULL);
  g_autofree char *id = get_key_id (identity);
  g_autofree char *other_id = get_key_id (other);
  gnutls_x509_crt_t certificates[] = { import (identity), import (other) };
  guint8 serials[2][20] = { 0 };

  g_assert_cmpstr (id, !=, other_id);
  for (gsize i = 0; i < 2; i++)
    {
      gsize len = sizeof serials[i];

      g_assert_cmpint (gnutls_x509_crt_get_serial (certificates[i], serials[i], &len), ==, 0);
      gnutls_x509_crt_deinit (certificates[i]);
    }
  g_assert_cmpint (memcmp (serials[0], serials[1], sizeof serials[0]), !=, 0);
}

static void
test_identity_again (Fixture      *fixture,
                     gconstpointer user_data)
{
  g_autoptr (GTlsCertificate) first = load (fixture);
  g_autofree char *pem = read_pem (fixture->path);
  g_autoptr (GTlsCertificate) second = load (fixture);
  g_autofree char *pem_again = read_pem (fixture->path);

  g_assert_true (g_tls_certificate_is_same (first, second));
  g_assert_cmpstr (pem_again, ==, pem);
}

/* A pair that was made elsewhere: the certificate may stand first, and the key be of another kind. */
static void
test_identity_foreign (Fixture      *fixture,
                       gconstpointer user_data)
{
  g_autofree char *key = read_pem (fixture->certs->client_key);
  g_autofree char *certificate = read_pem (fixture->certs->client_cert);
  g_autofree char *pem = g_strconcat (certificate, key, NULL);
  g_autoptr (GTlsCertificate) identity = NULL;
  g_autoptr (GTlsCertificate) expected = g_tls_certificate_new_from_pem (certificate, -1, NULL);

  g_assert_cmpint (g_mkdir_with_parents (fixture->dir, 0700), ==, 0);
  g_assert_true (g_file_set_contents_full (fixture->path, pem, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
  identity = load (fixture);
  g_assert_true (g_tls_certificate_is_same (identity, expected));
}

/* The hash, by another way. */
static void
test_identity_key_id (Fixture      *fixture,
                      gconstpointer user_data)
{
  g_autoptr (GTlsCertificate) own = load (fixture);
  g_autoptr (GTlsCertificate) client = g_tls_certificate_new_from_file (fixture->certs->client_cert, NULL);
  GTlsCertificate *certificates[] = { own, client };

  for (gsize i = 0; i < G_N_ELEMENTS (certificates); i++)
    {
      g_autofree char *id = get_key_id (certificates[i]);
      g_autoptr (GString) expected = g_string_new (NULL);
      gnutls_x509_crt_t certificate = import (certificates[i]);
      guint8 hash[32];
      gsize len = sizeof hash;

      g_assert_cmpint (gnutls_x509_crt_get_key_id (certificate, GNUTLS_KEYID_USE_SHA256, hash, &len), ==, 0);
      gnutls_x509_crt_deinit (certificate);
      for (gsize b = 0; b < len; b++)
        g_string_append_printf (expected, "%02x", hash[b]);
      g_assert_cmpstr (id, ==, expected->str);
    }
}

static void
assert_refused (Fixture    *fixture,
                GQuark      domain,
                int         code,
                const char *reason)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (cb_identity_load (fixture->path, &error));
  g_assert_error (error, domain, code);
  if (strstr (error->message, fixture->path) == NULL || strstr (error->message, reason) == NULL)
    g_error ("“%s” does not say “%s” of %s", error->message, reason, fixture->path);
}

static void
test_identity_refused_mode (Fixture      *fixture,
                            gconstpointer user_data)
{
  static const guint modes[] = { 0640, 0620, 0604, 0602, 0644, 0660, 0666, 0777 };
  g_autoptr (GTlsCertificate) identity = load (fixture);
  g_autoptr (GTlsCertificate) again = NULL;
  g_autofree char *pem = read_pem (fixture->path);
  g_autofree char *pem_again = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      g_autofree char *reason = g_strdup_printf ("its mode is %04o, and has to be 0600", modes[i]);

      g_assert_cmpint (g_chmod (fixture->path, modes[i]), ==, 0);
      assert_refused (fixture, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED, reason);
      g_assert_cmphex (get_mode (fixture->path), ==, modes[i]);
    }

  g_assert_cmpint (g_chmod (fixture->path, 0400), ==, 0);
  again = load (fixture);
  g_assert_true (g_tls_certificate_is_same (again, identity));
  pem_again = read_pem (fixture->path);
  g_assert_cmpstr (pem_again, ==, pem);
}

static void
test_identity_refused_link (Fixture      *fixture,
                            gconstpointer user_data)
{
  g_autofree char *real_path = g_build_filename (fixture->dir, "real.pem", NULL);
  g_autoptr (GTlsCertificate) identity = load (fixture);

  g_assert_nonnull (identity);
  g_assert_cmpint (g_rename (fixture->path, real_path), ==, 0);
  g_assert_cmpint (symlink (real_path, fixture->path), ==, 0);
  assert_refused (fixture, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE, "is a symbolic link");
}

/* What a link points at is not made, either. */
static void
test_identity_refused_dangling_link (Fixture      *fixture,
                                     gconstpointer user_data)
{
  g_autofree char *real_path = g_build_filename (fixture->dir, "real.pem", NULL);

  g_assert_cmpint (g_mkdir_with_parents (fixture->dir, 0700), ==, 0);
  g_assert_cmpint (symlink (real_path, fixture->path), ==, 0);
  assert_refused (fixture, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE, "is a symbolic link");
  g_assert_false (g_file_test (real_path, G_FILE_TEST_EXISTS));
}

static void
test_identity_refused_directory (Fixture      *fixture,
                                 gconstpointer user_data)
{
  g_assert_cmpint (g_mkdir_with_parents (fixture->path, 0700), ==, 0);
  assert_refused (fixture, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE, "is not a regular file");
}

/* Nobody writes into the pipe: whoever waited for that would wait forever. */
static void
test_identity_refused_pipe (Fixture      *fixture,
                            gconstpointer user_data)
{
  g_assert_cmpint (g_mkdir_with_parents (fixture->dir, 0700), ==, 0);
  g_assert_cmpint (mkfifo (fixture->path, 0600), ==, 0);
  assert_refused (fixture, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE, "is not a regular file");
}

static void
test_identity_refused_no_directory (Fixture      *fixture,
                                    gconstpointer user_data)
{
  g_autofree char *path = g_build_filename (fixture->certs->ca, "identity.pem", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (cb_identity_load (path, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY);
  g_assert_nonnull (strstr (error->message, fixture->certs->ca));
}

/* A text in place of an identity is refused, and stays as it is. */
static void
refuse_text (Fixture    *fixture,
             const char *text,
             GQuark      domain,
             int         code,
             const char *reason)
{
  g_autofree char *text_again = NULL;

  g_assert_cmpint (g_mkdir_with_parents (fixture->dir, 0700), ==, 0);
  g_assert_true (g_file_set_contents_full (fixture->path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
  assert_refused (fixture, domain, code, reason);
  text_again = read_pem (fixture->path);
  g_assert_cmpstr (text_again, ==, text);
}

static void
test_identity_refused_text (Fixture      *fixture,
                            gconstpointer user_data)
{
  g_autoptr (GTlsCertificate) identity = load (fixture);
  g_autofree char *pem = read_pem (fixture->path);
  g_auto (GStrv) parts = g_strsplit (pem, "-----BEGIN CERTIFICATE", 2);
  const char *key = parts[0];
  g_autofree char *certificate = g_strconcat ("-----BEGIN CERTIFICATE", parts[1], NULL);
  g_autofree char *other_key = read_pem (fixture->certs->client_key);
  g_autofree char *mixed = g_strconcat (other_key, certificate, NULL);
  g_autofree char *cut = g_strndup (pem, strlen (pem) - 80);

  g_assert_nonnull (identity);
  refuse_text (fixture, "", G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE, "holds no key and certificate");
  refuse_text (fixture, "hello\n", G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE, "holds no key and certificate");
  refuse_text (fixture, key, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE, "holds no key and certificate");
  refuse_text (fixture, certificate, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE, "holds no key and certificate");
  refuse_text (fixture, mixed, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE, "holds no key and certificate");
  refuse_text (fixture, cut, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE, "holds no key and certificate");
}

/* An identity with a comment in front, as long as is allowed, and one byte more. */
static void
test_identity_refused_size (Fixture      *fixture,
                            gconstpointer user_data)
{
  g_autoptr (GTlsCertificate) identity = load (fixture);
  g_autoptr (GTlsCertificate) again = NULL;
  g_autofree char *pem = read_pem (fixture->path);
  g_autofree char *comment = g_strnfill (64 * 1024 - strlen (pem) - 1, '#');
  g_autofree char *largest = g_strconcat (comment, "\n", pem, NULL);
  g_autofree char *too_large = g_strconcat ("#", largest, NULL);

  refuse_text (fixture, too_large, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE, "65537 bytes, but may have 65536");
  g_assert_true (g_file_set_contents_full (fixture->path, largest, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
  again = load (fixture);
  g_assert_true (g_tls_certificate_is_same (again, identity));
}

static gpointer
load_thread (gpointer user_data)
{
  g_autoptr (GTlsCertificate) identity = load (user_data);

  return get_key_id (identity);
}

/* Of several that make one at the same time one wins, and all use that. */
static void
test_identity_race (Fixture      *fixture,
                    gconstpointer user_data)
{
  GThread *threads[N_THREADS] = { NULL };
  g_autofree char *id = NULL;

  for (gsize i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("load", load_thread, fixture);
  for (gsize i = 0; i < N_THREADS; i++)
    {
      g_autofree char *other = g_thread_join (threads[i]);

      if (id == NULL)
        id = g_steal_pointer (&other);
      else
        g_assert_cmpstr (other, ==, id);
    }
}

/* A server by GnuTLS itself, which asks for a certificate; in a thread of its own. */
typedef struct
{
  TestCerts  *certs;
  const char *priorities;
  int         fd;
  int         result; /* of the handshake */
  char       *key_id; /* of the client; NULL: it showed no certificate */
} Server;

static void
take_key_id (Server          *server,
             gnutls_session_t session)
{
  guint n = 0;
  const gnutls_datum_t *peers = gnutls_certificate_get_peers (session, &n);
  gnutls_x509_crt_t certificate = NULL;
  g_autoptr (GString) id = g_string_new (NULL);
  guint8 hash[32];
  gsize len = sizeof hash;

  if (n == 0)
    return;

  g_assert_cmpint (gnutls_x509_crt_init (&certificate), ==, 0);
  g_assert_cmpint (gnutls_x509_crt_import (certificate, &peers[0], GNUTLS_X509_FMT_DER), ==, 0);
  g_assert_cmpint (gnutls_x509_crt_get_key_id (certificate, GNUTLS_KEYID_USE_SHA256, hash, &len), ==, 0);
  gnutls_x509_crt_deinit (certificate);
  for (gsize i = 0; i < len; i++)
    g_string_append_printf (id, "%02x", hash[i]);
  server->key_id = g_string_free (g_steal_pointer (&id), FALSE);
}

static gpointer
serve_thread (gpointer user_data)
{
  Server *server = user_data;
  gnutls_certificate_credentials_t credentials = NULL;
  gnutls_session_t session = NULL;

  g_assert_cmpint (gnutls_certificate_allocate_credentials (&credentials), ==, 0);
  g_assert_cmpint (gnutls_certificate_set_x509_key_file (credentials, server->certs->cert, server->certs->key,
                                                         GNUTLS_X509_FMT_PEM), >=, 0);
  g_assert_cmpint (gnutls_init (&session, GNUTLS_SERVER), ==, 0);
  g_assert_cmpint (gnutls_priority_set_direct (session, server->priorities, NULL), ==, 0);
  g_assert_cmpint (gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE, credentials), ==, 0);
  gnutls_certificate_server_set_request (session, GNUTLS_CERT_REQUEST);
  gnutls_transport_set_int (session, server->fd);

  do
    server->result = gnutls_handshake (session);
  while (server->result < 0 && gnutls_error_is_fatal (server->result) == 0);
  if (server->result == 0)
    {
      take_key_id (server, session);
      /* The client reads this only once the handshake is over for both. */
      g_assert_cmpint (gnutls_record_send (session, "x", 1), ==, 1);
    }
  gnutls_deinit (session);
  gnutls_certificate_free_credentials (credentials);
  return NULL;
}

static gboolean
accept_certificate_cb (GTlsConnection      *connection,
                       GTlsCertificate     *certificate,
                       GTlsCertificateFlags flags,
                       gpointer             user_data)
{
  return TRUE;
}

/* Shakes hands as the platform's client with @identity. */
static void
shake_hands (int              fd,
             GTlsCertificate *identity)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, &error);
  g_autoptr (GSocketConnection) base = g_socket_connection_factory_create_connection (socket);
  g_autoptr (GIOStream) tls = g_tls_client_connection_new (G_IO_STREAM (base), NULL, &error);
  char byte = 0;

  g_assert_no_error (error);
  g_signal_connect (tls, "accept-certificate", G_CALLBACK (accept_certificate_cb), NULL);
  g_tls_connection_set_certificate (G_TLS_CONNECTION (tls), identity);
  g_tls_connection_handshake (G_TLS_CONNECTION (tls), NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_input_stream_read (g_io_stream_get_input_stream (tls), &byte, 1, NULL, &error), ==, 1);
  g_assert_no_error (error);
}

/* The platform's TLS can show the key, and the server sees the id that we know. */
static void
test_identity_handshake (Fixture      *fixture,
                         gconstpointer user_data)
{
  g_autoptr (GTlsCertificate) identity = load (fixture);
  g_autofree char *id = get_key_id (identity);
  Server server = { fixture->certs, user_data, -1, -1, NULL };
  GThread *thread = NULL;
  int fds[2] = { -1, -1 };

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  server.fd = fds[0];
  thread = g_thread_new ("server", serve_thread, &server);
  shake_hands (fds[1], identity);
  g_thread_join (thread);
  close (fds[0]);

  g_assert_cmpint (server.result, ==, 0);
  g_assert_cmpstr (server.key_id, ==, id);
  g_free (server.key_id);
}

static void
add (const char   *path,
     gconstpointer user_data,
     void (       *test ) (Fixture      *fixture,
                           gconstpointer user_data))
{
  g_test_add (path, Fixture, user_data, set_up, test, tear_down);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  add ("/identity/make/modes", NULL, test_identity_make_modes);
  add ("/identity/make/certificate", NULL, test_identity_make_certificate);
  add ("/identity/make/distinct", NULL, test_identity_make_distinct);
  add ("/identity/again", NULL, test_identity_again);
  add ("/identity/foreign", NULL, test_identity_foreign);
  add ("/identity/key-id", NULL, test_identity_key_id);
  add ("/identity/refused/mode", NULL, test_identity_refused_mode);
  add ("/identity/refused/link", NULL, test_identity_refused_link);
  add ("/identity/refused/dangling-link", NULL, test_identity_refused_dangling_link);
  add ("/identity/refused/directory", NULL, test_identity_refused_directory);
  add ("/identity/refused/pipe", NULL, test_identity_refused_pipe);
  add ("/identity/refused/no-directory", NULL, test_identity_refused_no_directory);
  add ("/identity/refused/text", NULL, test_identity_refused_text);
  add ("/identity/refused/size", NULL, test_identity_refused_size);
  add ("/identity/race", NULL, test_identity_race);
  add ("/identity/handshake/tls-1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.3", test_identity_handshake);
  add ("/identity/handshake/tls-1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2", test_identity_handshake);

  return g_test_run ();
}
