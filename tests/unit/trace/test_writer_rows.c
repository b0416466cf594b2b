/* Rows: every column in its place, replacing, dropping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer_fixture.h"

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))

/* Every column holds a number of its own, so that two that changed places are seen. */
static void test_rows_are_where_they_belong(void **state)
{
    (void)state;
    struct cairn_writer *writer = create();
    cairn_writer_recording(writer, &(struct cairn_recording){.trace_id = "a",
                                                             .writer = "b",
                                                             .program = "c",
                                                             .args = "d",
                                                             .host = "e",
                                                             .pid = 1,
                                                             .started_unix_ns = 2,
                                                             .utc_offset_s = 3,
                                                             .duration_ns = 4,
                                                             .exit_status = 5,
                                                             .signal = 6,
                                                             .stopped_why = "f",
                                                             .complete = true,
                                                             .events = 7,
                                                             .alloc_events = 8,
                                                             .free_events = 9,
                                                             .realloc_events = 10,
                                                             .unknown_free_events = 11,
                                                             .lost_events = 12,
                                                             .allocated_bytes = 13,
                                                             .peak_t_ns = 14,
                                                             .peak_event = 15,
                                                             .peak_bytes = 16,
                                                             .peak_blocks = 17,
                                                             .end_bytes = 18,
                                                             .end_blocks = 19,
                                                             .rss_peak_bytes = 20,
                                                             .sample_bytes = 21,
                                                             .max_depth = 22,
                                                             .stalled_ns = 23,
                                                             .exact_from_ns = 24});
    cairn_writer_process(writer, &(struct cairn_process){.process = 2,
                                                         .parent = 1,
                                                         .pid = 3,
                                                         .program = "a",
                                                         .args = "b",
                                                         .python = "c",
                                                         .origin = "d",
                                                         .started_ns = 4,
                                                         .ended_ns = 5,
                                                         .exit_status = 6,
                                                         .signal = 7,
                                                         .peak_t_ns = 8,
                                                         .peak_event = 9,
                                                         .peak_bytes = 10,
                                                         .peak_blocks = 11,
                                                         .end_bytes = 12,
                                                         .end_blocks = 13});
    cairn_writer_process(writer, &(struct cairn_process){.process = 1,
                                                         .program = "a",
                                                         .origin = "d",
                                                         .ended_ns = CAIRN_UNKNOWN,
                                                         .exit_status = CAIRN_UNKNOWN,
                                                         .signal = CAIRN_UNKNOWN});
    cairn_writer_thread(
        writer, &(struct cairn_thread){
                    .thread = 1, .process = 2, .tid = 3, .name = "a", .started_ns = 4, .ended_ns = 5});
    cairn_writer_note(writer, 2, 3, "a");
    cairn_writer_note(writer, 0, 4, "b");
    cairn_writer_module(writer,
                        &(struct cairn_module){.module = 1, .path = "a", .build_id = "b", .symbols = "c"});
    cairn_writer_source_file(writer, &(struct cairn_source_file){.file = 1, .path = "a"});
    cairn_writer_function(
        writer,
        &(struct cairn_function){.function = 1, .name = "a", .linkage_name = "b", .lang = CAIRN_LANG_PYTHON});
    cairn_writer_frame(writer, &(struct cairn_frame){.frame = 2,
                                                     .function = 1,
                                                     .file = 3,
                                                     .line = 4,
                                                     .module = 5,
                                                     .offset = 6,
                                                     .lang = 1,
                                                     .kind = 2,
                                                     .inlined_into = 7});
    cairn_writer_frame(writer,
                       &(struct cairn_frame){.frame = 3, .line = CAIRN_UNKNOWN, .offset = CAIRN_UNKNOWN});
    cairn_writer_stack(writer, &(struct cairn_stack_row){.stack = 2, .parent = 1, .frame = 3, .depth = 4});
    const struct cairn_account account = {.account = 1,
                                          .process = 2,
                                          .thread = 3,
                                          .domain = 4,
                                          .stack = 5,
                                          .site = 6,
                                          .totals = {.live_bytes = 7,
                                                     .live_blocks = 8,
                                                     .allocated_bytes = 9,
                                                     .allocations = 10,
                                                     .reallocs = 11,
                                                     .temporary = 12},
                                          .peak_bytes = 13,
                                          .peak_blocks = 14};
    cairn_writer_account(writer, &account, "xy", 2);
    cairn_writer_chunk(writer,
                       &(struct cairn_chunk){.chunk = 1,
                                             .first_event = 2,
                                             .events = 3,
                                             .first_t_ns = 4,
                                             .last_t_ns = 5,
                                             .start_bytes = 6,
                                             .start_blocks = 7,
                                             .max_bytes = 8,
                                             .max_event = 9,
                                             .allocations = 10,
                                             .frees = 11,
                                             .oldest_freed_event = 12},
                       "xy", 2, "z", 1);
    cairn_writer_keyframe(writer, 1, "xyz", 3);
    const struct cairn_snapshot_site site = {.account = 2, .live_bytes = 3, .live_blocks = 4};
    cairn_writer_snapshot(writer,
                          &(struct cairn_snapshot){.snapshot = 1,
                                                   .process = 2,
                                                   .graph = 3,
                                                   .t_ns = 4,
                                                   .event = 5,
                                                   .kind = "a",
                                                   .name = "b",
                                                   .bytes = 6,
                                                   .blocks = 7},
                          &site, 1);
    cairn_writer_timeline(writer, 1,
                          &(struct cairn_timeline_point){.t_ns = 2,
                                                         .heap_bytes = 3,
                                                         .heap_blocks = 4,
                                                         .heap_max_bytes = 5,
                                                         .mapped_bytes = 6,
                                                         .allocations = 7,
                                                         .frees = 8,
                                                         .rss_bytes = 9,
                                                         .rss_anonymous_bytes = 10,
                                                         .rss_file_bytes = 11,
                                                         .rss_shared_bytes = 12});
    cairn_writer_residency(writer, &(struct cairn_residency){.t_ns = 1,
                                                             .process = 2,
                                                             .category = "a",
                                                             .name = "b",
                                                             .rss_bytes = 3,
                                                             .pss_bytes = 4,
                                                             .swap_bytes = 5,
                                                             .size_bytes = 6});
    cairn_writer_source(writer, &(struct cairn_source_line){.file = 1, .line = 2, .text = "a"});
    close_well(writer);
    static const struct {
        const char *sql, *row;
    } cases[] = {
        {.sql =
             "SELECT concat FROM (SELECT trace_id || writer || program || args || host || stopped_why || '|' "
             "|| "
             "printf('%d %d %d %d %d %d %d %d', pid, started_unix_ns, utc_offset_s, duration_ns, "
             "exit_status, "
             "signal, complete, closing) || printf(' %d %d %d %d %d %d %d', events, alloc_events, "
             "free_events, "
             "realloc_events, unknown_free_events, lost_events, allocated_bytes) || printf(' %d %d %d %d %d "
             "%d', "
             "peak_t_ns, peak_event, peak_bytes, peak_blocks, end_bytes, end_blocks) || printf(' %d %d %d %d "
             "%d', "
             "rss_peak_bytes, sample_bytes, max_depth, stalled_ns, exact_from_ns) AS concat FROM recording)",
         .row = "abcdef|1 2 3 4 5 6 1 0 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24"},
        {.sql = "SELECT printf('%s%s%s%s %d %d %d %d %d %d %d ', program, args, python, origin, process, "
                "parent, pid, "
                "started_ns, ended_ns, exit_status, signal) || printf('%d %d %d %d %d %d', peak_t_ns, "
                "peak_event, "
                "peak_bytes, peak_blocks, end_bytes, end_blocks) FROM process WHERE process = 2",
         .row = "abcd 2 1 3 4 5 6 7 8 9 10 11 12 13"},
        {.sql = "SELECT count(*) FROM process WHERE process = 1 AND parent IS NULL AND ended_ns IS NULL AND "
                "exit_status IS NULL AND signal IS NULL AND args IS NULL AND python IS NULL",
         .row = "1"},
        {.sql = "SELECT printf('%d %d %d %s %d %d', thread, process, tid, name, started_ns, ended_ns) FROM "
                "thread",
         .row = "1 2 3 a 4 5"},
        {.sql = "SELECT group_concat(note || ' ' || coalesce(process, '-') || ' ' || t_ns || text, ',') FROM "
                "note",
         .row = "1 2 3a,2 - 4b"},
        {.sql = "SELECT module || path || build_id || symbols FROM module", .row = "1abc"},
        {.sql = "SELECT file || path FROM source_file", .row = "1a"},
        {.sql = "SELECT function || name || linkage_name || lang FROM function", .row = "1ab1"},
        {.sql = "SELECT printf('%d %d %d %d %d %d %d %d %d', frame, function, file, line, module, offset, "
                "lang, kind, "
                "inlined_into) FROM frame WHERE frame = 2",
         .row = "2 1 3 4 5 6 1 2 7"},
        {.sql = "SELECT count(*) FROM frame WHERE frame = 3 AND function IS NULL AND file IS NULL AND line "
                "IS NULL AND "
                "module IS NULL AND offset IS NULL AND inlined_into IS NULL",
         .row = "1"},
        {.sql = "SELECT printf('%d %d %d %d', stack, parent, frame, depth) FROM stack", .row = "2 1 3 4"},
        {.sql =
             "SELECT printf('%d %d %d %d %d %d %d %d %d %d %d %d %d %d ', account, process, thread, domain, "
             "stack, "
             "site, live_bytes, live_blocks, allocated_bytes, allocations, reallocs, temporary, peak_bytes, "
             "peak_blocks) || histogram FROM account",
         .row = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 xy"},
        {.sql = "SELECT printf('%d %d %d %d %d %d %d %d %d %d %d %d ', c.chunk, first_event, events, "
                "first_t_ns, "
                "last_t_ns, start_bytes, start_blocks, max_bytes, max_event, allocations, frees, "
                "oldest_freed_event) "
                "|| c.data || d.data FROM event_chunk c JOIN chunk_delta d ON d.chunk = c.chunk",
         .row = "1 2 3 4 5 6 7 8 9 10 11 12 xyz"},
        {.sql = "SELECT chunk || data FROM keyframe", .row = "1xyz"},
        {.sql = "SELECT printf('%d %d %d %s%s %d %d %d %d', snapshot, t_ns, event, kind, name, process, "
                "bytes, blocks, "
                "graph) FROM snapshot",
         .row = "1 4 5 ab 2 6 7 3"},
        {.sql = "SELECT printf('%d %d %d %d', snapshot, account, live_bytes, live_blocks) FROM snapshot_site",
         .row = "1 2 3 4"},
        {.sql = "SELECT printf('%d %d %d %d %d %d %d %d %d %d %d %d', level, t_ns, heap_bytes, heap_blocks, "
                "heap_max_bytes, mapped_bytes, allocations, frees, rss_bytes, rss_anonymous_bytes, "
                "rss_file_bytes, "
                "rss_shared_bytes) FROM timeline",
         .row = "1 2 3 4 5 6 7 8 9 10 11 12"},
        {.sql =
             "SELECT printf('%d %d %s%s %d %d %d %d', t_ns, process, category, name, rss_bytes, pss_bytes, "
             "swap_bytes, size_bytes) FROM residency",
         .row = "1 2 ab 3 4 5 6"},
        {.sql = "SELECT file || ' ' || line || text FROM source", .row = "1 2a"},
    };
    sqlite3 *db = open_plain();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_string_equal(ask_text(db, cases[i].sql), cases[i].row);
    }
    sqlite3_close(db);
}

