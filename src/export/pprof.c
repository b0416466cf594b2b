/* pprof's profile.proto: alloc_objects, alloc_space, inuse_objects and inuse_space of every stack, with modules and their
 * build ids. Flat numbers are those of `cairn top`: a stack's leaf is the frame that is charged. */
#include <stdlib.h>
#include <string.h>

#include "export/formats.h"
#include "export/stacks.h"
#include "export/text.h"
#include "profile.pb-c.h"
#include "query/grow.h"
#include "query/key_map.h"
#include "query/no_memory.h"
#include "query/places.h"

typedef Perftools__Profiles__Profile profile_message;

enum { VALUES = 4 };
static const char *const value_types[VALUES][2] = {{"alloc_objects", "count"},
                                                   {"alloc_space", "bytes"},
                                                   {"inuse_objects", "count"},
                                                   {"inuse_space", "bytes"}};

/* A list of messages that grows; ids are indexes + 1. */
struct list {
    void **items;
    size_t count, capacity;
};

struct profile {
    const struct cairn_export *export;
    struct cairn_arena arena;
    struct list samples, locations, functions, mappings, texts;
    struct cairn_key_map text_by_hash, location_by_frame, function_by_name, mapping_by_module;
    struct cairn_buffer scratch;
    bool failed; /* memory ran out */
};

static void *add(struct profile *profile, struct list *list, size_t size)
{
    void **items = cairn_grow(list->items, sizeof(*items), list->count + 1, &list->capacity);
    void *item = items ? cairn_arena_alloc(&profile->arena, size) : NULL;
    list->items = items ? items : list->items;
    if (!item) {
        profile->failed = true;
        return NULL;
    }
    list->items[list->count++] = item;
    return item;
}

static void *room(struct profile *profile, size_t size)
{
    void *made = cairn_arena_alloc(&profile->arena, size);
    profile->failed = profile->failed || !made;
    return made;
}

/* Index of a clean text in the table. */
static int64_t text_index(struct profile *profile, const char *text)
{
    cairn_buffer_reset(&profile->scratch);
    cairn_export_clean(&profile->scratch, text);
    const char *clean = cairn_buffer_cstr(&profile->scratch);
    const uint64_t key = cairn_key_text(0, clean);
    const uint32_t known = cairn_key_map_get(&profile->text_by_hash, key);
    if (known != CAIRN_KEY_MAP_NONE) {
        return known;
    }
    char *copy = add(profile, &profile->texts, profile->scratch.length + 1);
    if (!copy) {
        return 0;
    }
    memcpy(copy, clean, profile->scratch.length + 1);
    const uint32_t index = (uint32_t)profile->texts.count - 1;
    profile->failed = !cairn_key_map_set(&profile->text_by_hash, key, index) || profile->failed;
    return index;
}

static uint64_t mapping_id(struct profile *profile, uint32_t number)
{
    const struct cairn_module *module = cairn_trace_module(profile->export->trace, number);
    if (!module) {
        return 0;
    }
    const uint32_t known = cairn_key_map_get(&profile->mapping_by_module, number);
    if (known != CAIRN_KEY_MAP_NONE) {
        return known;
    }
    Perftools__Profiles__Mapping *mapping = add(profile, &profile->mappings, sizeof(*mapping));
    if (!mapping) {
        return 0;
    }
    perftools__profiles__mapping__init(mapping);
    mapping->id = profile->mappings.count;
    mapping->filename = text_index(profile, module->path);
    mapping->build_id = text_index(profile, module->build_id ? module->build_id : "");
    mapping->has_functions = mapping->has_filenames = mapping->has_line_numbers = mapping->has_inline_frames =
        1;
    profile->failed =
        !cairn_key_map_set(&profile->mapping_by_module, number, (uint32_t)mapping->id) || profile->failed;
    return mapping->id;
}

