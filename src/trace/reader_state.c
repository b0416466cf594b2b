#include <stdlib.h>
#include <string.h>

#include "trace/reader_ledger.h"

#define KEY_STATE (UINT64_C(2) << 62)

static size_t state_bytes(const struct cairn_kept_state *state)
{
    return sizeof(*state) + state->state.count * sizeof(state->totals[0]);
}

static enum cairn_status new_state(struct cairn_trace *trace, struct cairn_kept_state **state,
                                   struct cairn_error *error)
{
    const struct cairn_account *accounts;
    size_t count;
    const enum cairn_status status = cairn_trace_accounts(trace, &accounts, &count, error);
    if (status != CAIRN_OK) {
        return status;
    }
    struct cairn_kept_state *made = calloc(1, sizeof(*made) + count * sizeof(made->totals[0]));
    if (!made) {
        return cairn_reader_no_memory(trace, error);
    }
    made->shared.references = 1;
    made->state.count = count;
    made->state.totals = made->totals;
    *state = made;
    return CAIRN_OK;
}

enum cairn_status cairn_reader_copy_state(struct cairn_trace *trace, const struct cairn_kept_state *state,
                                          struct cairn_kept_state **copy, struct cairn_error *error)
{
    struct cairn_kept_state *made = malloc(state_bytes(state));
    if (!made) {
        return cairn_reader_no_memory(trace, error);
    }
    memcpy(made, state, state_bytes(state));
    made->shared.references = 1;
    made->state.totals = made->totals;
    *copy = made;
    return CAIRN_OK;
}

static struct cairn_kept_state *share(struct cairn_kept_state *state)
{
    state->shared.references++;
    return state;
}

/* Totals wrap instead of overflowing: a hostile trace may hold any number. */
static void add_scaled(int64_t *value, int64_t change, uint64_t sign)
{
    *value = (int64_t)((uint64_t)*value + (uint64_t)change * sign);
}

/* Adds the rows, or takes them away where `sign` is −1. */
static void add_rows(struct cairn_kept_state *state, const struct cairn_account_totals *rows, size_t count,
                     uint64_t sign)
{
    for (size_t i = 0; i < count; i++) {
        struct cairn_totals *into = &state->totals[rows[i].account - 1];
        const struct cairn_totals *from = &rows[i].totals;
        add_scaled(&into->live_bytes, from->live_bytes, sign);
        add_scaled(&into->live_blocks, from->live_blocks, sign);
        add_scaled(&into->allocated_bytes, from->allocated_bytes, sign);
        add_scaled(&into->allocations, from->allocations, sign);
        add_scaled(&into->reallocs, from->reallocs, sign);
        add_scaled(&into->temporary, from->temporary, sign);
        add_scaled(&into->live_variance, from->live_variance, sign);
        add_scaled(&into->allocated_variance, from->allocated_variance, sign);
    }
}

static enum cairn_status add_delta(struct cairn_trace *trace, struct cairn_kept_state *state, size_t chunk,
                                   uint64_t sign, struct cairn_error *error)
{
    struct cairn_account_totals *rows;
    size_t count;
    enum cairn_status status = cairn_reader_go_on(trace, error);
    if (status == CAIRN_OK) {
        status = cairn_reader_delta(trace, chunk, &rows, &count, error);
    }
    if (status == CAIRN_OK) {
        add_rows(state, rows, count, sign);
        free(rows);
    }
    return status;
}

static size_t distance(size_t a, size_t b)
{
    return a < b ? b - a : a - b;
}

/* The keyframe nearest to `chunk`; chunk 0 has one, which is empty. */
static enum cairn_status nearest_keyframe(struct cairn_trace *trace, size_t chunk, size_t *keyframe,
                                          struct cairn_error *error)
{
    const struct cairn_table *table;
    const enum cairn_status status = cairn_reader_table(trace, CAIRN_TABLE_KEYFRAME, &table, error);
    if (status != CAIRN_OK) {
        return status;
    }
    size_t count;
    (void)cairn_reader_chunks(trace, &count);
    *keyframe = 0;
    for (size_t i = 0; i < table->count; i++) {
        const size_t here = ((const uint32_t *)table->rows)[i];
        if (here <= count && distance(here, chunk) < distance(*keyframe, chunk)) {
            *keyframe = here;
        }
    }
    return CAIRN_OK;
}

