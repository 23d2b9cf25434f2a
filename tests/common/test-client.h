/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "common/test-program.h"

G_BEGIN_DECLS

TestProgram *test_client_spawn (const char *address,
                                const char *ca_file,
                                const char *username);
TestProgram *test_client_spawn_with (const char *address,
                                     const char *ca_file,
                                     const char *username,
                                     const char *option);
void         test_client_expect (TestProgram *self,
                                 const char  *expected);
void         test_client_expect_end (TestProgram *self,
                                     int          status);

G_END_DECLS
