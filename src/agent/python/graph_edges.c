/* The edges of one object, named as people know them: attributes, keys, indexes, and what the interpreter calls the rest.
 *
 * What leads where is the object's own word (tp_traverse); names are found beside it. Keys of dicts stand as edges too where
 * the interpreter's own traversal leaves them out: they are held all the same. */
#include <string.h>

#include "agent/python/graph_labels.h"
#include "agent/python/graph_objects.h"
#include "agent/python/interpreter.h"
#include "agent/python/objects.h"
#include "wire/ring.h"

#define NAME_MAX_BYTES 256u
/* Objects of one tp_traverse call that are gathered before they are named. */
#define VISITED_MAX 65536u

#define NO_INDEX    UINT32_MAX

struct visited {
    struct cairn_graph_objects *objects;
    uint32_t source;
    uint32_t count;
    uintptr_t targets[VISITED_MAX];
};

/* One at a time: the image has one thread. */
static struct visited visited;

void cairn_graph_edge(struct cairn_graph_objects *objects, uint32_t source, uintptr_t target, uint32_t name,
                      uint32_t index, bool counted)
{
    if (!target) {
        return;
    }
    const uint32_t number = cairn_graph_objects_number(objects, target);
    if (objects->failed) {
        return;
    }
    objects->edges_in[number] += counted;
    name = objects->options & CAIRN_OPTION_NO_LABELS ? 0 : name;
    cairn_graph_stream_edge(
        objects->stream,
        &(struct cairn_graph_wire_edge){.source = source, .target = number, .name = name, .index = index});
}

static uint32_t word(struct cairn_graph_objects *objects, const char *text)
{
    return cairn_graph_stream_string(objects->stream, text, strlen(text));
}

static unsigned long flags_of(uintptr_t object)
{
    return cairn_python_word(cairn_python_word(object, CAIRN_PYTHON_TYPE), CAIRN_TYPE_FLAGS);
}

static bool is_identifier(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        const char c = text[i];
        if (!(c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (i > 0 && c >= '0' && c <= '9') || (c & 0x80))) {
            return false;
        }
    }
    return length > 0;
}

/* "['key']" for a key that is an identifier, "[int]" and the like for others, or their values. `attribute`:
 * the dict is an object's own, ".key". */
static uint32_t key_name(struct cairn_graph_objects *objects, uintptr_t key, bool attribute)
{
    char text[NAME_MAX_BYTES];
    size_t length = 0;
    if (flags_of(key) & CAIRN_TYPE_FLAG_UNICODE) {
        const char *before = attribute ? "." : "['", *after = attribute ? "" : "']";
        length = strlen(before);
        memcpy(text, before, length);
        const size_t used = cairn_python_text(cairn_python.layout, key, text + length, sizeof text - 8);
        if (is_identifier(text + length, used)) {
            length += used;
            memcpy(text + length, after, strlen(after));
            return cairn_graph_stream_string(objects->stream, text, length + strlen(after));
        }
    }
    text[0] = '[';
    length = cairn_graph_value(objects, key, flags_of(key), text + 1);
    if (!length) {
        const char *type = cairn_graph_type_name(key);
        length = strlen(type) < 128 ? strlen(type) : 128;
        memcpy(text + 1, type, length);
    }
    text[length + 1] = ']';
    return cairn_graph_stream_string(objects->stream, text, length + 2);
}

/* Values by key, and the keys themselves. */
static void dict_edges(struct cairn_graph_objects *objects, uint32_t source, uintptr_t dict, bool attribute)
{
    const uint32_t key_word = word(objects, "key");
    const bool holds = !cairn_graph_dict_only_looks(dict);
    intptr_t position = 0;
    void *key, *value;
    while (cairn_python.call.PyDict_Next((void *)dict, &position, &key, &value)) {
        cairn_graph_edge(objects, source, (uintptr_t)value, key_name(objects, (uintptr_t)key, attribute),
                         NO_INDEX, holds);
        cairn_graph_edge(objects, source, (uintptr_t)key, key_word, NO_INDEX, true);
    }
}

static void array_edges(struct cairn_graph_objects *objects, uint32_t source, const uintptr_t *items,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (count - i > CAIRN_GRAPH_AHEAD) {
            cairn_graph_objects_expect(objects, items[i + CAIRN_GRAPH_AHEAD]);
        }
        cairn_graph_edge(objects, source, items[i], 0, (uint32_t)i, true);
    }
}

