#include "agent/stack_tails.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FRAMES       40u
#define FRAME_WORDS  8u
#define STACK_WORDS  (FRAMES * FRAME_WORDS + 1)
#define WALKS_BEFORE 64u /* as stack_tails.c has it */
#define WALKS_JUDGED 512u

/* A stack of frames of one size, outermost last in memory, and what is kept of it. Each has its caller's return address in
 * its last word, and a saved rbp below that. */
struct fixture {
    uintptr_t stack[STACK_WORDS];
    struct cairn_kept_frame frames[FRAMES];
    struct cairn_kept_read reads[2 * FRAMES];
    struct cairn_kept kept;
    struct cairn_tails tails;
    uint8_t *memory;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (fixture == NULL) {
        return 1;
    }
    const size_t bytes = (cairn_tails_bytes() + 4095) & ~(size_t)4095;
    fixture->memory = aligned_alloc(4096, bytes);
    if (fixture->memory == NULL) {
        return 1;
    }
    memset(fixture->memory, 0, bytes);
    cairn_tails_init(&fixture->tails, fixture->memory);
    fixture->kept.frames = fixture->frames;
    fixture->kept.reads = fixture->reads;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    free(fixture->memory);
    free(fixture);
    return 0;
}

static uint32_t node_of(uint32_t outer, uintptr_t key)
{
    return (uint32_t)((outer + key) * 2654435761u >> 4) | 1;
}

static uintptr_t *slot_of_caller(struct fixture *fixture, uint32_t frame)
{
    return &fixture->stack[STACK_WORDS - 1 - (frame - 1) * FRAME_WORDS - 1];
}

/* `keys` from the outermost inward: the stack is laid out so, and kept as a walk would keep it. */
static void lay_out(struct fixture *fixture, const uintptr_t *keys, uint32_t count)
{
    uint32_t node = 0, reads = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) {
            uintptr_t *slot = slot_of_caller(fixture, i);
            slot[0] = keys[i - 1];
            slot[-1] = 0x5000 + i;
            fixture->reads[reads++] =
                (struct cairn_kept_read){.address = (uintptr_t)slot, .value = keys[i - 1]};
            fixture->reads[reads++] =
                (struct cairn_kept_read){.address = (uintptr_t)(slot - 1), .value = 0x5000 + i};
        }
        node = node_of(node, keys[i]);
        fixture->frames[i] = (struct cairn_kept_frame){
            .key = keys[i],
            .sp = (uintptr_t)&fixture->stack[STACK_WORDS - 1 - i * FRAME_WORDS],
            .rbp = 0x6000 + i,
            .node = node,
            .reads = reads,
        };
    }
    fixture->kept.count = count;
    fixture->kept.top = (uintptr_t)&fixture->stack[STACK_WORDS];
}

static uint32_t innermost_node(const struct fixture *fixture)
{
    return fixture->frames[fixture->kept.count - 1].node;
}

static struct cairn_registers innermost(const struct fixture *fixture)
{
    const struct cairn_kept_frame *frame = &fixture->frames[fixture->kept.count - 1];
    return (struct cairn_registers){.pc = frame->key, .sp = frame->sp, .rbp = frame->rbp};
}

static uint32_t find(struct fixture *fixture, const struct cairn_registers *at)
{
    return cairn_tails_find(&fixture->tails, &fixture->kept, at);
}

static void note(struct fixture *fixture, uint32_t reused)
{
    cairn_tails_note(&fixture->tails, &fixture->kept, reused);
}

static const uintptr_t one[] = {0x100, 0x200, 0x300, 0x400, 0x500, 0x600};
static const uintptr_t other[] = {0x100, 0x200, 0x300, 0x410, 0x510, 0x600};

/* Past the walks that a thread begins with: `one` is noted, from its third frame inward. */
static void note_one(struct fixture *fixture)
{
    lay_out(fixture, one, 6);
    for (uint32_t i = 0; i <= WALKS_BEFORE; i++) {
        assert_int_equal(fixture->tails.shape_count, 0);
        note(fixture, 3);
    }
    assert_int_equal(fixture->tails.shape_count, 1);
}

