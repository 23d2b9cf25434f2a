/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-request.h"
#include "server/log/cbs-log.h"

G_BEGIN_DECLS

/**
 * CbsPageBounds:
 * @direction: which messages
 * @id: where they are; not for %CB_HISTORY_NEWEST
 * @limit: most messages, at least 1
 * @max_bytes: most bytes of them as the wire has them; a message that alone is
 *   larger still is a page
 *
 * Which part of what a query finds makes one page.
 */
typedef struct
{
  CbHistoryDirection direction;
  gint64             id;
  guint              limit;
  gsize              max_bytes;
} CbsPageBounds;

void       cbs_page_read_async (CbsLog              *log,
                                const CbsLogQuery   *query,
                                const CbsPageBounds *bounds,
                                GCancellable        *cancellable,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data);
GPtrArray *cbs_page_read_finish (CbsLog       *log,
                                 GAsyncResult *result,
                                 gboolean     *out_more,
                                 GError      **error);

G_END_DECLS
