/* A copy without what should not travel: paths, arguments, source, labels, host names, names that match an expression.
 *
 * Every text of the schema stands in the table of redact_rules.c, which says what becomes of it; a test holds the table
 * against the schema. Replaced names stay apart from each other: one folder becomes folder1 wherever it is named, another
 * one folder2. */
#ifndef CAIRN_TRACE_REDACT_H
#define CAIRN_TRACE_REDACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum cairn_redact_part {
    CAIRN_REDACT_FOLDERS = 1u << 0, /* of programs, libraries and source files; file names stay */
    CAIRN_REDACT_ARGUMENTS = 1u << 1,
    CAIRN_REDACT_SOURCE = 1u << 2,
    CAIRN_REDACT_LABELS = 1u << 3, /* of objects, edges and roots of object graphs */
    CAIRN_REDACT_HOSTS = 1u << 4,
    CAIRN_REDACT_FILES = 1u << 5, /* names of files, but of the system's own libraries and interpreters */
    CAIRN_REDACT_OWN = 1u << 6,   /* what the program named: threads, marks, graphs */
};
#define CAIRN_REDACT_USUAL                                                                                   \
    (CAIRN_REDACT_FOLDERS | CAIRN_REDACT_ARGUMENTS | CAIRN_REDACT_SOURCE | CAIRN_REDACT_LABELS |             \
     CAIRN_REDACT_HOSTS)
#define CAIRN_REDACT_ALL (CAIRN_REDACT_USUAL | CAIRN_REDACT_FILES | CAIRN_REDACT_OWN)

struct cairn_redaction {
    unsigned parts;    /* enum cairn_redact_part */
    const char *names; /* POSIX extended: every text with a match goes, whatever it names. NULL: none */
};

/* How many values of the trace name a thing, and how many of them did before and do not any more. */
struct cairn_redact_line {
    const char *what; /* "folders" */
    int64_t gone, left;
};

#define CAIRN_REDACT_LINES 12u
struct cairn_redact_report {
    int64_t bytes_before, bytes_after;
    struct cairn_redact_line lines[CAIRN_REDACT_LINES];
};

/* The rest as in any copy: `from` must not be recorded any more, `to` is made with mode 0600 and refused when it is there. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_redact(const char *from, const char *to, bool replace,
                                                      const struct cairn_redaction *redaction,
                                                      struct cairn_redact_report *report,
                                                      struct cairn_error *error);

#endif
