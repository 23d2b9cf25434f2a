/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "tls/cbs-tls-credentials.h"

#include <gnutls/x509.h>

#include "tls/cbs-tls-private.h"

/* TLS 1.3, and 1.2 as far as it is as strong: authenticated encryption and forward secrecy.
 * X25519 stands first because most clients send a share of it unasked: if the server preferred
 * another group, they would have to say hello twice. */
#define PRIORITIES \
  "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:" \
  "-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM:-MAC-ALL:+AEAD:" \
  "-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:" \
  "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:" \
  "-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:%SERVER_PRECEDENCE"

/**
 * CbsTlsCredentials:
 *
 * What a server shows to its clients: the certificate and its key, the
 * algorithms that it takes, and the key that encrypts its session tickets.
 *
 * One object serves all connections of all threads, since it does not change
 * once it is made. Each connection keeps a reference.
 */
struct _CbsTlsCredentials
{
  GObject                          parent_instance;
  gnutls_certificate_credentials_t certificate;
  gnutls_priority_t                priorities;
  gnutls_datum_t                   ticket_key; /* GnuTLS derives a new one from it every 18 hours */
};

G_DEFINE_FINAL_TYPE (CbsTlsCredentials, cbs_tls_credentials, G_TYPE_OBJECT)

/* What was read from the certificate's file. */
typedef struct
{
  gnutls_x509_crt_t *certificates;
  guint              n_certificates;
} Chain;

static void
chain_clear (Chain *chain)
{
  for (guint i = 0; i < chain->n_certificates; i++)
    gnutls_x509_crt_deinit (chain->certificates[i]);
  gnutls_free (chain->certificates);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Chain, chain_clear)
G_DEFINE_AUTO_CLEANUP_FREE_FUNC (gnutls_x509_privkey_t, gnutls_x509_privkey_deinit, NULL)

static void
cbs_tls_credentials_finalize (GObject *object)
{
  CbsTlsCredentials *self = CBS_TLS_CREDENTIALS (object);

  g_clear_pointer (&self->certificate, gnutls_certificate_free_credentials);
  g_clear_pointer (&self->priorities, gnutls_priority_deinit);
  if (self->ticket_key.data != NULL)
    gnutls_memset (self->ticket_key.data, 0, self->ticket_key.size);
  gnutls_free (self->ticket_key.data);

  G_OBJECT_CLASS (cbs_tls_credentials_parent_class)->finalize (object);
}

static void
cbs_tls_credentials_class_init (CbsTlsCredentialsClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = cbs_tls_credentials_finalize;
}

static void
cbs_tls_credentials_init (CbsTlsCredentials *self)
{
}

static gboolean
load_chain (const char *file,
            Chain      *chain,
            GError    **error)
{
  g_autofree char *pem = NULL;
  gsize len = 0;
  gnutls_datum_t datum = { 0 };
  int ret = 0;

  if (!g_file_get_contents (file, &pem, &len, error))
    return FALSE;

  datum.data = (guint8 *) pem;
  datum.size = (guint) len;
  ret = gnutls_x509_crt_list_import2 (&chain->certificates, &chain->n_certificates, &datum,
                                      GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_SORT);
  if (ret < 0)
    {
      g_set_error (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE,
                   "%s: No certificate can be read: %s", file, gnutls_strerror (ret));
      return FALSE;
    }
  return TRUE;
}

