/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/cbs-outbox.h"

#include <string.h>

#include "libchatterbox/cb-frame.h"

/* Texts of one ERROR: what is beyond is only counted. */
#define MAX_ERRORS 8

/* A buffer that rare large frames have blown up is not kept. */
#define KEPT_FRAMES (256u * 1024)

/* What a fragment takes besides its text: its head, that of the allocator, and its place in the list,
 * which doubles when it is full. */
#define FRAGMENT_COST (sizeof (CbsFragment) + 4 * sizeof (gpointer))

/* Fragments of all sizes that come and go leave holes between those that stay: the heap was seen to
 * grow by up to an eighth more than what it holds. */
#define HEAP_LOSS 6u

/* Nor is a list that was longer than this: 128 bytes a peer. */
#define KEPT_FRAGMENTS 16u

/**
 * cbs_frames_init:
 * @self: what was not initialised
 *
 * Sets up an empty one.
 */
void
cbs_frames_init (CbsFrames *self)
{
  self->bytes = g_byte_array_new ();
  self->fragments = NULL;
}

/**
 * cbs_frames_forget:
 * @self: frames
 *
 * Lets go of what the frames were made of, as at the end of a turn.
 */
void
cbs_frames_forget (CbsFrames *self)
{
  g_clear_pointer (&self->fragments, g_ptr_array_unref);
  if (self->bytes->len <= KEPT_FRAMES)
    return;

  g_byte_array_unref (self->bytes);
  self->bytes = g_byte_array_new ();
}

/**
 * cbs_frames_clear:
 * @self: frames
 *
 * Frees what it holds.
 */
void
cbs_frames_clear (CbsFrames *self)
{
  g_clear_pointer (&self->fragments, g_ptr_array_unref);
  g_clear_pointer (&self->bytes, g_byte_array_unref);
}

/**
 * cbs_outbox_push:
 * @self: an outbox
 * @fragment: what to send
 *
 * Adds a fragment to the next frame.
 */
void
cbs_outbox_push (CbsOutbox   *self,
                 CbsFragment *fragment)
{
  if (self->pending == NULL)
    self->pending = g_ptr_array_new_with_free_func ((GDestroyNotify) cbs_fragment_unref);

  g_ptr_array_add (self->pending, cbs_fragment_ref (fragment));
  self->pending_bytes += FRAGMENT_COST + fragment->len + fragment->len / HEAP_LOSS;
}

static gboolean
has_pending (const CbsOutbox *self)
{
  return self->pending != NULL && self->pending->len > 0;
}

/* The list stays for the next turn: most peers get one fragment a turn. */
static void
forget_pending (CbsOutbox *self)
{
  self->pending_bytes = 0;
  if (self->pending->len > KEPT_FRAGMENTS)
    g_clear_pointer (&self->pending, g_ptr_array_unref);
  else
    g_ptr_array_set_size (self->pending, 0);
}

/* A frame that is being written: its fragments, and where its payload begins. */
typedef struct
{
  CbsFragment **fragments;
  guint         n_fragments;
  GByteArray   *out;
  guint         start;
} Frame;

static void
append_literal (GByteArray *out,
                const char *text)
{
  g_byte_array_append (out, (const guint8 *) text, (guint) strlen (text));
}

static void
append_key (const Frame *frame,
            const char  *key)
{
  append_literal (frame->out, frame->out->len > frame->start ? ",\"" : "{\"");
  append_literal (frame->out, key);
  append_literal (frame->out, "\":");
}

static void
append_list (const Frame    *frame,
             CbsFragmentKind kind,
             const char     *key)
{
  gboolean any = FALSE;

  for (guint i = 0; i < frame->n_fragments; i++)
    {
      const CbsFragment *fragment = frame->fragments[i];

      if (fragment->kind != kind)
        continue;

      if (!any)
        append_key (frame, key);
      append_literal (frame->out, any ? "," : "[");
      any = TRUE;
      g_byte_array_append (frame->out, (const guint8 *) fragment->json, fragment->len);
    }

  if (any)
    append_literal (frame->out, "]");
}

