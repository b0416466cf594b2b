#include "query/site_label.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *cairn_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static char *label_place(const struct cairn_site *site, char *out, size_t out_size)
{
    if (site->function) {
        snprintf(out, out_size, "%s", site->function);
    } else if (site->module && site->offset != CAIRN_UNKNOWN) {
        snprintf(out, out_size, "%s+0x%" PRIx64, cairn_base_name(site->module), site->offset);
    } else if (site->module) {
        snprintf(out, out_size, "%s", cairn_base_name(site->module));
    } else {
        snprintf(out, out_size, "%s", site->lang == CAIRN_LANG_PYTHON ? "python code" : "??");
    }
    return out;
}

static char *label_line(const struct cairn_site *site, char *out, size_t out_size)
{
    if (!site->file) {
        return label_place(site, out, out_size);
    }
    if (site->line == CAIRN_UNKNOWN) {
        snprintf(out, out_size, "%s", cairn_base_name(site->file));
    } else {
        snprintf(out, out_size, "%s:%" PRId64, cairn_base_name(site->file), site->line);
    }
    return out;
}

/* "pid 12 cc1", "pid 12 cc1 (process 3)", "pid 12", "cc1". */
static char *label_number(const char *kind, const struct cairn_site *site, const char *name, char *out,
                          size_t out_size)
{
    char apart[32] = "";
    if (site->process_apart != 0) {
        snprintf(apart, sizeof(apart), " (process %" PRIu32 ")", site->process_apart);
    }
    if (site->tid == CAIRN_UNKNOWN) {
        snprintf(out, out_size, "%s%s", name ? name : kind, apart);
    } else {
        snprintf(out, out_size, "%s %" PRId64 "%s%s%s", kind, site->tid, name ? " " : "", name ? name : "",
                 apart);
    }
    return out;
}

char *cairn_site_label(const struct cairn_site *site, enum cairn_by by, char *out, size_t out_size)
{
    switch (by) {
    case CAIRN_BY_LINE:
        return label_line(site, out, out_size);
    case CAIRN_BY_FILE:
        if (site->file) {
            snprintf(out, out_size, "%s", site->file);
            return out;
        }
        break;
    case CAIRN_BY_MODULE:
        if (site->module) {
            snprintf(out, out_size, "%s", site->module);
            return out;
        }
        break;
    case CAIRN_BY_THREAD:
        return label_number("thread", site, site->thread_name, out, out_size);
    case CAIRN_BY_PROCESS:
        return label_number("pid", site, site->process_name ? cairn_base_name(site->process_name) : NULL, out,
                            out_size);
    case CAIRN_BY_TYPE:
        snprintf(out, out_size, "%s", site->type ? site->type : "(in no object graph)");
        return out;
    case CAIRN_BY_FUNCTION:
    case CAIRN_BY_STACK:
    case CAIRN_BY_COUNT:
        break;
    }
    return label_place(site, out, out_size);
}

char *cairn_site_phrase(struct cairn_trace *trace, const struct cairn_site *site, enum cairn_by by,
                        uint32_t frame, char *out, size_t out_size)
{
    const bool code = by == CAIRN_BY_FUNCTION || by == CAIRN_BY_LINE || by == CAIRN_BY_STACK;
    if (!code || !site->function || site->function[0] == '[') {
        return cairn_site_label(site, by, out, out_size);
    }
    const struct cairn_frame *row = frame ? cairn_trace_frame(trace, frame) : NULL;
    const struct cairn_source_file *row_file = row ? cairn_trace_source_file(trace, row->file) : NULL;
    const char *file = site->file ? site->file : row_file ? row_file->path : NULL;
    const int64_t line = site->line != CAIRN_UNKNOWN || !row ? site->line : row->line;
    const char *parentheses = strchr(site->function, '(') ? "" : "()";
    if (!file) {
        snprintf(out, out_size, "%s%s", site->function, parentheses);
    } else if (line == CAIRN_UNKNOWN) {
        snprintf(out, out_size, "%s%s %s", site->function, parentheses, cairn_base_name(file));
    } else {
        snprintf(out, out_size, "%s%s %s:%" PRId64, site->function, parentheses, cairn_base_name(file), line);
    }
    return out;
}

char *cairn_share(double percent, char out[CAIRN_SHARE_SIZE])
{
    if (percent >= 100) {
        snprintf(out, CAIRN_SHARE_SIZE, "all");
    } else if (percent > 99) {
        snprintf(out, CAIRN_SHARE_SIZE, "over 99 %%");
    } else if (percent >= 1) {
        snprintf(out, CAIRN_SHARE_SIZE, "%.0f %%", percent);
    } else {
        snprintf(out, CAIRN_SHARE_SIZE, "%s", percent > 0 ? "under 1 %" : "nothing");
    }
    return out;
}

/* Texts in byte order; a missing one comes last. */
static int compare_texts(const char *a, const char *b)
{
    if (a == b) {
        return 0;
    }
    if (!a || !b) {
        return a ? -1 : 1;
    }
    return strcmp(a, b);
}

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int cairn_site_compare(const struct cairn_site *a, const struct cairn_site *b)
{
    const char *const texts[][2] = {
        {a->function, b->function},         {a->file, b->file}, {a->thread_name, b->thread_name},
        {a->process_name, b->process_name}, {a->type, b->type}, {a->module, b->module}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const int order = compare_texts(texts[i][0], texts[i][1]);
        if (order) {
            return order;
        }
    }
    const int64_t numbers[][2] = {
        {a->line, b->line}, {a->offset, b->offset}, {a->tid, b->tid}, {a->site_id, b->site_id}};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const int order = compare_numbers(numbers[i][0], numbers[i][1]);
        if (order) {
            return order;
        }
    }
    return 0;
}
