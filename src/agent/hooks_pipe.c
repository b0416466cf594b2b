/* libunwind opens pipes when it is loaded, to try memory with, and would leave them in the program's table of descriptors. We
 * give it other ways to read memory, so it gets none: no descriptor of ours is ever seen, and it can never write into one
 * that the program has opened under the same number since. */
#include <errno.h>
#include <unistd.h>

#include "agent/event.h"
#include "agent/own.h"
#include "agent/real.h"

CAIRN_HOOK int pipe2(int ends[2], int flags)
{
    if (cairn_own_active()) {
        errno = EMFILE;
        return -1;
    }
    cairn_real_resolve();
    return cairn_real.pipe2(ends, flags);
}

CAIRN_HOOK int pipe(int ends[2])
{
    if (cairn_own_active()) {
        errno = EMFILE;
        return -1;
    }
    cairn_real_resolve();
    return cairn_real.pipe(ends);
}
