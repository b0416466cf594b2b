#include "view/node_table.h"

#include <stdlib.h>

#include "view/app.h"
#include "view/graphs.h"
#include "view/screens.h"

#define QUICK_LINKS 256 /* a first answer looks at so many, whatever the list's length */

static const struct cairn_column node_columns[] = {
    {.title = "RETAINED",
     .key = "retained_bytes",
     .kind = CAIRN_COLUMN_BYTES,
     .width = 8,
     .value = CAIRN_NODE_RETAINED,
     .sort = "retained"},
    {.title = "%",
     .key = "percent",
     .kind = CAIRN_COLUMN_PERCENT,
     .width = 5,
     .from_width = 90,
     .value = CAIRN_NODE_PERCENT},
    {.title = "SHALLOW",
     .key = "shallow_bytes",
     .kind = CAIRN_COLUMN_BYTES,
     .width = 7,
     .from_width = 60,
     .value = CAIRN_NODE_SHALLOW,
     .sort = "shallow"},
    {.title = "IN",
     .key = "referrers",
     .kind = CAIRN_COLUMN_COUNT,
     .width = 6,
     .from_width = 70,
     .value = CAIRN_NODE_IN,
     .sort = "in"},
    {.title = "OUT",
     .key = "referents",
     .kind = CAIRN_COLUMN_COUNT,
     .width = 6,
     .from_width = 70,
     .value = CAIRN_NODE_OUT,
     .sort = "out"},
    {.title = "object", .kind = CAIRN_COLUMN_NAME, .sort = "name"},
};

#define COLUMN_COUNT (sizeof(node_columns) / sizeof(node_columns[0]))

/* Of lists whose order says something, a way's: none of its columns sorts. */
static const struct cairn_column way_columns[] = {
    {.title = "RETAINED",
     .key = "retained_bytes",
     .kind = CAIRN_COLUMN_BYTES,
     .width = 8,
     .value = CAIRN_NODE_RETAINED},
    {.title = "%",
     .key = "percent",
     .kind = CAIRN_COLUMN_PERCENT,
     .width = 5,
     .from_width = 90,
     .value = CAIRN_NODE_PERCENT},
    {.title = "SHALLOW",
     .key = "shallow_bytes",
     .kind = CAIRN_COLUMN_BYTES,
     .width = 7,
     .from_width = 60,
     .value = CAIRN_NODE_SHALLOW},
    {.title = "IN",
     .key = "referrers",
     .kind = CAIRN_COLUMN_COUNT,
     .width = 6,
     .from_width = 70,
     .value = CAIRN_NODE_IN},
    {.title = "OUT",
     .key = "referents",
     .kind = CAIRN_COLUMN_COUNT,
     .width = 6,
     .from_width = 70,
     .value = CAIRN_NODE_OUT},
    {.title = "from the root to the object", .kind = CAIRN_COLUMN_NAME},
};

struct table_job {
    struct cairn_job job;
    size_t offset; /* of the table in the screen */
    struct cairn_node_page page;
    uint64_t asked;
    struct cairn_node_answer answer;
};

void cairn_node_table_init(struct cairn_node_table *table, uint32_t graph,
                           const struct cairn_node_source *source, unsigned slot)
{
    const bool way = source->what == CAIRN_NODES_WAY;
    *table =
        (struct cairn_node_table){.source = *source, .graph = graph, .slot = slot, .centre = CAIRN_NO_OBJECT};
    cairn_outline_init(&table->outline, way ? way_columns : node_columns, COLUMN_COUNT, 0);
}

void cairn_node_table_release(struct cairn_node_table *table)
{
    cairn_outline_release(&table->outline);
    cairn_keymap_release(&table->opened);
}

/* --- Jobs. --- */

static enum cairn_status run_table(struct cairn_job *job, struct cairn_reader *reader)
{
    struct table_job *own = (struct table_job *)job;
    return cairn_node_rows(reader, &job->question, &own->page, &own->answer, &job->error);
}

static void release_table(struct cairn_job *job)
{
    cairn_rows_release(&((struct table_job *)job)->answer.rows);
    free(job);
}

static void deliver_table(struct cairn_job *job, void *receiver);

/* The first answer comes before everything else, the whole list behind what the user may ask next. */
static const struct cairn_job_class table_job_class = {
    .rank = 1, .run = run_table, .deliver = deliver_table, .release = release_table};
