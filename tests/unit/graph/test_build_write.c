#include "graph/build.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "trace_maker.h"

/* A graph that is large enough for two threads, and has something of everything: hubs, cycles, garbage, accounts. */
#define NODES 60000u
#define EDGES 150000u
#define ROOTS 40u
#define HUB   7u

static bool alone; /* no thread can be had */
static unsigned helpers;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*start)(void *), void *state);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*start)(void *), void *state);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*start)(void *), void *state)
{
    helpers++;
    return alone ? EAGAIN : __real_pthread_create(thread, how, start, state);
}

static uint32_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(seed >> 4) * below >> 28);
}

static void add_edge(struct cairn_graph_input *input, uint32_t source, uint32_t target)
{
    assert_true(cairn_graph_input_edge(
        input, &(const struct cairn_graph_edge){
                   .source = source, .target = target, .index = draw(3) ? CAIRN_EDGE_NO_INDEX : draw(100)}));
}

static void fill(struct cairn_graph_input *input)
{
    seed = 5;
    cairn_graph_input_init(input);
    uint32_t types[20];
    for (uint32_t i = 0; i < 20; i++) {
        char name[16];
        types[i] = cairn_graph_input_string(input, name, (size_t)snprintf(name, sizeof name, "type%u", i));
    }
    for (uint32_t i = 0; i < NODES; i++) {
        const struct cairn_graph_node node = {.address = 0x10000 + i * 64ull,
                                              .shallow_bytes = 16 + draw(200),
                                              .block_bytes = 256,
                                              .birth = draw(4) ? i : CAIRN_GRAPH_NO_EVENT,
                                              .account = draw(5),
                                              .type = types[draw(20)]};
        assert_int_equal(cairn_graph_input_node(input, &node), i);
    }
    for (uint32_t i = 0; i < EDGES; i++) {
        add_edge(input, i % 10 ? draw(NODES) : HUB, draw(NODES));
    }
    for (uint32_t i = 0; i < ROOTS; i++) {
        assert_true(cairn_graph_input_root(
            input,
            &(const struct cairn_graph_root){.node = draw(NODES), .kind = types[1], .name = types[i % 20]}));
    }
    input->process = 1;
    input->name = "exit";
}

static void build(struct cairn_graph_input *input, struct cairn_graph_built **built)
{
    fill(input);
    assert_int_equal(cairn_graph_build(input, 1, built, NULL), CAIRN_OK);
}

static void open_trace(struct trace_maker *maker, const char *path)
{
    unlink(path);
    maker_open(maker, path, 64, 4);
    maker_process(maker, 0);
}

static void write_trace(const char *path)
{
    struct trace_maker maker;
    struct cairn_graph_input input;
    struct cairn_graph_built *built;
    open_trace(&maker, path);
    build(&input, &built);
    while (cairn_graph_built_write(built, maker.writer)) {
    }
    assert_int_equal(cairn_graph_built_status(built), CAIRN_OK);
    cairn_graph_built_free(built);
    cairn_graph_input_release(&input);
    maker_close(&maker);
}

static int64_t ask(sqlite3 *db, const char *query)
{
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(db, query, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const int64_t answer = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return answer;
}

/* Rows of a table that only one of two traces has, and that both have. */
static void expect_same_rows(sqlite3 *db, const char *table)
{
    char query[300];
    snprintf(query, sizeof query,
             "SELECT (SELECT count(*) FROM (SELECT * FROM main.%s EXCEPT SELECT * FROM other.%s)) + "
             "(SELECT count(*) FROM (SELECT * FROM other.%s EXCEPT SELECT * FROM main.%s))",
             table, table, table, table);
    assert_int_equal(ask(db, query), 0);
    snprintf(query, sizeof query, "SELECT count(*) FROM main.%s", table);
    assert_true(ask(db, query) > 0);
}

static void test_two_threads_write_what_one_does(void **state)
{
    (void)state;
    static const char *const tables[] = {"graph",         "graph_type",   "graph_root",
                                         "graph_account", "graph_object", "graph_links",
                                         "graph_part",    "graph_string", "graph_identity"};
    sqlite3 *db;
    alone = true;
    write_trace("alone.cairn");
    alone = false;
    write_trace("helped.cairn");
    assert_int_equal(helpers, 2);
    assert_int_equal(sqlite3_open("alone.cairn", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "ATTACH 'helped.cairn' AS other", NULL, NULL, NULL), SQLITE_OK);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        expect_same_rows(db, tables[i]);
    }
    sqlite3_close(db);
    unlink("alone.cairn");
    unlink("helped.cairn");
}

/* A graph that is given up while the other thread is at it. */
static void test_given_up_at_any_step(void **state)
{
    (void)state;
    for (unsigned steps = 0; steps < 12; steps += 3) {
        struct trace_maker maker;
        struct cairn_graph_input input;
        struct cairn_graph_built *built;
        open_trace(&maker, "given_up.cairn");
        build(&input, &built);
        for (unsigned i = 0; i < steps; i++) {
            assert_true(cairn_graph_built_write(built, maker.writer));
        }
        cairn_graph_built_free(built);
        cairn_graph_input_release(&input);
        maker_close(&maker);
        unlink("given_up.cairn");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_threads_write_what_one_does),
        cmocka_unit_test(test_given_up_at_any_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
