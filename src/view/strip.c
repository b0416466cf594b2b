#include "view/strip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "query/sum.h"
#include "view/app.h"

/* What the title tells of a moment is taken from the points: it must not depend on how wide the terminal is. */
#define POINTS_LEAST 256

#define LABEL_WIDTH  6 /* ">heap" and a blank */
#define OF_WIDTH     4 /* "all " before it: whose curves they are */

#define RIGHT_MOST   48 /* columns of text to the right of the curves */
#define TALL_SCREEN  40 /* rows from which the heap gets more than one line */

void cairn_strip_release(struct cairn_strip *strip)
{
    free(strip->points);
    *strip = (struct cairn_strip){.points = NULL};
}

/* --- The job. --- */

struct strip_job {
    struct cairn_job job;
    size_t wanted, count;
    struct cairn_rate_point *points;
    int64_t duration_ns;
};

static enum cairn_status run_strip(struct cairn_job *job, struct cairn_reader *reader)
{
    struct strip_job *own = (struct strip_job *)job;
    struct cairn_trace *trace = cairn_reader_trace(reader);
    struct cairn_span span;
    enum cairn_status status = cairn_reader_span(trace, &span, &job->error);
    if (status == CAIRN_OK)
        status = cairn_timeline(trace, &span, own->wanted, &own->points, &own->count, &job->error);
    own->duration_ns = cairn_trace_recording(trace)->duration_ns;
    return status;
}

static int64_t last_resident(const struct cairn_strip *strip)
{
    size_t count = strip->count;
    while (count > 0 && strip->points[count - 1].rss_bytes == CAIRN_UNKNOWN)
        count--;
    return count > 0 ? strip->points[count - 1].rss_bytes : CAIRN_UNKNOWN;
}

static void deliver_strip(struct cairn_job *job, void *receiver)
{
    struct strip_job *own = (struct strip_job *)job;
    struct cairn_app *app = receiver;
    if (job->status != CAIRN_OK) {
        app->strip.wanted = 0;
        return;
    }
    const int64_t before = last_resident(&app->strip);
    free(app->strip.points);
    app->strip.points = own->points;
    app->strip.count = own->count;
    app->strip.duration_ns = own->duration_ns;
    own->points = NULL;
    cairn_app_timeline_came(app, last_resident(&app->strip) != before);
}

static void release_strip(struct cairn_job *job)
{
    free(((struct strip_job *)job)->points);
    free(job);
}

static const struct cairn_job_class strip_job_class = {
    .rank = 1, .run = run_strip, .deliver = deliver_strip, .release = release_strip};

void cairn_strip_ask(struct cairn_app *app, int columns, bool again)
{
    columns = columns > 0 && columns < POINTS_LEAST ? POINTS_LEAST : columns;
    if (columns <= 0 || (!again && app->strip.wanted == columns))
        return;
    struct strip_job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return;
    app->strip.wanted = columns;
    job->wanted = (size_t)columns;
    job->job.class = &strip_job_class;
    cairn_app_post(app, &job->job);
}

/* --- Values. --- */

static const struct cairn_rate_point *point_at(const struct cairn_strip *strip, int64_t t_ns)
{
    size_t low = 0, high = strip->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strip->points[middle].t_ns < t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    if (strip->count == 0)
        return NULL;
    return &strip->points[low < strip->count ? low : strip->count - 1];
}

int64_t cairn_strip_heap(const struct cairn_strip *strip, int64_t t_ns)
{
    const struct cairn_rate_point *point = point_at(strip, t_ns);
    return point == NULL ? CAIRN_UNKNOWN : point->heap_bytes;
}

static bool is_nearer(const struct cairn_rate_point *one, const struct cairn_rate_point *other, int64_t t_ns)
{
    return other == NULL || cairn_apart(one->t_ns, t_ns) < cairn_apart(other->t_ns, t_ns);
}

/* The point nearest to a time at which RSS was sampled, or NULL. */
static const struct cairn_rate_point *nearest_sample(const struct cairn_strip *strip, int64_t t_ns)
{
    const struct cairn_rate_point *const end = strip->points + strip->count, *found = NULL;
    for (const struct cairn_rate_point *point = strip->points; point < end; point++)
        if (point->rss_bytes != CAIRN_UNKNOWN && is_nearer(point, found, t_ns))
            found = point;
    return found;
}

bool cairn_is_about(int64_t duration_ns, int64_t one_ns, int64_t other_ns)
{
    return cairn_apart(one_ns, other_ns) <= (uint64_t)duration_ns / 50;
}

int64_t cairn_strip_rss(const struct cairn_strip *strip, int64_t t_ns, bool *near)
{
    const struct cairn_rate_point *chosen = nearest_sample(strip, t_ns);
    *near = false;
    if (chosen == NULL)
        return CAIRN_UNKNOWN;
    *near = cairn_is_about(strip->duration_ns, chosen->t_ns, t_ns);
    return chosen->rss_bytes;
}

