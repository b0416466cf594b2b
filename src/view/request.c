/* Asking a recording that runs for a snapshot or an object graph: `cairn snapshot` does it, as a child, so that waiting for the
 * recorded program stops nobody. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sanitise.h"
#include "view/app.h"

extern char **environ;

/* The process meant: the one chosen, else the one that was started first. */
static int64_t process_id(const struct cairn_app *app)
{
    const struct cairn_facts *facts = &app->facts;
    for (size_t i = 0; i < facts->process_count; i++)
        if (facts->processes[i].process == app->question.process)
            return facts->processes[i].pid;
    return facts->process_count > 0 ? facts->processes[0].pid : 0;
}

/* Starts it with its standard error in `pipe_end`; an errno value, 0 for success. */
static int start(const char *const *arguments, int pipe_end, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, pipe_end, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    const int failure = posix_spawn(child, "/proc/self/exe", &actions, &attributes,
                                    (char *const *)(uintptr_t)arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

void cairn_app_request(struct cairn_app *app, bool graph)
{
    const int64_t pid = process_id(app);
    if (!app->facts.live || pid <= 0) {
        cairn_app_say(app, "this recording is finished: there is nothing to ask");
        return;
    }
    if (app->request.child != 0) {
        cairn_app_say(app, "asked already: the program has not answered yet");
        return;
    }
    char number[24];
    int ends[2];
    snprintf(number, sizeof(number), "%" PRId64, pid);
    const char *const arguments[] = {"cairn", "snapshot", number, graph ? "--graph" : NULL, NULL};
    if (pipe2(ends, O_CLOEXEC) != 0) {
        cairn_app_complain(app, "nothing could be asked: %s", strerror(errno));
        return;
    }
    const int failure = start(arguments, ends[1], &app->request.child);
    close(ends[1]);
    if (failure != 0) {
        close(ends[0]);
        app->request.child = 0;
        cairn_app_complain(app, "nothing could be asked: %s", strerror(failure));
        return;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    app->request.descriptor = ends[0];
    app->request.length = 0;
    cairn_app_say(app, graph ? "asked for an object graph; the program answers when it allocates next"
                             : "asked for a snapshot");
}

/* Its sentence without "cairn: " in front. */
static void say_answer(struct cairn_app *app, bool well)
{
    struct cairn_request *request = &app->request;
    char clean[sizeof(request->text) * 2];
    request->text[request->length] = '\0';
    request->text[strcspn(request->text, "\n")] = '\0';
    const char *said = strncmp(request->text, "cairn: ", 7) == 0 ? request->text + 7 : request->text;
    cairn_sanitise(clean, sizeof(clean), said, strlen(said));
    if (well)
        cairn_app_say(app, "%s", clean);
    else
        cairn_app_complain(app, "%s", clean[0] != '\0' ? clean : "the recorder did not answer");
}

void cairn_app_request_answered(struct cairn_app *app)
{
    struct cairn_request *request = &app->request;
    if (request->child == 0)
        return;
    ssize_t got;
    do {
        char *to = request->text + request->length;
        char rest[64];
        const size_t room = sizeof(request->text) - 1 - request->length;
        got = room > 0 ? read(request->descriptor, to, room) : read(request->descriptor, rest, sizeof(rest));
        request->length += got > 0 && room > 0 ? (size_t)got : 0;
    } while (got > 0 || (got < 0 && errno == EINTR));
    if (got < 0)
        return;
    int status = -1;
    while (waitpid(request->child, &status, 0) < 0 && errno == EINTR)
        ;
    close(request->descriptor);
    request->child = 0;
    say_answer(app, WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cairn_app_refresh(app);
}

void cairn_app_request_release(struct cairn_app *app)
{
    /* What was asked for still comes into the trace. */
    if (app->request.child != 0)
        close(app->request.descriptor);
    app->request.child = 0;
}
