#include "view/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define FIRST_SCREEN_NS  30000000 /* the first answer is waited for so long before anything is drawn */
#define PROGRESS_TICK_MS 100
#define NEWS_LEAST_NS    200000000  /* between two looks at a running recording */
#define NEWS_MOST_NS     1000000000 /* one look at least, in case no file event came */
#define NEWS_IDLE_FACTOR 4          /* following rests so many times as long as its answers took, */
#define NEWS_REST_NS     2000000000 /* but not longer than this */

static const int taken_signals[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT, SIGQUIT};

struct loop {
    struct cairn_app *app;
    int signals, news; /* signalfd and inotify; news may be -1 */
    int64_t looked_ns; /* for news */
    int64_t round_ns;  /* from the last look until everything that came of it was answered; 0: not yet */
    bool news_wait;    /* there are some, but it is too early to look again */
    bool drawn, gone;
};

static void signal_set(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < sizeof(taken_signals) / sizeof(taken_signals[0]); i++)
        sigaddset(set, taken_signals[i]);
}

void cairn_loop_block_signals(void)
{
    sigset_t set;
    signal_set(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

void cairn_loop_unblock_signals(void)
{
    sigset_t set;
    signal_set(&set);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void watch_trace(struct loop *loop)
{
    loop->news = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (loop->news < 0)
        return;
    char wal[4096];
    const char *path = loop->app->options->path;
    snprintf(wal, sizeof(wal), "%s-wal", path);
    /* Not IN_CLOSE_WRITE: SQLite opens both for writing when it reads, so every look of ours would be news. */
    inotify_add_watch(loop->news, path, IN_MODIFY | IN_DELETE_SELF);
    inotify_add_watch(loop->news, wal, IN_MODIFY | IN_DELETE_SELF);
}

static void fit_terminal(struct cairn_app *app)
{
    int width, height;
    cairn_terminal_size(app->terminal, &width, &height);
    cairn_app_resize(app, width, height);
}

/* Stops as a shell's job does: ours is the process that stops, with the terminal given back. */
static void suspend(struct cairn_app *app)
{
    app->suspend = false;
    cairn_terminal_suspend(app->terminal);
    struct sigaction before, plain = {.sa_handler = SIG_DFL};
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    sigaction(SIGTSTP, &plain, &before);
    kill(0, SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &stop, NULL);
    /* Here we are stopped until `fg`. */
    sigprocmask(SIG_BLOCK, &stop, NULL);
    sigaction(SIGTSTP, &before, NULL);
    cairn_terminal_resume(app->terminal);
    fit_terminal(app);
    app->redraw_all = true;
}

static void take_signals(struct loop *loop)
{
    struct signalfd_siginfo info;
    while (read(loop->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        switch (info.ssi_signo) {
        case SIGWINCH:
            fit_terminal(loop->app);
            break;
        case SIGTSTP:
            loop->app->suspend = true;
            break;
        case SIGCONT:
            fit_terminal(loop->app);
            loop->app->redraw_all = true;
            break;
        case SIGINT:
            cairn_app_key(loop->app, CAIRN_KEY_CTRL('C'));
            break;
        default:
            loop->app->quit = true;
        }
    }
}

static void take_input(struct loop *loop)
{
    struct cairn_app *app = loop->app;
    for (;;) {
        const struct cairn_input input = cairn_terminal_read(app->terminal);
        switch (input.kind) {
        case CAIRN_INPUT_NONE:
            return;
        case CAIRN_INPUT_GONE:
            loop->gone = true;
            return;
        case CAIRN_INPUT_KEY:
            if (app->back_count > 0)
                cairn_app_key(app, input.key);
            else
                app->quit |= input.key == 'q' || input.key == 'Q' || input.key == CAIRN_KEY_CTRL('C');
            break;
        case CAIRN_INPUT_PASTE:
            cairn_app_paste(app, input.key);
            break;
        case CAIRN_INPUT_CLICK:
        case CAIRN_INPUT_WHEEL:
            cairn_app_mouse(app, &input);
            break;
        }
        if (app->quit || app->suspend)
            return;
    }
}

/* From one look to the next, as things are. */
static int64_t news_interval_ns(const struct loop *loop)
{
    const int64_t rest =
        loop->round_ns < NEWS_REST_NS / NEWS_IDLE_FACTOR ? NEWS_IDLE_FACTOR * loop->round_ns : NEWS_REST_NS;
    const int64_t least = rest > NEWS_LEAST_NS ? rest : NEWS_LEAST_NS;
    return loop->news_wait || least > NEWS_MOST_NS ? least : NEWS_MOST_NS;
}

static void take_news(struct loop *loop, bool signalled)
{
    struct cairn_app *app = loop->app;
    char events[4096];
    const int64_t now = cairn_clock_ns(), since = now - loop->looked_ns;
    int64_t busy_since;
    const bool busy = cairn_worker_busy(app->worker, &busy_since);
    loop->news_wait |= signalled;
    if (loop->round_ns == 0 && !busy)
        loop->round_ns = since;
    if (!app->facts.live || busy || since < news_interval_ns(loop))
        return;
    /* A commit makes many events; all of those up to now are about what is looked at now. */
    while (loop->news >= 0 && read(loop->news, events, sizeof(events)) > 0)
        ;
    loop->round_ns = 0;
    loop->looked_ns = now;
    loop->news_wait = false;
    cairn_app_refresh(app);
}

/* Milliseconds until something has to be drawn or looked at though nothing happens; -1: never. */
static int patience(const struct loop *loop)
{
    int64_t since;
    if (cairn_worker_busy(loop->app->worker, &since))
        return loop->drawn ? PROGRESS_TICK_MS : FIRST_SCREEN_NS / 1000000;
    if (!loop->app->facts.live)
        return -1;
    const int64_t left = loop->looked_ns + news_interval_ns(loop) - cairn_clock_ns();
    return left < 0 ? 0 : (int)(left / 1000000) + 1;
}

static void draw(struct loop *loop, int64_t begin)
{
    struct cairn_app *app = loop->app;
    if (app->back_count == 0)
        return;
    /* A first screen with its rows looks better than an empty one a moment earlier. */
    const struct cairn_outline *outline = cairn_app_screen(app)->class->outline(cairn_app_screen(app));
    if (!loop->drawn && outline != NULL && !outline->loaded && cairn_clock_ns() - begin < FIRST_SCREEN_NS)
        return;
    cairn_app_draw(app);
    cairn_terminal_show(app->terminal, &app->canvas, app->redraw_all || !loop->drawn);
    app->redraw_all = false;
    loop->drawn = true;
}

static void wait_and_take(struct loop *loop)
{
    struct cairn_app *app = loop->app;
    struct pollfd waits[] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = cairn_worker_descriptor(app->worker), .events = POLLIN},
        {.fd = loop->signals, .events = POLLIN},
        {.fd = app->facts.live && !loop->news_wait ? loop->news : -1, .events = POLLIN},
        {.fd = app->request.child != 0 ? app->request.descriptor : -1, .events = POLLIN},
    };
    if (poll(waits, sizeof(waits) / sizeof(waits[0]), patience(loop)) < 0 && errno != EINTR)
        loop->gone = true;
    if ((waits[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
        loop->gone = true;
    if (waits[2].revents != 0)
        take_signals(loop);
    if (!loop->gone && waits[0].revents != 0)
        take_input(loop);
    if (waits[1].revents != 0)
        cairn_app_receive(app);
    if (waits[4].revents != 0)
        cairn_app_request_answered(app);
    take_news(loop, waits[3].revents != 0);
}

enum cairn_status cairn_loop_run(struct cairn_app *app, struct cairn_error *error)
{
    struct loop loop = {.app = app, .news = -1};
    sigset_t set;
    signal_set(&set);
    loop.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (loop.signals < 0)
        return cairn_fail_errno(error, "the viewer could not take signals");
    watch_trace(&loop);
    const int64_t begin = cairn_clock_ns();
    while (!app->quit && !loop.gone) {
        wait_and_take(&loop);
        if (app->quit || loop.gone)
            break;
        if (app->suspend)
            suspend(app);
        draw(&loop, begin);
    }
    close(loop.signals);
    if (loop.news >= 0)
        close(loop.news);
    return CAIRN_OK;
}
