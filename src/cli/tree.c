#include "query/tree.h"

#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/select.h"

#define LEAST_SHARE 0.005 /* of the total: what lighter branches hold is summed up in the text */

struct tree_arguments {
    struct cairn_select_arguments select;
    struct cairn_output_arguments output;
    bool bottom_up;
};

/* What the printers share. */
struct printing {
    struct cairn_answer *answer;
    const struct cairn_request *request;
    const struct cairn_tree *tree;
    const struct cairn_module *modules;
    size_t module_count;
    bool *shown; /* a node: whether it is among the branches asked for */
    bool bottom_up;
};

static const char *find_build_id(const struct printing *printing, const char *path)
{
    for (size_t i = 0; path != NULL && i < printing->module_count; i++) {
        if (strcmp(printing->modules[i].path, path) == 0) {
            return printing->modules[i].build_id;
        }
    }
    return NULL;
}

static void json_node(const struct printing *printing, const struct cairn_tree_node *node)
{
    struct cairn_json *json = &printing->answer->json;
    const struct cairn_site *site = &node->site;
    cairn_json_text(json, "function", site->function);
    cairn_json_text(json, "file", site->file);
    cairn_json_integer(json, "line", site->line);
    cairn_json_text(json, "module", site->module);
    cairn_json_text(json, "lang",
                    site->lang == CAIRN_LANG_PYTHON   ? "python"
                    : site->lang == CAIRN_LANG_NATIVE ? "native"
                                                      : NULL);
    cairn_json_bool(json, "inlined", site->inlined);
    cairn_json_text(json, "build_id", find_build_id(printing, site->module));
    cairn_json_integer(json, "offset", site->offset);
    cairn_json_integer(json, "site_id", site->site_id);
    cairn_json_real(json, "percent", node->percent);
    cairn_json_counts(json, &node->counts, printing->request->recording->sample_bytes > 0);
    cairn_json_integer(json, "self_bytes", node->self_bytes);
}

/* The first shown node in [from, end), or UINT32_MAX. */
static uint32_t next_shown(const struct printing *printing, uint32_t from, uint32_t end)
{
    while (from < end && !printing->shown[from]) {
        from++;
    }
    return from < end ? from : UINT32_MAX;
}

/* Visits the shown nodes below a root depth first, without recursion: paths may be long. `leave` may be NULL. */
static void walk(const struct printing *printing, uint32_t root,
                 void (*enter)(const struct printing *printing, const struct cairn_tree_node *node),
                 void (*leave)(const struct printing *printing))
{
    const struct cairn_tree_node *nodes = printing->tree->nodes;
    uint32_t at = root;
    for (;;) {
        enter(printing, &nodes[at]);
        const uint32_t child =
            next_shown(printing, nodes[at].first_child, nodes[at].first_child + nodes[at].child_count);
        if (child != UINT32_MAX) {
            at = child;
            continue;
        }
        for (;;) {
            if (leave != NULL) {
                leave(printing);
            }
            if (at == root) {
                return;
            }
            const struct cairn_tree_node *parent = &nodes[nodes[at].parent];
            const uint32_t sibling = next_shown(printing, at + 1, parent->first_child + parent->child_count);
            if (sibling != UINT32_MAX) {
                at = sibling;
                break;
            }
            at = nodes[at].parent;
        }
    }
}

static void json_enter(const struct printing *printing, const struct cairn_tree_node *node)
{
    cairn_json_object(&printing->answer->json, NULL);
    json_node(printing, node);
    cairn_json_array(&printing->answer->json, "children");
}

static void json_leave(const struct printing *printing)
{
    cairn_json_end(&printing->answer->json);
    cairn_json_end(&printing->answer->json);
}

static void print_json(const struct printing *printing)
{
    struct cairn_json *json = &printing->answer->json;
    const struct cairn_request *request = printing->request;
    cairn_answer_json_head(printing->answer, "tree", request->trace);
    cairn_json_moment(json, "at", &printing->tree->at);
    cairn_json_span(json, "span", &printing->tree->span);
    cairn_json_text(json, "metric", cairn_metric_name(request->selection.metric));
    cairn_json_bool(json, "bottom_up", printing->bottom_up);
    cairn_json_object(json, "total");
    cairn_json_counts(json, &printing->tree->total, request->recording->sample_bytes > 0);
    cairn_json_end(json);
    cairn_json_array(json, "roots");
    for (uint32_t i = 0; i < printing->tree->root_count; i++) {
        if (printing->shown[i]) {
            walk(printing, i, json_enter, json_leave);
        }
    }
}

