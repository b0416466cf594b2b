#include "query/rss.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "query/columns.h"
#include "query/no_memory.h"
#include "query/site_label.h"
#include "query/sum.h"
#include "query/top.h"

#define ROWS_LIMIT   24u
#define MMAP_SITES   5u
#define NAMED_FILES  3u
#define PYTHON_FIRST 1u /* account.domain: python object, python mem */
#define PYTHON_LAST  2u
#define ARENA_BLOCK  512 /* pymalloc asks malloc for larger ones */

/* Resident bytes by kind of mapping, all processes asked for summed up; and what the ledger says about the moment. */
struct resident {
    int64_t heap, anonymous, stack, file, shared, other;
    size_t processes;
    bool by_mapping; /* from the mappings; else from the timeline's sums, which know no stacks */
    bool undivided;  /* only the sum is known, in `other` */
};

struct ledger {
    int64_t live, in_arenas, arenas, mapped;
};

struct work {
    struct cairn_trace *trace;
    const struct cairn_selection *selection;
    struct cairn_rss *rss;
    struct resident resident;
    struct ledger ledger;
    struct cairn_residency *rows; /* owned */
    size_t row_count;
};

static int64_t at_least_zero(int64_t bytes)
{
    return bytes > 0 ? bytes : 0;
}

static int64_t at_most(int64_t bytes, int64_t limit)
{
    return bytes < limit ? bytes : limit;
}

static struct cairn_rss_row *add_row(struct work *work, const char *category, int64_t bytes)
{
    struct cairn_rss_row *row = &work->rss->rows[work->rss->row_count++];
    *row = (struct cairn_rss_row){.category = category, .bytes = bytes};
    return row;
}

static void add_noted(struct work *work, const char *category, int64_t bytes, const char *note)
{
    struct cairn_rss_row *row = add_row(work, category, bytes);
    snprintf(row->note, sizeof(row->note), "%s", note);
}

static int64_t *kind_of(struct resident *resident, const char *category)
{
    const struct {
        const char *name;
        int64_t *bytes;
    } kinds[] = {
        {"heap", &resident->heap}, {"anonymous", &resident->anonymous}, {"stack", &resident->stack},
        {"file", &resident->file}, {"shared", &resident->shared},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, category) == 0) {
            return kinds[i].bytes;
        }
    }
    return &resident->other;
}

/* The mappings measured nearest to the moment. False when there were none of the process asked for. */
static enum cairn_status read_mappings(struct work *work, int64_t t_ns, bool *found,
                                       struct cairn_error *error)
{
    const enum cairn_status status =
        cairn_trace_residency(work->trace, t_ns, &work->rows, &work->row_count, error);
    uint32_t last_process = 0;
    *found = false;
    for (size_t i = 0; status == CAIRN_OK && i < work->row_count; i++) {
        const struct cairn_residency *row = &work->rows[i];
        if (work->selection->process && row->process != work->selection->process) {
            continue;
        }
        cairn_add(kind_of(&work->resident, row->category), row->rss_bytes);
        work->resident.processes += row->process != last_process;
        last_process = row->process;
        work->rss->at.t_ns = row->t_ns;
        *found = true;
    }
    work->resident.by_mapping = *found;
    return status;
}

