/* The reader of object graphs: every list of a whole graph against the objects themselves, page by page, and damaged ones. */
#include "cairn/graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#define PAGE     37u    /* links asked for at once */
#define BOXES    "3000" /* lists of several parts, chunks of objects */
#define FEW      "30"
#define FORGED   "forged.cairn"
#define TEXT_MAX 256

struct edge {
    uint32_t source, target, label;
};

static char folder[] = "/tmp/cairn-reader-graph-XXXXXX";
static char path[sizeof(folder) + 32];

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void make(const char *name, const char *boxes)
{
    char command[TEXT_MAX];
    snprintf(command, sizeof(command), "'" MAKE_GRAPH_TRACE "' '%s' %s", in_folder(name), boxes);
    assert_int_equal(system(command), 0);
}

static struct cairn_trace *open_trace(const char *name)
{
    struct cairn_trace *trace;
    struct cairn_error error;
    if (cairn_trace_open(in_folder(name), NULL, &trace, &error) != CAIRN_OK) {
        fail_msg("%s", error.message);
    }
    return trace;
}

/* All links of a list, a page at a time; the caller frees `*links`. */
static size_t read_list(struct cairn_graph *graph, enum cairn_graph_links kind, uint32_t list,
                        struct cairn_link **links)
{
    struct cairn_error error;
    size_t total = 0, count = 0, offset = 0;
    struct cairn_link page[PAGE];
    *links = NULL;
    do {
        assert_int_equal(cairn_graph_links(graph, kind, list, offset, page, PAGE, &count, &total, &error),
                         CAIRN_OK);
        *links = *links ? *links : calloc(total + 1, sizeof(page[0]));
        assert_non_null(*links);
        assert_true(count <= PAGE && offset + count <= total);
        memcpy(*links + offset, page, count * sizeof(page[0]));
        offset += count;
    } while (count > 0 && offset < total);
    assert_int_equal(offset, total);
    return total;
}

static int compare_edges(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(struct edge));
}

/* The edges as one of the two directions tells them, in order. */
static struct edge *read_edges(struct cairn_graph *graph, enum cairn_graph_links kind, size_t *count)
{
    const struct cairn_graph_info *about = cairn_graph_about(graph);
    struct edge *edges = calloc(about->edges + 1u, sizeof(*edges));
    assert_non_null(edges);
    *count = 0;
    for (uint32_t id = 0; id < about->objects; id++) {
        struct cairn_link *links;
        const size_t total = read_list(graph, kind, id, &links);
        for (size_t i = 0; i < total; i++) {
            assert_true(*count < about->edges && links[i].object < about->objects);
            edges[(*count)++] = (struct edge){
                .source = kind == CAIRN_LINKS_REFERENTS ? id : links[i].object,
                .target = kind == CAIRN_LINKS_REFERENTS ? links[i].object : id,
                .label = links[i].label,
            };
        }
        free(links);
    }
    qsort(edges, *count, sizeof(*edges), compare_edges);
    return edges;
}

static struct cairn_object *read_objects(struct cairn_graph *graph)
{
    struct cairn_error error;
    const uint32_t count = cairn_graph_about(graph)->objects;
    struct cairn_object *objects = calloc(count + 1u, sizeof(*objects));
    assert_non_null(objects);
    for (uint32_t id = 0; id < count; id++) {
        uint32_t found;
        assert_int_equal(cairn_graph_object(graph, id, &objects[id], &error), CAIRN_OK);
        assert_int_equal(objects[id].id, id);
        assert_true(id == 0 || objects[id].address > objects[id - 1].address);
        assert_int_equal(cairn_graph_find(graph, objects[id].address, &found, &error), CAIRN_OK);
        assert_int_equal(found, id);
    }
    uint32_t found;
    for (uint32_t id = 0; id + 1 < count; id++) {
        const uint64_t last = objects[id].address + objects[id].shallow_bytes - 1;
        if (last < objects[id + 1].address) { /* some of this world's objects lie in others */
            assert_int_equal(cairn_graph_find(graph, last, &found, &error), CAIRN_OK);
            assert_int_equal(found, id);
        }
    }
    assert_int_equal(cairn_graph_find(graph, 1, &found, &error), CAIRN_E_NOT_FOUND);
    return objects;
}

