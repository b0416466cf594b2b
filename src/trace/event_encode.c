#include "trace/event.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "trace/event_columns.h"
#include "trace/event_model.h"

#define RADIX_BITS 11u
#define RADIX      (1u << RADIX_BITS)
#define RUN_MOST   15u /* in half a byte; 15 says that a varint follows */

/* account → local number: open addressing, `mask` + 1 slots, a power of two at least twice the accounts. A slot of another
 * generation than the map's is free, so that a new chunk need not clear them all. */
#define LOCAL_BITS  19u /* of a slot, the generation above them */
#define GENERATIONS (1u << (32 - LOCAL_BITS))
_Static_assert(CAIRN_CHUNK_MOST_EVENTS < 1u << LOCAL_BITS, "a local number fits into its bits");
struct account_map {
    uint32_t *slots;
    uint32_t mask, generation;
};

struct side {
    struct cairn_account_model model;
    struct account_map map;
    uint32_t last_new; /* account that got a local number last */
    enum cairn_column accounts, sizes;
};

/* A far event until all are known. */
struct far {
    uint64_t birth, size;
    uint32_t index, account;
    uint8_t op; /* kind and flag of enum cairn_far_op */
};

struct cairn_event_encoder {
    size_t capacity; /* events there is room for */
    const struct cairn_event *events;
    size_t count;
    uint64_t first_event;
    struct cairn_columns_out columns;
    struct cairn_live_model live;
    struct side near, old, far;
    struct far *fars; /* room for twice `capacity`: the second half is for sorting */
    size_t far_count;
    uint64_t oldest_birth, newest_birth; /* of the far events */
};

static void put_byte(struct cairn_event_encoder *encoder, enum cairn_column column, unsigned byte)
{
    *encoder->columns.at[column]++ = (uint8_t)byte;
}

static void put_number(struct cairn_event_encoder *encoder, enum cairn_column column, uint64_t value)
{
    encoder->columns.at[column] = cairn_varint_write(encoder->columns.at[column], value);
}

/* The local number of `account`, or 0 when it is new; then it gets the next one. */
static uint32_t find_local(struct side *side, uint32_t account)
{
    struct account_map *const map = &side->map;
    uint32_t slot = account * 0x9e3779b1u;
    for (slot ^= slot >> 16;; slot++) {
        uint32_t *const taken = &map->slots[slot & map->mask];
        const uint32_t local = *taken & ((1u << LOCAL_BITS) - 1);
        if (*taken >> LOCAL_BITS != map->generation) {
            *taken = map->generation << LOCAL_BITS | cairn_account_model_add(&side->model, account);
            return 0;
        }
        if (side->model.local[local].account == account) {
            return local;
        }
    }
}

static uint32_t put_account_number(struct cairn_event_encoder *encoder, struct side *side, uint32_t account)
{
    const uint32_t local = find_local(side, account);
    put_number(encoder, side->accounts, local);
    if (local != 0) {
        return local;
    }
    put_number(encoder, side->accounts, cairn_zigzag((int64_t)account - side->last_new));
    side->last_new = account;
    return side->model.count;
}

/* Writes what the predictions leave to say; returns the low bits of the op. */
static unsigned put_account_and_size(struct cairn_event_encoder *encoder, struct side *side, uint32_t account,
                                     uint64_t size)
{
    struct cairn_account_model *const model = &side->model;
    uint32_t *const pair = cairn_account_model_pair(model);
    uint32_t local = *pair;
    unsigned op = CAIRN_OP_BY_PAIR;
    if (local == 0 || model->local[local].account != account) {
        local = model->local[model->last].follower;
        op = CAIRN_OP_BY_LAST;
        if (local == 0 || model->local[local].account != account) {
            local = put_account_number(encoder, side, account);
            op = CAIRN_OP_BY_NUMBER;
        }
    }
    if (model->local[local].last_size != size) {
        model->local[local].last_size = size;
        put_number(encoder, side->sizes, size);
        op |= CAIRN_OP_SIZE;
    }
    cairn_account_model_follow(model, pair, local);
    return op;
}

/* Events of one microsecond. */
struct run {
    uint64_t time, last; /* of the run, and of the one before, in CAIRN_EVENT_TIME_UNIT_NS */
    uint64_t count;
};

static void put_run(struct cairn_event_encoder *encoder, const struct run *run)
{
    const uint64_t step = run->time - run->last, more = run->count - 1;
    const unsigned step_bits = step < RUN_MOST ? (unsigned)step : RUN_MOST;
    const unsigned more_bits = more < RUN_MOST ? (unsigned)more : RUN_MOST;
    put_byte(encoder, CAIRN_COLUMN_TIMES, step_bits << 4 | more_bits);
    if (step_bits == RUN_MOST) {
        put_number(encoder, CAIRN_COLUMN_TIMES, step - RUN_MOST);
    }
    if (more_bits == RUN_MOST) {
        put_number(encoder, CAIRN_COLUMN_TIMES, more - RUN_MOST);
    }
}

