/* dump_graph TRACE @NAME|NUMBER: an object graph as lines, for tests that compare all of it with what somebody else
 * says:
 *   n ID ADDRESS SHALLOW FLAGS PARENT CLASS LANG TYPE    an object; PARENT: the next one on its way up to a root, -1: none
 *   e SOURCE TARGET CONFIDENCE LABEL                 an edge, once for each of parallel ones
 *   r OBJECT KIND NAME                               a root */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cairn/trace.h"
#include "query/graph_choice.h"

#define PAGE_LINKS 1024u

static struct cairn_error error;

static void check(enum cairn_status status)
{
    if (status != CAIRN_OK) {
        fprintf(stderr, "dump_graph: %s\n", error.message);
        exit(2);
    }
}

static void print_object(struct cairn_graph *graph, uint32_t id)
{
    const struct cairn_graph_type *types;
    size_t count;
    struct cairn_object object;
    check(cairn_graph_types(graph, &types, &count, &error));
    check(cairn_graph_object(graph, id, &object, &error));
    printf("n %" PRIu32 " %" PRIu64 " %" PRIu64 " %u %" PRId64 " %u %s %s\n", id, object.address,
           object.shallow_bytes, object.flags,
           object.parent == CAIRN_NO_OBJECT ? INT64_C(-1) : (int64_t)object.parent, object.class,
           object.lang == CAIRN_LANG_PYTHON ? "python" : "native", types[object.type].name);
    if (object.root != 0) {
        struct cairn_graph_root_row root;
        check(cairn_graph_root(graph, object.root - 1, &root, &error));
        printf("r %" PRIu32 " %s %s\n", id, root.kind, root.name);
    }
}

static void print_edges(struct cairn_graph *graph, uint32_t id)
{
    static struct cairn_link links[PAGE_LINKS];
    size_t offset = 0, count = 0, total = 0;
    do {
        check(cairn_graph_links(graph, CAIRN_LINKS_REFERENTS, id, offset, links, PAGE_LINKS, &count, &total,
                                &error));
        struct cairn_arena texts = CAIRN_ARENA_INIT;
        for (size_t i = 0; i < count; i++) {
            const char *text = "";
            const uint32_t label = links[i].label;
            if (!CAIRN_LABEL_IS_INDEX(label)) {
                check(cairn_graph_string(graph, CAIRN_LABEL_NUMBER(label), &texts, &text, &error));
                printf("e %" PRIu32 " %" PRIu32 " %u %s\n", id, links[i].object, links[i].confidence, text);
            } else {
                printf("e %" PRIu32 " %" PRIu32 " %u [%" PRIu32 "]\n", id, links[i].object,
                       links[i].confidence, CAIRN_LABEL_NUMBER(label));
            }
        }
        cairn_arena_release(&texts);
        offset += count;
    } while (count > 0 && offset < total);
}

int main(int argc, char **argv)
{
    struct cairn_trace *trace;
    struct cairn_graph *graph = NULL;
    if (argc != 3) {
        fprintf(stderr, "usage: dump_graph TRACE @NAME|NUMBER\n");
        return 2;
    }
    check(cairn_trace_open(argv[1], NULL, &trace, &error));
    check(cairn_graph_choose(trace, argv[2], &graph, &error));
    for (uint32_t id = 0; id < cairn_graph_about(graph)->objects; id++) {
        print_object(graph, id);
        print_edges(graph, id);
    }
    cairn_graph_close(graph);
    cairn_trace_close(trace);
    return 0;
}
