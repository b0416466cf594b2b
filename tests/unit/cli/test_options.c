#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cli/command.h"
#include "cli/select.h"

struct arguments {
    bool loud, kept;
    const char *text;
    struct cairn_texts texts;
    int64_t count, bytes, time_ns;
    int word;
};

static const char *const words[] = {"red", "green", "blue", NULL};

#define AT(member) offsetof(struct arguments, member)
static const struct cairn_option options[] = {
    {.name = "loud", .letter = 'l', .type = CAIRN_OPTION_SET, .offset = AT(loud), .help = ""},
    {.name = "drop", .type = CAIRN_OPTION_CLEAR, .offset = AT(kept), .help = ""},
    {.name = "text",
     .letter = 't',
     .type = CAIRN_OPTION_TEXT,
     .offset = AT(text),
     .argument = "T",
     .help = ""},
    {.name = "skip", .type = CAIRN_OPTION_TEXTS, .offset = AT(texts), .argument = "R", .help = ""},
    {.name = "count",
     .letter = 'n',
     .type = CAIRN_OPTION_COUNT,
     .offset = AT(count),
     .argument = "N",
     .help = ""},
    {.name = "bytes", .type = CAIRN_OPTION_BYTES, .offset = AT(bytes), .argument = "B", .help = ""},
    {.name = "age", .type = CAIRN_OPTION_DURATION, .offset = AT(time_ns), .argument = "D", .help = ""},
    {.name = "hue",
     .type = CAIRN_OPTION_WORD,
     .offset = AT(word),
     .argument = "H",
     .words = words,
     .bare_word = "blue",
     .help = ""},
    {.name = NULL},
};
static const struct cairn_option_group groups[] = {{.title = "Options", .options = options}, {.title = NULL}};
static const struct arguments defaults = {.kept = true, .count = 7};
static const struct cairn_command command = {.name = "test",
                                             .positional = "[A [B]]",
                                             .positional_max = 2,
                                             .groups = groups,
                                             .arguments_size = sizeof(struct arguments),
                                             .defaults = &defaults};

