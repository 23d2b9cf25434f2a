/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/log/cbs-log-memory-search.h"

#include <math.h>
#include <string.h>

/* Parameters of BM25, as FTS5 has them. */
#define K1 1.2
#define B 0.75
#define LEAST_WEIGHT 1e-6

/* A message that matches. */
typedef struct
{
  CbsEntry *entry;
  char     *folded;
  double    score;
} Match;

/* What is known of all messages, as the weight of a word depends on how often it is used by all. */
typedef struct
{
  gint64  n_messages;
  gint64  n_words;
  guint64 n_with[CBS_SEARCH_MAX_TERMS]; /* messages that hold each term */
} Statistics;

static void
match_clear (Match *self)
{
  g_free (self->folded);
}

static guint
count_words (const char *folded)
{
  guint n_spaces = 0;

  for (const char *p = strchr (folded, ' '); p != NULL; p = strchr (p + 1, ' '))
    n_spaces++;
  return n_spaces - 1;
}

static void
count (Statistics      *self,
       const CbsSearch *search,
       const char      *folded)
{
  self->n_messages++;
  self->n_words += count_words (folded);
  for (guint i = 0; i < cbs_search_get_n_terms (search); i++)
    {
      if (cbs_search_count (search, i, folded) > 0)
        self->n_with[i]++;
    }
}

/* BM25: a term weighs the more the fewer messages have it; the longer a message, the less. */
static double
get_score (const Statistics *self,
           const CbsSearch  *search,
           const char       *folded)
{
  const double average = (double) self->n_words / (double) self->n_messages;
  const double length = count_words (folded);
  double score = 0;

  for (guint i = 0; i < cbs_search_get_n_terms (search); i++)
    {
      const double n_with = (double) self->n_with[i];
      const double frequency = cbs_search_count (search, i, folded);
      const double weight = log (((double) self->n_messages - n_with + 0.5) / (n_with + 0.5));

      score += MAX (weight, LEAST_WEIGHT) * frequency * (K1 + 1) /
               (frequency + K1 * (1 - B + B * length / average));
    }
  return score;
}

/* The best first; of those that are as good, the newest. */
static int
compare (gconstpointer a,
         gconstpointer b)
{
  const Match *first = a;
  const Match *second = b;

  if (fabs (first->score - second->score) > LEAST_WEIGHT * LEAST_WEIGHT)
    return first->score < second->score ? 1 : -1;
  return first->entry->seq < second->entry->seq ? 1 : -1;
}

/* Adds a message, if it is shown and holds what is looked for. */
static void
add_match (const CbsQuery *query,
           CbsEntry       *entry,
           GArray         *matches)
{
  Match match = { .entry = entry };

  if (!cbs_query_shows (query, entry))
    return;

  match.folded = cbs_search_fold_body (entry->body);
  if (cbs_search_matches (query->search, match.folded))
    g_array_append_val (matches, match);
  else
    g_free (match.folded);
}

static Statistics
get_statistics (GPtrArray       *all,
                const CbsSearch *search)
{
  Statistics statistics = { 0, };

  for (guint i = 0; i < all->len; i++)
    {
      const CbsEntry *entry = g_ptr_array_index (all, i);
      g_autofree char *folded = NULL;

      if (entry->kind != CBS_ENTRY_MESSAGE)
        continue;
      folded = cbs_search_fold_body (entry->body);
      count (&statistics, search, folded);
    }
  return statistics;
}

static void
rank (GPtrArray      *all,
      const CbsQuery *query,
      GArray         *matches)
{
  const Statistics statistics = get_statistics (all, query->search);

  for (guint i = 0; i < matches->len; i++)
    {
      Match *match = &g_array_index (matches, Match, i);

      match->score = get_score (&statistics, query->search, match->folded);
    }
  g_array_sort (matches, compare);
}

/* Finds the newest matches, the newest first; where the query has no such bound, all. */
static void
find (GPtrArray      *all,
      const CbsQuery *query,
      GArray         *matches)
{
  const guint64 newest = query->newest > 0 && !query->ranked ? query->newest : G_MAXUINT64;

  for (gint64 seq = MIN (query->until, (gint64) all->len); seq > query->after && matches->len < newest; seq--)
    add_match (query, g_ptr_array_index (all, seq - 1), matches);
}

/* Takes as many as the bounds allow. */
static void
take (const CbsQuery *query,
      GArray         *matches,
      CbsLogExtent   *extent,
      GPtrArray      *entries)
{
  for (guint i = 0; i < matches->len; i++)
    {
      const guint place = query->ranked ? i : matches->len - i - 1;
      CbsEntry *entry = g_array_index (matches, Match, place).entry;

      if (!cbs_query_take (query, extent, entry->seq, entry->wire_size))
        break;
      if (entries != NULL)
        g_ptr_array_add (entries, cbs_entry_ref (entry));
    }
}

/**
 * cbs_log_memory_search:
 * @all: (element-type CbsEntry): the log: the entry of sequence n stands at n - 1
 * @query: a query with a text
 * @entries: (nullable) (element-type CbsEntry): where to collect what is
 *   found; %NULL: it is only measured
 *
 * Finds messages by what they say.
 *
 * Returns: how much they are
 */
CbsLogExtent
cbs_log_memory_search (GPtrArray      *all,
                       const CbsQuery *query,
                       GPtrArray      *entries)
{
  g_autoptr (GArray) matches = g_array_new (FALSE, FALSE, sizeof (Match));
  CbsLogExtent extent = { .after = query->after, .until = query->after };

  g_array_set_clear_func (matches, (GDestroyNotify) match_clear);
  find (all, query, matches);
  if (query->ranked)
    rank (all, query, matches);
  else if (query->newest > 0 && matches->len >= query->newest)
    {
      extent.after = g_array_index (matches, Match, matches->len - 1).entry->seq - 1;
      extent.until = extent.after;
    }

  take (query, matches, &extent, entries);
  return extent;
}
