#include "agent/stack.h"

#include <stdatomic.h>

#include "agent/code_lookup.h"
#include "agent/frame_rules.h"
#include "agent/machine.h"
#include "agent/memory.h"
#include "agent/nodes.h"
#include "agent/stack_cut.h"
#include "agent/stack_kept.h"
#include "agent/stack_memory.h"
#include "agent/stack_tails.h"
#include "agent/unwind_fallback.h"
#include "wire/record.h"

#define DEPTH_MAX       65536u
#define READS_PER_FRAME 3u

/* A frame of the walk under way, innermost first, and what the step out of it has read. */
struct walked_frame {
    uintptr_t key, sp, rbp;
    uintptr_t rbp_slot;
    uintptr_t cfa_slot, cfa_value; /* set with WALKED_READ_CFA only */
    uint32_t flags;                /* enum walked_flags */
};

enum walked_flags {
    WALKED_USES_RBP = 1, /* the outer frame depends on this rbp, beyond handing it on */
    WALKED_READ_CFA = 2,
    WALKED_OPAQUE = 4,   /* the outer frame depends on more than was noted */
    WALKED_READ_CODE = 8 /* … on code, too */
};

/* What a signal handler that leaves by longjmp in the middle of a capture finds half done. */
enum phase {
    PHASE_IDLE,
    PHASE_BUILDING, /* kept frames and nodes are being written */
};

/* How a walk ended. */
enum walk_end {
    WALK_MET_KEPT, /* kept[0 … kept_count) go on from the last walked frame */
    WALK_OUTERMOST,
    WALK_STOPPED,
    WALK_TRUNCATED,
};

struct cairn_stacks {
    struct cairn_kept kept;
    struct cairn_tails tails;
    struct walked_frame *walked;
    uint32_t max_depth;
    bool fallback_began; /* in the walk under way */
    _Atomic int phase;   /* enum phase: of this thread alone, so relaxed and signal fences are enough */
    uint32_t epoch;      /* of the frame rules that `kept` was walked by */
    uint32_t walked_count;
    uint32_t dropped;              /* by the walk, where it was cut */
    uintptr_t end_slot, end_value; /* the last word the walk read beyond its outermost frame; slot 0: none */
    struct cairn_stack_memory memory;
    struct cairn_nodes nodes;
    struct cairn_fallback *fallback;
    size_t bytes; /* of this and the arrays */
};

static void set_phase(struct cairn_stacks *stacks, enum phase phase)
{
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&stacks->phase, (int)phase, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
}

/* The process that was set up, or the last forked one that was seen. */
static _Atomic int process;

static bool is_new_process(void)
{
    const int self = (int)cairn_syscall3(SYS_getpid, 0, 0, 0);
    return atomic_exchange_explicit(&process, self, memory_order_relaxed) != self;
}

bool cairn_stacks_setup(void)
{
    is_new_process();
    cairn_code_lookup_setup();
    cairn_stack_memory_setup();
    return cairn_fallback_setup();
}

struct cairn_stacks *cairn_stacks_new(uint32_t max_depth)
{
    const uint32_t depth = max_depth == 0 ? 1 : max_depth > DEPTH_MAX ? DEPTH_MAX : max_depth;
    const size_t kept_bytes = depth * sizeof(struct cairn_kept_frame);
    const size_t read_bytes = depth * READS_PER_FRAME * sizeof(struct cairn_kept_read);
    const size_t walked_bytes = (depth + 1) * sizeof(struct walked_frame); /* and the one beyond the cut */
    const size_t head_bytes = (sizeof(struct cairn_stacks) + 63) & ~(size_t)63;
    const size_t tails_bytes = cairn_tails_bytes();
    const size_t bytes = head_bytes + tails_bytes + kept_bytes + read_bytes + walked_bytes;
    uint8_t *memory = cairn_memory_map(bytes);
    if (memory == NULL) {
        return NULL;
    }
    struct cairn_stacks *stacks = (struct cairn_stacks *)(void *)memory;
    stacks->max_depth = depth;
    stacks->bytes = bytes;
    stacks->epoch = cairn_frame_rules_epoch();
    memory += head_bytes;
    cairn_tails_init(&stacks->tails, memory);
    memory += tails_bytes;
    stacks->kept.frames = (void *)memory;
    stacks->kept.reads = (void *)(memory + kept_bytes);
    stacks->walked = (void *)(memory + kept_bytes + read_bytes);
    if (!cairn_nodes_init(&stacks->nodes)) {
        cairn_memory_unmap(stacks, bytes);
        return NULL;
    }
    cairn_stack_memory_init(&stacks->memory);
    stacks->fallback = cairn_fallback_new();
    return stacks;
}

