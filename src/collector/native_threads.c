#include "collector/native_threads.h"

#include <stdlib.h>

#include "collector/table.h"

static bool add(struct cairn_native_threads *threads, struct cairn_native_thread thread)
{
    struct cairn_native_thread *list =
        cairn_grown(threads->list, &threads->capacity, threads->count, sizeof *list);
    if (list) {
        threads->list = list;
        list[threads->count++] = thread;
    }
    return list != NULL;
}

bool cairn_native_threads_build(struct cairn_native_threads *threads, const struct cairn_session_image *image,
                                const struct cairn_held_threads *held)
{
    const uint32_t named =
        image->thread_count < CAIRN_SESSION_IMAGE_THREADS ? image->thread_count : CAIRN_SESSION_IMAGE_THREADS;
    uint32_t others = held->left_alone;
    *threads = (struct cairn_native_threads){.list = NULL};
    if (named > 0 && !add(threads, (struct cairn_native_thread){.tid = image->thread[0],
                                                                .handle = image->handle[0],
                                                                .stack = image->stack,
                                                                .saves_registers = true})) {
        return false;
    }
    for (size_t i = 0; i < held->count; i++) {
        const struct cairn_held_thread *thread = &held->list[i];
        if (thread->stopped &&
            !add(threads, (struct cairn_native_thread){.tid = thread->tid,
                                                       .handle = thread->handle,
                                                       .stack = thread->stack - CAIRN_RED_ZONE_BYTES,
                                                       .registers = thread->registers,
                                                       .code = thread->code})) {
            return false;
        }
    }
    for (uint32_t i = 1; i < named; i++) {
        if (cairn_native_threads_by_handle(threads, image->handle[i], image->handle[i] + 1)) {
            continue;
        }
        if (!add(threads,
                 (struct cairn_native_thread){.tid = image->thread[i], .handle = image->handle[i]})) {
            return false;
        }
        others -= others > 0;
    }
    threads->complete = others == 0 && (held->count > 0 || image->thread_count == named);
    return true;
}

void cairn_native_threads_release(struct cairn_native_threads *threads)
{
    free(threads->list);
    *threads = (struct cairn_native_threads){.list = NULL};
}

const struct cairn_native_thread *cairn_native_threads_by_stack(const struct cairn_native_threads *threads,
                                                                uint64_t start, uint64_t end)
{
    for (size_t i = 0; i < threads->count; i++) {
        if (threads->list[i].stack >= start && threads->list[i].stack < end) {
            return &threads->list[i];
        }
    }
    return NULL;
}

const struct cairn_native_thread *cairn_native_threads_by_handle(const struct cairn_native_threads *threads,
                                                                 uint64_t start, uint64_t end)
{
    for (size_t i = 0; i < threads->count; i++) {
        if (threads->list[i].handle >= start && threads->list[i].handle < end) {
            return &threads->list[i];
        }
    }
    return NULL;
}
