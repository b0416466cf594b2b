#include "import/import.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import/format.h"
#include "trace/part.h"

static const struct cairn_import_format *const formats[] = {&cairn_import_heaptrack, &cairn_import_massif};

enum cairn_status cairn_import_check(const struct cairn_lines *lines, struct cairn_intake *intake,
                                     size_t held, size_t accounts, const char *advice,
                                     struct cairn_error *error)
{
    if (held + cairn_intake_bytes(intake) + accounts * CAIRN_IMPORT_ACCOUNT_BYTES > CAIRN_IMPORT_MOST_BYTES) {
        return cairn_fail(error, CAIRN_E_LIMIT, "%s: would take more than 512 MiB of memory by line %llu: %s",
                          intake->from, (unsigned long long)cairn_lines_number(lines), advice);
    }
    return cairn_intake_check(intake, error);
}

static enum cairn_status find_format(const char *from, const struct cairn_import_format **format,
                                     struct cairn_error *error)
{
    struct cairn_lines *lines;
    char *line;
    size_t length;
    enum cairn_status status = cairn_lines_open(from, &lines, error);
    if (status != CAIRN_OK) {
        return status;
    }
    /* A first line that cannot be read is no line of theirs. Damage of the packing is told as such. */
    status = cairn_lines_next(lines, &line, &length, error);
    *format = NULL;
    for (size_t i = 0; status == CAIRN_OK && line != NULL && i < sizeof formats / sizeof formats[0]; i++) {
        if (formats[i]->knows(line, length)) {
            *format = formats[i];
        }
    }
    const bool none = *format == NULL && (status == CAIRN_OK || cairn_lines_number(lines) == 1);
    cairn_lines_close(lines);
    return none ? cairn_fail(
                      error, CAIRN_E_FORMAT,
                      "%s: is no recording of heaptrack or massif: name a heaptrack.*.zst, heaptrack.*.gz or "
                      "massif.out.* file",
                      from)
                : status;
}

static enum cairn_status read_into(const struct cairn_import_format *format, const char *from,
                                   const char *part, struct cairn_error *error)
{
    struct cairn_intake intake;
    struct cairn_lines *lines;
    enum cairn_status status = cairn_lines_open(from, &lines, error);
    if (status != CAIRN_OK) {
        return status;
    }
    status = cairn_intake_open(&intake, from, part, format->name, format->events, error);
    if (status == CAIRN_OK) {
        status = cairn_intake_close(&intake, format->read(lines, &intake, error), error);
    }
    cairn_lines_close(lines);
    return status;
}

enum cairn_status cairn_import(const char *from, const char *to, bool replace,
                               struct cairn_import_report *report, struct cairn_error *error)
{
    struct cairn_buffer part = CAIRN_BUFFER_INIT;
    const struct cairn_import_format *format = NULL;
    struct stat about = {.st_size = 0};
    enum cairn_status status = find_format(from, &format, error);
    if (status == CAIRN_OK) {
        status = cairn_part_begin(from, to, replace, &part, error);
    }
    if (status == CAIRN_OK) {
        status = read_into(format, from, part.data, error);
        if (status == CAIRN_OK) {
            status = cairn_part_finish(part.data, to, replace, error);
        }
        if (status != CAIRN_OK) {
            unlink(part.data);
        }
    }
    cairn_buffer_release(&part);
    if (status == CAIRN_OK && stat(to, &about) != 0) {
        status = cairn_fail_errno(error, "%s: cannot be read", to);
    }
    if (status == CAIRN_OK) {
        *report = (struct cairn_import_report){.format = format->name, .bytes = (int64_t)about.st_size};
    }
    return status;
}
