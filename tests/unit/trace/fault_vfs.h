/* A file system whose writes fail on demand, under SQLite. */
#ifndef CAIRN_TESTS_FAULT_VFS_H
#define CAIRN_TESTS_FAULT_VFS_H

#include <stdbool.h>

/* Becomes SQLite's default. */
void fault_vfs_register(void);
/* The `countdown`th write, truncation or sync from now fails as on a full disk (sync: with an I/O error); `for_ever`: all
 * from then on too. 0: none. */
void fault_vfs_arm(unsigned long countdown, bool for_ever);
/* Whether one failed since. Switches failing off. */
bool fault_vfs_happened(void);
/* How often SQLite or the writer waited for the disk (xSync) since the last call; `*behind`: writes since the last of them. */
unsigned fault_vfs_syncs(unsigned *behind);

#endif
