#include "query/ages.h"

#include <stdlib.h>

#include "base/human.h"
#include "query/end_totals.h"
#include "query/grow.h"
#include "query/key_map.h"
#include "query/no_memory.h"
#include "query/sum.h"
#include "trace/weight.h"

#define WORD_BITS 64u

/* The oldest live block of an account. */
struct oldest {
    uint64_t birth; /* ordinal + 1; 0: none */
    int64_t born_ns;
};

/* A bit an event, from `first` on. */
struct bits {
    uint64_t *words;
    uint64_t first;
};

struct work {
    struct cairn_trace *trace;
    const struct cairn_account *accounts;
    struct cairn_totals *end; /* live when the process ended, by account */
    size_t count;
    struct cairn_ages *ages;
    uint64_t first, last;           /* ordinals that can be read: from first, below last */
    struct bits live;               /* events that made a block which is live at the end */
    struct bits origins;            /* events whose block a forked child adopted; no words: none */
    struct cairn_key_map adoptions; /* ordinal of an ADOPT → index of `adopted` */
    uint64_t *adopted;              /* the event that first made the block */
    size_t adopted_count, adopted_capacity;
    struct cairn_key_map births; /* ordinal of an origin → index of `born_ns` */
    int64_t *born_ns;
    size_t born_capacity;
    struct oldest *oldest;             /* by account */
    int64_t *seen_blocks, *seen_bytes; /* by account: live ones whose birth can be read */
    uint64_t *cutoff;                  /* by account: births before it are old */
    int64_t *process_end_ns;           /* by account */
    bool failed;                       /* memory ran out in a callback */
};

static bool bits_init(struct bits *bits, uint64_t first, uint64_t last)
{
    bits->first = first;
    bits->words = calloc((last - first) / WORD_BITS + 1, sizeof(*bits->words));
    return bits->words != NULL;
}

static void set_bit(struct bits *bits, uint64_t ordinal)
{
    const uint64_t bit = ordinal - bits->first;
    bits->words[bit / WORD_BITS] |= UINT64_C(1) << bit % WORD_BITS;
}

static void clear_bit(struct bits *bits, uint64_t ordinal)
{
    const uint64_t bit = ordinal - bits->first;
    bits->words[bit / WORD_BITS] &= ~(UINT64_C(1) << bit % WORD_BITS);
}

static bool has_bit(const struct bits *bits, uint64_t ordinal)
{
    const uint64_t bit = ordinal - bits->first;
    return bits->words && bits->words[bit / WORD_BITS] >> bit % WORD_BITS & 1;
}

static bool can_be_read(const struct work *work, uint64_t ordinal)
{
    return ordinal >= work->first && ordinal < work->last;
}

static void set_freed(struct work *work, uint64_t birth)
{
    if (can_be_read(work, birth)) {
        clear_bit(&work->live, birth);
    }
}

/* The event that first made the block of the event `ordinal`: another one where that is an ADOPT. */
static uint64_t origin_of(const struct work *work, uint64_t ordinal)
{
    const uint32_t index = cairn_key_map_get(&work->adoptions, ordinal);
    return index == CAIRN_KEY_MAP_NONE ? ordinal : work->adopted[index];
}

/* A grandchild adopts what a child adopted: the first birth counts. */
static bool adopt(struct work *work, uint64_t ordinal, uint64_t birth)
{
    const uint64_t origin = origin_of(work, birth);
    uint64_t *adopted =
        cairn_grow(work->adopted, sizeof(*adopted), work->adopted_count + 1, &work->adopted_capacity);
    if (!adopted) {
        return false;
    }
    work->adopted = adopted;
    adopted[work->adopted_count] = origin;
    if (can_be_read(work, origin)) {
        if (!work->origins.words && !bits_init(&work->origins, work->first, work->last)) {
            return false;
        }
        set_bit(&work->origins, origin);
    }
    return cairn_key_map_set(&work->adoptions, ordinal, (uint32_t)work->adopted_count++);
}