static const struct cairn_job_class whole_job_class = {
    .rank = 3, .run = run_table, .deliver = deliver_table, .release = release_table};

static void post(struct cairn_screen *screen, struct cairn_node_table *table,
                 const struct cairn_node_page *page)
{
    struct table_job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return;
    job->job.class = page->most != 0 ? &table_job_class : &whole_job_class;
    job->job.slot = table->slot + (page->parent_key != 0);
    job->offset = (size_t)((char *)table - (char *)screen);
    job->page = *page;
    job->asked = table->asked;
    cairn_screen_post_of(screen, &job->job, table->graph);
}

static void post_row(struct cairn_screen *screen, struct cairn_node_table *table, const struct cairn_row *row,
                     size_t most)
{
    table->pending = row->key;
    post(screen, table,
         &(struct cairn_node_page){
             .source = table->source, .node = row->node, .parent_key = row->key, .most = most});
}

/* Only an object's own list is answered in two steps: groups and pages are looked for in all of it. */
static size_t quick_links(const struct cairn_row *row)
{
    return row->node.kind == CAIRN_NODE_OBJECT ? QUICK_LINKS : 0;
}

/* A graph has cycles: what stands above a row, or is open elsewhere, is not opened again below it. */
static void mark_again(struct cairn_node_table *table, uint64_t parent_key, struct cairn_rows *rows)
{
    const struct cairn_rows *shown = &table->outline.rows;
    for (size_t i = 0; i < rows->count; i++) {
        struct cairn_row *row = &rows->items[i];
        const uint32_t object = row->node.number;
        if (row->node.kind != CAIRN_NODE_OBJECT)
            continue;
        bool again = object == table->centre || cairn_keymap_get(&table->opened, object) != NULL;
        for (size_t up = cairn_outline_find(&table->outline, parent_key); !again && up < shown->count;
             up = shown->items[up].parent == CAIRN_NO_PARENT ? SIZE_MAX : shown->items[up].parent)
            again = shown->items[up].node.kind == CAIRN_NODE_OBJECT && shown->items[up].node.number == object;
        if (!again)
            continue;
        row->expandable = false;
        row->name = cairn_rows_format(rows, "%s  ↺ shown above", row->name);
    }
}

/* Rows that were open before the rows came anew are asked for, one after the other. */
static void open_next(struct cairn_screen *screen, struct cairn_node_table *table)
{
    const struct cairn_outline *outline = &table->outline;
    for (size_t i = 0; table->pending == 0 && i < outline->visible_count; i++) {
        const struct cairn_row *row = &outline->rows.items[outline->visible[i]];
        if (row->expandable && cairn_outline_is_unfolded(outline, row))
            post_row(screen, table, row, quick_links(row));
    }
}

static void deliver_table(struct cairn_job *job, void *receiver)
{
    struct table_job *own = (struct table_job *)job;
    struct cairn_screen *screen = receiver;
    struct cairn_node_table *table = (struct cairn_node_table *)((char *)receiver + own->offset);
    const bool root = own->page.parent_key == 0;
    if (!root)
        table->pending = 0;
    if (job->status != CAIRN_OK || own->asked != table->asked)
        return;
    const bool unfolded = own->answer.unfolded;
    if (root) {
        mark_again(table, 0, &own->answer.rows);
        cairn_outline_set_rows(&table->outline, &own->answer.rows);
        table->total = own->answer.total;
        table->unfolded = unfolded;
    } else {
        mark_again(table, own->page.parent_key, &own->answer.rows);
        const uint32_t object = own->page.node.number;
        if (own->page.node.kind == CAIRN_NODE_OBJECT)
            cairn_keymap_put(&table->opened, object, own->page.parent_key);
        cairn_outline_set_children(&table->outline, own->page.parent_key, &own->answer.rows);
        const struct cairn_row *row = cairn_outline_current(&table->outline);
        /* Who asked for more goes on where it begins. */
        if (own->page.node.kind == CAIRN_NODE_MORE && row != NULL && row->key == own->page.parent_key)
            cairn_outline_move(&table->outline, 1);
    }
    if (unfolded) {
        struct cairn_node_page whole = own->page;
        whole.most = 0;
        table->pending = own->page.parent_key;
        post(screen, table, &whole);
    }
    screen->seen_row = 0;
    open_next(screen, table);
}