/* Depth first, so that a row's parent is the last row above it that is one level up. */
static void csv_enter(const struct printing *printing, const struct cairn_tree_node *node)
{
    struct cairn_csv *csv = &printing->answer->csv;
    cairn_csv_integer(csv, node->depth);
    cairn_csv_integer(csv, node->self_bytes);
    cairn_csv_site(csv, &node->site, node->percent);
    cairn_csv_counts(csv, &node->counts);
    cairn_csv_end_line(csv);
}

static void print_csv(const struct printing *printing)
{
    cairn_csv_names(&printing->answer->csv, "depth,self_bytes," CAIRN_CSV_SITE "," CAIRN_CSV_COUNTS);
    cairn_csv_end_line(&printing->answer->csv);
    for (uint32_t i = 0; i < printing->tree->root_count; i++) {
        if (printing->shown[i]) {
            walk(printing, i, csv_enter, NULL);
        }
    }
}

/* The heaviest branches are found by opening the heaviest closed node again and again. */
struct choice {
    uint32_t *heap; /* a binary heap of candidates, heaviest first */
    size_t count;
};

static int64_t weight(const struct printing *printing, uint32_t node)
{
    return cairn_counts_metric(&printing->tree->nodes[node].counts, printing->request->selection.metric);
}

static void heap_swap(struct choice *choice, size_t a, size_t b)
{
    const uint32_t kept = choice->heap[a];
    choice->heap[a] = choice->heap[b];
    choice->heap[b] = kept;
}

