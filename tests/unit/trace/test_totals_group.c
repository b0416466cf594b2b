/* The changes of many chunks in one blob: a slim copy's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fault.h"
#include "random_events.h"
#include "trace/totals_group.h"
#include "trace/varint.h"

#define ACCOUNTS 300u

static int64_t random_total(uint64_t *seed)
{
    return cairn_unzigzag(random_next(seed) >> random_below(seed, 64));
}

/* Rows of some accounts: blocks of a size for each, as programs have them, or (`wild`) any numbers. */
static size_t make_rows(struct cairn_account_totals *rows, uint64_t *seed, bool wild, bool sampled)
{
    size_t count = 0;
    const uint64_t step = 1 + random_below(seed, 9);
    for (uint32_t account = 1; account <= ACCOUNTS; account += 1 + (uint32_t)random_below(seed, step)) {
        struct cairn_totals *totals = &rows[count].totals;
        rows[count++].account = account;
        memset(totals, 0, sizeof(*totals));
        totals->live_blocks = wild ? random_total(seed) : (int64_t)random_below(seed, 21) - 10;
        totals->allocations = wild ? random_total(seed) : (int64_t)random_below(seed, 100);
        totals->live_bytes = wild ? random_total(seed) : totals->live_blocks * (int64_t)(account * 8);
        totals->allocated_bytes = wild ? random_total(seed) : totals->allocations * (int64_t)(account * 8);
        totals->reallocs = random_total(seed);
        totals->temporary = wild ? random_total(seed) : 0;
        totals->live_variance = sampled ? random_total(seed) : 0;
        totals->allocated_variance = sampled ? random_total(seed) : 0;
    }
    return count;
}

/* Some chunks without any row are among them. */
static void make_group(struct cairn_totals_group *group, size_t chunks, uint64_t seed, bool wild,
                       bool sampled)
{
    static struct cairn_account_totals rows[ACCOUNTS];
    cairn_totals_group_reset(group);
    for (size_t i = 0; i < chunks; i++) {
        const size_t count = random_below(&seed, 4) ? make_rows(rows, &seed, wild, sampled) : 0;
        assert_true(cairn_totals_group_fits(group, count));
        assert_true(cairn_totals_group_add(group, rows, count));
    }
}

static void assert_same(const struct cairn_totals_group *a, const struct cairn_totals_group *b)
{
    assert_int_equal(a->chunks, b->chunks);
    assert_memory_equal(a->first, b->first, (a->chunks + 1) * sizeof(a->first[0]));
    for (size_t i = 0; i < a->first[a->chunks]; i++) {
        assert_int_equal(a->rows[i].account, b->rows[i].account);
        assert_memory_equal(&a->rows[i].totals, &b->rows[i].totals, sizeof(a->rows[i].totals));
    }
}

/* Whatever a group says of itself must be so: it is indexed by it. */
static void assert_sound(const struct cairn_totals_group *group)
{
    assert_in_range(group->chunks, 1, CAIRN_GROUP_CHUNKS);
    for (size_t chunk = 0; chunk < group->chunks; chunk++) {
        uint32_t last = 0;
        for (size_t i = group->first[chunk]; i < group->first[chunk + 1]; i++) {
            assert_true(group->rows[i].account > last && group->rows[i].account <= ACCOUNTS);
            last = group->rows[i].account;
        }
    }
}

static void test_groups_come_back(void **state)
{
    (void)state;
    struct cairn_totals_group group = {.chunks = 0};
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct cairn_buffer blob = CAIRN_BUFFER_INIT;
        struct cairn_totals_group found;
        size_t at;
        make_group(&group, 1 + seed % CAIRN_GROUP_CHUNKS, seed, seed & 1, seed & 2);
        assert_int_equal(cairn_totals_group_encode(&group, 1, &blob, NULL), CAIRN_OK);
        assert_true(cairn_totals_is_group(blob.data, blob.length));
        assert_false(cairn_totals_is_member(blob.data, blob.length, &at));
        assert_int_equal(cairn_totals_claimed(blob.data, blob.length), 0);
        assert_int_equal(cairn_totals_group_decode(blob.data, blob.length, ACCOUNTS, &found, NULL), CAIRN_OK);
        assert_sound(&found);
        assert_same(&group, &found);
        cairn_totals_group_release(&found);
        cairn_buffer_release(&blob);
    }
    cairn_totals_group_release(&group);
}

