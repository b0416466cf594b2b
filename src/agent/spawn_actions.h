/* Where a program that posix_spawn is to start will stand: what its file actions say of its folder. */
#ifndef CAIRN_AGENT_SPAWN_ACTIONS_H
#define CAIRN_AGENT_SPAWN_ACTIONS_H

#include <spawn.h>

#define CAIRN_SPAWN_FOLDER_UNKNOWN (-1)

/* A descriptor of the folder that the child will be in when it execs, to be given back by cairn_spawn_folder_close(); AT_FDCWD
 * where it stays in this one, CAIRN_SPAWN_FOLDER_UNKNOWN where that cannot be told. `actions` may be NULL. */
int cairn_spawn_folder_open(const posix_spawn_file_actions_t *actions);
void cairn_spawn_folder_close(int folder);

#endif