static void heap_push(const struct printing *printing, struct choice *choice, uint32_t node)
{
    size_t at = choice->count++;
    choice->heap[at] = node;
    while (at > 0 && weight(printing, choice->heap[(at - 1) / 2]) < weight(printing, choice->heap[at])) {
        heap_swap(choice, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static uint32_t heap_pop(const struct printing *printing, struct choice *choice)
{
    const uint32_t top = choice->heap[0];
    choice->heap[0] = choice->heap[--choice->count];
    for (size_t at = 0;;) {
        size_t heaviest = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < choice->count; child++) {
            if (weight(printing, choice->heap[child]) > weight(printing, choice->heap[heaviest])) {
                heaviest = child;
            }
        }
        if (heaviest == at) {
            return top;
        }
        heap_swap(choice, at, heaviest);
        at = heaviest;
    }
}

/* `least`: lighter ones stay closed. */
static void choose(const struct printing *printing, struct choice *choice, size_t branches, double least)
{
    const struct cairn_tree *tree = printing->tree;
    for (uint32_t i = 0; i < tree->root_count; i++) {
        heap_push(printing, choice, i);
    }
    while (choice->count > 0 && branches > 0) {
        const uint32_t node = heap_pop(printing, choice);
        if ((double)weight(printing, node) < least) {
            break;
        }
        const uint32_t parent = tree->nodes[node].parent;
        const bool only_child = parent != UINT32_MAX && tree->nodes[parent].child_count == 1;
        printing->shown[node] = true;
        branches -= only_child ? 0 : 1;
        for (uint32_t i = 0; i < tree->nodes[node].child_count; i++) {
            heap_push(printing, choice, tree->nodes[node].first_child + i);
        }
    }
}

/* Whether errors stand beside the numbers, which are bytes and estimates. */
static bool shows_error(const struct printing *printing)
{
    const enum cairn_metric metric = printing->request->selection.metric;
    return printing->request->recording->sample_bytes > 0 && metric != CAIRN_METRIC_ALLOCATIONS &&
           metric != CAIRN_METRIC_TEMPORARY;
}

/* One line of the tree; `lead` are the lines drawn before its name. */
static void tree_row(const struct printing *printing, struct cairn_text_table *table, int64_t value,
                     double percent, const char *lead, const struct cairn_tree_node *node,
                     const char *otherwise)
{
    char number[CAIRN_HUMAN_MAX], name[1024], place[512] = "", line[3072];
    const enum cairn_metric metric = printing->request->selection.metric;
    const bool counted = metric == CAIRN_METRIC_ALLOCATIONS || metric == CAIRN_METRIC_TEMPORARY;
    cairn_text_table_row(table);
    cairn_text_table_cell(table, CAIRN_STYLE_STRONG,
                          counted ? cairn_human_count(number, value) : cairn_human_bytes(number, value));
    if (shows_error(printing)) {
        cairn_text_table_cell(table, CAIRN_STYLE_FAINT,
                              node ? cairn_human_bytes(number, node->counts.error_bytes) : "");
    }
    cairn_text_table_cell_format(table, CAIRN_STYLE_PLAIN, "%.1f", percent);
    if (node == NULL) {
        snprintf(line, sizeof line, "%s%s", lead, otherwise);
        cairn_text_table_cell(table, CAIRN_STYLE_FAINT, line);
        return;
    }
    const enum cairn_by by = printing->request->selection.by;
    cairn_site_label(&node->site, by, name, sizeof name);
    if (by == CAIRN_BY_LINE && node->site.function != NULL) {
        snprintf(name, sizeof name, "%s", node->site.function);
    }
    cairn_place_label(node->site.file, node->site.line, place, sizeof place);
    snprintf(line, sizeof line, "%s%s", lead, name);
    cairn_text_table_cell(
        table, node->site.lang == CAIRN_LANG_PYTHON ? CAIRN_STYLE_PYTHON : CAIRN_STYLE_PLAIN, line);
    cairn_text_table_cell(table, CAIRN_STYLE_FAINT, place);
}

/* Deeper levels than this are drawn without more indentation: nothing would be left for names. */
#define LEAD_MAX 160u

/* The lines drawn before a name. */
struct lead {
    char text[LEAD_MAX];
};

static struct lead longer_lead(const struct printing *printing, const struct lead *lead, const char *utf8,
                               const char *ascii)
{
    struct lead longer = *lead;
    const char *more = cairn_glyph(&printing->answer->terminal, utf8, ascii);
    const size_t length = strlen(lead->text), extra = strlen(more);
    if (length + extra < LEAD_MAX) {
        memcpy(longer.text + length, more, extra + 1);
    }
    return longer;
}

/* The children (or roots) of a node that are not shown, as one row. */
struct hidden {
    int64_t value;
    double percent;
    size_t count;
};

static struct hidden sum_hidden(const struct printing *printing, uint32_t first, uint32_t end)
{
    struct hidden hidden = {.count = 0};
    for (uint32_t i = first; i < end; i++) {
        if (!printing->shown[i]) {
            hidden.value += weight(printing, i);
            hidden.percent += printing->tree->nodes[i].percent;
            hidden.count++;
        }
    }
    return hidden;
}

static void tree_rows(const struct printing *printing, struct cairn_text_table *table, uint32_t first,
                      uint32_t end, const struct lead *lead, bool roots)
{
    const struct hidden hidden = sum_hidden(printing, first, end);
    /* An only child stands below its parent, not beside a line: chains of calls are long. */
    const bool plain = roots || end - first == 1;
    uint32_t at = next_shown(printing, first, end);
    while (at != UINT32_MAX) {
        const struct cairn_tree_node *node = &printing->tree->nodes[at];
        const uint32_t next = next_shown(printing, at + 1, end);
        const bool last = next == UINT32_MAX && hidden.count == 0;
        const char *corner = last ? "└─ " : "├─ ", *ascii_corner = last ? "`- " : "|- ";
        const struct lead own = plain ? *lead : longer_lead(printing, lead, corner, ascii_corner);
        const struct lead below =
            plain ? *lead : longer_lead(printing, lead, last ? "   " : "│  ", last ? "   " : "|  ");
        tree_row(printing, table, weight(printing, at), node->percent, own.text, node, NULL);
        if (next_shown(printing, node->first_child, node->first_child + node->child_count) != UINT32_MAX) {
            tree_rows(printing, table, node->first_child, node->first_child + node->child_count, &below,
                      false);
        }
        at = next;
    }
    if (hidden.count > 0) {
        char more[64];
        const struct lead own = plain ? *lead : longer_lead(printing, lead, "└─ ", "`- ");
        snprintf(more, sizeof more, "%zu more (--limit)", hidden.count);
        tree_row(printing, table, hidden.value, hidden.percent, own.text, NULL, more);
    }
}

static void print_text(const struct printing *printing)
{
    struct cairn_answer *answer = printing->answer;
    const enum cairn_metric metric = printing->request->selection.metric;
    char title[64], metric_title[32];
    snprintf(metric_title, sizeof metric_title, "%s", cairn_metric_name(metric));
    for (char *letter = metric_title; *letter != '\0'; letter++) {
        *letter = (char)toupper((unsigned char)*letter);
    }
    snprintf(title, sizeof title, "%s",
             printing->bottom_up ? "SITES, AND WHO CALLED THEM" : "CALLS, FROM MAIN DOWN");
    const struct cairn_text_column columns[] = {
        {.title = metric_title},
        {.title = cairn_glyph(&answer->terminal, "±", "+-")},
        {.title = "%"},
        {.title = title, .align = CAIRN_ALIGN_LEFT, .shrinks_to = 24},
        {.title = "", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 8, .leaves = 1},
    };
    const size_t count = sizeof columns / sizeof columns[0];
    struct cairn_text_column shown[sizeof columns / sizeof columns[0]];
    size_t shown_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (i != 1 || shows_error(printing)) {
            shown[shown_count++] = columns[i];
        }
    }
    struct cairn_text_table table;
    cairn_text_head(answer, printing->request->trace, &printing->tree->at, NULL);
    if (printing->tree->root_count == 0 && printing->request->selection.filter != NULL) {
        cairn_text_prose(answer, CAIRN_STYLE_STRONG, "no row passes the filter");
        return;
    }
    cairn_stream_text(&answer->stream, "\n");
    cairn_text_table_init(&table, &answer->terminal, shown, shown_count);
    tree_rows(printing, &table, 0, (uint32_t)printing->tree->root_count, &(const struct lead){.text = ""},
              true);
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_table_release(&table);
}

/* `limit` 0: every node. `light`: branches of next to nothing count as well. */
static enum cairn_status choose_nodes(struct printing *printing, size_t limit, bool light,
                                      struct cairn_error *error)
{
    const size_t count = printing->tree->node_count;
    struct choice choice = {.heap = malloc((count + 1) * sizeof *choice.heap)};
    printing->shown = calloc(count + 1, sizeof *printing->shown);
    if (choice.heap == NULL || printing->shown == NULL) {
        free(choice.heap);
        return cairn_fail(error, CAIRN_E_NOMEM, "the call tree: out of memory");
    }
    const int64_t total = cairn_counts_metric(&printing->tree->total, printing->request->selection.metric);
    choose(printing, &choice, limit > 0 ? limit : SIZE_MAX, light ? 0 : LEAST_SHARE * (double)total);
    free(choice.heap);
    return CAIRN_OK;
}

static int run(const struct cairn_invocation *invocation)
{
    const struct tree_arguments *arguments = invocation->arguments;
    struct cairn_request request;
    struct cairn_tree tree = {.nodes = NULL};
    struct printing printing = {.request = &request, .tree = &tree, .bottom_up = arguments->bottom_up};
    struct cairn_error error;
    const bool text = arguments->output.format == CAIRN_FORMAT_TEXT;
    enum cairn_status status = cairn_request_open(invocation, &arguments->select, text, 0, &request, &error);
    const size_t limit = request.selection.limit;
    request.selection.limit = 0; /* branches are chosen here, over the whole tree */
    if (status == CAIRN_OK) {
        status = cairn_tree(request.trace, &request.selection, &request.at, &request.span,
                            arguments->bottom_up, &tree, &error);
    }
    if (status == CAIRN_OK) {
        status = cairn_trace_modules(request.trace, &printing.modules, &printing.module_count, &error);
    }
    if (status == CAIRN_OK) {
        status = choose_nodes(&printing, limit, !text || arguments->select.limit >= 0, &error);
    }
    int result;
    if (status != CAIRN_OK) {
        result = cairn_complain(&error);
    } else {
        static void (*const printers[])(const struct printing *) = {[CAIRN_FORMAT_TEXT] = print_text,
                                                                    [CAIRN_FORMAT_JSON] = print_json,
                                                                    [CAIRN_FORMAT_CSV] = print_csv};
        struct cairn_answer answer;
        printing.answer = &answer;
        cairn_answer_open(&answer, &arguments->output);
        printers[answer.format](&printing);
        result = cairn_answer_finish(&answer);
    }
    free(printing.shown);
    cairn_tree_release(&tree);
    cairn_request_release(&request);
    return result;
}

static const struct cairn_option options[] = {
    {.name = "bottom-up",
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct tree_arguments, bottom_up),
     .help = "begin at the sites; below each, who called it"},
    {.name = NULL},
};

