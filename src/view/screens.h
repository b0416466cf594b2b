/* The screens there are: a new one is a file, a line here and a line in screens.c. */
#ifndef CAIRN_VIEW_SCREENS_H
#define CAIRN_VIEW_SCREENS_H

#include "view/screen.h"

extern const struct cairn_screen_class cairn_overview_screen_class, cairn_tree_screen_class,
    cairn_diff_screen_class, cairn_leaks_screen_class, cairn_info_screen_class, cairn_stacks_screen_class,
    cairn_frames_screen_class, cairn_flame_screen_class, cairn_sizes_screen_class, cairn_objects_screen_class,
    cairn_nodes_screen_class, cairn_object_screen_class, cairn_sql_screen_class;

/* Asks for a statement, over the SQL screen. */
void cairn_app_sql_prompt(struct cairn_app *app);

/* The stacks of one site, as `from` (a row of the Overview) names it. NULL when memory ran out. */
struct cairn_screen *cairn_stacks_screen(struct cairn_app *app, const struct cairn_row *from);
/* The frames of the row's stack, NULL when memory ran out. */
struct cairn_screen *cairn_frames_screen(struct cairn_app *app, const struct cairn_row *from);
/* The same for frames that are known already (a path of the tree), innermost first; takes the rows over. */
struct cairn_screen *cairn_frames_screen_of(struct cairn_app *app, struct cairn_rows *frames,
                                            const char *title);

/* Lists of objects of the graph with that number; `name` is what they are about, in words; `only_new`: those
 * made after A at first. NULL when memory ran out. */
struct cairn_screen *cairn_type_screen(struct cairn_app *app, uint32_t graph, uint32_t type, const char *name,
                                       bool only_new);
struct cairn_screen *cairn_way_screen(struct cairn_app *app, uint32_t graph, uint32_t object,
                                      const char *name);
/* Object CAIRN_NO_OBJECT: what no single object holds. */
struct cairn_screen *cairn_dominated_screen(struct cairn_app *app, uint32_t graph, uint32_t object,
                                            const char *name);
struct cairn_screen *cairn_cycle_screen(struct cairn_app *app, uint32_t graph, uint32_t cycle,
                                        const char *name);
struct cairn_screen *cairn_leaked_screen(struct cairn_app *app, uint32_t graph);
/* Objects allocated by the row's stack, or, with `site`, at the site that it stands for. */
struct cairn_screen *cairn_origin_screen(struct cairn_app *app, uint32_t graph, const struct cairn_row *from,
                                         bool site, enum cairn_by by);
/* Those that a row of diff_types.h stands for and that were made after A; `site` names the place in words. */
struct cairn_screen *cairn_survivors_screen(struct cairn_app *app, uint32_t graph,
                                            const struct cairn_row *from, const char *site);
/* One object. */
struct cairn_screen *cairn_object_screen(struct cairn_app *app, uint32_t graph, uint32_t object,
                                         const char *name);

#endif