/* A command line, blanks between words; release the invocation. */
static enum cairn_status parse(const struct cairn_command *about, const char *line,
                               struct cairn_invocation *invocation, struct cairn_error *error)
{
    static char copy[256];
    static char *argv[32];
    int argc = 0;
    strcpy(copy, line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    error->message[0] = '\0';
    return cairn_invocation_parse(about, argc, argv, invocation, error);
}

static void expect_error(const char *line, const char *part)
{
    struct cairn_invocation invocation;
    struct cairn_error error;
    assert_int_equal(parse(&command, line, &invocation, &error), CAIRN_E_USAGE);
    if (strstr(error.message, part) == NULL) {
        fail_msg("'%s' does not say '%s'", error.message, part);
    }
    cairn_invocation_release(&invocation);
}

static void test_defaults(void **state)
{
    struct cairn_invocation invocation;
    struct cairn_error error;
    (void)state;
    assert_int_equal(parse(&command, "", &invocation, &error), CAIRN_OK);
    assert_memory_equal(invocation.arguments, &defaults, sizeof defaults);
    assert_int_equal(invocation.positional_count, 0);
    cairn_invocation_release(&invocation);
}

static void test_values(void **state)
{
    struct cairn_invocation invocation;
    struct cairn_error error;
    (void)state;
    assert_int_equal(parse(&command,
                           "-ln5 a --text=x=y --skip 1 b --skip=2 --bytes 2K --age 1.5s --hue=green --drop",
                           &invocation, &error),
                     CAIRN_OK);
    const struct arguments *got = invocation.arguments;
    assert_true(got->loud);
    assert_false(got->kept);
    assert_int_equal(got->count, 5);
    assert_string_equal(got->text, "x=y");
    assert_int_equal(got->texts.count, 2);
    assert_string_equal(got->texts.items[1], "2");
    assert_int_equal(got->bytes, 2048);
    assert_int_equal(got->time_ns, 1500000000);
    assert_int_equal(got->word, 1);
    assert_int_equal(invocation.positional_count, 2);
    assert_string_equal(invocation.positional[1], "b");
    cairn_invocation_release(&invocation);
}

static void test_forms(void **state)
{
    struct cairn_invocation invocation;
    struct cairn_error error;
    (void)state;
    /* A value is a value, whatever it looks like; an optional one stands behind = only; - is a positional word. */
    assert_int_equal(parse(&command, "--text --loud --hue - -t -- -- --loud", &invocation, &error), CAIRN_OK);
    const struct arguments *got = invocation.arguments;
    assert_string_equal(got->text, "--");
    assert_false(got->loud);
    assert_int_equal(got->word, 2);
    assert_int_equal(invocation.positional_count, 2);
    assert_string_equal(invocation.positional[0], "-");
    assert_string_equal(invocation.positional[1], "--loud");
    cairn_invocation_release(&invocation);
    assert_int_equal(parse(&command, "x y z --help", &invocation, &error), CAIRN_OK);
    assert_true(invocation.help);
    cairn_invocation_release(&invocation);
}

static void test_program_follows(void **state)
{
    struct cairn_command record = command;
    struct cairn_invocation invocation;
    struct cairn_error error;
    (void)state;
    record.program_follows = true;
    record.positional_min = 1;
    record.positional_max = SIZE_MAX;
    assert_int_equal(parse(&record, "-l prog -l --help --", &invocation, &error), CAIRN_OK);
    assert_false(invocation.help);
    assert_int_equal(invocation.positional_count, 4);
    assert_string_equal(invocation.positional[3], "--");
    assert_null(invocation.positional[4]);
    cairn_invocation_release(&invocation);
    assert_int_equal(parse(&record, "-- -prog -l", &invocation, &error), CAIRN_OK);
    assert_string_equal(invocation.positional[0], "-prog");
    cairn_invocation_release(&invocation);
    assert_int_equal(parse(&record, "-l", &invocation, &error), CAIRN_E_USAGE);
    cairn_invocation_release(&invocation);
}

static void test_errors(void **state)
{
    (void)state;
    expect_error("--lout", "did you mean '--loud'");
    expect_error("--nonsense", "unknown option '--nonsense'");
    expect_error("-x", "unknown option '-x'");
    expect_error("--loud=1", "takes no value");
    expect_error("--text", "needs a value");
    expect_error("--count", "needs a value");
    expect_error("--count=-1", "whole number");
    expect_error("--count 1x", "whole number");
    expect_error("--count 99999999999999999999", "whole number");
    expect_error("--hue=grene", "did you mean green?");
    expect_error("--hue=x", "red, green, blue");
    expect_error("--bytes lots", "--bytes");
    expect_error("--age 5", "--age");
    expect_error("a b c", "unexpected 'c'");
}

/* The option tables name words by the position of their enum. */
static void test_words_match_enums(void **state)
{
    (void)state;
    for (int i = 0; i < CAIRN_BY_COUNT; i++) {
        assert_string_equal(cairn_by_words[i], cairn_by_name((enum cairn_by)i));
    }
    assert_null(cairn_by_words[CAIRN_BY_COUNT]);
    for (int i = 0; i < CAIRN_METRIC_COUNT; i++) {
        assert_string_equal(cairn_metric_words[i], cairn_metric_name((enum cairn_metric)i));
    }
    assert_null(cairn_metric_words[CAIRN_METRIC_COUNT]);
    const struct cairn_option *const sorts[] = {cairn_select_sort, cairn_select_diff_sort,
                                                cairn_select_leaks_sort};
    for (size_t i = 0; i < sizeof sorts / sizeof sorts[0]; i++) {
        assert_string_equal(sorts[i]->words[0], cairn_sort_name(CAIRN_SORT_METRIC));
        for (const char *const *word = sorts[i]->words; *word; word++) {
            assert_true(cairn_sort_parse(*word) >= 0);
        }
    }
}

/* No option stands twice in one command, no letter either, and every one has a help text. */
static void test_tables_are_sound(void **state)
{
    (void)state;
    for (const struct cairn_command *const *each = cairn_commands; *each != NULL; each++) {
        const char *names[64];
        size_t count = 0;
        char letters[64] = "h";
        for (const struct cairn_option_group *group = (*each)->groups; group != NULL && group->title != NULL;
             group++) {
            for (const struct cairn_option *option = group->options; option->name != NULL; option++) {
                for (size_t i = 0; i < count; i++) {
                    assert_string_not_equal(names[i], option->name);
                }
                assert_true(count < 64);
                names[count++] = option->name;
                assert_true(strlen(option->help) > 0);
                assert_true(option->letter == 0 || strchr(letters, option->letter) == NULL);
                letters[strlen(letters)] = option->letter;
                assert_true(group->base + option->offset < (*each)->arguments_size);
                assert_true(option->type != CAIRN_OPTION_WORD || option->words != NULL);
                assert_true((option->completion == CAIRN_COMPLETE_WORDS) == (option->words != NULL));
                assert_true((option->type > CAIRN_OPTION_CLEAR) == (option->argument != NULL));
            }
        }
        assert_non_null((*each)->summary);
        assert_ptr_equal(cairn_command_find((*each)->name), *each);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_program_follows),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_words_match_enums),
        cmocka_unit_test(test_tables_are_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