static gboolean
load_key (const char            *file,
          gnutls_x509_privkey_t *key,
          GError               **error)
{
  g_autofree char *pem = NULL;
  gsize len = 0;
  gnutls_datum_t datum = { 0 };
  int ret = 0;

  if (!g_file_get_contents (file, &pem, &len, error))
    return FALSE;

  datum.data = (guint8 *) pem;
  datum.size = (guint) len;
  ret = gnutls_x509_privkey_init (key);
  if (ret >= 0)
    ret = gnutls_x509_privkey_import2 (*key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
  gnutls_memset (pem, 0, len);

  if (ret == GNUTLS_E_DECRYPTION_FAILED)
    {
      g_set_error (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE_PASSWORD,
                   "%s: The key is encrypted; a server can't ask for its password", file);
      return FALSE;
    }
  if (ret < 0)
    {
      g_set_error (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE,
                   "%s: No private key can be read: %s", file, gnutls_strerror (ret));
      return FALSE;
    }
  return TRUE;
}

/* Makes all that does not come from files. */
static gboolean
set_up (CbsTlsCredentials *self,
        GError           **error)
{
  int ret = gnutls_certificate_allocate_credentials (&self->certificate);

  if (ret >= 0)
    ret = gnutls_priority_init (&self->priorities, PRIORITIES, NULL);
  if (ret >= 0)
    ret = gnutls_session_ticket_key_generate (&self->ticket_key);
  if (ret < 0)
    {
      g_set_error (error, G_TLS_ERROR, G_TLS_ERROR_UNAVAILABLE,
                   "TLS can't be set up: %s", gnutls_strerror (ret));
      return FALSE;
    }
  return TRUE;
}

/**
 * cbs_tls_credentials_new_from_files:
 * @certificate_file: (type filename): a PEM file: the server's certificate,
 *   and those between it and the authority, if there are any
 * @key_file: (type filename): a PEM file: the key of the certificate, not
 *   encrypted; may be the same file
 * @error: return location for a #GError
 *
 * Loads what a server shows to its clients. Whether a client will accept it
 * (the dates, the names) is not looked at.
 *
 * Returns: (transfer full): the credentials; %NULL with a #GFileError if a file
 *   can't be read, or a #GTlsError if what it holds is of no use: in any case
 *   the message names the file
 */
CbsTlsCredentials *
cbs_tls_credentials_new_from_files (const char *certificate_file,
                                    const char *key_file,
                                    GError    **error)
{
  g_autoptr (CbsTlsCredentials) self = NULL;
  g_auto (Chain) chain = { 0 };
  g_auto (gnutls_x509_privkey_t) key = NULL;
  int ret = 0;

  g_return_val_if_fail (certificate_file != NULL, NULL);
  g_return_val_if_fail (key_file != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  self = g_object_new (CBS_TYPE_TLS_CREDENTIALS, NULL);
  if (!load_chain (certificate_file, &chain, error) || !load_key (key_file, &key, error) ||
      !set_up (self, error))
    return NULL;

  ret = gnutls_certificate_set_x509_key (self->certificate, chain.certificates,
                                         (int) chain.n_certificates, key);
  if (ret == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
    {
      g_set_error (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE,
                   "%s: The key does not belong to the certificate in %s", key_file, certificate_file);
      return NULL;
    }
  if (ret < 0)
    {
      g_set_error (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE,
                   "%s: The certificate can't be used: %s", certificate_file, gnutls_strerror (ret));
      return NULL;
    }
  return g_steal_pointer (&self);
}

/* Gives a new session, which must not outlive the credentials, what it needs before its handshake;
 * 0 or an error code of GnuTLS. */
int
cbs_tls_credentials_apply (CbsTlsCredentials *self,
                           gnutls_session_t   session)
{
  int ret = gnutls_priority_set (session, self->priorities);

  if (ret >= 0)
    ret = gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE, self->certificate);
  if (ret >= 0)
    ret = gnutls_session_ticket_enable_server (session, &self->ticket_key);
  return ret;
}

/* Gets a certificate of the chain: first the server's own, then the one that signed it; FALSE
 * after the last. */
gboolean
cbs_tls_credentials_get_certificate (CbsTlsCredentials *self,
                                     guint              index,
                                     gnutls_datum_t    *out_der)
{
  return gnutls_certificate_get_crt_raw (self->certificate, 0, index, out_der) >= 0;
}
