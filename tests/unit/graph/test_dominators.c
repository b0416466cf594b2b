/* Dominators, retained sizes, components and paths, against brute force on random graphs: reducible or not, with cycles,
 * with parts that nothing reaches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/components.h"
#include "graph/dominators.h"
#include "graph/reach.h"

#define GRAPHS    1000
#define NODES_MAX 40u
#define EDGES_MAX 120u

struct model {
    uint32_t nodes, edges, root_count;
    uint32_t source[EDGES_MAX], target[EDGES_MAX], roots[4];
    uint64_t shallow[NODES_MAX];
};

static uint64_t random_state;

static uint32_t below(uint32_t limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % limit;
}

static void make_model(struct model *model, uint64_t seed)
{
    random_state = seed;
    model->nodes = 1 + below(NODES_MAX);
    model->edges = below(below(4) == 0 ? EDGES_MAX : model->nodes * 2);
    model->edges = model->edges > EDGES_MAX ? EDGES_MAX : model->edges;
    model->root_count = below(4);
    for (uint32_t e = 0; e < model->edges; e++) {
        model->source[e] = below(model->nodes);
        /* Half the graphs lean forward, so that deep chains appear. */
        model->target[e] = seed % 2 ? below(model->nodes) : (model->source[e] + 1 + below(3)) % model->nodes;
    }
    for (uint32_t i = 0; i < model->root_count; i++) {
        model->roots[i] = below(model->nodes);
    }
    for (uint32_t v = 0; v < model->nodes; v++) {
        model->shallow[v] = 1 + below(1000);
    }
}

/* What can be reached from the roots when `without` is not there (nodes: none is missing). */
static void flood(const struct model *model, uint32_t without, bool *seen)
{
    memset(seen, 0, NODES_MAX);
    for (uint32_t i = 0; i < model->root_count; i++) {
        seen[model->roots[i]] = model->roots[i] != without;
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t e = 0; e < model->edges; e++) {
            if (seen[model->source[e]] && !seen[model->target[e]] && model->target[e] != without) {
                seen[model->target[e]] = changed = true;
            }
        }
    }
}

static void check_reachable(const struct model *model, const struct cairn_dominators *found,
                            const uint64_t *retained)
{
    bool alive[NODES_MAX], left[NODES_MAX];
    flood(model, UINT32_MAX, alive);
    for (uint32_t v = 0; v < model->nodes; v++) {
        assert_int_equal(found->reachable[v], alive[v]);
        if (!alive[v]) {
            continue;
        }
        uint64_t freed = 0;
        flood(model, v, left);
        for (uint32_t w = 0; w < model->nodes; w++) {
            freed += alive[w] && !left[w] ? model->shallow[w] : 0;
        }
        assert_int_equal(retained[v], freed);
        const uint32_t d = found->dominator[v];
        if (d == CAIRN_DOMINATOR_ROOTS) {
            continue;
        }
        flood(model, d, left);
        assert_true(d < model->nodes && d != v && !left[v]);
    }
}

/* Garbage: every cluster's bytes are retained by the nodes under the second top. */
static void check_garbage(const struct model *model, const struct cairn_dominators *found,
                          const uint64_t *retained)
{
    uint64_t garbage = 0, tops = 0;
    for (uint32_t v = 0; v < model->nodes; v++) {
        if (!found->reachable[v]) {
            garbage += model->shallow[v];
            tops += found->dominator[v] == CAIRN_DOMINATOR_NONE ? retained[v] : 0;
            assert_int_not_equal(found->dominator[v], CAIRN_DOMINATOR_ROOTS);
            assert_true(found->dominator[v] == CAIRN_DOMINATOR_NONE ||
                        !found->reachable[found->dominator[v]]);
        }
    }
    assert_int_equal(garbage, tops);
}

static void check_components(const struct model *model, const struct cairn_csr *graph)
{
    bool reach[NODES_MAX][NODES_MAX];
    uint32_t *component, count;
    memset(reach, 0, sizeof reach);
    for (uint32_t e = 0; e < model->edges; e++) {
        reach[model->source[e]][model->target[e]] = true;
    }
    for (uint32_t k = 0; k < model->nodes; k++) {
        for (uint32_t i = 0; i < model->nodes; i++) {
            for (uint32_t j = 0; j < model->nodes; j++) {
                reach[i][j] |= reach[i][k] && reach[k][j];
            }
        }
    }
    assert_int_equal(cairn_components(graph, NULL, &component, &count, NULL), CAIRN_OK);
    for (uint32_t i = 0; i < model->nodes; i++) {
        for (uint32_t j = 0; j < model->nodes; j++) {
            assert_int_equal(component[i] == component[j], i == j || (reach[i][j] && reach[j][i]));
            if (reach[i][j]) {
                assert_true(component[i] >= component[j]);
            }
        }
    }
    free(component);
}

/* Distances from these roots, for nodes that have none yet. */
static void add_distances(const struct model *model, const uint32_t *roots, uint32_t count,
                          uint32_t *distance)
{
    uint32_t own[NODES_MAX];
    for (uint32_t v = 0; v < model->nodes; v++) {
        own[v] = UINT32_MAX;
    }
    for (uint32_t i = 0; i < count; i++) {
        own[roots[i]] = 0;
    }
    for (uint32_t round = 0; round < model->nodes; round++) {
        for (uint32_t e = 0; e < model->edges; e++) {
            const uint32_t target = model->target[e];
            if (own[model->source[e]] != UINT32_MAX && own[model->source[e]] + 1 < own[target] &&
                distance[target] == UINT32_MAX) {
                own[target] = own[model->source[e]] + 1;
            }
        }
    }
    for (uint32_t v = 0; v < model->nodes; v++) {
        distance[v] = distance[v] == UINT32_MAX ? own[v] : distance[v];
    }
}

