/* What the panes beside a table say about the row under the cursor: its call stack, and the source of the line it is
 * charged to. */
#ifndef CAIRN_VIEW_DETAIL_H
#define CAIRN_VIEW_DETAIL_H

#include "view/screen.h"
#include "view/source.h"

/* The job slot that details use on every screen. */
#define CAIRN_SLOT_DETAIL 100

/* Zero-initialise; a member of a screen's struct. */
struct cairn_detail {
    struct cairn_rows frames; /* innermost first */
    size_t charged;           /* index of the frame the allocation is charged to */
    struct cairn_source source;
};

/* Whether `frame` is the place that a row about `function` (NULL: without a name, then `label` says what it is) and
 * `line` (CAIRN_UNKNOWN: any) stands for. */
bool cairn_detail_is_site(const struct cairn_row *frame, const char *function, const char *label,
                          int64_t line);

void cairn_detail_release(struct cairn_detail *detail);
/* Posts the question about `row` (NULL: clears). `detail` lies in `screen`'s struct. */
void cairn_detail_ask(struct cairn_screen *screen, struct cairn_detail *detail, const struct cairn_row *row);
/* Frames of a stack as rows, on the worker's thread: name, place, module and source of each. */
CAIRN_MUST_CHECK enum cairn_status cairn_detail_frames(struct cairn_trace *trace, uint32_t stack,
                                                       struct cairn_rows *rows, struct cairn_error *error);
/* A function with several call sites has no line of its own: gives the row the one of its heaviest stack. */
void cairn_detail_place(struct cairn_rows *rows, struct cairn_row *row, struct cairn_trace *trace);
/* "parse_line ← read_file ← main", at most `frames` of them, into `text`; clean. */
void cairn_stack_line(const struct cairn_rows *frames, size_t from, size_t count, struct cairn_buffer *text);

/* Where the panes go: beside the table on wide screens, below it on others. Empty rectangles are not shown. */
struct cairn_layout {
    struct cairn_rect table, stack, source;
};
/* A sentence may take more lines where there is room for them. */
#define CAIRN_SENTENCE_LINES(height) ((height) >= 20 ? 3 : (height) >= 16 ? 2 : 1)
struct cairn_layout cairn_detail_layout(const struct cairn_app *app, struct cairn_rect area);
void cairn_detail_draw(const struct cairn_detail *detail, struct cairn_canvas *canvas,
                       const struct cairn_layout *layout);

#endif
