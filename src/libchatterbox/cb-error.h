/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-version-macros.h"

G_BEGIN_DECLS

/**
 * CbError:
 * @CB_ERROR_TOO_LARGE: a frame, a message or a queue is larger than its limit
 * @CB_ERROR_MALFORMED: a payload is not one valid JSON object of the protocol
 * @CB_ERROR_INVALID_NAME: a user name breaks the rules for names
 * @CB_ERROR_NAME_TAKEN: the server refused the user name
 * @CB_ERROR_UNEXPECTED: the peer sent something valid at the wrong time
 *
 * Errors of the Chatterbox protocol.
 */
typedef enum
{
  CB_ERROR_TOO_LARGE,
  CB_ERROR_MALFORMED,
  CB_ERROR_INVALID_NAME,
  CB_ERROR_NAME_TAKEN,
  CB_ERROR_UNEXPECTED,
} CbError;

/**
 * CB_ERROR:
 *
 * The domain of [error@Cb.Error].
 */
#define CB_ERROR (cb_error_quark ())

CB_EXPORT
GQuark cb_error_quark (void);

G_END_DECLS
