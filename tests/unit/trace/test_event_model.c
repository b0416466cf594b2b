/* The place of a block among the live ones is the first that reading finds it at, whatever was born and freed before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "trace/event_model.h"

#define EVENTS 20000u

static uint64_t seed = 88172645463325252u;

static uint32_t random_below(uint32_t limit)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed % limit);
}

static unsigned first_place(const struct cairn_live_model *model, uint32_t node)
{
    unsigned place = 0;
    while (place < CAIRN_PLACE_COUNT && cairn_live_model_at(model, place) != node) {
        place++;
    }
    return place;
}

/* One of `live`, which are in order of birth: of the newest, next to the one before, or any. */
static uint32_t choose(uint32_t live, uint32_t before)
{
    const uint32_t last = live - 1;
    switch (random_below(4)) {
    case 0:
        return last - random_below(live < 6 ? live : 6);
    case 1:
        return before > last ? last : before;
    case 2:
        return before == 0 ? 0 : before - 1 > last ? last : before - 1;
    default:
        return random_below(live);
    }
}

/* About `most` blocks are live at a time. */
static void run(uint32_t most, size_t found[CAIRN_PLACE_COUNT + 1])
{
    struct cairn_live_model model = {.capacity = 0};
    assert_true(cairn_live_model_init(&model, EVENTS));
    uint32_t *nodes = calloc(EVENTS, sizeof *nodes), live = 0, before = 0;
    assert_non_null(nodes);
    for (uint32_t node = 1; node <= EVENTS; node++) {
        if (live == 0 || random_below(2 * most) >= live) {
            cairn_live_model_born(&model, node);
            nodes[live++] = node;
            continue;
        }
        before = choose(live, before);
        const uint32_t freed = nodes[before];
        const unsigned expected = first_place(&model, freed);
        assert_int_equal(cairn_live_model_place(&model, freed), expected);
        found[expected]++;
        cairn_live_model_freed(&model, freed);
        live--;
        for (uint32_t i = before; i < live; i++) {
            nodes[i] = nodes[i + 1];
        }
    }
    free(nodes);
    cairn_live_model_release(&model);
}

static void test_places(void **state)
{
    (void)state;
    size_t found[CAIRN_PLACE_COUNT + 1] = {0};
    for (uint32_t most = 1; most <= 256; most *= 2) {
        run(most, found);
    }
    for (unsigned place = 0; place <= CAIRN_PLACE_COUNT; place++) {
        assert_true(found[place] > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
