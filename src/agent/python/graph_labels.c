#include "agent/python/graph_labels.h"

#include <string.h>

#include "agent/python/interpreter.h"
#include "agent/python/objects.h"
#include "wire/ring.h"

#define TEXT_CHARACTERS 60u
#define NUMBER_BYTES    64u /* the text of larger integers takes quadratic time */

static const char ellipsis[] = "…";

/* "len 12", for the containers whose length stands at the usual place. */
static uint32_t length_label(struct cairn_graph_stream *stream, uintptr_t object, unsigned long flags)
{
    char text[32] = "len ", digits[24];
    size_t count = 0, length = 4;
    if (!(flags &
          (CAIRN_TYPE_FLAG_LIST | CAIRN_TYPE_FLAG_TUPLE | CAIRN_TYPE_FLAG_DICT | CAIRN_TYPE_FLAG_BYTES))) {
        return 0;
    }
    uint64_t value = cairn_python_word(object, CAIRN_PYTHON_SIZE);
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (count) {
        text[length++] = digits[--count];
    }
    return cairn_graph_stream_string(stream, text, length);
}

static size_t string_value(uintptr_t object, char *out)
{
    out[0] = '\'';
    size_t length = 1 + cairn_python_text(cairn_python.layout, object, out + 1, TEXT_CHARACTERS);
    out[length++] = '\'';
    if (cairn_python_word(object, CAIRN_PYTHON_SIZE) > TEXT_CHARACTERS) {
        memcpy(out + length, ellipsis, sizeof ellipsis - 1);
        length += sizeof ellipsis - 1;
    }
    return length;
}

static bool has_short_repr(uintptr_t object, unsigned long flags)
{
    if (flags & CAIRN_TYPE_FLAG_BYTES) {
        return cairn_python_word(object, CAIRN_PYTHON_SIZE) <= TEXT_CHARACTERS;
    }
    static const char *const numbers[] = {"int", "float", "bool", "complex"};
    const char *name = cairn_graph_type_name(object);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(name, numbers[i]) == 0) {
            return cairn_python.call._PySys_GetSizeOf((void *)object) <= NUMBER_BYTES;
        }
    }
    return false;
}

static size_t repr_value(uintptr_t object, char *out)
{
    void *repr = cairn_python.call.PyObject_Repr((void *)object);
    if (!repr) {
        cairn_python.call.PyErr_Clear();
        return 0;
    }
    const size_t length = cairn_python_text(cairn_python.layout, (uintptr_t)repr, out, CAIRN_GRAPH_VALUE_MAX);
    cairn_python.call.Py_DecRef(repr);
    return length;
}

size_t cairn_graph_value(const struct cairn_graph_objects *objects, uintptr_t object, unsigned long flags,
                         char *out)
{
    if (!(objects->options & CAIRN_OPTION_LABEL_VALUES) ||
        (flags & CAIRN_TYPE_FLAG_HEAP)) { /* its repr() may do anything */
        return 0;
    }
    if (flags & CAIRN_TYPE_FLAG_UNICODE) {
        return string_value(object, out);
    }
    return has_short_repr(object, flags) ? repr_value(object, out) : 0;
}

uint32_t cairn_graph_label(const struct cairn_graph_objects *objects, uintptr_t object, unsigned long flags)
{
    struct cairn_graph_stream *stream = objects->stream;
    if (objects->options & CAIRN_OPTION_NO_LABELS) {
        return 0;
    }
    if (flags & CAIRN_TYPE_FLAG_TYPE) {
        const char *own = (const char *)cairn_python_word(object, CAIRN_TYPE_NAME);
        return cairn_graph_stream_string(stream, own, strlen(own));
    }
    char value[CAIRN_GRAPH_VALUE_MAX];
    const size_t length = cairn_graph_value(objects, object, flags, value);
    return length ? cairn_graph_stream_string(stream, value, length) : length_label(stream, object, flags);
}
