#include "query/object_fold.h"

#include <stdlib.h>
#include <string.h>

#include "query/no_memory.h"
#include "query/object_rows.h"
#include "query/sum.h"

#define PAGE_LINKS 4096u

/* A link as grouping sees it. */
struct seen {
    uint32_t link;  /* its place in the list */
    uint32_t label; /* UINT32_MAX: an index or a key */
    uint32_t type;
    uint8_t class, confidence;
    uint64_t shallow_bytes, retained_bytes;
};

struct survey {
    struct cairn_graph *graph;
    struct cairn_fold *fold;
    struct seen *seen;
};

static enum cairn_status read_links(struct cairn_graph *graph, enum cairn_graph_links kind, uint32_t list,
                                    size_t most, struct cairn_fold *fold, struct cairn_error *error)
{
    size_t count = 0;
    struct cairn_link none[1];
    enum cairn_status status =
        cairn_graph_links(graph, kind, list, 0, none, 0, &count, &fold->links_total, error);
    if (status != CAIRN_OK) {
        return status;
    }
    fold->links = most != 0 && most < fold->links_total ? most : fold->links_total;
    fold->members = malloc((fold->links + 1) * sizeof *fold->members);
    fold->group_of = malloc((fold->links + 1) * sizeof *fold->group_of);
    if (!fold->members || !fold->group_of) {
        return cairn_no_memory(error, "the objects");
    }
    for (size_t at = 0; status == CAIRN_OK && at < fold->links; at += count) {
        const size_t room = fold->links - at < PAGE_LINKS ? fold->links - at : PAGE_LINKS;
        status = cairn_graph_links(graph, kind, list, at, fold->members + at, room, &count,
                                   &fold->links_total, error);
        if (status == CAIRN_OK && cairn_trace_cancelled(cairn_graph_trace(graph))) {
            status = cairn_fail(error, CAIRN_E_CANCELLED, "cancelled");
        }
    }
    return status;
}

static int compare_objects(const void *left, const void *right, void *state)
{
    const struct cairn_link *members = state;
    const struct seen *one = left, *two = right;
    const uint32_t a = members[one->link].object, b = members[two->link].object;
    return a != b ? (a > b) - (a < b) : (one->link > two->link) - (one->link < two->link);
}

static int compare_labels(const void *left, const void *right)
{
    const uint32_t a = ((const struct seen *)left)->label, b = ((const struct seen *)right)->label;
    return (a > b) - (a < b);
}

static int compare_alike(const struct seen *one, const struct seen *two)
{
    if (one->label != two->label) {
        return one->label < two->label ? -1 : 1;
    }
    if (one->type != two->type) {
        return one->type < two->type ? -1 : 1;
    }
    return one->confidence != two->confidence ? one->confidence - two->confidence : one->class - two->class;
}

/* Alike ones together, each group in the order of the list; parallel edges of it beside each other. */
static int compare_groups(const void *left, const void *right)
{
    const struct seen *one = left, *two = right;
    const int alike = compare_alike(one, two);
    return alike != 0 ? alike : (one->link > two->link) - (one->link < two->link);
}

static enum cairn_status look_up(const struct survey *survey, struct cairn_error *error)
{
    struct cairn_fold *fold = survey->fold;
    qsort_r(survey->seen, fold->links, sizeof *survey->seen, compare_objects, fold->members);
    for (size_t i = 0; i < fold->links; i++) {
        struct seen *seen = &survey->seen[i];
        struct cairn_object object;
        const enum cairn_status status =
            cairn_graph_object(survey->graph, fold->members[seen->link].object, &object, error);
        if (status != CAIRN_OK) {
            return status;
        }
        if (i % 4096 == 0 && cairn_trace_cancelled(cairn_graph_trace(survey->graph))) {
            return cairn_fail(error, CAIRN_E_CANCELLED, "cancelled");
        }
        seen->type = object.type;
        seen->class = object.class;
        seen->shallow_bytes = object.shallow_bytes;
        seen->retained_bytes = object.retained_bytes;
    }
    return CAIRN_OK;
}

/* Names like "['key']" and "+128" become "any": each distinct name is looked at once. */
static enum cairn_status name_keys(const struct survey *survey, struct cairn_error *error)
{
    const size_t count = survey->fold->links;
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    enum cairn_status status = CAIRN_OK;
    qsort(survey->seen, count, sizeof *survey->seen, compare_labels);
    for (size_t begin = 0, end; status == CAIRN_OK && begin < count; begin = end) {
        const uint32_t label = survey->seen[begin].label;
        const char *text = "";
        for (end = begin; end < count && survey->seen[end].label == label; end++) {
        }
        if (!CAIRN_LABEL_IS_INDEX(label) && label != CAIRN_LABEL_NONE) {
            cairn_arena_reset(&arena);
            status = cairn_graph_string(survey->graph, CAIRN_LABEL_NUMBER(label), &arena, &text, error);
        }
        const bool any = CAIRN_LABEL_IS_INDEX(label) || text[0] == '[' || text[0] == '+';
        for (size_t i = begin; any && i < end; i++) {
            survey->seen[i].label = UINT32_MAX;
        }
    }
    cairn_arena_release(&arena);
    return status;
}

static void count_member(struct cairn_fold_group *group, const struct seen *seen, bool again)
{
    group->count++;
    if (!again) {
        group->objects++;
        cairn_add(&group->shallow_bytes, (int64_t)seen->shallow_bytes);
        cairn_add(&group->retained_bytes, (int64_t)seen->retained_bytes);
    }
}

