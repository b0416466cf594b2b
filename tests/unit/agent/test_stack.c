#include "agent/stack.h"

#include <alloca.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/nodes.h"
#include "walk_ring.h"
#include "wire/record.h"

#define NOINLINE  __attribute__((noinline))
#define MAX_DEPTH 64u
#define PATH_MAX_ 256u

/* The stacks under test, and some that forget everything before each capture: their walk is always a whole one. */
struct fixture {
    struct walk_ring *ring, *whole_ring;
    struct cairn_stacks *stacks, *whole;
    uint32_t last_node;
    unsigned long compared, cut;
};

static struct fixture *now;

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (fixture == NULL) {
        return 1;
    }
    fixture->ring = walk_ring_new();
    fixture->whole_ring = walk_ring_new();
    fixture->stacks = cairn_stacks_new(MAX_DEPTH);
    fixture->whole = cairn_stacks_new(MAX_DEPTH);
    *state = now = fixture;
    return fixture->ring == NULL || fixture->whole_ring == NULL || fixture->stacks == NULL ||
           fixture->whole == NULL;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    assert_false(fixture->ring->malformed);
    cairn_stacks_free(fixture->stacks);
    cairn_stacks_free(fixture->whole);
    walk_ring_free(fixture->ring);
    walk_ring_free(fixture->whole_ring);
    free(fixture);
    return 0;
}

static uint32_t capture_at(const struct cairn_registers *at)
{
    return now->last_node = cairn_stacks_capture(now->stacks, at, &now->ring->writer);
}

/* Captures the stack of its caller, as a hook does. */
#define CALLER                                                                                               \
    {                                                                                                        \
        .pc = (uintptr_t)__builtin_return_address(0), .sp = (uintptr_t)__builtin_frame_address(0) + 16,      \
        .rbp = *(const uintptr_t *)__builtin_frame_address(0)                                                \
    }

NOINLINE static uint32_t capture(void)
{
    const struct cairn_registers at = CALLER;
    return capture_at(&at);
}

/* The frames of a path without the mark of a cut. */
static size_t frames_of(const struct walk_node *path, size_t length, bool *is_cut)
{
    *is_cut = length > 0 && path[length - 1].kind == CAIRN_NODE_TRUNCATED;
    return length - *is_cut;
}

/* Of a stack that is cut both have the innermost frames, and not the same number of them. */
static void assert_same_paths(uint32_t node, uint32_t whole_node)
{
    struct walk_node path[PATH_MAX_], whole_path[PATH_MAX_];
    bool is_cut, whole_is_cut;
    size_t length = frames_of(path, walk_ring_path(now->ring, node, path, PATH_MAX_), &is_cut);
    const size_t whole_length = frames_of(
        whole_path, walk_ring_path(now->whole_ring, whole_node, whole_path, PATH_MAX_), &whole_is_cut);
    assert_int_equal(is_cut, whole_is_cut);
    if (is_cut) {
        assert_in_range(length, MAX_DEPTH / 2, MAX_DEPTH);
        length = length < whole_length ? length : whole_length;
        now->cut++;
    } else {
        assert_int_equal(length, whole_length);
    }
    for (size_t i = 0; i < length; i++) {
        assert_true(path[i].value == whole_path[i].value);
        assert_int_equal(path[i].kind, whole_path[i].kind);
    }
    now->compared++;
}

/* The same, and by a whole walk: both must say the same. */
NOINLINE static void capture_twice(void)
{
    const struct cairn_registers at = CALLER;
    capture_at(&at);
    cairn_stacks_reset(now->whole);
    now->whole_ring->node_count = 0;
    assert_same_paths(now->last_node, cairn_stacks_capture(now->whole, &at, &now->whole_ring->writer));
}

NOINLINE static uint32_t capture_below(unsigned depth)
{
    volatile char room[32];
    room[0] = (char)depth;
    const uint32_t node = depth == 0 ? capture() : capture_below(depth - 1);
    return node + (uint32_t)(room[0] & 0);
}

static uint32_t count_nodes(void)
{
    walk_ring_drain(now->ring);
    return now->ring->node_count;
}

