/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/cbs-server-private.h"

#include <string.h>

#include "server/cbs-page.h"
#include "server/log/cbs-search.h"

/* Most bytes of messages in an answer. */
#define MAX_ANSWER (512u * 1024)

/* An answer on its way. */
typedef struct
{
  CbsServer    *server;
  GCancellable *cancellable; /* cancelled: the peer has gone */
  guint64       peer;
  gint64        request;
  CbFeatures    features;
  const char   *key;         /* HISTORY or SEARCH */
  gint64        indexed;     /* up to there SEARCH has looked; -1: it is no search */
} ReadData;

static void
read_data_free (ReadData *data)
{
  g_object_unref (data->cancellable);
  g_object_unref (data->server);
  g_free (data);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ReadData, read_data_free)

/**
 * cbs_request_reply_error:
 * @self: a server
 * @peer: a peer whose packet is being handled
 * @message: what is wrong
 *
 * Tells a peer what is wrong with its packet, with the number of its request.
 */
void
cbs_request_reply_error (CbsServer  *self,
                         CbsPeer    *peer,
                         const char *message)
{
  g_autoptr (CbsFragment) fragment = cbs_fragment_new_error (message, peer->request);

  cbs_engine_send (self->engine, peer, fragment);
}

static CbsHandled
refuse (CbsServer    *self,
        CbsPeer      *peer,
        const GError *error)
{
  cbs_request_reply_error (self, peer, error->message);
  return CBS_HANDLED;
}

static CbsFragment *
write_answer (const ReadData *data,
              GPtrArray      *entries,
              gboolean        more)
{
  g_autoptr (GString) json = g_string_new ("{");

  if (data->request != CBS_NO_REQUEST)
    g_string_append_printf (json, "\"REQUEST\":%" G_GINT64_FORMAT ",", data->request);
  g_string_append_printf (json, "\"%s\":{\"more\":%s", data->key, more ? "true" : "false");
  if (data->indexed >= 0)
    g_string_append_printf (json, ",\"indexed\":%" G_GINT64_FORMAT, data->indexed);
  g_string_append (json, "},\"MESSAGES\":[");
  for (guint i = 0; i < entries->len; i++)
    {
      if (i > 0)
        g_string_append_c (json, ',');
      cbs_fragment_append_message (json, g_ptr_array_index (entries, i), data->features, NULL);
    }
  g_string_append (json, "]}");

  return cbs_fragment_new_object (json);
}

static void
page_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (ReadData) data = user_data;
  g_autoptr (GPtrArray) entries = NULL;
  g_autoptr (CbsFragment) fragment = NULL;
  g_autoptr (GError) error = NULL;
  CbsServer *self = data->server;
  CbsPeer *peer = NULL;
  gboolean more = FALSE;

  entries = cbs_page_read_finish (CBS_LOG (source), result, &more, &error);
  if (g_cancellable_is_cancelled (data->cancellable))
    return;

  /* As long as it is not cancelled the peer is there. */
  peer = cbs_engine_find (self->engine, data->peer);
  g_clear_object (&peer->reading);
  if (entries == NULL)
    {
      g_message ("%s can't be answered: %s", data->key, error->message);
      fragment = cbs_fragment_new_error ("What was said can't be read now", data->request);
    }
  else
    fragment = write_answer (data, entries, more);

  if (peer->state == CBS_PEER_ONLINE)
    cbs_engine_send (self->engine, peer, fragment);
  cbs_dispatch_resume (self, peer);
}

/* Who is named, as the log knows it. */
static gboolean
find_conversation (CbsServer  *self,
                   CbsPeer    *peer,
                   const char *with,
                   char      **out_key,
                   GError    **error)
{
  return with == NULL || cbs_room_find_conversation (self->room, peer->number, with, out_key, error);
}

