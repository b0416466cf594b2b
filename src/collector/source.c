#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/symbols.h"

#define SOURCE_FILE_MAX_BYTES (8 << 20)
#define SOURCE_LINE_MAX_BYTES 400

/* The whole of a regular file, on the heap; NULL when it cannot be read. */
static char *read_whole(const char *path, size_t *length)
{
    /* O_NONBLOCK: a FIFO with the name of a source file must not hold us up. */
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0) {
        return NULL;
    }
    struct stat info;
    char *text = NULL;
    *length = 0;
    if (fstat(file, &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= SOURCE_FILE_MAX_BYTES) {
        text = malloc((size_t)info.st_size + 1);
    }
    ssize_t got = 1;
    while (text && got > 0 && *length < (size_t)info.st_size) {
        got = read(file, text + *length, (size_t)info.st_size - *length);
        *length += got > 0 ? (size_t)got : 0;
    }
    close(file);
    return text;
}

bool cairn_source_lines(const char *path, const struct cairn_line_range *ranges, size_t range_count,
                        void (*visit)(void *state, int64_t line, const char *text, size_t length),
                        void *state)
{
    size_t left;
    char *whole = read_whole(path, &left);
    if (!whole) {
        return false;
    }
    const char *text = whole;
    for (int64_t line = 1; left > 0 && range_count > 0; line++) {
        const char *newline = memchr(text, '\n', left);
        const size_t taken = newline ? (size_t)(newline - text) + 1 : left;
        if (line >= ranges->first) {
            size_t length = taken - (newline != NULL);
            while (length > 0 && text[length - 1] == '\r') {
                length--;
            }
            visit(state, line, text, length < SOURCE_LINE_MAX_BYTES ? length : SOURCE_LINE_MAX_BYTES);
        }
        if (line >= ranges->last) {
            ranges++;
            range_count--;
        }
        text += taken;
        left -= taken;
    }
    free(whole);
    return true;
}
