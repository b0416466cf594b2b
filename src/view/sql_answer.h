/* What a statement answers, as rows of the SQL screen: cells of one column stand below each other. */
#ifndef CAIRN_VIEW_SQL_ANSWER_H
#define CAIRN_VIEW_SQL_ANSWER_H

#include "view/reader.h"
#include "view/rows.h"

#define CAIRN_SQL_STATEMENT_MAX 4096
#define CAIRN_SQL_ROWS_MOST     1000
#define CAIRN_SQL_COLUMNS_MOST  32

struct cairn_sql_column {
    int begin, end;   /* of its name in the heading, in columns of the screen */
    const char *name; /* clean; borrowed from the rows */
    bool numbers;     /* nothing else stands in it */
};

struct cairn_sql_answer {
    struct cairn_rows rows; /* keys are 1, 2, 3, … as they came */
    char heading[1024];     /* the columns' names, over their cells */
    bool more;              /* there are more rows than those */
    struct cairn_sql_column columns[CAIRN_SQL_COLUMNS_MOST];
    size_t column_count, row_count;
    uint16_t
        *ranks; /* of the i-th row among all of them by column c, smallest first: ranks[c × row_count + i] */
};

/* Runs a statement on the trace at `path`, which `trace` is open on. Release the answer in every case. */
CAIRN_MUST_CHECK enum cairn_status cairn_sql_answer(const char *path, struct cairn_trace *trace,
                                                    const char *statement, struct cairn_sql_answer *answer,
                                                    struct cairn_error *error);
void cairn_sql_answer_release(struct cairn_sql_answer *answer);
/* Tables and views, each with its columns as children. */
CAIRN_MUST_CHECK enum cairn_status cairn_sql_schema(const char *path, struct cairn_rows *rows,
                                                    struct cairn_error *error);

#endif
