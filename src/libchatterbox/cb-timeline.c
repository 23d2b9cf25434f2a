/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-timeline.h"

/* Holes that are remembered; a peer that makes more of them has the last one grow. */
#define MAX_RANGES 64u

/* Conversations whose pages are remembered. */
#define MAX_CONVERSATIONS 1024u

/* Ids of which all are here that the user may see. */
typedef struct
{
  gint64 first;
  gint64 last;
} Range;

struct _CbTimeline
{
  char       *log_id;
  GArray     *stream;    /* of Range, ascending, apart, the first from 0 on: what was delivered */
  GHashTable *pages;     /* conversation, or "" for all, → GArray of Range: what was asked for */
  gint64      cursor;    /* the newest that the connection has brought */
  gboolean    is_broken; /* behind the cursor something was lost */
};

CbTimeline *
cb_timeline_new (void)
{
  CbTimeline *self = g_new0 (CbTimeline, 1);

  self->stream = g_array_new (FALSE, FALSE, sizeof (Range));
  self->pages = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_array_unref);
  cb_timeline_set_position (self, NULL, 0);
  return self;
}

void
cb_timeline_free (CbTimeline *self)
{
  g_return_if_fail (self != NULL);

  g_array_unref (self->stream);
  g_hash_table_unref (self->pages);
  g_free (self->log_id);
  g_free (self);
}

/* Adds a range, and merges it with those that it touches. */
static void
add_range (GArray *ranges,
           gint64  first,
           gint64  last)
{
  Range range = { first, last };
  guint i = 0;

  if (first > last)
    return;

  while (i < ranges->len && g_array_index (ranges, Range, i).last < first - 1)
    i++;
  while (i < ranges->len && g_array_index (ranges, Range, i).first - 1 <= last)
    {
      range.first = MIN (range.first, g_array_index (ranges, Range, i).first);
      range.last = MAX (range.last, g_array_index (ranges, Range, i).last);
      g_array_remove_index (ranges, i);
    }
  g_array_insert_val (ranges, i, range);
}

static gboolean
has_id (GArray *ranges,
        gint64  id)
{
  for (guint i = ranges->len; i > 0; i--)
    {
      const Range *range = &g_array_index (ranges, Range, i - 1);

      if (range->first <= id)
        return id <= range->last;
    }

  return FALSE;
}

/* Tells how far a range goes that @id + 1 is in; @id if there is none. */
static gint64
follow (GArray *ranges,
        gint64  id)
{
  for (guint i = 0; ranges != NULL && i < ranges->len; i++)
    {
      const Range *range = &g_array_index (ranges, Range, i);

      if (range->first <= id + 1 && range->last > id)
        return range->last;
    }

  return id;
}

/* Starts anew: all up to and with @id is here. */
void
cb_timeline_set_position (CbTimeline *self,
                          const char *log_id,
                          gint64      id)
{
  char *old = NULL;

  g_return_if_fail (self != NULL);
  g_return_if_fail (id >= 0);

  old = self->log_id;
  self->log_id = g_strdup (log_id);
  g_free (old);
  g_array_set_size (self->stream, 0);
  add_range (self->stream, 0, id);
  g_hash_table_remove_all (self->pages);
  self->cursor = id;
  self->is_broken = FALSE;
}

const char *
cb_timeline_get_log_id (CbTimeline *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->log_id;
}

/* The id up to which all was delivered. */
gint64
cb_timeline_get_position (CbTimeline *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return g_array_index (self->stream, Range, 0).last;
}

/* The newest id that the connection has brought. */
gint64
cb_timeline_get_newest (CbTimeline *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->cursor;
}

/* A connection begins: it brings what is behind the position if it was asked for that, else all. TRUE if
 * the timeline starts anew, since the log is another one, or shorter than what was delivered from it. */
