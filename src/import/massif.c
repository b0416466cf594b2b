/* Massif's output (valgrind --tool=massif, 3.x): a few header lines, then snapshots.
 *
 *   desc: OPTIONS     cmd: COMMAND LINE     time_unit: i | ms | B
 *   snapshot=N     time=T     mem_heap_B=B     mem_heap_extra_B=B     mem_stacks_B=B     with lines of # around the first
 *   heap_tree=empty | detailed | peak          then the tree (massif_tree.h), unless it is empty
 *
 * A trace has states at certain positions without events between them, as a slim copy has: each snapshot with a tree ends a
 * chunk of its own, whose change is the difference to the one before. Snapshots without a tree are points of the timeline
 * only; but the last snapshot is a state in any case: without a tree, its bytes are charged to the empty stack. Massif's numbers stay
 * those of the snapshots. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "import/format.h"
#include "import/massif_tree.h"

#define MOST_SNAPSHOTS 4096u /* massif writes at most 1,000 */
#define NS_PER_MS      1000000
#define POSITIONS      2u /* of a state: a last chunk of one might hold no more than the end of a process */
#define ZSTD_LEVEL     12
#define TIMELINE_LEVEL 0u

struct snapshot {
    uint64_t number, time, heap, extra, stacks;
    int64_t t_ns;
    bool detailed, peak;
};

struct massif {
    struct cairn_lines *lines;
    struct cairn_intake *intake;
    struct cairn_error *error;
    char unit; /* 'i', 'm' or 'B'; 0: not seen yet */
    struct cairn_massif_sums sums;
    struct cairn_account_totals *rows; /* of one change or key frame; owned */
    size_t row_capacity;
    uint64_t count;       /* of states so far */
    int64_t bytes;        /* of the last state */
    uint64_t snapshots;   /* so far */
    struct snapshot last; /* of these */
    int64_t extra_most, stacks_most, largest, point_most;
    bool peak_told;
};

static enum cairn_status no_memory(const struct massif *in)
{
    return cairn_fail(in->error, CAIRN_E_NOMEM, "%s: out of memory", in->intake->from);
}

/* --- Lines --- */

/* The next line that is no line of #; it must be there. */
static enum cairn_status next_line(struct massif *in, char **line)
{
    size_t length;
    do {
        const enum cairn_status status = cairn_lines_next(in->lines, line, &length, in->error);
        if (status != CAIRN_OK || *line == NULL) {
            return status;
        }
        if (memchr(*line, '\0', length) != NULL) {
            return cairn_lines_damaged(in->lines, in->error, "it holds a NUL");
        }
    } while ((*line)[0] == '#');
    return CAIRN_OK;
}

/* The value of "KEY=NUMBER" in the next line. */
static enum cairn_status take_field(struct massif *in, const char *key, uint64_t most, uint64_t *value)
{
    char *line, *end;
    const enum cairn_status status = next_line(in, &line);
    if (status != CAIRN_OK) {
        return status;
    }
    const size_t length = strlen(key);
    if (line == NULL) {
        return cairn_lines_damaged(in->lines, in->error, "the file ends behind it, where %s= should come",
                                   key);
    }
    if (strncmp(line, key, length) != 0 || line[length] != '=' ||
        !cairn_massif_number(line + length + 1, &end, most, value) || *end != '\0') {
        return cairn_lines_damaged(in->lines, in->error, "it should be %s= and a number", key);
    }
    return CAIRN_OK;
}

static enum cairn_status take_tree_kind(struct massif *in, struct snapshot *snapshot)
{
    char *line;
    const enum cairn_status status = next_line(in, &line);
    if (status != CAIRN_OK) {
        return status;
    }
    snapshot->peak = line != NULL && strcmp(line, "heap_tree=peak") == 0;
    snapshot->detailed = snapshot->peak || (line != NULL && strcmp(line, "heap_tree=detailed") == 0);
    if (!snapshot->detailed && (line == NULL || strcmp(line, "heap_tree=empty") != 0)) {
        return cairn_lines_damaged(in->lines, in->error, "it should be heap_tree=empty, detailed or peak");
    }
    return CAIRN_OK;
}

