#include "agent/stack_memory.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>

#include <cmocka.h>

#define PAGE_BYTES ((size_t)CAIRN_STACK_PAGE_BYTES)

static int set_up(void **state)
{
    (void)state;
    cairn_stack_memory_setup();
    return 0;
}

static void assert_own_stack_is_known(void)
{
    struct cairn_stack_memory memory;
    cairn_stack_memory_init(&memory);
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    cairn_stack_memory_begin(&memory, here);
    assert_false(memory.probed);
    assert_true(memory.low == here);
    assert_true(memory.high > here);
    /* All of it is there: a sum keeps the reads. */
    unsigned char sum = 0;
    for (uintptr_t at = here; at < memory.high; at += 512) {
        sum = (unsigned char)(sum + *(const volatile unsigned char *)at);
    }
    assert_false(cairn_stack_memory_reach(&memory, memory.high));
    assert_false(cairn_stack_memory_reach(&memory, here - 8));
    assert_true(sum == sum);
}

static void test_main_stack_is_known(void **state)
{
    (void)state;
    assert_own_stack_is_known();
}

static void *on_thread(void *argument)
{
    assert_own_stack_is_known();
    return argument;
}

static void test_thread_stack_is_known(void **state)
{
    (void)state;
    pthread_t thread;
    pthread_create(&thread, NULL, on_thread, NULL);
    pthread_join(thread, NULL);
}

/* Four pages of which the third cannot be read. */
static uintptr_t map_with_gap(void)
{
    char *memory = mmap(NULL, 4 * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    assert_int_equal(mprotect(memory + 2 * PAGE_BYTES, PAGE_BYTES, PROT_NONE), 0);
    return (uintptr_t)memory;
}

static void test_unknown_stack_is_asked_for_page_by_page(void **state)
{
    (void)state;
    struct cairn_stack_memory memory;
    cairn_stack_memory_init(&memory);
    const uintptr_t low = map_with_gap();
    cairn_stack_memory_begin(&memory, low + 128);
    assert_true(memory.probed);
    assert_true(memory.high == low + PAGE_BYTES);
    assert_true(cairn_stack_memory_holds(&memory, low + PAGE_BYTES - 8));
    assert_false(cairn_stack_memory_holds(&memory, low + PAGE_BYTES));
    assert_true(cairn_stack_memory_reach(&memory, low + PAGE_BYTES));
    assert_true(memory.high == low + 2 * PAGE_BYTES);
    assert_false(cairn_stack_memory_reach(&memory, low + 2 * PAGE_BYTES));
    assert_true(
        cairn_stack_memory_reach(&memory, low + 3 * PAGE_BYTES)); /* beyond the gap: that word alone */
    assert_true(memory.high == low + 2 * PAGE_BYTES);
    assert_false(cairn_stack_memory_reach(&memory, low + 2 * PAGE_BYTES - 4)); /* over the edge */
    munmap((void *)low, 4 * PAGE_BYTES);
    cairn_stack_memory_begin(&memory, low + 128);
    assert_false(cairn_stack_memory_holds(&memory, low + 128));
    assert_false(cairn_stack_memory_reach(&memory, low + 128));
}

static void test_asking_has_an_end(void **state)
{
    (void)state;
    struct cairn_stack_memory memory;
    cairn_stack_memory_init(&memory);
    const size_t bytes = (CAIRN_PROBED_PAGES_MAX + 8) * PAGE_BYTES;
    char *mapped = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cairn_stack_memory_begin(&memory, (uintptr_t)mapped);
    size_t pages = 1;
    while (cairn_stack_memory_reach(&memory, (uintptr_t)mapped + pages * PAGE_BYTES)) {
        pages++;
    }
    assert_int_equal(pages, CAIRN_PROBED_PAGES_MAX);
    munmap(mapped, bytes);
}

static void test_single_words(void **state)
{
    (void)state;
    struct cairn_stack_memory memory;
    cairn_stack_memory_init(&memory);
    const uintptr_t low = map_with_gap();
    static int datum;
    int local = 0;
    assert_true(cairn_stack_memory_word_is_readable(&memory, (uintptr_t)&datum));
    assert_true(cairn_stack_memory_word_is_readable(&memory, (uintptr_t)&local));
    assert_true(cairn_stack_memory_word_is_readable(&memory, low));
    assert_false(cairn_stack_memory_word_is_readable(&memory, low + 2 * PAGE_BYTES));
    assert_false(cairn_stack_memory_word_is_readable(&memory, 0));
    assert_false(cairn_stack_memory_word_is_readable(&memory, UINTPTR_MAX - 7));
    munmap((void *)low, 4 * PAGE_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_main_stack_is_known),
        cmocka_unit_test(test_thread_stack_is_known),
        cmocka_unit_test(test_unknown_stack_is_asked_for_page_by_page),
        cmocka_unit_test(test_asking_has_an_end),
        cmocka_unit_test(test_single_words),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