static int note_visited(uintptr_t target, void *state)
{
    struct visited *into = state;
    if (target && into->count < VISITED_MAX) {
        into->targets[into->count++] = target;
    } else if (target) {
        cairn_graph_edge(into->objects, into->source, target, 0, NO_INDEX, true);
    }
    return 0;
}

/* Sends the first visited edge to `target` under that name, if there is (still) one. */
static void name_visited(uintptr_t target, uint32_t name)
{
    for (uint32_t i = 0; target && i < visited.count; i++) {
        if (visited.targets[i] == target) {
            cairn_graph_edge(visited.objects, visited.source, target, name, NO_INDEX, true);
            visited.targets[i] = 0;
            return;
        }
    }
}

/* Where a target stands among the visited ones, from `at` on: near by, where a dict's own order says it is, or, for as long as
 * `*budget` lasts, anywhere behind. */
static uint32_t find_visited(uintptr_t target, uint32_t at, uint32_t *budget)
{
    const uint32_t window = 4;
    for (uint32_t i = at; i < visited.count; i++) {
        if (visited.targets[i] == target) {
            return i;
        }
        if (i >= at + window) {
            if (*budget == 0) {
                break;
            }
            --*budget;
        }
    }
    return visited.count;
}

/* Where a dict's keys are visited: not at all where all are strings, each behind its value where some are not; an OrderedDict's
 * come before all else. */
enum key_place { KEYS_LEFT_OUT, KEYS_BEHIND, KEYS_BEFORE };

/* By its first entry. `*first` is where the keys begin, if they come before all else. */
static enum key_place find_keys(uintptr_t dict, uint32_t *first)
{
    intptr_t position = 0;
    void *key, *value;
    uint32_t none = 0, all = visited.count;
    if (visited.count < 2 * cairn_python_word(dict, CAIRN_PYTHON_SIZE) ||
        !cairn_python.call.PyDict_Next((void *)dict, &position, &key, &value)) {
        return KEYS_LEFT_OUT;
    }
    const uint32_t value_at = find_visited((uintptr_t)value, 0, &all);
    if (value_at + 1 < visited.count && visited.targets[value_at + 1] == (uintptr_t)key) {
        return KEYS_BEHIND;
    }
    *first = find_visited((uintptr_t)key, 0, &none);
    return *first < visited.count ? KEYS_BEFORE : KEYS_LEFT_OUT;
}

static void name_entries(struct cairn_graph_objects *objects, uintptr_t dict)
{
    const uint32_t key_word = word(objects, "key");
    uint32_t key_at = 0;
    const enum key_place keys = find_keys(dict, &key_at);
    uint32_t at = keys == KEYS_BEFORE ? key_at + (uint32_t)cairn_python_word(dict, CAIRN_PYTHON_SIZE) : 0;
    uint32_t budget = visited.count * 4;
    intptr_t position = 0;
    void *key, *value;
    while (cairn_python.call.PyDict_Next((void *)dict, &position, &key, &value)) {
        const uint32_t found = find_visited((uintptr_t)value, at, &budget);
        if (found < visited.count) {
            cairn_graph_edge(objects, visited.source, (uintptr_t)value,
                             key_name(objects, (uintptr_t)key, false), NO_INDEX, true);
            visited.targets[found] = 0;
            at = found + 1;
        }
        if (keys == KEYS_BEHIND && at < visited.count && visited.targets[at] == (uintptr_t)key) {
            visited.targets[at++] = 0;
        } else if (keys == KEYS_BEFORE) {
            const uint32_t key_found = find_visited((uintptr_t)key, key_at, &budget);
            if (key_found < visited.count) {
                visited.targets[key_found] = 0;
                key_at = key_found + 1;
            }
        }
        cairn_graph_edge(objects, visited.source, (uintptr_t)key, key_word, NO_INDEX, true);
    }
}

struct member { /* PyMemberDef */
    const char *name;
    int type;
    intptr_t offset;
    int flags;
    const char *doc;
};

#define MEMBER_OBJECT    6
#define MEMBER_OBJECT_EX 16