static enum cairn_status take_header(struct massif *in)
{
    static const char *const units[] = {"i", "ms", "B"};
    char *line;
    enum cairn_status status = next_line(in, &line); /* desc: */
    if (status == CAIRN_OK) {
        status = next_line(in, &line);
    }
    if (status == CAIRN_OK && (line == NULL || strncmp(line, "cmd: ", 5) != 0)) {
        return cairn_lines_damaged(in->lines, in->error, "it should be the command line");
    }
    if (status == CAIRN_OK) {
        const size_t length = strcspn(line + 5, " ");
        /* The program is the first word; arguments do not travel. */
        if (length < sizeof in->intake->program) {
            memcpy(in->intake->program, line + 5, length);
        }
        do { /* a command line may hold newlines */
            status = next_line(in, &line);
        } while (status == CAIRN_OK && line != NULL && strncmp(line, "time_unit: ", 11) != 0);
    }
    for (size_t i = 0; status == CAIRN_OK && line != NULL && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(line + 11, units[i]) == 0) {
            in->unit = units[i][0];
        }
    }
    return status == CAIRN_OK && in->unit == '\0'
               ? cairn_lines_damaged(in->lines, in->error, "it should be the unit of time: i, ms or B")
               : status;
}

/* --- Rows --- */

static struct cairn_account_totals *room(struct massif *in)
{
    while (in->row_capacity < in->sums.account_count) {
        struct cairn_account_totals *rows =
            cairn_grown(in->rows, &in->row_capacity, in->row_capacity, sizeof *rows);
        if (rows == NULL) {
            return NULL;
        }
        in->rows = rows;
    }
    return in->rows;
}

/* What changed since the snapshot before; with `all`, what the one before held, whole. */
static size_t collect(struct massif *in, bool all)
{
    size_t count = 0;
    for (size_t i = 0; i < in->sums.account_count; i++) {
        const struct cairn_massif_account *account = &in->sums.accounts[i];
        const int64_t bytes = all ? account->before : account->now - account->before;
        if (bytes != 0) {
            in->rows[count++] =
                (struct cairn_account_totals){.account = (uint32_t)i + 1, .totals.live_bytes = bytes};
        }
    }
    return count;
}

static enum cairn_status put_chunk(struct massif *in, const struct snapshot *snapshot,
                                   struct cairn_batch *batch)
{
    struct cairn_buffer delta = CAIRN_BUFFER_INIT, data = CAIRN_BUFFER_INIT, keyframe = CAIRN_BUFFER_INIT;
    const uint32_t chunk = (uint32_t)in->count;
    enum cairn_status status = CAIRN_OK;
    if (in->sums.account_count > 0 && room(in) == NULL) {
        return no_memory(in);
    }
    if (chunk > 0 && chunk % CAIRN_KEYFRAME_CHUNKS == 0) {
        status = cairn_totals_encode(in->rows, collect(in, true), ZSTD_LEVEL, &keyframe, in->error);
    }
    if (status == CAIRN_OK) {
        status = cairn_totals_encode(in->rows, collect(in, false), ZSTD_LEVEL, &delta, in->error);
    }
    if (status == CAIRN_OK) {
        const struct cairn_chunk row = {.chunk = chunk,
                                        .first_event = in->count * POSITIONS,
                                        .events = POSITIONS,
                                        .first_t_ns = snapshot->t_ns,
                                        .last_t_ns = snapshot->t_ns,
                                        .start_bytes = in->bytes,
                                        .max_bytes = (int64_t)snapshot->heap,
                                        .max_event = (in->count + 1) * POSITIONS - 1,
                                        .oldest_freed_event = CAIRN_UNKNOWN};
        cairn_batch_chunk(batch, &row, &data, &delta, true);
        if (keyframe.length > 0) {
            cairn_batch_keyframe(batch, chunk, &keyframe);
        }
    }
    cairn_buffer_release(&delta);
    cairn_buffer_release(&keyframe);
    return status;
}

