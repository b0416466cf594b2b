/* A recording that still runs, one that ends while it is watched, and one whose recorder was killed. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cairn/trace.h"
#include "random_events.h"

#define NOBODY 65534u

static char folder[] = "/tmp/cairn-reader-live-XXXXXX";
static char path[96];
static struct random_events stream;

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/live.cairn", folder);
    random_events_make(&stream, 8, 3000);
    return 0;
}

static void remove_trace(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char name[128];
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

static int remove_folder(void **state)
{
    (void)state;
    remove_trace();
    random_events_free(&stream);
    return rmdir(folder);
}

static bool exists(const char *suffix)
{
    char name[128];
    struct stat file;
    snprintf(name, sizeof(name), "%s%s", path, suffix);
    return stat(name, &file) == 0;
}

/* A recording with its processes and accounts and the first `count` events. */
static void start(struct trace_maker *maker, size_t count)
{
    const struct random_events part = {
        .events = stream.events, .count = count, .processes = stream.processes, .accounts = stream.accounts};
    struct random_events copy = part;
    memcpy(copy.account_process, stream.account_process, sizeof(copy.account_process));
    memcpy(copy.account_domain, stream.account_domain, sizeof(copy.account_domain));
    maker_open(maker, path, 256, 3);
    random_events_record(&copy, maker);
}

static void go_on(struct trace_maker *maker, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct cairn_event event = stream.events[maker_next(maker)];
        event.old_size = event.kind == CAIRN_EVENT_ADOPT ? 0 : event.old_size;
        maker_event(maker, &event);
    }
}

static struct cairn_trace *open_trace(void)
{
    struct cairn_trace *trace;
    struct cairn_error error;
    if (cairn_trace_open(path, NULL, &trace, &error) != CAIRN_OK) {
        fail_msg("%s", error.message);
    }
    return trace;
}

/* State, survivors and peaks at the newest position and before equal a replay's. */
static void check_moments(struct cairn_trace *trace, uint64_t events)
{
    const uint64_t positions[] = {events, events - 1, events / 2, events / 3, 1};
    struct cairn_error error;
    assert_int_equal(cairn_trace_recording(trace)->events, events);
    for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++) {
        const struct cairn_state *state;
        struct cairn_totals *survived, expected[256] = {{0}};
        struct model model;
        uint64_t position;
        int64_t bytes;
        size_t count;
        model_init(&model, &stream);
        for (uint64_t k = 0; k < positions[i]; k++) {
            model_apply(&model, k);
        }
        if (cairn_trace_state(trace, positions[i], &state, &error) != CAIRN_OK) {
            fail_msg("%s", error.message);
        }
        assert_memory_equal(state->totals, model.totals, state->count * sizeof(state->totals[0]));
        cairn_state_release(trace, state);
        for (size_t k = 0; k < model.block_count; k++) {
            if (model.blocks[k].origin >= positions[i] / 2) {
                expected[model.blocks[k].account - 1].live_bytes += (int64_t)model.blocks[k].size;
                expected[model.blocks[k].account - 1].live_blocks++;
            }
        }
        assert_int_equal(
            cairn_trace_survived(trace, positions[i] / 2, positions[i], &survived, &count, &error), CAIRN_OK);
        assert_memory_equal(survived, expected, count * sizeof(expected[0]));
        free(survived);
        for (uint32_t process = 0; process <= stream.processes; process++) {
            assert_int_equal(cairn_trace_peak_between(trace, process, positions[i], positions[i], &position,
                                                      &bytes, &error),
                             CAIRN_OK);
            assert_int_equal(bytes, model_heap(&model, process));
            assert_int_equal(
                cairn_trace_peak_between(trace, process, 0, positions[i], &position, &bytes, &error),
                CAIRN_OK);
            assert_true(bytes >= model_heap(&model, process) && position <= positions[i]);
        }
        model_release(&model);
    }
}

