#include "agent/python/frames.h"

#include "agent/python/layout_table.h"
#include "agent/python/objects.h"
#include "agent/stack_cut.h"
#include "wire/python.h"

/* Frames that a walk may pass before it gives up: a damaged chain must end. */
#define CHAIN_MAX (1u << 20)
/* Frames without Python code between two that have some. */
#define SKIPPED_MAX 64u
/* Into a walk of each layout. */
#define INLINE __attribute__((always_inline)) static inline

INLINE uintptr_t innermost(const struct cairn_python_layout *layout, uintptr_t thread_state)
{
    const uintptr_t frame = cairn_python_word(thread_state, layout->thread_frame);
    return layout->through_c_frame && frame ? cairn_python_word(frame, layout->c_frame_frame) : frame;
}

/* As it stands in memory: a pointer, or an int (zero-extended). */
INLINE uintptr_t raw_lasti(const struct cairn_python_layout *layout, uintptr_t frame)
{
    return layout->lasti == CAIRN_LASTI_INSTRUCTION ? cairn_python_word(frame, layout->frame_lasti)
                                                    : (uint32_t)cairn_python_int(frame, layout->frame_lasti);
}

INLINE uint8_t owner_of(const struct cairn_python_layout *layout, uintptr_t address)
{
    return layout->frame_owner ? cairn_python_byte(address, layout->frame_owner) : 0;
}

/* Where the frame is in its code, which is known already; false for one that has not begun. */
INLINE bool read_instruction(const struct cairn_python_layout *layout, struct cairn_python_frame *frame,
                             uint8_t owner)
{
    frame->lasti = raw_lasti(layout, frame->frame);
    if (layout->lasti != CAIRN_LASTI_INSTRUCTION) {
        const int32_t lasti = (int32_t)(uint32_t)frame->lasti;
        frame->offset = lasti < 0 ? CAIRN_PYTHON_NOT_BEGUN
                                  : (uint32_t)lasti * (layout->lasti == CAIRN_LASTI_UNITS ? 2u : 1u);
        return true;
    }
    const intptr_t offset = (intptr_t)(frame->lasti - frame->code - layout->code_instructions);
    frame->offset = offset < 0 ? CAIRN_PYTHON_NOT_BEGUN : (uint32_t)offset;
    return owner == CAIRN_OWNER_GENERATOR ||
           offset >= 2 * (intptr_t)cairn_python_int(frame->code, layout->code_first_traceable);
}

/* The frame at `address` as it is now; false for one that runs no Python code (yet), of which only `previous` counts. */
INLINE bool read_frame(const struct cairn_python_layout *layout, uintptr_t code_type, uintptr_t address,
                       struct cairn_python_frame *frame)
{
    frame->frame = address;
    frame->previous = cairn_python_word(address, layout->frame_previous);
    frame->code = cairn_python_word(address, layout->frame_code);
    const uint8_t owner = owner_of(layout, address);
    return owner != CAIRN_OWNER_C_STACK && frame->code &&
           cairn_python_word(frame->code, CAIRN_PYTHON_TYPE) == code_type &&
           read_instruction(layout, frame, owner);
}

/* Whether the way outward from `previous` leads, past frames that run no Python code, to `outer` (0: to the end). */
INLINE bool leads_to(const struct cairn_python_layout *layout, uintptr_t code_type, uintptr_t previous,
                     uintptr_t outer)
{
    struct cairn_python_frame frame;
    for (uint32_t passed = 0; previous != outer; passed++) {
        if (!previous || passed == SKIPPED_MAX || read_frame(layout, code_type, previous, &frame)) {
            return false;
        }
        previous = frame.previous;
    }
    return true;
}

/* Where the way outward from a kept frame leads: the frame outside it, the first beyond the cut, or 0. */
INLINE uintptr_t outer_of(const struct cairn_python_frames *frames, uint32_t index)
{
    return index > 0 ? frames->frames[index - 1].frame : frames->dropped > 0 ? frames->frames[0].previous : 0;
}

/* Whether the kept frames up to `last` are still what memory says. What else was read of them follows from code and
 * instruction, since the caller forgets the frames when a code object is freed. */
INLINE bool still_there(const struct cairn_python_frames *frames, const struct cairn_python_layout *layout,
                        uintptr_t code_type, uint32_t last)
{
    for (uint32_t i = last + 1; i-- > 0;) {
        const struct cairn_python_frame *kept = &frames->frames[i];
        const uintptr_t outer = outer_of(frames, i);
        const uintptr_t previous = cairn_python_word(kept->frame, layout->frame_previous);
        if (cairn_python_word(kept->frame, layout->frame_code) != kept->code ||
            raw_lasti(layout, kept->frame) != kept->lasti ||
            (previous != outer && !leads_to(layout, code_type, previous, outer))) {
            return false;
        }
    }
    return true;
}

