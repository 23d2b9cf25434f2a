/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <gnutls/x509.h>

#include "tls-stage.h"

static char *
write_file (Stage      *stage,
            const char *name,
            const char *contents)
{
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (stage->certs->dir, name, NULL);

  g_file_set_contents (path, contents, -1, &error);
  g_assert_no_error (error);
  return path;
}

/* Loading has to fail, with a message that names @culprit. */
static void
expect_failure (const char *certificate_file,
                const char *key_file,
                GQuark      domain,
                int         code,
                const char *culprit)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (cbs_tls_credentials_new_from_files (certificate_file, key_file, &error));
  g_assert_error (error, domain, code);
  g_assert_nonnull (strstr (error->message, culprit));
}

static void
test_missing_certificate (Stage        *stage,
                          gconstpointer user_data)
{
  g_autofree char *missing = g_build_filename (stage->certs->dir, "missing.pem", NULL);

  expect_failure (missing, stage->certs->key, G_FILE_ERROR, G_FILE_ERROR_NOENT, missing);
}

static void
test_missing_key (Stage        *stage,
                  gconstpointer user_data)
{
  g_autofree char *missing = g_build_filename (stage->certs->dir, "missing.pem", NULL);

  expect_failure (stage->certs->cert, missing, G_FILE_ERROR, G_FILE_ERROR_NOENT, missing);
}

/* Contents that hold neither a certificate nor a key. */
static const char *const bad_contents[] = {
  "",
  "no PEM at all\n",
  "-----BEGIN CERTIFICATE-----\nbm8gREVS\n-----END CERTIFICATE-----\n",
  "-----BEGIN PRIVATE KEY-----\nbm8gREVS\n-----END PRIVATE KEY-----\n",
  "-----BEGIN CERTIFICATE-----\n",
};

static void
test_bad_certificate (Stage        *stage,
                      gconstpointer user_data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad_contents); i++)
    {
      g_autofree char *bad = write_file (stage, "bad.pem", bad_contents[i]);

      expect_failure (bad, stage->certs->key, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE, bad);
    }
  expect_failure (stage->certs->key, stage->certs->key, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE, stage->certs->key);
}

static void
test_bad_key (Stage        *stage,
              gconstpointer user_data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad_contents); i++)
    {
      g_autofree char *bad = write_file (stage, "bad.pem", bad_contents[i]);

      expect_failure (stage->certs->cert, bad, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE, bad);
    }
  expect_failure (stage->certs->cert, stage->certs->ca, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE, stage->certs->ca);
}

static void
test_other_key (Stage        *stage,
                gconstpointer user_data)
{
  expect_failure (stage->certs->cert, stage->certs->client_key, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE,
                  stage->certs->client_key);
  expect_failure (stage->certs->cert, stage->certs->client_key, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE,
                  stage->certs->cert);
}

static void
test_encrypted_key (Stage        *stage,
                    gconstpointer user_data)
{
  g_autofree char *pem = NULL;
  g_autofree char *path = NULL;
  g_autofree char *text = NULL;
  gsize len = 0;
  gnutls_datum_t datum = { 0 };
  gnutls_datum_t encrypted = { 0 };
  gnutls_x509_privkey_t key = NULL;

  g_assert_true (g_file_get_contents (stage->certs->key, &pem, &len, NULL));
  datum.data = (guint8 *) pem;
  datum.size = (guint) len;
  g_assert_cmpint (gnutls_x509_privkey_init (&key), ==, 0);
  g_assert_cmpint (gnutls_x509_privkey_import (key, &datum, GNUTLS_X509_FMT_PEM), ==, 0);
  g_assert_cmpint (gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, "secret", GNUTLS_PKCS_PBES2_AES_256,
                                                      &encrypted), ==, 0);
  gnutls_x509_privkey_deinit (key);
  text = g_strndup ((const char *) encrypted.data, encrypted.size);
  gnutls_free (encrypted.data);

  path = write_file (stage, "encrypted.pem", text);
  expect_failure (stage->certs->cert, path, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE_PASSWORD, path);
}

static char *
concatenate (Stage      *stage,
             const char *name,
             const char *first_file,
             const char *second_file)
{
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  g_autofree char *both = NULL;

  g_assert_true (g_file_get_contents (first_file, &first, NULL, NULL));
  g_assert_true (g_file_get_contents (second_file, &second, NULL, NULL));
  both = g_strconcat (first, second, NULL);
  return write_file (stage, name, both);
}

/* Certificate and key may stand in one file. */
static void
test_one_file (Stage        *stage,
               gconstpointer user_data)
{
  g_autofree char *both = concatenate (stage, "both.pem", stage->certs->key, stage->certs->cert);
  g_autoptr (CbsTlsCredentials) credentials = NULL;
  g_autoptr (GError) error = NULL;

  credentials = cbs_tls_credentials_new_from_files (both, both, &error);
  g_assert_no_error (error);
  g_assert_nonnull (credentials);
}

/* The client gets all certificates of the file. */
static void
test_chain (Stage        *stage,
            gconstpointer user_data)
{
  g_autofree char *chain = concatenate (stage, "chain.pem", stage->certs->cert, stage->certs->ca);
  g_autoptr (GTlsCertificate) expected = NULL;
  g_autoptr (GError) error = NULL;
  GTlsCertificate *shown = NULL;
  guint n_certificates = 0;

  g_clear_object (&stage->credentials);
  stage->credentials = cbs_tls_credentials_new_from_files (chain, stage->certs->key, &error);
  g_assert_no_error (error);
  stage_establish (stage, "NORMAL");
  gnutls_certificate_get_peers (test_tls_client_get_session (stage->client), &n_certificates);
  g_assert_cmpuint (n_certificates, ==, 2);

  expected = g_tls_certificate_new_from_file (stage->certs->cert, &error);
  g_assert_no_error (error);
  shown = g_tls_connection_get_certificate (G_TLS_CONNECTION (stage->tls));
  g_assert_true (g_tls_certificate_is_same (shown, expected));
  g_assert_nonnull (g_tls_certificate_get_issuer (shown));
}

/* Connections keep what they need of the credentials. */
static void
test_outlived (Stage        *stage,
               gconstpointer user_data)
{
  g_autoptr (CbsTlsCredentials) credentials = g_steal_pointer (&stage->credentials);
  g_autoptr (GError) error = NULL;

  stage->credentials = cbs_tls_credentials_new_from_files (stage->certs->cert, stage->certs->key, &error);
  g_assert_no_error (error);
  stage_connect (stage, "NORMAL");
  g_object_unref (stage->credentials);
  stage_shake_hands (stage);
  stage_talk (stage);

  stage_disconnect (stage);
  stage->credentials = g_steal_pointer (&credentials);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  stage_add_test ("/tls-credentials/missing/certificate", NULL, test_missing_certificate);
  stage_add_test ("/tls-credentials/missing/key", NULL, test_missing_key);
  stage_add_test ("/tls-credentials/bad/certificate", NULL, test_bad_certificate);
  stage_add_test ("/tls-credentials/bad/key", NULL, test_bad_key);
  stage_add_test ("/tls-credentials/other-key", NULL, test_other_key);
  stage_add_test ("/tls-credentials/encrypted-key", NULL, test_encrypted_key);
  stage_add_test ("/tls-credentials/one-file", NULL, test_one_file);
  stage_add_test ("/tls-credentials/chain", NULL, test_chain);
  stage_add_test ("/tls-credentials/outlived", NULL, test_outlived);

  return g_test_run ();
}
