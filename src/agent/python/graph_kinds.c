#include "agent/python/graph_kinds.h"

#include <string.h>

#include "agent/python/graph_objects.h"
#include "agent/python/interpreter.h"
#include "agent/python/objects.h"

#define LIST_ROOM              32u /* items that it has room for */
#define GC_HEAD_BYTES          16u
#define MANAGED_BYTES          16u /* for its dict and its weak references */
#define FLAG_MANAGED_WEAKREF   (1ul << 3)
#define FIRST_MANAGED          11u
#define STR_WIDE               40u /* to 3.11: another form of the same text, which is weighed too */
#define MOST_HEAD_BYTES        64u /* what stands in front of an object at most */
#define FIRST_WITHOUT_STR_WIDE 12u
#define NAME_MOST              1024u /* of a class; of a longer one what is behind the last dot is told */

/* The end of `name` that is the __name__ of a class, which may have dots; NULL where the class has none of its own. */
static const char *heap_type_name(uintptr_t type, const char *name)
{
    char text[NAME_MOST];
    if (!(cairn_python_word(type, CAIRN_TYPE_FLAGS) & CAIRN_TYPE_FLAG_HEAP)) {
        return NULL;
    }
    const uintptr_t own = cairn_python_word(type, cairn_python.layout->heap_type_name);
    if (!own || !(cairn_python_word(cairn_python_word(own, CAIRN_PYTHON_TYPE), CAIRN_TYPE_FLAGS) &
                  CAIRN_TYPE_FLAG_UNICODE)) {
        return NULL;
    }
    const size_t length = cairn_python_text(cairn_python.layout, own, text, sizeof text),
                 whole = strlen(name);
    const bool ends_so = length <= whole && memcmp(name + whole - length, text, length) == 0;
    return ends_so && length < sizeof text ? name + whole - length : NULL;
}

const char *cairn_graph_type_name(uintptr_t object)
{
    const char *name =
        (const char *)cairn_python_word(cairn_python_word(object, CAIRN_PYTHON_TYPE), CAIRN_TYPE_NAME);
    if (!name) {
        return "?";
    }
    const char *of_class = heap_type_name(cairn_python_word(object, CAIRN_PYTHON_TYPE), name);
    if (of_class) {
        return of_class;
    }
    /* A module stands before it, which dots in parameters ("Page[list[orders.Order]]") do not end. */
    const char *own = name;
    for (const char *at = name + strcspn(name, "[(<"); at > name; at--) {
        if (at[-1] == '.') {
            own = at;
            break;
        }
    }
    return *own ? own : name;
}

uint64_t cairn_graph_head_bytes(const struct cairn_graph_kind *kind, uintptr_t object)
{
    int (*asks)(uintptr_t) = (int (*)(uintptr_t))cairn_python_word(kind->type, CAIRN_TYPE_IS_GC);
    const bool known = (kind->flags & CAIRN_TYPE_FLAG_HAVE_GC) && (!asks || asks(object));
    const bool managed = cairn_python.layout->minor >= FIRST_MANAGED &&
                         (kind->flags & (CAIRN_TYPE_FLAG_MANAGED_DICT | FLAG_MANAGED_WEAKREF));
    return (known ? GC_HEAD_BYTES : 0u) + (managed ? MANAGED_BYTES : 0u);
}

static uint64_t ask(const struct cairn_graph_kind *kind, uintptr_t object)
{
    const struct cairn_python_functions *call = &cairn_python.call;
    size_t bytes = SIZE_MAX;
    if (!kind->sizeof_method) {
        bytes = call->_PySys_GetSizeOf((void *)object);
    } else {
        void *answer = call->PyObject_CallFunction(kind->sizeof_method, "(O)", (void *)object);
        if (answer) {
            bytes = call->PyLong_AsSize_t(answer) + cairn_graph_head_bytes(kind, object);
            call->Py_DecRef(answer);
        }
    }
    if (bytes == SIZE_MAX) {
        call->PyErr_Clear();
        return 0;
    }
    return bytes;
}

/* What the class itself or, where it is not made by Python code, any of its bases calls __sizeof__; NULL where there is nothing.
 * Borrowed. Classes of Python code are not asked for attributes, which may run code of theirs: their dicts are looked into. */
static void *sizeof_of_class(uintptr_t type)
{
    const struct cairn_python_functions *call = &cairn_python.call;
    if (cairn_python_word(type, CAIRN_TYPE_FLAGS) & CAIRN_TYPE_FLAG_HEAP) {
        void *dict = (void *)cairn_python_word(type, CAIRN_TYPE_DICT);
        return dict ? call->PyDict_GetItemString(dict, "__sizeof__") : NULL;
    }
    void *found = call->PyObject_GetAttrString((void *)type, "__sizeof__");
    if (!found) {
        call->PyErr_Clear();
        return NULL;
    }
    call->Py_DecRef(found);
    return found;
}

/* Finds out which __sizeof__ weighs the type's objects. Returns whether that is object's. */
static bool find_sizeof(struct cairn_graph_kind *kind)
{
    const uintptr_t order = cairn_python_word(kind->type, CAIRN_TYPE_MRO);
    const size_t count = order ? cairn_python_word(order, CAIRN_PYTHON_SIZE) : 0;
    const uintptr_t *classes = (const uintptr_t *)(order + CAIRN_TUPLE_ITEMS);
    void *of_object = count ? sizeof_of_class(classes[count - 1]) : NULL;
    bool passed = false;
    for (size_t i = 0; i < count; i++) {
        void *method = sizeof_of_class(classes[i]);
        if (method && cairn_python_word((uintptr_t)method, CAIRN_PYTHON_TYPE) == cairn_python.method_type) {
            kind->sizeof_method = passed ? method : NULL;
            return method == of_object;
        }
        passed |= method != NULL;
    }
    return false;
}

