/* Values as text, and the rows for the clipboard and for files. */
#include "view/outline.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "query/selection.h"

static char *signed_count(int64_t value, char out[CAIRN_VALUE_MAX])
{
    char text[CAIRN_HUMAN_MAX];
    snprintf(out, CAIRN_VALUE_MAX, "%s%s", value > 0 ? "+" : "", cairn_human_count(text, value));
    return out;
}

static char *signed_bytes(int64_t value, const char *unit, char out[CAIRN_VALUE_MAX])
{
    char text[CAIRN_HUMAN_MAX];
    snprintf(out, CAIRN_VALUE_MAX, "%s%s%s", value > 0 ? "+" : "", cairn_human_bytes_short(text, value),
             unit);
    return out;
}

char *cairn_value_text(enum cairn_column_kind kind, int64_t value, char out[CAIRN_VALUE_MAX])
{
    char text[CAIRN_HUMAN_MAX];
    out[0] = '\0';
    if (value == CAIRN_UNKNOWN && kind != CAIRN_COLUMN_NAME) {
        snprintf(out, CAIRN_VALUE_MAX, "–");
        return out;
    }
    if (value == CAIRN_BLANK)
        return out;
    switch (kind) {
    case CAIRN_COLUMN_BYTES:
    case CAIRN_COLUMN_ERROR:
        snprintf(out, CAIRN_VALUE_MAX, "%s", cairn_human_bytes_short(text, value));
        break;
    case CAIRN_COLUMN_BYTES_SIGNED:
        return signed_bytes(value, "", out);
    case CAIRN_COLUMN_COUNT:
        snprintf(out, CAIRN_VALUE_MAX, "%s", cairn_human_count(text, value));
        break;
    case CAIRN_COLUMN_COUNT_SIGNED:
        return signed_count(value, out);
    case CAIRN_COLUMN_PERCENT:
        snprintf(out, CAIRN_VALUE_MAX, "%.1f", (double)value / 100);
        break;
    case CAIRN_COLUMN_AGE:
        snprintf(out, CAIRN_VALUE_MAX, "%s", cairn_human_duration(text, value));
        break;
    case CAIRN_COLUMN_RATE:
        return signed_bytes(value, "/s", out);
    case CAIRN_COLUMN_NUMBER:
        snprintf(out, CAIRN_VALUE_MAX, "%" PRId64, value);
        break;
    case CAIRN_COLUMN_ARROW:
        snprintf(out, CAIRN_VALUE_MAX, "%s", value > 0 ? "▲" : value < 0 ? "▼" : "·");
        break;
    case CAIRN_COLUMN_BAR:
    case CAIRN_COLUMN_TREND:
    case CAIRN_COLUMN_NAME:
        break;
    }
    return out;
}

void cairn_spark(const int64_t *values, size_t count, struct cairn_buffer *text)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    int64_t largest = 1;
    for (size_t i = 0; i < count; i++)
        largest = values[i] > largest ? values[i] : largest;
    for (size_t i = 0; i < count; i++) {
        const double share = values[i] > 0 ? (double)values[i] / (double)largest : 0;
        cairn_buffer_text(text, values[i] <= 0 ? " " : blocks[(int)(share * 7 + 0.5)]);
    }
}

static bool is_written(const struct cairn_outline *outline, const struct cairn_column *column)
{
    return column->key != NULL && (column->kind != CAIRN_COLUMN_ERROR || outline->estimates);
}

void cairn_outline_row_text(const struct cairn_outline *outline, const struct cairn_row *row,
                            struct cairn_buffer *text)
{
    for (size_t i = 0; i < outline->column_count; i++) {
        const struct cairn_column *column = &outline->columns[i];
        char value[CAIRN_VALUE_MAX];
        if (column->kind == CAIRN_COLUMN_NAME)
            cairn_buffer_format(text, "%s%s%s", row->name, row->place[0] != '\0' ? "  " : "", row->place);
        else if (is_written(outline, column) && !row->heading)
            cairn_buffer_format(text, "%s  ",
                                cairn_value_text(column->kind, row->values[column->value], value));
    }
}

