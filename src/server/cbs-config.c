/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/cbs-config.h"

#include <string.h>

/* A configuration is a few lines; a larger file is something else. */
#define MAX_FILE (1024u * 1024)

/**
 * cbs_config_new:
 *
 * Makes a configuration with all defaults.
 *
 * Returns: (transfer full): a configuration
 */
CbsConfig *
cbs_config_new (void)
{
  CbsConfig *self = g_new0 (CbsConfig, 1);

  self->history_limit = -1;
  self->hold_us = G_GINT64_CONSTANT (86400) * G_USEC_PER_SEC;
  self->unfinished_each = 128;
  self->unfinished_all = 1024;
  self->engine.frame_before_login = 4 * 1024;
  self->engine.frame = 64 * 1024;
  self->engine.outbox = 4 * 1024 * 1024;
  self->engine.tls_us = 5 * G_USEC_PER_SEC;
  self->engine.log_in_us = 10 * G_USEC_PER_SEC;
  self->engine.frame_us = 15 * G_USEC_PER_SEC;
  self->room.max_content = 32 * 1024;
  self->room.user_list = CBS_USER_LIST_NAMES;
  return self;
}

/**
 * cbs_config_free:
 * @self: (transfer full): a configuration
 *
 * Frees a configuration.
 */
void
cbs_config_free (CbsConfig *self)
{
  g_strfreev (self->listen);
  g_free (self->certificate);
  g_free (self->private_key);
  g_free (self->state_directory);
  g_free (self);
}

typedef struct _Setting Setting;

/* One key of the file: @offset is where its value stands in the configuration. */
struct _Setting
{
  const char *group;
  const char *key;
  gboolean    (*parse) (const Setting *setting,
                        GKeyFile      *file,
                        gpointer       target,
                        GError       **error);
  gsize       offset;
  gint64      min;
  gint64      max;
};

static gboolean
parse_string (const Setting *setting,
              GKeyFile      *file,
              gpointer       target,
              GError       **error)
{
  char **text = target;
  char *value = g_key_file_get_string (file, setting->group, setting->key, error);

  if (value == NULL)
    return FALSE;

  g_free (*text);
  *text = value;
  return TRUE;
}

static gboolean
parse_list (const Setting *setting,
            GKeyFile      *file,
            gpointer       target,
            GError       **error)
{
  GStrv *list = target;
  GStrv value = g_key_file_get_string_list (file, setting->group, setting->key, NULL, error);

  if (value == NULL)
    return FALSE;

  g_strfreev (*list);
  *list = value;
  return TRUE;
}

/* A value without the white space behind it, which a key file keeps. */
static char *
read_word (const Setting *setting,
           GKeyFile      *file,
           GError       **error)
{
  char *text = g_key_file_get_string (file, setting->group, setting->key, error);

  return text != NULL ? g_strchomp (text) : NULL;
}

static gboolean
parse_boolean (const Setting *setting,
               GKeyFile      *file,
               gpointer       target,
               GError       **error)
{
  g_autofree char *text = read_word (setting, file, error);

  if (text == NULL)
    return FALSE;

  if (strcmp (text, "true") == 0)
    *(gboolean *) target = TRUE;
  else if (strcmp (text, "false") == 0)
    *(gboolean *) target = FALSE;
  else
    {
      g_set_error (error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
                   "“%s” is neither “true” nor “false”", text);
      return FALSE;
    }

  return TRUE;
}

/* Reads an integer within the setting's range. */
static gboolean
read_integer (const Setting *setting,
              GKeyFile      *file,
              gint64        *out_value,
              GError       **error)
{
  g_autofree char *text = read_word (setting, file, error);

  if (text == NULL)
    return FALSE;
  if (g_ascii_string_to_signed (text, 10, setting->min, setting->max, out_value, NULL))
    return TRUE;

  g_set_error (error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
               "“%s” is not a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
               text, setting->min, setting->max);
  return FALSE;
}