/* The sums of the timeline, where the mappings were never looked at. They are of all processes. */
static enum cairn_status read_timeline(struct work *work, const struct cairn_moment *at, bool *found,
                                       struct cairn_error *error)
{
    const struct cairn_process *processes;
    struct cairn_timeline_point *points = NULL;
    size_t process_count, count = 0;
    enum cairn_status status = cairn_trace_processes(work->trace, &processes, &process_count, error);
    *found = false;
    if (status != CAIRN_OK || (work->selection->process && process_count > 1)) {
        return status;
    }
    status = cairn_trace_timeline(work->trace, 0, cairn_trace_recording(work->trace)->duration_ns, 1000,
                                  &points, &count, error);
    const struct cairn_timeline_point *nearest = NULL;
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        const bool closer =
            !nearest || cairn_apart(points[i].t_ns, at->t_ns) < cairn_apart(nearest->t_ns, at->t_ns);
        if (points[i].rss_bytes != CAIRN_UNKNOWN && closer) {
            nearest = &points[i];
        }
    }
    if (nearest) {
        const int64_t anonymous = nearest->rss_anonymous_bytes, file = nearest->rss_file_bytes;
        const int64_t shared = nearest->rss_shared_bytes;
        work->resident.anonymous = anonymous == CAIRN_UNKNOWN ? 0 : anonymous;
        work->resident.file = file == CAIRN_UNKNOWN ? 0 : file;
        work->resident.shared = shared == CAIRN_UNKNOWN ? 0 : shared;
        work->resident.other = nearest->rss_bytes;
        cairn_subtract(&work->resident.other, work->resident.anonymous);
        cairn_subtract(&work->resident.other, work->resident.file);
        cairn_subtract(&work->resident.other, work->resident.shared);
        work->resident.undivided =
            anonymous == CAIRN_UNKNOWN && file == CAIRN_UNKNOWN && shared == CAIRN_UNKNOWN;
        work->resident.processes = process_count;
        work->rss->at.t_ns = nearest->t_ns;
        *found = true;
    }
    free(points);
    return status;
}

/* Of an account's live bytes, those that lie in pymalloc's arenas. One stack's blocks are mostly of one size, so their average
 * decides. */
static int64_t in_arenas(uint32_t domain, const struct cairn_totals *totals)
{
    const bool python = domain >= PYTHON_FIRST && domain <= PYTHON_LAST;
    return python && totals->live_blocks > 0 && totals->live_bytes / totals->live_blocks <= ARENA_BLOCK
               ? totals->live_bytes
               : 0;
}

