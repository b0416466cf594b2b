/* massif's output, as ms_print and massif-visualizer read it: the heap over time, and who holds it at one moment. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "export/formats.h"
#include "export/text.h"
#include "query/no_memory.h"
#include "query/timeline.h"
#include "query/tree.h"

#define CURVE_POINTS 70u
#define NS_PER_MS    INT64_C(1000000)

struct massif {
    const struct cairn_export *export;
    const struct cairn_tree *tree; /* bottom-up */
    FILE *out;
    struct cairn_buffer text;
    unsigned snapshot;
};

static void write_head(struct massif *massif, int64_t t_ns, int64_t heap_bytes)
{
    fprintf(massif->out,
            "#-----------\nsnapshot=%u\n#-----------\ntime=%" PRId64 "\nmem_heap_B=%" PRId64
            "\nmem_heap_extra_B=0\nmem_stacks_B=0\n",
            massif->snapshot++, (t_ns + NS_PER_MS - 1) / NS_PER_MS, heap_bytes);
}

static unsigned live_children(const struct cairn_tree *tree, size_t first, size_t count)
{
    unsigned live = 0;
    for (size_t i = first; i < first + count; i++) {
        live += tree->nodes[i].counts.live_bytes > 0;
    }
    return live;
}

/* Children come right below their parent, a blank further in. Trees are at most as deep as stacks. */
static void write_nodes(struct massif *massif, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        const struct cairn_tree_node *node = &massif->tree->nodes[i];
        if (node->counts.live_bytes <= 0) {
            continue;
        }
        const int64_t offset = node->site.offset == CAIRN_UNKNOWN ? 0 : node->site.offset;
        fprintf(massif->out, "%*sn%u: %" PRId64 " 0x%" PRIX64 ": ", (int)node->depth + 1, "",
                live_children(massif->tree, node->first_child, node->child_count), node->counts.live_bytes,
                offset);
        fputs(cairn_export_label(&massif->text, &node->site, CAIRN_BY_FUNCTION), massif->out);
        const char *place = cairn_export_place(&massif->text, &node->site);
        if (*place) {
            fprintf(massif->out, " (%s)", place);
        }
        fputc('\n', massif->out);
        write_nodes(massif, node->first_child, node->child_count);
    }
}

static void write_detailed(struct massif *massif)
{
    const struct cairn_tree *tree = massif->tree;
    const unsigned roots = live_children(tree, 0, tree->root_count);
    int64_t held = 0;
    for (size_t i = 0; i < tree->root_count; i++) {
        held += tree->nodes[i].counts.live_bytes > 0 ? tree->nodes[i].counts.live_bytes : 0;
    }
    write_head(massif, tree->at.t_ns, held);
    fprintf(massif->out, "heap_tree=peak\nn%u: %" PRId64 " (heap allocation functions)\n", roots, held);
    write_nodes(massif, 0, tree->root_count);
}

/* The curve is of the whole heap: beside a part of it, it would say something else. */
static bool wants_curve(const struct cairn_selection *selection)
{
    return selection->filter == NULL && selection->process == 0 && selection->tid == 0 &&
           selection->lang == CAIRN_LANG_ALL;
}

static void write_all(struct massif *massif, const struct cairn_rate_point *points, size_t count)
{
    const struct cairn_recording *recording = cairn_trace_recording(massif->export->trace);
    const int64_t at_ns = massif->tree->at.t_ns;
    fputs("desc: written by cairn\ncmd: ", massif->out);
    cairn_buffer_reset(&massif->text);
    cairn_export_clean(&massif->text, recording->program);
    fprintf(massif->out, "%s\ntime_unit: ms\n", cairn_buffer_cstr(&massif->text));
    write_head(massif, 0, 0);
    fputs("heap_tree=empty\n", massif->out);
    size_t i = 0;
    for (; i < count && points[i].t_ns < at_ns; i++) {
        write_head(massif, points[i].t_ns, points[i].heap_bytes);
        fputs("heap_tree=empty\n", massif->out);
    }
    write_detailed(massif);
    for (; i < count; i++) {
        if (points[i].t_ns > at_ns) {
            write_head(massif, points[i].t_ns, points[i].heap_bytes);
            fputs("heap_tree=empty\n", massif->out);
        }
    }
}

/* The heap's largest moment, so that the curve is never below what is told of it: a point is what was live at its end. */
static enum cairn_status add_peak(const struct cairn_export *export, struct cairn_rate_point **points,
                                  size_t *count, struct cairn_error *error)
{
    uint64_t position;
    struct cairn_rate_point peak = {.heap_blocks = CAIRN_UNKNOWN};
    enum cairn_status status =
        cairn_trace_peak_between(export->trace, 0, export->span.from.position, export->span.to.position,
                                 &position, &peak.heap_bytes, error);
    if (status == CAIRN_OK) {
        status = cairn_trace_time_of(export->trace, position, &peak.t_ns, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    struct cairn_rate_point *grown = realloc(*points, (*count + 1) * sizeof *grown);
    if (!grown) {
        return cairn_no_memory(error, "the export");
    }
    size_t at = 0;
    while (at < *count && grown[at].t_ns < peak.t_ns) {
        at++;
    }
    memmove(grown + at + 1, grown + at, (*count - at) * sizeof *grown);
    grown[at] = peak;
    *points = grown;
    ++*count;
    return CAIRN_OK;
}

static enum cairn_status write_massif(const struct cairn_export *export, FILE *out, struct cairn_error *error)
{
    struct cairn_selection live = *export->selection;
    struct cairn_tree tree;
    struct cairn_rate_point *points = NULL;
    size_t count = 0;
    live.metric = CAIRN_METRIC_LIVE;
    enum cairn_status status =
        cairn_tree(export->trace, &live, &export->at, &export->span, true, &tree, error);
    if (status != CAIRN_OK) {
        return status;
    }
    if (wants_curve(&live)) {
        status = cairn_timeline(export->trace, &export->span, CURVE_POINTS, &points, &count, error);
        if (status == CAIRN_OK) {
            status = add_peak(export, &points, &count, error);
        }
    }
    struct massif massif = {.export = export, .tree = &tree, .out = out, .text = CAIRN_BUFFER_INIT};
    if (status == CAIRN_OK) {
        write_all(&massif, points, count);
        status = massif.text.failed ? cairn_no_memory(error, "the export") : CAIRN_OK;
    }
    free(points);
    cairn_buffer_release(&massif.text);
    cairn_tree_release(&tree);
    return status;
}

const struct cairn_exporter cairn_exporter_massif = {
    .name = "massif",
    .summary = "for ms_print and massif-visualizer: the heap over time, and who holds it at --at",
    .write = write_massif,
};
