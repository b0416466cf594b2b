#include "trace/reader_graph.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTS_CACHE_BYTES ((size_t)24 << 20)
#define ROWS_CACHE_BYTES    ((size_t)16 << 20)
#define PARTS_CACHE_BYTES   ((size_t)4 << 20)
#define STRINGS_CACHE_BYTES ((size_t)4 << 20)
#define MOST_GRAPHS         65536u

static void read_info(struct cairn_cursor *cursor, struct cairn_graph_info *row)
{
    *row = (struct cairn_graph_info){
        .graph = cairn_cursor_number(cursor, 0),
        .process = cairn_cursor_number(cursor, 1),
        .snapshot = cairn_cursor_number(cursor, 2),
        .t_ns = cairn_cursor_int(cursor, 3),
        .pause_ns = cairn_cursor_int(cursor, 4),
        .name = cairn_cursor_text(cursor, 5),
        .objects = cairn_cursor_number(cursor, 6),
        .edges = cairn_cursor_number(cursor, 7),
        .roots = cairn_cursor_number(cursor, 8),
        .types = cairn_cursor_number(cursor, 9),
        .strings = cairn_cursor_number(cursor, 10),
        .cycles = cairn_cursor_number(cursor, 11),
        .accounts = cairn_cursor_number(cursor, 12),
        .shallow_bytes = cairn_cursor_int(cursor, 13),
        .definite_objects = cairn_cursor_int(cursor, 14),
        .definite_bytes = cairn_cursor_int(cursor, 15),
        .indirect_objects = cairn_cursor_int(cursor, 16),
        .indirect_bytes = cairn_cursor_int(cursor, 17),
    };
    if (row->graph == 0 || row->objects > UINT32_MAX - 4 || row->types > row->objects ||
        row->cycles > row->objects) {
        cairn_cursor_damaged(cursor);
    }
}

/* Doubles `*rows` when it is full; false (and the cursor failed) when memory ran out. */
static bool reserve(void **rows, size_t count, size_t row_size, struct cairn_cursor *cursor)
{
    if (count != 0 && (count < 64 || (count & (count - 1)) != 0)) {
        return true;
    }
    const size_t larger = count < 64 ? 64 : count * 2;
    void *grown = larger <= SIZE_MAX / row_size ? realloc(*rows, larger * row_size) : NULL;
    if (!grown) {
        cursor->status = cairn_reader_no_memory(cursor->trace, cursor->error);
        return false;
    }
    *rows = grown;
    return true;
}

static enum cairn_status load_graphs(struct cairn_trace *trace, struct cairn_error *error)
{
    struct cairn_cursor cursor;
    struct cairn_table *table = &trace->contents->graphs;
    size_t count = 0;
    cairn_cursor_open(
        &cursor, trace, &trace->contents->texts, "object graphs",
        "SELECT graph, process, snapshot, t_ns, pause_ns, name, objects, edges, roots, types, strings, "
        "cycles, accounts, shallow_bytes, definite_objects, definite_bytes, indirect_objects, "
        "indirect_bytes FROM graph ORDER BY graph",
        error);
    while (cairn_cursor_next(&cursor) &&
           reserve(&table->rows, count, sizeof(struct cairn_graph_info), &cursor)) {
        read_info(&cursor, (struct cairn_graph_info *)table->rows + count++);
        if (count > MOST_GRAPHS) {
            cairn_cursor_damaged(&cursor);
        }
    }
    const enum cairn_status status = cairn_cursor_close(&cursor);
    table->count = count;
    table->loaded = status == CAIRN_OK;
    return status;
}

enum cairn_status cairn_trace_graphs(struct cairn_trace *trace, const struct cairn_graph_info **rows,
                                     size_t *count, struct cairn_error *error)
{
    const struct cairn_table *table = &trace->contents->graphs;
    const enum cairn_status status = table->loaded ? CAIRN_OK : load_graphs(trace, error);
    if (status == CAIRN_OK) {
        *rows = table->rows;
        *count = table->count;
    }
    return status;
}

