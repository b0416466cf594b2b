/* The one writing connection: what it leaves behind, and how it lives beside readers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "trace/schema.h"
#include "trace/wal_lock.h"
#include "writer_fixture.h"

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))

static mode_t mode_of(const char *suffix)
{
    char name[PATH_MAX];
    struct stat file;
    assert_true(snprintf(name, sizeof name, "%s%s", fixture_path, suffix) < (int)sizeof name);
    assert_int_equal(stat(name, &file), 0);
    return file.st_mode & 07777;
}

static void test_one_plain_file_is_left(void **state)
{
    (void)state;
    for (unsigned mask = 0; mask <= 0777; mask += 0777) {
        fixture_fresh(NULL);
        const mode_t before = umask((mode_t)mask);
        struct cairn_writer *writer = create();
        put_recording(writer, true);
        commit(writer);
        assert_int_equal(mode_of(""), 0600);
        assert_int_equal(mode_of("-wal"), 0600);
        assert_int_equal(mode_of("-shm"), 0600);
        assert_true(cairn_wal_is_locked(fixture_path));
        assert_true(cairn_writer_file_bytes(writer) > 50000);
        close_well(writer);
        umask(before);
        assert_int_equal(count_files(), 1);
        assert_int_equal(mode_of(""), 0600);
        sqlite3 *db = open_plain();
        assert_int_equal(ask(db, "PRAGMA application_id"), CAIRN_APPLICATION_ID);
        assert_int_equal(ask(db, "PRAGMA user_version"), CAIRN_SCHEMA_VERSION);
        assert_string_equal(ask_text(db, "PRAGMA journal_mode"), "delete");
        assert_string_equal(ask_text(db, "PRAGMA integrity_check"), "ok");
        assert_int_equal(ask(db, "SELECT complete * 10 + closing FROM recording"), 10);
        sqlite3_close(db);
    }
}

/* Of a program that does next to nothing: most tables have no row, and are a page each. */
static void test_a_short_recording_is_small(void **state)
{
    struct stat file;
    (void)state;
    struct cairn_writer *writer = create();
    put_recording(writer, true);
    close_well(writer);
    assert_int_equal(ask_file("PRAGMA page_size"), CAIRN_PAGE_BYTES);
    assert_int_equal(stat(fixture_path, &file), 0);
    assert_true(file.st_size < 80000);
}

static void test_names_that_sqlite_would_take_otherwise(void **state)
{
    (void)state;
    static const char *const names[] = {":memory:", "file:x?mode=memory", "a b'c\"d%e"};
    char before[PATH_MAX];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(fixture_folder), 0);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(fixture_path, sizeof fixture_path, "%s", names[i]);
        struct cairn_writer *writer = create(), *second;
        put_recording(writer, true);
        close_well(writer);
        assert_int_equal(access(names[i], F_OK), 0);
        assert_int_equal(cairn_writer_create(names[i], false, &second, &fixture_error), CAIRN_E_IO);
        assert_ptr_equal(strstr(fixture_error.message, names[i]), fixture_error.message);
    }
    assert_int_equal(count_files(), COUNT_OF(names));
    assert_int_equal(chdir(before), 0);
}

static void test_what_is_in_the_way(void **state)
{
    (void)state;
    struct cairn_writer *writer = NULL;
    char other[PATH_MAX];
    assert_true(snprintf(other, sizeof other, "%s/precious", fixture_folder) < (int)sizeof other);
    FILE *file = fopen(other, "w");
    assert_non_null(file);
    fclose(file);
    /* A link is never followed, not even to replace what it points at. */
    assert_int_equal(symlink("precious", fixture_path), 0);
    assert_int_equal(cairn_writer_create(fixture_path, false, &writer, &fixture_error), CAIRN_E_IO);
    assert_int_equal(cairn_writer_create(fixture_path, true, &writer, &fixture_error), CAIRN_E_IO);
    assert_non_null(strstr(fixture_error.message, fixture_path));
    assert_int_equal(unlink(fixture_path), 0);
    /* A file stays unless it may be replaced. */
    assert_int_equal(link(other, fixture_path), 0);
    assert_int_equal(cairn_writer_create(fixture_path, false, &writer, &fixture_error), CAIRN_E_IO);
    assert_non_null(strstr(fixture_error.message, "exists already"));
    assert_int_equal(cairn_writer_create(fixture_path, true, &writer, &fixture_error), CAIRN_OK);
    struct stat kept;
    assert_int_equal(stat(other, &kept), 0);
    assert_int_equal(kept.st_size, 0);
    /* Somebody records into it: no second writer. */
    struct cairn_writer *second = NULL;
    assert_int_equal(cairn_writer_create(fixture_path, true, &second, &fixture_error), CAIRN_E_BUSY);
    assert_null(second);
    put_recording(writer, true);
    close_well(writer);
    /* A folder stays. */
    assert_int_equal(unlink(fixture_path), 0);
    assert_int_equal(mkdir(fixture_path, 0700), 0);
    assert_int_equal(cairn_writer_create(fixture_path, true, &writer, &fixture_error), CAIRN_E_IO);
    snprintf(fixture_path, sizeof fixture_path, "%s/missing/trace.cairn", fixture_folder);
    assert_int_equal(cairn_writer_create(fixture_path, false, &writer, &fixture_error), CAIRN_E_IO);
    assert_non_null(strstr(fixture_error.message, "No such file"));
}

