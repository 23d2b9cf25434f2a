/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fuzz/fuzz.h"

#include <string.h>

#include "common/test-certs.h"
#include "common/test-listener.h"
#include "common/test-wait.h"
#include "libchatterbox/cb-account.h"

/* Ends a frame in the input: UTF-8 has no such byte. */
#define SEPARATOR 0xff

#define LOG_ID "0123456789abcdef0123456789abcdef"

#define WELCOME "{\"USERNAME_ACCEPTED\":true,\"INFO\":\"\",\"FEATURES\":[\"message-ids\",\"history\",\"search\"," \
  "\"users\",\"blocks\",\"read-markers\",\"identity\",\"utf8\"]," \
  "\"LOG\":{\"id\":\"" LOG_ID "\",\"head\":5},\"USER_LIST\":[\"ada\"],\"MESSAGES\":[]}"

static TestCerts *certs;
static TestListener *listener;

static void
set_up (void)
{
  if (certs != NULL)
    return;

  certs = test_certs_new ();
  listener = test_listener_new ("127.0.0.1", certs->cert, certs->key);
}

/* Says it unless the account has had enough. */
static gboolean
send_frame (TestPeer   *peer,
            const void *data,
            gsize       len)
{
  GOutputStream *output = g_io_stream_get_output_stream (test_peer_get_stream (peer));
  const guint32 prefix = GUINT32_TO_BE ((guint32) len);
  g_autofree guint8 *frame = g_malloc (sizeof prefix + len);
  g_autoptr (GAsyncResult) result = NULL;

  memcpy (frame, &prefix, sizeof prefix);
  memcpy (frame + sizeof prefix, data, len);
  g_output_stream_write_all_async (output, frame, sizeof prefix + len, G_PRIORITY_DEFAULT, NULL,
                                   test_wait_store_cb, &result);
  test_wait_for (&result, "send");
  return g_output_stream_write_all_finish (output, result, NULL, NULL);
}

static void
talk (TestPeer     *peer,
      const guint8 *data,
      gsize         size)
{
  while (size > 0)
    {
      const guint8 *end = memchr (data, SEPARATOR, size);
      const gsize len = end != NULL ? (gsize) (end - data) : size;

      if (!send_frame (peer, data, len))
        return;
      data += MIN (size, len + 1);
      size -= MIN (size, len + 1);
    }
}

/* A session of a client: the server accepts it, or not, and says this. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  g_autoptr (CbConnector) connector = NULL;
  g_autoptr (CbAccount) account = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  TestPeer *peer = NULL;

  if (size < 1 || size > 16384)
    return 0;

  set_up ();
  connector = cb_connector_new (test_listener_get_address (listener));
  cb_connector_set_ca_file (connector, certs->ca);
  account = cb_account_new (connector);
  /* To a server that has a log it does not come back as a plain client when that hangs up. */
  cb_account_set_position (account, LOG_ID, 3);
  cb_account_join_async (account, "ada", NULL, test_wait_store_cb, &result);
  peer = test_listener_accept (listener);
  json_object_unref (test_peer_receive (peer));
  if (data[0] % 2 == 1)
    {
      send_frame (peer, WELCOME, strlen (WELCOME));
      test_wait_for (&result, "join");
      if (cb_account_get_state (account) == CB_ACCOUNT_ONLINE)
        g_free (cb_account_send (account, "ALL", "hi", NULL));
    }
  talk (peer, data + 1, size - 1);
  test_peer_free (peer);

  if (result == NULL)
    test_wait_for (&result, "join");
  cb_account_join_finish (account, result, NULL);
  while (cb_account_get_state (account) != CB_ACCOUNT_OFFLINE)
    g_main_context_iteration (NULL, TRUE);
  return 0;
}
