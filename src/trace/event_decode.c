#include "trace/event.h"

#include <stdlib.h>
#include <string.h>

#include "trace/event_columns.h"
#include "trace/event_model.h"

#define RUN_MOST     15u
#define KIND_UNKNOWN UINT8_MAX /* of events that are not far, until their turn comes */

struct side {
    struct cairn_account_model model;
    uint32_t last_new;
    enum cairn_column accounts, sizes;
};

/* One far event as its columns say it. */
struct far {
    uint64_t birth, size;
    int64_t index;
    uint32_t account;
    unsigned op;
};

struct cairn_event_decoder {
    struct cairn_columns_in columns;
    uint64_t first_event;
    struct cairn_event *events;
    struct cairn_live_model live;
    struct side near, old, far;
};

static bool get_byte(struct cairn_event_decoder *decoder, enum cairn_column column, unsigned *byte)
{
    struct cairn_varint_reader *const reader = &decoder->columns.column[column];
    if (reader->at >= reader->end) {
        return false;
    }
    *byte = *reader->at++;
    return true;
}

static bool get_number(struct cairn_event_decoder *decoder, enum cairn_column column, uint64_t *value)
{
    return cairn_varint_read(&decoder->columns.column[column], value);
}

static bool get_account_number(struct cairn_event_decoder *decoder, struct side *side, uint32_t *local)
{
    uint64_t value, step;
    if (!get_number(decoder, side->accounts, &value) || value > side->model.count) {
        return false;
    }
    if (value != 0) {
        *local = (uint32_t)value;
        return true;
    }
    if (!get_number(decoder, side->accounts, &step)) {
        return false;
    }
    const uint64_t account = side->last_new + (uint64_t)cairn_unzigzag(step);
    if (account > UINT32_MAX) {
        return false;
    }
    side->last_new = (uint32_t)account;
    *local = cairn_account_model_add(&side->model, (uint32_t)account);
    return true;
}

/* `op`: enum cairn_op_account and CAIRN_OP_SIZE. */
static bool get_account_and_size(struct cairn_event_decoder *decoder, struct side *side, unsigned op,
                                 uint32_t *account, uint64_t *size)
{
    struct cairn_account_model *const model = &side->model;
    uint32_t *const pair = cairn_account_model_pair(model);
    uint32_t local = 0;
    switch (op & CAIRN_OP_ACCOUNT_MASK) {
    case CAIRN_OP_BY_PAIR:
        local = *pair;
        break;
    case CAIRN_OP_BY_LAST:
        local = model->local[model->last].follower;
        break;
    case CAIRN_OP_BY_NUMBER:
        if (!get_account_number(decoder, side, &local)) {
            return false;
        }
        break;
    }
    if (local == 0) {
        return false;
    }
    struct cairn_local_account *const chosen = &model->local[local];
    if ((op & CAIRN_OP_SIZE) && !get_number(decoder, side->sizes, &chosen->last_size)) {
        return false;
    }
    *account = chosen->account;
    *size = chosen->last_size;
    cairn_account_model_follow(model, pair, local);
    return true;
}

/* Reads the far event behind `far`; `births` is the first column of its sort. */
static bool next_far(struct cairn_event_decoder *decoder, struct side *side, enum cairn_column births,
                     struct far *far)
{
    uint64_t birth_step, index_step;
    if (!get_number(decoder, births, &birth_step) || !get_number(decoder, births + 1, &index_step) ||
        !get_byte(decoder, births + 2, &far->op) || far->op >= CAIRN_FAR_OP_COUNT ||
        __builtin_add_overflow(far->birth, birth_step, &far->birth) ||
        __builtin_add_overflow(far->index, cairn_unzigzag(index_step), &far->index)) {
        return false;
    }
    return far->index >= 0 && (uint64_t)far->index < decoder->columns.header.events &&
           far->birth < decoder->first_event + (uint64_t)far->index &&
           (far->birth < cairn_old_before(decoder->first_event)) == (births == CAIRN_COLUMN_OLD_BIRTHS) &&
           get_account_and_size(decoder, side, far->op, &far->account, &far->size);
}

