/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fuzz/fuzz.h"

#include "libchatterbox/cb-error.h"
#include "libchatterbox/cb-session.h"

#define MAX_FRAME 4096u

/* What came of the input. */
typedef struct
{
  GMainLoop *loop;
  guint      n_packets;
  guint      n_malformed;
} Outcome;

static void
receive_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  Outcome *outcome = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (CbPacket) packet = cb_session_receive_finish (CB_SESSION (source), result, &error);

  g_assert ((packet == NULL) == (error != NULL));
  if (packet != NULL)
    outcome->n_packets++;
  else if (g_error_matches (error, CB_ERROR, CB_ERROR_MALFORMED))
    outcome->n_malformed++;
  else
    {
      g_main_loop_quit (outcome->loop);
      return;
    }

  cb_session_receive_async (CB_SESSION (source), NULL, receive_cb, outcome);
}

static void
send_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (GError) error = NULL;

  cb_session_send_finish (CB_SESSION (source), result, &error);
}

static Outcome
run (const guint8 *data,
     gsize         size,
     gsize         step)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GInputStream) input = g_memory_input_stream_new ();
  g_autoptr (GOutputStream) output = g_memory_output_stream_new_resizable ();
  g_autoptr (GIOStream) stream = g_simple_io_stream_new (input, output);
  g_autoptr (CbSession) session = cb_session_new (stream);
  g_autoptr (CbPacket) packet = cb_packet_new ();
  Outcome outcome = { loop, 0, 0 };

  for (gsize i = 0; i < size; i += step)
    g_memory_input_stream_add_data (G_MEMORY_INPUT_STREAM (input), data + i,
                                    (gssize) MIN (step, size - i), NULL);
  cb_session_set_max_frame (session, MAX_FRAME);
  cb_packet_set_username (packet, "ada");
  cb_session_send_async (session, packet, send_cb, NULL);
  cb_session_receive_async (session, NULL, receive_cb, &outcome);
  g_main_loop_run (loop);
  return outcome;
}

/* A session's peer, on either side, sends this. How it is cut into pieces must not matter. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  Outcome whole = { 0, };
  Outcome cut = { 0, };

  if (size < 2)
    return 0;

  whole = run (data + 1, size - 1, size);
  cut = run (data + 1, size - 1, 1 + data[0]);
  g_assert (whole.n_packets == cut.n_packets);
  g_assert (whole.n_malformed == cut.n_malformed);
  return 0;
}