static void test_a_stack_comes_again(void **state)
{
    struct fixture *fixture = *state;
    note_one(fixture);
    const struct cairn_registers at = innermost(fixture);
    const uint32_t node_of_one = innermost_node(fixture);
    assert_int_equal(find(fixture, &at), node_of_one);
    lay_out(fixture, other, 6);
    assert_int_equal(find(fixture, &at), 0);
    note(fixture, 3);
    assert_int_equal(fixture->tails.shape_count, 1);
    assert_int_equal(find(fixture, &at), innermost_node(fixture));
    /* The first again in memory, the second kept. */
    slot_of_caller(fixture, 4)[0] = one[3];
    assert_int_equal(find(fixture, &at), 0);
    slot_of_caller(fixture, 5)[0] = one[4];
    assert_int_equal(find(fixture, &at), node_of_one);
    assert_int_equal(fixture->tails.found, 3);
}

static void test_every_word_counts(void **state)
{
    struct fixture *fixture = *state;
    note_one(fixture);
    const struct cairn_registers at = innermost(fixture);
    for (uint32_t frame = 1; frame < 6; frame++) {
        for (int word = -1; word <= 0; word++) {
            slot_of_caller(fixture, frame)[word] ^= 8;
            assert_int_equal(find(fixture, &at), 0);
            slot_of_caller(fixture, frame)[word] ^= 8;
            assert_int_equal(find(fixture, &at), innermost_node(fixture));
        }
    }
    struct cairn_registers elsewhere = at;
    elsewhere.pc++;
    assert_int_equal(find(fixture, &elsewhere), 0);
    elsewhere = at;
    elsewhere.sp -= 8;
    assert_int_equal(find(fixture, &elsewhere), 0);
    elsewhere = at;
    elsewhere.rbp++; /* which nothing depends on */
    assert_int_equal(find(fixture, &elsewhere), innermost_node(fixture));
}

static void test_the_anchor_must_be_kept(void **state)
{
    struct fixture *fixture = *state;
    note_one(fixture);
    const struct cairn_registers at = innermost(fixture);
    struct cairn_kept_frame *anchor = &fixture->frames[2];
    const struct cairn_kept_frame as_it_was = *anchor;
    for (uint32_t i = 0; i < 20000; i++) {
        anchor->node++;
        assert_int_equal(find(fixture, &at), 0);
    }
    *anchor = as_it_was;
    anchor->sp += 8;
    assert_int_equal(find(fixture, &at), 0);
    *anchor = as_it_was;
    anchor->reads |= CAIRN_KEPT_NEEDS_RBP;
    assert_int_equal(find(fixture, &at), 0);
    *anchor = as_it_was;
    fixture->kept.count = 2;
    assert_int_equal(find(fixture, &at), 0);
    fixture->kept.count = 3; /* what lies within is known by the tail */
    assert_int_equal(find(fixture, &at), fixture->frames[5].node);
}

static void test_rbp_where_it_matters(void **state)
{
    struct fixture *fixture = *state;
    lay_out(fixture, one, 6);
    for (uint32_t i = 0; i < 6; i++) {
        fixture->frames[i].reads |= CAIRN_KEPT_NEEDS_RBP;
    }
    for (uint32_t i = 0; i <= WALKS_BEFORE; i++) {
        note(fixture, 3);
    }
    struct cairn_registers at = innermost(fixture);
    assert_int_equal(find(fixture, &at), innermost_node(fixture));
    at.rbp++;
    assert_int_equal(find(fixture, &at), 0);
    at.rbp--;
    fixture->frames[2].rbp++;
    assert_int_equal(find(fixture, &at), 0);
    fixture->frames[2].rbp--;
    assert_int_equal(find(fixture, &at), innermost_node(fixture));
}

static void test_what_is_not_noted(void **state)
{
    struct fixture *fixture = *state;
    note_one(fixture);
    lay_out(fixture, other, 6);
    const struct cairn_registers at = innermost(fixture);
    fixture->frames[5].reads |= CAIRN_KEPT_READS_CODE;
    note(fixture, 3);
    assert_int_equal(find(fixture, &at), 0);
    fixture->frames[5].reads &= ~CAIRN_KEPT_READS_CODE;
    lay_out(fixture, other, 4);
    fixture->reads[5].address -= 3; /* no tail says where that is */
    note(fixture, 3);
    assert_int_equal(fixture->tails.shape_count, 1);
    lay_out(fixture, other, 1); /* nor is a single frame one */
    note(fixture, 0);
    assert_int_equal(fixture->tails.shape_count, 1);
}

