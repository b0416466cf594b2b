#include "agent/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/collector_life.h"
#include "agent/environment.h"
#include "agent/machine.h"
#include "agent/memory.h"

/* A collector that answers takes well under a millisecond; one that hangs must not hang the program for ever, and one that was
 * killed not for a moment: whether it lives is looked at so often. */
#define ANSWER_SECONDS 10
#define LOOKS_A_SECOND 50
/* A still image may have to wait until the collector has time for it. */
#define STREAM_SECONDS 60

static char path[sizeof((struct sockaddr_un *)NULL)->sun_path];

bool cairn_session_locate(void)
{
    const char *found = cairn_environment_get(CAIRN_SESSION_VARIABLE);
    return found && cairn_session_move(found);
}

bool cairn_session_move(const char *where)
{
    if (strlen(where) >= sizeof path) {
        return false;
    }
    memcpy(path, where, strlen(where) + 1);
    return path[0] != '\0';
}

const char *cairn_session_path(void)
{
    return path;
}

bool cairn_session_is_reachable(void)
{
    return !cairn_syscall_failed(cairn_syscall3(SYS_faccessat, AT_FDCWD, (long)path, W_OK));
}

static void set_patience(int fd, long seconds)
{
    const struct timeval patience = {.tv_sec = seconds};
    cairn_syscall6(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, (long)&patience, sizeof patience, 0);
    cairn_syscall6(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, (long)&patience, sizeof patience, 0);
}

long cairn_session_receive(int fd, struct msghdr *message, long seconds)
{
    const struct timeval until_look = {.tv_usec = 1000000 / LOOKS_A_SECOND};
    cairn_syscall6(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, (long)&until_look, sizeof until_look, 0);
    long got = -EAGAIN;
    for (long looks = seconds * LOOKS_A_SECOND; looks > 0; looks--) {
        do {
            got = cairn_syscall3(SYS_recvmsg, fd, (long)message, MSG_CMSG_CLOEXEC);
        } while (got == -EINTR);
        if (got != -EAGAIN || cairn_collector_has_died(fd)) {
            break;
        }
    }
    return got;
}

static int connect_to_collector(void)
{
    const long fd = cairn_syscall3(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (cairn_syscall_failed(fd)) {
        return -1;
    }
    set_patience((int)fd, ANSWER_SECONDS);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, sizeof path);
    if (cairn_syscall_failed(cairn_syscall3(SYS_connect, fd, (long)&address, sizeof address))) {
        cairn_syscall3(SYS_close, fd, 0, 0);
        return -1;
    }
    return (int)fd;
}

static bool send_request(int fd, const struct cairn_session_request *request)
{
    return cairn_syscall6(SYS_sendto, fd, (long)request, sizeof *request, MSG_NOSIGNAL, 0, 0) ==
           (long)sizeof *request;
}

/* The descriptor that came with a good answer, or −1. */
static int receive_answer(int fd)
{
    struct cairn_session_answer answer = {.magic = 0};
    struct iovec part = {.iov_base = &answer, .iov_len = sizeof answer};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    const long got = cairn_session_receive(fd, &message, ANSWER_SECONDS);
    if (cairn_syscall_failed(got)) {
        return -1;
    }
    int passed = -1;
    const struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    if (rights && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
        memcpy(&passed, CMSG_DATA(rights), sizeof passed);
    }
    if (got == (long)sizeof answer && answer.magic == CAIRN_SESSION_MAGIC &&
        answer.version == CAIRN_WIRE_VERSION && answer.status == 0) {
        return passed;
    }
    if (passed >= 0) {
        cairn_syscall3(SYS_close, passed, 0, 0);
    }
    return -1;
}

static struct cairn_segment_header *map_segment(int fd, void *where)
{
    struct cairn_segment_header *segment = cairn_memory_map_shared(fd, CAIRN_SEGMENT_BYTES, where);
    if (segment &&
        (segment->magic != CAIRN_SEGMENT_MAGIC || segment->version != CAIRN_WIRE_VERSION ||
         segment->ring_count != CAIRN_RINGS_PER_SEGMENT || segment->ring_bytes != CAIRN_RING_BYTES)) {
        cairn_memory_replace(segment, CAIRN_SEGMENT_BYTES);
        return NULL;
    }
    return segment;
}

struct cairn_segment_header *cairn_session_segment(const struct cairn_session_request *request, void *where,
                                                   bool *reached)
{
    struct cairn_segment_header *segment = NULL;
    const int fd = connect_to_collector();
    *reached = fd >= 0;
    if (fd < 0) {
        return NULL;
    }
    if (send_request(fd, request)) {
        const int passed = receive_answer(fd);
        if (passed >= 0) {
            segment = map_segment(passed, where);
            cairn_syscall3(SYS_close, passed, 0, 0);
        }
    }
    cairn_syscall3(SYS_close, fd, 0, 0);
    return segment;
}

int cairn_session_stream(const struct cairn_session_request *request)
{
    const int fd = connect_to_collector();
    if (fd >= 0) {
        set_patience(fd, STREAM_SECONDS);
    }
    if (fd >= 0 && !send_request(fd, request)) {
        cairn_syscall3(SYS_close, fd, 0, 0);
        return -1;
    }
    return fd;
}

bool cairn_session_send(int fd, const void *message, size_t bytes)
{
    return cairn_syscall6(SYS_sendto, fd, (long)message, (long)bytes, MSG_NOSIGNAL, 0, 0) == (long)bytes;
}
