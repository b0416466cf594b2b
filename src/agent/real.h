/* The functions behind our hooks: the next ones in the program's search order, be they the C library's or those of an
 * allocator that is linked or preloaded. */
#ifndef CAIRN_AGENT_REAL_H
#define CAIRN_AGENT_REAL_H

#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct dl_find_object;

typedef int cairn_spawn_function(pid_t *, const char *, const posix_spawn_file_actions_t *,
                                 const posix_spawnattr_t *, char *const *, char *const *);

/* X(name, type of a pointer to it). malloc is the last one: a hook that finds it finds the others too. syscall
 * is the first one (hooks_seccomp.c). */
#define CAIRN_REAL_FUNCTIONS(X)                                                                              \
    X(syscall, long (*syscall)(long, ...))                                                                   \
    X(free, void (*free)(void *))                                                                            \
    X(calloc, void *(*calloc)(size_t, size_t))                                                               \
    X(realloc, void *(*realloc)(void *, size_t))                                                             \
    X(reallocarray, void *(*reallocarray)(void *, size_t, size_t))                                           \
    X(posix_memalign, int (*posix_memalign)(void **, size_t, size_t))                                        \
    X(aligned_alloc, void *(*aligned_alloc)(size_t, size_t))                                                 \
    X(memalign, void *(*memalign)(size_t, size_t))                                                           \
    X(valloc, void *(*valloc)(size_t))                                                                       \
    X(pvalloc, void *(*pvalloc)(size_t))                                                                     \
    X(mmap, void *(*mmap)(void *, size_t, int, int, int, off_t))                                             \
    X(munmap, int (*munmap)(void *, size_t))                                                                 \
    X(mremap, void *(*mremap)(void *, size_t, size_t, int, ...))                                             \
    X(brk, int (*brk)(void *))                                                                               \
    X(sbrk, void *(*sbrk)(intptr_t))                                                                         \
    X(dlopen, void *(*dlopen)(const char *, int))                                                            \
    X(dlmopen, void *(*dlmopen)(long, const char *, int))                                                    \
    X(dlclose, int (*dlclose)(void *))                                                                       \
    X(fork, pid_t (*fork)(void))                                                                             \
    X(execve, int (*execve)(const char *, char *const *, char *const *))                                     \
    X(execvpe, int (*execvpe)(const char *, char *const *, char *const *))                                   \
    X(fexecve, int (*fexecve)(int, char *const *, char *const *))                                            \
    X(execveat, int (*execveat)(int, const char *, char *const *, char *const *, int))                       \
    X(posix_spawn, cairn_spawn_function *posix_spawn)                                                        \
    X(posix_spawnp, cairn_spawn_function *posix_spawnp)                                                      \
    X(system, int (*system)(const char *))                                                                   \
    X(popen, FILE *(*popen)(const char *, const char *))                                                     \
    X(_exit, void (*_exit)(int))                                                                             \
    X(quick_exit, void (*quick_exit)(int))                                                                   \
    X(pthread_setname_np, int (*pthread_setname_np)(pthread_t, const char *))                                \
    X(pthread_getattr_np, int (*pthread_getattr_np)(pthread_t, pthread_attr_t *))                            \
    X(pipe, int (*pipe)(int *))                                                                              \
    X(pipe2, int (*pipe2)(int *, int))                                                                       \
    X(prctl, int (*prctl)(int, ...))                                                                         \
    X(_dl_find_object, int (*_dl_find_object)(void *, struct dl_find_object *))                              \
    X(malloc, void *(*malloc)(size_t))

/* A member is NULL until it was looked up, and for good where nobody behind us has such a function. */
struct cairn_real {
#define CAIRN_REAL_MEMBER(name, member) member;
    CAIRN_REAL_FUNCTIONS(CAIRN_REAL_MEMBER)
#undef CAIRN_REAL_MEMBER

    /* Code that is no caller of its own: an allocator that is not the C library's may call the public malloc or free from
     * inside another of its functions, or jump to it, and so seem to be called by this very library. Both ranges are empty
     * with the C library's malloc, which does nothing of the kind. */
    struct cairn_code_range {
        uintptr_t low, bytes;
    } allocator, agent;

    /* The same functions once more, for hooks that jump to them: NULL until a recording is sampled, and with an allocator that is not
     * the C library's, which must see this library call it. */
    struct cairn_plain_functions {
        void *(*malloc)(size_t);
        void *(*calloc)(size_t, size_t);
        void *(*realloc)(void *, size_t);
        void (*free)(void *);
    } plain;

    /* The program's own free, where it defines a malloc that comes before our hooks; else NULL. What it leaves out of the
     * family still leads to us, with blocks that are the program's. */
    void (*free_of_program)(void *);
};

extern struct cairn_real cairn_real __attribute__((visibility("hidden")));

/* Whether a call that returns to `pc` was made by the allocator on its own behalf. */
static inline bool cairn_real_is_allocator(uintptr_t pc)
{
    return (pc - cairn_real.allocator.low < cairn_real.allocator.bytes) |
           (pc - cairn_real.agent.low < cairn_real.agent.bytes);
}

/* Looks all of them up, once; other threads wait for the one that does. Allocations of the look-up itself come out of the
 * agent's own store (own.h), so that it may run inside the very first malloc. Cheap when it is done. */
void cairn_real_resolve(void);
/* From now on the plain ones are wanted. They never go: hooks may be on their way. */
void cairn_real_want_plain(void);
/* The same in a program that ran before this library came: the functions its own calls lead to. */
void cairn_real_resolve_late(void);
/* The function of that name by the same rule, NULL where there is none. Calls the loader. */
void *cairn_real_find(const char *name);

#endif
