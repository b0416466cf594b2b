/* Everything about a frame that only holds on x86-64: how a rule is written in a few bits, and how one step outward is
 * made by it. Another architecture brings a file of the same functions.
 *
 * A *rule* says for one code address how to find the outer frame: the CFA (the outer frame's stack pointer) is rsp or
 * rbp plus an offset, the return address stands below it, rbp is unchanged or saved in the frame. A *key* is the code
 * address + what follows from it: a return address is its own key (its row is that of the call before it), the exact pc
 * of an interrupted frame has the key pc + 1. */
#ifndef CAIRN_AGENT_UNWIND_X86_64_H
#define CAIRN_AGENT_UNWIND_X86_64_H

#include <stdbool.h>
#include <stdint.h>

/* DWARF numbers (System V ABI, AMD64 supplement, figure 3.36). */
#define CAIRN_DWARF_FRAME_POINTER  6u
#define CAIRN_DWARF_STACK_POINTER  7u
#define CAIRN_DWARF_RETURN_ADDRESS 16u

/* User space ends below 2^47; code above it (five-level paging, asked for explicitly) is not kept in the table. */
#define CAIRN_CODE_ADDRESS_BITS 47u

/* A rule in 17 bits, so that address and rule share one atomic word:
 *
 *     bit  0       the CFA's base: 0 rsp, 1 rbp
 *     bits 1…3     rbp: 0 unchanged, 2…7 saved at CFA − 8·n, 1 the rule is a special one
 *     bits 4…16    the CFA's offset / 8; of a special rule its number */
#define CAIRN_RULE_BITS 17u

typedef uint32_t cairn_rule;

enum cairn_special_rule {
    CAIRN_RULE_END,           /* the outermost frame: its return address is undefined */
    CAIRN_RULE_STOP,          /* nothing is known */
    CAIRN_RULE_FRAME_POINTER, /* no call frame information: trust rbp as far as it can be checked */
    CAIRN_RULE_SIGNAL,   /* the kernel's signal trampoline: registers stand in the ucontext on the stack */
    CAIRN_RULE_FALLBACK, /* for libunwind */
    CAIRN_RULE_WIDE,     /* this and above: row n − CAIRN_RULE_WIDE of the table of wide rules */
};

static inline cairn_rule cairn_rule_special(uint32_t number)
{
    return number << 4 | 1u << 1;
}

static inline bool cairn_rule_is_special(cairn_rule rule)
{
    return (rule & 0xe) == 0x2;
}

/* Of a plain rule. */
static inline bool cairn_rule_uses_rbp(cairn_rule rule)
{
    return rule & 1;
}

static inline uint32_t cairn_rule_number(cairn_rule rule)
{
    return rule >> 4;
}

/* Where a frame stands. */
struct cairn_frame {
    uintptr_t key; /* | CAIRN_KEY_EXACT */
    uintptr_t sp;  /* stack pointer after the inner frame has returned */
    uintptr_t rbp;
};

/* Marks the key of a frame that was interrupted by a signal: not a return address. */
#define CAIRN_KEY_EXACT (1ull << 63)

static inline uintptr_t cairn_key_exact(uintptr_t pc)
{
    return (pc + 1) | CAIRN_KEY_EXACT;
}

static inline uintptr_t cairn_key_code(uintptr_t key)
{
    return key & ~CAIRN_KEY_EXACT;
}

/* What a frame's value is in a stack node: the return address, or the exact pc. */
static inline uintptr_t cairn_key_value(uintptr_t key)
{
    return key & CAIRN_KEY_EXACT ? cairn_key_code(key) - 1 : key;
}

enum cairn_step_kind {
    CAIRN_STEP_FRAME,   /* `outer` follows from the frame and the words that were read */
    CAIRN_STEP_OPAQUE,  /* `outer` is right, but follows from more than that: never reuse what is inside */
    CAIRN_STEP_END,     /* there is no outer frame */
    CAIRN_STEP_STOPPED, /* there may be one, unknown */
};

/* One step outward: the outer frame and every word of the stack that it was read from. */
struct cairn_step {
    struct cairn_frame outer;
    uintptr_t return_slot; /* 0: none was read */
    uintptr_t return_value;
    uintptr_t rbp_slot; /* 0: the outer rbp is the inner one */
    uintptr_t cfa_slot; /* 0: the CFA does not depend on memory */
    uintptr_t cfa_value;
    bool uses_rbp; /* the outer frame depends on this frame's rbp, beyond handing it on */
};

/* Where a frame's own return address stood, which its inner frame returned by. */
static inline uintptr_t cairn_return_slot(uintptr_t sp)
{
    return sp - sizeof(uintptr_t);
}

/* A word of the recorded program's stack. */
static inline uintptr_t cairn_stack_word(uintptr_t address)
{
    return *(const volatile uintptr_t *)address;
}

/* The usual step: a plain rule, a frame below `high`, and an outer one. Otherwise `false`, and it is for
 * cairn_unwind_special. `rbp_slot` as in struct cairn_step. */
static inline bool cairn_unwind_plain(cairn_rule rule, const struct cairn_frame *frame, uintptr_t high,
                                      struct cairn_frame *outer, uintptr_t *rbp_slot)
{
    const uintptr_t cfa = (rule & 1 ? frame->rbp : frame->sp) + (uintptr_t)(rule >> 4) * 8;
    if (__builtin_expect(cairn_rule_is_special(rule) || cfa > high || cfa < frame->sp + 8, 0)) {
        return false;
    }
    const uintptr_t key = cairn_stack_word(cfa - 8);
    const uintptr_t saved = cfa - (uintptr_t)(rule >> 1 & 7) * 8;
    /* Below the frame stands what an epilogue has popped already: then the register holds it. */
    const bool is_saved = (rule & 0xe) != 0 && saved >= frame->sp;
    *rbp_slot = is_saved ? saved : 0;
    *outer = (struct cairn_frame){
        .key = key,
        .sp = cfa,
        .rbp = is_saved ? cairn_stack_word(saved) : frame->rbp,
    };
    return key != 0;
}

struct cairn_stack_memory;
struct cairn_fallback;

/* The step of a special rule, or of a plain one whose CFA lies outside the bounds known so far. `memory` is the stack
 * the frame stands on; a signal frame may enter another one. */
enum cairn_step_kind cairn_unwind_special(cairn_rule rule, const struct cairn_frame *frame,
                                          struct cairn_stack_memory *memory, struct cairn_fallback *fallback,
                                          struct cairn_step *step);

struct cairn_code_module;
struct cairn_cfi_row;

/* The rule of a code address: of the row of call frame information for the byte before it, which `module` holds. */
cairn_rule cairn_unwind_rule(const struct cairn_code_module *module, const struct cairn_cfi_row *row,
                             uintptr_t code);
/* The same where the module has none for that byte. `begins_function`: it has some from `code` on. */
cairn_rule cairn_unwind_rule_without_row(const struct cairn_code_module *module, bool begins_function,
                                         uintptr_t code);

#endif
