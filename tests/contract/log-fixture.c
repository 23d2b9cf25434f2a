/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "contract/log-fixture.h"

#include <glib/gstdio.h>

#include "libchatterbox/cb-json.h"
#include "libchatterbox/cb-message.h"
#include "server/log/cbs-log-memory.h"
#include "server/log/cbs-log-sqlite.h"

/* “memory” or “sqlite”. */
const char *log_implementation = NULL;

typedef struct
{
  LogFixture *fixture;
  LogAppend  *append;
} AppendData;

static void
append_free (LogAppend *append)
{
  cbs_entry_unref (append->entry);
  g_clear_error (&append->error);
  g_free (append);
}

static void
committed_cb (CbsLog    *log,
              GPtrArray *entries,
              gpointer   user_data)
{
  LogFixture *fixture = user_data;

  g_assert_false (fixture->in_call);
  g_assert_cmpuint (entries->len, >, 0);
  fixture->n_batches++;
  for (guint i = 0; i < entries->len; i++)
    {
      CbsEntry *entry = g_ptr_array_index (entries, i);

      g_assert_cmpint (entry->seq, ==, fixture->head + 1);
      fixture->head = entry->seq;
      g_ptr_array_add (fixture->committed, cbs_entry_ref (entry));
    }
}

static void
failed_cb (CbsLog       *log,
           const GError *error,
           gpointer      user_data)
{
  LogFixture *fixture = user_data;

  g_assert_false (fixture->in_call);
  g_assert_null (fixture->failure);
  fixture->failure = g_error_copy (error);
}

static void
drop_log (LogFixture *fixture)
{
  if (fixture->log == NULL)
    return;

  g_signal_handlers_disconnect_by_data (fixture->log, fixture);
  g_assert_finalize_object (g_steal_pointer (&fixture->log));
}

/* Drops the log as it is, and makes another one on the same directory. */
void
log_fixture_renew (LogFixture *fixture)
{
  drop_log (fixture);
  if (g_str_equal (log_implementation, "memory"))
    fixture->log = cbs_log_memory_new ();
  else
    fixture->log = cbs_log_sqlite_new (fixture->directory);
  g_signal_connect (fixture->log, "committed", G_CALLBACK (committed_cb), fixture);
  g_signal_connect (fixture->log, "failed", G_CALLBACK (failed_cb), fixture);
}

void
log_fixture_set_up (LogFixture   *fixture,
                    gconstpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *parent = g_dir_make_tmp ("chatterbox-log-XXXXXX", &error);

  g_assert_no_error (error);
  fixture->context = g_main_context_new ();
  g_main_context_push_thread_default (fixture->context);
  fixture->directory = g_build_filename (parent, "state", NULL);
  fixture->committed = g_ptr_array_new_with_free_func ((GDestroyNotify) cbs_entry_unref);
  fixture->appends = g_ptr_array_new_with_free_func ((GDestroyNotify) append_free);
  log_fixture_renew (fixture);
}

static void
remove_directory (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name = NULL;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);

      g_assert_no_errno (g_remove (file));
    }
  g_rmdir (path);
}

void
log_fixture_tear_down (LogFixture   *fixture,
                       gconstpointer user_data)
{
  g_autofree char *parent = g_path_get_dirname (fixture->directory);

  drop_log (fixture);
  g_ptr_array_unref (fixture->committed);
  g_ptr_array_unref (fixture->appends);
  g_clear_error (&fixture->failure);
  g_main_context_pop_thread_default (fixture->context);
  g_main_context_unref (fixture->context);
  remove_directory (fixture->directory);
  g_rmdir (parent);
  g_free (fixture->directory);
}

void
log_fixture_add (const char *path,
                 void (     *test ) (LogFixture   *fixture,
                                     gconstpointer user_data))
{
  g_test_add (path, LogFixture, NULL, log_fixture_set_up, test, log_fixture_tear_down);
}

