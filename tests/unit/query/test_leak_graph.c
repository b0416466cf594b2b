#include "query/leaks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "graph/build.h"
#include "trace_maker.h"

/* Accounts by function: a, b, c, d. a's block → b's → c's, all lost; a ring of two of d's, lost; another one of c's that data
 * holds; a second process whose blocks live at its end and that has no graph, but one of which the first one's graph has, too, as
 * if it had been forked. */
enum { A = 1, B, C, D, OTHER };
#define SIZE(account) (UINT64_C(100) * (account))
#define OTHER_SIZE    77

struct block {
    uint32_t account;
    uint64_t t_ns, event;
};

static struct block blocks[] = {
    {.account = A, .t_ns = 1000}, {.account = B, .t_ns = 2000}, {.account = C, .t_ns = 3000},
    {.account = D, .t_ns = 4000}, {.account = D, .t_ns = 5000}, {.account = C, .t_ns = 6000},
};
#define BLOCKS (sizeof blocks / sizeof *blocks)

static void make_names(struct cairn_writer *writer)
{
    static const char *const names[] = {"a", "b", "c", "d", "other"};
    for (uint32_t i = 1; i <= OTHER; i++) {
        cairn_writer_function(writer, &(const struct cairn_function){.function = i, .name = names[i - 1]});
        cairn_writer_frame(writer,
                           &(const struct cairn_frame){.frame = i, .function = i, .offset = CAIRN_UNKNOWN});
        cairn_writer_stack(writer, &(const struct cairn_stack_row){.stack = i, .frame = i, .depth = 1});
    }
}

static void add_edge(struct cairn_graph_input *input, uint32_t source, uint32_t target)
{
    assert_true(cairn_graph_input_edge(
        input,
        &(const struct cairn_graph_edge){.source = source, .target = target, .index = CAIRN_EDGE_NO_INDEX}));
}

static void add_inherited(struct cairn_graph_input *input, uint64_t event, uint32_t type)
{
    assert_int_equal(
        cairn_graph_input_node(input, &(const struct cairn_graph_node){.address = 0x9000,
                                                                       .shallow_bytes = OTHER_SIZE,
                                                                       .block_bytes = OTHER_SIZE,
                                                                       .birth = event,
                                                                       .account = OTHER,
                                                                       .type = type}),
        BLOCKS);
}

static void make_graph(struct cairn_writer *writer, int64_t t_ns, uint64_t inherited)
{
    struct cairn_graph_input input;
    struct cairn_graph_built *built;
    cairn_graph_input_init(&input);
    assert_int_equal(cairn_graph_input_string(&input, "", 0), 0);
    const uint32_t type = cairn_graph_input_string(&input, "thing", 5);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        assert_int_equal(
            cairn_graph_input_node(&input,
                                   &(const struct cairn_graph_node){.address = 0x1000 + i * 0x100,
                                                                    .shallow_bytes = SIZE(blocks[i].account),
                                                                    .block_bytes = SIZE(blocks[i].account),
                                                                    .birth = blocks[i].event,
                                                                    .account = blocks[i].account,
                                                                    .type = type}),
            i);
    }
    add_inherited(&input, inherited, type);
    add_edge(&input, 0, 1);
    add_edge(&input, 1, 2);
    add_edge(&input, 3, 4);
    add_edge(&input, 4, 3);
    assert_true(cairn_graph_input_root(&input, &(const struct cairn_graph_root){.node = 5, .kind = type}));
    input.process = 1;
    input.t_ns = t_ns;
    input.name = "exit";
    assert_int_equal(cairn_graph_build(&input, 1, &built, NULL), CAIRN_OK);
    while (cairn_graph_built_write(built, writer)) {
    }
    cairn_graph_built_free(built);
    cairn_graph_input_release(&input);
}

static void make_trace(char *path)
{
    struct trace_maker maker;
    const int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    unlink(path);
    maker_open(&maker, path, 64, 4);
    make_names(maker.writer);
    maker_process(&maker, 0);
    maker_process(&maker, 1);
    for (uint32_t i = A; i <= OTHER; i++) {
        assert_int_equal(maker_account(&maker, i == OTHER ? 2 : 1, 0, i, i), i);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i].event = maker_event(&maker, &(const struct cairn_event){.t_ns = blocks[i].t_ns,
                                                                          .size = SIZE(blocks[i].account),
                                                                          .account = blocks[i].account,
                                                                          .kind = CAIRN_EVENT_ALLOC});
    }
    const uint64_t inherited = maker_event(
        &maker, &(const struct cairn_event){
                    .t_ns = 7000, .size = OTHER_SIZE, .account = OTHER, .kind = CAIRN_EVENT_ALLOC});
    make_graph(maker.writer, 8000, inherited);
    maker_close(&maker);
}