static void
append_refusal (const Frame *frame)
{
  for (guint i = 0; i < frame->n_fragments; i++)
    {
      const CbsFragment *fragment = frame->fragments[i];

      if (fragment->kind != CBS_FRAGMENT_REFUSED)
        continue;

      append_key (frame, "USERNAME_ACCEPTED");
      append_literal (frame->out, "false");
      append_key (frame, "INFO");
      g_byte_array_append (frame->out, (const guint8 *) fragment->json, fragment->len);
    }
}

/* ERROR is one string: its texts are joined. */
static void
append_errors (const Frame *frame)
{
  guint n_errors = 0;

  for (guint i = 0; i < frame->n_fragments; i++)
    {
      const CbsFragment *fragment = frame->fragments[i];

      if (fragment->kind != CBS_FRAGMENT_ERROR || ++n_errors > MAX_ERRORS)
        continue;

      if (n_errors == 1)
        append_key (frame, "ERROR");
      append_literal (frame->out, n_errors == 1 ? "\"" : "; ");
      g_byte_array_append (frame->out, (const guint8 *) fragment->json + 1, fragment->len - 2);
    }

  if (n_errors > MAX_ERRORS)
    {
      g_autofree char *more = g_strdup_printf ("; and %u more", n_errors - MAX_ERRORS);

      append_literal (frame->out, more);
    }
  if (n_errors > 0)
    append_literal (frame->out, "\"");
}

static guint
fragment_hash (gconstpointer key)
{
  const CbsFragment *fragment = key;
  guint hash = 5381;

  for (guint i = 0; i < fragment->len; i++)
    hash = hash * 33 + (guchar) fragment->json[i];
  return hash;
}

static gboolean
fragment_equal (gconstpointer a,
                gconstpointer b)
{
  const CbsFragment *left = a;
  const CbsFragment *right = b;

  return left->len == right->len && memcmp (left->json, right->json, left->len) == 0;
}

static gboolean
holds_kind (const CbsOutbox *self,
            CbsFragmentKind  kind)
{
  for (guint i = 0; i < self->pending->len; i++)
    {
      if (((const CbsFragment *) g_ptr_array_index (self->pending, i))->kind == kind)
        return TRUE;
    }

  return FALSE;
}

/* The joins and leaves of one frame have no order among each other: of somebody who
 * came and went (or went and came) in between, nothing has changed. An object that goes
 * out between them may tell who is here: what came before it is not taken back. */
static void
drop_contradictions (CbsOutbox *self)
{
  g_autoptr (GHashTable) open = NULL;
  g_autoptr (GPtrArray) all = NULL;
  g_autoptr (GHashTable) dropped = NULL;

  if (!holds_kind (self, CBS_FRAGMENT_JOINED) || !holds_kind (self, CBS_FRAGMENT_LEFT))
    return;

  open = g_hash_table_new (fragment_hash, fragment_equal);
  dropped = g_hash_table_new (NULL, NULL);
  for (guint i = 0; i < self->pending->len; i++)
    {
      CbsFragment *fragment = g_ptr_array_index (self->pending, i);
      CbsFragment *earlier = NULL;

      if (fragment->kind == CBS_FRAGMENT_OBJECT)
        g_hash_table_remove_all (open);
      if (fragment->kind != CBS_FRAGMENT_JOINED && fragment->kind != CBS_FRAGMENT_LEFT)
        continue;

      earlier = g_hash_table_lookup (open, fragment);
      if (earlier == NULL || earlier->kind == fragment->kind)
        {
          g_hash_table_add (open, fragment);
          continue;
        }
      g_hash_table_remove (open, fragment);
      g_hash_table_add (dropped, fragment);
      g_hash_table_add (dropped, earlier);
    }

  all = g_steal_pointer (&self->pending);
  self->pending = g_ptr_array_new_with_free_func ((GDestroyNotify) cbs_fragment_unref);
  for (guint i = 0; i < all->len; i++)
    {
      CbsFragment *fragment = g_ptr_array_index (all, i);

      if (!g_hash_table_contains (dropped, fragment))
        g_ptr_array_add (self->pending, cbs_fragment_ref (fragment));
    }
}

