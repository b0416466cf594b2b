#include "query/growth.h"

#include <stdlib.h>
#include <string.h>

#include "query/columns.h"
#include "query/context.h"
#include "query/growth_points.h"
#include "query/moment_names.h"
#include "query/no_memory.h"
#include "query/question.h"
#include "query/rank.h"
#include "query/site_label.h"
#include "query/sum.h"
#include "trace/weight.h"

#define MIN_POINTS 3u
/* A full cache that breathes has a slope too, but no line, or it ends about where it began. */
#define MIN_FIT       0.1
#define STEP_REST     5 /* of a step, all other rises together are less than this part */
#define MIN_INCREASE  4 /* a poor line must have risen by the first value divided by this */
#define LEAST_RECENCY 0.02
#define SILENT_GAPS                                                                                          \
    3u /* without a rise for so many times the usual gap between rises: it has stopped growing */

/* Sums for a least-squares line through (t, bytes) of one site, point by point; t and bytes are counted from the first
 * point so that squares stay small. */
struct fit {
    double t, tt, y, ty, yy;
    int64_t first_bytes, last_bytes;
    int64_t early_low, late_low; /* the least of the first and of the last third of the points */
    int64_t late_bytes;          /* where the last fifth of the points begins */
    int64_t risen_bytes;         /* of all rises */
    int64_t largest_rise_bytes;
    uint32_t points, grew, shrank;
    uint32_t first_rise, last_rise; /* numbers of points */
};

struct candidate {
    struct cairn_growth_row row;
    size_t site; /* of the map */
    double score;
};

struct work {
    struct cairn_question question;
    struct cairn_series *series; /* borrowed */
    struct fit *fits;
    int64_t *sites; /* live at one point, by site */
    int64_t *cells; /* live at the last point, by cell */
};

/* One point more of `count`. */
static void add_value(struct fit *fit, double t, int64_t bytes, size_t count)
{
    const size_t third = (size_t)fit->points * 3 / count;
    if (fit->points == count * 4 / 5) {
        fit->late_bytes = bytes;
    }
    if (fit->points == 0) {
        fit->first_bytes = bytes;
    } else {
        fit->shrank += bytes < fit->last_bytes;
        if (bytes > fit->last_bytes) {
            fit->first_rise = fit->grew++ ? fit->first_rise : fit->points;
            fit->last_rise = fit->points;
            const int64_t rise = cairn_difference(bytes, fit->last_bytes);
            cairn_add(&fit->risen_bytes, rise);
            fit->largest_rise_bytes = rise > fit->largest_rise_bytes ? rise : fit->largest_rise_bytes;
        }
    }
    if (third == 0 && (fit->points == 0 || bytes < fit->early_low)) {
        fit->early_low = bytes;
    }
    if (third == 2 && bytes < fit->late_low) {
        fit->late_low = bytes;
    }
    const double y = (double)bytes - (double)fit->first_bytes;
    fit->t += t;
    fit->tt += t * t;
    fit->y += y;
    fit->ty += t * y;
    fit->yy += y * y;
    fit->last_bytes = bytes;
    fit->points++;
}

/* Slope and r² of the line (Draper and Smith, Applied Regression Analysis, chapter 1). */
static void solve(const struct fit *fit, double *slope, double *square)
{
    const double n = fit->points;
    const double tt = fit->tt - fit->t * fit->t / n, yy = fit->yy - fit->y * fit->y / n;
    const double ty = fit->ty - fit->t * fit->y / n;
    *slope = tt > 0 ? ty / tt : 0;
    *square = tt > 0 && yy > 0 ? ty * ty / (tt * yy) : 0;
    *square = *square > 1 ? 1 : *square;
}

