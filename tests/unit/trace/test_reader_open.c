/* Opening what is no trace, or one that somebody made up: one sentence, no crash, no wait. */
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "cairn/trace.h"
#include "fault.h"
#include "random_events.h"
#include "trace/schema.h"

#define SECONDS_MOST 2.0 /* of the processor, for anything that is done with a damaged file of 200 KB */

static char folder[] = "/tmp/cairn-reader-open-XXXXXX";
static char whole[64], broken[64];
static struct cairn_buffer whole_bytes = CAIRN_BUFFER_INIT;

static void read_file(const char *path, struct cairn_buffer *bytes)
{
    char part[65536];
    ssize_t length;
    const int file = open(path, O_RDONLY);
    assert_true(file >= 0);
    while ((length = read(file, part, sizeof(part))) > 0) {
        cairn_buffer_append(bytes, part, (size_t)length);
    }
    close(file);
}

static void write_file(const void *bytes, size_t length)
{
    unlink(broken);
    const int file = open(broken, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, length), length);
    close(file);
}

static int make_folder(void **state)
{
    struct random_events stream;
    struct trace_maker maker;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(whole, sizeof(whole), "%s/whole.cairn", folder);
    snprintf(broken, sizeof(broken), "%s/broken.cairn", folder);
    random_events_make(&stream, 5, 1500);
    maker_open(&maker, whole, 200, 2);
    random_events_record(&stream, &maker);
    for (uint32_t i = 1; i < 40; i++) {
        cairn_writer_function(maker.writer, &(struct cairn_function){.function = i, .name = "function"});
        cairn_writer_frame(
            maker.writer, &(struct cairn_frame){.frame = i, .function = i, .line = 3, .inlined_into = i - 1});
        cairn_writer_stack(maker.writer,
                           &(struct cairn_stack_row){.stack = i, .parent = i / 2, .frame = i, .depth = 1});
        cairn_writer_source(maker.writer, &(struct cairn_source_line){.file = 1, .line = i, .text = "text"});
        cairn_writer_timeline(maker.writer, i % 3, &(struct cairn_timeline_point){.t_ns = i});
    }
    const struct cairn_snapshot_site site = {.account = 1, .live_bytes = 1, .live_blocks = 1};
    cairn_writer_snapshot(maker.writer, &(struct cairn_snapshot){.snapshot = 1, .kind = "mark", .event = 20},
                          &site, 1);
    cairn_writer_residency(maker.writer,
                           &(struct cairn_residency){.process = 1, .category = "heap", .name = ""});
    cairn_writer_note(maker.writer, 1, 2, "note");
    maker_close(&maker);
    random_events_free(&stream);
    read_file(whole, &whole_bytes);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    cairn_buffer_release(&whole_bytes);
    unlink(whole);
    unlink(broken);
    return rmdir(folder);
}

static void expect(const char *path, enum cairn_status status, const char *words)
{
    struct cairn_trace *trace;
    struct cairn_error error;
    const enum cairn_status found = cairn_trace_open(path, NULL, &trace, &error);
    if (found == CAIRN_OK) {
        cairn_trace_close(trace);
        fail_msg("%s opened", path);
    }
    if (found != status || !strstr(error.message, words)) {
        fail_msg("%s, not \"%s\": %s", cairn_status_name(found), words, error.message);
    }
    assert_int_equal(error.status, found);
    assert_non_null(strstr(error.message, path));
}

static bool stop_counting(void *state, uint64_t ordinal, const struct cairn_event *event)
{
    (void)event;
    (void)state;
    return ordinal < 4000;
}