static bool refresh(struct cairn_trace *trace)
{
    struct cairn_error error;
    bool changed;
    if (cairn_trace_refresh(trace, &changed, &error) != CAIRN_OK) {
        fail_msg("%s", error.message);
    }
    return changed;
}

static void test_recording_grows(void **state)
{
    struct trace_maker maker;
    (void)state;
    start(&maker, 700);
    maker_commit(&maker);
    struct cairn_trace *trace = open_trace();
    assert_true(cairn_trace_is_live(trace));
    assert_false(cairn_trace_recording(trace)->complete);
    check_moments(trace, 700);
    assert_false(refresh(trace));
    for (uint64_t events = 750; events <= 1500; events += 50) {
        go_on(&maker, 50);
        /* What was read before stays as it was, whatever the writer does to the last chunk. */
        maker_commit(&maker);
        check_moments(trace, events - 50);
        assert_true(refresh(trace));
        check_moments(trace, events);
        assert_false(refresh(trace));
    }
    maker_close(&maker);
    assert_false(exists("-wal"));
    check_moments(trace, 1500);
    assert_true(refresh(trace));
    assert_false(cairn_trace_is_live(trace));
    assert_true(cairn_trace_recording(trace)->complete);
    check_moments(trace, 1500);
    assert_false(refresh(trace));
    cairn_trace_close(trace);
    assert_false(exists("-wal") || exists("-shm"));
    remove_trace();
}

static void test_states_outlive_a_refresh(void **unused)
{
    struct trace_maker maker;
    const struct cairn_state *state;
    struct model model;
    (void)unused;
    start(&maker, 600);
    maker_commit(&maker);
    struct cairn_trace *trace = open_trace();
    assert_int_equal(cairn_trace_state(trace, 555, &state, NULL), CAIRN_OK);
    go_on(&maker, 100);
    maker_close(&maker);
    assert_true(refresh(trace));
    model_init(&model, &stream);
    for (uint64_t i = 0; i < 555; i++) {
        model_apply(&model, i);
    }
    assert_memory_equal(state->totals, model.totals, state->count * sizeof(state->totals[0]));
    model_release(&model);
    cairn_state_release(trace, state);
    cairn_trace_close(trace);
    remove_trace();
}