static int column_of(const struct cairn_strip *strip, int64_t t_ns, int width)
{
    if (strip->duration_ns <= 0)
        return 0;
    const double share = (double)t_ns / (double)strip->duration_ns;
    const int column = (int)(share * width);
    return column < 0 ? 0 : column >= width ? width - 1 : column;
}

bool cairn_strip_time(const struct cairn_strip *strip, int x, int y, int64_t *t_ns)
{
    const struct cairn_rect area = strip->drawn;
    if (x < area.x || x >= area.x + area.width || y < area.y || y >= area.y + area.height)
        return false;
    *t_ns = (int64_t)((double)strip->duration_ns * (x - area.x + 0.5) / area.width);
    return true;
}

/* --- Drawing. --- */

int cairn_strip_height(int screen_height)
{
    return screen_height >= TALL_SCREEN ? 8 : 3;
}

enum curve { CURVE_HEAP, CURVE_RSS };

/* The curve's value in each column: the largest of the points that fall into it, the one before where none does. */
static void sample(const struct cairn_strip *strip, enum curve curve, int width, int64_t *values)
{
    for (int x = 0; x < width; x++)
        values[x] = CAIRN_UNKNOWN;
    for (size_t i = 0; i < strip->count; i++) {
        const struct cairn_rate_point *point = &strip->points[i];
        const int64_t value = curve == CURVE_RSS                          ? point->rss_bytes
                              : point->heap_max_bytes > point->heap_bytes ? point->heap_max_bytes
                                                                          : point->heap_bytes;
        const int x = column_of(strip, point->t_ns, width);
        if (value != CAIRN_UNKNOWN && (values[x] == CAIRN_UNKNOWN || value > values[x]))
            values[x] = value;
    }
    for (int x = 1; x < width; x++)
        if (values[x] == CAIRN_UNKNOWN)
            values[x] = values[x - 1];
}

/* Draws values as columns of eighths, bottom up, over the rows of `area`. */
static void draw_curve(struct cairn_canvas *canvas, struct cairn_rect area, const int64_t *values,
                       int64_t largest, unsigned style)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    for (int x = 0; x < area.width; x++) {
        if (values[x] <= 0 || largest <= 0)
            continue;
        const int full = area.height * 8;
        int level = (int)((double)values[x] / (double)largest * full + 0.5);
        level = level < 1 ? 1 : level > full ? full : level;
        for (int row = 0; row < area.height; row++) {
            const int within = level - (area.height - 1 - row) * 8;
            if (within > 0)
                cairn_draw_text(canvas, area.x + x, area.y + row, 1, style, blocks[within > 8 ? 8 : within]);
        }
    }
}

static int64_t largest_of(const int64_t *values, int width)
{
    int64_t largest = 0;
    for (int x = 0; x < width; x++)
        largest = values[x] > largest ? values[x] : largest;
    return largest;
}

/* Snapshots as dots, named marks as diamonds, the peak, and A, B and the moment over them. */
static void draw_axis(struct cairn_app *app, struct cairn_canvas *canvas, int x, int y, int width)
{
    const struct cairn_strip *strip = &app->strip;
    const struct cairn_facts *facts = &app->facts;
    for (size_t i = 0; i < facts->snapshot_count; i++)
        cairn_draw_text(canvas, x + column_of(strip, facts->snapshots[i].t_ns, width), y, 1, CAIRN_STYLE_DIM,
                        "·");
    for (size_t i = 0; i < facts->snapshot_count; i++)
        if (facts->snapshots[i].name[0] != '\0')
            cairn_draw_text(canvas, x + column_of(strip, facts->snapshots[i].t_ns, width), y, 1,
                            CAIRN_STYLE_MARK, "◆");
    if (facts->loaded)
        cairn_draw_text(canvas, x + column_of(strip, facts->peak.moment.t_ns, width), y, 1, CAIRN_STYLE_MARK,
                        "▲");
}

/* A, B and the moment stand in the curve itself; a letter tells them apart without colours. */
static void draw_moments(struct cairn_app *app, struct cairn_canvas *canvas, struct cairn_rect area)
{
    const struct cairn_inquiry *question = &app->question;
    const struct {
        bool set;
        int64_t t_ns;
        unsigned style;
        const char *mark;
    } moments[] = {
        {true, question->at.moment.t_ns, CAIRN_STYLE_MOMENT, "┊"},
        {question->a_set, question->a.moment.t_ns, CAIRN_STYLE_A, "A"},
        /* Between two traces B is a moment of the second; the axis is the first one's. */
        {question->b_set && !app->other_facts.loaded, question->b.moment.t_ns, CAIRN_STYLE_B, "B"},
    };
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        if (!moments[i].set)
            continue;
        const int x = area.x + column_of(&app->strip, moments[i].t_ns, area.width);
        for (int y = area.y; y < area.y + area.height - 1; y++)
            cairn_draw_text(canvas, x, y, 1, moments[i].style, "┊");
        cairn_draw_text(canvas, x, area.y + area.height - 1, 1, moments[i].style, moments[i].mark);
    }
}

