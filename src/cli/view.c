#include "view/view.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/choose.h"
#include "cli/commands.h"

struct view_arguments {
    const char *script, *size, *theme, *source_root;
    bool ascii;
};

/* "80x24" */
static enum cairn_status parse_size(const char *text, int *width, int *height, struct cairn_error *error)
{
    char rest;
    if (sscanf(text, "%4dx%4d%c", width, height, &rest) != 2 || *width < 1 || *height < 1) {
        return cairn_fail(error, CAIRN_E_USAGE,
                          "--size: '%s' is no size: say columns and lines, as in --size 80x24", text);
    }
    return CAIRN_OK;
}

/* A folder that is not there would look like one without sources. */
static enum cairn_status check_root(const char *root, struct cairn_error *error)
{
    struct stat about;
    if (stat(root, &about) != 0) {
        return cairn_fail_errno(error, "--source-root: %s", root);
    }
    return S_ISDIR(about.st_mode)
               ? CAIRN_OK
               : cairn_fail(error, CAIRN_E_USAGE, "--source-root: %s is no folder: name one", root);
}

static int run(const struct cairn_invocation *invocation)
{
    const struct view_arguments *arguments = invocation->arguments;
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    struct cairn_view_options options = {
        .script = arguments->script,
        .ascii = arguments->ascii,
        .theme = arguments->theme,
        .source_root = arguments->source_root,
    };
    struct cairn_error error;
    const char *first = invocation->positional_count > 0 ? invocation->positional[0] : NULL;
    enum cairn_status status = cairn_choose_trace(&arena, first, &options.path, &error);
    if (status == CAIRN_OK && invocation->positional_count > 1) {
        status = cairn_choose_trace(&arena, invocation->positional[1], &options.other_path, &error);
    }
    if (status == CAIRN_OK && arguments->size != NULL) {
        status = parse_size(arguments->size, &options.width, &options.height, &error);
    }
    if (status == CAIRN_OK && arguments->source_root != NULL) {
        status = check_root(arguments->source_root, &error);
    }
    if (status == CAIRN_OK) {
        status = cairn_view(&options, &error);
    }
    cairn_arena_release(&arena);
    return status == CAIRN_OK ? CAIRN_EXIT_DONE : cairn_complain(&error);
}

static const struct cairn_option options[] = {
    {.name = "script",
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct view_arguments, script),
     .argument = "FILE",
     .help = "replay keys from a file and save screens as text, without a terminal",
     .completion = CAIRN_COMPLETE_FILE},
    {.name = "size",
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct view_arguments, size),
     .argument = "WxH",
     .help = "columns and lines of the script's screen (default 80x24)"},
    {.name = "ascii",
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct view_arguments, ascii),
     .help = "draw with ASCII characters only"},
    {.name = "theme",
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct view_arguments, theme),
     .argument = "NAME",
     .help = "colours to use: default, light, mono or safe"},
    {.name = "source-root",
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct view_arguments, source_root),
     .argument = "DIR",
     .help = "look for source files below this folder",
     .completion = CAIRN_COMPLETE_FOLDER},
    {.name = NULL},
};

static const struct cairn_option_group groups[] = {{.title = "Options", .options = options}, {.title = NULL}};

static const char *const examples[] = {
    "cairn app.1234.cairn",
    "open a trace; ? lists the keys",
    "cairn view old.cairn new.cairn",
    "what differs between two traces",
    NULL,
};

const struct cairn_command cairn_command_view = {
    .name = "view",
    .summary = "browse a trace with the keyboard; follows a recording that still runs",
    .positional = "[TRACE [TRACE]]",
    .positional_max = 2,
    .completion = CAIRN_COMPLETE_TRACE,
    .description =
        "`cairn TRACE` is short for `cairn view TRACE`. A number stands for the trace with that number in "
        "the table that `cairn` prints.",
    .examples = examples,
    .groups = groups,
    .arguments_size = sizeof(struct view_arguments),
    .run = run,
};
