/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "server/cbs-listeners.h"

/* A resolver that knows a few hosts of its own, and asks no network. */
#define TEST_TYPE_RESOLVER (test_resolver_get_type ())
G_DECLARE_FINAL_TYPE (TestResolver, test_resolver, TEST, RESOLVER, GResolver)

struct _TestResolver
{
  GResolver parent_instance;
};

G_DEFINE_FINAL_TYPE (TestResolver, test_resolver, G_TYPE_RESOLVER)

/* Documentation addresses (RFC 5737) belong to no machine. */
static const struct
{
  const char *name;
  const char *addresses[3];
} hosts[] = {
  { "both.test", { "127.0.0.1", "::1" } },
  { "two.test", { "127.0.0.1", "127.0.0.2" } },
  { "partly.test", { "203.0.113.77", "127.0.0.1" } },
  { "elsewhere.test", { "203.0.113.77", "198.51.100.77" } },
  { "any.test", { "::", "0.0.0.0" } },
  { "overlapping.test", { "0.0.0.0", "127.0.0.1" } },
};

static void
free_addresses (gpointer data)
{
  g_resolver_free_addresses (data);
}

static void
lookup_by_name_async (GResolver          *resolver,
                      const char         *name,
                      GCancellable       *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (resolver, cancellable, callback, user_data);
  GList *addresses = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (hosts); i++)
    {
      for (gsize j = 0; strcmp (hosts[i].name, name) == 0 && hosts[i].addresses[j] != NULL; j++)
        addresses = g_list_append (addresses, g_inet_address_new_from_string (hosts[i].addresses[j]));
    }

  if (addresses != NULL)
    g_task_return_pointer (task, addresses, free_addresses);
  else
    g_task_return_new_error (task, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "There is no such host");
}

static GList *
lookup_by_name_finish (GResolver    *resolver,
                       GAsyncResult *result,
                       GError      **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
test_resolver_class_init (TestResolverClass *klass)
{
  GResolverClass *resolver_class = G_RESOLVER_CLASS (klass);

  resolver_class->lookup_by_name_async = lookup_by_name_async;
  resolver_class->lookup_by_name_finish = lookup_by_name_finish;
}

static void
test_resolver_init (TestResolver *self)
{
}

static void
store_result_cb (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  GAsyncResult **out = user_data;

  g_assert_null (*out);
  *out = g_object_ref (result);
}

static GPtrArray *
bind_all (const char *const *addresses,
          GCancellable      *cancellable,
          GError           **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  cbs_listeners_bind_async (addresses, cancellable, store_result_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);

  return cbs_listeners_bind_finish (result, error);
}

static GPtrArray *
bind_one (const char *address,
          GError    **error)
{
  return bind_all ((const char *const[]) { address, NULL }, NULL, error);
}

static guint16
get_port (GSocket *socket)
{
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (socket, NULL);

  return g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address));
}

static void
assert_accepts (GSocket *socket)
{
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (socket, NULL);
  g_autoptr (GSocket) client = NULL;
  g_autoptr (GSocket) accepted = NULL;
  g_autoptr (GError) error = NULL;

  client = g_socket_new (g_socket_get_family (socket), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);
  g_assert_no_error (error);
  g_socket_connect (client, address, NULL, &error);
  g_assert_no_error (error);
  accepted = g_socket_accept (socket, NULL, &error);
  g_assert_no_error (error);
}

/* TRUE if the machine has IPv6; else the test is skipped. */
static gboolean
need_ipv6 (void)
{
  g_autoptr (GPtrArray) sockets = bind_one ("[::1]:0", NULL);

  if (sockets == NULL)
    g_test_skip ("This machine has no IPv6");
  return sockets != NULL;
}

static void
test_any_port (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) sockets = bind_one ("127.0.0.1:0", &error);
  g_autofree char *text = NULL;
  g_autofree char *expected = NULL;

  g_assert_no_error (error);
  g_assert_cmpuint (sockets->len, ==, 1);
  g_assert_cmpuint (get_port (sockets->pdata[0]), !=, 0);
  assert_accepts (sockets->pdata[0]);

  expected = g_strdup_printf ("127.0.0.1:%u", get_port (sockets->pdata[0]));
  text = cbs_listeners_describe (sockets->pdata[0], &error);
  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_ipv6 (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) sockets = NULL;
  g_autofree char *text = NULL;
  g_autofree char *expected = NULL;

  if (!need_ipv6 ())
    return;

  sockets = bind_one ("[::1]:0", &error);
  g_assert_no_error (error);
  expected = g_strdup_printf ("[::1]:%u", get_port (sockets->pdata[0]));
  text = cbs_listeners_describe (sockets->pdata[0], &error);
  g_assert_cmpstr (text, ==, expected);
  assert_accepts (sockets->pdata[0]);
}

