/* The input loop: waits for keys, answers, signals and news of the trace; without any of them it uses no time. */
#ifndef CAIRN_VIEW_LOOP_H
#define CAIRN_VIEW_LOOP_H

#include "view/app.h"

/* The signals the loop takes from a descriptor; blocked from before the worker starts until the end. */
void cairn_loop_block_signals(void);
void cairn_loop_unblock_signals(void);
/* Until the user leaves, the terminal goes away, or a signal says so. */
CAIRN_MUST_CHECK enum cairn_status cairn_loop_run(struct cairn_app *app, struct cairn_error *error);

#endif