static uint64_t function_id(struct profile *profile, const struct cairn_frame *frame)
{
    struct cairn_site site;
    struct cairn_buffer label = CAIRN_BUFFER_INIT;
    cairn_site_of_frame(profile->export->trace, frame, &site);
    const char *name = cairn_export_label(&label, &site, CAIRN_BY_FUNCTION);
    const uint64_t key = cairn_key_text(cairn_key_text(0, name), site.file);
    uint32_t id = cairn_key_map_get(&profile->function_by_name, key);
    if (id == CAIRN_KEY_MAP_NONE) {
        const struct cairn_function *known = cairn_trace_function(profile->export->trace, frame->function);
        Perftools__Profiles__Function *function = add(profile, &profile->functions, sizeof(*function));
        id = (uint32_t)profile->functions.count;
        if (function) {
            perftools__profiles__function__init(function);
            function->id = id;
            function->name = text_index(profile, name);
            function->system_name =
                text_index(profile, known && known->linkage_name ? known->linkage_name : name);
            function->filename = text_index(profile, site.file ? site.file : "");
            profile->failed = !cairn_key_map_set(&profile->function_by_name, key, id) || profile->failed;
        }
    }
    profile->failed = profile->failed || label.failed;
    cairn_buffer_release(&label);
    return id;
}

/* The location of a return address: frames[0] and, where it was inlined, what it was inlined into. Returns how many frames
 * it stands for. */
static size_t make_location(struct profile *profile, const struct cairn_frame **frames, size_t count,
                            uint64_t *id)
{
    size_t lines = 1;
    while (lines < count && frames[lines - 1]->inlined_into == frames[lines]->frame) {
        lines++;
    }
    const uint32_t known = cairn_key_map_get(&profile->location_by_frame, frames[0]->frame);
    if (known != CAIRN_KEY_MAP_NONE) {
        *id = known;
        return lines;
    }
    Perftools__Profiles__Location *location = add(profile, &profile->locations, sizeof(*location));
    Perftools__Profiles__Line *rows = room(profile, lines * sizeof(*rows));
    Perftools__Profiles__Line **pointers = room(profile, lines * sizeof(Perftools__Profiles__Line *));
    if (!location || !rows || !pointers) {
        return lines;
    }
    perftools__profiles__location__init(location);
    location->id = *id = profile->locations.count;
    location->mapping_id = mapping_id(profile, frames[0]->module);
    location->address = frames[0]->offset > 0 ? (uint64_t)frames[0]->offset : 0;
    location->n_line = lines;
    location->line = pointers;
    for (size_t i = 0; i < lines; i++) {
        pointers[i] = &rows[i];
        perftools__profiles__line__init(pointers[i]);
        rows[i].function_id = function_id(profile, frames[i]);
        rows[i].line = frames[i]->line > 0 ? frames[i]->line : 0;
    }
    profile->failed =
        !cairn_key_map_set(&profile->location_by_frame, frames[0]->frame, (uint32_t)*id) || profile->failed;
    return lines;
}

/* A trace of massif's tells no blocks and allocations: only the last value is there. */
static size_t first_value(const struct cairn_export *export)
{
    return cairn_trace_recording(export->trace)->untold & CAIRN_UNTOLD_EVENTS ? VALUES - 1 : 0;
}

static enum cairn_status add_sample(struct profile *profile, const struct cairn_top_row *row,
                                    struct cairn_error *error)
{
    const struct cairn_counts *counts = &row->counts;
    const struct cairn_frame **frames;
    size_t count;
    const enum cairn_status status =
        cairn_export_frames(profile->export, row, &profile->arena, &frames, &count, error);
    if (status != CAIRN_OK) {
        return status;
    }
    Perftools__Profiles__Sample *sample = add(profile, &profile->samples, sizeof(*sample));
    int64_t *values = room(profile, VALUES * sizeof(*values));
    uint64_t *locations = room(profile, (count + 1) * sizeof(*locations));
    if (!sample || !values || !locations) {
        return cairn_no_memory(error, "the export");
    }
    perftools__profiles__sample__init(sample);
    values[0] = counts->allocations;
    values[1] = counts->allocated_bytes;
    values[2] = counts->live_blocks;
    values[3] = counts->live_bytes;
    sample->n_value = VALUES - first_value(profile->export);
    sample->value = values + first_value(profile->export);
    sample->location_id = locations;
    for (size_t i = 0; i < count;) {
        i += make_location(profile, frames + i, count - i, &locations[sample->n_location_id]);
        sample->n_location_id++;
    }
    return profile->failed ? cairn_no_memory(error, "the export") : CAIRN_OK;
}

