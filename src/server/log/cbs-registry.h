/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "libchatterbox/cb-name.h"

G_BEGIN_DECLS

/**
 * CbsRegistry:
 *
 * The names that are in use, such that no two of them clash (see
 * [method@Cb.Name.clashes]). Whether a name is free costs the same however
 * many there are.
 *
 * What was changed can be taken back until it is settled, as a transaction
 * that is rolled back needs it.
 *
 * Pure, and not thread-safe.
 */
typedef struct _CbsRegistry CbsRegistry;

CbsRegistry *cbs_registry_new (void);
void         cbs_registry_free (CbsRegistry *self);
gboolean     cbs_registry_claim (CbsRegistry *self,
                                 CbName      *name);
void         cbs_registry_release (CbsRegistry *self,
                                   const char  *key);
CbName      *cbs_registry_lookup (CbsRegistry *self,
                                  const char  *key);
void         cbs_registry_settle (CbsRegistry *self);
void         cbs_registry_revert (CbsRegistry *self);
guint        cbs_registry_count (CbsRegistry *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CbsRegistry, cbs_registry_free)

G_END_DECLS
