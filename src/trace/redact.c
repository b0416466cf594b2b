#include "trace/redact.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "trace/copy.h"
#include "trace/graph_blob.h"
#include "trace/redact_rules.h"
#include "trace/redact_words.h"

#define ERROR_MAX    128
#define ZSTD_LONGEST (CAIRN_GRAPH_CHUNK_STRINGS * (2u + CAIRN_GRAPH_STRING_MOST))

struct redact {
    const struct cairn_redaction *redaction;
    struct cairn_redact_report *report;
    struct cairn_redact_words words;
    struct cairn_buffer text; /* the value at hand */
    regex_t names;            /* when the redaction has some */
};

static struct redact *redact_of(const struct cairn_copy *copy)
{
    return copy->plan->state;
}

static bool is_named(const struct redact *redact, const char *text)
{
    return redact->redaction->names && regexec(&redact->names, text, 0, NULL, 0) == 0;
}

static void count(struct redact *redact, enum cairn_redact_subject subject, bool gone)
{
    struct cairn_redact_line *line = &redact->report->lines[subject];
    *(gone ? &line->gone : &line->left) += 1;
}

static void change_path(struct redact *redact, const char *path, size_t length, bool named)
{
    const char *slash = memrchr(path, '/', length);
    const bool folder = named || (redact->redaction->parts & CAIRN_REDACT_FOLDERS);
    const bool file = named || (redact->redaction->parts & CAIRN_REDACT_FILES);
    const char *base = slash ? slash + 1 : path;
    (void)cairn_redact_path(&redact->words, path, length, folder, file, &redact->text);
    if (slash) {
        count(redact, CAIRN_SUBJECT_FOLDERS, folder);
    }
    if (!cairn_redact_is_common(base, length - (size_t)(base - path))) {
        count(redact, CAIRN_SUBJECT_FILES, file);
    }
}

static void change_name(struct redact *redact, const struct cairn_redact_rule *rule, const char *text,
                        bool gone)
{
    const size_t length = strlen(text);
    if (!gone || cairn_redact_is_common(text, length)) {
        cairn_buffer_append(&redact->text, text, length);
        return;
    }
    const size_t number = cairn_redact_words_number(&redact->words, rule->stem, text, length);
    cairn_buffer_format(&redact->text, "%s%zu", rule->stem, number);
    redact->text.failed |= number == 0;
}

/* One word of a sentence, without the marks around it: a path, or the name of a program or thread that was replaced. */
static bool change_word(struct redact *redact, const char *word, size_t length)
{
    static const char *const stems[] = {"file", "thread", NULL};
    if (memchr(word, '/', length)) {
        const bool files = (redact->redaction->parts & CAIRN_REDACT_FILES) != 0;
        (void)cairn_redact_path(&redact->words, word, length, true, files, &redact->text);
        return true;
    }
    for (const char *const *stem = stems; *stem; stem++) {
        const size_t number = cairn_redact_words_find(&redact->words, *stem, word, length);
        if (number > 0) {
            cairn_buffer_format(&redact->text, "%s%zu", *stem, number);
            return true;
        }
    }
    cairn_buffer_append(&redact->text, word, length);
    return false;
}

static bool change_sentence(struct redact *redact, const char *text)
{
    static const char blanks[] = " ", marks[] = "\"'`(),:;";
    bool changed = false;
    while (*text) {
        const size_t before = strspn(text, " \"'`(),:;");
        cairn_buffer_append(&redact->text, text, before);
        text += before;
        size_t length = strcspn(text, blanks);
        while (length > 0 && strchr(marks, text[length - 1])) {
            length--;
        }
        changed |= length > 0 && change_word(redact, text, length);
        text += length;
    }
    return changed;
}

/* Puts what the copy has into redact->text; false: NULL. */
static bool change_text(struct redact *redact, const struct cairn_redact_rule *rule, const char *text)
{
    const bool named = is_named(redact, text);
    const bool gone = named || (rule->part & redact->redaction->parts);
    switch (rule->kind) {
    case CAIRN_REDACT_PATH:
        change_path(redact, text, strlen(text), named);
        return true;
    case CAIRN_REDACT_SENTENCE:
        if (named) {
            cairn_buffer_text(&redact->text, "left out: it told a name that does not travel");
        } else if (!gone) {
            cairn_buffer_text(&redact->text, text);
        }
        count(redact, rule->subject, named || (gone && change_sentence(redact, text)));
        return true;
    case CAIRN_REDACT_NAME:
        change_name(redact, rule, text, gone);
        break;
    default:
        cairn_buffer_text(&redact->text, gone ? "" : text);
        break;
    }
    count(redact, rule->subject, gone);
    return !gone || rule->kind != CAIRN_REDACT_DROPPED;
}

