#include "trace/sql_grouped.h"

#include <stdlib.h>
#include <string.h>

#define MOST_BYTES ((size_t)256 << 20)
#define AHEAD      24u /* rows that are on their way from memory: more than half of the time would be waiting */
#define DIGIT_BITS 16u
#define DIGITS     (1u << DIGIT_BITS)

/* The parts of an event that a row may have. */
enum part { ORDINAL = 0, KIND, FLAGS, T_NS, SIZE, BIRTH, OLD_SIZE, ACCOUNT, OLD_ACCOUNT, PARTS };

/* A row is packed: rows are looked at in a random order, so each is one look into memory. */
struct cairn_sql_grouped {
    uint64_t first;
    size_t count;
    size_t at[PARTS]; /* of a part in a row; NOWHERE: nobody asked */
    size_t row_bytes;
    char *rows;
    uint32_t *order, *spare;
    uint32_t *starts; /* where each digit's rows go in one pass */
};

#define NOWHERE SIZE_MAX

/* Which column brings which part in; without one it is always there. Kinds say which values are NULL. */
static const struct {
    size_t bytes;
    unsigned columns;
} parts[PARTS] = {
    [ORDINAL] = {sizeof(uint32_t), 0},
    [KIND] = {sizeof(uint8_t), 0},
    [FLAGS] = {sizeof(uint8_t), 1u << CAIRN_SQL_TEMPORARY},
    [T_NS] = {sizeof(uint64_t), 1u << CAIRN_SQL_T_NS},
    [SIZE] = {sizeof(uint64_t), 1u << CAIRN_SQL_SIZE},
    [BIRTH] = {sizeof(uint64_t), 1u << CAIRN_SQL_BIRTH},
    [OLD_SIZE] = {sizeof(uint64_t), 1u << CAIRN_SQL_OLD_SIZE},
    [ACCOUNT] = {sizeof(uint32_t), 1u << CAIRN_SQL_ACCOUNT | 1u << CAIRN_SQL_PROCESS},
    [OLD_ACCOUNT] = {sizeof(uint32_t), 1u << CAIRN_SQL_OLD_ACCOUNT},
};

/* The bytes of a row, and where its parts are. */
static size_t lay_out(unsigned columns, size_t at[PARTS])
{
    size_t bytes = 0;
    for (size_t i = 0; i < PARTS; i++) {
        const bool wanted = parts[i].columns == 0 || (parts[i].columns & columns);
        at[i] = wanted ? bytes : NOWHERE;
        bytes += wanted ? parts[i].bytes : 0;
    }
    return bytes;
}

bool cairn_sql_groupable(uint64_t events, unsigned columns)
{
    size_t at[PARTS];
    return events <= MOST_BYTES / (lay_out(columns, at) + 2 * sizeof(uint32_t));
}

struct cairn_sql_grouped *cairn_sql_grouped_new(uint64_t first, size_t capacity, unsigned columns)
{
    struct cairn_sql_grouped *made = calloc(1, sizeof(*made));
    if (!made || !cairn_sql_groupable(capacity, columns)) {
        free(made);
        return NULL;
    }
    made->first = first;
    made->row_bytes = lay_out(columns, made->at);
    made->rows = malloc(capacity * made->row_bytes + 1);
    made->order = malloc(capacity * sizeof(*made->order) + 1);
    made->spare = malloc(capacity * sizeof(*made->spare) + 1);
    made->starts = malloc(DIGITS * sizeof(*made->starts));
    if (!made->rows || !made->order || !made->spare || !made->starts) {
        cairn_sql_grouped_free(made);
        return NULL;
    }
    return made;
}

void cairn_sql_grouped_free(struct cairn_sql_grouped *grouped)
{
    if (grouped) {
        free(grouped->rows);
        free(grouped->order);
        free(grouped->spare);
        free(grouped->starts);
        free(grouped);
    }
}

static void put(struct cairn_sql_grouped *grouped, char *row, enum part part, uint64_t value)
{
    /* All machines that are recorded have the low bytes first. */
    if (grouped->at[part] != NOWHERE) {
        memcpy(row + grouped->at[part], &value, parts[part].bytes);
    }
}

static uint64_t get(const struct cairn_sql_grouped *grouped, const char *row, enum part part)
{
    uint64_t wide;
    uint32_t narrow;
    if (grouped->at[part] == NOWHERE) {
        return 0;
    }
    const char *from = row + grouped->at[part];
    switch (parts[part].bytes) {
    case sizeof(wide):
        memcpy(&wide, from, sizeof(wide));
        return wide;
    case sizeof(narrow):
        memcpy(&narrow, from, sizeof(narrow));
        return narrow;
    default:
        return (uint8_t)*from;
    }
}