void cairn_node_table_ask(struct cairn_screen *screen, struct cairn_node_table *table)
{
    const struct cairn_inquiry *question = &screen->app->question;
    uint64_t asked = cairn_key_mix(table->graph, question->a_set ? (uint64_t)question->a.moment.t_ns + 1 : 0);
    asked = cairn_key_mix(asked, table->source.only_new);
    if (table->source.what == CAIRN_NODES_ORIGIN)
        asked = cairn_key_mix(asked, screen->app->revision);
    if (asked == table->asked)
        return;
    table->asked = asked;
    table->pending = 0;
    cairn_keymap_clear(&table->opened);
    post(screen, table, &(struct cairn_node_page){.source = table->source, .most = QUICK_LINKS});
}

/* --- Keys. --- */

bool cairn_node_table_open(struct cairn_screen *screen, struct cairn_node_table *table)
{
    struct cairn_outline *outline = &table->outline;
    const struct cairn_row *row = cairn_outline_current(outline);
    if (row == NULL || !row->expandable)
        return false;
    const uint64_t key = row->key;
    const uint64_t *open =
        row->node.kind == CAIRN_NODE_OBJECT ? cairn_keymap_get(&table->opened, row->node.number) : NULL;
    if (open != NULL) {
        cairn_app_say(screen->app, "it is open already, above");
        cairn_outline_reveal(outline, cairn_outline_find(outline, *open));
        return true;
    }
    cairn_outline_set_folded(outline, row, false);
    row = cairn_outline_current(outline);
    if (row != NULL && row->key == key && table->pending != key)
        post_row(screen, table, row, quick_links(row));
    return true;
}

static void show_object(struct cairn_screen *screen, const struct cairn_node_table *table,
                        const struct cairn_row *row)
{
    cairn_app_push(screen->app, cairn_object_screen(screen->app, table->graph, row->node.number, row->name));
}

static bool act_on_object(struct cairn_screen *screen, struct cairn_node_table *table,
                          const struct cairn_row *row, const struct cairn_key_binding *binding)
{
    switch (binding->action) {
    case CAIRN_DO_ENTER:
        show_object(screen, table, row);
        return true;
    case CAIRN_DO_WHY:
        cairn_app_push(screen->app, cairn_way_screen(screen->app, table->graph, row->node.number, row->name));
        return true;
    case CAIRN_DO_DOMINATORS:
        cairn_app_push(screen->app,
                       cairn_dominated_screen(screen->app, table->graph, row->node.number, row->name));
        return true;
    case CAIRN_DO_CYCLE:
        if (row->node.cycle == 0)
            cairn_app_say(screen->app, "it is in no cycle: nothing it leads to leads back to it");
        else
            cairn_app_push(screen->app,
                           cairn_cycle_screen(screen->app, table->graph, row->node.cycle - 1, row->name));
        return true;
    default:
        return false;
    }
}

bool cairn_node_table_act(struct cairn_screen *screen, struct cairn_node_table *table,
                          const struct cairn_key_binding *binding)
{
    struct cairn_outline *outline = &table->outline;
    const struct cairn_row *row = cairn_outline_current(outline);
    if (row == NULL)
        return false;
    const bool object = row->node.kind == CAIRN_NODE_OBJECT;
    if (object && act_on_object(screen, table, row, binding))
        return true;
    switch (binding->action) {
    case CAIRN_DO_OPEN:
    case CAIRN_DO_FOLD:
        return cairn_node_table_open(screen, table);
    case CAIRN_DO_ENTER:
        return !object && cairn_node_table_open(screen, table);
    case CAIRN_DO_WHY:
    case CAIRN_DO_DOMINATORS:
    case CAIRN_DO_CYCLE:
        cairn_app_say(screen->app, "these are several objects: Enter opens the row");
        return true;
    case CAIRN_DO_ORIGIN:
        if (row->stack == 0)
            cairn_app_say(screen->app, "nobody knows who allocated it: its block was not recorded");
        else
            cairn_app_push(screen->app,
                           cairn_origin_screen(screen->app, table->graph, row, false, CAIRN_BY_STACK));
        return true;
    default:
        return false;
    }
}
