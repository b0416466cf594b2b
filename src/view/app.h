/* The viewer's state, shared by its parts. Everything here belongs to the main thread. */
#ifndef CAIRN_VIEW_APP_H
#define CAIRN_VIEW_APP_H

#include <regex.h>
#include <sys/types.h>

#include "view/bookmarks.h"
#include "view/facts.h"
#include "view/prompt.h"
#include "view/screen.h"
#include "view/settings.h"
#include "view/strip.h"
#include "view/terminal.h"
#include "view/view.h"

#define CAIRN_BACK_MAX      64
#define CAIRN_UNDO_MAX      32
#define CAIRN_HELD_KEYS_MAX 256
#define CAIRN_LEAST_WIDTH   40
#define CAIRN_LEAST_HEIGHT  10

/* What lies over the screen and takes the keys. */
enum cairn_overlay { CAIRN_OVERLAY_NONE = 0, CAIRN_OVERLAY_HELP, CAIRN_OVERLAY_PICKER };

/* What a running recording was asked for, and has not answered yet. */
struct cairn_request {
    pid_t child;    /* that asks; 0: nothing was asked */
    int descriptor; /* what it says */
    char text[256];
    size_t length;
};

struct cairn_app {
    const struct cairn_view_options *options;
    struct cairn_terminal *terminal; /* NULL: a script replays without one */
    struct cairn_worker *worker;
    struct cairn_canvas canvas;
    const struct cairn_settings *settings;
    const struct cairn_theme *theme;

    struct cairn_inquiry question;
    uint64_t revision; /* counts changes of the question, from 1 */
    struct cairn_inquiry undo[CAIRN_UNDO_MAX];
    size_t undo_count;

    struct cairn_facts facts, other_facts; /* of the second trace, when there is one */
    struct cairn_strip strip;
    /* Totals at the moment, as the last answer of any screen said, and the question that it answered. */
    struct cairn_counts totals;
    struct cairn_inquiry totals_of;
    bool totals_told;

    struct cairn_screen *kept[CAIRN_SCREEN_COUNT]; /* with a digit, and SQL: as long as the viewer */
    struct cairn_screen *back[CAIRN_BACK_MAX];     /* the back-stack; the last one is shown */
    size_t back_count;
    uint64_t next_serial;

    enum cairn_overlay overlay;
    struct cairn_outline list; /* rows of the overlay */
    void (*picked)(struct cairn_app *app, const struct cairn_row *row);
    const char *list_title;

    struct cairn_prompt prompt;
    char completion[96]; /* the word last offered, where it had to be made */
    struct cairn_history history;
    struct cairn_bookmarks bookmarks;
    char search[256];
    regex_t search_expression;
    bool search_set;
    uint64_t search_origin; /* key of the row where the search prompt was opened; 0: none */
    size_t search_top;      /* the first row of the window then */

    char message[512];
    unsigned message_style;
    bool source_shown, mouse_on, following, redraw_all, suspend;
    bool moves_on; /* following, and the program did nothing: the moment moves when the timeline is there */
    bool finding_time; /* a typed TIME is being looked up: keys typed meanwhile mean what comes of it */
    cairn_key held_keys[CAIRN_HELD_KEYS_MAX];
    size_t held_count;
    bool undo_wrapper;          /* the last key made a wrapper: the same key again undoes it */
    struct cairn_buffer copied; /* what y or Y copied last */
    struct cairn_request request;
    bool quit;
    struct cairn_error fatal; /* why there is nothing to show; status CAIRN_OK: all is well */
};

/* --- app.c --- */
/* Takes the worker over. `terminal` may be NULL. */
CAIRN_MUST_CHECK enum cairn_status cairn_app_init(struct cairn_app *app,
                                                  const struct cairn_view_options *options,
                                                  const struct cairn_settings *settings,
                                                  struct cairn_worker *worker, struct cairn_error *error);