/* The block an event ends, if the event can say so by naming the one of this chunk that made it; 0 if not. */
static uint32_t near_node(const struct cairn_event_encoder *encoder, const struct cairn_event *event,
                          uint32_t account, uint64_t size)
{
    if (event->birth < encoder->first_event) {
        return 0;
    }
    const uint64_t index = event->birth - encoder->first_event;
    const struct cairn_event *const birth = &encoder->events[index];
    const uint32_t node = (uint32_t)index + 1;
    const bool same =
        encoder->live.older[node] != CAIRN_LIVE_NONE && birth->account == account && birth->size == size;
    return same ? node : 0;
}

static void keep_far(struct cairn_event_encoder *encoder, size_t index, unsigned op, uint32_t account,
                     uint64_t size)
{
    const struct cairn_event *const event = &encoder->events[index];
    if (encoder->far_count == 0 || event->birth < encoder->oldest_birth) {
        encoder->oldest_birth = event->birth;
    }
    if (event->birth > encoder->newest_birth) {
        encoder->newest_birth = event->birth;
    }
    encoder->fars[encoder->far_count++] = (struct far){
        .birth = event->birth,
        .size = size,
        .index = (uint32_t)index,
        .account = account,
        .op = (uint8_t)(op | (event->flags & CAIRN_EVENT_TEMPORARY ? CAIRN_FAR_TEMPORARY : 0u)),
    };
}

/* By birth, and by index where births are equal: they come in order of index, and a radix sort keeps the order of
 * equals. Returns the sorted half of encoder->fars. */
static const struct far *sort_fars(struct cairn_event_encoder *encoder)
{
    struct far *from = encoder->fars, *to = encoder->fars + encoder->capacity;
    const uint64_t least = encoder->oldest_birth, range = encoder->newest_birth - least;
    for (unsigned shift = 0; shift < 64 && encoder->far_count > 0 && range >> shift != 0;
         shift += RADIX_BITS) {
        uint32_t starts[RADIX + 1] = {0};
        for (size_t i = 0; i < encoder->far_count; i++) {
            /* Written by keep_far(), which the analyser loses sight of. */
            /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
            starts[((from[i].birth - least) >> shift & (RADIX - 1)) + 1]++;
        }
        for (unsigned digit = 0; digit < RADIX; digit++) {
            starts[digit + 1] += starts[digit];
        }
        for (size_t i = 0; i < encoder->far_count; i++) {
            to[starts[(from[i].birth - least) >> shift & (RADIX - 1)]++] = from[i];
        }
        struct far *const swap = from;
        from = to;
        to = swap;
    }
    return from;
}

/* Writes far events in order; `births` is the first of their columns, which are in the order of enum cairn_column. */
static void put_fars(struct cairn_event_encoder *encoder, struct side *side, enum cairn_column births,
                     const struct far *fars, size_t count)
{
    struct far last = {.birth = 0};
    for (size_t i = 0; i < count; i++) {
        const struct far *const far = &fars[i];
        put_number(encoder, births, far->birth - last.birth);
        put_number(encoder, births + 1, cairn_zigzag((int64_t)far->index - last.index));
        put_byte(encoder, births + 2, far->op | put_account_and_size(encoder, side, far->account, far->size));
        last = *far;
    }
}

/* Returns how many of them are old. */
static size_t put_all_fars(struct cairn_event_encoder *encoder)
{
    const struct far *const fars = sort_fars(encoder);
    size_t old = 0;
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
    while (old < encoder->far_count && fars[old].birth < cairn_old_before(encoder->first_event)) {
        old++;
    }
    put_fars(encoder, &encoder->old, CAIRN_COLUMN_OLD_BIRTHS, fars, old);
    put_fars(encoder, &encoder->far, CAIRN_COLUMN_FAR_BIRTHS, fars + old, encoder->far_count - old);
    return old;
}

/* The freeing side of FREE and REALLOC. */
static void put_freed(struct cairn_event_encoder *encoder, size_t index, uint32_t account, uint64_t size)
{
    const struct cairn_event *const event = &encoder->events[index];
    const bool is_free = event->kind == CAIRN_EVENT_FREE;
    const uint32_t node = near_node(encoder, event, account, size);
    if (node == 0) {
        keep_far(encoder, index, is_free ? CAIRN_FAR_FREE : CAIRN_FAR_REALLOC, account, size);
        return;
    }
    const bool temporary = event->flags & CAIRN_EVENT_TEMPORARY;
    const unsigned op = is_free ? (temporary ? CAIRN_OP_FREE_TEMPORARY : CAIRN_OP_FREE)
                                : (temporary ? CAIRN_OP_REALLOC_TEMPORARY : CAIRN_OP_REALLOC);
    const unsigned place = cairn_live_model_place(&encoder->live, node);
    put_byte(encoder, CAIRN_COLUMN_OPS, op + place);
    if (place == CAIRN_PLACE_COUNT) {
        put_number(encoder, CAIRN_COLUMN_BIRTHS, index + 1 - node);
    }
    cairn_live_model_freed(&encoder->live, node);
}