void cairn_stacks_free(struct cairn_stacks *stacks)
{
    if (stacks != NULL) {
        cairn_fallback_free(stacks->fallback);
        cairn_nodes_release(&stacks->nodes);
        cairn_memory_unmap(stacks, stacks->bytes);
    }
}

void cairn_stacks_reset(struct cairn_stacks *stacks)
{
    stacks->kept.count = 0;
    cairn_tails_forget(&stacks->tails);
    stacks->epoch = cairn_frame_rules_epoch();
    cairn_nodes_clear(&stacks->nodes);
    set_phase(stacks, PHASE_IDLE);
    if (is_new_process()) {
        cairn_frame_rules_forked();
        cairn_fallback_forked();
    }
}

void cairn_stacks_flush_rules(void)
{
    cairn_frame_rules_flush();
}

/* Whether every word of reads[0, count) may be read. On a stack that is asked for page by page, each page is. */
static bool can_read_kept(struct cairn_stacks *stacks, uint32_t count)
{
    if (stacks->kept.top <= stacks->memory.high) {
        return true;
    }
    if (!stacks->memory.probed) {
        return false;
    }
    uintptr_t page = 0;
    for (uint32_t i = count; i-- > 0;) {
        const uintptr_t address = stacks->kept.reads[i].address;
        if (address / CAIRN_STACK_PAGE_BYTES != page && !cairn_stack_memory_reach(&stacks->memory, address)) {
            return false;
        }
        page = address / CAIRN_STACK_PAGE_BYTES;
    }
    return true;
}

/* A walk's look at the kept frames: a cursor that moves outward with it. */
struct kept_cursor {
    uint32_t next;  /* kept[next − 1] is the innermost that may still be met */
    uint32_t valid; /* reads known to hold; UINT32_MAX: nobody looked yet */
};

static inline bool meets_kept(struct cairn_stacks *stacks, struct kept_cursor *cursor,
                              const struct cairn_frame *frame)
{
    const struct cairn_kept_frame *kept = stacks->kept.frames;
    uint32_t next = cursor->next;
    while (next > 0 && kept[next - 1].sp < frame->sp) {
        next--;
    }
    cursor->next = next;
    if (next == 0) {
        return false;
    }
    const struct cairn_kept_frame *met = &kept[next - 1];
    if (met->sp != frame->sp || met->key != frame->key ||
        ((met->reads & CAIRN_KEPT_NEEDS_RBP) && met->rbp != frame->rbp)) {
        return false;
    }
    const uint32_t read_count = cairn_kept_reads(met);
    if (cursor->valid == UINT32_MAX) {
        if (!can_read_kept(stacks, read_count)) {
            cursor->next = 0;
            return false;
        }
        cursor->valid = cairn_kept_count_valid(stacks->kept.reads, read_count);
    }
    return read_count <= cursor->valid;
}

/* A step by any rule but the usual one; `frame` becomes the outer one. */
static __attribute__((noinline)) enum cairn_step_kind step_special(struct cairn_stacks *stacks,
                                                                   cairn_rule rule, struct cairn_frame *frame,
                                                                   struct walked_frame *walked)
{
    struct cairn_step step;
    if (!stacks->fallback_began) {
        stacks->fallback_began = true;
        cairn_fallback_restart(stacks->fallback);
    }
    const enum cairn_step_kind kind =
        cairn_unwind_special(rule, frame, &stacks->memory, stacks->fallback, &step);
    walked->rbp_slot = step.rbp_slot;
    walked->cfa_slot = step.cfa_slot;
    walked->cfa_value = step.cfa_value;
    walked->flags = (step.uses_rbp ? WALKED_USES_RBP : 0u) | (step.cfa_slot != 0 ? WALKED_READ_CFA : 0u) |
                    (kind == CAIRN_STEP_OPAQUE ? WALKED_OPAQUE : 0u) |
                    (rule == cairn_rule_special(CAIRN_RULE_FRAME_POINTER) ? WALKED_READ_CODE : 0u);
    stacks->end_slot = step.return_slot;
    stacks->end_value = step.return_value;
    *frame = step.outer;
    return kind;
}