static void
store_result_cb (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  GAsyncResult **out = user_data;

  g_assert_null (*out);
  *out = g_object_ref (result);
}

static void
wait_for_result (LogFixture    *fixture,
                 GAsyncResult **result)
{
  g_assert_null (*result);
  while (*result == NULL)
    g_main_context_iteration (fixture->context, TRUE);
}

CbsLogSnapshot *
log_fixture_try_open (LogFixture *fixture,
                      GError    **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  CbsLogSnapshot *snapshot = NULL;

  cbs_log_open_async (fixture->log, "test", store_result_cb, &result);
  wait_for_result (fixture, &result);
  snapshot = cbs_log_open_finish (fixture->log, result, error);
  if (snapshot != NULL)
    fixture->head = snapshot->head;
  return snapshot;
}

void
log_fixture_open (LogFixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CbsLogSnapshot) snapshot = log_fixture_try_open (fixture, &error);

  g_assert_no_error (error);
  g_assert_nonnull (snapshot);
}

gboolean
log_fixture_try_close (LogFixture *fixture,
                       GError    **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  cbs_log_close_async (fixture->log, store_result_cb, &result);
  wait_for_result (fixture, &result);
  return cbs_log_close_finish (fixture->log, result, error);
}

/* Closes the log and opens it again; by another object, if it is kept outside of it. */
CbsLogSnapshot *
log_fixture_reopen (LogFixture *fixture)
{
  g_autoptr (GError) error = NULL;
  CbsLogSnapshot *snapshot = NULL;

  g_assert_true (log_fixture_try_close (fixture, &error));
  g_assert_no_error (error);
  g_ptr_array_set_size (fixture->committed, 0);
  g_ptr_array_set_size (fixture->appends, 0);
  fixture->n_answers = 0;

  if (!g_str_equal (log_implementation, "memory"))
    log_fixture_renew (fixture);
  snapshot = log_fixture_try_open (fixture, &error);
  g_assert_no_error (error);
  return snapshot;
}

static void
append_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autofree AppendData *data = user_data;
  LogAppend *append = data->append;

  g_assert_false (data->fixture->in_call);
  g_assert_cmpint (append->seq, ==, 0);
  append->seq = cbs_log_append_finish (CBS_LOG (source), result, &append->error);
  append->n_committed = data->fixture->committed->len;
  append->number = ++data->fixture->n_answers;
}

/* Appends; takes @entry over. The answer comes as the context is run. */
LogAppend *
log_fixture_append (LogFixture *fixture,
                    CbsEntry   *entry)
{
  LogAppend *append = g_new0 (LogAppend, 1);
  AppendData *data = g_new0 (AppendData, 1);

  append->entry = entry;
  g_ptr_array_add (fixture->appends, append);
  data->fixture = fixture;
  data->append = append;

  fixture->in_call = TRUE;
  cbs_log_append_async (fixture->log, entry, append_cb, data);
  fixture->in_call = FALSE;
  return append;
}

/* Waits until all appends are answered. */
void
log_fixture_wait (LogFixture *fixture)
{
  while (fixture->n_answers < fixture->appends->len)
    g_main_context_iteration (fixture->context, TRUE);
}

/* Appends what has to be stored; takes @entry over. */
gint64
log_fixture_store (LogFixture *fixture,
                   CbsEntry   *entry)
{
  LogAppend *append = log_fixture_append (fixture, entry);

  log_fixture_wait (fixture);
  g_assert_no_error (append->error);
  g_assert_cmpint (append->seq, >, 0);
  return append->seq;
}

/* Appends what has to be refused; takes @entry over. */
void
log_fixture_refuse (LogFixture *fixture,
                    CbsEntry   *entry,
                    int         code)
{
  LogAppend *append = log_fixture_append (fixture, entry);
  const guint n_committed = fixture->committed->len;

  log_fixture_wait (fixture);
  g_assert_error (append->error, CBS_LOG_ERROR, code);
  g_assert_cmpint (append->seq, ==, -1);
  g_assert_cmpint (entry->seq, ==, 0);
  g_assert_cmpuint (fixture->committed->len, ==, n_committed);
}