static void test_same_stack_is_one_node(void **state)
{
    (void)state;
    uint32_t first = 0, sent = 0;
    for (volatile int i = 0; i < 5; i++) { /* volatile: one call site, however the loop is laid out */
        const uint32_t node = capture_below(3);
        if (i == 0) {
            first = node;
            sent = count_nodes();
        }
        assert_int_equal(node, first);
    }
    assert_true(first != 0);
    assert_int_equal(count_nodes(), sent);
    assert_int_equal(first, sent);
}

static void test_caller_is_innermost(void **state)
{
    (void)state;
    struct walk_node path[PATH_MAX_];
    const uint32_t node = capture();
    const size_t length = walk_ring_path(now->ring, node, path, PATH_MAX_);
    assert_true(length >= 3);
    const uintptr_t here = (uintptr_t)&test_caller_is_innermost;
    assert_true(path[0].value > here && path[0].value < here + 256);
    assert_int_equal(path[0].kind, CAIRN_NODE_NATIVE);
    assert_int_equal(path[length - 1].kind, CAIRN_NODE_NATIVE);
}

static void test_deep_stacks_are_cut(void **state)
{
    (void)state;
    struct walk_node path[PATH_MAX_];
    for (unsigned depth = 40; depth < 100; depth += 3) {
        bool is_cut;
        const size_t length =
            frames_of(path, walk_ring_path(now->ring, capture_below(depth), path, PATH_MAX_), &is_cut);
        assert_in_range(length, is_cut ? MAX_DEPTH / 2 : 1, MAX_DEPTH);
        assert_true(is_cut || depth < MAX_DEPTH);
        assert_true(!is_cut || depth > MAX_DEPTH / 2);
    }
}

/* Captures on the way in and on the way out. */
NOINLINE static void descend(unsigned depth)
{
    volatile char room[32];
    room[0] = (char)depth;
    capture();
    if (depth > 0) {
        descend(depth - 1);
        capture();
    }
    room[1] = room[0];
}

/* A frame that is new has its own node, and once in a while the cut moves. */
static void test_cuts_stay_for_a_while(void **state)
{
    (void)state;
    enum { LEVELS = 4000 };
    descend(LEVELS);
    const uint32_t first = count_nodes();
    assert_in_range(first, MAX_DEPTH, 8 * LEVELS);
    for (volatile int i = 0; i < 3; i++) {
        descend(LEVELS);
    }
    assert_in_range(count_nodes(), first, first + 8 * MAX_DEPTH);
}

/* Who asks for few frames has exactly those. */
static void test_small_depths_are_exact(void **state)
{
    (void)state;
    struct walk_node path[PATH_MAX_];
    struct cairn_stacks *usual = now->stacks;
    now->stacks = cairn_stacks_new(20);
    assert_non_null(now->stacks);
    for (unsigned depth = 30; depth < 60; depth++) {
        bool is_cut;
        now->ring->node_count = 0;
        cairn_stacks_reset(now->stacks);
        capture_below(depth);
        const uint32_t node = capture_below(depth - 1);
        assert_int_equal(frames_of(path, walk_ring_path(now->ring, node, path, PATH_MAX_), &is_cut), 20);
        assert_true(is_cut);
    }
    cairn_stacks_free(now->stacks);
    now->stacks = usual;
}

static uint64_t seed = 3;