/* Ways lead to the preferred roots wherever one does, else to the others. */
static void check_paths(const struct model *model, const struct cairn_csr *graph, uint32_t preferred)
{
    uint32_t *via, distance[NODES_MAX];
    for (uint32_t v = 0; v < model->nodes; v++) {
        distance[v] = UINT32_MAX;
    }
    add_distances(model, model->roots, preferred, distance);
    add_distances(model, model->roots + preferred, model->root_count - preferred, distance);
    assert_int_equal(cairn_shortest_tree(graph, model->roots, model->root_count, preferred, &via, NULL),
                     CAIRN_OK);
    for (uint32_t v = 0; v < model->nodes; v++) {
        uint32_t steps = 0, at = v;
        for (; via[at] < CAIRN_REACH_NONE; steps++) {
            assert_int_equal(graph->target[via[at]], at);
            at = cairn_edge_source(graph, via[at]);
        }
        assert_int_equal(via[at] == CAIRN_REACH_ROOT ? steps : UINT32_MAX, distance[v]);
    }
    free(via);
}

static void check_deep(const struct model *model, const struct cairn_csr *graph)
{
    struct model single = *model;
    bool seen[NODES_MAX];
    single.root_count = 1;
    for (uint32_t v = 0; v < model->nodes; v++) {
        uint64_t bytes, count, expected = 0;
        single.roots[0] = v;
        flood(&single, UINT32_MAX, seen);
        for (uint32_t w = 0; w < model->nodes; w++) {
            expected += seen[w] ? model->shallow[w] : 0;
        }
        assert_int_equal(cairn_deep_size(graph, v, model->shallow, NULL, &bytes, &count, NULL), CAIRN_OK);
        assert_int_equal(bytes, expected);
    }
}

static void test_random_graphs(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        struct model model;
        struct cairn_csr forward, reverse;
        struct cairn_dominators found;
        uint64_t retained[NODES_MAX];
        make_model(&model, seed);
        assert_int_equal(
            cairn_csr_build(&forward, model.nodes, model.source, model.target, model.edges, NULL), CAIRN_OK);
        assert_int_equal(cairn_csr_reverse(&forward, &reverse, NULL), CAIRN_OK);
        assert_int_equal(
            cairn_dominators_find(&forward, &reverse, model.roots, model.root_count, &found, NULL), CAIRN_OK);
        cairn_retained_sizes(&found, model.shallow, retained);
        check_reachable(&model, &found, retained);
        check_garbage(&model, &found, retained);
        check_components(&model, &forward);
        for (uint32_t preferred = 0; preferred <= model.root_count; preferred++) {
            check_paths(&model, &forward, preferred);
        }
        check_deep(&model, &forward);
        cairn_dominators_release(&found);
        cairn_csr_release(&forward);
        cairn_csr_release(&reverse);
    }
}

/* A list of a million nodes: nothing recurses. */
static void test_long_chain(void **state)
{
    (void)state;
    const uint32_t nodes = 1000000, root = 0;
    uint32_t *source = malloc(nodes * sizeof *source), *target = malloc(nodes * sizeof *target);
    uint64_t *sizes = malloc(nodes * sizeof *sizes);
    struct cairn_csr forward, reverse;
    struct cairn_dominators found;
    for (uint32_t v = 0; v < nodes; v++) {
        source[v] = v;
        target[v] = v + 1 < nodes ? v + 1 : 0;
        sizes[v] = 1;
    }
    assert_int_equal(cairn_csr_build(&forward, nodes, source, target, nodes, NULL), CAIRN_OK);
    assert_int_equal(cairn_csr_reverse(&forward, &reverse, NULL), CAIRN_OK);
    assert_int_equal(cairn_dominators_find(&forward, &reverse, &root, 1, &found, NULL), CAIRN_OK);
    cairn_retained_sizes(&found, sizes, sizes);
    assert_int_equal(sizes[0], nodes);
    assert_int_equal(sizes[nodes - 1], 1);
    assert_int_equal(found.dominator[0], CAIRN_DOMINATOR_ROOTS);
    cairn_dominators_release(&found);
    cairn_csr_release(&forward);
    cairn_csr_release(&reverse);
    free(source);
    free(target);
    free(sizes);
}

static void test_bad_edges(void **state)
{
    (void)state;
    const uint32_t source[] = {0, 5}, target[] = {1, 0};
    struct cairn_csr graph;
    struct cairn_error error;
    assert_int_equal(cairn_csr_build(&graph, 2, source, target, 2, &error), CAIRN_E_FORMAT);
    assert_int_equal(cairn_csr_build(&graph, UINT32_MAX, source, target, 1, &error), CAIRN_E_LIMIT);
    assert_int_equal(cairn_csr_build(&graph, 0, source, target, 0, &error), CAIRN_OK);
    cairn_csr_release(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_graphs),
        cmocka_unit_test(test_long_chain),
        cmocka_unit_test(test_bad_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
