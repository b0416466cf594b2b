/* The blobs of totals and histograms, and the numbers they are made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fault.h"
#include "random_events.h"
#include "trace/event.h"
#include "trace/varint.h"

#define CELLS (CAIRN_SIZE_BUCKETS * CAIRN_LIFETIME_BUCKETS)

static void test_varints(void **state)
{
    (void)state;
    static const uint64_t values[] = {
        0, 1, 127, 128, 16383, 16384, UINT32_MAX, INT64_MAX, UINT64_MAX - 1, UINT64_MAX};
    uint8_t bytes[CAIRN_VARINT_MAX_BYTES];
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const uint8_t *const end = cairn_varint_write(bytes, values[i]);
        for (const uint8_t *cut = bytes; cut < end; cut++) {
            struct cairn_varint_reader reader = {.at = bytes, .end = cut};
            uint64_t value = 7;
            assert_false(cairn_varint_read(&reader, &value));
            assert_true(value == 7 && reader.at == bytes);
        }
        struct cairn_varint_reader reader = {.at = bytes, .end = end};
        uint64_t value;
        assert_true(cairn_varint_read(&reader, &value) && value == values[i] && reader.at == end);
        assert_true(cairn_zigzag(cairn_unzigzag(values[i])) == values[i]);
    }
    assert_true(cairn_unzigzag(0) == 0 && cairn_unzigzag(1) == -1 && cairn_unzigzag(2) == 1);
    assert_true(cairn_unzigzag(UINT64_MAX) == INT64_MIN);
}

static void test_varints_that_are_none(void **state)
{
    (void)state;
    static const uint8_t large[10] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2};
    static const uint8_t endless[12] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0};
    uint64_t value;
    struct cairn_varint_reader reader = {.at = large, .end = large + sizeof large};
    assert_false(cairn_varint_read(&reader, &value));
    reader = (struct cairn_varint_reader){.at = endless, .end = endless + sizeof endless};
    assert_false(cairn_varint_read(&reader, &value));
}

static int64_t random_total(uint64_t *seed)
{
    const uint64_t value = random_next(seed) >> random_below(seed, 64);
    return cairn_unzigzag(value);
}

static size_t make_rows(struct cairn_account_totals *rows, size_t count, uint64_t seed, bool sampled)
{
    uint32_t account = 0;
    for (size_t i = 0; i < count; i++) {
        account += 1 + (uint32_t)random_below(&seed, 5);
        rows[i] = (struct cairn_account_totals){.account = account,
                                                .totals = {.live_bytes = random_total(&seed),
                                                           .live_blocks = random_total(&seed),
                                                           .allocated_bytes = random_total(&seed),
                                                           .allocations = random_total(&seed),
                                                           .reallocs = random_total(&seed),
                                                           .temporary = random_total(&seed)}};
        if (sampled) {
            rows[i].totals.live_variance = random_total(&seed);
            rows[i].totals.allocated_variance = random_total(&seed);
        }
    }
    return count;
}

static void check_totals_come_back(bool sampled)
{
    static struct cairn_account_totals rows[2000];
    for (size_t count = 0; count <= 2000; count = count * 2 + 1) {
        struct cairn_buffer blob = CAIRN_BUFFER_INIT;
        struct cairn_account_totals *found;
        size_t found_count = 7;
        make_rows(rows, count, count, sampled);
        assert_int_equal(cairn_totals_encode(rows, count, 1, &blob, NULL), CAIRN_OK);
        assert_int_equal(cairn_totals_decode(blob.data, blob.length, &found, &found_count, NULL), CAIRN_OK);
        assert_int_equal(cairn_totals_claimed(blob.data, blob.length), found_count);
        assert_int_equal(found_count, count);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(found[i].account, rows[i].account);
            assert_memory_equal(&found[i].totals, &rows[i].totals, sizeof rows[i].totals);
        }
        free(found);
        cairn_buffer_release(&blob);
    }
}

static void test_totals_come_back(void **state)
{
    (void)state;
    check_totals_come_back(false);
    check_totals_come_back(true);
}

static void test_zero_rows_are_left_out(void **state)
{
    (void)state;
    const struct cairn_account_totals rows[] = {{.account = 1},
                                                {.account = 5, .totals.temporary = -1},
                                                {.account = 9},
                                                {.account = UINT32_MAX, .totals.live_bytes = 1}};
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    struct cairn_account_totals *found;
    size_t count;
    assert_int_equal(cairn_totals_encode(rows, 4, 19, &blob, NULL), CAIRN_OK);
    assert_int_equal(cairn_totals_decode(blob.data, blob.length, &found, &count, NULL), CAIRN_OK);
    assert_int_equal(count, 2);
    assert_int_equal(found[0].account, 5);
    assert_int_equal(found[0].totals.temporary, -1);
    assert_true(found[1].account == UINT32_MAX);
    free(found);
    cairn_buffer_release(&blob);
}

static void test_rows_out_of_order_are_refused(void **state)
{
    (void)state;
    const struct cairn_account_totals twice[] = {{.account = 5}, {.account = 5}}, zero[] = {{.account = 0}};
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    assert_int_equal(cairn_totals_encode(twice, 2, 1, &blob, NULL), CAIRN_E_FORMAT);
    assert_int_equal(cairn_totals_encode(zero, 1, 1, &blob, NULL), CAIRN_E_FORMAT);
    assert_int_equal(blob.length, 0);
    cairn_buffer_release(&blob);
}

/* Every changed bit and every cut: refused, or rows in order. */
static void test_damaged_totals(void **state)
{
    (void)state;
    static struct cairn_account_totals rows[50];
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    make_rows(rows, 50, 3, true);
    assert_int_equal(cairn_totals_encode(rows, 50, 1, &blob, NULL), CAIRN_OK);
    for (size_t bit = 0; bit < blob.length * 8; bit++) {
        struct cairn_account_totals *found = NULL;
        size_t count = 0;
        blob.data[bit / 8] ^= (char)(1 << bit % 8);
        if (cairn_totals_decode(blob.data, blob.length, &found, &count, NULL) == CAIRN_OK) {
            for (size_t i = 0; i < count; i++) {
                assert_true(found[i].account > (i ? found[i - 1].account : 0));
            }
            free(found);
        }
        blob.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t size = 0; size < blob.length; size++) {
        struct cairn_account_totals *found;
        size_t count;
        assert_int_equal(cairn_totals_decode(blob.data, size, &found, &count, NULL), CAIRN_E_FORMAT);
    }
    cairn_buffer_release(&blob);
}