static uint8_t far_kind(const struct far *far)
{
    static const uint8_t kinds[] = {
        [CAIRN_FAR_FREE >> 4] = CAIRN_EVENT_FREE,     [CAIRN_FAR_REALLOC >> 4] = CAIRN_EVENT_REALLOC,
        [CAIRN_FAR_SHRINK >> 4] = CAIRN_EVENT_SHRINK, [CAIRN_FAR_LOST >> 4] = CAIRN_EVENT_LOST,
        [CAIRN_FAR_ADOPT >> 4] = CAIRN_EVENT_ADOPT,
    };
    return kinds[far->op >> 4];
}

static void put_far(struct cairn_event *event, const struct far *far)
{
    event->kind = far_kind(far);
    event->flags = far->op & CAIRN_FAR_TEMPORARY ? CAIRN_EVENT_TEMPORARY : 0;
    event->birth = far->birth;
    if (event->kind == CAIRN_EVENT_REALLOC) {
        event->old_account = far->account;
        event->old_size = far->size;
    } else {
        event->account = far->account;
        event->size = far->size;
    }
}

/* Puts far events of one sort where they belong. */
static bool get_fars(struct cairn_event_decoder *decoder, struct side *side, enum cairn_column births,
                     size_t count)
{
    struct far far = {.birth = 0};
    for (size_t i = 0; i < count; i++) {
        if (!next_far(decoder, side, births, &far) || decoder->events[far.index].kind != KIND_UNKNOWN) {
            return false;
        }
        put_far(&decoder->events[far.index], &far);
    }
    return true;
}

/* The next run of events of one time: `time` goes on to it, `events` of the `left` ones are in it. */
static bool get_run(struct cairn_event_decoder *decoder, size_t left, uint64_t *time, size_t *events,
                    uint64_t *t_ns)
{
    unsigned token;
    if (!get_byte(decoder, CAIRN_COLUMN_TIMES, &token)) {
        return false;
    }
    uint64_t step = token >> 4, more = token & RUN_MOST, rest;
    if (step == RUN_MOST) {
        if (!get_number(decoder, CAIRN_COLUMN_TIMES, &rest) || rest > INT64_MAX) {
            return false;
        }
        step += rest;
    }
    if (more == RUN_MOST) {
        if (!get_number(decoder, CAIRN_COLUMN_TIMES, &rest) || rest > CAIRN_CHUNK_MOST_EVENTS) {
            return false;
        }
        more += rest;
    }
    *events = (size_t)more + 1;
    return !__builtin_add_overflow(*time, step, time) && more < left &&
           !__builtin_mul_overflow(*time, (uint64_t)CAIRN_EVENT_TIME_UNIT_NS, t_ns) && *t_ns <= INT64_MAX;
}

static bool get_times(struct cairn_event_decoder *decoder)
{
    const size_t count = decoder->columns.header.events;
    uint64_t time = decoder->columns.header.first_time, t_ns;
    for (size_t i = 0, run; i < count;) {
        if (!get_run(decoder, count - i, &time, &run, &t_ns)) {
            return false;
        }
        for (const size_t end = i + run; i < end; i++) {
            decoder->events[i] = (struct cairn_event){.t_ns = t_ns, .kind = KIND_UNKNOWN};
        }
    }
    return true;
}

/* The block that a near FREE or REALLOC at `index` ends, taken from the live ones. */
static bool get_near(struct cairn_event_decoder *decoder, size_t index, unsigned place, uint32_t *node)
{
    if (place < CAIRN_PLACE_COUNT) {
        *node = cairn_live_model_at(&decoder->live, place);
    } else {
        uint64_t distance;
        if (!get_number(decoder, CAIRN_COLUMN_BIRTHS, &distance) || distance == 0 || distance > index) {
            return false;
        }
        *node = (uint32_t)(index + 1 - distance);
    }
    if (*node == 0 || decoder->live.older[*node] == CAIRN_LIVE_NONE) {
        return false;
    }
    cairn_live_model_freed(&decoder->live, *node);
    return true;
}

static bool get_born(struct cairn_event_decoder *decoder, size_t index, unsigned op)
{
    struct cairn_event *const event = &decoder->events[index];
    if (!get_account_and_size(decoder, &decoder->near, op, &event->account, &event->size)) {
        return false;
    }
    cairn_live_model_born(&decoder->live, (uint32_t)index + 1);
    return true;
}