void cairn_sql_grouped_add(struct cairn_sql_grouped *grouped, uint64_t ordinal,
                           const struct cairn_event *event)
{
    const size_t at = grouped->count++;
    char *row = grouped->rows + at * grouped->row_bytes;
    grouped->order[at] = (uint32_t)at;
    put(grouped, row, ORDINAL, ordinal - grouped->first);
    put(grouped, row, KIND, event->kind);
    put(grouped, row, FLAGS, event->flags);
    put(grouped, row, T_NS, event->t_ns);
    put(grouped, row, SIZE, event->size);
    put(grouped, row, BIRTH, event->birth);
    put(grouped, row, OLD_SIZE, event->old_size);
    put(grouped, row, ACCOUNT, event->account);
    put(grouped, row, OLD_ACCOUNT, event->old_account);
}

static void read_row(const struct cairn_sql_grouped *grouped, size_t at, uint64_t *ordinal,
                     struct cairn_event *event)
{
    const char *row = grouped->rows + at * grouped->row_bytes;
    *ordinal = grouped->first + get(grouped, row, ORDINAL);
    *event = (struct cairn_event){
        .kind = (uint8_t)get(grouped, row, KIND),
        .flags = (uint8_t)get(grouped, row, FLAGS),
        .t_ns = get(grouped, row, T_NS),
        .size = get(grouped, row, SIZE),
        .birth = get(grouped, row, BIRTH),
        .old_size = get(grouped, row, OLD_SIZE),
        .account = (uint32_t)get(grouped, row, ACCOUNT),
        .old_account = (uint32_t)get(grouped, row, OLD_ACCOUNT),
    };
}

bool cairn_sql_grouped_get(const struct cairn_sql_grouped *grouped, size_t at, uint64_t *ordinal,
                           struct cairn_event *event)
{
    if (at >= grouped->count) {
        return false;
    }
    if (at + AHEAD < grouped->count) {
        __builtin_prefetch(grouped->rows + grouped->order[at + AHEAD] * grouped->row_bytes);
    }
    read_row(grouped, grouped->order[at], ordinal, event);
    return true;
}

uint64_t cairn_sql_value(const struct cairn_event *event, uint64_t ordinal, enum cairn_sql_column column)
{
    const bool realloc_event = event->kind == CAIRN_EVENT_REALLOC, end = event->kind == CAIRN_EVENT_END;
    switch (column) {
    case CAIRN_SQL_EVENT:
        return ordinal;
    case CAIRN_SQL_T_NS:
        return event->t_ns;
    case CAIRN_SQL_KIND:
        return event->kind;
    case CAIRN_SQL_ACCOUNT:
        return end ? UINT64_MAX : event->account;
    case CAIRN_SQL_SIZE:
        return end ? UINT64_MAX : event->size;
    case CAIRN_SQL_BIRTH:
        return end || event->kind == CAIRN_EVENT_ALLOC ? UINT64_MAX : event->birth;
    case CAIRN_SQL_OLD_ACCOUNT:
        return realloc_event ? event->old_account : UINT64_MAX;
    case CAIRN_SQL_OLD_SIZE:
        return realloc_event ? event->old_size : UINT64_MAX;
    case CAIRN_SQL_TEMPORARY:
        return (event->flags & CAIRN_EVENT_TEMPORARY) != 0;
    case CAIRN_SQL_PROCESS:
        return end ? event->account : UINT64_MAX;
    case CAIRN_SQL_COLUMNS:
        break;
    }
    return UINT64_MAX;
}

static uint64_t key_of(const struct cairn_sql_grouped *grouped, size_t at, enum cairn_sql_column column)
{
    uint64_t ordinal;
    struct cairn_event event;
    read_row(grouped, at, &ordinal, &event);
    return cairn_sql_value(&event, ordinal, column);
}

/* One pass of a radix sort, which keeps the order of equals (Knuth, The Art of Computer Programming, 5.2.5). */
static void pass(struct cairn_sql_grouped *grouped, enum cairn_sql_column column, unsigned shift)
{
    uint32_t *const starts = grouped->starts;
    memset(starts, 0, DIGITS * sizeof(*starts));
    for (size_t i = 0; i < grouped->count; i++) {
        starts[key_of(grouped, i, column) >> shift & (DIGITS - 1)]++;
    }
    uint32_t sum = 0;
    for (size_t digit = 0; digit < DIGITS; digit++) {
        const uint32_t count = starts[digit];
        starts[digit] = sum;
        sum += count;
    }
    for (size_t i = 0; i < grouped->count; i++) {
        const uint32_t row = grouped->order[i];
        grouped->spare[starts[key_of(grouped, row, column) >> shift & (DIGITS - 1)]++] = row;
    }
    uint32_t *const sorted = grouped->spare;
    grouped->spare = grouped->order;
    grouped->order = sorted;
}

void cairn_sql_grouped_sort(struct cairn_sql_grouped *grouped, const enum cairn_sql_column *by, size_t count)
{
    for (size_t k = count; grouped->count > 1 && k-- > 0;) {
        uint64_t differing = 0;
        const uint64_t one = key_of(grouped, 0, by[k]);
        for (size_t i = 1; i < grouped->count; i++) {
            differing |= key_of(grouped, i, by[k]) ^ one;
        }
        for (unsigned shift = 0; shift < 64; shift += DIGIT_BITS) {
            if (differing >> shift & (DIGITS - 1)) {
                pass(grouped, by[k], shift);
            }
        }
    }
}
