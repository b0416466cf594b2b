/* Which object graph the screens of objects are about, and how to get to another one. */
#ifndef CAIRN_VIEW_GRAPHS_H
#define CAIRN_VIEW_GRAPHS_H

#include "view/app.h"

/* The one that is shown: the one chosen, else the last one (of the process that was chosen). NULL: there is none. */
const struct cairn_fact_graph *cairn_app_graph(const struct cairn_app *app);
/* The one with that number, or NULL. */
const struct cairn_fact_graph *cairn_app_graph_of(const struct cairn_app *app, uint32_t number);
/* The one that growth is counted from: the last one of the same process at or before moment A. NULL: A is not set, or there is
 * none before the one that is shown. */
const struct cairn_fact_graph *cairn_app_graph_before(const struct cairn_app *app);
/* The last one of that process (0: of any) at or before a time, or NULL. */
const struct cairn_fact_graph *cairn_app_graph_at(const struct cairn_app *app, uint32_t process,
                                                  int64_t t_ns);
/* When it was taken. */
struct cairn_view_moment cairn_graph_moment(const struct cairn_facts *facts,
                                            const struct cairn_fact_graph *graph);
/* The moment that the shown screen is about: on screens of objects when their graph was taken, which A and B are set to there, too;
 * elsewhere the question's. */
struct cairn_view_moment cairn_app_shown_moment(const struct cairn_app *app);
/* Appends "@exit 1.3s" or "1.3s". */
void cairn_graph_label(const struct cairn_facts *facts, const struct cairn_fact_graph *graph,
                       struct cairn_buffer *text);

/* Shows the graph so many places on; the moment goes along. */
void cairn_app_graph_step(struct cairn_app *app, int steps);
/* Lets the user pick one. */
void cairn_app_pick_graph(struct cairn_app *app);
/* By its number or "@name"; complains when there is none. "": lets the user pick. */
void cairn_app_choose_graph(struct cairn_app *app, const char *word);
/* On a screen about `graph` (NULL: there is none), A and B are set where it was taken, whatever moment other screens look at.
 * False: the key means something else. */
bool cairn_app_graph_act(struct cairn_app *app, const struct cairn_fact_graph *graph,
                         const struct cairn_key_binding *binding);

/* Draws the line about a graph at the top of a screen; with NULL, that there is none and how to get one. Returns the rows
 * used, all of them when there is none. */
int cairn_graph_draw_head(const struct cairn_app *app, const struct cairn_fact_graph *graph,
                          struct cairn_canvas *canvas, struct cairn_rect area);
/* Appends " --graph N" where it is not the last one. */
void cairn_graph_option(const struct cairn_app *app, const struct cairn_fact_graph *graph,
                        struct cairn_buffer *command);

#endif
