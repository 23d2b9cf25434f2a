/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "common/test-peer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define TIMEOUT_S 60

/* What no honest end of a test sends. */
#define MAX_FRAME (64u * 1024 * 1024)

#define HEADER_LEN 4

struct _TestPeer
{
  GIOStream  *stream;
  GByteArray *input; /* what came and was not taken */
  GByteArray *record; /* all that came since it was asked for; NULL: it was not */
  GQueue      messages; /* of JsonArray: came with others in one frame */
  char       *name;
  gint64      last_request;
};

static void
store_result_cb (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  GAsyncResult **out_result = user_data;

  g_assert_null (*out_result);
  *out_result = g_object_ref (result);
}

static gboolean
timeout_cb (gpointer user_data)
{
  g_error ("The other end did nothing for %d seconds (%s)", TIMEOUT_S, (const char *) user_data);
  return G_SOURCE_REMOVE;
}

static void
wait_for (GAsyncResult **result,
          const char    *what)
{
  const guint timeout = g_timeout_add_seconds (TIMEOUT_S, timeout_cb, (gpointer) what);

  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (timeout);
}

/* Takes over a stream that is ready for frames. */
TestPeer *
test_peer_new (GIOStream *stream)
{
  TestPeer *self = g_new0 (TestPeer, 1);

  self->stream = g_object_ref (stream);
  self->input = g_byte_array_new ();
  g_queue_init (&self->messages);
  return self;
}

static GSocketConnection *
connect_socket (const char *address,
                const char *local_address)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketAddress) local = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  GSocketConnection *connection = NULL;

  /* glib-networking 2.74 looks for a desktop's proxies, and aborts in directories without its schemas. */
  g_socket_client_set_enable_proxy (client, FALSE);
  if (local_address != NULL)
    {
      local = g_inet_socket_address_new_from_string (local_address, 0);
      g_socket_client_set_local_address (client, local);
    }
  g_socket_client_connect_to_host_async (client, address, 0, NULL, store_result_cb, &result);
  wait_for (&result, "connect");
  connection = g_socket_client_connect_to_host_finish (client, result, &error);
  g_assert_no_error (error);
  g_socket_set_option (g_socket_connection_get_socket (connection), IPPROTO_TCP, TCP_NODELAY, 1, NULL);
  return connection;
}

/* Connects with TLS, and believes only the authorities in @ca_file; shows @certificate unless it is
 * NULL, and comes from @local_address unless that is. */
TestPeer *
test_peer_connect_as (const char      *address,
                      const char      *ca_file,
                      GTlsCertificate *certificate,
                      const char      *local_address)
{
  g_autoptr (GSocketConnection) connection = connect_socket (address, local_address);
  g_autoptr (GSocketConnectable) identity = NULL;
  g_autoptr (GTlsDatabase) database = NULL;
  g_autoptr (GIOStream) tls = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  identity = g_network_address_parse (address, 0, &error);
  g_assert_no_error (error);
  database = g_tls_file_database_new (ca_file, &error);
  g_assert_no_error (error);
  /* Without a database of its own from the start it loads all of the system's authorities. */
  tls = g_initable_new (g_tls_backend_get_client_connection_type (g_tls_backend_get_default ()), NULL, &error,
                        "base-io-stream", connection, "server-identity", identity, "database", database, NULL);
  g_assert_no_error (error);
  g_tls_connection_set_require_close_notify (G_TLS_CONNECTION (tls), FALSE);
  if (certificate != NULL)
    g_tls_connection_set_certificate (G_TLS_CONNECTION (tls), certificate);

  g_tls_connection_handshake_async (G_TLS_CONNECTION (tls), G_PRIORITY_DEFAULT, NULL,
                                    store_result_cb, &result);
  wait_for (&result, "handshake");
  g_tls_connection_handshake_finish (G_TLS_CONNECTION (tls), result, &error);
  g_assert_no_error (error);
  return test_peer_new (tls);
}

/* Connects with TLS as everybody does. */
TestPeer *
test_peer_connect (const char *address,
                   const char *ca_file)
{
  return test_peer_connect_as (address, ca_file, NULL, NULL);
}

/* Leaves as most programs do: by closing the connection. */
void
test_peer_free (TestPeer *self)
{
  g_autoptr (GAsyncResult) result = NULL;

  if (!g_io_stream_is_closed (self->stream))
    {
      g_io_stream_close_async (self->stream, G_PRIORITY_DEFAULT, NULL, store_result_cb, &result);
      wait_for (&result, "close");
      g_io_stream_close_finish (self->stream, result, NULL);
    }

  g_queue_clear_full (&self->messages, (GDestroyNotify) json_array_unref);
  g_byte_array_unref (self->input);
  g_clear_pointer (&self->record, g_byte_array_unref);
  g_object_unref (self->stream);
  g_free (self->name);
  g_free (self);
}

