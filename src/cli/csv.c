#include "cli/csv.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sanitise.h"
#include "trace/rows.h"

void cairn_csv_init(struct cairn_csv *csv, struct cairn_stream *stream)
{
    *csv = (struct cairn_csv){.stream = stream};
}

static void begin_field(struct cairn_csv *csv)
{
    cairn_stream_text(csv->stream, csv->in_line ? "," : "");
    csv->in_line = true;
}

static void write_field(struct cairn_csv *csv, const char *clean)
{
    if (strpbrk(clean, ",\"") == NULL) {
        cairn_stream_text(csv->stream, clean);
        return;
    }
    cairn_stream_text(csv->stream, "\"");
    for (const char *at = clean; *at != '\0'; at++) {
        cairn_stream_text(csv->stream, *at == '"' ? "\"" : "");
        cairn_stream_write(csv->stream, at, 1);
    }
    cairn_stream_text(csv->stream, "\"");
}

void cairn_csv_text(struct cairn_csv *csv, const char *text)
{
    begin_field(csv);
    if (text == NULL) {
        return;
    }
    char brief[512];
    const size_t length = strlen(text);
    const size_t needed = cairn_sanitise(brief, sizeof brief, text, length);
    if (needed < sizeof brief) {
        write_field(csv, brief);
        return;
    }
    char *whole = malloc(needed + 1);
    if (whole == NULL) {
        csv->stream->failure = csv->stream->failure != 0 ? csv->stream->failure : ENOMEM;
        return;
    }
    cairn_sanitise(whole, needed + 1, text, length);
    write_field(csv, whole);
    free(whole);
}

void cairn_csv_integer(struct cairn_csv *csv, int64_t number)
{
    begin_field(csv);
    if (number != CAIRN_UNKNOWN) {
        cairn_stream_format(csv->stream, "%" PRId64, number);
    }
}

void cairn_csv_real(struct cairn_csv *csv, double number)
{
    begin_field(csv);
    if (isfinite(number)) {
        cairn_stream_format(csv->stream, "%.10g", number);
    }
}

void cairn_csv_bool(struct cairn_csv *csv, bool value)
{
    begin_field(csv);
    cairn_stream_text(csv->stream, value ? "true" : "false");
}

void cairn_csv_names(struct cairn_csv *csv, const char *names)
{
    begin_field(csv);
    cairn_stream_text(csv->stream, names);
}

void cairn_csv_end_line(struct cairn_csv *csv)
{
    cairn_stream_text(csv->stream, "\n");
    csv->in_line = false;
}
