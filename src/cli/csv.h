/* A CSV writer (RFC 4180, lines end with LF): a header line, then fields one after the other. Text is made visible by
 * cairn_sanitise(); unknown values are empty fields. */
#ifndef CAIRN_CLI_CSV_H
#define CAIRN_CLI_CSV_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/stream.h"

struct cairn_csv {
    struct cairn_stream *stream;
    bool in_line;
};

void cairn_csv_init(struct cairn_csv *csv, struct cairn_stream *stream);
/* NULL is an empty field. */
void cairn_csv_text(struct cairn_csv *csv, const char *text);
void cairn_csv_integer(struct cairn_csv *csv, int64_t number);
void cairn_csv_real(struct cairn_csv *csv, double number);
void cairn_csv_bool(struct cairn_csv *csv, bool value);
/* Several names at once, with commas between: for header lines. */
void cairn_csv_names(struct cairn_csv *csv, const char *names);
void cairn_csv_end_line(struct cairn_csv *csv);

#endif
