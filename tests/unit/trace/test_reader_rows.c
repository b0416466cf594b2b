/* Rows come back as they were written; names, stacks, levels of the timeline, nearest residency. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cairn/trace.h"
#include "trace_maker.h"

#define STACKS 300u

static char path[64];

static void write_names(struct cairn_writer *writer)
{
    cairn_writer_module(writer, &(struct cairn_module){.module = 1, .path = "/bin/a", .build_id = "c0ffee"});
    cairn_writer_module(writer, &(struct cairn_module){.module = 2, .path = "/lib/b.so", .symbols = "none"});
    cairn_writer_source_file(writer, &(struct cairn_source_file){.file = 1, .path = "a.c"});
    cairn_writer_function(writer, &(struct cairn_function){.function = 1, .name = "main", .lang = 0});
    cairn_writer_function(writer,
                          &(struct cairn_function){.function = 2, .name = "f(int)", .linkage_name = "_Z1fi"});
    cairn_writer_function(writer, &(struct cairn_function){.function = 7, .name = "run", .lang = 1});
    cairn_writer_frame(writer,
                       &(struct cairn_frame){
                           .frame = 1, .function = 1, .file = 1, .module = 1, .line = 10, .offset = 0x1234});
    cairn_writer_frame(writer,
                       &(struct cairn_frame){.frame = 2, .module = 2, .line = CAIRN_UNKNOWN, .offset = 16});
    /* f was inlined into main. */
    cairn_writer_frame(writer, &(struct cairn_frame){.frame = 3,
                                                     .function = 2,
                                                     .file = 1,
                                                     .module = 1,
                                                     .line = 20,
                                                     .offset = 0x1234,
                                                     .inlined_into = 1});
    cairn_writer_frame(writer, &(struct cairn_frame){.frame = 9,
                                                     .function = 7,
                                                     .line = 3,
                                                     .offset = CAIRN_UNKNOWN,
                                                     .lang = 1,
                                                     .kind = CAIRN_FRAME_TRUNCATED});
    for (uint32_t i = 1; i <= STACKS; i++) {
        cairn_writer_stack(writer, &(struct cairn_stack_row){.stack = i,
                                                             .parent = i - 1,
                                                             .frame = i == 1  ? 3
                                                                      : i % 2 ? 2
                                                                              : 9,
                                                             .depth = i});
    }
    for (int line = 8; line < 30; line++) {
        char text[32];
        snprintf(text, sizeof(text), "line %d;", line);
        cairn_writer_source(writer, &(struct cairn_source_line){.file = 1, .line = line, .text = text});
    }
}

static void write_moments(struct trace_maker *maker)
{
    struct cairn_writer *writer = maker->writer;
    for (int level = 0; level < 3; level++) {
        /* The finest level has lost its first half. */
        const int64_t step = level == 0 ? 1000 : level == 1 ? 4000 : 64000;
        for (int64_t t_ns = level == 0 ? 128000 : step; t_ns <= 256000; t_ns += step) {
            const struct cairn_timeline_point point = {.t_ns = t_ns,
                                                       .heap_bytes = t_ns * 2,
                                                       .heap_blocks = level,
                                                       .rss_bytes = CAIRN_UNKNOWN,
                                                       .rss_anonymous_bytes = 5,
                                                       .rss_file_bytes = 6,
                                                       .rss_shared_bytes = CAIRN_UNKNOWN};
            cairn_writer_timeline(writer, (uint32_t)level, &point);
        }
    }
    for (int64_t t_ns = 100; t_ns <= 300; t_ns += 100) {
        cairn_writer_residency(
            writer, &(struct cairn_residency){
                        .t_ns = t_ns, .process = 1, .category = "heap", .name = "", .rss_bytes = t_ns});
        cairn_writer_residency(
            writer, &(struct cairn_residency){
                        .t_ns = t_ns, .process = 1, .category = "file", .name = "/bin/a", .size_bytes = 7});
    }
    const struct cairn_snapshot_site sites[] = {{.account = 1, .live_bytes = 10, .live_blocks = 1},
                                                {.account = 3, .live_bytes = 30, .live_blocks = 3}};
    const struct cairn_snapshot rows[] = {
        {.snapshot = 1, .t_ns = 1000, .event = 1, .kind = "periodic", .bytes = 40, .blocks = 4},
        {.snapshot = 4, .t_ns = 2000, .event = 2, .kind = "mark", .name = "loaded", .process = 1},
    };
    cairn_writer_snapshot(writer, &rows[0], sites, 2);
    cairn_writer_snapshot(writer, &rows[1], NULL, 0);
    cairn_writer_note(writer, 0, 0, "first");
    cairn_writer_note(writer, 1, 5000, "second");
}

