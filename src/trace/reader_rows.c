#include <stdlib.h>
#include <string.h>

#include "trace/reader.h"
#include "trace/untold.h"

#define FIRST_ROWS 256u
#define LEVELS_MAX 64u

/* Rows of one answer, handed to the caller. */
struct answer {
    void *rows;
    size_t count, capacity, row_size;
};

/* Room for one row more, zeroed; NULL (and the cursor failed) when memory ran out. */
static void *add_row(struct answer *answer, struct cairn_cursor *cursor)
{
    if (answer->count == answer->capacity) {
        const size_t larger = answer->capacity ? answer->capacity * 2 : FIRST_ROWS;
        void *rows =
            larger <= SIZE_MAX / answer->row_size ? realloc(answer->rows, larger * answer->row_size) : NULL;
        if (!rows) {
            cursor->status = cairn_reader_no_memory(cursor->trace, cursor->error);
            return NULL;
        }
        answer->rows = rows;
        answer->capacity = larger;
    }
    return memset((char *)answer->rows + answer->count++ * answer->row_size, 0, answer->row_size);
}

/* The rows become the caller's, or nobody's. */
static enum cairn_status hand_over(struct answer *answer, enum cairn_status status, void **rows,
                                   size_t *count)
{
    if (status != CAIRN_OK) {
        free(answer->rows);
        return status;
    }
    *rows = answer->rows;
    *count = answer->count;
    return CAIRN_OK;
}

enum cairn_status cairn_trace_has_sites(struct cairn_trace *trace, const struct cairn_snapshot *snapshot,
                                        bool *has, struct cairn_error *error)
{
    *has = snapshot->blocks == 0 || cairn_trace_is_exact(trace, snapshot->event, snapshot->t_ns);
    if (*has) {
        return CAIRN_OK;
    }
    struct cairn_cursor cursor;
    cairn_cursor_open(&cursor, trace, NULL, "snapshots' sites",
                      "SELECT account FROM snapshot_site WHERE snapshot = ?1 LIMIT 1", error);
    cairn_cursor_bind(&cursor, 1, snapshot->snapshot);
    *has = cairn_cursor_next(&cursor);
    return cairn_cursor_close(&cursor);
}

/* Sites as the snapshot's rows have them; none when it has no rows. */
static enum cairn_status read_sites(struct cairn_trace *trace, uint32_t snapshot, size_t account_count,
                                    struct answer *answer, struct cairn_error *error)
{
    struct cairn_cursor cursor;
    uint32_t last = 0;
    cairn_cursor_open(
        &cursor, trace, NULL, "snapshots' sites",
        "SELECT account, live_bytes, live_blocks FROM snapshot_site WHERE snapshot = ?1 ORDER BY account",
        error);
    cairn_cursor_bind(&cursor, 1, snapshot);
    while (cairn_cursor_next(&cursor)) {
        struct cairn_snapshot_site *site = add_row(answer, &cursor);
        if (!site) {
            break;
        }
        site->account = cairn_cursor_number(&cursor, 0);
        site->live_bytes = cairn_cursor_int(&cursor, 1);
        site->live_blocks = cairn_cursor_int(&cursor, 2);
        if (site->account <= last || site->account > account_count) {
            cairn_cursor_damaged(&cursor);
        }
        last = site->account;
    }
    return cairn_cursor_close(&cursor);
}

/* The same from the state at that moment. */
static enum cairn_status take_sites(struct cairn_trace *trace, const struct cairn_snapshot *snapshot,
                                    struct answer *answer, struct cairn_error *error)
{
    const struct cairn_state *state;
    const enum cairn_status status = cairn_trace_state(trace, snapshot->event, &state, error);
    if (status != CAIRN_OK) {
        return status;
    }
    struct cairn_snapshot_site *sites = calloc(state->count + 1, sizeof(*sites));
    for (size_t i = 0; sites && i < state->count; i++) {
        const struct cairn_totals *totals = &state->totals[i];
        if ((totals->live_bytes | totals->live_blocks) != 0) {
            sites[answer->count++] = (struct cairn_snapshot_site){
                .account = (uint32_t)i + 1,
                .live_bytes = totals->live_bytes,
                .live_blocks = totals->live_blocks,
            };
        }
    }
    answer->rows = sites;
    cairn_state_release(trace, state);
    return sites ? CAIRN_OK : cairn_reader_no_memory(trace, error);
}

