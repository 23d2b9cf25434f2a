/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "common/test-certs.h"

G_BEGIN_DECLS

/* Sanitizers keep what was freed: in their builds memory can't be held against a limit. */
#if defined (__SANITIZE_ADDRESS__)
#define TEST_MEASURES_MEMORY FALSE
#elif defined (__has_feature)
#if __has_feature (address_sanitizer)
#define TEST_MEASURES_MEMORY FALSE
#endif
#endif
#ifndef TEST_MEASURES_MEMORY
#define TEST_MEASURES_MEMORY TRUE
#endif

/**
 * TestProgram:
 *
 * A built program that runs beside the test: its standard output is read line
 * by line, its input fed, its end awaited. Calls run the default main context
 * until they are done; what takes longer than 60 seconds fails the test.
 */
typedef struct _TestProgram TestProgram;

TestProgram *test_program_spawn (const char *const *argv);
void         test_program_free (TestProgram *self);
GPid         test_program_get_pid (TestProgram *self);
char        *test_program_read_line (TestProgram *self);
char        *test_program_wait_for (TestProgram *self,
                                    const char  *part);
void         test_program_write (TestProgram *self,
                                 const char  *text);
void         test_program_end_input (TestProgram *self);
void         test_program_signal (TestProgram *self,
                                  int          signal_number);
int          test_program_wait (TestProgram *self);
const char  *test_program_get_errors (TestProgram *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestProgram, test_program_free)

/**
 * TestServer:
 * @program: the running chatterboxd
 * @certs: what it shows, and who signed it
 * @state_directory: where its log is, kept when it is started again
 * @address: where it accepts: `127.0.0.1:PORT`
 *
 * A chatterboxd on a port of its own.
 */
typedef struct
{
  TestProgram *program;
  TestCerts   *certs;
  char        *state_directory;
  char        *config; /* extra settings: the text of a configuration file, or NULL */
  char        *limits; /* ulimit's options for it, or NULL */
  char        *address;
} TestServer;

TestServer *test_server_start (const char *config);
TestServer *test_server_start_limited (const char *config,
                                       const char *limits);
void        test_server_kill (TestServer *self);
void        test_server_restart (TestServer *self);
int         test_server_stop (TestServer *self);
void        test_server_free (TestServer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestServer, test_server_free)

G_END_DECLS
