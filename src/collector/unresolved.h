/* Rows that the store has taken, whose names nobody has looked up yet. */
#ifndef CAIRN_COLLECTOR_UNRESOLVED_H
#define CAIRN_COLLECTOR_UNRESOLVED_H

#include "base/arena.h"
#include "collector/batch.h"
#include "collector/pipeline.h"

/* Zero-initialise. */
struct cairn_unresolved {
    struct cairn_frame *frames;
    size_t frame_count, frame_capacity;
    struct cairn_batch_python_frame *python_frames; /* texts in `texts` */
    size_t python_frame_count, python_frame_capacity;
    struct cairn_stack_row *stacks;
    size_t stack_count, stack_capacity;
    struct cairn_account_site *accounts; /* `frame` holds the stack */
    size_t account_count, account_capacity;
    struct cairn_module *modules; /* texts in `texts` */
    size_t module_count, module_capacity;
    struct cairn_arena texts;
};

/* Adds what is in a batch. What memory is short for stays without a name, which the trace can bear. */
void cairn_unresolved_see(struct cairn_unresolved *unresolved, const struct cairn_batch *batch);
bool cairn_unresolved_is_empty(const struct cairn_unresolved *unresolved);
/* Gives the rows to the caller, who releases them. */
struct cairn_unresolved cairn_unresolved_take(struct cairn_unresolved *unresolved);
void cairn_unresolved_release(struct cairn_unresolved *unresolved);

#endif
