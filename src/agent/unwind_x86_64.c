#include "agent/unwind_x86_64.h"

#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <ucontext.h>

#include "agent/code_lookup.h"
#include "agent/eh_frame.h"
#include "agent/stack_memory.h"
#include "agent/unwind_fallback.h"

#define WORD_BYTES 8u

/* The largest CFA offset that a rule's 13 bits hold. */
#define PLAIN_OFFSET_MAX ((1u << 13) * WORD_BYTES - WORD_BYTES)

/* How a wide rule comes to a CFA, and to the outer rbp. */
enum wide_cfa { CFA_FROM_SP, CFA_FROM_RBP, CFA_READ_AT_RBP };
enum wide_rbp { RBP_SAME, RBP_SAVED_AT_CFA, RBP_SAVED_AT_RBP };

/* Frames that fit no 17 bits: larger than 64 KiB, or realigned, where the CFA was saved below rbp. */
struct wide_rule {
    int64_t cfa_offset, rbp_offset;
    enum wide_cfa cfa;
    enum wide_rbp rbp;
};

#define WIDE_RULES_MAX  ((1u << 13) - CAIRN_RULE_WIDE)
#define RBP_OFFSET_BITS 28

/* Each row is one word that is set once: 32 bits CFA offset, 28 bits rbp offset, 2 bits each for how; 0 is free. A rule
 * that names a row is published, through the rule table, after the row; relaxed is enough, the word is all there is. */
static _Atomic uint64_t wide_rows[WIDE_RULES_MAX];

static bool pack_wide(const struct wide_rule *rule, uint64_t *packed)
{
    const int64_t rbp_limit = 1ll << (RBP_OFFSET_BITS - 1);
    if (rule->cfa_offset != (int32_t)rule->cfa_offset || rule->rbp_offset < -rbp_limit ||
        rule->rbp_offset >= rbp_limit) {
        return false;
    }
    *packed = (uint32_t)rule->cfa_offset |
              ((uint64_t)rule->rbp_offset & ((1ull << RBP_OFFSET_BITS) - 1)) << 32 |
              (uint64_t)rule->cfa << 60 | (uint64_t)rule->rbp << 62;
    return *packed != 0;
}

static struct wide_rule unpack_wide(uint64_t packed)
{
    return (struct wide_rule){
        .cfa_offset = (int32_t)packed,
        .rbp_offset = (int64_t)(packed << 4) >> (64 - RBP_OFFSET_BITS),
        .cfa = packed >> 60 & 3,
        .rbp = packed >> 62,
    };
}

static cairn_rule rule_of_wide(const struct wide_rule *rule)
{
    uint64_t packed = 0;
    if (!pack_wide(rule, &packed)) {
        return cairn_rule_special(CAIRN_RULE_FALLBACK);
    }
    for (uint32_t i = 0; i < WIDE_RULES_MAX; i++) {
        uint64_t row = 0;
        if (atomic_compare_exchange_strong_explicit(&wide_rows[i], &row, packed, memory_order_relaxed,
                                                    memory_order_relaxed) ||
            row == packed) {
            return cairn_rule_special(CAIRN_RULE_WIDE + i);
        }
    }
    return cairn_rule_special(CAIRN_RULE_FALLBACK);
}

/* mov $15, %rax; syscall: rt_sigreturn, the code that every signal handler returns to. */
static bool is_signal_trampoline(const struct cairn_code_module *module, uintptr_t code)
{
    static const uint8_t trampoline[] = {0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05};
    const struct cairn_code_segment *segment = cairn_code_segment_of(module, code, sizeof trampoline);
    return segment != NULL && segment->executable &&
           memcmp((const void *)code, trampoline, sizeof trampoline) == 0;
}

/* DW_OP numbers (DWARF 5, section 7.7.1). */
enum {
    OP_DEREF = 0x06,
    OP_AND = 0x1a,
    OP_PLUS = 0x22,
    OP_SHL = 0x24,
    OP_GE = 0x2a,
    OP_LIT0 = 0x30,
    OP_LIT3 = 0x33,
    OP_LIT15 = 0x3f,
    OP_LIT31 = 0x4f,
    OP_BREG_RBP = 0x76,
    OP_BREG_RSP = 0x77,
    OP_BREG_RIP = 0x80,
};

/* What linkers write for procedure linkage tables: rsp + 8, and 8 more once the entry has pushed its index, which is
 * told from the pc's place in its sixteen bytes. */
