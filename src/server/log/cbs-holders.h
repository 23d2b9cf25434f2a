/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/log/cbs-log.h"

G_BEGIN_DECLS

/**
 * CBS_HOLDERS_MAX_KEYS:
 *
 * Most keys that a name can have.
 */
#define CBS_HOLDERS_MAX_KEYS 16u

/**
 * CbsHolder:
 * @since: sequence of the join with which the name came to its holder; 0: it has had no other
 * @address: (nullable): where the name was used last; %NULL: it is kept for no address
 * @used_us: when it was used last, microseconds since the epoch, UTC; 0: that is not known
 * @n_online: how many are logged in by it
 * @released: who joins next is another holder
 * @keys: (element-type CbsLogKey): the keys that own the name; empty: it is not owned
 *
 * Who holds a name.
 */
typedef struct
{
  gint64     since;
  char      *address;
  gint64     used_us;
  guint      n_online;
  gboolean   released;
  GPtrArray *keys;
} CbsHolder;

/**
 * CbsHolding:
 * @since: sequence of the join with which the name came to its holder; 0: it has had no other
 * @passed: that is this join
 * @owned: the name belongs to the key that was shown
 * @is_first_key: it does so since this join
 *
 * What a join has led to.
 */
typedef struct
{
  gint64   since;
  gboolean passed;
  gboolean owned;
  gboolean is_first_key;
} CbsHolding;

/**
 * CbsHolders:
 *
 * Who holds which name: it decides who may join, whose a name is then, and
 * which keys it has. Names are in use as long as somebody is online, and those
 * that are owned always; no two of them clash (see [method@Cb.Name.clashes]).
 *
 * What was changed can be taken back until it is settled, as a transaction
 * that is rolled back needs it.
 *
 * Pure, and not thread-safe.
 */
typedef struct _CbsHolders CbsHolders;

CbsHolders      *cbs_holders_new (void);
void             cbs_holders_free (CbsHolders *self);
CbsHolder       *cbs_holders_add (CbsHolders *self,
                                  const char *key);
void             cbs_holders_add_key (CbsHolders *self,
                                      const char *key,
                                      const char *id,
                                      gint64      added_us);
gboolean         cbs_holders_reserve (CbsHolders *self,
                                      CbName     *name);
const CbsHolder *cbs_holders_lookup (CbsHolders *self,
                                     const char *key);
void             cbs_holders_begin (CbsHolders *self,
                                    gint64      time_us);
gboolean         cbs_holders_apply (CbsHolders     *self,
                                    const CbsEntry *entry,
                                    gint64          seq,
                                    CbsHolding     *out_holding,
                                    GError        **error);
void             cbs_holders_settle (CbsHolders *self);
void             cbs_holders_revert (CbsHolders *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsHolders, cbs_holders_free)

G_END_DECLS
