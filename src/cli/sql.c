#include "trace/sql.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sanitise.h"
#include "cli/answer.h"
#include "cli/choose.h"
#include "cli/commands.h"
#include "cli/sql_prompt.h"

#define BLOB_SHOWN 32u        /* bytes of a BLOB in text, as hexadecimal digits */
#define READ_MOST  (1u << 20) /* of a script on standard input */

struct sql_arguments {
    struct cairn_output_arguments output;
};

/* One run of statements on its way out. */
struct printer {
    struct cairn_answer answer;
    struct cairn_text_table table;
    struct cairn_text_column columns[CAIRN_TEXT_COLUMNS];
    struct cairn_arena names;
    const char *const *wide; /* names of more columns than a table has: a line a value */
    size_t count, rows;
    bool open;
};

static const char *hexadecimal(const struct cairn_sql_value *value, size_t most, struct cairn_buffer *out)
{
    cairn_buffer_reset(out);
    for (size_t i = 0; i < value->size && i < most; i++) {
        cairn_buffer_format(out, "%02x", ((const unsigned char *)value->bytes)[i]);
    }
    cairn_buffer_text(out, value->size > most ? "..." : "");
    return cairn_buffer_cstr(out);
}

static void end_table(struct printer *printer)
{
    if (!printer->open) {
        return;
    }
    printer->open = false;
    if (printer->answer.format == CAIRN_FORMAT_TEXT && printer->wide == NULL) {
        cairn_text_table_print(&printer->table, &printer->answer.stream);
        cairn_text_table_release(&printer->table);
    } else if (printer->answer.format == CAIRN_FORMAT_JSON) {
        cairn_json_end(&printer->answer.json);
        cairn_json_end(&printer->answer.json);
    }
}

/* Names of columns, kept for as long as the table is, made clean for titles. */
static const char *const *keep_names(struct printer *printer, const char *const *names, size_t count)
{
    const char **kept = cairn_arena_alloc(&printer->names, count * sizeof *kept);
    for (size_t i = 0; kept != NULL && i < count; i++) {
        char clean[256];
        cairn_sanitise(clean, sizeof clean, names[i], strlen(names[i]));
        kept[i] = cairn_arena_copy(&printer->names, clean, strlen(clean));
        if (kept[i] == NULL) {
            return NULL;
        }
    }
    return kept;
}

static bool begin_text(struct printer *printer, const char *const *names, size_t count)
{
    const char *const *kept = keep_names(printer, names, count);
    if (kept == NULL) {
        return false;
    }
    printer->wide = count > CAIRN_TEXT_COLUMNS ? kept : NULL;
    for (size_t i = 0; printer->wide == NULL && i < count; i++) {
        printer->columns[i] = (struct cairn_text_column){.title = kept[i], .align = CAIRN_ALIGN_LEFT};
    }
    if (printer->wide == NULL) {
        cairn_text_table_init(&printer->table, &printer->answer.terminal, printer->columns, count);
    }
    return true;
}

static bool print_columns(void *state, const char *const *names, size_t count)
{
    struct printer *printer = state;
    struct cairn_answer *answer = &printer->answer;
    end_table(printer);
    printer->count = count;
    printer->rows = 0;
    switch (answer->format) {
    case CAIRN_FORMAT_TEXT:
        if (!begin_text(printer, names, count)) {
            answer->stream.pending.failed = true;
            return false;
        }
        break;
    case CAIRN_FORMAT_JSON:
        cairn_json_object(&answer->json, NULL);
        cairn_json_array(&answer->json, "columns");
        for (size_t i = 0; i < count; i++) {
            cairn_json_text(&answer->json, NULL, names[i]);
        }
        cairn_json_end(&answer->json);
        cairn_json_array(&answer->json, "rows");
        break;
    case CAIRN_FORMAT_CSV:
        for (size_t i = 0; i < count; i++) {
            cairn_csv_text(&answer->csv, names[i]);
        }
        cairn_csv_end_line(&answer->csv);
        break;
    }
    printer->open = true;
    return true;
}

