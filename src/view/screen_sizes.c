/* 7 Sizes: which sizes are allocated, how long blocks of each live, and which are temporary; a row opens into who allocates
 * them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "query/site_label.h"
#include "query/size_sites.h"
#include "query/sizes.h"
#include "view/app.h"
#include "view/detail.h"
#include "view/screens.h"

#define CURVE_COLUMNS 18  /* two lifetime buckets a column; the last one has all that is longer */
#define SITES_MOST    200 /* opened below one row; the largest ones */

enum slot { SLOT_TABLE = 1, SLOT_SITES };

enum value {
    VALUE_ALLOCATIONS = 0,
    VALUE_PERCENT,
    VALUE_FREES,
    VALUE_LIVE,
    VALUE_TEMPORARY_SHARE,
    VALUE_TEMPORARY
};

struct sizes {
    struct cairn_screen screen;
    struct cairn_outline table;
    struct cairn_detail detail;
    char sentence[256];
    int64_t total;    /* allocations of all sizes */
    uint64_t pending; /* the row whose sites were asked for and are not there yet; 0: none */
};

static const struct cairn_column size_columns[] = {
    {.title = "ALLOCS",
     .key = "allocations",
     .kind = CAIRN_COLUMN_COUNT,
     .width = 7,
     .value = VALUE_ALLOCATIONS,
     .sort = "allocations"},
    {.title = "%", .key = "percent", .kind = CAIRN_COLUMN_PERCENT, .width = 5, .value = VALUE_PERCENT},
    {.title = "", .kind = CAIRN_COLUMN_BAR, .width = 20, .from_width = 110, .value = VALUE_PERCENT},
    {.title = "FREES",
     .key = "frees",
     .kind = CAIRN_COLUMN_COUNT,
     .width = 7,
     .from_width = 84,
     .value = VALUE_FREES,
     .sort = "frees"},
    {.title = "AT END",
     .key = "live",
     .kind = CAIRN_COLUMN_COUNT,
     .width = 7,
     .value = VALUE_LIVE,
     .sort = "live"},
    {.title = "TEMP",
     .key = "temporary",
     .kind = CAIRN_COLUMN_COUNT,
     .width = 7,
     .from_width = 92,
     .value = VALUE_TEMPORARY,
     .sort = "temporary"},
    {.title = "TEMP%",
     .key = "temporary_percent",
     .kind = CAIRN_COLUMN_PERCENT,
     .width = 5,
     .value = VALUE_TEMPORARY_SHARE},
    {.title = "1µs  1ms  1s   17m", .kind = CAIRN_COLUMN_TREND, .width = CURVE_COLUMNS},
    {.title = "size, bytes", .kind = CAIRN_COLUMN_NAME},
};

struct sizes_job {
    struct cairn_job job;
    uint64_t parent; /* key of the row whose sites these are; 0: the sizes */
    int64_t total;
    struct cairn_rows rows;
    char sentence[256];
    uint64_t *keys; /* of the rows that are sizes, */
    int64_t *
        curves; /* and CURVE_COLUMNS counts of each: how long freed blocks lived, over the logarithm of time */
    size_t size_count;
};

/* "64 – 127", "1K – 2K"; exact up to a KiB. */
static void name_sizes(const struct cairn_sizes_row *from, char *out, size_t out_size)
{
    char low[CAIRN_HUMAN_MAX], high[CAIRN_HUMAN_MAX];
    if (from->size_high <= 1)
        snprintf(out, out_size, "%" PRId64, from->size_low);
    else if (from->size_high < 1024)
        snprintf(out, out_size, "%" PRId64 " – %" PRId64, from->size_low, from->size_high);
    else if (from->size_high == INT64_MAX)
        snprintf(out, out_size, "%s and more", cairn_human_bytes_short(low, from->size_low));
    else
        snprintf(out, out_size, "%s – %s", cairn_human_bytes_short(low, from->size_low),
                 cairn_human_bytes_short(high, from->size_high + 1));
}

static void add_curve(struct sizes_job *own, const struct cairn_row *row, const struct cairn_sizes_row *from)
{
    int64_t *columns = &own->curves[own->size_count * CURVE_COLUMNS];
    own->keys[own->size_count++] = row->key;
    for (size_t i = 0; i < from->lifetime_count; i++)
        columns[i / 2 < CURVE_COLUMNS ? i / 2 : CURVE_COLUMNS - 1] += from->lifetimes[i].blocks;
}

static void set_values(struct cairn_row *row, int64_t allocations, int64_t live, int64_t temporary,
                       int64_t total)
{
    row->values[VALUE_ALLOCATIONS] = allocations;
    row->values[VALUE_PERCENT] = total > 0 ? (int64_t)((double)allocations * 10000 / (double)total) : 0;
    row->values[VALUE_FREES] = allocations - live;
    row->values[VALUE_LIVE] = live;
    row->values[VALUE_TEMPORARY] = temporary;
    row->values[VALUE_TEMPORARY_SHARE] =
        allocations > 0 ? (int64_t)((double)temporary * 10000 / (double)allocations) : 0;
}