enum cairn_status cairn_trace_snapshot_sites(struct cairn_trace *trace, uint32_t snapshot,
                                             struct cairn_snapshot_site **rows, size_t *count,
                                             struct cairn_error *error)
{
    struct answer answer = {.row_size = sizeof(struct cairn_snapshot_site)};
    const struct cairn_account *accounts;
    const struct cairn_table *snapshots;
    size_t account_count;
    void *handed = NULL;
    enum cairn_status status = cairn_trace_accounts(trace, &accounts, &account_count, error);
    if (status == CAIRN_OK) {
        status = cairn_reader_table(trace, CAIRN_TABLE_SNAPSHOT, &snapshots, error);
    }
    if (status == CAIRN_OK) {
        status = read_sites(trace, snapshot, account_count, &answer, error);
    }
    const struct cairn_snapshot *found =
        status == CAIRN_OK ? cairn_reader_find(trace, CAIRN_TABLE_SNAPSHOT, snapshot) : NULL;
    if (found && answer.count == 0 && cairn_trace_is_exact(trace, found->event, found->t_ns)) {
        status = take_sites(trace, found, &answer, error);
    }
    status = hand_over(&answer, status, &handed, count);
    if (status == CAIRN_OK) {
        *rows = handed;
    }
    return status;
}

/* A copy of rows [first, last) of a table. */
static enum cairn_status copy_rows(struct cairn_trace *trace, const struct cairn_table *table,
                                   size_t row_size, size_t first, size_t last, void **rows, size_t *count,
                                   struct cairn_error *error)
{
    void *copy = malloc((last - first) * row_size + 1);
    if (!copy) {
        return cairn_reader_no_memory(trace, error);
    }
    if (last > first) {
        memcpy(copy, (const char *)table->rows + first * row_size, (last - first) * row_size);
    }
    *rows = copy;
    *count = last - first;
    return CAIRN_OK;
}

static uint64_t distance(int64_t a, int64_t b)
{
    return a < b ? (uint64_t)b - (uint64_t)a : (uint64_t)a - (uint64_t)b;
}

enum cairn_status cairn_trace_residency(struct cairn_trace *trace, int64_t t_ns,
                                        struct cairn_residency **rows, size_t *count,
                                        struct cairn_error *error)
{
    const struct cairn_table *table;
    enum cairn_status status = cairn_reader_table(trace, CAIRN_TABLE_RESIDENCY, &table, error);
    if (status != CAIRN_OK) {
        return status;
    }
    const struct cairn_residency *all = table->rows;
    size_t first = 0, last = 0;
    for (size_t i = 0; i < table->count; i++) {
        if (i == 0 || (all[i].t_ns != all[first].t_ns &&
                       distance(all[i].t_ns, t_ns) < distance(all[first].t_ns, t_ns))) {
            first = i;
        }
        last = all[i].t_ns == all[first].t_ns ? i + 1 : last;
    }
    void *copy = NULL;
    status = copy_rows(trace, table, sizeof(*all), first, last, &copy, count, error);
    if (status == CAIRN_OK) {
        *rows = copy;
    }
    return status;
}

/* One level of the timeline within a span. */
struct level {
    uint32_t number;
    uint64_t points;
    int64_t first_ns; /* of the whole level */
};

static size_t read_levels(struct cairn_cursor *cursor, int64_t from_ns, int64_t to_ns,
                          struct level levels[LEVELS_MAX])
{
    size_t count = 0;
    cairn_cursor_bind(cursor, 1, from_ns);
    cairn_cursor_bind(cursor, 2, to_ns);
    for (; count < LEVELS_MAX; count++) {
        cairn_cursor_bind(cursor, 3, (int64_t)count);
        if (!cairn_cursor_next(cursor) || cairn_cursor_optional(cursor, 1) == CAIRN_UNKNOWN) {
            break;
        }
        levels[count] = (struct level){
            .number = (uint32_t)count,
            .points = cairn_cursor_natural(cursor, 0),
            .first_ns = cairn_cursor_int(cursor, 1),
        };
        cairn_cursor_rewind(cursor);
    }
    return count;
}

/* The coarsest level that has enough points and reaches back as far as the span does; else the one with most points among
 * those that reach back. A point stands for the interval that it ends, so a level that begins before the coarsest one's
 * first point has lost nothing. */
static uint32_t choose_level(const struct level *levels, size_t count, int64_t from_ns, size_t wanted)
{
    const struct level *best = NULL;
    for (size_t i = count; i > 0; i--) {
        const struct level *level = &levels[i - 1];
        const int64_t reach_ns = from_ns > levels[count - 1].first_ns ? from_ns : levels[count - 1].first_ns;
        if (level->first_ns > reach_ns) {
            continue;
        }
        if (!best || level->points > best->points) {
            best = level;
        }
        if (best->points >= wanted) {
            break;
        }
    }
    return best ? best->number : 0;
}

static enum cairn_status find_level(struct cairn_trace *trace, int64_t from_ns, int64_t to_ns, size_t wanted,
                                    uint32_t *number, struct cairn_error *error)
{
    struct level levels[LEVELS_MAX];
    struct cairn_cursor cursor;
    cairn_cursor_open(
        &cursor, trace, NULL, "the timeline",
        "SELECT (SELECT count(*) FROM timeline WHERE level = ?3 AND t_ns >= ?1 AND t_ns <= ?2), "
        "(SELECT min(t_ns) FROM timeline WHERE level = ?3)",
        error);
    const size_t count = read_levels(&cursor, from_ns, to_ns, levels);
    *number = count ? choose_level(levels, count, from_ns, wanted) : 0;
    return cairn_cursor_close(&cursor);
}

