#include "query/graph_choice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sanitise.h"

static enum cairn_status open_named(struct cairn_trace *trace, const char *name, struct cairn_graph **graph,
                                    struct cairn_error *error)
{
    const struct cairn_graph_info *rows, *found = NULL;
    size_t count;
    const enum cairn_status status = cairn_trace_graphs(trace, &rows, &count, error);
    if (status != CAIRN_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        if (rows[i].name && strcmp(rows[i].name, name) == 0 && (!found || rows[i].t_ns >= found->t_ns)) {
            found = &rows[i];
        }
    }
    if (!found) {
        char clean[96];
        cairn_sanitise(clean, sizeof clean, name, strlen(name));
        return cairn_fail(error, CAIRN_E_NOT_FOUND,
                          "there is no graph @%s in this trace: cairn info lists its graphs", clean);
    }
    return cairn_graph_open(trace, found->graph, graph, error);
}

enum cairn_status cairn_graph_choose(struct cairn_trace *trace, const char *text, struct cairn_graph **graph,
                                     struct cairn_error *error)
{
    if (!text) {
        return cairn_graph_open(trace, 0, graph, error);
    }
    if (text[0] == '@') {
        return open_named(trace, text + 1, graph, error);
    }
    char *end;
    errno = 0;
    const unsigned long number = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number == 0) {
        char clean[96];
        cairn_sanitise(clean, sizeof clean, text, strlen(text));
        return cairn_fail(error, CAIRN_E_USAGE,
                          "'%s' is no graph: give its number or @name, as cairn info lists them", clean);
    }
    return cairn_graph_open(trace, errno == 0 && number < UINT32_MAX ? (uint32_t)number : UINT32_MAX, graph,
                            error);
}
