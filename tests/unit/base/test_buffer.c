#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "fault.h"

static void test_append(void **state)
{
    (void)state;
    struct cairn_buffer buffer = CAIRN_BUFFER_INIT;
    assert_string_equal(cairn_buffer_cstr(&buffer), "");
    for (int i = 0; i < 1000; i++) {
        cairn_buffer_format(&buffer, "%d,", i);
    }
    assert_int_equal(buffer.length, 10 * 2 + 90 * 3 + 900 * 4);
    assert_int_equal(strlen(buffer.data), buffer.length);
    cairn_buffer_reset(&buffer);
    cairn_buffer_append(&buffer, "a\0b", 3);
    cairn_buffer_byte(&buffer, 'c');
    cairn_buffer_text(&buffer, "de");
    assert_memory_equal(buffer.data, "a\0bcde", 7);
    assert_false(buffer.failed);
    cairn_buffer_release(&buffer);
}

static void test_failure_stays(void **state)
{
    (void)state;
    struct cairn_buffer buffer = CAIRN_BUFFER_INIT;
    cairn_buffer_text(&buffer, "kept");
    assert_false(cairn_buffer_reserve(&buffer, SIZE_MAX - 2));
    cairn_buffer_text(&buffer, "no more");
    assert_true(buffer.failed);
    assert_string_equal(buffer.data, "kept");
    cairn_buffer_release(&buffer);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct cairn_buffer buffer = CAIRN_BUFFER_INIT;
    cairn_buffer_text(&buffer, "kept");
    fault_allocation(1);
    cairn_buffer_format(&buffer, "%1000d", 1);
    assert_true(fault_happened());
    cairn_buffer_text(&buffer, "lost");
    assert_true(buffer.failed);
    assert_string_equal(cairn_buffer_cstr(&buffer), "kept");
    cairn_buffer_reset(&buffer);
    cairn_buffer_text(&buffer, "new");
    assert_false(buffer.failed);
    assert_string_equal(cairn_buffer_cstr(&buffer), "new");
    cairn_buffer_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_append),
                                       cmocka_unit_test(test_failure_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
