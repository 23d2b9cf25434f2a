/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * TestCerts:
 * @dir: where all files lie
 * @ca: an authority; what it signed verifies
 * @other_ca: an authority that signed nothing
 * @cert: for localhost, 127.0.0.1 and ::1, signed by @ca, ECDSA P-256
 * @key: its key
 * @expired_cert: the same key, but expired
 * @wrong_host_cert: the same key, for another host
 * @self_signed_cert: the same key, signed by itself
 * @client_cert: a self-signed client certificate
 * @client_key: its key
 *
 * Certificates made for one test, as PEM files.
 */
typedef struct
{
  char *dir;
  char *ca;
  char *other_ca;
  char *cert;
  char *key;
  char *expired_cert;
  char *wrong_host_cert;
  char *self_signed_cert;
  char *client_cert;
  char *client_key;
} TestCerts;

TestCerts       *test_certs_new (void);
void             test_certs_free (TestCerts *self);
GTlsCertificate *test_certs_new_identity (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestCerts, test_certs_free)

G_END_DECLS
