/* A JSON writer that streams: one value after the other, commas and nesting by itself.
 *
 * The output is always valid UTF-8: what is not in a text becomes U+FFFD, one for each maximal bad part (Unicode 15,
 * section 3.9). Control characters are escaped as \u00XX. CAIRN_UNKNOWN and numbers that are not finite are null.
 * `key` is NULL inside arrays. */
#ifndef CAIRN_CLI_JSON_H
#define CAIRN_CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/stream.h"

struct cairn_json {
    struct cairn_stream *stream;
    struct cairn_buffer open; /* one byte a level: what it is, and whether it holds something */
};

void cairn_json_init(struct cairn_json *json, struct cairn_stream *stream);
/* Closes what is open, ends the line, releases the memory. */
void cairn_json_finish(struct cairn_json *json);
void cairn_json_object(struct cairn_json *json, const char *key);
void cairn_json_array(struct cairn_json *json, const char *key);
/* Ends the innermost object or array. */
void cairn_json_end(struct cairn_json *json);
/* NULL is null. */
void cairn_json_text(struct cairn_json *json, const char *key, const char *text);
void cairn_json_integer(struct cairn_json *json, const char *key, int64_t number);
void cairn_json_real(struct cairn_json *json, const char *key, double number);
void cairn_json_bool(struct cairn_json *json, const char *key, bool value);
void cairn_json_null(struct cairn_json *json, const char *key);

#endif