static void
write_header (GByteArray *out,
              guint       start)
{
  static const char spaces[] = "                ";
  const gsize len = out->len - start - CB_FRAME_HEADER_LEN;
  const gsize padded_len = cb_frame_get_padded_length (len);

  for (gsize missing = padded_len - len; missing > 0;)
    {
      const gsize n = MIN (missing, sizeof spaces - 1);

      g_byte_array_append (out, (const guint8 *) spaces, (guint) n);
      missing -= n;
    }
  cb_frame_write_header (out->data + start, padded_len);
}

static void
write_frame (CbsFragment **fragments,
             guint         n_fragments,
             GByteArray   *out)
{
  static const guint8 header[CB_FRAME_HEADER_LEN] = { 0, };
  const guint start = out->len;
  const Frame frame = { fragments, n_fragments, out, start + CB_FRAME_HEADER_LEN };

  g_byte_array_append (out, header, sizeof header);
  if (fragments[0]->kind == CBS_FRAGMENT_OBJECT)
    g_byte_array_append (out, (const guint8 *) fragments[0]->json, fragments[0]->len);
  else
    {
      append_refusal (&frame);
      append_list (&frame, CBS_FRAGMENT_MESSAGE, "MESSAGES");
      append_list (&frame, CBS_FRAGMENT_JOINED, "USERS_JOINED");
      append_list (&frame, CBS_FRAGMENT_LEFT, "USERS_LEFT");
      append_errors (&frame);
      append_literal (out, "}");
    }
  write_header (out, start);
}

/* An object holds each key once, and each login gets an answer: a frame ends before the second.
 * What is an object already is a frame of its own. */
static guint
count_for_one_frame (CbsFragment **fragments,
                     guint         n_fragments)
{
  guint n_refusals = 0;

  for (guint i = 0; i < n_fragments; i++)
    {
      if (fragments[i]->kind == CBS_FRAGMENT_OBJECT)
        return MAX (i, 1);
      if (fragments[i]->kind == CBS_FRAGMENT_REFUSED && ++n_refusals == 2)
        return i;
    }

  return n_fragments;
}

/**
 * cbs_outbox_take_frames:
 * @self: an outbox
 * @out: where to append
 *
 * Turns all pending fragments into one frame: deployed peers read one frame a
 * time and drop what came with it. The keys stand in the order in which peers
 * handle them. Only who asked for several names before it had an answer, or
 * for what is answered by an object of its own, gets several frames.
 *
 * Source: `docs/protocol.md`, “One frame a turn”.
 *
 * Returns: %TRUE if there was anything to send
 */
gboolean
cbs_outbox_take_frames (CbsOutbox  *self,
                        GByteArray *out)
{
  g_autoptr (GPtrArray) pending = NULL;
  const guint start = out->len;
  guint n = 0;

  if (!has_pending (self))
    return FALSE;

  drop_contradictions (self);
  pending = g_steal_pointer (&self->pending);
  self->pending_bytes = 0;
  for (guint i = 0; i < pending->len; i += n)
    {
      CbsFragment **fragments = (CbsFragment **) pending->pdata + i;

      n = count_for_one_frame (fragments, pending->len - i);
      write_frame (fragments, n, out);
    }

  return out->len > start;
}

static gboolean
is_made_of (const CbsFrames *frames,
            const GPtrArray *fragments)
{
  return frames->fragments != NULL && frames->fragments->len == fragments->len &&
         memcmp (frames->fragments->pdata, fragments->pdata, fragments->len * sizeof (gpointer)) == 0;
}