static void put_snapshot(struct massif *in, const struct snapshot *snapshot, struct cairn_batch *batch)
{
    const struct cairn_snapshot row = {.snapshot = (uint32_t)snapshot->number,
                                       .t_ns = snapshot->t_ns,
                                       .event = (in->count + 1) * POSITIONS,
                                       .kind = snapshot->peak       ? "peak"
                                               : snapshot->detailed ? "periodic"
                                                                    : "end",
                                       .bytes = (int64_t)snapshot->heap};
    size_t count = 0;
    for (size_t i = 0; i < in->sums.account_count; i++) {
        count += in->sums.accounts[i].now != 0;
    }
    struct cairn_snapshot_site *sites = cairn_batch_snapshot(batch, &row, count);
    for (size_t i = 0; sites != NULL && i < in->sums.account_count; i++) {
        if (in->sums.accounts[i].now != 0) {
            *sites++ = (struct cairn_snapshot_site){.account = (uint32_t)i + 1,
                                                    .live_bytes = in->sums.accounts[i].now};
        }
    }
}

/* Of snapshots at the same time the last one's size counts, and the largest as the most in between. */
static void put_point(struct massif *in, const struct snapshot *snapshot, struct cairn_batch *batch)
{
    const bool same = in->snapshots > 0 && in->last.t_ns == snapshot->t_ns;
    in->point_most =
        same && in->point_most > (int64_t)snapshot->heap ? in->point_most : (int64_t)snapshot->heap;
    cairn_batch_timeline(batch, TIMELINE_LEVEL,
                         &(struct cairn_timeline_point){.t_ns = snapshot->t_ns,
                                                        .heap_bytes = (int64_t)snapshot->heap,
                                                        .heap_max_bytes = in->point_most,
                                                        .rss_bytes = CAIRN_UNKNOWN,
                                                        .rss_anonymous_bytes = CAIRN_UNKNOWN,
                                                        .rss_file_bytes = CAIRN_UNKNOWN,
                                                        .rss_shared_bytes = CAIRN_UNKNOWN});
}

/* The peak is the largest state with a tree: massif's own, but for a program that frees nothing after it. */
static void keep_peak(struct massif *in, const struct snapshot *snapshot)
{
    struct cairn_recording *row = &in->intake->row;
    const bool told = snapshot->detailed || in->count == 0;
    if (told && (int64_t)snapshot->heap > row->peak_bytes) {
        row->peak_bytes = (int64_t)snapshot->heap;
        row->peak_t_ns = snapshot->t_ns;
        row->peak_event = (int64_t)((in->count + 1) * POSITIONS);
        for (size_t i = 0; i < in->sums.account_count; i++) {
            in->sums.accounts[i].peak = in->sums.accounts[i].now;
        }
    }
}

/* --- Snapshots --- */

static enum cairn_status check_order(struct massif *in, const struct snapshot *snapshot)
{
    if (in->snapshots > 0 && (snapshot->number <= in->last.number || snapshot->t_ns < in->last.t_ns)) {
        return cairn_lines_damaged(
            in->lines, in->error, "snapshot %" PRIu64 " does not follow the one before it", snapshot->number);
    }
    if (in->snapshots == MOST_SNAPSHOTS) {
        return cairn_lines_damaged(in->lines, in->error, "there are more than %u snapshots", MOST_SNAPSHOTS);
    }
    if (snapshot->peak && in->peak_told) {
        return cairn_lines_damaged(in->lines, in->error, "there is a second peak");
    }
    return CAIRN_OK;
}