static int write_trace(void **state)
{
    struct trace_maker maker;
    (void)state;
    snprintf(path, sizeof(path), "reader-rows-%d.cairn", (int)getpid());
    maker_open(&maker, path, 100, 2);
    maker_process(&maker, 0);
    maker_process(&maker, 1);
    write_names(maker.writer);
    for (uint32_t i = 1; i <= 3; i++) {
        maker_account(&maker, 1, 0, i, i);
    }
    for (uint64_t i = 0; i < 250; i++) {
        maker_event(&maker,
                    &(struct cairn_event){.t_ns = i * 1000, .account = 1 + (uint32_t)i % 3, .size = i});
    }
    write_moments(&maker);
    const struct cairn_histogram_cell cells[] = {
        {.size_bucket = 3, .lifetime_bucket = 5, .blocks = 17, .temporary = 2}};
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    assert_int_equal(cairn_histogram_encode(cells, 1, &blob, NULL), CAIRN_OK);
    maker_commit(&maker);
    cairn_writer_account(maker.writer, &maker.accounts[1].row, blob.data, blob.length);
    cairn_buffer_release(&blob);
    maker_close(&maker);
    return 0;
}

static int remove_trace(void **state)
{
    (void)state;
    unlink(path);
    return 0;
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

static void test_recording(void **state)
{
    struct cairn_trace *trace = open_trace();
    const struct cairn_recording *recording = cairn_trace_recording(trace);
    (void)state;
    assert_string_equal(recording->program, "program");
    assert_null(recording->args);
    assert_int_equal(recording->exit_status, 0);
    assert_int_equal(recording->signal, CAIRN_UNKNOWN);
    assert_string_equal(recording->stopped_why, "exited");
    assert_true(recording->complete && !cairn_trace_is_live(trace));
    assert_int_equal(recording->events, 250);
    assert_int_equal(recording->alloc_events, 250);
    assert_string_equal(cairn_trace_path(trace), path);
    assert_true(cairn_trace_file_bytes(trace) > 4096);
    cairn_trace_close(trace);
}

static void test_tables(void **state)
{
    struct cairn_trace *trace = open_trace();
    const struct cairn_process *processes;
    const struct cairn_thread *threads;
    const struct cairn_note *notes;
    const struct cairn_module *modules;
    const struct cairn_account *accounts;
    const struct cairn_snapshot *snapshots;
    size_t count;
    (void)state;
    assert_int_equal(cairn_trace_processes(trace, &processes, &count, NULL), CAIRN_OK);
    assert_int_equal(count, 2);
    assert_int_equal(processes[1].parent, 1);
    assert_int_equal(processes[1].ended_ns, CAIRN_UNKNOWN);
    assert_string_equal(processes[1].origin, "fork");
    assert_int_equal(cairn_trace_threads(trace, &threads, &count, NULL), CAIRN_OK);
    assert_int_equal(count, 2);
    assert_string_equal(threads[0].name, "main");
    assert_int_equal(cairn_trace_notes(trace, &notes, &count, NULL), CAIRN_OK);
    assert_int_equal(count, 2);
    assert_int_equal(notes[0].process, 0);
    assert_string_equal(notes[1].text, "second");
    assert_int_equal(cairn_trace_modules(trace, &modules, &count, NULL), CAIRN_OK);
    assert_int_equal(count, 2);
    assert_string_equal(modules[0].build_id, "c0ffee");
    assert_null(modules[1].build_id);
    assert_int_equal(cairn_trace_accounts(trace, &accounts, &count, NULL), CAIRN_OK);
    assert_int_equal(count, 3);
    assert_int_equal(accounts[2].totals.allocations, 83);
    assert_int_equal(accounts[2].stack, 3);
    assert_int_equal(cairn_trace_snapshots(trace, &snapshots, &count, NULL), CAIRN_OK);
    assert_int_equal(count, 2);
    assert_int_equal(snapshots[1].snapshot, 4);
    assert_string_equal(snapshots[1].name, "loaded");
    assert_null(snapshots[0].name);
    cairn_trace_close(trace);
}

static void test_snapshot_sites(void **state)
{
    struct cairn_trace *trace = open_trace();
    struct cairn_snapshot_site *sites;
    size_t count;
    (void)state;
    assert_int_equal(cairn_trace_snapshot_sites(trace, 1, &sites, &count, NULL), CAIRN_OK);
    assert_int_equal(count, 2);
    assert_int_equal(sites[1].account, 3);
    assert_int_equal(sites[1].live_bytes, 30);
    free(sites);
    assert_int_equal(cairn_trace_snapshot_sites(trace, 99, &sites, &count, NULL), CAIRN_OK);
    assert_int_equal(count, 0);
    free(sites);
    cairn_trace_close(trace);
}

static void check_stacks(struct cairn_trace *trace)
{
    const struct cairn_frame *frames[2 * STACKS];
    assert_int_equal(cairn_trace_stack_frames(trace, 0, frames, 4), 0);
    assert_int_equal(cairn_trace_stack_frames(trace, STACKS + 1, frames, 4), 0);
    assert_int_equal(cairn_trace_stack_frames(trace, 1, frames, 4), 2);
    assert_int_equal(frames[0]->frame, 3);
    assert_int_equal(frames[1]->frame, 1);
    assert_int_equal(cairn_trace_stack_frames(trace, STACKS, frames, 1), STACKS + 1);
    assert_int_equal(frames[0]->frame, 9);
    assert_int_equal(frames[0]->kind, CAIRN_FRAME_TRUNCATED);
    assert_int_equal(cairn_trace_stack_frames(trace, STACKS, frames, 2 * STACKS), STACKS + 1);
    assert_int_equal(frames[STACKS]->frame, 1);
    assert_int_equal(frames[1]->frame, 2);
}

static void test_names(void **state)
{
    struct cairn_trace *trace = open_trace();
    int64_t stacks, frames;
    (void)state;
    assert_null(cairn_trace_function(trace, 0));
    assert_null(cairn_trace_function(trace, 3));
    assert_null(cairn_trace_frame(trace, 4));
    assert_null(cairn_trace_frame(trace, UINT32_MAX));
    assert_string_equal(cairn_trace_function(trace, 7)->name, "run");
    assert_string_equal(cairn_trace_function(trace, 2)->linkage_name, "_Z1fi");
    assert_string_equal(cairn_trace_source_file(trace, 1)->path, "a.c");
    assert_string_equal(cairn_trace_module(trace, 2)->path, "/lib/b.so");
    assert_int_equal(cairn_trace_frame(trace, 2)->line, CAIRN_UNKNOWN);
    check_stacks(trace);
    assert_int_equal(cairn_trace_load_stacks(trace, NULL), CAIRN_OK);
    check_stacks(trace);
    assert_int_equal(cairn_trace_counts(trace, &stacks, &frames, NULL), CAIRN_OK);
    assert_int_equal(stacks, STACKS);
    assert_int_equal(frames, 4);
    cairn_trace_close(trace);
}

/* So many single rows that the whole table is read on the way: every walk says the same. */
static void test_many_stacks(void **state)
{
    struct cairn_trace *trace = open_trace();
    (void)state;
    for (int i = 0; i < 20; i++)
        check_stacks(trace);
    cairn_trace_close(trace);
}

static size_t timeline(struct cairn_trace *trace, int64_t from_ns, int64_t to_ns, size_t wanted,
                       int64_t *level)
{
    struct cairn_timeline_point *points;
    size_t count;
    assert_int_equal(cairn_trace_timeline(trace, from_ns, to_ns, wanted, &points, &count, NULL), CAIRN_OK);
    *level = count ? points[0].heap_blocks : -1;
    assert_true(count == 0 || points[0].rss_bytes == CAIRN_UNKNOWN);
    free(points);
    return count;
}

static void test_timeline(void **state)
{
    struct cairn_trace *trace = open_trace();
    int64_t level;
    (void)state;
    assert_int_equal(timeline(trace, 0, 256000, 4, &level), 4);
    assert_int_equal(level, 2);
    assert_int_equal(timeline(trace, 0, 256000, 50, &level), 64);
    assert_int_equal(level, 1);
    /* More than there is: the best that reaches back to the start. */
    assert_int_equal(timeline(trace, 0, 256000, 5000, &level), 64);
    assert_int_equal(level, 1);
    assert_int_equal(timeline(trace, 200000, 256000, 5000, &level), 57);
    assert_int_equal(level, 0);
    assert_int_equal(timeline(trace, 300000, 400000, 10, &level), 0);
    cairn_trace_close(trace);
}

static void test_residency(void **state)
{
    static const int64_t asked[][2] = {{INT64_MIN, 100}, {0, 100},   {149, 100},
                                       {151, 200},       {260, 300}, {INT64_MAX, 300}};
    struct cairn_trace *trace = open_trace();
    (void)state;
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        struct cairn_residency *rows;
        size_t count;
        assert_int_equal(cairn_trace_residency(trace, asked[i][0], &rows, &count, NULL), CAIRN_OK);
        assert_int_equal(count, 2);
        assert_int_equal(rows[0].t_ns, asked[i][1]);
        assert_int_equal(rows[1].t_ns, asked[i][1]);
        assert_string_equal(rows[0].category, "file");
        assert_string_equal(rows[0].name, "/bin/a");
        free(rows);
    }
    cairn_trace_close(trace);
}

