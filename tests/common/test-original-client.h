/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * TestOriginalClient:
 *
 * The client of the original Chatterbox, rebuilt by the facts: what is typed
 * goes out as it would there, what comes in is shown as it would be there, and
 * it dies of what that one dies of. Calls run the default main context.
 */
typedef struct _TestOriginalClient TestOriginalClient;

TestOriginalClient *test_original_client_connect (const char *address,
                                                  const char *ca_file);
void                test_original_client_free (TestOriginalClient *self);
void                test_original_client_type (TestOriginalClient *self,
                                               const char         *line);
char               *test_original_client_read_until (TestOriginalClient *self,
                                                     const char         *end);
const char         *test_original_client_wait_death (TestOriginalClient *self);
void                test_original_client_assert_alive (TestOriginalClient *self);
gboolean            test_original_client_is_logged_in (TestOriginalClient *self);
GPtrArray          *test_original_client_get_messages (TestOriginalClient *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestOriginalClient, test_original_client_free)

G_END_DECLS