gboolean
cb_timeline_begin (CbTimeline *self,
                   const char *log_id,
                   gint64      head,
                   gboolean    is_resumed)
{
  gboolean is_new = FALSE;

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (log_id != NULL, FALSE);

  if (self->log_id == NULL)
    cb_timeline_set_position (self, log_id, 0);
  else if (g_strcmp0 (self->log_id, log_id) != 0)
    {
      /* The server has not looked at a position that is another log's. */
      cb_timeline_set_position (self, log_id, 0);
      is_new = TRUE;
    }
  else if (head < cb_timeline_get_position (self))
    {
      cb_timeline_set_position (self, log_id, is_resumed ? head : 0);
      is_new = TRUE;
    }

  self->cursor = is_resumed ? cb_timeline_get_position (self) : 0;
  self->is_broken = FALSE;
  return is_new;
}

/* The connection has brought a message. FALSE if it was delivered before. */
gboolean
cb_timeline_receive (CbTimeline *self,
                     gint64      id)
{
  gboolean is_new = FALSE;

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (id > 0, FALSE);

  is_new = !has_id (self->stream, id);
  if (id <= self->cursor)
    {
      /* What a token found again is no step of the stream. */
      if (is_new)
        add_range (self->stream, id, id);
      return is_new;
    }

  add_range (self->stream, self->is_broken ? id : self->cursor + 1, id);
  self->cursor = id;
  self->is_broken = FALSE;
  return is_new;
}

/* Something that the connection brought could not be read: it may have been messages. */
void
cb_timeline_break (CbTimeline *self)
{
  g_return_if_fail (self != NULL);

  self->is_broken = TRUE;
  /* Rather twice than never: what is behind the last hole counts as missing. */
  if (self->stream->len >= MAX_RANGES)
    g_array_set_size (self->stream, self->stream->len - 1);
}

/* A page that somebody asked for has come; it was not delivered as messages of the stream are. */
void
cb_timeline_add_page (CbTimeline           *self,
                      const CbTimelinePage *page)
{
  const char *key = NULL;
  GArray *ranges = NULL;
  gint64 first = page->first;
  gint64 last = page->last;

  g_return_if_fail (self != NULL);

  if (page->more && first == 0)
    return;
  if (page->direction == CB_HISTORY_AFTER)
    {
      first = page->id + 1;
      last = page->more ? last : MAX (last, page->known);
    }
  else if (page->direction != CB_HISTORY_AROUND)
    {
      first = page->more ? first : 1;
      last = page->direction == CB_HISTORY_BEFORE ? page->id - 1 : MAX (last, page->known);
    }
  if (first <= 0 || first > last)
    return;

  key = page->with != NULL ? page->with : "";
  ranges = g_hash_table_lookup (self->pages, key);
  if (ranges == NULL && g_hash_table_size (self->pages) >= MAX_CONVERSATIONS)
    return;
  if (ranges == NULL)
    {
      ranges = g_array_new (FALSE, FALSE, sizeof (Range));
      g_hash_table_insert (self->pages, g_strdup (key), ranges);
    }
  add_range (ranges, first, last);
}

/* Finds the first hole. TRUE with what is missing: from behind @out_after up to and with @out_until. */
gboolean
cb_timeline_get_hole (CbTimeline *self,
                      gint64     *out_after,
                      gint64     *out_until)
{
  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (out_after != NULL, FALSE);
  g_return_val_if_fail (out_until != NULL, FALSE);

  if (self->stream->len < 2)
    return FALSE;

  *out_after = g_array_index (self->stream, Range, 0).last;
  *out_until = g_array_index (self->stream, Range, 1).first - 1;
  return TRUE;
}

/* What was missing from behind @after up to and with @until has been delivered. */
void
cb_timeline_fill (CbTimeline *self,
                  gint64      after,
                  gint64      until)
{
  g_return_if_fail (self != NULL);

  add_range (self->stream, after + 1, until);
}

/* The id up to which all of a conversation is here: delivered, or come as a page. */
gint64
cb_timeline_get_complete (CbTimeline *self,
                          const char *conversation)
{
  gint64 id = 0;

  g_return_val_if_fail (self != NULL, 0);
  g_return_val_if_fail (conversation != NULL, 0);

  for (gint64 before = -1; before != id;)
    {
      before = id;
      id = follow (self->stream, id);
      id = follow (g_hash_table_lookup (self->pages, ""), id);
      id = follow (g_hash_table_lookup (self->pages, conversation), id);
    }

  return id;
}
