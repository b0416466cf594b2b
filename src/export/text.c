#include "export/text.h"

#include <inttypes.h>
#include <string.h>

#include "base/sanitise.h"
#include "query/site_label.h"

#define LABEL_BYTES 8192u /* names beyond this are cut: nobody reads them */

void cairn_export_clean(struct cairn_buffer *out, const char *text)
{
    const size_t length = text ? strlen(text) : 0;
    const size_t needed = length ? cairn_sanitise(NULL, 0, text, length) : 0;
    if (needed && cairn_buffer_reserve(out, needed)) {
        cairn_sanitise(out->data + out->length, needed + 1, text, length);
        out->length += needed;
    }
}

const char *cairn_export_label(struct cairn_buffer *out, const struct cairn_site *site, enum cairn_by by)
{
    char label[LABEL_BYTES];
    cairn_buffer_reset(out);
    cairn_export_clean(out, cairn_site_label(site, by, label, sizeof(label)));
    return cairn_buffer_cstr(out);
}

const char *cairn_export_place(struct cairn_buffer *out, const struct cairn_site *site)
{
    cairn_buffer_reset(out);
    if (site->file) {
        cairn_export_clean(out, cairn_base_name(site->file));
        if (site->line != CAIRN_UNKNOWN && site->line > 0) {
            cairn_buffer_format(out, ":%" PRId64, site->line);
        }
    }
    return cairn_buffer_cstr(out);
}

void cairn_export_json_text(FILE *out, const char *text)
{
    struct cairn_buffer clean = CAIRN_BUFFER_INIT;
    if (!text) {
        fputs("null", out);
        return;
    }
    cairn_export_clean(&clean, text);
    fputc('"', out);
    for (const char *at = cairn_buffer_cstr(&clean); *at; at++) {
        if (*at == '"' || *at == '\\') {
            fputc('\\', out);
            fputc(*at, out);
        } else if (*at == '<' || *at == '>' || *at == '&') {
            fprintf(out, "\\u%04x", (unsigned)*at);
        } else {
            fputc(*at, out);
        }
    }
    fputc('"', out);
    cairn_buffer_release(&clean);
}

void cairn_export_json_number(FILE *out, int64_t number)
{
    if (number == CAIRN_UNKNOWN) {
        fputs("null", out);
    } else {
        fprintf(out, "%" PRId64, number);
    }
}

void cairn_export_csv_text(FILE *out, const char *text)
{
    struct cairn_buffer clean = CAIRN_BUFFER_INIT;
    cairn_export_clean(&clean, text);
    fputc('"', out);
    for (const char *at = cairn_buffer_cstr(&clean); *at; at++) {
        fputs(*at == '"' ? "\"" : "", out);
        fputc(*at, out);
    }
    fputc('"', out);
    cairn_buffer_release(&clean);
}

void cairn_export_dot_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (const char *at = text; *at; at++) {
        if (*at == '\n') {
            fputs("\\n", out);
        } else {
            fputs(*at == '"' || *at == '\\' ? "\\" : "", out);
            fputc(*at, out);
        }
    }
    fputc('"', out);
}