/* "a definite 100/1, …" in the order of the rows. */
static void expect(struct cairn_trace *trace, uint32_t process, int64_t min_age_ns, const char *suppressions,
                   const char *rows, int64_t leaked, int64_t suppressed)
{
    const struct cairn_selection selection = {.by = CAIRN_BY_FUNCTION, .process = process};
    struct cairn_suppressions *list = NULL;
    struct cairn_leaks leaks;
    struct cairn_error error;
    char text[512] = "";
    if (suppressions) {
        FILE *file = fopen("leaks.supp", "w");
        assert_non_null(file);
        fputs(suppressions, file);
        fclose(file);
        assert_int_equal(cairn_suppressions_load("leaks.supp", &list, &error), CAIRN_OK);
        unlink("leaks.supp");
    }
    if (cairn_leaks(trace, &selection, min_age_ns, list, &leaks, &error) != CAIRN_OK) {
        fail_msg("%s", error.message);
    }
    for (size_t i = 0; i < leaks.row_count; i++) {
        const struct cairn_leak_row *row = &leaks.rows[i];
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s %s %d/%d", i > 0 ? ", " : "",
                 row->site.function, cairn_leak_class_name(row->class), (int)row->bytes, (int)row->blocks);
    }
    assert_string_equal(text, rows);
    assert_int_equal(leaks.bytes, leaked);
    assert_int_equal(leaks.suppressed_bytes, suppressed);
    cairn_leaks_release(&leaks);
    cairn_suppressions_free(list);
}

static void test_classes(void **state)
{
    char path[] = "leak-graph-XXXXXX";
    struct cairn_trace *trace;
    (void)state;
    make_trace(path);
    assert_int_equal(cairn_trace_open(path, NULL, &trace, NULL), CAIRN_OK);
    expect(trace, 1, 0, NULL,
           "d indirect 800/2, c indirect 300/1, b indirect 200/1, a definite 100/1, "
           "c reachable 300/1",
           1400, 0);
    expect(trace, 2, 0, NULL, "other unknown 77/1", 77, 0);
    expect(trace, 0, 0, NULL,
           "d indirect 800/2, c indirect 300/1, b indirect 200/1, a definite 100/1, "
           "other unknown 77/1, c reachable 300/1",
           1477, 0);
    cairn_trace_close(trace);
    unlink(path);
}

/* What a suppressed leak keeps goes with it, what keeps it does not; suppressed and reachable is not talked about. */
static void test_suppressed(void **state)
{
    char path[] = "leak-graph-XXXXXX";
    struct cairn_trace *trace;
    (void)state;
    make_trace(path);
    assert_int_equal(cairn_trace_open(path, NULL, &trace, NULL), CAIRN_OK);
    expect(trace, 1, 0, "leak:^b$\n", "d indirect 800/2, a definite 100/1, c reachable 300/1", 900, 500);
    expect(trace, 1, 0, "leak:^c$\n", "d indirect 800/2, b indirect 200/1, a definite 100/1", 1100, 300);
    expect(trace, 0, 0, "leak:^c$\n",
           "d indirect 800/2, b indirect 200/1, a definite 100/1, other unknown 77/1", 1177, 300);
    expect(trace, 0, 0, "leak:^[abcd]$\nleak:other\n",
           "d indirect 800/2, c indirect 300/1, b indirect 200/1, a definite 100/1, "
           "c reachable 300/1",
           1400, 77);
    cairn_trace_close(trace);
    unlink(path);
}

/* The recording ends at 7000 ns. */
static void test_ages(void **state)
{
    char path[] = "leak-graph-XXXXXX";
    struct cairn_trace *trace;
    struct cairn_leaks leaks;
    const struct cairn_selection selection = {.by = CAIRN_BY_FUNCTION, .process = 1};
    (void)state;
    make_trace(path);
    assert_int_equal(cairn_trace_open(path, NULL, &trace, NULL), CAIRN_OK);
    expect(trace, 1, 3000, NULL, "d indirect 400/1, c indirect 300/1, b indirect 200/1, a definite 100/1",
           1000, 0);
    expect(trace, 1, 6000, NULL, "a definite 100/1", 100, 0);
    expect(trace, 1, 1000000, NULL, "", 0, 0);
    assert_int_equal(cairn_leaks(trace, &selection, 0, NULL, &leaks, NULL), CAIRN_OK);
    assert_int_equal(leaks.row_count, 5);
    static const int64_t ages_ns[] = {3000, 4000, 5000, 6000, 1000};
    for (size_t i = 0; i < leaks.row_count; i++) {
        assert_int_equal(leaks.rows[i].oldest_age_ns, ages_ns[i]);
    }
    assert_true(leaks.by_graph);
    assert_string_equal(leaks.at.label, "@exit");
    cairn_leaks_release(&leaks);
    cairn_trace_close(trace);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_suppressed),
        cmocka_unit_test(test_ages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
