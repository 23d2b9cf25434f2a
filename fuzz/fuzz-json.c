/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fuzz/fuzz.h"

#include <json-glib/json-glib.h>

#include "libchatterbox/cb-json.h"

/* What our scanner lets through, json-glib has to read; and what it says in ASCII, it means in UTF-8. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  const char *text = (const char *) data;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonParser) parser = NULL;
  g_autoptr (JsonParser) ascii_parser = NULL;
  g_autoptr (GString) ascii = NULL;

  if (!cb_json_check (text, size, &error))
    {
      g_assert (error != NULL);
      return 0;
    }

  g_assert (g_utf8_validate_len (text, size, NULL));
  parser = json_parser_new ();
  g_assert (json_parser_load_from_data (parser, text, (gssize) size, NULL));

  ascii = g_string_new (NULL);
  cb_json_append_ascii (ascii, text, size);
  g_assert (g_str_is_ascii (ascii->str));
  g_assert (ascii->len == cb_json_get_ascii_length (text, size));
  g_assert (cb_json_check (ascii->str, ascii->len, NULL));
  ascii_parser = json_parser_new ();
  g_assert (json_parser_load_from_data (ascii_parser, ascii->str, (gssize) ascii->len, NULL));
  g_assert (json_node_equal (json_parser_get_root (parser), json_parser_get_root (ascii_parser)));
  return 0;
}
