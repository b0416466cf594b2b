#include "trace/redact_rules.h"

const char *const cairn_redact_subjects[CAIRN_SUBJECT_COUNT] = {
    [CAIRN_SUBJECT_FOLDERS] = "folders",      [CAIRN_SUBJECT_FILES] = "file names",
    [CAIRN_SUBJECT_ARGUMENTS] = "arguments",  [CAIRN_SUBJECT_HOSTS] = "host names",
    [CAIRN_SUBJECT_SOURCE] = "source lines",  [CAIRN_SUBJECT_LABELS] = "labels of objects and edges",
    [CAIRN_SUBJECT_ROOTS] = "names of roots", [CAIRN_SUBJECT_THREADS] = "thread names",
    [CAIRN_SUBJECT_MARKS] = "marks",          [CAIRN_SUBJECT_FUNCTIONS] = "function names",
    [CAIRN_SUBJECT_TYPES] = "type names",     [CAIRN_SUBJECT_NOTES] = "notes",
};

#define KEPT(table_, column_)                                                                                \
    {                                                                                                        \
        .table = table_, .column = column_, .kind = CAIRN_REDACT_KEPT                                        \
    }
#define RULE(table_, column_, kind_, part_, subject_, stem_)                                                 \
    {                                                                                                        \
        .table = table_, .column = column_, .kind = CAIRN_REDACT_##kind_, .part = part_,                     \
        .subject = CAIRN_SUBJECT_##subject_, .stem = stem_                                                   \
    }
#define PATH(table_, column_)                                                                                \
    RULE(table_, column_, PATH, CAIRN_REDACT_FOLDERS | CAIRN_REDACT_FILES, FILES, "file")

const struct cairn_redact_rule cairn_redact_rules[] = {
    KEPT("recording", "trace_id"),
    KEPT("recording", "writer"),
    PATH("recording", "program"),
    RULE("recording", "args", DROPPED, CAIRN_REDACT_ARGUMENTS, ARGUMENTS, NULL),
    RULE("recording", "host", DROPPED, CAIRN_REDACT_HOSTS, HOSTS, NULL),
    KEPT("recording", "stopped_why"),
    PATH("process", "program"),
    RULE("process", "args", DROPPED, CAIRN_REDACT_ARGUMENTS, ARGUMENTS, NULL),
    KEPT("process", "python"),
    KEPT("process", "origin"),
    RULE("thread", "name", NAME, CAIRN_REDACT_OWN, THREADS, "thread"),
    RULE("note", "text", SENTENCE, CAIRN_REDACT_FOLDERS, NOTES, NULL),
    PATH("module", "path"),
    KEPT("module", "build_id"),
    RULE("module", "symbols", SENTENCE, CAIRN_REDACT_FOLDERS, NOTES, NULL),
    PATH("source_file", "path"),
    RULE("function", "name", NAME, 0, FUNCTIONS, "function"),
    RULE("function", "linkage_name", NAME, 0, FUNCTIONS, "function"),
    KEPT("account", "histogram"),
    KEPT("event_chunk", "data"),
    KEPT("chunk_delta", "data"),
    KEPT("keyframe", "data"),
    KEPT("snapshot", "kind"),
    RULE("snapshot", "name", NAME, CAIRN_REDACT_OWN, MARKS, "mark"),
    KEPT("residency", "category"),
    PATH("residency", "name"),
    RULE("source", "text", EMPTIED, CAIRN_REDACT_SOURCE, SOURCE, NULL),
    RULE("graph", "name", NAME, CAIRN_REDACT_OWN, MARKS, "mark"),
    RULE("graph_type", "name", NAME, 0, TYPES, "type"),
    KEPT("graph_root", "kind"),
    RULE("graph_root", "name", NAME, CAIRN_REDACT_LABELS, ROOTS, "root"),
    KEPT("graph_object", "data"),
    KEPT("graph_links", "data"),
    KEPT("graph_part", "data"),
    RULE("graph_string", "data", STRINGS, CAIRN_REDACT_LABELS, LABELS, NULL),
    KEPT("graph_identity", "data"),
    {.table = NULL},
};

_Static_assert(CAIRN_REDACT_LINES == CAIRN_SUBJECT_COUNT, "a line a subject");