static enum cairn_status change_value(struct cairn_copy *copy, const void *how, sqlite3_value *value,
                                      sqlite3_stmt *write, int index)
{
    struct redact *redact = redact_of(copy);
    if (sqlite3_value_type(value) == SQLITE_NULL) {
        return sqlite3_bind_null(write, index) == SQLITE_OK ? CAIRN_OK : cairn_copy_failed(copy);
    }
    const char *text = (const char *)sqlite3_value_text(value);
    cairn_buffer_reset(&redact->text);
    const bool there = text && change_text(redact, how, text);
    if (!text || redact->text.failed) {
        return cairn_reader_no_memory(copy->from, copy->error);
    }
    const int result = there ? sqlite3_bind_text64(write, index, cairn_buffer_cstr(&redact->text),
                                                   redact->text.length, SQLITE_TRANSIENT, SQLITE_UTF8)
                             : sqlite3_bind_null(write, index);
    return result == SQLITE_OK ? CAIRN_OK : cairn_copy_failed(copy);
}

static bool find_column(const struct cairn_copy *copy, const char *table, const char *column,
                        cairn_copy_change **change, const void **how)
{
    (void)copy;
    for (const struct cairn_redact_rule *rule = cairn_redact_rules; rule->table; rule++) {
        if (strcmp(rule->table, table) == 0 && strcmp(rule->column, column) == 0) {
            *change = change_value;
            *how = rule;
            return rule->kind != CAIRN_REDACT_KEPT;
        }
    }
    return false;
}

/* The strings of one chunk, each with "…" in its place where it goes. They stay in the codec until its next use. */
static enum cairn_status change_strings(struct redact *redact, struct cairn_graph_codec *codec,
                                        const void *blob, size_t size, size_t strings,
                                        struct cairn_buffer *changed)
{
    static const char gone_text[] = "…";
    const char *texts[CAIRN_GRAPH_CHUNK_STRINGS];
    uint64_t lengths[CAIRN_GRAPH_CHUNK_STRINGS], all = 0;
    struct cairn_varint_reader reader;
    enum cairn_status status = cairn_graph_unpack(codec, blob, size, ZSTD_LONGEST, &reader);
    for (size_t i = 0; status == CAIRN_OK && i < strings; i++) {
        if (!cairn_varint_read(&reader, &lengths[i]) || lengths[i] > CAIRN_GRAPH_STRING_MOST) {
            return CAIRN_E_FORMAT;
        }
        all += lengths[i];
    }
    if (status != CAIRN_OK || all != (uint64_t)(reader.end - reader.at)) {
        return status != CAIRN_OK ? status : CAIRN_E_FORMAT;
    }
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    for (size_t i = 0; status == CAIRN_OK && i < strings; i++) {
        texts[i] = cairn_arena_copy(&arena, (const char *)reader.at, (size_t)lengths[i]);
        reader.at += lengths[i];
        status = texts[i] ? CAIRN_OK : CAIRN_E_NOMEM;
        if (texts[i] && lengths[i] > 0) {
            const bool gone = (redact->redaction->parts & CAIRN_REDACT_LABELS) || is_named(redact, texts[i]);
            texts[i] = gone ? gone_text : texts[i];
            count(redact, CAIRN_SUBJECT_LABELS, gone);
        }
    }
    if (status == CAIRN_OK && !cairn_graph_encode_strings(codec, texts, strings, changed)) {
        status = CAIRN_E_NOMEM;
    }
    cairn_arena_release(&arena);
    return status;
}

