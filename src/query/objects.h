/* Objects of a graph as answers show them: pages of lists, one object with its facts, the way that keeps it alive.
 *
 * Everything is read page by page; texts are raw (sanitise before showing) and owned by the answer's arena. */
#ifndef CAIRN_QUERY_OBJECTS_H
#define CAIRN_QUERY_OBJECTS_H

#include "cairn/graph.h"

struct cairn_suppressions; /* leaks.h */

struct cairn_object_row {
    const char
        *edge; /* ".attr", "[3]", "['key']", "[*]" for several of one list; NULL in lists without edges */
    int confidence; /* enum cairn_graph_confidence */
    int64_t count;  /* edges that it stands for */
    bool shared;    /* several of the referents listed lead to the object: a deep size counts it once */
    struct cairn_object object;
    const char *type, *label;
    const char *root_kind, *root_name; /* NULL: no root names it */
    int64_t deep_bytes;                /* CAIRN_UNKNOWN unless asked for: cairn_object_deep() */
};

/* What may be folded: edges between the same two objects whose only names are indexes. */
struct cairn_objects {
    struct cairn_object_row *rows;
    size_t row_count;
    size_t rows_total;  /* all of the list; folding of what is not shown cannot be known and is not counted */
    size_t next_offset; /* for the page behind this one */
    struct cairn_arena arena;
};

/* At most `limit` rows (0: all) from link `offset` on, largest retained size first. Release in every case of success. */
CAIRN_MUST_CHECK enum cairn_status cairn_objects_list(struct cairn_graph *graph, enum cairn_graph_links kind,
                                                      uint32_t list, size_t offset, size_t limit,
                                                      struct cairn_objects *objects,
                                                      struct cairn_error *error);
/* Definite leaks, then indirect ones. */
CAIRN_MUST_CHECK enum cairn_status cairn_objects_unreachable(struct cairn_graph *graph, size_t offset,
                                                             size_t limit, struct cairn_objects *objects,
                                                             struct cairn_error *error);
/* The same without what is suppressed, and what that keeps. */
CAIRN_MUST_CHECK enum cairn_status
cairn_objects_unsuppressed(struct cairn_trace *trace, struct cairn_graph *graph,
                           const struct cairn_suppressions *suppressions, size_t offset, size_t limit,
                           struct cairn_objects *objects, struct cairn_error *error);
/* One object, as a list of one row. */
CAIRN_MUST_CHECK enum cairn_status cairn_objects_one(struct cairn_graph *graph, uint32_t id,
                                                     struct cairn_objects *objects,
                                                     struct cairn_error *error);
/* Why it is alive: a shortest way, the root's object first, each row with the edge that leads to it. No rows: no root reaches
 * it. Of ways longer than `most` rows the middle is left out: `left_out` rows before row `left_out_before`. */
struct cairn_object_way {
    struct cairn_objects steps;
    size_t left_out, left_out_before;
};
CAIRN_MUST_CHECK enum cairn_status cairn_object_way(struct cairn_graph *graph, uint32_t id, size_t most,
                                                    struct cairn_object_way *way, struct cairn_error *error);
void cairn_objects_release(struct cairn_objects *objects);

/* Bytes of an object and all that can be reached from it but types, modules and functions. Looks at `budget` objects at most
 * (0: all): `*whole` is false when there are more, and `*bytes` is then at least so much. `met` (may be NULL): how many were
 * looked at. */
CAIRN_MUST_CHECK enum cairn_status cairn_object_deep(struct cairn_graph *graph, uint32_t id, size_t budget,
                                                     int64_t *bytes, bool *whole, size_t *met,
                                                     struct cairn_error *error);

/* Who allocated it, and when. */
struct cairn_object_birth {
    int64_t t_ns;    /* CAIRN_UNKNOWN: its block was not recorded, or the events of that time are not kept */
    int64_t tid;     /* CAIRN_UNKNOWN */
    uint32_t thread; /* 0: not known */
    uint32_t stack;  /* 0: not known */
};
CAIRN_MUST_CHECK enum cairn_status cairn_object_birth(struct cairn_graph *graph,
                                                      const struct cairn_object *object,
                                                      struct cairn_object_birth *birth,
                                                      struct cairn_error *error);

/* "12" or "0x7f12…" as an object of the graph; CAIRN_E_USAGE, CAIRN_E_NOT_FOUND. */
CAIRN_MUST_CHECK enum cairn_status cairn_object_parse(struct cairn_graph *graph, const char *text,
                                                      uint32_t *id, struct cairn_error *error);
/* A type by its name, or by what stands behind its last dot; CAIRN_E_NOT_FOUND names similar ones. */
CAIRN_MUST_CHECK enum cairn_status cairn_type_parse(struct cairn_graph *graph, const char *text,
                                                    uint32_t *type, struct cairn_error *error);

/* "reachable", "definite", "indirect"; "exact", "interior", "doubtful", "weak". */
const char *cairn_object_class_name(int class);
const char *cairn_confidence_name(int confidence);

#endif