static void put_born(struct cairn_event_encoder *encoder, size_t index)
{
    const struct cairn_event *const event = &encoder->events[index];
    const unsigned op = put_account_and_size(encoder, &encoder->near, event->account, event->size);
    const bool by_realloc = event->kind == CAIRN_EVENT_ALLOC && (event->flags & CAIRN_EVENT_BY_REALLOC);
    put_byte(encoder, CAIRN_COLUMN_OPS, (by_realloc ? CAIRN_OP_BY_REALLOC : CAIRN_OP_ALLOC) | op);
    cairn_live_model_born(&encoder->live, (uint32_t)index + 1);
}

static void put_event(struct cairn_event_encoder *encoder, size_t index)
{
    const struct cairn_event *const event = &encoder->events[index];
    switch ((enum cairn_event_kind)event->kind) {
    case CAIRN_EVENT_ALLOC:
        put_born(encoder, index);
        break;
    case CAIRN_EVENT_ADOPT:
        keep_far(encoder, index, CAIRN_FAR_ADOPT, event->account, event->size);
        cairn_live_model_born(&encoder->live, (uint32_t)index + 1);
        break;
    case CAIRN_EVENT_FREE:
        put_freed(encoder, index, event->account, event->size);
        break;
    case CAIRN_EVENT_REALLOC:
        put_freed(encoder, index, event->old_account, event->old_size);
        put_born(encoder, index);
        break;
    case CAIRN_EVENT_SHRINK:
        keep_far(encoder, index, CAIRN_FAR_SHRINK, event->account, event->size);
        break;
    case CAIRN_EVENT_LOST:
        keep_far(encoder, index, CAIRN_FAR_LOST, event->account, event->size);
        break;
    case CAIRN_EVENT_END:
        put_byte(encoder, CAIRN_COLUMN_OPS, CAIRN_OP_END);
        put_number(encoder, CAIRN_COLUMN_ACCOUNTS, event->account);
        break;
    }
}

static bool has_birth(unsigned kind)
{
    return kind != CAIRN_EVENT_ALLOC && kind != CAIRN_EVENT_END;
}

static unsigned flags_of(unsigned kind)
{
    return kind == CAIRN_EVENT_ALLOC ? CAIRN_EVENT_BY_REALLOC : has_birth(kind) ? CAIRN_EVENT_TEMPORARY : 0u;
}

/* What event.h promises of events; what breaks it could not be read back. */
static bool is_sound(const struct cairn_event_encoder *encoder, size_t index, uint64_t t_ns)
{
    const struct cairn_event *const event = &encoder->events[index];
    return event->kind <= CAIRN_EVENT_END && event->t_ns >= t_ns &&
           (event->t_ns == t_ns || event->t_ns % CAIRN_EVENT_TIME_UNIT_NS == 0) &&
           (event->flags & ~flags_of(event->kind)) == 0 &&
           (!has_birth(event->kind) || event->birth < encoder->first_event + index);
}

/* Returns the index of the first event that is not sound; their number when all are. */
static size_t put_events(struct cairn_event_encoder *encoder)
{
    uint64_t t_ns = encoder->events[0].t_ns;
    if (t_ns % CAIRN_EVENT_TIME_UNIT_NS != 0) {
        return 0;
    }
    const uint64_t first_time = t_ns / CAIRN_EVENT_TIME_UNIT_NS;
    struct run run = {.time = first_time, .last = first_time};
    for (size_t i = 0; i < encoder->count; i++) {
        if (__builtin_expect(!is_sound(encoder, i, t_ns), 0)) {
            return i;
        }
        if (encoder->events[i].t_ns != t_ns) {
            put_run(encoder, &run);
            t_ns = encoder->events[i].t_ns;
            run = (struct run){.time = t_ns / CAIRN_EVENT_TIME_UNIT_NS, .last = run.time};
        }
        run.count++;
        put_event(encoder, i);
    }
    put_run(encoder, &run);
    return encoder->count;
}

static bool side_grow(struct side *side, size_t capacity)
{
    uint32_t slots = 64;
    while (slots < 2 * capacity) {
        slots *= 2;
    }
    free(side->map.slots);
    side->map = (struct account_map){.slots = calloc(slots, sizeof(*side->map.slots)), .mask = slots - 1};
    return side->map.slots && cairn_account_model_init(&side->model, capacity);
}