/* The new side of a REALLOC: an ALLOC's byte. */
static bool get_new_side(struct cairn_event_decoder *decoder, size_t index)
{
    unsigned op;
    return get_byte(decoder, CAIRN_COLUMN_OPS, &op) && op < CAIRN_OP_ALLOC_COUNT &&
           get_born(decoder, index, op);
}

/* What a far event leaves to do when its turn comes. */
static bool finish_far(struct cairn_event_decoder *decoder, size_t index)
{
    const uint8_t kind = decoder->events[index].kind;
    if (kind == CAIRN_EVENT_ADOPT) {
        cairn_live_model_born(&decoder->live, (uint32_t)index + 1);
    }
    return kind != CAIRN_EVENT_REALLOC || get_new_side(decoder, index);
}

static bool get_near_end(struct cairn_event_decoder *decoder, size_t index, unsigned op)
{
    struct cairn_event *const event = &decoder->events[index];
    const bool is_free = op < CAIRN_OP_REALLOC;
    uint32_t node;
    if (op >= CAIRN_OP_REALLOC_TEMPORARY + 0x10u || (op & 0x0Fu) > CAIRN_PLACE_COUNT ||
        !get_near(decoder, index, op & 0x0Fu, &node)) {
        return false;
    }
    const struct cairn_event *const birth = &decoder->events[node - 1];
    event->flags = op & 0x10u ? CAIRN_EVENT_TEMPORARY : 0;
    event->birth = decoder->first_event + node - 1;
    if (is_free) {
        event->kind = CAIRN_EVENT_FREE;
        event->account = birth->account;
        event->size = birth->size;
        return true;
    }
    event->kind = CAIRN_EVENT_REALLOC;
    event->old_account = birth->account;
    event->old_size = birth->size;
    return get_new_side(decoder, index);
}

static bool get_event(struct cairn_event_decoder *decoder, size_t index)
{
    struct cairn_event *const event = &decoder->events[index];
    unsigned op;
    uint64_t process;
    if (event->kind != KIND_UNKNOWN) {
        return finish_far(decoder, index);
    }
    if (!get_byte(decoder, CAIRN_COLUMN_OPS, &op)) {
        return false;
    }
    if (op < CAIRN_OP_BY_REALLOC + CAIRN_OP_ALLOC_COUNT) {
        event->kind = CAIRN_EVENT_ALLOC;
        event->flags = op & CAIRN_OP_BY_REALLOC ? CAIRN_EVENT_BY_REALLOC : 0;
        return get_born(decoder, index, op);
    }
    if (op >= CAIRN_OP_FREE) {
        return get_near_end(decoder, index, op);
    }
    event->kind = CAIRN_EVENT_END;
    if (op != CAIRN_OP_END || !get_number(decoder, CAIRN_COLUMN_ACCOUNTS, &process) || process > UINT32_MAX) {
        return false;
    }
    event->account = (uint32_t)process;
    return true;
}

/* Bytes that nothing asked for are damage too. */
static bool is_read_to_the_end(const struct cairn_event_decoder *decoder)
{
    for (size_t c = 0; c < CAIRN_COLUMN_COUNT; c++) {
        if (decoder->columns.column[c].at != decoder->columns.column[c].end) {
            return false;
        }
    }
    return true;
}

static bool get_events(struct cairn_event_decoder *decoder)
{
    const struct cairn_columns_header *const header = &decoder->columns.header;
    if (!get_times(decoder) ||
        !get_fars(decoder, &decoder->old, CAIRN_COLUMN_OLD_BIRTHS, header->old_events) ||
        !get_fars(decoder, &decoder->far, CAIRN_COLUMN_FAR_BIRTHS, header->far_events)) {
        return false;
    }
    for (size_t i = 0; i < header->events; i++) {
        if (!get_event(decoder, i)) {
            return false;
        }
    }
    return is_read_to_the_end(decoder);
}

