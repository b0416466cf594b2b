#include "query/account_types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "graph/build.h"
#include "query/top.h"
#include "trace_maker.h"

/* Account 1 makes two small objects of one type and a large one of another; account 2 one of a type of the same name in a later
 * graph; account 3 is in no graph. */
static void take_graph(struct cairn_writer *writer, uint32_t number, int64_t t_ns, uint32_t account,
                       const char *const *types, const uint64_t *sizes, size_t count)
{
    struct cairn_graph_input input;
    struct cairn_graph_built *built;
    cairn_graph_input_init(&input);
    assert_int_equal(cairn_graph_input_string(&input, "", 0), 0);
    for (size_t i = 0; i < count; i++) {
        const struct cairn_graph_node node = {
            .address = 0x1000 + i * 0x1000,
            .shallow_bytes = sizes[i],
            .block_bytes = sizes[i],
            .birth = i,
            .account = account,
            .type = cairn_graph_input_string(&input, types[i], strlen(types[i]))};
        assert_int_equal(cairn_graph_input_node(&input, &node), i);
    }
    input.process = number == 1 ? 1 : 2;
    input.t_ns = t_ns;
    assert_int_equal(cairn_graph_build(&input, number, &built, NULL), CAIRN_OK);
    while (cairn_graph_built_write(built, writer)) {
    }
    cairn_graph_built_free(built);
    cairn_graph_input_release(&input);
}

static struct cairn_trace *make_trace(char *path, bool with_graphs)
{
    static const char *const types[] = {"small", "small", "large"};
    static const uint64_t sizes[] = {10, 20, 100};
    struct trace_maker maker;
    struct cairn_trace *trace;
    close(mkstemp(path));
    unlink(path);
    maker_open(&maker, path, 64, 4);
    maker_process(&maker, 0);
    maker_process(&maker, 1);
    for (uint32_t i = 1; i <= 3; i++) {
        maker_account(&maker, i == 2 ? 2 : 1, 0, 0, 0);
        maker_event(&maker, &(const struct cairn_event){.t_ns = i * 1000,
                                                        .size = i == 3 ? 5000 : 1000 * i,
                                                        .account = i,
                                                        .kind = CAIRN_EVENT_ALLOC});
    }
    if (with_graphs) {
        take_graph(maker.writer, 1, 5000, 1, types, sizes, 3);
        take_graph(maker.writer, 2, 5000, 2, types, sizes, 2); /* not the last of its process */
        take_graph(maker.writer, 3, 6000, 2, types + 2, sizes + 2, 1);
    }
    maker_close(&maker);
    assert_int_equal(cairn_trace_open(path, NULL, &trace, NULL), CAIRN_OK);
    return trace;
}

static void test_main_type(void **state)
{
    char path[] = "account-types-XXXXXX";
    struct cairn_account_types types;
    struct cairn_trace *trace = make_trace(path, true);
    (void)state;
    assert_int_equal(cairn_account_types_read(trace, &types, NULL), CAIRN_OK);
    assert_int_equal(types.account_count, 3);
    assert_int_equal(types.count, 2);
    assert_string_equal(types.rows[types.of[0] - 1].name, "large");
    assert_int_equal(types.of[1], types.of[0]);
    assert_int_equal(types.of[2], 0);
    cairn_account_types_release(&types);
    cairn_trace_close(trace);
    unlink(path);
}

static void test_top(void **state)
{
    char path[] = "account-types-XXXXXX";
    struct cairn_trace *trace = make_trace(path, true);
    const struct cairn_selection selection = {.by = CAIRN_BY_TYPE};
    struct cairn_moment end;
    struct cairn_span span;
    struct cairn_top top;
    (void)state;
    assert_int_equal(cairn_moment_parse(trace, "end", NULL, 0, &end, NULL), CAIRN_OK);
    assert_int_equal(cairn_span_parse(trace, NULL, NULL, 0, &span, NULL), CAIRN_OK);
    assert_int_equal(cairn_top(trace, &selection, &end, &span, &top, NULL), CAIRN_OK);
    assert_int_equal(top.row_count, 2);
    assert_null(top.rows[0].site.type);
    assert_int_equal(top.rows[0].counts.live_bytes, 5000);
    assert_string_equal(top.rows[1].site.type, "large");
    assert_int_equal(top.rows[1].counts.live_bytes, 3000);
    cairn_top_release(&top);
    cairn_trace_close(trace);
    unlink(path);
}

static void test_no_graph(void **state)
{
    char path[] = "account-types-XXXXXX";
    struct cairn_account_types types;
    struct cairn_error error;
    struct cairn_trace *trace = make_trace(path, false);
    (void)state;
    assert_int_equal(cairn_account_types_read(trace, &types, &error), CAIRN_E_NOT_FOUND);
    assert_non_null(strstr(error.message, "graph"));
    cairn_trace_close(trace);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_main_type),
        cmocka_unit_test(test_top),
        cmocka_unit_test(test_no_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