static enum cairn_status make_groups(const struct survey *survey, struct cairn_error *error)
{
    struct cairn_fold *fold = survey->fold;
    size_t groups = 0;
    qsort(survey->seen, fold->links, sizeof *survey->seen, compare_groups);
    for (size_t i = 0; i < fold->links; i++) {
        groups += i == 0 || compare_alike(&survey->seen[i - 1], &survey->seen[i]) != 0;
    }
    fold->groups = calloc(groups + 1, sizeof *fold->groups);
    if (!fold->groups) {
        return cairn_no_memory(error, "the objects");
    }
    for (size_t i = 0; i < fold->links; i++) {
        const struct seen *seen = &survey->seen[i];
        const bool begins = i == 0 || compare_alike(seen - 1, seen) != 0;
        const struct cairn_link *link = &fold->members[seen->link];
        if (begins) {
            fold->groups[fold->group_count++] =
                (struct cairn_fold_group){.first = seen->link,
                                          .indexed = seen->label == UINT32_MAX,
                                          .link = *link,
                                          .type = seen->type,
                                          .class = seen->class};
        }
        /* Lists are in the order of size, then of objects: links to one object follow each other. */
        const bool again = !begins && fold->members[seen[-1].link].object == link->object;
        count_member(&fold->groups[fold->group_count - 1], seen, again);
        fold->group_of[seen->link] = (uint32_t)fold->group_count - 1;
    }
    return CAIRN_OK;
}

static int compare_sizes(const void *left, const void *right)
{
    const struct cairn_fold_group *one = left, *two = right;
    if (one->retained_bytes != two->retained_bytes) {
        return one->retained_bytes < two->retained_bytes ? 1 : -1;
    }
    return (one->first > two->first) - (one->first < two->first);
}

/* Largest groups first; members follow their groups. */
static enum cairn_status order_groups(struct cairn_fold *fold, struct cairn_error *error)
{
    uint32_t *now = malloc((fold->group_count + 1) * sizeof *now);
    if (!now) {
        return cairn_no_memory(error, "the objects");
    }
    qsort(fold->groups, fold->group_count, sizeof *fold->groups, compare_sizes);
    for (size_t i = 0; i < fold->group_count; i++) {
        now[fold->group_of[fold->groups[i].first]] = (uint32_t)i;
    }
    for (size_t i = 0; i < fold->links; i++) {
        fold->group_of[i] = now[fold->group_of[i]];
    }
    free(now);
    return CAIRN_OK;
}

enum cairn_status cairn_fold_list(struct cairn_graph *graph, enum cairn_graph_links kind, uint32_t list,
                                  size_t most, struct cairn_fold *fold, struct cairn_error *error)
{
    struct cairn_fold made = {.groups = NULL};
    struct survey survey = {.graph = graph, .fold = &made};
    enum cairn_status status = read_links(graph, kind, list, most, &made, error);
    if (status == CAIRN_OK) {
        survey.seen = calloc(made.links + 1, sizeof *survey.seen);
        status = survey.seen ? CAIRN_OK : cairn_no_memory(error, "the objects");
    }
    for (size_t i = 0; status == CAIRN_OK && i < made.links; i++) {
        survey.seen[i].link = (uint32_t)i;
        survey.seen[i].label = cairn_links_have_labels(kind) ? made.members[i].label : CAIRN_LABEL_NONE;
        survey.seen[i].confidence = made.members[i].confidence;
    }
    if (status == CAIRN_OK) {
        status = look_up(&survey, error);
    }
    if (status == CAIRN_OK && cairn_links_have_labels(kind)) {
        status = name_keys(&survey, error);
    }
    if (status == CAIRN_OK) {
        status = make_groups(&survey, error);
    }
    if (status == CAIRN_OK) {
        status = order_groups(&made, error);
    }
    free(survey.seen);
    if (status != CAIRN_OK) {
        cairn_fold_release(&made);
        return status;
    }
    *fold = made;
    return CAIRN_OK;
}

enum cairn_status cairn_fold_members(struct cairn_graph *graph, enum cairn_graph_links kind,
                                     const struct cairn_fold *fold, size_t group, size_t offset, size_t limit,
                                     struct cairn_objects *objects, struct cairn_error *error)
{
    struct cairn_object_rows rows;
    const bool labelled = cairn_links_have_labels(kind);
    size_t at = 0, before = 0;
    enum cairn_status status = CAIRN_OK;
    cairn_object_rows_open(&rows, graph);
    for (; status == CAIRN_OK && at < fold->links && (limit == 0 || rows.made.row_count < limit); at++) {
        const struct cairn_link *link = &fold->members[at];
        if (fold->group_of[at] == group && before++ >= offset) {
            status =
                cairn_object_rows_add(&rows, link->object, labelled, link->label, link->confidence, error);
        }
    }
    rows.made.rows_total = (size_t)fold->groups[group].count;
    rows.made.next_offset = offset + rows.made.row_count;
    return cairn_object_rows_finish(&rows, status, objects);
}

size_t cairn_fold_find(const struct cairn_fold *fold, size_t first)
{
    for (size_t i = 0; i < fold->group_count; i++) {
        if (fold->groups[i].first == first) {
            return i;
        }
    }
    return SIZE_MAX;
}

void cairn_fold_release(struct cairn_fold *fold)
{
    free(fold->groups);
    free(fold->members);
    free(fold->group_of);
    *fold = (struct cairn_fold){.groups = NULL};
}