/* One step outward from `frame`, noted in `walked`. The usual rule is followed right here. */
static inline __attribute__((always_inline)) enum cairn_step_kind
step_outward(struct cairn_stacks *stacks, struct cairn_frame *frame, struct walked_frame *walked)
{
    const cairn_rule rule = cairn_frame_rule(cairn_key_code(frame->key));
    walked->key = frame->key;
    walked->sp = frame->sp;
    walked->rbp = frame->rbp;
    walked->flags = cairn_rule_uses_rbp(rule) ? WALKED_USES_RBP : 0;
    struct cairn_frame outer;
    if (__builtin_expect(cairn_unwind_plain(rule, frame, stacks->memory.high, &outer, &walked->rbp_slot),
                         1)) {
        *frame = outer;
        return CAIRN_STEP_FRAME;
    }
    struct cairn_frame inner = *frame;
    const enum cairn_step_kind kind = step_special(stacks, rule, &inner, walked);
    *frame = inner;
    return kind;
}

static inline void begin_walk(struct cairn_stacks *stacks, const struct cairn_registers *at)
{
    stacks->fallback_began = false;
    cairn_stack_memory_begin(&stacks->memory, at->sp);
}

/* `frame` is one more than may be kept: counts what lies outward, and leaves so many walked as stay. */
static __attribute__((noinline)) void cut(struct cairn_stacks *stacks, struct cairn_frame frame)
{
    const uint32_t looks = cairn_cut_looks(stacks->max_depth);
    struct walked_frame *const beyond = &stacks->walked[stacks->max_depth];
    struct walked_frame passed;
    uint32_t count = 0;
    enum cairn_step_kind kind;
    do {
        kind = step_outward(stacks, &frame, count == 0 ? beyond : &passed);
        count++;
    } while (count < looks && (kind == CAIRN_STEP_FRAME || kind == CAIRN_STEP_OPAQUE));
    const uint32_t depth = stacks->max_depth + count;
    stacks->walked_count = cairn_cut_kept(depth, stacks->max_depth);
    stacks->dropped = depth - stacks->walked_count;
    const struct walked_frame *outer = &stacks->walked[stacks->walked_count];
    stacks->end_slot = cairn_return_slot(outer->sp);
    stacks->end_value = outer->key;
}

/* Walks outward from `at` until it meets the kept stack or the end. */
static inline enum walk_end walk(struct cairn_stacks *stacks, const struct cairn_registers *at)
{
    struct cairn_frame frame = {.key = at->pc, .sp = at->sp, .rbp = at->rbp};
    struct kept_cursor cursor = {.next = stacks->kept.count, .valid = UINT32_MAX};
    uint32_t count = 0;
    enum walk_end end;
    for (;;) {
        if (meets_kept(stacks, &cursor, &frame)) {
            stacks->kept.count = cursor.next;
            end = WALK_MET_KEPT;
            break;
        }
        if (__builtin_expect(count == stacks->max_depth, 0)) {
            cut(stacks, frame);
            return WALK_TRUNCATED;
        }
        const enum cairn_step_kind kind = step_outward(stacks, &frame, &stacks->walked[count++]);
        if (__builtin_expect(kind != CAIRN_STEP_FRAME, 0)) {
            if (kind != CAIRN_STEP_OPAQUE) {
                end = kind == CAIRN_STEP_END ? WALK_OUTERMOST : WALK_STOPPED;
                break;
            }
            cursor.next = stacks->kept.count; /* it may be on another stack now */
        }
    }
    stacks->walked_count = count;
    return end;
}