static bool match_linkage_table(const struct cairn_cfi_place *cfa, uintptr_t pc, int64_t *offset)
{
    static const uint8_t before[] = {OP_BREG_RSP, 8, OP_BREG_RIP, 0, OP_LIT15, OP_AND};
    static const uint8_t after[] = {OP_GE, OP_LIT3, OP_SHL, OP_PLUS};
    const uint8_t *expression = cfa->expression;
    if (cfa->expression_bytes != sizeof before + 1 + sizeof after ||
        memcmp(expression, before, sizeof before) != 0 ||
        memcmp(expression + sizeof before + 1, after, sizeof after) != 0) {
        return false;
    }
    const uint8_t literal = expression[sizeof before];
    if (literal < OP_LIT0 || literal > OP_LIT31) {
        return false;
    }
    *offset = (pc & 15) >= (uintptr_t)(literal - OP_LIT0) ? 16 : 8;
    return true;
}

/* The single-byte operand of "rbp + n" at the beginning of an expression of `bytes` bytes. */
static bool match_rbp_plus(const struct cairn_cfi_place *place, uint32_t bytes, int64_t *offset)
{
    if (place->expression_bytes != bytes || place->expression[0] != OP_BREG_RBP ||
        (place->expression[1] & 0x80)) {
        return false;
    }
    *offset = (int64_t)((uint64_t)place->expression[1] << 57) >> 57;
    return true;
}

static bool read_cfa(const struct cairn_cfi_place *cfa, uintptr_t pc, struct wide_rule *rule)
{
    if (cfa->kind == CAIRN_CFI_REGISTER) {
        rule->cfa_offset = cfa->offset;
        rule->cfa = cfa->base == CAIRN_DWARF_FRAME_POINTER ? CFA_FROM_RBP : CFA_FROM_SP;
        return cfa->base == CAIRN_DWARF_FRAME_POINTER || cfa->base == CAIRN_DWARF_STACK_POINTER;
    }
    if (cfa->kind != CAIRN_CFI_VAL_EXPRESSION) {
        return false;
    }
    if (match_linkage_table(cfa, pc, &rule->cfa_offset)) {
        rule->cfa = CFA_FROM_SP;
        return true;
    }
    /* A frame that realigned its stack keeps the CFA below rbp. */
    rule->cfa = CFA_READ_AT_RBP;
    return match_rbp_plus(cfa, 3, &rule->cfa_offset) && cfa->expression[2] == OP_DEREF;
}

static bool read_rbp(const struct cairn_cfi_place *rbp, struct wide_rule *rule)
{
    switch (rbp->kind) {
    case CAIRN_CFI_SAME:
    case CAIRN_CFI_UNDEFINED:
        rule->rbp = RBP_SAME;
        return true;
    case CAIRN_CFI_OFFSET:
        rule->rbp = RBP_SAVED_AT_CFA;
        rule->rbp_offset = rbp->offset;
        return true;
    case CAIRN_CFI_EXPRESSION:
        rule->rbp = RBP_SAVED_AT_RBP;
        return match_rbp_plus(rbp, 2, &rule->rbp_offset);
    default:
        return false;
    }
}

/* `false` where the rule does not fit the plain 17 bits. */
static bool pack_plain(const struct wide_rule *rule, cairn_rule *packed)
{
    if (rule->cfa == CFA_READ_AT_RBP || rule->rbp == RBP_SAVED_AT_RBP || rule->cfa_offset < WORD_BYTES ||
        rule->cfa_offset > PLAIN_OFFSET_MAX || rule->cfa_offset % WORD_BYTES != 0) {
        return false;
    }
    cairn_rule slot = 0;
    if (rule->rbp == RBP_SAVED_AT_CFA) {
        if (rule->rbp_offset % (int64_t)WORD_BYTES != 0 || rule->rbp_offset > -2 * (int64_t)WORD_BYTES ||
            rule->rbp_offset < -7 * (int64_t)WORD_BYTES) {
            return false;
        }
        slot = (cairn_rule)(-rule->rbp_offset / (int64_t)WORD_BYTES);
    }
    *packed = (cairn_rule)(rule->cfa_offset / WORD_BYTES) << 4 | slot << 1 | (rule->cfa == CFA_FROM_RBP);
    return true;
}

