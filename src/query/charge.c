#include "query/charge.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "query/no_memory.h"

enum packed_bits { PACKED_SKIPPED = 1u, PACKED_PYTHON = 2u, PACKED_INTERPRETER = 4u };

void cairn_charge_init(struct cairn_charge *charge, struct cairn_trace *trace, enum cairn_lang_choice lang,
                       const struct cairn_site_rule *rule)
{
    *charge = (struct cairn_charge){.trace = trace, .lang = lang, .rule = rule};
}

void cairn_charge_release(struct cairn_charge *charge)
{
    cairn_site_rule_free(charge->builtin);
    cairn_key_map_release(&charge->verdicts);
    cairn_stack_frames_release(&charge->walk);
    free(charge->candidates);
    *charge = (struct cairn_charge){.trace = NULL};
}

/* python3, python3.11, libpython3.12.so.1.0: the interpreter's own code. */
static bool is_interpreter(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    const char *name = slash ? slash + 1 : path;
    if (!name) {
        return false;
    }
    if (strncmp(name, "libpython", 9) == 0) {
        return true;
    }
    return strncmp(name, "python", 6) == 0 && strspn(name + 6, "0123456789.d") == strlen(name + 6);
}

static unsigned judge_frame(struct cairn_charge *charge, const struct cairn_site_rule *rule,
                            const struct cairn_frame *frame)
{
    const struct cairn_function *function = cairn_trace_function(charge->trace, frame->function);
    const struct cairn_module *module = cairn_trace_module(charge->trace, frame->module);
    const char *path = module ? module->path : NULL;
    const bool python = frame->lang == CAIRN_LANG_PYTHON;
    unsigned packed = python ? PACKED_PYTHON : 0;
    if (cairn_site_rule_skips(rule, function ? function->name : NULL, path,
                              python ? CAIRN_LANG_PYTHON : CAIRN_LANG_NATIVE)) {
        packed |= PACKED_SKIPPED;
    }
    return !python && is_interpreter(path) ? packed | PACKED_INTERPRETER : packed;
}

static bool make_room(struct cairn_charge *charge, size_t count)
{
    if (count <= charge->capacity) {
        return true;
    }
    struct cairn_site_candidate *larger = realloc(charge->candidates, count * sizeof(*larger));
    if (!larger) {
        return false;
    }
    charge->candidates = larger;
    charge->capacity = count;
    return true;
}

/* The rule to apply: the caller's, or the built-in one where the trace's own site will not do. */
static enum cairn_status rule_of(struct cairn_charge *charge, const struct cairn_site_rule **rule,
                                 struct cairn_error *error)
{
    if (!charge->rule && !charge->builtin) {
        const enum cairn_status status = cairn_site_rule_new(true, NULL, 0, &charge->builtin, error);
        if (status != CAIRN_OK) {
            return status;
        }
    }
    *rule = charge->rule ? charge->rule : charge->builtin;
    return CAIRN_OK;
}

/* Index of the paying frame among charge->walk by the rule. */
static enum cairn_status choose(struct cairn_charge *charge, size_t *chosen, struct cairn_error *error)
{
    const struct cairn_site_rule *rule;
    const enum cairn_status status = rule_of(charge, &rule, error);
    if (status != CAIRN_OK) {
        return status;
    }
    if (!make_room(charge, charge->walk.count)) {
        return cairn_no_memory(error, "the sites");
    }
    for (size_t i = 0; i < charge->walk.count; i++) {
        const struct cairn_frame *frame = charge->walk.frames[i];
        uint32_t packed = cairn_key_map_get(&charge->verdicts, frame->frame);
        if (packed == CAIRN_KEY_MAP_NONE) {
            packed = judge_frame(charge, rule, frame);
            if (!cairn_key_map_set(&charge->verdicts, frame->frame, packed)) {
                return cairn_no_memory(error, "the sites");
            }
        }
        charge->candidates[i] = (struct cairn_site_candidate){
            .skipped = packed & PACKED_SKIPPED,
            .lang = packed & PACKED_PYTHON ? CAIRN_LANG_PYTHON : CAIRN_LANG_NATIVE,
            .interpreter = packed & PACKED_INTERPRETER,
        };
    }
    *chosen = cairn_site_rule_choose(charge->candidates, charge->walk.count,
                                     charge->lang == CAIRN_LANG_ONLY_PYTHON);
    return CAIRN_OK;
}

static bool lang_selects(const struct cairn_charge *charge, const struct cairn_frame *frame)
{
    if (charge->lang == CAIRN_LANG_ALL) {
        return true;
    }
    const bool python = frame && frame->lang == CAIRN_LANG_PYTHON;
    return python == (charge->lang == CAIRN_LANG_ONLY_PYTHON);
}

/* Loads the stack of `account` and finds the paying frame in it. With the trace's own sites that is the innermost
 * occurrence of account.site. */
static enum cairn_status walk_to_site(struct cairn_charge *charge, const struct cairn_account *account,
                                      size_t *first, struct cairn_error *error)
{
    if (!charge->stacks_loaded) {
        const enum cairn_status status = cairn_trace_load_stacks(charge->trace, error);
        if (status != CAIRN_OK) {
            return status;
        }
        charge->stacks_loaded = true;
    }
    if (!cairn_stack_frames_load(&charge->walk, charge->trace, account->stack)) {
        return cairn_no_memory(error, "the sites");
    }
    if (charge->walk.count == 0) {
        *first = 0;
        return CAIRN_OK;
    }
    if (!charge->rule && account->site && charge->lang != CAIRN_LANG_ONLY_PYTHON) {
        for (size_t i = 0; i < charge->walk.count; i++) {
            if (charge->walk.frames[i]->frame == account->site) {
                *first = i;
                return CAIRN_OK;
            }
        }
    }
    return choose(charge, first, error);
}

enum cairn_status cairn_charge_frame(struct cairn_charge *charge, const struct cairn_account *account,
                                     const struct cairn_frame **frame, bool *selected,
                                     struct cairn_error *error)
{
    const struct cairn_frame *found = NULL;
    /* The usual case touches no stack at all. */
    if (!charge->rule && account->site && charge->lang != CAIRN_LANG_ONLY_PYTHON) {
        found = cairn_trace_frame(charge->trace, account->site);
    }
    if (!found) {
        size_t first;
        const enum cairn_status status = walk_to_site(charge, account, &first, error);
        if (status != CAIRN_OK) {
            return status;
        }
        found = charge->walk.count ? charge->walk.frames[first] : NULL;
    }
    *frame = found;
    *selected = lang_selects(charge, found);
    return CAIRN_OK;
}

enum cairn_status cairn_charge_path(struct cairn_charge *charge, const struct cairn_account *account,
                                    size_t *first, bool *selected, struct cairn_error *error)
{
    size_t at;
    const enum cairn_status status = walk_to_site(charge, account, &at, error);
    if (status != CAIRN_OK) {
        return status;
    }
    struct cairn_stack_frames *walk = &charge->walk;
    *first = at;
    *selected = lang_selects(charge, walk->count ? walk->frames[at] : NULL);
    if (charge->lang != CAIRN_LANG_ALL && *selected) {
        size_t kept = at;
        for (size_t i = at; i < walk->count; i++) {
            /* Marks of cut stacks are no code of either language, and the tree must show them. */
            if (walk->frames[i]->kind != CAIRN_FRAME_PLAIN || lang_selects(charge, walk->frames[i])) {
                walk->frames[kept++] = walk->frames[i];
            }
        }
        walk->count = kept;
    }
    return CAIRN_OK;
}
