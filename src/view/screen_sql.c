/* SQL: a statement, its answer, and beside it the tables there are. The screen is kept: all of that is there when one comes back. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "view/app.h"
#include "view/screens.h"
#include "view/sql_answer.h"

#define TABLES_WIDTH 36
#define WIDE         110 /* from here on both panes are shown */

#define AS_IT_CAME   (-1) /* sorted by no column */

enum pane { PANE_ANSWER = 0, PANE_TABLES, PANE_COUNT };
enum slot { SLOT_ANSWER = 1, SLOT_TABLES };

struct sql {
    struct cairn_screen screen;
    struct cairn_outline panes[PANE_COUNT];
    char statement[CAIRN_SQL_STATEMENT_MAX]; /* asked last, answered or not */
    char answered[CAIRN_SQL_STATEMENT_MAX];  /* whose answer is shown; "": none yet */
    struct cairn_sql_answer answer;          /* without its rows, which the pane has */
    int sorted;                              /* a column of the answer, or AS_IT_CAME */
};

static const struct cairn_column columns[] = {{.title = "", .kind = CAIRN_COLUMN_NAME}};
/* The answer's rows are sorted by a number that is not shown: cells stand in the names. */
static const struct cairn_column answer_columns[] = {
    {.title = "", .kind = CAIRN_COLUMN_NUMBER, .from_width = INT_MAX, .value = 0, .sort = "order"},
    {.title = "", .kind = CAIRN_COLUMN_NAME}};

struct sql_job {
    struct cairn_job job;
    const char *path; /* the options', which outlive every job */
    char statement[CAIRN_SQL_STATEMENT_MAX];
    struct cairn_sql_answer answer;
};

static enum cairn_status run_tables(struct cairn_job *job, struct cairn_reader *reader)
{
    struct sql_job *own = (struct sql_job *)job;
    (void)reader;
    return cairn_sql_schema(own->path, &own->answer.rows, &job->error);
}

static enum cairn_status run_answer(struct cairn_job *job, struct cairn_reader *reader)
{
    struct sql_job *own = (struct sql_job *)job;
    return cairn_sql_answer(own->path, cairn_reader_trace(reader), own->statement, &own->answer, &job->error);
}

static void deliver_tables(struct cairn_job *job, void *receiver)
{
    if (job->status == CAIRN_OK)
        cairn_outline_set_rows(&((struct sql *)receiver)->panes[PANE_TABLES],
                               &((struct sql_job *)job)->answer.rows);
}

/* Puts the rows in order: numbers largest first, texts from a to z; the cursor stays on its row. */
static void sort_answer(struct sql *screen, int column)
{
    struct cairn_outline *outline = &screen->panes[PANE_ANSWER];
    const struct cairn_sql_answer *answer = &screen->answer;
    const bool sorted = column != AS_IT_CAME && answer->ranks != NULL;
    for (size_t i = 0; i < outline->rows.count; i++) {
        struct cairn_row *row = &outline->rows.items[i];
        const size_t place = row->key - 1;
        const bool ranked = sorted && place < answer->row_count;
        const int64_t rank =
            ranked ? answer->ranks[(size_t)column * answer->row_count + place] : (int64_t)place;
        row->values[0] = sorted && answer->columns[column].numbers ? rank : -rank;
    }
    screen->sorted = column;
    (void)cairn_outline_sort_by(outline, "order");
}

static void deliver_answer(struct cairn_job *job, void *receiver)
{
    struct sql_job *own = (struct sql_job *)job;
    struct sql *screen = receiver;
    if (job->status != CAIRN_OK)
        return;
    cairn_outline_set_rows(&screen->panes[PANE_ANSWER], &own->answer.rows);
    memcpy(screen->answered, own->statement, sizeof(screen->answered));
    cairn_sql_answer_release(&screen->answer);
    screen->answer = own->answer;
    own->answer = (struct cairn_sql_answer){.ranks = NULL};
    /* Memory ran out for the rows, and the names went with them. */
    if (screen->panes[PANE_ANSWER].rows.count != screen->answer.row_count)
        screen->answer.column_count = 0;
    sort_answer(screen, AS_IT_CAME);
    cairn_outline_top(&screen->panes[PANE_ANSWER]);
    screen->panes[PANE_ANSWER].skip = 0;
    screen->screen.pane = PANE_ANSWER;
}

static void release_job(struct cairn_job *job)
{
    cairn_sql_answer_release(&((struct sql_job *)job)->answer);
    free(job);
}

/* Before the statement, which may take long or be cancelled. */
static const struct cairn_job_class tables_job_class = {
    .rank = 0, .run = run_tables, .deliver = deliver_tables, .release = release_job};
static const struct cairn_job_class answer_job_class = {
    .rank = 1, .again = true, .run = run_answer, .deliver = deliver_answer, .release = release_job};

static void post(struct sql *screen, const struct cairn_job_class *class, unsigned slot)
{
    struct sql_job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return;
    job->job.class = class;
    job->job.slot = slot;
    job->path = screen->screen.app->options->path;
    memcpy(job->statement, screen->statement, sizeof(job->statement));
    cairn_screen_post(&screen->screen, &job->job);
}

