/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "common/test-certs.h"

#include <glib/gstdio.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>

#define DAY_S (24 * 60 * 60)

G_DEFINE_AUTO_CLEANUP_FREE_FUNC (gnutls_x509_crt_t, gnutls_x509_crt_deinit, NULL)
G_DEFINE_AUTO_CLEANUP_FREE_FUNC (gnutls_x509_privkey_t, gnutls_x509_privkey_deinit, NULL)

typedef enum
{
  KIND_CA,
  KIND_SERVER,
  KIND_CLIENT,
} Kind;

/* What a certificate says, and where it is. */
typedef struct
{
  const char *file;
  const char *name;
  Kind        kind;
  const char *host;    /* NULL: none */
  gboolean    is_here; /* it is for the addresses of this machine, too */
  int         from_day; /* counted from today */
  int         to_day;
} Form;

static const Form ca_form = { "ca.pem", "Test authority", KIND_CA, NULL, FALSE, -1, 7 };
static const Form other_ca_form = { "other-ca.pem", "Another test authority", KIND_CA, NULL, FALSE, -1, 7 };
static const Form server_form = { "server.pem", "localhost", KIND_SERVER, "localhost", TRUE, -1, 7 };
static const Form expired_form = { "expired.pem", "localhost", KIND_SERVER, "localhost", TRUE, -9, -1 };
static const Form wrong_host_form = { "wrong-host.pem", "elsewhere.test", KIND_SERVER, "elsewhere.test", FALSE, -1, 7 };
static const Form self_signed_form = { "self-signed.pem", "localhost", KIND_SERVER, "localhost", TRUE, -1, 7 };
static const Form client_form = { "client.pem", "A test client", KIND_CLIENT, NULL, FALSE, -1, 7 };

static void
check (int ret)
{
  if (ret < 0)
    g_error ("GnuTLS: %s", gnutls_strerror (ret));
}

static gnutls_x509_privkey_t
new_key (void)
{
  gnutls_x509_privkey_t key = NULL;

  check (gnutls_x509_privkey_init (&key));
  check (gnutls_x509_privkey_generate (key, GNUTLS_PK_ECDSA,
                                       GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0));
  return key;
}

static void
set_serial (gnutls_x509_crt_t certificate)
{
  guint8 serial[16];

  check (gnutls_rnd (GNUTLS_RND_NONCE, serial, sizeof serial));
  /* A positive number without a leading zero. */
  serial[0] = (serial[0] & 0x3f) | 0x40;
  check (gnutls_x509_crt_set_serial (certificate, serial, sizeof serial));
}

static void
set_key_ids (gnutls_x509_crt_t certificate,
             gnutls_x509_crt_t issuer)
{
  guint8 id[64];
  gsize len = sizeof id;

  check (gnutls_x509_crt_get_key_id (certificate, GNUTLS_KEYID_USE_SHA1, id, &len));
  check (gnutls_x509_crt_set_subject_key_id (certificate, id, len));
  len = sizeof id;
  check (gnutls_x509_crt_get_key_id (issuer, GNUTLS_KEYID_USE_SHA1, id, &len));
  check (gnutls_x509_crt_set_authority_key_id (certificate, id, len));
}

static void
set_names (gnutls_x509_crt_t certificate,
           const Form       *form)
{
  static const guint8 ipv4_loopback[4] = { 127, 0, 0, 1 };
  static const guint8 ipv6_loopback[16] = { [15] = 1 };

  check (gnutls_x509_crt_set_dn_by_oid (certificate, GNUTLS_OID_X520_COMMON_NAME, 0,
                                        form->name, (guint) strlen (form->name)));
  if (form->host != NULL)
    check (gnutls_x509_crt_set_subject_alt_name (certificate, GNUTLS_SAN_DNSNAME, form->host,
                                                 (guint) strlen (form->host), GNUTLS_FSAN_APPEND));
  if (form->is_here)
    {
      check (gnutls_x509_crt_set_subject_alt_name (certificate, GNUTLS_SAN_IPADDRESS, ipv4_loopback,
                                                   sizeof ipv4_loopback, GNUTLS_FSAN_APPEND));
      check (gnutls_x509_crt_set_subject_alt_name (certificate, GNUTLS_SAN_IPADDRESS, ipv6_loopback,
                                                   sizeof ipv6_loopback, GNUTLS_FSAN_APPEND));
    }
}

static void
set_usage (gnutls_x509_crt_t certificate,
           Kind              kind)
{
  check (gnutls_x509_crt_set_basic_constraints (certificate, kind == KIND_CA, -1));
  check (gnutls_x509_crt_set_key_usage (certificate, kind == KIND_CA ?
                                        GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN :
                                        GNUTLS_KEY_DIGITAL_SIGNATURE));
  if (kind != KIND_CA)
    check (gnutls_x509_crt_set_key_purpose_oid (certificate, kind == KIND_SERVER ?
                                                GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT, 0));
}

/* Makes a certificate for @key; without an issuer it is signed by itself. */
static gnutls_x509_crt_t
new_certificate (const Form           *form,
                 gnutls_x509_privkey_t key,
                 gnutls_x509_crt_t     issuer,
                 gnutls_x509_privkey_t issuer_key)
{
  const gint64 now_s = g_get_real_time () / G_USEC_PER_SEC;
  gnutls_x509_crt_t certificate = NULL;

  check (gnutls_x509_crt_init (&certificate));
  check (gnutls_x509_crt_set_version (certificate, 3));
  check (gnutls_x509_crt_set_activation_time (certificate, now_s + form->from_day * DAY_S));
  check (gnutls_x509_crt_set_expiration_time (certificate, now_s + form->to_day * DAY_S));
  check (gnutls_x509_crt_set_key (certificate, key));
  set_serial (certificate);
  set_names (certificate, form);
  set_usage (certificate, form->kind);
  set_key_ids (certificate, issuer != NULL ? issuer : certificate);
  check (gnutls_x509_crt_sign2 (certificate, issuer != NULL ? issuer : certificate,
                                issuer != NULL ? issuer_key : key, GNUTLS_DIG_SHA256, 0));
  return certificate;
}

