/* What the kernel says of this process's mappings. */
#ifndef CAIRN_AGENT_MAPS_H
#define CAIRN_AGENT_MAPS_H

#include <stddef.h>
#include <stdint.h>

/* The file that is mapped at `address`, not terminated; its length, 0 where there is none or it has no room. Opens a file and
 * closes it again. */
size_t cairn_maps_file_at(uintptr_t address, char *path, size_t size);

#endif
