#include "collector/ring_reader.h"

#include <stdlib.h>
#include <string.h>

/* While a ring's records wait for a slower ring, at most this much is kept; then its thread waits. */
#define MAX_STAGED_WORDS ((size_t)4 << 17) /* 4 MiB */
#define FIRST_WORDS      ((size_t)4096)
/* A look takes at most this much, so that what was copied is still in the processor's caches when it is applied. */
#define PIECE_BYTES ((uint64_t)CAIRN_RING_PIECE_BYTES)
_Static_assert(PIECE_BYTES > 2 * 8 * CAIRN_RECORD_MAX_WORDS,
               "a piece holds a whole record wherever it begins");

/* Fixed sizes in words; 0: by its text, or invalid. */
static const uint8_t fixed_words[CAIRN_RECORD_KIND_COUNT] = {
    [CAIRN_RECORD_ALLOC] = 3,         [CAIRN_RECORD_FREE] = 2,           [CAIRN_RECORD_REALLOC_END] = 3,
    [CAIRN_RECORD_REALLOC_BEGIN] = 2, [CAIRN_RECORD_REALLOC_CANCEL] = 1, [CAIRN_RECORD_NODE] = 3,
    [CAIRN_RECORD_NODE_RESET] = 1,    [CAIRN_RECORD_REALLOC_ALONE] = 3,  [CAIRN_RECORD_REALLOC_GONE] = 1,
    [CAIRN_RECORD_MAP] = 4,           [CAIRN_RECORD_UNMAP] = 3,          [CAIRN_RECORD_REMAP] = 5,
    [CAIRN_RECORD_BREAK] = 3,         [CAIRN_RECORD_THREAD_START] = 2,   [CAIRN_RECORD_THREAD_END] = 1,
    [CAIRN_RECORD_FORK] = 2,          [CAIRN_RECORD_EXIT] = 2,           [CAIRN_RECORD_EXEC] = 1,
    [CAIRN_RECORD_EXEC_FAILED] = 1,   [CAIRN_RECORD_MODULE_GONE] = 2,    [CAIRN_RECORD_PAUSE] = 2,
    [CAIRN_RECORD_FORK_DONE] = 3,     [CAIRN_RECORD_REALLOC] = 4,
};

#define TEXT_HEAD_WORDS   4u
#define MODULE_HEAD_WORDS 6u

uint32_t cairn_record_words(const uint64_t *record, size_t available)
{
    const enum cairn_record_kind kind = cairn_record_kind(record);
    if (kind == CAIRN_RECORD_PAD || kind >= CAIRN_RECORD_KIND_COUNT) {
        return 0;
    }
    uint32_t words = fixed_words[kind];
    if (words == 0) {
        const uint32_t head = kind == CAIRN_RECORD_MODULE ? MODULE_HEAD_WORDS : TEXT_HEAD_WORDS;
        if (available < head) {
            return 0;
        }
        const uint32_t text_bytes = (uint32_t)record[1];
        if (text_bytes > (CAIRN_RECORD_MAX_WORDS - head) * 8) {
            return 0;
        }
        words = head + (text_bytes + 7) / 8;
    }
    return words <= available ? words : 0;
}

void cairn_ring_reader_init(struct cairn_ring_reader *reader, struct cairn_ring_control *control,
                            const uint64_t *words)
{
    *reader = (struct cairn_ring_reader){.control = control, .words = words};
}

void cairn_ring_reader_release(struct cairn_ring_reader *reader)
{
    free(reader->staged);
    reader->staged = NULL;
    reader->capacity = 0;
    reader->begin = 0;
    reader->end = 0;
}

