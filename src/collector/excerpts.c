#include "collector/excerpts.h"

#include <stdlib.h>

#include "collector/symbols.h"

#define EXCERPT_LINES 4 /* before and behind a site */

/* Finds a line, or where it goes in the table, which has room for it. */
static bool is_kept(const struct cairn_excerpts *excerpts, uint64_t key, uint64_t hash, size_t *cell)
{
    for (uint32_t at = cairn_table_first(&excerpts->table, hash, cell); at;
         at = cairn_table_next(&excerpts->table, hash, cell)) {
        if (excerpts->lines[at - 1] == key) {
            return true;
        }
    }
    return false;
}

void cairn_excerpts_wish(struct cairn_excerpts *excerpts, uint32_t file, int64_t line)
{
    if (line < 1 || line > UINT32_MAX - EXCERPT_LINES) {
        return;
    }
    uint64_t *wishes = cairn_grown(excerpts->wishes, &excerpts->wish_capacity, excerpts->wish_count,
                                   sizeof *excerpts->wishes);
    if (wishes) {
        excerpts->wishes = wishes;
        wishes[excerpts->wish_count++] = (uint64_t)file << 32 | (uint64_t)line;
    }
}

static int by_number(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

struct reading {
    struct cairn_excerpts *excerpts;
    uint32_t file;
    bool (*keep)(void *state, const struct cairn_source_line *row, size_t length);
    void *state;
};

static void see_line(void *state, int64_t line, const char *text, size_t length)
{
    const struct reading *reading = state;
    struct cairn_excerpts *excerpts = reading->excerpts;
    if (!cairn_table_reserve(&excerpts->table)) {
        return;
    }
    const uint64_t key = (uint64_t)reading->file << 32 | (uint64_t)line;
    const uint64_t hash = cairn_table_hash(key, 1);
    size_t cell;
    if (is_kept(excerpts, key, hash, &cell)) {
        return;
    }
    uint64_t *lines =
        cairn_grown(excerpts->lines, &excerpts->line_capacity, excerpts->line_count, sizeof *lines);
    if (!lines) {
        return;
    }
    excerpts->lines = lines;
    const struct cairn_source_line row = {.file = reading->file, .line = line, .text = text};
    if (reading->keep(reading->state, &row, length)) {
        lines[excerpts->line_count++] = key;
        cairn_table_add(&excerpts->table, hash, cell, (uint32_t)excerpts->line_count);
    }
}

/* Makes `count` lines of one file, in order, ranges of lines around them; returns how many. */
static size_t ranges_around(const uint64_t *wishes, size_t count, struct cairn_line_range *ranges)
{
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        const int64_t line = (uint32_t)wishes[i];
        const int64_t first = line > EXCERPT_LINES ? line - EXCERPT_LINES : 1;
        if (made > 0 && first <= ranges[made - 1].last + 1) {
            ranges[made - 1].last = line + EXCERPT_LINES;
        } else {
            ranges[made++] = (struct cairn_line_range){.first = first, .last = line + EXCERPT_LINES};
        }
    }
    return made;
}

void cairn_excerpts_read(struct cairn_excerpts *excerpts, const char *const *files,
                         bool (*keep)(void *state, const struct cairn_source_line *row, size_t length),
                         void *state)
{
    const size_t count = excerpts->wish_count;
    const uint64_t *wishes = excerpts->wishes;
    struct cairn_line_range *ranges = count ? malloc(count * sizeof *ranges) : NULL;
    if (ranges) {
        qsort(excerpts->wishes, count, sizeof *excerpts->wishes, by_number);
    }
    for (size_t i = 0, end; ranges && i < count; i = end) {
        struct reading reading = {
            .excerpts = excerpts, .file = (uint32_t)(wishes[i] >> 32), .keep = keep, .state = state};
        for (end = i; end < count && wishes[end] >> 32 == reading.file; end++) {
        }
        cairn_source_lines(files[reading.file - 1], ranges, ranges_around(wishes + i, end - i, ranges),
                           see_line, &reading);
    }
    free(ranges);
    excerpts->wish_count = 0;
}

void cairn_excerpts_release(struct cairn_excerpts *excerpts)
{
    free(excerpts->wishes);
    free(excerpts->lines);
    cairn_table_release(&excerpts->table);
    *excerpts = (struct cairn_excerpts){.wish_count = 0};
}
