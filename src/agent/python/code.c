#include "agent/python/code.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "agent/machine.h"
#include "agent/memory.h"
#include "agent/python/objects.h"

#define SLOTS       (1u << 18)
#define SLOTS_TRIED 256u
#define NUMBER_BITS 20u /* of an entry; above them the address, in units of 8 bytes */
#define CODES_MAX   (SLOTS / 4 * 3)
/* How often a thread asks for the lock before it does without: the holder may be waiting for room in its ring. */
#define LOCK_TRIES 2000u
#define SPINS_EACH 50u
/* A byte for each region of addresses, many regions a byte: whether a code object may lie there. */
#define REGION_SHIFT 10u
#define REGIONS      (1u << 15)

/* Code objects by address. An entry is one word, so that it is read without the lock:
 *
 *   0 (never used) ──add──► address | number ──the code object is freed──► GONE ──add──► …
 *
 * An address is looked up only while its code object is alive, so its entry cannot go meanwhile. */
typedef uint64_t entry_word;
#define GONE ((entry_word)1 << NUMBER_BITS)

struct code_table {
    _Atomic uint32_t lock;
    uint32_t count;
    _Atomic uint8_t regions[REGIONS];
    _Atomic entry_word entries[SLOTS];
    /* Under the lock: numbers by what was told of them. Code that is made again and again (exec, a class body in a function)
     * gets the number it had. */
    struct {
        uint64_t hash;
        uint32_t number; /* 0: free */
    } contents[SLOTS];
};

static struct code_table *table;
_Atomic uint32_t cairn_python_code_generation;

bool cairn_python_code_setup(void)
{
    if (!table) {
        table = cairn_memory_map_wiped(sizeof *table);
    }
    return table != NULL;
}

/* Neighbours in memory are neighbours in the table: their entries share cache lines and pages. */
static uint32_t slot_of(uintptr_t code)
{
    return (uint32_t)(code >> 6) & (SLOTS - 1);
}

static _Atomic uint8_t *region_of(uintptr_t code)
{
    return &table->regions[code >> REGION_SHIFT & (REGIONS - 1)];
}

/* The entry of `code` and its number, or NULL with *room where one may go (NULL: nowhere). Pairs with the release store of
 * add(). */
static _Atomic entry_word *find(uintptr_t code, uint32_t *number, _Atomic entry_word **room)
{
    const uint32_t first = slot_of(code);
    *room = NULL;
    for (uint32_t i = 0; i < SLOTS_TRIED; i++) {
        _Atomic entry_word *entry = &table->entries[(first + i) & (SLOTS - 1)];
        const entry_word word = atomic_load_explicit(entry, memory_order_acquire);
        if (word >> NUMBER_BITS == code >> 3) {
            *number = (uint32_t)word & ((1u << NUMBER_BITS) - 1);
            return entry;
        }
        if ((word == 0 || word == GONE) && !*room) {
            *room = entry;
        }
        if (word == 0) {
            break;
        }
    }
    return NULL;
}

static bool take_lock(void)
{
    for (unsigned i = 0; i < LOCK_TRIES; i++) {
        if (atomic_exchange_explicit(&table->lock, 1, memory_order_acquire) == 0) {
            return true;
        }
        for (unsigned k = 0; k < SPINS_EACH; k++) {
            cairn_machine_relax();
        }
        cairn_syscall3(SYS_sched_yield, 0, 0, 0);
    }
    return false;
}

/* A TEXT record: its head, then room for `bytes` bytes, zeroed to whole words. NULL when the recording is over. */
static char *begin_text(struct cairn_ring_writer *writer, enum cairn_text_kind kind, uint64_t second,
                        uint64_t third, uint32_t bytes)
{
    uint64_t *record = cairn_ring_writer_reserve(writer, 4 + (bytes + 7) / 8);
    if (!record) {
        return NULL;
    }
    record[0] = cairn_record_word0(CAIRN_RECORD_TEXT, writer->last_stamp);
    record[1] = bytes | (uint64_t)kind << 32;
    record[2] = second;
    record[3] = third;
    if (bytes > 0) {
        record[3 + (bytes + 7) / 8] = 0;
    }
    return (char *)&record[4];
}

#define NAMES_MAX_BYTES 4096u
#define PIECE_MAX_BYTES 4096u

/* What is told of a code object: file and name as "file NUL name", then its first line and its line table. */
struct description {
    uint32_t names_bytes, first_line;
    size_t lines_bytes;
    const char *lines;
    char names[NAMES_MAX_BYTES];
};

