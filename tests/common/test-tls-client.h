/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include <gnutls/gnutls.h>

#include "common/test-certs.h"

G_BEGIN_DECLS

/* Priorities of a client that insists on one version. */
#define TEST_TLS_1_2 "NORMAL:-VERS-ALL:+VERS-TLS1.2"
#define TEST_TLS_1_3 "NORMAL:-VERS-ALL:+VERS-TLS1.3"

/**
 * TestTlsClient:
 *
 * The client's end of a TLS connection, by GnuTLS itself: it does what no
 * well-behaved library lets one do. Certificates are not verified.
 *
 * Its calls run the default main context until they are done, so the server
 * may live in the same process; what takes longer than 60 seconds fails the
 * test.
 */
typedef struct _TestTlsClient TestTlsClient;

TestTlsClient   *test_tls_client_new (GSocketConnection *connection,
                                      const char        *priorities);
void             test_tls_client_free (TestTlsClient *self);
void             test_tls_client_show_certificate (TestTlsClient   *self,
                                                   const TestCerts *certs);
gnutls_session_t test_tls_client_get_session (TestTlsClient *self);
guint            test_tls_client_get_n_tickets (TestTlsClient *self);
int              test_tls_client_handshake (TestTlsClient *self);
int              test_tls_client_send (TestTlsClient *self,
                                       const void    *data,
                                       gsize          len);
gssize           test_tls_client_receive (TestTlsClient *self,
                                          void          *buffer,
                                          gsize          len);
int              test_tls_client_update_keys (TestTlsClient *self);
void             test_tls_client_bye (TestTlsClient *self);
GBytes          *test_tls_client_save_session (TestTlsClient *self);
void             test_tls_client_resume (TestTlsClient *self,
                                         GBytes        *session);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestTlsClient, test_tls_client_free)

GBytes          *test_tls_make_hello (void);
void             test_tls_connect_pair (GSocketConnection **out_client,
                                        GSocketConnection **out_server);
void             test_tls_connect_local_pair (GSocketConnection **out_client,
                                              GSocketConnection **out_server);
void             test_tls_reset (GSocketConnection *connection);
void             test_tls_assert_same (gconstpointer a,
                                       gsize         a_len,
                                       gconstpointer b,
                                       gsize         b_len);

G_END_DECLS