#define SELECT offsetof(struct tree_arguments, select)
static const struct cairn_option_group groups[] = {
    {.title = "Options", .options = options},
    {.title = "Moments", .options = cairn_select_at, .base = SELECT},
    {.title = "Moments", .options = cairn_select_span, .base = SELECT},
    {.title = "Rows", .options = cairn_select_by, .base = SELECT},
    {.title = "Rows", .options = cairn_select_rank, .base = SELECT},
    {.title = "Rows", .options = cairn_select_sort, .base = SELECT},
    {.title = "Rows", .options = cairn_select_rows, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_processes, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_threads, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_sites, .base = SELECT},
    {.title = "Output", .options = cairn_output_options, .base = offsetof(struct tree_arguments, output)},
    {.title = NULL},
};

static const char *const examples[] = {
    "cairn tree --at end",
    "which calls lead to what is live at the end",
    "cairn tree --bottom-up --metric allocations",
    "the sites that allocate most often, and who called them",
    NULL,
};

const struct cairn_command cairn_command_tree = {
    .name = "tree",
    .summary = "the call tree, from main down or from the sites up",
    .positional = "[TRACE]",
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_TRACE,
    .description = "Text shows the 20 heaviest branches, but none that holds less than 0.5 %; with --limit "
                   "N, the N heaviest. A chain "
                   "of calls without a fork is one branch.",
    .examples = examples,
    .groups = groups,
    .arguments_size = sizeof(struct tree_arguments),
    .defaults = &(const struct tree_arguments){.select = CAIRN_SELECT_DEFAULTS},
    .run = run,
};
