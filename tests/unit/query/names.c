#include "names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct place {
    const char *function, *file, *module;
    int64_t line, offset;
};

static void put(const struct place *place, enum cairn_by by, char name[NAME_SIZE])
{
    const char *function = place->function ? place->function : "-", *file = place->file ? place->file : "-";
    const char *module = place->module ? place->module : "-";
    const bool marker = function[0] == '[';
    switch (by) {
    case CAIRN_BY_FILE:
        snprintf(name, NAME_SIZE, "%s", marker ? function : place->file ? file : module);
        break;
    case CAIRN_BY_MODULE:
        snprintf(name, NAME_SIZE, "%s", marker ? function : module);
        break;
    case CAIRN_BY_LINE:
        snprintf(name, NAME_SIZE, "%s %s %s %" PRId64 " %" PRId64, function, file, module, place->line,
                 place->offset);
        break;
    default:
        snprintf(name, NAME_SIZE, "%s %s %s %" PRId64, function, file, module, place->offset);
        break;
    }
}

void names_of_frame(const struct fixture *fixture, uint32_t number, enum cairn_by by, char name[NAME_SIZE])
{
    struct place place = {.line = CAIRN_UNKNOWN, .offset = CAIRN_UNKNOWN};
    if (number == 0) {
        place.function = "[no stack]";
    } else if (fixture->frames[number - 1].kind == CAIRN_FRAME_TRUNCATED) {
        place.function = "[truncated]";
    } else {
        const struct cairn_frame *frame = &fixture->frames[number - 1];
        place.function = frame->function ? fixture->functions[frame->function - 1].name : NULL;
        place.file = frame->file ? fixture->files[frame->file - 1].path : NULL;
        place.module = frame->module ? fixture->modules[frame->module - 1].path : NULL;
        place.line = frame->line;
        place.offset = frame->function ? CAIRN_UNKNOWN : frame->offset;
    }
    put(&place, by, name);
}

size_t names_charged(const struct fixture *fixture, const struct cairn_account *account,
                     enum cairn_lang_choice lang)
{
    const struct fixture_stack *stack = &fixture->stacks[account->stack];
    for (size_t i = 0; i < stack->count; i++) {
        if (lang == CAIRN_LANG_ONLY_PYTHON ? fixture->frames[stack->frames[i] - 1].lang == CAIRN_LANG_PYTHON
                                           : stack->frames[i] == account->site) {
            return i;
        }
    }
    return 0;
}

bool names_of_account(const struct fixture *fixture, const struct cairn_account *account, enum cairn_by by,
                      enum cairn_lang_choice lang, char name[NAME_SIZE])
{
    const struct fixture_stack *stack = &fixture->stacks[account->stack];
    const uint32_t frame = stack->count ? stack->frames[names_charged(fixture, account, lang)] : 0;
    const bool python = frame && fixture->frames[frame - 1].lang == CAIRN_LANG_PYTHON;
    if ((lang == CAIRN_LANG_ONLY_PYTHON && !python) || (lang == CAIRN_LANG_ONLY_NATIVE && python)) {
        return false;
    }
    switch (by) {
    case CAIRN_BY_STACK:
        snprintf(name, NAME_SIZE, "%" PRIu32, account->stack);
        break;
    case CAIRN_BY_THREAD:
        snprintf(name, NAME_SIZE, "%" PRIu32, account->thread);
        break;
    case CAIRN_BY_PROCESS:
        snprintf(name, NAME_SIZE, "%" PRIu32, account->process);
        break;
    default:
        names_of_frame(fixture, frame, by, name);
        break;
    }
    return true;
}

void names_of_site(const struct cairn_site *site, enum cairn_by by, char name[NAME_SIZE])
{
    switch (by) {
    case CAIRN_BY_STACK:
        snprintf(name, NAME_SIZE, "%" PRId64, site->site_id);
        break;
    case CAIRN_BY_THREAD:
        snprintf(name, NAME_SIZE, "%" PRIu32, site->thread);
        break;
    case CAIRN_BY_PROCESS:
        snprintf(name, NAME_SIZE, "%" PRIu32, site->process);
        break;
    default: {
        const struct place place = {
            .function = site->function,
            .file = site->file,
            .module = site->module,
            .line = site->line,
            .offset = site->offset,
        };
        put(&place, by, name);
        break;
    }
    }
}

struct cairn_selection names_selection(enum cairn_by by, enum cairn_metric metric)
{
    return (struct cairn_selection){.by = by, .metric = metric};
}
