/* Callers and callees of one function over a whole call tree, however often it stands there. */
#ifndef CAIRN_VIEW_KIN_H
#define CAIRN_VIEW_KIN_H

#include "view/outline.h"

#define CAIRN_KIN_MOST 256 /* largest ones of a function; rows of trees come by size */

struct cairn_kin_row {
    int64_t site_id, value;
    char name[128];
};

/* Zero-initialise. */
struct cairn_kin {
    char name[128];
    struct cairn_kin_row callers[CAIRN_KIN_MOST], callees[CAIRN_KIN_MOST];
    size_t caller_count, callee_count;
    int64_t total; /* of the function itself */
};

void cairn_kin_release(struct cairn_kin *kin);
/* For the row under the tree's cursor; the tree's first column says by which value. */
void cairn_kin_find(struct cairn_kin *kin, const struct cairn_outline *tree, bool bottom_up);
void cairn_kin_draw(const struct cairn_kin *kin, struct cairn_canvas *canvas, struct cairn_rect area,
                    enum cairn_metric metric);

#endif
