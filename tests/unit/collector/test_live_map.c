/* The live map against a plain array of blocks: random puts and takes, replaced blocks, two domains at one address, forks
 * whose sides change alone, sizes that a slot has no room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/live_map.h"

#define ADDRESSES 20000u
#define MAPS      4u

static uint64_t seed = 88172645463325252ull;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Blocks by address index and domain; size UINT64_MAX: none. */
struct model {
    struct cairn_live_block blocks[ADDRESSES][2];
    uint64_t count;
};

static void model_clear(struct model *model)
{
    memset(model, 0, sizeof *model);
    for (size_t i = 0; i < ADDRESSES; i++) {
        model->blocks[i][0].size = UINT64_MAX;
        model->blocks[i][1].size = UINT64_MAX;
    }
}

static uint64_t address_of(size_t index)
{
    return 0x7f0000000000ull + index * 16;
}

static void assert_same(const struct cairn_live_block *got, const struct cairn_live_block *expected)
{
    assert_int_equal(got->address, expected->address);
    assert_int_equal(got->size, expected->size);
    assert_int_equal(got->birth, expected->birth);
    assert_int_equal(got->time_us, expected->time_us);
    assert_int_equal(got->account, expected->account);
    assert_int_equal(got->domain, expected->domain);
}

static uint64_t random_size(void)
{
    switch (next_random() % 50) {
    case 0:
        return (1ull << 37) - 1; /* the first that is kept apart */
    case 1:
        return (1ull << 46) + next_random() % 1000;
    case 2:
        return 0;
    default:
        return next_random() % 100000;
    }
}

static void put_one(struct cairn_live_map *map, struct model *model, uint64_t birth)
{
    const size_t index = next_random() % ADDRESSES;
    const uint8_t domain = next_random() % 8 == 0;
    const struct cairn_live_block block = {.address = address_of(index),
                                           .size = random_size(),
                                           .birth = birth,
                                           .time_us = next_random() & CAIRN_LIVE_TIME_MASK,
                                           .account = (uint32_t)(next_random() % CAIRN_LIVE_ACCOUNT_MAX) + 1,
                                           .domain = domain};
    struct cairn_live_block old;
    struct cairn_live_block *known = &model->blocks[index][domain];
    const enum cairn_live_put put = cairn_live_map_put(map, &block, &old);
    if (known->size == UINT64_MAX) {
        assert_int_equal(put, CAIRN_LIVE_NEW);
        model->count++;
    } else {
        assert_int_equal(put, CAIRN_LIVE_REPLACED);
        assert_same(&old, known);
    }
    *known = block;
}

static void take_one(struct cairn_live_map *map, struct model *model)
{
    const size_t index = next_random() % ADDRESSES;
    const uint8_t domain = next_random() % 8 == 0;
    struct cairn_live_block *known = &model->blocks[index][domain];
    struct cairn_live_block got;
    const bool found = cairn_live_map_take(map, address_of(index), domain, &got);
    assert_int_equal(found, known->size != UINT64_MAX);
    if (found) {
        assert_same(&got, known);
        known->size = UINT64_MAX;
        model->count--;
    }
}

static void compare_all(const struct cairn_live_map *map, const struct model *model)
{
    assert_int_equal(cairn_live_map_count(map), model->count);
    for (size_t i = 0; i < ADDRESSES; i++) {
        for (uint8_t domain = 0; domain < 2; domain++) {
            struct cairn_live_block got;
            const bool found = cairn_live_map_find(map, address_of(i), domain, &got);
            assert_int_equal(found, model->blocks[i][domain].size != UINT64_MAX);
            if (found) {
                assert_same(&got, &model->blocks[i][domain]);
            }
        }
    }
}

static void same_as_an_array_across_forks(void **state)
{
    (void)state;
    struct cairn_live_space *space = cairn_live_space_new();
    struct cairn_live_map *maps[MAPS] = {cairn_live_map_new(space)};
    struct model *models = malloc(MAPS * sizeof *models);
    size_t alive = 1;
    uint64_t birth = 0;
    model_clear(&models[0]);
    for (int round = 0; round < 400; round++) {
        const size_t at = next_random() % alive;
        /* Phases that grow and phases that shrink. */
        const uint64_t bias = round / 50 % 2 ? 3 : 7;
        for (int i = 0; i < 1000; i++) {
            if (next_random() % 10 < bias) {
                put_one(maps[at], &models[at], birth++);
            } else {
                take_one(maps[at], &models[at]);
            }
        }
        if (alive < MAPS && round % 30 == 29) {
            maps[alive] = cairn_live_map_fork(maps[at]);
            models[alive] = models[at];
            alive++;
        }
        if (round % 40 == 39) {
            for (size_t i = 0; i < alive; i++) {
                compare_all(maps[i], &models[i]);
            }
        }
    }
    /* The others must outlive the first. */
    cairn_live_map_free(maps[0]);
    for (size_t i = 1; i < alive; i++) {
        compare_all(maps[i], &models[i]);
        cairn_live_map_free(maps[i]);
    }
    free(models);
    cairn_live_space_free(space);
}

static bool charge_elsewhere(void *state, struct cairn_live_block *block)
{
    uint64_t *births = state;
    if (block->birth % 2) {
        return false;
    }
    block->account = 77;
    block->birth = (*births)++;
    return true;
}

static void update_changes_one_side_of_a_fork(void **state)
{
    (void)state;
    struct cairn_live_space *space = cairn_live_space_new();
    struct cairn_live_map *parent = cairn_live_map_new(space);
    struct cairn_live_block old, got;
    for (uint64_t i = 0; i < 3000; i++) {
        const struct cairn_live_block block = {
            .address = address_of(i), .size = i == 10 ? 1ull << 40 : i, .birth = i, .account = 5};
        cairn_live_map_put(parent, &block, &old);
    }
    struct cairn_live_map *child = cairn_live_map_fork(parent);
    uint64_t births = 10000;
    assert_true(cairn_live_map_update(child, charge_elsewhere, &births));
    assert_int_equal(births, 11500);
    for (uint64_t i = 0; i < 3000; i++) {
        assert_true(cairn_live_map_find(parent, address_of(i), 0, &got));
        assert_int_equal(got.account, 5);
        assert_int_equal(got.birth, i);
        assert_true(cairn_live_map_find(child, address_of(i), 0, &got));
        assert_int_equal(got.account, i % 2 ? 5 : 77);
        assert_int_equal(got.size, i == 10 ? 1ull << 40 : i);
    }
    cairn_live_map_free(parent);
    cairn_live_map_free(child);
    cairn_live_space_free(space);
}

static void takes_at_most_64_bytes_a_block(void **state)
{
    (void)state;
    struct cairn_live_space *space = cairn_live_space_new();
    struct cairn_live_map *map = cairn_live_map_new(space);
    struct cairn_live_block old;
    for (uint64_t i = 0; i < 2000000; i++) {
        const struct cairn_live_block block = {
            .address = address_of(i * 3), .size = 24, .birth = i, .account = 1};
        cairn_live_map_put(map, &block, &old);
        if (i > 100000 && i % 4096 == 0) {
            assert_true(cairn_live_space_bytes(space) < (i + 1) * 64 + (8u << 20) /* a block of memory */);
        }
    }
    cairn_live_map_free(map);
    cairn_live_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_an_array_across_forks),
        cmocka_unit_test(update_changes_one_side_of_a_fork),
        cmocka_unit_test(takes_at_most_64_bytes_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