static void test_leftovers_of_a_dead_recorder_do_no_harm(void **state)
{
    (void)state;
    static const char *const suffixes[] = {"-wal", "-shm", "-journal"};
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        char name[PATH_MAX];
        assert_true(snprintf(name, sizeof name, "%s%s", fixture_path, suffixes[i]) < (int)sizeof name);
        FILE *file = fopen(name, "w");
        assert_non_null(file);
        fputs("rubbish that was left behind", file);
        fclose(file);
    }
    struct cairn_writer *writer = create();
    put_recording(writer, true);
    close_well(writer);
    assert_int_equal(count_files(), 1);
    assert_int_equal(ask_file("SELECT count(*) FROM recording"), 1);
}

static void test_discard_leaves_nothing(void **state)
{
    (void)state;
    struct cairn_writer *writer = create();
    put_recording(writer, false);
    commit(writer);
    cairn_writer_note(writer, 0, 1, "open");
    cairn_writer_discard(writer);
    assert_int_equal(count_files(), 0);
    cairn_writer_discard(NULL);
}

static void test_a_reader_is_never_shut_out(void **state)
{
    (void)state;
    struct cairn_writer *writer = create();
    put_recording(writer, false);
    cairn_writer_note(writer, 0, 1, "first");
    commit(writer);
    sqlite3 *reader = open_plain();
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT * FROM note", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 50; i++) {
        cairn_writer_note(writer, 0, 2, "later");
        commit(writer);
        cairn_writer_checkpoint(writer);
        assert_int_equal(ask(reader, "SELECT count(*) FROM note"), 1);
    }
    cairn_writer_note(writer, 0, 2, "not committed");
    assert_int_equal(sqlite3_exec(reader, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(ask(reader, "SELECT count(*) FROM note"), 51);
    sqlite3_close(reader);
    close_well(writer);
    assert_int_equal(count_files(), 1);
}

/* Lets go once it sees that the writer closes. */
static void *polite_reader(void *state)
{
    sqlite3 *reader = state;
    while (ask(reader, "SELECT closing FROM recording") == 0) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    sqlite3_close(reader);
    return NULL;
}

static void test_the_end_waits_for_readers(void **state)
{
    (void)state;
    struct cairn_writer *writer = create();
    put_recording(writer, true);
    commit(writer);
    sqlite3 *reader = open_plain();
    assert_int_equal(ask(reader, "SELECT closing FROM recording"), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, polite_reader, reader), 0);
    close_well(writer);
    pthread_join(thread, NULL);
    assert_int_equal(count_files(), 1);
}

static void test_a_reader_that_stays_costs_no_data(void **state)
{
    (void)state;
    struct cairn_writer *writer = create();
    put_recording(writer, true);
    cairn_writer_note(writer, 0, 1, "kept");
    commit(writer);
    sqlite3 *reader = open_plain();
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT * FROM note", NULL, NULL, NULL), SQLITE_OK);
    cairn_writer_note(writer, 0, 1, "kept too");
    assert_int_equal(cairn_writer_close(writer, &fixture_error), CAIRN_E_BUSY);
    assert_non_null(strstr(fixture_error.message, "-wal"));
    assert_false(cairn_wal_is_locked(fixture_path));
    sqlite3_close(reader);
    assert_int_equal(ask_file("SELECT count(*) FROM note"), 2);
}

/* A recorder killed at any moment leaves an empty file or one that says whose it is, with all that was committed. */
static void test_killed_at_any_moment(void **state)
{
    (void)state;
    for (long delay_us = 0; delay_us < 12000; delay_us += 300) {
        fixture_fresh(NULL);
        int committed[2];
        assert_int_equal(pipe(committed), 0);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct cairn_writer *writer = create();
            for (int i = 0; i < 100000; i++) {
                cairn_writer_note(writer, 0, i, "note");
                commit(writer);
                if (write(committed[1], "x", 1) != 1) {
                    _exit(1);
                }
                if (i % 7 == 0) {
                    cairn_writer_checkpoint(writer);
                }
            }
            _exit(0);
        }
        close(committed[1]);
        nanosleep(&(struct timespec){.tv_nsec = delay_us * 1000}, NULL);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        int64_t count = 0;
        for (char byte; read(committed[0], &byte, 1) == 1;) {
            count++;
        }
        close(committed[0]);
        struct stat file;
        if (stat(fixture_path, &file) == 0 && file.st_size > 0) {
            sqlite3 *db;
            assert_int_equal(sqlite3_open_v2(fixture_path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
            if (ask(db, "SELECT count(*) FROM sqlite_schema") > 0) {
                assert_int_equal(ask(db, "PRAGMA application_id"), CAIRN_APPLICATION_ID);
                assert_true(ask(db, "SELECT count(*) FROM note") >= count);
            } else {
                assert_int_equal(count, 0);
            }
            sqlite3_close(db);
        } else {
            assert_int_equal(count, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_one_plain_file_is_left, fixture_fresh),
        cmocka_unit_test_setup(test_a_short_recording_is_small, fixture_fresh),
        cmocka_unit_test_setup(test_names_that_sqlite_would_take_otherwise, fixture_fresh),
        cmocka_unit_test_setup(test_what_is_in_the_way, fixture_fresh),
        cmocka_unit_test_setup(test_leftovers_of_a_dead_recorder_do_no_harm, fixture_fresh),
        cmocka_unit_test_setup(test_discard_leaves_nothing, fixture_fresh),
        cmocka_unit_test_setup(test_a_reader_is_never_shut_out, fixture_fresh),
        cmocka_unit_test_setup(test_the_end_waits_for_readers, fixture_fresh),
        cmocka_unit_test_setup(test_a_reader_that_stays_costs_no_data, fixture_fresh),
        cmocka_unit_test_setup(test_killed_at_any_moment, fixture_fresh),
    };
    return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
