/* Events in an order in which those with equal values of some columns are next to each other: what GROUP BY and DISTINCT
 * need. SQLite's own sorter takes several times as long. Internal to trace.
 *
 * Of each event only the columns that the statement uses are kept. */
#ifndef CAIRN_TRACE_SQL_GROUPED_H
#define CAIRN_TRACE_SQL_GROUPED_H

#include "trace/event.h"

enum cairn_sql_column {
    CAIRN_SQL_EVENT = 0,
    CAIRN_SQL_T_NS,
    CAIRN_SQL_KIND,
    CAIRN_SQL_ACCOUNT,
    CAIRN_SQL_SIZE,
    CAIRN_SQL_BIRTH,
    CAIRN_SQL_OLD_ACCOUNT,
    CAIRN_SQL_OLD_SIZE,
    CAIRN_SQL_TEMPORARY,
    CAIRN_SQL_PROCESS,
    CAIRN_SQL_COLUMNS
};

/* A value of an event as a number that is equal where the column's values are; NULL is UINT64_MAX. */
uint64_t cairn_sql_value(const struct cairn_event *event, uint64_t ordinal, enum cairn_sql_column column);

struct cairn_sql_grouped;
/* Whether so many events with these columns (bits by number) fit into what grouping may take. */
bool cairn_sql_groupable(uint64_t events, unsigned columns);
/* Room for `capacity` events from `first` on; NULL when memory ran out. */
struct cairn_sql_grouped *cairn_sql_grouped_new(uint64_t first, size_t capacity, unsigned columns);
void cairn_sql_grouped_free(struct cairn_sql_grouped *grouped);
/* Ordinals ascend; at most `capacity` of them. */
void cairn_sql_grouped_add(struct cairn_sql_grouped *grouped, uint64_t ordinal,
                           const struct cairn_event *event);
/* By these columns, which must be among those that are kept. Events that agree in all of them stay in their order. */
void cairn_sql_grouped_sort(struct cairn_sql_grouped *grouped, const enum cairn_sql_column *by, size_t count);
/* The event at a place of that order, with the columns that are kept; false behind the last one. */
bool cairn_sql_grouped_get(const struct cairn_sql_grouped *grouped, size_t at, uint64_t *ordinal,
                           struct cairn_event *event);

#endif