static void test_absurd_totals(void **state)
{
    (void)state;
    static const uint64_t heads[][3] = {
        {0, 1, 7}, {1, UINT64_MAX, 7}, {1, 1, UINT64_MAX}, {1, 1u << 25, 7u << 25},
        {1, 1, 6}, {1, 1, 71},         {1, 1000, 7000}};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        uint8_t bytes[3 * CAIRN_VARINT_MAX_BYTES];
        uint8_t *end = bytes;
        for (size_t k = 0; k < 3; k++) {
            end = cairn_varint_write(end, heads[i][k]);
        }
        struct cairn_account_totals *found;
        size_t count;
        assert_int_equal(cairn_totals_claimed(bytes, (size_t)(end - bytes)), heads[i][1] == 1000 ? 1000 : 0);
        assert_int_equal(cairn_totals_decode(bytes, (size_t)(end - bytes), &found, &count, NULL),
                         CAIRN_E_FORMAT);
    }
}

static void test_totals_out_of_memory(void **state)
{
    (void)state;
    static struct cairn_account_totals rows[50];
    make_rows(rows, 50, 3, true);
    bool failed = true;
    for (unsigned long at = 1; failed; at++) {
        struct cairn_buffer blob = CAIRN_BUFFER_INIT;
        fault_allocation(at);
        const enum cairn_status status = cairn_totals_encode(rows, 50, 1, &blob, NULL);
        failed = fault_happened();
        assert_int_equal(status, failed ? CAIRN_E_NOMEM : CAIRN_OK);
        cairn_buffer_release(&blob);
    }
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    assert_int_equal(cairn_totals_encode(rows, 50, 1, &blob, NULL), CAIRN_OK);
    failed = true;
    for (unsigned long at = 1; failed; at++) {
        struct cairn_account_totals *found = NULL;
        size_t count;
        fault_allocation(at);
        const enum cairn_status status = cairn_totals_decode(blob.data, blob.length, &found, &count, NULL);
        failed = fault_happened();
        assert_int_equal(status, failed ? CAIRN_E_NOMEM : CAIRN_OK);
        free(found);
    }
    cairn_buffer_release(&blob);
}