static void add_row(struct sizes_job *own, const struct cairn_sizes_row *from)
{
    struct cairn_row *row = cairn_rows_add(&own->rows, CAIRN_NO_PARENT);
    if (row == NULL)
        return;
    char name[64];
    name_sizes(from, name, sizeof(name));
    row->key = (uint64_t)from->size_low + 1;
    row->expandable = true;
    row->name = cairn_rows_clean(&own->rows, name);
    set_values(row, from->allocations, from->live, from->temporary, own->total);
    add_curve(own, row, from);
}

/* "19 % of the allocations were temporary: …" */
static void tell_temporary(struct sizes_job *own, int64_t temporary)
{
    char share[CAIRN_SHARE_SIZE], some[CAIRN_HUMAN_MAX], all[CAIRN_HUMAN_MAX];
    snprintf(own->sentence, sizeof(own->sentence),
             "%s of the allocations were temporary: %s of %s, freed by their thread before its next one",
             cairn_share((double)temporary * 100 / (double)own->total, share),
             cairn_human_count(some, temporary), cairn_human_count(all, own->total));
}

static enum cairn_status run_sites(struct sizes_job *own, struct cairn_reader *reader,
                                   const struct cairn_selection *selection)
{
    struct cairn_trace *trace = cairn_reader_trace(reader);
    struct cairn_size_sites sites;
    const enum cairn_status status =
        cairn_size_sites(trace, selection, (int64_t)own->parent - 1, &sites, &own->job.error);
    if (status != CAIRN_OK)
        return status;
    for (size_t i = 0; i < sites.row_count && i < SITES_MOST; i++) {
        const struct cairn_size_site *from = &sites.rows[i];
        struct cairn_row *row = cairn_rows_add(&own->rows, CAIRN_NO_PARENT);
        if (row == NULL)
            break;
        cairn_rows_site(&own->rows, row, &from->site, selection->by);
        row->key = cairn_key_mix(own->parent, (uint64_t)from->site.site_id);
        row->stack = from->stack;
        set_values(row, from->allocations, from->live, from->temporary, own->total);
        cairn_detail_place(&own->rows, row, trace);
    }
    cairn_size_sites_release(&sites);
    return own->rows.failed ? cairn_fail(&own->job.error, CAIRN_E_NOMEM, "memory ran out for the rows")
                            : CAIRN_OK;
}

static enum cairn_status run_sizes(struct cairn_job *job, struct cairn_reader *reader)
{
    struct sizes_job *own = (struct sizes_job *)job;
    struct cairn_selection selection;
    struct cairn_sizes sizes;
    enum cairn_status status = cairn_reader_selection(reader, &job->question, &selection, &job->error);
    if (status == CAIRN_OK && own->parent != 0)
        return run_sites(own, reader, &selection);
    if (status == CAIRN_OK)
        status = cairn_sizes(cairn_reader_trace(reader), &selection, &sizes, &job->error);
    if (status != CAIRN_OK)
        return status;
    int64_t temporary = 0;
    own->total = 0;
    for (size_t i = 0; i < sizes.row_count; i++) {
        own->total += sizes.rows[i].allocations;
        temporary += sizes.rows[i].temporary;
    }
    own->keys = calloc(sizes.row_count + 1, sizeof(*own->keys));
    own->curves = calloc((sizes.row_count + 1) * CURVE_COLUMNS, sizeof(*own->curves));
    own->rows.failed |= own->keys == NULL || own->curves == NULL;
    for (size_t i = 0; i < sizes.row_count && !own->rows.failed; i++)
        add_row(own, &sizes.rows[i]);
    if (own->total > 0)
        tell_temporary(own, temporary);
    cairn_sizes_release(&sizes);
    return own->rows.failed ? cairn_fail(&job->error, CAIRN_E_NOMEM, "memory ran out for the rows")
                            : CAIRN_OK;
}

static void ask_sites(struct sizes *screen, const struct cairn_row *row);

/* New rows know no sites yet: what was open is opened again, one row after the other. */
static void open_next(struct sizes *screen)
{
    const struct cairn_row *row = cairn_outline_next_open(&screen->table);
    if (row != NULL)
        ask_sites(screen, row);
}

static void deliver_sizes(struct cairn_job *job, void *receiver)
{
    struct sizes_job *own = (struct sizes_job *)job;
    struct sizes *screen = receiver;
    if (own->parent != 0)
        screen->pending = 0;
    if (job->status != CAIRN_OK)
        return;
    if (own->parent != 0) {
        if (job->revision == screen->screen.asked_revision)
            cairn_outline_add_children(&screen->table, own->parent, &own->rows);
    } else {
        cairn_outline_set_rows(&screen->table, &own->rows);
        cairn_outline_clear_trends(&screen->table);
        cairn_outline_add_trends(&screen->table, own->keys, own->size_count, own->curves, CURVE_COLUMNS);
        memcpy(screen->sentence, own->sentence, sizeof(screen->sentence));
        screen->total = own->total;
        screen->screen.seen_row = 0;
    }
    open_next(screen);
}