static enum cairn_status not_there(const struct cairn_trace *trace, const struct cairn_graph_info *rows,
                                   size_t count, uint32_t number, struct cairn_error *error)
{
    const struct cairn_recording *recording = cairn_trace_recording(trace);
    if (count == 0 && (recording->untold & CAIRN_UNTOLD_AROUND)) {
        return cairn_fail(error, CAIRN_E_NOT_FOUND,
                          "%s: it was imported, and holds no object graph: record the program with cairn",
                          trace->path);
    }
    if (count == 0 && recording->sample_bytes > 0) {
        return cairn_fail(error, CAIRN_E_NOT_FOUND,
                          "%s: it is sampled, and holds no object graph: record without --sample",
                          trace->path);
    }
    if (count == 0 && (recording->untold & CAIRN_UNTOLD_BEFORE)) {
        return cairn_fail(
            error, CAIRN_E_NOT_FOUND,
            "%s: it holds no object graph: take one while it is recorded (cairn snapshot PID --graph)",
            trace->path);
    }
    if (count == 0) {
        return cairn_fail(error, CAIRN_E_NOT_FOUND,
                          "%s: it holds no object graph: record with --graph end, peak or a duration",
                          trace->path);
    }
    return cairn_fail(error, CAIRN_E_NOT_FOUND,
                      "there is no graph %" PRIu32 " in this trace: it holds %" PRIu32 " to %" PRIu32, number,
                      rows[0].graph, rows[count - 1].graph);
}

enum cairn_status cairn_graph_open(struct cairn_trace *trace, uint32_t number, struct cairn_graph **graph,
                                   struct cairn_error *error)
{
    const struct cairn_graph_info *rows, *found = NULL;
    size_t count;
    const enum cairn_status status = cairn_trace_graphs(trace, &rows, &count, error);
    if (status != CAIRN_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        /* Numbers are in the order of storing, which may not be that of taking. */
        const bool later = number == 0 && (!found || rows[i].t_ns >= found->t_ns);
        found = later || rows[i].graph == number ? &rows[i] : found;
    }
    if (!found) {
        return not_there(trace, rows, count, number, error);
    }
    struct cairn_graph *made = calloc(1, sizeof *made);
    if (!made) {
        return cairn_reader_no_memory(trace, error);
    }
    made->trace = trace;
    made->info = *found;
    made->objects = cairn_lru_new(OBJECTS_CACHE_BYTES, free);
    made->rows = cairn_lru_new(ROWS_CACHE_BYTES, cairn_graph_free_rows);
    made->parts = cairn_lru_new(PARTS_CACHE_BYTES, free);
    made->strings = cairn_lru_new(STRINGS_CACHE_BYTES, free);
    if (!made->objects || !made->rows || !made->parts || !made->strings) {
        cairn_graph_close(made);
        return cairn_reader_no_memory(trace, error);
    }
    *graph = made;
    return CAIRN_OK;
}

void cairn_graph_close(struct cairn_graph *graph)
{
    if (!graph) {
        return;
    }
    struct cairn_lru *const caches[] = {graph->objects, graph->rows, graph->parts, graph->strings};
    for (size_t i = 0; i < sizeof caches / sizeof *caches; i++) {
        if (caches[i]) {
            cairn_lru_free(caches[i]);
        }
    }
    cairn_graph_codec_release(&graph->codec);
    cairn_arena_release(&graph->texts);
    free(graph->types);
    free(graph->accounts);
    free(graph);
}

const struct cairn_graph_info *cairn_graph_about(const struct cairn_graph *graph)
{
    return &graph->info;
}

struct cairn_trace *cairn_graph_trace(const struct cairn_graph *graph)
{
    return graph->trace;
}

enum cairn_status cairn_graph_undecoded(const struct cairn_graph *graph, enum cairn_status status,
                                        struct cairn_error *error)
{
    return status == CAIRN_E_NOMEM ? cairn_reader_no_memory(graph->trace, error)
                                   : cairn_reader_damaged(graph->trace, "its object graph", error);
}

static enum cairn_status load_types(struct cairn_graph *graph, struct cairn_error *error)
{
    struct cairn_cursor cursor;
    void *rows = NULL;
    uint32_t count = 0;
    cairn_cursor_open(&cursor, graph->trace, &graph->texts, "types of an object graph",
                      "SELECT type, name, lang, count, shallow_bytes, retained_bytes FROM graph_type WHERE "
                      "graph = ?1 ORDER BY type",
                      error);
    cairn_cursor_bind(&cursor, 1, graph->info.graph);
    while (cairn_cursor_next(&cursor) && reserve(&rows, count, sizeof(struct cairn_graph_type), &cursor)) {
        struct cairn_graph_type *row = (struct cairn_graph_type *)rows + count;
        *row = (struct cairn_graph_type){
            .type = cairn_cursor_number(&cursor, 0),
            .name = cairn_cursor_text(&cursor, 1),
            .lang = cairn_cursor_int(&cursor, 2) == CAIRN_LANG_PYTHON ? CAIRN_LANG_PYTHON : CAIRN_LANG_NATIVE,
            .count = cairn_cursor_int(&cursor, 3),
            .shallow_bytes = cairn_cursor_int(&cursor, 4),
            .retained_bytes = cairn_cursor_int(&cursor, 5),
        };
        if (row->type != count++ || count > graph->info.types) {
            cairn_cursor_damaged(&cursor);
        }
    }
    if (count != graph->info.types) {
        cairn_cursor_damaged(&cursor);
    }
    const enum cairn_status status = cairn_cursor_close(&cursor);
    if (status != CAIRN_OK) {
        free(rows);
        return status;
    }
    graph->types = rows;
    return CAIRN_OK;
}

