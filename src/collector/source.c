#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/symbols.h"

#define SOURCE_FILE_MAX_BYTES (8 << 20)
#define SOURCE_LINE_MAX_BYTES 400

bool cairn_source_lines(const char *path, int64_t first, int64_t last,
                        void (*visit)(void *state, int64_t line, const char *text, size_t length),
                        void *state)
{
    /* O_NONBLOCK: a FIFO with the name of a source file must not hold us up. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return false;
    }
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size > SOURCE_FILE_MAX_BYTES) {
        close(fd);
        return false;
    }
    FILE *file = fdopen(fd, "r");
    if (!file) {
        close(fd);
        return false;
    }
    char *text = NULL;
    size_t capacity = 0;
    ssize_t length;
    for (int64_t line = 1; line <= last && (length = getline(&text, &capacity, file)) >= 0; line++) {
        while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r')) {
            length--;
        }
        if (line >= first) {
            visit(state, line, text,
                  (size_t)length < SOURCE_LINE_MAX_BYTES ? (size_t)length : SOURCE_LINE_MAX_BYTES);
        }
    }
    free(text);
    fclose(file);
    return true;
}