static void test_a_second_put_replaces(void **state)
{
    (void)state;
    struct cairn_writer *writer = create();
    struct cairn_account account = {.account = 1, .totals.live_bytes = 5};
    cairn_writer_account(writer, &account, "xy", 2);
    account.totals.live_bytes = 6;
    cairn_writer_account(writer, &account, NULL, 0);
    cairn_writer_account_site(writer, 1, 7);
    put_recording(writer, false);
    put_recording(writer, true);
    cairn_writer_source_file(writer, &(struct cairn_source_file){.file = 1, .path = "a"});
    cairn_writer_source_file(writer, &(struct cairn_source_file){.file = 1, .path = "b"});
    const struct cairn_snapshot_site sites[] = {{.account = 1, .live_bytes = 1},
                                                {.account = 2, .live_bytes = 2}};
    struct cairn_snapshot snapshot = {.snapshot = 1, .kind = "periodic"};
    cairn_writer_snapshot(writer, &snapshot, sites, 2);
    cairn_writer_snapshot(writer, &snapshot, sites, 1);
    const struct cairn_chunk chunk = {.chunk = 0, .events = 1};
    cairn_writer_chunk(writer, &chunk, "a", 1, "b", 1);
    cairn_writer_chunk(writer, &chunk, "c", 1, "d", 1);
    close_well(writer);
    sqlite3 *db = open_plain();
    assert_string_equal(ask_text(db, "SELECT live_bytes || histogram || site FROM account"), "6xy7");
    assert_int_equal(ask(db, "SELECT complete FROM recording"), 1);
    assert_string_equal(ask_text(db, "SELECT path FROM source_file"), "b");
    assert_int_equal(ask(db, "SELECT count(*) FROM snapshot_site"), 1);
    assert_string_equal(
        ask_text(db, "SELECT group_concat(c.data || d.data) FROM event_chunk c, chunk_delta d"), "cd");
    sqlite3_close(db);
}

