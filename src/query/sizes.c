#include "query/sizes.h"

#include "query/no_memory.h"
#include "query/question.h"
#include "query/sum.h"

#define CELLS_LIMIT ((size_t)CAIRN_SIZE_BUCKETS * CAIRN_LIFETIME_BUCKETS)

/* Block counts by size and lifetime, and temporary ones by size. */
struct table {
    int64_t blocks[CAIRN_SIZE_BUCKETS][CAIRN_LIFETIME_BUCKETS];
    int64_t temporary[CAIRN_SIZE_BUCKETS];
    struct cairn_histogram_cell cells[CELLS_LIMIT]; /* of the account that is read */
};

static enum cairn_status add_account(struct cairn_trace *trace, uint32_t account, struct table *table,
                                     struct cairn_error *error)
{
    size_t count;
    const enum cairn_status status =
        cairn_trace_histogram(trace, account, table->cells, CELLS_LIMIT, &count, error);
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        const struct cairn_histogram_cell *cell = &table->cells[i];
        if (cell->size_bucket < CAIRN_SIZE_BUCKETS && cell->lifetime_bucket < CAIRN_LIFETIME_BUCKETS) {
            cairn_add(&table->blocks[cell->size_bucket][cell->lifetime_bucket], (int64_t)cell->blocks);
            cairn_add(&table->temporary[cell->size_bucket], (int64_t)cell->temporary);
        }
    }
    return status;
}

/* The bounds of log2 bucket b: [2^(b−1), 2^b), 0 alone in bucket 0, no upper bound in the last. */
static void set_bounds(struct cairn_sizes_row *row, unsigned bucket)
{
    row->size_low = bucket == 0 ? 0 : INT64_C(1) << (bucket - 1);
    row->size_high = bucket == 0                        ? 0
                     : bucket == CAIRN_SIZE_BUCKETS - 1 ? INT64_MAX
                                                        : (INT64_C(1) << bucket) - 1;
}

/* Lifetime bucket l is below 2^l µs; the one before the last counts those that lived longer, the last those that live. */
static void fill_row(struct cairn_sizes_row *row, unsigned bucket, const struct table *table)
{
    set_bounds(row, bucket);
    row->temporary = table->temporary[bucket];
    for (unsigned l = 0; l < CAIRN_LIFETIME_BUCKETS; l++) {
        const int64_t blocks = table->blocks[bucket][l];
        cairn_add(&row->allocations, blocks);
        if (l == CAIRN_LIFETIME_LIVE) {
            row->live = blocks;
            continue;
        }
        cairn_add(&row->frees, blocks);
        row->lifetimes[row->lifetime_count++] = (struct cairn_lifetime_cell){
            .below_ns = l == CAIRN_LIFETIME_LIVE - 1 ? INT64_MAX : (INT64_C(1) << l) * 1000,
            .blocks = blocks,
        };
    }
}

static enum cairn_status fill_rows(struct cairn_sizes *sizes, const struct table *table,
                                   struct cairn_error *error)
{
    sizes->rows = cairn_arena_alloc(&sizes->arena, CAIRN_SIZE_BUCKETS * sizeof(*sizes->rows));
    if (!sizes->rows) {
        return cairn_no_memory(error, "the sizes");
    }
    for (unsigned bucket = 0; bucket < CAIRN_SIZE_BUCKETS; bucket++) {
        struct cairn_sizes_row row = {.allocations = 0};
        fill_row(&row, bucket, table);
        if (row.allocations) {
            sizes->rows[sizes->row_count++] = row;
        }
    }
    return CAIRN_OK;
}

enum cairn_status cairn_sizes(struct cairn_trace *trace, const struct cairn_selection *selection,
                              struct cairn_sizes *sizes, struct cairn_error *error)
{
    struct cairn_question question;
    struct cairn_sizes made = {.arena = CAIRN_ARENA_INIT};
    struct table *table = NULL;
    enum cairn_status status = cairn_question_open(&question, trace, selection, error);
    if (status == CAIRN_OK && (cairn_trace_recording(trace)->untold & CAIRN_UNTOLD_EVENTS)) {
        status =
            cairn_fail(error, CAIRN_E_NOT_FOUND,
                       "the trace was imported from massif, which tells no single blocks: ask top or tree");
    }
    if (status == CAIRN_OK) {
        table = cairn_arena_alloc(&made.arena, sizeof(*table));
        status = table ? CAIRN_OK : cairn_no_memory(error, "the sizes");
    }
    for (size_t i = 0; status == CAIRN_OK && i < question.count; i++) {
        if (cairn_question_counts(&question, i) && cairn_question_keeps(&question, i)) {
            status = add_account(trace, question.accounts[i].account, table, error);
        }
        if (status == CAIRN_OK && i % 256 == 0 && cairn_trace_cancelled(trace)) {
            status = cairn_fail(error, CAIRN_E_CANCELLED, "cancelled");
        }
    }
    if (status == CAIRN_OK) {
        status = fill_rows(&made, table, error);
    }
    cairn_question_release(&question);
    if (status != CAIRN_OK) {
        cairn_sizes_release(&made);
        return status;
    }
    *sizes = made;
    return CAIRN_OK;
}

void cairn_sizes_release(struct cairn_sizes *sizes)
{
    cairn_arena_release(&sizes->arena);
    *sizes = (struct cairn_sizes){.rows = NULL};
}
