/* Threads that end: what the C library frees behind their own end is still theirs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rig.h"

#define THREADS 600 /* that end while the first one waits for a processor */

static void last_frees_come_late(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_process process = {.pid = 0};
    struct rig_writer writer;
    rig_start(&rig);
    rig_hello(&rig, &process, NULL, 0);
    for (int32_t tid = 1; tid <= THREADS; tid++) {
        rig_writer_open(&writer, &rig, &process, tid);
        rig_alloc(&writer, &rig, 0, (uint64_t)tid * 64, 48);
        rig_writer_close(&writer, &rig);
        rig_drain_until(&rig, (uint64_t)tid);
    }
    rig_drain_for(&rig, 5000000); /* the last one's ring is free again */
    rig_writer_visit(&writer, &rig, &process, 1);
    rig_free(&writer, &rig, 64);
    rig_end(&rig, &process);
    rig_finish(&rig);
    assert_int_equal(rig.event_count, THREADS + 1);
    assert_int_equal(rig.threads, 2 * THREADS); /* each begins and ends */
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_frees_come_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
