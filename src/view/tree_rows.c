#include "view/tree_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/tree.h"
#include "view/app.h"
#include "view/screens.h"
#include "view/site_columns.h"

#define PATH_MOST 1024 /* frames of a path that are shown */

struct tree_job {
    struct cairn_job job;
    bool bottom_up, compared;
    struct cairn_rows rows;
    struct cairn_counts total;
    struct cairn_moment at;
    void (*accept)(struct cairn_screen *screen, struct cairn_rows *rows, bool bottom_up,
                   enum cairn_metric metric);
};

/* What the site says; its texts are shared by all rows of that site: a tree has many rows and few sites. */
static void set_site(struct cairn_rows *rows, struct cairn_row *row, const struct cairn_site *site,
                     enum cairn_by by, struct cairn_keymap *first_rows)
{
    const uint64_t *known = cairn_keymap_get(first_rows, (uint64_t)site->site_id);
    if (known == NULL) {
        cairn_rows_site(rows, row, site, by);
        /* Memory that ran out here costs more copies, no more. */
        (void)cairn_keymap_put(first_rows, (uint64_t)site->site_id, rows->count - 1);
        return;
    }
    const struct cairn_row *same = &rows->items[*known];
    row->site_id = same->site_id;
    row->lang = same->lang;
    row->name = same->name;
    row->label = same->label;
    row->place = same->place;
    row->module = same->module;
    row->function = same->function;
    row->file = same->file;
    row->line = same->line;
    row->source_file = same->source_file;
}

static void convert(struct cairn_rows *rows, const struct cairn_tree *tree, enum cairn_by by)
{
    struct cairn_keymap first_rows = {.keys = NULL};
    for (size_t i = 0; i < tree->node_count; i++) {
        const struct cairn_tree_node *node = &tree->nodes[i];
        struct cairn_row *row = cairn_rows_add(rows, node->parent);
        if (row == NULL)
            break;
        set_site(rows, row, &node->site, by == CAIRN_BY_LINE ? CAIRN_BY_LINE : CAIRN_BY_FUNCTION,
                 &first_rows);
        const uint64_t above = node->parent == UINT32_MAX ? 0 : rows->items[node->parent].key;
        row->key = cairn_key_mix(above, (uint64_t)node->site.site_id);
        cairn_row_set_counts(row, &node->counts, node->percent);
        row->values[CAIRN_VALUE_SELF] = node->self_bytes;
    }
    cairn_keymap_release(&first_rows);
}

/* What a path is called in either trace: numbers of sites are of one trace alone. */
static uint64_t path_key(uint64_t above, const struct cairn_row *row)
{
    uint64_t key = above;
    for (const char *at = row->name; *at != '\0'; at++)
        key = cairn_key_mix(key, (unsigned char)*at);
    return cairn_key_mix(key, 0);
}

/* The keys of all paths, in order of the rows; the caller frees them. NULL when memory ran out. */
static uint64_t *path_keys(const struct cairn_rows *rows)
{
    uint64_t *keys = malloc((rows->count + 1) * sizeof(*keys));
    for (size_t i = 0; keys != NULL && i < rows->count; i++) {
        const struct cairn_row *row = &rows->items[i];
        keys[i] = path_key(row->parent == CAIRN_NO_PARENT ? 0 : keys[row->parent], row);
    }
    return keys;
}

/* Notes what each path has more or less than in `before`. */
static bool compare(struct cairn_rows *rows, const struct cairn_rows *before)
{
    struct cairn_keymap then = {.keys = NULL};
    uint64_t *old_keys = path_keys(before), *keys = path_keys(rows);
    bool done = old_keys != NULL && keys != NULL;
    for (size_t i = 0; done && i < before->count; i++)
        done = cairn_keymap_put(&then, old_keys[i], (uint64_t)before->items[i].values[CAIRN_VALUE_LIVE]);
    for (size_t i = 0; done && i < rows->count; i++) {
        struct cairn_row *row = &rows->items[i];
        const uint64_t *had = cairn_keymap_get(&then, keys[i]);
        const int64_t change = row->values[CAIRN_VALUE_LIVE] - (had != NULL ? (int64_t)*had : 0);
        row->values[CAIRN_VALUE_CHANGE] = change;
        row->style = change > 0 ? CAIRN_STYLE_GREW : change < 0 ? CAIRN_STYLE_SHRANK : CAIRN_STYLE_TEXT;
    }
    cairn_keymap_release(&then);
    free(old_keys);
    free(keys);
    return done;
}

