/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * TestProxy:
 *
 * A link between a client and a server that breaks where a test wants it to.
 * It passes on what both ends say, in the thread-default main context, and
 * knows nothing of what that means.
 */
typedef struct _TestProxy TestProxy;

TestProxy  *test_proxy_new (const char *target);
void        test_proxy_free (TestProxy *self);
const char *test_proxy_get_address (TestProxy *self);
void        test_proxy_set_target (TestProxy  *self,
                                   const char *target);
void        test_proxy_cut (TestProxy *self);
void        test_proxy_cut_after (TestProxy *self,
                                  guint64    n_bytes);
guint       test_proxy_count_links (TestProxy *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestProxy, test_proxy_free)

G_END_DECLS
