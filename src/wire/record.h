/* The records in a ring. Every record is a whole number of 64-bit words; its first word is
 *
 *     bits 63…8  stamp: clock − clock_base (TSC ticks or nanoseconds)
 *     bits  7…5  of a record about a block, its domain: enum cairn_domain
 *     bits  4…0  kind: enum cairn_record_kind
 *
 * A record never wraps: where it does not fit before the end of the ring the producer writes a PAD word (its stamp
 * is 0) and goes on at the beginning. Stamps of one ring never decrease, PADs apart.
 *
 * Stack nodes: a stack is a path in a trie the thread builds. Node 0 is the empty stack (the root). A NODE record
 * makes the next node of this thread (1, 2, 3, … in order of sending, per ring generation; RESET starts again at 1)
 * below a parent with a smaller number. An allocation names its innermost node. */
#ifndef CAIRN_WIRE_RECORD_H
#define CAIRN_WIRE_RECORD_H

#include <stdint.h>

/* In THREAD_START: the thread ended before, and its last frees find its ring taken. */
#define CAIRN_THREAD_VISITS (1ull << 32)

/* In a NOTE: the program's heap is not seen, and it says so. */
#define CAIRN_NOTE_OWN_MALLOC 1u

enum cairn_record_kind {
    CAIRN_RECORD_PAD = 0,
    /* w1 = address (low 48) | node low 16 << 48; w2 = size (low 48) | node high 16 << 48. */
    CAIRN_RECORD_ALLOC = 1,
    /* w1 = address. Written before the real free. With CAIRN_FREE_NESTED: memory that an interpreter's
     * allocator gives back; a free only if a block of malloc is known there. With CAIRN_FREE_LATER: the thread has allocated
     * since its last recorded allocation (in a sampled recording). */
    CAIRN_RECORD_FREE = 2,
    /* As ALLOC: the block at the address of the pending REALLOC_BEGIN of this thread moved here or was resized. */
    CAIRN_RECORD_REALLOC_END = 3,
    /* w1 = old address, before the real call. They nest (a signal handler that reallocates while a realloc
     * runs): END and CANCEL belong to the last BEGIN of this ring that has neither. One may stay without (longjmp). */
    CAIRN_RECORD_REALLOC_BEGIN = 4,
    /* The realloc failed, the old block stays: 1 word. */
    CAIRN_RECORD_REALLOC_CANCEL = 5,
    /* w1 = parent node | node kind << 32 (enum cairn_node_kind) ; w2 = value. */
    CAIRN_RECORD_NODE = 6,
    /* The thread's node table was emptied: numbering starts again at 1. 1 word. */
    CAIRN_RECORD_NODE_RESET = 7,
    /* As ALLOC: what a realloc made of a block that is not recorded. Without a REALLOC_BEGIN. */
    CAIRN_RECORD_REALLOC_ALONE = 8,
    /* The realloc of the last REALLOC_BEGIN (as REALLOC_END) went well, but what the block became is not recorded: it was not
     * sampled, or the recording is paused. 1 word. */
    CAIRN_RECORD_REALLOC_GONE = 9,
    /* Address space, apart from heap. w1, w2 as ALLOC (start, length, node); w3 = prot | flags << 32. */
    CAIRN_RECORD_MAP = 10,
    /* w1 = start, w2 = length. */
    CAIRN_RECORD_UNMAP = 11,
    /* w1 = old start, w2 = old length, w3 = new start | node low 16 << 48, w4 = new length | node high 16 << 48. */
    CAIRN_RECORD_REMAP = 12,
    /* w1 = new program break, w2 = node. The first one of a process sets the start. */
    CAIRN_RECORD_BREAK = 13,
    /* w1 = bytes of text | enum cairn_text_kind << 32, w2 and w3 by kind, then the text padded with NULs to 8.
     * The moments (MARK, SNAPSHOT, GRAPH) carry a stamp of their own. */
    CAIRN_RECORD_TEXT = 14,
    /* w1 = tid | CAIRN_THREAD_VISITS. First record of a ring generation: nodes are numbered from 1 again, no realloc is pending. */
    CAIRN_RECORD_THREAD_START = 15,
    /* The thread's own destructors ran. A few records may follow: what the C library frees after them. */
    CAIRN_RECORD_THREAD_END = 16,
    /* w1 = fork serial, counted by the agent from 1. Written before the real fork: the child's HELLO names the
     * serial, and inherits the live map as it was at this record. Not written for vfork, whose child shares memory. */
    CAIRN_RECORD_FORK = 17,
    /* w1 = status (exit, _exit, quick_exit); more records may follow (destructors). */
    CAIRN_RECORD_EXIT = 18,
    CAIRN_RECORD_EXEC = 19,        /* exec is about to be called */
    CAIRN_RECORD_EXEC_FAILED = 20, /* and it came back */
    /* Modules whose addresses appear in nodes. Text follows as in TEXT (kind MODULE): w1 = bytes | kind << 32,
     * w2 = start address of the mapping, w3 = end, w4 = load bias, w5 = bytes of build-id before the path. */
    CAIRN_RECORD_MODULE = 21,
    CAIRN_RECORD_MODULE_GONE = 22, /* w1 = start address */
    CAIRN_RECORD_PAUSE = 23,       /* w1 = 1 pause, 0 resume */
    /* w1 = fork serial, w2 = child's pid, 0 when it failed: in the parent. Missing where the C library forked by itself
     * (daemon, forkpty). A child that neither allocates, frees nor exits by itself (fork and exec) never says HELLO. */
    CAIRN_RECORD_FORK_DONE = 24,
    /* A whole realloc, written after it went well. w1, w2 as ALLOC; w3 = old address (low 48), of the same domain. Only where nobody
     * else's record can be about the old address until then: under the interpreter's lock. */
    CAIRN_RECORD_REALLOC = 25,
    CAIRN_RECORD_KIND_COUNT
};
#define CAIRN_RECORD_KIND_BITS 5u
_Static_assert(CAIRN_RECORD_KIND_COUNT <= 1u << CAIRN_RECORD_KIND_BITS, "a kind fits into its bits");