static bool side_begin(struct side *side, size_t count)
{
    struct account_map *const map = &side->map;
    if (++map->generation == GENERATIONS) {
        memset(map->slots, 0, (map->mask + (size_t)1) * sizeof(*map->slots));
        map->generation = 1;
    }
    side->last_new = 0;
    return cairn_account_model_init(&side->model, count);
}

static void side_release(struct side *side)
{
    free(side->map.slots);
    cairn_account_model_release(&side->model);
}

static void release(struct cairn_event_encoder *encoder)
{
    side_release(&encoder->near);
    side_release(&encoder->old);
    side_release(&encoder->far);
    free(encoder->fars);
    cairn_live_model_release(&encoder->live);
    cairn_columns_out_release(&encoder->columns);
}

/* Room for `count` events; short chunks take little. */
static bool grow(struct cairn_event_encoder *encoder, size_t count)
{
    if (count <= encoder->capacity) {
        return true;
    }
    size_t capacity = 256;
    while (capacity < count) {
        capacity *= 2;
    }
    release(encoder);
    *encoder = (struct cairn_event_encoder){
        .near = {.accounts = CAIRN_COLUMN_ACCOUNTS, .sizes = CAIRN_COLUMN_SIZES},
        .old = {.accounts = CAIRN_COLUMN_OLD_ACCOUNTS, .sizes = CAIRN_COLUMN_OLD_SIZES},
        .far = {.accounts = CAIRN_COLUMN_FAR_ACCOUNTS, .sizes = CAIRN_COLUMN_FAR_SIZES},
        .fars = malloc(2 * capacity * sizeof(*encoder->fars)),
    };
    if (!encoder->fars || !side_grow(&encoder->near, capacity) || !side_grow(&encoder->old, capacity) ||
        !side_grow(&encoder->far, capacity) || !cairn_live_model_init(&encoder->live, capacity) ||
        !cairn_columns_out_init(&encoder->columns, capacity)) {
        return false;
    }
    encoder->capacity = capacity;
    return true;
}

/* Forgets the chunk before. */
static bool begin(struct cairn_event_encoder *encoder, const struct cairn_event *events, size_t count,
                  uint64_t first_event)
{
    if (!grow(encoder, count)) {
        return false;
    }
    encoder->events = events;
    encoder->count = count;
    encoder->first_event = first_event;
    encoder->far_count = 0;
    encoder->oldest_birth = encoder->newest_birth = 0;
    cairn_columns_out_begin(&encoder->columns);
    return side_begin(&encoder->near, count) && side_begin(&encoder->old, count) &&
           side_begin(&encoder->far, count) && cairn_live_model_init(&encoder->live, count);
}

struct cairn_event_encoder *cairn_event_encoder_new(void)
{
    return calloc(1, sizeof(struct cairn_event_encoder));
}

void cairn_event_encoder_free(struct cairn_event_encoder *encoder)
{
    if (encoder) {
        release(encoder);
        free(encoder);
    }
}

enum cairn_status cairn_event_encoder_chunk(struct cairn_event_encoder *encoder,
                                            const struct cairn_event *events, size_t count,
                                            uint64_t first_event, int level, struct cairn_buffer *blob,
                                            struct cairn_error *error)
{
    if (count == 0 || count > CAIRN_CHUNK_MOST_EVENTS) {
        return cairn_fail(error, CAIRN_E_LIMIT, "a chunk holds 1 to %u events, not %zu",
                          CAIRN_CHUNK_MOST_EVENTS, count);
    }
    if (!begin(encoder, events, count, first_event)) {
        return cairn_fail(error, CAIRN_E_NOMEM, "out of memory for %zu events", count);
    }
    const size_t put = put_events(encoder);
    if (put < count) {
        return cairn_fail(error, CAIRN_E_FORMAT,
                          "event %" PRIu64 " cannot be stored: its parts contradict each other",
                          first_event + put);
    }
    const size_t old = put_all_fars(encoder);
    const struct cairn_columns_header header = {
        .events = count,
        .old_events = old,
        .far_events = encoder->far_count - old,
        .first_time = events[0].t_ns / CAIRN_EVENT_TIME_UNIT_NS,
    };
    return cairn_columns_write(&encoder->columns, &header, level, blob, error);
}

enum cairn_status cairn_events_encode(const struct cairn_event *events, size_t count, uint64_t first_event,
                                      int level, struct cairn_buffer *blob, struct cairn_error *error)
{
    struct cairn_event_encoder *const encoder = cairn_event_encoder_new();
    if (!encoder) {
        return cairn_fail(error, CAIRN_E_NOMEM, "out of memory for %zu events", count);
    }
    const enum cairn_status status =
        cairn_event_encoder_chunk(encoder, events, count, first_event, level, blob, error);
    cairn_event_encoder_free(encoder);
    return status;
}
