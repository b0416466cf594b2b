/* What the keys change in the question: the moment we look at, A and B, wrappers, the filter. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sanitise.h"
#include "view/graphs.h"

#define SCRUB_PARTS 1000 /* a fine step is this part of the recording */

void cairn_app_ask(struct cairn_app *app)
{
    app->revision++;
    struct cairn_screen *screen = cairn_app_screen(app);
    if (screen == NULL)
        return;
    screen->asked_revision = app->revision;
    screen->class->ask(screen);
}

char *cairn_app_moment_text(const struct cairn_app *app, const struct cairn_view_moment *moment,
                            char out[CAIRN_MOMENT_TEXT_MAX])
{
    char time[CAIRN_TIME_MAX];
    cairn_time_text(&app->facts, moment->moment.t_ns, time);
    const char *label = moment->moment.label;
    /* Labels that are times say no more than the time. */
    const bool name = label[0] == '@' || (label[0] >= 'a' && label[0] <= 'z');
    if (name && strcmp(label, "start") != 0)
        snprintf(out, CAIRN_MOMENT_TEXT_MAX, "%.40s %s", label, time);
    else
        snprintf(out, CAIRN_MOMENT_TEXT_MAX, "%s", time);
    return out;
}

void cairn_app_go_to(struct cairn_app *app, const struct cairn_view_moment *moment)
{
    if (app->following && moment->moment.t_ns < app->facts.duration_ns)
        app->following = false;
    app->question.at = *moment;
    const struct cairn_view_moment shown = cairn_app_shown_moment(app);
    char text[CAIRN_MOMENT_TEXT_MAX];
    if (shown.moment.t_ns != moment->moment.t_ns)
        cairn_app_say(app,
                      "other screens are at %s now; this one stays with its object graph ([ ] and O on 5)",
                      cairn_app_moment_text(app, moment, text));
    cairn_app_ask(app);
}

/* Index of the last snapshot at or before the moment plus one, so 0 means: before the first. */
static size_t snapshots_before(const struct cairn_app *app)
{
    const struct cairn_moment *at = &app->question.at.moment;
    const struct cairn_facts *facts = &app->facts;
    size_t count = 0;
    while (count < facts->snapshot_count &&
           (app->question.at.resolved ? facts->snapshots[count].event <= at->position
                                      : facts->snapshots[count].t_ns <= at->t_ns))
        count++;
    return count;
}

void cairn_app_snapshot_step(struct cairn_app *app, int steps)
{
    const struct cairn_facts *facts = &app->facts;
    if (facts->snapshot_count == 0) {
        cairn_app_say(app, "this recording has no snapshots: , and . move in time");
        return;
    }
    const size_t before = snapshots_before(app);
    const bool on = before > 0 && app->question.at.resolved &&
                    facts->snapshots[before - 1].event == app->question.at.moment.position;
    /* From between two snapshots the first step back goes to the nearer one. */
    int64_t target = (int64_t)before - 1 + steps + (steps < 0 && !on ? 1 : 0);
    /* Snapshots of one moment count as one. */
    if (steps < 0 && on)
        while (target > 0 && facts->snapshots[target].event == app->question.at.moment.position)
            target--;
    const int64_t last = (int64_t)facts->snapshot_count - 1;
    if (target < 0 || target > last)
        cairn_app_say(app, target < 0 ? "the first snapshot" : "the last snapshot");
    target = target < 0 ? 0 : target > last ? last : target;
    const struct cairn_view_moment moment = cairn_facts_snapshot(facts, (size_t)target);
    cairn_app_go_to(app, &moment);
}

void cairn_app_scrub(struct cairn_app *app, int steps)
{
    const int64_t duration = app->facts.duration_ns;
    const int64_t step = duration / SCRUB_PARTS > 1000 ? duration / SCRUB_PARTS : 1000;
    int64_t t_ns = app->question.at.moment.t_ns + steps * step;
    if (t_ns < 0 || t_ns > duration)
        cairn_app_say(app, t_ns < 0 ? "the start" : "the end");
    if (t_ns >= duration) {
        cairn_app_go_to(app, &app->facts.end);
        return;
    }
    t_ns = t_ns < 0 ? 0 : t_ns;
    cairn_app_go_to(app, &(struct cairn_view_moment){.moment = {.t_ns = t_ns}});
}