static enum cairn_status take_fields(struct massif *in, struct snapshot *snapshot)
{
    const uint64_t most_time = in->unit == 'm' ? CAIRN_IMPORT_MOST_MS : CAIRN_IMPORT_MOST_SUM_BYTES;
    const struct {
        const char *key;
        uint64_t most, *value;
    } fields[] = {{"time", most_time, &snapshot->time},
                  {"mem_heap_B", CAIRN_IMPORT_MOST_BLOCK_BYTES, &snapshot->heap},
                  {"mem_heap_extra_B", CAIRN_IMPORT_MOST_BLOCK_BYTES, &snapshot->extra},
                  {"mem_stacks_B", CAIRN_IMPORT_MOST_BLOCK_BYTES, &snapshot->stacks}};
    enum cairn_status status = CAIRN_OK;
    for (size_t i = 0; status == CAIRN_OK && i < sizeof fields / sizeof fields[0]; i++) {
        status = take_field(in, fields[i].key, fields[i].most, fields[i].value);
    }
    snapshot->t_ns = (int64_t)(in->unit == 'm' ? snapshot->time * NS_PER_MS : snapshot->time);
    return status == CAIRN_OK ? take_tree_kind(in, snapshot) : status;
}

/* A state of the trace: its tree, if there is one, is the next line. */
static enum cairn_status add_state(struct massif *in, const struct snapshot *snapshot)
{
    cairn_massif_sums_next(&in->sums);
    enum cairn_status status =
        cairn_massif_tree(in->lines, in->intake, &in->sums, snapshot->heap, snapshot->detailed, in->error);
    struct cairn_batch *batch = status == CAIRN_OK ? cairn_intake_rows(in->intake) : NULL;
    if (batch == NULL) {
        return status == CAIRN_OK ? no_memory(in) : status;
    }
    status = put_chunk(in, snapshot, batch);
    if (status != CAIRN_OK) {
        return status;
    }
    put_snapshot(in, snapshot, batch);
    keep_peak(in, snapshot);
    in->count++;
    in->bytes = (int64_t)snapshot->heap;
    cairn_intake_send(in->intake);
    return cairn_intake_check(in->intake, in->error);
}

static enum cairn_status on_snapshot(struct massif *in, struct snapshot *snapshot)
{
    enum cairn_status status = take_fields(in, snapshot);
    if (status == CAIRN_OK) {
        status = check_order(in, snapshot);
    }
    if (status == CAIRN_OK && snapshot->detailed) {
        status = add_state(in, snapshot);
    }
    struct cairn_batch *batch = status == CAIRN_OK ? cairn_intake_rows(in->intake) : NULL;
    if (batch == NULL) {
        return status == CAIRN_OK ? no_memory(in) : status;
    }
    put_point(in, snapshot, batch);
    in->snapshots++;
    in->last = *snapshot;
    in->peak_told |= snapshot->peak;
    in->largest = (int64_t)snapshot->heap > in->largest ? (int64_t)snapshot->heap : in->largest;
    in->extra_most = (int64_t)snapshot->extra > in->extra_most ? (int64_t)snapshot->extra : in->extra_most;
    in->stacks_most =
        (int64_t)snapshot->stacks > in->stacks_most ? (int64_t)snapshot->stacks : in->stacks_most;
    return CAIRN_OK;
}

static enum cairn_status read_snapshots(struct massif *in)
{
    for (;;) {
        struct snapshot snapshot = {.number = 0};
        char *line, *end;
        enum cairn_status status = next_line(in, &line);
        if (status != CAIRN_OK || line == NULL) {
            return status;
        }
        if (strncmp(line, "snapshot=", 9) != 0 ||
            !cairn_massif_number(line + 9, &end, INT32_MAX, &snapshot.number) || *end != '\0') {
            return cairn_lines_damaged(in->lines, in->error, "it should be snapshot= and a number");
        }
        status = on_snapshot(in, &snapshot);
        if (status != CAIRN_OK) {
            return status;
        }
    }
}

/* --- The whole --- */