static void run_statement(struct sql *screen, const char *statement)
{
    snprintf(screen->statement, sizeof(screen->statement), "%s", statement);
    post(screen, &answer_job_class, SLOT_ANSWER);
}

/* --- The screen. --- */

static void init(struct cairn_screen *base)
{
    struct sql *screen = (struct sql *)base;
    for (int pane = 0; pane < PANE_COUNT; pane++) {
        const bool answer = pane == PANE_ANSWER;
        cairn_outline_init(&screen->panes[pane], answer ? answer_columns : columns, answer ? 2 : 1, 0);
        screen->panes[pane].headless = true;
    }
    screen->sorted = AS_IT_CAME;
    base->pane = PANE_TABLES;
}

static void release(struct cairn_screen *base)
{
    for (int pane = 0; pane < PANE_COUNT; pane++)
        cairn_outline_release(&((struct sql *)base)->panes[pane]);
    cairn_sql_answer_release(&((struct sql *)base)->answer);
}

/* The answer belongs to its statement, whatever the moment is. */
static void ask(struct cairn_screen *base)
{
    struct sql *screen = (struct sql *)base;
    if (!screen->panes[PANE_TABLES].loaded)
        post(screen, &tables_job_class, SLOT_TABLES);
}

/* The name of the column that the answer is sorted by, with its arrow. */
static void mark_sorted(const struct sql *screen, struct cairn_canvas *canvas, struct cairn_rect area)
{
    const struct cairn_outline *outline = &screen->panes[PANE_ANSWER];
    if (screen->sorted == AS_IT_CAME)
        return;
    const struct cairn_sql_column *column = &screen->answer.columns[screen->sorted];
    const int begin = column->begin - outline->skip, end = column->end - outline->skip;
    if (begin < 0 || end >= area.width)
        return;
    cairn_draw_text(canvas, area.x + begin, area.y, end - begin, CAIRN_STYLE_SORTED, column->name);
    cairn_draw_text(canvas, area.x + end, area.y, 1, CAIRN_STYLE_SORTED,
                    column->numbers != outline->reverse ? "▼" : "▲");
}

static void draw_pane(struct sql *screen, struct cairn_canvas *canvas, struct cairn_rect area, enum pane pane)
{
    struct cairn_outline *outline = &screen->panes[pane];
    const char *heading = pane == PANE_TABLES ? "tables and views" : screen->answer.heading;
    const struct cairn_outline_look look = {.focused = screen->screen.pane == (unsigned)pane,
                                            .empty = pane == PANE_ANSWER ? "no rows" : "none",
                                            .match = cairn_app_match(screen->screen.app)};
    cairn_draw_fill(canvas, (struct cairn_rect){area.x, area.y, area.width, 1}, CAIRN_STYLE_HEADER, ' ');
    cairn_draw_text(canvas, area.x + 2, area.y, area.width - 2, CAIRN_STYLE_HEADER,
                    cairn_text_skip(canvas, heading, pane == PANE_ANSWER ? outline->skip : 0));
    if (pane == PANE_ANSWER)
        mark_sorted(screen, canvas, (struct cairn_rect){area.x + 2, area.y, area.width - 2, 1});
    /* The empty-sentence of a table stands below its head. */
    const int up = outline->visible_count == 0 ? 0 : 1;
    cairn_outline_draw(outline, canvas,
                       (struct cairn_rect){area.x, area.y + up, area.width, area.height - up}, &look);
}

static void draw(struct cairn_screen *base, struct cairn_canvas *canvas, struct cairn_rect area)
{
    struct sql *screen = (struct sql *)base;
    const struct cairn_outline *answer = &screen->panes[PANE_ANSWER];
    if (screen->answered[0] == '\0' && screen->statement[0] == '\0')
        cairn_draw_text(canvas, area.x + 1, area.y, area.width - 2, CAIRN_STYLE_HEADING,
                        "; asks in SQL. Enter: the rows of a table, l: its columns");
    else if (screen->answered[0] == '\0')
        cairn_draw_format(canvas, area.x + 1, area.y, area.width - 2, CAIRN_STYLE_HEADING, "unanswered: %s",
                          screen->statement);
    else
        cairn_draw_format(canvas, area.x + 1, area.y, area.width - 2, CAIRN_STYLE_HEADING, "%s%s",
                          screen->answer.more ? "(the first 1000 rows) " : "", screen->answered);
    struct cairn_rect rest = {area.x, area.y + 1, area.width, area.height - 1};
    if (rest.width < WIDE || !answer->loaded) {
        draw_pane(screen, canvas, rest, answer->loaded ? (enum pane)base->pane : PANE_TABLES);
        return;
    }
    rest.width -= TABLES_WIDTH + 1;
    draw_pane(screen, canvas, rest, PANE_ANSWER);
    rest.x += rest.width + 1;
    rest.width = TABLES_WIDTH;
    draw_pane(screen, canvas, rest, PANE_TABLES);
}

