/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "common/test-certs.h"
#include "common/test-tls-client.h"
#include "common/test-wait.h"
#include "tls/cbs-tls-connection.h"

/**
 * Stage:
 * @credentials: of all its servers
 * @client_base: the client's end, before TLS
 * @base: the server's
 * @client: speaks when the test makes it
 * @tls: what is tested
 * @source: while there is one, it advances @tls and reads from it, as an engine would
 * @received: what it has read
 * @established: the handshake is done
 * @ended: the client has ended its side, or the connection has failed
 * @error: why it has failed
 *
 * Both ends of a connection over the loopback.
 */
typedef struct
{
  TestCerts         *certs;
  CbsTlsCredentials *credentials;
  GSocketConnection *client_base;
  GSocketConnection *base;
  TestTlsClient     *client;
  CbsTlsConnection  *tls;
  GSource           *source;
  GByteArray        *received;
  gboolean           established;
  gboolean           ended;
  GError            *error;
} Stage;

static inline GSocket *
stage_get_socket (Stage *stage)
{
  return g_socket_connection_get_socket (stage->base);
}

/* One turn of the engine. */
static inline void
stage_step (Stage *stage)
{
  guint8 buffer[4096];
  gsize n_read = 0;
  GPollableReturn result = G_POLLABLE_RETURN_OK;

  if (stage->ended)
    return;

  if (!stage->established)
    {
      result = cbs_tls_connection_advance (stage->tls, &stage->error);
      stage->established = result == G_POLLABLE_RETURN_OK;
    }
  while (result == G_POLLABLE_RETURN_OK && !stage->ended)
    {
      result = cbs_tls_connection_read (stage->tls, buffer, sizeof buffer, &n_read, &stage->error);
      if (result == G_POLLABLE_RETURN_OK && n_read > 0)
        g_byte_array_append (stage->received, buffer, (guint) n_read);
      else if (result == G_POLLABLE_RETURN_OK)
        stage->ended = TRUE;
    }
  if (result == G_POLLABLE_RETURN_FAILED)
    stage->ended = TRUE;
}

static inline gboolean
stage_ready_cb (GSocket     *socket,
                GIOCondition condition,
                gpointer     user_data)
{
  Stage *stage = user_data;

  stage_step (stage);
  return stage->ended ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

/* Lets the server go on by itself whenever something comes. */
static inline void
stage_run (Stage *stage)
{
  stage->source = g_socket_create_source (stage_get_socket (stage), G_IO_IN, NULL);
  g_source_set_callback (stage->source, G_SOURCE_FUNC (stage_ready_cb), stage, NULL);
  g_source_attach (stage->source, NULL);
}

/* From here on the test itself makes the server's steps. */
static inline void
stage_pause (Stage *stage)
{
  if (stage->source != NULL)
    g_source_destroy (stage->source);
  g_clear_pointer (&stage->source, g_source_unref);
}

static inline void
stage_disconnect (Stage *stage)
{
  stage_pause (stage);
  g_clear_pointer (&stage->client, test_tls_client_free);
  g_clear_object (&stage->tls);
  g_clear_object (&stage->client_base);
  g_clear_object (&stage->base);
  g_clear_error (&stage->error);
  g_byte_array_set_size (stage->received, 0);
  stage->established = FALSE;
  stage->ended = FALSE;
}

/* Connects anew; neither end says anything. */
static inline void
stage_connect (Stage      *stage,
               const char *priorities)
{
  stage_disconnect (stage);
  test_tls_connect_pair (&stage->client_base, &stage->base);
  stage->client = test_tls_client_new (stage->client_base, priorities);
  stage->tls = cbs_tls_connection_new (G_IO_STREAM (stage->base), stage->credentials);
}

/* The same, within the machine. */
static inline void
stage_connect_locally (Stage *stage)
{
  stage_disconnect (stage);
  test_tls_connect_local_pair (&stage->client_base, &stage->base);
  stage->client = test_tls_client_new (stage->client_base, "NORMAL");
  stage->tls = cbs_tls_connection_new (G_IO_STREAM (stage->base), stage->credentials);
}

static inline gboolean
stage_is_established (gpointer data)
{
  Stage *stage = data;

  return stage->established || stage->ended;
}

/* The server runs, and both ends shake hands. */
static inline void
stage_shake_hands (Stage *stage)
{
  stage_run (stage);
  g_assert_cmpint (test_tls_client_handshake (stage->client), ==, 0);
  test_wait_until (stage_is_established, stage, "the server's handshake");
  g_assert_no_error (stage->error);
  g_assert_true (stage->established);
}

static inline void
stage_establish (Stage      *stage,
                 const char *priorities)
{
  stage_connect (stage, priorities);
  stage_shake_hands (stage);
}

static inline gboolean
stage_has_ended (gpointer data)
{
  return ((Stage *) data)->ended;
}

static inline void
stage_wait_for_end (Stage *stage)
{
  test_wait_until (stage_has_ended, stage, "the server's end");
}

/* Waits, without a turn of the loop, until the server could receive something. */
static inline void
stage_wait_for_input (Stage *stage)
{
  g_assert_true (g_socket_condition_wait (stage_get_socket (stage), G_IO_IN, NULL, NULL));
}

/* Sends bytes that are no TLS, or only a part of it, past the client. */
static inline void
stage_send_bytes (Stage      *stage,
                  const void *data,
                  gsize       len)
{
  g_autoptr (GError) error = NULL;

  g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (stage->client_base)),
                             data, len, NULL, NULL, &error);
  g_assert_no_error (error);
}

