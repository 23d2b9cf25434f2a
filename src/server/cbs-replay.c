/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/cbs-replay.h"

#include <string.h>

#include "libchatterbox/cb-frame.h"
#include "server/room/cbs-fragment.h"

/* Largest payload of the frame that answers a login; what is beyond follows in frames of a page. */
#define MAX_FIRST_FRAME (16u * 1024 * 1024)

/* Bytes of messages that are in memory at a time for one peer. */
#define PAGE_BYTES (32u * 1024)

#define WELCOME "{\"USERNAME_ACCEPTED\":true,\"INFO\":\"Welcome!\","
#define USER_LIST "\"USER_LIST\":"
#define MESSAGES ",\"MESSAGES\":["
#define ONLY_MESSAGES "{\"MESSAGES\":["
#define END "]}"

struct _CbsReplay
{
  grefcount        ref_count;
  CbsLog          *log;
  char            *viewer;
  CbsReplayHandler handler;
  gpointer         user_data;
  GCancellable    *cancellable; /* cancelled: the owner has freed it */
  GString         *welcome; /* the first frame up to its messages; NULL: it was given out */
  CbFeatures       features; /* that its messages are written with */
  gint64           since;   /* private messages up to there are another holder's */
  GStrv            hidden;  /* as of the beginning of the frame under way */
  gint64           joined;  /* sequence of the viewer's join */
  gint64           after;   /* what has been read */
  gint64           until;   /* end of the range that is being read */
  guint64          n_left;  /* messages that the first frame still holds; 0: it is complete */
  gsize            padding; /* spaces at the end of the first frame */
  gboolean         is_open; /* the first frame holds a message already */
  gboolean         is_cut;  /* the first frame does not hold all up to the join */
  gboolean         reading;
  GBytes          *ready; /* what goes out next */
};

static void
replay_unref (CbsReplay *self)
{
  if (!g_ref_count_dec (&self->ref_count))
    return;

  g_object_unref (self->log);
  g_object_unref (self->cancellable);
  if (self->welcome != NULL)
    g_string_free (self->welcome, TRUE);
  g_clear_pointer (&self->ready, g_bytes_unref);
  g_strfreev (self->hidden);
  g_free (self->viewer);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsReplay, replay_unref)

/**
 * cbs_replay_new:
 * @log: the log to read
 * @viewer: key of the user who reads
 * @handler: what to ask and tell the owner; copied
 * @user_data: data for @handler
 *
 * Makes a replay; nothing is read until it is started.
 *
 * Returns: (transfer full): a replay
 */
CbsReplay *
cbs_replay_new (CbsLog                 *log,
                const char             *viewer,
                const CbsReplayHandler *handler,
                gpointer user_data)
{
  CbsReplay *self = g_new0 (CbsReplay, 1);

  g_ref_count_init (&self->ref_count);
  self->log = g_object_ref (log);
  self->viewer = g_strdup (viewer);
  self->handler = *handler;
  self->user_data = user_data;
  self->cancellable = g_cancellable_new ();
  return self;
}

/**
 * cbs_replay_free:
 * @self: (transfer full): a replay
 *
 * Gives up a replay; its owner is not called any more.
 */
void
cbs_replay_free (CbsReplay *self)
{
  g_cancellable_cancel (self->cancellable);
  replay_unref (self);
}

static void
append_text (GByteArray *out,
             const char *text)
{
  g_byte_array_append (out, (const guint8 *) text, (guint) strlen (text));
}

/* Ends the first frame. */
static void
append_end (CbsReplay  *self,
            GByteArray *out)
{
  const guint len = out->len + (guint) strlen (END);

  append_text (out, END);
  g_byte_array_set_size (out, len + (guint) self->padding);
  memset (out->data + len, ' ', self->padding);
  if (!self->is_cut)
    self->after = self->joined;
}

static void
fail (CbsReplay    *self,
      const GError *error)
{
  self->handler.failed (error, self->user_data);
}

