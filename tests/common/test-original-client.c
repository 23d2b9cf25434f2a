/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "common/test-original-client.h"

#include <string.h>

#include "common/test-family.h"
#include "common/test-peer.h"
#include "common/test-wait.h"

struct _TestOriginalClient
{
  TestPeer            *connection;
  TestFamilyTransport *transport;
  char                *username;
  gboolean             is_logged_in;
  GString             *screen;   /* what was shown and not read by the test */
  GPtrArray           *messages; /* of JsonArray: all that was shown */
  char                *death;    /* what it died of */
  gboolean             is_over;  /* “Connection to server lost” */
};

static void
show (TestOriginalClient *self,
      const char         *text)
{
  g_string_append (self->screen, text);
  g_string_append_c (self->screen, '\n');
}

static gboolean
die (TestOriginalClient *self,
     const char         *reason)
{
  if (self->death == NULL)
    self->death = g_strdup (reason);
  return FALSE;
}

static gboolean
is_string (JsonNode *node)
{
  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING;
}

/* Python prints anything; what our server has to send here are strings. */
static gboolean
show_names (TestOriginalClient *self,
            const char         *title,
            JsonNode           *node)
{
  JsonArray *names = json_node_get_array (node);

  show (self, title);
  for (guint i = 0; i < json_array_get_length (names); i++)
    show (self, json_array_get_string_element (names, i));
  show (self, "");
  return TRUE;
}

static gboolean
show_users (TestOriginalClient *self,
            JsonNode           *node)
{
  JsonArray *users = json_node_get_array (node);

  show (self, "USERS ONLINE:");
  for (guint i = 0; i < json_array_get_length (users); i++)
    {
      JsonNode *user = json_array_get_element (users, i);

      if (!JSON_NODE_HOLDS_OBJECT (user))
        return die (self, "TypeError: USER_LIST holds something that is no object");
      if (json_object_get_boolean_member (json_node_get_object (user), "active"))
        show (self, json_object_get_string_member (json_node_get_object (user), "name"));
    }
  show (self, "");
  return TRUE;
}

static gboolean
show_message (TestOriginalClient *self,
              JsonArray          *message)
{
  g_autoptr (GDateTime) time = NULL;
  g_autofree char *when = NULL;
  g_autofree char *line = NULL;
  const char *source = json_array_get_string_element (message, 0);
  const char *destination = json_array_get_string_element (message, 1);

  if (strcmp (destination, "ALL") != 0 && g_strcmp0 (destination, self->username) != 0)
    return TRUE;

  if (json_node_get_value_type (json_array_get_element (message, 2)) != G_TYPE_INT64)
    return die (self, "TypeError: a time is no integer");
  time = g_date_time_new_from_unix_local (json_array_get_int_element (message, 2));
  if (time == NULL)
    return die (self, "OverflowError: a time is out of range");

  when = g_date_time_format (time, "%Y-%m-%d %H:%M:%S");
  line = g_strdup_printf ("[%s] \033[%dm%s\033[0m : %s", when, g_strcmp0 (source, self->username) == 0 ? 36 : 35,
                          source, json_array_get_string_element (message, 3));
  show (self, line);
  g_ptr_array_add (self->messages, json_array_ref (message));
  return TRUE;
}

static gboolean
show_messages (TestOriginalClient *self,
               JsonNode           *node)
{
  JsonArray *messages = json_node_get_array (node);

  for (guint i = 0; i < json_array_get_length (messages); i++)
    {
      if (!show_message (self, json_array_get_array_element (messages, i)))
        return FALSE;
    }

  return TRUE;
}

static gboolean
show_unexpected (TestOriginalClient *self,
                 const char         *key,
                 JsonNode           *node)
{
  g_autofree char *line = NULL;

  if (!is_string (node))
    return die (self, "TypeError: an unknown key has a value that is no string");

  line = g_strdup_printf ("UNEXPECTED RESP FROM SERVER%s: %s", key, json_node_get_string (node));
  show (self, line);
  return TRUE;
}

static gboolean
show_key (TestOriginalClient *self,
          const char         *key,
          JsonNode           *node)
{
  if (strcmp (key, "USERNAME_ACCEPTED") == 0)
    {
      self->is_logged_in = json_node_get_boolean (node);
      if (self->is_logged_in)
        show (self, "\nSuccessfully Logged In");
      return TRUE;
    }
  if (strcmp (key, "INFO") == 0)
    {
      show (self, json_node_get_string (node));
      show (self, "");
      return TRUE;
    }
  if (strcmp (key, "USER_LIST") == 0)
    return show_users (self, node);
  if (strcmp (key, "MESSAGES") == 0)
    return show_messages (self, node);
  if (strcmp (key, "USERS_JOINED") == 0)
    return show_names (self, "New User(s) Joined:", node);
  if (strcmp (key, "USERS_LEFT") == 0)
    return show_names (self, "User(s) Left:", node);
  return show_unexpected (self, key, node);
}

