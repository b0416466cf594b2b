/* Status codes and error details, used by every layer but the agent and wire.
 *
 * A function that can fail at run time returns `enum cairn_status` (0 is success) and, where it takes one,
 * writes a sentence for the user into a caller-owned `struct cairn_error`. Libraries never print or exit. */
#ifndef CAIRN_BASE_STATUS_H
#define CAIRN_BASE_STATUS_H

#include <stdarg.h>

enum cairn_status {
    CAIRN_OK = 0,
    CAIRN_E_NOMEM = -1,     /* memory ran out */
    CAIRN_E_IO = -2,        /* a system call on a file failed */
    CAIRN_E_FORMAT = -3,    /* not a trace, or a damaged one */
    CAIRN_E_VERSION = -4,   /* a trace of another schema version */
    CAIRN_E_USAGE = -5,     /* wrong words from the user: option, TIME, regex, name */
    CAIRN_E_NOT_FOUND = -6, /* no such row, mark, process, snapshot, graph */
    CAIRN_E_CANCELLED = -7, /* the caller asked to stop */
    CAIRN_E_LIMIT = -8,     /* a bound (size, depth, time) was hit */
    CAIRN_E_SYSTEM = -9,    /* the system forbids it: ptrace, descriptors, permissions */
    CAIRN_E_BUSY = -10,     /* locked by somebody else for longer than we wait */
};

#define CAIRN_MUST_CHECK __attribute__((warn_unused_result))

/* One sentence "what: why; what to do", without "cairn: " in front and without a newline. Owned by the caller. */
struct cairn_error {
    enum cairn_status status;
    char message[512];
};

/* Sets `error` (may be NULL) and returns `status`, so that a failure is one statement. */
enum cairn_status cairn_fail(struct cairn_error *error, enum cairn_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

enum cairn_status cairn_fail_va(struct cairn_error *error, enum cairn_status status, const char *format,
                                va_list args) __attribute__((format(printf, 3, 0)));

/* As cairn_fail with CAIRN_E_IO, and ": strerror(errno)" behind the sentence. Keeps errno. */
enum cairn_status cairn_fail_errno(struct cairn_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A fixed English word for a status, for tests and debugging. */
const char *cairn_status_name(enum cairn_status status);

#endif
