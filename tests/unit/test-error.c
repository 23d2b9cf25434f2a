/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <gio/gio.h>

#include "libchatterbox/cb-error.h"

static const struct
{
  CbError     code;
  const char *dbus_name;
} names[] = {
  { CB_ERROR_TOO_LARGE, "im.chatterbox.Chatterbox1.Error.TooLarge" },
  { CB_ERROR_MALFORMED, "im.chatterbox.Chatterbox1.Error.Malformed" },
  { CB_ERROR_INVALID_NAME, "im.chatterbox.Chatterbox1.Error.InvalidName" },
  { CB_ERROR_NAME_TAKEN, "im.chatterbox.Chatterbox1.Error.NameTaken" },
  { CB_ERROR_UNEXPECTED, "im.chatterbox.Chatterbox1.Error.Unexpected" },
};

/* A bus peer that was started before us may rely on the quark's name. */
static void
test_error_domain (void)
{
  g_assert_cmpstr (g_quark_to_string (CB_ERROR), ==, "cb-error-quark");
  g_assert_cmpuint (CB_ERROR, ==, cb_error_quark ());
}

static void
test_error_to_dbus (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = g_error_new_literal (CB_ERROR, (int) names[i].code, "reason");
      g_autofree char *name = g_dbus_error_encode_gerror (error);

      g_assert_cmpstr (name, ==, names[i].dbus_name);
    }
}

static void
test_error_from_dbus (void)
{
  /* The domain is registered on first use. */
  g_assert_cmpuint (CB_ERROR, !=, 0);

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = g_dbus_error_new_for_dbus_error (names[i].dbus_name, "reason");

      g_assert_error (error, CB_ERROR, (int) names[i].code);
      g_assert_true (g_dbus_error_strip_remote_error (error));
      g_assert_cmpstr (error->message, ==, "reason");
    }
}

/* A code without a name would travel as an unmapped one, which callers can't match. */
static void
test_error_names_complete (void)
{
  g_autoptr (GError) beyond = g_error_new_literal (CB_ERROR, (int) G_N_ELEMENTS (names), "reason");
  g_autofree char *name = g_dbus_error_encode_gerror (beyond);

  g_assert_true (g_str_has_prefix (name, "org.gtk.GDBus.UnmappedGError.Quark._cb_2derror_2dquark"));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/error/domain", test_error_domain);
  g_test_add_func ("/error/to-dbus", test_error_to_dbus);
  g_test_add_func ("/error/from-dbus", test_error_from_dbus);
  g_test_add_func ("/error/names-complete", test_error_names_complete);

  return g_test_run ();
}
