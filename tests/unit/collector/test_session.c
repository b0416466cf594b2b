/* The session's socket and segments: who may talk to it, what it makes of nonsense, and how an agent learns that its recorder
 * is gone. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/clock.h"
#include "collector/segment.h"
#include "collector/session.h"

static int connect_to(const struct cairn_session *session)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, session->path, sizeof session->path);
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static int accept_one(const struct cairn_session *session)
{
    const int fd = cairn_session_accept(session);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    return fd;
}

static void open_in(struct cairn_session *session, const char *runtime)
{
    setenv("XDG_RUNTIME_DIR", runtime, 1);
    assert_int_equal(cairn_session_open(session, NULL), CAIRN_OK);
}

static void only_its_user_can_reach_it(void **state)
{
    (void)state;
    char runtime[] = "/tmp/cairn-test-XXXXXX";
    assert_non_null(mkdtemp(runtime));
    struct cairn_session session;
    struct stat status;
    open_in(&session, runtime);
    assert_int_equal(strncmp(session.path, runtime, strlen(runtime)), 0);
    assert_int_equal(stat(session.folder, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(stat(session.path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    const char *folder = strdup(session.folder);
    cairn_session_close(&session);
    assert_int_not_equal(stat(folder, &status), 0);

    /* A runtime folder that others can write to is not used. */
    assert_int_equal(chmod(runtime, 0777), 0);
    open_in(&session, runtime);
    assert_int_equal(strncmp(session.path, "/tmp/cairn-", 11), 0);
    assert_int_not_equal(strncmp(session.path, runtime, strlen(runtime)), 0);
    cairn_session_close(&session);
    rmdir(runtime);
    free((char *)(uintptr_t)folder);
}

/* So that nobody waits for an answer that cannot come. */
static void who_finds_no_descriptor_is_turned_away(void **state)
{
    (void)state;
    struct cairn_session session;
    struct rlimit limit, none;
    open_in(&session, "");
    const int client = connect_to(&session);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = (rlim_t)client + 1; /* the lowest that was free */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(cairn_session_accept(&session), -1);
    assert_int_equal(errno, EMFILE);
    assert_true(cairn_session_turn_away(&session));
    assert_false(cairn_session_turn_away(&session));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    char byte;
    assert_int_equal(recv(client, &byte, 1, MSG_DONTWAIT), 0); /* it was ended, and hears of it */
    close(client);

    const int another = connect_to(&session);
    close(accept_one(&session));
    close(another);
    cairn_session_close(&session);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    struct cairn_session session;
    struct cairn_session_call call;
    open_in(&session, "");
    assert_true(cairn_session_accept(&session) < 0); /* nobody there: does not wait */

    int client = connect_to(&session), server = accept_one(&session);
    assert_int_equal(cairn_session_read(server, &call), CAIRN_SESSION_READ_LATER);
    assert_int_equal(send(client, "x", 1, 0), 1);
    assert_int_equal(cairn_session_read(server, &call), CAIRN_SESSION_READ_REFUSED);
    struct cairn_session_request request = {.magic = 1};
    assert_int_equal(send(client, &request, sizeof request, 0), sizeof request);
    assert_int_equal(cairn_session_read(server, &call), CAIRN_SESSION_READ_REFUSED);
    char longer[sizeof request + 1] = {0};
    request.magic = CAIRN_SESSION_MAGIC;
    memcpy(longer, &request, sizeof request);
    assert_int_equal(send(client, longer, sizeof longer, 0), sizeof longer);
    assert_int_equal(cairn_session_read(server, &call), CAIRN_SESSION_READ_REFUSED);
    close(client);
    assert_int_equal(cairn_session_read(server, &call), CAIRN_SESSION_READ_REFUSED);
    close(server);

    client = connect_to(&session);
    server = accept_one(&session);
    memset(request.name, 'n', sizeof request.name);
    assert_int_equal(send(client, &request, sizeof request, 0), sizeof request);
    assert_int_equal(cairn_session_read(server, &call), CAIRN_SESSION_READ_OK);
    assert_int_equal(call.pid, getpid());
    assert_int_equal(strlen(call.request.name), sizeof request.name - 1);
    assert_true(cairn_session_answer(&call, 2, 77, -1));
    struct cairn_session_answer answer;
    assert_int_equal(recv(client, &answer, sizeof answer, 0), sizeof answer);
    assert_int_equal(answer.status, 2);
    assert_int_equal(answer.process, 77);
    close(client);
    cairn_session_close(&session);
}

