/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libchatterbox/cb-account.h"
#include "libchatterbox/cb-backoff.h"
#include "libchatterbox/cb-outbox.h"
#include "libchatterbox/cb-outgoing.h"
#include "libchatterbox/cb-timeline.h"

G_BEGIN_DECLS

/* Private to the library: not installed. The parts of an account: -pace.c says things to servers that
 * acknowledge nothing, -send.c to those that do; -request.c asks, -history.c for messages, -ask.c for
 * the rest; -connect.c comes and goes, -wait.c waits to come back, -room.c takes what comes. */

enum
{
  CB_ACCOUNT_PROP_CONNECTOR = 1,
  CB_ACCOUNT_PROP_STATE,
  CB_ACCOUNT_PROP_USERNAME,
  CB_ACCOUNT_PROP_QUEUED,
  CB_ACCOUNT_PROP_UNACKNOWLEDGED,
  CB_ACCOUNT_PROP_FEATURES,
  CB_ACCOUNT_PROP_RECONNECTS,
  CB_ACCOUNT_PROP_IDENTITY,
  CB_ACCOUNT_PROP_LOG_ID,
  CB_ACCOUNT_PROP_POSITION,
  CB_ACCOUNT_N_PROPS
};

enum
{
  CB_ACCOUNT_SIGNAL_MESSAGE,
  CB_ACCOUNT_SIGNAL_ANSWER,
  CB_ACCOUNT_SIGNAL_USER_JOINED,
  CB_ACCOUNT_SIGNAL_USER_LEFT,
  CB_ACCOUNT_SIGNAL_SERVER_ERROR,
  CB_ACCOUNT_SIGNAL_DISCONNECTED,
  CB_ACCOUNT_SIGNAL_WAITING,
  CB_ACCOUNT_SIGNAL_ACKNOWLEDGED,
  CB_ACCOUNT_SIGNAL_REFUSED,
  CB_ACCOUNT_SIGNAL_LOG_CHANGED,
  CB_ACCOUNT_SIGNAL_READ_MARKER,
  CB_ACCOUNT_SIGNAL_BLOCKS_CHANGED,
  CB_ACCOUNT_N_SIGNALS
};

extern GParamSpec *cb_account_properties[CB_ACCOUNT_N_PROPS];
extern guint cb_account_signals[CB_ACCOUNT_N_SIGNALS];

struct _CbAccount
{
  GObject          parent_instance;
  CbConnector     *connector;
  CbAccountState   state;
  char            *username;
  CbSession       *session;
  GHashTable      *users;      /* set of names: who is online */
  CbFeatures       features;   /* announced at a login */
  CbFeatures       negotiated; /* of the latest connection */

  /* Coming and going. */
  GTask           *join_task;         /* of the attempt under way, unless it is one to come back */
  GCancellable    *attempt_cancellable; /* ours: follows the joining caller's, and a leave */
  gulong           join_cancelled_id;
  GTask           *leave_task;
  GSource         *settle_source; /* while a leave waits for the server */
  GSource         *wait_source;   /* until the next attempt */
  CbBackoff        backoff;
  GError          *lost_error;    /* why the latest connection ended */
  gint64           online_us;     /* when it was made */
  gint64           lost_us;       /* when the latest that was online ended */
  GNetworkMonitor *monitor;       /* while it reconnects */

  /* Servers that acknowledge nothing. */
  CbOutgoing      *outgoing;    /* NULL where there are acknowledgements */
  GSource         *pace_source; /* while a frame waits for its sign */

  /* Those that do. */
  CbOutbox        *outbox;
  CbTimeline      *timeline;
  gint64           head; /* end of the log at the login */
  gint64           told_position;
  GHashTable      *requests; /* number → Request */
  gint64           last_request;
  guint            request_timeout_ms;

