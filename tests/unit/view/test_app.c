#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <locale.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "trace_maker.h"
#include "view/app.h"

static char path[] = "/tmp/cairn-app-XXXXXX";
static struct cairn_view_options options;
static struct cairn_settings settings;
static struct cairn_app *app;

/* A query that takes until it is cancelled or let go. */
static atomic_bool let_go;

static enum cairn_status run_slow(struct cairn_job *job, struct cairn_reader *reader)
{
    (void)job;
    (void)reader;
    while (!let_go)
        usleep(1000);
    return CAIRN_E_CANCELLED;
}

static void deliver_nothing(struct cairn_job *job, void *receiver)
{
    (void)job;
    (void)receiver;
}

static void release_job(struct cairn_job *job)
{
    free(job);
}

static const struct cairn_job_class slow_job_class = {
    .rank = 9, .run = run_slow, .deliver = deliver_nothing, .release = release_job};

static void settle(void)
{
    int64_t since;
    do {
        cairn_app_receive(app);
        if (app->back_count > 0)
            cairn_app_draw(app);
        usleep(1000);
    } while (cairn_worker_busy(app->worker, &since));
}

static bool shows(const char *wanted)
{
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_app_draw(app);
    cairn_canvas_text(&app->canvas, &text);
    const bool found = strstr(cairn_buffer_cstr(&text), wanted) != NULL;
    cairn_buffer_release(&text);
    return found;
}

static int setup(void **state)
{
    (void)state;
    struct trace_maker maker;
    struct cairn_worker *worker;
    struct cairn_error error;
    setlocale(LC_CTYPE, "C.UTF-8");
    const int descriptor = mkstemp(path);
    close(descriptor);
    maker_open(&maker, path, 64, 4);
    maker_process(&maker, 0);
    cairn_writer_function(maker.writer, &(struct cairn_function){.function = 1, .name = "leak"});
    cairn_writer_frame(maker.writer, &(struct cairn_frame){.frame = 1, .function = 1, .line = CAIRN_UNKNOWN});
    cairn_writer_stack(maker.writer, &(struct cairn_stack_row){.stack = 1, .frame = 1, .depth = 1});
    maker_account(&maker, 1, 0, 1, 1);
    for (uint64_t i = 0; i < 100; i++)
        maker_event(&maker, &(struct cairn_event){
                                .t_ns = i * 1000000, .kind = CAIRN_EVENT_ALLOC, .account = 1, .size = 1000});
    maker_close(&maker);
    options = (struct cairn_view_options){.path = path, .script = "none"};
    if (cairn_worker_start(&(struct cairn_reader_options){.path = path}, &worker, &error) != CAIRN_OK)
        return -1;
    app = calloc(1, sizeof(*app));
    if (cairn_app_init(app, &options, &settings, worker, &error) != CAIRN_OK)
        return -1;
    cairn_app_resize(app, 80, 24);
    cairn_app_refresh(app);
    settle();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    let_go = true;
    cairn_app_release(app);
    free(app);
    return unlink(path);
}

static void post_slow(void)
{
    struct cairn_job *job = calloc(1, sizeof(*job));
    int64_t since;
    let_go = false;
    job->class = &slow_job_class;
    cairn_app_post(app, job);
    assert_true(cairn_worker_busy(app->worker, &since));
    while (cairn_clock_ns() - since < 110000000)
        usleep(1000);
}

static void test_long_queries_show_that_they_go_on(void **state)
{
    (void)state;
    assert_true(shows("leak"));
    assert_false(shows("Ctrl-C cancels"));
    post_slow();
    assert_true(shows("reading 0.1 s  Ctrl-C cancels"));
    /* What was there stays, and the keys work on. */
    assert_true(shows("leak"));
    cairn_app_key(app, 'v');
    assert_true(shows("metric: allocated"));
    assert_true(shows("LIVE▼"));
    cairn_app_key(app, CAIRN_KEY_CTRL('C'));
    assert_true(shows("cancelled; the old answer stays"));
    let_go = true;
    settle();
    assert_true(shows("LIVE▼"));
    assert_false(shows("Ctrl-C cancels"));
    cairn_app_key(app, 'v');
    settle();
    assert_true(shows("ALLOCS▼"));
}