/* A changeable state to start from, and where it stands: what was asked for last, or a keyframe. */
static enum cairn_status start_border(struct cairn_trace *trace, size_t chunk,
                                      struct cairn_kept_state **state, size_t *at, struct cairn_error *error)
{
    const struct cairn_contents *contents = trace->contents;
    enum cairn_status status = nearest_keyframe(trace, chunk, at, error);
    if (status != CAIRN_OK) {
        return status;
    }
    /* Decoding a keyframe costs more than a delta. */
    if (contents->last_border && distance(contents->border_chunk, chunk) <= distance(*at, chunk) + 1) {
        *at = contents->border_chunk;
        return cairn_reader_copy_state(trace, contents->last_border, state, error);
    }
    struct cairn_kept_state *made = NULL;
    struct cairn_account_totals *rows = NULL;
    size_t count = 0;
    status = new_state(trace, &made, error);
    if (status == CAIRN_OK && *at > 0) {
        status = cairn_reader_keyframe(trace, *at, &rows, &count, error);
        if (status != CAIRN_OK) {
            cairn_shared_drop(made);
        }
    }
    if (status == CAIRN_OK) {
        add_rows(made, rows, count, 1);
        free(rows);
        *state = made;
    }
    return status;
}

static void keep(struct cairn_trace *trace, struct cairn_kept_state *state)
{
    (void)cairn_lru_put(trace->contents->cache, KEY_STATE | state->state.position, share(state),
                        state_bytes(state));
}

static struct cairn_kept_state *find_kept(struct cairn_trace *trace, uint64_t position)
{
    struct cairn_kept_state *kept = cairn_lru_get(trace->contents->cache, KEY_STATE | position);
    return kept ? share(kept) : NULL;
}

enum cairn_status cairn_reader_border(struct cairn_trace *trace, size_t chunk,
                                      struct cairn_kept_state **state, struct cairn_error *error)
{
    size_t count, at;
    const struct cairn_chunk *chunks = cairn_reader_chunks(trace, &count);
    const uint64_t position = chunk < count ? chunks[chunk].first_event
                              : count       ? chunks[count - 1].first_event + chunks[count - 1].events
                                            : 0;
    struct cairn_kept_state *made = find_kept(trace, position);
    if (made) {
        *state = made;
        return CAIRN_OK;
    }
    enum cairn_status status = start_border(trace, chunk, &made, &at, error);
    if (!made) {
        return status;
    }
    for (; status == CAIRN_OK && at < chunk; at++) {
        status = add_delta(trace, made, at, 1, error);
    }
    for (; status == CAIRN_OK && at > chunk; at--) {
        status = add_delta(trace, made, at - 1, UINT64_MAX, error);
    }
    if (status != CAIRN_OK) {
        cairn_shared_drop(made);
        return status;
    }
    made->state.position = position;
    keep(trace, made);
    cairn_shared_drop(trace->contents->last_border);
    trace->contents->last_border = share(made);
    trace->contents->border_chunk = chunk;
    *state = made;
    return CAIRN_OK;
}

/* A changeable state in `chunk` at or before `position`. */
static enum cairn_status start_state(struct cairn_trace *trace, size_t chunk, uint64_t position,
                                     struct cairn_kept_state **state, struct cairn_error *error)
{
    size_t count;
    const struct cairn_kept_state *last = trace->contents->last_state;
    const uint64_t first = cairn_reader_chunks(trace, &count)[chunk].first_event;
    if (last && last->state.position >= first && last->state.position <= position) {
        return cairn_reader_copy_state(trace, last, state, error);
    }
    struct cairn_kept_state *border;
    enum cairn_status status = cairn_reader_border(trace, chunk, &border, error);
    if (status == CAIRN_OK) {
        status = cairn_reader_copy_state(trace, border, state, error);
        cairn_shared_drop(border);
    }
    return status;
}

