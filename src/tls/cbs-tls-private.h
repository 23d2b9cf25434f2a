/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tls/cbs-tls-connection.h"

G_BEGIN_DECLS

/* An idle connection holds neither input nor output: both are freed as soon as they are empty. */
struct _CbsTlsConnection
{
  GTlsConnection         parent_instance;
  GIOStream             *base;
  GSocket               *socket;  /* of the base, which owns it; NULL: the base is no socket */
  CbsTlsCredentials     *credentials;
  gnutls_session_t       session;  /* NULL until the first record is complete */
  GByteArray            *input;    /* ciphertext that GnuTLS has not taken; NULL: none */
  gsize                  input_start;
  gsize                  n_barren;     /* ciphertext taken since the last plain text, in bytes */
  gsize                  record_left;  /* of the record that GnuTLS is taking, in bytes */
  GByteArray            *output;       /* ciphertext that the base has not taken; NULL: none */
  gsize                  output_start;
  GError                *failure;      /* why the connection is of no use any more */
  GBytes                *peer_key_id;  /* NULL: the peer showed no certificate */
  GInputStream          *input_stream;
  GOutputStream         *output_stream;
  GTlsDatabase          *database;
  GTlsInteraction       *interaction;
  GTlsCertificate       *certificate;       /* made only when it is asked for: 15 KiB */
  GTlsCertificate       *peer_certificate;  /* likewise */
  GStrv                  advertised_protocols;
  char                  *negotiated_protocol;
  GTlsAuthenticationMode authentication_mode;
  GTlsCertificateFlags   peer_certificate_errors;
  guint                  started : 1;  /* the first byte came, and it is TLS */
  guint                  established : 1;
  guint                  ended : 1;       /* the base has no more to read */
  guint                  peer_ended : 1;  /* the peer has ended its side, and all it sent was read */
  guint                  bye_sent : 1;  /* or at least in the output */
  guint                  require_close_notify : 1;
  guint                  disposing : 1;
};

/* cbs-tls-connection.c */
gboolean               cbs_tls_connection_judge_peer (CbsTlsConnection *self);
void                   cbs_tls_connection_notify_established (CbsTlsConnection *self);

/* cbs-tls-transport.c */
GPollableInputStream  *cbs_tls_transport_get_input (CbsTlsConnection *self);
GPollableOutputStream *cbs_tls_transport_get_output (CbsTlsConnection *self);
void                   cbs_tls_transport_set_up (CbsTlsConnection *self);
GPollableReturn        cbs_tls_transport_fail (CbsTlsConnection *self,
                                               GError           *reason,
                                               GError          **error);
GPollableReturn        cbs_tls_transport_fail_with_code (CbsTlsConnection *self,
                                                         int               code,
                                                         GError          **error);
GPollableReturn        cbs_tls_transport_report_failure (CbsTlsConnection *self,
                                                         GError          **error);
gsize                  cbs_tls_transport_measure_record (CbsTlsConnection *self);
gboolean               cbs_tls_transport_is_barren (CbsTlsConnection *self);
GPollableReturn        cbs_tls_transport_receive (CbsTlsConnection *self,
                                                  GError          **error);
GPollableReturn        cbs_tls_transport_send (CbsTlsConnection *self,
                                               GError          **error);
gboolean               cbs_tls_transport_wait (CbsTlsConnection *self,
                                               GCancellable     *cancellable,
                                               GError          **error);
gboolean               cbs_tls_transport_drain (CbsTlsConnection *self,
                                                GCancellable     *cancellable,
                                                GError          **error);

/* cbs-tls-credentials.c */
int                    cbs_tls_credentials_apply (CbsTlsCredentials *self,
                                                  gnutls_session_t   session);
gboolean               cbs_tls_credentials_get_certificate (CbsTlsCredentials *self,
                                                            guint              index,
                                                            gnutls_datum_t    *out_der);

/* cbs-tls-source.c */
GSource               *cbs_tls_source_new (CbsTlsConnection *connection,
                                           gpointer          object,
                                           GIOCondition      condition,
                                           GCancellable     *cancellable);

/* cbs-tls-streams.c */
GInputStream          *cbs_tls_input_stream_new (CbsTlsConnection *connection);
GOutputStream         *cbs_tls_output_stream_new (CbsTlsConnection *connection);

G_END_DECLS
