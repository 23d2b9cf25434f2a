/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Calls that run the default main context until something has happened; what takes longer than 60
 * seconds fails the test. */

typedef gboolean (*TestCondition) (gpointer data);

void test_wait_until (TestCondition condition,
                      gpointer      data,
                      const char   *what);
void test_wait_store_cb (GObject      *source,
                         GAsyncResult *result,
                         gpointer      user_data);
void test_wait_for (GAsyncResult **result,
                    const char    *what);
void test_wait_gone (gpointer   *weak_pointer,
                     const char *what);

G_END_DECLS
