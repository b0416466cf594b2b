/* Replaying keys from a file: the same application, drawn into its canvas only.
 *
 * One command a line; blank lines and lines that begin with # are passed over. Keys are applied one by one, each when
 * no query is running any more, so that a script shows the same every time.
 *
 *     keys jjl          each character is a key
 *     key Shift-Left    one key by its name (Enter, Esc, Tab, PgDn, Ctrl-D, F1, Space, …); `key Down 5` presses it often
 *     text TEXT         as `keys`, blanks included: what one types at a prompt
 *     resize 200x60     the size of the screen
 *     wait              until no query is running; `wait 250` so many milliseconds besides (recordings that run)
 *     save-screen NAME  writes NAME.txt in the current folder
 *     save-pens NAME    writes NAME.pens: one letter a cell for its style (see cairn_canvas_pens())
 *     expect TEXT       fails unless TEXT stands on the screen
 *     expect-not TEXT   fails if it does
 *     expect-copied TEXT   fails unless what y or Y copied last holds TEXT
 *     command LINE      as if LINE had been typed behind `:`
 *
 * The script ends at its last line, or when a key left the viewer; commands behind that are an error. */
#ifndef CAIRN_VIEW_SCRIPT_H
#define CAIRN_VIEW_SCRIPT_H

#include "view/app.h"

/* The first line that fails ends the script: CAIRN_E_USAGE with file, line and reason. */
CAIRN_MUST_CHECK enum cairn_status cairn_script_run(struct cairn_app *app, const char *path,
                                                    struct cairn_error *error);

#endif
