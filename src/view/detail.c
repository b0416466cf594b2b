#include "view/detail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/places.h"
#include "query/site_label.h"
#include "query/stack_frames.h"
#include "view/app.h"

#define WIDE_SCREEN     120 /* columns from which panes stand beside the table */
#define PANE_WIDTH_MOST 96
#define FRAMES_IN_LINE  24

void cairn_detail_release(struct cairn_detail *detail)
{
    cairn_rows_release(&detail->frames);
    cairn_source_release(&detail->source);
}

enum cairn_status cairn_detail_frames(struct cairn_trace *trace, uint32_t stack, struct cairn_rows *rows,
                                      struct cairn_error *error)
{
    struct cairn_stack_frames walk = {.frames = NULL};
    if (!cairn_stack_frames_load(&walk, trace, stack)) {
        cairn_stack_frames_release(&walk);
        return cairn_fail(error, CAIRN_E_NOMEM, "memory ran out while a stack was read");
    }
    for (size_t i = 0; i < walk.count; i++) {
        struct cairn_site site;
        struct cairn_row *row = cairn_rows_add(rows, CAIRN_NO_PARENT);
        if (row == NULL)
            break;
        cairn_site_of_frame(trace, walk.frames[i], &site);
        cairn_rows_site(rows, row, &site, CAIRN_BY_FUNCTION);
        row->key = i + 1;
        row->values[0] = (int64_t)i;
        if (site.inlined)
            row->place = cairn_rows_format(rows, "%s (inlined)", row->place);
    }
    cairn_stack_frames_release(&walk);
    return rows->failed ? cairn_fail(error, CAIRN_E_NOMEM, "memory ran out while a stack was read")
                        : CAIRN_OK;
}

void cairn_detail_place(struct cairn_rows *rows, struct cairn_row *row, struct cairn_trace *trace)
{
    struct cairn_stack_frames walk = {.frames = NULL};
    if (row->line != CAIRN_UNKNOWN || row->stack == 0 || row->function == NULL)
        return;
    const bool loaded = cairn_stack_frames_load(&walk, trace, row->stack);
    for (size_t i = 0; loaded && i < walk.count; i++) {
        const struct cairn_frame *frame = walk.frames[i];
        const struct cairn_function *function = cairn_trace_function(trace, frame->function);
        const struct cairn_source_file *file = cairn_trace_source_file(trace, frame->file);
        if (function == NULL || file == NULL || frame->line <= 0 ||
            strcmp(function->name, row->function) != 0)
            continue;
        row->place = cairn_rows_format(rows, "%s:%" PRId64, cairn_base_name(file->path), frame->line);
        row->line = frame->line;
        row->source_file = frame->file;
        break;
    }
    cairn_stack_frames_release(&walk);
}

void cairn_stack_line(const struct cairn_rows *frames, size_t from, size_t count, struct cairn_buffer *text)
{
    for (size_t i = from; i < frames->count && i < from + count; i++)
        cairn_buffer_format(text, "%s%s", i > from ? " ← " : "", frames->items[i].name);
    if (from + count < frames->count)
        cairn_buffer_text(text, " ← …");
}

/* --- The job. --- */

struct detail_job {
    struct cairn_job job;
    size_t offset; /* of the detail in its screen */
    uint32_t stack, source_file;
    bool first_trace;
    int64_t line;
    char function[512], label[128]; /* function "": without a name */
    struct cairn_detail answer;
};

bool cairn_detail_is_site(const struct cairn_row *frame, const char *function, const char *label,
                          int64_t line)
{
    if (function == NULL)
        return frame->function == NULL && strcmp(frame->label, label) == 0;
    return frame->function != NULL && strcmp(frame->function, function) == 0 &&
           (line == CAIRN_UNKNOWN || frame->line == line);
}

/* The frame that the row is about: the first of its function, at its line where the row has one. */
static size_t find_charged(const struct detail_job *own)
{
    const struct cairn_rows *frames = &own->answer.frames;
    for (size_t i = 0; i < frames->count; i++) {
        if (cairn_detail_is_site(&frames->items[i], own->function[0] != '\0' ? own->function : NULL,
                                 own->label, own->line))
            return i;
    }
    return 0;
}

static enum cairn_status run_detail(struct cairn_job *job, struct cairn_reader *reader)
{
    struct detail_job *own = (struct detail_job *)job;
    /* Two traces are compared in Diff, whose rows are of the second one but for those that only the first has. */
    struct cairn_trace *trace = own->first_trace ? cairn_reader_trace(reader) : cairn_reader_other(reader);
    uint32_t file = own->source_file;
    int64_t line = own->line;
    if (own->stack != 0) {
        const enum cairn_status status =
            cairn_detail_frames(trace, own->stack, &own->answer.frames, &job->error);
        if (status != CAIRN_OK)
            return status;
    }
    own->answer.charged = find_charged(own);
    if (own->answer.frames.count > 0) {
        const struct cairn_row *frame = &own->answer.frames.items[own->answer.charged];
        file = frame->source_file;
        line = frame->line;
    }
    return cairn_source_load(&own->answer.source, reader, trace, file, line, &job->error);
}

