#include "collector/session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "wire/ring.h"

#define BACKLOG     1024
#define ABANDONED_S 10

/* A folder nobody else can write to or has made before us: mkdtemp is mkdir with mode 0700, which fails on anything
 * that exists. */
static bool make_folder(char *folder, size_t size, const char *parent)
{
    const int length = snprintf(folder, size, "%s/cairn-XXXXXX", parent);
    return length > 0 && (size_t)length + sizeof "/session" <= size && mkdtemp(folder) != NULL;
}

static bool runtime_folder_is_ours(const char *path)
{
    struct stat status;
    return path && path[0] == '/' && stat(path, &status) == 0 && S_ISDIR(status.st_mode) &&
           status.st_uid == geteuid() && (status.st_mode & 077) == 0;
}

const char *cairn_session_runtime_folder(void)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    return runtime_folder_is_ours(runtime) ? runtime : NULL;
}

static bool joined_path(char *path, size_t size, const char *folder)
{
    return (size_t)snprintf(path, size, "%s/" CAIRN_SESSION_JOINED, folder) < size;
}

enum cairn_status cairn_session_announce(const struct cairn_session *session, pid_t joined,
                                         uint64_t start_ticks, struct cairn_error *error)
{
    char path[PATH_MAX], text[64];
    snprintf(text, sizeof text, CAIRN_SESSION_JOINED_FORM, (int)joined, start_ticks, (int)getpid());
    return joined_path(path, sizeof path, session->folder) && symlink(text, path) == 0
               ? CAIRN_OK
               : cairn_fail_errno(error, "cannot say in %s which process is joined", session->folder);
}

/* The folder of a session that is over. */
static void remove_folder(const char *folder, const char *socket_path)
{
    char joined[PATH_MAX];
    unlink(socket_path);
    if (joined_path(joined, sizeof joined, folder)) {
        unlink(joined);
    }
    rmdir(folder);
}

/* Whether a recorder that was killed left that folder behind: nobody listens on its socket any more. A young one may be
 * about to. */
static bool is_abandoned(const char *folder, const char *path)
{
    struct stat status;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path || lstat(folder, &status) != 0 || !S_ISDIR(status.st_mode) ||
        status.st_uid != geteuid() || (status.st_mode & 077) != 0 ||
        time(NULL) - status.st_mtime < ABANDONED_S) {
        return false;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return false;
    }
    const bool refused =
        connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

/* Folders are named as make_folder does it. */
static void sweep_abandoned(const char *parent)
{
    DIR *entries = opendir(parent);
    if (!entries) {
        return;
    }
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (strncmp(entry->d_name, "cairn-", 6) != 0 || strlen(entry->d_name) != sizeof "cairn-XXXXXX" - 1) {
            continue;
        }
        char folder[PATH_MAX], path[PATH_MAX];
        if ((size_t)snprintf(folder, sizeof folder, "%s/%s", parent, entry->d_name) < sizeof folder &&
            (size_t)snprintf(path, sizeof path, "%s/session", folder) < sizeof path &&
            is_abandoned(folder, path)) {
            remove_folder(folder, path);
        }
    }
    closedir(entries);
}

static void take_spare(struct cairn_session *session)
{
    session->spare = fcntl(session->listener, F_DUPFD_CLOEXEC, 0);
}

enum cairn_status cairn_session_open(struct cairn_session *session, struct cairn_error *error)
{
    *session = (struct cairn_session){.listener = -1, .spare = -1};
    const char *runtime = cairn_session_runtime_folder();
    sweep_abandoned(runtime ? runtime : "/tmp");
    if (!(runtime && make_folder(session->folder, sizeof session->folder, runtime)) &&
        !make_folder(session->folder, sizeof session->folder, "/tmp")) {
        session->folder[0] = '\0';
        return cairn_fail(error, CAIRN_E_SYSTEM,
                          "cannot make a folder for the session in /tmp: %s: set XDG_RUNTIME_DIR to a "
                          "folder of your own with mode 0700",
                          strerror(errno));
    }
    /* make_folder left room for it. */
    snprintf(session->path, sizeof session->path, "%.*s/session",
             (int)(sizeof session->path - sizeof "/session"), session->folder);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _Static_assert(sizeof address.sun_path >= sizeof session->path, "a path fits");
    memcpy(address.sun_path, session->path, sizeof session->path);
    session->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (session->listener < 0 ||
        bind(session->listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        chmod(session->path, 0600) != 0 || listen(session->listener, BACKLOG) != 0) {
        const enum cairn_status status =
            cairn_fail_errno(error, "cannot make the session's socket %s", session->path);
        cairn_session_close(session);
        return status;
    }
    take_spare(session);
    return CAIRN_OK;
}

void cairn_session_close(struct cairn_session *session)
{
    if (session->listener >= 0) {
        close(session->listener);
        session->listener = -1;
        if (session->spare >= 0) {
            close(session->spare);
            session->spare = -1;
        }
    }
    if (session->folder[0]) {
        remove_folder(session->folder, session->path);
        session->folder[0] = '\0';
    }
}

int cairn_session_accept(const struct cairn_session *session)
{
    return accept4(session->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

bool cairn_session_turn_away(struct cairn_session *session)
{
    if (session->spare < 0) {
        return false;
    }
    close(session->spare);
    const int fd = cairn_session_accept(session);
    if (fd >= 0) {
        close(fd);
    }
    take_spare(session);
    return fd >= 0;
}

enum cairn_session_read cairn_session_read(int fd, struct cairn_session_call *call)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != geteuid()) {
        return CAIRN_SESSION_READ_REFUSED;
    }
    *call = (struct cairn_session_call){.fd = fd, .pid = peer.pid};
    const ssize_t got = recv(fd, &call->request, sizeof call->request, MSG_TRUNC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return CAIRN_SESSION_READ_LATER;
    }
    if (got != (ssize_t)sizeof call->request || call->request.magic != CAIRN_SESSION_MAGIC) {
        return CAIRN_SESSION_READ_REFUSED;
    }
    call->request.name[sizeof call->request.name - 1] = '\0';
    return CAIRN_SESSION_READ_OK;
}

bool cairn_session_answer(struct cairn_session_call *call, int32_t status, uint32_t process, int passed_fd)
{
    struct cairn_session_answer answer = {
        .magic = CAIRN_SESSION_MAGIC, .version = CAIRN_WIRE_VERSION, .status = status, .process = process};
    struct iovec part = {.iov_base = &answer, .iov_len = sizeof answer};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (passed_fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &passed_fd, sizeof passed_fd);
    }
    const bool sent = sendmsg(call->fd, &message, MSG_NOSIGNAL) == (ssize_t)sizeof answer;
    close(call->fd);
    call->fd = -1;
    return sent;
}
