/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>

#include "server/cbs-gate.h"

static guint64
key_of (const char *text)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (text);

  g_assert_nonnull (address);
  return cbs_gate_get_key (address);
}

static void
test_key (void)
{
  static const struct
  {
    const char *left;
    const char *right;
    gboolean    same;
  } cases[] = {
    { "192.0.2.1", "192.0.2.1", TRUE },
    { "192.0.2.1", "192.0.2.2", FALSE },
    { "192.0.2.1", "1.2.0.192", FALSE },
    { "192.0.2.1", "::ffff:192.0.2.1", TRUE },
    { "192.0.2.1", "::ffff:192.0.2.2", FALSE },
    { "::ffff:192.0.2.1", "::ffff:192.0.2.2", FALSE },
    { "2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", TRUE },
    { "2001:db8:1:2::1", "2001:db8:1:3::1", FALSE },
    { "2001:db8:1:2::1", "2001:db8:0:2::1", FALSE },
    /* No IPv6 address shares the place of an IPv4 one. */
    { "::1", "0.0.0.0", FALSE },
    { "2001:db8::1", "32.1.13.184", FALSE },
    { "0:0:7f00:1::", "127.0.0.1", FALSE },
    { "::7f00:1", "127.0.0.1", FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_test_message ("%s, %s", cases[i].left, cases[i].right);
      g_assert_cmpint (key_of (cases[i].left) == key_of (cases[i].right), ==, cases[i].same);
    }
}

static void
leave_all (CbsGate       *gate,
           CbsGateTicket *tickets,
           guint          n_tickets)
{
  for (guint i = 0; i < n_tickets; i++)
    cbs_gate_leave (gate, &tickets[i]);
  g_assert_cmpuint (cbs_gate_count (gate), ==, 0);
}

static void
test_room_for_all (void)
{
  g_autoptr (CbsGate) gate = cbs_gate_new (2, 6);
  CbsGateTicket tickets[6] = { { { 0, }, }, };

  for (guint i = 0; i < G_N_ELEMENTS (tickets); i++)
    {
      g_assert_null (cbs_gate_enter (gate, &tickets[i], i / 2));
      g_assert_cmpuint (cbs_gate_count (gate), ==, i + 1);
    }
  leave_all (gate, tickets, G_N_ELEMENTS (tickets));
}

/* Beyond the limit of an address goes its own longest idle, though others are idle for longer. */
static void
test_too_many_of_address (void)
{
  g_autoptr (CbsGate) gate = cbs_gate_new (2, 100);
  CbsGateTicket tickets[7] = { { { 0, }, }, };

  g_assert_null (cbs_gate_enter (gate, &tickets[0], 1));
  g_assert_null (cbs_gate_enter (gate, &tickets[1], 7));
  g_assert_null (cbs_gate_enter (gate, &tickets[2], 7));
  for (guint i = 3; i < 6; i++)
    {
      g_assert_true (cbs_gate_enter (gate, &tickets[i], 7) == &tickets[i - 2]);
      cbs_gate_leave (gate, &tickets[i - 2]);
      g_assert_cmpuint (cbs_gate_count (gate), ==, 3);
    }
  g_assert_null (cbs_gate_enter (gate, &tickets[6], 1));
  leave_all (gate, tickets, G_N_ELEMENTS (tickets));
}

/* Beyond the limit of all goes the longest idle of all. */
static void
test_too_many_in_all (void)
{
  g_autoptr (CbsGate) gate = cbs_gate_new (2, 3);
  CbsGateTicket tickets[6] = { { { 0, }, }, };

  for (guint i = 0; i < G_N_ELEMENTS (tickets); i++)
    {
      CbsGateTicket *victim = cbs_gate_enter (gate, &tickets[i], i);

      g_assert_true (victim == (i < 3 ? NULL : &tickets[i - 3]));
      if (victim != NULL)
        cbs_gate_leave (gate, victim);
    }
  g_assert_cmpuint (cbs_gate_count (gate), ==, 3);
  leave_all (gate, tickets, G_N_ELEMENTS (tickets));
}

/* An address at its own limit never costs another one's place, even when the gate is full. */
static void
test_both_limits (void)
{
  g_autoptr (CbsGate) gate = cbs_gate_new (2, 3);
  CbsGateTicket tickets[4] = { { { 0, }, }, };

  cbs_gate_enter (gate, &tickets[0], 1);
  cbs_gate_enter (gate, &tickets[1], 7);
  cbs_gate_enter (gate, &tickets[2], 7);
  g_assert_true (cbs_gate_enter (gate, &tickets[3], 7) == &tickets[1]);
  leave_all (gate, tickets, G_N_ELEMENTS (tickets));
}

/* Progress saves a connection from being the next, in both orders. */
static void
test_progress (void)
{
  g_autoptr (CbsGate) gate = cbs_gate_new (2, 4);
  CbsGateTicket tickets[7] = { { { 0, }, }, };

  for (guint i = 0; i < 4; i++)
    g_assert_null (cbs_gate_enter (gate, &tickets[i], i / 2));

  cbs_gate_progress (gate, &tickets[0]);
  g_assert_true (cbs_gate_enter (gate, &tickets[4], 0) == &tickets[1]);
  cbs_gate_leave (gate, &tickets[1]);

  /* The order is 2, 3, 0, 4 now. */
  cbs_gate_progress (gate, &tickets[2]);
  g_assert_true (cbs_gate_enter (gate, &tickets[5], 9) == &tickets[3]);
  cbs_gate_leave (gate, &tickets[3]);
  g_assert_true (cbs_gate_enter (gate, &tickets[6], 9) == &tickets[0]);
  cbs_gate_leave (gate, &tickets[0]);
  leave_all (gate, tickets, G_N_ELEMENTS (tickets));
}

/* Who has left is out: it makes room, and no later call about it counts. */
static void
test_leave (void)
{
  g_autoptr (CbsGate) gate = cbs_gate_new (1, 10);
  CbsGateTicket first = { { 0, }, };
  CbsGateTicket second = { { 0, }, };

  cbs_gate_leave (gate, &first);
  cbs_gate_progress (gate, &first);
  g_assert_cmpuint (cbs_gate_count (gate), ==, 0);

  g_assert_null (cbs_gate_enter (gate, &first, 7));
  cbs_gate_leave (gate, &first);
  cbs_gate_leave (gate, &first);
  cbs_gate_progress (gate, &first);
  g_assert_cmpuint (cbs_gate_count (gate), ==, 0);

  g_assert_null (cbs_gate_enter (gate, &second, 7));
  g_assert_true (cbs_gate_enter (gate, &first, 7) == &second);
  cbs_gate_leave (gate, &second);
  cbs_gate_leave (gate, &first);
}

typedef struct
{
  CbsGateTicket ticket; /* stands first: it is what the gate names */
  guint64       key;
  guint         idle_since; /* 0: not inside */
} Client;

/* The longest idle of an address, or of all. */
static Client *
find_longest_idle (Client *clients,
                   guint   n_clients,
                   gint64  key)
{
  Client *longest = NULL;

  for (guint i = 0; i < n_clients; i++)
    {
      if (clients[i].idle_since != 0 && (key < 0 || clients[i].key == (guint64) key) &&
          (longest == NULL || clients[i].idle_since < longest->idle_since))
        longest = &clients[i];
    }

  return longest;
}

static guint
count_inside (const Client *clients,
              guint         n_clients,
              gint64        key)
{
  guint n = 0;

  for (guint i = 0; i < n_clients; i++)
    n += clients[i].idle_since != 0 && (key < 0 || clients[i].key == (guint64) key);
  return n;
}

/* A long rush, beside a model that looks through all each time. */
static void
test_rush (void)
{
  g_autoptr (CbsGate) gate = cbs_gate_new (4, 12);
  Client clients[64] = { { { { 0, }, }, }, };

  for (guint now = 1; now < 5000; now++)
    {
      Client *client = &clients[g_test_rand_int_range (0, G_N_ELEMENTS (clients))];
      Client *expected = NULL;

      if (client->idle_since != 0 && g_test_rand_bit ())
        {
          cbs_gate_progress (gate, &client->ticket);
          client->idle_since = now;
        }
      else if (client->idle_since != 0)
        {
          cbs_gate_leave (gate, &client->ticket);
          client->idle_since = 0;
        }
      else
        {
          client->key = (guint64) g_test_rand_int_range (0, 6);
          if (count_inside (clients, G_N_ELEMENTS (clients), (gint64) client->key) >= 4)
            expected = find_longest_idle (clients, G_N_ELEMENTS (clients), (gint64) client->key);
          else if (count_inside (clients, G_N_ELEMENTS (clients), -1) >= 12)
            expected = find_longest_idle (clients, G_N_ELEMENTS (clients), -1);

          g_assert_true ((gpointer) cbs_gate_enter (gate, &client->ticket, client->key) == expected);
          client->idle_since = now;
          if (expected != NULL)
            {
              cbs_gate_leave (gate, &expected->ticket);
              expected->idle_since = 0;
            }
        }
      g_assert_cmpuint (cbs_gate_count (gate), ==, count_inside (clients, G_N_ELEMENTS (clients), -1));
    }

  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    cbs_gate_leave (gate, &clients[i].ticket);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/gate/key", test_key);
  g_test_add_func ("/gate/room-for-all", test_room_for_all);
  g_test_add_func ("/gate/too-many-of-address", test_too_many_of_address);
  g_test_add_func ("/gate/too-many-in-all", test_too_many_in_all);
  g_test_add_func ("/gate/both-limits", test_both_limits);
  g_test_add_func ("/gate/progress", test_progress);
  g_test_add_func ("/gate/leave", test_leave);
  g_test_add_func ("/gate/rush", test_rush);

  return g_test_run ();
}