static void csv_field(struct cairn_buffer *text, const char *field)
{
    if (strpbrk(field, ",\"\n\r") == NULL) {
        cairn_buffer_text(text, field);
        return;
    }
    cairn_buffer_byte(text, '"');
    for (; *field != '\0'; field++)
        cairn_buffer_text(text, *field == '"' ? "\"\"" : (char[]){*field, '\0'});
    cairn_buffer_byte(text, '"');
}

static void exact_value(struct cairn_buffer *text, const struct cairn_column *column, int64_t value,
                        const char *unknown)
{
    if (value == CAIRN_UNKNOWN || value == CAIRN_BLANK)
        cairn_buffer_text(text, unknown);
    else if (column->kind == CAIRN_COLUMN_PERCENT)
        cairn_buffer_format(text, "%.2f", (double)value / 100);
    else
        cairn_buffer_format(text, "%" PRId64, value);
}

void cairn_outline_csv(const struct cairn_outline *outline, struct cairn_buffer *text)
{
    cairn_buffer_text(text, "depth");
    for (size_t i = 0; i < outline->column_count; i++)
        if (is_written(outline, &outline->columns[i]))
            cairn_buffer_format(text, ",%s", outline->columns[i].key);
    cairn_buffer_text(text, ",name,place,module\n");
    for (size_t v = 0; v < outline->visible_count; v++) {
        const struct cairn_row *row = &outline->rows.items[outline->visible[v]];
        cairn_buffer_format(text, "%u", (unsigned)row->depth);
        for (size_t i = 0; i < outline->column_count; i++) {
            const struct cairn_column *column = &outline->columns[i];
            if (!is_written(outline, column))
                continue;
            cairn_buffer_byte(text, ',');
            if (!row->heading)
                exact_value(text, column, row->values[column->value], "");
        }
        const char *const fields[] = {row->name, row->place, row->module};
        for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++) {
            cairn_buffer_byte(text, ',');
            csv_field(text, fields[f]);
        }
        cairn_buffer_byte(text, '\n');
    }
}

static void json_text(struct cairn_buffer *text, const char *string)
{
    /* Clean text holds no control characters: only the quote and the backslash need care. */
    cairn_buffer_byte(text, '"');
    for (; *string != '\0'; string++) {
        if (*string == '"' || *string == '\\')
            cairn_buffer_byte(text, '\\');
        cairn_buffer_byte(text, *string);
    }
    cairn_buffer_byte(text, '"');
}

void cairn_outline_json(const struct cairn_outline *outline, struct cairn_buffer *text)
{
    cairn_buffer_byte(text, '[');
    for (size_t v = 0; v < outline->visible_count; v++) {
        const struct cairn_row *row = &outline->rows.items[outline->visible[v]];
        cairn_buffer_format(text, "%s\n {\"depth\": %u", v == 0 ? "" : ",", (unsigned)row->depth);
        for (size_t i = 0; i < outline->column_count; i++) {
            const struct cairn_column *column = &outline->columns[i];
            if (!is_written(outline, column) || row->heading)
                continue;
            cairn_buffer_format(text, ", \"%s\": ", column->key);
            exact_value(text, column, row->values[column->value], "null");
        }
        cairn_buffer_text(text, ", \"name\": ");
        json_text(text, row->name);
        cairn_buffer_text(text, ", \"place\": ");
        json_text(text, row->place);
        cairn_buffer_text(text, ", \"module\": ");
        json_text(text, row->module);
        cairn_buffer_byte(text, '}');
    }
    cairn_buffer_text(text, "\n]\n");
}

void cairn_outline_sort_options(const struct cairn_outline *outline, struct cairn_buffer *text)
{
    const struct cairn_column *column = &outline->columns[outline->sort_column];
    const bool first = outline->sort_column == 0;
    /* A share is not ordered as the number it is a share of. */
    if (!first &&
        (column->kind == CAIRN_COLUMN_PERCENT || column->sort == NULL || cairn_sort_parse(column->sort) < 0))
        return;
    if (!first)
        cairn_buffer_format(text, " --sort %s", column->sort);
    if (outline->reverse)
        cairn_buffer_text(text, " --reverse");
}
