#include "query/baseline.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json_value.h"
#include "base/sanitise.h"
#include "query/grow.h"
#include "query/measure.h"
#include "query/no_memory.h"
#include "query/site_label.h"
#include "query/sum.h"

#define FILE_LIMIT_BYTES ((off_t)256 << 20)

static const char *base_or_null(const char *path)
{
    return path ? cairn_base_name(path) : NULL;
}

uint64_t cairn_baseline_key(const char *function, const char *file, const char *module, const char *name)
{
    uint64_t key = cairn_key_text(0, function);
    key = cairn_key_text(key, base_or_null(file));
    key = cairn_key_text(key, base_or_null(module));
    return cairn_key_text(key, name);
}

uint64_t cairn_baseline_site_key(const struct cairn_site *site)
{
    return cairn_baseline_key(site->function, site->file, site->module,
                              site->thread_name ? site->thread_name : site->type);
}

static struct cairn_baseline *baseline_new(void)
{
    struct cairn_baseline *made = calloc(1, sizeof(*made));
    for (size_t i = 0; made && i < CAIRN_MEASURE_COUNT; i++) {
        made->of[i].found = CAIRN_UNKNOWN;
    }
    return made;
}

void cairn_baseline_free(struct cairn_baseline *baseline)
{
    if (!baseline) {
        return;
    }
    for (size_t i = 0; i < CAIRN_MEASURE_COUNT; i++) {
        cairn_key_map_release(&baseline->of[i].by_name);
        free(baseline->of[i].values);
    }
    free(baseline);
}

static bool add_value(struct cairn_baseline_measure *measure, uint64_t key, int64_t value)
{
    const size_t count = measure->by_name.count;
    int64_t *values = cairn_grow(measure->values, sizeof(*values), count + 1, &measure->capacity);
    if (!values) {
        return false;
    }
    measure->values = values;
    values[count] = 0;
    const uint32_t index = cairn_key_map_add(&measure->by_name, key, (uint32_t)count);
    if (index == CAIRN_KEY_MAP_NONE) {
        return false;
    }
    cairn_add(&values[index], value);
    return true;
}

enum cairn_status cairn_baseline_of_trace(struct cairn_trace *trace, const struct cairn_selection *selection,
                                          const struct cairn_span *span, bool whole,
                                          const struct cairn_suppressions *suppressions,
                                          struct cairn_baseline **baseline, struct cairn_error *error)
{
    struct cairn_measured all[CAIRN_MEASURE_COUNT] = {{.found = 0}};
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    struct cairn_baseline *made = baseline_new();
    enum cairn_status status =
        made ? cairn_measure_all(trace, selection, span, whole, suppressions, false, &arena, all, error)
             : cairn_no_memory(error, "the baseline");
    for (size_t i = 0; status == CAIRN_OK && i < CAIRN_MEASURE_COUNT; i++) {
        made->of[i].found = all[i].found;
        for (size_t k = 0; status == CAIRN_OK && k < all[i].site_count; k++) {
            const struct cairn_measured_site *site = &all[i].sites[k];
            if (!add_value(&made->of[i], cairn_baseline_site_key(&site->site), site->value)) {
                status = cairn_no_memory(error, "the baseline");
            }
        }
    }
    cairn_arena_release(&arena);
    if (status != CAIRN_OK) {
        cairn_baseline_free(made);
        return status;
    }
    *baseline = made;
    return CAIRN_OK;
}

static enum cairn_status read_file(const char *path, const char *clean, struct cairn_buffer *text,
                                   struct cairn_error *error)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat about;
    if (fd < 0) {
        return cairn_fail_errno(error, "cannot read the baseline %s", clean);
    }
    enum cairn_status status = CAIRN_OK;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size > FILE_LIMIT_BYTES) {
        status =
            cairn_fail(error, CAIRN_E_USAGE,
                       "cannot read the baseline %s: it must be a regular file of at most 256 MiB", clean);
    } else if (!cairn_buffer_reserve(text, (size_t)about.st_size)) {
        status = cairn_no_memory(error, "the baseline");
    }
    char piece[65536];
    ssize_t got = 1;
    while (status == CAIRN_OK && got > 0 && text->length <= (size_t)FILE_LIMIT_BYTES) {
        got = read(fd, piece, sizeof(piece));
        cairn_buffer_append(text, piece, got > 0 ? (size_t)got : 0);
    }
    if (status == CAIRN_OK && got < 0) {
        status = cairn_fail_errno(error, "cannot read the baseline %s", clean);
    } else if (status == CAIRN_OK && text->failed) {
        status = cairn_no_memory(error, "the baseline");
    }
    close(fd);
    return status;
}

