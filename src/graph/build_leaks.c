#include <stdlib.h>

#include "graph/build_parts.h"
#include "graph/components.h"

/* Components are numbered by Tarjan; those of one object are no cycles. The cycle of the largest object is the first. */
static enum cairn_status number_cycles(struct cairn_graph_built *built, const uint32_t *component,
                                       uint32_t components, struct cairn_error *error)
{
    const uint32_t nodes = built->info.objects;
    uint32_t *cycle =
        calloc((size_t)components + 1, sizeof *cycle); /* by component: first its size, then its number */
    if (!cycle) {
        return cairn_build_no_memory(error, nodes);
    }
    for (uint32_t v = 0; v < nodes; v++) {
        cycle[component[v]]++;
    }
    for (uint32_t c = 0; c < components; c++) {
        cycle[c] = cycle[c] > 1 ? CAIRN_NO_OBJECT : 0;
    }
    for (uint32_t i = 0; i < nodes; i++) {
        const uint32_t v = built->by_size[i];
        uint32_t *number = &cycle[component[v]];
        if (*number == CAIRN_NO_OBJECT) {
            *number = ++built->info.cycles;
        }
        built->cycle[v] = *number;
    }
    free(cycle);
    return CAIRN_OK;
}

/* Of what no root reaches, definite is what nothing else of it leads to; as LeakSanitizer has it, all of a cycle is indirect. */
static enum cairn_status classify(struct cairn_graph_built *built, const struct cairn_csr *strong,
                                  const bool *reachable, struct cairn_error *error)
{
    bool *held = calloc((size_t)strong->nodes + 1, sizeof *held);
    if (!held) {
        return cairn_build_no_memory(error, strong->nodes);
    }
    for (uint32_t v = 0; v < strong->nodes; v++) {
        for (uint32_t e = strong->first[v]; !reachable[v] && e < strong->first[v + 1]; e++) {
            held[strong->target[e]] |= strong->target[e] != v;
        }
    }
    struct cairn_graph_info *info = &built->info;
    for (uint32_t v = 0; v < strong->nodes; v++) {
        const int64_t bytes = (int64_t)(built->nodes[v].shallow_bytes + built->nodes[v].unseen_bytes);
        if (reachable[v]) {
            built->class[v] = CAIRN_OBJECT_REACHABLE;
        } else if (held[v]) {
            built->class[v] = CAIRN_OBJECT_INDIRECT;
            info->indirect_objects++;
            info->indirect_bytes += bytes;
        } else {
            built->class[v] = CAIRN_OBJECT_DEFINITE;
            info->definite_objects++;
            info->definite_bytes += bytes;
        }
    }
    free(held);
    return CAIRN_OK;
}

enum cairn_status cairn_build_leaks(struct cairn_graph_built *built, const struct cairn_csr *strong,
                                    const struct cairn_dominators *dominators, struct cairn_error *error)
{
    uint32_t *component = NULL, components = 0;
    enum cairn_status status = cairn_components(strong, NULL, &component, &components, error);
    if (status == CAIRN_OK) {
        status = number_cycles(built, component, components, error);
    }
    if (status == CAIRN_OK) {
        status = classify(built, strong, dominators->reachable, error);
    }
    free(component);
    return status;
}
