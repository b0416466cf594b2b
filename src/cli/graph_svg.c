#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/graph.h"
#include "trace/part.h"

extern char **environ;

/* Runs `dot -Tsvg` between two descriptors; 0, or an errno. */
static int spawn_dot(int from, int to, pid_t *child)
{
    static char name[] = "dot", format[] = "-Tsvg";
    char *const words[] = {name, format, NULL};
    posix_spawn_file_actions_t actions;
    int failure = posix_spawn_file_actions_init(&actions);
    if (failure != 0) {
        return failure;
    }
    failure = posix_spawn_file_actions_adddup2(&actions, from, STDIN_FILENO);
    if (failure == 0) {
        failure = posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
    }
    if (failure == 0) {
        failure = posix_spawnp(child, name, &actions, NULL, words, environ);
    }
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

static void write_all(int descriptor, const char *bytes, size_t length)
{
    while (length > 0) {
        const ssize_t written = write(descriptor, bytes, length);
        if (written < 0 && errno != EINTR) {
            return; /* dot went away: its status tells */
        }
        bytes += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
}

static int wait_for(pid_t child)
{
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* 0, or the exit status after a complaint. */
static int draw(int output, const struct cairn_buffer *text)
{
    int ends[2];
    pid_t child = 0;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return cairn_complain_format("graph dot: no pipe to Graphviz: %s", strerror(errno));
    }
    const int failure = spawn_dot(ends[0], output, &child);
    close(ends[0]);
    if (failure == 0) {
        write_all(ends[1], text->data, text->length);
    }
    close(ends[1]);
    if (failure == ENOENT) {
        return cairn_complain_format(
            "graph dot: Graphviz's dot is not installed: install the package graphviz, "
            "or leave --svg out for the drawing as text");
    }
    if (failure != 0) {
        return cairn_complain_format("graph dot: Graphviz's dot cannot be run: %s", strerror(failure));
    }
    return wait_for(child) == 0
               ? 0
               : cairn_complain_format("graph dot: Graphviz's dot failed on this drawing: leave "
                                       "--svg out to see its text");
}

int cairn_graph_svg(const struct cairn_graph_request *request, const struct cairn_buffer *text)
{
    if (request->force && cairn_part_is_itself(cairn_trace_path(request->trace), request->svg)) {
        return cairn_complain_format("%s: is the trace itself: name another file", request->svg);
    }
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (request->force ? O_TRUNC : O_EXCL);
    const int output = open(request->svg, flags, 0666);
    if (output < 0) {
        return errno == EEXIST ? cairn_complain_format("%s is there already: -f writes over it", request->svg)
                               : cairn_complain_format("cannot write %s: %s", request->svg, strerror(errno));
    }
    signal(SIGPIPE, SIG_IGN);
    const int result = draw(output, text);
    close(output);
    if (result != CAIRN_EXIT_DONE) {
        cairn_part_drop(request->svg);
    }
    return result;
}
