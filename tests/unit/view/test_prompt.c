#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "view/app.h"

static char done_text[CAIRN_PROMPT_MAX];
static int done_count, left_count, changed_count;

static void done(struct cairn_app *app, const char *text)
{
    (void)app;
    snprintf(done_text, sizeof(done_text), "%s", text);
    done_count++;
}

static void changed(struct cairn_app *app, const char *text)
{
    (void)app;
    (void)text;
    changed_count++;
}

static void left(struct cairn_app *app)
{
    (void)app;
    left_count++;
}

static const char *complete(struct cairn_app *app, const char *text, size_t *from, size_t index)
{
    static const char *const words[] = {"theme", "tree", "write"};
    (void)app;
    *from = 0;
    for (size_t i = 0; i < 3; i++)
        if (strncmp(words[i], text, strlen(text)) == 0 && index-- == 0)
            return words[i];
    return NULL;
}

static const struct cairn_prompt_class CLASS = {.kind = CAIRN_PROMPT_COMMAND,
                                                .label = ":",
                                                .done = done,
                                                .changed = changed,
                                                .left = left,
                                                .complete = complete};

static struct cairn_app *app;

static int setup(void **state)
{
    (void)state;
    app = calloc(1, sizeof(*app));
    cairn_history_load(&app->history, NULL);
    cairn_prompt_open(&app->prompt, &CLASS, NULL, "");
    done_count = left_count = changed_count = 0;
    return app == NULL;
}

static int teardown(void **state)
{
    (void)state;
    cairn_history_save(&app->history);
    free(app);
    return 0;
}

static void type(const char *text)
{
    while (*text != '\0')
        cairn_prompt_key(app, cairn_utf8_next(&text));
}

static void test_editing(void **state)
{
    (void)state;
    type("bär x");
    cairn_prompt_key(app, CAIRN_KEY_LEFT);
    cairn_prompt_key(app, CAIRN_KEY_LEFT);
    cairn_prompt_key(app, CAIRN_KEY_LEFT);
    cairn_prompt_key(app, CAIRN_KEY_BACKSPACE);
    assert_string_equal(app->prompt.text, "br x");
    type("oo");
    cairn_prompt_key(app, CAIRN_KEY_DELETE);
    assert_string_equal(app->prompt.text, "boo x");
    cairn_prompt_key(app, CAIRN_KEY_END);
    cairn_prompt_key(app, CAIRN_KEY_CTRL('W'));
    assert_string_equal(app->prompt.text, "boo ");
    cairn_prompt_key(app, CAIRN_KEY_HOME);
    cairn_prompt_key(app, CAIRN_KEY_CTRL('K'));
    assert_string_equal(app->prompt.text, "");
    assert_true(changed_count > 5);
    type("yes");
    cairn_prompt_key(app, CAIRN_KEY_ENTER);
    assert_int_equal(done_count, 1);
    assert_string_equal(done_text, "yes");
    assert_null(app->prompt.class);
}

static void test_too_long_is_cut(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * CAIRN_PROMPT_MAX; i++)
        type("ä");
    assert_true(strlen(app->prompt.text) < CAIRN_PROMPT_MAX);
    assert_int_equal(strlen(app->prompt.text) % 2, 0);
}

static void test_leaving(void **state)
{
    (void)state;
    type("x");
    cairn_prompt_key(app, CAIRN_KEY_BACKSPACE);
    assert_non_null(app->prompt.class);
    cairn_prompt_key(app, CAIRN_KEY_BACKSPACE);
    assert_null(app->prompt.class);
    cairn_prompt_open(&app->prompt, &CLASS, NULL, "");
    cairn_prompt_key(app, CAIRN_KEY_ESC);
    assert_int_equal(left_count, 2);
    assert_int_equal(done_count, 0);
}

