#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "random_events.h"
#include "trace/slim.h"

static char folder[64];

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    if (system(command) != 0) {
        perror("scratch");
    }
}

const char *scratch_path(const char *name)
{
    static char path[256];
    if (folder[0] == '\0') {
        struct stat about;
        const char *parent = stat("/dev/shm", &about) == 0 ? "/dev/shm" : "/tmp";
        snprintf(folder, sizeof(folder), "%s/cairn-fuzz-XXXXXX", parent);
        if (!mkdtemp(folder)) {
            abort();
        }
        atexit(remove_folder);
    }
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

void scratch_write(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        abort();
    }
}

/* Three frames, one of them inlined, and a trie of three stacks. */
static void write_names(struct cairn_writer *writer)
{
    cairn_writer_module(writer,
                        &(struct cairn_module){.module = 1, .path = "/usr/bin/app", .build_id = "ab12"});
    cairn_writer_source_file(writer, &(struct cairn_source_file){.file = 1, .path = "app.c"});
    for (uint32_t i = 1; i <= 3; i++) {
        char name[16];
        snprintf(name, sizeof(name), "call_%u", i);
        cairn_writer_function(writer, &(struct cairn_function){.function = i, .name = name});
        cairn_writer_frame(writer, &(struct cairn_frame){.frame = i,
                                                         .function = i,
                                                         .file = 1,
                                                         .module = 1,
                                                         .inlined_into = i == 2 ? 1 : 0,
                                                         .line = i * 10,
                                                         .offset = i * 100});
        cairn_writer_stack(writer,
                           &(struct cairn_stack_row){.stack = i, .parent = i - 1, .frame = i, .depth = i});
        cairn_writer_source(writer,
                            &(struct cairn_source_line){.file = 1, .line = i * 10, .text = "malloc(1);"});
    }
}

static void write_moments(struct cairn_writer *writer)
{
    const struct cairn_snapshot_site site = {.account = 1, .live_bytes = 10, .live_blocks = 1};
    for (uint32_t i = 1; i <= 3; i++) {
        cairn_writer_snapshot(writer,
                              &(struct cairn_snapshot){.snapshot = i,
                                                       .process = 1,
                                                       .t_ns = i * 1000,
                                                       .event = i * 50,
                                                       .kind = "mark",
                                                       .name = i == 1 ? "one" : "other",
                                                       .bytes = 10,
                                                       .blocks = 1},
                              &site, 1);
        cairn_writer_timeline(
            writer, 0, &(struct cairn_timeline_point){.t_ns = i * 1000, .heap_bytes = 10, .rss_bytes = 4096});
        cairn_writer_residency(
            writer, &(struct cairn_residency){
                        .t_ns = 1000 * i, .process = 1, .category = "heap", .name = "", .rss_bytes = 4096});
    }
    cairn_writer_thread(writer,
                        &(struct cairn_thread){
                            .thread = 1, .process = 1, .tid = 7, .name = "main", .ended_ns = CAIRN_UNKNOWN});
    cairn_writer_note(writer, 1, 5, "a note");
}

static void make_trace(const char *path)
{
    struct random_events stream;
    struct trace_maker maker;
    random_events_make(&stream, 1, 400);
    maker_open(&maker, path, 100, 2);
    write_names(maker.writer);
    random_events_record(&stream, &maker);
    write_moments(maker.writer);
    maker_close(&maker);
    random_events_free(&stream);
}

/* A file's bytes, read once. */
struct kept {
    uint8_t bytes[1 << 20];
    size_t length;
};

static void keep(struct kept *kept, const char *path)
{
    FILE *file = fopen(path, "rb");
    kept->length = file ? fread(kept->bytes, 1, sizeof(kept->bytes), file) : 0;
    if (kept->length == 0 || kept->length == sizeof(kept->bytes)) {
        abort();
    }
    fclose(file);
}

const uint8_t *scratch_trace(size_t *size)
{
    static struct kept kept;
    if (kept.length == 0) {
        char path[256];
        snprintf(path, sizeof(path), "%s", scratch_path("base.cairn"));
        make_trace(path);
        keep(&kept, path);
    }
    *size = kept.length;
    return kept.bytes;
}

const uint8_t *scratch_slim(size_t *size)
{
    static struct kept kept;
    if (kept.length == 0) {
        char whole[256], slim[256];
        int64_t before, after;
        (void)scratch_trace(size);
        snprintf(whole, sizeof(whole), "%s", scratch_path("base.cairn"));
        snprintf(slim, sizeof(slim), "%s", scratch_path("slim.cairn"));
        if (cairn_trace_slim(whole, slim, true, NULL, 0, &before, &after, NULL) != CAIRN_OK) {
            abort();
        }
        keep(&kept, slim);
    }
    *size = kept.length;
    return kept.bytes;
}
