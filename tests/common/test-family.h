/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * TestFamilyReader:
 * @buffer: the text of a frame so far
 * @data_len: its length, as the prefix says
 *
 * Reads frames as the original does, with its faults: it looks for the first
 * brace, takes one frame a read and drops what follows it, knows only ASCII.
 */
typedef struct
{
  GString *buffer;
  gsize    data_len;
} TestFamilyReader;

void        test_family_reader_init (TestFamilyReader *self);
void        test_family_reader_clear (TestFamilyReader *self);
JsonObject *test_family_reader_take (TestFamilyReader *self,
                                     const guint8     *data,
                                     gsize             len,
                                     GError          **error);

/**
 * TestFamilyTransport:
 *
 * A connection as the original's event loop gives it to its protocol: each
 * read is at most one TLS record, each write one of its own.
 */
typedef struct _TestFamilyTransport TestFamilyTransport;

typedef struct
{
  void (*received)(JsonObject *object,
                   gpointer    user_data);
  void (*lost)(const char *death,      /* what the reader died of; NULL: the other end has gone */
               gpointer    user_data);
} TestFamilyProtocol;

TestFamilyTransport *test_family_transport_new (GIOStream                *stream,
                                                const TestFamilyProtocol *protocol,
                                                gpointer                  user_data);
void                 test_family_transport_free (TestFamilyTransport *self);
void                 test_family_transport_write (TestFamilyTransport *self,
                                                  const char          *json);
void                 test_family_transport_set_paused (TestFamilyTransport *self,
                                                       gboolean             paused);

void                 test_family_append_string (GString    *out,
                                                const char *text);
char                *test_family_dump_messages (GPtrArray *messages);

G_END_DECLS
