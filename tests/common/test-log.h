/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-log.h"

G_BEGIN_DECLS

#define TEST_TYPE_LOG (test_log_get_type ())
G_DECLARE_FINAL_TYPE (TestLog, test_log, TEST, LOG, GObject)

/**
 * TestLog:
 *
 * A log in memory that a test can hold up, or make refuse and fail.
 */
TestLog *test_log_new (void);
void  test_log_hold (TestLog *self);
void  test_log_release (TestLog *self);
void  test_log_refuse (TestLog    *self,
                       int         code,
                       const char *message);
guint test_log_count_held (TestLog *self);

G_END_DECLS
