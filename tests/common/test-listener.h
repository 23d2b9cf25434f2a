/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "common/test-peer.h"

G_BEGIN_DECLS

/**
 * TestListener:
 *
 * A server that says only what the test makes it say, in the test's own
 * process: it accepts on a port of its own, with the platform's TLS. Its
 * calls run the default main context until they are done.
 */
typedef struct _TestListener TestListener;

gboolean      test_listener_can_bind (const char *host);
TestListener *test_listener_new (const char *host,
                                 const char *cert,
                                 const char *key);
void          test_listener_free (TestListener *self);
void          test_listener_set_small_buffers (TestListener *self);
guint16       test_listener_get_port (TestListener *self);
const char   *test_listener_get_address (TestListener *self);
GIOStream    *test_listener_accept_socket (TestListener *self);
GIOStream    *test_listener_accept_tls (TestListener *self,
                                        GError      **error);
TestPeer     *test_listener_accept (TestListener *self);
TestPeer     *test_listener_accept_login (TestListener *self,
                                          const char   *answer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestListener, test_listener_free)

G_END_DECLS