static gboolean
parse_size (const Setting *setting,
            GKeyFile      *file,
            gpointer       target,
            GError       **error)
{
  gint64 value = 0;

  if (!read_integer (setting, file, &value, error))
    return FALSE;

  *(gsize *) target = (gsize) value;
  return TRUE;
}

static gboolean
parse_count (const Setting *setting,
             GKeyFile      *file,
             gpointer       target,
             GError       **error)
{
  gint64 value = 0;

  if (!read_integer (setting, file, &value, error))
    return FALSE;

  *(guint *) target = (guint) value;
  return TRUE;
}

static gboolean
parse_seconds (const Setting *setting,
               GKeyFile      *file,
               gpointer       target,
               GError       **error)
{
  gint64 value = 0;

  if (!read_integer (setting, file, &value, error))
    return FALSE;

  *(gint64 *) target = value * G_USEC_PER_SEC;
  return TRUE;
}

static gboolean
parse_history_limit (const Setting *setting,
                     GKeyFile      *file,
                     gpointer       target,
                     GError       **error)
{
  g_autofree char *text = read_word (setting, file, error);
  gint64 value = -1;

  if (text == NULL)
    return FALSE;
  if (strcmp (text, "all") != 0 &&
      !g_ascii_string_to_signed (text, 10, setting->min, setting->max, &value, NULL))
    {
      g_set_error (error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
                   "“%s” is neither “all” nor a whole number from %" G_GINT64_FORMAT
                   " to %" G_GINT64_FORMAT, text, setting->min, setting->max);
      return FALSE;
    }

  *(gint64 *) target = value;
  return TRUE;
}

static gboolean
parse_user_list (const Setting *setting,
                 GKeyFile      *file,
                 gpointer       target,
                 GError       **error)
{
  g_autofree char *text = read_word (setting, file, error);

  if (text == NULL)
    return FALSE;

  if (strcmp (text, "names") == 0)
    *(CbsUserListForm *) target = CBS_USER_LIST_NAMES;
  else if (strcmp (text, "objects") == 0)
    *(CbsUserListForm *) target = CBS_USER_LIST_OBJECTS;
  else
    {
      g_set_error (error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
                   "“%s” is neither “names” nor “objects”", text);
      return FALSE;
    }

  return TRUE;
}

#define AT(member) G_STRUCT_OFFSET (CbsConfig, member)

/* A frame's length has to fit the wire's prefix, and a message its frame. */
static const Setting settings[] = {
  { "server", "listen", parse_list, AT (listen), 0, 0 },
  { "server", "certificate", parse_string, AT (certificate), 0, 0 },
  { "server", "private-key", parse_string, AT (private_key), 0, 0 },
  { "server", "state-directory", parse_string, AT (state_directory), 0, 0 },
  { "server", "ephemeral", parse_boolean, AT (ephemeral), 0, 0 },
  { "limits", "frame-before-login", parse_size, AT (engine.frame_before_login), 64, 1 << 24 },
  { "limits", "frame", parse_size, AT (engine.frame), 64, 1 << 26 },
  { "limits", "content", parse_size, AT (room.max_content), 1, 1 << 26 },
  { "limits", "outbox", parse_size, AT (engine.outbox), 4096, 1 << 30 },
  { "limits", "tls-timeout", parse_seconds, AT (engine.tls_us), 1, 3600 },
  { "limits", "login-timeout", parse_seconds, AT (engine.log_in_us), 1, 3600 },
  { "limits", "frame-timeout", parse_seconds, AT (engine.frame_us), 1, 3600 },
  { "limits", "unfinished-per-address", parse_count, AT (unfinished_each), 1, 1 << 20 },
  { "limits", "unfinished", parse_count, AT (unfinished_all), 1, 1 << 20 },
  { "history", "login-limit", parse_history_limit, AT (history_limit), 0, G_MAXINT32 },
  { "names", "hold", parse_seconds, AT (hold_us), 0, 365 * 24 * 60 * 60 },
  { "compatibility", "user-list", parse_user_list, AT (room.user_list), 0, 0 },
};

