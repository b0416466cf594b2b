#include "cli/manual.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/help.h"

/* Text as roff wants it: dashes stay dashes, a line never begins with a dot or a quote. */
static void roff(FILE *out, const char *text, size_t length)
{
    bool line_begins = true;
    for (size_t i = 0; i < length; i++) {
        const char byte = text[i];
        if (line_begins && (byte == '.' || byte == '\'')) {
            fputs("\\&", out);
        }
        if (byte == '\\') {
            fputs("\\e", out);
        } else if (byte == '-') {
            fputs("\\-", out);
        } else {
            fputc(byte, out);
        }
        line_begins = byte == '\n';
    }
}

static void roff_text(FILE *out, const char *text)
{
    roff(out, text, strlen(text));
}

/* Paragraphs as in help.h: lines that begin with a blank are "  word   meaning". */
static void paragraphs(FILE *out, const char *text)
{
    while (*text != '\0') {
        const size_t length = strcspn(text, "\n");
        if (length == 0) {
            fputs(".PP\n", out);
        } else if (text[0] == ' ') {
            const char *word = text + strspn(text, " ");
            const char *gap = strstr(word, "  ");
            const char *meaning = gap != NULL && gap < text + length ? gap + strspn(gap, " ") : text + length;
            fputs(".TP\n.B ", out);
            roff(out, word, (size_t)((gap != NULL && gap < text + length ? gap : text + length) - word));
            fputc('\n', out);
            roff(out, meaning, (size_t)(text + length - meaning));
            fputc('\n', out);
        } else {
            roff(out, text, length);
            fputc('\n', out);
        }
        text += length + (text[length] == '\n' ? 1 : 0);
    }
}

static void option_entry(FILE *out, const struct cairn_option *option)
{
    char label[128];
    cairn_option_label(option, label, sizeof label);
    fputs(".TP\n.B ", out);
    roff_text(out, label);
    fputc('\n', out);
    roff_text(out, option->help);
    fputs(".\n", out);
}

/* How it is called, without the program's name. */
static void call(FILE *out, const struct cairn_command *command)
{
    fprintf(out, "%s%s", command->name[0] != '\0' ? " " : "", command->name);
    fputs(command->groups != NULL ? " [OPTIONS] " : " ", out);
    roff_text(out, command->positional);
}

/* What it does, its options and examples, under the heading that stands already. */
static void command_body(FILE *out, const struct cairn_command *command)
{
    fputc(toupper((unsigned char)command->summary[0]), out);
    roff_text(out, command->summary + 1);
    fputs(".\n", out);
    if (command->description != NULL) {
        fputs(".PP\n", out);
        paragraphs(out, command->description);
    }
    for (const struct cairn_option_group *group = command->groups; group != NULL && group->title != NULL;
         group++) {
        for (const struct cairn_option *option = group->options; option->name != NULL; option++) {
            option_entry(out, option);
        }
    }
    for (const char *const *example = command->examples; example != NULL && *example != NULL; example += 2) {
        fputs(example == command->examples ? ".PP\nExamples:\n" : "", out);
        fputs(".TP\n.B ", out);
        roff_text(out, example[0]);
        fputc('\n', out);
        roff_text(out, example[1]);
        fputc('\n', out);
    }
}

static void command_entry(FILE *out, const struct cairn_command *command)
{
    fputs(".SS \"cairn", out);
    call(out, command);
    fputs("\"\n", out);
    command_body(out, command);
}

void cairn_write_command_page(const struct cairn_command *command, FILE *out)
{
    fputs(".TH \"CAIRN\\-", out);
    for (const char *letter = command->name; *letter != '\0'; letter++) {
        fputc(toupper((unsigned char)*letter), out);
    }
    fprintf(out, "\" 1 \"\" \"cairn " CAIRN_VERSION "\" \"User Commands\"\n.SH NAME\ncairn\\-%s \\- ",
            command->name);
    roff_text(out, command->summary);
    fputs("\n.SH SYNOPSIS\n.B cairn", out);
    call(out, command);
    fputs("\n.SH DESCRIPTION\n", out);
    command_body(out, command);
    fputs(".SH SEE ALSO\n.BR cairn (1),\nwhich also has what holds for all commands: moments, selecting, "
          "output, "
          "exit status\n",
          out);
}

void cairn_write_man_page(FILE *out)
{
    fputs(".TH CAIRN 1 \"\" \"cairn " CAIRN_VERSION "\" \"User Commands\"\n"
          ".SH NAME\ncairn \\- record what a program allocates, and browse it\n"
          ".SH SYNOPSIS\n.B cairn\n.br\n.B cairn\n.I TRACE\n.br\n.B cairn\n.I COMMAND\n[OPTIONS] "
          "[\\fITRACE\\fR]\n.br\n"
          ".B cairn record\n[OPTIONS] [\\-\\-] \\fIPROGRAM\\fR [\\fIARG\\fR...]\n"
          ".SH DESCRIPTION\n",
          out);
    roff_text(
        out, "cairn records any program, native or Python, without changing it, into one file: who "
             "allocated, from "
             "which call stack, and when it was freed. The file answers, at any moment of the recording, who "
             "holds the memory, what changed between two moments, and what leaks.\n");
    fputs(".PP\n", out);
    roff_text(out, "Where TRACE is left out, the newest *.cairn file of the current folder is meant; a "
                   "number stands for "
                   "the trace with that number in the table that the bare cairn prints.\n");
    fputs(".SH COMMANDS\n", out);
    command_entry(out, &cairn_command_bare);
    for (const struct cairn_command *const *command = cairn_commands; *command != NULL; command++) {
        command_entry(out, *command);
    }
    for (const struct cairn_topic *topic = cairn_topics; topic->name != NULL; topic++) {
        fputs(".SH \"", out);
        for (const char *letter = topic->title; *letter != '\0'; letter++) {
            fputc(toupper((unsigned char)*letter), out);
        }
        fputs("\"\n", out);
        paragraphs(out, topic->text);
    }
    fputs(".SH SEE ALSO\n.BR heaptrack (1),\n.BR valgrind (1),\n.BR sqlite3 (1)\n", out);
}
