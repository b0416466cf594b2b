/* Reading the few Python objects a stack needs: code, str, bytes. Loads only; no call into the interpreter. */
#ifndef CAIRN_AGENT_PYTHON_OBJECTS_H
#define CAIRN_AGENT_PYTHON_OBJECTS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/python/layout.h"

static inline uintptr_t cairn_python_word(uintptr_t object, unsigned offset)
{
    uintptr_t value;
    memcpy(&value, (const char *)object + offset, sizeof value);
    return value;
}

static inline int32_t cairn_python_int(uintptr_t object, unsigned offset)
{
    int32_t value;
    memcpy(&value, (const char *)object + offset, sizeof value);
    return value;
}

static inline uint8_t cairn_python_byte(uintptr_t object, unsigned offset)
{
    return *((const uint8_t *)object + offset);
}

#define CAIRN_PYTHON_TYPE 8u  /* of any object */
#define CAIRN_PYTHON_SIZE 16u /* of a variable-size object; a str's length in characters */
/* State word of a str: kind (bytes a character) in bits 2 to 4, then two flags. */
#define CAIRN_STR_STATE         32u
#define CAIRN_STR_KIND_SHIFT    2
#define CAIRN_STR_KIND_MASK     7u
#define CAIRN_STR_IS_COMPACT    (1u << 5)
#define CAIRN_STR_IS_ASCII      (1u << 6)
#define CAIRN_PYTHON_METHODS    64u /* of a PyModuleDef */
#define CAIRN_PYTHON_BYTES_DATA 32u

/* A str as UTF-8 into `out` (no terminator), at most `room` bytes, cut at a whole character; returns the bytes written. */
size_t cairn_python_text(const struct cairn_python_layout *layout, uintptr_t text, char *out, size_t room);

#endif