cairn_rule cairn_unwind_rule(const struct cairn_code_module *module, const struct cairn_cfi_row *row,
                             uintptr_t code)
{
    if (row->signal_frame) {
        return cairn_rule_special(is_signal_trampoline(module, code) ? CAIRN_RULE_SIGNAL
                                                                     : CAIRN_RULE_FALLBACK);
    }
    const struct cairn_cfi_place *return_address = &row->columns[CAIRN_CFI_RETURN_ADDRESS];
    const struct cairn_cfi_place *sp = &row->columns[CAIRN_CFI_STACK_POINTER];
    if (return_address->kind == CAIRN_CFI_UNDEFINED) {
        return cairn_rule_special(CAIRN_RULE_END);
    }
    const bool sp_is_cfa =
        sp->kind == CAIRN_CFI_SAME || (sp->kind == CAIRN_CFI_VAL_OFFSET && sp->offset == 0);
    struct wide_rule rule = {0};
    if (return_address->kind != CAIRN_CFI_OFFSET || return_address->offset != -(int64_t)WORD_BYTES ||
        !sp_is_cfa || !read_cfa(&row->cfa, code - 1, &rule) ||
        !read_rbp(&row->columns[CAIRN_CFI_FRAME_POINTER], &rule)) {
        return cairn_rule_special(CAIRN_RULE_FALLBACK);
    }
    cairn_rule packed = 0;
    return pack_plain(&rule, &packed) ? packed : rule_of_wide(&rule);
}

/* A return address at the very beginning of a function, with nothing before it, was not pushed by a call: it was laid
 * there for a coroutine or a thread to come out at (makecontext), and no frame lies outside. */
cairn_rule cairn_unwind_rule_without_row(const struct cairn_code_module *module, bool begins_function,
                                         uintptr_t code)
{
    if (is_signal_trampoline(module, code)) {
        return cairn_rule_special(CAIRN_RULE_SIGNAL);
    }
    return cairn_rule_special(begins_function ? CAIRN_RULE_END : CAIRN_RULE_FRAME_POINTER);
}

/* Reads a word of the frame into `value`; `false` where it may not be read. */
static bool read_word(struct cairn_stack_memory *memory, uintptr_t address, uintptr_t *value)
{
    if (!cairn_stack_memory_reach(memory, address)) {
        return false;
    }
    *value = cairn_stack_word(address);
    return true;
}

static enum cairn_step_kind step_by(const struct wide_rule *rule, const struct cairn_frame *frame,
                                    struct cairn_stack_memory *memory, struct cairn_step *step)
{
    step->uses_rbp = rule->cfa != CFA_FROM_SP || rule->rbp == RBP_SAVED_AT_RBP;
    uintptr_t cfa = (rule->cfa == CFA_FROM_SP ? frame->sp : frame->rbp) + (uintptr_t)rule->cfa_offset;
    if (rule->cfa == CFA_READ_AT_RBP) {
        step->cfa_slot = cfa;
        if (cfa < frame->sp || !read_word(memory, cfa, &cfa) || step->cfa_slot >= cfa) {
            return CAIRN_STEP_STOPPED;
        }
        step->cfa_value = cfa;
    }
    const uintptr_t return_slot = cfa - WORD_BYTES;
    if (cfa < WORD_BYTES || return_slot < frame->sp || !read_word(memory, return_slot, &step->return_value)) {
        return CAIRN_STEP_STOPPED;
    }
    step->return_slot = return_slot;
    step->outer = (struct cairn_frame){.key = step->return_value, .sp = cfa, .rbp = frame->rbp};
    if (rule->rbp != RBP_SAME) {
        const uintptr_t slot =
            (rule->rbp == RBP_SAVED_AT_RBP ? frame->rbp : cfa) + (uintptr_t)rule->rbp_offset;
        /* Below the frame stands what an epilogue has popped already: then the register holds it. */
        if (slot >= frame->sp && slot < return_slot) {
            if (!read_word(memory, slot, &step->outer.rbp)) {
                return CAIRN_STEP_STOPPED;
            }
            step->rbp_slot = slot;
        }
    }
    cairn_stack_memory_move(memory, cfa);
    return step->return_value == 0 ? CAIRN_STEP_END : CAIRN_STEP_FRAME;
}

/* The kernel pushed the interrupted registers above the trampoline's address. */
static enum cairn_step_kind step_signal(const struct cairn_frame *frame, struct cairn_stack_memory *memory,
                                        struct cairn_step *step)
{
    const uintptr_t registers = frame->sp + offsetof(ucontext_t, uc_mcontext.gregs);
    uintptr_t pc = 0;
    if (!read_word(memory, registers + REG_RIP * WORD_BYTES, &pc) ||
        !read_word(memory, registers + REG_RSP * WORD_BYTES, &step->outer.sp) ||
        !read_word(memory, registers + REG_RBP * WORD_BYTES, &step->outer.rbp)) {
        return CAIRN_STEP_STOPPED;
    }
    step->outer.key = cairn_key_exact(pc);
    return cairn_stack_memory_enter(memory, step->outer.sp) ? CAIRN_STEP_OPAQUE : CAIRN_STEP_STOPPED;
}