/**
 * cbs_outbox_take_shared_frames:
 * @self: an outbox
 * @frames: (inout): the frames made last; those of this outbox on return
 *
 * Does as [func@cbs_outbox_take_frames], but writes nothing where the last
 * outbox held the very same fragments.
 *
 * Returns: %TRUE if there is anything to send
 */
gboolean
cbs_outbox_take_shared_frames (CbsOutbox *self,
                               CbsFrames *frames)
{
  if (!has_pending (self))
    return FALSE;

  if (is_made_of (frames, self->pending))
    {
      forget_pending (self);
      return frames->bytes->len > 0;
    }

  /* The reference keeps the fragments: another one can't come to lie where they do. */
  g_clear_pointer (&frames->fragments, g_ptr_array_unref);
  frames->fragments = g_ptr_array_ref (self->pending);
  g_byte_array_set_size (frames->bytes, 0);
  return cbs_outbox_take_frames (self, frames->bytes);
}

/**
 * cbs_outbox_seal:
 * @self: an outbox
 *
 * Turns all pending fragments into bytes that were begun, so that they go out
 * before whatever is set or pushed from now on.
 */
void
cbs_outbox_seal (CbsOutbox *self)
{
  g_autoptr (GByteArray) out = NULL;
  g_autoptr (GBytes) rest = NULL;

  if (!has_pending (self))
    return;

  rest = g_steal_pointer (&self->rest);
  out = rest != NULL ? g_bytes_unref_to_array (g_steal_pointer (&rest)) : g_byte_array_new ();
  cbs_outbox_take_frames (self, out);
  if (out->len > 0)
    self->rest = g_byte_array_free_to_bytes (g_steal_pointer (&out));
}

/**
 * cbs_outbox_set_rest:
 * @self: an outbox without a rest
 * @rest: bytes that go out before anything else
 *
 * Keeps what was begun and could not be written.
 */
void
cbs_outbox_set_rest (CbsOutbox *self,
                     GBytes    *rest)
{
  g_assert (self->rest == NULL);

  self->rest = g_bytes_ref (rest);
}

/**
 * cbs_outbox_get_rest:
 * @self: an outbox
 *
 * Gets what was begun and is not written yet.
 *
 * Returns: (nullable) (transfer none): at least one byte, or %NULL
 */
GBytes *
cbs_outbox_get_rest (const CbsOutbox *self)
{
  return self->rest;
}

/**
 * cbs_outbox_skip_rest:
 * @self: an outbox with a rest
 * @len: how many of its bytes were written
 *
 * Forgets what was written of the rest.
 */
void
cbs_outbox_skip_rest (CbsOutbox *self,
                      gsize      len)
{
  g_autoptr (GBytes) rest = g_steal_pointer (&self->rest);
  const gsize size = g_bytes_get_size (rest);

  g_assert (len <= size);

  if (len < size)
    self->rest = g_bytes_new_from_bytes (rest, len, size - len);
}

/**
 * cbs_outbox_get_size:
 * @self: an outbox
 *
 * Tells what memory the outbox takes, to hold it against its limit: somewhat
 * more than the bytes that will be sent.
 *
 * Returns: bytes
 */
gsize
cbs_outbox_get_size (const CbsOutbox *self)
{
  return self->pending_bytes + (self->rest != NULL ? g_bytes_get_size (self->rest) : 0);
}

/**
 * cbs_outbox_is_empty:
 * @self: an outbox
 *
 * Tells whether there is nothing to send.
 *
 * Returns: %TRUE if so
 */
gboolean
cbs_outbox_is_empty (const CbsOutbox *self)
{
  return !has_pending (self) && self->rest == NULL;
}

/**
 * cbs_outbox_clear:
 * @self: an outbox
 *
 * Drops all that waits.
 */
void
cbs_outbox_clear (CbsOutbox *self)
{
  g_clear_pointer (&self->pending, g_ptr_array_unref);
  g_clear_pointer (&self->rest, g_bytes_unref);
  self->pending_bytes = 0;
}
