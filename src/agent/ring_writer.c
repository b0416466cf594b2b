#include "agent/ring_writer.h"

#include <linux/futex.h>
#include <time.h>

#include "agent/clock.h"
#include "agent/machine.h"
#include "agent/process.h"
#include "agent/seccomp_filter.h"

#define SPINS_BEFORE_SLEEP 200u
#define SLEEP_NS           50000
/* A collector that lives but has not looked at a full ring for so long does not work any more. */
#define PATIENCE_NS 10000000000ull

_Atomic bool cairn_ring_writers_many;

bool cairn_ring_collector_is_gone(const struct cairn_segment_header *segment)
{
    const uint32_t alive = atomic_load_explicit(&segment->collector_alive, memory_order_acquire);
    return alive == 0 || (alive & FUTEX_OWNER_DIED) ||
           (atomic_load_explicit(&segment->control, memory_order_acquire) & CAIRN_CONTROL_STOP);
}

void cairn_ring_sleep(struct cairn_segment_header *segment)
{
    if (cairn_seccomp_refuses(CAIRN_CALLS_SLEEP)) {
        cairn_machine_relax();
        return;
    }
    const struct timespec time = {.tv_nsec = SLEEP_NS};
    const uint32_t alive = atomic_load_explicit(&segment->collector_alive, memory_order_relaxed);
    cairn_syscall6(SYS_futex, (long)&segment->collector_alive, FUTEX_WAIT, (long)alive, (long)&time, 0, 0);
}

/* Until `bytes` bytes from `head` on are free. False when the recording is over. */
static bool wait_for_room(struct cairn_ring_writer *writer, uint64_t bytes)
{
    struct cairn_ring_control *control = writer->control;
    uint64_t began_ns = 0;
    bool room = false;
    for (uint32_t spins = 0;; spins++) {
        /* Acquire pairs with the collector's release: it has copied what lies before. */
        const uint64_t tail = atomic_load_explicit(&control->tail, memory_order_acquire);
        writer->tail_seen = tail;
        if (writer->head + bytes - tail <= CAIRN_RING_BYTES) {
            room = true;
            break;
        }
        if (cairn_ring_collector_is_gone(writer->segment)) {
            break;
        }
        if (spins < SPINS_BEFORE_SLEEP || writer->clock_kind == CAIRN_CLOCK_STOPPED) {
            cairn_machine_relax();
            continue;
        }
        const uint64_t now_ns = cairn_clock_monotonic_ns();
        if (began_ns == 0) {
            began_ns = now_ns;
        }
        const uint64_t looked_ns = atomic_load_explicit(&writer->segment->consumed_ns, memory_order_relaxed);
        if (now_ns > began_ns + PATIENCE_NS && now_ns > looked_ns + PATIENCE_NS) {
            atomic_fetch_add_explicit(&control->skipped, 1, memory_order_relaxed);
            break;
        }
        cairn_ring_sleep(writer->segment);
    }
    if (began_ns != 0) {
        atomic_fetch_add_explicit(&control->stalled_ns, cairn_clock_monotonic_ns() - began_ns,
                                  memory_order_relaxed);
    }
    return room;
}

uint64_t *cairn_ring_writer_wait(struct cairn_ring_writer *writer, uint32_t words)
{
    if (!writer->control) {
        return NULL;
    }
    const uint64_t bytes = (uint64_t)words * 8;
    const uint64_t position = writer->head & (CAIRN_RING_BYTES - 1);
    if (position + bytes > CAIRN_RING_BYTES) {
        const uint64_t rest = CAIRN_RING_BYTES - position;
        if (!wait_for_room(writer, rest)) {
            cairn_process_stop();
            return NULL;
        }
        writer->words[position / 8] = cairn_record_word0(CAIRN_RECORD_PAD, 0);
        cairn_ring_writer_commit(writer, (uint32_t)(rest / 8));
    }
    if (!wait_for_room(writer, bytes)) {
        cairn_process_stop();
        return NULL;
    }
    return writer->words + (writer->head & (CAIRN_RING_BYTES - 1)) / 8;
}