static const Setting *
find_setting (const char *group,
              const char *key)
{
  for (gsize i = 0; i < G_N_ELEMENTS (settings); i++)
    {
      if (strcmp (settings[i].group, group) == 0 && strcmp (settings[i].key, key) == 0)
        return &settings[i];
    }

  return NULL;
}

static gboolean
load_key (CbsConfig  *self,
          GKeyFile   *file,
          const char *group,
          const char *key,
          GError    **error)
{
  const Setting *setting = find_setting (group, key);

  if (setting == NULL)
    {
      g_set_error (error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_KEY_NOT_FOUND,
                   "There is no setting “%s” in a group “%s”", key, group);
      return FALSE;
    }
  if (!setting->parse (setting, file, (char *) self + setting->offset, error))
    {
      g_prefix_error (error, "[%s] %s: ", group, key);
      return FALSE;
    }

  return TRUE;
}

/**
 * cbs_config_load_data:
 * @self: a configuration
 * @data: (array length=len): the text of a key file
 * @len: its length, in bytes
 * @error: return location for a #GError
 *
 * Reads settings; those that it does not name keep their values.
 *
 * Returns: %TRUE; %FALSE with a #GKeyFileError that names the setting: one
 *   that there is not, or a value out of its range
 */
gboolean
cbs_config_load_data (CbsConfig  *self,
                      const char *data,
                      gsize       len,
                      GError    **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_auto (GStrv) groups = NULL;

  /* A translated key is none of ours: it has to be refused, not dropped. */
  if (!g_key_file_load_from_data (file, data, len, G_KEY_FILE_KEEP_TRANSLATIONS, error))
    return FALSE;

  groups = g_key_file_get_groups (file, NULL);
  for (guint i = 0; groups[i] != NULL; i++)
    {
      g_auto (GStrv) keys = g_key_file_get_keys (file, groups[i], NULL, NULL);

      for (guint j = 0; keys != NULL && keys[j] != NULL; j++)
        {
          if (!load_key (self, file, groups[i], keys[j], error))
            return FALSE;
        }
    }

  return TRUE;
}

/**
 * cbs_config_load_file:
 * @self: a configuration
 * @file: (type filename): a key file
 * @error: return location for a #GError
 *
 * Reads settings from a file.
 *
 * Returns: %TRUE; %FALSE with a #GFileError or a #GKeyFileError; its message
 *   names the file
 */
gboolean
cbs_config_load_file (CbsConfig  *self,
                      const char *file,
                      GError    **error)
{
  g_autofree char *data = NULL;
  gsize len = 0;

  if (!g_file_get_contents (file, &data, &len, error))
    return FALSE;
  if (len > MAX_FILE)
    {
      g_set_error (error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_PARSE,
                   "%s: %" G_GSIZE_FORMAT " bytes; the limit is %u", file, len, MAX_FILE);
      return FALSE;
    }
  if (!cbs_config_load_data (self, data, len, error))
    {
      g_prefix_error (error, "%s: ", file);
      return FALSE;
    }

  return TRUE;
}

/**
 * cbs_config_check:
 * @self: a configuration
 * @error: return location for a #GError
 *
 * Checks that nothing is missing and that the settings fit each other.
 *
 * Returns: %TRUE; %FALSE with a #GKeyFileError that names what is wrong
 */
gboolean
cbs_config_check (CbsConfig *self,
                  GError   **error)
{
  const char *missing = NULL;

  if (self->listen == NULL || self->listen[0] == NULL)
    missing = "listen";
  else if (self->certificate == NULL)
    missing = "certificate";
  else if (self->private_key == NULL)
    missing = "private-key";
  else if (self->state_directory == NULL && !self->ephemeral)
    missing = "state-directory";

  if (missing != NULL)
    {
      g_set_error (error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_KEY_NOT_FOUND,
                   "The setting “%s” is missing", missing);
      return FALSE;
    }
  if (self->room.max_content > self->engine.frame)
    {
      g_set_error (error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
                   "Messages of %" G_GSIZE_FORMAT " bytes do not fit frames of %" G_GSIZE_FORMAT,
                   self->room.max_content, self->engine.frame);
      return FALSE;
    }

  return TRUE;
}
