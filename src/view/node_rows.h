/* Rows of an object graph: a page of objects, what a row opens into, and the line that says why an object is alive. All of it
 * on the worker's thread; only pages are read, however large the graph is. */
#ifndef CAIRN_VIEW_NODE_ROWS_H
#define CAIRN_VIEW_NODE_ROWS_H

#include "query/objects.h"
#include "view/reader.h"
#include "view/rows.h"

enum cairn_node_value {
    CAIRN_NODE_RETAINED = 0,
    CAIRN_NODE_SHALLOW,
    CAIRN_NODE_IN,
    CAIRN_NODE_OUT,
    CAIRN_NODE_PERCENT, /* retained, of the whole heap */
    CAIRN_NODE_ADDRESS,
};

/* Which objects a table lists. */
enum cairn_node_what {
    CAIRN_NODES_LINKS = 0, /* list `list` of kind `kind` */
    CAIRN_NODES_ORIGIN,    /* allocated at a site or by a stack */
    CAIRN_NODES_LEAKS,     /* what no root reaches */
    CAIRN_NODES_WAY,       /* the way from a root to object `list` */
    CAIRN_NODES_ONE,       /* object `list` itself */
};

struct cairn_node_source {
    enum cairn_node_what what;
    enum cairn_graph_links kind;
    uint32_t list;
    enum cairn_graph_links below; /* what a row opens into: a list of this kind */
    bool only_new;                /* ORIGIN, and LINKS that do not fold: those made after A */
    uint32_t stack;               /* ORIGIN: 0: the site */
    uint32_t type;                /* ORIGIN: number + 1 of the only type; 0: all */
    int64_t site_id;
    enum cairn_by by;
};

/* The list behind all objects' own: what no single object holds. */
#define CAIRN_NODES_OF_ROOTS UINT32_MAX

struct cairn_node_page {
    struct cairn_node_source source;
    struct cairn_row_node node; /* of the row that opens; kind NONE: the table's first page */
    uint64_t parent_key;
    size_t most; /* links to look at, for a quick first answer; 0: all */
};

struct cairn_node_answer {
    struct cairn_rows rows;
    size_t total;  /* of the whole list */
    bool unfolded; /* there are more links than were looked at */
};

/* Release `answer->rows` in every case. */
CAIRN_MUST_CHECK enum cairn_status cairn_node_rows(struct cairn_reader *reader,
                                                   const struct cairn_inquiry *question,
                                                   const struct cairn_node_page *page,
                                                   struct cairn_node_answer *answer,
                                                   struct cairn_error *error);

/* "module app › .CACHE › ['u:17'] › list": clean. `glyph`: what stands between the steps. */
CAIRN_MUST_CHECK enum cairn_status cairn_why_text(struct cairn_graph *graph, uint32_t object,
                                                  struct cairn_buffer *text, struct cairn_error *error);
/* "41,230": every object counts. Returns `out`. */
#define CAIRN_EXACT_MAX 32
char *cairn_exact_count(int64_t count, char out[CAIRN_EXACT_MAX]);

/* Whether the graph holds objects of both languages: only then rows say theirs. */
bool cairn_graph_is_mixed(struct cairn_graph *graph);

#endif