/* The server writes a few bytes, which have to be taken at once. */
static inline void
stage_write (Stage      *stage,
             const char *text)
{
  gsize n_written = 0;
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (cbs_tls_connection_write (stage->tls, text, strlen (text), &n_written, &error), ==,
                   G_POLLABLE_RETURN_OK);
  g_assert_no_error (error);
  g_assert_cmpuint (n_written, ==, strlen (text));
}

/* The client must receive @text next. */
static inline void
stage_expect (Stage      *stage,
              const char *text)
{
  const gssize len = (gssize) strlen (text);
  g_autofree char *received = g_malloc0 ((gsize) len + 1);

  g_assert_cmpint (test_tls_client_receive (stage->client, received, (gsize) len), ==, len);
  g_assert_cmpstr (received, ==, text);
}

static inline gboolean
stage_has_received (gpointer data)
{
  Stage *stage = data;

  return stage->received->len > 0 || stage->ended;
}

/* A word there, and another one back. */
static inline void
stage_talk (Stage *stage)
{
  g_byte_array_set_size (stage->received, 0);
  g_assert_cmpint (test_tls_client_send (stage->client, "ping", 4), ==, 0);
  test_wait_until (stage_has_received, stage, "the client's word");
  test_tls_assert_same (stage->received->data, stage->received->len, "ping", 4);
  stage_write (stage, "pong");
  stage_expect (stage, "pong");
}

/* Writes zeros until nothing is taken any more; how many were taken. Only a local connection stays
 * full. */
static inline gsize
stage_fill (Stage *stage)
{
  static const guint8 zeros[64 * 1024];
  g_autoptr (GError) error = NULL;
  gsize n_taken = 0;

  for (;;)
    {
      gsize n_written = 0;
      const GPollableReturn result = cbs_tls_connection_write (stage->tls, zeros, sizeof zeros, &n_written, &error);

      g_assert_no_error (error);
      if (result == G_POLLABLE_RETURN_WOULD_BLOCK)
        return n_taken;
      n_taken += n_written;
    }
}

static inline void
stage_set_up (Stage        *stage,
              gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;

  stage->certs = test_certs_new ();
  stage->received = g_byte_array_new ();
  stage->credentials = cbs_tls_credentials_new_from_files (stage->certs->cert, stage->certs->key, &error);
  g_assert_no_error (error);
}

static inline void
stage_tear_down (Stage        *stage,
                 gconstpointer user_data)
{
  stage_disconnect (stage);
  g_assert_finalize_object (g_steal_pointer (&stage->credentials));
  g_clear_pointer (&stage->received, g_byte_array_unref);
  g_clear_pointer (&stage->certs, test_certs_free);
}

static inline void
stage_add_test (const char   *path,
                gconstpointer data,
                void (       *test ) (Stage        *stage,
                                      gconstpointer user_data))
{
  g_test_add (path, Stage, data, stage_set_up, test, stage_tear_down);
}