/* Keys are shown in the order in which they came. */
static void
received (JsonObject *object,
          gpointer    user_data)
{
  TestOriginalClient *self = user_data;
  g_autoptr (GList) keys = json_object_get_members (object);

  for (GList *link = keys; link != NULL; link = link->next)
    {
      if (!show_key (self, link->data, json_object_get_member (object, link->data)))
        return;
    }
}

static void
lost (const char *death,
      gpointer    user_data)
{
  TestOriginalClient *self = user_data;

  if (death != NULL)
    die (self, death);
  show (self, "Connection to server lost");
  self->is_over = TRUE;
}

static const TestFamilyProtocol protocol = { received, lost };

TestOriginalClient *
test_original_client_connect (const char *address,
                              const char *ca_file)
{
  TestOriginalClient *self = g_new0 (TestOriginalClient, 1);

  self->connection = test_peer_connect (address, ca_file);
  self->screen = g_string_new (NULL);
  self->messages = g_ptr_array_new_with_free_func ((GDestroyNotify) json_array_unref);
  self->transport = test_family_transport_new (test_peer_get_stream (self->connection), &protocol, self);
  return self;
}

/* Quits as the original does: the socket goes, without a word. */
void
test_original_client_free (TestOriginalClient *self)
{
  test_family_transport_free (self->transport);
  test_peer_free (self->connection);
  g_string_free (self->screen, TRUE);
  g_ptr_array_unref (self->messages);
  g_free (self->username);
  g_free (self->death);
  g_free (self);
}

static void
log_in (TestOriginalClient *self,
        const char         *username)
{
  g_autoptr (GString) json = g_string_new ("{\"USERNAME\": ");

  g_free (self->username);
  self->username = g_strdup (username);
  test_family_append_string (json, username);
  g_string_append_c (json, '}');
  test_family_transport_write (self->transport, json->str);
}

static void
say (TestOriginalClient *self,
     const char         *destination,
     const char         *content)
{
  g_autoptr (GPtrArray) messages = g_ptr_array_new_with_free_func ((GDestroyNotify) json_array_unref);
  JsonArray *message = json_array_new ();
  g_autofree char *json = NULL;

  json_array_add_string_element (message, self->username);
  json_array_add_string_element (message, destination);
  json_array_add_int_element (message, g_get_real_time () / G_USEC_PER_SEC);
  json_array_add_string_element (message, content);
  g_ptr_array_add (messages, message);
  json = test_family_dump_messages (messages);
  test_family_transport_write (self->transport, json);
}

/* The user types a line: first a name, until one was accepted, then messages and commands. */
void
test_original_client_type (TestOriginalClient *self,
                           const char         *line)
{
  const char *space = strchr (line, ' ');

  test_original_client_assert_alive (self);
  if (!self->is_logged_in)
    log_in (self, line);
  else if (line[0] == '@' && space != NULL)
    {
      g_autofree char *destination = g_strndup (line + 1, (gsize) (space - line - 1));

      say (self, destination, space + 1);
    }
  else
    say (self, line[0] == '/' ? self->username : "ALL", line);
}

typedef struct
{
  TestOriginalClient *self;
  const char         *end;
} ScreenWait;

static gboolean
has_shown (gpointer data)
{
  ScreenWait *wait = data;

  return wait->self->death != NULL || wait->self->is_over ||
         strstr (wait->self->screen->str, wait->end) != NULL;
}

/* Waits until @end is on the screen, and takes all that is there up to it. */
char *
test_original_client_read_until (TestOriginalClient *self,
                                 const char         *end)
{
  ScreenWait wait = { self, end };
  const char *found = NULL;
  char *text = NULL;

  test_wait_until (has_shown, &wait, end);
  found = strstr (self->screen->str, end);
  if (found == NULL)
    g_error ("The original client did not show “%s” but “%s” (%s)", end, self->screen->str,
             self->death != NULL ? self->death : "the server has gone");

  text = g_strndup (self->screen->str, (gsize) (found - self->screen->str) + strlen (end));
  g_string_erase (self->screen, 0, (gssize) strlen (text));
  return text;
}

static gboolean
is_dead (gpointer data)
{
  TestOriginalClient *self = data;

  return self->death != NULL;
}

/* Waits until it has died; returns of what. */
const char *
test_original_client_wait_death (TestOriginalClient *self)
{
  test_wait_until (is_dead, self, "the original client dies");
  return self->death;
}

void
test_original_client_assert_alive (TestOriginalClient *self)
{
  g_assert_cmpstr (self->death, ==, NULL);
  g_assert_false (self->is_over);
}

gboolean
test_original_client_is_logged_in (TestOriginalClient *self)
{
  return self->is_logged_in;
}

/* All messages that were shown, as arrays of four. */
GPtrArray *
test_original_client_get_messages (TestOriginalClient *self)
{
  return self->messages;
}