/* The node that stands for how a walk ended, which the outermost frame is below. `false` when it cannot be sent. */
static bool intern_root(struct cairn_stacks *stacks, enum walk_end end, struct cairn_ring_writer *writer,
                        uint32_t *root)
{
    if (end == WALK_OUTERMOST) {
        *root = 0;
        return true;
    }
    const uint32_t kind = end == WALK_TRUNCATED ? CAIRN_NODE_TRUNCATED : CAIRN_NODE_STOPPED;
    *root = cairn_nodes_intern(&stacks->nodes, 0, kind, 0, writer);
    return *root != 0;
}

/* Everything a walk has read lies below. */
static uintptr_t top_of_walk(const struct cairn_stacks *stacks)
{
    const struct walked_frame *outermost = &stacks->walked[stacks->walked_count - 1];
    uintptr_t top = outermost->sp;
    const uintptr_t cfa_slot = outermost->flags & WALKED_READ_CFA ? outermost->cfa_slot : 0;
    const uintptr_t slots[] = {outermost->rbp_slot, cfa_slot, stacks->end_slot};
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        if (slots[i] + sizeof(uintptr_t) > top) {
            top = slots[i] + sizeof(uintptr_t);
        }
    }
    return top;
}

/* What was built so far of the kept stack, and what the next inner frame needs to know of the frame outside it. */
struct building {
    struct cairn_kept_frame *kept; /* where the next frame goes */
    uint32_t read_count;
    uintptr_t outer_key, outer_sp, outer_rbp;
    bool outer_needs_rbp;
    bool reads_code;
};

/* Keeps a walked frame with the words that the step out of it has read: of the outer return address (`slot`, which holds
 * `value`; 0 for none), of rbp where that matters to the outer frames, and of the CFA where it was saved. */
static inline void keep(struct cairn_stacks *stacks, struct building *building,
                        const struct walked_frame *walked, uint32_t node, uintptr_t slot, uintptr_t value)
{
    struct cairn_kept_read *read = stacks->kept.reads + building->read_count;
    if (slot != 0) {
        read->address = slot;
        read->value = value;
        read++;
    }
    bool needs_rbp = walked->flags & WALKED_USES_RBP;
    if (building->outer_needs_rbp) {
        needs_rbp |= walked->rbp_slot == 0;
        if (walked->rbp_slot != 0) {
            read->address = walked->rbp_slot;
            read->value = building->outer_rbp;
            read++;
        }
    }
    if (__builtin_expect(walked->flags & WALKED_READ_CFA, 0)) {
        read->address = walked->cfa_slot;
        read->value = walked->cfa_value;
        read++;
    }
    building->read_count = (uint32_t)(read - stacks->kept.reads);
    building->outer_needs_rbp = needs_rbp;
    building->reads_code |= (walked->flags & WALKED_READ_CODE) != 0;
    struct cairn_kept_frame *kept = building->kept++;
    kept->key = building->outer_key = walked->key;
    kept->sp = building->outer_sp = walked->sp;
    kept->rbp = building->outer_rbp = walked->rbp;
    kept->node = node;
    kept->reads = building->read_count | (needs_rbp ? CAIRN_KEPT_NEEDS_RBP : 0) |
                  (building->reads_code ? CAIRN_KEPT_READS_CODE : 0);
}

static inline uint32_t intern_frame(struct cairn_stacks *stacks, uint32_t outer, uintptr_t key,
                                    struct cairn_ring_writer *writer)
{
    const uint32_t kind = key & CAIRN_KEY_EXACT ? CAIRN_NODE_NATIVE_PC : CAIRN_NODE_NATIVE;
    return cairn_nodes_intern(&stacks->nodes, outer, kind, cairn_key_value(key), writer);
}

