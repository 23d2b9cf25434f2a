/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-identity.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Largest file that can be one key and one certificate, in bytes. */
#define MAX_FILE (64u * 1024)

#define SERIAL_LEN 16

/* 2000-01-01: the same in all certificates, so that it tells nothing, and valid where a clock is wrong. */
#define ACTIVATION_S 946684800

G_DEFINE_AUTO_CLEANUP_FREE_FUNC (gnutls_pubkey_t, gnutls_pubkey_deinit, NULL)
G_DEFINE_AUTO_CLEANUP_FREE_FUNC (gnutls_x509_crt_t, gnutls_x509_crt_deinit, NULL)
G_DEFINE_AUTO_CLEANUP_FREE_FUNC (gnutls_x509_privkey_t, gnutls_x509_privkey_deinit, NULL)

static void
secret_free (GString *secret)
{
  gnutls_memset (secret->str, 0, secret->allocated_len);
  g_string_free (secret, TRUE);
}

/* Text that holds the key: overwritten before it is freed. */
typedef GString Secret;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Secret, secret_free)

static gboolean
fail_errno (GError    **error,
            int         code,
            const char *path)
{
  g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (code), "%s: %s", path, g_strerror (code));
  return FALSE;
}

static gboolean
fail_gnutls (GError    **error,
             const char *path,
             int         code)
{
  g_set_error (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE,
               _ ("%s holds no key and certificate of one's own: %s"), path, gnutls_strerror (code));
  return FALSE;
}

/* Whoever can read the key can be its owner. */
static gboolean
check_file (int         fd,
            const char *path,
            GError    **error)
{
  struct stat st;

  if (fstat (fd, &st) < 0)
    return fail_errno (error, errno, path);

  if (!S_ISREG (st.st_mode))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE, _ ("%s is not a regular file"), path);
      return FALSE;
    }
  if (st.st_uid != geteuid ())
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                   _ ("%s holds a key, but belongs to somebody else"), path);
      return FALSE;
    }
  if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                   _ ("%s holds a key, but is not its owner's alone: its mode is %04o, and has to be 0600"),
                   path, (guint) (st.st_mode & 07777));
      return FALSE;
    }
  if (st.st_size > (goffset) MAX_FILE)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                   _ ("%s has %" G_GINT64_FORMAT " bytes, but may have %u"),
                   path, (gint64) st.st_size, MAX_FILE);
      return FALSE;
    }
  return TRUE;
}

static Secret *
read_all (int         fd,
          const char *path,
          GError    **error)
{
  /* One byte more than is allowed: the file may grow. It never moves, so no copy is left behind. */
  g_autoptr (Secret) text = g_string_sized_new (MAX_FILE + 1);
  gssize n = 0;

  do
    {
      n = read (fd, text->str + text->len, MAX_FILE + 1 - text->len);
      if (n < 0 && errno != EINTR)
        {
          fail_errno (error, errno, path);
          return NULL;
        }
      text->len += n > 0 ? (gsize) n : 0;
    }
  while ((n > 0 && text->len <= MAX_FILE) || (n < 0 && errno == EINTR));

  text->str[text->len] = '\0';
  if (text->len > MAX_FILE)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                   _ ("%s has more than %u bytes"), path, MAX_FILE);
      return NULL;
    }
  return g_steal_pointer (&text);
}

static Secret *
read_file (const char *path,
           GError    **error)
{
  Secret *text = NULL;
  /* Without O_NONBLOCK a pipe of that name would keep us waiting. */
  const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

  if (fd < 0)
    {
      if (errno == ELOOP)
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE, _ ("%s is a symbolic link"), path);
      else
        fail_errno (error, errno, path);
      return NULL;
    }

  if (check_file (fd, path, error))
    text = read_all (fd, path, error);
  close (fd);
  return text;
}