/* Room for `words` more behind `end`; false when memory ran out. */
static bool make_room(struct cairn_ring_reader *reader, size_t words)
{
    if (reader->begin == reader->end) {
        reader->begin = 0;
        reader->end = 0;
    }
    if (reader->end + words <= reader->capacity) {
        return true;
    }
    const size_t waiting = reader->end - reader->begin;
    if (waiting) {
        memmove(reader->staged, reader->staged + reader->begin, waiting * 8);
    }
    reader->begin = 0;
    reader->end = waiting;
    if (waiting + words <= reader->capacity) {
        return true;
    }
    size_t capacity = reader->capacity ? reader->capacity : FIRST_WORDS;
    while (capacity < waiting + words) {
        capacity *= 2;
    }
    uint64_t *grown = realloc(reader->staged, capacity * 8);
    if (!grown) {
        return false;
    }
    reader->staged = grown;
    reader->capacity = capacity;
    return true;
}

/* Stamps of a ring never decrease: a record that says otherwise gets the newest one. Returns the newest now. */
static inline uint64_t put_in_order(uint64_t *record, uint64_t newest)
{
    const uint64_t stamp = cairn_record_stamp(record);
    if (__builtin_expect(stamp >= newest, 1)) {
        return stamp;
    }
    record[0] = newest << 8 | (record[0] & 0xff);
    return newest;
}

/* Checks records about blocks from word `at` on, as long as there are any. Returns where the rest begins. */
static size_t check_blocks(struct cairn_ring_reader *reader, uint64_t *copy, size_t at, size_t words)
{
    uint64_t newest = reader->newest_stamp;
    while (at + CAIRN_RECORD_BLOCK_WORDS <= words) {
        const uint32_t size = cairn_record_block_words(copy + at);
        if (size == 0) {
            break;
        }
        newest = put_in_order(copy + at, newest);
        at += size;
    }
    reader->newest_stamp = newest;
    return at;
}

/* Copies a piece of the ring that does not wrap and checks it record by record; false at the first that is none. `cut`:
 * the piece ends where more follows, perhaps inside a record. Sets how many words were taken. */
static bool take_piece(struct cairn_ring_reader *reader, size_t position, size_t words, bool reaches_end,
                       bool cut, size_t *taken)
{
    uint64_t *copy = reader->staged + reader->end;
    memcpy(copy, reader->words + position, words * 8);
    for (size_t at = 0;;) {
        at = check_blocks(reader, copy, at, words);
        *taken = at;
        reader->end = (size_t)(copy - reader->staged) + at;
        if (at == words) {
            return true;
        }
        if (cairn_record_kind(copy + at) == CAIRN_RECORD_PAD) {
            /* Fills the ring up to its end, so it must be the last of a piece that reaches it: the next, if this is cut. */
            *taken = reaches_end ? words : at;
            return reaches_end || (cut && CAIRN_RING_BYTES / 8 - position - at < CAIRN_RECORD_MAX_WORDS);
        }
        const uint32_t size = cairn_record_words_of(copy + at, words - at);
        if (size == 0) {
            return cut && words - at < CAIRN_RECORD_MAX_WORDS;
        }
        reader->newest_stamp = put_in_order(copy + at, reader->newest_stamp);
        at += size;
    }
}

static void copy_up_to(struct cairn_ring_reader *reader, uint64_t head)
{
    const uint64_t limit = head - reader->tail <= PIECE_BYTES ? head : reader->tail + PIECE_BYTES;
    while (reader->tail < limit && !reader->damaged) {
        const uint64_t position = reader->tail & (CAIRN_RING_BYTES - 1);
        const uint64_t to_end = CAIRN_RING_BYTES - position;
        const uint64_t bytes = limit - reader->tail < to_end ? limit - reader->tail : to_end;
        const bool cut = bytes < to_end && reader->tail + bytes != head;
        size_t taken;
        if (!make_room(reader, bytes / 8)) {
            return; /* its thread waits until there is memory */
        }
        const size_t end_before = reader->end;
        reader->damaged = !take_piece(reader, position / 8, bytes / 8, bytes == to_end, cut, &taken);
        reader->fresh_words += reader->end - end_before;
        if (reader->damaged) {
            return;
        }
        reader->tail += taken * 8;
        if (cut) {
            return;
        }
    }
}

