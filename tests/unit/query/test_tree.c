#include "query/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"
#include "names.h"
#include "question.h"

#define PATH_SIZE 8192

/* A path of the tree by brute force: names from the root on, each ended by '\n'. */
struct path {
    char text[PATH_SIZE];
    int64_t live, allocated, self_live;
};

struct paths {
    struct path *rows;
    size_t count;
};

static void add(struct paths *paths, const char *text, const struct cairn_totals *totals, int64_t self)
{
    size_t i = 0;
    while (i < paths->count && strcmp(paths->rows[i].text, text) != 0) {
        i++;
    }
    if (i == paths->count) {
        paths->rows = realloc(paths->rows, ++paths->count * sizeof(*paths->rows));
        assert_non_null(paths->rows);
        paths->rows[i] = (struct path){.live = 0};
        memcpy(paths->rows[i].text, text, strlen(text) + 1);
    }
    paths->rows[i].live += totals->live_bytes;
    paths->rows[i].allocated += totals->allocated_bytes;
    paths->rows[i].self_live += self;
}

static void add_account(struct paths *paths, const struct question *question,
                        const struct cairn_account *account, const struct cairn_totals *totals)
{
    const struct fixture *fixture = question->fixture;
    const struct fixture_stack *stack = &fixture->stacks[account->stack];
    const enum cairn_lang_choice lang = question->selection.lang;
    uint32_t frames[FIXTURE_STACK_MAX + 1];
    size_t count = 0;
    for (size_t i = stack->count ? names_charged(fixture, account, lang) : 0; i < stack->count; i++) {
        const struct cairn_frame *frame = &fixture->frames[stack->frames[i] - 1];
        const bool python = frame->lang == CAIRN_LANG_PYTHON;
        if (lang == CAIRN_LANG_ALL || frame->kind != CAIRN_FRAME_PLAIN ||
            python == (lang == CAIRN_LANG_ONLY_PYTHON)) {
            frames[count++] = stack->frames[i];
        }
    }
    if (count == 0) {
        frames[count++] = 0;
    }
    char text[PATH_SIZE] = "", name[NAME_SIZE];
    for (size_t i = 0; i < count; i++) {
        names_of_frame(fixture, question->bottom_up ? frames[i] : frames[count - 1 - i],
                       question->selection.by, name);
        strcat(strcat(text, name), "\n");
        const bool own = question->bottom_up ? i == 0 : i == count - 1;
        add(paths, text, totals, own ? totals->live_bytes : 0);
    }
}

static void expect(const struct question *question, struct paths *paths)
{
    const struct fixture *fixture = question->fixture;
    struct cairn_totals *at = model_state(fixture, question->at.position);
    struct cairn_totals *to = model_state(fixture, question->span.to.position);
    *paths = (struct paths){.rows = NULL};
    for (size_t i = 0; i < fixture->account_count; i++) {
        char name[NAME_SIZE];
        struct cairn_totals totals = at[i];
        totals.allocated_bytes = to[i].allocated_bytes;
        if (names_of_account(fixture, &fixture->accounts[i], CAIRN_BY_FUNCTION, question->selection.lang,
                             name) &&
            to[i].allocations) {
            add_account(paths, question, &fixture->accounts[i], &totals);
        }
    }
    free(at);
    free(to);
}

static void path_of(const struct cairn_tree *tree, uint32_t node, enum cairn_by by, char *text)
{
    char name[NAME_SIZE];
    if (tree->nodes[node].parent != UINT32_MAX) {
        path_of(tree, tree->nodes[node].parent, by, text);
    }
    names_of_site(&tree->nodes[node].site, by, name);
    strcat(strcat(text, name), "\n");
}

static void check_node(const struct question *question, const struct cairn_tree *tree, uint32_t number,
                       const struct paths *paths)
{
    const struct cairn_tree_node *node = &tree->nodes[number];
    char text[PATH_SIZE] = "";
    path_of(tree, number, question->selection.by, text);
    size_t i = 0;
    while (i < paths->count && strcmp(paths->rows[i].text, text) != 0) {
        i++;
    }
    if (i == paths->count) {
        fail_msg("no path is\n%s", text);
    }
    assert_int_equal(node->counts.live_bytes, paths->rows[i].live);
    assert_int_equal(node->counts.allocated_bytes, paths->rows[i].allocated);
    assert_int_equal(node->self_bytes, paths->rows[i].self_live);
    for (uint32_t k = node->first_child; k < node->first_child + node->child_count; k++) {
        assert_int_equal(tree->nodes[k].parent, number);
        assert_int_equal(tree->nodes[k].depth, node->depth + 1);
        assert_true(k == node->first_child ||
                    tree->nodes[k - 1].counts.live_bytes >= tree->nodes[k].counts.live_bytes);
    }
}

static void check(const struct question *question)
{
    struct paths paths;
    struct cairn_tree tree;
    struct cairn_error error;
    expect(question, &paths);
    if (cairn_tree(question->trace, &question->selection, &question->at, &question->span, question->bottom_up,
                   &tree, &error) != CAIRN_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(tree.node_count, paths.count);
    int64_t roots = 0;
    for (uint32_t i = 0; i < tree.node_count; i++) {
        check_node(question, &tree, i, &paths);
        roots += i < tree.root_count ? tree.nodes[i].counts.live_bytes : 0;
    }
    assert_int_equal(roots, tree.total.live_bytes);
    cairn_tree_release(&tree);
    free(paths.rows);
}

static void test_against_paths(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 3; seed++) {
        struct fixture fixture;
        struct cairn_trace *trace;
        fixture_init(&fixture, &(struct fixture_options){.seed = seed,
                                                         .events = 500,
                                                         .processes = 1,
                                                         .python = seed != 2,
                                                         .sample_bytes = seed == 3 ? 70 : 0});
        assert_int_equal(cairn_trace_open(fixture.path, NULL, &trace, NULL), CAIRN_OK);
        for (int round = 0; round < 8; round++) {
            const uint64_t end = model_end_position(&fixture);
            const struct question question = {
                .fixture = &fixture,
                .trace = trace,
                .selection = {.by = round % 2 ? CAIRN_BY_LINE : CAIRN_BY_FUNCTION,
                              .lang = (enum cairn_lang_choice)(round % 3)},
                .at = {.position = fixture_random(&fixture, (uint32_t)end + 1)},
                .span = {.to = {.position = end}},
                .bottom_up = round >= 4,
            };
            check(&question);
        }
        cairn_trace_close(trace);
        fixture_release(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_paths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
