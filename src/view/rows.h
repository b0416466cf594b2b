/* Rows as screens show them: made on the worker's thread from an answer of the query layer, with every text copied
 * and made clean, so that they outlive the trace's refreshes and may cross threads. */
#ifndef CAIRN_VIEW_ROWS_H
#define CAIRN_VIEW_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "query/selection.h"
#include "view/style.h"

#define CAIRN_ROW_VALUES 11
#define CAIRN_NO_PARENT  UINT32_MAX

/* What a row of an object graph stands for, besides one object. */
enum cairn_node_kind {
    CAIRN_NODE_NONE = 0, /* of no graph */
    CAIRN_NODE_TYPE,
    CAIRN_NODE_OBJECT,
    CAIRN_NODE_GROUP, /* equal rows, folded */
    CAIRN_NODE_MORE,  /* those behind a page */
};

struct cairn_row_node {
    uint8_t kind;    /* enum cairn_node_kind */
    bool of_object;  /* `list` is a list of an object's row, not the table's own */
    uint32_t number; /* the object's, or the type's */
    uint32_t cycle;  /* OBJECT: number + 1 of the cycle it is in; 0: in none */
    uint32_t list;   /* GROUP, MORE: of which list; TYPE in Diff: number of its graph */
    uint32_t group;  /* GROUP, MORE in a group: its first link + 1; 0: none */
    uint32_t offset; /* MORE: of the next page */
};

struct cairn_row {
    uint64_t key; /* the same row in two answers has the same key */
    int64_t site_id;
    uint32_t stack;  /* 0: none */
    uint32_t parent; /* index of a row before it, or CAIRN_NO_PARENT */
    uint16_t depth;
    uint8_t style;      /* of its first value: grew, shrank, leak */
    int8_t lang;        /* enum cairn_lang; -1 unknown, mixed, or no place in the code */
    bool expandable;    /* children can be asked for */
    bool first_trace;   /* of two traces: stack and source_file are of the first one */
    bool same;          /* did not change: hidden by `z` */
    bool heading;       /* names a section, or stands for what is not here: shows no values */
    bool first;         /* stands before its siblings however they are sorted */
    bool last;          /* stands behind its siblings however they are sorted */
    bool path;          /* its name is one: too long, it is cut at its beginning */
    const char *name;   /* clean */
    const char *label;  /* clean; what the site itself is called, whatever the row's name became */
    const char *place;  /* clean; "lex.c:88", or "" */
    const char *module; /* clean base name, or "" */
    /* As the trace has them, for wrappers and editors: not to be shown. NULL: unknown. */
    const char *function, *file;
    int64_t line;         /* or CAIRN_UNKNOWN */
    uint32_t source_file; /* the file's number in the trace; 0: unknown */
    struct cairn_row_node node;
    int64_t values[CAIRN_ROW_VALUES];
};

/* Zero-initialise. */
struct cairn_rows {
    struct cairn_row *items;
    size_t count, capacity;
    struct cairn_arena text;
    bool failed; /* memory ran out: check once at the end */
};

void cairn_rows_release(struct cairn_rows *rows);
/* A new row with no stack, unknown line and empty texts; NULL when memory ran out. Borrowed until the next one. */
struct cairn_row *cairn_rows_add(struct cairn_rows *rows, uint32_t parent);
/* A clean copy of raw text (NULL gives ""). */
const char *cairn_rows_clean(struct cairn_rows *rows, const char *text);
const char *cairn_rows_format(struct cairn_rows *rows, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Fills name, place, module, language and the raw texts from a site; the name is what the grouping is by. */
void cairn_rows_site(struct cairn_rows *rows, struct cairn_row *row, const struct cairn_site *site,
                     enum cairn_by by);

#endif