static void test_old_rows_go(void **state)
{
    (void)state;
    struct cairn_writer *writer = create();
    for (uint32_t i = 0; i < 10; i++) {
        cairn_writer_chunk(writer, &(struct cairn_chunk){.chunk = i}, "x", 1, "y", 1);
        for (uint32_t level = 0; level < 3; level++) {
            cairn_writer_timeline(writer, level, &(struct cairn_timeline_point){.t_ns = i});
        }
        const struct cairn_snapshot_site site = {.account = 1};
        cairn_writer_snapshot(writer, &(struct cairn_snapshot){.snapshot = i + 1, .kind = "periodic"}, &site,
                              1);
    }
    cairn_writer_recording(writer,
                           &(struct cairn_recording){.trace_id = "id", .writer = "w", .program = "p"});
    int64_t free_before, free_after;
    const int64_t before = cairn_writer_pages_bytes(writer, &free_before);
    cairn_writer_drop_events(writer, 2, 30);
    cairn_writer_drop_events(writer, 1, 20);
    cairn_writer_drop_events(writer, 4, 50);
    const int64_t after = cairn_writer_pages_bytes(writer, &free_after);
    assert_true(before > 0 && after > 0 && after - free_after <= before - free_before);
    cairn_writer_drop_timeline(writer, 1, 8);
    cairn_writer_drop_timeline(writer, UINT32_MAX, 2);
    cairn_writer_drop_snapshot(writer, 3);
    close_well(writer);
    sqlite3 *db = open_plain();
    assert_string_equal(ask_text(db, "SELECT group_concat(chunk) FROM event_chunk WHERE data IS NOT NULL"),
                        "5,6,7,8,9");
    assert_int_equal(ask(db, "SELECT count(*) FROM chunk_delta"), 10);
    assert_int_equal(ask(db, "SELECT exact_from_ns FROM recording"), 50);
    assert_string_equal(
        ask_text(db, "SELECT group_concat(n) FROM (SELECT count(*) AS n FROM timeline GROUP BY level)"),
        "8,2,8");
    assert_int_equal(ask(db, "SELECT count(*) FROM snapshot"), 9);
    assert_int_equal(ask(db, "SELECT count(*) FROM snapshot_site WHERE snapshot = 3"), 0);
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_rows_are_where_they_belong, fixture_fresh),
        cmocka_unit_test_setup(test_a_second_put_replaces, fixture_fresh),
        cmocka_unit_test_setup(test_old_rows_go, fixture_fresh),
    };
    return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
