/* The code that an imported recording names: frames with their functions, files and lines, stacks of them, and which frame a
 * stack is charged to. The same place is one frame, the same stack one number. */
#ifndef CAIRN_IMPORT_CODE_H
#define CAIRN_IMPORT_CODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "collector/batch.h"
#include "collector/places.h"

struct cairn_code;

/* A place in the code. Texts are copied; NULL: not known. */
struct cairn_code_place {
    const char *function, *file, *module;
    int64_t line;          /* or CAIRN_UNKNOWN */
    uint32_t inlined_into; /* a frame; 0: into none */
    enum cairn_frame_kind kind;
};

CAIRN_MUST_CHECK enum cairn_status cairn_code_new(struct cairn_code **code, struct cairn_error *error);
/* Tolerates NULL. */
void cairn_code_free(struct cairn_code *code);

/* Numbers in the trace; 0 when memory ran out, or there are more than 16,384 modules. */
uint32_t cairn_code_frame(struct cairn_code *code, const struct cairn_code_place *place);
/* The stack of `frame` called from `parent` (0: outermost). */
uint32_t cairn_code_stack(struct cairn_code *code, uint32_t parent, uint32_t frame);
/* The frame a stack is charged to by the built-in rule; 0 for the empty stack. */
uint32_t cairn_code_site(struct cairn_code *code, uint32_t stack);

/* Rows of everything that is new since the last call. */
void cairn_code_flush(struct cairn_code *code, struct cairn_batch *batch);
/* Modules and stacks, for the ledger. Borrowed. */
struct cairn_places *cairn_code_places(struct cairn_code *code);
/* Memory held, about. */
size_t cairn_code_bytes(const struct cairn_code *code);

#endif