static enum cairn_status read_point(struct work *work, size_t index, struct cairn_error *error)
{
    const struct cairn_snapshot_site *rows;
    const struct cairn_site_map *map = work->question.map;
    size_t count;
    const enum cairn_status status = cairn_series_rows(work->series, index, &rows, &count, error);
    if (status != CAIRN_OK) {
        return status;
    }
    memset(work->cells, 0, map->cell_count * sizeof(*work->cells));
    memset(work->sites, 0, map->site_count * sizeof(*work->sites));
    for (size_t i = 0; i < count; i++) {
        const size_t account = (size_t)rows[i].account - 1;
        if (account < work->question.count && cairn_question_counts(&work->question, account) &&
            cairn_question_keeps(&work->question, account)) {
            cairn_add(&work->cells[map->cell_of[account]], rows[i].live_bytes);
        }
    }
    for (size_t cell = 0; cell < map->cell_count; cell++) {
        for (size_t k = map->cell_first[cell]; work->cells[cell] && k < map->cell_first[cell + 1]; k++) {
            cairn_add(&work->sites[map->cell_sites[k]], work->cells[cell]);
        }
    }
    const double t =
        (double)cairn_difference(work->series->points[index].t_ns, work->series->points[0].t_ns) / 1e9;
    for (size_t site = 0; site < map->site_count; site++) {
        add_value(&work->fits[site], t, work->sites[site], work->series->count);
    }
    return CAIRN_OK;
}

static enum cairn_status read_points(struct work *work, struct cairn_error *error)
{
    const struct cairn_site_map *map = work->question.map;
    work->fits = calloc(map->site_count + 1, sizeof(*work->fits));
    work->sites = calloc(map->site_count + 1, sizeof(*work->sites));
    work->cells = calloc(map->cell_count + 1, sizeof(*work->cells));
    enum cairn_status status =
        work->fits && work->sites && work->cells ? CAIRN_OK : cairn_no_memory(error, "growth");
    for (size_t site = 0; status == CAIRN_OK && site < map->site_count; site++) {
        work->fits[site].late_low = INT64_MAX;
    }
    for (size_t i = 0; status == CAIRN_OK && i < work->series->count; i++) {
        status = read_point(work, i, error);
    }
    return status;
}

/* A saw-tooth ends as high as it falls deep: of its rises little is left, and the least it holds stays the same. */
static bool is_higher(const struct fit *fit)
{
    const int64_t left = cairn_difference(fit->last_bytes, fit->first_bytes);
    return left > 0 && (fit->late_low > fit->early_low || left >= fit->risen_bytes / 2);
}

/* A cache that has filled up has been silent for longer than it used to be between two rises. */
static bool has_stopped(const struct fit *fit)
{
    const double gap = (double)(fit->last_rise - fit->first_rise) / (fit->grew - 1);
    return fit->points - 1 - fit->last_rise > SILENT_GAPS * (gap > 1 ? gap : 1);
}

/* One rise makes up nearly all of it: a table that was made larger, once. */
static bool is_step(const struct fit *fit)
{
    const int64_t left = cairn_difference(fit->last_bytes, fit->first_bytes);
    return fit->largest_rise_bytes >= left - left / STEP_REST;
}

static bool is_line(const struct fit *fit, double square)
{
    return square >= CAIRN_GROWTH_GOOD_FIT ||
           (square >= MIN_FIT &&
            cairn_difference(fit->last_bytes, fit->first_bytes) >= fit->first_bytes / MIN_INCREASE);
}

static bool keeps_growing(const struct fit *fit, double slope, double square)
{
    return fit->points >= MIN_POINTS && slope > 0 && is_line(fit, square) && !is_step(fit) &&
           fit->grew >= 2 && is_higher(fit) && !has_stopped(fit);
}

static bool grows_for_good(const struct fit *fit)
{
    double slope, square;
    solve(fit, &slope, &square);
    return keeps_growing(fit, slope, square);
}

/* How much of its growth is of late, against what a steady climb would show; never nothing, for slow leaks rise rarely. */
static double recency_of(const struct fit *fit)
{
    const double whole = (double)fit->last_bytes - (double)fit->first_bytes;
    const double recent = ((double)fit->last_bytes - (double)fit->late_bytes) / (whole / 5);
    return recent > 1 ? 1 : recent < LEAST_RECENCY ? LEAST_RECENCY : recent;
}

