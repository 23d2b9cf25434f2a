/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fuzz/fuzz.h"

#include <gio/gio.h>
#include <sqlite3.h>
#include <string.h>

#include "server/log/cbs-search.h"

/* Whether FTS5 finds the expression in the text; it must be able to read it, whatever was asked for. */
static gboolean
ask_fts5 (const char *folded,
          const char *expression)
{
  static sqlite3 *db = NULL;
  static sqlite3_stmt *insert = NULL;
  static sqlite3_stmt *find = NULL;
  int code = SQLITE_OK;

  if (db == NULL)
    {
      g_assert (sqlite3_open (":memory:", &db) == SQLITE_OK);
      g_assert (sqlite3_exec (db, "CREATE VIRTUAL TABLE t USING fts5 (c, tokenize = 'ascii')",
                              NULL, NULL, NULL) == SQLITE_OK);
      g_assert (sqlite3_prepare_v2 (db, "INSERT OR REPLACE INTO t (rowid, c) VALUES (1, ?)", -1,
                                    &insert, NULL) == SQLITE_OK);
      g_assert (sqlite3_prepare_v2 (db, "SELECT rowid FROM t WHERE t MATCH ?", -1, &find, NULL) == SQLITE_OK);
    }

  sqlite3_bind_text (insert, 1, folded, -1, SQLITE_STATIC);
  g_assert (sqlite3_step (insert) == SQLITE_DONE);
  sqlite3_reset (insert);
  sqlite3_bind_text (find, 1, expression, -1, SQLITE_STATIC);
  code = sqlite3_step (find);
  g_assert (code == SQLITE_ROW || code == SQLITE_DONE);
  sqlite3_reset (find);
  return code == SQLITE_ROW;
}

static void
check_folded (const char *folded)
{
  const gsize len = strlen (folded);

  g_assert (g_utf8_validate (folded, (gssize) len, NULL));
  g_assert (folded[0] == ' ' && folded[len - 1] == ' ');
  g_assert (strstr (folded, "  ") == NULL);
  g_assert (strpbrk (folded, "\"*\\'\t\n") == NULL);
}

/* A text to look for, and behind the first line feed one that is looked at: what matches
 * in memory, FTS5 has to find, and nothing else. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  g_autofree char *text = size > 0 ? g_strndup ((const char *) data, size) : g_strdup ("");
  char *line_feed = strchr (text, '\n');
  g_autoptr (CbsSearch) search = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *expression = NULL;
  g_autofree char *valid = NULL;
  g_autofree char *folded = NULL;
  gboolean matches = FALSE;

  if (line_feed != NULL)
    *line_feed = '\0';
  search = cbs_search_new (text, &error);
  g_assert ((search == NULL) == (error != NULL));
  if (search == NULL)
    return 0;

  g_assert (cbs_search_get_n_terms (search) >= 1 && cbs_search_get_n_terms (search) <= CBS_SEARCH_MAX_TERMS);
  expression = cbs_search_dup_expression (search);
  valid = g_utf8_make_valid (line_feed != NULL ? line_feed + 1 : text, -1);
  folded = cbs_search_fold (valid);
  check_folded (folded);

  matches = cbs_search_matches (search, folded);
  for (guint i = 0; i < cbs_search_get_n_terms (search); i++)
    g_assert (!matches || cbs_search_count (search, i, folded) > 0);
  g_assert (ask_fts5 (folded, expression) == matches);
  return 0;
}
