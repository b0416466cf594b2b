/* Whether a collector that does not answer is dead, seen from where no segment is mapped yet.
 *
 * With a segment its robust futex word says so within a millisecond. A socket does not: the kernel closes it only when it has
 * given back the memory of the process that died, which takes a third of a second for a gigabyte. */
#ifndef CAIRN_AGENT_COLLECTOR_LIFE_H
#define CAIRN_AGENT_COLLECTOR_LIFE_H

#include <stdbool.h>

/* Of the process that listens at the other end of `fd`. False where that cannot be seen (another PID namespace, no /proc). */
bool cairn_collector_has_died(int fd);

#endif