static int
import_pair (const Secret          *text,
             gnutls_x509_crt_t     *certificate,
             gnutls_x509_privkey_t *key)
{
  const gnutls_datum_t datum = { (guint8 *) text->str, (guint) text->len };
  int ret = gnutls_x509_crt_init (certificate);

  if (ret >= 0)
    ret = gnutls_x509_crt_import (*certificate, &datum, GNUTLS_X509_FMT_PEM);
  if (ret >= 0)
    ret = gnutls_x509_privkey_init (key);
  if (ret >= 0)
    ret = gnutls_x509_privkey_import2 (*key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
  return ret;
}

static gboolean
is_pair (gnutls_x509_crt_t     certificate,
         gnutls_x509_privkey_t key)
{
  guint8 of_certificate[32];
  guint8 of_key[32];
  gsize certificate_len = sizeof of_certificate;
  gsize key_len = sizeof of_key;

  return gnutls_x509_crt_get_key_id (certificate, GNUTLS_KEYID_USE_SHA256, of_certificate, &certificate_len) >= 0 &&
         gnutls_x509_privkey_get_key_id (key, GNUTLS_KEYID_USE_SHA256, of_key, &key_len) >= 0 &&
         certificate_len == key_len &&
         memcmp (of_certificate, of_key, key_len) == 0;
}

static GTlsCertificate *
read_identity (const char *path,
               GError    **error)
{
  g_autoptr (Secret) text = NULL;
  g_autoptr (GTlsCertificate) identity = NULL;
  g_auto (gnutls_x509_crt_t) certificate = NULL;
  g_auto (gnutls_x509_privkey_t) key = NULL;
  int ret = 0;

  text = read_file (path, error);
  if (text == NULL)
    return NULL;

  ret = import_pair (text, &certificate, &key);
  if (ret < 0)
    {
      fail_gnutls (error, path, ret);
      return NULL;
    }
  if (!is_pair (certificate, key))
    {
      fail_gnutls (error, path, GNUTLS_E_CERTIFICATE_KEY_MISMATCH);
      return NULL;
    }

  identity = g_tls_certificate_new_from_pem (text->str, (gssize) text->len, error);
  if (identity == NULL)
    g_prefix_error (error, "%s: ", path);
  return g_steal_pointer (&identity);
}

static int
fill_certificate (gnutls_x509_crt_t     certificate,
                  gnutls_x509_privkey_t key)
{
  guint8 serial[SERIAL_LEN];
  int ret = gnutls_rnd (GNUTLS_RND_NONCE, serial, sizeof serial);

  /* A positive number without a leading zero. */
  serial[0] = (serial[0] & 0x3f) | 0x40;
  if (ret >= 0)
    ret = gnutls_x509_crt_set_version (certificate, 3);
  if (ret >= 0)
    ret = gnutls_x509_crt_set_serial (certificate, serial, sizeof serial);
  /* The name in the chat is not in it: one key may own several, and a name is for its server alone. */
  if (ret >= 0)
    ret = gnutls_x509_crt_set_dn (certificate, "CN=Chatterbox", NULL);
  if (ret >= 0)
    ret = gnutls_x509_crt_set_activation_time (certificate, ACTIVATION_S);
  if (ret >= 0)
    ret = gnutls_x509_crt_set_expiration_time (certificate, GNUTLS_X509_NO_WELL_DEFINED_EXPIRATION);
  if (ret >= 0)
    ret = gnutls_x509_crt_set_key (certificate, key);
  if (ret >= 0)
    ret = gnutls_x509_crt_set_basic_constraints (certificate, 0, -1);
  if (ret >= 0)
    ret = gnutls_x509_crt_set_key_usage (certificate, GNUTLS_KEY_DIGITAL_SIGNATURE);
  if (ret >= 0)
    ret = gnutls_x509_crt_set_key_purpose_oid (certificate, GNUTLS_KP_TLS_WWW_CLIENT, 0);
  if (ret >= 0)
    ret = gnutls_x509_crt_sign2 (certificate, certificate, key, GNUTLS_DIG_SHA512, 0);
  return ret;
}

/* Makes a pair, and appends it to @text. */
static int
generate (Secret *text)
{
  g_auto (gnutls_x509_crt_t) certificate = NULL;
  g_auto (gnutls_x509_privkey_t) key = NULL;
  gnutls_datum_t key_pem = { NULL, 0 };
  gnutls_datum_t certificate_pem = { NULL, 0 };
  int ret = gnutls_x509_privkey_init (&key);

  if (ret >= 0)
    ret = gnutls_x509_privkey_generate (key, GNUTLS_PK_EDDSA_ED25519,
                                        GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_ED25519), 0);
  if (ret >= 0)
    ret = gnutls_x509_crt_init (&certificate);
  if (ret >= 0)
    ret = fill_certificate (certificate, key);
  if (ret >= 0)
    ret = gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &key_pem);
  if (ret >= 0)
    ret = gnutls_x509_crt_export2 (certificate, GNUTLS_X509_FMT_PEM, &certificate_pem);
  if (ret >= 0)
    {
      g_string_append_len (text, (const char *) key_pem.data, (gssize) key_pem.size);
      g_string_append_len (text, (const char *) certificate_pem.data, (gssize) certificate_pem.size);
    }

  if (key_pem.data != NULL)
    gnutls_memset (key_pem.data, 0, key_pem.size);
  gnutls_free (key_pem.data);
  gnutls_free (certificate_pem.data);
  return ret;
}

/* Writes all, to the disk; 0 or an errno. */
static int
write_all (int           fd,
           const Secret *text)
{
  for (gsize done = 0; done < text->len;)
    {
      const gssize n = write (fd, text->str + done, text->len - done);

      if (n < 0 && errno != EINTR)
        return errno;
      done += n > 0 ? (gsize) n : 0;
    }

  return fsync (fd) < 0 ? errno : 0;
}

