/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "common/test-original-server.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "common/test-family.h"

#define RULE "----------------------"

struct _TestOriginalServer
{
  GSocketService  *service;
  GTlsCertificate *certificate;
  char            *address;
  GPtrArray       *connections; /* of Connection */
  GPtrArray       *online;      /* of Connection: those with a name, in the order of their logins */
  GPtrArray       *messages;    /* of JsonArray: public ones */
  GPtrArray       *everyone;    /* of names that were ever here */
  GHashTable      *blocks;      /* name to GPtrArray of names; NULL: “None”, after an /UnBlock */
  char            *death;       /* of what a connection's reader died */

  /* The file, which is written when somebody leaves and read when somebody connects: what came in
   * between is forgotten. */
  GPtrArray       *saved_messages;
  GPtrArray       *saved_everyone;
  GHashTable      *saved_blocks;
};

typedef struct
{
  TestOriginalServer  *server;
  GIOStream           *stream;
  TestFamilyTransport *transport;
  char                *username;
} Connection;

static GPtrArray *
new_messages (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) json_array_unref);
}

static GPtrArray *
copy_messages (GPtrArray *messages)
{
  GPtrArray *copy = new_messages ();

  for (guint i = 0; i < messages->len; i++)
    g_ptr_array_add (copy, json_array_ref (g_ptr_array_index (messages, i)));
  return copy;
}

static GPtrArray *
copy_names (GPtrArray *names)
{
  GPtrArray *copy = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < names->len; i++)
    g_ptr_array_add (copy, g_strdup (g_ptr_array_index (names, i)));
  return copy;
}

static GHashTable *
copy_blocks (GHashTable *blocks)
{
  GHashTable *copy = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  GHashTableIter iter;
  gpointer name = NULL;
  gpointer blocked = NULL;

  if (blocks == NULL)
    return copy;

  g_hash_table_iter_init (&iter, blocks);
  while (g_hash_table_iter_next (&iter, &name, &blocked))
    g_hash_table_insert (copy, g_strdup (name), copy_names (blocked));
  return copy;
}

static gboolean
holds_name (GPtrArray  *names,
            const char *name)
{
  return g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL);
}

/* Those whom @name has blocked; NULL: it never blocked anybody. */
static GPtrArray *
get_blocked (TestOriginalServer *self,
             const char         *name)
{
  return self->blocks != NULL ? g_hash_table_lookup (self->blocks, name) : NULL;
}

static Connection *
find_online (TestOriginalServer *self,
             const char         *name)
{
  for (guint i = 0; i < self->online->len; i++)
    {
      Connection *connection = g_ptr_array_index (self->online, i);

      if (strcmp (connection->username, name) == 0)
        return connection;
    }

  return NULL;
}

/* Only one side's blocks are looked at, if that side has any. */
static void
broadcast_all (Connection *from,
               const char *json)
{
  TestOriginalServer *self = from->server;
  GPtrArray *own = get_blocked (self, from->username);

  for (guint i = 0; i < self->online->len; i++)
    {
      Connection *to = g_ptr_array_index (self->online, i);
      GPtrArray *theirs = get_blocked (self, to->username);
      gboolean is_hidden = FALSE;

      if (own != NULL)
        is_hidden = holds_name (own, to->username);
      else if (theirs != NULL)
        is_hidden = holds_name (theirs, from->username);
      if (!is_hidden)
        test_family_transport_write (to->transport, json);
    }
}

static void
broadcast (Connection *from,
           const char *audience,
           const char *json)
{
  TestOriginalServer *self = from->server;
  Connection *to = find_online (self, audience);
  GPtrArray *own = get_blocked (self, from->username);
  GPtrArray *theirs = get_blocked (self, audience);
  gboolean is_hidden = FALSE;

  if (strcmp (audience, "ALL") == 0)
    {
      broadcast_all (from, json);
      return;
    }
  if (to == NULL)
    {
      test_family_transport_write (from->transport, "{\"ERROR\": \"Specified username does not exist"
                                   " (or at least is not online)\"}");
      return;
    }

  if (theirs != NULL)
    is_hidden = holds_name (theirs, from->username);
  else if (own != NULL)
    is_hidden = holds_name (own, audience);
  if (!is_hidden)
    test_family_transport_write (to->transport, json);
}

/* A message as it came, but with another content. */
static JsonArray *
replace_content (JsonArray  *message,
                 const char *content)
{
  JsonArray *answer = json_array_new ();

  json_array_add_string_element (answer, json_array_get_string_element (message, 0));
  json_array_add_string_element (answer, json_array_get_string_element (message, 1));
  json_array_add_int_element (answer, json_array_get_int_element (message, 2));
  json_array_add_string_element (answer, content);
  return answer;
}

