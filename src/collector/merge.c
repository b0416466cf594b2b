/* Order: one look at every ring gives a bound below which nothing more will come from it; the smallest of them is the
 * watermark, and all records up to it are applied in the order of their stamps.
 *
 * A thread that is seen outside its hooks may have read its stamp before we looked and stored `inside` only after: such
 * records were seen up to 1 µs late. The slack is a thousand times that. */
#include <stdlib.h>

#include "collector/recorder.h"
#include "collector/table.h"

#define SLACK_NS 1000000
/* A thread that is inside a hook for longer than PARKED_NS and does not run is not waited for; a running one is, up to
 * STARVED_NS (a machine that is short of processors), and so is one that the kernel holds: it is about to touch memory that is
 * not there yet. Its record, when it comes, comes late. */
#define PARKED_NS    20000000ll
#define STARVED_NS   500000000ll
#define FORK_WAIT_NS 1000000000ll

static uint64_t first_stamp(const struct cairn_source *source)
{
    return cairn_record_stamp(source->reader.staged + source->reader.begin);
}

/* Whether others need not wait for a thread that has been inside for long. What it waits for must be inside, too: it may
 * have left between the look and the question whether it runs, and sleep elsewhere. */
static bool is_parked(const struct cairn_source *source, int64_t inside_ns)
{
    if (inside_ns < PARKED_NS) {
        return false;
    }
    if (inside_ns >= STARVED_NS) {
        return true;
    }
    const int32_t tid = atomic_load_explicit(&source->reader.control->tid, memory_order_relaxed);
    const char state = cairn_thread_state(source->target->pid, tid);
    return state != 'R' && state != 'D' && !cairn_ring_reader_has_moved(&source->reader);
}

/* What a record says of the future is not believed, or it would wait for that, and its ring with it. The slack is for processors
 * whose counters differ a little. */
static void hold_back(struct cairn_ring_reader *reader, const struct cairn_clock *clock)
{
    const uint64_t now = cairn_clock_stamp(clock);
    if (reader->newest_stamp > now + cairn_clock_units(clock, SLACK_NS)) {
        cairn_ring_reader_hold_back(reader, now);
    }
}

/* `now_ns` was taken before. */
static size_t look_at(struct cairn_source *source, uint64_t quiet_stamp, int64_t now_ns,
                      const struct cairn_clock *clock)
{
    struct cairn_ring_reader *reader = &source->reader;
    const size_t taken = cairn_ring_reader_copy(reader, quiet_stamp);
    if (reader->fresh_words > 0 && reader->newest_stamp > quiet_stamp) {
        hold_back(reader, clock);
    }
    if (source->target->state != CAIRN_TARGET_ALIVE) {
        return taken;
    }
    uint32_t state = atomic_load_explicit(&reader->control->state, memory_order_acquire);
    if (state == CAIRN_RING_ENDED &&
        (reader->damaged ||
         atomic_load_explicit(&reader->control->head, memory_order_acquire) == reader->tail)) {
        /* Everything of the thread that ended is ours. A new owner may have taken the ring meanwhile: then it keeps it. */
        atomic_compare_exchange_strong_explicit(&reader->control->state, &state, CAIRN_RING_FREE,
                                                memory_order_release, memory_order_relaxed);
    }
    if (reader->inside_seen == 0 || reader->ignored) {
        return taken;
    }
    /* Times on the near side of both looks: this process may have stood still anywhere. */
    if (reader->moved) {
        reader->inside_since_ns = cairn_clock_elapsed_ns(clock);
    } else {
        reader->ignored = is_parked(source, now_ns - reader->inside_since_ns);
    }
    return taken;
}

/* What this ring allows the watermark to be. */
static uint64_t limit_of(const struct cairn_source *source)
{
    const struct cairn_ring_reader *reader = &source->reader;
    if (source->target->state != CAIRN_TARGET_ALIVE) {
        return cairn_ring_reader_is_behind(reader) ? reader->bound : UINT64_MAX;
    }
    uint64_t limit = reader->ignored ? UINT64_MAX : reader->bound;
    if (source->target->awaits_fork && !cairn_ring_reader_is_empty(reader) && first_stamp(source) < limit) {
        limit = first_stamp(source);
    }
    return limit;
}

/* --- A binary heap of the sources that have records, by the stamp of their first --- */

static void sift_down(struct cairn_recorder *recorder, size_t at)
{
    struct cairn_source **heap = recorder->heap;
    struct cairn_source *moving = heap[at];
    const uint64_t stamp = first_stamp(moving);
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= recorder->heap_count) {
            break;
        }
        if (child + 1 < recorder->heap_count && first_stamp(heap[child + 1]) < first_stamp(heap[child])) {
            child++;
        }
        if (stamp <= first_stamp(heap[child])) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moving;
}

static void heap_add(struct cairn_recorder *recorder, struct cairn_source *source)
{
    struct cairn_source **heap = cairn_grown(recorder->heap, &recorder->heap_capacity, recorder->heap_count,
                                             sizeof(struct cairn_source *));
    if (heap) { /* without memory its records wait */
        recorder->heap = heap;
        heap[recorder->heap_count++] = source;
    }
}

