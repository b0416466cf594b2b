#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "trace_maker.h"
#include "view/worker.h"

static char path[] = "/tmp/cairn-worker-XXXXXX";
static struct cairn_worker *worker;

/* What jobs did, in order; the first one waits at the gate. */
static atomic_bool gate;
static atomic_int released;
static char ran[64];
static atomic_int ran_count;

struct letter_job {
    struct cairn_job job;
    char letter;
};

static enum cairn_status run_letter(struct cairn_job *job, struct cairn_reader *reader)
{
    assert_non_null(cairn_reader_trace(reader));
    ran[ran_count++] = ((struct letter_job *)job)->letter;
    return CAIRN_OK;
}

static enum cairn_status run_gate(struct cairn_job *job, struct cairn_reader *reader)
{
    run_letter(job, reader);
    while (!gate)
        usleep(1000);
    return CAIRN_OK;
}

/* Until it is told to stop, or the gate opens. */
static enum cairn_status run_patient(struct cairn_job *job, struct cairn_reader *reader)
{
    run_letter(job, reader);
    while (!gate) {
        if (cairn_trace_cancelled(cairn_reader_trace(reader)))
            return CAIRN_E_CANCELLED;
        usleep(1000);
    }
    return CAIRN_OK;
}

static void release_letter(struct cairn_job *job)
{
    released++;
    free(job);
}

static const struct cairn_job_class GATE = {.rank = 0, .run = run_gate, .release = release_letter};
static const struct cairn_job_class PATIENT = {
    .rank = 1, .again = true, .run = run_patient, .release = release_letter};
static const struct cairn_job_class EARLY = {.rank = 1, .run = run_letter, .release = release_letter};
static const struct cairn_job_class LATE = {.rank = 5, .run = run_letter, .release = release_letter};

static void post(const struct cairn_job_class *class, char letter, uint64_t owner, unsigned slot)
{
    struct letter_job *job = calloc(1, sizeof(*job));
    job->job.class = class;
    job->job.owner = owner;
    job->job.slot = slot;
    job->letter = letter;
    cairn_worker_post(worker, &job->job);
}

/* Letters of finished jobs in the order in which they come back. */
static void collect(char *letters, size_t wanted)
{
    size_t count = 0;
    while (count < wanted) {
        struct pollfd descriptor = {.fd = cairn_worker_descriptor(worker), .events = POLLIN};
        assert_true(poll(&descriptor, 1, 20000) > 0);
        for (struct cairn_job *job; (job = cairn_worker_take(worker)) != NULL;) {
            letters[count++] = ((struct letter_job *)job)->letter;
            job->class->release(job);
        }
    }
    letters[count] = '\0';
}

static void wait_until_running(int count)
{
    while (ran_count < count)
        usleep(1000);
}

static int setup(void **state)
{
    (void)state;
    struct trace_maker maker;
    const int descriptor = mkstemp(path);
    close(descriptor);
    maker_open(&maker, path, 64, 4);
    maker_process(&maker, 0);
    maker_close(&maker);
    return 0;
}

static int start(void **state)
{
    (void)state;
    struct cairn_error error;
    gate = false;
    released = ran_count = 0;
    return cairn_worker_start(&(struct cairn_reader_options){.path = path}, &worker, &error);
}

static int stop(void **state)
{
    (void)state;
    gate = true;
    cairn_worker_stop(worker);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static void test_only_the_newest_question_counts(void **state)
{
    (void)state;
    char letters[16];
    int64_t since;
    post(&GATE, 'g', 1, 1);
    wait_until_running(1);
    assert_true(cairn_worker_busy(worker, &since));
    assert_true(since > 0);
    post(&LATE, 'z', 1, 9);
    post(&EARLY, 'a', 1, 2);
    post(&EARLY, 'b', 1, 2);
    post(&EARLY, 'c', 2, 2);
    assert_int_equal(released, 1);
    gate = true;
    collect(letters, 4);
    /* Lower ranks first, whoever came earlier. */
    assert_string_equal(letters, "gbcz");
    assert_int_equal(released, 5);
    assert_false(cairn_worker_busy(worker, &since));
}

static void test_cancelling_drops_what_waits(void **state)
{
    (void)state;
    char letters[16];
    assert_false(cairn_worker_cancel(worker));
    post(&GATE, 'g', 1, 1);
    wait_until_running(1);
    post(&EARLY, 'a', 1, 2);
    assert_true(cairn_worker_cancel(worker));
    assert_int_equal(released, 1);
    gate = true;
    collect(letters, 1);
    assert_string_equal(letters, "g");
}

static void test_an_owner_is_forgotten(void **state)
{
    (void)state;
    char letters[16];
    post(&GATE, 'g', 1, 1);
    wait_until_running(1);
    post(&EARLY, 'a', 1, 2);
    post(&EARLY, 'b', 2, 2);
    cairn_worker_forget(worker, 1);
    assert_int_equal(released, 1);
    gate = true;
    collect(letters, 2);
    assert_string_equal(letters, "gb");
}

static void test_the_shown_screen_comes_first(void **state)
{
    (void)state;
    char letters[8];
    post(&GATE, 'g', 2, 1);
    wait_until_running(1);
    post(&EARLY, 'a', 2, 2);
    post(&EARLY, 'b', 3, 1);
    post(&LATE, 'c', 4, 1);
    post(&LATE, 'd', CAIRN_WORKER_COMMON, 1);
    cairn_worker_prefer(worker, 4);
    gate = true;
    collect(letters, 5);
    assert_string_equal(letters, "gcdab");
}

/* One that takes long gives way, and is run again from its beginning. */
static void test_what_runs_steps_back(void **state)
{
    (void)state;
    char letters[8];
    cairn_worker_prefer(worker, 2);
    post(&PATIENT, 'p', 2, 1);
    wait_until_running(1);
    post(&EARLY, 'o', 3, 1);
    cairn_worker_prefer(worker, 4);
    post(&EARLY, 'e', 4, 1);
    collect(letters, 2);
    assert_string_equal(letters, "eo");
    gate = true;
    collect(letters, 1);
    assert_string_equal(letters, "p");
    assert_int_equal(ran_count, 4);
}

static void test_stopping_releases_everything(void **state)
{
    (void)state;
    post(&EARLY, 'a', 1, 1);
    wait_until_running(1);
    for (unsigned i = 0; i < 10; i++)
        post(&LATE, 'b', 1, 2 + i);
    cairn_worker_stop(worker);
    worker = NULL;
    assert_int_equal(released, 11);
}

static void test_no_trace_no_worker(void **state)
{
    (void)state;
    struct cairn_error error;
    struct cairn_worker *none = NULL;
    assert_int_not_equal(
        cairn_worker_start(&(struct cairn_reader_options){.path = "/nowhere.cairn"}, &none, &error),
        CAIRN_OK);
    assert_null(none);
    assert_non_null(strstr(error.message, "/nowhere.cairn"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_only_the_newest_question_counts), TEST(test_cancelling_drops_what_waits),
        TEST(test_an_owner_is_forgotten),           TEST(test_stopping_releases_everything),
        TEST(test_the_shown_screen_comes_first),    TEST(test_what_runs_steps_back),
        cmocka_unit_test(test_no_trace_no_worker),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
