/* The call tree as rows, for the screens that show it: breadth-first, with the values of cairn_tree_columns(). */
#ifndef CAIRN_VIEW_TREE_ROWS_H
#define CAIRN_VIEW_TREE_ROWS_H

#include "view/screen.h"

/* Posts the question; `accept` gets the rows (to be taken over) on the main thread, only when it went well. `compared`: the
 * tree at B (with A alone: here), each path with what changed since A; of two traces, A is the first one's. */
void cairn_tree_ask(struct cairn_screen *screen, bool bottom_up, bool compared,
                    void (*accept)(struct cairn_screen *screen, struct cairn_rows *rows, bool bottom_up,
                                   enum cairn_metric metric));
/* The path from row `index` outwards as frames, innermost first, shown on the Frames screen. */
void cairn_tree_show_path(struct cairn_screen *screen, const struct cairn_outline *tree, uint32_t index,
                          bool bottom_up);

#endif
