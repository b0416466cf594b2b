#include "collector/session_client.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "collector/segment.h"
#include "collector/session.h"
#include "collector/target.h"
#include "wire/ring.h"

#define ANSWER_SECONDS 60
/* Between a process that was joined and a child of its children. */
#define GENERATIONS_MAX 64u

/* A session's path in the environment that a process began with; false when there is none. */
static bool find_in_environment(pid_t pid, char *path, size_t size)
{
    static const char variable[] = CAIRN_SESSION_VARIABLE "=";
    char name[64], *entry = NULL;
    size_t capacity = 0;
    bool found = false;
    snprintf(name, sizeof name, "/proc/%d/environ", (int)pid);
    FILE *file = fopen(name, "re");
    while (file && !found && getdelim(&entry, &capacity, '\0', file) > 0) {
        const char *value = entry + sizeof variable - 1;
        if (strncmp(entry, variable, sizeof variable - 1) == 0 && strlen(value) < size) {
            memcpy(path, value, strlen(value) + 1);
            found = path[0] != '\0';
        }
    }
    free(entry);
    if (file) {
        fclose(file);
    }
    return found;
}

/* Of any child of a process: the recorder's own child is what it records. */
static bool find_in_children(pid_t pid, char *path, size_t size)
{
    char name[96];
    bool found = false;
    int child;
    snprintf(name, sizeof name, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *file = fopen(name, "re");
    while (file && !found && fscanf(file, "%d", &child) == 1) {
        found = find_in_environment(child, path, size);
    }
    if (file) {
        fclose(file);
    }
    return found;
}

/* Whether the session in `folder` began with that process, or is that recorder's own. */
static bool is_session_of(const char *folder, pid_t pid, uint64_t start_ticks, bool *by_recorder)
{
    char link[PATH_MAX], text[64];
    int joined, recorder;
    uint64_t ticks;
    struct stat about;
    if (lstat(folder, &about) != 0 || !S_ISDIR(about.st_mode) || about.st_uid != geteuid() ||
        (size_t)snprintf(link, sizeof link, "%s/" CAIRN_SESSION_JOINED, folder) >= sizeof link) {
        return false;
    }
    const ssize_t got = readlink(link, text, sizeof text - 1);
    text[got > 0 ? got : 0] = '\0';
    if (sscanf(text, "%d.%" SCNu64 ".%d", &joined, &ticks, &recorder) != 3) {
        return false;
    }
    *by_recorder = recorder == pid;
    return recorder == pid || (joined == pid && ticks == start_ticks);
}

/* Whether a process has rings of ours: it is recorded, whatever became of its environment (servers write their title over it). */
static bool has_rings(pid_t pid)
{
    char name[64], *line = NULL;
    size_t capacity = 0;
    bool found = false;
    snprintf(name, sizeof name, "/proc/%d/maps", (int)pid);
    FILE *file = fopen(name, "re");
    while (file && !found && getline(&line, &capacity, file) > 0) {
        found = strstr(line, "/memfd:" CAIRN_SEGMENT_NAME " ") != NULL;
    }
    free(line);
    if (file) {
        fclose(file);
    }
    return found;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    const struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* A connection to a session there, −1 where none lives: a recorder that was killed may have left its folder. */
static int connect_in_folder(const char *parent, pid_t pid, bool *known, bool *by_recorder)
{
    DIR *entries = opendir(parent);
    const uint64_t start_ticks = cairn_process_start_ticks(pid);
    int fd = -1;
    for (const struct dirent *entry; entries && fd < 0 && (entry = readdir(entries));) {
        char folder[PATH_MAX], path[sizeof((struct sockaddr_un *)0)->sun_path];
        if (strncmp(entry->d_name, "cairn-", 6) == 0 &&
            (size_t)snprintf(folder, sizeof folder, "%s/%s", parent, entry->d_name) < sizeof folder &&
            is_session_of(folder, pid, start_ticks, by_recorder) &&
            (size_t)snprintf(path, sizeof path, "%s/session", folder) < sizeof path) {
            *known = true;
            fd = connect_to(path);
        }
    }
    if (entries) {
        closedir(entries);
    }
    return fd;
}

/* To the session that began with a process or, where that is recorded, with one of its ancestors. */
static int connect_to_announced(pid_t pid, bool *known, bool *by_recorder)
{
    const char *runtime = cairn_session_runtime_folder();
    int fd = -1;
    pid_t at = pid;
    for (unsigned generation = 0; fd < 0 && at > 1 && generation < GENERATIONS_MAX; generation++) {
        fd = runtime ? connect_in_folder(runtime, at, known, by_recorder) : -1;
        if (fd < 0) {
            fd = connect_in_folder("/tmp", at, known, by_recorder);
        }
        if (fd < 0 && generation == 0 && !has_rings(pid)) {
            break;
        }
        at = cairn_process_parent(at);
        *by_recorder = *by_recorder && fd >= 0 && generation == 0;
    }
    return fd;
}

static enum cairn_status exchange(int fd, const struct cairn_session_request *request,
                                  struct cairn_session_answer *answer, struct cairn_error *error)
{
    if (send(fd, request, sizeof *request, MSG_NOSIGNAL) != (ssize_t)sizeof *request) {
        return cairn_fail_errno(error, "the recorder cannot be spoken to");
    }
    ssize_t got;
    do {
        got = recv(fd, answer, sizeof *answer, 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof *answer || answer->magic != CAIRN_SESSION_MAGIC) {
        return cairn_fail(error, CAIRN_E_IO, "the recorder did not answer: perhaps it has just ended");
    }
    return CAIRN_OK;
}

/* A connection to whoever records the process. −1: nobody; `*known` says whether somebody did once. `*by_recorder`: it is a
 * recorder's own number. */
static int connect_by_process(pid_t pid, bool *known, bool *by_recorder)
{
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    *by_recorder = *known = false;
    int fd = connect_to_announced(pid, known, by_recorder);
    if (fd < 0 && find_in_environment(pid, path, sizeof path)) {
        *known = true;
        fd = connect_to(path);
    }
    if (fd < 0 && find_in_children(pid, path, sizeof path)) {
        *known = *by_recorder = true;
        fd = connect_to(path);
    }
    return fd;
}

bool cairn_session_is_recorded(pid_t pid)
{
    bool known, by_recorder;
    const int fd = connect_by_process(pid, &known, &by_recorder);
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0 && !by_recorder;
}

/* Why no recording of that process was found. */
static enum cairn_status not_recorded(pid_t pid, bool known, struct cairn_error *error)
{
    char path[64];
    struct stat process;
    if (known) {
        return cairn_fail(error, CAIRN_E_NOT_FOUND, "process %d is not being recorded any more", (int)pid);
    }
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    if (stat(path, &process) != 0) {
        return cairn_fail(error, CAIRN_E_NOT_FOUND, "there is no process %d", (int)pid);
    }
    if (geteuid() != 0 && process.st_uid != geteuid()) {
        return cairn_fail(
            error, CAIRN_E_NOT_FOUND,
            "process %d belongs to another user, whose recordings are not shown: say this as that "
            "user",
            (int)pid);
    }
    return cairn_fail(error, CAIRN_E_NOT_FOUND,
                      "process %d is not being recorded: start it with cairn record, or cairn attach %d",
                      (int)pid, (int)pid);
}

enum cairn_status cairn_session_command(pid_t pid, enum cairn_session_verb verb, const char *name,
                                        struct cairn_session_answer *answer, struct cairn_error *error)
{
    struct cairn_session_request request = {
        .magic = CAIRN_SESSION_MAGIC, .version = CAIRN_WIRE_VERSION, .verb = verb, .pid = pid};
    bool known, by_recorder;
    snprintf(request.name, sizeof request.name, "%s", name ? name : "");
    const int fd = connect_by_process(pid, &known, &by_recorder);
    if (by_recorder) {
        request.pid = 0;
    }
    if (fd < 0) {
        return not_recorded(pid, known, error);
    }
    const enum cairn_status status = exchange(fd, &request, answer, error);
    close(fd);
    return status;
}
