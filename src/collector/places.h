/* The places in the code that a recording knows: modules, frames (module and offset) and stacks (a trie of frames). The
 * same code in two processes is one frame; a stack is a number. Rows for what is new are put into a batch. */
#ifndef CAIRN_COLLECTOR_PLACES_H
#define CAIRN_COLLECTOR_PLACES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/batch.h"

struct cairn_places;

/* `next_frame` is the number of the next frame row; the symboliser takes numbers from it too. NULL when memory ran out. */
struct cairn_places *cairn_places_new(_Atomic uint32_t *next_frame);
void cairn_places_free(struct cairn_places *places);

/* Each returns the number in the trace, 0 when memory ran out. `build_id` is hexadecimal or NULL. */
uint32_t cairn_places_module(struct cairn_places *places, const char *path, const char *build_id);
/* `kind` is enum cairn_frame_kind; module 0 and the bare address where no module is known. */
uint32_t cairn_places_frame(struct cairn_places *places, uint32_t module, uint64_t offset,
                            enum cairn_frame_kind kind);
/* A line of a Python function (0: no line). */
uint32_t cairn_places_python_frame(struct cairn_places *places, const char *name, const char *file,
                                   int64_t line);
/* The stack of `frame` called from `parent` (0: outermost). `parent` itself when it is as deep as stacks may be. */
uint32_t cairn_places_stack(struct cairn_places *places, uint32_t parent, uint32_t frame);
size_t cairn_places_stack_count(const struct cairn_places *places);

/* Rows of everything that is new since the last call. */
void cairn_places_flush(struct cairn_places *places, struct cairn_batch *batch);

#endif