/* Applies the events of `chunk` from the state's position up to `position`. */
static enum cairn_status replay(struct cairn_trace *trace, size_t chunk, struct cairn_kept_state *state,
                                uint64_t position, struct cairn_error *error)
{
    size_t count;
    const uint64_t first = cairn_reader_chunks(trace, &count)[chunk].first_event;
    struct cairn_ledger ledger;
    struct cairn_decoded *decoded;
    enum cairn_status status = cairn_ledger_init(&ledger, trace, 0, state, error);
    if (status == CAIRN_OK) {
        status = cairn_reader_decode(trace, chunk, true, &decoded, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    for (uint64_t i = state->state.position - first; status == CAIRN_OK && i < position - first; i++) {
        if (!cairn_ledger_apply(&ledger, &decoded->events[i], first + i)) {
            status = cairn_reader_damaged(trace, "its events do not fit its accounts", error);
        }
    }
    cairn_shared_drop(decoded);
    state->state.position = position;
    return status;
}

/* The state at the recording's peak where its events were dropped: accounts know what they held then, and what they had
 * allocated is known for the border before. */
static enum cairn_status peak_state(struct cairn_trace *trace, size_t chunk, uint64_t position,
                                    struct cairn_kept_state **state, struct cairn_error *error)
{
    const struct cairn_account *accounts;
    size_t count;
    enum cairn_status status = cairn_trace_accounts(trace, &accounts, &count, error);
    if (status == CAIRN_OK) {
        status = start_state(trace, chunk, position, state, error);
    }
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        (*state)->totals[i].live_bytes = accounts[i].peak_bytes;
        (*state)->totals[i].live_blocks = accounts[i].peak_blocks;
    }
    if (status == CAIRN_OK) {
        (*state)->state.position = position;
    }
    return status;
}

/* The state of the chunk's events up to `position`. */
static enum cairn_status replayed_state(struct cairn_trace *trace, size_t chunk, uint64_t position,
                                        struct cairn_kept_state **state, struct cairn_error *error)
{
    struct cairn_kept_state *made = NULL;
    enum cairn_status status = start_state(trace, chunk, position, &made, error);
    if (!made) {
        return status;
    }
    status = replay(trace, chunk, made, position, error);
    if (status != CAIRN_OK) {
        cairn_shared_drop(made);
        return status;
    }
    *state = made;
    return CAIRN_OK;
}

/* A state inside a chunk, which becomes the last one. */
static enum cairn_status make_state(struct cairn_trace *trace, size_t chunk, uint64_t position,
                                    struct cairn_kept_state **state, struct cairn_error *error)
{
    size_t count;
    struct cairn_kept_state *made = NULL;
    const enum cairn_status status = cairn_reader_chunks(trace, &count)[chunk].has_data
                                         ? replayed_state(trace, chunk, position, &made, error)
                                         : peak_state(trace, chunk, position, &made, error);
    if (!made) {
        return status;
    }
    keep(trace, made);
    cairn_shared_drop(trace->contents->last_state);
    trace->contents->last_state = share(made);
    *state = made;
    return CAIRN_OK;
}

enum cairn_status cairn_reader_state(struct cairn_trace *trace, uint64_t position,
                                     struct cairn_kept_state **state, struct cairn_error *error)
{
    size_t chunk, count;
    enum cairn_status status = cairn_reader_check_position(trace, position, error);
    if (status == CAIRN_OK) {
        status = cairn_reader_chunk_until(trace, position, &chunk, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    const struct cairn_chunk *chunks = cairn_reader_chunks(trace, &count);
    const bool dropped = chunk < count && !chunks[chunk].has_data &&
                         position != (uint64_t)cairn_trace_recording(trace)->peak_event;
    if (chunk == count || chunks[chunk].first_event == position || dropped) {
        return cairn_reader_border(trace, chunk, state, error);
    }
    struct cairn_kept_state *kept = find_kept(trace, position);
    if (kept) {
        *state = kept;
        return CAIRN_OK;
    }
    return make_state(trace, chunk, position, state, error);
}

enum cairn_status cairn_trace_state(struct cairn_trace *trace, uint64_t position,
                                    const struct cairn_state **state, struct cairn_error *error)
{
    struct cairn_kept_state *kept = NULL;
    enum cairn_status status = cairn_reader_hold(trace, error);
    if (status != CAIRN_OK) {
        return status;
    }
    status = cairn_reader_state(trace, position, &kept, error);
    cairn_reader_unhold(trace);
    if (kept) {
        *state = &kept->state;
    }
    return status;
}

void cairn_state_release(struct cairn_trace *trace, const struct cairn_state *state)
{
    (void)trace;
    if (state) {
        /* The state is a member of what was counted. */
        cairn_shared_drop((char *)(uintptr_t)state - offsetof(struct cairn_kept_state, state));
    }
}
