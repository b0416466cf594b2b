#include <stdlib.h>

#include "trace/reader.h"

#define FIRST_STACKS  4096u
#define SPARSE_FACTOR 16u /* numbers may have holes, but an array of them must not outgrow the file */
#define DEPTH_MAX     1024u
#define INLINED_MAX   256u
#define ROWS_A_LOOKUP 8u /* of the whole table are read in the time that one row takes by itself */

/* Room for stack number `stack`; false when memory ran out. New ones are empty. */
static bool reserve(struct cairn_stack_node **stacks, size_t *capacity, size_t stack)
{
    size_t larger = *capacity ? *capacity : FIRST_STACKS;
    while (larger <= stack) {
        larger *= 2;
    }
    if (larger == *capacity) {
        return true;
    }
    struct cairn_stack_node *grown = realloc(*stacks, larger * sizeof(*grown));
    if (!grown) {
        return false;
    }
    for (size_t i = *capacity; i < larger; i++) {
        grown[i] = (struct cairn_stack_node){.parent = 0};
    }
    *stacks = grown;
    *capacity = larger;
    return true;
}

static enum cairn_status load(struct cairn_trace *trace, struct cairn_stack_node **stacks, size_t *limit,
                              size_t *count, struct cairn_error *error)
{
    struct cairn_cursor cursor;
    size_t capacity = 0;
    uint32_t last = 0;
    cairn_cursor_open(&cursor, trace, NULL, "stacks", "SELECT stack, parent, frame FROM stack ORDER BY stack",
                      error);
    if (cursor.status == CAIRN_OK && !reserve(stacks, &capacity, 0)) {
        cursor.status = cairn_reader_no_memory(trace, error);
    }
    while (cairn_cursor_next(&cursor)) {
        const uint32_t stack = cairn_cursor_number(&cursor, 0);
        const uint32_t parent = cairn_cursor_number(&cursor, 1);
        if (stack <= last || parent >= stack || stack / SPARSE_FACTOR > *count + FIRST_STACKS) {
            cairn_cursor_damaged(&cursor);
            break;
        }
        if (!reserve(stacks, &capacity, stack)) {
            cursor.status = cairn_reader_no_memory(trace, error);
            break;
        }
        (*stacks)[stack] =
            (struct cairn_stack_node){.parent = parent, .frame = cairn_cursor_number(&cursor, 2)};
        last = stack;
        ++*count;
    }
    *limit = (size_t)last + 1;
    return cairn_cursor_close(&cursor);
}

enum cairn_status cairn_trace_load_stacks(struct cairn_trace *trace, struct cairn_error *error)
{
    static const enum cairn_table_id names[] = {CAIRN_TABLE_FRAME, CAIRN_TABLE_FUNCTION, CAIRN_TABLE_FILE,
                                                CAIRN_TABLE_MODULE};
    const struct cairn_table *table;
    struct cairn_contents *contents = trace->contents;
    enum cairn_status status = cairn_reader_hold(trace, error);
    if (status != CAIRN_OK) {
        return status;
    }
    for (size_t i = 0; status == CAIRN_OK && i < sizeof(names) / sizeof(names[0]); i++) {
        status = cairn_reader_table(trace, names[i], &table, error);
    }
    if (status == CAIRN_OK && !contents->stacks) {
        struct cairn_stack_node *stacks = NULL;
        size_t limit, count = 0;
        status = load(trace, &stacks, &limit, &count, error);
        if (status == CAIRN_OK) {
            contents->stacks = stacks;
            contents->stack_limit = limit;
            contents->stack_count = count;
        } else {
            free(stacks);
        }
    }
    cairn_reader_unhold(trace);
    return status;
}

/* Whether single rows took as long by now as the whole table would, which the largest number seen tells the size of. */
static bool is_table_worth_it(struct cairn_trace *trace, uint32_t stack)
{
    trace->stack_lookups++;
    trace->stack_most = stack > trace->stack_most ? stack : trace->stack_most;
    return trace->stack_lookups > trace->stack_most / ROWS_A_LOOKUP + FIRST_STACKS;
}

/* One row by number, while the whole table is not worth its time. */
static bool look_up(struct cairn_trace *trace, uint32_t stack, struct cairn_stack_node *node)
{
    if (!trace->stack_lookup &&
        sqlite3_prepare_v3(trace->db, "SELECT parent, frame FROM stack WHERE stack = ?1", -1,
                           SQLITE_PREPARE_PERSISTENT, &trace->stack_lookup, NULL) != SQLITE_OK) {
        return false;
    }
    sqlite3_stmt *statement = trace->stack_lookup;
    sqlite3_bind_int64(statement, 1, stack);
    const bool found = sqlite3_step(statement) == SQLITE_ROW;
    if (found) {
        const int64_t parent = sqlite3_column_int64(statement, 0), frame = sqlite3_column_int64(statement, 1);
        *node = (struct cairn_stack_node){
            .parent = parent > 0 && parent < stack ? (uint32_t)parent : 0,
            .frame = frame > 0 && frame <= UINT32_MAX ? (uint32_t)frame : 0,
        };
    }
    sqlite3_reset(statement);
    return found;
}

static bool find_node(struct cairn_trace *trace, uint32_t stack, struct cairn_stack_node *node)
{
    const struct cairn_contents *contents = trace->contents;
    /* What cannot be had is tried again as many rows later. */
    if (!contents->stacks && is_table_worth_it(trace, stack) &&
        cairn_trace_load_stacks(trace, NULL) != CAIRN_OK) {
        trace->stack_lookups = 0;
    }
    if (!contents->stacks) {
        return look_up(trace, stack, node);
    }
    if (stack >= contents->stack_limit) {
        return false;
    }
    *node = contents->stacks[stack];
    return node->frame != 0;
}

size_t cairn_trace_stack_frames(struct cairn_trace *trace, uint32_t stack, const struct cairn_frame **frames,
                                size_t capacity)
{
    size_t count = 0;
    struct cairn_stack_node node;
    /* A live trace is read in bulk: it connects anew for every look. */
    if (stack == 0 || (trace->live && cairn_trace_load_stacks(trace, NULL) != CAIRN_OK) ||
        cairn_reader_hold(trace, NULL) != CAIRN_OK) {
        return 0;
    }
    for (unsigned depth = 0; stack != 0 && depth < DEPTH_MAX && find_node(trace, stack, &node); depth++) {
        const struct cairn_frame *frame = cairn_trace_frame(trace, node.frame);
        /* Inlined functions come first, then what they were inlined into. */
        for (unsigned inlined = 0; frame && inlined < INLINED_MAX; inlined++) {
            if (count < capacity) {
                frames[count] = frame;
            }
            count++;
            frame = cairn_trace_frame(trace, frame->inlined_into);
        }
        stack = node.parent;
    }
    cairn_reader_unhold(trace);
    return count;
}

enum cairn_status cairn_trace_counts(struct cairn_trace *trace, int64_t *stacks, int64_t *frames,
                                     struct cairn_error *error)
{
    struct cairn_cursor cursor;
    int64_t counts[2] = {0};
    cairn_cursor_open(&cursor, trace, NULL, "stacks",
                      "SELECT (SELECT count(*) FROM stack), (SELECT count(*) FROM frame)", error);
    if (cairn_cursor_next(&cursor)) {
        counts[0] = cairn_cursor_int(&cursor, 0);
        counts[1] = cairn_cursor_int(&cursor, 1);
    }
    const enum cairn_status status = cairn_cursor_close(&cursor);
    if (status == CAIRN_OK) {
        *stacks = counts[0];
        *frames = counts[1];
    }
    return status;
}