static void test_source_and_histogram(void **state)
{
    struct cairn_trace *trace = open_trace();
    struct cairn_source_line *lines;
    struct cairn_histogram_cell cells[CAIRN_SIZE_BUCKETS * CAIRN_LIFETIME_BUCKETS];
    size_t count;
    (void)state;
    assert_int_equal(cairn_trace_source(trace, 1, 5, 10, &lines, &count, NULL), CAIRN_OK);
    assert_int_equal(count, 3);
    assert_string_equal(lines[2].text, "line 10;");
    free(lines);
    assert_int_equal(cairn_trace_source(trace, 2, INT64_MIN, INT64_MAX, &lines, &count, NULL), CAIRN_OK);
    assert_int_equal(count, 0);
    free(lines);
    assert_int_equal(cairn_trace_histogram(trace, 2, cells, sizeof(cells) / sizeof(cells[0]), &count, NULL),
                     CAIRN_OK);
    assert_int_equal(count, 1);
    assert_int_equal(cells[0].blocks, 17);
    assert_int_equal(cairn_trace_histogram(trace, 1, cells, sizeof(cells) / sizeof(cells[0]), &count, NULL),
                     CAIRN_OK);
    assert_int_equal(count, 0);
    cairn_trace_close(trace);
}

static int destroyed;

static void destroy(void *companion)
{
    destroyed += *(int *)companion;
}

static void test_companion(void **state)
{
    struct cairn_trace *trace = open_trace();
    int first = 1, second = 10;
    bool changed = true;
    (void)state;
    assert_null(cairn_trace_companion(trace));
    cairn_trace_set_companion(trace, &first, destroy);
    assert_ptr_equal(cairn_trace_companion(trace), &first);
    cairn_trace_set_companion(trace, &second, destroy);
    assert_int_equal(destroyed, 1);
    assert_int_equal(cairn_trace_refresh(trace, &changed, NULL), CAIRN_OK);
    assert_false(changed);
    assert_int_equal(destroyed, 1);
    cairn_trace_close(trace);
    assert_int_equal(destroyed, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recording),      cmocka_unit_test(test_tables),
        cmocka_unit_test(test_snapshot_sites), cmocka_unit_test(test_names),
        cmocka_unit_test(test_timeline),       cmocka_unit_test(test_residency),
        cmocka_unit_test(test_companion),      cmocka_unit_test(test_source_and_histogram),
        cmocka_unit_test(test_many_stacks),
    };
    return cmocka_run_group_tests(tests, write_trace, remove_trace);
}
