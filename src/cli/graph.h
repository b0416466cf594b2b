/* `cairn graph`: what its verbs share. A verb is a line in the table of graph.c and a function in one of these files:
 *
 *   graph_types.c     types, diff
 *   graph_sites.c     sites
 *   graph_objects.c   objects, unreachable, referents, referrers, dominators
 *   graph_show.c      show, path
 *   graph_dot.c       dot
 *   graph_svg.c       a drawing made by Graphviz
 *   graph_node.c      one object in JSON, CSV and as a row of a table
 */
#ifndef CAIRN_CLI_GRAPH_H
#define CAIRN_CLI_GRAPH_H

#include "cli/answer.h"
#include "cli/select.h"
#include "query/objects.h"

/* What types and differences can be ordered by; a key that the other one has stands for its usual order. */
enum cairn_graph_sort {
    CAIRN_GRAPH_SORT_USUAL = 0,
    CAIRN_GRAPH_SORT_RETAINED,
    CAIRN_GRAPH_SORT_SHALLOW,
    CAIRN_GRAPH_SORT_COUNT,
    CAIRN_GRAPH_SORT_DELTA_BYTES,
    CAIRN_GRAPH_SORT_DELTA_COUNT,
    CAIRN_GRAPH_SORT_NEW,
    CAIRN_GRAPH_SORT_GONE,
    CAIRN_GRAPH_SORT_NAME,
};

struct cairn_graph_request {
    struct cairn_trace *trace;
    const struct cairn_selection *selection;
    struct cairn_graph *graph;
    const struct cairn_output_arguments *output;
    char *const *words; /* behind the verb */
    size_t word_count;
    size_t limit, offset, frames, depth; /* limit 0: all */
    enum cairn_graph_sort sort;
    bool backwards;
    const char *suppressions; /* unreachable: the file of what to leave out; NULL: none */
    const char *svg;          /* dot: the file to write; NULL: text on standard output */
    bool force;               /* dot: write over a file that is there already */
};

/* Each prints one answer, or complains; the exit status. */
int cairn_graph_verb_types(const struct cairn_graph_request *request);
int cairn_graph_verb_diff(const struct cairn_graph_request *request);
int cairn_graph_verb_sites(const struct cairn_graph_request *request);
int cairn_graph_verb_objects(const struct cairn_graph_request *request);
int cairn_graph_verb_unreachable(const struct cairn_graph_request *request);
int cairn_graph_verb_referents(const struct cairn_graph_request *request);
int cairn_graph_verb_referrers(const struct cairn_graph_request *request);
int cairn_graph_verb_dominators(const struct cairn_graph_request *request);
int cairn_graph_verb_show(const struct cairn_graph_request *request);
int cairn_graph_verb_path(const struct cairn_graph_request *request);
int cairn_graph_verb_dot(const struct cairn_graph_request *request);

/* Has Graphviz draw `text` into a new file, or complains; the exit status. */
int cairn_graph_svg(const struct cairn_graph_request *request, const struct cairn_buffer *text);

/* "graph 2 of 2 at 12.0 s  614 k objects …" */
void cairn_graph_text_head(struct cairn_answer *answer, const struct cairn_graph_request *request);
/* The envelope of "graph.VERB", and the graph's number. */
void cairn_graph_json_head(struct cairn_answer *answer, const struct cairn_graph_request *request,
                           const char *verb);

/* Objects with what their rows need beyond the graph: looked up before anything is printed. */
struct cairn_graph_nodes {
    struct cairn_objects objects;
    struct cairn_object_birth *births; /* beside objects.rows; NULL in text */
};
/* Takes `objects` over. `deep_budget`: objects to look at for deep sizes, of all rows together. */
CAIRN_MUST_CHECK enum cairn_status cairn_graph_nodes_load(const struct cairn_graph_request *request,
                                                          struct cairn_objects *objects, size_t deep_budget,
                                                          struct cairn_graph_nodes *nodes,
                                                          struct cairn_error *error);
void cairn_graph_nodes_release(struct cairn_graph_nodes *nodes);

/* The members of the open object that say what the node is. */
void cairn_graph_json_node(struct cairn_answer *answer, const struct cairn_graph_request *request,
                           const struct cairn_graph_nodes *nodes, size_t row);
#define CAIRN_CSV_NODE                                                                                       \
    "id,serial,type,lang,address,label,shallow_bytes,block_bytes,deep_bytes,retained_bytes,referrers,"       \
    "referents,root,class,allocated_t_ns,thread,stack"
void cairn_graph_csv_node(struct cairn_answer *answer, const struct cairn_graph_request *request,
                          const struct cairn_graph_nodes *nodes, size_t row);

/* A table of object rows: `edge → type  label  0xaddr  shallow  retained  in/out`. */
void cairn_graph_table_init(struct cairn_text_table *table, const struct cairn_answer *answer, bool edges);
void cairn_graph_table_row(struct cairn_text_table *table, const struct cairn_answer *answer,
                           const struct cairn_object_row *row, bool edges);
/* What stands for several rows: "[*] ×41,230  dict", with the sums of their sizes. */
void cairn_graph_table_fold(struct cairn_text_table *table, const struct cairn_answer *answer,
                            const struct cairn_object_row *row, bool edges, int64_t count,
                            int64_t shallow_bytes, int64_t retained_bytes);

const char *cairn_graph_lang_name(int lang);

#endif
