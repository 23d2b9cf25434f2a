/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "tls/cbs-tls-private.h"

#include <gnutls/x509.h>

/* SHA-256 */
#define KEY_ID_LEN 32

G_DEFINE_AUTO_CLEANUP_FREE_FUNC (gnutls_x509_crt_t, gnutls_x509_crt_deinit, NULL)

static gnutls_certificate_request_t
get_certificate_request (CbsTlsConnection *self)
{
  switch (self->authentication_mode)
    {
    case G_TLS_AUTHENTICATION_NONE:
      return GNUTLS_CERT_IGNORE;
    case G_TLS_AUTHENTICATION_REQUIRED:
      return GNUTLS_CERT_REQUIRE;
    case G_TLS_AUTHENTICATION_REQUESTED:
    default:
      return GNUTLS_CERT_REQUEST;
    }
}

static int
advertise_protocols (CbsTlsConnection *self)
{
  g_autofree gnutls_datum_t *protocols = NULL;
  const guint n_protocols = self->advertised_protocols != NULL ? g_strv_length (self->advertised_protocols) : 0;

  if (n_protocols == 0)
    return 0;

  protocols = g_new (gnutls_datum_t, n_protocols);
  for (guint i = 0; i < n_protocols; i++)
    {
      protocols[i].data = (guint8 *) self->advertised_protocols[i];
      protocols[i].size = (guint) strlen (self->advertised_protocols[i]);
    }
  return gnutls_alpn_set_protocols (self->session, protocols, n_protocols, GNUTLS_ALPN_SERVER_PRECEDENCE);
}

/* Makes the session; 0 or an error code of GnuTLS. GnuTLS would send two tickets of its own
 * accord: see send_ticket(). */
static int
start_session (CbsTlsConnection *self)
{
  int ret = gnutls_init (&self->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_AUTO_SEND_TICKET);

  if (ret < 0)
    return ret;

  cbs_tls_transport_set_up (self);
  gnutls_certificate_server_set_request (self->session, get_certificate_request (self));
  ret = cbs_tls_credentials_apply (self->credentials, self->session);
  return ret < 0 ? ret : advertise_protocols (self);
}

/* Keeps the hash of the key that the peer has shown to be its own, if it has shown one. */
static int
note_peer_key (CbsTlsConnection *self)
{
  g_auto (gnutls_x509_crt_t) certificate = NULL;
  guint8 id[KEY_ID_LEN];
  gsize len = sizeof id;
  guint n_certificates = 0;
  const gnutls_datum_t *ders = gnutls_certificate_get_peers (self->session, &n_certificates);
  int ret = 0;

  if (ders == NULL || n_certificates == 0)
    return 0;

  ret = gnutls_x509_crt_init (&certificate);
  if (ret >= 0)
    ret = gnutls_x509_crt_import (certificate, &ders[0], GNUTLS_X509_FMT_DER);
  if (ret >= 0)
    ret = gnutls_x509_crt_get_key_id (certificate, GNUTLS_KEYID_USE_SHA256, id, &len);
  if (ret >= 0)
    self->peer_key_id = g_bytes_new (id, len);
  return ret;
}

static void
note_protocol (CbsTlsConnection *self)
{
  gnutls_datum_t protocol = { 0 };

  if (self->advertised_protocols != NULL && gnutls_alpn_get_selected_protocol (self->session, &protocol) >= 0)
    self->negotiated_protocol = g_strndup ((const char *) protocol.data, protocol.size);
}

/* Sends one ticket: who opens several connections gets one with each. None to a peer with a
 * certificate: GnuTLS does not put it into a ticket of TLS 1.3, so that the peer would come back
 * without its key. (A ticket of TLS 1.2 holds it, and is a part of the handshake.) */
static int
send_ticket (CbsTlsConnection *self)
{
  if (self->peer_key_id != NULL || gnutls_protocol_get_version (self->session) != GNUTLS_TLS1_3)
    return 0;
  return gnutls_session_ticket_send (self->session, 1, 0);
}