static bool note_birth(struct work *work, uint64_t ordinal, int64_t t_ns)
{
    const size_t index = work->births.count;
    int64_t *born_ns = cairn_grow(work->born_ns, sizeof(*born_ns), index + 1, &work->born_capacity);
    if (!born_ns) {
        return false;
    }
    work->born_ns = born_ns;
    born_ns[index] = t_ns;
    return cairn_key_map_set(&work->births, ordinal, (uint32_t)index);
}

/* First reading: which births are live at the end. */
static bool follow(void *state, uint64_t ordinal, const struct cairn_event *event)
{
    struct work *work = state;
    switch ((enum cairn_event_kind)event->kind) {
    case CAIRN_EVENT_REALLOC:
        set_freed(work, event->birth);
        set_bit(&work->live, ordinal);
        break;
    case CAIRN_EVENT_ADOPT:
        work->failed = work->failed || !adopt(work, ordinal, event->birth);
        set_bit(&work->live, ordinal);
        break;
    case CAIRN_EVENT_ALLOC:
        set_bit(&work->live, ordinal);
        break;
    case CAIRN_EVENT_FREE:
    case CAIRN_EVENT_LOST:
        set_freed(work, event->birth);
        break;
    case CAIRN_EVENT_SHRINK:
    case CAIRN_EVENT_END:
        break;
    }
    return !work->failed;
}

/* A live block, or (`blocks` 0) a part that one lost. */
static void count_block(struct work *work, size_t account, uint64_t birth, int64_t born_ns, int64_t bytes,
                        int64_t blocks)
{
    struct oldest *oldest = &work->oldest[account];
    cairn_add(&work->seen_bytes[account], bytes);
    cairn_add(&work->seen_blocks[account], blocks);
    if (blocks > 0 && (oldest->birth == 0 || birth + 1 < oldest->birth)) {
        *oldest = (struct oldest){.birth = birth + 1, .born_ns = born_ns};
    }
    if (birth < work->cutoff[account]) {
        cairn_add(&work->ages->old_bytes[account], bytes);
        cairn_add(&work->ages->old_blocks[account], blocks);
    }
}

/* An adopted block is as old as the event that first made it, which was read before, or cannot be read. */
static int64_t birth_time(const struct work *work, uint64_t origin, uint64_t ordinal,
                          const struct cairn_event *event)
{
    if (origin == ordinal) {
        return (int64_t)event->t_ns;
    }
    const uint32_t index = cairn_key_map_get(&work->births, origin);
    return index == CAIRN_KEY_MAP_NONE ? CAIRN_UNKNOWN : work->born_ns[index];
}

/* Second reading: whose the live births are, and when they were. */
static bool collect(void *state, uint64_t ordinal, const struct cairn_event *event)
{
    struct work *work = state;
    const bool makes = event->kind == CAIRN_EVENT_ALLOC || event->kind == CAIRN_EVENT_REALLOC ||
                       event->kind == CAIRN_EVENT_ADOPT;
    if (event->kind == CAIRN_EVENT_END || event->account - 1u >= work->count) {
        return true;
    }
    if (has_bit(&work->origins, ordinal)) {
        work->failed = !note_birth(work, ordinal, (int64_t)event->t_ns);
    }
    const size_t account = (size_t)event->account - 1;
    if (makes && has_bit(&work->live, ordinal)) {
        const uint64_t origin = origin_of(work, ordinal);
        const struct cairn_weight weight =
            cairn_weigh_in(cairn_trace_recording(work->trace)->sample_bytes, work->accounts[account].domain,
                           event->size, ordinal);
        count_block(work, account, origin, birth_time(work, origin, ordinal, event), weight.bytes,
                    weight.blocks);
    } else if (event->kind == CAIRN_EVENT_SHRINK && can_be_read(work, event->birth) &&
               has_bit(&work->live, event->birth)) {
        count_block(work, account, origin_of(work, event->birth), CAIRN_UNKNOWN, -(int64_t)event->size, 0);
    }
    return !work->failed;
}

