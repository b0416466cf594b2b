/* What redaction does to each text and BLOB of the schema. Internal to trace. */
#ifndef CAIRN_TRACE_REDACT_RULES_H
#define CAIRN_TRACE_REDACT_RULES_H

#include "trace/redact.h"

/* The lines of a report, in its order. */
enum cairn_redact_subject {
    CAIRN_SUBJECT_FOLDERS = 0,
    CAIRN_SUBJECT_FILES,
    CAIRN_SUBJECT_ARGUMENTS,
    CAIRN_SUBJECT_HOSTS,
    CAIRN_SUBJECT_SOURCE,
    CAIRN_SUBJECT_LABELS,
    CAIRN_SUBJECT_ROOTS,
    CAIRN_SUBJECT_THREADS,
    CAIRN_SUBJECT_MARKS,
    CAIRN_SUBJECT_FUNCTIONS,
    CAIRN_SUBJECT_TYPES,
    CAIRN_SUBJECT_NOTES,
    CAIRN_SUBJECT_COUNT
};
extern const char *const cairn_redact_subjects[CAIRN_SUBJECT_COUNT];

enum cairn_redact_kind {
    CAIRN_REDACT_KEPT, /* one of a few words of ours, an identifier, or numbers: nothing of the program's */
    CAIRN_REDACT_DROPPED,  /* becomes NULL */
    CAIRN_REDACT_EMPTIED,  /* becomes an empty text */
    CAIRN_REDACT_PATH,     /* its folder and its file name become numbered ones */
    CAIRN_REDACT_NAME,     /* becomes a numbered one */
    CAIRN_REDACT_SENTENCE, /* the paths in it become numbered ones */
    CAIRN_REDACT_STRINGS,  /* a BLOB of texts: each becomes "…" */
};

struct cairn_redact_rule {
    const char *table, *column;
    enum cairn_redact_kind kind;
    unsigned part; /* that takes it away; 0: only --names does. Of a PATH: both of its parts */
    enum cairn_redact_subject subject;
    const char *stem; /* of numbered names */
};

/* Ends with a rule without a table. */
extern const struct cairn_redact_rule cairn_redact_rules[];

#endif
