/* A still image of this process: a clone that shows its memory as it is now, while the target goes on after a moment.
 *
 * A raw clone with exit signal 0: the target gets no SIGCHLD, its waits do not see the child (__WCLONE does), and no fork
 * handler of its runs. The child records nothing, and never touches the C library's allocator, whose locks another thread
 * may have held. */
#ifndef CAIRN_AGENT_IMAGE_H
#define CAIRN_AGENT_IMAGE_H

#include <stdint.h>

/* 0 in the child, which must end with cairn_image_end(); its pid in the parent; negative when there is no child to be had.
 * Keeps errno. */
long cairn_image_clone(void);
/* Ends the child. */
_Noreturn void cairn_image_end(void);
/* A number for a graph of this process: 1, 2, 3, … */
uint32_t cairn_image_serial(void);
/* Takes note of children that ended; never waits. */
void cairn_image_reap(void);

#endif
