/* JSON read into a tree: for files that earlier runs wrote and that anybody may have changed. Bounded in depth; what is not
 * JSON (RFC 8259) is refused. */
#ifndef CAIRN_BASE_JSON_VALUE_H
#define CAIRN_BASE_JSON_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

enum cairn_json_type {
    CAIRN_JSON_NULL = 0,
    CAIRN_JSON_BOOL,
    CAIRN_JSON_NUMBER,
    CAIRN_JSON_TEXT,
    CAIRN_JSON_ARRAY,
    CAIRN_JSON_OBJECT
};

/* Everything is owned by the arena it was read into. */
struct cairn_json_value {
    enum cairn_json_type type;
    const char *key; /* inside objects */
    bool boolean;
    bool whole; /* the number is an integer that fits */
    int64_t integer;
    double real;
    const char *text; /* raw; ends at its first NUL character */
    struct cairn_json_value *first, *next;
};

/* CAIRN_E_FORMAT names the byte where it stops being JSON. */
CAIRN_MUST_CHECK enum cairn_status cairn_json_parse(struct cairn_arena *arena, const char *text,
                                                    size_t length, const struct cairn_json_value **value,
                                                    struct cairn_error *error);
/* The member of an object with that key; NULL when there is none, and for values that are no objects (or NULL). */
const struct cairn_json_value *cairn_json_member(const struct cairn_json_value *value, const char *key);
/* The text of a member; NULL when it has none. */
const char *cairn_json_member_text(const struct cairn_json_value *value, const char *key);

#endif
