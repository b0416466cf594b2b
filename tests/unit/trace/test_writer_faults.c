/* The writer when writes fail, memory runs out, or the disk is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "fault.h"
#include "fault_vfs.h"
#include "writer_fixture.h"

#define NOTES 4

static int make_faulty_folder(void **state)
{
    fault_vfs_register();
    return fixture_make_folder(state);
}

/* A recording under faults. Returns how many notes were promised to be kept, −1 when there was no file to begin with. */
static int record_under_faults(enum cairn_status *status)
{
    struct cairn_writer *writer = NULL;
    *status = cairn_writer_create(fixture_path, false, &writer, &fixture_error);
    if (*status != CAIRN_OK) {
        return -1;
    }
    int kept = 0;
    put_recording(writer, false);
    for (int i = 0; i < NOTES && *status == CAIRN_OK; i++) {
        char blob[6000];
        memset(blob, i, sizeof blob);
        cairn_writer_chunk(writer, &(struct cairn_chunk){.chunk = (uint32_t)i}, blob, sizeof blob, "y", 1);
        cairn_writer_note(writer, 0, i, "note");
        *status = cairn_writer_commit(writer, &fixture_error);
        kept += *status == CAIRN_OK;
        if (i % 2) {
            cairn_writer_checkpoint(writer);
        }
    }
    put_recording(writer, true);
    const enum cairn_status closed = cairn_writer_close(writer, &fixture_error);
    assert_true(*status == CAIRN_OK || closed == *status);
    *status = closed;
    return kept;
}

static void check_after_faults(int kept, enum cairn_status status, bool for_ever)
{
    if (kept < 0) {
        assert_int_equal(count_files(), 0);
        return;
    }
    sqlite3 *db;
    assert_int_equal(sqlite3_open_v2(fixture_path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_string_equal(ask_text(db, "PRAGMA integrity_check"), "ok");
    assert_true(ask(db, "SELECT count(*) FROM note") >= kept);
    if (status == CAIRN_OK) {
        assert_int_equal(ask(db, "SELECT complete FROM recording"), 1);
    } else if (kept > 0 && !for_ever && kept < NOTES) {
        assert_int_equal(ask(db, "SELECT complete = 0 AND stopped_why IS NOT NULL FROM recording"), 1);
        assert_string_equal(ask_text(db, "PRAGMA journal_mode"), "delete");
    }
    sqlite3_close(db);
}

static void test_every_write_may_fail(void **state)
{
    (void)state;
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        bool failed = true;
        for (unsigned long at = 1; failed; at++) {
            fixture_fresh(NULL);
            enum cairn_status status;
            fault_vfs_arm(at, for_ever);
            const int kept = record_under_faults(&status);
            failed = fault_vfs_happened();
            if (status != CAIRN_OK) {
                assert_int_equal(status, CAIRN_E_IO);
                assert_non_null(strstr(fixture_error.message, fixture_path));
            }
            assert_true(failed || status == CAIRN_OK);
            check_after_faults(kept, status, for_ever);
        }
    }
}

/* The disk is waited for at the end: once where nothing was on it before; else for the log, too, so that what was durable stays so. Behind
 * that only the header and `closing` are written, two pages at two moments. */
static void test_the_end_is_durable(void **state)
{
    (void)state;
    for (int checkpoints = 0; checkpoints < 2; checkpoints++) {
        unsigned behind;
        fixture_fresh(NULL);
        (void)fault_vfs_syncs(&behind);
        struct cairn_writer *writer = create();
        put_recording(writer, false);
        commit(writer);
        if (checkpoints) {
            cairn_writer_checkpoint(writer);
        }
        put_recording(writer, true);
        commit(writer);
        const unsigned before = fault_vfs_syncs(&behind);
        assert_true(checkpoints ? before >= 2 : before == 0);
        close_well(writer);
        assert_int_equal(fault_vfs_syncs(&behind), checkpoints ? 2 : 1);
        assert_true(behind <= 4);
    }
}

static void test_out_of_memory(void **state)
{
    (void)state;
    bool failed = true;
    for (unsigned long at = 1; failed; at++) {
        fixture_fresh(NULL);
        struct cairn_writer *writer = NULL;
        fault_allocation(at);
        const enum cairn_status status = cairn_writer_create(fixture_path, false, &writer, &fixture_error);
        failed = fault_happened();
        assert_int_equal(status, failed ? CAIRN_E_NOMEM : CAIRN_OK);
        if (failed) {
            assert_int_equal(count_files(), 0);
        } else {
            cairn_writer_discard(writer);
        }
    }
}

/* What was put since the last commit goes: the rest of it will not come. */
static void test_rows_whose_rest_does_not_come(void **state)
{
    (void)state;
    fixture_fresh(NULL);
    struct cairn_writer *writer = create();
    put_recording(writer, false);
    commit(writer);
    cairn_writer_note(writer, 0, 1, "half of something");
    const struct cairn_error lack = {.status = CAIRN_E_NOMEM, .message = "no memory"};
    cairn_writer_fail(writer, &lack);
    assert_int_equal(cairn_writer_close(writer, &fixture_error), CAIRN_E_NOMEM);
    assert_string_equal(fixture_error.message, "no memory");
    sqlite3 *db = open_plain();
    assert_string_equal(ask_text(db, "SELECT complete || stopped_why FROM recording"), "0out of memory");
    assert_string_equal(ask_text(db, "SELECT count(*) FROM note"), "0");
    sqlite3_close(db);
}

static void test_a_full_disk(void **state)
{
    (void)state;
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("cairn-test", fixture_folder, "tmpfs", 0, "size=4m,mode=0700") != 0) {
        print_message("skipped: mounting a small file system is not permitted here\n");
        skip();
    }
    struct cairn_writer *writer = create();
    put_recording(writer, false);
    commit(writer);
    static char blob[100000];
    int kept = 0;
    enum cairn_status status = CAIRN_OK;
    for (uint32_t i = 0; status == CAIRN_OK; i++) {
        assert_true(i < 1000);
        for (size_t k = 0; k < sizeof blob; k += sizeof(int)) {
            *(int *)(void *)(blob + k) = rand();
        }
        cairn_writer_chunk(writer, &(struct cairn_chunk){.chunk = i}, blob, sizeof blob, "y", 1);
        status = cairn_writer_commit(writer, &fixture_error);
        kept += status == CAIRN_OK;
        if (i % 5 == 4) {
            cairn_writer_checkpoint(writer);
        }
    }
    assert_int_equal(status, CAIRN_E_IO);
    assert_non_null(strstr(fixture_error.message, "the disk is full"));
    assert_true(kept > 5);
    assert_int_equal(cairn_writer_commit(writer, NULL), CAIRN_E_IO);
    assert_int_equal(cairn_writer_close(writer, &fixture_error), CAIRN_E_IO);
    assert_non_null(strstr(fixture_error.message, "the disk is full"));
    assert_int_equal(count_files(), 1);
    sqlite3 *db = open_plain();
    assert_string_equal(ask_text(db, "PRAGMA integrity_check"), "ok");
    assert_true(ask(db, "SELECT count(*) FROM event_chunk") >= kept);
    assert_string_equal(ask_text(db, "SELECT complete || stopped_why FROM recording"), "0disk full");
    sqlite3_close(db);
    assert_int_equal(umount(fixture_folder), 0);
}