enum cairn_status cairn_trace_timeline(struct cairn_trace *trace, int64_t from_ns, int64_t to_ns,
                                       size_t wanted, struct cairn_timeline_point **points, size_t *count,
                                       struct cairn_error *error)
{
    struct answer answer = {.row_size = sizeof(struct cairn_timeline_point)};
    uint32_t level;
    enum cairn_status status = find_level(trace, from_ns, to_ns, wanted, &level, error);
    if (status != CAIRN_OK) {
        return status;
    }
    struct cairn_cursor cursor;
    cairn_cursor_open(
        &cursor, trace, NULL, "the timeline",
        "SELECT t_ns, heap_bytes, heap_blocks, heap_max_bytes, mapped_bytes, allocations, frees, "
        "rss_bytes, rss_anonymous_bytes, rss_file_bytes, rss_shared_bytes FROM timeline "
        "WHERE level = ?3 AND t_ns >= ?1 AND t_ns <= ?2 ORDER BY t_ns",
        error);
    cairn_cursor_bind(&cursor, 1, from_ns);
    cairn_cursor_bind(&cursor, 2, to_ns);
    cairn_cursor_bind(&cursor, 3, level);
    int64_t last_ns = INT64_MIN;
    while (cairn_cursor_next(&cursor)) {
        struct cairn_timeline_point *point = add_row(&answer, &cursor);
        if (!point) {
            break;
        }
        *point = (struct cairn_timeline_point){
            .t_ns = cairn_cursor_int(&cursor, 0),
            .heap_bytes = cairn_cursor_int(&cursor, 1),
            .heap_blocks = cairn_cursor_int(&cursor, 2),
            .heap_max_bytes = cairn_cursor_int(&cursor, 3),
            .mapped_bytes = cairn_cursor_int(&cursor, 4),
            .allocations = cairn_cursor_int(&cursor, 5),
            .frees = cairn_cursor_int(&cursor, 6),
            .rss_bytes = cairn_cursor_optional(&cursor, 7),
            .rss_anonymous_bytes = cairn_cursor_optional(&cursor, 8),
            .rss_file_bytes = cairn_cursor_optional(&cursor, 9),
            .rss_shared_bytes = cairn_cursor_optional(&cursor, 10),
        };
        cairn_untold_point(cairn_trace_recording(trace)->untold, point);
        if (answer.count > 1 && point->t_ns <= last_ns) {
            cairn_cursor_damaged(&cursor);
        }
        last_ns = point->t_ns;
    }
    void *handed = NULL;
    status = hand_over(&answer, cairn_cursor_close(&cursor), &handed, count);
    if (status == CAIRN_OK) {
        *points = handed;
    }
    return status;
}

/* The first of the lines that is not before (file, line). */
static size_t source_index(const struct cairn_table *table, uint32_t file, int64_t line)
{
    const struct cairn_source_line *rows = table->rows;
    size_t low = 0, high = table->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (rows[middle].file < file || (rows[middle].file == file && rows[middle].line < line)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

enum cairn_status cairn_trace_source(struct cairn_trace *trace, uint32_t file, int64_t first_line,
                                     int64_t last_line, struct cairn_source_line **rows, size_t *count,
                                     struct cairn_error *error)
{
    const struct cairn_table *table;
    enum cairn_status status = cairn_reader_table(trace, CAIRN_TABLE_SOURCE, &table, error);
    if (status != CAIRN_OK) {
        return status;
    }
    const struct cairn_source_line *all = table->rows;
    const size_t first = source_index(table, file, first_line);
    size_t last = first;
    while (last < table->count && all[last].file == file && all[last].line <= last_line) {
        last++;
    }
    void *copy = NULL;
    status = copy_rows(trace, table, sizeof(*all), first, last, &copy, count, error);
    if (status == CAIRN_OK) {
        *rows = copy;
    }
    return status;
}

enum cairn_status cairn_trace_histogram(struct cairn_trace *trace, uint32_t account,
                                        struct cairn_histogram_cell *cells, size_t capacity, size_t *count,
                                        struct cairn_error *error)
{
    struct cairn_cursor cursor;
    size_t found = 0;
    cairn_cursor_open(&cursor, trace, NULL, "histograms", "SELECT histogram FROM account WHERE account = ?1",
                      error);
    cairn_cursor_bind(&cursor, 1, account);
    if (cairn_cursor_next(&cursor)) {
        size_t size;
        const void *blob = cairn_cursor_blob(&cursor, 0, &size);
        if (blob && cursor.status == CAIRN_OK) {
            cursor.status = cairn_histogram_decode(blob, size, cells, capacity, &found, error);
        }
    }
    const enum cairn_status status = cairn_cursor_close(&cursor);
    if (status == CAIRN_OK) {
        *count = found;
    }
    return status;
}