static const char *text_value(const struct cairn_sql_value *value, struct cairn_buffer *scratch)
{
    cairn_buffer_reset(scratch);
    switch (value->type) {
    case CAIRN_SQL_INTEGER:
        cairn_buffer_format(scratch, "%" PRId64, value->integer);
        break;
    case CAIRN_SQL_REAL:
        cairn_buffer_format(scratch, "%.10g", value->real);
        break;
    case CAIRN_SQL_TEXT:
        cairn_buffer_append(scratch, value->bytes, value->size);
        break;
    case CAIRN_SQL_BLOB:
        return hexadecimal(value, BLOB_SHOWN, scratch);
    case CAIRN_SQL_NULL:
        break;
    }
    return cairn_buffer_cstr(scratch);
}

static void text_row(struct printer *printer, const struct cairn_sql_value *values,
                     struct cairn_buffer *scratch)
{
    struct cairn_stream *stream = &printer->answer.stream;
    if (printer->wide == NULL) {
        cairn_text_table_row(&printer->table);
    } else {
        cairn_stream_text(stream, printer->rows > 0 ? "\n" : "");
    }
    for (size_t i = 0; i < printer->count; i++) {
        const char *text = text_value(&values[i], scratch);
        if (printer->wide == NULL) {
            cairn_text_table_cell(&printer->table, CAIRN_STYLE_PLAIN, text);
        } else {
            char clean[4096];
            cairn_sanitise(clean, sizeof clean, text, strlen(text));
            cairn_stream_format(stream, "%24s  ", printer->wide[i]);
            cairn_stream_text(stream, clean);
            cairn_stream_text(stream, "\n");
        }
    }
}

static void json_value(struct cairn_json *json, const struct cairn_sql_value *value,
                       struct cairn_buffer *scratch)
{
    switch (value->type) {
    case CAIRN_SQL_NULL:
        cairn_json_null(json, NULL);
        break;
    case CAIRN_SQL_INTEGER:
        cairn_json_integer(json, NULL, value->integer);
        break;
    case CAIRN_SQL_REAL:
        cairn_json_real(json, NULL, value->real);
        break;
    case CAIRN_SQL_TEXT:
        cairn_json_text(json, NULL, value->bytes);
        break;
    case CAIRN_SQL_BLOB:
        cairn_json_text(json, NULL, hexadecimal(value, SIZE_MAX, scratch));
        break;
    }
}

static bool print_row(void *state, const struct cairn_sql_value *values, size_t count)
{
    struct printer *printer = state;
    struct cairn_answer *answer = &printer->answer;
    struct cairn_buffer scratch = CAIRN_BUFFER_INIT;
    switch (answer->format) {
    case CAIRN_FORMAT_TEXT:
        text_row(printer, values, &scratch);
        break;
    case CAIRN_FORMAT_JSON:
        cairn_json_array(&answer->json, NULL);
        for (size_t i = 0; i < count; i++) {
            json_value(&answer->json, &values[i], &scratch);
        }
        cairn_json_end(&answer->json);
        break;
    case CAIRN_FORMAT_CSV:
        for (size_t i = 0; i < count; i++) {
            cairn_csv_text(&answer->csv, values[i].type == CAIRN_SQL_BLOB
                                             ? hexadecimal(&values[i], SIZE_MAX, &scratch)
                                             : text_value(&values[i], &scratch));
        }
        cairn_csv_end_line(&answer->csv);
        break;
    }
    printer->rows++;
    if (scratch.failed) {
        answer->stream.pending.failed = true;
    }
    cairn_buffer_release(&scratch);
    return answer->stream.failure == 0;
}

/* What was printed before a failure stays printed. */
static int run_text(struct cairn_sql *sql, const struct cairn_output_arguments *output, const char *text)
{
    struct printer printer = {.open = false};
    struct cairn_error error;
    cairn_answer_open(&printer.answer, output);
    const struct cairn_sql_sink sink = {.columns = print_columns, .row = print_row, .state = &printer};
    if (printer.answer.format == CAIRN_FORMAT_JSON) {
        cairn_answer_json_head(&printer.answer, "sql", cairn_sql_trace(sql));
        cairn_json_array(&printer.answer.json, "results");
    }
    const enum cairn_status status = cairn_sql_run(sql, text, &sink, &error);
    end_table(&printer);
    const int written = cairn_answer_finish(&printer.answer);
    cairn_arena_release(&printer.names);
    return status == CAIRN_OK ? written : cairn_complain(&error);
}