static void release_sizes(struct cairn_job *job)
{
    struct sizes_job *own = (struct sizes_job *)job;
    cairn_rows_release(&own->rows);
    free(own->keys);
    free(own->curves);
    free(job);
}

static const struct cairn_job_class sizes_job_class = {
    .rank = 1, .run = run_sizes, .deliver = deliver_sizes, .release = release_sizes};

static void init(struct cairn_screen *base)
{
    /* Rows stand by size, as they come, until a column is chosen. */
    const size_t count = sizeof(size_columns) / sizeof(size_columns[0]);
    cairn_outline_init(&((struct sizes *)base)->table, size_columns, count, (unsigned)count - 1);
}

static void release(struct cairn_screen *base)
{
    cairn_outline_release(&((struct sizes *)base)->table);
    cairn_detail_release(&((struct sizes *)base)->detail);
}

static void post(struct sizes *screen, uint64_t parent)
{
    struct sizes_job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return;
    job->job.class = &sizes_job_class;
    job->job.slot = parent != 0 ? SLOT_SITES : SLOT_TABLE;
    job->parent = parent;
    job->total = screen->total;
    cairn_screen_post(&screen->screen, &job->job);
}

static void ask_sites(struct sizes *screen, const struct cairn_row *row)
{
    screen->pending = row->key;
    post(screen, row->key);
}

static void ask(struct cairn_screen *base)
{
    post((struct sizes *)base, 0);
}

static struct cairn_detail *detail(struct cairn_screen *base)
{
    return &((struct sizes *)base)->detail;
}

static void draw(struct cairn_screen *base, struct cairn_canvas *canvas, struct cairn_rect area)
{
    struct sizes *screen = (struct sizes *)base;
    const int used =
        cairn_draw_wrapped(canvas, area.x + 1, area.y, area.width - 2, CAIRN_SENTENCE_LINES(area.height),
                           CAIRN_STYLE_HEADING, screen->sentence);
    const struct cairn_rect rest = {area.x, area.y + used, area.width, area.height - used};
    const struct cairn_layout layout = cairn_detail_layout(base->app, rest);
    const struct cairn_outline_look look = {.focused = true,
                                            .empty = cairn_app_no_rows(base->app, "nothing was allocated"),
                                            .match = cairn_app_match(base->app)};
    cairn_outline_draw(&screen->table, canvas, layout.table, &look);
    cairn_detail_draw(&screen->detail, canvas, &layout);
}

/* Opens a size: who allocates it comes from the trace the first time. */
static bool open_row(struct sizes *screen)
{
    const struct cairn_row *row = cairn_outline_open(&screen->table);
    if (row != NULL && screen->pending != row->key)
        ask_sites(screen, row);
    return row != NULL;
}

static bool act(struct cairn_screen *base, const struct cairn_key_binding *binding)
{
    struct sizes *screen = (struct sizes *)base;
    const struct cairn_row *row = cairn_outline_current(&screen->table);
    switch (binding->action) {
    case CAIRN_DO_ENTER:
        if (row != NULL && row->stack != 0) {
            cairn_app_push(base->app, cairn_frames_screen(base->app, row));
            return true;
        }
        return open_row(screen);
    case CAIRN_DO_OPEN:
    case CAIRN_DO_FOLD:
        return open_row(screen);
    case CAIRN_DO_UNFOLD_ALL:
        cairn_outline_open_all(&screen->table);
        open_next(screen);
        return true;
    default:
        return false;
    }
}

static struct cairn_outline *outline(struct cairn_screen *base)
{
    return &((struct sizes *)base)->table;
}

static void command(const struct cairn_screen *base, struct cairn_buffer *text)
{
    if (!cairn_inquiry_has_options(&base->app->question))
        return;
    struct cairn_inquiry question = cairn_screen_question(base);
    question.by = CAIRN_BY_FUNCTION;
    question.wrapper_count = 0;
    cairn_buffer_text(text, "sizes ");
    cairn_append_quoted(text, base->app->options->path);
    cairn_inquiry_options(&question, false, text);
}

const struct cairn_screen_class cairn_sizes_screen_class = {
    .id = CAIRN_SCREEN_SIZES,
    .digit = '7',
    .name = "Sizes",
    .summary = "which sizes are allocated, how long they live, which are temporary",
    .grows = true,
    .size = sizeof(struct sizes),
    .init = init,
    .release = release,
    .ask = ask,
    .detail = detail,
    .draw = draw,
    .outline = outline,
    .act = act,
    .command = command,
};
