#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "collector/recorder.h"

/* A command line, blanks between words. */
static const char *name_of(const char *line)
{
    static char copy[256], out[64];
    char *argv[16];
    size_t count = 0;
    strcpy(copy, line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[count++] = word;
    }
    argv[count] = NULL;
    cairn_output_name(argv, out, sizeof out);
    return out;
}

static void test_programs(void **state)
{
    (void)state;
    assert_string_equal(name_of("./app --flag x.py"), "app");
    assert_string_equal(name_of("/usr/bin/jq . big.json"), "jq");
    assert_string_equal(name_of("pythonista app.py"), "pythonista");
}

static void test_scripts_and_modules(void **state)
{
    (void)state;
    assert_string_equal(name_of("python3 -m json.tool x.json"), "json.tool");
    assert_string_equal(name_of("python3 -mjson.tool"), "json.tool");
    assert_string_equal(name_of("python3 -um json.tool"), "json.tool");
    assert_string_equal(name_of("/usr/bin/python3.11 -u -W ignore dir/app.py --m"), "app.py");
    assert_string_equal(name_of("python3 -Wignore app.py"), "app.py");
    assert_string_equal(name_of("python3 -X dev -- app.py"), "app.py");
    assert_string_equal(name_of("perl -w -I lib tool.pl"), "tool.pl");
    assert_string_equal(name_of("bash -x -o pipefail run.sh"), "run.sh");
    assert_string_equal(name_of("node --require ./x.js main.js"), "main.js");
}

static void test_interpreters_alone(void **state)
{
    (void)state;
    assert_string_equal(name_of("python3"), "python3");
    assert_string_equal(name_of("python3 -c print(1) app.py"), "python3");
    assert_string_equal(name_of("python3 -"), "python3");
    assert_string_equal(name_of("python3 -m"), "python3");
    assert_string_equal(name_of("python3 -W"), "python3");
    assert_string_equal(name_of("sh -c true"), "sh");
    assert_string_equal(name_of("perl -e 1 x"), "perl");
}

static void test_loaded_by_hand(void **state)
{
    (void)state;
    assert_string_equal(name_of("/lib64/ld-linux-x86-64.so.2 ./app x"), "app");
    assert_string_equal(name_of("ld-linux-x86-64.so.2 --argv0 x --inhibit-cache -- /usr/bin/python3 app.py"),
                        "app.py");
    assert_string_equal(name_of("ld-linux-x86-64.so.2 --list ./app"), "ld-linux-x86-64.so.2");
    assert_string_equal(name_of("ld-linux-x86-64.so.2 --library-path"), "ld-linux-x86-64.so.2");
    assert_string_equal(name_of("ld-linux-x86-64.so.2"), "ld-linux-x86-64.so.2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs),
        cmocka_unit_test(test_scripts_and_modules),
        cmocka_unit_test(test_interpreters_alone),
        cmocka_unit_test(test_loaded_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
