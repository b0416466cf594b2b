/* Standard output's stream, read back as one text. */
#ifndef CAIRN_TESTS_UNIT_CLI_CAPTURE_H
#define CAIRN_TESTS_UNIT_CLI_CAPTURE_H

#include "cli/stream.h"

/* A stream into an unnamed file. */
struct capture {
    struct cairn_stream stream;
    char text[65536];
};

void capture_open(struct capture *capture);
/* Ends the stream; what was written, NUL-terminated. Borrowed from `capture`. */
const char *capture_finish(struct capture *capture);

#endif
