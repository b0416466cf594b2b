#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "fault.h"
#include "trace_maker.h"
#include "view/view.h"

static char folder[] = "/tmp/cairn-faults-XXXXXX";
static char trace[64], script[64];

static const char KEYS[] = "keys j[ab\n"
                           "key Enter\nkey Enter\nkey Esc 2\n"
                           "keys /fun\nkey Enter\nkeys n\n"
                           "keys &f\nkey Enter\n"
                           "keys x24l68+\n"
                           "keys ?\nkey Esc\n"
                           "keys :by li\nkey Tab\nkey Enter\n"
                           "keys 1yYs\n"
                           "resize 140x50\n";

static int setup(void **state)
{
    (void)state;
    struct trace_maker maker;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(trace, sizeof(trace), "%s/t.cairn", folder);
    snprintf(script, sizeof(script), "%s/keys.script", folder);
    maker_open(&maker, trace, 64, 4);
    maker_process(&maker, 0);
    for (uint32_t i = 1; i <= 3; i++) {
        char name[16];
        snprintf(name, sizeof(name), "function%u", (unsigned)i);
        cairn_writer_function(maker.writer, &(struct cairn_function){.function = i, .name = name});
        cairn_writer_frame(maker.writer,
                           &(struct cairn_frame){.frame = i, .function = i, .line = CAIRN_UNKNOWN});
        cairn_writer_stack(maker.writer,
                           &(struct cairn_stack_row){.stack = i, .parent = i - 1, .frame = i, .depth = i});
        maker_account(&maker, 1, 0, i, i);
    }
    for (uint64_t i = 0; i < 200; i++)
        maker_event(&maker, &(struct cairn_event){.t_ns = i * 1000000,
                                                  .kind = CAIRN_EVENT_ALLOC,
                                                  .account = 1 + (uint32_t)(i % 3),
                                                  .size = 100 + i});
    cairn_writer_snapshot(
        maker.writer,
        &(struct cairn_snapshot){.snapshot = 1, .t_ns = 50000000, .event = 51, .kind = "periodic"}, NULL, 0);
    maker_close(&maker);
    FILE *file = fopen(script, "w");
    if (file == NULL)
        return -1;
    fputs(KEYS, file);
    return fclose(file);
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static enum cairn_status view(struct cairn_error *error)
{
    *error = (struct cairn_error){.status = CAIRN_OK};
    return cairn_view(&(struct cairn_view_options){.path = trace, .script = script, .ascii = true}, error);
}

/* Whatever fails, the viewer goes on or ends with a sentence. The count of allocations differs a little from run to run
 * with the threads; it grows, so that the last round is the one in which none failed. */
static void test_every_allocation_fails_once(void **state)
{
    (void)state;
    struct cairn_error error;
    assert_int_equal(view(&error), CAIRN_OK);
    unsigned long step = 1;
    for (unsigned long n = 1;; n += step) {
        fault_allocation(n);
        const enum cairn_status status = view(&error);
        if (!fault_happened())
            break;
        if (status != CAIRN_OK)
            assert_true(strlen(error.message) > 10);
        step = n < 300 ? 1 : n / 40;
    }
    assert_int_equal(view(&error), CAIRN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation_fails_once)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
