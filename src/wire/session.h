/* The socket between an agent and its collector: a SOCK_SEQPACKET unix socket, 0600 in a 0700 folder, named by the
 * environment variable CAIRN_SESSION. One message each way per connection, then close; the same socket takes the
 * commands of `cairn snapshot` and `cairn stop`. Messages are fixed structs of this machine's byte order. */
#ifndef CAIRN_WIRE_SESSION_H
#define CAIRN_WIRE_SESSION_H

#include <stdint.h>

#define CAIRN_SESSION_VARIABLE "CAIRN_SESSION"
#define CAIRN_SESSION_MAGIC 0x4e524943u

enum cairn_session_verb {
    CAIRN_SESSION_HELLO = 1,    /* agent: a process begins (start, fork child, exec); answer: segment 0 */
    CAIRN_SESSION_SEGMENT = 2,  /* agent: more threads than rings; answer: another segment */
    CAIRN_SESSION_SNAPSHOT = 3, /* command: take a snapshot, `name` may be empty */
    CAIRN_SESSION_GRAPH = 4,    /* command */
    CAIRN_SESSION_STOP = 5,     /* command: end the recording, programs go on */
};

struct cairn_session_request {
    uint32_t magic;
    uint32_t version;      /* CAIRN_WIRE_VERSION */
    uint32_t verb;
    uint32_t process;      /* SEGMENT: the number HELLO gave; HELLO after fork: the parent's number, else 0 */
    int32_t pid, tid, parent_pid;
    uint32_t reason;       /* HELLO: enum cairn_hello_reason */
    uint64_t fork_serial;  /* HELLO after fork: of the FORK record in the parent's ring */
    char name[256];        /* commands: name; HELLO: empty */
};

enum cairn_hello_reason { CAIRN_HELLO_START = 0, CAIRN_HELLO_FORK = 1, CAIRN_HELLO_ATTACH = 2 };

/* Comes with one descriptor (SCM_RIGHTS) when status is 0 and a segment was asked for. */
struct cairn_session_answer {
    uint32_t magic;
    uint32_t version;
    int32_t status;        /* 0, or: 1 refused, 2 ended, 3 other version */
    uint32_t process;      /* the process number given */
};

#endif
