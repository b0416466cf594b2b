/* What encoder and decoder of a chunk both know after each event, so that the next one can be said in a few bits.
 * Both sides must make the same calls in the same order. Used by the event codec only.
 *
 * Accounts: those of the chunk are numbered 1, 2, 3, … in order of appearance ("local" numbers). Programs run in loops,
 * so the account is predicted from what followed the last two, then from what followed the last one; the size is the
 * one that this account had before.
 *
 * Live blocks: those born in the chunk, in order of birth. Most frees are of the newest ones (temporaries, stacks of
 * scopes) or next to the block freed before (the teardown of a structure, forwards or backwards). */
#ifndef CAIRN_TRACE_EVENT_MODEL_H
#define CAIRN_TRACE_EVENT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAIRN_MODEL_PAIRS 4096u /* a power of two */

struct cairn_local_account {
    uint64_t last_size;
    uint32_t account;  /* its number in the trace */
    uint32_t follower; /* local account that came after it the last time; 0: none yet */
};

struct cairn_account_model {
    struct cairn_local_account *local; /* local[0] stands for "none" */
    size_t capacity;
    uint32_t count;                    /* the highest local number */
    uint32_t last, before_last;        /* local numbers */
    uint32_t pairs[CAIRN_MODEL_PAIRS]; /* by hash of (last, before_last): what followed */
};

/* `most`: how many accounts can appear. `model` is zeroed, or was used before: then its memory is used again. False when
 * memory ran out. */
bool cairn_account_model_init(struct cairn_account_model *model, size_t most);
void cairn_account_model_release(struct cairn_account_model *model);

static inline uint32_t *cairn_account_model_pair(struct cairn_account_model *model)
{
    const uint32_t hash = (model->last * 0x9e3779b1u) ^ (model->before_last * 0x85ebca6bu);
    return &model->pairs[(hash ^ hash >> 15) & (CAIRN_MODEL_PAIRS - 1)];
}

static inline void cairn_account_model_follow(struct cairn_account_model *model, uint32_t *pair,
                                              uint32_t local)
{
    *pair = local;
    model->local[model->last].follower = local;
    model->before_last = model->last;
    model->last = local;
}

/* A new local number. */
static inline uint32_t cairn_account_model_add(struct cairn_account_model *model, uint32_t account)
{
    const uint32_t local = ++model->count;
    model->local[local] = (struct cairn_local_account){.account = account};
    return local;
}

#define CAIRN_LIVE_NONE UINT32_MAX

/* A ring through node 0; nodes are event's index + 1. older[n] is CAIRN_LIVE_NONE for what is not live. */
struct cairn_live_model {
    uint32_t *older, *newer;
    size_t capacity;      /* of nodes */
    uint32_t cursor;      /* the node older than the one freed last; 0 when there is none */
    uint32_t newest_from; /* what is at one of the newest places is this node or a newer one */
};

/* As cairn_account_model_init. */
bool cairn_live_model_init(struct cairn_live_model *model, size_t events);
void cairn_live_model_release(struct cairn_live_model *model);

static inline void cairn_live_model_born(struct cairn_live_model *model, uint32_t node)
{
    const uint32_t newest = model->older[0];
    model->older[node] = newest;
    model->newer[node] = 0;
    model->newer[newest] = node;
    model->older[0] = node;
}

static inline void cairn_live_model_freed(struct cairn_live_model *model, uint32_t node)
{
    const uint32_t older = model->older[node], newer = model->newer[node];
    model->newer[older] = newer;
    model->older[newer] = older;
    model->older[node] = CAIRN_LIVE_NONE;
    model->cursor = older;
}

/* Places that a near free can name in its op: the newest block and those older than it, then from the cursor on
 * outwards to the older and to the newer side. */
#define CAIRN_PLACE_NEWEST 0u
#define CAIRN_PLACE_OLDER  4u
#define CAIRN_PLACE_NEWER  7u
#define CAIRN_PLACE_COUNT  10u /* this number itself: none of them, the distance is in the births column */

/* The node at `place`; 0 when there is none. */
uint32_t cairn_live_model_at(const struct cairn_live_model *model, unsigned place);

/* The first place where `node`, which is live, is, or CAIRN_PLACE_COUNT. Nodes are in order in the ring: who is older than one that
 * was the last of the newest once need not be looked for among them. */
static inline __attribute__((always_inline)) unsigned cairn_live_model_place(struct cairn_live_model *model,
                                                                             uint32_t node)
{
    const uint32_t *const older = model->older, *const newer = model->newer;
    if (node >= model->newest_from) {
        uint32_t newest = older[0];
        for (unsigned place = CAIRN_PLACE_NEWEST;; place++, newest = older[newest]) {
            if (newest == node) {
                model->newest_from = 0; /* when it is freed others move up */
                return place;
            }
            if (place == CAIRN_PLACE_OLDER - 1) {
                break;
            }
        }
        model->newest_from = newest;
    }
    uint32_t at = model->cursor;
    for (unsigned place = CAIRN_PLACE_OLDER; place < CAIRN_PLACE_NEWER; place++, at = older[at]) {
        if (at == node) {
            return place;
        }
    }
    at = newer[model->cursor];
    for (unsigned place = CAIRN_PLACE_NEWER; place < CAIRN_PLACE_COUNT; place++, at = newer[at]) {
        if (at == node) {
            return place;
        }
    }
    return CAIRN_PLACE_COUNT;
}

/* One byte an event. REALLOC is followed by the byte of its new side, which is an allocation's. */
enum cairn_op {
    CAIRN_OP_ALLOC = 0x00, /* + enum cairn_op_account + CAIRN_OP_SIZE */
    CAIRN_OP_ALLOC_COUNT = 0x08,
    CAIRN_OP_BY_REALLOC = 0x08, /* + an ALLOC's */
    CAIRN_OP_END = 0x10,        /* the process is in the accounts column */
    CAIRN_OP_FREE = 0x20,       /* + place */
    CAIRN_OP_FREE_TEMPORARY = 0x30,
    CAIRN_OP_REALLOC = 0x40,
    CAIRN_OP_REALLOC_TEMPORARY = 0x50,
};

enum cairn_op_account {
    CAIRN_OP_BY_PAIR = 0,
    CAIRN_OP_BY_LAST = 1,
    CAIRN_OP_BY_NUMBER = 2, /* local number; 0 and the account's own number for a new one */
    CAIRN_OP_ACCOUNT_MASK = 3,
};
#define CAIRN_OP_SIZE 4u /* the size is in the sizes column */

/* Far events: kind in the high half, account and size as above in the low one, predicted from the far event before. */
enum cairn_far_op {
    CAIRN_FAR_FREE = 0x00,
    CAIRN_FAR_REALLOC = 0x10, /* its new side has a byte in the ops column */
    CAIRN_FAR_SHRINK = 0x20,
    CAIRN_FAR_LOST = 0x30,
    CAIRN_FAR_ADOPT = 0x40, /* makes a block as well */
    CAIRN_FAR_TEMPORARY = 0x08,
    CAIRN_FAR_OP_COUNT = 0x50,
};

#endif
