/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "libchatterbox/cb-account.h"

G_BEGIN_DECLS

/**
 * CbtStatus:
 * @CBT_STATUS_OK: left properly
 * @CBT_STATUS_USAGE: the command line is no good, or a file can't be read
 * @CBT_STATUS_CONNECTION: no connection could be made, or it was lost
 * @CBT_STATUS_NAME: the server refused the user name
 * @CBT_STATUS_CERTIFICATE: the server's certificate does not verify
 *
 * Exit status of the program. The numbers are documented: they never change.
 */
typedef enum
{
  CBT_STATUS_OK = 0,
  CBT_STATUS_USAGE = 1,
  CBT_STATUS_CONNECTION = 2,
  CBT_STATUS_NAME = 3,
  CBT_STATUS_CERTIFICATE = 4,
} CbtStatus;

CbtStatus cbt_plain_run (CbAccount  *account,
                         const char *username);

G_END_DECLS
