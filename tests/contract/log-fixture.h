/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "server/log/cbs-log.h"

G_BEGIN_DECLS

/**
 * LogAppend:
 * @entry: what was appended
 * @seq: the answer: the sequence, or -1; 0: there is none yet
 * @error: the answer, if it is an error
 * @n_committed: how many entries had been committed when the answer came
 * @number: the how many-th answer it is, from 1
 *
 * An append and its answer.
 */
typedef struct
{
  CbsEntry *entry;
  gint64    seq;
  GError   *error;
  guint     n_committed;
  guint     number;
} LogAppend;

/**
 * LogFixture:
 * @context: the thread-default main context of the test
 * @directory: where the log is kept; removed afterwards
 * @log: the log that is tested
 * @head: sequence of the newest entry that was heard of
 * @committed: (element-type CbsEntry): all that was committed since the log was opened
 * @n_batches: in how many pieces that came
 * @appends: (element-type LogAppend): all appends since the log was opened
 * @failure: (nullable): what the log failed of
 *
 * A log under test. It checks all the time that what is committed has no gap,
 * and that the log never calls back from within a call.
 */
typedef struct
{
  GMainContext *context;
  char         *directory;
  CbsLog       *log;
  gint64        head;
  GPtrArray    *committed;
  guint         n_batches;
  GPtrArray    *appends;
  guint         n_answers;
  gboolean      in_call;
  GError       *failure;
} LogFixture;

/* The files of the SQLite log. */
#define LOG_DATABASE "log.sqlite"
#define LOG_WAL "log.sqlite-wal"
#define LOG_COPY "log.sqlite.v1"

/* Key ids. */
#define LOG_KEY_1 "1111111111111111111111111111111111111111111111111111111111111111"
#define LOG_KEY_2 "2222222222222222222222222222222222222222222222222222222222222222"

/* How long names are held. */
#define LOG_HOLD_US G_TIME_SPAN_DAY

extern const char *log_implementation;

void            log_fixture_set_up (LogFixture   *fixture,
                                    gconstpointer user_data);
void            log_fixture_tear_down (LogFixture   *fixture,
                                       gconstpointer user_data);
void            log_fixture_add (const char *path,
                                 void (     *test ) (LogFixture   *fixture,
                                                     gconstpointer user_data));
void            log_fixture_renew (LogFixture *fixture);
CbsLogSnapshot *log_fixture_try_open (LogFixture *fixture,
                                      GError    **error);
void            log_fixture_open (LogFixture *fixture);
gboolean        log_fixture_try_close (LogFixture *fixture,
                                       GError    **error);
CbsLogSnapshot *log_fixture_reopen (LogFixture *fixture);
LogAppend      *log_fixture_append (LogFixture *fixture,
                                    CbsEntry   *entry);
void            log_fixture_wait (LogFixture *fixture);
gint64          log_fixture_store (LogFixture *fixture,
                                   CbsEntry   *entry);
void            log_fixture_refuse (LogFixture *fixture,
                                    CbsEntry   *entry,
                                    int         code);
gboolean        log_fixture_measure (LogFixture        *fixture,
                                     const CbsLogQuery *query,
                                     GCancellable      *cancellable,
                                     CbsLogExtent      *out_extent,
                                     GError           **error);
GPtrArray      *log_fixture_read (LogFixture        *fixture,
                                  const CbsLogQuery *query,
                                  GCancellable      *cancellable,
                                  GError           **error);
char           *log_fixture_get_path (LogFixture *fixture,
                                      const char *name);
gint64          log_fixture_get_size (LogFixture *fixture,
                                      const char *name);
void            log_fixture_wait_indexed (LogFixture *fixture);
guint           log_fixture_count_messages (LogFixture *fixture);
void            log_fixture_let_time_pass (void);
CbsEntry       *log_fixture_message (const char *src,
                                     const char *dest,
                                     const char *content);
CbsEntry       *log_fixture_join (const char *name);
CbsEntry       *log_fixture_join_as (const char *name,
                                     const char *key_id,
                                     const char *address,
                                     gint64      hold_us);
CbsEntry       *log_fixture_leave (const char *name);

/* The cases that stand in files of their own. */
void            log_reading_add_tests (void);
void            log_files_add_tests (void);
void            log_faults_add_tests (void);
void            log_identity_add_tests (void);
void            log_migration_add_tests (void);
void            log_model_add_tests (void);
void            log_release_add_tests (void);
void            log_queries_add_tests (void);

G_END_DECLS
