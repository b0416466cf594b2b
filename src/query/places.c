#include "query/places.h"

#include <stdlib.h>

#define SITE_ID_BITS 53

void cairn_places_release(struct cairn_places *places)
{
    free(places->sites);
    cairn_key_map_release(&places->by_key);
    cairn_key_map_release(&places->by_frame);
    *places = (struct cairn_places){.sites = NULL};
}

int64_t cairn_site_id_of_key(uint64_t key)
{
    return (int64_t)(key >> (64 - SITE_ID_BITS));
}

void cairn_site_of_frame(struct cairn_trace *trace, const struct cairn_frame *frame, struct cairn_site *site)
{
    *site = (struct cairn_site){.line = CAIRN_UNKNOWN, .offset = CAIRN_UNKNOWN, .lang = -1};
    if (!frame) {
        site->function = "[no stack]";
        return;
    }
    if (frame->kind != CAIRN_FRAME_PLAIN) {
        site->function = frame->kind == CAIRN_FRAME_TRUNCATED ? "[truncated]" : "[unwinding stopped]";
        return;
    }
    const struct cairn_function *function = cairn_trace_function(trace, frame->function);
    const struct cairn_source_file *file = cairn_trace_source_file(trace, frame->file);
    const struct cairn_module *module = cairn_trace_module(trace, frame->module);
    site->function = function ? function->name : NULL;
    site->file = file ? file->path : NULL;
    site->line = frame->line;
    site->source_file = file ? frame->file : 0;
    site->module = module ? module->path : NULL;
    site->offset = function ? CAIRN_UNKNOWN : frame->offset;
    site->lang = frame->lang;
    site->inlined = frame->inlined_into != 0;
}

/* Leaves in `site` what the grouping has; a place without a name of its kind falls back to what is known. */
static void reduce(enum cairn_by by, struct cairn_site *site)
{
    const bool marker = site->lang < 0;
    if (marker || by == CAIRN_BY_LINE || by == CAIRN_BY_FUNCTION) {
        return;
    }
    const char *file = site->file, *module = site->module;
    const uint32_t source_file = site->source_file;
    *site = (struct cairn_site){.line = CAIRN_UNKNOWN, .offset = CAIRN_UNKNOWN, .lang = site->lang};
    if (by == CAIRN_BY_FILE && file) {
        site->file = file;
        site->source_file = source_file;
    } else {
        site->module = module;
    }
}

static uint64_t key_of(enum cairn_by by, const struct cairn_site *site)
{
    uint64_t key = cairn_key_text(cairn_key_number(0, by), site->function);
    key = cairn_key_text(cairn_key_text(key, site->file), site->module);
    if (by == CAIRN_BY_LINE) {
        key = cairn_key_number(key, (uint64_t)site->line);
    }
    /* Code without names: every call site is its own, since nothing says where functions begin. */
    key = cairn_key_number(key, (uint64_t)site->offset);
    return (by == CAIRN_BY_FILE || by == CAIRN_BY_MODULE) && (site->file || site->module)
               ? key
               : cairn_key_number(key, (uint64_t)site->lang);
}

static bool make_room(struct cairn_places *places)
{
    if (places->count < places->capacity) {
        return true;
    }
    const size_t capacity = places->capacity ? places->capacity * 2 : 64;
    struct cairn_site *sites = realloc(places->sites, capacity * sizeof(*sites));
    if (!sites) {
        return false;
    }
    places->sites = sites;
    places->capacity = capacity;
    return true;
}

/* Another frame of a known place: what the two do not share becomes unknown. */
static void merge(struct cairn_site *site, const struct cairn_site *other)
{
    site->inlined = site->inlined && other->inlined;
    if (site->lang != other->lang) {
        site->lang = -1;
    }
    if (site->line != other->line) {
        site->line = CAIRN_UNKNOWN;
    }
}

uint32_t cairn_places_of(struct cairn_places *places, const struct cairn_frame *frame)
{
    /* Frame 0 stands for no frame: rows begin at 1. */
    const uint32_t number = frame ? frame->frame : 0;
    uint32_t index = cairn_key_map_get(&places->by_frame, number);
    if (index != CAIRN_KEY_MAP_NONE) {
        return index;
    }
    struct cairn_site site;
    cairn_site_of_frame(places->trace, frame, &site);
    reduce(places->by, &site);
    const uint64_t key = key_of(places->by, &site);
    site.site_id = cairn_site_id_of_key(key);
    if (!make_room(places)) {
        return CAIRN_KEY_MAP_NONE;
    }
    index = cairn_key_map_add(&places->by_key, (uint64_t)site.site_id, (uint32_t)places->count);
    if (index == CAIRN_KEY_MAP_NONE) {
        return index;
    }
    if (index == places->count) {
        places->sites[places->count++] = site;
    } else {
        merge(&places->sites[index], &site);
    }
    return cairn_key_map_set(&places->by_frame, number, index) ? index : CAIRN_KEY_MAP_NONE;
}