/* Members of C structs and __slots__ are described by the type and its bases: calls `act` with each object and its name. */
static void each_member(struct cairn_graph_objects *objects, uintptr_t object,
                        void (*act)(struct cairn_graph_objects *objects, uintptr_t target, uint32_t name))
{
    char text[NAME_MAX_BYTES];
    for (uintptr_t type = cairn_python_word(object, CAIRN_PYTHON_TYPE); type;
         type = cairn_python_word(type, CAIRN_TYPE_BASE)) {
        const struct member *member = (const struct member *)cairn_python_word(type, CAIRN_TYPE_MEMBERS);
        for (; member && member->name; member++) {
            const size_t length = strnlen(member->name, sizeof text - 2);
            if ((member->type != MEMBER_OBJECT && member->type != MEMBER_OBJECT_EX) || member->offset <= 0) {
                continue;
            }
            text[0] = '.';
            memcpy(text + 1, member->name, length);
            act(objects, cairn_python_word(object, (unsigned)member->offset),
                cairn_graph_stream_string(objects->stream, text, length + 1));
        }
    }
}

static void name_member(struct cairn_graph_objects *objects, uintptr_t target, uint32_t name)
{
    (void)objects;
    name_visited(target, name);
}

static void send_member(struct cairn_graph_objects *objects, uintptr_t target, uint32_t name)
{
    cairn_graph_edge(objects, visited.source, target, name, NO_INDEX, true);
}

/* The dict of an object that keeps its values in itself, where the program has asked for it: 3.13's own traversal passes over it. */
static void send_passed_over(struct cairn_graph_objects *objects, uintptr_t object, unsigned long flags)
{
    if (cairn_python.layout->minor < 13 || !(flags & CAIRN_TYPE_FLAG_MANAGED_DICT)) {
        return;
    }
    const uintptr_t dict = cairn_python_word(object - CAIRN_OBJECT_MANAGED_DICT, 0);
    for (uint32_t i = 0; i < visited.count; i++) {
        if (visited.targets[i] == dict) {
            return;
        }
    }
    cairn_graph_edge(objects, visited.source, dict, word(objects, "__dict__"), NO_INDEX, true);
}

/* The object's own dict, or the values that stand in the object itself: then the dict is made for its names alone. */
static void name_attributes(struct cairn_graph_objects *objects, uintptr_t object)
{
    void **place = cairn_python.call._PyObject_GetDictPtr((void *)object);
    const uintptr_t dict = place ? (uintptr_t)*place : 0;
    if (!dict || !(flags_of(dict) & CAIRN_TYPE_FLAG_DICT)) {
        return;
    }
    for (uint32_t i = 0; i < visited.count; i++) {
        if (visited.targets[i] == dict) {
            name_visited(dict, word(objects, "__dict__"));
            return;
        }
    }
    intptr_t position = 0;
    void *key, *value;
    while (cairn_python.call.PyDict_Next((void *)dict, &position, &key, &value)) {
        name_visited((uintptr_t)value, key_name(objects, (uintptr_t)key, true));
    }
}

static void each_type_part(struct cairn_graph_objects *objects, uintptr_t type,
                           void (*act)(struct cairn_graph_objects *objects, uintptr_t target, uint32_t name))
{
    static const struct {
        unsigned offset;
        const char *name;
    } parts[] = {{CAIRN_TYPE_DICT, "__dict__"},
                 {CAIRN_TYPE_BASE, "__base__"},
                 {CAIRN_TYPE_BASES, "__bases__"},
                 {CAIRN_TYPE_MRO, "__mro__"}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        act(objects, cairn_python_word(type, parts[i].offset), word(objects, parts[i].name));
    }
}

/* What has no traversal, or refuses it, holds something all the same: code objects their constants and names, built-in types
 * their dicts, ranges their ends. */
static void untraversed_edges(struct cairn_graph_objects *objects, uint32_t number, uintptr_t object,
                              unsigned long flags)
{
    visited.objects = objects;
    visited.source = number;
    if (flags & CAIRN_TYPE_FLAG_TYPE) {
        each_type_part(objects, object, send_member);
        return;
    }
    each_member(objects, object, send_member);
    if (cairn_python_word(object, CAIRN_PYTHON_TYPE) == cairn_python.code_type &&
        cairn_python.layout->code_local_names) {
        send_member(objects, cairn_python_word(object, cairn_python.layout->code_local_names),
                    word(objects, "local names"));
    }
}

