#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/suggest.h"

#define LABEL_WIDTH  24u /* of an option before its help */
#define HELP_WIDTH   100u
#define INDENT_WIDTH 2u

void cairn_option_label(const struct cairn_option *option, char *out, size_t out_size)
{
    char letter[8] = "", argument[64] = "";
    if (option->letter != 0) {
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    }
    if (option->argument != NULL && option->bare_word != NULL) {
        snprintf(argument, sizeof argument, "[=%s]", option->argument);
    } else if (option->argument != NULL) {
        snprintf(argument, sizeof argument, " %s", option->argument);
    }
    snprintf(out, out_size, "%s--%s%s", letter, option->name, argument);
}

/* Words of `text` wrapped into the columns from `indent` on; the cursor stands at `at`. */
static void wrap(struct cairn_answer *answer, const char *text, size_t indent, size_t at)
{
    const size_t width = cairn_console_width_or(&answer->terminal, 80, HELP_WIDTH);
    const size_t room = width > indent + 20 ? width - indent : 20;
    cairn_stream_repeat(&answer->stream, ' ', indent > at ? indent - at : 0);
    while (*text != '\0') {
        const size_t bytes = cairn_text_line(text, room);
        cairn_stream_write(&answer->stream, text, bytes);
        cairn_stream_text(&answer->stream, "\n");
        text += bytes;
        text += strspn(text, " ");
        cairn_stream_repeat(&answer->stream, ' ', *text != '\0' ? indent : 0);
    }
}

/* Paragraphs: lines that begin with a blank are kept as they are, others are wrapped. */
static void paragraphs(struct cairn_answer *answer, const char *text)
{
    while (*text != '\0') {
        const size_t length = strcspn(text, "\n");
        char line[2048];
        snprintf(line, sizeof line, "%.*s", (int)length, text);
        if (line[0] == ' ') {
            const size_t word = strcspn(line + INDENT_WIDTH, " ") + INDENT_WIDTH;
            size_t meaning = word + strspn(line + word, " ");
            const char *wide = strstr(line + INDENT_WIDTH, "  ");
            if (wide != NULL) {
                meaning = (size_t)(wide - line) + strspn(wide, " ");
            }
            cairn_stream_write(&answer->stream, line, meaning);
            wrap(answer, line + meaning, meaning, meaning);
        } else if (line[0] == '\0') {
            cairn_stream_text(&answer->stream, "\n");
        } else {
            wrap(answer, line, 0, 0);
        }
        text += length + (text[length] == '\n' ? 1 : 0);
    }
}

static void section(struct cairn_answer *answer, const char *title)
{
    cairn_stream_text(&answer->stream, "\n");
    cairn_styled(&answer->stream, &answer->terminal, CAIRN_STYLE_STRONG, title);
    cairn_stream_text(&answer->stream, ":\n");
}

static void print_option(struct cairn_answer *answer, const struct cairn_option *option)
{
    char label[128];
    cairn_option_label(option, label, sizeof label);
    cairn_stream_format(&answer->stream, "  %s", label);
    size_t at = INDENT_WIDTH + strlen(label);
    if (at + 2 > INDENT_WIDTH + LABEL_WIDTH) {
        cairn_stream_text(&answer->stream, "\n");
        at = 0;
    }
    wrap(answer, option->help, INDENT_WIDTH + LABEL_WIDTH, at);
}

static void print_options(struct cairn_answer *answer, const struct cairn_command *command)
{
    const char *title = NULL;
    for (const struct cairn_option_group *group = command->groups; group != NULL && group->title != NULL;
         group++) {
        if (title == NULL || strcmp(title, group->title) != 0) {
            section(answer, group->title);
        }
        title = group->title;
        for (const struct cairn_option *option = group->options; option->name != NULL; option++) {
            print_option(answer, option);
        }
    }
}

