/* Lines of source around a place: the trace's own excerpts, or files below the root the user mapped. */
#ifndef CAIRN_VIEW_SOURCE_H
#define CAIRN_VIEW_SOURCE_H

#include "view/canvas.h"
#include "view/reader.h"

#define CAIRN_SOURCE_RADIUS 40 /* lines read before and behind the one that matters */

struct cairn_source_text {
    int64_t number;
    const char *text; /* clean, tabs as blanks */
};

/* Zero-initialise. */
struct cairn_source {
    struct cairn_arena arena;
    const char *title; /* "lex.c:88"; "" before anything was loaded */
    int64_t line;      /* the one that matters */
    struct cairn_source_text *lines;
    size_t count;
    const char *why_not; /* a sentence when there are no lines; static */
};

void cairn_source_release(struct cairn_source *source);
/* Loads the lines around `line` of the trace's file number `file`, on the worker's thread. Nothing to show is no
 * failure: why_not says so. */
CAIRN_MUST_CHECK enum cairn_status cairn_source_load(struct cairn_source *source, struct cairn_reader *reader,
                                                     struct cairn_trace *trace, uint32_t file, int64_t line,
                                                     struct cairn_error *error);
/* The line stands in the middle of the area. */
void cairn_source_draw(const struct cairn_source *source, struct cairn_canvas *canvas,
                       struct cairn_rect area);

/* Opens the file that `path` (as a trace has it) names below `root`: the longest end of the path that exists there.
 * A descriptor of a regular file of at most 8 MiB, or -1. `found` (may be NULL) gets the path below the root. */
int cairn_source_open(const char *root, const char *path, char *found, size_t found_size);

#endif
