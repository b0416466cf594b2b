/* Every format of recordings made up from seeds: it ends well, says nothing that a terminal would obey, bears the failure of
 * any allocation, and its totals are those of cairn_top(). */
#include "export/export.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fault.h"
#include "query/top.h"
#include "random_trace.h"

struct setting {
    struct fixture fixture;
    struct cairn_trace *trace;
    struct cairn_selection selection;
    struct cairn_export export;
};

static void open_setting(struct setting *setting, uint32_t seed)
{
    fixture_init(&setting->fixture, &(struct fixture_options){.seed = seed,
                                                              .events = 400,
                                                              .processes = seed % 3 + 1,
                                                              .python = seed % 2 == 0,
                                                              .incomplete = seed == 3});
    assert_int_equal(cairn_trace_open(setting->fixture.path, NULL, &setting->trace, NULL), CAIRN_OK);
    setting->selection = (struct cairn_selection){.by = CAIRN_BY_FUNCTION};
    setting->export = (struct cairn_export){.trace = setting->trace, .selection = &setting->selection};
    assert_int_equal(cairn_span_parse(setting->trace, NULL, NULL, 0, &setting->export.span, NULL), CAIRN_OK);
    assert_int_equal(cairn_moment_parse(setting->trace, "peak", NULL, 0, &setting->export.at, NULL),
                     CAIRN_OK);
}

static void close_setting(struct setting *setting)
{
    cairn_trace_close(setting->trace);
    fixture_release(&setting->fixture);
}

/* The caller frees it. */
static char *written(const struct cairn_exporter *exporter, const struct cairn_export *export, size_t *size)
{
    char *made = NULL;
    struct cairn_error error;
    FILE *out = open_memstream(&made, size);
    assert_non_null(out);
    if (exporter->write(export, out, &error) != CAIRN_OK) {
        fail_msg("%s: %s", exporter->name, error.message);
    }
    assert_false(ferror(out));
    fclose(out);
    assert_true(*size > 0);
    return made;
}

static void test_every_format(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 4; seed++) {
        struct setting setting;
        open_setting(&setting, seed);
        for (const struct cairn_exporter *const *at = cairn_exporters; *at; at++) {
            size_t size;
            char *text = written(*at, &setting.export, &size);
            for (size_t i = 0; i < size && !(*at)->binary; i++) {
                assert_true((unsigned char)text[i] >= 0x20 || text[i] == '\n');
                assert_int_not_equal(text[i], 0x7f);
            }
            free(text);
        }
        close_setting(&setting);
    }
}

static void test_folded_adds_up(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 4; seed++) {
        struct setting setting;
        open_setting(&setting, seed);
        for (int metric = 0; metric < CAIRN_METRIC_COUNT; metric++) {
            struct cairn_top top;
            size_t size;
            int64_t sum = 0;
            setting.selection.metric = (enum cairn_metric)metric;
            char *text = written(cairn_exporters[0], &setting.export, &size), *rest = text, *line;
            while ((line = strsep(&rest, "\n")) != NULL) {
                const char *value = strrchr(line, ' ');
                sum += value ? strtoll(value, NULL, 10) : 0;
            }
            assert_int_equal(cairn_top(setting.trace, &setting.selection, &setting.export.at,
                                       &setting.export.span, &top, NULL),
                             CAIRN_OK);
            assert_int_equal(sum, cairn_counts_metric(&top.total, setting.selection.metric));
            cairn_top_release(&top);
            free(text);
        }
        close_setting(&setting);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    struct setting setting;
    open_setting(&setting, 2);
    for (const struct cairn_exporter *const *at = cairn_exporters; *at; at++) {
        bool failed = true;
        /* The first ones one by one, then some. */
        for (unsigned long nth = 1; failed; nth += nth < 60 ? 1 : nth / 6) {
            FILE *out = fopen("/dev/null", "w");
            assert_non_null(out);
            /* Nothing is in a cache yet. */
            cairn_trace_close(setting.trace);
            assert_int_equal(cairn_trace_open(setting.fixture.path, NULL, &setting.trace, NULL), CAIRN_OK);
            setting.export.trace = setting.trace;
            struct cairn_error error;
            fault_allocation(nth);
            const enum cairn_status status = (*at)->write(&setting.export, out, &error);
            failed = fault_happened();
            /* A failure that a cache bears is no failure of ours. */
            assert_true(status == CAIRN_OK || (failed && status == CAIRN_E_NOMEM));
            fclose(out);
        }
    }
    close_setting(&setting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_format),
        cmocka_unit_test(test_folded_adds_up),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
