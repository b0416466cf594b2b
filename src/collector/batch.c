#include "collector/batch.h"

#include <stdlib.h>
#include <string.h>

struct cairn_batch *cairn_batch_new(void)
{
    return calloc(1, sizeof(struct cairn_batch));
}

void cairn_batch_free(struct cairn_batch *batch)
{
    if (!batch) {
        return;
    }
    for (struct cairn_batch_entry *entry = batch->first; entry; entry = entry->next) {
        if (entry->kind == CAIRN_BATCH_ACCOUNT) {
            cairn_buffer_release(&entry->of.account.histogram);
        } else if (entry->kind == CAIRN_BATCH_CHUNK) {
            cairn_buffer_release(&entry->of.chunk.data);
            cairn_buffer_release(&entry->of.chunk.delta);
        } else if (entry->kind == CAIRN_BATCH_KEYFRAME) {
            cairn_buffer_release(&entry->of.keyframe.data);
        } else if (entry->kind == CAIRN_BATCH_GRAPH) {
            cairn_graph_parcel_free(entry->of.graph);
        }
    }
    cairn_arena_release(&batch->arena);
    free(batch);
}

/* A new last entry with room for `size` bytes of the union. */
static struct cairn_batch_entry *append(struct cairn_batch *batch, enum cairn_batch_kind kind, size_t size)
{
    struct cairn_batch_entry *entry =
        cairn_arena_alloc(&batch->arena, offsetof(struct cairn_batch_entry, of) + size);
    if (!entry) {
        batch->failed = true;
        return NULL;
    }
    entry->kind = kind;
    if (batch->last) {
        batch->last->next = entry;
    } else {
        batch->first = entry;
    }
    batch->last = entry;
    return entry;
}

static const char *copy_text(struct cairn_batch *batch, const char *text)
{
    if (!text) {
        return NULL;
    }
    const char *copy = cairn_arena_copy(&batch->arena, text, strlen(text));
    if (!copy) {
        batch->failed = true;
    }
    return copy;
}

static struct cairn_buffer take_buffer(struct cairn_buffer *buffer)
{
    const struct cairn_buffer taken = *buffer;
    *buffer = (struct cairn_buffer)CAIRN_BUFFER_INIT;
    return taken;
}

void cairn_batch_recording(struct cairn_batch *batch, const struct cairn_recording *row)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_RECORDING, sizeof *row);
    if (entry) {
        struct cairn_recording *own = &entry->of.recording;
        *own = *row;
        own->trace_id = copy_text(batch, row->trace_id);
        own->writer = copy_text(batch, row->writer);
        own->program = copy_text(batch, row->program);
        own->args = copy_text(batch, row->args);
        own->host = copy_text(batch, row->host);
        own->stopped_why = copy_text(batch, row->stopped_why);
    }
}

void cairn_batch_process(struct cairn_batch *batch, const struct cairn_process *row)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_PROCESS, sizeof *row);
    if (entry) {
        struct cairn_process *own = &entry->of.process;
        *own = *row;
        own->program = copy_text(batch, row->program);
        own->args = copy_text(batch, row->args);
        own->python = copy_text(batch, row->python);
        own->origin = copy_text(batch, row->origin);
    }
}

void cairn_batch_thread(struct cairn_batch *batch, const struct cairn_thread *row)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_THREAD, sizeof *row);
    if (entry) {
        entry->of.thread = *row;
        entry->of.thread.name = copy_text(batch, row->name);
    }
}

void cairn_batch_note(struct cairn_batch *batch, uint32_t process, int64_t t_ns, const char *text)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_NOTE, sizeof entry->of.note);
    if (entry) {
        entry->of.note =
            (struct cairn_note){.process = process, .t_ns = t_ns, .text = copy_text(batch, text)};
    }
}

void cairn_batch_module(struct cairn_batch *batch, const struct cairn_module *row)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_MODULE, sizeof *row);
    if (entry) {
        struct cairn_module *own = &entry->of.module;
        *own = *row;
        own->path = copy_text(batch, row->path);
        own->build_id = copy_text(batch, row->build_id);
        own->symbols = copy_text(batch, row->symbols);
    }
}

void cairn_batch_source_file(struct cairn_batch *batch, const struct cairn_source_file *row)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_SOURCE_FILE, sizeof *row);
    if (entry) {
        entry->of.source_file = *row;
        entry->of.source_file.path = copy_text(batch, row->path);
    }
}

void cairn_batch_function(struct cairn_batch *batch, const struct cairn_function *row)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_FUNCTION, sizeof *row);
    if (entry) {
        struct cairn_function *own = &entry->of.function;
        *own = *row;
        own->name = copy_text(batch, row->name);
        own->linkage_name = copy_text(batch, row->linkage_name);
    }
}

void cairn_batch_frame(struct cairn_batch *batch, const struct cairn_frame *row)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_FRAME, sizeof *row);
    if (entry) {
        entry->of.frame = *row;
    }
}

void cairn_batch_python_frame(struct cairn_batch *batch, uint32_t frame, const char *name, const char *file,
                              int64_t line)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_PYTHON_FRAME, sizeof entry->of.python_frame);
    if (entry) {
        entry->of.python_frame = (struct cairn_batch_python_frame){
            .frame = frame, .name = copy_text(batch, name), .file = copy_text(batch, file), .line = line};
    }
}