static void describe(const struct cairn_python_layout *layout, uintptr_t code, struct description *told)
{
    const uintptr_t lines = cairn_python_word(code, layout->code_lines);
    const size_t file_bytes = cairn_python_text(layout, cairn_python_word(code, layout->code_filename),
                                                told->names, sizeof told->names / 2);
    char *name = told->names + file_bytes;
    *name++ = '\0';
    const size_t name_bytes = cairn_python_text(layout, cairn_python_word(code, layout->code_name), name,
                                                sizeof told->names - file_bytes - 1);
    told->names_bytes = (uint32_t)(file_bytes + 1 + name_bytes);
    told->first_line = (uint32_t)cairn_python_int(code, layout->code_first_line);
    told->lines_bytes = cairn_python_word(lines, CAIRN_PYTHON_SIZE);
    told->lines = (const char *)lines + CAIRN_PYTHON_BYTES_DATA;
}

/* FNV-1a. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count)
{
    for (const uint8_t *at = bytes, *end = at + count; at < end; at++) {
        hash = (hash ^ *at) * 0x100000001b3u;
    }
    return hash;
}

static uint64_t hash_of(const struct description *told)
{
    uint64_t hash = hash_bytes(0xcbf29ce484222325u, &told->first_line, sizeof told->first_line);
    hash = hash_bytes(hash, told->names, told->names_bytes);
    return hash_bytes(hash, told->lines, told->lines_bytes);
}

static bool tell(const struct cairn_python_layout *layout, const struct description *told, uint32_t number,
                 struct cairn_ring_writer *writer)
{
    char *text = begin_text(writer, CAIRN_TEXT_PYTHON_CODE, number,
                            told->first_line | (uint64_t)layout->minor << 32, told->names_bytes);
    if (!text) {
        return false;
    }
    memcpy(text, told->names, told->names_bytes);
    cairn_ring_writer_commit(writer, 4 + (told->names_bytes + 7) / 8);
    for (size_t at = 0; at < told->lines_bytes; at += PIECE_MAX_BYTES) {
        const size_t left = told->lines_bytes - at;
        const uint32_t piece = left < PIECE_MAX_BYTES ? (uint32_t)left : PIECE_MAX_BYTES;
        text = begin_text(writer, CAIRN_TEXT_PYTHON_LINES, number, at | (uint64_t)told->lines_bytes << 32,
                          piece);
        if (!text) {
            return false;
        }
        memcpy(text, told->lines + at, piece);
        cairn_ring_writer_commit(writer, 4 + (piece + 7) / 8);
    }
    return true;
}

/* The number of what `told` says, told now where it is new; 0 when there is none left or the recording is over. */
static uint32_t number_of(const struct cairn_python_layout *layout, const struct description *told,
                          struct cairn_ring_writer *writer)
{
    const uint64_t hash = hash_of(told);
    uint32_t slot = (uint32_t)(hash >> 20) & (SLOTS - 1);
    for (; table->contents[slot].number; slot = (slot + 1) & (SLOTS - 1)) {
        if (table->contents[slot].hash == hash) {
            return table->contents[slot].number;
        }
    }
    if (table->count == CODES_MAX || !tell(layout, told, table->count + 1, writer)) {
        return 0;
    }
    table->contents[slot].hash = hash;
    table->contents[slot].number = ++table->count;
    return table->count;
}

static uint32_t add(const struct cairn_python_layout *layout, uintptr_t code,
                    struct cairn_ring_writer *writer)
{
    struct description told;
    _Atomic entry_word *room;
    uint32_t number;
    if (!take_lock()) {
        return 0;
    }
    if (!find(code, &number, &room)) {
        describe(layout, code, &told);
        number = number_of(layout, &told, writer);
        if (number && room) {
            atomic_store_explicit(region_of(code), 1, memory_order_relaxed);
            atomic_store_explicit(room, (entry_word)(code >> 3) << NUMBER_BITS | number,
                                  memory_order_release);
        }
    }
    atomic_store_explicit(&table->lock, 0, memory_order_release);
    return number;
}

uint32_t cairn_python_code_number(const struct cairn_python_layout *layout, uintptr_t code,
                                  struct cairn_ring_writer *writer)
{
    _Atomic entry_word *room;
    uint32_t number;
    return find(code, &number, &room) ? number : add(layout, code, writer);
}

void cairn_python_code_freed(const void *block)
{
    const uintptr_t code = (uintptr_t)block;
    _Atomic entry_word *room;
    uint32_t number;
    if (!table || !atomic_load_explicit(region_of(code), memory_order_relaxed)) {
        return;
    }
    _Atomic entry_word *entry = find(code, &number, &room);
    if (entry) {
        atomic_store_explicit(entry, GONE, memory_order_release);
        atomic_fetch_add_explicit(&cairn_python_code_generation, 1, memory_order_relaxed);
    }
}

void cairn_python_code_forget(void)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (atomic_load_explicit(&table->entries[i], memory_order_relaxed) != 0) {
            atomic_store_explicit(&table->entries[i], GONE, memory_order_release);
        }
    }
    atomic_fetch_add_explicit(&cairn_python_code_generation, 1, memory_order_relaxed);
}

void cairn_python_code_restart(void)
{
    cairn_memory_wipe(table, sizeof *table);
    atomic_fetch_add_explicit(&cairn_python_code_generation, 1, memory_order_relaxed);
}