static void
send_alone (Connection *from,
            const char *audience,
            JsonArray  *message)
{
  g_autoptr (GPtrArray) messages = new_messages ();
  g_autofree char *json = NULL;

  g_ptr_array_add (messages, json_array_ref (message));
  json = test_family_dump_messages (messages);
  broadcast (from, audience, json);
}

static void
answer (Connection *connection,
        JsonArray  *message,
        const char *text)
{
  g_autoptr (JsonArray) answer_message = replace_content (message, text);

  send_alone (connection, json_array_get_string_element (message, 1), answer_message);
}

static gboolean
die (TestOriginalServer *self,
     const char         *reason)
{
  if (self->death == NULL)
    self->death = g_strdup (reason);
  return FALSE;
}

static gboolean
run_block (Connection *connection,
           JsonArray  *message,
           GStrv       words)
{
  TestOriginalServer *self = connection->server;
  g_autoptr (GString) text = g_string_new ("The following users will now be blocked: ");

  for (guint i = 1; words[i] != NULL; i++)
    {
      GPtrArray *blocked = get_blocked (self, connection->username);

      if (!holds_name (self->everyone, words[i]) || strcmp (words[i], connection->username) == 0)
        continue;
      if (self->blocks == NULL)
        return die (self, "TypeError: 'NoneType' object is not subscriptable");

      g_string_append_printf (text, " %s", words[i]);
      if (blocked == NULL)
        {
          blocked = g_ptr_array_new_with_free_func (g_free);
          g_hash_table_insert (self->blocks, g_strdup (connection->username), blocked);
        }
      if (!holds_name (blocked, words[i]))
        g_ptr_array_add (blocked, g_strdup (words[i]));
    }

  answer (connection, message, text->str);
  return TRUE;
}

/* It forgets everybody's blocks, and who has none gets no answer at all. */
static gboolean
run_unblock (Connection *connection,
             JsonArray  *message,
             GStrv       words)
{
  TestOriginalServer *self = connection->server;
  g_autoptr (GString) text = g_string_new ("The following users will now be un-blocked: ");

  if (self->blocks == NULL)
    return die (self, "TypeError: argument of type 'NoneType' is not iterable");
  if (get_blocked (self, connection->username) == NULL)
    return TRUE;

  for (guint i = 1; words[i] != NULL; i++)
    {
      if (self->blocks == NULL)
        return die (self, "TypeError: 'NoneType' object is not subscriptable");
      if (!holds_name (get_blocked (self, connection->username), words[i]))
        continue;

      g_string_append_printf (text, " %s", words[i]);
      g_clear_pointer (&self->blocks, g_hash_table_unref);
    }

  answer (connection, message, text->str);
  return TRUE;
}

static void
run_blocked (Connection *connection,
             JsonArray  *message)
{
  GPtrArray *blocked = get_blocked (connection->server, connection->username);
  g_autoptr (GString) text = g_string_new ("You currently have these users blocked:");

  if (blocked == NULL || blocked->len == 0)
    {
      answer (connection, message, "You have no users blocked");
      return;
    }

  for (guint i = 0; i < blocked->len; i++)
    g_string_append_printf (text, " %s", (const char *) g_ptr_array_index (blocked, i));
  answer (connection, message, text->str);
}

static void
run_display (Connection *connection,
             JsonArray  *message,
             gboolean    all)
{
  TestOriginalServer *self = connection->server;
  g_autoptr (GString) text = g_string_new (all ? "\n\n   ALL USER(S)\n" RULE "\n"
                                               : "\n\nCURRENT USER(S) ONLINE\n" RULE);

  for (guint i = 0; !all && i < self->online->len; i++)
    g_string_append_printf (text, "\n%s", ((const Connection *) g_ptr_array_index (self->online, i))->username);
  for (guint i = 0; all && i < self->everyone->len; i++)
    {
      const char *name = g_ptr_array_index (self->everyone, i);

      g_string_append_printf (text, "\n%s : %s", name, find_online (self, name) != NULL ? "ONLINE" : "OFFLINE");
    }
  answer (connection, message, text->str);
}

/* What it does not know it ignores. FALSE: it has died. */
static gboolean
run_command (Connection *connection,
             JsonArray  *message)
{
  const char *content = json_array_get_string_element (message, 3);
  g_auto (GStrv) words = g_strsplit_set (content, " \t\n", -1);
  g_autofree char *name = NULL;

  if (strcmp (words[0], "/Name") == 0)
    {
      name = g_strconcat ("Your username is ", connection->username, NULL);
      answer (connection, message, name);
    }
  else if (strcmp (words[0], "/Block") == 0)
    return run_block (connection, message, words);
  else if (strcmp (words[0], "/UnBlock") == 0)
    return run_unblock (connection, message, words);
  else if (strcmp (words[0], "/Blocked") == 0)
    run_blocked (connection, message);
  else if (strcmp (content, "/DisplayUsers") == 0)
    run_display (connection, message, FALSE);
  else if (strcmp (content, "/DisplayAllUsers") == 0)
    run_display (connection, message, TRUE);
  return TRUE;
}