/* --- Peaks belong to the process that is asked about. --- */

enum { PEAK_AT, PEAK_A, PEAK_B, PEAKS };

struct peaks_job {
    struct cairn_job job;
    struct cairn_view_moment peaks[PEAKS];
    bool found[PEAKS];
};

static bool is_peak(const struct cairn_view_moment *moment)
{
    return strcmp(moment->moment.label, "peak") == 0;
}

static enum cairn_status run_peaks(struct cairn_job *job, struct cairn_reader *reader)
{
    struct peaks_job *own = (struct peaks_job *)job;
    const struct cairn_inquiry *question = &job->question;
    const bool wanted[PEAKS] = {is_peak(&question->at), question->a_set && is_peak(&question->a),
                                question->b_set && is_peak(&question->b)};
    enum cairn_status status = CAIRN_OK;
    for (int i = 0; status == CAIRN_OK && i < PEAKS; i++) {
        if (!wanted[i])
            continue;
        struct cairn_trace *trace = i == PEAK_B ? cairn_reader_other(reader) : cairn_reader_trace(reader);
        own->peaks[i].resolved = true;
        status =
            cairn_moment_parse(trace, "peak", NULL, question->process, &own->peaks[i].moment, &job->error);
        own->found[i] = status == CAIRN_OK;
    }
    return status;
}

/* Also where one failed: the others are known. */
static void deliver_peaks(struct cairn_job *job, void *receiver)
{
    const struct peaks_job *own = (const struct peaks_job *)job;
    struct cairn_app *app = receiver;
    struct cairn_inquiry *question = &app->question;
    struct cairn_view_moment *const moments[PEAKS] = {&question->at, &question->a, &question->b};
    const bool current = job->question.process == question->process;
    for (int i = 0; i < PEAKS; i++)
        if (current && own->found[i] && is_peak(moments[i]))
            *moments[i] = own->peaks[i];
    cairn_app_ask(app);
    cairn_app_found_time(app, true);
}

static void release_peaks(struct cairn_job *job)
{
    free(job);
}

static const struct cairn_job_class peaks_job_class = {
    .rank = 0, .run = run_peaks, .deliver = deliver_peaks, .release = release_peaks};

/* The moment, A and B, where they are the peak, become that of the process. */
static void find_peaks(struct cairn_app *app)
{
    const struct cairn_inquiry *question = &app->question;
    if (!is_peak(&question->at) && !is_peak(&question->a) && !is_peak(&question->b))
        return;
    struct peaks_job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return;
    job->job.class = &peaks_job_class;
    app->finding_time = true;
    cairn_app_post(app, &job->job);
}

/* --- Undo. --- */

void cairn_app_remember(struct cairn_app *app)
{
    if (app->undo_count == CAIRN_UNDO_MAX) {
        memmove(app->undo, app->undo + 1, (CAIRN_UNDO_MAX - 1) * sizeof(app->undo[0]));
        app->undo_count--;
    }
    app->undo[app->undo_count++] = app->question;
}

void cairn_app_undo(struct cairn_app *app)
{
    if (app->undo_count == 0) {
        cairn_app_say(app, "nothing to undo");
        return;
    }
    const struct cairn_inquiry *before = &app->undo[--app->undo_count];
    struct cairn_inquiry *now = &app->question;
    now->a = before->a;
    now->b = before->b;
    now->a_set = before->a_set;
    now->b_set = before->b_set;
    memcpy(now->wrappers, before->wrappers, sizeof(now->wrappers));
    now->wrapper_count = before->wrapper_count;
    char a[CAIRN_MOMENT_TEXT_MAX], b[CAIRN_MOMENT_TEXT_MAX];
    cairn_app_say(app, "undone: A is %s, B is %s, %zu wrapper%s",
                  now->a_set ? cairn_app_moment_text(app, &now->a, a) : "not set",
                  now->b_set ? cairn_app_moment_text(app, &now->b, b) : "not set", now->wrapper_count,
                  now->wrapper_count == 1 ? "" : "s");
    cairn_app_ask(app);
    find_peaks(app);
}