/* Whether `object` is a str whose text stands right behind its head, one byte a character. */
static bool is_compact_ascii(uintptr_t object)
{
    const uint32_t both = CAIRN_STR_IS_COMPACT | CAIRN_STR_IS_ASCII;
    return ((uint32_t)cairn_python_int(object, CAIRN_STR_STATE) & both) == both &&
           (cairn_python.layout->minor >= FIRST_WITHOUT_STR_WIDE || !cairn_python_word(object, STR_WIDE));
}

/* A class of Python code may be called as a built-in type is, and be something else. */
static bool is_builtin(const struct cairn_graph_kind *kind, unsigned long flag, const char *name)
{
    return (kind->flags & flag) && !(kind->flags & CAIRN_TYPE_FLAG_HEAP) && strcmp(kind->name, name) == 0;
}

static uint8_t shape_of(const struct cairn_graph_kind *kind)
{
    return is_builtin(kind, CAIRN_TYPE_FLAG_DICT, "dict")     ? CAIRN_GRAPH_SHAPE_DICT
           : is_builtin(kind, CAIRN_TYPE_FLAG_LIST, "list")   ? CAIRN_GRAPH_SHAPE_LIST
           : is_builtin(kind, CAIRN_TYPE_FLAG_TUPLE, "tuple") ? CAIRN_GRAPH_SHAPE_TUPLE
                                                              : CAIRN_GRAPH_SHAPE_OTHER;
}

/* The text's end is known by version, and where this one is compact ASCII it must be as the interpreter says. */
static void learn_str(struct cairn_graph_kind *kind, uintptr_t object)
{
    kind->bytes = cairn_python.layout->ascii_data + 1u;
    kind->item_bytes = 1;
    kind->weighing = is_compact_ascii(object) &&
                             ask(kind, object) != kind->bytes + cairn_python_word(object, CAIRN_PYTHON_SIZE)
                         ? CAIRN_GRAPH_WEIGHED_BY_ASKING
                         : CAIRN_GRAPH_WEIGHED_BY_LENGTH;
}

/* What stands in front of objects is not known by version: it is what the interpreter's answer for this first one has more. */
static void learn_weight(struct cairn_graph_kind *kind, uintptr_t object)
{
    uint64_t items = 0;
    if (is_builtin(kind, CAIRN_TYPE_FLAG_UNICODE, "str")) {
        learn_str(kind, object);
        return;
    }
    if (kind->shape == CAIRN_GRAPH_SHAPE_LIST) {
        kind->weighing = CAIRN_GRAPH_WEIGHED_BY_ROOM;
        kind->item_bytes = sizeof(uintptr_t);
        items = cairn_python_word(object, LIST_ROOM);
    } else if (find_sizeof(kind) && !cairn_python_word(kind->type, CAIRN_TYPE_IS_GC)) {
        kind->weighing = CAIRN_GRAPH_WEIGHED_BY_SIZE;
        kind->item_bytes = cairn_python_word(kind->type, CAIRN_TYPE_ITEM_SIZE);
        items = kind->item_bytes ? cairn_python_word(object, CAIRN_PYTHON_SIZE) : 0;
    }
    kind->bytes = ask(kind, object) - items * kind->item_bytes;
    if (kind->item_bytes &&
        kind->bytes - cairn_python_word(kind->type, CAIRN_TYPE_BASIC_SIZE) > MOST_HEAD_BYTES) {
        kind->weighing = CAIRN_GRAPH_WEIGHED_BY_ASKING;
    }
}

static bool is_shared(unsigned long flags, const char *name)
{
    return (flags & CAIRN_TYPE_FLAG_TYPE) || strcmp(name, "module") == 0 || strcmp(name, "function") == 0 ||
           strcmp(name, "builtin_function_or_method") == 0 || strcmp(name, "code") == 0;
}

const struct cairn_graph_kind *cairn_graph_kind_of(struct cairn_graph_kinds *kinds,
                                                   struct cairn_graph_stream *stream, uintptr_t object)
{
    const uintptr_t type = cairn_python_word(object, CAIRN_PYTHON_TYPE);
    struct cairn_graph_kind *kind =
        &kinds->places[(uint32_t)(type * 0x9e3779b97f4a7c15ull >> 40) % CAIRN_GRAPH_KINDS];
    if (kind->type != type) {
        const char *name = cairn_graph_type_name(object);
        const unsigned long flags = cairn_python_word(type, CAIRN_TYPE_FLAGS);
        *kind =
            (struct cairn_graph_kind){.type = type,
                                      .flags = flags,
                                      .name = name,
                                      .name_string = cairn_graph_stream_string(stream, name, strlen(name)),
                                      .shared = is_shared(flags, name)};
        kind->shape = shape_of(kind);
        learn_weight(kind, object);
    }
    return kind;
}

uint64_t cairn_graph_weigh(const struct cairn_graph_kind *kind, uintptr_t object)
{
    switch (kind->weighing) {
    case CAIRN_GRAPH_WEIGHED_BY_SIZE:
        return kind->bytes +
               (kind->item_bytes ? cairn_python_word(object, CAIRN_PYTHON_SIZE) * kind->item_bytes : 0);
    case CAIRN_GRAPH_WEIGHED_BY_ROOM:
        return kind->bytes + cairn_python_word(object, LIST_ROOM) * kind->item_bytes;
    case CAIRN_GRAPH_WEIGHED_BY_LENGTH:
        return is_compact_ascii(object) ? kind->bytes + cairn_python_word(object, CAIRN_PYTHON_SIZE)
                                        : ask(kind, object);
    default:
        return ask(kind, object);
    }
}
