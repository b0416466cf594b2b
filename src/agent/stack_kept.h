/* What a thread keeps of the last stack it walked. Private to the walk (stack.c, stack_tails.c). */
#ifndef CAIRN_AGENT_STACK_KEPT_H
#define CAIRN_AGENT_STACK_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/unwind_x86_64.h"

/* A frame of the last stack. It may be reused when a walk reaches its key, sp and rbp again and the words in
 * reads[0, read_count) stand in memory as they were: then a walk outward from it would read the same words, and come to
 * the same frames. The rbp need not be equal where no frame outward depends on it. */
struct cairn_kept_frame {
    uintptr_t key, sp, rbp;
    uint32_t node;
    uint32_t reads; /* read_count of this frame and all outer ones | the flags below */
};

#define CAIRN_KEPT_NEEDS_RBP 0x80000000u
#define CAIRN_KEPT_READS_CODE                                                                                \
    0x40000000u /* what lies outward follows from bytes of code, too, which may be generated */

static inline uint32_t cairn_kept_reads(const struct cairn_kept_frame *frame)
{
    return frame->reads & ~(CAIRN_KEPT_NEEDS_RBP | CAIRN_KEPT_READS_CODE);
}

/* A word of the stack that the outer frames follow from. */
struct cairn_kept_read {
    uintptr_t address, value;
};

struct cairn_kept {
    struct cairn_kept_frame *frames; /* outermost first: the part of the last stack that may be reused */
    struct cairn_kept_read *reads;   /* in the same order */
    uint32_t count;
    uint32_t dropped; /* frames beyond the outermost one, as far as they were counted */
    uintptr_t top;    /* end of the outermost word of `reads` */
};

#define CAIRN_READS_AT_ONCE 8u

static inline uintptr_t cairn_kept_difference(const struct cairn_kept_read *read)
{
    return cairn_stack_word(read->address) ^ read->value;
}

static inline bool cairn_kept_differ(const struct cairn_kept_read *read)
{
    const uintptr_t outer = cairn_kept_difference(read) | cairn_kept_difference(read + 1) |
                            cairn_kept_difference(read + 2) | cairn_kept_difference(read + 3);
    const uintptr_t inner = cairn_kept_difference(read + 4) | cairn_kept_difference(read + 5) |
                            cairn_kept_difference(read + 6) | cairn_kept_difference(read + 7);
    return (outer | inner) != 0;
}

/* How many of reads[0, count) hold, counted from the outermost on. Most do: so there is one branch for many. */
static inline uint32_t cairn_kept_count_valid(const struct cairn_kept_read *reads, uint32_t count)
{
    const struct cairn_kept_read *read = reads, *const end = read + count;
    while ((size_t)(end - read) >= CAIRN_READS_AT_ONCE && !cairn_kept_differ(read)) {
        read += CAIRN_READS_AT_ONCE;
    }
    while (read != end && cairn_kept_difference(read) == 0) {
        read++;
    }
    return (uint32_t)(read - reads);
}

/* Whether all of them hold. */
static inline bool cairn_kept_all_valid(const struct cairn_kept_read *reads, uint32_t count)
{
    const struct cairn_kept_read *read = reads, *const end = read + count;
    for (; (size_t)(end - read) >= CAIRN_READS_AT_ONCE; read += CAIRN_READS_AT_ONCE) {
        if (cairn_kept_differ(read)) {
            return false;
        }
    }
    uintptr_t difference = 0;
    for (; read != end; read++) {
        difference |= cairn_kept_difference(read);
    }
    return difference == 0;
}

#endif
