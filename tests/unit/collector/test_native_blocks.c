/* Which block an address is in, against looking at every block: clusters, gaps, blocks inside blocks, empty ones, and blocks
 * that begin at one address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/live_space.h"
#include "collector/native_blocks.h"
#include "wire/record.h"

#define BLOCKS 3000u

static uint64_t seed = 88172645463325252ull;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void put(struct cairn_live_map *map, uint64_t address, uint64_t size, uint8_t domain)
{
    static uint64_t birth;
    struct cairn_live_block old;
    const struct cairn_live_block block = {
        .address = address, .size = size, .birth = ++birth, .account = 1, .domain = domain};
    assert_int_not_equal(cairn_live_map_put(map, &block, &old), CAIRN_LIVE_FAILED);
}

/* Neighbours as an allocator lays them, in three places far from each other; in some of them a pool's blocks. */
static void fill(struct cairn_live_map *map)
{
    static const uint64_t places[] = {0x555500001000, 0x7f0000000000, 0x7fffff000000};
    for (size_t place = 0; place < 3; place++) {
        uint64_t address = places[place];
        for (unsigned i = 0; i < BLOCKS / 3; i++) {
            const uint64_t size = next_random() % 3 ? next_random() % 300 : next_random() % 20000;
            put(map, address, size, CAIRN_DOMAIN_MALLOC);
            if (size > 200 && next_random() % 4 == 0) {
                put(map, address, size / 2, CAIRN_DOMAIN_POOL);
                put(map, address + size / 2 + 16, size / 4, CAIRN_DOMAIN_POOL);
            }
            address += (size + 31) & ~15ull;
            address += next_random() % 50 ? 0 : (next_random() % 8) << 20;
        }
    }
}

/* The innermost: the last in order that holds it. A block without bytes holds its own address. */
static uint32_t find_slowly(const struct cairn_native_blocks *blocks, uint64_t address)
{
    uint32_t found = CAIRN_NO_BLOCK;
    for (uint32_t i = 0; i < blocks->count; i++) {
        const struct cairn_native_block *block = &blocks->blocks[i];
        if (address == block->start || address - block->start < block->size) {
            found = i;
        }
    }
    return found;
}

static void check_order(const struct cairn_native_blocks *blocks)
{
    for (size_t i = 1; i < blocks->count; i++) {
        const struct cairn_native_block *before = &blocks->blocks[i - 1], *block = &blocks->blocks[i];
        assert_true(before->start < block->start ||
                    (before->start == block->start && before->size >= block->size));
    }
}

static void test_find(void **state)
{
    (void)state;
    struct cairn_live_space *space = cairn_live_space_new();
    struct cairn_live_map *map = cairn_live_map_new(space);
    struct cairn_native_blocks blocks;
    struct cairn_error error;
    assert_non_null(map);
    fill(map);
    assert_int_equal(cairn_native_blocks_build(&blocks, map, &error), CAIRN_OK);
    assert_int_equal(blocks.count, cairn_live_map_count(map));
    check_order(&blocks);
    for (size_t i = 0; i < blocks.count; i++) {
        const struct cairn_native_block *block = &blocks.blocks[i];
        const uint64_t near[] = {block->start - 1,
                                 block->start,
                                 block->start + block->size / 2,
                                 block->start + block->size - 1,
                                 block->start + block->size,
                                 block->start + (next_random() & 0xffff)};
        for (size_t k = 0; k < sizeof near / sizeof *near; k++) {
            assert_int_equal(cairn_native_blocks_find(&blocks, near[k]), find_slowly(&blocks, near[k]));
        }
        const size_t from = cairn_native_blocks_from(&blocks, block->start);
        assert_true(from <= i && blocks.blocks[from].start == block->start);
    }
    assert_int_equal(cairn_native_blocks_find(&blocks, 0), CAIRN_NO_BLOCK);
    assert_int_equal(cairn_native_blocks_find(&blocks, UINT64_MAX), CAIRN_NO_BLOCK);
    cairn_native_blocks_release(&blocks);
    cairn_live_map_free(map);
    cairn_live_space_free(space);
}

static void test_none(void **state)
{
    (void)state;
    struct cairn_live_space *space = cairn_live_space_new();
    struct cairn_live_map *map = cairn_live_map_new(space);
    struct cairn_native_blocks blocks;
    struct cairn_error error;
    assert_int_equal(cairn_native_blocks_build(&blocks, map, &error), CAIRN_OK);
    assert_int_equal(cairn_native_blocks_find(&blocks, 0x1000), CAIRN_NO_BLOCK);
    cairn_native_blocks_release(&blocks);
    cairn_live_map_free(map);
    cairn_live_space_free(space);
}

/* Memory of a map of many blocks is given back once no map uses any. */
static void test_given_back(void **state)
{
    (void)state;
    struct cairn_live_space *space = cairn_live_space_new();
    struct cairn_live_map *map = cairn_live_map_new(space);
    for (uint64_t i = 0; i < 1000000; i++) {
        put(map, 0x10000 + 64 * i, 48, CAIRN_DOMAIN_MALLOC);
    }
    struct cairn_live_map *fork = cairn_live_map_fork(map);
    cairn_live_map_free(map);
    assert_true(cairn_live_space_bytes(space) > 20u << 20);
    assert_int_equal(cairn_live_map_count(fork), 1000000);
    cairn_live_map_free(fork);
    assert_int_equal(cairn_live_space_bytes(space), 0);
    map = cairn_live_map_new(space);
    put(map, 0x10000, 48, CAIRN_DOMAIN_MALLOC);
    assert_int_equal(cairn_live_map_count(map), 1);
    cairn_live_map_free(map);
    cairn_live_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
