#include "cli/command.h"
#include "cli/suggest.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/human.h"

/* The words that are being read. */
struct parser {
    struct cairn_invocation *invocation;
    struct cairn_error *error;
    char *const *argv;
    int argc, at;
    char **positional;
};

/* An option and the group it stands in. */
struct found {
    const struct cairn_option *option;
    const struct cairn_option_group *group;
};

static const char *command_name(const struct parser *parser)
{
    const char *name = parser->invocation->command->name;
    return name[0] != '\0' ? name : "cairn";
}

static struct found find_option(const struct cairn_command *command, const char *name, size_t length,
                                char letter)
{
    for (const struct cairn_option_group *group = command->groups; group != NULL && group->title != NULL;
         group++) {
        for (const struct cairn_option *option = group->options; option->name != NULL; option++) {
            const bool hit = letter != 0
                                 ? option->letter == letter
                                 : strncmp(option->name, name, length) == 0 && option->name[length] == '\0';
            if (hit) {
                return (struct found){.option = option, .group = group};
            }
        }
    }
    return (struct found){.option = NULL};
}

static enum cairn_status unknown_option(struct parser *parser, const char *shown, const char *name)
{
    struct cairn_suggestion suggestion;
    cairn_suggestion_init(&suggestion, name);
    const struct cairn_command *command = parser->invocation->command;
    for (const struct cairn_option_group *group = command->groups; group != NULL && group->title != NULL;
         group++) {
        for (const struct cairn_option *option = group->options; option->name != NULL; option++) {
            cairn_suggestion_consider(&suggestion, option->name);
        }
    }
    if (command->name[0] == '\0') {
        cairn_suggestion_consider(&suggestion, "help");
        cairn_suggestion_consider(&suggestion, "version");
        return cairn_fail(parser->error, CAIRN_E_USAGE, "unknown option '%s'%s%s%s: `cairn --help` says more",
                          shown, suggestion.best != NULL ? ": did you mean '--" : "",
                          suggestion.best != NULL ? suggestion.best : "",
                          suggestion.best != NULL ? "'?" : "");
    }
    if (suggestion.best != NULL) {
        return cairn_fail(parser->error, CAIRN_E_USAGE,
                          "%s: unknown option '%s': did you mean '--%s'? `cairn help %s` lists them",
                          command_name(parser), shown, suggestion.best, command->name);
    }
    return cairn_fail(parser->error, CAIRN_E_USAGE, "%s: unknown option '%s': `cairn help %s` lists them",
                      command_name(parser), shown, command->name);
}

static enum cairn_status parse_word(struct parser *parser, const struct cairn_option *option,
                                    const char *value, int *index)
{
    struct cairn_suggestion suggestion;
    struct cairn_buffer list = CAIRN_BUFFER_INIT;
    cairn_suggestion_init(&suggestion, value);
    for (int i = 0; option->words[i] != NULL; i++) {
        if (strcmp(option->words[i], value) == 0) {
            *index = i;
            cairn_buffer_release(&list);
            return CAIRN_OK;
        }
        cairn_suggestion_consider(&suggestion, option->words[i]);
        cairn_buffer_format(&list, "%s%s", i == 0 ? "" : ", ", option->words[i]);
    }
    const char *ask = suggestion.best != NULL ? ": did you mean " : "";
    const char *best = suggestion.best != NULL ? suggestion.best : "";
    cairn_fail(parser->error, CAIRN_E_USAGE, "--%s: '%s' is none of %s%s%s%s", option->name, value,
               cairn_buffer_cstr(&list), ask, best, best[0] != '\0' ? "?" : "");
    cairn_buffer_release(&list);
    return CAIRN_E_USAGE;
}