struct file_buffer {
    ProtobufCBuffer base; /* first: protobuf-c hands it back */
    FILE *out;
};

static void append(ProtobufCBuffer *buffer, size_t length, const uint8_t *data)
{
    fwrite(data, 1, length, ((struct file_buffer *)(void *)buffer)->out);
}

/* What is known once every stack was added; texts last, for every other part adds some. */
static void write_message(struct profile *profile, FILE *out)
{
    const struct cairn_recording *recording = cairn_trace_recording(profile->export->trace);
    Perftools__Profiles__ValueType types[VALUES], *type_pointers[VALUES], period;
    profile_message message = PERFTOOLS__PROFILES__PROFILE__INIT;
    for (size_t i = 0; i < VALUES; i++) {
        type_pointers[i] = &types[i];
        perftools__profiles__value_type__init(&types[i]);
        types[i].type = text_index(profile, value_types[i][0]);
        types[i].unit = text_index(profile, value_types[i][1]);
    }
    perftools__profiles__value_type__init(&period);
    period.type = text_index(profile, "space");
    period.unit = text_index(profile, "bytes");
    int64_t comment = text_index(profile, recording->program);
    message.n_sample_type = VALUES - first_value(profile->export);
    message.sample_type = type_pointers + first_value(profile->export);
    message.default_sample_type = types[VALUES - 1].type;
    message.period_type = &period;
    message.period = recording->sample_bytes > 0 ? recording->sample_bytes : 1;
    message.time_nanos = recording->started_unix_ns == CAIRN_UNKNOWN ? 0 : recording->started_unix_ns;
    message.duration_nanos = recording->duration_ns;
    message.n_comment = 1;
    message.comment = &comment;
    message.n_sample = profile->samples.count;
    message.sample = (Perftools__Profiles__Sample **)profile->samples.items;
    message.n_location = profile->locations.count;
    message.location = (Perftools__Profiles__Location **)profile->locations.items;
    message.n_function = profile->functions.count;
    message.function = (Perftools__Profiles__Function **)profile->functions.items;
    message.n_mapping = profile->mappings.count;
    message.mapping = (Perftools__Profiles__Mapping **)profile->mappings.items;
    message.n_string_table = profile->texts.count;
    message.string_table = (char **)profile->texts.items;
    struct file_buffer buffer = {.base = {.append = append}, .out = out};
    if (!profile->failed) {
        perftools__profiles__profile__pack_to_buffer(&message, &buffer.base);
    }
}

static void release(struct profile *profile)
{
    struct list *const lists[] = {&profile->samples, &profile->locations, &profile->functions,
                                  &profile->mappings, &profile->texts};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        free(lists[i]->items);
    }
    cairn_key_map_release(&profile->text_by_hash);
    cairn_key_map_release(&profile->location_by_frame);
    cairn_key_map_release(&profile->function_by_name);
    cairn_key_map_release(&profile->mapping_by_module);
    cairn_buffer_release(&profile->scratch);
    cairn_arena_release(&profile->arena);
}

static enum cairn_status write_pprof(const struct cairn_export *export, FILE *out, struct cairn_error *error)
{
    struct profile profile = {.export = export, .arena = CAIRN_ARENA_INIT};
    struct cairn_top top;
    enum cairn_status status = cairn_export_stacks(export, &top, error);
    if (status != CAIRN_OK) {
        return status;
    }
    text_index(&profile, "");
    for (size_t i = 0; status == CAIRN_OK && i < top.row_count; i++) {
        status = add_sample(&profile, &top.rows[i], error);
    }
    if (status == CAIRN_OK) {
        write_message(&profile, out);
        status = profile.failed || profile.scratch.failed ? cairn_no_memory(error, "the export") : CAIRN_OK;
    }
    release(&profile);
    cairn_top_release(&top);
    return status;
}

const struct cairn_exporter cairn_exporter_pprof = {
    .name = "pprof",
    .summary = "for go tool pprof: objects and space, allocated and in use",
    .binary = true,
    .write = write_pprof,
};
