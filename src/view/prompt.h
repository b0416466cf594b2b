/* One line of input at the bottom of the screen: search, filter, command line, TIME, file name. */
#ifndef CAIRN_VIEW_PROMPT_H
#define CAIRN_VIEW_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "view/canvas.h"
#include "view/keycode.h"

#define CAIRN_PROMPT_MAX  4096
#define CAIRN_HISTORY_MAX 200

struct cairn_app;

enum cairn_prompt_kind {
    CAIRN_PROMPT_SEARCH = 0,
    CAIRN_PROMPT_FILTER,
    CAIRN_PROMPT_COMMAND,
    CAIRN_PROMPT_TIME,
    CAIRN_PROMPT_FILE,
    CAIRN_PROMPT_SQL,
    CAIRN_PROMPT_BOOKMARK,
    CAIRN_PROMPT_CONFIRM, /* one key: y or anything else */
};

/* Lines that were entered, oldest first, each with the kind of its prompt. */
struct cairn_history {
    struct cairn_history_line {
        enum cairn_prompt_kind kind;
        char *text;
    } lines[CAIRN_HISTORY_MAX];
    size_t count;
    char *path; /* the file they are kept in; NULL: none */
};

struct cairn_prompt_class {
    enum cairn_prompt_kind kind;
    const char *label;
    /* Enter; for CONFIRM: the user agreed. */
    void (*done)(struct cairn_app *app, const char *text);
    /* After each change of the text. May be NULL. */
    void (*changed)(struct cairn_app *app, const char *text);
    /* Esc. May be NULL. */
    void (*left)(struct cairn_app *app);
    /* The i-th completion of the word that begins at text + *from; NULL behind the last one. May be NULL. */
    const char *(*complete)(struct cairn_app *app, const char *text, size_t *from, size_t index);
    /* Appends what a word offered for `text` means. May be NULL. */
    void (*describe)(const char *text, const char *word, struct cairn_buffer *out);
};

struct cairn_prompt {
    const struct cairn_prompt_class *class; /* NULL: no prompt is open */
    char text[CAIRN_PROMPT_MAX];
    size_t cursor;                    /* in bytes */
    size_t history_at;                /* lines from the newest; 0: the line being typed */
    char typed[CAIRN_PROMPT_MAX];     /* the line before the history was looked at */
    size_t completion;                /* index of the completion shown, plus 1 */
    char completed[CAIRN_PROMPT_MAX]; /* the text before completing */
    bool listing;                     /* Tab was the last key: what it goes through is shown */
    char label[128];                  /* instead of the class's */
};

/* Opens a prompt with `text` in it; `label` NULL: the class's. */
void cairn_prompt_open(struct cairn_prompt *prompt, const struct cairn_prompt_class *class, const char *label,
                       const char *text);
/* Handles a key while the prompt is open. */
void cairn_prompt_key(struct cairn_app *app, cairn_key key);
void cairn_prompt_draw(const struct cairn_prompt *prompt, struct cairn_canvas *canvas, int y);
/* The words that Tab goes through, above line `y`; nothing unless it was pressed last. */
void cairn_prompt_draw_words(struct cairn_app *app, int y);

/* Makes the folders above `path` that are missing. */
void cairn_make_folders(const char *path);

/* Reads the lines kept in `path` (taken over, may be NULL). */
void cairn_history_load(struct cairn_history *history, char *path);
void cairn_history_add(struct cairn_history *history, enum cairn_prompt_kind kind, const char *text);
/* Writes them back, and frees. */
void cairn_history_save(struct cairn_history *history);
/* The n-th newest line of that kind (1 is the newest), or NULL. */
const char *cairn_history_line(const struct cairn_history *history, enum cairn_prompt_kind kind, size_t n);

#endif
