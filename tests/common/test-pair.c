/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "common/test-pair.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/test-wait.h"
#include "libchatterbox/cb-frame.h"

static CbSession *
wrap_fd (int fd)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, &error);
  g_autoptr (GSocketConnection) connection = NULL;

  g_assert_no_error (error);
  connection = g_socket_connection_factory_create_connection (socket);
  return cb_session_new (G_IO_STREAM (connection));
}

/* @user_data: the type of the sockets. */
void
test_pair_set_up (TestPair     *self,
                  gconstpointer user_data)
{
  const int small = 4096;
  int fds[2] = { -1, -1 };

  g_assert_no_errno (socketpair (AF_UNIX, GPOINTER_TO_INT (user_data) | SOCK_CLOEXEC, 0, fds));
  g_assert_no_errno (setsockopt (fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small));
  self->session = wrap_fd (fds[0]);
  self->peer = fds[1];
}

void
test_pair_tear_down (TestPair     *self,
                     gconstpointer user_data)
{
  if (self->session != NULL)
    g_assert_finalize_object (g_steal_pointer (&self->session));
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  if (self->peer >= 0)
    close (self->peer);
}

void
test_pair_leave (TestPair *self)
{
  close (self->peer);
  self->peer = -1;
}

void
test_pair_write (TestPair   *self,
                 const void *bytes,
                 gsize       len)
{
  const char *p = bytes;

  while (len > 0)
    {
      const gssize n = send (self->peer, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);

      g_assert_true (n > 0 || errno == EAGAIN);
      if (n < 0)
        g_main_context_iteration (NULL, FALSE);
      p += MAX (n, 0);
      len -= (gsize) MAX (n, 0);
    }
}

void
test_pair_append_frame (GString    *wire,
                        const char *json)
{
  guint8 header[CB_FRAME_HEADER_LEN] = { 0, };

  cb_frame_write_header (header, strlen (json));
  g_string_append_len (wire, (const char *) header, sizeof header);
  g_string_append (wire, json);
}

void
test_pair_write_frame (TestPair   *self,
                       const char *json)
{
  g_autoptr (GString) wire = g_string_new (NULL);

  test_pair_append_frame (wire, json);
  test_pair_write (self, wire->str, wire->len);
}

/* Reads as the session writes; FALSE at the end of the stream. */
gboolean
test_pair_read (TestPair *self,
                char     *bytes,
                gsize     len)
{
  while (len > 0)
    {
      const gssize n = recv (self->peer, bytes, len, MSG_DONTWAIT);

      if (n == 0)
        return FALSE;
      g_assert_true (n > 0 || errno == EAGAIN);
      if (n < 0)
        g_main_context_iteration (NULL, FALSE);
      bytes += MAX (n, 0);
      len -= (gsize) MAX (n, 0);
    }

  return TRUE;
}

/* The INFO of the next frame; NULL at the end of the stream. */
char *
test_pair_read_info (TestPair *self)
{
  guint8 header[CB_FRAME_HEADER_LEN] = { 0, };
  g_autofree char *payload = NULL;
  g_autoptr (CbPacket) packet = NULL;
  gsize len = 0;

  if (!test_pair_read (self, (char *) header, sizeof header))
    return NULL;
  g_assert_true (cb_frame_parse_header (header, G_MAXUINT32, &len, NULL));
  payload = g_malloc (len);
  if (!test_pair_read (self, payload, len))
    return NULL;

  packet = cb_packet_parse (payload, len, NULL);
  g_assert_nonnull (packet);
  return g_strdup (cb_packet_get_info (packet));
}

CbPacket *
test_pair_receive (TestPair *self,
                   GError  **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  cb_session_receive_async (self->session, NULL, test_wait_store_cb, &result);
  test_wait_for (&result, "the receive");
  return cb_session_receive_finish (self->session, result, error);
}

/* Begins a receive, turns the loop @n_turns times, cancels; what was received anyway is appended to @infos. */
void
test_pair_receive_and_cancel (TestPair  *self,
                              guint      n_turns,
                              GPtrArray *infos)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (CbPacket) packet = NULL;
  g_autoptr (GError) error = NULL;

  cb_session_receive_async (self->session, cancellable, test_wait_store_cb, &result);
  for (guint i = 0; i < n_turns; i++)
    g_main_context_iteration (NULL, FALSE);
  g_cancellable_cancel (cancellable);
  test_wait_for (&result, "the receive");

  packet = cb_session_receive_finish (self->session, result, &error);
  if (packet != NULL)
    g_ptr_array_add (infos, g_strdup (cb_packet_get_info (packet)));
  else
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

void
test_pair_assert_receives (TestPair   *self,
                           const char *info)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CbPacket) packet = test_pair_receive (self, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (cb_packet_get_info (packet), ==, info);
}

void
test_pair_assert_receive_fails (TestPair *self,
                                GQuark    domain,
                                int       code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (test_pair_receive (self, &error));
  g_assert_error (error, domain, code);
}

void
test_pair_add (const char  *path,
               int          type,
               TestPairFunc test)
{
  g_test_add (path, TestPair, GINT_TO_POINTER (type), test_pair_set_up, test, test_pair_tear_down);
}
