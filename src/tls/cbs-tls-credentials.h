/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include <gnutls/gnutls.h>

G_BEGIN_DECLS

#define CBS_TYPE_TLS_CREDENTIALS (cbs_tls_credentials_get_type ())
G_DECLARE_FINAL_TYPE (CbsTlsCredentials, cbs_tls_credentials, CBS, TLS_CREDENTIALS, GObject)

CbsTlsCredentials *cbs_tls_credentials_new_from_files (const char *certificate_file,
                                                       const char *key_file,
                                                       GError    **error);

G_END_DECLS
