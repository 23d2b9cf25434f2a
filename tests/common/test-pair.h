/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-session.h"

G_BEGIN_DECLS

/**
 * TestPair:
 * @session: one end of a pair of sockets; may be taken
 * @peer: the other end, or -1
 *
 * A session and its bare far end, in one process. Its calls run the default
 * main context while they wait. The data of a test is the type of the sockets.
 */
typedef struct
{
  CbSession *session;
  int        peer;
} TestPair;

typedef void (*TestPairFunc) (TestPair     *self,
                              gconstpointer data);

void      test_pair_set_up (TestPair     *self,
                            gconstpointer user_data);
void      test_pair_tear_down (TestPair     *self,
                               gconstpointer user_data);
void      test_pair_leave (TestPair *self);
void      test_pair_write (TestPair   *self,
                           const void *bytes,
                           gsize       len);
void      test_pair_append_frame (GString    *wire,
                                  const char *json);
void      test_pair_write_frame (TestPair   *self,
                                 const char *json);
gboolean  test_pair_read (TestPair *self,
                          char     *bytes,
                          gsize     len);
char     *test_pair_read_info (TestPair *self);
CbPacket *test_pair_receive (TestPair *self,
                             GError  **error);
void      test_pair_receive_and_cancel (TestPair  *self,
                                        guint      n_turns,
                                        GPtrArray *infos);
void      test_pair_assert_receives (TestPair   *self,
                                     const char *info);
void      test_pair_assert_receive_fails (TestPair *self,
                                          GQuark    domain,
                                          int       code);
void      test_pair_add (const char  *path,
                         int          type,
                         TestPairFunc test);

G_END_DECLS
