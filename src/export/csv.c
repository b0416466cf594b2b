/* Every stack with its counts, a line each, for scripts and spreadsheets (RFC 4180). */
#include <inttypes.h>

#include "export/columns.h"
#include "export/formats.h"
#include "export/stacks.h"
#include "export/text.h"
#include "query/no_memory.h"
#include "query/places.h"

static enum cairn_status write_csv_row(const struct cairn_export *export, const struct cairn_top_row *row,
                                       FILE *out, struct cairn_error *error)
{
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    struct cairn_buffer stack = CAIRN_BUFFER_INIT, label = CAIRN_BUFFER_INIT;
    const struct cairn_frame **frames;
    size_t count;
    enum cairn_status status = cairn_export_frames(export, row, &arena, &frames, &count, error);
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        struct cairn_site site;
        cairn_site_of_frame(export->trace, frames[i], &site);
        const char *name = cairn_export_label(&label, &site, CAIRN_BY_FUNCTION);
        for (cairn_buffer_text(&stack, i ? ";" : ""); *name; name++) {
            cairn_buffer_byte(&stack, *name == ';' ? ',' : *name);
        }
    }
    if (status == CAIRN_OK) {
        cairn_export_csv_text(out, row->site.function);
        fputc(',', out);
        cairn_export_csv_text(out, row->site.file);
        fputc(',', out);
        if (row->site.line != CAIRN_UNKNOWN) {
            fprintf(out, "%" PRId64, row->site.line);
        }
        fputc(',', out);
        cairn_export_csv_text(out, row->site.module);
        for (size_t i = 0; i < CAIRN_EXPORT_COLUMNS; i++) {
            const int64_t number = cairn_export_column(&row->counts, i);
            fputc(',', out);
            if (number != CAIRN_UNKNOWN) {
                fprintf(out, "%" PRId64, number);
            }
        }
        fputc(',', out);
        cairn_export_csv_text(out, cairn_buffer_cstr(&stack));
        fputc('\n', out);
    }
    if (status == CAIRN_OK && (stack.failed || label.failed)) {
        status = cairn_no_memory(error, "the export");
    }
    cairn_buffer_release(&stack);
    cairn_buffer_release(&label);
    cairn_arena_release(&arena);
    return status;
}

static enum cairn_status write_csv(const struct cairn_export *export, FILE *out, struct cairn_error *error)
{
    struct cairn_top top;
    enum cairn_status status = cairn_export_stacks(export, &top, error);
    if (status != CAIRN_OK) {
        return status;
    }
    fputs("function,file,line,module", out);
    for (size_t i = 0; i < CAIRN_EXPORT_COLUMNS; i++) {
        fprintf(out, ",%s", cairn_export_column_name(i));
    }
    fputs(",stack\n", out);
    for (size_t i = 0; status == CAIRN_OK && i < top.row_count; i++) {
        status = write_csv_row(export, &top.rows[i], out, error);
    }
    cairn_top_release(&top);
    return status;
}

const struct cairn_exporter cairn_exporter_csv = {
    .name = "csv",
    .summary = "a line a stack with all counts",
    .write = write_csv,
};