void cairn_app_release(struct cairn_app *app);
/* The screen that is shown. */
struct cairn_screen *cairn_app_screen(const struct cairn_app *app);
/* Delivers what the worker finished; whether there was anything. */
bool cairn_app_receive(struct cairn_app *app);
void cairn_app_resize(struct cairn_app *app, int width, int height);
/* Tells the screen that its cursor may be on another row. */
void cairn_app_moved(struct cairn_app *app);
void cairn_app_say(struct cairn_app *app, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cairn_app_complain(struct cairn_app *app, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cairn_app_set_theme(struct cairn_app *app, const struct cairn_theme *theme, bool insist);
/* There is nothing to show and never will be: the viewer ends with this error. */
void cairn_app_fail(struct cairn_app *app, const struct cairn_error *error);
/* Posts a job that belongs to no screen. */
void cairn_app_post(struct cairn_app *app, struct cairn_job *job);

/* --- title.c --- */
void cairn_title_draw(struct cairn_app *app);

/* --- draw.c --- */
void cairn_app_draw(struct cairn_app *app);

/* --- dispatch.c --- */
void cairn_app_key(struct cairn_app *app, cairn_key key);
/* The typed TIME was found: the keys that were held go on; or it was not, and they are forgotten. */
void cairn_app_found_time(struct cairn_app *app, bool found);
void cairn_app_act(struct cairn_app *app, const struct cairn_key_binding *binding);
/* Moving and sorting, which all lists have; false for other keys. */
bool cairn_act_on_rows(struct cairn_outline *outline, const struct cairn_key_binding *binding);
/* A character of what was pasted: it is typed where something can be, and does nothing elsewhere. */
void cairn_app_paste(struct cairn_app *app, cairn_key key);
void cairn_app_mouse(struct cairn_app *app, const struct cairn_input *input);

/* --- navigate.c --- */
/* Shows the screen with that digit; one that lies in the back-stack is gone back to. False: no such screen. */
bool cairn_app_show(struct cairn_app *app, char digit);
/* The same of a class, whose one screen is made when it is first shown and kept from then on. */
void cairn_app_show_kept(struct cairn_app *app, const struct cairn_screen_class *class);
/* Frees a screen that left the back-stack, unless it is kept. */
void cairn_app_let_go(struct cairn_app *app, struct cairn_screen *screen);
/* Shows a screen over the present one; the back-stack owns it from now on. */
void cairn_app_push(struct cairn_app *app, struct cairn_screen *screen);
/* False on the first screen. */
bool cairn_app_back(struct cairn_app *app);

/* --- moments.c: the question's moments and what else the keys change in it --- */
/* The question changed: asks again. */
void cairn_app_ask(struct cairn_app *app);
void cairn_app_go_to(struct cairn_app *app, const struct cairn_view_moment *moment);
void cairn_app_snapshot_step(struct cairn_app *app, int steps);
void cairn_app_scrub(struct cairn_app *app, int steps);
/* Asks the trace what a TIME word means, then goes there ('@') or sets A or B ('a', 'b'). */
void cairn_app_go_to_word(struct cairn_app *app, const char *word, char what);
/* To the peak of the process that is asked about. */
void cairn_app_go_to_peak(struct cairn_app *app);
/* Asks about that process from now on, 0: all of them. Moments that were the peak are that process's. */
void cairn_app_set_process(struct cairn_app *app, uint32_t process);
void cairn_app_set_moment(struct cairn_app *app, char which, const struct cairn_view_moment *moment);
/* The same with the moment we look at; between two traces B is of the second. */
void cairn_app_set_here(struct cairn_app *app, char which);
/* Of one trace only. */
void cairn_app_swap(struct cairn_app *app);
void cairn_app_undo(struct cairn_app *app);
/* Remembers the question before a change that `u` restores. */
void cairn_app_remember(struct cairn_app *app);
void cairn_app_toggle_wrapper(struct cairn_app *app);
void cairn_app_set_filter(struct cairn_app *app, const char *expression);
/* What a table without rows says: that the filter lets none through, else `otherwise`. */
const char *cairn_app_no_rows(const struct cairn_app *app, const char *otherwise);
/* A moment in words: "peak 9.134s"; of trace A with `other`. Returns `out`. */
#define CAIRN_MOMENT_TEXT_MAX 128
char *cairn_app_moment_text(const struct cairn_app *app, const struct cairn_view_moment *moment,
                            char out[CAIRN_MOMENT_TEXT_MAX]);

/* --- search.c --- */
void cairn_app_search_prompt(struct cairn_app *app);
void cairn_app_search_again(struct cairn_app *app, int direction);
/* The expression to highlight, or NULL. */
const regex_t *cairn_app_match(const struct cairn_app *app);

/* --- commands.c --- */
void cairn_app_command_prompt(struct cairn_app *app);
void cairn_app_time_prompt(struct cairn_app *app);
void cairn_app_filter_prompt(struct cairn_app *app);
void cairn_app_run_command(struct cairn_app *app, const char *line);

/* --- overlays.c --- */
void cairn_app_help(struct cairn_app *app);
void cairn_app_pick_process(struct cairn_app *app);
/* Lets the user pick a row; takes the rows over. `current`: key of the row the cursor starts on. */
void cairn_app_pick(struct cairn_app *app, const char *title, const struct cairn_column *columns,
                    size_t column_count, struct cairn_rows *rows, uint64_t current,
                    void (*picked)(struct cairn_app *app, const struct cairn_row *row));
void cairn_app_overlay_key(struct cairn_app *app, cairn_key key);
void cairn_app_overlay_draw(struct cairn_app *app);
/* Help is laid out anew for another width; its cursor stays on its key. */
void cairn_app_overlay_resize(struct cairn_app *app);

/* --- takeaway.c --- */
void cairn_app_copy_row(struct cairn_app *app);
void cairn_app_copy_command(struct cairn_app *app);
void cairn_app_write_prompt(struct cairn_app *app);
void cairn_app_write(struct cairn_app *app, const char *path, bool replace);
void cairn_app_edit(struct cairn_app *app);

/* --- graphs.c --- */
/* Shows the objects of the object graph that were allocated where the row of a ranking says. */
void cairn_app_show_origin(struct cairn_app *app, const struct cairn_row *row);

/* --- request.c --- */
/* Asks the recording for a snapshot, or an object graph, now. */
void cairn_app_request(struct cairn_app *app, bool graph);
/* Takes the answer, when it is there: app->request.descriptor was readable. */
void cairn_app_request_answered(struct cairn_app *app);
void cairn_app_request_release(struct cairn_app *app);

/* --- live.c --- */
void cairn_app_follow(struct cairn_app *app);
/* Asks the trace for news, and for what is fixed about the recording. */
void cairn_app_refresh(struct cairn_app *app);
/* The timeline came; `resident`: the memory that is resident is another. */
void cairn_app_timeline_came(struct cairn_app *app, bool resident);
/* They came: takes both facts over. `changed`: there is more to see than before. */
void cairn_app_news(struct cairn_app *app, const struct cairn_job *job, struct cairn_facts *facts,
                    struct cairn_facts *other, bool changed);

#endif
