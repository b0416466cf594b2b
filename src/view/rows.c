#include "view/rows.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sanitise.h"
#include "query/site_label.h"

void cairn_rows_release(struct cairn_rows *rows)
{
    free(rows->items);
    cairn_arena_release(&rows->text);
    *rows = (struct cairn_rows){.items = NULL};
}

struct cairn_row *cairn_rows_add(struct cairn_rows *rows, uint32_t parent)
{
    if (rows->count == rows->capacity) {
        const size_t capacity = rows->capacity == 0 ? 256 : rows->capacity * 2;
        struct cairn_row *items = realloc(rows->items, capacity * sizeof(*items));
        if (items == NULL) {
            rows->failed = true;
            return NULL;
        }
        rows->items = items;
        rows->capacity = capacity;
    }
    struct cairn_row *row = &rows->items[rows->count++];
    *row = (struct cairn_row){.parent = parent,
                              .lang = -1,
                              .first_trace = true,
                              .name = "",
                              .label = "",
                              .place = "",
                              .module = "",
                              .line = CAIRN_UNKNOWN,
                              .depth =
                                  parent == CAIRN_NO_PARENT ? 0 : (uint16_t)(rows->items[parent].depth + 1)};
    return row;
}

const char *cairn_rows_clean(struct cairn_rows *rows, const char *text)
{
    if (text == NULL)
        return "";
    const size_t length = strlen(text);
    char *copy;
    if (cairn_is_clean(text, length)) {
        copy = cairn_arena_copy(&rows->text, text, length);
    } else {
        const size_t needed = cairn_sanitise(NULL, 0, text, length) + 1;
        copy = cairn_arena_alloc(&rows->text, needed);
        if (copy != NULL)
            cairn_sanitise(copy, needed, text, length);
    }
    rows->failed |= copy == NULL;
    return copy != NULL ? copy : "";
}

const char *cairn_rows_format(struct cairn_rows *rows, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return cairn_rows_clean(rows, text);
}

static const char *copy_raw(struct cairn_rows *rows, const char *text)
{
    if (text == NULL)
        return NULL;
    const char *copy = cairn_arena_copy(&rows->text, text, strlen(text));
    rows->failed |= copy == NULL;
    return copy;
}

void cairn_rows_site(struct cairn_rows *rows, struct cairn_row *row, const struct cairn_site *site,
                     enum cairn_by by)
{
    char label[1024];
    row->site_id = site->site_id;
    row->lang = (int8_t)site->lang;
    row->name = cairn_rows_clean(rows, cairn_site_label(site, by, label, sizeof(label)));
    row->label = row->name;
    row->module = site->module != NULL ? cairn_rows_clean(rows, cairn_base_name(site->module)) : "";
    row->function = copy_raw(rows, site->function);
    row->file = copy_raw(rows, site->file);
    row->line = site->line;
    row->source_file = site->source_file;
    row->path = (by == CAIRN_BY_FILE || by == CAIRN_BY_MODULE) && strchr(row->name, '/') != NULL;
    const bool place_is_name = by == CAIRN_BY_LINE || by == CAIRN_BY_FILE;
    if (place_is_name)
        row->place = by == CAIRN_BY_LINE ? cairn_rows_clean(rows, site->function) : "";
    else if (site->file != NULL && site->line > 0)
        row->place = cairn_rows_format(rows, "%s:%" PRId64, cairn_base_name(site->file), site->line);
    else if (site->file != NULL && by != CAIRN_BY_MODULE)
        row->place = cairn_rows_clean(rows, cairn_base_name(site->file));
    else if (by == CAIRN_BY_FUNCTION || by == CAIRN_BY_STACK)
        row->place = site->function != NULL ? row->module : "";
}