static void go_to(int64_t t_ns)
{
    cairn_app_go_to(app, &(struct cairn_view_moment){.moment = {.t_ns = t_ns}});
}

/* Moment and heap are those of the rows, however long the next answer takes. */
static void test_the_title_tells_of_its_rows(void **state)
{
    (void)state;
    let_go = true;
    cairn_app_show(app, '1');
    go_to(50000000);
    settle();
    assert_true(shows("50.000ms"));
    assert_true(shows("heap 49.8K"));
    post_slow();
    go_to(10000000);
    assert_true(shows("50.000ms → 10.000ms"));
    assert_true(shows("heap 49.8K"));
    assert_false(shows("heap 10.7K"));
    /* A screen that has no rows yet tells of the moment that it asked for. */
    cairn_app_show(app, '2');
    assert_false(shows("50.000ms"));
    cairn_app_show(app, '1');
    let_go = true;
    settle();
    assert_false(shows("50.000ms"));
    assert_true(shows("10.000ms"));
    assert_true(shows("heap 10.7K"));
}

/* The line of the screen that a text stands in; -1: in none. */
static int line_of(const char *wanted)
{
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_app_draw(app);
    cairn_canvas_text(&app->canvas, &text);
    const char *found = strstr(cairn_buffer_cstr(&text), wanted);
    int line = found != NULL ? 0 : -1;
    for (const char *c = cairn_buffer_cstr(&text); found != NULL && c < found; c++)
        line += *c == '\n';
    cairn_buffer_release(&text);
    return line;
}

/* Whatever comes first of what Leaks asks, what stands there moves once at most: when all of it is known. */
static void test_leaks_move_once(void **state)
{
    (void)state;
    int64_t since;
    let_go = true;
    cairn_app_show(app, '6');
    int growth = line_of("growing site"), resident = line_of("where the resident"), moves = 0;
    assert_in_range(growth, 1, resident - 1);
    while (cairn_worker_busy(app->worker, &since)) {
        struct cairn_screen *screen = cairn_app_screen(app);
        struct cairn_job *job = cairn_worker_take(app->worker);
        if (job == NULL) {
            usleep(1000);
            continue;
        }
        job->class->deliver(job, job->owner == screen->serial ? (void *)screen : (void *)app);
        job->class->release(job);
        moves += line_of("growing site") != growth || line_of("where the resident") != resident;
        growth = line_of("growing site");
        resident = line_of("where the resident");
    }
    assert_true(moves <= 1);
    cairn_app_show(app, '1');
    settle();
}

static void test_clicks(void **state)
{
    (void)state;
    cairn_app_mouse(app, &(struct cairn_input){.kind = CAIRN_INPUT_CLICK, .x = 26, .y = 1});
    settle();
    assert_in_range(app->question.at.moment.t_ns, 1, 98000000);
    cairn_app_mouse(app, &(struct cairn_input){.kind = CAIRN_INPUT_CLICK, .x = 30, .y = 12});
    cairn_app_mouse(app, &(struct cairn_input){.kind = CAIRN_INPUT_WHEEL, .rows = 3});
    assert_false(app->quit);
}

static void test_every_key_on_every_screen_is_safe(void **state)
{
    (void)state;
    let_go = true;
    const struct cairn_screen_class *class;
    for (size_t i = 0; (class = cairn_screen_class_at(i)) != NULL; i++) {
        if (class->digit == 0)
            continue;
        const struct cairn_key_binding *binding;
        for (size_t b = 0; (binding = cairn_key_binding_at(b)) != NULL; b++) {
            if (binding->action == CAIRN_DO_QUIT || binding->action == CAIRN_DO_LEAVE)
                continue;
            cairn_app_show(app, class->digit);
            settle();
            cairn_app_key(app, binding->keys[0]);
            settle();
            cairn_app_draw(app);
            cairn_app_key(app, CAIRN_KEY_ESC);
            cairn_app_key(app, CAIRN_KEY_ESC);
            settle();
            assert_false(app->quit);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_queries_show_that_they_go_on),
        cmocka_unit_test(test_the_title_tells_of_its_rows),
        cmocka_unit_test(test_leaks_move_once),
        cmocka_unit_test(test_clicks),
        cmocka_unit_test(test_every_key_on_every_screen_is_safe),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