struct cairn_event_decoder *cairn_event_decoder_new(void)
{
    struct cairn_event_decoder *const decoder = calloc(1, sizeof(*decoder));
    if (decoder) {
        decoder->near.accounts = CAIRN_COLUMN_ACCOUNTS;
        decoder->near.sizes = CAIRN_COLUMN_SIZES;
        decoder->old.accounts = CAIRN_COLUMN_OLD_ACCOUNTS;
        decoder->old.sizes = CAIRN_COLUMN_OLD_SIZES;
        decoder->far.accounts = CAIRN_COLUMN_FAR_ACCOUNTS;
        decoder->far.sizes = CAIRN_COLUMN_FAR_SIZES;
    }
    return decoder;
}

void cairn_event_decoder_free(struct cairn_event_decoder *decoder)
{
    if (decoder) {
        cairn_account_model_release(&decoder->near.model);
        cairn_account_model_release(&decoder->old.model);
        cairn_account_model_release(&decoder->far.model);
        cairn_live_model_release(&decoder->live);
        cairn_columns_in_release(&decoder->columns);
        free(decoder);
    }
}

static enum cairn_status out_of_memory(struct cairn_error *error)
{
    return cairn_fail(error, CAIRN_E_NOMEM, "out of memory for a chunk of events");
}

static bool start_side(struct side *side, size_t events)
{
    side->last_new = 0;
    return cairn_account_model_init(&side->model, events);
}

static enum cairn_status decode(struct cairn_event_decoder *decoder, const void *blob, size_t blob_size,
                                size_t capacity, struct cairn_error *error)
{
    const enum cairn_status status =
        cairn_columns_in_init(&decoder->columns, blob, blob_size, CAIRN_COLUMN_COUNT, error);
    if (status != CAIRN_OK) {
        return status;
    }
    const struct cairn_columns_header *const header = &decoder->columns.header;
    if (header->events > capacity) {
        return cairn_fail(error, CAIRN_E_FORMAT,
                          "damaged events: a chunk claims %zu events, %zu are expected", header->events,
                          capacity);
    }
    if (!start_side(&decoder->near, header->events) || !start_side(&decoder->old, header->old_events) ||
        !start_side(&decoder->far, header->far_events) ||
        !cairn_live_model_init(&decoder->live, header->events)) {
        return out_of_memory(error);
    }
    return get_events(decoder)
               ? CAIRN_OK
               : cairn_fail(error, CAIRN_E_FORMAT, "damaged events: a chunk's parts do not agree");
}

enum cairn_status cairn_event_decoder_all(struct cairn_event_decoder *decoder, const void *blob,
                                          size_t blob_size, uint64_t first_event, struct cairn_event *events,
                                          size_t capacity, size_t *count, struct cairn_error *error)
{
    decoder->first_event = first_event;
    decoder->events = events;
    const enum cairn_status status = decode(decoder, blob, blob_size, capacity, error);
    if (status == CAIRN_OK) {
        *count = decoder->columns.header.events;
    }
    return status;
}

enum cairn_status cairn_event_decoder_times(struct cairn_event_decoder *decoder, const void *blob,
                                            size_t blob_size, uint64_t until_ns, size_t most, size_t *passed,
                                            uint64_t *t_ns, size_t *count, struct cairn_error *error)
{
    const enum cairn_status status =
        cairn_columns_in_only(&decoder->columns, blob, blob_size, CAIRN_COLUMN_TIMES, error);
    if (status != CAIRN_OK) {
        return status;
    }
    uint64_t time = decoder->columns.header.first_time, stamp;
    *count = decoder->columns.header.events;
    *passed = 0;
    for (size_t run; *passed < *count && *passed < most; *passed += run) {
        if (!get_run(decoder, *count - *passed, &time, &run, &stamp)) {
            return cairn_fail(error, CAIRN_E_FORMAT, "damaged events: a chunk's times do not agree");
        }
        if (stamp > until_ns) {
            break;
        }
        *t_ns = stamp;
    }
    *passed = *passed < most ? *passed : most;
    return CAIRN_OK;
}

enum cairn_status cairn_events_decode(const void *blob, size_t blob_size, uint64_t first_event,
                                      struct cairn_event *events, size_t capacity, size_t *count,
                                      struct cairn_error *error)
{
    struct cairn_event_decoder *const decoder = cairn_event_decoder_new();
    const enum cairn_status status = decoder ? cairn_event_decoder_all(decoder, blob, blob_size, first_event,
                                                                       events, capacity, count, error)
                                             : out_of_memory(error);
    cairn_event_decoder_free(decoder);
    return status;
}

