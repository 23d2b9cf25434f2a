/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server/room/cbs-room-private.h"

#include "server/room/cbs-command.h"

/* Users that a list names; what is beyond is only counted. */
#define MAX_LISTED 1000u

#define RULE "----------------------"

static char *
join_names (GPtrArray *users)
{
  g_autoptr (GString) names = g_string_new (NULL);

  for (guint i = 0; i < users->len; i++)
    g_string_append_printf (names, "%s%s", i > 0 ? " " : "",
                            ((const CbsUser *) g_ptr_array_index (users, i))->name);
  return g_string_free (g_steal_pointer (&names), FALSE);
}

/* Sorts the words of a command into users it can apply to and words that it has to reject. */
static void
sort_arguments (CbsRoom   *self,
                CbsMember *member,
                GStrv      arguments,
                gboolean   only_blocked,
                GPtrArray *out_users,
                GPtrArray *out_rejected)
{
  for (guint i = 0; arguments[i] != NULL; i++)
    {
      CbsUser *user = cbs_room_find_user (self, arguments[i]);

      if (user == NULL || user == member->user ||
          (only_blocked && !cbs_user_has_blocked (member->user, user)))
        g_ptr_array_add (out_rejected, arguments[i]);
      else if (!g_ptr_array_find (out_users, user, NULL))
        g_ptr_array_add (out_users, user);
    }
}

static void
run_relation (CbsRoom       *self,
              CbsMember     *member,
              CbsCommandKind kind,
              GStrv          arguments,
              gint64         time_s,
              gint64         request,
              CbsEffects    *effects)
{
  const gboolean blocking = kind == CBS_COMMAND_BLOCK;
  g_autoptr (GPtrArray) users = g_ptr_array_new ();
  g_autoptr (GPtrArray) rejected = g_ptr_array_new_null_terminated (1, NULL, TRUE);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *names = NULL;
  g_autoptr (CbsWait) wait = cbs_wait_new (CBS_WAIT_COMMAND, request);

  sort_arguments (self, member, arguments, !blocking, users, rejected);
  for (guint i = 0; i < users->len; i++)
    {
      CbsUser *user = g_ptr_array_index (users, i);

      if (cbs_user_has_blocked (member->user, user) != blocking)
        cbs_wait_append (wait, member,
                         cbs_entry_new_relation (blocking ? CBS_ENTRY_BLOCK : CBS_ENTRY_UNBLOCK,
                                                 member->user->key, user->key),
                         effects);
    }

  names = join_names (users);
  g_string_append_printf (text, "The following users will now be %s: %s",
                          blocking ? "blocked" : "un-blocked", names);
  if (rejected->len > 0)
    {
      g_autofree char *words = g_strjoinv (" ", (GStrv) rejected->pdata);

      g_string_append_printf (text, "\n%s: %s",
                              blocking ? "Not known here, or yourself" : "Not blocked by you", words);
    }
  wait->text = g_string_free (g_steal_pointer (&text), FALSE);
  wait->time_s = time_s;
  cbs_room_wait (member, g_steal_pointer (&wait), effects);
}

static void
run_blocked (CbsMember  *member,
             gint64      time_s,
             CbsEffects *effects)
{
  g_autoptr (GPtrArray) users = cbs_user_list_blocks (member->user);
  g_autofree char *names = join_names (users);
  g_autofree char *text = g_strconcat ("You currently have these users blocked: ", names, NULL);

  cbs_room_answer (member, time_s, users->len > 0 ? text : "You have no users blocked", effects);
}

static void
append_more (GString   *text,
             GPtrArray *users)
{
  if (users->len > MAX_LISTED)
    g_string_append_printf (text, "\n... and %u more", users->len - MAX_LISTED);
}