static GPollableReturn
finish_handshake (CbsTlsConnection *self,
                  GError          **error)
{
  G_GNUC_UNUSED g_autoptr (CbsTlsConnection) hold = g_object_ref (self);
  int ret = note_peer_key (self);

  if (ret >= 0 && self->peer_key_id != NULL && !cbs_tls_connection_judge_peer (self))
    ret = GNUTLS_E_CERTIFICATE_ERROR;
  /* Who was asked for a judgement may have closed the connection. */
  if (self->failure != NULL)
    return cbs_tls_transport_report_failure (self, error);
  if (ret >= 0)
    ret = send_ticket (self);
  if (ret < 0)
    return cbs_tls_transport_fail_with_code (self, ret, error);

  note_protocol (self);
  self->established = TRUE;
  self->n_barren = 0;
  if (cbs_tls_transport_send (self, error) == G_POLLABLE_RETURN_FAILED)
    return G_POLLABLE_RETURN_FAILED;

  cbs_tls_connection_notify_established (self);
  return G_POLLABLE_RETURN_OK;
}

/* Goes on with the handshake as far as the input reaches. */
static int
shake_hands (CbsTlsConnection *self)
{
  int ret = 0;

  if (self->session == NULL)
    {
      if (cbs_tls_transport_measure_record (self) == 0)
        return self->ended ? GNUTLS_E_PREMATURE_TERMINATION : GNUTLS_E_AGAIN;
      ret = start_session (self);
      if (ret < 0)
        return ret;
    }

  do
    ret = gnutls_handshake (self->session);
  while (ret < 0 && !gnutls_error_is_fatal (ret) && cbs_tls_transport_measure_record (self) > 0);
  return ret < 0 && cbs_tls_transport_is_barren (self) ? GNUTLS_E_HANDSHAKE_TOO_LARGE : ret;
}

/**
 * cbs_tls_connection_advance:
 * @self: a connection
 * @error: return location for a #GError
 *
 * Goes on with the handshake as far as it can without waiting: takes at most
 * once from the base, and sends at most once.
 *
 * The memory that a peer costs grows with what it sends. A session is made
 * only when its first record is complete, and a peer whose first byte is not
 * TLS fails at once.
 *
 * Returns: %G_POLLABLE_RETURN_OK when the handshake is done (its last flight
 *   may still wait, see [method@Cbs.TlsConnection.wants_write]);
 *   %G_POLLABLE_RETURN_WOULD_BLOCK if the peer's next flight, or room to
 *   send, is awaited; %G_POLLABLE_RETURN_FAILED with a #GTlsError or
 *   #GIOErrorEnum, the same at each further call
 */
GPollableReturn
cbs_tls_connection_advance (CbsTlsConnection *self,
                            GError          **error)
{
  GPollableReturn result = G_POLLABLE_RETURN_OK;
  int ret = 0;

  g_return_val_if_fail (CBS_IS_TLS_CONNECTION (self), G_POLLABLE_RETURN_FAILED);
  g_return_val_if_fail (error == NULL || *error == NULL, G_POLLABLE_RETURN_FAILED);

  if (self->failure != NULL)
    return cbs_tls_transport_report_failure (self, error);
  if (self->established)
    return G_POLLABLE_RETURN_OK;

  result = cbs_tls_transport_receive (self, error);
  if (result == G_POLLABLE_RETURN_FAILED)
    return result;

  ret = shake_hands (self);
  if (ret == GNUTLS_E_SUCCESS)
    return finish_handshake (self, error);
  if (gnutls_error_is_fatal (ret))
    return cbs_tls_transport_fail_with_code (self, ret, error);

  result = cbs_tls_transport_send (self, error);
  return result == G_POLLABLE_RETURN_FAILED ? result : G_POLLABLE_RETURN_WOULD_BLOCK;
}
