/* What programs that are started get for an environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/environment.h"
#include "agent/session.h"

/* The test is its own "library": the file that holds the code under test. */
static char library[4096];
static char preload[4200], session[256];

const char *cairn_session_path(void)
{
    return "/run/user/0/cairn-x/session";
}

static int learn_library(void **state)
{
    (void)state;
    char *nothing[] = {NULL};
    cairn_environment_prepare();
    uint64_t memory[1024];
    assert_in_range(cairn_environment_change_bytes(nothing, true), 1, sizeof memory);
    char *const *made = cairn_environment_change(nothing, true, memory);
    assert_int_equal(strncmp(made[0], "LD_PRELOAD=", 11), 0);
    strcpy(library, made[0] + 11);
    assert_int_equal(strcmp(made[1], "CAIRN_SESSION=/run/user/0/cairn-x/session"), 0);
    assert_null(made[2]);
    strcpy(preload, made[0]);
    strcpy(session, made[1]);
    return 0;
}

static const char *value(char *const *environment, const char *name)
{
    const size_t length = strlen(name);
    for (; *environment; environment++) {
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=') {
            return *environment + length + 1;
        }
    }
    return NULL;
}

static void change_to(char *const *environment, bool follow, const char *expected_preload,
                      const char *expected_session)
{
    const size_t bytes = cairn_environment_change_bytes(environment, follow);
    uint64_t *memory = malloc(bytes + 1);
    assert_non_null(memory);
    char *const *changed = bytes ? cairn_environment_change(environment, follow, memory) : environment;
    const char *found = value(changed, "LD_PRELOAD");
    assert_true(found ? expected_preload && strcmp(found, expected_preload) == 0 : !expected_preload);
    found = value(changed, "CAIRN_SESSION");
    assert_true(found ? expected_session && strcmp(found, expected_session) == 0 : !expected_session);
    found = value(environment, "HOME");
    assert_true(found ? value(changed, "HOME") == found : !value(changed, "HOME"));
    free(memory);
}

static void test_scrubbed(void **state)
{
    (void)state;
    char *home[] = {"HOME=/root", NULL}, *nothing[] = {NULL};
    change_to(home, true, library, session + 14);
    change_to(nothing, true, library, session + 14);
    const size_t bytes = cairn_environment_change_bytes(NULL, true);
    uint64_t memory[1024];
    assert_in_range(bytes, 1, sizeof memory);
    assert_string_equal(cairn_environment_change(NULL, true, memory)[0], preload);
}

static void test_complete_is_passed_on(void **state)
{
    (void)state;
    char longer[8500];
    snprintf(longer, sizeof longer, "%s:/usr/lib/other.so", preload);
    char *complete[] = {"HOME=/", longer, session, NULL};
    assert_int_equal(cairn_environment_change_bytes(complete, true), 0);
    char *plain[] = {"HOME=/", "LD_PRELOAD=/usr/lib/other.so", NULL};
    assert_int_equal(cairn_environment_change_bytes(plain, false), 0);
}

static void test_others_are_kept(void **state)
{
    (void)state;
    char expected[8500], both[8500];
    char *other[] = {"HOME=/root", "LD_PRELOAD=/a.so /b.so", "CAIRN_SESSION=/old", NULL};
    snprintf(expected, sizeof expected, "%s:/a.so:/b.so", library);
    change_to(other, true, expected, session + 14);
    snprintf(both, sizeof both, "LD_PRELOAD=/a.so:%s::/b.so", library);
    char *ours[] = {both, session, "HOME=/root", NULL};
    change_to(ours, false, "/a.so:/b.so", NULL);
    char *only[] = {preload, session, NULL};
    change_to(only, false, NULL, NULL);
    /* A library whose name merely begins like ours is another one. */
    snprintf(both, sizeof both, "LD_PRELOAD=%s.old", library);
    change_to((char *[]){both, NULL}, false, both + 11, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scrubbed),
        cmocka_unit_test(test_complete_is_passed_on),
        cmocka_unit_test(test_others_are_kept),
    };
    return cmocka_run_group_tests(tests, learn_library, NULL);
}