static void
offer (CbsReplay  *self,
       GByteArray *bytes)
{
  self->ready = g_byte_array_free_to_bytes (bytes);
  self->handler.ready (self->user_data);
}

/* The first frame's length has to stand at its beginning, so the log has measured what it will hold. */
static void
begin_first_frame (CbsReplay          *self,
                   const CbsLogExtent *extent)
{
  GByteArray *out = g_byte_array_new ();
  guint8 header[CB_FRAME_HEADER_LEN];
  const gsize commas = extent->n_entries > 0 ? extent->n_entries - 1 : 0;
  const gsize len = self->welcome->len + extent->wire_bytes + commas + strlen (END);

  self->after = extent->after;
  self->until = extent->until;
  self->n_left = extent->n_entries;
  self->is_cut = extent->more;
  self->padding = cb_frame_get_padded_length (len) - len;

  cb_frame_write_header (header, len + self->padding);
  g_byte_array_append (out, header, sizeof header);
  g_byte_array_append (out, (const guint8 *) self->welcome->str, (guint) self->welcome->len);
  if (self->n_left == 0)
    append_end (self, out);
  g_string_free (g_steal_pointer (&self->welcome), TRUE);
  offer (self, out);
}

static void
measure_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (CbsReplay) self = user_data;
  g_autoptr (GError) error = NULL;
  CbsLogExtent extent = { 0, };
  const gboolean measured = cbs_log_measure_finish (CBS_LOG (source), result, &extent, &error);

  if (g_cancellable_is_cancelled (self->cancellable))
    return;

  self->reading = FALSE;
  if (measured)
    begin_first_frame (self, &extent);
  else
    fail (self, error);
}

static GString *
write_welcome (const CbsReplayStart *start)
{
  GString *welcome = g_string_new (WELCOME);
  gsize users_len = 0;
  const char *users = g_bytes_get_data (start->users, &users_len);

  if (start->members != NULL)
    {
      g_string_append (welcome, start->members);
      g_string_append_c (welcome, ',');
    }
  g_string_append (welcome, USER_LIST);
  g_string_append_len (welcome, users, (gssize) users_len);
  g_string_append (welcome, MESSAGES);
  return welcome;
}

static void
init_query (CbsReplay   *self,
            CbsLogQuery *query)
{
  const gboolean with_ids = (self->features & CB_FEATURE_MESSAGE_IDS) != 0;

  *query = (CbsLogQuery) {
    .after = self->after,
    .viewer = self->viewer,
    .blocked = self->hidden,
    .with_ids = with_ids,
    .own = with_ids,
    .since = self->since,
  };
}

/**
 * cbs_replay_start:
 * @self: a replay
 * @start: what to begin with; copied
 *
 * Begins with the frame that accepts the login.
 */
void
cbs_replay_start (CbsReplay            *self,
                  const CbsReplayStart *start)
{
  CbsLogQuery query = { 0, };
  gsize overhead = 0;

  self->welcome = write_welcome (start);
  /* The first frame's length is that of ASCII, as the log has measured it. */
  self->features = start->features & ~(guint) CB_FEATURE_UTF8;
  self->since = start->since;
  self->joined = start->joined;
  self->after = MIN (start->after, start->joined);
  if (start->newest == 0)
    {
      begin_first_frame (self, &(const CbsLogExtent) { .after = start->joined, .until = start->joined });
      return;
    }

  self->hidden = self->handler.list_hidden (self->user_data);
  init_query (self, &query);
  query.until = start->joined;
  query.newest = start->newest > 0 ? (guint64) start->newest : 0;
  /* A room so large that its list of users fills the frame gets a page of history. */
  overhead = self->welcome->len + strlen (END);
  query.max_bytes = overhead + PAGE_BYTES < MAX_FIRST_FRAME ? MAX_FIRST_FRAME - overhead : PAGE_BYTES;

  g_ref_count_inc (&self->ref_count);
  self->reading = TRUE;
  cbs_log_measure_async (self->log, &query, self->cancellable, measure_cb, self);
}