static void prompt(struct cairn_sql *sql, const struct cairn_output_arguments *output)
{
    struct cairn_buffer statement = CAIRN_BUFFER_INIT;
    char *line;
    cairn_sql_prompt_open();
    fputs("SELECT ... ; runs when a line ends in a semicolon. Ctrl-D or .quit leaves. Tables: "
          "docs/trace-format.md\n",
          stderr);
    while ((line = cairn_sql_prompt_read(statement.length > 0 ? "  ...> " : "cairn> ")) != NULL) {
        const bool leave = statement.length == 0 && strcmp(line, ".quit") == 0;
        cairn_buffer_text(&statement, statement.length > 0 ? "\n" : "");
        cairn_buffer_text(&statement, line);
        free(line);
        if (leave) {
            break;
        }
        if (cairn_sql_is_whole(cairn_buffer_cstr(&statement))) {
            cairn_sql_prompt_remember(cairn_buffer_cstr(&statement));
            run_text(sql, output, cairn_buffer_cstr(&statement));
            cairn_buffer_reset(&statement);
        }
    }
    fputc('\n', stderr);
    cairn_sql_prompt_close();
    cairn_buffer_release(&statement);
}

static int run_script(struct cairn_sql *sql, const struct cairn_output_arguments *output)
{
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    char piece[4096];
    size_t got;
    while (text.length <= READ_MOST && (got = fread(piece, 1, sizeof piece, stdin)) > 0) {
        cairn_buffer_append(&text, piece, got);
    }
    const int result = text.length > READ_MOST || text.failed
                           ? cairn_complain_format("standard input: more than 1 MiB of SQL: give it in parts")
                           : run_text(sql, output, cairn_buffer_cstr(&text));
    cairn_buffer_release(&text);
    return result;
}

/* `cairn sql QUERY` is about the newest trace. */
static void sort_words(const struct cairn_invocation *invocation, const char **trace, const char **query)
{
    char *const *words = invocation->positional;
    const bool lone_query = invocation->positional_count == 1 && strpbrk(words[0], " \t\n") != NULL &&
                            access(words[0], F_OK) != 0;
    *trace = invocation->positional_count > 0 && !lone_query ? words[0] : NULL;
    *query = lone_query ? words[0] : invocation->positional_count > 1 ? words[1] : NULL;
}

static int run(const struct cairn_invocation *invocation)
{
    const struct sql_arguments *arguments = invocation->arguments;
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    struct cairn_sql *sql = NULL;
    struct cairn_error error;
    const char *word, *query, *path;
    sort_words(invocation, &word, &query);
    enum cairn_status status = cairn_choose_trace(&arena, word, &path, &error);
    if (status == CAIRN_OK) {
        status = cairn_sql_open(path, cairn_moment_position, &sql, &error);
    }
    int result = CAIRN_EXIT_DONE;
    if (status != CAIRN_OK) {
        sql = NULL;
        result = cairn_complain(&error);
    } else if (query != NULL) {
        result = run_text(sql, &arguments->output, query);
    } else if (isatty(STDIN_FILENO)) {
        prompt(sql, &arguments->output);
    } else {
        result = run_script(sql, &arguments->output);
    }
    cairn_sql_close(sql);
    cairn_arena_release(&arena);
    return result;
}

static const struct cairn_option_group groups[] = {
    {.title = "Output", .options = cairn_output_options, .base = offsetof(struct sql_arguments, output)},
    {.title = NULL},
};

static const char *const examples[] = {
    "cairn sql app.cairn 'SELECT function, peak_bytes FROM top_at_peak'",
    "who held the memory at the peak",
    "cairn sql app.cairn 'SELECT sum(live_bytes) FROM heap_at(4000000)'",
    "how much was live after 4 ms, mappings included",
    "cairn sql",
    "a prompt, for the newest trace in this folder",
    NULL,
};

const struct cairn_command cairn_command_sql = {
    .name = "sql",
    .summary = "ask the trace in SQL",
    .positional = "[TRACE] [QUERY]",
    .positional_max = 2,
    .completion = CAIRN_COMPLETE_TRACE,
    .description =
        "Runs QUERY, or what stands on standard input; on a terminal there is a prompt with a history. "
        "Beside "
        "the trace's tables and views there are events, heap_at(t) and heap_diff(a, b): t, a and b are TIMEs "
        "or nanoseconds. Statements can only read.",
    .examples = examples,
    .groups = groups,
    .arguments_size = sizeof(struct sql_arguments),
    .run = run,
};
