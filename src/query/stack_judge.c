#include "query/stack_judge.h"

#include <stdlib.h>

#include "query/key_map.h"
#include "query/no_memory.h"
#include "query/stack_frames.h"

struct court {
    struct cairn_trace *trace;
    cairn_judge_frame *judge;
    const void *state;
    struct cairn_key_map frames, stacks; /* verdicts so far */
    struct cairn_stack_frames walk;
};

struct cairn_frame_texts cairn_frame_texts(struct cairn_trace *trace, const struct cairn_frame *frame)
{
    const struct cairn_function *function = cairn_trace_function(trace, frame->function);
    const struct cairn_source_file *file = cairn_trace_source_file(trace, frame->file);
    const struct cairn_module *module = cairn_trace_module(trace, frame->module);
    return (struct cairn_frame_texts){
        .function = function ? function->name : NULL,
        .file = file ? file->path : NULL,
        .module = module ? module->path : NULL,
    };
}

/* False when memory ran out. */
static bool judge_stack(struct court *court, uint32_t stack, uint32_t *verdict)
{
    *verdict = cairn_key_map_get(&court->stacks, stack);
    if (*verdict != CAIRN_KEY_MAP_NONE) {
        return true;
    }
    if (!cairn_stack_frames_load(&court->walk, court->trace, stack)) {
        return false;
    }
    *verdict = 0;
    for (size_t i = 0; i < court->walk.count; i++) {
        const struct cairn_frame *frame = court->walk.frames[i];
        uint32_t its = cairn_key_map_get(&court->frames, frame->frame);
        if (its == CAIRN_KEY_MAP_NONE) {
            its = court->judge(court->state, court->trace, frame);
            if (!cairn_key_map_set(&court->frames, frame->frame, its)) {
                return false;
            }
        }
        *verdict |= its;
    }
    return cairn_key_map_set(&court->stacks, stack, *verdict);
}

static enum cairn_status judge_all(struct court *court, const struct cairn_account *accounts, size_t count,
                                   uint8_t *verdicts, struct cairn_error *error)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t verdict;
        if (!judge_stack(court, accounts[i].stack, &verdict)) {
            return cairn_no_memory(error, "the filter");
        }
        if (i % 64 == 0 && cairn_trace_cancelled(court->trace)) {
            return cairn_fail(error, CAIRN_E_CANCELLED, "cancelled");
        }
        verdicts[i] = (uint8_t)verdict;
    }
    return CAIRN_OK;
}

enum cairn_status cairn_judge_accounts(struct cairn_trace *trace, cairn_judge_frame *judge, const void *state,
                                       uint8_t **verdicts, struct cairn_error *error)
{
    struct court court = {.trace = trace, .judge = judge, .state = state};
    const struct cairn_account *accounts;
    size_t count;
    uint8_t *made = NULL;
    enum cairn_status status = cairn_trace_accounts(trace, &accounts, &count, error);
    if (status == CAIRN_OK) {
        status = cairn_trace_load_stacks(trace, error);
    }
    if (status == CAIRN_OK) {
        made = calloc(count + 1, 1);
        status =
            made ? judge_all(&court, accounts, count, made, error) : cairn_no_memory(error, "the filter");
    }
    cairn_stack_frames_release(&court.walk);
    cairn_key_map_release(&court.frames);
    cairn_key_map_release(&court.stacks);
    if (status != CAIRN_OK) {
        free(made);
        return status;
    }
    *verdicts = made;
    return CAIRN_OK;
}
