#include "query/rss.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"
#include "names.h"

#define MIB          (INT64_C(1) << 20)
#define SAMPLE_NS    INT64_C(50000000)

#define SMALL_BYTES  INT64_C(512)
#define SMALL_BLOCKS 32
#define ARENA_BYTES  (INT64_C(64) << 10)
#define ARENA_FREE   (ARENA_BYTES - SMALL_BLOCKS * SMALL_BYTES)

/* Live heap 12 MiB; of it 32 small Python objects in an arena and a large one of 1 MiB. Mapped 4 MiB and 1 MiB. */
static void make_memory(struct fixture *fixture)
{
    static const struct {
        uint32_t domain, stack;
        uint64_t size;
    } rows[] = {{0, 5, 11 * MIB - SMALL_BLOCKS * SMALL_BYTES},
                {1, 10, MIB},
                {6, 7, ARENA_BYTES},
                {4, 8, 4 * MIB},
                {4, 9, MIB}};
    fixture->events = calloc(16 + SMALL_BLOCKS, sizeof(*fixture->events));
    assert_non_null(fixture->events);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fixture_push(
            fixture, 1000000,
            (struct cairn_event){.kind = CAIRN_EVENT_ALLOC,
                                 .account = fixture_account(fixture, 1, rows[i].domain, rows[i].stack),
                                 .size = rows[i].size});
    }
    for (size_t i = 0; i < SMALL_BLOCKS; i++) {
        fixture_push(fixture, 1000000,
                     (struct cairn_event){.kind = CAIRN_EVENT_ALLOC,
                                          .account = fixture_account(fixture, 1, 1, 6),
                                          .size = SMALL_BYTES});
    }
    fixture->duration_ns = 100000000;
}

static void add(struct cairn_writer *writer, const char *category, const char *name, int64_t bytes)
{
    cairn_writer_residency(writer, &(struct cairn_residency){.t_ns = SAMPLE_NS,
                                                             .process = 1,
                                                             .category = category,
                                                             .name = name,
                                                             .rss_bytes = bytes,
                                                             .size_bytes = bytes});
}

static void write_residency(const struct fixture *fixture, struct cairn_writer *writer)
{
    (void)fixture;
    add(writer, "heap", "", 12 * MIB);
    add(writer, "anonymous", "", 9 * MIB);
    add(writer, "stack", "", MIB / 8);
    add(writer, "file", "/usr/lib/libbig.so", 3 * MIB);
    add(writer, "file", "/usr/bin/prog", MIB);
    add(writer, "shared", "/memfd:ring", MIB);
    add(writer, "other", "[vdso]", 4096);
}

static void ask(const struct fixture_options *options, struct cairn_rss *rss)
{
    struct fixture fixture;
    struct cairn_trace *trace;
    struct cairn_error error;
    struct cairn_moment at;
    const struct cairn_selection selection = {.by = CAIRN_BY_FUNCTION};
    fixture_init(&fixture, options);
    assert_int_equal(cairn_trace_open(fixture.path, NULL, &trace, &error), CAIRN_OK);
    assert_int_equal(cairn_moment_parse(trace, "end", NULL, 0, &at, &error), CAIRN_OK);
    if (cairn_rss(trace, &selection, &at, rss, &error) != CAIRN_OK) {
        fail_msg("%s", error.message);
    }
    cairn_trace_close(trace);
    fixture_release(&fixture);
}

static int64_t bytes_of(const struct cairn_rss *rss, const char *category)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < rss->row_count; i++) {
        bytes += strcmp(rss->rows[i].category, category) == 0 ? rss->rows[i].bytes : 0;
    }
    return bytes;
}

static void assert_adds_up(const struct cairn_rss *rss)
{
    int64_t sum = 0;
    for (size_t i = 0; i < rss->row_count; i++) {
        sum += rss->rows[i].bytes;
        assert_true(rss->rows[i].bytes >= 0);
        assert_true(strlen(rss->rows[i].note) > 0);
    }
    assert_int_equal(sum, rss->total_bytes);
}

static void test_mappings(void **state)
{
    (void)state;
    struct cairn_rss rss;
    ask(&(struct fixture_options){.seed = 2,
                                  .processes = 1,
                                  .make_events = make_memory,
                                  .write_more = write_residency,
                                  .incomplete = true},
        &rss);
    assert_int_equal(rss.total_bytes, 26 * MIB + MIB / 8 + 4096);
    assert_adds_up(&rss);
    assert_int_equal(rss.at.t_ns, SAMPLE_NS);
    assert_int_equal(bytes_of(&rss, "live heap"), 12 * MIB);
    assert_int_equal(bytes_of(&rss, "python arenas"), ARENA_FREE);
    assert_int_equal(bytes_of(&rss, "mmap"), 5 * MIB);
    assert_int_equal(bytes_of(&rss, "free in allocator"), 4 * MIB - ARENA_FREE);
    assert_int_equal(bytes_of(&rss, "stacks"), MIB / 8);
    assert_int_equal(bytes_of(&rss, "files"), 4 * MIB);
    assert_int_equal(bytes_of(&rss, "shared"), MIB);
    assert_int_equal(bytes_of(&rss, "unexplained"), 4096);
    for (size_t i = 0; i < rss.row_count; i++) {
        if (strcmp(rss.rows[i].category, "files") == 0) {
            assert_string_equal(rss.rows[i].note, "libbig.so 3.0 MiB, prog 1.0 MiB");
        }
        if (strcmp(rss.rows[i].category, "python arenas") == 0) {
            assert_string_equal(rss.rows[i].note,
                                "free in 64.0 KiB of pymalloc's arenas, which are about 25 % full");
        }
    }
    cairn_rss_release(&rss);
}

static void write_sums(const struct fixture *fixture, struct cairn_writer *writer)
{
    (void)fixture;
    cairn_writer_timeline(writer, 0,
                          &(struct cairn_timeline_point){.t_ns = SAMPLE_NS,
                                                         .rss_bytes = 15 * MIB,
                                                         .rss_anonymous_bytes = 9 * MIB,
                                                         .rss_file_bytes = 4 * MIB,
                                                         .rss_shared_bytes = MIB});
}

/* Only the timeline's sums, and less of them than the ledger says is live: some was never touched. */
static void test_sums(void **state)
{
    (void)state;
    struct cairn_rss rss;
    ask(&(struct fixture_options){.seed = 2,
                                  .processes = 1,
                                  .make_events = make_memory,
                                  .write_more = write_sums,
                                  .incomplete = true},
        &rss);
    assert_int_equal(rss.total_bytes, 15 * MIB);
    assert_adds_up(&rss);
    assert_int_equal(bytes_of(&rss, "live heap"), 9 * MIB);
    assert_non_null(strstr(rss.rows[0].note, "3.0 MiB more are not resident"));
    assert_int_equal(bytes_of(&rss, "free in allocator"), 0);
    assert_int_equal(bytes_of(&rss, "unexplained"), MIB);
    cairn_rss_release(&rss);
}

static void test_never_measured(void **state)
{
    (void)state;
    struct cairn_rss rss;
    ask(&(struct fixture_options){.seed = 2, .processes = 1, .make_events = make_memory, .incomplete = true},
        &rss);
    assert_true(rss.total_bytes == CAIRN_UNKNOWN);
    assert_int_equal(bytes_of(&rss, "live heap"), 12 * MIB);
    assert_non_null(strstr(rss.rows[rss.row_count - 1].note, "was not measured"));
    cairn_rss_release(&rss);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mappings),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_never_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