GIOStream *
test_peer_get_stream (TestPeer *self)
{
  return self->stream;
}

void
test_peer_send_bytes (TestPeer   *self,
                      const void *data,
                      gsize       len)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_output_stream_write_all_async (g_io_stream_get_output_stream (self->stream), data, len,
                                   G_PRIORITY_DEFAULT, NULL, store_result_cb, &result);
  wait_for (&result, "send");
  g_output_stream_write_all_finish (g_io_stream_get_output_stream (self->stream), result, NULL, &error);
  g_assert_no_error (error);
}

/* Sends one frame, in one write. */
void
test_peer_send (TestPeer   *self,
                const char *json)
{
  const gsize len = strlen (json);
  const guint32 prefix = GUINT32_TO_BE ((guint32) len);
  g_autofree char *frame = g_malloc (HEADER_LEN + len);

  memcpy (frame, &prefix, HEADER_LEN);
  memcpy (frame + HEADER_LEN, json, len);
  test_peer_send_bytes (self, frame, HEADER_LEN + len);
}

/* Sends a message with a token, once joined; without one if @token is NULL. */
void
test_peer_say_token (TestPeer   *self,
                     const char *destination,
                     const char *content,
                     const char *token)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *json = NULL;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "MESSAGES");
  json_builder_begin_array (builder);
  json_builder_begin_array (builder);
  json_builder_add_string_value (builder, self->name);
  json_builder_add_string_value (builder, destination);
  json_builder_add_int_value (builder, g_get_real_time () / G_USEC_PER_SEC);
  json_builder_add_string_value (builder, content);
  if (token != NULL)
    {
      json_builder_begin_object (builder);
      json_builder_set_member_name (builder, "token");
      json_builder_add_string_value (builder, token);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  json_builder_end_array (builder);
  json_builder_end_object (builder);

  root = json_builder_get_root (builder);
  json = json_to_string (root, FALSE);
  test_peer_send (self, json);
}

/* Sends a message, once joined. */
void
test_peer_say (TestPeer   *self,
               const char *destination,
               const char *content)
{
  test_peer_say_token (self, destination, content, NULL);
}

/* Reads until @needed bytes are here; FALSE if the other end closed before. */
static gboolean
fill (TestPeer *self,
      gsize     needed)
{
  while (self->input->len < needed)
    {
      guint8 buffer[64 * 1024];
      g_autoptr (GAsyncResult) result = NULL;
      g_autoptr (GError) error = NULL;
      gssize n_read = 0;

      g_input_stream_read_async (g_io_stream_get_input_stream (self->stream), buffer, sizeof buffer,
                                 G_PRIORITY_DEFAULT, NULL, store_result_cb, &result);
      wait_for (&result, "receive");
      n_read = g_input_stream_read_finish (g_io_stream_get_input_stream (self->stream), result, &error);
      /* An end is an end, with a word or without. */
      if (n_read <= 0)
        return FALSE;
      g_byte_array_append (self->input, buffer, (guint) n_read);
      if (self->record != NULL)
        g_byte_array_append (self->record, buffer, (guint) n_read);
    }

  return TRUE;
}

/* Receives the payload of the next frame; NULL: the connection has ended. */
GBytes *
test_peer_receive_frame (TestPeer *self)
{
  guint32 len = 0;
  GBytes *payload = NULL;

  if (!fill (self, HEADER_LEN))
    return NULL;

  memcpy (&len, self->input->data, HEADER_LEN);
  len = GUINT32_FROM_BE (len);
  g_assert_cmpuint (len, <=, MAX_FRAME);
  if (!fill (self, HEADER_LEN + (gsize) len))
    return NULL;

  payload = g_bytes_new (self->input->data + HEADER_LEN, len);
  g_byte_array_remove_range (self->input, 0, HEADER_LEN + len);
  return payload;
}

/* Receives the object of the next frame; the connection must not end. */
JsonObject *
test_peer_receive (TestPeer *self)
{
  g_autoptr (GBytes) payload = test_peer_receive_frame (self);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  const char *text = NULL;
  gsize len = 0;

  g_assert_nonnull (payload);
  text = g_bytes_get_data (payload, &len);
  json_parser_load_from_data (parser, text, (gssize) len, &error);
  g_assert_no_error (error);
  g_assert_true (JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)));
  g_test_message ("%s receives %.*s", self->name != NULL ? self->name : "peer", (int) MIN (len, 400), text);
  return json_object_ref (json_node_get_object (json_parser_get_root (parser)));
}

static void
keep_messages (TestPeer   *self,
               JsonObject *object)
{
  JsonArray *messages = NULL;

  if (!json_object_has_member (object, "MESSAGES") || json_object_has_member (object, "USER_LIST"))
    return;

  messages = json_object_get_array_member (object, "MESSAGES");
  for (guint i = 0; i < json_array_get_length (messages); i++)
    g_queue_push_tail (&self->messages, json_array_ref (json_array_get_array_element (messages, i)));
}