/* --- A and B. --- */

void cairn_app_set_moment(struct cairn_app *app, char which, const struct cairn_view_moment *moment)
{
    struct cairn_inquiry *question = &app->question;
    struct cairn_view_moment *target = which == 'a' ? &question->a : &question->b;
    bool *set = which == 'a' ? &question->a_set : &question->b_set;
    char now[CAIRN_MOMENT_TEXT_MAX], was[CAIRN_MOMENT_TEXT_MAX];
    const bool replaced = *set;
    if (replaced)
        cairn_app_moment_text(app, target, was);
    cairn_app_remember(app);
    *target = *moment;
    *set = true;
    cairn_app_moment_text(app, target, now);
    if (replaced)
        cairn_app_say(app, "%c is %s now; it was %s (u restores)", which == 'a' ? 'A' : 'B', now, was);
    else
        cairn_app_say(app, "%c is %s", which == 'a' ? 'A' : 'B', now);
    cairn_app_ask(app);
}

void cairn_app_set_here(struct cairn_app *app, char which)
{
    const struct cairn_view_moment *here = &app->question.at;
    if (which == 'a' || !app->other_facts.loaded) {
        cairn_app_set_moment(app, which, here);
        return;
    }
    /* Positions are the first trace's own: in the second one it is the moment of that name, or as late. */
    static const char *const names[] = {"peak", "end", "start"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(here->moment.label, names[i]) == 0) {
            cairn_app_go_to_word(app, names[i], 'b');
            return;
        }
    const struct cairn_view_moment late = {.moment = {.t_ns = here->moment.t_ns}};
    const bool over = here->moment.t_ns >= app->other_facts.duration_ns;
    cairn_app_set_moment(app, 'b', over ? &app->other_facts.end : &late);
}

void cairn_app_swap(struct cairn_app *app)
{
    struct cairn_inquiry *question = &app->question;
    if (app->other_facts.loaded) {
        cairn_app_complain(app, "A and B are of two traces: name them the other way round to swap");
        return;
    }
    cairn_app_remember(app);
    const struct cairn_view_moment a = cairn_inquiry_a(question), b = cairn_inquiry_b(question);
    question->a = b;
    question->b = a;
    question->a_set = question->b_set = true;
    char a_text[CAIRN_MOMENT_TEXT_MAX], b_text[CAIRN_MOMENT_TEXT_MAX];
    cairn_app_say(app, "swapped: A is %s, B is %s", cairn_app_moment_text(app, &question->a, a_text),
                  cairn_app_moment_text(app, &question->b, b_text));
    cairn_app_ask(app);
}

/* --- A typed TIME. --- */

struct time_job {
    struct cairn_job job;
    char word[128];
    char what;
    struct cairn_view_moment moment;
};

static enum cairn_status run_time(struct cairn_job *job, struct cairn_reader *reader)
{
    struct time_job *own = (struct time_job *)job;
    /* Between two traces A lies in the first and B in the second. */
    struct cairn_trace *trace = own->what == 'b' ? cairn_reader_other(reader) : cairn_reader_trace(reader);
    own->moment.resolved = true;
    return cairn_moment_parse(trace, own->word, NULL, job->question.process, &own->moment.moment,
                              &job->error);
}

static void deliver_time(struct cairn_job *job, void *receiver)
{
    const struct time_job *own = (const struct time_job *)job;
    const bool found = job->status == CAIRN_OK;
    if (found && own->what == '@')
        cairn_app_go_to(receiver, &own->moment);
    else if (found)
        cairn_app_set_moment(receiver, own->what, &own->moment);
    cairn_app_found_time(receiver, found);
}

