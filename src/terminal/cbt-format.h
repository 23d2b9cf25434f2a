/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "libchatterbox/cb-message.h"

G_BEGIN_DECLS

char *cbt_format_time (gint64 time_s,
                       gint64 now_s);
char *cbt_format_message (CbMessage *message,
                          gint64     now_s);
char *cbt_format_sent (CbMessage *message,
                       gint64     now_s);
char *cbt_format_notice (const char *text);

G_END_DECLS
