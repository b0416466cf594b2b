/* A table of objects whose rows open into what they hold, or what holds them: pages come from the worker as they are asked
 * for. Part of every screen that lists objects. */
#ifndef CAIRN_VIEW_NODE_TABLE_H
#define CAIRN_VIEW_NODE_TABLE_H

#include "view/node_rows.h"
#include "view/screen.h"

/* A member of a screen's struct. */
struct cairn_node_table {
    struct cairn_outline outline;
    struct cairn_node_source source;
    uint32_t graph;             /* number of the graph its rows are of */
    unsigned slot;              /* of its jobs, and the one behind it */
    uint32_t centre;            /* the object that the screen is about; CAIRN_NO_OBJECT: none */
    uint64_t pending;           /* the row whose page is on its way; 0: none */
    uint64_t asked;             /* what of the question they answer; 0: nothing yet */
    size_t total;               /* rows of the list, folded or not */
    bool unfolded;              /* the whole list is still being looked at */
    struct cairn_keymap opened; /* objects that are open → key of their row */
};

void cairn_node_table_init(struct cairn_node_table *table, uint32_t graph,
                           const struct cairn_node_source *source, unsigned slot);
void cairn_node_table_release(struct cairn_node_table *table);
/* Asks for its rows, unless it has them: they change with moment A only. */
void cairn_node_table_ask(struct cairn_screen *screen, struct cairn_node_table *table);
/* Opens the row under the cursor; false when there is nothing to open. */
bool cairn_node_table_open(struct cairn_screen *screen, struct cairn_node_table *table);
/* Open, close, fold and Enter, and what leads from a row to other screens; false: another meaning. */
bool cairn_node_table_act(struct cairn_screen *screen, struct cairn_node_table *table,
                          const struct cairn_key_binding *binding);

#endif