/* What a list of objects is about. */
static uint32_t key_of(const struct cairn_object *object, enum cairn_graph_links kind, uint32_t objects)
{
    switch (kind) {
    case CAIRN_LINKS_DOMINATED:
        return object->dominator == CAIRN_DOMINATED_BY_ROOTS     ? objects
               : object->dominator == CAIRN_DOMINATED_BY_GARBAGE ? objects + 1
                                                                 : object->dominator;
    case CAIRN_LINKS_TYPES:
        return object->type;
    case CAIRN_LINKS_CYCLES:
        return object->cycle - 1;
    case CAIRN_LINKS_ACCOUNTS:
        return object->account - 1;
    default:
        return (uint32_t)object->class - CAIRN_OBJECT_DEFINITE;
    }
}

/* Every object is in the list that its own columns name, and in no other one of that kind. */
static void check_lists(struct cairn_graph *graph, const struct cairn_object *objects,
                        enum cairn_graph_links kind, uint32_t lists, size_t expected)
{
    const uint32_t count = cairn_graph_about(graph)->objects;
    size_t sum = 0;
    for (uint32_t list = 0; list < lists; list++) {
        struct cairn_link *links;
        const size_t total = read_list(graph, kind, list, &links);
        for (size_t i = 0; i < total; i++) {
            const struct cairn_object *object = &objects[links[i].object];
            assert_int_equal(key_of(object, kind, count), list);
            assert_true(i == 0 || object->retained_bytes <= objects[links[i - 1].object].retained_bytes);
        }
        sum += total;
        free(links);
    }
    assert_int_equal(sum, expected);
    struct cairn_link link;
    struct cairn_error error;
    size_t one, total;
    assert_int_not_equal(cairn_graph_links(graph, kind, lists, 0, &link, 1, &one, &total, &error), CAIRN_OK);
}

static size_t count_if(const struct cairn_object *objects, size_t count, enum cairn_graph_links kind)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        found += kind == CAIRN_LINKS_CYCLES     ? objects[i].cycle != 0
                 : kind == CAIRN_LINKS_ACCOUNTS ? objects[i].account != 0
                                                : objects[i].class != CAIRN_OBJECT_REACHABLE;
    }
    return found;
}

static void check_types(struct cairn_graph *graph, const struct cairn_object *objects)
{
    const struct cairn_graph_info *about = cairn_graph_about(graph);
    const struct cairn_graph_type *types;
    const struct cairn_graph_account *accounts;
    struct cairn_error error;
    size_t count;
    int64_t sum = 0, bytes = 0;
    assert_int_equal(cairn_graph_types(graph, &types, &count, &error), CAIRN_OK);
    assert_int_equal(count, about->types);
    for (size_t i = 0; i < count; i++) {
        sum += types[i].count;
        bytes += types[i].shallow_bytes;
        assert_true(i == 0 || types[i].retained_bytes <= types[i - 1].retained_bytes);
    }
    assert_int_equal(sum, about->objects);
    assert_int_equal(bytes, about->shallow_bytes);
    assert_int_equal(cairn_graph_accounts(graph, &accounts, &count, &error), CAIRN_OK);
    sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += accounts[i].objects;
    }
    assert_int_equal(sum, count_if(objects, about->objects, CAIRN_LINKS_ACCOUNTS));
}

static void check_names(struct cairn_graph *graph, const struct cairn_object *objects)
{
    const struct cairn_graph_info *about = cairn_graph_about(graph);
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    struct cairn_error error;
    const char *text;
    for (uint32_t i = 0; i < about->strings; i++) {
        assert_int_equal(cairn_graph_string(graph, i, &arena, &text, &error), CAIRN_OK);
        assert_true((i == 0) == (text[0] == '\0'));
    }
    assert_int_not_equal(cairn_graph_string(graph, about->strings, &arena, &text, &error), CAIRN_OK);
    cairn_arena_release(&arena);
    for (uint32_t i = 0; i < about->roots; i++) {
        struct cairn_graph_root_row root;
        assert_int_equal(cairn_graph_root(graph, i, &root, &error), CAIRN_OK);
        assert_true(root.object < about->objects && objects[root.object].root != 0);
    }
    struct cairn_graph_root_row none;
    assert_int_not_equal(cairn_graph_root(graph, about->roots, &none, &error), CAIRN_OK);
}