/* Reads a page for a peer, and answers when it is here. */
static CbsHandled
start_reading (CbsServer           *self,
               CbsPeer             *peer,
               const char          *key,
               CbsLogQuery         *query,
               const CbsPageBounds *bounds)
{
  g_auto (GStrv) hidden = cbs_room_dup_hidden (self->room, peer->number);
  ReadData *data = g_new0 (ReadData, 1);

  peer->reading = g_cancellable_new ();
  data->server = g_object_ref (self);
  data->cancellable = g_object_ref (peer->reading);
  data->peer = peer->number;
  data->request = peer->request;
  data->features = peer->features;
  data->key = key;
  data->indexed = -1;
  /* What the follower adds from now on it may find or not. */
  if (query->text != NULL)
    data->indexed = cbs_log_get_indexed (self->log);

  query->viewer = peer->user;
  query->blocked = hidden;
  query->since = cbs_room_get_since (self->room, peer->number);
  query->own = (peer->features & CB_FEATURE_MESSAGE_IDS) != 0;
  cbs_page_read_async (self->log, query, bounds, peer->reading, page_cb, data);
  return CBS_HANDLED_WAITING;
}

/* An answer must not fill the outbox of the one who asked. */
static gsize
get_max_answer (CbsServer *self)
{
  return MIN (MAX_ANSWER, self->config->engine.outbox / 2);
}

/**
 * cbs_request_history:
 * @self: a server
 * @peer: a peer that is logged in
 * @json: the value of HISTORY
 *
 * Answers with a page of what was said. It ends at what has been delivered,
 * so that nobody sees there what it has not been sent before.
 *
 * Returns: what is to be done next
 */
CbsHandled
cbs_request_history (CbsServer  *self,
                     CbsPeer    *peer,
                     const char *json)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CbHistoryRequest) wanted = cb_history_request_parse (json, &error);
  g_autofree char *with = NULL;
  CbsLogQuery query = { .until = self->head };

  if (wanted == NULL || !find_conversation (self, peer, wanted->with, &with, &error))
    return refuse (self, peer, error);

  query.with = with;
  return start_reading (self, peer, "HISTORY", &query,
                        &(const CbsPageBounds) {
    .direction = wanted->direction,
    .id = wanted->id,
    .limit = wanted->limit,
    .max_bytes = get_max_answer (self),
  });
}

/* Seconds beyond what microseconds can tell are as good as the last that they can. */
static gint64
seconds_to_us (gint64 time_s)
{
  return MIN (time_s, G_MAXINT64 / G_USEC_PER_SEC) * G_USEC_PER_SEC;
}

static gboolean
find_sender (CbsServer  *self,
             CbsPeer    *peer,
             const char *from,
             char      **out_key,
             GError    **error)
{
  if (!find_conversation (self, peer, from, out_key, error))
    return FALSE;
  if (g_strcmp0 (*out_key, CBS_LOG_WITH_ALL) != 0)
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "“%s” is not a user", from);
  return FALSE;
}

/**
 * cbs_request_search:
 * @self: a server
 * @peer: a peer that is logged in
 * @json: the value of SEARCH
 *
 * Answers with the messages that hold a text.
 *
 * Returns: what is to be done next
 */
CbsHandled
cbs_request_search (CbsServer  *self,
                    CbsPeer    *peer,
                    const char *json)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CbSearchRequest) wanted = cb_search_request_parse (json, &error);
  g_autoptr (CbsSearch) search = NULL;
  g_autofree char *with = NULL;
  g_autofree char *from = NULL;
  CbsLogQuery query = { .until = self->head };

  if (wanted == NULL || !find_conversation (self, peer, wanted->with, &with, &error) ||
      !find_sender (self, peer, wanted->from, &from, &error))
    return refuse (self, peer, error);

  search = cbs_search_new (wanted->text, &error);
  if (search == NULL)
    return refuse (self, peer, error);

  if (wanted->before > 0)
    query.until = MIN (query.until, wanted->before - 1);
  query.with = with;
  query.from = from;
  query.text = wanted->text;
  query.since_us = seconds_to_us (wanted->since_s);
  query.until_us = seconds_to_us (wanted->until_s);
  query.ranked = wanted->ranked;
  return start_reading (self, peer, "SEARCH", &query,
                        &(const CbsPageBounds) {
    .direction = CB_HISTORY_NEWEST,
    .limit = wanted->limit,
    .max_bytes = get_max_answer (self),
  });
}