static struct cairn_outline *outline(struct cairn_screen *base)
{
    return &((struct sql *)base)->panes[base->pane];
}

static unsigned panes(const struct cairn_screen *base)
{
    return ((const struct sql *)base)->panes[PANE_ANSWER].loaded ? PANE_COUNT : 1;
}

/* The rows of the table under the cursor, or of the one whose column that is. */
static void show_table(struct sql *screen)
{
    const struct cairn_outline *tables = &screen->panes[PANE_TABLES];
    const struct cairn_row *row = cairn_outline_current(tables);
    if (row == NULL)
        return;
    if (row->parent != CAIRN_NO_PARENT)
        row = &tables->rows.items[row->parent];
    char statement[CAIRN_SQL_STATEMENT_MAX];
    const char *arguments = strcmp(row->name, "heap_at") == 0     ? "('peak')"
                            : strcmp(row->name, "heap_diff") == 0 ? "('start', 'peak')"
                                                                  : "";
    snprintf(statement, sizeof(statement), "SELECT * FROM %s%s", row->name, arguments);
    run_statement(screen, statement);
}

/* To the next column in that direction; before the first one and behind the last one lies the statement's own order. */
static void sort_step(struct sql *screen, int direction)
{
    const int count = (int)screen->answer.column_count;
    int column = screen->sorted + direction;
    if (screen->sorted == AS_IT_CAME)
        column = direction > 0 ? 0 : count - 1;
    sort_answer(screen, column >= 0 && column < count ? column : AS_IT_CAME);
    if (screen->sorted == AS_IT_CAME)
        cairn_app_say(screen->screen.app, "in the statement's own order");
    else if (screen->answer.more)
        cairn_app_say(screen->screen.app, "these rows are sorted; ORDER BY sorts all of them");
}

static bool act(struct cairn_screen *base, const struct cairn_key_binding *binding)
{
    if (binding->action == CAIRN_DO_PANE && panes(base) == 1)
        return true;
    if (binding->action == CAIRN_DO_SORT_COLUMN && base->pane == PANE_ANSWER) {
        sort_step((struct sql *)base, binding->argument);
        return true;
    }
    if (binding->action != CAIRN_DO_ENTER)
        return false;
    if (base->pane == PANE_TABLES)
        show_table((struct sql *)base);
    else
        cairn_app_say(base->app, "y copies the row; l and h scroll; Tab goes to the tables");
    return true;
}

static void command(const struct cairn_screen *base, struct cairn_buffer *text)
{
    const struct sql *screen = (const struct sql *)base;
    if (screen->answered[0] == '\0')
        return;
    cairn_buffer_text(text, "sql ");
    cairn_append_quoted(text, base->app->options->path);
    cairn_buffer_byte(text, ' ');
    cairn_append_quoted(text, screen->answered);
}

const struct cairn_screen_class cairn_sql_screen_class = {
    .id = CAIRN_SCREEN_SQL,
    .name = "SQL",
    .summary = "a statement and its answer, beside the tables",
    .size = sizeof(struct sql),
    .init = init,
    .release = release,
    .ask = ask,
    .draw = draw,
    .outline = outline,
    .panes = panes,
    .act = act,
    .command = command,
};

/* --- The prompt. --- */

static struct sql *shown_sql(const struct cairn_app *app)
{
    struct cairn_screen *screen = cairn_app_screen(app);
    return screen != NULL && screen->class == &cairn_sql_screen_class ? (struct sql *)screen : NULL;
}

static void entered(struct cairn_app *app, const char *text)
{
    struct sql *screen = shown_sql(app);
    if (screen != NULL && text[strspn(text, " ")] != '\0')
        run_statement(screen, text);
}

/* Names of tables and columns that begin as the last word does. */
static const char *complete(struct cairn_app *app, const char *text, size_t *from, size_t index)
{
    const struct sql *screen = shown_sql(app);
    size_t begin = strlen(text);
    while (begin > 0 && strchr(" ,()=<>.*+-/;'\"", text[begin - 1]) == NULL)
        begin--;
    *from = begin;
    const struct cairn_rows *rows = screen != NULL ? &screen->panes[PANE_TABLES].rows : NULL;
    for (size_t i = 0; rows != NULL && i < rows->count; i++) {
        const char *name = rows->items[i].name;
        bool again = strncasecmp(name, text + begin, strlen(text + begin)) != 0;
        for (size_t j = 0; !again && j < i; j++)
            again = strcmp(rows->items[j].name, name) == 0;
        if (!again && index-- == 0)
            return name;
    }
    return NULL;
}

static const struct cairn_prompt_class sql_prompt = {
    .kind = CAIRN_PROMPT_SQL, .label = "SQL: ", .done = entered, .complete = complete};

void cairn_app_sql_prompt(struct cairn_app *app)
{
    if (shown_sql(app) == NULL)
        cairn_app_show_kept(app, &cairn_sql_screen_class);
    const struct sql *screen = shown_sql(app);
    if (screen != NULL)
        cairn_prompt_open(&app->prompt, &sql_prompt, NULL, screen->statement);
}