static int
sync_directory (const char *dir)
{
  const int fd = open (dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  int code = 0;

  if (fd < 0)
    return errno;

  /* Some file systems can't, and have no need to. */
  if (fsync (fd) < 0 && errno != EINVAL)
    code = errno;
  close (fd);
  return code;
}

/* Puts @text where @path is, whole or not at all; 0 or an errno, EEXIST if something is there. */
static int
write_new (const char   *path,
           const char   *dir,
           const Secret *text)
{
  g_autofree char *temporary = g_strconcat (path, ".XXXXXX", NULL);
  const int fd = g_mkstemp_full (temporary, O_RDWR | O_CLOEXEC, 0600);
  int code = 0;

  if (fd < 0)
    return errno;

  code = write_all (fd, text);
  if (close (fd) < 0 && code == 0)
    code = errno;
  /* rename() would replace what another program has made meanwhile: a key that may own a name already. */
  if (code == 0 && link (temporary, path) < 0)
    code = errno;
  g_unlink (temporary);
  return code != 0 ? code : sync_directory (dir);
}

static gboolean
make_identity (const char *path,
               GError    **error)
{
  g_autofree char *dir = g_path_get_dirname (path);
  g_autoptr (Secret) text = g_string_sized_new (MAX_FILE);
  int code = generate (text);

  if (code < 0)
    {
      g_set_error (error, G_TLS_ERROR, G_TLS_ERROR_UNAVAILABLE,
                   _ ("A key can't be made: %s"), gnutls_strerror (code));
      return FALSE;
    }
  if (g_mkdir_with_parents (dir, 0700) < 0)
    return fail_errno (error, errno, dir);

  code = write_new (path, dir, text);
  return code == 0 || code == EEXIST || fail_errno (error, code, path);
}

/**
 * cb_identity_load:
 * @path: (type filename): a PEM file: a private key, not encrypted, and a
 *   certificate of it
 * @error: return location for a #GError
 *
 * Opens the key by which servers know their user again. If there is no file
 * one is made, with a new Ed25519 key and a certificate that it has signed
 * itself and that names nobody; so are directories that are missing. What is
 * there is never overwritten.
 *
 * The file has to be a regular one of at most 64 KiB that belongs to the
 * program's user, and that nobody else may use (mode 0600). Blocks while the
 * disk is busy.
 *
 * Source: `docs/protocol.md`, “Owning a name”.
 *
 * Returns: (transfer full): the certificate and its key; %NULL with a
 *   #GIOErrorEnum if the file can't be used or made
 *   (%G_IO_ERROR_PERMISSION_DENIED if others may use it), or a #GTlsError if
 *   what it holds is of no use: in any case the message names the file
 */
GTlsCertificate *
cb_identity_load (const char *path,
                  GError    **error)
{
  g_autoptr (GTlsCertificate) identity = NULL;
  g_autoptr (GError) local_error = NULL;

  g_return_val_if_fail (path != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  identity = read_identity (path, &local_error);
  if (identity == NULL && g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    {
      /* Read back, for it may be another program that has made it. */
      return make_identity (path, error) ? read_identity (path, error) : NULL;
    }

  if (identity == NULL)
    g_propagate_error (error, g_steal_pointer (&local_error));
  return g_steal_pointer (&identity);
}

/**
 * cb_identity_get_key_id:
 * @certificate: a certificate
 * @error: return location for a #GError
 *
 * Gets what servers keep of a key: the SHA-256 of its SubjectPublicKeyInfo in
 * DER.
 *
 * Source: `docs/protocol.md`, “Owning a name”; RFC 5280, section 4.1.
 *
 * Returns: (transfer full): 64 lower-case hexadecimal digits; %NULL with
 *   %G_TLS_ERROR_BAD_CERTIFICATE if the key can't be read
 */
char *
cb_identity_get_key_id (GTlsCertificate *certificate,
                        GError         **error)
{
  g_autoptr (GByteArray) der = NULL;
  g_auto (gnutls_x509_crt_t) x509 = NULL;
  g_auto (gnutls_pubkey_t) key = NULL;
  g_autofree char *id = NULL;
  gnutls_datum_t datum = { NULL, 0 };
  gnutls_datum_t spki = { NULL, 0 };
  int ret = 0;

  g_return_val_if_fail (G_IS_TLS_CERTIFICATE (certificate), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  g_object_get (certificate, "certificate", &der, NULL);
  datum.data = der->data;
  datum.size = der->len;

  ret = gnutls_x509_crt_init (&x509);
  if (ret >= 0)
    ret = gnutls_x509_crt_import (x509, &datum, GNUTLS_X509_FMT_DER);
  if (ret >= 0)
    ret = gnutls_pubkey_init (&key);
  if (ret >= 0)
    ret = gnutls_pubkey_import_x509 (key, x509, 0);
  if (ret >= 0)
    ret = gnutls_pubkey_export2 (key, GNUTLS_X509_FMT_DER, &spki);
  if (ret < 0)
    {
      g_set_error (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE,
                   "The certificate's key can't be read: %s", gnutls_strerror (ret));
      return NULL;
    }

  id = g_compute_checksum_for_data (G_CHECKSUM_SHA256, spki.data, spki.size);
  gnutls_free (spki.data);
  return g_steal_pointer (&id);
}
