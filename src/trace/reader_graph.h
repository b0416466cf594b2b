/* The handle behind cairn/graph.h. Internal to trace.
 *
 *   reader_graph.c        which graphs there are; types, roots, accounts, strings: rows that are few
 *   reader_objects.c      objects and lists of them, chunk by chunk
 */
#ifndef CAIRN_TRACE_READER_GRAPH_H
#define CAIRN_TRACE_READER_GRAPH_H

#include "cairn/graph.h"
#include "trace/graph_codec.h"
#include "trace/reader.h"

/* A chunk's strings, one behind the other: string i is bytes ends[i - 1] … ends[i]. */
struct cairn_graph_strings {
    uint32_t ends[CAIRN_GRAPH_CHUNK_STRINGS];
    char bytes[];
};

struct cairn_graph {
    struct cairn_trace *trace;
    struct cairn_graph_info info;
    struct cairn_graph_codec codec;
    struct cairn_arena texts;
    struct cairn_lru *objects; /* of struct cairn_object[], by chunk */
    struct cairn_lru *rows;    /* of struct cairn_graph_rows, by kind and chunk */
    struct cairn_lru *parts;   /* of struct cairn_link[], by kind, list and part */
    struct cairn_lru *strings; /* of struct cairn_graph_strings, by chunk */
    struct cairn_graph_type *types;
    struct cairn_graph_account *accounts;
    size_t account_count;
};

/* The sentence for a BLOB that could not be decoded. */
enum cairn_status cairn_graph_undecoded(const struct cairn_graph *graph, enum cairn_status status,
                                        struct cairn_error *error);
/* Frees one value of `rows`. */
void cairn_graph_free_rows(void *value);

#endif