static void deliver_detail(struct cairn_job *job, void *receiver)
{
    struct detail_job *own = (struct detail_job *)job;
    if (job->status != CAIRN_OK)
        return;
    struct cairn_detail *detail = (struct cairn_detail *)((char *)receiver + own->offset);
    cairn_detail_release(detail);
    *detail = own->answer;
    own->answer = (struct cairn_detail){.charged = 0};
}

static void release_detail(struct cairn_job *job)
{
    cairn_detail_release(&((struct detail_job *)job)->answer);
    free(job);
}

static const struct cairn_job_class detail_job_class = {
    .rank = 2, .run = run_detail, .deliver = deliver_detail, .release = release_detail};

void cairn_detail_ask(struct cairn_screen *screen, struct cairn_detail *detail, const struct cairn_row *row)
{
    if (row == NULL || (row->stack == 0 && row->source_file == 0)) {
        cairn_detail_release(detail);
        return;
    }
    struct detail_job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return;
    job->job.class = &detail_job_class;
    job->job.slot = CAIRN_SLOT_DETAIL;
    job->offset = (size_t)((char *)detail - (char *)screen);
    job->stack = row->stack;
    job->first_trace = row->first_trace;
    job->source_file = row->source_file;
    job->line = row->line;
    if (row->function != NULL && strlen(row->function) < sizeof(job->function))
        memcpy(job->function, row->function, strlen(row->function) + 1);
    snprintf(job->label, sizeof(job->label), "%s", row->label);
    cairn_screen_post(screen, &job->job);
}

/* --- Layout and drawing. --- */

struct cairn_layout cairn_detail_layout(const struct cairn_app *app, struct cairn_rect area)
{
    struct cairn_layout layout = {.table = area};
    if (area.width >= WIDE_SCREEN) {
        const int pane = area.width * 2 / 5 < PANE_WIDTH_MOST ? area.width * 2 / 5 : PANE_WIDTH_MOST;
        const int x = area.x + area.width - pane;
        const int stack_height = area.height / 2;
        layout.table.width = area.width - pane - 1;
        layout.stack = (struct cairn_rect){x, area.y, pane, stack_height};
        layout.source = (struct cairn_rect){x, area.y + stack_height, pane, area.height - stack_height};
        return layout;
    }
    if (area.height >= 8) {
        layout.table.height--;
        layout.stack = (struct cairn_rect){area.x, area.y + area.height - 1, area.width, 1};
    }
    if (app->source_shown && layout.table.height >= 10) {
        const int height = layout.table.height * 2 / 5;
        layout.table.height -= height;
        layout.source = (struct cairn_rect){area.x, layout.table.y + layout.table.height, area.width, height};
    }
    return layout;
}

static void draw_stack_line(const struct cairn_detail *detail, struct cairn_canvas *canvas,
                            struct cairn_rect area)
{
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_stack_line(&detail->frames, detail->charged, FRAMES_IN_LINE, &text);
    const int x = area.x + cairn_draw_text(canvas, area.x, area.y, 4, CAIRN_STYLE_BORDER, " ── ");
    cairn_draw_text(canvas, x, area.y, area.width - 4, CAIRN_STYLE_DIM, cairn_buffer_cstr(&text));
    cairn_buffer_release(&text);
}

static void draw_stack_pane(const struct cairn_detail *detail, struct cairn_canvas *canvas,
                            struct cairn_rect area)
{
    const struct cairn_rows *frames = &detail->frames;
    cairn_draw_fill(canvas, (struct cairn_rect){area.x, area.y, area.width, 1}, CAIRN_STYLE_BORDER, 0x2500);
    cairn_draw_format(canvas, area.x + 2, area.y, area.width - 4, CAIRN_STYLE_HEADING, " stack, %zu frames ",
                      frames->count);
    const size_t room = (size_t)(area.height - 1);
    for (size_t i = 0; i < room && i < frames->count; i++) {
        const struct cairn_row *frame = &frames->items[i];
        const int y = area.y + 1 + (int)i;
        if (i + 1 == room && frames->count > room) {
            cairn_draw_format(canvas, area.x + 2, y, area.width - 2, CAIRN_STYLE_DIM,
                              "… %zu more: t shows all", frames->count - i);
            break;
        }
        const bool charged = i == detail->charged;
        const unsigned style = frame->lang == CAIRN_LANG_PYTHON ? CAIRN_STYLE_PYTHON
                               : i < detail->charged            ? CAIRN_STYLE_DIM
                                                                : CAIRN_STYLE_NATIVE;
        cairn_draw_text(canvas, area.x, y, 1, CAIRN_STYLE_KEY, charged ? ">" : " ");
        int x = area.x + 2;
        x += cairn_draw_text(canvas, x, y, area.width - 2, charged ? CAIRN_STYLE_HEADING : style,
                             frame->name) +
             2;
        if (area.x + area.width - x > 3)
            cairn_draw_text(canvas, x, y, area.x + area.width - x, CAIRN_STYLE_DIM, frame->place);
    }
}

void cairn_detail_draw(const struct cairn_detail *detail, struct cairn_canvas *canvas,
                       const struct cairn_layout *layout)
{
    if (layout->stack.height == 1)
        draw_stack_line(detail, canvas, layout->stack);
    else if (layout->stack.height > 1)
        draw_stack_pane(detail, canvas, layout->stack);
    if (layout->source.height > 1)
        cairn_source_draw(&detail->source, canvas, layout->source);
}