static void test_completion_goes_round(void **state)
{
    (void)state;
    type("t");
    cairn_prompt_key(app, CAIRN_KEY_TAB);
    assert_string_equal(app->prompt.text, "theme");
    cairn_prompt_key(app, CAIRN_KEY_TAB);
    assert_string_equal(app->prompt.text, "tree");
    cairn_prompt_key(app, CAIRN_KEY_TAB);
    assert_string_equal(app->prompt.text, "t");
    cairn_prompt_key(app, CAIRN_KEY_SHIFT_TAB);
    assert_string_equal(app->prompt.text, "tree");
    type("s");
    cairn_prompt_key(app, CAIRN_KEY_TAB);
    assert_string_equal(app->prompt.text, "trees");
}

static void test_history(void **state)
{
    (void)state;
    cairn_history_add(&app->history, CAIRN_PROMPT_COMMAND, "one");
    cairn_history_add(&app->history, CAIRN_PROMPT_SEARCH, "other kind");
    cairn_history_add(&app->history, CAIRN_PROMPT_COMMAND, "two");
    cairn_history_add(&app->history, CAIRN_PROMPT_COMMAND, "one");
    cairn_history_add(&app->history, CAIRN_PROMPT_COMMAND, "");
    type("ne");
    cairn_prompt_key(app, CAIRN_KEY_UP);
    assert_string_equal(app->prompt.text, "one");
    cairn_prompt_key(app, CAIRN_KEY_UP);
    assert_string_equal(app->prompt.text, "two");
    cairn_prompt_key(app, CAIRN_KEY_UP);
    assert_string_equal(app->prompt.text, "two");
    cairn_prompt_key(app, CAIRN_KEY_DOWN);
    cairn_prompt_key(app, CAIRN_KEY_DOWN);
    assert_string_equal(app->prompt.text, "ne");
}

static void test_history_is_a_file(void **state)
{
    (void)state;
    char folder[] = "/tmp/cairn-history-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/deep/er/history", folder);
    struct cairn_history history;
    cairn_history_load(&history, strdup(path));
    for (int i = 0; i < CAIRN_HISTORY_MAX + 5; i++) {
        char line[16];
        snprintf(line, sizeof(line), "line %d", i);
        cairn_history_add(&history, CAIRN_PROMPT_SEARCH, line);
    }
    cairn_history_add(&history, CAIRN_PROMPT_TIME, "12s");
    cairn_history_save(&history);
    cairn_history_load(&history, strdup(path));
    assert_int_equal(history.count, CAIRN_HISTORY_MAX);
    assert_string_equal(cairn_history_line(&history, CAIRN_PROMPT_TIME, 1), "12s");
    assert_string_equal(cairn_history_line(&history, CAIRN_PROMPT_SEARCH, 2), "line 203");
    assert_null(cairn_history_line(&history, CAIRN_PROMPT_FILE, 1));
    cairn_history_save(&history);
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static void test_settings(void **state)
{
    (void)state;
    struct cairn_settings settings = {.theme = ""};
    assert_true(cairn_settings_set(&settings, "theme", "light"));
    assert_false(cairn_settings_set(&settings, "theme", "pink"));
    assert_string_equal(settings.theme, "light");
    assert_true(cairn_settings_set(&settings, "mouse", "on"));
    assert_true(settings.mouse);
    assert_true(cairn_settings_set(&settings, "mouse", "no"));
    assert_false(settings.mouse);
    assert_false(cairn_settings_set(&settings, "ascii", "perhaps"));
    assert_true(cairn_settings_set(&settings, "of other parts", "yes"));
    for (int i = 0; i < CAIRN_SKIPS_MAX; i++)
        assert_true(cairn_settings_set(&settings, "skip", "^x_"));
    assert_false(cairn_settings_set(&settings, "skip", "too many"));
    assert_string_equal(settings.skips[CAIRN_SKIPS_MAX - 1], "^x_");
    cairn_settings_release(&settings);
    assert_int_equal(settings.skip_count, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_editing),
        TEST(test_too_long_is_cut),
        TEST(test_leaving),
        TEST(test_completion_goes_round),
        TEST(test_history),
        cmocka_unit_test(test_history_is_a_file),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