static void test_forgotten(void **state)
{
    struct fixture *fixture = *state;
    note_one(fixture);
    const struct cairn_registers at = innermost(fixture);
    cairn_tails_forget(&fixture->tails);
    assert_int_equal(find(fixture, &at), 0);
    note(fixture, 3);
    assert_int_equal(fixture->tails.shape_count, 1);
    assert_int_equal(find(fixture, &at), innermost_node(fixture));
}

/* The anchor comes nearer than where the walk met what it knew. */
static void test_long_parts(void **state)
{
    struct fixture *fixture = *state;
    uintptr_t keys[FRAMES];
    for (uint32_t i = 0; i < FRAMES; i++) {
        keys[i] = 0x1000 + i * 16;
    }
    note_one(fixture);
    lay_out(fixture, keys, FRAMES);
    note(fixture, 0);
    const struct cairn_registers at = innermost(fixture);
    assert_int_equal(fixture->tails.shape_count, 2);
    assert_int_equal(find(fixture, &at), innermost_node(fixture));
    for (uint32_t frame = 1; frame < FRAMES; frame++) {
        slot_of_caller(fixture, frame)[0]++;
        assert_int_equal(find(fixture, &at), 0);
        slot_of_caller(fixture, frame)[0]--;
    }
}

/* Tails of the same frame with their anchors at three places: two of these shapes are known at a time. */
static void test_shapes_of_one_frame(void **state)
{
    struct fixture *fixture = *state;
    note_one(fixture);
    const struct cairn_registers at = innermost(fixture);
    static const uint32_t reused[] = {3, 2, 1};
    for (uint32_t i = 0; i < 3; i++) {
        uintptr_t keys[6];
        memcpy(keys, one, sizeof keys);
        keys[reused[i]] += 4; /* the first frame that is not as it was */
        lay_out(fixture, keys, 6);
        assert_int_equal(find(fixture, &at), 0);
        note(fixture, reused[i]);
        assert_int_equal(fixture->tails.shape_count, 1 + i);
        assert_int_equal(find(fixture, &at), innermost_node(fixture));
    }
}

/* More tails than there is room for: none is taken for another. */
static void test_many(void **state)
{
    struct fixture *fixture = *state;
    note_one(fixture);
    uint32_t found = 0;
    for (uint32_t turn = 0; turn < 2; turn++) {
        for (uint32_t i = 0; i < 20000; i++) {
            const uintptr_t keys[] = {0x100, 0x200, 0x300, 0x400 + i % 97, 0x500 + i / 97 % 113, 0x600};
            lay_out(fixture, keys, 6);
            const struct cairn_registers at = innermost(fixture);
            const uint32_t node = find(fixture, &at);
            if (node == 0) {
                fixture->tails.found = 10 * WALKS_JUDGED; /* no rest */
                note(fixture, 3);
                assert_int_equal(find(fixture, &at), innermost_node(fixture));
            } else {
                assert_int_equal(node, innermost_node(fixture));
                found++;
            }
        }
    }
    assert_true(found < 40000);
}

/* Where hardly a stack comes again the thread is left alone for a while. */
static void test_rest(void **state)
{
    struct fixture *fixture = *state;
    note_one(fixture);
    uint32_t walks = 1;
    while (fixture->tails.resting == 0) {
        const uintptr_t keys[] = {0x100, 0x200, 0x300, 0x400 + walks, 0x600};
        lay_out(fixture, keys, 5);
        note(fixture, 3);
        walks++;
        assert_true(walks <= WALKS_JUDGED);
    }
    assert_int_equal(walks, WALKS_JUDGED);
    for (uint32_t rest = fixture->tails.resting; rest > 0; rest--) {
        assert_int_equal(fixture->tails.resting, rest);
        note(fixture, 3);
    }
    lay_out(fixture, one, 6);
    const struct cairn_registers at = innermost(fixture);
    assert_int_equal(find(fixture, &at), innermost_node(fixture));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_stack_comes_again),
        CASE(test_every_word_counts),
        CASE(test_the_anchor_must_be_kept),
        CASE(test_rbp_where_it_matters),
        CASE(test_what_is_not_noted),
        CASE(test_forgotten),
        CASE(test_long_parts),
        CASE(test_shapes_of_one_frame),
        CASE(test_many),
        CASE(test_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
