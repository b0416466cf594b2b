/* What a statement answers, as rows of the SQL screen: cells of one column stand below each other. */
#ifndef CAIRN_VIEW_SQL_ANSWER_H
#define CAIRN_VIEW_SQL_ANSWER_H

#include "view/reader.h"
#include "view/rows.h"

#define CAIRN_SQL_STATEMENT_MAX 512
#define CAIRN_SQL_ROWS_MOST     1000

struct cairn_sql_answer {
    struct cairn_rows rows;
    char heading[1024]; /* the columns' names, over their cells */
    bool more;          /* there are more rows than those */
};

/* Runs a statement on the trace at `path`, which `trace` is open on. Release the rows in every case. */
CAIRN_MUST_CHECK enum cairn_status cairn_sql_answer(const char *path, struct cairn_trace *trace,
                                                    const char *statement, struct cairn_sql_answer *answer,
                                                    struct cairn_error *error);
/* Tables and views, each with its columns as children. */
CAIRN_MUST_CHECK enum cairn_status cairn_sql_schema(const char *path, struct cairn_rows *rows,
                                                    struct cairn_error *error);

#endif