/* Where an account's process ended, and which births are old enough. One look-up a process. */
static enum cairn_status find_cutoffs(struct work *work, int64_t min_age_ns, struct cairn_error *error)
{
    const struct cairn_process *processes;
    const int64_t duration_ns = cairn_trace_recording(work->trace)->duration_ns;
    size_t count;
    enum cairn_status status = cairn_trace_processes(work->trace, &processes, &count, error);
    for (size_t p = 0; status == CAIRN_OK && p < count; p++) {
        const int64_t end_ns = processes[p].ended_ns == CAIRN_UNKNOWN ? duration_ns : processes[p].ended_ns;
        uint64_t cutoff = UINT64_MAX;
        if (min_age_ns > 0) {
            cutoff = 0;
            if (end_ns >= min_age_ns) {
                status = cairn_trace_position_at(work->trace, end_ns - min_age_ns, &cutoff, error);
            }
        }
        for (size_t i = 0; i < work->count; i++) {
            if (work->accounts[i].process == processes[p].process) {
                work->cutoff[i] = cutoff;
                work->process_end_ns[i] = end_ns;
            }
        }
    }
    return status;
}

static bool make_arrays(struct work *work)
{
    const size_t count = work->count + 1;
    struct cairn_ages *ages = work->ages;
    ages->oldest_age_ns = calloc(count, sizeof(*ages->oldest_age_ns));
    ages->old_bytes = calloc(count, sizeof(*ages->old_bytes));
    ages->old_blocks = calloc(count, sizeof(*ages->old_blocks));
    work->oldest = calloc(count, sizeof(*work->oldest));
    work->seen_bytes = calloc(count, sizeof(*work->seen_bytes));
    work->seen_blocks = calloc(count, sizeof(*work->seen_blocks));
    work->cutoff = calloc(count, sizeof(*work->cutoff));
    work->process_end_ns = calloc(count, sizeof(*work->process_end_ns));
    return bits_init(&work->live, work->first, work->last) && ages->oldest_age_ns && ages->old_bytes &&
           ages->old_blocks && work->oldest && work->seen_bytes && work->seen_blocks && work->cutoff &&
           work->process_end_ns;
}

/* Whether the second reading can pass over a stretch of events: parts of mappings may go anywhere. */
static bool is_wanted(const struct work *work, uint64_t from, uint64_t to, bool mapped)
{
    bool wanted = mapped;
    for (uint64_t i = (from - work->first) / WORD_BITS; !wanted && i <= (to - 1 - work->first) / WORD_BITS;
         i++) {
        wanted = work->live.words[i] || (work->origins.words && work->origins.words[i]);
    }
    return wanted;
}

static enum cairn_status read_events(struct work *work, struct cairn_error *error)
{
    if (work->first >= work->last) {
        return CAIRN_OK;
    }
    bool mapped = false;
    for (size_t i = 0; i < work->count; i++) {
        mapped = mapped || work->accounts[i].domain > CAIRN_DOMAIN_LAST_HEAP;
    }
    enum cairn_status status = cairn_trace_events(work->trace, work->first, work->last, follow, work, error);
    for (uint64_t from = work->first; status == CAIRN_OK && !work->failed && from < work->last;) {
        const uint64_t next = (from / CAIRN_CHUNK_EVENTS + 1) * CAIRN_CHUNK_EVENTS;
        const uint64_t to = next < work->last ? next : work->last;
        if (is_wanted(work, from, to, mapped)) {
            status = cairn_trace_events(work->trace, from, to, collect, work, error);
        }
        from = to;
    }
    return status == CAIRN_OK && work->failed ? cairn_no_memory(error, "the ages of blocks") : status;
}

/* Ages from ordinals. Where blocks are live whose birth was not read, the oldest is among them: its age is unknown, and
 * they are old when even the first event that can be read is. */
static enum cairn_status finish(struct work *work, int64_t min_age_ns, struct cairn_error *error)
{
    for (size_t i = 0; i < work->count; i++) {
        const struct cairn_totals *totals = &work->end[i];
        const int64_t unseen = cairn_difference(totals->live_blocks, work->seen_blocks[i]);
        work->ages->oldest_age_ns[i] = CAIRN_UNKNOWN;
        if (unseen > 0 && min_age_ns > 0) {
            if (work->first > work->cutoff[i]) {
                char from[CAIRN_HUMAN_MAX];
                return cairn_fail(
                    error, CAIRN_E_LIMIT, "ages cannot be told: single events are kept from %s on only",
                    cairn_human_duration(from, cairn_trace_recording(work->trace)->exact_from_ns));
            }
            cairn_add(&work->ages->old_blocks[i], unseen);
            cairn_add(&work->ages->old_bytes[i], cairn_difference(totals->live_bytes, work->seen_bytes[i]));
        } else if (unseen <= 0 && work->oldest[i].birth && work->oldest[i].born_ns != CAIRN_UNKNOWN) {
            work->ages->oldest_age_ns[i] = cairn_difference(work->process_end_ns[i], work->oldest[i].born_ns);
        }
    }
    return CAIRN_OK;
}