static void test_histograms(void **state)
{
    (void)state;
    static struct cairn_histogram_cell cells[CELLS], found[CELLS];
    uint64_t seed = 4;
    for (size_t i = 0; i < CELLS; i++) {
        const uint64_t blocks = random_next(&seed) >> 1 >> random_below(&seed, 63);
        cells[i] = (struct cairn_histogram_cell){.size_bucket = (uint8_t)(i / CAIRN_LIFETIME_BUCKETS),
                                                 .lifetime_bucket = (uint8_t)(i % CAIRN_LIFETIME_BUCKETS),
                                                 .blocks = blocks,
                                                 .temporary = blocks / 3};
    }
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    size_t count = 0;
    assert_int_equal(cairn_histogram_encode(cells, CELLS, &blob, NULL), CAIRN_OK);
    assert_int_equal(cairn_histogram_decode(blob.data, blob.length, found, CELLS, &count, NULL), CAIRN_OK);
    assert_int_equal(count, CELLS);
    for (size_t i = 0; i < CELLS; i++) {
        assert_true(found[i].size_bucket == cells[i].size_bucket && found[i].blocks == cells[i].blocks &&
                    found[i].lifetime_bucket == cells[i].lifetime_bucket &&
                    found[i].temporary == cells[i].temporary);
    }
    count = 7;
    assert_int_equal(cairn_histogram_decode(blob.data, blob.length, found, CELLS - 1, &count, NULL),
                     CAIRN_E_FORMAT);
    for (size_t size = 0; size < blob.length; size += 1 + size / 50) {
        assert_int_equal(cairn_histogram_decode(blob.data, size, found, CELLS, &count, NULL), CAIRN_E_FORMAT);
    }
    assert_int_equal(count, 7);
    cairn_buffer_release(&blob);
}

static void test_impossible_histograms(void **state)
{
    (void)state;
    static const uint8_t blobs[][7] = {
        {1, 1, CAIRN_SIZE_BUCKETS, 0, 1, 0}, /* no such size bucket */
        {1, 1, 0, CAIRN_LIFETIME_BUCKETS, 1, 0},
        {1, 1, 0, 0, 1, 2}, /* more temporary blocks than blocks */
        {1, 0, 0, 0, 1, 1}, /* bytes behind the last cell */
        {2, 1, 0, 0, 1, 1},
    };
    struct cairn_histogram_cell cell;
    size_t count = 7;
    for (size_t i = 0; i < sizeof blobs / sizeof *blobs; i++) {
        assert_int_equal(cairn_histogram_decode(blobs[i], 6, &cell, 1, &count, NULL), CAIRN_E_FORMAT);
    }
    assert_int_equal(count, 7);
    static const uint8_t good[] = {1, 1, 0, 0, 1, 1};
    assert_int_equal(cairn_histogram_decode(good, sizeof good, &cell, 1, &count, NULL), CAIRN_OK);
    assert_int_equal(count, 1);
}

static void test_buckets(void **state)
{
    (void)state;
    assert_int_equal(cairn_size_bucket(0), 0);
    assert_int_equal(cairn_size_bucket(1), 1);
    assert_int_equal(cairn_size_bucket(255), 8);
    assert_int_equal(cairn_size_bucket(256), 9);
    assert_int_equal(cairn_size_bucket(UINT64_MAX), CAIRN_SIZE_BUCKETS - 1);
    assert_int_equal(cairn_lifetime_bucket(999), 0);
    assert_int_equal(cairn_lifetime_bucket(1000), 1);
    assert_int_equal(cairn_lifetime_bucket(UINT64_MAX), 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_varints),
        cmocka_unit_test(test_varints_that_are_none),
        cmocka_unit_test(test_totals_come_back),
        cmocka_unit_test(test_zero_rows_are_left_out),
        cmocka_unit_test(test_rows_out_of_order_are_refused),
        cmocka_unit_test(test_damaged_totals),
        cmocka_unit_test(test_absurd_totals),
        cmocka_unit_test(test_totals_out_of_memory),
        cmocka_unit_test(test_histograms),
        cmocka_unit_test(test_impossible_histograms),
        cmocka_unit_test(test_buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
