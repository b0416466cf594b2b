#include "agent/clock.h"

#include <elf.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>

#include "agent/machine.h"

typedef int clock_function(clockid_t, struct timespec *);

static int ask_the_kernel(clockid_t clock, struct timespec *time)
{
    return (int)cairn_syscall3(SYS_clock_gettime, clock, (long)time, 0);
}

/* The vdso is a small shared object of the kernel's: its dynamic symbol table names the function. */
static clock_function *find_in_vdso(void)
{
    const uintptr_t base = getauxval(AT_SYSINFO_EHDR);
    if (base == 0) {
        return ask_the_kernel;
    }
    const ElfW(Ehdr) *file = (const ElfW(Ehdr) *)base;
    const ElfW(Phdr) *segments = (const ElfW(Phdr) *)(base + file->e_phoff);
    const ElfW(Dyn) *dynamic = NULL;
    uintptr_t bias = base;
    for (int i = 0; i < file->e_phnum; i++) {
        if (segments[i].p_type == PT_LOAD) {
            bias = base + segments[i].p_offset - segments[i].p_vaddr;
        } else if (segments[i].p_type == PT_DYNAMIC) {
            dynamic = (const ElfW(Dyn) *)(base + segments[i].p_offset);
        }
    }
    const ElfW(Sym) *symbols = NULL;
    const char *names = NULL;
    const uint32_t *hash = NULL;
    for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
        const uintptr_t at = bias + dynamic->d_un.d_ptr;
        if (dynamic->d_tag == DT_SYMTAB) {
            symbols = (const ElfW(Sym) *)at;
        } else if (dynamic->d_tag == DT_STRTAB) {
            names = (const char *)at;
        } else if (dynamic->d_tag == DT_HASH) {
            hash = (const uint32_t *)at;
        }
    }
    if (!symbols || !names || !hash) {
        return ask_the_kernel;
    }
    for (uint32_t i = 0; i < hash[1]; i++) {
        if (strcmp(names + symbols[i].st_name, "__vdso_clock_gettime") == 0 && symbols[i].st_shndx != 0) {
            return (clock_function *)(bias + symbols[i].st_value);
        }
    }
    return ask_the_kernel;
}

/* Relaxed: every thread that finds it empty finds the same function. */
static _Atomic(clock_function *) found;

void cairn_clock_ask_kernel(void)
{
    atomic_store_explicit(&found, ask_the_kernel, memory_order_relaxed);
}

uint64_t cairn_clock_monotonic_ns(void)
{
    clock_function *read_clock = atomic_load_explicit(&found, memory_order_relaxed);
    if (!read_clock) {
        read_clock = find_in_vdso();
        atomic_store_explicit(&found, read_clock, memory_order_relaxed);
    }
    struct timespec now = {.tv_sec = 0};
    read_clock(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