/* So that one moment costs little to read. */
static void test_how_much_fits(void **state)
{
    (void)state;
    const size_t many = CAIRN_GROUP_ROWS + 1;
    struct cairn_account_totals *rows = calloc(many, sizeof(*rows));
    assert_non_null(rows);
    for (size_t i = 0; i < many; i++) {
        rows[i] = (struct cairn_account_totals){.account = (uint32_t)i + 1, .totals.live_blocks = 1};
    }
    struct cairn_totals_group group = {.chunks = 0}, found;
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    assert_true(cairn_totals_group_fits(&group, many));
    assert_true(cairn_totals_group_add(&group, rows, many));
    assert_false(cairn_totals_group_fits(&group, 0));
    assert_int_equal(cairn_totals_group_encode(&group, 1, &blob, NULL), CAIRN_OK);
    assert_int_equal(cairn_totals_group_decode(blob.data, blob.length, many - 1, &found, NULL),
                     CAIRN_E_FORMAT);
    assert_int_equal(cairn_totals_group_decode(blob.data, blob.length, many, &found, NULL), CAIRN_OK);
    assert_same(&group, &found);
    cairn_totals_group_release(&found);
    cairn_totals_group_reset(&group);
    assert_true(cairn_totals_group_add(&group, rows, CAIRN_GROUP_ROWS - 1));
    assert_true(cairn_totals_group_fits(&group, 1));
    assert_false(cairn_totals_group_fits(&group, 2));
    /* Two chunks of more than fit together are not believed. */
    assert_true(cairn_totals_group_add(&group, rows, 2));
    cairn_buffer_reset(&blob);
    assert_int_equal(cairn_totals_group_encode(&group, 1, &blob, NULL), CAIRN_OK);
    assert_int_equal(cairn_totals_group_decode(blob.data, blob.length, many, &found, NULL), CAIRN_E_FORMAT);
    cairn_totals_group_reset(&group);
    for (size_t i = 0; i < CAIRN_GROUP_CHUNKS; i++) {
        assert_true(cairn_totals_group_fits(&group, 0));
        assert_true(cairn_totals_group_add(&group, rows, 0));
    }
    assert_false(cairn_totals_group_fits(&group, 0));
    cairn_buffer_release(&blob);
    cairn_totals_group_release(&group);
    free(rows);
}

static void test_rows_out_of_order_are_refused(void **state)
{
    (void)state;
    const struct cairn_account_totals twice[] = {{.account = 5}, {.account = 5}}, zero[] = {{.account = 0}};
    struct cairn_totals_group group = {.chunks = 0};
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    assert_true(cairn_totals_group_add(&group, twice, 2));
    assert_int_equal(cairn_totals_group_encode(&group, 1, &blob, NULL), CAIRN_E_FORMAT);
    cairn_totals_group_reset(&group);
    assert_true(cairn_totals_group_add(&group, zero, 1));
    assert_int_equal(cairn_totals_group_encode(&group, 1, &blob, NULL), CAIRN_E_FORMAT);
    assert_int_equal(blob.length, 0);
    /* The same account in two chunks is what groups are for. */
    cairn_totals_group_reset(&group);
    assert_true(cairn_totals_group_add(&group, twice, 1) && cairn_totals_group_add(&group, twice, 1));
    assert_int_equal(cairn_totals_group_encode(&group, 1, &blob, NULL), CAIRN_OK);
    cairn_buffer_release(&blob);
    cairn_totals_group_release(&group);
}

static void test_members(void **state)
{
    (void)state;
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    size_t at = 7;
    for (size_t i = 1; i < CAIRN_GROUP_CHUNKS; i++) {
        cairn_buffer_reset(&blob);
        cairn_totals_member_encode(i, &blob);
        assert_true(cairn_totals_is_member(blob.data, blob.length, &at));
        assert_int_equal(at, i);
        assert_false(cairn_totals_is_group(blob.data, blob.length));
    }
    static const struct {
        uint8_t bytes[3];
        size_t size;
    } wrong[] = {{{5}, 0},       {{5}, 1},       {{5, 0}, 2}, {{5, CAIRN_GROUP_CHUNKS}, 2},
                 {{5, 1, 0}, 3}, {{5, 0x81}, 2}, {{1, 1}, 2}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(cairn_totals_is_member(wrong[i].bytes, wrong[i].size, &at));
    }
    cairn_buffer_release(&blob);
}

