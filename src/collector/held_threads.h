/* The threads of a target, held where they are for a moment: their registers are known then, and nothing moves under the
 * graph that is being taken. Held and let go by one and the same thread of ours; a target whose collector dies goes on. */
#ifndef CAIRN_COLLECTOR_HELD_THREADS_H
#define CAIRN_COLLECTOR_HELD_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CAIRN_HELD_REGISTERS 48u /* sixteen general ones, and the halves of sixteen vectors */

struct cairn_held_thread {
    pid_t tid;
    bool stopped; /* what follows is known */
    int signal;   /* was on its way to the thread when it was held; 0: none */
    uint64_t handle;
    uint64_t stack;
    uint64_t code;                            /* the instruction that it stands before */
    uint64_t registers[CAIRN_HELD_REGISTERS]; /* named by cairn_held_register_name() */
};

struct cairn_held_threads {
    struct cairn_held_thread *list;
    size_t count, capacity;
    uint32_t left_alone; /* threads that could not be held, or must not be */
    bool failed;         /* no memory */
};

/* Holds all threads of `pid` but `asking` (0: all). `gentle`: not those that wait in calls that would end early by it
 * (epoll_wait, receiving with a time limit). Else the program has time: it ends, or does nothing. Zero-initialise before. */
void cairn_held_threads_hold(struct cairn_held_threads *held, pid_t pid, pid_t asking, bool gentle);
/* They go on; what is known of them stays. */
void cairn_held_threads_let_go(struct cairn_held_threads *held);
void cairn_held_threads_free(struct cairn_held_threads *held);

void cairn_held_register_name(size_t number, char *out, size_t out_size);

/* The number by which we know the thread that calls itself `tid`, which may live in a PID namespace of its own. */
pid_t cairn_thread_of_namespace(pid_t pid, pid_t tid);

#endif
