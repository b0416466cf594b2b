#include "agent/maps.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "agent/machine.h"

/* A line has a path and less than a hundred bytes before it. */
#define LINE_BYTES_MAX 4352u

static uintptr_t read_hex(const char **text)
{
    uintptr_t value = 0;
    for (;; ++*text) {
        const char digit = **text;
        if (digit >= '0' && digit <= '9') {
            value = value << 4 | (uintptr_t)(digit - '0');
        } else if (digit >= 'a' && digit <= 'f') {
            value = value << 4 | (uintptr_t)(digit - 'a' + 10);
        } else {
            return value;
        }
    }
}

/* Whether the line's mapping holds `address`: "LOW-HIGH rights offset device inode   path". */
static bool is_of(const char *line, uintptr_t address)
{
    const uintptr_t low = read_hex(&line);
    line += *line == '-';
    return address >= low && address < read_hex(&line);
}

/* Copies the path of a line, which ends at `end`. */
static size_t take_path(const char *line, const char *end, char *path, size_t size)
{
    const char *from = strchr(line, '/');
    const size_t length = from && from < end ? (size_t)(end - from) : 0;
    if (length > size) {
        return 0;
    }
    memcpy(path, from ? from : line, length);
    return length;
}

size_t cairn_maps_file_at(uintptr_t address, char *path, size_t size)
{
    char text[LINE_BYTES_MAX + 1];
    size_t filled = 0, length = 0;
    const long fd = cairn_syscall4(SYS_openat, AT_FDCWD, (long)"/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    if (cairn_syscall_failed(fd)) {
        return 0;
    }
    for (bool found = false; !found;) {
        const long got = cairn_syscall3(SYS_read, fd, (long)(text + filled), (long)(LINE_BYTES_MAX - filled));
        if (got <= 0) {
            break;
        }
        filled += (size_t)got;
        text[filled] = '\0';
        const char *line = text;
        for (const char *end; !found && (end = strchr(line, '\n')) != NULL; line = end + 1) {
            found = is_of(line, address);
            length = found ? take_path(line, end, path, size) : 0;
        }
        filled -= (size_t)(line - text);
        memmove(text, line, filled);
    }
    cairn_syscall3(SYS_close, fd, 0, 0);
    return length;
}
