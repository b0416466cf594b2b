/* What the kernel says about the memory of the recorded processes, read on a thread of its own: it walks page tables, and
 * rings must not wait for that. */
#ifndef CAIRN_COLLECTOR_MEMORY_H
#define CAIRN_COLLECTOR_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"
#include "collector/pipeline.h"

struct cairn_memory;

/* `ring_bytes`: our own shared memory that counts as this process's. */
struct cairn_memory_subject {
    uint32_t process;
    pid_t pid;
    int64_t ring_bytes;
};

CAIRN_MUST_CHECK enum cairn_status
cairn_memory_start(struct cairn_pipeline *pipeline, struct cairn_memory **memory, struct cairn_error *error);
/* Reads the sizes of these processes into the timeline; with `residency` also their smaps, summed up, into rows. False
 * while the last request is still being worked on; else `subjects` (malloc'ed) is taken over. */
bool cairn_memory_ask(struct cairn_memory *memory, struct cairn_memory_subject *subjects, size_t count,
                      int64_t t_ns, bool residency);
/* What reading the smaps took of a processor the last time; 0 before. */
int64_t cairn_memory_residency_cost_ns(const struct cairn_memory *memory);
/* The largest resident size so far, or CAIRN_UNKNOWN. */
int64_t cairn_memory_peak_bytes(const struct cairn_memory *memory);
/* Finishes what was asked, ends the thread, frees. Tolerates NULL. */
void cairn_memory_finish(struct cairn_memory *memory);

#endif
