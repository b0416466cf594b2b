#include "trace/event.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "trace/event_columns.h"
#include "trace/event_model.h"

#define RADIX_BITS 11u
#define RADIX      (1u << RADIX_BITS)
#define RUN_MOST   15u /* in half a byte; 15 says that a varint follows */

/* An event passes through these: so each is part of the loop over the events. */
#define INLINE static inline __attribute__((always_inline))

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
};

/* Where the next byte of some columns goes. */
struct pens {
    uint8_t *ops, *accounts, *sizes, *births;
};

/* What writing an event changes or looks at every time. A loop over events has its own copy: what it writes are bytes, and those
 * might be of the encoder for all that the compiler knows, which would read everything in there again. */
struct desk {
    const struct cairn_event *events;
    uint64_t first_event;
    struct cairn_live_model live;
    struct pens pens;
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

INLINE void put_byte(uint8_t **pen, unsigned byte)
{
    *(*pen)++ = (uint8_t)byte;
}

INLINE void put_number(uint8_t **pen, uint64_t value)
{
    *pen = cairn_varint_write(*pen, value);
}

/* The slot of `account`, or the free one where it belongs. */
INLINE uint32_t *find_slot(const struct side *side, uint32_t account)
{
    const struct account_map *const map = &side->map;
    const uint32_t generation = map->generation << LOCAL_BITS;
    uint32_t slot = account * 0x9e3779b1u;
    for (slot ^= slot >> 16;; slot++) {
        uint32_t *const taken = &map->slots[slot & map->mask];
        const uint32_t local = *taken ^ generation;
        if (local >> LOCAL_BITS != 0 || side->model.local[local].account == account) {
            return taken;
        }
    }
}

/* An account that the chunk did not have yet gets the next local number. Returns where the next byte goes. */
static __attribute__((noinline)) uint8_t *put_new_account(struct side *side, uint32_t *slot, uint32_t account,
                                                          uint8_t *pen)
{
    *slot = side->map.generation << LOCAL_BITS | cairn_account_model_add(&side->model, account);
    put_byte(&pen, 0);
    put_number(&pen, cairn_zigzag((int64_t)account - side->last_new));
    side->last_new = account;
    return pen;
}

INLINE uint32_t put_account_number(struct side *side, struct pens *pens, uint32_t account)
{
    uint32_t *const slot = find_slot(side, account);
    const uint32_t local = *slot ^ side->map.generation << LOCAL_BITS;
    if (__builtin_expect(local >> LOCAL_BITS != 0, 0)) {
        pens->accounts = put_new_account(side, slot, account, pens->accounts);
        return side->model.count;
    }
    put_number(&pens->accounts, local);
    return local;
}

/* Writes what the predictions leave to say; returns the low bits of the op. */
INLINE unsigned put_account_and_size(struct side *side, struct pens *pens, uint32_t account, uint64_t size)
{
    struct cairn_account_model *const model = &side->model;
    uint32_t *const pair = cairn_account_model_pair(model);
    uint32_t local = *pair;
    unsigned op = CAIRN_OP_BY_PAIR;
    if (local == 0 || model->local[local].account != account) {
        local = model->local[model->last].follower;
        op = CAIRN_OP_BY_LAST;
        if (local == 0 || model->local[local].account != account) {
            local = put_account_number(side, pens, account);
            op = CAIRN_OP_BY_NUMBER;
        }
    }
    uint64_t *const last_size = &model->local[local].last_size;
    cairn_account_model_follow(model, pair, local);
    if (*last_size != size) {
        *last_size = size;
        put_number(&pens->sizes, size);
        op |= CAIRN_OP_SIZE;
    }
    return op;
}

/* `count` events of one microsecond, `step` microseconds after those before. */
static __attribute__((noinline)) void put_run(struct cairn_event_encoder *encoder, uint64_t step,
                                              uint64_t count)
{
    const uint64_t more = count - 1;
    const unsigned step_bits = step < RUN_MOST ? (unsigned)step : RUN_MOST;
    const unsigned more_bits = more < RUN_MOST ? (unsigned)more : RUN_MOST;
    uint8_t *pen = encoder->columns.at[CAIRN_COLUMN_TIMES];
    put_byte(&pen, step_bits << 4 | more_bits);
    if (step_bits == RUN_MOST) {
        put_number(&pen, step - RUN_MOST);
    }
    if (more_bits == RUN_MOST) {
        put_number(&pen, more - RUN_MOST);
    }
    encoder->columns.at[CAIRN_COLUMN_TIMES] = pen;
}

/* The block an event ends, if the event can say so by naming the one of this chunk that made it; 0 if not. */
INLINE uint32_t near_node(const struct desk *desk, uint64_t birth, uint32_t account, uint64_t size)
{
    if (birth < desk->first_event) {
        return 0;
    }
    const uint64_t index = birth - desk->first_event;
    const struct cairn_event *const born = &desk->events[index];
    const bool same =
        desk->live.older[index + 1] != CAIRN_LIVE_NONE && born->account == account && born->size == size;
    return same ? (uint32_t)index + 1 : 0;
}

static __attribute__((noinline)) void keep_far(struct cairn_event_encoder *encoder, size_t index, unsigned op,
                                               uint32_t account, uint64_t size)
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
    uint8_t **const at = &encoder->columns.at[births];
    struct pens pens = {.births = at[0], .ops = at[2], .accounts = at[3], .sizes = at[4]};
    uint8_t *indexes = at[1];
    struct far last = {.birth = 0};
    for (size_t i = 0; i < count; i++) {
        const struct far *const far = &fars[i];
        put_number(&pens.births, far->birth - last.birth);
        put_number(&indexes, cairn_zigzag((int64_t)far->index - last.index));
        put_byte(&pens.ops, far->op | put_account_and_size(side, &pens, far->account, far->size));
        last = *far;
    }
    at[0] = pens.births;
    at[1] = indexes;
    at[2] = pens.ops;
    at[3] = pens.accounts;
    at[4] = pens.sizes;
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

/* The freeing side of a FREE, or of a REALLOC. */
INLINE void put_freed(struct cairn_event_encoder *encoder, struct desk *desk, size_t index, bool is_free)
{
    const struct cairn_event *const event = &desk->events[index];
    const uint32_t account = is_free ? event->account : event->old_account;
    const uint64_t size = is_free ? event->size : event->old_size;
    const uint32_t node = near_node(desk, event->birth, account, size);
    if (node == 0) {
        keep_far(encoder, index, is_free ? CAIRN_FAR_FREE : CAIRN_FAR_REALLOC, account, size);
        return;
    }
    const unsigned op = is_free ? CAIRN_OP_FREE : CAIRN_OP_REALLOC;
    const unsigned temporary =
        (event->flags & CAIRN_EVENT_TEMPORARY) * (CAIRN_OP_FREE_TEMPORARY - CAIRN_OP_FREE);
    const unsigned place = cairn_live_model_place(&desk->live, node);
    put_byte(&desk->pens.ops, op + temporary + place);
    if (place == CAIRN_PLACE_COUNT) {
        put_number(&desk->pens.births, index + 1 - node);
    }
    cairn_live_model_freed(&desk->live, node);
}

/* What makes a block: `op` is an ALLOC's, the new side of a REALLOC too, or a BY_REALLOC. */
INLINE void put_born(struct cairn_event_encoder *encoder, struct desk *desk, size_t index, enum cairn_op op)
{
    const struct cairn_event *const event = &desk->events[index];
    put_byte(&desk->pens.ops,
             op | put_account_and_size(&encoder->near, &desk->pens, event->account, event->size));
    cairn_live_model_born(&desk->live, (uint32_t)index + 1);
}

/* Any event. */
static __attribute__((noinline)) void put_event(struct cairn_event_encoder *encoder, struct desk *desk,
                                                size_t index)
{
    const struct cairn_event *const event = &desk->events[index];
    switch ((enum cairn_event_kind)event->kind) {
    case CAIRN_EVENT_ALLOC:
        put_born(encoder, desk, index,
                 event->flags & CAIRN_EVENT_BY_REALLOC ? CAIRN_OP_BY_REALLOC : CAIRN_OP_ALLOC);
        break;
    case CAIRN_EVENT_ADOPT:
        keep_far(encoder, index, CAIRN_FAR_ADOPT, event->account, event->size);
        cairn_live_model_born(&desk->live, (uint32_t)index + 1);
        break;
    case CAIRN_EVENT_FREE:
        put_freed(encoder, desk, index, true);
        break;
    case CAIRN_EVENT_REALLOC:
        put_freed(encoder, desk, index, false);
        put_born(encoder, desk, index, CAIRN_OP_ALLOC);
        break;
    case CAIRN_EVENT_SHRINK:
        keep_far(encoder, index, CAIRN_FAR_SHRINK, event->account, event->size);
        break;
    case CAIRN_EVENT_LOST:
        keep_far(encoder, index, CAIRN_FAR_LOST, event->account, event->size);
        break;
    case CAIRN_EVENT_END:
        put_byte(&desk->pens.ops, CAIRN_OP_END);
        put_number(&desk->pens.accounts, event->account);
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

/* What event.h promises of events, but for their times; what breaks it could not be read back. */
static bool is_sound(const struct cairn_event_encoder *encoder, size_t index)
{
    const struct cairn_event *const event = &encoder->events[index];
    return event->kind <= CAIRN_EVENT_END && (event->flags & ~flags_of(event->kind)) == 0 &&
           (!has_birth(event->kind) || event->birth < encoder->first_event + index);
}

/* The usual events, which are sound with fewer looks. */
INLINE bool is_alloc(const struct cairn_event *event)
{
    return (event->kind | (unsigned)event->flags << 8) == CAIRN_EVENT_ALLOC;
}

INLINE bool is_free(const struct cairn_event *event, uint64_t ordinal)
{
    const unsigned flags = (unsigned)CAIRN_EVENT_TEMPORARY << 8;
    return ((event->kind | (unsigned)event->flags << 8) & ~flags) == CAIRN_EVENT_FREE &&
           event->birth < ordinal;
}

/* Writes events of one time from `index` on. Returns the index of the first one of another time, or that is not sound. */
INLINE size_t put_moment(struct cairn_event_encoder *encoder, struct desk *desk, size_t index)
{
    const uint64_t t_ns = desk->events[index].t_ns;
    const size_t count = encoder->count;
    for (; index < count && desk->events[index].t_ns == t_ns; index++) {
        if (is_alloc(&desk->events[index])) {
            put_born(encoder, desk, index, CAIRN_OP_ALLOC);
        } else if (is_free(&desk->events[index], desk->first_event + index)) {
            put_freed(encoder, desk, index, true);
        } else {
            if (!is_sound(encoder, index)) {
                break;
            }
            struct desk other = *desk; /* so that the one of the loop stays in registers */
            put_event(encoder, &other, index);
            *desk = other;
        }
    }
    return index;
}

/* Returns the index of the first event that is not sound; their number when all are. */
static size_t put_events(struct cairn_event_encoder *encoder)
{
    const struct cairn_event *const events = encoder->events;
    uint8_t **const at = encoder->columns.at;
    struct desk desk = {.events = events,
                        .first_event = encoder->first_event,
                        .live = encoder->live,
                        .pens = {.ops = at[CAIRN_COLUMN_OPS],
                                 .accounts = at[CAIRN_COLUMN_ACCOUNTS],
                                 .sizes = at[CAIRN_COLUMN_SIZES],
                                 .births = at[CAIRN_COLUMN_BIRTHS]}};
    uint64_t last = events[0].t_ns;
    size_t i = 0;
    while (i < encoder->count) {
        const size_t first = i;
        const uint64_t t_ns = events[i].t_ns;
        if (t_ns < last || t_ns % CAIRN_EVENT_TIME_UNIT_NS != 0) {
            break;
        }
        i = put_moment(encoder, &desk, i);
        if (i < encoder->count && events[i].t_ns == t_ns) {
            break;
        }
        put_run(encoder, (t_ns - last) / CAIRN_EVENT_TIME_UNIT_NS, i - first);
        last = t_ns;
    }
    at[CAIRN_COLUMN_OPS] = desk.pens.ops;
    at[CAIRN_COLUMN_ACCOUNTS] = desk.pens.accounts;
    at[CAIRN_COLUMN_SIZES] = desk.pens.sizes;
    at[CAIRN_COLUMN_BIRTHS] = desk.pens.births;
    return i;
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
