/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * LLVMFuzzerTestOneInput:
 * @data: (array length=size): what a hostile peer may send
 * @size: its length, in bytes
 *
 * Runs one input through the target; what is wrong ends the program. The name
 * is libFuzzer's.
 *
 * Returns: 0
 */
int LLVMFuzzerTestOneInput (const guint8 *data,
                            gsize         size);

G_END_DECLS
