/* Source lines around sites, for whoever reads the trace without the sources: each line once, each file read once however many
 * sites of a round are in it. */
#ifndef CAIRN_COLLECTOR_EXCERPTS_H
#define CAIRN_COLLECTOR_EXCERPTS_H

#include <stddef.h>
#include <stdint.h>

#include "collector/table.h"
#include "trace/rows.h"

/* Zero-initialise. */
struct cairn_excerpts {
    uint64_t *wishes; /* file << 32 | line of sites whose lines are to be read */
    size_t wish_count, wish_capacity;
    uint64_t *lines; /* file << 32 | line, kept already; by number − 1 in `table` */
    size_t line_count, line_capacity;
    struct cairn_table table;
};

/* A site at that line; what memory is short for is left out. */
void cairn_excerpts_wish(struct cairn_excerpts *excerpts, uint32_t file, int64_t line);
/* Calls `keep` for every new line around what was wished for, `files` being the paths by number − 1. A row's text is `length` bytes
 * and lives until `keep` returns, which says whether the line was kept. */
void cairn_excerpts_read(struct cairn_excerpts *excerpts, const char *const *files,
                         bool (*keep)(void *state, const struct cairn_source_line *row, size_t length),
                         void *state);
void cairn_excerpts_release(struct cairn_excerpts *excerpts);

#endif