/**
 * cbs_request_users:
 * @self: a server
 * @peer: a peer that is logged in
 * @json: the value of USERS
 *
 * Answers with who is and was here.
 *
 * Returns: what is to be done next
 */
CbsHandled
cbs_request_users (CbsServer  *self,
                   CbsPeer    *peer,
                   const char *json)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CbUsersRequest) wanted = cb_users_request_parse (json, &error);
  g_autoptr (CbsEffects) effects = cbs_effects_new ();

  if (wanted == NULL)
    return refuse (self, peer, error);

  cbs_room_list_users (self->room, peer->number, wanted, peer->request, effects);
  cbs_server_apply (self, effects);
  return CBS_HANDLED;
}

/* What a request has the room do, which may append. The answer is due when that is stored. */
static CbsHandled
carry_out (CbsServer  *self,
           CbsPeer    *peer,
           CbsEffects *effects)
{
  cbs_server_apply (self, effects);
  return peer->n_appends > 0 ? CBS_HANDLED_WAITING : CBS_HANDLED;
}

/**
 * cbs_request_blocks:
 * @self: a server
 * @peer: a peer that is logged in
 * @json: the value of BLOCKS
 *
 * Blocks and unblocks users. The answer is due when that is stored, behind
 * what was asked for before.
 *
 * Returns: what is to be done next
 */
CbsHandled
cbs_request_blocks (CbsServer  *self,
                    CbsPeer    *peer,
                    const char *json)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CbChangeRequest) change = NULL;
  g_autoptr (CbsEffects) effects = cbs_effects_new ();

  if (peer->n_appends > 0)
    return CBS_HANDLED_AGAIN;
  change = cb_blocks_request_parse (json, &error);
  if (change == NULL)
    return refuse (self, peer, error);

  cbs_room_change_blocks (self->room, peer->number, change, peer->request, effects);
  return carry_out (self, peer, effects);
}

/**
 * cbs_request_read:
 * @self: a server
 * @peer: a peer that is logged in
 * @json: the value of READ
 *
 * Moves read markers, up to what has been delivered.
 *
 * Returns: what is to be done next
 */
CbsHandled
cbs_request_read (CbsServer  *self,
                  CbsPeer    *peer,
                  const char *json)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) markers = NULL;
  g_autoptr (CbsEffects) effects = cbs_effects_new ();

  if (peer->n_appends > 0)
    return CBS_HANDLED_AGAIN;
  markers = cb_read_markers_parse (json, &error);
  if (markers == NULL)
    return refuse (self, peer, error);

  cbs_room_read (self->room, peer->number, markers, self->head, peer->request, effects);
  return carry_out (self, peer, effects);
}

/**
 * cbs_request_keys:
 * @self: a server
 * @peer: a peer that is logged in
 * @json: the value of KEYS
 *
 * Adds and revokes keys of the peer's name.
 *
 * Returns: what is to be done next
 */
CbsHandled
cbs_request_keys (CbsServer  *self,
                  CbsPeer    *peer,
                  const char *json)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CbChangeRequest) change = NULL;
  g_autoptr (CbsEffects) effects = cbs_effects_new ();

  if (peer->n_appends > 0)
    return CBS_HANDLED_AGAIN;
  change = cb_keys_request_parse (json, &error);
  if (change == NULL)
    return refuse (self, peer, error);

  cbs_room_change_keys (self->room, peer->number, change, peer->request, effects);
  return carry_out (self, peer, effects);
}