/* What an agent sees of the word in its segment when the recorder is killed, and when it ends in peace. */
static void a_dead_recorder_is_told_from_a_living_one(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    const pid_t recorder = fork();
    if (recorder == 0) {
        static struct cairn_robust_words words;
        static struct cairn_segment segments[3];
        if (cairn_robust_words_init(&words, NULL) != CAIRN_OK) {
            _exit(1);
        }
        for (uint32_t i = 0; i < 3; i++) {
            const struct cairn_segment_settings settings = {.process = i + 1, .max_depth = 256};
            if (cairn_segment_open(&segments[i], &settings, &words, NULL) != CAIRN_OK) {
                _exit(2);
            }
            struct cairn_session_call call = {.fd = dup(ends[1])};
            cairn_session_answer(&call, 0, i + 1, segments[i].fd);
        }
        cairn_segment_close(&segments[1], &words);
        char byte;
        (void)!read(ends[1], &byte, 1);
        pause();
    }
    struct cairn_segment_header *headers[3];
    for (uint32_t i = 0; i < 3; i++) {
        struct cairn_session_answer answer;
        struct iovec part = {.iov_base = &answer, .iov_len = sizeof answer};
        char control[CMSG_SPACE(sizeof(int))];
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        assert_int_equal(recvmsg(ends[0], &message, 0), sizeof answer);
        int fd;
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
        headers[i] = mmap(NULL, CAIRN_SEGMENT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_ptr_not_equal(headers[i], MAP_FAILED);
        close(fd);
        assert_int_equal(headers[i]->process, i + 1);
    }
    assert_int_equal(send(ends[0], "x", 1, 0), 1);
    usleep(50000);
    assert_int_equal(atomic_load(&headers[0]->collector_alive), (uint32_t)recorder);
    assert_true(atomic_load(&headers[1]->collector_alive) & FUTEX_OWNER_DIED); /* closed in peace */
    assert_true(atomic_load(&headers[1]->control) & CAIRN_CONTROL_STOP);
    kill(recorder, SIGKILL);
    waitpid(recorder, NULL, 0);
    assert_true(atomic_load(&headers[0]->collector_alive) & FUTEX_OWNER_DIED);
    assert_true(atomic_load(&headers[2]->collector_alive) & FUTEX_OWNER_DIED);
    for (uint32_t i = 0; i < 3; i++) {
        munmap(headers[i], CAIRN_SEGMENT_BYTES);
    }
    close(ends[0]);
    close(ends[1]);
}

/* Calibrations change the rate, never the order: what came later is later. */
static void time_never_goes_back(void **state)
{
    (void)state;
    struct cairn_clock clock;
    cairn_clock_init(&clock);
    cairn_clock_calibrate(&clock);
    int64_t last = 0;
    uint64_t stamp = 0;
    for (int i = 0; i < 200; i++) {
        for (int j = 0; j < 100; j++) {
            const uint64_t now = cairn_clock_stamp(&clock);
            assert_true(now >= stamp);
            stamp = now;
            const int64_t ns = cairn_clock_to_ns(&clock, now);
            assert_true(ns >= last);
            last = ns;
        }
        usleep(500);
        cairn_clock_calibrate(&clock);
    }
    const int64_t off = cairn_clock_to_ns(&clock, cairn_clock_stamp(&clock)) - cairn_clock_elapsed_ns(&clock);
    assert_true(off < 1000000 && off > -1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_its_user_can_reach_it),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(who_finds_no_descriptor_is_turned_away),
        cmocka_unit_test(a_dead_recorder_is_told_from_a_living_one),
        cmocka_unit_test(time_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
