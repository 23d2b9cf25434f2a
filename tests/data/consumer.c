/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A program as others write it: against what is installed, with no word of this tree. */
#include <chatterbox.h>

int
main (void)
{
  g_autoptr (CbConnector) connector = cb_connector_new ("localhost");
  g_autoptr (CbAccount) account = cb_account_new (connector);

  return cb_account_get_state (account) == CB_ACCOUNT_OFFLINE ? 0 : 1;
}
