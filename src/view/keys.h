/* The one table of keys. Dispatch, the hint line, help, docs/keys.md and tests are made from it. */
#ifndef CAIRN_VIEW_KEYS_H
#define CAIRN_VIEW_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "view/keycode.h"

enum cairn_action {
    CAIRN_DO_NOTHING = 0,
    CAIRN_DO_MOVE, /* argument: rows */
    CAIRN_DO_PAGE, /* argument: half pages */
    CAIRN_DO_TOP,
    CAIRN_DO_BOTTOM,
    CAIRN_DO_OPEN,
    CAIRN_DO_CLOSE,
    CAIRN_DO_ENTER,
    CAIRN_DO_FOLD,
    CAIRN_DO_FOLD_ALL,
    CAIRN_DO_UNFOLD_ALL,
    CAIRN_DO_HOT_PATH,
    CAIRN_DO_INVERT,
    CAIRN_DO_MARK,
    CAIRN_DO_BACK,
    CAIRN_DO_LEAVE, /* back, and out of the viewer from the first screen */
    CAIRN_DO_QUIT,
    CAIRN_DO_SCREEN, /* argument: its digit; not in the table, see cairn_key_lookup */
    CAIRN_DO_PANE,   /* argument: 1 next, -1 the one before */
    CAIRN_DO_SEARCH,
    CAIRN_DO_SEARCH_AGAIN, /* argument: direction */
    CAIRN_DO_FILTER,
    CAIRN_DO_SORT_COLUMN, /* argument: columns to the right */
    CAIRN_DO_SORT_REVERSE,
    CAIRN_DO_METRIC,
    CAIRN_DO_GROUP,
    CAIRN_DO_CUMULATIVE,
    CAIRN_DO_LANGUAGE,
    CAIRN_DO_PROCESS,
    CAIRN_DO_WRAPPER,
    CAIRN_DO_SNAPSHOT, /* argument: snapshots to go */
    CAIRN_DO_SCRUB,    /* argument: fine steps to go */
    CAIRN_DO_PEAK,
    CAIRN_DO_GO_TO,
    CAIRN_DO_SET_A,
    CAIRN_DO_SET_B,
    CAIRN_DO_DIFF,
    CAIRN_DO_SWAP,
    CAIRN_DO_UNDO,
    CAIRN_DO_HIDE_SAME,
    CAIRN_DO_STACK,
    CAIRN_DO_WHY,
    CAIRN_DO_ORIGIN,
    CAIRN_DO_DOMINATORS,
    CAIRN_DO_CYCLE,
    CAIRN_DO_UNREACHABLE,
    CAIRN_DO_GRAPH, /* argument: graphs to go */
    CAIRN_DO_PICK_GRAPH,
    CAIRN_DO_SOURCE,
    CAIRN_DO_EDIT,
    CAIRN_DO_COPY_ROW,
    CAIRN_DO_COPY_COMMAND,
    CAIRN_DO_WRITE,
    CAIRN_DO_COMMAND,
    CAIRN_DO_SQL,
    CAIRN_DO_BOOKMARK,
    CAIRN_DO_PICK_BOOKMARK,
    CAIRN_DO_FOLLOW,
    CAIRN_DO_REQUEST, /* argument: 1 for an object graph */
    CAIRN_DO_MOUSE,
    CAIRN_DO_HELP,
    CAIRN_DO_CANCEL,
    CAIRN_DO_SUSPEND,
    CAIRN_DO_REDRAW,
};

/* Where a key means something: bits of enum cairn_screen_id. */
enum cairn_screen_id {
    CAIRN_SCREEN_OVERVIEW = 0,
    CAIRN_SCREEN_TREE,
    CAIRN_SCREEN_FLAME,
    CAIRN_SCREEN_DIFF,
    CAIRN_SCREEN_OBJECTS,
    CAIRN_SCREEN_LEAKS,
    CAIRN_SCREEN_SIZES,
    CAIRN_SCREEN_INFO,
    CAIRN_SCREEN_STACKS, /* one site's stacks */
    CAIRN_SCREEN_FRAMES, /* one stack's frames */
    CAIRN_SCREEN_NODES,  /* a list of objects */
    CAIRN_SCREEN_OBJECT, /* one object */
    CAIRN_SCREEN_SQL,
    CAIRN_SCREEN_COUNT
};
#define CAIRN_ON(screen) (1u << (screen))
#define CAIRN_ON_ALL     (CAIRN_ON(CAIRN_SCREEN_COUNT) - 1u)

struct cairn_key_binding {
    cairn_key keys[4]; /* unused ones are CAIRN_KEY_NONE */
    enum cairn_action action;
    int argument;
    unsigned screens;
    const char *group;
    const char *help;      /* what it does, without a full stop */
    const char *hint;      /* for the hint line; NULL: not shown there */
    const char *hint_keys; /* instead of the first key's name */
};

/* The i-th binding, NULL behind the last one. */
const struct cairn_key_binding *cairn_key_binding_at(size_t index);
/* The i-th group of bindings, in the order of help; NULL behind the last one. Bindings point at these very texts. */
const char *cairn_key_group_at(size_t index);
/* What `key` does on `screen`: bindings of that screen come before those of all; NULL: nothing. */
const struct cairn_key_binding *cairn_key_lookup(cairn_key key, enum cairn_screen_id screen);
/* Whether a key of `screen` does that. */
bool cairn_key_does(enum cairn_action action, enum cairn_screen_id screen);
/* Whether it means the same on all screens, or on all but one. */
static inline bool cairn_key_is_general(const struct cairn_key_binding *binding)
{
    const unsigned others = CAIRN_ON_ALL & ~binding->screens;
    return (others & (others - 1)) == 0;
}
/* "[  Shift-Left": the names of a binding's keys. */
void cairn_key_names(const struct cairn_key_binding *binding, struct cairn_buffer *text);
/* docs/keys.md, whole. */
void cairn_keys_document(struct cairn_buffer *text);

#endif
