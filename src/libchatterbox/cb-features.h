/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-version-macros.h"

G_BEGIN_DECLS

/**
 * CbFeatures:
 * @CB_FEATURE_MESSAGE_IDS: `message-ids`: messages carry the log's sequence, and their sender's token
 * @CB_FEATURE_HISTORY: `history`: resuming, and pages of what was said
 * @CB_FEATURE_SEARCH: `search`: full text
 * @CB_FEATURE_USERS: `users`: who is and was here, as a request
 * @CB_FEATURE_BLOCKS: `blocks`: one's own blocks, as a request
 * @CB_FEATURE_READ_MARKERS: `read-markers`: how far one has read, for all one's connections
 * @CB_FEATURE_IDENTITY: `identity`: the key of the client's certificate owns the name
 * @CB_FEATURE_UTF8: `utf8`: frames may carry characters beyond ASCII as they are
 *
 * Extensions of the protocol that two ends have announced to each other.
 *
 * Source: `docs/protocol.md`, “Extensions”.
 */
typedef enum
{
  CB_FEATURE_MESSAGE_IDS = 1 << 0,
  CB_FEATURE_HISTORY = 1 << 1,
  CB_FEATURE_SEARCH = 1 << 2,
  CB_FEATURE_USERS = 1 << 3,
  CB_FEATURE_BLOCKS = 1 << 4,
  CB_FEATURE_READ_MARKERS = 1 << 5,
  CB_FEATURE_IDENTITY = 1 << 6,
  CB_FEATURE_UTF8 = 1 << 7,
} CbFeatures;

/**
 * CB_FEATURES_ALL:
 *
 * All that this version knows.
 */
#define CB_FEATURES_ALL ((CbFeatures) 0xff)

CB_EXPORT
gboolean cb_features_parse (const char *json,
                            CbFeatures *out_features,
                            GError    **error);
CB_EXPORT
void     cb_features_append_json (CbFeatures self,
                                  GString   *out);

G_END_DECLS
