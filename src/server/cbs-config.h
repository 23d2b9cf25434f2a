/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "server/cbs-engine.h"
#include "server/room/cbs-room.h"

G_BEGIN_DECLS

/**
 * CbsConfig:
 * @listen: addresses to listen on, `HOST:PORT` each
 * @certificate: PEM file with the certificate and its chain
 * @private_key: PEM file with its key
 * @state_directory: where the log is kept
 * @ephemeral: keep the log in memory only
 * @history_limit: newest messages that a login is answered with; -1: all
 * @hold_us: how long a name without a key is kept for the address that used it
 *   last, in microseconds; 0: not at all
 * @unfinished_each: most connections of one address that are not logged in
 * @unfinished_all: most connections together that are not logged in
 * @engine: settings of the engine
 * @room: settings of the room
 *
 * How a server runs.
 */
typedef struct
{
  GStrv             listen;
  char             *certificate;
  char             *private_key;
  char             *state_directory;
  gboolean          ephemeral;
  gint64            history_limit;
  gint64            hold_us;
  guint             unfinished_each;
  guint             unfinished_all;
  CbsEngineSettings engine;
  CbsRoomSettings   room;
} CbsConfig;

CbsConfig *cbs_config_new (void);
void       cbs_config_free (CbsConfig *self);
gboolean   cbs_config_load_file (CbsConfig  *self,
                                 const char *file,
                                 GError    **error);
gboolean   cbs_config_load_data (CbsConfig  *self,
                                 const char *data,
                                 gsize       len,
                                 GError    **error);
gboolean   cbs_config_check (CbsConfig *self,
                             GError   **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsConfig, cbs_config_free)

G_END_DECLS