/* Word by word, as they were written just now: a copy in wider pieces would wait until all of them are stored. */
static inline void copy(struct cairn_python_frame *to, const struct cairn_python_frame *from)
{
    to->frame = from->frame;
    to->previous = from->previous;
    to->code = from->code;
    to->lasti = from->lasti;
    to->offset = from->offset;
    to->node = to->number = 0;
}

/* Most allocations come from the function that the one before came from, called from where that was: then only where the
 * innermost frame is in its code is new. */
INLINE bool only_went_on(struct cairn_python_frames *frames, const struct cairn_python_layout *layout,
                         uintptr_t code_type, uintptr_t innermost)
{
    if (frames->count == 0) {
        return false;
    }
    const uint32_t last = frames->count - 1;
    struct cairn_python_frame *frame = &frames->frames[last];
    const uintptr_t outer = outer_of(frames, last);
    const uintptr_t previous = cairn_python_word(innermost, layout->frame_previous);
    if (frame->frame != innermost || cairn_python_word(innermost, layout->frame_code) != frame->code ||
        (previous != outer && !leads_to(layout, code_type, previous, outer)) ||
        (last > 0 && !still_there(frames, layout, code_type, last - 1))) {
        return false;
    }
    frames->kept = frames->count;
    if (raw_lasti(layout, innermost) != frame->lasti) {
        frame->node = 0;
        frames->kept = last;
        return read_instruction(layout, frame, owner_of(layout, innermost));
    }
    return true;
}

static inline uint16_t *hint(struct cairn_python_frames *frames, uintptr_t frame)
{
    return &frames->hints[(frame >> 4 ^ frame >> 12) & 255];
}

/* How many frames lie from `at` outward, as far as they matter. */
INLINE uint32_t count_beyond(const struct cairn_python_layout *layout, uintptr_t code_type, uintptr_t at,
                             uint32_t max_depth)
{
    const uint32_t looks = cairn_cut_looks(max_depth);
    uint32_t count = 0;
    struct cairn_python_frame frame;
    for (uint32_t passed = 0; at && count < looks && passed < CHAIN_MAX; passed++) {
        count += read_frame(layout, code_type, at, &frame);
        at = frame.previous;
    }
    return count;
}

INLINE void walk(struct cairn_python_frames *frames, const struct cairn_python_layout *layout,
                 uintptr_t thread_state, uintptr_t code_type, uint32_t max_depth)
{
    struct cairn_python_frame *fresh = frames->fresh;
    uint32_t fresh_count = 0, kept = 0, dropped = 0;
    bool may_reuse = true;
    uintptr_t at = thread_state ? innermost(layout, thread_state) : 0;
    if (at && only_went_on(frames, layout, code_type, at)) {
        return;
    }
    max_depth = max_depth < CAIRN_PYTHON_DEPTH_MAX ? max_depth : CAIRN_PYTHON_DEPTH_MAX;
    for (uint32_t passed = 0; at && passed < CHAIN_MAX; passed++) {
        struct cairn_python_frame *frame = &fresh[fresh_count];
        if (!read_frame(layout, code_type, at, frame)) {
            at = frame->previous;
            continue;
        }
        const uint32_t index = *hint(frames, at);
        if (may_reuse && index < frames->count && frames->frames[index].frame == at &&
            frames->frames[index].lasti == frame->lasti) {
            if (cairn_cut_fits(index + 1 + fresh_count, frames->dropped, max_depth) &&
                still_there(frames, layout, code_type, index)) {
                kept = index + 1;
                dropped = frames->dropped;
                break;
            }
            may_reuse = false;
        }
        if (fresh_count == max_depth) {
            const uint32_t depth = max_depth + count_beyond(layout, code_type, at, max_depth);
            fresh_count = cairn_cut_kept(depth, max_depth);
            dropped = depth - fresh_count;
            break;
        }
        fresh_count++;
        at = frame->previous;
    }
    for (uint32_t i = 0; i < fresh_count; i++) {
        const uint32_t index = kept + i;
        copy(&frames->frames[index], &fresh[fresh_count - 1 - i]);
        *hint(frames, frames->frames[index].frame) = (uint16_t)index;
    }
    frames->kept = kept;
    frames->count = kept + fresh_count;
    frames->dropped = dropped;
}

/* One walk a layout: half of a walk would be reading it. */
#define WALK(version)                                                                                        \
    case version:                                                                                            \
        walk(frames, &cairn_python_layouts[version - CAIRN_PYTHON_FIRST_MINOR], thread_state, code_type,     \
             max_depth);                                                                                     \
        break

void cairn_python_frames_walk(struct cairn_python_frames *frames, const struct cairn_python_layout *layout,
                              uintptr_t thread_state, uintptr_t code_type, uint32_t max_depth)
{
    switch (layout->minor) {
        WALK(8);
        WALK(9);
        WALK(10);
        WALK(11);
        WALK(12);
        WALK(13);
    default:
        cairn_python_frames_forget(frames);
        break;
    }
}

void cairn_python_frames_forget(struct cairn_python_frames *frames)
{
    frames->count = frames->kept = 0;
}