/* All live blocks count, their ages are unknown. */
static enum cairn_status leave_unknown(struct work *work, struct cairn_error *error)
{
    work->first = work->last;
    if (!make_arrays(work)) {
        return cairn_no_memory(error, "the ages of blocks");
    }
    for (size_t i = 0; i < work->count; i++) {
        work->ages->oldest_age_ns[i] = CAIRN_UNKNOWN;
        work->ages->old_bytes[i] = work->end[i].live_bytes;
        work->ages->old_blocks[i] = work->end[i].live_blocks;
    }
    return CAIRN_OK;
}

static enum cairn_status read_ages(struct work *work, int64_t min_age_ns, struct cairn_error *error)
{
    const struct cairn_recording *recording = cairn_trace_recording(work->trace);
    enum cairn_status status = cairn_trace_accounts(work->trace, &work->accounts, &work->count, error);
    if (status == CAIRN_OK) {
        status = cairn_end_totals(work->trace, &work->end, &work->count, error);
    }
    /* The chunks say how many events there are; the recording's own number may be anything. */
    if (status == CAIRN_OK) {
        status = cairn_trace_position_at(work->trace, INT64_MAX, &work->last, error);
    }
    work->ages->count = work->count;
    if (status == CAIRN_OK && recording->exact_from_ns > 0) {
        status = cairn_trace_position_at(work->trace, recording->exact_from_ns - 1, &work->first, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    const bool untold = recording->untold & CAIRN_UNTOLD_EVENTS;
    if (untold && min_age_ns > 0) {
        return cairn_fail(
            error, CAIRN_E_LIMIT,
            "ages cannot be told: the trace was imported from massif, which tells no single blocks");
    }
    if (untold || (min_age_ns <= 0 && work->last - work->first > CAIRN_AGES_EVENTS_LIMIT)) {
        return leave_unknown(work, error);
    }
    if (!make_arrays(work)) {
        return cairn_no_memory(error, "the ages of blocks");
    }
    status = find_cutoffs(work, min_age_ns, error);
    if (status == CAIRN_OK) {
        status = read_events(work, error);
    }
    if (status == CAIRN_OK) {
        status = finish(work, min_age_ns, error);
    }
    for (size_t i = 0; status == CAIRN_OK && min_age_ns <= 0 && i < work->count; i++) {
        work->ages->old_bytes[i] = work->end[i].live_bytes;
        work->ages->old_blocks[i] = work->end[i].live_blocks;
    }
    return status;
}

enum cairn_status cairn_ages_read(struct cairn_trace *trace, int64_t min_age_ns, struct cairn_ages *ages,
                                  struct cairn_error *error)
{
    struct cairn_ages made = {.count = 0};
    struct work work = {.trace = trace, .ages = &made};
    const enum cairn_status status = read_ages(&work, min_age_ns, error);
    free(work.end);
    free(work.live.words);
    free(work.origins.words);
    free(work.adopted);
    free(work.born_ns);
    free(work.oldest);
    free(work.seen_bytes);
    free(work.seen_blocks);
    free(work.cutoff);
    free(work.process_end_ns);
    cairn_key_map_release(&work.adoptions);
    cairn_key_map_release(&work.births);
    if (status != CAIRN_OK) {
        cairn_ages_release(&made);
        return status;
    }
    *ages = made;
    return CAIRN_OK;
}

void cairn_ages_release(struct cairn_ages *ages)
{
    free(ages->oldest_age_ns);
    free(ages->old_bytes);
    free(ages->old_blocks);
    *ages = (struct cairn_ages){.count = 0};
}
