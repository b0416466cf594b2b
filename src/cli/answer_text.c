/* The text side of answer.h. */
#include "cli/answer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "query/places.h"
#include "query/told_by.h"

#define PROSE_WIDTH 100u /* lines of prose longer than this are hard to read */

void cairn_place_label(const char *file, int64_t line, char *out, size_t out_size)
{
    if (file == NULL) {
        out[0] = '\0';
    } else if (line == CAIRN_UNKNOWN || line <= 0) {
        snprintf(out, out_size, "%s", cairn_base_name(file));
    } else {
        snprintf(out, out_size, "%s:%" PRId64, cairn_base_name(file), line);
    }
}

/* How many frames are looked at: nobody reads more lines below one row. */
#define STACK_MAX 256u

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Whether the site is that frame's: of its function or mark, or, where neither is known, of that very place. */
static bool is_at(struct cairn_trace *trace, const struct cairn_site *site, const struct cairn_frame *frame)
{
    struct cairn_site its;
    cairn_site_of_frame(trace, frame, &its);
    return same_text(its.function, site->function) &&
           (site->function != NULL || (site->offset != CAIRN_UNKNOWN && its.offset == site->offset &&
                                       same_text(its.module, site->module)));
}

/* The index of the frame that the site names; `count` when there is none. */
static size_t find_site(struct cairn_trace *trace, const struct cairn_frame *const *frames, size_t count,
                        const struct cairn_site *site)
{
    for (size_t i = 0; i < count; i++) {
        if (is_at(trace, site, frames[i])) {
            return i;
        }
    }
    return count;
}

static int64_t line_in_stack(struct cairn_trace *trace, const struct cairn_site *site, uint32_t stack)
{
    const struct cairn_frame *frames[STACK_MAX];
    const size_t all = cairn_trace_stack_frames(trace, stack, frames, STACK_MAX);
    const size_t known = all < STACK_MAX ? all : STACK_MAX;
    const size_t found = site != NULL ? find_site(trace, frames, known, site) : known;
    return found < known ? frames[found]->line : CAIRN_UNKNOWN;
}

void cairn_text_table_site(struct cairn_text_table *table, struct cairn_trace *trace,
                           const struct cairn_site *site, enum cairn_by by, uint32_t stack)
{
    char name[1024], place[512] = "";
    const bool code = by == CAIRN_BY_FUNCTION || by == CAIRN_BY_STACK || by == CAIRN_BY_LINE;
    cairn_site_label(site, by == CAIRN_BY_LINE ? CAIRN_BY_FUNCTION : by, name, sizeof name);
    if (code && site->file != NULL) {
        const int64_t line = site->line != CAIRN_UNKNOWN ? site->line : line_in_stack(trace, site, stack);
        cairn_place_label(site->file, line, place, sizeof place);
    } else if (code && site->function != NULL && site->module != NULL) {
        snprintf(place, sizeof place, "%s", cairn_base_name(site->module));
    }
    cairn_text_table_cell(table, site->lang == CAIRN_LANG_PYTHON ? CAIRN_STYLE_PYTHON : CAIRN_STYLE_PLAIN,
                          name);
    cairn_text_table_cell(table, CAIRN_STYLE_FAINT, place);
}

void cairn_text_table_stack(struct cairn_text_table *table, struct cairn_trace *trace, uint32_t stack,
                            const struct cairn_site *site, size_t most)
{
    const struct cairn_frame *frames[STACK_MAX];
    const size_t all = cairn_trace_stack_frames(trace, stack, frames, STACK_MAX);
    const size_t known = all < STACK_MAX ? all : STACK_MAX;
    const char *arrow = cairn_glyph(table->terminal, "←", "<-");
    const size_t found = site != NULL ? find_site(trace, frames, known, site) : known;
    const size_t first = found < known ? found + 1 : 0;
    const size_t last = most < known - first ? first + most : known;
    for (size_t i = first; i < last; i++) {
        char name[1024], place[512], line[1600];
        const struct cairn_source_file *file = cairn_trace_source_file(trace, frames[i]->file);
        cairn_frame_label(trace, frames[i], name, sizeof name);
        cairn_place_label(file != NULL ? file->path : NULL, frames[i]->line, place, sizeof place);
        snprintf(line, sizeof line, "%s %s%s%s", arrow, name, place[0] != '\0' ? "  " : "", place);
        cairn_text_table_note(table, CAIRN_STYLE_FAINT, line);
    }
    if (all > last && most > 0) {
        char line[64];
        snprintf(line, sizeof line, "%s %zu more", arrow, all - last);
        cairn_text_table_note(table, CAIRN_STYLE_FAINT, line);
    }
}