static unsigned roll(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

/* Frames of changing size and place: what was kept of one stack lies stale under the next. */
NOINLINE static void wander(unsigned depth)
{
    volatile char *room = alloca(16 + roll(6) * 16);
    room[0] = (char)depth;
    if (roll(3) == 0) {
        capture_twice();
    }
    if (depth == 0) {
        capture_twice();
        return;
    }
    switch (roll(4)) {
    case 0:
        wander(depth - 1);
        break;
    case 1:
        wander(depth - 1);
        capture_twice();
        break;
    case 2:
        room = alloca(roll(4) * 32 + 16);
        room[0] = 1;
        wander(depth / 2);
        wander(depth - 1);
        break;
    default:
        wander(depth - 1 - roll(depth));
        break;
    }
}

NOINLINE static void wander_below(unsigned frames, unsigned depth)
{
    volatile char room[32];
    room[0] = (char)depth;
    if (frames == 0) {
        wander(depth);
    } else {
        wander_below(frames - 1, depth);
    }
    room[1] = room[0];
}

static void test_reuse_says_what_a_whole_walk_says(void **state)
{
    (void)state;
    for (int i = 0; i < 1500; i++) {
        wander(1 + roll(i % 10 == 0 ? 90 : 20));
    }
    assert_true(now->compared > 5000);
    for (int i = 0; i < 1500; i++) {
        wander_below(roll(MAX_DEPTH), 1 + roll(20));
    }
    assert_true(now->cut > 1000);
}

/* Nodes are sent again with the rules, since an address may mean another module's code now. */
static void test_rules_that_are_flushed(void **state)
{
    (void)state;
    struct walk_node paths[2][PATH_MAX_];
    size_t lengths[2] = {0};
    for (volatile int i = 0; i < 6; i++) {
        const int turn = i & 1;
        lengths[turn] = walk_ring_path(now->ring, capture_below(2), paths[turn], PATH_MAX_);
        assert_int_equal(now->ring->resets, i);
        assert_int_equal(now->ring->node_count, lengths[turn]);
        assert_true(i == 0 || lengths[0] == lengths[1]);
        for (size_t frame = 0; i > 0 && frame < lengths[0]; frame++) {
            assert_true(paths[0][frame].value == paths[1][frame].value);
        }
        cairn_stacks_flush_rules();
    }
}

static void test_without_a_ring(void **state)
{
    (void)state;
    struct cairn_ring_writer none = {0};
    const struct cairn_registers at = {.pc = 1};
    assert_int_equal(cairn_stacks_capture(now->stacks, &at, &none), 0);
    assert_int_equal(cairn_stacks_capture(NULL, &at, &now->ring->writer), 0);
    assert_int_equal(cairn_stacks_intern_path(now->stacks, 0, NULL, NULL, 0, &none), 0);
    cairn_stacks_free(NULL);
}

static void test_end_of_recording(void **state)
{
    (void)state;
    assert_true(capture_below(1) != 0);
    walk_ring_look_full(now->ring);
    now->ring->closed = true;
    assert_int_equal(capture_below(2), 0);
    assert_int_equal(capture_below(3), 0);
}

static jmp_buf out;

static void leave(void)
{
    longjmp(out, 1);
}

/* A signal handler that strikes while a node is being sent, and never comes back. */
static void test_capture_that_is_left_by_longjmp(void **state)
{
    (void)state;
    for (volatile unsigned depth = 1; depth < 12; depth++) {
        walk_ring_look_full(now->ring);
        now->ring->interrupt = leave;
        if (setjmp(out) == 0) {
            capture_below(depth);
            fail();
        }
        const uint32_t resets = now->ring->resets;
        capture_twice();
        assert_int_equal(now->ring->resets, resets + 1);
        capture_twice();
        assert_int_equal(now->ring->resets, resets + 1);
    }
}

static void test_new_generation_numbers_from_one(void **state)
{
    (void)state;
    assert_true(capture_below(4) > 1);
    const uint32_t resets = now->ring->resets;
    walk_ring_drain(now->ring);
    now->ring->node_count = 0; /* as the collector does at a THREAD_START */
    cairn_stacks_reset(now->stacks);
    const uint32_t node = capture_below(4);
    struct walk_node path[PATH_MAX_];
    assert_int_equal(walk_ring_path(now->ring, node, path, PATH_MAX_), node);
    assert_int_equal(now->ring->resets, resets);
}

static void test_paths_of_others(void **state)
{
    (void)state;
    const uint8_t kinds[] = {CAIRN_NODE_PYTHON, CAIRN_NODE_PYTHON, CAIRN_NODE_NATIVE};
    const uint64_t values[] = {7ull << 32 | 4, 6ull << 32 | 2, 0x401000};
    struct cairn_ring_writer *writer = &now->ring->writer;
    const uint32_t native = capture_below(1);
    const uint32_t node = cairn_stacks_intern_path(now->stacks, native, kinds, values, 3, writer);
    assert_int_equal(cairn_stacks_intern_path(now->stacks, native, kinds, values, 3, writer), node);
    assert_int_equal(cairn_stacks_intern_path(now->stacks, native, kinds, values, 0, writer), native);
    struct walk_node path[PATH_MAX_];
    walk_ring_path(now->ring, node, path, PATH_MAX_);
    for (size_t i = 0; i < 3; i++) {
        assert_true(path[i].value == values[i]);
        assert_int_equal(path[i].kind, kinds[i]);
    }
}

static void test_full_table_begins_again(void **state)
{
    (void)state;
    const uint8_t kind = CAIRN_NODE_PYTHON;
    const uint32_t before = cairn_stacks_generation(now->stacks, &now->ring->writer);
    for (uint64_t value = 0; value < CAIRN_NODES_FULL; value++) {
        cairn_stacks_intern_path(now->stacks, 0, &kind, &value, 1, &now->ring->writer);
    }
    const uint32_t resets = now->ring->resets;
    capture_twice();
    assert_int_equal(now->ring->resets, resets + 1);
    assert_true(now->ring->node_count < PATH_MAX_);
    assert_true(cairn_stacks_generation(now->stacks, &now->ring->writer) != before);
}

/* Registers and stack words that mean nothing, beside some that nearly do: whatever is walked, nothing faults. */
static uintptr_t any_word(uintptr_t room, size_t bytes)
{
    switch (roll(6)) {
    case 0:
        return (uintptr_t)&malloc + roll(400000) - 200000u; /* somewhere in the C library */
    case 1:
        return (uintptr_t)&any_word + roll(8000);
    case 2:
        return room + roll((unsigned)bytes + 4096);
    case 3:
        return room + roll((unsigned)bytes / 8) * 8;
    case 4:
        return (uintptr_t)now->ring->words + roll(CAIRN_RING_BYTES + 65536);
    default:
        return (uintptr_t)(seed * 2654435761u) >> roll(64);
    }
}

static void test_any_registers(void **state)
{
    (void)state;
    uintptr_t room[512];
    const uintptr_t low = (uintptr_t)room;
    for (int i = 0; i < 30000; i++) {
        for (int word = 0; word < 64; word++) {
            room[roll(512)] = any_word(low, sizeof room);
        }
        const struct cairn_registers at = {
            .pc = any_word(low, sizeof room),
            .sp = any_word(low, sizeof room),
            .rbp = any_word(low, sizeof room),
        };
        capture_at(&at);
        capture_at(&at);
    }
    capture_twice();
}

/* A caller that keeps its CFA in rbx: only libunwind follows it. And one without call frame information, which has room of
 * its own below its frame pointer. */
typedef uint32_t capturer(void);
typedef uint32_t caller(capturer *callee);
uint32_t call_with_cfa_in_rbx(capturer *callee);
uint32_t call_without_information(capturer *callee);
extern const char after_call_with_cfa_in_rbx[], after_call_without_information[];
__asm__(".text\n"
        ".type call_with_cfa_in_rbx, @function\n"
        "call_with_cfa_in_rbx:\n"
        "    .cfi_startproc\n"
        "    push %rbx\n"
        "    .cfi_def_cfa_offset 16\n"
        "    .cfi_offset rbx, -16\n"
        "    mov %rsp, %rbx\n"
        "    .cfi_def_cfa_register rbx\n"
        "    sub $100, %rsp\n"
        "    and $-64, %rsp\n"
        "    call *%rdi\n"
        "after_call_with_cfa_in_rbx:\n"
        "    mov %rbx, %rsp\n"
        "    .cfi_def_cfa_register rsp\n"
        "    pop %rbx\n"
        "    .cfi_def_cfa_offset 8\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size call_with_cfa_in_rbx, . - call_with_cfa_in_rbx\n"
        ".type call_without_information, @function\n"
        "call_without_information:\n"
        "    push %rbp\n"
        "    mov %rsp, %rbp\n"
        "    push %rbx\n"
        "    sub $72, %rsp\n"
        "    call *%rdi\n"
        "after_call_without_information:\n"
        "    add $72, %rsp\n"
        "    pop %rbx\n"
        "    pop %rbp\n"
        "    ret\n"
        ".size call_without_information, . - call_without_information\n");

NOINLINE static uint32_t inner_of_assembled(void)
{
    const uint32_t node = capture_below(1);
    __asm__ volatile("");
    return node;
}

/* Returns the path's length; the frame inside the assembled function is path[*at]. */
static size_t path_through(caller *assembled, const char *after_call, struct walk_node *path, size_t *at)
{
    const size_t length = walk_ring_path(now->ring, assembled(inner_of_assembled), path, PATH_MAX_);
    for (*at = 0; *at < length && path[*at].value != (uintptr_t)after_call; ++*at) {
    }
    assert_true(*at < length);
    return length;
}

/* What lies outside of the assembled function is what lies outside of this one. */
NOINLINE static void assert_goes_on(caller *assembled, const char *after_call)
{
    struct walk_node path[PATH_MAX_], from_here[PATH_MAX_];
    for (int i = 0; i < 3; i++) {
        size_t at = 0;
        const size_t length = path_through(assembled, after_call, path, &at);
        const size_t outer = walk_ring_path(now->ring, capture(), from_here, PATH_MAX_);
        assert_int_equal(path[length - 1].kind, CAIRN_NODE_NATIVE);
        /* The call stands in path_through() or in this function, where that was inlined. */
        assert_true(length - at - 1 == outer || length - at - 2 == outer);
        for (size_t frame = 1; frame < outer; frame++) {
            assert_true(path[length - frame].value == from_here[outer - frame].value);
        }
    }
}

/* Runs first: libunwind is not loaded yet. */
static void test_stops_without_libunwind(void **state)
{
    (void)state;
    struct walk_node path[PATH_MAX_];
    size_t at = 0;
    const size_t length = path_through(call_with_cfa_in_rbx, after_call_with_cfa_in_rbx, path, &at);
    assert_int_equal(length, at + 2);
    assert_int_equal(path[at + 1].kind, CAIRN_NODE_STOPPED);
    assert_true(cairn_stacks_setup());
    assert_true(cairn_stacks_setup());
}

static void test_goes_on_with_libunwind(void **state)
{
    (void)state;
    assert_goes_on(call_with_cfa_in_rbx, after_call_with_cfa_in_rbx);
}

static void test_goes_on_without_information(void **state)
{
    (void)state;
    assert_goes_on(call_without_information, after_call_without_information);
}

static void *capture_often(void *unused)
{
    struct fixture mine = {.ring = walk_ring_new(), .stacks = cairn_stacks_new(MAX_DEPTH)};
    struct cairn_registers at = CALLER;
    struct walk_node path[PATH_MAX_];
    for (int i = 0; i < 2000; i++) {
        const uint32_t node = cairn_stacks_capture(mine.stacks, &at, &mine.ring->writer);
        assert_true(walk_ring_path(mine.ring, node, path, PATH_MAX_) >= 1);
        assert_int_not_equal(path[0].kind, CAIRN_NODE_STOPPED);
        if (i % 100 == 0) {
            cairn_stacks_flush_rules();
        }
    }
    cairn_stacks_free(mine.stacks);
    walk_ring_free(mine.ring);
    return unused;
}

static void test_threads_have_stacks_of_their_own(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, capture_often, NULL);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_stops_without_libunwind),
        CASE(test_goes_on_with_libunwind),
        CASE(test_goes_on_without_information),
        CASE(test_same_stack_is_one_node),
        CASE(test_caller_is_innermost),
        CASE(test_deep_stacks_are_cut),
        CASE(test_cuts_stay_for_a_while),
        CASE(test_small_depths_are_exact),
        CASE(test_reuse_says_what_a_whole_walk_says),
        CASE(test_rules_that_are_flushed),
        CASE(test_without_a_ring),
        CASE(test_end_of_recording),
        CASE(test_capture_that_is_left_by_longjmp),
        CASE(test_new_generation_numbers_from_one),
        CASE(test_paths_of_others),
        CASE(test_full_table_begins_again),
        CASE(test_any_registers),
        CASE(test_threads_have_stacks_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
