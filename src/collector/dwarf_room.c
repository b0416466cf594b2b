#include "collector/dwarf_room.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* The lines of a large unit, and the tables of abbreviations as they grow, take some megabytes. */
#define ROOM_BYTES ((size_t)32 << 20)

static _Thread_local jmp_buf *on_lack;

static bool is_limited(__rlimit_resource_t resource)
{
    struct rlimit limit;
    return getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

bool cairn_dwarf_room(void)
{
    if (!is_limited(RLIMIT_AS) && !is_limited(RLIMIT_DATA)) {
        return true;
    }
    void *room =
        mmap(NULL, ROOM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return room != MAP_FAILED && munmap(room, ROOM_BYTES) == 0;
}

static __attribute__((noreturn)) void lacks(void)
{
    if (on_lack) {
        longjmp(*on_lack, 1);
    }
    abort();
}

void cairn_dwarf_room_lack(jmp_buf *lack)
{
    on_lack = lack;
}

void cairn_dwarf_room_watch(Dwarf *dwarf)
{
    dwarf_new_oom_handler(dwarf, lacks);
}
