/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * TestStepKind:
 * @TEST_STEP_SAY: a client says something to everybody
 * @TEST_STEP_WHISPER: a client says something to another
 * @TEST_STEP_WAIT: some time passes: until the client has been told that many things
 * @TEST_STEP_CUT: the client's link breaks when so many bytes more have passed
 * @TEST_STEP_KILL_CLIENT: the client dies, and is started again with what it had kept
 * @TEST_STEP_KILL_SERVER: the server dies, and is started again
 * @TEST_STEP_BLOCK: a client blocks another
 * @TEST_STEP_UNBLOCK: a client lifts its block of another
 * @TEST_STEP_NEW_OWNER: the client's name is released, and somebody else takes it
 *
 * What may happen in a history.
 */
typedef enum
{
  TEST_STEP_SAY,
  TEST_STEP_WHISPER,
  TEST_STEP_WAIT,
  TEST_STEP_CUT,
  TEST_STEP_KILL_CLIENT,
  TEST_STEP_KILL_SERVER,
  TEST_STEP_BLOCK,
  TEST_STEP_UNBLOCK,
  TEST_STEP_NEW_OWNER,
  TEST_N_STEP_KINDS
} TestStepKind;

/**
 * TestStep:
 * @kind: what happens
 * @client: to which client, from 0
 * @other: who is at the other end
 * @amount: bytes, or things to wait for
 */
typedef struct
{
  TestStepKind kind;
  guint        client;
  guint        other;
  guint        amount;
} TestStep;

/**
 * TestHistory:
 * @n_clients: clients that take part
 * @steps: (element-type TestStep): what happens, in this order
 *
 * What happens in one run of a model-based test. A value.
 */
typedef struct
{
  guint   n_clients;
  GArray *steps;
} TestHistory;

/* Runs a history: NULL if all is well, or what is wrong. */
typedef char *(*TestHistoryFunc) (const TestHistory *history,
                                  gpointer           user_data);

TestHistory *test_history_new_random (guint32 seed);
TestHistory *test_history_shrink (const TestHistory *history,
                                  guint              max_runs,
                                  TestHistoryFunc    run,
                                  gpointer           user_data);
char        *test_history_describe (const TestHistory *self);
void         test_history_free (TestHistory *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestHistory, test_history_free)

G_END_DECLS
