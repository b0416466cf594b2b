/* What a graph's builder makes of its input: which root an object is put down to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "graph/build.h"
#include "graph/build_parts.h"

static uint32_t add_string(struct cairn_graph_input *input, const char *text)
{
    return cairn_graph_input_string(input, text, strlen(text));
}

static uint32_t add_node(struct cairn_graph_input *input, uint64_t address)
{
    const struct cairn_graph_node node = {.address = address,
                                          .shallow_bytes = 16,
                                          .birth = CAIRN_GRAPH_NO_EVENT,
                                          .type = add_string(input, "16 B")};
    return cairn_graph_input_node(input, &node);
}

static void add_edge(struct cairn_graph_input *input, uint32_t source, uint32_t target)
{
    const struct cairn_graph_edge edge = {.source = source, .target = target, .index = CAIRN_EDGE_NO_INDEX};
    assert_true(cairn_graph_input_edge(input, &edge));
}

static void add_root(struct cairn_graph_input *input, uint32_t node, const char *kind, const char *name)
{
    const struct cairn_graph_root root = {
        .node = node, .kind = add_string(input, kind), .name = add_string(input, name)};
    assert_true(cairn_graph_input_root(input, &root));
}

/* table → entry → payload; registers and libc's way out hold the payload, and an orphan that nothing else does. */
static void test_passing_roots(void **state)
{
    struct cairn_graph_input input;
    struct cairn_graph_built *built;
    (void)state;
    cairn_graph_input_init(&input);
    add_string(&input, "");
    const uint32_t table = add_node(&input, 0x100), entry = add_node(&input, 0x200),
                   payload = add_node(&input, 0x300), orphan = add_node(&input, 0x400),
                   local = add_node(&input, 0x500);
    add_edge(&input, table, entry);
    add_edge(&input, entry, payload);
    add_root(&input, payload, "register", "thread 7 rbx");
    add_root(&input, payload, "stack", "__run_exit_handlers of thread 7");
    add_root(&input, orphan, "stack", "__run_exit_handlers of thread 7");
    add_root(&input, local, "stack", "main of thread 7");
    add_root(&input, table, "data", "app!table");
    assert_int_equal(cairn_graph_build(&input, 1, &built, NULL), CAIRN_OK);
    assert_int_equal(built->info.roots, 5);
    assert_int_equal(built->lasting_roots, 2);
    assert_int_equal(built->parent[table], UINT32_MAX);
    assert_int_equal(built->parent[entry], table);
    assert_int_equal(built->parent[payload], entry);
    assert_int_equal(built->parent[orphan], UINT32_MAX);
    assert_string_equal(built->strings[built->roots[built->root_of[table] - 1].name], "app!table");
    assert_string_equal(built->strings[built->roots[built->root_of[local] - 1].name], "main of thread 7");
    assert_string_equal(built->strings[built->roots[built->root_of[orphan] - 1].kind], "stack");
    assert_string_equal(built->strings[built->roots[built->root_of[payload] - 1].kind], "register");
    assert_int_equal(built->class[orphan], CAIRN_OBJECT_REACHABLE);
    cairn_graph_built_free(built);
    cairn_graph_input_release(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_passing_roots)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
