/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * TestPeer:
 *
 * The far end of a conversation, written from the protocol alone: it shares
 * no code with what is tested. Its calls run the default main context until
 * they are done, so the near end may live in the same process; what takes
 * longer than 60 seconds fails the test.
 */
typedef struct _TestPeer TestPeer;

TestPeer   *test_peer_connect (const char *address,
                               const char *ca_file);
TestPeer   *test_peer_connect_as (const char      *address,
                                  const char      *ca_file,
                                  GTlsCertificate *certificate,
                                  const char      *local_address);
TestPeer   *test_peer_new (GIOStream *stream);
void        test_peer_free (TestPeer *self);
GIOStream  *test_peer_get_stream (TestPeer *self);
void        test_peer_send_bytes (TestPeer   *self,
                                  const void *data,
                                  gsize       len);
void        test_peer_send (TestPeer   *self,
                            const char *json);
void        test_peer_say (TestPeer   *self,
                           const char *destination,
                           const char *content);
GBytes     *test_peer_receive_frame (TestPeer *self);
JsonObject *test_peer_receive (TestPeer *self);
JsonObject *test_peer_receive_with (TestPeer   *self,
                                    const char *key);
JsonArray  *test_peer_receive_message (TestPeer *self);
JsonObject *test_peer_join (TestPeer   *self,
                            const char *name);
JsonObject *test_peer_log_in (TestPeer   *self,
                              const char *name,
                              const char *features,
                              const char *members);
void        test_peer_say_token (TestPeer   *self,
                                 const char *destination,
                                 const char *content,
                                 const char *token);
JsonObject *test_peer_request (TestPeer   *self,
                               const char *format,
                               ...) G_GNUC_PRINTF (2, 3);
void        test_peer_record (TestPeer *self);
GByteArray *test_peer_get_record (TestPeer *self);
void        test_peer_expect_error (TestPeer   *self,
                                    const char *part);
void        test_peer_expect_end (TestPeer *self);
void        test_peer_reset (TestPeer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestPeer, test_peer_free)

G_END_DECLS
