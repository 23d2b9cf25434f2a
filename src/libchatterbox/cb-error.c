/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libchatterbox/cb-error-private.h"

static const GDBusErrorEntry entries[] = {
  { CB_ERROR_TOO_LARGE, "im.chatterbox.Chatterbox1.Error.TooLarge" },
  { CB_ERROR_MALFORMED, "im.chatterbox.Chatterbox1.Error.Malformed" },
  { CB_ERROR_INVALID_NAME, "im.chatterbox.Chatterbox1.Error.InvalidName" },
  { CB_ERROR_NAME_TAKEN, "im.chatterbox.Chatterbox1.Error.NameTaken" },
  { CB_ERROR_UNEXPECTED, "im.chatterbox.Chatterbox1.Error.Unexpected" },
};
G_STATIC_ASSERT (G_N_ELEMENTS (entries) == CB_ERROR_UNEXPECTED + 1);

/**
 * cb_error_quark:
 *
 * Gets the domain of [error@Cb.Error], registered with GDBus so that remote
 * callers see the same domain and code.
 *
 * Returns: the error quark
 */
GQuark
cb_error_quark (void)
{
  static gsize quark = 0;

  g_dbus_error_register_error_domain ("cb-error-quark", &quark,
                                      entries, G_N_ELEMENTS (entries));
  return (GQuark) quark;
}

/* Says what is wrong with something that a peer has sent; always %FALSE. */
gboolean
cb_error_set_malformed (GError    **error,
                        const char *format,
                        ...)
{
  g_autofree char *reason = NULL;
  va_list args;

  va_start (args, format);
  reason = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, CB_ERROR, CB_ERROR_MALFORMED, reason);
  return FALSE;
}
