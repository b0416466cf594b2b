/* The socket between an agent and its collector: a SOCK_SEQPACKET unix socket, 0600 in a 0700 folder, named by the
 * environment variable CAIRN_SESSION. One message each way per connection, then close; the same socket takes the
 * commands of `cairn snapshot` and `cairn stop`. Messages are fixed structs of this machine's byte order. */
#ifndef CAIRN_WIRE_SESSION_H
#define CAIRN_WIRE_SESSION_H

#include <stdint.h>

#define CAIRN_SESSION_VARIABLE "CAIRN_SESSION"
#define CAIRN_SESSION_MAGIC    0x4e524943u

enum cairn_session_verb {
    CAIRN_SESSION_HELLO = 1,    /* agent: a process begins (start, fork child, exec); answer: segment 0 */
    CAIRN_SESSION_SEGMENT = 2,  /* agent: more threads than rings; answer: another segment */
    CAIRN_SESSION_SNAPSHOT = 3, /* command: take a snapshot, `name` may be empty */
    CAIRN_SESSION_GRAPH = 4, /* command: an object graph of `pid` (0: of the first process), called `name` */
    CAIRN_SESSION_GRAPH_STREAM =
        6, /* image: `fork_serial` is the graph's; messages of wire/graph.h follow, no answer */
    /* image (or the program itself, in place): as GRAPH_STREAM, but it only stands still until the connection is closed; `name` holds a struct
     * cairn_session_image */
    CAIRN_SESSION_GRAPH_IMAGE = 7,
    CAIRN_SESSION_STOP = 5, /* command: end the recording, programs go on */
    /* agent: hold all threads but `tid`, which is about to make an image for the graph with `fork_serial`; answered when they
     * stand, or cannot be held. They go on when the agent sends anything more, or closes. */
    CAIRN_SESSION_GRAPH_HOLD = 8,
};

struct cairn_session_request {
    uint32_t magic;
    uint32_t version; /* CAIRN_WIRE_VERSION */
    uint32_t verb;
    uint32_t process; /* SEGMENT: the number HELLO gave; HELLO after fork: the parent's number, else 0 */
    int32_t pid, tid, parent_pid;
    uint32_t reason; /* HELLO: enum cairn_hello_reason; GRAPH_HOLD: 1 when the program is at its end */
    uint64_t
        fork_serial; /* HELLO after fork: of the FORK record in the parent's ring; 0: a raw clone, without one */
    char name[256]; /* commands: name; HELLO: empty */
};

#define CAIRN_SESSION_IMAGE_THREADS   19u
#define CAIRN_SESSION_IMAGE_REGISTERS 6u

/* What a still image of native code says of its threads. */
struct cairn_session_image {
    uint64_t stack;        /* of the thread that asked: its saved registers, and above them its frames */
    uint32_t thread_count; /* living ones; those that found no place below are known by their number only */
    int32_t tid;           /* of the thread that asked */
    uint64_t handle[CAIRN_SESSION_IMAGE_THREADS]; /* where the C library keeps the thread: above its stack */
    int32_t thread[CAIRN_SESSION_IMAGE_THREADS];  /* its tid */
};
_Static_assert(sizeof(struct cairn_session_image) < sizeof((struct cairn_session_request *)0)->name,
               "it fits, and the NUL behind it too");

enum cairn_hello_reason { CAIRN_HELLO_START = 0, CAIRN_HELLO_FORK = 1, CAIRN_HELLO_ATTACH = 2 };

/* What the two functions that a recorder calls in a program it joins or leaves answer (agent/join.c). */
#define CAIRN_JOIN_FUNCTION  "cairn_agent_join_1"
#define CAIRN_LEAVE_FUNCTION "cairn_agent_leave_1"
enum cairn_join_result {
    CAIRN_JOIN_DONE = 0,
    CAIRN_JOIN_AGAIN = 1,      /* not at this moment: a thread is in the middle of something */
    CAIRN_JOIN_BUSY = 2,       /* it is being recorded */
    CAIRN_JOIN_REFUSED = 3,    /* the recorder cannot be reached, or does not want it */
    CAIRN_JOIN_OWN_MALLOC = 4, /* the program brings its own malloc: nothing would be seen */
};

/* Of an answer. */
enum cairn_session_status {
    CAIRN_SESSION_DONE = 0,
    CAIRN_SESSION_REFUSED = 1,
    CAIRN_SESSION_ENDED = 2,
    CAIRN_SESSION_OTHER_VERSION = 3,
    CAIRN_SESSION_LEFT_OUT =
        4, /* GRAPH: none could be taken, the trace says why; SNAPSHOT: it could not be written */
};

/* Comes with one descriptor (SCM_RIGHTS) when status is 0 and a segment was asked for. */
struct cairn_session_answer {
    uint32_t magic;
    uint32_t version;
    int32_t status;   /* enum cairn_session_status */
    uint32_t process; /* the process number given; GRAPH: the number of the graph */
};

#endif