enum cairn_status cairn_graph_types(struct cairn_graph *graph, const struct cairn_graph_type **rows,
                                    size_t *count, struct cairn_error *error)
{
    const enum cairn_status status =
        graph->types || graph->info.types == 0 ? CAIRN_OK : load_types(graph, error);
    if (status == CAIRN_OK) {
        *rows = graph->types;
        *count = graph->info.types;
    }
    return status;
}

static enum cairn_status load_accounts(struct cairn_graph *graph, struct cairn_error *error)
{
    struct cairn_cursor cursor;
    void *rows = NULL;
    size_t count = 0;
    cairn_cursor_open(&cursor, graph->trace, &graph->texts, "accounts of an object graph",
                      "SELECT account, type, class, objects, blocks, bytes, oldest_event FROM graph_account "
                      "WHERE graph = ?1 ORDER BY account, type, class",
                      error);
    cairn_cursor_bind(&cursor, 1, graph->info.graph);
    while (cairn_cursor_next(&cursor) && reserve(&rows, count, sizeof(struct cairn_graph_account), &cursor)) {
        struct cairn_graph_account *row = (struct cairn_graph_account *)rows + count++;
        *row = (struct cairn_graph_account){
            .account = cairn_cursor_number(&cursor, 0),
            .type = cairn_cursor_number(&cursor, 1),
            .class = (int)(cairn_cursor_number(&cursor, 2) % 4),
            .objects = cairn_cursor_int(&cursor, 3),
            .blocks = cairn_cursor_int(&cursor, 4),
            .bytes = cairn_cursor_int(&cursor, 5),
            .oldest_serial = cairn_cursor_optional(&cursor, 6),
        };
        if (row->account == 0 || row->account > graph->info.accounts || row->type >= graph->info.types ||
            row->class >= CAIRN_OBJECT_CLASSES || row->objects < 0 || row->blocks < 0 || row->bytes < 0) {
            cairn_cursor_damaged(&cursor);
        }
    }
    const enum cairn_status status = cairn_cursor_close(&cursor);
    if (status != CAIRN_OK) {
        free(rows);
        return status;
    }
    graph->accounts = rows;
    graph->account_count = count;
    return CAIRN_OK;
}

enum cairn_status cairn_graph_accounts(struct cairn_graph *graph, const struct cairn_graph_account **rows,
                                       size_t *count, struct cairn_error *error)
{
    const enum cairn_status status = graph->accounts ? CAIRN_OK : load_accounts(graph, error);
    if (status == CAIRN_OK) {
        *rows = graph->accounts;
        *count = graph->account_count;
    }
    return status;
}

enum cairn_status cairn_graph_root(struct cairn_graph *graph, uint32_t root, struct cairn_graph_root_row *row,
                                   struct cairn_error *error)
{
    struct cairn_cursor cursor;
    struct cairn_graph_root_row found = {.root = root};
    cairn_cursor_open(&cursor, graph->trace, &graph->texts, "roots of an object graph",
                      "SELECT object, kind, name FROM graph_root WHERE graph = ?1 AND root = ?2", error);
    cairn_cursor_bind(&cursor, 1, graph->info.graph);
    cairn_cursor_bind(&cursor, 2, root);
    if (cairn_cursor_next(&cursor)) {
        found.object = cairn_cursor_number(&cursor, 0);
        found.kind = cairn_cursor_text(&cursor, 1);
        found.name = cairn_cursor_text(&cursor, 2);
    }
    if (!found.kind || !found.name || found.object >= graph->info.objects) {
        cairn_cursor_damaged(&cursor);
    }
    const enum cairn_status status = cairn_cursor_close(&cursor);
    if (status == CAIRN_OK) {
        *row = found;
    }
    return status;
}