/* One element of `measures`. */
static enum cairn_status take_measure(struct cairn_baseline *baseline, const struct cairn_json_value *value,
                                      struct cairn_error *error)
{
    const char *name = cairn_json_member_text(value, "measure");
    const struct cairn_json_value *found = cairn_json_member(value, "found");
    const struct cairn_json_value *sites = cairn_json_member(value, "sites");
    for (int i = 0; name && i < CAIRN_MEASURE_COUNT; i++) {
        if (strcmp(name, cairn_measure_name((enum cairn_measure)i)) != 0) {
            continue;
        }
        struct cairn_baseline_measure *measure = &baseline->of[i];
        measure->found = found && found->whole ? found->integer : CAIRN_UNKNOWN;
        for (const struct cairn_json_value *site = sites ? sites->first : NULL; site; site = site->next) {
            const struct cairn_json_value *number = cairn_json_member(site, "value");
            const char *thread = cairn_json_member_text(site, "thread_name");
            const uint64_t key = cairn_baseline_key(cairn_json_member_text(site, "function"),
                                                    cairn_json_member_text(site, "file"),
                                                    cairn_json_member_text(site, "module"),
                                                    thread ? thread : cairn_json_member_text(site, "type"));
            if (number && number->whole && !add_value(measure, key, number->integer)) {
                return cairn_no_memory(error, "the baseline");
            }
        }
    }
    return CAIRN_OK;
}

static enum cairn_status take_json(struct cairn_baseline *baseline, const struct cairn_buffer *text,
                                   const char *clean, struct cairn_error *error)
{
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    const struct cairn_json_value *value = NULL;
    enum cairn_status status = cairn_json_parse(&arena, cairn_buffer_cstr(text), text->length, &value, error);
    const char *schema = cairn_json_member_text(value, "schema");
    const struct cairn_json_value *measures = cairn_json_member(value, "measures");
    if (status == CAIRN_E_FORMAT ||
        (status == CAIRN_OK && (!schema || strcmp(schema, "cairn.check/1") != 0))) {
        status =
            cairn_fail(error, CAIRN_E_FORMAT,
                       "%s is no baseline: give a trace or what cairn check --format json printed", clean);
    }
    for (const struct cairn_json_value *measure = measures ? measures->first : NULL;
         status == CAIRN_OK && measure; measure = measure->next) {
        status = take_measure(baseline, measure, error);
    }
    cairn_arena_release(&arena);
    return status;
}

enum cairn_status cairn_baseline_of_json(const char *path, struct cairn_baseline **baseline,
                                         struct cairn_error *error)
{
    char clean[256];
    cairn_sanitise(clean, sizeof(clean), path, strlen(path));
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    struct cairn_baseline *made = baseline_new();
    enum cairn_status status =
        made ? read_file(path, clean, &text, error) : cairn_no_memory(error, "the baseline");
    if (status == CAIRN_OK) {
        status = take_json(made, &text, clean, error);
    }
    cairn_buffer_release(&text);
    if (status != CAIRN_OK) {
        cairn_baseline_free(made);
        return status;
    }
    *baseline = made;
    return CAIRN_OK;
}

bool cairn_baseline_is_json(const char *path)
{
    char begin[64];
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const ssize_t got = fd < 0 ? -1 : read(fd, begin, sizeof(begin));
    if (fd >= 0) {
        close(fd);
    }
    for (ssize_t i = 0; i < got; i++) {
        if (!memchr(" \t\r\n", begin[i], 4)) {
            return begin[i] == '{';
        }
    }
    return false;
}