static enum cairn_status parse_count(struct parser *parser, const struct cairn_option *option,
                                     const char *value, int64_t *count)
{
    char *end = NULL;
    errno = 0;
    const long long number = strtoll(value, &end, 10);
    if (!isdigit((unsigned char)value[0]) || *end != '\0' || errno != 0) {
        return cairn_fail(parser->error, CAIRN_E_USAGE,
                          "--%s: '%s' is not a whole number: say one from 0 on, as in --%s 10", option->name,
                          value, option->name);
    }
    *count = number;
    return CAIRN_OK;
}

/* Puts the option's name in front of what a parser of values said. */
static enum cairn_status blame_option(struct parser *parser, const struct cairn_option *option,
                                      const struct cairn_error *detail)
{
    return cairn_fail(parser->error, CAIRN_E_USAGE, "--%s: %s", option->name, detail->message);
}

static enum cairn_status append_text(struct parser *parser, struct cairn_texts *texts, const char *value)
{
    if (texts->items == NULL) {
        texts->items =
            cairn_arena_alloc(&parser->invocation->arena, (size_t)(parser->argc + 1) * sizeof *texts->items);
        if (texts->items == NULL) {
            return cairn_fail(parser->error, CAIRN_E_NOMEM, "the command line: out of memory");
        }
    }
    texts->items[texts->count++] = value;
    return CAIRN_OK;
}

static void *slot_of(const struct parser *parser, const struct found *found)
{
    return (char *)parser->invocation->arguments + found->group->base + found->option->offset;
}

static void store_flag(const struct parser *parser, const struct found *found)
{
    *(bool *)slot_of(parser, found) = found->option->type == CAIRN_OPTION_SET;
}

static enum cairn_status store_value(struct parser *parser, const struct found *found, const char *value)
{
    const struct cairn_option *option = found->option;
    void *slot = slot_of(parser, found);
    struct cairn_error detail;
    switch (option->type) {
    case CAIRN_OPTION_TEXT:
        *(const char **)slot = value;
        return CAIRN_OK;
    case CAIRN_OPTION_TEXTS:
        return append_text(parser, slot, value);
    case CAIRN_OPTION_COUNT:
        return parse_count(parser, option, value, slot);
    case CAIRN_OPTION_BYTES:
        return cairn_parse_bytes(value, slot, &detail) == CAIRN_OK ? CAIRN_OK
                                                                   : blame_option(parser, option, &detail);
    case CAIRN_OPTION_DURATION:
        return cairn_parse_duration(value, slot, &detail) == CAIRN_OK ? CAIRN_OK
                                                                      : blame_option(parser, option, &detail);
    case CAIRN_OPTION_WORD:
        return parse_word(parser, option, value, slot);
    case CAIRN_OPTION_SET:
    case CAIRN_OPTION_CLEAR:
        break; /* have no value */
    }
    return CAIRN_OK;
}

/* The option's value: what stands behind `=` or the letter, else the next word, whatever it looks like. */
static enum cairn_status take_value(struct parser *parser, const struct found *found, const char *attached)
{
    const struct cairn_option *option = found->option;
    const char *value = attached != NULL ? attached : option->bare_word;
    if (value == NULL && parser->at + 1 < parser->argc) {
        value = parser->argv[++parser->at];
    }
    if (value == NULL) {
        return cairn_fail(parser->error, CAIRN_E_USAGE, "%s: option '--%s' needs a value: --%s %s",
                          command_name(parser), option->name, option->name, option->argument);
    }
    return store_value(parser, found, value);
}

static enum cairn_status parse_long(struct parser *parser, const char *word)
{
    const char *name = word + 2;
    const size_t length = strcspn(name, "=");
    const char *attached = name[length] == '=' ? name + length + 1 : NULL;
    if (strcmp(name, "help") == 0) {
        parser->invocation->help = true;
        return CAIRN_OK;
    }
    const struct found found = find_option(parser->invocation->command, name, length, 0);
    if (found.option == NULL) {
        char *bare = cairn_arena_copy(&parser->invocation->arena, name, length);
        return unknown_option(parser, word, bare != NULL ? bare : name);
    }
    if (found.option->argument == NULL && attached != NULL) {
        return cairn_fail(parser->error, CAIRN_E_USAGE, "%s: option '--%s' takes no value: leave '=%s' out",
                          command_name(parser), found.option->name, attached);
    }
    if (found.option->argument == NULL) {
        store_flag(parser, &found);
        return CAIRN_OK;
    }
    return take_value(parser, &found, attached);
}

