/* The agent's own test harness: a collector in miniature. Makes segments, runs a command under the agent, drains the rings,
 * and holds what comes against the wire's rules:
 *
 *   - stamps of one ring never decrease (PADs apart); a tenancy begins with THREAD_START; nodes refer to known nodes;
 *   - in the order of the stamps a block is allocated at a free address, freed once, and realloc's halves belong together;
 *   - with --ledger FILE, the sums equal the program's own.
 *
 *   ring_dump [OPTIONS] [--] PROGRAM [ARGUMENT…]
 *     --agent PATH      libcairn.so
 *     --ledger FILE     what the program counted (tests/targets/ledger.c)
 *     --ledgers FOLDER  the same, of every file in FOLDER
 *     --preload PATH    another library, behind the agent
 *     --no-follow       children are not recorded
 *     --monotonic       stamps from CLOCK_MONOTONIC
 *     --slow MICROSECONDS  wait so long before every drain
 *     --die-after MS    the collector vanishes (as by SIGKILL) while the program runs on
 *     --kill-after MS   SIGKILL to the program
 *     --stop-after MS   the recording is ended, the program runs on
 *     --discard         read nothing: what the agent alone costs
 *     --quiet           only faults and the last line
 *
 * Exits with 0, or 1 where a rule was broken, or 2 where it could not start. The program's own status is printed. */
#include "ring_dump.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "wire/session.h"

uint64_t dump_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int make_socket(struct dump *dump)
{
    strcpy(dump->folder, "/tmp/ring_dump-XXXXXX");
    if (!mkdtemp(dump->folder)) {
        return -1;
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/session", dump->folder);
    strcpy(dump->socket_path, address.sun_path);
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1024) != 0) {
        return -1;
    }
    return fd;
}

static struct dump_segment *make_segment(struct dump *dump, struct dump_process *process, int *fd_made)
{
    const int fd = memfd_create("ring_dump", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)CAIRN_SEGMENT_BYTES) != 0) {
        return NULL;
    }
    struct cairn_segment_header *header =
        mmap(NULL, CAIRN_SEGMENT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    struct dump_segment *segment = calloc(1, sizeof *segment);
    if (header == MAP_FAILED || !segment) {
        free(segment);
        return NULL;
    }
    header->magic = CAIRN_SEGMENT_MAGIC;
    header->version = CAIRN_WIRE_VERSION;
    header->ring_count = CAIRN_RINGS_PER_SEGMENT;
    header->ring_bytes = CAIRN_RING_BYTES;
    header->process = process->number;
    header->clock_base = dump->clock_base;
    header->clock_kind = dump->clock_kind;
    header->max_depth = 256;
    header->options = dump->options;
    header->segment_index = process->segments++;
    atomic_store(&header->collector_alive, (uint32_t)syscall(SYS_gettid));
    segment->header = header;
    segment->process = process;
    segment->next = dump->segments;
    dump->segments = segment;
    *fd_made = fd;
    return segment;
}

static void send_answer(int connection, int32_t status, uint32_t process, int fd)
{
    struct cairn_session_answer answer = {
        .magic = CAIRN_SESSION_MAGIC, .version = CAIRN_WIRE_VERSION, .status = status, .process = process};
    struct iovec part = {.iov_base = &answer, .iov_len = sizeof answer};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    }
    sendmsg(connection, &message, MSG_NOSIGNAL);
}

static void serve(struct dump *dump, int connection)
{
    struct cairn_session_request request;
    struct pollfd wait = {.fd = connection, .events = POLLIN};
    poll(&wait, 1, 1000);
    if (recv(connection, &request, sizeof request, 0) != (ssize_t)sizeof request) {
        return;
    }
    struct dump_process *process = request.verb == CAIRN_SESSION_HELLO
                                       ? dump_process_new(dump, &request)
                                       : dump_process_find(dump, request.process);
    int fd = -1;
    if (process && make_segment(dump, process, &fd)) {
        send_answer(connection, 0, process->number, fd);
    } else {
        send_answer(connection, 1, 0, -1);
    }
    if (fd >= 0) {
        close(fd);
    }
}

static void serve_all(struct dump *dump)
{
    for (;;) {
        const int connection = accept4(dump->listener, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0) {
            return;
        }
        serve(dump, connection);
        close(connection);
    }
}