/* Writes a file, and frees what it wrote. */
static char *
save (const char     *dir,
      const char     *name,
      gnutls_datum_t *pem)
{
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (dir, name, NULL);

  g_file_set_contents_full (path, (const char *) pem->data, pem->size,
                            G_FILE_SET_CONTENTS_NONE, 0600, &error);
  g_assert_no_error (error);
  gnutls_free (pem->data);
  return path;
}

static char *
save_key (const char           *dir,
          const char           *name,
          gnutls_x509_privkey_t key)
{
  gnutls_datum_t pem = { 0 };

  check (gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem));
  return save (dir, name, &pem);
}

static char *
save_certificate (const char       *dir,
                  const char       *name,
                  gnutls_x509_crt_t certificate)
{
  gnutls_datum_t pem = { 0 };

  check (gnutls_x509_crt_export2 (certificate, GNUTLS_X509_FMT_PEM, &pem));
  return save (dir, name, &pem);
}

/* Makes a certificate, writes it, and forgets it. */
static char *
make_certificate (const char           *dir,
                  const Form           *form,
                  gnutls_x509_privkey_t key,
                  gnutls_x509_crt_t     issuer,
                  gnutls_x509_privkey_t issuer_key)
{
  g_auto (gnutls_x509_crt_t) certificate = new_certificate (form, key, issuer, issuer_key);

  return save_certificate (dir, form->file, certificate);
}

/**
 * test_certs_new:
 *
 * Makes all keys and certificates anew, in a directory of their own.
 *
 * Returns: (transfer full): where they are
 */
TestCerts *
test_certs_new (void)
{
  g_auto (gnutls_x509_privkey_t) ca_key = new_key ();
  g_auto (gnutls_x509_privkey_t) other_ca_key = new_key ();
  g_auto (gnutls_x509_privkey_t) key = new_key ();
  g_auto (gnutls_x509_privkey_t) client_key = new_key ();
  g_auto (gnutls_x509_crt_t) ca = new_certificate (&ca_form, ca_key, NULL, NULL);
  g_autoptr (GError) error = NULL;
  TestCerts *self = g_new0 (TestCerts, 1);

  self->dir = g_dir_make_tmp ("chatterbox-certs-XXXXXX", &error);
  g_assert_no_error (error);

  self->ca = save_certificate (self->dir, ca_form.file, ca);
  self->other_ca = make_certificate (self->dir, &other_ca_form, other_ca_key, NULL, NULL);
  self->cert = make_certificate (self->dir, &server_form, key, ca, ca_key);
  self->expired_cert = make_certificate (self->dir, &expired_form, key, ca, ca_key);
  self->wrong_host_cert = make_certificate (self->dir, &wrong_host_form, key, ca, ca_key);
  self->self_signed_cert = make_certificate (self->dir, &self_signed_form, key, NULL, NULL);
  self->client_cert = make_certificate (self->dir, &client_form, client_key, NULL, NULL);
  self->key = save_key (self->dir, "server-key.pem", key);
  self->client_key = save_key (self->dir, "client-key.pem", client_key);
  return self;
}

static void
remove_directory (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = g_dir_open (path, 0, &error);
  const char *name = NULL;

  g_assert_no_error (error);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);

      g_assert_no_errno (g_unlink (file));
    }
  g_assert_no_errno (g_rmdir (path));
}

/**
 * test_certs_free:
 * @self: (transfer full): certificates
 *
 * Removes the directory, with what a test may have added to it.
 */
void
test_certs_free (TestCerts *self)
{
  remove_directory (self->dir);
  g_free (self->dir);
  g_free (self->ca);
  g_free (self->other_ca);
  g_free (self->cert);
  g_free (self->key);
  g_free (self->expired_cert);
  g_free (self->wrong_host_cert);
  g_free (self->self_signed_cert);
  g_free (self->client_cert);
  g_free (self->client_key);
  g_free (self);
}

/**
 * test_certs_new_identity:
 *
 * Makes a self-signed client certificate with a key that nobody else has.
 *
 * Returns: (transfer full): a certificate and its key
 */
GTlsCertificate *
test_certs_new_identity (void)
{
  g_auto (gnutls_x509_privkey_t) key = new_key ();
  g_auto (gnutls_x509_crt_t) certificate = new_certificate (&client_form, key, NULL, NULL);
  gnutls_datum_t certificate_pem = { 0 };
  gnutls_datum_t key_pem = { 0 };
  g_autofree char *pem = NULL;
  g_autoptr (GError) error = NULL;
  GTlsCertificate *identity = NULL;

  check (gnutls_x509_crt_export2 (certificate, GNUTLS_X509_FMT_PEM, &certificate_pem));
  check (gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &key_pem));
  pem = g_strconcat ((const char *) certificate_pem.data, (const char *) key_pem.data, NULL);
  gnutls_free (certificate_pem.data);
  gnutls_free (key_pem.data);

  identity = g_tls_certificate_new_from_pem (pem, -1, &error);
  g_assert_no_error (error);
  return identity;
}