/* The log reaches a limit on files' sizes between two checkpoints, where the file itself has room yet: nothing of what was
 * committed may stay in the log alone, nor the file go on saying that it has one. */
static void record_below(rlim_t limit)
{
    struct rlimit was;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    struct cairn_writer *writer = create();
    put_recording(writer, false);
    commit(writer);
    void (*const handled)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = limit, .rlim_max = was.rlim_max}),
                     0);
    static char blob[345000]; /* what one commit adds is more than the reserve's margin */
    int kept = 0;
    enum cairn_status status = CAIRN_OK;
    for (uint32_t i = 0; status == CAIRN_OK && i < 1000; i++) {
        cairn_writer_chunk(writer, &(struct cairn_chunk){.chunk = 0}, blob, sizeof blob, "y", 1);
        status = cairn_writer_commit(writer, &fixture_error);
        kept += status == CAIRN_OK;
    }
    const enum cairn_status closed = cairn_writer_close(writer, &fixture_error);
    setrlimit(RLIMIT_FSIZE, &was);
    signal(SIGXFSZ, handled);
    assert_int_equal(status, CAIRN_E_IO);
    assert_int_equal(closed, CAIRN_E_IO);
    assert_true(kept >= 1);
    assert_int_equal(count_files(), 1);
    sqlite3 *db = open_plain();
    assert_string_equal(ask_text(db, "PRAGMA journal_mode"), "delete");
    assert_int_equal(ask(db, "SELECT length(data) FROM event_chunk"), sizeof blob);
    assert_int_equal(ask(db, "SELECT complete = 0 AND stopped_why IS NOT NULL FROM recording"), 1);
    sqlite3_close(db);
}

static void test_a_log_that_may_not_grow(void **state)
{
    (void)state;
    for (rlim_t limit = 1 << 20; limit < (1 << 20) + 40000;
         limit += 1000) { /* what is left for a last word differs */
        fixture_fresh(NULL);
        record_below(limit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_every_write_may_fail, fixture_fresh),
        cmocka_unit_test_setup(test_the_end_is_durable, fixture_fresh),
        cmocka_unit_test_setup(test_out_of_memory, fixture_fresh),
        cmocka_unit_test_setup(test_rows_whose_rest_does_not_come, fixture_fresh),
        cmocka_unit_test_setup(test_a_full_disk, fixture_fresh),
        cmocka_unit_test_setup(test_a_log_that_may_not_grow, fixture_fresh),
    };
    return cmocka_run_group_tests(tests, make_faulty_folder, fixture_remove_folder);
}