/* A writer of another process, whose end a watcher must not hold up. */
static void test_end_while_watched(void **state)
{
    int ready[2];
    char byte = 0;
    (void)state;
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        struct trace_maker maker;
        start(&maker, 500);
        maker_commit(&maker);
        (void)!write(ready[1], "r", 1);
        for (int i = 0; i < 40; i++) {
            go_on(&maker, 20);
            maker_commit(&maker);
            nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        }
        maker_close(&maker);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    struct cairn_trace *trace = open_trace();
    int refreshes = 0, status;
    while (cairn_trace_is_live(trace) && refreshes++ < 10000) {
        if (refresh(trace)) {
            check_moments(trace, (uint64_t)cairn_trace_recording(trace)->events);
        }
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(cairn_trace_recording(trace)->complete);
    check_moments(trace, 1300);
    cairn_trace_close(trace);
    assert_false(exists("-wal") || exists("-shm"));
    close(ready[0]);
    close(ready[1]);
    remove_trace();
}

/* Opened when the last row is there but the trace is not yet one file: the reader must not keep it from becoming one. */
static void test_opened_just_before_the_end(void **state)
{
    struct trace_maker maker;
    (void)state;
    start(&maker, 500);
    maker.recording.complete = true;
    maker_commit(&maker);
    struct cairn_trace *trace = open_trace();
    assert_true(cairn_trace_recording(trace)->complete);
    maker_close(&maker);
    assert_false(exists("-wal") || exists("-shm"));
    assert_true(refresh(trace));
    assert_false(cairn_trace_is_live(trace));
    check_moments(trace, 500);
    cairn_trace_close(trace);
    remove_trace();
}

/* Leaves what a killed recorder leaves: `committed` events, and more that were not. */
static void record_and_die(size_t committed)
{
    int status;
    const pid_t child = fork();
    if (child == 0) {
        struct trace_maker maker;
        start(&maker, committed);
        maker_commit(&maker);
        go_on(&maker, 300);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_true(exists("-wal"));
}

static void test_killed_recorder(void **state)
{
    (void)state;
    record_and_die(800);
    struct cairn_trace *trace = open_trace();
    assert_false(cairn_trace_is_live(trace));
    assert_false(cairn_trace_recording(trace)->complete);
    assert_null(cairn_trace_recording(trace)->stopped_why);
    check_moments(trace, 800);
    assert_false(refresh(trace));
    cairn_trace_close(trace);
    /* The reader put nothing in and took nothing away. */
    assert_true(exists("-wal"));
    trace = open_trace();
    check_moments(trace, 800);
    cairn_trace_close(trace);
    remove_trace();
}

static void test_killed_while_watched(void **state)
{
    int ready[2], status;
    char byte;
    (void)state;
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        struct trace_maker maker;
        start(&maker, 400);
        maker_commit(&maker);
        (void)!write(ready[1], "r", 1);
        pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    struct cairn_trace *trace = open_trace();
    assert_true(cairn_trace_is_live(trace));
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(refresh(trace));
    assert_false(cairn_trace_is_live(trace));
    check_moments(trace, 400);
    cairn_trace_close(trace);
    close(ready[0]);
    close(ready[1]);
    remove_trace();
}

/* Opens the trace as somebody who may not write there; returns 0 when every answer was right. */
static int read_as_nobody(void)
{
    struct cairn_trace *trace;
    struct cairn_error error;
    const struct cairn_state *state;
    if (getuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)) {
        return 1;
    }
    if (cairn_trace_open(path, NULL, &trace, &error) != CAIRN_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 2;
    }
    const bool right = cairn_trace_recording(trace)->events == 800 && !cairn_trace_is_live(trace) &&
                       cairn_trace_state(trace, 800, &state, &error) == CAIRN_OK;
    if (right) {
        cairn_state_release(trace, state);
    }
    cairn_trace_close(trace);
    return right ? 0 : 3;
}

static void check_as_nobody(void)
{
    int status;
    const pid_t child = fork();
    if (child == 0) {
        _exit(read_as_nobody());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_killed_recorder_in_a_folder_of_somebody_else(void **state)
{
    char name[128];
    (void)state;
    record_and_die(800);
    assert_int_equal(chmod(path, 0444), 0);
    snprintf(name, sizeof(name), "%s-wal", path);
    assert_int_equal(chmod(name, 0444), 0);
    snprintf(name, sizeof(name), "%s-shm", path);
    assert_int_equal(chmod(name, 0444), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    check_as_nobody();
    /* And when only the two files were copied there. */
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    check_as_nobody();
    assert_int_equal(chmod(folder, 0755), 0);
    remove_trace();
}

static void test_recording_that_has_only_begun(void **state)
{
    struct cairn_writer *writer;
    struct cairn_trace *trace;
    struct cairn_error error;
    (void)state;
    assert_int_equal(cairn_writer_create(path, false, &writer, &error), CAIRN_OK);
    assert_int_equal(cairn_trace_open(path, NULL, &trace, &error), CAIRN_E_BUSY);
    assert_non_null(strstr(error.message, "try again"));
    cairn_writer_discard(writer);
    assert_int_equal(cairn_trace_open(path, NULL, &trace, &error), CAIRN_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recording_grows),
        cmocka_unit_test(test_states_outlive_a_refresh),
        cmocka_unit_test(test_end_while_watched),
        cmocka_unit_test(test_opened_just_before_the_end),
        cmocka_unit_test(test_killed_recorder),
        cmocka_unit_test(test_killed_while_watched),
        cmocka_unit_test(test_killed_recorder_in_a_folder_of_somebody_else),
        cmocka_unit_test(test_recording_that_has_only_begun),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
