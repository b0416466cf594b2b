#include "cli/manual.h"

#include <stdbool.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/help.h"

static const char moments[] = "start end peak 50% s1";

/* The command names, blanks between. */
static void command_words(FILE *out)
{
    for (const struct cairn_command *const *command = cairn_commands; *command != NULL; command++) {
        fprintf(out, "%s%s", command == cairn_commands ? "" : " ", (*command)->name);
    }
}

/* NULL: none. */
static void put_words(FILE *out, const char *const *words)
{
    for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
        fprintf(out, "%s%s", i == 0 ? "" : " ", words[i]);
    }
}

/* What is offered behind one option; the word is in $cur. */
static void bash_value(FILE *out, const struct cairn_option *option)
{
    switch (option->completion) {
    case CAIRN_COMPLETE_WORDS:
        fputs("COMPREPLY=($(compgen -W '", out);
        put_words(out, option->words);
        fputs("' -- \"$cur\"))", out);
        break;
    case CAIRN_COMPLETE_MOMENT:
        fprintf(out, "COMPREPLY=($(compgen -W '%s' -- \"$cur\"))", moments);
        break;
    case CAIRN_COMPLETE_FOLDER:
        fputs("COMPREPLY=($(compgen -d -- \"$cur\"))", out);
        break;
    case CAIRN_COMPLETE_FILE:
    case CAIRN_COMPLETE_TRACE:
        fputs("COMPREPLY=($(compgen -f -- \"$cur\"))", out);
        break;
    case CAIRN_COMPLETE_NOTHING:
    case CAIRN_COMPLETE_PROGRAM:
    case CAIRN_COMPLETE_COMMAND:
        fputs("COMPREPLY=()", out);
        break;
    }
}

static void bash_positional(FILE *out, const struct cairn_command *command)
{
    switch (command->completion) {
    case CAIRN_COMPLETE_TRACE:
        fputs("COMPREPLY=($(compgen -W '", out);
        put_words(out, command->verbs);
        fputs("' -- \"$cur\"; compgen -f -X '!*.cairn' -- \"$cur\"; compgen -d -- \"$cur\"))", out);
        break;
    case CAIRN_COMPLETE_FILE:
        fputs("COMPREPLY=($(compgen -f -- \"$cur\"))", out);
        break;
    case CAIRN_COMPLETE_PROGRAM:
        fputs("COMPREPLY=($(compgen -c -- \"$cur\"; compgen -f -- \"$cur\"))", out);
        break;
    case CAIRN_COMPLETE_COMMAND:
        fputs("COMPREPLY=($(compgen -W '", out);
        command_words(out);
        for (const struct cairn_topic *topic = cairn_topics; topic->name != NULL; topic++) {
            fprintf(out, " %s", topic->name);
        }
        fputs("' -- \"$cur\"))", out);
        break;
    default:
        fputs("COMPREPLY=()", out);
        break;
    }
}

static void bash_command(FILE *out, const struct cairn_command *command)
{
    fprintf(out, "    %s)\n        case $prev in\n", command->name);
    for (const struct cairn_option_group *group = command->groups; group != NULL && group->title != NULL;
         group++) {
        for (const struct cairn_option *option = group->options; option->name != NULL; option++) {
            if (option->argument == NULL || option->bare_word != NULL) {
                continue;
            }
            fputs("        ", out);
            if (option->letter != 0) {
                fprintf(out, "-%c|", option->letter);
            }
            fprintf(out, "--%s) ", option->name);
            bash_value(out, option);
            fputs("; return ;;\n", out);
        }
    }
    fputs("        esac\n        if [[ $cur == -* ]]; then\n            COMPREPLY=($(compgen -W '--help",
          out);
    for (const struct cairn_option_group *group = command->groups; group != NULL && group->title != NULL;
         group++) {
        for (const struct cairn_option *option = group->options; option->name != NULL; option++) {
            fprintf(out, " --%s", option->name);
        }
    }
    fputs("' -- \"$cur\"))\n        else\n            ", out);
    bash_positional(out, command);
    fputs("\n        fi ;;\n", out);
}

void cairn_write_bash_completion(FILE *out)
{
    fputs("# bash completion for cairn, made from the tables that parse its options\n"
          "_cairn()\n{\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    COMPREPLY=()\n"
          "    # --by=line is three words for bash.\n"
          "    if [[ $cur == = ]]; then\n"
          "        cur=\n"
          "    elif [[ $prev == = && $COMP_CWORD -gt 2 ]]; then\n"
          "        prev=${COMP_WORDS[COMP_CWORD-2]}\n"
          "    fi\n"
          "    if [[ $COMP_CWORD -eq 1 ]]; then\n"
          "        COMPREPLY=($(compgen -W '",
          out);
    command_words(out);
    fputs(" --help --version' -- \"$cur\"; compgen -f -X '!*.cairn' -- \"$cur\"))\n"
          "        return\n"
          "    fi\n"
          "    case ${COMP_WORDS[1]} in\n",
          out);
    for (const struct cairn_command *const *command = cairn_commands; *command != NULL; command++) {
        bash_command(out, *command);
    }
    fputs("    esac\n}\ncomplete -o filenames -F _cairn cairn\n", out);
}