/* All public messages of a frame go out as one, and be there none. */
static gboolean
handle_messages (Connection *connection,
                 JsonArray  *messages)
{
  TestOriginalServer *self = connection->server;
  g_autoptr (GPtrArray) public_messages = new_messages ();
  g_autofree char *json = NULL;

  for (guint i = 0; i < json_array_get_length (messages); i++)
    {
      JsonArray *message = json_array_get_array_element (messages, i);
      const char *destination = json_array_get_string_element (message, 1);

      if (*json_array_get_string_element (message, 3) == '/')
        {
          if (!run_command (connection, message))
            return FALSE;
        }
      else if (strcmp (destination, "ALL") == 0)
        {
          g_ptr_array_add (public_messages, json_array_ref (message));
          g_ptr_array_add (self->messages, json_array_ref (message));
        }
      else
        send_alone (connection, destination, message);
    }

  json = test_family_dump_messages (public_messages);
  broadcast_all (connection, json);
  return TRUE;
}

static void
append_users (TestOriginalServer *self,
              GString            *json)
{
  for (guint i = 0; i < self->everyone->len; i++)
    {
      const char *name = g_ptr_array_index (self->everyone, i);

      g_string_append (json, i > 0 ? ", {\"name\": " : "{\"name\": ");
      test_family_append_string (json, name);
      g_string_append (json, find_online (self, name) != NULL ? ", \"active\": true}" : ", \"active\": false}");
    }
}

static char *
dump_welcome (Connection *connection)
{
  TestOriginalServer *self = connection->server;
  GPtrArray *blocked = get_blocked (self, connection->username);
  g_autoptr (GPtrArray) shown = new_messages ();
  g_autofree char *messages = NULL;
  g_autoptr (GString) json = g_string_new ("{\"USERNAME_ACCEPTED\": true, \"INFO\": \"Welcome to the server!\","
                                           " \"USER_LIST\": [");

  for (guint i = 0; i < self->messages->len; i++)
    {
      JsonArray *message = g_ptr_array_index (self->messages, i);

      if (blocked == NULL || !holds_name (blocked, json_array_get_string_element (message, 0)))
        g_ptr_array_add (shown, json_array_ref (message));
    }
  append_users (self, json);
  messages = test_family_dump_messages (shown);
  g_string_append_printf (json, "], %s", messages + 1);
  return g_string_free (g_steal_pointer (&json), FALSE);
}

/* Who is new is noted only after the list was sent: it does not name the newcomer. */
static void
make_user (Connection *connection,
           const char *username)
{
  TestOriginalServer *self = connection->server;
  g_autofree char *welcome = NULL;
  g_autoptr (GString) joined = g_string_new ("{\"USERS_JOINED\": [");

  if (find_online (self, username) != NULL)
    {
      test_family_transport_write (connection->transport, "{\"USERNAME_ACCEPTED\": false}");
      return;
    }

  g_free (connection->username);
  connection->username = g_strdup (username);
  g_ptr_array_add (self->online, connection);
  welcome = dump_welcome (connection);
  test_family_transport_write (connection->transport, welcome);

  test_family_append_string (joined, username);
  g_string_append (joined, "]}");
  broadcast_all (connection, joined->str);
  if (!holds_name (self->everyone, username))
    g_ptr_array_add (self->everyone, g_strdup (username));
}

static void
save (TestOriginalServer *self)
{
  g_ptr_array_unref (self->saved_messages);
  g_ptr_array_unref (self->saved_everyone);
  g_hash_table_unref (self->saved_blocks);
  self->saved_messages = copy_messages (self->messages);
  self->saved_everyone = copy_names (self->everyone);
  self->saved_blocks = copy_blocks (self->blocks);
}

static void
load (TestOriginalServer *self)
{
  g_clear_pointer (&self->messages, g_ptr_array_unref);
  g_clear_pointer (&self->everyone, g_ptr_array_unref);
  g_clear_pointer (&self->blocks, g_hash_table_unref);
  self->messages = copy_messages (self->saved_messages);
  self->everyone = copy_names (self->saved_everyone);
  self->blocks = copy_blocks (self->saved_blocks);
}

static void
connection_free (gpointer data)
{
  Connection *connection = data;

  test_family_transport_free (connection->transport);
  g_object_unref (connection->stream);
  g_free (connection->username);
  g_free (connection);
}