/* What is left is named by what it leads to, where that is telling. */
static uint32_t fallback_name(struct cairn_graph_objects *objects, uintptr_t object, uintptr_t target)
{
    static const struct {
        const char *source, *target, *name;
    } known[] = {
        {"function", "code", "__code__"},
        {"function", "tuple", "__defaults__"},
        {"function", "dict", "__kwdefaults__"},
        {"cell", NULL, "cell_contents"},
        {"set", NULL, "member"},
        {"frozenset", NULL, "member"},
        {"frame", NULL, "f_locals"},
        {"generator", NULL, "gi_frame"},
        {"coroutine", NULL, "cr_frame"},
        {"deque", NULL, "[*]"},
        {"mappingproxy", NULL, "mapping"},
    };
    if (target == cairn_python_word(object, CAIRN_PYTHON_TYPE)) {
        return word(objects, "__class__");
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].source, cairn_graph_type_name(object)) == 0 &&
            (!known[i].target || strcmp(known[i].target, cairn_graph_type_name(target)) == 0)) {
            return word(objects, known[i].name);
        }
    }
    return 0;
}

static void traversed_edges(struct cairn_graph_objects *objects, uint32_t number, uintptr_t object,
                            unsigned long flags)
{
    const uintptr_t type = cairn_python_word(object, CAIRN_PYTHON_TYPE);
    int (*asks)(uintptr_t) = (int (*)(uintptr_t))cairn_python_word(type, CAIRN_TYPE_IS_GC);
    int (*traverse)(uintptr_t, int (*)(uintptr_t, void *), void *) =
        (int (*)(uintptr_t, int (*)(uintptr_t, void *), void *))cairn_python_word(type, CAIRN_TYPE_TRAVERSE);
    if (!traverse || (asks && !asks(object))) {
        untraversed_edges(objects, number, object, flags);
        return;
    }
    visited.objects = objects;
    visited.source = number;
    visited.count = 0;
    traverse(object, note_visited, &visited);
    send_passed_over(objects, object, flags);
    if (flags & CAIRN_TYPE_FLAG_DICT) {
        name_entries(objects, object);
    }
    if (flags & CAIRN_TYPE_FLAG_TYPE) {
        each_type_part(objects, object, name_member);
    }
    each_member(objects, object, name_member);
    name_attributes(objects, object);
    for (uint32_t i = 0; i < visited.count; i++) {
        const uintptr_t target = visited.targets[i];
        if (target) {
            cairn_graph_edge(objects, number, target, fallback_name(objects, object, target), NO_INDEX, true);
        }
    }
}

/* Whether the dict is that of a module or a class, which begins with a name: its keys are attributes then. */
static bool is_namespace(uintptr_t dict)
{
    intptr_t position = 0;
    void *key, *value;
    if (!cairn_python.call.PyDict_Next((void *)dict, &position, &key, &value) ||
        !(flags_of((uintptr_t)key) & CAIRN_TYPE_FLAG_UNICODE)) {
        return false;
    }
    char text[16];
    const size_t length = cairn_python_text(cairn_python.layout, (uintptr_t)key, text, sizeof text);
    return (length == 8 && memcmp(text, "__name__", 8) == 0) ||
           (length == 10 && memcmp(text, "__module__", 10) == 0);
}

void cairn_graph_edges_send(struct cairn_graph_objects *objects, uint32_t number, uintptr_t object)
{
    const struct cairn_graph_kind *kind = cairn_graph_kind_of(objects->kinds, objects->stream, object);
    const unsigned long flags = kind->flags;
    const size_t size = cairn_python_word(object, CAIRN_PYTHON_SIZE);
    switch (kind->shape) {
    case CAIRN_GRAPH_SHAPE_DICT:
        dict_edges(objects, number, object, is_namespace(object));
        break;
    case CAIRN_GRAPH_SHAPE_LIST:
        array_edges(objects, number, (const uintptr_t *)cairn_python_word(object, CAIRN_LIST_ITEMS), size);
        break;
    case CAIRN_GRAPH_SHAPE_TUPLE:
        array_edges(objects, number, (const uintptr_t *)(object + CAIRN_TUPLE_ITEMS), size);
        break;
    default:
        if (flags & CAIRN_TYPE_FLAG_HAVE_GC) {
            traversed_edges(objects, number, object, flags);
        } else {
            untraversed_edges(objects, number, object, flags);
        }
        break;
    }
}