/* Whether the rows are of less than the curves, which are always of the whole heap. */
static bool is_of_part(const struct cairn_inquiry *question)
{
    return question->process != 0 || question->lang != CAIRN_LANG_ALL || question->filter[0] != '\0';
}

/* What stands before "heap" and "rss": whose curves they are, where that is not what the rows are of. */
static const char *curves_of(const struct cairn_app *app)
{
    return app->other_facts.loaded ? "A" : is_of_part(&app->question) ? "all" : "";
}

static void draw_label(struct cairn_canvas *canvas, int x, int y, const char *of, const char *name,
                       unsigned style)
{
    char text[LABEL_WIDTH + OF_WIDTH];
    const int width = LABEL_WIDTH - 1 + (of[0] != '\0' ? OF_WIDTH : 0);
    if (of[0] != '\0')
        snprintf(text, sizeof(text), "%c%s %s", name[0], of, name + 1);
    else
        snprintf(text, sizeof(text), "%s", name);
    cairn_draw_text(canvas, x + width - cairn_text_width(canvas, text), y, width, style, text);
}

static void draw_right(struct cairn_app *app, struct cairn_canvas *canvas, struct cairn_rect area,
                       const char *gap)
{
    char text[CAIRN_HUMAN_MAX], time[CAIRN_TIME_MAX];
    const struct cairn_facts *facts = &app->facts;
    const int bottom = area.y + area.height - 1;
    if (facts->loaded && is_of_part(&app->question))
        cairn_draw_format(canvas, area.x, bottom, area.width, CAIRN_STYLE_DIM, "all: peak %s",
                          cairn_human_bytes_short(text, facts->peak_bytes));
    else if (facts->loaded)
        cairn_draw_format(canvas, area.x, bottom, area.width, CAIRN_STYLE_DIM, "peak %s @%s",
                          cairn_human_bytes_short(text, facts->peak_bytes),
                          cairn_time_text(facts, facts->peak.moment.t_ns, time));
    bool near;
    const int64_t rss = cairn_strip_rss(&app->strip, app->question.at.moment.t_ns, &near);
    const int64_t heap = cairn_strip_heap(&app->strip, app->question.at.moment.t_ns);
    if (gap[0] != '\0')
        cairn_draw_text(canvas, area.x, area.y, area.width, CAIRN_STYLE_DIM, gap);
    else if (near && rss != CAIRN_UNKNOWN && heap != CAIRN_UNKNOWN && app->question.process == 0)
        cairn_draw_format(canvas, area.x, area.y, area.width, CAIRN_STYLE_DIM, "gap %s",
                          cairn_human_bytes_short(text, rss - heap));
}

void cairn_strip_draw(struct cairn_app *app, struct cairn_canvas *canvas, struct cairn_rect area,
                      bool focused, const char *gap)
{
    struct cairn_strip *strip = &app->strip;
    const int right = area.width < 70 ? 0 : area.width / 3 < RIGHT_MOST ? area.width / 3 : RIGHT_MOST;
    const char *of = curves_of(app);
    const int label_width = LABEL_WIDTH + (of[0] != '\0' ? OF_WIDTH : 0);
    const int width = area.width - label_width - right - 1;
    if (width < 8 || area.height < 3)
        return;
    cairn_strip_ask(app, width, false);
    const int heap_rows = area.height - 2;
    const struct cairn_rect rss_area = {area.x + label_width, area.y, width, 1};
    const struct cairn_rect heap_area = {area.x + label_width, area.y + 1, width, heap_rows};
    strip->drawn = (struct cairn_rect){heap_area.x, area.y, width, area.height};
    int64_t heap[1024], rss[1024];
    const int columns = width < 1024 ? width : 1024;
    sample(strip, CURVE_HEAP, columns, heap);
    sample(strip, CURVE_RSS, columns, rss);
    draw_label(canvas, area.x, area.y, of, "  rss", CAIRN_STYLE_RSS);
    draw_label(canvas, area.x, area.y + heap_rows, of, focused ? ">heap" : " heap",
               focused ? CAIRN_STYLE_KEY : CAIRN_STYLE_HEAP);
    const int64_t heap_largest = largest_of(heap, columns), rss_largest = largest_of(rss, columns);
    draw_curve(canvas, (struct cairn_rect){rss_area.x, rss_area.y, columns, 1}, rss, rss_largest,
               CAIRN_STYLE_RSS);
    draw_curve(canvas, (struct cairn_rect){heap_area.x, heap_area.y, columns, heap_rows}, heap, heap_largest,
               CAIRN_STYLE_HEAP);
    draw_axis(app, canvas, heap_area.x, area.y + area.height - 1, columns);
    draw_moments(app, canvas, (struct cairn_rect){heap_area.x, heap_area.y, columns, heap_rows});
    if (right > 0)
        draw_right(app, canvas,
                   (struct cairn_rect){heap_area.x + width + 2, area.y, right - 1, heap_rows + 1}, gap);
}
