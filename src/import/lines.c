#include "import/lines.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/unpack.h"

#define ROOM_BYTES (2u * CAIRN_LINE_MOST_BYTES) /* a line, and what was read behind it */
#define READ_BYTES (256u << 10)

struct cairn_lines {
    const char *path; /* borrowed */
    struct cairn_unpack *unpack;
    size_t begin, end, next, until; /* in `room`: the line, its newline, the line behind it, what was read */
    uint64_t number;
    bool ended; /* nothing more comes */
    char room[ROOM_BYTES + 1];
};

enum cairn_status cairn_lines_open(const char *path, struct cairn_lines **lines, struct cairn_error *error)
{
    struct cairn_lines *made = malloc(sizeof *made);
    if (made == NULL) {
        return cairn_fail(error, CAIRN_E_NOMEM, "%s: out of memory", path);
    }
    made->path = path;
    made->begin = made->end = made->next = made->until = 0;
    made->number = 0;
    made->ended = false;
    const enum cairn_status status = cairn_unpack_open(path, &made->unpack, error);
    if (status != CAIRN_OK) {
        free(made);
        return status;
    }
    *lines = made;
    return CAIRN_OK;
}

void cairn_lines_close(struct cairn_lines *lines)
{
    if (lines != NULL) {
        cairn_unpack_close(lines->unpack);
        free(lines);
    }
}

uint64_t cairn_lines_number(const struct cairn_lines *lines)
{
    return lines->number;
}

enum cairn_status cairn_lines_damaged(const struct cairn_lines *lines, struct cairn_error *error,
                                      const char *why, ...)
{
    char text[256];
    va_list args;
    va_start(args, why);
    vsnprintf(text, sizeof text, why, args);
    va_end(args);
    return cairn_fail(error, CAIRN_E_FORMAT, "%s: damaged in line %llu: %s: make the recording again",
                      lines->path, (unsigned long long)lines->number, text);
}

/* Reads on behind what is there; moves the line to the front first where there is no room. */
static enum cairn_status read_on(struct cairn_lines *lines, struct cairn_error *error)
{
    if (lines->until + READ_BYTES > ROOM_BYTES) {
        memmove(lines->room, lines->room + lines->begin, lines->until - lines->begin);
        lines->until -= lines->begin;
        lines->end -= lines->begin;
        lines->begin = 0;
    }
    size_t count;
    const enum cairn_status status =
        cairn_unpack_read(lines->unpack, lines->room + lines->until, READ_BYTES, &count, error);
    if (status == CAIRN_OK) {
        lines->until += count;
        lines->ended = count == 0;
    }
    return status;
}

/* Sets `end` to the first newline at or behind it; `ended` tells that there is none. */
static enum cairn_status find_end(struct cairn_lines *lines, struct cairn_error *error)
{
    for (;;) {
        const char *newline = memchr(lines->room + lines->end, '\n', lines->until - lines->end);
        if (newline != NULL) {
            lines->end = (size_t)(newline - lines->room);
            break;
        }
        lines->end = lines->until;
        if (lines->ended || lines->end - lines->begin > CAIRN_LINE_MOST_BYTES) {
            break;
        }
        const enum cairn_status status = read_on(lines, error);
        if (status != CAIRN_OK) {
            return status;
        }
    }
    if (lines->end - lines->begin > CAIRN_LINE_MOST_BYTES) {
        return cairn_lines_damaged(lines, error, "it is longer than %u bytes", CAIRN_LINE_MOST_BYTES);
    }
    return CAIRN_OK;
}

enum cairn_status cairn_lines_next(struct cairn_lines *lines, char **text, size_t *length,
                                   struct cairn_error *error)
{
    if (lines->next == lines->until && !lines->ended) {
        lines->begin = lines->next = lines->until = 0;
        const enum cairn_status status = read_on(lines, error);
        if (status != CAIRN_OK) {
            return status;
        }
    }
    lines->begin = lines->end = lines->next;
    if (lines->next == lines->until) {
        *text = NULL;
        *length = 0;
        return CAIRN_OK;
    }
    lines->number++;
    const enum cairn_status status = find_end(lines, error);
    if (status != CAIRN_OK) {
        return status;
    }
    if (lines->end == lines->until) {
        return cairn_lines_damaged(lines, error, "the file ends within it");
    }
    lines->room[lines->end] = '\0';
    *text = lines->room + lines->begin;
    *length = lines->end - lines->begin;
    lines->next = lines->end + 1;
    return CAIRN_OK;
}