enum cairn_node_kind {
    CAIRN_NODE_NATIVE =
        0, /* value = return address − 1 lies in the call; the allocator's caller is innermost */
    CAIRN_NODE_NATIVE_PC = 1, /* value = exact pc: frame interrupted by a signal */
    CAIRN_NODE_TRUNCATED = 2, /* outermost node of a stack cut at max_depth; value = 0 */
    CAIRN_NODE_STOPPED = 3,   /* outermost node where unwinding could not go on; value = 0 */
    CAIRN_NODE_PYTHON = 4,    /* value = code number << 32 | last instruction offset in bytes */
};

enum cairn_text_kind {
    CAIRN_TEXT_MODULE = 0,
    CAIRN_TEXT_MARK = 1,        /* a named moment */
    CAIRN_TEXT_SNAPSHOT = 2,    /* a named snapshot */
    CAIRN_TEXT_THREAD_NAME = 3, /* w2 = tid, 0: of this ring's thread */
    CAIRN_TEXT_NOTE = 4,        /* what the agent wants `info` to say; w2 = CAIRN_NOTE_OWN_MALLOC or 0 */
    /* A moment at which a still image is made; w2 = serial (its connection names it), 0: none could be made here, | number of
     * the collector's request << 32, 0: the program's own wish. */
    CAIRN_TEXT_GRAPH = 5,
    /* w2 = code number, w3 = first line | Python's minor version << 32; text: file NUL qualified name. Sent once a code
     * object, before any node that names it leaves the same ring (another ring's node may arrive earlier). */
    CAIRN_TEXT_PYTHON_CODE = 6,
    /* w2 = code number, w3 = offset | bytes of the whole table << 32; text: a piece of the line table. In order. */
    CAIRN_TEXT_PYTHON_LINES = 7,
    CAIRN_TEXT_PYTHON_VERSION = 8, /* of the interpreter in this process: "3.11.2" */
    /* w2 = serial | CAIRN_GRAPH_WITHOUT_IMAGE | microseconds that the target stood still << 32 */
    CAIRN_TEXT_GRAPH_DONE = 10,
    CAIRN_TEXT_EXIT = 9,        /* a moment: the program is about to end, what it holds is still there */
    CAIRN_TEXT_UNRECORDED = 11, /* a program that is about to be started; w2 = enum cairn_unrecorded */
};

