/* The tables that are kept as arrays: what each is asked for, and how a row is read and checked. Private to the reader. */
#ifndef CAIRN_TRACE_DESCRIBED_H
#define CAIRN_TRACE_DESCRIBED_H

#include "trace/reader.h"

/* How a table becomes an array. Its SQL orders by the key, which is the row's first member where `compare` is NULL. */
struct cairn_description {
    const char *subject, *sql;
    size_t row_size;
    void (*read)(struct cairn_cursor *cursor, void *row);
    int (*compare)(const void *a, const void *b);
    enum cairn_status (*check)(struct cairn_trace *trace, struct cairn_table *table,
                               struct cairn_error *error);
};

extern const struct cairn_description cairn_descriptions[CAIRN_TABLE_COUNT];

#endif
