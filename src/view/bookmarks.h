/* Bookmarks: a moment, A, B and a screen under a name, kept in $XDG_STATE_HOME/cairn/bookmarks. The trace is never written. */
#ifndef CAIRN_VIEW_BOOKMARKS_H
#define CAIRN_VIEW_BOOKMARKS_H

#include <stddef.h>

#define CAIRN_BOOKMARKS_MAX     64
#define CAIRN_BOOKMARK_NAME_MAX 64

struct cairn_app;

/* Moments are TIME words; "" is not set. */
struct cairn_bookmark {
    char name[CAIRN_BOOKMARK_NAME_MAX];
    char at[64], a[64], b[64];
    char screen; /* its digit */
};

/* Those of one trace. Zero-initialise. */
struct cairn_bookmarks {
    struct cairn_bookmark items[CAIRN_BOOKMARKS_MAX];
    size_t count;
    char *path;  /* the file of all traces; NULL: they are not kept */
    char *trace; /* what they are of: its absolute path */
};

/* Takes `path` over (may be NULL). A file that cannot be read is an empty one. */
void cairn_bookmarks_load(struct cairn_bookmarks *bookmarks, char *path, const char *trace);
void cairn_bookmarks_release(struct cairn_bookmarks *bookmarks);

/* Asks for a name, then keeps the moment, A, B and the screen under it; one of that name is replaced. */
void cairn_app_bookmark_prompt(struct cairn_app *app);
void cairn_app_bookmark(struct cairn_app *app, const char *name);
/* Lists them; goes to the one that is chosen. */
void cairn_app_pick_bookmark(struct cairn_app *app);
void cairn_app_forget_bookmark(struct cairn_app *app, const char *name);

#endif