/* Whether the bytes before `address` are a call: e8 with a displacement, or ff /2 with an operand of any length. What is
 * no call was not returned to from one. */
static bool follows_call(const struct cairn_stack_memory *memory, uintptr_t address)
{
    static const uint8_t indirect_bytes[] = {2, 3, 4, 6, 7};
    const uint8_t *end = (const uint8_t *)address;
    struct cairn_code_module module;
    if (address < WORD_BYTES) {
        return false;
    }
    if (cairn_code_find(address - 1, &module)) {
        const struct cairn_code_segment *segment =
            cairn_code_segment_of(&module, address - WORD_BYTES, WORD_BYTES);
        if (segment == NULL || !segment->executable) {
            return false;
        }
    } else if (!cairn_stack_memory_word_is_readable(memory, address - WORD_BYTES)) {
        return false;
    }
    for (size_t i = 0; i < sizeof indirect_bytes; i++) {
        const uint8_t *call = end - indirect_bytes[i];
        if (call[0] == 0xff && (call[1] & 0x38) == 0x10) {
            return true;
        }
    }
    return end[-5] == 0xe8;
}

/* Without call frame information rbp is all there is: by convention it heads a chain of frames, and 0 ends it. Where a
 * signal struck, the function may not have begun (or not be one: a call through a bad pointer). */
static enum cairn_step_kind step_frame_pointer(const struct cairn_frame *frame,
                                               struct cairn_stack_memory *memory, struct cairn_step *step)
{
    static const struct wide_rule not_begun = {.cfa = CFA_FROM_SP, .cfa_offset = WORD_BYTES};
    static const struct wide_rule convention = {
        .cfa = CFA_FROM_RBP,
        .cfa_offset = 2 * WORD_BYTES,
        .rbp = RBP_SAVED_AT_CFA,
        .rbp_offset = -2 * (int64_t)WORD_BYTES,
    };
    uintptr_t word = 0;
    if ((frame->key & CAIRN_KEY_EXACT) && read_word(memory, frame->sp, &word)) {
        if (follows_call(memory, word)) {
            return step_by(&not_begun, frame, memory, step);
        }
        step->cfa_slot = frame->sp; /* what was decided by it */
        step->cfa_value = word;
    }
    step->uses_rbp = true;
    if (frame->rbp == 0) {
        return CAIRN_STEP_END;
    }
    if (frame->rbp % WORD_BYTES != 0 || frame->rbp < frame->sp) {
        return CAIRN_STEP_STOPPED;
    }
    const enum cairn_step_kind kind = step_by(&convention, frame, memory, step);
    step->uses_rbp = true;
    return kind == CAIRN_STEP_FRAME && !follows_call(memory, step->return_value) ? CAIRN_STEP_STOPPED : kind;
}

static struct wide_rule unpack_plain(cairn_rule rule)
{
    const int64_t slot = rule >> 1 & 7;
    return (struct wide_rule){
        .cfa = rule & 1 ? CFA_FROM_RBP : CFA_FROM_SP,
        .cfa_offset = (int64_t)cairn_rule_number(rule) * WORD_BYTES,
        .rbp = slot != 0 ? RBP_SAVED_AT_CFA : RBP_SAME,
        .rbp_offset = -slot * (int64_t)WORD_BYTES,
    };
}

enum cairn_step_kind cairn_unwind_special(cairn_rule rule, const struct cairn_frame *frame,
                                          struct cairn_stack_memory *memory, struct cairn_fallback *fallback,
                                          struct cairn_step *step)
{
    *step = (struct cairn_step){0};
    if (!cairn_rule_is_special(rule)) {
        const struct wide_rule plain = unpack_plain(rule);
        return step_by(&plain, frame, memory, step);
    }
    const uint32_t number = cairn_rule_number(rule);
    switch (number) {
    case CAIRN_RULE_END:
        return CAIRN_STEP_END;
    case CAIRN_RULE_STOP:
        return CAIRN_STEP_STOPPED;
    case CAIRN_RULE_FRAME_POINTER:
        return step_frame_pointer(frame, memory, step);
    case CAIRN_RULE_SIGNAL:
        return step_signal(frame, memory, step);
    case CAIRN_RULE_FALLBACK:
        return cairn_fallback_step(fallback, frame, memory, &step->outer);
    default: {
        const struct wide_rule unpacked =
            unpack_wide(atomic_load_explicit(&wide_rows[number - CAIRN_RULE_WIDE], memory_order_relaxed));
        return step_by(&unpacked, frame, memory, step);
    }
    }
}