static enum cairn_status parse_letters(struct parser *parser, const char *word)
{
    for (const char *letter = word + 1; *letter != '\0'; letter++) {
        if (*letter == 'h') {
            parser->invocation->help = true;
            return CAIRN_OK;
        }
        const struct found found = find_option(parser->invocation->command, NULL, 0, *letter);
        if (found.option == NULL) {
            return unknown_option(parser, word, word + 1);
        }
        if (found.option->argument != NULL) {
            return take_value(parser, &found, letter[1] != '\0' ? letter + 1 : NULL);
        }
        store_flag(parser, &found);
    }
    return CAIRN_OK;
}

static enum cairn_status parse_words(struct parser *parser)
{
    struct cairn_invocation *invocation = parser->invocation;
    bool options_over = false;
    for (parser->at = 0; parser->at < parser->argc && !invocation->help; parser->at++) {
        char *word = parser->argv[parser->at];
        enum cairn_status status = CAIRN_OK;
        if (options_over || word[0] != '-' || word[1] == '\0') {
            parser->positional[invocation->positional_count++] = word;
            options_over = options_over || invocation->command->program_follows;
        } else if (strcmp(word, "--") == 0) {
            options_over = true;
        } else if (word[1] == '-') {
            status = parse_long(parser, word);
        } else {
            status = parse_letters(parser, word);
        }
        if (status != CAIRN_OK) {
            return status;
        }
    }
    return CAIRN_OK;
}

static enum cairn_status check_positional(struct parser *parser)
{
    const struct cairn_invocation *invocation = parser->invocation;
    const struct cairn_command *command = invocation->command;
    const char *space = command->name[0] != '\0' ? " " : "";
    if (invocation->positional_count < command->positional_min) {
        return cairn_fail(parser->error, CAIRN_E_USAGE, "%s: something is missing: cairn%s%s %s",
                          command_name(parser), space, command->name, command->positional);
    }
    if (invocation->positional_count > command->positional_max) {
        return cairn_fail(parser->error, CAIRN_E_USAGE, "%s: unexpected '%s': cairn%s%s%s%s",
                          command_name(parser), invocation->positional[command->positional_max], space,
                          command->name, command->positional[0] != '\0' ? " " : "", command->positional);
    }
    return CAIRN_OK;
}

enum cairn_status cairn_invocation_parse(const struct cairn_command *command, int argc, char *const *argv,
                                         struct cairn_invocation *invocation, struct cairn_error *error)
{
    *invocation = (struct cairn_invocation){.command = command};
    invocation->arguments = cairn_arena_alloc(&invocation->arena, command->arguments_size + 1);
    char **positional = cairn_arena_alloc(&invocation->arena, (size_t)(argc + 1) * sizeof *positional);
    if (invocation->arguments == NULL || positional == NULL) {
        return cairn_fail(error, CAIRN_E_NOMEM, "the command line: out of memory");
    }
    if (command->defaults != NULL) {
        memcpy(invocation->arguments, command->defaults, command->arguments_size);
    }
    invocation->positional = positional;
    struct parser parser = {
        .invocation = invocation, .error = error, .argv = argv, .argc = argc, .positional = positional};
    const enum cairn_status status = parse_words(&parser);
    if (status != CAIRN_OK || invocation->help) {
        return status;
    }
    return check_positional(&parser);
}

void cairn_invocation_release(struct cairn_invocation *invocation)
{
    cairn_arena_release(&invocation->arena);
}