int cairn_help_command(const struct cairn_command *command)
{
    struct cairn_answer answer;
    cairn_answer_open(&answer, &(struct cairn_output_arguments){.format = CAIRN_FORMAT_TEXT});
    const char *space = command->name[0] != '\0' ? " " : "";
    char line[512];
    snprintf(line, sizeof line, "cairn%s%s: %s", space, command->name, command->summary);
    wrap(&answer, line, 0, 0);
    section(&answer, "Usage");
    cairn_stream_format(&answer.stream, "  cairn%s%s%s%s%s\n", space, command->name,
                        command->groups != NULL ? " [OPTIONS]" : "",
                        command->positional[0] != '\0' ? " " : "", command->positional);
    if (command->description != NULL) {
        cairn_stream_text(&answer.stream, "\n");
        paragraphs(&answer, command->description);
    }
    print_options(&answer, command);
    for (const char *const *example = command->examples; example != NULL && *example != NULL; example += 2) {
        if (example == command->examples) {
            section(&answer, "Examples");
        }
        cairn_stream_format(&answer.stream, "  %s\n", example[0]);
        wrap(&answer, example[1], 2 * INDENT_WIDTH, 0);
    }
    return cairn_answer_finish(&answer);
}

int cairn_help_overview(void)
{
    struct cairn_answer answer;
    cairn_answer_open(&answer, &(struct cairn_output_arguments){.format = CAIRN_FORMAT_TEXT});
    wrap(&answer,
         "cairn: records what a program allocates into one file, and browses that file: who allocated, from "
         "which "
         "call stack, what changed between two moments",
         0, 0);
    section(&answer, "Usage");
    cairn_stream_text(&answer.stream, "  cairn                 the traces in this folder\n"
                                      "  cairn TRACE           open one in the viewer\n"
                                      "  cairn COMMAND [OPTIONS] [TRACE]\n");
    section(&answer, "Commands");
    for (const struct cairn_command *const *command = cairn_commands; *command != NULL; command++) {
        cairn_stream_format(&answer.stream, "  %-12s", (*command)->name);
        wrap(&answer, (*command)->summary, INDENT_WIDTH + 12, INDENT_WIDTH + 12);
    }
    section(&answer, "Topics");
    for (const struct cairn_topic *topic = cairn_topics; topic->name != NULL; topic++) {
        cairn_stream_format(&answer.stream, "  %-12s", topic->name);
        wrap(&answer, topic->title, INDENT_WIDTH + 12, INDENT_WIDTH + 12);
    }
    cairn_stream_text(&answer.stream, "\n");
    wrap(&answer,
         "`cairn help COMMAND` or `cairn COMMAND --help` says more. Where TRACE is left out, the newest "
         "*.cairn in this "
         "folder is meant.",
         0, 0);
    return cairn_answer_finish(&answer);
}

static int print_topic(const struct cairn_topic *topic)
{
    struct cairn_answer answer;
    cairn_answer_open(&answer, &(struct cairn_output_arguments){.format = CAIRN_FORMAT_TEXT});
    cairn_stream_format(&answer.stream, "%s: %s\n\n", topic->name, topic->title);
    paragraphs(&answer, topic->text);
    return cairn_answer_finish(&answer);
}

static int run(const struct cairn_invocation *invocation)
{
    if (invocation->positional_count == 0) {
        return cairn_help_overview();
    }
    const char *name = invocation->positional[0];
    const struct cairn_command *command = cairn_command_find(name);
    if (command != NULL) {
        return cairn_help_command(command);
    }
    struct cairn_suggestion suggestion;
    cairn_suggestion_init(&suggestion, name);
    for (const struct cairn_topic *topic = cairn_topics; topic->name != NULL; topic++) {
        if (strcmp(topic->name, name) == 0) {
            return print_topic(topic);
        }
        cairn_suggestion_consider(&suggestion, topic->name);
    }
    for (const struct cairn_command *const *each = cairn_commands; *each != NULL; each++) {
        cairn_suggestion_consider(&suggestion, (*each)->name);
    }
    if (suggestion.best != NULL) {
        return cairn_complain_format("help: there is no command or topic '%s': did you mean '%s'?", name,
                                     suggestion.best);
    }
    return cairn_complain_format("help: there is no command or topic '%s': `cairn help` lists them", name);
}

const struct cairn_command cairn_command_help = {
    .name = "help",
    .summary = "what a command does, and its options",
    .positional = "[COMMAND|TOPIC]",
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_COMMAND,
    .run = run,
};
