/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#define CB_EXPORT __attribute__ ((visibility ("default"))) extern