static uint64_t second_stamp(const struct cairn_recorder *recorder)
{
    uint64_t second = UINT64_MAX;
    for (size_t child = 1; child <= 2 && child < recorder->heap_count; child++) {
        const uint64_t stamp = first_stamp(recorder->heap[child]);
        second = stamp < second ? stamp : second;
    }
    return second;
}

static void merge_up_to(struct cairn_recorder *recorder, uint64_t watermark)
{
    for (size_t i = recorder->heap_count / 2; i-- > 0;) {
        sift_down(recorder, i);
    }
    while (recorder->heap_count > 0 && first_stamp(recorder->heap[0]) <= watermark) {
        struct cairn_source *source = recorder->heap[0];
        const uint64_t second = second_stamp(recorder);
        cairn_recorder_apply_run(recorder, source, second < watermark ? second : watermark);
        if (cairn_ring_reader_is_empty(&source->reader)) {
            recorder->heap[0] = recorder->heap[--recorder->heap_count];
        }
        if (recorder->heap_count > 1) {
            sift_down(recorder, 0);
        }
    }
}

static bool is_drained(const struct cairn_target *target)
{
    for (size_t i = 0; i < target->source_count; i++) {
        const struct cairn_ring_reader *reader = &target->sources[i].reader;
        if (!cairn_ring_reader_is_empty(reader) || cairn_ring_reader_is_behind(reader)) {
            return false;
        }
    }
    return true;
}

/* Records that were taken and still wait: the oldest one's stamp. */
static uint64_t oldest_waiting(const struct cairn_recorder *recorder)
{
    uint64_t oldest = UINT64_MAX;
    for (size_t i = 0; i < recorder->target_count; i++) {
        const struct cairn_target *target = recorder->targets[i];
        for (size_t j = 0; j < target->source_count; j++) {
            const struct cairn_source *source = &target->sources[j];
            if (!cairn_ring_reader_is_empty(&source->reader) && first_stamp(source) < oldest) {
                oldest = first_stamp(source);
            }
        }
    }
    return oldest;
}

/* The end of a process comes behind what others did before it: what they freed is not its heirs'. */
static void finish_targets(struct cairn_recorder *recorder, uint64_t watermark)
{
    for (size_t i = 0; i < recorder->target_count; i++) {
        struct cairn_target *target = recorder->targets[i];
        if (target->state == CAIRN_TARGET_LEFT && is_drained(target) && target->left_stamp <= watermark &&
            target->left_stamp < oldest_waiting(recorder)) {
            cairn_recorder_target_done(recorder, target);
        }
    }
}

static void beat(struct cairn_target *target, uint64_t number)
{
    for (size_t i = 0; i < target->segment_count; i++) {
        atomic_store_explicit(&target->segments[i].header->beat, number, memory_order_relaxed);
    }
}

void cairn_recorder_rest(struct cairn_recorder *recorder)
{
    for (size_t i = 0; i < recorder->target_count; i++) {
        if (recorder->targets[i]->state != CAIRN_TARGET_DONE) {
            beat(recorder->targets[i], 0);
        }
    }
}

/* Looks at every ring once and applies what can be. `more`: a ring had more than a look takes. */
static size_t drain_once(struct cairn_recorder *recorder, bool *more)
{
    const int64_t now_ns = cairn_clock_elapsed_ns(&recorder->clock);
    const uint64_t now = cairn_clock_stamp(&recorder->clock);
    const uint64_t slack = cairn_clock_units(&recorder->clock, SLACK_NS);
    const uint64_t quiet = now > slack ? now - slack : 0;
    uint64_t watermark = recorder->alive ? quiet : UINT64_MAX;
    size_t taken = 0;
    recorder->heap_count = 0;
    for (size_t i = 0; i < recorder->target_count; i++) {
        struct cairn_target *target = recorder->targets[i];
        if (target->state == CAIRN_TARGET_DONE) {
            continue;
        }
        beat(target, now | 1);
        if (target->awaits_fork && now_ns - target->awaits_since_ns > FORK_WAIT_NS) {
            target->awaits_fork = false;
            cairn_recorder_note_lost_fork(recorder, target);
        }
        for (size_t j = 0; j < target->source_count; j++) {
            struct cairn_source *source = &target->sources[j];
            const size_t piece = look_at(source, quiet, now_ns, &recorder->clock);
            taken += piece;
            *more |= piece > 0 && cairn_ring_reader_is_behind(&source->reader);
            const uint64_t limit = limit_of(source);
            watermark = limit < watermark ? limit : watermark;
            if (!cairn_ring_reader_is_empty(&source->reader) && !target->awaits_fork) {
                heap_add(recorder, source);
            }
        }
    }
    merge_up_to(recorder, watermark);
    recorder->merged_ns = watermark == UINT64_MAX ? now_ns : cairn_clock_to_ns(&recorder->clock, watermark);
    finish_targets(recorder, watermark);
    return taken;
}

size_t cairn_recorder_drain(struct cairn_recorder *recorder)
{
    size_t taken = 0;
    bool more = true;
    /* A full ring is taken whole (pieces may lack a part of a record); a program that goes on filling it does not keep us. */
    for (unsigned looks = 0; more && looks < 2 * CAIRN_RING_BYTES / CAIRN_RING_PIECE_BYTES; looks++) {
        more = false;
        taken += drain_once(recorder, &more);
    }
    return taken;
}
