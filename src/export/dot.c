/* The call tree as a graph for dot: the paths that matter. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/human.h"
#include "export/formats.h"
#include "export/text.h"
#include "query/no_memory.h"
#include "query/tree.h"

#define LEAST_PERCENT 0.5
#define NODES_MOST    300u /* what dot lays out in a few seconds */

/* Percents at or above which at most NODES_MOST nodes are; a node is never larger than its parent, so paths stay whole. */
static double threshold(const struct cairn_tree *tree)
{
    double least = LEAST_PERCENT;
    for (;;) {
        size_t shown = 0;
        for (size_t i = 0; i < tree->node_count; i++) {
            shown += tree->nodes[i].percent >= least;
        }
        if (shown <= NODES_MOST || least > 100) {
            return least;
        }
        least *= 1.5;
    }
}

static void write_node(const struct cairn_tree *tree, size_t i, const struct cairn_selection *selection,
                       struct cairn_buffer *label, FILE *out)
{
    const struct cairn_tree_node *node = &tree->nodes[i];
    const enum cairn_by by = selection->by == CAIRN_BY_LINE ? CAIRN_BY_LINE : CAIRN_BY_FUNCTION;
    const int64_t value = cairn_counts_metric(&node->counts, selection->metric);
    const bool bytes =
        selection->metric != CAIRN_METRIC_ALLOCATIONS && selection->metric != CAIRN_METRIC_TEMPORARY;
    char human[CAIRN_HUMAN_MAX];
    cairn_export_label(label, &node->site, by);
    cairn_buffer_format(label, "\n%s (%.1f %%)",
                        bytes ? cairn_human_bytes(human, value) : cairn_human_count(human, value),
                        node->percent);
    fprintf(out, "  n%zu [label=", i);
    cairn_export_dot_text(out, cairn_buffer_cstr(label));
    fprintf(out, ", fillcolor=\"0.08 %.3f 1.0\"];\n", node->percent > 100 ? 1.0 : node->percent / 100);
    if (node->parent != UINT32_MAX) {
        fprintf(out, "  n%" PRIu32 " -> n%zu;\n", node->parent, i);
    }
}

static enum cairn_status write_dot(const struct cairn_export *export, FILE *out, struct cairn_error *error)
{
    struct cairn_tree tree;
    struct cairn_buffer label = CAIRN_BUFFER_INIT;
    enum cairn_status status =
        cairn_tree(export->trace, export->selection, &export->at, &export->span, false, &tree, error);
    if (status != CAIRN_OK) {
        return status;
    }
    const double least = threshold(&tree);
    fputs("digraph cairn {\n  node [shape=box, style=filled, fontname=\"sans-serif\"];\n", out);
    for (size_t i = 0; i < tree.node_count; i++) {
        if (tree.nodes[i].percent >= least) {
            write_node(&tree, i, export->selection, &label, out);
        }
    }
    fputs("}\n", out);
    if (label.failed) {
        status = cairn_no_memory(error, "the export");
    }
    cairn_buffer_release(&label);
    cairn_tree_release(&tree);
    return status;
}

const struct cairn_exporter cairn_exporter_dot = {
    .name = "dot",
    .summary = "the call tree for Graphviz: paths of at least 0.5 %",
    .write = write_dot,
};
