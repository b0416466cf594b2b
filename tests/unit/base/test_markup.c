#include "base/markup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fault.h"

static void expect(const char *text, const char *wanted)
{
    struct cairn_buffer out = CAIRN_BUFFER_INIT;
    cairn_markup_text(&out, text);
    assert_string_equal(cairn_buffer_cstr(&out), wanted);
    cairn_buffer_release(&out);
}

static void test_escapes(void **state)
{
    (void)state;
    expect(NULL, "");
    expect("std::vector<int>", "std::vector&lt;int&gt;");
    expect("a&b\"c'd", "a&amp;b&quot;c&#39;d");
    expect("\x1b]0;x\x07", "\\e]0;x\\x07");
    expect("</script><b>\xff", "&lt;/script&gt;&lt;b&gt;\\xFF");
    expect("\xef\xbf\xbe", "\\u{FFFE}"); /* XML has no such character */
}

static void test_long_text_and_no_memory(void **state)
{
    (void)state;
    char text[5000];
    struct cairn_buffer out = CAIRN_BUFFER_INIT;
    memset(text, '<', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    cairn_markup_text(&out, text);
    assert_int_equal(out.length, 4 * (sizeof(text) - 1));
    cairn_buffer_reset(&out);
    fault_allocation(1);
    cairn_markup_text(&out, text);
    assert_true(fault_happened());
    assert_true(out.failed);
    cairn_buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_long_text_and_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
