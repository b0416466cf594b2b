/* An object graph as the trace stores it: what the builder writes and readers read. Column meanings are schema.sql's, the
 * bytes of the BLOBs are in docs/trace-blobs.md.
 *
 * Objects are 0 … objects − 1 in ascending order of their address. Everything that belongs to one object is in one chunk of
 * a few kilobytes, so that looking at one costs the decoding of that chunk, whatever the graph's size. */
#ifndef CAIRN_TRACE_GRAPH_ROWS_H
#define CAIRN_TRACE_GRAPH_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAIRN_GRAPH_CHUNK_ROWS    1024u /* objects a chunk, and rows a chunk of links */
#define CAIRN_GRAPH_INLINE_LINKS  256u  /* of one row in its chunk; what is above goes into parts */
#define CAIRN_GRAPH_PART_LINKS    4096u /* a continuation part */
#define CAIRN_GRAPH_CHUNK_STRINGS 512u
#define CAIRN_GRAPH_STRING_MOST   1024u  /* bytes; longer ones are cut */
#define CAIRN_GRAPH_PART_KEYS     65536u /* identities a chunk */

/* Not a number of an object. As a dominator: several roots hold it in different ways (ROOTS), no root does (GARBAGE). */
#define CAIRN_NO_OBJECT            UINT32_MAX
#define CAIRN_DOMINATED_BY_ROOTS   UINT32_MAX
#define CAIRN_DOMINATED_BY_GARBAGE (UINT32_MAX - 1)
#define CAIRN_NO_SERIAL            UINT64_MAX

/* What LeakSanitizer calls them. Definite: nothing else that no root reaches leads to it. All of a cycle is indirect. */
enum cairn_object_class {
    CAIRN_OBJECT_REACHABLE = 0,
    CAIRN_OBJECT_DEFINITE = 1,
    CAIRN_OBJECT_INDIRECT = 2,
    CAIRN_OBJECT_CLASSES
};

enum cairn_graph_node_flag {
    CAIRN_GRAPH_SHARED_KIND =
        1u << 0, /* a type, module or function: deep sizes do not enter it unless it is the start */
    CAIRN_GRAPH_TRACKED = 1u << 1, /* known to Python's collector */
    CAIRN_GRAPH_GARBAGE = 1u << 2, /* in gc.garbage */
};

/* Weak edges keep nothing alive: they are stored, and left out of everything that is derived. */
enum cairn_graph_confidence {
    CAIRN_EDGE_EXACT = 0,
    CAIRN_EDGE_INTERIOR = 1,
    CAIRN_EDGE_DOUBTFUL = 2,
    CAIRN_EDGE_WEAK = 3
};

/* How an edge is named: 0 not at all; otherwise bit 0 says what the rest is, a string's number or an index. */
#define CAIRN_LABEL_NONE          0u
#define CAIRN_LABEL_STRING(n)     ((uint32_t)(n) << 1)
#define CAIRN_LABEL_INDEX(n)      ((uint32_t)(n) << 1 | 1u)
#define CAIRN_LABEL_IS_INDEX(l)   (((l)&1u) != 0)
#define CAIRN_LABEL_NUMBER(l)     ((l) >> 1)
#define CAIRN_LABEL_LARGEST_INDEX (UINT32_MAX >> 1)

struct cairn_object {
    uint64_t address, shallow_bytes;
    uint64_t block_bytes; /* of its recorded blocks; 0: none is known */
    uint64_t retained_bytes;
    uint64_t serial; /* ordinal of the event that made its block, or CAIRN_NO_SERIAL */
    uint32_t id;
    uint32_t account;   /* 0: not known */
    uint32_t type;      /* a type's number */
    uint32_t label;     /* a string's number */
    uint32_t dominator; /* an object, or one of CAIRN_DOMINATED_BY_… */
    uint32_t parent;    /* the next object on a shortest way up to a root; CAIRN_NO_OBJECT: none is */
    uint32_t parent_label;
    uint32_t root;  /* number + 1 of the first root that names it; 0: none does */
    uint32_t cycle; /* number + 1 of the cycle it is in; 0: in none */
    uint32_t referents, referrers;
    uint8_t parent_confidence; /* enum cairn_graph_confidence */
    uint8_t lang;              /* enum cairn_lang */
    uint8_t class;             /* enum cairn_object_class */
    uint8_t flags;             /* enum cairn_graph_node_flag */
};

/* Lists of objects, each in its order of retained size, largest first. */
enum cairn_graph_links {
    CAIRN_LINKS_REFERENTS = 0, /* a row an object */
    CAIRN_LINKS_REFERRERS = 1, /* a row an object */
    CAIRN_LINKS_DOMINATED =
        2, /* a row an object, one for what no single object holds, one for what no root reaches */
    CAIRN_LINKS_TYPES = 3,    /* a row a type */
    CAIRN_LINKS_CYCLES = 4,   /* a row a cycle */
    CAIRN_LINKS_ACCOUNTS = 5, /* a row an account, from account 1 on */
    CAIRN_LINKS_LEAKS = 6,    /* a row of all definite and one of all indirect ones */
    CAIRN_LINKS_KINDS
};

/* Whether its links carry labels and confidences; elsewhere they are 0. */
static inline bool cairn_links_have_labels(enum cairn_graph_links kind)
{
    return kind <= CAIRN_LINKS_REFERRERS;
}

struct cairn_link {
    uint32_t object;
    uint32_t label;
    uint8_t confidence;
};

struct cairn_graph_info {
    uint32_t graph, process, snapshot; /* snapshot 0: NULL */
    int64_t t_ns, pause_ns;
    const char *name;
    uint32_t objects, edges, roots, types, strings, cycles, accounts;
    int64_t shallow_bytes;
    int64_t definite_objects, definite_bytes, indirect_objects, indirect_bytes;
};

struct cairn_graph_type {
    uint32_t type;
    const char *name;
    int lang; /* enum cairn_lang */
    int64_t count, shallow_bytes, retained_bytes;
};

struct cairn_graph_root_row {
    uint32_t root, object;
    const char *kind, *name;
};

/* What one account's objects of a type and class come to. */
struct cairn_graph_account {
    uint32_t account, type;
    int class; /* enum cairn_object_class */
    int64_t objects, blocks, bytes;
    int64_t oldest_serial; /* or CAIRN_UNKNOWN */
};

/* Who is who in another graph of the same process: serial << 1, or, of an object whose block was not recorded,
 * address << 1 | 1. */
struct cairn_graph_key {
    uint32_t type;
    uint64_t key;
};

#endif
