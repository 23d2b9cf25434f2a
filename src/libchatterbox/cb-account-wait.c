/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-account-private.h"

#include "libchatterbox/cb-error.h"

/* How long a server may hold a name for a connection that it does not know to be lost. */
#define GHOST_US (180 * G_TIME_SPAN_SECOND)

/* A server on this machine is there without any network. */
static gboolean
needs_network (CbAccount *self)
{
  g_autoptr (GSocketConnectable) server = NULL;
  g_autoptr (GInetAddress) address = NULL;
  const char *host = NULL;

  server = g_network_address_parse (cb_connector_get_server (self->connector), CB_DEFAULT_PORT, NULL);
  if (!G_IS_NETWORK_ADDRESS (server))
    return FALSE;

  host = g_network_address_get_hostname (G_NETWORK_ADDRESS (server));
  if (g_ascii_strcasecmp (host, "localhost") == 0)
    return FALSE;
  address = g_inet_address_new_from_string (host);
  return address == NULL || !g_inet_address_get_is_loopback (address);
}

static gboolean
wait_cb (gpointer user_data)
{
  g_autoptr (CbAccount) self = g_object_ref (user_data);

  cb_account_begin_attempt (self);
  return G_SOURCE_REMOVE;
}

/* Waits for the time of the next attempt, or for a network. That does not keep the account: nobody
 * would come back for one that its owner has forgotten. */
static void
wait_for_attempt (CbAccount *self)
{
  const gboolean has_network = g_network_monitor_get_network_available (self->monitor) || !needs_network (self);
  const guint delay_ms = has_network ? cb_backoff_next (&self->backoff, g_random_int ()) : G_MAXUINT;
  g_autoptr (GError) reason = g_error_copy (self->lost_error);

  self->wait_source = g_timeout_source_new (delay_ms);
  g_source_set_static_name (self->wait_source, "chatterbox-wait");
  g_source_set_callback (self->wait_source, wait_cb, self, NULL);
  if (!has_network)
    g_source_set_ready_time (self->wait_source, -1);
  g_source_attach (self->wait_source, g_main_context_get_thread_default ());

  g_signal_emit (self, cb_account_signals[CB_ACCOUNT_SIGNAL_WAITING], 0, reason, delay_ms);
}

static void
network_changed_cb (GNetworkMonitor *monitor,
                    gboolean         is_available,
                    gpointer         user_data)
{
  CbAccount *self = user_data;

  /* The time till then is not worth waiting for: what was wrong may have been the network. */
  if (is_available && self->wait_source != NULL)
    g_source_set_ready_time (self->wait_source, 0);
}

/* Sets who tells about networks: the system's, or a test. */
void
cb_account_set_network_monitor (CbAccount       *self,
                                GNetworkMonitor *monitor)
{
  if (self->monitor != NULL)
    g_signal_handlers_disconnect_by_func (self->monitor, network_changed_cb, self);
  g_set_object (&self->monitor, monitor);
  g_signal_connect_object (monitor, "network-changed", G_CALLBACK (network_changed_cb), self, G_CONNECT_DEFAULT);
}

/* Only where coming back is no loss, and brings nothing twice. */
gboolean
cb_account_can_come_back (CbAccount *self)
{
  return self->reconnects && cb_account_has_ids (self) && self->negotiated & CB_FEATURE_HISTORY;
}

/* What fails now may succeed later. */
gboolean
cb_account_is_worth_retrying (CbAccount    *self,
                              const GError *error)
{
  if (g_error_matches (error, CB_ERROR, CB_ERROR_NAME_TAKEN))
    return g_get_monotonic_time () - self->lost_us < GHOST_US;

  return !g_error_matches (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE) &&
         !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT) &&
         error->domain != G_FILE_ERROR;
}

/* Waits for the next attempt, unless the account comes back no more. */
void
cb_account_come_back (CbAccount *self,
                      GError    *error)
{
  if (self->monitor == NULL)
    cb_account_set_network_monitor (self, g_network_monitor_get_default ());
  g_clear_error (&self->lost_error);
  self->lost_error = g_error_copy (error);
  cb_account_close_session (self, CB_ACCOUNT_WAITING, NULL, TRUE);
  /* Who was told of that may have left. */
  if (self->state == CB_ACCOUNT_WAITING && self->wait_source == NULL)
    wait_for_attempt (self);
}
