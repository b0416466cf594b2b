#include "cli/summary.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/human.h"
#include "cli/answer.h"
#include "cli/symbols_note.h"
#include "query/top.h"

#define SITES_SHOWN 3u
#define NOTES_SHOWN 2u
#define INDENT      2u

/* As a shell reads it back. */
static void quote(const char *path, char *out, size_t out_size)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-+=:@,%";
    if (path[0] != '-' && path[0] != '\0' && strspn(path, plain) == strlen(path)) {
        snprintf(out, out_size, "%s", path);
        return;
    }
    size_t used = (size_t)snprintf(out, out_size, "%s'", path[0] == '-' ? "./" : "");
    for (const char *at = path; *at != '\0' && used + 6 < out_size; at++) {
        used += (size_t)snprintf(out + used, out_size - used, *at == '\'' ? "'\\''" : "%c", *at);
    }
    snprintf(out + used, out_size - used, "'");
}

static void print_totals(struct cairn_answer *answer, struct cairn_trace *trace)
{
    const struct cairn_recording *recording = cairn_trace_recording(trace);
    char size[CAIRN_HUMAN_MAX], length[CAIRN_HUMAN_MAX], peak[CAIRN_HUMAN_MAX], when[CAIRN_HUMAN_MAX];
    char live[CAIRN_HUMAN_MAX], blocks[CAIRN_HUMAN_MAX], ended[64] = "", path[4200];
    cairn_console_clean(&answer->terminal, path, sizeof path, cairn_trace_path(trace));
    if (recording->signal != CAIRN_UNKNOWN && recording->signal > 0) {
        snprintf(ended, sizeof ended, ", ended by signal %d", (int)recording->signal);
    } else if (recording->exit_status != CAIRN_UNKNOWN && recording->exit_status != 0) {
        snprintf(ended, sizeof ended, ", exit status %d", (int)recording->exit_status);
    }
    cairn_stream_text(&answer->stream, "cairn: ");
    cairn_styled(&answer->stream, &answer->terminal, CAIRN_STYLE_STRONG, path);
    cairn_stream_format(&answer->stream, " (%s): %s recorded%s\n",
                        cairn_human_bytes(size, cairn_trace_file_bytes(trace)),
                        cairn_human_duration(length, recording->duration_ns), ended);
    cairn_stream_format(
        &answer->stream, "  %speak %s at %s; %s in %s live at %s\n",
        recording->sample_bytes > 0 ? "estimated by a sample: " : "",
        cairn_human_bytes(peak, recording->peak_bytes), cairn_human_duration(when, recording->peak_t_ns),
        cairn_human_bytes(live, recording->end_bytes), cairn_human_blocks(blocks, recording->end_blocks),
        recording->complete && !(recording->stopped_why && strcmp(recording->stopped_why, "stopped") == 0)
            ? "exit"
            : "the end");
}

static void print_sites(struct cairn_answer *answer, struct cairn_trace *trace, const struct cairn_top *top)
{
    static const struct cairn_text_column columns[] = {
        {.title = ""},
        {.title = ""},
        {.title = ""},
        {.title = "", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 16},
        {.title = "", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 8, .leaves = 1},
    };
    struct cairn_text_table table;
    char text[CAIRN_HUMAN_MAX];
    cairn_text_table_init(&table, &answer->terminal, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < top->row_count; i++) {
        cairn_text_table_row(&table);
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, " ");
        cairn_text_table_cell(&table, CAIRN_STYLE_STRONG,
                              cairn_human_bytes(text, top->rows[i].counts.live_bytes));
        cairn_text_table_cell_format(&table, CAIRN_STYLE_PLAIN, "%.1f %%", top->rows[i].percent);
        cairn_text_table_site(&table, trace, &top->rows[i].site, CAIRN_BY_FUNCTION,
                              top->rows[i].heaviest_stack);
    }
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_table_release(&table);
}

/* The modules of the sites shown that have no names or lines. */
static void print_missing(struct cairn_answer *answer, struct cairn_trace *trace, const struct cairn_top *top)
{
    const struct cairn_module *modules;
    size_t count, shown = 0;
    if (cairn_trace_modules(trace, &modules, &count, NULL) != CAIRN_OK) {
        return;
    }
    for (size_t i = 0; i < count && shown < NOTES_SHOWN; i++) {
        bool wanted = false;
        for (size_t j = 0; j < top->row_count; j++) {
            const struct cairn_site *site = &top->rows[j].site;
            wanted = wanted || (site->module != NULL && strcmp(site->module, modules[i].path) == 0 &&
                                (site->function == NULL || site->file == NULL));
        }
        struct cairn_buffer sentence = CAIRN_BUFFER_INIT;
        if (wanted && cairn_module_note(&modules[i], &sentence)) {
            cairn_text_prose_indented(answer, CAIRN_STYLE_PLAIN, INDENT, cairn_buffer_cstr(&sentence));
            shown++;
        }
        cairn_buffer_release(&sentence);
    }
}

static void print_notes(struct cairn_answer *answer, struct cairn_trace *trace)
{
    const struct cairn_note *notes;
    size_t count;
    if (cairn_trace_notes(trace, &notes, &count, NULL) != CAIRN_OK) {
        return;
    }
    for (size_t i = 0; i < count && i < NOTES_SHOWN; i++) {
        char text[1024];
        snprintf(text, sizeof text, "note: %s", notes[i].text);
        cairn_text_prose_indented(answer, CAIRN_STYLE_LEAK, INDENT, text);
    }
    if (count > NOTES_SHOWN) {
        cairn_stream_format(&answer->stream, "  %zu more notes: cairn info\n", count - NOTES_SHOWN);
    }
}

static void print_next(struct cairn_answer *answer, const char *path)
{
    char quoted[4200], clean[4200];
    quote(path, quoted, sizeof quoted);
    cairn_console_clean(&answer->terminal, clean, sizeof clean, quoted);
    cairn_stream_text(&answer->stream, "  next: ");
    cairn_styled(&answer->stream, &answer->terminal, CAIRN_STYLE_STRONG, "cairn ");
    cairn_styled(&answer->stream, &answer->terminal, CAIRN_STYLE_STRONG, clean);
    cairn_stream_text(&answer->stream, "\n");
}

void cairn_summary(const char *path)
{
    struct cairn_trace *trace;
    struct cairn_error error;
    if (cairn_trace_open(path, NULL, &trace, &error) != CAIRN_OK) {
        cairn_complain(&error);
        return;
    }
    struct cairn_answer answer = {.format = CAIRN_FORMAT_TEXT};
    cairn_stream_init(&answer.stream, STDERR_FILENO);
    cairn_console_inspect(&answer.terminal, STDERR_FILENO, CAIRN_COLOUR_AUTO);
    print_totals(&answer, trace);

    const struct cairn_selection selection = {.limit = SITES_SHOWN};
    struct cairn_span span;
    struct cairn_moment peak;
    struct cairn_top top = {.rows = NULL};
    if (cairn_span_parse(trace, NULL, NULL, 0, &span, &error) == CAIRN_OK &&
        cairn_moment_parse(trace, "peak", NULL, 0, &peak, &error) == CAIRN_OK &&
        cairn_top(trace, &selection, &peak, &span, &top, &error) == CAIRN_OK) {
        print_sites(&answer, trace, &top);
        print_missing(&answer, trace, &top);
    } else {
        cairn_stream_format(&answer.stream, "  %s\n", error.message);
    }
    print_notes(&answer, trace);
    print_next(&answer, path);
    cairn_stream_finish(&answer.stream);
    cairn_top_release(&top);
    cairn_trace_close(trace);
}