static enum cairn_status load_strings(struct cairn_graph *graph, uint32_t chunk, size_t count,
                                      struct cairn_graph_strings **strings, size_t *size,
                                      struct cairn_error *error)
{
    struct cairn_cursor cursor;
    struct cairn_graph_strings *made = NULL;
    cairn_cursor_open(&cursor, graph->trace, NULL, "strings of an object graph",
                      "SELECT data FROM graph_string WHERE graph = ?1 AND chunk = ?2", error);
    cairn_cursor_bind(&cursor, 1, graph->info.graph);
    cairn_cursor_bind(&cursor, 2, chunk);
    if (cairn_cursor_next(&cursor)) {
        size_t blob_size;
        uint32_t ends[CAIRN_GRAPH_CHUNK_STRINGS] = {0};
        const char *bytes = NULL;
        const void *blob = cairn_cursor_blob(&cursor, 0, &blob_size);
        const enum cairn_status decoded =
            cairn_graph_decode_strings(&graph->codec, blob, blob_size, count, ends, &bytes);
        *size = sizeof *made + ends[count - 1];
        made = decoded == CAIRN_OK ? malloc(*size) : NULL;
        if (made) {
            memcpy(made->ends, ends, sizeof ends);
            memcpy(made->bytes, bytes, ends[count - 1]);
        } else if (cursor.status == CAIRN_OK) {
            cursor.status =
                cairn_graph_undecoded(graph, decoded == CAIRN_OK ? CAIRN_E_NOMEM : decoded, error);
        }
    } else {
        cairn_cursor_damaged(&cursor);
    }
    const enum cairn_status status = cairn_cursor_close(&cursor);
    if (status != CAIRN_OK) {
        free(made);
        return status;
    }
    *strings = made;
    return CAIRN_OK;
}

/* Borrowed until the next chunk is asked for. */
static enum cairn_status chunk_of_strings(struct cairn_graph *graph, uint32_t chunk,
                                          const struct cairn_graph_strings **strings,
                                          struct cairn_error *error)
{
    struct cairn_graph_strings *found = cairn_lru_get(graph->strings, chunk);
    if (!found) {
        const uint32_t left = graph->info.strings - chunk * CAIRN_GRAPH_CHUNK_STRINGS;
        size_t size = 0;
        const enum cairn_status status =
            load_strings(graph, chunk, left < CAIRN_GRAPH_CHUNK_STRINGS ? left : CAIRN_GRAPH_CHUNK_STRINGS,
                         &found, &size, error);
        if (status != CAIRN_OK) {
            return status;
        }
        if (cairn_lru_put(graph->strings, chunk, found, size) != 0) {
            return cairn_reader_no_memory(graph->trace, error);
        }
    }
    *strings = found;
    return CAIRN_OK;
}

enum cairn_status cairn_graph_string(struct cairn_graph *graph, uint32_t number, struct cairn_arena *arena,
                                     const char **text, struct cairn_error *error)
{
    if (number == 0) {
        *text = "";
        return CAIRN_OK;
    }
    if (number >= graph->info.strings) {
        return cairn_graph_undecoded(graph, CAIRN_E_FORMAT, error);
    }
    const struct cairn_graph_strings *strings = NULL;
    const enum cairn_status status =
        chunk_of_strings(graph, number / CAIRN_GRAPH_CHUNK_STRINGS, &strings, error);
    if (status != CAIRN_OK) {
        return status;
    }
    const uint32_t at = number % CAIRN_GRAPH_CHUNK_STRINGS, begin = at > 0 ? strings->ends[at - 1] : 0;
    const char *copy = cairn_arena_copy(arena, strings->bytes + begin, strings->ends[at] - begin);
    if (!copy) {
        return cairn_reader_no_memory(graph->trace, error);
    }
    *text = copy;
    return CAIRN_OK;
}

enum cairn_status cairn_graph_keys(struct cairn_graph *graph, uint32_t chunk, struct cairn_graph_key **keys,
                                   size_t *count, struct cairn_error *error)
{
    struct cairn_cursor cursor;
    struct cairn_graph_key *made = NULL;
    size_t found = 0;
    cairn_cursor_open(&cursor, graph->trace, NULL, "identities of an object graph",
                      "SELECT data FROM graph_identity WHERE graph = ?1 AND chunk = ?2", error);
    cairn_cursor_bind(&cursor, 1, graph->info.graph);
    cairn_cursor_bind(&cursor, 2, chunk);
    if (cairn_cursor_next(&cursor)) {
        size_t size;
        const void *blob = cairn_cursor_blob(&cursor, 0, &size);
        const enum cairn_status decoded =
            cairn_graph_decode_keys(&graph->codec, &graph->info, blob, size, &made, &found);
        if (decoded != CAIRN_OK && cursor.status == CAIRN_OK) {
            cursor.status = cairn_graph_undecoded(graph, decoded, error);
        }
    }
    const enum cairn_status status = cairn_cursor_close(&cursor);
    if (status != CAIRN_OK) {
        free(made);
        return status;
    }
    *keys = made;
    *count = found;
    return CAIRN_OK;
}
