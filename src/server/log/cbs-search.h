/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * CBS_SEARCH_MAX_CHARACTERS:
 *
 * Most characters of a text to look for.
 */
#define CBS_SEARCH_MAX_CHARACTERS 256

/**
 * CBS_SEARCH_MAX_TERMS:
 *
 * Most words, phrases and prefixes of a text to look for.
 */
#define CBS_SEARCH_MAX_TERMS 16u

/**
 * CbsSearch:
 *
 * What somebody looks for: words, “"phrases"” and “prefixes*”, of which a
 * text has to hold every one. Case and diacritics do not matter.
 *
 * A text is looked at in its folded form: its words in lower case without
 * diacritics, each between two single spaces. All that compares words works
 * on that form, so that every kind of log finds the same.
 *
 * Pure. Immutable: it may be handed to another thread.
 */
typedef struct _CbsSearch CbsSearch;

CbsSearch *cbs_search_new (const char *text,
                           GError    **error);
void       cbs_search_free (CbsSearch *self);
guint      cbs_search_get_n_terms (const CbsSearch *self);
char      *cbs_search_dup_expression (const CbsSearch *self);
gboolean   cbs_search_matches (const CbsSearch *self,
                               const char      *folded);
guint      cbs_search_count (const CbsSearch *self,
                             guint            term,
                             const char      *folded);
char      *cbs_search_fold (const char *text);
char      *cbs_search_fold_body (GBytes *body);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsSearch, cbs_search_free)

G_END_DECLS