static void ask_moments(struct cairn_trace *trace, uint64_t from, uint64_t to)
{
    const struct cairn_state *state;
    struct cairn_totals *survived;
    uint64_t position;
    int64_t number;
    size_t count;
    if (cairn_trace_state(trace, from, &state, NULL) == CAIRN_OK) {
        cairn_state_release(trace, state);
    }
    if (cairn_trace_survived(trace, from, to, &survived, &count, NULL) == CAIRN_OK) {
        free(survived);
    }
    (void)!cairn_trace_time_of(trace, to, &number, NULL);
    (void)!cairn_trace_position_at(trace, (int64_t)to * 1000, &position, NULL);
    (void)!cairn_trace_peak_between(trace, 0, from, to, &position, &number, NULL);
    (void)!cairn_trace_peak_between(trace, 2, from, to, &position, &number, NULL);
    (void)!cairn_trace_events(trace, from, to, stop_counting, NULL, NULL);
}

static void ask_rows(struct cairn_trace *trace)
{
    const void *rows;
    void *owned;
    struct cairn_histogram_cell cells[CAIRN_SIZE_BUCKETS * CAIRN_LIFETIME_BUCKETS];
    const struct cairn_frame *frames[64];
    int64_t a, b;
    size_t count;
    (void)!cairn_trace_processes(trace, (void *)&rows, &count, NULL);
    (void)!cairn_trace_threads(trace, (void *)&rows, &count, NULL);
    (void)!cairn_trace_notes(trace, (void *)&rows, &count, NULL);
    (void)!cairn_trace_modules(trace, (void *)&rows, &count, NULL);
    (void)!cairn_trace_snapshots(trace, (void *)&rows, &count, NULL);
    (void)!cairn_trace_counts(trace, &a, &b, NULL);
    if (cairn_trace_timeline(trace, 0, INT64_MAX, 10, (void *)&owned, &count, NULL) == CAIRN_OK) {
        free(owned);
    }
    if (cairn_trace_residency(trace, 5, (void *)&owned, &count, NULL) == CAIRN_OK) {
        free(owned);
    }
    if (cairn_trace_snapshot_sites(trace, 1, (void *)&owned, &count, NULL) == CAIRN_OK) {
        free(owned);
    }
    if (cairn_trace_source(trace, 1, 0, 100, (void *)&owned, &count, NULL) == CAIRN_OK) {
        free(owned);
    }
    (void)!cairn_trace_histogram(trace, 1, cells, sizeof(cells) / sizeof(cells[0]), &count, NULL);
    assert_true(cairn_trace_stack_frames(trace, 39, frames, 64) < 1000000);
    (void)!cairn_trace_load_stacks(trace, NULL);
    assert_true(cairn_trace_stack_frames(trace, 39, frames, 64) < 1000000);
    (void)cairn_trace_function(trace, 7);
}

/* Everything one can ask; answers do not matter. Returns whether it opened. */
static bool ask_everything(const char *path, const struct cairn_trace_options *options)
{
    struct cairn_trace *trace;
    if (cairn_trace_open(path, options, &trace, NULL) != CAIRN_OK) {
        return false;
    }
    ask_rows(trace);
    ask_moments(trace, 0, 1500);
    ask_moments(trace, 333, 777);
    ask_moments(trace, 5000, 6000);
    cairn_trace_close(trace);
    return true;
}

static double used_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void test_whole_trace_answers(void **state)
{
    (void)state;
    assert_true(ask_everything(whole, NULL));
}