gboolean
log_fixture_measure (LogFixture        *fixture,
                     const CbsLogQuery *query,
                     GCancellable      *cancellable,
                     CbsLogExtent      *out_extent,
                     GError           **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  cbs_log_measure_async (fixture->log, query, cancellable, store_result_cb, &result);
  wait_for_result (fixture, &result);
  return cbs_log_measure_finish (fixture->log, result, out_extent, error);
}

GPtrArray *
log_fixture_read (LogFixture        *fixture,
                  const CbsLogQuery *query,
                  GCancellable      *cancellable,
                  GError           **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  cbs_log_read_async (fixture->log, query, cancellable, store_result_cb, &result);
  wait_for_result (fixture, &result);
  return cbs_log_read_finish (fixture->log, result, error);
}

/* The path of a file of the log. */
char *
log_fixture_get_path (LogFixture *fixture,
                      const char *name)
{
  return g_build_filename (fixture->directory, name, NULL);
}

gint64
log_fixture_get_size (LogFixture *fixture,
                      const char *name)
{
  g_autofree char *path = log_fixture_get_path (fixture, name);
  GStatBuf status = { 0, };

  g_assert_no_errno (g_stat (path, &status));
  return status.st_size;
}

/* Waits until searches see the whole log. */
void
log_fixture_wait_indexed (LogFixture *fixture)
{
  while (cbs_log_get_indexed (fixture->log) < fixture->head)
    g_main_context_iteration (fixture->context, TRUE);
}

/* How many public messages the log holds. */
guint
log_fixture_count_messages (LogFixture *fixture)
{
  const CbsLogQuery query = { .until = G_MAXINT64, .viewer = "" };
  g_autoptr (GError) error = NULL;
  CbsLogExtent extent = { 0, };

  g_assert_true (log_fixture_measure (fixture, &query, NULL, &extent, &error));
  g_assert_no_error (error);
  return (guint) extent.n_entries;
}

CbsEntry *
log_fixture_message (const char *src,
                     const char *dest,
                     const char *content)
{
  g_autoptr (CbMessage) message = cb_message_new (src, dest != NULL ? dest : CB_MESSAGE_TO_ALL,
                                                  1700000000, content);
  GString *json = g_string_new (NULL);
  g_autoptr (GBytes) body = NULL;

  cb_message_append_json (message, json, CB_JSON_UTF8);
  body = g_string_free_to_bytes (json);
  return cbs_entry_new_message (src, dest, body);
}

/* Waits until a hold of a microsecond is over. */
void
log_fixture_let_time_pass (void)
{
  const gint64 start_us = g_get_real_time ();

  while (g_get_real_time () < start_us + 2)
    continue;
}

static CbName *
parse_name (const char *text)
{
  g_autoptr (GError) error = NULL;
  CbName *name = cb_name_new (text, &error);

  g_assert_no_error (error);
  return name;
}

CbsEntry *
log_fixture_join (const char *name)
{
  g_autoptr (CbName) parsed = parse_name (name);

  return cbs_entry_new_join (parsed);
}

/* The key and the address may be NULL. */
CbsEntry *
log_fixture_join_as (const char *name,
                     const char *key_id,
                     const char *address,
                     gint64      hold_us)
{
  CbsEntry *entry = log_fixture_join (name);

  entry->key_id = g_strdup (key_id);
  entry->address = g_strdup (address);
  entry->hold_us = hold_us;
  return entry;
}

CbsEntry *
log_fixture_leave (const char *name)
{
  g_autoptr (CbName) parsed = parse_name (name);

  return cbs_entry_new_leave (cb_name_get_key (parsed), cb_name_get_text (parsed));
}
