#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own_stack.h"
#include "cli/choose.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/suggest.h"

/* A file opened later must not become standard output by accident. The stand-ins refuse every use, as closed descriptors
 * do, and a recorded program finds them closed as it would without us. */
static void hold_standard_descriptors(void)
{
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++) {
        if (fcntl(descriptor, F_GETFD) < 0) {
            const int mode = descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY;
            (void)!open("/dev/null", mode | O_CLOEXEC);
        }
    }
}

static int unknown_command(const char *word)
{
    struct cairn_suggestion suggestion;
    cairn_suggestion_init(&suggestion, word);
    for (const struct cairn_command *const *command = cairn_commands; *command != NULL; command++) {
        cairn_suggestion_consider(&suggestion, (*command)->name);
    }
    if (suggestion.best != NULL) {
        return cairn_complain_format(
            "unknown command '%s': did you mean 'cairn %s'? `cairn help` lists them all", word,
            suggestion.best);
    }
    return cairn_complain_format(
        "unknown command '%s': `cairn help` lists them, `cairn record -- %s` records a "
        "program of that name",
        word, word);
}

static int print_version(void)
{
    struct cairn_answer answer;
    cairn_answer_open(&answer, &(struct cairn_output_arguments){.format = CAIRN_FORMAT_TEXT});
    cairn_stream_text(&answer.stream, "cairn " CAIRN_VERSION "\n");
    return cairn_answer_finish(&answer);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        return cairn_command_run(&cairn_command_bare, 0, argv);
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        return cairn_help_overview();
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        return print_version();
    }
    if (word[0] == '-') {
        return cairn_command_run(&cairn_command_bare, argc - 1, argv + 1);
    }
    const struct cairn_command *command = cairn_command_find(word);
    if (command != NULL) {
        return cairn_command_run(command, argc - 2, argv + 2);
    }
    const bool numbered = word[0] != '\0' && strspn(word, "0123456789") == strlen(word);
    if (numbered || strchr(word, '/') != NULL || cairn_is_trace_word(word)) {
        return cairn_command_run(&cairn_command_view, argc - 1, argv + 1);
    }
    return unknown_command(word);
}

int main(int argc, char **argv)
{
    hold_standard_descriptors();
    setlocale(LC_CTYPE, "");
    return cairn_own_stack_run(dispatch, argc, argv);
}