/* A steady climb beats one by fits and starts of the same height by its fit, one with falls by having none to make up for,
 * and what the start-up built by still going on. */
static double score_of(const struct fit *fit, double slope, double square)
{
    return slope * square * recency_of(fit) * fit->grew / (fit->grew + fit->shrank);
}

static size_t gather(const struct work *work, struct candidate *candidates)
{
    const struct cairn_site_map *map = work->question.map;
    size_t count = 0;
    for (size_t site = 0; site < map->site_count; site++) {
        const struct fit *fit = &work->fits[site];
        double slope, square;
        solve(fit, &slope, &square);
        if (keeps_growing(fit, slope, square)) {
            candidates[count++] = (struct candidate){
                .site = site,
                .row = {.site = map->sites[site],
                        .first_bytes = fit->first_bytes,
                        .last_bytes = fit->last_bytes,
                        .error_bytes = CAIRN_UNKNOWN,
                        .slope_bytes_per_s = slope,
                        .fit = square,
                        .grew = fit->grew,
                        .of = fit->points - 1},
                .score = score_of(fit, slope, square),
            };
        }
    }
    return count;
}

/* What an account's growth from the first point to the last one is off by: its variance, and that of the whole where the events
 * that tell which blocks both hold were dropped. */
static enum cairn_status read_variances(const struct work *work, int64_t **variances,
                                        struct cairn_error *error)
{
    struct cairn_trace *trace = work->question.trace;
    const struct cairn_series *series = work->series;
    const uint64_t positions[] = {series->points[0].position, series->points[series->count - 1].position};
    const struct cairn_state *first = NULL, *last = NULL;
    struct cairn_totals *survived = NULL;
    size_t count;
    int64_t *made = calloc(work->question.count + 1, sizeof(*made));
    enum cairn_status status = made ? CAIRN_OK : cairn_no_memory(error, "growth");
    if (status == CAIRN_OK) {
        status = cairn_trace_survived(trace, positions[0], positions[1], &survived, &count, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_trace_state(trace, positions[0], &first, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_trace_state(trace, positions[1], &last, error);
    }
    for (size_t i = 0; status == CAIRN_OK && i < work->question.count; i++) {
        const int64_t a = cairn_state_totals(first, i).live_variance,
                      b = cairn_state_totals(last, i).live_variance;
        made[i] = cairn_change_variance(a, b, survived && i < count ? survived[i].live_variance : b);
    }
    free(survived);
    if (first) {
        cairn_state_release(trace, first);
    }
    if (last) {
        cairn_state_release(trace, last);
    }
    if (status != CAIRN_OK) {
        free(made);
        return status;
    }
    *variances = made;
    return CAIRN_OK;
}

/* row.error_bytes of all candidates. */
static enum cairn_status find_errors(const struct work *work, struct candidate *candidates, size_t count,
                                     struct cairn_error *error)
{
    const struct cairn_site_map *map = work->question.map;
    const struct cairn_recording *recording = cairn_trace_recording(work->question.trace);
    int64_t *variances = NULL;
    if (recording->sample_bytes <= 0 || count == 0) {
        return CAIRN_OK;
    }
    enum cairn_status status = read_variances(work, &variances, error);
    memset(work->sites, 0, map->site_count * sizeof(*work->sites));
    for (size_t i = 0; status == CAIRN_OK && i < work->question.count; i++) {
        const uint32_t cell = map->cell_of[i];
        if (cairn_question_counts(&work->question, i) && cairn_question_keeps(&work->question, i)) {
            for (size_t k = map->cell_first[cell]; k < map->cell_first[cell + 1]; k++) {
                cairn_add(&work->sites[map->cell_sites[k]], variances[i]);
            }
        }
    }
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        candidates[i].row.error_bytes = cairn_error_bytes(recording, work->sites[candidates[i].site]);
    }
    free(variances);
    return status;
}

/* The heaviest stack of each row at the last point, into row.stack. */
static enum cairn_status find_stacks(const struct work *work, struct candidate *candidates, size_t count,
                                     struct cairn_error *error)
{
    const struct cairn_site_map *map = work->question.map;
    uint32_t *best = calloc(map->site_count + 1, sizeof(*best)); /* cell + 1 */
    if (!best) {
        return cairn_no_memory(error, "growth");
    }
    for (size_t cell = 0; cell < map->cell_count; cell++) {
        for (size_t k = map->cell_first[cell]; work->cells[cell] > 0 && k < map->cell_first[cell + 1]; k++) {
            uint32_t *its = &best[map->cell_sites[k]];
            if (*its == 0 || work->cells[cell] > work->cells[*its - 1]) {
                *its = (uint32_t)cell + 1;
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        const uint32_t cell = best[candidates[i].site];
        candidates[i].row.stack = cell ? map->cell_stack[cell - 1] : 0;
    }
    free(best);
    return CAIRN_OK;
}

static double sort_value(const struct cairn_selection *selection, const struct candidate *candidate)
{
    switch (selection->sort) {
    case CAIRN_SORT_NAME:
        return 0;
    case CAIRN_SORT_LIVE_BYTES:
    case CAIRN_SORT_B_BYTES:
        return (double)candidate->row.last_bytes;
    case CAIRN_SORT_A_BYTES:
        return (double)candidate->row.first_bytes;
    case CAIRN_SORT_DELTA_BYTES:
        return (double)candidate->row.last_bytes - (double)candidate->row.first_bytes;
    default:
        return candidate->score;
    }
}

static int compare(const void *left, const void *right, void *state)
{
    const struct cairn_selection *selection = state;
    const struct candidate *a = left, *b = right;
    const double value_a = sort_value(selection, a), value_b = sort_value(selection, b);
    if (value_a < value_b || value_a > value_b) {
        return (value_a < value_b) == !selection->reverse ? 1 : -1;
    }
    const int by_name = cairn_site_compare(&a->row.site, &b->row.site);
    return selection->sort == CAIRN_SORT_NAME && selection->reverse ? -by_name : by_name;
}

static enum cairn_status fill_rows(const struct work *work, const struct cairn_selection *selection,
                                   struct cairn_growth *growth, struct cairn_error *error)
{
    struct candidate *candidates = calloc(work->question.map->site_count + 1, sizeof(*candidates));
    if (!candidates) {
        return cairn_no_memory(error, "growth");
    }
    growth->rows_total = gather(work, candidates);
    enum cairn_status status = find_stacks(work, candidates, growth->rows_total, error);
    if (status == CAIRN_OK) {
        status = find_errors(work, candidates, growth->rows_total, error);
    }
    if (status == CAIRN_OK) {
        struct cairn_selection order = *selection;
        qsort_r(candidates, growth->rows_total, sizeof(*candidates), compare, &order);
        size_t first;
        growth->row_count = cairn_rank_slice(selection, growth->rows_total, &first);
        growth->rows = cairn_arena_alloc(&growth->arena, (growth->row_count + 1) * sizeof(*growth->rows));
        status = growth->rows ? CAIRN_OK : cairn_no_memory(error, "growth");
        for (size_t i = 0; status == CAIRN_OK && i < growth->row_count; i++) {
            growth->rows[i] = candidates[first + i].row;
        }
    }
    free(candidates);
    return status;
}

/* What an interpreter gives back while it takes itself down says nothing about growth: a span up to the end of the recording
 * ends at the exit moment. */
static enum cairn_status end_at_exit(struct cairn_trace *trace, const struct cairn_selection *selection,
                                     struct cairn_span *span, struct cairn_error *error)
{
    const struct cairn_snapshot *snapshots;
    size_t count;
    struct cairn_moment end;
    uint32_t process = selection->process;
    enum cairn_status status = cairn_trace_snapshots(trace, &snapshots, &count, error);
    if (status == CAIRN_OK && process == 0) {
        status = cairn_moment_main_process(trace, &process, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_moment_parse(trace, "end", NULL, 0, &end, error);
    }
    if (status != CAIRN_OK || span->to.position < end.position) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(snapshots[i].kind, "exit") == 0 && snapshots[i].process == process &&
            snapshots[i].event > span->from.position && snapshots[i].event <= end.position) {
            span->to = (struct cairn_moment){
                .position = snapshots[i].event, .t_ns = snapshots[i].t_ns, .label = "@exit"};
        }
    }
    return CAIRN_OK;
}

/* Opens the question and reads what every site held at the points of the span, which may end earlier then. */
static enum cairn_status read_span(struct work *work, struct cairn_trace *trace,
                                   const struct cairn_selection *selection, struct cairn_span *span,
                                   struct cairn_error *error)
{
    enum cairn_status status = cairn_question_open(&work->question, trace, selection, error);
    if (status == CAIRN_OK) {
        status = end_at_exit(trace, selection, span, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_context_growth(trace, span, selection->memory, &work->series, error);
    }
    return status == CAIRN_OK ? read_points(work, error) : status;
}

static void release(struct work *work)
{
    free(work->fits);
    free(work->sites);
    free(work->cells);
    cairn_question_release(&work->question);
}

enum cairn_status cairn_growth(struct cairn_trace *trace, const struct cairn_selection *selection,
                               const struct cairn_span *span, struct cairn_growth *growth,
                               struct cairn_error *error)
{
    struct work work = {.series = NULL};
    struct cairn_growth made = {.span = *span, .arena = CAIRN_ARENA_INIT};
    enum cairn_status status = read_span(&work, trace, selection, &made.span, error);
    if (status == CAIRN_OK) {
        const struct cairn_series *series = work.series;
        made.moments_left_out = series->left_out;
        made.first_ns = series->count ? series->points[0].t_ns : CAIRN_UNKNOWN;
        made.last_ns = series->count ? series->points[series->count - 1].t_ns : CAIRN_UNKNOWN;
        status = fill_rows(&work, selection, &made, error);
    }
    release(&work);
    if (status != CAIRN_OK) {
        cairn_growth_release(&made);
        return status;
    }
    *growth = made;
    return CAIRN_OK;
}

enum cairn_status cairn_growth_of_site(struct cairn_trace *trace, const struct cairn_selection *selection,
                                       int64_t site_id, uint32_t *grew, uint32_t *of,
                                       struct cairn_error *error)
{
    struct work work = {.series = NULL};
    struct cairn_selection itself = *selection;
    struct cairn_span span;
    itself.cumulative = false;
    enum cairn_status status = cairn_span_parse(trace, NULL, NULL, 0, &span, error);
    if (status == CAIRN_OK) {
        status = read_span(&work, trace, &itself, &span, error);
    }
    if (status == CAIRN_OK) {
        const size_t site = cairn_site_map_find(work.question.map, site_id);
        const struct fit *fit = site == SIZE_MAX ? NULL : &work.fits[site];
        const bool grows = fit && grows_for_good(fit);
        *grew = grows ? fit->grew : 0;
        *of = grows ? fit->points - 1 : 0;
    }
    release(&work);
    return status;
}

enum cairn_status cairn_growth_moments(struct cairn_trace *trace, uint64_t **positions, size_t *count,
                                       struct cairn_error *error)
{
    const struct cairn_selection everything = {.process = 0};
    struct cairn_span span;
    enum cairn_status status = cairn_span_parse(trace, NULL, NULL, 0, &span, error);
    if (status == CAIRN_OK) {
        status = end_at_exit(trace, &everything, &span, error);
    }
    return status == CAIRN_OK ? cairn_growth_positions(trace, &span, positions, count, error) : status;
}

void cairn_growth_release(struct cairn_growth *growth)
{
    cairn_arena_release(&growth->arena);
    *growth = (struct cairn_growth){.rows = NULL};
}
