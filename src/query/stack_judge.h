/* Verdicts about stacks by way of their frames: for filters and suppressions. Internal to query. */
#ifndef CAIRN_QUERY_STACK_JUDGE_H
#define CAIRN_QUERY_STACK_JUDGE_H

#include "cairn/trace.h"

/* What one frame says, as bits: depends on the frame only, and is asked once a frame. */
typedef uint8_t cairn_judge_frame(const void *state, struct cairn_trace *trace,
                                  const struct cairn_frame *frame);

/* For every account of the trace (index account − 1) the bits of all frames of its stack, or-ed. The caller frees
 * `verdicts`. */
CAIRN_MUST_CHECK enum cairn_status cairn_judge_accounts(struct cairn_trace *trace, cairn_judge_frame *judge,
                                                        const void *state, uint8_t **verdicts,
                                                        struct cairn_error *error);

/* For a judge: the texts of a frame that expressions are matched with. Absent ones are NULL. Borrowed from the trace. */
struct cairn_frame_texts {
    const char *function, *file, *module;
};
struct cairn_frame_texts cairn_frame_texts(struct cairn_trace *trace, const struct cairn_frame *frame);

#endif
