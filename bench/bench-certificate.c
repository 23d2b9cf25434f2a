/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "bench/bench-certificate.h"

#include <gnutls/x509.h>
#include <time.h>

#include "bench/bench-settings.h"

#define VALID_S (24 * 60 * 60)

typedef gnutls_x509_privkey_t PrivateKey;
typedef gnutls_x509_crt_t Certificate;

G_DEFINE_AUTO_CLEANUP_FREE_FUNC (PrivateKey, gnutls_x509_privkey_deinit, NULL)
G_DEFINE_AUTO_CLEANUP_FREE_FUNC (Certificate, gnutls_x509_crt_deinit, NULL)

static gboolean
check (int      result,
       GError **error)
{
  if (result >= 0)
    return TRUE;

  g_set_error (error, BENCH_ERROR, BENCH_ERROR_FAILED,
               "No certificate can be made: %s", gnutls_strerror (result));
  return FALSE;
}

/* Takes the PEM text over. */
static gboolean
write_pem (const char     *file,
           gnutls_datum_t *pem,
           GError        **error)
{
  const gboolean written = g_file_set_contents_full (file, (const char *) pem->data, (gssize) pem->size,
                                                     G_FILE_SET_CONTENTS_NONE, 0600, error);

  gnutls_free (pem->data);
  return written;
}

static gboolean
fill (Certificate certificate,
      PrivateKey  key,
      GError    **error)
{
  const guint8 serial[] = { 1 };
  const time_t now = time (NULL);

  return check (gnutls_x509_crt_set_version (certificate, 3), error) &&
         check (gnutls_x509_crt_set_serial (certificate, serial, sizeof serial), error) &&
         check (gnutls_x509_crt_set_activation_time (certificate, now - VALID_S), error) &&
         check (gnutls_x509_crt_set_expiration_time (certificate, now + VALID_S), error) &&
         check (gnutls_x509_crt_set_dn (certificate, "CN=localhost", NULL), error) &&
         check (gnutls_x509_crt_set_key (certificate, key), error) &&
         check (gnutls_x509_crt_sign2 (certificate, certificate, key, GNUTLS_DIG_SHA256, 0), error);
}

/**
 * bench_certificate_write:
 * @certificate_file: where to write the certificate
 * @key_file: where to write its key
 * @error: return location for a #GError
 *
 * Makes a certificate that lives for a day: ECDSA on P-256, signed by itself.
 *
 * Returns: %TRUE; %FALSE with a #GFileError or %BENCH_ERROR_FAILED
 */
gboolean
bench_certificate_write (const char *certificate_file,
                         const char *key_file,
                         GError    **error)
{
  g_auto (PrivateKey) key = NULL;
  g_auto (Certificate) certificate = NULL;
  gnutls_datum_t pem = { NULL, 0 };

  if (!check (gnutls_x509_privkey_init (&key), error) ||
      !check (gnutls_x509_privkey_generate (key, GNUTLS_PK_ECDSA,
                                            GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0), error) ||
      !check (gnutls_x509_crt_init (&certificate), error) ||
      !fill (certificate, key, error))
    return FALSE;

  return check (gnutls_x509_privkey_export2 (key, GNUTLS_X509_FMT_PEM, &pem), error) &&
         write_pem (key_file, &pem, error) &&
         check (gnutls_x509_crt_export2 (certificate, GNUTLS_X509_FMT_PEM, &pem), error) &&
         write_pem (certificate_file, &pem, error);
}
