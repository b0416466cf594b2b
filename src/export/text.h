/* Text from a trace as the formats need it. All of it goes through cairn_sanitise() first. Internal to export. */
#ifndef CAIRN_EXPORT_TEXT_H
#define CAIRN_EXPORT_TEXT_H

#include <stdio.h>

#include "base/buffer.h"
#include "query/selection.h"

/* The visible form of `text`, appended; NULL appends nothing. */
void cairn_export_clean(struct cairn_buffer *out, const char *text);
/* A site's name, visible, in place of what was in `out`: borrowed from it. */
const char *cairn_export_label(struct cairn_buffer *out, const struct cairn_site *site, enum cairn_by by);
/* "lex.c:88", "lex.c" or "", the same way. */
const char *cairn_export_place(struct cairn_buffer *out, const struct cairn_site *site);
/* A JSON string, quotes included, that may stand inside HTML's <script>, too; NULL is null. */
void cairn_export_json_text(FILE *out, const char *text);
/* null for CAIRN_UNKNOWN. */
void cairn_export_json_number(FILE *out, int64_t number);
/* A field of CSV, quoted (RFC 4180). */
void cairn_export_csv_text(FILE *out, const char *text);
/* A quoted string of DOT; a newline in `text` is kept as one. */
void cairn_export_dot_text(FILE *out, const char *text);

#endif
