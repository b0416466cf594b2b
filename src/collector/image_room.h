/* Whether memory allows a still image of a process: what the process goes on to write to is there twice while its image
 * lives. */
#ifndef CAIRN_COLLECTOR_IMAGE_ROOM_H
#define CAIRN_COLLECTOR_IMAGE_ROOM_H

#include <stdbool.h>
#include <sys/types.h>

/* By what the system, and the control group of the process, still have. */
bool cairn_image_room(pid_t pid);

#endif