static void
lost (const char *death,
      gpointer    user_data)
{
  Connection *connection = user_data;
  TestOriginalServer *self = connection->server;

  if (death != NULL)
    die (self, death);
  if (*connection->username != '\0')
    {
      g_autoptr (GString) left = g_string_new ("{\"USERS_LEFT\": [");

      test_family_append_string (left, connection->username);
      g_string_append (left, "]}");
      g_ptr_array_remove (self->online, connection);
      broadcast_all (connection, left->str);
      save (self);
    }
  g_ptr_array_remove (self->connections, connection);
}

static void
received (JsonObject *object,
          gpointer    user_data)
{
  Connection *connection = user_data;
  g_autoptr (GList) keys = json_object_get_members (object);

  for (GList *link = keys; link != NULL; link = link->next)
    {
      const char *key = link->data;

      if (strcmp (key, "USERNAME") == 0)
        make_user (connection, json_object_get_string_member (object, key));
      else if (strcmp (key, "MESSAGES") == 0)
        {
          if (!handle_messages (connection, json_object_get_array_member (object, key)))
            {
              lost (NULL, connection);
              return;
            }
        }
      else
        {
          /* It does not know the key: an exception ends the connection. */
          lost (NULL, connection);
          return;
        }
    }
}

static const TestFamilyProtocol protocol = { received, lost };

static gboolean
incoming_cb (GSocketService    *service,
             GSocketConnection *socket_connection,
             GObject           *source,
             gpointer           user_data)
{
  TestOriginalServer *self = user_data;
  Connection *connection = g_new0 (Connection, 1);
  g_autoptr (GError) error = NULL;

  load (self);
  connection->server = self;
  connection->username = g_strdup ("");
  /* It would load all of the system's authorities, for clients that show no certificate. */
  connection->stream = g_initable_new (g_tls_backend_get_server_connection_type (g_tls_backend_get_default ()),
                                       NULL, &error, "base-io-stream", socket_connection,
                                       "certificate", self->certificate, "database", NULL, NULL);
  g_assert_no_error (error);
  g_tls_connection_set_require_close_notify (G_TLS_CONNECTION (connection->stream), FALSE);
  connection->transport = test_family_transport_new (connection->stream, &protocol, connection);
  g_ptr_array_add (self->connections, connection);
  return TRUE;
}

TestOriginalServer *
test_original_server_new (const char *cert,
                          const char *key)
{
  TestOriginalServer *self = g_new0 (TestOriginalServer, 1);
  g_autoptr (GSocketAddress) wanted = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GError) error = NULL;

  self->certificate = g_tls_certificate_new_from_files (cert, key, &error);
  g_assert_no_error (error);
  self->connections = g_ptr_array_new_with_free_func (connection_free);
  self->online = g_ptr_array_new ();
  self->saved_messages = new_messages ();
  self->saved_everyone = g_ptr_array_new_with_free_func (g_free);
  self->saved_blocks = copy_blocks (NULL);
  load (self);

  self->service = g_socket_service_new ();
  g_socket_listener_add_address (G_SOCKET_LISTENER (self->service), wanted, G_SOCKET_TYPE_STREAM,
                                 G_SOCKET_PROTOCOL_TCP, NULL, &bound, &error);
  g_assert_no_error (error);
  self->address = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (bound));
  g_signal_connect (self->service, "incoming", G_CALLBACK (incoming_cb), self);
  return self;
}

void
test_original_server_free (TestOriginalServer *self)
{
  g_socket_service_stop (self->service);
  g_socket_listener_close (G_SOCKET_LISTENER (self->service));
  g_ptr_array_unref (self->online);
  g_ptr_array_unref (self->connections);
  g_ptr_array_unref (self->messages);
  g_ptr_array_unref (self->everyone);
  g_ptr_array_unref (self->saved_messages);
  g_ptr_array_unref (self->saved_everyone);
  g_clear_pointer (&self->blocks, g_hash_table_unref);
  g_hash_table_unref (self->saved_blocks);
  g_object_unref (self->service);
  g_object_unref (self->certificate);
  g_free (self->address);
  g_free (self->death);
  g_free (self);
}

/* Gets where it accepts: `127.0.0.1:PORT`. */
const char *
test_original_server_get_address (TestOriginalServer *self)
{
  return self->address;
}

/* The public messages that it knows, as arrays of four. */
GPtrArray *
test_original_server_get_messages (TestOriginalServer *self)
{
  return self->messages;
}

guint
test_original_server_count_online (TestOriginalServer *self)
{
  return self->online->len;
}

/* What its Python would have raised; NULL: nothing. */
const char *
test_original_server_get_death (TestOriginalServer *self)
{
  return self->death;
}

/* It may be busy: then it reads nothing. */
void
test_original_server_set_paused (TestOriginalServer *self,
                                 gboolean            paused)
{
  for (guint i = 0; i < self->connections->len; i++)
    {
      Connection *connection = g_ptr_array_index (self->connections, i);

      test_family_transport_set_paused (connection->transport, paused);
    }
}
