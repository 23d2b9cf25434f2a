/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "common/test-certs.h"
#include "common/test-listener.h"
#include "common/test-peer.h"
#include "libchatterbox/cb-account.h"

G_BEGIN_DECLS

/* How the server welcomes “ada”. */
#define TEST_ACCOUNT_WELCOME \
  "{\"USERNAME_ACCEPTED\": true, \"USER_LIST\": [\"ada\", \"bob\"], \"MESSAGES\": []}"

/**
 * TestAccount:
 * @certs: what the server shows, and who signed it
 * @listener: the server, which says what the test makes it say
 * @account: an account there; offline at first
 * @events: what its signals have told, as texts such as “message bob>ALL hi”
 * @leave_at: the event whose handler leaves, or %NULL
 * @left: how that went
 *
 * An account and its server, in one process. The user is “ada”.
 */
typedef struct
{
  TestCerts    *certs;
  TestListener *listener;
  CbAccount    *account;
  GPtrArray    *events;
  const char   *leave_at;
  GAsyncResult *left;
} TestAccount;

void      test_account_add (const char   *path,
                            void (       *test ) (TestAccount  *self,
                                                  gconstpointer data),
                            gconstpointer data);
void      test_account_assert_events (TestAccount *self,
                                      const char  *expected);
void      test_account_wait_event (TestAccount *self,
                                   const char  *event);
gboolean  test_account_finish_join (TestAccount   *self,
                                    GAsyncResult **result,
                                    GError       **error);
gboolean  test_account_finish_leave (TestAccount   *self,
                                     GAsyncResult **result,
                                     GError       **error);
TestPeer *test_account_join_with (TestAccount *self,
                                  const char  *welcome);
TestPeer *test_account_join (TestAccount *self);
void      test_account_leave (TestAccount *self,
                              TestPeer    *peer);
void      test_account_say (TestAccount *self,
                            const char  *destination,
                            const char  *content);
gint64    test_account_expect (TestPeer   *peer,
                               const char *destination,
                               const char *contents);
void      test_account_deliver (TestPeer   *peer,
                                const char *destination,
                                gint64      time_s,
                                const char *content);

G_END_DECLS