static void release_time(struct cairn_job *job)
{
    free(job);
}

static const struct cairn_job_class time_job_class = {
    .rank = 0, .run = run_time, .deliver = deliver_time, .release = release_time};

void cairn_app_go_to_word(struct cairn_app *app, const char *word, char what)
{
    struct time_job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return;
    snprintf(job->word, sizeof(job->word), "%s", word);
    job->what = what;
    job->job.class = &time_job_class;
    app->finding_time = true;
    cairn_app_post(app, &job->job);
}

void cairn_app_go_to_peak(struct cairn_app *app)
{
    if (app->question.process == 0 && app->facts.loaded)
        cairn_app_go_to(app, &app->facts.peak);
    else
        cairn_app_go_to_word(app, "peak", '@');
}

void cairn_app_set_process(struct cairn_app *app, uint32_t process)
{
    if (app->question.process == process)
        return;
    app->question.process = process;
    app->question.graph = 0;
    cairn_app_ask(app);
    find_peaks(app);
}

/* --- Which rows. --- */

const char *cairn_app_no_rows(const struct cairn_app *app, const char *otherwise)
{
    return app->question.filter[0] != '\0' ? "no stack matches the filter; & Enter shows all" : otherwise;
}

void cairn_app_set_filter(struct cairn_app *app, const char *expression)
{
    if (expression[0] != '\0') {
        struct cairn_filter *filter = NULL;
        struct cairn_error error;
        if (cairn_filter_new(&expression, 1, NULL, 0, &filter, &error) != CAIRN_OK) {
            cairn_app_complain(app, "%s", error.message);
            return;
        }
        cairn_filter_free(filter);
    }
    snprintf(app->question.filter, sizeof(app->question.filter), "%s", expression);
    cairn_app_say(app, expression[0] != '\0'
                           ? "only stacks with a frame that matches; & Enter shows all again"
                           : "no filter");
    cairn_app_ask(app);
}

static void drop_wrapper(struct cairn_inquiry *question, size_t index)
{
    memmove(question->wrappers[index], question->wrappers[index + 1],
            (question->wrapper_count - index - 1) * sizeof(question->wrappers[0]));
    question->wrapper_count--;
}

void cairn_app_toggle_wrapper(struct cairn_app *app)
{
    struct cairn_screen *screen = cairn_app_screen(app);
    const struct cairn_outline *outline = screen->class->outline(screen);
    const struct cairn_row *row = outline != NULL ? cairn_outline_current(outline) : NULL;
    struct cairn_inquiry *question = &app->question;
    char name[sizeof(question->wrappers[0])], clean[2 * sizeof(name)];
    /* Its row is gone once a function is a wrapper: the same key again means that one. */
    if (app->undo_wrapper && question->wrapper_count > 0)
        snprintf(name, sizeof(name), "%s", question->wrappers[question->wrapper_count - 1]);
    else if (row != NULL && row->function != NULL && strlen(row->function) < sizeof(name))
        snprintf(name, sizeof(name), "%s", row->function);
    else {
        cairn_app_say(app, "this row names no function that could be a wrapper");
        return;
    }
    cairn_sanitise(clean, sizeof(clean), name, strlen(name));
    const size_t index = cairn_inquiry_wrapper(question, name);
    if (index == question->wrapper_count && index == CAIRN_WRAPPERS_MAX) {
        cairn_app_complain(app, "%d wrappers are the most there can be", CAIRN_WRAPPERS_MAX);
        return;
    }
    cairn_app_remember(app);
    if (index < question->wrapper_count) {
        drop_wrapper(question, index);
        cairn_app_say(app, "%s is a site again", clean);
        app->undo_wrapper = false;
    } else {
        memcpy(question->wrappers[question->wrapper_count++], name, sizeof(name));
        cairn_app_say(app, "%s is a wrapper now: its callers are charged (x again undoes)", clean);
        app->undo_wrapper = true;
    }
    cairn_app_ask(app);
}