static void check_keys(struct cairn_graph *graph)
{
    struct cairn_error error;
    size_t sum = 0, count = 0;
    for (uint32_t chunk = 0;; chunk++) {
        struct cairn_graph_key *keys = NULL;
        assert_int_equal(cairn_graph_keys(graph, chunk, &keys, &count, &error), CAIRN_OK);
        free(keys);
        if (count == 0) {
            break;
        }
        sum += count;
    }
    assert_true(sum > 0 && sum <= cairn_graph_about(graph)->objects);
}

static void check_graph(struct cairn_trace *trace, uint32_t number)
{
    struct cairn_graph *graph;
    struct cairn_error error;
    assert_int_equal(cairn_graph_open(trace, number, &graph, &error), CAIRN_OK);
    assert_ptr_equal(cairn_graph_trace(graph), trace);
    const struct cairn_graph_info *about = cairn_graph_about(graph);
    assert_int_equal(about->graph, number);
    struct cairn_object *objects = read_objects(graph), beyond;
    assert_int_not_equal(cairn_graph_object(graph, about->objects, &beyond, &error), CAIRN_OK);

    size_t down, up;
    struct edge *referents = read_edges(graph, CAIRN_LINKS_REFERENTS, &down);
    struct edge *referrers = read_edges(graph, CAIRN_LINKS_REFERRERS, &up);
    assert_int_equal(down, about->edges);
    assert_int_equal(up, about->edges);
    assert_memory_equal(referents, referrers, down * sizeof(*referents));
    free(referents);
    free(referrers);

    check_lists(graph, objects, CAIRN_LINKS_DOMINATED, about->objects + 2, about->objects);
    check_lists(graph, objects, CAIRN_LINKS_TYPES, about->types, about->objects);
    check_lists(graph, objects, CAIRN_LINKS_CYCLES, about->cycles,
                count_if(objects, about->objects, CAIRN_LINKS_CYCLES));
    check_lists(graph, objects, CAIRN_LINKS_ACCOUNTS, about->accounts,
                count_if(objects, about->objects, CAIRN_LINKS_ACCOUNTS));
    check_lists(graph, objects, CAIRN_LINKS_LEAKS, 2, count_if(objects, about->objects, CAIRN_LINKS_LEAKS));
    check_types(graph, objects);
    check_names(graph, objects);
    check_keys(graph);
    free(objects);
    cairn_graph_close(graph);
}

static void test_every_list(void **state)
{
    (void)state;
    const struct cairn_graph_info *graphs;
    struct cairn_error error;
    size_t count;
    make("whole.cairn", BOXES);
    struct cairn_trace *trace = open_trace("whole.cairn");
    assert_int_equal(cairn_trace_graphs(trace, &graphs, &count, &error), CAIRN_OK);
    assert_int_equal(count, 2);
    check_graph(trace, 1);
    check_graph(trace, 2);
    struct cairn_graph *graph;
    assert_int_equal(cairn_graph_open(trace, 0, &graph, &error), CAIRN_OK);
    assert_int_equal(cairn_graph_about(graph)->graph, 2);
    cairn_graph_close(graph);
    cairn_graph_close(NULL);
    assert_int_equal(cairn_graph_open(trace, 9, &graph, &error), CAIRN_E_NOT_FOUND);
    assert_non_null(strstr(error.message, "2"));
    cairn_trace_close(trace);
}

/* Everything of a graph that may be anything: an answer leads to what is there. */
static void look_around(struct cairn_graph *graph)
{
    const struct cairn_graph_info *about = cairn_graph_about(graph);
    const struct cairn_graph_type *types;
    const struct cairn_graph_account *accounts;
    struct cairn_graph_root_row root;
    struct cairn_graph_key *keys = NULL;
    struct cairn_object object;
    struct cairn_link page[PAGE];
    struct cairn_error error;
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    const char *text;
    size_t count, total;
    uint32_t found;
    (void)!cairn_graph_types(graph, &types, &count, &error);
    (void)!cairn_graph_accounts(graph, &accounts, &count, &error);
    for (uint32_t id = 0; id < 200; id++) {
        if (cairn_graph_object(graph, id, &object, &error) == CAIRN_OK) {
            assert_true(object.type < about->types && object.account <= about->accounts);
            (void)!cairn_graph_find(graph, object.address + 1, &found, &error);
        }
        for (int kind = 0; kind < CAIRN_LINKS_KINDS; kind++) {
            for (size_t offset = 0; offset < 600; offset += 300) {
                if (cairn_graph_links(graph, (enum cairn_graph_links)kind, id, offset, page, PAGE, &count,
                                      &total, &error) == CAIRN_OK) {
                    for (size_t i = 0; i < count; i++) {
                        assert_true(page[i].object < about->objects);
                    }
                }
            }
        }
        (void)!cairn_graph_string(graph, id, &arena, &text, &error);
        (void)!cairn_graph_root(graph, id, &root, &error);
    }
    if (cairn_graph_keys(graph, 0, &keys, &count, &error) == CAIRN_OK) {
        free(keys);
    }
    cairn_arena_release(&arena);
}

