#include "query/diff_sides.h"

#include <math.h>
#include <stdlib.h>

#include "query/columns.h"
#include "query/context.h"
#include "query/no_memory.h"
#include "query/sum.h"
#include "trace/weight.h"

/* What fills one side: states and, on side B of one trace, survivors. */
struct source {
    const struct cairn_state *state;
    const struct cairn_state *earlier; /* of A, for what was allocated since; NULL: not asked */
    const struct cairn_totals *survived;
    const struct cairn_totals
        *since; /* of the later moment: what was born between them and lives; NULL: not known */
    size_t survived_count;
};

void cairn_diff_counts_add(struct cairn_diff_counts *counts, int side, const struct cairn_holding *holding)
{
    cairn_add(&counts->variances[side], holding->variance);
    if (side == CAIRN_SIDE_A) {
        cairn_add(&counts->a_bytes, holding->bytes);
        cairn_add(&counts->a_blocks, holding->blocks);
        return;
    }
    cairn_add(&counts->b_bytes, holding->bytes);
    cairn_add(&counts->b_blocks, holding->blocks);
    cairn_add(&counts->survived_bytes, holding->survived_bytes);
    cairn_add(&counts->survived_blocks, holding->survived_blocks);
}

static bool tells_no_events(const struct cairn_trace *trace)
{
    return cairn_trace_recording(trace)->untold & CAIRN_UNTOLD_EVENTS;
}

/* Sides of two traces are independent; those of one trace are parts of the same sum. */
static int64_t error_of(const struct cairn_diff_counts *counts, const struct cairn_diff_sides *sides)
{
    int64_t every[CAIRN_SIDES];
    double squares = 0;
    for (int side = 0; side < CAIRN_SIDES; side++) {
        every[side] = cairn_trace_recording(sides->questions[side].trace)->sample_bytes;
        const double error = (double)cairn_standard_error(every[side], counts->variances[side]);
        squares += every[side] > 0 ? error * error : 0;
    }
    if (every[CAIRN_SIDE_A] <= 0 && every[CAIRN_SIDE_B] <= 0) {
        return CAIRN_UNKNOWN;
    }
    int64_t variance = counts->variances[CAIRN_SIDE_A];
    cairn_add(&variance, counts->variances[CAIRN_SIDE_B]);
    return sides->join.one_trace ? cairn_standard_error(every[CAIRN_SIDE_B], variance)
                                 : (int64_t)sqrt(squares);
}

void cairn_diff_counts_finish(struct cairn_diff_counts *counts, const struct cairn_diff_sides *sides)
{
    counts->delta_bytes = cairn_difference(counts->b_bytes, counts->a_bytes);
    counts->delta_blocks = cairn_difference(counts->b_blocks, counts->a_blocks);
    const bool untold[CAIRN_SIDES] = {
        [CAIRN_SIDE_A] = tells_no_events(sides->questions[CAIRN_SIDE_A].trace),
        [CAIRN_SIDE_B] = tells_no_events(sides->questions[CAIRN_SIDE_B].trace),
    };
    counts->error_bytes = error_of(counts, sides);
    if (!sides->join.one_trace || untold[CAIRN_SIDE_B] || sides->survivors_dropped) {
        counts->survived_bytes = counts->survived_blocks = CAIRN_UNKNOWN;
    }
    if (untold[CAIRN_SIDE_A]) {
        counts->a_blocks = counts->delta_blocks = CAIRN_UNKNOWN;
    }
    if (untold[CAIRN_SIDE_B]) {
        counts->b_blocks = counts->delta_blocks = CAIRN_UNKNOWN;
    }
}

static void add_holding(struct cairn_holding *sum, const struct cairn_holding *other)
{
    cairn_add(&sum->bytes, other->bytes);
    cairn_add(&sum->blocks, other->blocks);
    cairn_add(&sum->survived_bytes, other->survived_bytes);
    cairn_add(&sum->survived_blocks, other->survived_blocks);
    cairn_add(&sum->allocated_bytes, other->allocated_bytes);
    cairn_add(&sum->variance, other->variance);
}

static struct cairn_holding holding_of(const struct source *source, size_t i)
{
    const struct cairn_totals totals = cairn_state_totals(source->state, i);
    struct cairn_holding holding = {
        .bytes = totals.live_bytes, .blocks = totals.live_blocks, .variance = totals.live_variance};
    if (source->since && i < source->survived_count) {
        /* The earlier side brings its own variance. */
        holding.variance = cairn_change_variance(0, totals.live_variance, source->since[i].live_variance);
    }
    if (source->survived && i < source->survived_count) {
        holding.survived_bytes = source->survived[i].live_bytes;
        holding.survived_blocks = source->survived[i].live_blocks;
    }
    if (source->earlier) {
        holding.allocated_bytes =
            cairn_difference(totals.allocated_bytes, cairn_state_totals(source->earlier, i).allocated_bytes);
    }
    return holding;
}