  guint            is_sending : 1; /* the stream has not taken the last frame yet */
  guint            is_read    : 1; /* but the server has told that it was read */
  guint            reconnects : 1;
  guint            is_filling : 1; /* a hole is asked for */
  guint            is_plain : 1; /* the server has hung up on what was announced */
};

/* Parts shared. */
GSource *cb_account_add_timeout (CbAccount  *self,
                                 guint       interval_ms,
                                 GSourceFunc callback,
                                 const char *name);
void     cb_account_clear_source (GSource **source);
void     cb_account_set_state (CbAccount     *self,
                               CbAccountState state);
void     cb_account_notify (CbAccount *self,
                            guint      prop_id);
gboolean cb_account_has_ids (CbAccount *self);
void     cb_account_tell_position (CbAccount *self);

/* Pace. */
void     cb_account_pace_flush (CbAccount *self);
void     cb_account_pace_release (CbAccount *self);

/* Send. */
void     cb_account_flush_outbox (CbAccount *self);
void     cb_account_take_acknowledgement (CbAccount  *self,
                                          CbMessage  *message,
                                          const char *token);
void     cb_account_take_answer (CbAccount *self,
                                 CbMessage *message);
gboolean cb_account_take_refusal (CbAccount  *self,
                                  gint64      request,
                                  const char *text);
void     cb_account_refuse_all (CbAccount  *self,
                                const char *text);
gboolean cb_account_is_settled (CbAccount *self);
void     cb_account_settle (CbAccount  *self,
                            GSourceFunc give_up);

/* Requests. */

/* Makes the result of an answer; NULL with an error if it is none. */
typedef gpointer (*CbAnswerReader) (CbAccount *self,
                                    CbPacket  *packet,
                                    gpointer   data,
                                    GError   **error);

/* A kind of request: under which key it is asked, which feature it takes, and what its answer is. */
typedef struct
{
  CbFeatures     feature;
  const char    *key;
  CbAnswerReader read;
  GDestroyNotify free_result; /* NULL: it owns nothing */
  GDestroyNotify free_data;   /* of the reader's data; NULL: it has none */
} CbQuestion;

gint64    cb_account_next_request (CbAccount *self);
GTask    *cb_account_new_task (CbAccount          *self,
                               gpointer            tag,
                               GCancellable       *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer            user_data);
void      cb_account_ask (CbAccount        *self,
                          const CbQuestion *question,
                          const char       *json,
                          gpointer          data,
                          GTask            *task);
gboolean  cb_account_answer_request (CbAccount *self,
                                     gint64     number,
                                     CbPacket  *packet);
void      cb_account_fail_requests (CbAccount *self);
void      cb_account_request_free (gpointer request);
gpointer  cb_account_set_malformed (const char *key,
                                    GError    **error);
JsonNode *cb_account_get_member (JsonNode   *node,
                                 const char *name,
                                 GType       type);

/* History. */
void      cb_account_fill_hole (CbAccount *self);

/* Room. */
gboolean  cb_account_enter_room (CbAccount *self,
                                 CbPacket  *welcome,
                                 GError   **error);
void      cb_account_deliver (CbAccount *self,
                              CbMessage *message,
                              gboolean   is_history);

/* Connect. */
void      cb_account_begin_attempt (CbAccount *self);
void      cb_account_close_session (CbAccount     *self,
                                    CbAccountState state,
                                    GTask         *leave_task,
                                    gboolean       at_once);
void      cb_account_end_session (CbAccount *self,
                                  GTask     *leave_task,
                                  gboolean   at_once);
void      cb_account_lose_session (CbAccount *self,
                                   GError    *error);

/* Wait. */
gboolean  cb_account_can_come_back (CbAccount *self);
gboolean  cb_account_is_worth_retrying (CbAccount    *self,
                                        const GError *error);
void      cb_account_come_back (CbAccount *self,
                                GError    *error);
void      cb_account_set_network_monitor (CbAccount       *self,
                                          GNetworkMonitor *monitor);

G_END_DECLS