/* Begins a kept stack with the outermost walked frame. Returns its node, or 0. */
static uint32_t build_outermost(struct cairn_stacks *stacks, enum walk_end end,
                                struct cairn_ring_writer *writer, struct building *building)
{
    const struct walked_frame *outermost = &stacks->walked[stacks->walked_count - 1];
    *building = (struct building){.kept = stacks->kept.frames};
    uint32_t root = 0;
    if (!intern_root(stacks, end, writer, &root)) {
        return 0;
    }
    const uint32_t node = intern_frame(stacks, root, outermost->key, writer);
    if (!(outermost->flags & WALKED_OPAQUE)) {
        keep(stacks, building, outermost, node, stacks->end_slot, stacks->end_value);
    }
    stacks->kept.dropped = end == WALK_TRUNCATED ? stacks->dropped : 0;
    stacks->kept.top = top_of_walk(stacks);
    return node;
}

/* Interns the walked frames, outermost first, and keeps what may be reused of them. Returns the innermost node, 0 when
 * one could not be sent: then nothing is kept. */
static inline uint32_t build(struct cairn_stacks *stacks, enum walk_end end, struct cairn_ring_writer *writer)
{
    struct building building;
    uint32_t node;
    const struct walked_frame *walked = stacks->walked + stacks->walked_count;
    if (__builtin_expect(end == WALK_MET_KEPT, 1)) {
        const struct cairn_kept_frame *met = &stacks->kept.frames[stacks->kept.count - 1];
        building.kept = stacks->kept.frames + stacks->kept.count;
        building.read_count = cairn_kept_reads(met);
        building.outer_key = met->key;
        building.outer_sp = met->sp;
        building.outer_rbp = met->rbp;
        building.outer_needs_rbp = met->reads & CAIRN_KEPT_NEEDS_RBP;
        building.reads_code = met->reads & CAIRN_KEPT_READS_CODE;
        node = met->node;
    } else {
        node = build_outermost(stacks, end, writer, &building);
        walked--;
    }
    stacks->kept.count = 0;
    bool reusable = building.kept != stacks->kept.frames;
    while (node != 0 && walked != stacks->walked) {
        walked--;
        node = intern_frame(stacks, node, walked->key, writer);
        reusable = reusable && !(walked->flags & WALKED_OPAQUE);
        if (__builtin_expect(reusable, 1)) {
            keep(stacks, &building, walked, node, cairn_return_slot(building.outer_sp), building.outer_key);
        }
    }
    stacks->kept.count = node != 0 ? (uint32_t)(building.kept - stacks->kept.frames) : 0;
    return node;
}

static uint32_t walk_and_build(struct cairn_stacks *stacks, const struct cairn_registers *at,
                               struct cairn_ring_writer *writer)
{
    enum walk_end end = walk(stacks, at);
    if (end == WALK_MET_KEPT &&
        !cairn_cut_fits(stacks->kept.count + stacks->walked_count, stacks->kept.dropped, stacks->max_depth)) {
        stacks->kept.count = 0;
        begin_walk(stacks, at);
        end = walk(stacks, at);
    }
    if (stacks->walked_count == 0) {
        return stacks->kept.frames[stacks->kept.count - 1].node;
    }
    const uint32_t reused = end == WALK_MET_KEPT ? stacks->kept.count : 0;
    set_phase(stacks, PHASE_BUILDING);
    const uint32_t node = build(stacks, end, writer);
    /* Where the whole stack is kept. */
    if (stacks->kept.count != 0 && stacks->kept.count == reused + stacks->walked_count) {
        cairn_tails_note(&stacks->tails, &stacks->kept, reused);
    }
    set_phase(stacks, PHASE_IDLE);
    return node;
}

/* Starts the numbering again; `false` when the recording is over. */
static bool restart(struct cairn_stacks *stacks, struct cairn_ring_writer *writer)
{
    stacks->kept.count = 0;
    set_phase(stacks, PHASE_BUILDING);
    cairn_tails_forget(&stacks->tails);
    const bool restarted = cairn_nodes_restart(&stacks->nodes, writer);
    set_phase(stacks, PHASE_IDLE);
    return restarted;
}

/* The node of a stack that ends as one before did, or 0. */
static inline uint32_t find_known(struct cairn_stacks *stacks, const struct cairn_registers *at)
{
    const struct cairn_kept *kept = &stacks->kept;
    if (stacks->tails.resting > 0 || kept->count == 0 || stacks->memory.probed ||
        kept->top > stacks->memory.high || (kept->frames[kept->count - 1].reads & CAIRN_KEPT_READS_CODE)) {
        return 0;
    }
    return cairn_tails_find(&stacks->tails, kept, at);
}