static void
append_entries (CbsReplay *self,
                GString   *json,
                GPtrArray *entries)
{
  for (guint i = 0; i < entries->len; i++)
    {
      if (i > 0)
        g_string_append_c (json, ',');
      cbs_fragment_append_message (json, g_ptr_array_index (entries, i), self->features, NULL);
    }
}

static void
continue_first_frame (CbsReplay *self,
                      GPtrArray *entries)
{
  g_autoptr (GString) json = g_string_sized_new (PAGE_BYTES);
  GByteArray *out = g_byte_array_new ();

  if (self->is_open)
    g_string_append_c (json, ',');
  self->is_open = TRUE;
  append_entries (self, json, entries);
  g_byte_array_append (out, (const guint8 *) json->str, (guint) json->len);

  self->n_left -= entries->len;
  if (self->n_left == 0)
    append_end (self, out);
  offer (self, out);
}

static void
offer_later_frame (CbsReplay *self,
                   GPtrArray *entries)
{
  g_autoptr (GString) json = g_string_new (ONLY_MESSAGES);

  append_entries (self, json, entries);
  g_string_append (json, END);
  self->ready = cb_frame_new (json->str, json->len);
  self->handler.ready (self->user_data);
}

static void
handle_page (CbsReplay *self,
             GPtrArray *entries)
{
  g_autoptr (GError) error = NULL;

  self->after = entries->len > 0
                ? ((const CbsEntry *) g_ptr_array_index (entries, entries->len - 1))->seq
                : self->until;

  if (self->n_left > 0 && (entries->len == 0 || entries->len > self->n_left))
    {
      error = g_error_new (CBS_LOG_ERROR, CBS_LOG_ERROR_FAILED,
                           "The history does not hold what was measured");
      fail (self, error);
    }
  else if (self->n_left > 0)
    continue_first_frame (self, entries);
  else if (entries->len > 0)
    offer_later_frame (self, entries);
  else
    self->handler.ready (self->user_data);
}

static void
read_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (CbsReplay) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) entries = cbs_log_read_finish (CBS_LOG (source), result, &error);

  if (g_cancellable_is_cancelled (self->cancellable))
    return;

  self->reading = FALSE;
  if (entries != NULL)
    handle_page (self, entries);
  else
    fail (self, error);
}

/* Reads the next page, unless one is here or the viewer has caught up. */
static void
read_next (CbsReplay *self)
{
  CbsLogQuery query = { 0, };

  if (self->reading || self->ready != NULL || cbs_replay_is_caught_up (self))
    return;

  if (self->n_left == 0)
    {
      self->until = self->handler.get_head (self->user_data);
      g_strfreev (self->hidden);
      self->hidden = self->handler.list_hidden (self->user_data);
    }
  init_query (self, &query);
  query.until = self->until;
  query.max_bytes = PAGE_BYTES;

  g_ref_count_inc (&self->ref_count);
  self->reading = TRUE;
  cbs_log_read_async (self->log, &query, self->cancellable, read_cb, self);
}

/**
 * cbs_replay_take:
 * @self: a replay that was started
 *
 * Takes the bytes that go out next, and has those behind them read.
 *
 * Returns: (transfer full) (nullable): at least one byte; %NULL: none are
 *   here yet, or the viewer has caught up
 */
GBytes *
cbs_replay_take (CbsReplay *self)
{
  GBytes *bytes = g_steal_pointer (&self->ready);

  read_next (self);
  return bytes;
}

/**
 * cbs_replay_is_caught_up:
 * @self: a replay that was started
 *
 * Tells whether the viewer has been given all that the log has delivered by
 * now, so that it can be told what is new as it comes.
 *
 * Returns: %TRUE if so
 */
gboolean
cbs_replay_is_caught_up (CbsReplay *self)
{
  return !self->reading && self->ready == NULL && self->welcome == NULL && self->n_left == 0 &&
         self->after >= self->handler.get_head (self->user_data);
}
