#include "collector/dwarf_room.h"

#include <dlfcn.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
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

/* A table that libdw has no memory for is a null pointer to it. */
static void take_fault(int signal)
{
    if (on_lack) {
        longjmp(*on_lack, 1);
    }
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    sigaction(signal, &usual, NULL); /* it comes again */
}

bool cairn_dwarf_room(void)
{
    if (!is_limited(RLIMIT_AS) && !is_limited(RLIMIT_DATA)) {
        return true;
    }
    const struct sigaction action = {.sa_handler = take_fault, .sa_flags = SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
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

typedef void assertion_function(const char *assertion, const char *file, unsigned line, const char *function);

/* In front of the C library's, which no header names in every build: of tables that grow libdw asserts that it has memory for them. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming) */
__attribute__((visibility("default"))) assertion_function __assert_fail;

/* NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming) */
void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function)
{
    if (on_lack) {
        longjmp(*on_lack, 1);
    }
    assertion_function *usual = NULL;
    void *found = dlsym(RTLD_NEXT, "__assert_fail");
    memcpy(&usual, &found, sizeof usual);
    if (usual) {
        usual(assertion, file, line, function);
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