static void test_what_is_no_file(void **state)
{
    char path[96];
    (void)state;
    snprintf(path, sizeof(path), "%s/nothing.cairn", folder);
    expect(path, CAIRN_E_NOT_FOUND, "no such file");
    expect(folder, CAIRN_E_FORMAT, "is a folder");
    snprintf(path, sizeof(path), "%s/whole.cairn/under", folder);
    expect(path, CAIRN_E_IO, "Not a directory");
    snprintf(path, sizeof(path), "%s/fifo", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect(path, CAIRN_E_FORMAT, "no regular file");
    unlink(path);
    expect("/dev/zero", CAIRN_E_FORMAT, "no regular file");
}

static void test_what_is_no_trace(void **state)
{
    static const char text[] =
        "SQLite format 2 is not what this is; it goes on for more than a hundred bytes, so that "
        "a header could be in it";
    (void)state;
    write_file("", 0);
    expect(broken, CAIRN_E_FORMAT, "empty");
    write_file("x", 1);
    expect(broken, CAIRN_E_FORMAT, "not a cairn trace");
    write_file(text, sizeof(text));
    expect(broken, CAIRN_E_FORMAT, "not a cairn trace");
    write_file(whole_bytes.data, 99);
    expect(broken, CAIRN_E_FORMAT, "not a cairn trace");
}

/* Runs SQL on a fresh database at `broken`. */
static void make_database(const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    unlink(broken);
    assert_int_equal(sqlite3_open(broken, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s", message);
    }
    sqlite3_close(db);
}

static void test_database_of_another_program(void **state)
{
    (void)state;
    make_database("CREATE TABLE recording (id INTEGER PRIMARY KEY); INSERT INTO recording VALUES (1)");
    expect(broken, CAIRN_E_FORMAT, "of another program");
    make_database("PRAGMA application_id = 1131442737; CREATE TABLE events (a)");
    expect(broken, CAIRN_E_FORMAT, "of another program");
}

/* A copy with one byte of the header changed. */
static void patch(size_t at, unsigned char value)
{
    struct cairn_buffer copy = CAIRN_BUFFER_INIT;
    cairn_buffer_append(&copy, whole_bytes.data, whole_bytes.length);
    copy.data[at] = (char)value;
    write_file(copy.data, copy.length);
    cairn_buffer_release(&copy);
}

static void test_versions(void **state)
{
    (void)state;
    patch(63, CAIRN_SCHEMA_VERSION + 1);
    expect(broken, CAIRN_E_VERSION, "newer cairn");
    patch(60, 0x7f);
    expect(broken, CAIRN_E_VERSION, "newer cairn");
    patch(63, 0);
    expect(broken, CAIRN_E_VERSION, "made by an older cairn (trace version 0,");
}

/* A copy of the trace as a recorder of an older version would have left it, or one that says so. */
static void make_older(bool schema, unsigned version)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    write_file(whole_bytes.data, whole_bytes.length);
    assert_int_equal(sqlite3_open(broken, &db), SQLITE_OK);
    if (schema) {
        assert_int_equal(sqlite3_exec(db, "PRAGMA writable_schema = ON", NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, "UPDATE sqlite_schema SET sql = ? WHERE name = 'stack_text'",
                                            -1, &statement, NULL),
                         SQLITE_OK);
        sqlite3_bind_text(statement, 1, cairn_schema_older(1, "stack_text"), -1, SQLITE_STATIC);
        assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
        sqlite3_finalize(statement);
    }
    sqlite3_close(db);
    if (version != CAIRN_SCHEMA_VERSION) {
        struct cairn_buffer copy = CAIRN_BUFFER_INIT;
        read_file(broken, &copy);
        copy.data[63] = (char)version;
        write_file(copy.data, copy.length);
        cairn_buffer_release(&copy);
    }
}

/* What the first version had is read as ever, and under no other number. */
static void test_older_version(void **state)
{
    struct cairn_trace *today, *older;
    (void)state;
    assert_null(cairn_schema_older(CAIRN_SCHEMA_VERSION, "stack_text"));
    assert_null(cairn_schema_older(1, "top_at_peak"));
    make_older(true, 1);
    assert_true(ask_everything(broken, NULL));
    assert_int_equal(cairn_trace_open(whole, NULL, &today, NULL), CAIRN_OK);
    assert_int_equal(
        cairn_trace_open(broken, &(const struct cairn_trace_options){.like = today}, &older, NULL), CAIRN_OK);
    assert_int_equal(cairn_trace_schema_version(today), CAIRN_SCHEMA_VERSION);
    assert_int_equal(cairn_trace_schema_version(older), 1);
    cairn_trace_close(older);
    cairn_trace_close(today);
    make_older(true, CAIRN_SCHEMA_VERSION);
    expect(broken, CAIRN_E_FORMAT, "not those of trace version 3");
    make_older(false, 1);
    expect(broken, CAIRN_E_FORMAT, "not those of trace version 1");
}

/* Recorders wrote larger pages once, and people may give a trace others. */
static void test_pages_of_any_size(void **state)
{
    (void)state;
    for (unsigned size = 512; size <= 65536; size *= 2) {
        sqlite3 *db;
        char sql[64];
        write_file(whole_bytes.data, whole_bytes.length);
        assert_int_equal(sqlite3_open(broken, &db), SQLITE_OK);
        snprintf(sql, sizeof(sql), "PRAGMA page_size = %u; VACUUM", size);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        assert_true(ask_everything(broken, NULL));
    }
}

static void test_missing_wal(void **state)
{
    (void)state;
    patch(18, 2);
    expect(broken, CAIRN_E_FORMAT, "broken.cairn-wal is missing");
    patch(19, 2);
    expect(broken, CAIRN_E_FORMAT, "copy both files");
}

static void test_truncated(void **state)
{
    (void)state;
    for (size_t size = 100; size < whole_bytes.length; size += size < 5000 ? 61 : 1777) {
        write_file(whole_bytes.data, size);
        expect(broken, CAIRN_E_FORMAT, "truncated");
    }
}

/* Our schema with something of a stranger's: `sql` runs after it. */
static void forge(const char *sql)
{
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_buffer_format(&text, "PRAGMA application_id = %d; PRAGMA user_version = %d;", CAIRN_APPLICATION_ID,
                        CAIRN_SCHEMA_VERSION);
    cairn_buffer_text(&text, cairn_schema_text);
    cairn_buffer_text(&text, ";");
    cairn_buffer_text(&text, sql);
    make_database(cairn_buffer_cstr(&text));
    cairn_buffer_release(&text);
}

static void test_forged_schema(void **state)
{
    static const char *const forgeries[] = {
        "DROP TABLE note; CREATE VIEW note AS SELECT 1 AS note, 1 AS process, 1 AS t_ns, 'x' AS text",
        "DROP TABLE note; CREATE VIEW note AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM "
        "n) "
        "SELECT i AS note, 1 AS process, 1 AS t_ns, 'x' AS text FROM n",
        "DROP TABLE source; CREATE VIRTUAL TABLE source USING fts5(file, line, text)",
        "CREATE TRIGGER t AFTER INSERT ON note BEGIN SELECT 1; END",
        "CREATE INDEX extra ON note (text)",
        "CREATE INDEX extra ON note (abs(t_ns))",
        "CREATE TABLE extra (a)",
        "DROP VIEW top_at_peak",
        "ALTER TABLE note ADD COLUMN more ANY",
        "DROP TABLE note; CREATE TABLE note (note INTEGER PRIMARY KEY, process INTEGER, t_ns INTEGER, text "
        "TEXT)",
        "ANALYZE",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(forgeries) / sizeof(forgeries[0]); i++) {
        forge(forgeries[i]);
        const double start = used_s();
        expect(broken, CAIRN_E_FORMAT, "damaged or forged");
        assert_true(used_s() - start < SECONDS_MOST);
    }
    forge("");
    expect(broken, CAIRN_E_FORMAT, "its recorder was gone before it wrote anything");
}

/* Rows that fit the schema but not each other. */
static void test_forged_rows(void **state)
{
    static const char *const forgeries[] = {
        "UPDATE account SET account = 4000000000 WHERE account = 3",
        "UPDATE account SET process = -1",
        "UPDATE account SET live_bytes = 9223372036854775807, domain = 0",
        "UPDATE process SET process = 5000000000 WHERE process = 1",
        "UPDATE event_chunk SET first_event = first_event + 1 WHERE chunk = 2",
        "UPDATE event_chunk SET events = 1 << 40",
        "UPDATE event_chunk SET chunk = 77 WHERE chunk = 3",
        "UPDATE event_chunk SET max_event = 1 << 60, max_bytes = -1",
        "UPDATE event_chunk SET data = zeroblob(100000000) WHERE chunk = 2",
        "UPDATE event_chunk SET data = (SELECT data FROM event_chunk WHERE chunk = 1)",
        "UPDATE event_chunk SET data = NULL",
        "UPDATE event_chunk SET data = NULL, events = 1 << 60 WHERE chunk = (SELECT max(chunk) FROM "
        "event_chunk)",
        "UPDATE event_chunk SET data = NULL, events = 9223372036854775807",
        "UPDATE event_chunk SET oldest_freed_event = -5",
        "UPDATE event_chunk SET oldest_freed_event = NULL",
        "UPDATE chunk_delta SET data = x''",
        "UPDATE chunk_delta SET data = (SELECT data FROM keyframe LIMIT 1)",
        "DELETE FROM chunk_delta WHERE chunk = 1",
        "UPDATE keyframe SET chunk = 1000000 WHERE chunk = 2",
        "UPDATE keyframe SET data = x'00'",
        "UPDATE stack SET parent = stack",
        "UPDATE stack SET stack = 2000000000 WHERE stack = 39",
        "UPDATE frame SET inlined_into = frame",
        "UPDATE frame SET inlined_into = 40 - frame",
        "UPDATE snapshot SET snapshot = -1",
        "UPDATE snapshot_site SET account = 1 << 33",
        "UPDATE recording SET duration_ns = -1",
        "UPDATE recording SET events = 1 << 62, complete = 0",
        "UPDATE recording SET program = CAST(x'41004200ff' AS TEXT), trace_id = ''",
        "UPDATE timeline SET level = -level",
        "DELETE FROM account",
        "DELETE FROM process",
        "DELETE FROM event_chunk",
        "DELETE FROM recording",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(forgeries) / sizeof(forgeries[0]); i++) {
        sqlite3 *db;
        char *message = NULL;
        write_file(whole_bytes.data, whole_bytes.length);
        assert_int_equal(sqlite3_open(broken, &db), SQLITE_OK);
        if (sqlite3_exec(db, forgeries[i], NULL, NULL, &message) != SQLITE_OK) {
            fail_msg("%s: %s", forgeries[i], message);
        }
        sqlite3_close(db);
        const double start = used_s();
        ask_everything(broken, NULL);
        assert_true(used_s() - start < SECONDS_MOST);
    }
}

/* Bits that tip over anywhere in the file. */
static void test_flipped_bits(void **state)
{
    struct cairn_buffer copy = CAIRN_BUFFER_INIT;
    uint64_t seed = 99;
    int opened = 0;
    (void)state;
    for (int round = 0; round < 700; round++) {
        cairn_buffer_reset(&copy);
        cairn_buffer_append(&copy, whole_bytes.data, whole_bytes.length);
        for (uint64_t flips = 1 + random_below(&seed, 4); flips > 0; flips--) {
            /* Half of them where pages say what is in them. */
            const size_t page = random_below(&seed, copy.length / CAIRN_PAGE_BYTES) * CAIRN_PAGE_BYTES;
            const size_t at = page + random_below(&seed, random_below(&seed, 2) ? 40 : CAIRN_PAGE_BYTES);
            copy.data[at] = (char)(copy.data[at] ^ 1 << random_below(&seed, 8));
        }
        write_file(copy.data, copy.length);
        const double start = used_s();
        opened += ask_everything(broken, NULL);
        assert_true(used_s() - start < SECONDS_MOST);
    }
    assert_true(opened > 50);
    cairn_buffer_release(&copy);
}

/* The page of a table becomes its own child, or the same child many times over. */
static void test_pages_in_a_circle(void **state)
{
    struct cairn_buffer copy = CAIRN_BUFFER_INIT;
    (void)state;
    for (size_t page = 1; page < whole_bytes.length / CAIRN_PAGE_BYTES; page++) {
        cairn_buffer_reset(&copy);
        cairn_buffer_append(&copy, whole_bytes.data, whole_bytes.length);
        unsigned char *at = (unsigned char *)copy.data + page * CAIRN_PAGE_BYTES;
        memset(at, 0, CAIRN_PAGE_BYTES);
        at[0] = 5; /* an inner page of a table */
        const unsigned cells = (CAIRN_PAGE_BYTES - 12) / 7;
        at[3] = (unsigned char)(cells >> 8);
        at[4] = (unsigned char)cells;
        at[10] = (unsigned char)((page + 1) >> 8);
        at[11] = (unsigned char)(page + 1);
        for (unsigned i = 0; i < cells; i++) {
            const unsigned offset = CAIRN_PAGE_BYTES - 5 * (i + 1);
            at[12 + 2 * i] = (unsigned char)(offset >> 8);
            at[13 + 2 * i] = (unsigned char)offset;
            const size_t child = page + 2 < whole_bytes.length / CAIRN_PAGE_BYTES ? page + 2 : page + 1;
            at[offset + 2] = (unsigned char)(child >> 8);
            at[offset + 3] = (unsigned char)child;
        }
        write_file(copy.data, copy.length);
        const double start = used_s();
        ask_everything(broken, NULL);
        assert_true(used_s() - start < SECONDS_MOST);
    }
    cairn_buffer_release(&copy);
}

struct countdown {
    int left;
};

static bool count_down(void *state)
{
    struct countdown *countdown = state;
    return countdown->left-- <= 0;
}

static void test_cancelling(void **state)
{
    struct cairn_trace *trace;
    struct cairn_error error;
    const struct cairn_state *kept;
    struct countdown countdown = {.left = 1000000};
    const struct cairn_trace_options options = {
        .cache_bytes = 1, .cancelled = count_down, .cancelled_state = &countdown};
    (void)state;
    assert_int_equal(cairn_trace_open(whole, &options, &trace, &error), CAIRN_OK);
    countdown.left = 0;
    assert_true(cairn_trace_cancelled(trace));
    assert_int_equal(cairn_trace_state(trace, 777, &kept, &error), CAIRN_E_CANCELLED);
    countdown.left = 1000000;
    assert_int_equal(cairn_trace_state(trace, 777, &kept, &error), CAIRN_OK);
    cairn_state_release(trace, kept);
    cairn_trace_close(trace);
    for (int left = 0; left < 60; left++) {
        countdown.left = left;
        ask_everything(whole, &options);
    }
}

static void test_out_of_memory(void **state)
{
    (void)state;
    bool failed = true;
    for (unsigned long at = 1; failed; at++) {
        fault_allocation(at);
        ask_everything(whole, NULL);
        failed = fault_happened();
    }
}

static void test_names_that_sqlite_reads_otherwise(void **state)
{
    char here[4096];
    (void)state;
    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(link("whole.cairn", "file:x?mode=memory"), 0);
    assert_int_equal(link("whole.cairn", ":memory:"), 0);
    const bool both = ask_everything("file:x?mode=memory", NULL) && ask_everything(":memory:", NULL);
    unlink("file:x?mode=memory");
    unlink(":memory:");
    assert_int_equal(chdir(here), 0);
    assert_true(both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_trace_answers),
        cmocka_unit_test(test_what_is_no_file),
        cmocka_unit_test(test_what_is_no_trace),
        cmocka_unit_test(test_database_of_another_program),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_older_version),
        cmocka_unit_test(test_pages_of_any_size),
        cmocka_unit_test(test_missing_wal),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_forged_schema),
        cmocka_unit_test(test_forged_rows),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_pages_in_a_circle),
        cmocka_unit_test(test_cancelling),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_names_that_sqlite_reads_otherwise),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