/* Rows' deltas before the row filters are only needed for the sum of their sizes. */
static enum cairn_status sum_side(struct cairn_diff_sides *sides, int side, const struct source *source,
                                  int64_t *row_deltas, struct cairn_error *error)
{
    const struct cairn_question *question = &sides->questions[side];
    const struct cairn_site_map *map = question->map;
    sides->cells[side] = calloc(map->cell_count + 1, sizeof(*sides->cells[side]));
    if (!sides->cells[side]) {
        return cairn_no_memory(error, "the diff");
    }
    for (size_t i = 0; i < question->count; i++) {
        if (!cairn_question_counts(question, i)) {
            continue;
        }
        const struct cairn_holding holding = holding_of(source, i);
        const uint32_t cell = map->cell_of[i];
        const int64_t change = side == CAIRN_SIDE_B ? holding.bytes : cairn_difference(0, holding.bytes);
        cairn_diff_counts_add(&sides->total, side, &holding);
        for (size_t k = map->cell_first[cell]; k < map->cell_first[cell + 1]; k++) {
            cairn_add(&row_deltas[cairn_diff_join_row(&sides->join, side, map->cell_sites[k])], change);
        }
        if (cairn_question_keeps(question, i)) {
            add_holding(&sides->cells[side][cell], &holding);
            cairn_add(&sides->pair_deltas[cairn_diff_join_pair(&sides->join, side, cell)], change);
        }
    }
    return CAIRN_OK;
}

static enum cairn_status sum_sides(struct cairn_diff_sides *sides, const struct source *sources,
                                   struct cairn_error *error)
{
    int64_t *row_deltas = calloc(sides->join.row_count + 1, sizeof(*row_deltas));
    sides->pair_deltas = calloc(sides->join.pair_count + 1, sizeof(*sides->pair_deltas));
    enum cairn_status status =
        row_deltas && sides->pair_deltas ? CAIRN_OK : cairn_no_memory(error, "the diff");
    for (int side = 0; status == CAIRN_OK && side < CAIRN_SIDES; side++) {
        status = sum_side(sides, side, &sources[side], row_deltas, error);
    }
    for (size_t row = 0; status == CAIRN_OK && row < sides->join.row_count; row++) {
        cairn_add(&sides->change_bytes, cairn_magnitude(row_deltas[row]));
    }
    cairn_diff_counts_finish(&sides->total, sides);
    free(row_deltas);
    return status;
}

static enum cairn_status open_questions(struct cairn_diff_sides *sides, struct cairn_trace *trace_a,
                                        struct cairn_trace *trace_b, const struct cairn_selection *selection,
                                        struct cairn_error *error)
{
    enum cairn_status status =
        cairn_question_open(&sides->questions[CAIRN_SIDE_A], trace_a, selection, error);
    if (status == CAIRN_OK) {
        status = cairn_question_open(&sides->questions[CAIRN_SIDE_B], trace_b, selection, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_diff_join_init(&sides->join, trace_a, sides->questions[CAIRN_SIDE_A].map, trace_b,
                                      sides->questions[CAIRN_SIDE_B].map, error);
    }
    return status;
}

enum cairn_status cairn_diff_sides_open(struct cairn_diff_sides *sides, struct cairn_trace *trace_a,
                                        const struct cairn_moment *a, struct cairn_trace *trace_b,
                                        const struct cairn_moment *b, const struct cairn_selection *selection,
                                        struct cairn_error *error)
{
    *sides = (struct cairn_diff_sides){.change_bytes = 0};
    struct source sources[CAIRN_SIDES] = {{.state = NULL}};
    struct cairn_totals *survived = NULL;
    size_t survived_count = 0;
    enum cairn_status status = open_questions(sides, trace_a, trace_b, selection, error);
    if (status == CAIRN_OK) {
        status = cairn_trace_state(trace_a, a->position, &sources[CAIRN_SIDE_A].state, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_trace_state(trace_b, b->position, &sources[CAIRN_SIDE_B].state, error);
    }
    const bool forward = a->position < b->position;
    if (status == CAIRN_OK && sides->join.one_trace) {
        struct source *later = &sources[forward ? CAIRN_SIDE_B : CAIRN_SIDE_A];
        status = cairn_trace_survived(trace_a, forward ? a->position : b->position,
                                      forward ? b->position : a->position, &survived, &survived_count, error);
        sides->survivors_dropped = forward && !survived;
        later->since = survived;
        later->survived_count = survived_count;
    }
    /* Nothing born after A is alive at a B before it. */
    if (status == CAIRN_OK && sides->join.one_trace && forward) {
        sources[CAIRN_SIDE_B].survived = survived;
        sources[CAIRN_SIDE_B].earlier = sources[CAIRN_SIDE_A].state;
    }
    if (status == CAIRN_OK) {
        status = sum_sides(sides, sources, error);
    }
    free(survived);
    if (sources[CAIRN_SIDE_A].state) {
        cairn_state_release(trace_a, sources[CAIRN_SIDE_A].state);
    }
    if (sources[CAIRN_SIDE_B].state) {
        cairn_state_release(trace_b, sources[CAIRN_SIDE_B].state);
    }
    return status;
}

void cairn_diff_sides_release(struct cairn_diff_sides *sides)
{
    for (int side = 0; side < CAIRN_SIDES; side++) {
        cairn_question_release(&sides->questions[side]);
        free(sides->cells[side]);
        sides->cells[side] = NULL;
    }
    free(sides->pair_deltas);
    sides->pair_deltas = NULL;
    cairn_diff_join_release(&sides->join);
}