/* A stack of which nothing is known: to look at a single address takes room, too. */
static __attribute__((noinline)) uint32_t capture_nothing(struct cairn_stacks *stacks,
                                                          struct cairn_ring_writer *writer)
{
    uint32_t root;
    set_phase(stacks, PHASE_BUILDING);
    const bool sent = intern_root(stacks, WALK_STOPPED, writer, &root);
    set_phase(stacks, PHASE_IDLE);
    return sent ? root : 0;
}

uint32_t cairn_stacks_capture(struct cairn_stacks *stacks, const struct cairn_registers *at,
                              struct cairn_ring_writer *writer)
{
    if (stacks == NULL || writer->control == NULL) {
        return 0;
    }
    const bool abandoned = atomic_load_explicit(&stacks->phase, memory_order_relaxed) != PHASE_IDLE;
    if (__builtin_expect(abandoned || stacks->nodes.count >= CAIRN_NODES_FULL, 0) &&
        !restart(stacks, writer)) {
        return 0;
    }
    const uint32_t epoch = cairn_frame_rules_epoch();
    if (epoch != stacks->epoch) {
        stacks->epoch = epoch;
        /* Nodes are sent again too: an address may lie in another module by now, which is told before its first node. */
        if (!restart(stacks, writer)) {
            return 0;
        }
    }
    begin_walk(stacks, at);
    if (__builtin_expect(!cairn_stack_memory_is_known(&stacks->memory), 0) &&
        !cairn_stack_memory_has_room()) {
        return capture_nothing(stacks, writer);
    }
    const uint32_t known = find_known(stacks, at);
    if (known != 0) {
        return known;
    }
    const uint32_t node = walk_and_build(stacks, at, writer);
    if (__builtin_expect(node != 0, 1)) {
        return node;
    }
    /* Full, or over. */
    if (!restart(stacks, writer)) {
        return 0;
    }
    begin_walk(stacks, at);
    return walk_and_build(stacks, at, writer);
}

uint32_t cairn_stacks_intern_path(struct cairn_stacks *stacks, uint32_t parent, const uint8_t *kinds,
                                  const uint64_t *values, size_t count, struct cairn_ring_writer *writer)
{
    if (stacks == NULL || writer->control == NULL) {
        return 0;
    }
    uint32_t node = parent;
    set_phase(stacks, PHASE_BUILDING);
    for (size_t i = count; i-- > 0;) {
        node = cairn_nodes_intern(&stacks->nodes, node, kinds[i], values[i], writer);
        if (node == 0) {
            break;
        }
    }
    set_phase(stacks, PHASE_IDLE);
    return node;
}

size_t cairn_stacks_walk_inner(struct cairn_stacks *stacks, const struct cairn_registers *at, uintptr_t low,
                               uintptr_t high, uint8_t *kinds, uint64_t *values, size_t capacity)
{
    struct cairn_frame frame = {.key = at->pc, .sp = at->sp, .rbp = at->rbp};
    size_t count = 0;
    begin_walk(stacks, at);
    while (count < capacity && cairn_key_value(frame.key) - low >= high - low) {
        struct walked_frame step;
        kinds[count] = frame.key & CAIRN_KEY_EXACT ? CAIRN_NODE_NATIVE_PC : CAIRN_NODE_NATIVE;
        values[count++] = cairn_key_value(frame.key);
        const enum cairn_step_kind kind = step_outward(stacks, &frame, &step);
        if (kind != CAIRN_STEP_FRAME && kind != CAIRN_STEP_OPAQUE) {
            break;
        }
    }
    return count;
}

uint32_t cairn_stacks_generation(struct cairn_stacks *stacks, struct cairn_ring_writer *writer)
{
    if (stacks->nodes.count >= CAIRN_NODES_FULL) {
        restart(stacks, writer);
    }
    return stacks->nodes.generation + 1;
}