/* Receives frames until one has @key; messages in the others are kept. */
JsonObject *
test_peer_receive_with (TestPeer   *self,
                        const char *key)
{
  for (;;)
    {
      g_autoptr (JsonObject) object = test_peer_receive (self);

      if (json_object_has_member (object, key))
        {
          /* They are kept for who asks for messages, and to be seen here, too. */
          if (strcmp (key, "MESSAGES") != 0)
            keep_messages (self, object);
          return g_steal_pointer (&object);
        }
      keep_messages (self, object);
    }
}

/* Receives the next message that came after the login. */
JsonArray *
test_peer_receive_message (TestPeer *self)
{
  while (g_queue_is_empty (&self->messages))
    {
      g_autoptr (JsonObject) object = test_peer_receive (self);

      keep_messages (self, object);
    }

  return g_queue_pop_head (&self->messages);
}

/* Logs in; returns what accepted it. */
JsonObject *
test_peer_join (TestPeer   *self,
                const char *name)
{
  g_autofree char *json = g_strdup_printf ("{\"USERNAME\": \"%s\"}", name);
  JsonObject *welcome = NULL;

  g_free (self->name);
  self->name = g_strdup (name);
  test_peer_send (self, json);
  welcome = test_peer_receive (self);
  g_assert_true (json_object_has_member (welcome, "USERNAME_ACCEPTED"));
  g_assert_true (json_object_get_boolean_member (welcome, "USERNAME_ACCEPTED"));
  return welcome;
}

/* Asks for a name, announcing @features, a JSON list, and with more members (`"HISTORY": …`) if
 * @members is not NULL; returns the answer, whatever it says. */
JsonObject *
test_peer_log_in (TestPeer   *self,
                  const char *name,
                  const char *features,
                  const char *members)
{
  g_autofree char *json = g_strdup_printf ("{\"USERNAME\": \"%s\", \"FEATURES\": %s%s%s}", name, features,
                                           members != NULL ? ", " : "", members != NULL ? members : "");

  g_free (self->name);
  self->name = g_strdup (name);
  test_peer_send (self, json);
  return test_peer_receive_with (self, "USERNAME_ACCEPTED");
}

/* Sends an object of these members with the number of a request, and returns what repeats that. */
JsonObject *
test_peer_request (TestPeer   *self,
                   const char *format,
                   ...)
{
  g_autofree char *members = NULL;
  g_autofree char *json = NULL;
  g_autoptr (JsonObject) answer = NULL;
  va_list args;

  va_start (args, format);
  members = g_strdup_vprintf (format, args);
  va_end (args);
  json = g_strdup_printf ("{%s, \"REQUEST\": %" G_GINT64_FORMAT "}", members, ++self->last_request);
  test_peer_send (self, json);

  /* What comes before it is kept; its own messages are not news. */
  for (;;)
    {
      answer = test_peer_receive (self);
      if (json_object_has_member (answer, "REQUEST"))
        break;
      keep_messages (self, answer);
      g_clear_pointer (&answer, json_object_unref);
    }
  g_assert_cmpint (json_object_get_int_member (answer, "REQUEST"), ==, self->last_request);
  return g_steal_pointer (&answer);
}

/* From now on all that comes is kept. */
void
test_peer_record (TestPeer *self)
{
  g_assert_null (self->record);

  self->record = g_byte_array_new ();
}

/* All that came since it was asked for. */
GByteArray *
test_peer_get_record (TestPeer *self)
{
  return self->record;
}

/* The next ERROR holds @part. */
void
test_peer_expect_error (TestPeer   *self,
                        const char *part)
{
  g_autoptr (JsonObject) object = test_peer_receive_with (self, "ERROR");

  g_assert_nonnull (strstr (json_object_get_string_member (object, "ERROR"), part));
}

/* Nothing comes but the end. */
void
test_peer_expect_end (TestPeer *self)
{
  g_assert_null (test_peer_receive_frame (self));
}

/* Vanishes as a crashed machine does: with a reset, and no close_notify. */
void
test_peer_reset (TestPeer *self)
{
  const struct linger linger = { .l_onoff = 1, .l_linger = 0 };
  g_autoptr (GIOStream) base = NULL;
  GSocket *socket = NULL;

  if (G_IS_TLS_CONNECTION (self->stream))
    g_object_get (self->stream, "base-io-stream", &base, NULL);
  else
    base = g_object_ref (self->stream);

  socket = g_socket_connection_get_socket (G_SOCKET_CONNECTION (base));
  g_assert_no_errno (setsockopt (g_socket_get_fd (socket), SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
  g_socket_close (socket, NULL);
}
