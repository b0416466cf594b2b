#include "collector/pipeline.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define STAGE_NICER 5 /* a third of the usual share */

bool cairn_pipeline_init(struct cairn_pipeline *pipeline)
{
    *pipeline = (struct cairn_pipeline){.memory = NULL};
    void *memory = mmap(NULL, CAIRN_PIPELINE_BUFFERS * sizeof *pipeline->memory, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return false;
    }
    pipeline->memory = memory;
    /* Short programs need the first buffer only, and little of it. */
    madvise(&pipeline->memory[1], (CAIRN_PIPELINE_BUFFERS - 1) * sizeof *pipeline->memory, MADV_HUGEPAGE);
    if (!cairn_queue_init(&pipeline->messages, CAIRN_PIPELINE_MESSAGES) ||
        !cairn_queue_init(&pipeline->batches, CAIRN_PIPELINE_BATCHES) ||
        !cairn_queue_init(&pipeline->buffers, CAIRN_PIPELINE_BUFFERS)) {
        cairn_pipeline_release(pipeline);
        return false;
    }
    for (unsigned i = 0; i < CAIRN_PIPELINE_BUFFERS; i++) {
        cairn_queue_push(&pipeline->buffers, &pipeline->memory[i]);
    }
    return true;
}

void cairn_pipeline_release(struct cairn_pipeline *pipeline)
{
    cairn_queue_release(&pipeline->messages);
    cairn_queue_release(&pipeline->batches);
    cairn_queue_release(&pipeline->buffers);
    if (pipeline->memory) {
        munmap(pipeline->memory, CAIRN_PIPELINE_BUFFERS * sizeof *pipeline->memory);
        pipeline->memory = NULL;
    }
}

void cairn_pipeline_enter_stage(const char *thread_name)
{
    pthread_setname_np(pthread_self(), thread_name);
    /* On Linux, of the calling thread alone. */
    setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + STAGE_NICER);
}

struct cairn_message *cairn_message_new(enum cairn_message_kind kind, int64_t t_ns)
{
    struct cairn_message *message = calloc(1, sizeof *message);
    if (message) {
        message->kind = kind;
        message->t_ns = t_ns;
    }
    return message;
}

void cairn_message_free(struct cairn_message *message)
{
    switch (message->kind) {
    case CAIRN_MESSAGE_ACCOUNTS:
        free(message->of.accounts.list);
        break;
    case CAIRN_MESSAGE_ROWS:
        cairn_batch_free(message->of.rows);
        break;
    case CAIRN_MESSAGE_SITES:
        free(message->of.sites.list);
        break;
    default:
        break;
    }
    free(message);
}