void cairn_batch_stack(struct cairn_batch *batch, const struct cairn_stack_row *row)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_STACK, sizeof *row);
    if (entry) {
        entry->of.stack = *row;
    }
}

void cairn_batch_account(struct cairn_batch *batch, const struct cairn_account *row,
                         struct cairn_buffer *histogram)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_ACCOUNT, sizeof entry->of.account);
    if (entry) {
        entry->of.account.row = *row;
        if (histogram) {
            entry->of.account.histogram = take_buffer(histogram);
        }
    }
}

uint32_t *cairn_batch_account_stacks(struct cairn_batch *batch, uint32_t first, size_t count)
{
    struct cairn_batch_entry *entry =
        append(batch, CAIRN_BATCH_ACCOUNT_STACKS, sizeof entry->of.account_stacks);
    if (!entry) {
        return NULL;
    }
    struct cairn_batch_account_stacks *own = &entry->of.account_stacks;
    own->first = first;
    own->stacks = cairn_arena_alloc(&batch->arena, count * sizeof *own->stacks);
    own->count = own->stacks ? count : 0;
    batch->failed |= own->stacks == NULL;
    return own->stacks;
}

void cairn_batch_account_site(struct cairn_batch *batch, uint32_t account, uint32_t frame)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_ACCOUNT_SITE, sizeof entry->of.account_site);
    if (entry) {
        entry->of.account_site = (struct cairn_batch_account_site){.account = account, .frame = frame};
    }
}

void cairn_batch_chunk(struct cairn_batch *batch, const struct cairn_chunk *row, struct cairn_buffer *data,
                       struct cairn_buffer *delta, bool sealed)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_CHUNK, sizeof entry->of.chunk);
    if (entry) {
        entry->of.chunk = (struct cairn_batch_chunk){
            .row = *row, .data = take_buffer(data), .delta = take_buffer(delta), .sealed = sealed};
    }
}

void cairn_batch_keyframe(struct cairn_batch *batch, uint32_t chunk, struct cairn_buffer *data)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_KEYFRAME, sizeof entry->of.keyframe);
    if (entry) {
        entry->of.keyframe = (struct cairn_batch_keyframe){.chunk = chunk, .data = take_buffer(data)};
    }
}

struct cairn_snapshot_site *cairn_batch_snapshot(struct cairn_batch *batch, const struct cairn_snapshot *row,
                                                 size_t site_count)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_SNAPSHOT, sizeof entry->of.snapshot);
    if (!entry) {
        return NULL;
    }
    struct cairn_batch_snapshot *own = &entry->of.snapshot;
    own->row = *row;
    own->row.kind = copy_text(batch, row->kind);
    own->row.name = copy_text(batch, row->name);
    if (site_count) {
        own->sites = cairn_arena_alloc(&batch->arena, site_count * sizeof *own->sites);
        own->site_count = own->sites ? site_count : 0;
        batch->failed |= own->sites == NULL;
    }
    return own->sites;
}

void cairn_batch_drop_snapshot(struct cairn_batch *batch, uint32_t snapshot)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_DROP_SNAPSHOT, sizeof snapshot);
    if (entry) {
        entry->of.dropped_snapshot = snapshot;
    }
}

void cairn_batch_timeline(struct cairn_batch *batch, uint32_t level, const struct cairn_timeline_point *point)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_TIMELINE, sizeof entry->of.timeline);
    if (entry) {
        entry->of.timeline = (struct cairn_batch_timeline){.level = level, .point = *point};
    }
}

void cairn_batch_drop_timeline(struct cairn_batch *batch, uint32_t level, int64_t before_t_ns)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_DROP_TIMELINE, sizeof entry->of.timeline);
    if (entry) {
        entry->of.timeline = (struct cairn_batch_timeline){.level = level, .before_t_ns = before_t_ns};
    }
}

void cairn_batch_residency(struct cairn_batch *batch, const struct cairn_residency *row)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_RESIDENCY, sizeof *row);
    if (entry) {
        entry->of.residency = *row;
        entry->of.residency.category = copy_text(batch, row->category);
        entry->of.residency.name = copy_text(batch, row->name);
    }
}

void cairn_batch_source(struct cairn_batch *batch, const struct cairn_source_line *row, size_t length)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_SOURCE, sizeof *row);
    if (entry) {
        entry->of.source = *row;
        entry->of.source.text = cairn_arena_copy(&batch->arena, row->text, length);
        batch->failed |= entry->of.source.text == NULL;
    }
}

void cairn_graph_parcel_free(struct cairn_graph_parcel *parcel)
{
    if (parcel) {
        cairn_graph_built_free(parcel->built);
        cairn_graph_input_release(&parcel->input);
        free(parcel);
    }
}

void cairn_batch_graph(struct cairn_batch *batch, struct cairn_graph_parcel *parcel)
{
    struct cairn_batch_entry *entry = append(batch, CAIRN_BATCH_GRAPH, sizeof entry->of.graph);
    if (entry) {
        entry->of.graph = parcel;
    } else {
        cairn_graph_parcel_free(parcel);
    }
}

void cairn_batch_commit(struct cairn_batch *batch)
{
    append(batch, CAIRN_BATCH_COMMIT, 0);
}
