/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "terminal/cbt-format.h"

#include <glib/gi18n.h>

#include "terminal/cbt-text.h"

/* Further lines of a message stand under its text, never where a line begins. */
#define INDENT "        "

/**
 * cbt_format_time:
 * @time_s: seconds since the epoch, UTC
 * @now_s: the time now, likewise
 *
 * Writes a time: `10:03` for today, else `2026-11-24 10:03`; a number for
 * what no calendar has.
 *
 * Returns: (transfer full): the text, in the local time zone
 */
char *
cbt_format_time (gint64 time_s,
                 gint64 now_s)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_local (time_s);
  g_autoptr (GDateTime) now = g_date_time_new_from_unix_local (now_s);
  gboolean is_today = FALSE;

  if (time == NULL || now == NULL)
    return g_strdup_printf ("%" G_GINT64_FORMAT, time_s);

  is_today = g_date_time_get_year (time) == g_date_time_get_year (now) &&
             g_date_time_get_day_of_year (time) == g_date_time_get_day_of_year (now);
  return g_date_time_format (time, is_today ? "%H:%M" : "%Y-%m-%d %H:%M");
}

/**
 * cbt_format_message:
 * @message: a message, as hostile as any
 * @now_s: the time now, seconds since the epoch, UTC
 *
 * Writes a message for a person to read: when, who, what, and whether it is
 * private.
 *
 * Returns: (transfer full): one line or more, without the last end
 */
char *
cbt_format_message (CbMessage *message,
                    gint64     now_s)
{
  g_autofree char *time = cbt_format_time (cb_message_get_time_s (message), now_s);
  g_autofree char *source = cbt_text_make_visible (cb_message_get_source (message));
  g_autofree char *content = cbt_text_make_block (cb_message_get_content (message), INDENT);

  if (cb_message_is_public (message))
    return g_strdup_printf ("[%s] %s: %s", time, source, content);

  /* Translators: a private message: when it was said, by whom, and what */
  return g_strdup_printf (_ ("[%s] %s (private): %s"), time, source, content);
}

/**
 * cbt_format_sent:
 * @message: a private message by the user himself or herself, as hostile as any
 * @now_s: the time now, seconds since the epoch, UTC
 *
 * Writes a message that was said elsewhere: when, to whom, and what.
 *
 * Returns: (transfer full): one line or more, without the last end
 */
char *
cbt_format_sent (CbMessage *message,
                 gint64     now_s)
{
  g_autofree char *time = cbt_format_time (cb_message_get_time_s (message), now_s);
  g_autofree char *destination = cbt_text_make_visible (cb_message_get_destination (message));
  g_autofree char *content = cbt_text_make_block (cb_message_get_content (message), INDENT);

  /* Translators: one's own private message: when it was said, to whom, and what */
  return g_strdup_printf (_ ("[%s] to %s (private): %s"), time, destination, content);
}

/**
 * cbt_format_notice:
 * @text: what is to be told, as hostile as any
 *
 * Marks every line of a text as not being a message.
 *
 * Returns: (transfer full): one line or more, without the last end
 */
char *
cbt_format_notice (const char *text)
{
  g_autofree char *block = cbt_text_make_block (text, "* ");

  return g_strconcat ("* ", block, NULL);
}
