/* The curve, and every stack with its frames and counts, for scripts. Texts are made visible as in CSV. */
#include <inttypes.h>
#include <stdlib.h>

#include "export/columns.h"
#include "export/formats.h"
#include "export/stacks.h"
#include "export/text.h"
#include "query/places.h"
#include "query/timeline.h"

#define CURVE_POINTS 1000u

static void write_counts(const struct cairn_counts *counts, FILE *out)
{
    for (size_t i = 0; i < CAIRN_EXPORT_COLUMNS; i++) {
        fprintf(out, "%s\"%s\": ", i ? ", " : "", cairn_export_column_name(i));
        cairn_export_json_number(out, cairn_export_column(counts, i));
    }
}

static void write_frame(const struct cairn_export *export, const struct cairn_frame *frame, FILE *out)
{
    struct cairn_site site;
    cairn_site_of_frame(export->trace, frame, &site);
    fputs("{\"function\": ", out);
    cairn_export_json_text(out, site.function);
    fputs(", \"file\": ", out);
    cairn_export_json_text(out, site.file);
    fputs(", \"line\": ", out);
    cairn_export_json_number(out, site.line);
    fputs(", \"module\": ", out);
    cairn_export_json_text(out, site.module);
    fputs(", \"offset\": ", out);
    cairn_export_json_number(out, site.offset);
    fputc('}', out);
}

static enum cairn_status write_json_stack(const struct cairn_export *export, const struct cairn_top_row *row,
                                          FILE *out, struct cairn_error *error)
{
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    const struct cairn_frame **frames;
    size_t count;
    const enum cairn_status status = cairn_export_frames(export, row, &arena, &frames, &count, error);
    if (status == CAIRN_OK) {
        fputc('{', out);
        write_counts(&row->counts, out);
        fputs(", \"frames\": [", out);
        for (size_t i = 0; i < count; i++) {
            fputs(i ? ", " : "", out);
            write_frame(export, frames[i], out);
        }
        fputs("]}", out);
    }
    cairn_arena_release(&arena);
    return status;
}

static void write_curve(const struct cairn_rate_point *points, size_t count, FILE *out)
{
    fputs("\"timeline\": [", out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%s{\"t_ns\": %" PRId64 ", \"heap_bytes\": %" PRId64 ", \"heap_blocks\": ",
                i ? ",\n  " : "\n  ", points[i].t_ns, points[i].heap_bytes);
        cairn_export_json_number(out, points[i].heap_blocks);
        fputs(", \"rss_bytes\": ", out);
        cairn_export_json_number(out, points[i].rss_bytes);
        fputc('}', out);
    }
    fputs("],\n", out);
}

static void write_json_head(const struct cairn_export *export, const struct cairn_top *top, FILE *out)
{
    const struct cairn_recording *recording = cairn_trace_recording(export->trace);
    fputs("{\"schema\": \"cairn.export/1\",\n\"program\": ", out);
    cairn_export_json_text(out, recording->program);
    fprintf(out,
            ",\n\"complete\": %s, \"lost_events\": %" PRId64 ", \"sampled\": %s, \"sample_bytes\": %" PRId64,
            recording->complete ? "true" : "false", recording->lost_events,
            recording->sample_bytes > 0 ? "true" : "false", recording->sample_bytes);
    fprintf(out, ",\n\"at\": {\"t_ns\": %" PRId64 ", \"label\": ", export->at.t_ns);
    cairn_export_json_text(out, export->at.label);
    fprintf(out, "},\n\"span\": {\"from_ns\": %" PRId64 ", \"to_ns\": %" PRId64 "},\n\"total\": {",
            export->span.from.t_ns, export->span.to.t_ns);
    write_counts(&top->total, out);
    fputs("},\n", out);
}

static enum cairn_status write_json(const struct cairn_export *export, FILE *out, struct cairn_error *error)
{
    struct cairn_top top;
    struct cairn_rate_point *points = NULL;
    size_t count = 0;
    enum cairn_status status = cairn_export_stacks(export, &top, error);
    if (status != CAIRN_OK) {
        return status;
    }
    status = cairn_timeline(export->trace, &export->span, CURVE_POINTS, &points, &count, error);
    if (status == CAIRN_OK) {
        write_json_head(export, &top, out);
        write_curve(points, count, out);
        fputs("\"stacks\": [", out);
        for (size_t i = 0; status == CAIRN_OK && i < top.row_count; i++) {
            fputs(i ? ",\n  " : "\n  ", out);
            status = write_json_stack(export, &top.rows[i], out, error);
        }
        fputs("]}\n", out);
    }
    free(points);
    cairn_top_release(&top);
    return status;
}

const struct cairn_exporter cairn_exporter_json = {
    .name = "json",
    .summary = "the curve, and every stack with its frames and counts",
    .write = write_json,
};
