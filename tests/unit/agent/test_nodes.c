#include "agent/nodes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "walk_ring.h"
#include "wire/record.h"

struct fixture {
    struct cairn_nodes nodes;
    struct walk_ring *ring;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (fixture == NULL || !cairn_nodes_init(&fixture->nodes)) {
        return 1;
    }
    fixture->ring = walk_ring_new();
    *state = fixture;
    return fixture->ring == NULL;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    assert_false(fixture->ring->malformed);
    cairn_nodes_release(&fixture->nodes);
    walk_ring_free(fixture->ring);
    free(fixture);
    return 0;
}

static uint32_t intern(struct fixture *fixture, uint32_t parent, uint32_t kind, uint64_t value)
{
    return cairn_nodes_intern(&fixture->nodes, parent, kind, value, &fixture->ring->writer);
}

static void test_numbers_count_in_order_of_sending(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(intern(fixture, 0, CAIRN_NODE_NATIVE, 0x1000), 1);
    assert_int_equal(intern(fixture, 1, CAIRN_NODE_NATIVE, 0x1000), 2);
    assert_int_equal(intern(fixture, 1, CAIRN_NODE_NATIVE_PC, 0x1000), 3);
    assert_int_equal(intern(fixture, 0, CAIRN_NODE_PYTHON, UINT64_MAX), 4);
    assert_int_equal(intern(fixture, 1, CAIRN_NODE_NATIVE, 0x1000), 2);
    walk_ring_drain(fixture->ring);
    assert_int_equal(fixture->ring->node_count, 4);
    const struct walk_node *nodes = fixture->ring->nodes;
    assert_int_equal(nodes[2].parent, 1);
    assert_int_equal(nodes[2].kind, CAIRN_NODE_NATIVE);
    assert_int_equal(nodes[3].kind, CAIRN_NODE_NATIVE_PC);
    assert_int_equal(nodes[4].parent, 0);
    assert_true(nodes[4].value == UINT64_MAX);
}

/* The table is moved several times; numbers stay, nothing is sent twice. */
static void test_growth_keeps_numbers(void **state)
{
    struct fixture *fixture = *state;
    enum { COUNT = 200000 };
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(intern(fixture, i / 3, CAIRN_NODE_NATIVE, 0x400000 + i), i + 1);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(intern(fixture, i / 3, CAIRN_NODE_NATIVE, 0x400000 + i), i + 1);
    }
    walk_ring_drain(fixture->ring);
    assert_int_equal(fixture->ring->node_count, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(fixture->ring->nodes[i + 1].parent, i / 3);
        assert_true(fixture->ring->nodes[i + 1].value == 0x400000 + i);
    }
}

static void test_full_table_starts_again(void **state)
{
    struct fixture *fixture = *state;
    uint32_t count = 0;
    while (intern(fixture, 0, CAIRN_NODE_NATIVE, count + 1) != 0) {
        count++;
    }
    assert_int_equal(count, CAIRN_NODES_MAX);
    assert_int_equal(intern(fixture, 0, CAIRN_NODE_NATIVE, 7), 7);
    assert_true(cairn_nodes_restart(&fixture->nodes, &fixture->ring->writer));
    assert_int_equal(intern(fixture, 0, CAIRN_NODE_NATIVE, 99), 1);
    walk_ring_drain(fixture->ring);
    assert_int_equal(fixture->ring->resets, 1);
    assert_int_equal(fixture->ring->node_count, 1);
}

static void test_end_of_recording_adds_nothing(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(intern(fixture, 0, CAIRN_NODE_NATIVE, 5), 1);
    walk_ring_look_full(fixture->ring);
    fixture->ring->closed = true;
    assert_int_equal(intern(fixture, 1, CAIRN_NODE_NATIVE, 6), 0);
    assert_int_equal(intern(fixture, 0, CAIRN_NODE_NATIVE, 5), 1);
    assert_false(cairn_nodes_restart(&fixture->nodes, &fixture->ring->writer));
    assert_int_equal(fixture->nodes.count, 0);
}

static jmp_buf handler;
static bool interrupted;
static const struct cairn_nodes *in_use;

/* A signal comes when the memory is gone, and its handler leaves by longjmp. No table may be there then. */
void __real_cairn_memory_unmap(void *memory, size_t bytes);
void __wrap_cairn_memory_unmap(void *memory, size_t bytes);
void __wrap_cairn_memory_unmap(void *memory, size_t bytes)
{
    __real_cairn_memory_unmap(memory, bytes);
    if (interrupted) {
        interrupted = false;
        assert_true(in_use->entries != NULL && in_use->entries != memory);
        longjmp(handler, 1);
    }
}

static void intern_many(struct fixture *fixture)
{
    for (uint32_t i = 1; i <= 5000; i++) {
        assert_int_equal(intern(fixture, 0, CAIRN_NODE_NATIVE, i), i);
    }
    walk_ring_drain(fixture->ring);
}

static void test_interrupted_at_any_unmapping(void **state)
{
    struct fixture *fixture = *state;
    in_use = &fixture->nodes;
    for (unsigned round = 0; round < 20; round++) {
        intern_many(fixture);
        interrupted = true;
        if (setjmp(handler) == 0) {
            cairn_nodes_clear(&fixture->nodes);
            fail();
        }
        assert_true(cairn_nodes_restart(&fixture->nodes, &fixture->ring->writer));
        interrupted = true;
        if (setjmp(handler) == 0) {
            intern_many(fixture); /* the table grows */
            fail();
        }
        assert_true(cairn_nodes_restart(&fixture->nodes, &fixture->ring->writer));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_numbers_count_in_order_of_sending, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_growth_keeps_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_table_starts_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_end_of_recording_adds_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_interrupted_at_any_unmapping, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