static void forge(const char *statements)
{
    sqlite3 *db;
    char *message = NULL, command[TEXT_MAX], whole[sizeof(path)];
    snprintf(whole, sizeof(whole), "%s", in_folder("few.cairn"));
    snprintf(command, sizeof(command), "cp '%s' '%s'", whole, in_folder(FORGED));
    assert_int_equal(system(command), 0);
    assert_int_equal(sqlite3_open(in_folder(FORGED), &db), SQLITE_OK);
    if (sqlite3_exec(db, statements, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", statements, message);
    }
    sqlite3_close(db);
}

static void test_forged_graphs(void **state)
{
    static const char *const tables[] = {"graph_object", "graph_links", "graph_string", "graph_identity"};
    static const char *const changes[] = {
        "SET data = zeroblob(0)",
        "SET data = zeroblob(50)",
        "SET data = substr(data, 1, length(data) / 2)",
        "SET data = CAST(substr(data, 1, 3) || zeroblob(100) AS BLOB)",
        "SET data = (SELECT data FROM graph_object LIMIT 1)",
        "SET data = (SELECT data FROM graph_links WHERE kind = 1 LIMIT 1)",
        "SET data = (SELECT data FROM graph_string LIMIT 1)",
        NULL, /* all rows go */
    };
    static const char *const others[] = {
        "UPDATE graph SET objects = 4294967295",
        "UPDATE graph SET objects = objects + 1, types = types - 1, strings = strings - 1",
        "UPDATE graph SET objects = 0",
        "UPDATE graph SET edges = 0, roots = 4294967295, cycles = 4294967295, accounts = 4294967295",
        "UPDATE graph SET objects = 99999999999",
        "UPDATE graph SET graph = graph + 7",
        "UPDATE graph_links SET kind = -1 - kind; UPDATE graph_links SET kind = 7 + kind",
        "UPDATE graph_type SET type = type + 500",
        "UPDATE graph_type SET count = -1, lang = 77",
        "UPDATE graph_root SET object = 4294967295",
        "UPDATE OR IGNORE graph_account SET account = 4294967295, class = 9, type = 4294967295",
        "UPDATE graph_object SET first_address = 0",
        "UPDATE graph_object SET first_address = -first_address",
        "INSERT INTO graph_part SELECT graph, 1, 4, 0, data FROM graph_links WHERE kind = 1 AND chunk = 0",
        "DELETE FROM graph_type; DELETE FROM graph_root; DELETE FROM graph_account",
    };
    char text[TEXT_MAX];
    (void)state;
    make("few.cairn", FEW);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]) * 4 + sizeof(others) / sizeof(others[0]);
         i++) {
        const size_t change = i / 4;
        if (change < sizeof(changes) / sizeof(changes[0])) {
            if (changes[change]) {
                snprintf(text, sizeof(text), "UPDATE %s %s", tables[i % 4], changes[change]);
            } else {
                snprintf(text, sizeof(text), "DELETE FROM %s", tables[i % 4]);
            }
        } else {
            snprintf(text, sizeof(text), "%s", others[i - sizeof(changes) / sizeof(changes[0]) * 4]);
        }
        forge(text);
        struct cairn_trace *trace = open_trace(FORGED);
        for (uint32_t number = 0; number < 9; number++) {
            struct cairn_graph *graph;
            struct cairn_error error;
            if (cairn_graph_open(trace, number, &graph, &error) == CAIRN_OK) {
                look_around(graph);
                cairn_graph_close(graph);
            }
        }
        cairn_trace_close(trace);
    }
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"whole.cairn", "few.cairn", FORGED};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unlink(in_folder(names[i]));
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_list),
        cmocka_unit_test(test_forged_graphs),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
