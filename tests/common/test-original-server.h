/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * TestOriginalServer:
 *
 * The server of the original Chatterbox, rebuilt by the facts, its faults
 * included; it lives in the test's process, in the default main context.
 */
typedef struct _TestOriginalServer TestOriginalServer;

TestOriginalServer *test_original_server_new (const char *cert,
                                              const char *key);
void                test_original_server_free (TestOriginalServer *self);
const char         *test_original_server_get_address (TestOriginalServer *self);
GPtrArray          *test_original_server_get_messages (TestOriginalServer *self);
guint               test_original_server_count_online (TestOriginalServer *self);
const char         *test_original_server_get_death (TestOriginalServer *self);
void                test_original_server_set_paused (TestOriginalServer *self,
                                                     gboolean            paused);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestOriginalServer, test_original_server_free)

G_END_DECLS