/* Every changed bit, changed bytes and every cut: refused, or rows in order that are there. */
static void test_damaged_groups(void **state)
{
    (void)state;
    struct cairn_totals_group group = {.chunks = 0}, found;
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    uint64_t seed = 5;
    make_group(&group, 4, 3, true, true);
    assert_int_equal(cairn_totals_group_encode(&group, 1, &blob, NULL), CAIRN_OK);
    for (size_t round = 0; round < 20000; round++) {
        const size_t at = random_below(&seed, round % 2 ? blob.length : 60);
        const char before = blob.data[at];
        blob.data[at] = (char)random_next(&seed);
        if (cairn_totals_group_decode(blob.data, blob.length, ACCOUNTS, &found, NULL) == CAIRN_OK) {
            assert_sound(&found);
            cairn_totals_group_release(&found);
        }
        blob.data[at] = before;
    }
    for (size_t size = 0; size < blob.length; size += 1 + size / 100) {
        assert_int_equal(cairn_totals_group_decode(blob.data, size, ACCOUNTS, &found, NULL), CAIRN_E_FORMAT);
    }
    cairn_buffer_byte(&blob, 0);
    assert_int_equal(cairn_totals_group_decode(blob.data, blob.length, ACCOUNTS, &found, NULL),
                     CAIRN_E_FORMAT);
    cairn_buffer_release(&blob);
    cairn_totals_group_release(&group);
}

static void test_absurd_groups(void **state)
{
    (void)state;
    static const uint64_t heads[][4] = {
        {3, 0, 0, 0},          {3, CAIRN_GROUP_CHUNKS + 1, 0, 0},
        {3, UINT64_MAX, 0, 0}, {3, 2, CAIRN_GROUP_ROWS + 1, 2},
        {3, 1, UINT64_MAX, 1}, {3, 1, ACCOUNTS + 1, 1},
        {4, 2, 5, UINT64_MAX}, {6, 1, 1, 1},
        {3, 2, 5, 1},          {3, 2, 5, 21},
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        uint8_t bytes[60 * CAIRN_VARINT_MAX_BYTES], *end = bytes;
        struct cairn_totals_group found;
        for (size_t k = 0; k < 4; k++) {
            end = cairn_varint_write(end, heads[i][k]);
        }
        for (size_t k = 0; k < 40; k++) {
            end = cairn_varint_write(end, 1);
        }
        assert_int_equal(cairn_totals_group_decode(bytes, (size_t)(end - bytes), ACCOUNTS, &found, NULL),
                         CAIRN_E_FORMAT);
    }
}

static void test_groups_out_of_memory(void **state)
{
    (void)state;
    struct cairn_totals_group group = {.chunks = 0}, found = {.chunks = 0};
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    make_group(&group, 3, 3, false, false);
    bool failed = true;
    for (unsigned long at = 1; failed; at++) {
        cairn_buffer_release(&blob);
        fault_allocation(at);
        const enum cairn_status status = cairn_totals_group_encode(&group, 1, &blob, NULL);
        failed = fault_happened();
        assert_int_equal(status, failed ? CAIRN_E_NOMEM : CAIRN_OK);
    }
    failed = true;
    for (unsigned long at = 1; failed; at++) {
        fault_allocation(at);
        const enum cairn_status status =
            cairn_totals_group_decode(blob.data, blob.length, ACCOUNTS, &found, NULL);
        failed = fault_happened();
        assert_true(status == CAIRN_OK ||
                    failed); /* zstd's own memory is its frame that does not decompress */
        assert_true(status != CAIRN_OK || !failed);
        cairn_totals_group_release(&found);
    }
    fault_allocation(1);
    const struct cairn_account_totals row = {.account = 1};
    assert_false(cairn_totals_group_add(&found, &row, 1));
    assert_true(fault_happened());
    cairn_buffer_release(&blob);
    cairn_totals_group_release(&found);
    cairn_totals_group_release(&group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_come_back),
        cmocka_unit_test(test_how_much_fits),
        cmocka_unit_test(test_rows_out_of_order_are_refused),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_damaged_groups),
        cmocka_unit_test(test_absurd_groups),
        cmocka_unit_test(test_groups_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
