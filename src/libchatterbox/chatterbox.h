/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * chatterbox.h:
 *
 * Everything that libchatterbox offers.
 */
#include "libchatterbox/cb-account.h"
#include "libchatterbox/cb-connector.h"
#include "libchatterbox/cb-error.h"
#include "libchatterbox/cb-features.h"
#include "libchatterbox/cb-frame.h"
#include "libchatterbox/cb-identity.h"
#include "libchatterbox/cb-json.h"
#include "libchatterbox/cb-message.h"
#include "libchatterbox/cb-name.h"
#include "libchatterbox/cb-packet.h"
#include "libchatterbox/cb-request.h"
#include "libchatterbox/cb-session.h"
#include "libchatterbox/cb-user.h"
#include "libchatterbox/cb-version-macros.h"