const char *cairn_exactness(struct cairn_trace *trace, const struct cairn_moment *at, char *out,
                            size_t out_size)
{
    const struct cairn_recording *recording = cairn_trace_recording(trace);
    char size[CAIRN_HUMAN_MAX];
    if (recording->lost_events > 0) {
        snprintf(out, out_size, "at least: %" PRId64 " events were lost", recording->lost_events);
    } else if (recording->sample_bytes > 0) {
        snprintf(out, out_size, "estimated: a sample every %s",
                 cairn_human_bytes(size, recording->sample_bytes));
    } else if (recording->untold & CAIRN_UNTOLD_AROUND) {
        snprintf(out, out_size, "%s", cairn_told_by(recording));
    } else if (at != NULL && !cairn_trace_is_exact(trace, at->position, at->t_ns)) {
        snprintf(out, out_size, "to the chunk: exact from %s on",
                 cairn_human_duration(size, recording->exact_from_ns));
    } else if (!recording->complete && cairn_trace_is_live(trace)) {
        snprintf(out, out_size, "exact, recording goes on");
    } else if (!recording->complete) {
        snprintf(out, out_size, "incomplete: ends at %s", cairn_human_duration(size, recording->duration_ns));
    } else {
        snprintf(out, out_size,
                 recording->untold & CAIRN_UNTOLD_BEFORE ? "exact from when it was joined" : "exact");
    }
    return out;
}

void cairn_text_head(struct cairn_answer *answer, struct cairn_trace *trace, const struct cairn_moment *at,
                     const char *what)
{
    const struct cairn_recording *recording = cairn_trace_recording(trace);
    char program[256], exactness[96], when[CAIRN_HUMAN_MAX], length[CAIRN_HUMAN_MAX], line[256];
    cairn_console_clean(&answer->terminal, program, sizeof program, cairn_base_name(recording->program));
    cairn_exactness(trace, at, exactness, sizeof exactness);
    cairn_human_duration(length, recording->duration_ns);
    const bool timed = what == NULL && at->label[0] >= '0' && at->label[0] <= '9';
    if (what != NULL) {
        snprintf(line, sizeof line, "%s", what);
    } else if (timed) {
        snprintf(line, sizeof line, "at %s of %s", at->label, length);
    } else {
        snprintf(line, sizeof line, "at %s, %s of %s", at->label, cairn_human_duration(when, at->t_ns),
                 length);
    }
    const size_t width =
        cairn_text_columns(program) + cairn_text_columns(line) + cairn_text_columns(exactness) + 4;
    if (answer->terminal.width > 0 && width > answer->terminal.width) {
        cairn_text_prose_format(answer, CAIRN_STYLE_STRONG, "%s, %s: %s", program, line, exactness);
        return;
    }
    cairn_styled(&answer->stream, &answer->terminal, CAIRN_STYLE_STRONG, program);
    cairn_stream_format(&answer->stream, "  %s  ", line);
    cairn_styled(&answer->stream, &answer->terminal,
                 strncmp(exactness, "exact", 5) == 0 ? CAIRN_STYLE_FAINT : CAIRN_STYLE_LEAK, exactness);
    cairn_stream_text(&answer->stream, "\n");
}

void cairn_text_prose_indented(struct cairn_answer *answer, enum cairn_style style, size_t indent,
                               const char *text)
{
    char clean[2048];
    cairn_console_clean(&answer->terminal, clean, sizeof clean, text);
    const size_t width = cairn_console_width_or(&answer->terminal, PROSE_WIDTH, PROSE_WIDTH);
    const size_t room = width > indent + 10 ? width - indent : 10;
    const char *at = clean;
    while (*at != '\0') {
        char line[2048];
        const size_t bytes = cairn_text_line(at, room);
        snprintf(line, sizeof line, "%.*s", (int)bytes, at);
        cairn_stream_repeat(&answer->stream, ' ', indent);
        cairn_styled(&answer->stream, &answer->terminal, style, line);
        cairn_stream_text(&answer->stream, "\n");
        at += bytes;
        at += strspn(at, " ");
    }
}

void cairn_text_prose(struct cairn_answer *answer, enum cairn_style style, const char *text)
{
    cairn_text_prose_indented(answer, style, 0, text);
}

void cairn_text_prose_format(struct cairn_answer *answer, enum cairn_style style, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cairn_text_prose(answer, style, text);
}

void cairn_text_more(struct cairn_answer *answer, size_t shown, size_t total)
{
    if (total > shown) {
        cairn_text_prose_format(answer, CAIRN_STYLE_FAINT, "%zu more rows (--limit)", total - shown);
    }
}
