#include <stdlib.h>
#include <string.h>

#include "trace/described.h"

#define FIRST_ROWS 64u

struct cairn_contents *cairn_contents_new(size_t cache_bytes)
{
    struct cairn_contents *contents = calloc(1, sizeof(*contents));
    if (!contents) {
        return NULL;
    }
    contents->cache = cairn_lru_new(cache_bytes, cairn_shared_drop);
    if (!contents->cache) {
        free(contents);
        return NULL;
    }
    return contents;
}

void cairn_contents_free(struct cairn_contents *contents)
{
    if (!contents) {
        return;
    }
    for (size_t i = 0; i < CAIRN_TABLE_COUNT; i++) {
        free(contents->tables[i].rows);
    }
    free(contents->graphs.rows);
    free(contents->stacks);
    free(contents->members.processes);
    free(contents->members.first);
    free(contents->members.accounts);
    cairn_shared_drop(contents->last_border);
    cairn_shared_drop(contents->last_state);
    cairn_reader_group_free(contents->last_group);
    cairn_lru_free(contents->cache);
    cairn_arena_release(&contents->texts);
    free(contents);
}

static uint32_t key_of(const struct cairn_description *description, const struct cairn_table *table,
                       size_t index)
{
    uint32_t key;
    memcpy(&key, (const char *)table->rows + index * description->row_size, sizeof(key));
    return key;
}

static bool ascends(const struct cairn_description *description, const struct cairn_table *table,
                    size_t index)
{
    if (!description->compare) {
        return key_of(description, table, index - 1) < key_of(description, table, index);
    }
    const char *row = (const char *)table->rows + index * description->row_size;
    return description->compare(row - description->row_size, row) < 0;
}

/* Room for one row more; NULL when memory ran out. */
static void *next_row(const struct cairn_description *description, struct cairn_table *table,
                      size_t *capacity)
{
    if (table->count == *capacity) {
        const size_t larger = *capacity ? *capacity * 2 : FIRST_ROWS;
        void *rows = larger <= SIZE_MAX / description->row_size
                         ? realloc(table->rows, larger * description->row_size)
                         : NULL;
        if (!rows) {
            return NULL;
        }
        table->rows = rows;
        *capacity = larger;
    }
    return (char *)table->rows + table->count * description->row_size;
}

static enum cairn_status load(struct cairn_trace *trace, const struct cairn_description *description,
                              struct cairn_table *table, struct cairn_error *error)
{
    struct cairn_cursor cursor;
    size_t capacity = 0;
    cairn_cursor_open(&cursor, trace, &trace->contents->texts, description->subject, description->sql, error);
    while (cairn_cursor_next(&cursor)) {
        void *row = next_row(description, table, &capacity);
        if (!row) {
            cursor.status = cairn_reader_no_memory(trace, error);
            break;
        }
        memset(row, 0, description->row_size);
        description->read(&cursor, row);
        /* Keys that do not ascend come from a page that is reached twice: such a scan need not end. */
        if (cursor.status == CAIRN_OK && table->count > 0 && !ascends(description, table, table->count)) {
            cairn_cursor_damaged(&cursor);
        }
        table->count++;
    }
    return cairn_cursor_close(&cursor);
}

enum cairn_status cairn_reader_table(struct cairn_trace *trace, enum cairn_table_id id,
                                     const struct cairn_table **table, struct cairn_error *error)
{
    const struct cairn_description *description = &cairn_descriptions[id];
    struct cairn_table *known = &trace->contents->tables[id];
    if (!known->loaded) {
        struct cairn_table read = {.rows = NULL};
        enum cairn_status status = load(trace, description, &read, error);
        if (status == CAIRN_OK && description->check) {
            status = description->check(trace, &read, error);
        }
        if (status != CAIRN_OK) {
            free(read.rows);
            return status;
        }
        read.loaded = true;
        *known = read;
    }
    *table = known;
    return CAIRN_OK;
}

const void *cairn_reader_find(struct cairn_trace *trace, enum cairn_table_id id, uint32_t key)
{
    const struct cairn_description *description = &cairn_descriptions[id];
    const struct cairn_table *table;
    if (key == 0 || cairn_reader_table(trace, id, &table, NULL) != CAIRN_OK || table->count == 0) {
        return NULL;
    }
    size_t low = 0, high = table->count;
    if (key <= table->count && key_of(description, table, key - 1) == key) {
        low = key - 1; /* numbers without holes, as the writer gives them */
        high = key;
    }
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const uint32_t its = key_of(description, table, middle);
        if (its == key) {
            return (const char *)table->rows + middle * description->row_size;
        }
        low = its < key ? middle + 1 : low;
        high = its < key ? high : middle;
    }
    return NULL;
}

const struct cairn_recording *cairn_trace_recording(const struct cairn_trace *trace)
{
    return trace->contents->tables[CAIRN_TABLE_RECORDING].rows;
}

#define DEFINE_LIST(function, type, id)                                                                      \
    enum cairn_status function(struct cairn_trace *trace, const struct type **rows, size_t *count,           \
                               struct cairn_error *error)                                                    \
    {                                                                                                        \
        const struct cairn_table *table;                                                                     \
        const enum cairn_status status = cairn_reader_table(trace, id, &table, error);                       \
        if (status == CAIRN_OK) {                                                                            \
            *rows = table->rows;                                                                             \
            *count = table->count;                                                                           \
        }                                                                                                    \
        return status;                                                                                       \
    }

DEFINE_LIST(cairn_trace_processes, cairn_process, CAIRN_TABLE_PROCESS)
DEFINE_LIST(cairn_trace_threads, cairn_thread, CAIRN_TABLE_THREAD)
DEFINE_LIST(cairn_trace_notes, cairn_note, CAIRN_TABLE_NOTE)
DEFINE_LIST(cairn_trace_modules, cairn_module, CAIRN_TABLE_MODULE)
DEFINE_LIST(cairn_trace_snapshots, cairn_snapshot, CAIRN_TABLE_SNAPSHOT)
DEFINE_LIST(cairn_trace_accounts, cairn_account, CAIRN_TABLE_ACCOUNT)

const struct cairn_frame *cairn_trace_frame(struct cairn_trace *trace, uint32_t frame)
{
    return cairn_reader_find(trace, CAIRN_TABLE_FRAME, frame);
}

const struct cairn_function *cairn_trace_function(struct cairn_trace *trace, uint32_t function)
{
    return cairn_reader_find(trace, CAIRN_TABLE_FUNCTION, function);
}

const struct cairn_source_file *cairn_trace_source_file(struct cairn_trace *trace, uint32_t file)
{
    return cairn_reader_find(trace, CAIRN_TABLE_FILE, file);
}

const struct cairn_module *cairn_trace_module(struct cairn_trace *trace, uint32_t module)
{
    return cairn_reader_find(trace, CAIRN_TABLE_MODULE, module);
}