static enum cairn_status put_strings(struct cairn_copy *copy, struct cairn_cursor *cursor,
                                     struct cairn_graph_codec *codec, struct cairn_buffer *changed,
                                     sqlite3_stmt *put)
{
    size_t size;
    const int64_t graph = cairn_cursor_int(cursor, 0), chunk = cairn_cursor_int(cursor, 1);
    const int64_t left = cairn_cursor_int(cursor, 3) - chunk * CAIRN_GRAPH_CHUNK_STRINGS;
    const void *blob = cairn_cursor_blob(cursor, 2, &size);
    if (!blob || chunk < 0 || chunk > UINT32_MAX || left <= 0) {
        return cairn_reader_damaged(copy->from, "strings of a graph", copy->error);
    }
    const enum cairn_status status =
        change_strings(redact_of(copy), codec, blob, size,
                       left < CAIRN_GRAPH_CHUNK_STRINGS ? (size_t)left : CAIRN_GRAPH_CHUNK_STRINGS, changed);
    if (status == CAIRN_E_NOMEM) {
        return cairn_reader_no_memory(copy->from, copy->error);
    }
    if (status != CAIRN_OK) {
        return cairn_reader_damaged(copy->from, "strings of a graph", copy->error);
    }
    if (sqlite3_bind_int64(put, 1, graph) != SQLITE_OK || sqlite3_bind_int64(put, 2, chunk) != SQLITE_OK ||
        sqlite3_bind_blob64(put, 3, changed->data, changed->length, SQLITE_TRANSIENT) != SQLITE_OK) {
        return cairn_copy_failed(copy);
    }
    return cairn_copy_put(copy, put);
}

/* Strings of a graph whose row is missing are in no answer, so they stay behind. */
static enum cairn_status copy_strings(struct cairn_copy *copy)
{
    struct cairn_graph_codec codec = {.compressor = NULL};
    struct cairn_buffer changed = CAIRN_BUFFER_INIT;
    struct cairn_cursor cursor;
    sqlite3_stmt *put = NULL;
    enum cairn_status status = cairn_copy_prepare(copy, "INSERT INTO graph_string VALUES (?, ?, ?)", &put);
    cairn_cursor_open(&cursor, copy->from, NULL, "strings of a graph",
                      "SELECT s.graph, s.chunk, s.data, g.strings FROM graph_string s JOIN graph g "
                      "ON g.graph = s.graph",
                      copy->error);
    while (status == CAIRN_OK && cairn_cursor_next(&cursor)) {
        status = put_strings(copy, &cursor, &codec, &changed, put);
    }
    const enum cairn_status closed = cairn_cursor_close(&cursor);
    sqlite3_finalize(put);
    cairn_buffer_release(&changed);
    cairn_graph_codec_release(&codec);
    return status != CAIRN_OK ? status : closed;
}

static bool write_table(struct cairn_copy *copy, const char *table, enum cairn_status *status)
{
    if (strcmp(table, "graph_string") != 0) {
        return false;
    }
    *status = copy_strings(copy);
    return true;
}

static enum cairn_status compile(struct redact *redact, const char *names, struct cairn_error *error)
{
    const int result = names ? regcomp(&redact->names, names, REG_EXTENDED | REG_NOSUB) : 0;
    if (result != 0) {
        char why[ERROR_MAX];
        regerror(result, &redact->names, why, sizeof(why));
        return cairn_fail(error, CAIRN_E_USAGE, "'%s' is not a regular expression: %s", names, why);
    }
    return CAIRN_OK;
}

enum cairn_status cairn_trace_redact(const char *from, const char *to, bool replace,
                                     const struct cairn_redaction *redaction,
                                     struct cairn_redact_report *report, struct cairn_error *error)
{
    struct cairn_redact_report made = {.bytes_before = 0};
    struct redact redact = {.redaction = redaction, .report = &made};
    const struct cairn_copy_plan plan = {
        .write_table = write_table, .find_column = find_column, .state = &redact};
    for (size_t i = 0; i < CAIRN_SUBJECT_COUNT; i++) {
        made.lines[i].what = cairn_redact_subjects[i];
    }
    enum cairn_status status = compile(&redact, redaction->names, error);
    if (status != CAIRN_OK) {
        return status;
    }
    status = cairn_trace_copy(from, to, replace, &plan, &made.bytes_before, &made.bytes_after, error);
    if (redaction->names) {
        regfree(&redact.names);
    }
    cairn_redact_words_release(&redact.words);
    cairn_buffer_release(&redact.text);
    if (status == CAIRN_OK) {
        *report = made;
    }
    return status;
}