static void start_program(struct dump *dump, char **argv)
{
    char preload[4096];
    snprintf(preload, sizeof preload, "%s%s%s", dump->agent, dump->preload ? ":" : "",
             dump->preload ? dump->preload : "");
    dump->child = fork();
    if (dump->child == 0) {
        signal(SIGINT, SIG_DFL);
        setenv("LD_PRELOAD", preload, 1);
        setenv(CAIRN_SESSION_VARIABLE, dump->socket_path, 1);
        execvp(argv[0], argv);
        fprintf(stderr, "ring_dump: %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
}

/* As the kernel does for a collector that was killed: the word says so, and nobody drains any more. */
static void vanish(struct dump *dump)
{
    for (struct dump_segment *segment = dump->segments; segment; segment = segment->next) {
        atomic_store(&segment->header->collector_alive, 0x40000000u);
    }
    close(dump->listener);
    dump->listener = -1;
    dump->vanished = true;
}

static void stop_recording(struct dump *dump)
{
    for (struct dump_segment *segment = dump->segments; segment; segment = segment->next) {
        atomic_fetch_or(&segment->header->control, CAIRN_CONTROL_STOP);
    }
    dump->stop_after_ms = 0;
}

static bool living(const struct dump *dump)
{
    for (const struct dump_process *process = dump->processes; process; process = process->next) {
        if (kill(process->pid, 0) == 0 && process->pid != dump->child) {
            return true;
        }
    }
    return false;
}

static void follow(struct dump *dump)
{
    const uint64_t began_ns = dump_now_ns();
    bool ended = false;
    int status = 0;
    uint64_t orphans_until_ns = 0;
    while (!ended || (living(dump) && dump_now_ns() < orphans_until_ns)) {
        int one;
        for (pid_t pid; (pid = waitpid(-1, &one, WNOHANG | __WALL)) > 0;) { /* orphans come to us, too */
            if (pid == dump->child) {
                ended = true;
                status = one;
                orphans_until_ns = dump_now_ns() + 10000000000u;
            }
        }
        const uint64_t passed_ms = (dump_now_ns() - began_ns) / 1000000;
        if (dump->kill_after_ms && passed_ms >= dump->kill_after_ms) {
            kill(dump->child, SIGKILL);
            dump->kill_after_ms = 0;
        }
        if (dump->die_after_ms && passed_ms >= dump->die_after_ms && !dump->vanished) {
            vanish(dump);
        }
        if (dump->stop_after_ms && passed_ms >= dump->stop_after_ms) {
            stop_recording(dump);
        }
        if (dump->vanished) {
            usleep(1000);
            continue;
        }
        struct pollfd wait = {.fd = dump->listener, .events = POLLIN};
        struct timespec pause = {.tv_nsec = 200000};
        ppoll(&wait, 1, &pause, NULL);
        serve_all(dump);
        if (dump->slow_us) {
            usleep(dump->slow_us);
        }
        dump_drain(dump);
    }
    if (!dump->vanished) {
        serve_all(dump);
        dump_drain(dump);
    }
    dump->status = status;
}

static bool parse(struct dump *dump, int argc, char **argv, int *first)
{
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0 && argv[i][2]; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--no-follow") == 0) {
            dump->options &= ~(uint32_t)CAIRN_OPTION_FOLLOW;
        } else if (strcmp(argv[i], "--monotonic") == 0) {
            dump->clock_kind = CAIRN_CLOCK_MONOTONIC;
        } else if (strcmp(argv[i], "--discard") == 0) {
            dump->discard = true;
        } else if (strcmp(argv[i], "--quiet") == 0) {
            dump->quiet = true;
        } else if (strcmp(argv[i], "--agent") == 0) {
            dump->agent = value, i++;
        } else if (strcmp(argv[i], "--preload") == 0) {
            dump->preload = value, i++;
        } else if (strcmp(argv[i], "--ledger") == 0) {
            dump->ledger = value, i++;
        } else if (strcmp(argv[i], "--ledgers") == 0) {
            dump->ledger_folder = value, i++;
        } else if (strcmp(argv[i], "--slow") == 0) {
            dump->slow_us = (uint32_t)atoi(value), i++;
        } else if (strcmp(argv[i], "--die-after") == 0) {
            dump->die_after_ms = (uint64_t)atoi(value), i++;
        } else if (strcmp(argv[i], "--kill-after") == 0) {
            dump->kill_after_ms = (uint64_t)atoi(value), i++;
        } else if (strcmp(argv[i], "--stop-after") == 0) {
            dump->stop_after_ms = (uint64_t)atoi(value), i++;
        } else {
            return false;
        }
    }
    *first = i < argc && strcmp(argv[i], "--") == 0 ? i + 1 : i;
    return *first < argc && dump->agent;
}

int main(int argc, char **argv)
{
    struct dump dump = {.options = CAIRN_OPTION_FOLLOW, .clock_kind = CAIRN_CLOCK_TSC, .listener = -1};
    int first = 0;
    if (!parse(&dump, argc, argv, &first)) {
        fputs("ring_dump: usage: ring_dump --agent PATH [OPTIONS] [--] PROGRAM [ARGUMENT…]\n", stderr);
        return 2;
    }
    dump.clock_base = dump.clock_kind == CAIRN_CLOCK_TSC ? __builtin_ia32_rdtsc() : dump_now_ns();
    dump.listener = make_socket(&dump);
    if (dump.listener < 0) {
        perror("ring_dump: socket");
        return 2;
    }
    signal(SIGINT, SIG_IGN);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    start_program(&dump, argv + first);
    follow(&dump);
    unlink(dump.socket_path);
    rmdir(dump.folder);
    const bool sound = dump_report(&dump);
    dump_release(&dump);
    return sound ? 0 : 1;
}