static void
run_display_users (CbsRoom    *self,
                   CbsMember  *member,
                   gint64      time_s,
                   CbsEffects *effects)
{
  g_autoptr (GString) text = g_string_new ("\n\nCURRENT USER(S) ONLINE\n" RULE);

  for (guint i = 0; i < MIN (self->online->len, MAX_LISTED); i++)
    g_string_append_printf (text, "\n%s",
                            ((const CbsUser *) g_ptr_array_index (self->online, i))->name);
  append_more (text, self->online);
  cbs_room_answer (member, time_s, text->str, effects);
}

static void
run_display_all_users (CbsRoom    *self,
                       CbsMember  *member,
                       gint64      time_s,
                       CbsEffects *effects)
{
  g_autoptr (GString) text = g_string_new ("\n\n   ALL USER(S)\n" RULE "\n");

  for (guint i = 0; i < MIN (self->everyone->len, MAX_LISTED); i++)
    {
      const CbsUser *user = g_ptr_array_index (self->everyone, i);

      g_string_append_printf (text, "\n%s : %s", user->name, user->members != NULL ? "ONLINE" : "OFFLINE");
    }
  append_more (text, self->everyone);
  cbs_room_answer (member, time_s, text->str, effects);
}

static void
run_name (CbsMember  *member,
          gint64      time_s,
          CbsEffects *effects)
{
  g_autofree char *text = g_strconcat ("Your username is ", cb_name_get_text (member->name), NULL);

  cbs_room_answer (member, time_s, text, effects);
}

static void
run_help (CbsMember  *member,
          gint64      time_s,
          CbsEffects *effects)
{
  g_autofree char *text = cbs_command_help ();

  cbs_room_answer (member, time_s, text, effects);
}

/* FALSE if the command can't be run with these arguments; then it was answered. */
static gboolean
check_arguments (CbsMember     *member,
                 CbsCommandKind kind,
                 GStrv          arguments,
                 gint64         request,
                 CbsEffects    *effects)
{
  const guint n_arguments = g_strv_length (arguments);

  if (kind != CBS_COMMAND_BLOCK && kind != CBS_COMMAND_UNBLOCK)
    return TRUE;

  if (n_arguments == 0)
    cbs_room_reply_error (effects, member->peer, request, "Whom? Usage: %s <username>...",
                          kind == CBS_COMMAND_BLOCK ? "/Block" : "/UnBlock");
  else if (n_arguments > CBS_COMMAND_MAX_USERS)
    cbs_room_reply_error (effects, member->peer, request, "The command names %u users; the limit is %u",
                          n_arguments, CBS_COMMAND_MAX_USERS);
  else
    return TRUE;

  return FALSE;
}

/* Carries out a command of a plain client. Commands and answers are never stored. */
void
cbs_room_run_command (CbsRoom    *self,
                      CbsMember  *member,
                      CbMessage  *message,
                      gint64      request,
                      CbsEffects *effects)
{
  const char *content = cb_message_get_content (message);
  const gint64 time_s = cb_message_get_time_s (message);
  g_auto (GStrv) arguments = NULL;
  g_autofree char *excerpt = cbs_room_excerpt (content);
  const CbsCommandKind kind = cbs_command_parse (content, &arguments);

  if (!check_arguments (member, kind, arguments, request, effects))
    return;

  switch (kind)
    {
    case CBS_COMMAND_NAME:
      run_name (member, time_s, effects);
      break;
    case CBS_COMMAND_BLOCK:
    case CBS_COMMAND_UNBLOCK:
      run_relation (self, member, kind, arguments, time_s, request, effects);
      break;
    case CBS_COMMAND_BLOCKED:
      run_blocked (member, time_s, effects);
      break;
    case CBS_COMMAND_DISPLAY_USERS:
      run_display_users (self, member, time_s, effects);
      break;
    case CBS_COMMAND_DISPLAY_ALL_USERS:
      run_display_all_users (self, member, time_s, effects);
      break;
    case CBS_COMMAND_HELP:
      run_help (member, time_s, effects);
      break;
    case CBS_COMMAND_UNKNOWN:
    default:
      cbs_room_reply_error (effects, member->peer, request,
                            "Unknown command “%s”; /Help lists the commands", excerpt);
      break;
    }
}