/* Why a program that another one starts is not recorded. */
enum cairn_unrecorded {
    CAIRN_UNRECORDED_STATIC = 1,
    CAIRN_UNRECORDED_NARROW = 2,        /* of 32 bits */
    CAIRN_UNRECORDED_FOREIGN = 3,       /* for another machine */
    CAIRN_UNRECORDED_OTHER_LIBRARY = 4, /* than glibc */
    CAIRN_UNRECORDED_SANITIZER = 5,     /* built with one, or one is preloaded */
    CAIRN_UNRECORDED_OUT_OF_REACH =
        6, /* another root folder or user: the library or the socket is not there */
    CAIRN_UNRECORDED_VALGRIND = 7,
    CAIRN_UNRECORDED_BY_OTHER = 9, /* another recorder records it */
    CAIRN_UNRECORDED_NO_ROOM = 8,  /* the kernel takes no longer environment with these arguments */
};

/* There was no image, and the program could not be looked at in place: no graph comes. */
#define CAIRN_GRAPH_WITHOUT_IMAGE (1u << 31)

/* Who owns a block. Sums of "heap" are MALLOC + PYTHON_OBJECT + PYTHON_MEM + POOL. The trace stores these numbers. */
enum cairn_domain {
    CAIRN_DOMAIN_MALLOC = 0,
    CAIRN_DOMAIN_PYTHON_OBJECT = 1,
    CAIRN_DOMAIN_PYTHON_MEM = 2,
    CAIRN_DOMAIN_POOL = 3,         /* cairn_block_alloc() */
    CAIRN_DOMAIN_MMAP = 4,         /* address space, not heap */
    CAIRN_DOMAIN_BREAK = 5,        /* address space, not heap */
    CAIRN_DOMAIN_PYTHON_ARENA = 6, /* pymalloc's own memory, not heap: its blocks are counted instead */
    CAIRN_DOMAIN_COUNT
};

static inline int cairn_domain_is_heap(uint32_t domain)
{
    return domain <= CAIRN_DOMAIN_POOL;
}

#define CAIRN_FREE_NESTED       (1ull << 55)
#define CAIRN_FREE_LATER        (1ull << 54)

#define CAIRN_WIRE_ADDRESS_BITS 48
#define CAIRN_WIRE_ADDRESS_MASK ((1ull << CAIRN_WIRE_ADDRESS_BITS) - 1)
#define CAIRN_RECORD_MAX_WORDS  1024u /* 8 KiB: longer texts are cut by the agent */

/* Of words with a node above 48 bits each. */
static inline uint32_t cairn_record_node(uint64_t low_word, uint64_t high_word)
{
    return (uint32_t)(low_word >> CAIRN_WIRE_ADDRESS_BITS) | (uint32_t)(high_word >> CAIRN_WIRE_ADDRESS_BITS)
                                                                 << 16;
}

static inline uint64_t cairn_record_word0(enum cairn_record_kind kind, uint64_t stamp)
{
    return stamp << 8 | (uint64_t)kind;
}

/* Of a record about a block; `domain` is an enum cairn_domain. */
static inline uint64_t cairn_record_block_word0(enum cairn_record_kind kind, uint32_t domain, uint64_t stamp)
{
    return stamp << 8 | (uint64_t)domain << CAIRN_RECORD_KIND_BITS | (uint64_t)kind;
}

static inline uint64_t cairn_record_stamp(const uint64_t *record)
{
    return record[0] >> 8;
}

static inline enum cairn_record_kind cairn_record_kind(const uint64_t *record)
{
    return (enum cairn_record_kind)(record[0] & ((1u << CAIRN_RECORD_KIND_BITS) - 1));
}

/* Of a record about a block. */
static inline uint64_t cairn_record_address(const uint64_t *record)
{
    return record[1] & CAIRN_WIRE_ADDRESS_MASK;
}

/* Of the same; what is no domain counts as malloc's. */
static inline uint8_t cairn_record_domain(const uint64_t *record)
{
    const uint8_t domain = (uint8_t)((uint8_t)record[0] >> CAIRN_RECORD_KIND_BITS);
    return domain < CAIRN_DOMAIN_COUNT ? domain : (uint8_t)CAIRN_DOMAIN_MALLOC;
}

#endif