static enum cairn_status read_ledger(struct work *work, struct cairn_error *error)
{
    const struct cairn_account *accounts;
    const struct cairn_state *state;
    size_t count;
    enum cairn_status status = cairn_trace_accounts(work->trace, &accounts, &count, error);
    if (status == CAIRN_OK) {
        status = cairn_trace_state(work->trace, work->rss->at.position, &state, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        const uint32_t domain = accounts[i].domain;
        const struct cairn_totals totals = cairn_state_totals(state, i);
        if (work->selection->process && accounts[i].process != work->selection->process) {
            continue;
        }
        if (domain <= CAIRN_DOMAIN_LAST_HEAP) {
            cairn_add(&work->ledger.live, totals.live_bytes);
            cairn_add(&work->ledger.in_arenas, in_arenas(domain, &totals));
        } else {
            cairn_add(domain == CAIRN_DOMAIN_ARENAS ? &work->ledger.arenas : &work->ledger.mapped,
                      totals.live_bytes);
        }
    }
    cairn_state_release(work->trace, state);
    return CAIRN_OK;
}

static void add_live(struct work *work, int64_t bytes)
{
    struct cairn_rss_row *row = add_row(work, "live heap", bytes);
    char more[CAIRN_HUMAN_MAX];
    if (work->ledger.live > bytes) {
        snprintf(row->note, sizeof(row->note),
                 "blocks in use, as large as asked for; %s more are not resident",
                 cairn_human_bytes(more, work->ledger.live - bytes));
    } else {
        snprintf(row->note, sizeof(row->note), "blocks in use, as large as asked for");
    }
}

/* What pymalloc holds and no object uses: fragmentation, where the arenas are far from full. */
static void add_arenas(struct work *work, int64_t bytes)
{
    const struct ledger *ledger = &work->ledger;
    struct cairn_rss_row *row = add_row(work, "python arenas", bytes);
    char size[CAIRN_HUMAN_MAX];
    const int64_t used = at_most(ledger->in_arenas, ledger->arenas);
    snprintf(row->note, sizeof(row->note), "free in %s of pymalloc's arenas, which are about %.0f %% full",
             cairn_human_bytes(size, ledger->arenas), 100.0 * (double)used / (double)ledger->arenas);
}

/* The program's own mappings by site, the largest first, cut to `budget`: how much of them is resident is not known one
 * by one. */
static enum cairn_status add_mapped(struct work *work, int64_t budget, struct cairn_error *error)
{
    struct cairn_selection selection = {
        .by = CAIRN_BY_FUNCTION,
        .memory = CAIRN_MEMORY_MAPPED,
        .process = work->selection->process,
        .rule = work->selection->rule,
    };
    struct cairn_top top;
    /* Only what is live then is asked for: a longer span would have its peak looked up. */
    const struct cairn_span span = {.from = work->rss->at, .to = work->rss->at};
    const enum cairn_status status = cairn_top(work->trace, &selection, &work->rss->at, &span, &top, error);
    if (status != CAIRN_OK) {
        return status;
    }
    size_t shown = 0;
    for (; shown < top.row_count && shown < MMAP_SITES && budget > 0; shown++) {
        const int64_t mapped = top.rows[shown].counts.live_bytes;
        if (mapped <= 0) {
            break;
        }
        char name[96], size[CAIRN_HUMAN_MAX];
        struct cairn_rss_row *row = add_row(work, "mmap", at_most(mapped, budget));
        snprintf(row->note, sizeof(row->note), "%s maps %s, at most this much of it is resident",
                 cairn_site_label(&top.rows[shown].site, CAIRN_BY_FUNCTION, name, sizeof(name)),
                 cairn_human_bytes(size, mapped));
        budget -= row->bytes;
    }
    if (budget > 0 && shown < top.row_count && top.rows[shown].counts.live_bytes > 0) {
        struct cairn_rss_row *row = add_row(work, "mmap", budget);
        snprintf(row->note, sizeof(row->note), "smaller mappings of %zu more places", top.row_count - shown);
    }
    cairn_top_release(&top);
    return CAIRN_OK;
}

static int compare_rss(const void *left, const void *right)
{
    const struct cairn_residency *const *a = left, *const *b = right;
    if ((*a)->rss_bytes != (*b)->rss_bytes) {
        return (*a)->rss_bytes < (*b)->rss_bytes ? 1 : -1;
    }
    return strcmp((*a)->name, (*b)->name);
}

/* Files and libraries, with the largest named. */
static enum cairn_status add_files(struct work *work, struct cairn_error *error)
{
    const struct cairn_residency **files =
        calloc(work->row_count + 1, sizeof(const struct cairn_residency *));
    size_t count = 0, used = 0;
    if (!files) {
        return cairn_no_memory(error, "rss");
    }
    for (size_t i = 0; i < work->row_count; i++) {
        const struct cairn_residency *row = &work->rows[i];
        if (strcmp(row->category, "file") == 0 &&
            (!work->selection->process || row->process == work->selection->process)) {
            files[count++] = row;
        }
    }
    qsort(files, count, sizeof(const struct cairn_residency *), compare_rss);
    struct cairn_rss_row *row = add_row(work, "files", work->resident.file);
    for (size_t i = 0; i < count && i < NAMED_FILES && used < sizeof(row->note); i++) {
        char size[CAIRN_HUMAN_MAX];
        used +=
            (size_t)snprintf(row->note + used, sizeof(row->note) - used, "%s%s %s", i ? ", " : "",
                             cairn_base_name(files[i]->name), cairn_human_bytes(size, files[i]->rss_bytes));
    }
    if (count == 0) {
        snprintf(row->note, sizeof(row->note), "programs, libraries and mapped files");
    }
    free(files);
    return CAIRN_OK;
}

/* Takes the anonymous memory apart: live blocks, what Python's arenas keep, the program's own mappings; the rest is the
 * allocator's. */
static enum cairn_status add_anonymous(struct work *work, struct cairn_error *error)
{
    const struct resident *resident = &work->resident;
    int64_t left = resident->heap;
    cairn_add(&left, resident->anonymous);
    left = at_least_zero(left);
    const int64_t live = at_most(at_least_zero(work->ledger.live), left);
    add_live(work, live);
    left -= live;
    const int64_t arenas =
        at_most(at_least_zero(cairn_difference(work->ledger.arenas, work->ledger.in_arenas)), left);
    left -= arenas;
    /* Live blocks fill [heap] first, so mappings can only be in what is left of the other anonymous memory. */
    const int64_t spilled = at_least_zero(cairn_difference(live, resident->heap));
    const int64_t outside =
        resident->by_mapping ? at_least_zero(cairn_difference(resident->anonymous, spilled + arenas)) : left;
    const int64_t mapped = at_most(at_least_zero(work->ledger.mapped), at_most(outside, left));
    left -= mapped;
    if (cairn_trace_recording(work->trace)->untold & CAIRN_UNTOLD_BEFORE) {
        add_noted(
            work, "unrecorded or free", left,
            "anonymous memory without a recorded block: blocks from before the recording, freed, headers");
    } else {
        add_noted(work, "free in allocator", left,
                  "anonymous memory without a live block: freed, headers, rounding, start-up, recorder");
    }
    if (work->ledger.arenas > 0) {
        add_arenas(work, arenas);
    }
    return add_mapped(work, mapped, error);
}

static void add_undivided(struct work *work)
{
    char live[CAIRN_HUMAN_MAX];
    struct cairn_rss_row *row = add_row(work, "live heap", CAIRN_UNKNOWN);
    snprintf(row->note, sizeof(row->note), "%s of blocks in use; how much of it is resident is not known",
             cairn_human_bytes(live, work->ledger.live));
    add_noted(work, "unexplained", work->resident.other, "the recording knows no more than the sum");
}

static enum cairn_status add_rows(struct work *work, struct cairn_error *error)
{
    const struct resident *resident = &work->resident;
    if (resident->undivided) {
        add_undivided(work);
        return CAIRN_OK;
    }
    enum cairn_status status = add_anonymous(work, error);
    if (status != CAIRN_OK) {
        return status;
    }
    if (resident->by_mapping) {
        add_noted(work, "stacks", resident->stack, "of all threads that the kernel marks as such");
    }
    status = add_files(work, error);
    add_noted(work, "shared", resident->shared,
              resident->processes > 1 ? "shared memory; pages of several processes are counted in each"
                                      : "shared memory, the recorder's ring among it");
    add_noted(work, "unexplained", resident->other,
              resident->by_mapping ? "special mappings of the kernel"
                                   : "stacks and what was not measured apart");
    return status;
}

/* Nothing was measured: the ledger is all there is. */
static void add_unmeasured(struct work *work)
{
    add_noted(work, "live heap", work->ledger.live, "blocks in use, as large as asked for");
    if (work->ledger.mapped > 0) {
        add_noted(work, "mmap", work->ledger.mapped, "address space the program mapped, resident or not");
    }
    add_noted(work, "unexplained", CAIRN_UNKNOWN, "resident memory was not measured in this recording");
}

static enum cairn_status answer(struct work *work, const struct cairn_moment *at, struct cairn_error *error)
{
    bool found;
    work->rss->at = *at;
    work->rss->rows = cairn_arena_alloc(&work->rss->arena, ROWS_LIMIT * sizeof(*work->rss->rows));
    if (!work->rss->rows) {
        return cairn_no_memory(error, "rss");
    }
    enum cairn_status status = read_mappings(work, at->t_ns, &found, error);
    if (status == CAIRN_OK && !found) {
        status = read_timeline(work, at, &found, error);
    }
    /* The sample was taken near the moment, not at it: the ledger is read at the sample's time. */
    if (status == CAIRN_OK && found) {
        status = cairn_moment_at(work->trace, work->rss->at.t_ns, &work->rss->at, error);
    }
    if (status == CAIRN_OK) {
        status = read_ledger(work, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    if (!found) {
        work->rss->total_bytes = CAIRN_UNKNOWN;
        add_unmeasured(work);
        return CAIRN_OK;
    }
    status = add_rows(work, error);
    for (size_t i = 0; i < work->rss->row_count; i++) {
        if (work->rss->rows[i].bytes != CAIRN_UNKNOWN) {
            cairn_add(&work->rss->total_bytes, work->rss->rows[i].bytes);
        }
    }
    return status;
}

enum cairn_status cairn_rss(struct cairn_trace *trace, const struct cairn_selection *selection,
                            const struct cairn_moment *at, struct cairn_rss *rss, struct cairn_error *error)
{
    struct cairn_rss made = {.arena = CAIRN_ARENA_INIT};
    struct work work = {.trace = trace, .selection = selection, .rss = &made};
    const enum cairn_status status = answer(&work, at, error);
    free(work.rows);
    if (status != CAIRN_OK) {
        cairn_rss_release(&made);
        return status;
    }
    *rss = made;
    return CAIRN_OK;
}

void cairn_rss_release(struct cairn_rss *rss)
{
    cairn_arena_release(&rss->arena);
    *rss = (struct cairn_rss){.rows = NULL};
}