static void write_notes(struct massif *in)
{
    struct cairn_intake *intake = in->intake;
    cairn_intake_note(intake,
                      "imported from massif: only the heap's size at %" PRIu64
                      " moments is known, and where it was allocated at those that `cairn snapshots` lists; "
                      "blocks, allocations, threads, "
                      "resident memory and the time of day are not; the end is massif's last snapshot",
                      in->snapshots);
    if (in->unit != 'm') {
        cairn_intake_note(intake,
                          "massif measured no time: its unit is %s, and a nanosecond here is %s "
                          "(--time-unit=ms measures time)",
                          in->unit == 'i' ? "i" : "B",
                          in->unit == 'i' ? "an instruction" : "a byte allocated or freed");
    }
    if (intake->row.peak_bytes < in->largest) {
        cairn_intake_note(intake, "a snapshot without a tree is larger than the peak, by %" PRId64 " bytes",
                          in->largest - intake->row.peak_bytes);
    }
    if (in->extra_most > 0 || in->stacks_most > 0) {
        cairn_intake_note(intake,
                          "beside the bytes asked for, massif saw at most %" PRId64
                          " bytes of the allocator's own and %" PRId64 " of stacks: they are not in the sums",
                          in->extra_most, in->stacks_most);
    }
}

static void write_accounts(struct massif *in, struct cairn_batch *batch)
{
    for (size_t i = 0; i < in->sums.account_count; i++) {
        const struct cairn_massif_account *account = &in->sums.accounts[i];
        struct cairn_buffer none = CAIRN_BUFFER_INIT;
        cairn_batch_account(batch,
                            &(struct cairn_account){.account = (uint32_t)i + 1,
                                                    .process = CAIRN_INTAKE_PROCESS,
                                                    .thread = CAIRN_INTAKE_THREAD,
                                                    .stack = account->stack,
                                                    .site = cairn_code_site(in->intake->code, account->stack),
                                                    .totals.live_bytes = account->now,
                                                    .peak_bytes = account->peak},
                            &none);
    }
}

static enum cairn_status finish(struct massif *in)
{
    struct cairn_intake *intake = in->intake;
    struct cairn_recording *row = &intake->row;
    if (in->snapshots == 0) {
        return cairn_lines_damaged(in->lines, in->error, "the file ends before its first snapshot");
    }
    const enum cairn_status status = in->last.detailed ? CAIRN_OK : add_state(in, &in->last);
    if (status != CAIRN_OK) {
        return status;
    }
    row->complete = true;
    row->duration_ns = row->exact_from_ns = in->last.t_ns;
    row->events = (int64_t)(in->count * POSITIONS);
    row->end_bytes = in->bytes;
    struct cairn_process *process = &intake->process_row;
    process->origin = in->unit == 'i'   ? CAIRN_ORIGIN_MASSIF_INSTRUCTIONS
                      : in->unit == 'B' ? CAIRN_ORIGIN_MASSIF_BYTES
                                        : CAIRN_ORIGIN_MASSIF;
    process->peak_t_ns = row->peak_t_ns;
    process->peak_event = row->peak_event;
    process->peak_bytes = row->peak_bytes;
    process->end_bytes = row->end_bytes;
    write_notes(in);
    cairn_intake_begin(intake);
    struct cairn_batch *batch = cairn_intake_rows(intake);
    if (batch == NULL) {
        return no_memory(in);
    }
    write_accounts(in, batch);
    cairn_batch_recording(batch, row);
    cairn_batch_commit(batch);
    cairn_intake_send(intake);
    return CAIRN_OK;
}

static enum cairn_status read(struct cairn_lines *lines, struct cairn_intake *intake,
                              struct cairn_error *error)
{
    struct massif in = {.lines = lines, .intake = intake, .error = error};
    enum cairn_status status = take_header(&in);
    if (status == CAIRN_OK) {
        status = read_snapshots(&in);
    }
    if (status == CAIRN_OK) {
        status = finish(&in);
    }
    cairn_massif_sums_release(&in.sums);
    free(in.rows);
    return status;
}

static bool knows(const char *line, size_t length)
{
    (void)length;
    return strncmp(line, "desc: ", 6) == 0;
}

const struct cairn_import_format cairn_import_massif = {
    .name = "massif",
    .events = false,
    .knows = knows,
    .read = read,
};