static enum cairn_status read_tree(struct tree_job *own, struct cairn_reader *reader,
                                   struct cairn_trace *trace, const struct cairn_view_moment *wanted,
                                   struct cairn_rows *rows)
{
    struct cairn_job *job = &own->job;
    struct cairn_selection selection;
    struct cairn_moment at;
    struct cairn_span span;
    struct cairn_tree tree;
    enum cairn_status status = cairn_reader_selection(reader, &job->question, &selection, &job->error);
    if (status == CAIRN_OK)
        status = cairn_reader_moment(trace, wanted, &at, &job->error);
    if (status == CAIRN_OK)
        status = cairn_reader_span(trace, &span, &job->error);
    if (status == CAIRN_OK)
        status = cairn_tree(trace, &selection, &at, &span, own->bottom_up, &tree, &job->error);
    if (status != CAIRN_OK)
        return status;
    convert(rows, &tree, selection.by);
    own->total = tree.total;
    own->at = at;
    cairn_tree_release(&tree);
    return rows->failed ? cairn_fail(&job->error, CAIRN_E_NOMEM, "memory ran out for the tree") : CAIRN_OK;
}

static enum cairn_status run_tree(struct cairn_job *job, struct cairn_reader *reader)
{
    struct tree_job *own = (struct tree_job *)job;
    if (!own->compared)
        return read_tree(own, reader, cairn_reader_trace(reader), &job->question.at, &own->rows);
    const struct cairn_view_moment a = cairn_inquiry_a(&job->question), b = cairn_inquiry_b(&job->question);
    struct cairn_rows before = {.items = NULL};
    enum cairn_status status = read_tree(own, reader, cairn_reader_trace(reader), &a, &before);
    if (status == CAIRN_OK)
        status = read_tree(own, reader, cairn_reader_other(reader), &b, &own->rows);
    if (status == CAIRN_OK && !compare(&own->rows, &before))
        status = cairn_fail(&job->error, CAIRN_E_NOMEM, "memory ran out for the tree");
    cairn_rows_release(&before);
    return status;
}

static void deliver_tree(struct cairn_job *job, void *receiver)
{
    struct tree_job *own = (struct tree_job *)job;
    struct cairn_screen *screen = receiver;
    if (job->status != CAIRN_OK)
        return;
    /* Compared trees are those of A and B. */
    cairn_screen_told(screen, job, own->compared ? &job->question.at.moment : &own->at,
                      own->compared ? NULL : &own->total);
    own->accept(screen, &own->rows, own->bottom_up, job->question.metric);
    screen->seen_row = 0;
}

static void release_tree(struct cairn_job *job)
{
    cairn_rows_release(&((struct tree_job *)job)->rows);
    free(job);
}

static const struct cairn_job_class tree_job_class = {
    .rank = 1, .again = true, .run = run_tree, .deliver = deliver_tree, .release = release_tree};

void cairn_tree_ask(struct cairn_screen *screen, bool bottom_up, bool compared,
                    void (*accept)(struct cairn_screen *screen, struct cairn_rows *rows, bool bottom_up,
                                   enum cairn_metric metric))
{
    struct tree_job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return;
    job->job.class = &tree_job_class;
    job->job.slot = 1;
    job->bottom_up = bottom_up;
    job->compared = compared;
    job->accept = accept;
    cairn_screen_post(screen, &job->job);
}

static void add_frame(struct cairn_rows *frames, const struct cairn_row *from)
{
    struct cairn_row *frame = cairn_rows_add(frames, CAIRN_NO_PARENT);
    if (frame == NULL)
        return;
    frame->key = frames->count;
    frame->values[0] = (int64_t)frames->count - 1;
    frame->name = cairn_rows_clean(frames, from->name);
    frame->label = cairn_rows_clean(frames, from->label);
    frame->place = cairn_rows_clean(frames, from->place);
    frame->module = cairn_rows_clean(frames, from->module);
    frame->function = from->function != NULL
                          ? cairn_arena_copy(&frames->text, from->function, strlen(from->function))
                          : NULL;
    frame->file = from->file != NULL ? cairn_arena_copy(&frames->text, from->file, strlen(from->file)) : NULL;
    frame->line = from->line;
    frame->lang = from->lang;
    frame->source_file = from->source_file;
}

void cairn_tree_show_path(struct cairn_screen *screen, const struct cairn_outline *tree, uint32_t index,
                          bool bottom_up)
{
    struct cairn_rows frames = {.items = NULL};
    uint32_t path[PATH_MOST];
    size_t depth = 0;
    for (uint32_t at = index; at != CAIRN_NO_PARENT && depth < PATH_MOST; at = tree->rows.items[at].parent)
        path[depth++] = at;
    /* Bottom-up, the root is the innermost frame. */
    for (size_t i = 0; i < depth; i++)
        add_frame(&frames, &tree->rows.items[path[bottom_up ? depth - 1 - i : i]]);
    char title[256];
    snprintf(title, sizeof(title), "path to %s", tree->rows.items[index].name);
    cairn_app_push(screen->app, cairn_frames_screen_of(screen->app, &frames, title));
}
