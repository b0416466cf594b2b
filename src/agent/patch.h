/* Hooks in a program that ran before this library came. Nobody finds them by their names there, so the slots by which
 * modules call the functions behind them are pointed to them, and back when the recording is over. */
#ifndef CAIRN_AGENT_PATCH_H
#define CAIRN_AGENT_PATCH_H

#include <stdbool.h>

/* Whether the loader shows this library's functions to the program: it was preloaded, and nothing needs to be pointed. */
bool cairn_patch_is_needless(void);

/* Points those of libunwind for good, once this library has loaded it for itself: it opens no descriptors then, and its memory
 * comes out of our store. Where it was preloaded that is so anyway. */
void cairn_patch_unwinder(void);

/* Points the slots of all modules. Once cairn_real is known. */
void cairn_patch_begin(void);
/* Those of modules that came since, too. Does nothing where nothing is pointed now. Takes the loader's list's lock. */
void cairn_patch_renew(void);
/* All back. False when that is not possible now (a thread holds memory of ours that the C library will free): again later. True
 * too where nothing was pointed. */
bool cairn_patch_end(void);

/* In a still image, whose hooks serve its own allocator: nothing is pointed back. */
void cairn_patch_keep(void);

/* Soon after a module may have come: at an event, outside of any lock. False: nothing more to look for. */
bool cairn_patch_look(void);
/* One may have come. */
void cairn_patch_expect(void);

/* Whether slots are pointed to hooks now. */
bool cairn_patch_is_on(void);

#endif