/* While a thread is inside, a record with any stamp from its newest one on may still come. While it is not, nothing
 * stamped before the look will come, give or take the slack that quiet_stamp has in it. */
static void set_bound(struct cairn_ring_reader *reader, uint64_t inside, uint64_t head, uint64_t quiet_stamp)
{
    if (inside == 0) {
        reader->bound = quiet_stamp;
        reader->ignored = false;
    } else if (reader->bound < reader->newest_stamp) {
        reader->bound = reader->newest_stamp;
    }
    if (inside != reader->inside_seen || head != reader->head_seen) {
        reader->inside_seen = inside;
        reader->head_seen = head;
        reader->moved = true;
        reader->ignored = false;
    }
}

size_t cairn_ring_reader_copy(struct cairn_ring_reader *reader, uint64_t quiet_stamp)
{
    reader->moved = false;
    reader->newest_before = reader->newest_stamp;
    reader->fresh_words = 0;
    if (reader->damaged) {
        reader->bound = UINT64_MAX;
        return 0;
    }
    /* `inside` before `head`: a thread that was outside at the first look has committed everything it stamped before.
     * Pairs with the agent's stores: head with release, then inside = 0. */
    const uint64_t inside = atomic_load_explicit(&reader->control->inside, memory_order_acquire);
    const uint64_t head = atomic_load_explicit(&reader->control->head, memory_order_acquire);
    const uint64_t before = reader->tail;
    if (head != before) {
        if (head - before > CAIRN_RING_BYTES || (head & 7) != 0) {
            reader->damaged = true;
            reader->bound = UINT64_MAX;
            return 0;
        }
        if (reader->end - reader->begin <= MAX_STAGED_WORDS) {
            copy_up_to(reader, head);
        }
        /* The bytes were copied: pairs with the agent's acquire load. */
        atomic_store_explicit(&reader->control->tail, reader->tail, memory_order_release);
    }
    if (reader->tail != head && !reader->damaged) {
        /* What was left behind may be as old as the newest that was taken. It is this process that is slow, not the thread. */
        if (reader->bound < reader->newest_stamp) {
            reader->bound = reader->newest_stamp;
        }
        reader->moved = true;
        reader->ignored = false;
    } else {
        set_bound(reader, inside, head, quiet_stamp);
    }
    if (reader->damaged) {
        reader->bound = UINT64_MAX;
    }
    return reader->tail - before;
}

void cairn_ring_reader_hold_back(struct cairn_ring_reader *reader, uint64_t now)
{
    const uint64_t latest = now > reader->newest_before ? now : reader->newest_before;
    for (size_t at = reader->end - reader->fresh_words; at < reader->end;) {
        uint64_t *record = reader->staged + at;
        at += cairn_record_words_checked(record);
        if (cairn_record_stamp(record) > latest) {
            record[0] = latest << 8 | (record[0] & 0xff);
        }
    }
    reader->newest_stamp = reader->newest_stamp < latest ? reader->newest_stamp : latest;
    if (!reader->damaged && reader->bound > latest) {
        reader->bound = latest;
    }
}

bool cairn_ring_reader_has_moved(const struct cairn_ring_reader *reader)
{
    const uint64_t inside = atomic_load_explicit(&reader->control->inside, memory_order_acquire);
    const uint64_t head = atomic_load_explicit(&reader->control->head, memory_order_acquire);
    return inside != reader->inside_seen || head != reader->head_seen;
}

bool cairn_ring_reader_is_empty(const struct cairn_ring_reader *reader)
{
    return reader->begin == reader->end;
}

bool cairn_ring_reader_is_behind(const struct cairn_ring_reader *reader)
{
    return !reader->damaged &&
           reader->tail != atomic_load_explicit(&reader->control->head, memory_order_acquire);
}

void cairn_ring_reader_shrink(struct cairn_ring_reader *reader)
{
    if (reader->begin == reader->end && reader->capacity > FIRST_WORDS) {
        cairn_ring_reader_release(reader);
    }
}
