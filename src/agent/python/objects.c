#include "agent/python/objects.h"

/* Appends one character; 0 when it does not fit. */
static size_t put_utf8(uint32_t code, char *out, size_t room)
{
    if (code < 0x80) {
        if (room < 1) {
            return 0;
        }
        out[0] = (char)code;
        return 1;
    }
    const size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    if (room < length) {
        return 0;
    }
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)(leads[length] | code);
    return length;
}

size_t cairn_python_text(const struct cairn_python_layout *layout, uintptr_t text, char *out, size_t room)
{
    if (!text) {
        return 0;
    }
    const uint32_t state = (uint32_t)cairn_python_int(text, CAIRN_STR_STATE);
    const size_t length = cairn_python_word(text, CAIRN_PYTHON_SIZE);
    if (!(state & CAIRN_STR_IS_COMPACT)) {
        return 0; /* names made by the old C interface: nobody writes code with them */
    }
    if (state & CAIRN_STR_IS_ASCII) {
        const size_t used = length < room ? length : room;
        memcpy(out, (const char *)text + layout->ascii_data, used);
        return used;
    }
    const unsigned kind = state >> CAIRN_STR_KIND_SHIFT & CAIRN_STR_KIND_MASK;
    const uint8_t *data = (const uint8_t *)text + layout->compact_data;
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        uint32_t code = 0;
        memcpy(&code, data + i * kind, kind <= 4 ? kind : 4);
        const size_t added = put_utf8(code, out + used, room - used);
        if (added == 0) {
            break;
        }
        used += added;
    }
    return used;
}
