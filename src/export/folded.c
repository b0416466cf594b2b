/* Folded stacks, as flame graph tools read them: "main;parse;copy 4096", outermost frame first. */
#include <inttypes.h>
#include <stdlib.h>

#include "export/formats.h"
#include "export/text.h"
#include "query/no_memory.h"
#include "query/tree.h"

static void write_path(const struct cairn_tree *tree, size_t node, uint32_t *path, enum cairn_by by,
                       struct cairn_buffer *label, FILE *out)
{
    size_t depth = 0;
    for (uint32_t at = (uint32_t)node; at != UINT32_MAX; at = tree->nodes[at].parent) {
        path[depth++] = at;
    }
    while (depth-- > 0) {
        const char *name = cairn_export_label(label, &tree->nodes[path[depth]].site, by);
        for (; *name; name++) {
            fputc(*name == ';' ? ',' : *name, out);
        }
        fputc(depth > 0 ? ';' : ' ', out);
    }
    fprintf(out, "%" PRId64 "\n", tree->nodes[node].self_bytes);
}

static enum cairn_status write_folded(const struct cairn_export *export, FILE *out, struct cairn_error *error)
{
    const enum cairn_by by = export->selection->by == CAIRN_BY_LINE ? CAIRN_BY_LINE : CAIRN_BY_FUNCTION;
    struct cairn_tree tree;
    struct cairn_buffer label = CAIRN_BUFFER_INIT;
    enum cairn_status status =
        cairn_tree(export->trace, export->selection, &export->at, &export->span, false, &tree, error);
    if (status != CAIRN_OK) {
        return status;
    }
    size_t deepest = 0;
    for (size_t i = 0; i < tree.node_count; i++) {
        deepest = tree.nodes[i].depth > deepest ? tree.nodes[i].depth : deepest;
    }
    uint32_t *path = calloc(deepest + 2, sizeof(*path));
    for (size_t i = 0; path && i < tree.node_count; i++) {
        if (tree.nodes[i].self_bytes > 0) {
            write_path(&tree, i, path, by, &label, out);
        }
    }
    if (!path || label.failed) {
        status = cairn_no_memory(error, "the export");
    }
    free(path);
    cairn_buffer_release(&label);
    cairn_tree_release(&tree);
    return status;
}

const struct cairn_exporter cairn_exporter_folded = {
    .name = "folded",
    .summary = "a line a stack, for flame graph tools",
    .write = write_folded,
};