static void
test_several (void)
{
  const char *const addresses[] = { "127.0.0.2:0", "two.test:0", "127.0.0.1:0", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) sockets = bind_all (addresses, NULL, &error);
  g_auto (GStrv) texts = NULL;

  g_assert_no_error (error);
  g_assert_cmpuint (sockets->len, ==, 4);
  texts = g_new0 (char *, 5);
  for (guint i = 0; i < sockets->len; i++)
    {
      texts[i] = cbs_listeners_describe (sockets->pdata[i], NULL);
      assert_accepts (sockets->pdata[i]);
    }

  g_assert_true (g_str_has_prefix (texts[0], "127.0.0.2:"));
  g_assert_true (g_str_has_prefix (texts[1], "127.0.0.1:"));
  g_assert_true (g_str_has_prefix (texts[2], "127.0.0.2:"));
  g_assert_true (g_str_has_prefix (texts[3], "127.0.0.1:"));
}

/* All addresses of a host have one port, of both families, the wildcards too. */
static void
test_one_port_a_host (void)
{
  static const char *const addresses[] = { "two.test:0", "both.test:0", "any.test:0", "localhost:0" };

  if (!need_ipv6 ())
    return;

  for (gsize i = 0; i < G_N_ELEMENTS (addresses); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GPtrArray) sockets = bind_one (addresses[i], &error);

      g_assert_no_error (error);
      g_assert_cmpuint (sockets->len, ==, 2);
      g_assert_cmpuint (get_port (sockets->pdata[0]), ==, get_port (sockets->pdata[1]));
      assert_accepts (sockets->pdata[0]);
      assert_accepts (sockets->pdata[1]);
    }
}

static void
test_in_use (void)
{
  g_autoptr (GPtrArray) sockets = bind_one ("127.0.0.2:0", NULL);
  static const char *const hosts_in_use[] = { "127.0.0.2", "two.test" };

  for (gsize i = 0; i < G_N_ELEMENTS (hosts_in_use); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *address = g_strdup_printf ("%s:%u", hosts_in_use[i], get_port (sockets->pdata[0]));
      g_autofree char *part = g_strdup_printf ("127.0.0.2, port %u", get_port (sockets->pdata[0]));

      g_assert_null (bind_one (address, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
      g_assert_true (g_str_has_prefix (error->message, address));
      g_assert_nonnull (strstr (error->message, part));
    }
}

/* What was bound before the failure is given back. */
static void
test_failure_releases (void)
{
  g_autoptr (GPtrArray) sockets = bind_one ("127.0.0.1:0", NULL);
  g_autofree char *address = g_strdup_printf ("127.0.0.1:%u", get_port (sockets->pdata[0]));
  g_autoptr (GError) error = NULL;

  g_clear_pointer (&sockets, g_ptr_array_unref);
  g_assert_null (bind_all ((const char *const[]) { address, "nowhere.test:0", NULL }, NULL, &error));
  g_clear_error (&error);

  sockets = bind_one (address, &error);
  g_assert_no_error (error);
}

/* No port fits both addresses: it has to give up some time. */
static void
test_no_common_port (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (bind_one ("overlapping.test:0", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  g_assert_true (g_str_has_prefix (error->message, "overlapping.test:0: 127.0.0.1, port "));
}

/* An address that this machine lacks is passed over as long as there is another. */
static void
test_not_here (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) sockets = bind_one ("partly.test:0", &error);

  g_assert_no_error (error);
  g_assert_cmpuint (sockets->len, ==, 1);
  assert_accepts (sockets->pdata[0]);

  g_assert_null (bind_one ("elsewhere.test:0", &error));
  g_assert_nonnull (error);
  g_assert_true (g_str_has_prefix (error->message, "elsewhere.test:0: 198.51.100.77, port 0: "));
}

static void
test_refused (void)
{
  static const char *const addresses[] = { "nowhere.test:0", "[::1:0", "127.0.0.1:99999", "127.0.0.1:http:1", "" };

  for (gsize i = 0; i < G_N_ELEMENTS (addresses); i++)
    {
      g_autoptr (GError) error = NULL;

      g_test_message ("“%s”", addresses[i]);
      g_assert_null (bind_one (addresses[i], &error));
      g_assert_nonnull (error);
      g_assert_true (g_str_has_prefix (error->message, addresses[i]));
    }
}

static void
test_cancelled (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_null (bind_all ((const char *const[]) { "two.test:0", NULL }, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr (GResolver) resolver = NULL;

  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  resolver = g_object_new (TEST_TYPE_RESOLVER, NULL);
  g_resolver_set_default (resolver);

  g_test_add_func ("/listeners/any-port", test_any_port);
  g_test_add_func ("/listeners/ipv6", test_ipv6);
  g_test_add_func ("/listeners/several", test_several);
  g_test_add_func ("/listeners/one-port-a-host", test_one_port_a_host);
  g_test_add_func ("/listeners/in-use", test_in_use);
  g_test_add_func ("/listeners/failure-releases", test_failure_releases);
  g_test_add_func ("/listeners/no-common-port", test_no_common_port);
  g_test_add_func ("/listeners/not-here", test_not_here);
  g_test_add_func ("/listeners/refused", test_refused);
  g_test_add_func ("/listeners/cancelled", test_cancelled);

  return g_test_run ();
}
