/* What a screen is. Each is one file that ends in one const table; screens.c lists them. A screen keeps its rows,
 * cursor, scroll and folds while others lie over it, and asks the trace through jobs of the worker. */
#ifndef CAIRN_VIEW_SCREEN_H
#define CAIRN_VIEW_SCREEN_H

#include "view/canvas.h"
#include "view/keys.h"
#include "view/outline.h"
#include "view/worker.h"

struct cairn_app;
struct cairn_detail;
struct cairn_screen_class;

/* The head of every screen; its own members stand behind it. */
struct cairn_screen {
    const struct cairn_screen_class *class;
    struct cairn_app *app;
    uint64_t serial;         /* owner of its jobs */
    uint64_t asked_revision; /* of the question it last asked; 0: none yet */
    unsigned pane;
    uint64_t seen_row; /* key of the row whose details were asked for */
    unsigned seen_pane;
    uint32_t graph; /* number of the object graph it shows; 0: none, or the one that is chosen */
    /* Why the answer to a job did not come, "": all came; and that job's slot and revision. */
    char failure[256];
    unsigned failed_slot;
    uint64_t failed_revision;
    /* What its rows answer, which may not be the question of now yet; screens about a moment only. */
    struct cairn_inquiry told_of;
    bool told;
};

struct cairn_screen_class {
    enum cairn_screen_id id;
    char digit; /* '1' … '8'; 0: only reached from another screen */
    const char *name, *summary;
    bool grows;  /* its answer changes while a recording runs, whatever the moment */
    bool paned;  /* each pane has rows of its own, which the job with slot pane + 1 brings */
    size_t size; /* of the screen's struct, zeroed before init */
    void (*init)(struct cairn_screen *screen);
    void (*release)(struct cairn_screen *screen);
    /* Posts what answers app->question: at first, and whenever the question changed. */
    void (*ask)(struct cairn_screen *screen);
    /* What the panes beside the table say about the row under the cursor: asked for whenever that is another row, or
     * rows came anew. NULL: there are none. */
    struct cairn_detail *(*detail)(struct cairn_screen *screen);
    /* The same occasions, for what else depends on the row. May be NULL. */
    void (*moved)(struct cairn_screen *screen);
    void (*draw)(struct cairn_screen *screen, struct cairn_canvas *canvas, struct cairn_rect area);
    /* The table the keys move now; NULL when the focused pane has none. */
    struct cairn_outline *(*outline)(struct cairn_screen *screen);
    unsigned (*panes)(const struct cairn_screen *screen); /* NULL: one */
    /* Does what `binding` says; false: the general meaning applies. May be NULL. */
    bool (*act)(struct cairn_screen *screen, const struct cairn_key_binding *binding);
    /* Puts the cursor on what is drawn at a place; false: nothing is there. `*again`: the cursor was there before. NULL: the
     * screen's rows are all that is clicked. */
    bool (*hit)(struct cairn_screen *screen, int x, int y, bool *again);
    /* Appends the command that prints the same, after "cairn "; nothing, or NULL: there is none. */
    void (*command)(const struct cairn_screen *screen, struct cairn_buffer *command);
};

/* The i-th screen, NULL behind the last one. */
const struct cairn_screen_class *cairn_screen_class_at(size_t index);
const struct cairn_screen_class *cairn_screen_class_of_digit(char digit);
const struct cairn_screen_class *cairn_screen_class_of(enum cairn_screen_id id);

/* A new screen of that class; NULL when memory ran out. */
struct cairn_screen *cairn_screen_new(const struct cairn_screen_class *class, struct cairn_app *app);
/* Forgets its jobs and frees it. NULL is fine. */
void cairn_screen_free(struct cairn_screen *screen);
/* What the screen asks about: all that is chosen, less what its keys do not choose, as the metric in Diff. */
struct cairn_inquiry cairn_screen_question(const struct cairn_screen *screen);
/* Posts a job for this screen: fills question, owner and revision. A NULL job (memory ran out) is ignored. */
void cairn_screen_post(struct cairn_screen *screen, struct cairn_job *job);
/* The same, about the object graph with that number. */
void cairn_screen_post_of(struct cairn_screen *screen, struct cairn_job *job, uint32_t graph);

/* Its rows came: they answer the job's question, at the moment that was found for it. `total`: what the heap comes to there; NULL:
 * they do not say. */
void cairn_screen_told(struct cairn_screen *screen, const struct cairn_job *job,
                       const struct cairn_moment *at, const struct cairn_counts *total);

#endif