/* Inside single quotes of an _arguments specification. */
static void zsh_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs("'\\''", out);
        } else if (strchr("[]:\\", *text) != NULL) {
            fprintf(out, "\\%c", *text);
        } else {
            fputc(*text, out);
        }
    }
}

static void zsh_action(FILE *out, const struct cairn_option *option)
{
    switch (option->completion) {
    case CAIRN_COMPLETE_WORDS:
        fputs("(", out);
        put_words(out, option->words);
        fputs(")", out);
        break;
    case CAIRN_COMPLETE_MOMENT:
        fprintf(out, "(%s)", moments);
        break;
    case CAIRN_COMPLETE_FILE:
    case CAIRN_COMPLETE_TRACE:
        fputs("_files", out);
        break;
    case CAIRN_COMPLETE_FOLDER:
        fputs("_files -/", out);
        break;
    case CAIRN_COMPLETE_NOTHING:
    case CAIRN_COMPLETE_PROGRAM:
    case CAIRN_COMPLETE_COMMAND:
        fputs(" ", out);
        break;
    }
}

static void zsh_option(FILE *out, const struct cairn_option *option)
{
    const bool value = option->argument != NULL;
    const char *mark = !value ? "" : option->bare_word != NULL ? "=-" : "=";
    if (option->letter != 0) {
        fprintf(out, "            '(-%c --%s)'{-%c%s,--%s%s}'[", option->letter, option->name, option->letter,
                value ? "+" : "", option->name, mark);
    } else {
        fprintf(out, "            '%s--%s%s[", option->type == CAIRN_OPTION_TEXTS ? "*" : "", option->name,
                mark);
    }
    zsh_text(out, option->help);
    fputs("]", out);
    if (value) {
        fputs(option->bare_word != NULL ? "::" : ":", out);
        zsh_text(out, option->argument);
        fputs(":", out);
        zsh_action(out, option);
    }
    fputs("' \\\n", out);
}

static void zsh_command(FILE *out, const struct cairn_command *command)
{
    fprintf(out, "    %s)\n        _arguments -s \\\n", command->name);
    for (const struct cairn_option_group *group = command->groups; group != NULL && group->title != NULL;
         group++) {
        for (const struct cairn_option *option = group->options; option->name != NULL; option++) {
            zsh_option(out, option);
        }
    }
    fputs("            '--help[what it does, and its options]' \\\n", out);
    switch (command->completion) {
    case CAIRN_COMPLETE_TRACE:
        if (command->verbs != NULL) {
            fputs("            '*:trace or verb:{compadd ", out);
            put_words(out, command->verbs);
            fputs("; _files -g \"*.cairn\"}' ;;\n", out);
        } else {
            fputs("            '*:trace:_files -g \"*.cairn\"' ;;\n", out);
        }
        break;
    case CAIRN_COMPLETE_FILE:
        fputs("            '*:file:_files' ;;\n", out);
        break;
    case CAIRN_COMPLETE_PROGRAM:
        fputs("            '(-)1:program:_command_names -e' '*::arguments:_normal' ;;\n", out);
        break;
    case CAIRN_COMPLETE_COMMAND:
        fputs("            '1:command:(", out);
        command_words(out);
        fputs(")' ;;\n", out);
        break;
    default:
        fputs("            ;;\n", out);
        break;
    }
}

void cairn_write_zsh_completion(FILE *out)
{
    fputs("#compdef cairn\n"
          "# zsh completion for cairn, made from the tables that parse its options\n"
          "_cairn() {\n"
          "    local -a commands\n"
          "    commands=(\n",
          out);
    for (const struct cairn_command *const *command = cairn_commands; *command != NULL; command++) {
        fprintf(out, "        '%s:", (*command)->name);
        zsh_text(out, (*command)->summary);
        fputs("'\n", out);
    }
    fputs("    )\n"
          "    if (( CURRENT == 2 )); then\n"
          "        _describe command commands\n"
          "        _files -g '*.cairn'\n"
          "        return\n"
          "    fi\n"
          "    shift words\n"
          "    (( CURRENT-- ))\n"
          "    case $words[1] in\n",
          out);
    for (const struct cairn_command *const *command = cairn_commands; *command != NULL; command++) {
        zsh_command(out, *command);
    }
    fputs("    esac\n}\n_cairn \"$@\"\n", out);
}
