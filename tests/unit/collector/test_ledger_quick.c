/* The short way of a whole realloc where the young places of two blocks are one: which the ledger's model meets too rarely. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/ledger_quick.h"
#include "rig.h"

struct books {
    struct rig rig;
    struct cairn_ledger_process *process;
    struct cairn_ledger_thread thread;
    struct cairn_ledger_run run;
    uint32_t account;
    uint64_t stamp;
};

static void begin(struct books *books)
{
    *books = (struct books){.thread.number = 1};
    rig_start(&books->rig);
    struct cairn_ledger *ledger = books->rig.recorder->ledger;
    books->process = cairn_ledger_process_new(ledger, 1, NULL);
    cairn_ledger_first_thread(ledger, books->process, 1, 0);
    books->account = cairn_ledger_account(ledger, 1, 1, CAIRN_DOMAIN_MALLOC, 0);
    /* As if thousands had been made already: the first one brings the young places. */
    books->process->live->puts = UINT32_MAX - 1;
    const struct cairn_ledger_time when = {.stamp = 1, .us = 1};
    cairn_ledger_alloc(ledger, books->process, &books->thread, when, books->account, 0x10, 1, 0);
    cairn_ledger_free_block(ledger, books->process, &books->thread, when, 0x10, 0, 0);
    assert_non_null(books->process->live->young);
    assert_true(cairn_ledger_run_begin(&books->run, ledger, books->process, &books->thread, 1));
    books->stamp = 1;
}

static void finish(struct books *books)
{
    cairn_ledger_run_end(&books->run, books->stamp);
    rig_finish(&books->rig);
    rig_release(&books->rig);
}

static uint64_t key_of(uint64_t address)
{
    return cairn_live_key(address, CAIRN_DOMAIN_MALLOC);
}

static struct cairn_live_slot *place_of(const struct books *books, uint64_t address)
{
    return cairn_young_ahead(books->process->live, key_of(address));
}

/* Another address with the same young place. */
static uint64_t neighbour_of(const struct books *books, uint64_t address)
{
    uint64_t other = address + 16;
    while (place_of(books, other) != place_of(books, address)) {
        other += 16;
    }
    return other;
}

static bool alloc(struct books *books, uint64_t address, uint64_t size)
{
    return cairn_ledger_run_alloc(&books->run, ++books->stamp, books->account, key_of(address),
                                  place_of(books, address), size);
}

static bool change(struct books *books, uint64_t old, uint64_t address, uint64_t size)
{
    return cairn_ledger_run_realloc(&books->run, ++books->stamp, books->account, key_of(address),
                                    place_of(books, address), size, key_of(old), place_of(books, old));
}

static bool release(struct books *books, uint64_t address)
{
    return cairn_ledger_run_free(&books->run, ++books->stamp, key_of(address), place_of(books, address),
                                 false);
}

/* The new block takes the place of the old one. */
static void into_its_own_place(void **state)
{
    (void)state;
    struct books books;
    begin(&books);
    const uint64_t first = 0x1000, second = neighbour_of(&books, first);
    assert_true(alloc(&books, first, 10));
    assert_true(change(&books, first, second, 20));
    assert_false(release(&books, first));
    assert_true(change(&books, second, second, 30)); /* where it is */
    assert_int_equal(books.process->live->count, 1);
    assert_int_equal(books.run.traced_bytes, 30);
    assert_true(release(&books, second));
    assert_int_equal(books.process->live->count, 0);
    finish(&books);
}

/* The old block is in the table, and another one is young in the new block's place. */
static void from_the_table(void **state)
{
    (void)state;
    struct books books;
    begin(&books);
    const uint64_t first = 0x1000, second = neighbour_of(&books, first), third = neighbour_of(&books, second);
    assert_true(alloc(&books, first, 10));
    assert_true(alloc(&books, second, 20)); /* moves the first one into the table */
    assert_true(change(&books, first, third, 40));
    assert_int_equal(books.process->live->count, 2);
    assert_int_equal(books.run.traced_bytes, 60);
    assert_false(release(&books, first));
    assert_true(release(&books, second));
    assert_true(release(&books, third));
    assert_int_equal(books.process->live->count, 0);
    finish(&books);
}

/* Of a block that is not known nothing is done: who was in the new one's place is there once. */
static void of_no_block(void **state)
{
    (void)state;
    struct books books;
    begin(&books);
    const uint64_t first = 0x1000, second = neighbour_of(&books, first), third = neighbour_of(&books, second);
    assert_true(alloc(&books, first, 10));
    assert_false(change(&books, third, second, 20));
    assert_int_equal(books.process->live->count, 1);
    assert_int_equal(books.run.traced_bytes, 10);
    assert_true(release(&books, first));
    assert_true(alloc(&books, second, 20));
    assert_false(release(&books, first));
    assert_false(change(&books, first, second, 30)); /* it lives */
    assert_true(release(&books, second));
    assert_false(change(&books, first, 0x20, 30));
    assert_int_equal(books.process->live->count, 0);
    assert_int_equal(books.run.traced_bytes, 0);
    finish(&books);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(into_its_own_place), cmocka_unit_test(from_the_table),
                                       cmocka_unit_test(of_no_block)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