/* What a caller asks of the far events. */
struct crossing {
    uint64_t before; /* births below */
    struct cairn_cross_free *frees;
    size_t capacity, count;
};

static enum cairn_status damaged_parts(struct cairn_error *error)
{
    return cairn_fail(error, CAIRN_E_FORMAT, "damaged events: a chunk's parts do not agree");
}

/* One sort of far events, up to the first that is born too late. */
static enum cairn_status cross_fars(struct cairn_event_decoder *decoder, struct side *side,
                                    enum cairn_column births, size_t count, struct crossing *crossing,
                                    struct cairn_error *error)
{
    struct far far = {.birth = 0};
    if (!start_side(side, count)) {
        return out_of_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        if (!next_far(decoder, side, births, &far)) {
            return damaged_parts(error);
        }
        if (far.birth >= crossing->before) {
            return CAIRN_OK;
        }
        if (crossing->count == crossing->capacity) {
            return cairn_fail(error, CAIRN_E_FORMAT, "damaged events: a chunk has more than %zu frees",
                              crossing->capacity);
        }
        crossing->frees[crossing->count++] = (struct cairn_cross_free){
            .birth = far.birth,
            .size = far.size,
            .account = far.account,
            .position = (uint32_t)far.index,
            .kind = far_kind(&far),
        };
    }
    return CAIRN_OK;
}

static size_t crossing_columns(uint64_t first_event, uint64_t before)
{
    return before <= cairn_old_before(first_event) ? CAIRN_COLUMN_OLD_COUNT : CAIRN_COLUMN_FAR_COUNT;
}

static enum cairn_status cross(struct cairn_event_decoder *decoder, const void *blob, size_t blob_size,
                               struct crossing *crossing, struct cairn_error *error)
{
    const size_t columns = crossing_columns(decoder->first_event, crossing->before);
    enum cairn_status status = cairn_columns_in_init(&decoder->columns, blob, blob_size, columns, error);
    if (status == CAIRN_OK) {
        status = cross_fars(decoder, &decoder->old, CAIRN_COLUMN_OLD_BIRTHS,
                            decoder->columns.header.old_events, crossing, error);
    }
    if (status == CAIRN_OK && columns == CAIRN_COLUMN_FAR_COUNT) {
        status = cross_fars(decoder, &decoder->far, CAIRN_COLUMN_FAR_BIRTHS,
                            decoder->columns.header.far_events, crossing, error);
    }
    return status;
}

enum cairn_status cairn_event_decoder_cross(struct cairn_event_decoder *decoder, const void *blob,
                                            size_t blob_size, uint64_t first_event, uint64_t before,
                                            struct cairn_cross_free *frees, size_t capacity, size_t *count,
                                            struct cairn_error *error)
{
    struct crossing crossing = {
        .before = before < first_event ? before : first_event,
        .frees = frees,
        .capacity = capacity,
    };
    decoder->first_event = first_event;
    const enum cairn_status status = cross(decoder, blob, blob_size, &crossing, error);
    if (status == CAIRN_OK) {
        *count = crossing.count;
    }
    return status;
}

enum cairn_status cairn_events_decode_cross(const void *blob, size_t blob_size, uint64_t first_event,
                                            uint64_t before, struct cairn_cross_free *frees, size_t capacity,
                                            size_t *count, struct cairn_error *error)
{
    struct cairn_event_decoder *const decoder = cairn_event_decoder_new();
    const enum cairn_status status = decoder
                                         ? cairn_event_decoder_cross(decoder, blob, blob_size, first_event,
                                                                     before, frees, capacity, count, error)
                                         : out_of_memory(error);
    cairn_event_decoder_free(decoder);
    return status;
}

enum cairn_status cairn_events_cross_prefix(const void *blob, size_t blob_size, uint64_t first_event,
                                            uint64_t before, size_t *prefix, struct cairn_error *error)
{
    return cairn_columns_prefix(blob, blob_size, crossing_columns(first_event, before), prefix, error);
}
