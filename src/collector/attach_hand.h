/* One thread of a process, stopped by ptrace and made to do something for us, then put back as it was: registers, vectors,
 * signals, and the system call it waited in. Everything by one and the same thread of ours. */
#ifndef CAIRN_COLLECTOR_ATTACH_HAND_H
#define CAIRN_COLLECTOR_ATTACH_HAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#define CAIRN_HAND_VECTOR_BYTES 16384u /* more than the largest state that processors have */

struct cairn_hand {
    pid_t pid, tid;
    struct user_regs_struct registers; /* as they were, or as they have to be */
    size_t vector_bytes;
    uint8_t vectors[CAIRN_HAND_VECTOR_BYTES];
    uint64_t mask;                 /* of blocked signals */
    bool disguised;                /* its registers are not its own now */
    int held_signal;               /* came meanwhile and could not wait: 0 or its number */
    uint64_t system_call;          /* where such an instruction is */
    uint64_t memory, memory_bytes; /* lent to it */
};

enum cairn_hand_result {
    CAIRN_HAND_OK = 0,
    CAIRN_HAND_FORBIDDEN,
    CAIRN_HAND_GONE,  /* it has ended */
    CAIRN_HAND_STUCK, /* it does not come to stand, or not back */
    CAIRN_HAND_FAULT, /* what it did for us went wrong; it can still be put back */
};

/* Stops the thread where it is. */
enum cairn_hand_result cairn_hand_take(struct cairn_hand *hand, pid_t pid, pid_t tid);
/* It goes on as if nothing had been. */
void cairn_hand_release(struct cairn_hand *hand);

/* Lends it memory, which release takes back: for a stack, and for texts. `system_call` is the address of such an instruction
 * in its code. */
enum cairn_hand_result cairn_hand_lend(struct cairn_hand *hand, uint64_t system_call);
/* Where a copy of `text` is in the lent memory, `place` (0, 1, …) of 4096 bytes each; 0 where it does not fit. */
uint64_t cairn_hand_write(struct cairn_hand *hand, unsigned place, const char *text);
/* Reads a text of it, cut where it is too long; "" when it cannot be read. */
void cairn_hand_read(const struct cairn_hand *hand, uint64_t address, char *text, size_t size);
/* Calls a function on the lent stack; `*result` is what it gives back. */
enum cairn_hand_result cairn_hand_call(struct cairn_hand *hand, uint64_t function, uint64_t first,
                                       uint64_t second, uint64_t *result);

#endif
